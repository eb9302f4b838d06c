//! What several rooms show alike: freshness, failures, loading, and the tenant in the address.

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use serde::{Deserialize, Serialize};

use super::me::may_not_change;
use crate::error::AppError;
use crate::ui::post::{Post, field};

/// How old what is shown is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fresh {
    /// When Qlik said it: `12:03:22 UTC`.
    pub at: String,
    /// Seconds since.
    pub age_s: i64,
    /// Why the newest attempt to read again failed.
    pub trouble: Option<AppError>,
    /// What could not be read whole or not be seen, as sentences.
    pub missing: Vec<String>,
    /// Licenses cannot be planned from this reading.
    pub licenses_off: bool,
}

impl Fresh {
    /// Whether changes of licenses are off: the tenant does not answer, or was not read whole.
    pub fn off(&self) -> bool {
        self.trouble.is_some() || self.licenses_off
    }
}

/// How far the first reading is. A figure of 0 is not known yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Rows read.
    pub done: i64,
    /// Rows there are, as far as is known.
    pub of: i64,
}

/// What a room has to show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Loaded<T> {
    /// It is there.
    Ready(Box<T>, Fresh),
    /// The first reading of the tenant is under way, and so much can be shown of it.
    Reading(Reading, Option<Box<T>>),
}

#[cfg(feature = "ssr")]
impl<T> Loaded<T> {
    /// Makes something else of what is there, which may take its time.
    pub async fn map<U, F: Future<Output = Result<U, AppError>>>(self, make: impl Fn(T) -> F) -> Result<Loaded<U>, AppError> {
        Ok(match self {
            Self::Ready(data, fresh) => Loaded::Ready(Box::new(make(*data).await?), fresh),
            Self::Reading(reading, Some(data)) => Loaded::Reading(reading, Some(Box::new(make(*data).await?))),
            Self::Reading(reading, None) => Loaded::Reading(reading, None),
        })
    }
}

/// The tenant in the address.
pub fn use_tenant() -> Memo<String> {
    let params = use_params_map();
    Memo::new(move |_| params.try_with(|params| params.get("tenant")).flatten().unwrap_or_default())
}

/// The value of a memo for a resource to read. A resource may be woken once more while its page is being left, when its
/// memos are gone already; whatever it reads then is thrown away.
pub fn live<T: Clone + Default + Send + Sync + 'static>(memo: Memo<T>) -> T {
    memo.try_get().unwrap_or_default()
}

/// Whether an action is under way. The action's own signals may be gone while its page is being left, by the very
/// redirect that it answered with; then it is not.
pub fn busy<S>(action: ServerAction<S>) -> impl Fn() -> bool + Copy + Send + Sync + 'static
where
    S: leptos::server_fn::ServerFn + Clone + Send + Sync + 'static,
    S::Output: Send + Sync + 'static,
    S::Error: Send + Sync + 'static,
{
    let pending = action.pending();
    move || pending.try_get().unwrap_or_default()
}

/// Whether a form that changes something cannot be sent now: its action is under way, changes are `off`, or the role of whoever looks
/// does not allow any.
pub fn shut<S>(action: ServerAction<S>, off: bool) -> impl Fn() -> bool + Copy + Send + Sync + 'static
where
    S: leptos::server_fn::ServerFn + Clone + Send + Sync + 'static,
    S::Output: Send + Sync + 'static,
    S::Error: Send + Sync + 'static,
{
    let off = off || may_not_change().is_some();
    let busy = busy(action);
    move || off || busy()
}

/// A part of the address by its name.
pub fn use_part(name: &'static str) -> Memo<String> {
    let params = use_params_map();
    Memo::new(move |_| params.try_with(|params| params.get(name)).flatten().unwrap_or_default())
}

/// Reads the tenant again.
#[server(endpoint = "refresh")]
pub async fn refresh(tenant: String) -> Result<(), AppError> {
    use crate::server::access::{Access, Viewer, refused};
    let access = Access::<Viewer>::to(&tenant).await?;
    access.refresh().await.map_err(refused)?;
    Ok(())
}

/// Goes up with every refresh, so that rooms read again.
#[derive(Clone, Copy)]
pub struct Refreshing(pub ServerAction<Refresh>, pub Signal<usize>);

impl Refreshing {
    /// How often was refreshed.
    pub fn version(self) -> usize {
        self.1.try_get().unwrap_or_default()
    }
}

/// An age in words, in steps that do not fidget.
fn ago(seconds: i64) -> String {
    match seconds {
        ..10 => "just now".to_owned(),
        s @ 10..120 => format!("{} s ago", s / 10 * 10),
        s => format!("{} min ago", s / 60),
    }
}

