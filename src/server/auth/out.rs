//! Signing out: by oneself, everywhere, and because the provider says so.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::seal::Purpose as Seal;
use identity::Reason;
use identity::Trouble;
use identity::token::{Claims, Purpose};
use storage::{Ended, Ending, JobRow, NewAudit, StoreError};
use trail::Target;

use super::gate::see_other;
use super::oidc;
use super::page::{Form, Page};
use super::person::SignedIn;
use super::session::{Current, current, no_cookie};
use super::trail::{CameFrom, record, refused};
use super::{LEAVING, LOGIN, LOGOUT, SIGNED_OUT};
use crate::server::config::{AuthMode, EndSession};
use crate::server::connection::{all_tokens_of, take_back};
use crate::server::cookies;
use crate::server::sessions::secret_of;
use crate::server::state::Shared;
use crate::ui::query::from_query;

/// More than a logout token takes, in bytes.
const MOST: usize = 16 * 1_024;
/// A browser keeps what the provider wants to see for so long, in seconds; and no more of it than fits a cookie, in bytes.
const HINT_S: u32 = 60;
const HINT: usize = 3_500;

/// What somebody said with signing out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Said {
    /// On all devices.
    everywhere: bool,
    /// What becomes of jobs that hold a key: nothing was said, they go on, or they pause.
    jobs: Option<bool>,
}

impl Said {
    fn read(form: &str) -> Self {
        let pairs = from_query(form);
        let value = |key: &str| pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
        let jobs = match value("jobs") {
            Some("go-on") => Some(true),
            Some("pause") => Some(false),
            _ => None,
        };
        Self { everywhere: value("everywhere") == Some("1"), jobs }
    }
}

/// Whose session it is. Where nobody signs in, everybody is one person.
fn who_of(state: &Shared, session: &Current) -> SignedIn {
    match state.config.auth.mode {
        AuthMode::None => SignedIn::local(),
        // The layer in front of a proxy's portal lets nobody by with somebody else's session.
        AuthMode::Oidc(_) | AuthMode::Proxy(_) => session.remembered.who.clone().unwrap_or_default(),
    }
}

/// The jobs of somebody that hold a key, on all tenants.
async fn held_by(state: &Shared, principal: &str) -> Result<Vec<JobRow>, StoreError> {
    let now = state.engine.clock.now_ms();
    let mut held = Vec::new();
    for tenant in state.engine.tenants.keys() {
        let grants = state.engine.store.live_grants(tenant, now).await?;
        held.extend(grants.into_iter().map(|(job, ..)| job).filter(|job| job.author.principal == principal));
    }
    Ok(held)
}

/// `POST /auth/logout`.
pub async fn log_out(State(state): State<Shared>, request: Request) -> Response {
    let from = CameFrom::of(request.extensions(), request.headers());
    let (parts, body) = request.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, MOST).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let said = Said::read(&String::from_utf8_lossy(&bytes));
    match end_own(&state, &parts.headers, said, &from).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::error!(%error, "sign-out failed");
            let title = "The database does not answer, so you are still signed in.";
            let page = Page {
                title,
                text: vec!["Try again in a moment.".to_owned()],
                links: vec![("/".to_owned(), "Go to start")],
                ..Page::default()
            };
            page.answer(StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}

async fn end_own(state: &Shared, headers: &HeaderMap, said: Said, from: &CameFrom) -> Result<Response, StoreError> {
    let now = state.engine.clock.now_ms();
    let mut response = see_other(SIGNED_OUT);
    let session = current(state, headers, now).await?;
    if let Some(session) = &session {
        let who = who_of(state, session);
        let principal = who.person().principal();
        let held = held_by(state, &principal).await?;
        match said.jobs {
            None if !held.is_empty() => {
                let to = if said.everywhere { format!("{LEAVING}?everywhere=1") } else { LEAVING.to_owned() };
                return Ok(see_other(&to));
            }
            Some(false) => pause(state, &held, &who, now).await?,
            Some(true) | None => {}
        }
        let ending = if said.everywhere { Ending::Everywhere(&principal) } else { Ending::One(&session.key) };
        let detail = if said.everywhere { "everywhere" } else { "" };
        let line = |_: &[Ended]| vec![record(now, "auth.sign_out", Some(&who), from, "done", detail)];
        // Only this session's can be opened, by its cookie; those of others end by themselves.
        let tokens = all_tokens_of(state, &session.id).await?;
        state.engine.store.end_sessions(&ending, now, line).await?;
        for (tenant, tokens) in tokens {
            take_back(state, &tenant, tokens).await?;
        }
        tracing::info!(target: "quartermaster::security", event = "auth.sign_out", subject = %who.subject, issuer = %who.issuer, address = %from.address, request = %from.request);
        if let Some(line) = hint_cookie(state, session) {
            response.headers_mut().append(header::SET_COOKIE, line);
        }
    }
    let headers = response.headers_mut();
    headers.extend(no_cookie(state).map(|line| (header::SET_COOKIE, line)));
    if state.is_secure() {
        headers.insert("clear-site-data", HeaderValue::from_static("\"cache\", \"storage\""));
    }
    Ok(response)
}

