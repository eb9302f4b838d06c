//! The trail of a portal proves itself: where it is stored and as the file that is taken away, by the program's own commands.
#![cfg(feature = "ssr")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail by panicking")]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use axum::http::StatusCode;
use quartermaster::server::config::{Config, TenantConfig};
use quartermaster::server::state::State;
use serde_json::{Value, json};
use storage::{Actor, NewAudit, Store};
use support::{AUDIT_SECRET, KEY, Portal, audit_key, get, portal_of};

async fn portal() -> Portal {
    let api_keys = vec![KEY.to_owned()];
    portal_of(qlik_sim::Options { users: 20, assignments: 10, groups: 2, api_keys, ..qlik_sim::Options::default() }).await
}

/// A configuration whose store and keys are where a portal of a test has them.
fn configured(portal: &Portal) -> PathBuf {
    let folder = portal.folder.path();
    let key = folder.join("audit.key");
    std::fs::write(&key, AUDIT_SECRET).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let text = format!(
        "[storage]\nurl = \"{}\"\n[secrets]\nmaster_key_file = \"{}\"\n[audit]\ncheckpoint_file = \"{}\"\n",
        portal.state.config.storage.url,
        folder.join("qm.key").display(),
        folder.join("checkpoints.jsonl").display()
    );
    let file = folder.join("Leptos.toml");
    std::fs::write(&file, text).unwrap();
    // The server makes it when it starts.
    std::fs::write(folder.join("checkpoints.jsonl"), "").unwrap();
    file
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quartermaster")).args(arguments).output().unwrap()
}

/// Its exit code and what it says.
fn told(arguments: &[&str]) -> (i32, String) {
    let output = run(arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    let errors: String = errors.lines().filter(|line| line.starts_with("quartermaster: ")).collect();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap() + &errors)
}

fn faults(config: &str) -> Vec<(String, i64, String)> {
    let (code, text) = told(&["verify-audit", "--config", config, "--json"]);
    let reports: Vec<Value> = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{code} {text}"));
    let of = |report: &Value| {
        let tenant = report["tenant"].as_str().unwrap().to_owned();
        let fault = |fault: &Value| (tenant.clone(), fault["seq"].as_i64().unwrap(), fault["kind"].as_str().unwrap().to_owned());
        report["faults"].as_array().unwrap().iter().map(fault).collect::<Vec<_>>()
    };
    let faults: Vec<_> = reports.iter().flat_map(of).collect();
    assert_eq!(code, i32::from(!faults.is_empty()), "{text}");
    faults
}

