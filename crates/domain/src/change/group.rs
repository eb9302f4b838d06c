//! Groups themselves: making one, renaming and describing it, deleting it. What roles a group gives is `group_roles`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{ChangeKind, Comparison, GroupRoles, Made, Names, Told, Undo, Wave};
use crate::inventory::{Group, GroupId, Provider, RoleId};
use crate::plan::{PlanContext, Risks, Warnings};
use crate::projection::Projection;
use crate::text::{count, whole};
use crate::touch::{Touch, Touches};

/// What kind of thing the trail says it is about.
const GROUP: &str = "group";

/// Make a group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CreateGroup {
    /// Its name; case matters, and no other group has it.
    pub name: String,
    /// May be empty.
    pub description: String,
    /// Where it comes from. One of the identity provider has no members until they sign in.
    pub provider: Provider,
    /// Roles that its members get.
    pub roles: BTreeSet<RoleId>,
}

impl CreateGroup {
    /// The group with this id. Before Qlik has made it, its name stands for it.
    fn with(&self, made: Option<&Made>) -> Group {
        Group {
            id: made
                .map_or_else(|| GroupId::new(Touch::GroupName(self.name.clone()).key()), |made| GroupId::new(made.id.clone())),
            name: self.name.clone(),
            description: self.description.clone(),
            status: "active".to_owned(),
            provider: self.provider,
            roles: Some(self.roles.clone()),
            created: String::new(),
            created_by: String::new(),
            updated: String::new(),
        }
    }
}

impl ChangeKind for CreateGroup {
    const VERB: &'static str = "create group";
    const COUNTED: (&'static str, &'static str) = ("new group", "new groups");
    const WAVE: Wave = Wave::Sets;
    const SIGN: &'static str = "+";

    fn target(&self) -> String {
        self.name.clone()
    }

    fn touches(&self) -> Touches {
        [Touch::GroupName(self.name.clone())].into()
    }

    /// A group of this name that is otherwise is somebody else's, whoever made it.
    fn compare(&self, now: &Projection<'_>) -> Comparison {
        match now.group_named(&self.name) {
            None => Comparison::Unchanged,
            Some(group) => match &group.roles {
                None => Comparison::NotVisible,
                Some(roles) => {
                    let same = group.provider == self.provider && group.description == self.description && *roles == self.roles;
                    Comparison::of(same, false)
                }
            },
        }
    }

    fn project(&self, on: &mut Projection<'_>, made: Option<&Made>, _: &str) {
        on.add_group(self.with(made));
    }

    fn undo(&self, made: Option<&Made>) -> Undo {
        match made {
            Some(_) => Undo::By(DeleteGroup::of(&self.with(made), Some(0)).into()),
            None => Undo::Not("Qlik did not say which group it created, so none is deleted.".to_owned()),
        }
    }

    fn told(&self, names: &Names<'_>) -> Told {
        Told {
            before: String::new(),
            after: count(whole(self.roles.len()), "role", "roles"),
            added: self.roles.iter().map(|id| names.role(id)).collect(),
            removed: Vec::new(),
        }
    }

    fn recorded(&self) -> (Value, Value) {
        (Value::Null, json!({ "name": self.name, "description": self.description, "roles": self.roles }))
    }

    fn addressed(&self) -> (&'static str, String) {
        (GROUP, String::new())
    }

    fn found<'n>(&self, now: &'n Projection<'_>) -> Option<&'n Group> {
        now.group_named(&self.name)
    }

    fn roles_given(&self) -> Option<&BTreeSet<RoleId>> {
        Some(&self.roles)
    }

    fn warn<'a>(&'a self, of: &PlanContext<'a>, into: &mut Warnings<'a>) {
        into.roles_of_a_new_group(of, &self.roles);
        into.group_named(of, &self.name, None);
    }
}

/// What a group is called, and its description.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Naming {
    /// Its name; case matters.
    pub name: String,
    /// May be empty.
    pub description: String,
}

impl Naming {
    /// What a group is called.
    pub fn of(group: &Group) -> Self {
        Self { name: group.name.clone(), description: group.description.clone() }
    }

    fn words(&self) -> String {
        if self.description.is_empty() { self.name.clone() } else { format!("{}: {}", self.name, self.description) }
    }
}

/// Rename or describe a group that was made in Qlik.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EditGroup {
    /// Which one.
    pub group: GroupId,
    /// What it is called.
    pub before: Naming,
    /// What it shall be called.
    pub after: Naming,
}

impl ChangeKind for EditGroup {
    const VERB: &'static str = "edit group";
    const COUNTED: (&'static str, &'static str) = ("group edit", "group edits");
    const WAVE: Wave = Wave::Sets;

    fn target(&self) -> String {
        self.before.name.clone()
    }

    fn touches(&self) -> Touches {
        let group = Touch::Group(self.group.clone());
        if self.before.name == self.after.name {
            [group].into()
        } else {
            [group, Touch::GroupName(self.before.name.clone()), Touch::GroupName(self.after.name.clone())].into()
        }
    }

