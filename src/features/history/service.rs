//! Compares groups and roles of two moments, finds out who changed them, and turns differences into a plan that restores them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::drift::{Differs, Drift, GroupThen, RoleThen, State};
use domain::inventory::{GroupId, Inventory, Provider, RoleId};
use domain::plan::Intent;
use domain::text::folded;
use domain::touch::Touch;
use engine::history::{HistoryError, Window};
use engine::readings::Snapshot;
use storage::{Baseline, GroupState, NewAudit, Origin};
use trail::Target;

use super::view::{Author, BASELINE, BaselineLine, Became, GroupChange, HistoryView, RoleChange, Span};
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
/// Records of one group that are looked at for who changed it.
const RECORDS: i64 = 50;

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
struct Then {
    /// The moment.
    at: i64,
    /// The state that is kept of it; of a baseline, the one that was kept then, which may be later where older ones are gone.
    kept: Option<GroupState>,
    state: Arc<State>,
    baseline: Option<Baseline>,
}

/// Two moments, side by side.
pub(super) struct Compared {
    then: Then,
    /// The later moment and its state; nothing where it is now.
    later: Option<(i64, GroupState)>,
    drift: Drift,
    /// Names of all roles of either moment.
    roles: BTreeMap<RoleId, String>,
    windows: BTreeMap<GroupId, Window>,
    /// The window of what is in no kept state yet.
    newest: Window,
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

fn moment<R: Role>(access: &Access<R>, day: &str, time: &str) -> Result<i64, AppError> {
    access.zone.moment(day, time).ok_or_else(|| {
        AppError::invalid("Unknown date", "Give a day such as 2026-11-03 and, if it matters, a time such as 14:30.")
    })
}

/// The earlier moment that is asked for.
async fn then<R: Role>(access: &Access<R>, span: &Span) -> Result<Then, AppError> {
    let (history, tenant) = (&access.state.engine.history, access.tenant.id.as_str());
    if span.from.is_empty() || span.from == BASELINE {
        match history.baseline(tenant).await? {
            Some((baseline, state)) => {
                let kept = history.at(tenant, baseline.at).await?.map(|(kept, _)| kept);
                return Ok(Then { at: baseline.at, kept, state, baseline: Some(baseline) });
            }
            None if span.from == BASELINE => {
                return Err(AppError::not_found("No baseline is declared", "Declare one on the history of groups."));
            }
            None => {}
        }
    }
    let at = if span.from.is_empty() { access.now() - USUAL_MS } else { moment(access, &span.from, &span.from_time)? };
    if at > access.now()
        && access.zone.day(&span.from).is_none_or(|(start, _)| start > access.now() || !span.from_time.is_empty())
    {
        return Err(AppError::invalid("That is still to come", "Choose an earlier moment up to now."));
    }
    let at = at.min(access.now());
    let (kept, state) = history.at(tenant, at).await?.ok_or_else(nothing_kept)?;
    Ok(Then { at, kept: Some(kept), state, baseline: None })
}

/// Compares the moments that a span asks for. `snapshot` is how it is now.
pub(super) async fn compare<R: Role>(access: &Access<R>, span: &Span, snapshot: &Arc<Snapshot>) -> Result<Compared, AppError> {
    let (history, tenant) = (&access.state.engine.history, access.tenant.id.as_str());
    let then = then(access, span).await?;
    let now = state_of(snapshot).await?;
    let mut roles: BTreeMap<RoleId, String> = names(&then.state);
    let newest = history.newest(tenant).await?;
    let (later, state, upto) = if span.to.is_empty() {
        roles.extend(names(&now));
        (None, Arc::new(now), newest.map_or(0, |newest| newest.n))
    } else {
        let at = moment(access, &span.to, &span.to_time)?.min(access.now());
        if at < then.at {
            return Err(AppError::invalid("The later moment is before the earlier one", "Exchange the two, then try again."));
        }
        let (kept, state) = history.at(tenant, at).await?.ok_or_else(nothing_kept)?;
        roles.extend(names(&now));
        roles.extend(names(&state));
        (Some((at, kept)), state, kept.n)
    };
    let windows = match then.kept {
        Some(kept) => history.windows(tenant, kept, upto).await?,
        None => BTreeMap::new(),
    };
    let earlier = then.state.clone();
    let drift = aside(move || Drift::between(&earlier, &state)).await?;
    let newest = (newest.map_or(0, |newest| newest.began), access.now());
    Ok(Compared { then, later, drift, roles, windows, newest })
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
        self.windows.get(id).copied().unwrap_or(self.newest)
    }

