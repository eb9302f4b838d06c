//! The users service.

use serde_json::{Value, json};

use super::Call;
use crate::clock::iso;
use crate::listing::{self, CursorStyle, Params, Spec};
use crate::reply::{Refusal, Reply};
use crate::scim::Kind;
use crate::tenant::{Tenant, User};

const USERS: Spec = Spec {
    path: "/users",
    style: CursorStyle::NextPrev,
    limit: (20, 100),
    attributes: &[
        ("id", Kind::Text),
        ("subject", Kind::Text),
        ("name", Kind::Text),
        ("email", Kind::Text),
        ("status", Kind::Text),
        ("clientId", Kind::Text),
        ("assignedRoles.id", Kind::Text),
        ("assignedGroups.id", Kind::Text),
        ("createdAt", Kind::Time),
    ],
    sorts: &["name", "_id", "id", "tenantId", "clientId", "status", "subject", "email", "inviteExpiry", "createdAt"],
    default_sort: Some("name"),
    totals: true,
    links_self: true,
};

const FILTERED: Spec = Spec { path: "/users/actions/filter", sorts: &["name"], ..USERS };

fn render(user: &User, tenant: &Tenant, base: &str, fields: Option<&[&str]>) -> Value {
    let groups: Vec<Value> = user
        .groups
        .iter()
        .filter_map(|id| tenant.group(id))
        .map(|group| json!({ "id": group.id, "name": group.name, "providerType": group.provider() }))
        .collect();
    let mut json = json!({
        "id": user.id,
        "tenantId": &*user.tenant,
        "subject": user.subject,
        "name": user.name,
        "status": user.status,
        "assignedRoles": tenant.role_references(&user.roles),
        "assignedGroups": groups,
        "createdAt": iso(user.created),
        "lastUpdatedAt": iso(user.updated),
        "links": { "self": { "href": format!("{base}/api/v1/users/{}", user.id) } },
    });
    if let Some(json) = json.as_object_mut() {
        if let Some(email) = &user.email {
            json.insert("email".to_owned(), json!(email));
        }
        if let Some(client) = &user.client_id {
            json.insert("clientId".to_owned(), json!(client));
        }
        if let Some(expiry) = user.invite_expiry {
            json.insert("inviteExpiry".to_owned(), json!(expiry));
        }
        if let Some(fields) = fields {
            json.retain(|key, _| fields.contains(&key.as_str()));
        }
    }
    json
}

fn cut(tenant: &mut Tenant, call: &Call<'_>, spec: &Spec, filter: Option<&str>) -> Result<Reply, Refusal> {
    let params = call.params()?;
    let request = listing::read(&params, spec, call.now, filter)?;
    let fields = fields(&params);
    let mut users = std::mem::take(&mut tenant.users);
    let page = listing::page(
        &mut users,
        &request,
        spec,
        call.link_base,
        call.now,
        |_| true,
        |user| render(user, tenant, call.base, fields.as_deref()),
    );
    tenant.users = users;
    Ok(Reply::json(200, page))
}

fn fields(params: &Params) -> Option<Vec<&str>> {
    params.get("fields").filter(|fields| !fields.is_empty()).map(|fields| fields.split(',').map(str::trim).collect())
}

pub(crate) fn list(tenant: &mut Tenant, call: &Call<'_>) -> Result<Reply, Refusal> {
    cut(tenant, call, &USERS, None)
}

pub(crate) fn filter(tenant: &mut Tenant, call: &Call<'_>) -> Result<Reply, Refusal> {
    let filter = super::groups::filter_body(call)?;
    cut(tenant, call, &FILTERED, filter.as_deref())
}

pub(crate) fn get(tenant: &Tenant, call: &Call<'_>, id: &str) -> Result<Reply, Refusal> {
    let params = call.params()?;
    let user = tenant.user(id).ok_or_else(|| Refusal::new(404, "USERS-10404", "User not found"))?;
    Ok(Reply::json(200, render(user, tenant, call.base, fields(&params).as_deref())))
}
