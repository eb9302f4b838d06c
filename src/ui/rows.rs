//! Rows that a painter draws into the document by hand: making elements, following a size, and taking rows from one end to the other.

use leptos::wasm_bindgen::JsCast;
use leptos::wasm_bindgen::closure::Closure;
use leptos::web_sys::{Document, Element, HtmlElement, ResizeObserver};

/// An element of this tag, class and role; an empty one of the latter is left out.
pub fn make(document: &Document, tag: &str, class: &str, role: &str) -> Option<HtmlElement> {
    let element = document.create_element(tag).ok()?;
    if !class.is_empty() {
        element.set_class_name(class);
    }
    if !role.is_empty() {
        set(&element, "role", role);
    }
    element.dyn_into().ok()
}

/// Sets an attribute.
pub fn set(element: &Element, name: &str, value: &str) {
    let _ = element.set_attribute(name, value);
}

/// Takes the rows that leave at one end to the other one, so that most of them stay as they are and in their order. `before` and
/// `first` are the places of the first row drawn until now and from now on.
pub fn roll<L>(group: &Element, lines: &mut [L], before: u32, first: u32, element: fn(&L) -> &HtmlElement) {
    let steps = first.abs_diff(before) as usize;
    if steps >= lines.len() {
        return;
    }
    if first > before {
        for line in lines.iter().take(steps) {
            let _ = group.append_child(element(line));
        }
        lines.rotate_left(steps);
    } else {
        for line in lines.iter().rev().take(steps) {
            let _ = group.insert_before(element(line), group.first_child().as_ref());
        }
        lines.rotate_right(steps);
    }
}

/// Watches an element's size for as long as it is kept.
pub struct Watching {
    observer: ResizeObserver,
    _told: Closure<dyn FnMut()>,
}

impl Watching {
    /// Tells of it now, and whenever it changes.
    pub fn of(element: &Element, mut told: impl FnMut() + 'static) -> Option<Self> {
        told();
        let told = Closure::<dyn FnMut()>::new(told);
        let observer = ResizeObserver::new(told.as_ref().unchecked_ref()).ok()?;
        observer.observe(element);
        Some(Self { observer, _told: told })
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}
