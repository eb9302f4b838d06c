//! Reads groups and their roles, and turns edits into plans.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use domain::allotment::AllotmentName;
use domain::change::Naming;
use domain::groups::{Filter, Selection, Source, Table, View, parse_key};
use domain::import::{self, GroupList, LONGEST_DESCRIPTION, ListError};
use domain::inventory::{Group, GroupId, Inventory, Provider, RoleId, RoleLevel, group_name};
use domain::plan::{Intent, RoleEdit};
use domain::reach;
use domain::roles::{self, MAX_ROLES_PER_GROUP};
use domain::table::Rows as _;
use domain::text::{sentence, thousands, whole};
use domain::touch::Touch;
use engine::readings::Snapshot;

use storage::Origin;

use super::view::{GroupLine, GroupView, GroupsView, Members, NewGroupView, RoleChoice, RoleLine};
use crate::error::{AppError, ErrorKind, Remedy};
use crate::features::plans::{keep_plan, keep_plan_with_newcomers};
use crate::features::shared::{Fresh, Loaded, look};
use crate::features::table::{self, Choice, Counted, chosen, view_of};
use crate::server::access::{Access, Operator, Role, Viewer, refused};
use crate::server::lead::Lead;

/// What failed where a group cannot be shown.
const FAILED: &str = "Couldn't load the group";
/// Groups on a page.
const PAGE: usize = 100;
/// Roles that a page offers to filter by. The table in the browser knows them all.
const OFFERED: usize = 200;

fn line(group: &Group, snapshot: &Snapshot, members: Option<&HashMap<&GroupId, u64>>) -> GroupLine {
    let admin: BTreeSet<&RoleId> =
        snapshot.inventory.roles.iter().filter(|role| role.level == RoleLevel::Admin).map(|role| &role.id).collect();
    let day = |time: &str| time.get(..10).unwrap_or_default().to_owned();
    GroupLine {
        id: group.id.to_string(),
        name: group.name.clone(),
        description: group.description.clone(),
        provider: group.provider.label().to_owned(),
        status: group.status.clone(),
        roles: group.roles.as_ref().map(|roles| u32::try_from(roles.len()).unwrap_or(u32::MAX)),
        admin: group.roles.iter().flatten().any(|role| admin.contains(role)),
        members: match (group.provider, members) {
            (Provider::System, _) => Members::Everybody,
            (_, Some(members)) => Members::Known(members.get(&group.id).copied().unwrap_or(0)),
            (_, None) => Members::NotVisible,
        },
        created: day(&group.created),
        updated: day(&group.updated),
    }
}

pub async fn window(access: &Access<Viewer>, query: &str) -> Result<Loaded<GroupsView>, AppError> {
    let view = view_of::<Table>(query);
    look(access, |snapshot| cut(snapshot, &view)).await
}

fn cut(snapshot: &Snapshot, view: &View) -> GroupsView {
    let (table, inventory) = (&*snapshot.groups, &*snapshot.inventory);
    let window = table.window(view, PAGE);
    let Offered { sources, statuses, roles } = offered(table, &view.filter);
    let system = inventory.groups.iter().filter(|group| group.provider == Provider::System);
    GroupsView {
        system: system.map(|group| line(group, snapshot, None)).collect(),
        rows: window.rows.iter().filter_map(|at| table.row(*at)).map(GroupLine::from).collect(),
        version: snapshot.groups_version,
        digest: table.digest(&table.matching(&view.filter)),
        matching: window.matching,
        of: table.len() as u64,
        whole: inventory.coverage.groups.is_whole(),
        page: window.page,
        pages: window.pages,
        sources,
        statuses,
        roles,
        offered: role_choices(inventory),
    }
}

/// What filters of groups offer.
pub(super) struct Offered {
    pub sources: Vec<Choice>,
    pub statuses: Vec<Choice>,
    pub roles: Vec<Choice>,
}

/// What can be filtered by, each value with how many groups have it; of roles those that most groups give, and those asked for.
pub(super) fn offered(table: &Table, filter: &Filter) -> Offered {
    let (statuses, sources) = table.facets();
    let given = table.given_by(table.every());
    let rows_of = |id: &RoleId| given.get(id).copied().unwrap_or(0);
    let asked = |id: &RoleId| filter.role.values.contains(id);
    let mut roles: Vec<&(RoleId, String, bool)> = table.names().roles.iter().collect();
    roles.sort_by_cached_key(|(id, name, _)| (!asked(id), std::cmp::Reverse(rows_of(id)), name.to_lowercase()));
    Offered {
        sources: sources
            .into_iter()
            .map(|(of, rows)| Choice { value: Source(of).to_string(), label: of.label().to_owned(), rows: Some(rows) })
            .collect(),
        statuses: statuses
            .into_iter()
            .map(|(status, rows)| Choice { value: status.clone(), label: status, rows: Some(rows) })
            .collect(),
        roles: roles
            .into_iter()
            .take(OFFERED)
            .map(|(id, name, _)| Choice { value: id.to_string(), label: name.clone(), rows: Some(rows_of(id)) })
            .collect(),
    }
}

