//! The assignments table with its filters and the bar of what is selected.

use domain::table::{Column, Filter, Sort, View};
use domain::text::thousands;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};

use super::api::{AssignmentsView, Choice, Draft, RowLine, assignments, visible};
use super::person::{Beside, beside, with_person};
use super::selection::{Picked, Selecting};
use super::view_of;
use crate::features::shared::{Failed, FreshLine, Refreshing, live, show, shut, use_tenant};
use crate::ui::feedback::{Empty, Skeleton};
use crate::ui::head::Head;
use crate::ui::pager::Pager;
use crate::ui::query::to_query;

fn n(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Who holds which license.
#[component]
pub fn AssignmentsPage() -> impl IntoView {
    let tenant = use_tenant();
    let refreshing = expect_context::<Refreshing>();
    let location = use_location();
    // The address is the state: only what a view knows counts, so that a foreign parameter changes nothing.
    let query = Memo::new(move |_| location.search.try_with(|search| to_query(&view_of(search).to_pairs())).unwrap_or_default());
    let selecting = Selecting::new();
    let draft = ServerAction::<Draft>::new();
    let (subject, job) = (beside("person"), beside("job"));
    // An edit made beside the table changes it; closing what says so does not.
    let edited = Memo::new(move |before: Option<&String>| match (live(job), before) {
        (job, Some(before)) if job.is_empty() => before.clone(),
        (job, _) => job,
    });
    let data = Resource::new(
        move || (live(tenant), live(query), refreshing.version(), live(edited)),
        |(tenant, query, _, _)| assignments(tenant, query),
    );
    #[cfg(feature = "hydrate")]
    clear_on_escape(selecting);
    view! {
        <Failed of=draft.value()/>
        <div class="split" class:open=move || !live(subject).is_empty()>
        <div class="main">
        <Transition fallback=|| view! { <Head title="Assignments" waiting=true/><Skeleton lines=12/> }>
            {move || {
                data.get().map(|got| {
                    show(got, move || data.refetch(), move |view, fresh| {
                        let off = fresh.trouble.is_some();
                        view! {
                            <Head title="Assignments">
                                <a class="link" href=move || format!("/t/{}/lists", live(tenant))>"Import a list"</a>
                                <a class="link" href=move || format!("/export/{}/assignments.csv{}", live(tenant), live(query)) rel="external" download="">"Export CSV"</a>
                                <FreshLine fresh/>
                            </Head>
                            <Body view query subject selecting draft off/>
                        }
                    })
                })
            }}
        </Transition>
        </div>
        <Beside query subject job/>
        </div>
    }
}

/// What the filters offer.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Choices {
    allotments: Vec<Choice>,
    statuses: Vec<Choice>,
    roles: Vec<Choice>,
    group: Option<Choice>,
}

impl Choices {
    fn of(view: &AssignmentsView) -> Self {
        Self {
            allotments: view.allotments.clone(),
            statuses: view.statuses.clone(),
            roles: view.roles.clone(),
            group: view.group.clone(),
        }
    }
}

#[cfg(feature = "hydrate")]
fn clear_on_escape(selecting: Selecting) {
    use leptos::wasm_bindgen::JsCast;
    let handle = window_event_listener(leptos::ev::keydown, move |event| {
        let find = |what: &str| document().query_selector(what).ok().flatten();
        if event.key() != "Escape" || find("dialog[open]").is_some() {
            return;
        }
        // One step back at a time: the panel first, the selection then.
        match find(".side .close").and_then(|link| link.dyn_into::<leptos::web_sys::HtmlElement>().ok()) {
            Some(close) => close.click(),
            None => selecting.clear(),
        }
    });
    on_cleanup(move || handle.remove());
}

