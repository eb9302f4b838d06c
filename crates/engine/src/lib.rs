//! What reads and changes tenants, without a web framework: readings of what each Qlik user sees, the executor that carries jobs out,
//! the kinds of tenants behind one face, sealed keys, and the tasks that run by themselves.

pub mod backend;
pub mod checkpoints;
pub mod clock;
pub mod connection;
pub mod executor;
pub mod fault;
mod follow;
pub mod gathering;
pub mod grants;
pub mod history;
pub mod housekeeping;
pub mod jobs;
pub mod machines;
pub mod readings;
pub mod seal;
pub mod supervise;
#[cfg(test)]
mod testing;
pub mod ties;

use std::collections::BTreeMap;
use std::sync::Arc;

use storage::Store;
use tokio::sync::{Notify, RwLock, broadcast, watch};
use tokio_util::task::TaskTracker;

use backend::Backend;
use checkpoints::Checkpoints;
use clock::SharedClock;
use history::History;
use housekeeping::Keep;
use machines::Machines;
use readings::Readings;
use seal::Sealer;
use supervise::{Kept, Watch};

/// A tenant that keys may be sent to.
#[derive(Debug)]
pub struct Tenant {
    /// Its id in URLs.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// Its address.
    pub url: String,
    /// What it is and how it is reached; with it the one limiter.
    pub backend: Backend,
    /// Rows in one request of a job at most.
    pub batch_rows: usize,
}

/// What reads and changes tenants.
#[derive(Debug)]
pub struct Engine {
    /// What must survive a restart.
    pub store: Store,
    /// Seals keys.
    pub sealer: Sealer,
    /// Tells the time.
    pub clock: SharedClock,
    /// Tenants by id.
    pub tenants: BTreeMap<String, Arc<Tenant>>,
    /// What was read of them.
    pub readings: Readings,
    /// How their groups and roles were.
    pub history: Arc<History>,
    /// How long what is kept is kept.
    pub keep: Keep,
    /// Where signed ends of trails go, and which are due.
    pub checkpoints: Checkpoints,
    /// What the portal itself acts by.
    pub machines: Machines,
    /// Rung when there may be a job to carry out.
    pub jobs: Notify,
    /// Tells which job has moved on.
    pub news: broadcast::Sender<Arc<str>>,
    /// How the tasks are that run by themselves.
    pub watch: Watch,
    /// Turns true when the server is about to stop.
    pub closing: watch::Sender<bool>,
    /// Whoever carries a job out reads it; whoever ends the server waits to write.
    pub carrying: RwLock<()>,
    /// Renewals and revocations of connections: each goes on to its end, and whoever ends the server waits for them.
    pub errands: TaskTracker,
}

impl Engine {
    /// Puts an engine together; makes no call and starts nothing.
    pub fn new(
        store: Store,
        sealer: Sealer,
        clock: SharedClock,
        tenants: impl IntoIterator<Item = Tenant>,
        keep: Keep,
        checkpoints: Checkpoints,
    ) -> Arc<Self> {
        let history = Arc::new(History::new(store.clone()));
        Arc::new(Self {
            readings: Readings::new(clock.clone(), store.clone(), history.clone()),
            history,
            store,
            sealer,
            clock,
            tenants: tenants.into_iter().map(|tenant| (tenant.id.clone(), Arc::new(tenant))).collect(),
            keep,
            checkpoints,
            machines: Machines::default(),
            jobs: Notify::new(),
            news: broadcast::channel(256).0,
            watch: Watch::default(),
            closing: watch::channel(false).0,
            carrying: RwLock::new(()),
            errands: TaskTracker::new(),
        })
    }

    /// Starts what runs by itself: the executor, housekeeping, and, where servers share a database, what the others do. Each stops
    /// when its handle is dropped.
    pub fn start(self: &Arc<Self>) -> Vec<Kept> {
        let task = |name, run: fn(Arc<Self>) -> Running| {
            let engine = self.clone();
            self.watch.keep(name, move || run(engine.clone()))
        };
        let mut kept = vec![
            task("jobs", |engine| Box::pin(executor::run(engine))),
            task("housekeeping", |engine| Box::pin(housekeeping::run(engine))),
            task("checkpoints", |engine| Box::pin(checkpoints::run(engine))),
        ];
        if self.store.is_shared() {
            kept.push(task("what other servers do", |engine| Box::pin(follow::run(engine))));
        }
        kept
    }
}

type Running = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// An id for a plan or a job: short enough to say aloud, random enough not to be guessed.
pub fn fresh_id() -> String {
    use rand::Rng;
    const LETTERS: &[u8] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut rng = rand::rng();
    (0..16).map(|_| char::from(LETTERS.get(rng.random_range(0..LETTERS.len())).copied().unwrap_or(b'0'))).collect()
}