    fn compare(&self, now: &Projection<'_>) -> Comparison {
        let Some(group) = now.group(&self.group) else { return Comparison::Diverged };
        let called = Naming::of(group);
        let free = now.group_named(&self.after.name).is_none_or(|other| other.id == self.group);
        Comparison::of(called == self.after, called == self.before && free)
    }

    fn project(&self, on: &mut Projection<'_>, _: Option<&Made>, _: &str) {
        on.change_group(&self.group, |group| {
            group.name.clone_from(&self.after.name);
            group.description.clone_from(&self.after.description);
        });
    }

    fn undo(&self, _: Option<&Made>) -> Undo {
        Undo::By(Self { group: self.group.clone(), before: self.after.clone(), after: self.before.clone() }.into())
    }

    fn told(&self, _: &Names<'_>) -> Told {
        Told { before: self.before.words(), after: self.after.words(), ..Told::default() }
    }

    fn recorded(&self) -> (Value, Value) {
        let side = |called: &Naming| json!({ "name": called.name, "description": called.description });
        (side(&self.before), side(&self.after))
    }

    fn addressed(&self) -> (&'static str, String) {
        (GROUP, self.group.to_string())
    }

    fn warn<'a>(&'a self, of: &PlanContext<'a>, into: &mut Warnings<'a>) {
        if self.before.name != self.after.name {
            into.group_named(of, &self.after.name, Some(&self.before.name));
        }
    }
}

/// Delete a group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DeleteGroup {
    /// Which one.
    pub group: GroupId,
    /// What it was called when the plan was drawn up.
    pub was: Naming,
    /// Where it came from.
    pub provider: Provider,
    /// The roles that it gave.
    pub roles: BTreeSet<RoleId>,
    /// How many were in it; `None` where the key may not see that.
    pub members: Option<u64>,
}

impl DeleteGroup {
    /// This group. Its roles have to be visible.
    pub fn of(group: &Group, members: Option<u64>) -> Self {
        Self {
            group: group.id.clone(),
            was: Naming::of(group),
            provider: group.provider,
            roles: group.roles.clone().unwrap_or_default(),
            members,
        }
    }

    /// That it gives none of its roles any more.
    pub fn taken(&self) -> GroupRoles {
        GroupRoles::between(self.group.clone(), self.was.name.clone(), &self.roles, &BTreeSet::new())
    }
}

impl ChangeKind for DeleteGroup {
    const VERB: &'static str = "delete group";
    const COUNTED: (&'static str, &'static str) = ("group deletion", "group deletions");
    const WAVE: Wave = Wave::Ends;
    const SIGN: &'static str = "−";

    fn target(&self) -> String {
        self.was.name.clone()
    }

    fn touches(&self) -> Touches {
        [Touch::Group(self.group.clone()), Touch::GroupName(self.was.name.clone())].into()
    }

    fn looks_at(&self) -> Touches {
        [Touch::Group(self.group.clone())].into()
    }

    /// A group that gives other roles by now, or is called otherwise, is not the one that somebody decided to delete.
    fn compare(&self, now: &Projection<'_>) -> Comparison {
        match now.group(&self.group) {
            None => Comparison::Applied,
            Some(Group { roles: None, .. }) => Comparison::NotVisible,
            Some(group) => Comparison::of(false, group.name == self.was.name && group.roles.as_ref() == Some(&self.roles)),
        }
    }

    fn project(&self, on: &mut Projection<'_>, _: Option<&Made>, _: &str) {
        on.remove_group(&self.group);
    }

    fn undo(&self, _: Option<&Made>) -> Undo {
        let Self { was, provider, roles, .. } = self;
        let again = CreateGroup {
            name: was.name.clone(),
            description: was.description.clone(),
            provider: *provider,
            roles: roles.clone(),
        };
        let members = match (self.members, provider) {
            (Some(0), _) => return Undo::Partly(again.into(), "The group gets a new id.".to_owned()),
            (_, Provider::Idp) => "Its members come back as each of them signs in.",
            _ => "Its members are not put back.",
        };
        Undo::Partly(again.into(), format!("The group gets a new id. {members}"))
    }

    fn told(&self, names: &Names<'_>) -> Told {
        let members = match self.members {
            Some(members) => count(whole(members), "member", "members"),
            None => "members not visible".to_owned(),
        };
        Told {
            before: format!("{}, {members}", count(whole(self.roles.len()), "role", "roles")),
            after: String::new(),
            added: Vec::new(),
            removed: self.roles.iter().map(|id| names.role(id)).collect(),
        }
    }

    fn recorded(&self) -> (Value, Value) {
        let was = &self.was;
        (json!({ "name": was.name, "description": was.description, "roles": self.roles }), Value::Null)
    }

    fn addressed(&self) -> (&'static str, String) {
        (GROUP, self.group.to_string())
    }

