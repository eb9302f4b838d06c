//! The overview: how much of the license is used, what needs attention, what changed lately.

mod api;
mod page;
#[cfg(feature = "ssr")]
mod service;
mod view;

pub use api::read_overview;
pub use page::OverviewPage;
pub use view::{Attention, Overview};
