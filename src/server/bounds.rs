//! Bounds on what strangers can make the portal do: how many keys they try, and how many lines they write into the trail.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// A minute, in milliseconds.
const MINUTE_MS: i64 = 60 * 1_000;

/// So many keys that Qlik does not accept may be tried at a tenant in a minute.
const WRONG_KEYS: usize = 30;
/// So many refusals a minute are written down one by one.
const LINES: u64 = 10;

/// Keys that were not accepted, by tenant: when each was tried.
#[derive(Debug, Default)]
pub struct WrongKeys(Mutex<HashMap<String, VecDeque<i64>>>);

impl WrongKeys {
    /// How many seconds until another key may be tried; nothing where one may be now.
    pub fn wait_s(&self, tenant: &str, now: i64) -> Option<i64> {
        let mut tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let times = tried.get_mut(tenant)?;
        while times.front().is_some_and(|at| now - at >= MINUTE_MS) {
            times.pop_front();
        }
        (times.len() >= WRONG_KEYS).then(|| times.front().map_or(1, |at| ((at + MINUTE_MS - now) / 1_000).max(1)))
    }

    /// A key was not accepted.
    pub fn count(&self, tenant: &str, now: i64) {
        let mut tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let times = tried.entry(tenant.to_owned()).or_default();
        times.push_back(now);
        if times.len() > WRONG_KEYS {
            times.pop_front();
        }
    }
}

/// Refusals of this minute.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<(i64, u64)>);

impl Refusals {
    /// Whether a refusal is to be written down; and how many were not since the last one that was.
    pub fn write_down(&self, now: i64) -> Option<u64> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = now / MINUTE_MS;
        if counted.0 != minute {
            let missed = counted.1.saturating_sub(LINES);
            *counted = (minute, 1);
            return Some(missed);
        }
        counted.1 += 1;
        (counted.1 <= LINES).then_some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_refusals_is_counted_and_not_written() {
        let refusals = Refusals::default();
        let written = (0..500).filter_map(|n| refusals.write_down(60_000 + n)).count();
        assert_eq!(written, 10);
        assert_eq!(refusals.write_down(120_000), Some(490), "the next minute tells how many there were");
        assert_eq!(refusals.write_down(180_000), Some(0));
    }

    #[test]
    fn wrong_keys_are_bounded_by_the_minute() {
        let keys = WrongKeys::default();
        for n in 0..30 {
            assert_eq!(keys.wait_s("t", n), None);
            keys.count("t", n);
        }
        assert_eq!(keys.wait_s("t", 10_000), Some(50));
        assert_eq!(keys.wait_s("other", 10_000), None);
        assert_eq!(keys.wait_s("t", 61_000), None);
    }
}
