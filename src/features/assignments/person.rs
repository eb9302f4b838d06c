//! The panel beside the table: everything known of a person, and their licenses to change one by one.

use domain::assignments::Table;
use domain::text::thousands;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_query_map};

use super::api::{Edit, TakeBack, person};
use super::view::{Edited, HeldLine, PersonView, Target};
use crate::error::AppError;
use crate::features::condition::{Failed, NotShown};
use crate::features::jobs::outcome;
use crate::features::me::may_not_change;
use crate::features::shared::{Refreshing, busy, live, shut, use_tenant};
use crate::features::table::Live;
use crate::ui::copy::CopyId;
use crate::ui::feedback::Note;
use crate::ui::load::load;
use crate::ui::query::escape;

/// Adds a person to the table's address.
pub fn with_person(address: &str, subject: &str) -> String {
    let joint = if address.contains('?') { '&' } else { '?' };
    format!("{address}{joint}person={}", escape(subject))
}

/// A value of the address that is not part of the table's view.
pub fn beside(name: &'static str) -> Memo<String> {
    let query = use_query_map();
    Memo::new(move |_| query.try_with(|query| query.get(name)).flatten().unwrap_or_default())
}

/// The panel; nothing where the address names nobody. `query` is the table's view as the address holds it.
#[component]
pub fn Beside(
    table: Live<Table>,
    query: Memo<String>,
    subject: Memo<String>,
    job: Memo<String>,
    /// Goes up with every edit that was answered, wherever that led.
    edits: RwSignal<usize>,
) -> impl IntoView {
    let tenant = use_tenant();
    let refreshing = expect_context::<Refreshing>();
    let edit = ServerAction::<Edit>::new();
    let undo = ServerAction::<TakeBack>::new();
    let (edited, undone) = (edit.version(), undo.version());
    Effect::new(move |_| {
        let answered = edited.try_get().unwrap_or_default() + undone.try_get().unwrap_or_default();
        let _ = edits.try_set(answered);
        // What was pressed is drawn anew: the focus stays in the panel.
        #[cfg(feature = "hydrate")]
        if answered > 0 {
            crate::ui::scope::Scope::here().later(std::time::Duration::from_millis(400), || {
                use leptos::wasm_bindgen::JsCast;
                let lost = document().active_element().is_none_or(|now| now.tag_name() == "BODY");
                let heading = document().get_element_by_id("person");
                if let Some(heading) = heading.filter(|_| lost).and_then(|it| it.dyn_into::<leptos::web_sys::HtmlElement>().ok())
                {
                    let _ = heading.focus();
                }
            });
        }
    });
    let data = load(
        move || (live(tenant), live(subject), live(job), refreshing.version()),
        |(tenant, subject, job, _)| async move {
            let found = if subject.is_empty() { Ok(None) } else { person(tenant, subject.clone(), job).await };
            (subject, found)
        },
    );
    let address = move |subject: &str| with_person(&format!("/t/{}/assignments{}", live(tenant), live(query)), subject);
    let beside = Memo::new(move |_| neighbours(table, &live(subject)));
    let navigate = use_navigate();
    // The panel walks along the table, wherever the focus is in it.
    let walk = Callback::new(move |event: leptos::ev::KeyboardEvent| {
        let typing = event_target_is_field(&event);
        let to = match event.key().as_str() {
            // What was asked for is told in the panel it was asked in.
            _ if busy(edit)() || busy(undo)() => None,
            // In an open menu they are the menu's.
            _ if document().query_selector(".side details[open]").ok().flatten().is_some() => None,
            _ if typing || event.ctrl_key() || event.meta_key() || event.alt_key() || event.shift_key() => None,
            "ArrowUp" => beside.try_get_untracked().and_then(|beside| beside.0),
            "ArrowDown" => beside.try_get_untracked().and_then(|beside| beside.1),
            _ => None,
        };
        if let Some(to) = to {
            event.prevent_default();
            navigate(&address(&to), NavigateOptions { scroll: false, replace: true, ..NavigateOptions::default() });
        }
    });
    let step = move |key: &'static str, name: &'static str, of: fn(&Neighbours) -> Option<String>| {
        move || {
            beside.try_with(of).flatten().map(|to| {
                view! { <a class="button plain step" data-noscroll="" href=address(&to) aria-label=name title=format!("{name} ({key})")>{key}</a> }
            })
        }
    };
    let close = move || format!("/t/{}/assignments{}", live(tenant), live(query));
    // Whom the answer is about comes with it: by now the address may name somebody else already.
    let panel = move |(asked, got): (String, Result<Option<PersonView>, AppError>)| {
        if asked.is_empty() {
            return ().into_any();
        }
        let (title, body) = match got {
            Ok(Some(view)) => {
                let again = Callback::new(move |()| data.refetch());
                let title = if view.name.is_empty() { view.subject.clone() } else { view.name.clone() };
                (title, view! { <Body view query edit undo again/> }.into_any())
            }
            Ok(None) => (
                asked.clone(),
                view! { <p class="muted">"No user or license has this subject. It may have been renamed or removed."</p> }
                    .into_any(),
            ),
            Err(error) => (asked.clone(), view! { <NotShown error again=move || data.refetch()/> }.into_any()),
        };
        let heading = NodeRef::<leptos::html::H2>::new();
        #[cfg(feature = "hydrate")]
        focus_once(heading, &asked);
        view! {
            <aside class="side" aria-labelledby="person" on:keydown=move |event| walk.run(event)>
                <header>
                    <h2 id="person" tabindex="-1" node_ref=heading>{title}</h2>
                    {step("↑", "Previous person", |beside| beside.0.clone())}
                    {step("↓", "Next person", |beside| beside.1.clone())}
                    <a class="button plain close" data-noscroll="" href=close on:click=move |_| return_focus()>"Close "<kbd>"Esc"</kbd></a>
                </header>
                <Failed of=edit.value()/>
                <Failed of=undo.value()/>
                {body}
            </aside>
        }
        .into_any()
    };
    view! { <Transition>{move || data.get().map(panel)}</Transition> }
}

