//! The one verifier of signed tokens: ID tokens, logout tokens, and the assertions of proxies.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::json;
use crate::keys::{Algorithm, Key};
use crate::reason::Reason;
use crate::secret::same;

/// Larger than any token is, in bytes.
const MOST: usize = 64 * 1_024;
/// A logout token was made at most so long ago, in seconds.
const LOGOUT_AGE_S: i64 = 600;
/// An assertion is valid for at most so long, in seconds.
const ASSERTION_S: i64 = 86_400;
/// What a logout token tells of.
const LOGOUT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// An ID token of the sign-in with this nonce.
    Id {
        /// What was sent to the provider.
        nonce: &'a str,
        /// `max_age` was sent, so it must say when the person signed in.
        auth_time: bool,
    },
    /// A logout token.
    Logout,
    /// A proxy's assertion.
    Assertion,
}

/// What a token must say.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// Byte for byte.
    pub issuer: &'a str,
    /// Whom it is for: our client id, or our application at the proxy.
    pub audience: &'a str,
    /// How it may be signed.
    pub algorithms: &'a [Algorithm],
    /// How far clocks may differ, in seconds.
    pub skew_s: i64,
    /// What it is for.
    pub purpose: Purpose<'a>,
}

/// What a verified token says.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims {
    /// Whom it is about; only a logout token may name a session instead.
    pub subject: Option<String>,
    /// The session at the provider.
    pub sid: Option<String>,
    /// When the person signed in, in seconds.
    pub auth_time: Option<i64>,
    /// When it was made, in seconds.
    pub issued_at: i64,
    /// Until when it is valid, in seconds.
    pub expires: i64,
    /// Its own id.
    pub id: Option<String>,
    /// Everything.
    pub all: Map<String, Value>,
}

/// A token whose form was read and whose signature was not.
#[derive(Debug)]
pub struct Token<'a> {
    /// How it says that it is signed: one of those allowed.
    pub algorithm: Algorithm,
    /// Which key it says that it is signed with.
    pub key_id: Option<String>,
    signed: &'a str,
    signature: Vec<u8>,
    payload: &'a str,
}

impl<'a> Token<'a> {
    /// Reads the form of a token. What its header says of keys (`jwk`, `jku`, `x5c`, `x5u`) counts for nothing.
    pub fn read(text: &'a str, expected: &Expected<'_>) -> Result<Self, Reason> {
        if text.len() > MOST {
            return Err(Reason::TooLarge);
        }
        let mut parts = text.split('.');
        let (Some(header), Some(payload), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Reason::Malformed);
        };
        let signed = text.get(..header.len() + 1 + payload.len()).ok_or(Reason::Malformed)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Reason::Malformed);
        let header = json::object(&decode(header)?).ok_or(Reason::Malformed)?;
        let algorithm = header.get("alg").and_then(Value::as_str).and_then(Algorithm::parse).ok_or(Reason::Alg)?;
        if !expected.algorithms.contains(&algorithm) {
            return Err(Reason::Alg);
        }
        // What must be understood to read it is not understood here.
        if header.contains_key("crit") {
            return Err(Reason::Malformed);
        }
        let kind = match header.get("typ") {
            None => None,
            Some(Value::String(kind)) => Some(kind.as_str()),
            Some(_) => return Err(Reason::Typ),
        };
        let fits = match kind {
            None => true,
            Some(kind) if kind.eq_ignore_ascii_case("JWT") => true,
            Some(kind) => expected.purpose == Purpose::Logout && kind.eq_ignore_ascii_case("logout+jwt"),
        };
        if !fits {
            return Err(Reason::Typ);
        }
        let key_id = match header.get("kid") {
            None => None,
            Some(Value::String(id)) => Some(id.clone()),
            Some(_) => return Err(Reason::Key),
        };
        Ok(Self { algorithm, key_id, signed, signature: decode(signature)?, payload })
    }

    /// What it says, if one of `keys` signed it and it says what it must. `now_s` is the time in seconds since 1970.
    pub fn verify(&self, keys: &[&Key], expected: &Expected<'_>, now_s: i64) -> Result<Claims, Reason> {
        if !keys.iter().any(|key| key.verifies(self.algorithm, self.signed.as_bytes(), &self.signature)) {
            return Err(Reason::Signature);
        }
        let payload = URL_SAFE_NO_PAD.decode(self.payload).map_err(|_| Reason::Malformed)?;
        let all = json::object(&payload).ok_or(Reason::Malformed)?;
        check(all, expected, now_s)
    }
}

