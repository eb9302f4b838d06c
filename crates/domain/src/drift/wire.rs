//! States and steps as bytes to keep. Ids of roles are written once each: a few hundred of them stand in ten thousand groups.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{GroupThen, RoleThen, State, Step};
use crate::inventory::{GroupId, Provider, RoleId};

/// What was kept cannot be read by this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a state of groups cannot be read")]
pub struct Unreadable;

/// Stands first, so that a later form can be told from this one.
const FORM: u8 = 1;

#[derive(Serialize, Deserialize)]
struct Wire {
    /// Ids of the roles that groups give.
    given: Vec<RoleId>,
    groups: Vec<(GroupId, Option<WireGroup>)>,
    roles: Vec<(RoleId, Option<RoleThen>)>,
}

#[derive(Serialize, Deserialize)]
struct WireGroup {
    name: String,
    description: String,
    status: String,
    provider: Provider,
    /// Places in `given`.
    roles: Vec<u32>,
}

impl Step {
    /// As bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut places: BTreeMap<&RoleId, u32> = BTreeMap::new();
        let mut given = Vec::new();
        let groups = self
            .groups
            .iter()
            .map(|(id, group)| {
                let group = group.as_ref().map(|group| WireGroup {
                    name: group.name.clone(),
                    description: group.description.clone(),
                    status: group.status.clone(),
                    provider: group.provider,
                    roles: group
                        .roles
                        .iter()
                        .map(|role| {
                            *places.entry(role).or_insert_with(|| {
                                given.push(role.clone());
                                u32::try_from(given.len() - 1).unwrap_or(u32::MAX)
                            })
                        })
                        .collect(),
                });
                (id.clone(), group)
            })
            .collect();
        let wire = Wire { given, groups, roles: self.roles.clone() };
        // Nothing of it can fail to be written.
        postcard::to_allocvec(&(FORM, wire)).unwrap_or_default()
    }

    /// Reads those bytes.
    pub fn of_bytes(bytes: &[u8]) -> Result<Self, Unreadable> {
        let (form, wire): (u8, Wire) = postcard::from_bytes(bytes).map_err(|_| Unreadable)?;
        if form != FORM {
            return Err(Unreadable);
        }
        let Wire { given, groups, roles } = wire;
        let group = |group: WireGroup| {
            let role = |place: &u32| given.get(*place as usize).cloned().ok_or(Unreadable);
            let WireGroup { name, description, status, provider, roles } = group;
            let roles = roles.iter().map(role).collect::<Result<_, _>>()?;
            Ok(GroupThen { name, description, status, provider, roles })
        };
        let groups = groups.into_iter().map(|(id, then)| Ok((id, then.map(group).transpose()?)));
        Ok(Self { groups: groups.collect::<Result<_, Unreadable>>()?, roles })
    }
}

impl State {
    /// As bytes: the step from nothing to it.
    pub fn to_bytes(&self) -> Vec<u8> {
        Step::between(&Self::default(), self).to_bytes()
    }

    /// Reads those bytes.
    pub fn of_bytes(bytes: &[u8]) -> Result<Self, Unreadable> {
        let mut state = Self::default();
        state.take(Step::of_bytes(bytes)?);
        Ok(state)
    }
}
