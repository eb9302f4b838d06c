//! Who holds which license: filter, sort, select, and plan a change for those selected.

mod api;
mod page;
mod person;
#[cfg(feature = "ssr")]
mod person_service;
mod selection;
#[cfg(feature = "ssr")]
mod service;

pub use api::{AssignmentsView, Draft, Edit, PersonView, TakeBack, assignments, draft, edit, person, take_back, visible};
pub use page::AssignmentsPage;

/// The view that an address's query holds.
fn view_of(query: &str) -> domain::table::View {
    let pairs = crate::ui::query::from_query(query);
    domain::table::View::from_pairs(pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())))
}
