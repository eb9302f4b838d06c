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

fn rules(list: &List) -> Rules {
    rules_for(list, &Directory::of(&inventory(50)))
}

fn rules_for(list: &List, directory: &Directory) -> Rules {
    Rules { mapping: Mapping::guess(list.headings.as_deref(), &list.lines, directory), ..Rules::default() }
}

fn checked(text: &str) -> Checked {
    let list = List::read(text.as_bytes()).unwrap();
    check(&list, &rules(&list), &Directory::of(&inventory(50)))
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
        let list = List::read(bytes).unwrap();
        assert_eq!((list.encoding, list.separator), (encoding, ';'));
        assert_eq!(list.lines[0].cells, ["MERIDIAN\\müller", "Analyzer"]);
        assert_eq!(list.lines[0].number, 2);
    }
    for separator in [',', '\t', '|'] {
        let list = List::read(rows.replace(';', &separator.to_string()).as_bytes()).unwrap();
        assert_eq!(list.separator, separator);
    }
    let told = List::read(b"sep=;\r\nSubject;Licence\r\na,b;Analyzer\r\n").unwrap();
    assert_eq!((told.lines[0].cells[0].as_str(), told.lines[0].number), ("a,b", 3));
}

#[test]
fn a_pasted_list_needs_no_headings() {
    let list = List::read(b"p1@meridian.example\np2@meridian.example\n\n").unwrap();
    let mut rules = rules(&list);
    rules.usual = Some(AllotmentName::new("analyzer"));
    let checked = check(&list, &rules, &Directory::of(&inventory(50)));
    assert_eq!((checked.entries.len(), checked.faults.len()), (2, 0));
}

#[test]
fn what_cannot_be_read_at_all_is_told() {
    assert_eq!(List::read(b" \n \n"), Err(ListError::Empty));
    assert_eq!(List::read(b"Subject,Licence\n"), Err(ListError::Empty));
    assert_eq!(List::read(b"PK\x03\x04..."), Err(ListError::Binary));
    assert_eq!(List::read(b"Subject,Licence\na,b\n\"c,d\ne,f\n"), Err(ListError::Quote(3)));
}

#[test]
fn mended_cells_and_lines_left_out() {
    let list = List::read(b"Email,Licence\np1@meridian.example,Analyser\nnobody@meridian.example,Analyzer\n").unwrap();
    let directory = Directory::of(&inventory(50));
    let mut rules = rules(&list);
    let faults = check(&list, &rules, &directory).faults;
    assert_eq!(
        faults.iter().map(|f| (f.line, f.column, f.suggestion.as_deref())).collect::<Vec<_>>(),
        [(2, 1, Some("Analyzer")), (3, 0, None)]
    );
    rules.corrections.insert((2, 1), "Analyzer".into());
    rules.left_out.insert(3);
    let checked = check(&list, &rules, &directory);
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
    let list = List::read(text.as_bytes()).unwrap();
    let checked = check(&list, &rules(&list), &Directory::of(&inventory));
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
    let list = List::read(&bytes).unwrap();
    assert_eq!(list.lines.iter().map(|line| line.cells[0].as_str()).collect::<Vec<_>>(), cells);
}

/// What stands in a list of these lines, checked against fifty people for this purpose.
fn checked_for(text: &str, action: Action) -> (List, Rules, Checked) {
    let directory = Directory::of(&inventory(50));
    let list = List::read(text.as_bytes()).unwrap();
    let rules = Rules { action, ..rules_for(&list, &directory) };
    let checked = check(&list, &rules, &directory);
    (list, rules, checked)
}

