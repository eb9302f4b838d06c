//! Cuts the matrix of groups and roles, keeps what is changed in it, and turns that into a plan.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use domain::groups::{Table, View};
use domain::import::{self, ListError};
use domain::inventory::{GroupId, Inventory, Role, RoleId, RoleLevel};
use domain::plan::{Intent, RoleEdit};
use domain::table::Rows as _;
use engine::readings::Snapshot;
use storage::Origin;

use super::service::{Offered, offered, read_aside, role_choice, role_choices, told, unreadable};
use super::view::{Cells, MatrixLine, MatrixView};
use crate::error::AppError;
use crate::features::plans::keep_plan;
use crate::features::shared::{Loaded, look};
use crate::features::table::view_of;
use crate::server::access::{Access, Operator, Viewer, refused};
use crate::server::lead::Lead;

/// Groups on a page.
const PAGE: usize = 100;
/// Columns of a page at most: more are not told apart.
const COLUMNS: usize = 40;
/// Names the draft.
const DRAFT: &str = "matrix";
/// The largest draft, in bytes: some five thousand cells.
const MOST: usize = 512 * 1_024;

pub async fn window(access: &Access<Viewer>, query: &str, roles: &str) -> Result<Loaded<MatrixView>, AppError> {
    let view = view_of::<Table>(query);
    let draft = access.state.engine.store.draft(&access.tenant.id, access.principal(), DRAFT).await;
    let draft = draft.map_err(|error| refused(error.into()))?;
    let draft = draft.map(|(body, at)| (Cells::read(&body), access.zone.time_of_day(at)));
    look(access, |snapshot| MatrixView { draft, ..cut(snapshot, &view, roles) }).await
}

/// The roles that are meant: `used`, `admin`, or ids joined by commas.
pub fn columns<'a>(inventory: &'a Inventory, table: &Table, roles: &str) -> Vec<&'a Role> {
    let given = table.given_by(table.every());
    let groups = |role: &Role| given.get(&role.id).copied().unwrap_or(0);
    let by_use = |mut roles: Vec<&'a Role>| {
        roles.sort_by_cached_key(|role| (Reverse(groups(role)), role.name.to_lowercase()));
        roles
    };
    match roles {
        "" | "used" => by_use(inventory.roles.iter().filter(|role| groups(role) > 0).collect()),
        "admin" => by_use(inventory.roles.iter().filter(|role| role.level == RoleLevel::Admin).collect()),
        ids => {
            let known = inventory.roles_by_id();
            let mut seen = BTreeSet::new();
            let wanted = ids.split(',').map(RoleId::new).filter(|id| seen.insert(id.clone()));
            wanted.filter_map(|id| known.get(&id).copied()).collect()
        }
    }
}

fn cut(snapshot: &Snapshot, view: &View, roles: &str) -> MatrixView {
    let (table, inventory) = (&*snapshot.groups, &*snapshot.inventory);
    let window = table.window(view, PAGE);
    let mut columns = columns(inventory, table, roles);
    let more = columns.len().saturating_sub(COLUMNS) as u64;
    columns.truncate(COLUMNS);
    let places: Vec<Option<usize>> =
        columns.iter().map(|role| table.names().roles.iter().position(|(id, _, _)| *id == role.id)).collect();
    let Offered { sources, statuses, roles } = offered(table, &view.filter);
    MatrixView {
        columns: columns.into_iter().map(role_choice).collect(),
        more,
        offered: role_choices(inventory),
        rows: window
            .rows
            .iter()
            .filter_map(|at| table.row(*at))
            .map(|row| MatrixLine {
                id: row.id().to_owned(),
                name: row.name().to_owned(),
                gives: places.iter().map(|place| place.map_or(Some(false), |place| row.gives(place))).collect(),
            })
            .collect(),
        version: snapshot.groups_version,
        matching: window.matching,
        of: table.len() as u64,
        page: window.page,
        pages: window.pages,
        sources,
        statuses,
        roles,
        draft: None,
    }
}

pub async fn keep(access: &Access<Operator>, cells: &str) -> Result<(), AppError> {
    if cells.len() > MOST {
        return Err(too_many());
    }
    let body = Cells::read(cells).text();
    let kept = access.state.engine.store.put_draft(&access.tenant.id, access.principal(), DRAFT, &body, access.now()).await;
    kept.map_err(AppError::from)
}

fn too_many() -> AppError {
    AppError::invalid("Too many changes at once", "Review those that you have, then go on; or bring the matrix as a file.")
}

pub async fn draft(access: &Access<Operator>, cells: &str) -> Result<Lead, AppError> {
    if cells.len() > MOST {
        return Err(too_many());
    }
    let mut edits: BTreeMap<GroupId, (BTreeSet<RoleId>, BTreeSet<RoleId>)> = BTreeMap::new();
    for ((group, role), on) in Cells::read(cells).0 {
        let (add, remove) = edits.entry(GroupId::new(group)).or_default();
        if on { add } else { remove }.insert(RoleId::new(role));
    }
    if edits.is_empty() {
        return Err(AppError::invalid("No changes to review", "Change a cell of the matrix first."));
    }
    let edits = edits.into_iter().map(|(group, (add, remove))| (group, RoleEdit::Change { add, remove })).collect();
    let snapshot = access.refresh().await?;
    let lead = keep_plan(access, &snapshot, Intent::EditEach { edits, rest: false }, Origin::Person).await?;
    // It is a plan now, unless that changes nothing: then it waits for whoever finds out why.
    if let Lead::Plan(id) = &lead
        && access.state.engine.store.plan(&access.tenant.id, id).await?.is_none_or(|kept| kept.plan.changes.is_empty())
    {
        return Ok(lead);
    }
    access.state.engine.store.drop_draft(&access.tenant.id, access.principal(), DRAFT).await?;
    Ok(lead)
}

/// A plan of what a file wants: only groups and roles that it names are touched, unless it is the wanted state of all.
pub async fn draft_file(access: &Access<Operator>, file: &[u8], rest: bool) -> Result<Lead, AppError> {
    let snapshot = access.refresh().await?;
    let coverage = &snapshot.inventory.coverage;
    if !coverage.groups.is_whole() || !coverage.roles.is_whole() {
        let why = format!("{} Refresh, then bring the file again.", coverage.sentences().join(" "));
        return Err(AppError::invalid("The tenant could not be loaded completely", why));
    }
    let (file, inventory) = (file.to_vec(), snapshot.inventory.clone());
    let list = read_aside(move || import::matrix(&file, &inventory)).await?.map_err(|error| match error {
        ListError::Empty => AppError::invalid("The file is empty", "Export the matrix to see what it looks like."),
        error => unreadable(&error),
    })?;
    if !list.faults.is_empty() {
        return Err(AppError::invalid("No change was planned", told(list.faults)));
    }
    if list.edits.is_empty() {
        return Err(AppError::invalid(
            "The file names no role",
            "It needs a column for each role; export the matrix to see one.",
        ));
    }
    let edits = if rest { list.with_the_rest(&snapshot.inventory) } else { list.edits };
    keep_plan(access, &snapshot, Intent::EditEach { edits, rest }, Origin::Person).await
}
