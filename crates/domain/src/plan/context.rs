//! What the changes of a plan are judged by: the inventory it is drawn up from, with what it is looked up by.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap, HashSet};

use crate::inventory::{Inventory, Part, Person, Role, RoleId};
use crate::subject::Subject;
use crate::text;

/// What the changes of a plan are judged by.
#[derive(Debug)]
pub struct PlanContext<'a> {
    /// What Qlik said.
    pub inventory: &'a Inventory,
    /// People by subject, without case.
    pub people: HashMap<String, &'a Person>,
    /// Subjects that hold something, without case.
    pub holders: HashSet<String>,
    /// Roles by id.
    pub roles: BTreeMap<&'a RoleId, &'a Role>,
    /// Names of groups without case, where something is called something.
    group_names: OnceCell<HashMap<String, Vec<&'a str>>>,
    /// The plan brings back what was: an undo.
    pub restores: bool,
    /// The plan comes from a list: what somebody loses by it was not chosen row by row.
    pub from_list: bool,
}

impl<'a> PlanContext<'a> {
    pub(super) fn of(inventory: &'a Inventory, restores: bool, from_list: bool) -> Self {
        Self {
            inventory,
            people: inventory.people_by_subject(),
            holders: inventory.assignments.iter().map(|held| held.subject.key()).collect(),
            roles: inventory.roles_by_id(),
            group_names: OnceCell::new(),
            restores,
            from_list,
        }
    }

    /// A group that there is whose name differs from this one in case alone, but for one that is called otherwise by the same plan.
    pub fn group_alike(&self, name: &str, but: Option<&str>) -> Option<&'a str> {
        let names = self.group_names.get_or_init(|| {
            let mut names: HashMap<String, Vec<&str>> = HashMap::new();
            for group in &self.inventory.groups {
                names.entry(text::same(&group.name)).or_default().push(&group.name);
            }
            names
        });
        names.get(&text::same(name))?.iter().find(|known| **known != name && Some(**known) != but).copied()
    }

    /// Whether whoever is not among the people is no user.
    pub fn people_whole(&self) -> bool {
        self.inventory.coverage.people == Part::Whole
    }

    /// Whether a subject is known to be no user of the tenant.
    pub fn is_orphan(&self, subject: &Subject) -> bool {
        self.people_whole() && !self.people.contains_key(&subject.key())
    }
}
