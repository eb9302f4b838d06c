//! The groups service.

use serde_json::{Value, json};

use super::Call;
use crate::clock::iso;
use crate::listing::{self, CursorStyle, Spec};
use crate::reply::{Refusal, Reply};
use crate::scim::{Attribute, Kind};
use crate::tenant::{EVERYONE_ID, GROUP_CREATED, Group, Tenant};

const MAX_GROUPS: usize = 10_000;
const MAX_ROLES: usize = 100;
const MAX_NAME: usize = 256;

const ATTRIBUTES: &[Attribute] = &[
    ("id", Kind::Text),
    ("name", Kind::Text),
    ("status", Kind::Text),
    ("createdAt", Kind::Time),
    ("providerType", Kind::Text),
    ("lastUpdatedAt", Kind::Time),
];

const GROUPS: Spec = Spec {
    path: "/groups",
    style: CursorStyle::NextPrev,
    limit: (20, 100),
    attributes: ATTRIBUTES,
    sorts: &["id", "name", "status", "createdAt", "providerType", "lastUpdatedAt"],
    default_sort: None,
    totals: true,
    links_self: true,
};

const FILTERED: Spec = Spec { path: "/groups/actions/filter", sorts: &["name"], default_sort: Some("name"), ..GROUPS };

fn conflict() -> Refusal {
    Refusal::new(409, "GROUPS-9", "Group name conflict").detail("A group of this name exists.")
}

fn unknown() -> Refusal {
    Refusal::new(404, "GROUPS-7", "Group not found")
}

fn render(group: &Group, tenant: &Tenant, base: &str) -> Value {
    let mut json = json!({
        "id": group.id,
        "tenantId": &*tenant.id,
        "name": group.name,
        "status": group.status(),
        "providerType": group.provider(),
        "assignedRoles": tenant.role_references(&group.roles),
        "createdAt": iso(group.created),
        "lastUpdatedAt": iso(group.updated),
        "links": { "self": { "href": format!("{base}/api/v1/groups/{}", group.id) } },
    });
    if let Some(json) = json.as_object_mut() {
        if let Some(description) = &group.description {
            json.insert("description".to_owned(), json!(description));
        }
        for (key, by) in [("createdBy", &group.created_by), ("updatedBy", &group.updated_by)] {
            if !by.is_empty() {
                json.insert(key.to_owned(), json!(by));
            }
        }
    }
    json
}

fn cut(tenant: &mut Tenant, call: &Call<'_>, spec: &Spec, filter: Option<&str>) -> Result<Reply, Refusal> {
    let request = listing::read(&call.params()?, spec, call.now, filter)?;
    let mut groups = std::mem::take(&mut tenant.groups);
    let page =
        listing::page(&mut groups, &request, spec, call.link_base, call.now, |_| true, |group| render(group, tenant, call.base));
    tenant.groups = groups;
    Ok(Reply::json(200, page))
}

pub(crate) fn list(tenant: &mut Tenant, call: &Call<'_>) -> Result<Reply, Refusal> {
    let params = call.params()?;
    if params.flag("systemGroups")? == Some(true) {
        if params.len() > 1 {
            return Err(Refusal::bad("systemGroups cannot be combined with another parameter"));
        }
        let everyone = render(&tenant.everyone, tenant, call.base);
        let this = format!("{}/groups?systemGroups=true", call.link_base);
        return Ok(Reply::json(200, json!({ "data": [everyone], "links": { "self": { "href": this } } })));
    }
    cut(tenant, call, &GROUPS, None)
}

pub(crate) fn filter(tenant: &mut Tenant, call: &Call<'_>) -> Result<Reply, Refusal> {
    let filter = filter_body(call)?;
    cut(tenant, call, &FILTERED, filter.as_deref())
}

