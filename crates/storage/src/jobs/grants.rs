//! The credentials of jobs, sealed.

use sqlx::any::AnyRow;
use sqlx::{Any, Transaction};

use super::{JobRow, read_job};
use crate::store::{Store, StoreError, get};

/// What a job's credential is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GrantKind {
    /// A session's: an API key, or the access token of the session's family, which the job cannot refresh.
    #[default]
    Lent,
    /// Tokens of a family that is the job's alone.
    Own,
    /// None: the job is carried out by the portal's own client of the tenant.
    Unattended,
}

impl GrantKind {
    /// Its word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lent => "lent",
            Self::Own => "own",
            Self::Unattended => "unattended",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Lent, Self::Own, Self::Unattended].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// The sealed credential of a job: opens with the master key alone, so that the job outlives the session.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Grant {
    /// The credential under its data key.
    pub sealed: Vec<u8>,
    /// The data key under the master key.
    pub wrapped_key: Vec<u8>,
    /// It serves until then.
    pub expires_at: i64,
    /// The tokens' family; empty for an API key.
    pub family: String,
    /// What it is.
    pub kind: GrantKind,
}

impl std::fmt::Debug for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Grant").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// A credential that a job had until it was erased because it served no longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    /// Whose job it was; empty where the job is gone.
    pub tenant: String,
    /// The job.
    pub job: String,
    /// What it had.
    pub grant: Grant,
}

/// The columns of a grant, for `SELECT` and `RETURNING`.
macro_rules! grant_columns {
    () => {
        "sealed, wrapped_key, expires_at, family, kind"
    };
}

fn read_grant(row: &AnyRow) -> Result<Grant, StoreError> {
    Ok(Grant {
        sealed: get(row, "sealed")?,
        wrapped_key: get(row, "wrapped_key")?,
        expires_at: get(row, "expires_at")?,
        family: get(row, "family")?,
        kind: GrantKind::parse(&get::<String>(row, "kind")?).ok_or(StoreError::Unreadable("a grant's kind"))?,
    })
}

impl Store {
    /// The job's credential, if it has one; it may serve no longer.
    pub async fn grant(&self, job: &str) -> Result<Option<Grant>, StoreError> {
        sqlx::query(concat!("SELECT ", grant_columns!(), " FROM grants WHERE job_id = $1"))
            .bind(job.to_owned())
            .fetch_optional(&self.pool)
            .await?
            .map(|row| read_grant(&row))
            .transpose()
    }

    /// The grants of a tenant that serve at `now`: each with its job, what it is and when it ends, the newest first.
    pub async fn live_grants(&self, tenant: &str, now: i64) -> Result<Vec<(JobRow, GrantKind, i64)>, StoreError> {
        sqlx::query(
            "SELECT id, plan_id, tenant, qlik_user, author, principal, who, title, state, reason, undo_of, created_at, finished_at, lease_until, \
             tally, rows_gone, batch_rows, batch_most, g.expires_at AS expires_at, g.kind AS kind FROM jobs JOIN grants g ON g.job_id = id WHERE tenant = $1 AND g.expires_at > $2 ORDER BY created_at DESC, id",
        )
        .bind(tenant.to_owned())
        .bind(now)
        .fetch_all(&self.pool)
        .await?
        .iter()
        .map(|row| {
            let kind = GrantKind::parse(&get::<String>(row, "kind")?).unwrap_or_default();
            Ok((read_job(row)?, kind, get(row, "expires_at")?))
        })
        .collect()
    }

    /// What wraps the credentials of all jobs, by job.
    pub async fn wrapped_grants(&self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let rows = sqlx::query("SELECT job_id, wrapped_key FROM grants ORDER BY job_id").fetch_all(&self.pool).await?;
        rows.iter().map(|row| Ok((get(row, "job_id")?, get(row, "wrapped_key")?))).collect()
    }

