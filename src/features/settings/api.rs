//! Server functions of the settings room.

use leptos::prelude::*;

use super::view::{BrowserView, SettingsView};
use crate::error::AppError;
use crate::features::shared::Loaded;

/// The settings.
#[server(endpoint = "settings")]
pub async fn settings(tenant: String) -> Result<Loaded<SettingsView>, AppError> {
    use crate::server::access::{Access, Viewer};
    let access = Access::<Viewer>::to(&tenant).await?;
    super::service::read(&access).await
}

/// Draws up a plan that sets who gets a license at sign-in. A box that is not ticked is not sent.
#[server(endpoint = "settings/auto-assign")]
pub async fn draft_auto_assign(
    tenant: String,
    #[server(default)] professional: String,
    #[server(default)] analyzer: String,
) -> Result<(), AppError> {
    use crate::server::access::{Access, Admin};
    let access = Access::<Admin>::to(&tenant).await?;
    let planned = super::service::draft_auto_assign(&access, !professional.is_empty(), !analyzer.is_empty()).await;
    crate::server::lead::go(&access.tenant.id, planned)
}

/// Draws up a plan that sets how groups come into being.
#[server(endpoint = "settings/groups")]
pub async fn draft_group_settings(
    tenant: String,
    #[server(default)] create: String,
    #[server(default)] sync: String,
) -> Result<(), AppError> {
    use crate::server::access::{Access, Admin};
    let access = Access::<Admin>::to(&tenant).await?;
    let planned = super::service::draft_group_settings(&access, !create.is_empty(), !sync.is_empty()).await;
    crate::server::lead::go(&access.tenant.id, planned)
}

/// What this browser chose.
#[server(endpoint = "settings/browser")]
pub async fn browser(tenant: String) -> Result<BrowserView, AppError> {
    use crate::server::access::{Access, Viewer};
    Ok(super::service::browser(&Access::<Viewer>::to(&tenant).await?))
}

/// Chooses the time zone in which times are shown; kept in this browser.
#[server(endpoint = "settings/zone")]
pub async fn set_zone(tenant: String, #[server(default)] zone: String) -> Result<(), AppError> {
    use crate::server::access::{Access, Viewer, refused};
    Access::<Viewer>::to(&tenant).await?;
    super::service::set_zone(&zone).map_err(refused)
}

/// Chooses light, dark, or what the system prefers; kept in this browser.
#[server(endpoint = "settings/theme")]
pub async fn set_theme(tenant: String, #[server(default)] theme: String) -> Result<(), AppError> {
    use crate::server::access::{Access, Viewer, refused};
    Access::<Viewer>::to(&tenant).await?;
    super::service::set_theme(&theme).map_err(refused)
}
