#![doc = include_str!("../README.md")]

mod actor;
mod audit;
mod credentials;
mod days;
mod drafts;
mod families;
mod form;
mod history;
mod jobs;
mod keep;
mod lists;
mod people;
mod plans;
mod sessions;
mod store;
mod ties;
mod views;

pub use actor::Actor;
pub use audit::{AuditEntry, AuditFilter, Kept, NewAudit, TrailEnd, Uncovered};
pub use credentials::{Connect, StoredCredential, WrappedCredential};
pub use days::SeatDay;
pub use families::{Family, FamilyHolder, KeepRunning, Renewal, Resealed};
pub use history::{Baseline, GroupState};
pub use jobs::{
    Claim, CreateJob, Erased, Grant, GrantKind, InNeed, JobRow, JobState, JournalRow, Leave, NewJob, Resume, RowResult, Trouble,
};
pub use lists::ListRow;
pub use people::{Begins, Ended, Ending, NewSession, Person, principal, session_name};
pub use plans::{Approval, Origin, PlanRow, PlanSummary};
pub use sessions::{LiveSession, SessionRow};
pub use store::{Store, StoreError};
pub use ties::TieRow;
