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

/// A license a person holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldLine {
    /// The allotment's wire name.
    pub value: String,
    /// Its label.
    pub label: String,
    /// Since when; may be empty.
    pub since: String,
    /// Given beyond what the allotment has.
    pub excess: bool,
}

/// A line of what was done about a person through Quartermaster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryLine {
    /// When.
    pub at: String,
    /// Who.
    pub actor: String,
    /// What: `assign`, `remove` and the like.
    pub action: String,
    /// What came of it.
    pub outcome: String,
    /// More of it.
    pub detail: String,
    /// In which job.
    pub job: String,
}

/// What a single edit came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edited {
    /// Its job.
    pub job: String,
    /// What it was, in words.
    pub title: String,
    /// `done`, `already`, `refused` and the like; empty while it is under way.
    pub state: String,
    /// Why, where it was not done, and what to do.
    pub why: String,
    /// It can be taken back.
    pub undo: bool,
}

/// Everything known of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonView {
    /// The subject.
    pub subject: String,
    /// The name; may be empty.
    pub name: String,
    /// May be empty.
    pub email: String,
    /// The user's status; empty where the subject is no user here.
    pub status: String,
    /// The user's id; empty likewise.
    pub id: String,
    /// An OAuth client's own user.
    pub bot: bool,
    /// Licenses held.
    pub held: Vec<HeldLine>,
    /// Allotments one can be given.
    pub targets: Vec<Choice>,
    /// Groups: id and name.
    pub groups: Vec<(String, String)>,
    /// Roles, and by what: `directly`, or a group's name.
    pub roles: Vec<(String, String)>,
    /// What was done through Quartermaster, the newest first.
    pub history: Vec<HistoryLine>,
    /// The edit just made.
    pub edited: Option<Edited>,
    /// Qlik does not answer: nothing can be changed now.
    pub off: bool,
}

/// Everything known of a person; `job` is an edit just made. `None` where nobody has that subject.
#[server(endpoint = "assignments/person")]
pub async fn person(tenant: String, subject: String, job: String) -> Result<Option<PersonView>, AppError> {
    use crate::server::access::{Access, Viewer, refused};
    let access = Access::<Viewer>::to(&tenant).await?;
    super::person_service::person(&access, &subject, &job).await.map_err(refused)
}

/// Changes one license at once: `from` nothing gives one, `to` nothing takes it back. `query` is the table to go back to.
#[server(endpoint = "assignments/edit")]
pub async fn edit(
    tenant: String,
    subject: String,
    #[server(default)] from: String,
    #[server(default)] to: String,
    #[server(default)] query: String,
) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator, refused};
    let access = Access::<Operator>::to(&tenant).await?;
    super::person_service::edit(&access, &subject, &from, &to, &query).await.map_err(refused)
}

/// Takes a single edit back.
#[server(endpoint = "assignments/take-back")]
pub async fn take_back(tenant: String, subject: String, job: String, #[server(default)] query: String) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator, refused};
    let access = Access::<Operator>::to(&tenant).await?;
    super::person_service::take_back(&access, &subject, &job, &query).await.map_err(refused)
}
