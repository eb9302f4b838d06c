//! What the settings room shows, as it goes to the browser.

use domain::inventory::{AutoAssign, GroupSettings};
use serde::{Deserialize, Serialize};

/// The settings as Qlik has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsView {
    /// Who gets a license at sign-in.
    pub auto_assign: AutoAssign,
    /// How groups come into being.
    pub group_settings: GroupSettings,
    /// System groups: id, name, how many roles; `None` where they may not be seen.
    pub system: Vec<(String, String, Option<u32>)>,
}
