//! The ways out of a shortage on a plan's page: a button each, with what it stands on.

use leptos::prelude::*;

use super::api::Remedy;
use super::view::{WaysOut, Without};
use crate::features::me::may_not_change;
use crate::features::shared::{shut, use_part, use_tenant};
use crate::ui::query::escape;

/// What can be done about one shortage.
#[component]
pub fn WaysOutOf(
    /// The ways.
    ways_out: WaysOut,
    /// Takes one.
    action: ServerAction<Remedy>,
) -> impl IntoView {
    let (tenant, id) = (use_tenant(), use_part("id"));
    let pending = shut(action, false);
    let WaysOut { allotment, ways, without, reading } = ways_out;
    let holders = {
        let allotment = allotment.clone();
        move || format!("/t/{}/assignments?allotment={}&sort=-used", tenant.get(), escape(&allotment))
    };
    let several = without.len() > 1;
    let without = without
        .into_iter()
        .enumerate()
        .map(|(at, Without { word, first, last })| {
            let who = if first == last { first } else { format!("{first} … {last}") };
            let text = match word.as_str() {
                "active" => "The least active",
                _ => "The last in the plan",
            };
            // Without a choice it is said, not asked.
            let choice = several.then(|| view! { <input type="radio" name="order" value=word checked=at == 0/> });
            view! { <li><label>{choice}<span>{text}": "{who}</span></label></li> }
        })
        .collect_view();
    let ways = ways
        .into_iter()
        .map(|way| {
            view! {
                <li>
                    <button class="button" type="submit" name="way" value=way.key disabled=pending title=may_not_change()>{way.label}</button>
                    <span class="small">{way.why}</span>
                </li>
            }
        })
        .collect_view();
    view! {
        <ActionForm action attr:class="ways">
            <input type="hidden" name="tenant" value=move || tenant.get()/>
            <input type="hidden" name="id" value=move || id.get()/>
            <input type="hidden" name="allotment" value=allotment/>
            <fieldset class="plain without"><legend>"Who goes without a seat"</legend><ul>{without}</ul></fieldset>
            <ul>
                {ways}
                <li>
                    <a class="button" href=holders>"Choose people to remove"</a>
                    <span class="small">
                        "Opens all holders, longest idle first. Apply that plan, then this one."
                        {reading.then_some(" Usage is still loading; reload to see idle people here.")}
                    </span>
                </li>
            </ul>
        </ActionForm>
    }
}
