//! An inventory: what Qlik said about a tenant, in the shapes the rules work on.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::allotment::{Allotment, AllotmentName};
use crate::subject::Subject;

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes an id as Qlik wrote it.
            pub fn new(id: impl Into<String>) -> Self {
                Self(id.into())
            }

            /// The id as Qlik wrote it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id_type!(
    /// A group's id.
    GroupId
);
id_type!(
    /// A role's id.
    RoleId
);
id_type!(
    /// A tenant user's id, as consumption and `users` use it; assignments use the subject instead.
    UserId
);

/// A license held by a subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// Who holds it.
    pub subject: Subject,
    /// Which one.
    pub allotment: AllotmentName,
    /// Given beyond what the allotment has.
    pub excess: bool,
    /// When, ISO 8601 UTC; empty where Qlik does not say.
    pub created: String,
}

/// A user of the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The user's id.
    pub id: UserId,
    /// The IdP subject: what joins a user to assignments.
    pub subject: Subject,
    /// May be empty.
    pub name: String,
    /// May be empty.
    pub email: String,
    /// `active`, `invited`, `disabled`, `deleted`, `provisioned`, or what Qlik invents next.
    pub status: String,
    /// Roles given directly; `None` where the key may not see them.
    pub roles: Option<BTreeSet<RoleId>>,
    /// Groups the user is in; `None` where the key may not see them.
    pub groups: Option<BTreeSet<GroupId>>,
}

impl Person {
    /// Whether the person cannot sign in: disabled or deleted.
    pub fn is_shut_out(&self) -> bool {
        is_shut_out(&self.status)
    }

    /// Whether the person is known to be in a group.
    pub fn is_in(&self, group: &GroupId) -> bool {
        self.groups.as_ref().is_some_and(|groups| groups.contains(group))
    }
}

/// Whether a user of this status cannot sign in.
pub fn is_shut_out(status: &str) -> bool {
    matches!(status, "disabled" | "deleted")
}

/// Where a group comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Provider {
    /// The identity provider; name and members are its own.
    Idp,
    /// Made in Qlik.
    Custom,
    /// One of Qlik's own, such as Everyone.
    System,
}

impl Provider {
    /// The words shown on the group.
    pub fn label(self) -> &'static str {
        match self {
            Self::Idp => "identity provider",
            Self::Custom => "custom",
            Self::System => "system group",
        }
    }
}

impl Provider {
    /// Who keeps a group's name and description, for people.
    pub fn keeper(self) -> &'static str {
        match self {
            Self::Idp => "the identity provider",
            Self::Custom => "this tenant",
            Self::System => "Qlik",
        }
    }
}

/// At most so many groups per tenant, system groups aside (Qlik groups API).
pub const MAX_GROUPS: usize = 10_000;
/// The longest name of a group, in characters (Qlik groups API).
pub const MAX_GROUP_NAME: usize = 256;

/// Why a group cannot be called something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GroupNameError {
    /// Nothing, or only white space.
    #[error("the group needs a name")]
    Empty,
    /// Longer than Qlik takes.
    #[error("a group name can have at most 256 characters; this one has {0}")]
    TooLong(usize),
    /// It begins or ends with white space, which nobody sees.
    #[error("the name begins or ends with a space; remove it")]
    Padded,
    /// It has something in it that nobody sees.
    #[error("the name contains an invisible character (U+{0:04X}); remove it")]
    Invisible(u32),
}

/// Whether a new group can be called this.
pub fn group_name(name: &str) -> Result<(), GroupNameError> {
    if name.trim().is_empty() {
        return Err(GroupNameError::Empty);
    }
    if let Some(odd) = name.chars().find(|c| crate::text::is_invisible(*c) || c.is_control()) {
        return Err(GroupNameError::Invisible(odd.into()));
    }
    if name.trim() != name {
        return Err(GroupNameError::Padded);
    }
    match name.chars().count() {
        length if length > MAX_GROUP_NAME => Err(GroupNameError::TooLong(length)),
        _ => Ok(()),
    }
}

/// A group and the roles it gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The group's id.
    pub id: GroupId,
    /// The group's name; case matters.
    pub name: String,
    /// May be empty.
    pub description: String,
    /// `active` or `disabled`.
    pub status: String,
    /// Where it comes from.
    pub provider: Provider,
    /// Roles its members get; `None` where the key may not see them, which is not the same as none.
    pub roles: Option<BTreeSet<RoleId>>,
    /// When it was made, ISO 8601 UTC; empty where Qlik does not say.
    pub created: String,
    /// The id of the user who made it; empty where Qlik does not say.
    pub created_by: String,
    /// When Qlik last changed it, ISO 8601 UTC.
    pub updated: String,
}

/// Who a role is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RoleLevel {
    /// Manages the tenant.
    Admin,
    /// Uses it.
    User,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// The role's id.
    pub id: RoleId,
    /// Its name; unique.
    pub name: String,
    /// May be empty.
    pub description: String,
    /// Made in this tenant rather than by Qlik.
    pub custom: bool,
    /// Who it is made for.
    pub level: RoleLevel,
    /// Whether holding it raises a basic user to a full one (Qlik roles API, `userEntitlementType`).
    pub raises_entitlement: bool,
    /// What it allows, as Qlik names it; in order, each once.
    pub permissions: Vec<String>,
}

