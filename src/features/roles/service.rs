//! Counts how far roles reach.

use std::cmp::Reverse;
use std::sync::Arc;

use domain::inventory::{Inventory, Provider, Role, RoleId, RoleLevel};
use domain::reach::{self, Reach};
use domain::roles;
use domain::text::folded;
use engine::readings::Snapshot;

use super::view::{GiverLine, RoleLine, RoleView, RolesView};
use crate::error::{AppError, ErrorKind};
use crate::features::shared::{Loaded, look};
use crate::server::access::{Access, Viewer, refused};

fn line(role: &Role, reach: &Reach) -> RoleLine {
    RoleLine {
        id: role.id.to_string(),
        name: role.name.clone(),
        description: role.description.clone(),
        admin: role.level == RoleLevel::Admin,
        custom: role.custom,
        mark: roles::mark(role),
        groups: reach.groups,
        people: reach.people,
        direct: reach.direct,
    }
}

/// Works on a reading on a thread where walking through everybody holds nobody up.
async fn worked<T: Send + 'static>(
    loaded: Loaded<Arc<Snapshot>>,
    work: impl Fn(&Snapshot) -> Result<T, AppError> + Clone + Send + 'static,
) -> Result<Loaded<T>, AppError> {
    loaded
        .map(|snapshot| {
            let work = work.clone();
            async move {
                let worked = tokio::task::spawn_blocking(move || work(&snapshot)).await;
                worked.map_err(|_| AppError::new(ErrorKind::Internal, "The roles could not be counted", "Try again."))?
            }
        })
        .await
}

pub async fn roles(access: &Access<Viewer>, q: &str, sort: &str) -> Result<Loaded<RolesView>, AppError> {
    let (needle, sort) = (folded(q.trim()), sort.to_owned());
    let loaded = look(access, Arc::clone).await?;
    worked(loaded, move |snapshot| {
        let inventory = &*snapshot.inventory;
        let reach = reach::reach(inventory);
        let mut lines: Vec<RoleLine> = inventory
            .roles
            .iter()
            .filter(|role| folded(&format!("{}\n{}", role.name, role.description)).contains(&needle))
            .map(|role| line(role, &reach.get(&role.id).copied().unwrap_or_default()))
            .collect();
        lines.sort_by_cached_key(|line| {
            let first = match sort.as_str() {
                "people" => line.people.unwrap_or(0),
                "groups" => line.groups,
                _ => 0,
            };
            (Reverse(first), line.name.to_lowercase())
        });
        Ok(RolesView {
            roles: lines,
            of: inventory.roles.len() as u64,
            hidden: hidden(inventory),
            whole: inventory.coverage.roles.is_whole(),
        })
    })
    .await
}

fn hidden(inventory: &Inventory) -> u64 {
    inventory.groups.iter().filter(|group| group.roles.is_none()).count() as u64
}

pub async fn role(access: &Access<Viewer>, id: &str) -> Result<Loaded<RoleView>, AppError> {
    let wanted = RoleId::new(id);
    let loaded = look(access, Arc::clone).await?;
    worked(loaded, move |snapshot| {
        let inventory = &*snapshot.inventory;
        let Some(role) = inventory.roles.iter().find(|role| role.id == wanted) else {
            let why = if inventory.coverage.roles.is_whole() {
                "It may have been deleted. See the list of roles."
            } else {
                "This key cannot see all roles. Connect with one that can, or refresh."
            };
            return Err(refused(AppError::not_found("Role not found", why)));
        };
        let reach = reach::reach(inventory);
        let mut givers: Vec<GiverLine> = reach::givers(inventory, &role.id)
            .into_iter()
            .filter_map(|giver| {
                let group = inventory.group(&giver.group)?;
                Some(GiverLine {
                    id: group.id.to_string(),
                    name: group.name.clone(),
                    provider: group.provider.label().to_owned(),
                    system: group.provider == Provider::System,
                    members: giver.members,
                    only_here: giver.only_here,
                })
            })
            .collect();
        givers.sort_by_cached_key(|giver| (!giver.system, Reverse(giver.only_here), giver.name.to_lowercase()));
        Ok(RoleView {
            line: line(role, &reach.get(&role.id).copied().unwrap_or_default()),
            givers,
            hidden: hidden(inventory),
            permissions: role.permissions.clone(),
        })
    })
    .await
}
