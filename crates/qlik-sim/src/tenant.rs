//! The tenant's state and the rules of changing it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::clock::{iso, month_start};
use crate::scim::Record;

/// The one system group there is.
pub(crate) const EVERYONE_ID: &str = "000000000000000000000001";
pub(crate) const EVERYONE_NAME: &str = "com.qlik.Everyone";

/// Entries by (sort key without case, number), ascending.
pub(crate) type Order = Vec<(String, u64)>;

/// Entries in the order they came, with sorted views that are kept until something changes.
#[derive(Debug, Clone)]
pub(crate) struct Collection<T> {
    pub(crate) items: BTreeMap<u64, T>,
    next: u64,
    revision: u64,
    orders: HashMap<&'static str, (u64, Arc<Order>)>,
}

impl<T> Default for Collection<T> {
    fn default() -> Self {
        Self { items: BTreeMap::new(), next: 1, revision: 0, orders: HashMap::new() }
    }
}

impl<T: Record> Collection<T> {
    pub(crate) fn push(&mut self, item: T) -> u64 {
        let seq = self.next;
        self.next += 1;
        self.revision += 1;
        self.items.insert(seq, item);
        seq
    }

    pub(crate) fn remove(&mut self, seq: u64) -> Option<T> {
        self.revision += 1;
        self.items.remove(&seq)
    }

    pub(crate) fn get_mut(&mut self, seq: u64) -> Option<&mut T> {
        self.revision += 1;
        self.items.get_mut(&seq)
    }

    /// Entries by (sort key without case, number), ascending.
    pub(crate) fn order(&mut self, attribute: &'static str) -> Arc<Order> {
        if let Some((revision, order)) = self.orders.get(attribute)
            && *revision == self.revision
        {
            return order.clone();
        }
        let mut order: Order = self
            .items
            .iter()
            .map(|(seq, item)| (item.values(attribute).into_iter().next().unwrap_or_default().to_lowercase(), *seq))
            .collect();
        order.sort();
        let order = Arc::new(order);
        self.orders.insert(attribute, (self.revision, order.clone()));
        order
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) custom: bool,
    pub(crate) admin: bool,
    pub(crate) full_user: bool,
    pub(crate) permissions: Vec<String>,
    pub(crate) created: i64,
    pub(crate) updated: i64,
}

impl Role {
    pub(crate) fn kind(&self) -> &'static str {
        if self.custom { "custom" } else { "default" }
    }

    pub(crate) fn level(&self) -> &'static str {
        if self.admin { "admin" } else { "user" }
    }

    pub(crate) fn reference(&self) -> Value {
        json!({ "id": self.id, "name": self.name, "type": self.kind(), "level": self.level() })
    }
}

impl Record for Role {
    fn values(&self, attribute: &'static str) -> Vec<String> {
        match attribute {
            "id" => vec![self.id.clone()],
            "name" => vec![self.name.clone()],
            "type" => vec![self.kind().to_owned()],
            "level" => vec![self.level().to_owned()],
            "description" => vec![self.description.clone()],
            "permissions" => self.permissions.clone(),
            "createdAt" => vec![iso(self.created)],
            "lastUpdatedAt" => vec![iso(self.updated)],
            _ => vec![],
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) active: bool,
    pub(crate) custom: bool,
    pub(crate) roles: Vec<String>,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) updated_by: String,
}

impl Group {
    pub(crate) fn provider(&self) -> &'static str {
        if self.custom { "custom" } else { "idp" }
    }

    pub(crate) fn status(&self) -> &'static str {
        if self.active { "active" } else { "disabled" }
    }
}

