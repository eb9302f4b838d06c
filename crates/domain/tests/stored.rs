//! What is stored as JSON, field by field: plans, changes, the rules of a list and what a job came to. A database outlives a
//! version, so a field that gets another name here is a decision, with a migration or a name that is still read.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panicking")]

use std::collections::BTreeMap;

use domain::allotment::{Allotment, AllotmentName, UsageClass};
use domain::change::{
    Assign, Change, ChangeType, CreateGroup, DeleteGroup, EditGroup, GroupRoles, Naming, Remove, Rename, SetAutoAssign,
    SetGroupSettings,
};
use domain::import::{Action, Column, Mapping, Reading, Rules};
use domain::inventory::{AutoAssign, GroupId, GroupSettings, Provider, RoleId};
use domain::journal::{RowState, Tally};
use domain::plan::SeatChange;
use domain::plan::{Offer, OfferKind, Plan, PlannedChange, Reason, Risk, RoleShift, Unchanged, Warning, WhyNot};
use domain::subject::Subject;
use serde::Serialize;
use serde::de::DeserializeOwned;

fn subject(name: &str) -> Subject {
    Subject::new(format!("MERIDIAN\\{name}"))
}

fn allotment(name: &str) -> AllotmentName {
    AllotmentName::new(name)
}

/// One of each kind.
fn changes() -> Vec<Change> {
    let roles = |ids: &[&str]| ids.iter().map(|id| RoleId::new(*id)).collect();
    let auto = |analyzer| AutoAssign { professional: Some(false), analyzer };
    let groups = |sync_idp_groups| GroupSettings { auto_create_groups: Some(true), sync_idp_groups };
    vec![
        Change::Assign(Assign { subject: subject("a"), allotment: allotment("analyzer") }),
        Change::Remove(Remove { subject: subject("b"), allotment: allotment("professional") }),
        Change::ChangeType(ChangeType { subject: subject("c"), from: allotment("professional"), to: allotment("fullUser") }),
        Change::Rename(Rename {
            from: subject("d"),
            to: subject("e"),
            allotments: vec![allotment("analyzer"), allotment("professional")],
        }),
        Change::GroupRoles(GroupRoles {
            group: GroupId::new("g"),
            name: "Finance".into(),
            add: roles(&["r2", "r3"]),
            remove: roles(&["r1"]),
            seen: roles(&["r1", "r9"]),
        }),
        Change::CreateGroup(CreateGroup {
            name: "Audit".into(),
            description: "Reads the books".into(),
            provider: Provider::Custom,
            roles: roles(&["r1"]),
        }),
        Change::EditGroup(EditGroup {
            group: GroupId::new("h"),
            before: Naming { name: "Fin".into(), description: String::new() },
            after: Naming { name: "Finance".into(), description: "Money".into() },
        }),
        Change::DeleteGroup(DeleteGroup {
            group: GroupId::new("i"),
            was: Naming { name: "Old".into(), description: String::new() },
            provider: Provider::Idp,
            roles: roles(&["r2"]),
            members: Some(7),
        }),
        Change::AutoAssign(SetAutoAssign { before: auto(None), after: auto(Some(true)) }),
        Change::GroupSettings(SetGroupSettings { before: groups(None), after: groups(Some(false)) }),
    ]
}

fn plan() -> Plan {
    let planned = |change: Change| PlannedChange { change, name: "Aalto, Iida".into(), orphan: false, why: None };
    let mut rows: Vec<PlannedChange> = changes().into_iter().map(planned).collect();
    rows[0].why = Reason::plain("in their place");
    rows[2].why = Some(Reason::measured("last used it 45 days ago", 45, 30));
    rows[1].orphan = true;
    let reasons = [
        WhyNot::AsWanted,
        WhyNot::Gone,
        WhyNot::Overtaken,
        WhyNot::Taken,
        WhyNot::NotOurs,
        WhyNot::LeftOut,
        WhyNot::MaybeMeant,
        WhyNot::HoldsAnother,
        WhyNot::Newcomer,
        WhyNot::TakenOut,
        WhyNot::NotVisible,
        WhyNot::NotUndone,
        WhyNot::NameTaken,
        WhyNot::TooManyRoles,
        WhyNot::RoleGone,
    ];
    let names = || vec!["TenantAdmin".to_owned()];
    Plan {
        title: "One of everything".into(),
        changes: rows,
        unchanged: reasons.map(|why| Unchanged { target: "MERIDIAN\\x".into(), why }).to_vec(),
        seats: vec![SeatChange {
            allotment: Allotment {
                name: allotment("analyzer"),
                usage_class: UsageClass::Assigned,
                units: 10,
                used: 4,
                overage: -1,
            },
            after: 5,
            taken: 2,
            freed: 1,
        }],
        warnings: vec![
            Warning::NotEnoughSeats { allotment: allotment("analyzer"), short: 3 },
            Warning::Overage { allotment: allotment("fullUser"), after: 2, limit: Some(5) },
            Warning::Orphans { count: 1, first: subject("gone") },
            Warning::UnknownSubjects { count: 2, first: subject("new") },
            Warning::PeopleUnknown,
            Warning::ShutOut { disabled: 1, deleted: 2 },
            Warning::Bots { count: 1 },
            Warning::BotsGain { count: 1 },
            Warning::AutoAssignGivesBack { allotment: allotment("analyzer"), count: 4 },
            Warning::SecondLicense { count: 1 },
            Warning::Loses { allotment: allotment("professional"), count: 1 },
            Warning::AdminRoles { names: names() },
            Warning::AdminRolesTaken { names: names(), people: Some(3) },
            Warning::LastAdmin,
            Warning::RaisesEntitlement { names: names(), raised: None },
            Warning::Everyone,
            Warning::GroupsComeBack { count: 2 },
            Warning::AlikeNames { count: 1, name: "finance".into(), like: "Finance".into() },
            Warning::AutoAssignOn { names: names() },
        ],
        removes_the_rest: true,
        restores: false,
        offers: vec![
            Offer { kind: OfferKind::Newcomers, changes: changes().drain(..1).collect() },
            Offer { kind: OfferKind::HoldsAnother, changes: Vec::new() },
        ],
        risks: vec![
            Risk::MakesAdmins { people: None, groups: 1, roles: names() },
            Risk::TakesAdmins { people: Some(2), groups: 1, last: true },
            Risk::Everyone { people: 12_000 },
            Risk::DeletesGroups { groups: 3, people: Some(40) },
            Risk::Losses { rows: 40 },
            Risk::Overage { seats: 2 },
            Risk::AutoAssign { people: 900 },
        ],
        role_shifts: vec![RoleShift {
            role: RoleId::new("r1"),
            name: "TenantAdmin".into(),
            gain: None,
            lose: Some(4),
            added: 0,
            removed: 2,
        }],
    }
}

