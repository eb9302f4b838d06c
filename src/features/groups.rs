//! Groups and the roles they give.

mod api;
mod page;
#[cfg(feature = "ssr")]
mod service;
mod view;

pub use api::{DraftRoles, draft_license, draft_roles, group, groups};
pub use page::{GroupPage, GroupsPage};
pub use view::{GroupView, GroupsView};
