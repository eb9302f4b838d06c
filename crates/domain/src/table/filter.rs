//! What filters are made of: some of many values, figures between two bounds, words that occur in a text.

use memchr::memmem;
use serde::{Deserialize, Serialize};

use super::columns::Texts;
use super::places;

/// Values of which a row has one, or has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneOf<T> {
    /// The values; nothing is asked where there is none.
    pub values: Vec<T>,
    /// A row that has one of them does not pass, and one that has none does.
    pub not: bool,
}

impl<T> Default for OneOf<T> {
    fn default() -> Self {
        Self { values: Vec::new(), not: false }
    }
}

impl<T> From<T> for OneOf<T> {
    fn from(value: T) -> Self {
        Self { values: vec![value], not: false }
    }
}

impl<T: PartialEq + ToString> OneOf<T> {
    /// Whether it asks for anything.
    pub fn is_set(&self) -> bool {
        !self.values.is_empty()
    }

    /// Adds the values of an address, which are joined by commas.
    pub(crate) fn read(&mut self, text: &str, make: impl Fn(&str) -> Option<T>) {
        for value in text.split(',').filter(|value| !value.is_empty()).filter_map(make) {
            if !self.values.contains(&value) {
                self.values.push(value);
            }
        }
    }

    /// The values as an address has them; nothing where it asks for nothing.
    pub(crate) fn word(&self) -> Option<String> {
        self.is_set().then(|| self.values.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
    }
}

/// A figure between two bounds, either of which may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Range {
    /// At least so many.
    pub least: Option<u32>,
    /// At most so many.
    pub most: Option<u32>,
}

impl Range {
    /// Reads `3`, `3-`, `-5` or `3-5`.
    pub fn parse(text: &str) -> Self {
        let figure = |text: &str| text.trim().parse::<u32>().ok();
        match text.split_once('-') {
            Some((least, most)) => Self { least: figure(least), most: figure(most) },
            None => Self { least: figure(text), most: figure(text) },
        }
    }

    /// Reads what a form or an address says of it: `""` both bounds, `least` or `most` one of them.
    pub(crate) fn read(&mut self, bound: &str, value: &str) {
        match bound {
            "" => *self = Self::parse(value),
            "least" => self.least = value.parse().ok(),
            "most" => self.most = value.parse().ok(),
            _ => {}
        }
    }

    /// The word in the address; nothing where it has no bounds.
    pub fn word(self) -> Option<String> {
        let text = |bound: Option<u32>| bound.map(|bound| bound.to_string()).unwrap_or_default();
        match (self.least, self.most) {
            (None, None) => None,
            (Some(least), Some(most)) if least == most => Some(least.to_string()),
            (least, most) => Some(format!("{}-{}", text(least), text(most))),
        }
    }

    /// Whether it asks for anything.
    pub fn is_set(self) -> bool {
        self != Self::default()
    }

    pub(crate) fn takes(self, figure: usize) -> bool {
        let figure = u32::try_from(figure).unwrap_or(u32::MAX);
        self.least.is_none_or(|least| figure >= least) && self.most.is_none_or(|most| figure <= most)
    }
}

/// Codes of which a row has one, or none: the values of a filter made ready for one table.
pub(crate) struct Codes {
    codes: Vec<u16>,
    /// A row that has one of them does not pass.
    pub(crate) not: bool,
}

impl Codes {
    /// Those of the values that the table knows, each by its place and `shift`; nothing where none is asked for.
    pub(crate) fn of<T>(wanted: &OneOf<T>, shift: usize, find: impl Fn(&T) -> Option<usize>) -> Option<Self> {
        (!wanted.values.is_empty()).then(|| Self {
            codes: wanted.values.iter().filter_map(|value| u16::try_from(find(value)? + shift).ok()).collect(),
            not: wanted.not,
        })
    }

    pub(crate) fn take(&self, code: u16) -> bool {
        self.codes.contains(&code) != self.not
    }

    /// Whether a set of codes passes of which `whole` says that it is all there is.
    pub(crate) fn take_any(&self, codes: &[u16], whole: bool) -> bool {
        let has = codes.iter().any(|code| self.codes.contains(code));
        if self.not { whole && !has } else { has }
    }
}

/// Places of the rows in whose texts every word of `needle` occurs, in any order: one search through all of them at once for
/// the longest word, and a look at the rows it finds for the others. All rows where there is no word. Both are folded.
pub(crate) fn with_words(texts: &Texts<1>, needle: &str, rows: usize) -> Vec<u32> {
    let mut words: Vec<&str> = needle.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty()).collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let Some((first, others)) = words.split_first() else { return (0..places(rows)).collect() };
    let (text, ends) = texts.all();
    let finder = memmem::Finder::new(first.as_bytes());
    let mut found = Vec::new();
    let (mut from, mut row, mut start) = (0_usize, 0_usize, 0_usize);
    while let Some(hit) = text.as_bytes().get(from..).and_then(|rest| finder.find(rest)) {
        let hit = from + hit;
        // Hits only go forward, so all steps together pass each row once.
        while let Some(end) = ends.get(row).map(|end| *end as usize).filter(|end| *end <= hit) {
            start = end;
            row += 1;
        }
        let Some(end) = ends.get(row).map(|end| *end as usize) else { break };
        let here = text.get(start..end).unwrap_or_default();
        if others.iter().all(|word| here.contains(word)) {
            found.push(places(row));
        }
        from = end;
    }
    found
}
