//! What a room says while it has not all it should show: still loading, last known, not whole, failed. It stands under the
//! heading, in the same place in every room, and offers the one thing that helps.

use domain::text::thousands;
use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::shared::{Fresh, FreshLine, Loaded, Reading, Refresh, Refreshing, ageing, busy, live, use_tenant};
use crate::error::{AppError, ErrorKind, Remedy};
use crate::ui::copy::CopyId;
use crate::ui::feedback::{Note, ProgressBar};
use crate::ui::head::Head;
use crate::ui::post::{Post, field};
use crate::ui::query::escape;

/// Shows a room: its heading, then what is wrong with what it shows, then what it has, or how far it is, or why it has nothing.
pub fn show<T, V>(
    got: Result<Loaded<T>, AppError>,
    again: impl Fn() + Clone + Send + Sync + 'static,
    // Of what is there, or without it.
    heading: impl FnOnce(Option<&T>) -> String,
    ready: impl FnOnce(T, Fresh) -> V,
) -> AnyView
where
    V: IntoView + 'static,
{
    match got {
        Ok(Loaded::Ready(data, fresh)) => {
            let title = heading(Some(&data));
            let (trouble, sentences, off) = (fresh.trouble.clone(), fresh.missing.clone(), fresh.licenses_off);
            let age = fresh.clone();
            view! {
                <Head title><FreshLine fresh=age/></Head>
                <Trouble trouble/><Missing sentences off/>
                {ready(*data, fresh)}
            }
            .into_any()
        }
        Ok(Loaded::Reading(reading, _)) => view! { <Head title=heading(None)/><StillReading reading again/> }.into_any(),
        Err(error) => failed(heading(None), error, again),
    }
}

/// A room that has nothing to show, and why.
pub fn failed(title: impl Into<String>, error: AppError, again: impl Fn() + Clone + Send + Sync + 'static) -> AnyView {
    let title = title.into();
    view! { <Head title/><NotShown error again/> }.into_any()
}

/// Why what belongs here is not shown, and the way to try again.
#[component]
pub fn NotShown(
    /// The failure.
    error: AppError,
    /// Loads it again.
    again: impl Fn() + Clone + Send + Sync + 'static,
) -> impl IntoView {
    let retry = (error.kind.remedy() == Remedy::Again).then(|| {
        let left = ageing(0, 1);
        let wait = i64::from(error.wait_s);
        let said = move || retry_in(wait - left.try_get().unwrap_or_default());
        // Without scripts it is a link to this page.
        let pressed = move |event: leptos::ev::MouseEvent| {
            event.prevent_default();
            again();
        };
        view! { <p><a class="button" href="" on:click=pressed>{said}</a></p> }
    });
    view! { <Panel error>{retry}</Panel> }
}

fn retry_in(seconds: i64) -> String {
    if seconds > 0 { format!("Retry in {seconds} s") } else { "Retry".to_owned() }
}

/// Where what is shown is not the newest, why, and what helps.
#[component]
pub fn Trouble(
    /// The failure of the newest reading.
    trouble: Option<AppError>,
) -> impl IntoView {
    let tenant = use_tenant();
    trouble.map(|error| {
        let helps = match error.kind.remedy() {
            Remedy::OtherKey => view! { <OtherKey kind=error.kind/> }.into_any(),
            Remedy::SignIn | Remedy::StepUp | Remedy::Again | Remedy::None => {
                let refreshing = expect_context::<Refreshing>().0;
                let (pending, left) = (busy(refreshing), ageing(0, 1));
                let wait = i64::from(error.wait_s);
                let said = move || {
                    if pending() { "Retrying…".to_owned() } else { retry_in(wait - left.try_get().unwrap_or_default()) }
                };
                view! {
                    <Post action=refreshing input=|of| Refresh { tenant: field(of, "tenant") }>
                        <input type="hidden" name="tenant" value=move || live(tenant)/>
                        <p><button class="button" type="submit" disabled=pending>{said}</button></p>
                    </Post>
                }
                .into_any()
            }
        };
        view! {
            <Note tone="warn" title="Showing the last known data. Changes are disabled until the tenant responds.">
                {error.why.clone()}
                <QlikDetails error/>
                {helps}
            </Note>
        }
    })
}

/// What of the tenant could not be read whole, with both numbers.
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
                {sentences.join(" ")}" Data not shown here may still exist. Refresh to load again."
            </Note>
        }
    })
}

