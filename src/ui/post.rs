//! A form that is sent to a server function: by the program where it runs, by the browser itself where it does not.
//!
//! Leptos' own `ActionForm` reads the fields back from the form's encoding, for which a first visit would load a decoder. A form of the
//! part that is loaded first says itself what it sends.

use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos::web_sys::FormData;

/// What a field of a form holds; empty where it has none.
pub fn field(of: &FormData, name: &str) -> String {
    of.get(name).as_string().unwrap_or_default()
}

/// The form. Its fields say the same as `input` makes of them; the name and value of a button are not among them.
#[component]
pub fn Post<S>(
    /// What it is sent to.
    action: ServerAction<S>,
    /// Reads what is sent from the form's fields.
    input: impl Fn(&FormData) -> S + Send + Sync + 'static,
    /// Its class.
    #[prop(optional)]
    class: &'static str,
    /// Its fields and buttons.
    children: Children,
) -> impl IntoView
where
    S: ServerFn + Clone + Send + Sync + 'static,
    S::Output: Send + Sync + 'static,
    S::Error: Send + Sync + 'static,
{
    let form = NodeRef::<leptos::html::Form>::new();
    let submitted = move |event: leptos::ev::SubmitEvent| {
        if event.default_prevented() {
            return;
        }
        event.prevent_default();
        let fields = form.get_untracked().and_then(|form| FormData::new_with_form(&form).ok());
        if let Some(fields) = fields {
            action.dispatch(input(&fields));
        }
    };
    view! { <form method="post" action=S::url() class=class node_ref=form on:submit=submitted>{children()}</form> }
}
