//! A job's progress as a stream of server-sent events: the same to every browser, from the journal.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::extract::{Extension, Path};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::Stream;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use super::service::pulse_of;
use super::view::Pulse;
use crate::features::shared::refused_as_text as refused;
use crate::server::access::{Access, Caller, Viewer};
use crate::server::state::{AppState, Shared};

/// A stream ends after this long, so that whoever may not watch any more stops to; browsers come back by themselves.
const LONGEST: Duration = Duration::from_mins(5);
/// What another server of the same database does is seen after this long.
const LOOK: Duration = Duration::from_secs(2);
/// News is told at most this often.
const CALM: Duration = Duration::from_millis(200);

/// The routes of this room that are no pages.
pub fn routes(state: &Shared) -> Router<AppState> {
    Router::new().route("/events/{tenant}/jobs/{id}", get(watch)).layer(Extension(state.clone()))
}

async fn watch(
    Extension(state): Extension<Shared>,
    Extension(caller): Extension<Caller>,
    Path((tenant, id)): Path<(String, String)>,
) -> Response {
    let access = match Access::<Viewer>::of(state, caller, &tenant).await {
        Ok(access) => access,
        Err(error) => return refused(&error),
    };
    match pulse_of(&access, &id).await {
        Ok(pulse) => Sse::new(pulses(access, id, pulse)).keep_alive(KeepAlive::default()).into_response(),
        Err(error) => refused(&error),
    }
}

/// Where a stream is.
enum At {
    /// To tell this, then wait for more.
    Telling(Pulse),
    /// To wait for something else than this.
    Told(Pulse),
    /// Nothing comes any more.
    Over,
}

fn told(pulse: &Pulse) -> Event {
    // A pulse is plain data: it can always be written.
    Event::default().event("pulse").json_data(pulse).unwrap_or_default()
}

fn pulses(access: Access<Viewer>, id: String, first: Pulse) -> impl Stream<Item = Result<Event, Infallible>> {
    let (news, closing) = (access.state.engine.news.subscribe(), access.state.engine.closing.subscribe());
    let end = Instant::now() + LONGEST;
    futures::stream::unfold(
        (access, id, news, closing, At::Telling(first)),
        move |(access, id, mut news, mut closing, at)| async move {
            let before = match at {
                At::Over => return None,
                At::Telling(pulse) => {
                    let next = if pulse.over { At::Over } else { At::Told(pulse.clone()) };
                    return Some((Ok(told(&pulse)), (access, id, news, closing, next)));
                }
                At::Told(pulse) => pulse,
            };
            loop {
                if *closing.borrow() {
                    let going = Event::default().event("going-away").data("The server restarts.");
                    return Some((Ok(going), (access, id, news, closing, At::Over)));
                }
                if Instant::now() >= end {
                    return None;
                }
                tokio::select! {
                    _ = closing.changed() => continue,
                    () = tokio::time::sleep(LOOK) => {}
                    heard = news.recv() => match heard {
                        Ok(job) if *job != *id => continue,
                        Ok(_) | Err(RecvError::Lagged(_)) => tokio::time::sleep(CALM).await,
                        Err(RecvError::Closed) => return None,
                    },
                }
                // Whoever was signed out meanwhile hears nothing more.
                if !access.is_live().await {
                    return None;
                }
                match pulse_of(&access, &id).await {
                    Ok(pulse) if pulse != before => {
                        let next = if pulse.over { At::Over } else { At::Told(pulse.clone()) };
                        return Some((Ok(told(&pulse)), (access, id, news, closing, next)));
                    }
                    Ok(_) => {}
                    Err(error) => {
                        tracing::warn!(job = id, why = error.why, "a job's progress cannot be told");
                        return None;
                    }
                }
            }
        },
    )
}
