//! The licenses service.

use serde_json::{Map, Value, json};

use super::Call;
use crate::clock::iso;
use crate::listing::{self, CursorStyle, Spec};
use crate::reply::{Refusal, Reply};
use crate::scim::Kind;
use crate::tenant::{Assignment, DELETED, REJECTED, RowOutcome, Tenant, UPDATED, UpdateRow};

const ASSIGNMENTS: Spec = Spec {
    path: "/licenses/assignments",
    style: CursorStyle::Page,
    limit: (20, 100),
    attributes: &[("type", Kind::Text), ("subject", Kind::Text), ("excess", Kind::Flag), ("created", Kind::Time)],
    sorts: &["type", "subject", "excess", "created"],
    default_sort: None,
    totals: false,
    links_self: false,
};

pub(crate) fn list(tenant: &mut Tenant, call: &Call<'_>) -> Result<Reply, Refusal> {
    let params = call.params()?;
    let orphans = params.flag("orphans")?.unwrap_or(false);
    let request = listing::read(&params, &ASSIGNMENTS, call.now, None)?;
    let mut assignments = std::mem::take(&mut tenant.assignments);
    let keep = |assignment: &Assignment| !orphans || tenant.is_orphan(assignment);
    let page = listing::page(&mut assignments, &request, &ASSIGNMENTS, call.link_base, call.now, keep, Assignment::json);
    tenant.assignments = assignments;
    Ok(Reply::json(200, page))
}

pub(crate) fn overview(tenant: &Tenant, call: &Call<'_>) -> Result<Reply, Refusal> {
    let license = &tenant.license;
    if !license.present {
        return Err(Refusal::new(404, "LICENSES-404", "License not found."));
    }
    Ok(Reply::json(
        200,
        json!({
            "trial": license.trial,
            "valid": license.valid,
            "origin": "External",
            "status": license.status,
            "product": "Qlik Sense Enterprise SaaS",
            "updated": iso(license.updated),
            "changeTime": iso(license.updated),
            "latestValidTime": iso(call.now),
            "licenseType": "Signed",
            // Made up: the shape of a signed token, with nothing in it.
            "licenseKey": format!("eyJhbGciOiJSUzUxMiIsInR5cCI6IkpXVCJ9.{}.c2ltdWxhdGVkLXNpZ25hdHVyZS1ub3QtYS1rZXk", tenant.id),
            "licenseNumber": "9999000000001204",
            "secondaryNumber": "12345",
            "version": "1.0",
            "parameters": [
                { "name": "qlikAlerting", "valid": "./.", "values": { "saas_alerting": "FULL" } },
                { "name": "reloads", "valid": license.valid, "values": { "concurrent": 6, "per_day": 500 }, "access": { "allotment": "professional" } },
            ],
            "allotments": tenant.overview_allotments(call.now),
        }),
    ))
}

pub(crate) fn status(tenant: &Tenant) -> Reply {
    let license = &tenant.license;
    Reply::json(
        200,
        json!({
            "type": "Signed",
            "trial": license.trial,
            "valid": license.valid,
            "origin": "External",
            "status": if license.present { license.status.as_str() } else { "Missing" },
            "product": "Qlik Sense Enterprise SaaS",
            "extensionStatus": "Unavailable",
            "deactivated": license.deactivated,
        }),
    )
}

pub(crate) fn put_settings(tenant: &mut Tenant, call: &Call<'_>) -> Result<Reply, Refusal> {
    let body = if call.body.is_empty() { json!({}) } else { call.body()? };
    let body = body.as_object().ok_or_else(|| Refusal::bad("the body is not an object"))?;
    let mut changes = Map::new();
    for key in ["autoAssignAnalyzer", "autoAssignProfessional"] {
        match body.get(key) {
            None => {}
            Some(Value::Bool(flag)) => {
                changes.insert(key.to_owned(), json!(flag));
            }
            Some(_) => return Err(Refusal::bad(format!("“{key}” is true or false"))),
        }
    }
    tenant.settings.extend(changes);
    Ok(Reply::json(200, Value::Object(tenant.settings.clone())))
}

