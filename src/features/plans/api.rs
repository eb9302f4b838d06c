//! Server functions of the plans room.

use leptos::prelude::*;

use super::view::{PlanLine, PlanView};
use crate::error::AppError;

/// The tenant's newest plans.
#[server(endpoint = "plans/list")]
pub async fn plans(tenant: String) -> Result<Vec<PlanLine>, AppError> {
    use crate::server::access::{Access, Viewer};
    let access = Access::<Viewer>::to(&tenant).await?;
    super::service::list(&access).await.map_err(crate::server::access::refused)
}

/// A plan with a page of its changes: all of them, or those that `q` occurs in and that are of a `kind`, by its verb.
#[server(endpoint = "plans/one")]
pub async fn plan(tenant: String, id: String, page: u32, q: String, kind: String) -> Result<PlanView, AppError> {
    use crate::server::access::{Access, Viewer};
    let access = Access::<Viewer>::to(&tenant).await?;
    super::service::view(&access, &id, page, &q, &kind).await.map_err(crate::server::access::refused)
}

/// Applies a plan, if the tenant still is as it expects; otherwise leads to the plan as it would be now.
#[server(endpoint = "plans/apply")]
pub async fn apply(tenant: String, id: String, #[server(default)] confirm: String) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator};
    let access = Access::<Operator>::to(&tenant).await?;
    crate::server::lead::go(&access.tenant.id, super::service::apply(&access, &id, &confirm).await)
}

/// Approves a plan that somebody else drew up, as it is: `hash` says what was looked at.
#[server(endpoint = "plans/approve")]
pub async fn approve(tenant: String, id: String, hash: String) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator, refused};
    let access = Access::<Operator>::to(&tenant).await?;
    super::checks::approve(&access, &id, &hash).await.map_err(refused)
}

/// Draws a plan up again with a way out of a shortage, and leads to it.
#[server(endpoint = "plans/remedy")]
pub async fn remedy(
    tenant: String,
    id: String,
    allotment: String,
    way: String,
    #[server(default)] order: String,
) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator};
    let access = Access::<Operator>::to(&tenant).await?;
    crate::server::lead::go(
        &access.tenant.id,
        super::remedies::apply(&access, &id, &allotment, &way, domain::plan::Order::parse(&order)).await,
    )
}

/// Draws a plan up again with what it offers, or without those whom a warning is about, and leads to it.
#[server(endpoint = "plans/adjust")]
pub async fn adjust(tenant: String, id: String, what: String) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator};
    let access = Access::<Operator>::to(&tenant).await?;
    crate::server::lead::go(&access.tenant.id, super::service::adjust(&access, &id, &what).await)
}

/// Throws a plan away that was not applied.
#[server(endpoint = "plans/discard")]
pub async fn discard(tenant: String, id: String) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator};
    let access = Access::<Operator>::to(&tenant).await?;
    crate::server::lead::go(&access.tenant.id, super::service::discard(&access, &id).await)
}
