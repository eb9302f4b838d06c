//! Fields of the filters that only the assignments have: when Qlik was used last, and with or without a license.

use domain::assignments::{Filter, Idle};
use leptos::prelude::*;

/// The last uses that one can choose without typing a number.
pub(super) const USES: [Idle; 6] =
    [Idle::Within(7), Idle::Within(30), Idle::Over(30), Idle::Over(60), Idle::Over(90), Idle::Never];

pub(super) fn use_words(idle: Idle) -> String {
    match idle {
        Idle::Within(days) => format!("in the last {days} days"),
        Idle::Over(days) => format!("unused for {days}+ days"),
        Idle::Never => "no use on record".to_owned(),
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
