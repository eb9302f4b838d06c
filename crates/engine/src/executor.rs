//! Finds jobs to carry out and gives each tenant's jobs their turns. What becomes of one job is in `executor/run.rs`.
//!
//! The journal says `sent` before a request leaves and what came of it after, so a crash at any moment loses nothing:
//! whoever claims the job next finds the rows whose answer is not known and reads the tenant before sending anything.

mod batcher;
mod outage;
mod run;
mod writer;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use storage::StoreError;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::{Engine, fresh_id};

pub use writer::Writer;

/// How often to look for jobs that nobody rang for.
const LOOK: Duration = Duration::from_secs(2);
/// A job that cannot go on for a fault of ours is tried again after this long, twice as long each further time.
const RETRY: Duration = Duration::from_secs(1);
/// And never later than this.
const RETRY_MOST: Duration = Duration::from_mins(1);

/// When requests left from here: what the journal knows besides was sent by somebody else, and counts as well.
type Sent = Arc<Mutex<BTreeSet<i64>>>;

/// Looks for jobs until the process ends. One job per tenant at a time; where several wait they take turns, and whoever had
/// none yet comes first.
pub async fn run(engine: Arc<Engine>) {
    let owner = fresh_id();
    let mut busy: HashSet<String> = HashSet::new();
    // The last turn of each job that had one.
    let mut turns: HashMap<String, u64> = HashMap::new();
    let mut turn = 0;
    // Jobs that failed for a fault of ours: how often in a row, and when they are tried again.
    let mut failing: HashMap<String, (u32, Instant)> = HashMap::new();
    let sent = Sent::default();
    let (done, mut finished) = mpsc::unbounded_channel::<Ended>();
    loop {
        if *engine.closing.borrow() {
            // Nothing new begins on a server that is about to end.
            std::future::pending::<()>().await;
        }
        match engine.store.claimable_jobs(engine.clock.now_ms()).await {
            Ok(mut jobs) => {
                turns.retain(|id, _| jobs.iter().any(|job| job.id == *id) || !busy.is_empty());
                failing.retain(|id, _| jobs.iter().any(|job| job.id == *id));
                // Oldest first as they come; the sort keeps that among those without a turn.
                jobs.sort_by_key(|job| turns.get(&job.id).copied().unwrap_or_default());
                for job in jobs {
                    let Some(tenant) = engine.tenants.get(&job.tenant).cloned() else { continue };
                    if failing.get(&job.id).is_some_and(|(_, until)| *until > Instant::now()) || !busy.insert(job.tenant.clone())
                    {
                        continue;
                    }
                    turn += 1;
                    turns.insert(job.id.clone(), turn);
                    let (engine, owner, done, sent) = (engine.clone(), owner.clone(), done.clone(), sent.clone());
                    tokio::spawn(async move {
                        // Held until what is under way is written down; not given any more once the server is about to end.
                        let _carrying = engine.carrying.read().await;
                        let mut ended = WhenEnded { to: done, tenant: job.tenant.clone(), job: job.id.clone(), failed: true };
                        match run::claim_and_run(&engine, tenant, job, &owner, sent).await {
                            Ok(()) => ended.failed = false,
                            Err(StoreError::LeaseLost) => {
                                ended.failed = false;
                                tracing::warn!(job = ended.job, "another executor took the job over");
                            }
                            Err(error) => {
                                tracing::error!(job = ended.job, %error, "the job could not go on; it will be tried again");
                            }
                        }
                    });
                }
            }
            Err(error) => tracing::error!(%error, "failed to look for jobs"),
        }
        let mut over = Vec::new();
        tokio::select! {
            () = engine.jobs.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
            Some(ended) = finished.recv() => over.push(ended),
        }
        while let Ok(ended) = finished.try_recv() {
            over.push(ended);
        }
        for Ended { tenant, job, failed } in over {
            busy.remove(&tenant);
            if failed {
                let (times, until) = failing.entry(job).or_insert((0, Instant::now()));
                *until = Instant::now() + (RETRY * 2_u32.saturating_pow(*times)).min(RETRY_MOST);
                *times = times.saturating_add(1).min(16);
            } else {
                failing.remove(&job);
            }
        }
    }
}

/// A task that carried out a job is over.
struct Ended {
    tenant: String,
    job: String,
    failed: bool,
}

/// Says that a task is over however it ends, also by a panic: its tenant is free again, and a job that failed waits a while.
struct WhenEnded {
    to: mpsc::UnboundedSender<Ended>,
    tenant: String,
    job: String,
    failed: bool,
}

impl Drop for WhenEnded {
    fn drop(&mut self) {
        let ended = Ended { tenant: std::mem::take(&mut self.tenant), job: std::mem::take(&mut self.job), failed: self.failed };
        let _ = self.to.send(ended);
    }
}
