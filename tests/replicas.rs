//! Two servers of one PostgreSQL database, and a reading that takes longer than a lease: whoever settles a job's lost answer keeps
//! the job until it is settled, and the other one leaves it alone. The servers are the real program; the tenant lives in this process.
#![cfg(feature = "ssr")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a test may fail by panicking"
)]

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use storage::JobState;
use support::{Ended, free_port, give_analyzer, millis, postgres, requests, serve, sim, unique, until};

const KEY: &str = "canary-key-of-the-replica-tests";
/// Rows of the job, and how many of them travel in the request whose answer is lost.
const ROWS: usize = 60;
const BATCH: usize = 20;
/// How long the reading takes that settles them. A lease runs out after 20 seconds without a word.
const READING: Duration = Duration::from_secs(28);

async fn simulated(licenses: usize) -> qlik_sim::Sim {
    qlik_sim::Sim::start(qlik_sim::Options {
        users: licenses / 10,
        assignments: licenses,
        groups: 5,
        seed: 11,
        api_keys: vec![KEY.to_owned()],
        rate_scale: 100.0,
        ..qlik_sim::Options::default()
    })
    .await
    .unwrap()
}

fn configure(folder: &Path, file: &str, database: &str, tenant: &str, url: &str) -> u16 {
    let port = free_port();
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:{port}\"\n[storage]\nurl = \"{database}\"\n[secrets]\nmaster_key_file = \"{}\"\n\
         [tenants.{tenant}]\nurl = \"{url}\"\ntimeout_s = 3\nbatch_rows = {BATCH}\nrate_scale = 100\n",
        folder.join("key").display(),
    );
    std::fs::write(folder.join(file), text).unwrap();
    port
}

/// Readings of all licenses that began since a place of the tenant's log, and those that came to an end.
async fn readings(url: &str, since: usize, licenses: usize) -> (usize, usize) {
    let log = sim(url, "GET", &format!("requests?since={since}"), None).await;
    let pages: Vec<&Value> =
        log.as_array().unwrap().iter().filter(|request| request["path"] == "/api/v1/licenses/assignments").collect();
    let first = |page: &&&Value| !page["query"].as_str().unwrap().contains("page=");
    let begun = pages.iter().filter(first).count();
    (begun, pages.len() / licenses.div_ceil(100))
}

