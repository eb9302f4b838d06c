//! Reads lists again with the corrections made, and turns them into plans.

use std::sync::Arc;

use domain::allotment::AllotmentName;
use domain::import::{Action, Column, Directory, ENCODINGS, FaultKind, List, Mapping, Reading, Rules, check};
use domain::inventory::Coverage;
use domain::plan::Intent;
use domain::text::{count, sentence, thousands, whole};
use engine::readings::{Latest, Snapshot};
use storage::{ListRow, Origin};

use super::view::{ColumnLine, FaultLine, LeftLine, ListView, PastedView, ReadingView};
use super::workbook::is_workbook;
use crate::error::{AppError, ErrorKind};
use crate::features::plans::keep_plan;
use crate::server::access::{Access, Operator};
use crate::server::checks::{Check, ReadingId};
use crate::server::lead::Lead;
use crate::server::words::not_read;

/// Faults on a page.
const PAGE: usize = 50;
/// Lines left out that are shown; all of them can be exported.
const LEFT: usize = 20;
/// People shown as recognised.
const RECOGNISED: usize = 3;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// Lines that are kept while they are typed, in bytes.
const MOST_PASTED: usize = 4 * 1_024 * 1_024;
/// Names the draft of a list.
const PASTED: &str = "list";
/// How long a list waits for the first reading of the tenant.
const WAIT: std::time::Duration = std::time::Duration::from_secs(20);

fn gone() -> AppError {
    AppError::not_found("List not found", "Lists are kept for 24 hours. Import it again.")
}

/// Words for an action in forms.
pub(super) fn action_of(word: &str) -> Action {
    match word {
        "take" => Action::Take,
        "sync" => Action::Sync,
        "rename" => Action::Rename,
        _ => Action::Give,
    }
}

fn word_of(action: Action) -> &'static str {
    match action {
        Action::Give => "give",
        Action::Take => "take",
        Action::Sync => "sync",
        Action::Rename => "rename",
    }
}

/// How somebody wants a list to be read.
#[derive(Debug)]
pub struct ReadAs {
    pub purpose: String,
    pub usual: String,
    pub allow_unknown: bool,
    pub columns: Vec<String>,
    pub separator: String,
    pub encoding: String,
    pub headings: String,
}

/// What somebody did to faulty lines.
#[derive(Debug)]
pub struct Corrections {
    pub what: String,
    pub cells: Vec<String>,
    pub texts: Vec<String>,
    pub near: Vec<String>,
    pub names: Vec<String>,
    pub out: Vec<u64>,
}

/// Separators by their names in forms.
const SEPARATORS: [(&str, char); 4] = [("comma", ','), ("semicolon", ';'), ("tab", '\t'), ("bar", '|')];

pub async fn pasted(access: &Access<Operator>) -> Result<PastedView, AppError> {
    let draft = access.state.engine.store.draft(&access.tenant.id, access.principal(), PASTED).await?;
    let seen = access.latest(crate::features::shared::WAIT).await;
    let allotments = match &seen {
        Latest::Ready(snapshot, _) => allotments(snapshot),
        Latest::Loading(..) | Latest::Failed(_) => Vec::new(),
    };
    let (lines, at) = draft.map(|(lines, at)| (lines, access.zone.time_of_day(at))).unwrap_or_default();
    Ok(PastedView { lines, at, allotments })
}

pub async fn keep_pasted(access: &Access<Operator>, lines: &str) -> Result<(), AppError> {
    if lines.len() > MOST_PASTED {
        return Err(AppError::invalid("Too many lines to save while you type", "Import them as a file."));
    }
    let lines = if lines.trim().is_empty() { "" } else { lines };
    // A database takes no NUL in a text.
    let lines = lines.replace('\0', "");
    let kept = access.state.engine.store.put_draft(&access.tenant.id, access.principal(), PASTED, &lines, access.now()).await;
    kept.map_err(AppError::from)
}

fn allotments(snapshot: &Snapshot) -> Vec<(String, String)> {
    let takes = snapshot.inventory.allotments.iter().filter(|allotment| allotment.takes_assignments());
    takes.map(|allotment| (allotment.name.to_string(), allotment.name.label())).collect()
}

