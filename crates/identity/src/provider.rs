//! An OpenID provider: what it says of itself, its keys, and the exchange of a code for somebody's ID token.

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use url::Url;

use crate::fetch::{Fetcher, is_safe};
use crate::json;
use crate::keys::{Algorithm, Found, KeySet};
use crate::reason::{Reason, Trouble};
use crate::secret::challenge;
use crate::token::{Claims, Expected, Purpose, Token};

/// What the provider says is kept so long, in milliseconds.
const FRESH_MS: i64 = 60 * 60 * 1_000;
/// While the provider is away, what it said last serves for so long, in milliseconds.
const STALE_MS: i64 = 24 * FRESH_MS;
/// A failure is remembered for so long, in milliseconds.
const FAILED_MS: i64 = 5_000;
/// Tokens of unknown keys lead to so many readings of the keys in a row, and then to one in [`PAUSE_MS`].
const IN_A_ROW: u32 = 2;
/// In milliseconds.
const PAUSE_MS: i64 = 10_000;
/// Of a provider's own word for what went wrong, in characters.
const WORD: usize = 200;

/// How the portal proves itself where it exchanges codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    /// In a header.
    Basic,
    /// In the form.
    Post,
    /// Not at all: a public client.
    None,
}

/// Where keys are, for whoever signs and describes nothing of itself: a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeysAt {
    /// At this address.
    Url(Url),
    /// In this file, which is read anew as keys at an address are.
    File(std::path::PathBuf),
}

/// How a provider is used.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its name, byte for byte, and where it is.
    pub issuer: String,
    /// The portal's name there.
    pub client_id: String,
    /// The portal's secret there.
    pub client_secret: Option<SecretString>,
    /// How the secret is sent.
    pub client_auth: ClientAuth,
    /// How tokens may be signed.
    pub algorithms: Vec<Algorithm>,
    /// How far clocks may differ, in seconds.
    pub skew_s: i64,
}

/// What a provider says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// Where people sign in.
    pub authorization: Url,
    token: Url,
    keys: Url,
    userinfo: Option<Url>,
    /// Where people sign out.
    pub end_session: Option<Url>,
    /// Its answers name it (RFC 9207).
    pub names_itself: bool,
}

/// What a sign-in asks of the provider.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Where to come back to.
    pub redirect_uri: &'a str,
    /// What to tell, separated by blanks.
    pub scope: &'a str,
    /// Comes back with the code.
    pub state: &'a str,
    /// Comes back in the token.
    pub nonce: &'a str,
    /// Proves at the exchange that it was us who asked.
    pub verifier: &'a str,
    /// Asks for the password again, whatever the provider remembers.
    pub again: bool,
}

/// What a code was exchanged for.
#[derive(Debug)]
pub struct Tokens {
    /// Who signed in.
    pub id: SecretString,
    /// Reads more about them.
    pub access: Option<SecretString>,
}

/// Something that was fetched, and when.
#[derive(Debug)]
struct Kept<T> {
    value: Option<(Arc<T>, i64)>,
    /// When fetching failed last, and why.
    failed: Option<(i64, String)>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { value: None, failed: None }
    }
}

impl<T> Kept<T> {
    fn within(&self, age_ms: i64, now_ms: i64) -> Option<Arc<T>> {
        self.value.as_ref().filter(|(_, at)| now_ms - at < age_ms).map(|(value, _)| value.clone())
    }

    /// Why it cannot be had, where that was tried just now.
    fn failed_just_now(&self, now_ms: i64) -> Option<String> {
        self.failed.as_ref().filter(|(at, _)| now_ms - at < FAILED_MS).map(|(_, why)| why.clone())
    }

    fn take(&mut self, got: Result<T, String>, now_ms: i64) -> Result<Arc<T>, String> {
        match got {
            Ok(value) => {
                let value = Arc::new(value);
                self.value = Some((value.clone(), now_ms));
                self.failed = None;
                Ok(value)
            }
            Err(why) => {
                self.failed = Some((now_ms, why.clone()));
                Err(why)
            }
        }
    }
}

#[derive(Debug, Default)]
struct Keys {
    kept: Kept<KeySet>,
    /// So many readings in a row were for tokens of unknown keys, and found none; when the last was.
    in_vain: u32,
    last: i64,
}

/// A provider.
#[derive(Debug)]
pub struct Provider {
    settings: Settings,
    /// Where its keys are, where it does not say so itself.
    keys_at: Option<KeysAt>,
    fetcher: Fetcher,
    metadata: Mutex<Kept<Metadata>>,
    keys: Mutex<Keys>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    id_token: SecretString,
    #[serde(default)]
    access_token: Option<SecretString>,
    token_type: String,
}

impl Provider {
    /// A provider; nothing is asked of it yet.
    pub fn new(settings: Settings) -> Result<Self, String> {
        let local = Url::parse(&settings.issuer).is_ok_and(|url| url.scheme() == "http");
        Ok(Self { fetcher: Fetcher::new(local)?, settings, keys_at: None, metadata: Mutex::default(), keys: Mutex::default() })
    }

