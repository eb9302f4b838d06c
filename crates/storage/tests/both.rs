//! One suite on both databases. PostgreSQL is taken from `QUARTERMASTER_TEST_POSTGRES`, which `script/test` sets.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panicking")]

#[path = "../../../tests/support/databases.rs"]
mod databases;

use std::collections::BTreeSet;
use std::sync::Arc;

use databases::own_database as postgres;
use domain::allotment::{Allotment, AllotmentName, UsageClass};
use domain::change::{Assign, Change, GroupRoles, Made, Remove, Rename};
use domain::import::Rules;
use domain::inventory::{GroupId, RoleId};
use domain::journal::RowState;
use domain::plan::{Plan, PlannedChange};
use domain::subject::Subject;
use domain::table::Day;
use domain::touch::{Setting, Touch};
use storage::{
    Actor, Approval, AuditFilter, Begins, Connect, CreateJob, Ending, Erased, Grant, JobState, JournalRow, Leave, ListRow,
    NewAudit, NewJob, NewSession, Origin, Person, PlanRow, Resume, RowResult, SeatDay, Store, StoreError, StoredCredential,
};
use trail::{Key, Target};

/// A store whose trail is written under one key.
async fn open(url: &str) -> Result<Store, storage::StoreError> {
    Store::open(url, Arc::new(Key::of(&[7; 32]).unwrap())).await
}

/// Runs a test on SQLite, and on PostgreSQL in a database of its own where there is one.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            #[tokio::test]
            async fn sqlite() {
                let folder = tempfile::tempdir().unwrap();
                let store = super::open(&format!("sqlite://{}", folder.path().join("test.db").display())).await.unwrap();
                super::suite::$name(&store).await;
            }

            #[tokio::test]
            async fn postgres() {
                let Some(url) = super::postgres(stringify!($name)).await else { return };
                let store = super::open(&url).await.unwrap();
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
    the_trail_proves_itself,
    sessions_and_grants_are_listed_and_withdrawn,
    lists_are_kept_for_a_while,
    journals_survive,
    drafts_wait_for_their_author,
    a_job_is_resumed_once_and_only_where_it_paused,
    nobody_is_locked_by_halves,
    a_job_that_was_never_written_down_is_forgotten,
    what_jobs_came_to_outlives_their_rows,
    the_newest_reading_of_a_day_stays,
    a_visit_ends_when_somebody_is_away,
    events_are_found_by_what_is_asked,
    both_subjects_of_a_rename_have_its_trail,
    who_did_it_is_known_by_id,
    a_session_begins_in_place_of_another,
    too_many_sessions_end_the_one_unused_longest,
    a_logout_ends_what_it_names_and_what_is_on_its_way,
    everywhere_is_everywhere,
    what_is_used_once_is_used_once,
    a_confirmation_is_for_one_plan_and_one_session,
    an_approval_is_for_a_plan_as_it_was,
    what_was_ended_does_not_come_back,
    a_job_begins_while_its_leave_holds
);

/// As [`on_both`], for what wants to look into the database itself.
macro_rules! on_both_by_address {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            #[tokio::test]
            async fn sqlite() {
                let folder = tempfile::tempdir().unwrap();
                super::suite::$name(&format!("sqlite://{}?mode=rwc", folder.path().join("test.db").display())).await;
            }

            #[tokio::test]
            async fn postgres() {
                let Some(url) = super::postgres(stringify!($name)).await else { return };
                super::suite::$name(&url).await;
            }
        }
    )*};
}

on_both_by_address!(who_cuts_a_trail_is_found, what_is_old_goes, a_database_of_an_earlier_version_is_brought_up_to_date);

fn assign(n: u8) -> PlannedChange {
    let change = Change::Assign(Assign { subject: Subject::new(format!("M\\p{n}")), allotment: AllotmentName::new("analyzer") });
    PlannedChange { change, name: format!("Person {n}"), orphan: false, why: None }
}

fn plan(id: &str, rows: &[PlannedChange]) -> PlanRow {
    PlanRow {
        id: id.into(),
        tenant: "t".into(),
        author: Actor::named("ann"),
        origin: Origin::Person,
        inventory_at: 1,
        created_at: 2,
        plan: Plan {
            title: "Assign Analyzer".into(),
            changes: rows.to_vec(),
            unchanged: vec![],
            seats: vec![],
            warnings: vec![],
            removes_the_rest: false,
            restores: false,
            offers: vec![],
            risks: vec![],
            role_shifts: vec![],
        },
    }
}

fn grant() -> Grant {
    Grant { sealed: vec![1, 0, 255], wrapped_key: vec![2], expires_at: 1_000, ..Grant::default() }
}

/// That somebody connected, for the trail.
fn connected(at: i64) -> NewAudit {
    NewAudit { tenant: "t".to_owned(), at, action: "connect".to_owned(), outcome: "done".to_owned(), ..NewAudit::default() }
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
        author: &Actor::named("ann"),
        title: "Assign",
        undo_of: None,
        rows,
        grant: grant(),
        now: 10,
        seen: i64::MAX,
        known: &[],
        leave: None,
    };
    store.create_job(&new).await.unwrap()
}

/// How many rows a table has.
async fn rows_of(pool: &sqlx::AnyPool, table: &str) -> i64 {
    use sqlx::Row;
    let query = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) AS n FROM {table}"));
    sqlx::query(query).fetch_one(pool).await.unwrap().get("n")
}

mod suite {
    use super::*;

