//! What can be done with the groups that are selected: their roles edited alike, or all of them deleted. Each leads to a plan.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::groups::Table;
use domain::text::{count, folded, thousands, whole};
use leptos::prelude::*;

use super::api::DraftSelection;
use super::view::RoleChoice;
use crate::features::me::may_not_change;
use crate::features::shared::shut;
use crate::features::table::Live;

/// Roles shown at once; more of them are found by typing.
const SHOWN: usize = 60;

/// The ways to edit roles, as a form says them.
const WAYS: [(&str, &str); 3] =
    [("change", "Add and remove roles"), ("set", "Set exactly these roles"), ("copy", "Copy the roles of a group")];

/// How many of the selected groups give each role, and how many are selected. Groups whose roles are not visible count as selected.
type Given = (HashMap<String, u64>, usize);

/// What of a table is selected, by role.
pub fn given(live: Live<Table>) -> Given {
    live.table.with(|table| {
        live.picked.with(|picked| {
            let given = table.given_by(picked.rows()).into_iter().map(|(id, groups)| (id.to_string(), groups));
            (given.collect(), picked.count())
        })
    })
}

/// The actions. `given` is known where the browser has all rows.
#[component]
pub fn GroupActions(
    #[prop(into)] roles: Signal<Vec<RoleChoice>>,
    #[prop(into)] given: Signal<Option<Given>>,
    draft: ServerAction<DraftSelection>,
    #[prop(into)] off: Signal<bool>,
    /// Names of groups that a search finds, to copy from.
    #[prop(into)]
    names: Callback<String, Vec<String>>,
) -> impl IntoView {
    // Told only when it changes: what is drawn anew would forget what is chosen.
    let closed = Memo::new(move |_| shut(draft, off.get())());
    let picked = Picked::default();
    let why_off = move || match (may_not_change(), off.get()) {
        (Some(why), _) => Some(view! { <span class="small">{why}</span> }.into_any()),
        (None, true) => Some(view! { <span class="small bad">"Changes are disabled until data is refreshed."</span> }.into_any()),
        (None, false) => None,
    };
    let menu = move || {
        if closed.get() {
            return view! { <button class="button primary" type="button" disabled title=may_not_change()>"Edit roles…"</button> }
                .into_any();
        }
        view! {
            <details class="menu">
                <summary class="button primary">"Edit roles…"</summary>
                <div class="sheet picker" role="group" aria-label="Edit roles"><Picker roles given names picked/></div>
            </details>
        }
        .into_any()
    };
    view! {
        {why_off}
        {menu}
        <button class="button danger" type="submit" name="action" value="delete" disabled=closed title=may_not_change()>"Delete…"</button>
    }
}

/// What is chosen of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    Add,
    Remove,
}

/// What is chosen in the picker; it outlives what is drawn.
#[derive(Clone, Copy)]
struct Picked {
    /// One of the ways.
    how: RwSignal<String>,
    /// Roles by their ids.
    chosen: RwSignal<BTreeMap<String, Choice>>,
    /// The name of a group to copy.
    from: RwSignal<String>,
}

impl Default for Picked {
    fn default() -> Self {
        let how = RwSignal::new("change".to_owned());
        Self { how, chosen: RwSignal::default(), from: RwSignal::default() }
    }
}