fn rules() -> Rules {
    Rules {
        action: Action::Sync,
        mapping: Mapping(Column::ALL.into_iter().map(Some).chain([None]).collect()),
        usual: Some(allotment("analyzer")),
        allow_unknown: true,
        corrections: BTreeMap::from([((3, 1), "Analyzer".to_owned()), ((4, 0), "MERIDIAN\\a".to_owned())]),
        left_out: [5, 9].into(),
        reading: Reading { separator: Some(';'), encoding: Some("windows-1252".into()), headings: Some(2) },
    }
}

/// What is written is what the file beside this one says, and is read back as it was.
fn kept<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(name: &str, value: &T) {
    insta::assert_json_snapshot!(name, value);
    assert_eq!(serde_json::from_str::<T>(&serde_json::to_string(value).unwrap()).unwrap(), *value, "{name}");
}

#[test]
fn a_change_of_each_kind() {
    kept("change", &changes());
}

#[test]
fn a_plan() {
    kept("plan", &plan());
}

#[test]
fn the_rules_of_a_list() {
    kept("list_rules", &rules());
    kept("purposes", &[Action::Give, Action::Take, Action::Sync, Action::Rename]);
}

#[test]
fn what_a_job_came_to() {
    let mut tally = Tally::default();
    for (n, state) in (1..).zip(RowState::ALL) {
        tally.add(state, n);
    }
    kept("tally", &tally);
    insta::assert_json_snapshot!("row_states", RowState::ALL.map(RowState::as_str));
}

#[test]
fn what_the_first_version_wrote_is_read() {
    let plan: Plan = serde_json::from_str(
        r#"{"title":"Assign Analyzer","changes":[{"change":{"Assign":{"subject":"M\\a","allotment":"analyzer"}},"name":"Ann","orphan":false,"why":"line 3 of the list"}],
            "unchanged":[{"target":"M\\b","why":"AsWanted"}],"seats":[],"warnings":[{"Bots":{"count":1}}]}"#,
    )
    .unwrap();
    assert_eq!((plan.changes.len(), plan.risks.len(), plan.removes_the_rest), (1, 0, false));
    assert_eq!(plan.changes[0].why, Reason::plain("line 3 of the list"));
    let settings: Change = serde_json::from_str(
        r#"{"GroupSettings":{"before":{"auto_create_groups":true,"sync_idp_groups":null},"after":{"auto_create_groups":false,"sync_idp_groups":null}}}"#,
    )
    .unwrap();
    assert!(
        matches!(settings, Change::GroupSettings(SetGroupSettings { before, .. }) if before.auto_create_groups == Some(true))
    );
    // Both sets of a group's roles were kept; what they differ in is the change.
    let group: Change =
        serde_json::from_str(r#"{"GroupRoles":{"group":"g","name":"Finance","before":["r1","r9"],"after":["r2","r9"]}}"#)
            .unwrap();
    let ids = |ids: &[&str]| ids.iter().map(|id| RoleId::new(*id)).collect();
    let (add, remove, seen) = (ids(&["r2"]), ids(&["r1"]), ids(&["r1", "r9"]));
    assert_eq!(group, GroupRoles { group: GroupId::new("g"), name: "Finance".into(), add, remove, seen }.into());
    let rules: Rules = serde_json::from_str(
        r#"{"purpose":"Give","mapping":["Subject",null],"usual":null,"strangers":false,"mended":[[[2,1],"x"]],"left_out":[3]}"#,
    )
    .unwrap();
    assert_eq!((rules.reading, rules.left_out.len()), (Reading::default(), 1));
}
