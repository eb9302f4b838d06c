//! Readings: what each Qlik user sees of a tenant, read page by page, kept in memory, shown with its age.

mod uses;

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::assignments::Table;
use domain::change::{Change, Made};
use domain::groups;
use domain::inventory::Inventory;
use domain::license::License;
use domain::projection::Projection;
use storage::Store;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::Tenant;
use crate::backend::{Key, Reader, Reading, Urgency};
use crate::clock::{SharedClock, day, day_of};
use crate::fault::Fault;
use crate::gathering::{Gathering, Progress, locked};
use crate::history::History;
use crate::ties;
use uses::Uses;

pub use uses::LastUse;

/// What is unused for this long is forgotten.
const FORGET_MS: i64 = 60 * 60 * 1_000;
/// An inventory older than this is read again in the background when somebody looks.
const STALE_MS: i64 = 5 * 60 * 1_000;
/// So is one after this long that was amended: what Qlik itself adds to a change is still missing. Not at once, for a
/// reading costs a large tenant a thousand calls.
const AMENDED_MS: i64 = 30 * 1_000;
/// After a failure nobody's look starts another reading before this long has passed; twice as long after each further one.
const RETRY_MS: i64 = 2 * 1_000;
/// And never later than this.
const RETRY_MOST_MS: i64 = 5 * 60 * 1_000;
/// Tables kept of earlier readings that differed.
const EARLIER: usize = 3;

/// One reading of a tenant.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// What was read.
    pub inventory: Arc<Inventory>,
    /// Its people and licenses as a table.
    pub table: Arc<Table>,
    /// Its groups as a table.
    pub groups: Arc<groups::Table>,
    /// The tenant's license.
    pub license: License,
    /// Names the rows of `table` by what they are.
    pub version: u64,
    /// Names the rows of `groups` likewise.
    pub groups_version: u64,
    /// When the reading was complete.
    pub as_of: i64,
    /// The trail's end before the reading began: what jobs did since may not be in it.
    pub seen: i64,
    /// Jobs whose doing was added since, each up to a place of the trail.
    pub known: Arc<Vec<(String, i64)>>,
    /// How many readings of consumption its table knows.
    uses: u64,
}

/// What can be shown now.
#[derive(Debug, Clone)]
pub enum Latest {
    /// A reading, and why the newest attempt to renew it failed.
    Ready(Arc<Snapshot>, Option<Fault>),
    /// The first reading is under way, and so much is there.
    Loading(Progress, Option<Arc<Snapshot>>),
    /// There is none, for this reason.
    Failed(Fault),
}

impl Snapshot {
    /// A reading with its tables, of which the people's table is there already, with how many readings of consumption it knows. Building them takes a moment in which others want to be answered.
    fn of(inventory: Inventory, (table, uses): (Table, u64), license: License, as_of: i64, seen: i64) -> Self {
        let groups = groups::Table::build(&inventory);
        Self {
            version: table.fingerprint(),
            groups_version: groups.fingerprint(),
            inventory: Arc::new(inventory),
            table: Arc::new(table),
            groups: Arc::new(groups),
            license,
            as_of,
            seen,
            known: Arc::default(),
            uses,
        }
    }
}

/// Tables of earlier readings that differed, the newest last: somebody may have counted by them.
#[derive(Debug)]
struct Earlier<T>(VecDeque<(u64, Arc<T>)>);

impl<T> Default for Earlier<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Earlier<T> {
    /// Keeps a table whose place another one took, unless that is the same.
    fn put(&mut self, (version, table): (u64, &Arc<T>), now: u64) {
        if version == now {
            return;
        }
        self.0.retain(|(earlier, _)| *earlier != version);
        self.0.push_back((version, table.clone()));
        if self.0.len() > EARLIER {
            self.0.pop_front();
        }
    }

