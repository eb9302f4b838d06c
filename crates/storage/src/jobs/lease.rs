//! Who carries a job out: the lease, its end, and the fence around what it may write.

use sqlx::{Any, Transaction};

use super::journal::tally_of;
use super::{Grant, GrantKind, JobRow, JobState, erase_grant, read_job};
use crate::audit::hold_trail;
use crate::store::{Store, StoreError, get};

/// The right to carry out a job, until the lease runs out or the token is overtaken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Which job.
    pub job: String,
    /// Guards every write to its journal.
    pub token: i64,
}

/// What came of having a job wait for its Qlik user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InNeed {
    /// It waits.
    Paused {
        /// What it had.
        erased: Option<Grant>,
    },
    /// It is to be cancelled, which needs no credential.
    Cancelling {
        /// What it had.
        erased: Option<Grant>,
    },
    /// It has another credential by now.
    Replaced,
}

impl Store {
    /// Jobs that want an executor, oldest first: those queued, and those whose executor is gone.
    pub async fn claimable_jobs(&self, now: i64) -> Result<Vec<JobRow>, StoreError> {
        sqlx::query(job_query!("WHERE state IN ('queued', 'running', 'cancelling') AND lease_until < $1 ORDER BY created_at, id"))
            .bind(now)
            .fetch_all(&self.pool)
            .await?
            .iter()
            .map(read_job)
            .collect()
    }

    /// Where the database belongs to one server alone (SQLite), whoever held a lease before this start is gone: its leases are
    /// over at once. Where several share it they run out by themselves.
    pub async fn free_leases_of_the_dead(&self) -> Result<(), StoreError> {
        if self.is_sqlite() {
            sqlx::query("UPDATE jobs SET lease_until = 0 WHERE lease_until <> 0").execute(&self.pool).await?;
            self.drop_unprepared(i64::MAX).await?;
        }
        Ok(())
    }

