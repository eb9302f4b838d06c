//! What the overview shows.

use leptos::prelude::*;

use super::view::Overview;
use crate::error::AppError;
use crate::features::shared::Loaded;

/// What the overview shows.
#[server(endpoint = "overview")]
pub async fn read_overview(tenant: String) -> Result<Loaded<Overview>, AppError> {
    use crate::server::access::{Access, Viewer};
    let access = Access::<Viewer>::to(&tenant).await?;
    super::service::overview(&access).await
}
