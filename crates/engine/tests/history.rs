//! The history of groups on both databases: every moment is put together again as it was, whoever wrote it down.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panicking")]

#[path = "../../../tests/support/databases.rs"]
mod databases;

use std::sync::Arc;

use domain::drift::{Drift, State};
use domain::inventory::{Group, GroupId, Inventory, Part, Provider, Role, RoleId, RoleLevel};
use engine::history::History;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use storage::{Baseline, Store};
use trail::Key;

async fn open(url: &str) -> Store {
    Store::open(url, Arc::new(Key::of(&[7; 32]).unwrap())).await.unwrap()
}

fn group(n: usize, roles: impl IntoIterator<Item = usize>) -> Group {
    Group {
        id: GroupId::new(format!("{n:024x}")),
        name: format!("Group {n}"),
        description: format!("What group {n} is for"),
        status: "active".into(),
        provider: Provider::Idp,
        roles: Some(roles.into_iter().map(role_id).collect()),
        created: String::new(),
        created_by: String::new(),
        updated: String::new(),
    }
}

fn role_id(n: usize) -> RoleId {
    RoleId::new(format!("{n:024x}"))
}

fn tenant(groups: usize, roles: usize) -> Inventory {
    let role = |n| Role {
        id: role_id(n),
        name: format!("Role {n}"),
        description: String::new(),
        custom: false,
        level: RoleLevel::User,
        raises_entitlement: false,
        permissions: Vec::new(),
    };
    Inventory {
        groups: (0..groups).map(|n| group(n, [n % roles, n * 7 % roles, n * 11 % roles])).collect(),
        roles: (0..roles).map(role).collect(),
        ..Inventory::default()
    }
}

/// Some groups come, some go, some change, some days nothing does.
fn a_day(tenant: &mut Inventory, rng: &mut StdRng, next: &mut usize) {
    for _ in 0..rng.random_range(0..4) {
        match rng.random_range(0..4) {
            0 => {
                tenant.groups.push(group(*next, [*next % 5]));
                *next += 1;
            }
            1 if tenant.groups.len() > 2 => {
                let at = rng.random_range(0..tenant.groups.len());
                tenant.groups.swap_remove(at);
            }
            2 => {
                let at = rng.random_range(0..tenant.groups.len());
                tenant.groups[at].name = format!("Renamed {}", rng.random_range(0..9));
            }
            _ => {
                let at = rng.random_range(0..tenant.groups.len());
                let role = role_id(rng.random_range(0..5));
                let roles = tenant.groups[at].roles.as_mut().unwrap();
                if !roles.remove(&role) {
                    roles.insert(role);
                }
            }
        }
    }
}

mod suite {
    use super::*;

    /// Two servers read in turns; each moment is as it was, for both, also after a restart and after the oldest went.
    pub(super) async fn every_moment_comes_back(store: &Store) {
        for seed in 0..4 {
            let name = format!("tenant {seed}");
            let mut rng = StdRng::seed_from_u64(seed);
            let (mut now, mut next) = (tenant(12, 5), 12);
            let servers = [History::new(store.clone()), History::new(store.clone())];
            let mut told: Vec<(i64, State)> = Vec::new();
            for day in 1..=60 {
                a_day(&mut now, &mut rng, &mut next);
                let at = day * 100;
                servers[rng.random_range(0..2)].keep(&name, (at - 10, at), &Arc::new(now.clone())).await.unwrap();
                told.push((at, State::of(&now).unwrap()));
            }
            let begun_anew = History::new(store.clone());
            for history in servers.iter().chain([&begun_anew]) {
                for (at, then) in &told {
                    for moment in [*at, at + 99] {
                        let (state, found) = history.at(&name, moment).await.unwrap().unwrap();
                        assert_eq!(*found, *then, "seed {seed}, {moment}");
                        assert!(state.at <= *at && state.until >= *at && state.began == state.until - 10);
                    }
                }
                // Before the first reading nothing is known: the first one stands for it, and says when it was read.
                assert_eq!(history.at(&name, 5).await.unwrap().map(|(state, _)| state.at), Some(100));
            }
            // When a group changed last, against the readings one by one.
            let (from, _) = begun_anew.at(&name, 1_000).await.unwrap().unwrap();
            let newest = begun_anew.newest(&name).await.unwrap().unwrap();
            let windows = begun_anew.windows(&name, from, newest.n).await.unwrap();
            let mut plain = std::collections::BTreeMap::new();
            for pair in told.windows(2).filter(|pair| pair[1].0 > 1_000) {
                for differs in Drift::between(&pair[0].1, &pair[1].1).groups {
                    plain.insert(differs.id, (pair[0].0 - 10, pair[1].0));
                }
            }
            assert_eq!(windows, plain, "seed {seed}");
            // What is old goes, and what is left is as it was.
            let gone = begun_anew.forget_before(&name, 3_050).await.unwrap();
            assert!(gone > 0);
            assert_eq!(begun_anew.forget_before(&name, 3_050).await.unwrap(), 0);
            for (at, then) in told.iter().filter(|(at, _)| *at >= 3_000) {
                assert_eq!(*begun_anew.at(&name, *at).await.unwrap().unwrap().1, *then);
            }
            assert!(begun_anew.first(&name).await.unwrap().unwrap().at <= 3_050);
            // And the next reading goes on from there.
            a_day(&mut now, &mut rng, &mut next);
            now.groups.push(group(next, []));
            begun_anew.keep(&name, (7_000, 7_010), &Arc::new(now.clone())).await.unwrap();
            assert_eq!(*servers[0].at(&name, 8_000).await.unwrap().unwrap().1, State::of(&now).unwrap());
        }
    }

