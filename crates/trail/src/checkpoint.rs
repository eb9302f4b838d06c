//! Checkpoints: what the end of a trail was at a time, signed, and kept in more than one place.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::chain::Hash;
use crate::json::canonical;
use crate::key::{Key, PublicKey};

/// What the end of a tenant's trail was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// The form of the checkpoint; 1.
    pub v: i64,
    /// Which tenant; empty for the portal's own trail.
    pub tenant: String,
    /// The last place.
    pub seq: i64,
    /// The hash there, in small hex.
    pub hash: String,
    /// When it was signed, in milliseconds since 1970 (UTC).
    pub at: i64,
    /// SHA-256 of the text of the checkpoint before it, in small hex; empty for the first.
    pub previous: String,
    /// Whose signature it bears: the public key, base64url.
    pub key: String,
}

impl Checkpoint {
    /// Its canonical text, which is what is signed.
    pub fn text(&self) -> String {
        serde_json::to_value(self).ok().and_then(|value: Value| canonical(&value).ok()).unwrap_or_default()
    }

    /// Signs it. The key names itself in it.
    pub fn sign(mut self, key: &Key) -> Signed {
        self.key = key.public().to_string();
        let signature = key.sign(&self.text());
        Signed { checkpoint: self, signature }
    }
}

/// A checkpoint with its signature: a line of a file of checkpoints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// What was signed.
    pub checkpoint: Checkpoint,
    /// Ed25519 over its canonical text, base64url.
    pub signature: String,
}

impl Signed {
    /// What the checkpoint after it names it by.
    pub fn hash(&self) -> Hash {
        Hash::of_text(&self.checkpoint.text())
    }

    /// Whether the key that it names signed it.
    pub fn is_signed(&self) -> bool {
        PublicKey::parse(&self.checkpoint.key).is_some_and(|key| key.signed(&self.checkpoint.text(), &self.signature))
    }

    /// A line of a file.
    pub fn line(&self) -> String {
        format!("{{\"checkpoint\":{},\"signature\":\"{}\"}}", self.checkpoint.text(), self.signature)
    }

    /// From a line of a file.
    pub fn read(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_signed_by_the_key_it_names() {
        let key = Key::of(&[7; 32]).unwrap();
        let hash = Hash::genesis("t");
        let checkpoint = Checkpoint {
            v: 1,
            tenant: "t".to_owned(),
            seq: 3,
            hash: hash.to_string(),
            at: 5,
            previous: String::new(),
            key: String::new(),
        };
        let signed = checkpoint.sign(&key);
        assert_eq!(Signed::read(&signed.line()), Some(signed.clone()));
        assert!(signed.is_signed());
        let mut other = signed;
        other.checkpoint.seq = 4;
        assert!(!other.is_signed());
    }
}
