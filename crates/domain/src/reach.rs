//! Who has which role in which way: directly, by a group, or by being a user of the tenant. People are those who can sign in;
//! where the key may not see who has what, nothing is counted.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::inventory::{Group, GroupId, Inventory, Person, Provider, RoleId};

/// Whether everything is visible that says who has which role.
pub fn is_seen(inventory: &Inventory) -> bool {
    let coverage = &inventory.coverage;
    // A group that was not read may give anything.
    coverage.people.is_whole()
        && coverage.groups.is_whole()
        && coverage.system_groups.is_whole()
        && inventory.people.iter().all(|person| person.groups.is_some() && person.roles.is_some())
        && inventory.groups.iter().all(|group| group.roles.is_some())
}

/// How far a role reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reach {
    /// Groups that give it, Qlik's own included.
    pub groups: u64,
    /// Groups of which that may not be seen.
    pub hidden: u64,
    /// People who have it in any way; `None` where that cannot be seen.
    pub people: Option<u64>,
    /// Of those, people who have it directly, whatever their groups give.
    pub direct: Option<u64>,
}

/// How far each role of the tenant reaches. One walk through everybody, however many roles there are.
pub fn reach(inventory: &Inventory) -> BTreeMap<&RoleId, Reach> {
    let hidden = inventory.groups.iter().filter(|group| group.roles.is_none()).count() as u64;
    let seen = is_seen(inventory);
    let counted = seen.then_some(0);
    let mut reach: BTreeMap<&RoleId, Reach> =
        inventory.roles.iter().map(|role| (&role.id, Reach { groups: 0, hidden, people: counted, direct: counted })).collect();
    for role in inventory.groups.iter().flat_map(|group| group.roles.iter().flatten()) {
        if let Some(reach) = reach.get_mut(role) {
            reach.groups += 1;
        }
    }
    if !seen {
        return reach;
    }
    let gives = gives(inventory);
    let everyone: HashSet<&RoleId> = everyone(inventory).flat_map(|group| group.roles.iter().flatten()).collect();
    let (mut people, mut direct): (HashMap<&RoleId, u64>, HashMap<&RoleId, u64>) = (HashMap::new(), HashMap::new());
    let mut all = 0;
    for person in can_sign_in(inventory) {
        all += 1;
        let own = person.roles.iter().flatten();
        for role in own.clone() {
            *direct.entry(role).or_default() += 1;
        }
        let by_groups = person.groups.iter().flatten().filter_map(|id| gives.get(id)).flat_map(|roles| roles.iter());
        let has: HashSet<&RoleId> = own.chain(by_groups).filter(|role| !everyone.contains(role)).collect();
        for role in has {
            *people.entry(role).or_default() += 1;
        }
    }
    for (role, reach) in &mut reach {
        reach.people = Some(if everyone.contains(role) { all } else { people.get(role).copied().unwrap_or(0) });
        reach.direct = Some(direct.get(role).copied().unwrap_or(0));
    }
    reach
}

/// A group that gives a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Giver {
    /// Which group.
    pub group: GroupId,
    /// People who are in it; `None` where that cannot be seen.
    pub members: Option<u64>,
    /// Of those, people who have the role in no other way, and would lose it.
    pub only_here: Option<u64>,
}

/// Who gives a role, in the order of the inventory's groups.
pub fn givers(inventory: &Inventory, role: &RoleId) -> Vec<Giver> {
    let giving: Vec<&Group> =
        inventory.groups.iter().filter(|group| group.roles.as_ref().is_some_and(|roles| roles.contains(role))).collect();
    let seen = is_seen(inventory);
    let mut found: Vec<Giver> = giving
        .iter()
        .map(|group| Giver { group: group.id.clone(), members: seen.then_some(0), only_here: seen.then_some(0) })
        .collect();
    if !seen {
        return found;
    }
    let places: HashMap<&GroupId, usize> = giving.iter().enumerate().map(|(at, group)| (&group.id, at)).collect();
    let system: Vec<usize> =
        giving.iter().enumerate().filter(|(_, group)| group.provider == Provider::System).map(|(at, _)| at).collect();
    for person in can_sign_in(inventory) {
        let direct = person.roles.as_ref().is_some_and(|roles| roles.contains(role));
        let own = person.groups.iter().flatten().filter_map(|id| places.get(id)).copied();
        let ways: BTreeSet<usize> = own.chain(system.iter().copied()).collect();
        let only = !direct && ways.len() == 1;
        for at in ways {
            if let Some(Giver { members: Some(members), only_here: Some(only_here), .. }) = found.get_mut(at) {
                *members += 1;
                *only_here += u64::from(only);
            }
        }
    }
    found
}

