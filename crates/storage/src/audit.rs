//! The audit trail: what was intended and what came of it, in one order per tenant, never changed.

use sqlx::any::AnyRow;
use sqlx::{Any, Transaction};

use crate::store::{AT_ONCE, Store, StoreError, get, insert};

/// A line of the trail before it has its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAudit {
    /// Which tenant.
    pub tenant: String,
    /// When.
    pub at: i64,
    /// Who: the portal's user and the Qlik user they acted as.
    pub actor: String,
    /// What, such as `apply` or `assign`.
    pub action: String,
    /// To what: a subject, a group, a setting, a plan.
    pub target: String,
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
    /// What it says.
    pub entry: NewAudit,
}

/// Whom jobs changed since a place of the trail.
pub(crate) async fn done_since(
    transaction: &mut Transaction<'static, Any>,
    tenant: &str,
    seq: i64,
) -> Result<Vec<String>, StoreError> {
    sqlx::query("SELECT target_key FROM audit WHERE tenant = $1 AND seq > $2 AND outcome = 'done'")
        .bind(tenant.to_owned())
        .bind(seq)
        .fetch_all(&mut **transaction)
        .await?
        .iter()
        .map(|row| get(row, "target_key"))
        .collect()
}

impl Store {
    /// Where a tenant's trail ends now.
    pub async fn audit_end(&self, tenant: &str) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT COALESCE(MAX(seq), 0) AS last FROM audit WHERE tenant = $1")
            .bind(tenant.to_owned())
            .fetch_one(&self.pool)
            .await?;
        get(&row, "last")
    }
}

/// Adds lines in their order. Within a transaction, so that a change and its record stand or fall together.
pub(crate) async fn append(transaction: &mut Transaction<'static, Any>, lines: &[NewAudit]) -> Result<(), StoreError> {
    let Some(tenant) = lines.first().map(|line| line.tenant.clone()) else { return Ok(()) };
    let row = sqlx::query("SELECT COALESCE(MAX(seq), 0) AS last FROM audit WHERE tenant = $1")
        .bind(tenant.clone())
        .fetch_one(&mut **transaction)
        .await?;
    let mut seq: i64 = get(&row, "last")?;
    for lines in lines.chunks(AT_ONCE) {
        const HEAD: &str =
            "INSERT INTO audit (tenant, seq, at, actor, action, target, target_key, job_id, outcome, detail) VALUES";
        let mut query = sqlx::query(insert(HEAD, lines.len(), 10, ""));
        for line in lines {
            seq += 1;
            query = query
                .bind(tenant.clone())
                .bind(seq)
                .bind(line.at)
                .bind(line.actor.clone())
                .bind(line.action.clone())
                .bind(line.target.clone())
                // Subjects differ in case from one spelling to the next, and databases disagree on what that is.
                .bind(line.target.to_lowercase())
                .bind(line.job.clone())
                .bind(line.outcome.clone())
                .bind(line.detail.clone());
        }
        query.execute(&mut **transaction).await?;
    }
    Ok(())
}

impl Store {
    /// Adds lines of one tenant.
    pub async fn audit(&self, lines: &[NewAudit]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        self.lock_audit(&mut transaction).await?;
        append(&mut transaction, lines).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Makes writers of the trail wait for each other. SQLite's write lock does that already.
    pub(crate) async fn lock_audit(&self, transaction: &mut Transaction<'static, Any>) -> Result<(), StoreError> {
        if !self.is_sqlite() {
            sqlx::query("LOCK TABLE audit IN SHARE ROW EXCLUSIVE MODE").execute(&mut **transaction).await?;
        }
        Ok(())
    }

    /// The newest lines before `before` (a place; 0 for the newest of all).
    pub async fn audit_trail(&self, tenant: &str, before: i64, most: i64) -> Result<Vec<AuditEntry>, StoreError> {
        sqlx::query(
            "SELECT tenant, seq, at, actor, action, target, job_id, outcome, detail FROM audit \
             WHERE tenant = $1 AND ($2 = 0 OR seq < $2) ORDER BY seq DESC LIMIT $3",
        )
        .bind(tenant.to_owned())
        .bind(before)
        .bind(most)
        .fetch_all(&self.pool)
        .await?
        .iter()
        .map(read)
        .collect()
    }

    /// The newest lines about one subject, group or setting, whatever its case.
    pub async fn audit_of(&self, tenant: &str, target: &str, most: i64) -> Result<Vec<AuditEntry>, StoreError> {
        sqlx::query(
            "SELECT tenant, seq, at, actor, action, target, job_id, outcome, detail FROM audit \
             WHERE tenant = $1 AND target_key = $2 ORDER BY seq DESC LIMIT $3",
        )
        .bind(tenant.to_owned())
        .bind(target.to_lowercase())
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
            actor: get(row, "actor")?,
            action: get(row, "action")?,
            target: get(row, "target")?,
            job: get(row, "job_id")?,
            outcome: get(row, "outcome")?,
            detail: get(row, "detail")?,
        },
    })
}
