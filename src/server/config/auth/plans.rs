//! `[auth.plans]`: which plans need more than somebody who applies them.

use std::fmt;

use super::super::file::Reader;

/// Which plans need more; 0 stands for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanChecks {
    /// Plans that take something from at least so many people want whoever applies them to sign in again.
    pub step_up_rows: u32,
    /// Plans with more changes than this want a second person.
    pub four_eyes_rows: u32,
}

impl PlanChecks {
    pub(super) fn read(reader: &mut Reader<'_>, nobody: bool) -> Self {
        let place = reader.place_of("auth.plans.four_eyes_rows");
        let checks = Self {
            // Where nobody signs in there is nobody to ask who they are, unless that is asked for.
            step_up_rows: reader.number("auth.plans.step_up_rows", if nobody { 0 } else { 100 }, 0..=1_000_000),
            four_eyes_rows: reader.number("auth.plans.four_eyes_rows", 0, 0..=1_000_000),
        };
        if nobody && checks.four_eyes_rows > 0 {
            reader.fault(&place, "`auth.plans.four_eyes_rows` needs people that sign in, and `auth.mode` is “none”");
        }
        checks
    }
}

impl fmt::Display for PlanChecks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n[auth.plans]\nstep_up_rows = {}\nfour_eyes_rows = {}", self.step_up_rows, self.four_eyes_rows)
    }
}
