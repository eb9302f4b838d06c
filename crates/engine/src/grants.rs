//! A job's own key: sealed apart from the session, for that job only, for a day, and withdrawable.

use storage::{Grant, GrantKind};

use crate::Engine;
use crate::backend::Key;
use crate::seal::{Purpose, SealError};

/// A job's key serves for so long.
pub const GRANT_MS: i64 = 24 * 60 * 60 * 1_000;

/// Seals a key for a job.
pub fn grant(engine: &Engine, key: &Key, job: &str) -> Result<Grant, SealError> {
    let sealed = engine.sealer.seal(key.secret(), Purpose::Grant, job)?;
    // An access token alone: it ends sooner, and a job that has no more than that cannot renew it.
    let lent = key.lent_from();
    Ok(Grant {
        sealed: sealed.sealed,
        wrapped_key: sealed.wrapped_key,
        expires_at: lent.map_or(engine.clock.now_ms() + GRANT_MS, |lent| lent.until),
        family: lent.map(|lent| lent.family.clone()).unwrap_or_default(),
        kind: GrantKind::Lent,
    })
}
