//! The filters above a table: a search field, and a chip for each filter that opens its own menu. A plain form without a
//! script; with one, the table follows each choice at once.

mod editor;

use std::collections::HashMap;

use domain::table::{Day, OneOf, Range};
use domain::text::{thousands, whole};
use leptos::prelude::*;

pub use self::editor::{Bounds, Dates, Flag, Flags, OneOfMany};
use super::view::Choice;
use super::{Kind, Live, ViewOf, address_of};
use crate::features::shared::use_tenant;
use crate::ui::query::escape;

/// What one can filter a table by.
pub trait Field<T: Kind>: Copy + PartialEq + Send + Sync + 'static {
    /// All of them, in the order of the page.
    const ALL: &'static [Self];
    /// The keys of the form's fields.
    const KEYS: &'static [&'static str];

    /// Whether it stands there also while nothing is asked of it: what most people filter by.
    fn stays(self) -> bool;

    /// Its name.
    fn label(self) -> &'static str;

    /// Names it in the document.
    fn word(self) -> &'static str;

    /// What the filter asks of it, in words; nothing where it asks nothing. `name` finds the names of what has an id.
    fn asks(self, filter: &T::Filter, name: &dyn Fn(&str) -> Option<String>) -> Option<String>;

    /// The filter without it.
    fn dropped(self, filter: &T::Filter) -> T::Filter;

    /// What opens below its chip: fields of the form, each as the filter has it.
    fn editor(self, with: Editing<T>) -> AnyView;
}

/// What an editor works with.
pub struct Editing<T: Kind> {
    /// The table.
    pub live: Live<T>,
    /// The filter now.
    pub filter: Memo<T::Filter>,
    /// What the page offers to choose from.
    pub choices: Vec<Choice>,
}

/// What the filters of a page offer: for each field that is chosen from a list, by its word, the values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choices(pub Vec<(&'static str, Vec<Choice>)>);

impl Choices {
    fn of(&self, word: &str) -> Vec<Choice> {
        self.0.iter().find(|(known, _)| *known == word).map(|(_, choices)| choices.clone()).unwrap_or_default()
    }

    fn names(&self) -> HashMap<String, String> {
        let all = self.0.iter().flat_map(|(_, choices)| choices);
        all.map(|choice| (choice.value.clone(), choice.label.clone())).collect()
    }
}

/// The values of a filter by several, as the address has them, and whether it is turned round.
pub fn texts<T: ToString>(of: &OneOf<T>) -> (Vec<String>, bool) {
    (of.values.iter().map(ToString::to_string).collect(), of.not)
}

/// What a filter by several values asks, in words.
pub fn one_of<T>(asked: &OneOf<T>, name: impl Fn(&T) -> String) -> Option<String> {
    let names: Vec<String> = asked.values.iter().map(name).collect();
    if names.is_empty() {
        return None;
    }
    let names = names.join(", ");
    Some(if asked.not { format!("not {names}") } else { names })
}

/// What a filter by a figure asks, in words.
pub fn range(range: Range) -> Option<String> {
    match (range.least, range.most) {
        (None, None) => None,
        (Some(least), Some(most)) if least == most => Some(least.to_string()),
        (Some(least), Some(most)) => Some(format!("{least} to {most}")),
        (Some(least), None) => Some(format!("{least} or more")),
        (None, Some(most)) => Some(format!("{most} or fewer")),
    }
}

/// What a filter by days asks, in words.
pub fn days(from: Option<Day>, to: Option<Day>) -> Option<String> {
    match (from, to) {
        (None, None) => None,
        (Some(from), None) => Some(format!("{from} or later")),
        (None, Some(to)) => Some(format!("{to} or earlier")),
        (Some(from), Some(to)) => Some(format!("{from} to {to}")),
    }
}

/// A page of a room's table that is not the room's first one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Besides {
    /// Its path after the room's, as `/matrix`.
    pub path: &'static str,
    /// The name and value of a field of its address.
    pub field: (&'static str, String),
}

impl Besides {
    /// The address of this page for that of the room's first one.
    pub fn address(&self, room: &str, address: &str) -> String {
        let (name, value) = &self.field;
        let address = address.replacen(room, &format!("{room}{}", self.path), 1);
        let joint = if address.contains('?') { '&' } else { '?' };
        if value.is_empty() { address } else { format!("{address}{joint}{name}={}", escape(value)) }
    }
}

