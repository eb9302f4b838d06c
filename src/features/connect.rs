//! Connecting a session to a tenant with an API key.

mod api;
mod page;
#[cfg(feature = "ssr")]
mod service;

pub use api::{Connect, ConnectFacts, Disconnect, TenantChoice, connect, disconnect, tenants_to_connect};
pub use page::{ConnectPage, Mark};
