//! From an intent to a plan: what would change, row by row, what would not, and what to think about first.

mod context;
mod draft;
mod intent;
mod reason;
mod remedy;
mod risk;
mod seats;
mod shifts;
mod warning;

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use context::PlanContext;
pub use draft::draw_up;
pub use intent::{BulkAction, Intent, RoleEdit};
pub use reason::{Measured, Reason};
pub use remedy::{Order, Remedy, Shortage, Spare, shortages};
pub use risk::{Confirmation, Limits, Risk, Risks};
pub use seats::{SeatChange, seat_changes};
pub use shifts::RoleShift;
pub use warning::{LeaveOut, Raised, Warning, Warnings};

use crate::allotment::AllotmentName;
use crate::assignments::{Row, Table};
use crate::change::{Change, Kind, Made, Undo};
use crate::inventory::{GroupNameError, Inventory, MAX_GROUPS, Provider, RoleId};
use crate::text;

/// A change with what a person wants to know about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedChange {
    /// The change.
    pub change: Change,
    /// The person's or group's name; empty where nobody knows one.
    pub name: String,
    /// The subject is no user of this tenant.
    pub orphan: bool,
    /// Why it is there, where that is not plain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Reason>,
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
    /// A line of the list that was left out may mean them.
    MaybeMeant,
    /// They hold another license, and were to get one only if they held none.
    HoldsAnother,
    /// They match the selection only since it was made.
    Newcomer,
    /// Taken out of the plan by hand.
    TakenOut,
    /// The key may not see how it is, so it must not be replaced.
    NotVisible,
    /// Nothing takes it back, or not all of it.
    NotUndone,
    /// There is a group of that name already, and it is otherwise.
    NameTaken,
    /// It would have more roles than Qlik takes.
    TooManyRoles,
    /// A role that it was to get is not there any more.
    RoleGone,
    /// Its name, description or status is not kept here.
    KeptElsewhere,
    /// Another group has the name that it had.
    NameInUse,
    /// It was disabled, and would be active if it were made again.
    WasDisabled,
}

impl WhyNot {
    /// The rest of a sentence that starts with how many.
    pub fn sentence(&self) -> &'static str {
        match self {
            Self::AsWanted => "no change needed",
            Self::Gone => "no longer exists",
            Self::Overtaken => "changed by someone else",
            Self::Taken => "already assigned to the new subject",
            Self::NotOurs => "assigned to a subject outside this tenant (left unchanged)",
            Self::LeftOut => "no free seat",
            Self::MaybeMeant => "a skipped line may refer to them",
            Self::HoldsAnother => "has another license",
            Self::Newcomer => "new since the selection was made",
            Self::TakenOut => "skipped by you",
            Self::NotVisible => "not visible with this key, so not replaced",
            Self::NotUndone => "cannot be undone, or not in full",
            Self::NameTaken => "a group of that name exists with other roles or another description (left unchanged)",
            Self::TooManyRoles => "would have more than 100 roles (left unchanged)",
            Self::KeptElsewhere => "has a name, description or status that cannot be restored here",
            Self::NameInUse => "cannot be renamed: another group has its former name",
            Self::WasDisabled => "was disabled and would be active if created again (left out)",
            Self::RoleGone => "was to get a role that no longer exists (left unchanged)",
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
    /// It brings back what was: an undo.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restores: bool,
    /// What could be added to it by a click.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offers: Vec<Offer>,
    /// What could go wrong by it, for how many: what has to be confirmed follows from these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub risks: Vec<Risk>,
    /// Who gains and who loses which role by what it does with groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub role_shifts: Vec<RoleShift>,
}

/// Changes that a plan leaves out and that could be added by a click.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Whom they are about.
    pub kind: OfferKind,
    /// The changes.
    pub changes: Vec<Change>,
}

/// Whom an offer is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OfferKind {
    /// Rows that match the selection only since it was made.
    Newcomers,
    /// People who hold another license.
    HoldsAnother,
}

impl OfferKind {
    /// Names it in a form.
    pub fn word(self) -> &'static str {
        match self {
            Self::Newcomers => "take-newcomers",
            Self::HoldsAnother => "take-others",
        }
    }
}

/// How many changes are alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// Which kind they are of.
    pub kind: Kind,
    /// What they are about: a license, or one for another; empty where that is not it.
    pub what: String,
    /// How many.
    pub rows: u64,
}

