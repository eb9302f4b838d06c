//! The limiter in front of every call: a sliding log per (Qlik user, tier), as Qlik counts, and one per tenant.
//!
//! A token bucket of the same rate would let nearly twice as many calls into a window and provoke 429s.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::error::CallError;
use super::tier::Tier;
use super::urgency::Urgency;

/// Calls of tier 2 that jobs leave to people.
pub const JOB_RESERVE: usize = 20;

/// With more lanes than this, those that nobody has used for a window are forgotten.
const MANY_LANES: usize = 64;

/// Where a budget stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Calls counted in the window that ends now.
    pub used: usize,
    /// Calls a window takes.
    pub limit: usize,
    /// How long a window is.
    pub window: Duration,
    /// How long the tier stays shut, where Qlik shut it.
    pub shut_for: Option<Duration>,
}

type Log = VecDeque<(u64, Option<Instant>)>;

#[derive(Debug, Default)]
struct Lane {
    log: Log,
    shut_until: Option<Instant>,
    /// Answers of 429 in a row that said nothing of when to come back.
    mute_refusals: u32,
    people_waiting: usize,
}

#[derive(Debug, Default)]
struct Lanes {
    by_user: HashMap<(Arc<str>, Tier), Lane>,
    by_tenant: HashMap<Tier, Log>,
    next_id: u64,
    tenant_users: Option<usize>,
}

/// The limiter of one tenant.
#[derive(Debug)]
pub(crate) struct Limiter {
    window: Duration,
    lanes: Mutex<Lanes>,
    moved: Notify,
}

/// Leave to send one call. The call counts from now until a window after its answer arrived: Qlik counts it somewhere in between.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    limiter: &'a Limiter,
    key: (Arc<str>, Tier),
    id: u64,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let now = Instant::now();
        let mut lanes = self.limiter.lock();
        let stamp = |log: &mut Log| {
            if let Some(entry) = log.iter_mut().rev().find(|entry| entry.0 == self.id) {
                entry.1 = Some(now);
            }
        };
        if let Some(lane) = lanes.by_user.get_mut(&self.key) {
            stamp(&mut lane.log);
        }
        if let Some(log) = lanes.by_tenant.get_mut(&self.key.1) {
            stamp(log);
        }
    }
}

