//! The history of groups through the portal: what changed since the baseline, by whom, and the plan that restores it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use quartermaster::ui::query::escape;
use serde_json::{Value, json};

use crate::groups::{apply, groups, roles};
use crate::support::{KEY, Portal, SetClock, get, portal_in_step};

const START: i64 = 1_795_305_600_000; // 2026-11-22 00:00 UTC

async fn portal() -> (Portal, Arc<SetClock>) {
    let clock = SetClock::at(START);
    let options = qlik_sim::Options {
        users: 120,
        assignments: 60,
        groups: 30,
        api_keys: vec![KEY.to_owned()],
        rate_scale: 200.0,
        ..qlik_sim::Options::default()
    };
    (portal_in_step(options, clock.clone()).await, clock)
}

async fn history(portal: &Portal, cookie: &str, query: &str) -> Value {
    let form = format!("tenant=meridian&query={}", escape(query));
    let (status, words) = portal.told("/api/history/changes", cookie, &form).await;
    assert_eq!(status, StatusCode::OK, "{words}");
    serde_json::from_str::<Value>(&words).unwrap()["Ready"][0].clone()
}

/// Everything of groups that can be restored, by name: one that is made again has another id.
async fn shape(portal: &Portal) -> BTreeMap<String, (Value, Value, Value)> {
    let key = |group: &Value| group["name"].as_str().unwrap().to_owned();
    let shape = |group: Value| (key(&group), (group["description"].clone(), json!(roles(&group)), group["providerType"].clone()));
    groups(portal).await.into_iter().map(shape).collect()
}