/// Of each role that a group gives, how many people have it by that group alone; `None` where that cannot be seen.
pub fn only_by<'a>(inventory: &'a Inventory, group: &'a Group) -> Option<HashMap<&'a RoleId, u64>> {
    if !is_seen(inventory) {
        return None;
    }
    let mut only: HashMap<&RoleId, u64> = group.roles.iter().flatten().map(|role| (role, 0)).collect();
    let gives = gives(inventory);
    let elsewhere: HashSet<&RoleId> =
        everyone(inventory).filter(|other| other.id != group.id).flat_map(|other| other.roles.iter().flatten()).collect();
    let is_in = |person: &&Person| group.provider == Provider::System || person.is_in(&group.id);
    for person in can_sign_in(inventory).filter(is_in) {
        let others = person.groups.iter().flatten().filter(|id| **id != group.id).filter_map(|id| gives.get(id));
        let has: HashSet<&RoleId> = person.roles.iter().flatten().chain(others.flat_map(|roles| roles.iter())).collect();
        for (role, count) in &mut only {
            *count += u64::from(!has.contains(role) && !elsewhere.contains(role));
        }
    }
    Some(only)
}

fn can_sign_in(inventory: &Inventory) -> impl Iterator<Item = &Person> {
    inventory.people.iter().filter(|person| !person.is_shut_out())
}

/// Qlik's own groups, of which everybody is a member.
fn everyone(inventory: &Inventory) -> impl Iterator<Item = &Group> {
    inventory.groups.iter().filter(|group| group.provider == Provider::System)
}

