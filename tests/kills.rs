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

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use domain::allotment::AllotmentName;
use domain::change::{
    Assign, Change, ChangeType, CreateGroup, DeleteGroup, EditGroup, GroupRoles, Naming, Remove, Rename, SetAutoAssign,
    SetGroupSettings,
};
use domain::inventory::{AutoAssign, GroupSettings, Inventory, Provider, RoleId};
use domain::plan::{Intent, Plan, draw_up};
use domain::subject::Subject;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use storage::{JobState, Store};
use support::{Ended, free_port, http, inventory, keep_plan, postgres, requests, serve, sim, unique};
use tokio::task::JoinSet;

const KEY: &str = "canary-key-of-the-kill-tests";
/// Jobs in the normal run.
const JOBS: u64 = 20;

/// How the tenant treats a job besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weather {
    /// The limits are far away.
    Fair,
    /// Somebody else has used up the window of the same Qlik user: 429, and when to come back.
    Crowded,
    /// Some requests are turned away: 429, and when to come back.
    Gusty,
    /// The job alone needs more calls than a window takes.
    Long,
    /// The plan makes and deletes groups, and its requests are what breaks.
    Groups,
    /// Eighteen requests in a row are turned away, each for a second.
    Shut,
}

impl Weather {
    fn of(seed: u64) -> Self {
        match seed % 20 {
            4 | 14 => Self::Crowded,
            7 | 17 => Self::Gusty,
            9 => Self::Long,
            _ => Self::Fair,
        }
    }

    /// How much faster than Qlik's the limits are, on both sides: a window of 3, 7.5 or 20 seconds.
    fn rate_scale(self) -> u32 {
        match self {
            Self::Fair | Self::Gusty | Self::Groups | Self::Shut => 100,
            Self::Crowded => 40,
            Self::Long => 15,
        }
    }

    /// Where Qlik says when to come back, nobody need look: the job goes on by itself.
    fn may_pause(self) -> bool {
        matches!(self, Self::Fair | Self::Groups)
    }

    fn patience(self) -> Duration {
        Duration::from_secs(if self == Self::Long { 150 } else { 75 })
    }
}

