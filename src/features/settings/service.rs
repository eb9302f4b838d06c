//! Reads settings and turns wishes into plans.

use axum::http::{HeaderValue, header};
use domain::inventory::{AutoAssign, GroupSettings, Provider};
use domain::plan::Intent;
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use storage::Origin;

use super::view::SettingsView;
use crate::error::AppError;
use crate::features::plans::keep_plan;
use crate::features::shared::{Loaded, look};
use crate::server::access::{Access, Admin, Viewer};
use crate::server::lead::Lead;

pub async fn read(access: &Access<Viewer>) -> Result<Loaded<SettingsView>, AppError> {
    look(access, |snapshot| SettingsView {
        auto_assign: snapshot.inventory.auto_assign,
        group_settings: snapshot.inventory.group_settings,
        system: snapshot
            .inventory
            .groups
            .iter()
            .filter(|group| group.provider == Provider::System)
            .map(|group| {
                let roles = group.roles.as_ref().map(|roles| u32::try_from(roles.len()).unwrap_or(u32::MAX));
                (group.id.to_string(), group.name.clone(), roles)
            })
            .collect(),
    })
    .await
}

pub async fn draft_auto_assign(access: &Access<Admin>, professional: bool, analyzer: bool) -> Result<Lead, AppError> {
    let snapshot = access.refresh().await?;
    // What the tenant does not state and nobody ticked stays unstated.
    let now = snapshot.inventory.auto_assign;
    let wish = |now: Option<bool>, wanted: bool| if now.is_none() && !wanted { None } else { Some(wanted) };
    let after = AutoAssign { professional: wish(now.professional, professional), analyzer: wish(now.analyzer, analyzer) };
    keep_plan(&access.as_operator(), &snapshot, Intent::SetAutoAssign(after), Origin::Person).await
}

pub async fn draft_group_settings(access: &Access<Admin>, create: bool, sync: bool) -> Result<Lead, AppError> {
    let snapshot = access.refresh().await?;
    let now = snapshot.inventory.group_settings;
    // What the key may not see stays as it is.
    let after = GroupSettings {
        auto_create_groups: now.auto_create_groups.map(|_| create),
        sync_idp_groups: now.sync_idp_groups.map(|_| sync),
    };
    keep_plan(&access.as_operator(), &snapshot, Intent::SetGroupSettings(after), Origin::Person).await
}

/// Sets the cookie that the shell reads before any script.
pub fn set_theme(theme: &str) -> Result<(), AppError> {
    let cookie = match theme {
        "light" | "dark" => format!("theme={theme}; Path=/; Max-Age=31536000; SameSite=Lax"),
        "system" => "theme=; Path=/; Max-Age=0; SameSite=Lax".to_owned(),
        _ => return Err(AppError::invalid("Unknown theme", "Choose system, light or dark.")),
    };
    if let (Some(response), Ok(value)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(&cookie)) {
        response.append_header(header::SET_COOKIE, value);
    }
    Ok(())
}
