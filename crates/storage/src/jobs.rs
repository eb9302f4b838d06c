//! Jobs: what they are, how they begin, and what a person may ask of them. Who carries one out, its journal and its credential
//! have rooms of their own.

use std::collections::BTreeSet;

use domain::journal::Tally;
use domain::plan::PlannedChange;
use sqlx::any::AnyRow;
use sqlx::{Any, Transaction};
use trail::Target;

use crate::actor::{Actor, read_actor};
use crate::audit::{NewAudit, append, done_since, hold_trail};
use crate::form::{self, FORM};
use crate::people::{is_live, use_step_up};
use crate::store::{AT_ONCE, Store, StoreError, get, insert, places};

macro_rules! job_query {
    ($tail:literal) => {
        concat!(
            "SELECT id, plan_id, tenant, qlik_user, author, principal, who, title, state, reason, undo_of, created_at, finished_at, lease_until, \
             tally, rows_gone, batch_rows, batch_most FROM jobs ",
            $tail
        )
    };
}

mod grants;
mod journal;
mod lease;

pub(crate) use grants::{erase_grant, put_grant};

pub use grants::{Erased, Grant, GrantKind};
pub use journal::{JournalRow, RowResult, Trouble};
pub use lease::{Claim, InNeed};

/// Rows written in one transaction: no other writer waits for longer than that takes.
const AT_A_TIME: usize = 4_000;
/// A job that is not written down after this long never will be, in milliseconds.
const UNPREPARED_MS: i64 = 15 * 60 * 1_000;

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobState {
    /// Its rows are being written down; nobody carries it out yet.
    Preparing,
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
    const ALL: [Self; 7] =
        [Self::Preparing, Self::Queued, Self::Running, Self::Paused, Self::Cancelling, Self::Finished, Self::Cancelled];

    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
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
    pub author: Actor,
    /// What it does.
    pub title: String,
    /// Where it stands.
    pub state: JobState,
    /// Why it is paused, or what it waits for; empty otherwise.
    pub reason: String,
    /// Which job it undoes.
    pub undo_of: Option<String>,
    /// When it was asked for.
    pub created_at: i64,
    /// When it ended.
    pub finished_at: Option<i64>,
    /// An executor has it until then; 0 where none does.
    pub lease_until: i64,
    /// What its rows came to, once it is over.
    pub tally: Option<Tally>,
    /// Its rows were kept for as long as they are, and are gone.
    pub rows_gone: bool,
    /// Rows in one request that went well last; 0 where nothing is known.
    pub batch_rows: usize,
    /// The most rows that Qlik took in one request; 0 where no limit was met.
    pub batch_most: usize,
}

/// What must hold still when a job is queued: the plan was read, and its tenant too, a while before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leave {
    /// Whoever asks is signed in: the key of their session.
    pub session: Vec<u8>,
    /// They confirmed that it is them, for this; used up by the job.
    pub step_up: Option<String>,
    /// Somebody else approved the plan as this hash says, after this time.
    pub approval: Option<(String, i64)>,
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
    pub author: &'a Actor,
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
    /// Jobs whose doing was added to that reading since, each up to a place of the trail.
    pub known: &'a [(String, i64)],
    /// What must hold still; nothing where nobody asks for it.
    pub leave: Option<&'a Leave>,
}

/// What came of letting a paused job go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resume {
    /// It goes on.
    Done {
        /// The credential that it had before.
        before: Option<Grant>,
    },
    /// It is not paused any more.
    MovedOn,
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
    /// Whoever asked is signed out by now, or what they confirmed or somebody approved does not hold any more.
    NoLeave,
}

/// Whether what a job needs holds still; until the transaction ends, whatever would end it comes after.
async fn holds(transaction: &mut Transaction<'static, Any>, leave: &Leave, job: &NewJob<'_>) -> Result<bool, StoreError> {
    if !is_live(transaction, &leave.session, job.now).await? {
        return Ok(false);
    }
    if let Some(step_up) = &leave.step_up
        && !use_step_up(transaction, &leave.session, step_up, job.now).await?
    {
        return Ok(false);
    }
    let Some((hash, since)) = &leave.approval else { return Ok(true) };
    let approved =
        sqlx::query("UPDATE approvals SET at = at WHERE plan_id = $1 AND plan_hash = $2 AND at > $3 AND principal <> $4")
            .bind(job.plan.to_owned())
            .bind(hash.clone())
            .bind(*since)
            .bind(job.author.principal.clone())
            .execute(&mut **transaction)
            .await?;
    Ok(approved.rows_affected() > 0)
}

