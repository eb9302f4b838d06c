//! Lists are read whatever wrote them, and every fault is found, once, where it is.

use proptest::prelude::*;

use super::*;
use crate::allotment::{Allotment, AllotmentName, UsageClass};
use crate::inventory::{Assignment, Inventory, Person, UserId};
use crate::subject::Subject;

fn person(n: usize) -> Person {
    Person {
        id: UserId::new(format!("id{n:06}")),
        subject: Subject::new(format!("MERIDIAN\\person-{n:06}-{}", n * 7_919 % 1_000_003)),
        name: format!("Person {n}"),
        email: format!("p{n}@meridian.example"),
        status: "active".into(),
        roles: None,
        groups: None,
    }
}

fn inventory(people: usize) -> Inventory {
    let allotment =
        |name: &str, usage_class| Allotment { name: AllotmentName::new(name), usage_class, units: 10, used: 0, overage: -1 };
    Inventory {
        allotments: vec![
            allotment("professional", UsageClass::Assigned),
            allotment("analyzer", UsageClass::Assigned),
            allotment("analyzer_time", UsageClass::Time),
        ],
        people: (0..people).map(person).collect(),
        assignments: vec![Assignment {
            subject: Subject::new("former\\gone"),
            allotment: AllotmentName::new("analyzer"),
            excess: false,
            created: String::new(),
        }],
        ..Inventory::default()
    }
}

fn rules(sheet: &Sheet) -> Rules {
    rules_for(sheet, &Known::of(&inventory(50)))
}

fn rules_for(sheet: &Sheet, known: &Known) -> Rules {
    Rules { mapping: Mapping::guess(sheet.headings.as_deref(), &sheet.lines, known), ..Rules::default() }
}

fn checked(text: &str) -> Checked {
    let sheet = Sheet::read(text.as_bytes()).unwrap();
    check(&sheet, &rules(&sheet), &Known::of(&inventory(50)))
}

#[test]
fn the_usual_spreadsheet_is_understood() {
    let person = person(3);
    let text = format!(
        "userId,Name,Subject,Email,Roles,Licence,Flag\nid000003,\"Three, Person\",{},P3@Meridian.Example,\"A;B\",Professional,x\n",
        person.subject.key()
    );
    let checked = checked(&text);
    assert_eq!(checked.faults, []);
    assert_eq!(checked.entries[0].subject, person.subject);
    assert_eq!(checked.entries[0].subject.as_str(), person.subject.as_str(), "Qlik's spelling, not the list's");
    assert_eq!(checked.entries[0].allotment, Some(AllotmentName::new("professional")));
}

