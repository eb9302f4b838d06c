//! The table for the browser: an outline, then blocks of rows, then when people used Qlik last. In bytes, because a hundred
//! thousand rows as text would be read and written for seconds.

use axum::Router;
use axum::extract::{Extension, Path, Query};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::table::{Table, encode_uses};
use engine::readings::LastUse;
use serde::Deserialize;

use super::load::{FAILED, OTHER_VERSION};
use crate::features::shared::refused_as_text as refused;
use crate::server::access::{Access, Caller, Viewer};
use crate::server::state::{AppState, Shared};

/// Rows in a block: what a slow machine takes in without dropping a frame that anybody would miss.
const BLOCK: u32 = 8_192;

/// The routes of this room that are no pages.
pub fn routes(state: &Shared) -> Router<AppState> {
    Router::new()
        .route("/rows/{tenant}/outline", get(outline))
        .route("/rows/{tenant}/block", get(block))
        .route("/rows/{tenant}/use", get(last_use))
        .layer(Extension(state.clone()))
}

#[derive(Debug, Deserialize)]
struct Which {
    version: u64,
    #[serde(default)]
    first: u32,
}

fn bytes(bytes: Vec<u8>) -> Response {
    // The version is in the address, so what it names never changes; but it is one person's view, and for them alone.
    let cache = (header::CACHE_CONTROL, "private, no-store");
    ([(header::CONTENT_TYPE, "application/octet-stream"), cache], bytes).into_response()
}

/// The browser's version is not there any more: it asks for the page again, which names the new one.
fn other_version() -> Response {
    StatusCode::from_u16(OTHER_VERSION).unwrap_or(StatusCode::RESET_CONTENT).into_response()
}

/// What a part of the rows of the version in the address comes to, in bytes.
async fn part(state: Shared, caller: Caller, tenant: &str, version: u64, read: impl FnOnce(&Table) -> Vec<u8>) -> Response {
    let access = match Access::<Viewer>::of(state, caller, tenant).await {
        Ok(access) => access,
        Err(error) => return refused(&error),
    };
    match access.state.engine.readings.version(&access.source(), version) {
        Some(snapshot) => bytes(read(&snapshot.table)),
        None => other_version(),
    }
}

async fn outline(
    Extension(state): Extension<Shared>,
    Extension(caller): Extension<Caller>,
    Path(tenant): Path<String>,
    Query(which): Query<Which>,
) -> Response {
    part(state, caller, &tenant, which.version, |table| table.outline().encode()).await
}

async fn block(
    Extension(state): Extension<Shared>,
    Extension(caller): Extension<Caller>,
    Path(tenant): Path<String>,
    Query(which): Query<Which>,
) -> Response {
    part(state, caller, &tenant, which.version, |table| table.block(which.first, BLOCK).encode()).await
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
