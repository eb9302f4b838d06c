//! Reads groups and their roles, and turns edits into plans.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use domain::allotment::AllotmentName;
use domain::change::{CreateGroup, Naming};
use domain::inventory::{Group, GroupId, Inventory, Provider, RoleId, RoleLevel, group_name};
use domain::plan::Intent;
use domain::roles::{self, MAX_ROLES_PER_GROUP};
use domain::text::{sentence, thousands, whole};
use domain::touch::Touch;
use engine::readings::Snapshot;

use storage::Origin;

use super::view::{GroupLine, GroupView, GroupsView, Members, NewGroupView, RoleLine};
use crate::error::{AppError, ErrorKind, Remedy};
use crate::features::plans::keep_plan;
use crate::features::shared::{Fresh, Loaded, look};
use crate::server::access::{Access, Operator, Role, Viewer, refused};
use crate::server::lead::Lead;

/// What failed where a group cannot be shown.
const FAILED: &str = "Couldn't load the group";
/// Groups on a page.
const PAGE: usize = 100;

fn line(group: &Group, snapshot: &Snapshot, members: Option<&HashMap<&GroupId, u64>>) -> GroupLine {
    let admin: BTreeSet<&RoleId> =
        snapshot.inventory.roles.iter().filter(|role| role.level == RoleLevel::Admin).map(|role| &role.id).collect();
    GroupLine {
        id: group.id.to_string(),
        name: group.name.clone(),
        provider: group.provider.label().to_owned(),
        status: group.status.clone(),
        roles: group.roles.as_ref().map(|roles| u32::try_from(roles.len()).unwrap_or(u32::MAX)),
        admin: group.roles.iter().flatten().any(|role| admin.contains(role)),
        members: match (group.provider, members) {
            (Provider::System, _) => Members::Everybody,
            (_, Some(members)) => Members::Known(members.get(&group.id).copied().unwrap_or(0)),
            (_, None) => Members::NotVisible,
        },
        updated: group.updated.get(..10).unwrap_or_default().to_owned(),
    }
}

pub async fn list(access: &Access<Viewer>, q: &str, page: u32) -> Result<Loaded<GroupsView>, AppError> {
    let needle = q.trim().to_lowercase();
    look(access, |snapshot| {
        let members = snapshot.inventory.members();
        let (system, mut groups): (Vec<&Group>, Vec<&Group>) =
            snapshot.inventory.groups.iter().partition(|group| group.provider == Provider::System);
        let of = groups.len();
        groups.retain(|group| needle.is_empty() || group.name.to_lowercase().contains(&needle));
        groups.sort_by_cached_key(|group| group.name.to_lowercase());
        let pages = groups.len().div_ceil(PAGE).max(1);
        let at = (page.max(1) as usize).min(pages);
        GroupsView {
            system: system.into_iter().map(|group| line(group, snapshot, members.as_ref())).collect(),
            matching: groups.len() as u64,
            of: of as u64,
            whole: snapshot.inventory.coverage.groups.is_whole(),
            groups: groups
                .into_iter()
                .skip((at - 1) * PAGE)
                .take(PAGE)
                .map(|group| line(group, snapshot, members.as_ref()))
                .collect(),
            page: u32::try_from(at).unwrap_or(1),
            pages: u32::try_from(pages).unwrap_or(u32::MAX),
        }
    })
    .await
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
    let roles_of: HashMap<&GroupId, &BTreeSet<RoleId>> =
        inventory.groups.iter().filter_map(|other| Some((&other.id, other.roles.as_ref()?))).collect();
    // Nobody is listed as a member of a system group, and everybody is one.
    let of_everyone: Vec<&BTreeSet<RoleId>> = inventory
        .groups
        .iter()
        .filter(|other| other.provider == Provider::System && other.id != group.id)
        .filter_map(|other| other.roles.as_ref())
        .collect();
    // How many members have each role in another way as well: one walk through everybody, not one for each role.
    let mut elsewhere: HashMap<&RoleId, u64> = HashMap::new();
    for person in &people {
        let by_groups =
            person.groups.iter().flatten().filter(|other| **other != group.id).filter_map(|other| roles_of.get(other));
        let by_groups = by_groups.copied().chain(of_everyone.iter().copied());
        let ids: BTreeSet<&RoleId> = person.roles.iter().flatten().chain(by_groups.flat_map(|roles| roles.iter())).collect();
        for id in ids {
            *elsewhere.entry(id).or_default() += 1;
        }
    }
    let members = inventory.members();
    let seen = members.is_some();
    let of = people.len() as u64;
    let roles = role_lines(inventory, |role| {
        let now = group.roles.as_ref().is_some_and(|roles| roles.contains(&role.id));
        (now, (now && seen).then(|| of - elsewhere.get(&role.id).copied().unwrap_or(0)))
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

/// Groups of one plan that are asked for by name.
const AT_ONCE: usize = 500;
/// The longest description, in characters. Qlik names no limit; this is more than anybody reads.
const LONGEST_DESCRIPTION: usize = 1_000;

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
    let (mut groups, mut wrong) = (Vec::new(), Vec::new());
    for (at, line) in (1_u64..).zip(names.lines()) {
        let name = line.trim();
        if name.is_empty() {
            continue;
        }
        if let Err(error) = group_name(name) {
            wrong.push(format!("Line {at}: {error}."));
        }
        let group = CreateGroup {
            name: name.to_owned(),
            description: description.clone(),
            provider: Provider::Custom,
            roles: ids(roles),
        };
        groups.push((at, group));
    }
    if groups.is_empty() {
        return Err(AppError::invalid("No name given", "Type the name of the group; one a line for several groups."));
    }
    if !wrong.is_empty() {
        return Err(AppError::invalid("Qlik does not take this name", wrong.join(" ")));
    }
    if groups.len() > AT_ONCE {
        let why = format!("At most 500 groups are created by one plan; {} are named.", thousands(whole(groups.len())));
        return Err(AppError::invalid("Too many groups at once", why));
    }
    if let [(line, _)] = groups.as_mut_slice() {
        // One name is no list.
        *line = 0;
    }
    let snapshot = access.refresh().await?;
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
    let Some(roles) = now.roles.clone() else {
        return Err(AppError::new(
            ErrorKind::Forbidden,
            "This key cannot see the group's roles",
            "What is not visible must not be replaced. Connect with a key that can see roles.",
        ));
    };
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
