//! What only a browser knows of the grid: sizes, what is scrolled, the pointer, and when to draw.

use domain::table::Column as _;
use leptos::ev::PointerEvent;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys::HtmlElement;

use super::super::columns::Layout;
use super::super::painter::{Painter, Scene};
use super::super::{Kind, address_of};
use super::{Grid, Place};
use crate::ui::rows::Watching;

/// The height of the headings in pixels, as the style sheet has it.
const HEAD: f64 = 32.0;

pub(super) fn drag(layout: RwSignal<Layout>, column: impl domain::table::Column, event: &PointerEvent) {
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

impl<T: Kind> Grid<T> {
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
            watching.set_value(Watching::of(&element, measure));
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
                for column in T::Column::ALL {
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
                columns.with(|columns| least += columns.iter().map(|column| layout.width::<T>(*column)).sum::<u32>());
                let chosen = !layout.widths.is_empty() || live.view.with(|view| !view.columns.is_empty());
                let _ = if chosen {
                    style.set_property("--least", &format!("{least}px"))
                } else {
                    style.remove_property("--least").map(|_| ())
                };
                layout.keep(T::ROOM);
            });
        });
    }

    /// Shows the part of the table that was seen when the page was left, and keeps what is seen for the next time.
    fn come_back(self) {
        let key = format!("quartermaster-{}-seen", T::ROOM);
        let Self { live, scroller, top, at, tenant, .. } = self;
        let here =
            move || live.view.try_with_untracked(|view| address_of::<T>(&tenant.get_untracked(), view)).unwrap_or_default();
        let storage = || window().session_storage().ok().flatten();
        let kept = storage().and_then(|storage| storage.get_item(&key).ok().flatten());
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
                let _ = storage.set_item(&key, &text);
            }
        };
        let leaving = window_event_listener_untyped("pagehide", {
            let keep = keep.clone();
            move |_| keep()
        });
        on_cleanup(move || {
            keep();
            leaving.remove();
        });
    }

    /// Draws the rows, again whenever anything about them changes.
    pub(super) fn paint(self, first: Memo<u32>, drawn: Memo<u32>, open: Memo<String>) {
        let Self { live, group, tenant, columns, row, at, .. } = self;
        let painter = StoredValue::new_local(None::<Painter<T>>);
        Effect::new(move |_| {
            let Some(group) = group.get() else { return };
            let here = live.view.with(|view| address_of::<T>(&tenant.get(), view));
            let (first, row, at) = (first.get(), row.get(), at.get());
            let follows = self.focus.get_value() || self.has_focus();
            self.focus.set_value(false);
            painter.update_value(|painter| {
                let painter = painter.get_or_insert_with(|| Painter::new(group.clone()));
                columns.with(|columns| painter.lay_out(columns, drawn.get() as usize));
                live.table.with(|table| {
                    live.order.with(|order| {
                        live.picked.with(|picked| {
                            open.with(|open| {
                                let at = at.row.map(|row| (row, at.cell));
                                let known = live.known.get();
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