/// A row's fields: strings, the named ones required.
fn row<'a>(value: &'a Value, required: &[&str], optional: &[&str]) -> Result<&'a Map<String, Value>, Refusal> {
    let row = value.as_object().ok_or_else(|| Refusal::bad("a row is not an object"))?;
    for key in required {
        match row.get(*key) {
            Some(Value::String(text)) if !text.is_empty() => {}
            _ => return Err(Refusal::bad(format!("a row lacks the string “{key}”"))),
        }
    }
    for key in optional {
        if row.get(*key).is_some_and(|value| !value.is_string()) {
            return Err(Refusal::bad(format!("“{key}” of a row is not a string")));
        }
    }
    Ok(row)
}

fn text(row: &Map<String, Value>, key: &str) -> Option<String> {
    row.get(key).and_then(Value::as_str).map(ToOwned::to_owned)
}

fn render(outcome: &RowOutcome, echo: &[(&str, Option<&String>)]) -> Value {
    let mut out = Map::new();
    for (key, value) in echo {
        if let Some(value) = value {
            out.insert((*key).to_owned(), json!(value));
        }
    }
    out.insert("status".to_owned(), json!(outcome.status));
    if let Some((code, title)) = &outcome.error {
        out.insert("code".to_owned(), json!(code));
        out.insert("title".to_owned(), json!(title));
    }
    Value::Object(out)
}

pub(crate) fn act(tenant: &mut Tenant, call: &Call<'_>, action: &str, by: &str) -> Result<Reply, Refusal> {
    let body = call.body()?;
    let rows = body
        .as_object()
        .and_then(|body| body.get(action))
        .and_then(Value::as_array)
        .ok_or_else(|| Refusal::bad(format!("the body lacks the list “{action}”")))?;
    if rows.len() > call.batch_max {
        return Err(Refusal::new(413, "HTTP-413", "Payload too large").detail(format!("at most {} rows", call.batch_max)));
    }
    // Read all before doing any: a malformed row refuses the whole request.
    let mut parsed = Vec::with_capacity(rows.len());
    for value in rows {
        let fields = match action {
            "update" => row(value, &["subject"], &["type", "sourceType", "sourceSubject"])?,
            "add" => row(value, &["subject", "type"], &["name", "userId"])?,
            _ => row(value, &["subject", "type"], &[])?,
        };
        parsed.push(UpdateRow {
            subject: text(fields, "subject").unwrap_or_default(),
            allotment: text(fields, "type"),
            source_type: text(fields, "sourceType"),
            source_subject: text(fields, "sourceSubject"),
        });
    }
    let (mut data, mut log) = (Vec::with_capacity(parsed.len()), Vec::with_capacity(parsed.len()));
    for row in &parsed {
        let allotment = row.allotment.clone().unwrap_or_default();
        let outcome = match action {
            "add" => tenant.add(&row.subject, &allotment, call.now),
            "delete" => tenant.delete(&row.subject, &allotment, call.now),
            _ => tenant.update(row, call.now),
        };
        let kind = match outcome.status {
            // No seat was free.
            403 => Some(REJECTED),
            _ if !outcome.changed => None,
            _ if action == "delete" => Some(DELETED),
            _ => Some(UPDATED),
        };
        if let Some(kind) = kind {
            let told = row.allotment.as_ref().or(row.source_type.as_ref()).map_or("", String::as_str);
            tenant.note_license(kind, (&row.subject, told), by, call.now);
        }
        let echo = [
            ("type", row.allotment.as_ref()),
            ("subject", Some(&row.subject)),
            ("sourceType", row.source_type.as_ref()),
            ("sourceSubject", row.source_subject.as_ref()),
        ];
        data.push(render(&outcome, &echo));
        log.push(json!({ "subject": row.subject, "type": row.allotment, "action": action, "status": outcome.status, "changed": outcome.changed }));
    }
    let mut reply = Reply::json(207, json!({ "data": data }));
    reply.rows = log;
    Ok(reply)
}
