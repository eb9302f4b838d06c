//! One suite on both databases. PostgreSQL is taken from `QUARTERMASTER_TEST_POSTGRES`, which `script/test` sets.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panicking")]

use std::collections::BTreeSet;

use domain::allotment::AllotmentName;
use domain::inventory::{GroupId, RoleId};
use domain::journal::RowState;
use domain::plan::{Change, Plan, PlannedChange};
use domain::sheet::Rules;
use domain::subject::Subject;
use storage::{
    CreateJob, Grant, JobState, JournalRow, ListRow, NewAudit, NewJob, PlanRow, RowResult, Store, StoreError, StoredCredential,
};

/// Runs a test on SQLite, and on PostgreSQL in a schema of its own where there is one.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            #[tokio::test]
            async fn sqlite() {
                let folder = tempfile::tempdir().unwrap();
                let store = super::Store::open(&format!("sqlite://{}", folder.path().join("test.db").display())).await.unwrap();
                super::suite::$name(&store).await;
            }

            #[tokio::test]
            async fn postgres() {
                let Some(url) = super::postgres(stringify!($name)).await else { return };
                let store = super::Store::open(&url).await.unwrap();
                super::suite::$name(&store).await;
                store.close().await;
            }
        }
    )*};
}

on_both!(
    sessions_end_for_good,
    use_keeps_a_session,
    views_have_names,
    credentials_go_with_the_session,
    a_plan_is_applied_once,
    a_plan_that_was_overtaken_is_not_started,
    rows_are_locked,
    leases_fence,
    one_executor_has_a_tenant,
    the_trail_has_no_gaps,
    sessions_and_grants_are_listed_and_withdrawn,
    lists_are_kept_for_a_while,
    journals_survive
);

/// A database of its own on the test server; `None`, loudly, where there is no server.
#[expect(clippy::disallowed_methods, reason = "a test asks its script where the server is")]
async fn postgres(name: &str) -> Option<String> {
    let Ok(base) = std::env::var("QUARTERMASTER_TEST_POSTGRES") else {
        eprintln!("SKIPPED on PostgreSQL: QUARTERMASTER_TEST_POSTGRES is not set (script/test sets it)");
        return None;
    };
    sqlx_admin(&base, &format!("DROP DATABASE IF EXISTS {name}")).await;
    sqlx_admin(&base, &format!("CREATE DATABASE {name}")).await;
    Some(format!("{base}/{name}"))
}

async fn sqlx_admin(base: &str, statement: &str) {
    use sqlx::Executor;
    sqlx::any::install_default_drivers();
    let pool = sqlx::AnyPool::connect(&format!("{base}/postgres")).await.unwrap();
    pool.execute(sqlx::AssertSqlSafe(statement.to_owned())).await.unwrap();
    pool.close().await;
}

fn assign(n: u8) -> PlannedChange {
    let change = Change::Assign { subject: Subject::new(format!("M\\p{n}")), allotment: AllotmentName::new("analyzer") };
    PlannedChange { change, name: format!("Person {n}"), orphan: false, why: String::new() }
}

fn plan(id: &str, rows: &[PlannedChange]) -> PlanRow {
    PlanRow {
        id: id.into(),
        tenant: "t".into(),
        author: "ann".into(),
        origin: String::new(),
        inventory_at: 1,
        created_at: 2,
        plan: Plan {
            title: "Assign Analyzer".into(),
            changes: rows.to_vec(),
            unchanged: vec![],
            seats: vec![],
            warnings: vec![],
            removes_the_rest: false,
            offers: vec![],
            risks: vec![],
        },
    }
}

fn grant() -> Grant {
    Grant { sealed: vec![1, 0, 255], wrapped_key: vec![2], expires_at: 1_000 }
}

