//! Connections to a tenant: an API key, or tokens of an authorization (a family), sealed as one value. Tokens are refreshed by one
//! request of one server at a time, and where the tenant takes them no more, that is said once to all who hold them.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use storage::{Actor, Family, FamilyHolder, Grant, GrantKind, NewAudit, Renewal, Resealed, StoreError};
use tokio::time::Instant;
use trail::Target;

use crate::backend::{Key, Lent, Proof, TokenAnswer};
use crate::clock::iso;
use crate::fault::Fault;
use crate::seal::{Purpose, SealError};
use crate::{Engine, Tenant, jobs};

/// A token is refreshed when it ends within this, in milliseconds.
const AHEAD_MS: i64 = 120 * 1_000;
/// But not one that was given less than this ago, in milliseconds: a tenant may give out very short ones.
const YOUNG_MS: i64 = 5 * 1_000;
/// Whoever refreshes has so long, in milliseconds.
const LEASE_MS: i64 = 20 * 1_000;
/// Whoever waits for them waits so long.
const WAIT: Duration = Duration::from_secs(10);
/// And looks this often.
const LOOK: Duration = Duration::from_millis(100);
/// A tenant that does not answer is asked again after this, in milliseconds.
const AGAIN_MS: i64 = 30 * 1_000;
/// Writing renewed tokens down is tried so often.
const WRITE_TRIES: u32 = 5;
/// Taking a token back is tried so often.
const REVOKE_TRIES: u32 = 3;

/// Tokens of one authorization.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// Opens the tenant.
    pub access: SecretString,
    /// Brings the next ones; nothing where none was given.
    pub refresh: Option<SecretString>,
    /// When the access token ends, in milliseconds.
    pub expires_at: i64,
    /// When it was given, in milliseconds.
    pub issued_at: i64,
    /// What it is good for, separated by blanks.
    pub scope: String,
    /// Which authorization they come from.
    pub family: String,
    /// How often they were refreshed since.
    pub generation: i64,
}

/// What is held of a connection.
#[derive(Debug, Clone)]
pub enum Held {
    /// An API key, as it was typed.
    ApiKey(SecretString),
    /// Tokens.
    Tokens(Tokens),
}

/// How tokens are written before they are sealed.
#[derive(Serialize, Deserialize)]
struct Written<'a> {
    kind: &'a str,
    #[serde(borrow)]
    access: Cow<'a, str>,
    #[serde(borrow)]
    refresh: Option<Cow<'a, str>>,
    expires_at: i64,
    issued_at: i64,
    #[serde(borrow)]
    scope: Cow<'a, str>,
    #[serde(borrow)]
    family: Cow<'a, str>,
    generation: i64,
}

impl Held {
    /// As text, to be sealed. An API key is its own text.
    pub fn text(&self) -> SecretString {
        match self {
            Self::ApiKey(key) => key.clone(),
            Self::Tokens(tokens) => {
                let written = Written {
                    kind: "oauth",
                    access: tokens.access.expose_secret().into(),
                    refresh: tokens.refresh.as_ref().map(|token| token.expose_secret().into()),
                    expires_at: tokens.expires_at,
                    issued_at: tokens.issued_at,
                    scope: tokens.scope.as_str().into(),
                    family: tokens.family.as_str().into(),
                    generation: tokens.generation,
                };
                SecretString::from(serde_json::to_string(&written).unwrap_or_default())
            }
        }
    }

    /// From its text. No API key begins like tokens do.
    pub fn read(text: &SecretString) -> Self {
        match serde_json::from_str::<Written<'_>>(text.expose_secret()) {
            Ok(written) if written.kind == "oauth" => Self::Tokens(Tokens {
                access: SecretString::from(written.access.into_owned()),
                refresh: written.refresh.map(|token| SecretString::from(token.into_owned())),
                expires_at: written.expires_at,
                issued_at: written.issued_at,
                scope: written.scope.into_owned(),
                family: written.family.into_owned(),
                generation: written.generation,
            }),
            _ => Self::ApiKey(text.clone()),
        }
    }

    /// What opens the tenant as this Qlik user.
    pub fn key(&self, qlik_user: &str) -> Key {
        match self {
            Self::ApiKey(key) => Key::new(key.clone(), qlik_user),
            Self::Tokens(tokens) => tokens.key(qlik_user),
        }
    }
}

