//! The audit room beyond its list: one record with both of its sides, and the tenant as it was on an earlier day.

use std::time::Duration;

use axum::http::StatusCode;
use engine::clock::WallClock;
use storage::AuditFilter;

use super::support::{KEY, Portal, get, give_analyzer, portal_of, until};

async fn portal() -> Portal {
    let api_keys = vec![KEY.to_owned()];
    portal_of(qlik_sim::Options { users: 60, assignments: 200, groups: 3, api_keys, ..qlik_sim::Options::default() }).await
}

fn day(ago: i64) -> String {
    const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
    engine::clock::iso(engine::clock::Clock::now_ms(&WallClock) - ago * DAY_MS).chars().take(10).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_told_whole_and_a_day_is_put_together_again() {
    let portal = portal().await;
    let cookie = portal.connect().await;
    portal.page("/t/meridian/overview", &cookie).await;
    let store = &portal.state.engine.store;
    give_analyzer(store, &portal.sim.url, "meridian", "plan1", 5).await;
    let to = portal.location("/api/plans/apply", &cookie, "tenant=meridian&id=plan1&confirm=").await;
    let job = to.strip_prefix("/t/meridian/jobs/").unwrap().to_owned();
    let _running = portal.state.engine.start();
    until("the job ends", Duration::from_secs(20), async || store.tally(&job).await.unwrap().done == 5).await;
    // One record, with both sides, where it came from, and its hash.
    let filter = AuditFilter { action: "assign".into(), outcome: "done".into(), ..AuditFilter::default() };
    let event = store.audit_events("meridian", &filter, 0, 1).await.unwrap().remove(0);
    let page = portal.page(&format!("/t/meridian/audit?outcome=done&event={}", event.seq), &cookie).await;
    for words in [
        "Before and after",
        "License",
        "none",
        "Analyzer",
        "Signed in by",
        "its events",
        &event.hash.to_string(),
        "As it is hashed",
    ] {
        assert!(page.contains(words), "{words}");
    }
    assert!(portal.page("/t/meridian/audit?event=999999", &cookie).await.contains("Event not found"));
    // Yesterday nobody of them held anything; the licenses of before are as they were.
    portal.refresh(&cookie).await;
    let page = portal.page(&format!("/t/meridian/audit/then?at={}", day(1)), &cookie).await;
    assert!(page.contains("5 people held something else") && page.contains("PLANNED\\new0"), "{page}");
    assert!(page.contains("5 records of the trail since then") && page.contains("cannot be known"), "{page}");
    let found = portal.page(&format!("/t/meridian/audit/then?at={}&q=new3", day(1)), &cookie).await;
    assert!(found.contains("PLANNED\\new3") && !found.contains("PLANNED\\new1"), "{found}");
    // Today it is as it is.
    let page = portal.page(&format!("/t/meridian/audit/then?at={}", day(0)), &cookie).await;
    assert!(page.contains("Nothing else was different"), "{page}");
    let file = |ago: i64| format!("/t/meridian/audit/then.csv?at={}", day(ago));
    let (then, now) = (portal.text(get(&file(1), &cookie)).await, portal.text(get(&file(0), &cookie)).await);
    assert_eq!(now.lines().count() - then.lines().count(), 5);
    assert!(now.contains("PLANNED\\new0,,Analyzer") && !then.contains("PLANNED\\new0"));
    let taken = AuditFilter { action: "export".into(), ..AuditFilter::default() };
    assert_eq!(store.audit_events("meridian", &taken, 0, 9).await.unwrap().len(), 2);
    for (at, words) in [("soon", "Unknown date"), ("2999-01-01", "still to come"), ("2026-11-03&time=25:00", "Unknown date")] {
        let page = portal.page(&format!("/t/meridian/audit/then?at={at}"), &cookie).await;
        assert!(page.contains(words), "{at}: {page}");
        assert_eq!(
            portal.send(get(&format!("/t/meridian/audit/then.csv?at={at}"), &cookie)).await.status(),
            StatusCode::UNPROCESSABLE_ENTITY
        );
    }
    assert!(portal.page("/t/meridian/audit/then", &cookie).await.contains("Choose a day"));
}
