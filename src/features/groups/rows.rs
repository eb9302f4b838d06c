//! The table of groups for the browser.

use axum::Router;
use axum::extract::{Extension, Path, Query};
use axum::response::Response;
use axum::routing::get;
use domain::groups::Table;
use domain::table::Travels as _;
use engine::readings::{Readings, Source};

use crate::features::table::{Which, part};
use crate::server::access::Caller;
use crate::server::state::{AppState, Shared};

/// The routes of this room that are no pages.
pub fn routes(state: &Shared) -> Router<AppState> {
    Router::new()
        .route("/rows/{tenant}/groups-outline", get(outline))
        .route("/rows/{tenant}/groups-block", get(block))
        .layer(Extension(state.clone()))
        .merge(super::files::routes(state))
}

fn table(readings: &Readings, source: &Source, version: u64) -> Option<std::sync::Arc<Table>> {
    Some(readings.find(source, |snapshot| snapshot.groups_version == version)?.groups.clone())
}

async fn outline(
    Extension(state): Extension<Shared>,
    Extension(caller): Extension<Caller>,
    Path(tenant): Path<String>,
    Query(which): Query<Which>,
) -> Response {
    part(state, caller, &tenant, |readings, source| Some(table(readings, source, which.version)?.outline_bytes())).await
}

async fn block(
    Extension(state): Extension<Shared>,
    Extension(caller): Extension<Caller>,
    Path(tenant): Path<String>,
    Query(which): Query<Which>,
) -> Response {
    part(state, caller, &tenant, |readings, source| {
        Some(table(readings, source, which.version)?.block_bytes(which.first, Which::ROWS))
    })
    .await
}
