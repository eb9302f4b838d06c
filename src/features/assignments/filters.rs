//! The filters above the table: a search field, and a chip for each filter that opens its own menu. A plain form without a
//! script; with one, the table follows each choice at once.

mod editor;
mod field;

use domain::table::{Filter, View};
use domain::text::{thousands, whole};
use leptos::prelude::*;

use self::editor::{Bounds, Dates, Flags, LastUse, OneOfMany, YesOrNo};
use self::field::{Field, Names};
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

    fn names(&self) -> Names {
        self.roles.iter().chain(&self.groups).map(|choice| (choice.value.clone(), choice.label.clone())).collect()
    }
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
    let filter = Memo::new(move |_| view.try_with(|view| view.filter.clone()).unwrap_or_default());
    let names = StoredValue::new(choices.names());
    // The browser's table knows the names of all groups; a page of it, of some.
    let name = move |id: &str| {
        names.with_value(|names| names.get(id).cloned()).or_else(|| {
            live.table.try_with(|table| {
                let names = table.names();
                let group = names.groups.iter().find(|(known, _)| known.as_str() == id).map(|(_, name)| name);
                group.or_else(|| names.roles.iter().find(|(known, _)| known.as_str() == id).map(|(_, name)| name)).cloned()
            })?
        })
    };
    let asks = move |field: Field| filter.try_with(|filter| field.asks(filter, name)).flatten();
    let set = Memo::new(move |_| Field::ALL.into_iter().filter(|field| asks(*field).is_some()).count());
    let without = move |left: Filter| {
        view.try_with(|view| address_of(&tenant.get(), &View { filter: left, page: 1, ..view.clone() })).unwrap_or_default()
    };
    let drop_to = move |left: Filter| {
        move |event: leptos::ev::MouseEvent| {
            if live.is_here() {
                event.prevent_default();
                follow.run(left.clone());
            }
        }
    };
    let text = Signal::derive(move || filter.try_with(|filter| filter.text.clone()).unwrap_or_default());
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
    let choices = StoredValue::new(choices);
    let chip = move |field: Field| {
        let label = field.label();
        let said = Memo::new(move |_| asks(field));
        let summary = move || match said.get() {
            Some(asked) => format!("{label}: {asked}"),
            None => format!("{label}: any"),
        };
        let editor = match field {
            Field::Allotment => {
                let of = choices.with_value(|choices| choices.allotments.clone());
                view! { <OneOfMany field choices=of live filter/> }.into_any()
            }
            Field::Status => {
                let of = choices.with_value(|choices| choices.statuses.clone());
                view! { <OneOfMany field choices=of live filter/> }.into_any()
            }
            Field::Group => {
                let of = choices.with_value(|choices| choices.groups.clone());
                view! { <OneOfMany field choices=of live filter/> }.into_any()
            }
            Field::Role => {
                let of = choices.with_value(|choices| choices.roles.clone());
                view! { <OneOfMany field choices=of live filter/> }.into_any()
            }
            Field::Used => view! { <LastUse filter/> }.into_any(),
            Field::Licensed => view! { <YesOrNo filter/> }.into_any(),
            Field::Flags => view! { <Flags filter/> }.into_any(),
            Field::Assigned => view! { <Dates filter/> }.into_any(),
            Field::Held | Field::Groups | Field::Roles => view! { <Bounds field filter/> }.into_any(),
        };
        let drop = move || {
            said.get().map(|asked| {
                let left = filter.try_with(|filter| field.dropped(filter)).unwrap_or_default();
                let href = without(left.clone());
                view! {
                    <a class="drop" href=href on:click=drop_to(left) aria-label=format!("Remove filter {label}: {asked}") title="Remove filter">"×"</a>
                }
            })
        };
        view! {
            <span class="filter" class:set=move || said.get().is_some() class:stays=field.stays()>
                // One open at a time.
                <details class="menu" name="filter" data-field=field.word()>
                    <summary class="button" title=summary>{summary}</summary>
                    <div class="sheet" role="group" aria-label=label>{editor}<button class="button without-scripts" type="submit">"Filter"</button></div>
                </details>
                {drop}
            </span>
        }
    };
    let chips = Field::ALL.map(chip).collect_view();
    // Some filters for a narrow window, where they are behind a button.
    let shown = RwSignal::new(false);
    let add = move || {
        let more = Field::ALL.into_iter().filter(|field| !field.stays() && asks(*field).is_none());
        more.map(|field| {
            view! { <li><button class="button plain" type="button" on:click=move |_| editor::open(field)>{field.label()}</button></li> }
        })
        .collect_view()
    };
    view! {
        <form class="filters" method="get" role="search" aria-label="Filters" node_ref=form
            on:input=move |_| take()
            on:submit=move |event| { event.prevent_default(); take(); }>
            <label class="sr" for="q">"Search name, subject or email"</label>
            <input class="search" type="search" id="q" name="q" placeholder="Name, subject or email"
                value=text.get_untracked() prop:value=text/>
            <button class="button narrow" type="button" aria-controls="chips" aria-expanded=move || if shown.get() { "true" } else { "false" }
                on:click=move |_| shown.update(|shown| *shown = !*shown)>
                {move || match set.get() { 0 => "Filters".to_owned(), set => format!("Filters ({set})") }}
            </button>
            <div class="chips" id="chips" class:shown=move || shown.get()>
                {chips}
                <details class="menu add js-only" name="filter">
                    <summary class="button plain">"Add filter"</summary>
                    <ul class="sheet targets">{add}</ul>
                </details>
                <a class="button plain" hidden=move || filter.try_with(Filter::is_empty).unwrap_or(true)
                    href=move || without(Filter::default()) on:click=drop_to(Filter::default())>"Clear filters"</a>
            </div>
            <input type="hidden" name="sort" value=other("sort")/>
            <input type="hidden" name="cols" value=other("cols")/>
            <button class="button" type="submit">"Filter"</button>
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
    const KEYS: [&str; 18] = [
        "q",
        "allotment",
        "license",
        "flag",
        "used",
        "days",
        "status",
        "group",
        "role",
        "not",
        "from",
        "to",
        "held-least",
        "held-most",
        "groups-least",
        "groups-most",
        "roles-least",
        "roles-most",
    ];
    let Ok(data) = leptos::web_sys::FormData::new_with_form(form) else { return Vec::new() };
    let all = |key: &'static str| {
        data.get_all(key).iter().filter_map(|value| value.as_string()).map(|value| (key.to_owned(), value)).collect::<Vec<_>>()
    };
    KEYS.into_iter().flat_map(all).collect()
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn rows_are_counted() {
        assert_eq!(counted(6_236, 9_412), "6,236 of 9,412 rows");
        assert_eq!(counted(12, 12), "12 rows");
    }
}
