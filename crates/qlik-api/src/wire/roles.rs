//! The roles API.

use serde::{Deserialize, Serialize};

use super::lenient;

/// A role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Role {
    /// The role's id.
    #[serde(default, deserialize_with = "lenient::string")]
    pub id: String,
    /// Unique.
    #[serde(default, deserialize_with = "lenient::string")]
    pub name: String,
    /// `default` or `custom`.
    #[serde(default, rename = "type", deserialize_with = "lenient::string")]
    pub kind: String,
    /// `admin` or `user`.
    #[serde(default, deserialize_with = "lenient::string")]
    pub level: String,
    /// For people.
    #[serde(default, deserialize_with = "lenient::string")]
    pub description: String,
    /// What the role allows.
    #[serde(default, deserialize_with = "lenient::list")]
    pub permissions: Vec<String>,
    /// What the role allows, in the newer form.
    #[serde(default, deserialize_with = "lenient::list")]
    pub assigned_scopes: Vec<String>,
    /// `fullUser` raises a basic user to a full one.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_string")]
    pub user_entitlement_type: Option<String>,
    /// Deprecated form of the same.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub full_user: bool,
}