/// `follow` takes a filter where scripts run.
#[component]
pub fn Filters<T: Kind>(
    choices: Choices,
    live: Live<T>,
    follow: Callback<T::Filter>,
    /// What the page's address has besides the view: its path after the room's, and one more field of the form.
    #[prop(optional)]
    besides: Option<Besides>,
) -> impl IntoView {
    let tenant = use_tenant();
    let form = NodeRef::<leptos::html::Form>::new();
    let take = move || {
        let Some(form) = form.get_untracked() else { return };
        let pairs = read_form(&form, T::Field::KEYS);
        follow.run(ViewOf::<T>::from_pairs(pairs.iter().map(|(key, value)| (key.as_str(), value.as_str()))).filter);
    };
    let view = live.view;
    let filter = Memo::new(move |_| view.try_with(|view| view.filter.clone()).unwrap_or_default());
    let names = StoredValue::new(choices.names());
    // The browser's table knows the names of everything that its rows refer to; a page of it, of some.
    let name = move |id: &str| {
        names.with_value(|names| names.get(id).cloned()).or_else(|| live.table.try_with(|table| table.name_of(id))?)
    };
    let asks = move |field: T::Field| filter.try_with(|filter| field.asks(filter, &name)).flatten();
    let set = Memo::new(move |_| T::Field::ALL.iter().copied().filter(|field| asks(*field).is_some()).count());
    let besides = StoredValue::new(besides);
    let here = move |address: String| {
        let room = format!("/t/{}/{}", tenant.get_untracked(), T::ROOM);
        besides.with_value(|besides| besides.as_ref().map(|besides| besides.address(&room, &address))).unwrap_or(address)
    };
    let without = move |left: T::Filter| {
        view.try_with(|view| address_of::<T>(&tenant.get(), &ViewOf::<T> { filter: left, page: 1, ..view.clone() }))
            .map(here)
            .unwrap_or_default()
    };
    let drop_to = move |left: T::Filter| {
        move |event: leptos::ev::MouseEvent| {
            if live.is_here() {
                event.prevent_default();
                follow.run(left.clone());
            }
        }
    };
    let text = Signal::derive(move || filter.try_with(|filter| word_of(filter, "q")).unwrap_or_default());
    let other = move |key: &'static str| {
        move || {
            view.try_with(|view| ViewOf::<T> { filter: T::Filter::default(), page: 1, ..view.clone() }.to_pairs())
                .unwrap_or_default()
                .into_iter()
                .find(|(name, _)| *name == key)
                .map(|(_, value)| value)
                .unwrap_or_default()
        }
    };
    let choices = StoredValue::new(choices);
    let chip = move |field: T::Field| {
        let label = field.label();
        let said = Memo::new(move |_| asks(field));
        let summary = move || match said.get() {
            Some(asked) => format!("{label}: {asked}"),
            None => format!("{label}: any"),
        };
        let editor = field.editor(Editing { live, filter, choices: choices.with_value(|choices| choices.of(field.word())) });
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
    let chips = T::Field::ALL.iter().copied().map(chip).collect_view();
    // Some filters for a narrow window, where they are behind a button.
    let shown = RwSignal::new(false);
    let add = move || {
        let more = T::Field::ALL.iter().copied().filter(|field| !field.stays() && asks(*field).is_none());
        more.map(|field| {
            view! { <li><button class="button plain" type="button" on:click=move |_| editor::open(field.word())>{field.label()}</button></li> }
        })
        .collect_view()
    };
    view! {
        <form class="filters" method="get" role="search" aria-label="Filters" node_ref=form
            on:input=move |_| take()
            on:submit=move |event| { event.prevent_default(); take(); }>
            <label class="sr" for="q">{format!("Search {}", domain::text::lower_first(T::SEARCHES))}</label>
            <input class="search" type="search" id="q" name="q" placeholder=T::SEARCHES
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
                <a class="button plain" hidden=move || filter.try_with(domain::table::Filter::is_empty).unwrap_or(true)
                    href=move || without(T::Filter::default()) on:click=drop_to(T::Filter::default())>"Clear filters"</a>
            </div>
            <input type="hidden" name="sort" value=other("sort")/>
            <input type="hidden" name="cols" value=other("cols")/>
            {besides.get_value().filter(|besides| !besides.field.1.is_empty()).map(|besides| view! { <input type="hidden" name=besides.field.0 value=besides.field.1/> })}
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

/// What a filter has under a key of the address; empty where it asks nothing there.
fn word_of<F: domain::table::Filter>(filter: &F, key: &str) -> String {
    filter.to_pairs().into_iter().find(|(known, _)| *known == key).map(|(_, value)| value).unwrap_or_default()
}

/// The pairs of a form's fields as the browser would send them.
fn read_form(form: &leptos::web_sys::HtmlFormElement, keys: &[&'static str]) -> Vec<(String, String)> {
    let Ok(data) = leptos::web_sys::FormData::new_with_form(form) else { return Vec::new() };
    let all = |key: &&'static str| {
        let values = data.get_all(key);
        values.iter().filter_map(|value| value.as_string()).map(|value| ((*key).to_owned(), value)).collect::<Vec<_>>()
    };
    keys.iter().flat_map(all).collect()
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
