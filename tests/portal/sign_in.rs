//! Signing in at a provider, what a role allows, confirming, and signing out; against a provider that a test has in its hand.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use engine::clock::{Clock, WallClock};
use quartermaster::server::config;
use quartermaster::ui::query::{escape, from_query};
use serde_json::{Value, json};

use crate::support::provider::Provider;
use crate::support::{HOST, KEY, Portal, get, location, portal_at, post};

pub(crate) const ROLES: &str = r#"
[auth.roles]
admin = ["group:group of ada"]
operator = ["subject:otto"]
viewer = ["claim:/department=audit", "group:group of vera"]
"#;

pub(crate) async fn portal(provider: &Provider, more: &str) -> Portal {
    let text =
        format!("[auth]\nmode = \"oidc\"\n[auth.oidc]\nissuer = \"{}\"\nclient_id = \"quartermaster\"\n{more}", provider.issuer);
    let auth = config::read("test", &text, []).unwrap().auth;
    let options = qlik_sim::Options {
        users: 300,
        assignments: 200,
        groups: 20,
        api_keys: vec![KEY.to_owned()],
        ..qlik_sim::Options::default()
    };
    portal_at(options, Arc::new(WallClock), |config, _| config.auth = auth).await
}

/// A browser: its cookies, and where it is.
#[derive(Default, Clone)]
pub(crate) struct Browser(Vec<(String, String)>);

