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

/// A view that is on its way.
pub type Coming = Pin<Box<dyn Future<Output = AnyView> + Send>>;

/// Loads the palette. It is in the part of the program that a first visit leaves out, which the map of the portal knows.
#[derive(Debug, Clone, Copy)]
pub struct LoadPalette(pub fn() -> Coming);

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
    let LoadPalette(load) = expect_context::<LoadPalette>();
    let wanted = Memo::new(move |before: Option<&bool>| before.copied().unwrap_or_default() || ask.get().is_some());
    #[cfg(feature = "hydrate")]
    listen(ask);
    view! {
        <button class="find" type="button" aria-haspopup="dialog" on:click=move |_| ask.set(Some(Ask::Palette))><span>"Go to…"</span><kbd>"Ctrl K"</kbd></button>
        {move || wanted.get().then(|| Suspend::new(load()))}
    }
}

/// Asks for the palette and for the list of keys wherever somebody is; a single key does nothing while one types.
#[cfg(feature = "hydrate")]
fn listen(ask: RwSignal<Option<Ask>>) {
    use leptos::wasm_bindgen::JsCast;
    use leptos::web_sys::HtmlElement;

    let handle = window_event_listener(leptos::ev::keydown, move |event| {
        let command = (event.ctrl_key() || event.meta_key()) && !event.alt_key() && !event.shift_key();
        let typing = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok()).is_some_and(|target| {
            matches!(target.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT") || target.is_content_editable()
        });
        match event.key().as_str() {
            "k" | "K" if command => ask.set(Some(Ask::Palette)),
            "?" if !command && !typing => ask.set(Some(Ask::Keys)),
            _ => return,
        }
        event.prevent_default();
    });
    on_cleanup(move || handle.remove());
}
