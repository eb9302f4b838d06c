//! One change: what it does, what takes it back, and what it must not meet.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::allotment::AllotmentName;
use crate::inventory::{AutoAssign, GroupId, GroupSettings, RoleId};
use crate::subject::Subject;

/// One change: a row of a plan, and of the journal of the job that applies it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Change {
    /// Give a license.
    Assign {
        /// Who.
        subject: Subject,
        /// What.
        allotment: AllotmentName,
    },
    /// Take a license back.
    Remove {
        /// Who.
        subject: Subject,
        /// What.
        allotment: AllotmentName,
    },
    /// Swap one license for another in one step.
    ChangeType {
        /// Who.
        subject: Subject,
        /// What now.
        from: AllotmentName,
        /// What then.
        to: AllotmentName,
    },
    /// Move a subject's licenses to another subject.
    Rename {
        /// The subject as it is.
        from: Subject,
        /// The subject as it shall be.
        to: Subject,
        /// What is moved.
        allotments: Vec<AllotmentName>,
    },
    /// Replace a group's roles.
    GroupRoles {
        /// Which group.
        group: GroupId,
        /// Its name, for people.
        name: String,
        /// Its roles as they were when the plan was drawn up.
        before: BTreeSet<RoleId>,
        /// Its roles then.
        after: BTreeSet<RoleId>,
    },
    /// Set who gets a license at sign-in.
    AutoAssign {
        /// As it was.
        before: AutoAssign,
        /// As it shall be.
        after: AutoAssign,
    },
    /// Set how groups come into being.
    GroupSettings {
        /// As it was.
        before: GroupSettings,
        /// As it shall be.
        after: GroupSettings,
    },
}

/// The request a change travels in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// `actions/delete`
    Remove,
    /// `actions/update` with `sourceSubject`
    Rename,
    /// `actions/update` with `sourceType`
    ChangeType,
    /// `actions/add`
    Assign,
    /// `PATCH /groups/{id}`
    GroupRoles,
    /// `PUT /licenses/settings`
    AutoAssign,
    /// `PATCH /groups/settings`
    GroupSettings,
}

impl Kind {
    /// Whether several rows of this kind travel in one request.
    pub fn batches(self) -> bool {
        matches!(self, Self::Remove | Self::Rename | Self::ChangeType | Self::Assign)
    }

    /// The heading over rows of this kind.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Remove => "remove",
            Self::Rename => "rename",
            Self::ChangeType => "change type",
            Self::Assign => "assign",
            Self::GroupRoles => "set roles",
            Self::AutoAssign | Self::GroupSettings => "set",
        }
    }

    /// `+`, `~` or `−`.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Assign => "+",
            Self::Remove => "−",
            _ => "~",
        }
    }
}

impl Change {
    /// The request this change travels in.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Assign { .. } => Kind::Assign,
            Self::Remove { .. } => Kind::Remove,
            Self::ChangeType { .. } => Kind::ChangeType,
            Self::Rename { .. } => Kind::Rename,
            Self::GroupRoles { .. } => Kind::GroupRoles,
            Self::AutoAssign { .. } => Kind::AutoAssign,
            Self::GroupSettings { .. } => Kind::GroupSettings,
        }
    }

    /// The change that takes this one back.
    #[must_use]
    pub fn inverse(&self) -> Self {
        match self.clone() {
            Self::Assign { subject, allotment } => Self::Remove { subject, allotment },
            Self::Remove { subject, allotment } => Self::Assign { subject, allotment },
            Self::ChangeType { subject, from, to } => Self::ChangeType { subject, from: to, to: from },
            Self::Rename { from, to, allotments } => Self::Rename { from: to, to: from, allotments },
            Self::GroupRoles { group, name, before, after } => Self::GroupRoles { group, name, before: after, after: before },
            Self::AutoAssign { before, after } => Self::AutoAssign { before: after, after: before },
            Self::GroupSettings { before, after } => Self::GroupSettings { before: after, after: before },
        }
    }

    /// What no other job may touch while this change is under way: somebody's licenses (subject without case), a group, or a setting.
    pub fn lock_keys(&self) -> Vec<String> {
        // All that somebody holds: what a job moves to them or away from them must meet no other on either side.
        let person = |subject: &Subject| format!("license\u{1f}{}", subject.key());
        match self {
            Self::Assign { subject, .. } | Self::Remove { subject, .. } | Self::ChangeType { subject, .. } => {
                vec![person(subject)]
            }
            Self::Rename { from, to, .. } => vec![person(from), person(to)],
            Self::GroupRoles { group, .. } => vec![format!("group\u{1f}{group}")],
            Self::AutoAssign { .. } => vec!["settings\u{1f}licenses".to_owned()],
            Self::GroupSettings { .. } => vec!["settings\u{1f}groups".to_owned()],
        }
    }

    /// The second thing that is touched, by name: the subject that licenses move to, or a group's id beside its name. Empty
    /// for what touches one thing alone.
    pub fn also(&self) -> String {
        match self {
            Self::Rename { to, .. } => to.to_string(),
            Self::GroupRoles { group, .. } => format!("group\u{1f}{group}"),
            _ => String::new(),
        }
    }

    /// Everything that is touched, without case: what a plan and a job must have in common to be in each other's way.
    pub fn touches(&self) -> Vec<String> {
        [self.target(), self.also()].into_iter().filter(|what| !what.is_empty()).map(|what| crate::text::same(&what)).collect()
    }

    /// Whose license it is about, as it is before the change.
    pub fn subject(&self) -> Option<&Subject> {
        match self {
            Self::Assign { subject, .. } | Self::Remove { subject, .. } | Self::ChangeType { subject, .. } => Some(subject),
            Self::Rename { from, .. } => Some(from),
            Self::GroupRoles { .. } | Self::AutoAssign { .. } | Self::GroupSettings { .. } => None,
        }
    }

    /// Who gets a license by it that they do not have now, and which.
    pub fn gives(&self) -> Option<(&Subject, &AllotmentName)> {
        match self {
            Self::Assign { subject, allotment } => Some((subject, allotment)),
            Self::ChangeType { subject, to, .. } => Some((subject, to)),
            _ => None,
        }
    }

    /// Who loses a license by it, and which.
    pub fn takes(&self) -> Option<(&Subject, &AllotmentName)> {
        match self {
            Self::Remove { subject, allotment } => Some((subject, allotment)),
            Self::ChangeType { subject, from, .. } => Some((subject, from)),
            _ => None,
        }
    }

    /// Whether somebody is worse off after it: a license taken, or changed for a lesser one.
    pub fn is_loss(&self) -> bool {
        match self {
            Self::Remove { .. } => true,
            Self::ChangeType { from, to, .. } => from.is_lowered_by(to),
            _ => false,
        }
    }

    /// What is changed, for a person: the subject, the group's name, or the setting.
    pub fn target(&self) -> String {
        match self {
            Self::Assign { subject, .. } | Self::Remove { subject, .. } | Self::ChangeType { subject, .. } => subject.to_string(),
            Self::Rename { from, .. } => from.to_string(),
            Self::GroupRoles { name, .. } => name.clone(),
            Self::AutoAssign { .. } => "Licenses at sign-in".to_owned(),
            Self::GroupSettings { .. } => "Group settings".to_owned(),
        }
    }
}