#[component]
fn Body(
    view: AssignmentsView,
    query: Memo<String>,
    subject: Memo<String>,
    selecting: Selecting,
    draft: ServerAction<Draft>,
    off: bool,
) -> impl IntoView {
    let tenant = use_tenant();
    let (page, pages, matching) = (view.page, view.pages, view.matching);
    let now = view_of(&query.get_untracked());
    let href = {
        let now = now.clone();
        Callback::new(move |to: u32| {
            format!("/t/{}/assignments{}", tenant.get_untracked(), to_query(&View { page: to, ..now.clone() }.to_pairs()))
        })
    };
    let empty = view.rows.is_empty();
    let filtered = !now.filter.is_empty();
    let choices = Choices::of(&view);
    let count = if view.matching == view.of {
        format!("{} rows", thousands(n(view.of)))
    } else {
        format!("{} of {}", thousands(n(view.matching)), thousands(n(view.of)))
    };
    let targets = view.targets.clone();
    let rows = view.rows.clone();
    view! {
        <Filters choices query count/>
        {(empty && filtered).then(|| view! {
            <Empty title="Nobody matches this filter">
                <a href=move || format!("/t/{}/assignments", tenant.get())>"Clear the filter"</a>{format!(" to see all {}.", thousands(n(view.of)))}
            </Empty>
        })}
        {(empty && !filtered).then(|| view! {
            <Empty title="This tenant has no users and no licenses in use">"They appear here as soon as somebody signs in or is given a license."</Empty>
        })}
        // A plain form: the whole page is left for the plan, with a script and without.
        {(!empty).then(move || view! {
            <form method="post" action=Draft::url()>
                <input type="hidden" name="tenant" value=move || tenant.get()/>
                <Table rows=rows now=now matching selecting query subject first=u64::from(page - 1) * 100/>
                <Pager page pages href/>
                <Bar matching query selecting targets draft off/>
            </form>
        })}
    }
}

