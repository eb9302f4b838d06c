//! Reads jobs, steers them, and turns their rows into new plans.

use domain::change::undo_all;
use domain::journal::{RowState, Tally};
use domain::pace::{self, Window};
use domain::plan::{Intent, Unchanged, WhyNot};
use engine::backend::Backend;
use engine::connection::revoke_grant;
use engine::jobs::{self, Commanded};
use storage::{Grant, GrantKind, JobRow, JobState, JournalRow, KeepRunning, NewAudit, Origin, Store, StoreError, Trouble};
use trail::Target;

use super::view::{JobLine, JobView, PAUSING, Pulse, ResultGroup, ResultLine};
use crate::error::{AppError, ErrorKind};
use crate::features::plans::keep_plan_besides;
use crate::rank::Rank;
use crate::server::access::{Access, Admin, Operator, Role, Viewer, refused};
use crate::server::auth::{STEP_UP, step_up};
use crate::server::lead::Lead;
use crate::ui::query::escape;

/// Rows on a page of results.
const PAGE: i64 = 100;
/// A pace is told over this long.
const MINUTE_MS: i64 = 60_000;
/// The unattended credential carries a job out for so long at most.
const UNATTENDED_MS: i64 = 30 * 24 * 60 * 60 * 1_000;
/// What a job did can be taken back for so long.
const UNDO_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

fn gone() -> AppError {
    AppError::not_found("Job not found", "It is not one of this tenant's jobs. See the list of jobs.")
}

/// What its rows came to so far.
async fn counted<R: Role>(access: &Access<R>, job: &JobRow) -> Result<Tally, AppError> {
    match job.tally {
        Some(tally) => Ok(tally),
        None => access.state.engine.store.tally(&job.id).await.map_err(AppError::from),
    }
}

async fn line<R: Role>(access: &Access<R>, job: JobRow) -> Result<JobLine, AppError> {
    let tally = counted(access, &job).await?;
    Ok(told(job, tally, access))
}

fn told<R: Role>(job: JobRow, tally: Tally, access: &Access<R>) -> JobLine {
    let again = job.state.is_over() && !job.rows_gone;
    JobLine {
        undo: if again && access.now() - job.created_at <= UNDO_MS { tally.done } else { 0 },
        retry: if again { tally.failed() } else { 0 },
        id: job.id,
        title: job.title,
        author: job.author.words,
        at: access.zone.date_time(job.created_at),
        ended: job.finished_at,
        state: job.state.as_str().to_owned(),
        over: job.state.is_over(),
        tally,
    }
}

/// The newest jobs.
pub async fn recent<R: Role>(access: &Access<R>, most: i64) -> Result<Vec<JobLine>, AppError> {
    let read = |error: StoreError| refused(error.into());
    let jobs = access.state.engine.store.jobs(&access.tenant.id, most).await.map_err(read)?;
    // Counted for all of them at once.
    let tallies = access.state.engine.store.tallies(&jobs).await.map_err(read)?;
    Ok(jobs.into_iter().zip(tallies).map(|(job, tally)| told(job, tally, access)).collect())
}

async fn find<R: Role>(access: &Access<R>, id: &str) -> Result<JobRow, AppError> {
    access.state.engine.store.job(&access.tenant.id, id).await?.ok_or_else(gone)
}

/// What became of a job of one row, for whoever changed it in passing.
pub async fn outcome_of<R: Role>(access: &Access<R>, id: &str) -> Result<Option<(JobLine, ResultLine)>, AppError> {
    let Some(job) = access.state.engine.store.job(&access.tenant.id, id).await? else {
        return Ok(None);
    };
    let row = access.state.engine.store.journal(id, &RowState::ALL, 0, 1).await?.pop();
    let line = line(access, job).await?;
    let over = line.over;
    Ok(row.map(|row| (line, result(&access.tenant.backend, row, over))))
}

fn result(backend: &Backend, row: JournalRow, over: bool) -> ResultLine {
    let remedy = match row.state {
        RowState::Refused => backend.advice(&row.change, &row.answer()),
        RowState::Conflict => "Check the current state, then create a new plan.".to_owned(),
        RowState::Unknown if over => "Check the person or group, then plan again if it was not done.".to_owned(),
        RowState::Unknown => "Checking whether it went through.".to_owned(),
        _ => String::new(),
    };
    ResultLine {
        change: row.change,
        name: row.name,
        state: row.state,
        code: row.code,
        title: row.title,
        trace: row.trace,
        remedy,
    }
}

