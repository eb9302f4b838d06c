//! Keeps plans, shows them, and turns them into jobs.

use std::sync::Arc;

use domain::change::{Change, Names};
use domain::plan::{Intent, LeaveOut, Offer, OfferKind, Plan, PlannedChange, Unchanged, WhyNot, draw_up};
use domain::projection::Projection;
use domain::text::{self, sentence};
use domain::touch::Touches;
use engine::jobs::{self, Begun, Order};
use engine::readings::{Latest, Snapshot};
use storage::{JobState, NewAudit, Origin, PlanRow};

use super::checks::{Second, leave, line, must_fit, unconfirmed};
use super::remedies::{again_as, offered};
use super::view::{NOT_CONFIRMED, PlanLine, PlanView};
use crate::error::{AppError, ErrorKind};
use crate::server::access::{Access, Operator, Role, Viewer};
use crate::server::auth::STEP_UP;
use crate::server::lead::Lead;
use crate::server::zone::Zone;
use crate::ui::query::escape;

/// How often a plan is read again before it starts, where jobs keep changing its rows.
const TRIES: u32 = 3;
/// Changes on a page of a plan.
const PAGE: usize = 200;
/// So many of those who will not be sent are named.
const NAMED: usize = 100;
/// A reading this old is new enough to draw a plan up again: what has changed since, it meets before it is applied.
pub(super) const FRESH_MS: i64 = 5 * 60 * 1_000;
/// How long the answer to a single edit waits for its result.
const AT_ONCE: std::time::Duration = std::time::Duration::from_millis(2_500);

fn gone() -> AppError {
    AppError::not_found("Plan not found", "It was deleted or belongs to another tenant. Create it again.")
}

/// Draws up a plan, on a thread where a large one holds nobody up.
async fn drawn(snapshot: &Arc<Snapshot>, intent: Intent) -> Result<Plan, AppError> {
    let inventory = snapshot.inventory.clone();
    let drawn = tokio::task::spawn_blocking(move || draw_up(&inventory, intent)).await;
    let drawn = drawn.map_err(|error| {
        tracing::error!(%error, "a plan could not be created");
        AppError::new(ErrorKind::Internal, "Could not create the plan", "Nothing was sent. Try again.")
    })?;
    drawn.map_err(|error| AppError::invalid("Could not create a plan", sentence(&error.to_string())))
}

/// Says why rows are in a plan, on a thread where a large one holds nobody up.
pub(super) async fn explained(mut plan: Plan, snapshot: &Arc<Snapshot>, how: impl Into<String>) -> Result<Plan, AppError> {
    let how = how.into();
    let snapshot = snapshot.clone();
    let worked = tokio::task::spawn_blocking(move || {
        plan.explain_by(&snapshot.table, &snapshot.inventory, &how);
        plan
    });
    worked.await.map_err(|error| {
        tracing::error!(%error, "a plan could not be explained");
        AppError::new(ErrorKind::Internal, "Could not create the plan", "Nothing was sent. Try again.")
    })
}

/// How rows came into a plan, where each of them came the same way.
fn how_chosen(intent: &Intent) -> &'static str {
    match intent {
        Intent::Assign { .. } | Intent::Remove { .. } | Intent::ChangeType { .. } => "selected",
        Intent::LicenseUnlicensed { .. } => "member of the group",
        Intent::Tied { .. } => "by their group",
        Intent::Rename { .. } => "renamed",
        Intent::SetGroupRoles { .. }
        | Intent::EditRoles { .. }
        | Intent::EditEach { .. }
        | Intent::CreateGroups { .. }
        | Intent::EditGroup { .. }
        | Intent::DeleteGroups { .. }
        | Intent::Restore { .. } => "",
        Intent::SetAutoAssign(_) | Intent::SetGroupSettings(_) => "changed in Settings",
        Intent::List { .. } => "on the list",
        Intent::Exactly { restores: true, .. } => "as before the job",
        Intent::Exactly { .. } => "not done by the job",
    }
}

