//! `/auth/qlik/TENANT/…`: people connect by signing in at the tenant itself. The same dance as at the company's provider, with the
//! tenant's own authorization server; what it brings is bound to the session that asked for it.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::backend::{Authorize, Key, Person, Prompt, Proof, TokenAnswer};
use engine::connection::{Held, Tokens, own_grant, revoke, revoke_grant};
use engine::seal::Purpose as Seal;
use engine::{Tenant, fresh_id};
use identity::Reason;
use identity::secret::{challenge, hex, same};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use storage::{KeepRunning, NewAudit, StoreError};
use tower_sessions::session::Id;
use trail::Target;

use super::LOGIN;
use super::gate::{no_role, role_of, see_other, who_is};
use super::login::{Login, Purpose};
use super::oidc::Answer;
use super::page::Page;
use super::person::SignedIn;
use super::proxy::Asserted;
use super::session::{self, Beginning, Current, current};
use super::step_up::PlanOf;
use super::trail::CameFrom;
use crate::rank::Rank;
use crate::server::connection::{Connecting, family_of, keep};
use crate::server::paths::own_path;
use crate::server::sessions::secret_of;
use crate::server::state::Shared;
use crate::ui::query::{escape, from_query};
use told::{Failed, store_failed, told};

mod told;

/// From leaving for the tenant to coming back, in seconds.
const LOGIN_TTL_S: u32 = 600;
/// A connection that a job has for itself serves so long at most, in milliseconds.
const OWN_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// What somebody goes to a tenant for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errand {
    /// Which tenant.
    pub tenant: String,
    /// The session that asked, by the hash of its id, in hex; empty where there was none.
    pub session: String,
    /// The job that is to have a connection of its own; empty for a connection of the session.
    pub job: String,
    /// This session's word that it is to be connected as somebody else, sealed; empty where it said nothing.
    pub instead: String,
    /// What a confirmation is kept by, where they only confirm that it is them.
    pub confirms: String,
    /// They are not asked as long as the tenant knows them.
    pub silent: bool,
}

/// What of a request says who asks.
pub struct Sent {
    headers: HeaderMap,
    asserted: Option<Asserted>,
    from: CameFrom,
}

impl Sent {
    /// Of a request.
    pub fn of(request: &Request) -> Self {
        Self {
            headers: request.headers().clone(),
            asserted: request.extensions().get::<Asserted>().cloned(),
            from: CameFrom::of(request.extensions(), request.headers()),
        }
    }
}

/// Who asks.
struct Asking {
    tenant: Arc<Tenant>,
    who: SignedIn,
    rank: Rank,
    session: Option<Current>,
    from: CameFrom,
    headers: HeaderMap,
}

impl Asking {
    fn session_name(&self) -> String {
        self.session.as_ref().map(|session| hex(&session.key)).unwrap_or_default()
    }

    async fn find(state: &Shared, tenant: &str, sent: Sent) -> Result<Self, Response> {
        let Sent { headers, asserted, from } = sent;
        let tenant = state.engine.tenants.get(tenant).filter(|tenant| tenant.backend.signs_people_in());
        let Some(tenant) = tenant.cloned() else {
            let links = vec![("/connect".to_owned(), "Choose a tenant")];
            let page = Page { title: "There is no such tenant to sign in at.", links, ..Page::default() };
            return Err(page.answer(StatusCode::NOT_FOUND));
        };
        let session = match current(state, &headers, state.engine.clock.now_ms()).await {
            Ok(session) => session,
            Err(error) => return Err(store_failed(&error)),
        };
        let remembered = session.as_ref().and_then(|session| session.remembered.who.clone());
        let Some(who) = who_is(state, remembered, asserted) else {
            return Err(see_other(&format!("{LOGIN}?back={}", escape(&connect_page(&tenant)))));
        };
        let Some(rank) = role_of(state, &who) else { return Err(no_role(&who, false)) };
        Ok(Self { tenant, who, rank, session, from, headers })
    }
}

fn connect_page(tenant: &Tenant) -> String {
    format!("/connect?tenant={}", tenant.id)
}

