//! Primitives without any knowledge of licenses: they import nothing of ours but each other.

#[cfg(feature = "hydrate")]
pub mod back;
#[cfg(feature = "hydrate")]
pub mod beside;
pub mod copy;
#[cfg(feature = "hydrate")]
pub mod early;
pub mod feedback;
pub mod head;
#[cfg(feature = "hydrate")]
pub mod led;
pub mod meter;
pub mod pager;
pub mod query;
pub mod rolling;
