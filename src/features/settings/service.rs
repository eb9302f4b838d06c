//! Reads settings and turns wishes into plans.

use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use domain::allotment::AllotmentName;
use domain::inventory::{AutoAssign, GroupSettings, Provider, RoleId, RoleLevel};
use domain::plan::Intent;
use domain::text::{count, whole};
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use storage::Origin;

use super::view::{BrowserView, SettingsView, SystemLine};
use crate::error::AppError;
use crate::features::plans::keep_plan;
use crate::features::shared::{Loaded, look};
use crate::server::access::{Access, Admin, Viewer, state};
use crate::server::config::Config;
use crate::server::cookies;
use crate::server::lead::Lead;
use crate::server::zone::{self, Zone};
use crate::ui::query::escape;

pub async fn read(access: &Access<Viewer>) -> Result<Loaded<SettingsView>, AppError> {
    let config = &access.state.config;
    let thresholds = thresholds(config);
    look(access, |snapshot| SettingsView {
        thresholds: thresholds.clone(),
        auto_assign: snapshot.inventory.auto_assign,
        group_settings: snapshot.inventory.group_settings,
        system: snapshot
            .inventory
            .groups
            .iter()
            .filter(|group| group.provider == Provider::System)
            .map(|group| {
                let inventory = &snapshot.inventory;
                let known = inventory.roles_by_id();
                let manages =
                    |id: &RoleId| known.get(id).filter(|role| role.level == RoleLevel::Admin).map(|role| role.name.clone());
                let people = inventory.people.iter().filter(|person| !person.is_shut_out()).count() as u64;
                SystemLine {
                    id: group.id.to_string(),
                    name: group.name.clone(),
                    roles: group.roles.as_ref().map(|roles| u32::try_from(roles.len()).unwrap_or(u32::MAX)),
                    admin: group.roles.iter().flatten().filter_map(manages).collect(),
                    people: inventory.coverage.people.is_whole().then_some(people),
                }
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

/// From when on the overview shows a warning, as the configuration has it.
fn thresholds(config: &Config) -> Vec<(String, String)> {
    let (of, confirm) = (config.thresholds, config.confirm);
    let days = |days: u32| count(days.into(), "day", "days");
    let mut lines = vec![
        ("A license type is nearly full".to_owned(), format!("below {}% free", of.nearly_full_percent)),
        ("A seat is idle".to_owned(), format!("after {} without use", days(of.idle_days))),
        ("Something ends, or is full, soon".to_owned(), format!("within {}", days(of.soon_days))),
        ("Type the number before applying".to_owned(), {
            let (losses, overage) =
                (count(whole(confirm.losses), "license", "licenses"), count(whole(confirm.overage), "seat", "seats"));
            format!("from {losses} lost, or {overage} into overage")
        }),
    ];
    for name in ["professional", "analyzer"].map(AllotmentName::new) {
        if let Some(price) = config.prices.of(&name) {
            lines.push((format!("Price of {}", name.label()), format!("{price} {} a month", config.prices.currency)));
        }
    }
    lines
}

/// What this browser chose, from its cookies.
pub fn browser(access: &Access<Viewer>) -> BrowserView {
    let parts = use_context::<Parts>();
    let theme = parts.as_ref().and_then(|parts| cookies::value(&parts.headers, "theme")).filter(|word| is_theme(word));
    BrowserView { theme: theme.unwrap_or("system").to_owned(), zone: access.zone.name().to_owned(), zones: Zone::names() }
}

fn is_theme(word: &str) -> bool {
    matches!(word, "light" | "dark")
}

/// Keeps a choice in this browser for a year, or forgets it.
fn set_cookie(name: &str, value: Option<&str>) {
    let (value, age) = value.map_or(("", 0), |value| (value, 365 * 24 * 60 * 60));
    let secure = if state().is_secure() { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}");
    if let (Some(response), Ok(value)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(&cookie)) {
        response.append_header(header::SET_COOKIE, value);
    }
}

/// Sets the cookie that the shell reads before any script.
pub fn set_theme(theme: &str) -> Result<(), AppError> {
    match theme {
        "system" => set_cookie("theme", None),
        theme if is_theme(theme) => set_cookie("theme", Some(theme)),
        _ => return Err(AppError::invalid("Unknown theme", "Choose system, light or dark.")),
    }
    Ok(())
}

/// Sets the cookie by which times are told.
pub fn set_zone(name: &str) -> Result<(), AppError> {
    let name = name.trim();
    if name.is_empty() || name == "UTC" {
        set_cookie(zone::COOKIE, None);
        return Ok(());
    }
    let Some(zone) = Zone::named(name) else {
        let name = domain::text::shortened(name);
        return Err(AppError::invalid(
            "Unknown time zone",
            format!("“{name}” is not a time zone. Choose one such as Europe/Berlin, or UTC."),
        ));
    };
    set_cookie(zone::COOKIE, Some(&escape(zone.name())));
    Ok(())
}
