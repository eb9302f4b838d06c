//! Cuts windows from a snapshot's table, and turns selections into plans.

use domain::allotment::{Allotment, AllotmentName};
use domain::inventory::Inventory;
use domain::plan::BulkAction;
use domain::table::{RowKey, Selection, View};
use domain::text::count;

use super::api::{AssignmentsView, Choice, NamedView, RowLine};
use super::view_of;
use crate::error::{AppError, ErrorKind};
use crate::features::plans::keep_plan;
use crate::features::shared::{Loaded, look_so_far};
use crate::server::access::{Access, Operator, Viewer};
use crate::server::inventory::Snapshot;
use crate::server::mapping::store_error;
use crate::ui::query::to_query;

/// Rows on a page.
const PAGE: usize = 100;
/// The longest name of a view, in characters, and how many one can keep.
const NAME: usize = 60;
const VIEWS: usize = 50;

pub async fn window(access: &Access<Viewer>, query: &str) -> Result<Loaded<AssignmentsView>, AppError> {
    let view = view_of(query);
    look_so_far(access, |snapshot| cut(snapshot, &view)).await
}

fn cut(snapshot: &Snapshot, view: &View) -> AssignmentsView {
    let window = snapshot.table.window(view, PAGE);
    let (per_allotment, per_status) = snapshot.table.facets();
    let counted = |value: String, label: String, rows: u64| Choice { value, label, rows: Some(rows) };
    let choice = |value: String, label: &str| Choice { value, label: label.to_owned(), rows: None };
    let names = snapshot.table.names();
    let mut roles: Vec<Choice> = names.roles.iter().map(|(id, name)| choice(id.to_string(), name)).collect();
    let mut groups: Vec<Choice> = names.groups.iter().map(|(id, name)| choice(id.to_string(), name)).collect();
    for list in [&mut roles, &mut groups] {
        list.sort_by_cached_key(|choice| choice.label.to_lowercase());
    }
    AssignmentsView {
        rows: window.rows.iter().map(|row| RowLine::from(*row)).collect(),
        version: snapshot.version,
        matching: window.matching,
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
pub(super) fn targets(inventory: &Inventory) -> Vec<Choice> {
    let free = |allotment: &Allotment| match allotment.seats().free(allotment.used) {
        Some(free) => format!("{} free", domain::text::thousands(free.max(0))),
        None => "no bound".to_owned(),
    };
    inventory
        .allotments
        .iter()
        .filter(|allotment| allotment.takes_assignments())
        .map(|allotment| Choice {
            value: allotment.name.to_string(),
            label: format!("{}, {}", allotment.name.label(), free(allotment)),
            rows: None,
        })
        .collect()
}

pub async fn draft(access: &Access<Operator>, action: &str, to: &str, selection: &Selection) -> Result<(), AppError> {
    let action = match action {
        "assign" => BulkAction::Assign,
        "remove" => BulkAction::Remove,
        "change" => BulkAction::ChangeType,
        _ => return Err(AppError::invalid("Unknown action", "Choose Assign, Change type or Remove.")),
    };
    if action != BulkAction::Remove && to.is_empty() {
        return Err(AppError::invalid("No allotment chosen", "Choose which license it shall be, then plan again."));
    }
    // Drawn up from a fresh reading, so that the plan says what is so now.
    let snapshot = access.state.inventories.refresh(&access.source()).await?;
    let selected = snapshot.table.selected(selection);
    if selected.is_empty() && !selection.rows.is_empty() {
        return Err(AppError::new(
            ErrorKind::Conflict,
            "The selected rows are gone",
            format!(
                "{} changed meanwhile. The table shows how it is now.",
                count(i64::try_from(selection.rows.len()).unwrap_or(0), "row was", "rows were")
            ),
        ));
    }
    let target = AllotmentName::new(to);
    let intent = action
        .intent(&selected, (!to.is_empty()).then_some(&target))
        .map_err(|error| AppError::invalid("No plan could be drawn up", format!("{error}.")))?;
    keep_plan(access, &snapshot, intent, "").await
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
    let kept = access.state.store.views(&access.tenant.id, &access.source().qlik_user).await;
    Ok(kept.map_err(|error| store_error(&error))?.into_iter().map(|(name, query)| NamedView { name, query }).collect())
}

pub async fn save_view(access: &Access<Viewer>, name: &str, query: &str) -> Result<(), AppError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME || name.chars().any(char::is_control) {
        return Err(AppError::invalid("The view has no name that can be kept", "Give it a name of 1 to 60 characters."));
    }
    let kept = views(access).await?;
    if kept.len() >= VIEWS && kept.iter().all(|view| view.name != name) {
        return Err(AppError::invalid("There are 50 views already", "Remove one that is not needed any more."));
    }
    // Only what a view knows is kept, and not its page.
    let query = to_query(&View { page: 1, ..view_of(query) }.to_pairs());
    let source = access.source();
    access.state.store.put_view(&access.tenant.id, &source.qlik_user, name, &query).await.map_err(|error| store_error(&error))
}

pub async fn drop_view(access: &Access<Viewer>, name: &str) -> Result<(), AppError> {
    let source = access.source();
    access.state.store.drop_view(&access.tenant.id, &source.qlik_user, name).await.map_err(|error| store_error(&error))
}
