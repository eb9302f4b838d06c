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
    /// Qlik's own groups.
    pub system: Vec<SystemLine>,
}

/// One of Qlik's own groups, of which everybody is a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemLine {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How many roles it gives; `None` where the key may not see them.
    pub roles: Option<u32>,
    /// Names of those that manage the tenant.
    pub admin: Vec<String>,
    /// People who can sign in, and so have them all; `None` where not all users could be read.
    pub people: Option<u64>,
}
