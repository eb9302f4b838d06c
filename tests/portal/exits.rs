//! A job has an exit from every state: without a key, with a row that spoils every request, with a limit on rows that nobody said,
//! and while the program ends.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use domain::allotment::AllotmentName;
use domain::assignments;
use domain::journal::Tally;
use domain::plan::{Intent, draw_up};
use domain::subject::Subject;
use engine::clock::WallClock;
use engine::executor;
use quartermaster::ui::query::escape;
use serde_json::{Value, json};
use storage::{JobRow, JobState};
use tokio::task::JoinHandle;

use crate::support::{KEY, Portal, free_port, pairs, portal_at, serve, until};

const OTHER: &str = "canary-key-of-somebody-else";
const ACTIONS: &str = "/api/v1/licenses/assignments/actions";

async fn portal() -> Portal {
    let tenant = qlik_sim::Options {
        users: 400,
        assignments: 200,
        groups: 8,
        api_keys: vec![KEY.to_owned(), OTHER.to_owned()],
        rate_scale: 100.0,
        ..qlik_sim::Options::default()
    };
    // An answer that says nothing of what was done is waited out for as long as a call may take.
    portal_at(tenant, Arc::new(WallClock), |_, tenant| tenant.timeout_s = 1).await
}

impl Portal {
    /// A job that gives Analyzer to these people; no executor yet.
    async fn job(&self, cookie: &str, people: &[String]) -> String {
        let rows: String = people.iter().map(|who| format!("&rows[]={}", escape(assignments::key(who, None).as_str()))).collect();
        self.page("/t/meridian/overview", cookie).await;
        let plan =
            self.location("/api/assignments/draft", cookie, &format!("tenant=meridian&action=assign%3Aanalyzer{rows}")).await;
        let plan = plan.strip_prefix("/t/meridian/plans/").unwrap_or_else(|| panic!("no plan: {plan}")).to_owned();
        let job = self.location("/api/plans/apply", cookie, &format!("tenant=meridian&id={plan}&confirm=")).await;
        job.strip_prefix("/t/meridian/jobs/").unwrap_or_else(|| panic!("no job: {job}")).to_owned()
    }

    async fn of(&self, job: &str) -> (JobRow, Tally) {
        let row = self.state.engine.store.job("meridian", job).await.unwrap().unwrap();
        let tally = self.state.engine.store.tallies(std::slice::from_ref(&row)).await.unwrap()[0];
        (row, tally)
    }

    async fn reaches(&self, job: &str, state: JobState) -> Tally {
        until(&format!("the job is {}", state.as_str()), Duration::from_secs(40), async || self.of(job).await.0.state == state)
            .await;
        self.of(job).await.1
    }

    async fn steer(&self, cookie: &str, job: &str, to: &str) -> (StatusCode, String) {
        self.told("/api/jobs/steer", cookie, &format!("tenant=meridian&id={job}&to={to}")).await
    }

    fn executor(&self) -> JoinHandle<()> {
        tokio::spawn(executor::run(self.state.engine.clone()))
    }

