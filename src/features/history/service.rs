//! Compares groups and roles of two moments, finds out who changed them, and turns differences into a plan that restores them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use domain::drift::{Differs, Drift, GroupThen, RoleThen, State, count_differing};
use domain::inventory::{GroupId, Inventory, Provider, RoleId};
use domain::plan::Intent;
use domain::text::folded;
use engine::history::{HistoryError, Window};
use engine::readings::Snapshot;
use storage::{Baseline, GroupState, NewAudit, Origin};
use trail::Target;

use super::authors::Done;
use super::elsewhere::Names;
use super::view::{BASELINE, BaselineLine, Became, GroupChange, HistoryView, RoleChange, Span};
use crate::error::{AppError, ErrorKind};
use crate::features::plans::keep_plan;
use crate::features::shared::{Loaded, look};
use crate::server::access::{Access, Operator, Role, Viewer, refused};
use crate::server::lead::Lead;
use crate::ui::query::escape;

/// Groups on a page.
const PAGE: usize = 100;
/// What is compared where nobody says: so long ago until now, in milliseconds.
const USUAL_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

impl From<HistoryError> for AppError {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::Store(error) => error.into(),
            error => {
                tracing::error!(%error, "a history could not be told");
                Self::new(
                    ErrorKind::Internal,
                    "The history could not be put together",
                    "Try again. If it fails again, contact your Quartermaster administrator.",
                )
            }
        }
    }
}

/// An earlier moment and the state it stands for.
#[derive(Clone)]
struct Then {
    /// The moment that was asked for.
    at: i64,
    /// The state that is kept of it; of a baseline, the one that was kept then, which may be later where older ones are gone.
    kept: Option<GroupState>,
    state: Arc<State>,
    baseline: Option<Baseline>,
}

impl Then {
    /// The moment that the state is of: where nothing is kept of what was asked for, the first that is.
    fn stands_at(&self) -> i64 {
        match (&self.baseline, self.kept) {
            (None, Some(kept)) => self.at.max(kept.at),
            _ => self.at,
        }
    }
}

/// Two moments, side by side.
struct Compared {
    then: Then,
    /// The later moment and its state; nothing where it is now.
    later: Option<(i64, GroupState)>,
    drift: Drift,
    /// Names of all roles of either moment.
    roles: BTreeMap<RoleId, String>,
    windows: BTreeMap<GroupId, Window>,
    /// The window of what is in no step that is kept.
    otherwise: Window,
    done: Done,
}

/// How groups and roles are, if the key shows them all: otherwise what it does not show would read as if it were gone.
async fn state_of(snapshot: &Arc<Snapshot>) -> Result<State, AppError> {
    let inventory = snapshot.inventory.clone();
    let state = aside(move || State::of(&inventory)).await?;
    state.ok_or_else(|| {
        let missing = snapshot.inventory.coverage.sentences().join(" ");
        let why = if missing.is_empty() { "This key cannot see the roles of all groups.".to_owned() } else { missing };
        AppError::new(
            ErrorKind::Forbidden,
            "The history of groups is not visible with this key",
            format!("{why} What is not visible cannot be compared."),
        )
    })
}

async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, AppError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| HistoryError::from(error).into())
}

fn nothing_kept() -> AppError {
    AppError::not_found(
        "No history of groups yet",
        "It begins with the first refresh that shows all groups, their roles and all roles of this tenant.",
    )
}

/// The earlier moment that a span asks for, no later than what a session has loaded itself: what other keys saw since is not shown.
async fn then<R: Role>(access: &Access<R>, span: &Span, as_of: i64) -> Result<Then, AppError> {
    let (history, tenant) = (&access.state.engine.history, access.tenant.id.as_str());
    if span.from.is_empty() || span.from == BASELINE {
        match baseline_of(access, as_of).await? {
            Some(then) => return Ok(then),
            None if span.from == BASELINE => {
                return Err(AppError::not_found("No baseline is declared", "Declare one on the history of groups."));
            }
            None => {}
        }
    }
    let at = match span.from.as_str() {
        // The day that this is, from its beginning.
        "" => {
            let day = access.zone.date_time(access.now() - USUAL_MS);
            moment(access, day.get(..10).unwrap_or_default(), "", Side::Earlier)?
        }
        day => moment(access, day, &span.from_time, Side::Earlier)?,
    };
    if at > access.now() {
        return Err(AppError::invalid("That is still to come", "Choose an earlier moment up to now."));
    }
    let at = at.min(as_of);
    let (kept, state) = history.at(tenant, at).await?.ok_or_else(nothing_kept)?;
    Ok(Then { at, kept: Some(kept), state, baseline: None })
}

