//! Reads what is known of a person, and makes single edits: plans of one change, applied at once.

use std::collections::BTreeSet;

use domain::allotment::AllotmentName;
use domain::change::Undo;
use domain::inventory::UserId;
use domain::journal::RowState;
use domain::plan::Intent;
use domain::subject::Subject;
use domain::touch::Touch;
use engine::readings::{LastUse, Latest, Snapshot};
use storage::Origin;

use super::service::targets;
use super::view::{Edited, HeldLine, HistoryLine, PersonView};
use super::view_of;
use crate::error::{AppError, ErrorKind};
use crate::features::audit::details;
use crate::features::jobs::{outcome_of, undo_title};
use crate::features::plans::{AtOnce, apply_at_once};
use crate::server::access::{Access, Operator, Viewer};
use crate::server::lead::Lead;

/// A reading this old is new enough for a single edit: what it does not know, Qlik's own answer to the row tells.
const FRESH_MS: i64 = 60 * 1_000;
/// Lines of a person's history.
const HISTORY: i64 = 20;

pub async fn person(access: &Access<Viewer>, subject: &str, job: &str) -> Result<Option<PersonView>, AppError> {
    let wait = crate::features::shared::WAIT;
    let (snapshot, trouble) = match access.latest(wait).await {
        Latest::Ready(snapshot, trouble) => (snapshot, trouble),
        // The table says how far the reading is, or why there is none.
        Latest::Loading(..) | Latest::Failed(_) => return Ok(None),
    };
    let subject = Subject::new(subject);
    let Some(mut view) = known(&snapshot, &subject) else { return Ok(None) };
    view.off = trouble.is_some() || !snapshot.inventory.coverage.licenses.is_whole();
    if !view.id.is_empty() {
        (view.recent, view.no_recent) = recent_use(access, &UserId::new(&view.id));
    }
    let trail = access.state.engine.store.audit_of(&access.tenant.id, &Touch::Holdings(subject.clone()), HISTORY).await;
    let trail = trail?;
    let roles = std::collections::HashMap::new();
    // What was intended is told by what came of it, once that is known.
    let came: std::collections::HashSet<(String, String)> = trail
        .iter()
        .filter(|line| line.record.outcome != "intent")
        .map(|line| (line.record.job.clone(), line.record.action.clone()))
        .collect();
    view.history = trail
        .into_iter()
        .filter(|line| line.record.outcome != "intent" || !came.contains(&(line.record.job.clone(), line.record.action.clone())))
        .map(|line| HistoryLine {
            at: access.zone.date_time(line.record.at),
            detail: details(&line.record, &roles),
            actor: line.record.actor.name,
            action: line.record.action,
            outcome: line.record.outcome,
            job: line.record.job,
        })
        .collect();
    if !job.is_empty() {
        view.edited = outcome_of(access, job).await?.map(|(line, row)| {
            let settled = row.state.is_settled();
            Edited {
                state: if settled || line.state == "paused" { row.state.as_str().to_owned() } else { String::new() },
                job: line.id,
                title: line.title,
                why: [row.title, row.remedy].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "),
                undo: row.state == RowState::Done,
            }
        });
    }
    Ok(Some(view))
}

/// The newest days of use, or why there are none to show.
fn recent_use(access: &Access<Viewer>, user: &UserId) -> (Vec<(String, String)>, String) {
    let source = access.source();
    let known = access.state.engine.readings.last_use(&source);
    match (access.state.engine.readings.recent_use(&source, user), known) {
        (Some(days), _) if days.is_empty() => (Vec::new(), "No use in the last 90 days.".to_owned()),
        (Some(days), _) => (days.iter().map(|day| (day.day.to_string(), day.words())).collect(), String::new()),
        (None, LastUse::Closed) => (Vec::new(), "Usage is unavailable: this key cannot read consumption.".to_owned()),
        (None, LastUse::Failed) => (Vec::new(), "Usage is unavailable: Qlik did not respond. Trying again.".to_owned()),
        (None, LastUse::Reading | LastUse::Known) => (Vec::new(), "Loading…".to_owned()),
    }
}

