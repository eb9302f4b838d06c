//! What the settings room shows, as it goes to the browser.

use domain::inventory::{AutoAssign, GroupSettings};
use serde::{Deserialize, Serialize};

/// What this browser chose, and what it can choose from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrowserView {
    /// `system`, `light` or `dark`.
    pub theme: String,
    /// The time zone, by its IANA name.
    pub zone: String,
    /// All time zones.
    pub zones: Vec<String>,
}

/// The settings as Qlik has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsView {
    /// Who gets a license at sign-in.
    pub auto_assign: AutoAssign,
    /// How groups come into being.
    pub group_settings: GroupSettings,
    /// From when on the overview shows a warning: what it is about, and the figure.
    pub thresholds: Vec<(String, String)>,
    /// System groups: id, name, how many roles; `None` where they may not be seen.
    pub system: Vec<(String, String, Option<u32>)>,
}
