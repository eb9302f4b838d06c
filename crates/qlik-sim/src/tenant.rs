//! The tenant's state: what it consists of, its people, its groups and roles. Licenses have a room of their own.

mod audits;
mod collection;
mod licensing;
mod records;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::clock::iso;
use crate::usage::Usage;

pub(crate) use audits::{
    APP_CREATED, APP_PUBLISHED, Audit, DELETED, GROUP_CREATED, GROUP_DELETED, GROUP_UPDATED, KINDS, REJECTED, SOURCES, UPDATED,
};
pub(crate) use collection::Collection;
pub(crate) use licensing::{RowOutcome, UpdateRow};
pub(crate) use records::{Allotment, App, Assignment, Group, Key, License, Role, User};

/// The one system group there is.
pub(crate) const EVERYONE_ID: &str = "000000000000000000000001";
pub(crate) const EVERYONE_NAME: &str = "com.qlik.Everyone";

#[derive(Debug, Clone)]
pub(crate) struct Tenant {
    pub(crate) id: Arc<str>,
    pub(crate) keys: HashMap<String, Key>,
    pub(crate) license: License,
    pub(crate) allotments: Vec<Allotment>,
    pub(crate) settings: Map<String, Value>,
    pub(crate) assignments: Collection<Assignment>,
    held: HashMap<(String, String), u64>,
    used: HashMap<String, i64>,
    excess: HashMap<String, BTreeSet<u64>>,
    pub(crate) users: Collection<User>,
    user_ids: HashMap<String, u64>,
    subjects: HashMap<String, u64>,
    pub(crate) groups: Collection<Group>,
    group_ids: HashMap<String, u64>,
    group_names: HashMap<String, u64>,
    pub(crate) everyone: Group,
    pub(crate) auto_create_groups: bool,
    pub(crate) sync_idp_groups: bool,
    pub(crate) roles: Collection<Role>,
    pub(crate) role_ids: HashMap<String, u64>,
    pub(crate) usage: Usage,
    pub(crate) apps: Vec<App>,
    pub(crate) audits: Collection<Audit>,
    pub(crate) next_id: u64,
}

impl Tenant {
    pub(crate) fn new(id: &str, license: License, now: i64, usage: Usage) -> Self {
        let everyone = Group {
            id: EVERYONE_ID.to_owned(),
            name: EVERYONE_NAME.to_owned(),
            description: None,
            active: true,
            custom: false,
            roles: Vec::new(),
            created: now,
            updated: now,
            created_by: String::new(),
            updated_by: String::new(),
        };
        Self {
            id: Arc::from(id),
            keys: HashMap::new(),
            license,
            allotments: Vec::new(),
            settings: Map::new(),
            assignments: Collection::default(),
            held: HashMap::new(),
            used: HashMap::new(),
            excess: HashMap::new(),
            users: Collection::default(),
            user_ids: HashMap::new(),
            subjects: HashMap::new(),
            groups: Collection::default(),
            group_ids: HashMap::new(),
            group_names: HashMap::new(),
            everyone,
            auto_create_groups: true,
            sync_idp_groups: true,
            roles: Collection::default(),
            role_ids: HashMap::new(),
            usage,
            apps: Vec::new(),
            audits: Collection::default(),
            next_id: 0,
        }
    }

    // People

    pub(crate) fn fresh_id(&mut self) -> String {
        self.next_id += 1;
        // 24 hex digits, spread so that neighbours do not look alike.
        format!("6{:015x}{:08x}", self.next_id.wrapping_mul(0x9e37_79b9_7f4a) & 0x0fff_ffff_ffff_ffff, self.next_id & 0xffff_ffff)
    }

    pub(crate) fn put_user(&mut self, user: User) {
        let (id, key) = (user.id.clone(), user.subject.to_lowercase());
        let seq = self.users.push(user);
        self.user_ids.insert(id, seq);
        self.subjects.insert(key, seq);
    }

    pub(crate) fn user_mut(&mut self, id: &str) -> Option<&mut User> {
        self.users.get_mut(*self.user_ids.get(id)?)
    }

    /// The user with a subject, however it is spelled.
    pub(crate) fn user_of(&self, subject: &str) -> Option<&User> {
        self.users.items.get(self.subjects.get(&subject.to_lowercase())?)
    }

    pub(crate) fn user(&self, id: &str) -> Option<&User> {
        self.users.items.get(self.user_ids.get(id)?)
    }

