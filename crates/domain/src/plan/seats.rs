//! What a plan does to the seats of each allotment.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::allotment::{Allotment, AllotmentName, Seats};
use crate::change::SeatDelta;

/// What a plan does to one allotment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatChange {
    /// The allotment as it is now.
    pub allotment: Allotment,
    /// People used after the plan, were every row of it done.
    pub after: i64,
    /// Seats the plan takes.
    pub taken: i64,
    /// Seats the plan gives back.
    pub freed: i64,
}

impl SeatChange {
    /// Seats missing for the plan; 0 when they suffice.
    ///
    /// An allotment that is over its seats already does not refuse what a plan gives back, so only what the plan
    /// takes beyond what was free and what it frees counts.
    pub fn short(&self) -> i64 {
        self.to_free().clamp(0, self.taken)
    }

    /// Seats that must come free besides for the whole plan to fit; more than [`Self::short`] where the allotment is over its
    /// seats already, and below 0 where some stay free.
    pub fn to_free(&self) -> i64 {
        self.allotment.seats().free(self.allotment.used).map_or(0, |free| self.taken - self.freed - free)
    }

    /// Seats used after the plan beyond those licensed. What has no seat at all is refused, and so not counted.
    pub fn overage_after(&self) -> i64 {
        let after = match self.allotment.seats() {
            Seats::Bounded(seats) => self.after.min(seats.max(self.allotment.used)),
            Seats::Unbounded => self.after,
        };
        (after - self.allotment.units.max(0)).max(0)
    }

    /// Seats beyond those licensed that the plan takes and that are not taken now.
    pub fn enters_overage(&self) -> i64 {
        (self.overage_after() - self.allotment.in_overage()).max(0)
    }

    /// Seats free after the plan; `None` without a bound.
    pub fn free_after(&self) -> Option<i64> {
        self.allotment.seats().free(self.after)
    }
}

/// Adds up what changes do to each allotment. Allotments that nothing touches are left out.
pub fn seat_changes<'a>(allotments: &[Allotment], changes: impl IntoIterator<Item = SeatDelta<'a>>) -> Vec<SeatChange> {
    let mut deltas: BTreeMap<&AllotmentName, (i64, i64)> = BTreeMap::new();
    for SeatDelta { takes, frees } in changes {
        if let Some(takes) = takes {
            deltas.entry(takes).or_default().0 += 1;
        }
        if let Some(frees) = frees {
            deltas.entry(frees).or_default().1 += 1;
        }
    }
    allotments
        .iter()
        .filter_map(|allotment| {
            let (taken, freed) = *deltas.get(&allotment.name)?;
            Some(SeatChange { allotment: allotment.clone(), after: allotment.used + taken - freed, taken, freed })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allotment::UsageClass;

    fn allotment(units: i64, used: i64, overage: i64) -> Allotment {
        Allotment { name: AllotmentName::new("a"), usage_class: UsageClass::Assigned, units, used, overage }
    }

    #[test]
    fn shortage_counts_what_the_plan_frees() {
        let change =
            |used, taken, freed| SeatChange { allotment: allotment(10, used, 0), after: used + taken - freed, taken, freed };
        assert_eq!(change(8, 2, 0).short(), 0);
        assert_eq!(change(8, 5, 0).short(), 3);
        assert_eq!(change(8, 5, 3).short(), 0);
        // Over its seats already: what is taken is short, never more than that.
        assert_eq!(change(14, 2, 0).short(), 2);
        assert_eq!(change(14, 0, 2).short(), 0);
        assert_eq!(SeatChange { allotment: allotment(10, 14, -1), after: 20, taken: 6, freed: 0 }.short(), 0);
    }
}
