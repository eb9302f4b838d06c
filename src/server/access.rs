//! Authorisation as types: what a request may do is a value, and without it a service cannot be called.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use domain::inventory::Inventory;
use domain::touch::{Setting, Touch, Touches};
use engine::Tenant;
use engine::backend::{Key, Reader, Urgency};
use engine::connection::{Held, Holder, NotRenewed, Tokens, renew};
use engine::fault::Fault;
use engine::jobs::Acting;
use engine::readings::{Latest, Snapshot, Source};
use engine::seal::Purpose;
use leptos::prelude::{expect_context, use_context};
use leptos_axum::ResponseOptions;
use storage::{Actor, JobRow, NewAudit, session_name};
use tokio::sync::OnceCell;
use tower_sessions::Session;
use tower_sessions::session::Id;
use trail::Target;

use super::auth::person::SignedIn;
use super::auth::trail::{CameFrom, count, recorded};
use super::sessions::{secret_of, session_key};
use super::state::Shared;
use super::words::{not_read, told};
use super::zone::Zone;
use crate::error::{AppError, ErrorKind};
use crate::rank::Rank;

/// A portal role. Each includes those below it.
pub trait Role: Send + Sync + 'static {
    /// Its rank.
    const RANK: Rank;
}

/// Reads.
#[derive(Debug)]
pub struct Viewer;
/// Draws up and applies plans.
#[derive(Debug)]
pub struct Operator;
/// Changes settings of the tenant.
#[derive(Debug)]
pub struct Admin;

impl Role for Viewer {
    const RANK: Rank = Rank::Viewer;
}
impl Role for Operator {
    const RANK: Rank = Rank::Operator;
}
impl Role for Admin {
    const RANK: Rank = Rank::Admin;
}

/// Who sent the request, as the middleware found out.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The session, which may not exist yet.
    pub session: Session,
    /// The caller's rank in the portal.
    pub rank: Rank,
    /// The caller, by their id among the portal's users.
    pub principal: String,
    /// The caller's name in the portal; may be empty.
    pub name: String,
    /// Who the caller is, as they signed in.
    pub signed_in: SignedIn,
    /// Where the request came from.
    pub from: CameFrom,
    /// How the caller reads times.
    pub zone: Zone,
}

impl Caller {
    /// How the caller signed in, as records tell it; in the session with this key.
    pub fn recorded(&self, session: &[u8]) -> trail::Actor {
        trail::Actor {
            role: self.rank.word().to_owned(),
            session: session_name(session),
            ..recorded(&self.signed_in, &self.from)
        }
    }

    /// Refuses whoever has no session. Where nobody signs in, those who never connected have none, and nothing to see.
    pub async fn must_have_session(&self) -> Result<(), AppError> {
        if session_id(&self.session).await.is_some() { Ok(()) } else { Err(no_session()) }
    }

    /// Refuses whoever has a lower role than `needed`, and writes that down.
    pub async fn must_be(&self, state: &Shared, needed: Rank) -> Result<(), AppError> {
        let Some(why) = self.rank.lacks(needed) else { return Ok(()) };
        count(state, "authz.refused", needed.word(), Some(&self.signed_in), &self.from).await;
        Err(AppError::role(why))
    }
}

/// Leave to act on a tenant as a Qlik user, in the portal role `R`.
pub struct Access<R> {
    pub state: Shared,
    pub tenant: Arc<Tenant>,
    /// Who acts: the portal's user and the Qlik user.
    pub actor: Actor,
    key: Key,
    /// What the key was renewed from, where it is an access token; and the key that came of it, where this request renewed it.
    tokens: Option<Tokens>,
    secret: [u8; 16],
    renewed: OnceCell<Key>,
    /// The Qlik user's name.
    pub qlik_name: String,
    /// The session's key.
    pub session: Vec<u8>,
    /// Who sent the request.
    pub caller: Caller,
    /// How whoever looks reads times.
    pub zone: Zone,
    role: PhantomData<R>,
}

impl<R: Role> Access<R> {
    /// The first thing every server function does.
    pub async fn to(tenant: &str) -> Result<Self, AppError> {
        Self::find(tenant).await.map_err(refused)
    }

