//! Two people and jobs on the same rows, in any order and all at once, with somebody else writing behind their backs: nobody's
//! change is overwritten in silence, and what was changed outside is met by the reading before a plan is applied.
#![cfg(feature = "ssr")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail by panicking")]

mod support;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::header;
use domain::allotment::AllotmentName;
use domain::journal::RowState;
use domain::plan::{Change, Holdings, Stand};
use domain::table::RowKey;
use quartermaster::server::executor;
use quartermaster::ui::query::escape;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::json;
use support::{Pairs, Portal, get, pairs, portal_of, post, sim};
use tokio::task::JoinSet;

const ANN: &str = "key-of-ann";
const BOB: &str = "key-of-bob";
/// People whom everybody in a case is after.
const PEOPLE: usize = 3;
/// Steps in a case.
const STEPS: usize = 14;

/// What somebody does.
#[derive(Debug, Clone)]
enum Step {
    /// Draws up a plan for some rows.
    Draw { who: usize, action: &'static str, to: &'static str, rows: Vec<usize> },
    /// Applies the plan drawn up last.
    Apply { who: usize },
    /// Changes a license elsewhere.
    Outside { person: usize, give: bool, allotment: &'static str },
}

fn step(rng: &mut StdRng, strangers: bool) -> Step {
    const ALLOTMENTS: [&str; 2] = ["analyzer", "basicUser"];
    let allotment = ALLOTMENTS.choose(rng).copied().unwrap();
    match rng.random_range(0..if strangers { 10 } else { 8 }) {
        0..4 => {
            let rows = (0..rng.random_range(1..=3)).map(|_| rng.random_range(0..PEOPLE)).collect();
            let action = ["assign", "remove", "change"].choose(rng).copied().unwrap();
            Step::Draw { who: rng.random_range(0..2), action, to: allotment, rows }
        }
        4..8 => Step::Apply { who: rng.random_range(0..2) },
        _ => Step::Outside { person: rng.random_range(0..PEOPLE), give: rng.random_bool(0.5), allotment },
    }
}

struct Case {
    portal: Portal,
    cookies: [String; 2],
    people: Vec<String>,
    /// The plan that each drew up last.
    plans: [Mutex<Option<String>>; 2],
    /// Steps under way.
    under_way: Mutex<usize>,
    /// People whom somebody changed outside.
    outside: Mutex<BTreeSet<String>>,
}

fn holdings(pairs: &Pairs) -> Holdings {
    Holdings {
        held: pairs.iter().map(|(subject, allotment)| (subject.clone(), AllotmentName::new(allotment))).collect(),
        ..Holdings::default()
    }
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
                    format!("&rows[]={}", escape(RowKey::new(&subject, held.as_ref()).as_str()))
                });
                let form = format!("tenant=meridian&action={action}&to={to}{}", rows.collect::<String>());
                let to = self.location(who, "/api/assignments/draft", &form).await;
                if let Some(plan) = to.strip_prefix("/t/meridian/plans/") {
                    *self.plans[who].lock().unwrap() = Some(plan.to_owned());
                }
            }
            Step::Apply { who } => {
                let Some(id) = self.plans[who].lock().unwrap().take() else { return };
                let Some(plan) = self.portal.state.store.plan("meridian", &id).await.unwrap() else { return };
                // Where nothing else moves, the reading before must meet whatever was changed since the plan was drawn up.
                let stale = if alone {
                    let now = holdings(&pairs(&self.portal.sim.url).await);
                    plan.plan.changes.iter().any(|planned| now.stand(&planned.change) != Stand::Before)
                } else {
                    false
                };
                let to = self.location(who, "/api/plans/apply", &format!("tenant=meridian&id={id}&confirm=")).await;
                if stale {
                    assert!(!to.contains("/jobs/"), "a plan that reality has overtaken was applied: {:?}", plan.plan.changes);
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
            let jobs = self.portal.state.store.jobs("meridian", 100).await.unwrap();
            if jobs.iter().all(|job| job.state.is_over()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the jobs do not end: {:?}", self.portal.state.store.jobs("meridian", 100).await.unwrap());
    }
}

/// A case. Returns how many rows jobs changed, and how many were met as changed by somebody else.
async fn case(seed: u64) -> (usize, usize) {
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
    let executor = tokio::spawn(executor::run(portal.state.clone()));
    let cookies = [portal.connect_with(ANN).await, portal.connect_with(BOB).await];
    for cookie in &cookies {
        // A first reading, as everybody has had one before they draw up a plan.
        portal.send(get("/t/meridian/assignments", cookie)).await;
    }
    let state = sim(&portal.sim.url, "GET", "state", None).await;
    let users: Vec<String> =
        state["users"].as_array().unwrap().iter().map(|user| user["subject"].as_str().unwrap().to_owned()).collect();
    let people: Vec<String> = users.choose_multiple(&mut rng, PEOPLE).cloned().collect();
    let before = pairs(&portal.sim.url).await;
    let case = Arc::new(Case {
        portal,
        cookies,
        people,
        plans: [Mutex::new(None), Mutex::new(None)],
        under_way: Mutex::new(0),
        outside: Mutex::default(),
    });
    let mut running = JoinSet::new();
    // Half of the cases are among the two alone: there, nothing at all may be met.
    let strangers = rng.random_bool(0.5);
    for _ in 0..STEPS {
        let step = step(&mut rng, strangers);
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
        let alone = alone && case.portal.state.store.jobs("meridian", 100).await.unwrap().iter().all(|job| job.state.is_over());
        let together = rng.random_bool(0.6);
        let of = case.clone();
        running.spawn(async move {
            of.take(step, alone && !together).await;
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
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
    case.rest().await;
    executor.abort();

    // Every row of every job is accounted for, and what was not simply done was met as somebody else's doing.
    let outside = case.outside.lock().unwrap().clone();
    let (mut done, mut met) = (0, 0);
    let mut changes: Vec<(String, Change)> = Vec::new();
    for job in case.portal.state.store.jobs("meridian", 100).await.unwrap() {
        for row in case.portal.state.store.journal(&job.id, &RowState::ALL, 0, 1_000).await.unwrap() {
            let subject = row.change.target().to_lowercase();
            match row.state {
                RowState::Done => {
                    done += 1;
                    changes.push((job.id.clone(), row.change.clone()));
                }
                // No seat is nobody's overwriting.
                RowState::Refused if row.code == domain::journal::NO_SEAT => {}
                RowState::Already | RowState::Refused | RowState::Conflict => {
                    met += 1;
                    assert!(
                        outside.contains(&subject),
                        "seed {seed}: {subject} is {:?} in {} though nobody outside touched it: two jobs met in silence",
                        row.state,
                        job.title
                    );
                }
                state => panic!("seed {seed}: a job ended with a row that is {state:?}"),
            }
        }
    }
    // What the tenant has now is what all of them together did, where nobody outside had a hand in it.
    let after = pairs(&case.portal.sim.url).await;
    let log = sim(&case.portal.sim.url, "GET", "requests?since=0", None).await;
    let mut effects: HashMap<String, usize> = HashMap::new();
    for request in log.as_array().unwrap() {
        for row in request["rows"].as_array().into_iter().flatten().filter(|row| row["changed"] == true) {
            *effects.entry(row["subject"].as_str().unwrap().to_lowercase()).or_default() += 1;
        }
    }
    for person in case.people.iter().map(|person| person.to_lowercase()).filter(|person| !outside.contains(person)) {
        let of: Vec<&Change> =
            changes.iter().map(|(_, change)| change).filter(|change| change.target().to_lowercase() == person).collect();
        assert_eq!(effects.get(&person).copied().unwrap_or(0), of.len(), "seed {seed}: effects on {person}: {of:?}");
        let held = |pairs: &Pairs| pairs.iter().filter(|(holder, _)| *holder == person).count();
        let gained = of.iter().filter(|change| matches!(change, Change::Assign { .. })).count();
        let lost = of.iter().filter(|change| matches!(change, Change::Remove { .. })).count();
        assert_eq!(held(&before) + gained, held(&after) + lost, "seed {seed}: licenses of {person}: {of:?}");
    }
    (done, met)
}

/// Runs `count` cases from seed `first` on, four at a time.
async fn cases(first: u64, count: u64) {
    let (mut done, mut met) = (0, 0);
    let all: Vec<u64> = (first..first + count).collect();
    for few in all.chunks(4) {
        // A case that hangs says which one it is.
        let bounded = |seed: u64| async move {
            tokio::time::timeout(Duration::from_secs(90), case(seed)).await.unwrap_or_else(|_| panic!("seed {seed} hangs"))
        };
        let runs: Vec<_> = few.iter().map(|seed| tokio::spawn(bounded(*seed))).collect();
        for run in runs {
            let (changed, others) = run.await.unwrap();
            done += changed;
            met += others;
        }
    }
    println!("{count} interleavings: {done} rows changed, {met} met as somebody else's doing");
    assert!(done as u64 >= count, "the cases hardly change anything: {done} rows in {count}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_interleavings_overwrite_nothing() {
    // Without the guard against plans that a job overtook, seed 10065 is the first to show it.
    cases(10_040, 50).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the long run: script/soak"]
#[expect(clippy::disallowed_methods, reason = "a long run asks its script how long")]
async fn a_thousand_interleavings_overwrite_nothing() {
    let count = std::env::var("QUARTERMASTER_SOAK_INTERLEAVINGS").ok().and_then(|count| count.parse().ok()).unwrap_or(1_000);
    cases(10_000, count).await;
}
