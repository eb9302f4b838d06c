//! What could go wrong by a plan, and what has to be typed before it is applied: that follows from what is lost, given or paid,
//! not from the verb.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::{Deserialize, Serialize};

use super::seats::SeatChange;
use super::shifts::{RoleShift, role_shifts};
use super::warning::Raised;
use super::{Plan, PlanContext, Warning};
use crate::allotment::{Allotment, AllotmentName};
use crate::change::GroupRoles;
use crate::inventory::{GroupId, Inventory, Person, Provider, RoleId, RoleLevel};
use crate::text::{and_list, count, thousands, whole};

/// What could go wrong, and for how many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Risk {
    /// People become admins of the tenant who are none now.
    MakesAdmins {
        /// How many; `None` where the key may not see who is in the group.
        people: Option<u64>,
        /// Groups that get an admin-level role.
        groups: u64,
        /// The roles.
        roles: Vec<String>,
    },
    /// People are admins of the tenant no longer.
    TakesAdmins {
        /// How many; `None` where the key may not see who is in the group.
        people: Option<u64>,
        /// Groups that lose an admin-level role.
        groups: u64,
        /// Nobody would have full control any more, as far as this key sees.
        last: bool,
    },
    /// What each user of the tenant may do changes.
    Everyone {
        /// How many users.
        people: u64,
    },
    /// Groups are deleted, with the roles that they give.
    DeletesGroups {
        /// How many.
        groups: u64,
        /// People who are in them; `None` where the key may not see that.
        people: Option<u64>,
    },
    /// Groups lose roles because a file that is the wanted state of all does not name them.
    RolesOfTheRest {
        /// Groups that lose any.
        groups: u64,
        /// How many roles they lose, each counted for each group.
        roles: u64,
    },
    /// Licenses are taken, or changed for lesser ones.
    Losses {
        /// How many.
        rows: u64,
    },
    /// Seats are used beyond those paid for.
    Overage {
        /// How many more than now.
        seats: u64,
    },
    /// From now on people get a license by signing in.
    AutoAssign {
        /// People who have none now and could.
        people: u64,
    },
}

/// From which number on a risk has to be confirmed by typing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Licenses lost, or people in groups that are deleted.
    pub losses: u64,
    /// Groups deleted.
    pub groups: u64,
    /// Seats in overage.
    pub overage: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { losses: 50, groups: 10, overage: 10 }
    }
}

/// What has to be typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The number.
    pub number: u64,
    /// What it stands for: the rest of “Type 96 to …”.
    pub what: String,
}

impl Confirmation {
    /// Whether this is what was typed, with or without separators.
    pub fn is(&self, typed: &str) -> bool {
        typed.chars().filter(|c| !c.is_whitespace() && !matches!(c, ',' | '.' | '\'' | '’')).collect::<String>()
            == self.number.to_string()
    }
}