/// Draws up a plan, keeps it, and leads to its page.
pub async fn keep_plan(
    access: &Access<Operator>,
    snapshot: &Arc<Snapshot>,
    intent: Intent,
    origin: Origin,
) -> Result<Lead, AppError> {
    keep_plan_besides(access, snapshot, intent, Vec::new(), origin).await
}

/// The same, with rows that were asked for and that nothing can be planned for.
pub async fn keep_plan_besides(
    access: &Access<Operator>,
    snapshot: &Arc<Snapshot>,
    intent: Intent,
    besides: Vec<Unchanged>,
    origin: Origin,
) -> Result<Lead, AppError> {
    let how = how_chosen(&intent);
    let mut plan = drawn(snapshot, intent).await?;
    plan = explained(plan, snapshot, how).await?;
    plan.unchanged.extend(besides);
    lead_to(access, plan, snapshot.as_of, origin).await
}

/// Draws up a plan for what was selected, and offers what matches the selection only since it was made.
pub async fn keep_plan_with_newcomers(
    access: &Access<Operator>,
    snapshot: &Arc<Snapshot>,
    intent: Intent,
    newcomers: Option<Intent>,
) -> Result<Lead, AppError> {
    let how = how_chosen(&intent);
    let mut plan = drawn(snapshot, intent).await?;
    plan = explained(plan, snapshot, how).await?;
    if let Some(newcomers) = newcomers {
        let changes: Vec<Change> = drawn(snapshot, newcomers).await?.changes.into_iter().map(|planned| planned.change).collect();
        plan.unchanged.extend(changes.iter().map(|change| Unchanged { target: change.target(), why: WhyNot::Newcomer }));
        if !changes.is_empty() {
            plan.offers.push(Offer { kind: OfferKind::Newcomers, changes });
        }
    }
    lead_to(access, plan, snapshot.as_of, Origin::Person).await
}

/// Keeps a plan and leads to it.
pub(super) async fn lead_to(access: &Access<Operator>, plan: Plan, as_of: i64, origin: Origin) -> Result<Lead, AppError> {
    keep(access, plan, as_of, origin).await.map(Lead::Plan)
}

pub(super) async fn keep(access: &Access<Operator>, plan: Plan, inventory_at: i64, origin: Origin) -> Result<String, AppError> {
    let row = PlanRow {
        id: engine::fresh_id(),
        tenant: access.tenant.id.clone(),
        author: access.actor.clone(),
        origin,
        inventory_at,
        created_at: access.now(),
        plan,
    };
    access.state.engine.store.put_plan(&row).await?;
    Ok(row.id)
}

pub async fn list(access: &Access<Viewer>) -> Result<Vec<PlanLine>, AppError> {
    let plans = access.state.engine.store.plans(&access.tenant.id, 100).await?;
    Ok(plans
        .into_iter()
        .map(|plan| PlanLine {
            id: plan.id,
            title: plan.title,
            author: plan.author,
            at: access.zone.date_time(plan.created_at),
            rows: plan.rows,
            job: plan.job,
        })
        .collect())
}

pub(super) async fn find<R: Role>(access: &Access<R>, id: &str) -> Result<PlanRow, AppError> {
    access.state.engine.store.plan(&access.tenant.id, id).await?.ok_or_else(gone)
}

/// The job that applied a plan.
pub(super) async fn job_of<R: Role>(access: &Access<R>, id: &str) -> Result<Option<String>, AppError> {
    access.state.engine.store.job_of_plan(&access.tenant.id, id).await.map_err(AppError::from)
}

/// Whether a row of a plan is one that somebody looks for.
fn is_asked(planned: &PlannedChange, needle: &str, kind: &str) -> bool {
    let change = &planned.change;
    let holds = |text: &str| text::folded(text).contains(needle);
    (kind.is_empty() || change.kind().verb() == kind)
        && (needle.is_empty()
            || holds(&planned.name)
            || holds(&change.target())
            || holds(&change.what())
            || planned.why.as_ref().is_some_and(|why| holds(&why.sentence)))
}

