//! Groups and roles side by side: who gives what, changed in place. What is changed waits as a draft and becomes one plan.

use domain::groups::{Filter, Table, View};
use domain::table::Rows;
use domain::text::{count, folded, thousands, whole};
use leptos::prelude::*;
use leptos::server::ServerActionError;
use leptos::server_fn::ServerFn;
use leptos::server_fn::error::ServerFnUrlError;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate, use_query_map};

use super::api::{DraftMatrix, matrix};
use super::matrix_grid::MatrixGrid;
use super::view::{Cells, IMPORT_MATRIX, MatrixLine, MatrixView, RoleChoice};
use crate::error::AppError;
use crate::features::condition::{ErrorPanel, Failed, show};
use crate::features::me::may_not_change;
use crate::features::shared::{Loaded, Refreshing, live as alive, shut, use_tenant};
use crate::features::table::filters::{Besides, Choices, counted};
use crate::features::table::{Coming, Filters, Live, follow, view_of};
use crate::ui::feedback::{Empty, Note, Skeleton};
use crate::ui::head::Head;
use crate::ui::load::load;
use crate::ui::pager::Pager;
use crate::ui::query::{escape, to_query};

/// Roles that can be chosen by hand at once.
const MOST: usize = 40;

type Got = Result<Loaded<MatrixView>, AppError>;

