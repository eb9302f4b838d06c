//! Hands trails out as they are stored, for whoever checks them or takes them away.

use sqlx::any::AnyRow;
use trail::verify::{Head, Row};
use trail::{Hash, Signed};

use super::{AuditEntry, Held, checkpoints, read};
use crate::store::{Store, StoreError, get};

/// A checkpoint as it is stored, with the columns beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its number, from 1.
    pub n: i64,
    /// At which place it is said to be.
    pub seq: i64,
    /// What was signed.
    pub signed: Signed,
}

/// The end of a trail, all of it as it was at one moment.
#[derive(Debug, Clone)]
pub struct TrailEnd {
    /// Records behind a place.
    pub rows: Vec<Row>,
    /// Every checkpoint, as they are numbered.
    pub checkpoints: Vec<Kept>,
    /// Where the trail is said to end.
    pub head: Option<Head>,
}

/// A trail that goes on behind its last checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uncovered {
    /// Whose.
    pub tenant: String,
    /// By so many records.
    pub records: i64,
}

const HEAD: &str = "SELECT seq, hash, mac, signed, checkpoint FROM audit_heads WHERE tenant = $1";

// One column beside a record instead of six: taking rows apart is most of the work.
const ROWS: &str = "SELECT r.seq, r.text, r.hash, i.at || '\u{1f}' || i.actor || '\u{1f}' || i.action || '\u{1f}' || i.target \
                    || '\u{1f}' || i.job_id || '\u{1f}' || i.outcome AS beside FROM audit_records r \
                    LEFT JOIN audit_index i ON i.tenant = r.tenant AND i.seq = r.seq \
                    WHERE r.tenant = $1 AND r.seq > $2 AND r.seq <= $3 ORDER BY r.seq LIMIT $4";

/// Something of another kind in a column was not written by this program: it is a fault to be told, and stops nothing. A record without
/// columns beside it is one whose columns say something else.
fn stored(row: &AnyRow) -> Row {
    let beside = get::<Option<String>>(row, "beside").ok().flatten();
    Row {
        // A place that is none stands before the first.
        seq: Some(get(row, "seq").unwrap_or(i64::MIN)),
        text: get(row, "text").unwrap_or_default(),
        hash: get::<Vec<u8>>(row, "hash").ok().and_then(|hash| Hash::read(&hash)),
        beside: Some(beside.unwrap_or_default()),
    }
}

impl Store {
    /// Whose trails there are, by any trace of them; the portal's own is the empty one.
    pub async fn trails(&self) -> Result<Vec<String>, StoreError> {
        // From tenant to tenant along the primary keys: a million rows are not looked through for a handful of names.
        const TENANTS: &str = "WITH RECURSIVE \
             r (tenant) AS (SELECT MIN(tenant) FROM audit_records UNION ALL \
                SELECT (SELECT MIN(a.tenant) FROM audit_records a WHERE a.tenant > r.tenant) FROM r WHERE r.tenant IS NOT NULL), \
             i (tenant) AS (SELECT MIN(tenant) FROM audit_index UNION ALL \
                SELECT (SELECT MIN(a.tenant) FROM audit_index a WHERE a.tenant > i.tenant) FROM i WHERE i.tenant IS NOT NULL) \
             SELECT DISTINCT CAST(tenant AS TEXT) AS tenant FROM (SELECT tenant FROM audit_heads UNION SELECT tenant FROM audit_checkpoints \
                UNION SELECT tenant FROM r UNION SELECT tenant FROM i) AS traces WHERE tenant IS NOT NULL ORDER BY 1";
        sqlx::query(TENANTS).fetch_all(&self.pool).await?.iter().map(|row| get(row, "tenant")).collect()
    }

    /// Where a tenant's trail ends, and whether the audit key vouched for it. `None` where there is no end.
    pub async fn audit_head(&self, tenant: &str) -> Result<Option<Head>, StoreError> {
        let row = sqlx::query(HEAD).bind(tenant.to_owned()).fetch_optional(&self.pool).await?;
        Ok(row.as_ref().and_then(|row| self.head(tenant, row)))
    }

