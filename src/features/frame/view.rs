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
}
