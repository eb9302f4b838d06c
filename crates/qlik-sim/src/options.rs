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
    /// Roles made in the tenant, besides Qlik's own.
    pub custom_roles: usize,
    /// The same seed gives the same tenant.
    pub seed: u64,
    /// Keys that act as tenant admins, each as a user of its own.
    pub api_keys: Vec<String>,
    /// A key without admin rights.
    pub reader_key: String,
    /// Programs that people may sign in by, and machines.
    pub oauth_clients: Vec<OauthClient>,
    /// Days of consumption before the start, 95 to 800.
    pub usage_days: u32,
    /// How many people there are of each kind whose use is known; fewer where there are not enough people.
    pub personas: usize,
    /// By how much limits run faster than Qlik's; 20 makes a window of 15 s.
    pub rate_scale: f64,
    /// How long every answer takes at least.
    pub latency_ms: u64,
}

/// A client of the authorization server.
#[derive(Clone, PartialEq, Eq)]
pub struct OauthClient {
    /// Its id.
    pub id: String,
    /// Its secret; none for one that proves itself by PKCE alone.
    pub secret: Option<String>,
    /// Where people may be led back to.
    pub redirects: Vec<String>,
    /// It acts as itself, by client credentials.
    pub machine: bool,
}

impl std::fmt::Debug for OauthClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OauthClient").field("id", &self.id).field("redirects", &self.redirects).finish_non_exhaustive()
    }
}

impl OauthClient {
    /// From `ID[:SECRET]=REDIRECT[,REDIRECT]`.
    pub fn people(text: &str) -> Result<Self, String> {
        let (client, redirects) = text.split_once('=').ok_or("ID[:SECRET]=REDIRECT[,REDIRECT] is expected")?;
        let (id, secret) = client.split_once(':').map_or((client, None), |(id, secret)| (id, Some(secret.to_owned())));
        let redirects: Vec<String> = redirects.split(',').map(str::to_owned).collect();
        if id.is_empty() || redirects.iter().any(|redirect| !redirect.starts_with("http")) {
            return Err("an id, and addresses that begin with http, are expected".to_owned());
        }
        Ok(Self { id: id.to_owned(), secret, redirects, machine: false })
    }

    /// From `ID:SECRET`.
    pub fn machine(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some((id, secret)) if !id.is_empty() && !secret.is_empty() => {
                Ok(Self { id: id.to_owned(), secret: Some(secret.to_owned()), redirects: Vec::new(), machine: true })
            }
            _ => Err("ID:SECRET is expected".to_owned()),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            users: 12_000,
            assignments: 9_000,
            groups: 400,
            custom_roles: 45,
            seed: 1,
            api_keys: vec!["demo-admin-key".to_owned()],
            reader_key: "demo-reader-key".to_owned(),
            oauth_clients: Vec::new(),
            usage_days: 120,
            personas: 4,
            rate_scale: 1.0,
            latency_ms: 0,
        }
    }
}