    /// The same for where a refusal is not the answer: leaves the answer's status alone.
    pub async fn find(tenant: &str) -> Result<Self, AppError> {
        let state = use_context::<Shared>().ok_or_else(no_session)?;
        Self::of(state, caller().await?, tenant).await
    }

    /// The same outside of a server function: for files that come and go.
    pub async fn of(state: Shared, caller: Caller, tenant: &str) -> Result<Self, AppError> {
        let tenant = known_tenant(&state, tenant)?;
        caller.must_be(&state, R::RANK).await?;
        let id = session_id(&caller.session).await.ok_or_else(|| not_connected(&tenant))?;
        let stored = state.engine.store.credential(&session_key(&id), &tenant.id).await?;
        let stored = stored.ok_or_else(|| not_connected(&tenant))?;
        let (sealer, of_session) = (&state.engine.sealer, secret_of(&id));
        let purpose = Purpose::Session { secret: &of_session };
        let secret = sealer.open(&stored.sealed, &stored.wrapped_key, purpose, &tenant.id).map_err(|_| not_connected(&tenant))?;
        if stored.is_lost {
            return Err(not_read(&Fault::Lost(tenant.name.clone())));
        }
        // Under a key that no longer seals: only here is the secret at hand that it takes to wrap it anew.
        if let Ok(Some(new)) = sealer.rewrap(&stored.wrapped_key, purpose, &tenant.id) {
            state.engine.store.rewrap_credential(&session_key(&id), &tenant.id, &stored.wrapped_key, &new).await?;
        }
        let actor = Actor::new(&caller.principal, &caller.name, &stored.qlik_user, &stored.qlik_name)
            .who(caller.recorded(&session_key(&id)));
        let (key, tokens) = match Held::read(&secret) {
            Held::ApiKey(key) => (Key::new(key, &stored.qlik_user), None),
            Held::Tokens(mut tokens) => {
                if tokens.are_due(state.engine.clock.now_ms()) {
                    let holder = Holder::Session { key: session_key(&id), secret: of_session };
                    tokens = match renew(&state.engine, &tenant, holder, tokens, &actor).await {
                        Ok(tokens) => tokens,
                        // By what took its place.
                        Err(NotRenewed::Replaced) => return Box::pin(Self::of(state.clone(), caller, &tenant.id)).await,
                        Err(error) => return Err(not_read(&not_renewed(&tenant, error))),
                    };
                }
                (tokens.key(&stored.qlik_user), Some(tokens))
            }
        };
        Ok(Self {
            state,
            tenant,
            actor,
            key,
            tokens,
            secret: of_session,
            renewed: OnceCell::new(),
            qlik_name: stored.qlik_name,
            session: session_key(&id),
            zone: caller.zone.clone(),
            caller,
            role: PhantomData,
        })
    }

    /// The key, and with it the Qlik user.
    fn key(&self) -> &Key {
        self.renewed.get().unwrap_or(&self.key)
    }

    /// Renews an access token that the tenant took no more before its time. `false` where there is nothing to renew.
    async fn renew_for(&self, fault: Option<&Fault>) -> Result<bool, Fault> {
        let (Some(401), Some(tokens)) = (fault.and_then(Fault::status), self.tokens.clone()) else { return Ok(false) };
        if self.renewed.initialized() {
            return Ok(false);
        }
        let holder = Holder::Session { key: self.session.clone(), secret: self.secret };
        let renewed = renew(&self.state.engine, &self.tenant, holder, tokens, &self.actor).await;
        let tokens = renewed.map_err(|error| not_renewed(&self.tenant, error))?;
        Ok(self.renewed.set(tokens.key(self.key.user())).is_ok())
    }

    /// The Qlik user's id.
    pub fn qlik_user(&self) -> &str {
        self.key.user()
    }

    /// The portal's user who acts, by their id.
    pub fn principal(&self) -> &str {
        &self.actor.principal
    }

    /// Refuses whoever has a lower role than `needed`, and writes that down.
    pub async fn must_be(&self, needed: Rank) -> Result<(), AppError> {
        self.caller.must_be(&self.state, needed).await
    }

