//! Connecting a session to a tenant, whatever with, and taking connections back.

use engine::Tenant;
use engine::backend::{Key, Person};
use engine::connection::{Held, Tokens, revoke};
use engine::jobs::wake;
use engine::seal::{Purpose, SealError};
use secrecy::SecretString;
use storage::{Actor, Connect, Family, NewAudit, Resealed, StoreError, StoredCredential, session_name};
use tower_sessions::session::Id;
use trail::Target;

use std::sync::Arc;

use super::auth::person::SignedIn;
use super::auth::trail::{CameFrom, recorded};
use super::sessions::{secret_of, session_key};
use super::state::Shared;
use crate::rank::Rank;

/// Who connects, in which session.
#[derive(Debug, Clone, Copy)]
pub struct Connecting<'a> {
    /// Who.
    pub who: &'a SignedIn,
    /// Their role in the portal.
    pub rank: Rank,
    /// Where from.
    pub from: &'a CameFrom,
    /// The session's id.
    pub session: Id,
}

/// Why nothing was kept.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    /// The session has ended meanwhile.
    #[error("the session has ended")]
    Ended,
    /// It cannot be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Connecting<'_> {
    /// Them as `me` at a tenant, as records tell it.
    pub fn actor(&self, me: &Person) -> Actor {
        let Self { who, rank, from, session } = self;
        let name = if who.issuer.is_empty() { "" } else { who.called() };
        let signed_in =
            trail::Actor { role: rank.word().to_owned(), session: session_name(&session_key(session)), ..recorded(who, from) };
        Actor::new(&who.person().principal(), name, &me.id, &me.name).who(signed_in)
    }
}

/// The family of new tokens of somebody.
pub fn family_of(tenant: &Tenant, tokens: &Tokens, me: &Person) -> Family {
    Family {
        id: tokens.family.clone(),
        tenant: tenant.id.clone(),
        qlik_user: me.id.clone(),
        qlik_name: me.name.clone(),
        generation: tokens.generation,
        expires_at: tokens.expires_at,
        again_at: 0,
        is_lost: false,
    }
}

/// Keeps what connects a session to a tenant, sealed, in place of what did before. Jobs that wait for this Qlik user go on.
pub async fn keep(state: &Shared, tenant: &Arc<Tenant>, by: Connecting<'_>, held: &Held, me: &Person) -> Result<(), NotKept> {
    let (engine, now) = (&state.engine, state.engine.clock.now_ms());
    let (key, secret) = (session_key(&by.session), secret_of(&by.session));
    let sealed = engine.sealer.seal(&held.text(), Purpose::Session { secret: &secret }, &tenant.id)?;
    let family = match held {
        Held::ApiKey(_) => None,
        Held::Tokens(tokens) => Some(family_of(tenant, tokens, me)),
    };
    let credential = StoredCredential {
        tenant: tenant.id.clone(),
        sealed: sealed.sealed,
        wrapped_key: sealed.wrapped_key,
        qlik_user: me.id.clone(),
        qlik_name: me.name.clone(),
        family: family.as_ref().map(|family| family.id.clone()).unwrap_or_default(),
        expires_at: None,
        is_lost: false,
    };
    engine.store.put_person(&by.who.person(), now).await?;
    let how = if family.is_some() { "Qlik sign-in" } else { "API key" };
    let line = record(&tenant.id, now, by.actor(me), "connect", by.from, how);
    let Connect::Kept { before } = engine.store.put_credential(&key, &credential, family.as_ref(), &line).await? else {
        return Err(NotKept::Ended);
    };
    let (subject, issuer, address) = (&by.who.subject, &by.who.issuer, &by.from.address);
    tracing::info!(
        target: "quartermaster::security", event = "credential.connected", tenant = %tenant.id, subject, issuer, address, how,
        request = %by.from.request
    );
    let opened = held.key(&me.id);
    let before = before.and_then(|stored| opened_tokens(state, &by.session, &stored));
    // It is kept: whatever fails from here on is no reason to say otherwise.
    if let Err(error) = hand_on(state, tenant, &opened, before, family.as_ref()).await {
        tracing::error!(%error, tenant = tenant.id, "jobs of a new connection wait until their Qlik user connects again");
    }
    // What an earlier key of the same user saw may not be what this one sees.
    engine.readings.forget(&tenant.id, &me.id);
    Ok(())
}

/// Lets the jobs go on that live by what the session had before, and those that wait for its Qlik user; takes back what it had.
async fn hand_on(
    state: &Shared,
    tenant: &Arc<Tenant>,
    opened: &Key,
    before: Option<Tokens>,
    family: Option<&Family>,
) -> Result<(), StoreError> {
    let engine = &state.engine;
    if let (Some(before), Some(family)) = (&before, family) {
        // Jobs that live by what this session had go on by what it has.
        let lend = |job: &str| {
            let sealed = engine.sealer.seal(opened.secret(), Purpose::Grant, job).ok()?;
            Some(Resealed { sealed: sealed.sealed, wrapped_key: sealed.wrapped_key })
        };
        engine.store.lend_instead(&before.family, family, lend).await?;
    }
    if let Some(before) = before {
        take_back(state, tenant, before).await?;
    }
    wake(engine, tenant, opened).await
}

/// A record that somebody connected or disconnected.
pub fn record(tenant: &str, at: i64, actor: Actor, action: &str, from: &CameFrom, how: &str) -> NewAudit {
    NewAudit {
        tenant: tenant.to_owned(),
        at,
        actor,
        action: action.to_owned(),
        target: Target::of("tenant", tenant, ""),
        request: from.request.clone(),
        outcome: "done".to_owned(),
        reason: how.to_owned(),
        ..NewAudit::default()
    }
}

/// The tokens that a session holds for a tenant, if it does.
pub async fn tokens_of(state: &Shared, session: &Id, tenant: &str) -> Result<Option<Tokens>, StoreError> {
    let stored = state.engine.store.credential(&session_key(session), tenant).await?;
    Ok(stored.and_then(|stored| opened_tokens(state, session, &stored)))
}

/// The tokens in a session's credential, if these are tokens and can be opened.
fn opened_tokens(state: &Shared, session: &Id, stored: &StoredCredential) -> Option<Tokens> {
    if stored.family.is_empty() {
        return None;
    }
    let purpose = Purpose::Session { secret: &secret_of(session) };
    let text = state.engine.sealer.open(&stored.sealed, &stored.wrapped_key, purpose, &stored.tenant).ok()?;
    if let Held::Tokens(tokens) = Held::read(&text) { Some(tokens) } else { None }
}

/// The tokens that a session holds for all tenants.
pub async fn all_tokens_of(state: &Shared, session: &Id) -> Result<Vec<(Arc<Tenant>, Tokens)>, StoreError> {
    let mut all = Vec::new();
    for tenant in state.engine.tenants.values().filter(|tenant| tenant.backend.signs_people_in()) {
        all.extend(tokens_of(state, session, &tenant.id).await?.map(|tokens| (tenant.clone(), tokens)));
    }
    Ok(all)
}

/// Takes tokens back at the tenant, meanwhile and afterwards. Those that jobs still live by end by themselves.
pub async fn take_back(state: &Shared, tenant: &Arc<Tenant>, tokens: Tokens) -> Result<(), StoreError> {
    if state.engine.store.is_lent(&tokens.family).await? {
        return Ok(());
    }
    let token: SecretString = tokens.refresh.unwrap_or(tokens.access);
    revoke(&state.engine, tenant, token);
    Ok(())
}