impl Plan {
    /// What has to be typed before the plan is applied, the gravest first; nothing where it is small and harmless.
    pub fn confirmation(&self, limits: Limits) -> Option<Confirmation> {
        let said = |risk: &Risk| -> Option<(u8, Confirmation)> {
            let (weight, number, what) = match risk {
                Risk::TakesAdmins { people, groups, last } => {
                    let number = people.unwrap_or(*groups);
                    let of = match people {
                        Some(people) => format!("from {}", count(whole(*people), "person", "people")),
                        None => format!("from the members of {}", count(whole(*groups), "group", "groups")),
                    };
                    let what = format!("remove admin rights {of}");
                    (if *last { 0 } else { 2 }, number, what)
                }
                Risk::MakesAdmins { people, groups, roles } => {
                    let number = people.unwrap_or(*groups);
                    let whom = match people {
                        Some(people) => count(whole(*people), "person", "people"),
                        None => format!("the members of {}", count(whole(*groups), "group", "groups")),
                    };
                    (1, number, format!("give {} to {whom}", and_list(roles)))
                }
                Risk::Everyone { people } => {
                    (3, *people, format!("change what {} can do", count(whole(*people), "user", "users")))
                }
                Risk::DeletesGroups { groups, people }
                    if *groups >= limits.groups || people.is_none_or(|people| people >= limits.losses) =>
                {
                    let of = match people {
                        Some(people) => format!(" with {}", count(whole(*people), "member", "members")),
                        None => String::new(),
                    };
                    // Whichever says how much it is.
                    let number = people.unwrap_or_default().max(*groups);
                    (4, number, format!("delete {}{of}", count(whole(*groups), "group", "groups")))
                }
                Risk::RolesOfTheRest { groups, roles } => {
                    let of = count(whole(*groups), "group", "groups");
                    (3, *roles, format!("remove {} from {of}", count(whole(*roles), "role", "roles")))
                }
                Risk::Losses { rows } if *rows >= limits.losses || (self.removes_the_rest && *rows > 0) => {
                    (5, *rows, format!("remove or lower {}", count(whole(*rows), "license", "licenses")))
                }
                Risk::Overage { seats } if *seats >= limits.overage => (
                    6,
                    *seats,
                    format!("use {} in overage, which may be billed", count(whole(*seats), "more seat", "more seats")),
                ),
                Risk::AutoAssign { people } => {
                    let whom = count(whole(*people), "person", "people");
                    (7, *people, format!("automatically assign a license to {whom} without one at sign-in"))
                }
                Risk::DeletesGroups { .. } | Risk::Losses { .. } | Risk::Overage { .. } => return None,
            };
            (number > 0).then_some((weight, Confirmation { number, what }))
        };
        let mut found: Vec<(u8, Confirmation)> = self.risks.iter().filter_map(said).collect();
        found.sort_by_key(|(weight, _)| *weight);
        let mut found = found.into_iter().map(|(_, confirmation)| confirmation);
        let mut first = found.next()?;
        for other in found {
            // One number is typed; what else it stands for is said.
            first.what = format!("{}, and {} ({})", first.what, other.what, thousands(whole(other.number)));
        }
        Some(first)
    }
}

impl Plan {
    /// What the plan takes, where whoever applies it should confirm that it is them: licenses of at least `least` people, or the rights
    /// of everybody. Nothing where it does neither, or `least` is 0.
    pub fn takes(&self, least: u32) -> Option<String> {
        if least == 0 {
            return None;
        }
        self.risks.iter().find_map(|risk| match risk {
            Risk::Losses { rows } if *rows >= u64::from(least) => {
                Some(format!("this plan takes licenses from {}", count(whole(*rows), "person", "people")))
            }
            Risk::Everyone { people } => {
                Some(format!("this plan changes what {} can do", count(whole(*people), "user", "users")))
            }
            _ => None,
        })
    }

    /// Says in the warning how many people lose the tenant's administration, and loudly where nobody would be left.
    pub(super) fn count_admins(&mut self) {
        for risk in &self.risks {
            let Risk::TakesAdmins { people: lost, last, .. } = risk else { continue };
            for warning in &mut self.warnings {
                if let Warning::AdminRolesTaken { people, .. } = warning {
                    *people = *lost;
                }
            }
            if *last {
                self.warnings.insert(0, Warning::LastAdmin);
            }
        }
    }
}

/// Who has one of these roles, such as those of admins, as far as the key sees, if groups give these roles.
fn admins<'a>(
    inventory: &'a Inventory,
    groups: &BTreeMap<&GroupId, BTreeSet<RoleId>>,
    roles: &HashSet<&RoleId>,
) -> HashSet<&'a str> {
    let by_group: HashSet<&GroupId> =
        groups.iter().filter(|(_, gives)| gives.iter().any(|id| roles.contains(id))).map(|(id, _)| *id).collect();
    let everyone = inventory.groups.iter().any(|group| group.provider == Provider::System && by_group.contains(&group.id));
    let is = |person: &&Person| {
        everyone
            || person.roles.iter().flatten().any(|id| roles.contains(id))
            || person.groups.iter().flatten().any(|id| by_group.contains(id))
    };
    inventory.people.iter().filter(|person| !person.is_shut_out()).filter(is).map(|person| person.id.as_str()).collect()
}

