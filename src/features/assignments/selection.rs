//! What is selected in the browser: rows picked by hand, or everything that matches but for exceptions.

use std::collections::BTreeSet;

use leptos::prelude::*;

/// A selection. It survives sorting, filtering and paging.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Picked {
    /// Picked by hand; with `matching`, taken out by hand.
    pub keys: BTreeSet<String>,
    /// All rows that match this query.
    pub matching: Option<String>,
}

impl Picked {
    /// Whether a row that passes the present filter is selected.
    pub fn has(&self, key: &str) -> bool {
        self.keys.contains(key) != self.matching.is_some()
    }

    /// Selects a row or takes it out.
    pub fn set(&mut self, key: &str, on: bool) {
        if on == self.matching.is_some() {
            self.keys.remove(key);
        } else {
            self.keys.insert(key.to_owned());
        }
    }

    /// Nothing is selected by hand or by query.
    pub fn is_empty(&self) -> bool {
        self.matching.is_none() && self.keys.is_empty()
    }

    /// How many rows, where `all` match the query.
    pub fn count(&self, all: u64) -> u64 {
        let n = self.keys.len() as u64;
        if self.matching.is_some() { all.saturating_sub(n) } else { n }
    }
}

/// The selection with the row that a range starts from.
#[derive(Clone, Copy)]
pub struct Selecting {
    /// What is selected.
    pub picked: RwSignal<Picked>,
    /// The row clicked last, by its place on the page.
    anchor: RwSignal<Option<usize>>,
}

impl Selecting {
    /// Nothing selected.
    pub fn new() -> Self {
        Self { picked: RwSignal::new(Picked::default()), anchor: RwSignal::new(None) }
    }

    /// A click on the box of row `at` of `page`; with shift, everything from the row clicked before.
    pub fn click(self, page: &[String], at: usize, on: bool, shift: bool) {
        let from = if shift { self.anchor.get_untracked().unwrap_or(at) } else { at };
        let (low, high) = (from.min(at), from.max(at));
        self.picked.update(|picked| {
            for key in page.iter().take(high + 1).skip(low) {
                picked.set(key, on);
            }
        });
        self.anchor.set(Some(at));
    }

    /// Forgets everything.
    pub fn clear(self) {
        self.picked.set(Picked::default());
        self.anchor.set(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_matching_is_a_query_with_exceptions() {
        let mut picked = Picked { matching: Some("?q=x".into()), ..Picked::default() };
        assert!(picked.has("a"));
        picked.set("a", false);
        assert!(!picked.has("a") && picked.has("b"));
        assert_eq!(picked.count(10), 9);
        picked.set("a", true);
        assert_eq!(picked.count(10), 10);
    }

    #[test]
    fn rows_by_hand() {
        let mut picked = Picked::default();
        picked.set("a", true);
        picked.set("b", true);
        picked.set("a", false);
        assert_eq!((picked.count(100), picked.has("b"), picked.is_empty()), (1, true, false));
    }
}
