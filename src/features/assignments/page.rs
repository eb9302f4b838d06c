//! The assignments room: filters, the table as the server or as the browser draws it, the bar, and the panel beside it.

use domain::table::{Filter, View};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};

use super::api::{Draft, assignments};

use super::bar::{LiveBar, LiveForm, PagedBar};
use super::columns::{ColumnMenu, Layout};
use super::filters::{Choices, Filters, counted};
use super::grid::GridTable;
use super::live::Live;
use super::nobody::{Nobody, by_use};
use super::paged::Paged;
use super::person::{Beside, beside, with_person};
use super::view::AssignmentsView;
use super::views::ViewMenu;
use super::{address_of, view_of};
use crate::error::AppError;
use crate::features::condition::{Failed, Missing, ReadingLine, StillReading, Trouble, failed};
use crate::features::shared::{Fresh, FreshLine, Loaded, Refreshing, live as alive, use_tenant};
use crate::ui::feedback::{Note, ProgressBar, Skeleton};
use crate::ui::head::Head;
use crate::ui::load::load;
use crate::ui::pager::Pager;
use crate::ui::query::to_query;

/// Rows on a page that the server draws.
const PAGE: u64 = 100;

type Got = Result<Loaded<AssignmentsView>, AppError>;

/// Who holds which license.
#[component]
pub fn AssignmentsPage() -> impl IntoView {
    let tenant = use_tenant();
    let refreshing = expect_context::<Refreshing>();
    let location = use_location();
    // The address is the state: only what a view knows counts, so that a foreign parameter changes nothing.
    let query = Memo::new(move |_| location.search.try_with(|search| to_query(&view_of(search).to_pairs())).unwrap_or_default());
    let live = Live::new(view_of(&query.get_untracked()));
    let layout = RwSignal::new(Layout::kept());
    let draft = ServerAction::<Draft>::new();
    let (subject, job) = (beside("person"), beside("job"));
    // An edit made beside the table changes it; closing what says so does not.
    let edited = Memo::new(move |before: Option<&String>| match (alive(job), before) {
        (job, Some(before)) if job.is_empty() => before.clone(),
        (job, _) => job,
    });
    let edits = RwSignal::new(0_usize);
    // Once the rows are here the browser answers to the address by itself.
    let asked = Memo::new(move |before: Option<&String>| match before {
        Some(before) if live.is_here() => before.clone(),
        _ => alive(query),
    });
    let data = load(
        move || (alive(tenant), alive(asked), refreshing.version(), alive(edited), edits.try_get().unwrap_or_default()),
        |(tenant, asked, _, _, _)| assignments(tenant, asked),
    );
    let shown = RwSignal::new(None::<(Choices, bool)>);
    let follow = follow(live, query, tenant, subject);
    #[cfg(feature = "hydrate")]
    {
        keep_rows(live, tenant, data);
        clear_on_escape(live);
        close_menus();
    }
    let targets = RwSignal::new(Vec::new());
    let off = Signal::derive(move || shown.with(|shown| shown.as_ref().is_some_and(|(_, off)| *off)));
    let body = move |got: Got| {
        let again = move || data.refetch();
        let (view, fresh, reading) = match got {
            Ok(Loaded::Ready(view, fresh)) => (Some(*view), Some(fresh), None),
            // Without anything to show yet, the reading is all there is to tell.
            Ok(Loaded::Reading(reading, None)) => {
                return view! { <Head title="Assignments"/><StillReading reading again/> }.into_any();
            }
            Ok(Loaded::Reading(reading, Some(view))) => (Some(*view), None, Some(reading)),
            Err(error) => return failed("Assignments", error, again),
        };
        live.reading.set(reading.is_some());
        let trouble = fresh.as_ref().and_then(|fresh| fresh.trouble.clone());
        let off = fresh.as_ref().is_some_and(Fresh::off);
        let licenses_off = fresh.as_ref().is_some_and(|fresh| fresh.licenses_off);
        let missing = fresh.as_ref().map(|fresh| fresh.missing.clone()).unwrap_or_default();
        let partial = !missing.is_empty();
        if let Some(view) = &view {
            shown.set(Some((Choices::of(view), off)));
            targets.set(view.targets.clone());
        }
        let rest = view.map(|view| view! { <Rest view live follow draft layout off/> });
        view! {
            <Head title="Assignments">
                <a class="link" href=move || format!("/t/{}/lists", alive(tenant))>"Import…"</a>
                <a class="link" href=move || export(&alive(tenant), live, partial, false) rel="external" download="">{if partial { "Export what is loaded" } else { "Export CSV" }}</a>
                <a class="link" href=move || export(&alive(tenant), live, partial, true) rel="external" download="" title="With semicolons, as spreadsheets in most of Europe expect it">"CSV for Excel (;)"</a>
                {fresh.map(|fresh| view! { <FreshLine fresh/> })}
                {reading.map(|reading| view! { <ReadingLine reading again/> })}
            </Head>
            <Trouble trouble/>
            <Missing sentences=missing off=licenses_off/>
            {rest}
        }
        .into_any()
    };
    let coming = move || {
        live.coming.get().filter(|_| !live.is_here()).map(|(now, of)| {
            view! {
                <ProgressBar label="Loading rows" now=u64::from(now) max=u64::from(of)/>
            }
        })
    };
    let missed = move || {
        live.missed.get().map(|why| {
            view! {
                <Note tone="warn" title="The full table could not be loaded; showing pages instead.">{why}</Note>
            }
        })
    };
    view! {
        <Failed of=draft.value()/>
        <div class="split fit" class:open=move || !alive(subject).is_empty()>
        <div class="main">
        <a class="skip" href="#table" on:click=move |event| if to_table() { event.prevent_default() }>"Skip to table"</a>
        <Transition fallback=|| view! { <Head title="Assignments" waiting=true/><Skeleton lines=12/> }>
            {move || data.get().map(body)}
        </Transition>
        {missed}{coming}
        <Show when=move || live.is_here()>
            <LiveForm live>
                <GridTable live layout subject/>
                <LiveBar live targets=targets.into() draft off/>
            </LiveForm>
        </Show>
        </div>
        <Beside table=live query subject job edits/>
        </div>
    }
}