/// Every role of the tenant, by name.
pub(super) fn role_choices(inventory: &Inventory) -> Vec<RoleChoice> {
    let mut choices: Vec<RoleChoice> = inventory.roles.iter().map(role_choice).collect();
    choices.sort_by_cached_key(|role| role.name.to_lowercase());
    choices
}

/// A role to choose.
pub(super) fn role_choice(role: &domain::inventory::Role) -> RoleChoice {
    RoleChoice { id: role.id.to_string(), name: role.name.clone(), mark: roles::mark(role) }
}

/// The selection of a form.
pub fn selection(rows: &[String], query: Option<&str>, lines: &str) -> Selection {
    table::selection::<Table>(rows, query, lines, parse_key)
}

/// What a form says of the groups that are selected.
pub struct Asked<'a> {
    /// `roles` or `delete`.
    pub action: &'a str,
    /// `change`, `set` or `copy`.
    pub how: &'a str,
    /// Ids of roles: those that each group gets, or all that it is to have.
    pub add: &'a [String],
    /// Ids of roles that each group loses.
    pub remove: &'a [String],
    /// The name of a group to copy.
    pub from: &'a str,
}

/// What is to become of the roles of those selected.
fn role_edit(inventory: &Inventory, asked: &Asked<'_>) -> Result<RoleEdit, AppError> {
    let (add, remove) = (ids(asked.add), ids(asked.remove));
    match asked.how {
        "change" if add.is_empty() && remove.is_empty() => {
            Err(AppError::invalid("No role chosen", "Choose at least one role to add or to remove, then try again."))
        }
        "change" if !add.is_disjoint(&remove) => {
            Err(AppError::invalid("A role is both added and removed", "Choose one of the two for each role, then try again."))
        }
        "change" => Ok(RoleEdit::Change { add, remove }),
        "set" => Ok(RoleEdit::Set(add)),
        "copy" => {
            let from = asked.from;
            let from = from.trim();
            let mut named = inventory.groups.iter().filter(|group| group.name == from);
            let Some(group) = named.next().filter(|_| !from.is_empty()) else {
                let why = "Enter the name of a group exactly as the list shows it; upper and lower case matter.";
                return Err(AppError::invalid("No group has this name", why));
            };
            if named.next().is_some() {
                let why = "Open the one that you mean, and set its roles by choosing them.";
                return Err(AppError::invalid("Several groups have this name", why));
            }
            let roles = group.roles.clone().ok_or_else(not_visible)?;
            Ok(RoleEdit::Copy { from: group.id.clone(), roles })
        }
        _ => Err(AppError::invalid("Unknown action", "Choose to add and remove, to set or to copy roles.")),
    }
}

pub async fn draft_selection(
    access: &Access<Operator>,
    asked: Asked<'_>,
    selection: &Selection,
    counted: Counted,
) -> Result<Lead, AppError> {
    known_ids(asked.add, asked.remove)?;
    // What was looked at, before the reading below takes its place.
    let source = access.source();
    let looked_at = counted.version.and_then(|version| access.state.engine.readings.looked_at_groups(&source, version));
    // Drawn up from a fresh reading, so that the plan says what is so now.
    let snapshot = access.refresh().await?;
    let (selected, newcomers) = chosen(&*snapshot.groups, selection, looked_at.as_deref(), counted.digest)?;
    let ids = |places: &[u32]| -> Vec<GroupId> {
        places.iter().filter_map(|at| snapshot.groups.row(*at)).map(|row| GroupId::new(row.id())).collect()
    };
    if selected.is_empty() {
        return Err(AppError::invalid("No group selected", "Select at least one group, then try again."));
    }
    let intent: Box<dyn Fn(Vec<GroupId>) -> Intent + Send> = match asked.action {
        "delete" => Box::new(|groups| Intent::DeleteGroups { groups }),
        "roles" => {
            let edit = role_edit(&snapshot.inventory, &asked)?;
            Box::new(move |groups| Intent::EditRoles { groups, edit: edit.clone() })
        }
        _ => return Err(AppError::invalid("Unknown action", "Choose to edit roles or to delete groups.")),
    };
    let newcomers = (!newcomers.is_empty()).then(|| intent(ids(&newcomers)));
    keep_plan_with_newcomers(access, &snapshot, intent(ids(&selected)), newcomers).await
}

