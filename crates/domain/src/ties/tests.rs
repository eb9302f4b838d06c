//! How a tenant stands to its ties, compared with a plain telling.

use proptest::prelude::*;

use super::*;
use crate::allotment::{Allotment, UsageClass};
use crate::inventory::{Assignment, Part, UserId};
use crate::plan::{Intent, draw_up};
use crate::projection::Projection;

const NAMES: [&str; 3] = ["professional", "analyzer", "insight"];

fn name(at: usize) -> AllotmentName {
    AllotmentName::new(NAMES[at])
}

fn group(n: u8) -> Group {
    Group {
        id: GroupId::new(format!("g{n}")),
        name: format!("G{n}"),
        description: String::new(),
        status: "active".into(),
        provider: if n == 9 { Provider::System } else { Provider::Idp },
        roles: Some(BTreeSet::new()),
        created: String::new(),
        created_by: String::new(),
        updated: String::new(),
    }
}

fn person(n: u8, groups: &BTreeSet<u8>, status: &str) -> Person {
    Person {
        id: UserId::new(format!("u{n}")),
        subject: Subject::new(format!("M\\p{n}")),
        name: format!("Person {n}"),
        email: String::new(),
        status: status.to_owned(),
        roles: Some(BTreeSet::new()),
        groups: Some(groups.iter().map(|n| GroupId::new(format!("g{n}"))).collect()),
    }
}

/// A license of somebody, whose subject is the same in any case.
fn license(n: u8, at: usize) -> Assignment {
    Assignment { subject: Subject::new(format!("m\\P{n}")), allotment: name(at), excess: false, created: String::new() }
}

prop_compose! {
    fn tenant()(
        people in prop::collection::btree_map(0u8..8, (prop::collection::btree_set(0u8..4, 0..3), any::<bool>()), 0..8),
        held in prop::collection::btree_set((0u8..10, 0usize..3), 0..10),
        groups in prop::collection::btree_set(0u8..4, 0..4),
    ) -> Inventory {
        let allotment = |at| Allotment { name: name(at), usage_class: UsageClass::Assigned, units: 100, used: 0, overage: 0 };
        Inventory {
            allotments: (0..3).map(allotment).collect(),
            people: people.iter().map(|(n, (groups, out))| person(*n, groups, if *out { "disabled" } else { "active" })).collect(),
            assignments: held.iter().map(|(n, at)| license(*n, *at)).collect(),
            groups: groups.iter().copied().chain([9]).map(group).collect(),
            ..Inventory::default()
        }
    }
}

fn ties() -> impl Strategy<Value = Vec<Tie>> {
    let tie = |(n, at): (u8, usize)| Tie { group: GroupId::new(format!("g{n}")), name: format!("G{n}"), allotment: name(at) };
    prop::collection::btree_map(prop_oneof![0u8..4, Just(9)], 0usize..3, 0..4)
        .prop_map(move |ties| ties.into_iter().map(tie).collect())
}

fn is_member(inventory: &Inventory, tie: &Tie, person: &Person) -> bool {
    let there = inventory.groups.iter().any(|group| group.id == tie.group);
    there && (tie.group.as_str() == "g9" || person.groups.as_ref().unwrap().contains(&tie.group))
}

/// What somebody is to hold, plainly: the largest license of the tied groups that they are in.
fn wants(inventory: &Inventory, ties: &[Tie], person: &Person) -> Option<AllotmentName> {
    NAMES
        .iter()
        .map(|name| AllotmentName::new(*name))
        .find(|name| ties.iter().any(|tie| tie.allotment == *name && is_member(inventory, tie, person)))
}

fn holds(inventory: &Inventory, subject: &Subject, name: &AllotmentName) -> bool {
    inventory.assignments.iter().any(|a| a.subject.key() == subject.key() && a.allotment == *name)
}

fn at_least(name: &AllotmentName) -> Vec<AllotmentName> {
    match name.as_str() {
        "analyzer" => vec![AllotmentName::new("professional"), name.clone()],
        _ => vec![name.clone()],
    }
}

fn after(inventory: &Inventory, changes: Vec<Change>) -> Inventory {
    if changes.is_empty() {
        return inventory.clone();
    }
    let changes = changes.into_iter().map(|change| (change, String::new())).collect();
    let plan = draw_up(inventory, Intent::Tied { title: "t".into(), changes }).unwrap();
    assert!(plan.unchanged.is_empty(), "{:?}", plan.unchanged);
    Projection::after(inventory, plan.changes.iter().map(|planned| (&planned.change, None)), "").into_inventory()
}

