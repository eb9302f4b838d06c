//! Connecting by signing in at the tenant, where people sign in at the portal first: at a provider, or by way of a proxy.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response, StatusCode};
use engine::clock::{Clock, WallClock};
use quartermaster::server::config;
use serde_json::{Value, json};
use storage::{AuditFilter, GrantKind};

use crate::sign_in::{Browser, ROLES, body};
use crate::support::provider::Provider;
use crate::support::{Portal, get, give_analyzer, location, people_client, portal_at, post, signed_in_at_qlik};

const ASSERTION: &str = "cf-access-jwt-assertion";

async fn portal(auth: &str) -> Portal {
    let auth = config::read("test", &format!("{auth}{ROLES}"), []).unwrap_or_else(|faults| panic!("{faults:?}")).auth;
    let (theirs, ours) = people_client();
    let options =
        qlik_sim::Options { users: 50, assignments: 200, groups: 3, oauth_clients: vec![theirs], ..qlik_sim::Options::default() };
    portal_at(options, Arc::new(WallClock), |config, tenant| {
        config.auth = auth;
        tenant.oauth = Some(ours);
    })
    .await
}

async fn portal_with_oidc(provider: &Provider) -> Portal {
    portal(&format!("[auth]\nmode = \"oidc\"\n[auth.oidc]\nissuer = \"{}\"\nclient_id = \"quartermaster\"\n", provider.issuer))
        .await
}

async fn portal_behind_a_proxy(provider: &Provider) -> Portal {
    portal(&format!(
        "[auth]\nmode = \"proxy\"\n[auth.proxy]\ntrusted = [\"10.0.0.5\"]\n[auth.proxy.jwt]\nheader = \"{ASSERTION}\"\n\
         issuer = \"{0}\"\naudience = \"our-application\"\njwks_url = \"{0}/jwks\"\nalgorithms = [\"ES256\"]\n",
        provider.issuer
    ))
    .await
}

/// A browser with what the proxy says of whoever sits there; nothing where there is no proxy.
#[derive(Default)]
struct Person {
    browser: Browser,
    said: Option<String>,
}

impl Person {
    fn by_proxy(provider: &Provider, subject: &str) -> Self {
        Self { browser: Browser::default(), said: Some(Self::signed(provider, subject, subject)) }
    }

    /// What the proxy says of somebody who is in somebody's groups.
    fn signed(provider: &Provider, subject: &str, groups_of: &str) -> String {
        let now = WallClock.now_ms() / 1_000;
        let claims = json!({
            "iss": provider.issuer, "aud": ["our-application"], "sub": subject, "iat": now, "exp": now + 600,
            "groups": [format!("group of {groups_of}")],
        });
        provider.sign(&claims)
    }

    async fn by_oidc(portal: &Portal, subject: &str) -> Self {
        let mut person = Self::default();
        person.browser.sign_in(portal, subject).await;
        person
    }

    async fn get(&mut self, portal: &Portal, path: &str) -> Response<Body> {
        self.send(portal, get(path, &self.browser.cookie())).await
    }

    async fn send(&mut self, portal: &Portal, mut request: Request<Body>) -> Response<Body> {
        if let Some(said) = &self.said {
            request.headers_mut().append(ASSERTION, said.parse().unwrap());
            request.extensions_mut().insert(ConnectInfo(SocketAddr::new("10.0.0.5".parse().unwrap(), 4_711)));
        }
        let answer = portal.send(request).await;
        self.browser.take(&answer);
        answer
    }

    /// Leaves for the tenant and signs in there. Where one comes back to.
    async fn at_qlik(&mut self, portal: &Portal) -> String {
        let left = self.get(portal, "/auth/qlik/meridian/connect").await;
        let to = location(&left);
        assert!(to.starts_with(&format!("{}/oauth/authorize?", portal.sim.url)), "{} {to}", left.status());
        signed_in_at_qlik(&to, "admin").await
    }

    async fn is_connected(&mut self, portal: &Portal) -> bool {
        let answer = self.get(portal, "/auth/me").await;
        let me: Value = serde_json::from_str(&body(answer).await).unwrap();
        me["tenants"].as_array().is_some_and(|tenants| tenants.iter().any(|tenant| tenant["id"] == "meridian"))
    }
}

/// Somebody leaves for the tenant as an admin, and may only read by the time they come back.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_counts_when_one_comes_back_too() {
    let provider = Provider::start().await;
    let portal = portal_behind_a_proxy(&provider).await;
    let mut ada = Person::by_proxy(&provider, "ada");
    ada.get(&portal, "/connect").await;
    let back = ada.at_qlik(&portal).await;
    ada.get(&portal, &back).await;
    let store = &portal.state.engine.store;
    give_analyzer(store, &portal.sim.url, "meridian", "plan1", 3).await;
    let apply = post("/api/plans/apply", &ada.browser.cookie(), "tenant=meridian&id=plan1&confirm=");
    let to = location(&ada.send(&portal, apply).await);
    let job = to.strip_prefix("/t/meridian/jobs/").unwrap_or_else(|| panic!("{to}")).to_owned();
    let left = ada.get(&portal, &format!("/auth/qlik/meridian/connect?job={job}")).await;
    let asked = signed_in_at_qlik(&location(&left), "").await;
    let asked = location(&ada.get(&portal, &asked).await);
    let back = signed_in_at_qlik(&asked, "admin").await;
    ada.said = Some(Person::signed(&provider, "ada", "vera"));
    assert_eq!(ada.get(&portal, &back).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(store.grant(&job).await.unwrap().unwrap().kind, GrantKind::Lent);
}

