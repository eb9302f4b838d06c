//! Tables for the browser: an outline, then blocks of rows. In bytes, because a hundred thousand rows as text would be read and
//! written for seconds.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::readings::{Readings, Source};
use serde::Deserialize;

use super::OTHER_VERSION;
use crate::features::shared::refused_as_text as refused;
use crate::server::access::{Access, Caller, Viewer};
use crate::server::state::Shared;

/// Which part of a table, of which version.
#[derive(Debug, Deserialize)]
pub struct Which {
    /// Names the rows.
    pub version: u64,
    /// The place of a block's first row.
    #[serde(default)]
    pub first: u32,
}

impl Which {
    /// Rows in a block: what a slow machine takes in without dropping a frame that anybody would miss.
    pub const ROWS: u32 = 8_192;
}

/// Bytes for one person's browser, which keeps them in memory only. The version is in the address, so what it names never changes;
/// but it is one person's view, and for them alone.
pub fn bytes(bytes: Vec<u8>) -> Response {
    let cache = (header::CACHE_CONTROL, "private, no-store");
    ([(header::CONTENT_TYPE, "application/octet-stream"), cache], bytes).into_response()
}

/// The browser's version is not there any more: it asks for the page again, which names the new one.
pub fn other_version() -> Response {
    StatusCode::from_u16(OTHER_VERSION).unwrap_or(StatusCode::RESET_CONTENT).into_response()
}

/// What `read` finds of a tenant, in bytes; where it finds nothing there is another version.
pub async fn part(
    state: Shared,
    caller: Caller,
    tenant: &str,
    read: impl FnOnce(&Readings, &Source) -> Option<Vec<u8>>,
) -> Response {
    let access = match Access::<Viewer>::of(state, caller, tenant).await {
        Ok(access) => access,
        Err(error) => return refused(&error),
    };
    read(&access.state.engine.readings, &access.source()).map_or_else(other_version, bytes)
}
