//! The audit trail: what was intended, and what came of it.

mod api;
mod page;

pub use api::{AuditLine, audit};
pub use page::AuditPage;
