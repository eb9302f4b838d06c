//! Server functions of the assignments room.

use leptos::prelude::*;

use super::view::{AssignmentsView, PersonView};
use crate::error::AppError;
use crate::features::shared::Loaded;

/// A window of the table. `query` is the view as the address holds it.
#[server(endpoint = "assignments/window")]
pub async fn assignments(tenant: String, query: String) -> Result<Loaded<AssignmentsView>, AppError> {
    use crate::server::access::{Access, Viewer};
    let access = Access::<Viewer>::to(&tenant).await?;
    super::service::window(&access, &query).await
}

/// Draws up a plan for those selected: `rows` by their boxes, with `matching` all that match `query`, and by line the keys
/// of rows besides (`+`) and of exceptions (`-`). `version` names the rows that were looked at, `digest` those of them that
/// matched: what was counted is what is planned.
#[server(endpoint = "assignments/draft")]
pub async fn draft(
    tenant: String,
    action: String,
    #[server(default)] to: String,
    #[server(default)] rows: Vec<String>,
    #[server(default)] lines: String,
    #[server(default)] matching: String,
    #[server(default)] query: String,
    #[server(default)] version: String,
    #[server(default)] digest: String,
) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator};
    let access = Access::<Operator>::to(&tenant).await?;
    let query = (!matching.is_empty()).then_some(query.as_str());
    let selection = super::service::selection(&rows, query, &lines);
    let counted = crate::features::table::Counted::read(&version, &digest);
    crate::server::lead::go(&access.tenant.id, super::service::draft(&access, &action, &to, &selection, counted).await)
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
    use crate::server::access::{Access, Operator};
    let access = Access::<Operator>::to(&tenant).await?;
    crate::server::lead::go(&access.tenant.id, super::person_service::edit(&access, &subject, &from, &to, &query).await)
}

/// Takes a single edit back.
#[server(endpoint = "assignments/take-back")]
pub async fn take_back(tenant: String, subject: String, job: String, #[server(default)] query: String) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator};
    let access = Access::<Operator>::to(&tenant).await?;
    crate::server::lead::go(&access.tenant.id, super::person_service::take_back(&access, &subject, &job, &query).await)
}
