//! Requests, late saves, refreshes, sign-outs and logout tokens in any order: what was ended does not come back, on either database.
//! A hundred orders each; `QUARTERMASTER_SOAK_ENDINGS` sets how many (`script/soak` ten thousand).
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a test may fail by panicking, and asks its script where the server is"
)]

#[path = "../../../tests/support/databases.rs"]
mod databases;

use std::sync::Arc;

use databases::own_database as postgres;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use storage::{
    Actor, Begins, Connect, Ending, Family, FamilyHolder, KeepRunning, NewAudit, NewSession, Person, Renewal, Resealed, Store,
    StoredCredential,
};
use trail::Key;

const ISSUER: &str = "https://id";

async fn open(url: &str) -> Store {
    Store::open(url, Arc::new(Key::of(&[7; 32]).unwrap())).await.unwrap()
}

fn orders() -> u64 {
    std::env::var("QUARTERMASTER_SOAK_ENDINGS").ok().and_then(|text| text.parse().ok()).unwrap_or(100)
}

fn session(person: &str, key: Vec<u8>, sid: &str) -> NewSession {
    NewSession {
        key,
        data: b"{}".to_vec(),
        person: Person { issuer: ISSUER.into(), subject: person.into(), name: "Ann".into() },
        sid: sid.into(),
        // Left for the provider before whatever ends it.
        begun_s: 1,
        method: "oidc",
        address: "10.0.0.1".into(),
        agent: "a browser".into(),
        now: 2_000,
        began: 2_000,
        idle_until: 1_000_000_000,
        absolute_until: 1_000_000_000,
        most: 20,
        instead_of: None,
        confirmed: None,
        record: NewAudit { at: 2_000, actor: Actor::named("Ann"), action: "auth.sign_in".into(), ..NewAudit::default() },
    }
}

fn family(id: &str) -> Family {
    Family {
        id: id.to_owned(),
        tenant: "t".into(),
        qlik_user: "u".into(),
        qlik_name: "Ann".into(),
        generation: 0,
        expires_at: 5_000,
        again_at: 0,
        is_lost: false,
    }
}

fn credential(family: &str) -> StoredCredential {
    StoredCredential {
        tenant: "t".into(),
        sealed: b"sealed".to_vec(),
        wrapped_key: b"key".to_vec(),
        qlik_user: "u".into(),
        qlik_name: "Ann".into(),
        family: family.to_owned(),
        ..StoredCredential::default()
    }
}

fn record() -> NewAudit {
    NewAudit {
        tenant: "t".into(),
        at: 3_000,
        actor: Actor::named("Ann"),
        action: "credential.refreshed".into(),
        ..NewAudit::default()
    }
}

fn resealed(text: &str) -> Resealed {
    Resealed { sealed: text.as_bytes().to_vec(), wrapped_key: b"key".to_vec() }
}

/// What goes on at once with one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Touch,
    Save,
    Connect,
    Refresh,
    Confirm,
    SignOut,
    Everywhere,
    LogoutSid,
    LogoutSubject,
}

impl Step {
    const HARMLESS: [Self; 5] = [Self::Touch, Self::Save, Self::Connect, Self::Refresh, Self::Confirm];
    const ENDS: [Self; 4] = [Self::SignOut, Self::Everywhere, Self::LogoutSid, Self::LogoutSubject];

