//! Carries one job out: its lease and its credential, what a person asks of it meanwhile, and what it waits for. Every state has a
//! way out: what fails waits and is tried again, and whoever cancels needs no key for it. What becomes of its rows is in
//! `run/rows.rs`.

mod ahead;
mod keys;
mod rows;

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use domain::journal::RowState;
use storage::{Actor, Claim, JobRow, JobState, JournalRow, RowResult, StoreError};
use tokio::time::Instant;

use super::Sent;
use super::batcher::Batcher;
use super::outage::Outage;
use super::writer::{SharedKey, Writer};
use crate::clock::time_of_day;
use crate::connection::revoke_grant;
use crate::fault::Fault;
use crate::{Engine, Tenant};
use ahead::Ahead;
use keys::Opened;

/// A lease runs out after this long without a word.
const LEASE: Duration = Duration::from_secs(20);
/// What a person asks of a job that waits is seen after this long.
const COMMAND: Duration = Duration::from_secs(1);
/// Rows taken from the journal at a time.
const CHUNK: usize = 1_000;
/// A row that spoiled this many requests of its own is set aside until the others are done.
const ALONE: u32 = 3;
/// A wait this long is told on the job's page.
const WORTH_TELLING: Duration = Duration::from_secs(4);
/// Requests in a job's turn while others of the tenant wait: a second or two, so that a change of one row never waits for a
/// job of a hundred thousand.
const TURN: u32 = 10;

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Counts what another server sent, or this one in an earlier life: Qlik's window does not begin anew with us.
async fn count_foreign(engine: &Engine, tenant: &Tenant, job: &JobRow, sent: &Sent) -> Result<(), StoreError> {
    let now = engine.clock.now_ms();
    let window = tenant.backend.budget(&job.qlik_user).window;
    let known = engine.store.sends_since(&job.tenant, &job.qlik_user, now - millis(window)).await?;
    let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
    sent.retain(|at| *at > now - millis(window));
    let foreign: Vec<Duration> = known
        .into_iter()
        .filter(|at| sent.insert(*at))
        .map(|at| Duration::from_millis(u64::try_from(now - at).unwrap_or(0)))
        .collect();
    if !foreign.is_empty() {
        tracing::info!(job = job.id, calls = foreign.len(), "calls of another executor count in this window");
        tenant.backend.remember(&job.qlik_user, &foreign);
    }
    Ok(())
}

pub(super) async fn claim_and_run(
    engine: &Arc<Engine>,
    tenant: Arc<Tenant>,
    job: JobRow,
    owner: &str,
    sent: Sent,
) -> Result<(), StoreError> {
    let now = engine.clock.now_ms();
    let Some(claim) = engine.store.claim_job(&job.id, owner, now, now + millis(LEASE)).await? else { return Ok(()) };
    tracing::info!(job = job.id, tenant = job.tenant, "the job begins");
    let opened = keys::open(engine, &tenant, &job, false).await?;
    if matches!(opened, Opened::Key(_) | Opened::Away(..) | Opened::Machine(..)) {
        count_foreign(engine, &tenant, &job, &sent).await?;
    }
    let mut run = Run {
        engine,
        tenant,
        job,
        claim,
        sent,
        outage: Outage::default(),
        told: false,
        requests: 0,
        yielded: AtomicBool::new(false),
        alone: HashMap::new(),
        singly: HashSet::new(),
        aside: HashSet::new(),
        tried_last: HashSet::new(),
        went_through: false,
        key: None,
        looked_for_key: None,
        ahead: Ahead::default(),
        acting: None,
    };
    let outcome = run.whole(opened).await;
    // A row that cannot be read now cannot be read in a minute: a person must know.
    let outcome = match outcome {
        Err(StoreError::Unreadable(what)) => {
            tracing::error!(job = run.job.id, what, "the job cannot be read by this version");
            let reason = "Part of this job cannot be read by this version of Quartermaster. Run the version that started it, or cancel the job.";
            run.pause(reason).await.map(|_| ())
        }
        other => other,
    };
    if outcome.is_err() {
        // Best effort: the lease runs out by itself otherwise.
        let _ = engine.store.release_lease(&run.claim).await;
    }
    // Also of a job that was paused or stopped on the way; not at the end of each turn, for it costs a large tenant a second.
    if !run.yielded.load(Ordering::Relaxed) {
        run.show_done().await;
    }
    run.notify();
    outcome
}

