//! Server functions of the audit room.

use leptos::prelude::*;

use super::view::{AuditView, EventView, ThenView};
use crate::error::AppError;

/// The newest events that an address's query asks for.
#[server(endpoint = "audit")]
pub async fn audit(tenant: String, #[server(default)] query: String) -> Result<AuditView, AppError> {
    use crate::server::access::{Access, Viewer, refused};
    let access = Access::<Viewer>::to(&tenant).await?;
    super::service::events(&access, &query).await.map_err(refused)
}

/// Everything that one record says.
#[server(endpoint = "audit/event")]
pub async fn event(tenant: String, seq: i64) -> Result<EventView, AppError> {
    use crate::server::access::{Access, Viewer, refused};
    let access = Access::<Viewer>::to(&tenant).await?;
    super::service::event(&access, seq).await.map_err(refused)
}

/// The tenant as it was at the moment that an address's query asks for.
#[server(endpoint = "audit/then")]
pub async fn then(tenant: String, #[server(default)] query: String) -> Result<ThenView, AppError> {
    use crate::server::access::{Access, Viewer, refused};
    let access = Access::<Viewer>::to(&tenant).await?;
    super::then::view(&access, &query).await.map_err(refused)
}
