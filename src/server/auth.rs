//! Who somebody is to the portal: signing in and out, and who calls.

pub mod gate;
pub mod login;
pub mod me;
pub mod oidc;
pub mod out;
pub mod page;
pub mod person;
pub mod proxy;
pub mod proxy_check;
pub mod qlik;
pub mod session;
pub mod step_up;
pub mod trail;

use axum::Router;
use axum::routing::{get, post};

use super::state::{AppState, Shared};

/// Where people sign in.
pub const LOGIN: &str = "/auth/login";
/// Where the provider sends them back to.
pub const CALLBACK: &str = "/auth/callback";
/// Where people sign out.
pub const LOGOUT: &str = "/auth/logout";
/// Where they are asked what becomes of their jobs first.
pub const LEAVING: &str = "/auth/leaving";
/// Where they are once they signed out.
pub const SIGNED_OUT: &str = "/auth/signed-out";
/// Where they confirm that it is them.
pub const STEP_UP: &str = "/auth/step-up";

/// Routes of their own, outside of the sessions' layer, which takes every request for use.
pub fn routes(state: &Shared) -> Router<AppState> {
    Router::new()
        .route(LOGIN, get(oidc::login))
        .route(CALLBACK, get(oidc::callback))
        .route("/auth/me", get(me::me))
        .route(LOGOUT, post(out::log_out))
        .route(LEAVING, get(out::leaving))
        .route(SIGNED_OUT, get(out::signed_out))
        .route(proxy::PROBE, get(proxy::probe))
        .route(STEP_UP, get(step_up::ask).post(step_up::answer))
        .route("/auth/qlik/{tenant}/connect", get(qlik::connect))
        .route("/auth/qlik/{tenant}/callback", get(qlik::callback))
        .with_state(state.clone())
}

/// What the provider tells us by itself: the one route that its signed token opens, and not the page that it comes from.
pub fn told_by_provider(state: &Shared) -> Router<AppState> {
    Router::new().route("/auth/backchannel-logout", post(out::backchannel)).with_state(state.clone())
}