    /// Takes a job's lease. `None` where somebody else was faster, carries out another job of the same tenant, or the job
    /// wants no executor any more. One executor at a time has a tenant: it alone knows how many calls its jobs made.
    pub async fn claim_job(&self, id: &str, owner: &str, now: i64, until: i64) -> Result<Option<Claim>, StoreError> {
        let mut transaction = self.begin().await?;
        // Two claims of one tenant come one after the other.
        let row =
            sqlx::query("SELECT tenant FROM jobs WHERE id = $1").bind(id.to_owned()).fetch_optional(&mut *transaction).await?;
        let Some(row) = row else { return Ok(None) };
        hold_trail(&mut transaction, &get::<String>(&row, "tenant")?).await?;
        let done = sqlx::query(
            "UPDATE jobs SET lease_owner = $1, lease_until = $2, lease_token = lease_token + 1, \
             state = CASE WHEN state = 'queued' THEN 'running' ELSE state END \
             WHERE id = $3 AND lease_until < $4 AND state IN ('queued', 'running', 'cancelling') \
             AND NOT EXISTS (SELECT 1 FROM jobs other WHERE other.tenant = jobs.tenant AND other.id <> jobs.id \
             AND other.lease_until >= $4 AND other.lease_owner <> $1)",
        )
        .bind(owner.to_owned())
        .bind(until)
        .bind(id.to_owned())
        .bind(now)
        .execute(&mut *transaction)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(None);
        }
        let row =
            sqlx::query("SELECT lease_token FROM jobs WHERE id = $1").bind(id.to_owned()).fetch_one(&mut *transaction).await?;
        let token = get(&row, "lease_token")?;
        transaction.commit().await?;
        Ok(Some(Claim { job: id.to_owned(), token }))
    }

    /// Holds on to a lease, and tells what the job is asked to do.
    pub async fn renew_lease(&self, claim: &Claim, until: i64) -> Result<JobState, StoreError> {
        let done = sqlx::query("UPDATE jobs SET lease_until = $1 WHERE id = $2 AND lease_token = $3")
            .bind(until)
            .bind(claim.job.clone())
            .bind(claim.token)
            .execute(&self.pool)
            .await?;
        if done.rows_affected() == 0 {
            return Err(StoreError::LeaseLost);
        }
        let row = sqlx::query("SELECT state FROM jobs WHERE id = $1").bind(claim.job.clone()).fetch_one(&self.pool).await?;
        let word: String = get(&row, "state")?;
        JobState::parse(&word).ok_or(StoreError::Unreadable("a job's state"))
    }

    /// Lets a lease go, so that the next executor need not wait for it to run out.
    pub async fn release_lease(&self, claim: &Claim) -> Result<(), StoreError> {
        sqlx::query("UPDATE jobs SET lease_until = 0 WHERE id = $1 AND lease_token = $2")
            .bind(claim.job.clone())
            .bind(claim.token)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The executor pauses its job, for want of a credential for one. `false` where it is being cancelled: that comes first,
    /// and needs no credential.
    pub async fn pause_claimed(&self, claim: &Claim, reason: &str) -> Result<bool, StoreError> {
        let mut transaction = self.begin_claimed(claim).await?;
        let done =
            sqlx::query("UPDATE jobs SET state = 'paused', reason = $1, lease_until = 0 WHERE id = $2 AND state <> 'cancelling'")
                .bind(reason.to_owned())
                .bind(claim.job.clone())
                .execute(&mut *transaction)
                .await?;
        transaction.commit().await?;
        Ok(done.rows_affected() == 1)
    }

    /// As [`Store::pause_claimed`], until the job's Qlik user connects again: its credential of this `family` (empty for none, or an API
    /// key) is worth nothing any more, and is erased. A job that has another credential by now is left as it is.
    pub async fn pause_in_need(&self, claim: &Claim, family: &str, reason: &str) -> Result<InNeed, StoreError> {
        let mut transaction = self.begin_claimed(claim).await?;
        let erased = erase_grant(&mut transaction, &claim.job).await?;
        if erased.as_ref().is_some_and(|grant| grant.family != family || grant.kind == GrantKind::Unattended) {
            transaction.rollback().await?;
            return Ok(InNeed::Replaced);
        }
        // Whoever paused it by hand said so first.
        sqlx::query("UPDATE jobs SET state = 'paused', reason = $1, needs = 1 WHERE id = $2 AND state IN ('queued', 'running')")
            .bind(reason.to_owned())
            .bind(claim.job.clone())
            .execute(&mut *transaction)
            .await?;
        let done = sqlx::query("UPDATE jobs SET lease_until = 0 WHERE id = $1 AND state = 'paused'")
            .bind(claim.job.clone())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(if done.rows_affected() == 1 { InNeed::Paused { erased } } else { InNeed::Cancelling { erased } })
    }

    /// Says what a running job waits for; nothing once it goes on.
    pub async fn note_claimed(&self, claim: &Claim, reason: &str) -> Result<(), StoreError> {
        let mut transaction = self.begin_claimed(claim).await?;
        sqlx::query("UPDATE jobs SET reason = $1 WHERE id = $2 AND state IN ('queued', 'running') AND reason <> $1")
            .bind(reason.to_owned())
            .bind(claim.job.clone())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Remembers with the job how many rows go into one request, so that whoever carries it on need not find out anew.
    pub async fn keep_batch(&self, claim: &Claim, rows: usize, most: usize) -> Result<(), StoreError> {
        let whole = |n: usize| i64::try_from(n).unwrap_or(0);
        sqlx::query("UPDATE jobs SET batch_rows = $1, batch_most = $2 WHERE id = $3 AND lease_token = $4")
            .bind(whole(rows))
            .bind(whole(most))
            .bind(claim.job.clone())
            .bind(claim.token)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The job is over: what it came to is written down, its locks are lifted and its grant erased. Returns the grant.
    pub async fn finish_job(&self, claim: &Claim, state: JobState, now: i64) -> Result<Option<Grant>, StoreError> {
        let mut transaction = self.begin_claimed(claim).await?;
        let tally = tally_of(&mut transaction, &claim.job).await?;
        let tally = serde_json::to_string(&tally).map_err(|_| StoreError::Unreadable("what a job came to"))?;
        sqlx::query("UPDATE jobs SET state = $1, reason = '', finished_at = $2, lease_until = 0, tally = $3 WHERE id = $4")
            .bind(state.as_str().to_owned())
            .bind(now)
            .bind(tally)
            .bind(claim.job.clone())
            .execute(&mut *transaction)
            .await?;
        sqlx::query("DELETE FROM locks WHERE job_id = $1").bind(claim.job.clone()).execute(&mut *transaction).await?;
        let grant = erase_grant(&mut transaction, &claim.job).await?;
        transaction.commit().await?;
        Ok(grant)
    }

    /// A transaction that only begins while the claim holds.
    pub(super) async fn begin_claimed(&self, claim: &Claim) -> Result<Transaction<'static, Any>, StoreError> {
        let mut transaction = self.begin().await?;
        check(&mut transaction, claim).await?;
        Ok(transaction)
    }
}

/// The fence: a token that was overtaken writes nothing. The row stays locked until the transaction ends.
pub(super) async fn check(transaction: &mut Transaction<'static, Any>, claim: &Claim) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE jobs SET lease_token = lease_token WHERE id = $1 AND lease_token = $2")
        .bind(claim.job.clone())
        .bind(claim.token)
        .execute(&mut **transaction)
        .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::LeaseLost) }
}
