//! Who did something: the portal's user, and the Qlik user they acted as.

use sqlx::any::AnyRow;

use crate::store::{StoreError, get};

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Actor {
    /// The portal's user, by their id among the principals; empty where nobody is known.
    pub principal: String,
    /// The Qlik user they acted as, by id; empty where there was none.
    pub qlik_user: String,
    /// Both by name, as it was then.
    pub words: String,
    /// How they had signed in, as far as it is known; names and Qlik user are the ones above.
    pub signed_in: trail::Actor,
}

impl Actor {
    /// The portal's user `name` (`principal`), acting as the Qlik user `qlik_name` (`qlik_user`). Either name may be empty.
    pub fn new(principal: &str, name: &str, qlik_user: &str, qlik_name: &str) -> Self {
        let words = match (name, qlik_name) {
            ("", name) | (name, "") => name.to_owned(),
            (name, qlik_name) => format!("{name} as {qlik_name}"),
        };
        Self { principal: principal.to_owned(), qlik_user: qlik_user.to_owned(), words, ..Self::default() }
    }

    /// Somebody of whom nothing but a name is known.
    pub fn named(words: &str) -> Self {
        Self { words: words.to_owned(), ..Self::default() }
    }

    /// The portal by itself.
    pub fn system() -> Self {
        let signed_in = trail::Actor { kind: "system".to_owned(), ..trail::Actor::default() };
        Self { words: "Quartermaster".to_owned(), signed_in, ..Self::default() }
    }

    /// With how they had signed in.
    #[must_use]
    pub fn who(self, signed_in: trail::Actor) -> Self {
        Self { signed_in, ..self }
    }

    /// As a record tells it.
    pub(crate) fn recorded(&self) -> trail::Actor {
        let mut actor = self.signed_in.clone();
        if actor.kind.is_empty() {
            actor.kind = "person".to_owned();
        }
        actor.name = self.words.clone();
        actor.qlik_user = self.qlik_user.clone();
        actor
    }

    /// How they had signed in, as it is stored beside the rest.
    pub(crate) fn signed_in_text(&self) -> String {
        serde_json::to_string(&self.signed_in).unwrap_or_default()
    }
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.words)
    }
}

/// From a row with the columns `principal`, `qlik_user` and `who`, and the words in a column of this name.
pub(crate) fn read_actor(row: &AnyRow, words: &'static str) -> Result<Actor, StoreError> {
    let who: String = get(row, "who")?;
    Ok(Actor {
        principal: get(row, "principal")?,
        qlik_user: get(row, "qlik_user")?,
        words: get(row, words)?,
        // Before there was a chain, it was not kept.
        signed_in: serde_json::from_str(&who).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::Actor;

    #[test]
    fn both_are_named_where_both_are_known() {
        let words = |name, qlik_name| Actor::new("p", name, "u", qlik_name).words;
        assert_eq!(words("", "Ann"), "Ann");
        assert_eq!(words("bo", "Ann"), "bo as Ann");
        assert_eq!(words("bo", ""), "bo");
    }
}
