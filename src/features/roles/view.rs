//! What the roles room shows, as it goes to the browser.

use domain::roles::RoleMark;
use serde::{Deserialize, Serialize};

/// A role in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleLine {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// It manages the tenant.
    pub admin: bool,
    /// Made in this tenant.
    pub custom: bool,
    /// What to look at twice.
    pub mark: Option<RoleMark>,
    /// Groups that give it.
    pub groups: u64,
    /// People who can sign in and have it in any way; `None` where that is not visible.
    pub people: Option<u64>,
    /// Of those, people who have it directly.
    pub direct: Option<u64>,
}

/// The roles of the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolesView {
    /// Those that the search finds, in the order that was asked for.
    pub roles: Vec<RoleLine>,
    /// Roles there are.
    pub of: u64,
    /// Groups whose roles are not visible: they may give any.
    pub hidden: u64,
    /// All roles could be read.
    pub whole: bool,
}

/// A group that gives a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GiverLine {
    /// The group's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub provider: String,
    /// It is one of Qlik's own, of which everybody is a member.
    pub system: bool,
    /// People in it who can sign in; `None` where that is not visible.
    pub members: Option<u64>,
    /// Of those, people who would lose the role if the group lost it.
    pub only_here: Option<u64>,
}

/// A role and who gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleView {
    /// The role.
    pub line: RoleLine,
    /// Groups that give it: Qlik's own first, then by how many people would lose it, the most first.
    pub givers: Vec<GiverLine>,
    /// Groups whose roles are not visible: they may give it too.
    pub hidden: u64,
    /// What it allows, as Qlik names it.
    pub permissions: Vec<String>,
}
