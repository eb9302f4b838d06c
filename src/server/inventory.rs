//! Inventories: what each credential sees of its tenant, loaded page by page, kept in memory, shown with its age.

use std::collections::{BTreeSet, HashMap};
use std::pin::pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::inventory::{GroupId, Inventory};
use domain::plan::{Change, Kind, carried_out};
use domain::table::Table;
use futures::{Stream, StreamExt};
use qlik_api::client::{CallError, Client, Credential, Urgency};
use qlik_api::wire::licenses::{Overview, Status};
use qlik_api::wire::page::Page;
use tokio::sync::watch;

use super::clock::SharedClock;
use super::mapping;
use crate::error::{AppError, ErrorKind};

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
#[derive(Debug)]
pub struct Snapshot {
    pub inventory: Inventory,
    pub table: Table,
    pub license: LicenseFacts,
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
    /// The first reading is under way.
    Loading(Progress),
    /// There is none, for this reason.
    Failed(AppError),
}

#[derive(Debug, Default)]
struct State {
    snapshot: Option<Arc<Snapshot>>,
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
    progress: Mutex<Progress>,
    /// Goes up with every finished reading.
    finished: watch::Sender<u64>,
    used_at: AtomicI64,
}

type Key = (String, String);

/// The inventories of all tenants and Qlik users.
#[derive(Debug)]
pub struct Inventories {
    entries: Mutex<HashMap<Key, Arc<Entry>>>,
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
        Self { entries: Mutex::default(), clock }
    }

    fn entry(&self, source: &Source) -> Arc<Entry> {
        let now = self.clock.now_ms();
        let mut entries = locked(&self.entries);
        entries.retain(|_, entry| now - entry.used_at.load(Ordering::Relaxed) < FORGET_MS);
        let entry = entries.entry((source.tenant.clone(), source.qlik_user.clone())).or_insert_with(|| {
            Arc::new(Entry {
                state: Mutex::default(),
                progress: Mutex::default(),
                finished: watch::channel(0).0,
                used_at: AtomicI64::new(now),
            })
        });
        entry.used_at.store(now, Ordering::Relaxed);
        entry.clone()
    }

    /// What is known now; starts a reading where there is none, and waits for it a little.
    pub async fn look(&self, source: &Source, wait: Duration) -> Seen {
        let entry = self.entry(source);
        let mut finished = entry.finished.subscribe();
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
        let _ = tokio::time::timeout(wait, finished.changed()).await;
        let state = locked(&entry.state);
        match (&state.snapshot, &state.error) {
            (Some(snapshot), error) => Seen::Ready(snapshot.clone(), error.clone()),
            (None, Some(error)) if !state.loading => Seen::Failed(error.clone()),
            _ => Seen::Loading(*locked(&entry.progress)),
        }
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
                let inventory = carried_out(&snapshot.inventory, changes);
                let table = Table::build(&inventory);
                let (license, as_of) = (snapshot.license.clone(), snapshot.as_of);
                state.snapshot = Some(Arc::new(Snapshot { inventory, table, license, as_of }));
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
        *locked(&entry.progress) = Progress::default();
        let (source, entry, clock) = (source.clone(), entry.clone(), self.clock.clone());
        tokio::spawn(async move {
            let read = Box::pin(read(&source.client, &source.credential, Urgency::Person, &entry.progress)).await;
            let mut state = locked(&entry.state);
            state.loading = false;
            match read {
                Ok((inventory, license)) => {
                    source.client.set_tenant_users(inventory.people.len());
                    let table = Table::build(&inventory);
                    state.snapshot = Some(Arc::new(Snapshot { inventory, table, license, as_of: clock.now_ms() }));
                    state.error = None;
                }
                Err(error) => state.error = Some(mapping::call_error("Failed to read the tenant", &error)),
            }
            drop(state);
            entry.finished.send_modify(|n| *n += 1);
        });
        true
    }
}

/// Collects a list, telling how far it is. A cursor that expires on the way (Qlik answers 400 to a page that is not the
/// first) sends the reading back to the start, once.
async fn collect<W, T, S: Stream<Item = Result<Page<W>, CallError>>>(
    pages: impl Fn() -> S,
    map: impl Fn(W) -> T,
    told: impl Fn(usize, Option<i64>),
) -> Result<Vec<T>, CallError> {
    let mut again = true;
    loop {
        let mut list = pin!(pages());
        let mut all = Vec::new();
        loop {
            match list.next().await {
                Some(Ok(page)) => {
                    all.extend(page.data.into_iter().map(&map));
                    told(all.len(), page.total_results);
                }
                Some(Err(error)) if again && !all.is_empty() && error.status() == Some(400) => {
                    tracing::info!(%error, "a page cursor expired; the list is read from its start");
                    again = false;
                    break;
                }
                Some(Err(error)) => return Err(error),
                None => return Ok(all),
            }
        }
    }
}

