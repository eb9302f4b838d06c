//! Seals credentials: XChaCha20-Poly1305 under a data key that is itself wrapped.
//!
//! A session's data key is wrapped under the master key *and* the session's secret, so the database and the master key
//! together open nothing. A job's grant is wrapped under the master key alone, so that a job outlives its session.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use rand::TryRngCore;
use rand::rngs::OsRng;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use sha2::Sha256;
use zeroize::Zeroizing;

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

/// The master key.
pub struct Sealer {
    master: SecretSlice<u8>,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

impl Sealer {
    /// Seals under this master key.
    pub fn new(master: Vec<u8>) -> Self {
        Self { master: SecretSlice::from(master) }
    }

    /// A master key for this process only.
    pub fn ephemeral() -> Result<Self, SealError> {
        Ok(Self::new(random(KEY)?.to_vec()))
    }

    /// Random bytes for a new master key.
    pub fn new_master_key() -> Result<Zeroizing<Vec<u8>>, SealError> {
        random(KEY)
    }

    fn wrapping_key(&self, purpose: Purpose<'_>) -> Result<Zeroizing<[u8; KEY]>, SealError> {
        let (salt, info): (&[u8], &[u8]) = match purpose {
            Purpose::Session { secret } => (secret, b"quartermaster session credential 1"),
            Purpose::Grant => (&[], b"quartermaster job grant 1"),
            Purpose::Login => (&[], b"login cookie 1"),
            Purpose::Hint { secret } => (secret, b"quartermaster sign-out hint 1"),
        };
        let mut key = Zeroizing::new([0; KEY]);
        Hkdf::<Sha256>::new(Some(salt), self.master.expose_secret()).expand(info, key.as_mut()).map_err(|_| SealError)?;
        Ok(key)
    }

    /// Seals `secret`; `context` (the tenant or job) must be the same when it is opened.
    pub fn seal(&self, secret: &SecretString, purpose: Purpose<'_>, context: &str) -> Result<Sealed, SealError> {
        let data_key = random(KEY)?;
        Ok(Sealed {
            sealed: encrypt(&data_key, secret.expose_secret().as_bytes(), context)?,
            wrapped_key: encrypt(self.wrapping_key(purpose)?.as_ref(), &data_key, context)?,
        })
    }

    /// Seals something short into text for cookies and the like (base64url), without a data key of its own.
    pub fn seal_text(&self, plain: &[u8], purpose: Purpose<'_>, context: &str) -> Result<String, SealError> {
        Ok(URL_SAFE_NO_PAD.encode(encrypt(self.wrapping_key(purpose)?.as_ref(), plain, context)?))
    }

    /// Opens what was sealed into text for the same purpose and context.
    pub fn open_text(&self, sealed: &str, purpose: Purpose<'_>, context: &str) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let sealed = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| SealError)?;
        decrypt(self.wrapping_key(purpose)?.as_ref(), &sealed, context)
    }

    /// Opens what was sealed for the same purpose and context.
    pub fn open(
        &self,
        sealed: &[u8],
        wrapped_key: &[u8],
        purpose: Purpose<'_>,
        context: &str,
    ) -> Result<SecretString, SealError> {
        let data_key = decrypt(self.wrapping_key(purpose)?.as_ref(), wrapped_key, context)?;
        let secret = decrypt(&data_key, sealed, context)?;
        let text = std::str::from_utf8(&secret).map_err(|_| SealError)?;
        Ok(SecretString::from(text))
    }
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
}
