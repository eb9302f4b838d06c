//! People with a known way of using Qlik, so that what a portal says of them can be right or wrong.

use super::rows::{DAY, HOUR, UNIT_MS, weekday};
use crate::clock::{month_start, next_month};

/// Who behaves in which way. They live on as the clock moves: burners burn, idle ones stay away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Persona {
    BurnerSteady,
    BurnerEdgeIn,
    BurnerEdgeOut,
    BurnerSpike,
    BurnerApps,
    BurnerCase,
    IdleIn,
    IdleOut,
    Holiday,
    Comeback,
    NeverIn,
    NeverNew,
    AdminIdle,
    Light,
    Viewer,
    Author,
    Duplicate,
    Disabled,
    Deleted,
    Orphan,
    Bot,
    Midnight,
}

/// A visit of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Visit {
    /// When it ends, in milliseconds of the day.
    pub(super) at: i64,
    /// What it takes from the capacity where no license serves, in pieces of six minutes.
    pub(super) units: i64,
    pub(super) ms: i64,
    pub(super) app: u32,
    /// How late it is listed, where that matters.
    pub(super) late: Option<i64>,
}

/// What somebody holds: the type, and how many days ago they got it.
pub(crate) type Held = (&'static str, i64);

impl Persona {
    pub(crate) const ALL: [Self; 22] = [
        Self::BurnerSteady,
        Self::BurnerEdgeIn,
        Self::BurnerEdgeOut,
        Self::BurnerSpike,
        Self::BurnerApps,
        Self::BurnerCase,
        Self::IdleIn,
        Self::IdleOut,
        Self::Holiday,
        Self::Comeback,
        Self::NeverIn,
        Self::NeverNew,
        Self::AdminIdle,
        Self::Light,
        Self::Viewer,
        Self::Author,
        Self::Duplicate,
        Self::Disabled,
        Self::Deleted,
        Self::Orphan,
        Self::Bot,
        Self::Midnight,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::BurnerSteady => "burner-steady",
            Self::BurnerEdgeIn => "burner-edge-in",
            Self::BurnerEdgeOut => "burner-edge-out",
            Self::BurnerSpike => "burner-spike",
            Self::BurnerApps => "burner-apps",
            Self::BurnerCase => "burner-case",
            Self::IdleIn => "idle-in",
            Self::IdleOut => "idle-out",
            Self::Holiday => "holiday",
            Self::Comeback => "comeback",
            Self::NeverIn => "never-in",
            Self::NeverNew => "never-new",
            Self::AdminIdle => "admin-idle",
            Self::Light => "light",
            Self::Viewer => "viewer",
            Self::Author => "author",
            Self::Duplicate => "duplicate",
            Self::Disabled => "disabled",
            Self::Deleted => "deleted",
            Self::Orphan => "orphan",
            Self::Bot => "bot",
            Self::Midnight => "midnight",
        }
    }

    /// The licenses that they hold at the start.
    pub(crate) fn holds(self) -> &'static [Held] {
        match self {
            Self::BurnerSteady
            | Self::BurnerEdgeIn
            | Self::BurnerEdgeOut
            | Self::BurnerSpike
            | Self::BurnerApps
            | Self::BurnerCase
            | Self::Midnight => &[],
            Self::NeverIn => &[("professional", 45)],
            Self::NeverNew => &[("analyzer", 10)],
            Self::Viewer | Self::Author => &[("professional", 500)],
            Self::Duplicate => &[("professional", 300), ("analyzer", 400)],
            _ => &[("analyzer", 400)],
        }
    }

    /// The status of their user, where it is another one than active.
    pub(crate) fn status(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Deleted => "deleted",
            _ => "active",
        }
    }

    /// What is to be recommended at the start with the usual figures, and what is not.
    pub(crate) fn expect(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::BurnerSteady | Self::BurnerEdgeIn | Self::BurnerApps | Self::BurnerCase => (&["burner"], &[]),
            Self::BurnerEdgeOut | Self::BurnerSpike | Self::Midnight => (&[], &["burner"]),
            // One row of theirs is on its way.
            Self::IdleIn | Self::Comeback => (&["idle"], &["never"]),
            Self::IdleOut | Self::Holiday | Self::AdminIdle => (&[], &["idle", "never"]),
            Self::NeverIn => (&["never"], &["idle"]),
            Self::NeverNew => (&[], &["never", "idle"]),
            Self::Light => (&["light"], &["idle", "never"]),
            Self::Viewer => (&["viewer"], &["idle", "never"]),
            Self::Author => (&[], &["viewer", "idle"]),
            Self::Duplicate => (&["duplicate"], &["idle"]),
            Self::Disabled | Self::Deleted => (&["gone"], &[]),
            Self::Orphan => (&["orphan"], &[]),
            Self::Bot => (&["bot"], &[]),
        }
    }

    /// Capacity minutes of a month, for those without a license: of the last complete months at the start, of the one
    /// before, and of all others.
    fn minutes(self, day: i64, start_day: i64) -> i64 {
        let (last, before, others) = match self {
            Self::BurnerSteady | Self::BurnerApps | Self::BurnerCase => (300, 300, 300),
            Self::BurnerEdgeIn => (240, 240, 240),
            Self::BurnerEdgeOut => (240, 234, 234),
            Self::BurnerSpike => (600, 0, 0),
            _ => return 0,
        };
        let month = month_start(day * DAY);
        let this = month_start(start_day * DAY);
        let newest = month_start(this - DAY);
        match month {
            _ if month == newest => last,
            _ if month == month_start(newest - DAY) => before,
            _ => others,
        }
    }

    /// What they use on a day. `place` is theirs among all people.
    pub(super) fn visits(self, place: u32, day: i64, start_day: i64) -> Vec<Visit> {
        // Spread over the working day, a second apart at least.
        let at = 9 * HOUR + i64::from(place % 28_800) * 1_000;
        let app = place;
        let short = Visit { at, units: 2, ms: 2 * UNIT_MS - 90_000, app, late: None };
        let ago = start_day - day;
        let workday = weekday(day) < 5;
        // On some days of the week, and on the last one that is asked for whatever day it is.
        let until = |last: i64, days: fn(usize) -> bool| {
            let comes = ago == last || (ago > last && days(weekday(day)));
            if comes { vec![short] } else { Vec::new() }
        };
        match self {
            Self::BurnerSteady
            | Self::BurnerEdgeIn
            | Self::BurnerEdgeOut
            | Self::BurnerSpike
            | Self::BurnerApps
            | Self::BurnerCase => {
                let total = self.minutes(day, start_day) / 6;
                let Some((nth, workdays)) = workday.then(|| place_in_month(day)) else { return Vec::new() };
                let upto = |n: i64| n * total / workdays;
                let (mut before, mut after) = (upto(nth), upto(nth + 1));
                if ago >= 0 && month_start(day * DAY) == month_start(start_day * DAY) {
                    // The month that runs at the start has not reached the figure of a burner by then.
                    (before, after) = (before.min(39), after.min(39));
                }
                let units = after - before;
                let app = if self == Self::BurnerApps { u32::try_from(nth % 12).unwrap_or(0) } else { app };
                let visit = Visit { units, ms: units * UNIT_MS - 30_000, app, ..short };
                if units > 0 { vec![visit] } else { Vec::new() }
            }
            Self::IdleIn => until(60, |weekday| weekday == 1),
            Self::IdleOut => until(59, |weekday| weekday == 1),
            Self::Holiday => until(35, |weekday| weekday < 4),
            Self::Comeback if ago == 1 => vec![Visit { late: Some(30 * HOUR), ..short }],
            Self::Comeback => until(70, |weekday| weekday == 2),
            Self::AdminIdle => until(90, |weekday| weekday < 3),
            Self::Disabled | Self::Deleted => until(40, |weekday| weekday < 2),
            // Four visits of five minutes in a month.
            Self::Light if workday && matches!(place_in_month(day).0, 1 | 6 | 11 | 16) => {
                vec![Visit { units: 1, ms: UNIT_MS - 60_000, ..short }]
            }
            Self::Light | Self::NeverIn | Self::NeverNew | Self::Orphan | Self::Bot => Vec::new(),
            Self::Viewer | Self::Author | Self::Duplicate => until(i64::MIN, |weekday| weekday == 1 || weekday == 3),
            Self::Midnight => {
                let is_first = month_start(day * DAY) == day * DAY;
                let visit = Visit { at: 12 * 60_000, units: 5, ms: 5 * UNIT_MS, app, late: None };
                if is_first { vec![visit] } else { Vec::new() }
            }
        }
    }
}

