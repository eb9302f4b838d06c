//! The audit trail: what was intended and what came of it, in one order per tenant, never changed.

use std::collections::HashSet;

use domain::touch::{Touch, Touches};
use sqlx::any::AnyRow;
use sqlx::{Any, Transaction};

use crate::actor::{Actor, read_actor};
use crate::store::{AT_ONCE, Store, StoreError, get, insert};

/// A line of the trail before it has its place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewAudit {
    /// Which tenant.
    pub tenant: String,
    /// When.
    pub at: i64,
    /// Who: the portal's user and the Qlik user they acted as.
    pub actor: Actor,
    /// What, such as `apply` or `assign`.
    pub action: String,
    /// To what: a subject, a group, a setting, a plan.
    pub target: String,
    /// What it touches: what the trail finds it by.
    pub touches: Touches,
    /// In which job; empty outside of one.
    pub job: String,
    /// What came of it; `intent` before anything was sent.
    pub outcome: String,
    /// More of it, with Qlik's code and trace id.
    pub detail: String,
}

/// A line of the trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its place, from 1, without gaps.
    pub seq: i64,
    /// What it says. What it touches does not come back.
    pub entry: NewAudit,
}

/// Which events of the trail are wanted. Empty is any.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditFilter {
    /// Occurs in the words for who acted; case does not matter.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// Occurs in what it was done to; case does not matter.
    pub target: String,
    /// What came of it.
    pub outcome: String,
    /// At this time or later; 0 for the beginning.
    pub from: i64,
    /// Before this time; 0 for no end.
    pub until: i64,
    /// Of this job, row by row.
    pub job: String,
    /// Row by row, whatever else is asked.
    pub rows: bool,
}

impl AuditFilter {
    /// Whether an event has the words that are asked for, in whatever case.
    fn takes(&self, event: &AuditEntry) -> bool {
        let has = |text: &str, wanted: &str| wanted.is_ascii() || text.to_lowercase().contains(&wanted.to_lowercase());
        has(&event.entry.actor.words, &self.actor) && has(&event.entry.target, &self.target)
    }

    /// Whether a job is to be told row by row, and not as one event.
    fn by_rows(&self) -> bool {
        self.rows || [&self.action, &self.target, &self.outcome, &self.job].iter().any(|wanted| !wanted.is_empty())
    }
}

/// A pattern that finds at least the texts with this one in them; empty for any. Databases differ in which letters they know in
/// both cases: any letter stands for one beyond ASCII, and [`AuditFilter::takes`] has the last word.
fn contains(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let mut pattern = String::from("%");
    for letter in text.chars() {
        match letter {
            '!' | '%' | '_' => pattern.extend(['!', letter]),
            letter if letter.is_ascii() => pattern.push(letter.to_ascii_lowercase()),
            _ => pattern.push('_'),
        }
    }
    pattern.push('%');
    pattern
}

macro_rules! audit_query {
    ($tail:literal) => {
        concat!("SELECT a.tenant, a.seq, a.at, a.actor, a.principal, a.qlik_user, a.action, a.target, a.job_id, a.outcome, a.detail FROM audit a ", $tail)
    };
}

