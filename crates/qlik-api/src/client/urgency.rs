//! Who waits for a call: what the limiter lets go first.

/// Who waits for the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// A person: goes first, and gives up where the wait would be long.
    Person,
    /// A job: leaves a reserve, and waits as long as it takes.
    Job,
    /// What nobody waits for: leaves half of everything, and waits as long as it takes.
    Idle,
}
