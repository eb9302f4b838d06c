//! The ring of master keys: one seals, the others still open what they sealed. A file of text, or, before the first rotation, of the bytes
//! of the one key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretSlice};
use zeroize::Zeroizing;

/// The first line of a file with a ring.
const HEAD: &str = "quartermaster keyring 1";
/// How it begins, whatever its version and whoever damaged it.
const HEAD_BEGINS: &str = "quartermaster keyring";
/// What the one key of a file without a ring is called.
const FIRST: &str = "k0";
/// An id has so many letters at most: each sealed value begins with one.
const LONGEST_ID: usize = 16;

/// A master key.
struct Entry {
    id: String,
    key: SecretSlice<u8>,
    /// When it was made: a date and time in UTC; empty for one that came without.
    created: String,
}

/// Master keys by id; one of them is active.
pub struct Ring {
    active: Entry,
    old: Vec<Entry>,
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ring({})", self.active.id)
    }
}

/// What is wrong with a file of keys. Says nothing of what is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// It is a ring, and its first line does not say so.
    #[error(
        "it holds a ring of keys, and its line 1 is not `{HEAD}`: put that line back, or the file from before it was changed"
    )]
    Head,
    /// A line is not `ID active|old KEY CREATED`.
    #[error("line {0} is not `ID active|old KEY CREATED`")]
    Line(usize),
    /// Not one key is active, or several are.
    #[error("it has {0} active keys, and must have exactly one")]
    Active(usize),
    /// Two keys have the same id.
    #[error("two keys are called {0}")]
    Twice(String),
    /// A key is too short or too plain.
    #[error("its key {0} is too weak: {1}")]
    Weak(String, String),
}

/// What a key must be: 32 bytes or more, of which at least 16 differ. Says what is wrong.
pub fn weak_key(key: &[u8]) -> Option<String> {
    const BYTES: usize = 32;
    const DIFFERENT: usize = 16;
    if key.len() < BYTES {
        return Some(format!("it holds {} bytes, and needs at least {BYTES}", key.len()));
    }
    let different = key.iter().collect::<std::collections::HashSet<_>>().len();
    (different < DIFFERENT).then(|| {
        format!(
            "it has {different} different byte values, and needs at least {DIFFERENT}: make one with `head -c 32 /dev/urandom`"
        )
    })
}

impl Ring {
    /// A ring of one key.
    pub fn of(key: Vec<u8>) -> Self {
        Self { active: Entry { id: FIRST.to_owned(), key: SecretSlice::from(key), created: String::new() }, old: Vec::new() }
    }

    /// Reads a file of keys.
    pub fn read(bytes: &[u8]) -> Result<Self, Wrong> {
        let text = std::str::from_utf8(bytes).ok();
        let is_headed = text.is_some_and(|text| text.lines().next() == Some(HEAD));
        let is_ring = text.is_some_and(|text| text.contains(HEAD_BEGINS) || text.lines().any(|line| entry(line).is_some()));
        if is_ring && !is_headed {
            // Taken for the bytes of one key, it would be wrapped in a ring of its own, and every key in it lost.
            return Err(Wrong::Head);
        }
        let Some(text) = text.filter(|_| is_headed) else {
            return match weak_key(bytes) {
                None => Ok(Self::of(bytes.to_vec())),
                Some(why) => Err(Wrong::Weak(FIRST.to_owned(), why)),
            };
        };
        let (mut active, mut old) = (Vec::new(), Vec::new());
        for (at, line) in text.lines().enumerate().skip(1).filter(|(_, line)| !line.trim().is_empty()) {
            let (entry, is_active) = entry(line).ok_or(Wrong::Line(at + 1))?;
            if let Some(why) = weak_key(entry.key.expose_secret()) {
                return Err(Wrong::Weak(entry.id, why));
            }
            if active.iter().chain(&old).any(|other: &Entry| other.id == entry.id) {
                return Err(Wrong::Twice(entry.id));
            }
            if is_active { &mut active } else { &mut old }.push(entry);
        }
        let found = active.len();
        match (active.pop(), found) {
            (Some(active), 1) => Ok(Self { active, old }),
            _ => Err(Wrong::Active(found)),
        }
    }

    /// What is wrong with a file of keys; nothing where it can be used.
    pub fn wrong(bytes: &[u8]) -> Option<String> {
        Self::read(bytes).err().map(|wrong| wrong.to_string())
    }

    /// The text of its file.
    pub fn write(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(format!("{HEAD}\n"));
        let entries = std::iter::once((&self.active, "active")).chain(self.old.iter().map(|entry| (entry, "old")));
        for (Entry { id, key, created }, state) in entries {
            let key = Zeroizing::new(STANDARD.encode(key.expose_secret()));
            let created = if created.is_empty() { "unknown" } else { created };
            for part in [id, " ", state, " ", &key, " ", created, "\n"] {
                text.push_str(part);
            }
        }
        text
    }

