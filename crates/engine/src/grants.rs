//! A job's own key: sealed apart from the session, for that job only, for a day, and withdrawable.

use storage::Grant;

use crate::Engine;
use crate::backend::Key;
use crate::seal::{Purpose, SealError};

/// A job's key serves for so long.
pub const GRANT_MS: i64 = 24 * 60 * 60 * 1_000;

/// Seals a key for a job.
pub fn grant(engine: &Engine, key: &Key, job: &str) -> Result<Grant, SealError> {
    let sealed = engine.sealer.seal(key.secret(), Purpose::Grant, job)?;
    Ok(Grant { sealed: sealed.sealed, wrapped_key: sealed.wrapped_key, expires_at: engine.clock.now_ms() + GRANT_MS })
}
