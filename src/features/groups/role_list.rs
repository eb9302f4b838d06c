//! The roles of a tenant to choose from: of an existing group, or for a new one.

use std::collections::BTreeSet;

use domain::inventory::RoleId;
use domain::roles::RoleMark;
use domain::text::folded;
use leptos::prelude::*;

use super::view::RoleLine;
use crate::features::me::may_not_change;
use crate::features::shared::use_tenant;
use crate::ui::query::escape;

/// A list of so many roles can be searched.
const LONG: usize = 12;

/// Which of the roles are shown. What is not shown stays ticked, and is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    All,
    /// Those that are ticked.
    Chosen,
    /// Those that differ from what the group gives now.
    Changed,
}

/// The roles under their headings. Those that a group gives now say whether they are added or removed; `chosen` is what is ticked.
#[component]
pub fn RoleList(roles: Vec<RoleLine>, chosen: RwSignal<BTreeSet<RoleId>>) -> impl IntoView {
    let (needle, which) = (RwSignal::new(String::new()), RwSignal::new(Which::All));
    let any_now = roles.iter().any(|role| role.now);
    let of = roles.len();
    let names: Vec<String> = roles.iter().map(|role| folded(&format!("{} {}", role.name, role.description))).collect();
    let found = move || needle.with(|needle| names.iter().filter(|name| name.contains(needle.as_str())).count());
    let choice = move |of: Which, text: &'static str| {
        let on = move || which.get() == of;
        view! { <label><input type="radio" name="shown" prop:checked=on on:change=move |_| which.set(of)/>{text}</label> }
    };
    let no_enter = |event: leptos::ev::KeyboardEvent| {
        if event.key() == "Enter" {
            event.prevent_default();
        }
    };
    let search = (of > LONG).then(|| {
        view! {
            <div class="find-roles js-only" role="search" aria-label="Roles">
                <input class="search" type="search" aria-label="Find a role" placeholder="Find a role" on:keydown=no_enter
                    on:input=move |event| needle.set(folded(event_target_value(&event).trim()))/>
                <fieldset class="inline plain"><legend class="sr">"Roles shown"</legend>
                    {choice(Which::All, "All")}{choice(Which::Chosen, "Chosen")}{any_now.then(|| choice(Which::Changed, "Changed"))}
                </fieldset>
                <span class="muted small" role="status">{move || needle.with(|needle| !needle.is_empty()).then(|| format!("{} of {of} match", found()))}</span>
            </div>
        }
    });
    let part = |legend: &'static str, what: &'static str, keep: fn(&RoleLine) -> bool| {
        let lines: Vec<RoleLine> = roles.iter().filter(|role| keep(role)).cloned().collect();
        (!lines.is_empty()).then(|| {
            let lines = lines.into_iter().map(|role| view! { <RoleBox role chosen needle which/> }).collect_view();
            view! { <fieldset><legend>{legend}" "<span class="muted small">{what}</span></legend>{lines}</fieldset> }
        })
    };
    (
        search,
        part("Admin roles", "members can manage the tenant", |role| role.admin && !role.custom),
        part("User roles", "", |role| !role.admin && !role.custom),
        part("Custom roles", "created in this tenant", |role| role.custom),
    )
}

#[component]
fn RoleBox(
    role: RoleLine,
    chosen: RwSignal<BTreeSet<RoleId>>,
    needle: RwSignal<String>,
    which: RwSignal<Which>,
) -> impl IntoView {
    let tenant = use_tenant();
    let searched = folded(&format!("{} {}", role.name, role.description));
    let id = StoredValue::new(RoleId::new(&role.id));
    let on = Memo::new(move |_| chosen.with(|chosen| id.with_value(|id| chosen.contains(id))));
    let was = role.now;
    let state = move || match (was, on.get()) {
        (false, true) => Some(("chip ok", "added")),
        (true, false) => Some(("chip bad", "removed")),
        _ => None,
    };
    let mark = role.mark.map(|mark| {
        let class = match mark {
            RoleMark::FullControl => "chip bad",
            RoleMark::AdminLevel | RoleMark::RaisesEntitlement => "chip warn",
        };
        view! { <span class=class>{mark.label()}</span> }
    });
    let (to, details) =
        (format!("/t/{}/roles/{}", tenant.get_untracked(), escape(&role.id)), format!("Details of {}", role.name));
    let checked = on.get_untracked();
    let hidden = move || {
        let fits = match which.get() {
            Which::All => true,
            // As it was when this was asked: what is unticked now stays in sight, to be ticked again.
            Which::Chosen => on.get_untracked(),
            Which::Changed => on.get_untracked() != was,
        };
        !fits || needle.with(|needle| !searched.contains(needle.as_str()))
    };
    view! {
        <label hidden=hidden class:added=move || !was && on.get() class:removed=move || was && !on.get()>
            <input type="checkbox" name="roles[]" value=role.id checked=checked prop:checked=on disabled=may_not_change().is_some() title=may_not_change()
                on:change=move |event| {
                    let now = event_target_checked(&event);
                    chosen.update(|chosen| {
                        let id = id.get_value();
                        if now { chosen.insert(id); } else { chosen.remove(&id); }
                    });
                }/>
            <span>{role.name}</span>
            <span class="what">{role.description}</span>
            <span class="marks"><a class="muted small" href=to aria-label=details>"Details"</a>{mark}{move || state().map(|(class, word)| view! { <span class=class>{word}</span> })}</span>
        </label>
    }
}
