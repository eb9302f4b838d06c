//! What is true of the consumption, for whoever wants to check a portal by it: sums of what is listed, and the people whose use is known.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Map, Value, json};

use super::rows::{DAY, UNIT_MS};
use super::{Became, Listed, Row, Usage};
use crate::clock::{iso, parse_iso};
use crate::tenant::{App, Tenant};

/// What rows sum up to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) visits: u64,
    pub(crate) ms: i64,
    pub(crate) charged: i64,
}

/// What is summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Day,
    Person,
    App,
}

/// Days from and to, both inclusive, and by what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) by: By,
}

fn number(value: Option<&Value>, most: i64) -> Option<i64> {
    let value = value?;
    let n = value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())?;
    (0..=most).contains(&n).then_some(n)
}

/// Milliseconds of a duration: digits, or ISO 8601; 0 for what is neither, or longer than a week.
fn duration(value: Option<&Value>) -> i64 {
    const WEEK: i64 = 7 * DAY;
    let iso = |text: &str| text.parse::<jiff::SignedDuration>().ok().and_then(|span| i64::try_from(span.as_millis()).ok());
    let ms = number(value, WEEK).or_else(|| iso(value?.as_str()?));
    ms.filter(|ms| (0..=WEEK).contains(ms)).unwrap_or(0)
}

/// Capacity minutes that a row as Qlik answers it takes.
pub(super) fn charged(row: &Value) -> i64 {
    const MOST: i64 = 100_000;
    let word = row.get("licenseUsage").and_then(Value::as_str).unwrap_or_default();
    if word.eq_ignore_ascii_case("ASSIGNED_LICENSE") {
        return 0;
    }
    let units = number(row.get("capacityUsed"), MOST).unwrap_or(0);
    let minutes = number(row.get("minutesUsed"), MOST).unwrap_or(0);
    (units * 6).max((minutes + 5) / 6 * 6)
}

/// A name of somebody or something; empty where there is none.
fn name<'a>(row: &'a Value, key: &str) -> &'a str {
    row.get(key).and_then(Value::as_str).filter(|name| *name != "string").unwrap_or_default()
}

/// Of rows with one id, one counts: the later, then the longer, then what took more, in whichever order they come.
fn without_duplicates(rows: Vec<Value>) -> Vec<Value> {
    let rank = |row: &Value| {
        (row.get("endTime").and_then(Value::as_str).and_then(parse_iso), duration(row.get("duration")), charged(row))
    };
    let mut by_id: HashMap<String, Value> = HashMap::new();
    let mut nameless = Vec::new();
    let mut seen = HashSet::new();
    for row in rows {
        match row.get("id").and_then(Value::as_str).filter(|id| !id.is_empty()) {
            Some(id) => match by_id.get(id) {
                Some(known) if rank(known) >= rank(&row) => {}
                _ => {
                    by_id.insert(id.to_owned(), row);
                }
            },
            None => {
                let same = ["userId", "appId", "sessionId", "endTime", "duration"].map(|key| row.get(key).cloned());
                if seen.insert(format!("{same:?}")) {
                    nameless.push(row);
                }
            }
        }
    }
    by_id.into_values().chain(nameless).collect()
}

impl Usage {
    /// Sums of what is listed by now of the days asked for, and how many rows are still to come.
    pub(crate) fn sums(&mut self, asked: Asked, now: i64, apps: &[App]) -> (BTreeMap<String, Sum>, u64) {
        const SOON: i64 = 5 * 60_000;
        let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
        let mut add = |key: String, ms: i64, charged: i64| {
            let sum = sums.entry(key).or_default();
            *sum = Sum { visits: sum.visits + 1, ms: sum.ms + ms, charged: sum.charged + charged };
        };
        let day = |end: i64| iso(end).get(..10).unwrap_or_default().to_owned();
        let mut given = Vec::new();
        self.walk(now, None, true, (asked.from, asked.to), |(end, _), listed| {
            match listed {
                Listed::Given(row) => given.push(row.clone()),
                Listed::Own { row, named, usage } => {
                    let key = match asked.by {
                        By::Day => day(end),
                        By::Person => usage.person(row.person).map(|person| person.id.to_string()).unwrap_or_default(),
                        By::App => apps.get(row.app as usize).map(|app| app.id.clone()).unwrap_or_default(),
                    };
                    add(key, row.ms, if named { 0 } else { row.units * 6 });
                }
            }
            true
        });
        for row in without_duplicates(given) {
            let Some(end) = row.get("endTime").and_then(Value::as_str).and_then(parse_iso).filter(|end| *end <= now + SOON)
            else {
                continue;
            };
            let key = match asked.by {
                By::Day => day(end),
                By::Person => name(&row, "userId").to_owned(),
                By::App => name(&row, "appId").to_owned(),
            };
            add(key, duration(row.get("duration")), charged(&row));
        }
        let mut coming = 0;
        for day in asked.from.max(self.first_day)..=asked.to.min(now.div_euclid(DAY)) {
            let acted: Vec<Row> = self.acted.iter().map(|acted| acted.row).filter(|row| row.end.div_euclid(DAY) == day).collect();
            let rows = self.day(day);
            let is_coming = |row: &&Row| {
                row.end <= now && !self.has_come(row, now) && matches!(self.became(row), Became::Named | Became::Capacity)
            };
            if self.is_shown(day, now) {
                coming += rows.iter().chain(&acted).filter(is_coming).count() as u64;
            }
        }
        (sums, coming)
    }

