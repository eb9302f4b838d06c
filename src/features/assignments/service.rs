//! Cuts windows from a snapshot's table, and turns selections into plans.

use domain::allotment::{Allotment, AllotmentName};
use domain::inventory::Inventory;
use domain::plan::BulkAction;
use domain::table::{Row, RowKey, Selection, View, facets};
use domain::text::count;

use super::api::{AssignmentsView, Choice, RowLine};
use super::view_of;
use crate::error::{AppError, ErrorKind};
use crate::features::plans::keep_plan;
use crate::features::shared::{Loaded, look};
use crate::server::access::{Access, Operator, Viewer, refused};
use crate::server::inventory::{Seen, Snapshot};

/// Rows on a page.
const PAGE: usize = 100;

fn line(row: &Row) -> RowLine {
    RowLine {
        key: row.key.as_str().to_owned(),
        name: row.name.clone(),
        subject: row.subject.to_string(),
        email: row.email.clone(),
        allotment: row.allotment.as_ref().map(AllotmentName::label).unwrap_or_default(),
        since: row.created.get(..10).unwrap_or_default().to_owned(),
        status: row.status.clone().unwrap_or_default(),
        excess: row.excess,
        orphan: row.orphan,
        bot: row.bot,
        held: row.held,
        groups: u32::try_from(row.groups.len()).unwrap_or(u32::MAX),
    }
}

pub async fn window(access: &Access<Viewer>, query: &str) -> Result<Loaded<AssignmentsView>, AppError> {
    let view = view_of(query);
    look(access, |snapshot| cut(snapshot, &view)).await
}

fn cut(snapshot: &Snapshot, view: &View) -> AssignmentsView {
    let window = snapshot.table.window(view, PAGE);
    let inventory = &snapshot.inventory;
    let (per_allotment, per_status) = facets(&snapshot.table);
    let mut roles: Vec<Choice> =
        inventory.roles.iter().map(|role| Choice { value: role.id.to_string(), label: role.name.clone(), rows: None }).collect();
    roles.sort_by_key(|role| role.label.to_lowercase());
    AssignmentsView {
        rows: window.rows.iter().map(line).collect(),
        matching: window.matching,
        of: window.of,
        page: window.page,
        pages: window.pages,
        allotments: per_allotment
            .into_iter()
            .map(|(name, rows)| Choice { value: name.to_string(), label: name.label(), rows: Some(rows) })
            .collect(),
        targets: targets(inventory),
        statuses: per_status
            .into_iter()
            .map(|(status, rows)| Choice { label: status.clone(), value: status, rows: Some(rows) })
            .collect(),
        roles,
        group: view.filter.group.as_ref().map(|id| Choice {
            value: id.to_string(),
            label: inventory.group(id).map_or_else(|| id.to_string(), |group| group.name.clone()),
            rows: None,
        }),
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

pub async fn visible(access: &Access<Viewer>, query: &str, rows: &[String]) -> Result<u64, AppError> {
    let filter = view_of(query).filter;
    let keys: std::collections::HashSet<&str> = rows.iter().map(String::as_str).collect();
    match access.state.inventories.look(&access.source(), std::time::Duration::ZERO).await {
        Seen::Ready(snapshot, _) => {
            Ok(snapshot.table.matching(&filter).filter(|row| keys.contains(row.key.as_str())).count() as u64)
        }
        Seen::Loading(_) => Ok(0),
        Seen::Failed(error) => Err(refused(error)),
    }
}

pub async fn draft(
    access: &Access<Operator>,
    action: &str,
    to: &str,
    rows: &[String],
    matching: Option<&str>,
    except: &[String],
) -> Result<(), AppError> {
    let action = match action {
        "assign" => BulkAction::Assign,
        "remove" => BulkAction::Remove,
        "change" => BulkAction::ChangeType,
        _ => return Err(AppError::invalid("Unknown action", "Choose Assign, Change type or Remove.")),
    };
    let keys = |keys: &[String]| keys.iter().filter_map(|key| RowKey::parse(key)).collect::<Vec<_>>();
    let selection = match matching {
        Some(query) => Selection::Matching { filter: view_of(query).filter, except: keys(except) },
        None => Selection::Rows(keys(rows)),
    };
    if action != BulkAction::Remove && to.is_empty() {
        return Err(AppError::invalid("No allotment chosen", "Choose which license it shall be, then plan again."));
    }
    // Drawn up from a fresh reading, so that the plan says what is so now.
    let snapshot = access.state.inventories.refresh(&access.source()).await?;
    let selected = snapshot.table.selected(&selection);
    if let Selection::Rows(keys) = &selection
        && selected.is_empty()
        && !keys.is_empty()
    {
        return Err(AppError::new(
            ErrorKind::Conflict,
            "The selected rows are gone",
            format!(
                "{} changed meanwhile. The table shows how it is now.",
                count(i64::try_from(keys.len()).unwrap_or(0), "row was", "rows were")
            ),
        ));
    }
    let target = AllotmentName::new(to);
    let intent = action
        .intent(&selected, (!to.is_empty()).then_some(&target))
        .map_err(|error| AppError::invalid("No plan could be drawn up", format!("{error}.")))?;
    keep_plan(access, &snapshot, intent, "").await
}