async fn baseline_of<R: Role>(access: &Access<R>, as_of: i64) -> Result<Option<Then>, AppError> {
    let (history, tenant) = (&access.state.engine.history, access.tenant.id.as_str());
    let Some((baseline, state)) = history.baseline(tenant).await? else { return Ok(None) };
    if baseline.at > as_of {
        return Err(AppError::new(
            ErrorKind::Conflict,
            "The baseline is newer than what is loaded",
            "Refresh to load the tenant again.",
        ));
    }
    let kept = history.kept_at(tenant, baseline.at).await?;
    Ok(Some(Then { at: baseline.at, kept, state, baseline: Some(baseline) }))
}

/// The earlier moment of a page, as the page named it: whoever restores gets what they saw.
async fn seen<R: Role>(access: &Access<R>, at: i64, declared_at: i64) -> Result<Then, AppError> {
    if declared_at == 0 {
        let (kept, state) = access.state.engine.history.at(&access.tenant.id, at).await?.ok_or_else(nothing_kept)?;
        return Ok(Then { at, kept: Some(kept), state, baseline: None });
    }
    let then = baseline_of(access, i64::MAX).await?;
    then.filter(|then| then.baseline.as_ref().is_some_and(|baseline| baseline.declared_at == declared_at)).ok_or_else(|| {
        let why = "Someone declared another one, or removed it, while this page was open. Nothing was planned; look again.";
        AppError::new(ErrorKind::Conflict, "The baseline was replaced", why)
    })
}

/// A later moment, and how it was then.
type Later = (i64, GroupState, Arc<State>);

/// The later moment that a span asks for; nothing for now.
async fn later<R: Role>(access: &Access<R>, span: &Span, as_of: i64) -> Result<Option<Later>, AppError> {
    if span.to.is_empty() {
        return Ok(None);
    }
    let at = moment(access, &span.to, &span.to_time, Side::Later)?.min(as_of);
    let (kept, state) = access.state.engine.history.at(&access.tenant.id, at).await?.ok_or_else(nothing_kept)?;
    Ok(Some((at, kept, state)))
}

/// Compares what a span asks for; both its moments are put together at the same time.
async fn compared<R: Role>(access: &Access<R>, span: &Span, now: (Arc<State>, i64)) -> Result<Compared, AppError> {
    let (then, later) = tokio::try_join!(then(access, span, now.1), later(access, span, now.1))?;
    compare(access, then, later, now).await
}

/// Compares an earlier moment with a later one. `now` is the state of a reading that was complete at `as_of`.
async fn compare<R: Role>(
    access: &Access<R>,
    then: Then,
    later: Option<Later>,
    (now, as_of): (Arc<State>, i64),
) -> Result<Compared, AppError> {
    let (history, tenant) = (&access.state.engine.history, access.tenant.id.as_str());
    let mut roles: BTreeMap<RoleId, String> = names(&then.state);
    let newest = history.kept_at(tenant, as_of).await?.ok_or_else(nothing_kept)?;
    let (later, state, upto, read) = if let Some((at, kept, state)) = later {
        if at < then.at {
            let why = "Choose an earlier moment for “From”, or a later one for “to”.";
            return Err(AppError::invalid("The later moment is before the earlier one", why));
        }
        // Of what is before the history, both stand for its beginning.
        let at = at.max(then.stands_at());
        roles.extend(names(&now));
        roles.extend(names(&state));
        (Some((at, kept)), state, kept.n, (kept.until, kept.began))
    } else {
        roles.extend(names(&now));
        (None, now, newest.n, (access.now(), access.now()))
    };
    // What was done after the reading began may not be in the state.
    let (windows, since) = match then.kept {
        Some(kept) => {
            let began = if kept.at > then.at && then.baseline.is_some() { then.at } else { kept.began };
            (history.windows(tenant, kept, upto).await?, began.min(then.stands_at()))
        }
        None => (BTreeMap::new(), then.at),
    };
    // A baseline may be older than what is kept: then nobody knows more than that it changed since.
    let otherwise = match (&then.baseline, then.kept) {
        (Some(_), Some(kept)) if kept.at <= then.at => (newest.began, access.now()),
        (Some(_), _) => (then.at, access.now()),
        (None, _) => (newest.began, access.now()),
    };
    let earlier = then.state.clone();
    let drift = aside(move || Drift::between(&earlier, &state)).await?;
    let done = Done::read(access, (since, read.0), read.1).await?;
    Ok(Compared { then, later, drift, roles, windows, otherwise, done })
}