    fn role_names(&self, ids: impl Iterator<Item = RoleId>) -> Vec<String> {
        let mut names: Vec<String> =
            ids.map(|id| self.roles.get(&id).cloned().unwrap_or_else(|| format!("{id} (deleted)"))).collect();
        names.sort_by_cached_key(|name| folded(name));
        names
    }

    async fn line<R: Role>(
        &self,
        access: &Access<R>,
        inventory: &Inventory,
        differs: &Differs<GroupId, GroupThen>,
    ) -> Result<GroupChange, AppError> {
        let none = BTreeSet::new();
        let (then, now) = (differs.then.as_ref(), differs.now.as_ref());
        let (gave, gives) = (then.map_or(&none, |then| &then.roles), now.map_or(&none, |now| &now.roles));
        let known = now.or(then);
        let window = self.window(&differs.id);
        let (authors, outside) = self.who(access, inventory, differs, window).await?;
        Ok(GroupChange {
            id: differs.id.to_string(),
            name: known.map(|group| group.name.clone()).unwrap_or_default(),
            became: became(differs),
            facts: then.zip(now).map(|(then, now)| facts_of_group(then, now)).unwrap_or_default(),
            added: self.role_names(gives.difference(gave).cloned()),
            removed: self.role_names(gave.difference(gives).cloned()),
            when: when(access, window),
            authors,
            outside,
            is_there: inventory.group(&differs.id).is_some(),
            was_there: then.is_some(),
            system: known.is_some_and(|group| group.provider == Provider::System),
        })
    }

    /// Who changed a group by the portal between the two moments, the newest first, and whether somebody did elsewhere.
    async fn who<R: Role>(
        &self,
        access: &Access<R>,
        inventory: &Inventory,
        differs: &Differs<GroupId, GroupThen>,
        (after, upto): Window,
    ) -> Result<(Vec<Author>, Option<String>), AppError> {
        let store = &access.state.engine.store;
        let mut touches = vec![Touch::Group(differs.id.clone())];
        // One that a job created is known by the name it asked for.
        if let (None, Some(now)) = (&differs.then, &differs.now) {
            touches.push(Touch::GroupName(now.name.clone()));
        }
        let from = self.then.kept.map_or(self.then.at, |kept| kept.began.min(self.then.at));
        let until = self.later.map_or_else(|| access.now(), |(_, kept)| kept.until);
        let mut done: Vec<(i64, i64, String)> = Vec::new();
        for touch in &touches {
            for entry in store.audit_of(&access.tenant.id, touch, RECORDS).await? {
                let record = entry.record;
                if record.outcome == "done" && !record.job.is_empty() && record.at > from && record.at <= until {
                    done.push((entry.seq, record.at, record.actor.name));
                }
            }
        }
        done.sort_unstable_by_key(|(seq, ..)| std::cmp::Reverse(*seq));
        let ours = done.iter().any(|(_, at, _)| *at >= after && *at <= upto);
        let mut authors: Vec<Author> = Vec::new();
        for (seq, _, name) in done {
            if !authors.iter().any(|author| author.name == name) {
                authors.push(Author { name, seq });
            }
        }
        let outside = (!ours).then(|| {
            let creator = inventory.group(&differs.id).filter(|_| differs.then.is_none()).map(|group| &group.created_by);
            let by = creator.and_then(|id| inventory.people.iter().find(|person| person.id.as_str() == id));
            match by {
                Some(person) if !person.name.is_empty() => format!("outside Quartermaster, by {}", person.name),
                _ => "outside Quartermaster".to_owned(),
            }
        });
        Ok((authors, outside))
    }

