//! What opens below a filter's chip: fields of the form, each as the filter has it.

use domain::table::{Filter, Idle, Range};
use domain::text::{folded, thousands, whole};
use leptos::prelude::*;

use super::super::live::Live;
use super::super::view::Choice;
use super::field::{FLAGS, Field, USES, use_words};

/// Offers shown at once; more of them are found by typing.
const OFFERED: usize = 50;
/// A list that is longer has a field to find something in it.
const SHORT: usize = 8;

/// What a list offers, and for which words and of how many it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Offers {
    needle: String,
    of: usize,
    most: usize,
    shown: Vec<Choice>,
    /// So many more fit, and are not shown.
    more: usize,
}

/// Opens a filter's menu, and puts the focus into it.
pub(super) fn open(field: Field) {
    use leptos::wasm_bindgen::JsCast;
    use leptos::web_sys::HtmlElement;
    let find = |what: String| document().query_selector(&what).ok().flatten().and_then(|it| it.dyn_into::<HtmlElement>().ok());
    if let Some(menu) = find(format!("details[data-field={}]", field.word())) {
        let _ = menu.set_attribute("open", "");
    }
    if let Some(first) = find(format!("details[data-field={}] .sheet :is(input, select)", field.word())) {
        let _ = first.focus();
    }
}

/// The values of a filter by several, as the address has them.
fn chosen(filter: &Filter, field: Field) -> (Vec<String>, bool) {
    fn texts<T: ToString>(of: &domain::table::OneOf<T>) -> (Vec<String>, bool) {
        (of.values.iter().map(ToString::to_string).collect(), of.not)
    }
    match field {
        Field::Allotment => texts(&filter.allotment),
        Field::Status => texts(&filter.status),
        Field::Group => texts(&filter.group),
        Field::Role => texts(&filter.role),
        _ => (Vec::new(), false),
    }
}

/// Some of many values, or none of them.
#[component]
pub(super) fn OneOfMany(field: Field, choices: Vec<Choice>, live: Live, filter: Memo<Filter>) -> impl IntoView {
    let word = field.word();
    let now = Memo::new(move |_| filter.try_with(|filter| chosen(filter, field)).unwrap_or_default());
    let needle = RwSignal::new(String::new());
    let long = choices.len() > SHORT;
    let choices = StoredValue::new(choices);
    // The browser's table knows all groups and roles, a page some of them.
    let all = move || {
        let named = live.table.try_with(|table| {
            let choice = |(value, label): (String, &String)| Choice { value, label: label.clone(), rows: None };
            let names = table.names();
            match field {
                Field::Group => names.groups.iter().map(|(id, name)| choice((id.to_string(), name))).collect(),
                Field::Role => names.roles.iter().map(|(id, name)| choice((id.to_string(), name))).collect::<Vec<_>>(),
                _ => Vec::new(),
            }
        });
        named.filter(|named| !named.is_empty()).unwrap_or_else(|| choices.get_value())
    };
    // What is chosen stays in sight, whatever is typed; in place, for nothing jumps below a pointer. What is chosen elsewhere, as by
    // going back, comes in.
    let offers = Memo::new(move |before: Option<&Offers>| {
        let (values, _) = now.get();
        let wanted = needle.with(|needle| folded(needle.trim()));
        let mut all = all();
        // A page without scripts shows all that the server sends.
        let most = if live.is_here() { OFFERED } else { usize::MAX };
        if let Some(before) = before
            && (&before.needle, before.of, before.most) == (&wanted, all.len(), most)
            && values.iter().all(|value| before.shown.iter().any(|choice| choice.value == *value))
        {
            return before.clone();
        }
        all.sort_by_cached_key(|choice| (choice.rows.is_none(), folded(&choice.label)));
        let of = all.len();
        let missing = values.iter().filter(|value| all.iter().all(|choice| choice.value != **value)).cloned();
        let strange: Vec<Choice> = missing.map(|value| Choice { label: value.clone(), value, rows: None }).collect();
        let (first, rest): (Vec<Choice>, Vec<Choice>) = all.into_iter().partition(|choice| values.contains(&choice.value));
        let found: Vec<Choice> = rest.into_iter().filter(|choice| folded(&choice.label).contains(&wanted)).collect();
        let more = found.len().saturating_sub(most);
        let shown = strange.into_iter().chain(first).chain(found.into_iter().take(most)).collect();
        Offers { needle: wanted, of, most, shown, more }
    });
    let list = move || {
        let Offers { shown: offers, more, .. } = offers.get();
        let none = offers.is_empty();
        let offers = offers
            .into_iter()
            .map(|Choice { value, label, rows }| {
                let ticked = {
                    let value = value.clone();
                    move || now.try_with(|(values, _)| values.contains(&value)).unwrap_or_default()
                };
                view! {
                    <li><label><input type="checkbox" name=word value=value checked=ticked() prop:checked=ticked/>
                        <span>{label}</span>{rows.map(|rows| view! { <span class="muted num">{thousands(whole(rows))}</span> })}</label></li>
                }
            })
            .collect_view();
        view! {
            <ul class="options">{offers}</ul>
            {none.then(|| view! { <p class="muted small">"Nothing found"</p> })}
            {(more > 0).then(|| view! { <p class="muted small">{format!("{} more; type to find one", thousands(whole(more)))}</p> })}
        }
    };
    // Typing here finds a value and chooses nothing.
    let find = move |event: leptos::ev::Event| {
        event.stop_propagation();
        needle.set(event_target_value(&event));
    };
    view! {
        <select class="select" name="not" aria-label=format!("{}: is or is not", field.label()) prop:value=move || if now.get().1 { word } else { "" }>
            <option value="">"is any of"</option>
            <option value=word selected=now.get_untracked().1>"is none of"</option>
        </select>
        {long.then(|| view! {
            <input class="input js-only" type="search" aria-label=format!("Find {}", field.label().to_lowercase()) placeholder="Type to find"
                on:input=find/>
        })}
        {list}
    }
}

