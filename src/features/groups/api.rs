//! Server functions of the groups room.

use leptos::prelude::*;

use super::view::{GroupView, GroupsView, MatrixView, NewGroupView};
use crate::error::AppError;
use crate::features::shared::Loaded;

/// A window of the table. `query` is the view as the address holds it.
#[server(endpoint = "groups/list")]
pub async fn groups(tenant: String, #[server(default)] query: String) -> Result<Loaded<GroupsView>, AppError> {
    use crate::server::access::{Access, Viewer};
    let access = Access::<Viewer>::to(&tenant).await?;
    super::service::window(&access, &query).await
}

/// Draws up a plan for the groups selected: `rows` by their boxes, with `matching` all that match `query`, and by line the keys of
/// rows besides (`+`) and of exceptions (`-`). `version` names the rows that were looked at, `digest` those of them that matched.
/// `action` is `roles` or `delete`; `how` is `change` by `add` and `remove`, `set` to
/// exactly `add`, or `copy` from the group of the name `from`.
#[server(endpoint = "groups/draft-selection")]
pub async fn draft_selection(
    tenant: String,
    action: String,
    #[server(default)] how: String,
    #[server(default)] add: Vec<String>,
    #[server(default)] remove: Vec<String>,
    #[server(default)] from: String,
    #[server(default)] rows: Vec<String>,
    #[server(default)] lines: String,
    #[server(default)] matching: String,
    #[server(default)] query: String,
    #[server(default)] version: String,
    #[server(default)] digest: String,
) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator};
    let access = Access::<Operator>::to(&tenant).await?;
    let query = (!matching.is_empty()).then_some(query.as_str());
    let selection = super::service::selection(&rows, query, &lines);
    let counted = crate::features::table::Counted::read(&version, &digest);
    let asked = super::service::Asked { action: &action, how: &how, add: &add, remove: &remove, from: &from };
    crate::server::lead::go(&access.tenant.id, super::service::draft_selection(&access, asked, &selection, counted).await)
}

/// Groups and roles side by side. `query` is the view of the groups as the address holds it; `roles` says which roles are shown:
/// `used`, `admin`, or ids joined by commas.
#[server(endpoint = "groups/matrix")]
pub async fn matrix(
    tenant: String,
    #[server(default)] query: String,
    #[server(default)] roles: String,
) -> Result<Loaded<MatrixView>, AppError> {
    use crate::server::access::{Access, Viewer};
    let access = Access::<Viewer>::to(&tenant).await?;
    super::matrix_service::window(&access, &query, &roles).await
}

/// Keeps cells of the matrix that are to become otherwise, as text; none forgets them.
#[server(endpoint = "groups/matrix-draft")]
pub async fn keep_matrix(tenant: String, #[server(default)] cells: String) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator, refused};
    let access = Access::<Operator>::to(&tenant).await?;
    super::matrix_service::keep(&access, &cells).await.map_err(refused)
}

/// Draws up a plan of the cells of the matrix that are to become otherwise.
#[server(endpoint = "groups/draft-matrix")]
pub async fn draft_matrix(tenant: String, #[server(default)] cells: String) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator};
    let access = Access::<Operator>::to(&tenant).await?;
    crate::server::lead::go(&access.tenant.id, super::matrix_service::draft(&access, &cells).await)
}

/// A group in the editor, with its roles as Qlik has them this moment.
#[server(endpoint = "groups/one")]
pub async fn group(tenant: String, id: String) -> Result<Loaded<GroupView>, AppError> {
    use crate::server::access::{Access, Viewer};
    let access = Access::<Viewer>::to(&tenant).await?;
    super::service::one(&access, &id).await
}

/// What a new group can be given.
#[server(endpoint = "groups/new")]
pub async fn new_group(tenant: String) -> Result<Loaded<NewGroupView>, AppError> {
    use crate::server::access::{Access, Viewer};
    let access = Access::<Viewer>::to(&tenant).await?;
    super::service::new_group(&access).await
}

/// Draws up a plan that makes groups of these names, one a line, each with this description and these roles.
#[server(endpoint = "groups/create")]
pub async fn draft_groups(
    tenant: String,
    #[server(default)] names: String,
    #[server(default)] description: String,
    #[server(default)] roles: Vec<String>,
) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator};
    let access = Access::<Operator>::to(&tenant).await?;
    crate::server::lead::go(&access.tenant.id, super::service::draft_groups(&access, &names, &description, &roles).await)
}

/// Draws up a plan that renames and describes a group that was made in Qlik.
#[server(endpoint = "groups/edit")]
pub async fn draft_edit(
    tenant: String,
    id: String,
    #[server(default)] name: String,
    #[server(default)] description: String,
) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator};
    let access = Access::<Operator>::to(&tenant).await?;
    crate::server::lead::go(&access.tenant.id, super::service::draft_edit(&access, &id, name, description).await)
}

/// Draws up a plan that deletes a group.
#[server(endpoint = "groups/delete")]
pub async fn draft_deletion(tenant: String, id: String) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator};
    let access = Access::<Operator>::to(&tenant).await?;
    crate::server::lead::go(&access.tenant.id, super::service::draft_deletion(&access, &id).await)
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
