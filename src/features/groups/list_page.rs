//! The groups: the table as the server or as the browser draws it, Qlik's own groups apart, and the bar of what is selected.

use domain::groups::{Filter, Table, View};
use domain::inventory::MAX_GROUPS;
use domain::table::Rows;
use domain::text::{count, thousands, whole};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_location;

use super::api::{DraftSelection, groups};
use super::bulk::{GroupActions, given};
use super::view::{GroupLine, GroupsView, RoleChoice};
use crate::error::AppError;
use crate::features::condition::{Failed, show};
use crate::features::shared::{Loaded, Refreshing, live as alive, use_tenant};
use crate::features::table::filters::{Choices, counted};
use crate::features::table::{
    ColumnMenu, Coming, Filters, GridTable, Kind as _, Layout, Live, LiveBar, LiveForm, Paged, PagedFields, ViewMenu, address_of,
    follow, query_of, to_table, view_of,
};
use crate::ui::feedback::{Empty, Skeleton};
use crate::ui::head::Head;
use crate::ui::load::load;
use crate::ui::meter::Limit;
use crate::ui::pager::Pager;
use crate::ui::query::{escape, to_query};

/// Rows on a page that the server draws.
const PAGE: u64 = 100;
/// Names that are suggested for what is typed.
const SUGGESTED: usize = 20;

type Got = Result<Loaded<GroupsView>, AppError>;

/// The groups and the roles they give.
#[component]
pub fn GroupsPage() -> impl IntoView {
    let tenant = use_tenant();
    let refreshing = expect_context::<Refreshing>();
    let location = use_location();
    // The address is the state: only what a view knows counts, so that a foreign parameter changes nothing.
    let query =
        Memo::new(move |_| location.search.try_with(|search| to_query(&view_of::<Table>(search).to_pairs())).unwrap_or_default());
    let live = Live::<Table>::new(view_of::<Table>(&query.get_untracked()));
    let layout = RwSignal::new(Layout::kept(Table::ROOM));
    let draft = ServerAction::<DraftSelection>::new();
    // Once the rows are here the browser answers to the address by itself.
    let asked = Memo::new(move |before: Option<&String>| match before {
        Some(before) if live.is_here() => before.clone(),
        _ => alive(query),
    });
    let data = load(move || (alive(tenant), alive(asked), refreshing.version()), |(tenant, asked, _)| groups(tenant, asked));
    let follow = follow(live, query, tenant, |here| here);
    #[cfg(feature = "hydrate")]
    {
        crate::features::table::keep_up(live, tenant, data, |view| view.version, true, |_, _, _| {});
        crate::features::table::clear_on_escape(live);
        crate::features::table::close_menus();
    }
    let (roles, off, whole_list) = (RwSignal::new(Vec::<RoleChoice>::new()), RwSignal::new(false), RwSignal::new(true));
    let names = Callback::new(move |typed: String| {
        let filter = Filter { text: typed, ..Filter::default() };
        live.table.with_untracked(|table| {
            let found = table.matching(&filter).into_iter().take(SUGGESTED).filter_map(|at| table.row(at));
            found.map(|row| row.name().to_owned()).collect()
        })
    });
    let held = Memo::new(move |_| Some(given(live)));
    let nothing = move || {
        let filtered = live.view.with(|view| view.filter != Filter::default());
        let clear = move |()| live.view.update(|view| view.filter = Filter::default());
        view! { <NoGroups filtered whole=whole_list.get() clear/> }
    };
    let none = Memo::new(|_| String::new());
    let body = move |got: Got| {
        show(
            got,
            move || data.refetch(),
            |_| "Groups".to_owned(),
            move |view: GroupsView, fresh| {
                off.set(fresh.trouble.is_some());
                roles.set(view.offered.clone());
                whole_list.set(view.whole);
                view! { <Rest view live follow draft layout off=off.get_untracked() names/> }
            },
        )
    };
    view! {
        <Failed of=draft.value()/>
        <div class="split fit">
        <div class="main">
        <a class="skip" href="#table" on:click=move |event| if to_table() { event.prevent_default() }>"Skip to table"</a>
        <Transition fallback=|| view! { <Head title="Groups" waiting=true/><Skeleton lines=12/> }>
            {move || data.get().map(body)}
        </Transition>
        <Coming live/>
        <Show when=move || live.is_here()>
            <LiveForm live action=DraftSelection::url()>
                <GridTable live layout open=none nothing/>
                <LiveBar live actions=move || view! { <GroupActions roles given=held draft off names/> }/>
            </LiveForm>
        </Show>
        </div>
        </div>
    }
}

