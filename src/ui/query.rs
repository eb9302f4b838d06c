//! Query strings: pairs to text and back.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Everything but what RFC 3986 calls unreserved.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Spells a value out for an address.
pub fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// Reads what [`escape`] wrote.
pub fn unescape(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// `?a=1&b=2`, or nothing without pairs.
pub fn to_query(pairs: &[(&str, String)]) -> String {
    let mut out = String::new();
    for (key, value) in pairs {
        out.push(if out.is_empty() { '?' } else { '&' });
        out.push_str(&escape(key));
        out.push('=');
        out.push_str(&escape(value));
    }
    out
}

/// Reads a query with or without its `?`. What cannot be decoded is left out.
pub fn from_query(query: &str) -> Vec<(String, String)> {
    query
        .trim_start_matches('?')
        .split('&')
        .filter(|pair| !pair.is_empty())
        .filter_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decode =
                |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8().ok().map(std::borrow::Cow::into_owned);
            Some((decode(key)?, decode(value)?))
        })
        .collect()
}

/// What somebody looks at, by the path and the query of its address: the page, and who is open beside it. Filters, order and the like
/// may change while the same thing is looked at.
pub fn place(path: &str, query: &str) -> String {
    let beside = from_query(query).into_iter().find(|(key, _)| key == "person").map(|(_, person)| person);
    match beside {
        Some(person) if !person.is_empty() => format!("{path} {person}"),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_survive() {
        let pairs = [("q", "a b&c=d+é\u{1f}".to_owned()), ("sort", "-since".to_owned())];
        let read = from_query(&to_query(&pairs));
        assert_eq!(read, pairs.map(|(key, value)| (key.to_owned(), value)));
        assert_eq!(to_query(&[]), "");
        assert!(from_query("?%ff=1").is_empty());
    }

    #[test]
    fn a_place_is_the_page_and_who_is_beside_it() {
        assert_eq!(place("/t/m/assignments", "?allotment=analyzer&person=M%5Ca"), "/t/m/assignments M\\a");
        assert_eq!(place("/t/m/assignments", "allotment=professional&person="), "/t/m/assignments");
    }
}
