//! The way to the palette: its button, its keys, and loading it when it is first asked for.

use std::pin::Pin;

use leptos::prelude::*;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// The palette.
    Palette,
    /// The list of keys.
    #[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "only a browser has keys"))]
    Keys,
}

/// What the palette knows of the frame around it.
#[derive(Debug, Clone, Copy)]
pub struct Finding {
    /// The tenant in the address.
    pub tenant: Memo<String>,
    /// The other tenants: id and name.
    pub others: Signal<Vec<(String, String)>>,
    /// What is asked for; whoever answers takes it away.
    pub ask: RwSignal<Option<Ask>>,
}

/// A view that is on its way; nothing where it cannot be loaded.
pub type Coming = Pin<Box<dyn Future<Output = Option<AnyView>> + Send>>;

/// Loads what the frame needs later. It is in the part of the program that a first visit leaves out, which the map of the portal
/// knows.
#[derive(Debug, Clone, Copy)]
pub struct LoadParts {
    /// The palette.
    pub palette: fn() -> Coming,
    /// The word about the session's end, told so many seconds before it.
    pub session_end: fn(u32) -> Coming,
}

/// The palette's button, and the palette once it was asked for.
#[component]
pub fn Finder(
    /// The tenant in the address.
    tenant: Memo<String>,
    /// The other tenants: id and name.
    others: Signal<Vec<(String, String)>>,
) -> impl IntoView {
    let ask = RwSignal::new(None::<Ask>);
    provide_context(Finding { tenant, others, ask });
    let load = expect_context::<LoadParts>().palette;
    // Whoever asks again where it could not be loaded before, tries again.
    let here = RwSignal::new(false);
    let tries = Memo::new(move |before: Option<&u32>| {
        let before = before.copied().unwrap_or_default();
        if ask.get().is_some() && !here.get_untracked() { before + 1 } else { before }
    });
    let coming = move || {
        let coming = load();
        Suspend::new(async move {
            let view = coming.await;
            here.set(view.is_some());
            view
        })
    };
    #[cfg(feature = "hydrate")]
    listen(ask, tenant);
    view! {
        <button class="find" type="button" aria-haspopup="dialog" on:click=move |_| ask.set(Some(Ask::Palette))><span>"Go to…"</span><kbd>"Ctrl K"</kbd></button>
        {move || (tries.get() > 0).then(coming)}
    }
}

/// The second of two keys comes within this many milliseconds.
#[cfg(feature = "hydrate")]
const PAIR_MS: f64 = 1_500.0;
/// Where a browser keeps that keys alone do nothing.
#[cfg(feature = "hydrate")]
const SINGLE_KEYS: &str = "quartermaster-single-keys";

/// Whether a key alone does something. Whoever speaks to their computer, or types where others click, can switch that off.
pub fn single_keys() -> bool {
    #[cfg(feature = "hydrate")]
    {
        let storage = window().local_storage().ok().flatten();
        storage.and_then(|storage| storage.get_item(SINGLE_KEYS).ok().flatten()).is_none()
    }
    #[cfg(not(feature = "hydrate"))]
    true
}

/// Switches on or off what keys do alone.
pub fn set_single_keys(on: bool) {
    #[cfg(feature = "hydrate")]
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = if on { storage.remove_item(SINGLE_KEYS) } else { storage.set_item(SINGLE_KEYS, "off") };
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = on;
}

/// Puts the cursor where the page is searched; says whether there is such a place.
#[cfg(feature = "hydrate")]
fn to_search() -> bool {
    use leptos::wasm_bindgen::JsCast;
    use leptos::web_sys::HtmlInputElement;

    let search = document().query_selector("#main input[type=search]").ok().flatten();
    let Some(search) = search.and_then(|search| search.dyn_into::<HtmlInputElement>().ok()) else { return false };
    let _ = search.focus();
    search.select();
    true
}

/// Asks for the palette and for the list of keys wherever somebody is, and leads to pages; a single key does nothing while one
/// types.
#[cfg(feature = "hydrate")]
fn listen(ask: RwSignal<Option<Ask>>, tenant: Memo<String>) {
    use leptos::wasm_bindgen::JsCast;
    use leptos::web_sys::HtmlElement;
    use leptos_router::NavigateOptions;

    use super::commands::PAGES;

    let navigate = leptos_router::hooks::use_navigate();
    let began = StoredValue::new(f64::NEG_INFINITY);
    let handle = window_event_listener(leptos::ev::keydown, move |event| {
        let command = (event.ctrl_key() || event.meta_key()) && !event.alt_key() && !event.shift_key();
        let typing = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok()).is_some_and(|target| {
            matches!(target.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT") || target.is_content_editable()
        });
        let held = event.ctrl_key() || event.meta_key() || event.alt_key();
        let alone = !held && !typing && single_keys() && document().query_selector("dialog[open]").ok().flatten().is_none();
        let pair = event.time_stamp() - began.get_value() < PAIR_MS;
        began.set_value(f64::NEG_INFINITY);
        let key = event.key();
        let place = PAGES.iter().find(|(_, _, letter)| *letter == key).map(|(path, ..)| path);
        match (key.as_str(), place) {
            ("k" | "K", _) if command => ask.set(Some(Ask::Palette)),
            (_, Some(place)) if alone && pair => {
                navigate(&format!("/t/{}/{place}", tenant.get_untracked()), NavigateOptions::default());
            }
            ("g", _) if alone => return began.set_value(event.time_stamp()),
            ("?", _) if !held && !typing && single_keys() => ask.set(Some(Ask::Keys)),
            ("/", _) if alone && to_search() => {}
            _ => return,
        }
        event.prevent_default();
    });
    on_cleanup(move || handle.remove());
}
