//! The head of a page: its heading, which takes the focus when a route changes, and what stands beside it.

use leptos::prelude::*;
use leptos_meta::Title;

/// Heading and title of a page.
#[component]
pub fn Head(
    /// The heading.
    #[prop(into)]
    title: Signal<String>,
    /// What stands at its right.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let heading = NodeRef::<leptos::html::H1>::new();
    #[cfg(feature = "hydrate")]
    focus_after_navigation(heading);
    view! {
        <Title text=move || title.get()/>
        <header class="head">
            <h1 tabindex="-1" node_ref=heading>{move || title.get()}</h1>
            {children.map(|children| view! { <div class="fresh">{children()}</div> })}
        </header>
    }
}

/// The first page keeps the browser's own focus; later ones announce themselves by their heading.
#[cfg(feature = "hydrate")]
fn focus_after_navigation(heading: NodeRef<leptos::html::H1>) {
    use std::cell::Cell;
    thread_local! { static FIRST: Cell<bool> = const { Cell::new(true) }; }
    Effect::new(move |_| {
        if let Some(heading) = heading.get() {
            if FIRST.replace(false) {
                return;
            }
            let _ = heading.focus();
        }
    });
}