/// Where a job stands, as everybody who watches it sees it.
pub async fn pulse<R: Role>(access: &Access<R>, job: &JobRow, tally: Tally) -> Result<Pulse, AppError> {
    let budget = access.tenant.backend.budget(&job.qlik_user);
    let whole = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let cap = budget.limit.saturating_sub(budget.reserve);
    // Its executor settles what is sent before it lets go.
    let stopping = job.state == JobState::Paused && job.lease_until > access.now() && tally.sent + tally.unknown > 0;
    let state = if stopping { PAUSING } else { job.state.as_str() };
    let mut pulse = Pulse {
        state: state.to_owned(),
        over: job.state.is_over(),
        reason: job.reason.clone(),
        tally,
        rate: 0,
        left: String::new(),
        budget: format!(
            "{} of {} write calls used in the last 5 min; {} reserved for interactive use",
            budget.used, budget.limit, budget.reserve
        ),
        finished: job.finished_at.map(|at| access.zone.date_time(at)),
    };
    if pulse.is_live() {
        let now = access.now();
        let settled = access.state.engine.store.settled_since(&job.id, now - MINUTE_MS).await?;
        let (rows, first, last) = settled;
        // At the pace at which it went while it went: a pause for the limit is told by the limit.
        let going = u64::try_from(last - first).unwrap_or(0).max(1_000);
        pulse.rate = i64::try_from(rows.saturating_mul(60_000) / u64::try_from(now - first).unwrap_or(1).clamp(1_000, 60_000))
            .unwrap_or(0);
        let per_call = whole(access.tenant.batch_rows);
        let calls = rows.div_ceil(per_call.max(1));
        if let Some(call_ms) = going.checked_div(calls) {
            let window =
                Window { used: whole(budget.used), cap: whole(cap), ms: u64::try_from(budget.window.as_millis()).unwrap_or(0) };
            let left = tally.total() - tally.settled();
            pulse.left = pace::words(pace::time_left_ms(left, per_call, call_ms, window));
        }
    }
    Ok(pulse)
}

/// What a job acts by, where that is a sign-in at the tenant, and where it gets a connection of its own.
async fn acting(access: &Access<Viewer>, job: &JobRow) -> Result<(String, String), AppError> {
    if job.state.is_over() {
        return Ok((String::new(), String::new()));
    }
    let own = job.qlik_user == access.qlik_user() && access.caller.rank >= Rank::Operator;
    let keep = || format!("/auth/qlik/{}/connect?job={}", access.tenant.id, escape(&job.id));
    let offered = if own && access.tenant.backend.signs_people_in() { keep() } else { String::new() };
    Ok(match access.state.engine.store.grant(&job.id).await? {
        Some(grant) if grant.kind == GrantKind::Own => {
            (format!("a connection of its own, until {}", access.zone.date_time(grant.expires_at)), String::new())
        }
        Some(grant) if grant.kind == GrantKind::Unattended => ("the unattended credential".to_owned(), String::new()),
        Some(grant) if !grant.family.is_empty() => {
            let until = access.zone.time_of_day(grant.expires_at);
            (format!("the sign-in of its Qlik user, until {until}; longer while they use Quartermaster"), offered)
        }
        Some(_) | None => (String::new(), String::new()),
    })
}

/// The pulse of a job by its id.
pub async fn pulse_of<R: Role>(access: &Access<R>, id: &str) -> Result<Pulse, AppError> {
    let job = find(access, id).await?;
    let tally = counted(access, &job).await?;
    pulse(access, &job, tally).await
}

