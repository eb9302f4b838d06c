//! The login cookie: what a sign-in that was begun must remember until the provider sends its answer. It is kept by the browser, sealed,
//! so that nobody who has not signed in can fill a table.

use axum::http::{HeaderMap, HeaderValue};
use engine::seal::Purpose as Seal;
use identity::secret::{NoRandom, hex, random, same};
use serde::{Deserialize, Serialize};

use sha2::{Digest as _, Sha256};

use super::qlik::Errand;
use crate::server::cookies;
use crate::server::state::Shared;

/// So many sign-ins are under way in one browser; the next one takes the oldest's place.
const SIDE_BY_SIDE: usize = 5;

/// What a sign-in is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// To begin a session.
    SignIn,
    /// To confirm who it is, for one plan.
    StepUp {
        /// The session, by the hash of its id, in hex.
        session: String,
        /// Whose it is, by their id among the portal's users.
        person: String,
        /// What the confirmation is kept by: it names the plan as it is.
        confirms: String,
    },
    /// To a tenant, not to the provider.
    Errand(Errand),
}

impl Purpose {
    fn word(&self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::StepUp { .. } => "step-up",
            Self::Errand(_) => "tenant",
        }
    }
}

/// A sign-in that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// Comes back with the code.
    pub state: String,
    /// Comes back in the token.
    pub nonce: String,
    /// Proves that it was us who asked.
    pub verifier: String,
    /// Where the provider sends people back to.
    pub redirect_uri: String,
    /// Where to go then: a path of this portal.
    pub back: String,
    /// What it is for.
    pub purpose: Purpose,
    /// When it was begun, in milliseconds.
    pub at: i64,
}

/// Cookies need https but for loopback, where they lose their prefix.
fn prefix(state: &Shared) -> &'static str {
    if state.is_secure() { "__Host-quartermaster-login-" } else { "quartermaster-login-" }
}

fn name_of(state: &Shared, login_state: &str) -> String {
    let digest = Sha256::digest(login_state.as_bytes());
    format!("{}{}", prefix(state), hex(digest.get(..4).unwrap_or_default()))
}

impl Login {
    /// Begins a sign-in.
    pub fn begin(redirect_uri: String, back: String, purpose: Purpose, now: i64) -> Result<Self, NoRandom> {
        Ok(Self { state: random()?, nonce: random()?, verifier: random()?, redirect_uri, back, purpose, at: now })
    }

    fn context(name: &str, issuer: &str, purpose: &str) -> String {
        format!("{name}\u{1f}{issuer}\u{1f}{purpose}")
    }

    /// The `Set-Cookie` lines that keep it; older sign-ins of this browser make room.
    pub fn keep(&self, state: &Shared, issuer: &str, ttl_s: u32, headers: &HeaderMap) -> Vec<HeaderValue> {
        let name = name_of(state, &self.state);
        let plain = serde_json::to_vec(self).unwrap_or_default();
        let context = Self::context(&name, issuer, self.purpose.word());
        let Ok(sealed) = state.engine.sealer.seal_text(&plain, Seal::Login, &context) else { return Vec::new() };
        let mut lines = vec![line(state, &name, &sealed, ttl_s)];
        let mut others: Vec<(i64, String)> = cookies::all(headers)
            .filter(|(other, _)| other.starts_with(prefix(state)) && *other != name)
            // What does not open goes first.
            .map(|(other, value)| (Self::open(state, issuer, other, value).map_or(i64::MIN, |login| login.at), other.to_owned()))
            .collect();
        others.sort();
        let beyond = (others.len() + 1).saturating_sub(SIDE_BY_SIDE);
        lines.extend(others.into_iter().take(beyond).map(|(_, other)| line(state, &other, "", 0)));
        lines.into_iter().flatten().collect()
    }

    fn open(state: &Shared, issuer: &str, name: &str, value: &str) -> Option<Self> {
        ["sign-in", "step-up", "tenant"].into_iter().find_map(|purpose| {
            let context = Self::context(name, issuer, purpose);
            let plain = state.engine.sealer.open_text(value, Seal::Login, &context).ok()?;
            serde_json::from_slice::<Self>(&plain).ok().filter(|login| login.purpose.word() == purpose)
        })
    }

    /// The sign-in that an answer belongs to: begun in this browser, at this issuer; and the line that removes its cookie.
    pub fn of(state: &Shared, issuer: &str, login_state: &str, headers: &HeaderMap) -> Option<(Self, Option<HeaderValue>)> {
        let name = name_of(state, login_state);
        let login = Self::open(state, issuer, &name, cookies::value(headers, &name)?)?;
        same(&login.state, login_state).then(|| (login, line(state, &name, "", 0)))
    }
}

fn line(state: &Shared, name: &str, value: &str, age_s: u32) -> Option<HeaderValue> {
    let secure = if state.is_secure() { "; Secure" } else { "" };
    HeaderValue::from_str(&format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age_s}{secure}")).ok()
}
