//! The rules of license and role changes, pure: no I/O, no clock, no framework.
//!
//! An [`inventory::Inventory`] is what Qlik said; an [`plan::Intent`] is what somebody wants;
//! [`plan::draw_up`] turns both into a [`plan::Plan`] that can be read, applied, settled and undone.

pub mod allotment;
pub mod assignments;
pub mod change;
pub mod drift;
pub mod gauge;
pub mod groups;
pub mod import;
pub mod inventory;
pub mod journal;
pub mod license;
pub mod mask;
pub mod pace;
pub mod past;
pub mod plan;
pub mod projection;
pub mod reach;
pub mod roles;
pub mod subject;
pub mod table;
pub mod text;
pub mod ties;
pub mod touch;
pub mod trend;
pub mod usage;
