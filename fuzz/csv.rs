//! Lists that people bring: whatever the bytes are, they are read and checked, or refused with a reason.
#![no_main]

use std::sync::LazyLock;

use domain::allotment::{Allotment, AllotmentName, UsageClass};
use domain::inventory::{Assignment, Inventory, Person, UserId};
use domain::import::{Field, Directory, Mapping, Action, Rules, List, check, write};
use domain::subject::Subject;
use libfuzzer_sys::fuzz_target;

static KNOWN: LazyLock<Directory> = LazyLock::new(|| {
    let allotment = |name: &str| Allotment {
        name: AllotmentName::new(name),
        usage_class: UsageClass::Assigned,
        units: 10,
        used: 0,
        overage: 0,
    };
    Directory::of(&Inventory {
        allotments: vec![allotment("professional"), allotment("analyzer")],
        people: (0..20)
            .map(|n| Person {
                id: UserId::new(format!("id{n}")),
                subject: Subject::new(format!("M\\p{n}")),
                name: format!("Person {n}"),
                email: format!("p{n}@x.example"),
                status: "active".into(),
                roles: Default::default(),
                groups: Default::default(),
            })
            .collect(),
        assignments: vec![Assignment {
            subject: Subject::new("M\\p1"),
            allotment: AllotmentName::new("analyzer"),
            excess: false,
            created: String::new(),
        }],
        ..Inventory::default()
    })
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(list) = List::read(bytes) else { return };
    let mapping = Mapping::guess(list.headings.as_deref(), &list.lines, &KNOWN);
    for action in [Action::Give, Action::Take, Action::Sync, Action::Rename] {
        let rules = Rules { mapping: mapping.clone(), action, ..Rules::default() };
        let checked = check(&list, &rules, &KNOWN);
        assert!(checked.entries.len() + checked.faults.len() <= list.lines.len());
    }
    // What was read can be written, and reads the same again.
    let width = list.width().max(1);
    let headings: Vec<String> = (0..width).map(|n| format!("Column {n}")).collect();
    let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
    let rows = list.lines.iter().map(|line| line.cells.iter().map(|cell| Field::new(cell)).collect());
    let _ = List::read(&write(&headings, rows));
});
