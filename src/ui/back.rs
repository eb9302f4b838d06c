//! Whether the browser just went back or forward: then a page shows what it showed when it was left.

use std::cell::Cell;

use leptos::prelude::*;

thread_local! {
    static POPPED_AT: Cell<f64> = const { Cell::new(f64::MIN) };
}

/// A step in the history and the page that it leads to are this close, in milliseconds; a table may have to be loaded first.
const SOON: f64 = 5_000.0;

fn now() -> f64 {
    window().performance().map_or(0.0, |clock| clock.now())
}

/// Notices steps in the history. Called once, when the program takes over.
pub fn notice() {
    window_event_listener(leptos::ev::popstate, |_| POPPED_AT.set(now()));
}

/// Whether the page that is drawn now was come back to: by a step in the history, or by loading it again.
pub fn came_back() -> bool {
    /// `PerformanceNavigation.type`: 1 is a reload, 2 a step in the history.
    const AGAIN: [u16; 2] = [1, 2];
    let loaded_again = window().performance().is_some_and(|clock| AGAIN.contains(&clock.navigation().type_()));
    (now() < SOON && loaded_again) || now() - POPPED_AT.get() < SOON
}
