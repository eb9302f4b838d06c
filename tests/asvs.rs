//! The matrix of OWASP ASVS 5.0.0 (`docs/asvs.md`) is whole: each id of level 1 and 2 once, each with its reason, and what it names exists.
#![cfg(feature = "ssr")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The sections of OWASP ASVS 5.0.0, each with the levels of its requirements, from the first.
const SECTIONS: [(&str, &[u8]); 80] = [
    ("V1.1", &[2, 2]),
    ("V1.2", &[1, 1, 1, 1, 1, 2, 2, 2, 2, 3]),
    ("V1.3", &[1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3]),
    ("V1.4", &[2, 2, 2]),
    ("V1.5", &[1, 2, 3]),
    ("V2.1", &[1, 2, 2]),
    ("V2.2", &[1, 1, 2]),
    ("V2.3", &[1, 2, 2, 2, 3]),
    ("V2.4", &[2, 3]),
    ("V3.1", &[3]),
    ("V3.2", &[1, 1, 3]),
    ("V3.3", &[1, 2, 2, 2, 3]),
    ("V3.4", &[1, 1, 2, 2, 2, 2, 3, 3]),
    ("V3.5", &[1, 1, 1, 2, 2, 3, 3, 3]),
    ("V3.6", &[3]),
    ("V3.7", &[2, 2, 3, 3, 3]),
    ("V4.1", &[1, 2, 2, 3, 3]),
    ("V4.2", &[2, 3, 3, 3, 3]),
    ("V4.3", &[2, 2]),
    ("V4.4", &[1, 2, 2, 2]),
    ("V5.1", &[2]),
    ("V5.2", &[1, 1, 2, 3, 3, 3]),
    ("V5.3", &[1, 1, 3]),
    ("V5.4", &[2, 2, 2]),
    ("V6.1", &[1, 2, 2]),
    ("V6.2", &[1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2]),
    ("V6.3", &[1, 1, 2, 2, 3, 3, 3, 3]),
    ("V6.4", &[1, 1, 2, 2, 3, 3]),
    ("V6.5", &[2, 2, 2, 2, 2, 3, 3, 3]),
    ("V6.6", &[2, 2, 2, 3]),
    ("V6.7", &[3, 3]),
    ("V6.8", &[2, 2, 2, 2]),
    ("V7.1", &[2, 2, 2]),
    ("V7.2", &[1, 1, 1, 1]),
    ("V7.3", &[2, 2]),
    ("V7.4", &[1, 1, 2, 2, 2]),
    ("V7.5", &[2, 2, 3]),
    ("V7.6", &[2, 2]),
    ("V8.1", &[1, 2, 3, 3]),
    ("V8.2", &[1, 1, 2, 3]),
    ("V8.3", &[1, 3, 3]),
    ("V8.4", &[2, 3]),
    ("V9.1", &[1, 1, 1]),
    ("V9.2", &[1, 2, 2, 2]),
    ("V10.1", &[2, 2]),
    ("V10.2", &[2, 2, 3]),
    ("V10.3", &[2, 2, 2, 2, 3]),
    ("V10.4", &[1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3]),
    ("V10.5", &[2, 2, 2, 2, 2]),
    ("V10.6", &[2, 2]),
    ("V10.7", &[2, 2, 2]),
    ("V11.1", &[2, 2, 3, 3]),
    ("V11.2", &[2, 2, 2, 3, 3]),
    ("V11.3", &[1, 1, 2, 3, 3]),
    ("V11.4", &[1, 2, 2, 2]),
    ("V11.5", &[2, 3]),
    ("V11.6", &[2, 3]),
    ("V11.7", &[3, 3]),
    ("V12.1", &[1, 2, 2, 3, 3]),
    ("V12.2", &[1, 1]),
    ("V12.3", &[2, 2, 2, 2, 3]),
    ("V13.1", &[2, 3, 3, 3]),
    ("V13.2", &[2, 2, 2, 2, 2, 3]),
    ("V13.3", &[2, 2, 3, 3]),
    ("V13.4", &[1, 2, 2, 2, 2, 3, 3]),
    ("V14.1", &[2, 2]),
    ("V14.2", &[1, 2, 2, 2, 3, 3, 3, 3]),
    ("V14.3", &[1, 2, 2]),
    ("V15.1", &[1, 2, 2, 3, 3]),
    ("V15.2", &[1, 2, 2, 3, 3]),
    ("V15.3", &[1, 2, 2, 2, 2, 2, 2]),
    ("V15.4", &[3, 3, 3, 3]),
    ("V16.1", &[2]),
    ("V16.2", &[2, 2, 2, 2, 2]),
    ("V16.3", &[2, 2, 2, 2]),
    ("V16.4", &[2, 2, 2]),
    ("V16.5", &[2, 2, 2, 3]),
    ("V17.1", &[2, 3]),
    ("V17.2", &[2, 2, 2, 2, 3, 3, 3, 3]),
    ("V17.3", &[2, 2]),
];

