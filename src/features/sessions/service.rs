//! Lists and ends what holds a credential. Whoever has the role admin sees and ends everybody's; others their own.

use storage::{Ended, Ending, GrantKind, JobRow, LiveSession, NewAudit, session_name};
use trail::Target;

use super::view::{GrantLine, SessionLine, SessionsView};
use crate::error::{AppError, ErrorKind};
use crate::rank::Rank;
use crate::server::access::{Access, Caller, Role, Viewer, caller, session_id, state};
use crate::server::auth::trail::record;
use crate::server::lead::Lead;
use crate::server::sessions::session_key;
use crate::server::state::Shared;

/// The key of the session that asks.
async fn own_key(caller: &Caller) -> Option<Vec<u8>> {
    session_id(&caller.session).await.map(|id| session_key(&id))
}

/// Whoever asks. Where nobody signs in, that is whoever has a session: the rest have nothing to see.
async fn asking() -> Result<Caller, AppError> {
    let caller = caller().await?;
    caller.must_have_session().await?;
    Ok(caller)
}

/// The sessions that somebody may see.
async fn visible(state: &Shared, caller: &Caller) -> Result<Vec<LiveSession>, AppError> {
    let whose = (caller.rank < Rank::Admin).then_some(caller.principal.as_str());
    Ok(state.engine.store.live_sessions(state.engine.clock.now_ms(), whose).await?)
}

pub async fn list(tenant: &str) -> Result<SessionsView, AppError> {
    let (state, caller) = (state(), asking().await?);
    let own = own_key(&caller).await;
    let signs_in = !caller.signed_in.issuer.is_empty();
    let (zone, tenants) = (&caller.zone, &state.engine.tenants);
    let line = |session: LiveSession| SessionLine {
        name: session_name(&session.key),
        person: if signs_in { session.name } else { String::new() },
        of: session.principal.clone(),
        own: session.principal == caller.principal,
        began: zone.date_time(session.created_at),
        used: zone.date_time(session.used_at),
        ends: zone.date_time(session.idle_until.min(session.absolute_until)),
        from: session.address,
        agent: session.agent,
        connected: session
            .connected
            .into_iter()
            .map(|(tenant, who)| {
                let tenant = tenants.get(&tenant).map_or(tenant, |known| known.name.clone());
                format!("{tenant} as {who}")
            })
            .collect(),
        this: own.as_ref() == Some(&session.key),
    };
    let sessions = visible(&state, &caller).await?.into_iter().map(line).collect();
    let grants = match Access::<Viewer>::find(tenant).await {
        Ok(access) => grants(&access).await?,
        // Without a connection to the tenant, its jobs are nobody's business here.
        Err(_) => Vec::new(),
    };
    let by_qlik = tenants.values().any(|tenant| tenant.backend.signs_people_in());
    Ok(SessionsView { sessions, grants, by_qlik, signs_in })
}

/// The keys that jobs of a tenant hold, as far as whoever asks may see them.
async fn grants(access: &Access<Viewer>) -> Result<Vec<GrantLine>, AppError> {
    let held = access.state.engine.store.live_grants(&access.tenant.id, access.now()).await?;
    let line = |(job, kind, ends): (JobRow, GrantKind, i64)| GrantLine {
        alone: kind != GrantKind::Lent,
        own: access.is_own(&job),
        job: job.id,
        title: job.title,
        author: job.author.words,
        state: job.state.as_str().to_owned(),
        ends: access.zone.date_time(ends),
    };
    Ok(held.into_iter().filter(|(job, ..)| access.is_own(job) || access.caller.rank >= Rank::Admin).map(line).collect())
}

/// Ends sessions, and writes it down: in the portal's own trail, and in that of the tenant from whose pages it was done.
async fn end_those(tenant: &str, ending: &Ending<'_>, target: &str, own: bool) -> Result<Vec<Ended>, AppError> {
    let (state, caller) = (state(), asking().await?);
    let from = &caller.from;
    let now = state.engine.clock.now_ms();
    let lines = |ended: &[Ended]| {
        let told = domain::text::count(i64::try_from(ended.len()).unwrap_or(i64::MAX), "session", "sessions");
        let line = record(now, "session.ended", Some(&caller.signed_in), from, "done", told);
        vec![NewAudit { target: Target::of("session", target, ""), ..line }]
    };
    let access = Access::<Viewer>::find(tenant).await.ok();
    // What somebody approved is worth no more once an admin ended their session.
    let store = &state.engine.store;
    let ended = if own {
        store.end_sessions(ending, now, lines).await?
    } else {
        store.end_sessions_of_another(ending, now, lines).await?
    };
    if let Some(access) = access {
        let line = access.record("end session", Target::of("session", target, ""));
        let line = NewAudit { reason: "keys deleted".to_owned(), ..line };
        store.audit(&[line]).await?;
    }
    tracing::info!(
        target: "quartermaster::security",
        event = "session.ended",
        subject = %caller.signed_in.subject,
        issuer = %caller.signed_in.issuer,
        address = %from.address, request = %from.request,
        sessions = ended.len()
    );
    Ok(ended)
}

pub async fn end(tenant: &str, name: &str) -> Result<Option<Lead>, AppError> {
    let (state, caller) = (state(), asking().await?);
    let sessions = visible(&state, &caller).await?;
    let Some(session) = sessions.into_iter().find(|session| session_name(&session.key) == name) else {
        return Err(AppError::new(ErrorKind::Conflict, "That session has ended", "Reload the page."));
    };
    end_those(tenant, &Ending::One(&session.key), name, session.principal == caller.principal).await?;
    Ok((own_key(&caller).await.as_ref() == Some(&session.key)).then(|| signed_out(&caller)))
}

/// Where whoever ended their own session is led to.
fn signed_out(caller: &Caller) -> Lead {
    if caller.signed_in.issuer.is_empty() { Lead::Connect } else { Lead::Path(crate::server::auth::SIGNED_OUT.to_owned()) }
}

pub async fn end_all(tenant: &str, person: &str) -> Result<Option<Lead>, AppError> {
    let caller = asking().await?;
    let own = person.is_empty() || person == caller.principal;
    if !own {
        caller.must_be(&state(), Rank::Admin).await?;
    }
    let person = if own { caller.principal.as_str() } else { person };
    end_those(tenant, &Ending::Everywhere(person), person, own).await?;
    Ok(own.then(|| signed_out(&caller)))
}

/// Jobs that hold a credential of this access' Qlik user.
pub async fn own_grants<R: Role>(access: &Access<R>) -> Result<Vec<JobRow>, AppError> {
    let grants = access.state.engine.store.live_grants(&access.tenant.id, access.now()).await?;
    Ok(grants.into_iter().map(|(job, ..)| job).filter(|job| access.is_own(job)).collect())
}

pub async fn withdraw<R: Role>(access: &Access<R>, job: &str) -> Result<(), AppError> {
    let gone = || AppError::new(ErrorKind::Conflict, "The job has no key", "It has finished, or its key was revoked before.");
    let store = &access.state.engine.store;
    let row = store.job(&access.tenant.id, job).await?.ok_or_else(gone)?;
    access.may_steer(&row)?;
    let reason = format!("{} revoked its key. Connect as the same Qlik user, then resume.", access.actor);
    if !engine::jobs::withdraw(&access.state.engine, &access.tenant, job, &reason).await? {
        return Err(gone());
    }
    let line = access.record("revoke key", Target::of("job", job, row.title));
    let line = NewAudit { job: job.to_owned(), reason: "the job pauses".to_owned(), ..line };
    store.audit(&[line]).await.map_err(AppError::from)
}
