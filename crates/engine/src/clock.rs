//! The one place that asks the machine for the time.

use std::fmt;
use std::sync::Arc;

use domain::table::Day;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Tells the time.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Milliseconds since 1970, UTC.
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

/// A shared clock.
pub type SharedClock = Arc<dyn Clock>;

/// `2026-11-22 12:03:22 UTC`.
pub fn date_time(ms: i64) -> String {
    format(ms, "%Y-%m-%d %H:%M:%S UTC")
}

/// `12:03:22 UTC`.
pub fn time_of_day(ms: i64) -> String {
    format(ms, "%H:%M:%S UTC")
}

/// `2026-11-22`, UTC.
pub fn day(ms: i64) -> String {
    format(ms, "%Y-%m-%d")
}

/// `2026-11-22T12:03:22.114Z`.
pub fn iso(ms: i64) -> String {
    format(ms, "%Y-%m-%dT%H:%M:%S%.3fZ")
}

/// The time that an ISO 8601 text tells, UTC where it has no offset; nothing where it is none.
pub fn parse_iso(text: &str) -> Option<i64> {
    let text = text.trim();
    let civil = || text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp());
    text.parse::<Timestamp>().ok().or_else(civil).map(Timestamp::as_millisecond)
}

/// The day of a time, UTC.
pub fn day_of(ms: i64) -> Day {
    let date = Timestamp::from_millisecond(ms).unwrap_or_default().to_zoned(TimeZone::UTC).date();
    let part = |part: i8| u32::from(part.unsigned_abs());
    Day::of(u32::from(date.year().unsigned_abs()), part(date.month()), part(date.day()))
}

fn format(ms: i64, pattern: &str) -> String {
    Timestamp::from_millisecond(ms).map(|at| at.to_zoned(TimeZone::UTC).strftime(pattern).to_string()).unwrap_or_default()
}

/// The day of the month and the days in it, UTC.
pub fn month(ms: i64) -> domain::gauge::MonthProgress {
    let date = Timestamp::from_millisecond(ms).unwrap_or_default().to_zoned(TimeZone::UTC).date();
    domain::gauge::MonthProgress { day: date.day().unsigned_abs(), days: date.days_in_month().unsigned_abs() }
}

/// Whole days from `ms` to the end of the day `date` (`YYYY-MM-DD`), negative once it is over.
pub fn days_left(ms: i64, date: &str) -> Option<i64> {
    let end: jiff::civil::Date = date.get(..10)?.parse().ok()?;
    let today = Timestamp::from_millisecond(ms).ok()?.to_zoned(TimeZone::UTC).date();
    Some(i64::from(today.until(end).ok()?.get_days()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_any_offset_and_none_is_utc() {
        let ten = Some(1_795_341_600_000);
        for text in [
            "2026-11-22T10:00:00Z",
            "2026-11-22T10:00:00.000000Z",
            "2026-11-22T15:30:00+05:30",
            "2026-11-22T10:00:00",
            " 2026-11-22T10:00:00.0 ",
        ] {
            assert_eq!(parse_iso(text), ten, "{text}");
        }
        for text in ["", "string", "2026-02-30T00:00:00Z", "tomorrow", "1795341600000"] {
            assert_eq!(parse_iso(text), None, "{text}");
        }
    }

    #[test]
    fn days_are_counted_in_utc() {
        let now = 1_795_305_600_000; // 2026-11-22 00:00
        assert_eq!(date_time(now), "2026-11-22 00:00:00 UTC");
        assert_eq!(iso(now), "2026-11-22T00:00:00.000Z");
        assert_eq!((day_of(now).to_string(), day_of(now - 1).to_string()), ("2026-11-22".into(), "2026-11-21".into()));
        assert_eq!(days_left(now, "2026-12-31"), Some(39));
        assert_eq!(days_left(now, "2026-11-21T10:00:00Z"), Some(-1));
        assert_eq!(days_left(now, "."), None);
        assert_eq!(month(now), domain::gauge::MonthProgress { day: 22, days: 30 });
    }
}
