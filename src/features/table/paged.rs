//! The table as the server draws it: a page of rows, with links and a form, whole without a script. In a browser with
//! scripts it is what one sees and uses until all rows are there.

use domain::table::Column as _;
use leptos::prelude::*;

use super::{Cell, Kind, Live, address_of, sorted};
use crate::features::shared::use_tenant;

/// A page of rows of the view that the table has now. `first` is the place of the first one, from 0.
#[component]
pub fn Paged<T: Kind>(live: Live<T>, rows: Vec<T::Line>, matching: u64, first: u64, known: T::Known) -> impl IntoView {
    let now = live.view.get_untracked();
    let tenant = use_tenant().get_untracked();
    let here = address_of::<T>(&tenant, &now);
    let columns = now.shown();
    let heads = columns
        .iter()
        .map(|column| {
            let href = address_of::<T>(&tenant, &now.sort_by(*column, false));
            let (sorted, arrow) = sorted(&now, *column);
            view! { <div role="columnheader" class=T::class(*column) aria-sort=sorted><a href=href>{column.label()}<span aria-hidden="true">{arrow}</span></a></div> }
        })
        .collect_view();
    let lines = rows
        .into_iter()
        .zip(first + 2..)
        .map(|(row, index)| {
            let cells = columns
                .iter()
                .map(|column| view! { <div role="cell" class=T::class(*column)>{draw(T::cell(&row, *column, known), || T::href(&here, &row))}</div> })
                .collect_view();
            view! {
                <div role="row" class="line" aria-rowindex=index>
                    <div role="cell" class="cell box"><input type="checkbox" name="rows[]" value=T::key_of(&row).to_owned() aria-label=T::select_label(&row)/></div>
                    {cells}
                </div>
            }
        })
        .collect_view();
    view! {
        <div class=format!("rows of-{}", T::ROOM) tabindex="0" role="region" aria-label=T::LABEL>
            <div role="table" aria-label=T::LABEL aria-rowcount=matching + 1>
                <div role="rowgroup" class="heads"><div role="row" class="line top" aria-rowindex="1">
                    <div role="columnheader" class="cell box"><span class="sr">"Select"</span></div>{heads}
                </div></div>
                <div role="rowgroup">{lines}</div>
            </div>
        </div>
    }
}

fn draw(cell: Cell<'_>, href: impl Fn() -> String) -> AnyView {
    match cell {
        Cell::Text(text) => text.into_owned().into_any(),
        Cell::Muted(text) => view! { <span class="muted">{text.into_owned()}</span> }.into_any(),
        Cell::Name { text, mono, beside, words } => {
            let sub = if words { "sub words" } else { "sub" };
            view! {
                <a class="person-link" class:mono=mono data-noscroll="" href=href()>{text.to_owned()}</a>
                <span class=sub>{beside.to_owned()}</span>
            }
            .into_any()
        }
        Cell::Chips(chips) => {
            chips.into_iter().map(|(class, words)| view! { <span class=class>{words}</span> }).collect_view().into_any()
        }
    }
}
