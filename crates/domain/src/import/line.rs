//! One line of a list: who is meant by it, what is wanted for them, and what is wrong with it.

use rapidfuzz::distance::levenshtein;

use super::directory::squeezed;
use super::{Action, Column, Directory, Entry, Fault, FaultKind, LONGEST, Line, Rules};
use crate::allotment::AllotmentName;
use crate::subject::Subject;
use crate::text;

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

/// One line with everything it takes to read it.
pub(super) struct Reader<'a> {
    line: &'a Line,
    rules: &'a Rules,
    directory: &'a Directory,
}

impl<'a> Reader<'a> {
    pub(super) fn new(line: &'a Line, rules: &'a Rules, directory: &'a Directory) -> Self {
        Self { line, rules, directory }
    }

    fn cell(&self, place: Option<usize>) -> &'a str {
        let Some(place) = place else { return "" };
        match self.rules.corrections.get(&(self.line.number, place)) {
            Some(corrections) => corrections.trim(),
            None => self.line.cells.get(place).map_or("", String::as_str),
        }
    }

    pub(super) fn place(&self, of: Column) -> Option<usize> {
        self.rules.mapping.place(of)
    }

    /// The cell of a column.
    pub(super) fn of(&self, column: Column) -> &'a str {
        let cell = self.cell(self.place(column));
        if column == Column::Mail { address(cell) } else { cell }
    }

    /// Who is named by subject: two columns may make one.
    pub(super) fn subject_cell(&self) -> String {
        let subject = self.of(Column::Subject);
        let domain = self.of(Column::Domain);
        if domain.is_empty() || subject.is_empty() || subject.contains(['\\', '@']) {
            return subject.to_owned();
        }
        format!("{}\\{subject}", domain.trim_end_matches('\\'))
    }

    /// The column that says who.
    pub(super) fn place_of_person(&self) -> usize {
        [Column::Subject, Column::UserId, Column::Mail]
            .into_iter()
            .filter_map(|column| self.place(column))
            .find(|place| !self.cell(Some(*place)).is_empty())
            .or_else(|| self.place(Column::Subject))
            .unwrap_or(0)
    }

    pub(super) fn fault(&self, column: usize, kind: FaultKind, reason: impl Into<String>, suggestion: Option<String>) -> Fault {
        let found = self.cell(Some(column)).to_owned();
        Fault { line: self.line.number, column, found, kind, reason: reason.into(), suggestion }
    }

    fn shape(&self, width: usize) -> Result<(), Fault> {
        let line = self.line;
        let corrections = |place: usize| self.rules.corrections.contains_key(&(line.number, place));
        for (place, cell) in line.cells.iter().enumerate().filter(|(place, _)| !corrections(*place)) {
            let ours = self.rules.mapping.0.get(place).copied().flatten().is_some();
            // A remark may have several lines; rows of a table inside it are no remark.
            let swallowed = cell.lines().skip(1).any(|inner| {
                let inner = inner.trim_matches(|c: char| c.is_whitespace() || c == '"');
                inner.contains([',', ';', '\t', '|'])
                    || self.directory.by_subject(inner).is_some()
                    || self.directory.by_id(inner).is_some()
                    || !self.directory.by_mail(address(inner)).is_empty()
            });
            if cell.contains('\n') && (ours || swallowed) {
                let reason = format!(
                    "This cell spans line {} to line {}: a quotation mark is opened and not closed before. Correct the file, or skip these lines.",
                    line.number, line.last
                );
                return Err(self.fault(place, FaultKind::Shape, reason, None));
            }
            if ours && cell.chars().count() > LONGEST {
                let reason = format!("This cell has more than {LONGEST} characters, too many for a subject, email or license.");
                return Err(self.fault(place, FaultKind::Shape, reason, None));
            }
            if ours && cell.contains('\u{fffd}') {
                let reason = "Unreadable character. Choose another encoding below, or save the file as UTF-8.";
                return Err(self.fault(place, FaultKind::Shape, reason, None));
            }
        }
        if let Some(place) = line.cells.iter().rposition(|cell| !cell.is_empty()).filter(|place| *place >= width) {
            let reason = format!("Expected {width} cells, found {}. Quote cells that contain the separator.", place + 1);
            return Err(self.fault(place, FaultKind::Shape, reason, None));
        }
        Ok(())
    }

    pub(super) fn entry(&self, width: usize) -> Result<Entry, Fault> {
        self.shape(width)?;
        let action = self.action()?;
        let subject = self.person()?;
        let allotment = if action == Action::Rename { None } else { self.license(action)? };
        let moves_to = if action == Action::Rename { Some(self.moves_to(&subject)?) } else { None };
        Ok(Entry { line: self.line.number, subject, allotment, moves_to, action })
    }

    /// What this line wants done: a list of failures says it line by line; a wanted state has no such word.
    fn action(&self) -> Result<Action, Fault> {
        let usual = self.rules.action;
        let Some(place) = self.place(Column::Change).filter(|_| usual != Action::Sync) else { return Ok(usual) };
        match squeezed(self.cell(Some(place))).as_str() {
            "" => Ok(usual),
            "assign" | "give" | "add" | "changetype" | "change" => Ok(Action::Give),
            "remove" | "take" | "delete" => Ok(Action::Take),
            "rename" => Ok(Action::Rename),
            _ => Err(self.fault(place, FaultKind::Other, "Unknown action. Use assign, change type, remove or rename.", None)),
        }
    }

    /// Who is meant. Everything that the line says of them must agree.
    pub(super) fn person(&self) -> Result<Subject, Fault> {
        let directory = self.directory;
        let filled = |column: Column| self.place(column).filter(|place| !self.cell(Some(*place)).is_empty());
        let mut found: Vec<(Subject, usize)> = Vec::new();
        if let Some(place) = filled(Column::Subject) {
            let typed = self.subject_cell();
            let subject = Subject::parse(&typed)
                .map_err(|error| self.fault(place, FaultKind::Other, text::sentence(&error.to_string()), None))?;
            match directory.by_subject(subject.as_str()).or_else(|| by_address(directory, &typed)) {
                Some(spelling) => found.push((spelling.clone(), place)),
                None if self.rules.allow_unknown => found.push((subject, place)),
                None => return Err(self.fault(place, FaultKind::Nobody, "No user has this subject.", None)),
            }
        }
        if let Some(place) = filled(Column::UserId) {
            match directory.by_id(self.cell(Some(place))) {
                Some(subject) => found.push((subject.clone(), place)),
                None => return Err(self.fault(place, FaultKind::Nobody, "No user has this ID.", None)),
            }
        }
        if let Some(place) = filled(Column::Mail) {
            match directory.by_mail(self.of(Column::Mail)).as_slice() {
                [subject] => found.push(((*subject).clone(), place)),
                // Beside a subject or an id, a mail that helps no further does no harm.
                _ if !found.is_empty() => {}
                [] => return Err(self.fault(place, FaultKind::Nobody, "No user has this email.", None)),
                several => {
                    let names = several.iter().map(ToString::to_string).collect::<Vec<_>>();
                    let reason =
                        format!("Several users share this email: {}. Use the subject or user ID.", text::and_list(&names));
                    return Err(self.fault(place, FaultKind::WhoOfThem, reason, None));
                }
            }
        }
        let mut found = found.into_iter();
        let Some((subject, _)) = found.next() else {
            return Err(self.fault(
                self.place_of_person(),
                FaultKind::Nobody,
                "No subject, user ID or email on this line.",
                None,
            ));
        };
        match found.find(|(other, _)| *other != subject) {
            Some((_, place)) => {
                let reason = format!("Doesn't match “{subject}” on the same line.");
                Err(self.fault(place, FaultKind::WhoOfThem, reason, None))
            }
            None => Ok(subject),
        }
    }

    /// Everybody that the line may mean, by any cell that says who somebody is, and by what is near to it. Generous: nobody
    /// loses something for a slip of somebody's hand.
    pub(super) fn may_mean(&self, near: bool) -> Vec<&'a Subject> {
        let directory = self.directory;
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
            found.extend(directory.by_subject(part).into_iter().chain(directory.by_id(part)));
            found.extend(directory.by_mail(address(part)));
            found.extend(directory.by_name(part));
        }
        // A subject may stand in two cells, and those may have moved.
        for pair in parts.windows(2) {
            if let [domain, id] = pair {
                found.extend(directory.by_subject(&format!("{}\\{id}", domain.trim_end_matches('\\'))));
            }
        }
        let subject = self.subject_cell();
        if !subject.is_empty() {
            found.extend(directory.by_subject(&subject));
        }
        if near && found.is_empty() {
            let typed = [subject.as_str(), self.of(Column::Mail), self.of(Column::UserId), self.of(Column::NewSubject)];
            for typed in typed.into_iter().filter(|typed| !typed.is_empty()) {
                found.extend(directory.anyhow_near(typed));
            }
        }
        found
    }

    fn license(&self, action: Action) -> Result<Option<AllotmentName>, Fault> {
        let place = self.place(Column::License);
        let cell = self.cell(place);
        let at = place.unwrap_or_else(|| self.place_of_person());
        if names_none(cell) {
            return match (action, &self.rules.usual) {
                // A person who shall hold nothing, or lose everything.
                (Action::Take, None) => Ok(None),
                (Action::Sync, None) if place.is_some() => Ok(None),
                (_, Some(usual)) => Ok(Some(usual.clone())),
                _ => Err(self.fault(at, FaultKind::NoLicense, "No license given.", None)),
            };
        }
        match self.directory.allotment(cell) {
            Some(allotment) if allotment.takes_assignments() => Ok(Some(allotment.name.clone())),
            Some(allotment) => {
                let reason = format!("{} is shared and can't be assigned.", allotment.name.label());
                Err(self.fault(at, FaultKind::License, reason, None))
            }
            None => {
                let wanted = squeezed(cell);
                let near = self
                    .directory
                    .labels
                    .iter()
                    .map(|label| (levenshtein::distance(wanted.chars(), squeezed(label).chars()), label))
                    .filter(|(distance, _)| *distance <= 3)
                    .min()
                    .map(|(_, label)| label.clone());
                let reason = format!("Unknown license. Available: {}.", text::and_list(&self.directory.labels));
                Err(self.fault(at, FaultKind::License, reason, near))
            }
        }
    }

    fn moves_to(&self, from: &Subject) -> Result<Subject, Fault> {
        let Some(place) = self.place(Column::NewSubject) else {
            return Err(self.fault(self.place_of_person(), FaultKind::Other, "Map a column to New subject.", None));
        };
        let to = Subject::parse(self.cell(Some(place)))
            .map_err(|error| self.fault(place, FaultKind::Other, text::sentence(&error.to_string()), None))?;
        // Somebody known is spelled as Qlik spells them.
        let to = self.directory.by_subject(to.as_str()).cloned().unwrap_or(to);
        if to == *from {
            return Err(self.fault(place, FaultKind::Other, "The old and new subject differ only in upper/lower case.", None));
        }
        Ok(to)
    }
}

/// Somebody by the address in a column of subjects: pasted addresses are often all there is.
fn by_address<'a>(directory: &'a Directory, cell: &str) -> Option<&'a Subject> {
    let address = address(cell);
    if !address.contains('@') {
        return None;
    }
    match directory.by_mail(address).as_slice() {
        [one] => Some(*one),
        _ => directory.by_subject(address),
    }
}