    /// With a new key, made at `created`, which seals from now on; the others open.
    #[must_use]
    pub fn with(mut self, key: Vec<u8>, created: &str) -> Self {
        let numbers =
            std::iter::once(&self.active).chain(&self.old).filter_map(|entry| entry.id.strip_prefix('k')?.parse::<u32>().ok());
        let id = format!("k{}", numbers.max().map_or(0, |last| last + 1));
        let entry = Entry { id, key: SecretSlice::from(key), created: created.to_owned() };
        self.old.insert(0, std::mem::replace(&mut self.active, entry));
        self
    }

    /// Without an old key. Nothing where there is none with this id, or it is the active one.
    pub fn without(mut self, id: &str) -> Option<Self> {
        let before = self.old.len();
        self.old.retain(|entry| entry.id != id);
        (self.old.len() < before).then_some(self)
    }

    /// The id of the key that seals.
    pub fn active(&self) -> &str {
        &self.active.id
    }

    /// Ids of all keys, the active one first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.active).chain(&self.old).map(|entry| entry.id.as_str())
    }

    pub(super) fn key(&self, id: &str) -> Option<&[u8]> {
        std::iter::once(&self.active).chain(&self.old).find(|entry| entry.id == id).map(|entry| entry.key.expose_secret())
    }
}

fn entry(line: &str) -> Option<(Entry, bool)> {
    let parts: Vec<&str> = line.split_ascii_whitespace().collect();
    let [id, state @ ("active" | "old"), key, created] = parts.as_slice() else { return None };
    let is_id = (1..=LONGEST_ID).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    let key = STANDARD.decode(key).ok().filter(|_| is_id)?;
    Some((Entry { id: (*id).to_owned(), key: SecretSlice::from(key), created: (*created).to_owned() }, *state == "active"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(first: u8) -> Vec<u8> {
        (first..first + 32).collect()
    }

    #[test]
    fn a_file_of_bytes_becomes_a_ring_and_is_read_as_it_was_written() {
        let ring = Ring::read(&key(0)).unwrap();
        assert_eq!(ring.ids().collect::<Vec<_>>(), ["k0"]);
        let ring = ring.with(key(1), "2026-11-29T06:00:00Z").with(key(2), "2026-11-30T06:00:00Z");
        let text = ring.write();
        assert!(text.starts_with("quartermaster keyring 1\nk2 active "), "{}", text.len());
        let read = Ring::read(text.as_bytes()).unwrap();
        assert_eq!(read.ids().collect::<Vec<_>>(), ["k2", "k1", "k0"]);
        assert_eq!((read.key("k0"), read.key("k2"), read.key("k3")), (Some(key(0).as_slice()), Some(key(2).as_slice()), None));
        assert_eq!(read.write().as_str(), text.as_str());
        let read = read.without("k0").unwrap();
        assert!(read.key("k0").is_none() && read.without("k2").is_none(), "the active key stays");
    }

    #[test]
    fn what_is_wrong_is_told_without_what_is_in_it() {
        let good = STANDARD.encode(key(0));
        let told = |lines: &str| Ring::read(format!("{HEAD}\n{lines}").as_bytes()).unwrap_err();
        assert_eq!(told(""), Wrong::Active(0));
        assert_eq!(told(&format!("a active {good} x\nb active {good} x")), Wrong::Active(2));
        assert_eq!(told(&format!("a active {good} x\na old {good} x")), Wrong::Twice("a".into()));
        assert_eq!(told(&format!("a active {good}")), Wrong::Line(2));
        assert_eq!(told(&format!("a/b active {good} x")), Wrong::Line(2));
        assert!(matches!(told("a active QUFB x"), Wrong::Weak(id, _) if id == "a"));
        assert!(matches!(Ring::read(b"short"), Err(Wrong::Weak(..))));
        // A ring with a damaged first line is not the bytes of one key.
        let whole = Ring::of(key(0)).with(key(1), "x").write();
        for damaged in [
            whole.replacen("keyring 1", "keyring 2", 1),
            whole.replacen("quartermaster", "Quartermaster", 1),
            whole.replacen("quartermaster keyring 1\n", "", 1),
            format!("\u{feff}{}", whole.as_str()),
            format!("\n{}", whole.as_str()),
        ] {
            assert_eq!(Ring::read(damaged.as_bytes()).unwrap_err(), Wrong::Head, "{damaged:.30}");
        }
    }
}
