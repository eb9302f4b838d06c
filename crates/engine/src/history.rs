//! How the groups and roles of tenants were: each whole reading is kept as what it changed, and any moment is put together again.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use domain::drift::{State, Step, Unreadable};
use domain::inventory::{GroupId, Inventory};
use storage::{Baseline, GroupState, Store, StoreError};

use crate::gathering::locked;

/// Somebody else may read the tenant at the same time, on another server; so often at most their state is taken up first.
const TRIES: u32 = 5;

/// Why a history cannot be told or kept.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It holds what this version cannot read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// What is to be put together went meanwhile, for it is old.
    #[error("an old state of groups is not kept any more")]
    Gone,
    /// The server ends, or failed.
    #[error("the work broke off: {0}")]
    BrokeOff(#[from] tokio::task::JoinError),
}

/// The newest state of a tenant that is kept, as bytes: a state with all its texts takes ten times as much.
#[derive(Debug, Clone)]
struct Newest {
    state: GroupState,
    whole: Arc<[u8]>,
    /// Bytes of steps since all of a state was kept.
    steps: usize,
}

/// The states of all tenants.
#[derive(Debug)]
pub struct History {
    store: Store,
    newest: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Option<Newest>>>>>,
    /// Declared baselines with their states, so that a page that only counts what differs reads no megabyte.
    baselines: Mutex<HashMap<String, (Baseline, Arc<State>)>>,
}

/// When a group became what it is: after the one time and not after the other.
pub type Window = (i64, i64);

impl History {
    /// Nothing is read yet.
    pub fn new(store: Store) -> Self {
        Self { store, newest: Mutex::default(), baselines: Mutex::default() }
    }

    fn of(&self, tenant: &str) -> Arc<tokio::sync::Mutex<Option<Newest>>> {
        locked(&self.newest).entry(tenant.to_owned()).or_default().clone()
    }

    /// Keeps what a reading shows, which began and was complete at these times. One that did not show all groups and roles is not
    /// kept, nor one that differs from what another saw after it began: which of them is newer nobody knows.
    pub async fn keep(&self, tenant: &str, (began, at): (i64, i64), inventory: &Arc<Inventory>) -> Result<(), HistoryError> {
        let inventory = inventory.clone();
        let Some(now) = aside(move || Ok(State::of(&inventory).map(Arc::new))).await? else { return Ok(()) };
        let newest = self.of(tenant);
        let mut newest = newest.lock().await;
        for _ in 0..TRIES {
            if newest.is_none() {
                *newest = self.load(tenant).await?;
            }
            let before = newest.take();
            let (whole, n, steps) = match &before {
                Some(before) => (Some(before.whole.clone()), before.state.n, before.steps),
                None => (None, 0, 0),
            };
            let state = now.clone();
            let (step, changes, bytes) = aside(move || {
                let before = whole.map_or_else(|| Ok(State::default()), |whole| State::of_bytes(&whole))?;
                let step = Step::between(&before, &state);
                let bytes = if step.is_empty() { Vec::new() } else { state.to_bytes() };
                Ok((step.to_bytes(), step.len(), bytes))
            })
            .await?;
            let changes = i64::try_from(changes).unwrap_or(i64::MAX);
            if let Some(before) = before.as_ref().filter(|before| {
                let until = before.state.until;
                if changes == 0 { at < until } else { began < until }
            }) {
                *newest = Some(before.clone());
                return Ok(());
            }
            if let Some(before) = before.filter(|_| changes == 0) {
                if self.store.extend_group_state(tenant, n, began, at).await? {
                    *newest = Some(Newest {
                        state: GroupState { until: at, began: began.max(before.state.began), ..before.state },
                        ..before
                    });
                    return Ok(());
                }
                continue;
            }
            let new = GroupState { n: n + 1, at, until: at, began, changes };
            // So that whatever is put together reads at most twice as much as a state is.
            let again = n > 0 && steps + step.len() > bytes.len();
            if self.store.add_group_state(tenant, new, &step, if again { &bytes } else { &[] }).await? {
                let steps = if again || n == 0 { 0 } else { steps + step.len() };
                *newest = Some(Newest { state: new, whole: bytes.into(), steps });
                return Ok(());
            }
        }
        // Others keep up with the tenant; the next reading of this server takes part again.
        Ok(())
    }

    async fn load(&self, tenant: &str) -> Result<Option<Newest>, HistoryError> {
        let Some(state) = self.store.newest_group_state(tenant).await? else { return Ok(None) };
        let (whole, steps) = self.parts(tenant, state.n).await?;
        let bytes = steps.iter().skip(usize::from(whole.is_empty())).map(Vec::len).sum();
        let whole = aside(move || Ok(put_together(&whole, steps)?.to_bytes())).await?;
        Ok(Some(Newest { state, whole: whole.into(), steps: bytes }))
    }

