//! A record's details in words: what was, what is to be, what Qlik said, and why.

use std::collections::{BTreeMap, HashMap};

use domain::allotment::AllotmentName;
use serde_json::Value;
use trail::Record;

use super::view::SideLine;

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

/// What changed, thing by thing: each role, each member, or the one thing there is.
pub fn sides(before: &Value, after: &Value, roles: &Names) -> Vec<SideLine> {
    const NOT_THERE: &str = "–";
    let line = |what: &str, before: String, after: String| SideLine { what: what.to_owned(), before, after };
    if before.is_null() && after.is_null() {
        return Vec::new();
    }
    if let (Some(before), Some(after)) = (ids(before), ids(after)) {
        let name = |id: &str| roles.get(id).cloned().unwrap_or_else(|| id.to_owned());
        let given = |is: bool| if is { "given" } else { NOT_THERE }.to_owned();
        let mut all: Vec<&str> = before.iter().chain(after.iter().filter(|id| !before.contains(id))).copied().collect();
        // What changed comes first.
        all.sort_by_key(|id| before.contains(id) == after.contains(id));
        return all.into_iter().map(|id| line(&name(id), given(before.contains(&id)), given(after.contains(&id)))).collect();
    }
    let is_license = |side: &Value| side.get("license").is_some();
    if is_license(before) || is_license(after) {
        return vec![line("License", words(before), words(after))];
    }
    let none = serde_json::Map::new();
    let (of_before, of_after) = (before.as_object(), after.as_object());
    if of_before.is_none() && of_after.is_none() {
        return vec![line("Value", words(before), words(after))];
    }
    let (of_before, of_after) = (of_before.unwrap_or(&none), of_after.unwrap_or(&none));
    let names: std::collections::BTreeSet<&String> = of_before.keys().chain(of_after.keys()).collect();
    let told = |side: &serde_json::Map<String, Value>, name: &str| side.get(name).map_or_else(|| NOT_THERE.to_owned(), stated);
    names.into_iter().map(|name| line(&domain::text::humanise(name), told(of_before, name), told(of_after, name))).collect()
}

/// A value of a setting; nothing was said of one that is null.
fn stated(value: &Value) -> String {
    if value.is_null() { "not stated".to_owned() } else { words(value) }
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
                let members: BTreeMap<_, _> = members.iter().collect();
                let each = members.into_iter().map(|(name, value)| format!("{} {}", name.replace('_', " "), stated(value)));
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

    #[test]
    fn both_sides_are_told_thing_by_thing() {
        let roles = Names::from([("6000".to_owned(), "Tenant admin".to_owned())]);
        let told = |before: Value, after: Value| {
            let lines = sides(&before, &after, &roles).into_iter();
            lines.map(|line| format!("{}: {} → {}", line.what, line.before, line.after)).collect::<Vec<_>>()
        };
        assert_eq!(told(Value::Null, json!({"license": "analyzer"})), ["License: none → Analyzer"]);
        assert_eq!(
            told(json!({"roles": ["1", "7000"]}), json!({"roles": ["1", "6000"]})),
            ["7000: given → –", "Tenant admin: – → given", "1: given → given"]
        );
        assert_eq!(
            told(json!({"analyzer": false, "professional": null}), json!({"analyzer": true, "professional": null})),
            ["Analyzer: off → on", "Professional: not stated → not stated"]
        );
        assert_eq!(told(Value::Null, json!("k1")), ["Value: none → k1"]);
        assert!(told(Value::Null, Value::Null).is_empty());
    }
}
