//! Groups and the roles they give.

mod api;
mod bulk;
mod field;
#[cfg(feature = "ssr")]
mod files;
mod kind;
mod list_page;
mod manage;
mod matrix_grid;
mod matrix_page;
#[cfg(feature = "ssr")]
mod matrix_service;
mod new_page;
mod page;
mod role_list;
#[cfg(feature = "ssr")]
mod rows;
#[cfg(feature = "ssr")]
mod service;
mod view;

pub use api::{DraftRoles, DraftSelection, draft_license, draft_roles, draft_selection, group, groups};
pub use list_page::GroupsPage;
pub use matrix_page::MatrixPage;
pub use new_page::NewGroupPage;
pub use page::GroupPage;
#[cfg(feature = "ssr")]
pub use rows::routes;
pub use view::{GroupView, GroupsView};
