//! `/oauth/token` and `/oauth/revoke`: codes, refresh tokens and secrets are exchanged for access tokens, and tokens are taken back.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{ADMIN_SCOPE, Asked, Family, Knobs, OFFLINE, Oauth, Reuse, Token, invalid_request, random};
use crate::clock::iso;
use crate::options::OauthClient;
use crate::reply::{Refusal, Reply};
use crate::tenant::Tenant;

fn invalid_client() -> Refusal {
    Refusal::new(401, "invalid_client", "The client is not known, or did not prove itself")
}

fn invalid_grant(title: &str) -> Refusal {
    Refusal::new(401, "invalid_grant", title)
}

impl Oauth {
    pub(super) fn token(&mut self, tenant: &Tenant, asked: &Asked<'_>) -> Result<Reply, Refusal> {
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
    pub(super) fn revoke_token(&mut self, asked: &Asked<'_>) -> Result<Reply, Refusal> {
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
