//! Draws rows into the document by hand. A signal for each of five hundred cells took fifteen milliseconds to show another
//! part of the table (measured; see `docs/adr/0005`); writing the texts that differ takes two.

use std::borrow::Cow;

use domain::table::RowSelection;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys::{Document, HtmlDivElement, HtmlElement, HtmlInputElement};

use super::{Cell as Shown, Kind};
use crate::ui::rows::{make, roll, set};

/// What is to be seen.
pub struct Scene<'a, T: Kind> {
    pub table: &'a T,
    pub order: &'a [u32],
    pub picked: &'a RowSelection<T::Filter>,
    /// Which row stands open beside the table; empty for none.
    pub open: &'a str,
    /// The address of the view, which what rows link to is made from.
    pub here: &'a str,
    /// The place of the first row drawn.
    pub first: u32,
    /// The height of a row in pixels.
    pub row: f64,
    /// Where the keyboard is, if in a row: its place and the cell.
    pub at: Option<(u32, usize)>,
    /// What is known apart from the rows.
    pub known: T::Known,
}

/// The rows in the document.
pub struct Painter<T: Kind> {
    group: HtmlDivElement,
    columns: Vec<T::Column>,
    lines: Vec<Line<T>>,
    first: Option<u32>,
    row: Option<f64>,
    /// What the cells were drawn from: while it is the same, what shows the same row shows the same.
    from: Option<(T, String, T::Known)>,
}

/// A row in the document with what it shows now, so that nothing is written twice.
struct Line<T: Kind> {
    element: HtmlElement,
    boxed: HtmlInputElement,
    cells: Vec<Cell<T>>,
    index: u32,
    /// Which row it shows.
    at: Option<u32>,
    label: String,
    picked: bool,
    open: bool,
    /// The cell that the keyboard is at.
    stop: Option<usize>,
    hidden: bool,
}

struct Cell<T: Kind> {
    column: T::Column,
    /// What takes the focus.
    focus: HtmlElement,
    /// What the text is in.
    text: HtmlElement,
    shown: String,
    /// What stands beside the row's name, and where its link leads.
    beside: Option<(HtmlElement, String)>,
    href: String,
    muted: bool,
}

impl<T: Kind> Painter<T> {
    /// Nothing drawn yet.
    pub fn new(group: leptos::web_sys::HtmlDivElement) -> Self {
        Self { group, columns: Vec::new(), lines: Vec::new(), first: None, row: None, from: None }
    }

    /// So many rows of these columns.
    pub fn lay_out(&mut self, columns: &[T::Column], rows: usize) {
        if self.columns != columns {
            self.group.set_inner_html("");
            self.lines.clear();
            self.columns = columns.to_vec();
        }
        let document = document();
        while self.lines.len() > rows {
            if let Some(line) = self.lines.pop() {
                line.element.remove();
            }
        }
        while self.lines.len() < rows {
            let Some(line) = Line::make(&document, columns) else { return };
            let _ = self.group.append_child(&line.element);
            self.lines.push(line);
        }
    }

    /// Shows a scene.
    pub fn draw(&mut self, scene: &Scene<'_, T>) {
        if let Some(before) = self.first.filter(|before| *before != scene.first) {
            roll(&self.group, &mut self.lines, before, scene.first, |line| &line.element);
        }
        if self.row != Some(scene.row) || self.first != Some(scene.first) {
            (self.first, self.row) = (Some(scene.first), Some(scene.row));
            let moved = format!("translateY({}px)", f64::from(scene.first) * scene.row);
            let _ = HtmlElement::style(&self.group).set_property("transform", &moved);
        }
        let same = self
            .from
            .as_ref()
            .is_some_and(|(table, here, known)| table.is_same(scene.table) && here == scene.here && *known == scene.known);
        if !same {
            self.from = Some((scene.table.clone(), scene.here.to_owned(), scene.known));
        }
        for (line, place) in self.lines.iter_mut().zip(scene.first..) {
            let row = scene.order.get(place as usize).copied();
            line.draw(scene, place, row, same);
        }
    }
}