/// Seconds that go on in steps: as many as when the page was drawn, and more from there.
pub(super) fn ageing(from: i64, step_s: u32) -> RwSignal<i64> {
    let age = RwSignal::new(from);
    #[cfg(feature = "hydrate")]
    {
        // By the browser's own clock: timers rest while the page is not looked at.
        let since = || window().performance().map_or(0.0, |clock| clock.now());
        let start = since();
        #[expect(clippy::cast_possible_truncation, reason = "seconds since the page was drawn")]
        let tick = move || {
            let _ = age.try_set(from + ((since() - start) / 1_000.0) as i64);
        };
        if let Ok(handle) = set_interval_with_handle(tick, std::time::Duration::from_secs(step_s.into())) {
            on_cleanup(move || handle.clear());
        }
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = step_s;
    age
}

/// When Qlik said it, and the way to ask again.
#[component]
pub fn FreshLine(
    /// How old it is.
    fresh: Fresh,
) -> impl IntoView {
    let tenant = use_tenant();
    let refreshing = expect_context::<Refreshing>().0;
    let pending = busy(refreshing);
    let age = ageing(fresh.age_s, 5);
    let at = fresh.at;
    view! {
        <span class="num">{move || format!("Updated {at} ({})", ago(age.try_get().unwrap_or_default()))}</span>
        <Post action=refreshing input=|of| Refresh { tenant: field(of, "tenant") }>
            <input type="hidden" name="tenant" value=move || tenant.get()/>
            <button class="link" type="submit" disabled=pending>
                {move || if pending() { "Refreshing…" } else { "Refresh" }}
            </button>
        </Post>
    }
}

#[cfg(feature = "ssr")]
pub use ssr::{WAIT, as_of, look, look_so_far, refused_as_text};

#[cfg(test)]
mod tests {
    use super::ago;

    #[test]
    fn ages_are_told_in_steps() {
        assert_eq!(
            [0, 9, 10, 119, 120, 3_700].map(ago),
            ["just now", "just now", "10 s ago", "110 s ago", "2 min ago", "61 min ago"]
        );
    }
}

#[cfg(feature = "ssr")]
mod ssr {
    use std::sync::Arc;
    use std::time::Duration;

    use axum::http::StatusCode;
    use axum::response::{IntoResponse, Response};
    use engine::readings::{Latest, Snapshot};

    use super::{Fresh, Loaded, Reading};
    use crate::error::AppError;
    use crate::server::access::{Access, Role, refused};
    use crate::server::words::not_read;
    use engine::clock::date_time;

    /// A failure where there is no page to show it: text, and its status.
    pub fn refused_as_text(error: &AppError) -> Response {
        let status = StatusCode::from_u16(error.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, format!("{}. {}\n", error.what, error.why)).into_response()
    }

    /// What a file's name says of the age of what is in it: nothing where the newest reading is, else of when the last one was.
    pub fn as_of(read_at: i64, newest: bool) -> String {
        if newest { String::new() } else { format!("-as-of-{}", date_time(read_at).replace([' ', ':'], "-")) }
    }

    /// How long a page waits for a first reading before it shows how far that is.
    pub const WAIT: Duration = Duration::from_millis(1_500);

    /// Shows `view` of what is known of the tenant.
    pub async fn look<R: Role, T>(access: &Access<R>, view: impl FnOnce(&Arc<Snapshot>) -> T) -> Result<Loaded<T>, AppError> {
        let seen = access.latest(WAIT).await;
        shown(access, seen, false, view)
    }

    /// The same, and while the first reading is under way `view` of what it has so far.
    pub async fn look_so_far<R: Role, T>(
        access: &Access<R>,
        view: impl FnOnce(&Arc<Snapshot>) -> T,
    ) -> Result<Loaded<T>, AppError> {
        let seen = access.latest_so_far(WAIT).await;
        shown(access, seen, true, view)
    }

    fn shown<R: Role, T>(
        access: &Access<R>,
        seen: Latest,
        so_far: bool,
        view: impl FnOnce(&Arc<Snapshot>) -> T,
    ) -> Result<Loaded<T>, AppError> {
        match seen {
            Latest::Ready(snapshot, trouble) => {
                let age_s = (access.now() - snapshot.as_of).max(0) / 1_000;
                let coverage = &snapshot.inventory.coverage;
                let fresh = Fresh {
                    at: access.zone.time_of_day(snapshot.as_of),
                    age_s,
                    trouble: trouble.as_ref().map(not_read),
                    missing: coverage.sentences(),
                    licenses_off: !coverage.licenses.is_whole(),
                };
                Ok(Loaded::Ready(Box::new(view(&snapshot)), fresh))
            }
            Latest::Loading(progress, snapshot) => {
                let reading =
                    Reading { done: progress.users + progress.assignments, of: progress.users_of + progress.assignments_of };
                Ok(Loaded::Reading(reading, snapshot.filter(|_| so_far).map(|snapshot| Box::new(view(&snapshot)))))
            }
            Latest::Failed(fault) => Err(refused(not_read(&fault))),
        }
    }
}
