//! The key of a job while it runs: an API key that serves for a day, or an access token that is renewed by whoever has its refresh token.

use std::sync::Arc;
use std::time::Duration;

use storage::{GrantKind, JobRow, StoreError};
use tokio::time::Instant;

use super::{Next, Run};
use crate::backend::{Key, Lent, Person};
use crate::connection::{Held, Holder, NotRenewed, needs, renew};
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
    /// Nothing until this person connects again, by name.
    InNeed(String),
    /// Nothing.
    Nothing,
}

/// Opens a job's grant. `refused`: the tenant took the newest token of it no more.
pub(super) async fn open(engine: &Arc<Engine>, tenant: &Arc<Tenant>, job: &JobRow, refused: bool) -> Result<Opened, StoreError> {
    let Some(grant) = engine.store.grant(&job.id).await? else { return Ok(Opened::Nothing) };
    let now = engine.clock.now_ms();
    if grant.kind == GrantKind::Unattended {
        return Ok(match engine.machines.open(tenant, now, refused).await {
            Ok((key, person)) => Opened::Machine(key, person),
            Err(fault) => Opened::NoMachine(fault),
        });
    }
    let Ok(secret) = engine.sealer.open(&grant.sealed, &grant.wrapped_key, Purpose::Grant, &job.id) else {
        return Ok(Opened::Nothing);
    };
    if grant.family.is_empty() {
        let serves = grant.expires_at > now;
        return Ok(if serves { Opened::Key(Key::new(secret, &job.qlik_user)) } else { Opened::Nothing });
    }
    let family = engine.store.family(&grant.family).await?;
    let name = family.map(|family| family.qlik_name).unwrap_or_default();
    if grant.expires_at <= now {
        return Ok(Opened::InNeed(name));
    }
    Ok(match (grant.kind, Held::read(&secret)) {
        (GrantKind::Own, Held::Tokens(tokens)) => {
            if !refused && !tokens.are_due(now) {
                return Ok(Opened::Key(tokens.key(&job.qlik_user)));
            }
            match renew(engine, tenant, Holder::Job(job.id.clone()), tokens.clone(), &job.author).await {
                Ok(tokens) => Opened::Key(tokens.key(&job.qlik_user)),
                Err(NotRenewed::Lost) => Opened::InNeed(name),
                // The tenant fails: what is sent with the old one says so, and is tried again.
                Err(NotRenewed::Unanswered(_)) => Opened::Key(tokens.key(&job.qlik_user)),
                Err(NotRenewed::Seal(_)) => Opened::Nothing,
                Err(NotRenewed::Store(error)) => return Err(error),
            }
        }
        _ => {
            let lent = Lent { family: grant.family, until: grant.expires_at };
            Opened::Key(Key::new(secret, &job.qlik_user).lent(lent))
        }
    })
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
                self.pause_in_need(&family.map(|family| family.qlik_name).unwrap_or_default()).await
            }
            Opened::InNeed(name) => self.pause_in_need(&name).await,
            // It was taken away meanwhile; the job was paused with it.
            Opened::Nothing => self.pause_in_need("").await,
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
    pub(super) async fn pause_in_need(&self, name: &str) -> Result<Next, StoreError> {
        if self.engine.store.pause_in_need(&self.claim, &needs(&self.tenant, name)).await? {
            return Ok(Next::Stop);
        }
        self.end_unread().await
    }
}