const HOLDS: [&str; 4] = ["yes", "partly", "no", "n/a"];

/// A row of the matrix.
struct Row<'a> {
    id: &'a str,
    level: u8,
    holds: &'a str,
    shown: &'a str,
}

fn matrix() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/asvs.md")).unwrap()
}

/// The cells of the lines that are rows of a table.
fn cells(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix('|')?.strip_suffix('|'))
        .map(|line| line.split('|').map(str::trim).collect())
}

fn rows(text: &str) -> Vec<Row<'_>> {
    let of_matrix =
        |cells: &Vec<&str>| cells[0].strip_prefix('V').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    cells(text)
        .filter(of_matrix)
        .map(|cells| {
            assert_eq!(cells.len(), 4, "{}: a row has four columns", cells[0]);
            let level = cells[1].parse().unwrap_or_else(|_| panic!("{}: its level is “{}”", cells[0], cells[1]));
            Row { id: cells[0], level, holds: cells[2], shown: cells[3] }
        })
        .collect()
}

/// What stands in backticks.
fn named(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// A file that a text in backticks names, and the test in it; nothing where it names none, such as a key or a header.
fn file_and_test(named: &str) -> Option<(&str, Option<&str>)> {
    let (file, test) = named.split_once("::").map_or((named, None), |(file, test)| (file, Some(test)));
    let ending = Path::new(file).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let plain = !file.starts_with('/') && !file.contains(char::is_whitespace);
    (plain && (file.contains('/') || ["md", "toml", "lock"].contains(&ending))).then_some((file, test))
}

#[test]
fn every_requirement_has_one_row() {
    let text = matrix();
    let mut levels = BTreeMap::new();
    for (section, of_section) in SECTIONS {
        for (at, level) in of_section.iter().enumerate() {
            assert!(levels.insert(format!("{section}.{}", at + 1), *level).is_none(), "{section} is listed twice");
        }
    }
    let counts = [1, 2, 3].map(|level| levels.values().filter(|of| **of == level).count());
    assert_eq!(counts, [70, 183, 92], "the requirements of the standard, by level");
    let mut seen = BTreeSet::new();
    for Row { id, level, holds, shown } in rows(&text) {
        assert_eq!(levels.get(id), Some(&level), "{id} with level {level} is not in the standard");
        assert!(seen.insert(id), "{id} is there twice");
        assert!(HOLDS.contains(&holds), "{id}: “{holds}” is none of {HOLDS:?}");
        assert!(!shown.is_empty(), "{id} does not say where it is shown, or why not");
        assert!(holds != "partly" || shown.contains("Missing: "), "{id} does not say what is missing");
    }
    let missing: Vec<_> = levels.iter().filter(|(id, level)| **level < 3 && !seen.contains(id.as_str())).collect();
    assert!(missing.is_empty(), "not in docs/asvs.md: {missing:?}");
}

#[test]
fn what_the_matrix_names_exists() {
    let text = matrix();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut wrong, mut tests) = (Vec::new(), 0);
    for Row { id, shown, .. } in rows(&text) {
        assert_eq!(shown.matches('`').count() % 2, 0, "{id}: a backtick is open");
        for (file, test) in named(shown).filter_map(file_and_test) {
            if !root.join(file).exists() {
                wrong.push(format!("{id}: there is no file {file}"));
                continue;
            }
            let Some(test) = test else { continue };
            tests += 1;
            let source = std::fs::read_to_string(root.join(file)).unwrap();
            let begins =
                if Path::new(file).extension() == Some("ts".as_ref()) { format!("test(\"{test}") } else { format!("fn {test}(") };
            if !source.contains(&begins) {
                wrong.push(format!("{id}: there is no {test} in {file}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tests > 150, "only {tests} tests are named");
}

#[test]
fn the_counts_are_right() {
    let text = matrix();
    let rows = rows(&text);
    let told: Vec<Vec<usize>> = cells(&text)
        .filter(|cells| cells.len() == 6)
        .filter_map(|cells| cells.iter().map(|cell| cell.parse().ok()).collect())
        .collect();
    let counted: Vec<Vec<usize>> = [1, 2, 3]
        .map(|level| {
            let of_level = || rows.iter().filter(|row| row.level == level);
            let by_word = HOLDS.map(|word| of_level().filter(|row| row.holds == word).count());
            [usize::from(level)].into_iter().chain(by_word).chain([of_level().count()]).collect()
        })
        .to_vec();
    assert_eq!(told, counted, "level, yes, partly, no, n/a, rows");
}
