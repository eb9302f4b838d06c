//! What plans make of groups: their roles, their names, new ones, those that are deleted, and how they were before.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::super::{PlanError, RoleEdit, WhyNot};
use super::Draft;
use crate::change::{ChangeKind as _, Comparison, CreateGroup, DeleteGroup, EditGroup, GroupRoles, Naming};
use crate::drift::GroupThen;
use crate::inventory::{Group, GroupId, MAX_GROUPS, Provider, Role, RoleId, group_name};
use crate::projection::Projection;
use crate::roles::MAX_ROLES_PER_GROUP;
use crate::text;

impl Draft<'_> {
    pub(super) fn group_roles(&mut self, id: &GroupId, after: BTreeSet<RoleId>) -> Result<String, PlanError> {
        let group = self.inventory.group(id).ok_or(PlanError::UnknownGroup)?;
        let before = group.roles.as_ref().ok_or_else(|| PlanError::RolesNotVisible(group.name.clone()))?;
        if after.len() > MAX_ROLES_PER_GROUP {
            return Err(PlanError::TooManyRoles(after.len()));
        }
        let change = GroupRoles::between(id.clone(), group.name.clone(), before, &after);
        self.known_roles(change.add.iter())?;
        let title = format!("Set roles of {}", group.name);
        if change.add.is_empty() && change.remove.is_empty() {
            self.skip(group.name.clone(), WhyNot::AsWanted);
        } else {
            self.push(change, "");
        }
        Ok(title)
    }

    /// The same edit of many groups.
    pub(super) fn edit_roles(&mut self, ids: &[GroupId], edit: &RoleEdit) -> Result<String, PlanError> {
        if edit.gives().len() > MAX_ROLES_PER_GROUP {
            return Err(PlanError::TooManyRoles(edit.gives().len()));
        }
        // Roles that were chosen are there; what another group gives may not be, and is no reason not to take the rest.
        if !matches!(edit, RoleEdit::Copy { .. }) {
            self.known_roles(edit.gives().iter())?;
        }
        self.edit_each(ids.iter().map(|id| (id, edit)))?;
        let name = |id: &GroupId| self.inventory.group(id).map_or_else(|| id.to_string(), |group| group.name.clone());
        let of = match ids {
            [only] => name(only),
            _ => text::count(text::whole(ids.len()), "group", "groups"),
        };
        let named = |roles: &BTreeSet<RoleId>| self.named(roles);
        Ok(match edit {
            RoleEdit::Change { add, remove } if remove.is_empty() => format!("Add {} to {of}", named(add)),
            RoleEdit::Change { add, remove } if add.is_empty() => format!("Remove {} from {of}", named(remove)),
            RoleEdit::Change { add, remove } => format!("Add {} and remove {}: {of}", named(add), named(remove)),
            RoleEdit::Set(_) => format!("Set roles of {of}"),
            RoleEdit::Copy { from, .. } => {
                format!("Set roles of {of} as in {}", name(from))
            }
        })
    }

    /// Edits of many groups. What cannot be done for one of them is told, and is no reason not to do it for the others.
    pub(super) fn edit_each<'e>(
        &mut self,
        edits: impl Iterator<Item = (&'e GroupId, &'e RoleEdit)> + Clone,
    ) -> Result<(), PlanError> {
        if edits.clone().next().is_none() {
            return Err(PlanError::NothingSelected);
        }
        let inventory = self.inventory;
        let known = inventory.roles_by_id();
        let groups: HashMap<&GroupId, &Group> = inventory.groups.iter().map(|group| (&group.id, group)).collect();
        for (id, edit) in edits {
            let Some(group) = groups.get(id) else {
                // What is not on a list that ended early may be there all the same.
                if !inventory.coverage.groups.is_whole() {
                    return Err(PlanError::NotWhole(inventory.coverage.sentences().join(" ")));
                }
                self.skip(id.to_string(), WhyNot::Gone);
                continue;
            };
            self.edit_one(group, |before| edit.on(before), &known)?;
        }
        Ok(())
    }

    /// An edit of the roles of one group among many.
    fn edit_one(
        &mut self,
        group: &Group,
        edit: impl Fn(&BTreeSet<RoleId>) -> BTreeSet<RoleId>,
        known: &BTreeMap<&RoleId, &Role>,
    ) -> Result<(), PlanError> {
        let Some(before) = &group.roles else {
            self.skip(group.name.clone(), WhyNot::NotVisible);
            return Ok(());
        };
        let after = edit(before);
        let change = GroupRoles::between(group.id.clone(), group.name.clone(), before, &after);
        if change.add.is_empty() && change.remove.is_empty() {
            self.skip(group.name.clone(), WhyNot::AsWanted);
        } else if after.len() > MAX_ROLES_PER_GROUP && !change.add.is_empty() {
            self.skip(group.name.clone(), WhyNot::TooManyRoles);
        } else if change.add.iter().any(|role| !known.contains_key(role)) {
            self.roles_whole()?;
            self.skip(group.name.clone(), WhyNot::RoleGone);
        } else {
            self.push(change, "");
        }
        Ok(())
    }

    /// That what is not among the roles is not there.
    fn roles_whole(&self) -> Result<(), PlanError> {
        let coverage = &self.inventory.coverage;
        if coverage.roles.is_whole() { Ok(()) } else { Err(PlanError::NotWhole(coverage.sentences().join(" "))) }
    }

    /// Groups as they were at a moment, in words. Those that were not there then are deleted.
    pub(super) fn restore(&mut self, wanted: Vec<(GroupId, Option<GroupThen>)>, as_of: &str) -> Result<String, PlanError> {
        let inventory = self.inventory;
        let groups: HashMap<&GroupId, &Group> = inventory.groups.iter().map(|group| (&group.id, group)).collect();
        let (known, members) = (inventory.roles_by_id(), inventory.members());
        let title = match wanted.as_slice() {
            [] => return Err(PlanError::NothingSelected),
            [(id, then)] => {
                let now = groups.get(id).map(|group| group.name.as_str());
                let name = now.or(then.as_ref().map(|then| then.name.as_str())).unwrap_or(id.as_str());
                format!("Restore {name} as of {as_of}")
            }
            many => format!("Restore {} as of {as_of}", text::count(text::whole(many.len()), "group", "groups")),
        };
        let now = Projection::of(inventory);
        let own = inventory.groups.iter().filter(|group| group.provider != Provider::System).count();
        let mut made = 0;
        for (id, then) in wanted {
            // One that went and came again under its name is the same group to people.
            let again = || {
                now.group_named(&then.as_ref()?.name)
                    .filter(|group| then.as_ref().is_some_and(|then| group.provider == then.provider))
            };
            match (groups.get(&id).copied().or_else(again), then) {
                (None, None) => self.skip(id.to_string(), WhyNot::AsWanted),
                (None, Some(then)) => made += usize::from(self.make_again(then, &now, &known)?),
                (Some(group), None) if group.provider == Provider::System => {
                    self.skip(group.name.clone(), WhyNot::KeptElsewhere);
                }
                (Some(group), None) => self.delete_one(group, members.as_ref()),
                (Some(group), Some(then)) => self.restore_one(group, then, &now, &known)?,
            }
        }
        if own + made > MAX_GROUPS {
            return Err(PlanError::TooManyGroups(own + made));
        }
        Ok(title)
    }

    /// A group that was there and is gone. Whether it is made again.
    fn make_again(&mut self, then: GroupThen, now: &Projection<'_>, known: &BTreeMap<&RoleId, &Role>) -> Result<bool, PlanError> {
        let GroupThen { name, description, provider, roles, status } = then;
        let again = CreateGroup { name: name.clone(), description, provider, roles };
        let why_not = if provider == Provider::System {
            WhyNot::KeptElsewhere
        } else if status != "active" {
            WhyNot::WasDisabled
        } else if again.roles.len() > MAX_ROLES_PER_GROUP {
            WhyNot::TooManyRoles
        } else if again.roles.iter().any(|role| !known.contains_key(role)) {
            self.roles_whole()?;
            WhyNot::RoleGone
        } else if group_name(&name).is_err() || again.compare(now) != Comparison::Unchanged {
            WhyNot::NameTaken
        } else {
            let members = if provider == Provider::Idp {
                "its members come back as each of them signs in"
            } else {
                "its members are not put back"
            };
            self.push(again, &format!("gets a new id; {members}"));
            return Ok(true);
        };
        self.skip(name, why_not);
        Ok(false)
    }

    fn restore_one(
        &mut self,
        group: &Group,
        then: GroupThen,
        now: &Projection<'_>,
        known: &BTreeMap<&RoleId, &Role>,
    ) -> Result<(), PlanError> {
        let (before, after) = (Naming::of(group), Naming { name: then.name, description: then.description });
        let (is_called, is_renamed) = (before == after, before.name != after.name);
        let told = self.changes.len() + self.unchanged.len();
        if !is_called && group.provider == Provider::Custom {
            let change = EditGroup { group: group.id.clone(), before, after };
            if is_renamed && (group_name(&change.after.name).is_err() || change.compare(now) != Comparison::Unchanged) {
                self.skip(group.name.clone(), WhyNot::NameInUse);
            } else {
                self.push(change, "");
            }
        }
        if (!is_called && group.provider != Provider::Custom) || group.status != then.status {
            self.skip(group.name.clone(), WhyNot::KeptElsewhere);
        }
        // Where the group is told of already, that its roles are as wanted is no news.
        if told < self.changes.len() + self.unchanged.len() && group.roles.as_ref() == Some(&then.roles) {
            return Ok(());
        }
        self.edit_one(group, |_| then.roles.clone(), known)
    }

    /// A few roles by their names, more of them by their number.
    fn named(&self, roles: &BTreeSet<RoleId>) -> String {
        const FEW: usize = 3;
        if roles.len() > FEW {
            return text::count(text::whole(roles.len()), "role", "roles");
        }
        let known = self.inventory.roles_by_id();
        let name = |id: &RoleId| known.get(id).map_or_else(|| id.to_string(), |role| role.name.clone());
        text::and_list(&roles.iter().map(name).collect::<Vec<_>>())
    }

    /// That all these roles are there.
    fn known_roles<'r>(&self, mut ids: impl Iterator<Item = &'r RoleId>) -> Result<(), PlanError> {
        let known = self.inventory.roles_by_id();
        let Some(unknown) = ids.find(|id| !known.contains_key(id)) else { return Ok(()) };
        self.roles_whole()?;
        Err(PlanError::UnknownRole(unknown.clone()))
    }

    pub(super) fn create_groups(&mut self, groups: Vec<(u64, CreateGroup)>) -> Result<String, PlanError> {
        if groups.is_empty() {
            return Err(PlanError::NothingSelected);
        }
        self.known_roles(groups.iter().flat_map(|(_, group)| &group.roles))?;
        let now = Projection::of(self.inventory);
        let own = self.inventory.groups.iter().filter(|group| group.provider != Provider::System).count();
        let (mut asked, one) = (HashSet::new(), groups.len() == 1);
        let title = match groups.as_slice() {
            [(_, only)] => format!("Create group {}", only.name),
            _ => format!("Create {}", text::count(text::whole(groups.len()), "group", "groups")),
        };
        for (line, group) in groups {
            group_name(&group.name).map_err(PlanError::GroupName)?;
            if group.roles.len() > MAX_ROLES_PER_GROUP {
                return Err(PlanError::TooManyRoles(group.roles.len()));
            }
            if !asked.insert(group.name.clone()) {
                return Err(PlanError::GroupNameTwice(group.name));
            }
            match group.compare(&now) {
                Comparison::Applied => self.skip(group.name, WhyNot::AsWanted),
                // Of a list, those that are there already are left as they are.
                Comparison::Diverged | Comparison::NotVisible if !one => self.skip(group.name, WhyNot::NameTaken),
                Comparison::Diverged | Comparison::NotVisible => return Err(PlanError::GroupNameTaken(group.name)),
                Comparison::Unchanged if line > 0 => self.push(group, &format!("line {line} of the list")),
                Comparison::Unchanged => self.push(group, ""),
            }
        }
        let after = own + self.changes.len();
        if after > MAX_GROUPS {
            return Err(PlanError::TooManyGroups(after));
        }
        Ok(title)
    }

    pub(super) fn edit_group(&mut self, id: &GroupId, after: Naming) -> Result<String, PlanError> {
        let group = self.inventory.group(id).ok_or(PlanError::UnknownGroup)?;
        if group.provider != Provider::Custom {
            return Err(PlanError::NotCustom(group.name.clone(), group.provider.keeper()));
        }
        let change = EditGroup { group: id.clone(), before: Naming::of(group), after };
        if change.before.name != change.after.name {
            group_name(&change.after.name).map_err(PlanError::GroupName)?;
            if self.inventory.groups.iter().any(|other| other.id != *id && other.name == change.after.name) {
                return Err(PlanError::GroupNameTaken(change.after.name));
            }
        }
        let title = format!("Edit group {}", group.name);
        if change.before == change.after {
            self.skip(group.name.clone(), WhyNot::AsWanted);
        } else {
            self.push(change, "");
        }
        Ok(title)
    }

    pub(super) fn delete_groups(&mut self, ids: &[GroupId]) -> Result<String, PlanError> {
        if ids.is_empty() {
            return Err(PlanError::NothingSelected);
        }
        let mut groups: Vec<&Group> = Vec::with_capacity(ids.len());
        for id in ids {
            match self.inventory.group(id) {
                Some(group) => groups.push(group),
                None => self.skip(id.to_string(), WhyNot::Gone),
            }
        }
        let title = match groups.as_slice() {
            [only] => format!("Delete group {}", only.name),
            _ => format!("Delete {}", text::count(text::whole(ids.len()), "group", "groups")),
        };
        let members = self.inventory.members();
        for group in groups {
            if group.provider == Provider::System {
                return Err(PlanError::SystemGroup(group.name.clone()));
            }
            self.delete_one(group, members.as_ref());
        }
        Ok(title)
    }

    fn delete_one(&mut self, group: &Group, members: Option<&HashMap<&GroupId, u64>>) {
        if group.roles.is_none() {
            self.skip(group.name.clone(), WhyNot::NotVisible);
            return;
        }
        let members = members.map(|members| members.get(&group.id).copied().unwrap_or(0));
        self.push(DeleteGroup::of(group, members), "");
    }
}
