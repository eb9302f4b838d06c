//! Jobs: their journal, their locks, their grant, and the lease of whoever carries them out.

use std::collections::{BTreeSet, HashSet};

use domain::journal::{RowState, Tally};
use domain::plan::{Change, PlannedChange};
use sqlx::any::AnyRow;
use sqlx::{Any, Transaction};

use crate::audit::{NewAudit, append, done_since};
use crate::store::{AT_ONCE, Store, StoreError, count, get, insert};

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobState {
    /// Waits for an executor.
    Queued,
    /// Under way.
    Running,
    /// Stopped by a person or for want of a credential; goes on when asked to.
    Paused,
    /// What is sent is settled, the rest is left.
    Cancelling,
    /// Every row is settled.
    Finished,
    /// Ended with rows that were never sent.
    Cancelled,
}

impl JobState {
    const ALL: [Self; 6] = [Self::Queued, Self::Running, Self::Paused, Self::Cancelling, Self::Finished, Self::Cancelled];

    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Cancelling => "cancelling",
            Self::Finished => "finished",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Nothing more will happen.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Finished | Self::Cancelled)
    }
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRow {
    /// Its address.
    pub id: String,
    /// What it applies.
    pub plan: String,
    /// For which tenant.
    pub tenant: String,
    /// As which Qlik user.
    pub qlik_user: String,
    /// Who asked for it.
    pub author: String,
    /// What it does.
    pub title: String,
    /// Where it stands.
    pub state: JobState,
    /// Why it is paused; empty otherwise.
    pub reason: String,
    /// Which job it undoes.
    pub undo_of: Option<String>,
    /// When it was asked for.
    pub created_at: i64,
    /// When it ended.
    pub finished_at: Option<i64>,
}

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

/// A job to be.
#[derive(Debug, Clone)]
pub struct NewJob<'a> {
    /// Its address.
    pub id: &'a str,
    /// What it applies.
    pub plan: &'a str,
    /// For which tenant.
    pub tenant: &'a str,
    /// As which Qlik user.
    pub qlik_user: &'a str,
    /// Who asks for it.
    pub author: &'a str,
    /// What it does.
    pub title: &'a str,
    /// Which job it undoes.
    pub undo_of: Option<&'a str>,
    /// Its rows, in the order they are sent.
    pub rows: &'a [PlannedChange],
    /// Its credential.
    pub grant: Grant,
    /// Now.
    pub now: i64,
    /// The trail's end when the tenant was read for the last time: what jobs did since is not in that reading.
    pub seen: i64,
}

/// What came of asking for a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreateJob {
    /// It is queued.
    Created,
    /// The plan was applied before, by this job.
    AppliedBefore(String),
    /// Rows of it are being changed by this job.
    Locked(String),
    /// Another job changed some of its people or groups since the tenant was read: read again.
    Overtaken,
}

/// The right to carry out a job, until the lease runs out or the token is overtaken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Which job.
    pub job: String,
    /// Guards every write to its journal.
    pub token: i64,
}

/// A row of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalRow {
    /// Its place, from 0.
    pub seq: i64,
    /// What it changes.
    pub change: Change,
    /// The person's or group's name; may be empty.
    pub name: String,
    /// Where it stands.
    pub state: RowState,
    /// Qlik's status; 0 without one.
    pub status: i64,
    /// Qlik's code; may be empty.
    pub code: String,
    /// Qlik's title, or why nobody knows; may be empty.
    pub title: String,
    /// Qlik's trace id; may be empty.
    pub trace: String,
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowResult {
    /// Its place.
    pub seq: i64,
    /// Where it stands now.
    pub state: RowState,
    /// Qlik's status; 0 without one.
    pub status: i64,
    /// Qlik's code; may be empty.
    pub code: String,
    /// Qlik's title; may be empty.
    pub title: String,
    /// Qlik's trace id; may be empty.
    pub trace: String,
}

macro_rules! job_query {
    ($tail:literal) => {
        concat!(
            "SELECT id, plan_id, tenant, qlik_user, author, title, state, reason, undo_of, created_at, finished_at FROM jobs ",
            $tail
        )
    };
}

