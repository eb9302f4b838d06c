//! One event of the trail, in the panel beside the list: everything that its record says, with what was before and after.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::api::event;
use super::page::worded;
use super::view::EventView;
use crate::features::condition::NotShown;
use crate::features::jobs::{outcome, short};
use crate::features::shared::{live, use_tenant};
use crate::ui::copy::CopyId;
use crate::ui::load::load;

/// The place that the address names; 0 where it names none.
pub fn chosen() -> Memo<i64> {
    let query = use_query_map();
    Memo::new(move |_| query.try_with(|query| query.get("event")?.parse().ok()).flatten().unwrap_or(0))
}

/// The panel; nothing where the address names no event. `close` is the address without it.
#[component]
pub fn EventPanel(seq: Memo<i64>, close: Memo<String>) -> impl IntoView {
    let tenant = use_tenant();
    let data = load(
        move || (live(tenant), live(seq)),
        |(tenant, seq)| async move { (seq, if seq > 0 { event(tenant, seq).await.map(Some) } else { Ok(None) }) },
    );
    let panel = move |(seq, got)| match got {
        Ok(None) => ().into_any(),
        Ok(Some(view)) => view! { <Panel seq close><Body view/></Panel> }.into_any(),
        Err(error) => view! { <Panel seq close><NotShown error again=move || data.refetch()/></Panel> }.into_any(),
    };
    view! { <Transition>{move || data.get().map(panel)}</Transition> }
}

#[component]
fn Panel(seq: i64, close: Memo<String>, children: Children) -> impl IntoView {
    let heading = NodeRef::<leptos::html::H2>::new();
    // Whoever opens it goes on reading in it; whoever closes it is back at the event.
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        if let Some(heading) = heading.get() {
            crate::ui::head::focus_soon(heading.into());
        }
    });
    view! {
        <aside class="side event" aria-labelledby="event">
            <header>
                <h2 id="event" tabindex="-1" node_ref=heading>{format!("Event No. {}", domain::text::thousands(seq))}</h2>
                <a class="button plain close" data-noscroll="" href=move || live(close)>"Close"</a>
            </header>
            {children()}
        </aside>
    }
}

#[component]
fn Body(view: EventView) -> impl IntoView {
    let tenant = use_tenant();
    let EventView { action, outcome: came, target, facts, sides, job, plan, text, hash } = view;
    let (class, words) = outcome(&came);
    let title = if target.is_empty() { worded(&action) } else { format!("{}: {target}", worded(&action)) };
    let sides = (!sides.is_empty()).then(|| {
        let rows = sides.into_iter().map(|side| {
            let same = side.before == side.after;
            view! { <tr class:muted=same><th scope="row">{side.what}</th><td>{side.before}</td><td>{side.after}</td></tr> }
        });
        view! {
            <div><h3>"Before and after"</h3>
                <table class="sides"><thead><tr><th><span class="sr">"What"</span></th><th scope="col">"Before"</th><th scope="col">"After"</th></tr></thead>
                    <tbody>{rows.collect_view()}</tbody></table></div>
        }
    });
    let facts = facts.into_iter().map(|(name, value)| view! { <dt>{name}</dt><dd>{value}</dd> }).collect_view();
    let job = (!job.is_empty()).then(|| {
        let (to, shown) = (job.clone(), format!("job {}", short(&job)));
        view! { <dt>"Job"</dt><dd><a href=move || format!("/t/{}/jobs/{to}", live(tenant))>{shown}</a>", "<a href=move || format!("/t/{}/audit?job={job}", live(tenant))>"its events"</a></dd> }
    });
    let plan = (!plan.is_empty()).then(|| {
        view! { <dt>"Plan"</dt><dd><a href=move || format!("/t/{}/plans/{plan}", live(tenant))>"the plan"</a></dd> }
    });
    view! {
        <p><b class="wide">{title}</b>" "<span class=class>{words}</span></p>
        {sides}
        <div><h3>"Record"</h3><dl class="facts">{facts}{job}{plan}
            <dt>"Hash"</dt><dd><CopyId text=hash/></dd></dl></div>
        <details class="says"><summary>"As it is hashed"</summary><code class="raw">{text}</code></details>
    }
}
