//! What a plan needs besides somebody who applies it: the right role, a confirmation that it is them, a second person's word.

use domain::plan::Plan;
use domain::text;
use storage::{Approval, Leave, NewAudit, PlanRow};
use trail::Target;

use super::service::{find, job_of};
use super::view::SecondView;
use crate::error::{AppError, ErrorKind};
use crate::rank::Rank;
use crate::server::access::{Access, Operator, Role};
use crate::server::auth::step_up;

/// Refuses a plan that changes how the tenant works to whoever may not do that.
pub(super) async fn must_fit(access: &Access<Operator>, plan: &Plan) -> Result<(), AppError> {
    if plan.changes_settings() { access.must_be(Rank::Admin).await } else { Ok(()) }
}

/// How long a second person's word holds, in milliseconds.
const APPROVED_MS: i64 = 24 * 60 * 60 * 1_000;

/// A second person's word for a plan, where it needs one.
pub(super) enum Second {
    /// It needs none.
    NotNeeded,
    /// It waits for one.
    Missing,
    /// It has one.
    Given(Approval),
}

impl Second {
    pub(super) async fn of<R: Role>(access: &Access<R>, row: &PlanRow) -> Result<Self, AppError> {
        let least = access.state.config.auth.plans.four_eyes_rows as usize;
        if least == 0 || row.plan.changes.len() <= least {
            return Ok(Self::NotNeeded);
        }
        let since = access.now() - APPROVED_MS;
        let found = access.state.engine.store.approval(&row.id, &row.plan.hash(), since).await?;
        Ok(found.map_or(Self::Missing, Self::Given))
    }

    /// Why this person may not apply the plan now; nothing where they may.
    pub(super) fn stops_apply(&self, principal: &str) -> Option<&'static str> {
        match self {
            Self::Missing => Some("Someone else with the role operator or admin has to approve this plan first."),
            Self::Given(approval) if approval.principal == principal => {
                Some("You approved this plan, so someone else has to apply it.")
            }
            Self::NotNeeded | Self::Given(_) => None,
        }
    }

    /// As the plan's page shows it; nothing where none is needed.
    pub(super) fn shown<R: Role>(&self, access: &Access<R>, row: &PlanRow) -> Option<SecondView> {
        let given = match self {
            Self::NotNeeded => return None,
            Self::Missing => None,
            Self::Given(approval) => Some(format!("Approved by {} on {}.", approval.name, access.zone.date_time(approval.at))),
        };
        Some(SecondView {
            hash: row.plan.hash(),
            given,
            not_approve: stops_approval(row, access.principal()).map(ToOwned::to_owned),
            not_apply: self.stops_apply(access.principal()).map(ToOwned::to_owned),
        })
    }
}

/// Why this person may not approve a plan; nothing where they may.
fn stops_approval(row: &PlanRow, principal: &str) -> Option<&'static str> {
    (row.author.principal == principal).then_some("You created this plan, so someone else has to approve it.")
}

/// A second person's word for a plan, as it is.
pub async fn approve(access: &Access<Operator>, id: &str, hash: &str) -> Result<(), AppError> {
    let row = find(access, id).await?;
    must_fit(access, &row.plan).await?;
    let refused = |why: &str| AppError::new(ErrorKind::Conflict, "The plan was not approved", why);
    if row.plan.hash() != hash {
        return Err(refused("It is not the plan that you looked at. Reload the page."));
    }
    if job_of(access, id).await?.is_some() {
        return Err(refused("It was applied already."));
    }
    if matches!(Second::of(access, &row).await?, Second::NotNeeded) {
        return Err(refused("It needs no second person."));
    }
    if let Some(why) = stops_approval(&row, access.principal()) {
        return Err(refused(why));
    }
    let approval = Approval {
        plan: row.id.clone(),
        hash: hash.to_owned(),
        principal: access.principal().to_owned(),
        name: access.actor.words.clone(),
        session: access.session.clone(),
        at: access.now(),
    };
    let detail =
        format!("{}, by {}", text::count(text::whole(row.plan.changes.len() as u64), "change", "changes"), row.author.words);
    if access.state.engine.store.approve_plan(&approval, &line(access, "approve plan", &row, detail)).await? {
        return Ok(());
    }
    Err(AppError::signed_out("The plan was not approved. Sign in again."))
}

/// A line of the trail about a plan.
pub(super) fn line<R: Role>(access: &Access<R>, action: &str, row: &PlanRow, reason: String) -> NewAudit {
    let target = Target::of("plan", row.id.clone(), row.plan.title.clone());
    NewAudit { plan: row.id.clone(), reason, ..access.record(action, target) }
}

/// What a plan takes, where whoever looks has to confirm first that it is them, and did not.
pub(super) async fn unconfirmed<R: Role>(access: &Access<R>, row: &PlanRow) -> Result<Option<String>, AppError> {
    let Some(what) = row.plan.takes(access.state.config.auth.plans.step_up_rows) else { return Ok(None) };
    let key = step_up::key(&access.tenant.id, &row.id, &row.plan.hash());
    let confirmed = access.state.engine.store.step_up(&access.session, &key, access.now()).await?;
    Ok(confirmed.is_none().then_some(what))
}

/// What must hold still when the plan's job begins.
pub(super) fn leave(access: &Access<Operator>, row: &PlanRow, second: Option<&Second>) -> Leave {
    let hash = row.plan.hash();
    let takes = row.plan.takes(access.state.config.auth.plans.step_up_rows);
    Leave {
        session: access.session.clone(),
        step_up: takes.map(|_| step_up::key(&access.tenant.id, &row.id, &hash)),
        approval: matches!(second, Some(Second::Given(_))).then(|| (hash.clone(), access.now() - APPROVED_MS)),
    }
}
