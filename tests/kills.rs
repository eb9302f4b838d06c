//! A server killed at any moment loses nothing: after a restart, or with another server of its database, the tenant is as the plan wanted, no row had an effect twice,
//! and journal and audit account for every row. The server is the real program; the tenant lives in this process.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a test may fail by panicking"
)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use domain::allotment::AllotmentName;
use domain::journal::RowState;
use domain::plan::{Change, Holdings, Intent, Plan, draw_up};
use domain::subject::Subject;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use storage::{JobState, PlanRow, Store};
use support::{Pairs, http, pairs, sim};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const KEY: &str = "canary-key-of-the-kill-tests";

struct Server {
    child: Child,
    url: String,
}

/// Starts the program and waits until it is ready.
async fn serve(config: &Path, port: u16) -> Server {
    let mut child = Command::new(env!("CARGO_BIN_EXE_quartermaster"))
        .args(["serve", "--config"])
        .arg(config)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.contains("is ready at") {
            return Server { child, url: format!("http://127.0.0.1:{port}") };
        }
    }
    panic!("the server ended before it was ready");
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A form as the portal's own page sends it. The answer, or nothing where the server is gone.
async fn post(server: &Server, path: &str, cookie: &str, form: &[(&str, &str)]) -> Option<reqwest::Response> {
    let body = form.iter().map(|(key, value)| format!("{key}={}", quartermaster::ui::query::escape(value))).collect::<Vec<_>>();
    http()
        .post(format!("{}{path}", server.url))
        .header("origin", &server.url)
        .header("sec-fetch-site", "same-origin")
        .header("accept", "text/html")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("cookie", cookie)
        .body(body.join("&"))
        .send()
        .await
        .ok()
}

fn holdings(pairs: &Pairs) -> Holdings {
    Holdings {
        held: pairs.iter().map(|(subject, allotment)| (subject.clone(), AllotmentName::new(allotment))).collect(),
        ..Holdings::default()
    }
}

/// Adds, removals, changes of type, and swaps of two people's licenses, in one plan.
fn changes(before: &Pairs, rng: &mut StdRng) -> Vec<Change> {
    let name = |name: &str| AllotmentName::new(name);
    let mut held: Vec<(Subject, String)> = before
        .iter()
        .filter(|(_, allotment)| allotment == "professional" || allotment == "analyzer")
        .map(|(subject, allotment)| (Subject::new(subject), allotment.clone()))
        .collect();
    // Who holds two licenses is left alone: what becomes of one would depend on the other.
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for (subject, _) in before {
        *count.entry(subject.clone()).or_default() += 1;
    }
    held.retain(|(subject, _)| count[&subject.key()] == 1);
    held.shuffle(rng);
    let (professional, analyzer): (Vec<_>, Vec<_>) = held.into_iter().partition(|(_, allotment)| allotment == "professional");
    let mut changes = Vec::new();
    let mut from = professional.into_iter();
    let mut to = analyzer.into_iter();
    // Swaps: as many one way as the other, so that seats suffice whenever each is done.
    for ((one, _), (two, _)) in from.by_ref().zip(to.by_ref()).take(25) {
        changes.push(Change::ChangeType { subject: one, from: name("professional"), to: name("analyzer") });
        changes.push(Change::ChangeType { subject: two, from: name("analyzer"), to: name("professional") });
    }
    for (subject, allotment) in from.take(10).chain(to.take(30)) {
        changes.push(Change::Remove { subject, allotment: name(&allotment) });
    }
    for n in 0..30 {
        changes.push(Change::Assign { subject: Subject::new(format!("KILLS\\new{n}")), allotment: name("analyzer") });
    }
    changes
}

