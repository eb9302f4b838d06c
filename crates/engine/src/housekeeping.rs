//! What is old goes: sessions with their keys, keys of jobs, lists, plans nobody applied, rows of jobs that can no longer be undone,
//! and drafts nobody came back to.

use std::sync::Arc;
use std::time::Duration;

use storage::{Erased, StoreError};

use crate::Engine;
use crate::clock::day_of;
use crate::connection::revoke_grant;
use crate::history::HistoryError;

/// How often.
const EVERY: Duration = Duration::from_hours(1);
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// Seats by day are kept this long: a year can be compared with the one before it.
const SEAT_DAYS: u32 = 400;

/// How long what is stored is kept, in days. Sessions and the keys of jobs end by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Lists that people brought.
    pub lists_days: u32,
    /// Plans that nobody applied.
    pub plans_days: u32,
    /// Rows of jobs and what their plans would have sent; longer than a job can be undone.
    pub journals_days: u32,
    /// Drafts that nobody came back to.
    pub drafts_days: u32,
    /// How groups and roles were.
    pub groups_days: u32,
}

impl Default for Keep {
    fn default() -> Self {
        Self { lists_days: 1, plans_days: 30, journals_days: 35, drafts_days: 7, groups_days: 400 }
    }
}

/// How much went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tidied {
    /// Sessions with their keys.
    pub sessions: u64,
    /// Keys of jobs.
    pub grants: u64,
    /// Families of tokens that nobody holds.
    pub families: u64,
    /// Lists.
    pub lists: u64,
    /// Plans.
    pub plans: u64,
    /// Rows of jobs.
    pub journal_rows: u64,
    /// Drafts.
    pub drafts: u64,
    /// States of groups and roles.
    pub group_states: u64,
    /// Seats by day.
    pub seat_days: u64,
    /// What sign-ins and sign-outs left behind.
    pub sign_ins: u64,
}

/// Tidies up at once, then every hour.
pub async fn run(engine: Arc<Engine>) {
    loop {
        match tidy(&engine).await {
            Ok(tidied) if tidied == Tidied::default() => {}
            Ok(tidied) => tracing::info!(?tidied, "what was old is gone"),
            Err(error) => tracing::error!(%error, "what is old could not be deleted; it is tried again in an hour"),
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Deletes everything that is older than it is to be kept, in small steps.
pub async fn tidy(engine: &Arc<Engine>) -> Result<Tidied, StoreError> {
    let (store, now) = (&engine.store, engine.clock.now_ms());
    let Keep { lists_days, plans_days, journals_days, drafts_days, groups_days } = engine.keep;
    let before = |days: u32| now - i64::from(days) * DAY_MS;
    engine.readings.tidy();
    let erased = store.purge_grants(now).await?;
    let mut tidied = Tidied { grants: erased.len() as u64, ..Tidied::default() };
    for Erased { tenant, job, grant } in &erased {
        if let Some(tenant) = engine.tenants.get(tenant) {
            revoke_grant(engine, tenant, job, Some(grant));
        }
    }
    // Each call deletes a thousand at most; others have their turn in between.
    macro_rules! all {
        ($purge:ident, $time:expr, $into:ident) => {
            loop {
                let gone = store.$purge($time).await?;
                tidied.$into += gone;
                if gone == 0 {
                    break;
                }
                tokio::task::yield_now().await;
            }
        };
    }
    all!(purge_sessions, now, sessions);
    all!(purge_sign_ins, now, sign_ins);
    all!(purge_lists, before(lists_days), lists);
    all!(purge_plans, before(plans_days), plans);
    all!(purge_journals, before(journals_days), journal_rows);
    all!(purge_drafts, before(drafts_days), drafts);
    all!(purge_seat_days, day_of(before(SEAT_DAYS)), seat_days);
    for tenant in engine.tenants.keys() {
        match engine.history.forget_before(tenant, before(groups_days)).await {
            Ok(gone) => tidied.group_states += gone,
            Err(HistoryError::Store(error)) => return Err(error),
            Err(error) => tracing::error!(%error, tenant, "old states of groups could not be deleted"),
        }
    }
    tidied.families = store.purge_families().await?;
    Ok(tidied)
}
