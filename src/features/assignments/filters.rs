//! The filters above the table. A plain form without a script; with one, the table follows each choice at once.

use domain::table::{Filter, Idle, View};
use domain::text::{thousands, whole};
use leptos::prelude::*;

use super::address_of;
use super::live::Live;
use super::view::{AssignmentsView, Choice};
use crate::features::shared::use_tenant;

/// What the filters offer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choices {
    allotments: Vec<Choice>,
    statuses: Vec<Choice>,
    roles: Vec<Choice>,
    groups: Vec<Choice>,
}

impl Choices {
    /// Those of a page of the table.
    pub fn of(view: &AssignmentsView) -> Self {
        Self {
            allotments: view.allotments.clone(),
            statuses: view.statuses.clone(),
            roles: view.roles.clone(),
            groups: view.groups.clone(),
        }
    }
}

fn option(value: &str, label: &str) -> Choice {
    Choice { value: value.to_owned(), label: label.to_owned(), rows: None }
}

/// Words that one may choose for the last use, and their meaning in the address.
fn uses() -> Vec<Choice> {
    let days = [7, 30, 60, 90];
    let within = days.iter().take(2).map(|days| option(&Idle::Within(*days).word(), &format!("In the last {days} days")));
    let over = days.iter().skip(1).map(|days| option(&Idle::Over(*days).word(), &format!("Unused for {days}+ days")));
    within.chain(over).chain([option(&Idle::Never.word(), "No use on record")]).collect()
}

/// `follow` takes a filter where scripts run.
#[component]
pub fn Filters(choices: Choices, live: Live, follow: Callback<Filter>) -> impl IntoView {
    let tenant = use_tenant();
    let form = NodeRef::<leptos::html::Form>::new();
    let take = move || {
        let Some(form) = form.get_untracked() else { return };
        let pairs = read_form(&form);
        follow.run(View::from_pairs(pairs.iter().map(|(key, value)| (key.as_str(), value.as_str()))).filter);
    };
    let view = live.view;
    let read =
        move |read: fn(&Filter) -> String| Signal::derive(move || view.try_with(|view| read(&view.filter)).unwrap_or_default());
    let text = read(|filter| filter.text.clone());
    let licenses = vec![option("any", "With a license"), option("none", "Without a license")];
    let flags = vec![
        option("excess", "Over-allocated"),
        option("orphan", "Orphaned (not a user here)"),
        option("several", "Multiple licenses"),
    ];
    let other = move |key: &'static str| {
        move || {
            view.try_with(|view| View { filter: Filter::default(), page: 1, ..view.clone() }.to_pairs())
                .unwrap_or_default()
                .into_iter()
                .find(|(name, _)| *name == key)
                .map(|(_, value)| value)
                .unwrap_or_default()
        }
    };
    let unfiltered = move || view.try_with(|view| view.filter.is_empty()).unwrap_or(true);
    let cleared = move |event: leptos::ev::MouseEvent| {
        if live.is_here() {
            event.prevent_default();
            follow.run(Filter::default());
        }
    };
    let href = move || {
        view.try_with(|view| address_of(&tenant.get(), &View { filter: Filter::default(), page: 1, ..view.clone() }))
            .unwrap_or_default()
    };
    // How many of those behind "More" are set: what cannot be seen must not filter in secret.
    let behind = move || {
        let set = view.try_with(|view| {
            let filter = &view.filter;
            [filter.from.is_some(), filter.to.is_some(), filter.group.is_some(), filter.role.is_some(), !filter.status.is_empty()]
        });
        set.unwrap_or_default().into_iter().filter(|set| *set).count()
    };
    let day = move |name: &'static str, label: &'static str, value: Signal<String>| {
        view! {
            <label class="field">{label}<input class="input" type="date" name=name value=value.get_untracked() prop:value=value/></label>
        }
    };
    view! {
        <form class="filters" method="get" role="search" aria-label="Filters" node_ref=form
            on:change=move |_| take()
            on:submit=move |event| { event.prevent_default(); take(); }>
            <label class="sr" for="q">"Search name, subject or email"</label>
            <input class="search" type="search" id="q" name="q" placeholder="Search people"
                value=text.get_untracked() prop:value=text on:input=move |_| take()/>
            <Select name="allotment" label="License type" any="Any license type" choices=choices.allotments
                chosen=read(|filter| filter.allotment.as_ref().map(ToString::to_string).unwrap_or_default())/>
            <Select name="license" label="License" any="With or without a license" choices=licenses
                chosen=read(|filter| filter.licensed.map_or("", |any| if any { "any" } else { "none" }).to_owned())/>
            <Select name="flag" label="Flag" any="Any flag" choices=flags
                chosen=read(|filter| if filter.excess { "excess" } else if filter.orphan { "orphan" } else if filter.several { "several" } else { "" }.to_owned())/>
            <Select name="used" label="Last used" any="Any last use" choices=uses()
                chosen=read(|filter| filter.idle.map(Idle::word).unwrap_or_default())/>
            <details class="menu">
                <summary class="button plain">{move || match behind() { 0 => "More filters".to_owned(), set => format!("More filters ({set})") }}</summary>
                <div class="sheet">
                    <Select name="status" label="Status" any="Any status" shown=true choices=choices.statuses chosen=read(|filter| filter.status.join(","))/>
                    <Select name="group" label="Group" any="Any group" shown=true choices=choices.groups
                        chosen=read(|filter| filter.group.as_ref().map(ToString::to_string).unwrap_or_default())/>
                    <Select name="role" label="Role" any="Any role" shown=true choices=choices.roles
                        chosen=read(|filter| filter.role.as_ref().map(ToString::to_string).unwrap_or_default())/>
                    {day("from", "Assigned on or after", read(|filter| filter.from.map(|day| day.to_string()).unwrap_or_default()))}
                    {day("to", "Assigned on or before", read(|filter| filter.to.map(|day| day.to_string()).unwrap_or_default()))}
                </div>
            </details>
            <input type="hidden" name="sort" value=other("sort")/>
            <input type="hidden" name="cols" value=other("cols")/>
            <button class="button" type="submit">"Filter"</button>
            <a class="button plain" hidden=unfiltered href=href on:click=cleared>"Clear"</a>
        </form>
    }
}