async fn job(store: &Store, id: &str, rows: &[PlannedChange]) -> CreateJob {
    let plan_id = format!("plan-{id}");
    if store.plan("t", &plan_id).await.unwrap().is_none() {
        store.put_plan(&plan(&plan_id, rows)).await.unwrap();
    }
    let new = NewJob {
        id,
        plan: &plan_id,
        tenant: "t",
        qlik_user: "u",
        author: "ann",
        title: "Assign",
        undo_of: None,
        rows,
        grant: grant(),
        now: 10,
        seen: i64::MAX,
            known: &[],
    };
    store.create_job(&new).await.unwrap()
}

mod suite {
    use super::*;

    pub(super) async fn lists_are_kept_for_a_while(store: &Store) {
        let list = |id: &str, created_at| ListRow {
            id: id.into(),
            tenant: "t".into(),
            author: "ann".into(),
            name: "people.csv".into(),
            created_at,
            body: vec![0, 255, 10],
            rules: Rules::default(),
        };
        store.put_list(&list("a", 10)).await.unwrap();
        let mut rules = Rules::default();
        rules.mended.insert((3, 1), "Analyzer".into());
        assert!(store.set_list_rules("t", "a", &rules).await.unwrap());
        assert!(!store.set_list_rules("other", "a", &rules).await.unwrap());
        let row = store.list("t", "a", 9).await.unwrap().unwrap();
        assert_eq!((row.rules, row.body), (rules, vec![0, 255, 10]));
        assert_eq!(store.list("other", "a", 9).await.unwrap(), None);
        assert_eq!(store.list("t", "a", 10).await.unwrap(), None, "older than it is kept is as good as gone");
        store.put_list(&list("b", 20)).await.unwrap();
        assert_eq!((store.purge_lists(15).await.unwrap(), store.purge_lists(15).await.unwrap()), (1, 0));
        assert!(store.list("t", "a", 0).await.unwrap().is_none() && store.list("t", "b", 0).await.unwrap().is_some());
    }

    pub(super) async fn sessions_and_grants_are_listed_and_withdrawn(store: &Store) {
        for (key, at) in [(b"a", 1), (b"b", 2)] {
            assert!(store.create_session(key, b"", at, 100, 1_000).await.unwrap());
        }
        let credential = |tenant: &str| StoredCredential {
            tenant: tenant.into(),
            sealed: vec![1],
            wrapped_key: vec![2],
            qlik_user: "u".into(),
            qlik_name: "Ann".into(),
        };
        store.put_credential(b"a", &credential("x"), 3).await.unwrap();
        store.put_credential(b"a", &credential("y"), 3).await.unwrap();
        let live = store.live_sessions(50).await.unwrap();
        let seen: Vec<_> = live.iter().map(|s| (s.key.clone(), s.connected.len())).collect();
        assert_eq!(seen, [(b"b".to_vec(), 0), (b"a".to_vec(), 2)]);
        store.revoke_session(b"b", 60).await.unwrap();
        assert_eq!(store.live_sessions(70).await.unwrap().len(), 1);
        assert!(store.live_sessions(100).await.unwrap().is_empty());

        assert_eq!(job(store, "j", &[assign(1)]).await, CreateJob::Created);
        let grants = store.live_grants("t", 20).await.unwrap();
        assert_eq!((grants[0].0.id.as_str(), grants[0].1), ("j", 1_000));
        assert!(store.live_grants("t", 1_000).await.unwrap().is_empty(), "over");
        assert!(!store.withdraw_grant("other", "j", "no").await.unwrap());
        assert!(store.withdraw_grant("t", "j", "Withdrawn.").await.unwrap());
        assert_eq!(store.grant("j", 20).await.unwrap().map(|_| ()), None);
        let row = store.job("t", "j").await.unwrap().unwrap();
        assert_eq!((row.state, row.reason.as_str()), (JobState::Paused, "Withdrawn."));
        let trail = store.audit_of("t", "m\\P1", 10).await.unwrap();
        assert_eq!(trail.len(), 1, "the intent, whatever the case");
    }