pub async fn view(access: &Access<Viewer>, id: &str, page: u32) -> Result<JobView, AppError> {
    let job = find(access, id).await.map_err(refused)?;
    let store = &access.state.engine.store;
    let (plan, undo_of) = (job.plan.clone(), job.undo_of.clone());
    let line = line(access, job.clone()).await.map_err(refused)?;
    let pulse = pulse(access, &job, line.tally).await.map_err(refused)?;
    let total = i64::try_from(line.tally.total()).unwrap_or(i64::MAX);
    let pages = ((total + PAGE - 1) / PAGE).max(1);
    let page = i64::from(page.max(1)).min(pages);
    let troubles = store.troubles(id).await.map_err(|error| refused(error.into()))?;
    let wrong = i64::try_from(troubles.iter().map(|trouble| trouble.rows).sum::<u64>()).unwrap_or(i64::MAX);
    // A change that this version does not know must not hide what the job came to, nor the way to end it.
    let (rows, rows_unreadable) = match page_of(store, id, page, &line.tally, wrong).await {
        Ok(rows) => (rows, false),
        Err(StoreError::Unreadable(_)) => (Vec::new(), true),
        Err(error) => return Err(refused(error.into())),
    };
    let groups = troubles
        .into_iter()
        .map(|Trouble { state, code, title, rows }| ResultGroup { state, code, title, rows })
        .chain(fine().map(|state| ResultGroup {
            state,
            code: String::new(),
            title: String::new(),
            rows: in_state(&line.tally, state),
        }))
        .filter(|group| group.rows > 0)
        .collect();
    let (acts_by, keep_running) = acting(access, &job).await.map_err(refused)?;
    let unattended = access.tenant.backend.has_machine() && !job.state.is_over();
    let hand_over = unattended
        && store.grant(id).await.map_err(|error| refused(error.into()))?.is_none_or(|grant| grant.kind != GrantKind::Unattended);
    Ok(JobView {
        own: access.is_own(&job),
        acts_by,
        keep_running,
        hand_over,
        groups,
        line,
        plan,
        pulse,
        undo_of,
        rows: rows.into_iter().map(|row| result(&access.tenant.backend, row, job.state.is_over())).collect(),
        rows_gone: job.rows_gone,
        rows_unreadable,
        page: u32::try_from(page).unwrap_or(1),
        pages: u32::try_from(pages).unwrap_or(u32::MAX),
    })
}

/// The states of rows that want nobody's attention, in the order they are shown.
fn fine() -> impl Iterator<Item = RowState> {
    RowState::ALL.into_iter().filter(|state| !state.is_trouble())
}

/// The rows of a page: what went wrong first (`wrong` rows), by code; then the other states, each in the order of the plan.
async fn page_of(store: &Store, job: &str, page: i64, tally: &Tally, wrong: i64) -> Result<Vec<JournalRow>, StoreError> {
    let (mut skip, mut want) = ((page - 1) * PAGE, PAGE);
    let mut rows = store.troubled(job, skip, want).await?;
    skip = (skip - wrong).max(0);
    want -= i64::try_from(rows.len()).unwrap_or(0);
    for state in fine() {
        if want == 0 {
            break;
        }
        let found = store.journal(job, &[state], skip, want).await?;
        skip = (skip - i64::try_from(in_state(tally, state)).unwrap_or(i64::MAX)).max(0);
        want -= i64::try_from(found.len()).unwrap_or(0);
        rows.extend(found);
    }
    Ok(rows)
}

fn in_state(tally: &domain::journal::Tally, state: RowState) -> u64 {
    match state {
        RowState::Planned => tally.planned,
        RowState::Sent => tally.sent,
        RowState::Done => tally.done,
        RowState::Already => tally.already,
        RowState::Refused => tally.refused,
        RowState::Unknown => tally.unknown,
        RowState::Conflict => tally.conflict,
    }
}

pub async fn steer(access: &Access<Operator>, id: &str, to: &str) -> Result<(), AppError> {
    let job = find(access, id).await?;
    access.may_steer(&job)?;
    let (engine, by) = (&access.state.engine, access.acting());
    let commanded = match to {
        "pause" => jobs::pause(engine, &by, id).await?,
        "resume" => jobs::resume(engine, &by, &job).await?,
        "cancel" => jobs::cancel(engine, &by, id).await?,
        _ => return Err(AppError::invalid("Unknown action", "A job can be paused, resumed or cancelled.")),
    };
    match commanded {
        Commanded::Done => Ok(()),
        Commanded::MovedOn => Err(moved_on()),
        Commanded::OfAnotherUser => Err(AppError::new(
            ErrorKind::Forbidden,
            "This job runs as another Qlik user",
            "Only the Qlik user it was started as can resume it: connect with a key of that user.",
        )),
    }
}

