//! A credential: an argument of each call, never printed.

use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

/// What authenticates a call, and whose budget the call draws on.
#[derive(Clone)]
pub struct Credential {
    bearer: SecretString,
    budget: Arc<str>,
}

impl Credential {
    /// An API key or an access token. Until [`Credential::of_user`] says whose it is, it has a budget of its own.
    pub fn bearer(token: impl Into<String>) -> Self {
        let token = token.into();
        let mut hasher = DefaultHasher::new();
        token.hash(&mut hasher);
        Self { budget: format!("key {:016x}", hasher.finish()).into(), bearer: SecretString::from(token) }
    }

    /// The same credential, drawing on the budget of this Qlik user: Qlik counts per user, not per key.
    #[must_use]
    pub fn of_user(mut self, user_id: &str) -> Self {
        self.budget = format!("user {user_id}").into();
        self
    }

    /// Names the budget; holds nothing secret.
    pub fn budget(&self) -> &str {
        &self.budget
    }

    pub(crate) fn header(&self) -> Option<http::HeaderValue> {
        let mut value = http::HeaderValue::from_str(&format!("Bearer {}", self.bearer.expose_secret())).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("budget", &self.budget).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Credential;

    #[test]
    fn it_never_prints_its_token() {
        let shown = format!("{:?}", Credential::bearer("canary-token").of_user("u1"));
        assert!(!shown.contains("canary") && shown.contains("user u1"), "{shown}");
    }
}