    fn warn<'a>(&'a self, of: &PlanContext<'a>, into: &mut Warnings<'a>) {
        into.roles(of, &self.group, &BTreeSet::new(), &self.roles);
        into.group_goes(self.provider);
    }

    fn risk<'a>(&'a self, of: &PlanContext<'a>, into: &mut Risks<'a>) {
        into.roles(of, self.taken());
        into.group_goes(&self.group);
    }

    fn is_loss(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Change;
    use crate::inventory::Inventory;

    fn ids(ids: &[&str]) -> BTreeSet<RoleId> {
        ids.iter().map(|id| RoleId::new(*id)).collect()
    }

    fn group(id: &str, name: &str, roles: &[&str]) -> Group {
        let new = CreateGroup { name: name.into(), description: String::new(), provider: Provider::Custom, roles: ids(roles) };
        new.with(Some(&Made { id: id.into() }))
    }

    fn tenant(groups: &[Group]) -> Inventory {
        Inventory { groups: groups.to_vec(), ..Inventory::default() }
    }

    fn create(name: &str, roles: &[&str]) -> CreateGroup {
        CreateGroup { name: name.into(), description: String::new(), provider: Provider::Custom, roles: ids(roles) }
    }

    #[test]
    fn a_name_that_is_taken_is_somebody_elses_unless_all_is_the_same() {
        let now = tenant(&[group("g", "Finance", &["a"])]);
        let stands = |new: CreateGroup| new.compare(&Projection::of(&now));
        assert_eq!(stands(create("Audit", &["a"])), Comparison::Unchanged);
        assert_eq!(stands(create("finance", &["a"])), Comparison::Unchanged, "case matters");
        assert_eq!(stands(create("Finance", &["a"])), Comparison::Applied);
        assert_eq!(stands(create("Finance", &["b"])), Comparison::Diverged);
        assert_eq!(stands(CreateGroup { description: "x".into(), ..create("Finance", &["a"]) }), Comparison::Diverged);
        let unseen = tenant(&[Group { roles: None, ..group("g", "Finance", &[]) }]);
        assert_eq!(create("Finance", &[]).compare(&Projection::of(&unseen)), Comparison::NotVisible);
    }

    #[test]
    fn what_is_made_is_undone_by_its_id_and_what_is_deleted_comes_back_in_part() {
        let before = tenant(&[]);
        let mut now = Projection::of(&before);
        let (new, made) = (create("Finance", &["a"]), Made { id: "g7".into() });
        new.project(&mut now, Some(&made), "");
        assert_eq!(now.group(&GroupId::new("g7")).map(|group| group.name.as_str()), Some("Finance"));
        assert_eq!(new.compare(&now), Comparison::Applied);
        let Undo::By(back) = new.undo(Some(&made)) else { panic!("it can be deleted") };
        assert_eq!(back.compare(&now), Comparison::Unchanged);
        back.project(&mut now, None, "");
        assert_eq!((back.compare(&now), new.compare(&now)), (Comparison::Applied, Comparison::Unchanged));
        assert!(now.clone().into_inventory().groups.is_empty());
        assert!(matches!(new.undo(None), Undo::Not(_)));
        let gone =
            DeleteGroup { members: Some(3), provider: Provider::Idp, ..DeleteGroup::of(&group("g", "Finance", &["a"]), None) };
        let Undo::Partly(again, why) = gone.undo(None) else { panic!("in part") };
        assert_eq!(again, CreateGroup { provider: Provider::Idp, ..create("Finance", &["a"]) }.into());
        assert_eq!(why, "The group gets a new id. Its members come back as each of them signs in.");
    }

    #[test]
    fn a_group_that_is_otherwise_by_now_is_not_deleted() {
        let delete = DeleteGroup::of(&group("g", "Finance", &["a"]), Some(1));
        let stands = |groups: &[Group]| delete.compare(&Projection::of(&tenant(groups)));
        assert_eq!(stands(&[group("g", "Finance", &["a"])]), Comparison::Unchanged);
        assert_eq!(stands(&[group("g", "Finance", &["a", "b"])]), Comparison::Diverged);
        assert_eq!(stands(&[group("g", "Audit", &["a"])]), Comparison::Diverged);
        assert_eq!(stands(&[group("h", "Finance", &["a"])]), Comparison::Applied);
        assert_eq!(stands(&[Group { roles: None, ..group("g", "Finance", &[]) }]), Comparison::NotVisible);
    }

    #[test]
    fn a_group_takes_no_name_that_another_has() {
        let now = tenant(&[group("g", "Finance", &[]), group("h", "Audit", &[])]);
        let rename = |to: &str| EditGroup {
            group: GroupId::new("g"),
            before: Naming { name: "Finance".into(), description: String::new() },
            after: Naming { name: to.into(), description: "x".into() },
        };
        let stands = |to: &str| rename(to).compare(&Projection::of(&now));
        assert_eq!(
            (stands("Money"), stands("Audit"), stands("Finance")),
            (Comparison::Unchanged, Comparison::Diverged, Comparison::Unchanged)
        );
        let mut after = Projection::of(&now);
        rename("Money").project(&mut after, None, "");
        let Undo::By(back) = Change::from(rename("Money")).undo(None) else { panic!("it can be renamed back") };
        assert_eq!(back.compare(&after), Comparison::Unchanged);
        assert!(after.group_named("Finance").is_none() && after.group_named("Money").is_some());
    }
}
