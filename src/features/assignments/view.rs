//! What the assignments room shows, as it goes to the browser.

use domain::allotment::AllotmentName;
use domain::assignments::Row;
use serde::{Deserialize, Serialize};

use crate::features::table::Choice;

/// A row as the table shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowLine {
    /// Names the row.
    pub key: String,
    /// The person's name; may be empty.
    pub name: String,
    /// The subject.
    pub subject: String,
    /// May be empty.
    pub email: String,
    /// The allotment's label; empty for somebody without a license.
    pub allotment: String,
    /// Since when: `2024-03-11`; may be empty.
    pub since: String,
    /// When Qlik was used last: `today`, `3 d`, `never`; empty where it is not known.
    pub used: String,
    /// The user's status; empty where the subject is no user here.
    pub status: String,
    /// Given beyond what the allotment has.
    pub excess: bool,
    /// No user of this tenant.
    pub orphan: bool,
    /// An OAuth client's own user.
    pub bot: bool,
    /// Licenses this subject holds.
    pub held: u32,
    /// Groups the user is in; `None` where that may not be seen.
    pub groups: Option<u32>,
    /// Roles the user has, directly or by a group; `None` where that may not be seen, or not wholly.
    pub roles: Option<u32>,
}

impl From<Row<'_>> for RowLine {
    fn from(row: Row<'_>) -> Self {
        let whole = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self {
            key: row.key().as_str().to_owned(),
            name: row.name().to_owned(),
            subject: row.subject().to_owned(),
            email: row.email().to_owned(),
            allotment: row.allotment().map(AllotmentName::label).unwrap_or_default(),
            since: row.since().map(|day| day.to_string()).unwrap_or_default(),
            used: row.used().to_string(),
            status: row.status().unwrap_or_default().to_owned(),
            excess: row.excess(),
            orphan: row.orphan(),
            bot: row.bot(),
            held: u32::from(row.held()),
            groups: row.groups_visible().then(|| whole(row.groups().len())),
            roles: row.roles_visible().then(|| whole(row.roles().len())),
        }
    }
}

impl RowLine {
    /// What the person is called: by name, or by subject where there is none.
    pub fn who(&self) -> &str {
        if self.name.is_empty() { &self.subject } else { &self.name }
    }
}

/// A license one can be given, with the seats it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The allotment's wire name.
    pub value: String,
    /// Its label.
    pub label: String,
    /// Seats free now; `None` without a bound.
    pub free: Option<i64>,
    /// Of those, paid ones.
    pub paid: i64,
}

/// Whether it is known when people used Qlik last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum UsesState {
    /// It is being read.
    #[default]
    Reading,
    /// It is in the table.
    Known,
    /// The key may not read it.
    Closed,
    /// It could not be read; another try follows.
    Failed,
}

impl UsesState {
    /// Why it is not known; nothing where it is, or soon will be.
    pub fn trouble(self) -> Option<&'static str> {
        match self {
            Self::Reading | Self::Known => None,
            Self::Closed => Some("Last use unknown: this key cannot read consumption."),
            Self::Failed => Some("Last use unknown: Qlik did not respond. Trying again."),
        }
    }
}

/// A window of the table with what its filters offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignmentsView {
    /// The rows of this page.
    pub rows: Vec<RowLine>,
    /// Names the rows: another reading of the tenant has another.
    pub version: u64,
    /// Whether it is known when people used Qlik last.
    pub uses: UsesState,
    /// Rows that pass the filter.
    pub matching: u64,
    /// Names the rows that pass the filter.
    pub digest: u64,
    /// Rows there are.
    pub of: u64,
    /// This page, from 1.
    pub page: u32,
    /// Pages in all.
    pub pages: u32,
    /// Allotments to filter by.
    pub allotments: Vec<Choice>,
    /// Allotments one can be given.
    pub targets: Vec<Target>,
    /// Statuses to filter by.
    pub statuses: Vec<Choice>,
    /// Roles to filter by.
    pub roles: Vec<Choice>,
    /// Groups to filter by.
    pub groups: Vec<Choice>,
}

/// A license a person holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldLine {
    /// The allotment's wire name.
    pub value: String,
    /// Its label.
    pub label: String,
    /// Since when; may be empty.
    pub since: String,
    /// Given beyond what the allotment has.
    pub excess: bool,
}

/// A line of what was done about a person through Quartermaster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryLine {
    /// When.
    pub at: String,
    /// Who.
    pub actor: String,
    /// What: `assign`, `remove` and the like.
    pub action: String,
    /// What came of it.
    pub outcome: String,
    /// More of it.
    pub detail: String,
    /// In which job.
    pub job: String,
}

/// What a single edit came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edited {
    /// Its job.
    pub job: String,
    /// What it was, in words.
    pub title: String,
    /// `done`, `already`, `refused` and the like; empty while it is under way.
    pub state: String,
    /// Why, where it was not done, and what to do.
    pub why: String,
    /// It can be taken back.
    pub undo: bool,
}

/// Everything known of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonView {
    /// The subject.
    pub subject: String,
    /// The name; may be empty.
    pub name: String,
    /// May be empty.
    pub email: String,
    /// The user's status; empty where the subject is no user here.
    pub status: String,
    /// The user's id; empty likewise.
    pub id: String,
    /// An OAuth client's own user.
    pub bot: bool,
    /// When Qlik was used last, in words; empty where it is not known.
    pub used: String,
    /// The newest days of use, each with what it was, in words.
    pub recent: Vec<(String, String)>,
    /// Why there are none, in words; empty where there are some, and for whom there cannot be any.
    pub no_recent: String,
    /// Licenses held.
    pub held: Vec<HeldLine>,
    /// Allotments one can be given.
    pub targets: Vec<Target>,
    /// Groups: id and name.
    pub groups: Vec<(String, String)>,
    /// Roles, and by what: `directly`, or a group's name.
    pub roles: Vec<(String, String)>,
    /// What of the roles and groups the key may not see, as a sentence; empty where it sees them all.
    pub unseen: String,
    /// What was done through Quartermaster, the newest first.
    pub history: Vec<HistoryLine>,
    /// The edit just made.
    pub edited: Option<Edited>,
    /// Qlik does not answer: nothing can be changed now.
    pub off: bool,
}
