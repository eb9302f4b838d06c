//! The bar of what is selected, and what can be done with it: each leads to a plan.

use std::collections::BTreeMap;

use domain::table::RowKey;
use domain::text::thousands;
use leptos::html::{Input, Textarea};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::api::Draft;

use super::live::{Live, remember};
use super::view::Target;
use crate::features::me::may_not_change;
use crate::features::shared::{shut, use_tenant};
use crate::ui::query::to_query;

/// How many of the rows selected hold each license; empty stands for those without one. `None` where nothing is known of them.
type Held = Option<BTreeMap<String, usize>>;

fn figure(n: usize) -> String {
    thousands(i64::try_from(n).unwrap_or(i64::MAX))
}

/// What a menu says of a target: seats now and after, and why it cannot be chosen.
fn told(target: &Target, held: &Held, assigns: bool) -> (String, Option<&'static str>) {
    let label = &target.label;
    let Some(held) = held else {
        return (target.free.map_or_else(|| label.clone(), |free| format!("{label}, {} free", thousands(free.max(0)))), None);
    };
    let has = held.get(&target.value).copied().unwrap_or(0);
    let all: usize = held.values().sum();
    let without = held.get("").copied().unwrap_or(0);
    // Changing a type is for those who hold something; whoever has it already stays as they are.
    let gains = if assigns { all - has } else { all - has - without };
    let why = match (gains, assigns) {
        (0, _) if has > 0 => Some("all selected have it"),
        (0, false) => Some("none selected has a license"),
        _ => None,
    };
    let after = |free: i64| free - i64::try_from(gains).unwrap_or(i64::MAX);
    let seats = match target.free {
        Some(free) if after(free) < 0 => {
            format!("{} free, {} short", thousands(free.max(0)), thousands((-after(free)).min(gains_of(gains))))
        }
        Some(free) => format!("{} free → {}", thousands(free), thousands(after(free))),
        None => {
            let paid = target.paid - i64::try_from(gains).unwrap_or(i64::MAX);
            if paid < 0 {
                format!("{} in overage after", thousands(-paid))
            } else {
                format!("{} paid seats left after", thousands(paid))
            }
        }
    };
    (format!("{label}, {seats}"), why)
}

fn gains_of(gains: usize) -> i64 {
    i64::try_from(gains).unwrap_or(i64::MAX)
}

/// A button that opens its targets: each of them is a choice of its own, with what it does to the seats.
#[component]
fn TargetMenu(
    word: &'static str,
    text: &'static str,
    class: &'static str,
    targets: Vec<Target>,
    held: Held,
    shut: bool,
) -> impl IntoView {
    if shut {
        return view! { <button class=class type="button" disabled title=may_not_change()>{text}</button> }.into_any();
    }
    let options = targets
        .into_iter()
        .map(|target| {
            let (label, why) = told(&target, &held, word == "assign");
            view! {
                <li><button class="button plain" type="submit" name="action" value=format!("{word}:{}", target.value) disabled=why.is_some()>
                    {label}{why.map(|why| view! { <span class="muted small">{format!(" ({why})")}</span> })}
                </button></li>
            }
        })
        .collect_view();
    view! { <details class="menu"><summary class=class>{text}</summary><ul class="sheet targets">{options}</ul></details> }
        .into_any()
}

/// What one can do with a selection: each opens what it can be done with.
#[component]
fn Actions(targets: Vec<Target>, held: Held, draft: ServerAction<Draft>, off: bool) -> impl IntoView {
    let closed = shut(draft, off)();
    let why_off = match (may_not_change(), off) {
        (Some(why), _) => Some(view! { <span class="small">{why}</span> }.into_any()),
        (None, true) => Some(view! { <span class="small bad">"Changes are disabled until data is refreshed."</span> }.into_any()),
        (None, false) => None,
    };
    let kinds: Vec<(String, usize)> =
        held.iter().flatten().filter(|(name, _)| !name.is_empty()).map(|(name, rows)| (name.clone(), *rows)).collect();
    let remove = if closed || kinds.len() < 2 {
        let none = held.is_some() && kinds.is_empty();
        view! { <button class="button danger" type="submit" name="action" value="remove" disabled=closed || none title=may_not_change()>"Remove…"</button> }.into_any()
    } else {
        let all: usize = kinds.iter().map(|(_, rows)| rows).sum();
        let label = |name: &str| {
            targets.iter().find(|target| target.value == name).map_or_else(|| name.to_owned(), |target| target.label.clone())
        };
        let options = kinds
            .iter()
            .map(|(name, rows)| {
                let text = format!("{} {}", figure(*rows), label(name));
                view! { <li><button class="button plain" type="submit" name="action" value=format!("remove:{name}")>{text}</button></li> }
            })
            .collect_view();
        view! {
            <details class="menu"><summary class="button danger">"Remove…"</summary><ul class="sheet targets">
                <li><button class="button plain" type="submit" name="action" value="remove">{format!("All {} licenses selected", figure(all))}</button></li>
                {options}
            </ul></details>
        }
        .into_any()
    };
    view! {
        {why_off}
        <TargetMenu word="change" text="Change type…" class="button primary" targets=targets.clone() held=held.clone() shut=closed/>
        <TargetMenu word="assign" text="Assign…" class="button" targets held shut=closed/>
        {remove}
    }
}