/// The address of the view as a file.
fn export(tenant: &str, live: Live, partial: bool, semicolons: bool) -> String {
    let mut pairs = live.view.try_with(View::to_pairs).unwrap_or_default();
    if partial {
        pairs.push(("partial", "1".to_owned()));
    }
    if semicolons {
        pairs.push(("separator", "semicolon".to_owned()));
    }
    format!("/export/{tenant}/assignments.csv{}", to_query(&pairs))
}

/// The filters, and the table in pages as long as the browser does not have all rows.
#[component]
fn Rest(
    view: AssignmentsView,
    live: Live,
    follow: Callback<Filter>,
    draft: ServerAction<Draft>,
    layout: RwSignal<Layout>,
    off: bool,
) -> impl IntoView {
    let choices = Choices::of(&view);
    let (matching, of) = (view.matching, view.of);
    let count = Signal::derive(move || {
        if live.is_here() {
            let (shown, all) = (live.order.with(Vec::len), live.table.with(domain::table::Table::len));
            counted(shown as u64, all as u64)
        } else {
            counted(matching, of)
        }
    });
    let unknown = move || live.uses.get().trouble().map(|why| view! { <span class="small muted">{why}</span> });
    let paged = move || (!live.is_here()).then(|| view! { <Pages view=view.clone() live draft off/> });
    view! {
        <div class="above">
            <Filters choices live follow/>
            <div class="beside">{unknown}<span class="result" role="status">{move || count.get()}</span><ViewMenu live/><ColumnMenu live layout/></div>
        </div>
        {paged}
    }
}

#[component]
fn Pages(view: AssignmentsView, live: Live, draft: ServerAction<Draft>, off: bool) -> impl IntoView {
    let tenant = use_tenant();
    let now = live.view.get_untracked();
    let filtered = !now.filter.is_empty();
    if view.rows.is_empty() {
        let all = usize::try_from(view.of).unwrap_or(usize::MAX);
        let clear = move |()| live.view.update(|view| view.filter = Filter::default());
        let uses = by_use(&now.filter, view.uses);
        let reading = live.reading.get_untracked();
        return view! { <Nobody filtered all uses reading clear/> }.into_any();
    }
    let (page, pages, matching) = (view.page, view.pages, view.matching);
    let filter = to_query(&now.filter.to_pairs());
    let (version, digest) = (view.version, view.digest);
    let href = {
        let now = now.clone();
        Callback::new(move |to: u32| address_of(&tenant.get_untracked(), &View { page: to, ..now.clone() }))
    };
    // A plain form: the whole page is left for the plan.
    view! {
        <form class="fill paged" id="table" tabindex="-1" method="post" action=Draft::url()>
            <input type="hidden" name="tenant" value=move || tenant.get()/>
            <Paged rows=view.rows now matching first=u64::from(page - 1) * PAGE/>
            <Pager page pages href/>
            <PagedBar matching query=filter version digest targets=view.targets draft off/>
        </form>
    }
    .into_any()
}