    async fn take(self, store: &Store, who: &str, old: Vec<u8>, new: Vec<u8>) {
        let family = family(who);
        match self {
            Self::Touch => store.touch_session(&old, 4_000, 900_000_000).await.unwrap(),
            Self::Save => drop(store.save_session(&old, b"late", 1, 4_000, 900_000_000).await.unwrap()),
            Self::Connect => {
                drop(store.put_credential(&old, &credential(""), None, &NewAudit { at: 4_000, ..record() }).await.unwrap());
            }
            Self::Refresh => {
                if let Some(leased) = store.lease_family(&family.id, 0, 4_000, 24_000).await.unwrap() {
                    let holder = FamilyHolder::Session(&old);
                    let renewal =
                        Renewal { family: &leased, holder, resealed: resealed("next"), expires_at: 9_000, record: record() };
                    store.renew_family(&renewal, |_| None).await.unwrap();
                }
            }
            Self::Confirm => {
                let moved = vec![credential(who)];
                let next = NewSession {
                    instead_of: Some((old, moved)),
                    confirmed: Some(("plan".into(), 900_000_000)),
                    ..session(who, new, who)
                };
                store.begin_session(&next).await.unwrap();
            }
            Self::SignOut => drop(store.end_sessions(&Ending::One(&old), 5_000, |_| Vec::new()).await.unwrap()),
            Self::Everywhere => {
                let me = session(who, old, "").person.principal();
                store.end_sessions(&Ending::Everywhere(&me), 5_000, |_| Vec::new()).await.unwrap();
            }
            Self::LogoutSid => {
                let which = Ending::Sid { issuer: ISSUER, sid: who, subject: Some(who) };
                store.log_out(&which, who, 900_000_000, 5_000, |_| Vec::new()).await.unwrap();
            }
            Self::LogoutSubject => {
                let which = Ending::Subject { issuer: ISSUER, subject: who };
                store.log_out(&which, who, 900_000_000, 5_000, |_| Vec::new()).await.unwrap();
            }
        }
    }
}

