//! How the table is laid out: its columns, their widths and how dense it is; and the menu that changes them by keyboard too.

use std::collections::BTreeMap;

use domain::table::Column;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Kind, Live, ViewOf};

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
            Self::Normal => 32.0,
            Self::Roomy => 36.0,
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
    /// Where the browser keeps it for a room.
    #[cfg(feature = "hydrate")]
    fn key(room: &str) -> String {
        format!("quartermaster-{room}-layout")
    }

    /// What the browser kept for a room.
    pub fn kept(room: &str) -> Self {
        #[cfg(feature = "hydrate")]
        if let Ok(Some(storage)) = window().local_storage()
            && let Ok(Some(kept)) = storage.get_item(&Self::key(room))
        {
            return serde_json::from_str(&kept).unwrap_or_default();
        }
        #[cfg(not(feature = "hydrate"))]
        let _ = room;
        Self::default()
    }

    /// Keeps it for the next visit.
    #[cfg(feature = "hydrate")]
    pub fn keep(&self, room: &str) {
        if let (Ok(Some(storage)), Ok(text)) = (window().local_storage(), serde_json::to_string(self)) {
            let _ = storage.set_item(&Self::key(room), &text);
        }
    }

    /// A column's width in pixels.
    pub fn width<T: Kind>(&self, column: T::Column) -> u32 {
        self.widths.get(column.as_str()).copied().unwrap_or_else(|| T::usual_width(column))
    }

    /// Gives a column a width, within reason.
    pub fn set_width(&mut self, column: impl Column, pixels: i32) {
        let pixels = u32::try_from(pixels).unwrap_or(0).clamp(NARROWEST, WIDEST);
        self.widths.insert(column.as_str().to_owned(), pixels);
    }
}

/// Makes a column wider or narrower than it is now, which may be more than it asks for.
pub fn nudge<T: Kind>(layout: RwSignal<Layout>, column: T::Column, by: i32) {
    let head = document().query_selector(&format!(".live .top .c-{}", column.as_str())).ok().flatten();
    let now = head.map(|head| head.client_width()).filter(|width| *width > 0);
    layout.update(|layout| {
        let now = now.unwrap_or_else(|| i32::try_from(layout.width::<T>(column)).unwrap_or(0));
        layout.set_width(column, now + by);
    });
}

/// What of `shown` fits into so many pixels. Who chose columns or widths themselves gets them, and scrolls.
pub fn fitting<T: Kind>(mut shown: Vec<T::Column>, pixels: f64) -> Vec<T::Column> {
    for column in T::GIVEN_UP {
        // The box has its own place; a column may be a tenth narrower than usual.
        let least = 40 + shown.iter().map(|column| T::usual_width(*column) * 9 / 10).sum::<u32>();
        if f64::from(least) <= pixels {
            break;
        }
        shown.retain(|known| known != column);
    }
    shown
}

/// Every column in the order of a menu: those shown as they are, each of the others after the one that it usually follows.
pub(super) fn in_menu<C: Column>(shown: &[C]) -> Vec<C> {
    let mut all = shown.to_vec();
    let mut before = None;
    for column in C::ALL.iter().copied() {
        if !all.contains(&column) {
            let at = before.and_then(|before| all.iter().position(|known| *known == before)).map_or(0, |at| at + 1);
            all.insert(at, column);
        }
        before = Some(column);
    }
    all
}

/// Which columns, in which order, how wide, and how dense.
#[component]
pub fn ColumnMenu<T: Kind>(live: Live<T>, layout: RwSignal<Layout>) -> impl IntoView {
    let open = live.menu;
    let toggled = move |event: leptos::ev::Event| {
        use leptos::wasm_bindgen::JsCast;
        let menu = event.target().and_then(|target| target.dyn_into::<leptos::web_sys::Element>().ok());
        open.set(menu.is_some_and(|menu| menu.has_attribute("open")));
    };
    view! {
        <details class="menu js-only" on:toggle=toggled>
            <summary class="button plain">"Columns"</summary>
            {move || open.get().then(|| view! { <Choices live layout/> })}
        </details>
    }
}

#[component]
fn Choices<T: Kind>(live: Live<T>, layout: RwSignal<Layout>) -> impl IntoView {
    let view = live.view;
    // Its own order, so that nothing jumps when a column is hidden.
    let order = RwSignal::new(view.with_untracked(|view| in_menu(&view.shown())));
    let shown = Memo::new(move |_| view.with(ViewOf::<T>::shown));
    let show = move |order: &[T::Column], wanted: &dyn Fn(T::Column) -> bool| {
        let to: Vec<T::Column> = order.iter().copied().filter(|column| wanted(*column)).collect();
        view.update(|view| view.columns = if to == T::Column::USUAL { Vec::new() } else { to });
    };
    let item = move |column: T::Column| {
        let name = column.label();
        let on = Memo::new(move |_| shown.with(|shown| shown.contains(&column)));
        let at = move || order.with(|order| order.iter().position(|known| *known == column).unwrap_or_default());
        let toggle = move |_| {
            let on = on.get_untracked();
            let shown = shown.get_untracked();
            order.with_untracked(|order| show(order, &|known| if known == column { !on } else { shown.contains(&known) }));
        };
        let moved = move |by: isize| {
            move |_| {
                let from = at();
                let shown = shown.get_untracked();
                order.update(|order| {
                    if let Some(to) = from.checked_add_signed(by).filter(|to| *to < order.len()) {
                        order.swap(from, to);
                    }
                });
                order.with_untracked(|order| show(order, &|known| shown.contains(&known)));
            }
        };
        let wider = move |by: i32| move |_| nudge::<T>(layout, column, by);
        let last = T::Column::ALL.len() - 1;
        view! {
            <li>
                <label><input type="checkbox" prop:checked=on disabled={column == T::Column::default()} on:change=toggle/>{name}</label>
                <span class="tools">
                    <button type="button" class="tool" aria-label=format!("Move {name} left") disabled=move || at() == 0 on:click=moved(-1)>"↑"</button>
                    <button type="button" class="tool" aria-label=format!("Move {name} right") disabled=move || at() == last on:click=moved(1)>"↓"</button>
                    <button type="button" class="tool" aria-label=format!("Narrow {name}") disabled=move || !on.get() on:click=wider(-NUDGE)>"−"</button>
                    <button type="button" class="tool" aria-label=format!("Widen {name}") disabled=move || !on.get() on:click=wider(NUDGE)>"+"</button>
                </span>
            </li>
        }
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
        order.set(in_menu(T::Column::USUAL));
        view.update(|view| view.columns.clear());
    };
    view! {
        <div class="sheet">
            <ul class="columns" aria-label="Columns">
                <For each=move || order.get() key=|column| *column children=item/>
            </ul>
            <fieldset class="inline"><legend class="sr">"Density"</legend>{densities}</fieldset>
            <button type="button" class="link" on:click=reset>"Reset to defaults"</button>
        </div>
    }
}
