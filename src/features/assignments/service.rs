//! Cuts windows from a snapshot's table, and turns selections into plans.

use std::collections::HashSet;

use domain::allotment::{Allotment, AllotmentName};
use domain::inventory::Inventory;
use domain::plan::BulkAction;
use domain::table::{Row, RowKey, Selection, Table, View};
use domain::text::count;
use engine::readings::{LastUse, Snapshot};

use super::view::{AssignmentsView, Choice, NamedView, RowLine, Target, UsesState};
use super::view_of;
use crate::error::{AppError, ErrorKind};
use crate::features::plans::keep_plan_with_newcomers;
use crate::features::shared::{Loaded, look_so_far};
use crate::server::access::{Access, Operator, Viewer};
use crate::server::lead::Lead;
use crate::ui::query::to_query;

/// Rows on a page.
const PAGE: usize = 100;
/// Groups and roles that a page offers to filter by. The table in the browser knows them all.
const OFFERED: usize = 200;
/// The longest name of a view, in characters, and how many one can keep.
const NAME: usize = 60;
const VIEWS: usize = 50;

pub async fn window(access: &Access<Viewer>, query: &str) -> Result<Loaded<AssignmentsView>, AppError> {
    let view = view_of(query);
    let uses = match access.state.engine.readings.last_use(&access.source()) {
        LastUse::Known => UsesState::Known,
        LastUse::Reading => UsesState::Reading,
        LastUse::Closed => UsesState::Closed,
        LastUse::Failed => UsesState::Failed,
    };
    look_so_far(access, |snapshot| cut(snapshot, &view, uses)).await
}

fn cut(snapshot: &Snapshot, view: &View, uses: UsesState) -> AssignmentsView {
    let window = snapshot.table.window(view, PAGE);
    let (per_allotment, per_status) = snapshot.table.facets();
    let counted = |value: String, label: String, rows: u64| Choice { value, label, rows: Some(rows) };
    let choice = |value: String, label: &str| Choice { value, label: label.to_owned(), rows: None };
    let names = snapshot.table.names();
    let mut roles: Vec<Choice> = names.roles.iter().map(|(id, name)| choice(id.to_string(), name)).collect();
    let mut groups: Vec<Choice> = names.groups.iter().map(|(id, name)| choice(id.to_string(), name)).collect();
    let asked = |value: &String| {
        let filter = &view.filter;
        filter.group.values.iter().any(|id| id.as_str() == value) || filter.role.values.iter().any(|id| id.as_str() == value)
    };
    for list in [&mut roles, &mut groups] {
        list.sort_by_cached_key(|choice| (!asked(&choice.value), choice.label.to_lowercase()));
        list.truncate(OFFERED);
    }
    AssignmentsView {
        rows: window.rows.iter().map(|row| RowLine::from(*row)).collect(),
        version: snapshot.version,
        uses,
        matching: window.matching,
        digest: snapshot.table.digest(&snapshot.table.matching(&view.filter)),
        of: snapshot.table.len() as u64,
        page: window.page,
        pages: window.pages,
        allotments: per_allotment.into_iter().map(|(name, rows)| counted(name.to_string(), name.label(), rows)).collect(),
        targets: targets(&snapshot.inventory),
        statuses: per_status.into_iter().map(|(status, rows)| counted(status.clone(), status, rows)).collect(),
        roles,
        groups,
    }
}

/// Allotments one can be given, with the seats they have left.
pub(super) fn targets(inventory: &Inventory) -> Vec<Target> {
    let target = |allotment: &Allotment| Target {
        value: allotment.name.to_string(),
        label: allotment.name.label(),
        free: allotment.seats().free(allotment.used),
        paid: (allotment.units - allotment.used).max(0),
    };
    inventory.allotments.iter().filter(|allotment| allotment.takes_assignments()).map(target).collect()
}

/// Which rows somebody looked at when they selected all that match.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counted {
    /// The version of the table.
    pub version: Option<u64>,
    /// The rows that matched.
    pub digest: Option<u64>,
}

