//! Server functions of the lists room. A list arrives by a form of its own: `files.rs`.

use leptos::prelude::*;

use super::view::{ListView, PastedView};
use crate::error::AppError;

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

/// Corrects cells and leaves lines out. `cells` names them as `line:column`, `texts` are their new texts in the same order, `out`
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
