//! Settings of the tenant, each changed through a plan, and of this browser.

mod api;
mod page;
#[cfg(feature = "ssr")]
mod service;

pub use api::{SettingsView, draft_auto_assign, draft_group_settings, set_theme, settings};
pub use page::SettingsPage;
