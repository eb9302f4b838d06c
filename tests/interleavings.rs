//! Two people and jobs on the same rows, in any order and all at once, with somebody else writing behind their backs: nobody's
//! change is overwritten in silence, licenses are neither lost nor made, and what was changed outside is met by the reading before.
#![cfg(feature = "ssr")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail by panicking")]

mod support;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::header;
use domain::allotment::AllotmentName;
use domain::assignments;
use domain::change::{Assign, Change, ChangeType, Comparison, Remove, Rename};
use domain::inventory::{Assignment, Inventory};
use domain::journal::RowState;
use domain::plan::{Intent, draw_up};
use domain::projection::Projection;
use domain::subject::Subject;
use engine::executor;
use quartermaster::ui::query::escape;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use storage::{JobRow, JobState, JournalRow};
use support::{Pairs, Portal, get, inventory, keep_plan, pairs, portal_of, post, requests, sim};
use tokio::task::JoinSet;

const ANN: &str = "key-of-ann";
const BOB: &str = "key-of-bob";
/// People whom everybody in a case is after.
const PEOPLE: usize = 3;
/// Names that nobody has yet and anybody may be renamed to.
const NAMES: [&str; 2] = ["MERIDIAN\\married.first", "MERIDIAN\\married.second"];
/// Steps in a case.
const STEPS: usize = 16;

