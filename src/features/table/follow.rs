//! How the table and the address follow each other, and what keys and presses outside of the table do.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;

#[cfg(feature = "hydrate")]
use super::view_of;
use super::{Kind, Live, ViewOf};
use crate::ui::query::to_query;

/// The table follows a filter at once, and the address follows the table when the hands rest. `beside` adds to an address what is
/// looked at beside the table, and stays.
pub fn follow<T: Kind>(
    live: Live<T>,
    query: Memo<String>,
    tenant: Memo<String>,
    beside: impl Fn(String) -> String + Copy + 'static,
) -> Callback<T::Filter> {
    let navigate = use_navigate();
    let address = StoredValue::new(query.get_untracked());
    let go = move |replace: bool| {
        let Some(pairs) = live.view.try_with_untracked(ViewOf::<T>::to_pairs) else { return };
        let to = to_query(&pairs);
        if address.get_value() != to {
            address.set_value(to.clone());
            let here = beside(format!("/t/{}/{}{to}", tenant.get_untracked(), T::ROOM));
            navigate(&here, NavigateOptions { scroll: false, replace, ..NavigateOptions::default() });
        }
    };
    #[cfg(feature = "hydrate")]
    {
        use std::time::Duration;

        use domain::table::Filter as _;
        let pending = StoredValue::new(None::<TimeoutHandle>);
        // Among what waits is a step that one can go back from.
        let step = StoredValue::new(false);
        Effect::new({
            let go = go.clone();
            move |before: Option<ViewOf<T>>| {
                let now = live.view.get();
                // A new order and a choice are steps one can go back from; a filter that is being typed is not.
                // What was chosen before the program took over is a change as well.
                let before = before.unwrap_or_else(|| view_of::<T>(&address.get_value()));
                let laid_out = before.sort != now.sort || before.columns != now.columns;
                let replace = !laid_out && before.filter.chosen() == now.filter.chosen();
                if before != now {
                    let go = go.clone();
                    if let Some(earlier) = pending.try_update_value(Option::take).flatten() {
                        earlier.clear();
                    }
                    if live.is_here() {
                        // After what was asked for is on the screen; while one types, when the hands rest.
                        let rest = Duration::from_millis(if laid_out { 60 } else { 250 });
                        step.update_value(|step| *step |= !replace);
                        let late = move || {
                            let replace = !step.try_update_value(std::mem::take).unwrap_or_default();
                            go(replace);
                        };
                        pending.set_value(crate::ui::scope::timer(rest, late));
                    } else {
                        go(replace);
                    }
                }
                now
            }
        });
        on_cleanup(move || {
            if let Some(handle) = pending.try_update_value(Option::take).flatten() {
                handle.clear();
            }
        });
        // Back and forward, and links from elsewhere.
        Effect::new(move |before: Option<()>| {
            let now = query.get();
            if before.is_some() && address.get_value() != now {
                address.set_value(now.clone());
                live.view.set(view_of::<T>(&now));
            }
        });
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = go;
    Callback::new(move |filter| live.view.update(|view| (view.filter, view.page) = (filter, 1)))
}

/// Puts the focus into the table, where it was last; says whether there is one.
pub fn to_table() -> bool {
    #[cfg(feature = "hydrate")]
    {
        use leptos::wasm_bindgen::JsCast;
        let stop = document().query_selector(".live [tabindex='0']").ok().flatten();
        let Some(stop) = stop.and_then(|stop| stop.dyn_into::<leptos::web_sys::HtmlElement>().ok()) else { return false };
        stop.focus().is_ok()
    }
    #[cfg(not(feature = "hydrate"))]
    false
}

/// A menu closes when something else is pressed.
#[cfg(feature = "hydrate")]
pub fn close_menus() {
    use leptos::wasm_bindgen::JsCast;
    use leptos::web_sys::Element;
    let handle = window_event_listener(leptos::ev::pointerdown, move |event| {
        let pressed = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let inside = pressed.and_then(|pressed| pressed.closest("details.menu").ok().flatten());
        let Ok(open) = document().query_selector_all("details.menu[open]") else { return };
        for at in 0..open.length() {
            let Some(menu) = open.item(at).and_then(|node| node.dyn_into::<Element>().ok()) else { continue };
            if inside.as_ref() != Some(&menu) {
                let _ = menu.remove_attribute("open");
            }
        }
    });
    on_cleanup(move || handle.remove());
}

/// Closes a menu that is open, and puts the focus on its button; says whether there was one.
#[cfg(feature = "hydrate")]
fn close_menu() -> bool {
    use leptos::wasm_bindgen::JsCast;
    let Some(menu) = document().query_selector("details.menu[open]").ok().flatten() else { return false };
    let _ = menu.remove_attribute("open");
    let summary = menu.query_selector("summary").ok().flatten();
    if let Some(summary) = summary.and_then(|it| it.dyn_into::<leptos::web_sys::HtmlElement>().ok()) {
        let _ = summary.focus();
    }
    true
}

/// Escape closes a menu that is open.
#[cfg(feature = "hydrate")]
pub fn close_menus_on_escape() {
    let handle = window_event_listener(leptos::ev::keydown, move |event| {
        if event.key() == "Escape" {
            close_menu();
        }
    });
    on_cleanup(move || handle.remove());
}

/// Escape goes one step back: an open menu, what stands beside the table, the selection.
#[cfg(feature = "hydrate")]
pub fn clear_on_escape<T: Kind>(live: Live<T>) {
    use leptos::wasm_bindgen::JsCast;
    let handle = window_event_listener(leptos::ev::keydown, move |event| {
        let find = |what: &str| document().query_selector(what).ok().flatten();
        if event.key() != "Escape" || find("dialog[open]").is_some() {
            return;
        }
        // One step back at a time: an open menu, then the panel, then the selection.
        if close_menu() {
            return;
        }
        match find(".side .close").and_then(|link| link.dyn_into::<leptos::web_sys::HtmlElement>().ok()) {
            Some(close) => close.click(),
            None => {
                // The bar goes with the selection; the hand goes back to the table.
                let in_bar = document().active_element().is_some_and(|now| now.closest(".bar").ok().flatten().is_some());
                live.clear();
                if in_bar {
                    to_table();
                }
            }
        }
    });
    on_cleanup(move || handle.remove());
}
