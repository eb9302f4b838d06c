//! The frame around a tenant's rooms: navigation, tenant, and who one is.

mod api;
mod commands;
mod page;
mod palette;

pub use api::{FrameFacts, read_frame};
pub use page::Frame;
