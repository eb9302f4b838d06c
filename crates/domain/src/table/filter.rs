//! Filters: which rows a view shows. Each has a type of its own, and a form in the address.

use memchr::memmem;
use serde::{Deserialize, Serialize};

use super::columns::{Code, Day, Used};
use super::{Row, Table, flag};
use crate::allotment::AllotmentName;
use crate::inventory::{GroupId, RoleId};
use crate::text;

/// How long somebody did not use Qlik.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Idle {
    /// Used within so many days.
    Within(u16),
    /// Not used for more than so many days, or never.
    Over(u16),
    /// No use at all in the consumption that Qlik keeps.
    Never,
}

impl Idle {
    /// Reads `within-30`, `over-30` or `never`.
    pub fn parse(word: &str) -> Option<Self> {
        let days = |text: &str| text.parse::<u16>().ok();
        match word.split_once('-') {
            Some(("within", text)) => days(text).map(Self::Within),
            Some(("over", text)) => days(text).map(Self::Over),
            _ => (word == "never").then_some(Self::Never),
        }
    }

    /// The word in the address.
    pub fn word(self) -> String {
        match self {
            Self::Within(days) => format!("within-{days}"),
            Self::Over(days) => format!("over-{days}"),
            Self::Never => "never".to_owned(),
        }
    }

    fn takes(self, used: Used) -> bool {
        match (self, used.ago()) {
            (Self::Within(days), Some(ago)) => ago <= days,
            (Self::Over(days), Some(ago)) => ago > days,
            (Self::Over(_) | Self::Never, None) => used == Used::NEVER,
            (Self::Within(_), None) | (Self::Never, Some(_)) => false,
        }
    }
}

/// Which rows a view shows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Filter {
    /// Words that occur in the name, the subject or the mail; neither order, case nor accents matter.
    pub text: String,
    /// Only this allotment.
    pub allotment: Option<AllotmentName>,
    /// With or without any license.
    pub licensed: Option<bool>,
    /// Only what is given beyond the allotment.
    pub excess: bool,
    /// Only licenses whose subject is no user here.
    pub orphan: bool,
    /// Only subjects that hold more than one license.
    pub several: bool,
    /// Only users of one of these statuses; of any where there is none.
    pub status: Vec<String>,
    /// Only licenses given on this day or later.
    pub from: Option<Day>,
    /// Only licenses given on this day or earlier.
    pub to: Option<Day>,
    /// By when Qlik was used last.
    pub idle: Option<Idle>,
    /// Only members of this group.
    pub group: Option<GroupId>,
    /// Only those who have this role, directly or by a group.
    pub role: Option<RoleId>,
}

/// A filter made ready for one table: words as codes.
struct Ready<'a> {
    filter: &'a Filter,
    allotment: Option<Code>,
    status: Vec<Code>,
    group: Option<u16>,
    role: Option<u16>,
}

/// No row of the table has the word that a filter wants.
struct Nowhere;

/// A wanted word's place, where one is wanted.
fn place<T>(wanted: Option<&T>, find: impl FnOnce(&T) -> Option<usize>) -> Result<Option<u16>, Nowhere> {
    wanted.map(|wanted| find(wanted).and_then(|at| u16::try_from(at).ok()).ok_or(Nowhere)).transpose()
}

impl<'a> Ready<'a> {
    fn new(filter: &'a Filter, table: &Table) -> Result<Self, Nowhere> {
        let names = &table.names;
        let code = |place: Option<u16>| place.map(|at| at.saturating_add(1));
        Ok(Self {
            filter,
            allotment: code(place(filter.allotment.as_ref(), |name| names.allotments.iter().position(|known| known == name))?),
            status: {
                let code = |name: &String| {
                    names.statuses.iter().position(|known| known == name).and_then(|at| u16::try_from(at + 1).ok())
                };
                let codes: Vec<Code> = filter.status.iter().filter_map(code).collect();
                if codes.is_empty() && !filter.status.is_empty() {
                    return Err(Nowhere);
                }
                codes
            },
            group: place(filter.group.as_ref(), |id| names.groups.iter().position(|(known, _)| known == id))?,
            role: place(filter.role.as_ref(), |id| names.roles.iter().position(|(known, _)| known == id))?,
        })
    }

