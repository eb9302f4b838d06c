//! The ways out of a shortage: what a plan's page offers, and the plan drawn up again with one of them.

use domain::plan::{Intent, Order, Plan, PlannedChange, Remedy, draw_up, shortages};
use domain::table::Day;
use domain::text::sentence;
use engine::clock::day;
use engine::readings::{LastUse, Latest, Snapshot};
use storage::Origin;

use super::service::{FRESH_MS, explained, find, job_of, lead_to};
use super::view::{WayOut, WaysOut, Without};
use crate::error::{AppError, ErrorKind};
use crate::features::shared::WAIT;
use crate::server::access::{Access, Operator, Role, Viewer};
use crate::server::lead::Lead;

fn found<R: Role>(access: &Access<R>, plan: &Plan, snapshot: &Snapshot) -> Vec<domain::plan::Shortage> {
    let Some(today) = Day::parse(&day(access.now())) else { return Vec::new() };
    shortages(plan, &snapshot.inventory, &snapshot.table, today)
}

/// What can be done about each shortage of a plan; nothing where none was foreseen.
pub async fn offered(access: &Access<Viewer>, plan: &Plan) -> Vec<WaysOut> {
    if !plan.warnings.iter().any(domain::plan::Warning::is_grave) {
        return Vec::new();
    }
    let source = access.source();
    let Latest::Ready(snapshot, _) = access.state.engine.readings.get(&source, WAIT).await else { return Vec::new() };
    let reading = access.state.engine.readings.last_use(&source) == LastUse::Reading;
    found(access, plan, &snapshot)
        .into_iter()
        .map(|shortage| WaysOut {
            ways: shortage
                .remedies
                .iter()
                .map(|remedy| WayOut {
                    key: remedy.key(),
                    label: remedy.label(shortage.short, &shortage.allotment),
                    why: remedy.explained(&snapshot.inventory),
                })
                .collect(),
            without: Order::ALL
                .into_iter()
                .filter_map(|order| {
                    let places = plan.without_seat(&shortage.allotment, order, &snapshot.table)?;
                    let named = |at: Option<&usize>| at.and_then(|at| plan.changes.get(*at)).map(who).unwrap_or_default();
                    Some(Without { word: order.word().to_owned(), first: named(places.first()), last: named(places.last()) })
                })
                .collect(),
            allotment: shortage.allotment.to_string(),
            reading,
        })
        .collect()
}

/// What a person in a plan is called.
fn who(planned: &PlannedChange) -> String {
    if planned.name.is_empty() { planned.change.target() } else { planned.name.clone() }
}

/// Draws the plan up again with a remedy and leads to it. The plan as it was stays.
pub async fn apply(
    access: &Access<Operator>,
    id: &str,
    allotment: &str,
    key: &str,
    order: Option<Order>,
) -> Result<Lead, AppError> {
    let row = find(access, id).await?;
    if job_of(access, id).await?.is_some() {
        return Err(AppError::new(
            ErrorKind::Conflict,
            "This plan has already been applied",
            "See its job for rows without a seat; you can retry them.",
        ));
    }
    let snapshot = access.at_most(FRESH_MS).await?;
    let again = |title: String, changes| {
        draw_up(&snapshot.inventory, Intent::Exactly { title, changes, restores: row.plan.restores })
            .map_err(|error| AppError::invalid("The plan is out of date", sentence(&error.to_string())))
    };
    let as_it_is = again(row.plan.title.clone(), row.plan.changes.iter().map(|planned| planned.change.clone()).collect())?;
    let shortage = found(access, &as_it_is, &snapshot).into_iter().find(|shortage| shortage.allotment.as_str() == allotment);
    let remedy =
        shortage.and_then(|found| found.remedies.into_iter().find(|remedy| remedy.key() == key).zip(Some(found.allotment)));
    let Some((remedy, allotment)) = remedy else {
        if as_it_is.seats == row.plan.seats {
            return Err(AppError::invalid("That option is no longer available", "See the plan's page for the current options."));
        }
        // Seats came or went since: the plan as it would be now has its own ways out, if it needs any.
        return lead_to(access, again_as(&row.plan, as_it_is), snapshot.as_of, Origin::Replaces(id.to_owned())).await;
    };
    let without = match order {
        Some(order) => as_it_is.without_seat(&allotment, order, &snapshot.table).ok_or_else(|| {
            AppError::new(
                ErrorKind::Conflict,
                "Unknown who is least active",
                "Consumption is not loaded. Reload the plan and choose who goes without a seat.",
            )
        })?,
        None => {
            Order::ALL.into_iter().find_map(|order| as_it_is.without_seat(&allotment, order, &snapshot.table)).unwrap_or_default()
        }
    };
    let (changes, left_out) = as_it_is.remedied(&allotment, &remedy, &without);
    let mut plan = again(titled(&row.plan.title, &remedy), changes)?;
    plan.unchanged.extend(as_it_is.unchanged.into_iter().chain(left_out));
    remedy.explain(&mut plan);
    plan = again_as(&row.plan, plan);
    plan = explained(plan, &snapshot, format!("no seat of {}", allotment.label())).await?;
    lead_to(access, plan, snapshot.as_of, Origin::Remedies(id.to_owned())).await
}

/// What a plan that was drawn up again keeps of the one before.
pub(super) fn again_as(before: &Plan, mut now: Plan) -> Plan {
    now.removes_the_rest = before.removes_the_rest;
    now.offers.clone_from(&before.offers);
    now.keep_reasons(before);
    now.unchanged.extend(before.unchanged.iter().cloned());
    now
}

/// A plan that does something else besides says so.
fn titled(title: &str, remedy: &Remedy) -> String {
    let besides = match remedy {
        Remedy::Another(name) => format!(", {} when out of seats", name.label()),
        Remedy::RemoveFirst(_) => ", after removing idle licenses".to_owned(),
        Remedy::LeaveOut => String::new(),
    };
    if title.contains(&besides) { title.to_owned() } else { format!("{title}{besides}") }
}
