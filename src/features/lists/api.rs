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
    /// Which license would probably be right; empty where nobody knows.
    pub suggestion: String,
    /// Who may be meant, for a person to decide; empty where nobody can say.
    pub perhaps: String,
}

/// A line that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftLine {
    /// Its line in the file.
    pub line: u64,
    /// Its cells, one after the other.
    pub cells: String,
}

/// How the file is taken apart, as it was found out or chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadingView {
    /// The separator chosen by hand: `comma`, `semicolon`, `tab`, `bar`; empty where it was found out.
    pub separator: String,
    /// The encoding chosen by hand; empty likewise.
    pub encoding: String,
    /// The line of the headings chosen by hand, `0` for none; empty likewise.
    pub headings: String,
    /// Encodings to choose from.
    pub encodings: Vec<String>,
}

/// A list's page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListView {
    /// The file's name.
    pub name: String,
    /// Who brought it, and when.
    pub brought: String,
    /// Encoding, separator and headings, as sentences.
    pub read_as: String,
    /// What was noticed and is no fault, as sentences.
    pub notes: Vec<String>,
    /// How the file is taken apart.
    pub reading: ReadingView,
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
    pub allow_unknown: bool,
    /// Lines there are.
    pub lines: u64,
    /// Lines that are understood.
    pub understood: u64,
    /// The first people recognised, each as a sentence.
    pub recognised: Vec<String>,
    /// Lines left out by hand.
    pub left_out: u64,
    /// The first of them.
    pub left: Vec<LeftLine>,
    /// People whom those lines may mean, and whose licenses are left alone.
    pub spared: u64,
    /// Faults in all.
    pub wrong: u64,
    /// Faults by kind, as sentences.
    pub kinds: Vec<String>,
    /// Lines that only lack a license.
    pub no_license: u64,
    /// Most lines name nobody known here.
    pub foreign: bool,
    /// Why no plan can be drawn up although nothing is wrong any more; empty where one can.
    pub stopped: String,
    /// Of the faults, licenses with a suggestion; on all pages.
    pub suggested: u64,
    /// Faults of this page, but for those that only lack a license.
    pub faults: Vec<FaultLine>,
    /// This page, from 1.
    pub page: u32,
    /// Pages in all.
    pub pages: u32,
}

/// What was typed and not brought yet, and when it was kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PastedView {
    /// The lines; empty where there are none.
    pub lines: String,
    /// When: `12:03:22 UTC`.
    pub at: String,
    /// Allotments for lines that name none: value and label.
    pub allotments: Vec<(String, String)>,
}

/// The draft of a list, and what the form offers.
#[server(endpoint = "lists/pasted")]
pub async fn pasted(tenant: String) -> Result<PastedView, AppError> {
    use crate::server::access::{Access, Operator, refused};
    let access = Access::<Operator>::to(&tenant).await?;
    super::service::pasted(&access).await.map_err(refused)
}

/// Keeps lines that somebody is about to bring; none forgets them.
#[server(endpoint = "lists/keep-pasted")]
pub async fn keep_pasted(tenant: String, #[server(default)] lines: String) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator, refused};
    let access = Access::<Operator>::to(&tenant).await?;
    super::service::keep_pasted(&access, &lines).await.map_err(refused)
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
    #[server(default)] allow_unknown: String,
    #[server(default)] columns: Vec<String>,
    #[server(default)] separator: String,
    #[server(default)] encoding: String,
    #[server(default)] headings: String,
) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator, refused};
    let access = Access::<Operator>::to(&tenant).await?;
    let read = super::service::ReadAs {
        purpose,
        usual,
        allow_unknown: !allow_unknown.is_empty(),
        columns,
        separator,
        encoding,
        headings,
    };
    super::service::read_as(&access, &id, read).await.map_err(refused)
}

/// Chooses the license of the lines that name none.
#[server(endpoint = "lists/usual")]
pub async fn set_usual(tenant: String, id: String, #[server(default)] usual: String) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator, refused};
    let access = Access::<Operator>::to(&tenant).await?;
    super::service::set_usual(&access, &id, &usual).await.map_err(refused)
}

/// Mends cells and leaves lines out. `cells` names them as `line:column`, `texts` are their new texts in the same order, `out`
/// the lines to leave out; `what` is `these`, `suggested` (take every license suggested), `perhaps` (take the people suggested in
/// `near` and `names`, which were on screen), `leave` (leave out every faulty line) or `back` (take the lines `out` in again).
#[server(endpoint = "lists/correct")]
pub async fn correct(
    tenant: String,
    id: String,
    what: String,
    #[server(default)] cells: Vec<String>,
    #[server(default)] texts: Vec<String>,
    #[server(default)] near: Vec<String>,
    #[server(default)] names: Vec<String>,
    #[server(default)] out: Vec<u64>,
) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator, refused};
    let access = Access::<Operator>::to(&tenant).await?;
    let form = super::service::Corrections { what, cells, texts, near, names, out };
    super::service::correct(&access, &id, form).await.map_err(refused)
}

/// Draws up the plan of a list without faults.
#[server(endpoint = "lists/plan")]
pub async fn plan_list(tenant: String, id: String) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator};
    let access = Access::<Operator>::to(&tenant).await?;
    crate::server::lead::go(&access.tenant.id, super::service::plan(&access, &id).await)
}
