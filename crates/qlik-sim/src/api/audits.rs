//! The audits service: what was done in the tenant, the newest first.

use serde_json::{Value, json};

use super::Call;
use crate::clock::parse_iso;
use crate::listing::{self, CursorStyle, Spec};
use crate::reply::{Refusal, Reply};
use crate::tenant::{Audit, KINDS, SOURCES, Tenant};

const AUDITS: Spec = Spec {
    path: "/audits",
    style: CursorStyle::NextPrev,
    limit: (10, 100),
    attributes: &[],
    sorts: &["source", "eventType", "eventTime"],
    default_sort: Some("-eventTime"),
    totals: false,
    links_self: true,
};

/// The instants of `start/end`.
fn interval(text: &str) -> Option<(i64, i64)> {
    let (start, end) = text.split_once('/')?;
    Some((parse_iso(start)?, parse_iso(end)?))
}

pub(crate) fn list(tenant: &mut Tenant, call: &Call<'_>) -> Result<Reply, Refusal> {
    let params = call.params()?;
    if params.get("filter").is_some() {
        return Err(Refusal::bad("audits are searched by eventType, eventTime, source, userId and id"));
    }
    let time = params
        .get("eventTime")
        .map(|text| interval(text).ok_or_else(|| Refusal::bad("eventTime is an interval of two times, start/end")))
        .transpose()?;
    let request = listing::read(&params, &AUDITS, call.now, None)?;
    let is = |name: &str, value: &str| params.get(name).is_none_or(|wanted| wanted == value);
    let keep = |audit: &Audit| {
        audit.is_listed(call.now)
            && is("eventType", audit.kind)
            && is("source", audit.source())
            && is("userId", &audit.by)
            && time.is_none_or(|(start, end)| (start..=end).contains(&audit.at))
    };
    let id = tenant.id.clone();
    let render = |(number, audit): (u64, &Audit)| audit.json(number, &id, call.base);
    let page = listing::page_numbered(&mut tenant.audits, &request, &AUDITS, call.link_base, call.now, keep, render);
    Ok(Reply::json(200, page))
}

/// The list of types or of sources.
pub(crate) fn names(call: &Call<'_>, what: &str) -> Reply {
    let names: &[&str] = if what == "types" { KINDS } else { SOURCES };
    let this = format!("{}/audits/{what}", call.link_base);
    Reply::json(200, json!({ "data": names, "links": { "self": { "href": this } } }))
}

pub(crate) fn get(tenant: &Tenant, call: &Call<'_>, id: &str) -> Result<Reply, Refusal> {
    let number = id.get(..8).and_then(|digits| u64::from_str_radix(digits, 16).ok());
    let found = number.and_then(|number| Some((number, tenant.audits.items.get(&number)?)));
    let json =
        found.filter(|(_, audit)| audit.is_listed(call.now)).map(|(number, audit)| audit.json(number, &tenant.id, call.base));
    json.filter(|json| json.get("id").and_then(Value::as_str) == Some(id))
        .map(|json| Reply::json(200, json))
        .ok_or_else(Refusal::not_found)
}