/// Which roles, and what becomes of them: fields of the form around it.
#[component]
fn Picker(
    roles: Signal<Vec<RoleChoice>>,
    given: Signal<Option<Given>>,
    names: Callback<String, Vec<String>>,
    picked: Picked,
) -> impl IntoView {
    let Picked { how, chosen, from } = picked;
    // Before the program took over everything may be chosen, and all roles are there.
    let ready = RwSignal::new(false);
    Effect::new(move |_| ready.set(true));
    let is = move |word: &'static str| how.with(|how| how == word);
    let needle = RwSignal::new(String::new());
    // What is chosen stays in sight and is sent, whatever is typed.
    let list = move || {
        let wanted = needle.with(|needle| folded(needle.trim()));
        let is_chosen = |role: &RoleChoice| chosen.with_untracked(|chosen| chosen.contains_key(&role.id));
        let mut found: Vec<RoleChoice> = roles
            .with(|roles| roles.iter().filter(|role| folded(&role.name).contains(&wanted) || is_chosen(role)).cloned().collect());
        found.sort_by_key(|role| !is_chosen(role));
        let most = if ready.get() { SHOWN.max(chosen.with_untracked(BTreeMap::len)) } else { usize::MAX };
        let more = found.len().saturating_sub(most);
        let none = found.is_empty();
        let items = found.into_iter().take(most).map(|role| view! { <RoleItem role chosen given/> }).collect_view();
        view! {
            <table class="pick-roles">
                <thead><tr>
                    <th scope="col">"Role"</th>
                    <th scope="col" class="num" title="Selected groups that give it">"Now"</th>
                    <th scope="col">{move || if is("set") { "Give" } else { "Add" }}</th>
                    <th scope="col" hidden=move || is("set")>"Remove"</th>
                </tr></thead>
                <tbody>{items}</tbody>
            </table>
            {none.then(|| view! { <p class="muted small">"Nothing found"</p> })}
            {(more > 0).then(|| view! { <p class="muted small">{format!("{} more; type to find one", thousands(whole(more)))}</p> })}
        }
    };
    // What was chosen and is no role of the tenant any more is sent as well: an edit that lost a role on its way must not be planned.
    let gone = move || {
        let gone = roles.with(|roles| {
            let known = |id: &str| roles.iter().any(|role| role.id == id);
            chosen.with(|chosen| {
                chosen.iter().filter(|(id, _)| !known(id)).map(|(id, choice)| (id.clone(), *choice)).collect::<Vec<_>>()
            })
        });
        (!gone.is_empty()).then(|| {
            let said = match gone.len() {
                1 => "A chosen role no longer exists. ".to_owned(),
                more => format!("{more} chosen roles no longer exist. "),
            };
            let drop = move |_| {
                let known: BTreeSet<String> =
                    roles.with_untracked(|roles| roles.iter().map(|role| role.id.clone()).collect());
                chosen.update(|chosen| chosen.retain(|id, _| known.contains(id)));
            };
            let fields = gone
                .into_iter()
                .map(|(id, choice)| {
                    let name = if choice == Choice::Add { "add[]" } else { "remove[]" };
                    view! { <input type="hidden" name=name value=id/> }
                })
                .collect_view();
            view! {
                <p class="small bad" role="status">{said}<button class="link" type="button" on:click=drop>"Leave it out"</button></p>
                {fields}
            }
        })
    };
    let ways = WAYS
        .map(|(word, text)| view! { <option value=word selected=how.with_untracked(|how| how == word)>{text}</option> })
        .collect_view();
    // Typing here finds a role and sends nothing; Enter must not send the form.
    let find = move |event: leptos::ev::Event| needle.set(event_target_value(&event));
    let no_enter = |event: leptos::ev::KeyboardEvent| {
        if event.key() == "Enter" {
            event.prevent_default();
        }
    };
    let suggested = move || {
        let typed = from.get();
        if typed.trim().is_empty() { Vec::new() } else { names.run(typed) }
    };
    let changed = move |event: leptos::ev::Event| {
        how.set(event_target_value(&event));
        if is("set") {
            // What is not given is removed anyway.
            chosen.update(|chosen| chosen.retain(|_, choice| *choice == Choice::Add));
        }
    };
    let nothing = move || match how.get().as_str() {
        "copy" => from.with(|from| from.trim().is_empty()),
        "set" => false,
        _ => chosen.with(BTreeMap::is_empty),
    };
    let said = move || {
        let of = |wanted: Choice| chosen.with(|chosen| chosen.values().filter(|choice| **choice == wanted).count());
        match how.get().as_str() {
            "set" if of(Choice::Add) == 0 => "No role chosen: every role is removed.".to_owned(),
            "set" => count(whole(of(Choice::Add)), "role", "roles"),
            "copy" => "Each group gets exactly the roles of that group.".to_owned(),
            _ => format!("{} to add, {} to remove", of(Choice::Add), of(Choice::Remove)),
        }
    };
    view! {
        <select class="select" name="how" aria-label="What to do" prop:value=how on:change=changed>{ways}</select>
        <div class="pick" hidden=move || is("copy")>
            <input class="input js-only" type="search" aria-label="Find a role" placeholder="Type to find a role" on:input=find on:keydown=no_enter/>
            {gone}
            <div class="options" class:set=move || is("set") tabindex="0" role="region" aria-label="Roles">{list}</div>
        </div>
        <div class="field" class:js-hidden=move || !is("copy")>
            <label for="copy-from">"Group to copy from"</label>
            <input class="input" id="copy-from" name="from" autocomplete="off" list="copy-names" maxlength="256"
                prop:value=from on:input=move |event| from.set(event_target_value(&event)) on:keydown=no_enter/>
            <datalist id="copy-names">{move || suggested().into_iter().map(|name| view! { <option value=name></option> }).collect_view()}</datalist>
        </div>
        <div class="foot">
            <span class="muted small" aria-live="polite">{said}</span>
            <button class="button primary" type="submit" name="action" value="roles" disabled=move || ready.get() && nothing()>"Review…"</button>
        </div>
    }
}

#[component]
fn RoleItem(role: RoleChoice, chosen: RwSignal<BTreeMap<String, Choice>>, given: Signal<Option<Given>>) -> impl IntoView {
    let id = StoredValue::new(role.id.clone());
    let now = Memo::new(move |_| chosen.with(|chosen| id.with_value(|id| chosen.get(id).copied())));
    let toggle = move |choice: Choice| {
        move |event: leptos::ev::Event| {
            let on = event_target_checked(&event);
            chosen.update(|chosen| {
                let id = id.get_value();
                if on {
                    chosen.insert(id, choice)
                } else {
                    chosen.remove(&id)
                };
            });
        }
    };
    let has = move || {
        given.with(|given| {
            let (given, of) = given.as_ref()?;
            let groups = id.with_value(|id| given.get(id).copied().unwrap_or(0));
            Some(format!("{} of {}", thousands(whole(groups)), thousands(whole(*of))))
        })
    };
    let (add, remove) = (format!("Add {}", role.name), format!("Remove {}", role.name));
    view! {
        <tr class:added=move || now.get() == Some(Choice::Add) class:removed=move || now.get() == Some(Choice::Remove)>
            <th scope="row">{role.name}{role.mark.map(|mark| view! { " "<span class="chip warn">{mark.label()}</span> })}</th>
            <td class="num muted">{has}</td>
            <td><input type="checkbox" name="add[]" value=role.id.clone() aria-label=add prop:checked=move || now.get() == Some(Choice::Add) on:change=toggle(Choice::Add)/></td>
            <td class="take"><input type="checkbox" name="remove[]" value=role.id aria-label=remove prop:checked=move || now.get() == Some(Choice::Remove) on:change=toggle(Choice::Remove)/></td>
        </tr>
    }
}
