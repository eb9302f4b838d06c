//! Server functions of the sessions room. All but the last work without a connection to a tenant.

use leptos::prelude::*;

use super::view::SessionsView;
use crate::error::AppError;

/// Sessions: one's own; for an admin, everybody's. With a tenant that one is connected to, the keys that its jobs hold as well.
#[server(endpoint = "sessions/list")]
pub async fn sessions(#[server(default)] tenant: String) -> Result<SessionsView, AppError> {
    super::service::list(&tenant).await.map_err(crate::server::access::refused)
}

/// Ends a session, on every replica, at once.
#[server(endpoint = "sessions/end")]
pub async fn end(#[server(default)] tenant: String, name: String) -> Result<(), AppError> {
    match super::service::end(&tenant, &name).await.map_err(crate::server::access::refused)? {
        Some(lead) => crate::server::lead::go(&tenant, Ok(lead)),
        None => Ok(()),
    }
}

/// Ends all sessions of a person: one's own where nobody is named, this one among them.
#[server(endpoint = "sessions/end-all")]
pub async fn end_all(#[server(default)] tenant: String, #[server(default)] person: String) -> Result<(), AppError> {
    match super::service::end_all(&tenant, &person).await.map_err(crate::server::access::refused)? {
        Some(lead) => crate::server::lead::go(&tenant, Ok(lead)),
        None => Ok(()),
    }
}

/// Takes a job's credential away; the job pauses.
#[server(endpoint = "sessions/withdraw")]
pub async fn withdraw(tenant: String, job: String) -> Result<(), AppError> {
    use crate::server::access::{Access, Viewer, refused};
    let access = Access::<Viewer>::to(&tenant).await?;
    super::service::withdraw(&access, &job).await.map_err(refused)
}