/// Waits until so many rows of the plan's job are settled, or a while where there is no job.
async fn reached(store: &Store, tenant: &str, plan: &str, rows: u64) {
    let until = Instant::now() + Duration::from_secs(2);
    while Instant::now() < until {
        if let Some(id) = store.job_of_plan(tenant, plan).await.unwrap()
            && store.tally(&id).await.unwrap().settled() >= rows
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
}

async fn simulated(seed: u64) -> qlik_sim::Sim {
    qlik_sim::Sim::start(qlik_sim::Options {
        users: 300,
        assignments: 220,
        groups: 5,
        seed: seed + 1,
        api_keys: vec![KEY.to_owned()],
        latency_ms: 8,
        rate_scale: 100.0,
        ..qlik_sim::Options::default()
    })
    .await
    .unwrap()
}

/// Writes a configuration and returns the port that it listens on.
fn configure(folder: &Path, file: &str, database: &str, tenant: &str, url: &str, batch_rows: u32) -> u16 {
    let port = free_port();
    let key = folder.join("key");
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:{port}\"\n[storage]\nurl = \"{database}\"\n[confirm]\nlosses = 100000\n[secrets]\nmaster_key_file = \"{}\"\n\
         [tenants.{tenant}]\nurl = \"{url}\"\ntimeout_s = 1\nbatch_rows = {batch_rows}\nrate_scale = 100\n",
        key.display(),
    );
    std::fs::write(folder.join(file), text).unwrap();
    port
}

/// Connects to the tenant; the session's cookie.
async fn connect(server: &Server, tenant: &str) -> String {
    let answer = post(server, "/api/connect/key", "", &[("tenant", tenant), ("key", KEY), ("back", "")]).await.unwrap();
    answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
}

/// Puts a plan in by the store: what is tested is what becomes of it.
async fn put_plan(store: &Store, url: &str, tenant: &str, id: &str, rng: &mut StdRng) -> Plan {
    let wanted = changes(&pairs(url).await, rng);
    let inventory = inventory(&sim(url, "GET", "state", None).await);
    let plan = draw_up(&inventory, Intent::Exactly { title: "Kills".to_owned(), changes: wanted, restores: false }).unwrap();
    assert!(plan.unchanged.is_empty() && plan.changes.len() > 60, "{} changes", plan.changes.len());
    assert!(!plan.warnings.iter().any(domain::plan::Warning::is_grave), "{:?}", plan.warnings);
    let row = PlanRow {
        id: id.to_owned(),
        tenant: tenant.to_owned(),
        author: "test".to_owned(),
        origin: String::new(),
        inventory_at: 0,
        created_at: 0,
        plan: plan.clone(),
    };
    store.put_plan(&row).await.unwrap();
    plan
}

/// One life of a job under kills. Returns how often the server died, and how often of those with rows under way.
async fn run(seed: u64) -> (u32, u32) {
    let mut rng = StdRng::seed_from_u64(seed);
    let tenant = simulated(seed).await;
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite://{}", folder.path().join("qm.db").display());
    let port = configure(folder.path(), "Leptos.toml", &database, "t", &tenant.url, rng.random_range(3..=40));
    let mut server = serve(&folder.path().join("Leptos.toml"), port).await;
    let cookie = connect(&server, "t").await;
    let before = pairs(&tenant.url).await;
    let store = Store::open(&database).await.unwrap();
    let planned = put_plan(&store, &tenant.url, "t", "plan", &mut rng).await;
    let seen = sim(&tenant.url, "GET", "requests?since=0", None).await.as_array().unwrap().len();
    // Connections break besides, before and after the work.
    let faults: Vec<Value> = (0..rng.random_range(0..=3))
        .map(|_| {
            let when = if rng.random_bool(0.5) { "before" } else { "after" };
            json!({"method": "POST", "path": "/api/v1/licenses/assignments/actions", "nth": rng.random_range(1..=8), "times": 1, "then": {"drop": when}})
        })
        .collect();
    sim(&tenant.url, "PUT", "faults", Some(json!(faults))).await;

    let (mut deaths, mut midway) = (0, 0);
    let kills = rng.random_range(1..=3);
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut job = None;
    loop {
        assert!(Instant::now() < deadline, "seed {seed}: the job does not end: {job:?}");
        if job.is_none() {
            // The click may be what the server dies of; clicked again, it leads to the same job.
            let apply = post(&server, "/api/plans/apply", &cookie, &[("tenant", "t"), ("id", "plan"), ("confirm", "")]);
            let moment = Duration::from_millis(rng.random_range(0..900));
            let impatient = deaths < kills && rng.random_bool(0.3);
            tokio::select! {
                _ = apply => {}
                () = tokio::time::sleep(moment), if impatient => {}
            }
        }
        if deaths < kills {
            // At some row of the job, and then at any moment of the request that is under way.
            let row = rng.random_range(0..planned.changes.len() as u64);
            reached(&store, "t", "plan", row).await;
            tokio::time::sleep(Duration::from_millis(rng.random_range(0..40))).await;
            let tally = match store.job_of_plan("t", "plan").await.unwrap() {
                Some(id) => Some(store.tally(&id).await.unwrap()),
                None => None,
            };
            server.child.kill().await.unwrap();
            deaths += 1;
            midway += u32::from(tally.is_some_and(|tally| tally.settled() < tally.total()));
            server = serve(&folder.path().join("Leptos.toml"), port).await;
        }
        job = store.job_of_plan("t", "plan").await.unwrap();
        let Some(id) = &job else { continue };
        let state = store.job("t", id).await.unwrap().unwrap().state;
        match state {
            JobState::Finished => break,
            // Trouble enough in a row pauses a job; a person lets it go on.
            JobState::Paused => {
                post(&server, "/api/jobs/steer", &cookie, &[("tenant", "t"), ("id", id), ("to", "resume")]).await;
            }
            JobState::Cancelled => panic!("seed {seed}: cancelled by nobody"),
            _ if deaths >= kills => tokio::time::sleep(Duration::from_millis(50)).await,
            _ => {}
        }
    }
    let id = job.unwrap();

    let ended = Ended { seed, tenant: "t", job: &id, before: &before, planned: &planned, seen };
    ended.accounts_for_every_row(&tenant.url, &store).await;
    store.close().await;
    let _ = server.child.kill().await;
    (deaths, midway)
}

