//! The history of groups: two moments, what changed between them, by whom, the plan that restores it, and the baseline.

use domain::text::{count, thousands, whole};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::components::Form;
use leptos_router::hooks::use_location;

use super::api::{Declare, DraftRestore, Undeclare, history};
use super::view::{Author, BASELINE, BaselineLine, Became, GroupChange, HistoryView, RoleChange, Span};
use crate::error::ErrorKind;
use crate::features::condition::{Failed, NotShown, show};
use crate::features::me::may_not_change;
use crate::features::shared::{Refreshing, live, shut, use_tenant};
use crate::ui::feedback::{Empty, Skeleton};
use crate::ui::head::Head;
use crate::ui::load::load;
use crate::ui::pager::Pager;
use crate::ui::query::escape;

/// Roles named of one group; more are counted.
const NAMED: usize = 6;

/// What changed in groups and roles.
#[component]
pub fn HistoryPage() -> impl IntoView {
    let tenant = use_tenant();
    let refreshing = expect_context::<Refreshing>();
    let location = use_location();
    let query = Memo::new(move |_| location.search.try_with(|search| Span::read(search).query()).unwrap_or_default());
    let (restore, declare, undeclare) =
        (ServerAction::<DraftRestore>::new(), ServerAction::<Declare>::new(), ServerAction::<Undeclare>::new());
    let (declared, undeclared) = (declare.version(), undeclare.version());
    let data = load(
        move || {
            let done = declared.try_get().unwrap_or_default() + undeclared.try_get().unwrap_or_default();
            (live(tenant), live(query), refreshing.version(), done)
        },
        |(tenant, query, ..)| history(tenant, query),
    );
    view! {
        <Failed of=restore.value()/>
        <Failed of=declare.value()/>
        <Failed of=undeclare.value()/>
        <Transition fallback=|| view! { <Head title="History of groups" waiting=true/><Skeleton lines=10/> }>
            {move || data.get().map(|got| {
                // A moment that makes no sense leaves the question in sight.
                if let Err(error) = &got && matches!(error.kind, ErrorKind::Invalid | ErrorKind::NotFound) {
                    let (error, span) = (error.clone(), Span::read(&live(query)));
                    return view! {
                        <Head title="History of groups"/><Ask span usual=String::new() by_baseline=false/><NotShown error again=move || data.refetch()/>
                    }.into_any();
                }
                show(got, move || data.refetch(), |_| "History of groups".to_owned(), move |view: HistoryView, fresh| {
                    let off = fresh.trouble.is_some();
                    view! { <Body view span=Span::read(&live(query)) off restore declare undeclare/> }
                })
            })}
        </Transition>
    }
}

#[component]
fn Ask(
    span: Span,
    /// The earlier day, where the address names none.
    usual: String,
    /// The earlier moment is the baseline's.
    by_baseline: bool,
) -> impl IntoView {
    let named = !span.from.is_empty() && span.from != BASELINE;
    let (from, from_time) = if named { (span.from, span.from_time) } else { (usual, String::new()) };
    let earlier = if by_baseline {
        let pick = Span { from, from_time, q: span.q.clone(), page: 1, ..Span::default() }.query();
        view! {
            <input type="hidden" name="from" value=BASELINE/>
            <span>"From the baseline"</span><a class="link" href=pick>"Choose a day instead"</a>
        }
        .into_any()
    } else {
        view! {
            <label><span>"From"</span><input class="input" type="date" name="from" value=from required/></label>
            <label><span>"at"</span><input class="input" type="time" name="from_time" value=from_time aria-label="Time of the earlier moment; the beginning of the day if empty"/></label>
        }
        .into_any()
    };
    view! {
        <Form method="GET" action="" attr:class="trail" attr:role="search" attr:aria-label="Choose two moments">
            {earlier}
            <label><span>"to"</span><input class="input" type="date" name="to" value=span.to aria-label="To; now if empty"/></label>
            <label><span>"at"</span><input class="input" type="time" name="to_time" value=span.to_time aria-label="Time of the later moment; the end of the day if empty"/></label>
            <input class="search" type="search" name="q" aria-label="Group or role" placeholder="Group or role" prop:value=span.q.clone() value=span.q/>
            <button class="button primary" type="submit">"Compare"</button>
        </Form>
    }
}

