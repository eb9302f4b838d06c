//! A gauge: one allotment as a line a person can read, with everything an instrument needs to draw it.

use serde::{Deserialize, Serialize};

use crate::allotment::Seats;
use crate::allotment::{Allotment, UsageClass};
use crate::text::thousands;

/// Where the month stands, UTC: analyzer capacity resets at 00:00 UTC on the 1st (Qlik help, analyzer capacity).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthProgress {
    /// Day of the month, from 1.
    pub day: u8,
    /// Days in the month.
    pub days: u8,
}

impl MonthProgress {
    /// The part of the month that has passed at the end of `day`, in hundredths of a percent.
    pub fn share(self) -> u32 {
        share(self.day.into(), self.days.into())
    }
}

/// How loud a figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tone {
    /// As it should be.
    Plain,
    /// Soon a problem.
    Warn,
    /// A problem.
    Bad,
}

/// So much of so much, in hundredths of a percent: positions on a scale, for which whole numbers will do.
pub fn share(n: i64, of: i64) -> u32 {
    let share = i128::from(n.max(0)) * 10_000 / i128::from(of.max(1));
    u32::try_from(share).unwrap_or(u32::MAX)
}

/// One stretch of the bar, in hundredths of a percent of its width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// Where it starts.
    pub from: u32,
    /// How wide it is.
    pub width: u32,
}

/// A labelled mark on the scale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Where, in hundredths of a percent.
    pub at: u32,
    /// What it says.
    pub text: String,
}

/// Everything a gauge shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gauge {
    /// The wire name, for links.
    pub name: String,
    /// The name people use.
    pub label: String,
    /// The usage class and overage, in words.
    pub class: String,
    /// Units used.
    pub used: i64,
    /// Units licensed, with a unit where it is not people.
    pub of: String,
    /// What is free or over, as a sentence.
    pub free: String,
    /// How loud `free` is.
    pub tone: Tone,
    /// The end of the scale: units + overage; without a bound the larger of units and used.
    pub max: i64,
    /// The spoken value.
    pub spoken: String,
    /// Used within the units licensed.
    pub fill: Stretch,
    /// Used beyond the units licensed.
    pub over: Option<Stretch>,
    /// Whether going over is allowed without end, and so without alarm.
    pub unbounded: bool,
    /// Quarter marks, in hundredths of a percent.
    pub ticks: Vec<u32>,
    /// Where the units end within an overage, or where the month stands.
    pub mark: Option<Mark>,
    /// What stands at the right end of the scale.
    pub end: String,
}

/// Whether an assigned allotment has few or no seats left: less than `percent` of them is free.
pub fn nearly_full(allotment: &Allotment, percent: u32) -> bool {
    match allotment.seats() {
        Seats::Unbounded => false,
        Seats::Bounded(seats) => {
            allotment.takes_assignments() && seats > 0 && (seats - allotment.used) * 100 < seats * i64::from(percent)
        }
    }
}

/// Reads an allotment as a gauge. It is nearly full when less than `nearly_full` percent of its seats are free.
pub fn read(allotment: &Allotment, month: MonthProgress, nearly_full: u32) -> Gauge {
    let timed = allotment.usage_class == UsageClass::Time;
    let used = allotment.used;
    let units = allotment.units.max(0);
    let label = allotment.name.label();
    let unbounded = allotment.seats() == Seats::Unbounded;
    let max = match allotment.seats() {
        Seats::Bounded(seats) => seats,
        Seats::Unbounded => units.max(used),
    }
    .max(0);
    // Without a bound the scale runs on past the larger of the two, so that the bar never looks full.
    let scale = if unbounded { (max + max / 3).max(1) } else { max.max(used).max(1) };
    let place = |n: i64| share(n, scale);

    let within = used.clamp(0, units);
    let beyond = (used - units).max(0);
    let unit = if timed { " min" } else { "" };
    let (free, tone) = sentence(allotment, month, nearly_full);
    let mut class = allotment.usage_class.label().to_owned();
    match allotment.overage {
        0 => {}
        n if n < 0 => class.push_str(", unlimited overage"),
        n => {
            class.push_str(", overage ");
            class.push_str(&thousands(n));
        }
    }
    if timed {
        class.push_str(", resets on the 1st");
    }
    let mark = if timed {
        let at = u64::from(place(units)) * u64::from(month.share()) / 10_000;
        Some(Mark { at: u32::try_from(at).unwrap_or(u32::MAX), text: format!("day {}", month.day) })
    } else if allotment.overage != 0 || beyond > 0 {
        Some(Mark { at: place(units), text: thousands(units) })
    } else {
        None
    };
    Gauge {
        name: allotment.name.as_str().to_owned(),
        of: format!("of {}{unit}", thousands(units)),
        spoken: format!("{} of {}{unit} {label}, {free}", thousands(used), thousands(units)),
        label,
        class,
        used,
        free,
        tone,
        max,
        fill: Stretch { from: 0, width: place(within) },
        over: (beyond > 0).then(|| Stretch { from: place(units), width: place(beyond) }),
        unbounded,
        ticks: (1..4).map(|quarter| place(units) / 4 * quarter).collect(),
        mark,
        end: if unbounded { "unlimited →".to_owned() } else { thousands(max) },
    }
}

