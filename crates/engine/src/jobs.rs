//! Jobs as people ask for them: begun from a plan, paused, cancelled, and resumed with a fresh key.

use std::sync::Arc;

use storage::{Actor, CreateJob, GrantKind, JobRow, JobState, Leave, NewJob, PlanRow, Resume, StoreError};

use crate::backend::Key;
use crate::connection::{own_refresh_token, revoke_grant};
use crate::grants::grant;
use crate::seal::SealError;
use crate::{Engine, Tenant, fresh_id};

/// Who acts, on which tenant.
#[derive(Debug, Clone)]
pub struct Acting {
    /// The tenant.
    pub tenant: Arc<Tenant>,
    /// The key, and with it the Qlik user.
    pub key: Key,
    /// Who: the portal's user and the Qlik user they act as.
    pub actor: Actor,
}

/// What a plan is applied with.
#[derive(Debug, Clone, Default)]
pub struct Order {
    /// The job that the plan undoes or tries again.
    pub undo_of: Option<String>,
    /// The trail's end when the tenant was read for the last time.
    pub seen: i64,
    /// Jobs whose doing was added to that reading since, each up to a place of the trail.
    pub known: Vec<(String, i64)>,
    /// What must hold still when it begins.
    pub leave: Option<Leave>,
}

/// What came of asking for a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// This job applies the plan, now or since before.
    Job(String),
    /// This job is changing some of the rows.
    Locked(String),
    /// Another job changed some of the rows since the tenant was read: read again.
    Overtaken,
    /// Whoever asked is signed out by now, or what they confirmed or somebody approved does not hold any more.
    NoLeave,
}

/// What came of asking something of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commanded {
    /// It does so.
    Done,
    /// It is no longer in a state where that can be done.
    MovedOn,
    /// Only the Qlik user it acts as can resume it.
    OfAnotherUser,
}

/// Why a job could not be begun or resumed.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The tenant's kind does not take such a change, by its verb.
    #[error("the tenant does not take “{0}”")]
    NotTaken(&'static str),
    /// The key could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It broke off while it was written down.
    #[error("the job could not be written down")]
    Broken,
}

/// Writes the job of a plan down, with its key sealed for it, and wakes the executor.
pub async fn begin(engine: &Arc<Engine>, by: &Acting, plan: &PlanRow, order: Order) -> Result<Begun, JobError> {
    let takes = by.tenant.backend.can().kinds;
    if let Some(planned) = plan.plan.changes.iter().find(|planned| !takes.contains(&planned.change.kind())) {
        return Err(JobError::NotTaken(planned.change.kind().verb()));
    }
    let job = fresh_id();
    let grant = grant(engine, &by.key, &job)?;
    let (store, now, id) = (engine.store.clone(), engine.clock.now_ms(), job.clone());
    let (by, plan) = (by.clone(), plan.clone());
    // Written down whole also where the browser hangs up meanwhile.
    let created = tokio::spawn(async move {
        let new = NewJob {
            id: &id,
            plan: &plan.id,
            tenant: &by.tenant.id,
            qlik_user: by.key.user(),
            author: &by.actor,
            title: &plan.plan.title,
            undo_of: order.undo_of.as_deref(),
            rows: &plan.plan.changes,
            grant,
            now,
            seen: order.seen,
            known: &order.known,
            leave: order.leave.as_ref(),
        };
        store.create_job(&new).await
    });
    let created = created.await.map_err(|error| {
        tracing::error!(%error, "a job could not be written down");
        JobError::Broken
    })?;
    Ok(match created? {
        CreateJob::Created => {
            told_grant(&job, "grant.made");
            engine.jobs.notify_one();
            Begun::Job(job)
        }
        CreateJob::AppliedBefore(job) => Begun::Job(job),
        CreateJob::Locked(holder) => Begun::Locked(holder),
        CreateJob::Overtaken => Begun::Overtaken,
        CreateJob::NoLeave => Begun::NoLeave,
    })
}