/// Keeps a list that arrived. Returns its id.
pub(super) async fn keep(
    access: &Access<Operator>,
    name: &str,
    body: Vec<u8>,
    action: Action,
    usual: &str,
) -> Result<String, AppError> {
    // Whom its columns name is found out beside the tenant, where that is read already.
    let directory = match access.latest(std::time::Duration::ZERO).await {
        Latest::Ready(snapshot, _) => directory_in(access, &snapshot).await?,
        Latest::Loading(..) | Latest::Failed(_) => Arc::new(Directory::default()),
    };
    let (body, mapping) = off_the_loop(move || {
        let body = if is_workbook(&body) { super::workbook::read(&body)? } else { body };
        let list = read(&body, &Reading::default())?;
        let mapping = Mapping::guess(list.headings.as_deref(), &list.lines, &directory);
        Ok((body, mapping))
    })
    .await?;
    let usual = (!usual.is_empty()).then(|| AllotmentName::new(usual));
    let rules = Rules { action, mapping, usual, ..Rules::default() };
    let row = ListRow {
        id: engine::fresh_id(),
        tenant: access.tenant.id.clone(),
        author: access.actor.words.clone(),
        name: name.chars().filter(|c| !c.is_control()).take(120).collect(),
        created_at: access.now(),
        body,
        rules,
    };
    access.state.engine.store.put_list(&row).await?;
    // It is a list now.
    access.state.engine.store.drop_draft(&access.tenant.id, access.principal(), PASTED).await?;
    Ok(row.id)
}

fn read(body: &[u8], reading: &Reading) -> Result<List, AppError> {
    List::read_as(body, reading).map_err(|error| AppError::invalid("The list cannot be read", sentence(&error.to_string())))
}

/// Work on a hundred thousand lines is done on a thread where it does not hold others up.
async fn off_the_loop<T: Send + 'static>(work: impl FnOnce() -> Result<T, AppError> + Send + 'static) -> Result<T, AppError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "a list could not be checked");
        AppError::new(ErrorKind::Internal, "The list could not be checked", "Nothing was planned. Try again.")
    })?
}

pub(super) async fn find(access: &Access<Operator>, id: &str) -> Result<ListRow, AppError> {
    let after = access.now() - i64::from(access.state.config.storage.keep.lists_days) * DAY_MS;
    access.state.engine.store.list(&access.tenant.id, id, after).await?.ok_or_else(gone)
}

async fn snapshot(access: &Access<Operator>) -> Result<Arc<Snapshot>, AppError> {
    match access.latest(WAIT).await {
        Latest::Ready(snapshot, _) => Ok(snapshot),
        Latest::Failed(fault) => Err(not_read(&fault)),
        Latest::Loading(..) => Err(AppError::new(
            ErrorKind::Conflict,
            "The tenant is still loading",
            "Your list is saved. It will be checked against all users; reload in a moment.",
        )),
    }
}

fn reading_of(snapshot: &Snapshot) -> ReadingId {
    (snapshot.version, snapshot.as_of)
}

async fn directory_in(access: &Access<Operator>, snapshot: &Arc<Snapshot>) -> Result<Arc<Directory>, AppError> {
    let (state, snapshot) = (access.state.clone(), snapshot.clone());
    off_the_loop(move || Ok(state.checks.directory(reading_of(&snapshot), || Directory::of(&snapshot.inventory)))).await
}

/// Reads a list and compares it with a reading; once for as long as neither changes.
pub(super) async fn compared(access: &Access<Operator>, row: &ListRow, snapshot: &Arc<Snapshot>) -> Result<Arc<Check>, AppError> {
    let (state, row, snapshot) = (access.state.clone(), row.clone(), snapshot.clone());
    off_the_loop(move || {
        let reading = reading_of(&snapshot);
        state.checks.check(&row.id, &row.rules, reading, || {
            let directory = state.checks.directory(reading, || Directory::of(&snapshot.inventory));
            let list = read(&row.body, &row.rules.reading)?;
            let checked = check(&list, &row.rules, &directory);
            Ok(Check { list, checked, directory })
        })
    })
    .await
}