    /// What cannot be read was not written by this program: nobody vouched for it, and without a place there is no end at all.
    fn head(&self, tenant: &str, row: &AnyRow) -> Option<Head> {
        let held = Held::read(row).ok();
        let vouched = held.as_ref().is_some_and(|held| held.is_new(tenant) || held.vouched_by(&self.audit_key, tenant));
        Some(Head {
            seq: get(row, "seq").ok()?,
            hash: held.as_ref().and_then(|held| held.hash),
            signed: held.and_then(|held| held.signed),
            vouched: Some((self.audit_key.public(), vouched)),
        })
    }

    /// What stands behind a place, where the trail ends and what was signed of it, all at one moment.
    pub async fn trail_end(&self, tenant: &str, after: i64) -> Result<TrailEnd, StoreError> {
        let begin = if self.is_sqlite() { "BEGIN" } else { "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY" };
        let mut transaction = self.pool.begin_with(begin).await?;
        let head = sqlx::query(HEAD).bind(tenant.to_owned()).fetch_optional(&mut *transaction).await?;
        let rows = sqlx::query(ROWS)
            .bind(tenant.to_owned())
            .bind(after)
            .bind(i64::MAX)
            .bind(i64::MAX)
            .fetch_all(&mut *transaction)
            .await?;
        let kept = sqlx::query("SELECT n, seq, text, signature FROM audit_checkpoints WHERE tenant = $1 ORDER BY n")
            .bind(tenant.to_owned())
            .fetch_all(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(TrailEnd {
            head: head.as_ref().and_then(|row| self.head(tenant, row)),
            rows: rows.iter().map(stored).collect(),
            checkpoints: kept
                .iter()
                .map(|row| {
                    // A number that is none is no number of ours.
                    let number = |column| get(row, column).unwrap_or(-1);
                    Kept { n: number("n"), seq: number("seq"), signed: checkpoints::read(row) }
                })
                .collect(),
        })
    }

    /// How many records a tenant's trail has, at whatever places.
    pub async fn audit_count(&self, tenant: &str) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT COUNT(*) AS n FROM audit_records WHERE tenant = $1")
            .bind(tenant.to_owned())
            .fetch_one(&self.pool)
            .await?;
        get(&row, "n")
    }

    /// Whether a trail had records, by what is stored besides; also where none is left of it. A tenant's jobs leave some; in the portal's
    /// own, the empty one, so does everybody who signs in.
    pub async fn had_records(&self, tenant: &str) -> Result<bool, StoreError> {
        let row = if tenant.is_empty() {
            sqlx::query("SELECT COUNT(*) AS n FROM principals WHERE issuer <> ''").fetch_one(&self.pool).await?
        } else {
            sqlx::query("SELECT COUNT(*) AS n FROM jobs WHERE tenant = $1 AND state <> 'preparing'")
                .bind(tenant.to_owned())
                .fetch_one(&self.pool)
                .await?
        };
        Ok(get::<i64>(&row, "n")? > 0)
    }

    /// Places whose columns are of another kind than what they say: SQLite compares bytes with no text, and joins them like text. A
    /// record whose place is no number stands behind all numbers.
    pub async fn columns_of_another_kind(&self, tenant: &str, most: i64) -> Result<Vec<i64>, StoreError> {
        if !self.is_sqlite() {
            return Ok(Vec::new());
        }
        let rows = sqlx::query(
            "SELECT seq FROM audit_index WHERE tenant = $1 AND (typeof(seq) <> 'integer' OR typeof(at) <> 'integer' OR typeof(actor) <> 'text' \
             OR typeof(action) <> 'text' OR typeof(target) <> 'text' OR typeof(job_id) <> 'text' OR typeof(outcome) <> 'text') \
             UNION ALL SELECT seq FROM audit_records WHERE tenant = $1 AND seq > 9223372036854775807 LIMIT $2",
        )
        .bind(tenant.to_owned())
        .bind(most)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.iter().map(|row| get(row, "seq").unwrap_or(0)).collect())
    }

    /// The next records behind a place and up to another, at most so many, with the columns beside them.
    pub async fn audit_rows(&self, tenant: &str, after: i64, until: i64, most: i64) -> Result<Vec<Row>, StoreError> {
        let rows = sqlx::query(ROWS).bind(tenant.to_owned()).bind(after).bind(until).bind(most).fetch_all(&self.pool).await?;
        Ok(rows.iter().map(stored).collect())
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
