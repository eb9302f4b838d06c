//! The roles service.

use serde_json::{Value, json};

use super::Call;
use crate::clock::iso;
use crate::listing::{self, CursorStyle, Spec};
use crate::reply::{Refusal, Reply};
use crate::scim::Kind;
use crate::tenant::{Role, Tenant};

const ROLES: Spec = Spec {
    path: "/roles",
    style: CursorStyle::NextPrev,
    limit: (20, 100),
    attributes: &[
        ("id", Kind::Text),
        ("name", Kind::Text),
        ("type", Kind::Text),
        ("level", Kind::Text),
        ("description", Kind::Text),
        ("permissions", Kind::Text),
        ("createdAt", Kind::Time),
        ("lastUpdatedAt", Kind::Time),
    ],
    sorts: &["id", "name", "type", "level", "createdAt", "lastUpdatedAt"],
    default_sort: None,
    totals: true,
    links_self: true,
};

fn render(role: &Role, tenant_id: &str, base: &str) -> Value {
    let mut json = json!({
        "id": role.id,
        "tenantId": tenant_id,
        "name": role.name,
        "type": role.kind(),
        "level": role.level(),
        "description": role.description,
        "permissions": role.permissions,
        "assignedScopes": [],
        "canEdit": role.custom,
        "canDelete": role.custom,
        "fullUser": role.full_user,
        "createdAt": iso(role.created),
        "lastUpdatedAt": iso(role.updated),
        "links": { "self": { "href": format!("{base}/api/v1/roles/{}", role.id) } },
    });
    if role.full_user
        && let Some(json) = json.as_object_mut()
    {
        json.insert("userEntitlementType".to_owned(), json!("fullUser"));
    }
    json
}

pub(crate) fn list(tenant: &mut Tenant, call: &Call<'_>) -> Result<Reply, Refusal> {
    let request = listing::read(&call.params()?, &ROLES, call.now, None)?;
    let id = tenant.id.clone();
    let page = listing::page(
        &mut tenant.roles,
        &request,
        &ROLES,
        call.link_base,
        call.now,
        |_| true,
        |role| render(role, &id, call.base),
    );
    Ok(Reply::json(200, page))
}

pub(crate) fn get(tenant: &Tenant, call: &Call<'_>, id: &str) -> Result<Reply, Refusal> {
    let role = tenant.role(id).ok_or_else(|| Refusal::new(404, "IDENTITIES-10404", "Role not found"))?;
    Ok(Reply::json(200, render(role, &tenant.id, call.base)))
}
