//! The server's side: configuration, state, middleware, and everything that talks to Qlik or the database.

pub mod access;
pub mod assets;
pub mod bounds;
pub mod checks;
pub mod clock;
pub mod config;
pub mod executor;
pub mod follow;
pub mod grants;
pub mod housekeeping;
pub mod inventory;
pub mod mapping;
pub mod middleware;
pub mod router;
pub mod seal;
pub mod sessions;
pub mod state;
pub mod supervise;