/// Why no plan can be drawn up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Nothing was selected.
    #[error("select at least one row")]
    NothingSelected,
    /// No such allotment on this license.
    #[error("unknown license type “{}”; choose one that the overview lists", crate::text::shortened(.0.as_str()))]
    UnknownAllotment(AllotmentName),
    /// A pool of minutes cannot be given to a person.
    #[error("{} is shared capacity and cannot be assigned; choose another license type", .0.label())]
    TimeBased(AllotmentName),
    /// Nobody selected has a license to remove or change.
    #[error("none of the selected people has a license; use Assign")]
    NoLicense,
    /// No such group.
    #[error("the group no longer exists; reload the list")]
    UnknownGroup,
    /// No such role.
    #[error("a selected role was deleted; reload the page and choose again")]
    UnknownRole(RoleId),
    /// More than Qlik takes.
    #[error("a group can have at most 100 roles; {0} are selected")]
    TooManyRoles(usize),
    /// The reading that it would be drawn up from is not whole.
    #[error("the tenant could not be loaded completely, so nothing can be planned from it. {0} Refresh, then plan again")]
    NotWhole(String),
    /// What a group gives may not be seen, and so not be replaced.
    #[error("the roles of {0} are not visible with this key; connect with one that can see them")]
    RolesNotVisible(String),
    /// A group cannot be called this.
    #[error("{0}")]
    GroupName(GroupNameError),
    /// Another group has the name.
    #[error("a group named “{}” exists already; choose another name", crate::text::shortened(.0))]
    GroupNameTaken(String),
    /// The name is asked for twice.
    #[error("“{}” is on the list twice; a name belongs to one group", crate::text::shortened(.0))]
    GroupNameTwice(String),
    /// Only groups made in Qlik can be renamed and described.
    #[error("{} comes from {}, which keeps its name and description; only custom groups can be edited here", crate::text::shortened(.0), .1)]
    NotCustom(String, &'static str),
    /// Qlik's own groups stay.
    #[error("{} is a system group and cannot be deleted", crate::text::shortened(.0))]
    SystemGroup(String),
    /// More than a tenant may have.
    #[error("a tenant can have at most {most} groups; with these it would have {would}", most = crate::text::thousands(crate::text::whole(MAX_GROUPS)), would = crate::text::thousands(crate::text::whole(*.0)))]
    TooManyGroups(usize),
    /// Two subjects would become one.
    #[error("both {0} and {1} would be renamed to {2}; a subject can take over from one other only")]
    TwoIntoOne(String, String, String),
    /// Everybody waits for somebody else to move first.
    #[error("these renames form a cycle, so none can go first: {}", .0.join(", "))]
    RenameCycle(Vec<String>),
    /// Old and new are one subject.
    #[error("the old and new subject differ only in upper/lower case")]
    SameSubject,
}

impl Plan {
    /// Identifies what the plan does: hex SHA-256 of its changes in order.
    pub fn hash(&self) -> String {
        let changes: Vec<&Change> = self.changes.iter().map(|planned| &planned.change).collect();
        let bytes = serde_json::to_vec(&changes).unwrap_or_default();
        Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether it changes how the tenant itself works, beside what people hold and groups give.
    pub fn changes_settings(&self) -> bool {
        self.changes.iter().any(|planned| planned.change.kind().is_setting())
    }

    /// How many changes of each kind, in the order they are sent, and about which license.
    pub fn totals(&self) -> Vec<Total> {
        let mut totals: Vec<Total> = Vec::new();
        for planned in &self.changes {
            let kind = planned.change.kind();
            let what = planned.change.what();
            match totals.iter_mut().find(|total| total.kind == kind && total.what == what) {
                Some(total) => total.rows += 1,
                None => totals.push(Total { kind, what, rows: 1 }),
            }
        }
        totals
    }

    /// What cannot be undone once it is applied, or not all of it: why, as a sentence, and how many changes.
    pub fn lasting(&self) -> Vec<(String, u64)> {
        let mut lasting: BTreeMap<String, u64> = BTreeMap::new();
        // As it will be once it is applied: what Qlik makes is known by then.
        let made = Made { id: String::new() };
        for planned in &self.changes {
            if let Undo::Partly(_, why) | Undo::Not(why) = planned.change.undo(Some(&made)) {
                *lasting.entry(why).or_default() += 1;
            }
        }
        lasting.into_iter().collect()
    }

    /// Takes over why each row is there from the plan that this one was drawn up from again.
    pub fn keep_reasons(&mut self, from: &Self) {
        let why: HashMap<&Change, &Reason> = from.changes.iter().filter_map(|p| Some((&p.change, p.why.as_ref()?))).collect();
        self.explain(|change| why.get(change).copied().cloned());
    }

    /// Says why rows are there of which nothing is said yet.
    pub fn explain(&mut self, why: impl Fn(&Change) -> Option<Reason>) {
        for planned in self.changes.iter_mut().filter(|planned| planned.why.is_none()) {
            planned.why = why(&planned.change);
        }
    }

    /// Says of rows that somebody selected, and of which nothing is said yet, what is known of them: what they hold, when they
    /// used Qlik last, how many members a group has. `how` says how they came into the plan.
    pub fn explain_by(&mut self, table: &Table, inventory: &Inventory, how: &str) {
        if self.changes.iter().all(|planned| planned.why.is_some()) {
            return;
        }
        let rows: HashMap<String, Row<'_>> = table.rows().map(|row| (text::same(row.subject()), row)).collect();
        let seen = |change: &Change| -> Option<String> {
            if let Some((subject, _)) = change.takes() {
                return reason::last_use(*rows.get(&subject.key())?);
            }
            if let Some((subject, _)) = change.gives() {
                let row = rows.get(&subject.key())?;
                return (row.allotment().is_none()).then(|| "has no license".to_owned());
            }
            let group = change.touches().groups().next().cloned()?;
            let everyone = inventory.groups.iter().any(|known| known.id == group && known.provider == Provider::System);
            let known = inventory.coverage.people.is_whole() && inventory.people.iter().all(|person| person.groups.is_some());
            let members = || inventory.people.iter().filter(|person| person.is_in(&group)).count();
            (known && !everyone).then(|| text::count(text::whole(members()), "member", "members"))
        };
        self.explain(|change| {
            let parts = [how.to_owned(), seen(change).unwrap_or_default()];
            Reason::plain(parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; "))
        });
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