/// Changes of every kind in one plan, none of which depends on another: adds, removals, changes of type, swaps of two people's
/// licenses, renames, new groups, groups that go and that are renamed, roles of groups, and both settings.
fn changes(before: &Inventory, state: &Value, rng: &mut StdRng, renames: usize) -> Vec<Change> {
    let name = |name: &str| AllotmentName::new(name);
    // Who holds two licenses is left alone: what becomes of one would depend on the other.
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for assignment in &before.assignments {
        *count.entry(assignment.subject.key()).or_default() += 1;
    }
    let mut held: Vec<(Subject, AllotmentName)> = before
        .assignments
        .iter()
        .filter(|assignment| count[&assignment.subject.key()] == 1)
        .map(|assignment| (assignment.subject.clone(), assignment.allotment.clone()))
        .collect();
    held.shuffle(rng);
    let (professional, rest): (Vec<_>, Vec<_>) = held.into_iter().partition(|(_, held)| *held == name("professional"));
    let (analyzer, other): (Vec<_>, Vec<_>) = rest.into_iter().partition(|(_, held)| *held == name("analyzer"));
    let mut changes = Vec::new();
    let mut from = professional.into_iter();
    let mut to = analyzer.into_iter();
    // Swaps: as many one way as the other, so that seats suffice whenever each is done.
    for ((one, _), (two, _)) in from.by_ref().zip(to.by_ref()).take(25) {
        changes.push(ChangeType { subject: one, from: name("professional"), to: name("analyzer") }.into());
        changes.push(ChangeType { subject: two, from: name("analyzer"), to: name("professional") }.into());
    }
    for (subject, allotment) in from.by_ref().take(10).chain(to.by_ref().take(30)) {
        changes.push(Remove { subject, allotment }.into());
    }
    for (n, (subject, allotment)) in other.into_iter().chain(to).chain(from).take(renames).enumerate() {
        changes.push(Rename { from: subject, to: Subject::new(format!("KILLS\\moved{n}")), allotments: vec![allotment] }.into());
    }
    for n in 0..30 {
        changes.push(Assign { subject: Subject::new(format!("KILLS\\new{n}")), allotment: name("analyzer") }.into());
    }
    let roles: Vec<RoleId> =
        state["roles"].as_array().unwrap().iter().map(|role| RoleId::new(role["id"].as_str().unwrap())).collect();
    let mut groups: Vec<&domain::inventory::Group> = before.groups.iter().collect();
    groups.shuffle(rng);
    let mut groups = groups.into_iter();
    for n in 0..6 {
        let roles: BTreeSet<RoleId> = roles.choose_multiple(rng, 2).cloned().collect();
        let (name, description) = (format!("Made by a job {n}"), "x".repeat(n));
        changes.push(CreateGroup { name, description, provider: Provider::Custom, roles }.into());
    }
    for group in groups.by_ref().take(3) {
        changes.push(DeleteGroup::of(group, Some(0)).into());
    }
    let (custom, others): (Vec<_>, Vec<_>) = groups.partition(|group| group.provider == Provider::Custom);
    let mut custom = custom.into_iter();
    for (n, group) in custom.by_ref().take(2).enumerate() {
        let after = Naming { name: format!("Renamed by a job {n}"), description: "by a job".to_owned() };
        changes.push(EditGroup { group: group.id.clone(), before: Naming::of(group), after }.into());
    }
    for group in custom.chain(others).take(6) {
        let mut after: BTreeSet<RoleId> = roles.choose_multiple(rng, 3).cloned().collect();
        let roles_before = group.roles.clone().unwrap();
        if after == roles_before {
            after.pop_first();
        }
        changes.push(GroupRoles::between(group.id.clone(), group.name.clone(), &roles_before, &after).into());
    }
    let (was, groups) = (before.auto_assign, before.group_settings);
    changes.push(SetAutoAssign { before: was, after: AutoAssign { analyzer: was.analyzer.map(|on| !on), ..was } }.into());
    let after = GroupSettings { auto_create_groups: groups.auto_create_groups.map(|on| !on), ..groups };
    changes.push(SetGroupSettings { before: groups, after }.into());
    changes
}

/// Groups that are made, deleted and renamed in one plan, many of each.
fn group_changes(before: &Inventory, state: &Value, rng: &mut StdRng) -> Vec<Change> {
    let user = |role: &&Value| role["level"] == "user";
    let roles = state["roles"].as_array().unwrap().iter().filter(user).map(|role| RoleId::new(role["id"].as_str().unwrap()));
    let roles: Vec<RoleId> = roles.collect();
    let mut groups: Vec<&domain::inventory::Group> = before.groups.iter().collect();
    groups.retain(|group| group.provider != Provider::System && group.roles.iter().flatten().all(|role| roles.contains(role)));
    groups.shuffle(rng);
    let mut groups = groups.into_iter();
    let mut changes: Vec<Change> = Vec::new();
    for n in 0..50 {
        let given: BTreeSet<RoleId> = roles.choose_multiple(rng, n % 3).cloned().collect();
        let (name, description) = (format!("Made by a job {n}"), "x".repeat(n % 5));
        changes.push(CreateGroup { name, description, provider: Provider::Custom, roles: given }.into());
    }
    changes.extend(groups.by_ref().take(30).map(|group| Change::from(DeleteGroup::of(group, Some(0)))));
    for (n, group) in groups.filter(|group| group.provider == Provider::Custom).take(5).enumerate() {
        let after = Naming { name: format!("Renamed by a job {n}"), description: "by a job".to_owned() };
        changes.push(EditGroup { group: group.id.clone(), before: Naming::of(group), after }.into());
    }
    changes
}

