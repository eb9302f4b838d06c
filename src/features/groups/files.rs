//! Files of this room: a list of new groups, and the matrix of groups and roles, brought and taken away.

use std::collections::HashMap;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Extension, Multipart, Path, RawQuery};
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::groups::Table;
use domain::import;
use domain::inventory::Group;
use domain::table::Rows as _;
use engine::readings::Latest;

use super::matrix_service;
use super::service::draft_file;
use super::view::{IMPORT, IMPORT_MATRIX};
use crate::error::{AppError, ErrorKind};
use crate::features::shared::{as_of, refused_as_text};
use crate::features::table::view_of;
use crate::server::access::{Access, Caller, Operator, Viewer};
use crate::server::failure::back_to;
use crate::server::lead::Lead;
use crate::server::state::{AppState, Shared};
use crate::server::words::not_read;
use crate::ui::query::{escape, from_query};

/// The largest list, in bytes: ten thousand names of the longest kind with what they are for.
const MAX_LIST: usize = 16 * 1024 * 1024;

/// The routes of this room that take files.
pub fn routes(state: &Shared) -> Router<AppState> {
    Router::new()
        .route("/import/{tenant}/groups", post(bring).layer(DefaultBodyLimit::max(MAX_LIST)))
        .route("/import/{tenant}/matrix", post(bring_matrix).layer(DefaultBodyLimit::max(MAX_LIST)))
        .route("/export/{tenant}/matrix.csv", get(take_matrix))
        .layer(Extension(state.clone()))
}

/// Takes a list of groups in. Leads to its plan, or back with the reason.
async fn bring(
    Extension(state): Extension<Shared>,
    Extension(caller): Extension<Caller>,
    Path(tenant): Path<String>,
    form: Multipart,
) -> Response {
    let taken = async {
        let access = Access::<Operator>::of(state, caller, &tenant).await?;
        draft_file(&access, &brought(form).await?.file).await
    };
    led(&tenant, "groups/new", IMPORT, taken.await)
}

/// Takes a matrix in, likewise.
async fn bring_matrix(
    Extension(state): Extension<Shared>,
    Extension(caller): Extension<Caller>,
    Path(tenant): Path<String>,
    form: Multipart,
) -> Response {
    let taken = async {
        let access = Access::<Operator>::of(state, caller, &tenant).await?;
        let Brought { file, rest } = brought(form).await?;
        matrix_service::draft_file(&access, &file, rest).await
    };
    led(&tenant, "groups/matrix", IMPORT_MATRIX, taken.await)
}

fn led(tenant: &str, page: &str, form: &str, taken: Result<Lead, AppError>) -> Response {
    let page = format!("/t/{}/{page}", escape(tenant));
    match taken {
        Ok(lead) => Redirect::to(&lead.address(tenant)).into_response(),
        Err(error) if error.kind == ErrorKind::NotConnected => {
            Redirect::to(&format!("/connect?tenant={}&back={}", escape(tenant), escape(&page))).into_response()
        }
        Err(error) => back_to(&page, form, error),
    }
}

/// The matrix of the groups that the address's view shows, all of them, with the roles that it names.
async fn take_matrix(
    Extension(state): Extension<Shared>,
    Extension(caller): Extension<Caller>,
    Path(tenant): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let taken = async {
        let access = Access::<Viewer>::of(state, caller, &tenant).await?;
        let (snapshot, renewed) = match access.latest(Duration::from_secs(20)).await {
            Latest::Ready(snapshot, error) => (snapshot, error.is_none()),
            Latest::Failed(fault) => return Err(not_read(&fault)),
            Latest::Loading(..) => {
                return Err(AppError::invalid("The tenant is still loading", "Try the export again in a moment."));
            }
        };
        let coverage = &snapshot.inventory.coverage;
        if !coverage.groups.is_whole() || !coverage.roles.is_whole() {
            let why = format!("{} Refresh and export again.", coverage.sentences().join(" "));
            return Err(AppError::new(ErrorKind::Conflict, "The tenant could not be loaded completely", why));
        }
        let query = query.unwrap_or_default();
        let shown = from_query(&query).into_iter().find(|(key, _)| key == "show").map(|(_, value)| value).unwrap_or_default();
        let (table, inventory) = (&*snapshot.groups, &*snapshot.inventory);
        let roles = matrix_service::columns(inventory, table, &shown);
        let by_id: HashMap<&str, &Group> = inventory.groups.iter().map(|group| (group.id.as_str(), group)).collect();
        let order = table.order(&view_of::<Table>(&query));
        let groups: Vec<&Group> = order.into_iter().filter_map(|at| by_id.get(table.row(at)?.id()).copied()).collect();
        let file = import::write(&import::matrix_headings(&roles, inventory), import::matrix_rows(&groups, &roles));
        Ok((format!("groups-and-roles{}.csv", as_of(snapshot.as_of, renewed)), file))
    };
    match taken.await {
        Ok((name, bytes)) => {
            let attachment = format!("attachment; filename=\"{name}\"");
            ([(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, attachment)], bytes)
                .into_response()
        }
        Err(error) => refused_as_text(&error),
    }
}

/// What a form brings.
struct Brought {
    file: Vec<u8>,
    /// The file is the wanted state of all.
    rest: bool,
}

async fn brought(mut form: Multipart) -> Result<Brought, AppError> {
    let broken = |_| AppError::invalid("The upload was incomplete", "A file can have up to 16 MB. Choose it again.");
    let (mut file, mut rest) = (None, false);
    while let Some(field) = form.next_field().await.map_err(broken)? {
        match field.name() {
            Some("file") => file = Some(field.bytes().await.map_err(broken)?.to_vec()),
            Some("rest") => rest = !field.text().await.map_err(broken)?.is_empty(),
            _ => {}
        }
    }
    let file = file.ok_or_else(|| AppError::invalid("No file chosen", "Choose a CSV or text file, then try again."))?;
    Ok(Brought { file, rest })
}
