//! The site's files: inside the program where it was built so, from the site folder otherwise.

use axum::body::Bytes;
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

/// A file's bytes, and its hash where that is known without reading it.
type Found = (Bytes, Option<[u8; 32]>);

#[cfg(feature = "embed")]
async fn file(_: &AppState, path: &str) -> Option<Found> {
    let file = Site::get(path)?;
    let hash = file.metadata.sha256_hash();
    let bytes = match file.data {
        // Inside the program: neither copied nor hashed.
        std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        std::borrow::Cow::Owned(bytes) => Bytes::from(bytes),
    };
    Some((bytes, Some(hash)))
}

#[cfg(not(feature = "embed"))]
async fn file(state: &AppState, path: &str) -> Option<Found> {
    let inside = !path.split('/').any(|part| part.is_empty() || part.starts_with('.')) && !path.contains('\\');
    if !inside {
        return None;
    }
    let bytes = tokio::fs::read(std::path::Path::new(&*state.0.leptos.site_root).join(path)).await.ok()?;
    Some((bytes.into(), None))
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
            found = file(&state, &format!("{path}{ending}")).await.map(|file| (Some(name), file));
        }
    }
    if found.is_none() {
        found = file(&state, &path).await.map(|file| (None, file));
    }
    let Some((encoding, (bytes, hash))) = found else {
        return (StatusCode::NOT_FOUND, "There is no such file.\n").into_response();
    };
    // Names stay the same from build to build, so browsers ask each time and are told when nothing changed.
    let hash = hash.unwrap_or_else(|| Sha256::digest(&bytes).into());
    let hash: String = hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
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