fn whole(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Qlik's answer, or nothing where it says 404.
fn or_missing<T>(answer: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(CallError::Api(error)) if error.status == 404 => Ok(None),
        Err(error) => Err(error),
    }
}

async fn license(client: &Client, credential: &Credential, urgency: Urgency) -> Result<LicenseFacts, CallError> {
    let (overview, status) =
        tokio::join!(client.license_overview(credential, urgency), client.license_status(credential, urgency));
    Ok(LicenseFacts { overview: or_missing(overview)?, status: or_missing(status)? })
}

fn allotments(license: &LicenseFacts) -> Vec<domain::allotment::Allotment> {
    license.overview.iter().flat_map(|overview| &overview.allotments).map(mapping::allotment).collect()
}

async fn read(
    client: &Client,
    credential: &Credential,
    urgency: Urgency,
    progress: &Mutex<Progress>,
) -> Result<(Inventory, LicenseFacts), CallError> {
    let license = license(client, credential, urgency).await?;
    let held: i64 = allotments(&license).iter().filter(|a| a.takes_assignments()).map(|a| a.used).sum();
    locked(progress).assignments_of = held;
    let users = collect(
        || client.users(credential, urgency),
        mapping::person,
        |n, total| {
            let mut progress = locked(progress);
            progress.users = whole(n);
            progress.users_of = total.unwrap_or(progress.users_of);
        },
    );
    let assignments =
        collect(|| client.assignments(credential, urgency), mapping::assignment, |n, _| locked(progress).assignments = whole(n));
    let groups = collect(|| client.groups(credential, urgency), mapping::group, |_, _| {});
    let system_groups = client.system_groups(credential, urgency);
    let roles = collect(|| client.roles(credential, urgency), mapping::role, |_, _| {});
    let settings = client.license_settings(credential, urgency);
    let group_settings = client.group_settings(credential, urgency);
    let (people, assignments, mut groups, system, roles, settings, group_settings) =
        tokio::try_join!(users, assignments, groups, system_groups, roles, settings, group_settings)?;
    groups.extend(system.data.into_iter().map(mapping::group));
    let inventory = Inventory {
        allotments: allotments(&license),
        assignments,
        people,
        groups,
        roles,
        auto_assign: mapping::auto_assign(settings),
        group_settings: mapping::group_settings(&group_settings),
    };
    Ok((inventory, license))
}

/// What must be read again to see where changes stand.
#[derive(Debug, Clone, Default)]
pub struct Needs {
    licenses: bool,
    groups: BTreeSet<GroupId>,
    auto_assign: bool,
    group_settings: bool,
}

impl Needs {
    /// What these changes touch.
    pub fn of<'a>(changes: impl IntoIterator<Item = &'a domain::plan::Change>) -> Self {
        let mut needs = Self::default();
        for change in changes {
            match change.kind() {
                Kind::Assign | Kind::Remove | Kind::ChangeType | Kind::Rename => needs.licenses = true,
                Kind::AutoAssign => needs.auto_assign = true,
                Kind::GroupSettings => needs.group_settings = true,
                Kind::GroupRoles => {
                    if let domain::plan::Change::GroupRoles { group, .. } = change {
                        needs.groups.insert(group.clone());
                    }
                }
            }
        }
        needs
    }
}

/// Reads again what changes touch, and nothing else; the rest of the inventory stays empty.
pub async fn read_again(
    client: &Client,
    credential: &Credential,
    urgency: Urgency,
    needs: &Needs,
) -> Result<Inventory, CallError> {
    let mut inventory = Inventory::default();
    if needs.licenses {
        inventory.allotments = allotments(&license(client, credential, urgency).await?);
        inventory.assignments = collect(|| client.assignments(credential, urgency), mapping::assignment, |_, _| {}).await?;
    }
    for id in &needs.groups {
        if let Some(group) = or_missing(client.group(credential, urgency, id.as_str()).await)? {
            inventory.groups.push(mapping::group(group));
        }
    }
    if needs.auto_assign || needs.licenses {
        inventory.auto_assign = mapping::auto_assign(client.license_settings(credential, urgency).await?);
    }
    if needs.group_settings {
        inventory.group_settings = mapping::group_settings(&client.group_settings(credential, urgency).await?);
    }
    Ok(inventory)
}