#[test]
fn separators_and_encodings_are_found_out() {
    let rows = "Subject;Licence\nMERIDIAN\\müller;Analyzer\n";
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(rows.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let (latin, _, _) = WINDOWS_1252.encode(rows);
    let marked = format!("\u{feff}{rows}");
    for (bytes, encoding) in
        [(rows.as_bytes(), "UTF-8"), (marked.as_bytes(), "UTF-8"), (&utf16, "UTF-16LE"), (latin.as_ref(), "windows-1252")]
    {
        let sheet = Sheet::read(bytes).unwrap();
        assert_eq!((sheet.encoding, sheet.separator), (encoding, ';'));
        assert_eq!(sheet.lines[0].cells, ["MERIDIAN\\müller", "Analyzer"]);
        assert_eq!(sheet.lines[0].number, 2);
    }
    for separator in [',', '\t', '|'] {
        let sheet = Sheet::read(rows.replace(';', &separator.to_string()).as_bytes()).unwrap();
        assert_eq!(sheet.separator, separator);
    }
    let told = Sheet::read(b"sep=;\r\nSubject;Licence\r\na,b;Analyzer\r\n").unwrap();
    assert_eq!((told.lines[0].cells[0].as_str(), told.lines[0].number), ("a,b", 3));
}

#[test]
fn a_pasted_list_needs_no_headings() {
    let sheet = Sheet::read(b"p1@meridian.example\np2@meridian.example\n\n").unwrap();
    let mut rules = rules(&sheet);
    rules.usual = Some(AllotmentName::new("analyzer"));
    let checked = check(&sheet, &rules, &Known::of(&inventory(50)));
    assert_eq!((checked.entries.len(), checked.faults.len()), (2, 0));
}

#[test]
fn what_cannot_be_read_at_all_is_told() {
    assert_eq!(Sheet::read(b" \n \n"), Err(SheetError::Empty));
    assert_eq!(Sheet::read(b"Subject,Licence\n"), Err(SheetError::Empty));
    assert_eq!(Sheet::read(b"PK\x03\x04..."), Err(SheetError::Binary));
    assert_eq!(Sheet::read(b"Subject,Licence\na,b\n\"c,d\ne,f\n"), Err(SheetError::Quote(3)));
}

#[test]
fn mended_cells_and_lines_left_out() {
    let sheet = Sheet::read(b"Email,Licence\np1@meridian.example,Analyser\nnobody@meridian.example,Analyzer\n").unwrap();
    let known = Known::of(&inventory(50));
    let mut rules = rules(&sheet);
    let faults = check(&sheet, &rules, &known).faults;
    assert_eq!(
        faults.iter().map(|f| (f.line, f.column, f.suggestion.as_deref())).collect::<Vec<_>>(),
        [(2, 1, Some("Analyzer")), (3, 0, None)]
    );
    rules.mended.insert((2, 1), "Analyzer".into());
    rules.left_out.insert(3);
    let checked = check(&sheet, &rules, &known);
    assert_eq!((checked.entries.len(), checked.faults.len()), (1, 0));
}

#[test]
fn ten_thousand_lines_with_37_planted_faults_report_exactly_those() {
    let mut inventory = inventory(10_100);
    // Two people who share a mail.
    inventory.people[9_999].email = "shared@meridian.example".into();
    inventory.people[9_998].email = "shared@meridian.example".into();
    let people = inventory.people.clone();
    let mut lines: Vec<String> = people
        .iter()
        .take(10_000)
        .enumerate()
        .map(|(n, p)| {
            format!("{},{},{},{},{}", p.id, p.name, p.subject, p.email, ["Professional", "analyzer", "ANALYZER"][n % 3])
        })
        .collect();
    // 13 kinds, planted far from each other, three of each but for two of the last two.
    let mut planted: Vec<(u64, usize)> = Vec::new();
    let mut at = 100;
    let mut plant = |lines: &mut Vec<String>, column: usize, make: &dyn Fn(&Person) -> String| {
        at += 211;
        lines[at] = make(&people[at]);
        planted.push((at as u64 + 2, column));
    };
    let other = &people[10_050];
    for n in 0..37 {
        match n % 13 {
            0 => plant(&mut lines, 4, &|p| format!("{},{},{},{},Profesional", p.id, p.name, p.subject, p.email)),
            1 => plant(&mut lines, 4, &|p| format!("{},{},{},{},Analyzer capacity", p.id, p.name, p.subject, p.email)),
            2 => plant(&mut lines, 4, &|p| format!("{},{},{},{},", p.id, p.name, p.subject, p.email)),
            3 => plant(&mut lines, 2, &|p| format!("{},{},{}x,{},Analyzer", p.id, p.name, p.subject, p.email)),
            4 => plant(&mut lines, 0, &|p| format!("id-of-nobody,{},{},{},Analyzer", p.name, p.subject, p.email)),
            5 => plant(&mut lines, 3, &|p| format!(",{},,nobody@meridian.example,Analyzer", p.name)),
            6 => plant(&mut lines, 3, &|p| format!(",{},,shared@meridian.example,Analyzer", p.name)),
            7 => plant(&mut lines, 2, &|p| format!(",{},,,Analyzer", p.name)),
            8 => plant(&mut lines, 0, &|p| format!("{},{},{},,Analyzer", other.id, p.name, p.subject)),
            9 => plant(&mut lines, 6, &|p| format!("{},{},{},{},Analyzer,too,many", p.id, p.name, p.subject, p.email)),
            10 => plant(&mut lines, 2, &|p| format!("{},{},{}{},{},Analyzer", p.id, p.name, p.subject, "y".repeat(300), p.email)),
            11 => plant(&mut lines, 2, &|_| {
                format!("{},First,{},{},Professional", people[0].id, people[0].subject, people[0].email)
            }),
            _ => plant(&mut lines, 3, &|p| format!("{},{},{},{},Analyzer", p.id, p.name, p.subject, other.email)),
        }
    }
    let text = format!("userId,Name,Subject,Email,Licence\n{}\n", lines.join("\n"));
    let sheet = Sheet::read(text.as_bytes()).unwrap();
    let checked = check(&sheet, &rules(&sheet), &Known::of(&inventory));
    let found: Vec<(u64, usize)> = checked.faults.iter().map(|fault| (fault.line, fault.column)).collect();
    assert_eq!(found, planted);
    assert_eq!(planted.len(), 37);
    assert_eq!(checked.entries.len(), 10_000 - 37);
}

#[test]
fn a_formula_is_text_and_comes_back_as_it_was() {
    let cells = ["=1+1", "+49 170", "-x", "@me", "'quoted", "'=x", "plain", ""];
    let bytes = write(&["Subject", "Name"], cells.iter().map(|cell| vec![Field::new(cell), Field::new("n")]));
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(text.lines().skip(1).all(|line| !line.starts_with(['=', '+', '-', '@'])), "{text}");
    let sheet = Sheet::read(&bytes).unwrap();
    assert_eq!(sheet.lines.iter().map(|line| line.cells[0].as_str()).collect::<Vec<_>>(), cells);
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(rows in proptest::collection::vec(proptest::collection::vec("[ -~äöü€]{0,12}", 3), 1..20)) {
        let bytes = write(&["Subject", "Name", "Licence"], rows.iter().map(|row| row.iter().map(|cell| Field::new(cell)).collect()));
        let wanted: Vec<Vec<String>> = rows
            .iter()
            .map(|row| row.iter().map(|cell| cell.trim().to_owned()).collect::<Vec<_>>())
            .filter(|row| row.iter().any(|cell| !cell.is_empty()))
            .collect();
        match Sheet::read(&bytes) {
            Ok(sheet) => {
                let cells: Vec<Vec<String>> = sheet.lines.into_iter().map(|line| line.cells).collect();
                prop_assert_eq!(cells, wanted);
            }
            Err(error) => prop_assert!(wanted.is_empty() && error == SheetError::Empty),
        }
    }

    #[test]
    fn nothing_that_is_read_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(sheet) = Sheet::read(&bytes) {
            let checked = check(&sheet, &rules(&sheet), &Known::of(&inventory(5)));
            prop_assert!(checked.entries.len() + checked.faults.len() <= sheet.lines.len());
        }
    }
}
