//! The trail as a file: what the page's filter shows, and all of it, newest first.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, Path, RawQuery};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::import::{Field, lines, write};
use engine::clock::iso;
use futures::stream;
use serde_json::json;
use storage::{AuditEntry, AuditFilter, NewAudit, Store};

use super::service::filter_of;
use super::view::Asked;
use crate::error::AppError;
use crate::features::shared::refused_as_text as refused;
use crate::server::access::{Access, Caller, Operator};
use crate::server::state::{AppState, Shared};
use crate::ui::query::from_query;

/// Events that are read at once; the file is never in memory as a whole.
const AT_ONCE: i64 = 1_000;

/// The routes of this room that are no pages.
pub fn routes(state: &Shared) -> Router<AppState> {
    Router::new().route("/t/{tenant}/audit/export", get(export)).layer(Extension(state.clone()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    JsonLines,
}

async fn export(
    Extension(state): Extension<Shared>,
    Extension(caller): Extension<Caller>,
    Path(tenant): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    match prepared(state, caller, &tenant, &query).await {
        Ok((store, filter, format)) => answer(store, tenant, filter, format),
        Err(error) => refused(&error),
    }
}

/// Who may, what is asked, and a line of the trail that it was taken.
async fn prepared(state: Shared, caller: Caller, tenant: &str, query: &str) -> Result<(Store, AuditFilter, Format), AppError> {
    let access = Access::<Operator>::of(state, caller, tenant).await?;
    let asked = Asked::read(query);
    let filter = filter_of(&asked)?;
    let format = from_query(query).into_iter().find(|(key, _)| key == "format").map(|(_, value)| value);
    let format = match format.as_deref() {
        None | Some("csv") => Format::Csv,
        Some("jsonl") => Format::JsonLines,
        Some(_) => return Err(AppError::invalid("Unknown format", "Use format=csv or format=jsonl.")),
    };
    let line = NewAudit {
        tenant: access.tenant.id.clone(),
        at: access.now(),
        actor: access.actor.clone(),
        action: "export".to_owned(),
        target: "audit trail".to_owned(),
        outcome: "done".to_owned(),
        detail: Asked { before: 0, ..asked }.query(),
        ..NewAudit::default()
    };
    let store = access.state.engine.store.clone();
    store.audit(&[line]).await?;
    Ok((store, filter, format))
}

const HEADINGS: [&str; 10] = ["No.", "Time", "Actor", "Principal", "Qlik user", "Action", "Target", "Result", "Details", "Job"];

fn answer(store: Store, tenant: String, filter: AuditFilter, format: Format) -> Response {
    let (kind, name) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "audit.csv"),
        Format::JsonLines => ("application/jsonl; charset=utf-8", "audit.jsonl"),
    };
    let head = match format {
        Format::Csv => write(&HEADINGS, []),
        Format::JsonLines => Vec::new(),
    };
    let pages = stream::try_unfold((0_i64, Some(head)), move |(before, head)| {
        let (store, tenant, filter) = (store.clone(), tenant.clone(), filter.clone());
        async move {
            if before < 0 {
                return Ok::<_, storage::StoreError>(None);
            }
            let events = store.audit_events(&tenant, &filter, before, AT_ONCE).await?;
            let whole = i64::try_from(events.len()).unwrap_or(i64::MAX) == AT_ONCE;
            let next = events.last().filter(|_| whole).map_or(-1, |event| event.seq);
            let mut bytes = head.unwrap_or_default();
            for event in &events {
                bytes.extend(written(event, format));
            }
            Ok(Some((Bytes::from(bytes), (next, None))))
        }
    });
    let attachment = format!("attachment; filename=\"{name}\"");
    ([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, attachment)], Body::from_stream(pages))
        .into_response()
}

fn written(AuditEntry { seq, entry }: &AuditEntry, format: Format) -> Vec<u8> {
    let (actor, at) = (&entry.actor, iso(entry.at));
    match format {
        Format::Csv => {
            let seq = seq.to_string();
            let cells = [
                &seq,
                &at,
                &actor.words,
                &actor.principal,
                &actor.qlik_user,
                &entry.action,
                &entry.target,
                &entry.outcome,
                &entry.detail,
                &entry.job,
            ];
            lines(',', [cells.into_iter().map(|cell| Field::new(cell)).collect()])
        }
        Format::JsonLines => {
            let line = json!({
                "seq": seq, "at": at, "actor": actor.words, "principal": actor.principal, "qlik_user": actor.qlik_user,
                "action": entry.action, "target": entry.target, "outcome": entry.outcome, "detail": entry.detail, "job": entry.job,
            });
            format!("{line}\n").into_bytes()
        }
    }
}
