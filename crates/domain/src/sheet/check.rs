//! Compares a list with the tenant: who is meant by each line, what is wanted for them, and what is wrong with it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::{Column, Mapping, Sheet};
use crate::allotment::{Allotment, AllotmentName};
use crate::inventory::Inventory;
use crate::subject::Subject;
use crate::text;

/// What is to be done with the people of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Purpose {
    /// Each holds the license named: who has none gets it, who has another one changes.
    #[default]
    Give,
    /// The license named is taken back; all that a person holds where none is named.
    Take,
    /// The list is the wanted state: everybody else loses what they hold.
    Sync,
    /// Licenses move from one subject to another.
    Rename,
}

/// How a list is read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rules {
    /// What is to be done.
    pub purpose: Purpose,
    /// Which column says what.
    pub mapping: Mapping,
    /// The license of lines that name none.
    pub usual: Option<AllotmentName>,
    /// Subjects may be meant that are no users yet.
    pub strangers: bool,
    /// Cells mended by hand: (line, column) and the new text.
    #[serde(with = "pairs")]
    pub mended: BTreeMap<(u64, usize), String>,
    /// Lines left out by hand.
    pub left_out: BTreeSet<u64>,
}

/// A map whose keys are no text, as a list of pairs: JSON knows no other keys.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    type Cells = BTreeMap<(u64, usize), String>;

    pub(super) fn serialize<S: Serializer>(cells: &Cells, to: S) -> Result<S::Ok, S::Error> {
        cells.iter().collect::<Vec<_>>().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Cells, D::Error> {
        Vec::<((u64, usize), String)>::deserialize(from).map(|pairs| pairs.into_iter().collect())
    }
}

/// What one line wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its line.
    pub line: u64,
    /// Who.
    pub subject: Subject,
    /// Which license; all of them where none is named.
    pub allotment: Option<AllotmentName>,
    /// The subject it moves to.
    pub moves_to: Option<Subject>,
    /// What is to be done: the list's purpose, or this line's own word.
    pub purpose: Purpose,
}

/// Something wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Its line in the file, from 1.
    pub line: u64,
    /// The column's place, from 0.
    pub column: usize,
    /// What stands there.
    pub found: String,
    /// What is wrong, as a sentence.
    pub reason: String,
    /// What would probably be right.
    pub suggestion: Option<String>,
}

/// What became of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checked {
    /// What is wanted, line by line.
    pub entries: Vec<Entry>,
    /// Everything that is wrong, in order.
    pub faults: Vec<Fault>,
}

/// What a list is compared with: looked up, never searched.
#[derive(Debug)]
pub struct Known {
    /// Spelling by subject without case, of users and of holders.
    subjects: HashMap<String, Subject>,
    by_id: HashMap<String, Subject>,
    /// `None` where several people share a mail.
    by_mail: HashMap<String, Option<Subject>>,
    /// By label and by wire name, both without case and spaces.
    allotments: HashMap<String, Allotment>,
    /// Labels, to suggest from.
    labels: Vec<String>,
    /// Subjects of the same length, to suggest from.
    by_length: HashMap<usize, Vec<String>>,
}

