//! The part of the control surface that is about consumption: its options, what is put in, and what is true.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::parse_iso;
use crate::listing::Params;
use crate::reply::Refusal;
use crate::tenant::Tenant;
use crate::usage::{Asked, By, DAY, Usage};

/// `2026-11-03` as days since 1970.
fn day(text: &str) -> Result<i64, Refusal> {
    let at = (text.len() == 10).then(|| parse_iso(&format!("{text}T00:00:00Z"))).flatten();
    at.map(|at| at / DAY).ok_or_else(|| Refusal::bad(format!("“{text}” is no day such as 2026-11-03")))
}

fn unknown(what: &str) -> Refusal {
    Refusal::new(404, "SIM-404", format!("no such {what}"))
}

/// Reads what `/_sim/usage` is asked.
pub(super) fn asked(params: &Params) -> Result<Asked, Refusal> {
    let named = |name: &str| params.get(name).ok_or_else(|| Refusal::bad(format!("“{name}” is missing")));
    let by = match params.get("by").unwrap_or("day") {
        "day" => By::Day,
        "person" => By::Person,
        "app" => By::App,
        other => return Err(Refusal::bad(format!("by is day, person or app, not “{other}”"))),
    };
    Ok(Asked { from: day(named("from")?)?, to: day(named("to")?)?, by })
}

/// Sums of what is listed, as `/_sim/usage` answers.
pub(super) fn sums(tenant: &mut Tenant, asked: Asked, now: i64) -> Value {
    let apps = tenant.apps.clone();
    let (sums, coming) = tenant.usage.sums(asked, now, &apps);
    let rows: Vec<Value> = sums
        .into_iter()
        .map(|(key, sum)| json!({ "key": key, "visits": sum.visits, "ms": sum.ms, "charged": sum.charged }))
        .collect();
    json!({ "rows": rows, "coming": coming })
}

/// Options of the consumption.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SetKnobs {
    late: Option<bool>,
    growth_percent: Option<i64>,
    anonymous_per_day: Option<u64>,
    quiet: Option<Vec<String>>,
    /// 0 keeps everything again.
    keep_days: Option<i64>,
    filter: Option<FilterKind>,
    sort: Option<bool>,
    repeat: Option<usize>,
    capacity_word: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FilterKind {
    Scim,
    Ge,
}

impl SetKnobs {
    pub(super) fn apply(self, usage: &mut Usage) -> Result<(), Refusal> {
        let quiet = self.quiet.map(|days| days.iter().map(|text| day(text)).collect::<Result<_, _>>()).transpose()?;
        if self.growth_percent.is_some_and(|percent| !(-100..=1_000).contains(&percent)) {
            return Err(Refusal::bad("growth_percent is a number from -100 to 1000"));
        }
        let knobs = &mut usage.knobs;
        knobs.late = self.late.unwrap_or(knobs.late);
        knobs.growth_percent = self.growth_percent.unwrap_or(knobs.growth_percent);
        knobs.anonymous_per_day = self.anonymous_per_day.unwrap_or(knobs.anonymous_per_day).min(10_000);
        knobs.quiet = quiet.unwrap_or_else(|| std::mem::take(&mut knobs.quiet));
        knobs.keep_days = self.keep_days.map_or(knobs.keep_days, |days| (days > 0).then_some(days));
        knobs.ge_only = self.filter.map_or(knobs.ge_only, |kind| kind == FilterKind::Ge);
        knobs.sort = self.sort.unwrap_or(knobs.sort);
        knobs.repeat = self.repeat.unwrap_or(knobs.repeat);
        if let Some(word) = self.capacity_word {
            knobs.capacity_word = word;
        }
        usage.forget_days();
        Ok(())
    }
}

/// A user's status becomes another one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UserStatus {
    id: String,
    status: String,
}

impl UserStatus {
    pub(super) fn perform(self, tenant: &mut Tenant, now: i64) -> Result<(), Refusal> {
        const KNOWN: [&str; 5] = ["active", "invited", "disabled", "provisioned", "deleted"];
        let status = KNOWN.into_iter().find(|known| *known == self.status);
        let status = status.ok_or_else(|| Refusal::bad(format!("no such status: {}", self.status)))?;
        tenant.settle(now);
        if tenant.edit_user(&self.id, now, |user| user.status = status) { Ok(()) } else { Err(unknown("user")) }
    }
}

/// Apps of a session: how many, or which.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Apps {
    Count(usize),
    Ids(Vec<String>),
}

/// Somebody's session.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Session {
    /// The user's id, or their subject.
    user: String,
    /// In all its apps together.
    minutes: i64,
    /// When it ended; now where nothing is said.
    end: Option<String>,
    apps: Option<Apps>,
    /// How long after its end it is listed.
    arrives_s: Option<u32>,
}

impl Session {
    pub(super) fn perform(self, tenant: &mut Tenant, now: i64) -> Result<(), Refusal> {
        let end = self.end.as_deref().map(|text| parse_iso(text).ok_or_else(|| Refusal::bad("end is a time"))).transpose()?;
        if !(1..=100_000).contains(&self.minutes) {
            return Err(Refusal::bad("minutes is a number from 1 to 100000"));
        }
        let apps: Vec<u32> = match self.apps.unwrap_or(Apps::Count(1)) {
            Apps::Count(count) => (0..u32::try_from(count.clamp(1, tenant.apps.len().max(1))).unwrap_or(1)).collect(),
            Apps::Ids(ids) => ids
                .iter()
                .map(|id| {
                    let place = tenant.apps.iter().position(|app| app.id == *id);
                    place.and_then(|place| u32::try_from(place).ok()).ok_or_else(|| unknown("app"))
                })
                .collect::<Result<_, _>>()?,
        };
        if apps.is_empty() {
            return Err(Refusal::bad("apps is a number from 1, or a list of ids"));
        }
        let by_subject = tenant.user_of(&self.user).map(|user| user.id.clone());
        let user = by_subject.unwrap_or(self.user);
        tenant.settle(now);
        let arrives = i64::from(self.arrives_s.unwrap_or(0)) * 1_000;
        if !tenant.usage.act(&user, self.minutes, end.unwrap_or(now), &apps, arrives) {
            return Err(unknown("user"));
        }
        tenant.settle(now);
        Ok(())
    }
}

/// The units of an allotment become others.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SetUnits {
    name: String,
    units: i64,
    overage: Option<i64>,
}

impl SetUnits {
    pub(super) fn perform(self, tenant: &mut Tenant, now: i64) -> Result<(), Refusal> {
        if tenant.set_units(&self.name, self.units, self.overage, now) { Ok(()) } else { Err(unknown("allotment")) }
    }
}
