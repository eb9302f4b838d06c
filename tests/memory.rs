//! Weeks of strangers and of people who come and go leave the program's memory as it was: what a visit takes is given back. The
//! server is the real program; the tenants live in this process.
#![cfg(feature = "ssr")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a test may fail by panicking"
)]

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use support::{Server, free_port, http, resident, serve, sim};
use tokio::task::JoinSet;

/// Keys that no tenant knows.
const STRANGERS: usize = 10_000;
/// Those of them that come before memory is measured for the first time.
const FIRST: usize = 1_000;
/// Tenants, and people with a key in each.
const TENANTS: usize = 10;
const PEOPLE: usize = 100;
/// How often everybody comes, a week apart at the tenants.
const WEEKS: usize = 4;
/// Visits at the same time.
const AT_ONCE: usize = 4;
/// Growth that is nobody's leak: a part of what there is, and what an allocator keeps.
const PERCENT: u64 = 10;
const ALLOWANCE: u64 = 8 * 1024 * 1024;

fn key(tenant: usize, person: usize) -> String {
    format!("key-{tenant}-{person}")
}

/// Runs `count` visits, a few at once.
async fn visits<F: Future<Output = ()> + Send + 'static>(count: usize, visit: impl Fn(usize) -> F) {
    let mut under_way = JoinSet::new();
    for n in 0..count {
        if under_way.len() == AT_ONCE {
            under_way.join_next().await.unwrap().unwrap();
        }
        under_way.spawn(visit(n));
    }
    under_way.join_all().await.into_iter().for_each(drop);
}

/// Keys that no tenant knows, each once. How often each status was the answer.
async fn strangers(server: &Arc<Server>, from: usize, count: usize) -> BTreeMap<u16, usize> {
    let told = Arc::new(std::sync::Mutex::new(BTreeMap::new()));
    visits(count, |n| {
        let (server, told) = (server.clone(), told.clone());
        async move {
            let n = from + n;
            let (tenant, key) = (format!("t{}", n % TENANTS), format!("no-such-key-{n}-{}", "x".repeat(n % 900)));
            // As a program sends it: a browser is led back to the page instead, with the same words.
            let answer = http()
                .post(format!("{}/api/connect/key", server.url))
                .header("origin", &server.url)
                .header("sec-fetch-site", "same-origin")
                .header("accept", "application/json")
                .header("content-type", "application/x-www-form-urlencoded")
                .body(format!("tenant={tenant}&key={key}&back="))
                .send()
                .await
                .unwrap();
            let status = answer.status().as_u16();
            assert!(answer.headers().get("set-cookie").is_none(), "a session for a stranger");
            assert!((400..500).contains(&status), "{status}: {}", answer.text().await.unwrap());
            *told.lock().unwrap().entry(status).or_default() += 1;
        }
    })
    .await;
    let told = told.lock().unwrap();
    told.clone()
}

/// Everybody connects, looks at a page and leaves, once.
async fn week(server: &Arc<Server>) {
    visits(TENANTS * PEOPLE, |n| {
        let server = server.clone();
        async move {
            let (tenant, person) = (n % TENANTS, n / TENANTS);
            let name = format!("t{tenant}");
            let cookie = server.connect(&name, &key(tenant, person)).await;
            // The first look may come back before the reading does.
            let deadline = Instant::now() + Duration::from_secs(60);
            while !server.page(&format!("/t/{name}/overview"), &cookie).await.contains("Analyzer") {
                assert!(Instant::now() < deadline, "no overview for {name} within a minute");
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
            server.post("/api/connect/forget", &cookie, &[("tenant", &name), ("jobs", "")]).await.unwrap();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the long run: script/soak"]
async fn weeks_of_visits_take_no_memory() {
    let mut sims = Vec::new();
    for tenant in 0..TENANTS {
        let options = qlik_sim::Options {
            users: PEOPLE,
            assignments: PEOPLE / 2,
            groups: 5,
            seed: tenant as u64 + 1,
            api_keys: (0..PEOPLE).map(|person| key(tenant, person)).collect(),
            rate_scale: 100.0,
            ..qlik_sim::Options::default()
        };
        sims.push(qlik_sim::Sim::start(options).await.unwrap());
    }
    let folder = tempfile::tempdir().unwrap();
    let (config, port) = (folder.path().join("Leptos.toml"), free_port());
    let (database, secret) = (folder.path().join("qm.db"), folder.path().join("key"));
    let mut text = format!(
        "[server]\nlisten = \"127.0.0.1:{port}\"\n[storage]\nurl = \"sqlite://{}\"\n[secrets]\nmaster_key_file = \"{}\"\n",
        database.display(),
        secret.display(),
    );
    for (tenant, sim) in sims.iter().enumerate() {
        writeln!(text, "[tenants.t{tenant}]\nurl = \"{}\"\ntimeout_s = 5\nrate_scale = 100", sim.url).unwrap();
    }
    std::fs::write(&config, text).unwrap();
    let server = Arc::new(serve(&config, port).await);
    let pid = server.child.id().unwrap();
    let (began, mib) = (Instant::now(), |bytes: u64| bytes as f64 / 1_048_576.0);
    let tell = |when: &str| {
        let now = resident(pid);
        println!("memory {when}: {:.1} MiB, {} s", mib(now), began.elapsed().as_secs());
        now
    };

    tell("at the start");
    let mut told = strangers(&server, 0, FIRST).await;
    let strangers_warm = tell("after 1,000 strangers");
    for (status, times) in strangers(&server, FIRST, STRANGERS - FIRST).await {
        *told.entry(status).or_default() += times;
    }
    let strangers_end = tell("after 10,000 strangers");
    // So many wrong keys shut a tenant's door for a minute, to everybody.
    tokio::time::sleep(Duration::from_secs(61)).await;
    let mut people = Vec::new();
    for n in 1..=WEEKS {
        week(&server).await;
        people.push(tell(&format!("after week {n} of 1,000 people")));
        for sim_of in &sims {
            sim(&sim_of.url, "POST", "act", Some(json!({"advance_s": 604_800}))).await;
        }
    }
    println!("the answers to strangers: {told:?}");
    for (who, warm, end) in [("strangers", strangers_warm, strangers_end), ("people", people[0], people[WEEKS - 1])] {
        let most = warm + warm * PERCENT / 100 + ALLOWANCE;
        println!("memory: {who} from {:.1} to {:.1} MiB, {:.1} at most", mib(warm), mib(end), mib(most));
    }
    for (who, warm, end) in [("strangers", strangers_warm, strangers_end), ("people", people[0], people[WEEKS - 1])] {
        assert!(end <= warm + warm * PERCENT / 100 + ALLOWANCE, "{who}: memory grew from {warm} to {end} bytes");
    }
}
