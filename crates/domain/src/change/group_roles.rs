//! Roles of a group: which are added and which are taken away. A difference, not a set: what somebody else adds meanwhile stays.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{ChangeKind, Comparison, Made, Names, Told, Undo, Wave};
use crate::inventory::{Group, GroupId, RoleId};
use crate::plan::{PlanContext, Risks, Warnings};
use crate::projection::Projection;
use crate::roles::RoleDiff;
use crate::text::{count, whole};
use crate::touch::{Touch, Touches};

/// Add and take roles of a group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct GroupRoles {
    /// Which group.
    pub group: GroupId,
    /// Its name, for people.
    pub name: String,
    /// Roles that it gets.
    pub add: BTreeSet<RoleId>,
    /// Roles that it loses.
    pub remove: BTreeSet<RoleId>,
    /// All its roles when the plan was drawn up.
    pub seen: BTreeSet<RoleId>,
}

impl GroupRoles {
    /// What makes `after` of the roles that a group was seen to have.
    pub fn between(group: GroupId, name: String, seen: &BTreeSet<RoleId>, after: &BTreeSet<RoleId>) -> Self {
        let RoleDiff { added, removed } = RoleDiff::between(seen, after);
        Self { group, name, add: added, remove: removed, seen: seen.clone() }
    }

    /// The group's roles after it, where these are its roles now.
    pub fn on(&self, now: &BTreeSet<RoleId>) -> BTreeSet<RoleId> {
        now.difference(&self.remove).chain(&self.add).cloned().collect()
    }
}

/// As it is stored, by this version or by the first, which kept both sets whole.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Delta { group: GroupId, name: String, add: BTreeSet<RoleId>, remove: BTreeSet<RoleId>, seen: BTreeSet<RoleId> },
    Sets { group: GroupId, name: String, before: BTreeSet<RoleId>, after: BTreeSet<RoleId> },
}

impl From<Stored> for GroupRoles {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Delta { group, name, add, remove, seen } => Self { group, name, add, remove, seen },
            Stored::Sets { group, name, before, after } => Self::between(group, name, &before, &after),
        }
    }
}

impl ChangeKind for GroupRoles {
    const VERB: &'static str = "set roles";
    const COUNTED: (&'static str, &'static str) = ("role change", "role changes");
    const WAVE: Wave = Wave::Sets;

    fn target(&self) -> String {
        self.name.clone()
    }

    fn touches(&self) -> Touches {
        [Touch::Group(self.group.clone())].into()
    }

    /// Only its own roles count: what else the group gives is somebody else's business.
    fn compare(&self, now: &Projection<'_>) -> Comparison {
        match now.group(&self.group) {
            Some(Group { roles: Some(now), .. }) => {
                let applied = self.add.is_subset(now) && self.remove.is_disjoint(now);
                let unchanged = self.add.is_disjoint(now) && self.remove.is_subset(now);
                Comparison::of(applied, unchanged)
            }
            Some(Group { roles: None, .. }) => Comparison::NotVisible,
            None => Comparison::Diverged,
        }
    }

    fn beside_another(&self, now: &Projection<'_>) -> bool {
        now.group(&self.group).and_then(|group| group.roles.as_ref()).is_some_and(|now| *now != self.seen)
    }

    fn project(&self, on: &mut Projection<'_>, _: Option<&Made>, _: &str) {
        // What may not be seen stays so: the change alone does not make a whole set of it.
        on.change_group(&self.group, |group| group.roles = group.roles.as_ref().map(|now| self.on(now)));
    }

    fn undo(&self, _: Option<&Made>) -> Undo {
        let seen = self.on(&self.seen);
        Undo::By(
            Self { group: self.group.clone(), name: self.name.clone(), add: self.remove.clone(), remove: self.add.clone(), seen }
                .into(),
        )
    }

    fn told(&self, names: &Names<'_>) -> Told {
        let named = |ids: &BTreeSet<RoleId>| ids.iter().map(|id| names.role(id)).collect();
        Told {
            before: count(whole(self.seen.len()), "role", "roles"),
            after: format!("{} added, {} removed", self.add.len(), self.remove.len()),
            added: named(&self.add),
            removed: named(&self.remove),
        }
    }

    fn recorded(&self) -> (Value, Value) {
        let after: BTreeSet<&RoleId> = self.seen.union(&self.add).filter(|role| !self.remove.contains(*role)).collect();
        (json!({ "roles": self.seen }), json!({ "roles": after }))
    }

    fn addressed(&self) -> (&'static str, String) {
        ("group", self.group.to_string())
    }

    fn warn<'a>(&'a self, of: &PlanContext<'a>, into: &mut Warnings<'a>) {
        into.roles(of, &self.group, &self.add, &self.remove);
    }

    fn risk<'a>(&'a self, of: &PlanContext<'a>, into: &mut Risks<'a>) {
        into.roles(of, self.clone());
    }

    fn roles_given(&self) -> Option<&BTreeSet<RoleId>> {
        Some(&self.add)
    }

    fn roles_lost(&self) -> u64 {
        self.remove.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Change;
    use crate::inventory::{Inventory, Provider};

    fn ids(ids: &[&str]) -> BTreeSet<RoleId> {
        ids.iter().map(|id| RoleId::new(*id)).collect()
    }

    fn tenant(roles: &[&str]) -> Inventory {
        let group = Group {
            id: GroupId::new("g"),
            name: "G".into(),
            description: String::new(),
            status: "active".into(),
            provider: Provider::Custom,
            roles: Some(ids(roles)),
            created: String::new(),
            created_by: String::new(),
            updated: String::new(),
        };
        Inventory { groups: vec![group], ..Inventory::default() }
    }

    fn change() -> Change {
        GroupRoles::between(GroupId::new("g"), "G".into(), &ids(&["old", "other"]), &ids(&["new", "other"])).into()
    }

    #[test]
    fn only_its_own_roles_count() {
        let stands = |roles: &[&str]| change().compare(&Projection::of(&tenant(roles)));
        assert_eq!(stands(&["old", "other"]), Comparison::Unchanged);
        assert_eq!(stands(&["old", "theirs"]), Comparison::Unchanged, "what somebody else added or took is their business");
        assert_eq!(stands(&["new", "theirs"]), Comparison::Applied);
        assert_eq!(stands(&["old", "new"]), Comparison::Diverged);
        assert_eq!(stands(&["other"]), Comparison::Diverged);
        assert_eq!(change().compare(&Projection::of(&Inventory::default())), Comparison::Diverged, "no such group");
        let beside = |roles: &[&str]| change().beside_another(&Projection::of(&tenant(roles)));
        assert!(beside(&["old", "theirs"]) && !beside(&["old", "other"]), "and whoever applies it looks at the risks once more");
    }

    #[test]
    fn what_somebody_else_added_stays() {
        let now = tenant(&["old", "theirs"]);
        let mut now = Projection::of(&now);
        let change = change();
        change.project(&mut now, None, "");
        let roles = |now: &Projection<'_>| now.group(&GroupId::new("g")).and_then(|group| group.roles.clone());
        assert_eq!(roles(&now), Some(ids(&["new", "theirs"])));
        let Undo::By(back) = change.undo(None) else { panic!("roles can be set back") };
        assert_eq!(back.compare(&now), Comparison::Unchanged);
        back.project(&mut now, None, "");
        assert_eq!(roles(&now), Some(ids(&["old", "theirs"])));
    }
}
