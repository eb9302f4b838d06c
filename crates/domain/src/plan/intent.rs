//! What somebody wants, before anything is compared with the tenant.

use std::collections::{BTreeSet, HashSet};

use serde::{Deserialize, Serialize};

use super::PlanError;
use crate::allotment::AllotmentName;
use crate::assignments::Row;
use crate::change::{Change, CreateGroup, Naming};
use crate::drift::GroupThen;
use crate::import::{Action, Entry};
use crate::inventory::{AutoAssign, GroupId, GroupSettings, RoleId};
use crate::subject::Subject;

/// What somebody wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Intent {
    /// These subjects hold `allotment`.
    Assign {
        /// Who.
        subjects: Vec<Subject>,
        /// What.
        allotment: AllotmentName,
    },
    /// Those of these subjects who hold nothing get `allotment`.
    LicenseUnlicensed {
        /// Who.
        subjects: Vec<Subject>,
        /// What.
        allotment: AllotmentName,
    },
    /// These licenses are given back.
    Remove {
        /// Who and what.
        licenses: Vec<(Subject, AllotmentName)>,
    },
    /// These licenses become `to`.
    ChangeType {
        /// Who and what now.
        licenses: Vec<(Subject, AllotmentName)>,
        /// What then.
        to: AllotmentName,
    },
    /// Every license of `from` belongs to `to`.
    Rename {
        /// The subject as it is.
        from: Subject,
        /// The subject as it shall be.
        to: Subject,
    },
    /// A group gives exactly these roles.
    SetGroupRoles {
        /// Which group.
        group: GroupId,
        /// All its roles then.
        roles: BTreeSet<RoleId>,
    },
    /// The roles of several groups are edited alike.
    EditRoles {
        /// Which groups.
        groups: Vec<GroupId>,
        /// What becomes of the roles of each.
        edit: RoleEdit,
    },
    /// The roles of each of these groups are edited in its own way.
    EditEach {
        /// Which groups, and what becomes of the roles of each.
        edits: Vec<(GroupId, RoleEdit)>,
        /// What a file does not name is taken: every role of every other group, and every other role of those that it names.
        rest: bool,
    },
    /// These groups are made.
    CreateGroups {
        /// Each with the line of the list that names it; 0 where there is no list.
        groups: Vec<(u64, CreateGroup)>,
    },
    /// A group is called and described like this.
    EditGroup {
        /// Which group.
        group: GroupId,
        /// What it shall be called.
        after: Naming,
    },
    /// These groups are deleted.
    DeleteGroups {
        /// Which groups.
        groups: Vec<GroupId>,
    },
    /// These groups become what they were at a moment.
    Restore {
        /// Each as it was; nothing where it was not there, and is to be deleted.
        groups: Vec<(GroupId, Option<GroupThen>)>,
        /// Which moment, in words.
        as_of: String,
    },
    /// Who gets a license at sign-in.
    SetAutoAssign(AutoAssign),
    /// How groups come into being.
    SetGroupSettings(GroupSettings),
    /// What a list wants.
    List {
        /// What is to be done with its people.
        action: Action,
        /// Its lines.
        entries: Vec<Entry>,
        /// Whom lines that were left out may mean: nothing is taken from them.
        spared: Vec<Subject>,
    },
    /// These changes, so that people hold the licenses of their groups.
    Tied {
        /// What the plan is called.
        title: String,
        /// The changes, each with why.
        changes: Vec<(Change, String)>,
    },
    /// Exactly these changes, as far as the tenant still is as they expect: an undo or a retry.
    Exactly {
        /// What the plan is called.
        title: String,
        /// The changes.
        changes: Vec<Change>,
        /// They bring back what was: an undo.
        restores: bool,
    },
}

/// What becomes of the roles of several groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RoleEdit {
    /// Each gets some and loses others, besides what it has.
    Change {
        /// Roles that each gets.
        add: BTreeSet<RoleId>,
        /// Roles that each loses.
        remove: BTreeSet<RoleId>,
    },
    /// Each has exactly these.
    Set(BTreeSet<RoleId>),
    /// Each has exactly those of another group.
    Copy {
        /// Which group.
        from: GroupId,
        /// Its roles when the plan was asked for.
        roles: BTreeSet<RoleId>,
    },
}

impl RoleEdit {
    /// The roles that groups may get by it.
    pub fn gives(&self) -> &BTreeSet<RoleId> {
        match self {
            Self::Change { add: roles, .. } | Self::Set(roles) | Self::Copy { roles, .. } => roles,
        }
    }

    /// What it makes of the roles that a group has now.
    pub fn on(&self, now: &BTreeSet<RoleId>) -> BTreeSet<RoleId> {
        match self {
            Self::Change { add, remove } => now.difference(remove).chain(add).cloned().collect(),
            Self::Set(roles) | Self::Copy { roles, .. } => roles.clone(),
        }
    }
}

/// What a selection of table rows and an action come to as an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BulkAction {
    /// Give a license to those selected.
    Assign,
    /// Take the selected licenses back.
    Remove,
    /// Change the selected licenses' type.
    ChangeType,
}

impl BulkAction {
    /// Builds the intent for `rows`. `to` is needed for everything but removal.
    pub fn intent(self, rows: &[Row<'_>], to: Option<&AllotmentName>) -> Result<Intent, PlanError> {
        if rows.is_empty() {
            return Err(PlanError::NothingSelected);
        }
        let unnamed = || PlanError::UnknownAllotment(AllotmentName::new(""));
        let licenses = || -> Vec<(Subject, AllotmentName)> {
            rows.iter().filter_map(|row| Some((Subject::new(row.subject()), row.allotment()?.clone()))).collect()
        };
        match self {
            Self::Assign => {
                let mut seen = HashSet::new();
                let subjects =
                    rows.iter().map(|row| Subject::new(row.subject())).filter(|subject| seen.insert(subject.key())).collect();
                Ok(Intent::Assign { subjects, allotment: to.ok_or_else(unnamed)?.clone() })
            }
            Self::Remove | Self::ChangeType => {
                let licenses = licenses();
                if licenses.is_empty() {
                    return Err(PlanError::NoLicense);
                }
                if self == Self::Remove {
                    Ok(Intent::Remove { licenses })
                } else {
                    Ok(Intent::ChangeType { licenses, to: to.ok_or_else(unnamed)?.clone() })
                }
            }
        }
    }
}