#[test]
fn whoever_a_line_left_out_may_mean_keeps_their_license() {
    let directory = Directory::of(&inventory(50));
    let one = person(1).subject.to_string();
    for (what, line) in [
        ("a name beside an unknown mail", "\"7, Person\",,left@elsewhere.example,Analyzer".to_owned()),
        ("a mail beside an unknown subject", ",MERIDIAN\\gone,P7@Meridian.Example,Analyzer".to_owned()),
        ("a subject with a letter too many", format!(",{}x,,Analyzer", person(7).subject)),
        ("a subject with a license of no tenant", format!(",{},,Enterprise", person(7).subject)),
        ("a subject in the column of names", format!("{},,,Analyzer", person(7).subject)),
        ("a mail with letters exchanged", ",,p7@meridain.example,Analyzer".to_owned()),
        ("a subject with a digit wrong", format!(",{}9,,Analyzer", person(7).subject)),
        ("a comma that moves the cells", format!("7, Person,{},,Analyzer", person(7).subject)),
        ("a line swallowed by a quotation mark", format!("\"x,\n,{},,Analyzer\n\",,,Analyzer", person(7).subject)),
    ] {
        let list = List::read(format!("Name,Subject,Email,Licence\n,{one},,Analyzer\n{line}\n").as_bytes()).unwrap();
        let mut rules = Rules { action: Action::Sync, ..rules_for(&list, &directory) };
        let faults = check(&list, &rules, &directory).faults;
        assert_eq!(faults.iter().map(|fault| fault.line).collect::<Vec<_>>(), [3], "{what}: {faults:?}");
        rules.left_out.insert(3);
        let checked = check(&list, &rules, &directory);
        assert_eq!(checked.spared, [person(7).subject], "{what}");
        assert_eq!(checked.left.iter().map(|line| line.line).collect::<Vec<_>>(), [3], "{what}");
        assert_eq!((checked.entries.len(), checked.not_a_state(&rules)), (1, None), "{what}");
    }
}

#[test]
fn a_subject_in_two_columns_is_meant_wherever_its_cells_went() {
    let directory = Directory::of(&inventory(50));
    let [one, seven] =
        [1, 7].map(|n| person(n).subject.as_str().split_once('\\').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap());
    for line in [
        format!("7, Person,{},{},Analyzer", seven.0, seven.1),
        format!("\"O,{},{},Analyzer\nFoo\",x,y,Analyzer", seven.0, seven.1),
    ] {
        let text = format!("Name,Domain,Id,Licence\nOne,{},{},Analyzer\n{line}\n", one.0, one.1);
        let list = List::read(text.as_bytes()).unwrap();
        let mut rules = Rules { action: Action::Sync, ..rules_for(&list, &directory) };
        assert_eq!(check(&list, &rules, &directory).faults.len(), 1, "{line}");
        rules.left_out.insert(3);
        assert_eq!(check(&list, &rules, &directory).spared, [person(7).subject], "{line}");
    }
}

#[test]
fn people_swallowed_by_a_remark_are_a_fault() {
    let [a, b, c] = [1, 2, 3].map(|n| person(n).subject.to_string());
    for inner in [b.clone(), "p2@meridian.example".to_owned(), person(2).id.to_string()] {
        let (_, _, checked) = checked_for(&format!("Subject,Note\n{a},\"from HR\n{inner}\n{c}\"\n"), Action::Take);
        assert_eq!(
            checked.faults.iter().map(|fault| (fault.line, fault.kind)).collect::<Vec<_>>(),
            [(2, FaultKind::Shape)],
            "{inner}"
        );
    }
}

#[test]
fn a_quotation_mark_that_takes_in_lines_is_a_fault_that_says_which() {
    let [a, b, c] = [1, 2, 3].map(|n| person(n).subject.to_string());
    let text = format!(
        "Roles,Subject,Licence\n\"Admin x,{a},Analyzer\nViewer,{b},Analyzer\nDev\" y,{c},Analyzer\nViewer,{c},Analyzer\n"
    );
    let (list, _, checked) = checked_for(&text, Action::Give);
    let faults: Vec<_> = checked.faults.iter().map(|fault| (fault.line, fault.column, fault.kind)).collect();
    assert_eq!(faults, [(2, 0, FaultKind::Shape)]);
    assert!(checked.faults[0].reason.contains("line 2 to line 4"), "{}", checked.faults[0].reason);
    assert_eq!((list.file_lines, list.lines.len()), (5, 2), "the page can say that five lines became two");
    assert_eq!(checked.entries.iter().map(|entry| entry.line).collect::<Vec<_>>(), [5]);
    // A remark of two lines in a column that is none of ours is a remark.
    let (_, _, checked) = checked_for(&format!("Remark,Subject,Licence\n\"one\ntwo\",{a},Analyzer\n"), Action::Give);
    assert_eq!((checked.faults.len(), checked.entries.len()), (0, 1));
    // Two lines in a cell of ours never are.
    let (_, _, checked) = checked_for(&format!("Subject,Licence\n\"{a}\n{b}\",Analyzer\n{c},Analyzer\n"), Action::Give);
    assert_eq!(checked.faults.iter().map(|fault| (fault.line, fault.kind)).collect::<Vec<_>>(), [(2, FaultKind::Shape)]);
}