/// Which of two moments a day without a time stands for: the beginning of the earlier one, the end of the later one.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Earlier,
    Later,
}

fn moment<R: Role>(access: &Access<R>, day: &str, time: &str, side: Side) -> Result<i64, AppError> {
    let moment = match (time, side) {
        // A time within the day would be lost.
        _ if day.len() != 10 => None,
        ("", Side::Earlier) => access.zone.day(day).map(|(start, _)| start),
        _ => access.zone.moment(day, time),
    };
    moment.ok_or_else(|| {
        AppError::invalid("Unknown date", "Give a day such as 2026-11-03 and, if it matters, a time such as 14:30.")
    })
}

fn names(state: &State) -> BTreeMap<RoleId, String> {
    state.roles.iter().map(|(id, role)| (id.clone(), role.name.clone())).collect()
}

fn became<I, T>(differs: &Differs<I, T>) -> Became {
    match (&differs.then, &differs.now) {
        (None, _) => Became::Created,
        (_, None) => Became::Deleted,
        _ => Became::Changed,
    }
}

fn facts_of_group(then: &GroupThen, now: &GroupThen) -> Vec<String> {
    let mut facts = Vec::new();
    if then.name != now.name {
        facts.push(format!("renamed from “{}”", then.name));
    }
    if then.description != now.description {
        facts.push(changed("description", &then.description, &now.description));
    }
    if then.status != now.status {
        facts.push(changed("status", &then.status, &now.status));
    }
    if then.provider != now.provider {
        facts.push(changed("source", then.provider.label(), now.provider.label()));
    }
    facts
}

fn facts_of_role(then: &RoleThen, now: &RoleThen) -> Vec<String> {
    let mut facts = Vec::new();
    if then.name != now.name {
        facts.push(format!("renamed from “{}”", then.name));
    }
    if then.description != now.description {
        facts.push(changed("description", &then.description, &now.description));
    }
    if then.level != now.level {
        let word = |level| if level == domain::inventory::RoleLevel::Admin { "admin" } else { "user" };
        facts.push(changed("level", word(then.level), word(now.level)));
    }
    facts
}

fn changed(what: &str, from: &str, to: &str) -> String {
    match (from.is_empty(), to.is_empty()) {
        (true, _) => format!("{what} added: “{to}”"),
        (_, true) => format!("{what} removed: “{from}”"),
        _ => format!("{what} changed from “{from}” to “{to}”"),
    }
}

impl Compared {
    /// The groups that differ and whose name has `q` in it, by name.
    fn groups(&self, q: &str) -> Vec<&Differs<GroupId, GroupThen>> {
        let needle = folded(q.trim());
        let called = |differs: &Differs<GroupId, GroupThen>, of: fn(&GroupThen) -> &str| {
            [&differs.now, &differs.then].into_iter().flatten().map(of).map(folded).collect::<Vec<_>>()
        };
        let mut groups: Vec<_> = self
            .drift
            .groups
            .iter()
            .filter(|differs| called(differs, |group| &group.name).iter().any(|name| name.contains(&needle)))
            .collect();
        groups.sort_by_cached_key(|differs| (called(differs, |group| &group.name).into_iter().next(), differs.id.clone()));
        groups
    }

