//! Reads lists again with what was mended, and turns them into plans.

use std::sync::Arc;

use domain::allotment::AllotmentName;
use domain::plan::Intent;
use domain::sheet::{Checked, Column, Known, Mapping, Purpose, Rules, Sheet, check};
use domain::text::{count, sentence, thousands};
use storage::ListRow;

use super::api::{ColumnLine, FaultLine, ListView};
use crate::error::{AppError, ErrorKind};
use crate::features::plans::keep_plan;
use crate::server::access::{Access, Operator};
use crate::server::clock::date_time;
use crate::server::inventory::{Seen, Snapshot};
use crate::server::mapping::store_error;
use crate::server::state::State;

/// Faults on a page.
const PAGE: usize = 50;
/// A list is forgotten after this long.
const KEEP_MS: i64 = 24 * 60 * 60 * 1_000;
/// How long a list waits for the first reading of the tenant.
const WAIT: std::time::Duration = std::time::Duration::from_secs(20);

fn gone() -> AppError {
    AppError::not_found("No such list", "Lists are kept for a day. Import it again.")
}

/// Words for a purpose in forms.
pub(super) fn purpose_of(word: &str) -> Purpose {
    match word {
        "take" => Purpose::Take,
        "sync" => Purpose::Sync,
        "rename" => Purpose::Rename,
        _ => Purpose::Give,
    }
}

fn word_of(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Give => "give",
        Purpose::Take => "take",
        Purpose::Sync => "sync",
        Purpose::Rename => "rename",
    }
}

/// Keeps a list that arrived. Returns its id.
pub(super) async fn keep(access: &Access<Operator>, name: &str, body: Vec<u8>, purpose: Purpose) -> Result<String, AppError> {
    let sheet = read(&body)?;
    let first = sheet.lines.first().map(|line| line.cells.clone()).unwrap_or_default();
    let rules = Rules { purpose, mapping: Mapping::guess(sheet.headings.as_deref(), &first), ..Rules::default() };
    let now = access.now();
    let row = ListRow {
        id: State::fresh_id(),
        tenant: access.tenant.id.clone(),
        author: access.actor.clone(),
        name: name.chars().filter(|c| !c.is_control()).take(120).collect(),
        created_at: now,
        body,
        rules,
    };
    access.state.store.put_list(&row, now - KEEP_MS).await.map_err(|error| store_error(&error))?;
    Ok(row.id)
}

fn read(body: &[u8]) -> Result<Sheet, AppError> {
    Sheet::read(body).map_err(|error| AppError::invalid("The list cannot be read", sentence(&error.to_string())))
}

async fn find(access: &Access<Operator>, id: &str) -> Result<ListRow, AppError> {
    access.state.store.list(&access.tenant.id, id).await.map_err(|error| store_error(&error))?.ok_or_else(gone)
}

async fn snapshot(access: &Access<Operator>) -> Result<Arc<Snapshot>, AppError> {
    match access.state.inventories.look(&access.source(), WAIT).await {
        Seen::Ready(snapshot, _) => Ok(snapshot),
        Seen::Failed(error) => Err(error),
        Seen::Loading(..) => Err(AppError::new(
            ErrorKind::Conflict,
            "The tenant is still being read",
            "Your list is kept. Look again in a moment: it is compared with everybody there is.",
        )),
    }
}

/// Reads and checks a list, on a thread where that does not hold others up.
async fn checked(row: &ListRow, snapshot: Arc<Snapshot>) -> Result<(Sheet, Checked), AppError> {
    let (body, rules) = (row.body.clone(), row.rules.clone());
    let work = tokio::task::spawn_blocking(move || {
        let sheet = read(&body)?;
        let checked = check(&sheet, &rules, &Known::of(&snapshot.inventory));
        Ok((sheet, checked))
    });
    work.await.map_err(|error| {
        tracing::error!(%error, "a list could not be checked");
        AppError::new(ErrorKind::Internal, "The list could not be checked", "Nothing was planned. Try again.")
    })?
}

fn heading(sheet: &Sheet, column: usize) -> String {
    let named = sheet.headings.as_ref().and_then(|headings| headings.get(column)).filter(|heading| !heading.is_empty());
    named.cloned().unwrap_or_else(|| format!("column {}", column + 1))
}