    /// Somebody who signs assertions and is asked for nothing but keys.
    pub fn of_assertions(settings: Settings, keys_at: KeysAt) -> Result<Self, String> {
        let local = match &keys_at {
            KeysAt::Url(url) if !is_safe(url) => return Err("its keys are not at an https address".to_owned()),
            KeysAt::Url(url) => url.scheme() == "http",
            KeysAt::File(_) => false,
        };
        Ok(Self { fetcher: Fetcher::new(local)?, keys_at: Some(keys_at), ..Self::new(settings)? })
    }

    /// How it is used.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What it says of itself.
    pub async fn metadata(&self, now_ms: i64) -> Result<Arc<Metadata>, Trouble> {
        // Held while it is fetched: whoever comes meanwhile waits for the same answer.
        let mut kept = self.metadata.lock().await;
        if let Some(fresh) = kept.within(FRESH_MS, now_ms) {
            return Ok(fresh);
        }
        let got = match kept.failed_just_now(now_ms) {
            Some(why) => Err(why),
            None => {
                let got = self.discover().await;
                kept.take(got, now_ms)
            }
        };
        got.or_else(|why| kept.within(STALE_MS, now_ms).ok_or(Trouble::Unreachable(Reason::Discovery, why)))
    }

    async fn discover(&self) -> Result<Metadata, String> {
        let address = format!("{}/.well-known/openid-configuration", self.settings.issuer.trim_end_matches('/'));
        let address = Url::parse(&address).map_err(|_| "the issuer is not an address".to_owned())?;
        let answer = self.fetcher.get(&address, None).await?;
        if answer.status != 200 {
            return Err(format!("its description was answered with {}", answer.status));
        }
        let said = json::object(&answer.body).ok_or("its description is not JSON, or a key in it is doubled")?;
        if said.get("issuer").and_then(Value::as_str) != Some(self.settings.issuer.as_str()) {
            return Err("its description names another issuer".to_owned());
        }
        let endpoint = |name: &str| -> Result<Option<Url>, String> {
            let Some(text) = said.get(name).and_then(Value::as_str) else { return Ok(None) };
            let url = Url::parse(text).ok().filter(is_safe);
            url.map(Some).ok_or_else(|| format!("its {name} is not an https address"))
        };
        let must = |name: &str| endpoint(name)?.ok_or_else(|| format!("its description lacks {name}"));
        Ok(Metadata {
            authorization: must("authorization_endpoint")?,
            token: must("token_endpoint")?,
            keys: must("jwks_uri")?,
            userinfo: endpoint("userinfo_endpoint")?,
            end_session: endpoint("end_session_endpoint")?,
            names_itself: said.get("authorization_response_iss_parameter_supported") == Some(&Value::Bool(true)),
        })
    }

    /// Where to send somebody who signs in.
    pub async fn sign_in(&self, ask: &Ask<'_>, now_ms: i64) -> Result<Url, Trouble> {
        let mut url = self.metadata(now_ms).await?.authorization.clone();
        {
            let mut pairs = url.query_pairs_mut();
            pairs
                .append_pair("response_type", "code")
                .append_pair("client_id", &self.settings.client_id)
                .append_pair("redirect_uri", ask.redirect_uri)
                .append_pair("scope", ask.scope)
                .append_pair("state", ask.state)
                .append_pair("nonce", ask.nonce)
                .append_pair("code_challenge", &challenge(ask.verifier))
                .append_pair("code_challenge_method", "S256");
            if ask.again {
                pairs.append_pair("max_age", "0").append_pair("prompt", "login");
            }
        }
        Ok(url)
    }

