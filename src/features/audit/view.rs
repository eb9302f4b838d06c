//! What the audit room shows, as it goes to the browser.

use serde::{Deserialize, Serialize};

/// A line of the trail.
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
}
