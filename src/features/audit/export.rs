//! The trail as a file: all that passes the page's filter, jobs row by row. Without a filter, lines of JSON prove themselves.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, Path, RawQuery};
use axum::http::header;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::import::{Field, lines, write};
use engine::checkpoints::{self, NotKept};
use engine::clock::iso;
use futures::{Stream, stream};
use storage::{AuditEntry, AuditFilter, NewAudit};
use trail::{Target, export};

use super::details::details;
use super::service::{filter_of, role_names};
use super::view::Asked;
use crate::error::AppError;
use crate::features::shared::refused_as_text as refused;
use crate::rank::Rank;
use crate::server::access::{Access, Caller, Operator};
use crate::server::auth::trail::record;
use crate::server::middleware;
use crate::server::state::{AppState, Shared};
use crate::server::zone::Zone;
use crate::ui::query::from_query;

/// Events that are read at once; the file is never in memory as a whole.
const AT_ONCE: i64 = 1_000;

/// The routes of this room that are no pages.
pub fn routes(state: &Shared) -> Router<AppState> {
    Router::new()
        .route("/t/{tenant}/audit/export", get(export_tenants))
        .route("/t/{tenant}/audit/then.csv", get(super::then::file))
        .route("/audit/export", get(export_own))
        // What is taken away is written down, and a look at the headers takes nothing away.
        .layer(from_fn(middleware::get_only))
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
    /// It leaves something out.
    is_filtered: bool,
    format: Format,
    /// Names of roles by id.
    roles: HashMap<String, String>,
}

async fn export_tenants(
    Extension(state): Extension<Shared>,
    Extension(caller): Extension<Caller>,
    Path(tenant): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    match prepared(state, caller, &tenant, &query).await {
        Ok((state, asked)) => answer(state, tenant, asked),
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
        Ok(wanted) => answer(state.clone(), String::new(), wanted),
        Err(error) => refused(&error),
    }
}

/// Who may, what is asked, and a line of the trail that it was taken.
async fn prepared(state: Shared, caller: Caller, tenant: &str, query: &str) -> Result<(Shared, Arc<Wanted>), AppError> {
    let access = Access::<Operator>::of(state, caller, tenant).await?;
    let wanted = Wanted { roles: role_names(&access).await, ..Wanted::read(query, &access.zone)? };
    let record = taken(query, access.record("export", Target::default()));
    access.state.engine.store.audit(&[record]).await?;
    Ok((access.state, Arc::new(wanted)))
}

/// The same for the portal's own trail, which is for admins.
async fn prepared_own(state: &Shared, caller: &Caller, query: &str) -> Result<Arc<Wanted>, AppError> {
    caller.must_have_session().await?;
    caller.must_be(state, Rank::Admin).await?;
    let wanted = Wanted::read(query, &caller.zone)?;
    let record = record(state.engine.clock.now_ms(), "export", Some(&caller.signed_in), &caller.from, "done", "");
    state.engine.store.audit(&[taken(query, record)]).await?;
    Ok(Arc::new(wanted))
}

impl Wanted {
    fn read(query: &str, zone: &Zone) -> Result<Self, AppError> {
        // A file is read without the page beside it: each job row by row.
        let asked = Asked { before: 0, ..Asked::read(query) };
        let filter = AuditFilter { rows: true, ..filter_of(&asked, zone)? };
        let format = from_query(query).into_iter().find(|(key, _)| key == "format").map(|(_, value)| value);
        let format = match format.as_deref() {
            None | Some("csv") => Format::Csv,
            Some("jsonl") => Format::JsonLines,
            Some(_) => return Err(AppError::invalid("Unknown format", "Use format=csv or format=jsonl.")),
        };
        Ok(Self { filter, is_filtered: asked.is_filtered(), format, roles: HashMap::new() })
    }
}

/// That a trail was taken away is itself a record of it.
fn taken(query: &str, record: NewAudit) -> NewAudit {
    NewAudit {
        target: Target::named("trail", "audit trail"),
        outcome: "done".to_owned(),
        reason: Asked { before: 0, ..Asked::read(query) }.query(),
        ..record
    }
}

const HEADINGS: [&str; 14] = [
    "No.",
    "Time",
    "Actor",
    "Issuer",
    "Subject",
    "Role",
    "Address",
    "Qlik user",
    "Action",
    "Target",
    "Result",
    "Details",
    "Job",
    "Plan",
];

