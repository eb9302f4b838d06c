//! The table where scripts run: all rows in one scroll, drawn as they come into view, and walked through by keyboard as the
//! ARIA grid pattern says: one tab stop, arrows from cell to cell, Home and End, Page Up and Down.

use domain::table::Column;
use domain::text::thousands;
use leptos::ev::{KeyboardEvent, MouseEvent, PointerEvent};
use leptos::html::Div;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;

use super::address_of;
use super::columns::{Layout, NUDGE, fitting, nudge};
use super::live::Live;
use super::paged::{class, sorted};
use super::person::with_person;
use crate::features::shared::use_tenant;
use crate::ui::feedback::Empty;
use crate::ui::rolling;

/// Where the keyboard is: a row of the order, or the headings; and a cell, the first of which is the box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    /// `None` is the row of headings.
    row: Option<u32>,
    cell: usize,
}

/// Everything that the grid's parts share.
#[derive(Clone, Copy)]
struct Grid {
    live: Live,
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
    columns: Memo<Vec<Column>>,
    at: RwSignal<Place>,
    /// The focus is to follow the keyboard with the next drawing.
    focus: StoredValue<bool>,
}

/// The table of all rows. `subject` is whose panel is open.
#[component]
pub fn GridTable(live: Live, layout: RwSignal<Layout>, subject: Memo<String>) -> impl IntoView {
    let tenant = use_tenant();
    let top = RwSignal::new(0.0);
    let (height, width) = (RwSignal::new(600.0), RwSignal::new(1_200.0));
    let columns = Memo::new(move |_| {
        let (shown, chosen) = live.view.with(|view| (view.shown(), !view.columns.is_empty()));
        if chosen || layout.with(|layout| !layout.widths.is_empty()) { shown } else { fitting(shown, width.get()) }
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
        grid.paint(first, drawn, subject);
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = subject;
    let navigate = use_navigate();
    let on_key = move |event: KeyboardEvent| {
        if let Some(subject) = grid.key(&event) {
            let address = with_person(&live.view.with_untracked(|view| address_of(&tenant.get_untracked(), view)), &subject);
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
        <div class=move || format!("rows live {}", layout.with(|layout| layout.density.word()))
            role="grid" aria-label="People and licenses" aria-multiselectable="true"
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
        <p class="sr" id="grid-keys">"Arrows move from cell to cell. Shift and Space selects a row, Shift and arrows a range, Control and A everything that matches. Enter opens the person."</p>
        {move || (rows.get() == 0).then(|| view! { <Nobody live/> })}
    }
}

#[component]
fn Nobody(live: Live) -> impl IntoView {
    let filtered = live.view.with(|view| !view.filter.is_empty());
    let all = live.table.with(domain::table::Table::len);
    if filtered {
        let clear = move |event: MouseEvent| {
            event.prevent_default();
            live.view.update(|view| view.filter = domain::table::Filter::default());
        };
        let href = format!("/t/{}/assignments", use_tenant().get_untracked());
        view! {
            <Empty title="Nobody matches this filter">
                <a href=href on:click=clear>"Clear the filter"</a>
                {format!(" to see all {}.", thousands(i64::try_from(all).unwrap_or(i64::MAX)))}
            </Empty>
        }
        .into_any()
    } else {
        view! {
            <Empty title="This tenant has no users and no licenses in use">"They appear here as soon as somebody signs in or is given a license."</Empty>
        }
        .into_any()
    }
}

#[component]
fn Heads(grid: Grid) -> impl IntoView {
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
                let href = move || live.view.with(|view| address_of(&grid.tenant.get(), &view.sort_by(column, false)));
                let sort = move |event: MouseEvent| {
                    if event.ctrl_key() || event.meta_key() {
                        return;
                    }
                    event.prevent_default();
                    grid.live.view.update(|view| *view = view.sort_by(column, event.shift_key()));
                };
                let now = move || live.view.with(|view| sorted(view, column));
                view! {
                    <div role="columnheader" class=class(column) aria-sort=move || now().0 on:pointerdown=move |_| grid.at.set(Place { row: None, cell })>
                        <a href=href data-cell=cell tabindex=move || stop(cell) on:click=sort title="Sort. With Shift: sort by this too.">
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
                    <input type="checkbox" data-cell="0" tabindex=move || stop(0) aria-label="Select all that match"
                        prop:checked=move || all.get().0 prop:indeterminate=move || { let (all, some) = all.get(); some && !all } on:change=toggle/>
                </div>
                {heads}
            </div>
        </div>
    }
}

impl Grid {
    /// Answers a key. Returns a subject whose panel is to be opened.
    fn key(self, event: &KeyboardEvent) -> Option<String> {
        let Place { row, cell } = self.at.get_untracked();
        let rows = self.rows.get_untracked();
        let cells = self.columns.with_untracked(Vec::len);
        let last = rows.checked_sub(1);
        let page = self.page();
        let jump = event.ctrl_key() || event.meta_key();
        let shift = event.shift_key();
        if event.alt_key() {
            return None;
        }
        let down = |by: u32| match row {
            None => last.map(|_| 0),
            Some(row) => Some((row + by).min(last.unwrap_or(0))),
        };
        let up = |by: u32| match row {
            None | Some(0) => None,
            Some(row) => Some(row.saturating_sub(by)),
        };
        let to = match event.key().as_str() {
            "ArrowDown" => Place { row: down(1), cell },
            "ArrowUp" => Place { row: up(1), cell },
            "ArrowRight" if shift && row.is_none() && cell > 0 => return self.nudge(event, cell, NUDGE),
            "ArrowLeft" if shift && row.is_none() && cell > 0 => return self.nudge(event, cell, -NUDGE),
            "ArrowRight" => Place { row, cell: (cell + 1).min(cells) },
            "ArrowLeft" => Place { row, cell: cell.saturating_sub(1) },
            "PageDown" => Place { row: down(page), cell },
            "PageUp" => Place { row: row.map(|row| row.saturating_sub(page)), cell },
            "Home" => Place { row: if jump { last.map(|_| 0) } else { row }, cell: 0 },
            "End" => Place { row: if jump { last } else { row }, cell: cells },
            "a" | "A" if jump => {
                event.prevent_default();
                self.live.select_all();
                return None;
            }
            // Shift and Space select a row, as the pattern says; in the box Space alone does, as in any box.
            " " if shift && row.is_some() => {
                event.prevent_default();
                self.toggle(row?);
                return None;
            }
            " " | "Enter" if row.is_some() && cell > 0 => {
                event.prevent_default();
                return self.subject(row?);
            }
            // Sorts by this column; with Shift by this one too.
            " " | "Enter" if cell > 0 => {
                event.prevent_default();
                let column = self.columns.with_untracked(|columns| columns.get(cell - 1).copied())?;
                self.live.view.update(|view| *view = view.sort_by(column, shift));
                return None;
            }
            _ => return None,
        };
        event.prevent_default();
        if shift
            && to.row != row
            && let (Some(from), Some(to)) = (row, to.row)
        {
            if self.live.anchor.get_untracked().is_none() {
                self.live.select(from as usize, true, false);
            }
            self.live.select(to as usize, true, true);
        }
        self.go(to);
        None
    }

    /// The row and the cell that an event happened in.
    fn hit(event: &leptos::web_sys::Event) -> Option<(u32, usize)> {
        use leptos::wasm_bindgen::JsCast;
        let target = event.target()?.dyn_into::<leptos::web_sys::Element>().ok()?;
        let index = target.closest(".line").ok()??.get_attribute("aria-rowindex")?.parse::<u32>().ok()?;
        let cell = target.closest(".cell").ok().flatten();
        let nth = cell.and_then(|cell| cell.get_attribute("data-nth")).and_then(|nth| nth.parse().ok());
        Some((index.checked_sub(2)?, nth.unwrap_or(0)))
    }

    /// A click on a box selects its row; with a key held, one anywhere in the row does, as everywhere.
    fn click(self, event: &MouseEvent) {
        use leptos::wasm_bindgen::JsCast;
        let Some((row, _)) = Self::hit(event) else { return };
        let (at, range) = (row as usize, event.shift_key());
        let target = event.target().and_then(|target| target.dyn_into::<leptos::web_sys::HtmlInputElement>().ok());
        match target {
            Some(boxed) => self.live.select(at, boxed.checked(), range),
            None if range => {
                event.prevent_default();
                self.live.select(at, true, true);
            }
            None if event.ctrl_key() || event.meta_key() => {
                event.prevent_default();
                self.toggle(row);
            }
            None => {}
        }
    }

    /// The keyboard goes on from where the focus is, however it came there.
    fn focused(self, event: &leptos::web_sys::Event) {
        use leptos::wasm_bindgen::JsCast;
        let target = event.target().and_then(|target| target.dyn_into::<leptos::web_sys::Element>().ok());
        let Some(target) = target else { return };
        let Some(cell) = target.get_attribute("data-cell").and_then(|cell| cell.parse().ok()) else { return };
        let row = Self::hit(event).map(|(row, _)| row);
        let to = Place { row, cell };
        if self.at.get_untracked() != to {
            self.at.set(to);
        }
    }

    /// The keyboard goes on from where the pointer was.
    fn point(self, event: &PointerEvent) {
        if let Some((row, cell)) = Self::hit(event) {
            self.at.set(Place { row: Some(row), cell });
        }
    }

    /// Rows on a screen.
    fn page(self) -> u32 {
        rolling::drawn(self.height.get_untracked(), self.row.get_untracked()).saturating_sub(rolling::drawn(0.0, 36.0)).max(1)
    }

    fn nudge(self, event: &KeyboardEvent, cell: usize, by: i32) -> Option<String> {
        event.prevent_default();
        let column = self.columns.with_untracked(|columns| columns.get(cell - 1).copied())?;
        nudge(self.layout, column, by);
        None
    }

    fn toggle(self, row: u32) {
        let place = self.live.order.with_untracked(|order| order.get(row as usize).copied());
        let on = place.is_some_and(|place| self.live.picked.with_untracked(|picked| !picked.has(place)));
        self.live.select(row as usize, on, false);
    }

    fn subject(self, row: u32) -> Option<String> {
        let place = self.live.order.with_untracked(|order| order.get(row as usize).copied())?;
        self.live.table.with_untracked(|table| table.row(place).map(|row| row.subject().to_owned()))
    }

    /// Moves the keyboard to a cell, and the cell into view.
    fn go(self, to: Place) {
        self.at.set(to);
        if let Some(row) = to.row {
            let (top, height, px) = (self.top.get_untracked(), self.height.get_untracked(), self.row.get_untracked());
            let target = rolling::into_view(row, top, height, px);
            if (target - top).abs() > 0.5
                && let Some(scroller) = self.scroller.get_untracked()
            {
                #[expect(clippy::cast_possible_truncation, reason = "pixels of a scroll are far fewer than that")]
                scroller.set_scroll_top(target.round() as i32);
                self.top.set(target);
            }
        }
        self.focus.set_value(true);
    }
}

/// Follows the pointer from a heading's grip until it is let go.
fn drag(layout: RwSignal<Layout>, column: Column, event: &PointerEvent) {
    event.prevent_default();
    event.stop_propagation();
    #[cfg(feature = "hydrate")]
    browser::drag(layout, column, event);
    #[cfg(not(feature = "hydrate"))]
    let _ = (layout, column);
}

#[cfg(feature = "hydrate")]
mod browser {
    use leptos::prelude::*;
    use leptos::wasm_bindgen::JsCast;
    use leptos::wasm_bindgen::closure::Closure;
    use leptos::web_sys::{HtmlElement, ResizeObserver};

    use super::super::painter::{Painter, Scene};
    use super::{Column, Grid, Layout, Place, PointerEvent, address_of};

    /// The height of the headings in pixels, as the style sheet has it.
    const HEAD: f64 = 32.0;

    pub(super) fn drag(layout: RwSignal<Layout>, column: Column, event: &PointerEvent) {
        let Some(grip) = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok()) else { return };
        let Some(head) = grip.parent_element() else { return };
        let start = head.client_width() - event.client_x();
        let _ = grip.set_pointer_capture(event.pointer_id());
        let moves = window_event_listener(leptos::ev::pointermove, move |event| {
            layout.update(|layout| layout.set_width(column, start + event.client_x()));
        });
        let (moves, ends) = (StoredValue::new(Some(moves)), StoredValue::new(None));
        let end = window_event_listener(leptos::ev::pointerup, move |_| {
            for handle in [moves, ends] {
                if let Some(handle) = handle.try_update_value(Option::take).flatten() {
                    WindowListenerHandle::remove(handle);
                }
            }
        });
        ends.set_value(Some(end));
    }

    /// Watches an element's size for as long as it is kept.
    struct Watching {
        observer: ResizeObserver,
        _told: Closure<dyn FnMut()>,
    }

    impl Drop for Watching {
        fn drop(&mut self) {
            self.observer.disconnect();
        }
    }

    impl Grid {
        /// Keeps up with the size of the window, with what somebody scrolls away, and with widths.
        pub(super) fn follow_browser(self) {
            let Self { scroller, height, width, top, .. } = self;
            let watching = StoredValue::new_local(None::<Watching>);
            Effect::new(move |_| {
                let Some(element) = scroller.get() else { return };
                let measured = element.clone();
                let measure = move || {
                    let _ = height.try_set((f64::from(measured.client_height()) - HEAD).max(40.0));
                    let _ = width.try_set(f64::from(measured.client_width()));
                };
                measure();
                let told = Closure::<dyn FnMut()>::new(measure);
                if let Ok(observer) = ResizeObserver::new(told.as_ref().unchecked_ref()) {
                    observer.observe(&element);
                    watching.set_value(Some(Watching { observer, _told: told }));
                }
            });
            self.come_back();
            // What another order or another filter shows is shown from its start; so is where the keyboard goes on.
            let (order, rows, at) = (self.live.order, self.rows, self.at);
            let asked = Memo::new(move |_| self.live.view.with(|view| (view.filter.clone(), view.sort.clone())));
            Effect::new(move |before: Option<()>| {
                asked.track();
                if before.is_some() {
                    if let Some(scroller) = scroller.get_untracked() {
                        scroller.set_scroll_top(0);
                    }
                    top.set(0.0);
                    at.update(|at| at.row = at.row.map(|_| 0));
                }
            });
            // Rows that went away leave the keyboard on the last one.
            Effect::new(move |_| {
                order.track();
                let last = rows.get().saturating_sub(1);
                if at.with_untracked(|at| at.row.is_some_and(|row| row > last)) {
                    at.update(|at| at.row = Some(last));
                }
            });
            let (layout, columns, live) = (self.layout, self.columns, self.live);
            Effect::new(move |_| {
                let Some(element) = scroller.get() else { return };
                let style = leptos::web_sys::HtmlElement::style(&element);
                layout.with(|layout| {
                    let mut least = 40;
                    for column in Column::ALL {
                        let word = column.as_str();
                        match layout.widths.get(word) {
                            Some(width) => {
                                let _ = style.set_property(&format!("--w-{word}"), &format!("{width}px"));
                                let _ = style.set_property(&format!("--g-{word}"), "0");
                            }
                            None => {
                                let _ = style.remove_property(&format!("--w-{word}"));
                                let _ = style.remove_property(&format!("--g-{word}"));
                            }
                        }
                    }
                    columns.with(|columns| least += columns.iter().map(|column| layout.width(*column)).sum::<u32>());
                    let chosen = !layout.widths.is_empty() || live.view.with(|view| !view.columns.is_empty());
                    let _ = if chosen {
                        style.set_property("--least", &format!("{least}px"))
                    } else {
                        style.remove_property("--least").map(|_| ())
                    };
                    layout.keep();
                });
            });
        }

        /// Shows the part of the table that was seen when the page was left, and keeps what is seen for the next time.
        fn come_back(self) {
            const KEY: &str = "quartermaster-assignments-seen";
            let Self { live, scroller, top, at, tenant, .. } = self;
            let here = move || live.view.try_with_untracked(|view| address_of(&tenant.get_untracked(), view)).unwrap_or_default();
            let storage = || window().session_storage().ok().flatten();
            let kept = storage().and_then(|storage| storage.get_item(KEY).ok().flatten());
            let kept = kept.and_then(|kept| serde_json::from_str::<(String, f64, u32, usize, bool)>(&kept).ok());
            if let Some((_, seen, row, cell, focus)) = kept.filter(|kept| kept.0 == here() && crate::ui::back::came_back()) {
                at.set(Place { row: Some(row), cell });
                self.focus.set_value(focus);
                Effect::new(move |_| {
                    let Some(scroller) = scroller.get() else { return };
                    // Once the rows are as high as they will be.
                    request_animation_frame(move || {
                        #[expect(clippy::cast_possible_truncation, reason = "pixels of a scroll are far fewer than that")]
                        scroller.set_scroll_top(seen as i32);
                        let _ = top.try_set(seen);
                    });
                });
            }
            let keep = move || {
                let (Some(seen), Some(place)) = (top.try_get_untracked(), at.try_get_untracked()) else { return };
                let focus = scroller.try_get_untracked().flatten().is_some() && self.has_focus();
                let state = (here(), seen, place.row.unwrap_or_default(), place.cell, focus);
                if let (Some(storage), Ok(text)) = (storage(), serde_json::to_string(&state)) {
                    let _ = storage.set_item(KEY, &text);
                }
            };
            let leaving = window_event_listener_untyped("pagehide", move |_| keep());
            on_cleanup(move || {
                keep();
                leaving.remove();
            });
        }

        /// Draws the rows, again whenever anything about them changes.
        pub(super) fn paint(self, first: Memo<u32>, drawn: Memo<u32>, subject: Memo<String>) {
            let Self { live, group, tenant, columns, row, at, .. } = self;
            let painter = StoredValue::new_local(None::<Painter>);
            Effect::new(move |_| {
                let Some(group) = group.get() else { return };
                let here = live.view.with(|view| address_of(&tenant.get(), view));
                let (first, row, at) = (first.get(), row.get(), at.get());
                let follows = self.focus.get_value() || self.has_focus();
                self.focus.set_value(false);
                painter.update_value(|painter| {
                    let painter = painter.get_or_insert_with(|| Painter::new(group.clone()));
                    columns.with(|columns| painter.lay_out(columns, drawn.get() as usize));
                    live.table.with(|table| {
                        live.order.with(|order| {
                            live.picked.with(|picked| {
                                subject.with(|open| {
                                    let at = at.row.map(|row| (row, at.cell));
                                    let known = live.uses.get();
                                    painter.draw(&Scene { table, order, picked, open, here: &here, first, row, at, known });
                                });
                            });
                        });
                    });
                });
                if follows {
                    self.take_focus();
                }
            });
        }

        fn has_focus(self) -> bool {
            let active = document().active_element();
            self.scroller.get_untracked().is_some_and(|grid| grid.contains(active.as_deref()))
        }

        /// Puts the focus where the keyboard is; at the grid itself while that cell is not drawn.
        fn take_focus(self) {
            let (at, Some(scroller)) = (self.at.get_untracked(), self.scroller.get_untracked()) else { return };
            let index = at.row.map_or(1, |row| row + 2);
            let cell = format!("[aria-rowindex='{index}'] [data-cell='{}']", at.cell);
            let found = scroller.query_selector(&cell).ok().flatten().and_then(|cell| cell.dyn_into::<HtmlElement>().ok());
            let to = found.unwrap_or_else(|| HtmlElement::from(scroller));
            let active = document().active_element();
            if active.as_ref() != Some(to.as_ref()) {
                let options = leptos::web_sys::FocusOptions::new();
                options.set_prevent_scroll(true);
                let _ = to.focus_with_options(&options);
            }
        }
    }
}