    fn role_lines(&self, q: &str, inventory: &Inventory) -> Vec<RoleChange> {
        let needle = folded(q.trim());
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
        let mut lines: Vec<RoleChange> =
            self.drift.roles.iter().map(line).filter(|line| folded(&line.name).contains(&needle)).collect();
        lines.sort_by_cached_key(|line| folded(&line.name));
        lines
    }
}

/// A window in words, without the zone, which is the heading's.
fn when<R: Role>(access: &Access<R>, (after, upto): Window) -> String {
    let cut = |ms: i64, from: usize| access.zone.date_time(ms).get(from..16).unwrap_or_default().to_owned();
    let (start, end) = (cut(after, 0), cut(upto, 0));
    match start.get(..10) == end.get(..10) {
        _ if after == 0 => format!("before {end}"),
        _ if start == end => end,
        true => format!("{start} – {}", cut(upto, 11)),
        false => format!("{start} – {end}"),
    }
}

pub async fn view(access: &Access<Viewer>, query: &str) -> Result<Loaded<HistoryView>, AppError> {
    let span = Span::read(query);
    let loaded = look(access, Arc::clone).await?;
    loaded.map(|snapshot| cut(access, &span, snapshot)).await.map_err(refused)
}

async fn cut(access: &Access<Viewer>, span: &Span, snapshot: Arc<Snapshot>) -> Result<HistoryView, AppError> {
    let compared = compare(access, span, &snapshot).await?;
    let inventory = &snapshot.inventory;
    let groups = compared.groups(&span.q);
    let pages = groups.len().div_ceil(PAGE).max(1);
    let page = (span.page as usize).clamp(1, pages);
    let of = |became_so: Became| groups.iter().filter(|differs| became(differs) == became_so).count() as u64;
    let counts = (of(Became::Created), of(Became::Changed), of(Became::Deleted));
    let mut lines = Vec::new();
    for differs in groups.iter().skip((page - 1) * PAGE).take(PAGE) {
        lines.push(compared.line(access, inventory, differs).await?);
    }
    let zone = &access.zone;
    let (history, tenant) = (&access.state.engine.history, access.tenant.id.as_str());
    let baseline = match &compared.then.baseline {
        Some(baseline) => Some(baseline.clone()),
        None => history.baseline(tenant).await?.map(|(baseline, _)| baseline),
    };
    Ok(HistoryView {
        from: zone.date_time(compared.then.at),
        from_day: zone.date_time(compared.then.at).get(..10).unwrap_or_default().to_owned(),
        to: compared.later.map(|(at, _)| zone.date_time(at)).unwrap_or_default(),
        notes: notes(access, &compared, &snapshot),
        kept_since: history.first(tenant).await?.map(|first| zone.date_time(first.at)).unwrap_or_default(),
        baseline: baseline.map(|baseline| BaselineLine {
            at: zone.date_time(baseline.at),
            by: baseline.declared_by,
            declared: zone.date_time(baseline.declared_at),
        }),
        is_baseline: compared.then.baseline.is_some(),
        counts,
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
            Some(format!(
                "Nothing is kept of {}: the first refresh that is stands for it, of {}.",
                zone.date_time(at),
                zone.date_time(kept.at)
            ))
        } else if kept.until < at {
            Some(format!("{} is told from the refresh before it, of {}.", zone.date_time(at), zone.date_time(kept.until)))
        } else {
            None
        }
    };
    if let (None, Some(kept)) = (&compared.then.baseline, compared.then.kept) {
        notes.extend(stands_for(compared.then.at, kept));
    }
    match compared.later {
        Some((at, kept)) => notes.extend(stands_for(at, kept)),
        None => notes.push(format!("Now is the refresh of {}.", zone.date_time(snapshot.as_of))),
    }
    notes
}

/// The earlier moment, as the title of a plan has it.
fn words<R: Role>(access: &Access<R>, then: &Then) -> String {
    let at = access.zone.date_time(then.at);
    if then.baseline.is_some() { format!("the baseline of {at}") } else { at }
}

