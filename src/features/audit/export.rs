//! The trail as a file: all that passes the page's filter, jobs row by row, newest first.

use std::collections::HashMap;
use std::sync::Arc;

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
use storage::{Actor, AuditEntry, AuditFilter, NewAudit, Store};

use super::service::{filter_of, named, role_names};
use super::view::Asked;
use crate::error::AppError;
use crate::features::shared::refused_as_text as refused;
use crate::rank::Rank;
use crate::server::access::{Access, Caller, Operator};
use crate::server::state::{AppState, Shared};
use crate::server::zone::Zone;
use crate::ui::query::from_query;

/// Events that are read at once; the file is never in memory as a whole.
const AT_ONCE: i64 = 1_000;

/// The routes of this room that are no pages.
pub fn routes(state: &Shared) -> Router<AppState> {
    Router::new()
        .route("/t/{tenant}/audit/export", get(export))
        .route("/audit/export", get(export_own))
        .layer(Extension(state.clone()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    JsonLines,
}

/// What the file is to have.
#[derive(Debug)]
struct Wanted {
    filter: AuditFilter,
    format: Format,
    /// Names of roles by id.
    roles: HashMap<String, String>,
}

async fn export(
    Extension(state): Extension<Shared>,
    Extension(caller): Extension<Caller>,
    Path(tenant): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    match prepared(state, caller, &tenant, &query).await {
        Ok((store, asked)) => answer(store, tenant, asked),
        Err(error) => refused(&error),
    }
}

/// The portal's own trail: who signed in and out, what was refused at the door, which sessions were ended.
async fn export_own(
    Extension(state): Extension<Shared>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
) -> Response {
    match prepared_own(&state, &caller, &query.unwrap_or_default()).await {
        Ok(wanted) => answer(state.engine.store.clone(), String::new(), wanted),
        Err(error) => refused(&error),
    }
}

/// Who may, what is asked, and a line of the trail that it was taken.
async fn prepared(state: Shared, caller: Caller, tenant: &str, query: &str) -> Result<(Store, Arc<Wanted>), AppError> {
    let access = Access::<Operator>::of(state, caller, tenant).await?;
    let wanted = Wanted { roles: role_names(&access).await, ..Wanted::read(query, &access.zone)? };
    let store = access.state.engine.store.clone();
    store.audit(&[taken(tenant, access.now(), access.actor.clone(), query)]).await?;
    Ok((store, Arc::new(wanted)))
}

/// The same for the portal's own trail, which is for admins.
async fn prepared_own(state: &Shared, caller: &Caller, query: &str) -> Result<Arc<Wanted>, AppError> {
    caller.must_have_session().await?;
    caller.must_be(state, Rank::Admin).await?;
    let wanted = Wanted::read(query, &caller.zone)?;
    let actor = Actor::new(&caller.principal, &caller.name, "", "");
    state.engine.store.audit(&[taken("", state.engine.clock.now_ms(), actor, query)]).await?;
    Ok(Arc::new(wanted))
}

impl Wanted {
    fn read(query: &str, zone: &Zone) -> Result<Self, AppError> {
        // A file is read without the page beside it: each job row by row.
        let filter = AuditFilter { rows: true, ..filter_of(&Asked::read(query), zone)? };
        let format = from_query(query).into_iter().find(|(key, _)| key == "format").map(|(_, value)| value);
        let format = match format.as_deref() {
            None | Some("csv") => Format::Csv,
            Some("jsonl") => Format::JsonLines,
            Some(_) => return Err(AppError::invalid("Unknown format", "Use format=csv or format=jsonl.")),
        };
        Ok(Self { filter, format, roles: HashMap::new() })
    }
}

/// That a trail was taken away is itself a line of it.
fn taken(tenant: &str, at: i64, actor: Actor, query: &str) -> NewAudit {
    NewAudit {
        tenant: tenant.to_owned(),
        at,
        actor,
        action: "export".to_owned(),
        target: "audit trail".to_owned(),
        outcome: "done".to_owned(),
        detail: Asked { before: 0, ..Asked::read(query) }.query(),
        ..NewAudit::default()
    }
}

const HEADINGS: [&str; 10] = ["No.", "Time", "Actor", "Principal", "Qlik user", "Action", "Target", "Result", "Details", "Job"];

fn answer(store: Store, tenant: String, wanted: Arc<Wanted>) -> Response {
    let (kind, name) = match wanted.format {
        Format::Csv => ("text/csv; charset=utf-8", "audit.csv"),
        Format::JsonLines => ("application/jsonl; charset=utf-8", "audit.jsonl"),
    };
    let head = match wanted.format {
        Format::Csv => write(&HEADINGS, []),
        Format::JsonLines => Vec::new(),
    };
    let pages = stream::try_unfold((0_i64, Some(head)), move |(before, head)| {
        let (store, tenant, wanted) = (store.clone(), tenant.clone(), wanted.clone());
        async move {
            if before < 0 {
                return Ok::<_, storage::StoreError>(None);
            }
            let events = store.audit_events(&tenant, &wanted.filter, before, AT_ONCE).await?;
            let whole = i64::try_from(events.len()).unwrap_or(i64::MAX) == AT_ONCE;
            let next = events.last().filter(|_| whole).map_or(-1, |event| event.seq);
            let mut bytes = head.unwrap_or_default();
            for event in &events {
                bytes.extend(written(event, &wanted));
            }
            Ok(Some((Bytes::from(bytes), (next, None))))
        }
    });
    let attachment = format!("attachment; filename=\"{name}\"");
    ([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, attachment)], Body::from_stream(pages))
        .into_response()
}

fn written(AuditEntry { seq, entry }: &AuditEntry, wanted: &Wanted) -> Vec<u8> {
    let (actor, at, detail) = (&entry.actor, iso(entry.at), named(&entry.detail, &wanted.roles));
    match wanted.format {
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
                &detail,
                &entry.job,
            ];
            lines(',', [cells.into_iter().map(|cell| Field::new(cell)).collect()])
        }
        Format::JsonLines => {
            let line = json!({
                "seq": seq, "at": at, "actor": actor.words, "principal": actor.principal, "qlik_user": actor.qlik_user,
                "action": entry.action, "target": entry.target, "outcome": entry.outcome, "detail": detail, "job": entry.job,
            });
            format!("{line}\n").into_bytes()
        }
    }
}
