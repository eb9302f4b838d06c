//! Groups and the roles they give.

mod api;
mod page;
#[cfg(feature = "ssr")]
mod service;

pub use api::{DraftRoles, GroupView, GroupsView, draft_license, draft_roles, group, groups};
pub use page::{GroupPage, GroupsPage};