/// Waits until so many rows of the plan's job are settled, or a while where there is no job.
async fn reached(store: &Store, tenant: &str, plan: &str, rows: u64, patience: Duration) {
    let until = Instant::now() + patience;
    while Instant::now() < until {
        if let Some(id) = store.job_of_plan(tenant, plan).await.unwrap()
            && store.tally(&id).await.unwrap().settled() >= rows
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
}

async fn simulated(seed: u64, weather: Weather) -> qlik_sim::Sim {
    let long = weather == Weather::Long;
    qlik_sim::Sim::start(qlik_sim::Options {
        users: if long { 900 } else { 300 },
        assignments: if long { 700 } else { 220 },
        groups: if weather == Weather::Groups { 160 } else { 20 },
        seed: seed + 1,
        api_keys: vec![KEY.to_owned()],
        latency_ms: if long { 0 } else { 8 },
        rate_scale: weather.rate_scale().into(),
        ..qlik_sim::Options::default()
    })
    .await
    .unwrap()
}

/// Writes a configuration and returns the port that it listens on.
fn configure(folder: &Path, file: &str, database: &str, tenant: &str, url: &str, batch_rows: u32, rate_scale: u32) -> u16 {
    let port = free_port();
    let key = folder.join("key");
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:{port}\"\n[storage]\nurl = \"{database}\"\n[confirm]\nlosses = 100000\ngroups = 10000\n[secrets]\nmaster_key_file = \"{}\"\n\
         [tenants.{tenant}]\nurl = \"{url}\"\ntimeout_s = 1\nbatch_rows = {batch_rows}\nrate_scale = {rate_scale}\n",
        key.display(),
    );
    std::fs::write(folder.join(file), text).unwrap();
    port
}

/// Puts a plan in by the store: what is tested is what becomes of it. With how the tenant was before.
async fn put_plan(
    store: &Store,
    url: &str,
    tenant: &str,
    id: &str,
    wanted: impl FnOnce(&Inventory, &Value) -> Vec<Change>,
) -> (Plan, Inventory) {
    let state = sim(url, "GET", "state", None).await;
    let before = inventory(&state);
    let wanted = wanted(&before, &state);
    let many = wanted.len();
    let plan = draw_up(&before, Intent::Exactly { title: "Kills".to_owned(), changes: wanted, restores: false }).unwrap();
    assert!(plan.unchanged.is_empty() && plan.changes.len() == many && many > 80, "{} changes", plan.changes.len());
    assert!(!plan.warnings.iter().any(domain::plan::Warning::is_grave), "{:?}", plan.warnings);
    keep_plan(store, tenant, id, &plan).await;
    (plan, before)
}

/// Somebody else writes with the same key until the window has room for five more calls.
async fn crowd(url: &str) {
    let mut calls = JoinSet::new();
    for n in 0..495 {
        let call = http()
            .put(format!("{url}/api/v1/licenses/settings"))
            .header("authorization", format!("Bearer {KEY}"))
            .header("content-type", "application/json")
            .body("{}");
        calls.spawn(async move { call.send().await.unwrap().status() });
        if n >= 16 {
            assert_eq!(calls.join_next().await.unwrap().unwrap(), 200);
        }
    }
    calls.join_all().await;
}

/// What breaks on the way: connections, before and after the work, and what the weather brings.
fn faults(weather: Weather, rng: &mut StdRng) -> Vec<Value> {
    const LICENSES: &str = "/api/v1/licenses/assignments/actions";
    let mut faults: Vec<Value> = Vec::new();
    let mut add = |method: &str, path: &str, nth: u64, times: u64, then: Value| {
        faults.push(json!({"method": method, "path": path, "nth": nth, "times": times, "then": then}));
    };
    if weather == Weather::Shut {
        add("POST", LICENSES, 2, 18, json!({"status": 429, "retry_after": 1}));
        return faults;
    }
    if weather == Weather::Groups {
        for _ in 0..rng.random_range(3..=8) {
            let (method, most) = [("POST", 50), ("DELETE", 30), ("PATCH", 5)].choose(rng).copied().unwrap();
            let then = json!({"drop": if rng.random_bool(0.3) { "before" } else { "after" }});
            add(method, "/api/v1/groups", rng.random_range(1..=most), 1, then);
        }
        return faults;
    }
    let drop = |rng: &mut StdRng| json!({"drop": if rng.random_bool(0.5) { "before" } else { "after" }});
    for _ in 0..rng.random_range(0..=3) {
        add("POST", LICENSES, rng.random_range(1..=8), 1, drop(rng));
    }
    for _ in 0..rng.random_range(0..=2) {
        let (method, most) = [("PATCH", 7), ("POST", 6), ("DELETE", 3)][rng.random_range(0..3)];
        add(method, "/api/v1/groups", rng.random_range(1..=most), 1, drop(rng));
    }
    if rng.random_bool(0.3) {
        add("PUT", "/api/v1/licenses/settings", 1, 1, drop(rng));
    }
    if weather == Weather::Gusty {
        for method in ["POST", "PATCH"] {
            let then = json!({"status": 429, "retry_after": 1});
            add(method, "/api/v1", rng.random_range(1..=6), rng.random_range(1..=3), then);
        }
    }
    faults
}