impl Browser {
    pub(crate) fn cookie(&self) -> String {
        self.0.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// Keeps what an answer sets, and forgets what it ends.
    pub(crate) fn take(&mut self, answer: &Response<Body>) {
        for line in answer.headers().get_all(header::SET_COOKIE) {
            let line = line.to_str().unwrap();
            assert!(line.contains("HttpOnly") && line.contains("SameSite=Lax") && line.contains("Path=/"), "{line}");
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            self.0.retain(|(known, _)| known != name);
            if !value.is_empty() && !line.contains("Max-Age=0") {
                self.0.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    async fn get(&mut self, portal: &Portal, path: &str) -> Response<Body> {
        let answer = portal.send(get(path, &self.cookie())).await;
        self.take(&answer);
        answer
    }

    pub(crate) async fn post(&mut self, portal: &Portal, path: &str, form: &str) -> Response<Body> {
        let answer = portal.send(post(path, &self.cookie(), form)).await;
        self.take(&answer);
        answer
    }

    /// Leaves for the provider. Returns the parameters that it is asked with.
    async fn leave(&mut self, portal: &Portal, path: &str) -> Vec<(String, String)> {
        let answer = self.get(portal, path).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{path}");
        from_query(location(&answer).split_once('?').unwrap().1)
    }

    /// Comes back from the provider, signed in there as `subject`.
    async fn come_back(&mut self, portal: &Portal, asked: &[(String, String)], subject: &str) -> Response<Body> {
        let issuer = issuer(portal);
        let code = format!("{} {subject}", value(asked, "nonce"));
        let query = format!("code={}&state={}&iss={}", escape(&code), value(asked, "state"), escape(&issuer));
        self.get(portal, &format!("/auth/callback?{query}")).await
    }

    pub(crate) async fn sign_in(&mut self, portal: &Portal, subject: &str) {
        let asked = self.leave(portal, "/auth/login").await;
        let answer = self.come_back(portal, &asked, subject).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    }

    pub(crate) async fn connect(&mut self, portal: &Portal) {
        let answer = self.post(portal, "/api/connect/key", &format!("tenant=meridian&key={KEY}&back=")).await;
        assert_eq!(location(&answer), "/t/meridian/overview");
    }

    pub(crate) async fn me(&self, portal: &Portal) -> (StatusCode, Value) {
        let answer = portal.send(get("/auth/me", &self.cookie())).await;
        let status = answer.status();
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }
}

fn issuer(portal: &Portal) -> String {
    portal.state.provider.as_ref().unwrap().settings().issuer.clone()
}

fn value<'a>(pairs: &'a [(String, String)], key: &str) -> &'a str {
    pairs.iter().find(|(name, _)| name == key).map_or("", |(_, value)| value)
}

pub(crate) async fn body(answer: Response<Body>) -> String {
    String::from_utf8_lossy(&axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap()).into_owned()
}

async fn actions(portal: &Portal) -> Vec<(String, String)> {
    let trail = portal.state.engine.store.audit_trail("", 0, 200).await.unwrap();
    trail.into_iter().map(|entry| (entry.record.action, entry.record.reason)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_leads_to_the_provider_and_back_to_itself() {
    let provider = Provider::start().await;
    let portal = portal(&provider, ROLES).await;
    let mut browser = Browser::default();
    let answer = browser.get(&portal, "/t/meridian/assignments?q=a%20b").await;
    assert_eq!(location(&answer), "/auth/login?back=%2Ft%2Fmeridian%2Fassignments%3Fq%3Da%2520b");
    let asked = browser.leave(&portal, &location(&answer)).await;
    assert_eq!(value(&asked, "response_type"), "code");
    assert_eq!(value(&asked, "client_id"), "quartermaster");
    assert_eq!(value(&asked, "redirect_uri"), format!("http://{HOST}/auth/callback"));
    assert_eq!(value(&asked, "code_challenge_method"), "S256");
    assert_eq!(value(&asked, "scope"), "openid profile email groups");
    let answer = browser.come_back(&portal, &asked, "ada").await;
    assert_eq!(location(&answer), "/t/meridian/assignments?q=a%20b");
    // The code was exchanged with the verifier of this sign-in.
    let form = provider.behaviour.lock().unwrap().exchanges[0].clone();
    assert_eq!(identity::secret::challenge(&form["code_verifier"]), value(&asked, "code_challenge"));
    assert_eq!(form["redirect_uri"], value(&asked, "redirect_uri"));
    // The login cookie is gone, the session is there.
    assert_eq!(browser.0.len(), 1, "{:?}", browser.0);
    let (status, me) = browser.me(&portal).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&me["mode"], &me["subject"], &me["name"], &me["role"]),
        (&json!("oidc"), &json!("ada"), &json!("Name of ada"), &json!("admin"))
    );
    assert_eq!(me["issuer"], provider.issuer);
    // Without a connection, a tenant's page leads to make one, and a person stays signed in without any.
    let answer = browser.get(&portal, "/t/meridian/overview").await;
    assert!(location(&answer).starts_with("/connect?tenant=meridian"));
    browser.connect(&portal).await;
    assert!(portal.page("/t/meridian/overview", &browser.cookie()).await.contains("Signed in as"));
    let answer = browser.post(&portal, "/api/connect/forget", "tenant=meridian").await;
    assert_eq!(location(&answer), "/connect");
    assert_eq!(browser.me(&portal).await.0, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_comes_in_without_signing_in() {
    let provider = Provider::start().await;
    let portal = portal(&provider, ROLES).await;
    for path in ["/", "/connect", "/t/meridian/overview", "/t/meridian/jobs/x", "/nowhere"] {
        assert_eq!(location(&portal.send(get(path, "")).await), format!("/auth/login?back={}", escape(path)), "{path}");
    }
    for path in ["/t/meridian/../auth", "//t", "/auth/../t/meridian/overview"] {
        let to = location(&portal.send(get(path, "")).await);
        assert!(to.starts_with("/auth/login?back="), "{path} {to}");
    }
    let (status, me) = Browser::default().me(&portal).await;
    assert_eq!((status, me), (StatusCode::UNAUTHORIZED, json!({"error": "no_session", "sign_in": "/auth/login"})));
    // What a program asks for is told, not led elsewhere; a form that was sent without one gets a page, for its policy would keep a
    // browser from being led to the provider.
    for path in ["/rows/meridian/outline", "/events/meridian/jobs/x"] {
        assert_eq!(portal.send(get(path, "")).await.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    let answer = portal.send(post("/api/connect/forget", "", "tenant=meridian")).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    let page = body(answer).await;
    assert!(page.contains("Your session has ended.") && page.contains("/auth/login?back=%2Ft%2Fmeridian%2Foverview"), "{page}");
    let mut walked = 0;
    for (path, _) in leptos::server_fn::axum::server_fn_paths() {
        let (status, words) = portal.told(path, "", "tenant=meridian").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path} {words}");
        walked += 1;
    }
    assert!(walked > 20, "{walked}");
    // A session of a portal that asked nobody is no session here, and an invented one is none.
    for cookie in ["quartermaster=AAAAAAAAAAAAAAAAAAAAAA", "quartermaster=x", "quartermaster="] {
        assert_eq!(portal.send(get("/connect", cookie)).await.status(), StatusCode::SEE_OTHER, "{cookie}");
    }
}

/// What whoever has a role may do: read, draw up plans, change settings.
#[tokio::test(flavor = "multi_thread")]
async fn every_function_asks_for_its_role() {
    const EVERYBODY: [&str; 32] = [
        "frame",
        "find",
        "stay",
        "refresh",
        "overview",
        "assignments/window",
        "views/list",
        "views/save",
        "views/drop",
        "assignments/person",
        "groups/list",
        "groups/one",
        "groups/new",
        "groups/matrix",
        "history/changes",
        "ties/list",
        "roles/list",
        "roles/one",
        "plans/list",
        "plans/one",
        "jobs/list",
        "jobs/one",
        "audit",
        "audit/event",
        "audit/then",
        "settings",
        "settings/browser",
        "settings/theme",
        "settings/zone",
        "sessions/list",
        "sessions/end",
        "sessions/withdraw",
    ];
    const ADMINS: [&str; 3] = ["settings/auto-assign", "settings/groups", "jobs/hand-over"];
    let provider = Provider::start().await;
    let portal = portal(&provider, ROLES).await;
    let (mut vera, mut otto, mut nobody) = (Browser::default(), Browser::default(), Browser::default());
    vera.sign_in(&portal, "vera").await;
    vera.connect(&portal).await;
    otto.sign_in(&portal, "otto").await;
    otto.connect(&portal).await;
    nobody.sign_in(&portal, "nobody").await;
    let form = "tenant=meridian&id=x&page=1&before=0&q=&query=&what=undo&to=pause&action=assign&theme=dark&rows[]=a&confirm=&job=x&subject=x&name=x&purpose=give&allotment=x&way=x&kind=&text=x&zone=UTC&hash=x&key=x&back=&lines=x&usual=&from=x&seq=1&room=groups";
    let needs = |words: &str| words.contains("Your role does not allow this");
    let mut unknown = Vec::new();
    for (path, _) in leptos::server_fn::axum::server_fn_paths() {
        let (status, words) = portal.told(path, &nobody.cookie(), form).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{path} without a role: {words}");
        assert!(words.contains("no role in Quartermaster"), "{words}");
        let name = path.trim_start_matches("/api/");
        if name.starts_with("connect/") || name == "sessions/end-all" {
            continue;
        }
        let (status, words) = portal.told(path, &vera.cookie(), form).await;
        let reads = EVERYBODY.contains(&name);
        match (status, reads) {
            (StatusCode::FORBIDDEN, false) => assert!(words.contains("Needs the role"), "{path} {words}"),
            (_, true) => assert!(!needs(&words), "{path} as viewer: {words}"),
            _ => unknown.push(format!("{path} {status} {words}")),
        }
        let (status, words) = portal.told(path, &otto.cookie(), form).await;
        if ADMINS.contains(&name) {
            assert_eq!(status, StatusCode::FORBIDDEN, "{path} as operator: {words}");
            assert!(words.contains("Needs the role admin"), "{words}");
        } else {
            assert!(!needs(&words), "{path} as operator: {words}");
        }
    }
    assert_eq!(unknown, Vec::<String>::new(), "a viewer got through");
    // Whoever has no role is told who they are, and which groups arrived.
    let answer = nobody.get(&portal, "/t/meridian/overview").await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let page = body(answer).await;
    assert!(
        page.contains("You are signed in as Name of nobody")
            && page.contains("group of nobody")
            && page.contains(&provider.issuer)
    );
    assert_eq!(nobody.me(&portal).await.1["role"], "none");
    // A viewer sees everything, and what they may not do is off and says why.
    let page = portal.page("/t/meridian/settings", &vera.cookie()).await;
    assert!(page.contains("Needs the role admin."), "{page}");
    assert!(!portal.page("/t/meridian/settings", &otto.cookie()).await.contains("Needs the role operator"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_follows_the_configuration_and_the_claims() {
    let provider = Provider::start().await;
    let portal = portal(&provider, ROLES).await;
    for (claims, role) in [
        (json!({"groups": "group of ada"}), "admin"),
        (json!({"groups": "group of ada,group of vera"}), "none"),
        (json!({"groups": ["GROUP OF ADA"]}), "none"),
        (json!({"groups": null}), "none"),
        (json!({"groups": ["group of ada"], "_claim_names": {"groups": "src1"}}), "none"),
        (json!({"department": "audit"}), "viewer"),
        (json!({"department": ["x", "audit"]}), "viewer"),
        (json!({"department": {"audit": true}}), "none"),
        (json!({"email": "ada@example.com", "groups": []}), "none"),
    ] {
        provider.behave(|is| is.claims = claims.clone());
        let mut browser = Browser::default();
        browser.sign_in(&portal, "somebody").await;
        assert_eq!(browser.me(&portal).await.1["role"], role, "{claims}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_be_trusted_signs_nobody_in() {
    let provider = Provider::start().await;
    let portal = portal(&provider, ROLES).await;
    let mut browser = Browser::default();
    let asked = browser.leave(&portal, "/auth/login").await;
    let (state, iss) = (value(&asked, "state").to_owned(), escape(&provider.issuer));
    let code = escape(&format!("{} ada", value(&asked, "nonce")));
    // Whatever is missing, empty, doubled, of another browser, or of another provider.
    for (query, status, reason) in [
        (String::new(), 400, "state"),
        (format!("state={state}&iss={iss}"), 400, "state"),
        (format!("code={code}&iss={iss}"), 400, "state"),
        (format!("code=&state={state}&iss={iss}"), 400, "state"),
        (format!("code={code}&code={code}&state={state}&iss={iss}"), 400, "state"),
        (format!("code={code}&state={state}&state={state}&iss={iss}"), 400, "state"),
        (format!("code={code}&state={state}x&iss={iss}"), 403, "login_cookie"),
    ] {
        let answer = portal.send(get(&format!("/auth/callback?{query}"), &browser.cookie())).await;
        assert_eq!(answer.status(), status, "{query}");
        assert!(answer.headers().get(header::SET_COOKIE).is_none(), "the sign-in that was begun stays");
        let page = body(answer).await;
        assert!(page.contains("Reference ") && page.contains("Try again"), "{page}");
        let told = actions(&portal).await;
        assert!(
            told.iter().any(|(action, detail)| action == "auth.sign_in.refused" && detail.starts_with(reason)),
            "{reason} {told:?}"
        );
    }
    let other = portal.send(get(&format!("/auth/callback?code={code}&state={state}&iss={iss}"), "")).await;
    assert_eq!(other.status(), 403, "another browser");
    for bad in [format!("code={code}&state={state}"), format!("code={code}&state={state}&iss=https%3A%2F%2Fevil.example")] {
        let mut copy = browser.clone();
        let answer = copy.get(&portal, &format!("/auth/callback?{bad}")).await;
        assert_eq!(answer.status(), 403, "{bad}");
        assert!(copy.0.is_empty(), "the cookie of that sign-in is gone: {:?}", copy.0);
    }
    // It was never exchanged for anything, and still works.
    assert!(provider.behaviour.lock().unwrap().exchanges.is_empty());
    let kept = browser.clone();
    assert_eq!(browser.come_back(&portal, &asked, "ada").await.status(), StatusCode::SEE_OTHER);
    // Twice it does not, even with the cookie kept.
    let mut again = kept.clone();
    assert_eq!(again.come_back(&portal, &asked, "ada").await.status(), StatusCode::FORBIDDEN);
    assert_eq!(provider.behaviour.lock().unwrap().exchanges.len(), 1);
    assert_eq!(browser.me(&portal).await.0, StatusCode::OK, "and hurts nobody who is signed in");
    assert_eq!(portal.send(post("/auth/callback", &kept.cookie(), "")).await.status(), StatusCode::METHOD_NOT_ALLOWED);
    let head = Request::head(format!("/auth/callback?code={code}&state={state}&iss={iss}"));
    let head = head.header(header::HOST, HOST).header(header::COOKIE, kept.cookie()).body(Body::empty()).unwrap();
    assert_eq!(portal.send(head).await.status(), StatusCode::METHOD_NOT_ALLOWED, "nobody is signed in by a look");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_with_a_fault_signs_nobody_in() {
    let provider = Provider::start().await;
    let portal = portal(&provider, ROLES).await;
    for (claims, reason) in [
        (json!({"nonce": "another"}), "nonce"),
        (json!({"nonce": null}), "nonce"),
        (json!({"aud": "another"}), "audience"),
        (json!({"iss": "https://evil.example"}), "issuer"),
        (json!({"exp": 1}), "expired"),
        (json!({"sub": ""}), "subject"),
    ] {
        provider.behave(|is| is.claims = claims.clone());
        let mut browser = Browser::default();
        let asked = browser.leave(&portal, "/auth/login").await;
        let answer = browser.come_back(&portal, &asked, "ada").await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{claims}");
        assert!(body(answer).await.contains("The company sign-in sent something that cannot be trusted"));
        assert_eq!(browser.me(&portal).await.0, StatusCode::UNAUTHORIZED);
        let told = actions(&portal).await;
        assert!(
            told.iter().any(|(action, detail)| action == "auth.sign_in.refused" && detail.starts_with(reason)),
            "{reason} {told:?}"
        );
    }
    provider.behave(|is| is.claims = Value::Null);
    for (status, instead, expected, words) in [
        (400, json!({"error": "invalid_grant<b>"}), 403, "It says: invalid_grant&lt;b&gt;"),
        (500, json!({}), 502, "cannot be reached"),
        (200, json!({"token_type": "Bearer"}), 403, "cannot be trusted"),
        (200, json!({"token_type": "mac", "id_token": "x"}), 403, "cannot be trusted"),
    ] {
        provider.behave(|is| is.instead = Some((status, instead)));
        let mut browser = Browser::default();
        let asked = browser.leave(&portal, "/auth/login").await;
        let answer = browser.come_back(&portal, &asked, "ada").await;
        assert_eq!(answer.status(), expected);
        let page = body(answer).await;
        assert!(page.contains(words), "{page}");
    }
    // What the provider says instead of a code is text.
    let mut browser = Browser::default();
    let asked = browser.leave(&portal, "/auth/login").await;
    let query = format!("error={}&state={}&iss={}", escape("<script>denied"), value(&asked, "state"), escape(&provider.issuer));
    let page = body(browser.get(&portal, &format!("/auth/callback?{query}")).await).await;
    assert!(page.contains("&lt;script&gt;denied") && !page.contains("<script>"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_away_is_told_and_comes_back() {
    let provider = Provider::start().await;
    provider.behave(|is| is.away = true);
    let portal = portal(&provider, ROLES).await;
    let answer = portal.send(get("/auth/login", "")).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().contains_key(header::RETRY_AFTER));
    assert!(body(answer).await.contains("The company sign-in cannot be reached. Try again in a moment."));
    // Other routes do not wait for it.
    assert_eq!(portal.send(get("/auth/me", "")).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_change_without_a_sign_in_that_fails_and_unknown_ones_cost_little() {
    let provider = Provider::start().await;
    let portal = portal(&provider, ROLES).await;
    for key in ["k1", "k2", "k3"] {
        provider.rotate(key);
        let mut browser = Browser::default();
        browser.sign_in(&portal, "ada").await;
    }
    // A hundred tokens of keys that nobody has: the keys are not read a hundred times.
    let before = provider.behaviour.lock().unwrap().key_readings;
    for n in 0..100 {
        let logout = provider.sign(&json!({}));
        let forged =
            logout.replacen(logout.split('.').next().unwrap(), &encoded(&json!({"alg": "ES256", "kid": format!("x{n}")})), 1);
        let answer = backchannel(&portal, &format!("logout_token={forged}")).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    }
    let read = provider.behaviour.lock().unwrap().key_readings - before;
    assert!(read <= 6, "{read} readings of the keys");
    Browser::default().sign_in(&portal, "ada").await;
}

fn encoded(value: &Value) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_that_are_never_finished_leave_little_behind() {
    let provider = Provider::start().await;
    let portal = portal(&provider, ROLES).await;
    let mut browser = Browser::default();
    let mut last = Vec::new();
    for _ in 0..100 {
        last.push(browser.leave(&portal, "/auth/login?back=%2Ft%2Fmeridian%2Fjobs").await);
    }
    assert_eq!(browser.0.len(), 5);
    assert!(browser.cookie().len() < 8_000, "{}", browser.cookie().len());
    // Two of them side by side, the older one first: both end as they began.
    let (newest, older) = (last.pop().unwrap(), last.pop().unwrap());
    assert_eq!(location(&browser.come_back(&portal, &older, "ada").await), "/t/meridian/jobs");
    assert_eq!(location(&browser.come_back(&portal, &newest, "ada").await), "/t/meridian/jobs");
    // One that made room for others is over.
    assert_eq!(browser.come_back(&portal, &last[0], "ada").await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_back_never_leads_elsewhere() {
    let provider = Provider::start().await;
    let portal = portal(&provider, ROLES).await;
    for evil in [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/%2fevil.example",
        "/t//evil",
        "/auth/login",
        "javascript:alert(1)",
    ] {
        let mut browser = Browser::default();
        let asked = browser.leave(&portal, &format!("/auth/login?back={}", escape(evil))).await;
        assert_eq!(location(&browser.come_back(&portal, &asked, "ada").await), "/", "{evil}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_sign_in_takes_the_place_of_the_session() {
    let provider = Provider::start().await;
    let portal = portal(&provider, ROLES).await;
    let mut browser = Browser::default();
    browser.sign_in(&portal, "ada").await;
    browser.connect(&portal).await;
    let old = browser.clone();
    // The same person goes on with what they were connected to, under a new id.
    browser.sign_in(&portal, "ada").await;
    assert_ne!(old.cookie(), browser.cookie());
    assert_eq!(old.me(&portal).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(browser.me(&portal).await.1["tenants"][0]["id"], "meridian");
    assert_eq!(browser.get(&portal, "/t/meridian/overview").await.status(), StatusCode::OK);
    // Somebody else does not.
    browser.sign_in(&portal, "vera").await;
    assert_eq!(browser.me(&portal).await.1["tenants"], json!([]));
    assert!(location(&browser.get(&portal, "/t/meridian/overview").await).starts_with("/connect"));
}

async fn backchannel(portal: &Portal, form: &str) -> Response<Body> {
    // As the provider sends it: without anything of a browser.
    let request = Request::post("/auth/backchannel-logout")
        .header(header::HOST, HOST)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form.to_owned()))
        .unwrap();
    portal.send(request).await
}

fn now_s() -> i64 {
    WallClock.now_ms() / 1_000
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_signs_people_out() {
    let provider = Provider::start().await;
    let portal = portal(&provider, ROLES).await;
    let logout = |more: Value| {
        let events = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
        let mut claims =
            json!({"iss": provider.issuer, "aud": "quartermaster", "iat": now_s(), "exp": now_s() + 120, "events": events});
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        format!("logout_token={}", provider.sign(&claims))
    };
    let (mut ada, mut vera) = (Browser::default(), Browser::default());
    ada.sign_in(&portal, "ada").await;
    vera.sign_in(&portal, "vera").await;
    let token = logout(json!({"jti": "1", "sid": "sid of ada"}));
    let answer = backchannel(&portal, &token).await;
    assert_eq!((answer.status(), answer.headers()[header::CACHE_CONTROL].to_str().unwrap()), (StatusCode::OK, "no-store"));
    assert_eq!(body(answer).await, "");
    assert_eq!(ada.me(&portal).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(vera.me(&portal).await.0, StatusCode::OK);
    // The same token again, two at once, none, another form, too large: refused alike.
    for bad in [
        token.clone(),
        format!("{token}&{token}"),
        String::new(),
        "logout_token=".to_owned(),
        format!("x={}", "y".repeat(17_000)),
    ] {
        let answer = backchannel(&portal, &bad).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        assert_eq!(body(answer).await, r#"{"error":"invalid_request"}"#);
    }
    // A logout that overtakes its sign-in wins.
    let mut late = Browser::default();
    let asked = late.leave(&portal, "/auth/login").await;
    assert_eq!(backchannel(&portal, &logout(json!({"jti": "2", "sub": "otto"}))).await.status(), StatusCode::OK);
    provider.behave(|is| is.claims = json!({"auth_time": now_s() - 5}));
    let answer = late.come_back(&portal, &asked, "otto").await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert!(body(answer).await.contains("You were signed out meanwhile."));
    assert!(actions(&portal).await.iter().any(|(action, _)| action == "auth.backchannel_logout"));
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_out_here_and_everywhere() {
    let provider = Provider::start().await;
    let portal = portal(&provider, ROLES).await;
    let (mut here, mut there) = (Browser::default(), Browser::default());
    here.sign_in(&portal, "ada").await;
    here.connect(&portal).await;
    there.sign_in(&portal, "ada").await;
    assert_eq!(portal.send(get("/auth/logout", &here.cookie())).await.status(), StatusCode::METHOD_NOT_ALLOWED);
    let answer = here.post(&portal, "/auth/logout", "").await;
    assert_eq!(location(&answer), "/auth/signed-out");
    assert!(here.0.is_empty(), "{:?}", here.0);
    assert_eq!(there.me(&portal).await.0, StatusCode::OK);
    let page = body(here.get(&portal, "/auth/signed-out").await).await;
    let end = format!("{}/session/end?client_id=quartermaster", provider.issuer);
    assert!(page.contains("http-equiv=\"refresh\"") && page.contains(&end.replace('&', "&amp;")), "{page}");
    // Everywhere: also sessions that this browser knows nothing of, and their keys.
    here.sign_in(&portal, "ada").await;
    there.connect(&portal).await;
    here.post(&portal, "/auth/logout", "everywhere=1").await;
    assert_eq!(there.me(&portal).await.0, StatusCode::UNAUTHORIZED);
    assert!(portal.state.engine.store.live_sessions(now_s() * 1_000, None).await.unwrap().is_empty());
    assert!(actions(&portal).await.iter().any(|(action, detail)| action == "auth.sign_out" && detail.starts_with("everywhere")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_portals_own_trail_is_for_admins() {
    let provider = Provider::start().await;
    let portal = portal(&provider, ROLES).await;
    let (mut ada, mut otto) = (Browser::default(), Browser::default());
    ada.sign_in(&portal, "ada").await;
    otto.sign_in(&portal, "otto").await;
    let path = "/audit/export?format=jsonl";
    assert_eq!(portal.send(get(path, "")).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(otto.get(&portal, path).await.status(), StatusCode::FORBIDDEN);
    let trail = body(ada.get(&portal, path).await).await;
    let lines: Vec<Value> = trail.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let has = |action: &str, actor: &str| {
        lines.iter().any(|line| line["record"]["action"] == action && line["record"]["actor"]["name"] == actor)
    };
    assert!(has("auth.sign_in", "Name of ada") && has("auth.sign_in", "Name of otto"), "{trail}");
    assert!(has("authz.refused", "Name of otto"), "who was refused is told: {trail}");
    assert!(has("export", "Name of ada"), "that it was taken is a line of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_ones_own_but_for_admins() {
    let provider = Provider::start().await;
    let portal = portal(&provider, ROLES).await;
    let (mut ada, mut vera, mut second) = (Browser::default(), Browser::default(), Browser::default());
    ada.sign_in(&portal, "ada").await;
    vera.sign_in(&portal, "vera").await;
    second.sign_in(&portal, "vera").await;
    let list = async |browser: &Browser| -> Vec<Value> {
        let (status, words) = portal.told("/api/sessions/list", &browser.cookie(), "").await;
        assert_eq!(status, StatusCode::OK, "{words}");
        serde_json::from_str::<Value>(&words).unwrap()["sessions"].as_array().unwrap().clone()
    };
    assert_eq!((list(&vera).await.len(), list(&ada).await.len()), (2, 3), "none of them is connected to a tenant");
    let of_ada = list(&ada).await.into_iter().find(|line| line["person"] == "Name of ada").unwrap();
    let end = |name: &Value| format!("name={}", name.as_str().unwrap());
    // Somebody else's session is none that a viewer knows of.
    assert_eq!(portal.told("/api/sessions/end", &vera.cookie(), &end(&of_ada["name"])).await.0, StatusCode::CONFLICT);
    let everybody = format!("person={}", of_ada["of"].as_str().unwrap());
    assert_eq!(portal.told("/api/sessions/end-all", &vera.cookie(), &everybody).await.0, StatusCode::FORBIDDEN);
    let other = list(&vera).await.into_iter().find(|line| line["this"] == false).unwrap();
    portal.told("/api/sessions/end", &vera.cookie(), &end(&other["name"])).await;
    assert_eq!((vera.me(&portal).await.0, second.me(&portal).await.0), (StatusCode::OK, StatusCode::UNAUTHORIZED));
    let of_vera = list(&ada).await.into_iter().find(|line| line["own"] == false).unwrap();
    portal.told("/api/sessions/end-all", &ada.cookie(), &format!("person={}", of_vera["of"].as_str().unwrap())).await;
    assert_eq!((vera.me(&portal).await.0, ada.me(&portal).await.0), (StatusCode::UNAUTHORIZED, StatusCode::OK));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_was_writing_outlives_the_session_and_is_nobody_elses() {
    let provider = Provider::start().await;
    let portal = portal(&provider, ROLES).await;
    let (mut ada, mut otto) = (Browser::default(), Browser::default());
    for (browser, who) in [(&mut ada, "ada"), (&mut otto, "otto")] {
        browser.sign_in(&portal, who).await;
        // As the same Qlik user, which makes them no less two people.
        browser.connect(&portal).await;
    }
    let lines = escape("MERIDIAN\\somebody");
    portal.told("/api/lists/keep-pasted", &ada.cookie(), &format!("tenant=meridian&purpose=give&lines={lines}")).await;
    ada.post(&portal, "/auth/logout", "everywhere=1").await;
    assert!(!portal.page("/t/meridian/lists", &otto.cookie()).await.contains("MERIDIAN\\somebody"));
    // A call of a page whose session has ended says so, in a way that keeps the page.
    let (status, words) = portal.told("/api/lists/keep-pasted", &ada.cookie(), &format!("tenant=meridian&lines={lines}")).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(serde_json::from_str::<Value>(&words).unwrap()["kind"], "SignedOut");
    ada.sign_in(&portal, "ada").await;
    ada.connect(&portal).await;
    assert!(portal.page("/t/meridian/lists", &ada.cookie()).await.contains("MERIDIAN\\somebody"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_steered_by_its_own_person_or_an_admin() {
    let provider = Provider::start().await;
    let roles = "[auth.roles]\nadmin = [\"subject:ada\"]\noperator = [\"subject:otto\", \"subject:olga\"]\n";
    let options = qlik_sim::Options {
        users: 100,
        assignments: 60,
        api_keys: vec![KEY.to_owned(), "another-key".to_owned()],
        ..qlik_sim::Options::default()
    };
    let text =
        format!("[auth]\nmode = \"oidc\"\n[auth.oidc]\nissuer = \"{}\"\nclient_id = \"quartermaster\"\n{roles}", provider.issuer);
    let auth = config::read("test", &text, []).unwrap().auth;
    let portal = portal_at(options, Arc::new(WallClock), |config, _| config.auth = auth).await;
    let mut people = Vec::new();
    for (who, key) in [("otto", KEY), ("olga", "another-key"), ("ada", "another-key")] {
        let mut browser = Browser::default();
        browser.sign_in(&portal, who).await;
        browser.post(&portal, "/api/connect/key", &format!("tenant=meridian&key={key}&back=")).await;
        people.push(browser);
    }
    let free = portal.without(1).await.remove(0);
    portal.page("/t/meridian/overview", &people[0].cookie()).await;
    let form = format!("tenant=meridian&subject={}&from=&to=analyzer&query=", escape(&free));
    let cookie = people[0].cookie();
    let made = portal.told("/api/assignments/edit", &cookie, &form);
    // No executor runs: the job waits.
    let made = tokio::time::timeout(std::time::Duration::from_secs(20), made).await;
    let jobs = portal.state.engine.store.jobs("meridian", 5).await.unwrap();
    let job = jobs.first().unwrap_or_else(|| panic!("no job: {made:?}")).id.clone();
    let steer = format!("tenant=meridian&id={job}&to=pause");
    let (status, words) = portal.told("/api/jobs/steer", &people[1].cookie(), &steer).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{words}");
    assert!(words.contains("Needs the role admin"), "{words}");
    let (status, words) = portal.told("/api/sessions/withdraw", &people[1].cookie(), &format!("tenant=meridian&job={job}")).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{words}");
    let page = portal.page(&format!("/t/meridian/jobs/{job}"), &people[1].cookie()).await;
    assert!(page.contains("Needs the role admin."), "off, and says why");
    assert_eq!(portal.told("/api/jobs/steer", &people[2].cookie(), &steer).await.0, StatusCode::OK, "an admin may");
    let resume = format!("tenant=meridian&id={job}&to=resume");
    assert_eq!(portal.told("/api/jobs/steer", &people[0].cookie(), &resume).await.0, StatusCode::OK, "and whoever asked for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_takes_much_wants_its_own_confirmation() {
    let provider = Provider::start().await;
    let portal = portal(&provider, &format!("{ROLES}\n[auth.plans]\nstep_up_rows = 5\n")).await;
    let mut ada = Browser::default();
    ada.sign_in(&portal, "ada").await;
    ada.connect(&portal).await;
    portal.page("/t/meridian/overview", &ada.cookie()).await;
    let plan_of = async |browser: &Browser, take: usize, skip: usize| -> String {
        let state = portal.sim("GET", "state", Value::Null).await;
        let held = state["assignments"].as_array().unwrap().clone();
        let rows: Vec<String> = held
            .iter()
            .skip(skip)
            .take(take)
            .map(|row| {
                let allotment = domain::allotment::AllotmentName::new(row["type"].as_str().unwrap());
                let key = domain::assignments::key(row["subject"].as_str().unwrap(), Some(&allotment));
                format!("rows[]={}", escape(key.as_str()))
            })
            .collect();
        let form = format!("tenant=meridian&action=remove&query=&{}", rows.join("&"));
        let to = portal.location("/api/assignments/draft", &browser.cookie(), &form).await;
        to.split('/').nth(4).unwrap_or_else(|| panic!("no plan: {to}")).split('#').next().unwrap().to_owned()
    };
    let small = plan_of(&ada, 3, 0).await;
    let (status, words) = portal.told("/api/plans/apply", &ada.cookie(), &format!("tenant=meridian&id={small}")).await;
    assert_ne!(status, StatusCode::FORBIDDEN, "{words}");
    let large = plan_of(&ada, 8, 20).await;
    let apply = format!("tenant=meridian&id={large}&confirm=8");
    let refused = async |browser: &Browser, form: &str| -> Value {
        let (status, words) = portal.told("/api/plans/apply", &browser.cookie(), form).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{words}");
        serde_json::from_str(&words).unwrap()
    };
    let error = refused(&ada, &apply).await;
    assert_eq!((&error["kind"], &error["to"]), (&json!("StepUp"), &json!(format!("/auth/step-up?plan={large}"))));
    assert!(
        portal
            .page(&format!("/t/meridian/plans/{large}"), &ada.cookie())
            .await
            .contains("Confirm it is you: this plan takes licenses from 8 people.")
    );
    // A plan that is not there, or of a tenant one is not connected to.
    assert_eq!(ada.get(&portal, "/auth/step-up?plan=nothing").await.status(), StatusCode::NOT_FOUND);
    let mut stranger = Browser::default();
    stranger.sign_in(&portal, "otto").await;
    assert_eq!(stranger.get(&portal, &format!("/auth/step-up?plan={large}")).await.status(), StatusCode::NOT_FOUND);
    // Somebody else, an old sign-in, or one that does not say when: no.
    let step_up = format!("/auth/step-up?plan={large}");
    let asked = ada.leave(&portal, &step_up).await;
    assert_eq!((value(&asked, "max_age"), value(&asked, "prompt")), ("0", "login"));
    let mut other = ada.clone();
    let answer = other.come_back(&portal, &asked, "otto").await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert!(body(answer).await.contains("It was not you who confirmed: signed in as Name of otto."));
    for claims in [json!({"auth_time": now_s() - 400}), json!({"auth_time": null}), json!({"auth_time": now_s() * 1_000})] {
        provider.behave(|is| is.claims = claims.clone());
        let asked = ada.leave(&portal, &step_up).await;
        assert_eq!(ada.come_back(&portal, &asked, "ada").await.status(), StatusCode::FORBIDDEN, "{claims}");
    }
    refused(&ada, &apply).await;
    provider.behave(|is| is.claims = Value::Null);
    // Confirmed: for this plan, in this session, which has a new id and is no longer than it was.
    let before = ada.me(&portal).await.1;
    let old = ada.clone();
    let asked = ada.leave(&portal, &step_up).await;
    let answer = ada.come_back(&portal, &asked, "ada").await;
    assert_eq!(location(&answer), format!("/t/meridian/plans/{large}"));
    assert_eq!(old.me(&portal).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(ada.me(&portal).await.1["session"]["absolute_until"], before["session"]["absolute_until"]);
    let another = plan_of(&ada, 8, 40).await;
    refused(&ada, &format!("tenant=meridian&id={another}&confirm=8")).await;
    let to = portal.location("/api/plans/apply", &ada.cookie(), &apply).await;
    assert!(to.contains("/jobs/"), "{to}");
    let told = actions(&portal).await;
    for action in ["auth.step_up", "auth.step_up.refused"] {
        assert!(told.iter().any(|(known, _)| known == action), "{action} {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_for_admins_however_they_come() {
    let provider = Provider::start().await;
    let portal = portal(&provider, &format!("{ROLES}\n[auth.plans]\nstep_up_rows = 1\n")).await;
    let (mut ada, mut otto) = (Browser::default(), Browser::default());
    for (browser, who) in [(&mut ada, "ada"), (&mut otto, "otto")] {
        browser.sign_in(&portal, who).await;
        browser.connect(&portal).await;
    }
    portal.page("/t/meridian/settings", &ada.cookie()).await;
    let to = portal.location("/api/settings/auto-assign", &ada.cookie(), "tenant=meridian&professional=on").await;
    let id = to.split('/').nth(4).unwrap_or_else(|| panic!("no plan: {to}")).split('#').next().unwrap().to_owned();
    // An admin's plan is still no operator's to apply, adjust, or take back once it is a job.
    let refused = async |path: &str, form: &str| {
        let (status, words) = portal.told(path, &otto.cookie(), form).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{path} {words}");
        assert!(words.contains("Needs the role admin"), "{words}");
    };
    let number = portal.page(&format!("/t/meridian/plans/{id}"), &ada.cookie()).await;
    let number: String =
        number.split("Type ").nth(1).map(|rest| rest.chars().take_while(char::is_ascii_digit).collect()).unwrap_or_default();
    refused("/api/plans/apply", &format!("tenant=meridian&id={id}&confirm={number}")).await;
    refused("/api/plans/adjust", &format!("tenant=meridian&id={id}&what=newcomers")).await;
    assert!(portal.page(&format!("/t/meridian/plans/{id}"), &otto.cookie()).await.contains("Needs the role admin."));
    let to = portal.location("/api/plans/apply", &ada.cookie(), &format!("tenant=meridian&id={id}&confirm={number}")).await;
    let job = to.split("/jobs/").nth(1).unwrap_or_else(|| panic!("no job: {to}")).split('#').next().unwrap().to_owned();
    let state = portal.state.clone();
    let runs = tokio::spawn(async move { engine::executor::run(state.engine.clone()).await });
    for _ in 0..400 {
        if portal.state.engine.store.job("meridian", &job).await.unwrap().is_some_and(|job| job.state.is_over()) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    runs.abort();
    refused("/api/jobs/redo", &format!("tenant=meridian&id={job}&what=undo")).await;
    // A single edit that takes a license is a plan that takes one.
    let state = portal.sim("GET", "state", Value::Null).await;
    let held = &state["assignments"][0];
    let form = format!(
        "tenant=meridian&subject={}&from={}&to=&query=",
        escape(held["subject"].as_str().unwrap()),
        held["type"].as_str().unwrap()
    );
    let to = portal.location("/api/assignments/edit", &otto.cookie(), &form).await;
    assert!(to.contains("/plans/"), "it waits to be confirmed: {to}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_plan_needs_a_second_person() {
    let provider = Provider::start().await;
    let portal = portal(&provider, &format!("{ROLES}\n[auth.plans]\nfour_eyes_rows = 3\n")).await;
    let (mut ada, mut otto, mut vera) = (Browser::default(), Browser::default(), Browser::default());
    for (browser, who) in [(&mut ada, "ada"), (&mut otto, "otto"), (&mut vera, "vera")] {
        browser.sign_in(&portal, who).await;
        browser.connect(&portal).await;
    }
    portal.page("/t/meridian/overview", &otto.cookie()).await;
    let rows: Vec<String> = portal.without(5).await;
    let plan_of = async |count: usize| -> (String, String) {
        let rows: Vec<String> = rows
            .iter()
            .take(count)
            .map(|subject| format!("rows[]={}", escape(domain::assignments::key(subject, None).as_str())))
            .collect();
        let form = format!("tenant=meridian&action=assign:analyzer&query=&{}", rows.join("&"));
        let to = portal.location("/api/assignments/draft", &otto.cookie(), &form).await;
        let id = to.split('/').nth(4).unwrap_or_else(|| panic!("no plan: {to}")).split('#').next().unwrap().to_owned();
        let hash = portal.state.engine.store.plan("meridian", &id).await.unwrap().unwrap().plan.hash();
        (id, hash)
    };
    let (small, _) = plan_of(3).await;
    let (status, words) = portal.told("/api/plans/apply", &otto.cookie(), &format!("tenant=meridian&id={small}")).await;
    assert_eq!(status, StatusCode::OK, "three changes need nobody else: {words}");
    let (id, hash) = plan_of(5).await;
    let apply = format!("tenant=meridian&id={id}");
    let approve = |hash: &str| format!("tenant=meridian&id={id}&hash={hash}");
    let conflict = async |path: &str, browser: &Browser, form: &str, why: &str| {
        let (status, words) = portal.told(path, &browser.cookie(), form).await;
        assert_eq!(status, StatusCode::CONFLICT, "{words}");
        assert!(words.contains(why), "{words}");
    };
    conflict("/api/plans/apply", &otto, &apply, "has to approve this plan first").await;
    conflict("/api/plans/approve", &otto, &approve(&hash), "You created this plan").await;
    conflict("/api/plans/approve", &ada, &approve("another"), "not the plan that you looked at").await;
    assert_eq!(portal.told("/api/plans/approve", &vera.cookie(), &approve(&hash)).await.0, StatusCode::FORBIDDEN);
    assert!(
        portal.page(&format!("/t/meridian/plans/{id}"), &ada.cookie()).await.contains("Needs the approval of a second person.")
    );
    assert_eq!(portal.told("/api/plans/approve", &ada.cookie(), &approve(&hash)).await.0, StatusCode::OK);
    assert!(portal.page(&format!("/t/meridian/plans/{id}"), &otto.cookie()).await.contains("Approved by Name of ada"));
    conflict("/api/plans/apply", &ada, &apply, "You approved this plan").await;
    // The first of two people who may apply it did not leave the rows as they were; whatever it leads to, it is let through.
    let (status, words) = portal.told("/api/plans/apply", &otto.cookie(), &apply).await;
    assert!(matches!(status, StatusCode::OK | StatusCode::CONFLICT) && !words.contains("second person"), "{status} {words}");
    let trail = portal.state.engine.store.audit_trail("meridian", 0, 50).await.unwrap();
    assert!(
        trail.iter().any(|entry| entry.record.action == "approve plan" && entry.record.actor.name.starts_with("Name of ada"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_hands_out_is_kept_nowhere() {
    let provider = Provider::start().await;
    let portal = portal(&provider, &format!("end_session = \"hint\"\n{ROLES}")).await;
    let mut browser = Browser::default();
    browser.sign_in(&portal, "ada").await;
    browser.connect(&portal).await;
    let cookie = browser.cookie();
    let disk = portal.disk();
    for canary in ["canary-access-token", KEY, "eyJhbGciOiJFUzI1NiI"] {
        assert!(!disk.windows(canary.len()).any(|window| window == canary.as_bytes()), "{canary} is on disk");
    }
    for (_, value) in &browser.0 {
        assert!(!disk.windows(value.len()).any(|window| window == value.as_bytes()), "a cookie is on disk");
    }
    assert!(!cookie.contains("eyJ"));
    // Signing out shows the provider the token it gave.
    browser.post(&portal, "/auth/logout", "").await;
    let page = body(browser.get(&portal, "/auth/signed-out").await).await;
    assert!(page.contains("id_token_hint=eyJ"), "{page}");
    assert!(browser.0.is_empty(), "used once: {:?}", browser.0);
}