    pub(super) async fn use_keeps_a_session(store: &Store) {
        assert!(store.create_session(b"used", b"{}", 0, 100, 1_000).await.unwrap());
        store.touch_session(b"used", 50, 150).await.unwrap();
        assert_eq!(store.load_session(b"used", 120).await.unwrap().map(|row| row.idle_until), Some(150));
        // Never back, never once it ended, and it brings nothing back that was ended.
        store.touch_session(b"used", 60, 140).await.unwrap();
        store.touch_session(b"used", 200, 300).await.unwrap();
        assert_eq!(store.load_session(b"used", 149).await.unwrap().map(|row| row.idle_until), Some(150));
        assert_eq!(store.load_session(b"used", 150).await.unwrap(), None);
        store.revoke_session(b"used", 60).await.unwrap();
        store.touch_session(b"used", 61, 400).await.unwrap();
        assert_eq!(store.load_session(b"used", 62).await.unwrap(), None);
    }

    pub(super) async fn views_have_names(store: &Store) {
        store.put_view("t", "ann", "Orphans", "?flag=orphan").await.unwrap();
        store.put_view("t", "ann", "All", "").await.unwrap();
        store.put_view("t", "ann", "Orphans", "?flag=orphan&sort=-since").await.unwrap();
        store.put_view("t", "bob", "Mine", "?q=bob").await.unwrap();
        let named = |list: &[(String, String)]| list.iter().map(|(name, query)| format!("{name} {query}")).collect::<Vec<_>>();
        assert_eq!(named(&store.views("t", "ann").await.unwrap()), ["All ", "Orphans ?flag=orphan&sort=-since"]);
        store.drop_view("t", "ann", "All").await.unwrap();
        assert_eq!(store.views("t", "ann").await.unwrap().len(), 1);
        assert_eq!((store.views("t", "bob").await.unwrap().len(), store.views("u", "ann").await.unwrap().len()), (1, 0));
    }

    pub(super) async fn sessions_end_for_good(store: &Store) {
        assert!(store.create_session(b"k", b"one", 0, 100, 1_000).await.unwrap());
        assert!(!store.create_session(b"k", b"two", 0, 100, 1_000).await.unwrap());
        let row = store.load_session(b"k", 50).await.unwrap().unwrap();
        assert_eq!((row.data.as_slice(), row.version), (b"one".as_slice(), 1));
        assert!(store.save_session(b"k", b"three", 1, 50, 150).await.unwrap());
        assert!(!store.save_session(b"k", b"late", 1, 50, 150).await.unwrap(), "an older version must not win");
        assert!(store.load_session(b"k", 150).await.unwrap().is_none(), "idle for too long");
        store.revoke_session(b"k", 60).await.unwrap();
        assert!(store.load_session(b"k", 61).await.unwrap().is_none());
        assert!(!store.save_session(b"k", b"back", 2, 61, 200).await.unwrap(), "a late save must not bring it back");
        assert!(!store.create_session(b"k", b"again", 61, 200, 1_000).await.unwrap());
        assert_eq!(store.purge_sessions(1_000).await.unwrap(), 1);
    }

    pub(super) async fn credentials_go_with_the_session(store: &Store) {
        store.create_session(b"k", b"", 0, 100, 1_000).await.unwrap();
        let mut credential = StoredCredential {
            tenant: "t".into(),
            sealed: vec![0, 159, 255],
            wrapped_key: vec![7; 3],
            qlik_user: "u".into(),
            qlik_name: "Ann".into(),
        };
        store.put_credential(b"k", &credential, 1).await.unwrap();
        credential.qlik_name = "Anna".into();
        store.put_credential(b"k", &credential, 2).await.unwrap();
        assert_eq!(store.credential(b"k", "t").await.unwrap(), Some(credential.clone()));
        assert_eq!(store.credentials(b"k").await.unwrap(), [credential]);
        assert_eq!(store.credential(b"k", "other").await.unwrap(), None);
        store.revoke_session(b"k", 3).await.unwrap();
        assert_eq!(store.credential(b"k", "t").await.unwrap(), None);
    }

