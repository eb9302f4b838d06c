//! The portal as a whole, without a browser: who is let in, what is refused, and where a key never appears.
#![cfg(feature = "ssr")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail by panicking"
)]

#[path = "../support/mod.rs"]
mod support;

mod assertion;
mod exits;
mod groups;
mod history;
mod kept;
mod past;
mod qlik_sign_in;
mod readings;
mod replicas;
mod shown;
mod sign_in;
mod ties;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use domain::assignments;
use engine::executor;
use quartermaster::router;
use quartermaster::ui::query::escape;
use serde_json::json;
use support::{KEY, Portal, get, portal_of, post, sim};
use tower::ServiceExt;

async fn portal() -> Portal {
    portal_of(qlik_sim::Options {
        users: 300,
        assignments: 200,
        groups: 20,
        api_keys: vec![KEY.to_owned()],
        ..qlik_sim::Options::default()
    })
    .await
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_server_function_authorises_first() {
    let portal = portal().await;
    // Arguments that every function can read, so that nothing but the authorisation can refuse.
    let form = "tenant=meridian&id=x&page=1&before=0&q=&query=&what=undo&to=pause&action=assign&theme=dark&rows[]=a&confirm=&job=x&subject=x&name=x&purpose=give&allotment=x&way=x&kind=&text=x&zone=UTC&hash=x&seq=1&room=assignments";
    let mut walked = 0;
    for (path, method) in leptos::server_fn::axum::server_fn_paths() {
        if path.starts_with("/api/connect/") {
            continue;
        }
        assert_eq!(method, axum::http::Method::POST, "{path}: a mutation by GET");
        let mut request = post(path, "", form);
        request.headers_mut().insert(header::ACCEPT, "application/json".parse().unwrap());
        let answer = portal.send(request).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
        walked += 1;
    }
    assert!(walked >= 20, "only {walked} server functions were found");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_send_the_unconnected_to_the_connect_page_and_back() {
    let portal = portal().await;
    let answer = portal.send(get("/t/meridian/assignments?q=a%20b", "")).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let to = answer.headers()[header::LOCATION].to_str().unwrap();
    assert_eq!(to, "/connect?tenant=meridian&back=%2Ft%2Fmeridian%2Fassignments%3Fq%3Da%2520b");
    assert_eq!(portal.send(get("/", "")).await.headers()[header::LOCATION], "/connect");
    let cookie = portal.connect().await;
    assert_eq!(portal.send(get("/", &cookie)).await.headers()[header::LOCATION], "/t/meridian/overview");
    let form = format!("tenant=meridian&key={KEY}&back=%2F%2Fevil.example.com");
    let answer = portal.send(post("/api/connect/key", "", &form)).await;
    assert_eq!(answer.headers()[header::LOCATION], "/t/meridian/overview", "an open redirect");
    assert_eq!(portal.send(get("/nowhere", &cookie)).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(portal.send(get("/t/other/overview", &cookie)).await.status(), StatusCode::NOT_FOUND);
    assert!(portal.text(get("/t/other/overview", &cookie)).await.contains("is not configured"));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_sites_and_other_hosts_are_refused() {
    let portal = portal().await;
    let cookie = portal.connect().await;
    let mut foreign = post("/api/connect/forget", &cookie, "tenant=meridian");
    foreign.headers_mut().insert(header::ORIGIN, "https://evil.example.com".parse().unwrap());
    assert_eq!(portal.send(foreign).await.status(), StatusCode::FORBIDDEN);
    let mut bare = post("/api/connect/forget", &cookie, "tenant=meridian");
    bare.headers_mut().remove(header::ORIGIN);
    bare.headers_mut().remove("sec-fetch-site");
    assert_eq!(portal.send(bare).await.status(), StatusCode::FORBIDDEN, "missing headers");
    assert_eq!(
        portal.state.engine.store.audit_trail("", 0, 10).await.unwrap().len(),
        1,
        "refusals are recorded, one of a kind a minute"
    );
    let mut rebound = get("/connect", "");
    rebound.headers_mut().insert(header::HOST, "evil.example.com".parse().unwrap());
    assert_eq!(portal.send(rebound).await.status(), StatusCode::MISDIRECTED_REQUEST);
    // Still connected: nothing of that had an effect.
    assert_eq!(portal.send(get("/t/meridian/overview", &cookie)).await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_its_headers_and_every_page_its_own_nonce() {
    let portal = portal().await;
    let nonce = async || {
        let answer = portal.send(get("/connect", "")).await;
        let policy = answer.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        assert!(
            policy.contains("'strict-dynamic'") && policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe-inline"),
            "{policy}"
        );
        for (name, value) in
            [("x-content-type-options", "nosniff"), ("referrer-policy", "same-origin"), ("cache-control", "no-store")]
        {
            assert_eq!(answer.headers()[name], value);
        }
        assert!(!answer.headers().contains_key(header::SERVER));
        policy.split("nonce-").nth(1).unwrap().split('\'').next().unwrap().to_owned()
    };
    assert_ne!(nonce().await, nonce().await);
    let html = portal.text(get("/connect", "")).await;
    assert!(!html.contains(" style="), "an inline style, which the policy forbids");
}

/// Everything that is logged from now on, at the finest level, by us and by every library.
fn log() -> Arc<Mutex<Vec<u8>>> {
    #[derive(Clone)]
    struct Kept(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let kept = Kept(Arc::default());
    let writer = kept.clone();
    tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false).with_writer(move || writer.clone()).init();
    kept.0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_never_appears_in_clear() {
    let log = log();
    let portal = portal().await;
    let cookie = portal.connect().await;
    let executor = tokio::spawn(executor::run(portal.state.engine.clone()));
    for page in ["overview", "assignments", "groups", "settings", "plans", "jobs", "audit", "sessions"] {
        let html = portal.text(get(&format!("/t/meridian/{page}"), &cookie)).await;
        assert!(html.contains("<h1"), "{page}");
        assert!(!html.contains(KEY), "{page} shows the key");
    }
    assert!(!portal.text(get("/connect", &cookie)).await.contains(KEY));
    // A job carries its own sealed copy: let one run to its end.
    let html = portal.text(get("/t/meridian/assignments?license=none", &cookie)).await;
    let row = html.split("name=\"rows[]\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let form = format!("tenant=meridian&action=assign&to=analyzer&rows[]={}", quartermaster::ui::query::escape(&row));
    let answer = portal.send(post("/api/assignments/draft", &cookie, &form)).await;
    let plan = answer.headers()[header::LOCATION].to_str().unwrap().to_owned();
    assert!(plan.contains("/plans/"), "{plan}");
    let id = plan.rsplit('/').next().unwrap();
    let answer = portal.send(post("/api/plans/apply", &cookie, &format!("tenant=meridian&id={id}&confirm="))).await;
    let job = answer.headers()[header::LOCATION].to_str().unwrap().to_owned();
    assert!(job.contains("/jobs/"), "{job}");
    assert!(!contains(&portal.disk(), KEY.as_bytes()));
    let id = job.rsplit('/').next().unwrap();
    for _ in 0..100 {
        if portal.state.engine.store.job("meridian", id).await.unwrap().unwrap().state.is_over() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(portal.text(get(&job, &cookie)).await.contains("1 done (of 1)"));
    assert!(!contains(&portal.disk(), KEY.as_bytes()), "the key is in the database in clear");
    let session = cookie.split('=').nth(1).unwrap();
    assert!(!contains(&portal.disk(), session.as_bytes()), "the session's id is in the database in clear");
    let log = log.lock().unwrap();
    assert!(contains(&log, b"the job is finished"), "the log was kept");
    assert!(!contains(&log, KEY.as_bytes()), "the key is in the log");
    assert!(!contains(&log, session.as_bytes()), "the session's id is in the log");
    executor.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn disconnecting_ends_the_session_for_good() {
    let portal = portal().await;
    let cookie = portal.connect().await;
    portal.send(post("/api/connect/forget", &cookie, "tenant=meridian")).await;
    assert_eq!(portal.send(get("/t/meridian/overview", &cookie)).await.status(), StatusCode::SEE_OTHER);
    drop(portal.sim);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_follows_the_database() {
    let portal = portal().await;
    let ask = async || {
        let request = Request::get("/health").body(Body::empty()).unwrap();
        router::management(&portal.state).oneshot(request).await.unwrap().status()
    };
    assert_eq!(ask().await, StatusCode::OK);
    portal.state.engine.store.close().await;
    assert_eq!(ask().await, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_come_and_go_for_the_connected_only() {
    let portal = portal().await;
    for path in ["assignments.csv", "plan.csv?id=x", "failures.csv?id=x"] {
        let answer = portal.send(get(&format!("/export/meridian/{path}"), "")).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    let form = "--b\r\nContent-Disposition: form-data; name=\"lines\"\r\n\r\np1@meridian.example,Analyzer\r\n--b--\r\n";
    let bring = |cookie: &str, kind: &str| {
        let mut request = post("/import/meridian", cookie, form);
        request.headers_mut().insert(header::CONTENT_TYPE, kind.parse().unwrap());
        request
    };
    let multipart = "multipart/form-data; boundary=b";
    let answer = portal.send(bring("", multipart)).await;
    assert!(answer.headers()[header::LOCATION].to_str().unwrap().starts_with("/connect?"), "brought by nobody");
    let cookie = portal.connect().await;
    let answer = portal.send(bring(&cookie, multipart)).await;
    let page = answer.headers()[header::LOCATION].to_str().unwrap().to_owned();
    assert!(page.starts_with("/t/meridian/lists/") && !page.contains('?'), "{page}");
    assert!(portal.text(get(&page, &cookie)).await.contains("No user has this email."));
    // A form that is none is refused with words, and ends nobody's connection.
    assert_eq!(portal.send(bring(&cookie, "text/plain")).await.status(), StatusCode::BAD_REQUEST);
    let csv = portal.text(get("/export/meridian/assignments.csv?license=any", &cookie)).await;
    assert_eq!(csv.lines().count(), 201);
    assert_eq!(portal.send(get("/export/meridian/plan.csv?id=x", &cookie)).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_travel_to_those_who_may_see_them() {
    use domain::assignments::{Block, Outline, Table};
    use domain::table::Rows as _;
    let portal = portal().await;
    for path in [
        "/rows/meridian/outline?version=1",
        "/rows/meridian/block?version=1",
        "/rows/meridian/use?version=1",
        "/rows/meridian/groups-outline?version=1",
        "/rows/meridian/groups-block?version=1",
        "/events/meridian/jobs/x",
    ] {
        assert_eq!(portal.send(get(path, "")).await.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    let cookie = portal.connect().await;
    let ask = async || {
        let mut ask = post("/api/assignments/window", &cookie, "tenant=meridian&query=");
        ask.headers_mut().insert(header::ACCEPT, "application/json".parse().unwrap());
        serde_json::from_str::<serde_json::Value>(&portal.text(ask).await).unwrap()
    };
    // On a busy machine the first reading takes longer than an answer waits for it.
    let mut said = ask().await;
    for _ in 0..100 {
        if said["Ready"].is_array() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        said = ask().await;
    }
    let version = said["Ready"][0]["version"].as_u64().unwrap();
    let bytes = async |path: String| {
        let answer = portal.send(get(&path, &cookie)).await;
        assert_eq!(
            (answer.status(), answer.headers()[header::CACHE_CONTROL].to_str().unwrap()),
            (StatusCode::OK, "private, no-store")
        );
        axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap()
    };
    let outline = bytes(format!("/rows/meridian/outline?version={version}")).await;
    let mut table = Table::begin(Outline::decode(&outline).unwrap());
    table.push(&Block::decode(&bytes(format!("/rows/meridian/block?version={version}&first=0")).await).unwrap()).unwrap();
    assert_eq!(table.len() as u64, said["Ready"][0]["of"].as_u64().unwrap());
    let first = table.row(0).map(|row| row.key().as_str().to_owned());
    assert_eq!(first.as_deref(), said["Ready"][0]["rows"][0]["key"].as_str());
    // Another version is no error: the page is to be asked for again.
    let other = portal.send(get("/rows/meridian/outline?version=1", &cookie)).await;
    assert_eq!(other.status(), StatusCode::RESET_CONTENT);
    assert_eq!(portal.send(get("/events/meridian/jobs/nosuch", &cookie)).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_tells_where_a_job_stands_and_says_goodbye() {
    let portal = portal().await;
    let cookie = portal.connect().await;
    let state = support::sim(&portal.sim.url, "GET", "state", None).await;
    let held: Vec<String> = support::pairs(&portal.sim.url).await.into_iter().map(|(subject, _)| subject).collect();
    let users = state["users"].as_array().unwrap().iter().map(|user| user["subject"].as_str().unwrap().to_lowercase());
    let free = users.into_iter().find(|subject| !held.contains(subject)).unwrap();
    let key = quartermaster::ui::query::escape(domain::assignments::key(&free, None).as_str());
    let to = async |path: &str, form: String| {
        let answer = portal.send(post(path, &cookie, &form)).await;
        answer.headers()[header::LOCATION].to_str().unwrap().to_owned()
    };
    let plan = to("/api/assignments/draft", format!("tenant=meridian&action=assign&to=analyzer&rows[]={key}")).await;
    let plan = plan.strip_prefix("/t/meridian/plans/").unwrap().to_owned();
    let job = to("/api/plans/apply", format!("tenant=meridian&id={plan}&confirm=")).await;
    let job = job.strip_prefix("/t/meridian/jobs/").unwrap().to_owned();
    // No executor yet: the job waits, and the stream says so.
    let answer = portal.send(get(&format!("/events/meridian/jobs/{job}"), &cookie)).await;
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/event-stream");
    let mut stream = answer.into_body().into_data_stream();
    let mut next = async || {
        let piece = tokio::time::timeout(Duration::from_secs(10), futures::StreamExt::next(&mut stream)).await.unwrap();
        piece.map(|piece| String::from_utf8(piece.unwrap().to_vec()).unwrap())
    };
    let queued = next().await.unwrap();
    assert!(queued.contains("event: pulse") && queued.contains(r#""state":"queued""#), "{queued}");
    let executor = tokio::spawn(executor::run(portal.state.engine.clone()));
    let mut last = String::new();
    while let Some(piece) = next().await {
        last = piece;
    }
    executor.abort();
    assert!(last.contains(r#""state":"finished""#) && last.contains(r#""done":1"#), "the stream ends with the job: {last}");
    // Another one, on a server that is about to stop.
    let undo = to("/api/jobs/redo", format!("tenant=meridian&id={job}&what=undo")).await;
    let plan = undo.strip_prefix("/t/meridian/plans/").unwrap().to_owned();
    let job = to("/api/plans/apply", format!("tenant=meridian&id={plan}&confirm=")).await;
    let job = job.strip_prefix("/t/meridian/jobs/").unwrap().to_owned();
    let mut stream = portal.send(get(&format!("/events/meridian/jobs/{job}"), &cookie)).await.into_body().into_data_stream();
    let mut all = String::new();
    portal.state.engine.closing.send_replace(true);
    while let Some(piece) = tokio::time::timeout(Duration::from_secs(10), futures::StreamExt::next(&mut stream)).await.unwrap() {
        all.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
    }
    assert!(all.contains("event: pulse") && all.contains("event: going-away"), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_out_of_a_shortage_is_judged_by_how_the_tenant_is() {
    let portal = portal().await;
    let cookie = portal.connect().await;
    let state = sim(&portal.sim.url, "GET", "state", None).await;
    let professional = state["allotments"].as_array().unwrap().iter().find(|one| one["name"] == "professional").unwrap();
    let whole = |key: &str| professional[key].as_i64().unwrap_or(0);
    let filled = |n| json!({"subject": format!("FILL\\{n}"), "type": "professional"});
    let fill: Vec<_> = (0..whole("units") + whole("overage") - whole("unitsUsed")).map(filled).collect();
    sim(&portal.sim.url, "POST", "act", Some(json!({ "assign": fill }))).await;
    let held: Vec<&str> = state["assignments"].as_array().unwrap().iter().map(|row| row["subject"].as_str().unwrap()).collect();
    let without = state["users"].as_array().unwrap().iter().map(|user| user["subject"].as_str().unwrap());
    let without = without.filter(|subject| !held.iter().any(|one| one.eq_ignore_ascii_case(subject))).take(2);
    let rows: String = without.map(|subject| format!("&rows[]={}", escape(assignments::key(subject, None).as_str()))).collect();
    let to = async |path: &str, form: String| {
        let answer = portal.send(post(path, &cookie, &form)).await;
        answer.headers()[header::LOCATION].to_str().unwrap().to_owned()
    };
    let short = to("/api/assignments/draft", format!("tenant=meridian&action=assign&to=professional{rows}")).await;
    let page = portal.text(get(&short, &cookie)).await;
    assert!(page.contains("Professional is 2 seats short.") && page.contains("Skip 2 people"), "{short}");
    let id = short.rsplit('/').next().unwrap();
    let take = |way: &str| format!("tenant=meridian&id={id}&allotment=professional&way={way}");

    // A way that nobody offers changes nothing.
    let mut ask = post("/api/plans/remedy", &cookie, &take("another%3Anothing"));
    ask.headers_mut().insert(header::ACCEPT, "application/json".parse().unwrap());
    assert!(portal.send(ask).await.status().is_client_error());

    let left_out = portal.text(get(&to("/api/plans/remedy", take("leave-out")).await, &cookie)).await;
    assert!(left_out.contains("2 rows skipped: no free seat"));
    let otherwise = portal.text(get(&to("/api/plans/remedy", take("another%3Aanalyzer")).await, &cookie)).await;
    assert!(otherwise.contains("Analyzer when out of seats") && otherwise.contains("Apply 2 changes"));

    // Once there are seats, nobody is left out: the plan as it would be now comes instead.
    sim(&portal.sim.url, "POST", "act", Some(json!({ "unassign": [filled(0), filled(1)] }))).await;
    portal.send(post("/api/refresh", &cookie, "tenant=meridian")).await;
    let fits = to("/api/plans/remedy", take("leave-out")).await;
    assert_ne!(fits, short);
    let page = portal.text(get(&fits, &cookie)).await;
    assert!(
        page.contains("The tenant changed after this plan was created.")
            && page.contains("Apply 2 changes")
            && !page.contains("seats short")
    );
}
