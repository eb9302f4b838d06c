//! How the table is laid out: its columns, their widths and how dense it is; and the menu that changes them by keyboard too.

use std::collections::BTreeMap;

use domain::table::{Column, View};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::live::Live;

/// How much room a row has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Density {
    /// As many rows as can be hit with a finger.
    Compact,
    /// The usual.
    #[default]
    Normal,
    /// Room to read.
    Roomy,
}

impl Density {
    const ALL: [Self; 3] = [Self::Compact, Self::Normal, Self::Roomy];

    /// The height of a row in pixels, as the style sheet has it.
    pub fn row(self) -> f64 {
        match self {
            Self::Compact => 28.0,
            Self::Normal => 36.0,
            Self::Roomy => 44.0,
        }
    }

    /// Its name, for people and as a class.
    pub fn word(self) -> &'static str {
        match self {
            Self::Compact => "compact",
            Self::Normal => "normal",
            Self::Roomy => "roomy",
        }
    }
}

/// What somebody likes the table to look like; it stays in their browser.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Layout {
    /// How dense it is.
    #[serde(default)]
    pub density: Density,
    /// Widths that differ from the usual, in pixels, by the column's word.
    #[serde(default)]
    pub widths: BTreeMap<String, u32>,
}

/// Widths stay between these.
const NARROWEST: u32 = 48;
const WIDEST: u32 = 900;
/// A press of a key changes a width by so many pixels.
pub const NUDGE: i32 = 16;

impl Layout {
    /// Where the browser keeps it.
    #[cfg(feature = "hydrate")]
    const KEY: &'static str = "quartermaster-assignments-layout";

    /// What the browser kept.
    pub fn kept() -> Self {
        #[cfg(feature = "hydrate")]
        if let Ok(Some(storage)) = window().local_storage()
            && let Ok(Some(kept)) = storage.get_item(Self::KEY)
        {
            return serde_json::from_str(&kept).unwrap_or_default();
        }
        Self::default()
    }

    /// Keeps it for the next visit.
    #[cfg(feature = "hydrate")]
    pub fn keep(&self) {
        if let (Ok(Some(storage)), Ok(text)) = (window().local_storage(), serde_json::to_string(self)) {
            let _ = storage.set_item(Self::KEY, &text);
        }
    }

    /// A column's width in pixels.
    pub fn width(&self, column: Column) -> u32 {
        self.widths.get(column.as_str()).copied().unwrap_or_else(|| usual_width(column))
    }

    /// Gives a column a width, within reason.
    pub fn set_width(&mut self, column: Column, pixels: i32) {
        let pixels = u32::try_from(pixels).unwrap_or(0).clamp(NARROWEST, WIDEST);
        self.widths.insert(column.as_str().to_owned(), pixels);
    }
}

/// Widths of the style sheet in pixels.
fn usual_width(column: Column) -> u32 {
    match column {
        Column::Person => 240,
        Column::Mail => 208,
        Column::Allotment => 128,
        Column::Flags => 112,
        Column::Since => 104,
        Column::Status | Column::Used => 96,
        Column::Groups | Column::Roles => 80,
    }
}

/// Which columns, in which order, how wide, and how dense.
#[component]
pub fn ColumnMenu(live: Live, layout: RwSignal<Layout>) -> impl IntoView {
    let view = live.view;
    let change = move |to: Vec<Column>| view.update(|view| view.columns = if to == View::USUAL { Vec::new() } else { to });
    let rows = move || {
        let shown = view.with(View::shown);
        let hidden = Column::ALL.into_iter().filter(|column| !shown.contains(column));
        let last = shown.len();
        shown
            .iter()
            .copied()
            .map(|column| (column, true))
            .chain(hidden.map(|column| (column, false)))
            .enumerate()
            .map(|(at, (column, on))| {
                let shown = shown.clone();
                let toggle = {
                    let shown = shown.clone();
                    move |_| {
                        let mut to = shown.clone();
                        if on { to.retain(|known| *known != column) } else { to.push(column) }
                        change(to);
                    }
                };
                let moved = move |by: isize| {
                    let shown = shown.clone();
                    move |_| {
                        let mut to = shown.clone();
                        if let Some(other) = at.checked_add_signed(by).filter(|other| *other < to.len()) {
                            to.swap(at, other);
                            change(to);
                        }
                    }
                };
                let wider = move |by: i32| {
                    move |_| layout.update(|layout| layout.set_width(column, i32::try_from(layout.width(column)).unwrap_or(0) + by))
                };
                let name = column.label();
                view! {
                    <li>
                        <label><input type="checkbox" prop:checked=on disabled={column == Column::Person} on:change=toggle/>{name}</label>
                        <span class="tools">
                            <button type="button" class="tool" aria-label=format!("Move {name} to the left") disabled={!on || at == 0} on:click=moved(-1)>"↑"</button>
                            <button type="button" class="tool" aria-label=format!("Move {name} to the right") disabled={!on || at + 1 >= last} on:click=moved(1)>"↓"</button>
                            <button type="button" class="tool" aria-label=format!("Make {name} narrower") disabled=!on on:click=wider(-NUDGE)>"−"</button>
                            <button type="button" class="tool" aria-label=format!("Make {name} wider") disabled=!on on:click=wider(NUDGE)>"+"</button>
                        </span>
                    </li>
                }
            })
            .collect_view()
    };
    let densities = Density::ALL
        .into_iter()
        .map(|density| {
            let word = density.word();
            let on = move || layout.with(|layout| layout.density == density);
            view! {
                <label><input type="radio" name="density" value=word prop:checked=on on:change=move |_| layout.update(|layout| layout.density = density)/>
                {domain::text::humanise(word)}</label>
            }
        })
        .collect_view();
    let reset = move |_| {
        layout.set(Layout::default());
        change(Vec::new());
    };
    view! {
        <details class="menu js-only">
            <summary class="button plain">"Columns"</summary>
            <div class="sheet">
                <ul class="columns" aria-label="Columns">{rows}</ul>
                <fieldset class="inline"><legend class="sr">"Density"</legend>{densities}</fieldset>
                <button type="button" class="link" on:click=reset>"As usual"</button>
            </div>
        </details>
    }
}