    /// A reading that did not show everything leaves the history as it was, and so does one that is older.
    pub(super) async fn what_was_not_read_is_not_gone(store: &Store) {
        let history = History::new(store.clone());
        let whole = tenant(3, 2);
        history.keep("t", (90, 100), &Arc::new(whole.clone())).await.unwrap();
        let mut short = whole.clone();
        short.groups.pop();
        short.coverage.groups = Part::Short { read: 2, of: 3 };
        history.keep("t", (190, 200), &Arc::new(short)).await.unwrap();
        let mut hidden = whole.clone();
        hidden.groups[0].roles = None;
        history.keep("t", (290, 300), &Arc::new(hidden)).await.unwrap();
        let newest = history.newest("t").await.unwrap().unwrap();
        assert_eq!((newest.n, newest.at, newest.until), (1, 100, 100));
        history.keep("t", (390, 400), &Arc::new(whole)).await.unwrap();
        let newest = history.newest("t").await.unwrap().unwrap();
        assert_eq!((newest.n, newest.at, newest.until, newest.began), (1, 100, 400, 390));
        assert_eq!(history.at("elsewhere", 100).await.unwrap().map(|(state, _)| state.n), None);
    }

    /// Servers that read at the same time leave one history without gaps.
    pub(super) async fn servers_at_once_leave_one_history(store: &Store) {
        let mut running = Vec::new();
        for server in 0..4_usize {
            let history = History::new(store.clone());
            running.push(tokio::spawn(async move {
                for day in 1..=20_usize {
                    let mut now = tenant(4, 3);
                    now.groups.push(group(100 + day * 4 + server, []));
                    let at = (day * 100 + server) as i64;
                    history.keep("t", (at - 5, at), &Arc::new(now)).await.unwrap();
                }
            }));
        }
        for server in running {
            server.await.unwrap();
        }
        let newest = store.newest_group_state("t").await.unwrap().unwrap();
        let all = store.group_steps("t", 0, newest.n).await.unwrap();
        assert_eq!(all.iter().map(|(state, _)| state.n).collect::<Vec<_>>(), (1..=newest.n).collect::<Vec<_>>());
        assert!(all.is_sorted_by_key(|(state, _)| state.at));
        let history = History::new(store.clone());
        for (state, _) in all {
            let found = history.at("t", state.at).await.unwrap().unwrap().1;
            let server = state.at % 100;
            let extra = GroupId::new(format!("{:024x}", 100 + state.at / 100 * 4 + server));
            assert_eq!((found.groups.len(), found.groups.contains_key(&extra)), (5, true));
        }
    }

