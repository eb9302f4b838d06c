//! An id that copies itself when it is clicked.

use leptos::prelude::*;

/// An id. Without scripts it is text that can be marked.
#[component]
pub fn CopyId(
    /// The id.
    #[prop(into)]
    text: String,
) -> impl IntoView {
    let copied = RwSignal::new(false);
    let shown = text.clone();
    let copy = move |_| copy(&text, copied);
    view! {
        <button class="copy mono" type="button" title="Copy to clipboard" on:click=copy>{shown}</button>
        <span class="copied small" role="status">{move || copied.get().then_some("copied")}</span>
    }
}

#[cfg(feature = "hydrate")]
fn copy(text: &str, copied: RwSignal<bool>) {
    use wasm_bindgen_futures::JsFuture;

    use super::scope::{detached, pause};

    // Browsers lend the clipboard to secure pages only; elsewhere the text can still be marked.
    if !window().is_secure_context() {
        return;
    }
    let written = JsFuture::from(window().navigator().clipboard().write_text(text));
    // The id is to be in the clipboard even if the page is left at once.
    detached(async move {
        if written.await.is_ok() {
            let _ = copied.try_set(true);
            pause(std::time::Duration::from_secs(2)).await;
            let _ = copied.try_set(false);
        }
    });
}

#[cfg(not(feature = "hydrate"))]
fn copy(_: &str, _: RwSignal<bool>) {}
