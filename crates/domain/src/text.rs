//! Words and figures for people: thousands separators, plurals, readable names.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// `12,400` for 12400. The separator is fixed so that both sides render the same bytes.
pub fn thousands(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if n < 0 {
        out.push('−');
    }
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count as [`thousands`] and [`count`] take it, whatever it was counted in.
pub fn whole(n: impl TryInto<i64>) -> i64 {
    n.try_into().unwrap_or(i64::MAX)
}

/// `1 change`, `25 changes`.
pub fn count(n: i64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(n), if n == 1 { one } else { many })
}

/// `dataSteward_x` as `Data steward x`.
pub fn humanise(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let mut previous_lower = false;
    for c in name.chars() {
        if c == '_' || c == '-' || c == ' ' {
            if !out.ends_with(' ') && !out.is_empty() {
                out.push(' ');
            }
            previous_lower = false;
            continue;
        }
        if c.is_uppercase() && previous_lower {
            out.push(' ');
        }
        previous_lower = c.is_lowercase() || c.is_numeric();
        if out.is_empty() {
            out.extend(c.to_uppercase());
        } else {
            out.extend(c.to_lowercase());
        }
    }
    let trimmed = out.trim_end();
    if trimmed.is_empty() { name.to_owned() } else { trimmed.to_owned() }
}

/// Joins names as a sentence does: `a`, `a and b`, `a, b and c`.
pub fn and_list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

/// What nobody sees: zero-width and direction marks, fillers, tags, separators of lines, byte order marks, controls. Not white space.
pub fn is_invisible(c: char) -> bool {
    let marks = matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}');
    let fillers = matches!(c, '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}' | '\u{ffa0}' | '\u{feff}');
    marks || fillers || matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}') || (c.is_control() && !c.is_whitespace())
}

/// A text as a person sees it: without what nobody sees, in one normal form (NFC), without white space around it.
pub fn visible(text: &str) -> String {
    if text.bytes().all(|byte| (b' '..0x7f).contains(&byte)) {
        return text.trim().to_owned();
    }
    let seen: String = text.chars().filter(|c| !is_invisible(*c)).nfc().collect();
    seen.trim().to_owned()
}

/// The form that spellings share which differ in case or in how their letters are written only.
pub fn same(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { text.nfc().collect::<String>().to_lowercase() }
}

/// For searches: small letters without their accents, so that `gdansk` finds Gdańsk.
pub fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase) {
        match c {
            'ł' => out.push('l'),
            'ø' => out.push('o'),
            'đ' | 'ð' => out.push('d'),
            'ħ' => out.push('h'),
            'ı' => out.push('i'),
            'ŧ' => out.push('t'),
            'ß' => out.push_str("ss"),
            'æ' => out.push_str("ae"),
            'œ' => out.push_str("oe"),
            'þ' => out.push_str("th"),
            // What a dotted capital I leaves behind when it becomes small.
            '\u{307}' => {}
            c => out.push(c),
        }
    }
    out
}

/// The beginning of a text that came from outside, to be quoted in a sentence.
pub fn shortened(text: &str) -> String {
    const MOST: usize = 80;
    let mut short: String = text.chars().filter(|c| !is_invisible(*c)).take(MOST).collect();
    if short.len() < text.len() && text.chars().count() > MOST {
        short.push('…');
    }
    short
}

/// An error's fragment as a sentence.
pub fn sentence(fragment: &str) -> String {
    let mut chars = fragment.chars();
    chars.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), chars.as_str()))
}

/// A text with a small letter at its beginning.
pub fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_separators() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(12_400), "12,400");
        assert_eq!(thousands(-1_234_567), "−1,234,567");
    }

    #[test]
    fn accents_and_what_nobody_sees() {
        for (text, found) in [("Gdańsk", "gdansk"), ("ŁÓDŹ", "lodz"), ("Straße", "strasse"), ("Ærø", "aero"), ("İzmir", "izmir")]
        {
            assert_eq!(folded(text), found);
        }
        assert_eq!(visible("\u{feff} a\u{200b}b\0 "), "ab");
        for c in
            ['\u{2066}', '\u{2069}', '\u{61c}', '\u{2028}', '\u{2029}', '\u{3164}', '\u{180e}', '\u{e0041}', '\u{200b}', '\u{ad}']
        {
            assert!(is_invisible(c), "{}", c.escape_unicode());
        }
        assert!([' ', '\u{a0}', 'ä', '\u{301}', '中'].into_iter().all(|c| !is_invisible(c)));
        assert_eq!(visible("e\u{301}"), "é");
        assert_eq!(same("É"), same("e\u{301}"));
    }

    #[test]
    fn plurals_and_lists() {
        assert_eq!(count(1, "row", "rows"), "1 row");
        assert_eq!(count(2_000, "row", "rows"), "2,000 rows");
        assert_eq!(and_list(&["a".into(), "b".into(), "c".into()]), "a, b and c");
    }
}
