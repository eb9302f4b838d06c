//! What the frame shows.

use leptos::prelude::*;

use super::view::{Found, FrameFacts};
use crate::error::AppError;

/// What the frame shows; waits a moment for a first reading, as its room does.
#[server(endpoint = "frame")]
pub async fn read_frame(tenant: String) -> Result<FrameFacts, AppError> {
    use crate::server::access::{Access, Viewer, refused};
    use engine::readings::Latest;
    let access = Access::<Viewer>::to(&tenant).await?;
    let state = &access.state;
    let (assignments, groups) = match access.latest(crate::features::shared::WAIT).await {
        Latest::Ready(snapshot, _) => {
            let of = &snapshot.inventory;
            // A figure that is not whole is no figure. Groups are counted as their page counts them, system groups apart.
            let own = of.groups.iter().filter(|group| group.provider != domain::inventory::Provider::System).count();
            (
                of.coverage.licenses.is_whole().then_some(domain::table::Rows::len(&*snapshot.table) as u64),
                of.coverage.groups.is_whole().then_some(own as u64),
            )
        }
        Latest::Loading(..) | Latest::Failed(_) => (None, None),
    };
    let jobs = state.engine.store.jobs(&access.tenant.id, 50).await.map_err(|error| refused(error.into()))?;
    let warn_s = state.config.auth.session.warn_s;
    Ok(FrameFacts {
        warn_in_s: crate::server::sessions::left_s(state).await.saturating_sub(warn_s),
        warn_s,
        tenant: access.tenant.name.clone(),
        host: access.tenant.url.split_once("://").map_or("", |(_, host)| host).to_owned(),
        qlik_name: access.qlik_name.clone(),
        others: state
            .engine
            .tenants
            .values()
            .filter(|other| other.id != access.tenant.id)
            .map(|other| (other.id.clone(), other.name.clone()))
            .collect(),
        assignments,
        groups,
        running: jobs.iter().filter(|job| !job.state.is_over()).count() as u64,
    })
}

/// Keeps the session alive, as any use does.
#[server(endpoint = "stay")]
pub async fn stay(tenant: String) -> Result<(), AppError> {
    use crate::server::access::{Access, Viewer};
    Access::<Viewer>::to(&tenant).await?;
    Ok(())
}

/// People, groups, roles, jobs and plans that fit what somebody types.
#[server(endpoint = "find")]
pub async fn find(tenant: String, text: String) -> Result<Vec<Found>, AppError> {
    use crate::server::access::{Access, Viewer, refused};
    let access = Access::<Viewer>::to(&tenant).await?;
    super::find::find(&access, &text).await.map_err(refused)
}
