//! The bar of what is selected, and the form that sends it. What can be done with it is the room's business.

use domain::table::{RowKey, RowSelection};
use domain::text::{thousands, whole};
use leptos::html::{Input, Textarea};
use leptos::prelude::*;

use super::live::remember;
use super::{Kind, Live, query_of};
use crate::features::shared::use_tenant;

/// The fields of a page of rows that say what all that match are, for the bar below it. The boxes are part of the same form.
#[component]
pub fn PagedFields(matching: u64, query: String, version: u64, digest: u64, children: Children) -> impl IntoView {
    view! {
        <input type="hidden" name="query" value=query/>
        <input type="hidden" name="version" value=version.to_string()/>
        <input type="hidden" name="digest" value=digest.to_string()/>
        <div class="bar" role="toolbar" aria-label="Selection">
            <label class="inline"><input type="checkbox" name="matching" value="1"/>{format!("Select all {} matching rows", thousands(whole(matching)))}</label>
            {children()}
        </div>
    }
}

/// The bar of the table in the browser. It says what is selected, and how much of it the filter hides; `actions` are what can be
/// done with it.
#[component]
pub fn LiveBar<T: Kind>(live: Live<T>, #[prop(into)] actions: ViewFn) -> impl IntoView {
    let selected = Memo::new(move |_| live.selected());
    let matching = Memo::new(move |_| live.order.with(Vec::len));
    let all = move || selected.get().0 - selected.get().1 < matching.get();
    let figure = |n: usize| thousands(whole(n));
    view! {
        <div class="bar" role="toolbar" aria-label="Selection" class:idle=move || selected.get().0 == 0>
            <span role="status">
                <b class="num">{move || format!("{} selected", figure(selected.get().0))}</b>
                {move || (selected.get().1 > 0).then(|| format!(", {} not shown", figure(selected.get().1)))}
            </span>
            {move || all().then(|| view! {
                <button class="link" type="button" on:click=move |_| live.select_all()>{format!("Select all {} matching rows", figure(matching.get()))}</button>
            })}
            {move || actions.run()}
            <button class="button plain" type="button" on:click=move |_| live.clear()>"Clear selection "<kbd>"Esc"</kbd></button>
        </div>
    }
}

/// The form of the table in the browser: what is selected becomes its fields when it is sent, and not before, for that may
/// be a hundred thousand rows. `action` is where it is sent to.
#[component]
pub fn LiveForm<T: Kind>(live: Live<T>, action: &'static str, children: Children) -> impl IntoView {
    let tenant = use_tenant();
    let (matching, query) = (NodeRef::<Input>::new(), NodeRef::<Input>::new());
    let (version, digest) = (NodeRef::<Input>::new(), NodeRef::<Input>::new());
    let lines = NodeRef::<Textarea>::new();
    // The fields themselves, at once: the browser reads them as soon as this returns.
    let fill = move |_| {
        let selection = live
            .table
            .with_untracked(|table| live.picked.with_untracked(|picked: &RowSelection<T::Filter>| picked.selection(table)));
        let asked = selection.query.as_ref().map(query_of);
        // What was counted, so that nothing else is planned: these rows, of this version of the table.
        let counted = selection
            .query
            .as_ref()
            .map(|filter| live.table.with_untracked(|table| table.digest(&table.matching(filter)).to_string()));
        let of = live.version.get_untracked().to_string();
        for (field, value) in [
            (matching, if asked.is_some() { "1" } else { "" }),
            (query, asked.as_deref().unwrap_or_default()),
            (version, of.as_str()),
            (digest, counted.as_deref().unwrap_or_default()),
        ] {
            if let Some(field) = field.get_untracked() {
                field.set_value(value);
            }
        }
        if let Some(field) = lines.get_untracked() {
            let signed = |sign: char| move |key: &RowKey| format!("{sign}{}", key.as_str());
            let keys = selection.rows.iter().map(signed('+')).chain(selection.except.iter().map(signed('-')));
            field.set_value(&keys.collect::<Vec<_>>().join("\n"));
        }
        remember::<T>(&tenant.get_untracked(), &selection);
    };
    view! {
        <form class="fill whole" method="post" action=action on:submit=fill>
            <input type="hidden" name="tenant" value=move || tenant.get()/>
            <input type="hidden" name="matching" node_ref=matching/>
            <input type="hidden" name="query" node_ref=query/>
            <input type="hidden" name="version" node_ref=version/>
            <input type="hidden" name="digest" node_ref=digest/>
            <textarea hidden name="lines" node_ref=lines></textarea>
            {children()}
        </form>
    }
}
