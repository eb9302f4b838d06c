//! Reads what should be a string, flag or number and sometimes is not.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A string; numbers are spelled out, anything else is empty (`"type": false` stands in Qlik's own example).
pub(crate) fn string<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    Ok(match Value::deserialize(d)? {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    })
}

/// A string where there is one.
pub(crate) fn maybe_string<'de, D: Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(d)? {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// A flag; `"true"` counts.
pub(crate) fn flag<'de, D: Deserializer<'de>>(d: D) -> Result<bool, D::Error> {
    Ok(maybe_flag(d)?.unwrap_or_default())
}

/// A flag where there is one.
pub(crate) fn maybe_flag<'de, D: Deserializer<'de>>(d: D) -> Result<Option<bool>, D::Error> {
    Ok(match Value::deserialize(d)? {
        Value::Bool(flag) => Some(flag),
        Value::String(text) => text.parse().ok(),
        _ => None,
    })
}

/// A whole number where there is one; `"42"` and `42.0` count.
pub(crate) fn maybe_int<'de, D: Deserializer<'de>>(d: D) -> Result<Option<i64>, D::Error> {
    Ok(match Value::deserialize(d)? {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().map(truncated)),
        Value::String(text) => text.parse().ok(),
        _ => None,
    })
}

/// A whole number; 0 where there is none.
pub(crate) fn int<'de, D: Deserializer<'de>>(d: D) -> Result<i64, D::Error> {
    Ok(maybe_int(d)?.unwrap_or_default())
}

/// A list; entries that cannot be read are left out, and so is anything that is no list.
pub(crate) fn list<'de, D: Deserializer<'de>, T: serde::de::DeserializeOwned>(d: D) -> Result<Vec<T>, D::Error> {
    Ok(match Value::deserialize(d)? {
        Value::Array(entries) => entries.into_iter().filter_map(|entry| serde_json::from_value(entry).ok()).collect(),
        _ => Vec::new(),
    })
}

/// A list where there is one: what is absent, null or no list at all is not there to be seen, which is not the same as empty.
pub(crate) fn maybe_list<'de, D: Deserializer<'de>, T: serde::de::DeserializeOwned>(d: D) -> Result<Option<Vec<T>>, D::Error> {
    Ok(match Value::deserialize(d)? {
        // One entry that cannot be read would make the list say less than there is.
        Value::Array(entries) => entries.into_iter().map(|entry| serde_json::from_value(entry).ok()).collect(),
        _ => None,
    })
}

#[expect(clippy::cast_possible_truncation, reason = "saturates, which is what a figure beyond i64 deserves")]
fn truncated(number: f64) -> i64 {
    number as i64
}
