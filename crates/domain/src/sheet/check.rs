//! Compares a list with the tenant: who is meant by each line, what is wanted for them, and what is wrong with it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rapidfuzz::distance::levenshtein;
use serde::{Deserialize, Serialize};

use super::known::squeezed;
use super::{Column, Known, Line, Mapping, Reading, Sheet};
use crate::allotment::AllotmentName;
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
    /// How the file is taken apart.
    #[serde(default)]
    pub reading: Reading,
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

/// Which kind of fault it is: those of a kind are one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FaultKind {
    /// The cells are not what the headings say: a quotation mark, a cell too many, a character that cannot be read.
    Shape,
    /// No license is named, and there is none for such lines.
    NoLicense,
    /// A license that the tenant does not have, or that nobody can hold.
    License,
    /// Nobody here is meant by it.
    Nobody,
    /// It is not clear who is meant.
    WhoOfThem,
    /// It says the same as another line, or the contrary.
    Twice,
    /// Something else: a word for a change, a new subject.
    Other,
}

impl FaultKind {
    /// What those of the kind have in common: the rest of a sentence that starts with how many lines.
    pub fn words(self) -> &'static str {
        match self {
            Self::Shape => "whose cells do not fit the columns",
            Self::NoLicense => "that name no license",
            Self::License => "with a license that this tenant does not have",
            Self::Nobody => "that name nobody known here",
            Self::WhoOfThem => "where it is not clear who is meant",
            Self::Twice => "that repeat or contradict another line",
            Self::Other => "with something else that is not understood",
        }
    }
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
    /// Which kind it is.
    pub kind: FaultKind,
    /// What is wrong, as a sentence.
    pub reason: String,
    /// Which license would probably be right. Never a person: see [`Checked::suggest`].
    pub suggestion: Option<String>,
}

/// A line that was left out by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftLine {
    /// Its number.
    pub line: u64,
    /// Its cells.
    pub cells: Vec<String>,
}

/// What became of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checked {
    /// What is wanted, line by line.
    pub entries: Vec<Entry>,
    /// Everything that is wrong, in order.
    pub faults: Vec<Fault>,
    /// Lines that were left out.
    pub left: Vec<LeftLine>,
    /// Whom those lines may mean: nothing is taken from them.
    pub spared: Vec<Subject>,
    /// Most lines name nobody known here: it is probably another tenant's list.
    pub foreign: bool,
    /// Lines that name another person than their subject is; the first few of them.
    pub named_otherwise: Vec<u64>,
    /// How many those are in all.
    pub named_otherwise_count: u64,
}

impl Checked {
    /// How many faults there are of each kind.
    pub fn kinds(&self) -> BTreeMap<FaultKind, u64> {
        let mut kinds = BTreeMap::new();
        for fault in &self.faults {
            *kinds.entry(fault.kind).or_default() += 1;
        }
        kinds
    }

    /// Whom a line that names nobody is most likely meant for, for a person to decide. Nobody where most lines are unknown.
    pub fn suggest(&self, fault: &Fault, sheet: &Sheet, rules: &Rules, known: &Known) -> Option<String> {
        if fault.kind != FaultKind::Nobody || self.foreign || rules.mapping.place(Column::Subject) != Some(fault.column) {
            return None;
        }
        let at = sheet.lines.binary_search_by_key(&fault.line, |line| line.number).ok()?;
        let reader = Reader::new(sheet.lines.get(at)?, rules, known);
        let subject = known.suggest(&reader.subject_cell(), reader.of(Column::Name), reader.of(Column::Mail))?;
        Some(subject.to_string())
    }
}

/// The words that name no license.
fn names_none(cell: &str) -> bool {
    matches!(squeezed(cell).as_str(), "" | "none" | "no" | "nolicense" | "nolicence" | "unassigned")
}