    /// Whether a job is one's own: asked for by the same person, or done as the same Qlik user.
    pub fn is_own(&self, job: &JobRow) -> bool {
        job.author.principal == self.principal() || job.qlik_user == self.qlik_user()
    }

    /// Refuses to steer a job that is somebody else's to whoever is no admin.
    pub fn may_steer(&self, job: &JobRow) -> Result<(), AppError> {
        if self.is_own(job) || self.caller.rank >= Rank::Admin { Ok(()) } else { Err(AppError::role(NOT_YOURS)) }
    }

    /// Whether the session lives still, for what goes on after its request began.
    pub async fn is_live(&self) -> bool {
        self.state.engine.store.load_session(&self.session, self.now()).await.is_ok_and(|session| session.is_some())
    }

    /// Who acts, on which tenant.
    pub fn acting(&self) -> Acting {
        Acting { tenant: self.tenant.clone(), key: self.key().clone(), actor: self.actor.clone() }
    }

    /// Whoever looks reads as this.
    pub fn reader(&self) -> Reader {
        Reader { key: self.key().clone(), urgency: Urgency::Person }
    }

    /// Whose view of the tenant it is.
    pub fn source(&self) -> Source {
        Source { tenant: self.tenant.clone(), key: self.key().clone() }
    }

    /// What is known of the tenant now; waits a little for a first reading.
    pub async fn latest(&self, wait: Duration) -> Latest {
        let latest = self.state.engine.readings.get(&self.source(), wait).await;
        self.renewed_latest(latest).await
    }

    /// The same, and waits for no more than the first rows.
    pub async fn latest_so_far(&self, wait: Duration) -> Latest {
        let latest = self.state.engine.readings.get_partial(&self.source(), wait).await;
        self.renewed_latest(latest).await
    }

    /// Reads again where the last reading failed for want of a token: with the newest first, for the one of then may have been older.
    async fn renewed_latest(&self, latest: Latest) -> Latest {
        let fault = match &latest {
            Latest::Ready(_, fault) => fault.as_ref(),
            Latest::Failed(fault) => Some(fault),
            Latest::Loading(..) => None,
        };
        if self.tokens.is_none() || fault.and_then(Fault::status) != Some(401) {
            return latest;
        }
        let readings = &self.state.engine.readings;
        let mut read = readings.refresh(&self.source()).await;
        match self.renew_for(read.as_ref().err()).await {
            Ok(true) => read = readings.refresh(&self.source()).await,
            Ok(false) => {}
            Err(fault) => read = Err(fault),
        }
        match read {
            Ok(snapshot) => Latest::Ready(snapshot, None),
            Err(fault) => Latest::Failed(fault),
        }
    }

    /// A reading that was begun after this call.
    pub async fn refresh(&self) -> Result<Arc<Snapshot>, AppError> {
        let readings = &self.state.engine.readings;
        let mut read = readings.refresh(&self.source()).await;
        if self.renew_for(read.as_ref().err()).await.map_err(|fault| not_read(&fault))? {
            read = readings.refresh(&self.source()).await;
        }
        read.map_err(|fault| not_read(&fault))
    }

    /// Refuses whoever's key the tenant does not let in now, or does not show its groups: what others share is not theirs to change.
    pub async fn must_see_groups(&self, failed: &str) -> Result<(), AppError> {
        self.read(&[Touch::Setting(Setting::Groups)].into(), failed).await?;
        Ok(())
    }

    /// A reading at most `age_ms` old.
    pub async fn at_most(&self, age_ms: i64) -> Result<Arc<Snapshot>, AppError> {
        let readings = &self.state.engine.readings;
        let mut read = readings.at_most(&self.source(), age_ms).await;
        if self.renew_for(read.as_ref().err()).await.map_err(|fault| not_read(&fault))? {
            read = readings.at_most(&self.source(), age_ms).await;
        }
        read.map_err(|fault| not_read(&fault))
    }

