//! What columns are made of: texts end to end, sets end to end, days, and codes for words that repeat.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;

use serde::{Deserialize, Serialize};

/// The place of a word in its list, from 1; 0 for none.
pub(crate) type Code = u16;

/// A code for each word. Words beyond what a code can name have none.
pub(crate) fn codes<'a, T: Eq + Hash + 'a>(words: impl Iterator<Item = &'a T>) -> HashMap<&'a T, Code> {
    words.zip(1..=Code::MAX).collect()
}

/// The place of each word, from 0.
pub(crate) fn places_of<'a, T: Eq + Hash + 'a>(words: impl Iterator<Item = &'a T>) -> HashMap<&'a T, u16> {
    words.zip(0..=u16::MAX).collect()
}

/// `N` texts for each row, one after another in one piece of memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Texts<const N: usize> {
    text: String,
    ends: Vec<u32>,
}

impl<const N: usize> Texts<N> {
    /// Adds a row's texts. Where all together passed four gigabytes, the rest would be empty.
    pub(crate) fn push(&mut self, texts: [&str; N]) {
        for text in texts {
            if u32::try_from(self.text.len() + text.len()).is_ok() {
                self.text.push_str(text);
            }
            self.ends.push(self.end());
        }
    }

    /// Makes room for `rows` more with `bytes` of text, as far as that is likely: whoever tells of more may be wrong, and what
    /// really comes finds its room anyway. (Found by `script/fuzz`.)
    pub(crate) fn reserve(&mut self, rows: usize, bytes: usize) {
        const MOST: usize = 64 * 1024 * 1024;
        let _ = self.text.try_reserve(bytes.min(MOST));
        let _ = self.ends.try_reserve(rows.saturating_mul(N).min(MOST / 4));
    }

    /// A text of a row.
    pub(crate) fn get(&self, row: u32, which: usize) -> &str {
        let at = row as usize * N + which;
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        let end = self.ends.get(at).copied().unwrap_or(start);
        self.text.get(start as usize..end as usize).unwrap_or_default()
    }

    /// Everything, and where each text ends in it.
    pub(crate) fn all(&self) -> (&str, &[u32]) {
        (&self.text, &self.ends)
    }

    fn end(&self) -> u32 {
        u32::try_from(self.text.len()).unwrap_or(u32::MAX)
    }
}

/// A set of numbers for each row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sets {
    codes: Vec<u16>,
    ends: Vec<u32>,
}

impl Sets {
    pub(crate) fn push(&mut self, codes: &[u16]) {
        self.codes.extend_from_slice(codes);
        self.ends.push(u32::try_from(self.codes.len()).unwrap_or(u32::MAX));
    }

    pub(crate) fn get(&self, row: u32) -> &[u16] {
        let start = (row as usize).checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        let end = self.ends.get(row as usize).copied().unwrap_or(start);
        self.codes.get(start as usize..end as usize).unwrap_or_default()
    }
}

/// Each row's place among the `which` texts of all rows, from 1 and without case; 0 where the text is empty.
pub(crate) fn ranks<const N: usize>(texts: &Texts<N>, which: usize, rows: usize) -> Vec<u32> {
    let mut order: Vec<(String, u32)> = (0..super::places(rows))
        .map(|row| (texts.get(row, which).to_lowercase(), row))
        .filter(|(text, _)| !text.is_empty())
        .collect();
    order.sort_unstable();
    let mut ranks = vec![0; rows];
    let (mut rank, mut before) = (0, None);
    for (text, row) in &order {
        rank += u32::from(before != Some(text));
        before = Some(text);
        if let Some(place) = ranks.get_mut(*row as usize) {
            *place = rank;
        }
    }
    ranks
}

/// A day of the calendar, UTC. As a number it reads like the date: 20240311.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(u32);

impl Day {
    /// Reads the date that `text` begins with: `2024-03-11`, or a time of that day.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.get(..10)?.splitn(3, '-');
        let mut part = |digits: usize| {
            let part = parts.next()?;
            (part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse::<u32>().ok())?
        };
        let (year, month, day) = (part(4)?, part(2)?, part(2)?);
        ((1..=12).contains(&month) && (1..=31).contains(&day) && year > 0).then_some(Self(year * 10_000 + month * 100 + day))
    }

    /// The day of a date that is one.
    pub fn of(year: u32, month: u32, day: u32) -> Self {
        Self(year * 10_000 + month * 100 + day)
    }

    /// The date as a number.
    pub fn number(self) -> u32 {
        self.0
    }

    /// The day of such a number; 0 is none.
    pub fn of_number(number: u32) -> Option<Self> {
        (number != 0).then_some(Self(number))
    }

    /// Days from `earlier` to this one.
    pub fn since(self, earlier: Self) -> i64 {
        self.of_era() - earlier.of_era()
    }

    /// Days since the year 0, in the Gregorian calendar; Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    fn of_era(self) -> i64 {
        let (year, month, day) = (i64::from(self.0 / 10_000), i64::from(self.0 / 100 % 100), i64::from(self.0 % 100));
        let year = if month <= 2 { year - 1 } else { year };
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        year * 365 + year / 4 - year / 100 + year / 400 + day_of_year
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0 / 10_000, self.0 / 100 % 100, self.0 % 100)
    }
}
