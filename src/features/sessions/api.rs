//! Server functions of the sessions room.

use leptos::prelude::*;

use super::view::SessionsView;
use crate::error::AppError;

/// Sessions and grants.
#[server(endpoint = "sessions/list")]
pub async fn sessions(tenant: String) -> Result<SessionsView, AppError> {
    use crate::server::access::{Access, Viewer, refused};
    let access = Access::<Viewer>::to(&tenant).await?;
    super::service::list(&access).await.map_err(refused)
}

/// Ends a session, on every replica, at once.
#[server(endpoint = "sessions/end")]
pub async fn end(tenant: String, name: String) -> Result<(), AppError> {
    use crate::server::access::{Access, Viewer, refused};
    let access = Access::<Viewer>::to(&tenant).await?;
    match super::service::end(&access, &name).await.map_err(refused)? {
        Some(lead) => crate::server::lead::go(&access.tenant.id, Ok(lead)),
        None => Ok(()),
    }
}

/// Takes a job's credential away; the job pauses.
#[server(endpoint = "sessions/withdraw")]
pub async fn withdraw(tenant: String, job: String) -> Result<(), AppError> {
    use crate::server::access::{Access, Operator, refused};
    let access = Access::<Operator>::to(&tenant).await?;
    super::service::withdraw(&access, &job).await.map_err(refused)
}
