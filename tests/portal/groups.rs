//! Groups and their roles through the portal: many made from a file, edits of a selection, the matrix, and what each says of bad input.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::{StatusCode, header};
use quartermaster::ui::query::escape;
use serde_json::{Value, json};
use storage::JobState;

use crate::support::{KEY, Portal, location, portal_of, post, until};

async fn portal(groups: usize) -> Portal {
    portal_of(qlik_sim::Options {
        users: 120,
        assignments: 60,
        groups,
        api_keys: vec![KEY.to_owned()],
        rate_scale: 200.0,
        ..qlik_sim::Options::default()
    })
    .await
}

pub(crate) async fn groups(portal: &Portal) -> Vec<Value> {
    portal.sim("GET", "state", Value::Null).await["groups"].as_array().unwrap().clone()
}

pub(crate) fn roles(group: &Value) -> BTreeSet<String> {
    group["roles"].as_array().unwrap().iter().map(|role| role.as_str().unwrap().to_owned()).collect()
}

/// Brings a file; where that leads to.
async fn bring(portal: &Portal, cookie: &str, what: &str, file: &str) -> String {
    let body = format!(
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"list.csv\"\r\nContent-Type: text/csv\r\n\r\n{file}\r\n--b--\r\n"
    );
    let mut request = post(&format!("/import/meridian/{what}"), cookie, &body);
    request.headers_mut().insert(header::CONTENT_TYPE, "multipart/form-data; boundary=b".parse().unwrap());
    location(&portal.send(request).await)
}

