//! A record's details in words: what was, what is to be, what Qlik said, and why.

use std::collections::{BTreeMap, HashMap};

use domain::allotment::AllotmentName;
use serde_json::Value;
use trail::Record;

/// What stands where there is nothing, such as a license.
const NONE: &str = "none";

/// Names of roles by id.
pub type Names = HashMap<String, String>;

/// A record's details. Roles are named where `roles` knows them by id: records have their ids, for names change.
pub fn details(record: &Record, roles: &Names) -> String {
    let changed = changed(&record.before, &record.after, roles);
    let qlik = &record.qlik;
    let status = if qlik.status == 0 { String::new() } else { qlik.status.to_string() };
    let said: Vec<&str> = [&status, &qlik.code, &record.reason, &qlik.trace]
        .into_iter()
        .map(String::as_str)
        .filter(|part| !part.is_empty())
        .collect();
    match (changed.is_empty(), said.is_empty()) {
        (_, true) => changed,
        // What was written before records said more is one text; roles in it are named as well.
        (true, false) => said.iter().map(|part| named(part, roles)).collect::<Vec<_>>().join(" "),
        (false, false) => format!("{changed} ({})", said.join(" ")),
    }
}

fn changed(before: &Value, after: &Value, roles: &Names) -> String {
    if before.is_null() && after.is_null() {
        return String::new();
    }
    if let (Some(before), Some(after)) = (ids(before), ids(after)) {
        let name = |id: &&str| roles.get(*id).cloned().unwrap_or_else(|| (*id).to_owned());
        let added = after.iter().filter(|id| !before.contains(id)).map(|id| format!("+{}", name(id)));
        let removed = before.iter().filter(|id| !after.contains(id)).map(|id| format!("−{}", name(id)));
        return added.chain(removed).collect::<Vec<_>>().join(" ");
    }
    if before.is_null() && after.get("license").is_none() {
        return words(after);
    }
    format!("{} → {}", words(before), words(after))
}

/// The roles of a group, by id.
fn ids(value: &Value) -> Option<Vec<&str>> {
    value.get("roles")?.as_array().map(|ids| ids.iter().filter_map(Value::as_str).collect())
}

/// One side of a change.
pub fn words(value: &Value) -> String {
    match value {
        Value::Null => NONE.to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "on".to_owned(),
        Value::Bool(false) => "off".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Array(items) => items.iter().map(words).collect::<Vec<_>>().join(", "),
        Value::Object(members) => match (members.get("license"), members.get("subject")) {
            (Some(Value::String(license)), _) => AllotmentName::new(license).label(),
            (_, Some(Value::String(subject))) => subject.clone(),
            _ => {
                let told = |value: &Value| if value.is_null() { "not stated".to_owned() } else { words(value) };
                let members: BTreeMap<_, _> = members.iter().collect();
                let each = members.into_iter().map(|(name, value)| format!("{} {}", name.replace('_', " "), told(value)));
                each.collect::<Vec<_>>().join(", ")
            }
        },
    }
}

/// A text with roles by name.
fn named(text: &str, roles: &Names) -> String {
    let word = |word: &str| {
        let (sign, id) = word.split_at(word.len() - word.trim_start_matches(['+', '-', '−']).len());
        let (id, rest) = id.split_at(id.trim_end_matches(',').len());
        roles.get(id).map_or_else(|| word.to_owned(), |name| format!("{sign}{name}{rest}"))
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use trail::Qlik;

    use super::*;

    #[test]
    fn details_say_what_changed_and_what_qlik_said() {
        let roles = Names::from([("6000".to_owned(), "Tenant admin".to_owned())]);
        let told = |before: Value, after: Value| details(&Record { before, after, ..Record::default() }, &roles);
        assert_eq!(told(Value::Null, json!({"license": "analyzer"})), "none → Analyzer");
        assert_eq!(told(json!({"license": "analyzer"}), Value::Null), "Analyzer → none");
        assert_eq!(told(json!({"roles": ["1", "7000"]}), json!({"roles": ["1", "6000"]})), "+Tenant admin −7000");
        assert_eq!(told(json!({"subject": "M\\a", "licenses": ["analyzer"]}), json!({"subject": "M\\b"})), "M\\a → M\\b");
        assert_eq!(
            told(json!({"professional": null, "analyzer": false}), json!({"professional": null, "analyzer": true})),
            "analyzer off, professional not stated → analyzer on, professional not stated"
        );
        let said = Record {
            after: json!({"license": "analyzer"}),
            qlik: Qlik { status: 403, code: "L-1".into(), trace: "t".into() },
            reason: "No seats".into(),
            ..Record::default()
        };
        assert_eq!(details(&said, &roles), "none → Analyzer (403 L-1 No seats t)");
        // As it was written before.
        let old = |reason: &str| details(&Record { reason: reason.into(), ..Record::default() }, &roles);
        assert_eq!(old("+6000 −7000 (204)"), "+Tenant admin −7000 (204)");
        assert_eq!(old("none → Analyzer"), "none → Analyzer");
    }
}