    /// When a group became what it is: after the one time and not after the other.
    fn window(&self, id: &GroupId) -> Window {
        self.windows.get(id).copied().unwrap_or(self.otherwise)
    }

    fn role_names(&self, ids: impl Iterator<Item = RoleId>) -> Vec<String> {
        let mut names: Vec<String> =
            ids.map(|id| self.roles.get(&id).cloned().unwrap_or_else(|| format!("unknown role {id}"))).collect();
        names.sort_by_cached_key(|name| folded(name));
        names
    }

    fn line<R: Role>(
        &self,
        access: &Access<R>,
        inventory: &Inventory,
        names: &Names<'_>,
        differs: &Differs<GroupId, GroupThen>,
    ) -> GroupChange {
        let none = BTreeSet::new();
        let (then, now) = (differs.then.as_ref(), differs.now.as_ref());
        let (gave, gives) = (then.map_or(&none, |then| &then.roles), now.map_or(&none, |now| &now.roles));
        let known = now.or(then);
        let (authors, outside) = self.done.of(differs, inventory, names);
        GroupChange {
            id: differs.id.to_string(),
            name: known.map(|group| group.name.clone()).unwrap_or_default(),
            became: became(differs),
            facts: then.zip(now).map(|(then, now)| facts_of_group(then, now)).unwrap_or_default(),
            added: self.role_names(gives.difference(gave).cloned()),
            removed: self.role_names(gave.difference(gives).cloned()),
            when: when(access, self.window(&differs.id)),
            authors,
            outside,
            is_there: inventory.group(&differs.id).is_some(),
            was_there: then.is_some(),
            system: known.is_some_and(|group| group.provider == Provider::System),
        }
    }

    fn role_lines(&self, q: &str, inventory: &Inventory) -> Vec<RoleChange> {
        let needle = folded(q.trim());
        let is_asked = |differs: &&Differs<RoleId, RoleThen>| {
            [&differs.now, &differs.then].into_iter().flatten().any(|role| folded(&role.name).contains(&needle))
        };
        let line = |differs: &Differs<RoleId, RoleThen>| RoleChange {
            id: differs.id.to_string(),
            name: differs.now.as_ref().or(differs.then.as_ref()).map(|role| role.name.clone()).unwrap_or_default(),
            became: became(differs),
            facts: differs
                .then
                .as_ref()
                .zip(differs.now.as_ref())
                .map(|(then, now)| facts_of_role(then, now))
                .unwrap_or_default(),
            is_there: inventory.roles.iter().any(|role| role.id == differs.id),
        };
        let mut lines: Vec<RoleChange> = self.drift.roles.iter().filter(is_asked).map(line).collect();
        lines.sort_by_cached_key(|line| folded(&line.name));
        lines
    }
}

/// Names of people by id; the subject of those without one.
fn people(inventory: &Inventory) -> HashMap<&str, &str> {
    let people = inventory.people.iter();
    people
        .map(|person| (person.id.as_str(), if person.name.is_empty() { person.subject.as_str() } else { &person.name }))
        .collect()
}

/// A window in words, without the zone, which is the heading's.
fn when<R: Role>(access: &Access<R>, (after, upto): Window) -> String {
    let cut = |ms: i64, from: usize| access.zone.date_time(ms).get(from..16).unwrap_or_default().to_owned();
    let (start, end) = (cut(after, 0), cut(upto, 0));
    match start.get(..10) == end.get(..10) {
        _ if start == end => end,
        true => format!("{start} – {}", cut(upto, 11)),
        false => format!("{start} – {end}"),
    }
}

/// Refuses where the tenant does not let the key in any more: what it once showed, and what other keys see, is not for it.
pub(super) fn let_in(trouble: Option<&AppError>) -> Result<(), AppError> {
    let shut = |error: &&AppError| matches!(error.kind, ErrorKind::Forbidden | ErrorKind::NotConnected);
    trouble.filter(shut).map_or(Ok(()), |error| Err(error.clone()))
}

