//! Server functions of the connect room. These are the only ones without a credential, for they bring it.

use leptos::prelude::*;

use super::view::ConnectFacts;
use crate::error::AppError;

/// The tenants one can connect to.
#[server(endpoint = "connect/facts")]
pub async fn tenants_to_connect() -> Result<ConnectFacts, AppError> {
    super::service::facts().await
}

/// Checks a key with the tenant and keeps it, sealed, for this session.
#[server(endpoint = "connect/key")]
pub async fn connect(tenant: String, key: String, back: String) -> Result<(), AppError> {
    crate::server::lead::go(&tenant, super::service::connect(&tenant, key, &back).await)
}

/// Forgets the session's key for a tenant. `jobs` says what becomes of jobs that hold one of the same Qlik user: `go-on` or
/// `pause`; without a word, the sessions page asks.
#[server(endpoint = "connect/forget")]
pub async fn disconnect(tenant: String, #[server(default)] jobs: String) -> Result<(), AppError> {
    crate::server::lead::go(&tenant, super::service::disconnect(&tenant, &jobs).await)
}
