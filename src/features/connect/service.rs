//! Checks, seals and forgets credentials.

use engine::connection::Held;
use storage::Actor;
use tower_sessions::session::Id;

use super::view::{ConnectFacts, TenantChoice};
use crate::error::{AppError, ErrorKind};
use crate::features::sessions::{own_grants, withdraw_grant};
use crate::server::access::{Access, Viewer, caller, known_tenant, session_id, state};
use crate::server::connection::{Connecting, NotKept, keep, record, take_back, tokens_of};
use crate::server::keys::whose;
use crate::server::lead::Lead;
use crate::server::paths::own_path;
use crate::server::sessions::session_key;
use crate::server::state::Shared;

pub async fn facts() -> Result<ConnectFacts, AppError> {
    let state = state();
    let session = caller().await?.session;
    let stored = match session_id(&session).await {
        Some(id) => state.engine.store.credentials(&session_key(&id)).await?,
        None => Vec::new(),
    };
    let tenants = state.engine.tenants.values().map(|tenant| {
        let held = stored.iter().find(|credential| credential.tenant == tenant.id);
        TenantChoice {
            id: tenant.id.clone(),
            name: tenant.name.clone(),
            host: tenant.url.split_once("://").map_or("", |(_, host)| host).to_owned(),
            connected: held.is_some(),
            lost: held.is_some_and(|held| held.is_lost),
            signs_in: tenant.backend.signs_people_in(),
            api_keys: takes_keys(&state, &tenant.id),
        }
    });
    Ok(ConnectFacts { tenants: tenants.collect(), demo_key: state.config.demo_key.clone() })
}

fn takes_keys(state: &Shared, tenant: &str) -> bool {
    state.config.tenants.get(tenant).is_some_and(|tenant| tenant.api_keys)
}

fn session_failed(error: impl std::fmt::Display) -> AppError {
    tracing::error!(%error, "the session failed");
    AppError::new(ErrorKind::Internal, "Could not save the session", "Nothing was stored. Try again, or see the server log.")
}

/// The session's id, of a session that is in the store.
async fn begin_session(session: &tower_sessions::Session, now: i64) -> Result<Id, AppError> {
    if let Some(id) = session_id(session).await {
        return Ok(id);
    }
    session.insert("since", now).await.map_err(session_failed)?;
    // Saved now, for the credential refers to it.
    session.save().await.map_err(session_failed)?;
    session.id().ok_or_else(|| session_failed("it has no id"))
}

pub async fn connect(tenant: &str, key: String, back: &str) -> Result<Lead, AppError> {
    let state = state();
    let caller = caller().await?;
    let tenant = known_tenant(&state, tenant)?;
    if !takes_keys(&state, &tenant.id) {
        return Err(AppError::invalid("This tenant takes no API keys here", "Sign in at Qlik instead."));
    }
    let (secret, me) = whose(&state, &tenant, &caller.signed_in, &key).await?;
    let now = state.engine.clock.now_ms();
    let id = begin_session(&caller.session, now).await?;
    let by = Connecting { who: &caller.signed_in, rank: caller.rank, from: &caller.from, session: id };
    keep(&state, &tenant, by, &Held::ApiKey(secret), &me).await.map_err(|error| match error {
        NotKept::Ended => AppError::signed_out("The key was not stored. Sign in again, then connect."),
        NotKept::Seal(error) => session_failed(error),
        NotKept::Store(error) => error.into(),
    })?;
    // Only a tenant's page is a way back from here.
    let back = own_path(back).filter(|back| back.starts_with("/t/"));
    Ok(Lead::Path(back.map_or_else(|| format!("/t/{}/overview", tenant.id), ToOwned::to_owned)))
}

pub async fn disconnect(tenant: &str, jobs: &str) -> Result<Lead, AppError> {
    // Where the session has no key any more there is nothing to ask about, and nothing left to forget but the session.
    if let Ok(access) = Access::<Viewer>::find(tenant).await {
        let held = own_grants(&access).await?;
        match jobs {
            "go-on" => {}
            "pause" => {
                for job in &held {
                    withdraw_grant(&access, &job.id).await?;
                }
            }
            _ if held.is_empty() => {}
            _ => {
                return Ok(Lead::Leaving);
            }
        }
    }
    let state = state();
    let caller = caller().await?;
    let session = caller.session.clone();
    if let Some(id) = session_id(&session).await {
        let key = session_key(&id);
        if let Some(stored) = state.engine.store.credential(&key, tenant).await? {
            let actor =
                Actor::new(&caller.principal, &caller.name, &stored.qlik_user, &stored.qlik_name).who(caller.recorded(&key));
            let how = if stored.family.is_empty() { "API key" } else { "Qlik sign-in" };
            let line = record(tenant, state.engine.clock.now_ms(), actor, "disconnect", &caller.from, how);
            state.engine.store.audit(&[line]).await?;
        }
        let tokens = tokens_of(&state, &id, tenant).await?;
        state.engine.store.delete_credential(&key, tenant).await?;
        if let (Some(tokens), Ok(tenant)) = (tokens, known_tenant(&state, tenant)) {
            take_back(&state, &tenant, tokens).await?;
        }
        // Whoever signed in stays signed in without a connection.
        if caller.signed_in.issuer.is_empty() && state.engine.store.credentials(&key).await?.is_empty() {
            session.flush().await.map_err(session_failed)?;
        }
    }
    Ok(Lead::Connect)
}