pub async fn view(access: &Access<Viewer>, query: &str) -> Result<Loaded<HistoryView>, AppError> {
    let span = Span::read(query);
    let loaded = look(access, Arc::clone).await?;
    if let Loaded::Ready(_, fresh) = &loaded {
        let_in(fresh.trouble.as_ref()).map_err(refused)?;
    }
    loaded.map(|snapshot| cut(access, &span, snapshot)).await.map_err(refused)
}

async fn cut(access: &Access<Viewer>, span: &Span, snapshot: Arc<Snapshot>) -> Result<HistoryView, AppError> {
    let now = (Arc::new(state_of(&snapshot).await?), snapshot.as_of);
    let mut compared = compared(access, span, now).await?;
    compared.done.ask_qlik(access, &compared.drift.groups).await;
    let inventory = &snapshot.inventory;
    let groups = compared.groups(&span.q);
    let pages = groups.len().div_ceil(PAGE).max(1);
    let page = (span.page as usize).clamp(1, pages);
    let of = |became_so: Became| groups.iter().filter(|differs| became(differs) == became_so).count() as u64;
    let counts = (of(Became::Created), of(Became::Changed), of(Became::Deleted));
    let shown = groups.iter().skip((page - 1) * PAGE).take(PAGE);
    let to_the_minute = |at: i64| access.zone.date_time(at).get(..16).unwrap_or_default().to_owned();
    let names = Names { people: people(inventory), when: &to_the_minute };
    let lines = shown.map(|differs| compared.line(access, inventory, &names, differs)).collect();
    let zone = &access.zone;
    let (history, tenant) = (&access.state.engine.history, access.tenant.id.as_str());
    let Then { at, baseline, .. } = &compared.then;
    let declared_at = baseline.as_ref().map_or(0, |baseline| baseline.declared_at);
    let declared = match baseline {
        Some(baseline) => Some(baseline.clone()),
        None => access.state.engine.store.baseline(tenant).await?,
    };
    let from = zone.date_time(compared.then.stands_at());
    let asked = zone.date_time(*at);
    Ok(HistoryView {
        from,
        from_day: asked.get(..10).unwrap_or_default().to_owned(),
        to: compared.later.map(|(at, _)| zone.date_time(at)).unwrap_or_default(),
        moment: compared.then.at,
        declared_at,
        notes: notes(access, &compared, &snapshot),
        kept_since: history.first(tenant).await?.map(|first| zone.date_time(first.at)).unwrap_or_default(),
        is_baseline: baseline.is_some(),
        baseline: declared.map(|baseline| BaselineLine {
            at: zone.date_time(baseline.at),
            by: baseline.declared_by,
            declared: zone.date_time(baseline.declared_at),
            declared_at: baseline.declared_at,
        }),
        counts,
        in_all: compared.drift.groups.len() as u64,
        restorable: groups.iter().filter(|differs| differs.then.is_some()).count() as u64,
        groups: lines,
        roles: compared.role_lines(&span.q, inventory),
        page: u32::try_from(page).unwrap_or(1),
        pages: u32::try_from(pages).unwrap_or(1),
    })
}

/// What the moments stand for, where that is not plain.
fn notes<R: Role>(access: &Access<R>, compared: &Compared, snapshot: &Snapshot) -> Vec<String> {
    let zone = &access.zone;
    let mut notes = Vec::new();
    let stands_for = |at: i64, kept: GroupState| {
        if kept.at > at {
            let (first, asked) = (zone.date_time(kept.at), zone.date_time(at));
            Some(format!("The history begins at {first}. {asked} is before that, so the state of {first} is shown."))
        } else if kept.until < at {
            let (asked, before) = (zone.date_time(at), zone.date_time(kept.until));
            Some(format!("There was no refresh at {asked}. The one before it, at {before}, is shown."))
        } else {
            None
        }
    };
    match (&compared.then.baseline, compared.then.kept) {
        (None, Some(kept)) => notes.extend(stands_for(compared.then.at, kept)),
        (Some(_), Some(kept)) if kept.at > compared.then.at => notes.push(format!(
            "What happened before {} is no longer kept, so who changed something then is not known.",
            zone.date_time(kept.at)
        )),
        _ => {}
    }
    match compared.later {
        Some((at, kept)) => notes.extend(stands_for(at, kept)),
        None => notes.push(format!("Now is the refresh of {}.", zone.date_time(snapshot.as_of))),
    }
    notes.extend(compared.done.note().map(str::to_owned));
    notes
}

