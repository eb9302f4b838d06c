//! Server functions of all tables: views with names.

use leptos::prelude::*;

use super::view::NamedView;
use crate::error::AppError;

/// The views one has kept of a room's table: `assignments` or `groups`.
#[server(endpoint = "views/list")]
pub async fn views(tenant: String, room: String) -> Result<Vec<NamedView>, AppError> {
    use crate::server::access::{Access, Viewer, refused};
    let access = Access::<Viewer>::to(&tenant).await?;
    super::service::views(&access, &room).await.map_err(refused)
}

/// Keeps a view under a name.
#[server(endpoint = "views/save")]
pub async fn save_view(tenant: String, room: String, name: String, #[server(default)] query: String) -> Result<(), AppError> {
    use crate::server::access::{Access, Viewer, refused};
    let access = Access::<Viewer>::to(&tenant).await?;
    super::service::save_view(&access, &room, &name, &query).await.map_err(refused)
}

/// Forgets a view.
#[server(endpoint = "views/drop")]
pub async fn drop_view(tenant: String, room: String, name: String) -> Result<(), AppError> {
    use crate::server::access::{Access, Viewer, refused};
    let access = Access::<Viewer>::to(&tenant).await?;
    super::service::drop_view(&access, &room, &name).await.map_err(refused)
}
