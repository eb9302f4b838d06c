//! Sessions and grants: where this portal holds a credential, and how to take it away.

mod api;
mod page;
#[cfg(feature = "ssr")]
mod service;
mod view;

pub use api::{end, end_all, sessions, withdraw};
pub use page::SessionsPage;
#[cfg(feature = "ssr")]
pub use service::{own_grants, withdraw as withdraw_grant};
pub use view::{GrantLine, SessionLine, SessionsView};