    pub(super) async fn what_is_old_goes(url: &str) {
        const DAY: i64 = 24 * 60 * 60 * 1_000;
        let store = open(url).await.unwrap();
        let pool = sqlx::AnyPool::connect(url).await.unwrap();
        for (key, idle, absolute) in [(b"used", DAY, 9 * DAY), (b"left", DAY, 9 * DAY)] {
            assert!(store.create_session(key, "local", b"{}", 1, idle, absolute).await.unwrap());
            let credential = StoredCredential {
                tenant: "t".into(),
                sealed: vec![1],
                wrapped_key: vec![2],
                qlik_user: "u".into(),
                qlik_name: "Ann".into(),
                ..StoredCredential::default()
            };
            store.put_credential(key, &credential, None, &connected(1)).await.unwrap();
        }
        store.end_sessions(&Ending::One(b"left"), 2, |_| Vec::new()).await.unwrap();
        let list = ListRow {
            id: "l".into(),
            tenant: "t".into(),
            author: "ann".into(),
            name: "people.csv".into(),
            created_at: 1,
            body: vec![0],
            rules: Rules::default(),
        };
        store.put_list(&list).await.unwrap();
        store.put_draft("t", "u", "list", "a@x", 1).await.unwrap();
        store.put_plan(&plan("never-applied", &[assign(9)])).await.unwrap();
        // One job has ended, another one is paused with a key that is over.
        assert_eq!(job(&store, "ended", &[assign(1), assign(2)]).await, CreateJob::Created);
        let claim = store.claim_job("ended", "x", 20, 100).await.unwrap().unwrap();
        store.finish_job(&claim, JobState::Finished, DAY).await.unwrap();
        assert_eq!(job(&store, "paused", &[assign(3)]).await, CreateJob::Created);
        let claim = store.claim_job("paused", "x", 20, 100).await.unwrap().unwrap();
        assert!(store.pause_claimed(&claim, "for want of a key").await.unwrap());
        let tables = ["sessions", "credentials", "lists", "drafts", "plans", "grants", "journal"];
        let counts = async || {
            let mut counts = Vec::new();
            for table in tables {
                counts.push(rows_of(&pool, table).await);
            }
            counts
        };
        // The session that ended keeps its place until it could not come back, without its key.
        assert_eq!(counts().await, [2, 1, 1, 1, 3, 1, 3]);

        let tidy = async |now: i64| {
            let before = now - 2 * DAY;
            let erased = store.purge_grants(now).await.unwrap();
            for _ in 0..3 {
                store.purge_sessions(now).await.unwrap();
                store.purge_lists(before).await.unwrap();
                store.purge_drafts(before).await.unwrap();
                store.purge_plans(before).await.unwrap();
                store.purge_journals(before).await.unwrap();
            }
            erased.into_iter().map(|Erased { tenant, job, grant }| (tenant, job, grant)).collect::<Vec<_>>()
        };
        // Nothing is old yet.
        assert_eq!(tidy(500).await, []);
        assert_eq!(counts().await, [2, 1, 1, 1, 3, 1, 3]);
        // Weeks later nothing is left but what jobs came to, the rows of the one that is not over, and the trail.
        assert_eq!(tidy(30 * DAY).await, [("t".to_owned(), "paused".to_owned(), grant())]);
        assert_eq!(counts().await, [0, 0, 0, 0, 2, 0, 1]);
        let ended = store.job("t", "ended").await.unwrap().unwrap();
        assert!(ended.rows_gone && ended.tally.is_some());
        assert_eq!(store.tallies(&[ended]).await.unwrap()[0].planned, 2);
        assert_eq!(store.plan("t", "plan-ended").await.unwrap(), None, "what was to be sent goes with its rows");
        assert_eq!(store.journal("paused", &RowState::ALL, 0, 9).await.unwrap().len(), 1);
        assert!(store.plan("t", "plan-paused").await.unwrap().is_some());
        assert!(rows_of(&pool, "audit_records").await > 0);
        pool.close().await;
        store.close().await;
    }

