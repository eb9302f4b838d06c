//! What pages and files say beside their rows: why something failed, until when one is connected, in which time zone, and what is found.

use std::time::Duration;

use axum::http::{Request, StatusCode, header};
use domain::assignments;
use engine::executor;
use quartermaster::ui::query::escape;
use serde_json::Value;

use crate::support::{KEY, SetClock, get, portal_at, portal_of, post, until};

fn tenant() -> qlik_sim::Options {
    qlik_sim::Options {
        users: 120,
        assignments: 80,
        groups: 6,
        api_keys: vec![KEY.to_owned()],
        rate_scale: 100.0,
        ..qlik_sim::Options::default()
    }
}

/// As a browser without scripts sends a form.
fn by_hand(request: Request<axum::body::Body>) -> Request<axum::body::Body> {
    let (mut parts, body) = request.into_parts();
    parts.headers.insert(header::ACCEPT, "text/html".parse().unwrap());
    Request::from_parts(parts, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_travels_by_a_cookie_and_is_told_once() {
    let portal = portal_of(tenant()).await;
    let answer = portal.send(by_hand(post("/api/connect/key", "", "tenant=meridian&key=wrong&back="))).await;
    assert!(answer.status().is_redirection(), "{}", answer.status());
    let to = answer.headers()[header::LOCATION].to_str().unwrap().to_owned();
    assert!(!to.contains("__err") && !to.contains("wrong"), "the address says nothing of it: {to}");
    let cookies: Vec<String> = answer
        .headers()
        .get_all(header::SET_COOKIE)
        .iter()
        .map(|value| value.to_str().unwrap().to_owned())
        .filter(|cookie| cookie.starts_with("quartermaster-failure="))
        .collect();
    let [cookie] = &cookies[..] else { panic!("{cookies:?}") };
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();

    let answer = portal.send(by_hand(get("/connect", cookie))).await;
    let used = answer.headers().get_all(header::SET_COOKIE).iter().any(|value| value.to_str().unwrap().contains("Max-Age=0"));
    assert!(used, "one page uses it up");
    let page = portal.text(by_hand(get("/connect", cookie))).await;
    assert!(page.contains("Qlik rejected this key"), "the page says what failed");
    assert!(!portal.text(by_hand(get("/connect", ""))).await.contains("Qlik rejected this key"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_link_puts_words_into_a_page() {
    let portal = portal_of(tenant()).await;
    let cookie = portal.connect().await;
    for (asked, led) in [
        ("/connect?__path=%2Fapi%2Fconnect%2Fkey&__err=eyJ9", "/connect"),
        ("/t/meridian/lists?__err=x&page=2", "/t/meridian/lists?page=2"),
    ] {
        let answer = portal.send(by_hand(get(asked, &cookie))).await;
        assert!(answer.status().is_redirection(), "{asked}: {}", answer.status());
        assert_eq!(answer.headers()[header::LOCATION], led);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_until_when_one_is_connected_is_no_use_of_the_session() {
    let clock = SetClock::at(1_780_000_000_000);
    let portal = portal_at(tenant(), clock.clone(), |config, _| config.auth.session.idle_s = 600).await;
    let cookie = portal.connect().await;
    let me = async || -> (StatusCode, Value) {
        let answer = portal.send(get("/auth/me", &cookie)).await;
        let status = answer.status();
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    };
    let (status, first) = me().await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&first["mode"], &first["role"], &first["tenants"][0]["id"]),
        (&"none".into(), &"admin".into(), &"meridian".into())
    );
    assert_eq!(first["session"]["idle_left_s"], 600);
    // Nine minutes of asking, and the end comes no later.
    for _ in 0..9 {
        clock.advance(Duration::from_mins(1));
        assert_eq!(me().await.1["session"]["idle_until"], first["session"]["idle_until"]);
    }
    assert_eq!(portal.told("/api/stay", &cookie, "tenant=meridian").await.0, StatusCode::OK);
    assert_eq!(me().await.1["session"]["idle_left_s"], 600);
    clock.advance(Duration::from_mins(10));
    let (status, ended) = me().await;
    assert_eq!((status, &ended["error"]), (StatusCode::UNAUTHORIZED, &"no_session".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn times_are_told_in_the_zone_of_the_browser() {
    let clock = SetClock::at(1_780_000_000_000); // 2026-05-28 20:26:40 UTC
    let portal = portal_at(tenant(), clock, |_, _| {}).await;
    let cookie = portal.connect().await;
    assert!(portal.page("/t/meridian/overview", &cookie).await.contains("20:26:40 UTC"));
    let answer = portal.send(post("/api/settings/zone", &cookie, "tenant=meridian&zone=Asia%2FKolkata")).await;
    let zone = answer.headers()[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let page = portal.page("/t/meridian/overview", &format!("{cookie}; {zone}")).await;
    assert!(page.contains("01:56:40 IST"), "half past five ahead");
    let (status, told) = portal.told("/api/settings/zone", &cookie, "tenant=meridian&zone=Atlantis").await;
    assert!(status == StatusCode::UNPROCESSABLE_ENTITY && told.contains("Unknown time zone"), "{status} {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_looks_for_is_found_among_everything() {
    let portal = portal_of(tenant()).await;
    let cookie = portal.connect().await;
    portal.page("/t/meridian/overview", &cookie).await;
    let state = portal.sim("GET", "state", Value::Null).await;
    let found = async |text: &str| -> Vec<(String, String)> {
        let form = format!("tenant=meridian&text={}", escape(text));
        let (_, answer) = portal.told("/api/find", &cookie, &form).await;
        let found: Vec<Value> = serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"));
        found.iter().map(|one| (one["kind"].as_str().unwrap().to_owned(), one["path"].as_str().unwrap().to_owned())).collect()
    };
    let subject = state["users"][5]["subject"].as_str().unwrap();
    assert!(found(subject).await.iter().any(|(kind, path)| kind == "Person" && path.contains(&escape(subject))));
    let group = state["groups"].as_array().unwrap().iter().find(|group| group["status"] == "active").unwrap();
    let of = found(group["name"].as_str().unwrap()).await;
    assert!(of.iter().any(|(kind, path)| kind == "Group" && path.contains(group["id"].as_str().unwrap())), "{of:?}");
    assert!(found("steward").await.iter().any(|(kind, _)| kind == "Role"));
    assert!(found("  ").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_searched_and_says_why_and_all_rows_of_its_job_are_taken_away() {
    let portal = portal_of(tenant()).await;
    let cookie = portal.connect().await;
    portal.page("/t/meridian/overview", &cookie).await;
    let people = portal.without(3).await;
    let rows: String = people.iter().map(|who| format!("&rows[]={}", escape(assignments::key(who, None).as_str()))).collect();
    let plan =
        portal.location("/api/assignments/draft", &cookie, &format!("tenant=meridian&action=assign%3Aanalyzer{rows}")).await;
    let page = portal.page(&plan, &cookie).await;
    assert_eq!(page.matches("selected; has no license").count() % 3, 0);
    assert!(page.contains("selected; has no license"));
    let page = portal.page(&format!("{plan}?q={}", escape(&people[1])), &cookie).await;
    let table = page.split("<tbody").nth(1).unwrap().split("</tbody>").next().unwrap();
    assert!(table.contains(&people[1]) && !table.contains(&people[0]), "one of three");
    let id = plan.rsplit('/').next().unwrap();
    let job = portal.location("/api/plans/apply", &cookie, &format!("tenant=meridian&id={id}&confirm=")).await;
    let job = job.rsplit('/').next().unwrap();
    let executor = tokio::spawn(executor::run(portal.state.engine.clone()));
    until("the job is over", Duration::from_secs(20), async || {
        portal.state.engine.store.job("meridian", job).await.unwrap().unwrap().state.is_over()
    })
    .await;
    executor.abort();
    let csv = portal.text(get(&format!("/export/meridian/results.csv?id={job}"), &cookie)).await;
    let lines: Vec<&str> = csv.trim().lines().collect();
    assert!(lines[0].ends_with("Before,After,Result,Code,Qlik says,Trace ID"), "{}", lines[0]);
    assert_eq!(lines.iter().filter(|line| line.contains(",none,Analyzer,done,")).count(), 3, "{csv}");
}
