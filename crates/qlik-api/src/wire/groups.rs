//! The groups API: groups, their roles, and the group settings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::lenient;

/// At most so many roles per group (Qlik groups API).
pub const MAX_ROLES: usize = 100;
/// At most so many groups per tenant (Qlik groups API).
pub const MAX_GROUPS: usize = 10_000;
/// The longest group name, in characters (Qlik groups API).
pub const MAX_NAME_CHARS: usize = 256;
/// The id of the system group Everyone.
pub const EVERYONE_ID: &str = "000000000000000000000001";
/// The name of the system group Everyone.
pub const EVERYONE_NAME: &str = "com.qlik.Everyone";
/// The path of the role list in a patch. Qlik's example and change log have the slash, its schema's enum has not.
pub const PATCH_ROLES_PATH: &str = "/assignedRoles";

/// A role as a group or user refers to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignedRole {
    /// The role's id.
    #[serde(default, deserialize_with = "lenient::string")]
    pub id: String,
    /// The role's name.
    #[serde(default, deserialize_with = "lenient::string")]
    pub name: String,
    /// `default` or `custom`.
    #[serde(default, rename = "type", deserialize_with = "lenient::string")]
    pub kind: String,
    /// `admin` or `user`.
    #[serde(default, deserialize_with = "lenient::string")]
    pub level: String,
}

/// A group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// The group's id.
    #[serde(default, deserialize_with = "lenient::string")]
    pub id: String,
    /// Unique; case matters.
    #[serde(default, deserialize_with = "lenient::string")]
    pub name: String,
    /// For custom groups.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_string")]
    pub description: Option<String>,
    /// `active` or `disabled`.
    #[serde(default, deserialize_with = "lenient::string")]
    pub status: String,
    /// `idp` (the default) or `custom`.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_string")]
    pub provider_type: Option<String>,
    /// Seen only by those who may see roles: `None` is “not visible”, never “none”.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_list")]
    pub assigned_roles: Option<Vec<AssignedRole>>,
    /// ISO 8601 time.
    #[serde(default, deserialize_with = "lenient::string")]
    pub created_at: String,
    /// The id of the user who made it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_string")]
    pub created_by: Option<String>,
    /// ISO 8601 time.
    #[serde(default, deserialize_with = "lenient::string")]
    pub last_updated_at: String,
}

/// A role by its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdRef {
    /// The role's id.
    pub id: String,
}

/// What a new group looks like.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewGroup {
    /// Up to 256 characters.
    pub name: String,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `idp` (the default) or `custom`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_type: Option<String>,
    /// Up to 100 roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assigned_roles: Option<Vec<IdRef>>,
}

/// A patch of a group; the whole list of patches is applied or none of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupPatch {
    op: &'static str,
    path: String,
    value: PatchValue,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum PatchValue {
    Roles(Vec<IdRef>),
    Text(String),
    Flag(bool),
}

impl GroupPatch {
    /// Replaces all roles.
    pub fn roles<I: Into<String>>(ids: impl IntoIterator<Item = I>) -> Self {
        let roles = ids.into_iter().map(|id| IdRef { id: id.into() }).collect();
        Self { op: "replace", path: PATCH_ROLES_PATH.to_owned(), value: PatchValue::Roles(roles) }
    }

    /// Renames a custom group.
    pub fn name(name: impl Into<String>) -> Self {
        Self { op: "replace", path: "name".to_owned(), value: PatchValue::Text(name.into()) }
    }

    /// Describes a custom group.
    pub fn description(text: impl Into<String>) -> Self {
        Self { op: "replace", path: "description".to_owned(), value: PatchValue::Text(text.into()) }
    }
}

/// A patch of the group settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct SettingsPatch(GroupPatch);

impl SettingsPatch {
    /// Whether groups come into being when a member signs in.
    pub fn auto_create_groups(on: bool) -> Self {
        Self(GroupPatch { op: "replace", path: "/autoCreateGroups".to_owned(), value: PatchValue::Flag(on) })
    }

    /// Deprecated by Qlik.
    pub fn sync_idp_groups(on: bool) -> Self {
        Self(GroupPatch { op: "replace", path: "/syncIdpGroups".to_owned(), value: PatchValue::Flag(on) })
    }

    /// Replaces all roles of a system group.
    pub fn system_group_roles<I: Into<String>>(id: &str, roles: impl IntoIterator<Item = I>) -> Self {
        let roles = roles.into_iter().map(|id| IdRef { id: id.into() }).collect();
        Self(GroupPatch { op: "replace", path: format!("/systemGroups/{id}/assignedRoles"), value: PatchValue::Roles(roles) })
    }
}

/// The group settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupSettings {
    /// Groups come into being when a member signs in.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_flag")]
    pub auto_create_groups: Option<bool>,
    /// Deprecated by Qlik and no longer always there.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_flag")]
    pub sync_idp_groups: Option<bool>,
    /// System groups by id.
    #[serde(default)]
    pub system_groups: BTreeMap<String, SystemGroup>,
}

/// A system group as the settings show it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SystemGroup {
    /// Immutable.
    #[serde(default, deserialize_with = "lenient::string")]
    pub id: String,
    /// Immutable.
    #[serde(default, deserialize_with = "lenient::string")]
    pub name: String,
    /// Immutable; true for Everyone.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub enabled: bool,
    /// The roles its members get.
    #[serde(default, deserialize_with = "lenient::list")]
    pub assigned_roles: Vec<AssignedRole>,
    /// ISO 8601 time.
    #[serde(default, deserialize_with = "lenient::string")]
    pub last_updated_at: String,
}

/// The body of `actions/filter`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FilterBody {
    /// SCIM (RFC 7644).
    pub filter: String,
}
