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
    /// Roles given directly.
    pub roles: BTreeSet<RoleId>,
    /// Groups the user is in.
    pub groups: BTreeSet<GroupId>,
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
    /// Roles its members get.
    pub roles: BTreeSet<RoleId>,
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
}

/// The license settings: who gets a license at the next sign-in without anybody's doing. `None` where Qlik does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
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

/// The group settings of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GroupSettings {
    /// Groups come into being when a member signs in.
    pub auto_create_groups: bool,
    /// Deprecated by Qlik and no longer always present.
    pub sync_idp_groups: Option<bool>,
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
}

impl Inventory {
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
