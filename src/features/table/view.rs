//! What all tables show alike, as it goes to the browser.

use serde::{Deserialize, Serialize};

/// A value one can filter by, and how many rows have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The value in the address.
    pub value: String,
    /// What it is called.
    pub label: String,
    /// How many rows; `None` where that is not counted.
    pub rows: Option<u64>,
}

/// A view of a table that somebody gave a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedView {
    /// Its name.
    pub name: String,
    /// The address's query that shows it.
    pub query: String,
}
