//! Finds out who calls before anything else does: whoever has not signed in is led to do so, whoever has no role is told, and whoever
//! lacks a connection to a tenant goes to make one.

use axum::extract::{MatchedPath, Request, State as AxumState};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use tower_sessions::Session;

use super::LOGIN;
use super::page::Page;
use super::person::SignedIn;
use super::proxy::Asserted;
use super::trail::{CameFrom, count};
use crate::error::{AppError, ErrorKind};
use crate::rank::Rank;
use crate::server::access::{Caller, session_id};
use crate::server::config::AuthMode;
use crate::server::paths::own_path;
use crate::server::sessions::{person_of, session_key};
use crate::server::state::Shared;
use crate::server::zone::Zone;

/// Finds out who calls.
pub async fn caller(
    AxumState(state): AxumState<Shared>,
    session: Session,
    matched: Option<MatchedPath>,
    mut request: Request,
    next: Next,
) -> Response {
    let remembered = match person_of(&session).await {
        Ok(who) => who,
        Err(error) => return failed(&error),
    };
    let asserted = request.extensions().get::<Asserted>().cloned();
    let Some(who) = who_is(&state, remembered, asserted) else { return not_signed_in(&request, matched.as_ref()) };
    let from = CameFrom::of(request.extensions(), request.headers());
    let Some(rank) = role_of(&state, &who) else {
        count(&state, "authz.refused", "no role", Some(&who), &from).await;
        return no_role(&who, is_function(matched.as_ref()));
    };
    let name = if who.issuer.is_empty() { String::new() } else { who.called().to_owned() };
    let zone = Zone::of(request.headers());
    request.extensions_mut().insert(Caller {
        session: session.clone(),
        rank,
        principal: who.person().principal(),
        name,
        zone,
        from,
        signed_in: who,
    });
    if request.method() == Method::GET
        && let Some(to) = detour(&state, &session, request.uri()).await
    {
        return Redirect::to(&to).into_response();
    }
    next.run(request).await
}

/// Who somebody is: by what their session remembers, or as the proxy says with this request. A session of another time, when people
/// signed in elsewhere, names nobody.
pub fn who_is(state: &Shared, remembered: Option<SignedIn>, asserted: Option<Asserted>) -> Option<SignedIn> {
    match &state.config.auth.mode {
        // Whoever reaches the loopback address may do everything their Qlik credential may.
        AuthMode::None => Some(SignedIn::local()),
        AuthMode::Oidc(oidc) => remembered.filter(|who| who.method == "oidc" && who.issuer == oidc.issuer),
        AuthMode::Proxy(_) => asserted.map(|Asserted(who)| who).filter(|who| remembered.is_some_and(|old| old.is(who))),
    }
}

/// The role of somebody, by the configuration as it is now.
pub fn role_of(state: &Shared, who: &SignedIn) -> Option<Rank> {
    match state.config.auth.mode {
        AuthMode::None => Some(Rank::Admin),
        AuthMode::Oidc(_) | AuthMode::Proxy(_) => state.config.auth.roles.of(who),
    }
}

/// Whether a program asks, by the route that was found, never by the address as it was written.
fn is_function(matched: Option<&MatchedPath>) -> bool {
    matched.is_some_and(|path| ["/api/", "/rows/", "/events/"].iter().any(|begin| path.as_str().starts_with(begin)))
}

const ENDED: &str = "Your session has ended.";

/// The answer to somebody who may sign in first: pages lead there, functions say so.
fn not_signed_in(request: &Request, matched: Option<&MatchedPath>) -> Response {
    let login = |back: Option<&str>| format!("{LOGIN}?back={}", crate::ui::query::escape(back.and_then(own_path).unwrap_or("/")));
    if !is_function(matched) && matches!(*request.method(), Method::GET | Method::HEAD) {
        let here = request.uri().path_and_query().map(ToString::to_string);
        return see_other(&login(here.as_deref()));
    }
    let headers = request.headers();
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if *request.method() == Method::POST && accepts.contains("text/html") {
        // A form that was sent without a script. The policy of its page lets it lead nowhere but here, so this page leads on.
        let links = vec![(login(came_from(headers).as_deref()), "Sign in again")];
        let text = vec!["Nothing was changed. Sign in again, then repeat it.".to_owned()];
        return Page { title: ENDED, text, links, ..Page::default() }.answer(StatusCode::UNAUTHORIZED);
    }
    let error = AppError::signed_out("Sign in again. What you were writing is kept.");
    (StatusCode::UNAUTHORIZED, axum::Json(error)).into_response()
}

/// The path of the page that a request came from.
fn came_from(headers: &HeaderMap) -> Option<String> {
    let uri: Uri = headers.get(header::REFERER)?.to_str().ok()?.parse().ok()?;
    uri.path_and_query().map(ToString::to_string)
}

/// Leads on, whatever the method was.
pub fn see_other(to: &str) -> Response {
    Redirect::to(to).into_response()
}

pub fn no_role(who: &SignedIn, function: bool) -> Response {
    let title = format!("You are signed in as {}, and have no role in Quartermaster yet.", who.called());
    if function {
        let error = AppError::new(ErrorKind::Role, "No role in Quartermaster", title);
        return (StatusCode::FORBIDDEN, axum::Json(error)).into_response();
    }
    let groups = match (who.groups_elsewhere, who.groups.is_empty()) {
        (true, _) => "You are in more groups than the company sign-in tells at once, so none of them are known here.".to_owned(),
        (false, true) => "The company sign-in names no groups that you are in.".to_owned(),
        (false, false) => {
            "Send this to whoever runs Quartermaster. A role is given to one of these groups, or to you.".to_owned()
        }
    };
    let mut text = vec![groups, format!("Issuer: {}", who.issuer), format!("Subject: {}", who.subject)];
    if who.groups.is_empty() {
        text.insert(1, "Send this to whoever runs Quartermaster.".to_owned());
    }
    Page {
        title: &title,
        text,
        links: vec![(LOGIN.to_owned(), "Sign in again")],
        names: (!who.groups.is_empty()).then(|| ("Groups", who.groups.clone())),
        ..Page::default()
    }
    .answer(StatusCode::FORBIDDEN)
}

fn failed(error: &dyn std::fmt::Display) -> Response {
    tracing::error!(%error, "the session cannot be read");
    let page =
        Page { title: "The database does not answer.", text: vec!["Try again in a moment.".to_owned()], ..Page::default() };
    page.answer(StatusCode::SERVICE_UNAVAILABLE)
}

/// Where somebody goes instead who lacks a connection.
async fn detour(state: &Shared, session: &Session, uri: &Uri) -> Option<String> {
    let path = uri.path();
    let connected = async |tenant: &str| -> bool {
        let Some(id) = session_id(session).await else { return false };
        state.engine.store.credential(&session_key(&id), tenant).await.ok().flatten().is_some()
    };
    if path == "/" {
        for tenant in state.engine.tenants.keys() {
            if connected(tenant).await {
                return Some(format!("/t/{tenant}/overview"));
            }
        }
        return Some("/connect".to_owned());
    }
    let tenant = path.strip_prefix("/t/")?.split('/').next()?;
    if !state.engine.tenants.contains_key(tenant) || connected(tenant).await {
        return None;
    }
    let back = crate::ui::query::escape(uri.path_and_query().map_or(path, |whole| whole.as_str()));
    Some(format!("/connect?tenant={tenant}&back={back}"))
}
