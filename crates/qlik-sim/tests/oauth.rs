//! The authorization server as a client meets it: sign-in with PKCE, refreshing, reuse, revocation, machines, and what it refuses.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail by panicking")]

use std::io::{Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use qlik_sim::{OauthClient, Options, Sim};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const REDIRECT: &str = "http://127.0.0.1:3000/auth/qlik/meridian/callback";
const VERIFIER: &str = "0123456789-0123456789-0123456789-0123456789-abc";

struct Answer {
    status: u16,
    head: String,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{} {}", self.head, self.text))
    }

    fn header(&self, name: &str) -> &str {
        let line = self.head.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}:")));
        line.and_then(|line| line.split_once(": ")).map_or("", |(_, value)| value)
    }

    /// A parameter of where it leads to.
    fn leads_with(&self, name: &str) -> String {
        let query = self.header("location").split_once('?').map_or("", |(_, query)| query);
        let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        percent_encoding::percent_decode_str(value.unwrap_or_default()).decode_utf8_lossy().into_owned()
    }

    fn code(&self) -> (u16, String) {
        (self.status, self.json()["errors"][0]["code"].as_str().unwrap().to_owned())
    }
}

fn send(sim: &Sim, method: &str, target: &str, headers: &str, body: &str) -> Answer {
    let host = sim.url.strip_prefix("http://").unwrap();
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    write!(
        stream,
        "{method} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, text) = text.split_once("\r\n\r\n").unwrap();
    Answer { status: head.split(' ').nth(1).unwrap().parse().unwrap(), head: head.to_owned(), text: text.to_owned() }
}

async fn sim() -> Sim {
    let oauth_clients = vec![
        OauthClient::people(&format!("web:a secret={REDIRECT}")).unwrap(),
        OauthClient::people(&format!("native={REDIRECT}")).unwrap(),
        OauthClient::machine("robot:its secret").unwrap(),
    ];
    Sim::start(Options { users: 20, assignments: 10, groups: 2, oauth_clients, ..Options::default() }).await.unwrap()
}

fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))
}

fn authorize(sim: &Sim, more: &str, headers: &str) -> Answer {
    let scope = "user_default+admin_classic+offline_access";
    let target = format!(
        "/oauth/authorize?client_id=web&redirect_uri={REDIRECT}&response_type=code&scope={scope}&state=s&code_challenge={}&code_challenge_method=S256{more}",
        challenge()
    );
    send(sim, "GET", &target, headers, "")
}

fn token(sim: &Sim, body: &Value) -> Answer {
    send(sim, "POST", "/oauth/token", "content-type: application/json\r\n", &body.to_string())
}

