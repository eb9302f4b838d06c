//! What a page says of itself: notes, chips, empty states, progress.

use leptos::prelude::*;

/// A note above content: `warn`, `bad` or `ok`.
#[component]
pub fn Note(
    /// The tone.
    tone: &'static str,
    /// The headline.
    #[prop(into)]
    title: String,
    /// The rest.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let class = format!("note {tone}");
    let dot = format!("dot {tone}");
    let role = if tone == "bad" { "alert" } else { "status" };
    view! {
        <div class=class role=role>
            <span class=dot aria-hidden="true"></span>
            <div><b>{title}</b>" "{children.map(|children| children())}</div>
        </div>
    }
}

/// Nothing to show, why, and the next step.
#[component]
pub fn Empty(
    /// What there is none of, as a sentence.
    #[prop(into)]
    title: String,
    /// The next step.
    children: Children,
) -> impl IntoView {
    view! { <div class="empty"><p class="empty-title">{title}</p><div class="muted">{children()}</div></div> }
}

/// A bar that knows where it ends.
#[component]
pub fn ProgressBar(
    /// What moves on.
    label: &'static str,
    /// So much is done.
    #[prop(into)]
    now: Signal<u64>,
    /// Of so much that went wrong.
    #[prop(optional, into)]
    bad: Signal<u64>,
    /// Of so much.
    #[prop(into)]
    max: Signal<u64>,
) -> impl IntoView {
    let percent = move |n: u64| {
        let share = u128::from(n) * 10_000 / u128::from(max.get().max(1));
        super::meter::percent(u32::try_from(share).unwrap_or(u32::MAX))
    };
    view! {
        <div class="progress" role="progressbar" aria-label=label aria-valuemin="0" aria-valuemax=move || max.get() aria-valuenow=move || now.get()>
            <svg aria-hidden="true" focusable="false">
                <rect class="g-fill" x="0" width=move || percent(now.get()) height="8"/>
                <rect class="g-bad" x=move || percent(now.get().saturating_sub(bad.get())) width=move || percent(bad.get()) height="8"/>
            </svg>
        </div>
    }
}

/// Space where a page will be, shaped like it.
#[component]
pub fn Skeleton(
    /// How many lines.
    lines: u32,
) -> impl IntoView {
    view! {
        <div class="skeleton" aria-hidden="true">{(0..lines).map(|_| view! { <span></span> }).collect_view()}</div>
        <p class="sr" role="status">"Loading"</p>
    }
}
