//! Reads groups and their roles, and turns edits into plans.

use std::collections::{BTreeSet, HashMap};

use domain::allotment::AllotmentName;
use domain::inventory::{Group, GroupId, Provider, RoleId, RoleLevel};
use domain::plan::Intent;
use domain::roles;
use qlik_api::client::Urgency;

use super::api::{GroupLine, GroupView, GroupsView, RoleLine};
use crate::error::AppError;
use crate::features::plans::keep_plan;
use crate::features::shared::{Loaded, look};
use crate::server::access::{Access, Operator, Role, Viewer, refused};
use crate::server::inventory::Snapshot;
use crate::server::mapping::{self, call_error};
use crate::ui::query::to_query;

/// Groups on a page.
const PAGE: usize = 100;

fn line(group: &Group, snapshot: &Snapshot, members: &HashMap<&GroupId, u64>) -> GroupLine {
    let admin: BTreeSet<&RoleId> =
        snapshot.inventory.roles.iter().filter(|role| role.level == RoleLevel::Admin).map(|role| &role.id).collect();
    GroupLine {
        id: group.id.to_string(),
        name: group.name.clone(),
        provider: group.provider.label().to_owned(),
        status: group.status.clone(),
        roles: u32::try_from(group.roles.len()).unwrap_or(u32::MAX),
        admin: group.roles.iter().any(|role| admin.contains(role)),
        members: (group.provider != Provider::System).then(|| members.get(&group.id).copied().unwrap_or(0)),
        updated: group.updated.get(..10).unwrap_or_default().to_owned(),
    }
}

fn members(snapshot: &Snapshot) -> HashMap<&GroupId, u64> {
    let mut members = HashMap::new();
    for person in &snapshot.inventory.people {
        for group in &person.groups {
            *members.entry(group).or_default() += 1;
        }
    }
    members
}

pub async fn list(access: &Access<Viewer>, q: &str, page: u32) -> Result<Loaded<GroupsView>, AppError> {
    let needle = q.trim().to_lowercase();
    look(access, |snapshot| {
        let members = members(snapshot);
        let (system, mut groups): (Vec<&Group>, Vec<&Group>) =
            snapshot.inventory.groups.iter().partition(|group| group.provider == Provider::System);
        let of = groups.len();
        groups.retain(|group| needle.is_empty() || group.name.to_lowercase().contains(&needle));
        groups.sort_by_cached_key(|group| group.name.to_lowercase());
        let pages = groups.len().div_ceil(PAGE).max(1);
        let at = (page.max(1) as usize).min(pages);
        GroupsView {
            system: system.into_iter().map(|group| line(group, snapshot, &members)).collect(),
            matching: groups.len() as u64,
            of: of as u64,
            groups: groups.into_iter().skip((at - 1) * PAGE).take(PAGE).map(|group| line(group, snapshot, &members)).collect(),
            page: u32::try_from(at).unwrap_or(1),
            pages: u32::try_from(pages).unwrap_or(u32::MAX),
        }
    })
    .await
}

/// The group as Qlik has it this moment.
async fn read_now<R: Role>(access: &Access<R>, id: &str) -> Result<Group, AppError> {
    let wire = access
        .tenant
        .client
        .group(&access.credential(), Urgency::Person, id)
        .await
        .map_err(|error| call_error("Failed to read the group", &error))?;
    Ok(mapping::group(wire))
}

pub async fn one(access: &Access<Viewer>, id: &str) -> Result<Loaded<GroupView>, AppError> {
    let now = read_now(access, id).await.map_err(refused)?;
    look(access, |snapshot| edit(snapshot, &now)).await
}