    /// What is touched, as it is this moment. `what` fails, in words, where it cannot be read.
    pub async fn read(&self, touched: &Touches, what: &str) -> Result<Inventory, AppError> {
        let backend = &self.tenant.backend;
        let mut read = backend.read(&self.reader(), touched).await;
        if self.renew_for(read.as_ref().err()).await.map_err(|fault| told(what, &fault))? {
            read = backend.read(&self.reader(), touched).await;
        }
        read.map_err(|fault| told(what, &fault))
    }

    /// A record of the tenant's trail that something was done from here.
    pub fn record(&self, action: &str, target: Target) -> NewAudit {
        NewAudit {
            tenant: self.tenant.id.clone(),
            at: self.now(),
            actor: self.actor.clone(),
            action: action.to_owned(),
            target,
            request: self.caller.from.request.clone(),
            outcome: "done".to_owned(),
            ..NewAudit::default()
        }
    }

    /// Now.
    pub fn now(&self) -> i64 {
        self.state.engine.clock.now_ms()
    }
}

impl Access<Admin> {
    /// Whoever may do more may do less.
    pub fn as_operator(&self) -> Access<Operator> {
        Access {
            state: self.state.clone(),
            tenant: self.tenant.clone(),
            actor: self.actor.clone(),
            key: self.key().clone(),
            tokens: self.tokens.clone(),
            secret: self.secret,
            renewed: OnceCell::new(),
            qlik_name: self.qlik_name.clone(),
            session: self.session.clone(),
            caller: self.caller.clone(),
            zone: self.zone.clone(),
            role: PhantomData,
        }
    }
}

/// Why somebody may not pause, resume or cancel a job.
const NOT_YOURS: &str = "Someone else started this job, as another Qlik user. Needs the role admin.";

/// The caller of this request.
pub async fn caller() -> Result<Caller, AppError> {
    leptos_axum::extract::<axum::Extension<Caller>>().await.map(|axum::Extension(caller)| caller).map_err(|_| no_session())
}

/// A tenant of the configuration.
pub fn known_tenant(state: &Shared, id: &str) -> Result<Arc<Tenant>, AppError> {
    state.engine.tenants.get(id).cloned().ok_or_else(|| {
        let id = domain::text::shortened(id);
        AppError::not_found("Unknown tenant", format!("“{id}” is not configured. Choose a configured tenant."))
    })
}

/// The id of a session that exists in the store.
pub async fn session_id(session: &Session) -> Option<Id> {
    let id = session.id()?;
    // The cookie may name a session that is over.
    session.get_value("since").await.ok().flatten().map(|_| id)
}

/// Gives the answer the status that its error deserves: Leptos would send every failure as 500.
pub fn refused(error: AppError) -> AppError {
    // A form that was posted without a script is answered by a redirect back to its page; a status would undo that.
    let plain_form = use_context::<axum::http::request::Parts>().is_some_and(|parts| {
        let accepts = parts.headers.get(axum::http::header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        parts.method == axum::http::Method::POST && accepts.contains("text/html")
    });
    if plain_form {
        return error;
    }
    if let Some(response) = use_context::<ResponseOptions>()
        && let Ok(status) = axum::http::StatusCode::from_u16(error.kind.status())
    {
        response.set_status(status);
    }
    error
}

/// The shared state, where authorisation has happened or is not needed.
pub fn state() -> Shared {
    expect_context::<Shared>()
}

fn no_session() -> AppError {
    AppError::new(ErrorKind::NotConnected, "Signed out", "Open Quartermaster's start page and connect to a tenant.")
}

/// Why a token was not renewed. What cannot be opened or written down is a failure of ours.
fn not_renewed(tenant: &Tenant, error: NotRenewed) -> Fault {
    match error {
        NotRenewed::Lost | NotRenewed::Seal(_) => Fault::Lost(tenant.name.clone()),
        NotRenewed::Replaced => Fault::Internal("You connected anew meanwhile. Reload the page"),
        NotRenewed::Unanswered(fault) => fault,
        NotRenewed::Store(error) => {
            tracing::error!(%error, "the connection could not be renewed");
            Fault::Internal("The connection could not be renewed, since the database failed")
        }
    }
}

fn not_connected(tenant: &Tenant) -> AppError {
    AppError::new(ErrorKind::NotConnected, format!("Not connected to {}", tenant.name), "Connect to this tenant first.")
}
