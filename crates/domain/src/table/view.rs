//! Views: everything of a table that the address holds, and the windows that they show.

use serde::{Deserialize, Serialize};

use super::{Column, Filter, Idle, Row, Sort, Table};

/// Everything of a table that the address holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct View {
    /// Which rows.
    pub filter: Filter,
    /// In which order, the most important first; by person where there is none.
    pub sort: Vec<Sort>,
    /// Which columns, in which order; the usual ones where there is none.
    pub columns: Vec<Column>,
    /// Which page, from 1, where rows come in pages.
    pub page: u32,
}

impl View {
    /// The columns of somebody who has not chosen any.
    pub const USUAL: [Column; 8] = [
        Column::Person,
        Column::Mail,
        Column::Allotment,
        Column::Since,
        Column::Used,
        Column::Status,
        Column::Flags,
        Column::Groups,
    ];

    /// Reads a view from decoded query pairs. What it does not know it leaves alone.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut view = Self { page: 1, ..Self::default() };
        // A form says in two fields for how long somebody did not use Qlik.
        let mut days_follow = false;
        for (key, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
            match key {
                "sort" => {
                    for sort in value.split(',').filter_map(Sort::parse) {
                        if view.sort.len() < Sort::MOST && view.sort.iter().all(|known| known.column != sort.column) {
                            view.sort.push(sort);
                        }
                    }
                }
                "cols" => {
                    for column in value.split(',').filter_map(Column::parse) {
                        if !view.columns.contains(&column) {
                            view.columns.push(column);
                        }
                    }
                }
                "page" => view.page = value.parse().unwrap_or(1).max(1),
                "days" if days_follow => view.filter.idle = value.parse().ok().map(Idle::Over).or(view.filter.idle),
                "used" => {
                    days_follow = value == "over";
                    view.filter.idle = Idle::parse(value);
                }
                _ => view.filter.read(key, value),
            }
        }
        view.filter = view.filter.settled();
        if view.sort == [Sort::default()] {
            view.sort.clear();
        }
        if view.columns == Self::USUAL {
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

    /// The columns to show; a person has always one, for without it nobody knows whose row it is.
    pub fn shown(&self) -> Vec<Column> {
        let mut shown = if self.columns.is_empty() { Self::USUAL.to_vec() } else { self.columns.clone() };
        if !shown.contains(&Column::Person) {
            shown.insert(0, Column::Person);
        }
        shown
    }

    /// How a column is sorted, and as which of several from 1.
    pub fn sorted(&self, column: Column) -> Option<(Sort, usize)> {
        if self.sort.is_empty() && column == Column::Person {
            return Some((Sort::default(), 1));
        }
        self.sort.iter().position(|sort| sort.column == column).and_then(|at| Some((*self.sort.get(at)?, at + 1)))
    }

    /// The view after a click on a column's heading: by that column, and from the end if it was sorted so already.
    /// `more` keeps what it is sorted by now and adds the column, or turns it round, or takes it out.
    #[must_use]
    pub fn sort_by(&self, column: Column, more: bool) -> Self {
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
                    to.sort.truncate(Sort::MOST - 1);
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

/// A cut of the table.
#[derive(Debug)]
pub struct Window<'a> {
    /// The rows of this page.
    pub rows: Vec<Row<'a>>,
    /// Rows that pass the filter.
    pub matching: u64,
    /// This page, from 1.
    pub page: u32,
    /// Pages there are.
    pub pages: u32,
}

impl Table {
    /// Places of the rows that a view shows, in its order.
    pub fn order(&self, view: &View) -> Vec<u32> {
        self.sort(self.matching(&view.filter), &view.sort)
    }

    /// Rows `[skip, skip + take)` of those that match, sorted, and how many match in all.
    pub fn window(&self, view: &View, take: usize) -> Window<'_> {
        let order = self.order(view);
        let pages = super::places(order.len().div_ceil(take.max(1)).max(1));
        let page = view.page.clamp(1, pages);
        let rows = order.iter().skip((page as usize - 1) * take).take(take).filter_map(|at| self.row(*at)).collect();
        Window { rows, matching: order.len() as u64, page, pages }
    }
}
