//! The engine of the tables: rows kept by column, searched, sorted, selected and cut into pages between two frames, on the
//! server and in the browser alike. It knows nothing of what the rows are.

mod columns;
mod filter;
mod selection;
mod sort;
mod view;

use std::fmt;
use std::hash::Hash;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

pub use columns::Day;
pub use filter::{OneOf, Range};
pub use selection::{RowKey, RowSelection, Selection};
pub use sort::Sort;
pub use view::{View, Window};

pub(crate) use columns::{Code, Sets, Texts, codes, places_of, ranks};
pub(crate) use filter::{Codes, with_words};

/// A column of a table. The usual one is what rows are called by: it is always shown, and rows are in its order where nothing
/// else is asked for.
pub trait Column:
    Copy + PartialEq + Eq + Hash + Default + fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// All of them, in their usual order.
    const ALL: &'static [Self];
    /// Those of a person who has not chosen any.
    const USUAL: &'static [Self];

    /// The word in the address.
    fn as_str(self) -> &'static str;

    /// What it is called.
    fn label(self) -> &'static str;

    /// Whether its cells are figures, which stand at the right.
    fn is_figure(self) -> bool;

    /// Reads the word in the address.
    fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|column| column.as_str() == word)
    }
}

/// Which rows a view shows, and its form in the address.
pub trait Filter: Clone + PartialEq + Default + fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Reads a filter from decoded query pairs. What it does not know it leaves alone.
    fn from_pairs(pairs: &[(&str, &str)]) -> Self;

    /// The pairs of this filter in an address; the inverse of reading them.
    fn to_pairs(&self) -> Vec<(&'static str, String)>;

    /// Without what is typed: words, days and bounds. What is left was chosen.
    #[must_use]
    fn chosen(&self) -> Self;

    /// Whether nothing is filtered.
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How a column ranks rows: small numbers in the order of their cells, nothing where the cell is empty.
pub type Rank<'a> = Box<dyn Fn(u32) -> Option<u32> + 'a>;

/// Rows that the engine works on. A row is named by its place in the table's own order.
pub trait Rows: Clone + Default + Send + Sync + 'static {
    /// Its columns.
    type Column: Column;
    /// Its filters.
    type Filter: Filter;

    /// How many rows there are.
    fn len(&self) -> usize;

    /// Names a row across sort, filter and reload; `None` where there is no such row.
    fn key(&self, at: u32) -> Option<RowKey>;

    /// Places of the rows that pass `filter`, in the table's own order.
    fn matching(&self, filter: &Self::Filter) -> Vec<u32>;

    /// How a column ranks rows.
    fn rank(&self, column: Self::Column) -> Rank<'_>;

    /// Whether both are the very same rows; not merely equal ones.
    fn is_same(&self, other: &Self) -> bool;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All places, in the table's own order.
    fn every(&self) -> std::ops::Range<u32> {
        0..places(self.len())
    }

    /// The place of the row of this name.
    fn find(&self, key: &RowKey) -> Option<u32> {
        self.every().find(|at| self.key(*at).as_ref() == Some(key))
    }

    /// Puts places of rows in order. Rows that all columns call equal stay in the table's own order; empty cells come last
    /// whichever way a column is sorted. `rows` are in the table's own order.
    fn sort(&self, mut rows: Vec<u32>, by: &[Sort<Self::Column>]) -> Vec<u32> {
        // From the least of the columns to the first; each pass leaves equals as they were.
        for sort in by.iter().take(sort::MOST).rev() {
            rows = sort::pass(&rows, &*self.rank(sort.column), sort.descending);
        }
        rows
    }

    /// Places of the rows that a view shows, in its order.
    fn order(&self, view: &View<Self::Filter, Self::Column>) -> Vec<u32> {
        self.sort(self.matching(&view.filter), &view.sort)
    }

    /// Rows `[skip, skip + take)` of those that match, sorted, and how many match in all.
    fn window(&self, view: &View<Self::Filter, Self::Column>, take: usize) -> Window {
        let order = self.order(view);
        let pages = places(order.len().div_ceil(take.max(1)).max(1));
        let page = view.page.clamp(1, pages);
        let rows = order.iter().skip((page as usize - 1) * take).take(take).copied().collect();
        Window { rows, matching: order.len() as u64, page, pages }
    }

    /// Names these rows by their keys, in whatever order: what was counted can be told from what there is later. Never 0.
    fn digest(&self, rows: &[u32]) -> u64 {
        let mut keys: Vec<RowKey> = rows.iter().filter_map(|at| self.key(*at)).collect();
        keys.sort_unstable();
        let mut hash = Sha256::new();
        for key in keys {
            hash.update(key.as_str());
            hash.update([0]);
        }
        first_bytes(&hash.finalize())
    }
}

/// A hash as a number that is never 0.
pub(crate) fn first_bytes(hash: &[u8]) -> u64 {
    hash.first_chunk().map_or(1, |bytes| u64::from_le_bytes(*bytes)).max(1)
}

/// Rows are numbered with 32 bits: a tenant of four thousand million rows is not one.
pub(crate) fn places(rows: usize) -> u32 {
    u32::try_from(rows).unwrap_or(u32::MAX)
}

/// How often each code occurs, from 0 to `of`.
pub(crate) fn counted(codes: impl Iterator<Item = Code>, of: usize) -> Vec<u64> {
    let mut counts = vec![0_u64; of + 1];
    for code in codes {
        if let Some(count) = counts.get_mut(usize::from(code)) {
            *count += 1;
        }
    }
    counts
}

/// Why a block of rows that came over the wire cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// It does not follow what is there.
    #[error("a block of rows does not follow the one before")]
    Order,
    /// Its columns are not of one length, or it cannot be read at all.
    #[error("a block of rows cannot be read")]
    Broken,
}

/// A table that travels: an outline comes first with what rows refer to, then rows in blocks of a few thousand, so that a
/// browser shows the first ones at once and is never busy for long.
pub trait Travels: Rows {
    /// Consecutive rows.
    type Block;

    /// An empty table to fill, and how many rows there will be.
    fn begin_from(bytes: &[u8]) -> Result<(Self, u32), BlockError>;

    /// Reads a block.
    fn decode(bytes: &[u8]) -> Result<Self::Block, BlockError>;

    /// How many rows a block has.
    fn rows_of(block: &Self::Block) -> usize;

    /// Adds the rows that come next.
    fn take(&mut self, block: &Self::Block) -> Result<(), BlockError>;

    /// What to send before the blocks, in bytes.
    fn outline_bytes(&self) -> Vec<u8>;

    /// Rows `[first, first + take)` in bytes, as far as there are any.
    fn block_bytes(&self, first: u32, take: u32) -> Vec<u8>;
}
