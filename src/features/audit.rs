//! The audit trail: who did what to whom, when, and what came of it.

mod api;
#[cfg(feature = "ssr")]
mod details;
mod event;
#[cfg(feature = "ssr")]
mod export;
mod page;
#[cfg(feature = "ssr")]
mod service;
#[cfg(feature = "ssr")]
mod then;
mod then_page;
mod view;

pub use api::audit;
#[cfg(feature = "ssr")]
pub use details::details;
#[cfg(feature = "ssr")]
pub use export::routes;
pub use page::AuditPage;
pub use then_page::ThenPage;
pub use view::{AuditLine, AuditView};
