//! Paths of this portal that somebody asks to be led to.

/// Longer than any address of a page.
const MOST: usize = 512;

/// A path of this portal to go back to; anything that could lead elsewhere is none.
pub fn own_path(back: &str) -> Option<&str> {
    let lower = back.to_ascii_lowercase();
    let ours = back.starts_with('/')
        && back.len() <= MOST
        && !back.contains('\\')
        && !back.contains("//")
        && !lower.contains("%2f")
        && !lower.contains("%5c")
        && !back.starts_with("/auth/")
        && !back.chars().any(char::is_control);
    ours.then_some(back)
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn the_way_back_stays_here() {
        for good in ["/", "/t/a/overview?x=1", "/connect?tenant=a", "/t/a/assignments?q=%C3%A9"] {
            assert_eq!(own_path(good), Some(good));
        }
        let long = format!("/{}", "x".repeat(512));
        for evil in [
            "//evil",
            "/\\evil",
            "https://evil",
            "/t//evil",
            "/t/\\evil",
            "/%2fevil",
            "/%2Fevil",
            "/%5cevil",
            "/auth/login",
            "/auth/",
            "javascript:alert(1)",
            "",
            "t/a",
            " /t/a",
            "/t/a/\u{1f}",
            "/t/a/\u{7f}",
            "/t/a\r\nx: y",
            &long,
        ] {
            assert_eq!(own_path(evil), None, "{evil:?}");
        }
    }
}
