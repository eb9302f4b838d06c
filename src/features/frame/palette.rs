//! The command palette: every page and every action by name, from anywhere, and the list of what the keyboard can do.

use leptos::ev::{KeyboardEvent, MouseEvent};
use leptos::html::Dialog;
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use self::browser::{close, controls, is_itself, is_open, option_of, press, reveal, show};
use super::commands::{Command, Does, PAGES, everywhere, found};
use super::finder::{Ask, Finding, set_single_keys, single_keys};
use super::view::Found;
use crate::features::settings::{SetTheme, show_theme};

/// Keys and what they do, for the list that `?` shows.
const KEYS: [(&str, &str); 14] = [
    ("Ctrl K", "Search or run a command (⌘ K on a Mac)"),
    ("?", "Show keyboard shortcuts"),
    ("/", "Go to the page's search"),
    ("Esc", "Close the open menu or panel, then clear the selection"),
    ("↑ ↓ ← →", "Table: move between cells"),
    ("Page Up, Page Down", "Table: page up or down"),
    ("Home, End", "Table: first and last cell; with Ctrl, first and last row"),
    ("Space", "Table: toggle selection (checkbox column) or open the person"),
    ("x", "Table: select the row"),
    ("Shift Space", "Table: select the row, also when single keys are off"),
    ("Shift ↑ ↓", "Table: select a range"),
    ("Ctrl A", "Table: select all matching rows"),
    ("Enter", "Table: open the person; on a column header: sort (Shift adds a sort)"),
    ("Shift ← →", "Column header: resize the column"),
];