fn address(tenant: &str, what: &str) -> String {
    format!("/auth/qlik/{tenant}/{what}")
}

/// `GET /auth/qlik/TENANT/connect?back=PATH`: leads to the tenant. With `job=ID`, for a connection that this job has for itself.
pub async fn connect(State(state): State<Shared>, Path(tenant): Path<String>, request: Request) -> Response {
    let asking = match Asking::find(&state, &tenant, Sent::of(&request)).await {
        Ok(asking) => asking,
        Err(response) => return response,
    };
    let pairs = from_query(request.uri().query().unwrap_or_default());
    let value = |key: &str| pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone()).unwrap_or_default();
    let job = value("job");
    let usual = if job.is_empty() { format!("/t/{tenant}/overview") } else { format!("/t/{tenant}/jobs/{}", escape(&job)) };
    // Only a tenant's page is a way back from here.
    let back = own_path(&value("back")).filter(|back| back.starts_with("/t/")).map_or(usual, ToOwned::to_owned);
    if !job.is_empty()
        && let Err(response) = may_keep(&state, &asking, &job).await
    {
        return response;
    }
    let instead: String = value("instead").chars().take(512).collect();
    let errand = Errand { tenant, session: asking.session_name(), silent: !job.is_empty(), job, instead, ..Errand::default() };
    leave(&state, &asking, back, errand)
}

/// Refuses whoever may not give a job a connection of its own: its author may, or whoever is the same Qlik user.
async fn may_keep(state: &Shared, asking: &Asking, job: &str) -> Result<(), Response> {
    let title = "There is no such job of yours that could go on without you.";
    let none = |status| {
        let links = vec![(format!("/t/{}/jobs", asking.tenant.id), "See the jobs")];
        Page { title, links, ..Page::default() }.answer(status)
    };
    if asking.rank < Rank::Operator {
        return Err(none(StatusCode::FORBIDDEN));
    }
    let store = &state.engine.store;
    let Some(session) = &asking.session else { return Err(none(StatusCode::NOT_FOUND)) };
    let found = async {
        let held = store.credential(&session.key, &asking.tenant.id).await?;
        Ok::<_, StoreError>(store.job(&asking.tenant.id, job).await?.zip(held))
    };
    match found.await {
        Ok(Some((row, held))) if row.qlik_user == held.qlik_user && !row.state.is_over() => Ok(()),
        Ok(_) => Err(none(StatusCode::NOT_FOUND)),
        Err(error) => Err(store_failed(&error)),
    }
}

/// Leaves for the tenant to have somebody confirm that it is them, for one plan.
pub async fn confirm(state: &Shared, sent: Sent, (session, plan, of): (&Current, &str, &PlanOf)) -> Response {
    let asking = match Asking::find(state, &of.tenant, sent).await {
        Ok(asking) => asking,
        Err(response) => return response,
    };
    let errand = Errand { tenant: of.tenant.clone(), session: hex(&session.key), confirms: of.key(plan), ..Errand::default() };
    leave(state, &asking, of.back(plan), errand)
}

fn leave(state: &Shared, asking: &Asking, back: String, errand: Errand) -> Response {
    let redirect_uri = format!("{}{}", state.config.server.public_url, address(&errand.tenant, "callback"));
    let prompt = match (&errand, errand.confirms.is_empty()) {
        (_, false) => Prompt::Again,
        (Errand { silent: true, .. }, true) => Prompt::None,
        _ => Prompt::Usual,
    };
    let now = state.engine.clock.now_ms();
    let left = Login::begin(redirect_uri, back, Purpose::Errand(errand), now).ok().and_then(|login| {
        let challenge = challenge(&login.verifier);
        let ask = Authorize { redirect_uri: &login.redirect_uri, state: &login.state, challenge: &challenge, prompt };
        Some((asking.tenant.backend.authorize(&ask)?, login))
    });
    let Some((to, login)) = left else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let mut response = see_other(&to);
    for line in login.keep(state, &asking.tenant.url, LOGIN_TTL_S, &asking.headers) {
        response.headers_mut().append(header::SET_COOKIE, line);
    }
    response
}

