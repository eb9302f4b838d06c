//! What several rooms show alike: freshness, failures, loading, and the tenant in the address.

use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_params_map};
use serde::{Deserialize, Serialize};

use crate::error::{AppError, ErrorKind};
use crate::ui::copy::CopyId;
use crate::ui::feedback::{Note, ProgressBar};
use crate::ui::query::escape;

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

/// Whether a form cannot be sent now: its action is under way, or changes are `off`.
pub fn shut<S>(action: ServerAction<S>, off: bool) -> impl Fn() -> bool + Copy + Send + Sync + 'static
where
    S: leptos::server_fn::ServerFn + Clone + Send + Sync + 'static,
    S::Output: Send + Sync + 'static,
    S::Error: Send + Sync + 'static,
{
    let busy = busy(action);
    move || off || busy()
}

/// Where a browser keeps the selection of the assignments table while its plan is looked at.
pub fn selection_key(tenant: &str) -> String {
    format!("quartermaster-selection-{tenant}")
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

/// An age that goes on: as it was when the page was drawn, and older from there.
fn ageing(from: i64) -> RwSignal<i64> {
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
        if let Ok(handle) = set_interval_with_handle(tick, std::time::Duration::from_secs(5)) {
            on_cleanup(move || handle.clear());
        }
    }
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
    let age = ageing(fresh.age_s);
    let at = fresh.at;
    view! {
        <span class="num">{move || format!("Updated {at} ({})", ago(age.try_get().unwrap_or_default()))}</span>
        <ActionForm action=refreshing>
            <input type="hidden" name="tenant" value=move || tenant.get()/>
            <button class="link" type="submit" disabled=pending>
                {move || if pending() { "Refreshing…" } else { "Refresh" }}
            </button>
        </ActionForm>
    }
}

/// A page's own condition: why what is shown is not the newest.
#[component]
pub fn Trouble(
    /// The failure of the newest reading.
    trouble: Option<AppError>,
) -> impl IntoView {
    trouble.map(|error| {
        view! {
            <Note tone="warn" title="Showing the last known data. Changes are disabled until the tenant responds.">
                {error.why.clone()}
                <QlikDetails error/>
            </Note>
        }
    })
}

/// A page's own condition: what of the tenant could not be read whole, with both numbers.
#[component]
pub fn Missing(
    /// As sentences; nothing where all is there.
    sentences: Vec<String>,
    /// Changes of licenses are off until it is.
    off: bool,
) -> impl IntoView {
    (!sentences.is_empty()).then(|| {
        let title = if off {
            "The tenant could not be loaded completely. License changes are disabled until it is."
        } else {
            "The tenant was not loaded completely."
        };
        view! {
            <Note tone="warn" title>
                {sentences.join(" ")}" Something that is missing here may exist. Refresh to load again."
            </Note>
        }
    })
}

/// A failure where the content would be.
#[component]
pub fn ErrorPanel(
    /// The failure.
    error: AppError,
) -> impl IntoView {
    let tenant = use_tenant();
    let connect = (error.kind == ErrorKind::NotConnected || error.kind == ErrorKind::Forbidden).then(|| {
        // A page that is loaded anew: what this one remembers is of a session that is over.
        let here = use_location();
        let href = move || {
            let back = format!(
                "{}{}",
                here.pathname.try_get().unwrap_or_default(),
                here.search
                    .try_with(|search| if search.is_empty() { String::new() } else { format!("?{search}") })
                    .unwrap_or_default()
            );
            format!("/connect?tenant={}&back={}", tenant.get(), escape(&back))
        };
        view! { <p><a class="button" href=href rel="external">"Use a different key"</a></p> }
    });
    view! {
        <div class="note bad" role="alert">
            <span class="dot bad" aria-hidden="true"></span>
            <div><b>{format!("{}.", error.what)}</b>" "{error.why.clone()}<QlikDetails error/>{connect}</div>
        </div>
    }
}

/// What Qlik said, one click away.
#[component]
pub fn QlikDetails(
    /// The failure.
    error: AppError,
) -> impl IntoView {
    error.qlik.map(|says| {
        view! {
            <details class="says">
                <summary>"Qlik's response"</summary>
                <code>{format!("{} {} {}", says.status, says.code, says.title)}</code>
                {(!says.trace.is_empty()).then(|| view! { <span class="muted">"Trace ID "<CopyId text=says.trace/></span> })}
            </details>
        }
    })
}