    /// Exchanges a code, once: a second try could be taken for theft.
    pub async fn exchange(&self, code: &str, verifier: &str, redirect_uri: &str, now_ms: i64) -> Result<Tokens, Trouble> {
        let metadata = self.metadata(now_ms).await?;
        let Settings { client_id, client_secret, client_auth, .. } = &self.settings;
        let secret = client_secret.as_ref().map(SecretString::expose_secret);
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier),
        ];
        let basic = match (client_auth, secret) {
            (ClientAuth::Basic, Some(secret)) => Some((client_id.as_str(), secret)),
            (ClientAuth::Post, Some(secret)) => {
                pairs.extend([("client_id", client_id.as_str()), ("client_secret", secret)]);
                None
            }
            _ => {
                pairs.push(("client_id", client_id.as_str()));
                None
            }
        };
        let unreachable = |why: String| Trouble::Unreachable(Reason::TokenEndpoint, why);
        let answer = self.fetcher.post(&metadata.token, &pairs, basic).await.map_err(unreachable)?;
        match answer.status {
            200 => {}
            400..=499 => return Err(Trouble::Provider(own_word(&answer.body))),
            status => return Err(unreachable(format!("the token endpoint answered {status}"))),
        }
        let refused = Trouble::Refused(Reason::TokenEndpoint);
        let answer: TokenAnswer = serde_json::from_slice(&answer.body).map_err(|_| refused.clone())?;
        if !answer.token_type.eq_ignore_ascii_case("bearer") {
            return Err(refused);
        }
        Ok(Tokens { id: answer.id_token, access: answer.access_token })
    }

    /// What more the provider says of somebody; nothing of anybody else counts.
    pub async fn more(&self, access: &SecretString, subject: &str, now_ms: i64) -> Result<Map<String, Value>, Trouble> {
        let metadata = self.metadata(now_ms).await?;
        let unreachable = |why: String| Trouble::Unreachable(Reason::TokenEndpoint, why);
        let url = metadata.userinfo.as_ref().ok_or_else(|| unreachable("its description lacks userinfo_endpoint".to_owned()))?;
        let answer = self.fetcher.get(url, Some(access.expose_secret())).await.map_err(unreachable)?;
        if answer.status != 200 {
            return Err(unreachable(format!("what it says of people was answered with {}", answer.status)));
        }
        let said = json::object(&answer.body).ok_or(Trouble::Refused(Reason::Malformed))?;
        if said.get("sub").and_then(Value::as_str) == Some(subject) { Ok(said) } else { Err(Reason::Subject.into()) }
    }

    /// What a token says, if it is this provider's and for this portal.
    pub async fn verify(&self, token: &str, purpose: Purpose<'_>, now_ms: i64) -> Result<Claims, Trouble> {
        let Settings { issuer, client_id, algorithms, skew_s, .. } = &self.settings;
        let expected = Expected { issuer, audience: client_id, algorithms, skew_s: *skew_s, purpose };
        let token = Token::read(token, &expected)?;
        let now_s = now_ms.div_euclid(1_000);
        let keys = self.keys(now_ms).await?;
        if let Found::Keys(keys) = keys.find(token.key_id.as_deref(), token.algorithm)? {
            return Ok(token.verify(&keys, &expected, now_s)?);
        }
        // Perhaps signed with a key that is newer than what is known.
        let keys = self.newer_keys(&keys, now_ms).await?;
        match keys.find(token.key_id.as_deref(), token.algorithm)? {
            Found::Keys(found) => {
                self.keys.lock().await.in_vain = 0;
                Ok(token.verify(&found, &expected, now_s)?)
            }
            Found::Unknown => Err(Reason::Key.into()),
        }
    }

    async fn keys(&self, now_ms: i64) -> Result<Arc<KeySet>, Trouble> {
        let mut keys = self.keys.lock().await;
        if let Some(fresh) = keys.kept.within(FRESH_MS, now_ms) {
            return Ok(fresh);
        }
        let got = match keys.kept.failed_just_now(now_ms) {
            Some(why) => Err(why),
            None => {
                let got = self.read_keys(now_ms).await;
                keys.kept.take(got, now_ms)
            }
        };
        got.or_else(|why| keys.kept.within(STALE_MS, now_ms).ok_or(Trouble::Unreachable(Reason::Jwks, why)))
    }

    /// Keys that were read after `seen` were; `seen` again where that may not be tried so soon.
    async fn newer_keys(&self, seen: &Arc<KeySet>, now_ms: i64) -> Result<Arc<KeySet>, Trouble> {
        let mut keys = self.keys.lock().await;
        // Somebody else was faster.
        if let Some(newest) = keys.kept.within(FRESH_MS, now_ms).filter(|newest| !Arc::ptr_eq(newest, seen)) {
            return Ok(newest);
        }
        if keys.in_vain >= IN_A_ROW && now_ms - keys.last < PAUSE_MS {
            return Ok(seen.clone());
        }
        (keys.in_vain, keys.last) = (keys.in_vain + 1, now_ms);
        let got = self.read_keys(now_ms).await;
        keys.kept.take(got, now_ms).map_err(|why| Trouble::Unreachable(Reason::Jwks, why))
    }

    async fn read_keys(&self, now_ms: i64) -> Result<KeySet, String> {
        let url = match &self.keys_at {
            Some(KeysAt::File(file)) => {
                let bytes = tokio::fs::read(file).await.map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
                return KeySet::parse(&bytes).map_err(|_| format!("{} is no key set", file.display()));
            }
            Some(KeysAt::Url(url)) => url.clone(),
            None => self.metadata(now_ms).await.map_err(|trouble| trouble.to_string())?.keys.clone(),
        };
        let answer = self.fetcher.get(&url, None).await?;
        if answer.status != 200 {
            return Err(format!("its keys were answered with {}", answer.status));
        }
        KeySet::parse(&answer.body).map_err(|_| "its keys are no key set".to_owned())
    }
}

/// The provider's own word for an error, as text.
fn own_word(body: &[u8]) -> String {
    let said = json::object(body);
    let word = said.as_ref().and_then(|said| said.get("error")).and_then(Value::as_str).unwrap_or("no reason given");
    word.chars().filter(|c| !c.is_control()).take(WORD).collect()
}
