//! What opens below a filter's chip: fields of the form, each as the filter has it.

use domain::table::{Day, Range};
use domain::text::{folded, thousands, whole};
use leptos::prelude::*;

use super::super::view::Choice;

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
pub(super) fn open(word: &str) {
    use leptos::wasm_bindgen::JsCast;
    use leptos::web_sys::HtmlElement;
    let find = |what: String| document().query_selector(&what).ok().flatten().and_then(|it| it.dyn_into::<HtmlElement>().ok());
    if let Some(menu) = find(format!("details[data-field={word}]")) {
        let _ = menu.set_attribute("open", "");
    }
    if let Some(first) = find(format!("details[data-field={word}] .sheet :is(input, select)")) {
        let _ = first.focus();
    }
}

/// Some of many values, or none of them.
#[component]
pub fn OneOfMany(
    /// The field's word and name.
    word: &'static str,
    label: &'static str,
    /// What is chosen, and whether it is turned round.
    now: Memo<(Vec<String>, bool)>,
    /// What the page offers.
    choices: Vec<Choice>,
    /// All that there is, where the browser's table knows it.
    #[prop(into)]
    all: Signal<Option<Vec<Choice>>>,
    /// The browser has all rows: otherwise a page without scripts shows all that the server sends.
    #[prop(into)]
    here: Signal<bool>,
) -> impl IntoView {
    let needle = RwSignal::new(String::new());
    let long = choices.len() > SHORT;
    let choices = StoredValue::new(choices);
    let all = move || all.try_get().flatten().unwrap_or_else(|| choices.get_value());
    // What is chosen stays in sight, whatever is typed; in place, for nothing jumps below a pointer. What is chosen elsewhere, as by
    // going back, comes in.
    let offers = Memo::new(move |before: Option<&Offers>| {
        let (values, _) = now.get();
        let wanted = needle.with(|needle| folded(needle.trim()));
        let mut all = all();
        let most = if here.get() { OFFERED } else { usize::MAX };
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
        <select class="select" name="not" aria-label=format!("{}: is or is not", label) prop:value=move || if now.get().1 { word } else { "" }>
            <option value="">"is any of"</option>
            <option value=word selected=now.get_untracked().1>"is none of"</option>
        </select>
        {long.then(|| view! {
            <input class="input js-only" type="search" aria-label=format!("Find {}", label.to_lowercase()) placeholder="Type to find"
                on:input=find/>
        })}
        {list}
    }
}

/// Something that is so of a row, or not.
pub struct Flag<F: 'static> {
    /// In the address.
    pub word: &'static str,
    /// In a list of flags.
    pub label: &'static str,
    /// In a sentence.
    pub words: &'static str,
    /// What a filter asks of it.
    pub of: fn(&F) -> Option<bool>,
}

impl<F> Flag<F> {
    /// What a filter asks of all of these, in words.
    pub fn asked(flags: &[Self], filter: &F) -> Option<String> {
        let asked = flags.iter().filter_map(|flag| {
            let on = (flag.of)(filter)?;
            Some(if on { flag.words.to_owned() } else { format!("not {}", flag.words) })
        });
        let asked: Vec<String> = asked.collect();
        (!asked.is_empty()).then(|| asked.join(", "))
    }
}

/// What is so of a row, or not.
#[component]
pub fn Flags<F: domain::table::Filter>(flags: &'static [Flag<F>], filter: Memo<F>) -> impl IntoView {
    let flag = move |flag: &'static Flag<F>| {
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
    flags.iter().map(flag).collect_view()
}

/// From one day to another, either of which may be missing.
type Span = (Option<Day>, Option<Day>);

/// From one day to another. `names` are those of the form's fields.
#[component]
pub fn Dates(names: [&'static str; 2], days: Memo<Span>) -> impl IntoView {
    let [from, to] = names;
    let day = move |name: &'static str, label: &'static str, read: fn(Span) -> Option<Day>| {
        let now = move || read(days.try_get().unwrap_or_default()).map(|day| day.to_string()).unwrap_or_default();
        view! { <label class="pair"><span>{label}</span><input class="input" type="date" name=name value=now() prop:value=now/></label> }
    };
    (day(from, "on or after", |days| days.0), day(to, "on or before", |days| days.1))
}

/// From one figure to another.
#[component]
pub fn Bounds(word: &'static str, range: Memo<Range>) -> impl IntoView {
    let bound = move |end: &'static str, label: &'static str, read: fn(Range) -> Option<u32>| {
        let now = move || read(range.try_get().unwrap_or_default()).map(|bound| bound.to_string()).unwrap_or_default();
        let name = format!("{word}-{end}");
        view! {
            <label class="pair"><span>{label}</span><input class="input figure" type="number" min="0" name=name value=now() prop:value=now/></label>
        }
    };
    (bound("least", "at least", |range| range.least), bound("most", "at most", |range| range.most))
}