/// `GET /auth/qlik/TENANT/callback`: the tenant's answer.
pub async fn callback(State(state): State<Shared>, Path(tenant): Path<String>, request: Request) -> Response {
    // A router takes HEAD for GET; this one changes something.
    if request.method() != Method::GET {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET")]).into_response();
    }
    let asking = match Asking::find(&state, &tenant, Sent::of(&request)).await {
        Ok(asking) => asking,
        Err(response) => return response,
    };
    let Some(answer) = Answer::read(request.uri().query().unwrap_or_default()) else {
        return told(&state, &asking, Failed::Refused(Reason::State), None).await;
    };
    let Some((login, gone)) = Login::of(&state, &asking.tenant.url, &answer.state, &asking.headers) else {
        return told(&state, &asking, Failed::Refused(Reason::LoginCookie), None).await;
    };
    // Once begun it goes on to its end, also where the browser hangs up: what the tenant gives must not be lost.
    let coming = state.engine.errands.clone().spawn(async move {
        match come_back(&state, &asking, &answer, &login).await {
            Ok(response) => response,
            Err(failed) => told(&state, &asking, failed, Some(&login)).await,
        }
    });
    let mut response = coming.await.unwrap_or_else(|error| {
        tracing::error!(%error, "signing in at a tenant broke off");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    });
    // Used by now, whatever it led to.
    if let Some(gone) = gone {
        response.headers_mut().append(header::SET_COOKIE, gone);
    }
    response
}

async fn come_back(state: &Shared, asking: &Asking, answer: &Answer, login: &Login) -> Result<Response, Failed> {
    let now = state.engine.clock.now_ms();
    let ttl_ms = i64::from(LOGIN_TTL_S) * 1_000;
    if now - login.at > ttl_ms || login.at > now {
        return Err(Reason::ExpiredLogin.into());
    }
    let Purpose::Errand(errand) = &login.purpose else { return Err(Reason::LoginCookie.into()) };
    if errand.tenant != asking.tenant.id {
        return Err(Reason::LoginCookie.into());
    }
    if answer.iss.as_deref().is_some_and(|iss| iss.trim_end_matches('/') != asking.tenant.url) {
        return Err(Reason::IssParam.into());
    }
    let digest = hex(&Sha256::digest(login.state.as_bytes()));
    if !state.engine.store.use_once("state", &digest, now + ttl_ms).await? {
        return Err(Reason::Replay.into());
    }
    if !same(&asking.session_name(), &errand.session) {
        return Err(Failed::Ended);
    }
    let Some(code) = &answer.code else {
        let word = answer.error.clone().unwrap_or_default();
        if errand.silent {
            // They are not signed in at the tenant, or have not agreed there: then they are asked.
            return Ok(leave(state, asking, login.back.clone(), Errand { silent: false, ..errand.clone() }));
        }
        return Err(Failed::Tenant(word));
    };
    let proof = Proof::Code { code, verifier: &login.verifier, redirect_uri: &login.redirect_uri };
    let tokens = asking.tenant.backend.tokens(proof).await?;
    let token = tokens.refresh_token.as_ref().filter(|token| !token.expose_secret().is_empty()).unwrap_or(&tokens.access_token);
    let token = token.clone();
    let done = with_tokens(state, asking, login, errand, tokens).await;
    // What the tenant gave just now and nobody keeps.
    if !matches!(done, Ok((_, Kept::Yes))) {
        revoke(&state.engine, &asking.tenant, token);
    }
    done.map(|(response, _)| response)
}

/// Whether the tokens that came are somebody's.
enum Kept {
    /// A session's or a job's.
    Yes,
    /// They were good only for saying who came, or what they were for is over.
    No,
}

/// What came of signing in at the tenant.
struct Came {
    tokens: TokenAnswer,
    me: Person,
}