    pub(super) async fn a_database_of_an_earlier_version_is_brought_up_to_date(url: &str) {
        let folder = tempfile::tempdir().unwrap();
        let kind = if url.starts_with("sqlite") { "sqlite" } else { "postgres" };
        let files = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(kind);
        for file in ["0001_start.sql", "0002_views_and_pace.sql"] {
            std::fs::copy(files.join(file), folder.path().join(file)).unwrap();
        }
        sqlx::any::install_default_drivers();
        let pool = sqlx::AnyPool::connect(url).await.unwrap();
        sqlx::migrate::Migrator::new(folder.path()).await.unwrap().run(&pool).await.unwrap();
        let change = serde_json::to_string(&assign(1).change).unwrap();
        let old = plan("p", &[assign(1)]);
        let body = serde_json::to_string(&old.plan).unwrap();
        for statement in [
            format!("INSERT INTO plans (id, tenant, author, title, hash, origin, inventory_at, created_at, rows, body) VALUES ('p', 't', 'ann', 'Assign Analyzer', '', '', 1, 2, 1, '{body}')"),
            "INSERT INTO jobs (id, plan_id, tenant, qlik_user, author, title, state, reason, created_at, lease_owner, lease_until, lease_token) VALUES ('j', 'p', 't', 'u', 'ann', 'Assign', 'paused', '', 10, '', 0, 0)".to_owned(),
            format!("INSERT INTO journal (job_id, seq, change, name, state, status, code, title, trace) VALUES ('j', 0, '{change}', 'Person 1', 'planned', 0, '', '', '')"),
            "INSERT INTO locks (tenant, key, job_id) VALUES ('t', 'license\u{1f}m\\p1\u{1f}analyzer', 'j'), ('t', 'license\u{1f}m\\p1\u{1f}professional', 'j'), ('t', 'group\u{1f}g', 'j')".to_owned(),
            r#"INSERT INTO journal (job_id, seq, change, name, state, status, code, title, trace) VALUES ('j', 1, '{"GroupRoles":{"group":"g","name":"Finance","before":["a"],"after":["b"]}}', 'Finance', 'planned', 0, '', '', '')"#.to_owned(),
            "INSERT INTO audit (tenant, seq, at, actor, action, target, target_key, job_id, outcome, detail) VALUES ('t', 5, 10, 'ann', 'set roles', 'Finance', 'finance', 'j', 'done', ''), ('t', 6, 10, 'ann', 'set', 'Group settings', 'group settings', 'j', 'done', ''), ('t', 7, 10, 'ann', 'assign', 'M\\p1', 'm\\p1', 'j', 'intent', '')".to_owned(),
        ] {
            sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&pool).await.unwrap();
        }
        for (id, origin) in [("q", "replaces p"), ("r", "remedies q"), ("s", "abcd")] {
            let row = format!(
                "INSERT INTO plans (id, tenant, author, title, hash, origin, inventory_at, created_at, rows, body) VALUES ('{id}', 't', 'ann', '', '', '{origin}', 1, 2, 1, '{body}')"
            );
            sqlx::query(sqlx::AssertSqlSafe(row)).execute(&pool).await.unwrap();
        }
        let store = open(url).await.unwrap();
        assert_eq!(store.plan("t", "p").await.unwrap().unwrap(), old);
        for (id, origin) in
            [("q", Origin::Replaces("p".into())), ("r", Origin::Remedies("q".into())), ("s", Origin::Job("abcd".into()))]
        {
            assert_eq!(store.plan("t", id).await.unwrap().unwrap().origin, origin);
        }
        assert_eq!(store.journal("j", &[RowState::Planned], 0, 9).await.unwrap()[0].change, assign(1).change);
        let roles = |ids: &[&str]| ids.iter().map(|id| RoleId::new(*id)).collect::<BTreeSet<_>>();
        let group = GroupRoles::between(GroupId::new("g"), "Finance".into(), &roles(&["a"]), &roles(&["b"]));
        assert_eq!(store.journal("j", &[RowState::Planned], 1, 9).await.unwrap()[0].change, group.into());
        // What was done is found by what it touched.
        for (touch, seq) in [
            (Touch::GroupName("Finance".into()), 1),
            (Touch::Setting(Setting::Groups), 2),
            (Touch::Holdings(Subject::new("M\\P1")), 3),
        ] {
            let found = store.audit_of("t", &touch, 9).await.unwrap();
            assert_eq!(found.iter().map(|line| line.seq).collect::<Vec<_>>(), [seq], "{touch:?}");
        }
        // The trail goes on where it was, and whoever a job had locked is locked with all that they hold.
        store.audit(&[NewAudit { tenant: "t".into(), outcome: "done".into(), ..NewAudit::default() }]).await.unwrap();
        // The old lines are in the chain, without the places that nothing stood at, and a record says so.
        assert_eq!(store.audit_end("t").await.unwrap(), 5);
        let began = &store.audit_from("t", 3, 4, 9).await.unwrap()[0].record;
        assert_eq!((began.action.as_str(), &began.after), ("chain.begin", &serde_json::json!({"records": 3})));
        assert_eq!(verified(&store, &[]).await, []);
        assert_eq!(rows_of(&pool, "locks").await, 2);
        assert_eq!(job(&store, "k", &[assign(1)]).await, CreateJob::Locked("j".into()));
        assert!(matches!(store.resume_job("t", "j", &grant(), None, false).await.unwrap(), Resume::Done { .. }));
        // What a newer version wrote is not guessed at.
        for table in ["journal", "plans"] {
            sqlx::query(sqlx::AssertSqlSafe(format!("UPDATE {table} SET form = 99"))).execute(&pool).await.unwrap();
        }
        assert!(matches!(store.plan("t", "p").await, Err(StoreError::Unreadable("a plan"))));
        assert!(matches!(store.journal("j", &[RowState::Planned], 0, 9).await, Err(StoreError::Unreadable("a change"))));
        pool.close().await;
        store.close().await;
    }

    pub(super) async fn drafts_wait_for_their_author(store: &Store) {
        store.put_draft("t", "ann", "list", "one", 5).await.unwrap();
        store.put_draft("t", "ann", "list", "two", 6).await.unwrap();
        store.put_draft("t", "bob", "list", "other", 7).await.unwrap();
        assert_eq!(store.draft("t", "ann", "list").await.unwrap(), Some(("two".into(), 6)));
        assert_eq!(store.draft("other", "ann", "list").await.unwrap(), None);
        store.put_draft("t", "ann", "list", "", 8).await.unwrap();
        assert_eq!(store.draft("t", "ann", "list").await.unwrap(), None, "an empty one is none");
        assert_eq!((store.purge_drafts(7).await.unwrap(), store.purge_drafts(8).await.unwrap()), (0, 1));
    }

    pub(super) async fn a_job_is_resumed_once_and_only_where_it_paused(store: &Store) {
        assert_eq!(job(store, "a", &[assign(1)]).await, CreateJob::Created);
        let fresh = |expires_at| Grant { expires_at, ..grant() };
        assert_eq!(
            store.resume_job("t", "a", &fresh(5_000), Some(&grant()), false).await.unwrap(),
            Resume::MovedOn,
            "it is queued"
        );
        let claim = store.claim_job("a", "x", 20, 100).await.unwrap().unwrap();
        assert!(store.pause_claimed(&claim, "why").await.unwrap());
        let (one, two, held) = (fresh(6_000), fresh(7_000), grant());
        // Only its Qlik user is waited for where nobody paused it.
        assert_eq!(store.resume_job("t", "a", &one, Some(&held), true).await.unwrap(), Resume::MovedOn);
        assert_eq!(store.resume_job("t", "a", &one, None, false).await.unwrap(), Resume::MovedOn, "another than was seen");
        let (one, two) = tokio::join!(
            store.resume_job("t", "a", &one, Some(&held), false),
            store.resume_job("t", "a", &two, Some(&held), false)
        );
        let replaced = Resume::Done { before: Some(grant()) };
        let mut clicks = [one.unwrap(), two.unwrap()];
        clicks.sort_by_key(|click| *click == Resume::MovedOn);
        assert_eq!(clicks, [replaced, Resume::MovedOn], "one of two clicks resumes it, and knows what it replaced");
        let claim = store.claim_job("a", "x", 200, 300).await.unwrap().unwrap();
        store.finish_job(&claim, JobState::Finished, 201).await.unwrap();
        // A click on an old page brings no key back to a job that is over.
        assert_eq!(store.resume_job("t", "a", &fresh(9_000), None, false).await.unwrap(), Resume::MovedOn);
        assert_eq!(store.grant("a").await.unwrap(), None);
        assert_eq!(store.job("t", "a").await.unwrap().unwrap().state, JobState::Finished);
    }

    pub(super) async fn nobody_is_locked_by_halves(store: &Store) {
        let with = |change: Change| PlannedChange { change, ..assign(1) };
        let rename = |from: &str, to: &str| {
            with(Change::Rename(Rename {
                from: Subject::new(from),
                to: Subject::new(to),
                allotments: vec![AllotmentName::new("analyzer")],
            }))
        };
        assert_eq!(job(store, "a", &[rename("M\\p1", "M\\p9")]).await, CreateJob::Created);
        // Another license of either subject is not anybody else's to change meanwhile.
        for n in [1, 9] {
            let change = Change::Remove(Remove {
                subject: Subject::new(format!("m\\P{n}")),
                allotment: AllotmentName::new("professional"),
            });
            assert_eq!(job(store, &format!("b{n}"), &[with(change)]).await, CreateJob::Locked("a".into()));
        }
        assert_eq!(job(store, "c", &[rename("M\\p2", "M\\p9")]).await, CreateJob::Locked("a".into()));
        assert_eq!(job(store, "d", &[assign(2)]).await, CreateJob::Created);
    }

    pub(super) async fn a_job_that_was_never_written_down_is_forgotten(store: &Store) {
        // Two clicks at once: one job, and the other one names it or is told so.
        let rows: Vec<_> = (0..120).map(assign).collect();
        store.put_plan(&plan("plan-x", &rows)).await.unwrap();
        let ann = Actor::named("ann");
        let new = |id| NewJob {
            id,
            plan: "plan-x",
            tenant: "t",
            qlik_user: "u",
            author: &ann,
            title: "Assign",
            undo_of: None,
            rows: &rows,
            grant: grant(),
            now: 10,
            seen: i64::MAX,
            known: &[],
            leave: None,
        };
        let (one, two) = (new("x1"), new("x2"));
        let (one, two) = tokio::join!(store.create_job(&one), store.create_job(&two));
        let made = [one.unwrap(), two.unwrap()];
        assert_eq!(made.iter().filter(|made| **made == CreateJob::Created).count(), 1, "{made:?}");
        assert_eq!(store.jobs("t", 9).await.unwrap().len(), 1);
        assert_eq!(store.drop_unprepared(i64::MAX).await.unwrap(), 0, "what is queued stays");
    }

    pub(super) async fn what_jobs_came_to_outlives_their_rows(store: &Store) {
        assert_eq!(job(store, "a", &[assign(1), assign(2), assign(3)]).await, CreateJob::Created);
        let claim = store.claim_job("a", "x", 20, 100).await.unwrap().unwrap();
        store.mark_sent(&claim, &[0, 1], 21).await.unwrap();
        let done = |seq| RowResult {
            made: None,
            seq,
            state: RowState::Done,
            status: 201,
            code: String::new(),
            title: String::new(),
            trace: String::new(),
        };
        store.settle(&claim, &[done(0), done(1)], 22, &[]).await.unwrap();
        store.keep_batch(&claim, 50, 100).await.unwrap();
        let row = store.job("t", "a").await.unwrap().unwrap();
        assert_eq!((row.batch_rows, row.batch_most, row.tally), (50, 100, None));
        store.finish_job(&claim, JobState::Cancelled, 30).await.unwrap();
        while store.purge_journals(31).await.unwrap() > 0 {}
        let row = store.job("t", "a").await.unwrap().unwrap();
        let tally = store.tallies(std::slice::from_ref(&row)).await.unwrap()[0];
        assert_eq!((row.rows_gone, tally.done, tally.planned), (true, 2, 1));
    }

    pub(super) async fn the_newest_reading_of_a_day_stays(store: &Store) {
        let day = |text: &str| Day::parse(text).unwrap();
        let seats = |used| Allotment {
            name: AllotmentName::new("analyzer"),
            usage_class: UsageClass::Assigned,
            units: 20,
            used,
            overage: 0,
        };
        for (date, at, used) in [("2026-11-01", 10, 7), ("2026-11-28", 40, 12), ("2026-11-28", 30, 11), ("2026-11-28", 50, 13)] {
            store.put_seat_day("t", day(date), at, &[seats(used)]).await.unwrap();
        }
        store.put_seat_day("other", day("2026-11-28"), 60, &[seats(1)]).await.unwrap();
        let used = |days: Vec<SeatDay>| days.into_iter().map(|seats| (seats.day.to_string(), seats.used)).collect::<Vec<_>>();
        let all = used(store.seat_days("t", day("2026-11-01")).await.unwrap());
        assert_eq!(all, [("2026-11-01".to_owned(), 7), ("2026-11-28".to_owned(), 13)]);
        assert_eq!(store.purge_seat_days(day("2026-11-28")).await.unwrap(), 1);
        assert_eq!(used(store.seat_days("t", day("2026-01-01")).await.unwrap()).len(), 1);
    }

    pub(super) async fn a_visit_ends_when_somebody_is_away(store: &Store) {
        const MINUTE: i64 = 60_000;
        let at = async |minute: i64| store.visit("t", "p", minute * MINUTE).await.unwrap().map(|before| before / MINUTE);
        assert_eq!((at(100).await, at(110).await, at(139).await), (None, None, None), "the first visit");
        assert_eq!(at(169).await, Some(139), "half an hour later it is another one");
        assert_eq!((at(170).await, at(190).await), (Some(139), Some(139)), "and stays that one");
        assert_eq!(at(4_000).await, Some(190));
        assert_eq!(store.visit("t", "another", 4_000 * MINUTE).await.unwrap(), None);
    }

    pub(super) async fn events_are_found_by_what_is_asked(store: &Store) {
        let line = |action: &str, target: &str, outcome: &str, job: &str, at| NewAudit {
            tenant: "t".into(),
            at,
            actor: Actor::named(if at < 30 { "Ann Lee" } else { "Bob 100%" }),
            action: action.into(),
            target: Target::named("subject", target),
            job: job.into(),
            outcome: outcome.into(),
            ..NewAudit::default()
        };
        let lines = [
            line("connect", "t", "done", "", 10),
            line("apply", "Remove Analyzer", "intent", "j", 20),
            line("remove", "MERIDIAN\\ann", "intent", "j", 20),
            line("remove", "MERIDIAN\\a_n", "intent", "j", 20),
            line("remove", "MERIDIAN\\ann", "done", "j", 21),
            line("remove", "MERIDIAN\\a_n", "refused", "j", 22),
            line("connect", "t", "done", "", 30),
            line("remove", "MERIDIAN\\ÖMER.ŠÁLEK", "done", "j", 40),
            line("remove", "MERIDIAN\\AMER.SALEK", "done", "j", 40),
        ];
        store.audit(&lines).await.unwrap();
        let found = async |filter: AuditFilter, before| {
            let events = store.audit_events("t", &filter, before, 10).await.unwrap();
            events.into_iter().map(|event| event.seq).collect::<Vec<_>>()
        };
        let any = AuditFilter::default;
        assert_eq!(found(any(), 0).await, [7, 2, 1], "a job is one event");
        assert_eq!(found(any(), 7).await, [2, 1]);
        for name in ["ömer", "ÖMER", "Ömer.šá"] {
            assert_eq!(found(AuditFilter { target: name.into(), ..any() }, 0).await, [8], "{name}");
        }
        assert_eq!(found(AuditFilter { job: "j".into(), ..any() }, 0).await, [9, 8, 6, 5, 2]);
        assert_eq!(found(AuditFilter { rows: true, ..any() }, 0).await, [9, 8, 7, 6, 5, 2, 1]);
        assert_eq!(found(AuditFilter { target: "a_N".into(), ..any() }, 0).await, [6], "a wildcard is a character");
        assert_eq!(found(AuditFilter { actor: "100%".into(), ..any() }, 0).await, [7]);
        assert_eq!(found(AuditFilter { outcome: "refused".into(), ..any() }, 0).await, [6]);
        assert_eq!(found(AuditFilter { action: "remove".into(), from: 22, until: 23, ..any() }, 0).await, [6]);
    }

    pub(super) async fn who_did_it_is_known_by_id(store: &Store) {
        let actor = Actor::new("p1", "bo", "u1", "Ann");
        let row = PlanRow { author: actor.clone(), origin: Origin::Job("j0".into()), ..plan("plan-a", &[assign(1)]) };
        store.put_plan(&row).await.unwrap();
        assert_eq!(store.plan("t", "plan-a").await.unwrap().unwrap(), row);
        store.audit(&[NewAudit { tenant: "t".into(), actor: actor.clone(), ..NewAudit::default() }]).await.unwrap();
        assert_eq!(store.audit_trail("t", 0, 1).await.unwrap()[0].record.actor.name, actor.words);
        for (name, at) in [("bo", 1), ("Bo", 9)] {
            store
                .put_person(&Person { issuer: String::new(), subject: "p1".to_owned(), name: name.to_owned() }, at)
                .await
                .unwrap();
        }
    }

    pub(super) async fn both_subjects_of_a_rename_have_its_trail(store: &Store) {
        let change = Change::Rename(Rename {
            from: Subject::new("M\\old"),
            to: Subject::new("M\\new"),
            allotments: vec![AllotmentName::new("analyzer")],
        });
        assert_eq!(job(store, "a", &[PlannedChange { change, ..assign(1) }]).await, CreateJob::Created);
        for subject in ["m\\old", "M\\NEW"] {
            assert_eq!(store.audit_of("t", &Touch::Holdings(Subject::new(subject)), 9).await.unwrap().len(), 1, "{subject}");
        }
    }

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
        rules.corrections.insert((3, 1), "Analyzer".into());
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
            assert!(store.create_session(key, "local", b"", at, 100, 1_000).await.unwrap());
        }
        let credential = |tenant: &str| StoredCredential {
            tenant: tenant.into(),
            sealed: vec![1],
            wrapped_key: vec![2],
            qlik_user: "u".into(),
            qlik_name: "Ann".into(),
            ..StoredCredential::default()
        };
        store.put_credential(b"a", &credential("x"), None, &connected(3)).await.unwrap();
        store.put_credential(b"a", &credential("y"), None, &connected(3)).await.unwrap();
        let live = store.live_sessions(50, None).await.unwrap();
        let seen: Vec<_> = live.iter().map(|s| (s.key.clone(), s.connected.len())).collect();
        assert_eq!(seen, [(b"b".to_vec(), 0), (b"a".to_vec(), 2)]);
        store.end_sessions(&Ending::One(b"b"), 60, |_| Vec::new()).await.unwrap();
        assert_eq!(store.live_sessions(70, None).await.unwrap().len(), 1);
        assert!(store.live_sessions(100, None).await.unwrap().is_empty());

        assert_eq!(job(store, "j", &[assign(1)]).await, CreateJob::Created);
        let grants = store.live_grants("t", 20).await.unwrap();
        assert_eq!((grants[0].0.id.as_str(), grants[0].2), ("j", 1_000));
        assert!(store.live_grants("t", 1_000).await.unwrap().is_empty(), "over");
        assert_eq!(store.withdraw_grant("other", "j", "no").await.unwrap(), None);
        assert_eq!(store.withdraw_grant("t", "j", "Withdrawn.").await.unwrap(), Some(grant()));
        assert_eq!(store.grant("j").await.unwrap().map(|_| ()), None);
        let row = store.job("t", "j").await.unwrap().unwrap();
        assert_eq!((row.state, row.reason.as_str()), (JobState::Paused, "Withdrawn."));
        let trail = store.audit_of("t", &Touch::Holdings(Subject::new("m\\P1")), 10).await.unwrap();
        assert_eq!(trail.len(), 1, "the intent, whatever the case");
    }

    pub(super) async fn use_keeps_a_session(store: &Store) {
        assert!(store.create_session(b"used", "local", b"{}", 0, 100, 1_000).await.unwrap());
        store.touch_session(b"used", 50, 150).await.unwrap();
        assert_eq!(store.load_session(b"used", 120).await.unwrap().map(|row| row.idle_until), Some(150));
        // Never back, never once it ended, and it brings nothing back that was ended.
        store.touch_session(b"used", 60, 140).await.unwrap();
        store.touch_session(b"used", 200, 300).await.unwrap();
        assert_eq!(store.load_session(b"used", 149).await.unwrap().map(|row| row.idle_until), Some(150));
        assert_eq!(store.load_session(b"used", 150).await.unwrap(), None);
        store.end_sessions(&Ending::One(b"used"), 60, |_| Vec::new()).await.unwrap();
        store.touch_session(b"used", 61, 400).await.unwrap();
        assert_eq!(store.load_session(b"used", 62).await.unwrap(), None);
    }

    fn ann(key: &[u8], sid: &str, now: i64) -> NewSession {
        NewSession {
            key: key.to_vec(),
            data: b"{}".to_vec(),
            person: Person { issuer: "https://id".into(), subject: "ann".into(), name: "Ann".into() },
            sid: sid.into(),
            begun_s: now / 1_000,
            method: "oidc",
            address: "10.0.0.1".into(),
            agent: "a browser".into(),
            now,
            began: now,
            idle_until: now + 1_000_000,
            absolute_until: now + 9_000_000,
            most: 3,
            instead_of: None,
            confirmed: None,
            record: NewAudit { at: now, actor: Actor::named("Ann"), action: "auth.sign_in".into(), ..NewAudit::default() },
        }
    }

    fn credential(tenant: &str) -> StoredCredential {
        StoredCredential {
            tenant: tenant.into(),
            sealed: b"sealed".to_vec(),
            wrapped_key: b"key".to_vec(),
            qlik_user: "u".into(),
            qlik_name: "Ann".into(),
            ..StoredCredential::default()
        }
    }

    async fn lives(store: &Store, key: &[u8], now: i64) -> bool {
        store.load_session(key, now).await.unwrap().is_some()
    }

    pub(super) async fn a_session_begins_in_place_of_another(store: &Store) {
        assert_eq!(store.begin_session(&ann(b"old", "", 10)).await.unwrap(), Begins::Begun);
        let kept = store.put_credential(b"old", &credential("t"), None, &connected(11)).await.unwrap();
        assert_eq!(kept, Connect::Kept { before: None });
        let moved = StoredCredential { sealed: b"again".to_vec(), ..credential("t") };
        let new = NewSession { instead_of: Some((b"old".to_vec(), vec![moved.clone()])), ..ann(b"new", "", 20) };
        store.begin_session(&new).await.unwrap();
        assert!(!lives(store, b"old", 21).await && lives(store, b"new", 21).await);
        assert_eq!(store.credentials(b"old").await.unwrap(), []);
        assert_eq!(store.credentials(b"new").await.unwrap(), [moved]);
        let ended = store.put_credential(b"old", &credential("t"), None, &connected(22)).await.unwrap();
        assert_eq!(ended, Connect::Ended, "nothing is kept for a session that ended");
        assert!(!store.save_session(b"old", b"{}", 1, 22, 1_000).await.unwrap(), "nor saved");
        let live = store.live_sessions(30, Some(&new.person.principal())).await.unwrap();
        assert_eq!((live.len(), live[0].name.as_str(), live[0].address.as_str()), (1, "Ann", "10.0.0.1"));
        assert!(store.live_sessions(30, Some("somebody else")).await.unwrap().is_empty());
        // It is in the portal's own trail.
        let trail = store.audit_trail("", 0, 10).await.unwrap();
        assert_eq!(trail.iter().filter(|entry| entry.record.action == "auth.sign_in").count(), 2);
    }

    pub(super) async fn too_many_sessions_end_the_one_unused_longest(store: &Store) {
        for (at, key) in [b"a", b"b", b"c"].into_iter().enumerate() {
            store.begin_session(&ann(key, "", 10 + at as i64)).await.unwrap();
        }
        store.touch_session(b"a", 500, 2_000_000).await.unwrap();
        store.begin_session(&ann(b"d", "", 600)).await.unwrap();
        let living = [lives(store, b"a", 601).await, lives(store, b"b", 601).await, lives(store, b"c", 601).await];
        assert_eq!(living, [true, false, true]);
        let newest = store.audit_trail("", 0, 1).await.unwrap().remove(0).record;
        assert_eq!((newest.action.as_str(), newest.target.id.as_str()), ("session.ended", "62"), "{newest:?}");
    }

    pub(super) async fn a_logout_ends_what_it_names_and_what_is_on_its_way(store: &Store) {
        let bob = |key: &[u8], sid: &str, now| NewSession {
            person: Person { issuer: "https://id".into(), subject: "bob".into(), name: "Bob".into() },
            ..ann(key, sid, now)
        };
        store.begin_session(&ann(b"s1", "one", 10_000)).await.unwrap();
        store.begin_session(&ann(b"s2", "two", 10_000)).await.unwrap();
        store.begin_session(&bob(b"b1", "one", 10_000)).await.unwrap();
        let out = async |which: Ending<'_>, token: &str, at_s: i64| {
            let ended = store.log_out(&which, token, 900_000, at_s * 1_000, |_| Vec::new()).await.unwrap();
            ended.map(|ended| ended.len())
        };
        // One session there, of one person; the same token a second time is none.
        let one = Ending::Sid { issuer: "https://id", sid: "one", subject: Some("ann") };
        assert_eq!(out(one.clone(), "t1", 20).await, Some(1));
        assert_eq!(out(one, "t1", 20).await, None);
        assert!(!lives(store, b"s1", 20_001).await && lives(store, b"s2", 20_001).await && lives(store, b"b1", 20_001).await);
        // A session there that was signed out does not begin here, however late it comes; nobody else is hurt.
        assert_eq!(store.begin_session(&ann(b"s3", "one", 30_000)).await.unwrap(), Begins::LoggedOut);
        assert!(!lives(store, b"s3", 30_001).await);
        assert_eq!(store.begin_session(&bob(b"b2", "one", 30_000)).await.unwrap(), Begins::Begun);
        // A person, everywhere: what began before, or was on its way; a sign-in that is begun later counts.
        assert_eq!(out(Ending::Subject { issuer: "https://id", subject: "ann" }, "t2", 40).await, Some(1));
        let overtaken = NewSession { begun_s: 39, ..ann(b"s4", "four", 41_000) };
        assert_eq!(store.begin_session(&overtaken).await.unwrap(), Begins::LoggedOut);
        assert_eq!(store.begin_session(&ann(b"s5", "five", 45_000)).await.unwrap(), Begins::Begun);
        // Of another provider it is another person.
        assert_eq!(out(Ending::Subject { issuer: "https://other", subject: "ann" }, "t3", 50).await, Some(0));
        // In time all that is forgotten.
        assert!(store.purge_sign_ins(1_000_000).await.unwrap() > 0);
        assert_eq!(store.begin_session(&ann(b"s6", "one", 1_000_001)).await.unwrap(), Begins::Begun);
    }

    pub(super) async fn everywhere_is_everywhere(store: &Store) {
        store.begin_session(&ann(b"s1", "", 10)).await.unwrap();
        store.begin_session(&ann(b"s2", "", 20)).await.unwrap();
        store.put_credential(b"s2", &credential("t"), None, &connected(21)).await.unwrap();
        let me = ann(b"s1", "", 10).person.principal();
        let ended = store.end_sessions(&Ending::Everywhere(&me), 30, |_| Vec::new()).await.unwrap();
        assert_eq!(ended.len(), 2);
        assert_eq!(store.credentials(b"s2").await.unwrap(), []);
        // Whatever still writes to one of them changes nothing.
        store.touch_session(b"s1", 31, 5_000_000).await.unwrap();
        assert!(!store.save_session(b"s1", b"{}", 1, 31, 5_000_000).await.unwrap());
        assert!(!lives(store, b"s1", 32).await);
        store.begin_session(&ann(b"s3", "", 40)).await.unwrap();
        assert!(lives(store, b"s3", 41).await);
    }

    pub(super) async fn what_is_used_once_is_used_once(store: &Store) {
        assert!(store.use_once("state", "x", 100).await.unwrap());
        assert!(!store.use_once("state", "x", 200).await.unwrap());
        assert!(store.use_once("state", "y", 100).await.unwrap());
        assert_eq!(store.purge_sign_ins(100).await.unwrap(), 2);
        assert!(store.use_once("state", "x", 300).await.unwrap());
    }

    pub(super) async fn a_confirmation_is_for_one_plan_and_one_session(store: &Store) {
        store.begin_session(&ann(b"s1", "", 10)).await.unwrap();
        let new = NewSession {
            instead_of: Some((b"s1".to_vec(), Vec::new())),
            confirmed: Some(("hash".into(), 500)),
            ..ann(b"s2", "", 20)
        };
        store.begin_session(&new).await.unwrap();
        assert_eq!(store.step_up(b"s2", "hash", 30).await.unwrap(), Some(500));
        for (session, hash, now) in [(b"s2", "another", 30), (b"s1", "hash", 30), (b"s2", "hash", 500)] {
            assert_eq!(store.step_up(session, hash, now).await.unwrap(), None);
        }
        store.end_sessions(&Ending::One(b"s2"), 50, |_| Vec::new()).await.unwrap();
        assert_eq!(store.step_up(b"s2", "hash", 60).await.unwrap(), None);
    }

    pub(super) async fn what_was_ended_does_not_come_back(store: &Store) {
        store.begin_session(&ann(b"s1", "", 10)).await.unwrap();
        store.put_credential(b"s1", &credential("t"), None, &connected(11)).await.unwrap();
        let moved = Some((b"s1".to_vec(), vec![credential("t")]));
        // It ends between the reading of what it held and the session that takes its place.
        store.end_sessions(&Ending::One(b"s1"), 20, |_| Vec::new()).await.unwrap();
        let confirmed = NewSession { instead_of: moved.clone(), confirmed: Some(("x".into(), 900)), ..ann(b"s2", "", 30) };
        assert_eq!(store.begin_session(&confirmed).await.unwrap(), Begins::Ended);
        assert!(!lives(store, b"s2", 31).await);
        assert_eq!(store.begin_session(&NewSession { instead_of: moved, ..ann(b"s3", "", 40) }).await.unwrap(), Begins::Begun);
        assert_eq!(store.credentials(b"s3").await.unwrap(), [], "signed in again, without what was taken away");
    }

    pub(super) async fn a_job_begins_while_its_leave_holds(store: &Store) {
        store.begin_session(&ann(b"s1", "", 10)).await.unwrap();
        let author = Actor { principal: "ann".into(), ..Actor::named("ann") };
        let queued = async |id: &str, leave: &Leave| {
            let rows = [assign(u8::try_from(id.len()).unwrap())];
            let row = plan(&format!("plan-{id}"), &rows);
            if store.plan("t", &row.id).await.unwrap().is_none() {
                store.put_plan(&row).await.unwrap();
            }
            let new = NewJob {
                id,
                plan: &row.id,
                tenant: "t",
                qlik_user: "u",
                author: &author,
                title: "Assign",
                undo_of: None,
                rows: &rows,
                grant: grant(),
                now: 100,
                seen: i64::MAX,
                known: &[],
                leave: Some(leave),
            };
            store.create_job(&new).await.unwrap()
        };
        let leave = Leave { session: b"s1".to_vec(), step_up: None, approval: None };
        assert_eq!(queued("a", &leave).await, CreateJob::Created);
        let confirmed = Leave { step_up: Some("key".into()), ..leave.clone() };
        assert_eq!(queued("ab", &confirmed).await, CreateJob::NoLeave);
        let again = NewSession {
            instead_of: Some((b"s1".to_vec(), Vec::new())),
            confirmed: Some(("key".into(), 900)),
            ..ann(b"s2", "", 50)
        };
        store.begin_session(&again).await.unwrap();
        let leave = Leave { session: b"s2".to_vec(), ..leave };
        let confirmed = Leave { step_up: Some("key".into()), ..leave.clone() };
        assert_eq!(queued("ab", &confirmed).await, CreateJob::Created, "the plan can be applied after that");
        assert_eq!(store.step_up(b"s2", "key", 100).await.unwrap(), None, "used up");
        let hash = plan("plan-abc", &[assign(3)]).plan.hash();
        let approved = Leave { approval: Some((hash.clone(), 50)), ..leave.clone() };
        assert_eq!(queued("abc", &approved).await, CreateJob::NoLeave);
        let by = |principal: &str| Approval {
            plan: "plan-abc".into(),
            hash: hash.clone(),
            principal: principal.into(),
            name: String::new(),
            session: b"s2".to_vec(),
            at: 60,
        };
        store.approve_plan(&by("ann"), &NewAudit::default()).await.unwrap();
        assert_eq!(queued("abc", &approved).await, CreateJob::NoLeave, "whoever applies it approves nothing");
        store.approve_plan(&by("bob"), &NewAudit::default()).await.unwrap();
        assert_eq!(queued("abc", &approved).await, CreateJob::Created);
        store.end_sessions(&Ending::One(b"s2"), 110, |_| Vec::new()).await.unwrap();
        assert_eq!(queued("abcd", &leave).await, CreateJob::NoLeave);
    }

    pub(super) async fn an_approval_is_for_a_plan_as_it_was(store: &Store) {
        store.begin_session(&ann(b"s1", "", 10)).await.unwrap();
        let row = plan("p", &[assign(1)]);
        store.put_plan(&row).await.unwrap();
        let hash = row.plan.hash();
        let approval = Approval {
            plan: "p".into(),
            hash: hash.clone(),
            principal: "ann".into(),
            name: "Ann".into(),
            session: b"s1".to_vec(),
            at: 100,
        };
        let record = NewAudit { at: 100, actor: Actor::named("Ann"), action: "approve".into(), ..NewAudit::default() };
        assert!(store.approve_plan(&approval, &record).await.unwrap());
        assert_eq!(store.approval("p", &hash, 50).await.unwrap().as_ref(), Some(&approval));
        assert_eq!(store.approval("p", "another", 50).await.unwrap(), None);
        assert_eq!(store.approval("p", &hash, 100).await.unwrap(), None, "too old");
        // One's own sign-out takes nothing back; an admin who ends the session does.
        store.end_sessions(&Ending::One(b"s1"), 110, |_| Vec::new()).await.unwrap();
        assert!(store.approval("p", &hash, 50).await.unwrap().is_some());
        assert!(!store.approve_plan(&approval, &record).await.unwrap(), "nobody approves after signing out");
        let me = ann(b"s2", "", 120).person.principal();
        let again = |session: &[u8]| Approval { session: session.to_vec(), principal: me.clone(), ..approval.clone() };
        store.begin_session(&ann(b"s2", "", 120)).await.unwrap();
        assert!(store.approve_plan(&again(b"s2"), &record).await.unwrap());
        // The session goes on under another id, and the approval with it.
        store.begin_session(&NewSession { instead_of: Some((b"s2".to_vec(), Vec::new())), ..ann(b"s3", "", 125) }).await.unwrap();
        store.end_sessions_of_another(&Ending::One(b"s3"), 130, |_| Vec::new()).await.unwrap();
        assert_eq!(store.approval("p", &hash, 50).await.unwrap(), None);
        // All sessions of a person: also what they approved in one that is over.
        store.begin_session(&ann(b"s4", "", 140)).await.unwrap();
        assert!(store.approve_plan(&again(b"s4"), &record).await.unwrap());
        store.end_sessions(&Ending::One(b"s4"), 150, |_| Vec::new()).await.unwrap();
        store.end_sessions_of_another(&Ending::Everywhere(&me), 160, |_| Vec::new()).await.unwrap();
        assert_eq!(store.approval("p", &hash, 50).await.unwrap(), None);
    }

    pub(super) async fn views_have_names(store: &Store) {
        store.put_view("t", "ann", "assignments", "Orphans", "?flag=orphan").await.unwrap();
        store.put_view("t", "ann", "assignments", "All", "").await.unwrap();
        store.put_view("t", "ann", "assignments", "Orphans", "?flag=orphan&sort=-since").await.unwrap();
        store.put_view("t", "bob", "assignments", "Mine", "?q=bob").await.unwrap();
        let named = |list: &[(String, String)]| list.iter().map(|(name, query)| format!("{name} {query}")).collect::<Vec<_>>();
        assert_eq!(named(&store.views("t", "ann", "assignments").await.unwrap()), ["All ", "Orphans ?flag=orphan&sort=-since"]);
        store.drop_view("t", "ann", "assignments", "All").await.unwrap();
        assert_eq!(store.views("t", "ann", "assignments").await.unwrap().len(), 1);
        // Another table has views of its own, of the same names.
        store.put_view("t", "ann", "groups", "Orphans", "?roles=0").await.unwrap();
        assert_eq!(named(&store.views("t", "ann", "groups").await.unwrap()), ["Orphans ?roles=0"]);
        assert_eq!(named(&store.views("t", "ann", "assignments").await.unwrap()), ["Orphans ?flag=orphan&sort=-since"]);
        store.drop_view("t", "ann", "groups", "Orphans").await.unwrap();
        assert_eq!(store.views("t", "ann", "assignments").await.unwrap().len(), 1);
        assert_eq!(
            (
                store.views("t", "bob", "assignments").await.unwrap().len(),
                store.views("u", "ann", "assignments").await.unwrap().len()
            ),
            (1, 0)
        );
    }

    pub(super) async fn sessions_end_for_good(store: &Store) {
        assert!(store.create_session(b"k", "local", b"one", 0, 100, 1_000).await.unwrap());
        assert!(!store.create_session(b"k", "local", b"two", 0, 100, 1_000).await.unwrap());
        let row = store.load_session(b"k", 50).await.unwrap().unwrap();
        assert_eq!((row.data.as_slice(), row.version), (b"one".as_slice(), 1));
        assert!(store.save_session(b"k", b"three", 1, 50, 150).await.unwrap());
        assert!(!store.save_session(b"k", b"late", 1, 50, 150).await.unwrap(), "an older version must not win");
        assert!(store.load_session(b"k", 150).await.unwrap().is_none(), "idle for too long");
        store.end_sessions(&Ending::One(b"k"), 60, |_| Vec::new()).await.unwrap();
        assert!(store.load_session(b"k", 61).await.unwrap().is_none());
        assert!(!store.save_session(b"k", b"back", 2, 61, 200).await.unwrap(), "a late save must not bring it back");
        assert!(!store.create_session(b"k", "local", b"again", 61, 200, 1_000).await.unwrap());
        assert_eq!(store.purge_sessions(1_000).await.unwrap(), 1);
    }

    pub(super) async fn credentials_go_with_the_session(store: &Store) {
        store.create_session(b"k", "local", b"", 0, 100, 1_000).await.unwrap();
        let mut credential = StoredCredential {
            tenant: "t".into(),
            sealed: vec![0, 159, 255],
            wrapped_key: vec![7; 3],
            qlik_user: "u".into(),
            qlik_name: "Ann".into(),
            ..StoredCredential::default()
        };
        store.put_credential(b"k", &credential, None, &connected(1)).await.unwrap();
        credential.qlik_name = "Anna".into();
        store.put_credential(b"k", &credential, None, &connected(2)).await.unwrap();
        assert_eq!(store.credential(b"k", "t").await.unwrap(), Some(credential.clone()));
        assert_eq!(store.credentials(b"k").await.unwrap(), [credential]);
        assert_eq!(store.credential(b"k", "other").await.unwrap(), None);
        store.end_sessions(&Ending::One(b"k"), 3, |_| Vec::new()).await.unwrap();
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
            author: &Actor::named("ann"),
            title: "",
            undo_of: None,
            rows: &rows,
            grant: grant(),
            now: 11,
            seen: i64::MAX,
            known: &[],
            leave: None,
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
            actor: Actor::named("ann"),
            action: "assign".into(),
            target: Target::named("subject", rows[1].change.target()),
            touches: rows[1].change.touches(),
            job: "a".into(),
            outcome: outcome.into(),
            ..NewAudit::default()
        };
        store.settle(&claim, &[], 30, &[line("refused")]).await.unwrap();
        store.finish_job(&claim, JobState::Finished, 31).await.unwrap();
        store.put_plan(&plan("plan-b", &rows)).await.unwrap();
        let bob = Actor::named("bob");
        let new = |seen| NewJob {
            id: "b",
            plan: "plan-b",
            tenant: "t",
            qlik_user: "u",
            author: &bob,
            title: "Assign",
            undo_of: None,
            rows: &rows,
            grant: grant(),
            now: 40,
            seen,
            known: &[],
            leave: None,
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
        assert_eq!(store.grant("a").await.unwrap(), None, "the grant is erased when the job ends");
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
        let group = Change::from(GroupRoles::between(GroupId::new("g"), "G".into(), &roles(&["a"]), &roles(&["b"])));
        let rows = [assign(1), assign(2), PlannedChange { change: group.clone(), name: "G".into(), orphan: false, why: None }];
        job(store, "a", &rows).await;
        assert_eq!(store.grant("a").await.unwrap(), Some(grant()));
        assert!(store.grant("a").await.unwrap().is_some_and(|grant| grant.expires_at <= 1_000), "expired");
        let claim = store.claim_job("a", "me", 20, 30).await.unwrap().unwrap();
        store.mark_sent(&claim, &[0, 1], 21).await.unwrap();
        let result = |seq, state, status, code: &str| RowResult {
            made: None,
            seq,
            state,
            status,
            code: code.into(),
            title: "No seat".into(),
            trace: "t1".into(),
        };
        let made = Some(Made { id: "g-new".into() });
        let done = RowResult { made: made.clone(), ..result(0, RowState::Done, 201, "") };
        let results = [done, result(1, RowState::Refused, 403, "LICENSES-011")];
        store.settle(&claim, &results, 22, &[]).await.unwrap();
        let tally = store.tally("a").await.unwrap();
        assert_eq!((tally.done, tally.refused, tally.planned, tally.total()), (1, 1, 1, 3));
        assert_eq!(store.journal("a", &[RowState::Done], 0, 10).await.unwrap()[0].made, made);
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
        let resumed = store.resume_job("t", "a", &Grant { expires_at: 2_000, ..grant() }, Some(&grant()), false).await.unwrap();
        assert!(matches!(resumed, Resume::Done { .. }));
        assert!(store.grant("a").await.unwrap().is_some());
        assert_eq!(store.jobs("t", 5).await.unwrap().len(), 1);
    }

    pub(super) async fn the_trail_proves_itself(store: &Store) {
        let line = |n: i64| NewAudit {
            tenant: "t".into(),
            at: n,
            actor: Actor::named("ann"),
            action: "connect".into(),
            target: Target::named("tenant", "t"),
            reason: "x".repeat(3_000),
            outcome: "done".into(),
            ..NewAudit::default()
        };
        let writers = (0..20).map(|n| {
            let store = store.clone();
            let lines: Vec<NewAudit> = (0..250).map(|i| line(n * 1_000 + i)).collect();
            tokio::spawn(async move { store.audit(&lines).await.unwrap() })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        assert_eq!(store.uncovered().await.unwrap(), [storage::Uncovered { tenant: "t".into(), records: 5_000 }]);
        let signed = store.checkpoint("t", 7).await.unwrap().unwrap();
        assert_eq!((signed.checkpoint.seq, signed.is_signed()), (5_000, true));
        assert_eq!(store.checkpoint("t", 8).await.unwrap(), None, "nothing was added");
        store.audit(&[line(1)]).await.unwrap();
        assert_eq!(verified(store, &[]).await, []);
        // Handed over to another key, and cut by somebody without either.
        let next = Key::of(&[9; 32]).unwrap();
        assert_eq!(store.hand_over(&next, 9).await.unwrap().len(), 1);
        assert_eq!(store.hand_over(&next, 9).await.unwrap().len(), 0, "run again after it was stopped half-way");
        assert_eq!(
            store.audit_head("t").await.unwrap().unwrap().vouched.map(|(_, vouched)| vouched),
            Some(false),
            "it is the next key's now"
        );
    }

    pub(super) async fn who_cuts_a_trail_is_found(url: &str) {
        let store = open(url).await.unwrap();
        let pool = sqlx::AnyPool::connect(url).await.unwrap();
        let line = NewAudit { tenant: "t".into(), outcome: "done".into(), ..NewAudit::default() };
        store.audit(&vec![line.clone(); 10]).await.unwrap();
        let elsewhere = store.checkpoint("t", 1).await.unwrap().unwrap();
        for (statement, at) in [
            ("UPDATE audit_index SET outcome = 'refused' WHERE seq = 3", "3 column"),
            ("UPDATE audit_records SET text = '{}' WHERE seq = 2", "2 changed, 3 column"),
        ] {
            sqlx::query(statement).execute(&pool).await.unwrap();
            assert_eq!(told(&verified(&store, &[]).await), at);
        }
        // Cut, with its end and checkpoints: the next record says that the end is not the one that was vouched for.
        for statement in [
            "DELETE FROM audit_records WHERE seq > 4",
            "DELETE FROM audit_index WHERE seq > 4",
            "DELETE FROM audit_checkpoints",
            "UPDATE audit_heads SET seq = 4, hash = (SELECT hash FROM audit_records WHERE seq = 4)",
        ] {
            sqlx::query(statement).execute(&pool).await.unwrap();
        }
        assert!(told(&verified(&store, &[]).await).ends_with("4 truncated"));
        store.audit(std::slice::from_ref(&line)).await.unwrap();
        assert_eq!(store.audit_end("t").await.unwrap(), 6);
        assert_eq!(told(&verified(&store, &[]).await), "2 changed, 3 column, 5 truncated");
        assert!(told(&verified(&store, &[elsewhere]).await).ends_with("7 truncated"));
        // All of it gone, the end as well: a checkpoint that was kept elsewhere knows.
        for statement in ["DELETE FROM audit_records", "DELETE FROM audit_index", "DELETE FROM audit_heads"] {
            sqlx::query(statement).execute(&pool).await.unwrap();
        }
        store.audit(&[line]).await.unwrap();
        assert_eq!(verified(&store, &[]).await, []);
        pool.close().await;
        store.close().await;
    }

    fn told(faults: &[trail::Fault]) -> String {
        faults.iter().map(|fault| format!("{} {}", fault.seq, fault.kind.as_str())).collect::<Vec<_>>().join(", ")
    }

    async fn verified(store: &Store, elsewhere: &[trail::Signed]) -> Vec<trail::Fault> {
        let own = store.checkpoints("t", 0, i64::MAX).await.unwrap();
        let mut verifier = trail::Verifier::new("t", own, elsewhere, Some(Key::of(&[7; 32]).unwrap().public()));
        verifier.rows(&store.audit_rows("t", 0, i64::MAX, i64::MAX).await.unwrap());
        verifier.finish(trail::verify::End::Stored(store.audit_head("t").await.unwrap())).faults
    }

    pub(super) async fn the_trail_has_no_gaps(store: &Store) {
        job(store, "a", &[assign(1)]).await;
        let line = |tenant: &str, n: i64| NewAudit {
            tenant: tenant.into(),
            at: n,
            actor: Actor::named("ann"),
            action: "connect".into(),
            target: Target::named("tenant", "t"),
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
        assert_eq!(trail.last().unwrap().record.outcome, "intent");
        assert_eq!(store.audit_trail("t", 5, 2).await.unwrap().iter().map(|entry| entry.seq).collect::<Vec<_>>(), [4, 3]);
        assert_eq!(store.audit_trail("other", 0, 9).await.unwrap().len(), 1);
    }
}
