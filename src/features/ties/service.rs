//! Compares ties with the tenant, keeps them, and turns what is found into plans.

use std::collections::HashMap;
use std::sync::Arc;

use domain::allotment::AllotmentName;
use domain::inventory::{GroupId, Inventory};
use domain::plan::Intent;
use domain::subject::Subject;
use domain::text::{and_list, count, whole};
use domain::ties::{Count, Members, NotVisible, Standing, Tie, compare};
use engine::readings::Snapshot;
use storage::{NewAudit, Origin, TieRow};
use trail::Target;

use super::view::{Counts, LackingLine, LeftLine, Part, Refusal, TieLine, TiesView};
use crate::error::{AppError, ErrorKind};
use crate::features::audit::details;
use crate::features::plans::keep_plan;
use crate::features::shared::{Loaded, look};
use crate::server::access::{Access, Operator, Role, Viewer, refused};
use crate::server::lead::Lead;
use crate::ui::query::escape;

/// People on a page.
const PAGE: usize = 100;
/// Refusals that are looked through for those of people who still lack a license.
const REFUSALS: i64 = 5_000;

async fn rows<R: Role>(access: &Access<R>) -> Result<Vec<TieRow>, AppError> {
    Ok(access.state.engine.store.ties(&access.tenant.id).await?)
}

/// How a tenant stands to its ties; an error in words where that cannot be seen.
async fn stands(rows: &[TieRow], inventory: &Arc<Inventory>) -> Result<Result<Standing, NotVisible>, AppError> {
    let ties: Vec<(Tie, Members)> = rows.iter().map(|row| (row.tie.clone(), row.members.clone())).collect();
    let inventory = inventory.clone();
    // A hundred thousand people take a moment.
    let compared = tokio::task::spawn_blocking(move || compare(&inventory, &ties));
    compared.await.map_err(|_| AppError::new(ErrorKind::Internal, "The licenses by group could not be compared", "Try again."))
}

/// How many lack a license of their group and how many hold one of a group that they left. Nothing where no license is tied.
pub async fn standing(access: &Access<Viewer>, snapshot: &Snapshot) -> Result<Option<Result<(u64, u64), NotVisible>>, AppError> {
    let rows = rows(access).await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let standing = stands(&rows, &snapshot.inventory).await?;
    Ok(Some(standing.map(|standing| (standing.lacking.len() as u64, standing.left.len() as u64))))
}

fn not_visible(inventory: &Inventory) -> AppError {
    let missing = inventory.coverage.sentences().join(" ");
    let why = if missing.is_empty() { "This key cannot see the groups of all users.".to_owned() } else { missing };
    AppError::new(
        ErrorKind::Forbidden,
        "Who lacks a license is not visible with this key",
        format!("{why} Connect with a key that can see all users, groups and licenses, or refresh."),
    )
}

fn counts(count: &Count) -> Counts {
    let Count { members, hold, by_another, lack, shut_out, left, .. } = *count;
    Counts { members, hold, by_another, lack, shut_out, left }
}

pub async fn view(access: &Access<Viewer>, query: &str) -> Result<Loaded<TiesView>, AppError> {
    let part = Part::read(query);
    let loaded = look(access, Arc::clone).await?;
    loaded.map(|snapshot| cut(access, &part, snapshot)).await.map_err(refused)
}