    fn find(&self, version: u64) -> Option<Arc<T>> {
        self.0.iter().find(|(earlier, _)| *earlier == version).map(|(_, table)| table.clone())
    }
}

#[derive(Debug, Default)]
struct State {
    snapshot: Option<Arc<Snapshot>>,
    /// What the first reading has so far.
    so_far: Option<Arc<Snapshot>>,
    earlier: Earlier<Table>,
    earlier_groups: Earlier<groups::Table>,
    error: Option<Fault>,
    loading: bool,
    /// Readings that were begun; one at a time.
    begun: u64,
    /// Failures in a row, and when the newest was.
    failures: u32,
    failed_at: i64,
    /// What is kept is known to be behind: whoever looks next starts a reading.
    behind: bool,
    /// Our own changes were added to what is kept.
    amended: bool,
}

impl State {
    /// Takes a reading in place of the one before.
    fn put(&mut self, snapshot: Snapshot) {
        let now = (snapshot.version, snapshot.groups_version);
        if let Some(before) = self.snapshot.replace(Arc::new(snapshot)) {
            self.earlier.put((before.version, &before.table), now.0);
            self.earlier_groups.put((before.groups_version, &before.groups), now.1);
        }
    }

    /// Whether a look may start a reading, `now`: a tenant that does not answer is not asked by every page view.
    fn may_start(&self, now: i64) -> bool {
        let wait = (RETRY_MS << self.failures.saturating_sub(1).min(10)).min(RETRY_MOST_MS);
        self.failures == 0 || now - self.failed_at >= wait
    }
}

#[derive(Debug)]
struct Entry {
    state: Mutex<State>,
    gathering: Mutex<Arc<Gathering>>,
    uses: Uses,
    /// The number of the newest reading that ended, however it did.
    ended: watch::Sender<u64>,
    used_at: AtomicI64,
}

/// Which tenant, and which Qlik user.
type Whose = (String, String);

/// The readings of all tenants and Qlik users.
#[derive(Debug)]
pub struct Readings {
    entries: Mutex<HashMap<Whose, Arc<Entry>>>,
    clock: SharedClock,
    store: Store,
    history: Arc<History>,
}

/// Whose view of which tenant.
#[derive(Debug, Clone)]
pub struct Source {
    /// The tenant.
    pub tenant: Arc<Tenant>,
    /// The key, and with it whose view it is.
    pub key: Key,
}

impl Source {
    fn reader(&self, urgency: Urgency) -> Reader {
        Reader { key: self.key.clone(), urgency }
    }

    fn whose(&self) -> Whose {
        (self.tenant.id.clone(), self.key.user().to_owned())
    }
}

impl Readings {
    /// Nothing is read yet. The store tells where a tenant's trail ends; what whole readings show of groups goes into the history.
    pub fn new(clock: SharedClock, store: Store, history: Arc<History>) -> Self {
        Self { entries: Mutex::default(), clock, store, history }
    }

    fn entry(&self, source: &Source) -> Arc<Entry> {
        let now = self.clock.now_ms();
        let mut entries = locked(&self.entries);
        forget_unused(&mut entries, now);
        let entry = entries.entry(source.whose()).or_insert_with(|| {
            Arc::new(Entry {
                state: Mutex::default(),
                gathering: Mutex::default(),
                uses: Uses::default(),
                ended: watch::channel(0).0,
                used_at: AtomicI64::new(now),
            })
        });
        entry.used_at.store(now, Ordering::Relaxed);
        entry.clone()
    }

    /// Forgets what nobody looked at for an hour; also where nobody looks at anything.
    pub fn tidy(&self) {
        forget_unused(&mut locked(&self.entries), self.clock.now_ms());
    }

    /// Tenants of which something is kept, and the earliest place of the trail that what is kept of each knows.
    pub fn kept(&self) -> HashMap<String, i64> {
        let mut kept: HashMap<String, i64> = HashMap::new();
        for ((tenant, _), entry) in locked(&self.entries).iter() {
            if let Some(snapshot) = &locked(&entry.state).snapshot {
                kept.entry(tenant.clone()).and_modify(|seen| *seen = (*seen).min(snapshot.seen)).or_insert(snapshot.seen);
            }
        }
        kept
    }