impl Limiter {
    pub(crate) fn new(window: Duration) -> Self {
        Self { window, lanes: Mutex::default(), moved: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells how many users the tenant has: the tenant as a whole may make users × 0.5 × limit calls (Qlik's rate-limit page).
    pub(crate) fn set_tenant_users(&self, users: usize) {
        self.lock().tenant_users = Some(users);
    }

    /// Counts calls that somebody else made with the same budget, so long ago each: another server, or this one in an earlier
    /// life.
    pub(crate) fn remember(&self, user: Arc<str>, tier: Tier, ages: &[Duration]) {
        let now = Instant::now();
        let mut lanes = self.lock();
        let lanes = &mut *lanes;
        let own = &mut lanes.by_user.entry((user, tier)).or_default().log;
        let all = lanes.by_tenant.entry(tier).or_default();
        for at in ages.iter().filter_map(|age| now.checked_sub(*age)) {
            let id = lanes.next_id;
            lanes.next_id += 1;
            for log in [&mut *own, &mut *all] {
                // In the order of time, as the log is; what is under way is newer than anything.
                let place = log.partition_point(|(_, other)| other.is_some_and(|other| other <= at));
                log.insert(place, (id, Some(at)));
            }
        }
    }

    /// Waits until a call fits, at most for `patience`.
    pub(crate) async fn acquire(
        &self,
        user: Arc<str>,
        tier: Tier,
        urgency: Urgency,
        patience: Option<Duration>,
    ) -> Result<Permit<'_>, CallError> {
        let key = (user, tier);
        let started = Instant::now();
        let mut waiting = WaitingPerson { limiter: self, key: &key, counted: false };
        loop {
            // Registered before the look, so that no change is missed in between.
            let moved = self.moved.notified();
            let wait = match self.try_take(&key, urgency, waiting.counted) {
                Ok(id) => {
                    drop(waiting);
                    return Ok(Permit { limiter: self, key, id });
                }
                Err(wait) => wait,
            };
            if let Some(patience) = patience
                && started.elapsed() + wait > patience
            {
                return Err(CallError::RateLimited { tier: tier.name(), retry_after: wait });
            }
            if urgency == Urgency::Person && !waiting.counted {
                waiting.count();
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = moved => {}
            }
        }
    }

    /// Takes a place, or says how long to wait at least.
    fn try_take(&self, key: &(Arc<str>, Tier), urgency: Urgency, counted: bool) -> Result<u64, Duration> {
        const A_MOMENT: Duration = Duration::from_millis(50);
        let now = Instant::now();
        let window = self.window;
        let mut lanes = self.lock();
        let lanes = &mut *lanes;
        let limit = key.1.calls_per_window();
        let tenant_limit = lanes.tenant_users.map_or(usize::MAX, |users| (users.max(2) / 2).saturating_mul(limit));
        if lanes.by_user.len() > MANY_LANES && !lanes.by_user.contains_key(key) {
            let old = |at: &Option<Instant>| at.is_some_and(|at| now.duration_since(at) >= window);
            lanes.by_user.retain(|_, lane| {
                lane.people_waiting > 0
                    || lane.shut_until.is_some_and(|until| until > now)
                    || lane.log.back().is_some_and(|(_, at)| !old(at))
            });
        }
        let lane = lanes.by_user.entry(key.clone()).or_default();
        let tenant_log = lanes.by_tenant.entry(key.1).or_default();
        for log in [&mut lane.log, &mut *tenant_log] {
            while log.front().is_some_and(|(_, at)| at.is_some_and(|at| now.duration_since(at) >= window)) {
                log.pop_front();
            }
        }
        if let Some(until) = lane.shut_until {
            if until > now {
                return Err(until - now);
            }
            lane.shut_until = None;
        }
        let (cap, yields) = match urgency {
            Urgency::Person => (limit, false),
            Urgency::Job => {
                let reserve = if key.1 == Tier::Two { JOB_RESERVE } else { limit / 25 };
                (limit - reserve, lane.people_waiting > usize::from(counted))
            }
            Urgency::Idle => (limit / 2, lane.people_waiting > usize::from(counted)),
        };
        if yields {
            return Err(A_MOMENT);
        }
        // Entries are in the order of their permits; one that is still under way holds its place and moves on its own.
        let frees = |log: &Log, over: usize| log.get(over).and_then(|(_, at)| *at).map_or(A_MOMENT, |at| (at + window) - now);
        if lane.log.len() >= cap {
            return Err(frees(&lane.log, lane.log.len() - cap).max(Duration::from_millis(1)));
        }
        if tenant_log.len() >= tenant_limit {
            return Err(frees(tenant_log, tenant_log.len() - tenant_limit).max(Duration::from_millis(1)));
        }
        let id = lanes.next_id;
        lanes.next_id += 1;
        lane.log.push_back((id, None));
        tenant_log.push_back((id, None));
        Ok(id)
    }

    /// Shuts a tier after a 429. Without word from Qlik of how long, backs off: 1, 2, 4 … 64 s.
    pub(crate) fn shut(&self, user: &Arc<str>, tier: Tier, retry_after: Option<Duration>) -> Duration {
        let mut lanes = self.lock();
        let lane = lanes.by_user.entry((user.clone(), tier)).or_default();
        let wait = retry_after.unwrap_or_else(|| {
            let wait = Duration::from_secs(1 << lane.mute_refusals.min(6));
            lane.mute_refusals += 1;
            wait
        });
        let until = Instant::now() + wait;
        lane.shut_until = Some(lane.shut_until.map_or(until, |other| other.max(until)));
        wait
    }

    /// A call went through: the next mute 429 starts at the shortest wait again.
    pub(crate) fn went_through(&self, user: &Arc<str>, tier: Tier) {
        if let Some(lane) = self.lock().by_user.get_mut(&(user.clone(), tier)) {
            lane.mute_refusals = 0;
        }
    }

    pub(crate) fn budget(&self, user: &str, tier: Tier) -> Budget {
        let now = Instant::now();
        let lanes = self.lock();
        let lane = lanes.by_user.get(&(Arc::from(user), tier));
        let used = lane
            .map_or(0, |lane| lane.log.iter().filter(|(_, at)| at.is_none_or(|at| now.duration_since(at) < self.window)).count());
        let shut_for = lane.and_then(|lane| lane.shut_until).filter(|until| *until > now).map(|until| until - now);
        Budget { used, limit: tier.calls_per_window(), window: self.window, shut_for }
    }
}

/// Counts a waiting person for as long as they wait, also when their request is dropped.
struct WaitingPerson<'a> {
    limiter: &'a Limiter,
    key: &'a (Arc<str>, Tier),
    counted: bool,
}

impl WaitingPerson<'_> {
    fn count(&mut self) {
        self.counted = true;
        self.limiter.lock().by_user.entry(self.key.clone()).or_default().people_waiting += 1;
    }
}