/// What jobs changed since a place of the trail, by key; not what is `known` of some jobs, each up to a place.
pub(crate) async fn done_since(
    transaction: &mut Transaction<'static, Any>,
    tenant: &str,
    seq: i64,
    known: &[(String, i64)],
) -> Result<HashSet<String>, StoreError> {
    let rows = sqlx::query(
        "SELECT a.seq, a.job_id, t.key FROM audit a JOIN audit_touches t ON t.tenant = a.tenant AND t.seq = a.seq \
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

/// Takes the places of `lines` lines at the end of a tenant's trail, and the trail itself until the transaction ends: whoever
/// adds to it, or claims one of the tenant's jobs, comes after. Returns the last place before them.
pub(crate) async fn hold_trail(
    transaction: &mut Transaction<'static, Any>,
    tenant: &str,
    lines: usize,
) -> Result<i64, StoreError> {
    let lines = i64::try_from(lines).unwrap_or(i64::MAX);
    let row = sqlx::query(
        "INSERT INTO trails (tenant, last) VALUES ($1, $2) ON CONFLICT (tenant) DO UPDATE SET last = trails.last + excluded.last \
         RETURNING last",
    )
    .bind(tenant.to_owned())
    .bind(lines)
    .fetch_one(&mut **transaction)
    .await?;
    let last: i64 = get(&row, "last")?;
    Ok(last - lines)
}

/// Adds lines of one tenant in their order. Within a transaction, so that a change and its record stand or fall together.
pub(crate) async fn append(transaction: &mut Transaction<'static, Any>, lines: &[NewAudit]) -> Result<(), StoreError> {
    let Some(tenant) = lines.first().map(|line| line.tenant.clone()) else { return Ok(()) };
    let before = hold_trail(transaction, &tenant, lines.len()).await?;
    for (before, lines) in (before..).step_by(AT_ONCE).zip(lines.chunks(AT_ONCE)) {
        const HEAD: &str =
            "INSERT INTO audit (tenant, seq, at, actor, principal, qlik_user, action, target, job_id, outcome, detail) VALUES";
        let mut query = sqlx::query(insert(HEAD, lines.len(), 11, ""));
        for (seq, line) in (before + 1..).zip(lines) {
            query = query
                .bind(tenant.clone())
                .bind(seq)
                .bind(line.at)
                .bind(line.actor.words.clone())
                .bind(line.actor.principal.clone())
                .bind(line.actor.qlik_user.clone())
                .bind(line.action.clone())
                .bind(line.target.clone())
                .bind(line.job.clone())
                .bind(line.outcome.clone())
                .bind(line.detail.clone());
        }
        query.execute(&mut **transaction).await?;
        let touched =
            (before + 1..).zip(lines).flat_map(|(seq, line)| line.touches.keys().into_iter().map(move |key| (seq, key)));
        let touched: Vec<(i64, String)> = touched.collect();
        for touched in touched.chunks(AT_ONCE) {
            const HEAD: &str = "INSERT INTO audit_touches (tenant, seq, key) VALUES";
            let mut query = sqlx::query(insert(HEAD, touched.len(), 3, "ON CONFLICT (tenant, seq, key) DO NOTHING"));
            for (seq, key) in touched {
                query = query.bind(tenant.clone()).bind(*seq).bind(key.clone());
            }
            query.execute(&mut **transaction).await?;
        }
    }
    Ok(())
}

impl Store {
    /// Where a tenant's trail ends now.
    pub async fn audit_end(&self, tenant: &str) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT COALESCE(MAX(last), 0) AS last FROM trails WHERE tenant = $1")
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
            "SELECT job_id, MAX(seq) AS last FROM audit WHERE tenant = $1 AND seq > $2 AND seq <= $3 AND outcome = 'done' \
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

    /// Adds lines of one tenant.
    pub async fn audit(&self, lines: &[NewAudit]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        append(&mut transaction, lines).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The newest lines before `before` (a place; 0 for the newest of all), intents and results alike.
    pub async fn audit_trail(&self, tenant: &str, before: i64, most: i64) -> Result<Vec<AuditEntry>, StoreError> {
        sqlx::query(audit_query!("WHERE a.tenant = $1 AND ($2 = 0 OR a.seq < $2) ORDER BY a.seq DESC LIMIT $3"))
            .bind(tenant.to_owned())
            .bind(before)
            .bind(most)
            .fetch_all(&self.pool)
            .await?
            .iter()
            .map(read)
            .collect()
    }

    /// The newest events that pass a filter, before `before` (a place; 0 for the newest of all): one line each. A job is one
    /// event, its beginning, unless the filter is about rows; what was intended for a row is told by what came of it.
    pub async fn audit_events(
        &self,
        tenant: &str,
        filter: &AuditFilter,
        before: i64,
        most: i64,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let (mut events, mut before) = (Vec::new(), before);
        loop {
            let found = self.audit_found(tenant, filter, before, most).await?;
            let whole = i64::try_from(found.len()).unwrap_or(i64::MAX) < most;
            before = found.last().map_or(before, |event| event.seq);
            events.extend(found.into_iter().filter(|event| filter.takes(event)));
            if whole || i64::try_from(events.len()).unwrap_or(i64::MAX) >= most {
                events.truncate(usize::try_from(most).unwrap_or(usize::MAX));
                return Ok(events);
            }
        }
    }

    /// What the database finds: at least what passes the filter.
    async fn audit_found(
        &self,
        tenant: &str,
        filter: &AuditFilter,
        before: i64,
        most: i64,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        sqlx::query(audit_query!(
            "WHERE a.tenant = $1 AND ($2 = 0 OR a.seq < $2) AND a.at >= $3 AND ($4 = 0 OR a.at < $4) \
             AND ($5 = '' OR LOWER(a.actor) LIKE $5 ESCAPE '!') AND ($6 = '' OR LOWER(a.target) LIKE $6 ESCAPE '!') \
             AND ($7 = '' OR a.action = $7) AND ($8 = '' OR a.outcome = $8) AND ($9 = '' OR a.job_id = $9) \
             AND (a.action = 'apply' OR a.outcome <> 'intent') AND ($10 = 1 OR a.job_id = '' OR a.action = 'apply' \
             OR a.action = 'revoke key') ORDER BY a.seq DESC LIMIT $11"
        ))
        .bind(tenant.to_owned())
        .bind(before)
        .bind(filter.from)
        .bind(filter.until)
        .bind(contains(&filter.actor))
        .bind(contains(&filter.target))
        .bind(filter.action.clone())
        .bind(filter.outcome.clone())
        .bind(filter.job.clone())
        .bind(i64::from(filter.by_rows()))
        .bind(most)
        .fetch_all(&self.pool)
        .await?
        .iter()
        .map(read)
        .collect()
    }

    /// The newest lines that touch one thing: what somebody holds, a group or a setting.
    pub async fn audit_of(&self, tenant: &str, touch: &Touch, most: i64) -> Result<Vec<AuditEntry>, StoreError> {
        sqlx::query(audit_query!(
            "JOIN audit_touches t ON t.tenant = a.tenant AND t.seq = a.seq WHERE t.tenant = $1 AND t.key = $2 \
             ORDER BY t.seq DESC LIMIT $3"
        ))
        .bind(tenant.to_owned())
        .bind(touch.key())
        .bind(most)
        .fetch_all(&self.pool)
        .await?
        .iter()
        .map(read)
        .collect()
    }
}

fn read(row: &AnyRow) -> Result<AuditEntry, StoreError> {
    Ok(AuditEntry {
        seq: get(row, "seq")?,
        entry: NewAudit {
            tenant: get(row, "tenant")?,
            at: get(row, "at")?,
            actor: read_actor(row, "actor")?,
            action: get(row, "action")?,
            target: get(row, "target")?,
            touches: Touches::default(),
            job: get(row, "job_id")?,
            outcome: get(row, "outcome")?,
            detail: get(row, "detail")?,
        },
    })
}
