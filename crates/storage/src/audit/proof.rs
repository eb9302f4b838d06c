//! Hands trails out as they are stored, for whoever checks them or takes them away.

use trail::Hash;
use trail::verify::{Head, Row};

use super::{AuditEntry, read};
use crate::store::{Store, StoreError, get};

/// A trail that goes on behind its last checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uncovered {
    /// Whose.
    pub tenant: String,
    /// By so many records.
    pub records: i64,
}

impl Store {
    /// Whose trails there are, by any trace of them; the portal's own is the empty one.
    pub async fn trails(&self) -> Result<Vec<String>, StoreError> {
        sqlx::query(
            "SELECT tenant FROM audit_heads UNION SELECT tenant FROM audit_checkpoints UNION \
             SELECT DISTINCT tenant FROM audit_records ORDER BY tenant",
        )
        .fetch_all(&self.pool)
        .await?
        .iter()
        .map(|row| get(row, "tenant"))
        .collect()
    }

    /// Where a tenant's trail ends, and whether the audit key vouched for it. `None` where there is no end.
    pub async fn audit_head(&self, tenant: &str) -> Result<Option<Head>, StoreError> {
        let row = sqlx::query("SELECT seq, hash, mac FROM audit_heads WHERE tenant = $1")
            .bind(tenant.to_owned())
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let (seq, mac): (i64, Vec<u8>) = (get(&row, "seq")?, get(&row, "mac").unwrap_or_default());
        let hash = get::<Vec<u8>>(&row, "hash").ok().and_then(|hash| Hash::read(&hash));
        // Nobody has vouched for a trail that has not begun.
        let is_new = seq == 0 && mac.is_empty() && hash == Some(Hash::genesis(tenant));
        let vouched = is_new || hash.is_some_and(|hash| self.audit_key.vouched(tenant, seq, &hash, &mac));
        Ok(Some(Head { seq, hash, vouched: Some((self.audit_key.public(), vouched)) }))
    }

    /// The next records behind a place and up to another, at most so many, with the columns beside them.
    pub async fn audit_rows(&self, tenant: &str, after: i64, until: i64, most: i64) -> Result<Vec<Row>, StoreError> {
        // One column instead of six: taking rows apart is most of the work.
        const ROWS: &str = "SELECT r.seq, r.text, r.hash, i.at || '\u{1f}' || i.actor || '\u{1f}' || i.action || '\u{1f}' || i.target \
                            || '\u{1f}' || i.job_id || '\u{1f}' || i.outcome AS beside FROM audit_records r \
                            LEFT JOIN audit_index i ON i.tenant = r.tenant AND i.seq = r.seq \
                            WHERE r.tenant = $1 AND r.seq > $2 AND r.seq <= $3 ORDER BY r.seq LIMIT $4";
        let rows = sqlx::query(ROWS).bind(tenant.to_owned()).bind(after).bind(until).bind(most).fetch_all(&self.pool).await?;
        rows.iter()
            .map(|row| {
                // Something of another kind in a column was not written by this program: it is a fault to be told, and stops nothing.
                // A record without columns beside it is one whose columns say something else.
                let beside = get::<Option<String>>(row, "beside").ok().flatten();
                Ok(Row {
                    seq: Some(get(row, "seq")?),
                    text: get(row, "text").unwrap_or_default(),
                    hash: get::<Vec<u8>>(row, "hash").ok().and_then(|hash| Hash::read(&hash)),
                    beside: Some(beside.unwrap_or_default()),
                })
            })
            .collect()
    }

    /// Places that something is found by and no record is at.
    pub async fn columns_without_records(&self, tenant: &str, most: i64) -> Result<Vec<i64>, StoreError> {
        // As many as there are records: then none is without one, for those that have no columns are told by themselves.
        let counted = sqlx::query(
            "SELECT (SELECT COUNT(*) FROM audit_index WHERE tenant = $1) - (SELECT COUNT(*) FROM audit_records WHERE tenant = $1) AS more",
        )
        .bind(tenant.to_owned())
        .fetch_one(&self.pool)
        .await?;
        if get::<i64>(&counted, "more")? == 0 {
            return Ok(Vec::new());
        }
        sqlx::query(
            "SELECT i.seq FROM audit_index i WHERE i.tenant = $1 AND NOT EXISTS \
             (SELECT 1 FROM audit_records r WHERE r.tenant = i.tenant AND r.seq = i.seq) ORDER BY i.seq LIMIT $2",
        )
        .bind(tenant.to_owned())
        .bind(most)
        .fetch_all(&self.pool)
        .await?
        .iter()
        .map(|row| get(row, "seq"))
        .collect()
    }

    /// The next records behind a place and up to another, at most so many, oldest first.
    pub async fn audit_from(&self, tenant: &str, after: i64, until: i64, most: i64) -> Result<Vec<AuditEntry>, StoreError> {
        sqlx::query(
            "SELECT seq, text, hash FROM audit_records WHERE tenant = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4",
        )
        .bind(tenant.to_owned())
        .bind(after)
        .bind(until)
        .bind(most)
        .fetch_all(&self.pool)
        .await?
        .iter()
        .map(read)
        .collect()
    }
}