/// `6,236 of 9,412`.
pub fn counted(matching: u64, of: u64) -> String {
    if matching == of {
        format!("{} rows", thousands(whole(of)))
    } else {
        format!("{} of {} rows", thousands(whole(matching)), thousands(whole(of)))
    }
}

/// The pairs of a form as the browser would send them.
fn read_form(form: &leptos::web_sys::HtmlFormElement) -> Vec<(String, String)> {
    let Ok(data) = leptos::web_sys::FormData::new_with_form(form) else { return Vec::new() };
    ["q", "allotment", "license", "flag", "used", "status", "group", "role", "from", "to"]
        .iter()
        .filter_map(|key| Some(((*key).to_owned(), data.get(key).as_string()?)))
        .collect()
}

#[component]
fn Select(
    name: &'static str,
    label: &'static str,
    any: &'static str,
    choices: Vec<Choice>,
    chosen: Signal<String>,
    /// The label is seen beside it.
    #[prop(optional)]
    shown: bool,
) -> impl IntoView {
    let class = move || if chosen.with(String::is_empty) { "select" } else { "select set" };
    let now = chosen.get_untracked();
    // A value from elsewhere, such as a group that nobody is in any more, is still what the filter says.
    let strange =
        (!now.is_empty() && choices.iter().all(|choice| choice.value != now)).then(|| option(&now, &now.replace(',', " or ")));
    let options = choices
        .into_iter()
        .chain(strange)
        .map(|choice| {
            let selected = choice.value == now;
            let text =
                choice.rows.map_or_else(|| choice.label.clone(), |rows| format!("{}, {}", choice.label, thousands(whole(rows))));
            view! { <option value=choice.value selected=selected>{text}</option> }
        })
        .collect_view();
    let select = view! {
        <select class=class id=format!("filter-{name}") name=name prop:value=chosen>
            <option value="">{any}</option>{options}
        </select>
    };
    if shown {
        view! { <div class="field"><label for=format!("filter-{name}")>{label}</label>{select}</div> }.into_any()
    } else {
        view! { <label class="sr" for=format!("filter-{name}")>{label}</label>{select} }.into_any()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_for_the_last_use_are_filters() {
        for choice in uses() {
            assert!(Idle::parse(&choice.value).is_some(), "{}", choice.value);
        }
        assert_eq!(counted(6_236, 9_412), "6,236 of 9,412 rows");
    }
}
