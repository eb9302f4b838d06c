//! The audit trail: what was intended and what came of it, in one order per tenant, never changed. Each record is in a chain of hashes
//! whose end the audit key vouches for.

mod adopt;
mod checkpoints;
mod find;
mod proof;

use std::collections::HashSet;

use domain::change::Change;
use domain::touch::Touches;
use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{Any, Transaction};
use trail::verify::{BROKEN, Beside};
use trail::{Ending, Hash, Key, Qlik, Record, Target};

use crate::actor::Actor;
use crate::store::{AT_ONCE, Store, StoreError, get, insert};

pub use find::AuditFilter;
pub use proof::{Kept, TrailEnd, Uncovered};

/// A record before it has its place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewAudit {
    /// Which tenant; empty for the portal's own trail.
    pub tenant: String,
    /// When.
    pub at: i64,
    /// Who: the portal's user and the Qlik user they acted as.
    pub actor: Actor,
    /// For whom or what, where that is somebody else.
    pub behalf: String,
    /// What, such as `apply` or `assign`.
    pub action: String,
    /// To what.
    pub target: Target,
    /// What it touches: what the trail finds it by.
    pub touches: Touches,
    /// How it was before.
    pub before: Value,
    /// How it is to be after.
    pub after: Value,
    /// By which plan; empty where by none.
    pub plan: String,
    /// In which job; empty outside of one.
    pub job: String,
    /// Which row of the job.
    pub row: Option<i64>,
    /// By which request to the portal; empty where by none.
    pub request: String,
    /// What Qlik answered.
    pub qlik: Qlik,
    /// What came of it; `intent` before anything was sent.
    pub outcome: String,
    /// Why, or more of it in words.
    pub reason: String,
}

impl NewAudit {
    /// What a change does, to what.
    pub fn of(change: &Change) -> Self {
        let (before, after) = change.recorded();
        let (kind, id) = change.addressed();
        Self {
            action: change.kind().verb().to_owned(),
            target: Target::of(kind, id, change.target()),
            touches: change.touches(),
            before,
            after,
            ..Self::default()
        }
    }

    fn at_place(&self, seq: i64) -> Record {
        Record {
            v: 1,
            tenant: self.tenant.clone(),
            seq,
            id: trail::record::fresh_id(),
            at: self.at,
            actor: self.actor.recorded(),
            behalf: self.behalf.clone(),
            action: self.action.clone(),
            target: self.target.clone(),
            before: self.before.clone(),
            after: self.after.clone(),
            plan: self.plan.clone(),
            job: self.job.clone(),
            row: self.row,
            request: self.request.clone(),
            qlik: self.qlik.clone(),
            outcome: self.outcome.clone(),
            reason: self.reason.clone(),
        }
    }
}

/// A record of the trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its place, from 1, without gaps.
    pub seq: i64,
    /// What it says.
    pub record: Record,
    /// Its text, as it was hashed.
    pub text: String,
    /// Its hash.
    pub hash: Hash,
}

/// Where a tenant's trail ends, while its row is held.
pub(crate) struct Held {
    seq: i64,
    hash: Option<Hash>,
    /// How many checkpoints were signed, and the last one's hash.
    signed: Option<(i64, Option<Hash>)>,
    mac: Vec<u8>,
}

impl Held {
    fn read(row: &AnyRow) -> Result<Self, StoreError> {
        let hash = |column| Ok::<_, StoreError>(get::<Option<Vec<u8>>>(row, column)?.and_then(|hash| Hash::read(&hash)));
        let signed: i64 = get(row, "signed")?;
        let last = hash("checkpoint")?;
        Ok(Self {
            seq: get(row, "seq")?,
            hash: hash("hash")?,
            signed: (signed >= 0).then_some((signed, last)),
            mac: get(row, "mac")?,
        })
    }

    /// Nobody has vouched for a trail that has not begun.
    fn is_new(&self, tenant: &str) -> bool {
        self.seq == 0 && self.mac.is_empty() && self.hash == Some(Hash::genesis(tenant))
    }

    fn vouched_by(&self, key: &Key, tenant: &str) -> bool {
        let Self { seq, hash, signed, mac } = self;
        hash.is_some_and(|hash| key.vouched(tenant, &Ending { seq: *seq, hash, signed: *signed }, mac))
    }
}

/// Takes the end of a tenant's trail until the transaction ends: whoever adds to it, or claims one of the tenant's jobs, comes after.
pub(crate) async fn hold_trail(transaction: &mut Transaction<'static, Any>, tenant: &str) -> Result<Held, StoreError> {
    const HOLD: &str = concat!(
        "INSERT INTO audit_heads (tenant, seq, hash, mac, signed) VALUES ($1, 0, $2, $3, 0) ",
        "ON CONFLICT (tenant) DO UPDATE SET seq = audit_heads.seq RETURNING seq, hash, mac, signed, checkpoint"
    );
    let row = sqlx::query(HOLD)
        .bind(tenant.to_owned())
        .bind(Hash::genesis(tenant).bytes().to_vec())
        .bind(Vec::<u8>::new())
        .fetch_one(&mut **transaction)
        .await
        .map_err(StoreError::Trail)?;
    Held::read(&row)
}