#[test]
fn every_line_has_a_number_of_its_own_whatever_ends_it() {
    let [a, b] = [1, 2].map(|n| person(n).subject.to_string());
    for end in ["\r", "\n", "\r\n", "\r\r", "\n\r\n"] {
        let text = ["Subject,Licence".to_owned(), format!("{a},Professional"), format!("{b},Analysr"), String::new()].join(end);
        let directory = Directory::of(&inventory(50));
        let list = List::read(text.as_bytes()).unwrap();
        let numbers: std::collections::BTreeSet<u64> = list.lines.iter().map(|line| line.number).collect();
        assert_eq!(numbers.len(), 2, "{end:?}");
        let mut rules = rules_for(&list, &directory);
        let faults = check(&list, &rules, &directory).faults;
        assert_eq!(faults.len(), 1, "{end:?}");
        rules.corrections.insert((faults[0].line, faults[0].column), faults[0].suggestion.clone().unwrap());
        let checked = check(&list, &rules, &directory);
        let licenses: Vec<_> = checked.entries.iter().map(|entry| entry.allotment.as_ref().unwrap().as_str()).collect();
        assert_eq!(licenses, ["professional", "analyzer"], "{end:?}: mending one line mends one line");
    }
}

#[test]
fn nobody_is_suggested_who_may_be_somebody_else() {
    let mut inventory = inventory(0);
    for (n, subject, name) in [
        (0, "0010021", "Iida Aalto"),
        (1, "MERIDIAN\\iida.aalto", "Iida Aalto"),
        (2, "MERIDIAN\\john.smith", "John Smith"),
        (3, "MERIDIAN\\jane.smith", "Jane Smith"),
        (4, "MERIDIAN\\chidi.abara", "Chidi Abara"),
    ] {
        inventory.people.push(Person {
            subject: Subject::new(subject),
            name: name.into(),
            email: format!("p{n}@x.example"),
            ..person(n)
        });
    }
    let directory = Directory::of(&inventory);
    for (subject, name, mail, suggested) in [
        ("0010061", "", "", None),
        ("0010021x", "", "", Some("0010021")),
        ("MERIDIAN\\iida.aalt", "", "", Some("MERIDIAN\\iida.aalto")),
        ("MERIDIAN\\iida.aalto2", "", "", None),
        ("MERIDIAN\\jone.smith", "", "", None),
        ("MERIDIAN\\chidi.abar", "Grace Hopper", "", None),
        ("MERIDIAN\\chidi.abar", "Abara, Chidi", "", Some("MERIDIAN\\chidi.abara")),
        ("MERIDIAN\\chidi.abar", "", "somebody@else.example", None),
    ] {
        let text = format!("Subject;Name;Email;Licence\n{subject};{name};{mail};Analyzer\n");
        let list = List::read(text.as_bytes()).unwrap();
        let rules = rules_for(&list, &directory);
        let checked = check(&list, &rules, &directory);
        let [fault] = checked.faults.as_slice() else { panic!("{subject}: {:?}", checked.faults) };
        assert_eq!(fault.suggestion, None, "a person is never part of what one click takes");
        assert_eq!(checked.suggest(fault, &list, &rules, &directory).as_deref(), suggested, "{subject} {name} {mail}");
    }
}