/// The palette and the list of shortcuts. Only ever drawn in a browser, once somebody asked for one of them.
#[component]
pub fn Palette() -> impl IntoView {
    let Finding { tenant, others, ask } = expect_context::<Finding>();
    let (dialog, help) = (NodeRef::<Dialog>::new(), NodeRef::<Dialog>::new());
    let typed = RwSignal::new(String::new());
    let at = RwSignal::new(0_usize);
    let commands = RwSignal::new(Vec::<Command>::new());
    // What the server found, and for which words.
    let besides = RwSignal::new((String::new(), Vec::<Found>::new()));
    let shown = Memo::new(move |_| {
        commands.with(|commands| {
            typed.with(|typed| {
                besides.with(|(of, besides)| found(&tenant.get(), typed, commands, if of == typed { besides } else { &[] }))
            })
        })
    });
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        let words = typed.get();
        if words.trim().is_empty() {
            return;
        }
        // When the hands rest: each key ends the search for the words before it.
        crate::ui::scope::Scope::here().spawn(async move {
            crate::ui::scope::pause(std::time::Duration::from_millis(150)).await;
            if let Ok(found) = super::api::find(tenant.get_untracked(), words.clone()).await {
                besides.set((words, found));
            }
        });
    });
    let theme = ServerAction::<SetTheme>::new();
    let single = RwSignal::new(true);
    let show_help = move || {
        single.set(single_keys());
        show(help);
    };
    let open = move || {
        // The same keys put it away again.
        if is_open(dialog) {
            return close(dialog);
        }
        typed.set(String::new());
        at.set(0);
        let here = controls().into_iter().enumerate();
        let here =
            here.map(|(place, (label, careful))| Command { label, kind: "on this page", does: Does::Press(place), careful });
        // Pages first: whoever presses Enter without looking goes somewhere, and does nothing.
        let all = everywhere(&tenant.get_untracked(), &others.get_untracked()).into_iter().chain(here).collect();
        commands.set(all);
        show(dialog);
    };
    Effect::new(move |_| {
        if let Some(asked) = ask.get() {
            ask.set(None);
            let answer = move || match asked {
                Ask::Palette => open(),
                Ask::Keys => show_help(),
            };
            // At once, for somebody types on; where the dialogs have only just been loaded, with the next frame.
            if dialog.get_untracked().is_some_and(|dialog| dialog.is_connected()) {
                answer();
            } else {
                request_animation_frame(answer);
            }
        }
    });
    let navigate = use_navigate();
    let choose = move |command: Command| {
        close(dialog);
        match command.does {
            Does::Go(address) => navigate(&address, leptos_router::NavigateOptions::default()),
            Does::Leave(address) => {
                let _ = window().location().set_href(&address);
            }
            Does::Press(place) => press(place),
            Does::Shortcuts => show_help(),
            Does::Theme(word) => {
                show_theme(word);
                let _ = theme.dispatch(SetTheme { tenant: tenant.get_untracked(), theme: word.to_owned() });
            }
        }
    };
    let take = move |place: usize| {
        if let Some(command) = shown.with_untracked(|shown| shown.get(place).cloned()) {
            choose(command);
        }
    };
    let clicked = {
        let take = take.clone();
        move |event: MouseEvent| {
            if let Some(place) = option_of(&event) {
                take(place);
            }
        }
    };
    let key = move |event: KeyboardEvent| {
        let last = shown.with_untracked(Vec::len).saturating_sub(1);
        let now = at.get_untracked();
        match event.key().as_str() {
            "ArrowDown" => at.set(if now >= last { 0 } else { now + 1 }),
            "ArrowUp" => at.set(if now == 0 { last } else { now - 1 }),
            "Enter" => take(now),
            _ => return,
        }
        event.prevent_default();
        reveal();
    };
    let outside = move |event: MouseEvent, of: NodeRef<Dialog>| {
        if is_itself(of, &event) {
            close(of);
        }
    };
    let options = move || {
        let now = at.get();
        shown.with(|shown| {
            let rows = shown.iter().enumerate().map(|(place, command)| {
                let (label, kind) = (command.label.clone(), command.kind);
                view! {
                    <li id=format!("command-{place}") role="option" data-place=place aria-selected=if place == now { "true" } else { "false" }>
                        <span>{label}</span>" "<span class="muted small">{kind}</span>
                    </li>
                }
            });
            rows.collect_view()
        })
    };
    let keys = KEYS.into_iter().map(|(keys, what)| view! { <dt><kbd>{keys}</kbd></dt><dd>{what}</dd> }).collect_view();
    let letters = PAGES.iter().filter(|(_, _, letter)| !letter.is_empty());
    let letters: Vec<String> = letters.map(|(_, label, letter)| format!("{letter} {label}")).collect();
    let pages = format!("Go to a page: {}", letters.join(", "));
    view! {
        <dialog class="palette" node_ref=dialog aria-label="Search or run a command" on:click=move |event| outside(event, dialog)>
            <input class="input" type="text" role="combobox" aria-label="Page or command" aria-expanded="true" aria-controls="commands"
                aria-autocomplete="list" aria-activedescendant=move || format!("command-{}", at.get()) autocomplete="off" spellcheck="false"
                placeholder="Page, command, person, group, role or job" prop:value=move || typed.get()
                on:input=move |event| { typed.set(event_target_value(&event)); at.set(0); } on:keydown=key/>
            <ul id="commands" role="listbox" aria-label="Pages and commands" on:click=clicked>{options}</ul>
        </dialog>
        <dialog class="keys" node_ref=help aria-labelledby="keys" on:click=move |event| outside(event, help)>
            <header><h2 id="keys">"Keyboard shortcuts"</h2>
                <form method="dialog"><button class="button plain" type="submit">"Close "<kbd>"Esc"</kbd></button></form></header>
            <dl>{keys}<dt><kbd>"g, then a letter"</kbd></dt><dd>{pages}</dd></dl>
            <label class="inline"><input type="checkbox" prop:checked=move || single.get()
                on:change=move |event| { single.set(event_target_checked(&event)); set_single_keys(single.get_untracked()); }/>
                "Keys without Ctrl: /, ?, g and x (this browser)"</label>
        </dialog>
    }
}

/// What only a browser can do; the server draws closed dialogs.
#[cfg(not(feature = "hydrate"))]
mod browser {
    use leptos::html::Dialog;
    use leptos::prelude::*;

    pub(super) fn controls() -> Vec<(String, bool)> {
        Vec::new()
    }
    pub(super) fn press(_: usize) {}
    pub(super) fn show(_: NodeRef<Dialog>) {}
    pub(super) fn reveal() {}
    pub(super) fn option_of(_: &leptos::ev::MouseEvent) -> Option<usize> {
        None
    }
    pub(super) fn close(_: NodeRef<Dialog>) {}
    pub(super) fn is_open(_: NodeRef<Dialog>) -> bool {
        false
    }
    pub(super) fn is_itself(_: NodeRef<Dialog>, _: &leptos::ev::MouseEvent) -> bool {
        false
    }
}

#[cfg(feature = "hydrate")]
mod browser {
    use std::cell::RefCell;

