//! Server functions of the roles room.

use leptos::prelude::*;

use super::view::{RoleView, RolesView};
use crate::error::AppError;
use crate::features::shared::Loaded;

/// The roles whose name or description has `q` in it, by `sort`: `name`, `people` or `groups`.
#[server(endpoint = "roles/list")]
pub async fn roles(
    tenant: String,
    #[server(default)] q: String,
    #[server(default)] sort: String,
) -> Result<Loaded<RolesView>, AppError> {
    use crate::server::access::{Access, Viewer};
    let access = Access::<Viewer>::to(&tenant).await?;
    super::service::roles(&access, &q, &sort).await
}

/// A role and who gives it.
#[server(endpoint = "roles/one")]
pub async fn role(tenant: String, id: String) -> Result<Loaded<RoleView>, AppError> {
    use crate::server::access::{Access, Viewer};
    let access = Access::<Viewer>::to(&tenant).await?;
    super::service::role(&access, &id).await
}
