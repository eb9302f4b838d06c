//! Walking through the grid by keyboard and pointer, as the ARIA grid pattern says.

use leptos::ev::{KeyboardEvent, MouseEvent, PointerEvent};
use leptos::prelude::*;

use super::super::columns::{NUDGE, nudge};
use super::super::{Kind, address_of};
use super::{Grid, Place};
use crate::ui::rolling;

impl<T: Kind> Grid<T> {
    /// Answers a key. Returns the address of a row that is to be opened.
    pub(super) fn key(self, event: &KeyboardEvent) -> Option<String> {
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
            "x" | "X" if row.is_some() && !jump && crate::features::frame::single_keys() => {
                event.prevent_default();
                self.toggle(row?);
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
                return self.opens(row?);
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
    pub(super) fn click(self, event: &MouseEvent) {
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
    pub(super) fn focused(self, event: &leptos::web_sys::Event) {
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
    pub(super) fn point(self, event: &PointerEvent) {
        if let Some((row, cell)) = Self::hit(event) {
            self.at.set(Place { row: Some(row), cell });
        }
    }

    /// Rows on a screen.
    fn page(self) -> u32 {
        rolling::drawn(self.height.get_untracked(), self.row.get_untracked()).saturating_sub(rolling::drawn(0.0, 32.0)).max(1)
    }

    fn nudge(self, event: &KeyboardEvent, cell: usize, by: i32) -> Option<String> {
        event.prevent_default();
        let column = self.columns.with_untracked(|columns| columns.get(cell - 1).copied())?;
        nudge::<T>(self.layout, column, by);
        None
    }

    fn toggle(self, row: u32) {
        let place = self.live.order.with_untracked(|order| order.get(row as usize).copied());
        let on = place.is_some_and(|place| self.live.picked.with_untracked(|picked| !picked.has(place)));
        self.live.select(row as usize, on, false);
    }

    /// Where a row's name leads to.
    fn opens(self, row: u32) -> Option<String> {
        let place = self.live.order.with_untracked(|order| order.get(row as usize).copied())?;
        let line = self.live.table.with_untracked(|table| table.line(place))?;
        let here = self.live.view.with_untracked(|view| address_of::<T>(&self.tenant.get_untracked(), view));
        Some(T::href(&here, &line))
    }

    /// Moves the keyboard to a cell, and the cell into view.
    fn go(self, to: Place) {
        self.at.set(to);
        if let Some(row) = to.row {
            self.show(row);
        }
        self.focus.set_value(true);
    }

    /// Scrolls a row into view, if it is not in it.
    pub(super) fn show(self, row: u32) {
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
}