/// Shows what a room has, or how far it is, or why it has nothing.
pub fn show<T, V>(
    got: Result<Loaded<T>, AppError>,
    again: impl Fn() + Clone + Send + Sync + 'static,
    ready: impl FnOnce(T, Fresh) -> V,
) -> AnyView
where
    V: IntoView + 'static,
{
    match got {
        Ok(Loaded::Ready(data, fresh)) => {
            let (trouble, sentences, off) = (fresh.trouble.clone(), fresh.missing.clone(), fresh.licenses_off);
            view! { <Trouble trouble/><Missing sentences off/>{ready(*data, fresh)} }.into_any()
        }
        Ok(Loaded::Reading(reading, _)) => view! { <StillReading reading again/> }.into_any(),
        Err(error) => view! { <ErrorPanel error/> }.into_any(),
    }
}

/// The first reading, with what it has so far; looks again by itself where scripts run.
#[component]
pub fn StillReading(
    /// How far it is.
    reading: Reading,
    /// Looks again.
    again: impl Fn() + Clone + Send + Sync + 'static,
) -> impl IntoView {
    look_again(again);
    let of = if reading.of > 0 { format!(" of about {}", domain::text::thousands(reading.of)) } else { String::new() };
    let (now, max) = (u64::try_from(reading.done).unwrap_or(0), u64::try_from(reading.of.max(reading.done)).unwrap_or(0));
    view! {
        <section class="reading" aria-busy="true">
            <p role="status">{format!("Loading tenant: {}{of} rows.", domain::text::thousands(reading.done))}</p>
            <ProgressBar label="Rows loaded" now max/>
            <p class="muted small">"Continues in the background. "<a href="">"Refresh"</a></p>
        </section>
    }
}

/// The first reading beside the heading, where its age will stand: what it has so far is shown below, and nothing moves
/// when it is done.
#[component]
pub fn ReadingLine(
    /// How far it is.
    reading: Reading,
    /// Looks again.
    again: impl Fn() + Clone + Send + Sync + 'static,
) -> impl IntoView {
    look_again(again);
    let (done, of) = (u64::try_from(reading.done).unwrap_or(0), u64::try_from(reading.of.max(reading.done)).unwrap_or(0));
    view! {
        <span class="num" role="status">{format!("Loading tenant: {} of about {} rows", domain::text::thousands(reading.done), domain::text::thousands(reading.of))}</span>
        <ProgressBar label="Rows loaded" now=done max=of/>
    }
}

/// Looks again soon, where scripts run.
fn look_again(again: impl Fn() + Clone + Send + Sync + 'static) {
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| crate::ui::scope::Scope::here().later(std::time::Duration::from_millis(500), again.clone()));
    #[cfg(not(feature = "hydrate"))]
    let _ = again;
}

/// What the newest try of an action came to, if it failed.
#[component]
pub fn Failed<T: Clone + Send + Sync + 'static>(
    /// The action's value.
    #[prop(into)]
    of: Signal<Option<Result<T, AppError>>>,
) -> impl IntoView {
    move || {
        of.try_with(|value| value.as_ref().and_then(|value| value.as_ref().err().cloned()))
            .flatten()
            .map(|error| view! { <ErrorPanel error/> })
    }
}

#[cfg(feature = "ssr")]
pub use ssr::{WAIT, look, look_so_far, refused_as_text};

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
    use engine::clock::time_of_day;
    use engine::readings::{Latest, Snapshot};

    use super::{Fresh, Loaded, Reading};
    use crate::error::AppError;
    use crate::server::access::{Access, Role, refused};
    use crate::server::words::not_read;

    /// A failure where there is no page to show it: text, and its status.
    pub fn refused_as_text(error: &AppError) -> Response {
        let status = StatusCode::from_u16(error.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, format!("{}. {}\n", error.what, error.why)).into_response()
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
        let seen = access.state.engine.readings.get_partial(&access.source(), WAIT).await;
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
                    at: time_of_day(snapshot.as_of),
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