/// What stands above the table, and the table in pages as long as the browser does not have all rows.
#[component]
fn Rest(
    view: GroupsView,
    live: Live<Table>,
    follow: Callback<Filter>,
    draft: ServerAction<DraftSelection>,
    layout: RwSignal<Layout>,
    off: bool,
    names: Callback<String, Vec<String>>,
) -> impl IntoView {
    let tenant = use_tenant();
    let choices =
        Choices(vec![("role", view.roles.clone()), ("source", view.sources.clone()), ("status", view.statuses.clone())]);
    let (matching, of, known) = (view.matching, view.of, view.of > 0 || view.whole);
    let count = Signal::derive(move || {
        if !known {
            "not visible".to_owned()
        } else if live.is_here() {
            let (shown, all) = (live.order.with(Vec::len), live.table.with(Rows::len));
            counted(shown as u64, all as u64)
        } else {
            counted(matching, of)
        }
    });
    let limit = known.then(|| {
        let words = format!("{} of at most {} groups", thousands(whole(of)), thousands(whole(MAX_GROUPS)));
        view! { <Limit label="Groups of this tenant" now=whole(of) max=whole(MAX_GROUPS) words/> }
    });
    let system = view.system.clone();
    let paged = move || (!live.is_here()).then(|| view! { <Pages view=view.clone() live draft off names/> });
    view! {
        <div class="beneath">
            <SystemGroups lines=system/>
            <span class="push">{limit}<a class="button" href=move || format!("/t/{}/groups/matrix", alive(tenant))>"Matrix"</a><a class="button" href=move || format!("/t/{}/groups/history", alive(tenant))>"History"</a><a class="button" href=move || format!("/t/{}/groups/licenses", alive(tenant))>"Licenses"</a><a class="button" href=move || format!("/t/{}/groups/new", alive(tenant))>"New group…"</a></span>
        </div>
        <div class="above">
            <Filters choices live follow/>
            <div class="beside"><span class="result" role="status">{move || count.get()}</span><ViewMenu live/><ColumnMenu live layout/></div>
        </div>
        {paged}
    }
}

/// Qlik's own groups, of which only the roles can be changed.
#[component]
fn SystemGroups(lines: Vec<GroupLine>) -> impl IntoView {
    let tenant = use_tenant();
    let lines = lines
        .into_iter()
        .map(|line| {
            let id = escape(&line.id);
            let roles = line.roles.map_or_else(|| "roles not visible".to_owned(), |roles| count(roles.into(), "role", "roles"));
            view! {
                <li>
                    <a href=move || format!("/t/{}/groups/{id}", tenant.get())>{line.name}</a>
                    " "<span class="muted">{roles}</span>
                    {line.admin.then(|| view! { " "<span class="chip warn">"admin role"</span> })}
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="system" aria-label="System groups">
            <span class="muted" title="Managed by Qlik; only their roles can be changed">"System groups"</span>
            <ul>{lines}</ul>
        </section>
    }
}

#[component]
fn Pages(
    view: GroupsView,
    live: Live<Table>,
    draft: ServerAction<DraftSelection>,
    off: bool,
    names: Callback<String, Vec<String>>,
) -> impl IntoView {
    let tenant = use_tenant();
    let now = live.view.get_untracked();
    let filtered = now.filter != Filter::default();
    if view.rows.is_empty() {
        let clear = move |()| live.view.update(|view| view.filter = Filter::default());
        return view! { <NoGroups filtered whole=view.whole clear/> }.into_any();
    }
    let (page, pages, matching) = (view.page, view.pages, view.matching);
    let filter = query_of(&now.filter);
    let (version, digest, offered) = (view.version, view.digest, view.offered);
    let href = {
        let now = now.clone();
        Callback::new(move |to: u32| address_of::<Table>(&tenant.get_untracked(), &View { page: to, ..now.clone() }))
    };
    let roles = RwSignal::new(offered);
    let given = Signal::stored(None);
    let off = Signal::stored(off);
    // A plain form: the whole page is left for the plan.
    view! {
        <form class="fill paged" id="table" tabindex="-1" method="post" action=DraftSelection::url()>
            <input type="hidden" name="tenant" value=move || tenant.get()/>
            <Paged live rows=view.rows matching first=u64::from(page - 1) * PAGE known=()/>
            <Pager page pages href/>
            <PagedFields matching query=filter version digest>
                <GroupActions roles given draft off names/>
            </PagedFields>
        </form>
    }
    .into_any()
}

/// Why there is no row, and the next step.
#[component]
fn NoGroups(
    /// A filter is in the way.
    filtered: bool,
    /// All groups could be read.
    whole: bool,
    /// Takes the filter away where scripts run; without them the address does.
    #[prop(into)]
    clear: Callback<()>,
) -> impl IntoView {
    let tenant = use_tenant();
    if filtered {
        let clear = move |event: leptos::ev::MouseEvent| {
            event.prevent_default();
            clear.run(());
        };
        return view! {
            <Empty title="No matching groups">
                <a href=move || format!("/t/{}/groups", tenant.get()) on:click=clear>"Clear filters"</a>
                ". Groups of the identity provider appear after a member signs in."
            </Empty>
        }
        .into_any();
    }
    if !whole {
        return view! { <Empty title="Groups could not be loaded">"There may be groups that this key cannot see."</Empty> }
            .into_any();
    }
    view! {
        <Empty title="This tenant has no groups yet">"Groups of the identity provider appear after a member signs in. Create others here."</Empty>
    }
    .into_any()
}