fn not_visible() -> AppError {
    AppError::new(
        ErrorKind::Forbidden,
        "This key cannot see the group's roles",
        "What is not visible must not be replaced. Connect with a key that can see roles.",
    )
}

/// The group as Qlik has it this moment.
async fn read_now<R: Role>(access: &Access<R>, id: &str) -> Result<Group, AppError> {
    /// Longer than any id of Qlik's.
    const MOST: usize = 256;
    if id.is_empty() || id.len() > MOST {
        return Err(AppError::not_found("Group not found", "The address may be wrong. See the list of groups."));
    }
    let touched = [Touch::Group(GroupId::new(id))].into();
    let read = access.read(&touched, FAILED).await?;
    let gone = || AppError::not_found(FAILED, "It no longer exists in Qlik. Refresh.");
    read.groups.into_iter().next().ok_or_else(gone)
}

pub async fn one(access: &Access<Viewer>, id: &str) -> Result<Loaded<GroupView>, AppError> {
    // Where the tenant does not answer, the group as it was last read, to look at and not to change.
    let (now, trouble) = match read_now(access, id).await {
        Ok(now) => (Some(now), None),
        Err(error) if error.kind.remedy() == Remedy::Again => (None, Some(error)),
        Err(error) => return Err(refused(error)),
    };
    let draft = access.state.engine.store.draft(&access.tenant.id, access.principal(), &draft_of(id)).await;
    let draft = draft.map_err(|error| refused(error.into()))?.and_then(|(body, at)| {
        let (base, mine) = body.split_once(';')?;
        Some((base.to_owned(), mine.to_owned(), access.zone.time_of_day(at)))
    });
    let loaded = look(access, Arc::clone).await?;
    // Everyone's members are everybody: counting them takes a moment.
    let wanted = GroupId::new(id);
    let loaded = loaded
        .map(|snapshot| {
            let known = || snapshot.inventory.group(&wanted).cloned();
            let (now, draft, trouble) = (now.clone().or_else(known), draft.clone(), trouble.clone());
            async move {
                let Some(now) = now else {
                    let gone = || AppError::not_found(FAILED, "It no longer exists in Qlik. Refresh.");
                    return Err(refused(trouble.unwrap_or_else(gone)));
                };
                let worked = tokio::task::spawn_blocking(move || GroupView { draft, ..edit(&snapshot, &now) }).await;
                worked.map_err(|_| AppError::new(ErrorKind::Internal, "The group could not be loaded", "Try again."))
            }
        })
        .await?;
    Ok(match loaded {
        Loaded::Ready(view, fresh) => {
            let trouble = trouble.or(fresh.trouble.clone());
            Loaded::Ready(view, Fresh { trouble, ..fresh })
        }
        reading @ Loaded::Reading(..) => reading,
    })
}

/// Names somebody's draft of a group's roles.
fn draft_of(id: &str) -> String {
    format!("group {id}")
}

/// Keeps what somebody has ticked, until they plan it or forget it; nothing ticked forgets it.
pub async fn keep_draft(access: &Access<Operator>, id: &str, base: &str, mine: &str) -> Result<(), AppError> {
    /// More than a hundred roles by their ids, twice.
    const MOST: usize = 16 * 1_024;
    if base.len() + mine.len() > MOST || base.contains(';') || mine.contains(';') {
        return Err(AppError::invalid("The draft is too large", "A group can have at most 100 roles."));
    }
    let body = if base == mine { String::new() } else { format!("{base};{mine}") };
    let kept =
        access.state.engine.store.put_draft(&access.tenant.id, access.principal(), &draft_of(id), &body, access.now()).await;
    kept.map_err(AppError::from)
}

fn edit(snapshot: &Snapshot, group: &Group) -> GroupView {
    let inventory = &snapshot.inventory;
    let everyone = group.provider == Provider::System;
    let people: Vec<_> = inventory.people.iter().filter(|person| everyone || person.is_in(&group.id)).collect();
    let members = inventory.members();
    let seen = members.is_some();
    let only = reach::only_by(inventory, group);
    let roles = role_lines(inventory, |role| {
        let now = group.roles.as_ref().is_some_and(|roles| roles.contains(&role.id));
        (now, only.as_ref().and_then(|only| only.get(&role.id)).copied())
    });
    let licensed: std::collections::HashSet<String> = inventory.assignments.iter().map(|a| a.subject.key()).collect();
    let targets = inventory.allotments.iter().filter(|allotment| allotment.takes_assignments());
    GroupView {
        line: line(group, snapshot, members.as_ref()),
        provider: group.provider,
        roles_visible: group.roles.is_some(),
        description: group.description.clone(),
        draft: None,
        roles,
        targets: targets.map(|allotment| (allotment.name.to_string(), allotment.name.label())).collect(),
        unlicensed: (seen && inventory.coverage.licenses.is_whole()).then(|| {
            people.iter().filter(|person| !person.is_shut_out() && !licensed.contains(&person.subject.key())).count() as u64
        }),
    }
}

