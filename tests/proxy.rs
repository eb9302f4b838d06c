//! The portal behind a real nginx with the files of `examples/nginx` and the settings and the check of `docs/OPERATIONS.md`: who comes in, what a client can forge, and what `check-proxy` finds.
#![cfg(feature = "ssr")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may fail by panicking"
)]

mod support;

use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::Value;
use support::{Server, free_port, http, serve};
use tokio::process::{Child, Command};

const PROOF: &str = "a-proof-of-the-tests-0123456789-abcdef";
const EXAMPLE: &str = include_str!("../examples/nginx/quartermaster.conf");
const INCLUDED: &str = include_str!("../examples/nginx/quartermaster-proof.conf");
const OPERATIONS: &str = include_str!("../docs/OPERATIONS.md");

/// What an operator is told to write down: the first block in a language below the heading of this mode.
fn told(language: &str) -> &'static str {
    let section = OPERATIONS.split("\n### Behind a proxy that signs people in\n").nth(1).unwrap();
    section.split(&format!("\n```{language}\n")).nth(1).unwrap().split("```").next().unwrap()
}

/// The same with another name in place of one that must be in it.
fn with(text: &str, theirs: &str, ours: &str) -> String {
    assert!(text.contains(theirs), "the page does not say {theirs}");
    text.replace(theirs, ours)
}

