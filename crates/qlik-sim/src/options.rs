//! What a simulated tenant is made of, and where it listens.

use std::net::SocketAddr;

/// What a simulated tenant is made of.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one. Loopback only.
    pub listen: SocketAddr,
    /// Users of the tenant.
    pub users: usize,
    /// Licenses held.
    pub assignments: usize,
    /// Groups, system groups aside.
    pub groups: usize,
    /// The same seed gives the same tenant.
    pub seed: u64,
    /// Keys that act as tenant admins, each as a user of its own.
    pub api_keys: Vec<String>,
    /// A key without admin rights.
    pub reader_key: String,
    /// By how much limits run faster than Qlik's; 20 makes a window of 15 s.
    pub rate_scale: f64,
    /// How long every answer takes at least.
    pub latency_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            users: 12_000,
            assignments: 9_000,
            groups: 400,
            seed: 1,
            api_keys: vec!["demo-admin-key".to_owned()],
            reader_key: "demo-reader-key".to_owned(),
            rate_scale: 1.0,
            latency_ms: 0,
        }
    }
}
