//! Plans do what was wanted, can be taken back, and never lie about seats.

use proptest::prelude::*;

use std::collections::{BTreeMap, BTreeSet};

use super::seats::SeatChange;
use super::*;
use crate::allotment::{Allotment, UsageClass};
use crate::assignments::{Row, Table, Used};
use crate::change::{Assign, ChangeType, Comparison, CreateGroup, GroupRoles, Made, Naming, Remove, Rename, Undo, undo_all};
use crate::drift::GroupThen;
use crate::import::{Action, Entry};
use crate::inventory::{
    Assignment, AutoAssign, Coverage, Group, GroupId, GroupSettings, Inventory, Part, Person, Provider, Role, RoleLevel, UserId,
};
use crate::projection::Projection;
use crate::subject::Subject;
use crate::table::Day;
use crate::touch::Touch;

const ALLOTMENTS: [&str; 3] = ["professional", "analyzer", "fullUser"];

fn spelling(n: u8, upper: bool) -> Subject {
    Subject::new(if upper { format!("M\\P{n}") } else { format!("m\\p{n}") })
}

fn name(n: usize) -> AllotmentName {
    AllotmentName::new(ALLOTMENTS[n % ALLOTMENTS.len()])
}

fn role(n: u8) -> Role {
    Role {
        id: RoleId::new(n.to_string()),
        name: format!("role {n}"),
        description: String::new(),
        custom: true,
        level: if n.is_multiple_of(3) { RoleLevel::Admin } else { RoleLevel::User },
        raises_entitlement: false,
        permissions: Vec::new(),
    }
}

prop_compose! {
    fn inventory()(
        held in proptest::collection::btree_set((0_u8..20, 0_usize..3), 0..30),
        upper in any::<bool>(),
        spare in proptest::array::uniform3(-3_i64..20),
        overage in proptest::array::uniform3(-1_i64..4),
        roles in proptest::collection::btree_set(0_u8..9, 0..9),
        auto in any::<(Option<bool>, Option<bool>)>(),
    ) -> Inventory {
        let used = |n: usize| held.iter().filter(|(_, a)| *a == n).count() as i64;
        Inventory {
            allotments: (0..3).map(|n| Allotment {
                name: name(n), usage_class: UsageClass::Assigned, units: used(n) + spare[n], used: used(n), overage: overage[n],
            }).collect(),
            assignments: held.iter().map(|(subject, allotment)| Assignment {
                subject: spelling(*subject, upper), allotment: name(*allotment), excess: false, created: String::new(),
            }).collect(),
            people: (0..15).map(|n| Person {
                id: UserId::new(n.to_string()), subject: spelling(n, !upper), name: format!("Person {n}"), email: String::new(),
                status: "active".into(), roles: Some(BTreeSet::new()), groups: Some(BTreeSet::new()),
            }).collect(),
            groups: [("g", Provider::Idp), ("h", Provider::Custom)].map(|(id, provider)| Group {
                id: GroupId::new(id), name: id.to_uppercase(), description: String::new(), status: "active".into(), provider,
                roles: Some(roles.iter().map(|n| RoleId::new(n.to_string())).collect()),
                created: String::new(), created_by: String::new(), updated: String::new(),
            }).to_vec(),
            roles: (0..9).map(role).collect(),
            auto_assign: AutoAssign { professional: auto.0, analyzer: auto.1 },
            group_settings: GroupSettings::default(),
            coverage: Coverage::default(),
        }
    }
}

fn intent() -> impl Strategy<Value = Intent> {
    let subjects = proptest::collection::vec((0_u8..20, any::<bool>()), 1..20);
    let licenses = proptest::collection::vec((0_u8..20, any::<bool>(), 0_usize..3), 1..20);
    prop_oneof![
        (subjects, 0_usize..3).prop_map(|(subjects, allotment)| Intent::Assign {
            subjects: subjects.into_iter().map(|(n, upper)| spelling(n, upper)).collect(),
            allotment: name(allotment),
        }),
        licenses.clone().prop_map(|licenses| Intent::Remove {
            licenses: licenses.into_iter().map(|(n, upper, a)| (spelling(n, upper), name(a))).collect(),
        }),
        (licenses, 0_usize..3).prop_map(|(licenses, to)| Intent::ChangeType {
            licenses: licenses.into_iter().map(|(n, upper, a)| (spelling(n, upper), name(a))).collect(),
            to: name(to),
        }),
        (0_u8..20, 20_u8..25).prop_map(|(from, to)| Intent::Rename { from: spelling(from, true), to: spelling(to, false) }),
        proptest::collection::btree_set(0_u8..9, 0..9).prop_map(|roles| Intent::SetGroupRoles {
            group: GroupId::new("g"),
            roles: roles.into_iter().map(|n| RoleId::new(n.to_string())).collect(),
        }),
        (0_usize..3, proptest::collection::btree_map(0_u8..20, proptest::option::of(0_usize..3), 1..20)).prop_map(
            |(action, lines)| {
                let action = [Action::Give, Action::Take, Action::Sync][action];
                let entry = |(n, a): (u8, Option<usize>)| Entry {
                    line: 1,
                    subject: spelling(n, true),
                    allotment: a.map(name),
                    moves_to: None,
                    action,
                };
                Intent::List { action, entries: lines.into_iter().map(entry).collect(), spared: Vec::new() }
            }
        ),
        proptest::collection::btree_map("[G-K]", proptest::collection::btree_set(0_u8..9, 0..4), 2..4).prop_map(|groups| {
            let new = |(name, roles): (String, BTreeSet<u8>)| CreateGroup {
                name,
                description: "new".to_owned(),
                provider: Provider::Custom,
                roles: roles.into_iter().map(|n| RoleId::new(n.to_string())).collect(),
            };
            Intent::CreateGroups { groups: groups.into_iter().map(|group| (0, new(group))).collect() }
        }),
        ("[H-K]", "[a-b]?")
            .prop_map(|(name, description)| Intent::EditGroup { group: GroupId::new("h"), after: Naming { name, description } }),
        (
            proptest::sample::subsequence(vec!["g", "h"], 1..=2),
            proptest::collection::btree_set(0_u8..9, 0..4),
            proptest::collection::btree_set(0_u8..9, 0..4),
            0_usize..3,
        )
            .prop_map(|(groups, add, remove, how)| {
                let ids = |ids: &BTreeSet<u8>| ids.iter().map(|n| RoleId::new(n.to_string())).collect::<BTreeSet<_>>();
                let edit = match how {
                    0 => RoleEdit::Change { remove: ids(&remove).difference(&ids(&add)).cloned().collect(), add: ids(&add) },
                    1 => RoleEdit::Set(ids(&add)),
                    _ => RoleEdit::Copy { from: GroupId::new("g"), roles: ids(&add) },
                };
                Intent::EditRoles { groups: groups.into_iter().map(GroupId::new).collect(), edit }
            }),
        proptest::sample::subsequence(vec!["g", "h"], 1..=2)
            .prop_map(|ids| Intent::DeleteGroups { groups: ids.into_iter().map(GroupId::new).collect() }),
        // One that keeps its name, one that is called otherwise, one that is gone; each as it was or not there then.
        proptest::collection::btree_map(
            proptest::sample::select(vec!["g", "h", "gone"]),
            proptest::option::of(("[H-K]", "[a-b]?", proptest::collection::btree_set(0_u8..9, 0..4))),
            1..=3,
        )
        .prop_map(|groups| {
            type Was = Option<(String, String, BTreeSet<u8>)>;
            let then = |(id, then): (&str, Was)| {
                let then = then.map(|(name, description, roles)| GroupThen {
                    name: match id {
                        "g" => "G".to_owned(),
                        "gone" => format!("{name}{name}"),
                        _ => name,
                    },
                    description: if id == "g" { String::new() } else { description },
                    status: "active".to_owned(),
                    provider: if id == "g" { Provider::Idp } else { Provider::Custom },
                    roles: roles.into_iter().map(|n| RoleId::new(n.to_string())).collect(),
                });
                (GroupId::new(id), then)
            };
            Intent::Restore { groups: groups.into_iter().map(then).collect(), as_of: "then".to_owned() }
        }),
        any::<(Option<bool>, Option<bool>)>()
            .prop_map(|(professional, analyzer)| Intent::SetAutoAssign(AutoAssign { professional, analyzer })),
        any::<(Option<bool>, Option<bool>)>().prop_map(|(auto_create_groups, sync_idp_groups)| {
            Intent::SetGroupSettings(GroupSettings { auto_create_groups, sync_idp_groups })
        }),
    ]
}

