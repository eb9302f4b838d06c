//! Where an answer leads: to its page, unless whoever asked has gone elsewhere meanwhile.

use leptos::prelude::*;
use leptos::server_fn::redirect::set_redirect_hook;
use leptos_router::location::{BrowserUrl, LocationProvider};

use super::query::{escape, place};

/// Goes where answers lead, in place of the router, which would go wherever somebody is by now. Called where the app is drawn, before
/// its router.
pub fn only_from_here() {
    let owner = Owner::current();
    let _ = set_redirect_hook(move |to: &str| {
        // Behind `#` the server says which page asked.
        let (to, asked) = to.split_once('#').map_or((to, None), |(to, asked)| (to, Some(asked)));
        let here = window().location();
        let here = place(&here.pathname().unwrap_or_default(), &here.search().unwrap_or_default());
        if asked.is_none_or(|asked| asked == escape(&here))
            && let Some(owner) = &owner
        {
            owner.with(|| BrowserUrl::redirect(to));
        }
    });
}
