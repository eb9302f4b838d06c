//! Server functions of the licenses by group.

use leptos::prelude::*;

use super::view::TiesView;
use crate::error::AppError;
use crate::features::shared::Loaded;

/// The ties, who lacks a license by them, and who left and still holds one. `query` is the part as the address holds it.
#[server(endpoint = "ties/list")]
pub async fn tied(tenant: String, #[server(default)] query: String) -> Result<Loaded<TiesView>, AppError> {
    use crate::server::access::{Access, Viewer};
    let access = Access::<Viewer>::to(&tenant).await?;
    super::service::view(&access, &query).await
}

/// Wishes that everyone in a group, by its exact name or by its id, holds a license. Nothing is sent.
#[server(endpoint = "ties/tie")]
pub async fn tie(
    tenant: String,
    #[server(default)] name: String,
    #[server(default)] id: String,
    to: String,
) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator};
    let access = Access::<Operator>::to(&tenant).await?;
    crate::server::lead::go(&access.tenant.id, super::service::tie(&access, &name, &id, &to).await)
}

/// Wishes it no more. Nothing is sent.
#[server(endpoint = "ties/untie")]
pub async fn untie(tenant: String, id: String) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator};
    let access = Access::<Operator>::to(&tenant).await?;
    crate::server::lead::go(&access.tenant.id, super::service::untie(&access, &id).await)
}

/// Draws up a plan: `what` is `lacking`, which gives, or `left`, which takes back; of one group where `group` is an id.
#[server(endpoint = "ties/draft")]
pub async fn draft_tied(tenant: String, what: String, #[server(default)] group: String) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator};
    let access = Access::<Operator>::to(&tenant).await?;
    crate::server::lead::go(&access.tenant.id, super::service::draft(&access, &what, &group).await)
}