fn squeezed(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

impl Known {
    /// What an inventory knows.
    pub fn of(inventory: &Inventory) -> Self {
        let mut known = Self {
            subjects: HashMap::new(),
            by_id: HashMap::new(),
            by_mail: HashMap::new(),
            allotments: HashMap::new(),
            labels: Vec::new(),
            by_length: HashMap::new(),
        };
        for person in &inventory.people {
            known.subjects.insert(person.subject.key(), person.subject.clone());
            known.by_id.insert(person.id.as_str().to_lowercase(), person.subject.clone());
            if !person.email.is_empty() {
                let mail = person.email.to_lowercase();
                known.by_mail.entry(mail).and_modify(|one| *one = None).or_insert_with(|| Some(person.subject.clone()));
            }
        }
        for assignment in &inventory.assignments {
            known.subjects.entry(assignment.subject.key()).or_insert_with(|| assignment.subject.clone());
        }
        for key in known.subjects.keys() {
            known.by_length.entry(key.chars().count()).or_default().push(key.clone());
        }
        for allotment in &inventory.allotments {
            known.allotments.insert(squeezed(allotment.name.as_str()), allotment.clone());
            known.allotments.insert(squeezed(&allotment.name.label()), allotment.clone());
            if allotment.takes_assignments() {
                known.labels.push(allotment.name.label());
            }
        }
        known
    }

    /// A known subject that differs in a letter or two.
    fn near(&self, key: &str) -> Option<String> {
        let length = key.chars().count();
        let most = if length < 5 { 1 } else { 2 };
        (length.saturating_sub(most)..=length + most)
            .filter_map(|length| self.by_length.get(&length))
            .flatten()
            .map(|other| (distance(key, other, most), other))
            .filter(|(distance, _)| *distance <= most)
            .min()
            .and_then(|(_, other)| self.subjects.get(other))
            .map(ToString::to_string)
    }
}

/// How many letters differ, up to `most`; more is `most + 1`.
fn distance(a: &str, b: &str, most: usize) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > most {
        return most + 1;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut before = i;
        let mut left = i + 1;
        let mut least = left;
        for (cell, y) in row.iter_mut().skip(1).zip(&b) {
            let here = if x == y { before } else { 1 + before.min(left).min(*cell) };
            before = *cell;
            *cell = here;
            left = here;
            least = least.min(here);
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
        if least > most {
            return most + 1;
        }
    }
    row.last().copied().unwrap_or(0).min(most + 1)
}

/// The words that name no license.
fn names_none(cell: &str) -> bool {
    matches!(squeezed(cell).as_str(), "" | "none" | "no" | "nolicense" | "nolicence" | "unassigned")
}

/// Checks every line. A line with a fault wants nothing; every line has one fault at most, the first that was met.
pub fn check(sheet: &Sheet, rules: &Rules, known: &Known) -> Checked {
    let mut checked = Checked::default();
    // (subject, license) and subject alone, with the line that named them first.
    let mut seen: HashMap<(String, Option<AllotmentName>), u64> = HashMap::new();
    let mut named: HashMap<String, u64> = HashMap::new();
    let width = sheet.width();
    for line in &sheet.lines {
        if rules.left_out.contains(&line.number) {
            continue;
        }
        let reader = Reader { line: line.number, cells: &line.cells, rules, known };
        match reader.entry(width) {
            Err(fault) => checked.faults.push(fault),
            Ok(entry) => {
                let key = entry.subject.key();
                let at = reader.place_of_person();
                if let Some(first) = seen.get(&(key.clone(), entry.allotment.clone())) {
                    let reason = format!("The same as line {first}.");
                    checked.faults.push(reader.fault(at, reason, None));
                    continue;
                }
                // In a wanted state a person may hold several; told to hold one, two lines contradict each other.
                let one_only = matches!(entry.purpose, Purpose::Give | Purpose::Rename);
                if let Some(first) = named.get(&key).filter(|_| one_only) {
                    let reason = format!("Line {first} wants something else for the same person.");
                    checked.faults.push(reader.fault(at, reason, None));
                    continue;
                }
                seen.insert((key.clone(), entry.allotment.clone()), line.number);
                named.entry(key).or_insert(line.number);
                checked.entries.push(entry);
            }
        }
    }
    checked
}

/// One line with everything it takes to read it.
struct Reader<'a> {
    line: u64,
    cells: &'a [String],
    rules: &'a Rules,
    known: &'a Known,
}

