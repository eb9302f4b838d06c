//! The users API.

use serde::{Deserialize, Serialize};

use super::groups::AssignedRole;
use super::lenient;

/// A group as a user refers to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignedGroup {
    /// The group's id.
    #[serde(default, deserialize_with = "lenient::string")]
    pub id: String,
    /// The group's name.
    #[serde(default, deserialize_with = "lenient::string")]
    pub name: String,
}

/// A user of the tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The user's id.
    #[serde(default, deserialize_with = "lenient::string")]
    pub id: String,
    /// The tenant's id.
    #[serde(default, deserialize_with = "lenient::string")]
    pub tenant_id: String,
    /// The IdP subject; joins to assignments without case.
    #[serde(default, deserialize_with = "lenient::string")]
    pub subject: String,
    /// May be empty.
    #[serde(default, deserialize_with = "lenient::string")]
    pub name: String,
    /// May be missing.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_string")]
    pub email: Option<String>,
    /// `active`, `invited`, `disabled`, `deleted`, `provisioned`.
    #[serde(default, deserialize_with = "lenient::string")]
    pub status: String,
    /// For OAuth clients' own users.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_string")]
    pub client_id: Option<String>,
    /// Direct roles; `None` where they may not be seen.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_list")]
    pub assigned_roles: Option<Vec<AssignedRole>>,
    /// Groups; `None` where they may not be seen.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_list")]
    pub assigned_groups: Option<Vec<AssignedGroup>>,
    /// ISO 8601 time.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_string")]
    pub created_at: Option<String>,
}

/// The answer of `users/actions/count`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserCount {
    /// Users in all.
    #[serde(default, deserialize_with = "lenient::int")]
    pub total: i64,
}