impl Store {
    /// Writes a job, its journal, its locks, its grant and the record of the intent, before anything is sent. Nobody carries the
    /// job out before all of it is there. Rows and locks come in small transactions, so that a large job holds nobody up.
    pub async fn create_job(&self, job: &NewJob<'_>) -> Result<CreateJob, StoreError> {
        self.drop_unprepared(job.now - UNPREPARED_MS).await?;
        let done = sqlx::query(
            "INSERT INTO jobs (id, plan_id, tenant, qlik_user, author, principal, who, title, state, reason, undo_of, created_at, lease_owner, lease_until, lease_token) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'preparing', '', $9, $10, '', 0, 0) ON CONFLICT (plan_id) DO NOTHING",
        )
        .bind(job.id.to_owned())
        .bind(job.plan.to_owned())
        .bind(job.tenant.to_owned())
        .bind(job.qlik_user.to_owned())
        .bind(job.author.words.clone())
        .bind(job.author.principal.clone())
        .bind(job.author.signed_in_text())
        .bind(job.title.to_owned())
        .bind(job.undo_of.map(ToOwned::to_owned))
        .bind(job.now)
        .execute(&self.pool)
        .await?;
        if done.rows_affected() == 0 {
            let row =
                sqlx::query("SELECT id FROM jobs WHERE plan_id = $1").bind(job.plan.to_owned()).fetch_one(&self.pool).await?;
            return Ok(CreateJob::AppliedBefore(get(&row, "id")?));
        }
        let prepared = self.prepare(job).await;
        if !matches!(prepared, Ok(CreateJob::Created)) {
            sqlx::query("DELETE FROM jobs WHERE id = $1 AND state = 'preparing'")
                .bind(job.id.to_owned())
                .execute(&self.pool)
                .await?;
        }
        prepared
    }

    async fn prepare(&self, job: &NewJob<'_>) -> Result<CreateJob, StoreError> {
        for (first, rows) in (0_i64..).step_by(AT_A_TIME).zip(job.rows.chunks(AT_A_TIME)) {
            let mut transaction = self.begin().await?;
            for (first, rows) in (first..).step_by(AT_ONCE).zip(rows.chunks(AT_ONCE)) {
                const HEAD: &str =
                    "INSERT INTO journal (job_id, seq, change, form, name, state, status, code, title, trace) VALUES";
                let mut query = sqlx::query(insert(HEAD, rows.len(), 10, ""));
                for (seq, planned) in (first..).zip(rows) {
                    let change = form::write(&planned.change, "a change")?;
                    query = query.bind(job.id.to_owned()).bind(seq).bind(change).bind(FORM).bind(planned.name.clone());
                    query = query.bind("planned").bind(0_i64).bind("").bind("").bind("");
                }
                query.execute(&mut *transaction).await?;
            }
            transaction.commit().await?;
        }
        // Two rows of one plan may share a key, as in a swap of two licenses of one person.
        let keys: BTreeSet<String> = job.rows.iter().flat_map(|planned| planned.change.touches().keys()).collect();
        let keys: Vec<String> = keys.into_iter().collect();
        for keys in keys.chunks(AT_A_TIME) {
            let mut transaction = self.begin().await?;
            for keys in keys.chunks(AT_ONCE) {
                if let Some(holder) = lock(&mut transaction, job.tenant, keys, job.id).await? {
                    return Ok(CreateJob::Locked(holder));
                }
            }
            transaction.commit().await?;
        }
        let mut lines = vec![NewAudit {
            tenant: job.tenant.to_owned(),
            at: job.now,
            actor: job.author.clone(),
            action: "apply".to_owned(),
            target: Target::of("plan", job.plan, job.title),
            plan: job.plan.to_owned(),
            job: job.id.to_owned(),
            outcome: "intent".to_owned(),
            reason: domain::text::count(domain::text::whole(job.rows.len() as u64), "row", "rows"),
            ..NewAudit::default()
        }];
        lines.extend((0..).zip(job.rows).map(|(row, planned)| NewAudit {
            tenant: job.tenant.to_owned(),
            at: job.now,
            actor: job.author.clone(),
            plan: job.plan.to_owned(),
            job: job.id.to_owned(),
            row: Some(row),
            outcome: "intent".to_owned(),
            ..NewAudit::of(&planned.change)
        }));
        let mut transaction = self.begin().await?;
        hold_trail(&mut transaction, job.tenant).await?;
        // Between the reading and the locks a job may have taken the same rows, changed them, and let them go again. From
        // here on it cannot.
        let done = done_since(&mut transaction, job.tenant, job.seen, job.known).await?;
        if keys.iter().any(|key| done.contains(key)) {
            return Ok(CreateJob::Overtaken);
        }
        if let Some(leave) = job.leave
            && !holds(&mut transaction, leave, job).await?
        {
            return Ok(CreateJob::NoLeave);
        }
        put_grant(&mut transaction, job.id, &job.grant).await?;
        append(&mut transaction, &self.audit_key, &lines).await?;
        let queued = sqlx::query("UPDATE jobs SET state = 'queued' WHERE id = $1 AND state = 'preparing'")
            .bind(job.id.to_owned())
            .execute(&mut *transaction)
            .await?;
        if queued.rows_affected() == 0 {
            return Err(StoreError::LeaseLost);
        }
        transaction.commit().await?;
        Ok(CreateJob::Created)
    }

