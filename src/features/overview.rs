//! The overview: how much of the license is used, what needs attention, what changed lately.

mod api;
mod page;
#[cfg(feature = "ssr")]
mod service;

pub use api::{Attention, Overview, read_overview};
pub use page::OverviewPage;
