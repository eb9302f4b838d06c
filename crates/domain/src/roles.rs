//! Rules of role sets: what changes, and what to do when somebody else changed it meanwhile.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::inventory::{Role, RoleId};

/// At most so many roles per group (Qlik groups API).
pub const MAX_ROLES_PER_GROUP: usize = 100;

/// The id of the system group Everyone (Qlik groups API).
pub const EVERYONE_ID: &str = "000000000000000000000001";

/// What changes between two role sets.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RoleDiff {
    /// In the second only.
    pub added: BTreeSet<RoleId>,
    /// In the first only.
    pub removed: BTreeSet<RoleId>,
}

impl RoleDiff {
    /// From `before` to `after`.
    pub fn between(before: &BTreeSet<RoleId>, after: &BTreeSet<RoleId>) -> Self {
        Self { added: after.difference(before).cloned().collect(), removed: before.difference(after).cloned().collect() }
    }

    /// Nothing differs.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }

    /// How many roles differ.
    pub fn len(&self) -> usize {
        self.added.len() + self.removed.len()
    }
}

/// Carries my edit of `base` over to what somebody else made of it.
pub fn merge(base: &BTreeSet<RoleId>, mine: &BTreeSet<RoleId>, theirs: &BTreeSet<RoleId>) -> BTreeSet<RoleId> {
    let edit = RoleDiff::between(base, mine);
    theirs.difference(&edit.removed).chain(edit.added.iter()).cloned().collect()
}

/// Why a role deserves a second look before a group gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RoleMark {
    /// Everything in the tenant.
    FullControl,
    /// Some of the tenant's management.
    AdminLevel,
    /// Changes what the license costs.
    RaisesEntitlement,
}

impl RoleMark {
    /// The words on the mark.
    pub fn label(self) -> &'static str {
        match self {
            Self::FullControl => "full tenant admin",
            Self::AdminLevel => "admin role",
            Self::RaisesEntitlement => "makes members Full users",
        }
    }
}

/// The mark of a role; the gravest where several hold.
pub fn mark(role: &Role) -> Option<RoleMark> {
    if role.name == "TenantAdmin" && !role.custom {
        Some(RoleMark::FullControl)
    } else if role.level == crate::inventory::RoleLevel::Admin {
        Some(RoleMark::AdminLevel)
    } else if role.raises_entitlement {
        Some(RoleMark::RaisesEntitlement)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set() -> impl Strategy<Value = BTreeSet<RoleId>> {
        proptest::collection::btree_set((0_u8..12).prop_map(|n| RoleId::new(n.to_string())), 0..8)
    }

    proptest! {
        #[test]
        fn merging_keeps_both_edits(base in set(), mine in set(), theirs in set()) {
            let merged = merge(&base, &mine, &theirs);
            let (my_edit, their_edit) = (RoleDiff::between(&base, &mine), RoleDiff::between(&base, &theirs));
            prop_assert!(my_edit.added.is_subset(&merged));
            prop_assert!(my_edit.removed.is_disjoint(&merged));
            // Set edits never contradict each other: what they added I can only have not had.
            for added in &their_edit.added { prop_assert!(merged.contains(added)); }
            for removed in &their_edit.removed { prop_assert!(!merged.contains(removed)); }
        }

        #[test]
        fn merging_without_another_edit_is_mine(base in set(), mine in set()) {
            prop_assert_eq!(merge(&base, &mine, &base), mine.clone());
            prop_assert_eq!(merge(&base, &base, &mine), mine);
        }
    }
}
