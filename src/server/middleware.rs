//! What stands before every room: host check, CSRF check, headers, who calls, and where the unconnected are sent.

use axum::extract::{Request, State as AxumState};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use storage::NewAudit;
use tower_sessions::Session;

use super::access::{Caller, Rank, session_id};
use super::sessions::session_key;
use super::state::Shared;

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
    if state.config.public_url.starts_with("https://") {
        put(header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains");
    }
    response
}

/// Refuses requests for another host: a page that resolves its own name to this address must not get in (DNS rebinding).
pub async fn host(AxumState(state): AxumState<Shared>, request: Request, next: Next) -> Response {
    let wanted = state.config.public_url.split_once("://").map_or("", |(_, host)| host);
    let given = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .or_else(|| request.uri().authority().map(axum::http::uri::Authority::as_str));
    if given.is_some_and(|given| given.eq_ignore_ascii_case(wanted)) {
        return next.run(request).await;
    }
    (
        StatusCode::MISDIRECTED_REQUEST,
        format!("This is Quartermaster at {}. It does not answer for another host.\n", state.config.public_url),
    )
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

/// Refuses every unsafe request that does not come from the portal's own pages.
pub async fn csrf(AxumState(state): AxumState<Shared>, request: Request, next: Next) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if safe || comes_from_here(request.headers(), &state.config.public_url) {
        return next.run(request).await;
    }
    let line = NewAudit {
        tenant: String::new(),
        at: state.clock.now_ms(),
        actor: "unknown".to_owned(),
        action: "refuse".to_owned(),
        target: request.uri().path().chars().take(200).collect(),
        job: String::new(),
        outcome: "refused".to_owned(),
        detail: "not from the portal's own pages (CSRF check)".to_owned(),
    };
    if let Err(error) = state.store.audit(&[line]).await {
        tracing::error!(%error, "the refusal could not be recorded");
    }
    (StatusCode::FORBIDDEN, "Refused: this request did not come from Quartermaster's own pages.\n").into_response()
}

/// Finds out who calls, and sends those without a credential for a tenant's pages to the connect page.
pub async fn caller(AxumState(state): AxumState<Shared>, session: Session, mut request: Request, next: Next) -> Response {
    // `auth.mode = "none"`: whoever reaches the loopback address may do everything their Qlik credential may.
    request.extensions_mut().insert(Caller { session: session.clone(), rank: Rank::Admin, name: String::new() });
    if request.method() == Method::GET
        && let Some(to) = detour(&state, &session, request.uri()).await
    {
        return Redirect::to(&to).into_response();
    }
    next.run(request).await
}

async fn detour(state: &Shared, session: &Session, uri: &Uri) -> Option<String> {
    let path = uri.path();
    let connected = async |tenant: &str| -> bool {
        let Some(id) = session_id(session).await else { return false };
        state.store.credential(&session_key(&id), tenant).await.ok().flatten().is_some()
    };
    if path == "/" {
        for tenant in state.tenants.keys() {
            if connected(tenant).await {
                return Some(format!("/t/{tenant}/overview"));
            }
        }
        return Some("/connect".to_owned());
    }
    let tenant = path.strip_prefix("/t/")?.split('/').next()?;
    if !state.tenants.contains_key(tenant) || connected(tenant).await {
        return None;
    }
    let back = crate::ui::query::escape(uri.path_and_query().map_or(path, |whole| whole.as_str()));
    Some(format!("/connect?tenant={tenant}&back={back}"))
}

/// A path of this portal to go back to; anything that could lead elsewhere becomes `None`.
pub fn own_path(back: &str) -> Option<&str> {
    let ours = back.starts_with("/t/") && !back.contains(['\\', '\r', '\n', '\0']) && !back.contains("//");
    ours.then_some(back)
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
    fn the_way_back_stays_here() {
        assert_eq!(own_path("/t/a/overview?x=1"), Some("/t/a/overview?x=1"));
        for evil in ["//evil", "/\\evil", "https://evil", "/t//evil", "/t/\\evil", "javascript:alert(1)", ""] {
            assert_eq!(own_path(evil), None, "{evil}");
        }
    }
}