/// Which of its month's workdays a workday is, from 0, and how many there are.
fn place_in_month(day: i64) -> (i64, i64) {
    let (first, end) = (month_start(day * DAY) / DAY, next_month(day * DAY) / DAY);
    let workdays = |from: i64, until: i64| i64::try_from((from..until).filter(|day| weekday(*day) < 5).count()).unwrap_or(0);
    (workdays(first, day), workdays(first, end).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::parse_iso;

    fn day(text: &str) -> i64 {
        parse_iso(&format!("{text}T00:00:00Z")).unwrap() / DAY
    }

    fn minutes(persona: Persona, from: &str, until: &str, start: &str) -> i64 {
        (day(from)..day(until)).flat_map(|at| persona.visits(7, at, day(start))).map(|visit| visit.units * 6).sum()
    }

    #[test]
    fn burners_take_what_they_are_known_for() {
        for start in ["2026-11-22", "2026-03-01", "2027-01-31"] {
            let this = month_start(day(start) * DAY);
            let last = month_start(this - DAY);
            let before = month_start(last - DAY);
            let of = |persona: Persona, from: i64, until: i64| -> i64 {
                let days = from / DAY..until / DAY;
                days.flat_map(|at| persona.visits(7, at, day(start))).map(|visit| visit.units * 6).sum()
            };
            for (persona, newest, older) in [
                (Persona::BurnerSteady, 300, 300),
                (Persona::BurnerEdgeIn, 240, 240),
                (Persona::BurnerEdgeOut, 240, 234),
                (Persona::BurnerSpike, 600, 0),
                (Persona::BurnerApps, 300, 300),
            ] {
                assert_eq!(of(persona, last, this), newest, "{persona:?} {start}");
                assert_eq!(of(persona, before, last), older, "{persona:?} {start}");
                assert!(of(persona, this, day(start) * DAY + DAY) < 240, "{persona:?} {start}");
            }
        }
        assert_eq!(minutes(Persona::BurnerSteady, "2027-02-01", "2027-03-01", "2026-11-22"), 300);
    }

    #[test]
    fn the_idle_come_last_on_the_day_that_counts() {
        let start = day("2026-11-22");
        let last = |persona: Persona| (start - 400..=start).rev().find(|day| !persona.visits(3, *day, start).is_empty());
        for (persona, ago) in [
            (Persona::IdleIn, 60),
            (Persona::IdleOut, 59),
            (Persona::Holiday, 35),
            (Persona::Comeback, 1),
            (Persona::AdminIdle, 90),
        ] {
            assert_eq!(last(persona), Some(start - ago), "{persona:?}");
        }
        assert_eq!((last(Persona::NeverIn), last(Persona::Bot)), (None, None));
        assert!((start..start + 60).all(|day| Persona::IdleIn.visits(3, day, start).is_empty()));
        assert_eq!(minutes(Persona::Light, "2026-09-01", "2026-10-01", "2026-11-22"), 24);
        assert_eq!(minutes(Persona::Midnight, "2026-09-01", "2026-10-01", "2026-11-22"), 30);
    }
}
