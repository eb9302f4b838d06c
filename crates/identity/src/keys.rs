//! The keys that tokens are signed with (RFC 7517), and the algorithms that verify with them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use serde_json::{Map, Value};

use crate::json;
use crate::reason::Reason;

/// More keys than this are no key set.
const MOST_KEYS: usize = 100;

/// A signature algorithm with a public key. There is no `none`, and no shared secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSA, PKCS #1 v1.5, SHA-256.
    Rs256,
    /// RSA, PKCS #1 v1.5, SHA-384.
    Rs384,
    /// RSA, PKCS #1 v1.5, SHA-512.
    Rs512,
    /// RSA, PSS, SHA-256.
    Ps256,
    /// RSA, PSS, SHA-384.
    Ps384,
    /// RSA, PSS, SHA-512.
    Ps512,
    /// ECDSA on P-256, SHA-256.
    Es256,
    /// ECDSA on P-384, SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 9] =
        [Self::Rs256, Self::Rs384, Self::Rs512, Self::Ps256, Self::Ps384, Self::Ps512, Self::Es256, Self::Es384, Self::EdDsa];

    /// Its name in tokens (RFC 7518).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }
}

/// The public part of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Public {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// A key of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    id: Option<String>,
    /// The one algorithm it is for, where it says so.
    only: Option<String>,
    public: Public,
}

/// Big-endian bytes without zeros before them.
fn trimmed(bytes: Vec<u8>) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.into_iter().skip(zeros).collect()
}

impl Key {
    /// Reads a key; nothing where it is of no use here: a shared secret, for encryption, or of an unknown kind.
    fn read(map: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| map.get(name).and_then(Value::as_str);
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
        if map.contains_key("use") && text("use") != Some("sig") {
            return None;
        }
        if let Some(operations) = map.get("key_ops")
            && !operations.as_array().is_some_and(|list| list.iter().any(|word| word == "verify"))
        {
            return None;
        }
        let point = |length: usize| {
            let (x, y) = (bytes("x")?, bytes("y")?);
            (x.len() == length && y.len() == length).then(|| [&[4][..], &x, &y].concat())
        };
        let public = match (text("kty")?, text("crv")) {
            ("RSA", _) => Public::Rsa { n: trimmed(bytes("n")?), e: trimmed(bytes("e")?) },
            ("EC", Some("P-256")) => Public::P256(point(32)?),
            ("EC", Some("P-384")) => Public::P384(point(48)?),
            ("OKP", Some("Ed25519")) => Public::Ed25519(bytes("x").filter(|x| x.len() == 32)?),
            _ => return None,
        };
        Some(Self { id: text("kid").map(ToOwned::to_owned), only: text("alg").map(ToOwned::to_owned), public })
    }

    /// Whether it can verify by this algorithm.
    fn fits(&self, algorithm: Algorithm) -> bool {
        use Algorithm::{EdDsa, Es256, Es384, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
        let kind = match &self.public {
            Public::Rsa { .. } => matches!(algorithm, Rs256 | Rs384 | Rs512 | Ps256 | Ps384 | Ps512),
            Public::P256(_) => algorithm == Es256,
            Public::P384(_) => algorithm == Es384,
            Public::Ed25519(_) => algorithm == EdDsa,
        };
        kind && self.only.as_deref().is_none_or(|only| only == algorithm.as_str())
    }

    /// Whether the signature of a message is this key's. RSA keys below 2,048 and above 8,192 bits verify nothing.
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let by = |how: &'static dyn VerificationAlgorithm, point: &[u8]| {
            UnparsedPublicKey::new(how, point).verify(message, signature).is_ok()
        };
        self.fits(algorithm)
            && match &self.public {
                Public::Rsa { n, e } => {
                    let how = match algorithm {
                        Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
                        Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
                        Algorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
                        Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
                        Algorithm::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
                        Algorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
                        Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa => return false,
                    };
                    RsaPublicKeyComponents { n, e }.verify(how, message, signature).is_ok()
                }
                Public::P256(point) => by(&signature::ECDSA_P256_SHA256_FIXED, point),
                Public::P384(point) => by(&signature::ECDSA_P384_SHA384_FIXED, point),
                Public::Ed25519(point) => by(&signature::ED25519, point),
            }
    }
}

/// The keys of a provider, as it lists them now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeySet(Vec<Key>);

/// What a key set says of a token's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<'a> {
    /// It can only be one of these.
    Keys(Vec<&'a Key>),
    /// No key has this id: it may be a new one.
    Unknown,
}

impl KeySet {
    /// Reads a key set; keys of no use here are left out.
    pub fn parse(bytes: &[u8]) -> Result<Self, Reason> {
        let set = json::object(bytes).ok_or(Reason::Jwks)?;
        let list = set.get("keys").and_then(Value::as_array).ok_or(Reason::Jwks)?;
        if list.len() > MOST_KEYS {
            return Err(Reason::Jwks);
        }
        Ok(Self(list.iter().filter_map(Value::as_object).filter_map(Key::read).collect()))
    }

    /// The keys that can have signed a token: those of its id; where it names none, the only one that fits.
    pub fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Result<Found<'_>, Reason> {
        let fit = |key: &&Key| key.fits(algorithm);
        if let Some(id) = id {
            let named: Vec<&Key> = self.0.iter().filter(|key| key.id.as_deref() == Some(id)).collect();
            if named.is_empty() {
                return Ok(Found::Unknown);
            }
            let fitting: Vec<&Key> = named.into_iter().filter(fit).collect();
            return if fitting.is_empty() { Err(Reason::Key) } else { Ok(Found::Keys(fitting)) };
        }
        let fitting: Vec<&Key> = self.0.iter().filter(fit).collect();
        match fitting.len() {
            0 => Ok(Found::Unknown),
            1 => Ok(Found::Keys(fitting)),
            _ => Err(Reason::Key),
        }
    }
}
