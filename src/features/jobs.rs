//! Jobs: progress, results, and what can be done about them.

mod api;
mod page;
#[cfg(feature = "ssr")]
mod service;
#[cfg(feature = "ssr")]
mod stream;
mod view;

pub use api::{job, jobs, redo, steer};
pub use page::{JobPage, JobTable, JobsPage, TallyChips};
pub(crate) use page::{outcome, short};
#[cfg(feature = "ssr")]
pub use service::{outcome_of, recent, undo_title};
#[cfg(feature = "ssr")]
pub use stream::routes;
pub use view::{JobLine, JobView, Pulse, Tallies};
