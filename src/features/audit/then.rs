//! How the tenant was at an earlier moment: today's reading, with what the trail says was done since taken back.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Extension, Path, RawQuery};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use domain::allotment::AllotmentName;
use domain::import::{Field, write};
use domain::inventory::RoleId;
use domain::past::{Done, Past, rebuild};
use domain::table::Day;
use domain::text::{count, whole};
use engine::clock::{day_of, iso};
use engine::readings::Snapshot;
use trail::{Did, Target};

use super::service::role_names;
use super::view::{Moment, SeatsThen, ThenLine, ThenView};
use crate::error::AppError;
use crate::features::shared::refused_as_text;
use crate::server::access::{Access, Caller, Operator, Role, Viewer};
use crate::server::state::Shared;

/// People on a page.
const PAGE: usize = 100;
/// Records that are read at once.
const AT_ONCE: i64 = 10_000;
/// A reading at most this old is today's, in milliseconds.
const FRESH_MS: i64 = 5 * 60 * 1_000;

/// What a moment looks like.
struct Then {
    at: i64,
    snapshot: Arc<Snapshot>,
    past: Past,
    /// Records that were taken back, and those that tell it in words only.
    records: u64,
    in_words: u64,
}

/// The moment that is asked for, in milliseconds.
fn moment_of<R: Role>(access: &Access<R>, asked: &Moment) -> Result<i64, AppError> {
    let Some(at) = access.zone.moment(&asked.day, &asked.time) else {
        let why = "Give a day such as 2026-11-03 and, if it matters, a time such as 14:30.";
        return Err(AppError::invalid("Unknown date", why));
    };
    // Its end is still to come where it is today.
    let now = access.now();
    let is_today = asked.time.is_empty() && access.zone.day(&asked.day).is_some_and(|(start, _)| start <= now);
    if at > now && !is_today {
        return Err(AppError::invalid("That is still to come", "Choose a day up to today."));
    }
    Ok(at.min(now))
}

async fn then<R: Role>(access: &Access<R>, asked: &Moment) -> Result<Then, AppError> {
    let at = moment_of(access, asked)?;
    let snapshot = access.at_most(FRESH_MS).await?;
    if !snapshot.inventory.coverage.licenses.is_whole() {
        let missing = snapshot.inventory.coverage.sentences().join(" ");
        return Err(AppError::new(
            crate::error::ErrorKind::Tenant,
            "The tenant could not be loaded completely",
            format!("{missing} How it was is told from how it is, so refresh first."),
        ));
    }
    let store = &access.state.engine.store;
    let (mut done, mut in_words) = (Vec::new(), 0);
    let mut page = Some(store.done_after(&access.tenant.id, at, 0, AT_ONCE).await?);
    while let Some(records) = page {
        let before = records.last().map_or(0, |(seq, _)| *seq);
        let whole = i64::try_from(records.len()).unwrap_or(i64::MAX) == AT_ONCE;
        // Taken apart while the next ones are read.
        let sides = tokio::task::spawn_blocking(move || sides_of(records));
        page = if whole { Some(store.done_after(&access.tenant.id, at, before, AT_ONCE).await?) } else { None };
        let (sides, words) = sides.await.map_err(|error| broke_off(&error))?;
        done.extend(sides);
        in_words += words;
    }
    let (inventory, records, since) = (snapshot.inventory.clone(), done.len() as u64, iso(at));
    // Of a large tenant it takes a moment: work for a thread of its own.
    let past = tokio::task::spawn_blocking(move || rebuild(&inventory, &since, done)).await.map_err(|error| broke_off(&error))?;
    Ok(Then { at, snapshot, past, records, in_words })
}

/// What records did, each with its place, and how many tell it in words only: before there was a chain.
fn sides_of(records: Vec<(i64, String)>) -> (Vec<(i64, Done)>, u64) {
    let mut in_words = 0;
    let mut sides = Vec::with_capacity(records.len());
    for (seq, text) in records {
        let Some(Did { target: Target { kind, id, name }, before, after, .. }) = Did::read(&text) else { continue };
        in_words += u64::from(kind.is_empty());
        sides.extend(Done::read(&kind, &id, &name, &before, &after).map(|did| (seq, did)));
    }
    (sides, in_words)
}

fn broke_off(error: &tokio::task::JoinError) -> AppError {
    tracing::error!(%error, "an earlier moment could not be put together");
    AppError::new(crate::error::ErrorKind::Internal, "It could not be put together", "Try again.")
}

