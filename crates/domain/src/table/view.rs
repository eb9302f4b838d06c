//! Views: everything of a table that the address holds, and the windows that they show.

use serde::{Deserialize, Serialize};

use super::{Column, Filter, Sort, sort};

/// Everything of a table that the address holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct View<F, C> {
    /// Which rows.
    pub filter: F,
    /// In which order, the most important first; by the usual column where there is none.
    pub sort: Vec<Sort<C>>,
    /// Which columns, in which order; the usual ones where there is none.
    pub columns: Vec<C>,
    /// Which page, from 1, where rows come in pages.
    pub page: u32,
}

impl<F: Filter, C: Column> View<F, C> {
    /// Reads a view from decoded query pairs. What it does not know it leaves alone.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut view = Self { page: 1, ..Self::default() };
        let mut others = Vec::new();
        for (key, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
            match key {
                "sort" => {
                    for sort in value.split(',').filter_map(Sort::<C>::parse) {
                        if view.sort.len() < sort::MOST && view.sort.iter().all(|known| known.column != sort.column) {
                            view.sort.push(sort);
                        }
                    }
                }
                "cols" => {
                    for column in value.split(',').filter_map(C::parse) {
                        if !view.columns.contains(&column) {
                            view.columns.push(column);
                        }
                    }
                }
                "page" => view.page = value.parse().unwrap_or(1).max(1),
                _ => others.push((key, value)),
            }
        }
        view.filter = F::from_pairs(&others);
        if view.sort == [Sort::default()] {
            view.sort.clear();
        }
        if view.columns == C::USUAL {
            view.columns.clear();
        }
        view
    }

    /// The query pairs of this view, without what is as usual; the inverse of [`View::from_pairs`].
    pub fn to_pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = self.filter.to_pairs();
        let joined = |words: Vec<String>| words.join(",");
        if !self.sort.is_empty() {
            pairs.push(("sort", joined(self.sort.iter().map(|sort| sort.word()).collect())));
        }
        if !self.columns.is_empty() {
            pairs.push(("cols", joined(self.columns.iter().map(|column| column.as_str().to_owned()).collect())));
        }
        if self.page > 1 {
            pairs.push(("page", self.page.to_string()));
        }
        pairs
    }

    /// The columns to show; the usual one is always there, for without it nobody knows whose row it is.
    pub fn shown(&self) -> Vec<C> {
        let mut shown = if self.columns.is_empty() { C::USUAL.to_vec() } else { self.columns.clone() };
        if !shown.contains(&C::default()) {
            shown.insert(0, C::default());
        }
        shown
    }

    /// How a column is sorted, and as which of several from 1.
    pub fn sorted(&self, column: C) -> Option<(Sort<C>, usize)> {
        if self.sort.is_empty() && column == C::default() {
            return Some((Sort::default(), 1));
        }
        self.sort.iter().position(|sort| sort.column == column).and_then(|at| Some((*self.sort.get(at)?, at + 1)))
    }

    /// The view after a click on a column's heading: by that column, and from the end if it was sorted so already.
    /// `more` keeps what it is sorted by now and adds the column, or turns it round, or takes it out.
    #[must_use]
    pub fn sort_by(&self, column: C, more: bool) -> Self {
        let mut to = Self { page: 1, ..self.clone() };
        let now = self.sorted(column).map(|(sort, _)| sort);
        if more {
            if to.sort.is_empty() {
                to.sort.push(Sort::default());
            }
            match to.sort.iter().position(|sort| sort.column == column) {
                Some(at) if to.sort.get(at).is_some_and(|sort| sort.descending) => {
                    to.sort.remove(at);
                }
                Some(at) => to.sort.iter_mut().skip(at).take(1).for_each(|sort| sort.descending = true),
                None => {
                    to.sort.truncate(sort::MOST - 1);
                    to.sort.push(Sort { column, descending: false });
                }
            }
        } else {
            let first = self.sort.len() <= 1;
            to.sort = vec![Sort { column, descending: first && now.is_some_and(|sort| !sort.descending) }];
        }
        if to.sort == [Sort::default()] {
            to.sort.clear();
        }
        to
    }
}

/// A cut of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Places of the rows of this page.
    pub rows: Vec<u32>,
    /// Rows that pass the filter.
    pub matching: u64,
    /// This page, from 1.
    pub page: u32,
    /// Pages there are.
    pub pages: u32,
}
