//! Reads the cookies of a request.

use axum::http::{HeaderMap, header};

/// All cookies: names and values, as they were set.
pub fn all(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='))
}

/// The value of a cookie; the last one where it is there twice, as the session layer has it.
pub fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    all(headers).filter(|(key, _)| *key == name).last().map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_in_any_header_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, "a=1; theme=dark".parse().unwrap());
        headers.append(header::COOKIE, "zone=Europe%2FBerlin; xtheme=light".parse().unwrap());
        assert_eq!((value(&headers, "theme"), value(&headers, "zone")), (Some("dark"), Some("Europe%2FBerlin")));
        assert_eq!((value(&headers, "them"), value(&headers, "")), (None, None));
    }
}