/// Every role, by name; each with whether a group gives it, and who has it by that group alone.
fn role_lines(inventory: &Inventory, given: impl Fn(&domain::inventory::Role) -> (bool, Option<u64>)) -> Vec<RoleLine> {
    let line = |role: &domain::inventory::Role| {
        let (now, only_here) = given(role);
        RoleLine {
            id: role.id.to_string(),
            name: role.name.clone(),
            description: role.description.clone(),
            mark: roles::mark(role),
            admin: role.level == RoleLevel::Admin,
            custom: role.custom,
            now,
            only_here,
        }
    };
    let mut roles: Vec<RoleLine> = inventory.roles.iter().map(line).collect();
    roles.sort_by_key(|role| role.name.to_lowercase());
    roles
}

pub async fn new_group(access: &Access<Viewer>) -> Result<Loaded<NewGroupView>, AppError> {
    look(access, |snapshot| {
        let inventory = &snapshot.inventory;
        NewGroupView {
            roles: role_lines(inventory, |_| (false, None)),
            of: inventory.groups.iter().filter(|group| group.provider != Provider::System).count() as u64,
            whole: inventory.coverage.groups.is_whole(),
        }
    })
    .await
}

fn described(description: &str) -> Result<String, AppError> {
    let description = description.trim();
    match description.chars().count() {
        length if length > LONGEST_DESCRIPTION => {
            let why = format!("It can have at most 1,000 characters; this one has {}.", thousands(whole(length)));
            Err(AppError::invalid("The description is too long", why))
        }
        _ => Ok(description.to_owned()),
    }
}

pub async fn draft_groups(access: &Access<Operator>, names: &str, description: &str, roles: &[String]) -> Result<Lead, AppError> {
    known_ids(roles, &[])?;
    let description = described(description)?;
    create(access, names.as_bytes(), &description, &ids(roles)).await
}

/// A plan that makes the groups of a file.
pub async fn draft_file(access: &Access<Operator>, file: &[u8]) -> Result<Lead, AppError> {
    create(access, file, "", &BTreeSet::new()).await
}

/// What is wrong with a list, as far as it is told at once; the rest comes when that is mended.
pub(super) fn told(faults: Vec<String>) -> String {
    const TOLD: usize = 20;
    let more = faults.len().saturating_sub(TOLD);
    let mut told: Vec<String> = faults.into_iter().take(TOLD).collect();
    if more > 0 {
        told.push(format!("And {} more.", thousands(whole(more))));
    }
    told.join(" ")
}

/// Reads a list on a thread where a large one holds nobody up.
pub(super) async fn read_aside<T: Send + 'static>(read: impl FnOnce() -> T + Send + 'static) -> Result<T, AppError> {
    let read = tokio::task::spawn_blocking(read).await;
    read.map_err(|_| AppError::new(ErrorKind::Internal, "The list could not be read", "Try again."))
}

/// Why a list cannot be read at all.
pub(super) fn unreadable(error: &ListError) -> AppError {
    match error {
        ListError::Binary => AppError::invalid("This is a spreadsheet file", "Save it as CSV first, then choose that file."),
        error => AppError::invalid("The list cannot be read", sentence(&error.to_string())),
    }
}

async fn create(access: &Access<Operator>, list: &[u8], description: &str, roles: &BTreeSet<RoleId>) -> Result<Lead, AppError> {
    let snapshot = access.refresh().await?;
    let (list, description, roles) = (list.to_vec(), description.to_owned(), roles.clone());
    let inventory = snapshot.inventory.clone();
    let list = read_aside(move || import::groups(&list, &description, &roles, &inventory.roles)).await?;
    let GroupList { mut groups, faults } = list.map_err(|error| match error {
        ListError::Empty => AppError::invalid("No name given", "Type the name of the group; one a line for several groups."),
        error => unreadable(&error),
    })?;
    if !faults.is_empty() {
        return Err(AppError::invalid("No group was planned", told(faults)));
    }
    if groups.is_empty() {
        return Err(AppError::invalid("The list names no group", "Below its headings it needs a line for each group."));
    }
    if let [(line, _)] = groups.as_mut_slice() {
        // One name is no list.
        *line = 0;
    }
    keep_plan(access, &snapshot, Intent::CreateGroups { groups }, Origin::Person).await
}