async fn with_tokens(
    state: &Shared,
    asking: &Asking,
    login: &Login,
    errand: &Errand,
    tokens: TokenAnswer,
) -> Result<(Response, Kept), Failed> {
    let me = asking.tenant.backend.who(&Key::of_a_stranger(tokens.access_token.clone())).await?;
    let came = Came { tokens, me };
    if !errand.confirms.is_empty() {
        return confirmed(state, asking, login, errand, came).await.map(|response| (response, Kept::No));
    }
    if !errand.job.is_empty() {
        return kept_running(state, asking, login, errand, came).await;
    }
    connected(state, asking, login, errand, came).await
}

/// Connects the session; first asks where it is connected as somebody else.
async fn connected(
    state: &Shared,
    asking: &Asking,
    login: &Login,
    errand: &Errand,
    came: Came,
) -> Result<(Response, Kept), Failed> {
    if let Some(session) = &asking.session
        && let Some(held) = state.engine.store.credential(&session.key, &asking.tenant.id).await?
        && held.qlik_user != came.me.id
        && said_instead(state, asking, errand).is_none_or(|said| said != came.me.id)
    {
        let response = ask_to_replace(state, asking, &session.id, (&held.qlik_name, &login.back), &came.me)?;
        return Ok((response, Kept::No));
    }
    Ok((keep_it(state, asking, &login.back, came).await?, Kept::Yes))
}

async fn keep_it(state: &Shared, asking: &Asking, back: &str, came: Came) -> Result<Response, Failed> {
    let mut response = see_other(back);
    let session = match &asking.session {
        Some(session) => session.id,
        None => {
            // Where nobody signs in, whoever connects first has no session yet.
            let (id, cookie) = begin(state, asking, None, None).await?;
            response.headers_mut().append(header::SET_COOKIE, cookie);
            id
        }
    };
    let now = state.engine.clock.now_ms();
    let tokens = Tokens::of(came.tokens, &fresh_id(), 0, now);
    let by = Connecting { who: &asking.who, rank: asking.rank, from: &asking.from, session };
    keep(state, &asking.tenant, by, &Held::Tokens(tokens), &came.me).await?;
    Ok(response)
}

/// Begins a session, in place of the one that is there.
async fn begin(
    state: &Shared,
    asking: &Asking,
    before: Option<Current>,
    confirms: Option<String>,
) -> Result<(Id, HeaderValue), Failed> {
    let new = Beginning {
        who: &asking.who,
        before,
        sid: String::new(),
        begun_s: state.engine.clock.now_ms() / 1_000,
        hint: None,
        confirms,
    };
    session::begin(state, new, &asking.from).await?.map_err(|_| Failed::Ended)
}

/// What a session's word that it is to be connected as somebody else is bound to.
fn instead_of(tenant: &Tenant) -> String {
    format!("connect instead\u{1f}{}", tenant.id)
}

/// Whom this session said that it is to be connected as, if it did.
fn said_instead(state: &Shared, asking: &Asking, errand: &Errand) -> Option<String> {
    let session = asking.session.as_ref()?;
    let purpose = Seal::Hint { secret: &secret_of(&session.id) };
    let plain = state.engine.sealer.open_text(&errand.instead, purpose, &instead_of(&asking.tenant)).ok()?;
    String::from_utf8(plain.to_vec()).ok()
}

/// Asks before the connection becomes that of somebody else, who came. What came with them is not kept: whoever says yes comes again,
/// and the tenant knows them.
fn ask_to_replace(
    state: &Shared,
    asking: &Asking,
    session: &Id,
    (was, back): (&str, &str),
    me: &Person,
) -> Result<Response, Failed> {
    let purpose = Seal::Hint { secret: &secret_of(session) };
    let sealed = state.engine.sealer.seal_text(me.id.as_bytes(), purpose, &instead_of(&asking.tenant));
    let sealed = sealed.map_err(|_| Reason::LoginCookie)?;
    let tenant = &asking.tenant.name;
    let title = format!("You are connected to {tenant} as {was}. Connect as {} instead?", me.name);
    let again = format!("{}?back={}&instead={sealed}", address(&asking.tenant.id, "connect"), escape(back));
    Ok(Page {
        title: &title,
        text: vec!["Drafts stay, and jobs continue as the Qlik user who started them.".to_owned()],
        links: vec![(again, "Connect instead"), (back.to_owned(), "Stay connected")],
        ..Page::default()
    }
    .answer(StatusCode::OK))
}

