//! Where a tenant stands towards a change, and what it is after one.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::Change;
use crate::allotment::AllotmentName;
use crate::inventory::{Assignment, AutoAssign, GroupId, GroupSettings, Inventory, RoleId};
use crate::subject::Subject;

/// The part of a tenant that changes touch: enough to apply them in thought, and to see where one stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holdings {
    /// (subject without case, allotment).
    pub held: BTreeSet<(String, AllotmentName)>,
    /// Roles by group; `None` where they may not be seen.
    pub groups: BTreeMap<GroupId, Option<BTreeSet<RoleId>>>,
    /// License settings.
    pub auto_assign: AutoAssign,
    /// Group settings.
    pub group_settings: GroupSettings,
}

/// Where the tenant stands towards a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    /// As the change wants it.
    Wanted,
    /// As the change expects to find it.
    Before,
    /// Neither: somebody else wrote.
    Neither,
    /// It may not be seen, so nobody can tell.
    Unseen,
}

impl Holdings {
    /// The holdings of an inventory.
    pub fn of(inventory: &Inventory) -> Self {
        Self {
            held: inventory.assignments.iter().map(|a| (a.subject.key(), a.allotment.clone())).collect(),
            groups: inventory.groups.iter().map(|group| (group.id.clone(), group.roles.clone())).collect(),
            auto_assign: inventory.auto_assign,
            group_settings: inventory.group_settings,
        }
    }

    pub(super) fn holds(&self, subject: &Subject, allotment: &AllotmentName) -> bool {
        self.held.contains(&(subject.key(), allotment.clone()))
    }

    /// Compares the tenant with a change.
    pub fn stand(&self, change: &Change) -> Stand {
        let stand = |wanted: bool, before: bool| match (wanted, before) {
            (true, _) => Stand::Wanted,
            (false, true) => Stand::Before,
            (false, false) => Stand::Neither,
        };
        match change {
            Change::Assign { subject, allotment } => {
                let holds = self.holds(subject, allotment);
                stand(holds, !holds)
            }
            Change::Remove { subject, allotment } => {
                let holds = self.holds(subject, allotment);
                stand(!holds, holds)
            }
            Change::ChangeType { subject, from, to } => {
                let (old, new) = (self.holds(subject, from), self.holds(subject, to));
                stand(new && !old, old && !new)
            }
            Change::Rename { from, to, allotments } => {
                let all = |subject: &Subject, wanted: bool| allotments.iter().all(|a| self.holds(subject, a) == wanted);
                stand(all(to, true) && all(from, false), all(from, true) && all(to, false))
            }
            Change::GroupRoles { group, before, after, .. } => match self.groups.get(group) {
                Some(Some(now)) => stand(now == after, now == before),
                Some(None) => Stand::Unseen,
                None => Stand::Neither,
            },
            Change::AutoAssign { before, after } => stand(self.auto_assign == *after, self.auto_assign == *before),
            Change::GroupSettings { before, after } => stand(self.group_settings == *after, self.group_settings == *before),
        }
    }

    /// Applies a change in thought.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Assign { subject, allotment } => {
                self.held.insert((subject.key(), allotment.clone()));
            }
            Change::Remove { subject, allotment } => {
                self.held.remove(&(subject.key(), allotment.clone()));
            }
            Change::ChangeType { subject, from, to } => {
                self.held.remove(&(subject.key(), from.clone()));
                self.held.insert((subject.key(), to.clone()));
            }
            Change::Rename { from, to, allotments } => {
                for allotment in allotments {
                    self.held.remove(&(from.key(), allotment.clone()));
                    self.held.insert((to.key(), allotment.clone()));
                }
            }
            Change::GroupRoles { group, after, .. } => {
                self.groups.insert(group.clone(), Some(after.clone()));
            }
            Change::AutoAssign { after, .. } => self.auto_assign = *after,
            Change::GroupSettings { after, .. } => self.group_settings = *after,
        }
    }
}

/// The inventory as it is once these changes are made, at `now` (ISO 8601 UTC): what a portal may show until it has read again.
#[must_use]
pub fn carried_out<'a>(inventory: &Inventory, changes: impl IntoIterator<Item = &'a Change>, now: &str) -> Inventory {
    let mut after = inventory.clone();
    let mut held: BTreeMap<(String, AllotmentName), Assignment> =
        after.assignments.drain(..).map(|a| ((a.subject.key(), a.allotment.clone()), a)).collect();
    let mut used: BTreeMap<AllotmentName, i64> = BTreeMap::new();
    let give = |held: &mut BTreeMap<(String, AllotmentName), Assignment>,
                used: &mut BTreeMap<_, i64>,
                subject: &Subject,
                allotment: &AllotmentName,
                created| {
        let assignment = Assignment { subject: subject.clone(), allotment: allotment.clone(), excess: false, created };
        // Whoever holds it already keeps it as it is: applied twice, a change does no more than once.
        if let Entry::Vacant(place) = held.entry((subject.key(), allotment.clone())) {
            place.insert(assignment);
            *used.entry(allotment.clone()).or_default() += 1;
        }
    };
    let take = |held: &mut BTreeMap<(String, AllotmentName), Assignment>,
                used: &mut BTreeMap<_, i64>,
                subject: &Subject,
                allotment: &AllotmentName| {
        let taken = held.remove(&(subject.key(), allotment.clone()))?;
        *used.entry(allotment.clone()).or_default() -= 1;
        Some(taken)
    };
    for change in changes {
        match change {
            Change::Assign { subject, allotment } => give(&mut held, &mut used, subject, allotment, now.to_owned()),
            Change::Remove { subject, allotment } => {
                take(&mut held, &mut used, subject, allotment);
            }
            Change::ChangeType { subject, from, to } => {
                take(&mut held, &mut used, subject, from);
                give(&mut held, &mut used, subject, to, now.to_owned());
            }
            Change::Rename { from, to, allotments } => {
                for allotment in allotments {
                    // It moves, and is as old as it was. What has moved already stays as it is.
                    if let Some(moved) = take(&mut held, &mut used, from, allotment) {
                        give(&mut held, &mut used, to, allotment, moved.created);
                    }
                }
            }
            Change::GroupRoles { group, after: roles, .. } => {
                if let Some(group) = after.groups.iter_mut().find(|one| one.id == *group) {
                    group.roles = Some(roles.clone());
                }
            }
            Change::AutoAssign { after: settings, .. } => after.auto_assign = *settings,
            Change::GroupSettings { after: settings, .. } => after.group_settings = *settings,
        }
    }
    for allotment in &mut after.allotments {
        allotment.used += used.get(&allotment.name).copied().unwrap_or(0);
    }
    after.assignments = held.into_values().collect();
    after
}
