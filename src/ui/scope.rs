//! Work that goes on beside a page: what belongs to the page ends with it, what does not says so.
//!
//! Whatever waits (an answer, a timer) may go on after its page was left, and by then the page's signals are gone: reading
//! one panics, and a panic ends the whole program. So nothing waits but by what is here; a test forbids the rest.

use std::time::Duration;

use futures::future::{AbortHandle, Abortable};
use leptos::prelude::*;
use leptos::reactive::owner::WeakOwner;

/// A page, or a part of one, that work belongs to. It does not keep the page alive.
#[derive(Clone)]
pub struct Scope(WeakOwner);

impl Scope {
    /// What is being drawn now; in an effect, this run of it: then its work ends when it runs again as well.
    pub fn here() -> Self {
        Self(Owner::current().unwrap_or_default().downgrade())
    }

    /// Starts work that ends, wherever it waits just then, when its page goes away.
    pub fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        let Some(page) = self.0.upgrade() else { return };
        let (end, ended) = AbortHandle::new_pair();
        page.with(|| on_cleanup(move || end.abort()));
        detached(async move {
            let _ = Abortable::new(work, ended).await;
        });
    }

    /// Does something once, later, if the page is still there.
    pub fn later(&self, after: Duration, work: impl FnOnce() + 'static) {
        self.spawn(async move {
            pause(after).await;
            work();
        });
    }
}

/// Starts work that goes on after the page was left. It takes what it needs along: of the page, it must touch nothing.
#[expect(clippy::disallowed_methods, reason = "the one place for it")]
pub fn detached(work: impl Future<Output = ()> + 'static) {
    wasm_bindgen_futures::spawn_local(work);
}

/// Does something once, later, even if the page was left: whoever keeps the handle may call it off. Of the page, it must
/// touch nothing.
#[expect(clippy::disallowed_methods, reason = "the one place for it")]
pub fn timer(after: Duration, work: impl FnOnce() + 'static) -> Option<TimeoutHandle> {
    set_timeout_with_handle(work, after).ok()
}

/// Waits.
pub async fn pause(length: Duration) {
    let (over, waited) = futures::channel::oneshot::channel();
    let _ = timer(length, move || {
        let _ = over.send(());
    });
    let _ = waited.await;
}
