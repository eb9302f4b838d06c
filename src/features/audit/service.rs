//! Reads the trail for its page.

use std::collections::HashMap;

use domain::journal::Tally;
use engine::readings::Latest;
use storage::{AuditEntry, AuditFilter};

use super::details::{details, sides};
use super::view::{Asked, AuditLine, AuditView, EventView};
use crate::error::AppError;
use crate::server::access::{Access, Role, Viewer};
use crate::server::zone::Zone;

/// Events on a page.
const PAGE: usize = 100;

/// What an address asks for, as the store is asked. A date that is none is told.
pub fn filter_of(asked: &Asked, zone: &Zone) -> Result<AuditFilter, AppError> {
    let day = |text: &str| match text {
        "" => Ok(None),
        text => zone.day(text).map(Some).ok_or_else(|| {
            let text = domain::text::shortened(text);
            AppError::invalid("Unknown date", format!("“{text}” is not a date such as 2026-11-28."))
        }),
    };
    let Asked { actor, action, target, outcome, job, .. } = asked.clone();
    let from = day(&asked.from)?.map_or(0, |(start, _)| start);
    let until = day(&asked.to)?.map_or(0, |(_, end)| end);
    if until > 0 && from >= until {
        return Err(AppError::invalid("No such days", "The first day is after the last. Swap them."));
    }
    Ok(AuditFilter { actor, action, target, outcome, from, until, job, rows: false })
}

/// Names of the tenant's roles by id, as far as they are known now.
pub async fn role_names<R: Role>(access: &Access<R>) -> HashMap<String, String> {
    match access.latest(std::time::Duration::ZERO).await {
        Latest::Ready(snapshot, _) => {
            snapshot.inventory.roles.iter().map(|role| (role.id.to_string(), role.name.clone())).collect()
        }
        Latest::Loading(..) | Latest::Failed(_) => HashMap::new(),
    }
}

/// Everything that one record says.
pub async fn event(access: &Access<Viewer>, seq: i64) -> Result<EventView, AppError> {
    let found = access.state.engine.store.audit_record(&access.tenant.id, seq).await?;
    let Some(AuditEntry { record, text, hash, .. }) = found else {
        return Err(AppError::not_found("Event not found", "The address may be wrong. See the list of events."));
    };
    let roles = role_names(access).await;
    let actor = &record.actor;
    let status = if record.qlik.status == 0 { String::new() } else { record.qlik.status.to_string() };
    let row = record.row.map_or_else(String::new, |row| (row + 1).to_string());
    let facts = [
        ("When", access.zone.date_time(record.at)),
        ("Actor", actor.name.clone()),
        ("On behalf of", record.behalf.clone()),
        ("Role", actor.role.clone()),
        ("Signed in by", actor.method.clone()),
        ("Issuer", actor.issuer.clone()),
        ("Subject", actor.subject.clone()),
        ("Qlik user", actor.qlik_user.clone()),
        ("Session", actor.session.clone()),
        ("Address", actor.address.clone()),
        ("Request", record.request.clone()),
        ("Target id", record.target.id.clone()),
        ("Row", row),
        ("Qlik status", status),
        ("Qlik code", record.qlik.code.clone()),
        ("Qlik trace", record.qlik.trace.clone()),
        ("Reason", record.reason.clone()),
        ("Record", record.id.clone()),
    ];
    let facts = facts.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.to_owned(), value));
    Ok(EventView {
        facts: facts.collect(),
        sides: sides(&record.before, &record.after, &roles),
        target: record.target.words().to_owned(),
        action: record.action,
        outcome: record.outcome,
        job: record.job,
        plan: record.plan,
        text,
        hash: hash.to_string(),
    })
}

pub async fn events(access: &Access<Viewer>, query: &str) -> Result<AuditView, AppError> {
    let asked = Asked::read(query);
    let (store, tenant) = (&access.state.engine.store, &access.tenant.id);
    // One more than is shown says whether there are older ones.
    let most = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let mut events = store.audit_events(tenant, &filter_of(&asked, &access.zone)?, asked.before.max(0), most).await?;
    let more = events.len() > PAGE;
    events.truncate(PAGE);
    let roles = role_names(access).await;
    // A job as a whole says what came of its rows; those of a page are counted together.
    let mut jobs = Vec::new();
    for event in events.iter().filter(|event| event.record.action == "apply") {
        jobs.extend(store.job(tenant, &event.record.job).await?);
    }
    let tallies = store.tallies(&jobs).await?;
    let tallies: HashMap<String, Tally> = jobs.into_iter().map(|job| job.id).zip(tallies).collect();
    let line = |AuditEntry { seq, record, .. }: AuditEntry| AuditLine {
        seq,
        at: access.zone.date_time(record.at),
        tally: tallies.get(&record.job).copied().filter(|_| record.action == "apply"),
        detail: details(&record, &roles),
        actor: record.actor.name,
        target: record.target.words().to_owned(),
        action: record.action,
        job: record.job,
        outcome: record.outcome,
    };
    Ok(AuditView { lines: events.into_iter().map(line).collect(), more })
}
