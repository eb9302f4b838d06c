//! The head of a page: its heading, which takes the focus when a route changes, and what stands beside it.

use leptos::prelude::*;
use leptos_meta::Title;

/// Heading and title of a page.
#[component]
pub fn Head(
    /// The heading.
    #[prop(into)]
    title: String,
    /// The page is not there yet: the heading announces nothing.
    #[prop(optional)]
    waiting: bool,
    /// What stands at its right.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let heading = NodeRef::<leptos::html::H1>::new();
    #[cfg(feature = "hydrate")]
    if !waiting {
        focus_after_navigation(heading);
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = waiting;
    view! {
        // As text, not as a signal: the server reads it after the page is drawn, when the page's signals are gone.
        <Title text=title.clone()/>
        <header class="head">
            <h1 tabindex="-1" node_ref=heading>{title}</h1>
            {children.map(|children| view! { <div class="fresh">{children()}</div> })}
        </header>
    }
}

/// The first page keeps the browser's own focus; later ones announce themselves by their heading. A heading that is
/// drawn again on the same page, as after a refresh, takes nothing.
#[cfg(feature = "hydrate")]
fn focus_after_navigation(heading: NodeRef<leptos::html::H1>) {
    use std::cell::RefCell;
    thread_local! { static LAST: RefCell<Option<String>> = const { RefCell::new(None) }; }
    Effect::new(move |_| {
        let Some(heading) = heading.get() else { return };
        let here = window().location().pathname().unwrap_or_default();
        let before = LAST.with(|last| last.replace(Some(here.clone())));
        if before.is_some_and(|before| before != here) {
            focus_soon(heading.into());
        }
    });
}

/// Moves the focus once the element is in the document, which it may not be yet; not if somebody moves it elsewhere before.
#[cfg(feature = "hydrate")]
pub fn focus_soon(element: leptos::web_sys::HtmlElement) {
    use leptos::web_sys::{Element, HtmlElement};
    fn again(element: HtmlElement, from: Option<Element>, frames: u8) {
        request_animation_frame(move || {
            let now = document().active_element();
            // What had the focus may be gone with its page, which leaves the focus to the body.
            let moved = now != from && now.as_ref().is_some_and(|now| now.tag_name() != "BODY");
            if moved {
                return;
            }
            if element.is_connected() {
                let _ = element.focus();
            } else if frames > 0 {
                again(element, from, frames - 1);
            }
        });
    }
    again(element, document().active_element(), 30);
}
