//! Selections: rows picked by hand, or everything that matches a query but for some, kept while the table is sorted,
//! filtered and read again.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::Rows;

/// Names a row across sort, filter and reload. What it is made of is its table's business.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RowKey(String);

impl RowKey {
    /// A key of this text.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a bulk action works on: what passes `query` but for `except`, and `rows` besides. All matching rows are a query,
/// not a list of ids.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Selection<F> {
    /// Everything that passes this; nothing by query where there is none.
    pub query: Option<F>,
    /// Rows taken out of the query by hand.
    pub except: Vec<RowKey>,
    /// Rows picked by hand.
    pub rows: Vec<RowKey>,
}

/// A selection among the rows of one table: a bit for each row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RowSelection<F> {
    bits: Vec<u64>,
    query: Option<F>,
}

impl<F: super::Filter> RowSelection<F> {
    /// Finds a selection's rows in a table. Rows that went away meanwhile are left out.
    pub fn of<T: Rows<Filter = F>>(selection: &Selection<F>, table: &T) -> Self {
        let mut picked = selection.query.as_ref().map(|query| Self::all(table, query)).unwrap_or_default();
        if !selection.except.is_empty() || !selection.rows.is_empty() {
            let (except, rows): (HashSet<&RowKey>, HashSet<&RowKey>) =
                (selection.except.iter().collect(), selection.rows.iter().collect());
            for at in table.every() {
                let Some(key) = table.key(at) else { continue };
                if rows.contains(&key) {
                    picked.set(at, true);
                } else if except.contains(&key) {
                    picked.set(at, false);
                }
            }
        }
        picked
    }

    /// Everything that passes `query`.
    pub fn all<T: Rows<Filter = F>>(table: &T, query: &F) -> Self {
        let mut picked = Self { bits: vec![0; table.len().div_ceil(64)], query: Some(query.clone()) };
        for at in table.matching(query) {
            picked.set(at, true);
        }
        picked
    }

    /// Everything that passes `query`, whose rows in the table are known already.
    pub fn all_of(query: F, rows: &[u32]) -> Self {
        let mut picked = Self { bits: Vec::new(), query: Some(query) };
        for at in rows {
            picked.set(*at, true);
        }
        picked
    }

    /// Whether a row is selected.
    pub fn has(&self, at: u32) -> bool {
        self.bits.get(at as usize / 64).is_some_and(|bits| bits >> (at % 64) & 1 == 1)
    }

    /// Selects a row or takes it out.
    pub fn set(&mut self, at: u32, on: bool) {
        let word = at as usize / 64;
        if on && word >= self.bits.len() {
            self.bits.resize(word + 1, 0);
        }
        if let Some(bits) = self.bits.get_mut(word) {
            let bit = 1 << (at % 64);
            if on {
                *bits |= bit;
            } else {
                *bits &= !bit;
            }
        }
    }

    /// How many rows are selected.
    pub fn count(&self) -> usize {
        self.bits.iter().map(|bits| bits.count_ones() as usize).sum()
    }

    /// How many of `rows` are selected.
    pub fn count_in(&self, rows: &[u32]) -> usize {
        rows.iter().filter(|at| self.has(**at)).count()
    }

    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        self.bits.iter().all(|bits| *bits == 0)
    }

    /// What was selected as a query, if anything.
    pub fn query(&self) -> Option<&F> {
        self.query.as_ref()
    }

    /// Selected rows, in the table's own order.
    pub fn rows(&self) -> impl Iterator<Item = u32> {
        self.bits
            .iter()
            .zip(0_u32..)
            .flat_map(|(bits, word)| (0..64_u32).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| word * 64 + bit))
    }

    /// The same in terms that hold elsewhere and later.
    pub fn selection<T: Rows<Filter = F>>(&self, table: &T) -> Selection<F> {
        let asked = self.query.as_ref().map(|query| Self::all(table, query)).unwrap_or_default();
        let keys = |of: &Self, but: &Self| -> Vec<RowKey> {
            of.rows().filter(|at| !but.has(*at)).filter_map(|at| table.key(at)).collect()
        };
        Selection { query: self.query.clone(), except: keys(&asked, self), rows: keys(self, &asked) }
    }
}
