//! Puts the rooms behind the middleware, in order.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use leptos::prelude::provide_context;
use leptos_axum::{AxumRouteListing, LeptosRoutes, generate_route_list};
use tower_http::compression::CompressionLayer;
use tower_http::trace::TraceLayer;
use tower_sessions::cookie::SameSite;
use tower_sessions::{Expiry, SessionManagerLayer};

use crate::app::App;
use crate::server::auth::trail::RequestId;
use crate::server::auth::{self, gate, proxy};
use crate::server::sessions::{Sessions, cookie_name};
use crate::server::state::{AppState, Shared};
use crate::server::{assets, failure, middleware};
use crate::shell::shell;

/// The routes of the pages, found by walking through the app once. While that goes on, no resource of any page in this process is
/// loaded, and one that is asked for just then never is: the walk is made once, before any page can be asked for.
static PAGES: LazyLock<Vec<AxumRouteListing>> = LazyLock::new(|| generate_route_list(App));

/// The portal.
pub fn router(state: &Shared) -> Router {
    let secure = state.is_secure();
    let (store, clock) = (state.engine.store.clone(), state.engine.clock.clone());
    let sessions = SessionManagerLayer::new(Sessions::new(store, clock, state.config.auth.session))
        .with_name(cookie_name(secure))
        .with_secure(secure)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        // The cookie goes with the browser; when the session ends, the store knows. A cookie with an end of its own would have to
        // be sent again with every answer, and whoever works on would be thrown out for want of it.
        .with_expiry(Expiry::OnSessionEnd);
    let context = {
        let state = state.clone();
        move || provide_context(state.clone())
    };
    let options = state.leptos.clone();
    let app_state = AppState(state.clone());
    let rooms = Router::new()
        .leptos_routes_with_context(&app_state, PAGES.clone(), context, move || shell(options.clone()))
        .merge(crate::features::lists::routes(state))
        .merge(crate::features::assignments::routes(state))
        .merge(crate::features::groups::routes(state))
        .merge(crate::features::history::routes(state))
        .merge(crate::features::jobs::routes(state))
        .merge(crate::features::audit::routes(state))
        .layer(from_fn(middleware::answered))
        .layer(from_fn_with_state(state.clone(), failure::carry))
        .layer(from_fn_with_state(state.clone(), gate::caller))
        .layer(sessions)
        .layer(CompressionLayer::new());
    let files = Router::new().route("/pkg/{*file}", get(assets::serve)).route("/favicon.svg", get(assets::serve));
    Router::new()
        .merge(rooms)
        .merge(auth::routes(state))
        .merge(files)
        .layer(DefaultBodyLimit::max(middleware::MAX_FORM))
        .layer(from_fn(middleware::readable))
        .layer(from_fn_with_state(state.clone(), proxy::identified))
        .layer(from_fn_with_state(state.clone(), middleware::csrf))
        // Carries its own proof, and comes from the provider and no page.
        .merge(auth::told_by_provider(state))
        .layer(from_fn_with_state(state.clone(), middleware::host))
        .layer(from_fn_with_state(state.clone(), middleware::headers))
        .layer(TraceLayer::new_for_http().make_span_with(|request: &axum::extract::Request| {
            // The path alone: a query may hold a person's name.
            let id = request.extensions().get::<RequestId>().map(|RequestId(id)| id.as_str());
            tracing::info_span!("request", id, method = %request.method(), path = request.uri().path())
        }))
        .layer(from_fn(middleware::identified))
        .with_state(app_state)
}

/// What a supervisor asks, on an address of its own: whether this server can do its work.
pub fn management(state: &Shared) -> Router {
    let health = async |State(state): State<Shared>| {
        if let Err(error) = state.engine.store.ping().await {
            tracing::error!(%error, "the database does not answer");
            return (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n".to_owned());
        }
        // The portal serves everyone who is signed in while the provider is away, so that is told and no reason to restart it.
        let provider = match &state.provider {
            Some(provider) => provider.metadata(state.engine.clock.now_ms()).await.err(),
            None => None,
        };
        let away = provider.map_or_else(String::new, |trouble| format!("sign-in: {trouble}\n"));
        match state.engine.watch.unwell().as_slice() {
            [] => (StatusCode::OK, format!("ok\n{away}")),
            tasks => (StatusCode::SERVICE_UNAVAILABLE, format!("not running as it should: {}\n", tasks.join(", "))),
        }
    };
    Router::new().route("/health", get(health)).with_state(state.clone())
}
