//! What a tenant remembers of what was done in it: licenses given, taken and refused, groups made, changed and deleted.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{App, Group, Role, Tenant};
use crate::clock::iso;
use crate::scim::Record;

/// As long as Qlik lists them.
const KEPT_MS: i64 = 90 * 86_400_000;

/// Something that was done.
#[derive(Debug, Clone)]
pub(crate) struct Audit {
    pub(crate) at: i64,
    pub(crate) kind: &'static str,
    source: &'static str,
    /// The id of the user who did it.
    pub(crate) by: Arc<str>,
    data: Value,
}

/// What happened to a license.
pub(crate) const UPDATED: &str = "com.qlik.license.assignment.updated";
pub(crate) const DELETED: &str = "com.qlik.license.assignment.deleted";
pub(crate) const REJECTED: &str = "com.qlik.license.assignment.rejected";
/// What happened to a group.
pub(crate) const GROUP_CREATED: &str = "com.qlik.v1.group.created";
pub(crate) const GROUP_UPDATED: &str = "com.qlik.v1.group.updated";
pub(crate) const GROUP_DELETED: &str = "com.qlik.v1.group.deleted";

/// What happened to an app.
pub(crate) const APP_CREATED: &str = "com.qlik.v1.app.created";
pub(crate) const APP_PUBLISHED: &str = "com.qlik.v1.app.published";

/// All types, as `GET /audits/types` lists them.
pub(crate) const KINDS: &[&str] =
    &[UPDATED, DELETED, REJECTED, GROUP_CREATED, GROUP_UPDATED, GROUP_DELETED, APP_CREATED, APP_PUBLISHED];
/// All sources, as `GET /audits/sources` lists them.
pub(crate) const SOURCES: &[&str] = &["com.qlik/licenses", "com.qlik/identities", "com.qlik/apps"];

impl Audit {
    pub(crate) fn is_listed(&self, now: i64) -> bool {
        self.at > now - KEPT_MS && self.at <= now
    }

    pub(crate) fn source(&self) -> &'static str {
        self.source
    }

    pub(crate) fn json(&self, id: u64, tenant: &str, base: &str) -> Value {
        let id = format!("{id:08x}-0000-4000-8000-{id:012x}");
        json!({
            "id": id,
            "eventId": id,
            "eventTime": iso(self.at),
            "eventType": self.kind,
            "eventTypeVersion": "1.0.0",
            "source": self.source,
            "contentType": "application/json",
            "tenantId": tenant,
            "userId": &*self.by,
            "data": self.data,
            "extensions": {},
            "links": { "self": { "href": format!("{base}/api/v1/audits/{id}") } },
        })
    }
}

impl Record for Audit {
    fn values(&self, attribute: &'static str) -> Vec<String> {
        match attribute {
            "eventTime" => vec![iso(self.at)],
            "eventType" => vec![self.kind.to_owned()],
            "source" => vec![self.source.to_owned()],
            _ => vec![],
        }
    }
}

impl Tenant {
    /// Remembers what happened to a license.
    pub(crate) fn note_license(&mut self, kind: &'static str, (subject, allotment): (&str, &str), by: &str, now: i64) {
        let data = json!({ "type": allotment, "origin": "external", "license": "9999000000001204", "subject": subject });
        self.audits.push(Audit { at: now, kind, source: "com.qlik/licenses", by: Arc::from(by), data });
    }

    /// Remembers what happened to an app.
    pub(crate) fn note_app(&mut self, kind: &'static str, app: &App, at: i64) {
        let data = json!({ "id": app.id, "name": app.name, "ownerId": app.owner });
        self.audits.push(Audit { at, kind, source: "com.qlik/apps", by: Arc::from(app.owner.as_str()), data });
    }

    /// Remembers what happened to a group, as it is after it.
    pub(crate) fn note_group(&mut self, kind: &'static str, group: &Group, by: &str, now: i64) {
        let roles: Vec<Value> = group.roles.iter().filter_map(|id| self.role(id)).map(Role::reference).collect();
        let data = json!({
            "id": group.id,
            "name": group.name,
            "status": group.status(),
            "tenantId": &*self.id,
            "providerType": group.provider(),
            "description": group.description,
            "assignedRoles": roles,
            "createdAt": iso(group.created),
            "lastUpdatedAt": iso(group.updated),
        });
        self.audits.push(Audit { at: now, kind, source: "com.qlik/identities", by: Arc::from(by), data });
    }
}