/// An address as it is meant: `mailto:a@b`, `Ann <a@b>` and `<a@b>` are `a@b`.
fn address(cell: &str) -> &str {
    let inner = match (cell.rfind('<'), cell.rfind('>')) {
        (Some(open), Some(close)) if open < close && cell.contains('@') => cell.get(open + 1..close).unwrap_or(cell),
        _ => cell,
    };
    let inner = inner.trim();
    match inner.get(..7) {
        Some(scheme) if scheme.eq_ignore_ascii_case("mailto:") => inner.get(7..).unwrap_or_default().trim(),
        _ => inner,
    }
}

/// So many lines that were left out may be compared with everybody; a list with more is not put right line by line.
const MOST_NEAR: usize = 300;
/// A list this short is never taken for another tenant's.
const FEW: usize = 8;
/// So many lines that name another person are told by number.
const TOLD: usize = 5;

/// Checks every line. A line with a fault wants nothing; every line has one fault at most, the first that was met.
pub fn check(sheet: &Sheet, rules: &Rules, known: &Known) -> Checked {
    let mut checked = Checked::default();
    // (subject, license) and subject alone, with the line that named them first.
    let mut seen: HashMap<(String, Option<AllotmentName>), u64> = HashMap::new();
    let mut named: HashMap<String, u64> = HashMap::new();
    // Subjects that a rename moves away from or to, with the line.
    let mut moved: HashMap<String, u64> = HashMap::new();
    let mut into: HashMap<String, u64> = HashMap::new();
    let width = sheet.width();
    let mut left: Vec<&Line> = Vec::new();
    for line in &sheet.lines {
        if rules.left_out.contains(&line.number) {
            left.push(line);
            continue;
        }
        let reader = Reader::new(line, rules, known);
        let entry = match reader.entry(width) {
            Ok(entry) => entry,
            Err(fault) => {
                checked.faults.push(fault);
                continue;
            }
        };
        let key = entry.subject.key();
        let at = reader.place_of_person();
        if let Some(first) = seen.get(&(key.clone(), entry.allotment.clone())) {
            checked.faults.push(reader.fault(at, FaultKind::Twice, format!("The same as line {first}."), None));
            continue;
        }
        // In a wanted state a person may hold several; told to hold one, two lines contradict each other.
        let one_only = matches!(entry.purpose, Purpose::Give | Purpose::Rename);
        if let Some(first) = named.get(&key).filter(|_| one_only).or_else(|| moved.get(&key)) {
            let reason = format!("Line {first} wants something else for the same person.");
            checked.faults.push(reader.fault(at, FaultKind::Twice, reason, None));
            continue;
        }
        if let Some(to) = &entry.moves_to {
            let at = reader.place(Column::NewSubject).unwrap_or(at);
            if let Some(first) = into.get(&to.key()) {
                let reason = format!("Line {first} is to become the same subject: one can take over from one other only.");
                checked.faults.push(reader.fault(at, FaultKind::Twice, reason, None));
                continue;
            }
            into.insert(to.key(), line.number);
            moved.insert(key.clone(), line.number);
        }
        if known.is_named_otherwise(&entry.subject, reader.of(Column::Name)) {
            checked.named_otherwise_count += 1;
            if checked.named_otherwise.len() < TOLD {
                checked.named_otherwise.push(line.number);
            }
        }
        seen.insert((key.clone(), entry.allotment.clone()), line.number);
        named.entry(key).or_insert(line.number);
        checked.entries.push(entry);
    }
    // Also where strangers are allowed: most of a tenant's people are no strangers to it.
    let strangers = checked.entries.iter().filter(|entry| known.by_subject(entry.subject.as_str()).is_none()).count();
    let unknown = strangers + checked.faults.iter().filter(|fault| fault.kind == FaultKind::Nobody).count();
    let nobody_left = left.iter().filter(|line| Reader::new(line, rules, known).person().is_err()).count();
    let of = checked.entries.len() - strangers + unknown + nobody_left;
    checked.foreign = of > FEW && (unknown + nobody_left) * 2 > of;
    checked.spare(&left, rules, known);
    checked.left = left.into_iter().map(|line| LeftLine { line: line.number, cells: line.cells.clone() }).collect();
    checked
}

