//! A job's own credential: sealed apart from the session, for that job only, for a day, and withdrawable.

use storage::Grant;

use super::access::{Access, Operator};
use super::seal::Purpose;
use crate::error::{AppError, ErrorKind};

/// A job's credential serves for so long.
pub const GRANT_MS: i64 = 24 * 60 * 60 * 1_000;

/// Seals the access' credential for a job.
pub fn grant(access: &Access<Operator>, job: &str) -> Result<Grant, AppError> {
    let sealed = access.state.sealer.seal(access.secret(), Purpose::Grant, job).map_err(|error| {
        tracing::error!(%error, "a grant could not be sealed");
        AppError::new(
            ErrorKind::Internal,
            "The job's key could not be sealed",
            "Nothing was sent. Tell whoever runs Quartermaster.",
        )
    })?;
    Ok(Grant { sealed: sealed.sealed, wrapped_key: sealed.wrapped_key, expires_at: access.now() + GRANT_MS })
}
