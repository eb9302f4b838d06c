//! What the audit page shows.

use leptos::prelude::*;

use super::view::AuditLine;
use crate::error::AppError;

/// The newest lines before `before`; 0 for the newest of all.
#[server(endpoint = "audit")]
pub async fn audit(tenant: String, before: i64) -> Result<Vec<AuditLine>, AppError> {
    use crate::server::access::{Access, Viewer, refused};
    use engine::clock::date_time;
    let access = Access::<Viewer>::to(&tenant).await?;
    let trail = access
        .state
        .engine
        .store
        .audit_trail(&access.tenant.id, before.max(0), 100)
        .await
        .map_err(|error| refused(error.into()))?;
    Ok(trail
        .into_iter()
        .map(|line| AuditLine {
            seq: line.seq,
            at: date_time(line.entry.at),
            actor: line.entry.actor.words,
            action: line.entry.action,
            target: line.entry.target,
            job: line.entry.job,
            outcome: line.entry.outcome,
            detail: line.entry.detail,
        })
        .collect())
}