proptest! {
    /// Two readings, and what is found after the second: who lacks and who left are those of a plain telling; what the plans do
    /// leaves nobody who lacks or left.
    #[test]
    fn who_lacks_and_who_left_is_told(first in tenant(), second in tenant(), ties in ties()) {
        let mut known: Vec<(Tie, Members)> = ties.iter().map(|tie| (tie.clone(), Members::default())).collect();
        for (tie, members) in &mut known {
            members.take(tie, &first, 1);
            members.take(tie, &second, 2);
        }
        for (_, members) in &known {
            prop_assert_eq!(&Members::of_bytes(&members.to_bytes()).unwrap(), members);
        }
        let standing = compare(&second, &known).unwrap();
        let mut lacking = BTreeSet::new();
        for person in second.people.iter().filter(|person| !person.is_shut_out()) {
            if let Some(wants) = wants(&second, &ties, person)
                && !at_least(&wants).iter().any(|name| holds(&second, &person.subject, name))
            {
                lacking.insert((person.subject.key(), wants));
            }
        }
        let told: BTreeSet<_> = standing.lacking.iter().map(|lacking| (lacking.subject.key(), lacking.wants.clone())).collect();
        prop_assert_eq!(&told, &lacking);
        let mut left = BTreeSet::new();
        for tie in &ties {
            for was in first.people.iter().filter(|was| is_member(&first, tie, was)) {
                let now = second.people.iter().find(|person| person.subject == was.subject);
                let is = now.is_some_and(|now| is_member(&second, tie, now));
                let wanted = now.and_then(|now| wants(&second, &ties, now));
                let as_much = wanted.is_some_and(|wanted| at_least(&tie.allotment).contains(&wanted));
                if !is && holds(&second, &was.subject, &tie.allotment) && !as_much {
                    left.insert((was.subject.key(), tie.allotment.clone()));
                }
            }
        }
        let told: BTreeSet<_> = standing.left.iter().map(|left| (left.subject.key(), left.holds.clone())).collect();
        prop_assert_eq!(&told, &left);
        for count in &standing.counts {
            prop_assert_eq!(count.hold + count.lack + count.by_another, count.members);
        }
        // Each figure is as many people as its group's own list has.
        for (tie, count) in ties.iter().zip(&standing.counts) {
            let lacking = standing.lacking.iter().filter(|lacking| lacking.by.contains(&tie.group)).count() as u64;
            let left = standing.left.iter().filter(|left| left.groups.contains(&tie.group)).count() as u64;
            prop_assert_eq!((count.lack, count.left), (lacking, left));
        }
        let out: BTreeSet<String> = second.people.iter().filter(|one| one.is_shut_out()).map(|one| one.subject.key()).collect();
        prop_assert!(standing.left.iter().all(|left| left.becomes.is_none() || !out.contains(&left.subject.key())));
        // What the plans do, one after the other.
        let given = after(&second, standing.lacking.iter().map(Lacking::change).collect());
        let standing = compare(&given, &known).unwrap();
        prop_assert!(standing.lacking.is_empty());
        let taken = after(&given, standing.left.iter().map(Left::change).collect());
        let standing = compare(&taken, &known).unwrap();
        prop_assert!(standing.lacking.is_empty() && standing.left.is_empty(), "{:?}", standing);
    }
}

#[test]
fn what_is_not_visible_says_nothing_and_forgets_nobody() {
    let tie = Tie { group: GroupId::new("g1"), name: "G1".into(), allotment: name(1) };
    let mut inventory =
        Inventory { groups: vec![group(1)], people: vec![person(1, &[1].into(), "active")], ..Inventory::default() };
    let mut members = Members::default();
    assert!(members.take(&tie, &inventory, 1));
    inventory.people[0].groups = None;
    assert!(!members.take(&tie, &inventory, 2) && members.0.values().all(|membership| membership.until.is_none()));
    assert_eq!(compare(&inventory, &[(tie.clone(), members.clone())]), Err(NotVisible));
    inventory.people[0].groups = Some(BTreeSet::new());
    for part in [Part::Hidden, Part::Short { read: 1, of: 2 }] {
        for list in 0..3 {
            let mut short = inventory.clone();
            let coverage = &mut short.coverage;
            *[&mut coverage.people, &mut coverage.groups, &mut coverage.licenses][list] = part;
            assert!(!members.take(&tie, &short, 2));
            assert_eq!(compare(&short, &[(tie.clone(), members.clone())]), Err(NotVisible));
        }
    }
}

/// Whoever left and gave the license back is forgotten: one that they are given later has another reason.
#[test]
fn whoever_gave_the_license_back_is_forgotten() {
    let tie = Tie { group: GroupId::new("g1"), name: "G1".into(), allotment: name(1) };
    let mut inventory = Inventory {
        groups: vec![group(1)],
        people: vec![person(1, &[1].into(), "active")],
        assignments: vec![license(1, 1)],
        ..Inventory::default()
    };
    let mut members = Members::default();
    members.take(&tie, &inventory, 1);
    inventory.people[0].groups = Some(BTreeSet::new());
    members.take(&tie, &inventory, 2);
    let left = compare(&inventory, &[(tie.clone(), members.clone())]).unwrap().left;
    assert_eq!(left.iter().map(|left| (left.until, left.name.as_str())).collect::<Vec<_>>(), [(2, "Person 1")]);
    inventory.assignments.clear();
    members.take(&tie, &inventory, 3);
    assert!(members.0.is_empty());
    inventory.assignments.push(license(1, 1));
    members.take(&tie, &inventory, 4);
    assert!(compare(&inventory, &[(tie, members)]).unwrap().left.is_empty());
}

/// A group that is made again under its name is the same group: nobody has left it.
#[test]
fn a_group_that_came_again_has_its_members() {
    let tie = Tie { group: GroupId::new("g1"), name: "G1".into(), allotment: name(1) };
    let mut inventory = Inventory {
        groups: vec![group(1)],
        people: vec![person(1, &[1].into(), "active")],
        assignments: vec![license(1, 1)],
        ..Inventory::default()
    };
    let mut members = Members::default();
    members.take(&tie, &inventory, 1);
    inventory.groups[0].id = GroupId::new("g7");
    inventory.people[0] = person(1, &[7].into(), "active");
    members.take(&tie, &inventory, 2);
    let standing = compare(&inventory, &[(tie, members)]).unwrap();
    assert!(standing.left.is_empty() && standing.counts[0].exists && standing.counts[0].hold == 1);
}
