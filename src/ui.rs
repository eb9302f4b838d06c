//! Primitives without any knowledge of licenses: they import nothing of ours but each other.

#[cfg(feature = "hydrate")]
pub mod back;
pub mod copy;
#[cfg(feature = "hydrate")]
pub mod early;
pub mod feedback;
pub mod head;
pub mod load;
pub mod meter;
pub mod pager;
pub mod post;
pub mod query;
#[cfg(feature = "hydrate")]
pub mod redirect;
pub mod rolling;
#[cfg(feature = "hydrate")]
pub mod rows;
#[cfg(feature = "hydrate")]
pub mod scope;