/// Goes on in a new session, confirmed, where it was the same Qlik user who signed in again just now.
async fn confirmed(state: &Shared, asking: &Asking, login: &Login, errand: &Errand, came: Came) -> Result<Response, Failed> {
    let Some(before) = current(state, &asking.headers, state.engine.clock.now_ms()).await? else { return Err(Failed::Ended) };
    // Only who it was counts, and when.
    let held = state.engine.store.credential(&before.key, &asking.tenant.id).await?;
    if held.is_none_or(|held| held.qlik_user != came.me.id) {
        return Err(Failed::Other(came.me.name));
    }
    let now_s = state.engine.clock.now_ms() / 1_000;
    let lasts = i64::from(state.config.auth.session.step_up_s);
    if came.tokens.auth_time.is_none_or(|at| (now_s - at).abs() > lasts) {
        return Err(Reason::AuthTime.into());
    }
    let (_, cookie) = begin(state, asking, Some(before), Some(errand.confirms.clone())).await?;
    let mut response = see_other(&login.back);
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

/// Gives a job a connection of its own: it goes on without whoever asked.
async fn kept_running(
    state: &Shared,
    asking: &Asking,
    login: &Login,
    errand: &Errand,
    came: Came,
) -> Result<(Response, Kept), Failed> {
    let (engine, now) = (&state.engine, state.engine.clock.now_ms());
    if came.tokens.refresh_token.as_ref().is_none_or(|token| token.expose_secret().is_empty()) {
        return Err(Failed::Tenant("no refresh token: the tenant's client needs the scope offline_access".to_owned()));
    }
    let job = engine.store.job(&asking.tenant.id, &errand.job).await?;
    let Some(job) = job.filter(|job| job.qlik_user == came.me.id) else {
        return Err(Failed::Other(came.me.name));
    };
    let Some(session) = &asking.session else { return Err(Failed::Ended) };
    if job.state.is_over() {
        return Ok((see_other(&login.back), Kept::No));
    }
    // What was so when they left may not be so any more.
    if let Err(response) = may_keep(state, asking, &job.id).await {
        return Ok((response, Kept::No));
    }
    let tokens = Tokens::of(came.tokens, &fresh_id(), 0, now);
    let grant = own_grant(engine, &tokens, &job.id, now + OWN_MS).map_err(|_| Reason::LoginCookie)?;
    let by = Connecting { who: &asking.who, rank: asking.rank, from: &asking.from, session: session.id };
    let line = NewAudit {
        tenant: asking.tenant.id.clone(),
        at: now,
        actor: by.actor(&came.me),
        action: "grant.made".to_owned(),
        target: Target::of("job", job.id.clone(), job.title.clone()),
        job: job.id.clone(),
        request: asking.from.request.clone(),
        outcome: "done".to_owned(),
        reason: "goes on without its author, for 30 days at most".to_owned(),
        ..NewAudit::default()
    };
    let family = family_of(&asking.tenant, &tokens, &came.me);
    let before = match engine.store.keep_running(&job.id, &grant, Some(&family), (&session.key, None), &line).await? {
        KeepRunning::Kept { before } => before,
        KeepRunning::Over => return Ok((see_other(&login.back), Kept::No)),
        KeepRunning::NoLeave => return Err(Failed::Ended),
    };
    revoke_grant(engine, &asking.tenant, &job.id, before.as_ref());
    tracing::info!(
        target: "quartermaster::security", event = "grant.made", tenant = %asking.tenant.id, job = %job.id,
        subject = %asking.who.subject, issuer = %asking.who.issuer, address = %asking.from.address, request = %asking.from.request
    );
    engine.jobs.notify_one();
    Ok((see_other(&login.back), Kept::Yes))
}
