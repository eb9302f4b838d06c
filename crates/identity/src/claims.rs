//! What a verified token says of a person beside who they are: groups, a name, and what roles may hang on.

use serde_json::{Map, Value};

use crate::token::is_name;

/// A place in a token (RFC 6901): `/groups`, `/realm_access/roles`, `/https:~1~1example.com~1groups`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer(String);

impl Pointer {
    /// A pointer; nothing where the text is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text;
        while let Some(at) = rest.find('~') {
            let after = rest.get(at + 1..)?;
            if !after.starts_with(['0', '1']) {
                return None;
            }
            rest = after;
        }
        (text.starts_with('/') && text.len() > 1 && !text.chars().any(char::is_control)).then(|| Self(text.to_owned()))
    }

    /// One that is known to be a pointer.
    pub fn known(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands there.
    pub fn find<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        let mut parts = self.0.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~"));
        let first = claims.get(&parts.next()?)?;
        parts.try_fold(first, |value, part| match value {
            Value::Object(map) => map.get(&part),
            Value::Array(list) => part.parse::<usize>().ok().and_then(|at| list.get(at)),
            _ => None,
        })
    }

    /// The claim that it begins with.
    fn claim(&self) -> String {
        self.0.split('/').nth(1).unwrap_or_default().replace("~1", "/").replace("~0", "~")
    }
}

/// The groups of a token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Groups {
    /// Their names, as they were given.
    pub names: Vec<String>,
    /// There were too many for the token, which says where to ask instead: none are known.
    pub elsewhere: bool,
}

/// The groups at a place: a list of texts, or one text, which is one group and is never split. Anything else is nothing.
pub fn groups(claims: &Map<String, Value>, at: &Pointer) -> Groups {
    let claim = at.claim();
    let moved = claims.get("_claim_names").and_then(Value::as_object).is_some_and(|names| names.contains_key(&claim));
    if moved || claims.get("hasgroups").is_some_and(|has| has == true) && at.find(claims).is_none() {
        return Groups { names: Vec::new(), elsewhere: true };
    }
    let names = match at.find(claims) {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect(),
        _ => Vec::new(),
    };
    Groups { names: names.into_iter().filter(|name| !name.is_empty()).collect(), elsewhere: false }
}

/// Whether a claim is a text, or is a list that holds it.
pub fn holds(value: &Value, text: &str) -> bool {
    match value {
        Value::String(one) => one == text,
        Value::Array(list) => list.iter().any(|entry| entry == text),
        _ => false,
    }
}

/// The name of somebody, for people's eyes; empty where there is none that can be shown.
pub fn name(claims: &Map<String, Value>, at: &Pointer) -> String {
    at.find(claims).and_then(Value::as_str).map(str::trim).filter(|name| is_name(name)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn groups_are_a_list_of_texts_or_one_text() {
        let at = |text: &str| Pointer::parse(text).unwrap();
        let read = |claims: Value, pointer: &str| groups(&object(claims), &at(pointer)).names;
        assert_eq!(read(json!({"groups": ["a", 7, "b,c", null, ""]}), "/groups"), ["a", "b,c"]);
        assert_eq!(read(json!({"groups": "a, b"}), "/groups"), ["a, b"], "one text is one group");
        assert_eq!(read(json!({"realm_access": {"roles": ["x"]}}), "/realm_access/roles"), ["x"]);
        assert_eq!(read(json!({"https://example.com/groups": ["x"]}), "/https:~1~1example.com~1groups"), ["x"]);
        assert!(read(json!({"groups": {"a": true}}), "/groups").is_empty());
        let moved = json!({"groups": ["qm-admins"], "_claim_names": {"groups": "src1"}});
        assert_eq!(groups(&object(moved), &at("/groups")), Groups { names: Vec::new(), elsewhere: true });
    }

    #[test]
    fn a_pointer_is_one_of_the_standard() {
        for bad in ["groups", "", "/", "/a~2", "/a~", "/a\n"] {
            assert!(Pointer::parse(bad).is_none(), "{bad:?}");
        }
        assert!(Pointer::parse("/a~0b~1c").is_some());
    }

    #[test]
    fn a_claim_fits_exactly() {
        assert!(holds(&json!("IT"), "IT") && holds(&json!(["HR", "IT"]), "IT"));
        assert!(!holds(&json!("it"), "IT") && !holds(&json!("IT,HR"), "IT") && !holds(&json!({"IT": 1}), "IT"));
    }
}