    pub(super) async fn a_plan_is_applied_once(store: &Store) {
        let rows = [assign(1), assign(2)];
        assert_eq!(job(store, "a", &rows).await, CreateJob::Created);
        assert_eq!(store.plan("t", "plan-a").await.unwrap().unwrap(), plan("plan-a", &rows));
        assert_eq!(store.plan("other", "plan-a").await.unwrap(), None);
        assert_eq!(job(store, "a2", &[]).await, CreateJob::Created);
        let again = NewJob {
            id: "b",
            plan: "plan-a",
            tenant: "t",
            qlik_user: "u",
            author: "ann",
            title: "",
            undo_of: None,
            rows: &rows,
            grant: grant(),
            now: 11,
            seen: i64::MAX,
            known: &[],
        };
        assert_eq!(store.create_job(&again).await.unwrap(), CreateJob::AppliedBefore("a".into()));
        assert!(!store.discard_plan("t", "plan-a").await.unwrap());
        store.put_plan(&plan("unused", &rows)).await.unwrap();
        assert!(store.discard_plan("t", "unused").await.unwrap());
        assert_eq!(store.plans("t", 10).await.unwrap().len(), 2);
    }

    pub(super) async fn a_plan_that_was_overtaken_is_not_started(store: &Store) {
        let rows = [assign(1), assign(2)];
        let seen = store.audit_end("t").await.unwrap();
        assert_eq!(job(store, "a", &rows).await, CreateJob::Created);
        let claim = store.claim_job("a", "x", 20, 100).await.unwrap().unwrap();
        let line = |outcome: &str| NewAudit {
            tenant: "t".into(),
            at: 30,
            actor: "ann".into(),
            action: "assign".into(),
            target: rows[1].change.target(),
            job: "a".into(),
            outcome: outcome.into(),
            ..NewAudit::default()
        };
        store.settle(&claim, &[], 30, &[line("refused")]).await.unwrap();
        store.finish_job(&claim, JobState::Finished, 31).await.unwrap();
        store.put_plan(&plan("plan-b", &rows)).await.unwrap();
        let new = |seen| NewJob {
            id: "b",
            plan: "plan-b",
            tenant: "t",
            qlik_user: "u",
            author: "bob",
            title: "Assign",
            undo_of: None,
            rows: &rows,
            grant: grant(),
            now: 40,
            seen,
            known: &[],
        };
        // What was refused changed nothing; what was done since the reading did.
        let claim = {
            let before = store.audit_end("t").await.unwrap();
            assert_eq!(job(store, "c", &[assign(7)]).await, CreateJob::Created);
            let claim = store.claim_job("c", "x", 50, 100).await.unwrap().unwrap();
            assert!(before > seen);
            claim
        };
        store.settle(&claim, &[], 51, &[NewAudit { job: "c".into(), ..line("done") }]).await.unwrap();
        assert_eq!(store.create_job(&new(seen)).await.unwrap(), CreateJob::Overtaken);
        let now = store.audit_end("t").await.unwrap();
        assert_eq!(store.create_job(&new(now)).await.unwrap(), CreateJob::Created);
    }

    pub(super) async fn one_executor_has_a_tenant(store: &Store) {
        assert_eq!(job(store, "a", &[assign(1), assign(2)]).await, CreateJob::Created);
        assert_eq!(job(store, "b", &[assign(3)]).await, CreateJob::Created);
        let claim = store.claim_job("a", "one", 20, 100).await.unwrap().unwrap();
        assert_eq!(store.claim_job("b", "other", 30, 130).await.unwrap(), None);
        store.mark_sent(&claim, &[0], 40).await.unwrap();
        store.mark_sent(&claim, &[1], 41).await.unwrap();
        assert_eq!(store.sends_since("t", "u", 39).await.unwrap(), [40, 41]);
        assert_eq!(store.sends_since("t", "u", 40).await.unwrap(), [41]);
        assert!(store.sends_since("t", "somebody else", 0).await.unwrap().is_empty());
        // The lease is over: whoever comes first has the tenant.
        assert!(store.claim_job("b", "other", 120, 200).await.unwrap().is_some());
    }

