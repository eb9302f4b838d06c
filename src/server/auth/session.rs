//! Begins sessions: of whoever signed in, and of whoever confirmed that it is still them. A session always begins with a new id; the one
//! that the browser had ends, and what it held moves along where it is the same person.

use std::str::FromStr as _;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};
use engine::seal::Purpose;
use storage::{Begins, Family, NewSession, SessionRow, StoreError, StoredCredential, session_name};
use tower_sessions::session::Id;

use super::person::SignedIn;
use super::trail::{CameFrom, record};
use crate::server::cookies;
use crate::server::sessions::{Remembered, cookie_name, secret_of, session_key};
use crate::server::state::Shared;

/// A session that lives.
#[derive(Debug)]
pub struct Current {
    /// Its key: the hash of its id.
    pub key: Vec<u8>,
    /// Its id.
    pub id: Id,
    /// When it began, and when it ends.
    pub row: SessionRow,
    /// What it remembers.
    pub remembered: Remembered,
}

/// The session of this browser, if it lives. Does not count as use.
pub async fn current(state: &Shared, headers: &HeaderMap, now: i64) -> Result<Option<Current>, StoreError> {
    let cookie = cookies::value(headers, cookie_name(state.is_secure()));
    let Some(id) = cookie.and_then(|value| Id::from_str(value).ok()) else { return Ok(None) };
    let key = session_key(&id);
    let Some(row) = state.engine.store.load_session(&key, now).await? else { return Ok(None) };
    let remembered = Remembered::of(&row.data);
    Ok(Some(Current { key, id, row, remembered }))
}

/// A session that is to begin.
#[derive(Debug)]
pub struct Beginning<'a> {
    /// Whose it is.
    pub who: &'a SignedIn,
    /// The session of this browser until now.
    pub before: Option<Current>,
    /// The session at the provider; empty where there is none.
    pub sid: String,
    /// When they left for the provider, in seconds.
    pub begun_s: i64,
    /// What the provider wants to see when they sign out; nothing where it does not.
    pub hint: Option<&'a str>,
    /// They confirmed that it is them, for the plan with this hash.
    pub confirms: Option<String>,
}

/// Begins a session. Returns its id and the `Set-Cookie` line that holds it, or why it did not begin.
pub async fn begin(state: &Shared, new: Beginning<'_>, from: &CameFrom) -> Result<Result<(Id, HeaderValue), Begins>, StoreError> {
    let Beginning { who, before, sid, begun_s, hint, confirms } = new;
    let (lengths, now) = (state.config.auth.session, state.engine.clock.now_ms());
    let (mut since, mut absolute_until) = (now, now + i64::from(lengths.absolute_s) * 1_000);
    if let (Some(_), Some(before)) = (&confirms, &before) {
        // To confirm makes a session no longer.
        (since, absolute_until) = (before.row.created_at, before.row.absolute_until);
    }
    let id = Id::default();
    let mut held = Vec::new();
    let instead_of = match before {
        Some(before) => {
            let same = before.remembered.who.as_ref().map_or(who.issuer.is_empty(), |old| old.is(who));
            // What is refreshed while it moves would be left behind.
            held = still(state, &before.key).await?;
            let moved = if same { moved(state, &before, id).await? } else { Vec::new() };
            Some((before.key, moved))
        }
        None => None,
    };
    let action = if confirms.is_some() { "auth.step_up" } else { "auth.sign_in" };
    let hint = hint.and_then(|token| {
        let seal = Purpose::Hint { secret: &secret_of(&id) };
        state.engine.sealer.seal_text(token.as_bytes(), seal, "hint").ok()
    });
    let remembered = Remembered { since, who: (!who.issuer.is_empty()).then(|| who.clone()), hint: hint.unwrap_or_default() };
    let session = NewSession {
        key: session_key(&id),
        data: remembered.data(),
        person: who.person(),
        sid,
        begun_s,
        method: state.config.auth.mode.as_str(),
        address: from.address.clone(),
        agent: from.agent.clone(),
        now,
        began: since,
        idle_until: (now + i64::from(lengths.idle_s) * 1_000).min(absolute_until),
        absolute_until,
        most: lengths.per_person as usize,
        instead_of,
        confirmed: confirms.map(|hash| (hash, now + i64::from(lengths.step_up_s) * 1_000)),
        record: {
            let mut record = record(now, action, Some(who), from, "done", "");
            record.actor.signed_in.session = session_name(&session_key(&id));
            record
        },
    };
    let begins = state.engine.store.begin_session(&session).await;
    for family in held {
        state.engine.store.release_family(&family, 0).await?;
    }
    let begins = begins?;
    if begins != Begins::Begun {
        return Ok(Err(begins));
    }
    tracing::info!(target: "quartermaster::security", event = action, subject = %who.subject, issuer = %who.issuer, address = %from.address, request = %from.request);
    Ok(cookie(state, &id.to_string(), None).map(|line| (id, line)).ok_or(Begins::Ended))
}

/// The `Set-Cookie` line that ends a browser's session.
pub fn no_cookie(state: &Shared) -> Option<HeaderValue> {
    cookie(state, "", Some(0))
}

fn cookie(state: &Shared, value: &str, age_s: Option<u32>) -> Option<HeaderValue> {
    let secure = if state.is_secure() { "; Secure" } else { "" };
    let age = age_s.map_or_else(String::new, |age| format!("; Max-Age={age}"));
    let name = cookie_name(state.is_secure());
    HeaderValue::from_str(&format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{age}{secure}")).ok()
}

/// Holds the leases of a session's families, so that nobody refreshes them meanwhile; whoever does so already is waited for.
async fn still(state: &Shared, session: &[u8]) -> Result<Vec<Family>, StoreError> {
    const TRIES: u32 = 100;
    const LOOK: Duration = Duration::from_millis(100);
    const LEASE_MS: i64 = 20 * 1_000;
    let store = &state.engine.store;
    let mut held = Vec::new();
    for credential in store.credentials(session).await?.into_iter().filter(|held| !held.family.is_empty() && !held.is_lost) {
        for _ in 0..TRIES {
            let Some(family) = store.family(&credential.family).await? else { break };
            let now = state.engine.clock.now_ms();
            if family.is_lost || family.again_at > now {
                break;
            }
            if let Some(family) = store.lease_family(&family.id, family.generation, now, now + LEASE_MS).await? {
                held.push(family);
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    Ok(held)
}

/// The credentials of a session, sealed for another. What does not open is left behind.
async fn moved(state: &Shared, before: &Current, new: Id) -> Result<Vec<StoredCredential>, StoreError> {
    let stored = state.engine.store.credentials(&before.key).await?;
    let again = |held: StoredCredential| {
        let sealer = &state.engine.sealer;
        let (old, new) = (secret_of(&before.id), secret_of(&new));
        let secret = sealer.open(&held.sealed, &held.wrapped_key, Purpose::Session { secret: &old }, &held.tenant).ok()?;
        let sealed = sealer.seal(&secret, Purpose::Session { secret: &new }, &held.tenant).ok()?;
        Some(StoredCredential { sealed: sealed.sealed, wrapped_key: sealed.wrapped_key, ..held })
    };
    Ok(stored.into_iter().filter_map(again).collect())
}
