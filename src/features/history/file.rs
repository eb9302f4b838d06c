//! What changed between two moments as a file.

use std::time::Duration;

use axum::Router;
use axum::extract::{Extension, Path, RawQuery};
use axum::http::header;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::import::{Field, write};
use domain::text::{count, whole};
use engine::readings::Latest;
use storage::NewAudit;
use trail::Target;

use super::service::{all, let_in};
use super::view::Span;
use crate::error::AppError;
use crate::features::shared::refused_as_text;
use crate::server::access::{Access, Caller, Viewer};
use crate::server::middleware;
use crate::server::state::{AppState, Shared};
use crate::server::words::not_read;

const HEADINGS: [&str; 9] =
    ["Kind", "ID", "Name", "Change", "Details", "Roles added", "Roles removed", "Between (UTC)", "Changed by"];

/// The routes of this room that are no pages.
pub fn routes(state: &Shared) -> Router<AppState> {
    Router::new()
        .route("/export/{tenant}/history.csv", get(take))
        .layer(from_fn(middleware::get_only))
        .layer(Extension(state.clone()))
}

async fn take(
    Extension(state): Extension<Shared>,
    Extension(caller): Extension<Caller>,
    Path(tenant): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    match taken(state, caller, &tenant, &query.unwrap_or_default()).await {
        Ok(bytes) => {
            let kind = (header::CONTENT_TYPE, "text/csv; charset=utf-8");
            ([kind, (header::CONTENT_DISPOSITION, "attachment; filename=\"group-history.csv\"")], bytes).into_response()
        }
        Err(error) => refused_as_text(&error),
    }
}

async fn taken(state: Shared, caller: Caller, tenant: &str, query: &str) -> Result<Vec<u8>, AppError> {
    let access = Access::<Viewer>::of(state, caller, tenant).await?;
    let snapshot = match access.latest(Duration::from_secs(20)).await {
        Latest::Ready(snapshot, fault) => {
            let_in(fault.as_ref().map(not_read).as_ref())?;
            snapshot
        }
        Latest::Failed(fault) => return Err(not_read(&fault)),
        Latest::Loading(..) => return Err(AppError::invalid("The tenant is still loading", "Try the export again in a moment.")),
    };
    let rows = all(&access, &Span::read(query), &snapshot).await?;
    let record = NewAudit {
        reason: count(whole(rows.len() as u64), "change", "changes"),
        ..access.record("export", Target::named("groups", "history of groups"))
    };
    access.state.engine.store.audit(&[record]).await?;
    let lines = rows.iter().map(|row| row.iter().map(|cell| Field::new(cell)).collect::<Vec<_>>());
    Ok(write(&HEADINGS, lines))
}
