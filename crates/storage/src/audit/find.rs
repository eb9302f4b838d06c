//! Finds records: the newest that pass a filter, and those that touch something.

use domain::touch::Touch;

use super::{AuditEntry, read};
use crate::store::{Store, StoreError, get};

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
        has(&event.record.actor.name, &self.actor) && has(event.record.target.words(), &self.target)
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
        concat!(
            "SELECT a.seq, r.text, r.hash FROM audit_index a JOIN audit_records r ON r.tenant = a.tenant AND r.seq = a.seq ",
            $tail
        )
    };
}

impl Store {
    /// The newest lines before `before` (a place; 0 for the newest of all), intents and results alike.
    pub async fn audit_trail(&self, tenant: &str, before: i64, most: i64) -> Result<Vec<AuditEntry>, StoreError> {
        sqlx::query(audit_query!("WHERE a.tenant = $1 AND a.seq > 0 AND ($2 = 0 OR a.seq < $2) ORDER BY a.seq DESC LIMIT $3"))
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
            "WHERE a.tenant = $1 AND a.seq > 0 AND ($2 = 0 OR a.seq < $2) AND a.at >= $3 AND ($4 = 0 OR a.at < $4) \
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

    /// The record at a place.
    pub async fn audit_record(&self, tenant: &str, seq: i64) -> Result<Option<AuditEntry>, StoreError> {
        sqlx::query("SELECT seq, text, hash FROM audit_records WHERE tenant = $1 AND seq = $2 AND seq > 0")
            .bind(tenant.to_owned())
            .bind(seq)
            .fetch_optional(&self.pool)
            .await?
            .map(|row| read(&row))
            .transpose()
    }

    /// What jobs did after a time, newest first, before a place (0 for the newest of all): each with its place and text.
    pub async fn done_after(&self, tenant: &str, at: i64, before: i64, most: i64) -> Result<Vec<(i64, String)>, StoreError> {
        sqlx::query(
            "SELECT a.seq AS seq, r.text AS text FROM audit_index a JOIN audit_records r ON r.tenant = a.tenant AND r.seq = a.seq \
             WHERE a.tenant = $1 AND a.seq > 0 AND ($2 = 0 OR a.seq < $2) AND a.at > $3 AND a.outcome = 'done' AND a.job_id <> '' \
             ORDER BY a.seq DESC LIMIT $4",
        )
        .bind(tenant.to_owned())
        .bind(before)
        .bind(at)
        .bind(most)
        .fetch_all(&self.pool)
        .await?
        .iter()
        .map(|row| Ok((get(row, "seq")?, get(row, "text")?)))
        .collect()
    }

    /// What jobs did to groups after a time and up to another, newest first and `most` at most, each with a key of what it touches.
    pub async fn done_to_groups(
        &self,
        tenant: &str,
        (after, upto): (i64, i64),
        most: i64,
    ) -> Result<Vec<(String, AuditEntry)>, StoreError> {
        sqlx::query(
            "SELECT a.seq, r.text, r.hash, t.key FROM audit_index a JOIN audit_records r ON r.tenant = a.tenant AND r.seq = a.seq \
             JOIN audit_touches t ON t.tenant = a.tenant AND t.seq = a.seq WHERE a.tenant = $1 AND a.seq > 0 AND a.at > $2 \
             AND a.at <= $3 AND a.outcome = 'done' AND a.job_id <> '' \
             AND a.action IN ('create group', 'edit group', 'set roles', 'delete group') ORDER BY a.seq DESC LIMIT $4",
        )
        .bind(tenant.to_owned())
        .bind(after)
        .bind(upto)
        .bind(most)
        .fetch_all(&self.pool)
        .await?
        .iter()
        .map(|row| Ok((get(row, "key")?, read(row)?)))
        .collect()
    }

    /// The newest lines that touch one thing: what somebody holds, a group or a setting.
    pub async fn audit_of(&self, tenant: &str, touch: &Touch, most: i64) -> Result<Vec<AuditEntry>, StoreError> {
        sqlx::query(audit_query!(
            "JOIN audit_touches t ON t.tenant = a.tenant AND t.seq = a.seq WHERE t.tenant = $1 AND t.seq > 0 AND t.key = $2 \
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

    /// The newest records of jobs by which licenses were refused, `most` at most, newest first.
    pub async fn refusals(&self, tenant: &str, most: i64) -> Result<Vec<AuditEntry>, StoreError> {
        sqlx::query(
            "SELECT a.seq, r.text, r.hash FROM audit_index a JOIN audit_records r ON r.tenant = a.tenant AND r.seq = a.seq \
             WHERE a.tenant = $1 AND a.seq > 0 AND a.outcome = 'refused' AND a.job_id <> '' AND a.action IN ('assign', 'change type') \
             ORDER BY a.seq DESC LIMIT $2",
        )
        .bind(tenant.to_owned())
        .bind(most)
        .fetch_all(&self.pool)
        .await?
        .iter()
        .map(read)
        .collect()
    }
}