    /// What is known now; starts a reading where there is none, and waits for it a little.
    pub async fn get(&self, source: &Source, wait: Duration) -> Latest {
        self.wait_for(source, wait, |state| !state.loading).await
    }

    /// The same, and waits for no more than the first rows.
    pub async fn get_partial(&self, source: &Source, wait: Duration) -> Latest {
        self.wait_for(source, wait, |state| !state.loading || state.so_far.is_some()).await
    }

    async fn wait_for(&self, source: &Source, wait: Duration, enough: fn(&State) -> bool) -> Latest {
        const LOOK: Duration = Duration::from_millis(25);
        let entry = self.entry(source);
        let now = self.clock.now_ms();
        {
            let state = locked(&entry.state);
            if let Some(snapshot) = &state.snapshot {
                let age = now - snapshot.as_of;
                let stale = state.behind || age > if state.amended { AMENDED_MS } else { STALE_MS };
                let seen = Latest::Ready(snapshot.clone(), state.error.clone());
                let start = stale && state.may_start(now);
                drop(state);
                if start {
                    self.start(source, &entry);
                }
                return seen;
            }
            if let Some(error) = state.error.as_ref().filter(|_| !state.loading && !state.may_start(now)) {
                return Latest::Failed(error.clone());
            }
        }
        self.start(source, &entry);
        let until = Instant::now() + wait;
        while Instant::now() < until && !enough(&locked(&entry.state)) {
            tokio::time::sleep(LOOK).await;
        }
        let state = locked(&entry.state);
        match (&state.snapshot, &state.error) {
            (Some(snapshot), error) => Latest::Ready(snapshot.clone(), error.clone()),
            (None, Some(error)) if !state.loading => Latest::Failed(error.clone()),
            _ => Latest::Loading(locked(&entry.gathering).progress(), state.so_far.clone()),
        }
    }

    /// The reading, finished or not, of which `is` says that it is the one; `None` where there is another by now.
    pub fn find(&self, source: &Source, is: impl Fn(&Snapshot) -> bool) -> Option<Arc<Snapshot>> {
        let entry = self.entry(source);
        let state = locked(&entry.state);
        [&state.snapshot, &state.so_far].into_iter().flatten().find(|snapshot| is(snapshot)).cloned()
    }

    /// The reading, finished or not, whose people and licenses have this version; `None` where there is another by now.
    pub fn version(&self, source: &Source, version: u64) -> Option<Arc<Snapshot>> {
        self.find(source, |snapshot| snapshot.version == version)
    }

    /// The rows that had this version, also where there are others by now; `None` where that is too long ago.
    pub fn looked_at(&self, source: &Source, version: u64) -> Option<Arc<Table>> {
        let now = self.version(source, version).map(|snapshot| snapshot.table.clone());
        now.or_else(|| locked(&self.entry(source).state).earlier.find(version))
    }

    /// The groups that had this version, likewise.
    pub fn looked_at_groups(&self, source: &Source, version: u64) -> Option<Arc<groups::Table>> {
        let now = self.find(source, |snapshot| snapshot.groups_version == version).map(|snapshot| snapshot.groups.clone());
        now.or_else(|| locked(&self.entry(source).state).earlier_groups.find(version))
    }