    /// What is listed of one person, and under which license each row ran.
    fn listed_of(&self, place: u32, now: i64) -> Vec<(Row, bool)> {
        let Some(person) = self.person(place) else { return Vec::new() };
        let mut rows = Vec::new();
        for day in self.shown_days(now) {
            self.rows_of(place, person, day, &mut rows);
        }
        let acted = self.acted.iter().map(|acted| acted.row).filter(|row| row.person == place);
        rows.extend(acted.filter(|row| self.is_shown(row.end.div_euclid(DAY), now)));
        self.listed(rows, now)
    }

    /// What is listed without a name.
    fn listed_of_nobody(&self, now: i64) -> Vec<(Row, bool)> {
        let mut rows = Vec::new();
        for day in self.shown_days(now) {
            self.anonymous(day, &mut rows);
        }
        self.listed(rows, now)
    }

    fn shown_days(&self, now: i64) -> impl Iterator<Item = i64> {
        (self.first_day..=now.div_euclid(DAY)).filter(move |day| self.is_shown(*day, now))
    }

    /// Those of these rows that are listed by now, by their end, and whether a named license served.
    fn listed(&self, mut rows: Vec<Row>, now: i64) -> Vec<(Row, bool)> {
        rows.sort_unstable_by_key(|row| (row.end, row.order));
        let listed = rows.into_iter().filter(|row| row.end <= now && self.has_come(row, now));
        listed
            .filter_map(|row| match self.became(&row) {
                Became::Named => Some((row, true)),
                Became::Capacity => Some((row, false)),
                Became::Refused | Became::Nothing => None,
            })
            .collect()
    }
}

impl Tenant {
    /// The people whose use is known: figures as of now, and what is to be recommended, as it was at the start.
    pub(crate) fn truth(&self, now: i64) -> Value {
        let usage = &self.usage;
        let is_start = now.div_euclid(DAY) == usage.start_day;
        let told = usage.placed.iter().map(|placed| {
            let rows = usage.place(&placed.id).map(|place| usage.listed_of(place, now)).unwrap_or_default();
            let (months, last_use) = figures(&rows);
            let held = self.held_by(&placed.subject);
            let (expect, expect_not) = placed.persona.expect();
            json!({
                "persona": placed.persona.name(),
                "id": placed.id,
                "subject": placed.subject,
                "allotment": held.first().map(|held| held.allotment.clone()),
                "since": held.first().map(|held| iso(held.created)),
                "months": months,
                "last_use": last_use,
                "expect": is_start.then_some(expect),
                "expect_not": is_start.then_some(expect_not),
            })
        });
        let (months, last_use) = figures(&usage.listed_of_nobody(now));
        let nobody = json!({
            "persona": "anonymous",
            "id": "",
            "subject": "",
            "allotment": null,
            "since": null,
            "months": months,
            "last_use": last_use,
            "expect": is_start.then_some(Vec::<Value>::new()),
            "expect_not": is_start.then_some(Vec::<Value>::new()),
        });
        Value::Array(told.chain([nobody]).collect())
    }
}

/// Minutes and days by month, and when the last row ended.
fn figures(rows: &[(Row, bool)]) -> (Map<String, Value>, Option<String>) {
    let mut months: BTreeMap<String, (i64, i64, HashSet<i64>)> = BTreeMap::new();
    for (row, named) in rows {
        let (charged, est, days) = months.entry(iso(row.end).get(..7).unwrap_or_default().to_owned()).or_default();
        if *named {
            *est += 6 * ((row.ms + UNIT_MS - 1) / UNIT_MS);
        } else {
            *charged += 6 * row.units;
        }
        days.insert(row.end.div_euclid(DAY));
    }
    let told = |(charged, est, days): (i64, i64, HashSet<i64>)| json!({ "charged": charged, "est": est, "days": days.len() });
    let months = months.into_iter().map(|(month, figures)| (month, told(figures))).collect();
    (months, rows.last().map(|(row, _)| iso(row.end)))
}
