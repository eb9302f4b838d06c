//! Connecting a session to a tenant with an API key.

mod api;
mod page;
#[cfg(feature = "ssr")]
mod service;
mod view;

pub use api::{Connect, Disconnect, connect, disconnect, tenants_to_connect};
pub use page::{ConnectPage, Mark};
pub use view::{ConnectFacts, TenantChoice};