/// What somebody does.
#[derive(Debug, Clone)]
enum Step {
    /// Draws up a plan for some rows.
    Draw { who: usize, action: &'static str, to: &'static str, rows: Vec<usize> },
    /// Draws up a plan that renames somebody.
    Rename { who: usize, from: usize, to: usize },
    /// Applies the plan drawn up last.
    Apply { who: usize },
    /// Cancels a job that has not ended, with or without its key.
    Cancel { who: usize, job: usize, keyless: bool },
    /// Changes a license elsewhere.
    Outside { person: usize, give: bool, allotment: &'static str },
}

fn step(rng: &mut StdRng, strangers: bool) -> Step {
    const ALLOTMENTS: [&str; 2] = ["analyzer", "basicUser"];
    const SUBJECTS: usize = PEOPLE + NAMES.len();
    let allotment = ALLOTMENTS.choose(rng).copied().unwrap();
    match rng.random_range(0..if strangers { 16 } else { 13 }) {
        0..4 => {
            let rows = (0..rng.random_range(1..=3)).map(|_| rng.random_range(0..SUBJECTS)).collect();
            let action = ["assign", "remove", "change"].choose(rng).copied().unwrap();
            Step::Draw { who: rng.random_range(0..2), action, to: allotment, rows }
        }
        4..7 => {
            let (from, to) = (rng.random_range(0..SUBJECTS), rng.random_range(1..SUBJECTS));
            Step::Rename { who: rng.random_range(0..2), from, to: (from + to) % SUBJECTS }
        }
        7..12 => Step::Apply { who: rng.random_range(0..2) },
        12 => Step::Cancel { who: rng.random_range(0..2), job: rng.random_range(0..100), keyless: rng.random_bool(0.3) },
        _ => Step::Outside { person: rng.random_range(0..SUBJECTS), give: rng.random_bool(0.5), allotment },
    }
}

struct Case {
    portal: Portal,
    cookies: [String; 2],
    /// People whom everybody is after, and the names that they may get.
    people: Vec<String>,
    /// The plan that each drew up last.
    plans: [Mutex<Option<String>>; 2],
    /// Steps under way.
    under_way: Mutex<usize>,
    /// People whom somebody changed outside.
    outside: Mutex<BTreeSet<String>>,
    /// How long the tenant's log was before and after the click that started each job: the reading before it is in between.
    clicks: Mutex<HashMap<String, (usize, usize)>>,
    /// Jobs whose key was withdrawn.
    keyless: Mutex<BTreeSet<String>>,
}

/// An inventory of licenses alone.
fn holding(pairs: &Pairs) -> Inventory {
    let assignment = |(subject, allotment): &(String, String)| Assignment {
        subject: Subject::new(subject),
        allotment: AllotmentName::new(allotment),
        excess: false,
        created: String::new(),
    };
    Inventory { assignments: pairs.iter().map(assignment).collect(), ..Inventory::default() }
}

impl Case {
    async fn location(&self, who: usize, path: &str, form: &str) -> String {
        let answer = self.portal.send(post(path, &self.cookies[who], form)).await;
        answer.headers().get(header::LOCATION).map(|to| to.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    async fn take(&self, step: Step, alone: bool) {
        match step {
            Step::Draw { who, action, to, rows } => {
                let now = pairs(&self.portal.sim.url).await;
                let rows = rows.into_iter().map(|person| {
                    let subject = self.people[person].to_lowercase();
                    let held = now.iter().find(|(holder, _)| *holder == subject).map(|(_, held)| AllotmentName::new(held));
                    format!("&rows[]={}", escape(assignments::key(&subject, held.as_ref()).as_str()))
                });
                let form = format!("tenant=meridian&action={action}&to={to}{}", rows.collect::<String>());
                let to = self.location(who, "/api/assignments/draft", &form).await;
                if let Some(plan) = to.strip_prefix("/t/meridian/plans/") {
                    *self.plans[who].lock().unwrap() = Some(plan.to_owned());
                }
            }
            Step::Rename { who, from, to } => {
                let now = inventory(&sim(&self.portal.sim.url, "GET", "state", None).await);
                let [from, to] = [from, to].map(|person| Subject::new(&self.people[person]));
                let plan = draw_up(&now, Intent::Rename { from, to }).unwrap();
                if plan.changes.is_empty() {
                    return;
                }
                // A plan as the portal would draw it up from what it read just now.
                let id = engine::fresh_id();
                keep_plan(&self.portal.state.engine.store, "meridian", &id, &plan).await;
                *self.plans[who].lock().unwrap() = Some(id);
            }
            Step::Cancel { who, job, keyless } => {
                let store = &self.portal.state.engine.store;
                let jobs = store.jobs("meridian", 100).await.unwrap();
                let open: Vec<&JobRow> = jobs.iter().filter(|job| !job.state.is_over()).collect();
                let Some(job) = open.get(job % open.len().max(1)) else { return };
                if keyless && store.withdraw_grant("meridian", &job.id, "Withdrawn by the test.").await.unwrap().is_some() {
                    self.keyless.lock().unwrap().insert(job.id.clone());
                }
                self.location(who, "/api/jobs/steer", &format!("tenant=meridian&id={}&to=cancel", job.id)).await;
            }
            Step::Apply { who } => {
                let Some(id) = self.plans[who].lock().unwrap().take() else { return };
                let Some(plan) = self.portal.state.engine.store.plan("meridian", &id).await.unwrap() else { return };
                // Where nothing else moves, the reading before must meet whatever was changed since the plan was drawn up.
                let stale = if alone {
                    let now = holding(&pairs(&self.portal.sim.url).await);
                    let now = Projection::of(&now);
                    plan.plan.changes.iter().any(|planned| planned.change.compare(&now) != Comparison::Unchanged)
                } else {
                    false
                };
                let first = requests(&self.portal.sim.url).await;
                let to = self.location(who, "/api/plans/apply", &format!("tenant=meridian&id={id}&confirm=")).await;
                if stale {
                    assert!(!to.contains("/jobs/"), "a plan that reality has overtaken was applied: {:?}", plan.plan.changes);
                }
                if let Some(job) = to.strip_prefix("/t/meridian/jobs/") {
                    let last = requests(&self.portal.sim.url).await;
                    self.clicks.lock().unwrap().insert(job.to_owned(), (first, last));
                }
                if let Some(again) = to.strip_prefix("/t/meridian/plans/") {
                    *self.plans[who].lock().unwrap() = Some(again.split('?').next().unwrap().to_owned());
                }
            }
            Step::Outside { person, give, allotment } => {
                let row = json!([{"subject": self.people[person], "type": allotment}]);
                self.outside.lock().unwrap().insert(self.people[person].to_lowercase());
                let act = if give { json!({"assign": row}) } else { json!({"unassign": row}) };
                sim(&self.portal.sim.url, "POST", "act", Some(act)).await;
            }
        }
    }

    /// Waits until no job moves any more.
    async fn rest(&self) {
        for _ in 0..600 {
            let jobs = self.portal.state.engine.store.jobs("meridian", 100).await.unwrap();
            if jobs.iter().all(|job| job.state.is_over()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the jobs do not end: {:?}", self.portal.state.engine.store.jobs("meridian", 100).await.unwrap());
    }
}

/// A case. Returns how many rows jobs changed, and how many were met as changed by somebody else.
async fn case(seed: u64, doing: impl Fn(&str)) -> (usize, usize) {
    let mut rng = StdRng::seed_from_u64(seed);
    let portal = portal_of(qlik_sim::Options {
        users: 40,
        assignments: 24,
        groups: 3,
        seed: seed + 1,
        api_keys: vec![ANN.to_owned(), BOB.to_owned()],
        latency_ms: rng.random_range(0..6),
        rate_scale: 100.0,
        ..qlik_sim::Options::default()
    })
    .await;
    // Some readings are slow at their end: what they saw is old by then, and a job may have come and gone in between.
    let slow: Vec<_> = (0..6)
        .map(|_| {
            let (nth, delay) = (rng.random_range(3..40), rng.random_range(20..150));
            json!({"method": "GET", "path": "/api/v1/licenses/settings", "nth": nth, "times": 1, "then": {"delay_ms": delay}})
        })
        .collect();
    sim(&portal.sim.url, "PUT", "faults", Some(json!(slow))).await;
    let executor = tokio::spawn(executor::run(portal.state.engine.clone()));
    doing("connecting");
    let cookies = [portal.connect_with(ANN).await, portal.connect_with(BOB).await];
    doing("the first reading");
    for cookie in &cookies {
        // A first reading, as everybody has had one before they draw up a plan.
        let page = tokio::time::timeout(Duration::from_secs(45), portal.send(get("/t/meridian/assignments", cookie))).await;
        if page.is_err() {
            let log = sim(&portal.sim.url, "GET", "requests?since=0", None).await;
            let told =
                |request: &Value| format!("{} {} {} {}", request["at"], request["user"], request["path"], request["status"]);
            let last: Vec<String> = log.as_array().unwrap().iter().map(told).collect();
            let loading = format!("{:?}", portal.state.engine.readings).matches("loading: true").count();
            panic!("seed {seed}: a first page does not come; {loading} readings are under way; asked so far: {last:#?}");
        }
        doing("the next first reading");
    }
    let state = sim(&portal.sim.url, "GET", "state", None).await;
    let users: Vec<String> =
        state["users"].as_array().unwrap().iter().map(|user| user["subject"].as_str().unwrap().to_owned()).collect();
    let names = NAMES.map(ToOwned::to_owned);
    let people: Vec<String> = users.choose_multiple(&mut rng, PEOPLE).cloned().chain(names).collect();
    let before = pairs(&portal.sim.url).await;
    let case = Arc::new(Case {
        portal,
        cookies,
        people,
        plans: [Mutex::new(None), Mutex::new(None)],
        under_way: Mutex::new(0),
        outside: Mutex::default(),
        clicks: Mutex::default(),
        keyless: Mutex::default(),
    });
    let mut running = JoinSet::new();
    // Half of the cases are among the two alone: there, nothing at all may be met.
    let strangers = rng.random_bool(0.5);
    for _ in 0..STEPS {
        let step = step(&mut rng, strangers);
        doing(&format!("{step:?}"));
        if rng.random_bool(0.4) {
            while let Some(done) = running.join_next().await {
                done.unwrap();
            }
            case.rest().await;
        }
        let alone = {
            let mut under_way = case.under_way.lock().unwrap();
            *under_way += 1;
            *under_way == 1
        };
        // Alone means that no job moves either.
        let alone =
            alone && case.portal.state.engine.store.jobs("meridian", 100).await.unwrap().iter().all(|job| job.state.is_over());
        let together = rng.random_bool(0.6);
        let of = case.clone();
        running.spawn(async move {
            let taken = of.take(step.clone(), alone && !together);
            tokio::time::timeout(Duration::from_secs(30), taken).await.unwrap_or_else(|_| panic!("{step:?} hangs"));
            *of.under_way.lock().unwrap() -= 1;
        });
        if together {
            tokio::time::sleep(Duration::from_millis(rng.random_range(0..12))).await;
        } else {
            while let Some(done) = running.join_next().await {
                done.unwrap();
            }
        }
    }
    doing("the end of the last steps");
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
    doing("the last rest");
    case.rest().await;
    executor.abort();

    doing("the accounts");
    case.accounts(seed, &before).await
}

/// A change that a job made, with where its effect is in the tenant's log.
struct Effect<'a> {
    at: usize,
    job: &'a str,
    change: &'a Change,
}

/// Whom a change is about, without case: a rename both.
fn subjects(change: &Change) -> Vec<String> {
    match change {
        Change::Rename(Rename { from, to, .. }) => vec![from.key(), to.key()],
        other => vec![other.target().to_lowercase()],
    }
}

/// How many licenses of somebody a change makes more, or fewer.
fn gain(change: &Change, person: &str) -> i64 {
    match change {
        Change::Assign(_) => 1,
        Change::Remove(_) => -1,
        Change::Rename(Rename { from, to, allotments }) => {
            allotments.len() as i64 * (i64::from(to.key() == person) - i64::from(from.key() == person))
        }
        _ => 0,
    }
}

/// Whether a row of a request in the tenant's log is this change.
fn is_row(sent: &Value, action: &str, change: &Change) -> bool {
    let is = |key: &str, text: &str| sent[key].as_str().is_some_and(|sent| sent.eq_ignore_ascii_case(text));
    match change {
        Change::Assign(Assign { subject, allotment }) => {
            action == "add" && is("subject", subject.as_str()) && is("type", allotment.as_str())
        }
        Change::Remove(Remove { subject, allotment }) => {
            action == "delete" && is("subject", subject.as_str()) && is("type", allotment.as_str())
        }
        Change::ChangeType(ChangeType { subject, from, to }) => {
            is("subject", subject.as_str()) && is("sourceType", from.as_str()) && is("type", to.as_str())
        }
        Change::Rename(Rename { from, to, .. }) => is("subject", to.as_str()) && is("sourceSubject", from.as_str()),
        _ => false,
    }
}

impl Case {
    /// People whom somebody changed outside, and those whom a rename joins to them: it moves what nobody here knows of.
    fn reach_of_others(&self, jobs: &[(JobRow, Vec<JournalRow>)]) -> BTreeSet<String> {
        let mut reach = self.outside.lock().unwrap().clone();
        let joined: Vec<Vec<String>> = jobs.iter().flat_map(|(_, rows)| rows).map(|row| subjects(&row.change)).collect();
        loop {
            let before = reach.len();
            for subjects in joined.iter().filter(|subjects| subjects.len() > 1) {
                if subjects.iter().any(|subject| reach.contains(subject)) {
                    reach.extend(subjects.iter().cloned());
                }
            }
            if reach.len() == before {
                return reach;
            }
        }
    }

    /// Every row of every job is accounted for, and what was not simply done was met as somebody else's doing. Returns how many
    /// rows jobs changed, and how many were met.
    async fn accounts(&self, seed: u64, before: &Pairs) -> (usize, usize) {
        let mut jobs: Vec<(JobRow, Vec<JournalRow>)> = Vec::new();
        for job in self.portal.state.engine.store.jobs("meridian", 100).await.unwrap() {
            let rows = self.portal.state.engine.store.journal(&job.id, &RowState::ALL, 0, 1_000).await.unwrap();
            jobs.push((job, rows));
        }
        jobs.sort_by_key(|(job, _)| (job.created_at, job.finished_at));
        let outside = self.reach_of_others(&jobs);
        let ours = |change: &Change| subjects(change).iter().all(|subject| !outside.contains(subject));
        let (mut done, mut met) = (Vec::new(), 0);
        for (job, rows) in &jobs {
            for row in rows {
                match row.state {
                    RowState::Done => done.push((job.id.as_str(), &row.change)),
                    // No seat is nobody's overwriting.
                    RowState::Refused if row.code == "LICENSES-011" => {}
                    RowState::Already | RowState::Refused | RowState::Conflict => {
                        met += 1;
                        assert!(
                            !ours(&row.change),
                            "seed {seed}: {:?} is {:?} in {} though nobody outside touched it: two jobs met in silence",
                            row.change,
                            row.state,
                            job.title
                        );
                    }
                    RowState::Planned if job.state == JobState::Cancelled => {}
                    // Without a key nobody can read what became of it, and whoever cancels is told so.
                    RowState::Unknown if job.state == JobState::Cancelled && self.keyless.lock().unwrap().contains(&job.id) => {}
                    state => panic!("seed {seed}: a job that is {:?} ended with a row that is {state:?}", job.state),
                }
            }
        }
        let log = sim(&self.portal.sim.url, "GET", "requests?since=0", None).await;
        let log = log.as_array().unwrap();
        let effects = effects(log, &done);
        let after = pairs(&self.portal.sim.url).await;
        for person in self.people.iter().map(|person| person.to_lowercase()).filter(|person| !outside.contains(person)) {
            let of: Vec<&Change> =
                done.iter().map(|(_, change)| *change).filter(|change| subjects(change).contains(&person)).collect();
            let had = effects.iter().filter(|effect| subjects(effect.change).contains(&person)).count();
            assert_eq!(had, of.len(), "seed {seed}: effects on {person}: {of:?}");
            let held = |pairs: &Pairs| pairs.iter().filter(|(holder, _)| *holder == person).count() as i64;
            let gained: i64 = of.iter().map(|change| gain(change, &person)).sum();
            assert_eq!(held(before) + gained, held(&after), "seed {seed}: licenses of {person}: {of:?}");
        }
        self.overlooks_no_rename(seed, &outside, before, &jobs, &effects, log);
        (done.len(), met)
    }

    /// Between the reading that a job trusts and each of its effects no other job renamed its people, and nobody else's job
    /// touched the people whom it renames: otherwise a license comes to somebody who has one by now, or goes along unseen.
    fn overlooks_no_rename(
        &self,
        seed: u64,
        outside: &BTreeSet<String>,
        before: &Pairs,
        jobs: &[(JobRow, Vec<JournalRow>)],
        effects: &[Effect<'_>],
        log: &[Value],
    ) {
        let clicks = self.clicks.lock().unwrap().clone();
        let renames = |change: &Change| matches!(change, Change::Rename(_));
        let before = holding(before);
        let mut now = Projection::of(&before);
        for (nth, effect) in effects.iter().enumerate() {
            let job = jobs.iter().map(|(job, _)| job).find(|job| job.id == effect.job).unwrap();
            // Licenses of tenants this small fit on one page, so the call is the moment of the reading.
            let reading = clicks.get(effect.job).and_then(|(first, last)| {
                (*first..*last).rev().find(|at| {
                    log[*at]["path"] == "/api/v1/licenses/assignments"
                        && log[*at]["user"].as_str() == Some(job.qlik_user.as_str())
                })
            });
            for person in subjects(effect.change).iter().filter(|person| !outside.contains(*person)) {
                let others = effects[..nth].iter().filter(|other| other.job != effect.job && Some(other.at) > reading);
                for other in others.filter(|other| subjects(other.change).contains(person)) {
                    let before = clicks.get(effect.job).is_some_and(|(_, last)| other.at < *last);
                    assert!(
                        reading.is_none() || !(renames(effect.change) || renames(other.change)),
                        "seed {seed}: a rename was overlooked: {person} was read, changed by {:?} {}, then by {:?}",
                        other.change,
                        if before { "before the job began" } else { "while the job waited" },
                        effect.change
                    );
                }
            }
            if let Change::Rename(Rename { from, allotments, .. }) = effect.change
                && !outside.contains(&from.key())
            {
                let listed: BTreeSet<&AllotmentName> = allotments.iter().collect();
                let all = now.held();
                let held: BTreeSet<&AllotmentName> =
                    all.iter().filter(|(holder, _)| *holder == from.key()).map(|(_, allotment)| allotment).collect();
                // What else they got since stays with them; that it does is part of the count of everybody's licenses above.
                assert!(
                    listed.is_subset(&held),
                    "seed {seed}: a rename moved what was not there: {:?} of {held:?}",
                    effect.change
                );
            }
            effect.change.project(&mut now, None, "");
        }
    }
}

/// What jobs changed, in the order of the tenant's log. Two jobs with the same change are never open at once, so the one that
/// was started first made it first.
fn effects<'a>(log: &[Value], done: &[(&'a str, &'a Change)]) -> Vec<Effect<'a>> {
    let mut open: Vec<(&'a str, &'a Change)> = done.to_vec();
    let mut effects = Vec::new();
    for (at, request) in log.iter().enumerate() {
        let Some((action, sent)) = request["body"].as_object().and_then(|body| body.iter().next()) else { continue };
        for (row, sent) in request["rows"].as_array().into_iter().flatten().zip(sent.as_array().into_iter().flatten()) {
            if row["changed"] == true
                && let Some(found) = open.iter().position(|(_, change)| is_row(sent, action, change))
            {
                let (job, change) = open.remove(found);
                effects.push(Effect { at, job, change });
            }
        }
    }
    effects
}

/// Runs `count` cases from seed `first` on, four at a time.
async fn cases(first: u64, count: u64) {
    let (mut done, mut met, mut failed) = (0, 0, Vec::new());
    let all: Vec<u64> = (first..first + count).collect();
    for few in all.chunks(4) {
        // A case that hangs says which one it is, and where.
        let bounded = |seed: u64| async move {
            let doing = Arc::new(Mutex::new(String::new()));
            let at = doing.clone();
            let case = case(seed, move |what| what.clone_into(&mut at.lock().unwrap()));
            let bounded = tokio::time::timeout(Duration::from_secs(90), case).await;
            bounded.unwrap_or_else(|_| panic!("seed {seed} hangs at or after {}", doing.lock().unwrap()))
        };
        let runs: Vec<_> = few.iter().map(|seed| tokio::spawn(bounded(*seed))).collect();
        for (seed, run) in few.iter().zip(runs) {
            match run.await {
                Ok((changed, others)) => {
                    done += changed;
                    met += others;
                }
                // Its words are on the screen already; the others are worth a look as well.
                Err(_) => failed.push(*seed),
            }
        }
    }
    println!(
        "{count} interleavings: {done} rows changed, {met} met as somebody else's doing, {} failed: {failed:?}",
        failed.len()
    );
    assert!(failed.is_empty(), "{} of {count} interleavings failed: seeds {failed:?}", failed.len());
    assert!(done as u64 >= count, "the cases hardly change anything: {done} rows in {count}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_interleavings_overwrite_nothing() {
    // Where a job locks one license and not all that somebody holds, seed 10034 has a rename between its look and its request.
    cases(10_030, 50).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the long run: script/soak"]
#[expect(clippy::disallowed_methods, reason = "a long run asks its script how long")]
async fn a_thousand_interleavings_overwrite_nothing() {
    let count = std::env::var("QUARTERMASTER_SOAK_INTERLEAVINGS").ok().and_then(|count| count.parse().ok()).unwrap_or(1_000);
    cases(10_000, count).await;
}