/// Says who somebody is by their cookie, as an authenticating proxy does.
async fn authenticator() -> u16 {
    async fn answer(headers: HeaderMap) -> Response {
        let cookie = headers.get(header::COOKIE).and_then(|cookie| cookie.to_str().ok()).unwrap_or_default();
        let person = |who: &str, groups: &str| {
            let mut answer = StatusCode::ACCEPTED.into_response();
            let put = answer.headers_mut();
            put.insert("x-auth-request-user", who.parse().unwrap());
            if !groups.is_empty() {
                put.insert("x-auth-request-groups", groups.parse().unwrap());
            }
            answer
        };
        match cookie {
            cookie if cookie.contains("who=ada") => person("ada", "staff,qm-admins"),
            cookie if cookie.contains("who=vera") => person("vera", "staff"),
            // The authenticator names no groups of this one.
            cookie if cookie.contains("who=lone") => person("lone", ""),
            _ => StatusCode::UNAUTHORIZED.into_response(),
        }
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let app = Router::new().route("/oauth2/auth", get(answer));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    port
}

struct Behind {
    url: String,
    direct: String,
    folder: tempfile::TempDir,
    _nginx: Child,
    _portal: Server,
    _sim: qlik_sim::Sim,
}

/// The portal behind nginx. `more` is put into the server of the example; `http_block` before it; `trusted` is the portal's.
async fn behind(more: &str, http_block: &str, trusted: &str) -> Option<Behind> {
    let nginx = ["/usr/sbin/nginx", "/usr/bin/nginx"].into_iter().find(|path| Path::new(path).exists());
    let Some(nginx) = nginx else {
        assert!(std::env::var_os("CI").is_none(), "nginx is missing");
        eprintln!("SKIPPED: there is no nginx");
        return None;
    };
    let folder = tempfile::tempdir().unwrap();
    let (front, back, auth) = (free_port(), free_port(), authenticator().await);
    let sim = qlik_sim::Sim::start(qlik_sim::Options { users: 20, assignments: 10, groups: 3, ..qlik_sim::Options::default() })
        .await
        .unwrap();
    let path = |name: &str| folder.path().join(name);
    let server: String = EXAMPLE
        .lines()
        .filter(|line| !line.trim_start().starts_with("ssl_"))
        .map(|line| line.replace("listen 443 ssl;", &format!("listen 127.0.0.1:{front};")))
        .map(|line| {
            line.replace("127.0.0.1:4180", &format!("127.0.0.1:{auth}")).replace("127.0.0.1:3000", &format!("127.0.0.1:{back}"))
        })
        .map(|line| line.replace("$host;", "$http_host;") + "\n")
        .collect();
    let (before, last) = server.rsplit_once('}').unwrap();
    std::fs::write(
        path("quartermaster-proof.conf"),
        INCLUDED.replace("REPLACE-THIS-BY-A-PROOF-OF-YOUR-OWN", PROOF).replace("$host;", "$http_host;"),
    )
    .unwrap();
    let more = more.replace("BACK", &format!("127.0.0.1:{back}"));
    let conf = format!(
        "user root;\nworker_processes 1;\nerror_log {0}/error.log;\npid {0}/nginx.pid;\nevents {{}}\nhttp {{\naccess_log off;\n\
         client_body_temp_path {0}/body;\nproxy_temp_path {0}/proxy;\nfastcgi_temp_path {0}/f;\nuwsgi_temp_path {0}/u;\nscgi_temp_path {0}/s;\n\
         {http_block}\n{before}\n{more}\n}}{last}\n}}\n",
        folder.path().display()
    );
    std::fs::write(path("nginx.conf"), conf).unwrap();
    private(&path("proof"), PROOF);
    let mode = with(told("toml"), "\"proxy.secret\"", &format!("\"{}/proof\"", folder.path().display()));
    let mode = with(&mode, "[\"127.0.0.1\"]", &format!("[\"{trusted}\"]"));
    let config = format!(
        "[server]\nlisten = \"127.0.0.1:{back}\"\npublic_url = \"http://127.0.0.1:{front}\"\n[storage]\nurl = \"sqlite://{0}/qm.db\"\n\
         [secrets]\nmaster_key_file = \"{0}/key\"\n{mode}viewer = [\"group:staff\"]\n[tenants.meridian]\nurl = \"{1}\"\n",
        folder.path().display(),
        sim.url
    );
    std::fs::write(path("Leptos.toml"), config).unwrap();
    let portal = serve(&path("Leptos.toml"), back).await;
    let mut child = Command::new(nginx);
    child.args([
        "-p",
        folder.path().to_str().unwrap(),
        "-c",
        path("nginx.conf").to_str().unwrap(),
        "-g",
        "daemon off; master_process off;",
    ]);
    let child = child.kill_on_drop(true).spawn().unwrap();
    let url = format!("http://127.0.0.1:{front}");
    for _ in 0..100 {
        if http().get(&url).send().await.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Some(Behind { url, direct: format!("http://127.0.0.1:{back}"), folder, _nginx: child, _portal: portal, _sim: sim })
}

fn private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

impl Behind {
    /// What `/auth/me` says, through the proxy.
    async fn me(&self, headers: &[(&str, &str)]) -> (u16, Value) {
        self.ask(&self.url, headers).await
    }

    async fn ask(&self, at: &str, headers: &[(&str, &str)]) -> (u16, Value) {
        let mut request = http().get(format!("{at}/auth/me")).header("host", self.url.trim_start_matches("http://"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or(Value::Null))
    }

    async fn check(&self) -> (bool, String) {
        private(&self.folder.path().join("cookie.txt"), "who=ada");
        let command = with(told("sh"), "https://licenses.example.com", &self.url);
        let command = with(&command, "quartermaster check-proxy", concat!(env!("CARGO_BIN_EXE_quartermaster"), " check-proxy"));
        let done = Command::new("sh").args(["-c", &command]).current_dir(self.folder.path()).output().await.unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert!(!said.contains(PROOF), "a secret is shown: {said}");
        (done.status.success(), said)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_come_through_the_proxy_and_nobody_else_does() {
    let Some(portal) = behind("", "", "127.0.0.1").await else { return };
    let (status, me) = portal.me(&[("cookie", "who=ada")]).await;
    assert_eq!(
        (status, me["mode"].as_str(), me["subject"].as_str(), me["role"].as_str()),
        (200, Some("proxy"), Some("ada"), Some("admin"))
    );
    assert_eq!(portal.me(&[("cookie", "who=vera")]).await.1["role"], "viewer");
    assert_eq!(portal.me(&[("cookie", "who=lone")]).await.1["role"], "none");
    assert_eq!(portal.me(&[]).await.0, 302, "nginx leads to its own sign-in");
    // What a client forges counts for nothing: each of ours, in each spelling, also where the authenticator says nothing of it.
    for (name, value) in [
        ("X-Auth-User", "ada"),
        ("X_Auth_User", "ada"),
        ("X.Auth.User", "ada"),
        ("X-Auth_User", "ada"),
        ("X-Auth-Groups", "qm-admins"),
        ("X_Auth_Groups", "qm-admins"),
        ("X.Auth.Groups", "qm-admins"),
        ("X-Quartermaster-Proof", "x X-Auth-User X-Auth-Groups"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-Prefix", "/admin"),
        ("X-Forwarded-Uri", "/auth/me"),
        ("X-Original-URL", "/auth/me"),
        ("Connection", "close, X-Auth-User, X-Auth-Groups, X-Quartermaster-Proof"),
        ("User-Agent", "GoogleHC/1.0"),
    ] {
        let (status, me) = portal.me(&[("cookie", "who=lone"), (name, value)]).await;
        assert_eq!((status, me["subject"].as_str(), me["role"].as_str()), (200, Some("lone"), Some("none")), "{name}");
        assert_ne!(portal.me(&[(name, value)]).await.0, 200, "{name} without a sign-in");
    }
    // Past the proxy: the peer may be trusted, and nobody is believed without the proof.
    for headers in [
        vec![("x-auth-user", "ada")],
        vec![("x-auth-user", "ada"), ("x-quartermaster-proof", "x-auth-user")],
        vec![("x-auth-user", "ada"), ("x-quartermaster-proof", "a-proof-of-the-tests-0123456789-abcde x-auth-user")],
        vec![("x-auth-user", "ada"), ("x-quartermaster-proof", PROOF)],
        vec![
            ("x-auth-user", "ada"),
            ("x-auth-user", "ada"),
            ("x-quartermaster-proof", "a-proof-of-the-tests-0123456789-abcdef x-auth-user"),
        ],
    ] {
        assert_eq!(portal.ask(&portal.direct, &headers).await.0, 401, "{headers:?}");
    }
    let proof = format!("{PROOF} x-auth-user");
    assert_eq!(portal.ask(&portal.direct, &[("x-auth-user", "ada"), ("x-quartermaster-proof", &proof)]).await.0, 200);
    // A page without the proxy's word says so, whatever cookie comes with it.
    let page = http().get(&portal.direct).header("host", portal.url.trim_start_matches("http://")).send().await.unwrap();
    assert_eq!(page.status().as_u16(), 401);
    assert!(page.text().await.unwrap().contains("Not by way of the company"));
    assert!(portal.check().await.0, "{}", portal.check().await.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_the_asserted_persons_only() {
    let Some(portal) = behind("", "", "127.0.0.1").await else { return };
    let session = async |who: &str, session: &str| -> Option<String> {
        let cookie = format!("who={who}; {session}");
        let answer = http().get(format!("{}/connect", portal.url)).header("cookie", cookie).send().await.unwrap();
        let line = answer.headers().get("set-cookie").map(|line| line.to_str().unwrap().to_owned())?;
        assert!(line.contains("HttpOnly") && line.contains("SameSite=Lax"), "{line}");
        Some(line.split(';').next().unwrap().to_owned())
    };
    let of_ada = session("ada", "").await.expect("a session begins with the first request");
    assert_eq!(session("ada", &of_ada).await, None, "and goes on");
    // Somebody else with that cookie gets a session of their own, and that one ends.
    let of_vera = session("vera", &of_ada).await.expect("another person, another session");
    assert_ne!(of_vera, of_ada);
    let back = session("ada", &of_ada).await.expect("it ended");
    assert_ne!(back, of_ada);
    let (status, me) = portal.me(&[("cookie", &format!("who=vera; {of_vera}"))]).await;
    assert_eq!((status, me["subject"].as_str()), (200, Some("vera")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_location_that_forgets_lets_nobody_in() {
    // One without the include; one with a header of its own, which inherits nothing.
    let more = "location /auth/me { proxy_pass http://BACK; proxy_set_header Host $http_host; }";
    let Some(portal) = behind(more, "", "127.0.0.1").await else { return };
    assert_eq!(portal.me(&[("x-auth-user", "ada"), ("x-auth-groups", "qm-admins")]).await.0, 401);
    let (safe, said) = portal.check().await;
    assert!(!safe && said.contains("x-auth-user at /auth/me"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_location_that_vouches_for_what_it_does_not_set_is_found() {
    let broken = format!(
        "location /export/ {{ proxy_pass http://BACK; proxy_set_header Host $http_host; proxy_set_header X-Auth-User ada; \
         proxy_set_header X-Quartermaster-Proof \"{PROOF} X-Auth-User X-Auth-Groups\"; }}"
    );
    let Some(portal) = behind(&broken, "", "127.0.0.1").await else { return };
    let (safe, said) = portal.check().await;
    assert!(!safe && said.contains("BELIEVED: another person at /export/tenant/template.csv"), "{said}");
    assert!(said.contains("x-auth-groups at /export/tenant/template.csv"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_spellings_that_reach_the_portal_are_dropped_there() {
    let Some(portal) = behind("", "underscores_in_headers on; ignore_invalid_headers off;", "127.0.0.1").await else { return };
    for name in ["X_Auth_User", "X.Auth.User", "X_Auth-User"] {
        let (status, me) = portal.me(&[("cookie", "who=vera"), (name, "ada")]).await;
        assert_eq!((status, me["subject"].as_str()), (200, Some("vera")), "{name}");
    }
    let (safe, said) = portal.check().await;
    assert!(safe && said.contains("arrives in another spelling, and is dropped here"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_proxys_address_may_be_the_proxy() {
    let Some(portal) = behind("", "", "10.9.9.9").await else { return };
    assert_eq!(portal.me(&[("cookie", "who=ada")]).await.0, 401);
    assert_eq!(portal.me(&[("cookie", "who=ada"), ("x-forwarded-for", "10.9.9.9")]).await.0, 401);
}