/// Lets a paused job go on with a fresh key: both or neither.
pub async fn resume(engine: &Arc<Engine>, by: &Acting, job: &JobRow) -> Result<Commanded, JobError> {
    let now = engine.clock.now_ms();
    let held = engine.store.grant(&job.id).await?;
    let serves = held.as_ref().filter(|grant| grant.expires_at > now).is_some_and(|grant| match grant.kind {
        GrantKind::Unattended => true,
        // Not one whose master key is gone.
        GrantKind::Own => own_refresh_token(engine, &job.id, grant).is_some(),
        GrantKind::Lent => false,
    });
    if serves {
        // It has what it needs, and nobody's key takes its place.
        return command(engine, by, &job.id, &[JobState::Paused], JobState::Queued, "").await;
    }
    if job.qlik_user != by.key.user() {
        return Ok(Commanded::OfAnotherUser);
    }
    let fresh = grant(engine, &by.key, &job.id)?;
    let resumed = engine.store.resume_job(&by.tenant.id, &job.id, &fresh, held.as_ref(), false).await?;
    ring(engine, &job.id);
    Ok(match resumed {
        Resume::Done { before } => {
            told_grant(&job.id, "grant.made");
            revoke_grant(engine, &by.tenant, &job.id, before.as_ref());
            Commanded::Done
        }
        Resume::MovedOn => Commanded::MovedOn,
    })
}

/// Lets the jobs go on that wait for this key's Qlik user to connect again.
pub async fn wake(engine: &Engine, tenant: &Tenant, key: &Key) -> Result<(), StoreError> {
    for job in engine.store.jobs_in_need(&tenant.id, key.user()).await? {
        let Ok(grant) = grant(engine, key, &job) else { continue };
        // What it had was erased when it began to wait.
        if matches!(engine.store.resume_job(&tenant.id, &job, &grant, None, true).await?, Resume::Done { .. }) {
            tracing::info!(job, tenant = tenant.id, "its Qlik user has connected again: the job goes on");
            ring(engine, &job);
        }
    }
    Ok(())
}

/// Asks a job to pause.
pub async fn pause(engine: &Engine, by: &Acting, job: &str) -> Result<Commanded, JobError> {
    let from = [JobState::Queued, JobState::Running];
    command(engine, by, job, &from, JobState::Paused, &format!("Paused by {}.", by.actor)).await
}

/// Asks a job to stop for good. It needs no key.
pub async fn cancel(engine: &Engine, by: &Acting, job: &str) -> Result<Commanded, JobError> {
    let from = [JobState::Queued, JobState::Running, JobState::Paused];
    command(engine, by, job, &from, JobState::Cancelling, "").await
}

async fn command(
    engine: &Engine,
    by: &Acting,
    job: &str,
    from: &[JobState],
    to: JobState,
    reason: &str,
) -> Result<Commanded, JobError> {
    let done = engine.store.steer_job(&by.tenant.id, job, from, to, reason).await?;
    ring(engine, job);
    Ok(if done { Commanded::Done } else { Commanded::MovedOn })
}

/// Takes a job's key away, which pauses it; a connection of its own is taken back at the tenant as well. `false` where it has none.
pub async fn withdraw(engine: &Arc<Engine>, tenant: &Arc<Tenant>, job: &str, reason: &str) -> Result<bool, StoreError> {
    let erased = engine.store.withdraw_grant(&tenant.id, job, reason).await?;
    if erased.is_none() {
        return Ok(false);
    }
    told_grant(job, "grant.withdrawn");
    ring(engine, job);
    revoke_grant(engine, tenant, job, erased.as_ref());
    Ok(true)
}

/// Tells the log what became of a job's key; the trail has its own record of it.
fn told_grant(job: &str, event: &'static str) {
    tracing::info!(target: "quartermaster::security", event, job);
}

/// Wakes the executor, and whoever watches the job.
pub(crate) fn ring(engine: &Engine, job: &str) {
    engine.jobs.notify_one();
    let _ = engine.news.send(Arc::from(job));
}
