//! Canonical JSON as RFC 8785 has it, for what records are made of: text, whole numbers, truth values, lists and objects. Fractions, whose
//! text differs between programs, are refused.

use std::fmt::Write as _;

use serde_json::Value;

/// Whole numbers up to here (2^53 − 1) are the same in every program that reads JSON.
const MOST: i64 = 9_007_199_254_740_991;

/// Why a value has no canonical text here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a record holds whole numbers below 2^53 only")]
pub struct NotWhole;

/// The one text of a value: members by name (in UTF-16 order), no blanks.
pub fn canonical(value: &Value) -> Result<String, NotWhole> {
    let mut text = String::with_capacity(512);
    put(value, &mut text)?;
    Ok(text)
}

fn put(value: &Value, into: &mut String) -> Result<(), NotWhole> {
    match value {
        Value::Null => into.push_str("null"),
        Value::Bool(true) => into.push_str("true"),
        Value::Bool(false) => into.push_str("false"),
        Value::Number(number) => {
            let whole = number.as_i64().filter(|whole| (-MOST..=MOST).contains(whole)).ok_or(NotWhole)?;
            into.push_str(&whole.to_string());
        }
        Value::String(text) => put_text(text, into),
        Value::Array(items) => {
            into.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    into.push(',');
                }
                put(item, into)?;
            }
            into.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            into.push('{');
            for (at, (name, member)) in members.into_iter().enumerate() {
                if at > 0 {
                    into.push(',');
                }
                put_text(name, into);
                into.push(':');
                put(member, into)?;
            }
            into.push('}');
        }
    }
    Ok(())
}

fn put_text(text: &str, into: &mut String) {
    into.push('"');
    for letter in text.chars() {
        match letter {
            '"' => into.push_str("\\\""),
            '\\' => into.push_str("\\\\"),
            '\u{8}' => into.push_str("\\b"),
            '\t' => into.push_str("\\t"),
            '\n' => into.push_str("\\n"),
            '\u{c}' => into.push_str("\\f"),
            '\r' => into.push_str("\\r"),
            control if control < ' ' => {
                let _ = write!(into, "\\u{:04x}", u32::from(control));
            }
            letter => into.push(letter),
        }
    }
    into.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::canonical;

    #[test]
    fn members_and_letters_are_written_as_the_standard_has_them() {
        // RFC 8785, 3.2.2 and 3.2.3, without the fractions.
        let value: Value =
            serde_json::from_str(r#"{"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}"#)
                .unwrap();
        let text = "{\"literals\":[null,true,false],\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
        assert_eq!(canonical(&value).unwrap(), text);
        let value: Value = serde_json::from_str(
            r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}"#,
        )
        .unwrap();
        let order = ["Carriage Return", "One", "Control", "Latin Small", "Euro Sign", "Emoji", "Hebrew"];
        let text = canonical(&value).unwrap();
        let places: Vec<usize> = order.iter().map(|name| text.find(name).unwrap()).collect();
        assert!(places.is_sorted(), "{text}");
    }

    #[test]
    fn fractions_and_numbers_beyond_are_refused() {
        for value in [json!(1.5), json!(9_007_199_254_740_992_i64), json!({"a": [u64::MAX]})] {
            assert!(canonical(&value).is_err(), "{value}");
        }
        assert_eq!(canonical(&json!([0, -1, 9_007_199_254_740_991_i64])).unwrap(), "[0,-1,9007199254740991]");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_as_the_same_and_is_written_the_same(name in ".*", text in ".*", number in -9_007_199_254_740_991_i64..=9_007_199_254_740_991) {
            let value = json!({ name: text, "n": number, "list": [true, null, {}] });
            let written = canonical(&value).unwrap();
            let read: Value = serde_json::from_str(&written).unwrap();
            prop_assert_eq!(canonical(&read).unwrap(), written);
            prop_assert_eq!(read, value);
        }
    }
}