    /// Everything but the text.
    fn passes(&self, row: Row<'_>) -> bool {
        let columns = &row.table.columns;
        let at = row.at as usize;
        let code = |codes: &[Code]| codes.get(at).copied().unwrap_or_default();
        let flags = columns.flags.get(at).copied().unwrap_or_default();
        let since = || columns.since.get(at).copied().unwrap_or_default();
        let filter = self.filter;
        self.allotment.is_none_or(|wanted| code(&columns.allotments) == wanted)
            && filter.licensed.is_none_or(|wanted| (code(&columns.allotments) != 0) == wanted)
            && (!filter.excess || flags & flag::EXCESS != 0)
            && (!filter.orphan || flags & flag::ORPHAN != 0)
            && (!filter.several || row.held() > 1)
            && (self.status.is_empty() || self.status.contains(&code(&columns.statuses)))
            && filter.from.is_none_or(|from| since() >= from.number())
            && filter.to.is_none_or(|to| (1..=to.number()).contains(&since()))
            && filter.idle.is_none_or(|idle| idle.takes(row.used()))
            && self.group.is_none_or(|wanted| columns.groups.get(row.at).contains(&wanted))
            && self.role.is_none_or(|wanted| columns.roles.get(row.at).contains(&wanted))
    }
}

impl Table {
    /// Places of the rows that pass `filter`, in the table's own order.
    pub fn matching(&self, filter: &Filter) -> Vec<u32> {
        if filter.is_empty() {
            return (0..super::places(self.len())).collect();
        }
        let Ok(ready) = Ready::new(filter, self) else { return Vec::new() };
        let needle = text::folded(filter.text.trim());
        let only_text = *filter == Filter { text: filter.text.clone(), ..Filter::default() };
        let passes = |at: &u32| only_text || ready.passes(Row { table: self, at: *at });
        if needle.is_empty() {
            (0..super::places(self.len())).filter(passes).collect()
        } else {
            self.with_text(&needle).into_iter().filter(passes).collect()
        }
    }

    /// Places of the rows in whose texts every word of `needle` occurs, in any order: one search through all of them at once
    /// for the longest word, and a look at the rows it finds for the others.
    fn with_text(&self, needle: &str) -> Vec<u32> {
        let mut words: Vec<&str> =
            needle.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty()).collect();
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        let Some((first, others)) = words.split_first() else { return (0..super::places(self.len())).collect() };
        let (text, ends) = self.columns.folded.all();
        let finder = memmem::Finder::new(first.as_bytes());
        let mut found = Vec::new();
        let (mut from, mut row, mut start) = (0_usize, 0_usize, 0_usize);
        while let Some(hit) = text.as_bytes().get(from..).and_then(|rest| finder.find(rest)) {
            let hit = from + hit;
            // Hits only go forward, so all steps together pass each row once.
            while let Some(end) = ends.get(row).map(|end| *end as usize).filter(|end| *end <= hit) {
                start = end;
                row += 1;
            }
            let Some(end) = ends.get(row).map(|end| *end as usize) else { break };
            let here = text.get(start..end).unwrap_or_default();
            if others.iter().all(|word| here.contains(word)) {
                found.push(super::places(row));
            }
            from = end;
        }
        found
    }
}

impl Filter {
    /// Whether nothing is filtered.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Reads one pair of an address; what it does not know it leaves alone.
    pub(super) fn read(&mut self, key: &str, value: &str) {
        match key {
            "q" => value.clone_into(&mut self.text),
            "allotment" => self.allotment = Some(AllotmentName::new(value)),
            "license" => {
                self.licensed = match value {
                    "none" => Some(false),
                    "any" => Some(true),
                    _ => None,
                }
            }
            "flag" => {
                self.excess |= value == "excess";
                self.orphan |= value == "orphan";
                self.several |= value == "several";
            }
            "status" => {
                for status in value.split(',').filter(|status| !status.is_empty()) {
                    if !self.status.iter().any(|known| known == status) {
                        self.status.push(status.to_owned());
                    }
                }
            }
            "from" => self.from = Day::parse(value),
            "to" => self.to = Day::parse(value),
            "used" => self.idle = Idle::parse(value),
            "group" => self.group = Some(GroupId::new(value)),
            "role" => self.role = Some(RoleId::new(value)),
            _ => {}
        }
    }

    /// The pairs of this filter in an address; the inverse of reading them.
    pub fn to_pairs(&self) -> Vec<(&'static str, String)> {
        let flag = |on: bool, word: &str| on.then(|| word.to_owned());
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        [
            ("q", text(&self.text)),
            ("allotment", self.allotment.as_ref().map(ToString::to_string)),
            ("license", self.licensed.map(|licensed| if licensed { "any" } else { "none" }.to_owned())),
            ("flag", flag(self.excess, "excess")),
            ("flag", flag(self.orphan, "orphan")),
            ("flag", flag(self.several, "several")),
            ("status", text(&self.status.join(","))),
            ("from", self.from.map(|day| day.to_string())),
            ("to", self.to.map(|day| day.to_string())),
            ("used", self.idle.map(Idle::word)),
            ("group", self.group.as_ref().map(ToString::to_string)),
            ("role", self.role.as_ref().map(ToString::to_string)),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect()
    }
}
