//! The frame itself.

use domain::text::thousands;
use leptos::prelude::*;
use leptos_router::components::{A, Outlet};

use super::api::read_frame;

use super::finder::{Finder, LoadParts};
use super::view::FrameFacts;
use crate::features::connect::{Disconnect, Mark};
use crate::features::me::{me, signs_in};
use crate::features::shared::{Refresh, Refreshing, live, use_tenant};
use crate::ui::load::{Loads, load};
use crate::ui::post::{Post, field};

/// Navigation beside the room.
#[component]
pub fn Frame() -> impl IntoView {
    let tenant = use_tenant();
    let refresh = ServerAction::<Refresh>::new();
    let version: Signal<usize> = refresh.version().into();
    provide_context(Refreshing(refresh, version));
    let facts = load(move || (live(tenant), version.try_get().unwrap_or_default()), |(tenant, _)| read_frame(tenant));
    let with_facts = move |read: fn(&FrameFacts) -> String| {
        view! { <Transition>{move || facts.get().and_then(Result::ok).map(|facts| read(&facts))}</Transition> }
    };
    let others = Signal::derive(move || facts.get().and_then(Result::ok).map(|facts| facts.others).unwrap_or_default());
    let item = move |path: &'static str, text: &'static str, read: Option<fn(&FrameFacts) -> String>| {
        view! {
            <li><A href=move || format!("/t/{}/{path}", tenant.get())>
                <span>{text}</span><span class="count">{read.map(with_facts)}</span>
            </A></li>
        }
    };
    // Loaded when there may be something to say.
    let session_end = expect_context::<LoadParts>().session_end;
    let ending = RwSignal::new(None::<u32>);
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        if let Some(Ok(FrameFacts { warn_in_s, warn_s, .. })) = facts.get() {
            let wait = std::time::Duration::from_secs(warn_in_s.into());
            crate::ui::scope::Scope::here().later(wait, move || ending.set(Some(warn_s)));
        }
    });
    view! {
        <a class="skip" href="#main">"Skip to content"</a>
        <div class="frame">
            <nav class="nav" aria-label="Main">
                <a class="brand" aria-label="Quartermaster" href=move || format!("/t/{}/overview", tenant.get())><Mark/><span>"Quartermaster"</span></a>
                <TenantSwitch facts/>
                <Finder tenant others/>
                <ul>
                    {item("overview", "Overview", None)}
                    {item("assignments", "Assignments", Some(|facts| number(facts.assignments)))}
                    {item("groups", "Groups", Some(|facts| number(facts.groups)))}
                    {item("roles", "Roles", None)}
                    {item("plans", "Plans", None)}
                    {item("jobs", "Jobs", Some(|facts| if facts.running > 0 { format!("{} running", facts.running) } else { String::new() }))}
                    {item("audit", "Audit", None)}
                    {item("settings", "Settings", None)}
                </ul>
                <Who facts/>
            </nav>
            <main class="page" id="main">{move || ending.get().map(|warn_s| Suspend::new(session_end(warn_s)))}<Outlet/></main>
        </div>
    }
}

fn number(n: Option<u64>) -> String {
    n.map_or_else(String::new, |n| thousands(i64::try_from(n).unwrap_or(i64::MAX)))
}

type Facts = Loads<Result<FrameFacts, crate::error::AppError>>;

#[component]
fn TenantSwitch(facts: Facts) -> impl IntoView {
    view! {
        <Transition fallback=|| view! { <div class="tenant"><span><b>"…"</b><small>"…"</small></span></div> }>
            {move || {
                facts.get().and_then(Result::ok).map(|facts| {
                    let name = view! { <span><b>{facts.tenant}</b><small>{facts.host}</small></span> };
                    if facts.others.is_empty() {
                        view! { <div class="tenant">{name}</div> }.into_any()
                    } else {
                        let others = facts.others.into_iter().map(|(id, name)| view! { <li><a href=format!("/t/{id}/overview") rel="external">{name}</a></li> }).collect_view();
                        view! {
                            <details class="tenants">
                                <summary class="tenant">{name}<span class="muted" aria-hidden="true">"⌄"</span></summary>
                                <ul aria-label="Switch tenant">{others}</ul>
                            </details>
                        }.into_any()
                    }
                })
            }}
        </Transition>
    }
}

#[component]
fn Who(facts: Facts) -> impl IntoView {
    let tenant = use_tenant();
    let disconnect = ServerAction::<Disconnect>::new();
    view! {
        <div class="who">
            {me().filter(|me| !me.name.is_empty()).map(|me| view! { <p>"Signed in as "<bdi>{me.name}</bdi>", "{me.rank.word()}</p> })}
            <Transition>{move || facts.get().and_then(Result::ok).map(|facts| view! { <p>"Connected as "{facts.qlik_name}</p> })}</Transition>
            <A href=move || format!("/t/{}/sessions", tenant.get())>"Sessions"</A>" "
            <Post action=disconnect input=|of| Disconnect { tenant: field(of, "tenant"), jobs: String::new() }>
                <input type="hidden" name="tenant" value=move || tenant.get()/>
                <button class="link" type="submit" data-careful="">"Disconnect"</button>
            </Post>
            {signs_in().then(|| view! {
                <form method="post" action="/auth/logout"><button class="link" type="submit" data-careful="">"Sign out"</button></form>
            })}
        </div>
    }
}
