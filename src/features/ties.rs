//! Licenses by group: what everyone in a group is to hold, who lacks it, who left and still holds it, and the plans for both.

mod api;
mod page;
#[cfg(feature = "ssr")]
mod service;
mod view;

pub use api::{draft_tied, tie, tied, untie};
pub use page::TiesPage;
#[cfg(feature = "ssr")]
pub use service::standing;
pub use view::TiesView;