/// The filter of an `actions/filter` body.
pub(super) fn filter_body(call: &Call<'_>) -> Result<Option<String>, Refusal> {
    let body = call.body()?;
    let body = body.as_object().ok_or_else(|| Refusal::bad("the body is not an object"))?;
    match body.get("filter") {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Refusal::bad("“filter” is not a string")),
    }
}

pub(crate) fn get(tenant: &Tenant, call: &Call<'_>, id: &str) -> Result<Reply, Refusal> {
    let group = tenant.group(id).ok_or_else(unknown)?;
    Ok(Reply::json(200, render(group, tenant, call.base)))
}

/// Role references: `[{id}]` or `[{name}]`, not both in one entry, at most a hundred.
fn roles(tenant: &Tenant, value: &Value) -> Result<Vec<String>, Refusal> {
    let entries = value.as_array().ok_or_else(|| Refusal::bad("the roles are not a list"))?;
    if entries.len() > MAX_ROLES {
        return Err(Refusal::bad(format!("a group has at most {MAX_ROLES} roles")));
    }
    let mut ids: Vec<String> = Vec::with_capacity(entries.len());
    for entry in entries {
        let entry = entry.as_object().ok_or_else(|| Refusal::bad("a role reference is not an object"))?;
        let role = match (entry.get("id"), entry.get("name")) {
            (Some(Value::String(id)), None) => tenant.role(id),
            (None, Some(Value::String(name))) => tenant.role_named(name),
            _ => return Err(Refusal::bad("a role reference has either an id or a name")),
        };
        let role = role.ok_or_else(|| Refusal::bad("a role reference names no role of this tenant"))?;
        if !ids.contains(&role.id) {
            ids.push(role.id.clone());
        }
    }
    Ok(ids)
}

fn name(value: &Value) -> Result<String, Refusal> {
    match value.as_str() {
        Some(name) if (1..=MAX_NAME).contains(&name.chars().count()) => Ok(name.to_owned()),
        _ => Err(Refusal::bad(format!("a name has 1 to {MAX_NAME} characters"))),
    }
}

fn description(value: &Value) -> Result<String, Refusal> {
    value.as_str().map(ToOwned::to_owned).ok_or_else(|| Refusal::bad("the description is not a string"))
}

pub(crate) fn create(tenant: &mut Tenant, call: &Call<'_>, by: &str) -> Result<Reply, Refusal> {
    let body = call.body()?;
    let body = body.as_object().ok_or_else(|| Refusal::bad("the body is not an object"))?;
    let new_name = name(body.get("name").unwrap_or(&Value::Null))?;
    if body.get("status").is_some_and(|status| status != "active") {
        return Err(Refusal::bad("a new group is active"));
    }
    let custom = match body.get("providerType") {
        None => false,
        Some(kind) if kind == "idp" => false,
        Some(kind) if kind == "custom" => true,
        Some(_) => return Err(Refusal::bad("the provider type is idp or custom")),
    };
    let text = body.get("description").map(description).transpose()?;
    let assigned = body.get("assignedRoles").map(|value| roles(tenant, value)).transpose()?.unwrap_or_default();
    if tenant.group_named(&new_name).is_some() {
        return Err(conflict());
    }
    if tenant.groups.items.len() >= MAX_GROUPS {
        return Err(Refusal::bad(format!("a tenant has at most {MAX_GROUPS} groups")));
    }
    let group = Group {
        id: tenant.fresh_id(),
        name: new_name,
        description: text,
        active: true,
        custom,
        roles: assigned,
        created: call.now,
        updated: call.now,
        created_by: by.to_owned(),
        updated_by: by.to_owned(),
    };
    let json = render(&group, tenant, call.base);
    tenant.note_group(GROUP_CREATED, &group, by, call.now);
    tenant.put_group(group);
    Ok(Reply::json(201, json))
}

/// One checked operation of a patch.
enum Edit {
    Roles(Vec<String>),
    Name(String),
    Description(String),
}

