//! Inventories: what each credential sees of its tenant, loaded page by page, kept in memory, shown with its age.

mod reading;
mod uses;

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::inventory::Inventory;
use domain::plan::{Change, carried_out};
use domain::table::Table;
use qlik_api::client::{Client, Credential, Urgency};
use qlik_api::wire::licenses::{Overview, Status};
use tokio::sync::watch;
use tokio::time::Instant;

use super::clock::{SharedClock, day};
use super::mapping;
use crate::error::{AppError, ErrorKind};
use reading::{Gathered, read};
use uses::Uses;

pub use reading::{Needs, read_again};
pub use uses::LastUse;

/// What is unused for this long is forgotten.
const FORGET_MS: i64 = 60 * 60 * 1_000;
/// An inventory older than this is read again in the background when somebody looks.
const STALE_MS: i64 = 5 * 60 * 1_000;
/// So is one after this long that was amended: what Qlik itself adds to a change is still missing. Not at once, for a
/// reading costs a large tenant a thousand calls.
const AMENDED_MS: i64 = 30 * 1_000;

/// The license as the overview shows it; `None` where the tenant has none (404).
#[derive(Debug, Clone)]
pub struct LicenseFacts {
    pub overview: Option<Overview>,
    pub status: Option<Status>,
}

/// One reading of a tenant.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub inventory: Arc<Inventory>,
    pub table: Table,
    pub license: LicenseFacts,
    /// Names the rows of `table`: another reading has another.
    pub version: u64,
    /// When the reading was complete.
    pub as_of: i64,
}

/// How far a reading is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    pub users: i64,
    /// 0 while unknown.
    pub users_of: i64,
    pub assignments: i64,
    /// An estimate from the allotments' use; 0 while unknown.
    pub assignments_of: i64,
}

/// What can be shown now.
#[derive(Debug, Clone)]
pub enum Seen {
    /// A reading, and why the newest attempt to renew it failed.
    Ready(Arc<Snapshot>, Option<AppError>),
    /// The first reading is under way, and so much is there.
    Loading(Progress, Option<Arc<Snapshot>>),
    /// There is none, for this reason.
    Failed(AppError),
}

#[derive(Debug, Default)]
struct State {
    snapshot: Option<Arc<Snapshot>>,
    /// What the first reading has so far.
    so_far: Option<Arc<Snapshot>>,
    error: Option<AppError>,
    loading: bool,
    /// What is kept is known to be behind: whoever looks next starts a reading.
    behind: bool,
    /// Our own changes were added to what is kept.
    amended: bool,
}

#[derive(Debug)]
struct Entry {
    state: Mutex<State>,
    gathered: Mutex<Arc<Gathered>>,
    uses: Uses,
    /// Goes up with every finished reading.
    finished: watch::Sender<u64>,
    used_at: AtomicI64,
}

type Key = (String, String);

/// The inventories of all tenants and Qlik users.
#[derive(Debug)]
pub struct Inventories {
    entries: Mutex<HashMap<Key, Arc<Entry>>>,
    versions: Arc<AtomicU64>,
    clock: SharedClock,
}