    pub(crate) fn delete_user(&mut self, id: &str, now: i64) -> bool {
        let Some(seq) = self.user_ids.remove(id) else { return false };
        self.usage.set_away(id, true, now);
        if let Some(user) = self.users.remove(seq) {
            self.subjects.remove(&user.subject.to_lowercase());
        }
        true
    }

    /// Changes a user.
    pub(crate) fn edit_user(&mut self, id: &str, now: i64, edit: impl FnOnce(&mut User)) -> bool {
        let Some(user) = self.user_mut(id) else { return false };
        edit(user);
        user.updated = now;
        let is_away = user.status != "active";
        self.usage.set_away(id, is_away, now);
        true
    }

    pub(crate) fn set_user_groups(&mut self, id: &str, groups: Vec<String>, now: i64) -> bool {
        self.edit_user(id, now, |user| user.groups = groups)
    }

    // Groups and roles

    pub(crate) fn put_role(&mut self, role: Role) {
        let id = role.id.clone();
        let seq = self.roles.push(role);
        self.role_ids.insert(id, seq);
    }

    pub(crate) fn role(&self, id: &str) -> Option<&Role> {
        self.roles.items.get(self.role_ids.get(id)?)
    }

    pub(crate) fn role_named(&self, name: &str) -> Option<&Role> {
        self.roles.items.values().find(|role| role.name == name)
    }

    pub(crate) fn delete_role(&mut self, id: &str) -> bool {
        let Some(seq) = self.role_ids.remove(id) else { return false };
        self.roles.remove(seq);
        for group in self.groups.items.values_mut() {
            group.roles.retain(|role| role != id);
        }
        for user in self.users.items.values_mut() {
            user.roles.retain(|role| role != id);
        }
        self.everyone.roles.retain(|role| role != id);
        true
    }

    pub(crate) fn put_group(&mut self, group: Group) {
        let (id, name) = (group.id.clone(), group.name.clone());
        let seq = self.groups.push(group);
        self.group_ids.insert(id, seq);
        self.group_names.insert(name, seq);
    }

    pub(crate) fn group(&self, id: &str) -> Option<&Group> {
        if id == EVERYONE_ID {
            return Some(&self.everyone);
        }
        self.groups.items.get(self.group_ids.get(id)?)
    }

    pub(crate) fn group_named(&self, name: &str) -> Option<&Group> {
        if name == EVERYONE_NAME {
            return Some(&self.everyone);
        }
        self.groups.items.get(self.group_names.get(name)?)
    }

    /// Changes a group and stamps it.
    pub(crate) fn edit_group(&mut self, id: &str, by: &str, now: i64, edit: impl FnOnce(&mut Group)) -> bool {
        let group = if id == EVERYONE_ID {
            &mut self.everyone
        } else {
            let Some(group) = self.group_ids.get(id).copied().and_then(|seq| self.groups.get_mut(seq)) else { return false };
            group
        };
        let before = group.name.clone();
        edit(group);
        group.updated = now;
        by.clone_into(&mut group.updated_by);
        let (after, changed) = (group.name.clone(), group.clone());
        if before != after
            && let Some(seq) = self.group_names.remove(&before)
        {
            self.group_names.insert(after, seq);
        }
        self.note_group(GROUP_UPDATED, &changed, by, now);
        true
    }

    pub(crate) fn delete_group(&mut self, id: &str, by: &str, now: i64) -> bool {
        let Some(seq) = self.group_ids.remove(id) else { return false };
        if let Some(group) = self.groups.remove(seq) {
            self.group_names.remove(&group.name);
            self.note_group(GROUP_DELETED, &group, by, now);
        }
        for user in self.users.items.values_mut() {
            user.groups.retain(|group| group != id);
        }
        true
    }

    pub(crate) fn role_references(&self, ids: &[String]) -> Value {
        ids.iter().filter_map(|id| self.role(id)).map(Role::reference).collect()
    }

    pub(crate) fn group_settings(&self, base: &str) -> Value {
        let everyone = &self.everyone;
        json!({
            "tenantId": &*self.id,
            "autoCreateGroups": self.auto_create_groups,
            "syncIdpGroups": self.sync_idp_groups,
            "systemGroups": { EVERYONE_ID: {
                "id": EVERYONE_ID,
                "name": EVERYONE_NAME,
                "enabled": true,
                "assignedRoles": self.role_references(&everyone.roles),
                "createdAt": iso(everyone.created),
                "lastUpdatedAt": iso(everyone.updated),
            }},
            "links": { "self": { "href": format!("{base}/api/v1/groups/settings") } },
        })
    }
}