/// What somebody tried, and why it failed.
#[component]
pub fn ErrorPanel(
    /// The failure.
    error: AppError,
) -> impl IntoView {
    view! { <Panel error/> }
}

#[component]
fn Panel(error: AppError, #[prop(optional)] children: Option<Children>) -> impl IntoView {
    let helps = match error.kind.remedy() {
        Remedy::OtherKey => Some(view! { <OtherKey kind=error.kind/> }.into_any()),
        Remedy::SignIn => Some(view! { <SignIn/> }.into_any()),
        Remedy::StepUp => error
            .to
            .clone()
            .map(|to| view! { <p><a class="button primary" href=to rel="external">"Confirm it is you"</a></p> }.into_any()),
        Remedy::Again | Remedy::None => None,
    };
    view! {
        <div class="note bad" role="alert">
            <span class="dot bad" aria-hidden="true"></span>
            <div><b>{format!("{}.", error.what)}</b>" "{error.why.clone()}<QlikDetails error/>{helps}{children.map(|children| children())}</div>
        </div>
    }
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

/// The way to connect again, or with another key, and to come back to this page.
#[component]
fn OtherKey(kind: ErrorKind) -> impl IntoView {
    let words = if kind == ErrorKind::NotConnected { "Connect again" } else { "Connect as someone else" };
    view! { <p><a class="button" href=to_connect() rel="external">{words}</a></p> }
}

/// The way to sign in again and to come back to this page.
#[component]
fn SignIn() -> impl IntoView {
    view! { <p><a class="button primary" href=to_sign_in() rel="external">"Sign in again"</a></p> }
}

/// This page's address, escaped, for a page that leads back to it.
fn back_here() -> impl Fn() -> String + Clone + Send + Sync + 'static {
    // A page that is loaded anew: what this one remembers is of a session that is over.
    let here = use_location();
    move || {
        let search = here.search.try_get().unwrap_or_default();
        let search = if search.is_empty() { String::new() } else { format!("?{search}") };
        escape(&format!("{}{search}", here.pathname.try_get().unwrap_or_default()))
    }
}

/// The address where one signs in, and comes back from to this page.
pub fn to_sign_in() -> impl Fn() -> String + Clone + Send + Sync + 'static {
    let back = back_here();
    move || format!("/auth/login?back={}", back())
}

/// The address where one connects, and comes back from to this page.
pub fn to_connect() -> impl Fn() -> String + Clone + Send + Sync + 'static {
    let (tenant, back) = (use_tenant(), back_here());
    move || format!("/connect?tenant={}&back={}", live(tenant), back())
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

/// The first reading, with what it has so far; looks again by itself.
#[component]
pub fn StillReading(
    /// How far it is.
    reading: Reading,
    /// Looks again.
    again: impl Fn() + Clone + Send + Sync + 'static,
) -> impl IntoView {
    look_again(again);
    let of = if reading.of > 0 { format!(" of about {}", thousands(reading.of)) } else { String::new() };
    let (now, max) = (u64::try_from(reading.done).unwrap_or(0), u64::try_from(reading.of.max(reading.done)).unwrap_or(0));
    view! {
        <section class="reading" aria-busy="true">
            <p role="status">{format!("Loading tenant: {}{of} rows.", thousands(reading.done))}</p>
            <ProgressBar label="Rows loaded" now max/>
            <p class="muted small">"Continues in the background. "<a href="">"Refresh"</a></p>
            <LoadsItself/>
        </section>
    }
}

/// Has the browser load the page again every few seconds where no script does.
#[component]
pub fn LoadsItself() -> impl IntoView {
    // As text, for with scripts a browser makes no elements of what is inside.
    view! { <noscript inner_html="<meta http-equiv=\"refresh\" content=\"3\">"></noscript> }
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
        <span class="num" role="status">{format!("Loading tenant: {} of about {} rows", thousands(reading.done), thousands(reading.of))}</span>
        <ProgressBar label="Rows loaded" now=done max=of/>
        <LoadsItself/>
    }
}

/// Looks again soon, where scripts run.
fn look_again(again: impl Fn() + Clone + Send + Sync + 'static) {
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| crate::ui::scope::Scope::here().later(std::time::Duration::from_millis(500), again.clone()));
    #[cfg(not(feature = "hydrate"))]
    let _ = again;
}
