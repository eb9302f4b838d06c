//! Reads the overview out of a snapshot.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::allotment::{Allotment, Seats};
use domain::gauge::{self, Tone};
use domain::inventory::{Part, RoleId};
use domain::table::{Day, Rows as _};
use domain::text::{count, thousands, whole};
use domain::ties::NotVisible;
use domain::trend::{self, Trend};
use engine::clock::{day, day_of, days_left, month};
use engine::readings::{LastUse, Snapshot};
use storage::{PlanSummary, SeatDay};

use super::view::{Attention, Course, Idle, LicenseFacts, Overview, Right, Since};
use crate::error::AppError;
use crate::features::assignments::view_of;
use crate::features::history::{OffBaseline, off_baseline};
use crate::features::jobs::{JobLine, recent};
use crate::features::shared::{Loaded, look};
use crate::features::ties::standing;
use crate::server::access::{Access, Viewer};
use crate::server::config::{Prices, Thresholds};
use crate::ui::query::escape;

/// So many of the newest jobs and plans are looked through for what happened since the last visit.
const JOBS: i64 = 50;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

pub async fn overview(access: &Access<Viewer>) -> Result<Loaded<Overview>, AppError> {
    let (store, tenant, now) = (&access.state.engine.store, &access.tenant.id, access.now());
    let jobs = recent(access, JOBS).await?;
    let before = store.visit(tenant, &access.actor.principal, now).await?;
    let today = day_of(now);
    let days = store.seat_days(tenant, day_of(now - trend::DAYS * DAY_MS)).await?;
    let plans = store.plans(tenant, JOBS).await?;
    let last_use = access.state.engine.readings.last_use(&access.source());
    let use_known = last_use == LastUse::Known;
    let recent = jobs.iter().take(3).cloned().collect();
    let config = &access.state.config;
    let thresholds = config.thresholds;
    let loaded = look(access, Arc::clone).await?;
    let (tied, baseline) = match &loaded {
        Loaded::Ready(snapshot, _) => (standing(access, snapshot).await?, off_baseline(access, snapshot).await),
        Loaded::Reading(..) => (None, OffBaseline::Undeclared),
    };
    let shown = |snapshot: &Snapshot| Overview {
        alarm: alarm(snapshot),
        since: before.map(|before| since(snapshot, &days, &jobs, &plans, before, now)),
        gauges: snapshot
            .inventory
            .allotments
            .iter()
            .map(|allotment| {
                let gauge = gauge::read(allotment, month(now), thresholds.nearly_full_percent);
                (gauge, course(allotment, &days, today, thresholds))
            })
            .collect(),
        idle: use_known.then(|| idle(snapshot, &config.prices, thresholds, now)),
        attention: attention(snapshot, thresholds, now, &baseline, tied),
        license: license(snapshot, thresholds, now),
        rights: rights(snapshot, last_use, access.qlik_user()),
        recent,
    };
    Ok(match loaded {
        Loaded::Ready(snapshot, fresh) => Loaded::Ready(Box::new(shown(&snapshot)), fresh),
        Loaded::Reading(reading, _) => Loaded::Reading(reading, None),
    })
}

/// Seats of a license type by day.
fn trend_of(allotment: &Allotment, days: &[SeatDay], today: Day) -> Trend {
    Trend::new(days.iter().filter(|seats| seats.allotment == allotment.name).map(|seats| (seats.day, seats.used)), today)
}

fn course(allotment: &Allotment, days: &[SeatDay], today: Day, thresholds: Thresholds) -> Course {
    let trend = trend_of(allotment, days, today);
    // A pool of minutes begins anew each month: its days are no line.
    let free = allotment.takes_assignments().then(|| allotment.seats().free(allotment.used)).flatten();
    let full_in = free.and_then(|free| trend.full_in(free));
    Course { soon: full_in.is_some_and(|days| days <= i64::from(thresholds.soon_days)), full_in, trend }
}