fn answer(state: Shared, tenant: String, wanted: Arc<Wanted>) -> Response {
    let (kind, name) = match wanted.format {
        Format::Csv => ("text/csv; charset=utf-8", "audit.csv"),
        Format::JsonLines => ("application/jsonl; charset=utf-8", "audit.jsonl"),
    };
    let attachment = format!("attachment; filename=\"{name}\"");
    let body = match (wanted.format, wanted.is_filtered) {
        (Format::JsonLines, false) => Body::from_stream(proving(state, tenant)),
        (Format::JsonLines, true) => Body::from_stream(found(state, tenant, wanted, export::FILTERED.as_bytes().to_vec())),
        (Format::Csv, _) => Body::from_stream(found(state, tenant, wanted, write(&HEADINGS, []))),
    };
    ([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, attachment)], body).into_response()
}

/// What passes a filter, newest first.
fn found(
    state: Shared,
    tenant: String,
    wanted: Arc<Wanted>,
    head: Vec<u8>,
) -> impl Stream<Item = Result<Bytes, storage::StoreError>> {
    stream::try_unfold((0_i64, Some(head)), move |(before, head)| {
        let (state, tenant, wanted) = (state.clone(), tenant.clone(), wanted.clone());
        async move {
            if before < 0 {
                return Ok(None);
            }
            let events = state.engine.store.audit_events(&tenant, &wanted.filter, before, AT_ONCE).await?;
            let whole = i64::try_from(events.len()).unwrap_or(i64::MAX) == AT_ONCE;
            let next = events.last().filter(|_| whole).map_or(-1, |event| event.seq);
            let mut bytes = head.unwrap_or_default();
            for event in &events {
                match wanted.format {
                    Format::Csv => bytes.extend(line(event, &wanted)),
                    Format::JsonLines => bytes.extend(export::record_line(&event.text, &event.hash).into_bytes()),
                }
            }
            Ok(Some((Bytes::from(bytes), (next, None))))
        }
    })
}

/// Everything, oldest first, each checkpoint behind its record, and at the end one that was signed for this file: it proves itself.
fn proving(state: Shared, tenant: String) -> impl Stream<Item = Result<Bytes, NotKept>> {
    stream::try_unfold((0_i64, None), move |(after, end)| {
        let (state, tenant) = (state.clone(), tenant.clone());
        async move {
            let store = &state.engine.store;
            let end = match end {
                Some(end) => end,
                None => {
                    checkpoints::sign(&state.engine, &tenant).await?;
                    store.checkpointed(&tenant).await?
                }
            };
            if after >= end {
                return Ok(None);
            }
            let records = store.audit_from(&tenant, after, end, AT_ONCE).await?;
            // Where a record is gone the file says no more than there is, and does not prove itself.
            let next = records.last().map_or(end, |record| record.seq);
            let signed = store.checkpoints(&tenant, after, next).await?;
            let last = signed.len();
            let mut signed = (1..).zip(signed).peekable();
            let mut lines = String::new();
            for record in &records {
                lines.push_str(&export::record_line(&record.text, &record.hash));
                while let Some((n, signed)) = signed.next_if(|(_, signed)| signed.checkpoint.seq <= record.seq) {
                    let last = (n == last && next == end).then(|| store.sign_end(&signed));
                    lines.push_str(&export::checkpoint_line(&signed, last.as_deref()));
                }
            }
            Ok(Some((Bytes::from(lines), (next, Some(end)))))
        }
    })
}

fn line(AuditEntry { seq, record, .. }: &AuditEntry, wanted: &Wanted) -> Vec<u8> {
    let actor = &record.actor;
    let (seq, at, detail) = (seq.to_string(), iso(record.at), details(record, &wanted.roles));
    let target = record.target.words().to_owned();
    let cells = [
        &seq,
        &at,
        &actor.name,
        &actor.issuer,
        &actor.subject,
        &actor.role,
        &actor.address,
        &actor.qlik_user,
        &record.action,
        &target,
        &record.outcome,
        &detail,
        &record.job,
        &record.plan,
    ];
    lines(',', [cells.into_iter().map(|cell| Field::new(cell)).collect()])
}
