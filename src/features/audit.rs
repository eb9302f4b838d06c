//! The audit trail: what was intended, and what came of it.

mod api;
mod page;
mod view;

pub use api::audit;

pub use page::AuditPage;
pub use view::AuditLine;