#[component]
fn Body(
    view: HistoryView,
    span: Span,
    off: bool,
    restore: ServerAction<DraftRestore>,
    declare: ServerAction<Declare>,
    undeclare: ServerAction<Undeclare>,
) -> impl IntoView {
    let tenant = use_tenant();
    let HistoryView { from, from_day, to, moment, declared_at, notes, kept_since, baseline, is_baseline, .. } = view.clone();
    let HistoryView { groups, counts, in_all, restorable, roles, page, pages, .. } = view;
    let (created, changed, deleted) = counts;
    let found = created + changed + deleted;
    let earlier = if is_baseline { format!("the baseline of {from}") } else { from.clone() };
    let later = if to.is_empty() { "now".to_owned() } else { to };
    let href = {
        let span = span.clone();
        Callback::new(move |to: u32| format!("/t/{}/groups/history{}", live(tenant), Span { page: to, ..span.clone() }.query()))
    };
    let export = {
        let query = Span { page: 1, ..span.clone() }.query();
        (found > 0 || !roles.is_empty()).then(|| {
            view! { <a class="link push" href=move || format!("/export/{}/history.csv{query}", live(tenant)) rel="external" download="">"Export as CSV"</a> }
        })
    };
    let tally = [(created, "created"), (changed, "changed"), (deleted, "deleted")]
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{} {word}", thousands(whole(n))))
        .collect::<Vec<_>>()
        .join(", ");
    let q = span.q.clone();
    let title = match (in_all, q.is_empty()) {
        (0, _) => "No group differs".to_owned(),
        (_, true) => count(whole(in_all), "group differs", "groups differ"),
        (_, false) => {
            format!("{} of {}", thousands(whole(found)), count(whole(in_all), "group that differs", "groups that differ"))
        }
    };
    let between = format!("{earlier} to {later}");
    let between = if tally.is_empty() { between } else { format!("{between}: {tally}") };
    let kept = (!kept_since.is_empty())
        .then(|| format!(" States are kept since {kept_since}, at each refresh that shows all groups and roles."));
    let empty = (found == 0).then(|| {
        if in_all == 0 {
            view! { <Empty title="No group differs">"Groups, their names and their roles are as they were."</Empty> }.into_any()
        } else {
            view! { <Empty title=format!("No group that differs matches “{q}”")>"Search for another name, or clear the search."</Empty> }.into_any()
        }
    });
    let table = (found > 0).then(|| {
        let query = Span { page: 1, ..span.clone() }.query();
        let seen = Seen { query, moment, declared_at, earlier: earlier.clone() };
        view! { <Groups groups seen restorable off restore><Pager page pages href/></Groups> }
    });
    let role_table = (!roles.is_empty()).then(|| view! { <Roles roles/> });
    let to_declare = (!is_baseline && !span.from.is_empty()).then_some((moment, from));
    view! {
        <Ask span usual=from_day by_baseline=is_baseline/>
        <Declared baseline to_declare off declare undeclare/>
        <div class="grid">
            <section class="panel" aria-labelledby="differing">
                <header><h2 id="differing">{title}</h2><span class="muted small">{between}</span>{export}</header>
                {empty}
                {table}
                <p class="muted small told">{notes.join(" ")}{kept}</p>
            </section>
            {role_table}
        </div>
    }
}

/// What a form that restores says of the page it is on.
struct Seen {
    query: String,
    moment: i64,
    declared_at: i64,
    /// The earlier moment in words.
    earlier: String,
}

