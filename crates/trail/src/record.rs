//! A record: who did what to what, as it was before and after, and what came of it.

use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::json::canonical;

/// Texts are cut to so many characters.
const LONGEST: usize = 2_000;

/// A record of the trail. What is empty is left out of its text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Record {
    /// The form of the record; 1.
    pub v: i64,
    /// Which tenant; empty for the portal's own trail.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tenant: String,
    /// Its place in the tenant's trail, from 1, without gaps.
    pub seq: i64,
    /// Its own id, random.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// When, in milliseconds since 1970 (UTC).
    pub at: i64,
    /// Who.
    #[serde(skip_serializing_if = "is_default")]
    pub actor: Actor,
    /// For whom or what it was done, where that is somebody else: a rule, an author.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub behalf: String,
    /// What was done, such as `assign` or `auth.sign_in`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub action: String,
    /// To what.
    #[serde(skip_serializing_if = "is_default")]
    pub target: Target,
    /// How it was before.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub before: Value,
    /// How it is to be after.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub after: Value,
    /// By which plan.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub plan: String,
    /// In which job.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub job: String,
    /// Which row of the job, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<i64>,
    /// By which request to the portal.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub request: String,
    /// What Qlik answered.
    #[serde(skip_serializing_if = "is_default")]
    pub qlik: Qlik,
    /// What came of it; `intent` before anything was sent.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub outcome: String,
    /// Why, or more of it in words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Actor {
    /// `person`, `rule` or `system`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Who vouches for them.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub issuer: String,
    /// Their name there.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// What people call them, with the Qlik user they acted as.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Their role in the portal then.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub role: String,
    /// How they signed in.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub method: String,
    /// Their session: the first 16 hex digits of its key.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub session: String,
    /// Where they came from.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub address: String,
    /// The Qlik user they acted as, by id.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub qlik_user: String,
}

/// What something was done to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Target {
    /// `subject`, `group`, `setting`, `plan`, `job`, `session`, `person`, `tenant`, `trail` or `address`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// By id, where it has one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// By name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
}

impl Target {
    /// Something with a name.
    pub fn named(kind: &str, name: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), id: String::new(), name: name.into() }
    }

    /// Something with an id and a name.
    pub fn of(kind: &str, id: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), id: id.into(), name: name.into() }
    }

    /// What people call it: its name, or its id where it has none.
    pub fn words(&self) -> &str {
        if self.name.is_empty() { &self.id } else { &self.name }
    }
}

/// What Qlik answered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Qlik {
    /// The status; 0 where nothing was answered.
    #[serde(skip_serializing_if = "is_zero")]
    pub status: i64,
    /// Its code, such as `LICENSES-011`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// Its trace id.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub trace: String,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde passes")]
fn is_zero(value: &i64) -> bool {
    *value == 0
}

/// An id for a record: 128 random bits, in small hex.
pub fn fresh_id() -> String {
    let mut bytes = [0; 16];
    // Nothing rests on it: the place of a record is what it is known by.
    let _ = SystemRandom::new().fill(&mut bytes);
    bytes.iter().fold(String::with_capacity(32), |id, byte| id + &format!("{byte:02x}"))
}

/// Cuts texts that are too long, wherever they are.
fn shortened(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some((end, _)) = text.char_indices().nth(LONGEST) {
                text.truncate(end);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(shortened),
        Value::Object(members) => members.values_mut().for_each(shortened),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

impl Record {
    /// Its canonical text, which is what is stored and hashed. A number that has no place in it is told as text instead.
    pub fn text(&self) -> String {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        shortened(&mut value);
        canonical(&value).unwrap_or_else(|_| {
            as_text(&mut value);
            canonical(&value).unwrap_or_default()
        })
    }

    /// From its text.
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().filter(|record: &Self| record.v == 1)
    }
}

/// Tells numbers that JSON programs read differently as text.
fn as_text(value: &mut Value) {
    match value {
        Value::Number(number) if canonical(&Value::Number(number.clone())).is_err() => *value = Value::String(number.to_string()),
        Value::Array(items) => items.iter_mut().for_each(as_text),
        Value::Object(members) => members.values_mut().for_each(as_text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What a record did to what: the part of it that tells how things were before. Whoever looks at very many reads no more than this.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Did {
    v: i64,
    /// To what.
    pub target: Target,
    /// How it was.
    pub before: Value,
    /// How it became.
    pub after: Value,
}

impl Did {
    /// From a record's text.
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().filter(|did: &Self| did.v == 1)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_empty_is_left_out_and_the_rest_comes_back() {
        let record = Record {
            v: 1,
            tenant: "meridian".to_owned(),
            seq: 7,
            at: 1_000,
            actor: Actor { kind: "person".to_owned(), subject: "ann".to_owned(), ..Actor::default() },
            action: "assign".to_owned(),
            target: Target::named("subject", "MERIDIAN\\bo"),
            after: json!({"license": "analyzer"}),
            row: Some(0),
            outcome: "done".to_owned(),
            ..Record::default()
        };
        let text = record.text();
        assert_eq!(
            text,
            r#"{"action":"assign","actor":{"kind":"person","subject":"ann"},"after":{"license":"analyzer"},"at":1000,"outcome":"done","row":0,"seq":7,"target":{"kind":"subject","name":"MERIDIAN\\bo"},"tenant":"meridian","v":1}"#
        );
        assert_eq!(Record::read(&text), Some(record));
        assert_eq!(Record::read("{}"), None);
    }

    #[test]
    fn long_texts_are_cut_and_odd_numbers_are_told_as_text() {
        let record = Record { v: 1, reason: "é".repeat(3_000), after: json!({"n": 1.5}), ..Record::default() };
        let read = Record::read(&record.text()).unwrap();
        assert_eq!((read.reason.chars().count(), read.after), (2_000, json!({"n": "1.5"})));
    }
}
