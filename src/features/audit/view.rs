//! What the audit room shows, as it goes to the browser, and what an address asks of it.

use domain::journal::Tally;
use serde::{Deserialize, Serialize};

/// An event of the trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLine {
    /// Its place.
    pub seq: i64,
    /// When.
    pub at: String,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// To what.
    pub target: String,
    /// In which job.
    pub job: String,
    /// What came of it.
    pub outcome: String,
    /// More of it.
    pub detail: String,
    /// What the rows of a job came to, where this is the job as a whole.
    pub tally: Option<Tally>,
}

/// A page of the trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditView {
    /// The events, newest first.
    pub lines: Vec<AuditLine>,
    /// There are older ones that pass the filter.
    pub more: bool,
}

/// One side and the other of something that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SideLine {
    /// What changed.
    pub what: String,
    /// How it was; nothing where it was not there.
    pub before: String,
    /// How it was to be.
    pub after: String,
}

/// Everything that a record says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventView {
    /// What was done, as the record has it.
    pub action: String,
    /// What came of it.
    pub outcome: String,
    /// To what.
    pub target: String,
    /// What it says besides: names and values.
    pub facts: Vec<(String, String)>,
    /// What changed.
    pub sides: Vec<SideLine>,
    /// In which job; empty outside of one.
    pub job: String,
    /// By which plan; empty where by none.
    pub plan: String,
    /// Its text, as it was hashed.
    pub text: String,
    /// Its hash.
    pub hash: String,
}

/// Somebody or some group that was otherwise then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThenLine {
    /// Who or what, by name.
    pub name: String,
    /// A person's subject; empty for a group.
    pub subject: String,
    /// How it was then.
    pub then: String,
    /// How it is now.
    pub now: String,
    /// The newest record that changed it; 0 where only Qlik's own date tells.
    pub seq: i64,
}

/// Seats of a license type, then and now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatsThen {
    /// The license type.
    pub name: String,
    /// Seats then, as it was put together.
    pub then: i64,
    /// Seats that Qlik counted on that day, where they were read.
    pub counted: Option<i64>,
    /// Seats now.
    pub now: i64,
}

/// A tenant as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThenView {
    /// When that was.
    pub at: String,
    /// What it was put together from, in sentences; and what is not known.
    pub made_of: Vec<String>,
    /// Seats by license type.
    pub seats: Vec<SeatsThen>,
    /// Who held something else, those of this page.
    pub people: Vec<ThenLine>,
    /// How many that are on all pages.
    pub people_in_all: u64,
    /// This page, from 1.
    pub page: u32,
    /// Pages in all.
    pub pages: u32,
    /// Groups that gave other roles.
    pub groups: Vec<ThenLine>,
}

/// Which moment is asked for, as it stands in the address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Moment {
    /// A day: `2026-11-03`.
    pub day: String,
    /// A time of that day: `14:30`; its end where there is none.
    pub time: String,
    /// Occurs in whom or what is shown.
    pub q: String,
    /// The page, from 1.
    pub page: u32,
}

impl Moment {
    /// Reads an address's query; what it does not know is left aside.
    pub fn read(query: &str) -> Self {
        let mut moment = Self { page: 1, ..Self::default() };
        for (key, value) in crate::ui::query::from_query(query) {
            let value = value.trim().to_owned();
            match key.as_str() {
                "at" => moment.day = value,
                "time" => moment.time = value,
                "q" => moment.q = value,
                "page" => moment.page = value.parse().unwrap_or(1).max(1),
                _ => {}
            }
        }
        moment
    }

    /// The query of an address that asks for this.
    pub fn query(&self) -> String {
        let page = if self.page > 1 { self.page.to_string() } else { String::new() };
        let pairs = [("at", &self.day), ("time", &self.time), ("q", &self.q), ("page", &page)];
        let pairs: Vec<(&str, String)> =
            pairs.into_iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| (key, value.clone())).collect();
        crate::ui::query::to_query(&pairs)
    }
}

/// Which events are asked for, as it stands in the address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asked {
    /// Occurs in who acted.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// Occurs in what it was done to.
    pub target: String,
    /// What came of it.
    pub outcome: String,
    /// On this day or later: `2026-11-28`, UTC.
    pub from: String,
    /// On this day or earlier.
    pub to: String,
    /// Rows of this job.
    pub job: String,
    /// Older than this place; 0 for the newest.
    pub before: i64,
}

impl Asked {
    /// Reads an address's query; what it does not know is left aside.
    pub fn read(query: &str) -> Self {
        let mut asked = Self::default();
        for (key, value) in crate::ui::query::from_query(query) {
            let value = value.trim().to_owned();
            match key.as_str() {
                "actor" => asked.actor = value,
                "action" => asked.action = value,
                "target" => asked.target = value,
                "outcome" => asked.outcome = value,
                "from" => asked.from = value,
                "to" => asked.to = value,
                "job" => asked.job = value,
                "before" => asked.before = value.parse().unwrap_or(0),
                _ => {}
            }
        }
        asked
    }

    /// The query of an address that asks for this.
    pub fn query(&self) -> String {
        let before = if self.before > 0 { self.before.to_string() } else { String::new() };
        let pairs = [
            ("actor", &self.actor),
            ("action", &self.action),
            ("target", &self.target),
            ("outcome", &self.outcome),
            ("from", &self.from),
            ("to", &self.to),
            ("job", &self.job),
            ("before", &before),
        ];
        let pairs: Vec<(&str, String)> =
            pairs.into_iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| (key, value.clone())).collect();
        crate::ui::query::to_query(&pairs)
    }

    /// Whether it asks for less than everything.
    pub fn is_filtered(&self) -> bool {
        *self != Self { before: self.before, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::Asked;

    #[test]
    fn an_address_says_what_is_asked_and_back() {
        let query = "?actor=anna&action=remove&target=MERIDIAN%5Cx&outcome=done&from=2026-11-01&to=2026-11-28&job=j&before=400";
        let asked = Asked::read(query);
        assert_eq!((asked.target.as_str(), asked.before), ("MERIDIAN\\x", 400));
        assert_eq!(Asked::read(&asked.query()), asked);
        assert_eq!(Asked::read("?unknown=1&before=x"), Asked::default());
        assert!(asked.is_filtered() && !Asked { before: 9, ..Asked::default() }.is_filtered());
    }
}