    /// Wraps a job's credential anew, if it is still wrapped as it was.
    pub async fn rewrap_grant(&self, job: &str, old: &[u8], new: &[u8]) -> Result<bool, StoreError> {
        let done = sqlx::query("UPDATE grants SET wrapped_key = $1 WHERE job_id = $2 AND wrapped_key = $3")
            .bind(new.to_vec())
            .bind(job.to_owned())
            .bind(old.to_vec())
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Erases a job's credential and pauses the job, in one go. Its executor stops before the next request. Returns what was
    /// erased; nothing where the tenant has no such job with a credential, which is then left as it was.
    pub async fn withdraw_grant(&self, tenant: &str, job: &str, reason: &str) -> Result<Option<Grant>, StoreError> {
        let mut transaction = self.begin().await?;
        // The job first and its grant after it, as everywhere: two that go the other way would wait for each other.
        let paused = sqlx::query(
            "UPDATE jobs SET state = CASE WHEN state IN ('queued', 'running') THEN 'paused' ELSE state END, \
             reason = CASE WHEN state IN ('queued', 'running') THEN $1 ELSE reason END WHERE id = $2 AND tenant = $3",
        )
        .bind(reason.to_owned())
        .bind(job.to_owned())
        .bind(tenant.to_owned())
        .execute(&mut *transaction)
        .await?;
        let erased = if paused.rows_affected() == 1 { erase_grant(&mut transaction, job).await? } else { None };
        if erased.is_some() {
            transaction.commit().await?;
        } else {
            transaction.rollback().await?;
        }
        Ok(erased)
    }

    /// Erases credentials of jobs that serve no longer, and returns them: a job's own connection may last longer at the tenant.
    pub async fn purge_grants(&self, now: i64) -> Result<Vec<Erased>, StoreError> {
        // A token that ended just now may be renewed by whoever lent it; it opens nothing until then.
        const STILL_RENEWED_MS: i64 = 24 * 60 * 60 * 1_000;
        let mut transaction = self.begin().await?;
        let rows = sqlx::query(concat!(
            "DELETE FROM grants WHERE (family = '' AND expires_at <= $1) OR expires_at <= $2 RETURNING job_id, ",
            grant_columns!()
        ))
        .bind(now)
        .bind(now - STILL_RENEWED_MS)
        .fetch_all(&mut *transaction)
        .await?;
        let mut erased = Vec::with_capacity(rows.len());
        for row in &rows {
            let (job, grant): (String, _) = (get(row, "job_id")?, read_grant(row)?);
            let of = sqlx::query("SELECT tenant FROM jobs WHERE id = $1").bind(job.clone());
            let of = of.fetch_optional(&mut *transaction).await?;
            let tenant = of.map_or(Ok(String::new()), |row| get(&row, "tenant"))?;
            erased.push(Erased { tenant, job, grant });
        }
        transaction.commit().await?;
        Ok(erased)
    }
}

/// Takes a job's credential away and returns it.
pub(crate) async fn erase_grant(transaction: &mut Transaction<'static, Any>, job: &str) -> Result<Option<Grant>, StoreError> {
    sqlx::query(concat!("DELETE FROM grants WHERE job_id = $1 RETURNING ", grant_columns!()))
        .bind(job.to_owned())
        .fetch_optional(&mut **transaction)
        .await?
        .map(|row| read_grant(&row))
        .transpose()
}

/// Gives a job a credential and returns the one it had.
pub(crate) async fn put_grant(
    transaction: &mut Transaction<'static, Any>,
    job: &str,
    grant: &Grant,
) -> Result<Option<Grant>, StoreError> {
    let before = erase_grant(transaction, job).await?;
    sqlx::query("INSERT INTO grants (job_id, sealed, wrapped_key, expires_at, family, kind) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(job.to_owned())
        .bind(grant.sealed.clone())
        .bind(grant.wrapped_key.clone())
        .bind(grant.expires_at)
        .bind(grant.family.clone())
        .bind(grant.kind.as_str())
        .execute(&mut **transaction)
        .await?;
    Ok(before)
}