/// Takes the keys of jobs away, which pause.
async fn pause(state: &Shared, jobs: &[JobRow], who: &SignedIn, now: i64) -> Result<(), StoreError> {
    let reason = format!("{} revoked its key. Connect as the same Qlik user, then resume.", job_owner(who));
    for job in jobs {
        let Some(tenant) = state.engine.tenants.get(&job.tenant) else { continue };
        if engine::jobs::withdraw(&state.engine, tenant, &job.id, &reason).await? {
            let line = NewAudit {
                tenant: job.tenant.clone(),
                at: now,
                actor: job.author.clone(),
                action: "revoke key".to_owned(),
                target: Target::of("job", job.id.clone(), job.title.clone()),
                job: job.id.clone(),
                outcome: "done".to_owned(),
                reason: "the job pauses".to_owned(),
                ..NewAudit::default()
            };
            state.engine.store.audit(&[line]).await?;
        }
    }
    Ok(())
}

fn job_owner(who: &SignedIn) -> &str {
    if who.issuer.is_empty() { "Its author" } else { who.called() }
}

/// `GET /auth/leaving`: what becomes of the jobs of somebody who signs out.
pub async fn leaving(State(state): State<Shared>, request: Request) -> Response {
    let said = Said::read(request.uri().query().unwrap_or_default());
    let headers = request.headers().clone();
    let found = async {
        let Some(session) = current(&state, &headers, state.engine.clock.now_ms()).await? else { return Ok(None) };
        held_by(&state, &who_of(&state, &session).person().principal()).await.map(Some)
    };
    let held: Vec<JobRow> = match found.await {
        Ok(Some(held)) => held,
        Ok(None) => return see_other(SIGNED_OUT),
        Err(error) => {
            tracing::error!(%error, "the database does not answer");
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    };
    let count = domain::text::count(i64::try_from(held.len()).unwrap_or(i64::MAX), "job", "jobs");
    let title = format!("{count} of yours still {} a key.", if held.len() == 1 { "holds" } else { "hold" });
    Page {
        title: &title,
        text: vec!["Keep them running after you sign out?".to_owned()],
        names: (!held.is_empty()).then(|| ("Jobs", held.into_iter().map(|job| job.title).collect())),
        form: Some(Form {
            action: LOGOUT,
            hidden: if said.everywhere { vec![("everywhere", "1".to_owned())] } else { Vec::new() },
            secret: None,
            wrong: None,
            buttons: vec![("jobs", "go-on", "Sign out, keep jobs running"), ("jobs", "pause", "Sign out and pause jobs")],
        }),
        links: vec![("/".to_owned(), "Cancel")],
        ..Page::default()
    }
    .answer(StatusCode::OK)
}

fn hint_name(state: &Shared) -> &'static str {
    if state.is_secure() { "__Host-quartermaster-sign-out" } else { "quartermaster-sign-out" }
}

fn hint_line(state: &Shared, value: &str, age_s: u32) -> Option<HeaderValue> {
    let secure = if state.is_secure() { "; Secure" } else { "" };
    let name = hint_name(state);
    HeaderValue::from_str(&format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age_s}{secure}")).ok()
}

/// What the provider wants to see goes with the browser to the page that leads there. What is too long for a cookie stays behind.
fn hint_cookie(state: &Shared, session: &Current) -> Option<HeaderValue> {
    let (sealer, hint) = (&state.engine.sealer, &session.remembered.hint);
    let plain = sealer.open_text(hint, Seal::Hint { secret: &secret_of(&session.id) }, "hint").ok()?;
    let sealed = sealer.seal_text(&plain, Seal::Login, hint_name(state)).ok()?;
    (sealed.len() <= HINT).then(|| hint_line(state, &sealed, HINT_S))?
}

/// `GET /auth/signed-out`: says so, and leads on to the provider to sign out there too.
pub async fn signed_out(State(state): State<Shared>, headers: HeaderMap) -> Response {
    let (mut on, mut removed) = (None, None);
    if let Some((oidc, provider)) = oidc::at(&state)
        && oidc.end_session != EndSession::Off
        && let Ok(metadata) = provider.metadata(state.engine.clock.now_ms()).await
        && let Some(mut url) = metadata.end_session.clone()
    {
        let hint = cookies::value(&headers, hint_name(&state))
            .and_then(|sealed| state.engine.sealer.open_text(sealed, Seal::Login, hint_name(&state)).ok())
            .and_then(|plain| String::from_utf8(plain.to_vec()).ok());
        url.query_pairs_mut().append_pair("client_id", &oidc.client_id);
        if let Some(hint) = hint {
            url.query_pairs_mut().append_pair("id_token_hint", &hint);
            removed = hint_line(&state, "", 0);
        }
        on = Some(url.to_string());
    }
    if let AuthMode::Proxy(proxy) = &state.config.auth.mode {
        on = Some(proxy.sign_out_url.clone()).filter(|url| !url.is_empty());
    }
    let signs_in = !matches!(state.config.auth.mode, AuthMode::None);
    let again = if signs_in { (LOGIN.to_owned(), "Sign in again") } else { ("/connect".to_owned(), "Connect again") };
    let mut links = vec![again];
    links.extend(on.clone().map(|to| (to, "Sign out at the company sign-in")));
    let text =
        if on.is_some() { "You are being signed out at the company sign-in as well." } else { "You can close this window." };
    let page = Page { title: "You have signed out.", text: vec![text.to_owned()], links, on, ..Page::default() };
    let mut response = page.answer(StatusCode::OK);
    response.headers_mut().extend(removed.map(|line| (header::SET_COOKIE, line)));
    response
}

