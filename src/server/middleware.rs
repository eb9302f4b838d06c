//! What stands before every room: host check, CSRF check, headers, and what can be read at all.

use axum::extract::{Request, State as AxumState};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use storage::NewAudit;
use trail::Target;

use super::auth::trail::{CameFrom, RequestId, count, record};
use super::state::Shared;
use crate::error::AppError;

/// The largest form that is read: room for a hundred thousand rows selected one by one.
pub const MAX_FORM: usize = 12 * 1024 * 1024;

/// For what is not a page: nothing may load, nothing may frame it.
const BARE_CSP: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The policy of a page; `nonce` is fresh for every answer.
pub fn page_csp(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; \
         img-src 'self'; font-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'"
    )
}

/// Puts the security headers on every answer.
pub async fn headers(AxumState(state): AxumState<Shared>, request: Request, next: Next) -> Response {
    let asset = request.uri().path().starts_with("/pkg/") || request.uri().path() == "/favicon.svg";
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut put = |name: header::HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    put(header::CONTENT_SECURITY_POLICY, BARE_CSP);
    put(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // `no-referrer` would make browsers send `Origin: null` with forms, and the check below refuse them.
    put(header::REFERRER_POLICY, "same-origin");
    put(header::X_FRAME_OPTIONS, "DENY");
    put(header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    put(header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    put(header::HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
    if !asset {
        put(header::CACHE_CONTROL, "no-store");
    }
    if state.is_secure() {
        put(header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains");
    }
    response
}

/// Refuses requests for another host: a page that resolves its own name to this address must not get in (DNS rebinding).
pub async fn host(AxumState(state): AxumState<Shared>, request: Request, next: Next) -> Response {
    let wanted = state.config.server.public_url.split_once("://").map_or("", |(_, host)| host);
    let given = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .or_else(|| request.uri().authority().map(axum::http::uri::Authority::as_str));
    if given.is_some_and(|given| given.eq_ignore_ascii_case(wanted)) {
        return next.run(request).await;
    }
    let from = CameFrom::of(request.extensions(), request.headers());
    count(&state, "host.refused", "host", None, &from).await;
    (StatusCode::MISDIRECTED_REQUEST, format!("This server answers only as {}.\n", state.config.server.public_url))
        .into_response()
}

/// Whether an unsafe request comes from the portal's own pages. What cannot be told is refused.
fn comes_from_here(headers: &HeaderMap, public_url: &str) -> bool {
    let one = |name: &str| {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok(),
            _ => None,
        }
    };
    match (one("sec-fetch-site"), one("origin")) {
        // A sibling subdomain is `same-site`, and not us.
        (Some(site), Some(origin)) => site == "same-origin" && origin.eq_ignore_ascii_case(public_url),
        (Some(site), None) => site == "same-origin" && !headers.contains_key(header::ORIGIN),
        (None, Some(origin)) => origin.eq_ignore_ascii_case(public_url) && !headers.contains_key("sec-fetch-site"),
        (None, None) => false,
    }
}

/// Gives each request an id of ours, whatever it brings, and its answer the same.
pub async fn identified(mut request: Request, next: Next) -> Response {
    let id = engine::fresh_id();
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.run(request).await;
    response.headers_mut().extend(HeaderValue::from_str(&id).ok().map(|id| (HeaderName::from_static("x-request-id"), id)));
    response
}

/// Refuses every unsafe request that does not come from the portal's own pages.
pub async fn csrf(AxumState(state): AxumState<Shared>, request: Request, next: Next) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if safe || comes_from_here(request.headers(), &state.config.server.public_url) {
        return next.run(request).await;
    }
    let refused = (StatusCode::FORBIDDEN, "Rejected: request did not come from this site (CSRF check).\n").into_response();
    let now = state.engine.clock.now_ms();
    let from = CameFrom::of(request.extensions(), request.headers());
    tracing::warn!(target: "quartermaster::security", event = "csrf.refused", address = %from.address, request = %from.request);
    // Whoever reaches the port can send these as fast as they like; the trail is written to disk line by line.
    let Some(missed) = state.refusals.write_down(now, &format!("csrf {}", from.address)) else { return refused };
    let and_more = if missed == 0 { String::new() } else { format!("; {missed} more before it were not recorded one by one") };
    let reason = format!("not from the portal's own pages (CSRF check){and_more}");
    let line = record(now, "csrf.refused", None, &from, "refused", reason);
    let line = NewAudit { target: Target::named("address", request.uri().path()), ..line };
    if let Err(error) = state.engine.store.audit(&[line]).await {
        tracing::error!(%error, "the refusal could not be recorded");
    }
    refused
}

/// Refuses addresses that no page of ours has, and takes what no text has out of forms: a NUL, which databases do not take and
/// browsers drop.
pub async fn readable(request: Request, next: Next) -> Response {
    let uri = request.uri();
    if [Some(uri.path()), uri.query()].into_iter().flatten().any(|part| part.contains("%00")) {
        return (StatusCode::BAD_REQUEST, "There is a NUL character in the address; no address here has one.\n").into_response();
    }
    let form = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if !form {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, MAX_FORM).await else {
        return (
            StatusCode::PAYLOAD_TOO_LARGE,
            "The form is too large. Select fewer rows by hand, or import a list as a file.\n",
        )
            .into_response();
    };
    let bytes = if find(&bytes, b"%00") || bytes.contains(&0) { without_nul(&bytes).into() } else { bytes };
    next.run(Request::from_parts(parts, axum::body::Body::from(bytes))).await
}

fn find(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

fn without_nul(bytes: &[u8]) -> Vec<u8> {
    let mut clean = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        rest = match rest.strip_prefix(b"%00") {
            Some(after) => after,
            None if *first == 0 => after,
            None => {
                clean.push(*first);
                after
            }
        };
    }
    clean
}

/// For what is done by reading: a router takes HEAD for GET.
pub async fn get_only(request: Request, next: Next) -> Response {
    if request.method() == axum::http::Method::HEAD {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET")]).into_response();
    }
    next.run(request).await
}

/// Gives the answer of a server function whose arguments could not be read the status that it deserves: the framework sends
/// every failure as 500, and knows nothing of ours before the function runs.
pub async fn answered(request: Request, next: Next) -> Response {
    /// Errors are a few sentences.
    const MOST: usize = 64 * 1_024;
    let response = next.run(request).await;
    if response.status() != StatusCode::INTERNAL_SERVER_ERROR {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, MOST).await else {
        return Response::from_parts(parts, axum::body::Body::empty());
    };
    if let Ok(error) = serde_json::from_slice::<AppError>(&bytes)
        && let Ok(status) = StatusCode::from_u16(error.kind.status())
    {
        parts.status = status;
    }
    Response::from_parts(parts, axum::body::Body::from(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers_of(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn only_our_own_pages_may_write() {
        let us = "https://qm.example.com";
        let ok = |pairs: &[(&'static str, &'static str)]| comes_from_here(&headers_of(pairs), us);
        assert!(ok(&[("sec-fetch-site", "same-origin"), ("origin", us)]));
        assert!(ok(&[("sec-fetch-site", "same-origin")]));
        assert!(ok(&[("origin", us)]));
        assert!(!ok(&[]), "missing headers are refused");
        assert!(!ok(&[("sec-fetch-site", "same-site"), ("origin", "https://evil.example.com")]), "a sibling subdomain");
        assert!(!ok(&[("sec-fetch-site", "cross-site"), ("origin", us)]));
        assert!(!ok(&[("sec-fetch-site", "same-origin"), ("origin", "https://evil.example.com")]));
        assert!(!ok(&[("origin", "null")]));
        assert!(!ok(&[("sec-fetch-site", "none")]));
        assert!(!ok(&[("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-origin")]), "given twice");
        assert!(!ok(&[("origin", us), ("origin", us)]));
    }

    #[test]
    fn a_nul_is_no_part_of_a_form() {
        assert_eq!(without_nul(b"a=%00b%00&c\0=%0a"), b"a=b&c=%0a");
        assert!(find(b"a%00", b"%00") && !find(b"a%0", b"%00"));
    }
}