    /// A reading that was begun after this call. However many ask while one is under way, the next one serves them all.
    pub async fn refresh(&self, source: &Source) -> Result<Arc<Snapshot>, Fault> {
        let entry = self.entry(source);
        let mut ended = entry.ended.subscribe();
        let wanted = locked(&entry.state).begun + 1;
        loop {
            // One that is under way began before this call, so it does not count.
            if locked(&entry.state).begun < wanted {
                self.start(source, &entry);
            }
            if *ended.borrow_and_update() >= wanted {
                break;
            }
            let _ = ended.changed().await;
        }
        let state = locked(&entry.state);
        match (&state.snapshot, &state.error) {
            (_, Some(error)) => Err(error.clone()),
            (Some(snapshot), None) => Ok(snapshot.clone()),
            (None, None) => Err(Fault::Internal("The tenant was not loaded. Try again")),
        }
    }

    /// A reading at most `age_ms` old, from memory where there is one.
    pub async fn at_most(&self, source: &Source, age_ms: i64) -> Result<Arc<Snapshot>, Fault> {
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

    /// Shows what a job just changed at a tenant before it is read again, to everybody who looks at it. The age stays what it
    /// was, for nothing else is newer. `upto` is a place of the trail before which all of the job's doing is in `changes`, and `last`
    /// one that none of it comes after: a reading that began later has seen it, and what became of it since.
    ///
    /// A large tenant's table takes a second to build: call it where that holds nobody up. Nobody who looks waits for it.
    pub fn overlay(&self, tenant: &str, job: &str, (last, upto): (i64, i64), changes: &[(Change, Option<Made>)]) {
        const TRIES: u32 = 3;
        let entries: Vec<Arc<Entry>> =
            locked(&self.entries).iter().filter(|((of, _), _)| of == tenant).map(|(_, entry)| entry.clone()).collect();
        'entries: for entry in entries {
            let mut done = false;
            for _ in 0..TRIES {
                let Some(before) = locked(&entry.state).snapshot.clone() else {
                    done = true;
                    break;
                };
                if before.known.iter().any(|(known, place)| known == job && *place >= upto) {
                    done = true;
                    break;
                }
                if before.seen >= last {
                    continue 'entries;
                }
                let now = self.clock.now_ms();
                let made = changes.iter().map(|(change, made)| (change, made.as_ref()));
                let inventory = Projection::after(&before.inventory, made, &day(now)).into_inventory();
                let table = entry.uses.on(Table::build(&inventory), &inventory, now);
                let mut known: Vec<(String, i64)> = before.known.iter().filter(|(known, _)| known != job).cloned().collect();
                known.push((job.to_owned(), upto));
                let amended = Snapshot {
                    known: Arc::new(known),
                    ..Snapshot::of(inventory, table, before.license.clone(), before.as_of, before.seen)
                };
                let mut state = locked(&entry.state);
                if state.snapshot.as_ref().is_some_and(|now| Arc::ptr_eq(now, &before)) {
                    state.put(amended);
                    drop(state);
                    entry.catch_up_with_use(now);
                    done = true;
                    break;
                }
            }
            let mut state = locked(&entry.state);
            state.amended = true;
            // A reading that is under way may have passed the changed rows before they changed.
            state.behind |= state.loading || !done;
        }
    }