pub async fn view(access: &Access<Viewer>, id: &str, page: u32, q: &str, kind: &str) -> Result<PlanView, AppError> {
    let row = find(access, id).await?;
    let job = job_of(access, id).await?;
    let ways_out = if job.is_none() { offered(access, &row.plan).await } else { Vec::new() };
    let roles = role_names(access, &row).await;
    let second = if job.is_none() { Second::of(access, &row).await?.shown(access, &row) } else { None };
    let confirm_first = if job.is_none() { unconfirmed(access, &row).await? } else { None };
    let (plan, origin) = (row.plan, row.origin);
    let (total, settings) = (plan.changes.len(), plan.changes_settings());
    let needle = text::folded(q.trim());
    let asked: Vec<&PlannedChange> = plan.changes.iter().filter(|planned| is_asked(planned, &needle, kind)).collect();
    let pages = asked.len().div_ceil(PAGE).max(1);
    let page = (page.max(1) as usize).min(pages);
    let found = asked.len() as u64;
    let changes = asked.into_iter().skip((page - 1) * PAGE).take(PAGE).cloned().collect();
    Ok(PlanView {
        title: plan.title.clone(),
        drawn: drawn_words(&access.zone, row.created_at, row.inventory_at, &row.author.words),
        unchanged: plan
            .unchanged_by_reason()
            .into_iter()
            .map(|(why, who)| (why, who.len() as u64, who.into_iter().take(NAMED).map(ToOwned::to_owned).collect()))
            .collect(),
        requests: access.tenant.backend.requests(&plan.changes, access.tenant.batch_rows) as u64,
        confirm: plan.confirmation(access.state.config.confirm),
        totals: plan.totals(),
        lasting: plan.lasting(),
        role_shifts: plan.role_shifts.clone(),
        offers: plan.offers.iter().map(|offer| (offer.kind, offer.changes.len() as u64)).collect(),
        total: total as u64,
        found,
        changes,
        seats: plan.seats,
        warnings: plan.warnings,
        roles,
        page: u32::try_from(page).unwrap_or(1),
        pages: u32::try_from(pages).unwrap_or(u32::MAX),
        job,
        confirm_first,
        second,
        settings,
        ways_out,
        replaces: if let Origin::Replaces(plan) = &origin { Some(plan.clone()) } else { None },
        remedies: if let Origin::Remedies(plan) = &origin { Some(plan.clone()) } else { None },
        id: row.id,
    })
}

/// When a plan was drawn up and from what, with the day: a plan may be days old when somebody looks at it.
fn drawn_words(zone: &Zone, created_at: i64, inventory_at: i64, author: &str) -> String {
    let (drawn, said) = (zone.date_time(created_at), zone.date_time(inventory_at));
    let same_day = drawn.get(..10) == said.get(..10);
    format!("created {drawn} by {author}, based on data from {}", if same_day { zone.time_of_day(inventory_at) } else { said })
}

/// Names of the roles that group changes speak of, as far as they are known.
async fn role_names(access: &Access<Viewer>, row: &PlanRow) -> Vec<(String, String)> {
    let speaks = |planned: &PlannedChange| {
        let told = planned.change.told(&Names { roles: None });
        !told.added.is_empty() || !told.removed.is_empty()
    };
    if !row.plan.changes.iter().any(speaks) {
        return Vec::new();
    }
    match access.latest(std::time::Duration::from_secs(1)).await {
        Latest::Ready(snapshot, _) => {
            snapshot.inventory.roles.iter().map(|role| (role.id.to_string(), role.name.clone())).collect()
        }
        _ => Vec::new(),
    }
}

pub async fn discard(access: &Access<Operator>, id: &str) -> Result<Lead, AppError> {
    access.state.engine.store.discard_plan(&access.tenant.id, id).await?;
    Ok(Lead::Plans)
}