/// The groups that differ, each with a box, and what can be done with those ticked.
#[component]
fn Groups(
    groups: Vec<GroupChange>,
    seen: Seen,
    restorable: u64,
    off: bool,
    restore: ServerAction<DraftRestore>,
    children: Children,
) -> impl IntoView {
    let tenant = use_tenant();
    let shut = shut(restore, off);
    let Seen { query, moment, declared_at, earlier } = seen;
    let came = groups.iter().any(|line| !line.was_there);
    // By all that a row says, so that a refresh gives no tick to another group.
    let rows = view! { <For each=move || groups.clone() key=GroupChange::clone children=|line| view! { <GroupRow line/> }/> };
    let why = may_not_change();
    let came = came.then_some(" Groups created since are deleted only if you select them.");
    // A plain form: the whole page is left for the plan.
    view! {
        <form class="restore" method="post" action=DraftRestore::url()>
            <input type="hidden" name="tenant" value=move || tenant.get()/>
            <input type="hidden" name="query" value=query/>
            <input type="hidden" name="moment" value=moment/>
            <input type="hidden" name="declared" value=declared_at/>
            <div class="table" tabindex="0" role="region" aria-label="Groups that differ"><table class="stacks history" role="table">
                <thead role="rowgroup"><tr role="row">
                    <th role="columnheader" scope="col"><span class="sr">"Restore or delete"</span></th>
                    <th role="columnheader" scope="col">"Group"</th><th role="columnheader" scope="col">"What changed"</th>
                    <th role="columnheader" scope="col">"When"</th><th role="columnheader" scope="col">"By"</th>
                </tr></thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table></div>
            {children()}
            <div class="foot">
                <span class="muted small">{format!("Restores groups as of {earlier}.")}{came}</span>
                <button class="button" type="submit" disabled=shut title=why>"Restore selected…"</button>
                {(restorable > 0).then(|| view! {
                    <button class="button primary" type="submit" name="all" value="1" disabled=shut title=why>"Restore all…"</button>
                })}
            </div>
        </form>
    }
}

fn roles(sign: &'static str, class: &'static str, spoken: &'static str, names: Vec<String>) -> Option<impl IntoView> {
    let more = names.len().saturating_sub(NAMED);
    let mut named = names;
    named.truncate(NAMED);
    let more = (more > 0).then(|| format!(" and {} more", thousands(whole(more))));
    (!named.is_empty()).then(|| {
        view! { <span class=class><span aria-hidden="true">{sign}" "</span><span class="sr">{spoken}" "</span>{named.join(", ")}{more}</span> }
    })
}

#[component]
fn GroupRow(line: GroupChange) -> impl IntoView {
    let tenant = use_tenant();
    let GroupChange { id, name, became, facts, added, removed, when, authors, outside, is_there, was_there, system } = line;
    // Qlik's own groups can neither be made nor deleted.
    let can = !system || (is_there && was_there);
    let label = if was_there { format!("Restore {name}") } else { format!("Delete {name}: it did not exist then") };
    let key = format!("{}:{id}", if was_there { "restore" } else { "delete" });
    let to = escape(&id);
    let called = if is_there {
        view! { <a href=move || format!("/t/{}/groups/{to}", live(tenant))><bdi>{name}</bdi></a> }.into_any()
    } else {
        view! { <bdi>{name}</bdi> }.into_any()
    };
    let chip = (became != Became::Changed).then(|| {
        let class = if became == Became::Created { "chip ok" } else { "chip bad" };
        let deletes = (!was_there && can).then_some(", selecting it deletes it");
        view! { " "<span class=class>{became.word()}</span><span class="muted small">{deletes}</span> }
    });
    let facts = facts.into_iter().map(|fact| view! { <span>{fact}</span> }).collect_view();
    let authors = authors
        .into_iter()
        .map(|Author { name, seq }| {
            view! { <a href=move || format!("/t/{}/audit?event={seq}", live(tenant))>{name}</a>" " }
        })
        .collect_view();
    view! {
        <tr role="row">
            <td role="cell"><input type="checkbox" name="rows[]" value=key aria-label=label disabled=!can/></td>
            <td role="cell" class="wide">{called}{chip}</td>
            <td role="cell"><span class="facts-of">{facts}{roles("+", "gained", "Roles added:", added)}{roles("−", "lost", "Roles removed:", removed)}</span></td>
            <td role="cell" class="num muted">{when}</td>
            <td role="cell">{authors}{outside.map(|words| view! { <span class="muted">{words}</span> })}</td>
        </tr>
    }
}