impl Store {
    /// Writes a job, its journal, its locks, its grant and the record of the intent, all or nothing, before anything is sent.
    pub async fn create_job(&self, job: &NewJob<'_>) -> Result<CreateJob, StoreError> {
        let mut transaction = self.begin().await?;
        self.lock_audit(&mut transaction).await?;
        if let Some(row) = sqlx::query("SELECT id FROM jobs WHERE plan_id = $1")
            .bind(job.plan.to_owned())
            .fetch_optional(&mut *transaction)
            .await?
        {
            return Ok(CreateJob::AppliedBefore(get(&row, "id")?));
        }
        // Between the reading and now a job may have taken the same rows, changed them, and let them go again.
        let targets: HashSet<String> = job.rows.iter().map(|planned| planned.change.target().to_lowercase()).collect();
        if done_since(&mut transaction, job.tenant, job.seen).await?.iter().any(|target| targets.contains(target)) {
            return Ok(CreateJob::Overtaken);
        }
        sqlx::query(
            "INSERT INTO jobs (id, plan_id, tenant, qlik_user, author, title, state, reason, undo_of, created_at, lease_owner, lease_until, lease_token) \
             VALUES ($1, $2, $3, $4, $5, $6, 'queued', '', $7, $8, '', 0, 0)",
        )
        .bind(job.id.to_owned())
        .bind(job.plan.to_owned())
        .bind(job.tenant.to_owned())
        .bind(job.qlik_user.to_owned())
        .bind(job.author.to_owned())
        .bind(job.title.to_owned())
        .bind(job.undo_of.map(ToOwned::to_owned))
        .bind(job.now)
        .execute(&mut *transaction)
        .await?;
        let mut lines = vec![NewAudit {
            tenant: job.tenant.to_owned(),
            at: job.now,
            actor: job.author.to_owned(),
            action: "apply".to_owned(),
            target: job.title.to_owned(),
            job: job.id.to_owned(),
            outcome: "intent".to_owned(),
            detail: format!("{} rows", job.rows.len()),
        }];
        for (first, rows) in (0_i64..).step_by(AT_ONCE).zip(job.rows.chunks(AT_ONCE)) {
            const HEAD: &str = "INSERT INTO journal (job_id, seq, change, name, state, status, code, title, trace) VALUES";
            let mut query = sqlx::query(insert(HEAD, rows.len(), 9, ""));
            for (seq, planned) in (first..).zip(rows) {
                let change = serde_json::to_string(&planned.change).map_err(|_| StoreError::Unreadable("a change"))?;
                query = query.bind(job.id.to_owned()).bind(seq).bind(change).bind(planned.name.clone());
                query = query.bind("planned").bind(0_i64).bind("").bind("").bind("");
            }
            query.execute(&mut *transaction).await?;
        }
        // Two rows of one plan may share a key, as in a swap of two licenses of one person.
        let keys: BTreeSet<String> = job.rows.iter().flat_map(|planned| planned.change.lock_keys()).collect();
        let keys: Vec<String> = keys.into_iter().collect();
        for keys in keys.chunks(AT_ONCE) {
            if let Some(holder) = lock(&mut transaction, job.tenant, keys, job.id).await? {
                return Ok(CreateJob::Locked(holder));
            }
        }
        lines.extend(job.rows.iter().map(|planned| NewAudit {
            tenant: job.tenant.to_owned(),
            at: job.now,
            actor: job.author.to_owned(),
            action: planned.change.kind().verb().to_owned(),
            target: planned.change.target(),
            job: job.id.to_owned(),
            outcome: "intent".to_owned(),
            detail: describe(&planned.change),
        }));
        sqlx::query("INSERT INTO grants (job_id, sealed, wrapped_key, expires_at) VALUES ($1, $2, $3, $4)")
            .bind(job.id.to_owned())
            .bind(job.grant.sealed.clone())
            .bind(job.grant.wrapped_key.clone())
            .bind(job.grant.expires_at)
            .execute(&mut *transaction)
            .await?;
        append(&mut transaction, &lines).await?;
        transaction.commit().await?;
        Ok(CreateJob::Created)
    }

    /// A job of a tenant.
    pub async fn job(&self, tenant: &str, id: &str) -> Result<Option<JobRow>, StoreError> {
        sqlx::query(job_query!("WHERE id = $1 AND tenant = $2"))
            .bind(id.to_owned())
            .bind(tenant.to_owned())
            .fetch_optional(&self.pool)
            .await?
            .map(|row| read_job(&row))
            .transpose()
    }

