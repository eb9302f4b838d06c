//! Seals credentials: XChaCha20-Poly1305 under a data key that is itself wrapped.
//!
//! A session's data key is wrapped under the master key *and* the session's secret, so the database and the master key
//! together open nothing. A job's grant is wrapped under the master key alone, so that a job outlives its session.

mod ring;

use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use rand::TryRngCore;
use rand::rngs::OsRng;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use zeroize::Zeroizing;

pub use ring::{Ring, Wrong, weak_key};

const NONCE: usize = 24;
const KEY: usize = 32;

/// What the data key is wrapped for.
#[derive(Debug, Clone, Copy)]
pub enum Purpose<'a> {
    /// A session; the secret is the session's id, which only the cookie holds.
    Session {
        /// The id's bytes.
        secret: &'a [u8],
    },
    /// A job's grant.
    Grant,
    /// What a browser keeps for us while somebody signs in.
    Login,
    /// What is shown to the provider when somebody signs out.
    Hint {
        /// The session id's bytes.
        secret: &'a [u8],
    },
}

/// A sealed secret.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// The secret under its data key.
    pub sealed: Vec<u8>,
    /// The data key, wrapped.
    pub wrapped_key: Vec<u8>,
}

/// Why something could not be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the credential cannot be opened: the key is another, or it was tampered with")]
pub struct SealError;

/// Where the ring is read from when it may have changed; nothing where it cannot be read now.
type Source = Box<dyn Fn() -> Option<Ring> + Send + Sync>;

/// An id that is not on the ring has it read again, at most this often.
const AGAIN: Duration = Duration::from_secs(1);

/// The master keys. What is sealed begins with the id of its key, which is bound to it as well.
pub struct Sealer {
    ring: RwLock<Ring>,
    source: Option<Source>,
    read_at: Mutex<Option<Instant>>,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

impl Sealer {
    /// Seals under this one master key.
    pub fn new(master: Vec<u8>) -> Self {
        Self { ring: RwLock::new(Ring::of(master)), source: None, read_at: Mutex::new(None) }
    }

    /// Seals under the active key of a ring, which is read again from `source` when something names a key that is not on it.
    pub fn on(ring: Ring, source: impl Fn() -> Option<Ring> + Send + Sync + 'static) -> Self {
        Self { ring: RwLock::new(ring), source: Some(Box::new(source)), read_at: Mutex::new(None) }
    }

    /// A master key for this process only.
    pub fn ephemeral() -> Result<Self, SealError> {
        Ok(Self::new(random(KEY)?.to_vec()))
    }

    /// Random bytes for a new master key.
    pub fn new_master_key() -> Result<Zeroizing<Vec<u8>>, SealError> {
        random(KEY)
    }

    /// Reads the ring again. Returns the id of the key that seals now; nothing where it could not be read, and the old one stays.
    pub fn reload(&self) -> Option<String> {
        let ring = self.source.as_ref()?()?;
        let active = ring.active().to_owned();
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        Some(active)
    }

    /// The id of the key that seals.
    pub fn active(&self) -> String {
        self.with_ring(|ring| ring.active().to_owned())
    }

