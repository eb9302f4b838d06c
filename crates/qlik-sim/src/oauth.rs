//! The tenant's authorization server: sign-in of people with PKCE, refreshing with rotation, machine clients, revocation.

mod authorize;
mod token;

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::iso;
use crate::options::OauthClient;
use crate::reply::{Refusal, Reply};
use crate::tenant::{Key, Tenant, User};

const ADMIN_SCOPE: &str = "admin_classic";
const OFFLINE: &str = "offline_access";

/// What becomes of a refresh token that was used before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reuse {
    Reject,
    RevokeFamily,
}

/// What `PUT /_sim/options` sets under `oauth`.
#[derive(Debug, Clone)]
pub(crate) struct Knobs {
    access_ttl_s: i64,
    refresh_ttl_s: i64,
    rotate: bool,
    reuse: Reuse,
    iss: Iss,
}

impl Default for Knobs {
    fn default() -> Self {
        const DAY_S: i64 = 24 * 60 * 60;
        Self { access_ttl_s: 21_600, refresh_ttl_s: 30 * DAY_S, rotate: true, reuse: Reuse::RevokeFamily, iss: Iss::Sent(false) }
    }
}

/// The `iss` parameter of answers: sent or not, or something else than the tenant.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Iss {
    Sent(bool),
    Other(String),
}

/// The same, as far as it is set.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetKnobs {
    access_ttl_s: Option<i64>,
    refresh_ttl_s: Option<i64>,
    rotate: Option<bool>,
    reuse: Option<Reuse>,
    iss: Option<Iss>,
}

/// Tokens that come from one sign-in.
#[derive(Debug, Clone)]
struct Family {
    user: String,
    client: String,
    scope: String,
    auth_time: i64,
    /// How often it was refreshed.
    generation: u64,
    /// The newest access token ends then.
    expires_at: i64,
    revoked: bool,
}

#[derive(Debug, Clone)]
struct Code {
    family: usize,
    redirect: String,
    challenge: String,
    until: i64,
    used: bool,
}

#[derive(Debug, Clone, Copy)]
struct Token {
    family: usize,
    until: i64,
    /// Of which generation; older refresh tokens were used.
    generation: u64,
    revoked: bool,
}

/// The authorization server.
#[derive(Debug, Default)]
pub(crate) struct Oauth {
    clients: Vec<OauthClient>,
    pub(crate) knobs: Knobs,
    families: Vec<Family>,
    codes: HashMap<String, Code>,
    access: HashMap<String, Token>,
    refresh: HashMap<String, Token>,
    /// Whoever signed in, and when.
    sign_ins: HashMap<String, (String, i64)>,
    /// People who may sign in: their ids, and whether they are admins. The first admin is `admin`, the one who is none `reader`.
    people: Vec<(String, bool)>,
}

/// A request to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) json_body: bool,
    pub(crate) body: &'a [u8],
    pub(crate) authorization: Option<&'a str>,
    pub(crate) cookies: Option<&'a str>,
    pub(crate) base: &'a str,
    pub(crate) now: i64,
}

/// Whether a path is the authorization server's.
pub(crate) fn is_path(path: &str) -> bool {
    path.starts_with("/oauth/") || path == "/.well-known/oauth-authorization-server"
}

