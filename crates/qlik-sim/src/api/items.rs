//! The items service, as far as names of apps need it.

use std::collections::HashSet;

use serde_json::json;

use super::Call;
use crate::clock::iso;
use crate::listing::{self, CursorStyle, Spec};
use crate::reply::{Refusal, Reply};
use crate::scim::Record;
use crate::tenant::{App, Collection, Tenant};

const ITEMS: Spec = Spec {
    path: "/items",
    style: CursorStyle::NextPrev,
    limit: (10, 100),
    attributes: &[],
    sorts: &["name"],
    default_sort: None,
    totals: false,
    links_self: true,
};

impl Record for App {
    fn values(&self, attribute: &'static str) -> Vec<String> {
        if attribute == "name" { vec![self.name.clone()] } else { vec![] }
    }
}

pub(crate) fn list(tenant: &Tenant, call: &Call<'_>) -> Result<Reply, Refusal> {
    let params = call.params()?;
    let request = listing::read(&params, &ITEMS, call.now, None)?;
    let wanted: Option<HashSet<&str>> = params.get("resourceIds").map(|ids| ids.split(',').collect());
    let apps_wanted = params.get("resourceType").is_none_or(|kind| kind == "app");
    let mut apps = Collection::default();
    for app in &tenant.apps {
        apps.push(app.clone());
    }
    let stamp = iso(call.now);
    let owner = params.get("ownerId");
    let keep = |app: &App| {
        apps_wanted
            && owner.is_none_or(|owner| app.owner == owner)
            && wanted.as_ref().is_none_or(|ids| ids.contains(app.id.as_str()))
    };
    let page = listing::page(&mut apps, &request, &ITEMS, call.link_base, call.now, keep, |app| {
        json!({
            "id": format!("item-{}", app.id),
            "name": app.name,
            "resourceId": app.id,
            "resourceType": "app",
            "tenantId": &*tenant.id,
            "ownerId": app.owner,
            "actions": [],
            "collectionIds": [],
            "isFavorited": false,
            "resourceAttributes": {},
            "resourceCustomAttributes": {},
            "meta": { "actions": [], "collections": [], "isFavorited": false, "tags": [] },
            "resourceSize": {},
            "createdAt": stamp,
            "updatedAt": stamp,
            "resourceCreatedAt": stamp,
            "resourceUpdatedAt": stamp,
            "links": { "self": { "href": format!("{}/api/v1/items/item-{}", call.base, app.id) }, "open": { "href": format!("{}/sense/app/{}", call.base, app.id) } },
        })
    });
    Ok(Reply::json(200, page))
}
