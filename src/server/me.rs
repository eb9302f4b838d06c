//! `GET /auth/me`: who somebody is to the portal, and until when. It does not count as use of the session, so that a page may ask
//! without keeping the session alive.

use std::str::FromStr;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use engine::clock::iso;
use serde_json::json;
use tower_sessions::session::Id;

use super::cookies;
use super::sessions::session_key;
use super::state::Shared;
use crate::error::AppError;

/// The session cookie's name: browsers take the prefix with `Secure` only, and that with https only.
pub fn cookie_name(public_url: &str) -> &'static str {
    if public_url.starts_with("https://") { "__Host-quartermaster" } else { "quartermaster" }
}

/// Answers for the session in the cookie; 401 where there is none that lives.
pub async fn me(State(state): State<Shared>, headers: HeaderMap) -> Response {
    match found(&state, &headers).await {
        Ok(Some(answer)) => answer,
        Ok(None) => (StatusCode::UNAUTHORIZED, Json(json!({ "error": "no_session", "sign_in": "/connect" }))).into_response(),
        Err(error) => {
            let status = StatusCode::from_u16(error.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, format!("{}. {}\n", error.what, error.why)).into_response()
        }
    }
}

async fn found(state: &Shared, headers: &HeaderMap) -> Result<Option<Response>, AppError> {
    let cookie = cookies::value(headers, cookie_name(&state.config.server.public_url));
    let Some(id) = cookie.and_then(|value| Id::from_str(value).ok()) else { return Ok(None) };
    let (key, now) = (session_key(&id), state.engine.clock.now_ms());
    let Some(session) = state.engine.store.load_session(&key, now).await? else { return Ok(None) };
    let credentials = state.engine.store.credentials(&key).await?;
    let tenants: Vec<_> = credentials
        .iter()
        .filter(|held| state.engine.tenants.contains_key(&held.tenant))
        .map(|held| json!({ "id": held.tenant, "connected_as": held.qlik_name, "expires_at": null }))
        .collect();
    let answer = json!({
        "mode": "none",
        "subject": "local",
        "issuer": "",
        "name": "",
        "role": "admin",
        "auth_time": null,
        "now": iso(now),
        "session": {
            "began": iso(session.created_at),
            "idle_until": iso(session.idle_until),
            "absolute_until": iso(session.absolute_until),
            "idle_left_s": (session.idle_until - now) / 1_000,
            "absolute_left_s": (session.absolute_until - now) / 1_000,
        },
        "tenants": tenants,
    });
    Ok(Some(Json(answer).into_response()))
}
