//! The chain: each record's hash holds that of the record before it, so that none can be changed, taken, added or moved alone.

use std::fmt;

use ring::digest::{Context, SHA256, digest};

/// SHA-256 of something; small hex outside.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// What the first record of a tenant's trail comes after.
    pub fn genesis(tenant: &str) -> Self {
        Self::of(&[b"qm-audit-genesis", tenant.as_bytes()])
    }

    /// Of a text by itself.
    pub fn of_text(text: &str) -> Self {
        Self::of(&[text.as_bytes()])
    }

    /// Of a record with this text, after the record with `self`.
    #[must_use]
    pub fn then(self, text: &str) -> Self {
        Self::of(&[b"qm-audit-1", &self.0, digest(&SHA256, text.as_bytes()).as_ref()])
    }

    fn of(parts: &[&[u8]]) -> Self {
        let mut context = Context::new(&SHA256);
        for part in parts {
            context.update(part);
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        Self(hash)
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// From its bytes; nothing where it is not 32 of them.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// From small hex.
    pub fn parse(hex: &str) -> Option<Self> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let bytes: Option<Vec<u8>> = hex
            .as_bytes()
            .chunks(2)
            .map(|pair| if let [high, low] = pair { Some(digit(*high)? * 16 + digit(*low)?) } else { None })
            .collect();
        Self::read(&bytes?)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::Hash;

    #[test]
    fn a_hash_depends_on_tenant_text_and_what_was_before() {
        let first = Hash::genesis("t").then("a");
        assert_eq!(first, Hash::genesis("t").then("a"));
        assert!(
            [Hash::genesis("u").then("a"), Hash::genesis("t").then("b"), first.then("a")].iter().all(|other| *other != first)
        );
        assert_eq!(Hash::parse(&first.to_string()), Some(first));
        assert_eq!((Hash::parse("zz"), Hash::parse("0"), Hash::read(b"x")), (None, None, None));
    }
}
