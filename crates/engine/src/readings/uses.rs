//! Who used Qlik when: the newest days of each user, gathered from consumption in the background, because it takes many
//! calls and nothing waits for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use domain::assignments::Table;
use domain::inventory::{Inventory, UserId};
use domain::table::Day;
use domain::usage::{DayOfUse, Recent};

use super::{Entry, Readings, Snapshot, Source};
use crate::backend::Urgency;
use crate::clock::day;
use crate::fault::Fault;
use crate::gathering::locked;

/// Consumption is read this far back: as long as Qlik keeps the audits that would tell the same.
const DAYS_BACK: i64 = 90;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// After a failure it is tried again when somebody looks, but not at once.
const RETRY_MS: i64 = 5 * 60 * 1_000;
/// What is older is read on from where it ended.
const STALE_MS: i64 = 60 * 60 * 1_000;

/// What is known of the use of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastUse {
    /// It is in the table.
    Known,
    /// It is being read.
    Reading,
    /// The key may not read it.
    Closed,
    /// The newest try failed; another one follows.
    Failed,
}

#[derive(Debug, Default)]
struct State {
    recent: Arc<HashMap<UserId, Recent>>,
    /// How many times something was added.
    count: u64,
    /// When the newest reading was complete.
    read_at: Option<i64>,
    /// When the newest reading failed.
    failed_at: Option<i64>,
    /// It failed because the key may not read it.
    closed: bool,
    reading: bool,
}

/// The newest days of each user, as far as they are known.
#[derive(Debug, Default)]
pub(super) struct Uses(Mutex<State>);

impl Uses {
    /// A table with its use, where that is known, and which `count` it has.
    pub(super) fn on(&self, table: Table, inventory: &Inventory, now: i64) -> (Table, u64) {
        let (known, count) = {
            let state = locked(&self.0);
            (state.read_at.map(|_| state.recent.clone()), state.count)
        };
        let table = match (known, Day::parse(&day(now))) {
            (Some(recent), Some(today)) => table.with_use(inventory, |id| recent.get(id)?.last(), today),
            _ => table,
        };
        (table, count)
    }

    fn count(&self) -> u64 {
        locked(&self.0).count
    }
}

impl Entry {
    /// Puts the newest use into the table that is kept, where it was built before that use was known. Also a reading can
    /// be such a table: it may end after the use was read and yet have begun its table before. Takes a moment.
    pub(super) fn catch_up_with_use(&self, now: i64) {
        loop {
            let Some(before) = locked(&self.state).snapshot.clone() else { return };
            if before.uses >= self.uses.count() {
                return;
            }
            let (table, uses) = self.uses.on((*before.table).clone(), &before.inventory, now);
            let mut state = locked(&self.state);
            if state.snapshot.as_ref().is_some_and(|now| Arc::ptr_eq(now, &before)) {
                // The rows are the same, and so is their version.
                state.snapshot = Some(Arc::new(Snapshot { table: Arc::new(table), uses, ..(*before).clone() }));
            }
        }
    }
}

impl Uses {
    /// Adds what was read from a day on; says whether there was anything.
    fn take(&self, read: Result<HashMap<UserId, Recent>, Fault>, from: Day, now: i64) -> bool {
        let mut state = locked(&self.0);
        state.reading = false;
        match read {
            Ok(newer) => {
                let recent = Arc::make_mut(&mut state.recent);
                for (user, newer) in newer {
                    let known = recent.entry(user).or_default();
                    known.renew(from, newer);
                }
                state.read_at = Some(now);
                state.count += 1;
                true
            }
            Err(error) => {
                tracing::info!(%error, "consumption cannot be read; when people used Qlik last stays unknown");
                state.failed_at = Some(now);
                state.closed = matches!(error.status(), Some(401 | 403 | 404));
                false
            }
        }
    }
}

impl Readings {
    /// The newest days on which a user of the tenant used Qlik; `None` while nothing of the sort is known.
    pub fn recent_use(&self, source: &Source, user: &UserId) -> Option<Vec<DayOfUse>> {
        let entry = self.entry(source);
        let state = locked(&entry.uses.0);
        state.read_at.map(|_| state.recent.get(user).map(|recent| recent.days().to_vec()).unwrap_or_default())
    }

    /// Whether the use of a tenant is known; starts to read it where it is not, or has become old.
    pub fn last_use(&self, source: &Source) -> LastUse {
        let entry = self.entry(source);
        let now = self.clock.now_ms();
        if !source.tenant.backend.can().consumption {
            return LastUse::Closed;
        }
        let mut state = locked(&entry.uses.0);
        let fresh = |at: Option<i64>| at.is_some_and(|at| now - at < STALE_MS);
        let known = if state.read_at.is_some() { LastUse::Known } else { LastUse::Reading };
        if state.reading || fresh(state.read_at) {
            return known;
        }
        if state.failed_at.is_some_and(|at| now - at < RETRY_MS) {
            return match (state.read_at, state.closed) {
                (Some(_), _) => LastUse::Known,
                (None, true) => LastUse::Closed,
                (None, false) => LastUse::Failed,
            };
        }
        state.reading = true;
        // From the day on which the last reading was made: what ended later that day is new, the rest is the same again.
        let from = day(state.read_at.unwrap_or(now - DAYS_BACK * DAY_MS));
        drop(state);
        let (source, clock) = (source.clone(), self.clock.clone());
        tokio::spawn(async move {
            let Some(from) = Day::parse(&from) else { return };
            let read = source.tenant.backend.usage(&source.reader(Urgency::Idle), from).await;
            if !entry.uses.take(read, from, now) {
                return;
            }
            let _ = tokio::task::spawn_blocking(move || entry.catch_up_with_use(clock.now_ms())).await;
        });
        known
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicI64;

    use domain::license::License;
    use tokio::sync::watch;

    use super::*;

    fn entry() -> Entry {
        Entry {
            state: Mutex::default(),
            gathering: Mutex::default(),
            uses: Uses::default(),
            ended: watch::channel(0).0,
            used_at: AtomicI64::new(0),
        }
    }

    /// A reading whose table was built now.
    fn built(entry: &Entry) -> Snapshot {
        let inventory = Inventory::default();
        let table = entry.uses.on(Table::build(&inventory), &inventory, 0);
        Snapshot::of(inventory, table, License::default(), 0, 0)
    }

    fn read(entry: &Entry) {
        assert!(entry.uses.take(Ok(HashMap::new()), Day::parse("2026-11-01").unwrap(), 0));
        entry.catch_up_with_use(0);
    }

    fn known(entry: &Entry) -> bool {
        locked(&entry.state).snapshot.as_ref().is_some_and(|snapshot| snapshot.table.uses().is_some())
    }

    #[test]
    fn use_that_was_read_while_a_reading_ended_is_in_its_table() {
        let entry = entry();
        // The first reading has built its table, and the use is there before that table is kept.
        let first = built(&entry);
        read(&entry);
        locked(&entry.state).put(first);
        entry.catch_up_with_use(0);
        assert!(known(&entry));
        // So it is where a table without use took the place of one with it.
        let before = built(&self::entry());
        locked(&entry.state).put(before);
        assert!(!known(&entry));
        entry.catch_up_with_use(0);
        assert!(known(&entry));
    }
}
