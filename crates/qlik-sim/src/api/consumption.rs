//! The list of consumption: who used which app, by when they stopped.

use serde_json::Value;

use super::Call;
use crate::listing::{self, CursorStyle, Spec};
use crate::reply::{Refusal, Reply};
use crate::scim::{Filter, Kind, Op, Value as Wanted};
use crate::tenant::Tenant;
use crate::usage::{DAY, Edge};

const CONSUMPTION: Spec = Spec {
    path: "/licenses/consumption",
    style: CursorStyle::Page,
    limit: (200, 200),
    attributes: &[("endTime", Kind::Time)],
    sorts: &["endTime"],
    default_sort: None,
    totals: false,
    links_self: false,
};

/// The first and the last day that a filter lets through, as far as it says so in a plain way.
fn days(filter: &Filter) -> (i64, i64) {
    let all = (i64::MIN, i64::MAX);
    match filter {
        Filter::And(one, other) => {
            let (one, other) = (days(one), days(other));
            (one.0.max(other.0), one.1.min(other.1))
        }
        Filter::Test { op, value: Wanted::Time(at), .. } => match op {
            Op::Ge | Op::Gt => (at.div_euclid(DAY), i64::MAX),
            Op::Lt | Op::Le => (i64::MIN, at.div_euclid(DAY)),
            Op::Eq => (at.div_euclid(DAY), at.div_euclid(DAY)),
            _ => all,
        },
        _ => all,
    }
}

fn edge(request: &listing::Request) -> Option<Edge> {
    let cursor = request.cursor()?;
    Some((cursor.key.parse().ok()?, cursor.seq))
}

pub(crate) fn list(tenant: &mut Tenant, call: &Call<'_>) -> Result<Reply, Refusal> {
    let params = call.params()?;
    let request = listing::read(&params, &CONSUMPTION, call.now, None)?;
    let knobs = &tenant.usage.knobs;
    if !knobs.sort && params.get("sort").is_some() {
        return Err(Refusal::bad("consumption cannot be sorted"));
    }
    if knobs.ge_only && request.filter().is_some_and(|filter| !matches!(filter, Filter::Test { op: Op::Ge, .. })) {
        return Err(Refusal::bad("consumption is filtered by endTime ge alone"));
    }
    let repeat = knobs.repeat.min(request.limit().saturating_sub(1));
    let (descending, back) = (request.is_descending(), request.is_back());
    // Walking down a descending list is walking up the ascending one.
    let upwards = back == descending;
    let within = request.filter().map_or((i64::MIN, i64::MAX), days);
    let (at, apps) = (edge(&request), tenant.apps.clone());
    let mut found: Vec<(String, u64, Value)> = Vec::with_capacity(request.limit() + 1);
    if repeat > 0 && at.is_some() {
        // The first rows are the last ones of the page before: the one at the edge, and those before it.
        let (end, order) = at.unwrap_or_default();
        let beside = if upwards { (end, order + 1) } else { (end, order.saturating_sub(1)) };
        tenant.usage.walk(call.now, Some(beside), !upwards, within, |(end, order), listed| {
            if request.filter().is_none_or(|filter| filter.passes(&listed)) {
                found.push((end.to_string(), order, listed.json(&apps)));
            }
            found.len() < repeat
        });
        found.reverse();
    }
    let limit = request.limit();
    tenant.usage.walk(call.now, at, upwards, within, |(end, order), listed| {
        if request.filter().is_none_or(|filter| filter.passes(&listed)) {
            found.push((end.to_string(), order, listed.json(&apps)));
        }
        found.len() <= limit
    });
    Ok(Reply::json(200, listing::sheet(found, &request, &CONSUMPTION, call.link_base, call.now)))
}
