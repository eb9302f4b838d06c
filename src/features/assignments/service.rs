//! Cuts windows from a snapshot's table, and turns selections into plans.

use domain::allotment::{Allotment, AllotmentName};
use domain::assignments::{Row, Selection, Table, View, parse_key};
use domain::inventory::Inventory;
use domain::plan::BulkAction;
use domain::table::Rows as _;
use engine::readings::{LastUse, Snapshot};

use super::view::{AssignmentsView, RowLine, Target, UsesState};
use crate::error::AppError;
use crate::features::plans::keep_plan_with_newcomers;
use crate::features::shared::{Loaded, look_so_far};
use crate::features::table::{self, Choice, Counted, chosen, view_of};
use crate::server::access::{Access, Operator, Viewer};
use crate::server::lead::Lead;

/// Rows on a page.
const PAGE: usize = 100;
/// Groups and roles that a page offers to filter by. The table in the browser knows them all.
const OFFERED: usize = 200;

pub async fn window(access: &Access<Viewer>, query: &str) -> Result<Loaded<AssignmentsView>, AppError> {
    let view = view_of::<Table>(query);
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
        rows: window.rows.iter().filter_map(|at| snapshot.table.row(*at)).map(RowLine::from).collect(),
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
    let (selected, newcomers) = chosen(&*snapshot.table, selection, looked_at.as_deref(), counted.digest)?;
    let rows = |places: Vec<u32>| places.into_iter().filter_map(|at| snapshot.table.row(at));
    let target = AllotmentName::new(to);
    let target = (!to.is_empty()).then_some(&target);
    // Of a selection with several licenses, those of one type only.
    let of_type = |row: &Row<'_>| action != BulkAction::Remove || target.is_none_or(|wanted| row.allotment() == Some(wanted));
    let selected: Vec<_> = rows(selected).filter(of_type).collect();
    let newcomers: Vec<_> = rows(newcomers).filter(of_type).collect();
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

/// The selection of a form.
pub fn selection(rows: &[String], query: Option<&str>, lines: &str) -> Selection {
    table::selection::<Table>(rows, query, lines, parse_key)
}
