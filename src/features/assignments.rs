//! Who holds which license: filter, sort, select, and plan a change for those selected.

mod api;
mod bar;
mod field;
mod kind;
mod nobody;
mod page;
mod person;
#[cfg(feature = "ssr")]
mod person_service;
#[cfg(feature = "ssr")]
mod rows;
#[cfg(feature = "ssr")]
mod service;
mod used;
mod uses;
mod view;

pub use api::{Draft, Edit, TakeBack, assignments, draft, edit, person, take_back};
pub use page::AssignmentsPage;
pub use person::with_person;
#[cfg(feature = "ssr")]
pub use rows::routes;
pub use view::{AssignmentsView, PersonView};

/// The view that an address's query holds.
#[cfg(feature = "ssr")]
pub(crate) fn view_of(query: &str) -> domain::assignments::View {
    crate::features::table::view_of::<domain::assignments::Table>(query)
}
