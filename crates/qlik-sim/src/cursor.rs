//! Page cursors: opaque to clients, bound to their list, and good for an hour.

use serde::{Deserialize, Serialize};

/// Cursors expire after this long, by the tenant's clock.
const LIFETIME_MS: i64 = 3_600_000;

/// Where a page starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    /// Towards the start of the list.
    pub(crate) back: bool,
    /// The sort key of the entry beside the page.
    pub(crate) key: String,
    /// The number of the entry beside the page.
    pub(crate) seq: u64,
    /// When it was given out.
    pub(crate) issued: i64,
    /// The list: path, sort and filter.
    pub(crate) list: String,
    /// The page's length.
    pub(crate) limit: usize,
}

impl Cursor {
    pub(crate) fn encode(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        json.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Reads a cursor that came back. `None` for anything this simulator did not give out within the hour.
    pub(crate) fn decode(text: &str, now: i64) -> Option<Self> {
        if !text.len().is_multiple_of(2) || text.len() > 16_384 {
            return None;
        }
        let bytes: Option<Vec<u8>> =
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect();
        let cursor: Self = serde_json::from_slice(&bytes?).ok()?;
        (cursor.issued <= now && now - cursor.issued <= LIFETIME_MS && (1..=200).contains(&cursor.limit)).then_some(cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_come_back_until_they_expire() {
        let cursor = Cursor { back: false, key: "ä".into(), seq: 7, issued: 1_000, list: "l".into(), limit: 20 };
        assert_eq!(Cursor::decode(&cursor.encode(), 1_000 + LIFETIME_MS), Some(cursor.clone()));
        assert_eq!(Cursor::decode(&cursor.encode(), 1_001 + LIFETIME_MS), None);
        for nonsense in ["", "zz", "7b7d", "0", "é0"] {
            assert_eq!(Cursor::decode(nonsense, 1_000), None);
        }
    }
}