/// The license settings: who gets a license at the next sign-in without anybody's doing. `None` where Qlik does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct AutoAssign {
    /// Professional first, where both are on.
    pub professional: Option<bool>,
    /// Analyzer.
    pub analyzer: Option<bool>,
}

impl AutoAssign {
    /// Whether the tenant gives `allotment` at sign-in.
    pub fn gives(&self, allotment: &AllotmentName) -> bool {
        match allotment.as_str() {
            "professional" => self.professional == Some(true),
            "analyzer" => self.analyzer == Some(true),
            _ => false,
        }
    }
}

/// The group settings of a tenant. `None` where Qlik does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct GroupSettings {
    /// Groups come into being when a member signs in.
    pub auto_create_groups: Option<bool>,
    /// Deprecated by Qlik and no longer always present.
    pub sync_idp_groups: Option<bool>,
}

fn on_off(on: Option<bool>) -> &'static str {
    match on {
        Some(true) => "on",
        Some(false) => "off",
        None => "unknown",
    }
}

impl AutoAssign {
    /// How it is set, in words.
    pub fn words(&self) -> String {
        format!("Professional {}, Analyzer {}", on_off(self.professional), on_off(self.analyzer))
    }
}

impl GroupSettings {
    /// How it is set, in words.
    pub fn words(&self) -> String {
        format!("create groups at sign-in: {}, sync: {}", on_off(self.auto_create_groups), on_off(self.sync_idp_groups))
    }
}

/// How much of a list of the tenant a reading has. What is not in a list that is not whole may be there all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Part {
    /// All of it.
    #[default]
    Whole,
    /// The list ended early.
    Short {
        /// Entries read.
        read: u64,
        /// Entries that Qlik counts.
        of: u64,
    },
    /// The key may not see it.
    Hidden,
    /// Nobody asked for it.
    Unread,
}

impl Part {
    /// Whether what is not in the list is not there.
    pub fn is_whole(self) -> bool {
        self == Self::Whole
    }
}

/// An allotment whose licenses do not add up to what Qlik counts as used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Which one.
    pub allotment: AllotmentName,
    /// Licenses listed.
    pub read: i64,
    /// Units used, as the overview says.
    pub used: i64,
}

impl Gap {
    /// As a sentence.
    pub fn sentence(&self) -> String {
        let n = crate::text::thousands;
        format!("Qlik counts {} used {} licenses and listed {}.", n(self.used), self.allotment.label(), n(self.read))
    }
}

/// How much of the tenant a reading has, list by list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Coverage {
    /// Licenses held.
    pub licenses: Part,
    /// Users.
    pub people: Part,
    /// Groups.
    pub groups: Part,
    /// Qlik's own groups.
    #[serde(default)]
    pub system_groups: Part,
    /// Roles.
    pub roles: Part,
    /// Where licenses do not add up, whichever way.
    pub gaps: Vec<Gap>,
}

impl Coverage {
    /// What is not whole, one sentence each; nothing where everything is.
    pub fn sentences(&self) -> Vec<String> {
        let n = |n: u64| crate::text::thousands(i64::try_from(n).unwrap_or(i64::MAX));
        let mut sentences: Vec<String> = Vec::new();
        if self.licenses == Part::Hidden {
            sentences.push("This key cannot see who has a license.".to_owned());
        }
        sentences.extend(self.gaps.iter().map(Gap::sentence));
        let lists =
            [(self.people, "users"), (self.groups, "groups"), (self.system_groups, "system groups"), (self.roles, "roles")];
        for (part, what) in lists {
            match part {
                Part::Whole | Part::Unread => {}
                Part::Hidden => sentences.push(format!("This key cannot see the tenant's {what}.")),
                Part::Short { read, of } => sentences.push(format!("Qlik counts {} {what} and listed {}.", n(of), n(read))),
            }
        }
        sentences
    }
}

/// So many licenses may be missing from a list of `used` before it counts as cut short: what moves while a list is read, page
/// by page. Less than a page of Qlik's (100), so that a page that is missing is always noticed.
pub fn tolerance(used: i64) -> i64 {
    (used / 200).clamp(2, 50)
}

/// What Qlik said about a tenant, as one credential sees it.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    /// The license's allotments.
    pub allotments: Vec<Allotment>,
    /// Every license held.
    pub assignments: Vec<Assignment>,
    /// Every user.
    pub people: Vec<Person>,
    /// Every group, system groups included.
    pub groups: Vec<Group>,
    /// Every role.
    pub roles: Vec<Role>,
    /// License settings.
    pub auto_assign: AutoAssign,
    /// Group settings.
    pub group_settings: GroupSettings,
    /// How much of all this was read.
    pub coverage: Coverage,
}

