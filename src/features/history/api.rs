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

/// Draws up a plan that restores groups as they were at the earlier moment of a page: `moment`, or the baseline that was declared at
/// `declared`. `rows` are `restore:` or `delete:` with the id of a group; with `all`, every one that the span of `query` counts and
/// that was there.
#[server(endpoint = "history/draft-restore")]
pub async fn draft_restore(
    tenant: String,
    #[server(default)] query: String,
    #[server(default)] moment: i64,
    #[server(default)] declared: i64,
    #[server(default)] rows: Vec<String>,
    #[server(default)] all: String,
) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator};
    let access = Access::<Operator>::to(&tenant).await?;
    let wanted = super::service::Wanted { query: &query, moment, declared_at: declared, rows: &rows, all: !all.is_empty() };
    crate::server::lead::go(&access.tenant.id, super::service::draft(&access, wanted).await)
}

/// Declares how groups and roles are meant to be: as at this moment, in milliseconds since 1970, or as they are now. Where a baseline
/// is declared already, `replaces` is when that was.
#[server(endpoint = "history/declare")]
pub async fn declare(tenant: String, #[server(default)] moment: i64, #[server(default)] replaces: i64) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator};
    let access = Access::<Operator>::to(&tenant).await?;
    crate::server::lead::go(&access.tenant.id, super::service::declare(&access, moment, replaces).await)
}

/// Forgets what was declared.
#[server(endpoint = "history/undeclare")]
pub async fn undeclare(tenant: String) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator};
    let access = Access::<Operator>::to(&tenant).await?;
    crate::server::lead::go(&access.tenant.id, super::service::undeclare(&access).await)
}
