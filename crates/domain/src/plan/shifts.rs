//! Who gains and who loses a role by a plan, counted as a person has it: given directly, by any of their groups, or by a system group.
//! Whoever keeps it in another way does not lose it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::change::GroupRoles;
use crate::inventory::{GroupId, Inventory, Person, Provider, RoleId};
use crate::reach;

/// A role that a plan gives to people or takes from them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleShift {
    /// Which role.
    pub role: RoleId,
    /// Its name, or its id where it is not known.
    pub name: String,
    /// People who can sign in, have it after the plan, and do not have it now; `None` where the key may not see who has what.
    pub gain: Option<u64>,
    /// People who can sign in, have it now, and do not have it after the plan; `None` where the key may not see who has what.
    pub lose: Option<u64>,
    /// Groups that get it.
    pub added: u64,
    /// Groups that lose it.
    pub removed: u64,
}

/// The roles that these changes of groups move, by name. A group that is deleted loses all of its own.
pub(super) fn role_shifts(inventory: &Inventory, edited: &[GroupRoles]) -> Vec<RoleShift> {
    let mut moved: BTreeMap<&RoleId, (u64, u64)> = BTreeMap::new();
    for change in edited {
        change.add.iter().for_each(|role| moved.entry(role).or_default().0 += 1);
        change.remove.iter().for_each(|role| moved.entry(role).or_default().1 += 1);
    }
    if moved.is_empty() {
        return Vec::new();
    }
    let seen = reach::is_seen(inventory);
    let people = if seen { counted(inventory, edited, &moved.keys().copied().collect()) } else { HashMap::new() };
    let names = inventory.roles_by_id();
    let mut shifts: Vec<RoleShift> = moved
        .into_iter()
        .map(|(role, (added, removed))| {
            let (gain, lose) = people.get(role).copied().unwrap_or_default();
            RoleShift {
                role: role.clone(),
                name: names.get(role).map_or_else(|| role.to_string(), |role| role.name.clone()),
                gain: seen.then_some(gain),
                lose: seen.then_some(lose),
                added,
                removed,
            }
        })
        .collect();
    shifts.sort_by_cached_key(|shift| (shift.name.to_lowercase(), shift.role.clone()));
    shifts
}

