//! Server functions of the lists room. A list arrives by a form of its own: `files.rs`.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::AppError;

/// A column of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnLine {
    /// Its heading, or its place.
    pub heading: String,
    /// The first cells.
    pub sample: String,
    /// What it is taken for; empty for nothing of ours.
    pub means: String,
}

/// A fault, with what would probably be right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultLine {
    /// Its line in the file.
    pub line: u64,
    /// Its column's place, from 0.
    pub column: u32,
    /// Its column's heading.
    pub heading: String,
    /// What stands there.
    pub found: String,
    /// What is wrong.
    pub reason: String,
    /// What would probably be right; empty where nobody knows.
    pub suggestion: String,
}

/// A list's page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListView {
    /// The file's name.
    pub name: String,
    /// Who brought it, and when.
    pub brought: String,
    /// Encoding and separator, as a sentence.
    pub read_as: String,
    /// Its columns.
    pub columns: Vec<ColumnLine>,
    /// Every meaning a column can have: value and words.
    pub meanings: Vec<(String, String)>,
    /// `give`, `take`, `sync` or `rename`.
    pub purpose: String,
    /// The license of lines that name none; empty for none.
    pub usual: String,
    /// Allotments to choose it from: value and label.
    pub allotments: Vec<(String, String)>,
    /// Subjects may be meant that are no users yet.
    pub strangers: bool,
    /// Lines there are.
    pub lines: u64,
    /// Lines that are understood.
    pub understood: u64,
    /// Lines left out by hand.
    pub left_out: u64,
    /// Faults in all.
    pub wrong: u64,
    /// Of those, with a suggestion.
    pub suggested: u64,
    /// Faults of this page.
    pub faults: Vec<FaultLine>,
    /// This page, from 1.
    pub page: u32,
    /// Pages in all.
    pub pages: u32,
}

/// A list with a page of its faults, compared with the tenant as it is known now.
#[server(endpoint = "lists/one")]
pub async fn list(tenant: String, id: String, page: u32) -> Result<ListView, AppError> {
    use crate::server::access::{Access, Operator, refused};
    let access = Access::<Operator>::to(&tenant).await?;
    super::service::view(&access, &id, page).await.map_err(refused)
}

/// Changes how a list is read.
#[server(endpoint = "lists/read-as")]
pub async fn read_as(
    tenant: String,
    id: String,
    purpose: String,
    #[server(default)] usual: String,
    #[server(default)] strangers: String,
    #[server(default)] columns: Vec<String>,
) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator, refused};
    let access = Access::<Operator>::to(&tenant).await?;
    super::service::read_as(&access, &id, &purpose, &usual, !strangers.is_empty(), &columns).await.map_err(refused)
}

/// Mends cells and leaves lines out. `cells` names them as `line:column`, `texts` are their new texts in the same order, `out`
/// the lines to leave out; `what` is `these`, `suggested` (take every suggestion there is) or `leave` (leave out every faulty line).
#[server(endpoint = "lists/mend")]
pub async fn mend(
    tenant: String,
    id: String,
    what: String,
    #[server(default)] cells: Vec<String>,
    #[server(default)] texts: Vec<String>,
    #[server(default)] out: Vec<u64>,
) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator, refused};
    let access = Access::<Operator>::to(&tenant).await?;
    super::service::mend(&access, &id, &what, &cells, &texts, &out).await.map_err(refused)
}

/// Draws up the plan of a list without faults.
#[server(endpoint = "lists/plan")]
pub async fn plan_list(tenant: String, id: String) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator, refused};
    let access = Access::<Operator>::to(&tenant).await?;
    super::service::plan(&access, &id).await.map_err(refused)
}