impl Checked {
    /// Whoever a line that was left out may mean, by any of its cells: a wanted state takes nothing from them.
    fn spare(&mut self, left: &[&Line], rules: &Rules, known: &Known) {
        if rules.purpose != Purpose::Sync {
            return;
        }
        let mut spared: BTreeMap<String, Subject> = BTreeMap::new();
        // With more lines left out no state is planned at all, see [`Self::not_a_state`].
        let near = left.len() <= MOST_NEAR;
        for line in left {
            let reader = Reader::new(line, rules, known);
            for subject in reader.may_mean(near) {
                spared.insert(subject.key(), subject.clone());
            }
        }
        self.spared = spared.into_values().collect();
    }
}

impl Checked {
    /// Why no wanted state can be planned from the list, although nothing in it is wrong any more.
    pub fn not_a_state(&self, rules: &Rules) -> Option<String> {
        if rules.purpose != Purpose::Sync {
            return None;
        }
        if self.foreign {
            return Some(
                "Most of its lines name nobody known here. Everybody of this tenant would lose their license.".to_owned(),
            );
        }
        (self.left.len() > MOST_NEAR).then(|| {
            format!(
                "{} of its lines are left out, and they may mean people who would lose their license. Correct them, or give and take back instead.",
                text::thousands(i64::try_from(self.left.len()).unwrap_or(i64::MAX))
            )
        })
    }
}

/// One line with everything it takes to read it.
struct Reader<'a> {
    line: &'a Line,
    rules: &'a Rules,
    known: &'a Known,
}

impl<'a> Reader<'a> {
    fn new(line: &'a Line, rules: &'a Rules, known: &'a Known) -> Self {
        Self { line, rules, known }
    }

