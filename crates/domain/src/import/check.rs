//! Compares a list with the tenant, line by line and the lines with each other.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::line::Reader;
use super::{Column, Directory, Line, List, Mapping, Reading};
use crate::allotment::AllotmentName;
use crate::subject::Subject;
use crate::text;

/// What is to be done with the people of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Action {
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

/// How a list is read. Names of its fields are stored as they were first called.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rules {
    /// What is to be done.
    #[serde(rename = "purpose")]
    pub action: Action,
    /// Which column says what.
    pub mapping: Mapping,
    /// The license of lines that name none.
    pub usual: Option<AllotmentName>,
    /// Subjects may be meant that are no users yet.
    #[serde(rename = "strangers")]
    pub allow_unknown: bool,
    /// Cells corrected by hand: (line, column) and the new text.
    #[serde(rename = "mended", with = "pairs")]
    pub corrections: BTreeMap<(u64, usize), String>,
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
    /// What is to be done: the list's action, or this line's own word.
    pub action: Action,
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
            Self::Shape => "with cells that do not match the columns",
            Self::NoLicense => "without a license",
            Self::License => "with an unknown license",
            Self::Nobody => "with an unknown person",
            Self::WhoOfThem => "where several people match",
            Self::Twice => "that duplicate or contradict another line",
            Self::Other => "with another error",
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
    pub fn suggest(&self, fault: &Fault, list: &List, rules: &Rules, directory: &Directory) -> Option<String> {
        if fault.kind != FaultKind::Nobody || self.foreign || rules.mapping.place(Column::Subject) != Some(fault.column) {
            return None;
        }
        let at = list.lines.binary_search_by_key(&fault.line, |line| line.number).ok()?;
        let reader = Reader::new(list.lines.get(at)?, rules, directory);
        let subject = directory.suggest(&reader.subject_cell(), reader.of(Column::Name), reader.of(Column::Mail))?;
        Some(subject.to_string())
    }
}

/// So many lines that were left out may be compared with everybody; a list with more is not put right line by line.
const MOST_NEAR: usize = 300;
/// A list this short is never taken for another tenant's.
const FEW: usize = 8;
/// So many lines that name another person are told by number.
const TOLD: usize = 5;

/// Checks every line. A line with a fault wants nothing; every line has one fault at most, the first that was met.
pub fn check(list: &List, rules: &Rules, directory: &Directory) -> Checked {
    let mut checked = Checked::default();
    // (subject, license) and subject alone, with the line that named them first.
    let mut seen: HashMap<(String, Option<AllotmentName>), u64> = HashMap::new();
    let mut named: HashMap<String, u64> = HashMap::new();
    // Subjects that a rename moves away from or to, with the line.
    let mut moved: HashMap<String, u64> = HashMap::new();
    let mut into: HashMap<String, u64> = HashMap::new();
    let width = list.width();
    let mut left: Vec<&Line> = Vec::new();
    for line in &list.lines {
        if rules.left_out.contains(&line.number) {
            left.push(line);
            continue;
        }
        let reader = Reader::new(line, rules, directory);
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
            checked.faults.push(reader.fault(at, FaultKind::Twice, format!("Duplicate of line {first}."), None));
            continue;
        }
        // In a wanted state a person may hold several; told to hold one, two lines contradict each other.
        let one_only = matches!(entry.action, Action::Give | Action::Rename);
        if let Some(first) = named.get(&key).filter(|_| one_only).or_else(|| moved.get(&key)) {
            let reason = format!("Conflicts with line {first} (same person).");
            checked.faults.push(reader.fault(at, FaultKind::Twice, reason, None));
            continue;
        }
        if let Some(to) = &entry.moves_to {
            let at = reader.place(Column::NewSubject).unwrap_or(at);
            if let Some(first) = into.get(&to.key()) {
                let reason = format!("Line {first} has the same new subject. A subject can take over from one other only.");
                checked.faults.push(reader.fault(at, FaultKind::Twice, reason, None));
                continue;
            }
            into.insert(to.key(), line.number);
            moved.insert(key.clone(), line.number);
        }
        if directory.is_named_otherwise(&entry.subject, reader.of(Column::Name)) {
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
    let allow_unknown = checked.entries.iter().filter(|entry| directory.by_subject(entry.subject.as_str()).is_none()).count();
    let unknown = allow_unknown + checked.faults.iter().filter(|fault| fault.kind == FaultKind::Nobody).count();
    let nobody_left = left.iter().filter(|line| Reader::new(line, rules, directory).person().is_err()).count();
    let of = checked.entries.len() - allow_unknown + unknown + nobody_left;
    checked.foreign = of > FEW && (unknown + nobody_left) * 2 > of;
    checked.spare(&left, rules, directory);
    checked.left = left.into_iter().map(|line| LeftLine { line: line.number, cells: line.cells.clone() }).collect();
    checked
}

impl Checked {
    /// Whoever a line that was left out may mean, by any of its cells: a wanted state takes nothing from them.
    fn spare(&mut self, left: &[&Line], rules: &Rules, directory: &Directory) {
        if rules.action != Action::Sync {
            return;
        }
        let mut spared: BTreeMap<String, Subject> = BTreeMap::new();
        // With more lines left out no state is planned at all, see [`Self::not_a_state`].
        let near = left.len() <= MOST_NEAR;
        for line in left {
            let reader = Reader::new(line, rules, directory);
            for subject in reader.may_mean(near) {
                spared.insert(subject.key(), subject.clone());
            }
        }
        self.spared = spared.into_values().collect();
    }

    /// Why no wanted state can be planned from the list, although nothing in it is wrong any more.
    pub fn not_a_state(&self, rules: &Rules) -> Option<String> {
        if rules.action != Action::Sync {
            return None;
        }
        if self.foreign {
            return Some(
                "Most of its lines match no one in this tenant. Everyone in this tenant would lose their license.".to_owned(),
            );
        }
        (self.left.len() > MOST_NEAR).then(|| {
            format!(
                "{} of its lines are skipped and may refer to people who would lose their license. Correct them, or assign and remove instead.",
                text::thousands(i64::try_from(self.left.len()).unwrap_or(i64::MAX))
            )
        })
    }
}