#[test]
fn what_nobody_sees_makes_no_difference() {
    let mut inventory = inventory(9);
    inventory.people[1].subject = Subject::new("MERIDIAN\\Andr\u{e9}");
    inventory.people[2].subject = Subject::new("MERIDIAN\\Zoe\u{308}");
    let directory = Directory::of(&inventory);
    for (cell, at) in [
        (format!("{}\u{200b}", person(3).subject), 3),
        (format!("\u{feff}{}", person(3).subject), 3),
        (format!("\u{200e}{}\u{7}\u{2060}", person(3).subject), 3),
        (person(3).subject.as_str().to_uppercase(), 3),
        (person(3).subject.as_str().replace('\\', " \\ "), 3),
        ("MERIDIAN\\Andre\u{301}".to_owned(), 1),
        ("meridian\\zo\u{eb}".to_owned(), 2),
        ("mailto:p3@meridian.example".to_owned(), 3),
        ("Person 3 <P3@meridian.example>".to_owned(), 3),
        ("p3@meridian.example\u{200b}".to_owned(), 3),
    ] {
        let text = format!("Subject;Licence\n{cell};Analyzer\n");
        let list = List::read(text.as_bytes()).unwrap();
        let checked = check(&list, &rules_for(&list, &directory), &directory);
        assert_eq!(checked.faults, [], "{cell:?}");
        assert_eq!(checked.entries[0].subject.as_str(), inventory.people[at].subject.as_str(), "{cell:?}");
    }
    // A heading may carry it as well, and so may the subject that a license moves to.
    let text = format!("\u{200b}Subject;New\u{200b} subject\u{200b}\n{};MERIDIAN\\new\u{200b}one\u{200d}\n", person(3).subject);
    let list = List::read(text.as_bytes()).unwrap();
    let rules = Rules { action: Action::Rename, ..rules_for(&list, &directory) };
    let checked = check(&list, &rules, &directory);
    assert_eq!(checked.entries[0].moves_to.as_ref().unwrap().as_str(), "MERIDIAN\\newone", "{:?}", checked.faults);
    assert!(list.cleaned > 0, "the page can say that something was taken out");
}

#[test]
fn another_tenants_list_is_told_as_one() {
    let text: String = (0..200).map(|n| format!("CONTOSO\\person-{n:06}-{},Analyzer\n", n * 7_919 % 1_000_003)).collect();
    let (list, mut rules, checked) = checked_for(&format!("Subject,Licence\n{text}"), Action::Sync);
    assert!(checked.foreign);
    assert_eq!(checked.kinds(), std::collections::BTreeMap::from([(FaultKind::Nobody, 200)]));
    // Neither left out nor as strangers does it become a state that everybody here is missing from.
    let directory = Directory::of(&inventory(50));
    rules.left_out = list.lines.iter().map(|line| line.number).collect();
    assert!(check(&list, &rules, &directory).not_a_state(&rules).is_some());
    rules.left_out.clear();
    rules.allow_unknown = true;
    let checked = check(&list, &rules, &directory);
    assert_eq!(checked.faults, []);
    assert!(checked.not_a_state(&rules).is_some());
}