/// The earlier moment, as the title of a plan has it.
fn words<R: Role>(access: &Access<R>, then: &Then) -> String {
    let at = access.zone.date_time(then.stands_at());
    if then.baseline.is_some() { format!("the baseline of {at}") } else { at }
}

/// What a page asks to restore.
pub struct Wanted<'a> {
    /// The span of the page, as its address holds it.
    pub query: &'a str,
    /// The earlier moment that the page showed.
    pub moment: i64,
    /// When the baseline that it showed was declared; 0 where it compared with none.
    pub declared_at: i64,
    /// Groups by `restore:` or `delete:` and their ids.
    pub rows: &'a [String],
    /// Every group that the page counts and that was there.
    pub all: bool,
}

pub async fn draft(access: &Access<Operator>, wanted: Wanted<'_>) -> Result<Lead, AppError> {
    /// More groups than a tenant has.
    const MOST: usize = 20_000;
    if wanted.rows.len() > MOST {
        return Err(AppError::invalid("Too many groups", "Select fewer of them."));
    }
    let span = Span::read(wanted.query);
    let then = seen(access, wanted.moment, wanted.declared_at).await?;
    let snapshot = access.refresh().await?;
    let now = Arc::new(state_of(&snapshot).await?);
    let (earlier, is) = (then.state.clone(), now.clone());
    let mut differing: BTreeMap<GroupId, Option<GroupThen>> = aside(move || Drift::between(&earlier, &is))
        .await?
        .groups
        .into_iter()
        .map(|differs| (differs.id, differs.then))
        .collect();
    let groups: Vec<(GroupId, Option<GroupThen>)> = if wanted.all {
        // Those that the page counted, which may have been of an earlier time than now.
        let later = later(access, &span, snapshot.as_of).await?;
        let compared = compare(access, then.clone(), later, (now, snapshot.as_of)).await?;
        let counted = compared.groups(&span.q).into_iter().map(|differs| differs.id.clone());
        counted.filter_map(|id| Some((id.clone(), Some(differing.remove(&id)??)))).collect()
    } else {
        let mut groups = Vec::new();
        for row in wanted.rows {
            let (deletes, id) = match row.split_once(':') {
                Some(("delete", id)) => (true, id),
                Some(("restore", id)) => (false, id),
                _ => return Err(AppError::invalid("Unknown action", "Reload the page and select groups again.")),
            };
            let id = GroupId::new(id);
            let was = match differing.remove(&id) {
                Some(was) => was,
                // It is as it was by now.
                None => then.state.groups.get(&id).cloned(),
            };
            if was.is_none() != deletes {
                let why = "What would become of a group is not what the page said. Nothing was planned; look again.";
                return Err(AppError::new(ErrorKind::Conflict, "The groups changed while this page was open", why));
            }
            groups.push((id, was));
        }
        groups
    };
    if groups.is_empty() {
        let why =
            if wanted.all { "Every group that was there is as it was." } else { "Select at least one group, then try again." };
        return Err(AppError::invalid("No group to restore", why));
    }
    keep_plan(access, &snapshot, Intent::Restore { groups, as_of: words(access, &then) }, Origin::Person).await
}

pub async fn declare(access: &Access<Operator>, moment: i64, replaces: i64) -> Result<Lead, AppError> {
    let declared = access.state.engine.store.baseline(&access.tenant.id).await?;
    if declared.map_or(0, |baseline| baseline.declared_at) != replaces {
        let why = "Someone declared or removed one while this page was open, or the page does not know that it would be replaced. Look again.";
        return Err(AppError::new(ErrorKind::Conflict, "The baseline was not replaced", why));
    }
    let (at, state) = if moment == 0 {
        let snapshot = access.refresh().await?;
        (snapshot.as_of, Arc::new(state_of(&snapshot).await?))
    } else {
        // Whoever declares it has to see what they declare.
        let snapshot = access.at_most(5 * 60 * 1_000).await?;
        state_of(&snapshot).await?;
        let then = seen(access, moment.min(snapshot.as_of), 0).await?;
        (then.stands_at(), then.state)
    };
    let baseline = Baseline { at, declared_at: access.now(), declared_by: access.actor.to_string() };
    let record = NewAudit {
        reason: format!("groups and roles as of {}", engine::clock::iso(at)),
        ..access.record("declare baseline", Target::named("groups", "baseline of groups and roles"))
    };
    access.state.engine.store.audit(&[record]).await?;
    access.state.engine.history.declare(&access.tenant.id, &baseline, state).await?;
    Ok(back(access))
}

