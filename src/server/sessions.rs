//! The session store behind tower-sessions: ids are kept as hashes only, saves are compare-and-set, ends are final.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use storage::{Ending, NewAudit, Store};
use time::OffsetDateTime;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};
use tower_sessions::{Session, SessionStore};

use engine::clock::SharedClock;

use super::access::{caller, session_id};
use super::auth::person::{LOCAL, SignedIn};
use super::config::SessionLengths;
use super::state::Shared;

/// The idle end is written at most this often.
const TOUCH_MS: i64 = 60 * 1_000;
/// Where the version of the stored record travels in the record itself.
const VERSION: &str = "stored version";

/// Sessions in our database.
#[derive(Debug, Clone)]
pub struct Sessions {
    store: Store,
    clock: SharedClock,
    /// A session ends after this long without use, and after this long whatever happens, in milliseconds.
    idle: i64,
    absolute: i64,
}

/// The session cookie's name: browsers take the prefix with `Secure` only, and that with https only.
pub fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-quartermaster" } else { "quartermaster" }
}

/// What a session remembers of whoever signed in.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Remembered {
    /// When it began, in milliseconds; says that it is in the store.
    pub since: i64,
    /// Who signed in; nobody where nobody is asked.
    #[serde(default)]
    pub who: Option<SignedIn>,
    /// The provider's token for signing out there, sealed under the session's secret; empty where it is not needed.
    #[serde(default)]
    pub hint: String,
}

impl Remembered {
    /// As the session layer stores it.
    pub fn data(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// From what the session layer stored.
    pub fn of(data: &[u8]) -> Self {
        serde_json::from_slice(data).unwrap_or_default()
    }
}

/// Who signed in to the session of a request; nobody where it has none, or nobody did.
pub async fn person_of(session: &Session) -> std::result::Result<Option<SignedIn>, tower_sessions::session::Error> {
    Ok(session.get::<Option<SignedIn>>("who").await?.flatten())
}

/// What a session is found by: SHA-256 of its id. The id itself is only in the cookie.
pub fn session_key(id: &Id) -> Vec<u8> {
    Sha256::digest(secret_of(id)).to_vec()
}

/// What seals a session's credentials together with the master key.
pub fn secret_of(id: &Id) -> [u8; 16] {
    id.0.to_be_bytes()
}

/// In how many seconds the session of this request ends, unless it is used; 0 where it has none.
pub async fn left_s(state: &Shared) -> u32 {
    let Ok(caller) = caller().await else { return 0 };
    let Some(id) = session_id(&caller.session).await else { return 0 };
    let now = state.engine.clock.now_ms();
    let Ok(Some(session)) = state.engine.store.load_session(&session_key(&id), now).await else { return 0 };
    u32::try_from((session.idle_until.min(session.absolute_until) - now) / 1_000).unwrap_or(0)
}

impl Sessions {
    /// Sessions in `store`.
    pub fn new(store: Store, clock: SharedClock, lengths: SessionLengths) -> Self {
        let ms = |seconds: u32| i64::from(seconds) * 1_000;
        Self { store, clock, idle: ms(lengths.idle_s), absolute: ms(lengths.absolute_s) }
    }

    fn idle_until(&self, record: &Record) -> i64 {
        (i64::try_from(record.expiry_date.unix_timestamp_nanos() / 1_000_000).unwrap_or(0)).min(self.clock.now_ms() + self.idle)
    }
}

fn encode(record: &Record) -> Result<Vec<u8>> {
    let mut data = record.data.clone();
    data.remove(VERSION);
    serde_json::to_vec(&data).map_err(|error| Error::Encode(error.to_string()))
}

fn backend(error: storage::StoreError) -> Error {
    Error::Backend(error.to_string())
}

#[async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let data = encode(record)?;
        loop {
            let now = self.clock.now_ms();
            let created = self
                .store
                // Only where nobody is asked who they are does the session layer begin one by itself.
                .create_session(&session_key(&record.id), LOCAL, &data, now, self.idle_until(record), now + self.absolute)
                .await
                .map_err(backend)?;
            if created {
                record.data.insert(VERSION.to_owned(), json!(1));
                return Ok(());
            }
            record.id = Id::default();
        }
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let version = record.data.get(VERSION).and_then(serde_json::Value::as_i64).unwrap_or(1);
        let (key, data, now) = (session_key(&record.id), encode(record)?, self.clock.now_ms());
        let saved = self.store.save_session(&key, &data, version, now, self.idle_until(record)).await.map_err(backend)?;
        if !saved {
            // Answered as if saved: the answer that is on its way is good, only what it wanted to remember is overtaken.
            tracing::warn!(target: "quartermaster::security", event = "session.save_dropped", "a session was changed or ended while a request was under way; its save is dropped");
        }
        Ok(())
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let (key, now) = (session_key(id), self.clock.now_ms());
        let row = self.store.load_session(&key, now).await.map_err(backend)?;
        // Use keeps a session alive. Not written with every request: a minute more or less is nothing to anybody.
        let mut row = row;
        if let Some(row) = &mut row
            && row.idle_until < now + self.idle - TOUCH_MS.min(self.idle / 10)
        {
            row.idle_until = now + self.idle;
            self.store.touch_session(&key, now, row.idle_until).await.map_err(backend)?;
        }
        row.map(|row| {
            let mut data: std::collections::HashMap<String, serde_json::Value> =
                serde_json::from_slice(&row.data).map_err(|error| Error::Decode(error.to_string()))?;
            data.insert(VERSION.to_owned(), json!(row.version));
            let until = row.idle_until.min(row.absolute_until);
            let expiry_date = OffsetDateTime::from_unix_timestamp_nanos(i128::from(until) * 1_000_000)
                .map_err(|error| Error::Decode(error.to_string()))?;
            Ok(Record { id: *id, data, expiry_date })
        })
        .transpose()
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        let ending = session_key(id);
        let nothing_to_tell = |_: &[storage::Ended]| Vec::<NewAudit>::new();
        self.store.end_sessions(&Ending::One(&ending), self.clock.now_ms(), nothing_to_tell).await.map(|_| ()).map_err(backend)
    }
}