fn known(snapshot: &Snapshot, subject: &Subject) -> Option<PersonView> {
    let inventory = &snapshot.inventory;
    let person = inventory.people.iter().find(|person| person.subject == *subject);
    let held: Vec<HeldLine> = inventory
        .assignments
        .iter()
        .filter(|assignment| assignment.subject == *subject)
        .map(|assignment| HeldLine {
            value: assignment.allotment.to_string(),
            label: assignment.allotment.label(),
            since: assignment.created.get(..10).unwrap_or_default().to_owned(),
            excess: assignment.excess,
        })
        .collect();
    if person.is_none() && held.is_empty() {
        return None;
    }
    let groups: Vec<_> =
        person.iter().flat_map(|person| person.groups.iter().flatten()).filter_map(|id| inventory.group(id)).collect();
    let unseen = match person {
        Some(person) if person.groups.is_none() => "Groups and the roles they give are not visible with this key.",
        Some(person) if person.roles.is_none() || groups.iter().any(|group| group.roles.is_none()) => {
            "Some roles are not visible with this key."
        }
        _ if !inventory.coverage.groups.is_whole() => "Not all groups of the tenant were loaded.",
        _ => "",
    };
    let names = inventory.roles_by_id();
    let mut roles: BTreeSet<(String, String)> = BTreeSet::new();
    let mut note = |id, by: &str| {
        let name = names.get(id).map_or_else(|| format!("{id}"), |role| role.name.clone());
        roles.insert((name, by.to_owned()));
    };
    for id in person.iter().flat_map(|person| person.roles.iter().flatten()) {
        note(id, "directly");
    }
    for group in &groups {
        for id in group.roles.iter().flatten() {
            note(id, &group.name);
        }
    }
    Some(PersonView {
        subject: person.map_or(subject, |person| &person.subject).to_string(),
        name: person.map(|person| person.name.clone()).unwrap_or_default(),
        email: person.map(|person| person.email.clone()).unwrap_or_default(),
        status: person.map(|person| person.status.clone()).unwrap_or_default(),
        id: person.map(|person| person.id.to_string()).unwrap_or_default(),
        bot: subject.is_bot(),
        used: snapshot.table.rows().find(|row| *subject == Subject::new(row.subject())).map(used).unwrap_or_default(),
        recent: Vec::new(),
        no_recent: String::new(),
        held,
        targets: targets(inventory),
        groups: groups.iter().map(|group| (group.id.to_string(), group.name.clone())).collect(),
        roles: roles.into_iter().collect(),
        unseen: unseen.to_owned(),
        history: Vec::new(),
        edited: None,
        off: false,
    })
}

/// Back to the table as it was, with the person and what was done about them.
fn back(subject: &str, query: &str, job: String) -> Lead {
    let mut pairs = view_of(query).to_pairs();
    pairs.push(("person", subject.to_owned()));
    pairs.push(("job", job));
    Lead::Assignments(pairs)
}

async fn at_once(
    access: &Access<Operator>,
    subject: &str,
    query: &str,
    intent: Intent,
    origin: Origin,
) -> Result<Lead, AppError> {
    let snapshot = access.at_most(FRESH_MS).await?;
    Ok(match apply_at_once(access, &snapshot, intent, origin).await? {
        AtOnce::Applied(job) => back(subject, query, job),
        AtOnce::Plan(plan) => Lead::Plan(plan),
    })
}

pub async fn edit(access: &Access<Operator>, subject: &str, from: &str, to: &str, query: &str) -> Result<Lead, AppError> {
    let who = Subject::parse(subject)
        .map_err(|error| AppError::invalid("Unknown person", format!("The address is wrong: {error}.")))?;
    let intent = match (from, to) {
        ("", "") => return Err(AppError::invalid("Nothing to change", "Choose a license first.")),
        ("", to) => Intent::Assign { subjects: vec![who], allotment: AllotmentName::new(to) },
        (from, "") => Intent::Remove { licenses: vec![(who, AllotmentName::new(from))] },
        (from, to) => Intent::ChangeType { licenses: vec![(who, AllotmentName::new(from))], to: AllotmentName::new(to) },
    };
    at_once(access, subject, query, intent, Origin::Person).await
}

pub async fn take_back(access: &Access<Operator>, subject: &str, job: &str, query: &str) -> Result<Lead, AppError> {
    let done = outcome_of(access, job).await?.filter(|(line, row)| line.tally.total() == 1 && row.state == RowState::Done);
    let Some((line, row)) = done else {
        return Err(AppError::new(
            ErrorKind::Conflict,
            "Nothing to undo",
            "The change was not made, or was part of a job: undo the job instead.",
        ));
    };
    // Nothing is made for a license, so there is nothing else to know.
    let back = match row.change.undo(None) {
        Undo::By(back) | Undo::Partly(back, _) => back,
        Undo::Not(why) => return Err(AppError::new(ErrorKind::Conflict, "This cannot be undone", why)),
    };
    let intent = Intent::Exactly { title: undo_title(&line.title), changes: vec![back], restores: true };
    at_once(access, subject, query, intent, Origin::Job(job.to_owned())).await
}

/// When somebody used Qlik last, as a sentence says it.
fn used(row: domain::assignments::Row<'_>) -> String {
    match row.used().ago() {
        Some(0) => "today".to_owned(),
        Some(days) => format!("{} ago", domain::text::count(i64::from(days), "day", "days")),
        None if row.used() == domain::assignments::Used::NEVER => "none in the last 90 days".to_owned(),
        None => String::new(),
    }
}
