//! Server functions of the history of groups.

use leptos::prelude::*;

use super::view::HistoryView;
use crate::error::AppError;
use crate::features::shared::Loaded;

/// What changed between two moments; `query` is the span as the address holds it.
#[server(endpoint = "history/changes")]
pub async fn history(tenant: String, #[server(default)] query: String) -> Result<Loaded<HistoryView>, AppError> {
    use crate::server::access::{Access, Viewer};
    let access = Access::<Viewer>::to(&tenant).await?;
    super::service::view(&access, &query).await
}

/// Draws up a plan that restores groups as they were at the earlier moment of a span: those of `rows` by id, or with `all` every
/// one that differs and was there.
#[server(endpoint = "history/draft-restore")]
pub async fn draft_restore(
    tenant: String,
    #[server(default)] query: String,
    #[server(default)] rows: Vec<String>,
    #[server(default)] all: String,
) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator};
    let access = Access::<Operator>::to(&tenant).await?;
    crate::server::lead::go(&access.tenant.id, super::service::draft(&access, &query, &rows, !all.is_empty()).await)
}

/// Declares groups and roles as they are now, or as they were at the earlier moment of a span, to be how they are meant to be.
#[server(endpoint = "history/declare")]
pub async fn declare(tenant: String, #[server(default)] query: String) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator};
    let access = Access::<Operator>::to(&tenant).await?;
    crate::server::lead::go(&access.tenant.id, super::service::declare(&access, &query).await)
}

/// Forgets what was declared.
#[server(endpoint = "history/undeclare")]
pub async fn undeclare(tenant: String) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator};
    let access = Access::<Operator>::to(&tenant).await?;
    crate::server::lead::go(&access.tenant.id, super::service::undeclare(&access).await)
}
