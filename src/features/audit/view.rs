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