/// What happened since somebody's last visit ended.
fn since(snapshot: &Snapshot, days: &[SeatDay], jobs: &[JobLine], plans: &[PlanSummary], before: i64, now: i64) -> Since {
    let mut lines = Vec::new();
    let today = day_of(now);
    let ago = today.since(day_of(before));
    for allotment in snapshot.inventory.allotments.iter().filter(|allotment| allotment.takes_assignments() && ago > 0) {
        let Some(used) = trend_of(allotment, days, today).used(ago) else { continue };
        let (more, label) = (allotment.used - used, allotment.name.label());
        if more != 0 {
            let sign = if more > 0 { "+" } else { "−" };
            let path = format!("assignments?allotment={}", escape(allotment.name.as_str()));
            lines.push((format!("{sign}{} {label}", thousands(more.abs())), path));
        }
    }
    let ended: Vec<&JobLine> = jobs.iter().filter(|job| job.ended.is_some_and(|ended| ended > before)).collect();
    if !ended.is_empty() {
        let errors = ended.iter().filter(|job| job.tally.failed() > 0).count();
        let with = if errors > 0 { format!(", {} with errors", thousands(whole(errors))) } else { String::new() };
        lines.push((format!("{}{with}", count(whole(ended.len()), "job finished", "jobs finished")), "jobs".to_owned()));
    }
    let waiting = plans.iter().filter(|plan| plan.job.is_empty()).count();
    if waiting > 0 {
        lines.push((count(whole(waiting), "plan not applied", "plans not applied"), "plans?status=draft".to_owned()));
    }
    let minutes = (now - before) / 60_000;
    let ago = match minutes {
        ..120 => count(minutes, "minute", "minutes"),
        120..2_880 => count(minutes / 60, "hour", "hours"),
        _ => count(minutes / 1_440, "day", "days"),
    };
    Since { ago, lines }
}

/// Seats of people who did not use Qlik for so long, and had their license for as long.
fn idle(snapshot: &Snapshot, prices: &Prices, thresholds: Thresholds, now: i64) -> Vec<Idle> {
    let days = thresholds.idle_days;
    let since = day(now - i64::from(days) * DAY_MS);
    let idle = |allotment: &Allotment| {
        let query = format!("allotment={}&used=over-{days}&to={since}&sort=used", escape(allotment.name.as_str()));
        let rows = whole(snapshot.table.matching(&view_of(&query).filter).len());
        let cost = prices.of(&allotment.name).map_or_else(String::new, |price| {
            format!("{} {} a month", thousands(rows.saturating_mul(i64::from(price))), prices.currency)
        });
        let text = format!("{} {} unused for {days} days", thousands(rows), allotment.name.label());
        (rows > 0).then(|| Idle { text, cost, path: format!("assignments?{query}") })
    };
    snapshot.inventory.allotments.iter().filter(|allotment| allotment.takes_assignments()).filter_map(idle).collect()
}

/// What the key of a session can do, as far as reading the tenant has shown: `user` is the key's own user.
fn rights(snapshot: &Snapshot, last_use: LastUse, user: &str) -> Vec<Right> {
    let inventory = &snapshot.inventory;
    let right = |what: &str, can: Option<bool>, why: &str| Right {
        what: what.to_owned(),
        can,
        why: if can == Some(true) { String::new() } else { why.to_owned() },
    };
    let seen = |what: &str, part: Part| match part {
        Part::Whole | Part::Short { .. } => right(what, Some(true), ""),
        Part::Hidden => right(what, Some(false), "Qlik refuses it"),
        Part::Unread => right(what, None, "not loaded"),
    };
    let coverage = &inventory.coverage;
    let roles_hidden = inventory.groups.iter().any(|group| group.roles.is_none());
    let usage = match last_use {
        LastUse::Known => right("read consumption", Some(true), ""),
        LastUse::Closed => right("read consumption", Some(false), "Qlik refuses it"),
        LastUse::Reading => right("read consumption", None, "still loading"),
        LastUse::Failed => right("read consumption", None, "Qlik did not respond"),
    };
    let admin: Vec<&RoleId> =
        inventory.roles.iter().filter(|role| role.name == "TenantAdmin" && !role.custom).map(|role| &role.id).collect();
    let own = inventory.people.iter().find(|person| person.id.as_str() == user);
    let has = |roles: Option<&BTreeSet<RoleId>>| roles.is_some_and(|roles| admin.iter().any(|id| roles.contains(*id)));
    let by_group = own.is_some_and(|own| {
        own.groups.iter().flatten().filter_map(|id| inventory.group(id)).any(|group| has(group.roles.as_ref()))
    });
    let is_admin = own.is_some_and(|own| has(own.roles.as_ref())) || by_group;
    let whole = own.is_some_and(|own| own.roles.is_some() && own.groups.is_some()) && !roles_hidden && !admin.is_empty();
    let change = match (is_admin, whole) {
        (true, _) => right("change licenses and group roles", Some(true), ""),
        (false, true) => right("change licenses and group roles", Some(false), "its user is not a Tenant Admin"),
        (false, false) => right("change licenses and group roles", None, "the roles of its user are not visible with this key"),
    };
    vec![
        change,
        seen("see who has a license", coverage.licenses),
        seen("see users and their groups", coverage.people),
        if roles_hidden {
            right("see the roles of groups", Some(false), "Qlik leaves them out")
        } else {
            seen("see the roles of groups", coverage.groups)
        },
        usage,
    ]
}

