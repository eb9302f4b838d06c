//! `/oauth/authorize`: people sign in, and are led back to the client with a code.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{ADMIN_SCOPE, Asked, Code, Family, Iss, OFFLINE, Oauth, invalid_request, random};
use crate::listing::Params;
use crate::reply::{Refusal, Reply};
use crate::tenant::Tenant;

/// A code can be exchanged for so long, in milliseconds.
const CODE_MS: i64 = 60_000;
/// The cookie of somebody who signed in at the tenant.
const COOKIE: &str = "sim_sign_in";

impl Oauth {
    pub(super) fn authorize(&mut self, tenant: &Tenant, asked: &Asked<'_>) -> Result<Reply, Refusal> {
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
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn cookie(header: Option<&str>) -> Option<&str> {
    header?.split(';').find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}