fn edit(snapshot: &Snapshot, group: &Group) -> GroupView {
    let inventory = &snapshot.inventory;
    let everyone = group.provider == Provider::System;
    let people: Vec<_> = inventory.people.iter().filter(|person| everyone || person.groups.contains(&group.id)).collect();
    let roles_of: HashMap<&GroupId, &BTreeSet<RoleId>> = inventory.groups.iter().map(|other| (&other.id, &other.roles)).collect();
    let elsewhere = |person: &domain::inventory::Person, role: &RoleId| {
        person.roles.contains(role)
            || person
                .groups
                .iter()
                .filter(|other| **other != group.id)
                .any(|other| roles_of.get(other).is_some_and(|roles| roles.contains(role)))
    };
    let mut roles: Vec<RoleLine> = inventory
        .roles
        .iter()
        .map(|role| {
            let now = group.roles.contains(&role.id);
            RoleLine {
                id: role.id.to_string(),
                name: role.name.clone(),
                description: role.description.clone(),
                mark: roles::mark(role),
                admin: role.level == RoleLevel::Admin,
                custom: role.custom,
                now,
                only_here: if now { people.iter().filter(|person| !elsewhere(person, &role.id)).count() as u64 } else { 0 },
            }
        })
        .collect();
    roles.sort_by_key(|role| role.name.to_lowercase());
    let licensed: std::collections::HashSet<String> = inventory.assignments.iter().map(|a| a.subject.key()).collect();
    let targets = inventory.allotments.iter().filter(|allotment| allotment.takes_assignments());
    GroupView {
        line: line(group, snapshot, &members(snapshot)),
        description: group.description.clone(),
        roles,
        targets: targets.map(|allotment| (allotment.name.to_string(), allotment.name.label())).collect(),
        unlicensed: people.iter().filter(|person| !licensed.contains(&person.subject.key())).count() as u64,
    }
}

fn ids(list: &[String]) -> BTreeSet<RoleId> {
    list.iter().map(RoleId::new).collect()
}

pub async fn draft_roles(access: &Access<Operator>, id: &str, base: &[String], mine: &[String]) -> Result<(), AppError> {
    let now = read_now(access, id).await?;
    let (base, mine) = (ids(base), ids(mine));
    if now.roles != base && now.roles != mine {
        // Somebody else wrote since the editor was opened: back to it, with all three versions in sight.
        let list = |set: &BTreeSet<RoleId>| set.iter().map(RoleId::as_str).collect::<Vec<_>>().join(",");
        let query = to_query(&[("base", list(&base)), ("mine", list(&mine))]);
        leptos_axum::redirect(&format!("/t/{}/groups/{}{query}", access.tenant.id, crate::ui::query::escape(id)));
        return Ok(());
    }
    if now.roles == mine {
        return Err(AppError::invalid(
            "Nothing to change",
            "The group already gives exactly these roles. Tick or untick some first.",
        ));
    }
    let snapshot = access.state.inventories.refresh(&access.source()).await?;
    keep_plan(access, &snapshot, Intent::SetGroupRoles { group: now.id, roles: mine }, "").await
}

pub async fn draft_license(access: &Access<Operator>, id: &str, to: &str) -> Result<(), AppError> {
    let snapshot = access.state.inventories.refresh(&access.source()).await?;
    let group = GroupId::new(id);
    let found = snapshot.inventory.group(&group).ok_or_else(|| {
        AppError::not_found("No such group", "It was deleted meanwhile. The list of groups shows what there is.")
    })?;
    let everyone = found.provider == Provider::System;
    // People who left do not get a license back by their old group.
    let members = snapshot.inventory.people.iter().filter(|person| everyone || person.groups.contains(&group));
    let subjects: Vec<_> = members
        .filter(|person| !matches!(person.status.as_str(), "disabled" | "deleted"))
        .map(|person| person.subject.clone())
        .collect();
    if subjects.is_empty() {
        return Err(AppError::invalid("Nobody to license", "The group has no members who can sign in."));
    }
    keep_plan(access, &snapshot, Intent::Assign { subjects, allotment: AllotmentName::new(to) }, "").await
}
