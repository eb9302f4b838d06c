//! Who looks: known to every page from the moment it is drawn, so that what their role does not allow is shown as off.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::rank::Rank;

/// Whoever looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    /// What they may do in the portal.
    pub rank: Rank,
    /// What the portal calls them; empty where nobody signs in.
    pub name: String,
}

/// Tells every page who looks. The server knows by the request; the browser by what the server wrote into the page.
pub fn provide() {
    let me = SharedValue::new(|| {
        #[cfg(feature = "ssr")]
        {
            let parts = use_context::<axum::http::request::Parts>();
            let caller = parts.and_then(|parts| parts.extensions.get::<crate::server::access::Caller>().cloned());
            caller.map(|caller| Me { rank: caller.rank, name: caller.name })
        }
        #[cfg(not(feature = "ssr"))]
        None::<Me>
    });
    provide_context(me.into_inner());
}

/// Whoever looks; nothing where the page was not drawn for anybody.
pub fn me() -> Option<Me> {
    use_context::<Option<Me>>().flatten()
}

/// Whether people sign in to the portal.
pub fn signs_in() -> bool {
    me().is_some_and(|me| !me.name.is_empty())
}

/// Why whoever looks may not use something that needs `needed`; nothing where they may. The server decides, whatever a page shows.
pub fn lacks(needed: Rank) -> Option<&'static str> {
    me().and_then(|me| me.rank.lacks(needed))
}

/// Why whoever looks may not change anything; nothing where they may.
pub fn may_not_change() -> Option<&'static str> {
    lacks(Rank::Operator)
}
