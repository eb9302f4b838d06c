//! States survive their bytes and steps lead from one to the next, compared with plain tellings.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::inventory::Part;

fn group(name: &str, roles: &[u8]) -> GroupThen {
    GroupThen {
        name: name.to_owned(),
        description: String::new(),
        status: "active".to_owned(),
        provider: Provider::Custom,
        roles: roles.iter().map(|role| RoleId::new(format!("r{role}"))).collect(),
    }
}

prop_compose! {
    fn any_group()(name in "[a-c]?", roles in prop::collection::vec(0u8..6, 0..4), disabled: bool, idp: bool) -> GroupThen {
        GroupThen {
            status: if disabled { "disabled" } else { "active" }.to_owned(),
            provider: if idp { Provider::Idp } else { Provider::Custom },
            ..group(&name, &roles)
        }
    }
}

prop_compose! {
    fn any_state()(
        groups in prop::collection::btree_map(0u8..8, any_group(), 0..8),
        roles in prop::collection::btree_map(0u8..6, ("[a-b]?", any::<bool>()), 0..5),
    ) -> State {
        let role = |(id, (name, admin)): (u8, (String, bool))| {
            let level = if admin { RoleLevel::Admin } else { RoleLevel::User };
            (RoleId::new(format!("r{id}")), RoleThen { name, description: String::new(), level, custom: false })
        };
        State {
            groups: groups.into_iter().map(|(id, group)| (GroupId::new(format!("g{id}")), group)).collect(),
            roles: roles.into_iter().map(role).collect(),
        }
    }
}

/// A tenant of which a state is the state.
fn tenant(state: &State) -> Inventory {
    let group = |(id, group): (&GroupId, &GroupThen)| Group {
        id: id.clone(),
        name: group.name.clone(),
        description: group.description.clone(),
        status: group.status.clone(),
        provider: group.provider,
        roles: Some(group.roles.clone()),
        created: String::new(),
        created_by: String::new(),
        updated: String::new(),
    };
    let role = |(id, role): (&RoleId, &RoleThen)| Role {
        id: id.clone(),
        name: role.name.clone(),
        description: role.description.clone(),
        custom: role.custom,
        level: role.level,
        raises_entitlement: false,
        permissions: Vec::new(),
    };
    Inventory {
        groups: state.groups.iter().map(group).collect(),
        roles: state.roles.iter().map(role).collect(),
        ..Inventory::default()
    }
}

proptest! {
    /// What differs, plainly: groups by name and source, where ids are others; a group that has one still has it.
    #[test]
    fn a_group_that_came_again_is_the_same_group(then in any_state(), now in any_state()) {
        let inventory = tenant(&now);
        prop_assert_eq!(State::of(&inventory), Some(now.clone()));
        let drift = Drift::between(&then, &now);
        prop_assert_eq!(count_differing(&then, &inventory), Some(drift.groups.len() as u64));
        for differs in &drift.groups {
            prop_assert_ne!(&differs.then, &differs.now);
            prop_assert_eq!(differs.now.as_ref(), now.groups.get(&differs.id));
        }
        for (id, was) in &then.groups {
            let same_name = |group: &GroupThen| group.name == was.name && group.provider == was.provider;
            let again = now.groups.iter().any(|(id, group)| same_name(group) && !then.groups.contains_key(id));
            let told = drift.groups.iter().any(|differs| differs.id == *id && differs.now.is_none());
            prop_assert_eq!(told, !now.groups.contains_key(id) && !again);
        }
    }

    /// Steps, kept as bytes, lead to every state again; a step has what differs and nothing else.
    #[test]
    fn steps_lead_from_state_to_state(states in prop::collection::vec(any_state(), 1..6)) {
        let mut built = State::default();
        let mut before = State::default();
        for state in &states {
            let step = Step::between(&before, state);
            prop_assert_eq!(step.is_empty(), *state == before);
            let ids: BTreeSet<&GroupId> = before.groups.keys().chain(state.groups.keys()).collect();
            let plain = ids.into_iter().filter(|id| before.groups.get(id) != state.groups.get(id)).count();
            prop_assert_eq!(step.groups.len(), plain);
            built.take(Step::of_bytes(&step.to_bytes()).unwrap());
            prop_assert_eq!(&built, state);
            prop_assert_eq!(&State::of_bytes(&state.to_bytes()).unwrap(), state);
            before = state.clone();
        }
    }

    /// No bytes make it panic.
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Step::of_bytes(&bytes);
    }
}

#[test]
fn what_is_not_visible_is_no_state() {
    let seen = tenant(&State { groups: [(GroupId::new("g"), group("Finance", &[]))].into(), ..State::default() });
    assert_eq!(State::of(&seen).map(|state| state.groups.len()), Some(1));
    let mut hidden = seen.clone();
    hidden.groups[0].roles = None;
    assert_eq!(count_differing(&State::default(), &hidden), None);
    assert_eq!(State::of(&hidden), None, "the roles of one group are not visible");
    for part in [Part::Hidden, Part::Unread, Part::Short { read: 1, of: 2 }] {
        for list in 0..3 {
            let mut short = seen.clone();
            let coverage = &mut short.coverage;
            *[&mut coverage.groups, &mut coverage.system_groups, &mut coverage.roles][list] = part;
            assert_eq!((State::of(&short), count_differing(&State::default(), &short)), (None, None));
        }
    }
}

#[test]
fn another_form_is_refused() {
    let mut bytes = State::default().to_bytes();
    bytes[0] = 2;
    assert_eq!(Step::of_bytes(&bytes), Err(Unreadable));
}

/// Bytes that an earlier version kept are read as what they were. A change of this is a change of four hundred days of history.
#[test]
fn the_first_form_stays_readable() {
    let state = State {
        groups: [(GroupId::new("g"), group("Finance", &[1, 2]))].into(),
        roles: [(
            RoleId::new("r1"),
            RoleThen { name: "R".into(), description: String::new(), level: RoleLevel::User, custom: true },
        )]
        .into(),
    };
    let hex: String = state.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "0102027231027232010167010746696e616e636500066163746976650102000101027231010152000101");
}
