//! What every request can reach: configuration, the engine with its tenants, and what the portal itself keeps count of.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRef;
use engine::backend::Backend;
use engine::backend::cloud::{Cloud, CloudSettings};
use engine::checkpoints::Checkpoints;
use engine::clock::SharedClock;
use engine::fault::Fault;
use engine::seal::Sealer;
use engine::{Engine, Tenant};
use identity::provider::Provider;
use leptos::prelude::LeptosOptions;
use storage::Store;

use super::auth::proxy::Checks as ProxyChecks;
use super::bounds::{Refusals, WrongKeys};
use super::checks::Checks;
use super::config::{AuthMode, Config, TenantClient, TenantConfig};

/// The state.
#[derive(Debug)]
pub struct State {
    pub config: Config,
    /// What reads and changes tenants.
    pub engine: Arc<Engine>,
    /// Keys that Qlik did not accept.
    pub wrong_keys: WrongKeys,
    /// Requests that were refused.
    pub refusals: Refusals,
    /// Lists that were compared with a tenant.
    pub checks: Checks,
    /// Where people sign in, where they do.
    pub provider: Option<Provider>,
    /// What a proxy proves itself by, where people come by way of one.
    pub proxy_checks: ProxyChecks,
    pub leptos: LeptosOptions,
}

/// The state, shared.
pub type Shared = Arc<State>;

/// What axum's router holds.
#[derive(Debug, Clone)]
pub struct AppState(pub Shared);

impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.0.leptos.clone()
    }
}

/// Why the state cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A tenant's address is unusable.
    #[error("tenant {0}: {1}")]
    Tenant(String, Fault),
    /// A tenant's client cannot be used as it is configured.
    #[error("tenant {0}: {1}")]
    Client(String, String),
    /// The provider cannot be used as it is configured.
    #[error("the OpenID provider: {0}")]
    Provider(String),
    /// The proxy cannot prove itself as it is configured.
    #[error("the proxy: {0}")]
    Proxy(String),
}

fn tenant(id: &str, config: &TenantConfig) -> Result<Tenant, StateError> {
    let client = |client: Option<&TenantClient>| {
        client.map(TenantClient::open).transpose().map_err(|fault| StateError::Client(id.to_owned(), fault.to_string()))
    };
    let settings = CloudSettings {
        url: config.url.clone(),
        timeout: Duration::from_secs(config.timeout_s.into()),
        rate_scale: config.rate_scale,
        licenses_elsewhere: config.licenses_elsewhere.into(),
        people: client(config.oauth.as_ref())?,
        machine: client(config.unattended.as_ref())?,
    };
    let cloud = Cloud::new(&settings).map_err(|fault| StateError::Tenant(id.to_owned(), fault))?;
    Ok(Tenant {
        id: id.to_owned(),
        name: config.name.clone(),
        url: config.url.clone(),
        backend: Backend::Cloud(cloud),
        batch_rows: config.batch_rows as usize,
    })
}

impl State {
    /// Builds the state; makes no call.
    pub fn build(config: Config, store: Store, sealer: Sealer, clock: SharedClock) -> Result<Shared, StateError> {
        let tenants: Vec<Tenant> =
            config.tenants.iter().map(|(id, config)| tenant(id, config)).collect::<Result<_, StateError>>()?;
        let leptos = LeptosOptions::builder()
            .output_name(config.leptos.output_name.as_str())
            .site_root(config.leptos.site_root.as_str())
            .site_pkg_dir(config.leptos.site_pkg_dir.as_str())
            // Only Leptos' own tools ask for it.
            .site_addr(config.server.listen.address().unwrap_or(([127, 0, 0, 1], 3000).into()))
            .build();
        let provider = match &config.auth.mode {
            AuthMode::None | AuthMode::Proxy(_) => None,
            AuthMode::Oidc(oidc) => Some(oidc.provider().map_err(StateError::Provider)?),
        };
        let proxy_checks = match &config.auth.mode {
            AuthMode::Proxy(proxy) => ProxyChecks {
                proofs: proxy.proofs().map_err(StateError::Proxy)?,
                signer: proxy.signer().map_err(StateError::Proxy)?,
            },
            AuthMode::None | AuthMode::Oidc(_) => ProxyChecks::default(),
        };
        Ok(Arc::new(Self {
            engine: Engine::new(
                store,
                sealer,
                clock,
                tenants,
                config.storage.keep,
                Checkpoints::to(config.audit.checkpoint_file.clone()),
            ),
            config,
            wrong_keys: WrongKeys::default(),
            refusals: Refusals::default(),
            checks: Checks::default(),
            provider,
            proxy_checks,
            leptos,
        }))
    }

    /// Browsers reach the portal by https: cookies keep their prefix and need it.
    pub fn is_secure(&self) -> bool {
        self.config.server.public_url.starts_with("https://")
    }
}
