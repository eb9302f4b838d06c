//! The key of a job while it runs: an API key that serves for a day, or an access token that is renewed by whoever has its refresh token.

use std::sync::Arc;
use std::time::Duration;

use storage::{Grant, GrantKind, InNeed, JobRow, StoreError};
use tokio::time::Instant;

use super::{Failure, Next, Run};
use crate::backend::{Key, Lent, Person};
use crate::connection::{Held, Holder, NotRenewed, needs, renew, revoke_grant};
use crate::fault::Fault;
use crate::seal::Purpose;
use crate::{Engine, Tenant};

/// A newer token is looked for when this one ends within so long, in milliseconds, and this often.
const AHEAD_MS: i64 = 120 * 1_000;
const LOOK: Duration = Duration::from_secs(1);

/// What a job's grant opens.
#[derive(Debug)]
pub(super) enum Opened {
    /// The tenant, by this key.
    Key(Key),
    /// The tenant, by the portal's own client there, which is this user.
    Machine(Key, Person),
    /// Nothing, since the tenant does not take the portal's own client: why.
    NoMachine(Fault),
    /// The tenant, by this key, once it answers: the key has ended, and the tenant does not give the next one.
    Away(Key, Fault),
    /// Nothing until this person connects again.
    InNeed(Lost),
    /// Nothing.
    Nothing,
}

/// A credential that is worth nothing any more.
#[derive(Debug)]
pub(super) struct Lost {
    /// Its family.
    pub(super) family: String,
    /// Whose it was, by name.
    pub(super) name: String,
}

/// Opens a job's grant. `refused`: the tenant took the newest token of it no more.
pub(super) async fn open(engine: &Arc<Engine>, tenant: &Arc<Tenant>, job: &JobRow, refused: bool) -> Result<Opened, StoreError> {
    /// Nobody gives a job one credential after the other for longer.
    const TRIES: u32 = 3;
    for _ in 0..TRIES {
        if let Some(opened) = open_once(engine, tenant, job, refused).await? {
            return Ok(opened);
        }
    }
    Ok(Opened::Nothing)
}

/// The same; nothing where another credential took the place of the one that was there.
async fn open_once(
    engine: &Arc<Engine>,
    tenant: &Arc<Tenant>,
    job: &JobRow,
    refused: bool,
) -> Result<Option<Opened>, StoreError> {
    let Some(grant) = engine.store.grant(&job.id).await? else { return Ok(Some(Opened::Nothing)) };
    let now = engine.clock.now_ms();
    if grant.kind == GrantKind::Unattended {
        return Ok(Some(match engine.machines.open(tenant, now, refused).await {
            Ok((key, person)) => Opened::Machine(key, person),
            Err(fault) => Opened::NoMachine(fault),
        }));
    }
    let Ok(secret) = engine.sealer.open(&grant.sealed, &grant.wrapped_key, Purpose::Grant, &job.id) else {
        return Ok(Some(Opened::Nothing));
    };
    if grant.family.is_empty() {
        let serves = grant.expires_at > now;
        return Ok(Some(if serves { Opened::Key(Key::new(secret, &job.qlik_user)) } else { Opened::Nothing }));
    }
    let family = engine.store.family(&grant.family).await?;
    let lost = Lost { family: grant.family.clone(), name: family.map(|family| family.qlik_name).unwrap_or_default() };
    if grant.expires_at <= now {
        return Ok(Some(Opened::InNeed(lost)));
    }
    Ok(Some(match (grant.kind, Held::read(&secret)) {
        (GrantKind::Own, Held::Tokens(tokens)) => {
            if !refused && !tokens.are_due(now) {
                return Ok(Some(Opened::Key(tokens.key(&job.qlik_user))));
            }
            match renew(engine, tenant, Holder::Job(job.id.clone()), tokens.clone(), &job.author).await {
                // The same as before: the tenant did not answer when it was asked for the next one.
                Ok(same) if refused && same.generation == tokens.generation => {
                    Opened::Away(same.key(&job.qlik_user), Fault::Unreachable("it did not renew the job's connection".to_owned()))
                }
                Ok(tokens) => Opened::Key(tokens.key(&job.qlik_user)),
                Err(NotRenewed::Replaced) => return Ok(None),
                Err(NotRenewed::Lost) => Opened::InNeed(lost),
                Err(NotRenewed::Unanswered(fault)) => Opened::Away(tokens.key(&job.qlik_user), fault),
                Err(NotRenewed::Seal(_)) => Opened::Nothing,
                Err(NotRenewed::Store(error)) => return Err(error),
            }
        }
        _ => {
            let lent = Lent { family: grant.family, until: grant.expires_at };
            Opened::Key(Key::new(secret, &job.qlik_user).lent(lent))
        }
    }))
}