    /// Of readings that overlap nobody knows which is newer: one that differs from what another saw after it began is not kept.
    pub(super) async fn an_older_view_takes_no_newer_ones_place(store: &Store) {
        let (one, other) = (History::new(store.clone()), History::new(store.clone()));
        let (before, after) = (Arc::new(tenant(3, 2)), Arc::new(tenant(4, 2)));
        one.keep("t", (0, 100), &before).await.unwrap();
        other.keep("t", (200, 400), &after).await.unwrap();
        // It began before that one, listed the groups first, and ended last.
        one.keep("t", (150, 500), &before).await.unwrap();
        let newest = store.newest_group_state("t").await.unwrap().unwrap();
        assert_eq!((newest.n, newest.at, newest.until, newest.began), (2, 400, 400, 200));
        // One that shows the same extends it, and never makes it begin earlier.
        one.keep("t", (150, 500), &after).await.unwrap();
        let newest = store.newest_group_state("t").await.unwrap().unwrap();
        assert_eq!((newest.n, newest.until, newest.began), (2, 500, 200));
    }

    /// While old states go, whoever asks gets a whole state or none, and what is kept stays what it was.
    pub(super) async fn old_states_go_while_others_read(store: &Store) {
        let states: Vec<Arc<Inventory>> = (0..40).map(|n| Arc::new(tenant(3 + n, 2))).collect();
        let writer = History::new(store.clone());
        for (n, state) in states.iter().enumerate() {
            let at = (n as i64 + 1) * 100;
            writer.keep("t", (at - 10, at), state).await.unwrap();
        }
        let mut running = Vec::new();
        for tidier in 0..2_i64 {
            let history = History::new(store.clone());
            running.push(tokio::spawn(async move {
                for n in 1..30 {
                    history.forget_before("t", n * 100 + tidier * 50).await.unwrap();
                }
            }));
        }
        let reader = History::new(store.clone());
        for round in 0..60 {
            let n = round % 40;
            let (state, found) = reader.at("t", (n + 1) * 100).await.unwrap().unwrap();
            assert_eq!(found.groups.len() as i64, 3 + state.n - 1, "the state at {} is whole", state.at);
        }
        for tidier in running {
            tidier.await.unwrap();
        }
        let begun_anew = History::new(store.clone());
        begun_anew.keep("t", (5_000, 5_010), &Arc::new(tenant(100, 2))).await.unwrap();
        for n in 30..40 {
            assert_eq!(begun_anew.at("t", (n + 1) * 100).await.unwrap().unwrap().1.groups.len() as i64, 3 + n);
        }
        assert_eq!(begun_anew.at("t", 6_000).await.unwrap().unwrap().1.groups.len(), 100);
    }

    /// A baseline outlives the history, is known to all servers, and can be replaced and taken back.
    pub(super) async fn a_baseline_stays_until_it_is_replaced(store: &Store) {
        let (one, other) = (History::new(store.clone()), History::new(store.clone()));
        let declared = |at| Baseline { at, declared_at: at + 5, declared_by: "Ada".into() };
        let (first, second) = (Arc::new(State::of(&tenant(3, 2)).unwrap()), Arc::new(State::of(&tenant(4, 2)).unwrap()));
        assert!(one.baseline("t").await.unwrap().is_none());
        one.declare("t", &declared(100), first.clone()).await.unwrap();
        assert_eq!(other.baseline("t").await.unwrap(), Some((declared(100), first.clone())));
        assert_eq!(other.baseline("t").await.unwrap(), Some((declared(100), first)), "and again, from memory");
        one.declare("t", &declared(200), second.clone()).await.unwrap();
        assert_eq!(other.baseline("t").await.unwrap(), Some((declared(200), second)));
        assert!(other.undeclare("t").await.unwrap() && !one.undeclare("t").await.unwrap());
        assert!(one.baseline("t").await.unwrap().is_none());
    }
}

macro_rules! on_both {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            #[tokio::test]
            async fn sqlite() {
                let folder = tempfile::tempdir().unwrap();
                let store = super::open(&format!("sqlite://{}", folder.path().join("test.db").display())).await;
                super::suite::$name(&store).await;
            }

            #[tokio::test]
            async fn postgres() {
                let Some(url) = super::databases::own_database(stringify!($name)).await else { return };
                let store = super::open(&url).await;
                super::suite::$name(&store).await;
                store.close().await;
            }
        }
    )*};
}

on_both!(
    every_moment_comes_back,
    what_was_not_read_is_not_gone,
    servers_at_once_leave_one_history,
    an_older_view_takes_no_newer_ones_place,
    old_states_go_while_others_read,
    a_baseline_stays_until_it_is_replaced,
);
