//! Settings of the tenant, each changed through a plan, and of this browser.

mod api;
mod page;
#[cfg(feature = "ssr")]
mod service;
mod view;

pub use api::{SetTheme, browser, draft_auto_assign, draft_group_settings, set_theme, set_zone, settings};
pub use page::{SettingsPage, show_theme};
pub use view::SettingsView;
