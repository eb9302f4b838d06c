//! The roles of a tenant to choose from: of an existing group, or for a new one.

use std::collections::BTreeSet;

use domain::inventory::RoleId;
use domain::roles::RoleMark;
use leptos::prelude::*;

use super::view::RoleLine;
use crate::features::me::may_not_change;

/// The roles under their headings. Those that a group gives now say whether they are added or removed; `chosen` is what is ticked.
#[component]
pub fn RoleList(roles: Vec<RoleLine>, chosen: RwSignal<BTreeSet<RoleId>>) -> impl IntoView {
    let part = |legend: &'static str, what: &'static str, keep: fn(&RoleLine) -> bool| {
        let lines: Vec<RoleLine> = roles.iter().filter(|role| keep(role)).cloned().collect();
        (!lines.is_empty()).then(|| {
            let lines = lines.into_iter().map(|role| view! { <RoleBox role chosen/> }).collect_view();
            view! { <fieldset><legend>{legend}" "<span class="muted small">{what}</span></legend>{lines}</fieldset> }
        })
    };
    (
        part("Admin roles", "members can manage the tenant", |role| role.admin && !role.custom),
        part("User roles", "", |role| !role.admin && !role.custom),
        part("Custom roles", "created in this tenant", |role| role.custom),
    )
}

#[component]
fn RoleBox(role: RoleLine, chosen: RwSignal<BTreeSet<RoleId>>) -> impl IntoView {
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
    let checked = on.get_untracked();
    view! {
        <label class:added=move || !was && on.get() class:removed=move || was && !on.get()>
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
            <span class="marks">{mark}{move || state().map(|(class, word)| view! { <span class=class>{word}</span> })}</span>
        </label>
    }
}