/// A text of 1 to 255 characters without controls.
fn name(value: Option<&Value>) -> Result<Option<String>, Reason> {
    match value {
        None => Ok(None),
        Some(Value::String(text)) if is_name(text) => Ok(Some(text.clone())),
        Some(_) => Err(Reason::Subject),
    }
}

/// Whether a text can name somebody: 1 to 255 characters, none of them a control.
pub fn is_name(text: &str) -> bool {
    (1..=255).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// A whole number, if it is there.
fn seconds(all: &Map<String, Value>, key: &str, wrong: Reason) -> Result<Option<i64>, Reason> {
    all.get(key).map(|value| value.as_i64().ok_or(wrong)).transpose()
}

fn check(all: Map<String, Value>, expected: &Expected<'_>, now_s: i64) -> Result<Claims, Reason> {
    if all.get("iss").and_then(Value::as_str) != Some(expected.issuer) {
        return Err(Reason::Issuer);
    }
    let several = match all.get("aud") {
        Some(Value::String(one)) if one == expected.audience => false,
        Some(Value::Array(list)) => {
            let texts: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
            let texts = texts.ok_or(Reason::Audience)?;
            if !texts.contains(&expected.audience) {
                return Err(Reason::Audience);
            }
            texts.len() > 1
        }
        _ => return Err(Reason::Audience),
    };
    match all.get("azp") {
        None if several => return Err(Reason::Azp),
        None => {}
        Some(azp) if azp.as_str() == Some(expected.audience) => {}
        Some(_) => return Err(Reason::Azp),
    }
    let expires = seconds(&all, "exp", Reason::Expired)?.ok_or(Reason::Expired)?;
    let issued_at = seconds(&all, "iat", Reason::IssuedAt)?.ok_or(Reason::IssuedAt)?;
    let not_before = seconds(&all, "nbf", Reason::NotYet)?;
    if expires <= now_s.saturating_sub(expected.skew_s) {
        return Err(Reason::Expired);
    }
    let latest = now_s.saturating_add(expected.skew_s);
    if issued_at > latest {
        return Err(Reason::IssuedAt);
    }
    if not_before.is_some_and(|from| from > latest) {
        return Err(Reason::NotYet);
    }
    let subject = name(all.get("sub"))?;
    let sid = name(all.get("sid"))?;
    let auth_time = seconds(&all, "auth_time", Reason::AuthTime)?;
    let id = name(all.get("jti")).map_err(|_| Reason::Malformed)?;
    match expected.purpose {
        Purpose::Id { nonce, auth_time: needed } => {
            // A list is not a nonce.
            if !all.get("nonce").and_then(Value::as_str).is_some_and(|given| same(given, nonce)) {
                return Err(Reason::Nonce);
            }
            if needed && auth_time.is_none() {
                return Err(Reason::AuthTime);
            }
        }
        Purpose::Logout => {
            let tells = all.get("events").and_then(Value::as_object).and_then(|events| events.get(LOGOUT));
            if !tells.is_some_and(Value::is_object) {
                return Err(Reason::Events);
            }
            if all.contains_key("nonce") {
                return Err(Reason::Nonce);
            }
            if issued_at < now_s.saturating_sub(LOGOUT_AGE_S) {
                return Err(Reason::IssuedAt);
            }
            // Without an id of its own nobody can tell whether it comes for the second time.
            if id.is_none() {
                return Err(Reason::Replay);
            }
            if subject.is_none() && sid.is_none() {
                return Err(Reason::Subject);
            }
        }
        Purpose::Assertion => {
            if expires.saturating_sub(issued_at) > ASSERTION_S {
                return Err(Reason::Expired);
            }
        }
    }
    if subject.is_none() && expected.purpose != Purpose::Logout {
        return Err(Reason::Subject);
    }
    Ok(Claims { subject, sid, auth_time, issued_at, expires, id, all })
}