/// The address of the matrix for a view of the groups and the roles shown.
fn address(tenant: &str, pairs: Vec<(&'static str, String)>, roles: &str) -> String {
    let shown = (!roles.is_empty()).then(|| ("show", roles.to_owned()));
    format!("/t/{tenant}/groups/matrix{}", to_query(&pairs.into_iter().chain(shown).collect::<Vec<_>>()))
}

/// The matrix.
#[component]
pub fn MatrixPage() -> impl IntoView {
    let tenant = use_tenant();
    let refreshing = expect_context::<Refreshing>();
    let location = use_location();
    let params = use_query_map();
    let roles = Memo::new(move |_| params.try_with(|query| query.get("show")).flatten().unwrap_or_default());
    let query =
        Memo::new(move |_| location.search.try_with(|search| to_query(&view_of::<Table>(search).to_pairs())).unwrap_or_default());
    let live = Live::<Table>::new(view_of::<Table>(&query.get_untracked()));
    let asked = Memo::new(move |before: Option<&String>| match before {
        Some(before) if live.is_here() => before.clone(),
        _ => alive(query),
    });
    let draft = ServerAction::<DraftMatrix>::new();
    let data = load(
        move || (alive(tenant), alive(asked), alive(roles), refreshing.version()),
        |(tenant, asked, roles, _)| matrix(tenant, asked, roles),
    );
    // The address that the table follows is this page's, with the roles that it shows.
    let follow = follow(live, query, tenant, move |here| {
        let search = here.split_once('?').map(|(_, search)| format!("?{search}")).unwrap_or_default();
        address(&tenant.get_untracked(), view_of::<Table>(&search).to_pairs(), &roles.get_untracked())
    });
    #[cfg(feature = "hydrate")]
    {
        crate::features::table::keep_up(live, tenant, data, |view| view.version, false, |_, _, _| {});
        crate::features::table::close_menus();
        crate::features::table::close_menus_on_escape();
    }
    let (columns, off) = (RwSignal::new(Vec::<RoleChoice>::new()), RwSignal::new(false));
    let cells = RwSignal::new(Cells::default());
    let kept_at = RwSignal::new(None::<String>);
    // What was changed when the page was left waits on the server; what is changed here is newer than that. Once the page was taken
    // over: the server drew it without.
    Effect::new(move |known: Option<bool>| {
        let read = data.try_get().flatten().and_then(Result::ok);
        let Some(Loaded::Ready(view, _)) = read else { return known.unwrap_or_default() };
        if !known.unwrap_or_default()
            && let Some((waiting, at)) = view.draft
        {
            cells.set(waiting);
            kept_at.set(Some(at));
        }
        true
    });
    let pending = StoredValue::new(None::<TimeoutHandle>);
    #[cfg(feature = "hydrate")]
    keep_while_changed(tenant, cells, pending);
    let body = move |got: Got| {
        show(
            got,
            move || data.refetch(),
            |_| "Groups and roles".to_owned(),
            move |view: MatrixView, fresh| {
                off.set(fresh.trouble.is_some());
                columns.set(view.columns.clone());
                view! { <Rest view live follow roles=roles.get_untracked()/> }
            },
        )
    };
    let nothing = move || {
        view! { <Empty title="No matching groups"><a href=move || format!("/t/{}/groups/matrix", alive(tenant))>"Clear filters"</a></Empty> }
    };
    let kept = move || {
        kept_at.get().filter(|_| cells.with(|cells| !cells.0.is_empty())).map(|at| {
            view! { <Note tone="ok" title=format!("Your changes from {at} were saved.")>"They are not planned yet."</Note> }
        })
    };
    let refused = use_context::<ServerActionError>().filter(|failed| failed.path() == IMPORT_MATRIX);
    let refused = refused.map(|failed| ServerFnUrlError::<AppError>::decode_err(failed.err()));
    view! {
        {refused.map(|error| view! { <ErrorPanel error/> })}
        <Failed of=draft.value()/>
        <div class="split fit">
        <div class="main">
        <Transition fallback=|| view! { <Head title="Groups and roles" waiting=true/><Skeleton lines=12/> }>
            {move || data.get().map(body)}
        </Transition>
        {kept}
        <Coming live/>
        <Show when=move || live.is_here()>
            <MatrixForm cells draft off pending>
                <MatrixGrid live columns cells nothing/>
            </MatrixForm>
        </Show>
        </div>
        </div>
    }
}

/// What stands above the matrix, and the matrix in pages as long as the browser does not have all rows.
#[component]
fn Rest(view: MatrixView, live: Live<Table>, follow: Callback<Filter>, roles: String) -> impl IntoView {
    let tenant = use_tenant();
    let choices =
        Choices(vec![("role", view.roles.clone()), ("source", view.sources.clone()), ("status", view.statuses.clone())]);
    let (matching, of, more) = (view.matching, view.of, view.more);
    let count_of = Signal::derive(move || {
        if live.is_here() {
            let (shown, all) = (live.order.with(Vec::len), live.table.with(Rows::len));
            counted(shown as u64, all as u64)
        } else {
            counted(matching, of)
        }
    });
    let export = {
        let roles = roles.clone();
        move || {
            let pairs = live.view.try_with(View::to_pairs).unwrap_or_default();
            let shown = [("show", roles.clone())].into_iter().filter(|(_, roles)| !roles.is_empty());
            format!("/export/{}/matrix.csv{}", alive(tenant), to_query(&pairs.into_iter().chain(shown).collect::<Vec<_>>()))
        }
    };
    let besides = Besides { path: "/matrix", field: ("show", roles.clone()) };
    let (shown, offered) = (view.columns.clone(), view.offered.clone());
    let paged = move || (!live.is_here()).then(|| view! { <Pages view=view.clone() live roles=roles.clone()/> });
    view! {
        <div class="beneath">
            <Shown shown offered live/>
            <span class="push">
                {(more > 0).then(|| view! { <span class="muted small">{format!("{} more roles are not shown", thousands(whole(more)))}</span> })}
                <a class="link" href=export rel="external" download="">"Export CSV"</a>
                <Bring/>
            </span>
        </div>
        <div class="above">
            <Filters choices live follow besides=besides/>
            <div class="beside"><span class="result" role="status">{move || count_of.get()}</span></div>
        </div>
        {paged}
    }
}

/// Which roles are shown: those in use, those that manage the tenant, or some chosen by hand.
#[component]
fn Shown(shown: Vec<RoleChoice>, offered: Vec<RoleChoice>, live: Live<Table>) -> impl IntoView {
    let tenant = use_tenant();
    let params = use_query_map();
    let roles = Memo::new(move |_| params.try_with(|query| query.get("show")).flatten().unwrap_or_default());
    let navigate = use_navigate();
    let to = move |roles: &str| address(&alive(tenant), live.view.try_with(View::to_pairs).unwrap_or_default(), roles);
    let needle = RwSignal::new(String::new());
    let chosen = StoredValue::new(shown.iter().map(|role| role.id.clone()).collect::<Vec<_>>());
    let now = shown.len();
    let label = move || match alive(roles).as_str() {
        "" | "used" => format!("Roles in use ({now})"),
        "admin" => format!("Admin roles ({now})"),
        _ => format!("Roles chosen ({now})"),
    };
    let pick = move |id: String, on: bool| {
        let mut ids = chosen.get_value();
        // Beginning to choose by hand begins with nothing but that.
        if matches!(roles.get_untracked().as_str(), "" | "used" | "admin") {
            ids.clear();
        }
        ids.retain(|known| *known != id);
        if on {
            ids.push(id);
        }
        ids.truncate(MOST);
        chosen.set_value(ids.clone());
        let wanted = if ids.is_empty() { "used".to_owned() } else { ids.join(",") };
        navigate(&to(&wanted), NavigateOptions { scroll: false, replace: true, ..NavigateOptions::default() });
    };
    let by_hand = move |id: &str| {
        !matches!(roles.get().as_str(), "" | "used" | "admin") && chosen.with_value(|ids| ids.iter().any(|known| known == id))
    };
    let list = move || {
        let wanted = needle.with(|needle| folded(needle.trim()));
        let fits = |role: &&RoleChoice| folded(&role.name).contains(&wanted);
        offered
            .iter()
            .filter(fits)
            .take(60)
            .cloned()
            .map(|role| {
                let (pick, id) = (pick.clone(), role.id.clone());
                let on = by_hand(&id);
                view! {
                    <li><label><input type="checkbox" prop:checked=on on:change=move |event| pick(id.clone(), event_target_checked(&event))/>
                        <span>{role.name}{role.mark.map(|mark| view! { " "<span class="chip warn">{mark.label()}</span> })}</span></label></li>
                }
            })
            .collect_view()
    };
    view! {
        <div class="filters">
            <details class="menu" data-menu="roles">
                <summary class="button">{label}</summary>
                <div class="sheet" role="group" aria-label="Roles shown">
                    <a class="link" href=move || to("")>"Roles in use"</a>
                    <a class="link" href=move || to("admin")>"Admin roles"</a>
                    <input class="input js-only" type="search" aria-label="Find a role to show" placeholder="Or choose: type to find" on:input=move |event| needle.set(event_target_value(&event))/>
                    <ul class="options js-only">{list}</ul>
                </div>
            </details>
        </div>
    }
}

/// A matrix that somebody brings as a file.
#[component]
fn Bring() -> impl IntoView {
    let tenant = use_tenant();
    view! {
        <details class="menu" data-menu="bring">
            <summary class="button">"Apply a CSV…"</summary>
            <div class="sheet">
                <form class="stack" method="post" enctype="multipart/form-data" action=move || format!("/import/{}/matrix", alive(tenant))>
                    <div class="field">
                        <label for="file">"CSV file"</label>
                        <input class="input" type="file" id="file" name="file" required accept=".csv,.txt,.tsv,text/csv,text/plain" aria-describedby="file-help"/>
                        <p class="muted small" id="file-help">"As exported: a line per group, a column per role, x where the group gives it. Groups and roles that the file does not name stay as they are, unless you choose otherwise below."</p>
                    </div>
                    <label class="check"><input type="checkbox" name="rest" value="1"/>" Also remove every role that the file does not name, and all roles of groups that it does not name"</label>
                    <p><button class="button primary" type="submit" disabled=may_not_change().is_some() title=may_not_change()>"Review…"</button></p>
                </form>
            </div>
        </details>
    }
}

/// A page of the matrix, to read.
#[component]
fn Pages(view: MatrixView, live: Live<Table>, roles: String) -> impl IntoView {
    let tenant = use_tenant();
    if view.rows.is_empty() {
        return view! { <Empty title="No matching groups"><a href=move || format!("/t/{}/groups/matrix", tenant.get())>"Clear filters"</a></Empty> }
            .into_any();
    }
    let now = live.view.get_untracked();
    let (page, pages) = (view.page, view.pages);
    let href =
        Callback::new(move |to: u32| address(&tenant.get_untracked(), View { page: to, ..now.clone() }.to_pairs(), &roles));
    let heads = view
        .columns
        .iter()
        .map(|role| view! { <th scope="col" class="turned"><span>{role.name.clone()}</span></th> })
        .collect_view();
    let row = |line: MatrixLine| {
        let id = escape(&line.id);
        let cells = match line.gives {
            Some(gives) => gives
                .into_iter()
                .map(|gives| view! { <td class="m-cell">{if gives { "✓" } else { "" }}</td> })
                .collect_view()
                .into_any(),
            None => view! { <td class="muted" colspan=view.columns.len()>"not visible"</td> }.into_any(),
        };
        view! { <tr><th scope="row"><a href=move || format!("/t/{}/groups/{id}", tenant.get())>{line.name}</a></th>{cells}</tr> }
    };
    let rows = view.rows.into_iter().map(row).collect_view();
    view! {
        <div class="table matrix-page" tabindex="0" role="region" aria-label="Groups and roles">
            <table><thead><tr><th scope="col">"Group"</th>{heads}</tr></thead><tbody>{rows}</tbody></table>
        </div>
        <Pager page pages href/>
    }
    .into_any()
}

/// The form of the matrix: what was changed becomes its field when it is sent.
#[component]
fn MatrixForm(
    cells: RwSignal<Cells>,
    draft: ServerAction<DraftMatrix>,
    off: RwSignal<bool>,
    /// What is about to be kept; what becomes a plan before that need not be.
    pending: StoredValue<Option<TimeoutHandle>>,
    children: Children,
) -> impl IntoView {
    let tenant = use_tenant();
    let field = NodeRef::<leptos::html::Textarea>::new();
    let fill = move |_| {
        if let Some(keeping) = pending.try_update_value(Option::take).flatten() {
            keeping.clear();
        }
        if let Some(field) = field.get_untracked() {
            field.set_value(&cells.with_untracked(Cells::text));
        }
    };
    let told = move || {
        cells.with(|cells| {
            let add = cells.0.values().filter(|on| **on).count();
            let groups: std::collections::BTreeSet<&String> = cells.0.keys().map(|(group, _)| group).collect();
            let of = count(whole(groups.len()), "group", "groups");
            format!("{} in {of}: {add} added, {} removed", count(whole(cells.0.len()), "change", "changes"), cells.0.len() - add)
        })
    };
    let none = move || cells.with(|cells| cells.0.is_empty());
    let closed = move || shut(draft, off.get())() || none();
    view! {
        <form class="fill whole" method="post" action=DraftMatrix::url() on:submit=fill>
            <input type="hidden" name="tenant" value=move || tenant.get()/>
            <textarea hidden name="cells" node_ref=field></textarea>
            {children()}
            <div class="bar" role="toolbar" aria-label="Changes" class:idle=none>
                <span role="status">{told}</span>
                {move || may_not_change().map(|why| view! { <span class="small">{why}</span> })}
                <button class="button primary" type="submit" disabled=closed title=may_not_change()>"Review…"</button>
                <button class="button plain" type="button" on:click=move |_| cells.set(Cells::default())>"Discard changes"</button>
            </div>
        </form>
    }
}

/// Keeps what is changed on the server, a moment after the hands rest: it waits there for whoever leaves, or is signed out.
#[cfg(feature = "hydrate")]
fn keep_while_changed(tenant: Memo<String>, cells: RwSignal<Cells>, pending: StoredValue<Option<TimeoutHandle>>) {
    use std::time::Duration;
    Effect::new(move |before: Option<Cells>| {
        let now = cells.get();
        if before.is_some_and(|before| before != now) && may_not_change().is_none() {
            if let Some(earlier) = pending.try_update_value(Option::take).flatten() {
                earlier.clear();
            }
            let (tenant, text) = (tenant.get_untracked(), now.text());
            let keep = move || {
                crate::ui::scope::detached(async move {
                    // Kept with the next change, if not now.
                    let _ = super::api::keep_matrix(tenant, text).await;
                });
            };
            pending.set_value(crate::ui::scope::timer(Duration::from_millis(400), keep));
        }
        now
    });
}
