#![doc = include_str!("../README.md")]

#[cfg(feature = "client")]
pub mod client;
pub mod rows;
pub mod wire;
