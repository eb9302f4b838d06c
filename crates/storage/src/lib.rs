#![doc = include_str!("../README.md")]

mod audit;
mod credentials;
mod drafts;
mod form;
mod jobs;
mod keep;
mod lists;
mod plans;
mod sessions;
mod store;
mod views;

pub use audit::{AuditEntry, NewAudit};
pub use credentials::StoredCredential;
pub use jobs::{Claim, CreateJob, Grant, JobRow, JobState, JournalRow, NewJob, RowResult, Trouble};
pub use lists::ListRow;
pub use plans::{PlanRow, PlanSummary};
pub use sessions::{LiveSession, SessionRow};
pub use store::{Store, StoreError};
