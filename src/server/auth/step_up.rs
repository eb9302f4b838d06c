//! `/auth/step-up`: whoever applies a plan that takes much confirms first that it is them, for that plan alone. At the provider where
//! people sign in at one; by the tenant's key otherwise.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::gate::{see_other, who_is};
use super::oidc;
use super::page::{Form, Page};
use super::person::SignedIn;
use super::proxy::Asserted;
use super::qlik;
use super::session::{self, Beginning, Current, current};
use super::trail::{CameFrom, count};
use super::{LOGIN, STEP_UP};
use crate::error::AppError;
use crate::server::keys::whose;
use crate::server::state::Shared;
use crate::ui::query::{escape, from_query};

/// More than a key and an id take, in bytes.
const MOST: usize = 16 * 1_024;

/// A plan that somebody confirms for.
#[derive(Debug, Clone)]
pub struct PlanOf {
    /// Of which tenant.
    pub tenant: String,
    /// What it does, as its hash.
    pub hash: String,
    /// The job of it that is to be handed over; empty where the plan is to be applied.
    pub job: String,
}

impl PlanOf {
    /// What a confirmation for it is kept by.
    pub fn key(&self, plan: &str) -> String {
        let key = key(&self.tenant, plan, &self.hash);
        if self.job.is_empty() { key } else { handing_over(&key) }
    }

    /// Where they were, and come back to.
    pub fn back(&self, plan: &str) -> String {
        if self.job.is_empty() {
            format!("/t/{}/plans/{}", self.tenant, escape(plan))
        } else {
            format!("/t/{}/jobs/{}", self.tenant, escape(&self.job))
        }
    }
}

/// What a confirmation for a plan is kept by: a plan of another tenant may do the same, and needs its own.
pub fn key(tenant: &str, plan: &str, hash: &str) -> String {
    format!("{tenant} {plan} {hash}")
}

/// What a confirmation to hand over the job of a plan is kept by, of what one to apply it is.
pub fn handing_over(key: &str) -> String {
    format!("hand over {key}")
}

/// Why there is nothing to confirm.
enum Nothing {
    /// There is no such plan, or it is of a tenant that this session is not connected to.
    Unknown,
    /// Nobody is signed in.
    Nobody,
    /// The database does not answer.
    Store(storage::StoreError),
}

impl From<storage::StoreError> for Nothing {
    fn from(error: storage::StoreError) -> Self {
        Self::Store(error)
    }
}

impl Nothing {
    fn answer(self) -> Response {
        match self {
            Self::Nobody => see_other(&format!("{LOGIN}?back={}", escape("/"))),
            Self::Unknown => {
                let page =
                    Page { title: "There is no such plan.", links: vec![("/".to_owned(), "Go to start")], ..Page::default() };
                page.answer(StatusCode::NOT_FOUND)
            }
            Self::Store(error) => {
                tracing::error!(%error, "the database does not answer");
                StatusCode::SERVICE_UNAVAILABLE.into_response()
            }
        }
    }
}

/// Who asks, and for which plan.
async fn asked(
    state: &Shared,
    headers: &HeaderMap,
    asserted: Option<Asserted>,
    (plan, job): (&str, String),
) -> Result<(Current, PlanOf), Nothing> {
    let now = state.engine.clock.now_ms();
    let session = current(state, headers, now).await?.ok_or(Nothing::Nobody)?;
    who_is(state, session.remembered.who.clone(), asserted).ok_or(Nothing::Nobody)?;
    let store = &state.engine.store;
    let (tenant, hash) = store.plan_anywhere(plan).await?.ok_or(Nothing::Unknown)?;
    if !job.is_empty() && store.job(&tenant, &job).await?.is_none_or(|row| row.plan != plan) {
        return Err(Nothing::Unknown);
    }
    let connected = state.engine.tenants.contains_key(&tenant) && store.credential(&session.key, &tenant).await?.is_some();
    if connected { Ok((session, PlanOf { tenant, hash, job })) } else { Err(Nothing::Unknown) }
}

/// The value of `key` in a query or a form; empty where there is none.
fn value(query: &str, key: &str) -> String {
    from_query(query).into_iter().find(|(name, _)| name == key).map(|(_, value)| value).unwrap_or_default()
}