/// Hands a job over to the portal's own client of the tenant. Needs a confirmation of its own.
pub async fn hand_over(access: &Access<Admin>, id: &str) -> Result<(), AppError> {
    let job = find(access, id).await?;
    if job.state.is_over() {
        return Err(moved_on());
    }
    if !access.tenant.backend.has_machine() {
        let why = format!("Set [tenants.{}.unattended] in the configuration first.", access.tenant.id);
        return Err(AppError::invalid("There is no unattended credential for this tenant", why));
    }
    let store = &access.state.engine.store;
    let plan = store.plan(&access.tenant.id, &job.plan).await?.ok_or_else(gone)?;
    let step_up = step_up::handing_over(&step_up::key(&access.tenant.id, &plan.id, &plan.plan.hash()));
    let grant = Grant { expires_at: access.now() + UNATTENDED_MS, kind: GrantKind::Unattended, ..Grant::default() };
    let record = NewAudit {
        job: job.id.clone(),
        behalf: job.author.words.clone(),
        reason: "handed over to the unattended credential".to_owned(),
        ..access.record("grant.made", Target::of("job", job.id.clone(), job.title.clone()))
    };
    let leave = (access.session.as_slice(), Some(step_up.as_str()));
    match store.keep_running(&job.id, &grant, None, leave, &record).await? {
        KeepRunning::Kept { before } => {
            revoke_grant(&access.state.engine, &access.tenant, &job.id, before.as_ref());
            access.state.engine.jobs.notify_one();
            Ok(())
        }
        KeepRunning::Over => Err(moved_on()),
        KeepRunning::NoLeave => {
            let to = Some(format!("{STEP_UP}?plan={}&job={}", escape(&plan.id), escape(&job.id)));
            let why = "The job will continue as Quartermaster's own Qlik client, not as its author.";
            Err(AppError { to, ..AppError::new(ErrorKind::StepUp, "Confirm it is you", why) })
        }
    }
}

fn moved_on() -> AppError {
    AppError::new(ErrorKind::Conflict, "Can't do this in the job's current state", "The page shows its current state.")
}

/// What taking back a job of this title is called; taking that back in turn is doing it again.
pub fn undo_title(title: &str) -> String {
    title.strip_prefix("Undo: ").map_or_else(|| format!("Undo: {title}"), |original| format!("Redo: {original}"))
}

pub async fn redo(access: &Access<Operator>, id: &str, what: &str) -> Result<Lead, AppError> {
    let job = find(access, id).await?;
    if !job.state.is_over() {
        return Err(AppError::new(
            ErrorKind::Conflict,
            "The job is still running",
            "Wait until it finishes, or cancel the remaining rows.",
        ));
    }
    let (states, undo): (&[RowState], bool) = match what {
        "undo" => (&[RowState::Done], true),
        // What nobody knows is among them: what was done all the same is left out by the reading below.
        "retry" => (&[RowState::Refused, RowState::Conflict, RowState::Planned, RowState::Unknown], false),
        _ => return Err(AppError::invalid("Unknown action", "A job's rows can be undone or retried.")),
    };
    if undo && access.now() - job.created_at > UNDO_MS {
        return Err(AppError::new(
            ErrorKind::Conflict,
            "Undo has expired",
            "A job can be undone for 30 days. Create a reverse plan.",
        ));
    }
    if job.rows_gone {
        return Err(AppError::new(
            ErrorKind::Conflict,
            "The rows of this job are no longer stored",
            "The totals remain on its page. Create a new plan.",
        ));
    }
    let rows = access.state.engine.store.journal(id, states, 0, i64::MAX).await?;
    if rows.is_empty() {
        return Err(AppError::invalid("Nothing to do", if undo { "Nothing to undo." } else { "No failed rows." }));
    }
    if rows.iter().any(|row| row.change.kind().is_setting()) {
        access.must_be(Rank::Admin).await?;
    }
    let mut besides = Vec::new();
    let changes = if undo {
        let (changes, not) = undo_all(rows.iter().map(|row| (&row.change, row.made.as_ref())));
        besides.extend(not.into_iter().map(|(change, _)| Unchanged { target: change.target(), why: WhyNot::NotUndone }));
        changes
    } else {
        rows.into_iter().map(|row| row.change).collect()
    };
    let title = if undo { undo_title(&job.title) } else { format!("Retry: {}", job.title) };
    // Whether it still stands is judged by a fresh reading, not by what was true then.
    let snapshot = access.refresh().await?;
    keep_plan_besides(access, &snapshot, Intent::Exactly { title, changes, restores: undo }, besides, Origin::Job(id.to_owned()))
        .await
}
