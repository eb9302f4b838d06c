//! What a tenant consists of.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::clock::iso;
use crate::scim::Record;

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
    /// The id of the user who made it; empty for those that were there from the beginning.
    pub(crate) created_by: String,
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
    pub(crate) fn seats(&self) -> Option<i64> {
        match self.overage.unwrap_or(0) {
            overage if overage < 0 => None,
            overage => Some(self.units + overage),
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
    /// The id of the user who owns it; empty where nobody does.
    pub(crate) owner: String,
}

/// Who a key acts as.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) user: String,
    pub(crate) admin: bool,
}