impl Reader<'_> {
    fn cell(&self, place: Option<usize>) -> &str {
        let Some(place) = place else { return "" };
        match self.rules.mended.get(&(self.line, place)) {
            Some(mended) => mended.trim(),
            None => self.cells.get(place).map_or("", String::as_str),
        }
    }

    fn place(&self, of: Column) -> Option<usize> {
        self.rules.mapping.place(of)
    }

    /// The column that says who.
    fn place_of_person(&self) -> usize {
        [Column::Subject, Column::UserId, Column::Mail]
            .into_iter()
            .filter_map(|column| self.place(column))
            .find(|place| !self.cell(Some(*place)).is_empty())
            .or_else(|| self.place(Column::Subject))
            .unwrap_or(0)
    }

    fn fault(&self, column: usize, reason: impl Into<String>, suggestion: Option<String>) -> Fault {
        Fault { line: self.line, column, found: self.cell(Some(column)).to_owned(), reason: reason.into(), suggestion }
    }

    fn entry(&self, width: usize) -> Result<Entry, Fault> {
        if self.cells.len() > width {
            let reason = format!(
                "The line has {} cells, and the first line {width}: put cells with a separator inside in quotation marks.",
                self.cells.len()
            );
            return Err(self.fault(width, reason, None));
        }
        let needs = [Column::UserId, Column::Subject, Column::Mail, Column::License, Column::NewSubject, Column::Change];
        for place in needs.into_iter().filter_map(|column| self.place(column)) {
            let cell = self.cell(Some(place));
            if cell.contains('\u{fffd}') {
                return Err(self.fault(place, "A character here cannot be read: save the file as UTF-8.", None));
            }
            if cell.chars().any(char::is_control) {
                return Err(self.fault(place, "There is a line break or another control character in this cell.", None));
            }
        }
        let purpose = self.purpose()?;
        let subject = self.person()?;
        let allotment = if purpose == Purpose::Rename { None } else { self.license(purpose)? };
        let moves_to = if purpose == Purpose::Rename { Some(self.moves_to(&subject)?) } else { None };
        Ok(Entry { line: self.line, subject, allotment, moves_to, purpose })
    }

    /// What this line wants done: a list of failures says it line by line; a wanted state has no such word.
    fn purpose(&self) -> Result<Purpose, Fault> {
        let usual = self.rules.purpose;
        let Some(place) = self.place(Column::Change).filter(|_| usual != Purpose::Sync) else { return Ok(usual) };
        match squeezed(self.cell(Some(place))).as_str() {
            "" => Ok(usual),
            "assign" | "give" | "add" | "changetype" | "change" => Ok(Purpose::Give),
            "remove" | "take" | "delete" => Ok(Purpose::Take),
            "rename" => Ok(Purpose::Rename),
            _ => Err(self.fault(place, "A change is assign, change type, remove or rename.", None)),
        }
    }

    /// Who is meant. Everything that the line says of them must agree.
    fn person(&self) -> Result<Subject, Fault> {
        let known = self.known;
        let filled = |column: Column| self.place(column).filter(|place| !self.cell(Some(*place)).is_empty());
        let mut found: Vec<(Subject, usize)> = Vec::new();
        if let Some(place) = filled(Column::Subject) {
            let typed = self.cell(Some(place));
            let subject = Subject::parse(typed).map_err(|error| self.fault(place, text::sentence(&error.to_string()), None))?;
            match known.subjects.get(&subject.key()) {
                Some(spelling) => found.push((spelling.clone(), place)),
                None if self.rules.strangers => found.push((subject, place)),
                None => return Err(self.fault(place, "Nobody here has this subject.", known.near(&subject.key()))),
            }
        }
        if let Some(place) = filled(Column::UserId) {
            match known.by_id.get(&self.cell(Some(place)).to_lowercase()) {
                Some(subject) => found.push((subject.clone(), place)),
                None => return Err(self.fault(place, "No user of this tenant has this id.", None)),
            }
        }
        if let Some(place) = filled(Column::Mail) {
            match known.by_mail.get(&self.cell(Some(place)).to_lowercase()) {
                Some(Some(subject)) => found.push((subject.clone(), place)),
                // Beside a subject or an id, a mail that helps no further does no harm.
                _ if !found.is_empty() => {}
                Some(None) => {
                    return Err(self.fault(
                        place,
                        "Several people have this mail: name their subject or their id instead.",
                        None,
                    ));
                }
                None => return Err(self.fault(place, "No user of this tenant has this mail.", None)),
            }
        }
        let mut found = found.into_iter();
        let Some((subject, _)) = found.next() else {
            return Err(self.fault(
                self.place_of_person(),
                "The line names nobody: it needs a subject, a user id or a mail.",
                None,
            ));
        };
        match found.find(|(other, _)| *other != subject) {
            Some((_, place)) => Err(self.fault(place, format!("This is somebody else than “{subject}” in the same line."), None)),
            None => Ok(subject),
        }
    }

    fn license(&self, purpose: Purpose) -> Result<Option<AllotmentName>, Fault> {
        let place = self.place(Column::License);
        let cell = self.cell(place);
        let at = place.unwrap_or_else(|| self.place_of_person());
        if names_none(cell) {
            return match (purpose, &self.rules.usual) {
                // A person who shall hold nothing, or lose everything.
                (Purpose::Take, None) => Ok(None),
                (Purpose::Sync, None) if place.is_some() => Ok(None),
                (_, Some(usual)) => Ok(Some(usual.clone())),
                _ => Err(self.fault(at, "No license is named: fill it in, or choose one for lines that name none.", None)),
            };
        }
        match self.known.allotments.get(&squeezed(cell)) {
            Some(allotment) if allotment.takes_assignments() => Ok(Some(allotment.name.clone())),
            Some(allotment) => {
                let reason = format!("{} is a pool of minutes: nobody can hold it.", allotment.name.label());
                Err(self.fault(at, reason, None))
            }
            None => {
                let near = self
                    .known
                    .labels
                    .iter()
                    .map(|label| (distance(&squeezed(cell), &squeezed(label), 3), label))
                    .filter(|(distance, _)| *distance <= 3)
                    .min()
                    .map(|(_, label)| label.clone());
                Err(self.fault(
                    at,
                    format!("This tenant has no license of that name; it has {}.", text::and_list(&self.known.labels)),
                    near,
                ))
            }
        }
    }

    fn moves_to(&self, from: &Subject) -> Result<Subject, Fault> {
        let Some(place) = self.place(Column::NewSubject) else {
            return Err(self.fault(self.place_of_person(), "No column says what the new subject is.", None));
        };
        let to = Subject::parse(self.cell(Some(place)))
            .map_err(|error| self.fault(place, text::sentence(&error.to_string()), None))?;
        if to == *from {
            return Err(self.fault(place, "The old and the new subject are the same but for case.", None));
        }
        Ok(to)
    }
}
