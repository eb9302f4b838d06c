//! Server functions of the sessions room.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::AppError;

/// A session that lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionLine {
    /// Names it here; not its id, which only its browser knows.
    pub name: String,
    /// When it began.
    pub began: String,
    /// When it ends by itself.
    pub ends: String,
    /// What it is connected to: tenant and Qlik user.
    pub connected: Vec<String>,
    /// The one that asks.
    pub this: bool,
}

/// A job's own credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantLine {
    /// The job.
    pub job: String,
    /// What it does.
    pub title: String,
    /// Who started it.
    pub author: String,
    /// Where it stands.
    pub state: String,
    /// When the credential ends.
    pub ends: String,
    /// It acts as the Qlik user that this session is connected as.
    pub own: bool,
}

/// Where the portal holds credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionsView {
    /// Sessions, the newest first.
    pub sessions: Vec<SessionLine>,
    /// Grants of this tenant's jobs, the newest first.
    pub grants: Vec<GrantLine>,
}

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
