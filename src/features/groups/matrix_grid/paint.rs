//! Draws the matrix by hand: a signal for each of a thousand cells would take longer than a frame.

use domain::groups::{Row, Table};
use leptos::html::Div;
use leptos::prelude::*;
use leptos::web_sys::{Document, HtmlDivElement, HtmlElement};

use super::{Cells, Column, HEAD, Place, ROW};
use crate::features::table::Live;
use crate::ui::rows::{Watching, make, roll, set};

/// Keeps up with the size of the window, and draws the rows, again whenever anything about them changes.
pub(super) fn follow(
    scroller: NodeRef<Div>,
    group: NodeRef<Div>,
    live: Live<Table>,
    columns: Memo<Vec<Column>>,
    cells: RwSignal<Cells>,
    at: RwSignal<Place>,
    top: RwSignal<f64>,
    height: RwSignal<f64>,
    first: Memo<u32>,
    drawn: Memo<u32>,
) {
    let watching = StoredValue::new_local(None::<Watching>);
    Effect::new(move |_| {
        let Some(element) = scroller.get() else { return };
        let measured = element.clone();
        let measure = move || {
            let _ = height.try_set((f64::from(measured.client_height()) - HEAD).max(40.0));
        };
        watching.set_value(Watching::of(&element, measure));
    });
    // What another filter shows is shown from its start.
    let asked = Memo::new(move |_| live.view.with(|view| (view.filter.clone(), view.sort.clone())));
    Effect::new(move |before: Option<()>| {
        asked.track();
        if before.is_some() {
            if let Some(scroller) = scroller.get_untracked() {
                scroller.set_scroll_top(0);
            }
            top.set(0.0);
            at.update(|at| at.row = 0);
        }
    });
    let painter = StoredValue::new_local(None::<Painter>);
    Effect::new(move |_| {
        let Some(group) = group.get() else { return };
        let (first, drawn, at) = (first.get(), drawn.get() as usize, at.get());
        painter.update_value(|painter| {
            let painter =
                painter.get_or_insert_with(|| Painter { group: group.clone(), wide: 0, lines: Vec::new(), first: None });
            columns.with(|columns| {
                painter.lay_out(columns.len(), drawn);
                live.table.with(|table| {
                    live.order.with(|order| cells.with(|cells| painter.draw(table, order, columns, cells, first, at)));
                });
            });
        });
    });
}

/// The rows in the document.
struct Painter {
    group: HtmlDivElement,
    /// Cells of a row.
    wide: usize,
    lines: Vec<Line>,
    first: Option<u32>,
}

/// A row in the document with what it shows now, so that nothing is written twice.
struct Line {
    element: HtmlElement,
    name: HtmlElement,
    cells: Vec<(HtmlElement, State)>,
    index: u32,
    shown: String,
    hidden: bool,
    /// The cell that the keyboard is at.
    at: Option<usize>,
}

/// What a cell shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    None,
    Given,
    Added,
    Removed,
    NotVisible,
}

impl State {
    fn of(gives: Option<bool>, wanted: Option<bool>) -> Self {
        match (gives, wanted) {
            (None, _) => Self::NotVisible,
            (Some(false), Some(true)) => Self::Added,
            (Some(true), Some(false)) => Self::Removed,
            (Some(true), _) => Self::Given,
            (Some(false), _) => Self::None,
        }
    }

    fn look(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::None => ("cell m-cell", "", "false"),
            Self::Given => ("cell m-cell", "✓", "true"),
            Self::Added => ("cell m-cell plus", "+", "true"),
            Self::Removed => ("cell m-cell minus", "−", "false"),
            Self::NotVisible => ("cell m-cell muted", "?", "false"),
        }
    }
}

impl Painter {
    fn lay_out(&mut self, wide: usize, rows: usize) {
        if self.wide != wide {
            self.group.set_inner_html("");
            self.lines.clear();
            self.wide = wide;
        }
        let document = document();
        while self.lines.len() > rows {
            if let Some(line) = self.lines.pop() {
                line.element.remove();
            }
        }
        while self.lines.len() < rows {
            let Some(line) = Line::make(&document, wide) else { return };
            let _ = self.group.append_child(&line.element);
            self.lines.push(line);
        }
    }

