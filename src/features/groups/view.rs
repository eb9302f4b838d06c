//! What the groups room shows, as it goes to the browser.

use domain::inventory::Provider;
use domain::roles::RoleMark;
use serde::{Deserialize, Serialize};

/// Who is in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Members {
    /// Each user of the tenant.
    Everybody,
    /// So many.
    Known(u64),
    /// The key may not see who.
    NotVisible,
}

impl Members {
    /// As a cell of a table.
    pub fn words(self) -> String {
        match self {
            Self::Everybody => "everyone".to_owned(),
            Self::Known(members) => domain::text::thousands(i64::try_from(members).unwrap_or(i64::MAX)),
            Self::NotVisible => "not visible".to_owned(),
        }
    }
}

/// A group in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupLine {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub provider: String,
    /// `active` or `disabled`.
    pub status: String,
    /// How many roles it gives; `None` where the key may not see them.
    pub roles: Option<u32>,
    /// Whether one of them manages the tenant.
    pub admin: bool,
    /// How many members it has.
    pub members: Members,
    /// When Qlik last changed it: a date.
    pub updated: String,
}

/// The list of groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupsView {
    /// Qlik's own groups.
    pub system: Vec<GroupLine>,
    /// Groups of this page.
    pub groups: Vec<GroupLine>,
    /// Groups that match the search.
    pub matching: u64,
    /// Groups there are, system groups aside.
    pub of: u64,
    /// All groups of the tenant could be read.
    pub whole: bool,
    /// This page, from 1.
    pub page: u32,
    /// Pages in all.
    pub pages: u32,
}

/// A role in the editor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleLine {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What to look at twice.
    pub mark: Option<RoleMark>,
    /// It manages the tenant.
    pub admin: bool,
    /// Made in this tenant.
    pub custom: bool,
    /// The group gives it now.
    pub now: bool,
    /// Members who have it by this group alone, and would lose it; `None` where that cannot be seen.
    pub only_here: Option<u64>,
}

/// What a new group can be given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewGroupView {
    /// Every role of the tenant.
    pub roles: Vec<RoleLine>,
    /// Groups there are, system groups aside.
    pub of: u64,
    /// All groups of the tenant could be read: otherwise nobody knows whether a name is free.
    pub whole: bool,
}

/// A group in the editor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupView {
    /// The group.
    pub line: GroupLine,
    /// Where it comes from.
    pub provider: Provider,
    /// What it is for; may be empty.
    pub description: String,
    /// The key may see which roles the group gives.
    pub roles_visible: bool,
    /// What the person had ticked and not planned: the roles seen then, those chosen, and when; ids joined by commas.
    pub draft: Option<(String, String, String)>,
    /// Every role of the tenant.
    pub roles: Vec<RoleLine>,
    /// Allotments its members can be given.
    pub targets: Vec<(String, String)>,
    /// Members who can sign in and have no license; `None` where that cannot be seen.
    pub unlicensed: Option<u64>,
}
