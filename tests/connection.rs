//! Connecting by signing in at the tenant: what is bound to what, who refreshes, what is lost, and jobs whose token ends half-way.
#![cfg(feature = "ssr")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail by panicking")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Response, StatusCode, header};
use domain::plan::{Intent, draw_up};
use engine::clock::{SharedClock, WallClock};
use engine::seal::Sealer;
use quartermaster::router;
use quartermaster::server::state::{Shared, State};
use serde_json::{Value, json};
use storage::{AuditFilter, JobState, Store};
use support::{
    Ended, KEY, Portal, SetClock, audit_key, get, give_analyzer, location, people_client, portal_at, post, requests,
    signed_in_at_qlik, until,
};
use tower::ServiceExt as _;

/// A portal whose tenant people sign in at.
async fn portal(users: usize) -> Portal {
    portal_by(users, Arc::new(WallClock)).await
}

async fn portal_by(users: usize, clock: SharedClock) -> Portal {
    let (client, ours) = people_client();
    let options = qlik_sim::Options {
        users,
        // Enough that as many seats are free as the longest job takes.
        assignments: users * 4,
        groups: 2,
        api_keys: vec![KEY.to_owned()],
        oauth_clients: vec![client],
        rate_scale: 100.0,
        ..qlik_sim::Options::default()
    };
    portal_at(options, clock, |_, tenant| tenant.oauth = Some(ours)).await
}

/// Another server of the same database.
async fn replica(portal: &Portal, clock: SharedClock) -> (Shared, Router) {
    let store = Store::open(&portal.state.config.storage.url, audit_key()).await.unwrap();
    let state = State::build(portal.state.config.clone(), store, Sealer::new(vec![9; 32]), clock).unwrap();
    let app = router::router(&state);
    (state, app)
}

/// The cookies that an answer sets, as a browser sends them again; those that it removes are left out.
fn cookies(answer: &Response<Body>) -> String {
    let lines = answer.headers().get_all(header::SET_COOKIE).iter().map(|line| line.to_str().unwrap());
    let kept = lines.filter(|line| !line.contains("Max-Age=0")).map(|line| line.split(';').next().unwrap());
    kept.collect::<Vec<_>>().join("; ")
}

/// The browser's way to the tenant: where it comes back to, and the login cookie.
async fn at_the_tenant(portal: &Portal, cookie: &str, query: &str, hint: &str) -> (String, String) {
    let left = portal.send(get(&format!("/auth/qlik/meridian/connect{query}"), cookie)).await;
    assert_eq!(left.status(), StatusCode::SEE_OTHER);
    let to = location(&left);
    assert!(to.starts_with(&format!("{}/oauth/authorize?", portal.sim.url)), "{to}");
    (signed_in_at_qlik(&to, hint).await, cookies(&left))
}

/// Connects by signing in at the tenant. The cookie of the session, and where one is led.
async fn sign_in(portal: &Portal, cookie: &str, query: &str, hint: &str) -> (String, String) {
    let (back, login) = at_the_tenant(portal, cookie, query, hint).await;
    let came = portal.send(get(&back, &format!("{cookie}; {login}"))).await;
    let (status, to, session) = (came.status(), location(&came), cookies(&came));
    if status != StatusCode::SEE_OTHER {
        let page = to_bytes(came.into_body(), usize::MAX).await.unwrap();
        panic!("{status}: {}", String::from_utf8_lossy(&page));
    }
    (if session.is_empty() { cookie.to_owned() } else { session }, to)
}

async fn families(portal: &Portal) -> Vec<Value> {
    portal.sim("GET", "state", Value::Null).await["oauth"].as_array().unwrap().clone()
}

async fn options(portal: &Portal, oauth: Value) {
    portal.sim("PUT", "options", json!({ "oauth": oauth })).await;
}

