//! The error body, in both of Qlik's shapes.

use serde::{Deserialize, Serialize};

use super::lenient;

/// `{errors: […], traceId}` (groups, roles, users) and `{error, errors, message}` (licenses) in one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// What went wrong, entry by entry.
    #[serde(default, deserialize_with = "lenient::list")]
    pub errors: Vec<ErrorEntry>,
    /// Identifies the request in Qlik's logs.
    #[serde(default, rename = "traceId", skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_string")]
    pub trace_id: Option<String>,
    /// Deprecated by Qlik; licenses only.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_string")]
    pub error: Option<String>,
    /// Deprecated by Qlik; licenses only.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_string")]
    pub message: Option<String>,
}

/// One entry of an error body.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorEntry {
    /// Such as `LICENSES-011`.
    #[serde(default, deserialize_with = "lenient::string")]
    pub code: String,
    /// What went wrong, in Qlik's words.
    #[serde(default, deserialize_with = "lenient::string")]
    pub title: String,
    /// More of it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_string")]
    pub detail: Option<String>,
}