/// Whose view of which tenant.
#[derive(Debug, Clone)]
pub struct Source {
    pub tenant: String,
    pub qlik_user: String,
    pub client: Client,
    pub credential: Credential,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inventories {
    pub fn new(clock: SharedClock) -> Self {
        // From the time on, so that a browser that outlives this server does not take another reading for the one it has.
        let versions = Arc::new(AtomicU64::new(clock.now_ms().unsigned_abs() << 10));
        Self { entries: Mutex::default(), versions, clock }
    }

    fn entry(&self, source: &Source) -> Arc<Entry> {
        let now = self.clock.now_ms();
        let mut entries = locked(&self.entries);
        entries.retain(|_, entry| now - entry.used_at.load(Ordering::Relaxed) < FORGET_MS);
        let entry = entries.entry((source.tenant.clone(), source.qlik_user.clone())).or_insert_with(|| {
            Arc::new(Entry {
                state: Mutex::default(),
                gathered: Mutex::default(),
                uses: Uses::default(),
                finished: watch::channel(0).0,
                used_at: AtomicI64::new(now),
            })
        });
        entry.used_at.store(now, Ordering::Relaxed);
        entry.clone()
    }

    /// What is known now; starts a reading where there is none, and waits for it a little.
    pub async fn look(&self, source: &Source, wait: Duration) -> Seen {
        self.look_for(source, wait, |state| !state.loading).await
    }

    /// The same, and waits for no more than the first rows.
    pub async fn look_so_far(&self, source: &Source, wait: Duration) -> Seen {
        self.look_for(source, wait, |state| !state.loading || state.so_far.is_some()).await
    }

    async fn look_for(&self, source: &Source, wait: Duration, enough: fn(&State) -> bool) -> Seen {
        const LOOK: Duration = Duration::from_millis(25);
        let entry = self.entry(source);
        {
            let state = locked(&entry.state);
            if let Some(snapshot) = &state.snapshot {
                let age = self.clock.now_ms() - snapshot.as_of;
                let stale = state.behind || age > if state.amended { AMENDED_MS } else { STALE_MS };
                let seen = Seen::Ready(snapshot.clone(), state.error.clone());
                drop(state);
                if stale {
                    self.start(source, &entry);
                }
                return seen;
            }
        }
        self.start(source, &entry);
        let until = Instant::now() + wait;
        while Instant::now() < until && !enough(&locked(&entry.state)) {
            tokio::time::sleep(LOOK).await;
        }
        let state = locked(&entry.state);
        match (&state.snapshot, &state.error) {
            (Some(snapshot), error) => Seen::Ready(snapshot.clone(), error.clone()),
            (None, Some(error)) if !state.loading => Seen::Failed(error.clone()),
            _ => Seen::Loading(locked(&entry.gathered).progress(), state.so_far.clone()),
        }
    }

    /// The reading, finished or not, whose rows have this version; `None` where there is another by now.
    pub fn version(&self, source: &Source, version: u64) -> Option<Arc<Snapshot>> {
        let entry = self.entry(source);
        let state = locked(&entry.state);
        [&state.snapshot, &state.so_far].into_iter().flatten().find(|snapshot| snapshot.version == version).cloned()
    }

    /// A reading that is newer than this call.
    pub async fn refresh(&self, source: &Source) -> Result<Arc<Snapshot>, AppError> {
        let entry = self.entry(source);
        let mut finished = entry.finished.subscribe();
        // One that is under way began before this call, so it does not count.
        while !self.start(source, &entry) {
            let _ = finished.changed().await;
        }
        let _ = finished.changed().await;
        let state = locked(&entry.state);
        match (&state.snapshot, &state.error) {
            (_, Some(error)) => Err(error.clone()),
            (Some(snapshot), None) => Ok(snapshot.clone()),
            (None, None) => Err(AppError::new(ErrorKind::Internal, "The tenant was not read", "Try again.")),
        }
    }

    /// A reading at most `age_ms` old, from memory where there is one.
    pub async fn recent(&self, source: &Source, age_ms: i64) -> Result<Arc<Snapshot>, AppError> {
        {
            let entry = self.entry(source);
            let state = locked(&entry.state);
            if let Some(snapshot) = &state.snapshot
                && !state.behind
                && state.error.is_none()
                && self.clock.now_ms() - snapshot.as_of <= age_ms
            {
                return Ok(snapshot.clone());
            }
        }
        self.refresh(source).await
    }

    /// Shows what was just changed at a tenant before it is read again, to everybody who looks at it. The age stays what it
    /// was, for nothing else is newer.
    pub fn amend(&self, tenant: &str, changes: &[Change]) {
        let entries: Vec<Arc<Entry>> =
            locked(&self.entries).iter().filter(|((of, _), _)| of == tenant).map(|(_, entry)| entry.clone()).collect();
        for entry in entries {
            let mut state = locked(&entry.state);
            if let Some(snapshot) = &state.snapshot {
                let now = self.clock.now_ms();
                let inventory = carried_out(&snapshot.inventory, changes, &day(now));
                let table = entry.uses.on(Table::build(&inventory), &inventory, now);
                let (license, as_of, version) = (snapshot.license.clone(), snapshot.as_of, next(&self.versions));
                state.snapshot = Some(Arc::new(Snapshot { inventory: Arc::new(inventory), table, license, version, as_of }));
            }
            state.amended = true;
            // A reading that is under way may have passed the changed rows before they changed.
            state.behind |= state.loading;
        }
    }

    /// What is kept of a tenant is not how it is: whoever looks next starts a reading.
    pub fn outdated(&self, tenant: &str) {
        for ((of, _), entry) in locked(&self.entries).iter() {
            if of == tenant {
                locked(&entry.state).behind = true;
            }
        }
    }

    /// Forgets what was read: the next look reads anew.
    pub fn forget(&self, tenant: &str, qlik_user: &str) {
        locked(&self.entries).remove(&(tenant.to_owned(), qlik_user.to_owned()));
    }

    /// Starts a reading, unless one is under way.
    fn start(&self, source: &Source, entry: &Arc<Entry>) -> bool {
        {
            let mut state = locked(&entry.state);
            if state.loading {
                return false;
            }
            state.loading = true;
            state.behind = false;
            state.amended = false;
        }
        let gathered = Arc::new(Gathered::default());
        *locked(&entry.gathered) = gathered.clone();
        let (source, entry, clock, versions) = (source.clone(), entry.clone(), self.clock.clone(), self.versions.clone());
        tokio::spawn(async move {
            let first = locked(&entry.state).snapshot.is_none();
            let reading = Box::pin(read(&source.client, &source.credential, Urgency::Person, &gathered));
            let read = if first {
                tokio::select! {
                    read = reading => read,
                    never = tell_so_far(&entry, &gathered, &versions, clock.now_ms()) => match never {},
                }
            } else {
                reading.await
            };
            let built = match read {
                Ok((inventory, license)) => {
                    source.client.set_tenant_users(inventory.people.len());
                    let now = clock.now_ms();
                    let uses = entry.clone();
                    // Joining a hundred thousand rows takes a moment, in which others want to be answered.
                    tokio::task::spawn_blocking(move || {
                        let table = uses.uses.on(Table::build(&inventory), &inventory, now);
                        Snapshot { inventory: Arc::new(inventory), table, license, version: next(&versions), as_of: now }
                    })
                    .await
                    .map_err(|_| AppError::new(ErrorKind::Internal, "What was read could not be put together", "Try again."))
                }
                Err(error) => Err(mapping::call_error("Failed to read the tenant", &error)),
            };
            let mut state = locked(&entry.state);
            state.loading = false;
            state.so_far = None;
            match built {
                Ok(snapshot) => {
                    state.snapshot = Some(Arc::new(snapshot));
                    state.error = None;
                }
                Err(error) => state.error = Some(error),
            }
            // Before anybody can start the next one: whoever waits for that must not take this one for it.
            entry.finished.send_modify(|n| *n += 1);
            drop(state);
        });
        true
    }
}

fn next(versions: &AtomicU64) -> u64 {
    versions.fetch_add(1, Ordering::Relaxed)
}

/// Lets those who wait for the first reading see what is there: from the first page on, again after each further quarter,
/// and never so often that putting it together takes more than a tenth of the time.
async fn tell_so_far(entry: &Arc<Entry>, gathered: &Arc<Gathered>, versions: &Arc<AtomicU64>, as_of: i64) -> Infallible {
    const LOOK: Duration = Duration::from_millis(100);
    let mut told = 0;
    loop {
        let start = Instant::now();
        let rows = gathered.rows();
        if rows > told + told / 4 {
            told = rows;
            let (entry, gathered, versions) = (entry.clone(), gathered.clone(), versions.clone());
            let put = move || {
                let inventory = gathered.so_far();
                let table = Table::build_so_far(&inventory);
                let license = LicenseFacts { overview: None, status: None };
                let snapshot = Snapshot { inventory: Arc::new(inventory), table, license, version: next(&versions), as_of };
                let mut state = locked(&entry.state);
                if state.loading {
                    state.so_far = Some(Arc::new(snapshot));
                }
            };
            let _ = tokio::task::spawn_blocking(put).await;
        }
        tokio::time::sleep((start.elapsed() * 10).max(LOOK)).await;
    }
}
