//! Who holds which license: filter, sort, select, and plan a change for those selected.

mod api;
mod bar;
mod columns;
mod filters;
mod grid;
mod live;
mod load;
mod nobody;
mod page;
mod paged;
#[cfg(feature = "hydrate")]
mod painter;
mod person;
#[cfg(feature = "ssr")]
mod person_service;
#[cfg(feature = "ssr")]
mod rows;
#[cfg(feature = "ssr")]
mod service;
mod view;
mod views;

pub use api::{Draft, Edit, TakeBack, assignments, draft, drop_view, edit, person, save_view, take_back, views};
pub use page::AssignmentsPage;
pub use person::with_person;
#[cfg(feature = "ssr")]
pub use rows::routes;
pub use view::{AssignmentsView, PersonView};

/// The view that an address's query holds.
pub(crate) fn view_of(query: &str) -> domain::table::View {
    let pairs = crate::ui::query::from_query(query);
    domain::table::View::from_pairs(pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())))
}

/// The address of a view.
fn address_of(tenant: &str, view: &domain::table::View) -> String {
    format!("/t/{tenant}/assignments{}", crate::ui::query::to_query(&view.to_pairs()))
}
