//! An inventory while changes are made on it in thought: where it stands towards a change, and what it is after one.

use std::cell::OnceCell;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use crate::allotment::AllotmentName;
use crate::change::{Change, Made};
use crate::inventory::{Assignment, AutoAssign, Group, GroupId, GroupSettings, Inventory};
use crate::subject::Subject;

/// A license that is held: one that was read, or one that a change gave.
#[derive(Debug, Clone)]
enum Held<'a> {
    Read(&'a Assignment),
    Given(Assignment),
}

/// An inventory with what it is looked up by, and what changes made of it. Making one costs a walk through everything that is
/// held; a change on it costs a look-up.
#[derive(Debug, Clone)]
pub struct Projection<'a> {
    base: &'a Inventory,
    /// By subject without case, and allotment.
    held: HashMap<(String, AllotmentName), Held<'a>>,
    groups: HashMap<&'a GroupId, &'a Group>,
    /// Groups that a change touched: as they are by now, or gone.
    changed: HashMap<GroupId, Option<Group>>,
    /// Groups by name, once somebody asked for one: the ids of all that were read under it.
    named: OnceCell<HashMap<&'a str, &'a Group>>,
    /// Seats taken and given back, by allotment.
    used: BTreeMap<AllotmentName, i64>,
    /// License settings.
    pub auto_assign: AutoAssign,
    /// Group settings.
    pub group_settings: GroupSettings,
}

impl<'a> Projection<'a> {
    /// The inventory as it is.
    pub fn of(base: &'a Inventory) -> Self {
        Self {
            base,
            held: base.assignments.iter().map(|a| ((a.subject.key(), a.allotment.clone()), Held::Read(a))).collect(),
            groups: base.groups.iter().map(|group| (&group.id, group)).collect(),
            changed: HashMap::new(),
            named: OnceCell::new(),
            used: BTreeMap::new(),
            auto_assign: base.auto_assign,
            group_settings: base.group_settings,
        }
    }

    /// The inventory once these changes are made, each with what Qlik made for it, at `at` (ISO 8601 UTC).
    pub fn after<'c>(base: &'a Inventory, changes: impl IntoIterator<Item = (&'c Change, Option<&'c Made>)>, at: &str) -> Self {
        let mut projection = Self::of(base);
        for (change, made) in changes {
            change.project(&mut projection, made, at);
        }
        projection
    }

    /// Whether a subject holds a license.
    pub fn holds(&self, subject: &Subject, allotment: &AllotmentName) -> bool {
        self.held.contains_key(&(subject.key(), allotment.clone()))
    }

    /// Who holds what, by subject without case and allotment.
    pub fn held(&self) -> HashSet<(String, AllotmentName)> {
        self.held.keys().cloned().collect()
    }

    /// A group by id.
    pub fn group(&self, id: &GroupId) -> Option<&Group> {
        match self.changed.get(id) {
            Some(changed) => changed.as_ref(),
            None => self.groups.get(id).copied(),
        }
    }

    /// A group by name; case matters.
    pub fn group_named(&self, name: &str) -> Option<&Group> {
        if let Some(group) = self.changed.values().flatten().find(|group| group.name == name) {
            return Some(group);
        }
        let named = self.named.get_or_init(|| self.base.groups.iter().map(|group| (group.name.as_str(), group)).collect());
        named.get(name).copied().filter(|group| !self.changed.contains_key(&group.id))
    }

    /// Adds a group that was made.
    pub fn add_group(&mut self, group: Group) {
        self.changed.insert(group.id.clone(), Some(group));
    }

    /// Takes a group away, and everybody out of it.
    pub fn remove_group(&mut self, id: &GroupId) {
        self.changed.insert(id.clone(), None);
    }

    /// Gives a license. Whoever holds it already keeps it as it is: applied twice, a change does no more than once.
    pub fn give(&mut self, subject: &Subject, allotment: &AllotmentName, created: &str) {
        if let Entry::Vacant(place) = self.held.entry((subject.key(), allotment.clone())) {
            let given =
                Assignment { subject: subject.clone(), allotment: allotment.clone(), excess: false, created: created.to_owned() };
            place.insert(Held::Given(given));
            *self.used.entry(allotment.clone()).or_default() += 1;
        }
    }

    /// Takes a license; since when it was held, where it was.
    pub fn take(&mut self, subject: &Subject, allotment: &AllotmentName) -> Option<String> {
        let taken = self.held.remove(&(subject.key(), allotment.clone()))?;
        *self.used.entry(allotment.clone()).or_default() -= 1;
        Some(match taken {
            Held::Read(assignment) => assignment.created.clone(),
            Held::Given(assignment) => assignment.created,
        })
    }

    /// Changes a group; nothing where there is no such group.
    pub fn change_group(&mut self, id: &GroupId, change: impl FnOnce(&mut Group)) {
        if let Some(group) = self.group(id) {
            let mut changed = group.clone();
            change(&mut changed);
            self.changed.insert(id.clone(), Some(changed));
        }
    }

    /// The inventory as it is by now: what may be shown until the tenant is read again.
    #[must_use]
    pub fn into_inventory(self) -> Inventory {
        let mut held: Vec<_> = self.held.into_iter().collect();
        held.sort_by(|(one, _), (other, _)| one.cmp(other));
        let assignments = held.into_iter().map(|(_, held)| match held {
            Held::Read(assignment) => assignment.clone(),
            Held::Given(assignment) => assignment,
        });
        let mut changed = self.changed;
        let mut people = self.base.people.clone();
        let gone: HashSet<&GroupId> = changed.iter().filter(|(_, group)| group.is_none()).map(|(id, _)| id).collect();
        if !gone.is_empty() {
            for groups in people.iter_mut().filter_map(|person| person.groups.as_mut()) {
                groups.retain(|id| !gone.contains(id));
            }
        }
        let kept = self.base.groups.iter().filter_map(|group| match changed.remove(&group.id) {
            Some(changed) => changed,
            None => Some(group.clone()),
        });
        let mut groups: Vec<Group> = kept.collect();
        let mut new: Vec<Group> = changed.into_values().flatten().collect();
        new.sort_by(|one, other| one.name.cmp(&other.name));
        groups.extend(new);
        let mut allotments = self.base.allotments.clone();
        for allotment in &mut allotments {
            allotment.used += self.used.get(&allotment.name).copied().unwrap_or(0);
        }
        Inventory {
            allotments,
            assignments: assignments.collect(),
            people,
            groups,
            roles: self.base.roles.clone(),
            auto_assign: self.auto_assign,
            group_settings: self.group_settings,
            coverage: self.base.coverage.clone(),
        }
    }
}
