//! The portal's server: configuration, state, middleware, who may do what, and its words. What talks to tenants is the engine.

pub mod access;
pub mod assets;
pub mod auth;
pub mod bounds;
pub mod checks;
pub mod config;
pub mod connection;
pub mod cookies;
pub mod failure;
pub mod keys;
pub mod lead;
pub mod memory;
pub mod middleware;
pub mod paths;
pub mod ring;
pub mod sessions;
pub mod state;
pub mod verify_audit;
pub mod words;
pub mod zone;
