//! Measures how long a list of 100,000 lines takes to be read and compared with 100,000 people, whatever is in it. Prints one line of
//! JSON; `script/bench lists` puts it beside reading the same bytes as CSV and no more.

use std::time::Instant;

use domain::allotment::{Allotment, AllotmentName, UsageClass};
use domain::import::{Action, Directory, List, Mapping, Rules, check};
use domain::inventory::{Inventory, Person, UserId};
use domain::subject::Subject;

const PEOPLE: usize = 100_000;
const LINES: usize = 100_000;

/// Letters that belong to a number, so that names are as different as names are.
fn letters(n: usize) -> String {
    let mut rest = n.wrapping_mul(2_654_435_761) % 308_915_776;
    (0..6)
        .map(|_| {
            let letter = char::from(b'a' + u8::try_from(rest % 26).unwrap_or(0));
            rest /= 26;
            letter
        })
        .collect()
}

fn subject(n: usize) -> String {
    format!("MERIDIAN\\{}.{}", letters(n), letters(n / 7))
}

fn inventory() -> Inventory {
    let allotment = |name: &str| Allotment {
        name: AllotmentName::new(name),
        usage_class: UsageClass::Assigned,
        units: 1,
        used: 0,
        overage: -1,
    };
    Inventory {
        allotments: vec![allotment("professional"), allotment("analyzer")],
        people: (0..PEOPLE)
            .map(|n| Person {
                id: UserId::new(format!("{n:024x}")),
                subject: Subject::new(subject(n)),
                name: format!("{} {}", letters(n), letters(n / 7)),
                email: format!("{}.{}@meridian.example", letters(n), letters(n / 7)),
                status: "active".into(),
                roles: None,
                groups: None,
            })
            .collect(),
        ..Inventory::default()
    }
}

fn list(line: impl Fn(usize) -> String) -> String {
    (0..LINES).map(line).fold("Subject,Name,Licence\n".to_owned(), |all, line| all + &line + "\n")
}

fn main() {
    let directory = Directory::of(&inventory());
    let right = |n: usize| format!("{},,Analyzer", subject(n));
    let faulty = |n: usize, every: usize| if n % every == 1 { format!("{}q,,Analyzer", subject(n)) } else { right(n) };
    let lists = [
        ("as it is", list(right), Action::Give),
        ("in another order", list(|n| right(n * 77_773 % LINES)), Action::Sync),
        ("another tenant's", list(|n| format!("CONTOSO\\{}.{},,Analyzer", letters(n + 1), letters(n / 3))), Action::Give),
        ("one letter wrong in each", list(|n| format!("{}q,,Analyzer", subject(n))), Action::Sync),
        ("a fault in each", list(|n| format!("{},,Analysr", subject(n))), Action::Give),
        ("the same person each time", list(|_| right(5)), Action::Give),
        ("every other line left out", list(|n| faulty(n, 2)), Action::Sync),
        ("300 lines left out", list(|n| faulty(n, 334)), Action::Sync),
    ];
    let mut told = Vec::new();
    for (name, text, action) in lists {
        let begun = Instant::now();
        let plain = csv::Reader::from_reader(text.as_bytes()).records().flatten().count();
        let csv_ms = begun.elapsed().as_secs_f64() * 1_000.0;
        let begun = Instant::now();
        let Ok(list) = List::read(text.as_bytes()) else { return };
        let mapping = Mapping::guess(list.headings.as_deref(), &list.lines, &directory);
        let mut rules = Rules { action, mapping, ..Rules::default() };
        let mut left_out_ms = 0.0;
        if name.ends_with("left out") {
            let before = Instant::now();
            rules.left_out = check(&list, &rules, &directory).faults.iter().map(|fault| fault.line).collect();
            left_out_ms = before.elapsed().as_secs_f64() * 1_000.0;
        }
        let checked = check(&list, &rules, &directory);
        let ms = begun.elapsed().as_secs_f64() * 1_000.0 - left_out_ms;
        told.push(format!(
            r#"{{"list":"{name}","ms":{ms:.0},"csv_ms":{csv_ms:.0},"lines":{plain},"entries":{},"faults":{},"spared":{}}}"#,
            checked.entries.len(),
            checked.faults.len(),
            checked.spared.len()
        ));
    }
    #[expect(clippy::print_stdout, reason = "a program that prints figures")]
    {
        println!("[{}]", told.join(","));
    }
}
