//! Times as one person reads them: in the time zone that they chose for this browser, which a cookie keeps. Days of consumption and
//! exports stay in UTC.

use axum::http::HeaderMap;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::cookies;
use crate::ui::query::unescape;

/// The cookie.
pub const COOKIE: &str = "zone";

/// A time zone by its IANA name; UTC where nobody chose one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

/// Whether a name is a place's, or UTC: the database has others that mean nothing to anyone.
fn is_offered(name: &str) -> bool {
    name.contains('/') || name == "UTC"
}

impl Zone {
    /// The zone of this name; nothing where there is none.
    pub fn named(name: &str) -> Option<Self> {
        is_offered(name).then(|| TimeZone::get(name).ok().map(Self)).flatten()
    }

    /// What the request's cookie says.
    pub fn of(headers: &HeaderMap) -> Self {
        cookies::value(headers, COOKIE).and_then(|value| Self::named(&unescape(value))).unwrap_or_default()
    }

    /// Its IANA name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The names one can choose from.
    pub fn names() -> Vec<String> {
        jiff::tz::db().available().map(|name| name.as_str().to_owned()).filter(|name| is_offered(name)).collect()
    }

    /// `2026-11-22 13:03:22 CET`.
    pub fn date_time(&self, ms: i64) -> String {
        self.format(ms, "%Y-%m-%d %H:%M:%S %Z")
    }

    /// `13:03:22 CET`.
    pub fn time_of_day(&self, ms: i64) -> String {
        self.format(ms, "%H:%M:%S %Z")
    }

    /// When a day such as `2026-11-22` begins here, and when the next one does; nothing where it is none.
    pub fn day(&self, day: &str) -> Option<(i64, i64)> {
        let date: jiff::civil::Date = day.parse().ok()?;
        let start = |date: jiff::civil::Date| Some(date.to_zoned(self.0.clone()).ok()?.timestamp().as_millisecond());
        Some((start(date)?, start(date.tomorrow().ok()?)?))
    }

    /// A time such as `14:30` of a day such as `2026-11-22`; the day's last moment where it is empty. Nothing where either is none.
    pub fn moment(&self, day: &str, time: &str) -> Option<i64> {
        if time.is_empty() {
            return self.day(day).map(|(_, end)| end - 1);
        }
        let (date, time): (jiff::civil::Date, jiff::civil::Time) = (day.parse().ok()?, time.parse().ok()?);
        Some(date.to_datetime(time).to_zoned(self.0.clone()).ok()?.timestamp().as_millisecond())
    }

    fn format(&self, ms: i64, pattern: &str) -> String {
        Timestamp::from_millisecond(ms).map(|at| at.to_zoned(self.0.clone()).strftime(pattern).to_string()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, header};

    use super::*;

    #[test]
    fn times_are_told_in_the_zone_that_was_chosen() {
        let now = 1_795_305_600_000; // 2026-11-22 00:00 UTC
        assert_eq!(Zone::default().date_time(now), "2026-11-22 00:00:00 UTC");
        let berlin = Zone::named("Europe/Berlin").unwrap();
        assert_eq!((berlin.date_time(now), berlin.time_of_day(now)), ("2026-11-22 01:00:00 CET".into(), "01:00:00 CET".into()));
        assert_eq!(berlin.day("2026-11-22"), Some((now - 3_600_000, now + 23 * 3_600_000)));
        // Clocks go back: a day of 25 hours.
        assert_eq!(berlin.day("2026-10-25").map(|(from, to)| (to - from) / 3_600_000), Some(25));
        assert_eq!(berlin.day("tomorrow"), None);
        assert_eq!(berlin.moment("2026-11-22", "01:00"), Some(now));
        assert_eq!(berlin.moment("2026-11-22", ""), Some(now + 23 * 3_600_000 - 1));
        assert_eq!((berlin.moment("2026-11-22", "soon"), berlin.moment("soon", "")), (None, None));
        assert!(Zone::names().iter().any(|name| name == "Europe/Berlin") && Zone::names().len() > 300);
    }

    #[test]
    fn what_no_zone_is_called_is_utc() {
        let of = |cookie: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_str(cookie).unwrap());
            Zone::of(&headers).name().to_owned()
        };
        assert_eq!(of("theme=dark; zone=America%2FNew_York"), "America/New_York");
        for cookie in ["zone=Nowhere%2FAtAll", "zone=", "zone=..%2F..%2Fetc%2Fpasswd", "zone=Factory", "theme=dark"] {
            assert_eq!(of(cookie), "UTC", "{cookie}");
        }
    }
}
