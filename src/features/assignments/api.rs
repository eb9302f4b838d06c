//! Server functions of the assignments room.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::AppError;
use crate::features::shared::Loaded;

/// A row as the table shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowLine {
    /// Names the row.
    pub key: String,
    /// The person's name; may be empty.
    pub name: String,
    /// The subject.
    pub subject: String,
    /// May be empty.
    pub email: String,
    /// The allotment's label; empty for somebody without a license.
    pub allotment: String,
    /// Since when: `2024-03-11`; may be empty.
    pub since: String,
    /// The user's status; empty where the subject is no user here.
    pub status: String,
    /// Given beyond what the allotment has.
    pub excess: bool,
    /// No user of this tenant.
    pub orphan: bool,
    /// An OAuth client's own user.
    pub bot: bool,
    /// Licenses this subject holds.
    pub held: u32,
    /// Groups the user is in.
    pub groups: u32,
}

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

/// A window of the table with what its filters offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignmentsView {
    /// The rows of this page.
    pub rows: Vec<RowLine>,
    /// Rows that pass the filter.
    pub matching: u64,
    /// Rows there are.
    pub of: u64,
    /// This page, from 1.
    pub page: u32,
    /// Pages in all.
    pub pages: u32,
    /// Allotments to filter by.
    pub allotments: Vec<Choice>,
    /// Allotments one can be given.
    pub targets: Vec<Choice>,
    /// Statuses to filter by.
    pub statuses: Vec<Choice>,
    /// Roles to filter by.
    pub roles: Vec<Choice>,
    /// The group in the address, by its name.
    pub group: Option<Choice>,
}

/// A window of the table. `query` is the view as the address holds it.
#[server(endpoint = "assignments/window")]
pub async fn assignments(tenant: String, query: String) -> Result<Loaded<AssignmentsView>, AppError> {
    use crate::server::access::{Access, Viewer};
    let access = Access::<Viewer>::to(&tenant).await?;
    super::service::window(&access, &query).await
}

/// How many of these rows pass the filter of `query`.
#[server(endpoint = "assignments/visible", input = leptos::server_fn::codec::Json)]
pub async fn visible(tenant: String, query: String, rows: Vec<String>) -> Result<u64, AppError> {
    use crate::server::access::{Access, Viewer};
    let access = Access::<Viewer>::to(&tenant).await?;
    super::service::visible(&access, &query, &rows).await
}

/// Draws up a plan for those selected: `rows`, or all that match `query` but for `except`.
#[server(endpoint = "assignments/draft")]
pub async fn draft(
    tenant: String,
    action: String,
    #[server(default)] to: String,
    #[server(default)] rows: Vec<String>,
    #[server(default)] matching: String,
    #[server(default)] query: String,
    #[server(default)] except: Vec<String>,
) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator};
    let access = Access::<Operator>::to(&tenant).await?;
    let all = (!matching.is_empty()).then_some(query);
    super::service::draft(&access, &action, &to, &rows, all.as_deref(), &except).await.map_err(crate::server::access::refused)
}
