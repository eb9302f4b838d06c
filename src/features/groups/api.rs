//! Server functions of the groups room.

use domain::roles::RoleMark;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::AppError;
use crate::features::shared::Loaded;

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
            Self::Everybody => "everybody".to_owned(),
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

/// A group in the editor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupView {
    /// The group.
    pub line: GroupLine,
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

/// The list of groups whose name has `q` in it.
#[server(endpoint = "groups/list")]
pub async fn groups(tenant: String, q: String, page: u32) -> Result<Loaded<GroupsView>, AppError> {
    use crate::server::access::{Access, Viewer};
    let access = Access::<Viewer>::to(&tenant).await?;
    super::service::list(&access, &q, page).await
}

/// A group in the editor, with its roles as Qlik has them this moment.
#[server(endpoint = "groups/one")]
pub async fn group(tenant: String, id: String) -> Result<Loaded<GroupView>, AppError> {
    use crate::server::access::{Access, Viewer};
    let access = Access::<Viewer>::to(&tenant).await?;
    super::service::one(&access, &id).await
}

/// Draws up a plan that gives a group exactly `roles`; `base` is what it had when the editor was opened.
#[server(endpoint = "groups/roles")]
pub async fn draft_roles(
    tenant: String,
    id: String,
    #[server(default)] base: Vec<String>,
    #[server(default)] roles: Vec<String>,
) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator};
    let access = Access::<Operator>::to(&tenant).await?;
    crate::server::lead::go(&access.tenant.id, super::service::draft_roles(&access, &id, &base, &roles).await)
}

/// Keeps what somebody has ticked: `base` is what the group had then, `mine` what was chosen; ids joined by commas.
#[server(endpoint = "groups/draft")]
pub async fn keep_draft(
    tenant: String,
    id: String,
    #[server(default)] base: String,
    #[server(default)] mine: String,
) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator, refused};
    let access = Access::<Operator>::to(&tenant).await?;
    super::service::keep_draft(&access, &id, &base, &mine).await.map_err(refused)
}

/// Draws up a plan that gives every member of a group who has none a license.
#[server(endpoint = "groups/license")]
pub async fn draft_license(tenant: String, id: String, to: String) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator};
    let access = Access::<Operator>::to(&tenant).await?;
    crate::server::lead::go(&access.tenant.id, super::service::draft_license(&access, &id, &to).await)
}
