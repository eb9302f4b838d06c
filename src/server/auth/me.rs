//! `GET /auth/me`: who somebody is to the portal, and until when. It does not count as use of the session, so that a page may ask
//! without keeping the session alive.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use engine::clock::iso;
use serde_json::json;

use super::LOGIN;
use super::gate::{role_of, who_is};
use super::proxy::Asserted;
use super::session::current;
use crate::error::AppError;
use crate::rank::Rank;
use crate::server::state::Shared;

/// Answers for the session in the cookie; 401 where there is none that lives.
pub async fn me(State(state): State<Shared>, asserted: Option<Extension<Asserted>>, headers: HeaderMap) -> Response {
    match found(&state, &headers, asserted.map(|Extension(asserted)| asserted)).await {
        Ok(Some(answer)) => answer,
        Ok(None) => (StatusCode::UNAUTHORIZED, Json(json!({ "error": "no_session", "sign_in": LOGIN }))).into_response(),
        Err(error) => {
            let status = StatusCode::from_u16(error.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, format!("{}. {}\n", error.what, error.why)).into_response()
        }
    }
}

async fn found(state: &Shared, headers: &HeaderMap, asserted: Option<Asserted>) -> Result<Option<Response>, AppError> {
    let now = state.engine.clock.now_ms();
    let Some(session) = current(state, headers, now).await? else { return Ok(None) };
    let Some(who) = who_is(state, session.remembered.who, asserted) else { return Ok(None) };
    let credentials = state.engine.store.credentials(&session.key).await?;
    let tenants: Vec<_> = credentials
        .iter()
        .filter(|held| state.engine.tenants.contains_key(&held.tenant))
        .map(|held| json!({ "id": held.tenant, "connected_as": held.qlik_name, "expires_at": held.expires_at.map(iso) }))
        .collect();
    let row = &session.row;
    let answer = json!({
        "mode": state.config.auth.mode.as_str(),
        "subject": who.subject,
        "issuer": who.issuer,
        "name": who.name,
        "role": role_of(state, &who).map_or("none", Rank::word),
        "auth_time": who.auth_time,
        "now": iso(now),
        "session": {
            "began": iso(row.created_at),
            "idle_until": iso(row.idle_until),
            "absolute_until": iso(row.absolute_until),
            "idle_left_s": (row.idle_until - now) / 1_000,
            "absolute_left_s": (row.absolute_until - now) / 1_000,
        },
        "tenants": tenants,
    });
    Ok(Some(Json(answer).into_response()))
}
