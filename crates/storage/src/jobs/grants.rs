//! The credentials of jobs, sealed.

use super::{JobRow, read_job};
use crate::store::{Store, StoreError, get};

/// The sealed credential of a job: opens with the master key alone, so that the job outlives the session.
#[derive(Clone, PartialEq, Eq)]
pub struct Grant {
    /// The credential under its data key.
    pub sealed: Vec<u8>,
    /// The data key under the master key.
    pub wrapped_key: Vec<u8>,
    /// It serves until then.
    pub expires_at: i64,
}

impl std::fmt::Debug for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Grant").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

impl Store {
    /// The job's credential, if it has one that serves at `now`.
    pub async fn grant(&self, job: &str, now: i64) -> Result<Option<Grant>, StoreError> {
        sqlx::query("SELECT sealed, wrapped_key, expires_at FROM grants WHERE job_id = $1 AND expires_at > $2")
            .bind(job.to_owned())
            .bind(now)
            .fetch_optional(&self.pool)
            .await?
            .map(|row| {
                Ok(Grant {
                    sealed: get(&row, "sealed")?,
                    wrapped_key: get(&row, "wrapped_key")?,
                    expires_at: get(&row, "expires_at")?,
                })
            })
            .transpose()
    }

    /// The grants of a tenant that serve at `now`: each with its job and when it ends, the newest first.
    pub async fn live_grants(&self, tenant: &str, now: i64) -> Result<Vec<(JobRow, i64)>, StoreError> {
        sqlx::query(
            "SELECT id, plan_id, tenant, qlik_user, author, title, state, reason, undo_of, created_at, finished_at, lease_until, g.expires_at AS expires_at \
             FROM jobs JOIN grants g ON g.job_id = id WHERE tenant = $1 AND g.expires_at > $2 ORDER BY created_at DESC, id",
        )
        .bind(tenant.to_owned())
        .bind(now)
        .fetch_all(&self.pool)
        .await?
        .iter()
        .map(|row| Ok((read_job(row)?, get(row, "expires_at")?)))
        .collect()
    }

    /// Erases a job's credential and pauses the job, in one go. Its executor stops before the next request.
    pub async fn withdraw_grant(&self, tenant: &str, job: &str, reason: &str) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let done = sqlx::query("DELETE FROM grants WHERE job_id = $1 AND job_id IN (SELECT id FROM jobs WHERE tenant = $2)")
            .bind(job.to_owned())
            .bind(tenant.to_owned())
            .execute(&mut *transaction)
            .await?;
        if done.rows_affected() == 1 {
            sqlx::query("UPDATE jobs SET state = 'paused', reason = $1 WHERE id = $2 AND state IN ('queued', 'running')")
                .bind(reason.to_owned())
                .bind(job.to_owned())
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(done.rows_affected() == 1)
    }

    /// Gives a job a fresh credential: its Qlik user has connected again.
    pub async fn renew_grant(&self, job: &str, grant: &Grant) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO grants (job_id, sealed, wrapped_key, expires_at) VALUES ($1, $2, $3, $4) ON CONFLICT (job_id) DO UPDATE SET \
             sealed = excluded.sealed, wrapped_key = excluded.wrapped_key, expires_at = excluded.expires_at",
        )
        .bind(job.to_owned())
        .bind(grant.sealed.clone())
        .bind(grant.wrapped_key.clone())
        .bind(grant.expires_at)
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