impl<T: Kind> Line<T> {
    fn make(document: &Document, columns: &[T::Column]) -> Option<Self> {
        let element = make(document, "div", "line", "row")?;
        let holder = make(document, "div", "cell box", "gridcell")?;
        let boxed: HtmlInputElement = make(document, "input", "", "")?.dyn_into().ok()?;
        boxed.set_type("checkbox");
        set(&boxed, "tabindex", "-1");
        set(&boxed, "data-cell", "0");
        holder.append_child(&boxed).ok()?;
        element.append_child(&holder).ok()?;
        let mut cells = Vec::with_capacity(columns.len());
        for (column, nth) in columns.iter().zip(1_usize..) {
            let cell = make(document, "div", T::class(*column), "gridcell")?;
            let nth = nth.to_string();
            set(&cell, "data-nth", &nth);
            let (focus, text, beside) = if *column == T::Column::default() {
                let link = make(document, "a", "person-link", "")?;
                set(&link, "data-noscroll", "");
                let sub = make(document, "span", "sub", "")?;
                cell.append_child(&link).ok()?;
                cell.append_child(&sub).ok()?;
                (link.clone(), link, Some((sub, String::new())))
            } else {
                (cell.clone(), cell.clone(), None)
            };
            set(&focus, "tabindex", "-1");
            set(&focus, "data-cell", &nth);
            element.append_child(&cell).ok()?;
            cells.push(Cell { column: *column, focus, text, shown: String::new(), beside, href: String::new(), muted: false });
        }
        let (label, picked, open, stop, hidden) = (String::new(), false, false, None, false);
        Some(Self { element, boxed, cells, index: 0, at: None, label, picked, open, stop, hidden })
    }

    /// `same` says that a row is what it was, if it was drawn here before.
    fn draw(&mut self, scene: &Scene<'_, T>, place: u32, row: Option<u32>, same: bool) {
        if self.hidden != row.is_none() {
            self.hidden = row.is_none();
            self.element.set_hidden(self.hidden);
        }
        let stop = scene.at.filter(|(at, _)| row.is_some() && *at == place).map(|(_, cell)| cell);
        if self.stop != stop {
            for (cell, word) in [(self.stop, "-1"), (stop, "0")] {
                if let Some(focus) = cell.and_then(|cell| self.focus(cell)) {
                    set(&focus, "tabindex", word);
                }
            }
            self.stop = stop;
        }
        let Some(row) = row else { return };
        if self.index != place + 2 {
            self.index = place + 2;
            set(&self.element, "aria-rowindex", &self.index.to_string());
        }
        let (picked, open) = (scene.picked.has(row), !scene.open.is_empty() && scene.table.is_open(row, scene.open));
        // The box may have been clicked since: it is told either way.
        self.boxed.set_checked(picked);
        if self.label.is_empty() || self.picked != picked || self.open != open {
            (self.picked, self.open) = (picked, open);
            set(&self.element, "aria-selected", if picked { "true" } else { "false" });
            self.element.set_class_name(match (picked, open) {
                (false, false) => "line",
                (true, false) => "line picked",
                (false, true) => "line open",
                (true, true) => "line picked open",
            });
        }
        if same && self.at == Some(row) {
            return;
        }
        let Some(line) = scene.table.line(row) else { return };
        self.at = Some(row);
        let label = T::select_label(&line);
        if self.label != label {
            set(&self.boxed, "aria-label", &label);
            self.label = label;
        }
        for cell in &mut self.cells {
            cell.draw(scene, &line);
        }
    }

    fn focus(&self, cell: usize) -> Option<HtmlElement> {
        match cell.checked_sub(1) {
            None => Some(self.boxed.clone().into()),
            Some(at) => self.cells.get(at).map(|cell| cell.focus.clone()),
        }
    }
}

impl<T: Kind> Cell<T> {
    fn draw(&mut self, scene: &Scene<'_, T>, line: &T::Line) {
        match T::cell(line, self.column, scene.known) {
            Shown::Text(text) => self.write_muted(&text, false),
            Shown::Muted(text) => self.write_muted(&text, true),
            Shown::Name { text, mono, beside, words } => {
                self.write(text);
                if self.muted != mono {
                    self.muted = mono;
                    let _ = self.text.class_list().toggle_with_force("mono", mono);
                }
                if let Some((sub, shown)) = &mut self.beside
                    && shown != beside
                {
                    sub.set_text_content(Some(beside));
                    sub.set_class_name(if words { "sub words" } else { "sub" });
                    beside.clone_into(shown);
                }
                let href = T::href(scene.here, line);
                if self.href != href {
                    set(&self.text, "href", &href);
                    self.href = href;
                }
            }
            Shown::Chips(chips) => self.draw_chips(chips),
        }
    }

    fn write(&mut self, text: &str) {
        if self.shown != text {
            self.text.set_text_content(Some(text));
            text.clone_into(&mut self.shown);
        }
    }

    fn write_muted(&mut self, text: &str, muted: bool) {
        self.write(text);
        if self.muted != muted {
            self.muted = muted;
            let _ = self.text.class_list().toggle_with_force("muted", muted);
        }
    }

    fn draw_chips(&mut self, chips: Vec<(&'static str, Cow<'static, str>)>) {
        let words: String = chips.iter().map(|(_, words)| words.as_ref()).collect::<Vec<_>>().join(", ");
        if self.shown == words {
            return;
        }
        self.text.set_text_content(None);
        let document = document();
        for (class, words) in chips {
            if let Some(chip) = make(&document, "span", class, "") {
                chip.set_text_content(Some(&words));
                let _ = self.text.append_child(&chip);
            }
        }
        self.shown = words;
    }
}