impl Inventory {
    /// How many people are in each group; nothing where not all of that may be seen. Groups without members are not in it.
    pub fn members(&self) -> Option<HashMap<&GroupId, u64>> {
        let seen = self.coverage.people.is_whole() && self.people.iter().all(|person| person.groups.is_some());
        seen.then(|| {
            let mut members = HashMap::new();
            for id in self.people.iter().flat_map(|person| person.groups.iter().flatten()) {
                *members.entry(id).or_default() += 1;
            }
            members
        })
    }

    /// Compares the licenses listed with what the allotments count as used, `elsewhere` of which the list may lack: those of
    /// sibling tenants. `used_before` is what the overview said before the list was read: what moved meanwhile is no gap.
    pub fn add_up(&mut self, used_before: &[(AllotmentName, i64)], elsewhere: i64) {
        let mut listed: HashMap<&AllotmentName, (i64, i64)> = HashMap::new();
        for assignment in &self.assignments {
            let (rows, excess) = listed.entry(&assignment.allotment).or_default();
            *rows += 1;
            *excess += i64::from(assignment.excess);
        }
        let (mut gaps, mut missing, mut counted, mut moved) = (Vec::new(), 0, 0, 0);
        for allotment in self.allotments.iter().filter(|a| a.usage_class == crate::allotment::UsageClass::Assigned) {
            let (rows, excess) = listed.get(&allotment.name).copied().unwrap_or_default();
            let before = used_before.iter().find(|(name, _)| *name == allotment.name).map_or(allotment.used, |(_, used)| *used);
            let (least, most) = (before.min(allotment.used), before.max(allotment.used));
            let lacks = (least - rows).max(0);
            (missing, counted, moved) = (missing + lacks, counted + allotment.used, moved + most - least);
            // Qlik may or may not count what is given beyond an allotment as used.
            if lacks > tolerance(least) + elsewhere || rows - excess > most + tolerance(most) {
                gaps.push((lacks > 0, Gap { allotment: allotment.name.clone(), read: rows, used: allotment.used }));
            }
        }
        let short = gaps.iter().any(|(short, _)| *short) || missing > tolerance(counted) + elsewhere + moved;
        if short && !gaps.iter().any(|(short, _)| *short) {
            // A little of each: none alone would be noticed.
            for allotment in self.allotments.iter().filter(|a| a.usage_class == crate::allotment::UsageClass::Assigned) {
                let rows = listed.get(&allotment.name).map_or(0, |(rows, _)| *rows);
                if rows < allotment.used {
                    gaps.push((true, Gap { allotment: allotment.name.clone(), read: rows, used: allotment.used }));
                }
            }
        }
        let whole = |n: i64| u64::try_from(n).unwrap_or(0);
        let rows = self.assignments.len() as u64;
        self.coverage.licenses = if short { Part::Short { read: rows, of: rows + whole(missing) } } else { Part::Whole };
        self.coverage.gaps = gaps.into_iter().map(|(_, gap)| gap).collect();
    }

    /// Takes what was not read here from an earlier reading. Groups that were `asked` for stay as they are, also where the
    /// answer was that there is none.
    pub fn fill_from(&mut self, earlier: &Self, asked: impl Fn(&GroupId) -> bool) {
        if self.coverage.people == Part::Unread {
            self.people.clone_from(&earlier.people);
            self.coverage.people = earlier.coverage.people;
        }
        if self.coverage.licenses == Part::Unread {
            self.assignments.clone_from(&earlier.assignments);
            self.allotments.clone_from(&earlier.allotments);
            self.coverage.licenses = earlier.coverage.licenses;
            self.coverage.gaps.clone_from(&earlier.coverage.gaps);
        }
        if self.coverage.roles == Part::Unread {
            self.roles.clone_from(&earlier.roles);
            self.coverage.roles = earlier.coverage.roles;
        }
        if self.coverage.groups == Part::Unread {
            self.groups.extend(earlier.groups.iter().filter(|group| !asked(&group.id)).cloned());
            self.coverage.groups = earlier.coverage.groups;
            self.coverage.system_groups = earlier.coverage.system_groups;
        }
    }

    /// Looks an allotment up by its wire name.
    pub fn allotment(&self, name: &AllotmentName) -> Option<&Allotment> {
        self.allotments.iter().find(|allotment| &allotment.name == name)
    }

    /// People by subject, without case.
    pub fn people_by_subject(&self) -> HashMap<String, &Person> {
        self.people.iter().map(|person| (person.subject.key(), person)).collect()
    }

    /// Who holds what, by (subject without case, allotment).
    pub fn held(&self) -> HashSet<(String, AllotmentName)> {
        self.assignments.iter().map(|a| (a.subject.key(), a.allotment.clone())).collect()
    }

    /// Roles by id.
    pub fn roles_by_id(&self) -> BTreeMap<&RoleId, &Role> {
        self.roles.iter().map(|role| (&role.id, role)).collect()
    }

    /// A group by id.
    pub fn group(&self, id: &GroupId) -> Option<&Group> {
        self.groups.iter().find(|group| &group.id == id)
    }
}
