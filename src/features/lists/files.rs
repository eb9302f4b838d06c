//! Files that come and go: a list is brought by a form, and views, plans and failures are taken away as CSV.

use axum::extract::{DefaultBodyLimit, Extension, Multipart, Path, Query, RawQuery, State};
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Router, http::StatusCode};
use domain::assignments::View;
use domain::change::{Change, Line, Names, Told};
use domain::import::{Column, Field, write, write_with};
use domain::journal::RowState;
use domain::table::Rows as _;
use engine::readings::Latest;
use serde::Deserialize;
use storage::JobRow;

use super::service::{action_of, compared, find, heading, keep};
use super::view::IMPORT;
use crate::error::{AppError, ErrorKind};
use crate::features::jobs::outcome;
use crate::features::shared::{as_of, refused_as_text as told};
use crate::server::access::{Access, Caller, Operator, Role, Viewer};
use crate::server::failure::back_to;
use crate::server::state::{AppState, Shared};
use crate::server::words::not_read;
use crate::ui::query::{escape, from_query};

/// The largest list, in bytes: a hundred thousand lines with room to spare.
pub const MAX_LIST: usize = 32 * 1024 * 1024;

/// The routes of this room that are no pages.
pub fn routes(state: &Shared) -> Router<AppState> {
    Router::new()
        .route("/import/{tenant}", post(bring).layer(DefaultBodyLimit::max(MAX_LIST)))
        .route("/export/{tenant}/template.csv", get(template))
        .route("/export/{tenant}/assignments.csv", get(assignments))
        .route("/export/{tenant}/plan.csv", get(plan))
        .route("/export/{tenant}/failures.csv", get(failures))
        .route("/export/{tenant}/results.csv", get(results))
        .route("/export/{tenant}/left-out.csv", get(left_out))
        .layer(Extension(state.clone()))
}

async fn access<R: Role>(state: Shared, caller: Caller, tenant: &str) -> Result<Access<R>, AppError> {
    Access::of(state, caller, tenant).await
}

/// Takes a list in: a file, or pasted lines where no file was chosen. Leads to its page, or back with the reason.
async fn bring(
    Extension(state): Extension<Shared>,
    Extension(caller): Extension<Caller>,
    Path(tenant): Path<String>,
    form: Multipart,
) -> Response {
    let taken = async {
        let access = access::<Operator>(state, caller, &tenant).await?;
        let (name, body, purpose, usual) = fields(form).await?;
        keep(&access, &name, body, action_of(&purpose), &usual).await
    };
    match taken.await {
        Ok(id) => Redirect::to(&format!("/t/{}/lists/{id}", escape(&tenant))).into_response(),
        // The lines were kept while they were typed; after connecting the form has them again.
        Err(error) if error.kind == ErrorKind::NotConnected => {
            let back = escape(&format!("/t/{}/lists", escape(&tenant)));
            Redirect::to(&format!("/connect?tenant={}&back={back}", escape(&tenant))).into_response()
        }
        Err(error) => back_to(&format!("/t/{}/lists", escape(&tenant)), IMPORT, error),
    }
}

async fn fields(mut form: Multipart) -> Result<(String, Vec<u8>, String, String), AppError> {
    let broken = |error: axum::extract::multipart::MultipartError| {
        if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
            AppError::invalid("The list is too large", "Lists can be up to 32 MB. Split the file.")
        } else {
            AppError::invalid("The upload was incomplete", "Import it again.")
        }
    };
    let (mut name, mut file, mut pasted) = (String::new(), Vec::new(), Vec::new());
    let (mut purpose, mut usual) = (String::new(), String::new());
    while let Some(field) = form.next_field().await.map_err(broken)? {
        let which = field.name().unwrap_or_default().to_owned();
        let of_file = field.file_name().unwrap_or_default().to_owned();
        let bytes = field.bytes().await.map_err(broken)?.to_vec();
        match which.as_str() {
            "file" if !bytes.is_empty() => (name, file) = (of_file, bytes),
            "lines" => pasted = bytes,
            "purpose" => purpose = String::from_utf8_lossy(&bytes).into_owned(),
            "usual" => usual = String::from_utf8_lossy(&bytes).into_owned(),
            _ => {}
        }
    }
    Ok(if file.is_empty() { ("pasted list".to_owned(), pasted, purpose, usual) } else { (name, file, purpose, usual) })
}

fn csv(name: &str, bytes: Vec<u8>) -> Response {
    let attachment = format!("attachment; filename=\"{name}\"");
    ([(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, attachment)], bytes)
        .into_response()
}

/// The columns of the usual spreadsheet.
fn usual_headings() -> Vec<&'static str> {
    Column::ALL.into_iter().take(7).map(Column::heading).collect()
}

async fn template() -> Response {
    csv("list-template.csv", write(&usual_headings(), []))
}

