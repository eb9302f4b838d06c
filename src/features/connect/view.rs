//! What the connect room shows, as it goes to the browser.

use serde::{Deserialize, Serialize};

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
    /// The tenant takes that credential no more.
    pub lost: bool,
    /// One can sign in there.
    pub signs_in: bool,
    /// It takes API keys.
    pub api_keys: bool,
}

/// What the connect page needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectFacts {
    /// The tenants of the configuration.
    pub tenants: Vec<TenantChoice>,
    /// The key of a demonstration's tenant, which is offered; empty anywhere else.
    pub demo_key: String,
}