/// The subjects of the people before and after one in the table as it is shown.
type Neighbours = (Option<String>, Option<String>);

fn neighbours(live: Live<Table>, subject: &str) -> Neighbours {
    if subject.is_empty() || !live.is_here() {
        return (None, None);
    }
    live.table.with(|table| {
        live.order.with(|order| {
            let rows = order.iter().filter_map(|at| table.row(*at));
            beside_of(rows.map(|row| (row.subject(), row.held() > 1)), subject)
        })
    })
}

/// The subjects before and after one among rows of a subject and whether it may have several. Each counts where it comes first.
fn beside_of<'a>(rows: impl Iterator<Item = (&'a str, bool)>, subject: &str) -> Neighbours {
    let here = domain::text::same(subject);
    let mut seen = std::collections::HashSet::new();
    let (mut before, mut found) = (None, false);
    for (of, several) in rows {
        let key = domain::text::same(of);
        if several && !seen.insert(key.clone()) {
            continue;
        }
        match (found, key == here) {
            (true, _) => return (before, Some(of.to_owned())),
            (false, true) => found = true,
            (false, false) => before = Some(of.to_owned()),
        }
    }
    if found { (before, None) } else { (None, None) }
}

/// Whether somebody types, or chooses from a list.
fn event_target_is_field(event: &leptos::ev::KeyboardEvent) -> bool {
    use leptos::wasm_bindgen::JsCast;
    let target = event.target().and_then(|target| target.dyn_into::<leptos::web_sys::Element>().ok());
    target.is_some_and(|target| matches!(target.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT"))
}

/// The panel takes the focus when it opens for somebody, not when it is drawn again.
#[cfg(feature = "hydrate")]
fn focus_once(heading: NodeRef<leptos::html::H2>, asked: &str) {
    use std::cell::RefCell;
    thread_local! { static LAST: RefCell<String> = const { RefCell::new(String::new()) }; }
    let asked = asked.to_owned();
    Effect::new(move |_| {
        let Some(heading) = heading.get() else { return };
        let before = LAST.with(|last| last.replace(asked.clone()));
        if before != asked {
            crate::ui::head::focus_soon(heading.into());
        }
    });
    on_cleanup(|| {
        // Opened again later, it takes the focus again.
        if document().query_selector(".side").ok().flatten().is_none() {
            LAST.with(|last| last.borrow_mut().clear());
        }
    });
}

/// Gives the focus back to the row that the panel was opened from.
fn return_focus() {
    #[cfg(feature = "hydrate")]
    {
        use leptos::wasm_bindgen::JsCast;
        let row = document().query_selector(".line.open .person-link").ok().flatten();
        let Some(row) = row.and_then(|row| row.dyn_into::<leptos::web_sys::HtmlElement>().ok()) else { return };
        crate::ui::head::focus_soon(row);
    }
}

#[component]
fn Body(
    view: PersonView,
    query: Memo<String>,
    edit: ServerAction<Edit>,
    undo: ServerAction<TakeBack>,
    again: Callback<()>,
) -> impl IntoView {
    let tenant = use_tenant();
    let subject = view.subject.clone();
    let user = !view.id.is_empty();
    let held: Vec<Option<HeldLine>> =
        if view.held.is_empty() { vec![None] } else { view.held.iter().cloned().map(Some).collect() };
    let lines = held
        .into_iter()
        .map(|held| view! { <License held targets=view.targets.clone() subject=subject.clone() query edit off=view.off/> })
        .collect_view();
    let groups = view
        .groups
        .into_iter()
        .map(|(id, name)| view! { <li><a href=move || format!("/t/{}/groups/{id}", tenant.get())>{name}</a></li> })
        .collect_view();
    let roles = view
        .roles
        .into_iter()
        .map(|(name, by)| {
            let by = if by == "directly" { by } else { format!("via {by}") };
            view! { <li><span>{name}</span><span class="muted small">{by}</span></li> }
        })
        .collect_view();
    let recent = view
        .recent
        .into_iter()
        .map(|(day, what)| view! { <li><span class="num-left">{day}</span><span class="muted small">{what}</span></li> })
        .collect_view();
    let no_recent = view.no_recent;
    let (no_groups, no_roles, no_history) = (groups.is_empty(), roles.is_empty(), view.history.is_empty());
    let history = view
        .history
        .into_iter()
        .map(|line| {
            let (class, words) = outcome(&line.outcome);
            let job = line.job.clone();
            view! {
                <li>
                    <span class="num-left muted small">{line.at}</span>
                    <a href=move || format!("/t/{}/jobs/{job}", tenant.get())>{line.action}</a>
                    <span class=class>{words}</span>
                    <span class="small muted wide">{line.actor}{(!line.detail.is_empty()).then(|| format!(": {}", line.detail))}</span>
                </li>
            }
        })
        .collect_view();
    view! {
        {view.edited.map(|edited| view! { <Outcome edited subject=subject.clone() query undo again/> })}
        {view.off.then(|| view! { <Note tone="warn" title="Changes are disabled">"until the tenant responds. Refresh to try again."</Note> })}
        <dl class="facts">
            <dt>"Subject"</dt><dd class="mono"><CopyId text=subject.clone()/></dd>
            {(!view.email.is_empty()).then(|| view! { <dt>"Email"</dt><dd>{view.email}</dd> })}
            <dt>"Status"</dt>
            <dd>
                {if user { view.status } else { "not a user of this tenant; may belong to another tenant of this subscription".to_owned() }}
                {view.bot.then(|| view! { " "<span class="chip">"bot"</span> })}
            </dd>
            {(!view.used.is_empty()).then(|| view! { <dt>"Last used"</dt><dd>{view.used}</dd> })}
            {user.then(|| view! { <dt>"User ID"</dt><dd class="mono"><CopyId text=view.id/></dd> })}
        </dl>
        <section aria-labelledby="held">
            <h3 id="held">"Licenses"</h3>
            <ul class="licenses">{lines}</ul>
        </section>
        <section aria-labelledby="in-groups">
            <h3 id="in-groups">"Groups"</h3>
            {(no_groups && view.unseen.is_empty()).then(|| view! { <p class="muted small">"Not in any group."</p> })}
            <ul class="plain-list">{groups}</ul>
        </section>
        <section aria-labelledby="has-roles">
            <h3 id="has-roles">"Roles"</h3>
            {(!view.unseen.is_empty()).then(|| view! { <p class="small">{view.unseen.clone()}</p> })}
            {(no_roles && view.unseen.is_empty()).then(|| view! { <p class="muted small">"Only the default roles."</p> })}
            <ul class="pairs">{roles}</ul>
        </section>
        {user.then(|| view! {
            <section aria-labelledby="recent">
                <h3 id="recent">"Recent usage"</h3>
                {(!no_recent.is_empty()).then(|| view! { <p class="muted small">{no_recent}</p> })}
                <ul class="pairs">{recent}</ul>
            </section>
        })}
        <section aria-labelledby="history">
            <h3 id="history">"Changed through Quartermaster"</h3>
            {no_history.then(|| view! { <p class="muted small">"No changes."</p> })}
            <ul class="history">{history}</ul>
        </section>
    }
}

/// A license held, and what it can become; or none, and what can be given.
#[component]
fn License(
    held: Option<HeldLine>,
    targets: Vec<Target>,
    subject: String,
    query: Memo<String>,
    edit: ServerAction<Edit>,
    off: bool,
) -> impl IntoView {
    let tenant = use_tenant();
    let closed = shut(edit, off);
    let (verb, menu) = if held.is_some() { ("Change license to", "Change license") } else { ("Assign", "Assign license") };
    let from = held.as_ref().map(|held| held.value.clone()).unwrap_or_default();
    let options = targets
        .into_iter()
        .filter(|target| target.value != from)
        .map(|target| {
            let seats = match (target.free, target.paid) {
                (Some(free), _) if free <= 0 => "no free seat, opens a plan".to_owned(),
                (_, paid) if paid <= 0 => "in overage after, opens a plan".to_owned(),
                (Some(free), _) => format!("{} free → {}", thousands(free), thousands(free - 1)),
                (None, paid) => format!("{} paid seats free → {}", thousands(paid), thousands(paid - 1)),
            };
            let whole = format!("{verb} {}, {seats}", target.label);
            view! {
                // Applied at once, so the palette only goes to it.
                <li><button class="button plain" type="submit" name="to" value=target.value aria-label=whole disabled=closed title=may_not_change() data-careful="">
                    {target.label}<span class="muted small">{seats}</span></button></li>
            }
        })
        .collect_view();
    let remove = held.as_ref().map(|held| {
        let text = format!("Remove {}", held.label);
        let whole = format!("{text} license");
        view! { <li><button class="button plain bad" type="submit" name="to" value="" aria-label=whole disabled=closed title=may_not_change() data-careful="">{text}</button></li> }
    });
    let what = match held {
        None => view! { <p class="muted small">"No license."</p> }.into_any(),
        Some(held) => view! {
            <p><b>{held.label}</b>
                {(!held.since.is_empty()).then(|| view! { <span class="muted small">{format!(" since {}", held.since)}</span> })}
                {held.excess.then(|| view! { " "<span class="chip bad">"excess"</span> })}
            </p>
        }
        .into_any(),
    };
    view! {
        <li>
            {what}
            <ActionForm action=edit attr:class="inline">
                <input type="hidden" name="tenant" value=move || tenant.get()/>
                <input type="hidden" name="subject" value=subject/>
                <input type="hidden" name="from" value=from/>
                <input type="hidden" name="query" value=move || query.get()/>
                <details class="menu"><summary class="button">{menu}</summary>
                    <ul class="sheet targets">{options}{remove}</ul></details>
                <span class="muted small">"Applied at once, unless it says that it opens a plan. Can be undone."</span>
            </ActionForm>
        </li>
    }
}

/// What the edit just made came to, and the way back.
#[component]
fn Outcome(
    edited: Edited,
    subject: String,
    query: Memo<String>,
    undo: ServerAction<TakeBack>,
    again: Callback<()>,
) -> impl IntoView {
    let tenant = use_tenant();
    #[cfg(feature = "hydrate")]
    if edited.state.is_empty() {
        crate::ui::scope::Scope::here().later(std::time::Duration::from_millis(500), move || again.run(()));
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = again;
    let (tone, says) = match edited.state.as_str() {
        "done" => ("ok", "Done."),
        "already" => ("ok", "No change needed."),
        "" => ("warn", "In progress…"),
        "refused" => ("bad", "Rejected by Qlik."),
        _ => ("warn", "Result not known yet."),
    };
    let (pending, closed) = (busy(undo), shut(undo, false));
    let job = edited.job.clone();
    view! {
        <Note tone title=format!("{}: {says}", edited.title)>
            {edited.why}
            " "<a href=move || format!("/t/{}/jobs/{job}", tenant.get())>"Details"</a>
            {edited.undo.then(|| view! {
                <ActionForm action=undo attr:class="inline">
                    <input type="hidden" name="tenant" value=move || tenant.get()/>
                    <input type="hidden" name="subject" value=subject/>
                    <input type="hidden" name="job" value=edited.job/>
                    <input type="hidden" name="query" value=move || query.get()/>
                    <button class="link" type="submit" disabled=closed title=may_not_change()>{move || if pending() { "Undoing…" } else { "Undo" }}</button>
                </ActionForm>
            })}
        </Note>
    }
}

#[cfg(test)]
mod tests {
    use super::beside_of;

    #[test]
    fn the_panel_meets_everybody_once() {
        let rows = [("m\\a", true), ("m\\b", false), ("M\\A", true), ("m\\c", false)];
        let of = |subject: &str| beside_of(rows.into_iter(), subject);
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(of("m\\a"), (None, text("m\\b")));
        assert_eq!(of("m\\B"), (text("m\\a"), text("m\\c")));
        assert_eq!(of("m\\c"), (text("m\\b"), None));
        assert_eq!(of("m\\nobody"), (None, None));
    }
}
