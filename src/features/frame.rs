//! The frame around a tenant's rooms: navigation, tenant, who one is, and the palette.

mod api;
mod commands;
mod finder;
mod page;
mod palette;
mod view;

pub use api::read_frame;
pub use finder::{LoadPalette, single_keys};
pub use page::Frame;
pub use palette::Palette;
pub use view::FrameFacts;
