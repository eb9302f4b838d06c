//! What the history shows, as it goes to the browser, and which two moments an address asks for.

use serde::{Deserialize, Serialize};

/// Stands in an address for the moment whose state was declared the baseline.
pub const BASELINE: &str = "baseline";

/// Which two moments are compared, as it stands in the address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Span {
    /// A day such as `2026-11-03`, or [`BASELINE`]; what is usual where it is empty.
    pub from: String,
    /// A time of that day such as `14:30`; its end where there is none.
    pub from_time: String,
    /// A day; now where it is empty.
    pub to: String,
    /// A time of that day; its end where there is none.
    pub to_time: String,
    /// Occurs in the group's or role's name.
    pub q: String,
    /// The page, from 1.
    pub page: u32,
}

impl Span {
    /// Reads an address's query; what it does not know is left aside.
    pub fn read(query: &str) -> Self {
        let mut span = Self { page: 1, ..Self::default() };
        for (key, value) in crate::ui::query::from_query(query) {
            let value = value.trim().to_owned();
            match key.as_str() {
                "from" => span.from = value,
                "from_time" => span.from_time = value,
                "to" => span.to = value,
                "to_time" => span.to_time = value,
                "q" => span.q = value,
                "page" => span.page = value.parse().unwrap_or(1).max(1),
                _ => {}
            }
        }
        span
    }

    /// The query of an address that asks for this.
    pub fn query(&self) -> String {
        let page = if self.page > 1 { self.page.to_string() } else { String::new() };
        let pairs = [
            ("from", &self.from),
            ("from_time", &self.from_time),
            ("to", &self.to),
            ("to_time", &self.to_time),
            ("q", &self.q),
            ("page", &page),
        ];
        let pairs: Vec<(&str, String)> =
            pairs.into_iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| (key, value.clone())).collect();
        crate::ui::query::to_query(&pairs)
    }
}

/// What became of a group or a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Became {
    /// It was created.
    Created,
    /// It was changed.
    Changed,
    /// It was deleted.
    Deleted,
}

impl Became {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Deleted => "deleted",
        }
    }
}

/// Somebody who changed a group by the portal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Author {
    /// Their name.
    pub name: String,
    /// The newest record of the trail that says so.
    pub seq: i64,
}

/// A group that differs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GroupChange {
    /// Its id.
    pub id: String,
    /// Its name; the later one.
    pub name: String,
    /// What became of it.
    pub became: Became,
    /// Names and values that differ, in words: `renamed from Finance`.
    pub facts: Vec<String>,
    /// Names of roles that it gives and did not.
    pub added: Vec<String>,
    /// Names of roles that it gave and does not.
    pub removed: Vec<String>,
    /// When that was seen, in words.
    pub when: String,
    /// Who did it by the portal.
    pub authors: Vec<Author>,
    /// Something of it was done outside of the portal; in words, with who created it where Qlik says.
    pub outside: Option<String>,
    /// Its page can be opened.
    pub is_there: bool,
    /// It was there at the earlier moment, so that bringing all of them back takes nothing away.
    pub was_there: bool,
    /// It is one of Qlik's own, which can neither be created nor deleted.
    pub system: bool,
}

/// A role that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleChange {
    /// Its id.
    pub id: String,
    /// Its name; the later one.
    pub name: String,
    /// What became of it.
    pub became: Became,
    /// What differs, in words.
    pub facts: Vec<String>,
    /// Its page can be opened.
    pub is_there: bool,
}

/// How groups and roles are meant to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaselineLine {
    /// The moment whose state it is.
    pub at: String,
    /// Who declared it.
    pub by: String,
    /// When.
    pub declared: String,
    /// The same in milliseconds since 1970: whoever replaces it names it by this.
    pub declared_at: i64,
}

/// What changed between two moments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryView {
    /// The earlier moment.
    pub from: String,
    /// The day of the earlier moment, as the form has it.
    pub from_day: String,
    /// The later one; empty for now.
    pub to: String,
    /// The earlier moment, in milliseconds since 1970: what a form restores is of this one.
    pub moment: i64,
    /// When the baseline that it is of was declared; 0 where it is no baseline.
    pub declared_at: i64,
    /// What these moments stand for, and what is not known, in sentences.
    pub notes: Vec<String>,
    /// Since when states are kept; empty where none is.
    pub kept_since: String,
    /// The baseline, where one is declared.
    pub baseline: Option<BaselineLine>,
    /// The earlier moment is the baseline.
    pub is_baseline: bool,
    /// Groups that differ, those of this page.
    pub groups: Vec<GroupChange>,
    /// How many were created, changed and deleted, on all pages.
    pub counts: (u64, u64, u64),
    /// How many differ, whatever is searched for.
    pub in_all: u64,
    /// Groups of those found that were there: what can be restored without deleting any.
    pub restorable: u64,
    /// Roles that differ.
    pub roles: Vec<RoleChange>,
    /// This page, from 1.
    pub page: u32,
    /// Pages in all.
    pub pages: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_its_address() {
        let span = Span {
            from: "2026-11-03".into(),
            from_time: "14:30".into(),
            to: "2026-11-10".into(),
            to_time: String::new(),
            q: "a&b".into(),
            page: 3,
        };
        assert_eq!(Span::read(&span.query()), span);
        assert_eq!(Span::read("from=baseline&page=x&other=1"), Span { from: BASELINE.into(), page: 1, ..Span::default() });
        assert_eq!(Span { page: 1, ..Span::default() }.query(), "");
    }
}