pub async fn view(access: &Access<Viewer>, query: &str) -> Result<ThenView, AppError> {
    let asked = Moment::read(query);
    let Then { at, snapshot, past, records, in_words } = then(access, &asked).await?;
    let inventory = &snapshot.inventory;
    let roles = role_names(access).await;
    let wanted = domain::text::same(&asked.q);
    let takes = |texts: [&str; 2]| wanted.is_empty() || texts.iter().any(|text| domain::text::same(text).contains(&wanted));
    let names: std::collections::HashMap<String, &str> =
        inventory.people.iter().map(|person| (person.subject.key(), person.name.as_str())).collect();
    let people: Vec<ThenLine> = past
        .changed
        .iter()
        .map(|holder| ThenLine {
            name: names.get(&holder.subject.key()).map(|name| (*name).to_owned()).unwrap_or_default(),
            subject: holder.subject.to_string(),
            then: licenses(&holder.then),
            now: licenses(&holder.now),
            seq: holder.seq,
        })
        .filter(|line| takes([&line.name, &line.subject]))
        .collect();
    let role_words = |ids: &BTreeSet<RoleId>| {
        let names = ids.iter().map(|id| roles.get(&id.to_string()).cloned().unwrap_or_else(|| id.to_string()));
        let names: Vec<String> = names.collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    let groups = past.groups.iter().map(|group| ThenLine {
        name: inventory.group(&group.id).map_or_else(|| group.id.to_string(), |group| group.name.clone()),
        subject: String::new(),
        then: role_words(&group.then),
        now: group.now.as_ref().map_or_else(|| "not visible, or gone".to_owned(), role_words),
        seq: group.seq,
    });
    let groups = groups.filter(|line| takes([&line.name, ""])).collect();
    let pages = people.len().div_ceil(PAGE).max(1);
    let page = (asked.page as usize).min(pages);
    Ok(ThenView {
        at: access.zone.date_time(at),
        made_of: made_of(access, &snapshot, &past, (records, in_words)),
        seats: seats(access, &snapshot, &past, at).await?,
        people_in_all: people.len() as u64,
        people: people.into_iter().skip((page - 1) * PAGE).take(PAGE).collect(),
        page: u32::try_from(page).unwrap_or(1),
        pages: u32::try_from(pages).unwrap_or(1),
        groups,
    })
}

fn licenses(held: &BTreeSet<AllotmentName>) -> String {
    if held.is_empty() { "none".to_owned() } else { held.iter().map(AllotmentName::label).collect::<Vec<_>>().join(", ") }
}

/// What it was put together from, and what nobody can know.
fn made_of<R: Role>(access: &Access<R>, snapshot: &Snapshot, past: &Past, (records, in_words): (u64, u64)) -> Vec<String> {
    let counted = |n: u64, one, many| count(whole(n), one, many);
    let mut told = vec![format!(
        "Put together from the reading of {} and {} of the trail since then.",
        access.zone.date_time(snapshot.as_of),
        counted(records, "record", "records")
    )];
    if past.given_by_others > 0 {
        let licenses = counted(past.given_by_others, "license was", "licenses were");
        told.push(format!("{licenses} given outside Quartermaster since then, by Qlik's own dates, and are left out."));
    }
    if past.contradicted > 0 {
        let records = counted(past.contradicted, "record does", "records do");
        told.push(format!("{records} not fit what came after: someone changed the same outside Quartermaster."));
    }
    if in_words > 0 {
        let records = counted(in_words, "older record tells", "older records tell");
        told.push(format!("{records} its change in words only, so it could not be reversed."));
    }
    told.push("Licenses and roles that were taken outside Quartermaster since then cannot be known.".to_owned());
    told
}

/// Seats by license type: then, as Qlik counted them that day, and now.
async fn seats<R: Role>(access: &Access<R>, snapshot: &Snapshot, past: &Past, at: i64) -> Result<Vec<SeatsThen>, AppError> {
    let day: Day = day_of(at);
    let counted = access.state.engine.store.seat_days(&access.tenant.id, day).await?;
    let then = past.seats();
    let assigned = snapshot.inventory.allotments.iter().filter(|of| of.usage_class == domain::allotment::UsageClass::Assigned);
    let line = |allotment: &domain::allotment::Allotment| SeatsThen {
        name: allotment.name.label(),
        then: then.get(&allotment.name).copied().unwrap_or(0),
        counted: counted.iter().find(|seats| seats.day == day && seats.allotment == allotment.name).map(|seats| seats.used),
        now: allotment.used,
    };
    Ok(assigned.map(line).collect())
}

/// `GET /t/TENANT/audit/then.csv?at=…`: everybody who held a license then.
pub async fn file(
    Extension(state): Extension<Shared>,
    Extension(caller): Extension<Caller>,
    Path(tenant): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    match taken(state, caller, &tenant, &query.unwrap_or_default()).await {
        Ok(bytes) => {
            let kind = (header::CONTENT_TYPE, "text/csv; charset=utf-8");
            ([kind, (header::CONTENT_DISPOSITION, "attachment; filename=\"licenses-then.csv\"")], bytes).into_response()
        }
        Err(error) => refused_as_text(&error),
    }
}

async fn taken(state: Shared, caller: Caller, tenant: &str, query: &str) -> Result<Vec<u8>, AppError> {
    let access = Access::<Operator>::of(state, caller, tenant).await?;
    let asked = Moment { q: String::new(), page: 1, ..Moment::read(query) };
    let Then { at, snapshot, past, .. } = then(&access, &asked).await?;
    let names: std::collections::HashMap<String, &str> =
        snapshot.inventory.people.iter().map(|person| (person.subject.key(), person.name.as_str())).collect();
    let rows = past.held.iter().flat_map(|(key, (subject, held))| {
        let (name, subject) = (names.get(key).copied().unwrap_or_default().to_owned(), subject.to_string());
        held.iter().map(move |allotment| [subject.clone(), name.clone(), allotment.label()]).collect::<Vec<_>>()
    });
    let rows: Vec<[String; 3]> = rows.collect();
    let record = storage::NewAudit {
        reason: format!("{} as of {}", count(whole(rows.len() as u64), "license", "licenses"), iso(at)),
        ..access.record("export", Target::named("trail", "licenses of an earlier moment"))
    };
    access.state.engine.store.audit(&[record]).await?;
    let lines = rows.iter().map(|row| row.iter().map(|cell| Field::new(cell)).collect::<Vec<_>>());
    Ok(write(&["Subject", "Name", "License"], lines))
}
