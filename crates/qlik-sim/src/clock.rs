//! The tenant's clock: real or fixed, and advanced on request.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

/// Tells the time in milliseconds since 1970, UTC.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Now.
    fn now_ms(&self) -> i64;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct WallClock;

impl Clock for WallClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now_ms(&self) -> i64 {
        Timestamp::now().as_millisecond()
    }
}

/// A clock that stands still until it is set.
#[derive(Debug)]
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// Stands at `ms` since 1970.
    pub fn at(ms: i64) -> Self {
        Self(AtomicI64::new(ms))
    }

    /// Moves on.
    pub fn advance(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// `2020-12-03T09:24:48.114Z`, as Qlik writes times.
pub(crate) fn iso(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map(|at| at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()).unwrap_or_default()
}

/// Reads an ISO 8601 time.
pub(crate) fn parse_iso(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

/// The start of the month after the one that `ms` lies in, UTC.
pub(crate) fn next_month(ms: i64) -> i64 {
    month_start(month_start(ms) + 32 * 86_400_000)
}

/// The start of the month that `ms` lies in, UTC.
pub(crate) fn month_start(ms: i64) -> i64 {
    let Ok(at) = Timestamp::from_millisecond(ms) else { return ms };
    let date = at.to_zoned(jiff::tz::TimeZone::UTC).date().first_of_month();
    date.to_zoned(jiff::tz::TimeZone::UTC).map_or(ms, |zoned| zoned.timestamp().as_millisecond())
}