fn random() -> String {
    let mut bytes = [0; 32];
    // Without randomness of the machine nothing starts at all.
    let _ = OsRng.try_fill_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

fn invalid_request(title: &str) -> Refusal {
    Refusal::new(400, "invalid_request", title)
}

impl Oauth {
    /// For these clients. A machine client is a user of the tenant.
    pub(crate) fn new(clients: &[OauthClient], keys: &[String], reader: &str, tenant: &mut Tenant, now: i64) -> Self {
        for client in clients.iter().filter(|client| client.machine) {
            let (id, tenant_id) = (tenant.fresh_id(), tenant.id.clone());
            tenant.put_user(User {
                id,
                tenant: tenant_id,
                subject: format!("qlikbot\\{}", client.id),
                name: client.id.clone(),
                email: None,
                status: "active",
                client_id: Some(client.id.clone()),
                roles: tenant.role_named("TenantAdmin").map(|role| role.id.clone()).into_iter().collect(),
                groups: Vec::new(),
                created: now,
                updated: now,
                invite_expiry: None,
            });
        }
        let people = keys.iter().map(String::as_str).chain([reader]).filter_map(|key| tenant.keys.get(key));
        let people = people.map(|key| (key.user.clone(), key.admin)).collect();
        Self { clients: clients.to_vec(), people, ..Self::default() }
    }

    /// Whom an access token acts as. Somebody's admin rights come with the scope only.
    pub(crate) fn key(&self, token: &str, now: i64) -> Option<Key> {
        let token = self.access.get(token)?;
        let family = self.families.get(token.family)?;
        if token.revoked || family.revoked || token.until <= now {
            return None;
        }
        let machine = self.clients.iter().any(|client| client.machine && client.id == family.client);
        let is_admin = machine || self.people.iter().any(|(user, admin)| *admin && *user == family.user);
        let admin = is_admin && family.scope.split(' ').any(|scope| scope == ADMIN_SCOPE);
        Some(Key { user: family.user.clone(), admin })
    }

    /// What there is, without the tokens themselves.
    pub(crate) fn state(&self) -> Value {
        let family = |(at, family): (usize, &Family)| {
            json!({
                "family": at.to_string(),
                "user": family.user,
                "client": family.client,
                "scope": family.scope,
                "generation": family.generation,
                "expires_at": iso(family.expires_at),
                "revoked": family.revoked,
            })
        };
        // A code that was never exchanged has no tokens, and is no family yet.
        Value::Array(self.families.iter().enumerate().filter(|(_, family)| family.expires_at > 0).map(family).collect())
    }

    /// Revokes a family by its number, or all of somebody. `false` where there is none.
    pub(crate) fn revoke(&mut self, user: Option<&str>, family: Option<&str>) -> bool {
        let mut done = false;
        for (at, each) in self.families.iter_mut().enumerate() {
            if user.is_some_and(|user| user == each.user) || family.is_some_and(|family| family == at.to_string()) {
                each.revoked = true;
                done = true;
            }
        }
        done
    }

    pub(crate) fn set(&mut self, set: SetKnobs) -> Result<(), Refusal> {
        for ttl in [set.access_ttl_s, set.refresh_ttl_s].into_iter().flatten() {
            if !(1..=1_000_000_000).contains(&ttl) {
                return Err(Refusal::bad("access_ttl_s and refresh_ttl_s are whole seconds from 1"));
            }
        }
        let knobs = &mut self.knobs;
        knobs.access_ttl_s = set.access_ttl_s.unwrap_or(knobs.access_ttl_s);
        knobs.refresh_ttl_s = set.refresh_ttl_s.unwrap_or(knobs.refresh_ttl_s);
        knobs.rotate = set.rotate.unwrap_or(knobs.rotate);
        knobs.reuse = set.reuse.unwrap_or(knobs.reuse);
        if let Some(iss) = set.iss {
            knobs.iss = iss;
        }
        Ok(())
    }

    /// Answers a request.
    pub(crate) fn answer(&mut self, tenant: &Tenant, asked: &Asked<'_>) -> Result<Reply, Refusal> {
        match (asked.method, asked.path) {
            ("GET", "/.well-known/oauth-authorization-server") => Ok(metadata(asked.base)),
            ("GET", "/oauth/authorize") => self.authorize(tenant, asked),
            ("POST", "/oauth/token") => self.token(tenant, asked),
            ("POST", "/oauth/revoke") => self.revoke_token(asked),
            (_, "/.well-known/oauth-authorization-server" | "/oauth/authorize" | "/oauth/token" | "/oauth/revoke") => {
                Err(Refusal::new(405, "HTTP-405", "Method not allowed"))
            }
            _ => Err(Refusal::not_found()),
        }
    }
}

fn metadata(base: &str) -> Reply {
    Reply::json(
        200,
        json!({
            "issuer": base,
            "authorization_endpoint": format!("{base}/oauth/authorize"),
            "token_endpoint": format!("{base}/oauth/token"),
            "revocation_endpoint": format!("{base}/oauth/revoke"),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "scopes_supported": ["user_default", ADMIN_SCOPE, OFFLINE],
        }),
    )
}

/// A refusal in the authorization server's words.
pub(crate) fn refused(refusal: Refusal) -> Reply {
    let Refusal { status, code, title, .. } = &refusal;
    let body = json!({ "errors": [{ "code": code, "title": title, "status": status }] });
    let reply = Reply::json(*status, body);
    match refusal.retry_after {
        Some(wait) => reply.header("retry-after", wait.to_string()),
        None => reply,
    }
}
