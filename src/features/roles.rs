//! Roles, the other way round: which groups give each, how many people have it, and what would change if a group lost it.

mod api;
mod page;
#[cfg(feature = "ssr")]
mod service;
mod view;

pub use api::{role, roles};
pub use page::{RolePage, RolesPage};
pub use view::{RoleView, RolesView};
