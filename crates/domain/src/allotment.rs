//! An allotment: one kind of license, how many there are, and how many are used.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text;

/// The name of an allotment as Qlik spells it: `professional`, `analyzer`, or one nobody has documented yet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AllotmentName(String);

impl AllotmentName {
    /// Takes a name as Qlik spelled it.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The wire spelling.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How much it allows, compared with others. Nothing where nobody knows.
    pub fn rank(&self) -> Option<u8> {
        match self.as_str() {
            "professional" | "fullUser" => Some(2),
            "analyzer" | "basicUser" => Some(1),
            _ => None,
        }
    }

    /// Whether whoever holds this one may do all that the other allows: the same, or the larger of the two that a subscription has
    /// (Professional and Analyzer, or Full user and Basic user).
    pub fn contains(&self, other: &Self) -> bool {
        self == other || matches!((self.as_str(), other.as_str()), ("professional", "analyzer") | ("fullUser", "basicUser"))
    }

    /// Whether somebody who holds this one and gets `other` instead may do less. Where nobody knows, yes.
    pub fn is_lowered_by(&self, other: &Self) -> bool {
        match (self.rank(), other.rank()) {
            (Some(one), Some(two)) => two < one,
            (_, Some(2)) => false,
            _ => true,
        }
    }

    /// The name people use. Unknown names are split into words, never hidden.
    pub fn label(&self) -> String {
        match self.0.as_str() {
            "professional" => "Professional".into(),
            "analyzer" => "Analyzer".into(),
            "analyzer_time" => "Analyzer capacity".into(),
            "fullUser" => "Full user".into(),
            "basicUser" => "Basic user".into(),
            "" => "Unnamed license type".into(),
            other => text::humanise(other),
        }
    }
}

impl fmt::Display for AllotmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How an allotment is used up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum UsageClass {
    /// One unit per person who holds it.
    Assigned,
    /// Minutes from one pool a month; nobody holds it.
    Time,
    /// A class nobody has documented; shown by name and not written to.
    Other(String),
}

impl UsageClass {
    /// Reads Qlik's `usageClass`.
    pub fn from_wire(class: &str) -> Self {
        match class {
            "assigned" => Self::Assigned,
            "time" => Self::Time,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The word shown beside the allotment.
    pub fn label(&self) -> &str {
        match self {
            Self::Assigned => "assigned",
            Self::Time => "time",
            Self::Other(name) if name.is_empty() => "usage class unknown",
            Self::Other(name) => name,
        }
    }
}

/// One allotment of the license overview. Units are people for assigned ones, minutes for time-based ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allotment {
    /// Which one.
    pub name: AllotmentName,
    /// How it is used up.
    pub usage_class: UsageClass,
    /// Units licensed.
    pub units: i64,
    /// Units used, by this tenant and its siblings under the same entitlement.
    pub used: i64,
    /// Units allowed beyond `units`; -1 is without bound (Qlik licenses API).
    pub overage: i64,
}

impl Allotment {
    /// Whether a person can be given one.
    pub fn takes_assignments(&self) -> bool {
        self.usage_class != UsageClass::Time
    }

    /// How many people can hold it: units + overage.
    pub fn seats(&self) -> Seats {
        if self.overage < 0 { Seats::Unbounded } else { Seats::Bounded(self.units.saturating_add(self.overage).max(0)) }
    }

    /// Units used beyond those licensed.
    pub fn in_overage(&self) -> i64 {
        (self.used - self.units).max(0)
    }
}

/// How many people an allotment can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Seats {
    /// So many: units + overage.
    Bounded(i64),
    /// No bound (`overage: -1`).
    Unbounded,
}

impl Seats {
    /// Seats left when `used` are taken; `None` without a bound. Negative when over-allocated.
    pub fn free(self, used: i64) -> Option<i64> {
        match self {
            Self::Bounded(seats) => Some(seats - used),
            Self::Unbounded => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_names_are_readable() {
        assert_eq!(AllotmentName::new("fullUser").label(), "Full user");
        assert_eq!(AllotmentName::new("data_steward").label(), "Data steward");
        assert_eq!(AllotmentName::new("insightViewer").label(), "Insight viewer");
    }

    #[test]
    fn overage_of_minus_one_has_no_bound() {
        let mut allotment =
            Allotment { name: AllotmentName::new("x"), usage_class: UsageClass::Assigned, units: 10, used: 12, overage: 5 };
        assert_eq!(allotment.seats(), Seats::Bounded(15));
        assert_eq!(allotment.in_overage(), 2);
        allotment.overage = -1;
        assert_eq!(allotment.seats(), Seats::Unbounded);
    }
}