/// In any order and at once; afterwards nothing that an ending meant is there.
async fn nothing_comes_back(stores: [Store; 2], orders: u64) {
    for order in 0..orders {
        let mut rng = StdRng::seed_from_u64(order);
        let who = format!("p{order}");
        let (old, new) = (format!("old{order}").into_bytes(), format!("new{order}").into_bytes());
        assert_eq!(stores[0].begin_session(&session(&who, old.clone(), &who)).await.unwrap(), Begins::Begun);
        let kept = stores[0].put_credential(&old, &credential(&who), Some(&family(&who)), &record()).await.unwrap();
        assert_eq!(kept, Connect::Kept { before: None });
        let ends = Step::ENDS[rng.random_range(0..Step::ENDS.len())];
        let mut steps: Vec<Step> =
            (0..rng.random_range(1..5)).map(|_| Step::HARMLESS[rng.random_range(0..Step::HARMLESS.len())]).collect();
        steps.insert(rng.random_range(0..=steps.len()), ends);
        let tasks: Vec<_> = steps
            .iter()
            .map(|step| {
                let (store, step) = (stores[usize::from(rng.random::<bool>())].clone(), *step);
                let (who, old, new) = (who.clone(), old.clone(), new.clone());
                tokio::spawn(async move { step.take(&store, &who, old, new).await })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let store = &stores[1];
        let lives = async |key: &[u8]| store.load_session(key, 6_000).await.unwrap().is_some();
        let told = format!("order {order}: {steps:?}");
        assert!(!lives(&old).await, "{told}: the session that was ended lives");
        assert_eq!(store.credentials(&old).await.unwrap().len(), 0, "{told}: its credentials are there");
        // What ends one session ends no other that was begun meanwhile; what ends a person, or their session at the provider, does,
        // for both were begun before it.
        let confirmed = lives(&new).await;
        if ends != Step::SignOut {
            assert!(!confirmed, "{told}: a session of before the logout lives");
        }
        if !confirmed {
            assert_eq!(store.credentials(&new).await.unwrap().len(), 0, "{told}");
        }
        // And whatever comes later still.
        for step in [Step::Touch, Step::Save, Step::Connect, Step::Refresh] {
            step.take(store, &who, old.clone(), new.clone()).await;
        }
        assert!(!lives(&old).await && store.credentials(&old).await.unwrap().is_empty(), "{told}: afterwards");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_ended_stays_ended_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("test.db").display());
    nothing_comes_back([open(&url).await, open(&url).await], orders()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_ended_stays_ended_on_postgresql() {
    let Some(url) = postgres("endings").await else { return };
    nothing_comes_back([open(&url).await, open(&url).await], orders()).await;
}

/// One at a time refreshes; what was lost is lost for all; and what nobody holds is forgotten.
async fn families_are_refreshed_one_at_a_time(store: &Store) {
    let key = b"s".to_vec();
    store.begin_session(&session("ann", key.clone(), "")).await.unwrap();
    let kept = store.put_credential(&key, &credential("f"), Some(&family("f")), &record()).await.unwrap();
    assert_eq!(kept, Connect::Kept { before: None });
    let held = store.credential(&key, "t").await.unwrap().unwrap();
    assert_eq!((held.expires_at, held.is_lost), (Some(5_000), false));
    // Many want the lease; one has it.
    let tries = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.lease_family("f", 0, 3_000, 23_000).await.unwrap().is_some() })
    });
    let mut leased = 0;
    for one in tries.collect::<Vec<_>>() {
        leased += u32::from(one.await.unwrap());
    }
    assert_eq!(leased, 1);
    // It runs out; whoever had it is too late then.
    let second = store.lease_family("f", 0, 23_000, 43_000).await.unwrap().unwrap();
    let holder = FamilyHolder::Session(&key);
    let renew = |family, text: &str| Renewal { family, holder, resealed: resealed(text), expires_at: 60_000, record: record() };
    assert!(store.renew_family(&renew(&second, "next"), |_| None).await.unwrap());
    assert!(!store.renew_family(&renew(&second, "late"), |_| None).await.unwrap(), "another generation by now");
    let held = store.credential(&key, "t").await.unwrap().unwrap();
    assert_eq!((held.sealed.as_slice(), held.expires_at), (b"next".as_slice(), Some(60_000)));
    assert!(store.lease_family("f", 0, 50_000, 60_000).await.unwrap().is_none(), "the generation has moved on");
    // A tenant that did not answer is left alone for a while.
    let third = store.lease_family("f", 1, 50_000, 70_000).await.unwrap().unwrap();
    store.release_family(&third, 80_000).await.unwrap();
    assert!(store.lease_family("f", 1, 79_999, 99_000).await.unwrap().is_none());
    // Lost once.
    let lost = store.family("f").await.unwrap().unwrap();
    store.lose_family(&lost, 80_000, "gone", &record()).await.unwrap();
    store.lose_family(&lost, 80_001, "gone", &record()).await.unwrap();
    assert!(store.credential(&key, "t").await.unwrap().unwrap().is_lost);
    assert!(store.lease_family("f", 1, 90_000, 99_000).await.unwrap().is_none());
    let told = store.audit_trail("t", 0, 9).await.unwrap().len();
    assert_eq!(told, 3, "a connection, a refresh and a loss");
    // Nobody holds it once the session is over. A job that is over takes no connection.
    assert_eq!(store.purge_families().await.unwrap(), 0);
    store.end_sessions(&Ending::One(&key), 81_000, |_| Vec::new()).await.unwrap();
    assert_eq!(store.purge_families().await.unwrap(), 1);
    let (grant, own) = (storage::Grant::default(), family("g"));
    let kept = store.keep_running("no such job", &grant, Some(&own), (&key, None), &record()).await.unwrap();
    assert_eq!(kept, KeepRunning::NoLeave, "nor does whoever is signed out by now give one");
    store.begin_session(&session("ben", b"t".to_vec(), "")).await.unwrap();
    let kept = store.keep_running("no such job", &grant, Some(&own), (b"t", None), &record()).await.unwrap();
    assert_eq!((kept, store.family("g").await.unwrap()), (KeepRunning::Over, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_at_a_time_refreshes_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    families_are_refreshed_one_at_a_time(&open(&format!("sqlite://{}", folder.path().join("test.db").display())).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_at_a_time_refreshes_on_postgresql() {
    let Some(url) = postgres("families").await else { return };
    families_are_refreshed_one_at_a_time(&open(&url).await).await;
}
