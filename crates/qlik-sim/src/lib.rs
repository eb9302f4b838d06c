#![doc = include_str!("../README.md")]

mod api;
mod clock;
mod control;
mod cursor;
mod faults;
mod limits;
mod listing;
mod oauth;
mod options;
mod reply;
mod scim;
mod seed;
mod server;
mod tenant;
mod usage;
mod world;

pub use clock::{Clock, FixedClock, WallClock};
pub use options::{OauthClient, Options};
pub use server::{Seats, Sim, StartError};