pub async fn draft(access: &Access<Operator>, query: &str, rows: &[String], all: bool) -> Result<Lead, AppError> {
    /// More groups than a tenant has.
    const MOST: usize = 20_000;
    if rows.len() > MOST {
        return Err(AppError::invalid("Too many groups", "Select fewer of them."));
    }
    let span = Span::read(query);
    let then = then(access, &span).await?;
    let snapshot = access.refresh().await?;
    let now = state_of(&snapshot).await?;
    let (earlier, as_of) = (then.state.clone(), words(access, &then));
    let drift = aside(move || Drift::between(&earlier, &now)).await?;
    let groups: Vec<(GroupId, Option<GroupThen>)> = if all {
        let needle = folded(span.q.trim());
        let named = |group: &GroupThen| folded(&group.name).contains(&needle);
        let asked = drift
            .groups
            .into_iter()
            .filter(|differs| differs.then.is_some() && [&differs.then, &differs.now].into_iter().flatten().any(named));
        asked.map(|differs| (differs.id, differs.then)).collect()
    } else {
        let rows: BTreeSet<GroupId> = rows.iter().map(|id| GroupId::new(id.as_str())).collect();
        rows.into_iter()
            .map(|id| {
                let was = then.state.groups.get(&id).cloned();
                (id, was)
            })
            .collect()
    };
    if groups.is_empty() {
        let why = if all { "Every group that was there is as it was." } else { "Select at least one group, then try again." };
        return Err(AppError::invalid("No group to restore", why));
    }
    keep_plan(access, &snapshot, Intent::Restore { groups, as_of }, Origin::Person).await
}

pub async fn declare(access: &Access<Operator>, query: &str) -> Result<Lead, AppError> {
    let span = Span::read(query);
    let (at, state) = if span.from.is_empty() {
        let snapshot = access.refresh().await?;
        (snapshot.as_of, Arc::new(state_of(&snapshot).await?))
    } else {
        // Whoever declares it has to see what they declare.
        state_of(&access.at_most(5 * 60 * 1_000).await?).await?;
        let then = then(access, &span).await?;
        (then.at, then.state)
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
    let record = access.record("remove baseline", Target::named("groups", "baseline of groups and roles"));
    access.state.engine.store.audit(&[record]).await?;
    access.state.engine.history.undeclare(&access.tenant.id).await?;
    Ok(back(access))
}

fn back(access: &Access<Operator>) -> Lead {
    Lead::Path(format!("/t/{}/groups/history", escape(&access.tenant.id)))
}

/// The declared baseline: its moment in words, and how a tenant differs from it. Nothing where none is declared.
pub async fn off_baseline(access: &Access<Viewer>) -> Result<Option<(String, Arc<State>)>, AppError> {
    let baseline = access.state.engine.history.baseline(&access.tenant.id).await?;
    Ok(baseline.map(|(baseline, state)| (access.zone.date_time(baseline.at).get(..10).unwrap_or_default().to_owned(), state)))
}

/// Everything that differs, as lines of a file.
pub(super) async fn all<R: Role>(
    access: &Access<R>,
    span: &Span,
    snapshot: &Arc<Snapshot>,
) -> Result<Vec<[String; 8]>, AppError> {
    let compared = compare(access, span, snapshot).await?;
    let mut rows = Vec::new();
    for differs in compared.groups(&span.q) {
        let (after, upto) = compared.window(&differs.id);
        let line = compared.line(access, &snapshot.inventory, differs).await?;
        let mut by: Vec<String> = line.authors.into_iter().map(|author| author.name).collect();
        by.extend(line.outside);
        let after = if after > 0 { engine::clock::iso(after) } else { String::new() };
        rows.push([
            line.id,
            line.name,
            line.became.word().to_owned(),
            line.facts.join("; "),
            line.added.join("; "),
            line.removed.join("; "),
            format!("{after}/{}", engine::clock::iso(upto)),
            by.join("; "),
        ]);
    }
    Ok(rows)
}