pub(super) fn heading(list: &List, column: usize) -> String {
    let named = list.headings.as_ref().and_then(|headings| headings.get(column)).filter(|heading| !heading.is_empty());
    named.cloned().unwrap_or_else(|| format!("column {}", column + 1))
}

/// How the file was taken apart, as sentences.
fn read_words(list: &List) -> String {
    let separator = match list.separator {
        '\t' => "tab",
        ',' => "comma",
        ';' => "semicolon",
        _ => "pipe",
    };
    let headings = match (&list.headings, list.headings_at) {
        (None, _) => "no header row".to_owned(),
        (Some(_), 0 | 1) => "with a header row".to_owned(),
        (Some(_), line) => format!("header row on line {line}"),
    };
    format!("{}, {}, {separator}-separated, {headings}.", count(whole(list.lines.len()), "line", "lines"), list.encoding)
}

/// What was noticed and is no fault.
fn noticed(check: &Check, coverage: &Coverage) -> Vec<String> {
    let (list, checked) = (&check.list, &check.checked);
    let mut notes = Vec::new();
    if !coverage.people.is_whole() || !coverage.licenses.is_whole() {
        notes.push(format!(
            "The tenant could not be loaded completely, so nothing can be planned from this list. {}",
            coverage.sentences().join(" ")
        ));
    }
    let headings = u64::from(list.headings_at > 0);
    let rows = list.lines.len() as u64 + list.above + headings;
    if list.file_lines > rows {
        notes.push(format!(
            "The file has {} with text, and {} were read: quoted cells span several lines.",
            count(whole(list.file_lines), "line", "lines"),
            count(whole(rows), "row", "rows")
        ));
    }
    if list.above > 0 {
        notes.push(format!("{} above the header row ignored.", count(whole(list.above), "line", "lines")));
    }
    if list.cleaned > 0 {
        let cells = count(whole(list.cleaned), "cell had", "cells had");
        notes.push(format!("{cells} invisible characters, such as a zero-width space. They are ignored."));
    }
    if checked.named_otherwise_count > 0 {
        let lines: Vec<String> = checked.named_otherwise.iter().map(ToString::to_string).collect();
        let more = if checked.named_otherwise_count > lines.len() as u64 { ", …" } else { "" };
        notes.push(format!(
            "{} another person than its subject (line {}{more}). Was one column sorted without the others?",
            count(whole(checked.named_otherwise_count), "line names", "lines name"),
            lines.join(", ")
        ));
    }
    notes
}

