//! The site's files: inside the program where it was built so, from the site folder otherwise.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::state::AppState;

#[cfg(feature = "embed")]
#[derive(rust_embed::RustEmbed)]
#[folder = "target/site"]
#[exclude = "*.d.ts*"]
struct Site;

#[cfg(feature = "embed")]
async fn file(_: &AppState, path: &str) -> Option<Vec<u8>> {
    Site::get(path).map(|file| file.data.into_owned())
}

#[cfg(not(feature = "embed"))]
async fn file(state: &AppState, path: &str) -> Option<Vec<u8>> {
    let inside = !path.split('/').any(|part| part.is_empty() || part.starts_with('.')) && !path.contains('\\');
    if !inside {
        return None;
    }
    tokio::fs::read(std::path::Path::new(&*state.0.leptos.site_root).join(path)).await.ok()
}

/// Answers with a file of the site, compressed as it was at build time where the browser takes that.
pub async fn serve(State(state): State<AppState>, request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/').to_owned();
    let accepts = |headers: &HeaderMap, name: &str| {
        headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).is_some_and(|value| {
            value
                .split(',')
                .any(|one| one.split(';').next().is_some_and(|one| one.trim() == name) && !one.replace(' ', "").contains(";q=0"))
        })
    };
    let mut found = None;
    for (name, ending) in [("br", ".br"), ("gzip", ".gz")] {
        if found.is_none() && accepts(request.headers(), name) {
            found = file(&state, &format!("{path}{ending}")).await.map(|bytes| (Some(name), bytes));
        }
    }
    if found.is_none() {
        found = file(&state, &path).await.map(|bytes| (None, bytes));
    }
    let Some((encoding, bytes)) = found else { return (StatusCode::NOT_FOUND, "There is no such file.\n").into_response() };
    // Names stay the same from build to build, so browsers ask each time and are told when nothing changed.
    let hash: String = Sha256::digest(&bytes).iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{hash}\"");
    let mut headers = HeaderMap::new();
    let kind = mime_guess::from_path(&path).first_or_octet_stream();
    let kind = if kind.type_() == "text" && kind.get_param("charset").is_none() {
        format!("{kind}; charset=utf-8")
    } else {
        kind.to_string()
    };
    for (name, value) in [
        (header::CONTENT_TYPE, kind.as_str()),
        (header::ETAG, &tag),
        (header::CACHE_CONTROL, "no-cache"),
        (header::VARY, "accept-encoding"),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    if request
        .headers()
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|known| known.split(',').any(|one| one.trim() == tag))
    {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, bytes).into_response()
}