/// A job that has ended, and what it was to do.
struct Ended<'a> {
    seed: u64,
    tenant: &'a str,
    job: &'a str,
    before: &'a Pairs,
    planned: &'a Plan,
    /// Requests before the job.
    seen: usize,
}

impl Ended<'_> {
    async fn accounts_for_every_row(&self, url: &str, store: &Store) {
        let Self { seed, tenant, job, before, planned, seen } = *self;
        // The tenant is as the plan wanted.
        let mut expected = holdings(before);
        for planned in &planned.changes {
            expected.apply(&planned.change);
        }
        let found = holdings(&pairs(url).await).held;
        let off: Vec<_> = found.symmetric_difference(&expected.held).collect();
        let journal = store.journal(job, &RowState::ALL, 0, i64::MAX).await.unwrap();
        let undone: Vec<_> = journal.iter().filter(|row| row.state != RowState::Done).collect();
        assert!(off.is_empty(), "seed {seed}: the final state differs in {off:?}; not done: {undone:#?}");

        // Every row had its effect once.
        let requests = sim(url, "GET", &format!("requests?since={seen}"), None).await;
        let mut effects: BTreeMap<String, u32> = BTreeMap::new();
        for request in requests.as_array().unwrap() {
            for row in request["rows"].as_array().into_iter().flatten().filter(|row| row["changed"] == true) {
                *effects.entry(row["subject"].as_str().unwrap().to_lowercase()).or_default() += 1;
            }
        }
        let once: BTreeMap<String, u32> =
            planned.changes.iter().map(|planned| (planned.change.target().to_lowercase(), 1)).collect();
        assert_eq!(effects, once, "seed {seed}: effects by subject");

        // Journal and audit account for every row.
        assert_eq!(journal.len(), planned.changes.len());
        assert!(undone.is_empty(), "seed {seed}: {:?}", store.tally(job).await.unwrap());
        for planned in &planned.changes {
            let trail = store.audit_of(tenant, &planned.change.target(), 20).await.unwrap();
            let of = |outcome: &str| trail.iter().filter(|line| line.entry.job == job && line.entry.outcome == outcome).count();
            assert_eq!((of("intent"), of("done")), (1, 1), "seed {seed}: {}: {trail:?}", planned.change.target());
        }
    }
}

/// What draws a plan up: the tenant's own state, as an inventory.
fn inventory(state: &Value) -> domain::inventory::Inventory {
    use domain::allotment::{Allotment, UsageClass};
    use domain::inventory::{Assignment, Inventory};
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    Inventory {
        allotments: state["allotments"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| Allotment {
                name: AllotmentName::new(text(row, "name")),
                usage_class: UsageClass::Assigned,
                units: row["units"].as_i64().unwrap(),
                used: row["unitsUsed"].as_i64().unwrap(),
                overage: row["overage"].as_i64().unwrap_or(0),
            })
            .collect(),
        assignments: state["assignments"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| Assignment {
                subject: Subject::new(text(row, "subject")),
                allotment: AllotmentName::new(text(row, "type")),
                excess: false,
                created: String::new(),
            })
            .collect(),
        ..Inventory::default()
    }
}