/// The whole view of the assignments table, not its page.
async fn assignments(
    Extension(state): Extension<Shared>,
    Extension(caller): Extension<Caller>,
    Path(tenant): Path<String>,
    RawQuery(query): RawQuery,
    State(_): State<AppState>,
) -> Response {
    let taken = async {
        let access = access::<Viewer>(state, caller, &tenant).await?;
        let (snapshot, renewed) = match access.latest(std::time::Duration::from_secs(20)).await {
            Latest::Ready(snapshot, error) => (snapshot, error.is_none()),
            Latest::Failed(fault) => return Err(not_read(&fault)),
            Latest::Loading(..) => {
                return Err(AppError::invalid("The tenant is still loading", "Try the export again in a moment."));
            }
        };
        let pairs = from_query(&query.unwrap_or_default());
        let asked = |wanted: &str| pairs.iter().find(|(key, _)| key == wanted).map(|(_, value)| value.as_str());
        let coverage = &snapshot.inventory.coverage;
        let missing = coverage.sentences();
        // Whoever takes a list away reads it elsewhere, without the page's word that something is missing.
        if !missing.is_empty() && asked("partial") != Some("1") {
            return Err(AppError::new(
                ErrorKind::Conflict,
                "The tenant could not be loaded completely",
                format!(
                    "{} Refresh and export again, or add partial=1 to the address to export what is loaded.",
                    missing.join(" ")
                ),
            ));
        }
        let name = if missing.is_empty() { "assignments" } else { "assignments-incomplete" };
        // Where the newest reading failed, the file says how old its rows are.
        let name = format!("{name}{}.csv", as_of(snapshot.as_of, renewed));
        let view = View::from_pairs(pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        let people = snapshot.inventory.people_by_subject();
        let hidden: std::collections::HashSet<_> =
            snapshot.inventory.groups.iter().filter(|group| group.roles.is_none()).map(|group| &group.id).collect();
        let window = snapshot.table.window(&View { page: 1, ..view }, usize::MAX);
        let rows = window.rows.iter().filter_map(|at| snapshot.table.row(*at)).map(|row| {
            let id = people.get(&domain::text::same(row.subject())).map(|person| person.id.to_string()).unwrap_or_default();
            let person = people.get(&domain::text::same(row.subject()));
            let unseen = person.is_some_and(|person| person.roles.is_none() || person.groups.is_none())
                || row.groups().any(|(id, _)| hidden.contains(id));
            let mut roles: Vec<&str> = row.roles().map(|(_, name)| name.as_str()).collect();
            if unseen {
                roles.push("not visible");
            }
            let flags = [(row.excess(), "excess"), (row.orphan(), "orphan"), (row.bot(), "bot")];
            let flags: Vec<&str> = flags.into_iter().filter(|(on, _)| *on).map(|(_, word)| word).collect();
            [
                id,
                row.name().to_owned(),
                row.subject().to_owned(),
                row.email().to_owned(),
                roles.join("; "),
                row.allotment().map(domain::allotment::AllotmentName::label).unwrap_or_default(),
                flags.join("; "),
            ]
            .iter()
            .map(|cell| Field::new(cell))
            .collect()
        });
        Ok(csv(&name, write_with(separator_of(asked("separator")), &usual_headings(), rows)))
    };
    taken.await.unwrap_or_else(|error| told(&error))
}

#[derive(Debug, Deserialize)]
struct Which {
    id: String,
    /// `semicolon` for the spreadsheets of most of Europe, `tab`, or commas.
    #[serde(default)]
    separator: String,
}

fn separator_of(word: Option<&str>) -> char {
    match word {
        Some("semicolon") => ';',
        Some("tab") => '\t',
        _ => ',',
    }
}

/// A change as a line that can be brought again: who, what, and which license it is about.
fn cells(change: &Change, name: &str) -> [String; 5] {
    let Line { license, new_subject } = change.line();
    [name.to_owned(), change.target(), change.kind().verb().to_owned(), license, new_subject]
}

const CHANGE_HEADINGS: [Column; 5] = [Column::Name, Column::Subject, Column::Change, Column::License, Column::NewSubject];

async fn plan(
    Extension(state): Extension<Shared>,
    Extension(caller): Extension<Caller>,
    Path(tenant): Path<String>,
    Query(which): Query<Which>,
) -> Response {
    let taken = async {
        let access = access::<Viewer>(state, caller, &tenant).await?;
        let row = access.state.engine.store.plan(&access.tenant.id, &which.id).await?;
        let row = row.ok_or_else(|| AppError::not_found("Plan not found", "It was deleted."))?;
        let rows = row.plan.changes.iter().map(|planned| {
            let why = planned.why.as_ref().map(|why| why.sentence.clone()).unwrap_or_default();
            cells(&planned.change, &planned.name).iter().chain([&why]).map(|cell| Field::new(cell)).collect()
        });
        let headings: Vec<&str> = CHANGE_HEADINGS.map(Column::heading).into_iter().chain(["Reason"]).collect();
        Ok(csv("plan.csv", write_with(separator_of(Some(&which.separator)), &headings, rows)))
    };
    taken.await.unwrap_or_else(|error: AppError| told(&error))
}

/// A job of the tenant.
async fn job_of(access: &Access<Viewer>, id: &str) -> Result<JobRow, AppError> {
    let job = access.state.engine.store.job(&access.tenant.id, id).await?;
    job.ok_or_else(|| AppError::not_found("Job not found", "It is not one of this tenant's jobs."))
}

/// Rows of a job that were not done, as a list that can be brought again unchanged.
async fn failures(
    Extension(state): Extension<Shared>,
    Extension(caller): Extension<Caller>,
    Path(tenant): Path<String>,
    Query(which): Query<Which>,
) -> Response {
    let taken = async {
        let access = access::<Viewer>(state, caller, &tenant).await?;
        let job = job_of(&access, &which.id).await?;
        let backend = &access.tenant.backend;
        let states = [RowState::Refused, RowState::Conflict, RowState::Unknown, RowState::Planned];
        let rows = access.state.engine.store.journal(&job.id, &states, 0, i64::MAX).await?;
        let rows = rows.iter().map(|row| {
            let refused = row.state == RowState::Refused;
            let what_to_do = if refused { backend.advice(&row.change, &row.answer()) } else { String::new() };
            let said = [row.code.clone(), row.title.clone(), what_to_do];
            cells(&row.change, &row.name).iter().chain(&said).map(|cell| Field::new(cell)).collect()
        });
        let headings: Vec<&str> =
            CHANGE_HEADINGS.map(Column::heading).into_iter().chain(["Code", "Qlik says", "What to do"]).collect();
        Ok(csv("failures.csv", write_with(separator_of(Some(&which.separator)), &headings, rows)))
    };
    taken.await.unwrap_or_else(|error: AppError| told(&error))
}

/// All rows of a job with what they came to, for whoever has to show it.
async fn results(
    Extension(state): Extension<Shared>,
    Extension(caller): Extension<Caller>,
    Path(tenant): Path<String>,
    Query(which): Query<Which>,
) -> Response {
    let taken = async {
        let access = access::<Viewer>(state, caller, &tenant).await?;
        let job = job_of(&access, &which.id).await?;
        if job.rows_gone {
            return Err(AppError::not_found("The rows of this job are no longer stored", "The audit names each of them."));
        }
        let rows = access.state.engine.store.journal(&job.id, &RowState::ALL, 0, i64::MAX).await?;
        let rows = rows.iter().map(|row| {
            let Told { before, after, .. } = row.change.told(&Names::default());
            let (_, result) = outcome(row.state.as_str());
            let result = [before, after, result, row.code.clone(), row.title.clone(), row.trace.clone()];
            cells(&row.change, &row.name).iter().chain(&result).map(|cell| Field::new(cell)).collect()
        });
        let headings = ["Before", "After", "Result", "Code", "Qlik says", "Trace ID"];
        let headings: Vec<&str> = CHANGE_HEADINGS.map(Column::heading).into_iter().chain(headings).collect();
        Ok(csv("results.csv", write_with(separator_of(Some(&which.separator)), &headings, rows)))
    };
    taken.await.unwrap_or_else(|error: AppError| told(&error))
}

/// Lines of a list that were left out, as they were, with the headings of the list: to be put right and brought again.
async fn left_out(
    Extension(state): Extension<Shared>,
    Extension(caller): Extension<Caller>,
    Path(tenant): Path<String>,
    Query(which): Query<Which>,
) -> Response {
    let taken = async {
        let access = access::<Operator>(state, caller, &tenant).await?;
        let row = find(&access, &which.id).await?;
        let Latest::Ready(snapshot, _) = access.latest(std::time::Duration::from_secs(20)).await else {
            return Err(AppError::invalid("The tenant is still loading", "Try again when the list's page is shown."));
        };
        let check = compared(&access, &row, &snapshot).await?;
        let width = check.checked.left.iter().map(|line| line.cells.len()).max().unwrap_or(0).max(check.list.width());
        let headings: Vec<String> = (0..width).map(|at| heading(&check.list, at)).collect();
        let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
        let cell = |cells: &[String], at: usize| Field::new(cells.get(at).map_or("", String::as_str));
        let rows = check.checked.left.iter().map(|line| (0..width).map(|at| cell(&line.cells, at)).collect());
        Ok(csv("left-out.csv", write_with(separator_of(Some(&which.separator)), &headings, rows)))
    };
    taken.await.unwrap_or_else(|error: AppError| told(&error))
}
