//! Consumption as a client meets it: what is listed sums up to what is true, by whatever way it is read, while the clock moves.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::sync::Arc;

use qlik_sim::{FixedClock, Options, Sim};
use serde_json::{Value, json};

/// 2026-11-22 12:00 UTC, a Sunday.
const NOW: i64 = 1_795_348_800_000;
const DAY_S: i64 = 86_400;

struct Tenant(Sim);

impl Tenant {
    async fn start(users: usize, assignments: usize) -> Self {
        let options = Options { users, assignments, groups: 10, rate_scale: 1_000.0, ..Options::default() };
        Self(Sim::start_at(options, Arc::new(FixedClock::at(NOW))).await.unwrap())
    }

    fn send(&self, method: &str, target: &str, body: Option<Value>) -> (u16, Value) {
        let host = self.0.url.strip_prefix("http://").unwrap();
        let mut stream = std::net::TcpStream::connect(host).unwrap();
        let body = body.map_or_else(String::new, |body| body.to_string());
        write!(
            stream,
            "{method} {target} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer demo-admin-key\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, text) = text.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(text).unwrap_or(Value::Null))
    }

    fn get(&self, target: &str) -> Value {
        let (status, json) = self.send("GET", target, None);
        assert_eq!(status, 200, "{target}: {json}");
        json
    }

    fn act(&self, act: Value) {
        let (status, answer) = self.send("POST", "/_sim/act", Some(act));
        assert_eq!(status, 204, "{answer}");
    }

    fn options(&self, options: Value) {
        let (status, answer) = self.send("PUT", "/_sim/options", Some(options));
        assert_eq!(status, 204, "{answer}");
    }

    /// Every row of a list, page by page, as the links lead.
    fn rows(&self, query: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut target = format!("/api/v1/licenses/consumption?limit=200{query}");
        loop {
            let page = self.get(&target);
            rows.extend(page["data"].as_array().unwrap().iter().cloned());
            let Some(next) = page["links"]["next"]["href"].as_str() else { return rows };
            target = next.strip_prefix(&self.0.url).unwrap().to_owned();
        }
    }

    fn truth(&self, from: &str, to: &str, by: &str) -> (BTreeMap<String, Sum>, u64) {
        let told = self.get(&format!("/_sim/usage?from={from}&to={to}&by={by}"));
        let sum = |row: &Value| (row["visits"].as_u64().unwrap(), row["ms"].as_i64().unwrap(), row["charged"].as_i64().unwrap());
        let rows = told["rows"].as_array().unwrap().iter().map(|row| (row["key"].as_str().unwrap().to_owned(), sum(row)));
        (rows.collect(), told["coming"].as_u64().unwrap())
    }

    fn persona(&self, name: &str) -> Vec<Value> {
        let all = self.get("/_sim/truth");
        all.as_array().unwrap().iter().filter(|one| one["persona"] == name).cloned().collect()
    }

    fn used(&self) -> i64 {
        let overview = self.get("/api/v1/licenses/overview");
        let timed = overview["allotments"].as_array().unwrap().iter().find(|one| one["usageClass"] == "time").unwrap();
        timed["unitsUsed"].as_i64().unwrap()
    }
}

/// Rows, milliseconds, capacity minutes.
type Sum = (u64, i64, i64);

fn charged(row: &Value) -> i64 {
    if row["licenseUsage"] == "ASSIGNED_LICENSE" { 0 } else { row["capacityUsed"].as_i64().unwrap() * 6 }
}

/// The sums of rows, found without the simulator.
fn sums(rows: &[Value], key: impl Fn(&Value) -> String) -> BTreeMap<String, Sum> {
    let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
    for row in rows {
        let sum = sums.entry(key(row)).or_default();
        let ms: i64 = row["duration"].as_str().unwrap().parse().unwrap();
        *sum = (sum.0 + 1, sum.1 + ms, sum.2 + charged(row));
    }
    sums
}

fn text(row: &Value, key: &str) -> String {
    row[key].as_str().unwrap_or_default().to_owned()
}

fn ids(rows: &[Value]) -> BTreeSet<String> {
    rows.iter().map(|row| text(row, "id")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_listed_sums_up_to_what_is_true() {
    let tenant = Tenant::start(400, 260).await;
    let rows = tenant.rows("&filter=(endTime%20ge%20%222026-10-01T00:00:00Z%22)");
    assert!(rows.len() > 1_000, "{}", rows.len());
    assert_eq!(ids(&rows).len(), rows.len(), "each has its own id");
    let (from, to) = ("2026-10-01", "2026-11-22");
    let day = |row: &Value| text(row, "endTime")[..10].to_owned();
    assert_eq!(sums(&rows, day), tenant.truth(from, to, "day").0);
    assert_eq!(sums(&rows, |row| text(row, "userId")), tenant.truth(from, to, "person").0);
    assert_eq!(sums(&rows, |row| text(row, "appId")), tenant.truth(from, to, "app").0);
    // By the day, from the end, in small pages, with rows twice: the same rows.
    let week = "(endTime%20ge%20%222026-11-09T00:00:00Z%22%20and%20endTime%20lt%20%222026-11-16T00:00:00Z%22)";
    let whole = ids(&tenant.rows(&format!("&filter={week}")));
    assert_eq!(
        whole,
        rows.iter().filter(|row| ("2026-11-09".."2026-11-16").contains(&day(row).as_str())).map(|row| text(row, "id")).collect()
    );
    let mut sorted = tenant.rows(&format!("&filter={week}&sort=-endTime"));
    assert!(sorted.is_sorted_by(|a, b| text(a, "endTime") >= text(b, "endTime")));
    assert_eq!(ids(&sorted), whole);
    sorted.reverse();
    assert_eq!(sorted, tenant.rows(&format!("&filter={week}&sort=%2BendTime")));
    tenant.options(json!({"usage": {"repeat": 3}}));
    let repeated = tenant.rows(&format!("&filter={week}"));
    assert!(repeated.len() > whole.len());
    assert_eq!(ids(&repeated), whole);
    // The same pool that Qlik counts: what is listed of the month, and what is still on its way.
    tenant.options(json!({"usage": {"repeat": 0, "late": false}}));
    let month: i64 = tenant.truth("2026-11-01", "2026-11-22", "day").0.values().map(|sum| sum.2).sum();
    assert_eq!(tenant.used(), month);
    // Weekdays, hours, licenses.
    let by_weekday = |wanted: &[&str]| rows.iter().filter(|row| wanted.contains(&day(row).as_str())).count();
    assert!(by_weekday(&["2026-11-14", "2026-11-15"]) * 5 < by_weekday(&["2026-11-11", "2026-11-12"]));
    assert!(rows.iter().all(|row| row["minutesUsed"].as_i64().unwrap() % 6 == 0));
    let named = rows.iter().filter(|row| row["licenseUsage"] == "ASSIGNED_LICENSE");
    assert!(named.clone().count() > 100 && named.into_iter().all(|row| row["minutesUsed"] == 0));
    let beyond =
        rows.iter().filter(|row| charged(row) > 0 && text(row, "duration").parse::<i64>().unwrap() > charged(row) * 60_000);
    assert!(beyond.count() > 20);
    let sessions: BTreeSet<String> = rows.iter().map(|row| text(row, "sessionId")).collect();
    assert!(sessions.len() < rows.len() && rows.iter().any(|row| row["userId"].is_null()));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_come_late_and_all_of_them_come() {
    let tenant = Tenant::start(400, 260).await;
    for hours in [0, 2, 24 * 3, 24 * 7] {
        tenant.act(json!({"advance_s": hours * 3_600}));
        let rows = tenant.rows("&filter=(endTime%20ge%20%222026-11-16T00:00:00Z%22)");
        let (sums_of, coming) = tenant.truth("2026-11-16", "2026-12-31", "person");
        assert_eq!(sums(&rows, |row| text(row, "userId")), sums_of);
        let late = rows.len();
        tenant.options(json!({"usage": {"late": false}}));
        assert_eq!(
            tenant.rows("&filter=(endTime%20ge%20%222026-11-16T00:00:00Z%22)").len() - late,
            usize::try_from(coming).unwrap()
        );
        tenant.options(json!({"usage": {"late": true}}));
    }
    // A week after the first day of it, nothing of that day is on its way.
    assert_eq!(tenant.truth("2026-11-16", "2026-11-20", "day").1, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_license_serves_from_the_moment_it_is_given() {
    let tenant = Tenant::start(400, 260).await;
    let burner = tenant.persona("burner-steady").remove(0);
    let (id, subject) = (text(&burner, "id"), text(&burner, "subject"));
    let of = |query: &str| -> Vec<Value> { tenant.rows(query).into_iter().filter(|row| row["userId"] == id.as_str()).collect() };
    let before = of("");
    assert!(!before.is_empty() && before.iter().all(|row| charged(row) > 0));
    tenant.act(json!({"assign": [{"subject": subject.to_uppercase(), "type": "analyzer"}]}));
    assert_eq!(of(""), before, "what is over stays as it was");
    tenant.act(json!({"advance_s": 10 * DAY_S}));
    let after = of("&filter=(endTime%20ge%20%222026-11-22T12:00:00Z%22)");
    assert!(!after.is_empty() && after.iter().all(|row| row["licenseUsage"] == "ASSIGNED_LICENSE" && row["capacityUsed"] == 0));
    tenant.act(json!({"unassign": [{"subject": subject, "type": "analyzer"}]}));
    tenant.act(json!({"advance_s": 15 * DAY_S}));
    let again = of("&filter=(endTime%20ge%20%222026-12-03T12:00:00Z%22)");
    assert!(!again.is_empty() && again.iter().all(|row| charged(row) > 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn personas_are_as_they_are_told() {
    let tenant = Tenant::start(400, 260).await;
    let months = |name: &str| {
        let one = tenant.persona(name).remove(0);
        ["2026-10", "2026-09", "2026-11"].map(|month| one["months"][month]["charged"].as_i64().unwrap_or(0))
    };
    for (name, newest, older) in [
        ("burner-steady", 300, 300),
        ("burner-edge-in", 240, 240),
        ("burner-edge-out", 240, 234),
        ("burner-spike", 600, 0),
        ("midnight", 30, 30),
    ] {
        let [last, before, running] = months(name);
        assert_eq!((last, before), (newest, older), "{name}");
        assert!(running < 240, "{name}");
    }
    let last = |name: &str| text(&tenant.persona(name).remove(0), "last_use")[..10].to_owned();
    assert_eq!(
        [last("idle-in"), last("idle-out"), last("holiday"), last("comeback")],
        ["2026-09-23", "2026-09-24", "2026-10-18", "2026-09-13"]
    );
    assert_eq!(tenant.persona("never-in")[0]["last_use"], Value::Null);
    assert_eq!(&text(&tenant.persona("never-in")[0], "since")[..10], "2026-10-08");
    assert_eq!(tenant.persona("light")[0]["months"]["2026-10"], json!({"charged": 0, "est": 24, "days": 4}));
    assert_eq!(tenant.persona("idle-in")[0]["expect"], json!(["idle"]));
    // Twelve minutes on each of the 22 workdays of October.
    assert_eq!(tenant.persona("anonymous")[0]["months"]["2026-10"]["charged"], 22 * 12);
    // Those who are told are those of the tenant.
    let state = tenant.get("/_sim/state");
    let user = |id: &str| state["users"].as_array().unwrap().iter().find(|user| user["id"] == id).unwrap().clone();
    let holds = |subject: &str| -> Vec<String> {
        let held = state["assignments"].as_array().unwrap().iter();
        held.filter(|row| row["subject"].as_str().unwrap().eq_ignore_ascii_case(subject)).map(|row| text(row, "type")).collect()
    };
    assert_eq!(user(&text(&tenant.persona("disabled")[0], "id"))["status"], "disabled");
    assert_eq!(holds(&text(&tenant.persona("duplicate")[0], "subject")).len(), 2);
    assert!(holds(&text(&tenant.persona("burner-case")[0], "subject")).is_empty());
    assert!(tenant.persona("orphan").iter().all(|one| !holds(&text(one, "subject")).is_empty()));
    let author = text(&tenant.persona("author")[0], "id");
    assert_eq!(tenant.get(&format!("/api/v1/items?ownerId={author}"))["data"].as_array().unwrap().len(), 1);
    assert_eq!(tenant.get(&format!("/api/v1/audits?userId={author}"))["data"].as_array().unwrap().len(), 2);
    // The row of yesterday comes thirty hours after it.
    tenant.act(json!({"advance_s": 30 * 3_600}));
    let back = tenant.persona("comeback").remove(0);
    assert_eq!((&text(&back, "last_use")[..10], back["expect"].clone()), ("2026-11-21", Value::Null));
    tenant.act(json!({"advance_s": 40 * DAY_S}));
    assert_eq!(tenant.persona("burner-steady")[0]["months"]["2026-12"]["charged"], 300);
    assert_eq!(text(&tenant.persona("idle-in")[0], "last_use")[..10], *"2026-09-23");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_capacity_refuses_until_there_is_more() {
    let tenant = Tenant::start(400, 260).await;
    let used = tenant.used();
    let rejected = |tenant: &Tenant| {
        let page = tenant.get("/api/v1/audits?eventType=com.qlik.license.assignment.rejected&limit=100");
        page["data"].as_array().unwrap().clone()
    };
    assert!(used > 100 && rejected(&tenant).is_empty());
    tenant.act(json!({"set_units": {"name": "analyzer_time", "units": used, "overage": 0}}));
    tenant.act(json!({"advance_s": 3 * DAY_S}));
    assert_eq!(tenant.used(), used);
    let refused = rejected(&tenant);
    assert!(
        !refused.is_empty()
            && refused.iter().all(|one| one["data"]["type"] == "analyzer_time" && !text(one, "userId").is_empty())
    );
    let since = "&filter=(endTime%20gt%20%222026-11-22T12:00:00Z%22)";
    assert!(tenant.rows(since).iter().all(|row| charged(row) == 0));
    // More is bought: from then on it is used.
    tenant.act(json!({"set_units": {"name": "analyzer_time", "units": used + 100_000}}));
    tenant.act(json!({"advance_s": 3 * DAY_S}));
    assert!(tenant.used() > used);
    assert_eq!(rejected(&tenant), refused);
    // With the new month it is whole again.
    tenant.act(json!({"advance_s": 3 * DAY_S}));
    let december: i64 = {
        tenant.options(json!({"usage": {"late": false}}));
        tenant.truth("2026-12-01", "2026-12-31", "day").0.values().map(|sum| sum.2).sum()
    };
    assert!(december > 0);
    assert_eq!(tenant.used(), december);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_without_a_license_take_a_seat_where_that_is_set() {
    let tenant = Tenant::start(400, 260).await;
    let held = |tenant: &Tenant| tenant.get("/_sim/state")["assignments"].as_array().unwrap().len();
    let before = held(&tenant);
    tenant.act(json!({"advance_s": 5 * DAY_S}));
    assert_eq!(held(&tenant), before, "both settings are off at the start");
    tenant.send("PUT", "/api/v1/licenses/settings", Some(json!({"autoAssignAnalyzer": true})));
    tenant.options(json!({"auto_assign": true}));
    tenant.act(json!({"advance_s": 5 * DAY_S}));
    assert!(held(&tenant) > before);
    let burner = text(&tenant.persona("burner-steady")[0], "id");
    let later: Vec<Value> = tenant.rows("&filter=(endTime%20ge%20%222026-11-30T00:00:00Z%22)");
    assert!(later.iter().filter(|row| row["userId"] == burner.as_str()).all(|row| row["licenseUsage"] == "ASSIGNED_LICENSE"));
}

#[tokio::test(flavor = "multi_thread")]
async fn days_fall_silent_and_lists_refuse_as_they_are_told_to() {
    let tenant = Tenant::start(400, 260).await;
    let days = |query: &str| -> BTreeSet<String> {
        tenant.rows(query).iter().map(|row| text(row, "endTime")[..10].to_owned()).collect()
    };
    assert!(days("").contains("2026-11-18"));
    tenant.options(json!({"usage": {"quiet": ["2026-11-18"]}}));
    assert!(!days("").contains("2026-11-18") && days("").contains("2026-11-17"));
    tenant.options(json!({"usage": {"quiet": [], "keep_days": 20}}));
    assert_eq!(days("").first().map(String::as_str), Some("2026-11-03"));
    tenant.options(json!({"usage": {"keep_days": 0, "filter": "ge", "sort": false, "capacity_word": "TIME_LICENSE"}}));
    let status = |query: &str| tenant.send("GET", &format!("/api/v1/licenses/consumption?{query}"), None).0;
    assert_eq!(status("filter=(endTime%20ge%20%222026-11-01T00:00:00Z%22)"), 200);
    assert_eq!(
        status("filter=(endTime%20ge%20%222026-11-01T00:00:00Z%22%20and%20endTime%20lt%20%222026-11-02T00:00:00Z%22)"),
        400
    );
    assert_eq!(status("sort=endTime"), 400);
    assert!(tenant.rows("").iter().any(|row| row["licenseUsage"] == "TIME_LICENSE"));
    for (options, why) in [
        (json!({"usage": {"quiet": ["yesterday"]}}), "a day"),
        (json!({"usage": {"filter": "odata"}}), "a filter"),
        (json!({"usage": {"speed": 3}}), "an option"),
    ] {
        assert_eq!(tenant.send("PUT", "/_sim/options", Some(options)).0, 400, "{why}");
    }
    for target in ["/_sim/usage", "/_sim/usage?from=2026-11-01&to=x", "/_sim/usage?from=2026-11-01&to=2026-11-02&by=shoe"] {
        assert_eq!(tenant.send("GET", target, None).0, 400, "{target}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_and_sessions_can_be_put_in() {
    let tenant = Tenant::start(400, 260).await;
    let (from, to) = ("2026-11-20", "2026-11-20");
    let before = tenant.truth(from, to, "person").0;
    let user = text(&tenant.persona("never-new")[0], "id");
    let odd = json!([
        {"id": "a", "userId": user, "endTime": "2026-11-20T10:00:00+01:00", "duration": "PT30M", "minutesUsed": "31", "capacityUsed": 2, "licenseUsage": null},
        {"id": "a", "userId": user, "endTime": "2026-11-20T10:00:00+01:00", "duration": "60000", "minutesUsed": 5},
        {"id": "b", "userId": "string", "endTime": "2026-11-20T11:00:00Z", "duration": -5, "minutesUsed": -1, "capacityUsed": 1, "licenseUsage": "capacity"},
        {"endTime": "2026-02-30T00:00:00Z"}, {}, {"id": "c", "endTime": "2099-01-01T00:00:00Z", "minutesUsed": 60}
    ]);
    tenant.act(json!({"consumption": odd}));
    let day = "&filter=(endTime%20ge%20%222026-11-20T00:00:00Z%22%20and%20endTime%20lt%20%222026-11-21T00:00:00Z%22)";
    let listed = tenant.rows(day);
    assert_eq!(
        listed.iter().filter(|row| row["id"] == "a" || row["id"] == "b").count(),
        3,
        "word for word, twice where they are given twice"
    );
    assert_eq!(tenant.rows("").iter().filter(|row| row["id"] == "c" || row.as_object().unwrap().len() < 2).count(), 3);
    let mut wanted = before;
    wanted.insert(user.clone(), (1, 30 * 60_000, 36));
    let anybody = wanted.entry(String::new()).or_default();
    *anybody = (anybody.0 + 1, anybody.1, anybody.2 + 6);
    assert_eq!(tenant.truth(from, to, "person").0, wanted);
    // A session runs under what its person holds, and is listed when it is told to be.
    let burner = text(&tenant.persona("burner-steady")[0], "id");
    let used = tenant.used();
    tenant.act(json!({"session": {"user": burner, "minutes": 20, "apps": 2, "arrives_s": 3_600}}));
    assert_eq!(tenant.used() - used, 24);
    let of_burner = |tenant: &Tenant| {
        let rows = tenant.rows("&filter=(endTime%20ge%20%222026-11-22T12:00:00Z%22)");
        rows.iter().filter(|row| row["userId"] == burner.as_str() && charged(row) == 12).count()
    };
    assert_eq!(of_burner(&tenant), 0);
    tenant.act(json!({"advance_s": 3_600}));
    assert_eq!(of_burner(&tenant), 2);
    assert_eq!(tenant.send("POST", "/_sim/act", Some(json!({"session": {"user": "nobody", "minutes": 6}}))).0, 404);
}
