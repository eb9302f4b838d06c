//! The table of a room: all rows in the browser, a page of them from the server, filters, columns, views with names, and what
//! is selected. It knows nothing of what the rows are; a room says so by [`Kind`].

mod api;
mod bar;
mod columns;
pub mod filters;
mod follow;
mod grid;
mod live;
mod load;
mod paged;
#[cfg(feature = "hydrate")]
mod painter;
#[cfg(feature = "ssr")]
mod serve;
#[cfg(feature = "ssr")]
mod service;
mod view;
mod views;

use std::borrow::Cow;

use domain::table::{Column, Filter, Rows, Travels, View};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use api::{drop_view, save_view, views};
pub use bar::{LiveBar, LiveForm, PagedFields};
pub use columns::{ColumnMenu, Layout};
pub use filters::Filters;
#[cfg(feature = "hydrate")]
pub use follow::{clear_on_escape, close_menus, close_menus_on_escape};
pub use follow::{follow, to_table};
pub use grid::GridTable;
#[cfg(feature = "hydrate")]
pub use live::keep_up;
pub use live::{Coming, Live};
pub use load::OTHER_VERSION;
#[cfg(feature = "hydrate")]
pub use load::{Missed, fetch};
pub use paged::Paged;
#[cfg(feature = "ssr")]
pub use serve::{Which, bytes, other_version, part};
#[cfg(feature = "ssr")]
pub use service::{Counted, chosen, first_page, selection};
pub use view::{Choice, NamedView};
pub use views::ViewMenu;

use crate::ui::query::{from_query, to_query};

/// Everything of a table that the address holds.
pub type ViewOf<T> = View<<T as Rows>::Filter, <T as Rows>::Column>;

/// What a cell shows, however it is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell<'l> {
    /// Text.
    Text(Cow<'l, str>),
    /// Text of lesser weight, such as that there is nothing.
    Muted(Cow<'l, str>),
    /// What the row is called, which opens it.
    Name {
        /// The words of the link.
        text: &'l str,
        /// They are an id rather than a name.
        mono: bool,
        /// What stands beside it; may be empty.
        beside: &'l str,
        /// That is words rather than an id.
        words: bool,
    },
    /// Chips: the class and the words of each.
    Chips(Vec<(&'static str, Cow<'static, str>)>),
}

/// What a room says of its table.
pub trait Kind: Travels {
    /// The room: `/t/{tenant}/{ROOM}`. Also names what the browser keeps of its table.
    const ROOM: &'static str;
    /// What the table is called.
    const LABEL: &'static str;
    /// What a row opens, as `the person`.
    const OPENS: &'static str;
    /// What the search field finds, as `Name or email`.
    const SEARCHES: &'static str;
    /// What comes before the blocks, and the blocks: the last part of `/rows/{tenant}/{part}`.
    const PARTS: [&'static str; 2];
    /// Columns that the table gives up where there is no room for them, the first first.
    const GIVEN_UP: &'static [Self::Column];

    /// A row as a page of them travels.
    type Line: Clone + Serialize + DeserializeOwned + Send + Sync + 'static;
    /// What rows show that is known apart from them.
    type Known: Copy + PartialEq + Default + Send + Sync + 'static;
    /// What one can filter by.
    type Field: filters::Field<Self>;

    /// The row at a place.
    fn line(&self, at: u32) -> Option<Self::Line>;

    /// Names the row.
    fn key_of(line: &Self::Line) -> &str;

    /// What its box is called.
    fn select_label(line: &Self::Line) -> String;

    /// Whether the row at a place is the one that stands open beside the table; `open` is empty where none does.
    fn is_open(&self, at: u32, open: &str) -> bool;

    /// Where its name leads to; `here` is the address of the view.
    fn href(here: &str, line: &Self::Line) -> String;

    /// The classes of a column's cells.
    fn class(column: Self::Column) -> &'static str;

    /// A column's width in pixels, as the style sheet has it.
    fn usual_width(column: Self::Column) -> u32;

    /// What a cell shows.
    fn cell(line: &Self::Line, column: Self::Column, known: Self::Known) -> Cell<'_>;

    /// The name of something that rows refer to by its id.
    fn name_of(&self, id: &str) -> Option<String>;

    /// All values of a field that the table knows; nothing where the page says which there are.
    fn offered(&self, field: Self::Field) -> Option<Vec<Choice>>;
}

/// The view that an address's query holds.
pub fn view_of<T: Kind>(query: &str) -> ViewOf<T> {
    let pairs = from_query(query);
    View::from_pairs(pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())))
}

/// The address of a view.
pub fn address_of<T: Kind>(tenant: &str, view: &ViewOf<T>) -> String {
    format!("/t/{tenant}/{}{}", T::ROOM, to_query(&view.to_pairs()))
}

/// The address's query of a filter.
pub fn query_of<F: Filter>(filter: &F) -> String {
    to_query(&filter.to_pairs())
}

/// Where a browser keeps the selection of a room's table while its plan is looked at.
pub fn selection_key(room: &str, tenant: &str) -> String {
    format!("quartermaster-selection-{room}-{tenant}")
}

/// How a column is sorted: for machines where it is the first of all, and as an arrow, with its place where it is not.
fn sorted<F: Filter, C: Column>(view: &View<F, C>, column: C) -> (Option<&'static str>, String) {
    let Some((sort, place)) = view.sorted(column) else { return (None, String::new()) };
    let (word, arrow) = if sort.descending { ("descending", " ↓") } else { ("ascending", " ↑") };
    let several = view.sort.len() > 1;
    ((place == 1).then_some(word), if several { format!("{arrow}{place}") } else { arrow.to_owned() })
}

/// What tests of rooms ask of their tables' columns.
#[cfg(test)]
pub(crate) mod testing {
    use super::Kind;
    pub(crate) use super::columns::fitting;

    /// Every column in the order of the menu.
    pub(crate) fn in_menu<C: super::Column>(shown: &[C]) -> Vec<C> {
        super::columns::in_menu(shown)
    }

    /// The width of a column after it was given one.
    pub(crate) fn width_kept<T: Kind>(column: T::Column, pixels: i32) -> u32 {
        let mut layout = super::Layout::default();
        layout.set_width(column, pixels);
        layout.width::<T>(column)
    }
}
