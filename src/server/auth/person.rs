//! Who signed in, as their session remembers them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use storage::Person;

/// More groups than this are no longer remembered; nobody is in so many.
const MOST_GROUPS: usize = 2_000;

/// Somebody who signed in, and what their role hangs on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SignedIn {
    /// Who vouches for them.
    pub issuer: String,
    /// Their name there.
    pub subject: String,
    /// What people call them; may be empty.
    pub name: String,
    /// How they signed in: the mode of the portal then.
    pub method: String,
    /// When they signed in at the provider, in seconds; nothing where it does not say.
    pub auth_time: Option<i64>,
    /// Their groups, as the provider names them.
    pub groups: Vec<String>,
    /// There were more groups than the provider puts into a token: none are known.
    pub groups_elsewhere: bool,
    /// The claims that roles hang on, by their pointer.
    pub claims: BTreeMap<String, Value>,
}

impl SignedIn {
    /// Whoever reaches a portal that asks nobody who they are.
    pub fn local() -> Self {
        Self { subject: LOCAL.to_owned(), method: "none".to_owned(), ..Self::default() }
    }

    /// Whether this is the same person, whatever they are called now.
    pub fn is(&self, other: &Self) -> bool {
        (&self.issuer, &self.subject) == (&other.issuer, &other.subject)
    }

    /// Themselves.
    pub fn person(&self) -> Person {
        Person { issuer: self.issuer.clone(), subject: self.subject.clone(), name: self.name.clone() }
    }

    /// What people call them, or how the provider does.
    pub fn called(&self) -> &str {
        if self.name.is_empty() { &self.subject } else { &self.name }
    }

    /// With the groups of a token.
    #[must_use]
    pub fn in_groups(self, groups: identity::claims::Groups) -> Self {
        let mut names = groups.names;
        names.truncate(MOST_GROUPS);
        Self { groups: names, groups_elsewhere: groups.elsewhere, ..self }
    }
}

/// Whoever reaches a portal that asks nobody who they are.
pub const LOCAL: &str = "local";
