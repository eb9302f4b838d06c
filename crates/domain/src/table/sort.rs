//! Sorting: by several columns at once, each a pass of counting, so that a hundred thousand rows take milliseconds.

use serde::{Deserialize, Serialize};

use super::Column;

/// A sort takes at most so many columns; more than three are not told apart by anybody.
pub(super) const MOST: usize = 3;

/// A column and a direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sort<C> {
    /// By what.
    pub column: C,
    /// From the end.
    pub descending: bool,
}

impl<C: Column> Sort<C> {
    /// Reads `since` or `-since`.
    pub(super) fn parse(word: &str) -> Option<Self> {
        let (word, descending) = word.strip_prefix('-').map_or((word, false), |word| (word, true));
        C::parse(word).map(|column| Self { column, descending })
    }

    /// The word in the address.
    pub(crate) fn word(self) -> String {
        format!("{}{}", if self.descending { "-" } else { "" }, self.column.as_str())
    }
}

/// One stable pass: numbers of rows per rank, then each row to its place.
pub(super) fn pass(rows: &[u32], rank: &dyn Fn(u32) -> Option<u32>, descending: bool) -> Vec<u32> {
    const BLANK: u32 = u32::MAX;
    let mut keys: Vec<u32> = rows.iter().map(|row| rank(*row).unwrap_or(BLANK)).collect();
    let most = keys.iter().copied().filter(|key| *key != BLANK).max().unwrap_or_default();
    for key in &mut keys {
        *key = match *key {
            BLANK => most + 1,
            key if descending => most - key,
            key => key,
        };
    }
    let mut starts = vec![0_u32; most as usize + 3];
    for key in &keys {
        if let Some(next) = starts.get_mut(*key as usize + 1) {
            *next += 1;
        }
    }
    let mut sum = 0;
    for start in &mut starts {
        sum += *start;
        *start = sum;
    }
    let mut sorted = vec![0; rows.len()];
    for (row, key) in rows.iter().zip(&keys) {
        if let Some(start) = starts.get_mut(*key as usize) {
            if let Some(place) = sorted.get_mut(*start as usize) {
                *place = *row;
            }
            *start += 1;
        }
    }
    sorted
}