    fn with_ring<T>(&self, with: impl FnOnce(&Ring) -> T) -> T {
        with(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the ring again for an id that is not on it: another server may have been told of a new key first.
    fn look_for(&self, id: &str) {
        let mut read_at = self.read_at.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.with_ring(|ring| ring.key(id).is_some());
        if !known && read_at.is_none_or(|at| at.elapsed() >= AGAIN) {
            *read_at = Some(Instant::now());
            self.reload();
        }
    }

    /// Under the active key: its id, then what it sealed.
    fn wrap(&self, plain: &[u8], purpose: Purpose<'_>, context: &str) -> Result<Vec<u8>, SealError> {
        self.with_ring(|ring| {
            let id = ring.active();
            let key = wrapping_key(ring.key(id).ok_or(SealError)?, purpose)?;
            let sealed = encrypt(key.as_ref(), plain, &bound(id, context))?;
            let length = u8::try_from(id.len()).map_err(|_| SealError)?;
            Ok([&[length], id.as_bytes(), &sealed].concat())
        })
    }

    fn unwrap(&self, wrapped: &[u8], purpose: Purpose<'_>, context: &str) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (id, sealed) = split(wrapped).ok_or(SealError)?;
        if self.with_ring(|ring| ring.key(id).is_none()) {
            self.look_for(id);
        }
        self.with_ring(|ring| {
            let key = wrapping_key(ring.key(id).ok_or(SealError)?, purpose)?;
            decrypt(key.as_ref(), sealed, &bound(id, context))
        })
    }

    /// Seals `secret`; `context` (the tenant or job) must be the same when it is opened.
    pub fn seal(&self, secret: &SecretString, purpose: Purpose<'_>, context: &str) -> Result<Sealed, SealError> {
        let data_key = random(KEY)?;
        Ok(Sealed {
            sealed: encrypt(&data_key, secret.expose_secret().as_bytes(), context)?,
            wrapped_key: self.wrap(&data_key, purpose, context)?,
        })
    }

    /// Wraps a data key again under the active master key. Nothing where it is already.
    pub fn rewrap(&self, wrapped_key: &[u8], purpose: Purpose<'_>, context: &str) -> Result<Option<Vec<u8>>, SealError> {
        if key_of(wrapped_key).is_some_and(|id| id == self.active()) {
            return Ok(None);
        }
        let data_key = self.unwrap(wrapped_key, purpose, context)?;
        self.wrap(&data_key, purpose, context).map(Some)
    }

    /// Seals something short into text for cookies and the like (base64url), without a data key of its own.
    pub fn seal_text(&self, plain: &[u8], purpose: Purpose<'_>, context: &str) -> Result<String, SealError> {
        Ok(URL_SAFE_NO_PAD.encode(self.wrap(plain, purpose, context)?))
    }

    /// Opens what was sealed into text for the same purpose and context.
    pub fn open_text(&self, sealed: &str, purpose: Purpose<'_>, context: &str) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let sealed = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| SealError)?;
        self.unwrap(&sealed, purpose, context)
    }

    /// Opens what was sealed for the same purpose and context.
    pub fn open(
        &self,
        sealed: &[u8],
        wrapped_key: &[u8],
        purpose: Purpose<'_>,
        context: &str,
    ) -> Result<SecretString, SealError> {
        let data_key = self.unwrap(wrapped_key, purpose, context)?;
        let secret = decrypt(&data_key, sealed, context)?;
        let text = std::str::from_utf8(&secret).map_err(|_| SealError)?;
        Ok(SecretString::from(text))
    }
}

/// The id of the master key that a data key is wrapped under; nothing where it names none.
pub fn key_of(wrapped_key: &[u8]) -> Option<&str> {
    split(wrapped_key).map(|(id, _)| id)
}

fn split(wrapped: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = wrapped.split_first()?;
    let (id, sealed) = rest.split_at_checked(usize::from(*length))?;
    std::str::from_utf8(id).ok().map(|id| (id, sealed))
}

/// What a sealed value is bound to: its key's id and its context.
fn bound(id: &str, context: &str) -> String {
    format!("{id}\n{context}")
}

fn wrapping_key(master: &[u8], purpose: Purpose<'_>) -> Result<Zeroizing<[u8; KEY]>, SealError> {
    let (salt, info): (&[u8], &[u8]) = match purpose {
        Purpose::Session { secret } => (secret, b"quartermaster session credential 1"),
        Purpose::Grant => (&[], b"quartermaster job grant 1"),
        Purpose::Login => (&[], b"login cookie 1"),
        Purpose::Hint { secret } => (secret, b"quartermaster sign-out hint 1"),
    };
    let mut key = Zeroizing::new([0; KEY]);
    Hkdf::<Sha256>::new(Some(salt), master).expand(info, key.as_mut()).map_err(|_| SealError)?;
    Ok(key)
}

fn random(n: usize) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let mut bytes = Zeroizing::new(vec![0; n]);
    OsRng.try_fill_bytes(&mut bytes).map_err(|_| SealError)?;
    Ok(bytes)
}

fn encrypt(key: &[u8], plain: &[u8], context: &str) -> Result<Vec<u8>, SealError> {
    let nonce = random(NONCE)?;
    let cipher = XChaCha20Poly1305::new_from_slice(key).map_err(|_| SealError)?;
    let payload = Payload { msg: plain, aad: context.as_bytes() };
    let sealed = cipher.encrypt(XNonce::from_slice(&nonce), payload).map_err(|_| SealError)?;
    Ok([nonce.as_slice(), &sealed].concat())
}

fn decrypt(key: &[u8], sealed: &[u8], context: &str) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let (nonce, sealed) = sealed.split_at_checked(NONCE).ok_or(SealError)?;
    let cipher = XChaCha20Poly1305::new_from_slice(key).map_err(|_| SealError)?;
    let payload = Payload { msg: sealed, aad: context.as_bytes() };
    cipher.decrypt(XNonce::from_slice(nonce), payload).map(Zeroizing::new).map_err(|_| SealError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_session_opens_it() {
        let sealer = Sealer::new(vec![7; 32]);
        let secret = SecretString::from("canary");
        let session = Purpose::Session { secret: b"the cookie" };
        let sealed = sealer.seal(&secret, session, "meridian").unwrap();
        assert!(!sealed.sealed.windows(6).any(|window| window == b"canary"));
        let open = |sealer: &Sealer, purpose, context| {
            sealer.open(&sealed.sealed, &sealed.wrapped_key, purpose, context).map(|secret| secret.expose_secret().to_owned())
        };
        assert_eq!(open(&sealer, session, "meridian").as_deref(), Ok("canary"));
        assert_eq!(open(&sealer, session, "other"), Err(SealError));
        assert_eq!(open(&sealer, Purpose::Session { secret: b"another" }, "meridian"), Err(SealError));
        // The master key alone, as somebody has who stole it with the database, does not open a session's credential.
        assert_eq!(open(&sealer, Purpose::Grant, "meridian"), Err(SealError));
        assert_eq!(open(&Sealer::new(vec![8; 32]), session, "meridian"), Err(SealError));
    }

    #[test]
    fn a_sealed_text_opens_for_its_purpose_and_context_only() {
        let sealer = Sealer::new(vec![7; 32]);
        let text = sealer.seal_text(b"canary", Purpose::Login, "a").unwrap();
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
        assert_eq!(sealer.open_text(&text, Purpose::Login, "a").unwrap().as_slice(), b"canary");
        for (purpose, context) in [(Purpose::Login, "b"), (Purpose::Grant, "a"), (Purpose::Hint { secret: b"" }, "a")] {
            assert!(sealer.open_text(&text, purpose, context).is_err());
        }
        assert!(sealer.open_text("!", Purpose::Login, "a").is_err());
    }

    #[test]
    fn what_an_old_key_sealed_opens_and_a_new_key_seals() {
        use std::sync::{Arc, Mutex};
        let key = |first: u8| (first..first + 32).collect::<Vec<u8>>();
        let file = Arc::new(Mutex::new(Ring::of(key(0)).write()));
        let read = |file: &Mutex<Zeroizing<String>>| Ring::read(file.lock().unwrap().as_bytes()).ok();
        let server = || {
            let file = file.clone();
            Sealer::on(read(&file).unwrap(), move || read(&file))
        };
        let (first, second) = (server(), server());
        let secret = SecretString::from("canary");
        let old = first.seal(&secret, Purpose::Grant, "job").unwrap();
        assert_eq!(key_of(&old.wrapped_key), Some("k0"));
        let next = read(&file).unwrap().with(key(1), "now").write();
        *file.lock().unwrap() = next;
        assert_eq!(first.reload().as_deref(), Some("k1"));
        // The other server was not told, and meets the new key.
        let new = first.seal(&secret, Purpose::Grant, "job").unwrap();
        assert_eq!((key_of(&new.wrapped_key), second.active().as_str()), (Some("k1"), "k0"));
        assert!(second.open(&new.sealed, &new.wrapped_key, Purpose::Grant, "job").is_ok());
        // Wrapped anew, the old one needs the old key no more; the id is bound to it.
        let rewrapped = first.rewrap(&old.wrapped_key, Purpose::Grant, "job").unwrap().unwrap();
        assert!(first.rewrap(&rewrapped, Purpose::Grant, "job").unwrap().is_none());
        let next = read(&file).unwrap().without("k0").unwrap().write();
        *file.lock().unwrap() = next;
        first.reload();
        assert!(first.open(&old.sealed, &rewrapped, Purpose::Grant, "job").is_ok());
        assert!(first.open(&old.sealed, &old.wrapped_key, Purpose::Grant, "job").is_err());
        let mut forged = rewrapped;
        forged[2] = b'9';
        assert!(first.open(&old.sealed, &forged, Purpose::Grant, "job").is_err());
    }
}
