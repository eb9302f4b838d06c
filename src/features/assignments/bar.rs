//! What can be done with the people and licenses that are selected: each leads to a plan.

use std::collections::BTreeMap;

use domain::assignments::Table;
use domain::text::thousands;
use leptos::prelude::*;

use super::api::Draft;
use super::view::Target;
use crate::features::me::may_not_change;
use crate::features::shared::shut;
use crate::features::table::Live;

/// How many of the rows selected hold each license; empty stands for those without one.
pub fn held(live: Live<Table>) -> BTreeMap<String, usize> {
    let held = live.table.with(|table| live.picked.with(|picked| table.held_by(picked.rows())));
    let word = |name: Option<domain::allotment::AllotmentName>| name.map(|name| name.to_string()).unwrap_or_default();
    held.into_iter().map(|(name, rows)| (word(name), usize::try_from(rows).unwrap_or(usize::MAX))).collect()
}

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
pub fn Actions(targets: Vec<Target>, held: Held, draft: ServerAction<Draft>, off: bool) -> impl IntoView {
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