/// What is free or over, and how loud that is.
fn sentence(allotment: &Allotment, month: MonthProgress, percent: u32) -> (String, Tone) {
    let (used, units) = (allotment.used, allotment.units.max(0));
    let over = allotment.in_overage();
    if allotment.usage_class == UsageClass::Time {
        let left = units - used;
        if left < 0 {
            let tail = match allotment.seats().free(used) {
                None => "unlimited".to_owned(),
                Some(rest) if rest >= 0 => format!("{} min of overage left", thousands(rest)),
                Some(rest) => format!("{} min over the limit", thousands(-rest)),
            };
            return (format!("{} min in overage, {tail}", thousands(-left)), Tone::Bad);
        }
        let ahead = units > 0 && share(used, units) > month.share();
        return if ahead {
            (format!("{} min left, above the monthly pace", thousands(left)), Tone::Warn)
        } else {
            (format!("{} min left", thousands(left)), Tone::Plain)
        };
    }
    match allotment.seats().free(used) {
        None if over > 0 => (format!("{} in overage, unlimited", thousands(over)), Tone::Plain),
        None => (format!("{} free, unlimited overage", thousands(units - used)), Tone::Plain),
        Some(free) if free < 0 => (format!("{} over all seats", thousands(-free)), Tone::Bad),
        Some(free) if over > 0 => (format!("{} in overage, {} left", thousands(over), thousands(free)), Tone::Bad),
        Some(0) => ("no seats left".to_owned(), Tone::Bad),
        Some(free) if nearly_full(allotment, percent) => {
            let seats = free + used;
            let share = (free as f64) * 100.0 / (seats.max(1) as f64);
            (format!("{} free, {share:.0}%", thousands(free)), Tone::Warn)
        }
        Some(free) => (format!("{} free", thousands(free)), Tone::Plain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allotment::AllotmentName;

    const MONTH: MonthProgress = MonthProgress { day: 22, days: 30 };

    fn gauge(class: UsageClass, units: i64, used: i64, overage: i64) -> Gauge {
        read(&Allotment { name: AllotmentName::new("professional"), usage_class: class, units, used, overage }, MONTH, 5)
    }

    #[test]
    fn nearly_full_says_how_much() {
        let gauge = gauge(UsageClass::Assigned, 1000, 970, 0);
        assert_eq!(gauge.free, "30 free, 3%");
        assert_eq!(gauge.tone, Tone::Warn);
        assert_eq!(gauge.max, 1000);
        assert_eq!(gauge.spoken, "970 of 1,000 Professional, 30 free, 3%");
    }

    #[test]
    fn over_allocation_has_its_own_stretch() {
        let gauge = gauge(UsageClass::Assigned, 200, 214, 50);
        assert_eq!(gauge.free, "14 in overage, 36 left");
        assert_eq!(gauge.max, 250);
        assert!(gauge.over.is_some_and(|over| (over.from, over.width) == (8_000, 560)));
    }

    #[test]
    fn unbounded_runs_on_without_alarm() {
        let gauge = gauge(UsageClass::Assigned, 100, 130, -1);
        assert_eq!(gauge.tone, Tone::Plain);
        assert_eq!(gauge.max, 130);
        assert!(gauge.unbounded && gauge.end.starts_with("unlimited"));
        assert!(gauge.fill.width + gauge.over.map_or(0, |over| over.width) < 10_000);
    }

    #[test]
    fn capacity_knows_the_month() {
        assert_eq!(gauge(UsageClass::Time, 80_000, 61_240, 100).tone, Tone::Warn);
        assert_eq!(gauge(UsageClass::Time, 80_000, 10_000, 100).tone, Tone::Plain);
        assert_eq!(gauge(UsageClass::Time, 1_000, 1_100, -1).tone, Tone::Bad);
    }

    #[test]
    fn beyond_all_seats_stays_inside_the_bar() {
        let gauge = gauge(UsageClass::Assigned, 10, 14, 0);
        assert_eq!(gauge.free, "4 over all seats");
        let end = gauge.over.map_or(0, |over| over.from + over.width);
        assert!((9_999..=10_000).contains(&end), "{end}");
    }
}
