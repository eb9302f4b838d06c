//! Server functions of the connect room. These are the only ones without a credential, for they bring it.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::AppError;

/// A tenant one can connect to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantChoice {
    /// Its id in addresses.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its host.
    pub host: String,
    /// Whether this session has a credential for it.
    pub connected: bool,
}

/// What the connect page needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectFacts {
    /// The tenants of the configuration.
    pub tenants: Vec<TenantChoice>,
}

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