/// The bar below a page of rows, whose boxes are part of the same form.
#[component]
pub fn PagedBar(
    matching: u64,
    query: String,
    version: u64,
    digest: u64,
    targets: Vec<Target>,
    draft: ServerAction<Draft>,
    off: bool,
) -> impl IntoView {
    view! {
        <input type="hidden" name="query" value=query/>
        <input type="hidden" name="version" value=version.to_string()/>
        <input type="hidden" name="digest" value=digest.to_string()/>
        <div class="bar" role="toolbar" aria-label="Selection">
            <label class="inline"><input type="checkbox" name="matching" value="1"/>{format!("Select all {} matching rows", thousands(i64::try_from(matching).unwrap_or(i64::MAX)))}</label>
            {move || view! { <Actions targets=targets.clone() held=None draft off/> }}
        </div>
    }
}

/// The bar of the table in the browser. It says what is selected, and how much of it the filter hides.
#[component]
pub fn LiveBar(live: Live, targets: Signal<Vec<Target>>, draft: ServerAction<Draft>, off: Signal<bool>) -> impl IntoView {
    let selected = Memo::new(move |_| live.selected());
    let matching = Memo::new(move |_| live.order.with(Vec::len));
    let all = move || selected.get().0 - selected.get().1 < matching.get();
    let held = Memo::new(move |_| live.held());
    view! {
        <div class="bar" role="toolbar" aria-label="Selection" class:idle=move || selected.get().0 == 0>
            <span role="status">
                <b class="num">{move || format!("{} selected", figure(selected.get().0))}</b>
                {move || (selected.get().1 > 0).then(|| format!(", {} not shown", figure(selected.get().1)))}
            </span>
            {move || all().then(|| view! {
                <button class="link" type="button" on:click=move |_| live.select_all()>{format!("Select all {} matching rows", figure(matching.get()))}</button>
            })}
            {move || view! { <Actions targets=targets.get() held=Some(held.get()) draft off=off.get()/> }}
            <button class="button plain" type="button" on:click=move |_| live.clear()>"Clear selection "<kbd>"Esc"</kbd></button>
        </div>
    }
}

/// The form of the table in the browser: what is selected becomes its fields when it is sent, and not before, for that may
/// be a hundred thousand rows.
#[component]
pub fn LiveForm(live: Live, children: Children) -> impl IntoView {
    let tenant = use_tenant();
    let (matching, query) = (NodeRef::<Input>::new(), NodeRef::<Input>::new());
    let (version, digest) = (NodeRef::<Input>::new(), NodeRef::<Input>::new());
    let lines = NodeRef::<Textarea>::new();
    // The fields themselves, at once: the browser reads them as soon as this returns.
    let fill = move |_| {
        let selection = live.table.with_untracked(|table| live.picked.with_untracked(|picked| picked.selection(table)));
        let asked = selection.query.as_ref().map(|filter| to_query(&filter.to_pairs()));
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
        remember(&tenant.get_untracked(), &selection);
    };
    view! {
        <form class="fill whole" method="post" action=Draft::url() on:submit=fill>
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_says_what_becomes_of_its_seats() {
        let target = |free: Option<i64>, paid| Target { value: "analyzer".into(), label: "Analyzer".into(), free, paid };
        let held = |pairs: &[(&str, usize)]| Some(pairs.iter().map(|(name, rows)| ((*name).to_owned(), *rows)).collect());
        let of = |target: Target, held: &Held, assigns| told(&target, held, assigns);
        assert_eq!(of(target(Some(2_520), 0), &held(&[("professional", 50)]), false).0, "Analyzer, 2,520 free → 2,470");
        assert_eq!(of(target(Some(10), 0), &held(&[("", 12), ("analyzer", 3)]), true).0, "Analyzer, 10 free, 2 short");
        assert_eq!(of(target(None, 5), &held(&[("", 12)]), true).0, "Analyzer, 7 in overage after");
        assert_eq!(of(target(Some(9), 0), &held(&[("analyzer", 3)]), false).1, Some("all selected have it"));
        assert_eq!(of(target(Some(9), 0), &held(&[("", 3)]), false).1, Some("none selected has a license"));
    }
}