    /// The job that applied a plan.
    pub async fn job_of_plan(&self, tenant: &str, plan: &str) -> Result<Option<String>, StoreError> {
        sqlx::query("SELECT id FROM jobs WHERE plan_id = $1 AND tenant = $2")
            .bind(plan.to_owned())
            .bind(tenant.to_owned())
            .fetch_optional(&self.pool)
            .await?
            .map(|row| get(&row, "id"))
            .transpose()
    }

    /// The newest jobs of a tenant.
    pub async fn jobs(&self, tenant: &str, most: i64) -> Result<Vec<JobRow>, StoreError> {
        sqlx::query(job_query!("WHERE tenant = $1 ORDER BY created_at DESC, id LIMIT $2"))
            .bind(tenant.to_owned())
            .bind(most)
            .fetch_all(&self.pool)
            .await?
            .iter()
            .map(read_job)
            .collect()
    }

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
        }
        Ok(())
    }

    /// Takes a job's lease. `None` where somebody else was faster, carries out another job of the same tenant, or the job
    /// wants no executor any more. One executor at a time has a tenant: it alone knows how many calls its jobs made.
    pub async fn claim_job(&self, id: &str, owner: &str, now: i64, until: i64) -> Result<Option<Claim>, StoreError> {
        let mut transaction = self.begin().await?;
        // Two claims of one tenant come one after the other.
        self.lock_audit(&mut transaction).await?;
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

    /// A person asks a job to pause, go on or stop. `false` where it is in none of the states `from`.
    pub async fn steer_job(
        &self,
        tenant: &str,
        id: &str,
        from: &[JobState],
        to: JobState,
        reason: &str,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let row = sqlx::query("SELECT state FROM jobs WHERE id = $1 AND tenant = $2")
            .bind(id.to_owned())
            .bind(tenant.to_owned())
            .fetch_optional(&mut *transaction)
            .await?;
        let Some(row) = row else { return Ok(false) };
        let word: String = get(&row, "state")?;
        if !JobState::parse(&word).is_some_and(|state| from.contains(&state)) {
            return Ok(false);
        }
        let done = sqlx::query("UPDATE jobs SET state = $1, reason = $2 WHERE id = $3 AND state = $4")
            .bind(to.as_str().to_owned())
            .bind(reason.to_owned())
            .bind(id.to_owned())
            .bind(word)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(done.rows_affected() == 1)
    }

    /// The executor pauses its job, for want of a credential.
    pub async fn pause_claimed(&self, claim: &Claim, reason: &str) -> Result<(), StoreError> {
        let mut transaction = self.begin_claimed(claim).await?;
        sqlx::query("UPDATE jobs SET state = 'paused', reason = $1, lease_until = 0 WHERE id = $2")
            .bind(reason.to_owned())
            .bind(claim.job.clone())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The job is over: its locks are lifted and its grant erased.
    pub async fn finish_job(&self, claim: &Claim, state: JobState, now: i64) -> Result<(), StoreError> {
        let mut transaction = self.begin_claimed(claim).await?;
        sqlx::query("UPDATE jobs SET state = $1, reason = '', finished_at = $2, lease_until = 0 WHERE id = $3")
            .bind(state.as_str().to_owned())
            .bind(now)
            .bind(claim.job.clone())
            .execute(&mut *transaction)
            .await?;
        sqlx::query("DELETE FROM locks WHERE job_id = $1").bind(claim.job.clone()).execute(&mut *transaction).await?;
        sqlx::query("DELETE FROM grants WHERE job_id = $1").bind(claim.job.clone()).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

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
            "SELECT id, plan_id, tenant, qlik_user, author, title, state, reason, undo_of, created_at, finished_at, g.expires_at AS expires_at \
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

    /// Rows of a job in these states, in order.
    pub async fn journal(&self, job: &str, states: &[RowState], skip: i64, most: i64) -> Result<Vec<JournalRow>, StoreError> {
        // A fixed number of places: `QueryBuilder` spells them in one database's way only.
        let mut query = sqlx::query(
            "SELECT seq, change, name, state, status, code, title, trace FROM journal \
             WHERE job_id = $1 AND state IN ($2, $3, $4, $5, $6, $7, $8) ORDER BY seq LIMIT $9 OFFSET $10",
        )
        .bind(job.to_owned());
        for at in 0..RowState::ALL.len() {
            query = query.bind(states.get(at).map_or("", |state| state.as_str()).to_owned());
        }
        query.bind(most).bind(skip).fetch_all(&self.pool).await?.iter().map(read_journal).collect()
    }

    /// How many rows of a job are in which state.
    pub async fn tally(&self, job: &str) -> Result<Tally, StoreError> {
        let mut tally = Tally::default();
        let rows = sqlx::query("SELECT state, COUNT(*) AS n FROM journal WHERE job_id = $1 GROUP BY state")
            .bind(job.to_owned())
            .fetch_all(&self.pool)
            .await?;
        for row in rows {
            let word: String = get(&row, "state")?;
            let state = RowState::parse(&word).ok_or(StoreError::Unreadable("a row's state"))?;
            tally.add(state, count(get(&row, "n")?));
        }
        Ok(tally)
    }

    /// When requests of a Qlik user's jobs left since a time, whoever carried them out.
    pub async fn sends_since(&self, tenant: &str, qlik_user: &str, since: i64) -> Result<Vec<i64>, StoreError> {
        sqlx::query(
            "SELECT DISTINCT journal.sent_at AS sent_at FROM journal JOIN jobs ON jobs.id = journal.job_id \
             WHERE jobs.tenant = $1 AND jobs.qlik_user = $2 AND (jobs.finished_at IS NULL OR jobs.finished_at > $3) \
             AND journal.sent_at > $3 ORDER BY sent_at",
        )
        .bind(tenant.to_owned())
        .bind(qlik_user.to_owned())
        .bind(since)
        .fetch_all(&self.pool)
        .await?
        .iter()
        .map(|row| get(row, "sent_at"))
        .collect()
    }

    /// Rows settled since a time, with when the first and the last of them were.
    pub async fn settled_since(&self, job: &str, since: i64) -> Result<(u64, i64, i64), StoreError> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS n, COALESCE(MIN(settled_at), 0) AS first, COALESCE(MAX(settled_at), 0) AS last \
             FROM journal WHERE job_id = $1 AND settled_at > $2",
        )
        .bind(job.to_owned())
        .bind(since)
        .fetch_one(&self.pool)
        .await?;
        Ok((count(get(&row, "n")?), get(&row, "first")?, get(&row, "last")?))
    }

    /// When the newest request left whose effect is not known; `None` where every effect is known.
    pub async fn last_unsettled_send(&self, job: &str) -> Result<Option<i64>, StoreError> {
        let row = sqlx::query(
            "SELECT COALESCE(MAX(sent_at), -1) AS last, COUNT(*) AS n FROM journal WHERE job_id = $1 AND state IN ('sent', 'unknown')",
        )
        .bind(job.to_owned())
        .fetch_one(&self.pool)
        .await?;
        let n: i64 = get(&row, "n")?;
        let last: i64 = get(&row, "last")?;
        Ok((n > 0).then_some(last))
    }

    /// Writes down that these rows are about to be sent.
    pub async fn mark_sent(&self, claim: &Claim, rows: &[i64], now: i64) -> Result<(), StoreError> {
        let mut transaction = self.begin_claimed(claim).await?;
        for seq in rows {
            sqlx::query("UPDATE journal SET state = 'sent', sent_at = $1 WHERE job_id = $2 AND seq = $3")
                .bind(now)
                .bind(claim.job.clone())
                .bind(*seq)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Writes down what became of rows, and the record of it.
    pub async fn settle(&self, claim: &Claim, results: &[RowResult], now: i64, audit: &[NewAudit]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        self.lock_audit(&mut transaction).await?;
        check(&mut transaction, claim).await?;
        for result in results {
            sqlx::query(
                "UPDATE journal SET state = $1, status = $2, code = $3, title = $4, trace = $5, settled_at = $6 WHERE job_id = $7 AND seq = $8",
            )
            .bind(result.state.as_str().to_owned())
            .bind(result.status)
            .bind(result.code.clone())
            .bind(result.title.clone())
            .bind(result.trace.clone())
            .bind(result.state.is_settled().then_some(now))
            .bind(claim.job.clone())
            .bind(result.seq)
            .execute(&mut *transaction)
            .await?;
        }
        append(&mut transaction, audit).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// A transaction that only begins while the claim holds.
    async fn begin_claimed(&self, claim: &Claim) -> Result<Transaction<'static, Any>, StoreError> {
        let mut transaction = self.begin().await?;
        check(&mut transaction, claim).await?;
        Ok(transaction)
    }
}

/// Takes locks, or names a job that has one of them.
async fn lock(
    transaction: &mut Transaction<'static, Any>,
    tenant: &str,
    keys: &[String],
    job: &str,
) -> Result<Option<String>, StoreError> {
    const HEAD: &str = "INSERT INTO locks (tenant, key, job_id) VALUES";
    let mut query = sqlx::query(insert(HEAD, keys.len(), 3, "ON CONFLICT (tenant, key) DO NOTHING"));
    for key in keys {
        query = query.bind(tenant.to_owned()).bind(key.clone()).bind(job.to_owned());
    }
    if query.execute(&mut **transaction).await?.rows_affected() == keys.len() as u64 {
        return Ok(None);
    }
    for key in keys {
        let row = sqlx::query("SELECT job_id FROM locks WHERE tenant = $1 AND key = $2 AND job_id <> $3")
            .bind(tenant.to_owned())
            .bind(key.clone())
            .bind(job.to_owned())
            .fetch_optional(&mut **transaction)
            .await?;
        if let Some(row) = row {
            return Ok(Some(get(&row, "job_id")?));
        }
    }
    Ok(None)
}

/// The fence: a token that was overtaken writes nothing. The row stays locked until the transaction ends.
async fn check(transaction: &mut Transaction<'static, Any>, claim: &Claim) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE jobs SET lease_token = lease_token WHERE id = $1 AND lease_token = $2")
        .bind(claim.job.clone())
        .bind(claim.token)
        .execute(&mut **transaction)
        .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::LeaseLost) }
}

