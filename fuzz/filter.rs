//! Addresses of the table: whatever somebody types into one is a view, the same after a round through the address, and shows
//! rows of the table in some order, each at most once.
#![no_main]

use std::sync::LazyLock;

use domain::allotment::AllotmentName;
use domain::inventory::{Assignment, GroupId, Inventory, Person, UserId};
use domain::subject::Subject;
use domain::assignments::{Block, Outline, Table, View};
use domain::table::Rows as _;
use libfuzzer_sys::fuzz_target;

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    Table::build(&Inventory {
        people: (0..60)
            .map(|n| Person {
                id: UserId::new(format!("id{n}")),
                subject: Subject::new(format!("M\\p{n}")),
                name: if n % 7 == 0 { String::new() } else { format!("Pérson {}", n % 11) },
                email: if n % 5 == 0 { String::new() } else { format!("P{n}@x.example") },
                status: ["active", "disabled"][n % 2].into(),
                roles: Default::default(),
                groups: Some([GroupId::new((n % 3).to_string())].into()),
            })
            .collect(),
        assignments: (0..50)
            .map(|n| Assignment {
                subject: Subject::new(format!("m\\P{}", n + n / 3)),
                allotment: AllotmentName::new(["professional", "analyzer"][n % 2]),
                excess: n % 9 == 0,
                created: format!("2024-0{}-11T00:00:00Z", n % 9 + 1),
            })
            .collect(),
        ..Inventory::default()
    })
});

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let pairs = text.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let view = View::from_pairs(pairs);
        let again = View::from_pairs(view.to_pairs().iter().map(|(key, value)| (*key, value.as_str())));
        assert_eq!(again, view);
        let order = TABLE.order(&view);
        let once: std::collections::BTreeSet<u32> = order.iter().copied().collect();
        assert_eq!(once.len(), order.len());
        assert_eq!(order.len(), TABLE.matching(&view.filter).len());
        let window = TABLE.window(&view, 10);
        assert!(window.rows.len() <= 10 && window.page <= window.pages);
    }
    // What comes over the wire is a block, or refused.
    if let (Ok(outline), Ok(block)) = (Outline::decode(bytes), Block::decode(bytes)) {
        let _ = Table::begin(outline).push(&block);
    }
});