    /// What is kept of a tenant is not how it is: whoever looks next starts a reading.
    pub fn invalidate(&self, tenant: &str) {
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
    fn start(&self, source: &Source, entry: &Arc<Entry>) {
        let number = {
            let mut state = locked(&entry.state);
            if state.loading {
                return;
            }
            state.loading = true;
            state.behind = false;
            state.amended = false;
            state.begun += 1;
            state.begun
        };
        let gathering = Arc::new(Gathering::default());
        *locked(&entry.gathering) = gathering.clone();
        let (source, entry, clock) = (source.clone(), entry.clone(), self.clock.clone());
        let (store, history) = (self.store.clone(), self.history.clone());
        tokio::spawn(async move {
            // A task of its own, so that also a panic ends the reading for those who wait for it.
            let reading = tokio::spawn(whole(source, entry.clone(), gathering, clock.clone(), store, history));
            let read = reading.await.unwrap_or_else(|error| {
                tracing::error!(%error, "a reading broke off");
                Err(Fault::Internal("Quartermaster failed while loading. Refresh; see the server log"))
            });
            {
                let mut state = locked(&entry.state);
                state.loading = false;
                state.so_far = None;
                match read {
                    Ok(snapshot) => {
                        state.put(snapshot);
                        state.error = None;
                        state.failures = 0;
                    }
                    Err(error) => {
                        state.error = Some(error);
                        state.failures += 1;
                        state.failed_at = clock.now_ms();
                    }
                }
                // Before anybody can start the next one: whoever waits for that must not take this one for it.
                entry.ended.send_replace(number);
            }
            let _ = tokio::task::spawn_blocking(move || entry.catch_up_with_use(clock.now_ms())).await;
        });
    }
}

fn forget_unused(entries: &mut HashMap<Whose, Arc<Entry>>, now: i64) {
    entries.retain(|_, entry| now - entry.used_at.load(Ordering::Relaxed) < FORGET_MS);
}

/// One reading, from its beginning to the table.
async fn whole(
    source: Source,
    entry: Arc<Entry>,
    gathering: Arc<Gathering>,
    clock: SharedClock,
    store: Store,
    history: Arc<History>,
) -> Result<Snapshot, Fault> {
    let began = clock.now_ms();
    // Before anything is read: what a job writes down later may have been done after its row was read.
    let seen = store.audit_end(&source.tenant.id).await.map_err(|error| {
        tracing::error!(%error, "the database failed");
        Fault::Internal("Quartermaster's database failed. Contact your Quartermaster administrator")
    })?;
    let first = locked(&entry.state).snapshot.is_none();
    let reader = source.reader(Urgency::Person);
    let reading = Box::pin(source.tenant.backend.read_all(&reader, &gathering));
    let read = if first {
        tokio::select! {
            read = reading => read,
            never = tell_so_far(&entry, &gathering, clock.now_ms()) => match never {},
        }
    } else {
        reading.await
    };
    let Reading { inventory, license } = read?;
    let now = clock.now_ms();
    if let Err(error) = store.put_seat_day(&source.tenant.id, day_of(now), now, &inventory.allotments).await {
        tracing::error!(%error, "the seats of this day could not be written down; the trend lacks it until the next reading");
    }
    // Joining a hundred thousand rows takes a moment, in which others want to be answered.
    let built = tokio::task::spawn_blocking(move || {
        let table = entry.uses.on(Table::build(&inventory), &inventory, now);
        Snapshot::of(inventory, table, license, now, seen)
    });
    let snapshot = built.await.map_err(|_| Fault::Internal("The loaded data is inconsistent. Try again"))?;
    if let Err(error) = history.keep(&source.tenant.id, (began, now), &snapshot.inventory).await {
        tracing::error!(%error, "how the groups are could not be written down; the history lacks it until the next reading");
    }
    if let Err(error) = ties::take(&store, &source.tenant.id, now, &snapshot.inventory).await {
        tracing::error!(%error, "who is in tied groups could not be written down; the next reading does");
    }
    Ok(snapshot)
}

/// Lets those who wait for the first reading see what is there: from the first page on, again after each further quarter,
/// and never so often that putting it together takes more than a tenth of the time.
async fn tell_so_far(entry: &Arc<Entry>, gathering: &Arc<Gathering>, as_of: i64) -> Infallible {
    const LOOK: Duration = Duration::from_millis(100);
    let mut told = 0;
    loop {
        let start = Instant::now();
        let rows = gathering.rows();
        if rows > told + told / 4 {
            told = rows;
            let (entry, gathering) = (entry.clone(), gathering.clone());
            let put = move || {
                // The reading may have ended meanwhile and taken everything out.
                let Some(inventory) = gathering.so_far() else { return };
                let table = (Table::build_so_far(&inventory), 0);
                let snapshot = Snapshot::of(inventory, table, License::default(), as_of, 0);
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