    fn cell(&self, place: Option<usize>) -> &'a str {
        let Some(place) = place else { return "" };
        match self.rules.mended.get(&(self.line.number, place)) {
            Some(mended) => mended.trim(),
            None => self.line.cells.get(place).map_or("", String::as_str),
        }
    }

    fn place(&self, of: Column) -> Option<usize> {
        self.rules.mapping.place(of)
    }

    /// The cell of a column.
    fn of(&self, column: Column) -> &'a str {
        let cell = self.cell(self.place(column));
        if column == Column::Mail { address(cell) } else { cell }
    }

    /// Who is named by subject: two columns may make one.
    fn subject_cell(&self) -> String {
        let subject = self.of(Column::Subject);
        let domain = self.of(Column::Domain);
        if domain.is_empty() || subject.is_empty() || subject.contains(['\\', '@']) {
            return subject.to_owned();
        }
        format!("{}\\{subject}", domain.trim_end_matches('\\'))
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

    fn fault(&self, column: usize, kind: FaultKind, reason: impl Into<String>, suggestion: Option<String>) -> Fault {
        let found = self.cell(Some(column)).to_owned();
        Fault { line: self.line.number, column, found, kind, reason: reason.into(), suggestion }
    }

    fn shape(&self, width: usize) -> Result<(), Fault> {
        let line = self.line;
        let mended = |place: usize| self.rules.mended.contains_key(&(line.number, place));
        for (place, cell) in line.cells.iter().enumerate().filter(|(place, _)| !mended(*place)) {
            let ours = self.rules.mapping.0.get(place).copied().flatten().is_some();
            // A remark may have several lines; rows of a table inside it are no remark.
            let swallowed = cell.lines().skip(1).any(|inner| {
                let inner = inner.trim_matches(|c: char| c.is_whitespace() || c == '"');
                inner.contains([',', ';', '\t', '|'])
                    || self.known.by_subject(inner).is_some()
                    || self.known.by_id(inner).is_some()
                    || !self.known.by_mail(address(inner)).is_empty()
            });
            if cell.contains('\n') && (ours || swallowed) {
                let reason = format!(
                    "This cell goes from line {} to line {}: a quotation mark before it opens, and the next one is that far down. \
                     Correct the file, or leave these lines out.",
                    line.number, line.last
                );
                return Err(self.fault(place, FaultKind::Shape, reason, None));
            }
            if ours && cell.chars().count() > super::LONGEST {
                let reason = format!("This cell is longer than {} characters: no subject, mail or license is.", super::LONGEST);
                return Err(self.fault(place, FaultKind::Shape, reason, None));
            }
            if ours && cell.contains('\u{fffd}') {
                let reason = "A character here cannot be read: choose another encoding below, or save the file as UTF-8.";
                return Err(self.fault(place, FaultKind::Shape, reason, None));
            }
        }
        if let Some(place) = line.cells.iter().rposition(|cell| !cell.is_empty()).filter(|place| *place >= width) {
            let reason = format!(
                "The line has {} cells, and the columns are {width}: put cells with a separator inside in quotation marks.",
                place + 1
            );
            return Err(self.fault(place, FaultKind::Shape, reason, None));
        }
        Ok(())
    }

    fn entry(&self, width: usize) -> Result<Entry, Fault> {
        self.shape(width)?;
        let purpose = self.purpose()?;
        let subject = self.person()?;
        let allotment = if purpose == Purpose::Rename { None } else { self.license(purpose)? };
        let moves_to = if purpose == Purpose::Rename { Some(self.moves_to(&subject)?) } else { None };
        Ok(Entry { line: self.line.number, subject, allotment, moves_to, purpose })
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
            _ => Err(self.fault(place, FaultKind::Other, "A change is assign, change type, remove or rename.", None)),
        }
    }

    /// Who is meant. Everything that the line says of them must agree.
    fn person(&self) -> Result<Subject, Fault> {
        let known = self.known;
        let filled = |column: Column| self.place(column).filter(|place| !self.cell(Some(*place)).is_empty());
        let mut found: Vec<(Subject, usize)> = Vec::new();
        if let Some(place) = filled(Column::Subject) {
            let typed = self.subject_cell();
            let subject = Subject::parse(&typed)
                .map_err(|error| self.fault(place, FaultKind::Other, text::sentence(&error.to_string()), None))?;
            match known.by_subject(subject.as_str()).or_else(|| by_address(known, &typed)) {
                Some(spelling) => found.push((spelling.clone(), place)),
                None if self.rules.strangers => found.push((subject, place)),
                None => return Err(self.fault(place, FaultKind::Nobody, "Nobody here has this subject.", None)),
            }
        }
        if let Some(place) = filled(Column::UserId) {
            match known.by_id(self.cell(Some(place))) {
                Some(subject) => found.push((subject.clone(), place)),
                None => return Err(self.fault(place, FaultKind::Nobody, "No user of this tenant has this id.", None)),
            }
        }
        if let Some(place) = filled(Column::Mail) {
            match known.by_mail(self.of(Column::Mail)).as_slice() {
                [subject] => found.push(((*subject).clone(), place)),
                // Beside a subject or an id, a mail that helps no further does no harm.
                _ if !found.is_empty() => {}
                [] => return Err(self.fault(place, FaultKind::Nobody, "No user of this tenant has this mail.", None)),
                several => {
                    let names = several.iter().map(ToString::to_string).collect::<Vec<_>>();
                    let reason =
                        format!("Several people have this mail, {}: name their subject or their id.", text::and_list(&names));
                    return Err(self.fault(place, FaultKind::WhoOfThem, reason, None));
                }
            }
        }
        let mut found = found.into_iter();
        let Some((subject, _)) = found.next() else {
            return Err(self.fault(
                self.place_of_person(),
                FaultKind::Nobody,
                "The line names nobody: it needs a subject, a user id or a mail.",
                None,
            ));
        };
        match found.find(|(other, _)| *other != subject) {
            Some((_, place)) => {
                let reason = format!("This is somebody else than “{subject}” in the same line.");
                Err(self.fault(place, FaultKind::WhoOfThem, reason, None))
            }
            None => Ok(subject),
        }
    }

    /// Everybody that the line may mean, by any cell that says who somebody is, and by what is near to it. Generous: nobody
    /// loses something for a slip of somebody's hand.
    fn may_mean(&self, near: bool) -> Vec<&'a Subject> {
        let known = self.known;
        let mut found = Vec::new();
        let mut parts: Vec<&str> = Vec::new();
        // Also in a column that is taken for something else, or for nothing: it was left out for a reason.
        for (place, cell) in self.line.cells.iter().enumerate() {
            for cell in [cell.as_str(), self.cell(Some(place))] {
                for line in cell.split('\n') {
                    parts.push(line);
                    parts.extend(line.split([',', ';', '\t', '|']));
                }
            }
        }
        for part in &mut parts {
            *part = part.trim_matches(|c: char| c.is_whitespace() || c == '"');
        }
        parts.retain(|part| !part.is_empty());
        parts.dedup();
        for part in &parts {
            found.extend(known.by_subject(part).into_iter().chain(known.by_id(part)));
            found.extend(known.by_mail(address(part)));
            found.extend(known.by_name(part));
        }
        // A subject may stand in two cells, and those may have moved.
        for pair in parts.windows(2) {
            if let [domain, id] = pair {
                found.extend(known.by_subject(&format!("{}\\{id}", domain.trim_end_matches('\\'))));
            }
        }
        let subject = self.subject_cell();
        if !subject.is_empty() {
            found.extend(known.by_subject(&subject));
        }
        if near && found.is_empty() {
            let typed = [subject.as_str(), self.of(Column::Mail), self.of(Column::UserId), self.of(Column::NewSubject)];
            for typed in typed.into_iter().filter(|typed| !typed.is_empty()) {
                found.extend(known.anyhow_near(typed));
            }
        }
        found
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
                _ => Err(self.fault(at, FaultKind::NoLicense, "No license is named.", None)),
            };
        }
        match self.known.allotment(cell) {
            Some(allotment) if allotment.takes_assignments() => Ok(Some(allotment.name.clone())),
            Some(allotment) => {
                let reason = format!("{} is a pool of minutes: nobody can hold it.", allotment.name.label());
                Err(self.fault(at, FaultKind::License, reason, None))
            }
            None => {
                let wanted = squeezed(cell);
                let near = self
                    .known
                    .labels
                    .iter()
                    .map(|label| (levenshtein::distance(wanted.chars(), squeezed(label).chars()), label))
                    .filter(|(distance, _)| *distance <= 3)
                    .min()
                    .map(|(_, label)| label.clone());
                let reason = format!("This tenant has no license of that name; it has {}.", text::and_list(&self.known.labels));
                Err(self.fault(at, FaultKind::License, reason, near))
            }
        }
    }

    fn moves_to(&self, from: &Subject) -> Result<Subject, Fault> {
        let Some(place) = self.place(Column::NewSubject) else {
            return Err(self.fault(self.place_of_person(), FaultKind::Other, "No column says what the new subject is.", None));
        };
        let to = Subject::parse(self.cell(Some(place)))
            .map_err(|error| self.fault(place, FaultKind::Other, text::sentence(&error.to_string()), None))?;
        // Somebody known is spelled as Qlik spells them.
        let to = self.known.by_subject(to.as_str()).cloned().unwrap_or(to);
        if to == *from {
            return Err(self.fault(place, FaultKind::Other, "The old and the new subject are the same but for case.", None));
        }
        Ok(to)
    }
}

/// Somebody by the address in a column of subjects: pasted addresses are often all there is.
fn by_address<'a>(known: &'a Known, cell: &str) -> Option<&'a Subject> {
    let address = address(cell);
    if !address.contains('@') {
        return None;
    }
    match known.by_mail(address).as_slice() {
        [one] => Some(*one),
        _ => known.by_subject(address),
    }
}
