//! Lists and ends what holds a credential.

use storage::{JobRow, LiveSession, NewAudit};

use super::view::{GrantLine, SessionLine, SessionsView};
use crate::error::{AppError, ErrorKind};
use crate::server::access::{Access, Operator, Role, Viewer, caller, session_id};
use crate::server::lead::Lead;
use crate::server::sessions::session_key;

/// What a session is called on the page: enough of its key's hash to tell it from others, too little to use.
fn name_of(key: &[u8]) -> String {
    key.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The key of the session that asks.
async fn own_key() -> Result<Option<Vec<u8>>, AppError> {
    let session = caller().await?.session;
    Ok(session_id(&session).await.map(|id| session_key(&id)))
}

pub async fn list(access: &Access<Viewer>) -> Result<SessionsView, AppError> {
    let own = own_key().await?;
    let state = &access.state;
    let now = access.now();
    // Whoever reaches this portal without a sign-in is one and the same person, so all sessions are theirs.
    let sessions = state.engine.store.live_sessions(now).await?;
    let line = |session: LiveSession| SessionLine {
        name: name_of(&session.key),
        began: access.zone.date_time(session.created_at),
        ends: access.zone.date_time(session.idle_until.min(session.absolute_until)),
        connected: session
            .connected
            .into_iter()
            .map(|(tenant, who)| {
                let tenant = state.engine.tenants.get(&tenant).map_or(tenant, |known| known.name.clone());
                format!("{tenant} as {who}")
            })
            .collect(),
        this: own.as_ref() == Some(&session.key),
    };
    let grants = state.engine.store.live_grants(&access.tenant.id, now).await?;
    let grant = |(job, ends): (JobRow, i64)| GrantLine {
        own: job.qlik_user == access.qlik_user(),
        job: job.id,
        title: job.title,
        author: job.author.words,
        state: job.state.as_str().to_owned(),
        ends: access.zone.date_time(ends),
    };
    Ok(SessionsView { sessions: sessions.into_iter().map(line).collect(), grants: grants.into_iter().map(grant).collect() })
}

async fn record<R: Role>(access: &Access<R>, action: &str, target: &str, job: &str, detail: &str) -> Result<(), AppError> {
    let line = NewAudit {
        tenant: access.tenant.id.clone(),
        at: access.now(),
        actor: access.actor.clone(),
        action: action.to_owned(),
        target: target.to_owned(),
        job: job.to_owned(),
        outcome: "done".to_owned(),
        detail: detail.to_owned(),
        ..NewAudit::default()
    };
    access.state.engine.store.audit(&[line]).await.map_err(AppError::from)
}

pub async fn end(access: &Access<Viewer>, name: &str) -> Result<Option<Lead>, AppError> {
    let store = &access.state.engine.store;
    let sessions = store.live_sessions(access.now()).await?;
    let Some(session) = sessions.into_iter().find(|session| name_of(&session.key) == name) else {
        return Err(AppError::new(ErrorKind::Conflict, "That session has ended", "Reload the page."));
    };
    let own = own_key().await?;
    record(access, "end session", name, "", "keys deleted").await?;
    store.revoke_session(&session.key, access.now()).await?;
    Ok((own.as_ref() == Some(&session.key)).then_some(Lead::Connect))
}

/// Jobs that hold a credential of this access' Qlik user.
pub async fn own_grants<R: Role>(access: &Access<R>) -> Result<Vec<JobRow>, AppError> {
    let grants = access.state.engine.store.live_grants(&access.tenant.id, access.now()).await?;
    Ok(grants.into_iter().map(|(job, _)| job).filter(|job| job.qlik_user == access.qlik_user()).collect())
}

pub async fn withdraw(access: &Access<Operator>, job: &str) -> Result<(), AppError> {
    let reason = format!("{} revoked its key. Connect as the same Qlik user, then resume.", access.actor);
    let done = access.state.engine.store.withdraw_grant(&access.tenant.id, job, &reason).await?;
    if !done {
        return Err(AppError::new(ErrorKind::Conflict, "The job has no key", "It has finished, or its key was revoked before."));
    }
    record(access, "revoke key", job, job, "the job pauses").await
}
