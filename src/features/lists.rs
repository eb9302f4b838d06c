//! Lists that people bring, put right before anything is planned; and lists to take away.

mod api;
#[cfg(feature = "ssr")]
mod files;
mod page;
#[cfg(feature = "ssr")]
mod service;
mod view;
#[cfg(feature = "ssr")]
mod workbook;

pub use api::{correct, keep_pasted, list, pasted, plan_list, read_as, set_usual};

#[cfg(feature = "ssr")]
pub use files::{MAX_LIST, routes};
pub use page::{ListPage, ListsPage};
pub use view::{ListView, PastedView};
