//! What the hand did before the program took the page over: it stays, and counts.
//!
//! Taking over sets fields to what the server drew. Whatever was typed, chosen or ticked until then is noted, put back once the
//! page answers, and told to it as if it had just been done.

use std::cell::RefCell;

use leptos::prelude::*;
use leptos::wasm_bindgen::closure::Closure;
use leptos::wasm_bindgen::{JsCast, JsValue};
use leptos::web_sys::js_sys::{Array, Reflect};
use leptos::web_sys::{Element, Event, EventInit};

/// What a field held: its text or choice, or whether it was ticked.
#[derive(Clone, PartialEq)]
enum Held {
    Text(String),
    Ticked(bool),
}

thread_local! { static NOTED: RefCell<Vec<(Element, Held)>> = const { RefCell::new(Vec::new()) }; }

fn get(of: &JsValue, key: &str) -> JsValue {
    Reflect::get(of, &JsValue::from_str(key)).unwrap_or(JsValue::UNDEFINED)
}

/// What a field holds, and what the server drew it with. Files and buttons hold nothing of that kind.
fn held(field: &Element) -> Option<(Held, Held)> {
    let of: &JsValue = field.as_ref();
    let text = |key: &str| get(of, key).as_string().unwrap_or_default();
    match (field.tag_name().as_str(), text("type").as_str()) {
        ("INPUT", "checkbox" | "radio") => {
            let ticked = |key: &str| get(of, key).as_bool().unwrap_or_default();
            Some((Held::Ticked(ticked("checked")), Held::Ticked(ticked("defaultChecked"))))
        }
        ("INPUT", "file" | "hidden" | "submit" | "button" | "reset" | "image") => None,
        ("INPUT" | "TEXTAREA", _) => Some((Held::Text(text("value")), Held::Text(text("defaultValue")))),
        ("SELECT", _) => {
            let options = Array::from(&get(of, "options"));
            let drawn = options.iter().find(|option| get(option, "defaultSelected").as_bool().unwrap_or_default());
            let drawn = drawn.or_else(|| options.iter().next()).and_then(|option| get(&option, "value").as_string());
            Some((Held::Text(text("value")), Held::Text(drawn.unwrap_or_default())))
        }
        _ => None,
    }
}

fn note(field: Element) {
    let Some((now, _)) = held(&field) else { return };
    NOTED.with(|noted| {
        let mut noted = noted.borrow_mut();
        match noted.iter_mut().find(|(known, _)| *known == field) {
            Some((_, before)) => *before = now,
            None => noted.push((field, now)),
        }
    });
}

/// Notes what is there already, and what comes until the page is taken over. The answer puts it back.
pub fn watch() -> impl FnOnce() {
    if let Ok(fields) = document().query_selector_all("input, textarea, select") {
        for at in 0..fields.length() {
            let Some(field) = fields.item(at).and_then(|node| node.dyn_into::<Element>().ok()) else { continue };
            if held(&field).is_some_and(|(now, drawn)| now != drawn) {
                note(field);
            }
        }
    }
    let heard = Closure::<dyn FnMut(Event)>::new(|event: Event| {
        if let Some(field) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) {
            note(field);
        }
    });
    let listen = |name: &str| {
        let _ = document().add_event_listener_with_callback_and_bool(name, heard.as_ref().unchecked_ref(), true);
    };
    listen("input");
    listen("change");
    move || {
        for name in ["input", "change"] {
            let _ = document().remove_event_listener_with_callback_and_bool(name, heard.as_ref().unchecked_ref(), true);
        }
        for (field, wanted) in NOTED.with(RefCell::take) {
            put_back(&field, &wanted);
        }
    }
}

fn put_back(field: &Element, wanted: &Held) {
    if !field.is_connected() {
        return;
    }
    let (key, value) = match wanted {
        Held::Text(text) => ("value", JsValue::from_str(text)),
        Held::Ticked(ticked) => ("checked", JsValue::from_bool(*ticked)),
    };
    let _ = Reflect::set(field.as_ref(), &JsValue::from_str(key), &value);
    let bubbles = EventInit::new();
    bubbles.set_bubbles(true);
    for name in ["input", "change"] {
        if let Ok(event) = Event::new_with_event_init_dict(name, &bubbles) {
            let _ = field.dispatch_event(&event);
        }
    }
}