/// All that changes can change.
type Shape = (BTreeSet<(String, AllotmentName)>, BTreeMap<String, (String, Option<BTreeSet<RoleId>>)>, AutoAssign, GroupSettings);

fn shape(of: &Projection<'_>) -> Shape {
    // By name: a group that is made again has another id.
    let groups = of.clone().into_inventory().groups.into_iter().map(|group| (group.name, (group.description, group.roles)));
    (of.held().into_iter().collect(), groups.collect(), of.auto_assign, of.group_settings)
}

/// What Qlik makes for a change in thought.
fn made(change: &Change) -> Option<Made> {
    let Change::CreateGroup(group) = change else { return None };
    Some(Made { id: Touch::GroupName(group.name.clone()).key() })
}

/// What takes changes back, the newest first.
fn taken_back(plan: &Plan) -> Vec<Change> {
    let made: Vec<Option<Made>> = plan.changes.iter().map(|planned| made(&planned.change)).collect();
    undo_all(plan.changes.iter().map(|planned| &planned.change).zip(made.iter().map(Option::as_ref))).0
}

/// What the intent asks of the tenant, checked without the planner.
fn fulfilled(people: &BTreeSet<String>, before: &Projection<'_>, after: &Projection<'_>, intent: &Intent) -> bool {
    match intent {
        Intent::Assign { subjects, allotment } => subjects.iter().all(|s| after.holds(s, allotment)),
        Intent::Remove { licenses } => licenses.iter().all(|(s, a)| !after.holds(s, a)),
        Intent::ChangeType { licenses, to } => licenses
            .iter()
            .all(|(s, from)| !before.holds(s, from) || (after.holds(s, to) && (from == to || !after.holds(s, from)))),
        Intent::Rename { from, to } => ALLOTMENTS
            .iter()
            .map(|a| AllotmentName::new(*a))
            .all(|a| !before.holds(from, &a) || (after.holds(to, &a) && !after.holds(from, &a))),
        Intent::List { action, entries, .. } => {
            let held = |of: &Projection<'_>, subject: &Subject| -> BTreeSet<AllotmentName> {
                of.held().iter().filter(|(key, _)| *key == subject.key()).map(|(_, name)| name.clone()).collect()
            };
            let listed: BTreeSet<String> = entries.iter().map(|entry| entry.subject.key()).collect();
            entries.iter().all(|entry| match (action, &entry.allotment) {
                (Action::Give, Some(allotment)) => after.holds(&entry.subject, allotment),
                (Action::Give, None) | (Action::Rename, _) => true,
                (Action::Take, Some(allotment)) => !after.holds(&entry.subject, allotment),
                (Action::Take, None) => held(after, &entry.subject).is_empty(),
                (Action::Sync, wanted) => held(after, &entry.subject) == wanted.iter().cloned().collect(),
            }) && (*action != Action::Sync
                // Nobody else keeps a license but those who are no users here.
                || after.held().iter().all(|(key, _)| listed.contains(key) || !people.contains(key)))
        }
        Intent::SetGroupRoles { group, roles } => after.group(group).is_some_and(|group| group.roles.as_ref() == Some(roles)),
        Intent::EditRoles { groups, edit } => groups.iter().all(|id| {
            let roles = |of: &Projection<'_>| of.group(id).and_then(|group| group.roles.clone());
            roles(before).is_none_or(|before| roles(after) == Some(edit.on(&before)))
        }),
        Intent::EditEach { edits, .. } => edits.iter().all(|(id, edit)| {
            let roles = |of: &Projection<'_>| of.group(id).and_then(|group| group.roles.clone());
            roles(before).is_none_or(|before| roles(after) == Some(edit.on(&before)))
        }),
        Intent::CreateGroups { groups } => groups.iter().all(|(_, new)| {
            let is_new = before.group_named(&new.name).is_none();
            after.group_named(&new.name).is_some_and(|group| !is_new || group.roles.as_ref() == Some(&new.roles))
        }),
        Intent::EditGroup { group, after: wanted } => after.group(group).is_some_and(|group| Naming::of(group) == *wanted),
        Intent::DeleteGroups { groups } => groups.iter().all(|id| after.group(id).is_none()),
        Intent::Restore { groups, .. } => groups.iter().all(|(id, then)| match then {
            None => after.group(id).is_none(),
            // One that is made again has another id.
            Some(then) => after.group(id).or_else(|| after.group_named(&then.name)).is_some_and(|group| {
                let named = group.name == then.name && group.description == then.description;
                named && group.provider == then.provider && group.roles.as_ref() == Some(&then.roles)
            }),
        }),
        Intent::SetAutoAssign(wanted) => after.auto_assign == *wanted,
        Intent::SetGroupSettings(wanted) => after.group_settings == *wanted,
        Intent::LicenseUnlicensed { .. } | Intent::Tied { .. } | Intent::Exactly { .. } => true,
    }
}

