//! What the sessions room shows, as it goes to the browser.

use serde::{Deserialize, Serialize};

/// A session that lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionLine {
    /// Names it here; not its id, which only its browser knows.
    pub name: String,
    /// Whose it is; empty where nobody signs in.
    pub person: String,
    /// Their id among the portal's users.
    pub of: String,
    /// It is of the person that asks.
    pub own: bool,
    /// When it began.
    pub began: String,
    /// When it was used last, to the minute.
    pub used: String,
    /// When it ends by itself.
    pub ends: String,
    /// From where it was begun, and with which program; empty where nobody signs in.
    pub from: String,
    pub agent: String,
    /// What it is connected to: tenant and Qlik user.
    pub connected: Vec<String>,
    /// The one that asks.
    pub this: bool,
}

/// A job's own credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantLine {
    /// It has a connection of its own, and goes on without its author.
    pub alone: bool,
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
    /// It was asked for by the person that asks, or acts as the Qlik user that this session is connected as.
    pub own: bool,
}

/// Where the portal holds credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionsView {
    /// Sessions, the newest first.
    pub sessions: Vec<SessionLine>,
    /// Grants of this tenant's jobs, the newest first.
    pub grants: Vec<GrantLine>,
    /// People connect by signing in at a tenant.
    pub by_qlik: bool,
    /// People sign in to the portal.
    pub signs_in: bool,
}
