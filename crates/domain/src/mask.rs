//! Shows that a secret is there without showing it.

/// The first three and last five characters of a license key, as far as that leaves most of it hidden.
///
/// The key is a signed token (Qlik licenses API, `licenseKey`): whoever has it has the license.
pub fn masked(secret: &str) -> String {
    let chars: Vec<char> = secret.chars().collect();
    if chars.len() < 24 {
        return if chars.is_empty() { String::new() } else { "•••••".to_owned() };
    }
    let head: String = chars.iter().take(3).collect();
    let tail: String = chars.iter().skip(chars.len() - 5).collect();
    format!("{head}…{tail}")
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn most_stays_hidden() {
        assert_eq!(masked(""), "");
        assert_eq!(masked("short"), "•••••");
        assert_eq!(masked("abcdefghijklmnopqrstuvwxyz"), "abc…vwxyz");
    }
}