    fn draw(&mut self, table: &Table, order: &[u32], columns: &[Column], cells: &Cells, first: u32, at: Place) {
        if let Some(before) = self.first.filter(|before| *before != first) {
            roll(&self.group, &mut self.lines, before, first, |line| &line.element);
        }
        if self.first != Some(first) {
            self.first = Some(first);
            let moved = format!("translateY({}px)", f64::from(first) * ROW);
            let _ = HtmlElement::style(&self.group).set_property("transform", &moved);
        }
        for (line, place) in self.lines.iter_mut().zip(first..) {
            let row = order.get(place as usize).and_then(|at| table.row(*at));
            let at = (at.row == place).then_some(at.cell);
            line.draw(place, row, columns, cells, at);
        }
    }
}

impl Line {
    fn make(document: &Document, wide: usize) -> Option<Self> {
        let element = make(document, "div", "line", "row")?;
        let name = make(document, "div", "cell m-name", "rowheader")?;
        set(&name, "data-nth", "0");
        set(&name, "aria-colindex", "1");
        element.append_child(&name).ok()?;
        let mut cells = Vec::with_capacity(wide);
        for nth in 1..=wide {
            let cell = make(document, "div", "cell m-cell", "gridcell")?;
            set(&cell, "data-nth", &nth.to_string());
            set(&cell, "aria-colindex", &(nth + 1).to_string());
            set(&cell, "aria-selected", "false");
            element.append_child(&cell).ok()?;
            cells.push((cell, State::None));
        }
        Some(Self { element, name, cells, index: 0, shown: String::new(), hidden: false, at: None })
    }

    fn draw(&mut self, place: u32, row: Option<Row<'_>>, columns: &[Column], cells: &Cells, at: Option<usize>) {
        if self.hidden != row.is_none() {
            self.hidden = row.is_none();
            self.element.set_hidden(self.hidden);
        }
        let at = at.filter(|_| row.is_some());
        if self.at != at {
            for (cell, here) in [(self.at, false), (at, true)] {
                let element = match cell {
                    Some(0) => Some(&self.name),
                    Some(nth) => self.cells.get(nth - 1).map(|(element, _)| element),
                    None => None,
                };
                if let Some(element) = element {
                    element.set_id(if here { "matrix-at" } else { "" });
                }
            }
            self.at = at;
        }
        let Some(row) = row else { return };
        if self.index != place + 2 {
            self.index = place + 2;
            set(&self.element, "aria-rowindex", &self.index.to_string());
        }
        if self.shown != row.name() {
            row.name().clone_into(&mut self.shown);
            self.name.set_text_content(Some(&self.shown));
            self.name.set_title(&self.shown);
        }
        let id = row.id();
        // Most groups have nothing changed: their cells need no search.
        let first = (id.to_owned(), String::new());
        let changed = cells.0.range(first..).next().is_some_and(|((group, _), _)| group == id);
        for (column, (element, state)) in columns.iter().zip(&mut self.cells) {
            let gives = match column.place {
                Some(role) => row.gives(role),
                None => row.role_count().map(|_| false),
            };
            let wanted = if changed { cells.0.get(&(id.to_owned(), column.role.id.clone())).copied() } else { None };
            let now = State::of(gives, wanted);
            if *state != now {
                *state = now;
                let (class, text, selected) = now.look();
                element.set_class_name(class);
                element.set_text_content(Some(text));
                if now == State::NotVisible {
                    // What is not visible is neither given nor not.
                    let _ = element.remove_attribute("aria-selected");
                    set(element, "aria-label", "not visible");
                } else {
                    set(element, "aria-selected", selected);
                    let _ = element.remove_attribute("aria-label");
                }
            }
        }
    }
}