async fn cut(access: &Access<Viewer>, part: &Part, snapshot: Arc<Snapshot>) -> Result<TiesView, AppError> {
    let rows = rows(access).await?;
    let inventory = &snapshot.inventory;
    let standing = stands(&rows, inventory).await?;
    let zone = &access.zone;
    let name_of = |id: &GroupId| name_of(&rows, inventory, id);
    let named = |ids: &[GroupId]| and_list(&ids.iter().map(name_of).collect::<Vec<_>>());
    let ties = rows.iter().enumerate().map(|(at, row)| {
        let count = standing.as_ref().ok().and_then(|standing| standing.counts.get(at));
        TieLine {
            id: row.tie.group.to_string(),
            group: row.tie.find(inventory).map(|group| group.id.to_string()),
            name: row.tie.find(inventory).map_or_else(|| row.tie.name.clone(), |group| group.name.clone()),
            whole: inventory.coverage.groups.is_whole(),
            allotment: row.tie.allotment.to_string(),
            label: row.tie.allotment.label(),
            counts: count.map(counts),
            made: format!("{}, {}", row.made_by, zone.date_time(row.made_at)),
        }
    });
    let ties: Vec<TieLine> = ties.collect();
    let Standing { lacking, left, .. } = standing.unwrap_or_default();
    let is_asked = |id: &GroupId| part.group.is_empty() || id.as_str() == part.group;
    let refusals = if lacking.is_empty() { HashMap::new() } else { refusals(access).await? };
    let mut lacking: Vec<LackingLine> = lacking
        .into_iter()
        .filter(|lacking| lacking.by.iter().any(is_asked))
        .map(|lacking| LackingLine {
            refusal: refusals.get(&(lacking.subject.key(), lacking.wants.clone())).cloned(),
            subject: lacking.subject.to_string(),
            name: lacking.name,
            wants: lacking.wants.label(),
            instead_of: lacking.instead_of.map(|name| name.label()).unwrap_or_default(),
            group_name: named(&lacking.by),
        })
        .collect();
    lacking.sort_by_cached_key(|line| (line.refusal.is_none(), line.name.to_lowercase(), line.subject.clone()));
    let left: Vec<LeftLine> = left
        .into_iter()
        .filter(|left| left.groups.iter().any(is_asked))
        .map(|left| LeftLine {
            subject: left.subject.to_string(),
            name: left.name,
            holds: left.holds.label(),
            becomes: left.becomes.map(|name| name.label()).unwrap_or_default(),
            group_name: named(&left.groups),
            until: zone.date_time(left.until),
        })
        .collect();
    let pages = lacking.len().max(left.len()).div_ceil(PAGE).max(1);
    let page = (part.page as usize).clamp(1, pages);
    let targets = inventory.allotments.iter().filter(|allotment| allotment.takes_assignments());
    Ok(TiesView {
        ties,
        group: part.group.clone(),
        lacking_in_all: lacking.len() as u64,
        refused: lacking.iter().filter(|line| line.refusal.is_some()).count() as u64,
        lacking: lacking.into_iter().skip((page - 1) * PAGE).take(PAGE).collect(),
        left_in_all: left.len() as u64,
        left: left.into_iter().skip((page - 1) * PAGE).take(PAGE).collect(),
        page: u32::try_from(page).unwrap_or(1),
        pages: u32::try_from(pages).unwrap_or(1),
        targets: targets.map(|allotment| (allotment.name.to_string(), allotment.name.label())).collect(),
    })
}

/// What a tied group is called now, or was when it was tied.
fn name_of(rows: &[TieRow], inventory: &Inventory, id: &GroupId) -> String {
    let tie = rows.iter().map(|row| &row.tie).find(|tie| tie.group == *id);
    let now = tie.and_then(|tie| tie.find(inventory)).or_else(|| inventory.group(id)).map(|group| group.name.clone());
    now.or_else(|| tie.map(|tie| tie.name.clone())).unwrap_or_else(|| id.to_string())
}

/// The newest refusal of each license to each subject, without case.
async fn refusals<R: Role>(access: &Access<R>) -> Result<HashMap<(String, AllotmentName), Refusal>, AppError> {
    let mut newest = HashMap::new();
    for entry in access.state.engine.store.refusals(&access.tenant.id, REFUSALS).await? {
        let subject = Subject::new(entry.record.target.words()).key();
        let Some(license) = entry.record.after.get("license").and_then(serde_json::Value::as_str) else { continue };
        newest.entry((subject, AllotmentName::new(license))).or_insert_with(|| Refusal {
            text: details(&entry.record, &HashMap::new()),
            at: access.zone.date_time(entry.record.at),
            seq: entry.seq,
        });
    }
    Ok(newest)
}