/// How many of these requests came within the window of a long job at most.
fn fullest_window(requests: &[&Value]) -> usize {
    let window = 300_000 / i64::from(Weather::Long.rate_scale());
    let at = |request: &Value| request["at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond();
    let times: Vec<i64> = requests.iter().map(|request| at(request)).collect();
    let within = |first: usize| times[first..].iter().take_while(|time| **time - times[first] < window).count();
    (0..times.len()).map(within).max().unwrap_or(0)
}

/// One life of a job under kills. Returns how often the server died, and how often of those with rows under way.
async fn run(seed: u64, weather: Weather) -> (u32, u32) {
    let mut rng = StdRng::seed_from_u64(seed);
    let tenant = simulated(seed, weather).await;
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("Leptos.toml");
    let database = format!("sqlite://{}", folder.path().join("qm.db").display());
    let batch_rows = if weather == Weather::Long { 1 } else { rng.random_range(3..=40) };
    let port = configure(folder.path(), "Leptos.toml", &database, "t", &tenant.url, batch_rows, weather.rate_scale());
    let mut server = serve(&config, port).await;
    let cookie = server.connect("t", KEY).await;
    let store = storage::Store::open(&database, support::audit_key()).await.unwrap();
    let renames = if weather == Weather::Long { 420 } else { 12 };
    let (planned, before) = put_plan(&store, &tenant.url, "t", "plan", |before, state| match weather {
        Weather::Groups => group_changes(before, state, &mut rng),
        _ => changes(before, state, &mut rng, renames),
    })
    .await;
    let rows = planned.changes.len() as u64;
    if weather == Weather::Crowded {
        crowd(&tenant.url).await;
    }
    let seen = requests(&tenant.url).await;
    sim(&tenant.url, "PUT", "faults", Some(json!(faults(weather, &mut rng)))).await;

    let (mut deaths, mut midway) = (0, 0);
    let kills = match weather {
        Weather::Shut => 0,
        Weather::Long => rng.random_range(1..=2),
        _ => rng.random_range(1..=3),
    };
    let deadline = Instant::now() + weather.patience();
    let mut job = None;
    loop {
        if Instant::now() >= deadline {
            let log = std::fs::read_to_string(config.with_extension("log")).unwrap();
            panic!("seed {seed} {weather:?}: the job does not end: {job:?}\n{log}");
        }
        if job.is_none() {
            // The click may be what the server dies of; clicked again, it leads to the same job.
            let apply = server.post("/api/plans/apply", &cookie, &[("tenant", "t"), ("id", "plan"), ("confirm", "")]);
            let moment = Duration::from_millis(rng.random_range(0..900));
            let impatient = deaths < kills && rng.random_bool(0.3);
            tokio::select! {
                _ = apply => {}
                () = tokio::time::sleep(moment), if impatient => {}
            }
        }
        if deaths < kills {
            // At some row of the job, and then at any moment of the request that is under way. A long one dies about when the
            // window is full: what was sent before counts for the next life as well.
            let (row, patience) = match weather {
                Weather::Long => (rng.random_range(380..500.min(rows)), Duration::from_secs(40)),
                _ => (rng.random_range(0..rows), Duration::from_secs(2)),
            };
            reached(&store, "t", "plan", row, patience).await;
            tokio::time::sleep(Duration::from_millis(rng.random_range(0..40))).await;
            let tally = match store.job_of_plan("t", "plan").await.unwrap() {
                Some(id) => Some(store.tally(&id).await.unwrap()),
                None => None,
            };
            server.child.kill().await.unwrap();
            deaths += 1;
            midway += u32::from(tally.is_some_and(|tally| tally.settled() < tally.total()));
            server = serve(&config, port).await;
        }
        job = store.job_of_plan("t", "plan").await.unwrap();
        let Some(id) = &job else { continue };
        let found = store.job("t", id).await.unwrap().unwrap();
        match found.state {
            JobState::Finished => break,
            // Trouble enough in a row pauses a job; a person lets it go on.
            JobState::Paused if weather.may_pause() => {
                server.post("/api/jobs/steer", &cookie, &[("tenant", "t"), ("id", id), ("to", "resume")]).await;
            }
            JobState::Paused => panic!("seed {seed} {weather:?}: paused though Qlik said when to come back: {}", found.reason),
            JobState::Cancelled => panic!("seed {seed}: cancelled by nobody"),
            _ if deaths >= kills => tokio::time::sleep(Duration::from_millis(50)).await,
            _ => {}
        }
    }
    let id = job.unwrap();

    let ended =
        Ended { run: format!("seed {seed} {weather:?}"), tenant: "t", job: &id, before: &before, planned: &planned, seen };
    ended.accounts_for_every_row(&tenant.url, &store).await;
    let log = sim(&tenant.url, "GET", &format!("requests?since={seen}"), None).await;
    let writes: Vec<_> = log.as_array().unwrap().iter().filter(|request| request["method"] != "GET").collect();
    let refused = writes.iter().filter(|request| request["status"] == 429).count();
    match weather {
        Weather::Crowded | Weather::Shut => assert!(refused > 0, "seed {seed} {weather:?}: the limits never bit"),
        Weather::Long => {
            assert!(writes.len() > 480, "seed {seed}: {} calls fit into one window", writes.len());
            assert_eq!(refused, 0, "seed {seed}: the portal, which knows all calls, was turned away");
            println!("seed {seed}: {} calls, {} of them in the fullest window", writes.len(), fullest_window(&writes));
        }
        Weather::Fair | Weather::Gusty | Weather::Groups => {}
    }
    store.close().await;
    let _ = server.child.kill().await;
    (deaths, midway)
}

/// Runs jobs of seeds from `first` on, two at a time, until it is enough for `enough` of (jobs, kills).
async fn seeds(first: u64, weather: impl Fn(u64) -> Weather, enough: impl Fn(u64, u64) -> bool) {
    let (mut jobs, mut deaths, mut midway) = (0, 0, 0);
    while !enough(jobs, deaths) {
        let pair = [first + jobs, first + jobs + 1].map(|seed| tokio::spawn(run(seed, weather(seed))));
        for run in pair {
            let (died, under_way) = run.await.unwrap();
            deaths += u64::from(died);
            midway += u64::from(under_way);
        }
        jobs += 2;
    }
    println!("{jobs} jobs survived {deaths} kills, {midway} of them with rows under way");
    assert!(midway >= jobs / 4, "the kills miss the jobs: only {midway} met one under way");
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_jobs_survive_kills() {
    seeds(0, Weather::of, |jobs, _| jobs >= JOBS).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the long run: script/soak"]
async fn a_thousand_kills_lose_nothing() {
    let kills = std::env::var("QUARTERMASTER_SOAK_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(1_000);
    seeds(1_000, Weather::of, |_, deaths| deaths >= kills).await;
}

/// Groups are made and deleted under kills and lost answers: nothing is made twice, and what was made is known by its id.
#[tokio::test(flavor = "multi_thread")]
async fn groups_are_made_and_deleted_once() {
    seeds(3_000, |_| Weather::Groups, |jobs, _| jobs >= 4).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the long run: script/soak"]
async fn two_hundred_kills_make_no_group_twice() {
    seeds(4_000, |_| Weather::Groups, |_, deaths| deaths >= 200).await;
}

/// A tenant that says when to come back is waited for, however often it says so: no person need look.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_outlasts_a_tenant_that_says_wait() {
    run(90, Weather::Shut).await;
}

/// Two servers of one database: a job goes on with the other one when the first is killed, nothing is done twice, and both
/// say the same of it. Wants PostgreSQL, for a SQLite file belongs to one server.
#[tokio::test(flavor = "multi_thread")]
async fn the_other_server_takes_over() {
    let Some(database) = postgres() else { return };
    let unique = unique();
    let (name, plan) = (format!("t{unique}"), format!("plan{unique}"));
    let mut rng = StdRng::seed_from_u64(7);
    let tenant = simulated(7, Weather::Fair).await;
    let folder = tempfile::tempdir().unwrap();
    let ports = ["one.toml", "two.toml"].map(|file| configure(folder.path(), file, &database, &name, &tenant.url, 5, 100));
    let mut one = serve(&folder.path().join("one.toml"), ports[0]).await;
    let two = serve(&folder.path().join("two.toml"), ports[1]).await;
    let cookie = one.connect(&name, KEY).await;
    let store = storage::Store::open(&database, support::audit_key()).await.unwrap();
    let (planned, before) =
        put_plan(&store, &tenant.url, &name, &plan, |before, state| changes(before, state, &mut rng, 12)).await;
    let seen = requests(&tenant.url).await;

    one.post("/api/plans/apply", &cookie, &[("tenant", &name), ("id", &plan), ("confirm", "")]).await.unwrap();
    reached(&store, &name, &plan, 20, Duration::from_secs(2)).await;
    let job = store.job_of_plan(&name, &plan).await.unwrap().unwrap();
    let tally = store.tally(&job).await.unwrap();
    assert!(tally.settled() >= 20 && tally.settled() < tally.total(), "the kill misses the job: {tally:?}");
    one.child.kill().await.unwrap();

    // The session is the same at both. The lease of the dead one runs out after twenty seconds.
    let path = format!("/t/{name}/jobs/{job}");
    let page = two.page(&path, &cookie).await;
    assert!(page.contains("Job ") && page.contains("Kills"), "the other server does not know the job");
    let deadline = Instant::now() + Duration::from_secs(60);
    while store.job(&name, &job).await.unwrap().unwrap().state != JobState::Finished {
        assert!(Instant::now() < deadline, "nobody took the job over: {:?}", store.tally(&job).await.unwrap());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let ended = Ended { run: "two servers".to_owned(), tenant: &name, job: &job, before: &before, planned: &planned, seen };
    ended.accounts_for_every_row(&tenant.url, &store).await;
    assert!(two.page(&path, &cookie).await.contains("finished"), "the other server does not tell that it is finished");
    store.close().await;
}

#[cfg(target_os = "linux")]
#[test]
fn an_abort_leaves_no_core() {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::Command;

    // Where the first of them leaves its core.
    let folder = tempfile::tempdir().unwrap();
    let shell = |script: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -c unlimited; {script}"), "sh", env!("CARGO_BIN_EXE_quartermaster")]);
        command.current_dir(folder.path());
        command
    };
    // So that the test can fail: a program that does nothing about it leaves one.
    if !shell("exec sh -c 'kill -ABRT $$'").status().unwrap().core_dumped() {
        eprintln!("SKIPPED: this machine dumps no cores");
        return;
    }
    let script = "exec \"$1\" demo --listen 127.0.0.1:0 --users 20 --assignments 10 --groups 2 >/dev/null 2>&1";
    let mut child = shell(script).spawn().unwrap();
    // Once the shell has become the program, and that has set its limits.
    let of = |what: &str| std::fs::read_to_string(format!("/proc/{}/{what}", child.id())).unwrap_or_default();
    let none = |limits: String| limits.lines().any(|line| line.starts_with("Max core file size") && line.contains(" 0 "));
    let begun = Instant::now();
    while !(of("comm").trim() == "quartermaster" && none(of("limits"))) {
        assert!(begun.elapsed() < Duration::from_secs(20), "its limits are not set");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(Command::new("kill").args(["-ABRT", &child.id().to_string()]).status().unwrap().success());
    let status = child.wait().unwrap();
    assert_eq!((status.signal(), status.core_dumped()), (Some(6), false));
}
