//! Draws rows into the document by hand. A signal for each of five hundred cells took fifteen milliseconds to show another
//! part of the table (measured; see `docs/adr/0005`); writing the texts that differ takes two.

use domain::table::{Column, Row, RowSelection, Table};
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys::{Document, Element, HtmlDivElement, HtmlElement, HtmlInputElement};

use super::paged::{beside_name, class, flags, select_label};
use super::person::with_person;
use super::view::RowLine;
use super::view::UsesState;

/// What is to be seen.
pub struct Scene<'a> {
    pub table: &'a Table,
    pub order: &'a [u32],
    pub picked: &'a RowSelection,
    /// Whose panel is open; empty for nobody's.
    pub open: &'a str,
    /// The address of the view, which rows link to with their person.
    pub here: &'a str,
    /// The place of the first row drawn.
    pub first: u32,
    /// The height of a row in pixels.
    pub row: f64,
    /// Where the keyboard is, if in a row: its place and the cell.
    pub at: Option<(u32, usize)>,
    /// Whether the last use is known.
    pub known: UsesState,
}

/// The rows in the document.
pub struct Painter {
    group: HtmlDivElement,
    columns: Vec<Column>,
    lines: Vec<Line>,
    first: Option<u32>,
    row: Option<f64>,
    /// What the cells were drawn from: while it is the same, a row that shows the same person shows the same.
    from: Option<(Table, String, UsesState)>,
}

/// A row in the document with what it shows now, so that nothing is written twice.
struct Line {
    element: HtmlElement,
    boxed: HtmlInputElement,
    cells: Vec<Cell>,
    index: u32,
    /// Whose row it shows.
    at: Option<u32>,
    label: String,
    picked: bool,
    open: bool,
    /// The cell that the keyboard is at.
    stop: Option<usize>,
    hidden: bool,
}

struct Cell {
    column: Column,
    /// What takes the focus.
    focus: HtmlElement,
    /// What the text is in.
    text: HtmlElement,
    shown: String,
    /// What stands beside a person's name, and where their link leads.
    beside: Option<(HtmlElement, String)>,
    href: String,
    muted: bool,
}

fn make(document: &Document, tag: &str, class: &str, role: &str) -> Option<HtmlElement> {
    let element = document.create_element(tag).ok()?;
    if !class.is_empty() {
        element.set_class_name(class);
    }
    if !role.is_empty() {
        set(&element, "role", role);
    }
    element.dyn_into().ok()
}

fn set(element: &Element, name: &str, value: &str) {
    let _ = element.set_attribute(name, value);
}

impl Painter {
    /// Nothing drawn yet.
    pub fn new(group: leptos::web_sys::HtmlDivElement) -> Self {
        Self { group, columns: Vec::new(), lines: Vec::new(), first: None, row: None, from: None }
    }

    /// So many rows of these columns.
    pub fn lay_out(&mut self, columns: &[Column], rows: usize) {
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
    pub fn draw(&mut self, scene: &Scene<'_>) {
        if self.first != Some(scene.first) {
            self.roll(scene.first);
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
            let row = scene.order.get(place as usize).and_then(|at| scene.table.row(*at));
            line.draw(scene, place, row, same);
        }
    }

    /// Takes the rows that leave at one end to the other one, so that most of them stay as they are and in their order.
    fn roll(&mut self, first: u32) {
        let Some(before) = self.first else { return };
        let steps = first.abs_diff(before) as usize;
        if steps >= self.lines.len() {
            return;
        }
        if first > before {
            for line in self.lines.iter().take(steps) {
                let _ = self.group.append_child(&line.element);
            }
            self.lines.rotate_left(steps);
        } else {
            for line in self.lines.iter().rev().take(steps) {
                let _ = self.group.insert_before(&line.element, self.group.first_child().as_ref());
            }
            self.lines.rotate_right(steps);
        }
    }
}

impl Line {
    fn make(document: &Document, columns: &[Column]) -> Option<Self> {
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
            let cell = make(document, "div", class(*column), "gridcell")?;
            let nth = nth.to_string();
            set(&cell, "data-nth", &nth);
            let (focus, text, beside) = if *column == Column::Person {
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
    fn draw(&mut self, scene: &Scene<'_>, place: u32, row: Option<Row<'_>>, same: bool) {
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
        let (picked, open) = (scene.picked.has(row.at), !scene.open.is_empty() && scene.open == row.subject());
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
        if same && self.at == Some(row.at) {
            return;
        }
        self.at = Some(row.at);
        let line = RowLine::from(row);
        let label = select_label(&line);
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

impl Cell {
    fn draw(&mut self, scene: &Scene<'_>, line: &RowLine) {
        match self.column {
            Column::Person => self.draw_person(scene, line),
            Column::Mail => self.write(&line.email),
            Column::Allotment if line.allotment.is_empty() => self.write_muted("none", true),
            Column::Allotment => self.write_muted(&line.allotment, false),
            Column::Since => self.write(&line.since),
            Column::Used => self.write(match scene.known {
                UsesState::Known => &line.used,
                UsesState::Reading => "…",
                UsesState::Closed | UsesState::Failed => "",
            }),
            Column::Status => self.write(&line.status),
            Column::Flags => self.draw_flags(line),
            Column::Groups => self.write_muted(&RowLine::figure(line.groups), line.groups.is_none()),
            Column::Roles => self.write_muted(&RowLine::figure(line.roles), line.roles.is_none()),
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

    fn draw_person(&mut self, scene: &Scene<'_>, line: &RowLine) {
        self.write(line.who());
        let nameless = line.name.is_empty();
        if self.muted != nameless {
            self.muted = nameless;
            let _ = self.text.class_list().toggle_with_force("mono", nameless);
        }
        let words = beside_name(line);
        if let Some((sub, shown)) = &mut self.beside
            && shown != words
        {
            sub.set_text_content(Some(words));
            sub.set_class_name(if line.orphan { "sub words" } else { "sub" });
            words.clone_into(shown);
        }
        let href = with_person(scene.here, &line.subject);
        if self.href != href {
            set(&self.text, "href", &href);
            self.href = href;
        }
    }

    fn draw_flags(&mut self, line: &RowLine) {
        let flags = flags(line);
        let words: String = flags.iter().map(|(_, words)| words.as_str()).collect::<Vec<_>>().join(", ");
        if self.shown == words {
            return;
        }
        self.text.set_text_content(None);
        let document = document();
        for (class, words) in flags {
            if let Some(chip) = make(&document, "span", class, "") {
                chip.set_text_content(Some(&words));
                let _ = self.text.append_child(&chip);
            }
        }
        self.shown = words;
    }
}