/// What could go wrong by the changes of a plan, as each of them says it.
#[derive(Debug, Default)]
pub struct Risks<'a> {
    losses: u64,
    at_sign_in: Vec<u64>,
    edited: Vec<GroupRoles>,
    deleted: Vec<&'a GroupId>,
}

impl<'a> Risks<'a> {
    /// A license is taken, or changed for a lesser one.
    pub fn loss(&mut self) {
        self.losses += 1;
    }

    /// From now on people get a license by signing in: those who can, and have none.
    pub fn given_at_sign_in(&mut self, of: &PlanContext<'a>) {
        let without = |person: &&Person| !person.is_shut_out() && !of.holders.contains(&person.subject.key());
        self.at_sign_in.push(of.inventory.people.iter().filter(without).count() as u64);
    }

    /// A group gets and loses roles.
    pub fn roles(&mut self, _: &PlanContext<'a>, change: GroupRoles) {
        self.edited.push(change);
    }

    /// A group is deleted.
    pub fn group_goes(&mut self, group: &'a GroupId) {
        self.deleted.push(group);
    }

    /// Who gains and who loses which role.
    pub(super) fn role_shifts(&self, inventory: &Inventory) -> Vec<RoleShift> {
        role_shifts(inventory, &self.edited)
    }

    /// Who becomes a Full user by the roles that are given; nothing where that is not visible.
    pub(super) fn raised(&self, inventory: &Inventory) -> Option<Raised> {
        const FULL: &str = "fullUser";
        let seen = inventory.coverage.people.is_whole()
            && inventory.coverage.licenses.is_whole()
            && inventory.people.iter().all(|person| person.groups.is_some() && person.roles.is_some());
        if !seen {
            return None;
        }
        let raising: HashSet<&RoleId> =
            inventory.roles.iter().filter(|role| role.raises_entitlement).map(|role| &role.id).collect();
        let (before, after) = given(inventory, &self.edited);
        let had = admins(inventory, &before, &raising);
        let new: HashSet<&str> = admins(inventory, &after, &raising).difference(&had).copied().collect();
        let full = AllotmentName::new(FULL);
        let holders: HashSet<String> =
            inventory.assignments.iter().filter(|a| a.allotment == full).map(|a| a.subject.key()).collect();
        let without = inventory
            .people
            .iter()
            .filter(|person| new.contains(person.id.as_str()) && !holders.contains(&person.subject.key()))
            .count();
        let allotment = inventory.allotment(&full);
        Some(Raised {
            people: new.len() as u64,
            without: without as u64,
            seats: allotment.map(Allotment::seats),
            used: allotment.map_or(0, |allotment| allotment.used),
        })
    }

    /// The risks; `seats` is what the plan does to the seats.
    pub(super) fn finish(self, inventory: &Inventory, seats: &[SeatChange]) -> Vec<Risk> {
        let mut risks = Vec::new();
        if self.losses > 0 {
            risks.push(Risk::Losses { rows: self.losses });
        }
        let entered: i64 = seats.iter().map(SeatChange::enters_overage).sum();
        if entered > 0 {
            risks.push(Risk::Overage { seats: u64::try_from(entered).unwrap_or(0) });
        }
        risks.extend(self.at_sign_in.into_iter().map(|people| Risk::AutoAssign { people }));
        risks.extend(role_risks(inventory, &self.edited));
        if !self.deleted.is_empty() {
            risks.push(deletions(inventory, &self.deleted));
        }
        risks
    }
}

/// What groups lose by a plan whose file is the wanted state of all of them.
pub(super) fn roles_of_the_rest(changes: &[super::PlannedChange]) -> Option<Risk> {
    let taken: Vec<u64> = changes.iter().map(|planned| planned.change.roles_lost()).filter(|roles| *roles > 0).collect();
    (!taken.is_empty()).then(|| Risk::RolesOfTheRest { groups: taken.len() as u64, roles: taken.iter().sum() })
}

