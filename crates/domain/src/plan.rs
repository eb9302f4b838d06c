//! From an intent to a plan: what would change, row by row, what would not, and what to think about first.

mod change;
mod draft;
mod holdings;
mod intent;
mod remedy;
mod warning;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use change::{Change, Kind};
pub use draft::draw_up;
pub use holdings::{Holdings, Stand, carried_out};
pub use intent::{BulkAction, Intent};
pub use remedy::{Remedy, Shortage, Spare, shortages};
pub use warning::Warning;

use crate::allotment::AllotmentName;
use crate::inventory::RoleId;
use crate::seats::SeatChange;

/// A change with what a person wants to know about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedChange {
    /// The change.
    pub change: Change,
    /// The person's or group's name; empty where nobody knows one.
    pub name: String,
    /// The subject is no user of this tenant.
    pub orphan: bool,
}

/// A row that was asked for and will not be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unchanged {
    /// The subject or group.
    pub target: String,
    /// Why.
    pub why: WhyNot,
}

/// Why a row will not be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum WhyNot {
    /// It already is as wanted.
    AsWanted,
    /// Not there any more, or never was.
    Gone,
    /// Somebody else changed it since.
    Overtaken,
    /// The other subject holds that license already.
    Taken,
    /// Held by a subject that is no user here, perhaps of another tenant under the same license; not on the list, left alone.
    NotOurs,
    /// There is no seat for it.
    LeftOut,
}

impl WhyNot {
    /// The rest of a sentence that starts with how many.
    pub fn sentence(&self) -> &'static str {
        match self {
            Self::AsWanted => "already as wanted",
            Self::Gone => "no longer there",
            Self::Overtaken => "changed by somebody else since",
            Self::Taken => "held by the other subject already",
            Self::NotOurs => "held by somebody who is no user of this tenant, and left alone",
            Self::LeftOut => "left out for want of a seat",
        }
    }
}

/// A plan: a value that can be read, kept, shared and applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What it does, in words.
    pub title: String,
    /// What will be sent, in this order.
    pub changes: Vec<PlannedChange>,
    /// What was asked for and will not be sent.
    pub unchanged: Vec<Unchanged>,
    /// What happens to the seats.
    pub seats: Vec<SeatChange>,
    /// What to think about first.
    pub warnings: Vec<Warning>,
    /// It takes licenses from people that nobody named: everybody who is not on a list.
    #[serde(default)]
    pub removes_the_rest: bool,
}

/// Why no plan can be drawn up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Nothing was selected.
    #[error("nothing is selected: select at least one row first")]
    NothingSelected,
    /// No such allotment on this license.
    #[error("this license has no allotment named “{0}”: choose one that the overview lists")]
    UnknownAllotment(AllotmentName),
    /// A pool of minutes cannot be given to a person.
    #[error("{} is a pool of minutes and cannot be assigned: choose another allotment", .0.label())]
    TimeBased(AllotmentName),
    /// Nobody selected has a license to remove or change.
    #[error("none of the selected people has a license: choose Assign instead")]
    NoLicense,
    /// No such group.
    #[error("the group is no longer there: reload the list of groups")]
    UnknownGroup,
    /// No such role.
    #[error("a chosen role was deleted meanwhile: reload the page and choose again")]
    UnknownRole(RoleId),
    /// More than Qlik takes.
    #[error("a group can have at most 100 roles, and {0} are chosen")]
    TooManyRoles(usize),
    /// Old and new are one subject.
    #[error("the old and the new subject are the same but for case: type another one")]
    SameSubject,
}

impl Plan {
    /// Identifies what the plan does: hex SHA-256 of its changes in order.
    pub fn hash(&self) -> String {
        let changes: Vec<&Change> = self.changes.iter().map(|planned| &planned.change).collect();
        let bytes = serde_json::to_vec(&changes).unwrap_or_default();
        Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Requests the plan needs at `batch` rows each; a kind that takes one row needs one each.
    pub fn requests(&self, batch: usize) -> usize {
        let mut requests = 0;
        let mut run: Option<(Kind, usize)> = None;
        for planned in &self.changes {
            let kind = planned.change.kind();
            match &mut run {
                Some((current, n)) if *current == kind && kind.batches() && *n < batch => *n += 1,
                _ => {
                    requests += 1;
                    run = Some((kind, 1));
                }
            }
        }
        requests
    }

    /// Whom or what will not be sent, by reason.
    pub fn unchanged_by_reason(&self) -> Vec<(WhyNot, Vec<&str>)> {
        let mut reasons: Vec<(WhyNot, Vec<&str>)> = Vec::new();
        for row in &self.unchanged {
            match reasons.iter_mut().find(|(why, _)| *why == row.why) {
                Some((_, targets)) => targets.push(&row.target),
                None => reasons.push((row.why.clone(), vec![&row.target])),
            }
        }
        reasons
    }
}

#[cfg(test)]
mod tests;
