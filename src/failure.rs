//! What failed before this page: a form that was sent without a script. The server puts it into the head of the document, where the
//! program finds it when it takes the page over.

use leptos::prelude::*;
use leptos::server::ServerActionError;

/// Names the place in the document's head.
const NAME: &str = "failure";

/// Where the failure is known; it is forgotten there.
#[derive(Clone)]
struct Known(Owner);

/// Lets actions and pages know what failed. Called where the app is drawn, before its router.
pub fn provide() {
    if let Some((path, error)) = failed() {
        provide_context(ServerActionError::new(&path, &error));
        if let Some(owner) = Owner::current() {
            provide_context(Known(owner));
        }
    }
}

/// Forgets the failure once another page is shown: it was told. Drawn inside of the router.
#[component]
pub fn ForgetFailure() -> impl IntoView {
    let known = use_context::<Known>();
    let here = leptos_router::hooks::use_location();
    Effect::new(move |before: Option<String>| {
        let now = here.pathname.get();
        if let Some(Known(owner)) = &known
            && before.is_some_and(|before| before != now)
        {
            owner.with(|| provide_context(ServerActionError::new("", "")));
        }
        now
    });
}

/// The failure in the head of the document.
#[component]
pub fn FailureInHead() -> impl IntoView {
    failed().map(|(path, error)| view! { <meta name=NAME content=format!("{path} {error}")/> })
}

#[cfg(feature = "ssr")]
fn failed() -> Option<(String, String)> {
    let parts = use_context::<axum::http::request::Parts>()?;
    let failure = parts.extensions.get::<crate::server::failure::Failure>()?;
    Some((failure.path.clone(), failure.error.clone()))
}

#[cfg(not(feature = "ssr"))]
fn failed() -> Option<(String, String)> {
    let meta = document().query_selector(&format!("meta[name={NAME}]")).ok().flatten()?;
    let (path, error) =
        meta.get_attribute("content")?.split_once(' ').map(|(path, error)| (path.to_owned(), error.to_owned()))?;
    // It is told once: later pages of this program know nothing of it.
    meta.remove();
    Some((path, error))
}