    pub(super) async fn rows_are_locked(store: &Store) {
        assert_eq!(job(store, "a", &[assign(1), assign(2)]).await, CreateJob::Created);
        assert_eq!(job(store, "b", &[assign(3), assign(2)]).await, CreateJob::Locked("a".into()));
        // Nothing of the refused job stayed behind.
        assert!(store.job("t", "b").await.unwrap().is_none());
        assert_eq!(job(store, "c", &[assign(3)]).await, CreateJob::Created);
        let claim = store.claim_job("a", "me", 20, 30).await.unwrap().unwrap();
        store.finish_job(&claim, JobState::Finished, 25).await.unwrap();
        assert_eq!(store.grant("a", 25).await.unwrap(), None, "the grant is erased when the job ends");
        assert_eq!(job(store, "d", &[assign(2)]).await, CreateJob::Created);
    }

    pub(super) async fn leases_fence(store: &Store) {
        job(store, "a", &[assign(1)]).await;
        assert_eq!(store.claimable_jobs(20).await.unwrap().len(), 1);
        let first = store.claim_job("a", "one", 20, 30).await.unwrap().unwrap();
        assert_eq!(store.claim_job("a", "two", 25, 35).await.unwrap(), None);
        assert!(store.claimable_jobs(25).await.unwrap().is_empty());
        let second = store.claim_job("a", "two", 31, 41).await.unwrap().unwrap();
        assert!(second.token > first.token);
        assert!(matches!(store.renew_lease(&first, 50).await, Err(StoreError::LeaseLost)));
        assert!(matches!(store.mark_sent(&first, &[0], 32).await, Err(StoreError::LeaseLost)));
        assert_eq!(store.tally("a").await.unwrap().planned, 1);
        assert_eq!(store.renew_lease(&second, 50).await.unwrap(), JobState::Running);
        assert!(store.steer_job("t", "a", &[JobState::Running], JobState::Cancelling, "").await.unwrap());
        assert!(!store.steer_job("t", "a", &[JobState::Running], JobState::Paused, "").await.unwrap());
        assert!(!store.steer_job("other", "a", &[JobState::Cancelling], JobState::Paused, "").await.unwrap());
        assert_eq!(store.renew_lease(&second, 60).await.unwrap(), JobState::Cancelling);
        store.release_lease(&second).await.unwrap();
        assert_eq!(store.claimable_jobs(51).await.unwrap().len(), 1);
    }