/// The table follows a filter at once, and the address follows the table when the hands rest.
fn follow(live: Live, query: Memo<String>, tenant: Memo<String>, open: Memo<String>) -> Callback<Filter> {
    let navigate = use_navigate();
    let address = StoredValue::new(query.get_untracked());
    let go = move |replace: bool| {
        let Some(pairs) = live.view.try_with_untracked(View::to_pairs) else { return };
        let to = to_query(&pairs);
        if address.get_value() != to {
            address.set_value(to.clone());
            // Whoever is looked at beside the table stays there.
            let here = format!("/t/{}/assignments{to}", tenant.get_untracked());
            let here = if open.get_untracked().is_empty() { here } else { with_person(&here, &open.get_untracked()) };
            navigate(&here, NavigateOptions { scroll: false, replace, ..NavigateOptions::default() });
        }
    };
    #[cfg(feature = "hydrate")]
    {
        use std::time::Duration;
        let pending = StoredValue::new(None::<TimeoutHandle>);
        // Among what waits is a step that one can go back from.
        let step = StoredValue::new(false);
        Effect::new({
            let go = go.clone();
            move |before: Option<View>| {
                let now = live.view.get();
                // A new order and a choice are steps one can go back from; a filter that is being typed is not.
                // What was chosen before the program took over is a change as well.
                let before = before.unwrap_or_else(|| view_of(&address.get_value()));
                let laid_out = before.sort != now.sort || before.columns != now.columns;
                let replace = !laid_out && before.filter.chosen() == now.filter.chosen();
                if before != now {
                    let go = go.clone();
                    if let Some(earlier) = pending.try_update_value(Option::take).flatten() {
                        earlier.clear();
                    }
                    if live.is_here() {
                        // After what was asked for is on the screen; while one types, when the hands rest.
                        let rest = Duration::from_millis(if laid_out { 60 } else { 250 });
                        step.update_value(|step| *step |= !replace);
                        let late = move || {
                            let replace = !step.try_update_value(std::mem::take).unwrap_or_default();
                            go(replace);
                        };
                        pending.set_value(crate::ui::scope::timer(rest, late));
                    } else {
                        go(replace);
                    }
                }
                now
            }
        });
        on_cleanup(move || {
            if let Some(handle) = pending.try_update_value(Option::take).flatten() {
                handle.clear();
            }
        });
        // Back and forward, and links from elsewhere.
        Effect::new(move |before: Option<()>| {
            let now = query.get();
            if before.is_some() && address.get_value() != now {
                address.set_value(now.clone());
                live.view.set(view_of(&now));
            }
        });
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = go;
    Callback::new(move |filter| live.view.update(|view| (view.filter, view.page) = (filter, 1)))
}

/// Loads the rows that the server's newest answer names.
#[cfg(feature = "hydrate")]
fn keep_rows(live: Live, tenant: Memo<String>, data: crate::ui::load::Loads<Got>) {
    let wanted = Memo::new(move |before: Option<&u64>| {
        let named = data.try_get().flatten().and_then(Result::ok).and_then(|loaded| match loaded {
            Loaded::Ready(view, _) | Loaded::Reading(_, Some(view)) => Some(view.version),
            Loaded::Reading(_, None) => None,
        });
        named.or(before.copied()).unwrap_or_default()
    });
    super::live::keep_up(live, tenant, wanted, move || data.refetch());
}

/// Puts the focus into the table, where it was last; says whether there is one.
fn to_table() -> bool {
    #[cfg(feature = "hydrate")]
    {
        use leptos::wasm_bindgen::JsCast;
        let stop = document().query_selector(".live [tabindex='0']").ok().flatten();
        let Some(stop) = stop.and_then(|stop| stop.dyn_into::<leptos::web_sys::HtmlElement>().ok()) else { return false };
        stop.focus().is_ok()
    }
    #[cfg(not(feature = "hydrate"))]
    false
}

/// A menu closes when something else is pressed.
#[cfg(feature = "hydrate")]
fn close_menus() {
    use leptos::wasm_bindgen::JsCast;
    use leptos::web_sys::Element;
    let handle = window_event_listener(leptos::ev::pointerdown, move |event| {
        let pressed = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let inside = pressed.and_then(|pressed| pressed.closest("details.menu").ok().flatten());
        let Ok(open) = document().query_selector_all("details.menu[open]") else { return };
        for at in 0..open.length() {
            let Some(menu) = open.item(at).and_then(|node| node.dyn_into::<Element>().ok()) else { continue };
            if inside.as_ref() != Some(&menu) {
                let _ = menu.remove_attribute("open");
            }
        }
    });
    on_cleanup(move || handle.remove());
}

#[cfg(feature = "hydrate")]
fn clear_on_escape(live: Live) {
    use leptos::wasm_bindgen::JsCast;
    let handle = window_event_listener(leptos::ev::keydown, move |event| {
        let find = |what: &str| document().query_selector(what).ok().flatten();
        if event.key() != "Escape" || find("dialog[open]").is_some() {
            return;
        }
        // One step back at a time: an open menu, then the panel, then the selection.
        if let Some(menu) = find("details.menu[open]") {
            let _ = menu.remove_attribute("open");
            if let Some(summary) =
                menu.query_selector("summary").ok().flatten().and_then(|it| it.dyn_into::<leptos::web_sys::HtmlElement>().ok())
            {
                let _ = summary.focus();
            }
            return;
        }
        match find(".side .close").and_then(|link| link.dyn_into::<leptos::web_sys::HtmlElement>().ok()) {
            Some(close) => close.click(),
            None => {
                // The bar goes with the selection; the hand goes back to the table.
                let in_bar = document().active_element().is_some_and(|now| now.closest(".bar").ok().flatten().is_some());
                live.clear();
                if in_bar {
                    to_table();
                }
            }
        }
    });
    on_cleanup(move || handle.remove());
}
