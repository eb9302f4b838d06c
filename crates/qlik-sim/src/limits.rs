//! Rate limits as Qlik counts: a sliding log of five minutes per user and tier, and a tier that stays shut once it overflows.

use std::collections::{HashMap, VecDeque};

/// The window, in milliseconds at scale 1.
const WINDOW_MS: f64 = 300_000.0;

/// A budget of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Tier {
    /// Reads.
    One,
    /// Writes.
    Two,
    /// `actions/filter`.
    Filter,
    /// Audits, which have a budget of their own.
    Audits,
}

impl Tier {
    fn calls(self) -> usize {
        match self {
            Self::One | Self::Audits => 5_000,
            Self::Two => 500,
            Self::Filter => 1_000,
        }
    }
}

/// The logs of all users.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    logs: HashMap<(String, Tier), Log>,
}

#[derive(Debug, Default)]
struct Log {
    calls: VecDeque<i64>,
    shut_until: Option<i64>,
}

impl Limits {
    /// Counts a call at `now` (ms), or says in how many whole seconds one fits.
    pub(crate) fn count(&mut self, user: &str, tier: Tier, now: i64, scale: f64) -> Result<(), u64> {
        let window = whole_ms(WINDOW_MS / scale);
        let log = self.logs.entry((user.to_owned(), tier)).or_default();
        while log.calls.front().is_some_and(|at| now - at >= window) {
            log.calls.pop_front();
        }
        if log.shut_until.is_some_and(|until| now >= until) {
            log.shut_until = None;
        }
        if log.shut_until.is_none() && log.calls.len() >= tier.calls() {
            log.shut_until = log.calls.front().map(|at| at + window);
        }
        match log.shut_until {
            Some(until) => Err(u64::try_from(until - now).unwrap_or(0).div_ceil(1_000).max(1)),
            None => {
                log.calls.push_back(now);
                Ok(())
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a window of minutes in milliseconds")]
fn whole_ms(ms: f64) -> i64 {
    ms as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_window_shuts_the_tier_until_a_call_fits() {
        let mut limits = Limits::default();
        for n in 0..500 {
            assert_eq!(limits.count("u", Tier::Two, n * 10, 1.0), Ok(()));
        }
        assert_eq!(limits.count("u", Tier::Two, 5_000, 1.0), Err(295));
        assert_eq!(limits.count("u", Tier::Two, 299_999, 1.0), Err(1));
        assert_eq!(limits.count("u", Tier::One, 5_000, 1.0), Ok(()));
        assert_eq!(limits.count("v", Tier::Two, 5_000, 1.0), Ok(()));
        assert_eq!(limits.count("u", Tier::Two, 300_000, 1.0), Ok(()));
        assert_eq!(limits.count("u", Tier::Two, 300_001, 1.0), Err(1));
    }

    #[test]
    fn a_scale_of_twenty_makes_the_window_fifteen_seconds() {
        let mut limits = Limits::default();
        for _ in 0..500 {
            assert_eq!(limits.count("u", Tier::Two, 0, 20.0), Ok(()));
        }
        assert_eq!(limits.count("u", Tier::Two, 1, 20.0), Err(15));
        assert_eq!(limits.count("u", Tier::Two, 15_000, 20.0), Ok(()));
    }
}