    pub(super) async fn journals_survive(store: &Store) {
        let roles = |ids: &[&str]| ids.iter().map(|id| RoleId::new(*id)).collect::<BTreeSet<_>>();
        let group =
            Change::GroupRoles { group: GroupId::new("g"), name: "G".into(), before: roles(&["a"]), after: roles(&["b"]) };
        let rows = [assign(1), assign(2), PlannedChange { change: group.clone(), name: "G".into(), orphan: false, why: String::new() }];
        job(store, "a", &rows).await;
        assert_eq!(store.grant("a", 11).await.unwrap(), Some(grant()));
        assert_eq!(store.grant("a", 1_000).await.unwrap(), None, "expired");
        let claim = store.claim_job("a", "me", 20, 30).await.unwrap().unwrap();
        store.mark_sent(&claim, &[0, 1], 21).await.unwrap();
        let result = |seq, state, status, code: &str| RowResult {
            seq,
            state,
            status,
            code: code.into(),
            title: "No seat".into(),
            trace: "t1".into(),
        };
        let results = [result(0, RowState::Done, 201, ""), result(1, RowState::Refused, 403, "LICENSES-011")];
        store.settle(&claim, &results, 22, &[]).await.unwrap();
        let tally = store.tally("a").await.unwrap();
        assert_eq!((tally.done, tally.refused, tally.planned, tally.total()), (1, 1, 1, 3));
        let refused = store.journal("a", &[RowState::Refused], 0, 10).await.unwrap();
        assert_eq!((refused.len(), refused[0].code.as_str(), refused[0].seq), (1, "LICENSES-011", 1));
        let planned = store.journal("a", &[RowState::Planned, RowState::Sent], 0, 10).await.unwrap();
        assert_eq!(planned[0].change, group);
        assert_eq!(store.journal("a", &RowState::ALL, 1, 1).await.unwrap()[0].seq, 1);
        // What went wrong comes by code, whatever the order of the plan was.
        let wrong = |seq, state, code: &str| result(seq, state, 403, code);
        let results = [wrong(0, RowState::Refused, "Z-2"), wrong(1, RowState::Conflict, ""), wrong(2, RowState::Refused, "A-1")];
        store.settle(&claim, &results, 23, &[]).await.unwrap();
        let codes = |rows: Vec<JournalRow>| rows.into_iter().map(|row| (row.seq, row.code)).collect::<Vec<_>>();
        let all = codes(store.troubled("a", 0, 10).await.unwrap());
        assert_eq!(all, [(2, "A-1".to_owned()), (0, "Z-2".to_owned()), (1, String::new())]);
        assert_eq!(codes(store.troubled("a", 1, 1).await.unwrap()), [(0, "Z-2".to_owned())]);
        let troubles = store.troubles("a").await.unwrap();
        assert_eq!(
            troubles.iter().map(|trouble| (trouble.state, trouble.code.as_str(), trouble.rows)).collect::<Vec<_>>(),
            [(RowState::Refused, "A-1", 1), (RowState::Refused, "Z-2", 1), (RowState::Conflict, "", 1)]
        );
        assert!(store.pause_claimed(&claim, "the key was revoked").await.unwrap());
        let paused = store.job("t", "a").await.unwrap().unwrap();
        assert_eq!((paused.state, paused.reason.as_str()), (JobState::Paused, "the key was revoked"));
        assert!(store.resume_job("t", "a", &Grant { expires_at: 2_000, ..grant() }).await.unwrap());
        assert!(store.grant("a", 1_500).await.unwrap().is_some());
        assert_eq!(store.jobs("t", 5).await.unwrap().len(), 1);
    }

    pub(super) async fn the_trail_has_no_gaps(store: &Store) {
        job(store, "a", &[assign(1)]).await;
        let line = |tenant: &str, n: i64| NewAudit {
            tenant: tenant.into(),
            at: n,
            actor: "ann".into(),
            action: "connect".into(),
            target: "t".into(),
            outcome: "done".into(),
            ..NewAudit::default()
        };
        let writers = (0..8).map(|n| {
            let store = store.clone();
            let lines = [line("t", n), line("t", n)];
            tokio::spawn(async move { store.audit(&lines).await.unwrap() })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        store.audit(&[line("other", 1)]).await.unwrap();
        let trail = store.audit_trail("t", 0, 100).await.unwrap();
        assert_eq!(trail.iter().map(|entry| entry.seq).collect::<Vec<_>>(), (1..=18).rev().collect::<Vec<_>>());
        assert_eq!(trail.last().unwrap().entry.outcome, "intent");
        assert_eq!(store.audit_trail("t", 5, 2).await.unwrap().iter().map(|entry| entry.seq).collect::<Vec<_>>(), [4, 3]);
        assert_eq!(store.audit_trail("other", 0, 9).await.unwrap().len(), 1);
    }
}
