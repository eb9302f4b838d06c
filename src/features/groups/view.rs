//! What the groups room shows, as it goes to the browser.

use std::collections::BTreeMap;

use domain::inventory::Provider;
use domain::roles::RoleMark;
use serde::{Deserialize, Serialize};

use crate::features::table::Choice;

/// Names the form that brings a list of groups, where it failed.
pub const IMPORT: &str = "/import/groups";

/// Names the form that brings a matrix, where it failed.
pub const IMPORT_MATRIX: &str = "/import/matrix";

/// Cells of the matrix that are to become otherwise, by group and role: whether the group is to give the role.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub struct Cells(pub BTreeMap<(String, String), bool>);

impl Cells {
    /// As text: `+` or `-`, the group's id, a tab, and the role's, a line for each.
    pub fn text(&self) -> String {
        let line = |((group, role), on): (&(String, String), &bool)| format!("{}{group}\t{role}", if *on { '+' } else { '-' });
        self.0.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Reads that text. Lines that are none are left out.
    pub fn read(text: &str) -> Self {
        let cell = |line: &str| {
            let (on, rest) =
                line.strip_prefix('+').map(|rest| (true, rest)).or_else(|| Some((false, line.strip_prefix('-')?)))?;
            let (group, role) = rest.split_once('\t')?;
            (!group.is_empty() && !role.is_empty()).then(|| ((group.to_owned(), role.trim_end().to_owned()), on))
        };
        Self(text.lines().filter_map(cell).collect())
    }
}

impl From<Cells> for String {
    fn from(cells: Cells) -> Self {
        cells.text()
    }
}

impl From<String> for Cells {
    fn from(text: String) -> Self {
        Self::read(&text)
    }
}

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
    /// What it is for; may be empty.
    pub description: String,
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
    /// When it was made: a date; empty where Qlik does not say.
    pub created: String,
    /// When Qlik last changed it: a date; empty likewise.
    pub updated: String,
}

/// A role that several groups can be given at once, or that can be taken from them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleChoice {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What to look at twice.
    pub mark: Option<RoleMark>,
}

/// A window of the table with what its filters and actions offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupsView {
    /// Qlik's own groups.
    pub system: Vec<GroupLine>,
    /// Groups of this page.
    pub rows: Vec<GroupLine>,
    /// Names the rows: another reading of the tenant has another.
    pub version: u64,
    /// Names the groups that pass the filter.
    pub digest: u64,
    /// Groups that pass the filter.
    pub matching: u64,
    /// Groups there are, system groups aside.
    pub of: u64,
    /// All groups of the tenant could be read.
    pub whole: bool,
    /// This page, from 1.
    pub page: u32,
    /// Pages in all.
    pub pages: u32,
    /// Sources to filter by.
    pub sources: Vec<Choice>,
    /// Statuses to filter by.
    pub statuses: Vec<Choice>,
    /// Roles to filter by.
    pub roles: Vec<Choice>,
    /// Every role of the tenant, by name.
    pub offered: Vec<RoleChoice>,
}

/// A group of the matrix as the server draws it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatrixLine {
    /// The group's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it gives each of the roles shown; `None` where the key may not see its roles.
    pub gives: Option<Vec<bool>>,
}

/// Groups and roles side by side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatrixView {
    /// The roles shown, in the order of their columns.
    pub columns: Vec<RoleChoice>,
    /// Roles that would be shown as well, had they room.
    pub more: u64,
    /// Every role of the tenant, by name.
    pub offered: Vec<RoleChoice>,
    /// Groups of this page.
    pub rows: Vec<MatrixLine>,
    /// Names the rows of the table.
    pub version: u64,
    /// Groups that pass the filter.
    pub matching: u64,
    /// Groups there are, system groups aside.
    pub of: u64,
    /// This page, from 1.
    pub page: u32,
    /// Pages in all.
    pub pages: u32,
    /// Sources to filter by.
    pub sources: Vec<Choice>,
    /// Statuses to filter by.
    pub statuses: Vec<Choice>,
    /// Roles to filter by.
    pub roles: Vec<Choice>,
    /// What the person had changed and not planned, and when.
    pub draft: Option<(Cells, String)>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_survive_their_text() {
        let cells = Cells([(("g1".into(), "r1".into()), true), (("g1".into(), "r2".into()), false)].into());
        assert_eq!(cells.text(), "+g1\tr1\n-g1\tr2");
        assert_eq!(Cells::read(&cells.text()), cells);
        assert_eq!(serde_json::from_str::<Cells>(&serde_json::to_string(&cells).unwrap()).unwrap(), cells);
        assert_eq!(Cells::read("+g1\tr1\r\n-g1\tr2\r\n"), cells);
        assert_eq!(Cells::read("g1\tr1\n+\tr\n-g\t\n+g\n\n"), Cells::default());
    }
}