pub async fn apply(access: &Access<Operator>, id: &str, confirmation: &str) -> Result<Lead, AppError> {
    let row = find(access, id).await?;
    must_fit(access, &row.plan).await?;
    if let Some(job) = job_of(access, id).await? {
        // Applied before, perhaps by this very click: lead to what came of it.
        return Ok(Lead::Job(job));
    }
    if let Some(what) = unconfirmed(access, &row).await? {
        let to = Some(format!("{STEP_UP}?plan={}", escape(id)));
        return Err(AppError { to, ..AppError::new(ErrorKind::StepUp, "Confirm it is you", sentence(&what)) });
    }
    if row.plan.changes.is_empty() {
        return Err(AppError::invalid("Nothing to apply", "Everything already matches."));
    }
    let second = Second::of(access, &row).await?;
    if let Some(why) = second.stops_apply(access.principal()) {
        return Err(AppError::new(ErrorKind::Conflict, "This plan needs a second person", why));
    }
    if let Some(wanted) = row.plan.confirmation(access.state.config.confirm)
        && !wanted.is(confirmation)
    {
        return Err(AppError::invalid(NOT_CONFIRMED, format!("Type {} to {}.", wanted.number, wanted.what)));
    }
    // A job may change the same rows between the reading and the start: then the tenant is read again.
    for _ in 0..TRIES {
        let seen = trail_end(access).await?;
        if let Some(fresh) = overtaken(access, &row).await? {
            return Ok(Lead::Plan(fresh));
        }
        if let Some(job) = start(access, &row, seen, &[], Some(&second)).await? {
            if let Second::Given(approval) = &second {
                let applied = NewAudit {
                    job: job.clone(),
                    ..line(access, "apply approved plan", &row, format!("approved by {}", approval.name))
                };
                access.state.engine.store.audit(&[applied]).await?;
            }
            return Ok(Lead::Job(job));
        }
    }
    Err(busy_rows())
}

/// The job that a plan undoes or tries again, also where the plan was drawn up anew since, or with fewer rows.
async fn job_behind(access: &Access<Operator>, row: &PlanRow) -> Result<Option<String>, AppError> {
    /// Plans drawn up from plans; nobody clicks more often.
    const MOST: u32 = 50;
    let mut origin = row.origin.clone();
    for _ in 0..MOST {
        let before = match origin {
            Origin::Person => return Ok(None),
            Origin::Job(job) => return Ok(Some(job)),
            Origin::Replaces(plan) | Origin::Remedies(plan) => plan,
        };
        let found = access.state.engine.store.plan(&access.tenant.id, &before).await?;
        // One that was discarded takes what it came from with it.
        let Some(found) = found else { return Ok(None) };
        origin = found.origin;
    }
    Ok(None)
}

async fn trail_end(access: &Access<Operator>) -> Result<i64, AppError> {
    access.state.engine.store.audit_end(&access.tenant.id).await.map_err(AppError::from)
}

fn busy_rows() -> AppError {
    AppError::new(ErrorKind::Conflict, "Other jobs keep changing the same people", "Nothing was sent; try again later.")
}

/// Writes the job of a plan down and wakes the executor. Returns the job's id; nothing where another job changed some of its
/// rows since the trail ended at `seen`, but for what is `known` of some jobs.
async fn start(
    access: &Access<Operator>,
    row: &PlanRow,
    seen: i64,
    known: &[(String, i64)],
    second: Option<&Second>,
) -> Result<Option<String>, AppError> {
    let order =
        Order { undo_of: job_behind(access, row).await?, seen, known: known.to_vec(), leave: Some(leave(access, row, second)) };
    match jobs::begin(&access.state.engine, &access.acting(), row, order).await? {
        Begun::Job(job) => Ok(Some(job)),
        Begun::Overtaken => Ok(None),
        // What was there a moment ago is gone: asked anew, each says what is missing.
        Begun::NoLeave => Err(if access.is_live().await {
            AppError::new(
                ErrorKind::Conflict,
                "Nothing was applied",
                "The confirmation or the approval of this plan has ended. Reload the page.",
            )
        } else {
            AppError::signed_out("Nothing was applied. Sign in again.")
        }),
        Begun::Locked(holder) => Err(AppError::new(
            ErrorKind::Conflict,
            "Another job is changing some of these rows",
            format!(
                "Job {} is still running. Nothing was sent; apply again when it finishes.",
                holder.get(..4).unwrap_or(&holder).to_uppercase()
            ),
        )),
    }
}

