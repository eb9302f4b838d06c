//! An audit trail that proves itself: records as canonical JSON, one chain of hashes per tenant, checkpoints signed by a key of their own,
//! and the check that finds what was changed. Pure: whoever stores and reads it is somebody else.

pub mod chain;
pub mod checkpoint;
pub mod export;
pub mod json;
pub mod key;
pub mod record;
pub mod verify;

pub use chain::Hash;
pub use checkpoint::{Checkpoint, Signed};
pub use key::{Ending, Key, PublicKey};
pub use record::{Actor, Did, Qlik, Record, Target};
pub use verify::{Fault, FaultKind, Report, Verifier};