/// `POST /auth/backchannel-logout`: the provider says that somebody signed out there.
pub async fn backchannel(State(state): State<Shared>, request: Request) -> Response {
    let Some((oidc, _)) = oidc::at(&state).filter(|(oidc, _)| oidc.backchannel_logout) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let skew_ms = i64::from(oidc.clock_skew_s) * 1_000;
    let from = CameFrom::of(request.extensions(), request.headers());
    // Every answer here is `no-store`, as all are that are not files.
    let bad = || (StatusCode::BAD_REQUEST, axum::Json(serde_json::json!({ "error": "invalid_request" }))).into_response();
    let claims = match read_logout(&state, request).await {
        Ok(claims) => claims,
        Err(reason) => {
            refused(&state, "auth.backchannel_logout.refused", reason, &from, "").await;
            return bad();
        }
    };
    match end_by_provider(&state, &claims, skew_ms, &from).await {
        Ok(true) => StatusCode::OK.into_response(),
        Ok(false) => {
            refused(&state, "auth.backchannel_logout.refused", Reason::Replay, &from, "").await;
            bad()
        }
        Err(error) => {
            tracing::error!(%error, "sign-out failed");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

/// The one logout token of a request, verified.
async fn read_logout(state: &Shared, request: Request) -> Result<Claims, Reason> {
    let form = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).is_some_and(|kind| {
        kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
    });
    let (_, provider) = oidc::at(state).filter(|_| form).ok_or(Reason::Malformed)?;
    let bytes = axum::body::to_bytes(request.into_body(), MOST).await.map_err(|_| Reason::TooLarge)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Reason::Malformed)?;
    let pairs = from_query(text);
    let mut tokens = pairs.iter().filter(|(name, _)| name == "logout_token");
    let (Some((_, token)), None) = (tokens.next(), tokens.next()) else { return Err(Reason::Malformed) };
    provider.verify(token, Purpose::Logout, state.engine.clock.now_ms()).await.map_err(|trouble| match trouble {
        Trouble::Refused(reason) | Trouble::Unreachable(reason, _) => reason,
        Trouble::Provider(_) => Reason::ProviderError,
    })
}

/// Ends what a logout token names. `false` where it came before.
async fn end_by_provider(state: &Shared, claims: &Claims, skew_ms: i64, from: &CameFrom) -> Result<bool, StoreError> {
    let now = state.engine.clock.now_ms();
    let issuer = oidc::at(state).map_or("", |(oidc, _)| oidc.issuer.as_str());
    let subject = claims.subject.as_deref();
    let which = match (&claims.sid, subject) {
        (Some(sid), subject) => Ending::Sid { issuer, sid, subject },
        (None, Some(subject)) => Ending::Subject { issuer, subject },
        // The verifier takes no token that names neither.
        (None, None) => return Ok(false),
    };
    let absolute_ms = i64::from(state.config.auth.session.absolute_s) * 1_000;
    let until = (now + absolute_ms).max(claims.expires.saturating_mul(1_000).saturating_add(skew_ms));
    let who = SignedIn { issuer: issuer.to_owned(), subject: subject.unwrap_or_default().to_owned(), ..SignedIn::default() };
    let line = |ended: &[Ended]| {
        let told = domain::text::count(i64::try_from(ended.len()).unwrap_or(i64::MAX), "session ended", "sessions ended");
        let who = subject.map(|_| &who);
        vec![record(now, "auth.backchannel_logout", who, from, "done", told)]
    };
    let id = claims.id.as_deref().unwrap_or_default();
    let ended = state.engine.store.log_out(&which, id, until, now, line).await?;
    if let Some(ended) = &ended {
        tracing::info!(target: "quartermaster::security", event = "auth.backchannel_logout", issuer, sessions = ended.len(), address = %from.address, request = %from.request);
    }
    Ok(ended.is_some())
}

#[cfg(test)]
mod tests {
    use super::Said;

    #[test]
    fn what_is_said_is_said_exactly() {
        assert_eq!(Said::read(""), Said::default());
        assert_eq!(Said::read("everywhere=1&jobs=pause"), Said { everywhere: true, jobs: Some(false) });
        assert_eq!(Said::read("everywhere=yes&jobs=stop"), Said::default());
        assert_eq!(Said::read("jobs=go-on").jobs, Some(true));
    }
}
