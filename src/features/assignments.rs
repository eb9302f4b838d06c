//! Who holds which license: filter, sort, select, and plan a change for those selected.

mod api;
mod page;
mod selection;
#[cfg(feature = "ssr")]
mod service;

pub use api::{AssignmentsView, Draft, assignments, draft, visible};
pub use page::AssignmentsPage;
