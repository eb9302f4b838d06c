//! The simulator's answers against Qlik's own OpenAPI documents, and against requests that make no sense.
//!
//! The documents are not part of the project: they are looked for beside it, or where `QUARTERMASTER_QLIK_OPENAPI` says.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail by panicking")]

use std::io::{Read, Write};
use std::path::PathBuf;

use qlik_sim::{Options, Sim};
use serde_json::{Value, json};

/// Where Qlik's documents are.
#[expect(clippy::disallowed_methods, reason = "a test asks its script where the documents are")]
fn documents() -> Option<PathBuf> {
    let folder = std::env::var("QUARTERMASTER_QLIK_OPENAPI")
        .map_or_else(|_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/qlik/openapi"), PathBuf::from);
    if folder.join("licenses.json").exists() {
        return Some(folder);
    }
    eprintln!("SKIPPED: Qlik's OpenAPI documents are not at {}; set QUARTERMASTER_QLIK_OPENAPI", folder.display());
    None
}

/// Mistakes of the documents, with reasons: `method path status where # reason`; `where` ends the place in the answer, or is `*`.
const EXCEPTIONS: &str = include_str!("spec_exceptions.txt");

fn excepted(method: &str, path: &str, status: u16, at: &str) -> bool {
    let line = format!("{method} {path} {status} ");
    EXCEPTIONS
        .lines()
        .filter_map(|known| known.strip_prefix(&line)?.split(' ').next())
        .any(|place| place == "*" || (!at.is_empty() && at.ends_with(place)))
}

struct Answer {
    status: u16,
    body: Value,
    raw: String,
}

fn send(url: &str, method: &str, target: &str, body: Option<&str>, key: &str) -> Answer {
    let host = url.trim_start_matches("http://");
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    let body = body.unwrap_or_default();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut raw = Vec::new();
    stream.read_to_end(&mut raw).unwrap();
    let raw = String::from_utf8_lossy(&raw).into_owned();
    let status = raw
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or_else(|| panic!("no status for {method} {target}: {raw}"));
    let text = raw.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Answer { status, body: serde_json::from_str(text).unwrap_or(Value::Null), raw }
}

async fn sim() -> Sim {
    Sim::start(Options { users: 130, assignments: 120, groups: 50, ..Options::default() }).await.unwrap()
}

/// Document, path in it, method, target, body, key.
type Call<'a> = (&'a str, &'a str, &'a str, String, Option<Value>, &'a str);

const KEY: &str = "demo-admin-key";

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_as_the_documents_say() {
    let Some(folder) = documents() else { return };
    let sim = sim().await;
    let state = send(&sim.url, "GET", "/_sim/state", None, "").body;
    let group = state["groups"][0]["id"].as_str().unwrap().to_owned();
    let role = state["roles"][0]["id"].as_str().unwrap().to_owned();
    let user = state["users"][5]["id"].as_str().unwrap().to_owned();
    let everyone = "000000000000000000000001";
    let subject = state["assignments"][0]["subject"].clone();
    let held = state["assignments"][0]["type"].clone();
    let add = json!({ "add": [{ "subject": "NEW\\a", "type": "analyzer" }, { "subject": "NEW\\a", "type": "nope" }, { "subject": subject, "type": held }] });
    let update = json!({ "update": [{ "subject": "NEW\\b", "sourceSubject": "NEW\\a" }, { "subject": "gone", "type": "analyzer", "sourceType": "professional" }] });
    let delete = json!({ "delete": [{ "subject": "new\\B", "type": "analyzer" }, { "subject": "x", "type": "analyzer" }] });
    let roles = json!([{ "op": "replace", "path": "assignedRoles", "value": [{ "id": role }] }]);
    let filter = json!({ "filter": "name co \"a\"" });
    let calls: Vec<Call<'_>> = vec![
        ("licenses", "/api/v1/licenses/assignments", "GET", "/api/v1/licenses/assignments?limit=7".into(), None, KEY),
        (
            "licenses",
            "/api/v1/licenses/assignments",
            "GET",
            "/api/v1/licenses/assignments?orphans=true&sort=-created".into(),
            None,
            KEY,
        ),
        ("licenses", "/api/v1/licenses/assignments", "GET", "/api/v1/licenses/assignments?limit=0".into(), None, KEY),
        ("licenses", "/api/v1/licenses/assignments", "GET", "/api/v1/licenses/assignments".into(), None, "wrong"),
        ("licenses", "/api/v1/licenses/assignments", "GET", "/api/v1/licenses/assignments".into(), None, "demo-reader-key"),
        (
            "licenses",
            "/api/v1/licenses/assignments/actions/add",
            "POST",
            "/api/v1/licenses/assignments/actions/add".into(),
            Some(add),
            KEY,
        ),
        (
            "licenses",
            "/api/v1/licenses/assignments/actions/add",
            "POST",
            "/api/v1/licenses/assignments/actions/add".into(),
            Some(json!({})),
            KEY,
        ),
        (
            "licenses",
            "/api/v1/licenses/assignments/actions/update",
            "POST",
            "/api/v1/licenses/assignments/actions/update".into(),
            Some(update),
            KEY,
        ),
        (
            "licenses",
            "/api/v1/licenses/assignments/actions/delete",
            "POST",
            "/api/v1/licenses/assignments/actions/delete".into(),
            Some(delete),
            KEY,
        ),
        ("licenses", "/api/v1/licenses/consumption", "GET", "/api/v1/licenses/consumption?limit=50".into(), None, KEY),
        ("licenses", "/api/v1/licenses/overview", "GET", "/api/v1/licenses/overview".into(), None, KEY),
        ("licenses", "/api/v1/licenses/status", "GET", "/api/v1/licenses/status".into(), None, KEY),
        ("licenses", "/api/v1/licenses/settings", "GET", "/api/v1/licenses/settings".into(), None, KEY),
        (
            "licenses",
            "/api/v1/licenses/settings",
            "PUT",
            "/api/v1/licenses/settings".into(),
            Some(json!({ "autoAssignAnalyzer": false })),
            KEY,
        ),
        ("groups", "/api/v1/groups", "GET", "/api/v1/groups?limit=9&sort=-name&totalResults=true".into(), None, KEY),
        ("groups", "/api/v1/groups", "GET", "/api/v1/groups?systemGroups=true".into(), None, KEY),
        ("groups", "/api/v1/groups", "GET", "/api/v1/groups?systemGroups=true&limit=3".into(), None, KEY),
        (
            "groups",
            "/api/v1/groups",
            "POST",
            "/api/v1/groups".into(),
            Some(json!({ "name": "N", "providerType": "custom" })),
            KEY,
        ),
        ("groups", "/api/v1/groups", "POST", "/api/v1/groups".into(), Some(json!({ "name": "N" })), KEY),
        ("groups", "/api/v1/groups/{groupId}", "GET", format!("/api/v1/groups/{group}"), None, KEY),
        ("groups", "/api/v1/groups/{groupId}", "GET", "/api/v1/groups/nope".into(), None, KEY),
        ("groups", "/api/v1/groups/{groupId}", "PATCH", format!("/api/v1/groups/{group}"), Some(roles.clone()), KEY),
        ("groups", "/api/v1/groups/{groupId}", "PATCH", format!("/api/v1/groups/{everyone}"), Some(roles), KEY),
        ("groups", "/api/v1/groups/{groupId}", "PATCH", format!("/api/v1/groups/{group}"), Some(json!([{ "op": "add" }])), KEY),
        ("groups", "/api/v1/groups/{groupId}", "DELETE", format!("/api/v1/groups/{group}"), None, KEY),
        (
            "groups",
            "/api/v1/groups/actions/filter",
            "POST",
            "/api/v1/groups/actions/filter?limit=5".into(),
            Some(filter.clone()),
            KEY,
        ),
        ("groups", "/api/v1/groups/settings", "GET", "/api/v1/groups/settings".into(), None, KEY),
        (
            "groups",
            "/api/v1/groups/settings",
            "PATCH",
            "/api/v1/groups/settings".into(),
            Some(json!([{ "op": "replace", "path": "/autoCreateGroups", "value": false }])),
            KEY,
        ),
        ("roles", "/api/v1/roles", "GET", "/api/v1/roles?limit=100&totalResults=true".into(), None, KEY),
        ("roles", "/api/v1/roles/{id}", "GET", format!("/api/v1/roles/{role}"), None, KEY),
        ("roles", "/api/v1/roles/{id}", "GET", "/api/v1/roles/nope".into(), None, KEY),
        ("users", "/api/v1/users", "GET", "/api/v1/users?limit=100&totalResults=true".into(), None, KEY),
        ("users", "/api/v1/users", "GET", "/api/v1/users?sort=shoe".into(), None, KEY),
        ("users", "/api/v1/users/{userId}", "GET", format!("/api/v1/users/{user}"), None, KEY),
        ("users", "/api/v1/users/{userId}", "GET", "/api/v1/users/nope".into(), None, KEY),
        ("users", "/api/v1/users/me", "GET", "/api/v1/users/me".into(), None, KEY),
        ("users", "/api/v1/users/actions/count", "GET", "/api/v1/users/actions/count".into(), None, KEY),
        ("users", "/api/v1/users/actions/filter", "POST", "/api/v1/users/actions/filter".into(), Some(filter), KEY),
        ("items", "/api/v1/items", "GET", "/api/v1/items?resourceType=app&limit=100".into(), None, KEY),
        ("audits", "/api/v1/audits", "GET", "/api/v1/audits?limit=3".into(), None, KEY),
        (
            "audits",
            "/api/v1/audits",
            "GET",
            "/api/v1/audits?eventType=com.qlik.v1.group.created&sort=eventTime".into(),
            None,
            KEY,
        ),
        ("audits", "/api/v1/audits", "GET", "/api/v1/audits?eventTime=yesterday".into(), None, KEY),
        ("audits", "/api/v1/audits", "GET", "/api/v1/audits".into(), None, "wrong"),
        ("audits", "/api/v1/audits/{id}", "GET", "/api/v1/audits/00000001-0000-4000-8000-000000000001".into(), None, KEY),
        ("audits", "/api/v1/audits/types", "GET", "/api/v1/audits/types".into(), None, KEY),
        ("audits", "/api/v1/audits/sources", "GET", "/api/v1/audits/sources".into(), None, KEY),
    ];
    let mut faults = Vec::new();
    for (document, path, method, target, body, key) in &calls {
        let spec: Value = serde_json::from_slice(&std::fs::read(folder.join(format!("{document}.json"))).unwrap()).unwrap();
        let answer = send(&sim.url, method, target, body.as_ref().map(Value::to_string).as_deref(), key);
        if excepted(method, path, answer.status, "") {
            continue;
        }
        let responses = &spec["paths"][*path][method.to_lowercase()]["responses"];
        let documented = &responses[answer.status.to_string()];
        if documented.is_null() {
            faults.push(format!("{method} {target}: {} is not documented", answer.status));
            continue;
        }
        let documented = match documented["$ref"].as_str() {
            Some(reference) => spec.pointer(reference.trim_start_matches('#')).unwrap(),
            None => documented,
        };
        let schema = &documented["content"]["application/json"]["schema"];
        if schema.is_null() {
            continue;
        }
        let whole = json!({ "allOf": [schema], "components": spec["components"] });
        let validator = jsonschema::validator_for(&whole).unwrap();
        let errors = validator.iter_errors(&answer.body);
        for error in errors.filter(|error| !excepted(method, path, answer.status, &error.instance_path.to_string())).take(3) {
            faults.push(format!("{method} {target} ({}): {error} at {}", answer.status, error.instance_path));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_refused_and_never_breaks_anything() {
    let sim = sim().await;
    let before = send(&sim.url, "GET", "/_sim/state", None, "").body["assignments"].clone();
    let values = [
        "",
        "x",
        "-1",
        "0",
        "101",
        "999999999999999999999",
        "1.5",
        "true",
        "%00",
        "%ff",
        "%f0%9f%92%a9",
        "'",
        "%22",
        "name%20eq",
        "((((",
        "null",
        "next:abc",
        "7b7d",
        "%2Bname",
    ];
    let lists = [
        "/api/v1/licenses/assignments",
        "/api/v1/licenses/consumption",
        "/api/v1/groups",
        "/api/v1/roles",
        "/api/v1/users",
        "/api/v1/items",
    ];
    let keys =
        ["limit", "page", "next", "prev", "sort", "filter", "orphans", "totalResults", "systemGroups", "fields", "unknown"];
    for list in lists {
        for key in keys {
            for value in values {
                let answer = send(&sim.url, "GET", &format!("{list}?{key}={value}"), None, KEY);
                assert!(answer.status == 200 || answer.status == 400, "{list}?{key}={value}: {}", answer.raw);
                if answer.status == 400 {
                    assert!(answer.body["errors"][0]["code"].is_string(), "{list}?{key}={value}: {}", answer.raw);
                }
            }
        }
    }
    let bodies = [
        "",
        "null",
        "[]",
        "{}",
        "7",
        "\"x\"",
        "{",
        "[{}]",
        "[null]",
        "{\"add\":7}",
        "{\"add\":[7]}",
        "{\"add\":[{}]}",
        "{\"add\":[{\"subject\":1,\"type\":\"analyzer\"}]}",
        "{\"add\":[{\"subject\":\"\",\"type\":\"analyzer\"}]}",
        "{\"delete\":{}}",
        "{\"update\":[{\"subject\":\"x\",\"type\":[]}]}",
        "{\"filter\":7}",
        "{\"filter\":\"((\"}",
        "[{\"op\":\"replace\",\"path\":\"/assignedRoles\",\"value\":7}]",
        "[{\"op\":\"replace\",\"path\":\"/assignedRoles\",\"value\":[{\"id\":\"x\",\"name\":\"y\"}]}]",
        "[{\"op\":\"replace\",\"path\":\"/systemGroups/000000000000000000000001/enabled\",\"value\":false}]",
        "{\"name\":\"\"}",
        "{\"name\":7}",
        "{\"autoAssignAnalyzer\":\"yes\"}",
    ];
    let deep = "[".repeat(100_000);
    let writes = [
        ("POST", "/api/v1/licenses/assignments/actions/add"),
        ("POST", "/api/v1/licenses/assignments/actions/delete"),
        ("POST", "/api/v1/licenses/assignments/actions/update"),
        ("PUT", "/api/v1/licenses/settings"),
        ("POST", "/api/v1/groups"),
        ("PATCH", "/api/v1/groups/000000000000000000000001"),
        ("PATCH", "/api/v1/groups/settings"),
        ("POST", "/api/v1/groups/actions/filter"),
        ("POST", "/api/v1/users/actions/filter"),
    ];
    for (method, target) in writes {
        for body in bodies.iter().copied().chain([deep.as_str()]) {
            let answer = send(&sim.url, method, target, Some(body), KEY);
            assert!(answer.status < 500, "{method} {target} {body:.60}: {}", answer.raw);
        }
    }
    for (method, target, status) in [
        ("TRACE", "/api/v1/groups", 405),
        ("PUT", "/api/v1/groups", 405),
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/", 404),
        ("GET", "/_sim/nothing", 404),
        ("POST", "/_sim/state", 405),
    ] {
        assert_eq!(send(&sim.url, method, target, None, KEY).status, status, "{method} {target}");
    }
    assert_eq!(send(&sim.url, "GET", "/_sim/state", None, "").body["assignments"], before, "nonsense changed something");
}

#[tokio::test(flavor = "multi_thread")]
async fn cursors_lead_both_ways() {
    let sim = sim().await;
    let get = |target: &str| send(&sim.url, "GET", target, None, KEY).body;
    let follow =
        |page: &Value, way: &str| page["links"][way]["href"].as_str().map(|href| href.trim_start_matches(&sim.url).to_owned());
    for first in [
        "/api/v1/licenses/assignments?limit=33",
        "/api/v1/licenses/assignments?limit=50&sort=-subject",
        "/api/v1/users?limit=40&sort=name",
        "/api/v1/groups?limit=11&sort=-lastUpdatedAt",
        "/api/v1/licenses/assignments?limit=9&filter=type%20eq%20%22professional%22",
    ] {
        let (mut page, mut forth) = (get(first), Vec::new());
        loop {
            forth.push(page["data"].clone());
            match follow(&page, "next") {
                Some(next) => page = get(&next),
                None => break,
            }
        }
        assert!(forth.len() > 1, "{first}");
        let mut back = vec![page["data"].clone()];
        while let Some(previous) = follow(&page, "prev") {
            page = get(&previous);
            back.push(page["data"].clone());
        }
        back.reverse();
        assert_eq!(forth, back, "{first}");
    }
}
