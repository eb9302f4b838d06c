//! Why nobody was connected, as the page after signing in at a tenant tells it.

use axum::http::StatusCode;
use axum::response::Response;
use engine::fault::Fault;
use identity::Reason;
use storage::StoreError;

use super::super::login::{Login, Purpose};
use super::super::page::Page;
use super::super::trail::refused;
use super::{Asking, address};
use crate::server::connection::NotKept;
use crate::server::state::Shared;
use crate::ui::query::escape;

/// Why nobody was connected.
pub(super) enum Failed {
    /// It cannot be trusted.
    Refused(Reason),
    /// The tenant said no, in its own word.
    Tenant(String),
    /// The tenant is away.
    Unreachable(Fault),
    /// Somebody else confirmed, by name.
    Other(String),
    /// The session that asked is over.
    Ended,
    /// Our own database.
    Store(StoreError),
}

impl From<Reason> for Failed {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason)
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<NotKept> for Failed {
    fn from(error: NotKept) -> Self {
        match error {
            NotKept::Ended => Self::Ended,
            NotKept::Seal(_) => Self::Refused(Reason::LoginCookie),
            NotKept::Store(error) => Self::Store(error),
        }
    }
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        match &fault {
            Fault::Refused(refusal) if refusal.status < 500 => {
                Self::Tenant(if refusal.code.is_empty() { refusal.title.clone() } else { refusal.code.clone() })
            }
            _ => Self::Unreachable(fault),
        }
    }
}

/// The page where our own database fails.
pub(super) fn store_failed(error: &StoreError) -> Response {
    tracing::error!(%error, "the database does not answer");
    let text = vec!["Nothing was changed. Try again in a moment.".to_owned()];
    Page { title: "The database does not answer.", text, ..Page::default() }.answer(StatusCode::SERVICE_UNAVAILABLE)
}

/// Says why nobody was connected: one sentence, a reference, and the way to try again. A connection that was there stays.
pub(super) async fn told(state: &Shared, asking: &Asking, failed: Failed, login: Option<&Login>) -> Response {
    let reference = identity::secret::random().map(|text| text.chars().take(8).collect::<String>()).unwrap_or_default();
    let tenant = &asking.tenant.name;
    let confirms = login.is_some_and(|login| matches!(&login.purpose, Purpose::Errand(errand) if !errand.confirms.is_empty()));
    let back = login.map_or_else(|| format!("/t/{}/overview", asking.tenant.id), |login| login.back.clone());
    let job = login.and_then(|login| match &login.purpose {
        Purpose::Errand(errand) if !errand.job.is_empty() => Some(format!("&job={}", escape(&errand.job))),
        _ => None,
    });
    let again = match (confirms, job.unwrap_or_default()) {
        (true, _) => back,
        (false, job) => format!("{}?back={}{job}", address(&asking.tenant.id, "connect"), escape(&back)),
    };
    let links = vec![(again, "Try again")];
    let mut text = Vec::new();
    let (title, reason, status) = match failed {
        Failed::Refused(reason @ Reason::State) => (
            "This sign-in was begun in another browser, used before, or took too long. Begin again.".to_owned(),
            reason,
            StatusCode::BAD_REQUEST,
        ),
        Failed::Refused(reason @ (Reason::LoginCookie | Reason::ExpiredLogin | Reason::Replay)) => (
            "This sign-in was begun in another browser, used before, or took too long. Begin again.".to_owned(),
            reason,
            StatusCode::FORBIDDEN,
        ),
        Failed::Refused(reason) => {
            (format!("{tenant} sent something that cannot be trusted, so no connection was made."), reason, StatusCode::FORBIDDEN)
        }
        Failed::Tenant(word) => {
            let word: String = word.chars().filter(|c| !c.is_control()).take(200).collect();
            text.push(format!("It says: {word}"));
            (format!("{tenant} did not let you connect."), Reason::ProviderError, StatusCode::FORBIDDEN)
        }
        Failed::Other(name) => {
            (format!("It was not you who confirmed: signed in as {name}."), Reason::PersonChanged, StatusCode::FORBIDDEN)
        }
        Failed::Ended => {
            text.push("What you were writing is kept.".to_owned());
            ("Your session has ended.".to_owned(), Reason::PersonChanged, StatusCode::FORBIDDEN)
        }
        Failed::Unreachable(fault) => {
            tracing::warn!(%fault, tenant = asking.tenant.id, "the tenant cannot be reached");
            let title = format!("{tenant} cannot be reached. Try again in a moment.");
            return Page { title: &title, links, ..Page::default() }.answer(StatusCode::BAD_GATEWAY);
        }
        Failed::Store(error) => return store_failed(&error),
    };
    let action = if confirms { "auth.step_up.refused" } else { "credential.refused" };
    refused(state, action, reason, &asking.from, &reference).await;
    text.push(format!("Reference {reference}."));
    Page { title: &title, text, links, ..Page::default() }.answer(status)
}
