//! The audits API.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::lenient;

/// Something that was done in the tenant.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Audit {
    /// Unique.
    #[serde(default, deserialize_with = "lenient::string")]
    pub id: String,
    /// ISO 8601 UTC.
    #[serde(default, deserialize_with = "lenient::string")]
    pub event_time: String,
    /// `com.qlik.v1.group.updated`
    #[serde(default, deserialize_with = "lenient::string")]
    pub event_type: String,
    /// The id of the user who did it; empty where Qlik names none.
    #[serde(default, deserialize_with = "lenient::string")]
    pub user_id: String,
    /// What it was about; its shape depends on the type.
    #[serde(default)]
    pub data: Value,
}

impl Audit {
    /// A text of what it was about.
    pub fn of(&self, field: &str) -> Option<&str> {
        self.data.get(field)?.as_str()
    }
}