impl Run<'_> {
    fn lent(&self) -> Option<Lent> {
        self.key.as_ref()?.get().lent_from().cloned()
    }

    /// Whether the job's key is an access token.
    pub(super) fn is_lent(&self) -> bool {
        self.lent().is_some()
    }

    /// Sees to it that the key still opens the tenant, before something is sent or read.
    pub(super) async fn hold_key(&mut self) -> Result<Next, StoreError> {
        let Some(lent) = self.lent() else { return Ok(Next::On) };
        let left = lent.until - self.engine.clock.now_ms();
        if left > AHEAD_MS || (left > 0 && self.looked_for_key.is_some_and(|at| at.elapsed() < LOOK)) {
            return Ok(Next::On);
        }
        self.looked_for_key = Some(Instant::now());
        self.another_key(false).await
    }

    /// Takes a newer token where somebody got one. Where the one at hand opens nothing any more, the job waits for its Qlik user.
    pub(super) async fn another_key(&mut self, refused: bool) -> Result<Next, StoreError> {
        let Some(before) = self.lent() else { return Ok(Next::On) };
        let (tenant, job) = (self.tenant.clone(), self.job.clone());
        match self.holding(open(self.engine, &tenant, &job, refused)).await?? {
            Opened::NoMachine(fault) => self.pause_without_machine(&fault).await,
            Opened::Key(key) | Opened::Machine(key, _) => {
                let is_newer = key.lent_from().is_none_or(|lent| lent.family != before.family || lent.until > before.until);
                if let Some(shared) = self.key.as_ref().filter(|_| is_newer) {
                    shared.put(key);
                }
                let still_serves = !refused && before.until > self.engine.clock.now_ms();
                if is_newer || still_serves {
                    return Ok(Next::On);
                }
                let family = self.engine.store.family(&before.family).await?;
                let name = family.map(|family| family.qlik_name).unwrap_or_default();
                self.pause_in_need(&Lost { family: before.family, name }).await
            }
            // What it had for itself goes on to be its own: only the tenant is away.
            Opened::Away(_, fault) => self.wait_out(&Failure { status: None, ..Failure::from(&fault) }).await,
            Opened::InNeed(lost) => self.pause_in_need(&lost).await,
            // It was taken away meanwhile; the job was paused with it.
            Opened::Nothing => self.pause_in_need(&Lost { family: before.family, name: String::new() }).await,
        }
    }

    /// The tenant does not take the portal's own client: somebody has to see to it.
    pub(super) async fn pause_without_machine(&self, fault: &Fault) -> Result<Next, StoreError> {
        let tenant = &self.tenant;
        let why = match fault {
            Fault::Refused(refusal) => format!("It answered {} {}.", refusal.status, refusal.code),
            other => other.why(),
        };
        let reason = format!(
            "{} did not accept the unattended credential. {why} Check [tenants.{}.unattended] in the configuration. \
             No progress was lost: resume when it is fixed, or cancel.",
            tenant.name, tenant.id
        );
        self.pause(&reason).await
    }

    /// The job waits until its Qlik user connects again. Nothing is lost: what was sent is settled then.
    pub(super) async fn pause_in_need(&self, lost: &Lost) -> Result<Next, StoreError> {
        let revoke = |erased: Option<&Grant>| revoke_grant(self.engine, &self.tenant, &self.job.id, erased);
        match self.engine.store.pause_in_need(&self.claim, &lost.family, &needs(&self.tenant, &lost.name)).await? {
            InNeed::Paused { erased } => {
                revoke(erased.as_ref());
                Ok(Next::Stop)
            }
            InNeed::Cancelling { erased } => {
                revoke(erased.as_ref());
                self.end_unread().await
            }
            // It goes on by that.
            InNeed::Replaced => Ok(Next::On),
        }
    }
}