/// What makes the tenant unusable, in a sentence.
fn alarm(snapshot: &Snapshot) -> Option<String> {
    let license = &snapshot.license;
    if license.status.as_ref().is_some_and(|status| status.deactivated) {
        return Some(
            "This tenant is deactivated. No one can sign in, and licenses cannot be changed, until Qlik reactivates it."
                .to_owned(),
        );
    }
    match license.word() {
        "Missing" => {
            Some("This tenant has no license. Add one in the Qlik console. Until then, nothing can be assigned.".to_owned())
        }
        "Expired" => {
            Some("The license has expired. Users are losing access. Renew with Qlik before changing assignments.".to_owned())
        }
        "Blacklisted" => {
            Some("Qlik has blacklisted this license. Contact Qlik. Until it is cleared, no one gets access.".to_owned())
        }
        _ if license.overview.is_none() => Some(
            "Qlik finds no license for this tenant. Add one in the Qlik console. Until then, nothing can be assigned.".to_owned(),
        ),
        _ => None,
    }
}

fn attention(
    snapshot: &Snapshot,
    thresholds: Thresholds,
    now: i64,
    baseline: &OffBaseline,
    tied: Option<Result<(u64, u64), NotVisible>>,
) -> Vec<Attention> {
    let inventory = &snapshot.inventory;
    let item = |tone, text: String, path: &str, go: &str| Attention { tone, text, path: path.to_owned(), go: go.to_owned() };
    let mut list = Vec::new();
    // What was not read cannot be said to need nothing.
    for sentence in inventory.coverage.sentences() {
        list.push(item(Tone::Warn, sentence.trim_end_matches('.').to_owned(), "", ""));
    }
    for allotment in &inventory.allotments {
        let label = allotment.name.label();
        let path = format!("assignments?allotment={}&flag=excess", escape(allotment.name.as_str()));
        let excess = snapshot.table.rows().filter(|row| row.excess() && row.allotment() == Some(&allotment.name)).count();
        if excess > 0 {
            let (assignments, verb) = if excess == 1 { ("assignment", "exceeds") } else { ("assignments", "exceed") };
            list.push(item(
                Tone::Bad,
                format!("{} {label} {assignments} {verb} the purchased seats", thousands(whole(excess))),
                &path,
                "Review",
            ));
        }
        if gauge::nearly_full(allotment, thresholds.nearly_full_percent) {
            let free = allotment.seats().free(allotment.used).unwrap_or(0);
            let here = format!("assignments?allotment={}", escape(allotment.name.as_str()));
            let text = if free > 0 {
                format!("{label}: {} of {} seats left", thousands(free), thousands(allotment.units + allotment.overage.max(0)))
            } else {
                format!("{label} has no seats left")
            };
            list.push(item(Tone::Warn, text, &here, "View holders"));
        }
    }
    if let Some(days) = snapshot.license.ends().and_then(|end| days_left(now, end)) {
        if days < 0 {
            list.push(item(Tone::Bad, format!("The license expired {} ago", count(-days, "day", "days")), "", ""));
        } else if days <= i64::from(thresholds.soon_days) {
            list.push(item(Tone::Warn, format!("The license expires in {}", count(days, "day", "days")), "", ""));
        }
    }
    let orphans = snapshot.table.rows().filter(|row| row.orphan()).count();
    if orphans > 0 {
        let text = format!(
            "{} assigned to subjects that are not users of this tenant",
            count(whole(orphans), "license is", "licenses are")
        );
        list.push(item(Tone::Warn, text, "assignments?flag=orphan", "Review"));
    }
    // What is counted is what the link shows: the same filter, of the same table.
    let shut_out = "license=any&status=disabled,deleted";
    let held = snapshot.table.matching(&view_of(shut_out).filter).len();
    if held > 0 {
        let text = format!("{} assigned to disabled or deleted users", count(whole(held), "license is", "licenses are"));
        list.push(item(Tone::Plain, text, &format!("assignments?{shut_out}"), "Review"));
    }
    for allotment in inventory.allotments.iter().filter(|allotment| allotment.takes_assignments() && allotment.in_overage() > 0) {
        let label = allotment.name.label();
        let limit = match allotment.seats() {
            Seats::Unbounded => "no limit".to_owned(),
            Seats::Bounded(_) => format!("limit {}", thousands(allotment.overage.max(0))),
        };
        let text = format!(
            "{label}: {} in overage ({limit}), which may be billed",
            count(allotment.in_overage(), "seat is", "seats are")
        );
        // Overage is no mark on anybody; whoever came last is looked at first.
        let here = format!("assignments?allotment={}&sort=-since", escape(allotment.name.as_str()));
        list.push(item(Tone::Warn, text, &here, "View newest holders"));
    }
    match baseline {
        OffBaseline::Undeclared | OffBaseline::Differ(_, 0) => {}
        OffBaseline::Unreadable => {
            list.push(item(Tone::Warn, "The baseline of groups cannot be read".to_owned(), "groups/history", "Review"));
        }
        OffBaseline::NotVisible(day) => {
            let text = format!("What differs from the baseline of {day} is not visible with this key");
            list.push(item(Tone::Plain, text, "groups/history", "Review"));
        }
        OffBaseline::Differ(day, differing) => {
            let verb = if *differing == 1 { "differs" } else { "differ" };
            let text = format!("{} {verb} from the baseline of {day}", count(whole(*differing), "group", "groups"));
            list.push(item(Tone::Warn, text, "groups/history?from=baseline", "Review"));
        }
    }
    if let Some(Err(NotVisible)) = tied {
        let text = "Who lacks the license of their group is not visible with this key".to_owned();
        list.push(item(Tone::Plain, text, "groups/licenses", "Review"));
    }
    if let Some(Ok((lacking, left))) = tied {
        if lacking > 0 {
            let text = count(whole(lacking), "person lacks", "people lack");
            list.push(item(Tone::Warn, format!("{text} the license of their group"), "groups/licenses", "Review"));
        }
        if left > 0 {
            let text = count(whole(left), "person holds", "people hold");
            list.push(item(Tone::Plain, format!("{text} the license of a group that they left"), "groups/licenses", "Review"));
        }
    }
    list.sort_by_key(|item| match item.tone {
        Tone::Bad => 0,
        Tone::Warn => 1,
        Tone::Plain => 2,
    });
    list
}