/// Roles that differ; they are changed in Qlik alone.
#[component]
fn Roles(roles: Vec<RoleChange>) -> impl IntoView {
    let tenant = use_tenant();
    let title = count(whole(roles.len() as u64), "role differs", "roles differ");
    let rows = roles
        .into_iter()
        .map(|RoleChange { id, name, became, facts, is_there }| {
            let to = escape(&id);
            let called = if is_there {
                view! { <a href=move || format!("/t/{}/roles/{to}", live(tenant))>{name}</a> }.into_any()
            } else {
                view! { {name} }.into_any()
            };
            let what = if facts.is_empty() { became.word().to_owned() } else { facts.join("; ") };
            view! { <tr role="row"><td role="cell" class="wide">{called}</td><td role="cell">{what}</td></tr> }
        })
        .collect_view();
    view! {
        <section class="panel" aria-labelledby="roles-differing">
            <header><h2 id="roles-differing">{title}</h2><span class="muted small">"Roles themselves are changed in Qlik."</span></header>
            <div class="table" tabindex="0" role="region" aria-label="Roles that differ"><table class="stacks" role="table">
                <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">"Role"</th><th role="columnheader" scope="col">"What changed"</th></tr></thead>
                <tbody role="rowgroup">{rows}</tbody>
            </table></div>
        </section>
    }
}

/// The baseline, and the way to declare one.
#[component]
fn Declared(
    baseline: Option<BaselineLine>,
    /// The earlier moment, which can be declared, too, and its words.
    to_declare: Option<(i64, String)>,
    off: bool,
    declare: ServerAction<Declare>,
    undeclare: ServerAction<Undeclare>,
) -> impl IntoView {
    let tenant = use_tenant();
    let (shut, shut_too) = (shut(declare, off), shut(undeclare, off));
    let why = may_not_change();
    let replaces = baseline.as_ref().map_or(0, |baseline| baseline.declared_at);
    let there = baseline.is_some();
    let facts = baseline.map(|BaselineLine { at, by, declared, .. }| {
        view! {
            <span>{format!("groups as of {at}")}<span class="muted">{format!(", declared by {by} on {declared}")}</span></span>
            <a class="link" href=move || format!("/t/{}/groups/history?from={BASELINE}", live(tenant))>"Compare with now"</a>
        }
    });
    let way = move |moment: Option<i64>, words: String| {
        view! {
            <ActionForm action=declare attr:class="inline">
                <input type="hidden" name="tenant" value=move || tenant.get()/>
                <input type="hidden" name="replaces" value=replaces/>
                {moment.map(|moment| view! { <input type="hidden" name="moment" value=moment/> })}
                <button class="button" type="submit" disabled=shut title=why data-careful=there.then_some("")>{words}</button>
            </ActionForm>
        }
    };
    let earlier = to_declare.map(|(moment, words)| way(Some(moment), format!("Use the state of {words} as baseline")));
    let ways = view! {
        {earlier}
        {way(None, "Use the current state as baseline".to_owned())}
    };
    let ways = if there {
        // What was declared cannot be declared again: its state may be gone by then.
        view! {
            <details class="menu push">
                <summary class="button plain">"Replace or remove…"</summary>
                <div class="sheet" role="group" aria-label="Replace or remove the baseline">
                    <p class="small">"This discards the baseline that is declared now, and cannot be undone."</p>
                    {ways}
                    <ActionForm action=undeclare attr:class="inline">
                        <input type="hidden" name="tenant" value=move || tenant.get()/>
                        <button class="button bad" type="submit" disabled=shut_too title=why data-careful="">"Remove baseline"</button>
                    </ActionForm>
                </div>
            </details>
        }
        .into_any()
    } else {
        view! { <span class="push">{ways}</span> }.into_any()
    };
    view! {
        <section class="baseline" aria-labelledby="baseline">
            <h2 id="baseline">"Baseline"</h2>
            {(!there).then(|| view! {
                <span class="muted">"None is declared. It says how groups and roles are meant to be; the overview then counts the groups that differ."</span>
            })}
            {facts}
            {ways}
        </section>
    }
}
