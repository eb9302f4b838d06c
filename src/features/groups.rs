//! Groups and the roles they give.

mod api;
mod manage;
mod new_page;
mod page;
mod role_list;
#[cfg(feature = "ssr")]
mod service;
mod view;

pub use api::{DraftRoles, draft_license, draft_roles, group, groups};
pub use new_page::NewGroupPage;
pub use page::{GroupPage, GroupsPage};
pub use view::{GroupView, GroupsView};
