//! Plans do what was wanted, can be taken back, and never lie about seats.

use proptest::prelude::*;

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::allotment::{Allotment, UsageClass};
use crate::inventory::{
    Assignment, AutoAssign, Group, GroupId, GroupSettings, Inventory, Person, Provider, Role, RoleLevel, UserId,
};
use crate::seats::SeatChange;
use crate::sheet::{Entry, Purpose};
use crate::subject::Subject;
use crate::table::{Day, Row, Table, Used};

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
                status: "active".into(), roles: BTreeSet::new(), groups: BTreeSet::new(),
            }).collect(),
            groups: vec![Group {
                id: GroupId::new("g"), name: "G".into(), description: String::new(), status: "active".into(),
                provider: Provider::Idp, roles: roles.iter().map(|n| RoleId::new(n.to_string())).collect(), updated: String::new(),
            }],
            roles: (0..9).map(role).collect(),
            auto_assign: AutoAssign { professional: auto.0, analyzer: auto.1 },
            group_settings: GroupSettings::default(),
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
            |(purpose, lines)| {
                let purpose = [Purpose::Give, Purpose::Take, Purpose::Sync][purpose];
                let entry = |(n, a): (u8, Option<usize>)| Entry {
                    line: 1,
                    subject: spelling(n, true),
                    allotment: a.map(name),
                    moves_to: None,
                    purpose,
                };
                Intent::List { purpose, entries: lines.into_iter().map(entry).collect() }
            }
        ),
        any::<(Option<bool>, Option<bool>)>()
            .prop_map(|(professional, analyzer)| Intent::SetAutoAssign(AutoAssign { professional, analyzer })),
        any::<(bool, Option<bool>)>().prop_map(|(auto_create_groups, sync_idp_groups)| {
            Intent::SetGroupSettings(GroupSettings { auto_create_groups, sync_idp_groups })
        }),
    ]
}

/// What the intent asks of the tenant, checked without the planner.
fn fulfilled(people: &BTreeSet<String>, before: &Holdings, after: &Holdings, intent: &Intent) -> bool {
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
        Intent::List { purpose, entries } => {
            let held = |of: &Holdings, subject: &Subject| -> BTreeSet<AllotmentName> {
                of.held.iter().filter(|(key, _)| *key == subject.key()).map(|(_, name)| name.clone()).collect()
            };
            let listed: BTreeSet<String> = entries.iter().map(|entry| entry.subject.key()).collect();
            entries.iter().all(|entry| match (purpose, &entry.allotment) {
                (Purpose::Give, Some(allotment)) => after.holds(&entry.subject, allotment),
                (Purpose::Give, None) | (Purpose::Rename, _) => true,
                (Purpose::Take, Some(allotment)) => !after.holds(&entry.subject, allotment),
                (Purpose::Take, None) => held(after, &entry.subject).is_empty(),
                (Purpose::Sync, wanted) => held(after, &entry.subject) == wanted.iter().cloned().collect(),
            }) && (*purpose != Purpose::Sync
                // Nobody else keeps a license but those who are no users here.
                || after.held.iter().all(|(key, _)| listed.contains(key) || !people.contains(key)))
        }
        Intent::SetGroupRoles { group, roles } => after.groups.get(group) == Some(roles),
        Intent::SetAutoAssign(wanted) => after.auto_assign == *wanted,
        Intent::SetGroupSettings(wanted) => after.group_settings == *wanted,
        Intent::Exactly { .. } => true,
    }
}

proptest! {
    #[test]
    fn applying_yields_the_intent_and_the_inverse_the_original(inventory in inventory(), intent in intent()) {
        let before = Holdings::of(&inventory);
        let plan = draw_up(&inventory, intent.clone()).unwrap();
        let mut state = before.clone();
        for planned in &plan.changes {
            // Every listed change really changes something.
            prop_assert_eq!(state.stand(&planned.change), Stand::Before);
            state.apply(&planned.change);
            prop_assert_eq!(state.stand(&planned.change), Stand::Wanted);
        }
        let people = inventory.people.iter().map(|person| person.subject.key()).collect();
        prop_assert!(fulfilled(&people, &before, &state, &intent));
        for planned in plan.changes.iter().rev() {
            state.apply(&planned.change.inverse());
        }
        prop_assert_eq!(state, before);
    }

    #[test]
    fn seats_never_lie(inventory in inventory(), intent in intent()) {
        let plan = draw_up(&inventory, intent).unwrap();
        let mut state = Holdings::of(&inventory);
        for planned in &plan.changes { state.apply(&planned.change); }
        for allotment in &inventory.allotments {
            let held = state.held.iter().filter(|(_, name)| *name == allotment.name).count() as i64;
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
                Change::Remove { allotment, .. } => (Some(allotment), None),
                Change::Assign { allotment, .. } => (None, Some(allotment)),
                Change::ChangeType { from, to, .. } => (Some(from), Some(to)),
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
        let after = carried_out(&inventory, plan.changes.iter().map(|planned| &planned.change), "2026-11-22");
        let mut state = Holdings::of(&inventory);
        for planned in &plan.changes {
            state.apply(&planned.change);
        }
        prop_assert_eq!(Holdings::of(&after), state);
        for allotment in &after.allotments {
            let held = after.assignments.iter().filter(|a| a.allotment == allotment.name).count() as i64;
            prop_assert_eq!(allotment.used, held);
        }
        prop_assert!(draw_up(&after, intent).unwrap().changes.is_empty());
    }

    #[test]
    fn an_undo_takes_back_only_what_still_stands(inventory in inventory(), intent in intent()) {
        let plan = draw_up(&inventory, intent).unwrap();
        let undo = plan.changes.iter().map(|p| p.change.inverse()).collect();
        // Nothing was applied, so there is nothing to take back.
        let plan = draw_up(&inventory, Intent::Exactly { title: "Undo".into(), changes: undo }).unwrap();
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
            prop_assert_eq!(remedies.last(), Some(&Remedy::LeaveOut));
            for remedy in remedies {
                let (changes, left_out) = plan.remedied(&allotment, &remedy);
                let again = draw_up(&inventory, Intent::Exactly { title: String::new(), changes }).unwrap();
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
        roles: BTreeSet::new(),
        groups: BTreeSet::new(),
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
    assert_eq!(remedy.label(shortage.short, &name(0)), "Take 3 Professional back first");
    assert_eq!(
        remedy.explained(&inventory),
        "1 of disabled users, 1 of people without any use that Qlik keeps and 1 of people who last used it 40 days ago. \
         Longest without use first; nobody who can sign in and used Qlik, or was given theirs, in the last 30 days."
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
    assert_eq!(error.to_string(), "Analyzer capacity is a pool of minutes and cannot be assigned: choose another allotment");
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
        Change::ChangeType { subject: subject(1), from: name(0), to: name(1) },
        Change::Remove { subject: subject(2), allotment: name(1) },
    ];
    let plan = draw_up(&inventory, Intent::Exactly { title: String::new(), changes }).unwrap();
    assert_eq!(plan.changes.iter().map(|p| p.change.kind()).collect::<Vec<_>>(), [Kind::Remove, Kind::ChangeType]);
    assert!(plan.warnings.iter().all(|warning| !warning.is_grave()));
    assert_eq!(plan.requests(100), 2);
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
