//! The client: one call core, one limiter, and one file per API.

mod audits;
mod call;
mod credential;
mod error;
mod groups;
mod items;
mod licenses;
mod limiter;
mod oauth;
mod pages;
mod people;
mod roles;
mod tier;
mod urgency;

pub use call::{Bounds, Client, ClientBuilder, Leave, Reserved};
pub use credential::Credential;
pub use error::{ApiError, CallError, Effect};
pub use limiter::{Budget, JOB_RESERVE};
pub use oauth::{Authorize, OauthClient, Prompt, Proof, Tokens};
pub use tier::{Operation, Tier, operations};
pub use urgency::Urgency;
