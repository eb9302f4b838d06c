//! What every request can reach: configuration, store, keys, tenants, inventories, and the bell of the executor.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRef;
use leptos::prelude::LeptosOptions;
use qlik_api::client::{Bounds, Client};
use storage::Store;
use tokio::sync::{Notify, RwLock, broadcast, watch};

use super::bounds::{Refusals, WrongKeys};
use super::checks::Checks;
use super::clock::SharedClock;
use super::config::Config;
use super::inventory::Inventories;
use super::seal::Sealer;
use super::supervise::Watch;

/// A tenant that credentials may be sent to.
#[derive(Debug)]
pub struct Tenant {
    /// Its id in URLs.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// Its address.
    pub url: String,
    /// The one client of this tenant, and with it the one limiter.
    pub client: Client,
    /// Rows in one license request at most.
    pub batch_rows: usize,
    /// Licenses of sibling tenants that the list of licenses may lack.
    pub elsewhere: i64,
}

/// The state.
#[derive(Debug)]
pub struct State {
    pub config: Config,
    pub store: Store,
    pub sealer: Sealer,
    pub clock: SharedClock,
    pub tenants: BTreeMap<String, Arc<Tenant>>,
    pub inventories: Inventories,
    /// Rung when there may be a job to carry out.
    pub jobs: Notify,
    /// Tells which job has moved on.
    pub news: broadcast::Sender<Arc<str>>,
    /// How the server's own tasks are.
    pub watch: Watch,
    /// Keys that Qlik did not accept.
    pub wrong_keys: WrongKeys,
    /// Requests that were refused.
    pub refusals: Refusals,
    /// Lists that were compared with a tenant.
    pub checks: Checks,
    /// Turns true when the server is about to stop.
    pub closing: watch::Sender<bool>,
    /// Whoever carries a job out reads it; whoever ends the server waits to write.
    pub carrying: RwLock<()>,
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
    Tenant(String, qlik_api::client::CallError),
}

impl State {
    /// Builds the state; makes no call.
    pub fn build(config: Config, store: Store, sealer: Sealer, clock: SharedClock) -> Result<Shared, StateError> {
        let mut tenants = BTreeMap::new();
        for (id, tenant) in &config.tenants {
            let bounds = Bounds { call: Duration::from_secs(tenant.timeout_s.into()), ..Bounds::default() };
            let client = Client::builder(&tenant.url)
                .bounds(bounds)
                .rate_scale(tenant.rate_scale)
                .build()
                .map_err(|error| StateError::Tenant(id.clone(), error))?;
            let batch_rows = tenant.batch_rows as usize;
            let (name, url, elsewhere) = (tenant.name.clone(), tenant.url.clone(), i64::from(tenant.licenses_elsewhere));
            let tenant = Tenant { id: id.clone(), name, url, client, batch_rows, elsewhere };
            tenants.insert(id.clone(), Arc::new(tenant));
        }
        let leptos = LeptosOptions::builder()
            .output_name(config.leptos.output_name.as_str())
            .site_root(config.leptos.site_root.as_str())
            .site_pkg_dir(config.leptos.site_pkg_dir.as_str())
            .site_addr(config.listen)
            .build();
        let inventories = Inventories::new(clock.clone(), store.clone());
        let (news, closing) = (broadcast::channel(256).0, watch::channel(false).0);
        Ok(Arc::new(Self {
            config,
            store,
            sealer,
            clock,
            tenants,
            inventories,
            jobs: Notify::new(),
            news,
            watch: Watch::default(),
            wrong_keys: WrongKeys::default(),
            refusals: Refusals::default(),
            checks: Checks::default(),
            closing,
            carrying: RwLock::new(()),
            leptos,
        }))
    }

    /// An id for a plan or a job: short enough to say aloud, random enough not to be guessed.
    pub fn fresh_id() -> String {
        use rand::Rng;
        const LETTERS: &[u8] = b"0123456789abcdefghjkmnpqrstvwxyz";
        let mut rng = rand::rng();
        (0..16).map(|_| char::from(LETTERS.get(rng.random_range(0..LETTERS.len())).copied().unwrap_or(b'0'))).collect()
    }
}
