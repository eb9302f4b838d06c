//! Licenses by group through the portal: who lacks one, who left and still holds one, the plans, and errors that stay in sight.

use std::time::Duration;

use axum::http::StatusCode;
use quartermaster::ui::query::escape;
use serde_json::{Value, json};

use crate::groups::apply;
use crate::support::{KEY, Portal, portal_of};

async fn portal() -> Portal {
    portal_of(qlik_sim::Options {
        users: 200,
        assignments: 60,
        groups: 12,
        api_keys: vec![KEY.to_owned()],
        rate_scale: 200.0,
        ..qlik_sim::Options::default()
    })
    .await
}

async fn state(portal: &Portal) -> Value {
    portal.sim("GET", "state", Value::Null).await
}

async fn tied(portal: &Portal, cookie: &str, query: &str) -> Value {
    let (status, words) = portal.told("/api/ties/list", cookie, &format!("tenant=meridian&query={}", escape(query))).await;
    assert_eq!(status, StatusCode::OK, "{words}");
    serde_json::from_str::<Value>(&words).unwrap()["Ready"][0].clone()
}

fn has(list: &Value, id: &str) -> bool {
    list.as_array().unwrap().iter().any(|one| one == id)
}

/// Whoever is in a group, can sign in, and holds none of these licenses, recounted from the tenant.
fn lacking(state: &Value, group: &str, enough: &[&str]) -> Vec<String> {
    let holds = |subject: &str| {
        state["assignments"].as_array().unwrap().iter().any(|row| {
            row["subject"].as_str().unwrap().eq_ignore_ascii_case(subject) && enough.contains(&row["type"].as_str().unwrap())
        })
    };
    let mut lacking: Vec<String> = state["users"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|user| has(&user["groups"], group) && !["disabled", "deleted"].contains(&user["status"].as_str().unwrap()))
        .map(|user| user["subject"].as_str().unwrap().to_owned())
        .filter(|subject| !holds(subject))
        .collect();
    lacking.sort();
    lacking
}

/// A group that has members of every kind.
fn busy_group(state: &Value) -> (String, String) {
    let members = |id: &str| state["users"].as_array().unwrap().iter().filter(|user| has(&user["groups"], id)).count();
    let groups = state["groups"].as_array().unwrap();
    let group = groups.iter().max_by_key(|group| members(group["id"].as_str().unwrap())).unwrap();
    (group["id"].as_str().unwrap().to_owned(), group["name"].as_str().unwrap().to_owned())
}