/// What to do after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Go on.
    On,
    /// The job is over or was paused, with the reason already written down.
    Stop,
}

/// Why something did not go through, in words and as a status where there is one.
struct Failure {
    why: String,
    status: Option<u16>,
}

impl From<&Fault> for Failure {
    fn from(fault: &Fault) -> Self {
        Self { why: fault.why(), status: fault.status() }
    }
}

/// One executor's work on one job.
struct Run<'a> {
    engine: &'a Arc<Engine>,
    tenant: Arc<Tenant>,
    job: JobRow,
    claim: Claim,
    /// When requests left from here.
    sent: Sent,
    outage: Outage,
    /// The job's page says what it waits for.
    told: bool,
    /// Requests in this turn.
    requests: u32,
    /// The turn went to another job.
    yielded: AtomicBool,
    /// How often a row alone in its request failed.
    alone: HashMap<i64, u32>,
    /// Rows that an answer did not speak of: they go alone.
    singly: HashSet<i64>,
    /// Rows that wait until the others are done.
    aside: HashSet<i64>,
    /// Rows that had their last try.
    tried_last: HashSet<i64>,
    /// Something went through since a row was set aside.
    went_through: bool,
    /// What opens the tenant, and when a newer one was looked for.
    key: Option<SharedKey>,
    looked_for_key: Option<Instant>,
    /// Groups that were read ahead of their rows.
    ahead: Ahead,
    /// Who acts, where that is not whoever asked for the job but the portal itself.
    acting: Option<Actor>,
}