/// One answer of a job is lost in a tenant whose licenses take longer to read than a lease lasts.
async fn one_server_settles(licenses: usize) {
    let Some(database) = postgres() else { return };
    let unique = unique();
    let (name, plan) = (format!("t{unique}"), format!("plan{unique}"));
    let tenant = simulated(licenses).await;
    let folder = tempfile::tempdir().unwrap();
    let files = ["one.toml", "two.toml"];
    let ports = files.map(|file| configure(folder.path(), file, &database, &name, &tenant.url));
    let one = serve(&folder.path().join(files[0]), ports[0]).await;
    let _two = serve(&folder.path().join(files[1]), ports[1]).await;
    let said = |words: &str| -> usize {
        let logs = files.map(|file| std::fs::read_to_string(folder.path().join(file).with_extension("log")).unwrap());
        logs.iter().map(|log| log.matches(words).count()).sum()
    };
    let cookie = one.connect(&name, KEY).await;
    // The whole tenant is read beforehand, so that applying does not start that besides.
    until("the tenant is read", Duration::from_secs(120), async || {
        one.page(&format!("/t/{name}/assignments"), &cookie).await.contains("rows")
            && readings(&tenant.url, 0, licenses).await.1 >= 1
    })
    .await;
    let store = storage::Store::open(&database, support::audit_key()).await.unwrap();
    let (planned, before) = give_analyzer(&store, &tenant.url, &name, &plan, ROWS).await;
    let seen = requests(&tenant.url).await;

    // The second request of the job is answered late, and its answer is lost: time enough to make the readings slow.
    let lost = json!({"method": "POST", "path": "/api/v1/licenses/assignments/actions", "nth": 2, "times": 1,
        "then": {"delay_ms": 2_000, "drop": "after"}});
    sim(&tenant.url, "PUT", "faults", Some(json!([lost]))).await;
    one.post("/api/plans/apply", &cookie, &[("tenant", &name), ("id", &plan), ("confirm", "")]).await.unwrap();
    let job = store.job_of_plan(&name, &plan).await.unwrap().expect("the plan is applied");
    until("the first request is answered", Duration::from_secs(20), async || {
        store.tally(&job).await.unwrap().settled() >= BATCH as u64
    })
    .await;
    let begun = readings(&tenant.url, seen, licenses).await.0;
    let each = READING.as_millis() as usize / licenses.div_ceil(100);
    let slow = json!({"method": "GET", "path": "/api/v1/licenses/assignments", "times": 1_000_000, "then": {"delay_ms": each}});
    sim(&tenant.url, "PUT", "faults", Some(json!([slow]))).await;

    let started = Instant::now();
    let (mut settling, mut let_go) = (None, Duration::ZERO);
    loop {
        let row = store.job(&name, &job).await.unwrap().unwrap();
        let tally = store.tally(&job).await.unwrap();
        if row.state == JobState::Finished {
            break;
        }
        assert_eq!(row.state, JobState::Running, "{}", row.reason);
        if tally.unknown + tally.sent > 0 && (readings(&tenant.url, seen, licenses).await.0) > begun {
            settling.get_or_insert_with(Instant::now);
            // How long anybody could have taken the job during the settling.
            let_go = let_go.max(Duration::from_millis(u64::try_from(millis() - row.lease_until).unwrap_or(0)));
        }
        assert!(
            started.elapsed() < Duration::from_secs(120),
            "the job does not end: {tally:?}, {} claims, {} times lost to the other server, {:?} readings, the lease was over for {let_go:?}",
            said("the job begins"),
            said("another executor took the job over"),
            readings(&tenant.url, seen, licenses).await,
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let settled = settling.expect("no reading settled anything").elapsed();
    let (all, whole) = readings(&tenant.url, seen, licenses).await;
    println!(
        "{licenses} licenses: settled after a reading of {} s, in {} reading, with {} claim",
        settled.as_secs(),
        all - begun,
        said("the job begins")
    );
    assert!(settled > Duration::from_secs(21), "the reading took only {settled:?}, less than a lease");
    assert_eq!((all, whole), (begun + 1, begun + 1), "readings of all licenses: begun and ended");
    assert_eq!(said("the job begins"), 1, "claims of the job");
    assert_eq!(said("another executor took the job over"), 0);
    assert_eq!(let_go, Duration::ZERO, "the lease ran out while its holder was at work");
    let ended = Ended { run: format!("{licenses} licenses"), tenant: &name, job: &job, before: &before, planned: &planned, seen };
    ended.accounts_for_every_row(&tenant.url, &store).await;
    store.close().await;
}

/// Two servers without sticky sessions: the rows that one names the other has, and what a job did on one the other shows without
/// another reading.
#[tokio::test(flavor = "multi_thread")]
async fn what_one_server_names_and_does_the_other_shows() {
    let Some(database) = postgres() else { return };
    let unique = unique();
    let (name, plan) = (format!("t{unique}"), format!("plan{unique}"));
    let tenant = simulated(400).await;
    let folder = tempfile::tempdir().unwrap();
    let files = ["one.toml", "two.toml"];
    let ports = files.map(|file| configure(folder.path(), file, &database, &name, &tenant.url));
    let one = serve(&folder.path().join(files[0]), ports[0]).await;
    let two = serve(&folder.path().join(files[1]), ports[1]).await;
    let cookie = one.connect(&name, KEY).await;
    let path = format!("/t/{name}/assignments");
    for server in [&one, &two] {
        until("the tenant is read", Duration::from_secs(30), async || {
            server.page(&path, &cookie).await.contains("name=\"version\"")
        })
        .await;
    }
    let version = async |server: &support::Server| {
        let page = server.page(&path, &cookie).await;
        let (_, rest) = page.split_once("name=\"version\" value=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    let outline = async |server: &support::Server, version: &str| {
        let url = format!("{}/rows/{name}/outline?version={version}", server.url);
        support::http().get(url).header("cookie", &cookie).send().await.unwrap().status().as_u16()
    };
    assert_eq!(outline(&two, &version(&one).await).await, 200, "the other server has the rows that a page of this one names");
    assert_eq!(outline(&one, "1").await, 205, "and none of another version");

    let store = storage::Store::open(&database, support::audit_key()).await.unwrap();
    let (planned, _) = give_analyzer(&store, &tenant.url, &name, &plan, 1).await;
    let read = readings(&tenant.url, 0, 400).await;
    one.post("/api/plans/apply", &cookie, &[("tenant", &name), ("id", &plan), ("confirm", "")]).await.unwrap();
    let subject = planned.changes[0].change.subject().unwrap().to_string();
    for server in [&one, &two] {
        let found = format!("{path}?q={}", quartermaster::ui::query::escape(&subject));
        until("what the job did is shown", Duration::from_secs(20), async || {
            server.page(&found, &cookie).await.matches(&subject).count() > 1
        })
        .await;
    }
    // Applying reads once what it touches; showing it reads nothing.
    assert_eq!(readings(&tenant.url, 0, 400).await, (read.0 + 1, read.1 + 1));
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reading_keeps_its_lease() {
    one_server_settles(6_000).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the long run: script/soak"]
async fn a_slow_reading_of_a_hundred_thousand_keeps_its_lease() {
    one_server_settles(100_000).await;
}
