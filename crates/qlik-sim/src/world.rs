//! Everything that is shared between requests, behind one lock, and what starts it over.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::clock::Clock;
use crate::faults::Faults;
use crate::limits::Limits;
use crate::oauth::Oauth;
use crate::options::Options;
use crate::seed;
use crate::tenant::Tenant;

/// What `PUT /_sim/options` sets.
#[derive(Debug, Clone)]
pub(crate) struct Knobs {
    pub(crate) link_base: Option<String>,
    pub(crate) rate_limits: bool,
    pub(crate) rate_scale: f64,
    pub(crate) latency_ms: u64,
    pub(crate) batch_max: usize,
    pub(crate) audits: bool,
}

impl Default for Knobs {
    fn default() -> Self {
        Self { link_base: None, rate_limits: true, rate_scale: 1.0, latency_ms: 0, batch_max: 1_000, audits: true }
    }
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) tenant: Tenant,
    pub(crate) oauth: Oauth,
    pub(crate) limits: Limits,
    pub(crate) faults: Faults,
    pub(crate) knobs: Knobs,
    pub(crate) log: Vec<Value>,
    pub(crate) requests: u64,
    /// How far `advance_s` has moved the tenant's clock.
    pub(crate) advanced_ms: i64,
}

/// The tenant and its surroundings.
#[derive(Debug)]
pub(crate) struct World {
    options: Options,
    clock: Arc<dyn Clock>,
    started_ms: i64,
    state: Mutex<State>,
}

impl World {
    pub(crate) fn new(options: Options, clock: Arc<dyn Clock>) -> Self {
        let started_ms = clock.now_ms();
        let state = Mutex::new(Self::fresh(&options, started_ms));
        Self { options, clock, started_ms, state }
    }

    fn fresh(options: &Options, now: i64) -> State {
        let mut tenant = seed::tenant(options, now);
        State {
            oauth: Oauth::new(&options.oauth_clients, &options.api_keys, &options.reader_key, &mut tenant, now),
            tenant,
            limits: Limits::default(),
            faults: Faults::default(),
            knobs: Knobs { rate_scale: options.rate_scale, latency_ms: options.latency_ms, ..Knobs::default() },
            log: Vec::new(),
            requests: 0,
            advanced_ms: 0,
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Now, as the tenant sees it.
    pub(crate) fn now(&self, state: &State) -> i64 {
        self.clock.now_ms() + state.advanced_ms
    }

    /// Seeds, options and faults as at the start, and an empty log.
    pub(crate) fn reset(&self) {
        let fresh = Self::fresh(&self.options, self.started_ms);
        *self.lock() = fresh;
    }
}
