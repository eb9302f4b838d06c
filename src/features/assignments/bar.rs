//! The bar of what is selected, and what can be done with it: each leads to a plan.

use domain::table::RowKey;
use domain::text::thousands;
use leptos::html::{Input, Textarea};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::api::{Choice, Draft};
use super::live::{Live, remember};
use crate::features::shared::{shut, use_tenant};
use crate::ui::query::to_query;

/// What one can do with a selection. `children` say what it is.
#[component]
fn Actions(targets: Vec<Choice>, draft: ServerAction<Draft>, off: bool) -> impl IntoView {
    let closed = shut(draft, off);
    let why_off = off.then(|| view! { <span class="small bad">"Changes are off: refresh."</span> });
    let options = targets.into_iter().map(|choice| view! { <option value=choice.value>{choice.label}</option> }).collect_view();
    view! {
        {why_off}
        <label class="sr" for="to">"License to give"</label>
        <select class="select" id="to" name="to">{options}</select>
        <button class="button primary" type="submit" name="action" value="change" disabled=closed>"Change type…"</button>
        <button class="button" type="submit" name="action" value="assign" disabled=closed>"Assign…"</button>
        <button class="button danger" type="submit" name="action" value="remove" disabled=closed>"Remove…"</button>
    }
}

/// The bar below a page of rows, whose boxes are part of the same form.
#[component]
pub fn PagedBar(matching: u64, query: String, targets: Vec<Choice>, draft: ServerAction<Draft>, off: bool) -> impl IntoView {
    view! {
        <input type="hidden" name="query" value=query/>
        <div class="bar" role="toolbar" aria-label="Selection">
            <label class="inline"><input type="checkbox" name="matching" value="1"/>{format!("All {} matching", thousands(i64::try_from(matching).unwrap_or(i64::MAX)))}</label>
            <Actions targets draft off/>
        </div>
    }
}

/// The bar of the table in the browser. It says what is selected, and how much of it the filter hides.
#[component]
pub fn LiveBar(live: Live, targets: Signal<Vec<Choice>>, draft: ServerAction<Draft>, off: Signal<bool>) -> impl IntoView {
    let selected = Memo::new(move |_| live.selected());
    let matching = Memo::new(move |_| live.order.with(Vec::len));
    let figure = |n: usize| thousands(i64::try_from(n).unwrap_or(i64::MAX));
    let all = move || selected.get().0 - selected.get().1 < matching.get();
    view! {
        <div class="bar" role="toolbar" aria-label="Selection" class:idle=move || selected.get().0 == 0>
            <span role="status">
                <b class="num">{move || format!("{} selected", figure(selected.get().0))}</b>
                {move || (selected.get().1 > 0).then(|| format!(", {} hidden by the filter", figure(selected.get().1)))}
            </span>
            {move || all().then(|| view! {
                <button class="link" type="button" on:click=move |_| live.select_all()>{format!("Select all {} matching", figure(matching.get()))}</button>
            })}
            {move || view! { <Actions targets=targets.get() draft off=off.get()/> }}
            <button class="button plain" type="button" on:click=move |_| live.clear()>"Clear "<kbd>"Esc"</kbd></button>
        </div>
    }
}

/// The form of the table in the browser: what is selected becomes its fields when it is sent, and not before, for that may
/// be a hundred thousand rows.
#[component]
pub fn LiveForm(live: Live, children: Children) -> impl IntoView {
    let tenant = use_tenant();
    let (matching, query) = (NodeRef::<Input>::new(), NodeRef::<Input>::new());
    let lines = NodeRef::<Textarea>::new();
    // The fields themselves, at once: the browser reads them as soon as this returns.
    let fill = move |_| {
        let selection = live.table.with_untracked(|table| live.picked.with_untracked(|picked| picked.selection(table)));
        let asked = selection.query.as_ref().map(|filter| to_query(&filter.to_pairs()));
        for (field, value) in [(matching, if asked.is_some() { "1" } else { "" }), (query, asked.as_deref().unwrap_or_default())]
        {
            if let Some(field) = field.get_untracked() {
                field.set_value(value);
            }
        }
        if let Some(field) = lines.get_untracked() {
            let signed = |sign: char| move |key: &RowKey| format!("{sign}{}", key.as_str());
            let keys = selection.rows.iter().map(signed('+')).chain(selection.except.iter().map(signed('-')));
            field.set_value(&keys.collect::<Vec<_>>().join("\n"));
        }
        remember(&tenant.get_untracked(), &selection);
    };
    view! {
        <form class="fill whole" method="post" action=Draft::url() on:submit=fill>
            <input type="hidden" name="tenant" value=move || tenant.get()/>
            <input type="hidden" name="matching" node_ref=matching/>
            <input type="hidden" name="query" node_ref=query/>
            <textarea hidden name="lines" node_ref=lines></textarea>
            {children()}
        </form>
    }
}
