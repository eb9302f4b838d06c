//! Coming by way of a proxy that signs an assertion: who it names is let in, and nothing else that is said counts.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode, header};
use engine::clock::{Clock, WallClock};
use quartermaster::server::config;
use serde_json::{Value, json};

use crate::support::provider::Provider;
use crate::support::{HOST, Portal, portal_at};

async fn portal(provider: &Provider) -> Portal {
    let text = format!(
        "[auth]\nmode = \"proxy\"\n[auth.proxy]\ntrusted = [\"10.0.0.5\"]\n[auth.proxy.jwt]\nheader = \"Cf-Access-Jwt-Assertion\"\n\
         issuer = \"{0}\"\naudience = \"our-application\"\njwks_url = \"{0}/jwks\"\nalgorithms = [\"ES256\"]\n\
         [auth.roles]\nadmin = [\"group:qm-admins\"]\nviewer = [\"claim:/department=audit\"]\n",
        provider.issuer
    );
    let auth = config::read("test", &text, []).unwrap_or_else(|faults| panic!("{faults:?}")).auth;
    let options = qlik_sim::Options { users: 20, assignments: 10, groups: 3, ..qlik_sim::Options::default() };
    portal_at(options, Arc::new(WallClock), |config, _| config.auth = auth).await
}

fn ask(peer: &str, headers: &[(&'static str, String)]) -> Request<Body> {
    let mut request = Request::get("/auth/me").header(header::HOST, HOST).body(Body::empty()).unwrap();
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    request.extensions_mut().insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 4_711)));
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_assertion_says_who_it_is() {
    const NAME: &str = "cf-access-jwt-assertion";
    let provider = Provider::start().await;
    let portal = portal(&provider).await;
    let now = WallClock.now_ms() / 1_000;
    let signed = |more: Value| {
        let mut claims = json!({"iss": provider.issuer, "aud": ["our-application"], "sub": "ada", "iat": now, "exp": now + 600, "groups": ["qm-admins"]});
        for (key, value) in more.as_object().unwrap() {
            claims[key] = value.clone();
        }
        provider.sign(&claims)
    };
    let me = async |peer: &str, headers: &[(&'static str, String)]| -> (StatusCode, Value) {
        let answer = portal.send(ask(peer, headers)).await;
        let status = answer.status();
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    };
    let good = signed(json!({}));
    let (status, who) = me("10.0.0.5", &[(NAME, good.clone())]).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&who["mode"], &who["subject"], &who["issuer"], &who["role"]),
        (&json!("proxy"), &json!("ada"), &json!(provider.issuer), &json!("admin"))
    );
    assert_eq!(me("::ffff:10.0.0.5", &[(NAME, good.clone())]).await.0, StatusCode::OK, "IPv4 in IPv6 is IPv4");
    let department = signed(json!({"groups": [], "department": "audit"}));
    assert_eq!(me("10.0.0.5", &[(NAME, department)]).await.1["role"], "viewer");
    for (peer, headers) in [
        ("10.0.0.6", vec![(NAME, good.clone())]),
        ("10.0.0.5", vec![]),
        ("10.0.0.5", vec![(NAME, good.clone()), (NAME, good.clone())]),
        // Never by a cookie, and never by what only looks like the header.
        ("10.0.0.5", vec![("cookie", format!("CF_Authorization={good}"))]),
        ("10.0.0.5", vec![("cf_access_jwt_assertion", good.clone())]),
        ("10.0.0.5", vec![("x-auth-user", "ada".to_owned())]),
        ("10.0.0.5", vec![(NAME, signed(json!({"aud": "another"})))]),
        ("10.0.0.5", vec![(NAME, signed(json!({"iss": "https://evil.example"})))]),
        ("10.0.0.5", vec![(NAME, signed(json!({"exp": now - 61})))]),
        ("10.0.0.5", vec![(NAME, signed(json!({"exp": now + 90_000})))]),
        ("10.0.0.5", vec![(NAME, signed(json!({"sub": ""})))]),
        ("10.0.0.5", vec![(NAME, format!("{good}x"))]),
    ] {
        let (status, told) = me(peer, &headers).await;
        assert_eq!((status, told["error"].as_str()), (StatusCode::UNAUTHORIZED, Some("no_session")), "{peer} {headers:?}");
    }
    let trail = portal.state.engine.store.audit_trail("", 0, 100).await.unwrap();
    for reason in ["peer", "assertion", "duplicate_header", "audience", "issuer", "expired", "subject"] {
        let told =
            |entry: &storage::AuditEntry| entry.record.action == "auth.proxy.refused" && entry.record.reason.starts_with(reason);
        assert!(trail.iter().any(told), "{reason}");
    }
    assert!(trail.iter().any(|entry| entry.record.action == "auth.proxy.alias_dropped"));
    // Its keys change like a provider's.
    provider.rotate("k2");
    let (status, _) = me("10.0.0.5", &[(NAME, signed(json!({})))]).await;
    assert_eq!(status, StatusCode::OK);
}