proptest! {
    #[test]
    fn applying_yields_the_intent_and_the_inverse_the_original(inventory in inventory(), intent in intent()) {
        let before = Projection::of(&inventory);
        let plan = draw_up(&inventory, intent.clone()).unwrap();
        let mut now = before.clone();
        for planned in &plan.changes {
            // Every listed change really changes something.
            prop_assert_eq!(planned.change.compare(&now), Comparison::Unchanged);
            planned.change.project(&mut now, None, "");
            prop_assert_eq!(planned.change.compare(&now), Comparison::Applied);
        }
        let people = inventory.people.iter().map(|person| person.subject.key()).collect();
        prop_assert!(fulfilled(&people, &before, &now, &intent));
        let mut whole = true;
        for planned in plan.changes.iter().rev() {
            match planned.change.undo(made(&planned.change).as_ref()) {
                Undo::By(inverse) => inverse.project(&mut now, None, ""),
                // It gets another id and no members; what it is called and gives comes back.
                Undo::Partly(inverse, _) if planned.change.kind() == Kind::DeleteGroup => inverse.project(&mut now, None, ""),
                // A setting that Qlik did not state before cannot be unset again, and that is said.
                Undo::Partly(..) | Undo::Not(_) => {
                    prop_assert!(matches!(planned.change.kind(), Kind::AutoAssign | Kind::GroupSettings));
                    whole = false;
                }
            }
        }
        if whole {
            prop_assert_eq!(shape(&now), shape(&before));
        }
    }

    #[test]
    fn seats_never_lie(inventory in inventory(), intent in intent()) {
        let plan = draw_up(&inventory, intent).unwrap();
        let state = Projection::after(&inventory, plan.changes.iter().map(|planned| (&planned.change, None)), "");
        for allotment in &inventory.allotments {
            let held = state.held().iter().filter(|(_, name)| *name == allotment.name).count() as i64;
            let said = plan.seats.iter().find(|seat| seat.allotment.name == allotment.name).map_or(allotment.used, |seat| seat.after);
            prop_assert_eq!(said, held);
        }
    }

    #[test]
    fn a_foreseen_shortage_is_what_a_tenant_refuses(inventory in inventory(), intent in intent()) {
        let plan = draw_up(&inventory, intent).unwrap();
        let mut free: BTreeMap<_, _> = inventory.allotments.iter().map(|a| (a.name.clone(), a.seats().free(a.used))).collect();
        let mut refused: BTreeMap<AllotmentName, i64> = BTreeMap::new();
        for planned in &plan.changes {
            let (frees, takes) = match &planned.change {
                Change::Remove(Remove { allotment, .. }) => (Some(allotment), None),
                Change::Assign(Assign { allotment, .. }) => (None, Some(allotment)),
                Change::ChangeType(ChangeType { from, to, .. }) => (Some(from), Some(to)),
                _ => (None, None),
            };
            if let Some(takes) = takes {
                match free.get_mut(takes) {
                    Some(Some(n)) if *n <= 0 => { *refused.entry(takes.clone()).or_default() += 1; continue; }
                    Some(Some(n)) => *n -= 1,
                    _ => {}
                }
            }
            if let Some(Some(Some(n))) = frees.map(|name| free.get_mut(name)) { *n += 1; }
        }
        // Without changes of type the forecast is exact; with them a ring of full allotments may refuse more.
        if !plan.changes.iter().any(|p| p.change.kind() == Kind::ChangeType) {
            for seat in &plan.seats {
                prop_assert_eq!(refused.get(&seat.allotment.name).copied().unwrap_or_default(), seat.short());
            }
        }
    }

    #[test]
    fn planning_what_is_so_changes_nothing(inventory in inventory(), intent in intent()) {
        let plan = draw_up(&inventory, intent.clone()).unwrap();
        let state = Projection::after(&inventory, plan.changes.iter().map(|planned| (&planned.change, None)), "2026-11-22");
        let after = state.clone().into_inventory();
        prop_assert_eq!(shape(&Projection::of(&after)), shape(&state));
        for allotment in &after.allotments {
            let held = after.assignments.iter().filter(|a| a.allotment == allotment.name).count() as i64;
            prop_assert_eq!(allotment.used, held);
        }
        prop_assert!(draw_up(&after, intent).unwrap().changes.is_empty());
    }

    #[test]
    fn an_undo_takes_back_only_what_still_stands(inventory in inventory(), intent in intent()) {
        let plan = draw_up(&inventory, intent).unwrap();
        let undo = taken_back(&plan);
        // Nothing was applied, so there is nothing to take back.
        let plan = draw_up(&inventory, Intent::Exactly { title: "Undo".into(), changes: undo, restores: true }).unwrap();
        prop_assert!(plan.changes.is_empty());
    }
}

/// The inventory's people with when they used Qlik last: the n-th person n × 5 days ago, every fourth never.
fn with_use(inventory: &Inventory, today: Day) -> Table {
    let day = |n: u32| Day::parse(&format!("2026-{:02}-{:02}", 11 - n / 28, 28 - n % 28)).unwrap();
    let last = |id: &UserId| id.as_str().parse().ok().filter(|n| n % 4 != 0).map(|n: u32| day(n * 5));
    Table::build(inventory).with_use(inventory, last, today)
}

