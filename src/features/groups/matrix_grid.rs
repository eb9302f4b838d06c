//! The matrix where scripts run: a row for each group, a cell for each role, drawn as they come into view and changed in place, by
//! keyboard too: arrows from cell to cell, Home and End, Page Up and Down, Space to change.

#[cfg(feature = "hydrate")]
mod paint;

use domain::groups::Table;
use domain::table::Rows as _;
use leptos::ev::{KeyboardEvent, MouseEvent};
use leptos::html::Div;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;

use super::view::{Cells, RoleChoice};
use crate::features::me::may_not_change;
use crate::features::shared::use_tenant;
use crate::features::table::Live;
use crate::ui::query::escape;
use crate::ui::rolling;

/// The height of a row in pixels, as the style sheet has it.
const ROW: f64 = 32.0;
/// The height of the headings, likewise.
#[cfg(feature = "hydrate")]
const HEAD: f64 = 144.0;

/// A column: a role, and its place among the table's names, where a group gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Column {
    role: RoleChoice,
    place: Option<usize>,
}

/// Where the keyboard is: a row of the order, and a column, of which the first is the group's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    row: u32,
    cell: usize,
}

/// The grid. `nothing` is said where no group matches.
#[component]
pub fn MatrixGrid(
    live: Live<Table>,
    columns: RwSignal<Vec<RoleChoice>>,
    cells: RwSignal<Cells>,
    #[prop(into)] nothing: ViewFn,
) -> impl IntoView {
    let tenant = use_tenant();
    let (scroller, group) = (NodeRef::<Div>::new(), NodeRef::<Div>::new());
    let (top, height) = (RwSignal::new(0.0), RwSignal::new(600.0));
    let at = RwSignal::new(Place { row: 0, cell: 1 });
    let rows = Memo::new(move |_| live.order.with(|order| u32::try_from(order.len()).unwrap_or(u32::MAX)));
    let drawn = Memo::new(move |_| rolling::drawn(height.get(), ROW));
    let first = Memo::new(move |_| rolling::first(top.get(), ROW, rows.get(), drawn.get()));
    let columns = Memo::new(move |_| {
        live.table.with(|table| {
            let names = &table.names().roles;
            let place = |role: &RoleChoice| names.iter().position(|(id, _, _)| id.as_str() == role.id);
            columns
                .with(|columns| columns.iter().map(|role| Column { place: place(role), role: role.clone() }).collect::<Vec<_>>())
        })
    });
    // Rows and columns that went away leave the keyboard on the last one.
    Effect::new(move |_| {
        let (last, wide) = (rows.get().saturating_sub(1), columns.with(Vec::len));
        let now = at.get_untracked();
        let within = Place { row: now.row.min(last), cell: now.cell.min(wide) };
        if within != now {
            at.set(within);
        }
    });
    // What another reading says is so already is no change any more.
    Effect::new(move |_| {
        live.table.with(|table| {
            let changed = cells.with_untracked(|cells| !cells.0.is_empty());
            if !changed || table.is_empty() {
                return;
            }
            let places: std::collections::HashMap<&str, u32> = table.rows().map(|row| (row.id(), row.at)).collect();
            let roles: std::collections::HashMap<&str, usize> =
                table.names().roles.iter().enumerate().map(|(place, (id, _, _))| (id.as_str(), place)).collect();
            let holds = |(group, role): &(String, String), wanted: bool| {
                let row = places.get(group.as_str()).and_then(|at| table.row(*at));
                let gives = row.and_then(|row| roles.get(role.as_str()).map_or(Some(false), |place| row.gives(*place)));
                gives == Some(wanted)
            };
            let mut left = cells.get_untracked();
            left.0.retain(|cell, wanted| !holds(cell, *wanted));
            if cells.with_untracked(|now| *now != left) {
                cells.set(left);
            }
        });
    });
    #[cfg(feature = "hydrate")]
    paint::follow(scroller, group, live, columns, cells, at, top, height, first, drawn);
    #[cfg(not(feature = "hydrate"))]
    let _ = (first, drawn);

    let show = move |row: u32| {
        let target = rolling::into_view(row, top.get_untracked(), height.get_untracked(), ROW);
        if let Some(scroller) = scroller.get_untracked()
            && (target - top.get_untracked()).abs() > 0.5
        {
            #[expect(clippy::cast_possible_truncation, reason = "pixels of a scroll are far fewer than that")]
            scroller.set_scroll_top(target.round() as i32);
            top.set(target);
        }
    };
    let turn = move |place: Place| {
        if may_not_change().is_some() {
            return;
        }
        let Some(column) = place.cell.checked_sub(1).and_then(|nth| columns.with_untracked(|all| all.get(nth).cloned())) else {
            return;
        };
        let Some(row) = live.order.with_untracked(|order| order.get(place.row as usize).copied()) else { return };
        let now = live.table.with_untracked(|table| {
            let row = table.row(row)?;
            Some((row.id().to_owned(), column.place.map_or(row.role_count().map(|_| false), |place| row.gives(place))?))
        });
        // What may not be seen must not be replaced.
        let Some((group, gives)) = now else { return };
        cells.update(|cells| {
            let key = (group, column.role.id);
            if cells.0.remove(&key).is_none() {
                cells.0.insert(key, !gives);
            }
        });
    };
    let navigate = use_navigate();
    let open = move |row: u32| {
        let id = live.order.with_untracked(|order| order.get(row as usize).copied());
        let id = id.and_then(|at| live.table.with_untracked(|table| table.row(at).map(|row| row.id().to_owned())));
        if let Some(id) = id {
            navigate(&format!("/t/{}/groups/{}", tenant.get_untracked(), escape(&id)), NavigateOptions::default());
        }
    };
    let to_group = open.clone();
    let on_key = move |event: KeyboardEvent| {
        if event.alt_key() {
            return;
        }
        let Place { row, cell } = at.get_untracked();
        let (last, wide) = (rows.get_untracked().saturating_sub(1), columns.with_untracked(Vec::len));
        let page = rolling::drawn(height.get_untracked(), ROW).saturating_sub(rolling::drawn(0.0, ROW)).max(1);
        let jump = event.ctrl_key() || event.meta_key();
        let to = match event.key().as_str() {
            "ArrowDown" => Place { row: (row + 1).min(last), cell },
            "ArrowUp" => Place { row: row.saturating_sub(1), cell },
            "ArrowRight" => Place { row, cell: (cell + 1).min(wide) },
            "ArrowLeft" => Place { row, cell: cell.saturating_sub(1) },
            "PageDown" => Place { row: (row + page).min(last), cell },
            "PageUp" => Place { row: row.saturating_sub(page), cell },
            "Home" => Place { row: if jump { 0 } else { row }, cell: 0 },
            "End" => Place { row: if jump { last } else { row }, cell: wide },
            "Enter" if cell == 0 => {
                event.prevent_default();
                return open(row);
            }
            " " | "Enter" => {
                event.prevent_default();
                return turn(Place { row, cell });
            }
            _ => return,
        };
        event.prevent_default();
        at.set(to);
        show(to.row);
    };
    let clicked = move |event: MouseEvent| {
        use leptos::wasm_bindgen::JsCast;
        let target = event.target().and_then(|target| target.dyn_into::<leptos::web_sys::Element>().ok());
        let Some(target) = target else { return };
        let number = |element: &leptos::web_sys::Element, name: &str| element.get_attribute(name)?.parse::<u32>().ok();
        let row = target.closest(".line").ok().flatten().and_then(|line| number(&line, "aria-rowindex")?.checked_sub(2));
        let cell = target.closest("[data-nth]").ok().flatten().and_then(|cell| number(&cell, "data-nth"));
        if let (Some(row), Some(cell)) = (row, cell) {
            let place = Place { row, cell: cell as usize };
            at.set(place);
            if place.cell == 0 {
                to_group(row);
            } else {
                turn(place);
            }
        }
    };
    let scrolled = move |_| {
        if let Some(scroller) = scroller.get_untracked() {
            top.set(f64::from(scroller.scroll_top()));
        }
    };
    let heads = move || {
        columns
            .get()
            .into_iter()
            .zip(2_u32..)
            .map(|(column, index)| {
                let admin = column.role.mark.is_some();
                let name = column.role.name;
                let shown = name.clone();
                let href = {
                    let id = escape(&column.role.id);
                    move || format!("/t/{}/roles/{id}", tenant.get())
                };
                view! {
                    <div role="columnheader" class="cell turned" class:admin=admin aria-colindex=index title=name.clone()>
                        <a href=href tabindex="-1">{shown}</a>
                    </div>
                }
            })
            .collect_view()
    };
    view! {
        <div class="rows live matrix" role="grid" aria-label="Groups and roles" aria-multiselectable="true"
            aria-rowcount=move || rows.get() + 1 aria-colcount=move || columns.with(Vec::len) + 1
            aria-describedby="matrix-keys" aria-activedescendant="matrix-at" tabindex="0"
            node_ref=scroller on:scroll=scrolled on:keydown=on_key>
            <div role="rowgroup" class="heads">
                <div role="row" class="line top" aria-rowindex="1"><div role="columnheader" class="cell m-name" aria-colindex="1">"Group"</div>{heads}</div>
            </div>
            <div class="body" role="presentation" style:height=move || format!("{}px", f64::from(rows.get()) * ROW)>
                // The rows themselves are drawn by the painter.
                <div role="rowgroup" node_ref=group on:click=clicked></div>
            </div>
        </div>
        <p class="sr" id="matrix-keys">"Use arrow keys to move between cells, Space to give a group the role or to take it away, Enter on a name to open the group."</p>
        {move || (rows.get() == 0).then(|| nothing.run())}
    }
}