fn gives(inventory: &Inventory) -> HashMap<&GroupId, &BTreeSet<RoleId>> {
    inventory.groups.iter().filter_map(|group| Some((&group.id, group.roles.as_ref()?))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::inventory::{Part, Role, RoleLevel, UserId};
    use crate::subject::Subject;

    fn ids(numbers: &BTreeSet<u8>) -> BTreeSet<RoleId> {
        numbers.iter().map(|n| RoleId::new(n.to_string())).collect()
    }

    prop_compose! {
        fn tenant()(
            groups in prop::collection::vec(prop::collection::btree_set(0_u8..5, 0..4), 4),
            people in prop::collection::vec(
                (prop::collection::btree_set(0_u8..5, 0..3), prop::collection::btree_set(1_u8..4, 0..3), any::<bool>()), 0..12),
        ) -> Inventory {
            Inventory {
                groups: groups.iter().zip(0_u8..).map(|(roles, n)| Group {
                    id: GroupId::new(n.to_string()), name: n.to_string(), description: String::new(), status: "active".into(),
                    // The first is everybody.
                    provider: if n == 0 { Provider::System } else { Provider::Custom },
                    roles: Some(ids(roles)), created: String::new(), created_by: String::new(), updated: String::new(),
                }).collect(),
                people: people.into_iter().zip(0_u8..).map(|((roles, groups, off), n)| Person {
                    id: UserId::new(n.to_string()), subject: Subject::new(n.to_string()), name: String::new(), email: String::new(),
                    status: if off { "disabled" } else { "active" }.into(), roles: Some(ids(&roles)),
                    groups: Some(groups.iter().map(|n| GroupId::new(n.to_string())).collect()),
                }).collect(),
                roles: (0..5_u8).map(|n| Role {
                    id: RoleId::new(n.to_string()), name: n.to_string(), description: String::new(), custom: true,
                    level: RoleLevel::User, raises_entitlement: false, permissions: Vec::new(),
                }).collect(),
                ..Inventory::default()
            }
        }
    }

    /// Whether a person has a role, told plainly.
    fn has(inventory: &Inventory, person: &Person, role: &RoleId) -> bool {
        person.roles.iter().flatten().any(|own| own == role)
            || inventory.groups.iter().any(|group| {
                (group.provider == Provider::System || person.is_in(&group.id))
                    && group.roles.iter().flatten().any(|given| given == role)
            })
    }

    proptest! {
        #[test]
        fn as_a_naive_count_has_it(inventory in tenant()) {
            let people = || inventory.people.iter().filter(|person| person.status == "active");
            let all = reach(&inventory);
            for role in inventory.roles.iter().map(|role| &role.id) {
                let naive = |keep: &dyn Fn(&Person) -> bool| people().filter(|person| keep(person)).count() as u64;
                prop_assert_eq!(all[role].people, Some(naive(&|person| has(&inventory, person, role))));
                prop_assert_eq!(all[role].direct, Some(naive(&|person| person.roles.iter().flatten().any(|own| own == role))));
                let giving = inventory.groups.iter().filter(|group| group.roles.iter().flatten().any(|given| given == role));
                let found = givers(&inventory, role);
                prop_assert_eq!(all[role].groups, found.len() as u64);
                prop_assert_eq!(found.len(), giving.clone().count());
                for (giver, group) in found.iter().zip(giving) {
                    prop_assert_eq!(&giver.group, &group.id);
                    let is_in = |person: &Person| group.provider == Provider::System || person.is_in(&group.id);
                    prop_assert_eq!(giver.members, Some(naive(&is_in)));
                    // What would be lost is what is had before, and not after the group lost it.
                    let mut after = inventory.clone();
                    for other in after.groups.iter_mut().filter(|other| other.id == group.id) {
                        other.roles = other.roles.as_ref().map(|roles| roles.iter().filter(|one| *one != role).cloned().collect());
                    }
                    let lost = naive(&|person| has(&inventory, person, role) && !has(&after, person, role));
                    prop_assert_eq!(giver.only_here, Some(lost));
                    prop_assert_eq!(only_by(&inventory, group).unwrap()[role], lost);
                }
            }
        }
    }

    #[test]
    fn what_may_not_be_seen_is_not_counted() {
        let group = |id: &str, roles: Option<BTreeSet<RoleId>>| Group {
            id: GroupId::new(id),
            name: id.into(),
            description: String::new(),
            status: "active".into(),
            provider: Provider::Idp,
            roles,
            created: String::new(),
            created_by: String::new(),
            updated: String::new(),
        };
        let role = Role {
            id: RoleId::new("1"),
            name: "1".into(),
            description: String::new(),
            custom: true,
            level: RoleLevel::User,
            raises_entitlement: false,
            permissions: Vec::new(),
        };
        let inventory = Inventory {
            groups: vec![group("a", Some(ids(&[1].into()))), group("b", None)],
            roles: vec![role],
            ..Inventory::default()
        };
        let role = RoleId::new("1");
        assert_eq!(reach(&inventory)[&role], Reach { groups: 1, hidden: 1, people: None, direct: None });
        assert_eq!(givers(&inventory, &role), [Giver { group: GroupId::new("a"), members: None, only_here: None }]);
        assert_eq!(only_by(&inventory, &inventory.groups[0]), None);
        // What was not read is no more visible than that.
        let read = |change: fn(&mut crate::inventory::Coverage)| {
            let mut inventory = Inventory { groups: vec![inventory.groups[0].clone()], ..inventory.clone() };
            change(&mut inventory.coverage);
            reach(&inventory)[&role].people
        };
        assert_eq!(read(|_| ()), Some(0));
        assert_eq!(read(|coverage| coverage.groups = Part::Short { read: 1, of: 2 }), None);
        assert_eq!(read(|coverage| coverage.system_groups = Part::Hidden), None);
        assert_eq!(read(|coverage| coverage.people = Part::Hidden), None);
    }
}
