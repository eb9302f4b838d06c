//! Carries out jobs: claims one, sends its rows in batches, settles what nobody knows by reading, and writes everything down.
//!
//! The journal says `sent` before a request leaves and what came of it after, so a crash at any moment loses nothing:
//! whoever claims the job next finds the rows whose answer is not known and reads the tenant before sending anything.

mod send;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::journal::{RowState, settle as settled_as};
use domain::plan::Holdings;
use qlik_api::client::{CallError, Credential, Tier, Urgency};
use secrecy::ExposeSecret;
use storage::{Claim, JobRow, JobState, JournalRow, NewAudit, RowResult, StoreError};
use tokio::sync::mpsc;

use self::send::{BatchEnd, Batcher};
use super::inventory::{Needs, read_again};
use super::mapping::call_error;
use super::seal::Purpose;
use super::state::{Shared, State, Tenant};

/// A lease runs out after this long without a word.
const LEASE: Duration = Duration::from_secs(20);
/// How often to look for jobs that nobody rang for.
const LOOK: Duration = Duration::from_secs(2);
/// Rows taken from the journal at a time.
const CHUNK: i64 = 1_000;
/// How often in a row nothing is settled by reading and sending again before a person must look.
const ROUNDS: u32 = 3;
/// Failures in a row without any effect before a job pauses itself.
const PATIENCE: u32 = 4;

/// Requests in a job's turn while others of the tenant wait: a second or two, so that a change of one row never waits for a
/// job of a hundred thousand.
const TURN: u32 = 10;

/// Looks for jobs until the process ends. One job per tenant at a time; where several wait they take turns, and whoever had
/// none yet comes first.
pub async fn run(state: Shared) {
    let owner = State::fresh_id();
    let mut busy: HashSet<String> = HashSet::new();
    // The last turn of each job that had one.
    let mut turns: HashMap<String, u64> = HashMap::new();
    let mut turn = 0;
    let sent = Sent::default();
    let (done, mut finished) = mpsc::unbounded_channel::<String>();
    loop {
        match state.store.claimable_jobs(state.clock.now_ms()).await {
            Ok(mut jobs) => {
                turns.retain(|id, _| jobs.iter().any(|job| job.id == *id) || !busy.is_empty());
                // Oldest first as they come; the sort keeps that among those without a turn.
                jobs.sort_by_key(|job| turns.get(&job.id).copied().unwrap_or_default());
                for job in jobs {
                    let Some(tenant) = state.tenants.get(&job.tenant).cloned() else { continue };
                    if !busy.insert(job.tenant.clone()) {
                        continue;
                    }
                    turn += 1;
                    turns.insert(job.id.clone(), turn);
                    let (state, owner, done, sent) = (state.clone(), owner.clone(), done.clone(), sent.clone());
                    tokio::spawn(async move {
                        let name = job.tenant.clone();
                        // A guard, so that the tenant is free again however the task ends.
                        let _free = FreeWhenDone(Some((done, name)));
                        let id = job.id.clone();
                        match claim_and_run(&state, tenant, job, &owner, sent).await {
                            Ok(()) => {}
                            Err(StoreError::LeaseLost) => tracing::warn!(job = id, "another executor took the job over"),
                            Err(error) => tracing::error!(job = id, %error, "the job could not go on; it will be tried again"),
                        }
                    });
                }
            }
            Err(error) => tracing::error!(%error, "failed to look for jobs"),
        }
        tokio::select! {
            () = state.jobs.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
            Some(tenant) = finished.recv() => { busy.remove(&tenant); }
        }
        while let Ok(tenant) = finished.try_recv() {
            busy.remove(&tenant);
        }
    }
}

/// When requests left from here: what the journal knows besides was sent by somebody else, and counts as well.
type Sent = Arc<Mutex<BTreeSet<i64>>>;

/// Counts what another server sent, or this one in an earlier life: Qlik's window does not begin anew with us.
async fn count_foreign(
    state: &Shared,
    tenant: &Tenant,
    job: &JobRow,
    credential: &Credential,
    sent: &Sent,
) -> Result<(), StoreError> {
    let now = state.clock.now_ms();
    let window = tenant.client.budget(credential, Tier::Two).window;
    let known = state.store.sends_since(&job.tenant, &job.qlik_user, now - millis(window)).await?;
    let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
    sent.retain(|at| *at > now - millis(window));
    let foreign: Vec<Duration> = known
        .into_iter()
        .filter(|at| sent.insert(*at))
        .map(|at| Duration::from_millis(u64::try_from(now - at).unwrap_or(0)))
        .collect();
    if !foreign.is_empty() {
        tracing::info!(job = job.id, calls = foreign.len(), "calls of another executor count in this window");
        tenant.client.remember_calls(credential, Tier::Two, &foreign);
    }
    Ok(())
}

