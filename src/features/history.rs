//! How groups and roles were: what changed between two moments or since the baseline, by whom, and the plan that restores it.

mod api;
#[cfg(feature = "ssr")]
mod authors;
#[cfg(feature = "ssr")]
mod elsewhere;
#[cfg(feature = "ssr")]
mod file;
mod page;
#[cfg(feature = "ssr")]
mod service;
mod view;

pub use api::{declare, draft_restore, history, undeclare};
#[cfg(feature = "ssr")]
pub use file::routes;
pub use page::HistoryPage;
#[cfg(feature = "ssr")]
pub use service::{OffBaseline, off_baseline};
pub use view::{HistoryView, Span};
