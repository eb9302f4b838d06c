//! Drift: how the groups and roles of a tenant were at a moment, what differs between two moments, and how little of it has to be
//! kept: each reading as the step from the one before.

#[cfg(test)]
mod tests;
mod wire;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::inventory::{Group, GroupId, Inventory, Part, Provider, Role, RoleId, RoleLevel};

pub use wire::Unreadable;

/// A group as it was: what somebody decides of it, without what Qlik counts.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct GroupThen {
    /// Its name.
    pub name: String,
    /// May be empty.
    pub description: String,
    /// `active` or `disabled`.
    pub status: String,
    /// Where it came from.
    pub provider: Provider,
    /// The roles it gave.
    pub roles: BTreeSet<RoleId>,
}

impl GroupThen {
    /// A group as it is; nothing where the key may not see its roles.
    fn of(group: &Group) -> Option<Self> {
        Some(Self {
            name: group.name.clone(),
            description: group.description.clone(),
            status: group.status.clone(),
            provider: group.provider,
            roles: group.roles.clone()?,
        })
    }
}

/// A role as it was.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RoleThen {
    /// Its name.
    pub name: String,
    /// May be empty.
    pub description: String,
    /// Who it was made for.
    pub level: RoleLevel,
    /// Made in the tenant rather than by Qlik.
    pub custom: bool,
}

impl RoleThen {
    fn of(role: &Role) -> Self {
        Self { name: role.name.clone(), description: role.description.clone(), level: role.level, custom: role.custom }
    }
}

/// All groups, Qlik's own included, and all roles of a tenant at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    /// Groups by id.
    pub groups: BTreeMap<GroupId, GroupThen>,
    /// Roles by id.
    pub roles: BTreeMap<RoleId, RoleThen>,
}

impl State {
    /// The state that a reading shows; nothing where it did not show all: what is not visible must not be kept as if it were gone.
    pub fn of(inventory: &Inventory) -> Option<Self> {
        if !shows_all(inventory) {
            return None;
        }
        Some(Self {
            groups: inventory
                .groups
                .iter()
                .map(|group| Some((group.id.clone(), GroupThen::of(group)?)))
                .collect::<Option<_>>()?,
            roles: inventory.roles.iter().map(|role| (role.id.clone(), RoleThen::of(role))).collect(),
        })
    }

    /// Goes a step on.
    pub fn take(&mut self, step: Step) {
        for (id, now) in step.groups {
            match now {
                Some(now) => self.groups.insert(id, now),
                None => self.groups.remove(&id),
            };
        }
        for (id, now) in step.roles {
            match now {
                Some(now) => self.roles.insert(id, now),
                None => self.roles.remove(&id),
            };
        }
    }
}

/// What is different in a state from the one before: each thing as it is then, nothing where it is gone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Step {
    /// Groups that came, went or changed.
    pub groups: Vec<(GroupId, Option<GroupThen>)>,
    /// Roles likewise.
    pub roles: Vec<(RoleId, Option<RoleThen>)>,
}

impl Step {
    /// From one state to another.
    pub fn between(then: &State, now: &State) -> Self {
        fn changed<I, T>(differing: Vec<Differs<I, T>>) -> Vec<(I, Option<T>)> {
            differing.into_iter().map(|differs| (differs.id, differs.now)).collect()
        }
        Self { groups: changed(differing(&then.groups, &now.groups)), roles: changed(differing(&then.roles, &now.roles)) }
    }

    /// How many groups and roles it is about.
    pub fn len(&self) -> usize {
        self.groups.len() + self.roles.len()
    }

    /// Whether nothing is different.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Something that was one way and is another; it came where there is no `then`, and went where there is no `now`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differs<I, T> {
    /// Which one.
    pub id: I,
    /// How it was.
    pub then: Option<T>,
    /// How it is.
    pub now: Option<T>,
}

/// What differs between two states, in the order of ids.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Drift {
    /// Groups.
    pub groups: Vec<Differs<GroupId, GroupThen>>,
    /// Roles.
    pub roles: Vec<Differs<RoleId, RoleThen>>,
}

impl Drift {
    /// Compares two states. A group that went and came again under its name, with another id, is the same group to people: it
    /// differs where something else of it does.
    pub fn between(then: &State, now: &State) -> Self {
        let mut groups = differing(&then.groups, &now.groups);
        let gone: HashMap<(&str, Provider), &GroupThen> = then
            .groups
            .iter()
            .filter(|(id, _)| !now.groups.contains_key(*id))
            .map(|(_, group)| ((group.name.as_str(), group.provider), group))
            .collect();
        let mut again: HashSet<(String, Provider)> = HashSet::new();
        for differs in &mut groups {
            if let (None, Some(is)) = (&differs.then, &differs.now)
                && let Some(was) = gone.get(&(is.name.as_str(), is.provider))
            {
                again.insert((is.name.clone(), is.provider));
                differs.then = Some((*was).clone());
            }
        }
        groups.retain(|differs| match (&differs.then, &differs.now) {
            (Some(was), None) => !again.contains(&(was.name.clone(), was.provider)),
            (was, is) => was != is,
        });
        Self { groups, roles: differing(&then.roles, &now.roles) }
    }
}

fn differing<I: Ord + Clone, T: PartialEq + Clone>(then: &BTreeMap<I, T>, now: &BTreeMap<I, T>) -> Vec<Differs<I, T>> {
    let mut differing: Vec<Differs<I, T>> = Vec::new();
    for (id, was) in then {
        let is = now.get(id);
        if is != Some(was) {
            differing.push(Differs { id: id.clone(), then: Some(was.clone()), now: is.cloned() });
        }
    }
    let came = now.iter().filter(|(id, _)| !then.contains_key(id));
    differing.extend(came.map(|(id, is)| Differs { id: id.clone(), then: None, now: Some(is.clone()) }));
    differing.sort_by(|a, b| a.id.cmp(&b.id));
    differing
}

/// How many groups of a tenant differ from a state; nothing where not all of them are visible.
pub fn count_differing(then: &State, inventory: &Inventory) -> Option<u64> {
    Some(Drift::between(then, &State::of(inventory)?).groups.len() as u64)
}

/// Whether a reading has all groups and roles there are.
fn shows_all(inventory: &Inventory) -> bool {
    let coverage = &inventory.coverage;
    [coverage.groups, coverage.system_groups, coverage.roles].into_iter().all(Part::is_whole)
}