/// Runs `count` seeds from `first` on, two at a time.
async fn seeds(first: u64, count: u64) {
    let (mut deaths, mut midway) = (0, 0);
    let all: Vec<u64> = (first..first + count).collect();
    for pair in all.chunks(2) {
        let runs = pair.iter().map(|seed| tokio::spawn(run(*seed)));
        for run in runs.collect::<Vec<_>>() {
            let (died, under_way) = run.await.unwrap();
            deaths += died;
            midway += under_way;
        }
    }
    println!("{count} jobs survived {deaths} kills, {midway} of them with rows under way");
    assert!(u64::from(midway) >= count / 4, "the kills miss the jobs: only {midway} met one under way");
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_jobs_survive_kills() {
    seeds(0, 20).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the long run: script/soak"]
async fn hundreds_of_jobs_survive_kills() {
    let count = std::env::var("QUARTERMASTER_SOAK_KILLS").ok().and_then(|count| count.parse().ok()).unwrap_or(200);
    seeds(1_000, count).await;
}

/// Two servers of one database: a job goes on with the other one when the first is killed, nothing is done twice, and both
/// say the same of it. Wants PostgreSQL, for a SQLite file belongs to one server.
#[tokio::test(flavor = "multi_thread")]
async fn the_other_server_takes_over() {
    let Ok(base) = std::env::var("QUARTERMASTER_TEST_POSTGRES") else {
        eprintln!("SKIPPED: QUARTERMASTER_TEST_POSTGRES is not set (script/test sets it)");
        return;
    };
    // The server's own first database, which no other test uses, under names that no earlier run had.
    let (database, now) = (format!("{base}/postgres"), std::time::SystemTime::now());
    let unique = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    let (name, plan) = (format!("t{unique}"), format!("plan{unique}"));
    let mut rng = StdRng::seed_from_u64(7);
    let tenant = simulated(7).await;
    let folder = tempfile::tempdir().unwrap();
    let ports = ["one.toml", "two.toml"].map(|file| configure(folder.path(), file, &database, &name, &tenant.url, 5));
    let mut one = serve(&folder.path().join("one.toml"), ports[0]).await;
    let two = serve(&folder.path().join("two.toml"), ports[1]).await;
    let cookie = connect(&one, &name).await;
    let before = pairs(&tenant.url).await;
    let store = Store::open(&database).await.unwrap();
    let planned = put_plan(&store, &tenant.url, &name, &plan, &mut rng).await;
    let seen = sim(&tenant.url, "GET", "requests?since=0", None).await.as_array().unwrap().len();

    post(&one, "/api/plans/apply", &cookie, &[("tenant", &name), ("id", &plan), ("confirm", "")]).await.unwrap();
    reached(&store, &name, &plan, 20).await;
    let job = store.job_of_plan(&name, &plan).await.unwrap().unwrap();
    let tally = store.tally(&job).await.unwrap();
    assert!(tally.settled() >= 20 && tally.settled() < tally.total(), "the kill misses the job: {tally:?}");
    one.child.kill().await.unwrap();

    // The session is the same at both. The lease of the dead one runs out after twenty seconds.
    let path = format!("{}/t/{name}/jobs/{job}", two.url);
    let page = http().get(&path).header("cookie", &cookie).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("Job ") && page.contains("Kills"), "the other server does not know the job");
    let deadline = Instant::now() + Duration::from_secs(60);
    while store.job(&name, &job).await.unwrap().unwrap().state != JobState::Finished {
        assert!(Instant::now() < deadline, "nobody took the job over: {:?}", store.tally(&job).await.unwrap());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let ended = Ended { seed: 7, tenant: &name, job: &job, before: &before, planned: &planned, seen };
    ended.accounts_for_every_row(&tenant.url, &store).await;
    let page = http().get(&path).header("cookie", &cookie).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("finished"), "the other server does not tell that it is finished");
    store.close().await;
}