async fn leaves(portal: &Portal, user: &Value, group: &str) {
    let groups: Vec<&Value> = user["groups"].as_array().unwrap().iter().filter(|id| *id != group).collect();
    portal.sim("POST", "act", json!({"set_user_groups": {"id": user["id"], "groups": groups}})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_in_a_group_gets_its_license_and_gives_it_back_when_they_leave() {
    let portal = portal().await;
    let _running = portal.state.engine.start();
    let cookie = portal.connect().await;
    portal.page("/t/meridian/groups", &cookie).await;
    let before = state(&portal).await;
    let (id, name) = busy_group(&before);
    let to = portal.location("/api/ties/tie", &cookie, &format!("tenant=meridian&to=analyzer&name={}", escape(&name))).await;
    assert_eq!(to, "/t/meridian/groups/licenses");
    assert_eq!(state(&portal).await["assignments"], before["assignments"], "a wish sends nothing");
    // One license for a group: another one is not put in its place without a word, for what is remembered of it would go.
    let (status, words) = portal.told("/api/ties/tie", &cookie, &format!("tenant=meridian&to=professional&id={id}")).await;
    assert!(status == axum::http::StatusCode::CONFLICT && words.contains("is tied to Analyzer"), "{status} {words}");
    let wanted = lacking(&before, &id, &["analyzer", "professional"]);
    assert!(!wanted.is_empty());
    let told = tied(&portal, &cookie, "").await;
    let mut subjects: Vec<&str> =
        told["lacking"].as_array().unwrap().iter().map(|line| line["subject"].as_str().unwrap()).collect();
    subjects.sort_unstable();
    assert_eq!(subjects, wanted);
    let counts = &told["ties"][0]["counts"];
    assert_eq!(counts["lack"], json!(wanted.len()));
    let overview = portal.page("/t/meridian/overview", &cookie).await;
    let people = if wanted.len() == 1 { "person lacks" } else { "people lack" };
    assert!(overview.contains(&format!("{} {people} the license of their group", wanted.len())), "{overview}");

    let plan = portal.location("/api/ties/draft", &cookie, &format!("tenant=meridian&what=lacking&group={id}")).await;
    let page = portal.page(&plan, &cookie).await;
    assert!(page.contains(&format!("Assign licenses of {name}")) && page.contains(&format!("member of {name}")), "{page}");
    apply(&portal, &cookie, &plan).await;
    portal.refresh(&cookie).await;
    let after = state(&portal).await;
    assert_eq!(lacking(&after, &id, &["analyzer", "professional"]), Vec::<String>::new());
    let told = tied(&portal, &cookie, "").await;
    assert_eq!((told["lacking_in_all"].clone(), told["left_in_all"].clone()), (json!(0), json!(0)));

    // One of them leaves: found by the next reading, and taken back by a plan.
    let one = after["users"].as_array().unwrap().iter().find(|user| user["subject"] == wanted[0].as_str()).unwrap().clone();
    leaves(&portal, &one, &id).await;
    portal.refresh(&cookie).await;
    let told = tied(&portal, &cookie, "").await;
    assert_eq!(told["left_in_all"], json!(1), "{told}");
    assert_eq!((told["left"][0]["subject"].clone(), told["left"][0]["group_name"].clone()), (json!(wanted[0]), json!(name)));
    assert!(portal.page("/t/meridian/overview", &cookie).await.contains("1 person holds the license of a group that they left"));
    let plan = portal.location("/api/ties/draft", &cookie, "tenant=meridian&what=left").await;
    apply(&portal, &cookie, &plan).await;
    portal.refresh(&cookie).await;
    assert_eq!(tied(&portal, &cookie, "").await["left_in_all"], json!(0));
    let mut expected: Vec<String> =
        crate::support::pairs(&portal.sim.url).await.into_iter().map(|(subject, _)| subject).collect();
    expected.retain(|subject| subject.eq_ignore_ascii_case(&wanted[0]));
    assert_eq!(expected, Vec::<String>::new());

    // A larger license in another group comes first, and a tie can be taken back.
    let (status, _) = portal.told("/api/ties/untie", &cookie, &format!("tenant=meridian&id={id}")).await;
    assert!(status.is_success());
    assert_eq!(tied(&portal, &cookie, "").await["ties"], json!([]));
    let trail = portal.state.engine.store.audit_trail("meridian", 0, 500).await.unwrap();
    for action in ["tie license", "untie license"] {
        assert!(trail.iter().any(|entry| entry.record.action == action), "{action}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_refused_stays_listed_with_what_qlik_said_until_they_hold_it() {
    let portal = portal().await;
    let _running = portal.state.engine.start();
    let cookie = portal.connect().await;
    portal.page("/t/meridian/groups", &cookie).await;
    let (id, name) = busy_group(&state(&portal).await);
    portal.location("/api/ties/tie", &cookie, &format!("tenant=meridian&to=analyzer&id={id}")).await;
    let wanted = lacking(&state(&portal).await, &id, &["analyzer", "professional"]);
    let (_, unlike) = wanted[0].split_once('\\').unwrap();
    let fault = json!([{
        "method": "POST", "path": "/api/v1/licenses/assignments/actions/add", "body": unlike, "times": 1_000_000, "then": {"status": 400}
    }]);
    portal.sim("PUT", "faults", fault).await;
    let plan = portal.location("/api/ties/draft", &cookie, "tenant=meridian&what=lacking").await;
    let job = apply(&portal, &cookie, &plan).await;
    let tally = portal.state.engine.store.tally(&job.id).await.unwrap();
    portal.refresh(&cookie).await;
    let told = tied(&portal, &cookie, "").await;
    assert_eq!(tally.refused, 1);
    assert_eq!((told["lacking_in_all"].clone(), told["refused"].clone()), (json!(1), json!(1)), "{told}");
    let line = &told["lacking"][0];
    assert_eq!((line["subject"].clone(), line["group_name"].clone()), (json!(wanted[0]), json!(name)));
    assert!(line["refusal"]["text"].as_str().unwrap().contains("400"), "{line}");
    // Once they hold it, nothing is left to say.
    portal.sim("PUT", "faults", json!([])).await;
    let plan = portal.location("/api/ties/draft", &cookie, "tenant=meridian&what=lacking").await;
    apply(&portal, &cookie, &plan).await;
    portal.refresh(&cookie).await;
    assert_eq!(tied(&portal, &cookie, "").await["refused"], json!(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_with_words() {
    let portal = portal().await;
    let cookie = portal.connect().await;
    portal.page("/t/meridian/groups", &cookie).await;
    let (id, name) = busy_group(&state(&portal).await);
    for (path, form, says) in [
        ("tie", "&to=analyzer&name=Nobody".to_owned(), "No group has this name"),
        ("tie", format!("&to=analyzer_time&id={id}"), "Unknown license"),
        ("tie", format!("&to=nothing&id={id}"), "Unknown license"),
        ("draft", "&what=lacking".to_owned(), "No one to change"),
        ("draft", "&what=all".to_owned(), "Unknown action"),
    ] {
        let (status, words) = portal.told(&format!("/api/ties/{path}"), &cookie, &format!("tenant=meridian{form}")).await;
        assert!(status.is_client_error() && words.contains(says), "{path} {form}: {status} {words}");
    }
    // What this key does not see says nothing: nobody has left for it.
    portal.location("/api/ties/tie", &cookie, &format!("tenant=meridian&to=analyzer&name={}", escape(&name))).await;
    let thin = json!([{"method": "GET", "path": "/api/v1/users", "times": 1_000_000, "then": {"omit": ["assignedGroups"]}}]);
    portal.sim("PUT", "faults", thin).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    portal.refresh(&cookie).await;
    let told = tied(&portal, &cookie, "").await;
    assert_eq!((told["ties"][0]["counts"].clone(), told["left"].clone()), (Value::Null, json!([])));
    assert!(
        portal.page("/t/meridian/groups/licenses", &cookie).await.contains("Who lacks a license is not visible with this key.")
    );
    let (status, words) = portal.told("/api/ties/draft", &cookie, "tenant=meridian&what=left").await;
    assert!(status == StatusCode::FORBIDDEN && words.contains("not visible"), "{words}");
    portal.sim("PUT", "faults", json!([])).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    portal.refresh(&cookie).await;
    assert_eq!(tied(&portal, &cookie, "").await["left"], json!([]), "they never left");
}