/// When Qlik was used last.
#[component]
pub(super) fn LastUse(filter: Memo<Filter>) -> impl IntoView {
    let now = move || filter.try_with(|filter| filter.idle).flatten();
    let is_own = |idle: Option<Idle>| matches!(idle, Some(Idle::Over(_))) && !idle.is_some_and(|idle| USES.contains(&idle));
    let days_of = |idle: Option<Idle>| if let Some(Idle::Over(days)) = idle { days.to_string() } else { String::new() };
    // A number that is typed passes by those that have a choice of their own: the field stays chosen, and as it was typed.
    let own = RwSignal::new(is_own(now()));
    let text = RwSignal::new(if own.get_untracked() { days_of(now()) } else { String::new() });
    Effect::new(move |_| {
        let idle = now();
        if is_own(idle) && text.with_untracked(|text| *text != days_of(idle)) {
            own.set(true);
            text.set(days_of(idle));
        } else if !matches!(idle, Some(Idle::Over(_))) {
            own.set(false);
        }
    });
    let custom = NodeRef::<leptos::html::Input>::new();
    // At `change`, which comes after the form has read its fields at `input`: what this draws anew must not be what is read.
    let choice = move |idle: Option<Idle>| {
        let on = move || !own.get() && now() == idle;
        let text = idle.map_or_else(|| "any".to_owned(), use_words);
        let value = idle.map(Idle::word).unwrap_or_default();
        view! {
            <li><label><input type="radio" name="used" value=value checked=on() prop:checked=on on:change=move |_| own.set(false)/><span>{text}</span></label></li>
        }
    };
    // A span that an address names and no choice does.
    let other =
        move || now().filter(|idle| matches!(idle, Idle::Within(_)) && !USES.contains(idle)).map(|idle| choice(Some(idle)));
    let typed = move |event: leptos::ev::Event| {
        text.set(event_target_value(&event));
        own.set(true);
        // The form is read before this shows.
        if let Some(radio) = custom.get_untracked() {
            radio.set_checked(true);
        }
    };
    view! {
        <ul class="options">
            {choice(None)}
            {USES.map(|idle| choice(Some(idle))).collect_view()}
            {other}
            <li><label><input type="radio" name="used" value="over" node_ref=custom checked=own.get_untracked() prop:checked=own on:change=move |_| own.set(true)/>
                <span>"unused for"</span></label>
                <input class="input figure" type="number" name="days" min="1" max="9999" aria-label="Days without use" value=text.get_untracked() prop:value=text on:input=typed/>
                <span>"+ days"</span></li>
        </ul>
    }
}

/// With a license, or without one.
#[component]
pub(super) fn YesOrNo(filter: Memo<Filter>) -> impl IntoView {
    let now = move || filter.try_with(|filter| filter.licensed).flatten();
    let choice = move |value: &'static str, text: &'static str, licensed: Option<bool>| {
        let on = move || now() == licensed;
        view! { <li><label><input type="radio" name="license" value=value checked=on() prop:checked=on/><span>{text}</span></label></li> }
    };
    view! { <ul class="options">{choice("", "any", None)}{choice("any", "yes", Some(true))}{choice("none", "no", Some(false))}</ul> }
}

/// What is so of a row, or not.
#[component]
pub(super) fn Flags(filter: Memo<Filter>) -> impl IntoView {
    let flag = move |flag: &'static super::field::Flag| {
        let now = move || match filter.try_with(flag.of).flatten() {
            None => String::new(),
            Some(true) => flag.word.to_owned(),
            Some(false) => format!("not-{}", flag.word),
        };
        let option = move |value: String, text: &'static str| {
            let selected = now() == value;
            view! { <option value=value selected=selected>{text}</option> }
        };
        view! {
            <label class="pair"><span>{flag.label}</span>
                <select class="select" name="flag" prop:value=now>
                    {option(String::new(), "any")}{option(flag.word.to_owned(), "yes")}{option(format!("not-{}", flag.word), "no")}
                </select></label>
        }
    };
    FLAGS.iter().map(flag).collect_view()
}

/// From one day to another.
#[component]
pub(super) fn Dates(filter: Memo<Filter>) -> impl IntoView {
    let day = move |name: &'static str, label: &'static str, read: fn(&Filter) -> Option<domain::table::Day>| {
        let now = move || filter.try_with(read).flatten().map(|day| day.to_string()).unwrap_or_default();
        view! { <label class="pair"><span>{label}</span><input class="input" type="date" name=name value=now() prop:value=now/></label> }
    };
    (day("from", "on or after", |filter| filter.from), day("to", "on or before", |filter| filter.to))
}

/// From one figure to another.
#[component]
pub(super) fn Bounds(field: Field, filter: Memo<Filter>) -> impl IntoView {
    let range = move || {
        filter
            .try_with(|filter| match field {
                Field::Held => filter.held,
                Field::Groups => filter.groups,
                Field::Roles => filter.roles,
                _ => Range::default(),
            })
            .unwrap_or_default()
    };
    let bound = move |end: &'static str, label: &'static str, read: fn(Range) -> Option<u32>| {
        let now = move || read(range()).map(|bound| bound.to_string()).unwrap_or_default();
        let name = format!("{}-{end}", field.word());
        view! {
            <label class="pair"><span>{label}</span><input class="input figure" type="number" min="0" name=name value=now() prop:value=now/></label>
        }
    };
    (bound("least", "at least", |range| range.least), bound("most", "at most", |range| range.most))
}