fn exchange(code: &str) -> Value {
    json!({"grant_type": "authorization_code", "client_id": "web", "client_secret": "a secret", "code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER})
}

fn refresh(token: &Value) -> Value {
    json!({"grant_type": "refresh_token", "client_id": "web", "client_secret": "a secret", "refresh_token": token})
}

fn signed_in(sim: &Sim, hint: &str) -> Value {
    let code = authorize(sim, &format!("&login_hint={hint}"), "").leads_with("code");
    let answer = token(sim, &exchange(&code));
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

fn works(sim: &Sim, tokens: &Value) -> u16 {
    let bearer = format!("authorization: Bearer {}\r\n", tokens["access_token"].as_str().unwrap());
    send(sim, "GET", "/api/v1/licenses/overview", &bearer, "").status
}

fn options(sim: &Sim, oauth: &Value) {
    assert_eq!(send(sim, "PUT", "/_sim/options", "", &json!({ "oauth": oauth }).to_string()).status, 204);
}

fn act(sim: &Sim, act: &Value) {
    assert_eq!(send(sim, "POST", "/_sim/act", "", &act.to_string()).status, 204);
}

fn families(sim: &Sim) -> Vec<Value> {
    send(sim, "GET", "/_sim/state", "", "").json()["oauth"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_with_a_hint_a_button_or_because_they_are_here() {
    let sim = sim().await;
    let answer = authorize(&sim, "&login_hint=admin", "");
    assert_eq!((answer.status, answer.leads_with("state").as_str(), answer.leads_with("iss").as_str()), (302, "s", ""));
    let tokens = token(&sim, &exchange(&answer.leads_with("code"))).json();
    assert_eq!((tokens["token_type"].as_str(), tokens["expires_in"].as_i64()), (Some("bearer"), Some(21_600)));
    assert_eq!(works(&sim, &tokens), 200);
    assert_eq!(works(&sim, &signed_in(&sim, "reader")), 403, "no admin, whatever the scope says");
    // Who is here goes on; a prompt, or too old a sign-in, asks again.
    let cookie = format!("cookie: {}\r\n", answer.header("set-cookie").split(';').next().unwrap());
    assert!(!authorize(&sim, "&prompt=none", &cookie).leads_with("code").is_empty());
    assert_eq!(authorize(&sim, "&prompt=none", "").leads_with("error"), "login_required");
    for again in ["&prompt=login", "&max_age=0"] {
        let page = authorize(&sim, again, &cookie);
        assert!(page.status == 200 && page.text.matches("<button").count() == 2, "{}", page.text);
    }
    // Two people, two families; nothing of their tokens is shown.
    let state = send(&sim, "GET", "/_sim/state", "", "").text;
    assert_eq!(families(&sim).len(), 2);
    assert!(
        !state.contains(tokens["access_token"].as_str().unwrap()) && !state.contains(tokens["refresh_token"].as_str().unwrap())
    );
    let log = send(&sim, "GET", "/_sim/requests", "", "").text;
    assert!(!log.contains("a secret") && !log.contains(VERIFIER), "secrets are not logged");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_refused() {
    let sim = sim().await;
    let asked = |query: &str| send(&sim, "GET", &format!("/oauth/authorize?{query}"), "", "");
    assert_eq!(asked(&format!("client_id=nobody&redirect_uri={REDIRECT}")).status, 400);
    assert_eq!(asked("client_id=web&redirect_uri=http://evil.example/").status, 400, "an open redirect");
    let known = format!("client_id=web&redirect_uri={REDIRECT}&state=s");
    assert_eq!(asked(&format!("{known}&response_type=token")).leads_with("error"), "unsupported_response_type");
    let plain = asked(&format!("{known}&response_type=code&code_challenge={}&code_challenge_method=plain", challenge()));
    assert_eq!((plain.leads_with("error").as_str(), plain.leads_with("state").as_str()), ("invalid_request", "s"));
    assert!(!plain.leads_with("error_code").is_empty());
    let code = || authorize(&sim, "&login_hint=admin", "").leads_with("code");
    for (member, value, status, word) in [
        ("client_secret", "another", 401, "invalid_client"),
        ("client_id", "native", 401, "invalid_grant"),
        ("code_verifier", "another-another-another-another-another-another", 401, "invalid_grant"),
        ("redirect_uri", "http://127.0.0.1:3000/", 401, "invalid_grant"),
        ("grant_type", "password", 400, "unsupported_grant_type"),
        ("grant_type", "client_credentials", 400, "unauthorized_client"),
    ] {
        let mut body = exchange(&code());
        body[member] = value.into();
        let answer = token(&sim, &body);
        assert_eq!(answer.code(), (status, word.to_owned()), "{member}");
        assert_eq!(answer.json()["errors"][0]["status"], status);
    }
    // A code serves for a minute, and once: used twice, what it brought is worth nothing.
    let late = code();
    act(&sim, &json!({"advance_s": 61}));
    assert_eq!(token(&sim, &exchange(&late)).status, 401);
    let once = code();
    let tokens = token(&sim, &exchange(&once)).json();
    assert_eq!((works(&sim, &tokens), token(&sim, &exchange(&once)).status, works(&sim, &tokens)), (200, 401, 401));
    assert_eq!(send(&sim, "GET", "/oauth/token", "", "").status, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_refreshed_and_a_used_one_is_refused_or_ends_the_family() {
    let sim = sim().await;
    let first = signed_in(&sim, "admin");
    let second = token(&sim, &refresh(&first["refresh_token"])).json();
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!((works(&sim, &second), families(&sim)[0]["generation"].as_i64()), (200, Some(1)));
    assert_eq!(token(&sim, &refresh(&first["refresh_token"])).code(), (401, "invalid_grant".into()));
    assert_eq!((works(&sim, &second), families(&sim)[0]["revoked"].as_bool()), (401, Some(true)));
    options(&sim, &json!({"reuse": "reject"}));
    let first = signed_in(&sim, "admin");
    let second = token(&sim, &refresh(&first["refresh_token"])).json();
    assert_eq!(token(&sim, &refresh(&first["refresh_token"])).status, 401);
    assert_eq!(token(&sim, &refresh(&second["refresh_token"])).status, 200, "only the used one is refused");
    options(&sim, &json!({"rotate": false}));
    let first = signed_in(&sim, "admin");
    let second = token(&sim, &refresh(&first["refresh_token"])).json();
    assert_eq!(second.get("refresh_token"), None, "the old one stays");
    assert_eq!(token(&sim, &refresh(&first["refresh_token"])).status, 200);
    // They end by themselves.
    options(&sim, &json!({"access_ttl_s": 10, "refresh_ttl_s": 20}));
    let short = signed_in(&sim, "admin");
    assert_eq!((works(&sim, &short), short["expires_in"].as_i64()), (200, Some(10)));
    act(&sim, &json!({"advance_s": 11}));
    assert_eq!(works(&sim, &short), 401);
    act(&sim, &json!({"advance_s": 10}));
    assert_eq!(token(&sim, &refresh(&short["refresh_token"])).status, 401);
    assert_ne!(send(&sim, "PUT", "/_sim/options", "", r#"{"oauth": {"access_ttl_s": 0}}"#).status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_revoked_is_over_and_machines_come_by_their_secret() {
    let sim = sim().await;
    let tokens = signed_in(&sim, "admin");
    let form = |token: &str| format!("token={token}&client_id=web&client_secret=a+secret");
    let revoke = |token: &str| {
        send(&sim, "POST", "/oauth/revoke", "content-type: application/x-www-form-urlencoded\r\n", &form(token)).status
    };
    assert_eq!((revoke("unknown"), works(&sim, &tokens)), (200, 200));
    assert_eq!((revoke(tokens["refresh_token"].as_str().unwrap()), works(&sim, &tokens)), (200, 401));
    let tokens = signed_in(&sim, "admin");
    act(&sim, &json!({"revoke_oauth": {"user": families(&sim)[1]["user"]}}));
    assert_eq!((works(&sim, &tokens), token(&sim, &refresh(&tokens["refresh_token"])).status), (401, 401));
    let tokens = signed_in(&sim, "admin");
    act(&sim, &json!({"revoke_oauth": {"family": families(&sim)[2]["family"]}}));
    assert_eq!(works(&sim, &tokens), 401);
    // A machine, by Basic and a form.
    let basic = format!("authorization: Basic {}\r\n", STANDARD.encode("robot:its%20secret"));
    let headers = format!("content-type: application/x-www-form-urlencoded\r\n{basic}");
    let answer = send(&sim, "POST", "/oauth/token", &headers, "grant_type=client_credentials&scope=admin_classic");
    let tokens = answer.json();
    assert_eq!((answer.status, works(&sim, &tokens), tokens.get("refresh_token")), (200, 200, None));
    let bearer = format!("authorization: Bearer {}\r\n", tokens["access_token"].as_str().unwrap());
    let me = send(&sim, "GET", "/api/v1/users/me", &bearer, "");
    let path = me.header("location").strip_prefix(&sim.url).unwrap().to_owned();
    assert_eq!(send(&sim, "GET", &path, &bearer, "").json()["subject"], "qlikbot\\robot");
    let metadata = send(&sim, "GET", "/.well-known/oauth-authorization-server", "", "").json();
    assert_eq!(
        (metadata["issuer"].as_str(), metadata["code_challenge_methods_supported"][0].as_str()),
        (Some(sim.url.as_str()), Some("S256"))
    );
    options(&sim, &json!({"iss": true}));
    assert_eq!(authorize(&sim, "&login_hint=admin", "").leads_with("iss"), sim.url);
    options(&sim, &json!({"iss": "https://another.example"}));
    assert_eq!(authorize(&sim, "&login_hint=admin", "").leads_with("iss"), "https://another.example");
}