proptest! {
    #[test]
    fn every_remedy_keeps_what_it_promises(inventory in inventory(), intent in intent()) {
        let today = Day::parse("2026-11-28").unwrap();
        let table = with_use(&inventory, today);
        let plan = draw_up(&inventory, intent).unwrap();
        let short_of = |plan: &Plan, name: &AllotmentName| {
            plan.seats.iter().find(|seat| seat.allotment.name == *name).map_or(0, SeatChange::short)
        };
        let touched: BTreeSet<String> = plan.changes.iter().map(|planned| planned.change.target().to_lowercase()).collect();
        let found = shortages(&plan, &inventory, &table, today);
        let grave = plan.warnings.iter().filter(|warning| warning.is_grave()).count();
        prop_assert_eq!(found.len(), grave);
        for Shortage { allotment, short, remedies } in found {
            prop_assert_eq!(short, short_of(&plan, &allotment));
            prop_assert!(remedies.contains(&Remedy::LeaveOut));
            for remedy in remedies {
                let order = if short % 2 == 0 { Order::Active } else { Order::Listed };
                let without = plan.without_seat(&allotment, order, &table).unwrap_or_default();
                prop_assume!(!without.is_empty());
                prop_assert_eq!(without.len() as i64, short);
                let (changes, left_out) = plan.remedied(&allotment, &remedy, &without);
                let mut again = draw_up(&inventory, Intent::Exactly { title: String::new(), changes, restores: false }).unwrap();
                remedy.explain(&mut again);
                // Nobody is forgotten: each row of the plan is done, done otherwise, or said to be left alone.
                let after: BTreeSet<String> = again.changes.iter().map(|planned| planned.change.target().to_lowercase())
                    .chain(again.unchanged.iter().chain(&left_out).map(|row| row.target.to_lowercase())).collect();
                prop_assert!(touched.is_subset(&after));
                match &remedy {
                    Remedy::LeaveOut => {
                        prop_assert_eq!(left_out.len() as i64, short);
                        prop_assert_eq!(short_of(&again, &allotment), 0);
                    }
                    Remedy::Another(other) => {
                        prop_assert!(other != &allotment);
                        prop_assert_eq!(short_of(&again, &allotment), 0);
                    }
                    Remedy::RemoveFirst(spares) => {
                        // An allotment over its seats comes back to them first; where all helps, nothing is missing after.
                        let left = short_of(&again, &allotment);
                        prop_assert!(left < short);
                        let said = again.changes.iter().filter(|planned| planned.why.is_some()).count();
                        prop_assert_eq!(said, spares.len(), "whoever gives theirs back is told why");
                        let seat = plan.seats.iter().find(|seat| seat.allotment.name == allotment).unwrap();
                        prop_assert_eq!(left, (seat.to_free() - spares.len() as i64).max(0));
                        prop_assert!(spares.is_sorted_by_key(|spare| std::cmp::Reverse(spare.used)));
                        for spare in spares {
                            prop_assert!(!touched.contains(&spare.subject.key()));
                            prop_assert!(!plan.unchanged.iter().any(|row| row.target.to_lowercase() == spare.subject.key()));
                            prop_assert!(spare.used == Used::NEVER || spare.used.ago().is_some_and(|days| days >= 30));
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn whoever_uses_qlik_keeps_the_license() {
    let today = Day::parse("2026-11-28").unwrap();
    let person = |n: u8, status: &str| Person {
        id: UserId::new(n.to_string()),
        subject: spelling(n, false),
        name: String::new(),
        email: String::new(),
        status: status.into(),
        roles: Some(BTreeSet::new()),
        groups: Some(BTreeSet::new()),
    };
    let held = |n: u8, created: &str| Assignment {
        subject: spelling(n, true),
        allotment: name(0),
        excess: false,
        created: created.to_owned(),
    };
    let long_ago = "2025-01-01T00:00:00Z";
    let inventory = Inventory {
        allotments: vec![Allotment { name: name(0), usage_class: UsageClass::Assigned, units: 7, used: 7, overage: 0 }],
        // 1 came yesterday, 2 forty days ago, 3 never, 4 is disabled, 5 never but was given it last week, 6 is no user here.
        people: vec![person(1, "active"), person(2, "active"), person(3, "active"), person(4, "disabled"), person(5, "active")],
        assignments: vec![
            held(1, long_ago),
            held(2, long_ago),
            held(3, long_ago),
            held(4, "2026-11-20T00:00:00Z"),
            held(5, "2026-11-21T00:00:00Z"),
            held(6, long_ago),
        ],
        ..Inventory::default()
    };
    let last = [(1, "2026-11-27"), (2, "2026-10-19"), (4, "2026-11-27")];
    let last = |id: &UserId| last.iter().find(|(n, _)| id.as_str() == n.to_string()).and_then(|(_, day)| Day::parse(day));
    let table = Table::build(&inventory).with_use(&inventory, last, today);
    let wanted = (10..20).map(|n| spelling(n, false)).collect();
    let plan = draw_up(&inventory, Intent::Assign { subjects: wanted, allotment: name(0) }).unwrap();
    let [shortage] = shortages(&plan, &inventory, &table, today).try_into().unwrap();
    let Some(remedy @ Remedy::RemoveFirst(spares)) = shortage.remedies.first() else { panic!("nobody can be spared") };
    let spared: Vec<String> = spares.iter().map(|spare| spare.subject.key()).collect();
    assert_eq!(spared, [4, 3, 2].map(|n| spelling(n, false).key()));
    assert_eq!(remedy.label(shortage.short, &name(0)), "Remove 3 Professional first");
    assert_eq!(
        remedy.explained(&inventory),
        "1 from disabled users, 1 from people with no recorded use and 1 from people last active 40 days ago. Longest idle first. \
         Excludes anyone who can sign in and used Qlik, or was assigned theirs, in the last 30 days."
    );
    // Before consumption is read, nobody is taken for idle.
    let unread = shortages(&plan, &inventory, &Table::build(&inventory), today);
    assert!(matches!(&unread[0].remedies[..], [Remedy::RemoveFirst(one), Remedy::LeaveOut] if one.len() == 1 && one[0].disabled));
}

#[test]
fn time_based_and_unknown_allotments_are_refused_with_words() {
    let mut inventory = Inventory::default();
    let timed = AllotmentName::new("analyzer_time");
    inventory.allotments.push(Allotment { name: timed.clone(), usage_class: UsageClass::Time, units: 1, used: 0, overage: 0 });
    let intent = |allotment: &AllotmentName| Intent::Assign { subjects: vec![Subject::new("a")], allotment: allotment.clone() };
    let error = draw_up(&inventory, intent(&timed)).unwrap_err();
    assert_eq!(error.to_string(), "Analyzer capacity is shared capacity and cannot be assigned; choose another license type");
    assert!(matches!(draw_up(&inventory, intent(&AllotmentName::new("x"))), Err(PlanError::UnknownAllotment(_))));
}

#[test]
fn removals_come_first_and_swaps_follow_the_seats() {
    let subject = |n: u8| spelling(n, false);
    let inventory = Inventory {
        allotments: (0..2)
            .map(|n| Allotment { name: name(n), usage_class: UsageClass::Assigned, units: 1, used: 1, overage: 0 })
            .collect(),
        assignments: vec![
            Assignment { subject: subject(1), allotment: name(0), excess: false, created: String::new() },
            Assignment { subject: subject(2), allotment: name(1), excess: false, created: String::new() },
        ],
        ..Inventory::default()
    };
    let changes = vec![
        Change::ChangeType(ChangeType { subject: subject(1), from: name(0), to: name(1) }),
        Change::Remove(Remove { subject: subject(2), allotment: name(1) }),
    ];
    let plan = draw_up(&inventory, Intent::Exactly { title: String::new(), changes, restores: false }).unwrap();
    assert_eq!(plan.changes.iter().map(|p| p.change.kind()).collect::<Vec<_>>(), [Kind::Remove, Kind::ChangeType]);
    assert!(plan.warnings.iter().all(|warning| !warning.is_grave()));
}

#[test]
fn a_person_with_two_licenses_is_assigned_once() {
    let inventory = Inventory {
        allotments: (0..3)
            .map(|n| Allotment { name: name(n), usage_class: UsageClass::Assigned, units: 9, used: 1, overage: 0 })
            .collect(),
        assignments: (0..2)
            .map(|n| Assignment { subject: spelling(1, n == 0), allotment: name(n), excess: false, created: String::new() })
            .collect(),
        ..Inventory::default()
    };
    let table = Table::build(&inventory);
    let rows: Vec<Row<'_>> = table.rows().collect();
    let plan = draw_up(&inventory, BulkAction::Assign.intent(&rows, Some(&name(2))).unwrap()).unwrap();
    assert_eq!(plan.changes.len(), 1);
    assert!(plan.warnings.contains(&Warning::SecondLicense { count: 1 }));
}

fn allotments(of: &[(usize, i64, i64, i64)]) -> Vec<Allotment> {
    of.iter()
        .map(|(n, units, used, overage)| Allotment {
            name: name(*n),
            usage_class: UsageClass::Assigned,
            units: *units,
            used: *used,
            overage: *overage,
        })
        .collect()
}

fn holder(n: u8, allotment: usize) -> Assignment {
    Assignment { subject: spelling(n, true), allotment: name(allotment), excess: false, created: String::new() }
}

fn user(n: u8, status: &str, groups: &[&str]) -> Person {
    Person {
        id: UserId::new(n.to_string()),
        subject: spelling(n, false),
        name: format!("Person {n}"),
        email: String::new(),
        status: status.into(),
        roles: Some(BTreeSet::new()),
        groups: Some(groups.iter().map(|id| GroupId::new(*id)).collect()),
    }
}

fn group(id: &str, roles: Option<&[&str]>) -> Group {
    Group {
        id: GroupId::new(id),
        name: id.to_uppercase(),
        description: String::new(),
        status: "active".into(),
        provider: Provider::Idp,
        roles: roles.map(|roles| roles.iter().map(|id| RoleId::new(*id)).collect()),
        created: String::new(),
        created_by: String::new(),
        updated: String::new(),
    }
}

fn tenant_admin() -> Role {
    Role {
        id: RoleId::new("ta"),
        name: "TenantAdmin".into(),
        description: String::new(),
        custom: false,
        level: RoleLevel::Admin,
        raises_entitlement: false,
        permissions: Vec::new(),
    }
}

fn roles(ids: &[&str]) -> BTreeSet<RoleId> {
    ids.iter().map(|id| RoleId::new(*id)).collect()
}

#[test]
fn a_reading_that_is_not_whole_plans_no_license() {
    let mut inventory = Inventory { allotments: allotments(&[(0, 200, 153, 0), (1, 50, 0, 0)]), ..Inventory::default() };
    inventory.add_up(&[(name(0), 153), (name(1), 0)], 0);
    assert_eq!(inventory.coverage.licenses, Part::Short { read: 0, of: 153 });
    assert_eq!(inventory.coverage.sentences(), ["Qlik counts 153 used Professional licenses and listed 0."]);
    let licenses = vec![(spelling(1, true), name(0))];
    let entry = |action| Entry { line: 1, subject: spelling(1, true), allotment: Some(name(1)), moves_to: None, action };
    let intents = [
        Intent::Assign { subjects: vec![spelling(1, true)], allotment: name(1) },
        Intent::Remove { licenses: licenses.clone() },
        Intent::ChangeType { licenses, to: name(1) },
        Intent::Rename { from: spelling(1, true), to: spelling(2, true) },
        Intent::List { action: Action::Sync, entries: vec![entry(Action::Sync)], spared: Vec::new() },
        Intent::List { action: Action::Give, entries: vec![entry(Action::Give)], spared: Vec::new() },
        Intent::Exactly {
            title: String::new(),
            changes: vec![Change::Assign(Assign { subject: spelling(1, true), allotment: name(1) })],
            restores: true,
        },
    ];
    for intent in intents {
        let refused = draw_up(&inventory, intent.clone()).unwrap_err();
        assert!(refused.to_string().contains("counts 153") && refused.to_string().contains("listed 0"), "{intent:?}: {refused}");
    }
    // Settings and groups have nothing to do with it.
    let settings = Intent::SetAutoAssign(AutoAssign { professional: Some(true), analyzer: None });
    assert_eq!(draw_up(&inventory, settings).unwrap().changes.len(), 1);
}

#[test]
fn licenses_add_up_within_what_moves() {
    let reading = |rows: u8, used: i64, before: i64, elsewhere: i64| {
        let mut inventory = Inventory { allotments: allotments(&[(0, 500, used, 0)]), ..Inventory::default() };
        inventory.assignments = (0..rows).map(|n| holder(n, 0)).collect();
        inventory.add_up(&[(name(0), before)], elsewhere);
        inventory.coverage
    };
    assert!(reading(150, 152, 152, 0).licenses.is_whole(), "two that moved meanwhile");
    assert!(!reading(147, 152, 152, 0).licenses.is_whole());
    assert!(reading(147, 152, 147, 0).licenses.is_whole(), "given while the list was read");
    assert!(reading(120, 152, 152, 32).licenses.is_whole(), "licenses of sibling tenants, as configured");
    let more = reading(160, 152, 152, 0);
    assert!(more.licenses.is_whole() && more.gaps.len() == 1, "more than counted is told, and takes nothing from anybody");
    // A page that is missing is noticed also where each license lacks a few only.
    let mut spread = Inventory {
        allotments: allotments(&[(0, 9_000, 3_000, 0), (1, 9_000, 3_000, 0), (2, 9_000, 3_000, 0)]),
        ..Inventory::default()
    };
    spread.assignments = (0..3_usize)
        .flat_map(|n| (0..2_985_u32).map(move |at| (n, at)))
        .map(|(n, at)| Assignment {
            subject: Subject::new(format!("s{at}")),
            allotment: name(n),
            excess: false,
            created: String::new(),
        })
        .collect();
    let before: Vec<_> = (0..3).map(|n| (name(n), 3_000)).collect();
    spread.add_up(&before, 20);
    assert!(spread.coverage.licenses.is_whole());
    spread.assignments.truncate(3 * 2_985 - 100);
    spread.add_up(&before, 0);
    assert!(!spread.coverage.licenses.is_whole());
}

#[test]
fn roles_that_may_not_be_seen_are_never_replaced() {
    let inventory = Inventory { groups: vec![group("g", None)], roles: vec![tenant_admin()], ..Inventory::default() };
    let wanted = Intent::SetGroupRoles { group: GroupId::new("g"), roles: roles(&["ta"]) };
    assert!(matches!(draw_up(&inventory, wanted), Err(PlanError::RolesNotVisible(name)) if name == "G"));
    let change = Change::from(GroupRoles::between(GroupId::new("g"), "G".into(), &roles(&[]), &roles(&["ta"])));
    assert_eq!(change.compare(&Projection::of(&inventory)), Comparison::NotVisible);
    let undo = Intent::Exactly { title: String::new(), changes: vec![change], restores: true };
    let plan = draw_up(&inventory, undo).unwrap();
    assert_eq!((plan.changes.len(), plan.unchanged[0].why.clone()), (0, WhyNot::NotVisible));
}

#[test]
fn renames_go_in_whatever_order_they_can() {
    let inventory = Inventory {
        allotments: allotments(&[(0, 9, 2, 0)]),
        assignments: vec![holder(1, 0), holder(2, 0)],
        people: vec![user(1, "active", &[]), user(2, "active", &[]), user(3, "active", &[])],
        ..Inventory::default()
    };
    let line = |line, from: u8, to: u8| Entry {
        line,
        subject: spelling(from, true),
        allotment: None,
        moves_to: Some(spelling(to, false)),
        action: Action::Rename,
    };
    let list = |entries| Intent::List { action: Action::Rename, entries, spared: Vec::new() };
    let order = |entries| {
        let plan = draw_up(&inventory, list(entries)).unwrap();
        plan.changes.iter().map(|planned| planned.change.target()).collect::<Vec<_>>()
    };
    // 2 has to be free before 1 can take over from it.
    assert_eq!(order(vec![line(1, 1, 2), line(2, 2, 3)]), ["M\\P2", "M\\P1"]);
    assert_eq!(order(vec![line(1, 2, 3), line(2, 1, 2)]), ["M\\P2", "M\\P1"]);
    let circle = draw_up(&inventory, list(vec![line(1, 1, 2), line(2, 2, 1)])).unwrap_err();
    assert!(matches!(&circle, PlanError::RenameCycle(names) if names.len() == 2), "{circle}");
    let one = draw_up(&inventory, list(vec![line(1, 1, 3), line(2, 2, 3)])).unwrap_err();
    assert!(matches!(one, PlanError::TwoIntoOne(..)), "{one}");
    // What becomes of a subject is told under either name.
    let rename = Change::from(Rename { from: spelling(1, true), to: spelling(2, false), allotments: vec![name(0)] });
    assert_eq!(rename.touches().keys(), ["license\u{1f}m\\p1", "license\u{1f}m\\p2"]);
}

#[test]
fn licensing_a_group_leaves_other_licenses_alone() {
    let inventory = Inventory {
        allotments: allotments(&[(0, 20, 1, 0), (1, 20, 1, 0)]),
        assignments: vec![holder(1, 0), holder(2, 1)],
        people: (1..5).map(|n| user(n, "active", &["g"])).collect(),
        ..Inventory::default()
    };
    let subjects = (1..5).map(|n| spelling(n, false)).collect();
    let plan = draw_up(&inventory, Intent::LicenseUnlicensed { subjects, allotment: name(1) }).unwrap();
    let assigned: Vec<_> = plan.changes.iter().map(|planned| planned.change.target()).collect();
    assert_eq!(assigned, ["m\\p3", "m\\p4"]);
    let [offer] = &plan.offers[..] else { panic!("one offer") };
    assert_eq!(offer.kind, OfferKind::HoldsAnother);
    assert_eq!(offer.changes, [Change::ChangeType(ChangeType { subject: spelling(1, true), from: name(0), to: name(1) })]);
}

#[test]
fn whoever_a_line_left_out_may_mean_keeps_their_license() {
    let inventory = Inventory {
        allotments: allotments(&[(0, 20, 3, 0)]),
        assignments: (1..4).map(|n| holder(n, 0)).collect(),
        people: (1..4).map(|n| user(n, "active", &[])).collect(),
        ..Inventory::default()
    };
    let entries =
        vec![Entry { line: 2, subject: spelling(1, true), allotment: Some(name(0)), moves_to: None, action: Action::Sync }];
    let plan = draw_up(&inventory, Intent::List { action: Action::Sync, entries, spared: vec![spelling(2, true)] }).unwrap();
    let removed: Vec<_> = plan
        .changes
        .iter()
        .map(|planned| (planned.change.target(), planned.why.as_ref().map_or("", |why| why.sentence.as_str())))
        .collect();
    assert_eq!(removed, [("M\\P3".to_owned(), "not on the list")]);
    assert!(plan.unchanged.contains(&Unchanged { target: "M\\P2".into(), why: WhyNot::MaybeMeant }));
}

#[test]
fn warnings_know_the_direction_and_come_with_the_change() {
    let mut inventory = Inventory {
        allotments: allotments(&[(0, 20, 2, 0), (1, 2, 1, -1)]),
        assignments: vec![holder(1, 0), holder(9, 1)],
        people: vec![user(1, "active", &[]), user(2, "disabled", &[]), user(3, "deleted", &[]), user(4, "active", &[])],
        ..Inventory::default()
    };
    inventory.people.push(Person { subject: Subject::new("qlikbot\\x"), ..user(5, "active", &[]) });
    let subjects =
        [spelling(1, true), spelling(2, true), spelling(3, true), spelling(8, true), Subject::new("qlikbot\\x")].to_vec();
    let plan = draw_up(&inventory, Intent::Assign { subjects, allotment: name(1) }).unwrap();
    assert_eq!(
        plan.warnings,
        [
            Warning::Overage { allotment: name(1), after: 4, limit: None },
            Warning::UnknownSubjects { count: 1, first: spelling(8, true) },
            Warning::ShutOut { disabled: 1, deleted: 1 },
            Warning::BotsGain { count: 1 },
            Warning::SecondLicense { count: 1 },
        ]
    );
    assert!(plan.warnings.iter().all(|warning| !warning.sentences().1.contains("may stop working")));
    // The same changes by a retry warn alike; an undo does not wonder about what was there before.
    let changes: Vec<Change> = plan.changes.iter().map(|planned| planned.change.clone()).collect();
    let again = |restores| {
        draw_up(&inventory, Intent::Exactly { title: String::new(), changes: changes.clone(), restores }).unwrap().warnings
    };
    assert_eq!(again(false), plan.warnings);
    assert_eq!(again(true), plan.warnings[..4]);
    // Each can be left out by a click.
    let people = inventory.people_by_subject();
    let takes = |out: LeaveOut| changes.iter().filter(|change| out.takes(change, &people)).count();
    assert_eq!([LeaveOut::Bots, LeaveOut::ShutOut, LeaveOut::Unknown].map(takes), [1, 2, 1]);
    let rename = Intent::Rename { from: spelling(1, true), to: spelling(30, true) };
    let warnings = draw_up(&inventory, rename).unwrap().warnings;
    assert!(matches!(warnings[..], [Warning::UnknownSubjects { count: 1, .. }]), "{warnings:?}");
}

#[test]
fn a_list_says_what_is_lost_for_it() {
    let inventory = Inventory {
        allotments: allotments(&[(0, 20, 1, 0), (1, 20, 0, 0)]),
        assignments: vec![holder(1, 0)],
        people: vec![user(1, "active", &[])],
        ..Inventory::default()
    };
    let entry = Entry { line: 12, subject: spelling(1, true), allotment: Some(name(1)), moves_to: None, action: Action::Give };
    let plan = draw_up(&inventory, Intent::List { action: Action::Give, entries: vec![entry], spared: Vec::new() }).unwrap();
    assert!(plan.warnings.contains(&Warning::Loses { allotment: name(0), count: 1 }));
    assert_eq!(plan.changes[0].why, Reason::plain("line 12 of the list; Professional changes"));
    assert_eq!(plan.totals(), [Total { kind: Kind::ChangeType, what: "Professional to Analyzer".into(), rows: 1 }]);
}

#[test]
fn confirmation_follows_what_is_lost_given_or_paid() {
    let limits = Limits::default();
    let many: Vec<Person> = (0..96).map(|n| user(n, "active", &["g"])).collect();
    let admins = Inventory {
        people: many.clone(),
        groups: vec![group("g", Some(&[])), group("h", Some(&["ta"]))],
        roles: vec![tenant_admin(), role(1)],
        ..Inventory::default()
    };
    let set = |inventory: &Inventory, id: &str, ids: &[&str]| {
        draw_up(inventory, Intent::SetGroupRoles { group: GroupId::new(id), roles: roles(ids) }).unwrap()
    };
    let plan = set(&admins, "g", &["ta"]);
    let confirmation = plan.confirmation(limits).unwrap();
    assert_eq!((confirmation.number, confirmation.what.as_str()), (96, "give TenantAdmin to 96 people"));
    assert!(confirmation.is("96") && !confirmation.is("69"));
    assert_eq!(set(&admins, "g", &["1"]).confirmation(limits), None, "a user-level role");
    // Taken: told with how many people lose it, loudly where nobody is left.
    let mut taken = admins.clone();
    taken.groups = vec![group("g", Some(&["ta"]))];
    let plan = set(&taken, "g", &[]);
    assert_eq!(plan.warnings[0], Warning::LastAdmin);
    assert!(plan.warnings[0].is_loud());
    assert!(plan.warnings.iter().any(|w| matches!(w, Warning::AdminRolesTaken { people: Some(96), .. })), "{:?}", plan.warnings);
    assert_eq!(plan.confirmation(limits).unwrap().number, 96);
    // An undo of it asks the same as the plan it undoes.
    let undo = taken_back(&plan);
    let mut after = taken.clone();
    after.groups = vec![group("g", Some(&[]))];
    let undo = draw_up(&after, Intent::Exactly { title: String::new(), changes: undo, restores: true }).unwrap();
    assert!(undo.warnings.iter().any(|warning| matches!(warning, Warning::AdminRoles { .. })));
    assert_eq!(undo.confirmation(limits).unwrap().number, 96);

    let held = |allotment: usize| Inventory {
        allotments: allotments(&[
            (0, 200, if allotment == 0 { 96 } else { 0 }, 0),
            (1, 50, if allotment == 1 { 96 } else { 0 }, -1),
        ]),
        assignments: (0..96).map(|n| holder(n, allotment)).collect(),
        people: many.clone(),
        ..Inventory::default()
    };
    let change = |from: usize, to: usize| Intent::ChangeType {
        licenses: (0..96).map(|n| (spelling(n, true), name(from))).collect(),
        to: name(to),
    };
    let lowered = draw_up(&held(0), change(0, 1)).unwrap().confirmation(limits).unwrap();
    assert_eq!(lowered.number, 96);
    assert!(
        lowered.what.starts_with("remove or lower 96 licenses") && lowered.what.contains("46 more seats in overage"),
        "{}",
        lowered.what
    );
    assert_eq!(draw_up(&held(1), change(1, 0)).unwrap().confirmation(limits), None, "nobody loses, and nothing is paid");
}

#[test]
fn roles_of_many_groups_are_edited_alike() {
    let named = |id: &str| Role { id: RoleId::new(id), name: format!("Role {id}"), ..tenant_admin() };
    let full: Vec<String> = (0..100).map(|n| format!("r{n}")).collect();
    let full: Vec<&str> = full.iter().map(String::as_str).collect();
    let inventory = Inventory {
        groups: vec![
            group("a", Some(&["x", "y"])),
            group("b", Some(&["new"])),
            group("hidden", None),
            group("full", Some(&full)),
            group("none", Some(&[])),
        ],
        roles: vec![named("x"), named("y"), named("new")],
        ..Inventory::default()
    };
    let ids = |ids: &[&str]| ids.iter().map(|id| GroupId::new(*id)).collect::<Vec<_>>();
    let plan = |of: &[&str], edit| draw_up(&inventory, Intent::EditRoles { groups: ids(of), edit });
    let all = ["a", "b", "hidden", "full", "none", "gone"];
    let told = |plan: &Plan| {
        let names = crate::change::Names { roles: None };
        let row = |planned: &PlannedChange| {
            let told = planned.change.told(&names);
            format!("{} +{} -{}", planned.change.target(), told.added.join(","), told.removed.join(","))
        };
        plan.changes.iter().map(row).collect::<Vec<_>>()
    };
    let both = plan(&all, RoleEdit::Change { add: roles(&["new"]), remove: roles(&["y"]) }).unwrap();
    assert_eq!(both.title, "Add Role new and remove Role y: 6 groups");
    assert_eq!(told(&both), ["A +new -y", "NONE +new -"]);
    let why: Vec<_> = both.unchanged.iter().map(|one| (one.target.as_str(), one.why.clone())).collect();
    assert_eq!(
        why,
        [("B", WhyNot::AsWanted), ("HIDDEN", WhyNot::NotVisible), ("FULL", WhyNot::TooManyRoles), ("gone", WhyNot::Gone),]
    );
    let add = plan(&["a"], RoleEdit::Change { add: roles(&["new"]), remove: roles(&[]) }).unwrap();
    assert_eq!((add.title.as_str(), told(&add)), ("Add Role new to A", vec!["A +new -".to_owned()]));
    let set = plan(&["a", "b"], RoleEdit::Set(roles(&["x"]))).unwrap();
    assert_eq!(told(&set), ["A + -y", "B +x -new"]);
    let copy = plan(&["a", "none"], RoleEdit::Copy { from: GroupId::new("b"), roles: roles(&["new"]) }).unwrap();
    assert_eq!(copy.title, "Set roles of 2 groups as in B");
    assert_eq!(told(&copy), ["A +new -x,y", "NONE +new -"]);
    // Of many edits those that can be done are done.
    let each = |edits: &[(&str, &[&str])]| {
        let edit = |(id, add): &(&str, &[&str])| (GroupId::new(*id), RoleEdit::Change { add: roles(add), remove: roles(&[]) });
        draw_up(&inventory, Intent::EditEach { edits: edits.iter().map(edit).collect(), rest: false })
    };
    let plan_each = each(&[("a", &["gone"]), ("none", &["x"])]).unwrap();
    assert_eq!((plan_each.title.as_str(), told(&plan_each)), ("Edit roles of 1 group", vec!["NONE +x -".to_owned()]));
    assert_eq!(plan_each.unchanged[0].why, WhyNot::RoleGone);
    // What is not on a list that ended early is not gone.
    let mut short = inventory.clone();
    short.coverage.groups = Part::Short { read: 5, of: 9 };
    let gone = Intent::EditRoles { groups: ids(&["gone"]), edit: RoleEdit::Set(roles(&["x"])) };
    assert!(matches!(draw_up(&short, gone), Err(PlanError::NotWhole(_))));
    // Roles that are gone can be taken away, and not be given.
    assert!(plan(&["full"], RoleEdit::Change { add: roles(&[]), remove: roles(&["r1"]) }).is_ok());
    assert_eq!(plan(&["a"], RoleEdit::Set(roles(&["r1"]))), Err(PlanError::UnknownRole(RoleId::new("r1"))));
    assert_eq!(plan(&[], RoleEdit::Set(roles(&["x"]))), Err(PlanError::NothingSelected));
}

#[test]
fn names_that_differ_in_case_alone_are_told() {
    let inventory =
        Inventory { groups: vec![Group { provider: Provider::Custom, ..group("a", Some(&[])) }], ..Inventory::default() };
    let new = |name: &str| {
        (1, CreateGroup { name: name.into(), description: String::new(), provider: Provider::Custom, roles: BTreeSet::new() })
    };
    let warnings = |intent| draw_up(&inventory, intent).unwrap().warnings;
    let create = |names: &[&str]| Intent::CreateGroups { groups: names.iter().map(|name| new(name)).collect() };
    // The group is called A.
    let alike = |count, name: &str, like: &str| Warning::AlikeNames { count, name: name.into(), like: like.into() };
    assert_eq!(warnings(create(&["a", "B"])), [alike(1, "a", "A")]);
    assert_eq!(warnings(create(&["B", "b", "C"])), [alike(1, "b", "B")]);
    assert_eq!(warnings(create(&["B", "C"])), []);
    let renamed = |name: &str| Intent::EditGroup {
        group: GroupId::new("a"),
        after: Naming { name: name.into(), description: String::new() },
    };
    assert_eq!(warnings(renamed("B")), []);
    assert_eq!(warnings(renamed("a")), [], "it takes its own place");
}

/// What cannot be restored is said, and does not stop the rest.
#[test]
fn what_cannot_be_restored_is_said() {
    let group = |id: &str, name: &str, provider, roles: &[&str]| Group {
        id: GroupId::new(id),
        name: name.into(),
        description: String::new(),
        status: "active".into(),
        provider,
        roles: Some(roles.iter().map(|role| RoleId::new(*role)).collect()),
        created: String::new(),
        created_by: String::new(),
        updated: String::new(),
    };
    let then = |name: &str, provider, roles: &[&str]| GroupThen {
        name: name.into(),
        description: String::new(),
        status: "active".into(),
        provider,
        roles: roles.iter().map(|role| RoleId::new(*role)).collect(),
    };
    let mut inventory = Inventory {
        groups: vec![
            group("idp", "New name", Provider::Idp, &["1"]),
            group("everyone", "com.qlik.Everyone", Provider::System, &[]),
            group("taken", "Taken", Provider::Custom, &[]),
            group("same", "Same", Provider::Custom, &[]),
        ],
        roles: vec![role(1)],
        ..Inventory::default()
    };
    inventory.groups[3].roles = Some(BTreeSet::new());
    let wanted = vec![
        (GroupId::new("idp"), Some(then("Old name", Provider::Idp, &[]))),
        (GroupId::new("everyone"), None),
        (GroupId::new("taken"), Some(then("Same", Provider::Custom, &[]))),
        (GroupId::new("same"), Some(then("Same", Provider::Custom, &[]))),
        (GroupId::new("gone"), Some(then("Gone", Provider::Custom, &["deleted role"]))),
        // It came again under its name: its roles are set, and no second one is made.
        (GroupId::new("again"), Some(then("Taken", Provider::Custom, &["1"]))),
        (GroupId::new("off"), Some(GroupThen { status: "disabled".into(), ..then("Disabled", Provider::Custom, &[]) })),
        (GroupId::new("never"), None),
    ];
    let plan = draw_up(&inventory, Intent::Restore { groups: wanted.clone(), as_of: "then".into() }).unwrap();
    assert_eq!(plan.title, "Restore 8 groups as of then");
    let changes: Vec<String> = plan.changes.iter().map(|planned| planned.change.target()).collect();
    assert_eq!(changes, ["New name", "Taken"], "their roles are set all the same");
    let skipped: Vec<(&str, &WhyNot)> =
        plan.unchanged.iter().map(|unchanged| (unchanged.target.as_str(), &unchanged.why)).collect();
    assert_eq!(
        skipped,
        [
            ("New name", &WhyNot::KeptElsewhere),
            ("com.qlik.Everyone", &WhyNot::KeptElsewhere),
            ("Taken", &WhyNot::NameInUse),
            ("Same", &WhyNot::AsWanted),
            ("Gone", &WhyNot::RoleGone),
            ("Disabled", &WhyNot::WasDisabled),
            ("never", &WhyNot::AsWanted),
        ]
    );
    inventory.coverage.groups = Part::Short { read: 4, of: 5 };
    let refused = draw_up(&inventory, Intent::Restore { groups: wanted, as_of: "then".into() });
    assert!(matches!(refused, Err(PlanError::NotWhole(_))), "what was not read may be there");
}

/// What a role that makes people Full users takes in people and seats, counted once each whichever way they have it.
#[test]
fn a_role_that_raises_says_whom_and_how_many_seats() {
    let group = |id: &str, roles: &[&str]| Group {
        id: GroupId::new(id),
        name: id.into(),
        description: String::new(),
        status: "active".into(),
        provider: Provider::Custom,
        roles: Some(roles.iter().map(|role| RoleId::new(*role)).collect()),
        created: String::new(),
        created_by: String::new(),
        updated: String::new(),
    };
    let person = |n: u8, groups: &[&str], direct: &[&str]| Person {
        id: UserId::new(n.to_string()),
        subject: Subject::new(format!("p{n}")),
        name: String::new(),
        email: String::new(),
        status: "active".into(),
        roles: Some(direct.iter().map(|role| RoleId::new(*role)).collect()),
        groups: Some(groups.iter().map(|id| GroupId::new(*id)).collect()),
    };
    let raising = Role { raises_entitlement: true, ..role(1) };
    let full = AllotmentName::new("fullUser");
    let mut inventory = Inventory {
        allotments: vec![Allotment { name: full.clone(), usage_class: UsageClass::Assigned, units: 3, used: 2, overage: 0 }],
        // One has the role directly, one holds a license already, two hold none, one is disabled.
        people: vec![
            person(1, &["a"], &["1"]),
            person(2, &["a"], &[]),
            person(3, &["a", "b"], &[]),
            person(4, &["b"], &[]),
            Person { status: "disabled".into(), ..person(5, &["a"], &[]) },
        ],
        assignments: vec![Assignment { subject: Subject::new("P2"), allotment: full, excess: false, created: String::new() }],
        groups: vec![group("a", &[]), group("b", &[])],
        roles: vec![raising],
        ..Inventory::default()
    };
    let told = |inventory: &Inventory| {
        let edit = RoleEdit::Change { add: [RoleId::new("1")].into(), remove: BTreeSet::new() };
        let plan = draw_up(inventory, Intent::EditRoles { groups: vec![GroupId::new("a"), GroupId::new("b")], edit }).unwrap();
        let warning = plan.warnings.into_iter().find(|warning| matches!(warning, Warning::RaisesEntitlement { .. })).unwrap();
        warning.sentences().1
    };
    assert_eq!(told(&inventory), "3 people become Full users and may use 2 more Full user seats; only 1 is left.");
    inventory.allotments[0].units = 10;
    assert_eq!(told(&inventory), "3 people become Full users and may use 2 more Full user seats of 8 that are left.");
    inventory.allotments[0].overage = -1;
    assert_eq!(told(&inventory), "3 people become Full users and may use 2 more Full user seats.");
    inventory.allotments.clear();
    assert_eq!(told(&inventory), "3 people become Full users. This subscription lists no Full user seats, so it may take none.");
    inventory.people[3].groups = None;
    assert_eq!(told(&inventory), "This may use more seats. This key cannot see how many people that is.");
}