impl Tokens {
    /// What a tenant gave, as the `generation` of a family.
    pub fn of(answer: TokenAnswer, family: &str, generation: i64, now: i64) -> Self {
        Self {
            access: answer.access_token,
            // An empty one is none.
            refresh: answer.refresh_token.filter(|token| !token.expose_secret().is_empty()),
            expires_at: now + answer.expires_in.saturating_mul(1_000),
            issued_at: now,
            scope: answer.scope,
            family: family.to_owned(),
            generation,
        }
    }

    /// What opens the tenant as this Qlik user.
    pub fn key(&self, qlik_user: &str) -> Key {
        let lent = Lent { family: self.family.clone(), until: self.expires_at };
        Key::new(self.access.clone(), qlik_user).lent(lent)
    }

    /// Whether it is time to refresh them.
    pub fn are_due(&self, now: i64) -> bool {
        now >= self.expires_at || (self.expires_at - now <= AHEAD_MS && now - self.issued_at >= YOUNG_MS)
    }
}

/// Who holds tokens with their refresh token.
#[derive(Clone)]
pub enum Holder {
    /// A session.
    Session {
        /// Its key.
        key: Vec<u8>,
        /// What seals its credentials with the master key: only its cookie holds it.
        secret: [u8; 16],
    },
    /// A job.
    Job(String),
}

impl std::fmt::Debug for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Holder")
    }
}

/// Why there are no newer tokens.
#[derive(Debug, thiserror::Error)]
pub enum NotRenewed {
    /// The tenant takes them no more; that was said to all who held them.
    #[error("the connection has expired or was revoked")]
    Lost,
    /// The tenant does not answer, and what is held has ended.
    #[error("{0}")]
    Unanswered(Fault),
    /// Another credential took their place meanwhile.
    #[error("another connection took its place")]
    Replaced,
    /// They cannot be sealed or opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Holder {
    fn stored(&self) -> FamilyHolder<'_> {
        match self {
            Self::Session { key, .. } => FamilyHolder::Session(key),
            Self::Job(job) => FamilyHolder::Job(job),
        }
    }

    fn seal(&self, engine: &Engine, tenant: &str, tokens: &Tokens) -> Result<Resealed, SealError> {
        let text = Held::Tokens(tokens.clone()).text();
        let sealed = match self {
            Self::Session { secret, .. } => engine.sealer.seal(&text, Purpose::Session { secret }, tenant)?,
            Self::Job(job) => engine.sealer.seal(&text, Purpose::Grant, job)?,
        };
        Ok(Resealed { sealed: sealed.sealed, wrapped_key: sealed.wrapped_key })
    }

    /// What is held of a family now; nothing where nothing is held any more.
    async fn read(&self, engine: &Engine, tenant: &str, family: &str) -> Result<Option<Tokens>, NotRenewed> {
        let text = match self {
            Self::Session { key, secret } => match engine.store.credential(key, tenant).await? {
                Some(held) if held.family != family => return Err(NotRenewed::Replaced),
                Some(held) => engine.sealer.open(&held.sealed, &held.wrapped_key, Purpose::Session { secret }, tenant)?,
                None => return Ok(None),
            },
            Self::Job(job) => match engine.store.grant(job).await? {
                Some(held) if held.family != family => return Err(NotRenewed::Replaced),
                Some(held) => engine.sealer.open(&held.sealed, &held.wrapped_key, Purpose::Grant, job)?,
                None => return Ok(None),
            },
        };
        match Held::read(&text) {
            Held::Tokens(tokens) => Ok(Some(tokens)),
            Held::ApiKey(_) => Err(NotRenewed::Replaced),
        }
    }
}

