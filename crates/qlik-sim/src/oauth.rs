//! The tenant's authorization server: sign-in of people with PKCE, refreshing with rotation, machine clients, revocation.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::clock::iso;
use crate::listing::Params;
use crate::options::OauthClient;
use crate::reply::{Refusal, Reply};
use crate::tenant::{Key, Tenant, User};

/// A code can be exchanged for so long, in milliseconds.
const CODE_MS: i64 = 60_000;
/// The cookie of somebody who signed in at the tenant.
const COOKIE: &str = "sim_sign_in";
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

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn invalid_client() -> Refusal {
    Refusal::new(401, "invalid_client", "The client is not known, or did not prove itself")
}

fn invalid_grant(title: &str) -> Refusal {
    Refusal::new(401, "invalid_grant", title)
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

    fn authorize(&mut self, tenant: &Tenant, asked: &Asked<'_>) -> Result<Reply, Refusal> {
        let params = Params::parse(asked.query)?;
        let get = |name: &str| params.get(name).unwrap_or_default().to_owned();
        let client = self.clients.iter().find(|client| !client.machine && client.id == get("client_id"));
        let client = client.ok_or_else(|| invalid_request("The client is not known"))?;
        let redirect = get("redirect_uri");
        if !client.redirects.contains(&redirect) {
            return Err(invalid_request("The redirect_uri is not one of the client's"));
        }
        let (client, state) = (client.id.clone(), get("state"));
        let back = |pairs: &[(&str, &str)]| {
            let iss = match &self.knobs.iss {
                Iss::Sent(false) => None,
                Iss::Sent(true) => Some(asked.base),
                Iss::Other(iss) => Some(iss.as_str()),
            };
            let state = Some(state.as_str()).filter(|state| !state.is_empty());
            let pairs = pairs.iter().copied().chain(state.map(|state| ("state", state))).chain(iss.map(|iss| ("iss", iss)));
            let query: Vec<String> = pairs.map(|(name, value)| format!("{name}={}", encoded(value))).collect();
            let join = if redirect.contains('?') { '&' } else { '?' };
            Reply::empty(302).header("location", format!("{redirect}{join}{}", query.join("&")))
        };
        let refused = |error: &str, code: &str| Ok(back(&[("error", error), ("error_code", code)]));
        if get("response_type") != "code" {
            return refused("unsupported_response_type", "OAUTH-4");
        }
        if state.is_empty() {
            return refused("invalid_request", "OAUTH-5");
        }
        let challenge = get("code_challenge");
        if get("code_challenge_method") != "S256" || challenge.len() != 43 {
            return refused("invalid_request", "OAUTH-6");
        }
        let scope = if get("scope").is_empty() { "user_default".to_owned() } else { get("scope") };
        let known = |scope: &str| {
            ["user_default", ADMIN_SCOPE, OFFLINE].contains(&scope)
                || scope.starts_with("admin.")
                || scope.starts_with("identity.")
        };
        if !scope.split(' ').all(known) {
            return refused("invalid_scope", "OAUTH-7");
        }
        // Somebody new comes by a button or a hint; somebody who is here already goes on, unless that is not enough.
        let (hint, prompt) = (get("login_hint"), get("prompt"));
        let hinted = match hint.as_str() {
            "" => None,
            "admin" => self.people.iter().find(|(_, admin)| *admin),
            "reader" => self.people.iter().find(|(_, admin)| !*admin),
            id => self.people.iter().find(|(user, _)| user == id),
        };
        let here = cookie(asked.cookies).and_then(|cookie| self.sign_ins.get(cookie)).cloned();
        let too_old = |at: i64| {
            params.get("max_age").and_then(|age| age.parse::<i64>().ok()).is_some_and(|age| asked.now - at >= age * 1_000)
        };
        let here = here.filter(|(_, at)| prompt != "login" && !too_old(*at));
        let (user, auth_time, cookie) = match (here, hinted) {
            (Some((user, at)), None) => (user, at, None),
            (Some((user, at)), Some((hinted, _))) if *hinted == user || prompt == "none" => (user, at, None),
            (None, _) if prompt == "none" => return refused("login_required", "OAUTH-8"),
            (_, Some((user, _))) => (user.clone(), asked.now, Some(random())),
            (_, None) => return Ok(self.page(tenant, &params)),
        };
        let family = self.families.len();
        let code = random();
        let reply = back(&[("code", &code)]);
        let until = asked.now + CODE_MS;
        self.families.push(Family { user: user.clone(), client, scope, auth_time, generation: 0, expires_at: 0, revoked: false });
        self.codes.insert(code, Code { family, redirect, challenge, until, used: false });
        Ok(match cookie {
            Some(cookie) => {
                let line = format!("{COOKIE}={cookie}; Path=/oauth; HttpOnly; SameSite=Lax");
                self.sign_ins.insert(cookie, (user, auth_time));
                reply.header("set-cookie", line)
            }
            None => reply,
        })
    }

    /// Who wants to sign in: a button for each person.
    fn page(&self, tenant: &Tenant, params: &Params) -> Reply {
        let hidden = params.pairs().filter(|(name, _)| !matches!(*name, "login_hint" | "prompt" | "max_age"));
        let hidden: String = hidden
            .map(|(name, value)| format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escaped(name), escaped(value)))
            .collect();
        let button = |(id, _): &(String, bool)| {
            let name = tenant.user(id).map_or(id.as_str(), |user| user.name.as_str());
            format!("<p><button name=\"login_hint\" value=\"{}\">{}</button></p>", escaped(id), escaped(name))
        };
        let buttons: String = self.people.iter().map(button).collect();
        Reply::page(format!(
            "<!doctype html><html lang=\"en\"><title>Sign in to the simulated tenant</title>\
             <h1>Sign in to the simulated tenant</h1><form action=\"/oauth/authorize\">{hidden}{buttons}</form></html>"
        ))
    }

    fn token(&mut self, tenant: &Tenant, asked: &Asked<'_>) -> Result<Reply, Refusal> {
        let form = form(asked)?;
        let get = |name: &str| form.get(name).map_or("", String::as_str);
        let client = self.client(asked, get("client_id"), get("client_secret"))?.clone();
        match get("grant_type") {
            "authorization_code" if !client.machine => self.exchange(&client, &form, asked.now),
            "refresh_token" if !client.machine => self.refreshed(&client, get("refresh_token"), asked.now),
            "client_credentials" if client.machine => {
                let user = tenant.users.items.values().find(|user| user.client_id.as_deref() == Some(client.id.as_str()));
                let user = user.map(|user| user.id.clone()).ok_or_else(invalid_client)?;
                let scope = if get("scope").is_empty() { ADMIN_SCOPE.to_owned() } else { get("scope").to_owned() };
                let (family, auth_time) = (self.families.len(), asked.now);
                let scope = scope.split(' ').filter(|scope| *scope != OFFLINE).collect::<Vec<_>>().join(" ");
                let client = client.id;
                self.families.push(Family { user, client, scope, auth_time, generation: 0, expires_at: 0, revoked: false });
                Ok(self.issue(family, asked.now))
            }
            "authorization_code" | "refresh_token" | "client_credentials" => {
                Err(Refusal::new(400, "unauthorized_client", "The client may not use this grant"))
            }
            _ => Err(Refusal::new(400, "unsupported_grant_type", "The grant_type is not known")),
        }
    }

    /// The client of a request to the token endpoint: by Basic, or in the body.
    fn client(&self, asked: &Asked<'_>, id: &str, secret: &str) -> Result<&OauthClient, Refusal> {
        let basic = asked
            .authorization
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"));
        let (id, secret) = match basic {
            Some((_, text)) => {
                let text = STANDARD.decode(text.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
                let (id, secret) = text.split_once(':').ok_or_else(invalid_client)?;
                (decoded(id), decoded(secret))
            }
            None => (id.to_owned(), secret.to_owned()),
        };
        let client = self.clients.iter().find(|client| client.id == id).ok_or_else(invalid_client)?;
        if client.secret.as_ref().is_none_or(|known| *known == secret) { Ok(client) } else { Err(invalid_client()) }
    }

    fn exchange(&mut self, client: &OauthClient, form: &HashMap<String, String>, now: i64) -> Result<Reply, Refusal> {
        let get = |name: &str| form.get(name).map_or("", String::as_str);
        let code = self.codes.get_mut(get("code")).ok_or_else(|| invalid_grant("The code is not known"))?;
        let family = code.family;
        let of = self.families.get_mut(family).ok_or_else(|| invalid_grant("The code is not known"))?;
        if of.client != client.id {
            return Err(invalid_grant("The code is another client's"));
        }
        if std::mem::replace(&mut code.used, true) {
            // Whoever else has it may be a thief: what it brought is worth nothing any more.
            of.revoked = true;
            return Err(invalid_grant("The code was used before"));
        }
        let verifier = get("code_verifier");
        let proves = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) == code.challenge && (43..=128).contains(&verifier.len());
        if code.until <= now || get("redirect_uri") != code.redirect || !proves {
            return Err(invalid_grant("The code has expired, or redirect_uri or code_verifier do not fit it"));
        }
        Ok(self.issue(family, now))
    }

    fn refreshed(&mut self, client: &OauthClient, token: &str, now: i64) -> Result<Reply, Refusal> {
        let refused = || invalid_grant("The refresh token is not known, has expired, or was revoked");
        let token = *self.refresh.get(token).ok_or_else(refused)?;
        let family = self.families.get_mut(token.family).ok_or_else(refused)?;
        if family.client != client.id || family.revoked || token.revoked || token.until <= now {
            return Err(refused());
        }
        if self.knobs.rotate && token.generation < family.generation {
            family.revoked |= self.knobs.reuse == Reuse::RevokeFamily;
            return Err(invalid_grant("The refresh token was used before"));
        }
        family.generation += 1;
        Ok(self.issue(token.family, now))
    }

    /// New tokens of a family.
    fn issue(&mut self, at: usize, now: i64) -> Reply {
        let Knobs { access_ttl_s, refresh_ttl_s, rotate, .. } = self.knobs;
        let Some(family) = self.families.get_mut(at) else { return Reply::empty(500) };
        let until = now + access_ttl_s * 1_000;
        family.expires_at = until;
        let access = random();
        let token = Token { family: at, until, generation: family.generation, revoked: false };
        self.access.insert(access.clone(), token);
        let mut answer = json!({
            "access_token": access,
            "token_type": "bearer",
            "expires_in": access_ttl_s,
            "expires_at": iso(until),
            "scope": family.scope,
            "auth_time": family.auth_time.div_euclid(1_000),
        });
        let wants = family.scope.split(' ').any(|scope| scope == OFFLINE);
        // Without rotation the first one stays, and no other comes.
        if wants
            && (rotate || family.generation == 0)
            && let Some(members) = answer.as_object_mut()
        {
            let refresh = random();
            self.refresh.insert(refresh.clone(), Token { until: now + refresh_ttl_s * 1_000, ..token });
            members.insert("refresh_token".to_owned(), refresh.into());
        }
        Reply::json(200, answer).header("cache-control", "no-store")
    }

    /// A refresh token takes its family with it, an access token only itself. What is not known is not told apart.
    fn revoke_token(&mut self, asked: &Asked<'_>) -> Result<Reply, Refusal> {
        let form = form(asked)?;
        let get = |name: &str| form.get(name).map_or("", String::as_str);
        self.client(asked, get("client_id"), get("client_secret"))?;
        if let Some(token) = self.refresh.get(get("token")) {
            if let Some(family) = self.families.get_mut(token.family) {
                family.revoked = true;
            }
        } else if let Some(token) = self.access.get_mut(get("token")) {
            token.revoked = true;
        }
        Ok(Reply::json(200, Value::Object(Map::new())))
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

/// A body of JSON or of a form, as texts by name. A name that is there twice is refused.
fn form(asked: &Asked<'_>) -> Result<HashMap<String, String>, Refusal> {
    if asked.json_body {
        let body: Map<String, Value> = serde_json::from_slice(asked.body).map_err(|_| invalid_request("The body is not JSON"))?;
        let text = |(name, value): (String, Value)| value.as_str().map(|value| (name, value.to_owned()));
        return Ok(body.into_iter().filter_map(text).collect());
    }
    let body = std::str::from_utf8(asked.body).map_err(|_| invalid_request("The body is not text"))?;
    let mut form = HashMap::new();
    for pair in body.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if form.insert(decoded(name), decoded(value)).is_some() {
            return Err(invalid_request("A parameter is there twice"));
        }
    }
    Ok(form)
}

fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

fn cookie(header: Option<&str>) -> Option<&str> {
    header?.split(';').find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}
