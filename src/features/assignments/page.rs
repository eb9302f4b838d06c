//! The assignments room: filters, the table as the server or as the browser draws it, the bar, and the panel beside it.

use domain::assignments::{Filter, Table, View};
use domain::table::Rows;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_location;

use super::api::{Draft, assignments};
use super::bar::{Actions, held};
use super::nobody::{Nobody, by_use};
use super::person::{Beside, beside, with_person};
use super::view::AssignmentsView;
use crate::error::AppError;
use crate::features::condition::{Failed, Missing, ReadingLine, StillReading, Trouble, failed};
use crate::features::shared::{Fresh, FreshLine, Loaded, Refreshing, live as alive, use_tenant};
use crate::features::table::filters::{Choices, counted};
use crate::features::table::{
    ColumnMenu, Coming, Filters, GridTable, Kind as _, Layout, Live, LiveBar, LiveForm, Paged, PagedFields, ViewMenu, address_of,
    follow, query_of, to_table, view_of,
};
use crate::ui::feedback::Skeleton;
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
    let query =
        Memo::new(move |_| location.search.try_with(|search| to_query(&view_of::<Table>(search).to_pairs())).unwrap_or_default());
    let live = Live::<Table>::new(view_of::<Table>(&query.get_untracked()));
    let layout = RwSignal::new(Layout::kept(Table::ROOM));
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
    let shown = RwSignal::new(None::<bool>);
    // Whoever is looked at beside the table stays there.
    let follow = follow(live, query, tenant, move |here| {
        let open = subject.get_untracked();
        if open.is_empty() { here } else { with_person(&here, &open) }
    });
    #[cfg(feature = "hydrate")]
    {
        let then = move |here: &crate::ui::scope::Scope, tenant: String, version: u64| {
            here.spawn(super::uses::follow(live, tenant, version));
        };
        crate::features::table::keep_up(live, tenant, data, |view| view.version, true, then);
        crate::features::table::clear_on_escape(live);
        crate::features::table::close_menus();
    }
    let targets = RwSignal::new(Vec::new());
    let off = Signal::derive(move || shown.get().unwrap_or_default());
    let held = Memo::new(move |_| held(live));
    let nothing = move || {
        let filtered = live.view.with(|view| view.filter != Filter::default());
        let all = live.table.with(Rows::len);
        let uses = live.view.with(|view| by_use(&view.filter, live.known.get()));
        let reading = live.reading.get();
        view! { <Nobody filtered all uses reading clear=move |()| live.view.update(|view| view.filter = Filter::default())/> }
    };
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
            shown.set(Some(off));
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
    view! {
        <Failed of=draft.value()/>
        <div class="split fit" class:open=move || !alive(subject).is_empty()>
        <div class="main">
        <a class="skip" href="#table" on:click=move |event| if to_table() { event.prevent_default() }>"Skip to table"</a>
        <Transition fallback=|| view! { <Head title="Assignments" waiting=true/><Skeleton lines=12/> }>
            {move || data.get().map(body)}
        </Transition>
        <Coming live/>
        <Show when=move || live.is_here()>
            <LiveForm live action=Draft::url()>
                <GridTable live layout open=subject nothing/>
                <LiveBar live actions=move || view! { <Actions targets=targets.get() held=Some(held.get()) draft off=off.get()/> }/>
            </LiveForm>
        </Show>
        </div>
        <Beside table=live query subject job edits/>
        </div>
    }
}

/// The address of the view as a file.
fn export(tenant: &str, live: Live<Table>, partial: bool, semicolons: bool) -> String {
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
    live: Live<Table>,
    follow: Callback<Filter>,
    draft: ServerAction<Draft>,
    layout: RwSignal<Layout>,
    off: bool,
) -> impl IntoView {
    let choices = Choices(vec![
        ("allotment", view.allotments.clone()),
        ("status", view.statuses.clone()),
        ("role", view.roles.clone()),
        ("group", view.groups.clone()),
    ]);
    let (matching, of) = (view.matching, view.of);
    let count = Signal::derive(move || {
        if live.is_here() {
            let (shown, all) = (live.order.with(Vec::len), live.table.with(Rows::len));
            counted(shown as u64, all as u64)
        } else {
            counted(matching, of)
        }
    });
    let unknown = move || live.known.get().trouble().map(|why| view! { <span class="small muted">{why}</span> });
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
fn Pages(view: AssignmentsView, live: Live<Table>, draft: ServerAction<Draft>, off: bool) -> impl IntoView {
    let tenant = use_tenant();
    let now = live.view.get_untracked();
    let filtered = now.filter != Filter::default();
    if view.rows.is_empty() {
        let all = usize::try_from(view.of).unwrap_or(usize::MAX);
        let clear = move |()| live.view.update(|view| view.filter = Filter::default());
        let uses = by_use(&now.filter, view.uses);
        let reading = live.reading.get_untracked();
        return view! { <Nobody filtered all uses reading clear/> }.into_any();
    }
    let (page, pages, matching) = (view.page, view.pages, view.matching);
    let filter = query_of(&now.filter);
    let (version, digest, targets) = (view.version, view.digest, view.targets);
    let href = {
        let now = now.clone();
        Callback::new(move |to: u32| address_of::<Table>(&tenant.get_untracked(), &View { page: to, ..now.clone() }))
    };
    // A plain form: the whole page is left for the plan.
    view! {
        <form class="fill paged" id="table" tabindex="-1" method="post" action=Draft::url()>
            <input type="hidden" name="tenant" value=move || tenant.get()/>
            <Paged live rows=view.rows matching first=u64::from(page - 1) * PAGE known=view.uses/>
            <Pager page pages href/>
            <PagedFields matching query=filter version digest>
                {move || view! { <Actions targets=targets.clone() held=None draft off/> }}
            </PagedFields>
        </form>
    }
    .into_any()
}
