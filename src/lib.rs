//! Quartermaster: the licenses and group roles of Qlik tenants, seen, planned and changed from a browser.
#![recursion_limit = "512"]
// Leptos' macros make types `pub` that live in private modules, and fields that cannot carry a doc.
#![allow(missing_docs, unreachable_pub, reason = "written by macros")]

pub mod app;
pub mod error;
pub mod failure;
pub mod features;
pub mod rank;
#[cfg(feature = "ssr")]
pub mod router;
#[cfg(feature = "ssr")]
pub mod server;
pub mod shell;
pub mod ui;

/// Takes over the page that the server rendered.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    ui::back::notice();
    let put_back = ui::early::watch();
    ui::scope::detached(async {
        // The room's part of the program may have to be loaded first.
        let Some(body) = leptos::prelude::document().body() else { return };
        leptos::mount::hydrate_from_async(body, app::App).await.forget();
        put_back();
        // Says that the page answers to scripts now.
        if let Some(root) = leptos::prelude::document().document_element() {
            let _ = root.set_attribute("data-ready", "");
        }
    });
}
