//! What the frame room shows, as it goes to the browser.

use serde::{Deserialize, Serialize};

/// What the frame shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameFacts {
    /// The tenant's name.
    pub tenant: String,
    /// The tenant's host.
    pub host: String,
    /// As whom one acts at Qlik.
    pub qlik_name: String,
    /// Other tenants of the configuration: id and name.
    pub others: Vec<(String, String)>,
    /// Rows of the assignments table, where it is whole.
    pub assignments: Option<u64>,
    /// Groups, system groups apart, where all are known.
    pub groups: Option<u64>,
    /// Jobs that are not over.
    pub running: u64,
    /// In so many seconds there may be something to say about the session's end.
    pub warn_in_s: u32,
    /// So many seconds before its end it is said.
    pub warn_s: u32,
}

/// What somebody looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// What it is.
    pub kind: FoundKind,
    /// What it is called.
    pub label: String,
    /// What tells it from others of that name; may be empty.
    pub detail: String,
    /// Its address within the tenant.
    pub path: String,
}

/// What can be looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FoundKind {
    /// A person, in the assignments table.
    Person,
    /// A group.
    Group,
    /// A role.
    Role,
    /// A job.
    Job,
    /// A plan that was not applied.
    Plan,
}

impl FoundKind {
    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Group => "group",
            Self::Role => "role",
            Self::Job => "job",
            Self::Plan => "plan",
        }
    }
}