/// What a change of a single row came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AtOnce {
    /// It was applied; the job has its result.
    Applied(String),
    /// It wants to be read first: the plan's page.
    Plan(String),
}

/// A single edit: a plan like any other, applied without asking unless there is something to think about first.
pub async fn apply_at_once(
    access: &Access<Operator>,
    snapshot: &Arc<Snapshot>,
    intent: Intent,
    origin: Origin,
) -> Result<AtOnce, AppError> {
    let mut snapshot = snapshot.clone();
    for _ in 0..TRIES {
        // What jobs did since the reading, here or on another server, is not in it: then it is made anew.
        if let Some(done) = try_at_once(access, &snapshot, intent.clone(), origin.clone()).await? {
            return Ok(done);
        }
        snapshot = access.refresh().await?;
    }
    Err(busy_rows())
}

/// Nothing where a job changed the same people since the reading.
async fn try_at_once(
    access: &Access<Operator>,
    snapshot: &Arc<Snapshot>,
    intent: Intent,
    origin: Origin,
) -> Result<Option<AtOnce>, AppError> {
    let plan = draw_up(&snapshot.inventory, intent)
        .map_err(|error| AppError::invalid("This cannot be changed", sentence(&error.to_string())))?;
    if plan.changes.is_empty() {
        let why = plan.unchanged.first().map_or("no change needed", |row| row.why.sentence());
        return Err(AppError::new(
            ErrorKind::Conflict,
            "Not changed",
            format!("Reason: {why}. The page shows the current state."),
        ));
    }
    // What may be billed is read before it is applied.
    let billed = plan.seats.iter().any(|seat| seat.taken > 0 && seat.overage_after() > 0);
    let wants_reading = plan.changes.len() > 1
        || billed
        || plan.warnings.iter().any(domain::plan::Warning::is_loud)
        || plan.confirmation(access.state.config.confirm).is_some()
        || plan.takes(access.state.config.auth.plans.step_up_rows).is_some();
    let id = keep(access, plan, snapshot.as_of, origin).await?;
    if wants_reading {
        return Ok(Some(AtOnce::Plan(id)));
    }
    let row = find(access, &id).await?;
    let Some(job) = start(access, &row, snapshot.seen, &snapshot.known, None).await? else {
        access.state.engine.store.discard_plan(&access.tenant.id, &id).await?;
        return Ok(None);
    };
    // Most often it is over before the answer would be drawn; where not, the page goes on looking.
    let until = tokio::time::Instant::now() + AT_ONCE;
    while tokio::time::Instant::now() < until {
        let state = access.state.engine.store.job(&access.tenant.id, &job).await?;
        if state.is_none_or(|row| row.state.is_over() || row.state == JobState::Paused) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    Ok(Some(AtOnce::Applied(job)))
}

/// Draws a plan up again with what it offers besides, or without those whom a warning is about. The plan as it was stays.
pub async fn adjust(access: &Access<Operator>, id: &str, what: &str) -> Result<Lead, AppError> {
    let row = find(access, id).await?;
    must_fit(access, &row.plan).await?;
    if job_of(access, id).await?.is_some() {
        return Err(AppError::new(ErrorKind::Conflict, "This plan has already been applied", "Create a new plan for the rest."));
    }
    let snapshot = access.at_most(FRESH_MS).await?;
    let mut changes: Vec<Change> = row.plan.changes.iter().map(|planned| planned.change.clone()).collect();
    let mut unchanged = row.plan.unchanged.clone();
    let mut offers = row.plan.offers.clone();
    if let Some(at) = offers.iter().position(|offer| offer.kind.word() == what) {
        let offer = offers.remove(at);
        let taken: std::collections::HashSet<String> = offer.changes.iter().map(|change| text::same(&change.target())).collect();
        unchanged.retain(|row| {
            !(matches!(row.why, WhyNot::Newcomer | WhyNot::HoldsAnother) && taken.contains(&text::same(&row.target)))
        });
        changes.extend(offer.changes);
    } else if let Some(out) = LeaveOut::parse(what) {
        let people = snapshot.inventory.people_by_subject();
        let (left, kept): (Vec<_>, Vec<_>) = changes.into_iter().partition(|change| out.takes(change, &people));
        unchanged.extend(left.iter().map(|change| Unchanged { target: change.target(), why: WhyNot::TakenOut }));
        changes = kept;
    } else {
        return Err(AppError::invalid("Unknown action", "See the plan's page for the current options."));
    }
    let mut plan =
        drawn(&snapshot, Intent::Exactly { title: row.plan.title.clone(), changes, restores: row.plan.restores }).await?;
    plan.offers = offers;
    plan.removes_the_rest = row.plan.removes_the_rest;
    plan.keep_reasons(&row.plan);
    let mut plan = explained(plan, &snapshot, "added to the plan").await?;
    plan.unchanged.extend(unchanged);
    lead_to(access, plan, snapshot.as_of, Origin::Remedies(id.to_owned())).await
}

/// Reads again what the plan touches. Where somebody else changed it, keeps the plan as it would be now and returns its address.
async fn overtaken(access: &Access<Operator>, row: &PlanRow) -> Result<Option<String>, AppError> {
    let changes: Vec<Change> = row.plan.changes.iter().map(|planned| planned.change.clone()).collect();
    let touches: Touches = changes.iter().map(Change::touches).collect();
    let mut now = access.read(&touches, "Could not load the tenant before applying. Nothing was sent").await?;
    // A role that is gone by now would have its group refused as a whole.
    if changes.iter().filter_map(Change::roles_given).any(|given| !given.is_empty())
        && let Err(error) = access.tenant.backend.read_roles(&access.reader(), &mut now).await
    {
        tracing::info!(%error, "the roles could not be read before a plan is applied; those of the last reading will do");
    }
    // People do not change where licenses and roles stand; the last reading's names will do.
    if let Latest::Ready(snapshot, _) = access.latest(std::time::Duration::ZERO).await {
        let asked: std::collections::HashSet<_> = touches.groups().collect();
        now.fill_from(&snapshot.inventory, |group| asked.contains(group));
    }
    // What it brings back was no news when it was drawn up.
    let restores = row.plan.restores;
    let standing = Projection::of(&now);
    let beside_another = changes.iter().any(|change| change.beside_another(&standing));
    let mut again = draw_up(&now, Intent::Exactly { title: row.plan.title.clone(), changes, restores })
        .map_err(|error| AppError::new(ErrorKind::Conflict, "Nothing was sent", sentence(&error.to_string())))?;
    again.keep_reasons(&row.plan);
    // A danger that was not foreseen is worth a look as well; one that was is not news.
    let loud = |plan: &Plan| plan.warnings.iter().any(domain::plan::Warning::is_loud);
    // What somebody else did beside it may make it more dangerous than it was, with nothing of its own overtaken.
    let riskier = beside_another && again.risks != row.plan.risks;
    let news = again.changes.len() != row.plan.changes.len() || (loud(&again) && !loud(&row.plan)) || riskier;
    if !news {
        return Ok(None);
    }
    access.state.engine.readings.invalidate(&access.tenant.id);
    keep(access, again_as(&row.plan, again), access.now(), Origin::Replaces(row.id.clone())).await.map(Some)
}
