//! Use: on which days somebody used Qlik, gathered from consumption events.

pub mod block;
pub mod row;

use serde::{Deserialize, Serialize};

use crate::table::Day;
use crate::text;

/// Days of use that are kept of each person: two working weeks, and little enough for a hundred thousand people.
pub const DAYS_KEPT: usize = 10;

/// A day on which somebody used Qlik, UTC. A session that passes midnight belongs to the day on which it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayOfUse {
    /// Which day.
    pub day: Day,
    /// Apps opened; one that was opened in two sessions counts twice, as Qlik counts it.
    pub visits: u32,
    /// How long, in milliseconds, over all of them.
    pub ms: u64,
    /// Minutes taken from the analyzer capacity; 0 under a license of their own.
    pub capacity_minutes: u32,
}

impl DayOfUse {
    /// `1 h 12 min in 3 visits, 12 min of capacity`.
    pub fn words(&self) -> String {
        let minutes = self.ms.div_ceil(60_000);
        let long = match (minutes / 60, minutes % 60) {
            (0, minutes) => format!("{minutes} min"),
            (hours, 0) => format!("{hours} h"),
            (hours, minutes) => format!("{hours} h {minutes} min"),
        };
        let capacity = if self.capacity_minutes == 0 {
            String::new()
        } else {
            format!(", {} min capacity", text::thousands(i64::from(self.capacity_minutes)))
        };
        format!("{long}, {}{capacity}", text::count(i64::from(self.visits), "session", "sessions"))
    }
}

/// The newest days on which one person used Qlik, the newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recent(Vec<DayOfUse>);

impl Recent {
    /// The days.
    pub fn days(&self) -> &[DayOfUse] {
        &self.0
    }

    /// The last day.
    pub fn last(&self) -> Option<Day> {
        self.0.first().map(|use_of| use_of.day)
    }

    /// Adds what happened on a day. Events may come in any order.
    pub fn add(&mut self, event: DayOfUse) {
        match self.0.binary_search_by(|known| event.day.cmp(&known.day)) {
            Ok(at) => {
                if let Some(known) = self.0.get_mut(at) {
                    known.visits = known.visits.saturating_add(event.visits);
                    known.ms = known.ms.saturating_add(event.ms);
                    known.capacity_minutes = known.capacity_minutes.saturating_add(event.capacity_minutes);
                }
            }
            Err(at) if at < DAYS_KEPT => {
                self.0.insert(at, event);
                self.0.truncate(DAYS_KEPT);
            }
            // Older than all that is kept.
            Err(_) => {}
        }
    }

    /// Takes a later reading over: whatever was known of its days is told by it again, and in full.
    pub fn renew(&mut self, from: Day, newer: Self) {
        self.0.retain(|known| known.day < from);
        self.0.splice(0..0, newer.0);
        self.0.truncate(DAYS_KEPT);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn event(day: u32, ms: u64) -> DayOfUse {
        let day = Day::parse(&format!("2026-{:02}-{:02}", 1 + day / 28, 1 + day % 28)).unwrap();
        DayOfUse { day, visits: 1, ms, capacity_minutes: 0 }
    }

    fn gathered(events: &[(u32, u64)]) -> Recent {
        let mut recent = Recent::default();
        for (day, ms) in events {
            recent.add(event(*day, *ms));
        }
        recent
    }

    proptest! {
        #[test]
        fn the_newest_days_are_kept_whatever_the_order(events in proptest::collection::vec((0_u32..40, 0_u64..1_000), 0..80)) {
            let mut plain: BTreeMap<Day, (u32, u64)> = BTreeMap::new();
            for (day, ms) in &events {
                let sum = plain.entry(event(*day, 0).day).or_default();
                *sum = (sum.0 + 1, sum.1 + ms);
            }
            let wanted: Vec<_> = plain.into_iter().rev().take(DAYS_KEPT).collect();
            let recent = gathered(&events);
            let got: Vec<_> = recent.days().iter().map(|day| (day.day, (day.visits, day.ms))).collect();
            prop_assert_eq!(got, wanted);
        }

        #[test]
        fn a_later_reading_counts_nothing_twice(events in proptest::collection::vec((0_u32..40, 0_u64..1_000), 0..80), from in 0_u32..40) {
            let mut recent = gathered(&events);
            let newer: Vec<_> = events.iter().copied().filter(|(day, _)| *day >= from).collect();
            recent.renew(event(from, 0).day, gathered(&newer));
            prop_assert_eq!(recent, gathered(&events));
        }
    }

    #[test]
    fn a_day_in_words() {
        let day = |ms, visits, capacity_minutes| DayOfUse { visits, capacity_minutes, ..event(3, ms) }.words();
        assert_eq!(day(90_000, 1, 0), "2 min, 1 session");
        assert_eq!(day(72 * 60_000, 3, 12), "1 h 12 min, 3 sessions, 12 min capacity");
        assert_eq!(day(2 * 3_600_000, 2, 0), "2 h, 2 sessions");
    }
}