pub async fn tie(access: &Access<Operator>, name: &str, id: &str, to: &str) -> Result<Lead, AppError> {
    let snapshot = access.at_most(60 * 1_000).await?;
    let inventory = &snapshot.inventory;
    let mut named = inventory
        .groups
        .iter()
        .filter(|group| if id.is_empty() { group.name.trim() == name.trim() } else { group.id.as_str() == id });
    let Some(group) = named.next() else {
        let why = if inventory.coverage.groups.is_whole() {
            "Enter the name of a group exactly as the list shows it; upper and lower case matter."
        } else {
            "This key cannot see all groups. Connect with one that can, or refresh."
        };
        return Err(AppError::invalid("No group has this name", why));
    };
    if named.next().is_some() {
        return Err(AppError::invalid("Several groups have this name", "Open the one that you mean, and tie the license there."));
    }
    let allotment = AllotmentName::new(to);
    if !inventory.allotment(&allotment).is_some_and(domain::allotment::Allotment::takes_assignments) {
        return Err(AppError::invalid("Unknown license", "Reload the page and choose from its list."));
    }
    let tie = Tie { group: group.id.clone(), name: group.name.clone(), allotment };
    let store = &access.state.engine.store;
    let is_it = |row: &&TieRow| row.tie.find(inventory).is_some_and(|found| found.id == group.id);
    if let Some(row) = store.ties(&access.tenant.id).await?.iter().find(is_it) {
        if row.tie.allotment == tie.allotment {
            return Ok(here(access));
        }
        let held = row.tie.allotment.label();
        return Err(AppError::new(
            ErrorKind::Conflict,
            format!("{} is tied to {held}", group.name),
            format!("Untie {held} first. Who left the group and still holds {held} is then no longer listed."),
        ));
    }
    let mut members = Members::default();
    // Who is in it now is remembered from here on; where that is not visible, from the next reading that shows it.
    members.take(&tie, inventory, snapshot.as_of);
    let record = NewAudit {
        reason: format!("everyone in {} is to hold {}", group.name, tie.allotment.label()),
        ..access.record("tie license", Target::of("group", group.id.to_string(), group.name.clone()))
    };
    store.audit(&[record]).await?;
    let row = TieRow { tie, made_at: access.now(), made_by: access.actor.to_string(), seen_at: snapshot.as_of, members };
    store.put_tie(&access.tenant.id, &row).await?;
    Ok(here(access))
}

pub async fn untie(access: &Access<Operator>, id: &str) -> Result<Lead, AppError> {
    access.must_see_groups("Couldn't untie the license").await?;
    let rows = rows(access).await?;
    let Some(row) = rows.iter().find(|row| row.tie.group.as_str() == id) else { return Ok(here(access)) };
    let record = NewAudit {
        reason: format!("everyone in {} was to hold {}", row.tie.name, row.tie.allotment.label()),
        ..access.record("untie license", Target::of("group", id, row.tie.name.clone()))
    };
    access.state.engine.store.audit(&[record]).await?;
    access.state.engine.store.drop_tie(&access.tenant.id, &row.tie.group).await?;
    Ok(here(access))
}

fn here(access: &Access<Operator>) -> Lead {
    Lead::Path(format!("/t/{}/groups/licenses", escape(&access.tenant.id)))
}

pub async fn draft(access: &Access<Operator>, what: &str, group: &str) -> Result<Lead, AppError> {
    let snapshot = access.refresh().await?;
    // After the reading, which took in who is in the groups now.
    let rows = rows(access).await?;
    let inventory = &snapshot.inventory;
    let standing = stands(&rows, inventory).await?.map_err(|NotVisible| not_visible(inventory))?;
    let is_asked = |id: &GroupId| group.is_empty() || id.as_str() == group;
    let name_of = |id: &GroupId| name_of(&rows, inventory, id);
    let named = |ids: &[GroupId]| and_list(&ids.iter().map(name_of).collect::<Vec<_>>());
    let of = if group.is_empty() { "groups".to_owned() } else { name_of(&GroupId::new(group)) };
    let (title, changes): (String, Vec<_>) = match what {
        "lacking" => (
            format!("Assign licenses of {of}"),
            standing
                .lacking
                .iter()
                .filter(|lacking| lacking.by.iter().any(is_asked))
                .map(|lacking| (lacking.change(), format!("member of {}", named(&lacking.by))))
                .collect(),
        ),
        "left" => (
            format!("Remove licenses of {of}"),
            standing
                .left
                .iter()
                .filter(|left| left.groups.iter().any(is_asked))
                .map(|left| {
                    let day = access.zone.date_time(left.until).get(..10).unwrap_or_default().to_owned();
                    (left.change(), format!("left {} by {day}", named(&left.groups)))
                })
                .collect(),
        ),
        _ => return Err(AppError::invalid("Unknown action", "Choose to assign or to remove licenses.")),
    };
    if changes.is_empty() {
        let why = format!(
            "{} of this tenant were compared with their groups just now.",
            count(whole(inventory.people.len() as u64), "user", "users")
        );
        return Err(AppError::invalid("No one to change", why));
    }
    keep_plan(access, &snapshot, Intent::Tied { title, changes }, Origin::Person).await
}