pub async fn undeclare(access: &Access<Operator>) -> Result<Lead, AppError> {
    access.must_see_groups("Couldn't remove the baseline").await?;
    let record = access.record("remove baseline", Target::named("groups", "baseline of groups and roles"));
    access.state.engine.store.audit(&[record]).await?;
    access.state.engine.history.undeclare(&access.tenant.id).await?;
    Ok(back(access))
}

fn back(access: &Access<Operator>) -> Lead {
    Lead::Path(format!("/t/{}/groups/history", escape(&access.tenant.id)))
}

/// How a tenant stands to its baseline; the day is the one that the baseline is of.
pub enum OffBaseline {
    /// None is declared.
    Undeclared,
    /// It cannot be read.
    Unreadable,
    /// The key does not show all groups and roles.
    NotVisible(String),
    /// So many groups differ.
    Differ(String, u64),
}

pub async fn off_baseline(access: &Access<Viewer>, snapshot: &Snapshot) -> OffBaseline {
    let (baseline, state) = match access.state.engine.history.baseline(&access.tenant.id).await {
        Ok(None) => return OffBaseline::Undeclared,
        Ok(Some(declared)) => declared,
        Err(error) => {
            tracing::error!(%error, "the baseline cannot be read");
            return OffBaseline::Unreadable;
        }
    };
    let day = access.zone.date_time(baseline.at).get(..10).unwrap_or_default().to_owned();
    let inventory = snapshot.inventory.clone();
    match aside(move || count_differing(&state, &inventory)).await {
        Ok(Some(differing)) => OffBaseline::Differ(day, differing),
        Ok(None) => OffBaseline::NotVisible(day),
        Err(_) => OffBaseline::Unreadable,
    }
}

/// Everything that differs, as lines of a file.
pub(super) async fn all<R: Role>(
    access: &Access<R>,
    span: &Span,
    snapshot: &Arc<Snapshot>,
) -> Result<Vec<[String; 9]>, AppError> {
    let now = (Arc::new(state_of(snapshot).await?), snapshot.as_of);
    let mut compared = compared(access, span, now).await?;
    compared.done.ask_qlik(access, &compared.drift.groups).await;
    // A file says all its times in UTC.
    let iso = |at: i64| engine::clock::iso(at);
    let names = Names { people: people(&snapshot.inventory), when: &iso };
    let unread = compared.done.note().map(|_| "not all of Qlik's audits could be read, so names may be missing");
    let groups = compared.groups(&span.q).into_iter().map(|differs| {
        let (after, upto) = compared.window(&differs.id);
        let line = compared.line(access, &snapshot.inventory, &names, differs);
        let mut by: Vec<String> = line.authors.into_iter().map(|author| author.name).collect();
        by.extend(unread.filter(|_| line.outside.is_some()).map(str::to_owned));
        by.extend(line.outside);
        let when = format!("{}/{}", engine::clock::iso(after), engine::clock::iso(upto));
        let (became, facts) = (line.became.word().to_owned(), line.facts.join("; "));
        [
            "group".to_owned(),
            line.id,
            line.name,
            became,
            facts,
            line.added.join("; "),
            line.removed.join("; "),
            when,
            by.join("; "),
        ]
    });
    let roles = compared.role_lines(&span.q, &snapshot.inventory).into_iter().map(|line| {
        let none = String::new;
        [
            "role".to_owned(),
            line.id,
            line.name,
            line.became.word().to_owned(),
            line.facts.join("; "),
            none(),
            none(),
            none(),
            none(),
        ]
    });
    Ok(groups.chain(roles).collect())
}
