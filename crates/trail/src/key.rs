//! The audit key: signs checkpoints, and vouches for where a trail ends.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::hmac;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use crate::chain::Hash;

/// The audit key. Whoever has it can forge a trail.
pub struct Key {
    pair: Ed25519KeyPair,
    heads: hmac::Key,
}

/// Why no key was made of what a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no audit key can be made of it")]
pub struct NoKey;

struct Bytes32;

impl KeyType for Bytes32 {
    fn len(&self) -> usize {
        32
    }
}

fn derived(secret: &[u8], info: &[u8]) -> Result<[u8; 32], NoKey> {
    let mut key = [0; 32];
    let parts = [info];
    let prk = Salt::new(HKDF_SHA256, &[]).extract(secret);
    prk.expand(&parts, Bytes32).and_then(|okm| okm.fill(&mut key)).map_err(|_| NoKey)?;
    Ok(key)
}

impl Key {
    /// From what its file holds: at least 32 random bytes.
    pub fn of(secret: &[u8]) -> Result<Self, NoKey> {
        if secret.len() < 32 {
            return Err(NoKey);
        }
        let pair =
            Ed25519KeyPair::from_seed_unchecked(&derived(secret, b"quartermaster audit checkpoint 1")?).map_err(|_| NoKey)?;
        let heads = hmac::Key::new(hmac::HMAC_SHA256, &derived(secret, b"quartermaster audit head 1")?);
        Ok(Self { pair, heads })
    }

    /// What signatures are checked with.
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.pair.public_key().as_ref());
        PublicKey(bytes)
    }

    /// A signature over a text (base64url).
    pub fn sign(&self, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.pair.sign(text.as_bytes()))
    }

    /// Vouches for the end of a tenant's trail.
    pub fn vouch(&self, tenant: &str, end: &Ending) -> Vec<u8> {
        hmac::sign(&self.heads, &end.vouched_text(tenant)).as_ref().to_vec()
    }

    /// Whether this key vouched for it.
    pub fn vouched(&self, tenant: &str, end: &Ending, mac: &[u8]) -> bool {
        hmac::verify(&self.heads, &end.vouched_text(tenant), mac).is_ok()
    }
}

/// Where a tenant's trail ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// The last place.
    pub seq: i64,
    /// The hash there.
    pub hash: Hash,
    /// How many checkpoints were signed, and the hash of the last one's text, if any. Nothing for an end that was written before ends
    /// told it.
    pub signed: Option<(i64, Option<Hash>)>,
}

impl Ending {
    fn vouched_text(&self, tenant: &str) -> Vec<u8> {
        let Self { seq, hash, signed } = self;
        let (form, signed) = match signed {
            None => (b"qm-head-1".as_slice(), Vec::new()),
            Some((n, last)) => {
                (b"qm-head-2".as_slice(), [n.to_be_bytes().as_slice(), last.as_ref().map_or(&[], Hash::bytes)].concat())
            }
        };
        // Whether there is a last one follows from how many there are: the length is never in doubt.
        [form, &seq.to_be_bytes(), hash.bytes(), &signed, tenant.as_bytes()].concat()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

/// What signatures are checked with: 32 bytes, base64url outside.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// From its text.
    pub fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text.trim()).ok()?.try_into().ok().map(Self)
    }

    /// Whether the key behind it signed this.
    pub fn signed(&self, text: &str, signature: &str) -> bool {
        let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else { return false };
        UnparsedPublicKey::new(&ED25519, &self.0).verify(text.as_bytes(), &signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_signs_and_vouches_and_another_does_not() {
        let (key, other) = (Key::of(&[7; 32]).unwrap(), Key::of(&[8; 32]).unwrap());
        let signature = key.sign("text");
        assert!(key.public().signed("text", &signature));
        assert!(!key.public().signed("Text", &signature) && !other.public().signed("text", &signature));
        assert!(!key.public().signed("text", "!"));
        let hash = Hash::genesis("t");
        let end = Ending { seq: 3, hash, signed: Some((1, Some(hash))) };
        let mac = key.vouch("t", &end);
        assert!(key.vouched("t", &end, &mac));
        let others = [
            Ending { seq: 2, ..end },
            Ending { signed: Some((2, Some(hash))), ..end },
            Ending { signed: Some((0, None)), ..end },
            Ending { signed: None, ..end },
        ];
        assert!(others.iter().all(|other| !key.vouched("t", other, &mac)));
        assert!(!key.vouched("u", &end, &mac) && !other.vouched("t", &end, &mac));
        assert_eq!(PublicKey::parse(&key.public().to_string()), Some(key.public()));
        assert!(Key::of(&[7; 31]).is_err());
        assert_eq!(format!("{key:?}"), "Key");
    }
}
