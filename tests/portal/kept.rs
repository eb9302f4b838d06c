//! What is kept, and for how long: sessions as long as they are used, drafts until their author is back, everything else as long
//! as it was promised; and what was counted on a page is what is planned.

use std::time::Duration;

use axum::http::{StatusCode, header};
use domain::assignments;
use engine::{executor, housekeeping};
use quartermaster::router;
use quartermaster::ui::query::escape;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{KEY, Portal, SetClock, get, pairs, portal_at, portal_of, post, until};

const HOUR: Duration = Duration::from_hours(1);

fn tenant() -> qlik_sim::Options {
    qlik_sim::Options {
        users: 300,
        assignments: 200,
        groups: 12,
        api_keys: vec![KEY.to_owned(), "another-key".to_owned()],
        rate_scale: 100.0,
        ..qlik_sim::Options::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_lives_as_long_as_it_is_used_and_no_longer_than_half_a_day() {
    let clock = SetClock::at(1_780_000_000_000);
    let portal = portal_at(tenant(), clock.clone(), |_, _| {}).await;
    let answer = portal.send(post("/api/connect/key", "", &format!("tenant=meridian&key={KEY}&back="))).await;
    let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
    // The browser forgets it when it closes; how long it lives is the server's matter alone.
    assert!(!cookie.contains("Max-Age") && !cookie.contains("Expires"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let open = async || portal.send(get("/t/meridian/plans", &cookie)).await.status() == StatusCode::OK;
    // Six looks, an hour and three quarters apart: each keeps it for two hours more.
    for look in 0..6 {
        clock.advance(HOUR * 7 / 4);
        assert!(open().await, "look {look}");
    }
    clock.advance(HOUR * 7 / 4);
    assert!(!open().await, "twelve hours are the end, however much it is used");
    let cookie = portal.connect().await;
    let open = async || portal.send(get("/t/meridian/plans", &cookie)).await.status() == StatusCode::OK;
    clock.advance(HOUR * 19 / 10);
    assert!(open().await);
    clock.advance(HOUR * 21 / 10);
    assert!(!open().await, "two hours without use are the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_old_goes_by_the_clock() {
    let clock = SetClock::at(1_780_000_000_000);
    let portal = portal_at(tenant(), clock.clone(), |config, _| config.storage.keep.plans_days = 3).await;
    let cookie = portal.connect().await;
    portal.page("/t/meridian/overview", &cookie).await;
    let people = portal.without(2).await;
    let plan = async |who: &str| {
        let row = escape(assignments::key(who, None).as_str());
        let form = format!("tenant=meridian&action=assign%3Aanalyzer&rows[]={row}");
        portal.location("/api/assignments/draft", &cookie, &form).await.rsplit('/').next().unwrap().to_owned()
    };
    let (unused, applied) = (plan(&people[0]).await, plan(&people[1]).await);
    let job = portal.location("/api/plans/apply", &cookie, &format!("tenant=meridian&id={applied}&confirm=")).await;
    let job = job.rsplit('/').next().unwrap().to_owned();
    let executor = tokio::spawn(executor::run(portal.state.engine.clone()));
    until("the job is over", Duration::from_secs(20), async || {
        portal.state.engine.store.job("meridian", &job).await.unwrap().unwrap().state.is_over()
    })
    .await;
    executor.abort();
    let form = format!("tenant=meridian&lines={}&purpose=give", escape("a@b.example"));
    let (status, told) = portal.told("/api/lists/keep-pasted", &cookie, &form).await;
    assert!(status.is_success() || status.is_redirection(), "{status} {told}");

    assert_eq!(housekeeping::tidy(&portal.state.engine).await.unwrap(), housekeeping::Tidied::default(), "nothing is old");
    clock.advance(HOUR * 24 * 4);
    let tidied = housekeeping::tidy(&portal.state.engine).await.unwrap();
    assert_eq!((tidied.sessions, tidied.plans), (1, 1), "{tidied:?}");
    let cookie = portal.connect().await;
    let page = portal.send(get(&format!("/t/meridian/plans/{unused}"), &cookie)).await;
    assert_eq!(page.status(), StatusCode::NOT_FOUND);
    clock.advance(HOUR * 24 * 40);
    let tidied = housekeeping::tidy(&portal.state.engine).await.unwrap();
    assert_eq!((tidied.journal_rows, tidied.drafts), (1, 1), "{tidied:?}");
    // What a job came to stays, without its rows; and nobody is offered to undo what can no longer be undone.
    let cookie = portal.connect().await;
    let page = portal.page(&format!("/t/meridian/jobs/{job}"), &cookie).await;
    let facts = page.split("<dl").nth(1).unwrap_or(&page);
    assert!(page.contains("1 done (of 1)"), "what it came to: {}", facts.chars().take(1_500).collect::<String>());
    assert!(page.contains("The rows of this job are no longer stored."));
    assert!(!page.contains("value=\"undo\"") && !page.contains("value=\"retry\""), "nothing to undo any more");
    let (status, _) = portal.told("/api/jobs/redo", &cookie, &format!("tenant=meridian&id={job}&what=undo")).await;
    assert_eq!(status, StatusCode::CONFLICT);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_were_pasted_wait_for_their_author() {
    let portal = portal_of(tenant()).await;
    let (cookie, other) = (portal.connect().await, portal.connect_with("another-key").await);
    let lines = "Subject;Licence\nMERIDIAN\\somebody;Analyzer";
    portal.told("/api/lists/keep-pasted", &cookie, &format!("tenant=meridian&purpose=give&lines={}", escape(lines))).await;
    // The session ends; connected again, the lines are there. Where nobody signs in, whoever comes is the same person, whichever key
    // they connect with.
    portal.send(post("/api/connect/forget", &cookie, "tenant=meridian&jobs=")).await;
    let cookie = portal.connect().await;
    assert!(portal.page("/t/meridian/lists", &cookie).await.contains("MERIDIAN\\somebody"));
    assert!(portal.page("/t/meridian/lists", &other).await.contains("MERIDIAN\\somebody"));
    // Sent by somebody whose session is over, they wait as well, and the way back leads to them.
    let part = |name: &str, value: &str| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let mut request = post("/import/meridian", "", &format!("{}--b--\r\n", part("lines", "x")));
    request.headers_mut().insert(header::CONTENT_TYPE, "multipart/form-data; boundary=b".parse().unwrap());
    let answer = portal.send(request).await;
    let to = answer.headers()[header::LOCATION].to_str().unwrap();
    assert!(to.starts_with("/connect?tenant=meridian&back=%2Ft%2Fmeridian%2Flists"), "{to}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_counted_is_what_is_planned() {
    let portal = portal_of(tenant()).await;
    let cookie = portal.connect().await;
    portal.page("/t/meridian/assignments", &cookie).await;
    let (_, said) = portal.told("/api/assignments/window", &cookie, "tenant=meridian&query=allotment%3Danalyzer").await;
    let said: Value = serde_json::from_str(&said).unwrap();
    let view = &said["Ready"][0];
    let number = |key: &str| view[key].as_u64().unwrap();
    let (version, digest, count) = (number("version"), number("digest"), number("matching"));
    // Somebody else gives one more while one looks.
    let newcomer = portal.without(1).await.remove(0);
    portal.sim("POST", "act", json!({"assign": [{"subject": newcomer, "type": "analyzer"}]})).await;
    portal.refresh(&cookie).await;
    let form = format!("tenant=meridian&action=remove&matching=1&query=allotment%3Danalyzer&version={version}&digest={digest}");
    let plan = portal.location("/api/assignments/draft", &cookie, &form).await;
    assert!(plan.contains("/plans/"), "{plan}");
    let page = portal.page(&plan, &cookie).await;
    assert!(page.contains(&format!("{count} removals")), "{count} were counted");
    assert!(page.contains("new since the selection was made") && page.contains("take-newcomers"), "the newcomer is named apart");
    // Taken in by a click.
    let id = plan.rsplit('/').next().unwrap();
    let with = portal.location("/api/plans/adjust", &cookie, &format!("tenant=meridian&id={id}&what=take-newcomers")).await;
    assert!(portal.page(&with, &cookie).await.contains(&format!("{} removals", count + 1)));
    // Where nobody can tell any more what was counted, it is asked for again.
    let form = form.replace(&format!("digest={digest}"), "digest=1").replace(&format!("version={version}"), "version=1");
    let (status, told) = portal.told("/api/assignments/draft", &cookie, &form).await;
    assert_eq!(status, StatusCode::CONFLICT, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_lost_is_typed_before_it_is_lost() {
    let portal = portal_at(tenant(), std::sync::Arc::new(engine::clock::WallClock), |config, _| config.confirm.losses = 3).await;
    let cookie = portal.connect().await;
    portal.page("/t/meridian/overview", &cookie).await;
    let before = pairs(&portal.sim.url).await;
    let held: Vec<_> = before.iter().filter(|(_, allotment)| allotment == "professional").take(4).collect();
    let row = |(subject, allotment): &(String, String)| {
        format!("&rows[]={}", escape(assignments::key(subject, Some(&domain::allotment::AllotmentName::new(allotment))).as_str()))
    };
    let draft = async |rows: &[&(String, String)], action: &str| {
        let rows: String = rows.iter().map(|one| row(one)).collect();
        let to =
            portal.location("/api/assignments/draft", &cookie, &format!("tenant=meridian&action={}{rows}", escape(action))).await;
        to.strip_prefix("/t/meridian/plans/").unwrap_or_else(|| panic!("{to}")).to_owned()
    };
    let apply = async |id: &str, typed: &str| {
        portal.told("/api/plans/apply", &cookie, &format!("tenant=meridian&id={id}&confirm={}", escape(typed))).await
    };
    // Few are lost: nothing is asked. A change for a lesser license is a loss as well as a removal.
    let few = draft(&held[..2], "remove").await;
    assert!(!portal.page(&format!("/t/meridian/plans/{few}"), &cookie).await.contains("name=\"confirm\" inputmode"));
    for action in ["remove", "change:analyzer"] {
        let many = draft(&held, action).await;
        assert!(portal.page(&format!("/t/meridian/plans/{many}"), &cookie).await.contains("Type 4 to "), "{action}");
        for wrong in ["", "3", "four"] {
            let (status, told) = apply(&many, wrong).await;
            assert!(status.is_client_error(), "{action} {wrong:?}: {status} {told}");
        }
    }
    assert_eq!(pairs(&portal.sim.url).await, before, "nothing was sent");
    let many = draft(&held, "remove").await;
    let (status, told) = apply(&many, " 4 ").await;
    assert!(status.is_success() || status.is_redirection(), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_died_turns_health_red() {
    let portal = portal_of(tenant()).await;
    let ask = async || {
        let request = axum::http::Request::get("/health").body(axum::body::Body::empty()).unwrap();
        let answer = router::management(&portal.state).oneshot(request).await.unwrap();
        (answer.status(), String::from_utf8(axum::body::to_bytes(answer.into_body(), 1_000).await.unwrap().to_vec()).unwrap())
    };
    let kept = portal.state.engine.watch.keep("housekeeping", std::future::pending);
    assert_eq!(ask().await.0, StatusCode::OK);
    let died = portal.state.engine.watch.keep("jobs", || async { panic!("of a fault of ours") });
    until("it is told", Duration::from_secs(5), async || ask().await.0 == StatusCode::SERVICE_UNAVAILABLE).await;
    assert!(ask().await.1.contains("jobs"), "it says which");
    drop((kept, died));
}

impl Portal {
    /// How often this path was asked for.
    async fn asked(&self, path: &str) -> usize {
        let log = self.sim("GET", "requests?since=0", Value::Null).await;
        log.as_array().unwrap().iter().filter(|one| one["path"] == path).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_refresh_at_once_are_one_reading() {
    let portal = portal_of(qlik_sim::Options { latency_ms: 30, ..tenant() }).await;
    let cookie = portal.connect().await;
    portal.page("/t/meridian/overview", &cookie).await;
    let before = portal.asked("/api/v1/licenses/overview").await;
    let all = (0..20).map(|_| portal.send(post("/api/refresh", &cookie, "tenant=meridian")));
    futures::future::join_all(all).await;
    portal.page("/t/meridian/overview", &cookie).await;
    until("the reading is over", Duration::from_secs(10), async || portal.asked("/api/v1/licenses/overview").await > before)
        .await;
    tokio::time::sleep(Duration::from_millis(800)).await;
    let readings = portal.asked("/api/v1/licenses/overview").await - before;
    assert!(readings <= 4, "{readings} readings for twenty clicks");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_back_is_told_what_happened_since() {
    let clock = SetClock::at(1_780_000_000_000);
    let portal = portal_at(tenant(), clock.clone(), |_, _| {}).await;
    let cookie = portal.connect().await;
    let first = portal.page("/t/meridian/overview", &cookie).await;
    assert!(first.contains("License usage") && !first.contains("Since your last visit"), "the first visit");
    clock.advance(HOUR / 6);
    assert!(!portal.page("/t/meridian/overview", &cookie).await.contains("Since your last visit"), "still the same visit");

    // Three days later there are two more seats in use, and a plan was made that nobody applied.
    let two = portal.without(2).await;
    let assign: Vec<Value> = two.iter().map(|subject| json!({ "subject": subject, "type": "analyzer" })).collect();
    portal.sim("POST", "act", json!({ "assign": assign })).await;
    clock.advance(HOUR * 72);
    let cookie = portal.connect().await;
    let row = escape(domain::assignments::key(&portal.without(1).await[0], None).as_str());
    let form = format!("tenant=meridian&action=assign%3Aanalyzer&rows[]={row}");
    let answer = portal.send(post("/api/assignments/draft", &cookie, &form)).await;
    assert!(answer.headers()[header::LOCATION].to_str().unwrap().contains("/plans/"));
    let back = portal.page("/t/meridian/overview", &cookie).await;
    for told in ["Since your last visit 3 days ago: ", ">+2 Analyzer<", ">1 plan not applied<"] {
        assert!(back.contains(told), "{told}");
    }
}
