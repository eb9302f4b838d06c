//! Who somebody is: signed tokens, the keys they are signed with, and the OpenID provider that hands them out.
//!
//! One function verifies every signed token ([`token::Token::verify`]); everything that cannot be told for sure is refused, with a
//! [`Reason`] that says nothing of the token's content.

pub mod claims;
mod fetch;
mod json;
pub mod keys;
pub mod probe;
pub mod provider;
mod reason;
pub mod secret;
pub mod token;

pub use reason::{Reason, Trouble};
