//! Server functions of the audit room.

use leptos::prelude::*;

use super::view::AuditView;
use crate::error::AppError;

/// The newest events that an address's query asks for.
#[server(endpoint = "audit")]
pub async fn audit(tenant: String, #[server(default)] query: String) -> Result<AuditView, AppError> {
    use crate::server::access::{Access, Viewer, refused};
    let access = Access::<Viewer>::to(&tenant).await?;
    super::service::events(&access, &query).await.map_err(refused)
}