pub async fn draft_edit(access: &Access<Operator>, id: &str, name: String, description: String) -> Result<Lead, AppError> {
    let after = Naming { name: name.trim().to_owned(), description: described(&description)? };
    group_name(&after.name).map_err(|error| AppError::invalid("Qlik does not take this name", sentence(&error.to_string())))?;
    let now = read_now(access, id).await?;
    if now.provider == Provider::Custom && Naming::of(&now) == after {
        return Err(AppError::invalid("No changes to review", "The group already has this name and description."));
    }
    let snapshot = access.refresh().await?;
    keep_plan(access, &snapshot, Intent::EditGroup { group: now.id, after }, Origin::Person).await
}

pub async fn draft_deletion(access: &Access<Operator>, id: &str) -> Result<Lead, AppError> {
    let now = read_now(access, id).await?;
    let snapshot = access.refresh().await?;
    keep_plan(access, &snapshot, Intent::DeleteGroups { groups: vec![now.id] }, Origin::Person).await
}

/// That these can be ids of roles, and are not too many.
fn known_ids(some: &[String], others: &[String]) -> Result<(), AppError> {
    /// Longer than any id of Qlik's.
    const LONGEST: usize = 64;
    if some.iter().chain(others).any(|id| id.len() > LONGEST) || some.len().max(others.len()) > 2 * MAX_ROLES_PER_GROUP {
        return Err(AppError::invalid("Unknown roles", "Reload the page and choose from its list."));
    }
    Ok(())
}

fn ids(list: &[String]) -> BTreeSet<RoleId> {
    list.iter().map(RoleId::new).collect()
}

pub async fn draft_roles(access: &Access<Operator>, id: &str, base: &[String], mine: &[String]) -> Result<Lead, AppError> {
    known_ids(base, mine)?;
    let now = read_now(access, id).await?;
    let (base, mine) = (ids(base), ids(mine));
    let roles = now.roles.clone().ok_or_else(not_visible)?;
    if roles != base && roles != mine {
        // Somebody else wrote since the editor was opened: back to it, with all three versions in sight.
        let list = |set: &BTreeSet<RoleId>| set.iter().map(ToString::to_string).collect();
        return Ok(Lead::Group { id: id.to_owned(), base: list(&base), mine: list(&mine) });
    }
    if roles == mine {
        return Err(AppError::invalid(
            "No changes to review",
            "The group already has exactly these roles. Select roles to add or remove first.",
        ));
    }
    let snapshot = access.refresh().await?;
    let lead = keep_plan(access, &snapshot, Intent::SetGroupRoles { group: now.id, roles: mine }, Origin::Person).await?;
    // It is a plan now.
    access.state.engine.store.drop_draft(&access.tenant.id, access.principal(), &draft_of(id)).await?;
    Ok(lead)
}

pub async fn draft_license(access: &Access<Operator>, id: &str, to: &str) -> Result<Lead, AppError> {
    let snapshot = access.refresh().await?;
    let group = GroupId::new(id);
    let coverage = &snapshot.inventory.coverage;
    let found = snapshot.inventory.group(&group).ok_or_else(|| {
        if !coverage.groups.is_whole() {
            return AppError::new(
                ErrorKind::Conflict,
                "The group is not among those that could be loaded",
                format!("{} Connect with a key that can see groups, or refresh.", coverage.sentences().join(" ")),
            );
        }
        AppError::not_found("Group not found", "It may have been deleted. See the list of groups.")
    })?;
    let everyone = found.provider == Provider::System;
    if !coverage.people.is_whole() || (!everyone && snapshot.inventory.people.iter().any(|person| person.groups.is_none())) {
        return Err(AppError::new(
            ErrorKind::Forbidden,
            "The members of this group are not visible",
            "This key cannot see all users with their groups. Connect with a key that can, or refresh.",
        ));
    }
    // People who left do not get a license back by their old group.
    let members = snapshot.inventory.people.iter().filter(|person| everyone || person.is_in(&group));
    let subjects: Vec<_> = members.filter(|person| !person.is_shut_out()).map(|person| person.subject.clone()).collect();
    if subjects.is_empty() {
        return Err(AppError::invalid("No members to license", "None of them can sign in."));
    }
    keep_plan(access, &snapshot, Intent::LicenseUnlicensed { subjects, allotment: AllotmentName::new(to) }, Origin::Person).await
}