fn grouped(number: &str) -> String {
    let chars: Vec<char> = number.chars().collect();
    chars.chunks(4).map(|chunk| chunk.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

fn license(snapshot: &Snapshot, thresholds: Thresholds, now: i64) -> LicenseFacts {
    let (overview, status) = (snapshot.license.overview.as_ref(), snapshot.license.status.as_ref());
    let word = snapshot.license.word().to_owned();
    let mut facts = Vec::new();
    let mut fact = |name: &str, value: String| {
        if !value.is_empty() {
            facts.push((name.to_owned(), value));
        }
    };
    let product = overview.map(|overview| overview.product.clone()).or(status.map(|status| status.product.clone()));
    fact("Product", product.unwrap_or_default());
    fact("Valid", snapshot.license.valid().replace('/', " to "));
    if let Some(status) = status {
        fact("Type", format!("{}, {}", status.kind, if status.trial { "trial" } else { "not a trial" }));
    }
    if let Some(overview) = overview {
        fact("Number", grouped(&overview.number));
        fact("Key", format!("{} (masked)", overview.masked_key));
        fact("Last changed", overview.updated.get(..10).unwrap_or_default().to_owned());
    }
    let word_of = |on: Option<bool>| match on {
        Some(true) => "on",
        Some(false) => "off",
        None => "unknown",
    };
    let auto = snapshot.inventory.auto_assign;
    fact("Auto-assign", format!("Professional {}, Analyzer {}", word_of(auto.professional), word_of(auto.analyzer)));
    let parameters = overview.map(|overview| {
        overview
            .parameters
            .iter()
            .map(|(name, valid)| {
                let valid = if valid == "./." {
                    "no end date".to_owned()
                } else {
                    valid.replace("./", "until ").replace("/.", " on").replace('/', " to ")
                };
                format!("{name}, {valid}")
            })
            .collect()
    });
    let days_left = snapshot.license.ends().and_then(|end| days_left(now, end));
    LicenseFacts {
        soon: days_left.is_some_and(|days| days <= i64::from(thresholds.soon_days)),
        tone: if word == "Ok" { Tone::Plain } else { Tone::Bad },
        status: word,
        facts,
        days_left,
        parameters: parameters.unwrap_or_default(),
    }
}
