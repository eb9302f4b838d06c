//! Server functions of the jobs room.

use leptos::prelude::*;

use super::view::{JobLine, JobView};
use crate::error::AppError;

/// The tenant's newest jobs.
#[server(endpoint = "jobs/list")]
pub async fn jobs(tenant: String) -> Result<Vec<JobLine>, AppError> {
    use crate::server::access::{Access, Viewer};
    let access = Access::<Viewer>::to(&tenant).await?;
    super::service::recent(&access, 100).await
}

/// A job with a page of its rows.
#[server(endpoint = "jobs/one")]
pub async fn job(tenant: String, id: String, page: u32) -> Result<JobView, AppError> {
    use crate::server::access::{Access, Viewer};
    let access = Access::<Viewer>::to(&tenant).await?;
    super::service::view(&access, &id, page).await
}

/// Pauses, resumes or cancels a job.
#[server(endpoint = "jobs/steer")]
pub async fn steer(tenant: String, id: String, to: String) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator};
    let access = Access::<Operator>::to(&tenant).await?;
    super::service::steer(&access, &id, &to).await.map_err(crate::server::access::refused)
}

/// Hands a job over to the portal's own client of the tenant, which needs nobody's sign-in. Whoever asks has confirmed that it is them.
#[server(endpoint = "jobs/hand-over")]
pub async fn hand_over(tenant: String, id: String) -> Result<(), AppError> {
    use crate::server::access::{Access, Admin};
    let access = Access::<Admin>::to(&tenant).await?;
    super::service::hand_over(&access, &id).await.map_err(crate::server::access::refused)
}

/// Draws up a plan from a job's rows: `undo` what was done, or `retry` what was refused.
#[server(endpoint = "jobs/redo")]
pub async fn redo(tenant: String, id: String, what: String) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator};
    let access = Access::<Operator>::to(&tenant).await?;
    crate::server::lead::go(&access.tenant.id, super::service::redo(&access, &id, &what).await)
}
