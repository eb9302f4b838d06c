//! Pages of a long list as links, so that they work without a script and can be copied.

use leptos::prelude::*;

/// Links to the neighbours, and where one is.
#[component]
pub fn Pager(
    /// This page, from 1.
    page: u32,
    /// Pages in all.
    pages: u32,
    /// The address of a page.
    href: Callback<u32, String>,
) -> impl IntoView {
    (pages > 1).then(|| {
        let link = move |to: Option<u32>, text: &'static str, rel: &'static str| match to {
            Some(to) => view! { <a class="button" rel=rel href=href.run(to)>{text}</a> }.into_any(),
            None => view! { <span class="button off" aria-disabled="true">{text}</span> }.into_any(),
        };
        view! {
            <nav class="pager" aria-label="Pages">
                {link((page > 1).then(|| page - 1), "Previous", "prev")}
                <span class="muted num">{format!("Page {page} of {pages}")}</span>
                {link((page < pages).then(|| page + 1), "Next", "next")}
            </nav>
        }
    })
}
