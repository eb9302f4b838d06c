//! The client against the simulated tenant: paging, limits, faults, and both error shapes.
#![cfg(feature = "client")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panicking")]

use std::pin::pin;
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt};
use qlik_api::client::{Bounds, CallError, Client, Credential, Effect, Urgency};
use qlik_api::wire::groups::{GroupPatch, NewGroup, SettingsPatch};
use qlik_api::wire::licenses::{AddRow, AssignmentAction, DeleteRow, Settings, UpdateRow};
use qlik_sim::{Options, Sim};

const ME: Urgency = Urgency::Person;

struct Fixture {
    sim: Sim,
    client: Client,
    key: Credential,
}

async fn start() -> Fixture {
    let sim = Sim::start(Options { users: 250, assignments: 230, groups: 130, ..Options::default() }).await.unwrap();
    let bounds = Bounds { call: Duration::from_millis(900), tries: 2, patience: Duration::from_secs(2), ..Bounds::default() };
    let client = Client::builder(&sim.url).bounds(bounds).build().unwrap();
    Fixture { client, sim, key: Credential::bearer("demo-admin-key") }
}

impl Fixture {
    /// The control surface is not Qlik's API, so a plain request will do.
    async fn control(&self, method: &str, path: &str, body: &str) -> String {
        use std::io::{Read, Write};
        let host = self.sim.url.trim_start_matches("http://").to_owned();
        let length = body.len();
        let request = format!(
            "{method} /_sim/{path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        tokio::task::spawn_blocking(move || {
            let mut stream = std::net::TcpStream::connect(host).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 2"), "{answer}");
            answer
        })
        .await
        .unwrap()
    }

    async fn fault(&self, list: &str) {
        self.control("PUT", "faults", list).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_whole_and_say_their_total() {
    let f = start().await;
    let pages: Vec<_> = f.client.users(&f.key, ME).try_collect().await.unwrap();
    assert_eq!(pages.iter().map(|page| page.data.len()).collect::<Vec<_>>(), [100, 100, 50]);
    assert_eq!(pages[0].total_results, Some(250));
    let ids: std::collections::HashSet<_> = pages.iter().flat_map(|page| page.data.iter().map(|user| user.id.clone())).collect();
    assert_eq!(ids.len(), 250);
    let assignments: Vec<_> = f.client.assignments(&f.key, ME).map_ok(|page| page.data).try_concat().await.unwrap();
    assert_eq!(assignments.len(), 230);
    let groups: Vec<_> = f.client.groups(&f.key, ME).map_ok(|page| page.data).try_concat().await.unwrap();
    assert_eq!(groups.len(), 130);
    assert!(groups.is_sorted_by_key(|group| group.name.to_lowercase()));
    assert_eq!(f.client.count_users(&f.key, ME).await.unwrap().total, 250);
    let roles: Vec<_> = f.client.roles(&f.key, ME).map_ok(|page| page.data).try_concat().await.unwrap();
    assert_eq!(roles.len(), 60);
    assert_eq!(f.client.role(&f.key, ME, &roles[0].id).await.unwrap(), roles[0]);
    let active = f.client.filter_users(&f.key, ME, r#"status eq "active" and name co "a""#).unwrap();
    let active: Vec<_> = active.map_ok(|page| page.data).try_concat().await.unwrap();
    assert!(!active.is_empty() && active.iter().all(|user| user.status == "active"));
    let custom = f.client.filter_groups(&f.key, ME, r#"providerType eq "custom""#).unwrap();
    assert_eq!(custom.map_ok(|page| page.data).try_concat().await.unwrap().len(), 26);
}

#[tokio::test(flavor = "multi_thread")]
async fn links_to_foreign_hosts_are_not_followed() {
    let f = start().await;
    f.control("PUT", "options", r#"{"link_base":"http://license/v1"}"#).await;
    let assignments: Vec<_> = f.client.assignments(&f.key, ME).map_ok(|page| page.data).try_concat().await.unwrap();
    assert_eq!(assignments.len(), 230);
}

#[tokio::test(flavor = "multi_thread")]
async fn me_is_a_redirect_within_the_tenant() {
    let f = start().await;
    assert_eq!(f.client.me(&f.key, ME).await.unwrap().subject, "MERIDIAN\\license.admin");
    let reader = Credential::bearer("demo-reader-key");
    let me = f.client.me(&reader, ME).await.unwrap();
    assert_eq!(f.client.user(&reader, ME, &me.id).await.unwrap(), me);
    assert_eq!(f.client.license_overview(&reader, ME).await.unwrap_err().status(), Some(403));
}

#[tokio::test(flavor = "multi_thread")]
async fn licenses_are_given_changed_and_taken() {
    let f = start().await;
    let act = async |action| {
        let answer = f.client.assignment_action(&f.key, ME, &action).await.unwrap();
        answer.data.iter().map(|row| row.status).collect::<Vec<_>>()
    };
    let add = || AssignmentAction::Add(vec![AddRow { allotment: "analyzer".into(), subject: "NEW\\person".into() }]);
    assert_eq!(act(add()).await, [201]);
    assert_eq!(act(add()).await, [200]);
    let swap = |source: &str, target: &str| {
        AssignmentAction::Update(vec![UpdateRow {
            subject: "NEW\\person".into(),
            allotment: Some(target.into()),
            source_type: Some(source.into()),
            source_subject: None,
        }])
    };
    assert_eq!(act(swap("professional", "analyzer")).await, [404]);
    assert_eq!(act(swap("analyzer", "professional")).await, [200]);
    let rename = UpdateRow {
        subject: "NEW\\other".into(),
        allotment: None,
        source_type: None,
        source_subject: Some("NEW\\person".into()),
    };
    assert_eq!(act(AssignmentAction::Update(vec![rename])).await, [201]);
    let delete = || AssignmentAction::Delete(vec![DeleteRow { allotment: "professional".into(), subject: "new\\OTHER".into() }]);
    assert_eq!(act(delete()).await, [200]);
    assert_eq!(act(delete()).await, [404]);
    // What is not said stays as it is.
    let analyzer = Settings { auto_assign_professional: None, auto_assign_analyzer: Some(true) };
    f.client.put_license_settings(&f.key, ME, analyzer).await.unwrap();
    let settings = Settings { auto_assign_professional: Some(true), auto_assign_analyzer: None };
    let after = f.client.put_license_settings(&f.key, ME, settings).await.unwrap();
    assert_eq!(after, Settings { auto_assign_professional: Some(true), auto_assign_analyzer: Some(true) });
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_made_patched_and_deleted() {
    let f = start().await;
    let roles: Vec<_> = f.client.roles(&f.key, ME).map_ok(|page| page.data).try_concat().await.unwrap();
    let new = NewGroup { name: "Made here".into(), provider_type: Some("custom".into()), ..NewGroup::default() };
    let group = f.client.create_group(&f.key, ME, &new).await.unwrap();
    assert_eq!(f.client.create_group(&f.key, ME, &new).await.unwrap_err().status(), Some(409));
    let patches = [GroupPatch::roles([roles[0].id.as_str(), roles[5].id.as_str()]), GroupPatch::name("Renamed")];
    f.client.patch_group(&f.key, ME, &group.id, &patches).await.unwrap();
    let after = f.client.group(&f.key, ME, &group.id).await.unwrap();
    assert_eq!((after.name.as_str(), after.assigned_roles.map(|roles| roles.len())), ("Renamed", Some(2)));
    // A patch is applied whole or not at all.
    let half = [GroupPatch::name("Half"), GroupPatch::roles(["no-such-role"])];
    assert_eq!(f.client.patch_group(&f.key, ME, &group.id, &half).await.unwrap_err().effect(), Effect::None);
    assert_eq!(f.client.group(&f.key, ME, &group.id).await.unwrap().name, "Renamed");
    f.client.delete_group(&f.key, ME, &group.id).await.unwrap();
    let gone = f.client.group(&f.key, ME, &group.id).await.unwrap_err();
    assert!(matches!(&gone, CallError::Api(error) if error.code() == "GROUPS-7" && error.trace_id.is_some()), "{gone}");
    let everyone = "000000000000000000000001";
    assert_eq!(f.client.system_groups(&f.key, ME).await.unwrap().data[0].id, everyone);
    let patch = SettingsPatch::system_group_roles(everyone, [roles[1].id.as_str()]);
    f.client.patch_group_settings(&f.key, ME, &[patch]).await.unwrap();
    let settings = f.client.group_settings(&f.key, ME).await.unwrap();
    assert_eq!(settings.system_groups[everyone].assigned_roles[0].id, roles[1].id);
    f.client.patch_group(&f.key, ME, everyone, &[GroupPatch::roles(Vec::<String>::new())]).await.unwrap();
    assert!(f.client.group(&f.key, ME, everyone).await.unwrap().assigned_roles.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_are_repeated_and_writes_never() {
    let f = start().await;
    f.fault(r#"[{"path":"/api/v1/licenses/overview","times":1,"then":{"status":503}}]"#).await;
    f.client.license_overview(&f.key, ME).await.unwrap();
    f.fault(r#"[{"method":"POST","times":9,"then":{"drop":"after"}}]"#).await;
    let add = AssignmentAction::Add(vec![AddRow { allotment: "analyzer".into(), subject: "NEW\\once".into() }]);
    let error = f.client.assignment_action(&f.key, ME, &add).await.unwrap_err();
    assert_eq!(error.effect(), Effect::Unknown, "{error}");
    assert_eq!(f.control("GET", "requests", "").await.matches("actions/add").count(), 1);
    // It happened all the same: that is what unknown means.
    f.fault("[]").await;
    assert_eq!(f.client.assignment_action(&f.key, ME, &add).await.unwrap().data[0].status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_fail_is_told_apart() {
    let f = start().await;
    let fail = async |then: &str| {
        f.fault(&format!(r#"[{{"times":9,"then":{then}}}]"#)).await;
        f.client.license_overview(&f.key, ME).await.unwrap_err()
    };
    assert!(matches!(fail(r#"{"truncate":true}"#).await, CallError::Broken(_)));
    assert!(matches!(fail(r#"{"malformed":true}"#).await, CallError::Malformed { status: 200, .. }));
    assert!(matches!(fail(r#"{"drop":"before"}"#).await, CallError::Broken(_) | CallError::Connect(_)));
    assert!(matches!(fail(r#"{"delay_ms":2000}"#).await, CallError::Timeout(_)));
    assert!(matches!(fail(r#"{"status":500}"#).await, CallError::Api(error) if error.status == 500));
    assert!(matches!(fail(r#"{"status":429,"retry_after":60}"#).await, CallError::Api(error) if error.promises_retry()));
    f.fault("[]").await;
    // The tier stays shut for as long as Qlik said, without asking again.
    let before = f.control("GET", "requests", "").await.matches("overview").count();
    assert!(matches!(f.client.license_overview(&f.key, ME).await, Err(CallError::RateLimited { .. })));
    assert_eq!(f.control("GET", "requests", "").await.matches("overview").count(), before);
    let wrong = Credential::bearer("wrong");
    assert_eq!(f.client.license_overview(&wrong, ME).await.unwrap_err().status(), Some(401));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_429_is_waited_out() {
    let f = start().await;
    f.fault(r#"[{"times":1,"then":{"status":429,"retry_after":1}}]"#).await;
    let started = Instant::now();
    f.client.license_overview(&f.key, ME).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_cursor_is_an_error_not_a_short_list() {
    let f = start().await;
    let mut pages = pin!(f.client.assignments(&f.key, ME));
    pages.next().await.unwrap().unwrap();
    f.control("POST", "act", r#"{"advance_s":3700}"#).await;
    assert_eq!(pages.next().await.unwrap().unwrap_err().status(), Some(400));
}