impl Record for Group {
    fn values(&self, attribute: &'static str) -> Vec<String> {
        match attribute {
            "id" => vec![self.id.clone()],
            "name" => vec![self.name.clone()],
            "status" => vec![self.status().to_owned()],
            "providerType" => vec![self.provider().to_owned()],
            "createdAt" => vec![iso(self.created)],
            "lastUpdatedAt" => vec![iso(self.updated)],
            _ => vec![],
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) tenant: Arc<str>,
    pub(crate) subject: String,
    pub(crate) name: String,
    pub(crate) email: Option<String>,
    pub(crate) status: &'static str,
    pub(crate) client_id: Option<String>,
    pub(crate) roles: Vec<String>,
    pub(crate) groups: Vec<String>,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) invite_expiry: Option<i64>,
}

impl Record for User {
    fn values(&self, attribute: &'static str) -> Vec<String> {
        match attribute {
            "id" | "_id" => vec![self.id.clone()],
            "subject" => vec![self.subject.clone()],
            "name" => vec![self.name.clone()],
            "email" => self.email.clone().into_iter().collect(),
            "status" => vec![self.status.to_owned()],
            "tenantId" => vec![self.tenant.to_string()],
            "clientId" => self.client_id.clone().into_iter().collect(),
            "assignedRoles.id" => self.roles.clone(),
            "assignedGroups.id" => self.groups.clone(),
            "createdAt" => vec![iso(self.created)],
            "inviteExpiry" => self.invite_expiry.map(|at| format!("{at:020}")).into_iter().collect(),
            _ => vec![],
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Assignment {
    pub(crate) subject: String,
    pub(crate) allotment: String,
    pub(crate) excess: bool,
    pub(crate) created: i64,
}

impl Assignment {
    pub(crate) fn json(&self) -> Value {
        json!({ "type": self.allotment, "subject": self.subject, "excess": self.excess, "created": iso(self.created) })
    }
}

impl Record for Assignment {
    fn values(&self, attribute: &'static str) -> Vec<String> {
        match attribute {
            "type" => vec![self.allotment.clone()],
            "subject" => vec![self.subject.clone()],
            "excess" => vec![self.excess.to_string()],
            "created" => vec![iso(self.created)],
            _ => vec![],
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Allotment {
    pub(crate) name: String,
    pub(crate) timed: bool,
    pub(crate) units: i64,
    pub(crate) overage: Option<i64>,
}

impl Allotment {
    /// Seats; `None` without a bound.
    fn seats(&self) -> Option<i64> {
        match self.overage.unwrap_or(0) {
            overage if overage < 0 => None,
            overage => Some(self.units + overage),
        }
    }
}

/// A session that used something. Kept small: there are many.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) id: u64,
    pub(crate) user: Arc<str>,
    pub(crate) app: u32,
    pub(crate) session: u64,
    pub(crate) end: i64,
    pub(crate) duration_ms: i64,
    pub(crate) minutes: i64,
    pub(crate) chunks: i64,
    pub(crate) assigned: bool,
}

impl Record for Event {
    fn values(&self, attribute: &'static str) -> Vec<String> {
        match attribute {
            "endTime" => vec![iso(self.end)],
            "userId" => vec![self.user.to_string()],
            _ => vec![],
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct License {
    pub(crate) present: bool,
    pub(crate) status: String,
    pub(crate) deactivated: bool,
    pub(crate) trial: bool,
    pub(crate) valid: String,
    pub(crate) updated: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// Who a key acts as.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) user: String,
    pub(crate) admin: bool,
}

/// What came of one row of an action.
#[derive(Debug, Clone)]
pub(crate) struct RowOutcome {
    pub(crate) status: u16,
    pub(crate) error: Option<(&'static str, String)>,
    pub(crate) changed: bool,
}

impl RowOutcome {
    fn ok(status: u16, changed: bool) -> Self {
        Self { status, error: None, changed }
    }

    fn refused(status: u16, code: &'static str, title: impl Into<String>) -> Self {
        Self { status, error: Some((code, title.into())), changed: false }
    }
}

/// One row of `actions/update`.
#[derive(Debug, Clone, Default)]
pub(crate) struct UpdateRow {
    pub(crate) subject: String,
    pub(crate) allotment: Option<String>,
    pub(crate) source_type: Option<String>,
    pub(crate) source_subject: Option<String>,
}

/// The longest subject that is taken, in characters.
const MAX_SUBJECT: usize = 256;

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
    pub(crate) events: Collection<Event>,
    pub(crate) apps: Vec<App>,
    pub(crate) next_id: u64,
}

impl Tenant {
    pub(crate) fn new(id: &str, license: License, now: i64) -> Self {
        let everyone = Group {
            id: EVERYONE_ID.to_owned(),
            name: EVERYONE_NAME.to_owned(),
            description: None,
            active: true,
            custom: false,
            roles: Vec::new(),
            created: now,
            updated: now,
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
            events: Collection::default(),
            apps: Vec::new(),
            next_id: 0,
        }
    }

    // Licenses

    fn allotment(&self, name: &str) -> Option<&Allotment> {
        self.allotments.iter().find(|allotment| allotment.name == name)
    }

    pub(crate) fn holds(&self, subject: &str, allotment: &str) -> bool {
        self.held.contains_key(&(subject.to_lowercase(), allotment.to_owned()))
    }

    pub(crate) fn is_orphan(&self, assignment: &Assignment) -> bool {
        !self.subjects.contains_key(&assignment.subject.to_lowercase())
    }

    pub(crate) fn used(&self, allotment: &Allotment, now: i64) -> i64 {
        if !allotment.timed {
            return self.used.get(&allotment.name).copied().unwrap_or(0);
        }
        // Analyzer capacity: minutes of this month, from one pool.
        let start = month_start(now);
        self.events
            .items
            .values()
            .rev()
            .take_while(|event| event.end >= start)
            .filter(|e| !e.assigned && e.end <= now)
            .map(|e| e.chunks * 6)
            .sum()
    }

    /// Whether a seat can be taken: units + overage, without bound at -1.
    fn refusal(&self, allotment: &str) -> Option<RowOutcome> {
        match self.allotment(allotment) {
            None => Some(RowOutcome::refused(400, "LICENSES-400", "Unknown allotment type.")),
            Some(allotment) if allotment.timed => Some(RowOutcome::refused(400, "LICENSES-400", "Allotment cannot be assigned.")),
            Some(found) => {
                let used = self.used.get(allotment).copied().unwrap_or(0);
                let full = found.seats().is_some_and(|seats| used >= seats);
                full.then(|| RowOutcome::refused(403, "LICENSES-011", "No available allotment error, No available allotment."))
            }
        }
    }

    /// Puts an assignment in, whatever the seats say; for seeds and for moves that were checked.
    pub(crate) fn put(&mut self, subject: String, allotment: String, created: i64) {
        let used = self.used.entry(allotment.clone()).or_default();
        let (units, bounded) =
            self.allotments.iter().find(|a| a.name == allotment).map_or((i64::MAX, false), |a| (a.units, a.seats().is_some()));
        let excess = bounded && *used >= units;
        *used += 1;
        let key = (subject.to_lowercase(), allotment.clone());
        let seq = self.assignments.push(Assignment { subject, allotment: allotment.clone(), excess, created });
        if excess {
            self.excess.entry(allotment).or_default().insert(seq);
        }
        self.held.insert(key, seq);
    }

    fn take(&mut self, subject: &str, allotment: &str) -> Option<Assignment> {
        let seq = self.held.remove(&(subject.to_lowercase(), allotment.to_owned()))?;
        let gone = self.assignments.remove(seq)?;
        if let Some(used) = self.used.get_mut(allotment) {
            *used -= 1;
        }
        let excess = self.excess.entry(allotment.to_owned()).or_default();
        if !excess.remove(&seq)
            && let Some(oldest) = excess.pop_first()
            && let Some(next) = self.assignments.get_mut(oldest)
        {
            // A regular seat came free: the oldest excess assignment moves up.
            next.excess = false;
        }
        Some(gone)
    }

    fn subject_refusal(subject: &str) -> Option<RowOutcome> {
        if subject.trim().is_empty() {
            return Some(RowOutcome::refused(400, "LICENSES-400", "Subject is empty."));
        }
        (subject.chars().count() > MAX_SUBJECT).then(|| RowOutcome::refused(400, "LICENSES-400", "Subject is too long."))
    }

    pub(crate) fn add(&mut self, subject: &str, allotment: &str, now: i64) -> RowOutcome {
        if let Some(refusal) = Self::subject_refusal(subject) {
            return refusal;
        }
        if self.holds(subject, allotment) {
            return RowOutcome::ok(200, false);
        }
        if let Some(refusal) = self.refusal(allotment) {
            return refusal;
        }
        self.put(subject.to_owned(), allotment.to_owned(), now);
        RowOutcome::ok(201, true)
    }

    pub(crate) fn delete(&mut self, subject: &str, allotment: &str) -> RowOutcome {
        match self.take(subject, allotment) {
            Some(_) => RowOutcome::ok(200, true),
            None => RowOutcome::refused(404, "LICENSES-016", "Assignment not found."),
        }
    }

    pub(crate) fn update(&mut self, row: &UpdateRow, now: i64) -> RowOutcome {
        let not_found = || RowOutcome::refused(404, "LICENSES-016", "Assignment not found.");
        if let Some(refusal) = Self::subject_refusal(&row.subject) {
            return refusal;
        }
        if row.allotment.is_none() && row.source_subject.is_none() {
            return RowOutcome::refused(400, "LICENSES-400", "Nothing to update.");
        }
        let current = row.source_subject.as_deref().unwrap_or(&row.subject);
        let renames = row.source_subject.as_ref().is_some_and(|source| *source != row.subject);
        let mut sources: Vec<String> = match &row.source_type {
            Some(source) => self.holds(current, source).then(|| source.clone()).into_iter().collect(),
            None => {
                let key = current.to_lowercase();
                let held = self.allotments.iter().map(|a| a.name.clone());
                held.filter(|name| self.held.contains_key(&(key.clone(), name.clone()))).collect()
            }
        };
        if sources.is_empty() {
            return not_found();
        }
        if let Some(target) = &row.allotment {
            if row.source_type.is_none() {
                // Without a source the row means the one license there is, or that it already is as wanted.
                match sources.iter().position(|source| source == target) {
                    Some(at) => sources = vec![sources.swap_remove(at)],
                    None => sources.truncate(1),
                }
            }
            let moves = sources.first().is_some_and(|source| source != target);
            if moves
                && !self.holds(&row.subject, target)
                && let Some(refusal) = self.refusal(target)
            {
                return refusal;
            }
        }
        let target_of = |source: &String| row.allotment.clone().unwrap_or_else(|| source.clone());
        let same_person = current.to_lowercase() == row.subject.to_lowercase();
        if !same_person && sources.iter().any(|source| self.holds(&row.subject, &target_of(source))) {
            return RowOutcome::refused(409, "LICENSES-409", "The subject already has an assignment of this type.");
        }
        let mut changed = false;
        for source in sources {
            let target = target_of(&source);
            if source == target && !renames {
                continue;
            }
            if let Some(old) = self.take(current, &source) {
                changed = true;
                if !self.holds(&row.subject, &target) {
                    let subject = if renames { row.subject.clone() } else { old.subject };
                    let created = if source == target { old.created } else { now };
                    self.put(subject, target, created);
                }
            }
        }
        RowOutcome::ok(if renames { 201 } else { 200 }, changed)
    }

    pub(crate) fn overview_allotments(&self, now: i64) -> Value {
        self.allotments
            .iter()
            .map(|allotment| {
                let mut json = json!({
                    "name": allotment.name,
                    "units": allotment.units,
                    "unitsUsed": self.used(allotment, now),
                    "usageClass": if allotment.timed { "time" } else { "assigned" },
                });
                if let (Some(overage), Some(json)) = (allotment.overage, json.as_object_mut()) {
                    json.insert("overage".to_owned(), json!(overage));
                }
                json
            })
            .collect()
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

    pub(crate) fn user(&self, id: &str) -> Option<&User> {
        self.users.items.get(self.user_ids.get(id)?)
    }

    pub(crate) fn delete_user(&mut self, id: &str) -> bool {
        let Some(seq) = self.user_ids.remove(id) else { return false };
        if let Some(user) = self.users.remove(seq) {
            self.subjects.remove(&user.subject.to_lowercase());
        }
        true
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
        let after = group.name.clone();
        if before != after
            && let Some(seq) = self.group_names.remove(&before)
        {
            self.group_names.insert(after, seq);
        }
        true
    }

    pub(crate) fn delete_group(&mut self, id: &str) -> bool {
        let Some(seq) = self.group_ids.remove(id) else { return false };
        if let Some(group) = self.groups.remove(seq) {
            self.group_names.remove(&group.name);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant() -> Tenant {
        let license =
            License { present: true, status: "Ok".into(), deactivated: false, trial: false, valid: String::new(), updated: 0 };
        let mut tenant = Tenant::new("t", license, 0);
        tenant.allotments = vec![
            Allotment { name: "a".into(), timed: false, units: 1, overage: Some(1) },
            Allotment { name: "b".into(), timed: false, units: 9, overage: Some(-1) },
            Allotment { name: "t".into(), timed: true, units: 9, overage: None },
        ];
        tenant
    }

    #[test]
    fn seats_are_units_and_overage() {
        let mut tenant = tenant();
        assert_eq!(tenant.add("x\\1", "a", 0).status, 201);
        assert_eq!(tenant.add("X\\1", "a", 0).status, 200);
        assert_eq!(tenant.add("x\\2", "a", 0).status, 201);
        let refused = tenant.add("x\\3", "a", 0);
        assert_eq!((refused.status, refused.error.unwrap().0), (403, "LICENSES-011"));
        assert_eq!(tenant.add("x\\1", "t", 0).status, 400);
        assert_eq!(tenant.add("x\\1", "nope", 0).status, 400);
    }

    #[test]
    fn the_oldest_excess_moves_up() {
        let mut tenant = tenant();
        tenant.add("x\\1", "a", 0);
        tenant.add("x\\2", "a", 0);
        let excess = |tenant: &Tenant| tenant.assignments.items.values().filter(|a| a.excess).count();
        assert_eq!(excess(&tenant), 1);
        assert_eq!(tenant.delete("X\\1", "a").status, 200);
        assert_eq!(excess(&tenant), 0);
        assert_eq!(tenant.delete("x\\1", "a").status, 404);
    }

    #[test]
    fn an_update_succeeds_only_from_its_source() {
        let mut tenant = tenant();
        tenant.add("x\\1", "b", 0);
        let swap = |source: &str, target: &str| UpdateRow {
            subject: "X\\1".into(),
            allotment: Some(target.into()),
            source_type: Some(source.into()),
            source_subject: None,
        };
        assert_eq!(tenant.update(&swap("a", "b"), 0).status, 404);
        assert_eq!(tenant.update(&swap("b", "a"), 0).status, 200);
        assert!(tenant.holds("x\\1", "a") && !tenant.holds("x\\1", "b"));
        // The spelling is the license's own, not that of the request.
        assert_eq!(tenant.assignments.items.values().next().unwrap().subject, "x\\1");
    }

    #[test]
    fn a_rename_moves_the_license_and_answers_201() {
        let mut tenant = tenant();
        tenant.add("x\\1", "b", 0);
        tenant.add("x\\2", "b", 0);
        let rename = |to: &str| UpdateRow { subject: to.into(), source_subject: Some("x\\1".into()), ..UpdateRow::default() };
        assert_eq!(tenant.update(&rename("X\\2"), 0).status, 409);
        assert_eq!(tenant.update(&rename("x\\9"), 0).status, 201);
        assert!(tenant.holds("x\\9", "b") && !tenant.holds("x\\1", "b"));
    }
}