/// How many people gain and lose each of these roles: one walk through everybody.
fn counted<'a>(
    inventory: &'a Inventory,
    edited: &'a [GroupRoles],
    roles: &HashSet<&'a RoleId>,
) -> HashMap<&'a RoleId, (u64, u64)> {
    let of = |all: &'a BTreeSet<RoleId>| all.iter().filter(|role| roles.contains(role)).collect::<Vec<&RoleId>>();
    let before: HashMap<&GroupId, Vec<&RoleId>> =
        inventory.groups.iter().filter_map(|group| Some((&group.id, of(group.roles.as_ref()?)))).collect();
    let mut after = before.clone();
    for change in edited {
        // A group that is made by the same plan has nobody in it yet.
        let Some(now) = after.get_mut(&change.group) else { continue };
        now.retain(|role| !change.remove.contains(*role));
        now.extend(change.add.iter());
    }
    let everyone = |gives: &HashMap<&'a GroupId, Vec<&'a RoleId>>| -> Vec<&'a RoleId> {
        let system = inventory.groups.iter().filter(|group| group.provider == Provider::System);
        system.filter_map(|group| gives.get(&group.id)).flatten().copied().collect()
    };
    let (all_before, all_after) = (everyone(&before), everyone(&after));
    let mut counted: HashMap<&RoleId, (u64, u64)> = HashMap::new();
    for person in inventory.people.iter().filter(|person| !person.is_shut_out()) {
        let has = |gives: &HashMap<&'a GroupId, Vec<&'a RoleId>>, all: &[&'a RoleId]| -> HashSet<&'a RoleId> {
            let Person { roles: direct, groups, .. } = person;
            let direct = direct.iter().flatten().filter(|role| roles.contains(role));
            let by_groups = groups.iter().flatten().filter_map(|id| gives.get(id)).flatten().copied();
            direct.chain(by_groups).chain(all.iter().copied()).collect()
        };
        let (was, is) = (has(&before, &all_before), has(&after, &all_after));
        is.difference(&was).for_each(|role| counted.entry(role).or_default().0 += 1);
        was.difference(&is).for_each(|role| counted.entry(role).or_default().1 += 1);
    }
    counted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::inventory::{Group, Role, RoleLevel, UserId};
    use crate::subject::Subject;

    fn ids(numbers: &BTreeSet<u8>) -> BTreeSet<RoleId> {
        numbers.iter().map(|n| RoleId::new(n.to_string())).collect()
    }

    fn group(n: u8, roles: &BTreeSet<u8>) -> Group {
        Group {
            id: GroupId::new(n.to_string()),
            name: format!("group {n}"),
            description: String::new(),
            status: "active".into(),
            // The first is everybody.
            provider: if n == 0 { Provider::System } else { Provider::Custom },
            roles: Some(ids(roles)),
            created: String::new(),
            created_by: String::new(),
            updated: String::new(),
        }
    }

    prop_compose! {
        fn tenant()(
            groups in proptest::collection::vec(proptest::collection::btree_set(0_u8..5, 0..4), 4),
            people in proptest::collection::vec(
                (proptest::collection::btree_set(0_u8..5, 0..3), proptest::collection::btree_set(1_u8..4, 0..3), any::<bool>()), 0..12),
        ) -> Inventory {
            Inventory {
                groups: groups.iter().zip(0..).map(|(roles, n)| group(n, roles)).collect(),
                people: people.into_iter().zip(0..).map(|((roles, groups, off), n): (_, u8)| Person {
                    id: UserId::new(n.to_string()), subject: Subject::new(format!("m\\{n}")), name: String::new(), email: String::new(),
                    status: if off { "disabled" } else { "active" }.into(), roles: Some(ids(&roles)),
                    groups: Some(groups.iter().map(|n| GroupId::new(n.to_string())).collect()),
                }).collect(),
                roles: (0..5_u8).map(|n| Role {
                    id: RoleId::new(n.to_string()), name: format!("role {n}"), description: String::new(), custom: true,
                    level: RoleLevel::User, raises_entitlement: false, permissions: Vec::new(),
                }).collect(),
                ..Inventory::default()
            }
        }
    }

    /// What somebody has, told person by person and role by role.
    fn has(inventory: &Inventory, person: &Person, role: &RoleId) -> bool {
        person.roles.as_ref().is_some_and(|roles| roles.contains(role))
            || inventory.groups.iter().any(|group| {
                (group.provider == Provider::System || person.is_in(&group.id))
                    && group.roles.as_ref().is_some_and(|roles| roles.contains(role))
            })
    }

    proptest! {
        #[test]
        fn as_a_naive_count_has_it(
            before in tenant(),
            wanted in proptest::collection::btree_map(0_u8..4, proptest::collection::btree_set(0_u8..5, 0..4), 0..4),
        ) {
            let edited: Vec<GroupRoles> = wanted.iter().map(|(n, roles)| {
                let group = &before.groups[usize::from(*n)];
                GroupRoles::between(group.id.clone(), group.name.clone(), group.roles.as_ref().unwrap_or(&BTreeSet::new()), &ids(roles))
            }).collect();
            let mut after = before.clone();
            for (n, roles) in &wanted {
                after.groups[usize::from(*n)].roles = Some(ids(roles));
            }
            let shifts = role_shifts(&before, &edited);
            for role in before.roles.iter().map(|role| &role.id) {
                let count = |from: &Inventory, to: &Inventory| {
                    let people = before.people.iter().filter(|person| !person.is_shut_out());
                    people.filter(|person| !has(from, person, role) && has(to, person, role)).count() as u64
                };
                let (gain, lose) = (count(&before, &after), count(&after, &before));
                match shifts.iter().find(|shift| shift.role == *role) {
                    Some(shift) => prop_assert_eq!((shift.gain, shift.lose), (Some(gain), Some(lose))),
                    None => prop_assert_eq!((gain, lose), (0, 0)),
                }
            }
        }
    }

    #[test]
    fn what_may_not_be_seen_is_not_counted() {
        let tenant = |groups| Inventory {
            groups: vec![group(1, &[].into())],
            people: vec![Person {
                id: UserId::new("1"),
                subject: Subject::new("m\\1"),
                name: String::new(),
                email: String::new(),
                status: "active".into(),
                roles: Some(BTreeSet::new()),
                groups,
            }],
            ..Inventory::default()
        };
        let edited = [GroupRoles::between(GroupId::new("1"), "group 1".into(), &BTreeSet::new(), &ids(&[3].into()))];
        let shift = |groups| role_shifts(&tenant(groups), &edited).remove(0);
        assert_eq!((shift(None).gain, shift(None).name.as_str()), (None, "3"));
        assert_eq!(shift(Some([GroupId::new("1")].into())).gain, Some(1));
    }
}
