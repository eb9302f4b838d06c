//! Shows here what jobs did on another server of the same database: what is kept in memory of a tenant takes over what they changed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::journal::RowState;
use storage::{JobState, StoreError};

use crate::Engine;

/// How often to look.
const LOOK: Duration = Duration::from_secs(2);

/// Follows the trails of the tenants that something is kept of.
pub(crate) async fn run(engine: Arc<Engine>) {
    // How far each trail was followed, and which jobs are to be shown once they rest.
    let mut trails: HashMap<String, (i64, HashMap<String, i64>)> = HashMap::new();
    loop {
        tokio::time::sleep(LOOK).await;
        let kept = engine.readings.kept();
        trails.retain(|tenant, _| kept.contains_key(tenant));
        for (tenant, seen) in kept {
            let trail = trails.entry(tenant.clone()).or_insert_with(|| (seen, HashMap::new()));
            if let Err(error) = follow(&engine, &tenant, trail).await {
                tracing::warn!(%error, tenant, "what other servers did is not shown before the next reading");
            }
        }
    }
}

async fn follow(engine: &Arc<Engine>, tenant: &str, (at, waiting): &mut (i64, HashMap<String, i64>)) -> Result<(), StoreError> {
    let (end, jobs) = engine.store.jobs_of_trail(tenant, *at).await?;
    *at = end;
    waiting.extend(jobs);
    for job in waiting.keys().cloned().collect::<Vec<_>>() {
        let row = engine.store.job(tenant, &job).await?;
        // One that goes on is shown when it rests: a large tenant's table takes a second to build.
        if row.is_some_and(|row| !row.state.is_over() && row.state != JobState::Paused) {
            continue;
        }
        let Some(last) = waiting.remove(&job) else { continue };
        let upto = engine.store.audit_end(tenant).await?;
        let done = engine.store.journal(&job, &[RowState::Done], 0, i64::MAX).await?;
        let changes: Vec<_> = done.into_iter().map(|row| (row.change, row.made)).collect();
        let (engine, tenant) = (engine.clone(), tenant.to_owned());
        let _ = tokio::task::spawn_blocking(move || engine.readings.overlay(&tenant, &job, (last, upto), &changes)).await;
    }
    Ok(())
}
