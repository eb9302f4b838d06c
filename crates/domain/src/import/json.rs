//! Lists in JSON, as command-line tools and APIs print them: an array of objects, or an object with such an array inside.

use serde_json::Value;

use super::{Line, List, ListError, MAX_ROWS};
use crate::text;

/// What a field is called there, and our heading for it.
const FIELDS: [(&str, &[&str]); 5] = [
    ("userId", &["userId"]),
    ("Subject", &["subject"]),
    ("Name", &["name"]),
    ("Email", &["email", "mail"]),
    ("Licence", &["type", "license", "licence", "licenseType", "allotment"]),
];

/// Whether a text that is no list of people is JSON all the same.
pub(super) fn looks_like(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok_and(|value| value.is_array() || value.is_object())
}

/// Reads a list of people; nothing where the text is none.
pub(super) fn read(text: &str) -> Option<Result<List, ListError>> {
    let value: Value = serde_json::from_str(text).ok()?;
    let list = match &value {
        Value::Array(list) => list,
        Value::Object(fields) => fields.values().find_map(Value::as_array)?,
        _ => return None,
    };
    let objects: Vec<_> = list.iter().map(Value::as_object).collect::<Option<_>>()?;
    let of = |fields: &serde_json::Map<String, Value>, names: &[&str]| {
        let found = names.iter().find_map(|name| fields.get(*name));
        // A line break within a name is no fault of a list that has no lines.
        found.and_then(Value::as_str).map(|text| text::visible(&text.replace(['\r', '\n'], " "))).unwrap_or_default()
    };
    let says_who =
        |fields: &&serde_json::Map<String, Value>| ["subject", "email", "userId"].iter().any(|key| fields.contains_key(*key));
    if objects.is_empty() || !objects.iter().all(says_who) {
        return None;
    }
    if objects.len() > MAX_ROWS {
        return Some(Err(ListError::TooLong));
    }
    let lines: Vec<Line> = objects
        .iter()
        .zip(1..)
        .map(|(fields, number)| Line { number, last: number, cells: FIELDS.iter().map(|(_, names)| of(fields, names)).collect() })
        .collect();
    Some(Ok(List {
        encoding: "JSON",
        separator: ',',
        headings: Some(FIELDS.iter().map(|(heading, _)| (*heading).to_owned()).collect()),
        headings_at: 0,
        above: 0,
        file_lines: lines.len() as u64,
        lines,
        cleaned: 0,
    }))
}