/// What deleting groups takes from people.
fn deletions(inventory: &Inventory, groups: &[&GroupId]) -> Risk {
    let seen = inventory.coverage.people.is_whole() && inventory.people.iter().all(|person| person.groups.is_some());
    let gone: HashSet<&GroupId> = groups.iter().copied().collect();
    let is_in = |person: &&Person| person.groups.iter().flatten().any(|id| gone.contains(id));
    let people = seen.then(|| inventory.people.iter().filter(is_in).count() as u64);
    Risk::DeletesGroups { groups: groups.len() as u64, people }
}

/// The roles that each group gives, as far as they are visible.
type Given<'a> = BTreeMap<&'a GroupId, BTreeSet<RoleId>>;

/// The roles that groups give now, and once all these changes are made.
fn given<'a>(inventory: &'a Inventory, edited: &'a [GroupRoles]) -> (Given<'a>, Given<'a>) {
    let before: Given<'a> = inventory.groups.iter().filter_map(|group| Some((&group.id, group.roles.clone()?))).collect();
    let mut after = before.clone();
    for change in edited {
        let now = after.get(&change.group).unwrap_or(&change.seen);
        let roles = change.on(now);
        after.insert(&change.group, roles);
    }
    (before, after)
}

/// Who becomes an admin of the tenant, and who is one no longer, once all these changes are made.
fn role_risks(inventory: &Inventory, edited: &[GroupRoles]) -> Vec<Risk> {
    if edited.is_empty() {
        return Vec::new();
    }
    let (before, after) = given(inventory, edited);
    let admin: HashSet<&RoleId> =
        inventory.roles.iter().filter(|role| role.level == RoleLevel::Admin).map(|role| &role.id).collect();
    let full: HashSet<&RoleId> =
        inventory.roles.iter().filter(|role| role.name == "TenantAdmin" && !role.custom).map(|role| &role.id).collect();
    let is_admin = |id: &&RoleId| admin.contains(*id);
    let given: BTreeSet<&RoleId> = edited.iter().flat_map(|change| &change.add).filter(is_admin).collect();
    let groups_given = edited.iter().filter(|change| change.add.iter().any(|id| admin.contains(id))).count() as u64;
    let groups_taken = edited.iter().filter(|change| change.remove.iter().any(|id| admin.contains(id))).count() as u64;
    // Who is in which group, and who is admin by what else, can be counted only where all of it is seen.
    let seen = inventory.coverage.people.is_whole()
        && inventory.people.iter().all(|person| person.groups.is_some() && person.roles.is_some());
    let mut risks = Vec::new();
    if groups_given > 0 {
        // Whoever gets an admin-level role they do not have in any other way.
        let new: HashSet<&RoleId> = given.iter().copied().collect();
        let gain = admins(inventory, &after, &new).difference(&admins(inventory, &before, &new)).count() as u64;
        let names = inventory.roles.iter().filter(|role| given.contains(&role.id)).map(|role| role.name.clone()).collect();
        risks.push(Risk::MakesAdmins { people: seen.then_some(gain), groups: groups_given, roles: names });
    }
    if groups_taken > 0 {
        let (was, is) = (admins(inventory, &before, &admin), admins(inventory, &after, &admin));
        let lost = was.difference(&is).count() as u64;
        let last = !admins(inventory, &before, &full).is_empty() && admins(inventory, &after, &full).is_empty();
        risks.push(Risk::TakesAdmins { people: seen.then_some(lost), groups: groups_taken, last });
    }
    let system = |id: &GroupId| inventory.group(id).is_some_and(|group| group.provider == Provider::System);
    if edited.iter().any(|change| system(&change.group)) {
        let people = inventory.people.iter().filter(|person| !person.is_shut_out()).count() as u64;
        risks.push(Risk::Everyone { people });
    }
    risks
}
