//! A subject: the name an identity provider gives a person, compared without case.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use crate::text;

/// An IdP subject such as `MERIDIAN\iaalton`.
///
/// Qlik spells the same subject with different case in users and in license assignments, so
/// equality, order and hash ignore case while the spelling is kept for the wire.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Subject(String);

/// Why a typed-in subject cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// Nothing but white space.
    #[error("the subject is empty")]
    Empty,
    /// Longer than [`Subject::MAX_CHARS`] characters.
    #[error("the subject is longer than 256 characters")]
    TooLong,
    /// A control character, such as a line break, inside.
    #[error("the subject has a control character in it")]
    Control,
}

impl Subject {
    /// The longest subject a person may type in, in characters.
    pub const MAX_CHARS: usize = 256;

    /// Takes a subject as Qlik spelled it.
    pub fn new(spelling: impl Into<String>) -> Self {
        Self(spelling.into())
    }

    /// Reads a subject that a person typed or pasted: what nobody sees in it is no part of it.
    pub fn parse(typed: &str) -> Result<Self, SubjectError> {
        let trimmed = text::visible(typed);
        if trimmed.is_empty() {
            return Err(SubjectError::Empty);
        }
        if trimmed.chars().count() > Self::MAX_CHARS {
            return Err(SubjectError::TooLong);
        }
        if trimmed.chars().any(char::is_control) {
            return Err(SubjectError::Control);
        }
        Ok(Self(trimmed))
    }

    /// The spelling Qlik uses.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form two spellings of one subject share.
    pub fn key(&self) -> String {
        text::same(&self.0)
    }

    /// Whether this is an OAuth client's own user (Qlik: subject `qlikbot\<clientId>`).
    pub fn is_bot(&self) -> bool {
        self.key().starts_with("qlikbot\\")
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq for Subject {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.key() == other.key()
    }
}

impl Eq for Subject {}

impl PartialOrd for Subject {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Subject {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl Hash for Subject {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_matter() {
        assert_eq!(Subject::new("MERIDIAN\\Kim"), Subject::new("meridian\\kim"));
        assert_eq!(Subject::new("MERIDIAN\\Kim").as_str(), "MERIDIAN\\Kim");
        assert!(Subject::new("QlikBot\\7f").is_bot());
    }

    #[test]
    fn typed_subjects_are_checked() {
        assert_eq!(Subject::parse("  "), Err(SubjectError::Empty));
        assert_eq!(Subject::parse("a\nb"), Err(SubjectError::Control));
        assert_eq!(Subject::parse(&"x".repeat(257)), Err(SubjectError::TooLong));
        assert_eq!(Subject::parse(" a\\b ").map(|s| s.to_string()), Ok("a\\b".into()));
    }
}