/// Newer tokens than these, whoever gets them: one request at a time asks the tenant, on all servers, and the others wait for what it
/// brings. Where the tenant does not answer, those that are held serve as long as they last. Once begun it goes on to its end, also
/// where the browser that asked for it hangs up: what the tenant gave must not be lost.
pub async fn renew(
    engine: &Arc<Engine>,
    tenant: &Arc<Tenant>,
    holder: Holder,
    seen: Tokens,
    by: &Actor,
) -> Result<Tokens, NotRenewed> {
    let (engine, tenant, by) = (engine.clone(), tenant.clone(), by.clone());
    let errands = engine.errands.clone();
    let renewed = errands.spawn(async move { renew_to_the_end(&engine, &tenant, &holder, seen, &by).await });
    renewed.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a connection could not be renewed");
        Err(NotRenewed::Unanswered(Fault::Internal("The connection could not be renewed. Try again")))
    })
}

async fn renew_to_the_end(
    engine: &Engine,
    tenant: &Tenant,
    holder: &Holder,
    seen: Tokens,
    by: &Actor,
) -> Result<Tokens, NotRenewed> {
    let (mut seen, until) = (seen, Instant::now() + WAIT);
    loop {
        let now = engine.clock.now_ms();
        if let Some(family) = engine.store.lease_family(&seen.family, seen.generation, now, now + LEASE_MS).await? {
            return refresh(engine, tenant, holder, seen, (&family, now + LEASE_MS), by).await;
        }
        // First whether it is this one that is held: one that was lost may have been replaced.
        let held = holder.read(engine, &tenant.id, &seen.family).await?;
        let Some(family) = engine.store.family(&seen.family).await?.filter(|family| !family.is_lost) else {
            return Err(NotRenewed::Lost);
        };
        match held {
            Some(read) if read.generation > seen.generation => return Ok(read),
            Some(read) => seen = read,
            None => return Err(NotRenewed::Lost),
        }
        if family.again_at > now || Instant::now() >= until {
            return still(seen, now, Fault::Unreachable("it did not answer a moment ago".to_owned()));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What is held, as long as it lasts.
fn still(tokens: Tokens, now: i64, fault: Fault) -> Result<Tokens, NotRenewed> {
    if tokens.expires_at > now { Ok(tokens) } else { Err(NotRenewed::Unanswered(fault)) }
}

/// Asks the tenant, with the family's lease.
async fn refresh(
    engine: &Engine,
    tenant: &Tenant,
    holder: &Holder,
    seen: Tokens,
    (family, mine): (&Family, i64),
    by: &Actor,
) -> Result<Tokens, NotRenewed> {
    let Some(token) = &seen.refresh else { return lose(engine, tenant, holder, family, by).await };
    let mut answer = tenant.backend.tokens(Proof::Refresh(token)).await;
    // Where no answer came, the same token may be sent once more: it may not have arrived. Not where the lease ran out meanwhile.
    let later = engine.clock.now_ms();
    if answer.as_ref().is_err_and(is_passing) && engine.store.extend_family(family, mine, later + LEASE_MS).await? {
        answer = tenant.backend.tokens(Proof::Refresh(token)).await;
    }
    let now = engine.clock.now_ms();
    let answer = match answer {
        Ok(answer) => answer,
        Err(fault) if is_invalid_grant(&fault) => return lose(engine, tenant, holder, family, by).await,
        Err(fault) => {
            tracing::warn!(tenant = tenant.id, %fault, "the tenant did not refresh a connection");
            engine.store.release_family(family, now + AGAIN_MS).await?;
            return still(seen, now, fault);
        }
    };
    let mut next = Tokens::of(answer, &family.id, family.generation + 1, now);
    let rotated = next.refresh.clone();
    // Where no other refresh token comes, the one before goes on to serve.
    if next.refresh.is_none() {
        next.refresh.clone_from(&seen.refresh);
    }
    let record = record(tenant, by, family, now, "credential.refreshed", &format!("until {}", iso(next.expires_at)));
    let resealed = holder.seal(engine, &tenant.id, &next)?;
    let renewal = Renewal { family, holder: holder.stored(), resealed, expires_at: next.expires_at, record };
    let key = next.key(&family.qlik_user);
    let lend = |job: &str| {
        let sealed = engine.sealer.seal(key.secret(), Purpose::Grant, job).ok()?;
        Some(Resealed { sealed: sealed.sealed, wrapped_key: sealed.wrapped_key })
    };
    let mut tries = 1;
    let kept = loop {
        match engine.store.renew_family(&renewal, lend).await {
            // The tenant gives these tokens once.
            Err(error) if tries < WRITE_TRIES => {
                tracing::warn!(tenant = tenant.id, %error, tries, "renewed tokens were not written");
            }
            answer => break answer?,
        }
        tokio::time::sleep(LOOK * tries).await;
        tries += 1;
    };
    if !kept {
        let newer = newer(engine, tenant, holder, family).await;
        if let Ok(Some(newer)) = newer {
            return Ok(newer);
        }
        // Signed out meanwhile, or connected anew: what came is nobody's.
        if let Some(token) = rotated {
            revoke_to_the_end(tenant, &token).await;
        }
        return Err(newer.err().unwrap_or(NotRenewed::Lost));
    }
    tracing::info!(target: "quartermaster::security", event = "credential.refreshed", tenant = tenant.id, family = family.id);
    // What a job has for itself is lent to no other.
    if let Holder::Session { .. } = holder {
        jobs::wake(engine, tenant, &key).await?;
    }
    Ok(next)
}

/// What is held where a family was refreshed by somebody else since it was leased: this refresh was too slow, and the connection is well.
/// So it is where another took its place.
async fn newer(engine: &Engine, tenant: &Tenant, holder: &Holder, family: &Family) -> Result<Option<Tokens>, NotRenewed> {
    let held = holder.read(engine, &tenant.id, &family.id).await?;
    let now = engine.store.family(&family.id).await?;
    Ok(held.filter(|_| now.is_some_and(|now| !now.is_lost && now.generation != family.generation)))
}

/// Says to all who hold tokens of a family that they are worth nothing any more; what is held where only this token was too old.
async fn lose(engine: &Engine, tenant: &Tenant, holder: &Holder, family: &Family, by: &Actor) -> Result<Tokens, NotRenewed> {
    if let Some(newer) = newer(engine, tenant, holder, family).await? {
        return Ok(newer);
    }
    let now = engine.clock.now_ms();
    let reason = "expired, revoked or used elsewhere";
    let line = record(tenant, by, family, now, "credential.lost", reason);
    let jobs = engine.store.lose_family(family, now, &needs(tenant, &family.qlik_name), &line).await?;
    tracing::warn!(target: "quartermaster::security", event = "credential.lost", tenant = tenant.id, family = family.id, reason);
    for job in &jobs {
        jobs::ring(engine, job);
    }
    Err(NotRenewed::Lost)
}

fn record(tenant: &Tenant, by: &Actor, family: &Family, now: i64, action: &str, reason: &str) -> NewAudit {
    NewAudit {
        tenant: tenant.id.clone(),
        at: now,
        actor: by.clone(),
        action: action.to_owned(),
        target: Target::of("tenant", tenant.id.clone(), family.qlik_name.clone()),
        outcome: "done".to_owned(),
        reason: reason.to_owned(),
        ..NewAudit::default()
    }
}

/// What a job says that waits for somebody.
pub fn needs(tenant: &Tenant, name: &str) -> String {
    let name = if name.is_empty() { "its Qlik user" } else { name };
    format!("Needs {name}: their connection to {} has ended. The job goes on when they connect again.", tenant.name)
}

fn is_invalid_grant(fault: &Fault) -> bool {
    const WORD: &str = "invalid_grant";
    matches!(fault, Fault::Refused(refusal) if refusal.status < 500 && (refusal.code == WORD || refusal.title == WORD))
}

fn is_passing(fault: &Fault) -> bool {
    match fault {
        Fault::Refused(refusal) => refusal.status >= 500,
        Fault::Unreachable(_) | Fault::TimedOut(_) | Fault::Broken(_) => true,
        _ => false,
    }
}

/// Takes a token back at the tenant, beside whatever goes on. Where that does not work it ends by itself.
pub fn revoke(engine: &Arc<Engine>, tenant: &Arc<Tenant>, token: SecretString) {
    let tenant = tenant.clone();
    engine.errands.spawn(async move { revoke_to_the_end(&tenant, &token).await });
}

/// Takes back the connection that a job had for itself, if this grant was one: nobody needs it any more.
pub fn revoke_grant(engine: &Arc<Engine>, tenant: &Arc<Tenant>, job: &str, grant: Option<&Grant>) {
    if let Some(token) = grant.and_then(|grant| own_refresh_token(engine, job, grant)) {
        revoke(engine, tenant, token);
    }
}

async fn revoke_to_the_end(tenant: &Tenant, token: &SecretString) {
    for tried in 1..=REVOKE_TRIES {
        match tenant.backend.revoke(token).await {
            Ok(()) => return,
            Err(fault) => tracing::warn!(tenant = tenant.id, %fault, tried, "a connection could not be revoked at the tenant"),
        }
        tokio::time::sleep(Duration::from_secs(tried.into())).await;
    }
}

/// The refresh token of a grant that was given for a job alone; nothing where it is another, or its master key is gone.
pub fn own_refresh_token(engine: &Engine, job: &str, grant: &Grant) -> Option<SecretString> {
    if grant.kind != GrantKind::Own {
        return None;
    }
    let secret = engine.sealer.open(&grant.sealed, &grant.wrapped_key, Purpose::Grant, job).ok()?;
    if let Held::Tokens(tokens) = Held::read(&secret) { tokens.refresh } else { None }
}

/// What a job's grant holds of a family of its own.
pub fn own_grant(engine: &Engine, tokens: &Tokens, job: &str, until: i64) -> Result<Grant, SealError> {
    let Resealed { sealed, wrapped_key } = Holder::Job(job.to_owned()).seal(engine, "", tokens)?;
    Ok(Grant { sealed, wrapped_key, expires_at: until, family: tokens.family.clone(), kind: GrantKind::Own })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(expires_at: i64, issued_at: i64) -> Tokens {
        Tokens {
            access: SecretString::from("canary"),
            refresh: Some(SecretString::from("canary")),
            expires_at,
            issued_at,
            scope: "user_default".to_owned(),
            family: "f".to_owned(),
            generation: 3,
        }
    }

    #[test]
    fn tokens_are_read_as_they_were_written_and_an_api_key_is_itself() {
        let held = Held::Tokens(tokens(9, 1));
        assert!(!format!("{held:?}").contains("canary"));
        let Held::Tokens(read) = Held::read(&held.text()) else { panic!("not tokens") };
        assert_eq!((read.expires_at, read.issued_at, read.generation), (9, 1, 3));
        assert_eq!(read.refresh.map(|token| token.expose_secret().to_owned()).as_deref(), Some("canary"));
        for key in ["eyJhbGciOi", "{\"kind\":\"other\"}", ""] {
            assert!(matches!(Held::read(&SecretString::from(key)), Held::ApiKey(read) if read.expose_secret() == key));
        }
    }

    #[test]
    fn tokens_are_refreshed_two_minutes_ahead_and_not_over_and_over() {
        let hour = tokens(3_600_000, 0);
        assert!(!hour.are_due(3_600_000 - AHEAD_MS - 1) && hour.are_due(3_600_000 - AHEAD_MS));
        let short = tokens(10_000, 0);
        assert!(!short.are_due(YOUNG_MS - 1) && short.are_due(YOUNG_MS) && short.are_due(10_000));
        assert!(tokens(2_000, 0).are_due(2_000));
    }
}