/// Who connected, by the tenant's trail: issuer and subject at the portal.
async fn connected(portal: &Portal) -> Vec<(String, String)> {
    let filter = AuditFilter { action: "connect".to_owned(), ..AuditFilter::default() };
    let found = portal.state.engine.store.audit_events("meridian", &filter, 0, 100).await.unwrap();
    found.into_iter().map(|event| (event.record.actor.issuer, event.record.actor.subject)).collect()
}

/// The whole way of two people, each with a session of their own by now.
async fn each_connects_for_themselves(portal: &Portal, issuer: &str, mut ada: Person, mut vera: Person) {
    let back = ada.at_qlik(portal).await;
    // What was begun in one browser is finished in no other, whatever that one has begun itself.
    vera.at_qlik(portal).await;
    let answer = vera.get(portal, &back).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert!(!vera.is_connected(portal).await);
    let answer = ada.get(portal, &back).await;
    assert_eq!((answer.status(), location(&answer).as_str()), (StatusCode::SEE_OTHER, "/t/meridian/overview"));
    assert!(ada.is_connected(portal).await && !vera.is_connected(portal).await);
    assert_eq!(connected(portal).await, [(issuer.to_owned(), "ada".to_owned())]);
    // Used once.
    assert_eq!(ada.get(portal, &back).await.status(), StatusCode::FORBIDDEN);
    // Who may only read connects like everybody else.
    let back = vera.at_qlik(portal).await;
    assert_eq!(vera.get(portal, &back).await.status(), StatusCode::SEE_OTHER);
    assert!(vera.is_connected(portal).await);
    let page = body(vera.get(portal, "/t/meridian/overview").await).await;
    assert!(page.contains("Meridian Foods"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_of_a_provider_connect_for_themselves() {
    let provider = Provider::start().await;
    let portal = portal_with_oidc(&provider).await;
    let (ada, vera) = (Person::by_oidc(&portal, "ada").await, Person::by_oidc(&portal, "vera").await);
    each_connects_for_themselves(&portal, &provider.issuer, ada, vera).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_behind_a_proxy_connect_for_themselves() {
    let provider = Provider::start().await;
    let portal = portal_behind_a_proxy(&provider).await;
    let (mut ada, mut vera) = (Person::by_proxy(&provider, "ada"), Person::by_proxy(&provider, "vera"));
    for person in [&mut ada, &mut vera] {
        person.get(&portal, "/connect").await;
    }
    each_connects_for_themselves(&portal, &provider.issuer, ada, vera).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_with_somebody_elses_name_at_the_proxy_connects_nobody() {
    let provider = Provider::start().await;
    let portal = portal_behind_a_proxy(&provider).await;
    let mut ada = Person::by_proxy(&provider, "ada");
    ada.get(&portal, "/connect").await;
    let back = ada.at_qlik(&portal).await;
    // All of Ada's cookies, in the hands of somebody whom the proxy knows as Vera.
    let mut thief = Person { browser: ada.browser.clone(), ..Person::by_proxy(&provider, "vera") };
    assert_ne!(location(&thief.get(&portal, &back).await), "/t/meridian/overview");
    assert!(!thief.is_connected(&portal).await && connected(&portal).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_signed_out_or_has_no_role_is_not_led_to_the_tenant() {
    let provider = Provider::start().await;
    let portal = portal_with_oidc(&provider).await;
    let mut nobody = Person::default();
    let answer = nobody.get(&portal, "/auth/qlik/meridian/connect").await;
    assert_eq!(location(&answer), "/auth/login?back=%2Fconnect%3Ftenant%3Dmeridian");
    let mut zoe = Person::by_oidc(&portal, "zoe").await;
    let answer = zoe.get(&portal, "/auth/qlik/meridian/connect").await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert!(body(answer).await.contains("have no role in Quartermaster"));
    // Signed out while one is at the tenant: nothing is connected, neither then nor in the session that follows.
    let mut ada = Person::by_oidc(&portal, "ada").await;
    let back = ada.at_qlik(&portal).await;
    let login_cookies = ada.browser.clone();
    ada.browser.post(&portal, "/auth/logout", "everywhere=1").await;
    let mut late = Person { browser: login_cookies, said: None };
    assert!(location(&late.get(&portal, &back).await).starts_with("/auth/login?back="));
    late.browser.sign_in(&portal, "ada").await;
    let answer = late.get(&portal, &back).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert!(body(answer).await.contains("Your session has ended"));
    assert!(connected(&portal).await.is_empty());
}
