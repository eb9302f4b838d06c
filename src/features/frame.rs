//! The frame around a tenant's rooms: navigation, tenant, who one is, and the palette.

mod api;
mod commands;
#[cfg(feature = "ssr")]
mod find;
mod finder;
mod page;
mod palette;
mod session_end;
mod view;

pub use api::{find, read_frame, stay};
pub use finder::{LoadParts, single_keys};
pub use page::Frame;
pub use palette::Palette;
pub use session_end::SessionEnd;
pub use view::FrameFacts;
