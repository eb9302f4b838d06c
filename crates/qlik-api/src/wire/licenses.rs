//! The licenses API: assignments, overview, status, settings, consumption.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::lenient;

/// A license held by a subject.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The allotment's name.
    #[serde(default, rename = "type", deserialize_with = "lenient::string")]
    pub allotment: String,
    /// Who holds it.
    #[serde(default, deserialize_with = "lenient::string")]
    pub subject: String,
    /// Given beyond what the allotment has.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub excess: bool,
    /// ISO 8601 UTC.
    #[serde(default, deserialize_with = "lenient::string")]
    pub created: String,
}

/// A row of `actions/add`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddRow {
    /// The allotment's name.
    #[serde(rename = "type")]
    pub allotment: String,
    /// Who gets it.
    pub subject: String,
}

/// A row of `actions/delete`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteRow {
    /// The allotment's name.
    #[serde(rename = "type")]
    pub allotment: String,
    /// Who gives it back.
    pub subject: String,
}

/// A row of `actions/update`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateRow {
    /// The current subject, or the wanted one where `source_subject` is given.
    pub subject: String,
    /// The wanted allotment.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub allotment: Option<String>,
    /// The current allotment; the row succeeds only from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_type: Option<String>,
    /// The current subject, where that is to change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_subject: Option<String>,
}

/// The body of the three actions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AssignmentAction {
    /// `{"add": […]}`
    Add(Vec<AddRow>),
    /// `{"delete": […]}`
    Delete(Vec<DeleteRow>),
    /// `{"update": […]}`
    Update(Vec<UpdateRow>),
}

/// The answer to one row of an action. Only `status` is promised, and even that is read with care.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RowAnswer {
    /// The row's own status.
    #[serde(default, deserialize_with = "lenient::int")]
    pub status: i64,
    /// Such as `LICENSES-011`.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_string")]
    pub code: Option<String>,
    /// What went wrong, in Qlik's words.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_string")]
    pub title: Option<String>,
    /// The allotment, echoed.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_string")]
    pub allotment: Option<String>,
    /// The subject, echoed.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_string")]
    pub subject: Option<String>,
    /// The former allotment, echoed.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_string")]
    pub source_type: Option<String>,
    /// The former subject, echoed.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_string")]
    pub source_subject: Option<String>,
}

/// The answer to an action: one entry per row, in no promised order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionAnswer {
    /// The rows' answers.
    pub data: Vec<RowAnswer>,
}

/// The license overview.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Overview {
    /// A trial license.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub trial: bool,
    /// ISO 8601 interval `start/end`.
    #[serde(default, deserialize_with = "lenient::string")]
    pub valid: String,
    /// `Internal` or `External`.
    #[serde(default, deserialize_with = "lenient::string")]
    pub origin: String,
    /// `Ok`, `Blacklisted`, `Expired`.
    #[serde(default, deserialize_with = "lenient::string")]
    pub status: String,
    /// The product's name.
    #[serde(default, deserialize_with = "lenient::string")]
    pub product: String,
    /// ISO 8601 time.
    #[serde(default, deserialize_with = "lenient::string")]
    pub updated: String,
    /// The allotments.
    #[serde(default, deserialize_with = "lenient::list")]
    pub allotments: Vec<Allotment>,
    /// The signed key. Whoever has it has the license: never logged, never shown whole.
    #[serde(default, deserialize_with = "lenient::string")]
    pub license_key: String,
    /// The license's parameter sets.
    #[serde(default, deserialize_with = "lenient::list")]
    pub parameters: Vec<Parameter>,
    /// The license's number.
    #[serde(default, deserialize_with = "lenient::string")]
    pub license_number: String,
    /// The definition's secondary number.
    #[serde(default, deserialize_with = "lenient::string")]
    pub secondary_number: String,
    /// Not always there.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_string")]
    pub license_type: Option<String>,
    /// Not always there; ISO 8601 time.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_string")]
    pub change_time: Option<String>,
    /// Not always there; ISO 8601 time.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_string")]
    pub latest_valid_time: Option<String>,
}

/// An allotment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Allotment {
    /// `professional`, `analyzer`, `analyzer_time`, and others nobody documents.
    #[serde(default, deserialize_with = "lenient::string")]
    pub name: String,
    /// Units licensed: people, or minutes for time-based ones.
    #[serde(default, deserialize_with = "lenient::int")]
    pub units: i64,
    /// Units used.
    #[serde(default, deserialize_with = "lenient::int")]
    pub units_used: i64,
    /// Units allowed beyond; -1 is without bound.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_int")]
    pub overage: Option<i64>,
    /// `assigned`, `time`, or another.
    #[serde(default, deserialize_with = "lenient::string")]
    pub usage_class: String,
}

/// A parameter set of the license.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// The set's name.
    #[serde(default, deserialize_with = "lenient::string")]
    pub name: String,
    /// `start/end` as dates, `.` for an open end.
    #[serde(default, deserialize_with = "lenient::string")]
    pub valid: String,
    /// Free values.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub values: Value,
    /// Who may use the parameters.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub access: Value,
}

/// The license status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// `Signed`, `Plain`, `2.0`.
    #[serde(default, rename = "type", deserialize_with = "lenient::string")]
    pub kind: String,
    /// A trial license.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub trial: bool,
    /// ISO 8601 interval `start/end`.
    #[serde(default, deserialize_with = "lenient::string")]
    pub valid: String,
    /// `Internal` or `External`.
    #[serde(default, deserialize_with = "lenient::string")]
    pub origin: String,
    /// `Ok`, `Blacklisted`, `Expired`, `Missing`.
    #[serde(default, deserialize_with = "lenient::string")]
    pub status: String,
    /// The product's name.
    #[serde(default, deserialize_with = "lenient::string")]
    pub product: String,
    /// The tenant was switched off.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub deactivated: bool,
    /// `Unavailable`, `Pending`, `Available`.
    #[serde(default, deserialize_with = "lenient::string")]
    pub extension_status: String,
}

/// Auto-assign settings; what is absent in a write stays as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// Give Professional at sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_flag")]
    pub auto_assign_professional: Option<bool>,
    /// Give Analyzer at sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_flag")]
    pub auto_assign_analyzer: Option<bool>,
}

/// One event of consumption. Every field is optional in Qlik's document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsumptionEvent {
    /// Unique.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_string")]
    pub id: Option<String>,
    /// The tenant user's id.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_string")]
    pub user_id: Option<String>,
    /// The app's id.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_string")]
    pub app_id: Option<String>,
    /// Repeats across apps.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_string")]
    pub session_id: Option<String>,
    /// ISO 8601 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_string")]
    pub end_time: Option<String>,
    /// Milliseconds, as a string.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_string")]
    pub duration: Option<String>,
    /// Not explained by Qlik.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_string")]
    pub allotment_id: Option<String>,
    /// Capacity minutes.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_int")]
    pub minutes_used: Option<i64>,
    /// Capacity chunks of six minutes.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_int")]
    pub capacity_used: Option<i64>,
    /// `ASSIGNED_LICENSE`, or anything else for capacity.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::maybe_string")]
    pub license_usage: Option<String>,
}

impl ConsumptionEvent {
    /// Whether a license of their own was used; anything else counts as capacity (Qlik's Entitlement Analyzer reads it so).
    pub fn under_license(&self) -> bool {
        self.license_usage.as_deref() == Some("ASSIGNED_LICENSE")
    }
}