impl Drop for WaitingPerson<'_> {
    fn drop(&mut self) {
        if self.counted {
            if let Some(lane) = self.limiter.lock().by_user.get_mut(self.key) {
                lane.people_waiting = lane.people_waiting.saturating_sub(1);
            }
            self.limiter.moved.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> Arc<str> {
        Arc::from("u")
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_never_holds_more_than_the_limit() {
        let limiter = Limiter::new(Duration::from_secs(300));
        let mut sent: Vec<Instant> = Vec::new();
        for _ in 0..1_200 {
            let permit = limiter.acquire(user(), Tier::Two, Urgency::Person, None).await.unwrap();
            tokio::time::advance(Duration::from_millis(37)).await;
            drop(permit);
            sent.push(Instant::now());
        }
        for (at, first) in sent.iter().enumerate() {
            let inside = sent[at..].iter().take_while(|t| t.duration_since(*first) < Duration::from_secs(300)).count();
            assert!(inside <= 500, "{inside} calls within one window");
        }
        // And it is not needlessly slow: 1,200 calls need two full windows, no more.
        assert!(sent[1_199].duration_since(sent[0]) < Duration::from_secs(660));
    }

    #[tokio::test(start_paused = true)]
    async fn jobs_leave_a_reserve_to_people() {
        let limiter = Limiter::new(Duration::from_secs(300));
        for _ in 0..480 {
            limiter.acquire(user(), Tier::Two, Urgency::Job, Some(Duration::ZERO)).await.unwrap();
        }
        assert!(limiter.acquire(user(), Tier::Two, Urgency::Job, Some(Duration::ZERO)).await.is_err());
        for _ in 0..20 {
            limiter.acquire(user(), Tier::Two, Urgency::Person, Some(Duration::ZERO)).await.unwrap();
        }
        assert!(limiter.acquire(user(), Tier::Two, Urgency::Person, Some(Duration::ZERO)).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn calls_of_an_earlier_life_count() {
        let limiter = Limiter::new(Duration::from_secs(300));
        tokio::time::advance(Duration::from_secs(1_000)).await;
        limiter.acquire(user(), Tier::Two, Urgency::Job, Some(Duration::ZERO)).await.unwrap();
        let ages: Vec<Duration> = (0..479).map(|n| Duration::from_secs(n / 2)).collect();
        limiter.remember(user(), Tier::Two, &ages);
        assert_eq!(limiter.budget("u", Tier::Two).used, 480);
        let before = Instant::now();
        limiter.acquire(user(), Tier::Two, Urgency::Job, None).await.unwrap();
        assert_eq!(before.elapsed().as_secs(), 300 - 239);
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_waits_for_leaves_half_to_others() {
        let limiter = Limiter::new(Duration::from_secs(300));
        for _ in 0..2_500 {
            limiter.acquire(user(), Tier::One, Urgency::Idle, Some(Duration::ZERO)).await.unwrap();
        }
        assert!(limiter.acquire(user(), Tier::One, Urgency::Idle, Some(Duration::ZERO)).await.is_err());
        limiter.acquire(user(), Tier::One, Urgency::Job, Some(Duration::ZERO)).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_shuts_the_whole_tier_and_nothing_else() {
        let limiter = Limiter::new(Duration::from_secs(300));
        limiter.shut(&user(), Tier::One, Some(Duration::from_secs(13)));
        let refused = limiter.acquire(user(), Tier::One, Urgency::Person, Some(Duration::from_secs(5))).await;
        assert!(matches!(refused, Err(CallError::RateLimited { retry_after, .. }) if retry_after == Duration::from_secs(13)));
        limiter.acquire(user(), Tier::Two, Urgency::Person, Some(Duration::ZERO)).await.unwrap();
        let before = Instant::now();
        limiter.acquire(user(), Tier::One, Urgency::Person, None).await.unwrap();
        assert_eq!(before.elapsed(), Duration::from_secs(13));
    }

    #[tokio::test(start_paused = true)]
    async fn mute_refusals_back_off() {
        let limiter = Limiter::new(Duration::from_secs(300));
        let waits: Vec<u64> = (0..8).map(|_| limiter.shut(&user(), Tier::One, None).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 64]);
        limiter.went_through(&user(), Tier::One);
        assert_eq!(limiter.shut(&user(), Tier::One, None).as_secs(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn lanes_that_nobody_uses_are_forgotten() {
        let limiter = Limiter::new(Duration::from_secs(300));
        for n in 0..1_000 {
            limiter.acquire(Arc::from(format!("key {n}")), Tier::One, Urgency::Person, Some(Duration::ZERO)).await.unwrap();
            tokio::time::advance(Duration::from_secs(10)).await;
        }
        assert!(limiter.lock().by_user.len() <= MANY_LANES + 30, "{}", limiter.lock().by_user.len());
    }

    #[tokio::test(start_paused = true)]
    async fn the_tenant_has_a_cap_of_its_own() {
        let limiter = Limiter::new(Duration::from_secs(300));
        limiter.set_tenant_users(2);
        for n in 0..500 {
            limiter.acquire(Arc::from(format!("u{n}")), Tier::Two, Urgency::Person, Some(Duration::ZERO)).await.unwrap();
        }
        assert!(limiter.acquire(Arc::from("late"), Tier::Two, Urgency::Person, Some(Duration::ZERO)).await.is_err());
    }
}
