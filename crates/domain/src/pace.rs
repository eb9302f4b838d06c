//! How fast a job goes, and how long it will still take under Qlik's limits.

use serde::{Deserialize, Serialize};

/// What a job has to go by: the write calls of its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Calls counted in the window that ends now.
    pub used: u64,
    /// Calls that a job may make in a window: the limit less the reserve for people.
    pub cap: u64,
    /// How long a window is, in milliseconds.
    pub ms: u64,
}

/// Milliseconds that `rows` rows still take at `calls_ms` a call of `per_call` rows. What fits into the window goes at that
/// pace; each call beyond has to wait for the place of an earlier one, so that a window passes for every `cap` of them.
pub fn time_left_ms(rows: u64, per_call: u64, call_ms: u64, window: Window) -> u64 {
    let calls = rows.div_ceil(per_call.max(1));
    let free = window.cap.saturating_sub(window.used);
    let by_pace = calls.saturating_mul(call_ms);
    let by_limit = calls.saturating_sub(free).saturating_mul(window.ms) / window.cap.max(1);
    by_pace.max(by_limit)
}

/// A time in words that do not fidget: `a few seconds`, `40 s`, `12 min`, `3 h 20 min`.
pub fn words(ms: u64) -> String {
    match ms / 1_000 {
        0..5 => "a few seconds".to_owned(),
        s @ 5..90 => format!("{} s", s.div_ceil(5) * 5),
        s @ 90..5_400 => format!("{} min", s.div_ceil(60)),
        s => format!("{} h {} min", s / 3_600, s % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window { used: 0, cap: 480, ms: 300_000 };

    #[test]
    fn what_fits_goes_at_its_own_pace_and_the_rest_waits() {
        assert_eq!(time_left_ms(0, 100, 50, WINDOW), 0);
        assert_eq!(time_left_ms(25, 100, 50, WINDOW), 50);
        assert_eq!(time_left_ms(48_000, 100, 50, WINDOW), 24_000);
        // A thousand calls: 520 of them wait for places, more than a window in all.
        assert_eq!(time_left_ms(100_000, 100, 50, WINDOW), 325_000);
        assert_eq!(time_left_ms(100, 100, 50, Window { used: 480, ..WINDOW }), 625);
        assert_eq!(time_left_ms(1, 0, 50, Window { used: 9, cap: 0, ms: 0 }), 50);
    }

    #[test]
    fn times_have_words() {
        assert_eq!(
            [1_000, 6_000, 89_000, 90_000, 5_400_000].map(words),
            ["a few seconds", "10 s", "90 s", "2 min", "1 h 30 min"]
        );
    }
}
