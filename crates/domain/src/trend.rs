//! How the seats used of a license type went over the last days, and when it is full if that goes on.

use serde::{Deserialize, Serialize};

use crate::table::Day;

/// A trend looks at so many days, today among them.
pub const DAYS: i64 = 90;
/// A line is drawn through this many days at least, over this long at least.
const LEAST_POINTS: usize = 14;
const LEAST_SPAN: i64 = 21;
/// How much of what is seen a straight line has to explain before it is gone on with (the coefficient of determination).
const LEAST_FIT: f64 = 0.8;
/// Nothing is said of what lies further ahead than this.
const FURTHEST: f64 = 365.0;

/// Seats used on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// How many days ago; 0 is today.
    pub ago: i64,
    /// Seats used, as read last on that day.
    pub used: i64,
}

/// Seats used on the days on which the tenant was read, the oldest first. A day without a reading is not there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Trend {
    /// The days.
    pub points: Vec<Point>,
}

impl Trend {
    /// Of days in any order, as seen from `today`. What is older than [`DAYS`], or in the future, is left out.
    pub fn new(days: impl IntoIterator<Item = (Day, i64)>, today: Day) -> Self {
        let mut points: Vec<Point> = days
            .into_iter()
            .map(|(day, used)| Point { ago: today.since(day), used })
            .filter(|point| (0..DAYS).contains(&point.ago))
            .collect();
        points.sort_by_key(|point| std::cmp::Reverse(point.ago));
        points.dedup_by_key(|point| point.ago);
        Self { points }
    }

    /// What was used `ago` days ago, or on the newest day before that of the same week; nothing where that is not known.
    pub fn used(&self, ago: i64) -> Option<i64> {
        self.points.iter().rev().find(|point| point.ago >= ago).filter(|point| point.ago < ago + 7).map(|point| point.used)
    }

    /// In how many days `free` seats are used up if it goes on as it went; nothing where that is more than a year, where fewer
    /// are used over time, or where a straight line says too little of how it went.
    pub fn full_in(&self, free: i64) -> Option<i64> {
        let span = self.points.first()?.ago - self.points.last()?.ago;
        if self.points.len() < LEAST_POINTS || span < LEAST_SPAN || free <= 0 {
            return None;
        }
        let n = self.points.len() as f64;
        let at = |point: &Point| (-point.ago as f64, point.used as f64);
        let (mean_x, mean_y) = self.points.iter().map(at).fold((0.0, 0.0), |(x, y), (dx, dy)| (x + dx / n, y + dy / n));
        let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
        for (x, y) in self.points.iter().map(at) {
            let (x, y) = (x - mean_x, y - mean_y);
            (xx, xy, yy) = (xx + x * x, xy + x * y, yy + y * y);
        }
        let slope = xy / xx;
        let fit = if yy > 0.0 { xy * xy / (xx * yy) } else { 0.0 };
        let days = free as f64 / slope;
        #[expect(clippy::cast_possible_truncation, reason = "at most a year")]
        (slope > 0.0 && fit >= LEAST_FIT && days <= FURTHEST).then(|| days.ceil() as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(used: impl Fn(i64) -> Option<i64>) -> Trend {
        let points = (0..DAYS).rev().filter_map(|ago| Some(Point { ago, used: used(ago)? })).collect();
        Trend { points }
    }

    #[test]
    fn a_steady_line_is_gone_on_with_and_nothing_else() {
        // Two seats a day.
        let steady = days(|ago| Some(1_000 - 2 * ago));
        assert_eq!(steady.full_in(36), Some(18));
        assert_eq!(steady.full_in(0), None, "it is full already");
        assert_eq!(steady.full_in(5_000), None, "too far ahead to say");
        assert_eq!(days(|ago| Some(1_000 + 2 * ago)).full_in(36), None, "fewer and fewer");
        assert_eq!(days(|_| Some(1_000)).full_in(36), None, "no change");
        let noise = days(|ago| Some(1_000 + if ago % 2 == 0 { 90 } else { -90 } - ago / 9));
        assert_eq!(noise.full_in(36), None, "a line says too little of it");
        let few = days(|ago| (ago < 13).then_some(1_000 - 2 * ago));
        assert_eq!(few.full_in(36), None, "two weeks are too few");
        let rare = days(|ago| (ago % 5 == 0).then_some(1_000 - 2 * ago));
        assert_eq!(rare.full_in(36), Some(18), "days between may be missing");
    }

    #[test]
    fn a_day_without_a_reading_is_not_guessed() {
        let today = Day::parse("2026-11-28").unwrap();
        let day = |text: &str| Day::parse(text).unwrap();
        let trend = Trend::new(
            [(day("2026-11-28"), 12), (day("2026-11-20"), 10), (day("2026-07-01"), 5), (day("2026-12-01"), 99)],
            today,
        );
        assert_eq!(trend.points, [Point { ago: 8, used: 10 }, Point { ago: 0, used: 12 }]);
        assert_eq!((trend.used(0), trend.used(1), trend.used(5), trend.used(8)), (Some(12), None, Some(10), Some(10)));
        assert_eq!(trend.used(9), None);
    }
}