/// A change in words, for the audit.
fn describe(change: &Change) -> String {
    match change {
        Change::Assign { allotment, .. } => format!("none → {allotment}"),
        Change::Remove { allotment, .. } => format!("{allotment} → none"),
        Change::ChangeType { from, to, .. } => format!("{from} → {to}"),
        Change::Rename { from, to, .. } => format!("{from} → {to}"),
        Change::GroupRoles { before, after, .. } => {
            let diff = domain::roles::RoleDiff::between(before, after);
            let list = |sign: &str, ids: &std::collections::BTreeSet<domain::inventory::RoleId>| {
                ids.iter().map(|id| format!("{sign}{id}")).collect::<Vec<_>>()
            };
            [list("+", &diff.added), list("−", &diff.removed)].concat().join(" ")
        }
        Change::AutoAssign { before, after } => format!("{before:?} → {after:?}"),
        Change::GroupSettings { before, after } => format!("{before:?} → {after:?}"),
    }
}

fn read_job(row: &AnyRow) -> Result<JobRow, StoreError> {
    let word: String = get(row, "state")?;
    Ok(JobRow {
        id: get(row, "id")?,
        plan: get(row, "plan_id")?,
        tenant: get(row, "tenant")?,
        qlik_user: get(row, "qlik_user")?,
        author: get(row, "author")?,
        title: get(row, "title")?,
        state: JobState::parse(&word).ok_or(StoreError::Unreadable("a job's state"))?,
        reason: get(row, "reason")?,
        undo_of: get(row, "undo_of")?,
        created_at: get(row, "created_at")?,
        finished_at: get(row, "finished_at")?,
    })
}

fn read_journal(row: &AnyRow) -> Result<JournalRow, StoreError> {
    let (word, change): (String, String) = (get(row, "state")?, get(row, "change")?);
    Ok(JournalRow {
        seq: get(row, "seq")?,
        change: serde_json::from_str(&change).map_err(|_| StoreError::Unreadable("a change"))?,
        name: get(row, "name")?,
        state: RowState::parse(&word).ok_or(StoreError::Unreadable("a row's state"))?,
        status: get(row, "status")?,
        code: get(row, "code")?,
        title: get(row, "title")?,
        trace: get(row, "trace")?,
    })
}