pub async fn view(access: &Access<Operator>, id: &str, page: u32) -> Result<ListView, AppError> {
    let row = find(access, id).await?;
    let snapshot = snapshot(access).await?;
    let check = compared(access, &row, &snapshot).await?;
    let (list, checked, rules) = (&check.list, &check.checked, &row.rules);
    let columns = (0..list.width())
        .map(|at| ColumnLine {
            heading: heading(list, at),
            sample: list.lines.iter().take(3).filter_map(|line| line.cells.get(at)).cloned().collect::<Vec<_>>().join(" · "),
            means: rules.mapping.0.get(at).copied().flatten().map(|column| column.heading().to_owned()).unwrap_or_default(),
        })
        .collect();
    let kinds = checked.kinds();
    let no_license = kinds.get(&FaultKind::NoLicense).copied().unwrap_or_default();
    let shown: Vec<_> = checked.faults.iter().filter(|fault| fault.kind != FaultKind::NoLicense).collect();
    let pages = shown.len().div_ceil(PAGE).max(1);
    let page = (page.max(1) as usize).min(pages);
    let held = |subject: &domain::subject::Subject| {
        let of: Vec<String> = snapshot
            .inventory
            .assignments
            .iter()
            .filter(|held| held.subject == *subject)
            .map(|held| held.allotment.label())
            .collect();
        if of.is_empty() { "none".to_owned() } else { of.join(" and ") }
    };
    let recognised = checked
        .entries
        .iter()
        .take(RECOGNISED)
        .map(|entry| {
            let name = check.directory.name_of(&entry.subject);
            let who = if name.is_empty() { entry.subject.to_string() } else { format!("{name}, {}", entry.subject) };
            match (&entry.moves_to, &entry.allotment, entry.action) {
                (Some(to), ..) => format!("{who}: becomes {to}"),
                (None, Some(allotment), Action::Take) => format!("{who}: {} is removed", allotment.label()),
                (None, Some(allotment), _) => format!("{who}: {} → {}", held(&entry.subject), allotment.label()),
                (None, None, _) => format!("{who}: {} → none", held(&entry.subject)),
            }
        })
        .collect();
    Ok(ListView {
        brought: format!("imported {} by {}", access.zone.date_time(row.created_at), row.author),
        read_as: read_words(list),
        notes: noticed(&check, &snapshot.inventory.coverage),
        reading: ReadingView {
            separator: SEPARATORS
                .into_iter()
                .find(|(_, separator)| rules.reading.separator == Some(*separator))
                .map_or_else(String::new, |(name, _)| name.to_owned()),
            encoding: rules.reading.encoding.clone().unwrap_or_default(),
            headings: rules.reading.headings.map(|line| line.to_string()).unwrap_or_default(),
            encodings: ENCODINGS.map(ToOwned::to_owned).to_vec(),
        },
        columns,
        meanings: Column::ALL.iter().map(|column| (column.heading().to_owned(), column.heading().to_owned())).collect(),
        purpose: word_of(rules.action).to_owned(),
        usual: rules.usual.as_ref().map(ToString::to_string).unwrap_or_default(),
        allotments: allotments(&snapshot),
        allow_unknown: rules.allow_unknown,
        lines: list.lines.len() as u64,
        understood: checked.entries.len() as u64,
        recognised,
        left_out: checked.left.len() as u64,
        left: checked
            .left
            .iter()
            .take(LEFT)
            .map(|left| LeftLine { line: left.line, cells: left.cells.join(" · ").chars().take(300).collect() })
            .collect(),
        spared: checked.spared.len() as u64,
        wrong: checked.faults.len() as u64,
        kinds: kinds
            .into_iter()
            .map(|(kind, lines)| format!("{} {}", count(whole(lines), "line", "lines"), kind.words()))
            .collect(),
        no_license,
        foreign: checked.foreign,
        stopped: checked.not_a_state(rules).unwrap_or_default(),
        suggested: checked.faults.iter().filter(|fault| fault.suggestion.is_some()).count() as u64,
        faults: shown
            .into_iter()
            .skip((page - 1) * PAGE)
            .take(PAGE)
            .map(|fault| FaultLine {
                line: fault.line,
                column: u32::try_from(fault.column).unwrap_or(u32::MAX),
                heading: heading(list, fault.column),
                found: fault.found.chars().take(200).collect(),
                perhaps: checked.suggest(fault, list, rules, &check.directory).unwrap_or_default(),
                reason: fault.reason.clone(),
                suggestion: fault.suggestion.clone().unwrap_or_default(),
            })
            .collect(),
        page: u32::try_from(page).unwrap_or(1),
        pages: u32::try_from(pages).unwrap_or(u32::MAX),
        name: row.name,
    })
}

async fn save(access: &Access<Operator>, row: &ListRow) -> Result<(), AppError> {
    let kept = access.state.engine.store.set_list_rules(&access.tenant.id, &row.id, &row.rules).await;
    if kept? { Ok(()) } else { Err(gone()) }
}

