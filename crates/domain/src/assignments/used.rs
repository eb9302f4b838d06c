//! When somebody used Qlik last, as the table keeps it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// When somebody used Qlik last, in days before the reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Used(u16);

impl Used {
    /// Nothing in the consumption that Qlik keeps.
    pub const NEVER: Self = Self(u16::MAX - 1);
    /// Not known, or not yet.
    pub const UNKNOWN: Self = Self(u16::MAX);

    /// So many days ago; what lies ahead counts as today.
    pub fn days(days: i64) -> Self {
        Self(u16::try_from(days.max(0)).unwrap_or(u16::MAX).min(u16::MAX - 2))
    }

    /// Days ago, where there was any use.
    pub fn ago(self) -> Option<u16> {
        (self < Self::NEVER).then_some(self.0)
    }

    /// As a number to sort by: the longer ago the larger, never after that, unknown last.
    pub(super) fn number(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Used {
    /// `today`, `3 d`, `never`, or nothing where it is not known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (*self, self.ago()) {
            (_, Some(0)) => f.write_str("today"),
            (_, Some(days)) => write!(f, "{days} d"),
            (Self::NEVER, None) => f.write_str("never"),
            (_, None) => Ok(()),
        }
    }
}