/// Applies a plan and waits until its job is over.
pub(crate) async fn apply(portal: &Portal, cookie: &str, plan: &str) -> storage::JobRow {
    let id = plan.rsplit('/').next().unwrap();
    let kept = portal.state.engine.store.plan("meridian", id).await.unwrap().unwrap();
    assert!(!kept.plan.changes.is_empty());
    let form = format!("tenant=meridian&id={id}&confirm={}", kept.plan.changes.len());
    let job = portal.location("/api/plans/apply", cookie, &form).await;
    assert!(job.contains("/jobs/"), "{job}");
    let id = job.rsplit('/').next().unwrap().to_owned();
    let store = portal.state.engine.store.clone();
    until("the job is over", Duration::from_secs(60), async || {
        store.job("meridian", &id).await.unwrap().unwrap().state == JobState::Finished
    })
    .await;
    portal.state.engine.store.job("meridian", &id).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_groups_come_from_a_file_of_which_half_are_there() {
    const NEW: usize = 250;
    let portal = portal(NEW).await;
    let _running = portal.state.engine.start();
    let cookie = portal.connect().await;
    let before = groups(&portal).await;
    assert_eq!(before.len(), NEW);
    let role = portal.sim("GET", "state", Value::Null).await["roles"].as_array().unwrap().last().unwrap().clone();
    let there = before.iter().map(|group| format!("\"{}\";;", group["name"].as_str().unwrap()));
    let new = (0..NEW).map(|n| format!("Brand new {n};Books {n};{}", role["name"].as_str().unwrap()));
    let lines: Vec<String> = there.zip(new).flat_map(|(one, two)| [one, two]).collect();
    let plan = bring(&portal, &cookie, "groups", &format!("Name;Description;Roles\r\n{}\r\n", lines.join("\r\n"))).await;
    assert!(plan.starts_with("/t/meridian/plans/"), "{plan}");
    let kept = portal.state.engine.store.plan("meridian", plan.rsplit('/').next().unwrap()).await.unwrap().unwrap();
    assert_eq!((kept.plan.changes.len(), kept.plan.unchanged.len()), (NEW, NEW));
    let job = apply(&portal, &cookie, &plan).await;
    assert_eq!(portal.state.engine.store.tally(&job.id).await.unwrap().done, NEW as u64);
    let after = groups(&portal).await;
    assert_eq!(after.len(), 2 * NEW);
    for group in &before {
        assert!(after.contains(group), "{group} stays as it is");
    }
    let made: Vec<&Value> = after.iter().filter(|group| group["name"].as_str().unwrap().starts_with("Brand new ")).collect();
    let names: BTreeSet<&str> = made.iter().map(|group| group["name"].as_str().unwrap()).collect();
    assert_eq!((made.len(), names.len()), (NEW, NEW), "nothing is made twice");
    assert!(made.iter().all(|group| group["roles"] == json!([role["id"]])));
    // The same file again makes nothing.
    let plan = bring(&portal, &cookie, "groups", &format!("Name;Description;Roles\r\n{}\r\n", lines.join("\r\n"))).await;
    let kept = portal.state.engine.store.plan("meridian", plan.rsplit('/').next().unwrap()).await.unwrap().unwrap();
    assert_eq!((kept.plan.changes.len(), kept.plan.unchanged.len()), (0, 2 * NEW));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_an_edit_of_a_selection_is_said_and_plans_nothing() {
    let portal = portal(20).await;
    let cookie = portal.connect().await;
    portal.page("/t/meridian/groups", &cookie).await;
    let (one, two) = (groups(&portal).await[0].clone(), groups(&portal).await[1].clone());
    let row = format!("&rows[]={}", one["id"].as_str().unwrap());
    let role = portal.sim("GET", "state", Value::Null).await["roles"][0]["id"].as_str().unwrap().to_owned();
    let many: String = (0..101).map(|n| format!("&add[]=role{n}")).collect();
    let name = escape(two["name"].as_str().unwrap());
    for (form, says) in [
        (format!("&action=roles&how=change{row}"), "No role chosen"),
        (format!("&action=roles&how=change&add[]={role}&remove[]={role}{row}"), "A role is both added and removed"),
        (format!("&action=roles&how=copy&from=Nobody{row}"), "No group has this name"),
        (format!("&action=roles&how=copy{row}"), "No group has this name"),
        (format!("&action=roles&how=swap&add[]={role}{row}"), "Unknown action"),
        (format!("&action=burn{row}"), "Unknown action"),
        (format!("&action=roles&how=change&add[]={role}"), "No group selected"),
        (format!("&action=roles&how=change&add[]={role}&rows[]=gone"), "The selected rows changed"),
        (format!("&action=roles&how=change&add[]=nosuch{row}"), "A selected role was deleted"),
        (format!("&action=roles&how=set{many}{row}"), "A group can have at most 100 roles; 101 are selected"),
        (format!("&action=roles&how=set&matching=1&query={}&digest=5&add[]={role}", escape("?q=a")), "The matching rows changed"),
    ] {
        let (status, words) = portal.told("/api/groups/draft-selection", &cookie, &format!("tenant=meridian{form}")).await;
        assert!(!status.is_success() && words.contains(says), "{form}: {status} {words}");
    }
    assert_eq!(portal.state.engine.store.plans("meridian", 9).await.unwrap().len(), 0);
    // As it should be.
    let form = format!("tenant=meridian&action=roles&how=copy&from={name}{row}");
    let plan = portal.location("/api/groups/draft-selection", &cookie, &form).await;
    assert!(plan.starts_with("/t/meridian/plans/") || roles(&one) == roles(&two), "{plan}");
    // Whose session is over is led back to the table.
    assert_eq!(portal.told("/api/groups/draft-selection", "", &form).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_matrix_plans_what_was_changed_and_keeps_it_until_then() {
    let portal = portal(20).await;
    let _running = portal.state.engine.start();
    let cookie = portal.connect().await;
    portal.page("/t/meridian/groups/matrix", &cookie).await;
    let before = groups(&portal).await;
    // Roles of which nothing has to be typed.
    let all = portal.sim("GET", "state", Value::Null).await["roles"].as_array().unwrap().clone();
    let plain: Vec<&str> = all.iter().filter(|role| role["level"] == "user").map(|role| role["id"].as_str().unwrap()).collect();
    let has = |group: &&Value| roles(group).iter().any(|role| plain.contains(&role.as_str()));
    let group = before.iter().find(has).unwrap();
    let id = group["id"].as_str().unwrap();
    let gone = roles(group).into_iter().find(|role| plain.contains(&role.as_str())).unwrap();
    let new = plain.iter().copied().find(|role| !roles(group).contains(*role)).unwrap();
    let cells = format!("+{id}\t{new}\n-{id}\t{gone}");
    let form = format!("tenant=meridian&cells={}", escape(&cells));
    let (status, _) = portal.told("/api/groups/matrix-draft", &cookie, &form).await;
    assert!(status.is_success());
    let (_, said) = portal.told("/api/groups/matrix", &cookie, "tenant=meridian&query=&roles=").await;
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["Ready"][0]["draft"][0], json!(cells));
    let plan = portal.location("/api/groups/draft-matrix", &cookie, &form).await;
    let job = apply(&portal, &cookie, &plan).await;
    assert_eq!(portal.state.engine.store.tally(&job.id).await.unwrap().done, 1);
    let mut wanted = roles(group);
    wanted.remove(&gone);
    wanted.insert(new.to_owned());
    let after = groups(&portal).await;
    for one in &before {
        let now = after.iter().find(|now| now["id"] == one["id"]).unwrap();
        assert_eq!(roles(now), if one["id"] == group["id"] { wanted.clone() } else { roles(one) });
    }
    let (_, said) = portal.told("/api/groups/matrix", &cookie, "tenant=meridian&query=&roles=").await;
    assert_eq!(serde_json::from_str::<Value>(&said).unwrap()["Ready"][0]["draft"], Value::Null, "it is a plan now");
    for cells in ["", "no cells", "+\t", &"+group\trole\n".repeat(60_000)] {
        let (status, _) =
            portal.told("/api/groups/draft-matrix", &cookie, &format!("tenant=meridian&cells={}", escape(cells))).await;
        assert!(status.is_client_error(), "{status}");
    }
    // A file that is no matrix comes back with the reason, and plans nothing.
    assert!(bring(&portal, &cookie, "matrix", "Group,Nobody\nNone,x\n").await.starts_with("/t/meridian/groups/matrix"));
    assert!(bring(&portal, &cookie, "groups", "Name,Roles\nA,Nobody\n").await.starts_with("/t/meridian/groups/new"));
    // As the wanted state of all, a file takes what it does not name; that is typed before it is applied.
    let state = portal.sim("GET", "state", Value::Null).await;
    let name = before[0]["name"].as_str().unwrap();
    let part = |name: &str, value: &str| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let body = format!(
        "{}{}--b--\r\n",
        part("file", &format!("Group,{}\n\"{name}\",x\n", all[0]["id"].as_str().unwrap())),
        part("rest", "1")
    );
    let mut request = post("/import/meridian/matrix", &cookie, &body);
    request.headers_mut().insert(header::CONTENT_TYPE, "multipart/form-data; boundary=b".parse().unwrap());
    let plan = location(&portal.send(request).await);
    let kept = portal.state.engine.store.plan("meridian", plan.rsplit('/').next().unwrap()).await.unwrap().unwrap().plan;
    let given: usize = state["groups"].as_array().unwrap().iter().map(|group| roles(group).len()).sum();
    let stays = usize::from(roles(&state["groups"][0]).contains(all[0]["id"].as_str().unwrap()));
    let taken = format!("remove {} roles from", given - stays);
    let confirmation = kept.confirmation(domain::plan::Limits::default()).unwrap();
    assert!(kept.removes_the_rest && confirmation.what.contains(&taken), "{}", confirmation.what);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_to_roles_between_a_plan_and_its_start_is_met_before_anything_is_sent() {
    let portal = portal(20).await;
    let _running = portal.state.engine.start();
    let cookie = portal.connect().await;
    portal.page("/t/meridian/groups", &cookie).await;
    let state = portal.sim("GET", "state", Value::Null).await;
    let all = state["roles"].as_array().unwrap();
    let role = |name: &str| all.iter().find(|role| role["name"] == name).unwrap()["id"].as_str().unwrap().to_owned();
    let before = groups(&portal).await;
    let raising = role("DataServicesContributor");
    let without: Vec<&Value> = before.iter().filter(|group| !roles(group).contains(&raising)).collect();
    let id = |place: usize| without[place]["id"].as_str().unwrap().to_owned();
    let draft = async |add: &[&str], places: &[usize]| {
        let rows: String = places.iter().map(|place| format!("&rows[]={}", id(*place))).collect();
        let add: String = add.iter().map(|role| format!("&add[]={role}")).collect();
        portal
            .location("/api/groups/draft-selection", &cookie, &format!("tenant=meridian&action=roles&how=change{rows}{add}"))
            .await
    };
    let applied = async |plan: &str| {
        let id = plan.rsplit('/').next().unwrap();
        portal.location("/api/plans/apply", &cookie, &format!("tenant=meridian&id={id}&confirm=2")).await
    };

    // Somebody else gives one of two groups the role: the plan that is drawn up again counts people and seats as the first did.
    let plan = draft(&[&raising], &[0, 1]).await;
    let seats = "more Full user seat";
    assert!(portal.page(&plan, &cookie).await.contains(seats));
    let more: BTreeSet<String> = roles(without[0]).into_iter().chain([raising.clone()]).collect();
    portal.sim("POST", "act", json!({"set_group_roles": {"id": id(0), "roles": more}})).await;
    let again = applied(&plan).await;
    assert!(again.contains("/plans/") && again != plan, "{again}");
    let page = portal.page(&again, &cookie).await;
    assert!(page.contains(seats) && !page.contains("cannot see how many people"), "{page}");

    // A role that is deleted: its group would be refused as a whole, so nothing is sent, and the plan says why.
    let (gone, kept) = (role("Finance reporting"), role("Steward"));
    let plan = draft(&[&gone, &kept], &[2, 3]).await;
    portal.sim("POST", "act", json!({"delete_role": gone})).await;
    let again = applied(&plan).await;
    assert!(again.contains("/plans/") && again != plan, "{again}");
    assert!(portal.page(&again, &cookie).await.contains("was to get a role that no longer exists"));
    assert!(!portal.writes().await.iter().any(|write| write["method"] == "PATCH"));
}
