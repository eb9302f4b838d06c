//! Reads the trail for its page.

use engine::clock::{date_time, start_of};
use storage::{AuditEntry, AuditFilter};

use super::view::{Asked, AuditLine, AuditView};
use crate::error::AppError;
use crate::server::access::{Access, Viewer};

/// Events on a page.
const PAGE: usize = 100;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// What an address asks for, as the store is asked. A date that is none is told.
pub fn filter_of(asked: &Asked) -> Result<AuditFilter, AppError> {
    let day = |text: &str| match text {
        "" => Ok(None),
        text => start_of(text).map(Some).ok_or_else(|| {
            let text = domain::text::shortened(text);
            AppError::invalid("Unknown date", format!("“{text}” is not a date such as 2026-11-28."))
        }),
    };
    let Asked { actor, action, target, outcome, job, .. } = asked.clone();
    let until = day(&asked.to)?.map_or(0, |start| start + DAY_MS);
    Ok(AuditFilter { actor, action, target, outcome, from: day(&asked.from)?.unwrap_or(0), until, job })
}

pub async fn events(access: &Access<Viewer>, query: &str) -> Result<AuditView, AppError> {
    let asked = Asked::read(query);
    let (store, tenant) = (&access.state.engine.store, &access.tenant.id);
    // One more than is shown says whether there are older ones.
    let most = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let mut events = store.audit_events(tenant, &filter_of(&asked)?, asked.before.max(0), most).await?;
    let more = events.len() > PAGE;
    events.truncate(PAGE);
    let mut lines = Vec::with_capacity(events.len());
    for AuditEntry { seq, entry } in events {
        // The job as a whole says what came of its rows.
        let tally = if entry.action == "apply" {
            match store.job(tenant, &entry.job).await? {
                Some(job) => store.tallies(&[job]).await?.pop(),
                None => None,
            }
        } else {
            None
        };
        lines.push(AuditLine {
            seq,
            at: date_time(entry.at),
            actor: entry.actor.words,
            action: entry.action,
            target: entry.target,
            job: entry.job,
            outcome: entry.outcome,
            detail: entry.detail,
            tally,
        });
    }
    Ok(AuditView { lines, more })
}