pub async fn draft(
    access: &Access<Operator>,
    action: &str,
    to: &str,
    selection: &Selection,
    counted: Counted,
) -> Result<Lead, AppError> {
    // A menu says the action and its target in one word.
    let (action, to) = action.split_once(':').unwrap_or((action, to));
    let action = match action {
        "assign" => BulkAction::Assign,
        "remove" => BulkAction::Remove,
        "change" => BulkAction::ChangeType,
        _ => return Err(AppError::invalid("Unknown action", "Choose Assign, Change type or Remove.")),
    };
    if action != BulkAction::Remove && to.is_empty() {
        return Err(AppError::invalid("No license chosen", "Choose a license, then try again."));
    }
    // What was looked at, before the reading below takes its place.
    let source = access.source();
    let looked_at = counted.version.and_then(|version| access.state.engine.readings.looked_at(&source, version));
    // Drawn up from a fresh reading, so that the plan says what is so now.
    let snapshot = access.refresh().await?;
    let (selected, newcomers) = chosen(&snapshot.table, selection, looked_at.as_deref(), counted.digest)?;
    if selected.is_empty() && !selection.rows.is_empty() {
        return Err(AppError::new(
            ErrorKind::Conflict,
            "The selected rows changed",
            format!(
                "{} changed in the meantime. Review the table and select again.",
                count(i64::try_from(selection.rows.len()).unwrap_or(0), "row was", "rows were")
            ),
        ));
    }
    let target = AllotmentName::new(to);
    let target = (!to.is_empty()).then_some(&target);
    // Of a selection with several licenses, those of one type only.
    let of_type = |row: &Row<'_>| action != BulkAction::Remove || target.is_none_or(|wanted| row.allotment() == Some(wanted));
    let selected: Vec<_> = selected.into_iter().filter(of_type).collect();
    let newcomers: Vec<_> = newcomers.into_iter().filter(of_type).collect();
    let intent = action
        .intent(&selected, target)
        .map_err(|error| AppError::invalid("Could not create a plan", format!("{}.", capitalised(&error.to_string()))))?;
    // Whoever came since cannot always be part of it, and need not.
    let newcomers = action.intent(&newcomers, target).ok();
    keep_plan_with_newcomers(access, &snapshot, intent, newcomers).await
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The rows that are meant, and those that match only since the selection was made.
fn chosen<'t>(
    now: &'t Table,
    selection: &Selection,
    then: Option<&Table>,
    digest: Option<u64>,
) -> Result<(Vec<Row<'t>>, Vec<Row<'t>>), AppError> {
    let selected = now.selected(selection);
    let Some(query) = &selection.query else { return Ok((selected, Vec::new())) };
    let matching = now.matching(query);
    match (then, digest) {
        // The same rows as were counted.
        (_, Some(digest)) if now.digest(&matching) == digest => Ok((selected, Vec::new())),
        (Some(then), _) => {
            let by_hand: HashSet<&RowKey> = selection.rows.iter().collect();
            let counted: HashSet<RowKey> = then.matching(query).into_iter().filter_map(|at| then.row(at)).map(Row::key).collect();
            let was_there = |row: &Row<'_>| {
                let key = row.key();
                counted.contains(&key) || by_hand.contains(&key)
            };
            Ok(selected.into_iter().partition(was_there))
        }
        (None, Some(_)) => Err(AppError::new(
            ErrorKind::Conflict,
            "The matching rows changed after you selected them",
            format!(
                "{} now. Review the table and select again.",
                count(i64::try_from(matching.len()).unwrap_or(0), "row matches", "rows match")
            ),
        )),
        // Nobody said what was counted: a plain form of an earlier page.
        (None, None) => Ok((selected, Vec::new())),
    }
}

/// The selection of a form: rows by their boxes, and by line those besides and exceptions.
pub fn selection(rows: &[String], query: Option<&str>, lines: &str) -> Selection {
    let keys = |sign: char| lines.lines().filter_map(move |line| RowKey::parse(line.strip_prefix(sign)?));
    let boxes = rows.iter().filter_map(|key| RowKey::parse(key));
    Selection {
        query: query.map(|query| view_of(query).filter),
        except: keys('-').collect(),
        rows: boxes.chain(keys('+')).collect(),
    }
}

pub async fn views(access: &Access<Viewer>) -> Result<Vec<NamedView>, AppError> {
    let kept = access.state.engine.store.views(&access.tenant.id, access.principal()).await;
    Ok(kept?.into_iter().map(|(name, query)| NamedView { name, query }).collect())
}

pub async fn save_view(access: &Access<Viewer>, name: &str, query: &str) -> Result<(), AppError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME || name.chars().any(char::is_control) {
        return Err(AppError::invalid("Enter a view name", "Use 1 to 60 characters."));
    }
    let kept = views(access).await?;
    if kept.len() >= VIEWS && kept.iter().all(|view| view.name != name) {
        return Err(AppError::invalid("You have 50 views (the maximum)", "Delete one first."));
    }
    // Only what a view knows is kept, and not its page.
    let query = to_query(&View { page: 1, ..view_of(query) }.to_pairs());
    access.state.engine.store.put_view(&access.tenant.id, access.principal(), name, &query).await.map_err(AppError::from)
}

pub async fn drop_view(access: &Access<Viewer>, name: &str) -> Result<(), AppError> {
    access.state.engine.store.drop_view(&access.tenant.id, access.principal(), name).await.map_err(AppError::from)
}