/// `GET /auth/step-up?plan=ID`.
pub async fn ask(State(state): State<Shared>, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let (plan, job) = (value(query, "plan"), value(query, "job"));
    let (from, headers) = (CameFrom::of(request.extensions(), request.headers()), request.headers().clone());
    let sent = qlik::Sent::of(&request);
    let asserted = request.extensions().get::<Asserted>().cloned();
    let (session, of) = match asked(&state, &headers, asserted, (&plan, job)).await {
        Ok(found) => found,
        Err(nothing) => return nothing.answer(),
    };
    if oidc::at(&state).is_some() {
        return oidc::confirm(&state, &headers, &from, (&session, &plan, &of)).await;
    }
    // Whoever connected by signing in at the tenant has no key to type.
    match state.engine.store.credential(&session.key, &of.tenant).await {
        Ok(Some(held)) if !held.family.is_empty() => qlik::confirm(&state, sent, (&session, &plan, &of)).await,
        _ => form(&state, &plan, &of, None).await,
    }
}

/// Asks for the key again.
async fn form(state: &Shared, plan: &str, of: &PlanOf, wrong: Option<String>) -> Response {
    let what = match state.engine.store.plan(&of.tenant, plan).await {
        Ok(Some(row)) => row.plan.takes(state.config.auth.plans.step_up_rows),
        _ => None,
    };
    let title = match what.filter(|_| of.job.is_empty()) {
        Some(what) => format!("Confirm it is you: {what}."),
        None => "Confirm it is you.".to_owned(),
    };
    let tenant = state.engine.tenants.get(&of.tenant).map_or(of.tenant.as_str(), |tenant| tenant.name.as_str());
    let status = if wrong.is_some() { StatusCode::FORBIDDEN } else { StatusCode::OK };
    let called = format!("API key for {tenant}");
    let back = of.back(plan);
    Page {
        title: &title,
        text: vec![
            "Type the key that you are connected with. It is checked with the tenant and counts for this plan only.".to_owned(),
        ],
        form: Some(Form {
            action: STEP_UP,
            hidden: vec![("plan", plan.to_owned()), ("job", of.job.clone())],
            secret: Some(("key", &called)),
            wrong,
            buttons: vec![("", "", "Confirm")],
        }),
        links: vec![(back, "Cancel")],
        ..Page::default()
    }
    .answer(status)
}

/// `POST /auth/step-up`, where nobody signs in at a provider: the key that this session is connected with.
pub async fn answer(State(state): State<Shared>, request: Request) -> Response {
    if oidc::at(&state).is_some() {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")]).into_response();
    }
    let from = CameFrom::of(request.extensions(), request.headers());
    let (parts, body) = request.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, MOST).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let typed = String::from_utf8_lossy(&bytes);
    let (plan, job, key) = (value(&typed, "plan"), value(&typed, "job"), value(&typed, "key"));
    let asserted = parts.extensions.get::<Asserted>().cloned();
    let (before, of) = match asked(&state, &parts.headers, asserted, (&plan, job)).await {
        Ok(found) => found,
        Err(nothing) => return nothing.answer(),
    };
    match confirmed(&state, before, (&plan, &of), &key, &from).await {
        Ok(cookie) => {
            let mut response = see_other(&of.back(&plan));
            response.headers_mut().extend(cookie.map(|cookie| (header::SET_COOKIE, cookie)));
            response
        }
        Err(error) => {
            count(&state, "auth.step_up.refused", "key", None, &from).await;
            form(&state, &plan, &of, Some(format!("{}. {}", error.what, error.why))).await
        }
    }
}

/// Goes on in a new session, confirmed, where the key is of the Qlik user that this one is connected as.
async fn confirmed(
    state: &Shared,
    before: Current,
    (plan, of): (&str, &PlanOf),
    key: &str,
    from: &CameFrom,
) -> Result<Option<axum::http::HeaderValue>, AppError> {
    let tenant = crate::server::access::known_tenant(state, &of.tenant)?;
    let who = before.remembered.who.clone().unwrap_or_else(SignedIn::local);
    let (_, me) = whose(state, &tenant, &who, key).await?;
    let held = state.engine.store.credential(&before.key, &of.tenant).await?;
    // Whoever connected by signing in at the tenant confirms there.
    if held.as_ref().is_some_and(|held| !held.family.is_empty()) {
        return Err(AppError::invalid("Not by a key", "You are connected by signing in at Qlik: confirm there."));
    }
    if held.is_none_or(|held| held.qlik_user != me.id) {
        return Err(AppError::invalid("It was not you who confirmed", format!("This key is {}'s.", me.name)));
    }
    let new = Beginning {
        who: &who,
        before: Some(before),
        sid: String::new(),
        begun_s: state.engine.clock.now_ms() / 1_000,
        hint: None,
        confirms: Some(of.key(plan)),
    };
    let begun = session::begin(state, new, from).await?;
    begun.map(|(_, cookie)| Some(cookie)).map_err(|_| AppError::signed_out("Sign in again. What you were writing is kept."))
}
