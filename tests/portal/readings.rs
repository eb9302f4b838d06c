//! A reading that is not whole is never taken for the truth: what a tenant answers too little of is told with both numbers, and
//! nothing is planned or exported as if it were all.

use std::time::Duration;

use axum::http::StatusCode;
use quartermaster::ui::query::escape;
use serde_json::{Value, json};

use crate::support::{KEY, Portal, get, portal_of};

async fn portal() -> Portal {
    portal_of(qlik_sim::Options {
        users: 300,
        assignments: 240,
        groups: 20,
        api_keys: vec![KEY.to_owned()],
        rate_scale: 100.0,
        ..qlik_sim::Options::default()
    })
    .await
}

impl Portal {
    /// From now on each of these answers says too little.
    async fn thin(&self, path: &str, then: Value) {
        self.sim("PUT", "faults", json!([{ "method": "GET", "path": path, "times": 1_000_000, "then": then }])).await;
    }

    /// A list with one line each, brought and checked; its address.
    async fn bring(&self, cookie: &str, purpose: &str, text: &str) -> String {
        let part = |name: &str, value: &str| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        let form = format!("{}{}--b--\r\n", part("purpose", purpose), part("lines", text));
        let mut request = crate::support::post("/import/meridian", cookie, &form);
        request.headers_mut().insert("content-type", "multipart/form-data; boundary=b".parse().unwrap());
        let to = self.send(request).await.headers()["location"].to_str().unwrap().to_owned();
        assert!(to.starts_with("/t/meridian/lists/"), "{to}");
        to
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn licenses_that_do_not_add_up_are_told_and_nothing_is_planned_from_them() {
    let portal = portal().await;
    let state = portal.sim("GET", "state", Value::Null).await;
    let used = state["allotments"].as_array().unwrap().iter().find(|one| one["name"] == "analyzer").unwrap()["unitsUsed"].clone();
    let holder =
        state["assignments"].as_array().unwrap().iter().find(|row| row["type"] == "analyzer").unwrap()["subject"].clone();
    for (what, then) in [("no records at all", json!({"empty": true})), ("the first page alone", json!({"last_page": true}))] {
        portal.thin("/api/v1/licenses/assignments", then).await;
        let cookie = portal.connect().await;
        portal.refresh(&cookie).await;
        for path in ["overview", "assignments"] {
            let page = portal.page(&format!("/t/meridian/{path}"), &cookie).await;
            assert!(
                page.contains("The tenant could not be loaded completely. License changes are disabled until it is."),
                "{what}: {path}"
            );
            assert!(page.contains(&format!("Qlik counts {used} used Analyzer licenses and listed")), "{what}: {path}");
        }
        // Nobody is taken for somebody without a license, whichever way a plan is drawn up.
        let free = portal.without(1).await.remove(0);
        let row = escape(domain::assignments::key(&free, None).as_str());
        let form = format!("tenant=meridian&action=assign%3Aanalyzer&rows[]={row}");
        let (status, told) = portal.told("/api/assignments/draft", &cookie, &form).await;
        assert!(status.is_client_error() && told.contains("could not be loaded completely"), "{what}: {status} {told}");
        let holder = holder.as_str().unwrap();
        for purpose in ["give", "sync"] {
            let list = portal.bring(&cookie, purpose, &format!("Subject,Licence\n{holder},Full user\n")).await;
            let id = list.rsplit('/').next().unwrap();
            let (status, told) = portal.told("/api/lists/plan", &cookie, &format!("tenant=meridian&id={id}")).await;
            assert!(
                status.is_client_error() && told.contains("could not be loaded completely"),
                "{what}: {purpose}: {status} {told}"
            );
        }
        let edit = format!("tenant=meridian&subject={}&to=fullUser&from=&allotment=fullUser", escape(&free));
        let (status, _) = portal.told("/api/assignments/edit", &cookie, &edit).await;
        assert!(status.is_client_error(), "{what}: a single edit");
        // What is there is exported by those alone who say that they know.
        let answer = portal.send(get("/export/meridian/assignments.csv", &cookie)).await;
        assert_eq!(answer.status(), StatusCode::CONFLICT, "{what}");
        assert_eq!(portal.send(get("/export/meridian/assignments.csv?partial=1", &cookie)).await.status(), StatusCode::OK);
        assert_eq!(
            crate::support::pairs(&portal.sim.url).await.len(),
            state["assignments"].as_array().unwrap().len(),
            "nothing arrived at the tenant"
        );
        // Read whole again, all of it is on again.
        portal.sim("PUT", "faults", json!([])).await;
        portal.refresh(&cookie).await;
        assert!(!portal.page("/t/meridian/assignments", &cookie).await.contains("could not be read whole"), "{what}");
        assert!(portal.location("/api/assignments/draft", &cookie, &form).await.contains("/plans/"), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn users_and_groups_that_end_early_are_told() {
    let portal = portal().await;
    portal
        .sim(
            "PUT",
            "faults",
            json!([
                { "method": "GET", "path": "/api/v1/users", "times": 1_000_000, "then": { "last_page": true } },
                { "method": "GET", "path": "/api/v1/groups", "times": 1_000_000, "then": { "empty": true } },
            ]),
        )
        .await;
    let cookie = portal.connect().await;
    let page = portal.page("/t/meridian/assignments", &cookie).await;
    assert!(page.contains("Qlik counts 300 users and listed"), "both numbers of the users");
    assert!(!page.contains("not a user of this tenant"), "whoever was not read is not said to be no user");
    let page = portal.page("/t/meridian/groups", &cookie).await;
    assert!(page.contains("groups and listed 0"), "both numbers of the groups");
}

#[tokio::test(flavor = "multi_thread")]
async fn users_that_the_key_may_not_see_are_not_visible_rather_than_not_there() {
    let portal = portal().await;
    portal
        .sim(
            "PUT",
            "faults",
            json!([{ "method": "GET", "path": "/api/v1/users", "nth": 3, "times": 1_000_000, "then": { "status": 403 } }]),
        )
        .await;
    let cookie = portal.connect().await;
    portal.refresh(&cookie).await;
    let page = portal.page("/t/meridian/assignments", &cookie).await;
    assert!(page.contains("This key cannot see the tenant's users."), "it is said");
    assert!(!page.contains("not a user of this tenant") && !page.contains("API key, and you can"), "nobody is an orphan for it");
    // What hangs on who is a user: a wanted state would take from people nobody could see.
    let state = portal.sim("GET", "state", Value::Null).await;
    let holder = state["assignments"][0]["subject"].as_str().unwrap();
    let list = portal.bring(&cookie, "sync", &format!("Subject,Licence\n{holder},Analyzer\n")).await;
    let id = list.rsplit('/').next().unwrap();
    let (status, told) = portal.told("/api/lists/plan", &cookie, &format!("tenant=meridian&id={id}")).await;
    assert!(status.is_client_error(), "{status} {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_that_are_not_visible_are_never_replaced() {
    let portal = portal().await;
    portal.thin("/api/v1/groups", json!({"omit": ["assignedRoles"]})).await;
    let cookie = portal.connect().await;
    let state = portal.sim("GET", "state", Value::Null).await;
    let group = state["groups"].as_array().unwrap().iter().find(|group| group["roles"].as_array().unwrap().len() > 1).unwrap();
    let id = group["id"].as_str().unwrap();
    let page = portal.page(&format!("/t/meridian/groups/{id}"), &cookie).await;
    assert!(page.contains("not visible"), "the group's page says so");
    assert!(portal.page("/t/meridian/groups", &cookie).await.contains("not visible"), "and the list of groups");
    let role = state["roles"][0]["id"].as_str().unwrap();
    let (status, told) =
        portal.told("/api/groups/roles", &cookie, &format!("tenant=meridian&id={id}&roles[]={}", escape(role))).await;
    assert!(status.is_client_error() && told.contains("What is not visible must not be replaced"), "{status} {told}");
    let after = portal.sim("GET", "state", Value::Null).await;
    assert_eq!(after["groups"], state["groups"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_licensed_by_half_a_list_of_members() {
    let portal = portal().await;
    let state = portal.sim("GET", "state", Value::Null).await;
    let group =
        state["groups"].as_array().unwrap().iter().find(|group| group["status"] == "active").unwrap()["id"].as_str().unwrap();
    for (path, then) in [
        ("/api/v1/users", json!({"omit": ["assignedGroups"]})),
        ("/api/v1/users", json!({"last_page": true})),
        ("/api/v1/groups", json!({"status": 403})),
    ] {
        let cookie = portal.connect().await;
        portal.thin(path, then.clone()).await;
        let form = format!("tenant=meridian&id={group}&to=analyzer");
        let (status, told) = portal.told("/api/groups/license", &cookie, &form).await;
        assert!(status.is_client_error(), "{then}: {status} {told}");
        assert!(!told.contains("no members") && !told.contains("deleted meanwhile"), "{then}: {told}");
        portal.sim("PUT", "faults", json!([])).await;
    }
    let cookie = portal.connect().await;
    portal.refresh(&cookie).await;
    let to = portal.location("/api/groups/license", &cookie, &format!("tenant=meridian&id={group}&to=analyzer")).await;
    assert!(to.contains("/plans/"), "{to}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_that_fails_is_tried_again_with_longer_and_longer_pauses() {
    let portal = portal().await;
    let cookie = portal.connect().await;
    portal.page("/t/meridian/overview", &cookie).await;
    portal.thin("/api/v1/licenses/overview", json!({"status": 500})).await;
    let asked = async || {
        let log = portal.sim("GET", "requests?since=0", Value::Null).await;
        log.as_array().unwrap().iter().filter(|one| one["path"] == "/api/v1/licenses/overview").count()
    };
    let before = asked().await;
    portal.send(crate::support::post("/api/refresh", &cookie, "tenant=meridian")).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    // Many look at it; that is no reason to ask more often.
    for _ in 0..60 {
        let page = portal.text(get("/t/meridian/overview", &cookie)).await;
        assert!(page.contains("role=\"meter\""), "what was last known stays in sight");
    }
    let now = asked().await;
    assert!(now - before <= 12, "{} requests for sixty looks", now - before);
    // Whoever takes it away sees on the file how old it is.
    let answer = portal.send(get("/export/meridian/assignments.csv", &cookie)).await;
    let name = answer.headers()["content-disposition"].to_str().unwrap().to_owned();
    assert!(answer.status() == StatusCode::OK && name.contains("assignments-as-of-2"), "{name}");
}
