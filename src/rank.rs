//! What somebody may do in the portal, known to both sides: the server decides by it, pages show by it what is off.

use serde::{Deserialize, Serialize};

/// A role in the portal. Each includes those below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Rank {
    /// Reads.
    Viewer,
    /// Draws up and applies plans.
    Operator,
    /// Changes settings of the tenant.
    Admin,
}

impl Rank {
    /// Its word in the configuration and in answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// Why somebody with this role may not use something that needs `needed`; nothing where they may.
    pub fn lacks(self, needed: Self) -> Option<&'static str> {
        match (self < needed, needed) {
            (false, _) | (true, Self::Viewer) => None,
            (true, Self::Operator) => Some("Needs the role operator or admin."),
            (true, Self::Admin) => Some("Needs the role admin."),
        }
    }
}