pub async fn read_as(access: &Access<Operator>, id: &str, read: ReadAs) -> Result<(), AppError> {
    let mut row = find(access, id).await?;
    let reading = Reading {
        separator: SEPARATORS.into_iter().find(|(name, _)| *name == read.separator).map(|(_, separator)| separator),
        encoding: ENCODINGS.into_iter().find(|name| *name == read.encoding).map(ToOwned::to_owned),
        headings: if read.headings.trim().is_empty() {
            None
        } else {
            Some(read.headings.trim().parse().map_err(|_| {
                AppError::invalid(
                    "The header row is a line number",
                    "Type the number of the line with the column headings, or 0 if there are none.",
                )
            })?)
        },
    };
    let means = |word: &String| Column::ALL.into_iter().find(|column| column.heading() == word);
    let mapping = Mapping(read.columns.iter().map(means).collect());
    let twice = Column::ALL.into_iter().find(|wanted| mapping.0.iter().filter(|column| **column == Some(*wanted)).count() > 1);
    if let Some(column) = twice {
        return Err(AppError::invalid(
            "Two columns map to the same field",
            format!("“{}” is chosen for more than one column. Choose it for one of them.", column.heading()),
        ));
    }
    row.rules.action = action_of(&read.purpose);
    row.rules.usual = (!read.usual.is_empty()).then(|| AllotmentName::new(&read.usual));
    row.rules.allow_unknown = read.allow_unknown;
    if row.rules.reading != reading {
        // Other cells, other columns: what was said of those before says nothing of these.
        row.rules.reading = reading;
        row.rules.corrections.clear();
        row.rules.left_out.clear();
        let directory = directory_in(access, &snapshot(access).await?).await?;
        let (body, reading) = (row.body.clone(), row.rules.reading.clone());
        row.rules.mapping = off_the_loop(move || {
            let list = self::read(&body, &reading)?;
            Ok(Mapping::guess(list.headings.as_deref(), &list.lines, &directory))
        })
        .await?;
    } else if !read.columns.is_empty() {
        row.rules.mapping = mapping;
    }
    save(access, &row).await
}

pub async fn set_usual(access: &Access<Operator>, id: &str, usual: &str) -> Result<(), AppError> {
    let mut row = find(access, id).await?;
    if usual.is_empty() {
        return Err(AppError::invalid("No license chosen", "Choose which license these lines are about."));
    }
    row.rules.usual = Some(AllotmentName::new(usual));
    save(access, &row).await
}

fn place_of(cell: &str) -> Option<(u64, usize)> {
    let (line, column) = cell.split_once(':')?;
    Some((line.parse().ok()?, column.parse().ok()?))
}

pub async fn correct(access: &Access<Operator>, id: &str, form: Corrections) -> Result<(), AppError> {
    let mut row = find(access, id).await?;
    match form.what.as_str() {
        "suggested" | "leave" => {
            let check = compared(access, &row, &snapshot(access).await?).await?;
            for fault in &check.checked.faults {
                match &fault.suggestion {
                    Some(text) if form.what == "suggested" => {
                        row.rules.corrections.insert((fault.line, fault.column), text.clone());
                    }
                    _ if form.what == "leave" => {
                        row.rules.left_out.insert(fault.line);
                    }
                    _ => {}
                }
            }
        }
        "back" => {
            for line in &form.out {
                row.rules.left_out.remove(line);
            }
            if form.out.is_empty() {
                row.rules.left_out.clear();
            }
        }
        "perhaps" => {
            for (cell, text) in form.near.iter().zip(&form.names) {
                if let Some(place) = place_of(cell) {
                    row.rules.corrections.insert(place, text.chars().take(1_000).collect());
                }
            }
        }
        "these" => {
            for (cell, text) in form.cells.iter().zip(&form.texts) {
                if let Some(place) = place_of(cell) {
                    row.rules.corrections.insert(place, domain::text::visible(text).chars().take(1_000).collect());
                }
            }
            row.rules.left_out.extend(form.out);
        }
        _ => return Err(AppError::invalid("Unknown action", "Reload the list's page and try again.")),
    }
    save(access, &row).await
}

pub async fn plan(access: &Access<Operator>, id: &str) -> Result<Lead, AppError> {
    let row = find(access, id).await?;
    // From a fresh reading, as every plan.
    let snapshot = access.refresh().await?;
    let check = compared(access, &row, &snapshot).await?;
    let checked = &check.checked;
    if !checked.faults.is_empty() {
        let wrong = thousands(whole(checked.faults.len()));
        return Err(AppError::invalid(
            "The list still has errors",
            format!("{wrong} lines have errors. Fix or skip them first."),
        ));
    }
    if let Some(why) = checked.not_a_state(&row.rules) {
        return Err(AppError::invalid("Can't sync to this list", why));
    }
    let intent = Intent::List { action: row.rules.action, entries: checked.entries.clone(), spared: checked.spared.clone() };
    keep_plan(access, &snapshot, intent, Origin::Person).await
}