#[test]
fn what_other_programs_write_is_read() {
    let a = person(1).subject;
    let directory = Directory::of(&inventory(50));
    let one = |text: &str, reading: &Reading| {
        let list = List::read_as(text.as_bytes(), reading).unwrap();
        let mut rules = rules_for(&list, &directory);
        rules.usual = Some(AllotmentName::new("analyzer"));
        let checked = check(&list, &rules, &directory);
        assert_eq!(checked.faults, [], "{text}");
        checked.entries
    };
    let found = Reading::default();
    // Empty cells beyond the headings.
    assert_eq!(one(&format!("Subject;Licence\n{a};Analyzer;;\n{};Analyzer;\n", person(2).subject), &found).len(), 2);
    // A title above the headings.
    let entries = one(&format!("Licenses 2026\n\nSubject;Licence\n{a};Analyzer\n"), &found);
    assert_eq!((entries.len(), entries[0].line), (1, 4));
    // A subject in two columns.
    let (domain, id) = a.as_str().split_once('\\').unwrap();
    assert_eq!(one(&format!("Domain,UserId\n{domain},{id}\n"), &found)[0].subject, a);
    assert_eq!(one(&format!("User directory;User;Licence\n{domain};{id};Analyzer\n"), &found)[0].subject, a);
    // A comma within names, no header row.
    let two = one(&format!("{a};Aalto, Iida\n{};Abara, Chidi\n", person(2).subject), &found);
    assert_eq!(two.iter().map(|entry| &entry.subject).collect::<Vec<_>>(), [&a, &person(2).subject]);
    // Excel's own word, in quotation marks.
    assert_eq!(one(&format!("\"sep=;\"\nSubject;Licence\n{a};Analyzer\n"), &found)[0].line, 3);
    // Whoever knows better says so.
    let said = Reading { separator: Some('|'), headings: Some(3), encoding: Some("windows-1252".into()) };
    assert_eq!(one(&format!("a;b;c\nd;e;f\nSubject|x;y;z\n{a}|1;2;3\n"), &said)[0].subject, a);
    // What a command-line tool prints.
    let json = serde_json::json!([{ "subject": a.as_str(), "type": "professional", "excess": false }]).to_string();
    let entries = one(&json, &found);
    assert_eq!(entries[0].allotment, Some(AllotmentName::new("professional")));
    let json = format!("{{\"data\": {json}, \"links\": {{}}}}");
    assert_eq!(one(&json, &found)[0].subject, a);
    assert_eq!(List::read(br#"{"errors":[{"code":"HTTP-401"}]}"#), Err(ListError::Json));
    // One cell of nothing.
    assert_eq!(List::read(b"\0\n"), Err(ListError::Empty));
    assert!(List::read(b"a\n\0\n").is_ok());
}

#[test]
fn two_into_one_is_a_fault_and_a_chain_is_none() {
    let [a, b, c] = [1, 2, 3].map(|n| person(n).subject.to_string());
    let lines = |lines: &[(&str, &str)]| {
        let text: String = lines.iter().map(|(from, to)| format!("{from},{to}\n")).collect();
        checked_for(&format!("Subject,New subject\n{text}"), Action::Rename).2
    };
    for order in [[(&*a, &*c), (&*c, "MERIDIAN\\new")], [(&*c, "MERIDIAN\\new"), (&*a, &*c)]] {
        let checked = lines(&order);
        assert_eq!((checked.entries.len(), checked.faults.len()), (2, 0), "{:?}", checked.faults);
    }
    let checked = lines(&[(&a, &c), (&b, &c.to_uppercase())]);
    assert_eq!(checked.faults.iter().map(|fault| (fault.line, fault.kind)).collect::<Vec<_>>(), [(3, FaultKind::Twice)]);
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
        match List::read(&bytes) {
            Ok(list) => {
                let cells: Vec<Vec<String>> = list.lines.into_iter().map(|line| line.cells).collect();
                prop_assert_eq!(cells, wanted);
            }
            Err(error) => prop_assert!(wanted.is_empty() && error == ListError::Empty),
        }
    }

    #[test]
    fn each_line_is_an_entry_a_fault_or_left_out(
        cells in proptest::collection::vec((0_usize..60, 0_usize..9, any::<bool>()), 1..60),
        allow_unknown in any::<bool>(),
        action in prop_oneof![Just(Action::Give), Just(Action::Take), Just(Action::Sync)],
    ) {
        let licenses = ["Analyzer", "professional", "Analysr", "", "Analyzer capacity", "\u{200b}ANALYZER", "none", "x;y", "Enterprise"];
        let text: String = cells
            .iter()
            .map(|(n, license, typo)| format!("{}{},\"{}\"\n", person(*n).subject, if *typo { "q" } else { "" }, licenses[*license]))
            .collect();
        let list = List::read(format!("Subject,Licence\n{text}").as_bytes()).unwrap();
        let directory = Directory::of(&inventory(50));
        let mut rules = Rules { action, allow_unknown, ..rules_for(&list, &directory) };
        let checked = check(&list, &rules, &directory);
        prop_assert_eq!(checked.entries.len() + checked.faults.len(), list.lines.len());
        // Leaving out every faulty line leaves a list without a fault, whose other lines want what they wanted.
        rules.left_out = checked.faults.iter().map(|fault| fault.line).collect();
        let rest = check(&list, &rules, &directory);
        prop_assert!(rest.faults.is_empty());
        prop_assert_eq!(&rest.entries, &checked.entries);
        prop_assert_eq!(rest.left.len(), checked.faults.len());
        // And nobody whose exact subject stands in a line left out is missing from those who are spared.
        if action == Action::Sync {
            for left in &rest.left {
                if let Some(subject) = directory.by_subject(&left.cells[0]) {
                    prop_assert!(rest.spared.contains(subject));
                }
            }
        }
    }

    #[test]
    fn nothing_that_is_read_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(list) = List::read(&bytes) {
            let checked = check(&list, &rules(&list), &Directory::of(&inventory(5)));
            prop_assert!(checked.entries.len() + checked.faults.len() <= list.lines.len());
        }
    }
}