fn line(n: i64) -> NewAudit {
    NewAudit {
        tenant: "meridian".into(),
        at: n,
        actor: Actor::named("Ann"),
        action: "assign".into(),
        after: json!({"license": "analyzer"}),
        outcome: "done".into(),
        ..NewAudit::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn master_keys_change_while_people_work() {
    keys_change(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn master_keys_change_while_people_work_on_postgres() {
    if let Some(url) = support::databases::own_database("qm_master_keys").await {
        keys_change(Some(url)).await;
    }
}

/// Another key seals while people work on two servers, of which one is told; the old one goes once nobody needs it.
async fn keys_change(url: Option<String>) {
    let options = qlik_sim::Options {
        users: 20,
        assignments: 10,
        groups: 2,
        api_keys: vec![KEY.to_owned(), "second-key".to_owned()],
        ..qlik_sim::Options::default()
    };
    let sealer = |folder: &Path| {
        let file = folder.join("qm.key");
        std::fs::write(&file, *b"fedcba9876543210FEDCBA9876543210").unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        quartermaster::server::ring::sealer(&file).unwrap()
    };
    let clock = std::sync::Arc::new(engine::clock::WallClock);
    let stored = |config: &mut Config, _: &mut TenantConfig| config.storage.url = url.unwrap_or(config.storage.url.clone());
    let portal = support::portal_sealed(options, clock.clone(), stored, sealer).await;
    let store = Store::open(&portal.state.config.storage.url, audit_key()).await.unwrap();
    let its_sealer = quartermaster::server::ring::sealer(&portal.folder.path().join("qm.key")).unwrap();
    let other = quartermaster::router::router(&State::build(portal.state.config.clone(), store, its_sealer, clock).unwrap());
    let status = async |app: &axum::Router, cookie: &str| {
        tower::ServiceExt::oneshot(app.clone(), get("/t/meridian/overview", cookie)).await.unwrap().status()
    };
    let config_file = configured(&portal);
    let config = config_file.to_str().unwrap();
    let (used, idle) = (portal.connect().await, portal.connect_with("second-key").await);
    let keys = || std::fs::read_to_string(portal.folder.path().join("qm.key")).unwrap();
    // Pages are asked for all along.
    let asking = {
        let (apps, cookie) = ([portal.app.clone(), other.clone()], used.clone());
        tokio::spawn(async move {
            let mut failed = 0;
            for app in apps.iter().cycle().take(60) {
                let answer = tower::ServiceExt::oneshot(app.clone(), get("/t/meridian/overview", &cookie)).await.unwrap();
                failed += usize::from(answer.status() != StatusCode::OK);
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            failed
        })
    };
    let (code, words) = told(&["rotate-keys", "--config", config]);
    assert!(code == 0 && words.starts_with("k1 seals from now on"), "{words}");
    assert!(keys().starts_with("quartermaster keyring 1\nk1 active ") && keys().contains("\nk0 old "));
    assert_eq!(portal.state.engine.sealer.reload().as_deref(), Some("k1"));
    assert_eq!(asking.await.unwrap(), 0, "pages that failed meanwhile");
    for app in [&portal.app, &other] {
        assert_eq!(status(app, &used).await, StatusCode::OK, "a server that was not told meets the new key by itself");
    }
    // Whoever used the portal since needs the old key no more; somebody else does.
    let (code, words) = told(&["rotate-keys", "--config", config, "--drop", "k0"]);
    assert!(code == 1 && words.contains("1 session still needs the key k0"), "{words}");
    assert_eq!(told(&["rotate-keys", "--config", config, "--drop", "k1"]).0, 1, "the one that seals stays");
    assert_eq!(told(&["rotate-keys", "--config", config, "--drop", "k7"]).0, 1);
    let (code, words) = told(&["rotate-keys", "--config", config, "--drop", "k0", "--force"]);
    assert_eq!((code, keys().contains("k0")), (0, false), "{words}");
    portal.state.engine.sealer.reload();
    for app in [&portal.app, &other] {
        assert_eq!(status(app, &used).await, StatusCode::OK);
        assert_ne!(status(app, &idle).await, StatusCode::OK);
    }
    let (code, words) = told(&["rotate-keys", "--config", config]);
    assert!(code == 0 && words.starts_with("k2 seals"), "{words}");
    for app in [&portal.app, &other] {
        assert_eq!(status(app, &used).await, StatusCode::OK);
    }
    assert_eq!(faults(config), [], "and all of it is in the trail");
}

async fn exported(portal: &Portal, cookie: &str, query: &str, to: &Path) -> String {
    let text = portal.text(get(&format!("/t/meridian/audit/export?format=jsonl{query}"), cookie)).await;
    std::fs::write(to, &text).unwrap();
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trail_is_verified_where_it_is_and_where_it_was_taken() {
    let portal = portal().await;
    let cookie = portal.connect().await;
    let config_file = configured(&portal);
    let config = config_file.to_str().unwrap();
    let store = &portal.state.engine.store;
    store.audit(&(0..2_500).map(line).collect::<Vec<_>>()).await.unwrap();
    // Taken away whole, it proves itself; filtered, it says that it does not.
    let file = portal.folder.path().join("export.jsonl");
    let text = exported(&portal, &cookie, "", &file).await;
    let path = file.to_str().unwrap();
    let (code, words) = told(&["verify-audit", "--file", path]);
    assert!(
        code == 0 && words.starts_with("meridian: 2,502 records, 1 checkpoint, head ") && words.ends_with("intact\n"),
        "{words}"
    );
    let key = portal.folder.path().join("public.key");
    let (code, public) = told(&["audit-key", "--config", config]);
    assert_eq!((code, public.trim()), (0, audit_key().public().to_string().as_str()));
    std::fs::write(&key, &public).unwrap();
    assert_eq!(told(&["verify-audit", "--file", path, "--public-key", key.to_str().unwrap()]).0, 0);
    std::fs::write(&file, text.replacen("analyzer", "professional", 1)).unwrap();
    assert_eq!(told(&["verify-audit", "--file", path]), (1, "meridian: record 2 changed\n".to_owned()));
    std::fs::write(&file, text.lines().take(100).fold(String::new(), |all, line| all + line + "\n")).unwrap();
    assert_eq!(told(&["verify-audit", "--file", path]), (1, "meridian: record 101 truncated\n".to_owned()));
    let twice = text.replacen("\"action\":", "\"action\":\"remove\",\"action\":", 1);
    std::fs::write(&file, twice).unwrap();
    assert_eq!(told(&["verify-audit", "--file", path]).0, 1, "a member that is given twice");
    let (code, words) = told(&["verify-audit", "--file", config]);
    assert!(code == 2 && words.contains("no line of it"), "{words}");
    exported(&portal, &cookie, "&outcome=done", &file).await;
    let (code, words) = told(&["verify-audit", "--file", path]);
    assert!(code == 2 && words.contains("filtered"), "{words}");
    // Where it is stored, while it is written.
    assert_eq!(faults(config), []);
    assert_eq!(told(&["verify-audit", "--config", config, "--tenant", "nowhere"]).0, 2);
    let pool = sqlx::AnyPool::connect(&portal.state.config.storage.url).await.unwrap();
    for (statement, found) in [
        ("UPDATE audit_index SET actor = 'Bo' WHERE tenant = 'meridian' AND seq = 7", (7, "column")),
        ("DELETE FROM audit_records WHERE tenant = 'meridian' AND seq = 9", (9, "missing")),
        ("UPDATE audit_records SET hash = 'text' WHERE tenant = 'meridian' AND seq = 11", (11, "changed")),
        ("UPDATE audit_heads SET mac = hash WHERE tenant = 'meridian'", (2_503, "truncated")),
    ] {
        sqlx::query(statement).execute(&pool).await.unwrap();
        let told = faults(config);
        assert!(told.contains(&("meridian".to_owned(), found.0, found.1.to_owned())), "{statement}: {told:?}");
    }
    // Without the key nothing is said.
    std::fs::remove_file(portal.folder.path().join("audit.key")).unwrap();
    assert_eq!(told(&["verify-audit", "--config", config]).0, 2);
}

/// Whatever somebody who can write to the database does to one trail, by itself.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_done_to_the_tables_is_found() {
    let portal = portal().await;
    let config_file = configured(&portal);
    let config = config_file.to_str().unwrap();
    let store = &portal.state.engine.store;
    for n in 1..=3 {
        store.audit(&(0..10).map(line).collect::<Vec<_>>()).await.unwrap();
        store.checkpoint("meridian", n).await.unwrap().unwrap();
    }
    store.audit(&[line(9)]).await.unwrap();
    assert_eq!(faults(config), []);
    let whole = sqlx::AnyPool::connect(&portal.state.config.storage.url).await.unwrap();
    let settings = std::fs::read_to_string(config).unwrap();
    let copy_record =
        "INSERT INTO audit_records SELECT tenant, {}, text, hash FROM audit_records WHERE seq = 4 AND tenant = 'meridian'";
    let copy_column = "INSERT INTO audit_index SELECT tenant, {}, at, actor, action, target, job_id, outcome FROM audit_index \
                       WHERE seq = 4 AND tenant = 'meridian'";
    let places = ["0", "-5", "99"].map(|seq| (copy_record.replace("{}", seq), seq.parse::<i64>().unwrap(), "inserted"));
    let columns = ["0", "-5", "99"].map(|seq| (copy_column.replace("{}", seq), seq.parse::<i64>().unwrap(), "column"));
    let of_checkpoints = [
        ("DELETE FROM audit_checkpoints", 31),
        ("DELETE FROM audit_checkpoints WHERE n = 3", 31),
        ("DELETE FROM audit_checkpoints WHERE n = 2", 30),
        ("DELETE FROM audit_checkpoints WHERE n = 1", 20),
        ("UPDATE audit_checkpoints SET n = 9 WHERE n = 3", 30),
        ("UPDATE audit_checkpoints SET seq = 9 WHERE n = 3", 30),
        ("INSERT INTO audit_checkpoints SELECT tenant, 4, seq, text, signature FROM audit_checkpoints WHERE n = 3", 31),
    ]
    .map(|(statement, seq)| (statement.to_owned(), seq, "checkpoint"));
    let more = [
        ("UPDATE audit_index SET action = CAST(action AS BLOB) WHERE seq = 7", 7, "column"),
        ("UPDATE audit_index SET at = CAST(at AS BLOB) WHERE seq = 7", 7, "column"),
        ("UPDATE audit_records SET seq = 9223372036854775807 WHERE seq = 9", 9, "missing"),
        ("UPDATE audit_heads SET seq = 9223372036854775807", 32, "truncated"),
        ("UPDATE audit_heads SET seq = -9223372036854775807", 1, "inserted"),
        ("UPDATE audit_heads SET seq = 'x'", 32, "truncated"),
        ("UPDATE audit_records SET tenant = CAST(tenant AS BLOB) WHERE seq = 5", 5, "missing"),
        ("DELETE FROM audit_heads", 32, "truncated"),
        (
            "INSERT INTO audit_records (tenant, seq, text, hash) SELECT tenant, 'x', text, hash FROM audit_records WHERE seq = 9",
            0,
            "column",
        ),
    ]
    .map(|(statement, seq, kind)| (statement.to_owned(), seq, kind));
    let of_the_end = ["signed = 2", "signed = -1", "checkpoint = NULL", "seq = 30", "mac = x''"]
        .map(|set| (format!("UPDATE audit_heads SET {set}"), if set == "seq = 30" { 30 } else { 31 }, "truncated"));
    for (n, (statement, seq, kind)) in
        places.into_iter().chain(columns).chain(of_checkpoints).chain(of_the_end).chain(more).enumerate()
    {
        let copy = portal.folder.path().join(format!("copy{n}.db"));
        sqlx::query(sqlx::AssertSqlSafe(format!("VACUUM INTO '{}'", copy.display()))).execute(&whole).await.unwrap();
        let url = format!("sqlite://{}", copy.display());
        let pool = sqlx::AnyPool::connect(&url).await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(statement.clone())).execute(&pool).await.unwrap();
        pool.close().await;
        let file = portal.folder.path().join("copy.toml");
        std::fs::write(&file, settings.replace(&portal.state.config.storage.url, &url)).unwrap();
        let told = faults(file.to_str().unwrap());
        assert!(told.contains(&("meridian".to_owned(), seq, kind.to_owned())), "{statement}: {told:?}");
        // What is at no place of a trail is on no page either.
        let store = Store::open(&url, audit_key()).await.unwrap();
        let found = store.audit_trail("meridian", 0, 100).await.unwrap();
        assert!(found.iter().all(|entry| entry.seq > 0), "{statement}");
        store.close().await;
    }
    // Of a tenant that has no trail, and a file of checkpoints that is gone.
    sqlx::query(
        "INSERT INTO audit_index SELECT 'other', seq, at, actor, action, target, job_id, outcome FROM audit_index WHERE seq = 4",
    )
    .execute(&whole)
    .await
    .unwrap();
    let of_another = ("other".to_owned(), 4, "column".to_owned());
    assert_eq!(faults(config), std::slice::from_ref(&of_another));
    // Whoever signed in left a record in the portal's own trail, and there is none.
    let somebody = storage::Person { issuer: "https://idp".to_owned(), subject: "7".to_owned(), name: "Ana".to_owned() };
    store.put_person(&somebody, 1).await.unwrap();
    assert_eq!(faults(config), [(String::new(), 1, "truncated".to_owned()), of_another]);
    std::fs::remove_file(portal.folder.path().join("checkpoints.jsonl")).unwrap();
    let (code, words) = told(&["verify-audit", "--config", config]);
    assert!(code == 2 && words.contains("audit.checkpoint_file is not there"), "{words}");
}

/// What stands in the table of old lines once the chain has begun was put there by hand.
#[tokio::test(flavor = "multi_thread")]
async fn old_lines_are_taken_over_once() {
    const OLD: &str = "INSERT INTO audit_before_chain (tenant, seq, at, actor, qlik_user, action, target, job_id, outcome, detail, principal) \
                       VALUES ($1, 1, 5, 'Ann', 'u', 'assign', 'x', '', 'done', '', '')";
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("test.db").display());
    Store::open(&url, audit_key()).await.unwrap().close().await;
    let pool = sqlx::AnyPool::connect(&url).await.unwrap();
    for (tenant, records) in [("meridian", 2), ("meridian", 2), ("other", 0)] {
        sqlx::query(OLD).bind(tenant).execute(&pool).await.unwrap();
        let store = Store::open(&url, audit_key()).await.unwrap();
        assert_eq!(store.audit_end(tenant).await.unwrap(), records, "the line and the record that says so, once");
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_audit_key_is_named_under_the_old_one() {
    let portal = portal().await;
    let config_file = configured(&portal);
    let config = config_file.to_str().unwrap();
    let old = audit_key().public().to_string();
    portal.state.engine.store.audit(&[line(1)]).await.unwrap();
    // Not beside a server, which would go on to write under the old key.
    let server = std::fs::File::open(portal.folder.path().join("audit.key")).unwrap();
    server.lock_shared().unwrap();
    let (code, words) = told(&["audit-key", "--config", config, "--rotate"]);
    assert!(code == 1 && words.contains("stop every server"), "{words}");
    drop(server);
    let (code, next) = told(&["audit-key", "--config", config, "--rotate"]);
    assert!(code == 0 && next.trim() != old, "{next}");
    assert_eq!(told(&["audit-key", "--config", config]), (0, next));
    assert_eq!(faults(config), []);
    let secret = std::fs::read(portal.folder.path().join("audit.key")).unwrap();
    let store =
        Store::open(&portal.state.config.storage.url, std::sync::Arc::new(trail::Key::of(&secret).unwrap())).await.unwrap();
    store.audit(&[line(2)]).await.unwrap();
    store.checkpoint("meridian", 3).await.unwrap().unwrap();
    assert_eq!(faults(config), []);
    // Whoever pinned the old key still trusts what came after.
    let pinned = portal.folder.path().join("old.pub");
    std::fs::write(&pinned, old).unwrap();
    assert_eq!(told(&["verify-audit", "--config", config, "--public-key", pinned.to_str().unwrap()]).0, 0);
    // The old key writes no more without being noticed.
    portal.state.engine.store.audit(&[line(3)]).await.unwrap();
    assert!(faults(config).iter().any(|(_, _, kind)| kind == "truncated"));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_trail_cannot_be_written_nothing_is_sent_and_reading_goes_on() {
    let portal = portal().await;
    let cookie = portal.connect().await;
    let pool = sqlx::AnyPool::connect(&portal.state.config.storage.url).await.unwrap();
    let refuse = "CREATE TRIGGER refused BEFORE INSERT ON audit_records BEGIN SELECT RAISE(ABORT, 'disk full'); END";
    sqlx::query(refuse).execute(&pool).await.unwrap();
    let (status, words) = portal.told("/api/connect/forget", &cookie, "tenant=meridian&jobs=").await;
    assert_eq!(status, axum::http::StatusCode::SERVICE_UNAVAILABLE, "{words}");
    assert!(words.contains("The trail cannot be written, so nothing was sent"), "{words}");
    assert_eq!(portal.send(get("/t/meridian/audit", &cookie)).await.status(), axum::http::StatusCode::OK);
}

/// Two servers write at once, ten thousand records each.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: half a minute; run by script/soak"]
async fn two_servers_write_one_chain_without_gaps() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("test.db").display());
    let stores = [Store::open(&url, audit_key()).await.unwrap(), Store::open(&url, audit_key()).await.unwrap()];
    let writers = stores.clone().map(|store| {
        tokio::spawn(async move {
            for n in 0..10_000 {
                store.audit(&[line(n)]).await.unwrap();
            }
        })
    });
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(stores[0].audit_end("meridian").await.unwrap(), 20_000);
    let rows = stores[0].audit_rows("meridian", 0, i64::MAX, i64::MAX).await.unwrap();
    let mut verifier = trail::Verifier::new("meridian", Vec::new(), &[], None);
    verifier.rows(&rows);
    let end = trail::verify::End::Stored(stores[0].audit_head("meridian").await.unwrap());
    assert_eq!(verifier.finish(end).faults, []);
}
