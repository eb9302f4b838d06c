//! Checks, seals and forgets credentials.

use engine::seal::Purpose;
use storage::{Actor, NewAudit, StoredCredential};
use tower_sessions::session::Id;
use trail::Target;

use super::view::{ConnectFacts, TenantChoice};
use crate::error::{AppError, ErrorKind};
use crate::features::sessions::{own_grants, withdraw_grant};
use crate::server::access::{Access, Viewer, caller, known_tenant, session_id, state};
use crate::server::auth::trail::CameFrom;
use crate::server::keys::whose;
use crate::server::lead::Lead;
use crate::server::paths::own_path;
use crate::server::sessions::{secret_of, session_key};

pub async fn facts() -> Result<ConnectFacts, AppError> {
    let state = state();
    let session = caller().await?.session;
    let stored = match session_id(&session).await {
        Some(id) => state.engine.store.credentials(&session_key(&id)).await?,
        None => Vec::new(),
    };
    let tenants = state.engine.tenants.values().map(|tenant| TenantChoice {
        id: tenant.id.clone(),
        name: tenant.name.clone(),
        host: tenant.url.split_once("://").map_or("", |(_, host)| host).to_owned(),
        connected: stored.iter().any(|credential| credential.tenant == tenant.id),
    });
    Ok(ConnectFacts { tenants: tenants.collect(), demo_key: state.config.demo_key.clone() })
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
    let (secret, me) = whose(&state, &tenant, &key).await?;
    let now = state.engine.clock.now_ms();
    let id = begin_session(&caller.session, now).await?;
    let sealed =
        state.engine.sealer.seal(&secret, Purpose::Session { secret: &secret_of(&id) }, &tenant.id).map_err(session_failed)?;
    let credential = StoredCredential {
        tenant: tenant.id.clone(),
        sealed: sealed.sealed,
        wrapped_key: sealed.wrapped_key,
        qlik_user: me.id.clone(),
        qlik_name: me.name.clone(),
    };
    if !state.engine.store.put_credential(&session_key(&id), &credential, now).await? {
        return Err(AppError::signed_out("The key was not stored. Sign in again, then connect."));
    }
    // What an earlier key of the same user saw may not be what this one sees.
    state.engine.readings.forget(&tenant.id, &me.id);
    state.engine.store.put_person(&caller.signed_in.person(), now).await?;
    let actor = Actor::new(&caller.principal, &caller.name, &me.id, &me.name).who(caller.recorded(&session_key(&id)));
    let (subject, issuer, address) = (&caller.signed_in.subject, &caller.signed_in.issuer, &caller.from.address);
    tracing::info!(target: "quartermaster::security", event = "credential.connected", tenant = %tenant.id, subject, issuer, address);
    record(&tenant.id, now, actor, "connect", &caller.from).await?;
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
            record(tenant, state.engine.clock.now_ms(), actor, "disconnect", &caller.from).await?;
        }
        state.engine.store.delete_credential(&key, tenant).await?;
        // Whoever signed in stays signed in without a connection.
        if caller.signed_in.issuer.is_empty() && state.engine.store.credentials(&key).await?.is_empty() {
            session.flush().await.map_err(session_failed)?;
        }
    }
    Ok(Lead::Connect)
}

async fn record(tenant: &str, at: i64, actor: Actor, action: &str, from: &CameFrom) -> Result<(), AppError> {
    let line = NewAudit {
        tenant: tenant.to_owned(),
        at,
        actor,
        action: action.to_owned(),
        target: Target::of("tenant", tenant, ""),
        request: from.request.clone(),
        outcome: "done".to_owned(),
        reason: "API key".to_owned(),
        ..NewAudit::default()
    };
    state().engine.store.audit(&[line]).await.map_err(AppError::from)
}