#[component]
fn Filters(choices: Choices, query: Memo<String>, count: String) -> impl IntoView {
    let tenant = use_tenant();
    let form = NodeRef::<leptos::html::Form>::new();
    let navigate = use_navigate();
    // Where scripts run, the table follows each choice at once; without them the button does.
    let follow = move || {
        let Some(form) = form.get_untracked() else { return };
        let pairs = read_form(&form);
        let view = View::from_pairs(pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        let to = format!("/t/{}/assignments{}", tenant.get_untracked(), to_query(&view.to_pairs()));
        navigate(&to, NavigateOptions { scroll: false, replace: true, ..NavigateOptions::default() });
    };
    let (on_change, on_input, on_submit) = (follow.clone(), follow.clone(), follow);
    // As of this drawing: the form is drawn again with each answer, and must not look at the address while its page is left.
    let now = view_of(&query.get_untracked());
    let filter = now.filter.clone();
    let chosen = |read: fn(&Filter) -> String| read(&filter);
    let text = filter.text.clone();
    let option = |value: &str, label: &str| Choice { value: value.to_owned(), label: label.to_owned(), rows: None };
    let licenses = vec![option("any", "With a license"), option("none", "Without a license")];
    let flags = vec![option("excess", "Excess"), option("orphan", "Orphans")];
    let sort =
        View { sort: now.sort, ..View::default() }.to_pairs().into_iter().next().map(|(_, value)| value).unwrap_or_default();
    let clear = (!filter.is_empty())
        .then(|| view! { <a class="button plain" href=move || format!("/t/{}/assignments", tenant.get())>"Clear"</a> });
    let group = choices.group.map(|group| {
        let mut without = now.clone();
        without.filter.group = None;
        without.page = 1;
        let href = format!("/t/{}/assignments{}", tenant.get_untracked(), to_query(&without.to_pairs()));
        view! {
            <input type="hidden" name="group" value=group.value/>
            <a class="chip set" href=href aria-label=format!("Remove the filter: group {}", group.label)>{format!("Group: {} ×", group.label)}</a>
        }
    });
    view! {
        <form class="filters" method="get" role="search" aria-label="Filter the table" node_ref=form
            on:change=move |_| on_change()
            on:submit=move |event| { event.prevent_default(); on_submit(); }>
            <label class="sr" for="q">"Name, subject or mail"</label>
            <input class="search" type="search" id="q" name="q" placeholder="Name, subject or mail"
                value=text.clone() prop:value=text on:input=move |_| on_input()/>
            <Select name="allotment" label="Allotment" any="Any allotment" choices=choices.allotments
                chosen=chosen(|filter| filter.allotment.as_ref().map(ToString::to_string).unwrap_or_default())/>
            <Select name="license" label="License" any="With or without" choices=licenses
                chosen=chosen(|filter| filter.licensed.map_or("", |any| if any { "any" } else { "none" }).to_owned())/>
            <Select name="flag" label="Flag" any="Any flag" choices=flags
                chosen=chosen(|filter| if filter.excess { "excess" } else if filter.orphan { "orphan" } else { "" }.to_owned())/>
            <Select name="status" label="Status" any="Any status" choices=choices.statuses chosen=chosen(|filter| filter.status.clone().unwrap_or_default())/>
            <Select name="role" label="Role" any="Any role" choices=choices.roles
                chosen=chosen(|filter| filter.role.as_ref().map(ToString::to_string).unwrap_or_default())/>
            {group}
            <input type="hidden" name="sort" value=sort/>
            <button class="button" type="submit">"Filter"</button>
            {clear}
            <span class="result" role="status">{count}</span>
        </form>
    }
}

/// The pairs of a form as the browser would send them.
fn read_form(form: &leptos::web_sys::HtmlFormElement) -> Vec<(String, String)> {
    let Ok(data) = leptos::web_sys::FormData::new_with_form(form) else { return Vec::new() };
    ["q", "allotment", "license", "flag", "status", "role", "group", "sort"]
        .iter()
        .filter_map(|key| Some(((*key).to_owned(), data.get(key).as_string()?)))
        .collect()
}

#[component]
fn Select(name: &'static str, label: &'static str, any: &'static str, choices: Vec<Choice>, chosen: String) -> impl IntoView {
    let class = if chosen.is_empty() { "select" } else { "select set" };
    let options = choices
        .into_iter()
        .map(|choice| {
            let selected = choice.value == chosen;
            let text =
                choice.rows.map_or_else(|| choice.label.clone(), |rows| format!("{}, {}", choice.label, thousands(n(rows))));
            view! { <option value=choice.value selected=selected>{text}</option> }
        })
        .collect_view();
    view! {
        <label class="sr" for=format!("filter-{name}")>{label}</label>
        <select class=class id=format!("filter-{name}") name=name prop:value=chosen>
            <option value="">{any}</option>{options}
        </select>
    }
}

#[component]
fn Table(
    rows: Vec<RowLine>,
    now: View,
    matching: u64,
    selecting: Selecting,
    query: Memo<String>,
    subject: Memo<String>,
    first: u64,
) -> impl IntoView {
    let tenant = use_tenant();
    let here = format!("/t/{}/assignments{}", tenant.get_untracked(), to_query(&now.to_pairs()));
    let head = move |column: Column, text: &'static str, class: &'static str| {
        let here = now.sort.column == column;
        let descending = here && !now.sort.descending;
        let to = View { sort: Sort { column, descending }, page: 1, ..now.clone() };
        let href = format!("/t/{}/assignments{}", tenant.get_untracked(), to_query(&to.to_pairs()));
        let sorted = here.then_some(if now.sort.descending { "descending" } else { "ascending" });
        let arrow = match (here, now.sort.descending) {
            (false, _) => "",
            (true, false) => " ↑",
            (true, true) => " ↓",
        };
        view! { <th scope="col" class=class aria-sort=sorted><a href=href>{text}<span aria-hidden="true">{arrow}</span></a></th> }
    };
    let keys: Vec<String> = rows.iter().map(|row| row.key.clone()).collect();
    let picked = selecting.picked;
    let keys_of_page = StoredValue::new(keys);
    let all = move || keys_of_page.with_value(|keys| picked.with(|picked| keys.iter().all(|key| picked.has(key))));
    let toggle_all = move |event| {
        let on = event_target_checked(&event);
        keys_of_page.with_value(|keys| picked.update(|picked| keys.iter().for_each(|key| picked.set(key, on))));
    };
    let lines = rows
        .into_iter()
        .enumerate()
        .map(|(at, row)| {
            let href = with_person(&here, &row.subject);
            view! { <Line row at selecting keys=keys_of_page open=subject href index=first + at as u64 + 2/> }
        })
        .collect_view();
    let select_all = move |event: leptos::ev::KeyboardEvent| {
        if event.key() == "a" && (event.ctrl_key() || event.meta_key()) {
            event.prevent_default();
            let filter = to_query(&view_of(&query.get_untracked()).filter.to_pairs());
            picked.set(Picked { matching: Some(filter), ..Picked::default() });
        }
    };
    view! {
        <div class="table" tabindex="0" role="region" aria-label="People and licenses" on:keydown=select_all>
            <table aria-rowcount=matching + 1>
                <thead><tr aria-rowindex="1">
                    <th scope="col" class="box"><input type="checkbox" class="js-only" aria-label="Select all rows of this page" prop:checked=all on:change=toggle_all/></th>
                    {head(Column::Person, "Person", "")}
                    {head(Column::Mail, "Mail", "hide-narrow")}
                    {head(Column::Allotment, "Allotment", "")}
                    {head(Column::Since, "Since", "num hide-narrow")}
                    {head(Column::Status, "Status", "hide-narrow")}
                    <th scope="col">"Flags"</th>
                    {head(Column::Groups, "Groups", "num hide-narrow")}
                </tr></thead>
                <tbody>{lines}</tbody>
            </table>
        </div>
    }
}

#[component]
fn Line(
    row: RowLine,
    at: usize,
    selecting: Selecting,
    keys: StoredValue<Vec<String>>,
    open: Memo<String>,
    href: String,
    index: u64,
) -> impl IntoView {
    let key = StoredValue::new(row.key.clone());
    let picked = Memo::new(move |_| selecting.picked.with(|picked| key.with_value(|key| picked.has(key))));
    let who = if row.name.is_empty() { row.subject.clone() } else { row.name.clone() };
    // Their name opens the panel; the subject does where there is none.
    let name = if row.name.is_empty() { row.subject.clone() } else { row.name.clone() };
    let sub = if row.orphan {
        view! { <span class="muted">" not a user here"</span> }.into_any()
    } else {
        view! { <span class="sub">{(!row.name.is_empty()).then(|| row.subject.clone())}</span> }.into_any()
    };
    let person = row.subject.clone();
    let is_open = move || open.try_with(|open| *open == person).unwrap_or_default();
    let shift = RwSignal::new(false);
    view! {
        <tr class:picked=picked class:open=is_open aria-rowindex=index>
            <td class="box">
                <input type="checkbox" name="rows[]" value=row.key aria-label=format!("Select {who}{}", if row.allotment.is_empty() { String::new() } else { format!(", {}", row.allotment) })
                    prop:checked=picked
                    on:click=move |event: leptos::ev::MouseEvent| shift.set(event.shift_key())
                    on:change=move |event| keys.with_value(|keys| selecting.click(keys, at, event_target_checked(&event), shift.get_untracked()))/>
            </td>
            <td><a class="person-link" class:mono=row.name.is_empty() data-noscroll="" href=href>{name}</a>{sub}</td>
            <td class="hide-narrow muted">{row.email}</td>
            <td>{if row.allotment.is_empty() { view! { <span class="muted">"none"</span> }.into_any() } else { row.allotment.into_any() }}</td>
            <td class="num hide-narrow">{row.since}</td>
            <td class="hide-narrow muted">{row.status.clone()}</td>
            <td>
                {row.excess.then(|| view! { <span class="chip bad">"excess"</span>" " })}
                {row.orphan.then(|| view! { <span class="chip warn">"orphan"</span>" " })}
                {row.bot.then(|| view! { <span class="chip">"bot"</span>" " })}
                {(row.held > 1).then(|| view! { <span class="chip">{format!("{} licenses", row.held)}</span>" " })}
                {matches!(row.status.as_str(), "disabled" | "deleted").then(|| view! { <span class="chip warn">{row.status}</span> })}
            </td>
            <td class="num hide-narrow">{row.groups}</td>
        </tr>
    }
}

#[component]
fn Bar(
    matching: u64,
    query: Memo<String>,
    selecting: Selecting,
    targets: Vec<Choice>,
    draft: ServerAction<Draft>,
    off: bool,
) -> impl IntoView {
    let tenant = use_tenant();
    let picked = selecting.picked;
    let filter = StoredValue::new(to_query(&view_of(&query.get_untracked()).filter.to_pairs()));
    // Rows picked by hand that the present filter does not show; asked of the server, which has all rows.
    let seen = Resource::new(
        move || (live(tenant), filter.try_get_value().unwrap_or_default(), picked.try_get().unwrap_or_default()),
        |(tenant, filter, picked)| async move {
            if filter.is_empty() || picked.is_empty() || picked.matching.is_some() {
                return Ok(picked.keys.len() as u64);
            }
            visible(tenant, filter, picked.keys.into_iter().collect()).await
        },
    );
    let hidden = move || {
        let seen = seen
            .try_get()
            .flatten()
            .and_then(Result::ok)
            .unwrap_or_else(|| picked.try_with(|picked| picked.keys.len() as u64).unwrap_or_default());
        picked.with(|picked| if picked.matching.is_some() { 0 } else { (picked.keys.len() as u64).saturating_sub(seen) })
    };
    let selected = move || picked.try_with(|picked| picked.count(matching)).unwrap_or_default();
    let none = move || selected() == 0;
    let closed = shut(draft, off);
    let why_off = off.then(|| view! { <span class="small bad">"Changes are off: refresh."</span> });
    let extra = move || {
        picked.with(|picked| match &picked.matching {
            Some(query) => {
                let except = picked.keys.iter().map(|key| view! { <input type="hidden" name="except[]" value=key.clone()/> }).collect_view();
                view! { <input type="hidden" name="matching" value="1"/><input type="hidden" name="query" value=query.clone()/>{except} }.into_any()
            }
            // Rows of this page are in the form by their boxes; those picked on other pages are added here.
            None => picked.keys.iter().map(|key| view! { <input type="hidden" name="rows[]" value=key.clone()/> }).collect_view().into_any(),
        })
    };
    let options = targets.into_iter().map(|choice| view! { <option value=choice.value>{choice.label}</option> }).collect_view();
    let all = move |_| picked.set(Picked { matching: Some(filter.get_value()), ..Picked::default() });
    view! {
        {extra}
        <div class="bar" role="toolbar" aria-label="Selection" class:idle=none>
            <span class="js-only" role="status">
                <b class="num">{move || format!("{} selected", thousands(n(selected())))}</b>
                {move || (hidden() > 0).then(|| format!(", {} hidden by the filter", thousands(n(hidden()))))}
            </span>
            {move || picked.with(|picked| picked.matching.is_none()).then(|| view! {
                <button class="link js-only" type="button" on:click=all>{format!("Select all {} matching", thousands(n(matching)))}</button>
            })}
            {why_off}
            <label class="sr" for="to">"License to give"</label>
            <select class="select" id="to" name="to">{options}</select>
            <button class="button primary" type="submit" name="action" value="change" disabled=closed>"Change type…"</button>
            <button class="button" type="submit" name="action" value="assign" disabled=closed>"Assign…"</button>
            <button class="button danger" type="submit" name="action" value="remove" disabled=closed>"Remove…"</button>
            <button class="button plain js-only" type="button" on:click=move |_| selecting.clear()>"Clear "<kbd>"Esc"</kbd></button>
        </div>
    }
}
