//! What is old goes: sessions with their keys, keys of jobs, lists, plans nobody applied, rows of jobs that can no longer be undone,
//! and drafts nobody came back to.

use std::time::Duration;

use storage::StoreError;

use super::config::Keep;
use super::state::Shared;

/// How often.
const EVERY: Duration = Duration::from_hours(1);
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// How much went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tidied {
    pub sessions: u64,
    pub grants: u64,
    pub lists: u64,
    pub plans: u64,
    pub journal_rows: u64,
    pub drafts: u64,
}

/// Tidies up at once, then every hour.
pub async fn run(state: Shared) {
    loop {
        match tidy(&state).await {
            Ok(tidied) if tidied == Tidied::default() => {}
            Ok(tidied) => tracing::info!(?tidied, "what was old is gone"),
            Err(error) => tracing::error!(%error, "what is old could not be deleted; it is tried again in an hour"),
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Deletes everything that is older than it is to be kept, in small steps.
pub async fn tidy(state: &Shared) -> Result<Tidied, StoreError> {
    let (store, now) = (&state.store, state.clock.now_ms());
    let Keep { lists_days, plans_days, journals_days, drafts_days } = state.config.keep;
    let before = |days: u32| now - i64::from(days) * DAY_MS;
    state.inventories.tidy();
    let mut tidied = Tidied { grants: store.purge_grants(now).await?, ..Tidied::default() };
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
    all!(purge_lists, before(lists_days), lists);
    all!(purge_plans, before(plans_days), plans);
    all!(purge_journals, before(journals_days), journal_rows);
    all!(purge_drafts, before(drafts_days), drafts);
    Ok(tidied)
}