    pub(crate) async fn writes(&self) -> Vec<Value> {
        let log = self.sim("GET", "requests?since=0", Value::Null).await;
        log.as_array().unwrap().iter().filter(|one| one["path"].as_str().unwrap().starts_with(ACTIONS)).cloned().collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_cancelled_without_its_key() {
    let portal = portal().await;
    let cookie = portal.connect().await;
    let people = portal.without(4).await;
    let before = pairs(&portal.sim.url).await;
    let (waits, paused) = (portal.job(&cookie, &people[..2]).await, portal.job(&cookie, &people[2..]).await);
    portal.steer(&cookie, &paused, "pause").await;
    for job in [&waits, &paused] {
        let (status, told) = portal.told("/api/sessions/withdraw", &cookie, &format!("tenant=meridian&job={job}")).await;
        assert!(status.is_success() || status.is_redirection(), "{told}");
        assert!(portal.state.engine.store.grant(job).await.unwrap().is_none());
    }
    let executor = portal.executor();
    portal.reaches(&waits, JobState::Paused).await;
    for job in [&waits, &paused] {
        let (status, told) = portal.steer(&cookie, job, "cancel").await;
        assert!(status.is_success() || status.is_redirection(), "{told}");
        assert_eq!(portal.reaches(job, JobState::Cancelled).await.planned, 2);
    }
    assert_eq!(pairs(&portal.sim.url).await, before);
    // Its people are free for others.
    let again = portal.job(&cookie, &people).await;
    assert_eq!(portal.reaches(&again, JobState::Finished).await.done, 4);
    executor.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_key_was_revoked_pauses_and_says_so_and_only_its_own_user_resumes_it() {
    let portal = portal().await;
    let cookie = portal.connect().await;
    let job = portal.job(&cookie, &portal.without(3).await).await;
    portal.sim("PUT", "faults", json!([{ "method": "POST", "path": ACTIONS, "times": 1, "then": { "status": 401 } }])).await;
    let executor = portal.executor();
    portal.reaches(&job, JobState::Paused).await;
    assert!(portal.of(&job).await.0.reason.contains("no longer accepts this key"), "{}", portal.of(&job).await.0.reason);
    let other = portal.connect_with(OTHER).await;
    let (status, told) = portal.steer(&other, &job, "resume").await;
    assert!(status == StatusCode::FORBIDDEN && told.contains("another Qlik user"), "{status} {told}");
    assert_eq!(portal.of(&job).await.0.state, JobState::Paused);
    let (status, told) = portal.steer(&cookie, &job, "resume").await;
    assert!(status.is_success() || status.is_redirection(), "{told}");
    assert_eq!(portal.reaches(&job, JobState::Finished).await.done, 3);
    // A click on a page that is old brings nothing back.
    let (status, told) = portal.steer(&cookie, &job, "resume").await;
    assert!(status == StatusCode::CONFLICT && told.contains("current state"), "{status} {told}");
    assert!(portal.state.engine.store.grant(&job).await.unwrap().is_none(), "no key stays behind");
    executor.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_spoils_requests_is_found_and_the_others_are_done() {
    for status in [400, 500] {
        let portal = portal().await;
        let cookie = portal.connect().await;
        let people = portal.without(24).await;
        let poison = people[17].split('\\').next_back().unwrap().to_owned();
        portal
            .sim(
                "PUT",
                "faults",
                json!([{ "method": "POST", "path": ACTIONS, "body": poison, "times": 1_000, "then": { "status": status } }]),
            )
            .await;
        let job = portal.job(&cookie, &people).await;
        let executor = portal.executor();
        let tally = portal.reaches(&job, JobState::Finished).await;
        assert_eq!((tally.done, tally.refused), (23, 1), "{status}: {tally:?}");
        let refused = portal.state.engine.store.troubled(&job, 0, 9).await.unwrap();
        assert_eq!(refused[0].change.target(), people[17], "{status}");
        assert!(portal.writes().await.len() < 40, "{status}: {} requests for 24 rows", portal.writes().await.len());
        executor.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_on_rows_that_nobody_said_is_found_by_halves() {
    let portal = portal().await;
    portal.sim("PUT", "options", json!({ "batch_max": 7 })).await;
    let cookie = portal.connect().await;
    let people = portal.without(60).await;
    let job = portal.job(&cookie, &people).await;
    let executor = portal.executor();
    let tally = portal.reaches(&job, JobState::Finished).await;
    assert_eq!(tally.done, 60, "{tally:?}");
    let refused = portal.writes().await.iter().filter(|one| one["status"] == 413).count();
    assert!((1..=8).contains(&refused), "{refused} requests were too large");
    executor.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_waited_for_and_told_meanwhile() {
    let portal = portal().await;
    let cookie = portal.connect().await;
    let job = portal.job(&cookie, &portal.without(2).await).await;
    portal.sim("PUT", "faults", json!([{ "method": "POST", "path": ACTIONS, "times": 5, "then": { "status": 503 } }])).await;
    let executor = portal.executor();
    until("the page says what it waits for", Duration::from_secs(30), async || {
        portal.of(&job).await.0.reason.contains("Trying again at")
    })
    .await;
    assert_eq!(portal.of(&job).await.0.state, JobState::Running, "it is not for a person to resume it");
    assert_eq!(portal.reaches(&job, JobState::Finished).await.done, 2);
    assert_eq!(portal.of(&job).await.0.reason, "");
    executor.abort();
}

/// A change that this version cannot read stops its own job with words, and no other.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_read_stops_its_job_with_words() {
    let portal = portal().await;
    let cookie = portal.connect().await;
    let people = portal.without(4).await;
    let (spoiled, well) = (portal.job(&cookie, &people[..2]).await, portal.job(&cookie, &people[2..]).await);
    let path = format!("sqlite://{}", portal.folder.path().join("test.db").display());
    let pool = sqlx::AnyPool::connect(&path).await.unwrap();
    let statement = "UPDATE journal SET change = '{\"Promote\":{}}' WHERE job_id = $1 AND seq = 0";
    sqlx::query(statement).bind(spoiled.clone()).execute(&pool).await.unwrap();
    let executor = portal.executor();
    assert_eq!(portal.reaches(&well, JobState::Finished).await.done, 2);
    portal.reaches(&spoiled, JobState::Paused).await;
    assert!(portal.of(&spoiled).await.0.reason.contains("cannot be read by this version"));
    let page = portal.page(&format!("/t/meridian/jobs/{spoiled}"), &cookie).await;
    assert!(page.contains("cannot be read by this version"), "its page is shown all the same");
    executor.abort();
}

/// Whoever took over a license keeps what else they hold when that is undone.
#[tokio::test(flavor = "multi_thread")]
async fn the_undo_of_a_rename_moves_what_was_moved_and_no_more() {
    let portal = portal().await;
    let cookie = portal.connect().await;
    portal.page("/t/meridian/overview", &cookie).await;
    let before = pairs(&portal.sim.url).await;
    let only = |allotment: &str| {
        let mut holders = before.iter().filter(|(_, held)| held == allotment).map(|(subject, _)| subject.clone());
        holders.find(|subject| before.iter().filter(|(holder, _)| holder == subject).count() == 1).unwrap()
    };
    let (from, to) = (only("analyzer"), only("professional"));
    let state = crate::support::inventory(&portal.sim("GET", "state", Value::Null).await);
    let intent = Intent::Rename { from: Subject::new(&from), to: Subject::new(&to) };
    crate::support::keep_plan(&portal.state.engine.store, "meridian", "rename", &draw_up(&state, intent).unwrap()).await;
    let executor = portal.executor();
    let apply = async |plan: &str| {
        let job = portal.location("/api/plans/apply", &cookie, &format!("tenant=meridian&id={plan}&confirm=")).await;
        let job = job.strip_prefix("/t/meridian/jobs/").unwrap_or_else(|| panic!("{job}")).to_owned();
        assert_eq!(portal.reaches(&job, JobState::Finished).await.done, 1);
        job
    };
    let job = apply("rename").await;
    let moved = pairs(&portal.sim.url).await;
    assert!(moved.contains(&(to.clone(), "analyzer".to_owned())) && moved.contains(&(to.clone(), "professional".to_owned())));
    let undo = portal.location("/api/jobs/redo", &cookie, &format!("tenant=meridian&id={job}&what=undo")).await;
    apply(undo.strip_prefix("/t/meridian/plans/").unwrap()).await;
    assert_eq!(pairs(&portal.sim.url).await, before);
    executor.abort();
}

/// An undo that somebody leaves rows out of is the same undo still.
#[tokio::test(flavor = "multi_thread")]
async fn an_undo_with_fewer_rows_is_still_the_undo_of_its_job() {
    let portal = portal().await;
    let analyzer = AllotmentName::new("analyzer");
    portal.sim("POST", "act", json!({"assign": [{"subject": "GONE\\away", "type": "analyzer"}]})).await;
    let cookie = portal.connect().await;
    portal.page("/t/meridian/overview", &cookie).await;
    let state = portal.sim("GET", "state", Value::Null).await;
    let users: Vec<String> =
        state["users"].as_array().unwrap().iter().map(|user| user["subject"].as_str().unwrap().to_lowercase()).collect();
    let held = pairs(&portal.sim.url).await;
    let (holder, _) = held.iter().find(|(subject, held)| held == "analyzer" && users.contains(subject)).unwrap();
    let remove = |subject: &str| (Subject::new(subject), analyzer.clone());
    let intent = Intent::Remove { licenses: vec![remove("GONE\\away"), remove(holder)] };
    let planned = draw_up(&crate::support::inventory(&state), intent).unwrap();
    crate::support::keep_plan(&portal.state.engine.store, "meridian", "take", &planned).await;
    let executor = portal.executor();
    let job_of = async |plan: &str| {
        let job = portal.location("/api/plans/apply", &cookie, &format!("tenant=meridian&id={plan}&confirm=")).await;
        job.strip_prefix("/t/meridian/jobs/").unwrap_or_else(|| panic!("{job}")).to_owned()
    };
    let job = job_of("take").await;
    assert_eq!(portal.reaches(&job, JobState::Finished).await.done, 2);
    let undo = portal.location("/api/jobs/redo", &cookie, &format!("tenant=meridian&id={job}&what=undo")).await;
    let undo = undo.strip_prefix("/t/meridian/plans/").unwrap().to_owned();
    let fewer = portal.location("/api/plans/adjust", &cookie, &format!("tenant=meridian&id={undo}&what=leave-unknown")).await;
    let fewer = fewer.strip_prefix("/t/meridian/plans/").unwrap_or_else(|| panic!("{fewer}")).to_owned();
    let kept = portal.state.engine.store.plan("meridian", &fewer).await.unwrap().unwrap().plan;
    assert_eq!((kept.changes.len(), kept.restores), (1, true));
    let again = job_of(&fewer).await;
    assert_eq!(portal.reaches(&again, JobState::Finished).await.done, 1);
    assert_eq!(portal.of(&again).await.0.undo_of.as_deref(), Some(job.as_str()));
    executor.abort();
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_asked_to_end_writes_down_what_is_under_way() {
    let sim = qlik_sim::Sim::start(qlik_sim::Options {
        users: 300,
        assignments: 100,
        groups: 4,
        api_keys: vec![KEY.to_owned()],
        rate_scale: 100.0,
        ..qlik_sim::Options::default()
    })
    .await
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (config, port) = (folder.path().join("Leptos.toml"), free_port());
    let database = format!("sqlite://{}", folder.path().join("qm.db").display());
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:{port}\"\n[storage]\nurl = \"{database}\"\n[secrets]\nmaster_key_file = \"{}\"\n\
         [tenants.meridian]\nurl = \"{}\"\nbatch_rows = 2\nrate_scale = 100\n",
        folder.path().join("key").display(),
        sim.url,
    );
    std::fs::write(&config, text).unwrap();
    let mut server = serve(&config, port).await;
    let cookie = server.connect("meridian", KEY).await;
    let store = storage::Store::open(&database, crate::support::audit_key()).await.unwrap();
    crate::support::give_analyzer(&store, &sim.url, "meridian", "plan", 30).await;
    crate::support::sim(
        &sim.url,
        "PUT",
        "faults",
        Some(json!([{ "method": "POST", "path": ACTIONS, "times": 1_000, "then": { "delay_ms": 300 } }])),
    )
    .await;
    server.post("/api/plans/apply", &cookie, &[("tenant", "meridian"), ("id", "plan"), ("confirm", "")]).await.unwrap();
    let job = store.job_of_plan("meridian", "plan").await.unwrap().unwrap();
    until("rows are done", Duration::from_secs(20), async || store.tally(&job).await.unwrap().done > 5).await;
    let pid = server.child.id().unwrap().to_string();
    tokio::process::Command::new("kill").args(["-TERM", &pid]).status().await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(20), server.child.wait()).await.expect("it ends by itself").unwrap();
    assert!(ended.success(), "{ended}");
    let tally = store.tally(&job).await.unwrap();
    assert_eq!((tally.sent, tally.unknown), (0, 0), "what was under way is written down: {tally:?}");
    assert!(tally.planned > 0, "it did not wait for the whole job: {tally:?}");
    // The next one goes on at once, without waiting for a lease to run out.
    let next = serve(&config, port).await;
    until("the job is finished", Duration::from_secs(15), async || {
        store.job("meridian", &job).await.unwrap().unwrap().state == JobState::Finished
    })
    .await;
    let tally = store.tally(&job).await.unwrap();
    assert_eq!(tally.done, 30, "{tally:?}");
    drop(next);
}
