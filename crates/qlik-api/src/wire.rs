//! What travels: request and response shapes of Qlik's APIs.
//!
//! Source of every field: Qlik's API reference and OpenAPI documents (July 2026). Reading is lenient because the
//! documents' own examples break their schemas; writing is strict.

pub mod audits;
pub mod error;
pub mod groups;
pub mod items;
mod lenient;
pub mod licenses;
pub mod page;
pub mod roles;
pub mod users;