    use leptos::ev::MouseEvent;
    use leptos::html::Dialog;
    use leptos::prelude::*;
    use leptos::wasm_bindgen::JsCast;
    use leptos::web_sys::{Element, HtmlElement, ScrollIntoViewOptions, ScrollLogicalPosition};

    /// What somebody can press on a page; rows of tables have their own ways.
    const CONTROLS: &str = "main button, main a.button, main .head a, main summary.button, .who button";
    /// A control with a longer name is a text, not an action.
    const LONGEST: usize = 60;

    thread_local! { static PRESSED: RefCell<Vec<HtmlElement>> = const { RefCell::new(Vec::new()) }; }

    /// What only makes sense where it stands.
    const NAMELESS: [&str; 5] = ["Close", "Clear", "Save", "Plan…", "Go"];

    /// Whether a control takes something away, or ends something.
    fn is_careful(element: &HtmlElement) -> bool {
        element.class_list().contains("danger") || element.has_attribute("data-careful")
    }

    /// The names of what can be pressed on the page now, each once, and whether it is to be pressed with care. Remembers them for
    /// [`press`].
    pub(super) fn controls() -> Vec<(String, bool)> {
        let (mut names, mut elements) = (Vec::<(String, bool)>::new(), Vec::new());
        let Ok(all) = document().query_selector_all(CONTROLS) else { return names };
        for place in 0..all.length() {
            let Some(element) = all.item(place).and_then(|node| node.dyn_into::<HtmlElement>().ok()) else { continue };
            let name = element.get_attribute("aria-label").or_else(|| element.text_content()).unwrap_or_default();
            // A key beside a name is no part of it.
            let name = name.split_whitespace().filter(|word| *word != "Esc").collect::<Vec<_>>().join(" ");
            let seen = element.offset_parent().is_some() && !element.has_attribute("disabled");
            let in_rows = element.closest("table, [role=grid], dialog").ok().flatten().is_some();
            // An id that copies itself is no action that anybody looks for.
            let fits = !name.is_empty() && name.chars().count() <= LONGEST && !element.class_list().contains("copy");
            let known = NAMELESS.contains(&name.as_str()) || names.iter().any(|(other, _)| *other == name);
            if seen && !in_rows && fits && !known {
                names.push((name, is_careful(&element)));
                elements.push(element);
            }
        }
        PRESSED.with(|pressed| *pressed.borrow_mut() = elements);
        names
    }

    /// Presses a control; one that takes something away is only gone to, so that Enter alone never does.
    pub(super) fn press(place: usize) {
        let Some(element) = PRESSED.with(|pressed| pressed.borrow().get(place).cloned()) else { return };
        element.scroll_into_view();
        let _ = element.focus();
        if !is_careful(&element) {
            element.click();
        }
    }

    /// Opens a dialog, unless another one is open.
    pub(super) fn show(dialog: NodeRef<Dialog>) {
        if document().query_selector("dialog[open]").ok().flatten().is_none()
            && let Some(dialog) = dialog.get_untracked()
        {
            let _ = dialog.show_modal();
        }
    }

    pub(super) fn close(dialog: NodeRef<Dialog>) {
        if let Some(dialog) = dialog.get_untracked() {
            dialog.close();
        }
    }

    pub(super) fn is_open(dialog: NodeRef<Dialog>) -> bool {
        dialog.get_untracked().is_some_and(|dialog| dialog.open())
    }

    /// Whether a click was on the dialog itself, which is what is beside its box.
    pub(super) fn is_itself(dialog: NodeRef<Dialog>, event: &MouseEvent) -> bool {
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        dialog.get_untracked().zip(target).is_some_and(|(dialog, target)| dialog.is_same_node(Some(&target)))
    }

    /// The place of the command that was clicked.
    pub(super) fn option_of(event: &MouseEvent) -> Option<usize> {
        let target = event.target()?.dyn_into::<Element>().ok()?;
        target.closest("[role=option]").ok()??.get_attribute("data-place")?.parse().ok()
    }

    /// Keeps the chosen command in sight, once it is drawn.
    pub(super) fn reveal() {
        request_animation_frame(|| {
            if let Ok(Some(chosen)) = document().query_selector("#commands [aria-selected=true]") {
                let options = ScrollIntoViewOptions::new();
                options.set_block(ScrollLogicalPosition::Nearest);
                chosen.scroll_into_view_with_scroll_into_view_options(&options);
            }
        });
    }
}
