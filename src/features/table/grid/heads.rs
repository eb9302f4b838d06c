//! The grid's headings: all that match, sorting, and widths.

use domain::table::Column as _;
use leptos::ev::{MouseEvent, PointerEvent};
use leptos::prelude::*;

use super::super::columns::Layout;
use super::super::{Kind, address_of, sorted};
use super::{Grid, Place};

/// The headings.
#[allow(clippy::large_types_passed_by_value, reason = "what a component is given is its own")]
#[component]
pub(super) fn Heads<T: Kind>(grid: Grid<T>) -> impl IntoView {
    let live = grid.live;
    let at = move |cell: usize| grid.at.with(|at| at.row.is_none() && at.cell == cell);
    let stop = move |cell: usize| if at(cell) { "0" } else { "-1" };
    // All that match, and any of them.
    let all = Memo::new(move |_| {
        let (selected, hidden) = live.selected();
        let shown = grid.rows.get() as usize;
        (shown > 0 && selected - hidden == shown, selected > hidden)
    });
    let toggle = move |_| {
        if all.get_untracked().0 { live.clear() } else { live.select_all() }
    };
    let heads = move || {
        grid.columns
            .get()
            .into_iter()
            .zip(1..)
            .map(|(column, cell)| {
                let href = move || live.view.with(|view| address_of::<T>(&grid.tenant.get(), &view.sort_by(column, false)));
                let sort = move |event: MouseEvent| {
                    if event.ctrl_key() || event.meta_key() {
                        return;
                    }
                    event.prevent_default();
                    grid.live.view.update(|view| *view = view.sort_by(column, event.shift_key()));
                };
                let now = move || live.view.with(|view| sorted(view, column));
                view! {
                    <div role="columnheader" class=T::class(column) aria-sort=move || now().0 on:pointerdown=move |_| grid.at.set(Place { row: None, cell })>
                        <a href=href data-cell=cell tabindex=move || stop(cell) on:click=sort title="Sort (Shift-click to add)">
                            {column.label()}<span aria-hidden="true">{move || now().1}</span>
                        </a>
                        <span class="grip" aria-hidden="true" on:pointerdown=move |event| drag(grid.layout, column, &event)></span>
                    </div>
                }
            })
            .collect_view()
    };
    view! {
        <div role="rowgroup" class="heads">
            <div role="row" class="line top" aria-rowindex="1">
                <div role="columnheader" class="cell box">
                    <input type="checkbox" data-cell="0" tabindex=move || stop(0) aria-label="Select all matching rows"
                        prop:checked=move || all.get().0 prop:indeterminate=move || { let (all, some) = all.get(); some && !all } on:change=toggle/>
                </div>
                {heads}
            </div>
        </div>
    }
}

/// Follows the pointer from a heading's grip until it is let go.
fn drag(layout: RwSignal<Layout>, column: impl domain::table::Column, event: &PointerEvent) {
    event.prevent_default();
    event.stop_propagation();
    #[cfg(feature = "hydrate")]
    super::browser::drag(layout, column, event);
    #[cfg(not(feature = "hydrate"))]
    let _ = (layout, column);
}