struct FreeWhenDone(Option<(mpsc::UnboundedSender<String>, String)>);

impl Drop for FreeWhenDone {
    fn drop(&mut self) {
        if let Some((done, tenant)) = self.0.take() {
            let _ = done.send(tenant);
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

async fn claim_and_run(state: &Shared, tenant: Arc<Tenant>, job: JobRow, owner: &str, sent: Sent) -> Result<(), StoreError> {
    let now = state.clock.now_ms();
    let Some(claim) = state.store.claim_job(&job.id, owner, now, now + millis(LEASE)).await? else { return Ok(()) };
    tracing::info!(job = job.id, tenant = job.tenant, "the job begins");
    let tally = state.store.tally(&job.id).await?;
    if job.state == JobState::Cancelling && tally.unknown + tally.sent == 0 {
        // Nothing is under way, so nothing needs a credential.
        return state.store.finish_job(&claim, JobState::Cancelled, now).await;
    }
    let Some(credential) = credential(state, &job).await? else {
        return state
            .store
            .pause_claimed(
                &claim,
                "Its key has expired or was withdrawn. Connect again with a key of the same Qlik user, then resume.",
            )
            .await;
    };
    count_foreign(state, &tenant, &job, &credential, &sent).await?;
    let mut run = Run { state, tenant, job, claim, credential, sent, failures: 0, requests: 0, yielded: AtomicBool::new(false) };
    let outcome = run.carry_out().await;
    if outcome.is_err() {
        // Best effort: the lease runs out by itself otherwise.
        let _ = state.store.release_lease(&run.claim).await;
    }
    // Also of a job that was paused or stopped on the way; not at the end of each turn, for it costs a large tenant a second.
    if !run.yielded.load(Ordering::Relaxed) {
        run.show_done().await;
    }
    run.tell();
    outcome
}

async fn credential(state: &Shared, job: &JobRow) -> Result<Option<Credential>, StoreError> {
    let Some(grant) = state.store.grant(&job.id, state.clock.now_ms()).await? else { return Ok(None) };
    let opened = state.sealer.open(&grant.sealed, &grant.wrapped_key, Purpose::Grant, &job.id);
    Ok(opened.ok().map(|secret| Credential::bearer(secret.expose_secret()).of_user(&job.qlik_user)))
}

/// What to do after a step.
enum Next {
    /// Go on.
    On,
    /// The job was paused, with the reason already written down, or asked to pause.
    Stop,
}

/// One executor's work on one job.
struct Run<'a> {
    state: &'a Shared,
    tenant: Arc<Tenant>,
    job: JobRow,
    claim: Claim,
    credential: Credential,
    /// When requests left from here.
    sent: Sent,
    /// Requests that failed in a row.
    failures: u32,
    /// Requests in this turn.
    requests: u32,
    /// The turn went to another job.
    yielded: AtomicBool,
}

impl Run<'_> {
    async fn carry_out(&mut self) -> Result<(), StoreError> {
        let mut batcher = Batcher::new(self.tenant.batch_rows);
        let (mut idle, mut before) = (0, self.state.store.tally(&self.job.id).await?.settled());
        loop {
            if let Next::Stop = self.settle_unknown().await? {
                return Ok(());
            }
            if let Next::Stop = self.send_planned(&mut batcher).await? {
                return Ok(());
            }
            let tally = self.state.store.tally(&self.job.id).await?;
            if tally.unknown + tally.sent + tally.planned == 0 {
                // Before anybody can see that it is finished, so that whoever looks then sees what it did.
                self.show_done().await;
                self.state.store.finish_job(&self.claim, JobState::Finished, self.state.clock.now_ms()).await?;
                tracing::info!(job = self.job.id, done = tally.done, refused = tally.refused, "the job is finished");
                return Ok(());
            }
            idle = if tally.settled() > before { 0 } else { idle + 1 };
            before = tally.settled();
            if idle > ROUNDS {
                return self
                    .pause("Qlik's answers stayed unclear. What is not settled was not sent again; resume to read and try once more.")
                    .await;
            }
        }
    }

    /// Shows what was done before the tenant is read again. Twice does no harm.
    async fn show_done(&self) {
        let rows = match self.state.store.journal(&self.job.id, &[RowState::Done], 0, i64::MAX).await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(%error, "what the job did is not shown before the next reading");
                self.state.inventories.outdated(&self.job.tenant);
                return;
            }
        };
        let done: Vec<_> = rows.into_iter().map(|row| row.change).collect();
        let (state, tenant) = (self.state.clone(), self.job.tenant.clone());
        // A large tenant's table is built anew: work for a thread of its own.
        if tokio::task::spawn_blocking(move || state.inventories.amend(&tenant, &done)).await.is_err() {
            self.state.inventories.outdated(&self.job.tenant);
        }
    }

    /// Tells those who watch the job that it has moved on.
    fn tell(&self) {
        let _ = self.state.news.send(Arc::from(self.job.id.as_str()));
    }

    async fn pause(&self, reason: &str) -> Result<(), StoreError> {
        self.state.store.pause_claimed(&self.claim, reason).await
    }

    /// Holds on to the lease and asks what the job shall do.
    async fn asked(&self) -> Result<JobState, StoreError> {
        self.state.store.renew_lease(&self.claim, self.state.clock.now_ms() + millis(LEASE)).await
    }

    async fn wait(&self, duration: Duration) -> Result<(), StoreError> {
        let step = LEASE / 3;
        let mut left = duration;
        while !left.is_zero() {
            let now = left.min(step);
            tokio::time::sleep(now).await;
            left -= now;
            self.asked().await?;
        }
        Ok(())
    }

    /// A request without an answer can take effect until its deadline has passed: a reading before then proves nothing. Also
    /// those of an executor that is gone.
    async fn wait_out(&self) -> Result<(), StoreError> {
        let Some(sent_at) = self.state.store.last_unsettled_send(&self.job.id).await? else { return Ok(()) };
        let over = sent_at + millis(self.tenant.client.deadline());
        let left = u64::try_from(over - self.state.clock.now_ms()).unwrap_or(0);
        // Clocks that were set back must not hold a job for longer than a deadline.
        self.wait(Duration::from_millis(left).min(self.tenant.client.deadline())).await
    }

    /// Lets the next job of the tenant have its turn, if one waits. Between requests, when nothing is under way.
    async fn turn_is_over(&self) -> Result<bool, StoreError> {
        if self.requests < TURN || !self.requests.is_multiple_of(TURN) {
            return Ok(false);
        }
        let waiting = self.state.store.claimable_jobs(self.state.clock.now_ms()).await?;
        let over = waiting.iter().any(|job| job.tenant == self.job.tenant && job.id != self.job.id);
        if over {
            self.state.store.release_lease(&self.claim).await?;
            self.yielded.store(true, Ordering::Relaxed);
        }
        Ok(over)
    }

    /// Stops where a person asked for it. Called between batches, when nothing is under way.
    async fn heed(&self) -> Result<Next, StoreError> {
        match self.asked().await? {
            JobState::Running | JobState::Queued => Ok(Next::On),
            JobState::Cancelling => {
                let tally = self.state.store.tally(&self.job.id).await?;
                if tally.unknown + tally.sent > 0 {
                    // What is sent is settled first.
                    return Ok(Next::On);
                }
                self.state.store.finish_job(&self.claim, JobState::Cancelled, self.state.clock.now_ms()).await?;
                Ok(Next::Stop)
            }
            JobState::Paused | JobState::Finished | JobState::Cancelled => {
                self.state.store.release_lease(&self.claim).await?;
                Ok(Next::Stop)
            }
        }
    }

    /// One reading of the tenant settles every row whose effect is not known.
    async fn settle_unknown(&mut self) -> Result<Next, StoreError> {
        let rows = self.state.store.journal(&self.job.id, &[RowState::Unknown, RowState::Sent], 0, i64::MAX).await?;
        if rows.is_empty() {
            return self.heed().await;
        }
        self.wait_out().await?;
        let needs = Needs::of(rows.iter().map(|row| &row.change));
        let client = self.tenant.client.clone();
        let read = read_again(&client, &self.credential, Urgency::Job, &needs).await;
        self.asked().await?;
        let inventory = match read {
            Ok(inventory) => inventory,
            Err(error) => return self.give_up_on(&error).await,
        };
        let holdings = Holdings::of(&inventory);
        let results: Vec<RowResult> = rows
            .iter()
            .map(|row| {
                let state = settled_as(holdings.stand(&row.change));
                let title = match state {
                    RowState::Done => "Qlik's answer was lost; a reading shows that it is done.",
                    RowState::Planned => "Qlik's answer was lost; a reading shows that it was not done.",
                    _ => "Qlik's answer was lost, and a reading shows that somebody else changed it.",
                };
                RowResult { seq: row.seq, state, status: 0, code: String::new(), title: title.to_owned(), trace: String::new() }
            })
            .collect();
        self.write_down(&rows, results).await?;
        self.heed().await
    }

    /// Sends what is planned, in order, until nothing is left or the effect of something is not known: later rows may need
    /// the seats that it frees.
    async fn send_planned(&mut self, batcher: &mut Batcher) -> Result<Next, StoreError> {
        loop {
            let rows = self.state.store.journal(&self.job.id, &[RowState::Planned], 0, CHUNK).await?;
            if rows.is_empty() {
                return Ok(Next::On);
            }
            let mut at = 0;
            while let Some(batch) = batcher.take(&rows, &mut at) {
                if let Next::Stop = self.heed().await? {
                    return Ok(Next::Stop);
                }
                if self.turn_is_over().await? {
                    return Ok(Next::Stop);
                }
                self.requests += 1;
                let seqs: Vec<i64> = batch.iter().map(|row| row.seq).collect();
                let now = self.state.clock.now_ms();
                self.sent.lock().unwrap_or_else(PoisonError::into_inner).insert(now);
                self.state.store.mark_sent(&self.claim, &seqs, now).await?;
                let sent = send::batch(&self.tenant.client, &self.credential, batch);
                let mut sent = std::pin::pin!(sent);
                // A call can wait long for the limiter: the lease is held meanwhile.
                let end = loop {
                    tokio::select! {
                        end = &mut sent => break end,
                        () = tokio::time::sleep(LEASE / 3) => { self.asked().await?; }
                    }
                };
                let BatchEnd { results, failed } = end;
                let unclear = results.iter().any(|result| result.state == RowState::Unknown);
                self.write_down(batch, results).await?;
                match failed {
                    None => {
                        self.failures = 0;
                        batcher.grow();
                    }
                    Some(error) => {
                        tracing::warn!(job = self.job.id, %error, rows = batch.len(), "a request failed");
                        batcher.shrink(&error);
                        self.failures += 1;
                        if error.status() == Some(401) || self.failures >= PATIENCE {
                            self.failures = 0;
                            return self.give_up_on(&error).await;
                        }
                        if !unclear {
                            if !matches!(error.status(), Some(400 | 413)) {
                                self.wait(Duration::from_millis(250 << self.failures)).await?;
                            }
                            // Rows may be planned again: take them in order.
                            break;
                        }
                    }
                }
                if unclear {
                    return Ok(Next::On);
                }
            }
        }
    }

    async fn give_up_on(&self, error: &CallError) -> Result<Next, StoreError> {
        let told = call_error("Stopped", error);
        self.pause(&format!("{} {}", told.why, "Nothing is lost: resume when it is mended.")).await?;
        Ok(Next::Stop)
    }

    /// Journal and audit, in one go.
    async fn write_down(&self, rows: &[JournalRow], results: Vec<RowResult>) -> Result<(), StoreError> {
        let now = self.state.clock.now_ms();
        let audit: Vec<NewAudit> = results
            .iter()
            .filter(|result| result.state != RowState::Planned)
            .filter_map(|result| {
                let row = rows.iter().find(|row| row.seq == result.seq)?;
                let said = [result.status.to_string(), result.code.clone(), result.title.clone(), result.trace.clone()];
                Some(NewAudit {
                    tenant: self.job.tenant.clone(),
                    at: now,
                    actor: self.job.author.clone(),
                    action: row.change.kind().verb().to_owned(),
                    target: row.change.target(),
                    job: self.job.id.clone(),
                    outcome: result.state.as_str().to_owned(),
                    detail: said.into_iter().filter(|part| !part.is_empty() && part != "0").collect::<Vec<_>>().join(" "),
                })
            })
            .collect();
        self.state.store.settle(&self.claim, &results, now, &audit).await?;
        self.tell();
        Ok(())
    }
}
