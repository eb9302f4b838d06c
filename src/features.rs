//! The rooms: one per thing an admin does. A room never reaches into another's insides.

pub mod assignments;
pub mod audit;
pub mod condition;
pub mod connect;
pub mod frame;
pub mod groups;
pub mod jobs;
pub mod lists;
pub mod me;
pub mod overview;
pub mod plans;
pub mod roles;
pub mod sessions;
pub mod settings;
pub mod shared;
pub mod table;
