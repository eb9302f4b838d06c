//! Paths of this portal that somebody asks to be led to.

/// Longer than any address of a page.
const MOST: usize = 512;

/// A path of this portal to go back to; anything that could lead elsewhere, or to signing in and out, is none.
pub fn own_path(back: &str) -> Option<&str> {
    let lower = back.to_ascii_lowercase();
    let plain = back.starts_with('/')
        && back.chars().count() <= MOST
        && !back.contains('\\')
        && !back.contains("//")
        && !lower.contains("%2f")
        && !lower.contains("%5c")
        && !back.chars().any(char::is_control);
    // As a browser reads it.
    let here = url::Url::parse("http://here.invalid").ok()?;
    let read = plain.then(|| here.join(back).ok())??;
    let path = crate::ui::query::unescape(read.path());
    let door = path == "/auth" || path.starts_with("/auth/");
    (read.origin() == here.origin() && !door).then_some(back)
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn the_way_back_stays_here() {
        for good in [
            "/",
            "/t/a/overview?x=1",
            "/connect?tenant=a",
            "/t/a/assignments?q=%C3%A9",
            "/authors",
            "/t/a/overview?back=/auth/login",
        ] {
            assert_eq!(own_path(good), Some(good));
        }
        let long = format!("/{}", "é".repeat(512));
        assert!(own_path(&format!("/{}", "é".repeat(511))).is_some());
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
            "/auth",
            "/auth?x=1",
            "/./auth/login",
            "/a/../auth/login",
            "/../auth/logout",
            "/%61uth/login",
            "/%2e/auth/login",
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