/// Calls the tenant's own API, as somebody does who does not use the portal.
#[expect(clippy::disallowed_methods, reason = "this call is not the portal's")]
async fn elsewhere(portal: &Portal, method: &str, path: &str, body: Value) -> Value {
    let method = method.parse().unwrap();
    let request = crate::support::http().request(method, format!("{}/api/v1/{path}", portal.sim.url)).bearer_auth(KEY);
    let answer = request.header("content-type", "application/json").body(body.to_string()).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    let text = answer.text().await.unwrap();
    if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_since_the_baseline_is_told_and_restored() {
    let (portal, clock) = portal().await;
    let _running = portal.state.engine.start();
    let cookie = portal.connect().await;
    portal.page("/t/meridian/groups", &cookie).await;
    let made = portal.location("/api/groups/create", &cookie, "tenant=meridian&names=Ours%0ATheirs&description=for+us").await;
    apply(&portal, &cookie, &made).await;
    portal.refresh(&cookie).await;
    let page = portal.page("/t/meridian/groups/history", &cookie).await;
    assert!(page.contains("None is declared.") && page.contains("The history begins at 2026-11-22"), "{page}");
    let to = portal.location("/api/history/declare", &cookie, "tenant=meridian").await;
    assert_eq!(to, "/t/meridian/groups/history");
    let before = shape(&portal).await;
    let at_first = groups(&portal).await;
    assert!(!portal.page("/t/meridian/overview", &cookie).await.contains("from the baseline of"));

    // By the portal: another set of roles. Elsewhere: a name, a deletion, a new group.
    clock.advance(Duration::from_secs(600));
    let state = portal.sim("GET", "state", Value::Null).await;
    let plain = state["roles"].as_array().unwrap().iter().filter(|role| role["level"] == "user");
    let plain: Vec<&str> = plain.map(|role| role["id"].as_str().unwrap()).collect();
    let by_us = at_first.iter().find(|group| group["name"] == "Ours").unwrap()["id"].as_str().unwrap().to_owned();
    let form = format!("tenant=meridian&id={by_us}&roles[]={}", plain[0]);
    let plan = portal.location("/api/groups/roles", &cookie, &form).await;
    apply(&portal, &cookie, &plan).await;
    let theirs = at_first.iter().find(|group| group["name"] == "Theirs").unwrap()["id"].as_str().unwrap().to_owned();
    let rename = json!([{"op": "replace", "path": "name", "value": "Somebody else's"}]);
    elsewhere(&portal, "PATCH", &format!("groups/{theirs}"), rename).await;
    let gone =
        at_first.iter().find(|group| !roles(group).is_empty() && group["id"] != by_us.as_str() && group["id"] != theirs.as_str());
    let gone = gone.unwrap().clone();
    let reader = state["users"].as_array().unwrap().iter().find(|user| user["subject"] == "MERIDIAN\\reader").unwrap();
    portal.sim("POST", "act", json!({"delete_group": gone["id"], "by": reader["id"]})).await;
    let new = elsewhere(&portal, "POST", "groups", json!({"name": "New elsewhere", "providerType": "custom"})).await;
    clock.advance(Duration::from_secs(600));
    portal.refresh(&cookie).await;

    assert!(portal.page("/t/meridian/overview", &cookie).await.contains("4 groups differ from the baseline of 2026-11-22"));
    let told = history(&portal, &cookie, "from=baseline").await;
    assert_eq!((told["counts"].clone(), told["restorable"].clone()), (json!([1, 2, 1]), json!(3)));
    let line = |name: &str| told["groups"].as_array().unwrap().iter().find(|line| line["name"] == name).unwrap().clone();
    let ours = line("Ours");
    assert_eq!((ours["became"].clone(), ours["outside"].clone()), (json!("Changed"), Value::Null));
    assert!(ours["authors"][0]["seq"].as_i64().unwrap() > 0 && ours["added"].as_array().unwrap().len() == 1, "{ours}");
    assert_eq!(ours["when"], "2026-11-22 00:10 – 00:20");
    let renamed = line("Somebody else's");
    assert_eq!(
        (renamed["facts"].clone(), renamed["outside"].clone()),
        (json!(["renamed from “Theirs”"]), json!("outside Quartermaster, by License admin on 2026-11-22 00:10"))
    );
    let deleted = line(gone["name"].as_str().unwrap());
    assert_eq!((deleted["became"].clone(), deleted["is_there"].clone()), (json!("Deleted"), json!(false)));
    // Who it was is what Qlik's audits say.
    assert_eq!(deleted["outside"], json!("outside Quartermaster, by Reader on 2026-11-22 00:10"));
    assert_eq!(deleted["removed"].as_array().unwrap().len(), roles(&gone).len());
    assert!(line("New elsewhere")["outside"].as_str().unwrap().starts_with("outside Quartermaster, by "));
    // Where the key may not read them, the page says so, and nobody is named but by the group itself.
    portal.sim("PUT", "options", json!({"audits": false})).await;
    let unnamed = history(&portal, &cookie, "from=baseline").await;
    let outside = |line: &Value| line["outside"].as_str().unwrap_or_default().to_owned();
    let words: Vec<String> = unnamed["groups"].as_array().unwrap().iter().map(outside).collect();
    let named = "outside Quartermaster, by License admin";
    assert_eq!(words.iter().filter(|words| **words == "outside Quartermaster").count(), 2, "{words:?}");
    assert_eq!(words.iter().filter(|words| *words == named).count(), 1, "{words:?}");
    assert!(unnamed["notes"].to_string().contains("may not read Qlik's audits"), "{unnamed}");
    portal.sim("PUT", "options", json!({"audits": true})).await;
    // Where they cannot be read, likewise.
    let broken = json!([{"method": "GET", "path": "/api/v1/audits", "times": 10, "then": {"status": 500}}]);
    portal.sim("PUT", "faults", broken).await;
    assert!(history(&portal, &cookie, "from=baseline").await["notes"].to_string().contains("audits could not be loaded"));
    portal.sim("PUT", "faults", json!([])).await;
    // As a file, everything of it; a search cuts both.
    let csv = portal.text(get("/export/meridian/history.csv?from=baseline", &cookie)).await;
    assert_eq!(csv.lines().count(), 5, "{csv}");
    assert_eq!(history(&portal, &cookie, "from=baseline&q=somebody").await["counts"], json!([0, 1, 0]));
    // Between two moments of the past: until then nothing had changed.
    assert_eq!(history(&portal, &cookie, "from=baseline&to=2026-11-22&to_time=00:05").await["counts"], json!([0, 0, 0]));

    // All that was there comes back; what is new stays until somebody chooses it.
    let seen = |told: &Value| {
        format!("tenant=meridian&query={}&moment={}&declared={}", escape("from=baseline"), told["moment"], told["declared_at"])
    };
    let form = format!("{}&all=1", seen(&told));
    let plan = portal.location("/api/history/draft-restore", &cookie, &form).await;
    let page = portal.page(&plan, &cookie).await;
    assert!(page.contains("Restore 3 groups as of the baseline of 2026-11-22"), "{page}");
    apply(&portal, &cookie, &plan).await;
    let mut after = shape(&portal).await;
    assert!(after.remove("New elsewhere").is_some());
    assert_eq!(after, before);
    portal.refresh(&cookie).await;
    // Whoever ticked “restore” is not given a deletion.
    let id = new["id"].as_str().unwrap();
    let (status, words) =
        portal.told("/api/history/draft-restore", &cookie, &format!("{}&rows[]=restore:{id}", seen(&told))).await;
    assert!(status == StatusCode::CONFLICT && words.contains("The groups changed while this page was open"), "{words}");
    let form = format!("{}&rows[]=delete:{id}", seen(&told));
    let plan = portal.location("/api/history/draft-restore", &cookie, &form).await;
    apply(&portal, &cookie, &plan).await;
    assert_eq!(shape(&portal).await, before);
    // The one that was made again has another id, and is the same group to people.
    portal.refresh(&cookie).await;
    assert_eq!(history(&portal, &cookie, "").await["counts"], json!([0, 0, 0]));
    assert!(!portal.page("/t/meridian/overview", &cookie).await.contains("from the baseline of"));
    // A page that is open while another baseline is declared restores nothing of it.
    clock.advance(Duration::from_secs(60));
    let (status, words) = portal.told("/api/history/declare", &cookie, "tenant=meridian").await;
    assert!(status == StatusCode::CONFLICT && words.contains("The baseline was not replaced"), "{words}");
    let replaces = format!("tenant=meridian&replaces={}", told["declared_at"]);
    portal.location("/api/history/declare", &cookie, &replaces).await;
    let (status, words) = portal.told("/api/history/draft-restore", &cookie, &format!("{}&all=1", seen(&told))).await;
    assert!(status == StatusCode::CONFLICT && words.contains("The baseline was replaced"), "{words}");

    let (status, _) = portal.told("/api/history/undeclare", &cookie, "tenant=meridian").await;
    assert!(status.is_success());
    assert!(!portal.page("/t/meridian/overview", &cookie).await.contains("from the baseline of"));
    let trail = portal.state.engine.store.audit_trail("meridian", 0, 200).await.unwrap();
    let actions: Vec<&str> = trail.iter().map(|entry| entry.record.action.as_str()).collect();
    for action in ["declare baseline", "remove baseline", "export"] {
        assert!(actions.contains(&action), "{action}");
    }
}

/// What was counted between two moments of the past is restored, and nothing that came later.
#[tokio::test(flavor = "multi_thread")]
async fn all_of_a_period_is_no_more_than_the_page_counted() {
    let (portal, clock) = portal().await;
    let cookie = portal.connect().await;
    portal.page("/t/meridian/groups", &cookie).await;
    let with_roles: Vec<Value> = groups(&portal).await.into_iter().filter(|group| !roles(group).is_empty()).collect();
    for group in &with_roles[..2] {
        clock.advance(Duration::from_secs(600));
        portal.sim("POST", "act", json!({"set_group_roles": {"id": group["id"], "roles": []}})).await;
        portal.refresh(&cookie).await;
    }
    let query = "from=2026-11-22&to=2026-11-22&to_time=00:15";
    let told = history(&portal, &cookie, query).await;
    assert_eq!(told["counts"], json!([0, 1, 0]));
    assert_eq!(told["groups"][0]["id"], with_roles[0]["id"]);
    let form = format!("tenant=meridian&query={}&moment={}&declared=0&all=1", escape(query), told["moment"]);
    let plan = portal.location("/api/history/draft-restore", &cookie, &form).await;
    let kept = portal.state.engine.store.plan("meridian", plan.rsplit('/').next().unwrap()).await.unwrap().unwrap();
    assert_eq!(
        kept.plan.changes.iter().map(|planned| planned.change.target()).collect::<Vec<_>>(),
        [with_roles[0]["name"].as_str().unwrap()]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn moments_that_make_no_sense_are_refused_with_words() {
    let (portal, _) = portal().await;
    let cookie = portal.connect().await;
    portal.page("/t/meridian/groups", &cookie).await;
    for (query, says) in [
        ("from=yesterday", "Unknown date"),
        ("from=2026-11-22&from_time=noon", "Unknown date"),
        ("from=2027-01-01", "That is still to come"),
        ("from=2026-11-21&to=2026-11-20", "The later moment is before the earlier one"),
        ("from=baseline", "No baseline is declared"),
    ] {
        let form = format!("tenant=meridian&query={}", escape(query));
        let (status, words) = portal.told("/api/history/changes", &cookie, &form).await;
        assert!(!status.is_success() && words.contains(says), "{query}: {words}");
        let page = portal.page(&format!("/t/meridian/groups/history?{query}"), &cookie).await;
        assert!(page.contains(says) && page.contains("Choose two moments"), "{query}");
    }
    let form = format!("tenant=meridian&query={}", escape("from=2026-11-21"));
    let (status, words) = portal.told("/api/history/draft-restore", &cookie, &form).await;
    assert!(status.is_client_error() && words.contains("No group to restore"), "{words}");
    let (status, words) = portal.told("/api/history/draft-restore", &cookie, &format!("{form}&all=1")).await;
    assert!(status.is_client_error() && words.contains("Every group that was there is as it was"), "{words}");
}

/// What a key may not see is not told by what another key saw.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_sees_no_roles_sees_no_history() {
    let (portal, clock) = portal().await;
    let cookie = portal.connect().await;
    portal.page("/t/meridian/groups", &cookie).await;
    let thin = json!([{"method": "GET", "path": "/api/v1/groups", "times": 1_000_000, "then": {"omit": ["assignedRoles"]}}]);
    portal.sim("PUT", "faults", thin).await;
    clock.advance(Duration::from_secs(60));
    portal.refresh(&cookie).await;
    let (status, words) = portal.told("/api/history/changes", &cookie, "tenant=meridian&query=").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(words.contains("The history of groups is not visible with this key"), "{words}");
    let newest = portal.state.engine.history.newest("meridian").await.unwrap().unwrap();
    assert_eq!((newest.n, newest.until), (1, START), "what was not seen is not kept");
}

/// States go when they are old, the one that still stood when the time began stays; a baseline outlives them.
#[tokio::test(flavor = "multi_thread")]
async fn states_go_by_the_clock_and_the_baseline_stays() {
    const DAY: Duration = Duration::from_hours(24);
    let (portal, clock) = portal().await;
    let cookie = portal.connect().await;
    portal.page("/t/meridian/groups", &cookie).await;
    portal.location("/api/history/declare", &cookie, "tenant=meridian").await;
    let group = groups(&portal).await.into_iter().find(|group| !roles(group).is_empty()).unwrap();
    portal.sim("POST", "act", json!({"set_group_roles": {"id": group["id"], "roles": []}})).await;
    clock.advance(DAY);
    let cookie = portal.connect().await;
    portal.refresh(&cookie).await;
    assert_eq!(portal.state.engine.history.newest("meridian").await.unwrap().unwrap().n, 2);
    clock.advance(DAY * 399);
    assert_eq!(engine::housekeeping::tidy(&portal.state.engine).await.unwrap().group_states, 0, "the first still stood then");
    clock.advance(DAY * 2);
    assert_eq!(engine::housekeeping::tidy(&portal.state.engine).await.unwrap().group_states, 1);
    let history = &portal.state.engine.history;
    assert_eq!(history.first("meridian").await.unwrap().unwrap().n, 2);
    let (_, declared) = history.baseline("meridian").await.unwrap().unwrap();
    let (_, now) = history.at("meridian", i64::MAX).await.unwrap().unwrap();
    let drift = domain::drift::Drift::between(&declared, &now).groups;
    assert_eq!(drift.iter().map(|differs| differs.id.as_str()).collect::<Vec<_>>(), [group["id"].as_str().unwrap()]);
}