/// Writes where a tenant's trail ends, while its row is held.
async fn write_end(transaction: &mut Transaction<'static, Any>, key: &Key, tenant: &str, end: &Ending) -> Result<(), StoreError> {
    let (signed, last) = end.signed.unwrap_or((-1, None));
    sqlx::query("UPDATE audit_heads SET seq = $1, hash = $2, mac = $3, signed = $4, checkpoint = $5 WHERE tenant = $6")
        .bind(end.seq)
        .bind(end.hash.bytes().to_vec())
        .bind(key.vouch(tenant, end))
        .bind(signed)
        .bind(last.map(|last| last.bytes().to_vec()))
        .bind(tenant.to_owned())
        .execute(&mut **transaction)
        .await
        .map_err(StoreError::Trail)?;
    Ok(())
}

/// Adds records of one tenant in their order. Within a transaction, so that a change and its record stand or fall together.
pub(crate) async fn append(transaction: &mut Transaction<'static, Any>, key: &Key, lines: &[NewAudit]) -> Result<(), StoreError> {
    let Some(tenant) = lines.first().map(|line| line.tenant.clone()) else { return Ok(()) };
    extend(transaction, key, &tenant, lines).await.map(|_| ())
}

/// Adds records to a tenant's trail. Where its end was not written by the audit key, that is recorded before them, once and for all:
/// nobody who cuts a trail has it made whole by the next record. Returns the end.
async fn extend(
    transaction: &mut Transaction<'static, Any>,
    key: &Key,
    tenant: &str,
    lines: &[NewAudit],
) -> Result<Ending, StoreError> {
    let held = hold_trail(transaction, tenant).await?;
    let (mut seq, mut hash, mut signed) = (held.seq, held.hash.unwrap_or_else(|| Hash::genesis(tenant)), held.signed);
    let mut broken = None;
    if !held.vouched_by(key, tenant)
        && let Some(end) = end_of(transaction, tenant, held.is_new(tenant)).await?
    {
        let reason = "The end of the trail was not written by the audit key. Run `quartermaster verify-audit`.";
        tracing::error!(target: "quartermaster::security", event = "audit.broken", tenant, seq = held.seq, reason);
        broken = Some(NewAudit {
            tenant: tenant.to_owned(),
            at: lines.first().map_or(0, |line| line.at),
            actor: Actor::system(),
            action: BROKEN.to_owned(),
            target: Target::named("trail", ""),
            outcome: "done".to_owned(),
            reason: reason.to_owned(),
            ..NewAudit::default()
        });
        (seq, hash) = end;
        signed = None;
    }
    if lines.is_empty() && broken.is_none() {
        return Ok(Ending { seq, hash, signed });
    }
    for lines in [broken.as_slice(), lines] {
        for lines in lines.chunks(AT_ONCE) {
            hash = write(transaction, tenant, seq, hash, lines).await?;
            seq += i64::try_from(lines.len()).unwrap_or(0);
        }
    }
    let end = Ending { seq, hash, signed };
    write_end(transaction, key, tenant, &end).await?;
    Ok(end)
}

/// Where the records end, by themselves. Nothing for a trail that begins: with a new end and no records.
async fn end_of(
    transaction: &mut Transaction<'static, Any>,
    tenant: &str,
    is_new: bool,
) -> Result<Option<(i64, Hash)>, StoreError> {
    let last = sqlx::query("SELECT seq, hash FROM audit_records WHERE tenant = $1 ORDER BY seq DESC LIMIT 1")
        .bind(tenant.to_owned())
        .fetch_optional(&mut **transaction)
        .await
        .map_err(StoreError::Trail)?;
    match last {
        Some(row) => {
            let hash = Hash::read(&get::<Vec<u8>>(&row, "hash")?).unwrap_or_else(|| Hash::genesis(tenant));
            Ok(Some((get(&row, "seq")?, hash)))
        }
        None => Ok((!is_new).then(|| (0, Hash::genesis(tenant)))),
    }
}

