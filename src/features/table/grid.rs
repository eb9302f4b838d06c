//! The table where scripts run: all rows in one scroll, drawn as they come into view, and walked through by keyboard as the
//! ARIA grid pattern says: one tab stop, arrows from cell to cell, Home and End, Page Up and Down.

#[cfg(feature = "hydrate")]
mod browser;
mod heads;
mod keys;

use leptos::ev::KeyboardEvent;
use leptos::html::Div;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;

use super::columns::{Layout, fitting};
use super::{Kind, Live};
use crate::features::shared::use_tenant;
use crate::ui::rolling;
use heads::Heads;

/// Where the keyboard is: a row of the order, or the headings; and a cell, the first of which is the box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    /// `None` is the row of headings.
    row: Option<u32>,
    cell: usize,
}

/// Everything that the grid's parts share.
struct Grid<T: Kind> {
    live: Live<T>,
    layout: RwSignal<Layout>,
    tenant: Memo<String>,
    scroller: NodeRef<Div>,
    /// What the rows are drawn into.
    group: NodeRef<Div>,
    /// How far it is scrolled, in pixels.
    top: RwSignal<f64>,
    /// How high the part with rows is, in pixels.
    height: RwSignal<f64>,
    /// How wide it is, in pixels.
    #[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "only a browser measures"))]
    width: RwSignal<f64>,
    /// The height of a row.
    row: Memo<f64>,
    rows: Memo<u32>,
    columns: Memo<Vec<T::Column>>,
    at: RwSignal<Place>,
    /// The focus is to follow the keyboard with the next drawing.
    focus: StoredValue<bool>,
}

#[expect(clippy::expl_impl_clone_on_copy, reason = "derived, it would ask the table to be one as well")]
impl<T: Kind> Clone for Grid<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Kind> Copy for Grid<T> {}

/// The table of all rows.
#[component]
pub fn GridTable<T: Kind>(
    live: Live<T>,
    layout: RwSignal<Layout>,
    /// Which row stands open beside the table; empty for none.
    open: Memo<String>,
    /// What is said where there are no rows.
    #[prop(into)]
    nothing: ViewFn,
) -> impl IntoView {
    let tenant = use_tenant();
    let top = RwSignal::new(0.0);
    let (height, width) = (RwSignal::new(600.0), RwSignal::new(1_200.0));
    let columns = Memo::new(move |_| {
        let (shown, chosen) = live.view.with(|view| (view.shown(), !view.columns.is_empty()));
        if chosen || layout.with(|layout| !layout.widths.is_empty()) { shown } else { fitting::<T>(shown, width.get()) }
    });
    let row = Memo::new(move |_| layout.with(|layout| layout.density.row()));
    let rows = Memo::new(move |_| live.order.with(|order| u32::try_from(order.len()).unwrap_or(u32::MAX)));
    let drawn = Memo::new(move |_| rolling::drawn(height.get(), row.get()));
    let first = Memo::new(move |_| rolling::first(top.get(), row.get(), rows.get(), drawn.get()));
    let grid = Grid {
        live,
        layout,
        tenant,
        scroller: NodeRef::new(),
        group: NodeRef::new(),
        top,
        height,
        width,
        row,
        rows,
        columns,
        at: RwSignal::new(Place { row: Some(0), cell: 0 }),
        focus: StoredValue::new(false),
    };
    #[cfg(feature = "hydrate")]
    {
        grid.follow_browser();
        grid.paint(first, drawn, open);
        // What stands open is in view, also when it walks on by itself.
        Effect::new(move |_| {
            let open = open.get();
            let at = live.table.with_untracked(|table| {
                let is_open = |at: &u32| table.is_open(*at, &open);
                live.order.with_untracked(|order| if open.is_empty() { None } else { order.iter().position(is_open) })
            });
            if let Some(row) = at.and_then(|at| u32::try_from(at).ok()) {
                grid.show(row);
            }
        });
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = open;
    let navigate = use_navigate();
    let on_key = move |event: KeyboardEvent| {
        if let Some(address) = grid.key(&event) {
            navigate(&address, NavigateOptions { scroll: false, ..NavigateOptions::default() });
        }
    };
    let scrolled = move |_| {
        if let Some(scroller) = grid.scroller.get_untracked() {
            top.set(f64::from(scroller.scroll_top()));
        }
    };
    // The grid itself takes the focus while the cell that has it is not drawn.
    let own_stop = move || {
        let drawn =
            grid.at.get().row.is_none_or(|row| (first.get()..first.get() + drawn.get()).contains(&row) && row < rows.get());
        if drawn { "-1" } else { "0" }
    };
    view! {
        <div class=move || format!("rows of-{} live {}", T::ROOM, layout.with(|layout| layout.density.word()))
            role="grid" aria-label=T::LABEL aria-multiselectable="true"
            aria-rowcount=move || rows.get() + 1
            aria-describedby="grid-keys"
            tabindex=own_stop on:focusin=move |event| grid.focused(&event)
            node_ref=grid.scroller on:scroll=scrolled on:keydown=on_key>
            <Heads grid/>
            <div class="body" role="presentation" style:height=move || format!("{}px", f64::from(rows.get()) * row.get())>
                // The rows themselves are drawn by the painter.
                <div role="rowgroup" node_ref=grid.group on:click=move |event| grid.click(&event) on:pointerdown=move |event| grid.point(&event)></div>
            </div>
        </div>
        <p class="sr" id="grid-keys">"Use arrow keys to move between cells, Shift+Space to select a row, Shift+arrows to select a range, Ctrl+A to select all matching rows, Enter to open "{T::OPENS}"."</p>
        {move || (rows.get() == 0).then(|| nothing.run())}
    }
}
