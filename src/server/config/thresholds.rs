//! `[thresholds]`: from when on the overview shows a warning.

use std::fmt;

use super::file::Reader;

/// From when on the overview shows a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// A license type is nearly full when less than so many percent of its seats are free.
    pub nearly_full_percent: u32,
    /// A seat is idle when its holder did not use Qlik for so many days. Qlik keeps 90 days of consumption.
    pub idle_days: u32,
    /// What ends, or is full, within so many days is a warning.
    pub soon_days: u32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { nearly_full_percent: 5, idle_days: 90, soon_days: 60 }
    }
}

impl Thresholds {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let usual = Self::default();
        Self {
            nearly_full_percent: reader.number("thresholds.nearly_full_percent", usual.nearly_full_percent, 0..=100),
            idle_days: reader.number("thresholds.idle_days", usual.idle_days, 1..=90),
            soon_days: reader.number("thresholds.soon_days", usual.soon_days, 1..=365),
        }
    }
}

impl fmt::Display for Thresholds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { nearly_full_percent, idle_days, soon_days } = self;
        writeln!(
            f,
            "[thresholds]\nnearly_full_percent = {nearly_full_percent}\nidle_days = {idle_days}\nsoon_days = {soon_days}\n"
        )
    }
}