async fn recorded(portal: &Portal, action: &str) -> Vec<String> {
    let filter = AuditFilter { action: action.to_owned(), ..AuditFilter::default() };
    let found = portal.state.engine.store.audit_events("meridian", &filter, 0, 100).await.unwrap();
    found.into_iter().map(|event| event.record.reason).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn people_connect_by_signing_in_at_the_tenant() {
    let portal = portal(50).await;
    let page = portal.text(get("/connect", "")).await;
    assert!(page.contains("Sign in at Qlik") && page.contains("Or an API key"), "{page}");
    let (cookie, to) = sign_in(&portal, "", "?back=/t/meridian/assignments", "admin").await;
    assert_eq!(to, "/t/meridian/assignments");
    assert!(portal.page("/t/meridian/overview", &cookie).await.contains("Meridian"));
    let me: Value = serde_json::from_str(&portal.text(get("/auth/me", &cookie)).await).unwrap();
    assert!(me["tenants"][0]["expires_at"].as_str().unwrap().ends_with('Z'), "{me}");
    assert_eq!(families(&portal).await.len(), 1);
    assert_eq!(recorded(&portal, "connect").await, ["Qlik sign-in"]);
    // Connecting again takes the earlier tokens back; disconnecting these.
    let (cookie, _) = sign_in(&portal, &cookie, "", "admin").await;
    until("the earlier tokens are taken back", Duration::from_secs(5), async || {
        families(&portal).await.iter().map(|family| family["revoked"] == true).collect::<Vec<_>>() == [true, false]
    })
    .await;
    portal.send(post("/api/connect/forget", &cookie, "tenant=meridian&jobs=")).await;
    until("these are taken back", Duration::from_secs(5), async || families(&portal).await[1]["revoked"] == true).await;
    // A way back that leads elsewhere is none.
    let (_, to) = sign_in(&portal, "", "?back=//evil.example", "admin").await;
    assert_eq!(to, "/t/meridian/overview");
    assert_eq!(portal.send(get("/auth/qlik/other/connect", "")).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_belong_to_the_browser_that_asked_connects_nobody() {
    let portal = portal(50).await;
    let refused = async |back: &str, cookie: &str, status: StatusCode, words: &str| {
        let answer = portal.send(get(back, cookie)).await;
        let got = answer.status();
        assert!(cookies(&answer).is_empty(), "{words}");
        let text = String::from_utf8(to_bytes(answer.into_body(), usize::MAX).await.unwrap().to_vec()).unwrap();
        assert!(got == status && text.contains(words), "{status} {words}: {got} {text}");
    };
    let begun = "begun in another browser, used before, or took too long";
    let (back, login) = at_the_tenant(&portal, "", "", "admin").await;
    refused(&back, "", StatusCode::FORBIDDEN, begun).await;
    refused(&back.replace("state=", "state=x"), &login, StatusCode::FORBIDDEN, begun).await;
    refused("/auth/qlik/meridian/callback?code=a", &login, StatusCode::BAD_REQUEST, begun).await;
    let doubled = format!("{back}&code=b");
    refused(&doubled, &login, StatusCode::BAD_REQUEST, begun).await;
    // Another session's, and used before.
    let session = portal.connect().await;
    refused(&back, &format!("{session}; {login}"), StatusCode::FORBIDDEN, "Your session has ended").await;
    refused(&back, &login, StatusCode::FORBIDDEN, begun).await;
    assert_eq!(families(&portal).await.len(), 0, "no code was exchanged");
    // Somebody else than the tenant answers.
    options(&portal, json!({"iss": "https://evil.example"})).await;
    let (back, login) = at_the_tenant(&portal, "", "", "admin").await;
    refused(&back, &login, StatusCode::FORBIDDEN, "cannot be trusted").await;
    options(&portal, json!({"iss": true})).await;
    sign_in(&portal, "", "", "admin").await;
    // The tenant says no.
    let (back, login) = at_the_tenant(&portal, "", "", "admin").await;
    let state = back.split("state=").nth(1).unwrap().split('&').next().unwrap();
    let denied = format!("/auth/qlik/meridian/callback?error=%3Cb%3Edenied&state={state}");
    refused(&denied, &login, StatusCode::FORBIDDEN, "&lt;b&gt;denied").await;
    let posted = portal.send(post("/auth/qlik/meridian/callback", "", "")).await;
    assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_else_is_asked_before_they_take_the_place() {
    let portal = portal(50).await;
    let (cookie, _) = sign_in(&portal, "", "", "admin").await;
    let was: Value = serde_json::from_str(&portal.text(get("/auth/me", &cookie)).await).unwrap();
    let (back, login) = at_the_tenant(&portal, &cookie, "", "reader").await;
    let page = portal.text(get(&back, &format!("{cookie}; {login}"))).await;
    assert!(page.contains("Connect instead") && page.contains(was["tenants"][0]["connected_as"].as_str().unwrap()), "{page}");
    let connected_as = async || {
        let me: Value = serde_json::from_str(&portal.text(get("/auth/me", &cookie)).await).unwrap();
        me["tenants"][0]["connected_as"].as_str().unwrap().to_owned()
    };
    let first = connected_as().await;
    until("what came is taken back", Duration::from_secs(5), async || families(&portal).await[1]["revoked"] == true).await;
    // Yes, as somebody else: they come again, and the tenant knows them.
    let again = page.split("/auth/qlik/meridian/connect").nth(1).unwrap().split('"').next().unwrap().replace("&amp;", "&");
    // Another session's word is none.
    let other = portal.connect().await;
    let (back, login) = at_the_tenant(&portal, &other, &again, "reader").await;
    assert!(portal.text(get(&back, &format!("{other}; {login}"))).await.contains("Connect instead"));
    // Nor is it for a third person.
    let (back, login) = at_the_tenant(&portal, &cookie, "?instead=x", "reader").await;
    assert!(portal.text(get(&back, &format!("{cookie}; {login}"))).await.contains("Connect instead"));
    assert_eq!(connected_as().await, first);
    sign_in(&portal, &cookie, &again, "reader").await;
    assert_ne!(connected_as().await, first);
    until("the connection of before is taken back", Duration::from_secs(5), async || {
        families(&portal).await[0]["revoked"] == true
    })
    .await;
}

/// Eight requests on two servers, whose token has ended: the tenant is asked once, and nobody loses the connection.
async fn refreshed_once(rounds: usize) {
    let clock = SetClock::at(support::millis());
    let portal = portal_by(50, clock.clone()).await;
    let (_other, app) = replica(&portal, clock.clone()).await;
    options(&portal, json!({"access_ttl_s": 130, "rotate": true, "reuse": "revoke_family"})).await;
    let (cookie, _) = sign_in(&portal, "", "", "admin").await;
    for round in 1..=rounds {
        // Less than two minutes are left.
        clock.advance(Duration::from_secs(15));
        let asked: Vec<_> = (0..8)
            .map(|n| {
                let app = if n % 2 == 0 { portal.app.clone() } else { app.clone() };
                let request = get("/t/meridian/settings", &cookie);
                tokio::spawn(async move {
                    let answer = app.oneshot(request).await.unwrap();
                    let text = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
                    String::from_utf8_lossy(&text).into_owned()
                })
            })
            .collect();
        for answer in asked {
            let text = answer.await.unwrap();
            assert!(!text.contains("expired or was revoked"), "round {round}");
        }
        let family = &families(&portal).await[0];
        assert_eq!((family["generation"].as_u64(), &family["revoked"]), (Some(round as u64), &json!(false)), "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_refreshes() {
    refreshed_once(100).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by script/soak"]
async fn one_of_many_refreshes_a_thousand_times() {
    refreshed_once(1_000).await;
}

/// The browser hangs up while the tenant is asked: what it gives is kept all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_goes_on_where_the_browser_hangs_up() {
    let portal = portal(50).await;
    options(&portal, json!({"access_ttl_s": 1})).await;
    let (cookie, _) = sign_in(&portal, "", "", "admin").await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    options(&portal, json!({"access_ttl_s": 3_600})).await;
    let fault = json!({"method": "POST", "path": "/oauth/token", "times": 1, "then": {"delay_ms": 1_000}});
    portal.sim("PUT", "faults", json!([fault])).await;
    let hung_up = portal.send(post("/api/refresh", &cookie, "tenant=meridian"));
    assert!(tokio::time::timeout(Duration::from_millis(300), hung_up).await.is_err());
    let store = &portal.state.engine.store;
    let family = store.credential(&key_of(&cookie), "meridian").await.unwrap().unwrap().family;
    // A server that is asked to stop waits for this, and it has ended by then.
    portal.state.engine.errands.close();
    tokio::time::timeout(Duration::from_secs(5), portal.state.engine.errands.wait()).await.unwrap();
    assert_eq!(store.family(&family).await.unwrap().unwrap().generation, 1);
    assert!(!portal.page("/t/meridian/overview", &cookie).await.contains("expired or was revoked"));
    let family = &families(&portal).await[0];
    assert_eq!((family["generation"].as_u64(), &family["revoked"]), (Some(1), &json!(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_the_tenant_ends_is_told_and_made_again() {
    let portal = portal(50).await;
    let (cookie, _) = sign_in(&portal, "", "", "admin").await;
    portal.page("/t/meridian/overview", &cookie).await;
    portal.sim("POST", "act", json!({"revoke_oauth": {"family": families(&portal).await[0]["family"]}})).await;
    // The tenant refuses the token before its time; refreshing says that it is all over.
    portal.send(post("/api/refresh", &cookie, "tenant=meridian")).await;
    let page = portal.text(get("/t/meridian/overview", &cookie)).await;
    assert!(
        page.contains("Your connection to Meridian Foods has expired or was revoked") && page.contains("Connect again"),
        "{page}"
    );
    assert_eq!(recorded(&portal, "credential.lost").await, ["expired, revoked or used elsewhere"]);
    let (status, _) = portal.told("/api/refresh", &cookie, "tenant=meridian").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(portal.text(get("/connect", &cookie)).await.contains("Connect again"));
    let (cookie, _) = sign_in(&portal, &cookie, "", "admin").await;
    assert!(!portal.page("/t/meridian/overview", &cookie).await.contains("expired or was revoked"));
    assert_eq!(recorded(&portal, "credential.lost").await.len(), 1, "said once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_does_not_refresh_is_asked_again_later() {
    let portal = portal(50).await;
    options(&portal, json!({"access_ttl_s": 60})).await;
    let (cookie, _) = sign_in(&portal, "", "", "admin").await;
    portal.page("/t/meridian/overview", &cookie).await;
    let fault = json!({"method": "POST", "path": "/oauth/token", "times": 100, "then": {"status": 503}});
    portal.sim("PUT", "faults", json!([fault])).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    let seen = requests(&portal.sim.url).await;
    for _ in 0..5 {
        assert!(!portal.page("/t/meridian/overview", &cookie).await.contains("could not be renewed"));
    }
    let log = portal.sim("GET", &format!("requests?since={seen}"), Value::Null).await;
    let asked = log.as_array().unwrap().iter().filter(|request| request["path"] == "/oauth/token").count();
    assert_eq!(asked, 2, "twice with the same token, then not before half a minute");
    portal.sim("PUT", "faults", json!([])).await;
    assert_eq!(families(&portal).await[0]["revoked"], json!(false));
}

/// A job of so many rows, begun by somebody who signed in; with its plan.
async fn job_of(portal: &Portal, cookie: &str, rows: usize) -> (String, domain::plan::Plan, domain::inventory::Inventory) {
    portal.page("/t/meridian/overview", cookie).await;
    let (planned, before) = give_analyzer(&portal.state.engine.store, &portal.sim.url, "meridian", "plan1", rows).await;
    let to = portal.location("/api/plans/apply", cookie, "tenant=meridian&id=plan1&confirm=").await;
    let job = to.strip_prefix("/t/meridian/jobs/").unwrap_or_else(|| panic!("{to}")).to_owned();
    (job, planned, before)
}

async fn state_of(portal: &Portal, job: &str) -> (JobState, String) {
    let row = portal.state.engine.store.job("meridian", job).await.unwrap().unwrap();
    (row.state, row.reason)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_in_the_middle_of_a_job_loses_nothing() {
    const ROWS: usize = 2_000;
    for revoked in [false, true] {
        let portal = portal(4_000).await;
        options(&portal, json!({"access_ttl_s": if revoked { 3_600 } else { 12 }})).await;
        let (cookie, _) = sign_in(&portal, "", "", "admin").await;
        let seen = requests(&portal.sim.url).await;
        let (job, planned, before) = job_of(&portal, &cookie, ROWS).await;
        // Twenty requests at most of a second each.
        portal.sim("PUT", "options", json!({"latency_ms": 800})).await;
        let _running = portal.state.engine.start();
        let store = &portal.state.engine.store;
        if revoked {
            until("some rows are done", Duration::from_secs(20), async || store.tally(&job).await.unwrap().done >= 200).await;
            portal.sim("POST", "act", json!({"revoke_oauth": {"family": families(&portal).await[0]["family"]}})).await;
        }
        until("the job pauses", Duration::from_secs(30), async || state_of(&portal, &job).await.0 == JobState::Paused).await;
        let (_, reason) = state_of(&portal, &job).await;
        assert!(reason.starts_with("Needs ") && reason.contains("when they connect again"), "{reason}");
        let tally = store.tally(&job).await.unwrap();
        assert!(tally.done > 0 && tally.planned > 0 && tally.unknown + tally.sent + tally.refused == 0, "{tally:?}");
        portal.sim("PUT", "options", json!({"latency_ms": 0, "oauth": {"access_ttl_s": 3_600}})).await;
        // Any session of the same Qlik user wakes it: another browser here.
        sign_in(&portal, "", "", "admin").await;
        until("the job ends", Duration::from_secs(60), async || state_of(&portal, &job).await.0 == JobState::Finished).await;
        let ended =
            Ended { run: format!("revoked {revoked}"), tenant: "meridian", job: &job, before: &before, planned: &planned, seen };
        ended.accounts_for_every_row(&portal.sim.url, store).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_refreshes_keeps_its_jobs_running() {
    let portal = portal(2_000).await;
    options(&portal, json!({"access_ttl_s": 6})).await;
    let (cookie, _) = sign_in(&portal, "", "", "admin").await;
    let (job, ..) = job_of(&portal, &cookie, 1_000).await;
    portal.sim("PUT", "options", json!({"latency_ms": 1_000})).await;
    let _running = portal.state.engine.start();
    // Whoever looks at the job's page keeps it going.
    until("the job ends", Duration::from_secs(60), async || {
        portal.text(get(&format!("/t/meridian/jobs/{job}"), &cookie)).await;
        state_of(&portal, &job).await.0 == JobState::Finished
    })
    .await;
    assert!(families(&portal).await[0]["generation"].as_u64().unwrap() >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_with_a_connection_of_its_own_goes_on_without_anybody() {
    let portal = portal(2_000).await;
    options(&portal, json!({"access_ttl_s": 6})).await;
    let (cookie, _) = sign_in(&portal, "", "", "admin").await;
    let (job, ..) = job_of(&portal, &cookie, 1_000).await;
    let page = portal.text(get(&format!("/t/meridian/jobs/{job}"), &cookie)).await;
    assert!(page.contains("Keep it running without me"), "{page}");
    // Not asked as long as the tenant knows them; then they are.
    let query = format!("?job={job}");
    let (back, login) = at_the_tenant(&portal, &cookie, &query, "").await;
    assert!(back.contains("login%5Frequired"), "{back}");
    let asked = portal.send(get(&back, &format!("{cookie}; {login}"))).await;
    assert!(
        location(&asked).starts_with(&format!("{}/oauth/authorize?", portal.sim.url)) && !location(&asked).contains("prompt=")
    );
    let back = signed_in_at_qlik(&location(&asked), "admin").await;
    let came = portal.send(get(&back, &format!("{cookie}; {}", cookies(&asked)))).await;
    assert_eq!(location(&came), format!("/t/meridian/jobs/{job}"));
    assert!(portal.text(get("/t/meridian/sessions", &cookie)).await.contains("continues on its own"));
    // Paused and resumed, it has it still.
    for to in ["pause", "resume"] {
        let (status, words) = portal.told("/api/jobs/steer", &cookie, &format!("tenant=meridian&id={job}&to={to}")).await;
        assert_eq!(status, StatusCode::OK, "{words}");
    }
    let grant = portal.state.engine.store.grant(&job).await.unwrap().unwrap();
    assert_eq!(grant.kind, storage::GrantKind::Own);
    // The session is over; the job is not.
    portal.send(post("/auth/logout", &cookie, "jobs=go-on")).await;
    portal.sim("PUT", "options", json!({"latency_ms": 1_000})).await;
    let _running = portal.state.engine.start();
    until("the job ends", Duration::from_secs(60), async || {
        let (state, reason) = state_of(&portal, &job).await;
        assert_ne!(state, JobState::Paused, "{reason}");
        state == JobState::Finished
    })
    .await;
    until("its connection is taken back", Duration::from_secs(5), async || {
        let all = families(&portal).await;
        all.len() == 2 && all[1]["revoked"] == true && all[1]["generation"].as_u64().unwrap() >= 1
    })
    .await;
    assert_eq!(recorded(&portal, "grant.made").await.len(), 1);
    // Not for a job that is over, nor for a stranger's.
    let (other, _) = sign_in(&portal, "", "", "admin").await;
    assert_eq!(portal.send(get(&format!("/auth/qlik/meridian/connect?job={job}"), &other)).await.status(), StatusCode::NOT_FOUND);
}

/// What the libraries and we log, at the finest level.
#[derive(Clone, Default)]
struct Log(Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_is_anywhere_in_clear() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).init();
    let portal = portal(200).await;
    options(&portal, json!({"access_ttl_s": 1})).await;
    let (cookie, _) = sign_in(&portal, "", "", "admin").await;
    let engine = &portal.state.engine;
    let opened = async |cookie: &str| {
        let stored = engine.store.credentials(&key_of(cookie)).await.unwrap().remove(0);
        let id: tower_sessions::session::Id = cookie.split_once('=').unwrap().1.parse().unwrap();
        let secret = id.0.to_be_bytes();
        let purpose = engine::seal::Purpose::Session { secret: &secret };
        // The database and the master key without the cookie open nothing.
        let grant = engine::seal::Purpose::Grant;
        assert!(engine.sealer.open(&stored.sealed, &stored.wrapped_key, grant, "meridian").is_err());
        let text = engine.sealer.open(&stored.sealed, &stored.wrapped_key, purpose, "meridian").unwrap();
        let held: Value = serde_json::from_str(secrecy::ExposeSecret::expose_secret(&text)).unwrap();
        ["access", "refresh"].map(|name| held[name].as_str().unwrap().to_owned())
    };
    let mut tokens = opened(&cookie).await.to_vec();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let mut pages = portal.page("/t/meridian/overview", &cookie).await;
    let renewed = opened(&cookie).await.to_vec();
    assert!(renewed.iter().zip(&tokens).all(|(new, old)| new != old && !new.is_empty()));
    tokens.extend(renewed);
    // A job that lives by one of them, somebody else who is asked first, and a tenant that ends it all.
    options(&portal, json!({"access_ttl_s": 3_600})).await;
    let (cookie, _) = sign_in(&portal, &cookie, "", "admin").await;
    tokens.extend(opened(&cookie).await);
    let (job, ..) = job_of(&portal, &cookie, 5).await;
    let running = engine.start();
    until("the job ends", Duration::from_secs(20), async || state_of(&portal, &job).await.0 == JobState::Finished).await;
    drop(running);
    let (back, login) = at_the_tenant(&portal, &cookie, "", "reader").await;
    let code = back.split("code=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    pages += &portal.text(get(&back, &format!("{cookie}; {login}"))).await;
    portal.sim("POST", "act", json!({"revoke_oauth": {"family": families(&portal).await[1]["family"]}})).await;
    portal.send(post("/api/refresh", &cookie, "tenant=meridian")).await;
    for path in ["/connect", "/t/meridian/sessions", "/t/meridian/audit", "/auth/me", "/t/meridian/audit/export?format=jsonl"] {
        pages += &portal.text(get(path, &cookie)).await;
    }
    tokens.push(code);
    let logged = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(logged.contains("TRACE") && logged.contains("hyper"), "the libraries speak");
    let (text, disk) = (format!("{pages}{logged}{:?}", portal.state), portal.disk());
    for token in &tokens {
        let at = text.find(token.as_str());
        assert!(at.is_none(), "in a page or a line of the log: {}", at.map_or("", |at| &text[at.saturating_sub(300)..at]));
        assert!(!disk.windows(token.len()).any(|window| window == token.as_bytes()), "on the disk");
    }
    // Nor the cookie, which opens them.
    let id = cookie.split_once('=').unwrap().1;
    assert!(!disk.windows(id.len()).any(|window| window == id.as_bytes()));
}

fn key_of(cookie: &str) -> Vec<u8> {
    let id: tower_sessions::session::Id = cookie.split_once('=').unwrap().1.parse().unwrap();
    quartermaster::server::sessions::session_key(&id)
}

/// Gives a job a connection of its own, as the link on its page does. The page that one is led to.
async fn keep_running(portal: &Portal, cookie: &str, job: &str) -> Response<Body> {
    // Not asked as long as the tenant knows them; then they are.
    let (back, login) = at_the_tenant(portal, cookie, &format!("?job={job}"), "").await;
    let asked = portal.send(get(&back, &format!("{cookie}; {login}"))).await;
    let back = signed_in_at_qlik(&location(&asked), "admin").await;
    portal.send(get(&back, &format!("{cookie}; {}", cookies(&asked)))).await
}

/// Waits until the tenant has revoked its connections as `all` says, in the order in which it gave them.
async fn until_revoked(portal: &Portal, all: &[bool]) {
    until(&format!("its connections are revoked: {all:?}"), Duration::from_secs(8), async || {
        families(portal).await.iter().map(|family| family["revoked"] == true).collect::<Vec<_>>() == all
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_of_a_job_that_serves_no_longer_is_taken_back() {
    let clock = SetClock::at(engine::clock::Clock::now_ms(&WallClock));
    let portal = portal_by(200, clock.clone()).await;
    let (cookie, _) = sign_in(&portal, "", "", "admin").await;
    let (job, ..) = job_of(&portal, &cookie, 20).await;
    keep_running(&portal, &cookie, &job).await;
    until_revoked(&portal, &[false, false]).await;
    // Another takes its place.
    keep_running(&portal, &cookie, &job).await;
    until_revoked(&portal, &[false, true, false]).await;
    // Weeks later housekeeping erases it.
    clock.advance(Duration::from_hours(32 * 24));
    engine::housekeeping::tidy(&portal.state.engine).await.unwrap();
    assert!(portal.state.engine.store.grant(&job).await.unwrap().is_none());
    until_revoked(&portal, &[false, true, true]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_resumed_after_its_own_connection_ended_gives_that_back() {
    let clock = SetClock::at(engine::clock::Clock::now_ms(&WallClock));
    let portal = portal_by(200, clock.clone()).await;
    let (cookie, _) = sign_in(&portal, "", "", "admin").await;
    let (job, ..) = job_of(&portal, &cookie, 20).await;
    keep_running(&portal, &cookie, &job).await;
    portal.told("/api/jobs/steer", &cookie, &format!("tenant=meridian&id={job}&to=pause")).await;
    // It ended an hour ago, and housekeeping was not there yet.
    clock.advance(Duration::from_hours(30 * 24 + 1));
    let (cookie, _) = sign_in(&portal, "", "", "admin").await;
    let (status, words) = portal.told("/api/jobs/steer", &cookie, &format!("tenant=meridian&id={job}&to=resume")).await;
    assert_eq!(status, StatusCode::OK, "{words}");
    assert_eq!(portal.state.engine.store.grant(&job).await.unwrap().unwrap().kind, storage::GrantKind::Lent);
    until_revoked(&portal, &[false, true, false]).await;
}

/// A job that takes a minute, with a connection of its own; and the tenant before it.
async fn slow_job_with_its_own(portal: &Portal, cookie: &str) -> (String, domain::inventory::Inventory) {
    let (job, _, before) = job_of(portal, cookie, 900).await;
    keep_running(portal, cookie, &job).await;
    faults(portal, &[]).await;
    (job, before)
}

/// Has the tenant take its time for what a job sends, and fail as these say.
async fn faults(portal: &Portal, more: &[Value]) {
    let slow = json!({"method": "POST", "path": "/api/v1/licenses/assignments/actions/add", "times": 1_000, "then": {"delay_ms": 3_000}});
    let all: Vec<Value> = [slow].into_iter().chain(more.iter().cloned()).collect();
    portal.sim("PUT", "faults", json!(all)).await;
}

async fn grant_of(portal: &Portal, job: &str) -> Option<storage::Grant> {
    portal.state.engine.store.grant(job).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jobs_own_connection_outlives_an_outage_of_the_sign_in() {
    let portal = portal(1_500).await;
    options(&portal, json!({"access_ttl_s": 8})).await;
    let (cookie, _) = sign_in(&portal, "", "", "admin").await;
    let (job, _) = slow_job_with_its_own(&portal, &cookie).await;
    let family = grant_of(&portal, &job).await.unwrap().family;
    faults(&portal, &[json!({"method": "POST", "path": "/oauth/token", "times": 1_000, "then": {"status": 503}})]).await;
    let _running = portal.state.engine.start();
    until("the job says that it waits", Duration::from_secs(30), async || {
        let (state, reason) = state_of(&portal, &job).await;
        assert!(matches!(state, JobState::Running | JobState::Queued), "{state:?} {reason}");
        reason.contains("Trying again")
    })
    .await;
    assert_eq!(grant_of(&portal, &job).await.unwrap().family, family, "and keeps what it has");
    options(&portal, json!({"access_ttl_s": 3_600})).await;
    portal.sim("PUT", "faults", json!([])).await;
    until("the job ends", Duration::from_secs(90), async || state_of(&portal, &job).await.0 == JobState::Finished).await;
    until_revoked(&portal, &[false, true]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_takes_the_place_of_one_being_renewed_stays() {
    let portal = portal(1_500).await;
    options(&portal, json!({"access_ttl_s": 8})).await;
    let (cookie, _) = sign_in(&portal, "", "", "admin").await;
    let (job, _) = slow_job_with_its_own(&portal, &cookie).await;
    options(&portal, json!({"access_ttl_s": 3_600})).await;
    faults(&portal, &[json!({"method": "POST", "path": "/oauth/token", "times": 1, "then": {"delay_ms": 4_000}})]).await;
    let _running = portal.state.engine.start();
    let seen = requests(&portal.sim.url).await;
    until("it is renewed", Duration::from_secs(20), async || {
        let log = portal.sim("GET", &format!("requests?since={seen}"), Value::Null).await;
        log.as_array().unwrap().iter().any(|request| request["path"] == "/oauth/token")
    })
    .await;
    keep_running(&portal, &cookie, &job).await;
    let family = grant_of(&portal, &job).await.unwrap().family;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (state, reason) = state_of(&portal, &job).await;
    assert!(matches!(state, JobState::Running | JobState::Queued), "{state:?} {reason}");
    assert_eq!(grant_of(&portal, &job).await.unwrap().family, family);
    assert!(recorded(&portal, "credential.lost").await.is_empty());
    until_revoked(&portal, &[false, true, false]).await;
    portal.sim("PUT", "faults", json!([])).await;
    until("the job ends", Duration::from_secs(30), async || state_of(&portal, &job).await.0 == JobState::Finished).await;
    until_revoked(&portal, &[false, true, true]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_job_whose_days_are_over_gives_its_connection_back() {
    let clock = SetClock::at(engine::clock::Clock::now_ms(&WallClock));
    let portal = portal_by(200, clock.clone()).await;
    let (cookie, _) = sign_in(&portal, "", "", "admin").await;
    let (job, ..) = job_of(&portal, &cookie, 20).await;
    keep_running(&portal, &cookie, &job).await;
    clock.advance(Duration::from_hours(30 * 24 + 1));
    let _running = portal.state.engine.start();
    until("the job waits", Duration::from_secs(10), async || state_of(&portal, &job).await.0 == JobState::Paused).await;
    assert!(grant_of(&portal, &job).await.is_none());
    until_revoked(&portal, &[false, true]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jobs_own_connection_is_lent_to_no_other_job() {
    let portal = portal(1_500).await;
    options(&portal, json!({"access_ttl_s": 8})).await;
    let (cookie, _) = sign_in(&portal, "", "", "admin").await;
    let (_, before) = slow_job_with_its_own(&portal, &cookie).await;
    // Another of the same Qlik user waits until they connect again.
    let held = &before.assignments[0];
    let remove = Intent::Remove { licenses: vec![(held.subject.clone(), held.allotment.clone())] };
    support::keep_plan(&portal.state.engine.store, "meridian", "plan2", &draw_up(&before, remove).unwrap()).await;
    let to = portal.location("/api/plans/apply", &cookie, "tenant=meridian&id=plan2&confirm=").await;
    let needs = to.strip_prefix("/t/meridian/jobs/").unwrap_or_else(|| panic!("{to}")).to_owned();
    let store = &portal.state.engine.store;
    let claim = store.claim_job(&needs, "test", support::millis(), support::millis() + 1_000).await.unwrap().unwrap();
    let lent = grant_of(&portal, &needs).await.unwrap().family;
    assert!(matches!(store.pause_in_need(&claim, &lent, "Needs them.").await.unwrap(), storage::InNeed::Paused { .. }));
    let _running = portal.state.engine.start();
    until("the first is renewed", Duration::from_secs(30), async || {
        families(&portal).await[1]["generation"].as_u64().unwrap() >= 1
    })
    .await;
    assert_eq!(state_of(&portal, &needs).await.0, JobState::Paused);
    assert!(grant_of(&portal, &needs).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_hangs_up_while_it_comes_back_is_connected_all_the_same() {
    let portal = portal(50).await;
    let (cookie, _) = sign_in(&portal, "", "", "admin").await;
    let (back, login) = at_the_tenant(&portal, &cookie, "", "admin").await;
    let slow = json!([{"method": "GET", "path": "/api/v1/users/me", "times": 1, "then": {"delay_ms": 1_000}}]);
    portal.sim("PUT", "faults", slow).await;
    let hung_up = portal.send(get(&back, &format!("{cookie}; {login}")));
    assert!(tokio::time::timeout(Duration::from_millis(300), hung_up).await.is_err());
    // The new one is the session's, and the one before is given back.
    until_revoked(&portal, &[true, false]).await;
    assert!(portal.page("/t/meridian/overview", &cookie).await.contains("Meridian Foods"));
}

#[tokio::test(flavor = "multi_thread")]
async fn tabs_that_connect_at_once_leave_one_connection() {
    let portal = portal(50).await;
    let (cookie, _) = sign_in(&portal, "", "", "admin").await;
    let mut tabs = Vec::new();
    for _ in 0..5 {
        let (back, login) = at_the_tenant(&portal, &cookie, "", "admin").await;
        tabs.push(get(&back, &format!("{cookie}; {login}")));
    }
    let answers = futures::future::join_all(tabs.into_iter().map(|tab| portal.send(tab))).await;
    assert!(answers.iter().all(|answer| answer.status() == StatusCode::SEE_OTHER));
    until("one is left", Duration::from_secs(8), async || {
        let live: Vec<_> = families(&portal).await.into_iter().filter(|family| family["revoked"] == false).collect();
        live.len() == 1
    })
    .await;
    assert!(portal.page("/t/meridian/overview", &cookie).await.contains("Meridian Foods"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_connects_anew_while_a_page_renews_sees_it_by_the_new_connection() {
    let portal = portal(50).await;
    options(&portal, json!({"access_ttl_s": 1})).await;
    let (cookie, _) = sign_in(&portal, "", "", "admin").await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    options(&portal, json!({"access_ttl_s": 3_600})).await;
    let (back, login) = at_the_tenant(&portal, &cookie, "", "admin").await;
    let slow = json!([{"method": "POST", "path": "/oauth/token", "times": 1, "then": {"delay_ms": 1_500}}]);
    portal.sim("PUT", "faults", slow).await;
    let page = portal.send(post("/api/refresh", &cookie, "tenant=meridian"));
    let anew = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        portal.send(get(&back, &format!("{cookie}; {login}"))).await
    };
    let (page, anew) = tokio::join!(page, anew);
    assert_eq!((page.status().is_client_error(), anew.status()), (false, StatusCode::SEE_OTHER));
    assert!(recorded(&portal, "credential.lost").await.is_empty());
    until_revoked(&portal, &[true, false]).await;
}

/// Whatever comes between the tenant's answer and our writing it down, its tokens are not left behind.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_nobody_keeps_are_taken_back() {
    let portal = portal(200).await;
    let (cookie, _) = sign_in(&portal, "", "", "admin").await;
    let (job, ..) = job_of(&portal, &cookie, 20).await;
    // Who they are cannot be read.
    let fault = json!({"method": "GET", "path": "/api/v1/users/me", "times": 1, "then": {"status": 403}});
    portal.sim("PUT", "faults", json!([fault])).await;
    let (back, login) = at_the_tenant(&portal, &cookie, "", "admin").await;
    assert_eq!(portal.send(get(&back, &format!("{cookie}; {login}"))).await.status(), StatusCode::FORBIDDEN);
    until_revoked(&portal, &[false, true]).await;
    portal.sim("PUT", "faults", json!([])).await;
    // The job is over by the time they come back.
    let (back, login) = at_the_tenant(&portal, &cookie, &format!("?job={job}"), "").await;
    let asked = portal.send(get(&back, &format!("{cookie}; {login}"))).await;
    let back = signed_in_at_qlik(&location(&asked), "admin").await;
    let _running = portal.state.engine.start();
    until("the job ends", Duration::from_secs(20), async || state_of(&portal, &job).await.0 == JobState::Finished).await;
    let came = portal.send(get(&back, &format!("{cookie}; {}", cookies(&asked)))).await;
    assert_eq!((came.status(), location(&came)), (StatusCode::SEE_OTHER, format!("/t/meridian/jobs/{job}")));
    until_revoked(&portal, &[false, true, true]).await;
    assert!(recorded(&portal, "grant.made").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_of_a_job_that_is_taken_away_is_taken_back_and_the_job_pauses() {
    let portal = portal(500).await;
    let (cookie, _) = sign_in(&portal, "", "", "admin").await;
    let (job, ..) = job_of(&portal, &cookie, 300).await;
    keep_running(&portal, &cookie, &job).await;
    assert_eq!(families(&portal).await.len(), 2);
    portal.sim("PUT", "options", json!({"latency_ms": 1_000})).await;
    let _running = portal.state.engine.start();
    until("it is under way", Duration::from_secs(20), async || {
        portal.state.engine.store.tally(&job).await.unwrap().settled() > 0
    })
    .await;
    let (status, words) = portal.told("/api/sessions/withdraw", &cookie, &format!("tenant=meridian&job={job}")).await;
    assert_eq!(status, StatusCode::OK, "{words}");
    until("the job pauses", Duration::from_secs(5), async || state_of(&portal, &job).await.0 == JobState::Paused).await;
    let (_, reason) = state_of(&portal, &job).await;
    assert!(reason.contains("revoked its key"), "{reason}");
    portal.sim("PUT", "options", json!({"latency_ms": 0})).await;
    until("its connection is taken back", Duration::from_secs(8), async || families(&portal).await[1]["revoked"] == true).await;
    assert_eq!(families(&portal).await[0]["revoked"], json!(false), "the session's stays");
    // Connecting again does not wake what a person stopped.
    sign_in(&portal, "", "", "admin").await;
    assert_eq!(state_of(&portal, &job).await.0, JobState::Paused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_handed_over_to_the_portals_own_client_after_a_confirmation() {
    let machine = qlik_sim::OauthClient::machine("robot:its secret, long enough").unwrap();
    let options = qlik_sim::Options {
        users: 200,
        assignments: 800,
        groups: 2,
        api_keys: vec![KEY.to_owned()],
        oauth_clients: vec![machine],
        rate_scale: 100.0,
        ..qlik_sim::Options::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("machine.secret");
    std::fs::write(&secret, "its secret, long enough").unwrap();
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let text = format!(
        "[tenants.a]\nurl = \"http://127.0.0.1:1\"\n[tenants.a.unattended]\nclient_id = \"robot\"\nclient_secret_file = \"{}\"\n",
        secret.display()
    );
    let unattended = quartermaster::server::config::read("x", &text, []).unwrap().tenants.remove("a").unwrap().unattended;
    let portal = portal_at(options, Arc::new(WallClock), |_, tenant| tenant.unattended = unattended).await;
    let cookie = portal.connect().await;
    let (job, ..) = job_of(&portal, &cookie, 20).await;
    let form = format!("tenant=meridian&id={job}");
    let (status, words) = portal.told("/api/jobs/hand-over", &cookie, &form).await;
    let refused: Value = serde_json::from_str(&words).unwrap();
    assert_eq!((status, refused["kind"].as_str()), (StatusCode::FORBIDDEN, Some("StepUp")), "{words}");
    let to = refused["to"].as_str().unwrap().to_owned();
    assert!(portal.text(get(&to, &cookie)).await.contains("Confirm it is you."));
    // A confirmation to apply the plan is none to hand its job over.
    let plan_only = to.split('&').next().unwrap().replace("/auth/step-up?", "");
    let confirm = async |cookie: &str, more: &str| {
        let answer = portal.send(post("/auth/step-up", cookie, &format!("{plan_only}&key={KEY}{more}"))).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        (cookies(&answer), location(&answer))
    };
    let (cookie, _) = confirm(&cookie, "").await;
    assert_eq!(portal.told("/api/jobs/hand-over", &cookie, &form).await.0, StatusCode::FORBIDDEN);
    let (cookie, back) = confirm(&cookie, &format!("&job={job}")).await;
    assert_eq!(back, format!("/t/meridian/jobs/{job}"));
    let (status, words) = portal.told("/api/jobs/hand-over", &cookie, &form).await;
    assert_eq!(status, StatusCode::OK, "{words}");
    assert_eq!(portal.told("/api/jobs/hand-over", &cookie, &form).await.0, StatusCode::FORBIDDEN, "used up");
    portal.send(post("/api/connect/forget", &cookie, "tenant=meridian&jobs=go-on")).await;
    let _running = portal.state.engine.start();
    until("the job ends", Duration::from_secs(20), async || state_of(&portal, &job).await.0 == JobState::Finished).await;
    let filter = AuditFilter { job: job.clone(), action: "assign".to_owned(), ..AuditFilter::default() };
    let done = portal.state.engine.store.audit_events("meridian", &filter, 0, 5).await.unwrap().remove(0).record;
    assert_eq!((done.actor.kind.as_str(), done.actor.name.as_str()), ("system", "qlikbot\\robot"));
    assert!(!done.behalf.is_empty() && done.outcome == "done", "{done:?}");
    let stored = portal.state.engine.store.grant(&job).await.unwrap();
    assert!(stored.is_none());
}