pub async fn view(access: &Access<Operator>, id: &str, page: u32) -> Result<ListView, AppError> {
    let row = find(access, id).await?;
    let snapshot = snapshot(access).await?;
    let (sheet, checked) = checked(&row, snapshot.clone()).await?;
    let rules = &row.rules;
    let columns = (0..sheet.width())
        .map(|at| ColumnLine {
            heading: heading(&sheet, at),
            sample: sheet.lines.iter().take(3).filter_map(|line| line.cells.get(at)).cloned().collect::<Vec<_>>().join(" · "),
            means: rules.mapping.0.get(at).copied().flatten().map(|column| column.heading().to_owned()).unwrap_or_default(),
        })
        .collect();
    let pages = checked.faults.len().div_ceil(PAGE).max(1);
    let page = (page.max(1) as usize).min(pages);
    let separator = match sheet.separator {
        '\t' => "tabs".to_owned(),
        other => format!("“{other}”"),
    };
    Ok(ListView {
        brought: format!("imported {} by {}", date_time(row.created_at), row.author),
        read_as: format!(
            "{} in {}, cells separated by {separator}, {}.",
            count(i64::try_from(sheet.lines.len()).unwrap_or(i64::MAX), "line", "lines"),
            sheet.encoding,
            if sheet.headings.is_some() { "with headings" } else { "without headings" },
        ),
        columns,
        meanings: Column::ALL.iter().map(|column| (column.heading().to_owned(), column.heading().to_owned())).collect(),
        purpose: word_of(rules.purpose).to_owned(),
        usual: rules.usual.as_ref().map(ToString::to_string).unwrap_or_default(),
        allotments: snapshot
            .inventory
            .allotments
            .iter()
            .filter(|allotment| allotment.takes_assignments())
            .map(|allotment| (allotment.name.to_string(), allotment.name.label()))
            .collect(),
        strangers: rules.strangers,
        lines: sheet.lines.len() as u64,
        understood: checked.entries.len() as u64,
        left_out: rules.left_out.len() as u64,
        wrong: checked.faults.len() as u64,
        suggested: checked.faults.iter().filter(|fault| fault.suggestion.is_some()).count() as u64,
        faults: checked
            .faults
            .into_iter()
            .skip((page - 1) * PAGE)
            .take(PAGE)
            .map(|fault| FaultLine {
                line: fault.line,
                column: u32::try_from(fault.column).unwrap_or(u32::MAX),
                heading: heading(&sheet, fault.column),
                found: fault.found.chars().take(200).collect(),
                reason: fault.reason,
                suggestion: fault.suggestion.unwrap_or_default(),
            })
            .collect(),
        page: u32::try_from(page).unwrap_or(1),
        pages: u32::try_from(pages).unwrap_or(u32::MAX),
        name: row.name,
    })
}

async fn save(access: &Access<Operator>, row: &ListRow) -> Result<(), AppError> {
    let kept = access.state.store.set_list_rules(&access.tenant.id, &row.id, &row.rules).await;
    if kept.map_err(|error| store_error(&error))? { Ok(()) } else { Err(gone()) }
}

pub async fn read_as(
    access: &Access<Operator>,
    id: &str,
    purpose: &str,
    usual: &str,
    strangers: bool,
    columns: &[String],
) -> Result<(), AppError> {
    let mut row = find(access, id).await?;
    let means = |word: &String| Column::ALL.into_iter().find(|column| column.heading() == word);
    let mapping = Mapping(columns.iter().map(means).collect());
    let twice = Column::ALL.into_iter().find(|wanted| mapping.0.iter().filter(|column| **column == Some(*wanted)).count() > 1);
    if let Some(column) = twice {
        return Err(AppError::invalid(
            "Two columns say the same",
            format!("“{}” is chosen for more than one column. Choose it for one of them.", column.heading()),
        ));
    }
    row.rules.purpose = purpose_of(purpose);
    row.rules.usual = (!usual.is_empty()).then(|| AllotmentName::new(usual));
    row.rules.strangers = strangers;
    if !columns.is_empty() {
        row.rules.mapping = mapping;
    }
    save(access, &row).await
}

pub async fn mend(
    access: &Access<Operator>,
    id: &str,
    what: &str,
    cells: &[String],
    texts: &[String],
    out: &[u64],
) -> Result<(), AppError> {
    let mut row = find(access, id).await?;
    if what == "suggested" || what == "leave" {
        let (_, checked) = checked(&row, snapshot(access).await?).await?;
        for fault in checked.faults {
            match fault.suggestion {
                Some(text) if what == "suggested" => {
                    row.rules.mended.insert((fault.line, fault.column), text);
                }
                _ if what == "leave" => {
                    row.rules.left_out.insert(fault.line);
                }
                _ => {}
            }
        }
        return save(access, &row).await;
    }
    for (cell, text) in cells.iter().zip(texts) {
        let place = cell.split_once(':').and_then(|(line, column)| Some((line.parse().ok()?, column.parse().ok()?)));
        let Some(place) = place else { continue };
        row.rules.mended.insert(place, text.chars().take(1_000).collect());
    }
    row.rules.left_out.extend(out);
    save(access, &row).await
}

pub async fn plan(access: &Access<Operator>, id: &str) -> Result<(), AppError> {
    let row = find(access, id).await?;
    // From a fresh reading, as every plan.
    let snapshot = access.state.inventories.refresh(&access.source()).await?;
    let (_, checked) = checked(&row, snapshot.clone()).await?;
    if !checked.faults.is_empty() {
        let wrong = thousands(i64::try_from(checked.faults.len()).unwrap_or(i64::MAX));
        return Err(AppError::invalid(
            "The list still has faults",
            format!("{wrong} lines are not understood. Mend them or leave them out, then plan."),
        ));
    }
    let intent = Intent::List { purpose: row.rules.purpose, entries: checked.entries };
    keep_plan(access, &snapshot, intent, "").await
}