fn operation(value: &Value) -> Result<(&str, &Value), Refusal> {
    let value = value.as_object().ok_or_else(|| Refusal::bad("an operation is not an object"))?;
    if value.get("op").and_then(Value::as_str) != Some("replace") {
        return Err(Refusal::bad("the only operation is replace"));
    }
    let path = value.get("path").and_then(Value::as_str).ok_or_else(|| Refusal::bad("an operation lacks its path"))?;
    let value = value.get("value").ok_or_else(|| Refusal::bad("an operation lacks its value"))?;
    Ok((path, value))
}

pub(crate) fn patch(tenant: &mut Tenant, call: &Call<'_>, id: &str, by: &str) -> Result<Reply, Refusal> {
    let group = tenant.group(id).ok_or_else(unknown)?;
    let body = call.body()?;
    let operations = body.as_array().ok_or_else(|| Refusal::bad("a patch is a list of operations"))?;
    let mut edits = Vec::with_capacity(operations.len());
    for value in operations {
        let (path, value) = operation(value)?;
        // Qlik's schema has the path without the slash, its example and change log with it.
        edits.push(match path.strip_prefix('/').unwrap_or(path) {
            "assignedRoles" => Edit::Roles(roles(tenant, value)?),
            field @ ("name" | "description") => {
                if !group.custom {
                    return Err(Refusal::bad(format!("only a custom group's {field} can be changed")));
                }
                if field == "name" { Edit::Name(name(value)?) } else { Edit::Description(description(value)?) }
            }
            other => return Err(Refusal::bad(format!("cannot patch “{other}”"))),
        });
    }
    for edit in &edits {
        if let Edit::Name(name) = edit
            && tenant.group_named(name).is_some_and(|other| other.id != id)
        {
            return Err(conflict());
        }
    }
    // All is well, so all of it is done.
    tenant.edit_group(id, by, call.now, |group| {
        for edit in edits {
            match edit {
                Edit::Roles(roles) => group.roles = roles,
                Edit::Name(name) => group.name = name,
                Edit::Description(text) => group.description = Some(text),
            }
        }
    });
    Ok(Reply::empty(204))
}

pub(crate) fn delete(tenant: &mut Tenant, call: &Call<'_>, id: &str, by: &str) -> Result<Reply, Refusal> {
    if id == EVERYONE_ID {
        return Err(Refusal::new(403, "GROUPS-403", "System groups cannot be deleted"));
    }
    if tenant.delete_group(id, by, call.now) { Ok(Reply::empty(204)) } else { Err(unknown()) }
}

pub(crate) fn patch_settings(tenant: &mut Tenant, call: &Call<'_>, by: &str) -> Result<Reply, Refusal> {
    enum Edit {
        AutoCreate(bool),
        Sync(bool),
        Everyone(Vec<String>),
    }
    let body = call.body()?;
    let operations = body.as_array().ok_or_else(|| Refusal::bad("a patch is a list of operations"))?;
    let mut edits = Vec::with_capacity(operations.len());
    let everyone_roles = format!("/systemGroups/{EVERYONE_ID}/assignedRoles");
    for value in operations {
        let (path, value) = operation(value)?;
        let flag = || value.as_bool().ok_or_else(|| Refusal::bad("the value is true or false"));
        edits.push(match path {
            "/autoCreateGroups" => Edit::AutoCreate(flag()?),
            "/syncIdpGroups" => Edit::Sync(flag()?),
            path if path == everyone_roles => Edit::Everyone(roles(tenant, value)?),
            other => return Err(Refusal::bad(format!("cannot patch “{other}”"))),
        });
    }
    for edit in edits {
        match edit {
            Edit::AutoCreate(flag) => tenant.auto_create_groups = flag,
            Edit::Sync(flag) => tenant.sync_idp_groups = flag,
            Edit::Everyone(roles) => {
                tenant.edit_group(EVERYONE_ID, by, call.now, |group| group.roles = roles);
            }
        }
    }
    Ok(Reply::empty(204))
}