impl Run<'_> {
    async fn whole(&mut self, opened: Opened) -> Result<(), StoreError> {
        match opened {
            Opened::Machine(key, person) => {
                let signed_in = trail::Actor { kind: "system".to_owned(), ..trail::Actor::default() };
                self.acting = Some(Actor::new("", "", &person.id, &person.subject).who(signed_in));
                let key = self.key.insert(SharedKey::of(key)).clone();
                self.carry_out(&Writer::of(&self.claim, key)).await
            }
            Opened::NoMachine(_) if self.job.state == JobState::Cancelling => self.end_unread().await.map(|_| ()),
            Opened::NoMachine(fault) => self.pause_without_machine(&fault).await.map(|_| ()),
            // Where the tenant is away, that shows before anything is sent.
            Opened::Key(key) | Opened::Away(key, _) => {
                let key = self.key.insert(SharedKey::of(key)).clone();
                self.carry_out(&Writer::of(&self.claim, key)).await
            }
            Opened::Nothing | Opened::InNeed(_) if self.job.state == JobState::Cancelling => self.end_unread().await.map(|_| ()),
            Opened::InNeed(lost) => match self.pause_in_need(&lost).await? {
                Next::Stop => Ok(()),
                // It has another credential by now: whoever takes it next opens that.
                Next::On => self.engine.store.release_lease(&self.claim).await,
            },
            Opened::Nothing => {
                let reason =
                    "The key expired or was revoked. Connect with a key of the same Qlik user, then resume, or cancel the job.";
                self.pause(reason).await.map(|_| ())
            }
        }
    }

    async fn carry_out(&mut self, writer: &Writer) -> Result<(), StoreError> {
        let mut batcher = Batcher::of(&self.job, self.tenant.batch_rows);
        loop {
            if self.settle_unknown(writer).await? == Next::Stop {
                return Ok(());
            }
            if self.send_planned(writer, &mut batcher).await? == Next::Stop {
                return Ok(());
            }
            let tally = self.engine.store.tally(&self.job.id).await?;
            if tally.unknown + tally.sent + tally.planned == 0 {
                // Before anybody can see that it is finished, so that whoever looks then sees what it did.
                self.show_done().await;
                self.finish(JobState::Finished).await?;
                tracing::info!(job = self.job.id, done = tally.done, refused = tally.refused, "the job is finished");
                return Ok(());
            }
        }
    }

    /// Shows what was done before the tenant is read again. Twice does no harm.
    async fn show_done(&self) {
        let store = &self.engine.store;
        let read = async {
            // The trail's end first: whatever is done by then is in the journal.
            let upto = store.audit_end(&self.job.tenant).await?;
            Ok::<_, StoreError>((upto, store.journal(&self.job.id, &[RowState::Done], 0, i64::MAX).await?))
        };
        let (upto, rows) = match read.await {
            Ok(read) => read,
            Err(error) => {
                tracing::warn!(%error, "what the job did is not shown before the next reading");
                self.engine.readings.invalidate(&self.job.tenant);
                return;
            }
        };
        let done: Vec<_> = rows.into_iter().map(|row| (row.change, row.made)).collect();
        let (engine, tenant, job) = (self.engine.clone(), self.job.tenant.clone(), self.job.id.clone());
        // A large tenant's table is built anew: work for a thread of its own.
        let amend = tokio::task::spawn_blocking(move || engine.readings.overlay(&tenant, &job, (upto, upto), &done));
        if !matches!(self.holding(amend).await, Ok(Ok(()))) {
            self.engine.readings.invalidate(&self.job.tenant);
        }
    }

    /// Tells those who watch the job that it has moved on.
    fn notify(&self) {
        let _ = self.engine.news.send(Arc::from(self.job.id.as_str()));
    }

    /// Pauses the job. One that is being cancelled meanwhile ends instead.
    async fn pause(&self, reason: &str) -> Result<Next, StoreError> {
        if self.engine.store.pause_claimed(&self.claim, reason).await? {
            return Ok(Next::Stop);
        }
        self.end_unread().await
    }

    /// Ends a job that is being cancelled and that nobody can read the tenant for: rows whose effect is not known are told as
    /// such, once they can no longer take effect.
    async fn end_unread(&self) -> Result<Next, StoreError> {
        self.await_deadline().await?;
        let rows = self.engine.store.journal(&self.job.id, &[RowState::Unknown, RowState::Sent], 0, i64::MAX).await?;
        let result = |row: &JournalRow| RowResult {
            seq: row.seq,
            state: RowState::Unknown,
            status: 0,
            code: String::new(),
            title: "No response from Qlik, and the job was cancelled before the result could be checked. It may have been done."
                .to_owned(),
            trace: String::new(),
            made: None,
        };
        if !rows.is_empty() {
            self.write_down(&rows, rows.iter().map(result).collect()).await?;
        }
        self.finish(JobState::Cancelled).await?;
        Ok(Next::Stop)
    }

    /// The job is over. What it did is signed soon.
    async fn finish(&self, state: JobState) -> Result<(), StoreError> {
        let finished = self.engine.store.finish_job(&self.claim, state, self.engine.clock.now_ms());
        let grant = self.holding(finished).await??;
        revoke_grant(self.engine, &self.tenant, &self.job.id, grant.as_ref());
        self.engine.checkpoints.want(&self.job.tenant);
        Ok(())
    }

    /// Holds on to the lease and asks what the job shall do.
    async fn renew(&self) -> Result<JobState, StoreError> {
        self.engine.store.renew_lease(&self.claim, self.engine.clock.now_ms() + millis(LEASE)).await
    }

    /// Does something that may take long, and holds on to the lease meanwhile. Both go on at once: one may hold what the other
    /// waits for in the database.
    async fn holding<T>(&self, work: impl Future<Output = T>) -> Result<T, StoreError> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Ok(done),
                () = tokio::time::sleep(LEASE / 3) => {}
            }
            let mut renewing = pin!(self.renew());
            let mut ended = None;
            loop {
                tokio::select! {
                    done = &mut work, if ended.is_none() => ended = Some(done),
                    state = &mut renewing => { state?; break; }
                }
            }
            if let Some(done) = ended {
                return Ok(done);
            }
        }
    }

    /// Waits, as long as the job is to go on. Returns what it is asked to do.
    async fn wait(&self, duration: Duration) -> Result<JobState, StoreError> {
        let until = Instant::now() + duration;
        loop {
            let state = self.renew().await?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.closing() || !matches!(state, JobState::Running | JobState::Queued) {
                return Ok(state);
            }
            tokio::time::sleep(left.min(COMMAND)).await;
        }
    }

    /// A request without an answer can take effect until its deadline has passed: a reading before then proves nothing. Also
    /// those of an executor that is gone.
    async fn await_deadline(&self) -> Result<(), StoreError> {
        let Some(sent_at) = self.engine.store.last_unsettled_send(&self.job.id).await? else { return Ok(()) };
        let over = sent_at + millis(self.tenant.backend.deadline());
        let left = u64::try_from(over - self.engine.clock.now_ms()).unwrap_or(0);
        // Clocks that were set back must not hold a job for longer than a deadline.
        let left = Duration::from_millis(left).min(self.tenant.backend.deadline());
        self.holding(tokio::time::sleep(left)).await
    }

    /// Lets the next job of the tenant have its turn, if one waits. Between requests, when nothing is under way.
    async fn turn_is_over(&self) -> Result<bool, StoreError> {
        if self.requests < TURN || !self.requests.is_multiple_of(TURN) {
            return Ok(false);
        }
        let waiting = self.engine.store.claimable_jobs(self.engine.clock.now_ms()).await?;
        let over = waiting.iter().any(|job| job.tenant == self.job.tenant && job.id != self.job.id);
        if over {
            self.engine.store.release_lease(&self.claim).await?;
            self.yielded.store(true, Ordering::Relaxed);
        }
        Ok(over)
    }

    /// The server is about to end: another one goes on, or this one when it is back.
    fn closing(&self) -> bool {
        *self.engine.closing.borrow()
    }

    /// Stops where a person asked for it, or the server is about to end. Called between batches, when nothing is under way.
    async fn check_command(&self) -> Result<Next, StoreError> {
        if self.closing() {
            self.engine.store.release_lease(&self.claim).await?;
            return Ok(Next::Stop);
        }
        match self.renew().await? {
            JobState::Preparing | JobState::Running | JobState::Queued => Ok(Next::On),
            JobState::Cancelling => {
                let tally = self.engine.store.tally(&self.job.id).await?;
                if tally.unknown + tally.sent > 0 {
                    // What is sent is settled first.
                    return Ok(Next::On);
                }
                self.finish(JobState::Cancelled).await?;
                Ok(Next::Stop)
            }
            JobState::Paused | JobState::Finished | JobState::Cancelled => {
                self.engine.store.release_lease(&self.claim).await?;
                Ok(Next::Stop)
            }
        }
    }

    /// Something did not go through: waits, longer each time, and says so. A key that is not accepted, and an outage that does
    /// not end, want a person.
    async fn trouble(&mut self, failure: &Failure) -> Result<Next, StoreError> {
        tracing::warn!(job = self.job.id, why = failure.why, "a request failed");
        if failure.status == Some(401) && self.is_lent() {
            // The tenant takes the token no more, before its time: whoever can renews it.
            return self.another_key(true).await;
        }
        self.wait_out(failure).await
    }

    /// Waits after a failure, longer each time, as long as that is worth it.
    async fn wait_out(&mut self, failure: &Failure) -> Result<Next, StoreError> {
        let wait = match failure.status {
            Some(401 | 403) => None,
            // The limiter waits for as long as Qlik asked.
            Some(429) => self.outage.failed().map(|_| Duration::ZERO),
            _ => self.outage.failed(),
        };
        let Some(wait) = wait else {
            return self.pause(&format!("{} No progress was lost: resume when it is fixed, or cancel.", failure.why)).await;
        };
        if wait >= WORTH_TELLING {
            let at = time_of_day(self.engine.clock.now_ms() + millis(wait));
            self.engine.store.note_claimed(&self.claim, &format!("{} Trying again at {at}.", failure.why)).await?;
            self.told = true;
            self.notify();
        }
        match self.wait(wait).await? {
            _ if self.closing() => self.check_command().await,
            JobState::Cancelling => self.end_unread().await,
            JobState::Paused | JobState::Finished | JobState::Cancelled => {
                self.engine.store.release_lease(&self.claim).await?;
                Ok(Next::Stop)
            }
            JobState::Preparing | JobState::Running | JobState::Queued => Ok(Next::On),
        }
    }

    /// A write went through: whatever was waited for is over.
    async fn passed(&mut self) -> Result<(), StoreError> {
        self.went_through = true;
        self.outage.passed();
        if std::mem::take(&mut self.told) {
            self.engine.store.note_claimed(&self.claim, "").await?;
        }
        Ok(())
    }
}