/// Writes records behind a place and its hash; as many as one statement takes. Returns the last hash.
async fn write(
    transaction: &mut Transaction<'static, Any>,
    tenant: &str,
    before: i64,
    mut hash: Hash,
    lines: &[NewAudit],
) -> Result<Hash, StoreError> {
    const RECORDS: &str = "INSERT INTO audit_records (tenant, seq, text, hash) VALUES";
    const INDEX: &str = "INSERT INTO audit_index (tenant, seq, at, actor, action, target, job_id, outcome) VALUES";
    const TOUCHES: &str = "INSERT INTO audit_touches (tenant, seq, key) VALUES";
    let mut records = sqlx::query(insert(RECORDS, lines.len(), 4, ""));
    let mut index = sqlx::query(insert(INDEX, lines.len(), 8, ""));
    for (seq, line) in (before + 1..).zip(lines) {
        // What is kept and what it is found by are of one text, with everything cut that is too long.
        let text = line.at_place(seq).text();
        let record = Record::read(&text).ok_or(StoreError::Unreadable("a record it is about to write"))?;
        hash = hash.then(&text);
        records = records.bind(tenant.to_owned()).bind(seq).bind(text).bind(hash.bytes().to_vec());
        let Beside { at, actor, action, target, job, outcome } = Beside::of(&record);
        index = index.bind(tenant.to_owned()).bind(seq).bind(at).bind(actor).bind(action).bind(target).bind(job).bind(outcome);
    }
    records.execute(&mut **transaction).await.map_err(StoreError::Trail)?;
    index.execute(&mut **transaction).await.map_err(StoreError::Trail)?;
    let touched = (before + 1..).zip(lines).flat_map(|(seq, line)| line.touches.keys().into_iter().map(move |key| (seq, key)));
    let touched: Vec<(i64, String)> = touched.collect();
    for touched in touched.chunks(AT_ONCE) {
        let mut query = sqlx::query(insert(TOUCHES, touched.len(), 3, "ON CONFLICT (tenant, seq, key) DO NOTHING"));
        for (seq, key) in touched {
            query = query.bind(tenant.to_owned()).bind(*seq).bind(key.clone());
        }
        query.execute(&mut **transaction).await.map_err(StoreError::Trail)?;
    }
    Ok(hash)
}

/// What jobs changed since a place of the trail, by key; not what is `known` of some jobs, each up to a place.
pub(crate) async fn done_since(
    transaction: &mut Transaction<'static, Any>,
    tenant: &str,
    seq: i64,
    known: &[(String, i64)],
) -> Result<HashSet<String>, StoreError> {
    let rows = sqlx::query(
        "SELECT a.seq, a.job_id, t.key FROM audit_index a JOIN audit_touches t ON t.tenant = a.tenant AND t.seq = a.seq \
         WHERE a.tenant = $1 AND a.seq > $2 AND a.outcome = 'done'",
    )
    .bind(tenant.to_owned())
    .bind(seq)
    .fetch_all(&mut **transaction)
    .await?;
    let mut keys = HashSet::with_capacity(rows.len());
    for row in &rows {
        let (job, seq): (String, i64) = (get(row, "job_id")?, get(row, "seq")?);
        if !known.iter().any(|(known, upto)| *known == job && seq <= *upto) {
            keys.insert(get(row, "key")?);
        }
    }
    Ok(keys)
}

impl Store {
    /// Where a tenant's trail ends now.
    pub async fn audit_end(&self, tenant: &str) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT COALESCE(MAX(seq), 0) AS last FROM audit_heads WHERE tenant = $1")
            .bind(tenant.to_owned())
            .fetch_one(&self.pool)
            .await?;
        get(&row, "last")
    }

    /// Jobs with something done after a place of a tenant's trail, and where the trail ends now.
    pub async fn jobs_of_trail(&self, tenant: &str, after: i64) -> Result<(i64, Vec<(String, i64)>), StoreError> {
        let end = self.audit_end(tenant).await?;
        if end <= after {
            return Ok((end, Vec::new()));
        }
        let rows = sqlx::query(
            "SELECT job_id, MAX(seq) AS last FROM audit_index WHERE tenant = $1 AND seq > $2 AND seq <= $3 AND outcome = 'done' \
             AND job_id <> '' GROUP BY job_id",
        )
        .bind(tenant.to_owned())
        .bind(after)
        .bind(end)
        .fetch_all(&self.pool)
        .await?;
        let jobs = rows.iter().map(|row| Ok((get(row, "job_id")?, get(row, "last")?))).collect::<Result<_, StoreError>>()?;
        Ok((end, jobs))
    }

    /// Adds records of one tenant.
    pub async fn audit(&self, lines: &[NewAudit]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        append(&mut transaction, &self.audit_key, lines).await?;
        transaction.commit().await.map_err(StoreError::Trail)?;
        Ok(())
    }
}

fn read(row: &AnyRow) -> Result<AuditEntry, StoreError> {
    let text: String = get(row, "text")?;
    Ok(AuditEntry {
        seq: get(row, "seq")?,
        record: Record::read(&text).ok_or(StoreError::Unreadable("a record of the trail"))?,
        hash: Hash::read(&get::<Vec<u8>>(row, "hash")?).ok_or(StoreError::Unreadable("the hash of a record"))?,
        text,
    })
}
