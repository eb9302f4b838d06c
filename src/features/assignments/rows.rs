//! The table of people and licenses for the browser: rows, then when people used Qlik last.

use axum::Router;
use axum::extract::{Extension, Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::assignments::encode_uses;
use domain::table::Travels as _;
use engine::readings::LastUse;

use super::uses::FAILED;
use crate::features::shared::refused_as_text as refused;
use crate::features::table::{Which, bytes, other_version, part};
use crate::server::access::{Access, Caller, Viewer};
use crate::server::state::{AppState, Shared};

/// The routes of this room that are no pages.
pub fn routes(state: &Shared) -> Router<AppState> {
    Router::new()
        .route("/rows/{tenant}/outline", get(outline))
        .route("/rows/{tenant}/block", get(block))
        .route("/rows/{tenant}/use", get(last_use))
        .layer(Extension(state.clone()))
}

async fn outline(
    Extension(state): Extension<Shared>,
    Extension(caller): Extension<Caller>,
    Path(tenant): Path<String>,
    Query(which): Query<Which>,
) -> Response {
    part(state, caller, &tenant, |readings, source| Some(readings.version(source, which.version)?.table.outline_bytes())).await
}

async fn block(
    Extension(state): Extension<Shared>,
    Extension(caller): Extension<Caller>,
    Path(tenant): Path<String>,
    Query(which): Query<Which>,
) -> Response {
    let rows = |table: &domain::assignments::Table| table.block_bytes(which.first, Which::ROWS);
    part(state, caller, &tenant, |readings, source| Some(rows(&readings.version(source, which.version)?.table))).await
}

/// 200 with the column, 202 while it is being read, with a word where the newest try failed, 204 where the key may not read it.
async fn last_use(
    Extension(state): Extension<Shared>,
    Extension(caller): Extension<Caller>,
    Path(tenant): Path<String>,
    Query(which): Query<Which>,
) -> Response {
    let access = match Access::<Viewer>::of(state, caller, &tenant).await {
        Ok(access) => access,
        Err(error) => return refused(&error),
    };
    let source = access.source();
    let known = access.state.engine.readings.last_use(&source);
    let Some(snapshot) = access.state.engine.readings.version(&source, which.version) else { return other_version() };
    match (snapshot.table.uses(), known) {
        (Some(uses), _) => bytes(encode_uses(uses)),
        (None, LastUse::Closed) => StatusCode::NO_CONTENT.into_response(),
        (None, LastUse::Failed) => (StatusCode::ACCEPTED, FAILED).into_response(),
        (None, LastUse::Known | LastUse::Reading) => StatusCode::ACCEPTED.into_response(),
    }
}