    async fn parts(&self, tenant: &str, n: i64) -> Result<(Vec<u8>, Vec<Vec<u8>>), HistoryError> {
        self.store.group_state_parts(tenant, n).await?.ok_or(HistoryError::Gone)
    }

    /// The newest state that is kept.
    pub async fn newest(&self, tenant: &str) -> Result<Option<GroupState>, HistoryError> {
        Ok(self.store.newest_group_state(tenant).await?)
    }

    /// The first state that is kept.
    pub async fn first(&self, tenant: &str) -> Result<Option<GroupState>, HistoryError> {
        Ok(self.store.first_group_state(tenant).await?)
    }

    /// The state that is kept of a moment, without its groups; the first that is kept where the moment is before it.
    pub async fn kept_at(&self, tenant: &str, at: i64) -> Result<Option<GroupState>, HistoryError> {
        Ok(self.store.group_state_at(tenant, at).await?)
    }

    /// The state at a moment; the first that is kept where the moment is before it, nothing where none is.
    pub async fn at(&self, tenant: &str, at: i64) -> Result<Option<(GroupState, Arc<State>)>, HistoryError> {
        for _ in 0..TRIES {
            let Some(state) = self.store.group_state_at(tenant, at).await? else { return Ok(None) };
            match self.parts(tenant, state.n).await {
                Ok((whole, steps)) => return Ok(Some((state, Arc::new(aside(move || put_together(&whole, steps)).await?)))),
                // A later one takes its place by now.
                Err(HistoryError::Gone) => {}
                Err(error) => return Err(error),
            }
        }
        Err(HistoryError::Gone)
    }

    /// When each group that changed after one state and up to another did so last, by readings.
    pub async fn windows(&self, tenant: &str, after: GroupState, upto: i64) -> Result<BTreeMap<GroupId, Window>, HistoryError> {
        let steps = self.store.group_steps(tenant, after.n, upto).await?;
        aside(move || {
            let (mut windows, mut before) = (BTreeMap::new(), after.began);
            for (state, step) in steps {
                for (id, _) in Step::of_bytes(&step)?.groups {
                    windows.insert(id, (before, state.at));
                }
                before = state.began;
            }
            Ok(windows)
        })
        .await
    }

    /// Forgets how it was before a time, as far as nothing later needs it. Returns how many states went.
    pub async fn forget_before(&self, tenant: &str, before: i64) -> Result<u64, HistoryError> {
        let (Some(state), Some(first)) =
            (self.store.group_state_at(tenant, before).await?, self.store.first_group_state(tenant).await?)
        else {
            return Ok(0);
        };
        if state.n == first.n {
            return Ok(0);
        }
        let (whole, steps) = match self.parts(tenant, state.n).await {
            // Another server is about it.
            Err(HistoryError::Gone) => return Ok(0),
            parts => parts?,
        };
        let whole = aside(move || Ok(put_together(&whole, steps)?.to_bytes())).await?;
        Ok(self.store.begin_group_states_at(tenant, state.n, &whole).await?)
    }

    /// Declares a state to be how groups and roles are meant to be.
    pub async fn declare(&self, tenant: &str, baseline: &Baseline, state: Arc<State>) -> Result<(), HistoryError> {
        let whole = aside(move || Ok(state.to_bytes())).await?;
        self.store.put_baseline(tenant, baseline, &whole).await?;
        locked(&self.baselines).remove(tenant);
        Ok(())
    }

    /// Forgets what was declared. Returns whether anything was.
    pub async fn undeclare(&self, tenant: &str) -> Result<bool, HistoryError> {
        let was = self.store.drop_baseline(tenant).await?;
        locked(&self.baselines).remove(tenant);
        Ok(was)
    }

    /// The baseline with its state.
    pub async fn baseline(&self, tenant: &str) -> Result<Option<(Baseline, Arc<State>)>, HistoryError> {
        // Another server may have declared another one.
        let Some(baseline) = self.store.baseline(tenant).await? else { return Ok(None) };
        if let Some((_, state)) = locked(&self.baselines).get(tenant).filter(|(known, _)| *known == baseline) {
            return Ok(Some((baseline, state.clone())));
        }
        let Some(whole) = self.store.baseline_state(tenant).await? else { return Ok(None) };
        let state = Arc::new(aside(move || State::of_bytes(&whole)).await?);
        locked(&self.baselines).insert(tenant.to_owned(), (baseline.clone(), state.clone()));
        Ok(Some((baseline, state)))
    }
}

fn put_together(whole: &[u8], steps: Vec<Vec<u8>>) -> Result<State, Unreadable> {
    let mut state = if whole.is_empty() { State::default() } else { State::of_bytes(whole)? };
    for step in steps {
        state.take(Step::of_bytes(&step)?);
    }
    Ok(state)
}

/// Ten thousand groups take a moment, in which others want to be answered.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T, Unreadable> + Send + 'static) -> Result<T, HistoryError> {
    Ok(tokio::task::spawn_blocking(work).await??)
}