    /// Forgets jobs that began to be written down before a time and never were: their server is gone. Their plans can be
    /// applied again.
    pub async fn drop_unprepared(&self, before: i64) -> Result<u64, StoreError> {
        let done = sqlx::query("DELETE FROM jobs WHERE state = 'preparing' AND created_at < $1")
            .bind(before)
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected())
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
        sqlx::query(job_query!("WHERE tenant = $1 AND state <> 'preparing' ORDER BY created_at DESC, id LIMIT $2"))
            .bind(tenant.to_owned())
            .bind(most)
            .fetch_all(&self.pool)
            .await?
            .iter()
            .map(read_job)
            .collect()
    }

    /// A person lets a paused job go on, with a fresh credential in place of the one `seen`: both or neither. Where only its Qlik user
    /// was waited for, `in_need`, it has none, and nobody paused it by hand.
    pub async fn resume_job(
        &self,
        tenant: &str,
        id: &str,
        grant: &Grant,
        seen: Option<&Grant>,
        in_need: bool,
    ) -> Result<Resume, StoreError> {
        let mut transaction = self.begin().await?;
        // Where its executor still settles what was sent, it simply goes on.
        let done = sqlx::query(
            "UPDATE jobs SET state = CASE WHEN lease_until > 0 THEN 'running' ELSE 'queued' END, reason = '', needs = 0 \
             WHERE id = $1 AND tenant = $2 AND state = 'paused' AND needs >= $3",
        )
        .bind(id.to_owned())
        .bind(tenant.to_owned())
        .bind(i64::from(in_need))
        .execute(&mut *transaction)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(Resume::MovedOn);
        }
        let before = put_grant(&mut transaction, id, grant).await?;
        if before.as_ref() != seen {
            // Somebody gave it another meanwhile.
            transaction.rollback().await?;
            return Ok(Resume::MovedOn);
        }
        transaction.commit().await?;
        Ok(Resume::Done { before })
    }

    /// A person asks a job to pause or stop. `false` where it is in none of the states `from`.
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
}

/// Takes locks, or names a job that has one of them.
async fn lock(
    transaction: &mut Transaction<'static, Any>,
    tenant: &str,
    keys: &[String],
    job: &str,
) -> Result<Option<String>, StoreError> {
    const HEAD: &str = "INSERT INTO locks (tenant, key, job_id) VALUES";
    const HELD: &str = "SELECT job_id FROM locks WHERE tenant = $1 AND key IN";
    loop {
        let mut query = sqlx::query(insert(HEAD, keys.len(), 3, "ON CONFLICT (tenant, key) DO NOTHING"));
        for key in keys {
            query = query.bind(tenant.to_owned()).bind(key.clone()).bind(job.to_owned());
        }
        if query.execute(&mut **transaction).await?.rows_affected() == keys.len() as u64 {
            return Ok(None);
        }
        let mut query = sqlx::query(places(HELD, 2, keys.len())).bind(tenant.to_owned());
        for key in keys {
            query = query.bind(key.clone());
        }
        let holders: Vec<String> =
            query.fetch_all(&mut **transaction).await?.iter().map(|row| get(row, "job_id")).collect::<Result<_, _>>()?;
        if let Some(other) = holders.iter().find(|holder| *holder != job) {
            return Ok(Some(other.clone()));
        }
        if holders.len() == keys.len() {
            return Ok(None);
        }
        // Whoever had one of them let it go in between: once more, for it is nobody's now.
    }
}

fn read_job(row: &AnyRow) -> Result<JobRow, StoreError> {
    let word: String = get(row, "state")?;
    Ok(JobRow {
        id: get(row, "id")?,
        plan: get(row, "plan_id")?,
        tenant: get(row, "tenant")?,
        qlik_user: get(row, "qlik_user")?,
        author: read_actor(row, "author")?,
        title: get(row, "title")?,
        state: JobState::parse(&word).ok_or(StoreError::Unreadable("a job's state"))?,
        reason: get(row, "reason")?,
        undo_of: get(row, "undo_of")?,
        created_at: get(row, "created_at")?,
        finished_at: get(row, "finished_at")?,
        lease_until: get(row, "lease_until")?,
        tally: match get::<String>(row, "tally")?.as_str() {
            "" => None,
            text => Some(serde_json::from_str(text).map_err(|_| StoreError::Unreadable("what a job came to"))?),
        },
        rows_gone: get::<i64>(row, "rows_gone")? != 0,
        batch_rows: usize::try_from(get::<i64>(row, "batch_rows")?).unwrap_or(0),
        batch_most: usize::try_from(get::<i64>(row, "batch_most")?).unwrap_or(0),
    })
}
