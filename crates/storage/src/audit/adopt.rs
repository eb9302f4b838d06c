//! Takes what was written before the chain into it, once, under one record that says so.

use serde_json::json;
use sqlx::any::AnyRow;
use sqlx::{Any, Transaction};
use trail::Target;

use super::{NewAudit, append, extend, hold_trail};
use crate::actor::Actor;
use crate::store::{Store, StoreError, get};

/// Lines that are read at once.
const AT_ONCE: i64 = 5_000;

impl Store {
    /// Takes every tenant's old lines into the chain, each at its place. The records say what the lines said; that nobody changed
    /// those before, nothing shows. All of it or nothing, and only where no chain has begun: what stands there later was not written
    /// by this program.
    pub(crate) async fn adopt_old_lines(&self) -> Result<(), StoreError> {
        let tenants = sqlx::query("SELECT DISTINCT tenant FROM audit_before_chain").fetch_all(&self.pool).await?;
        if tenants.is_empty() {
            return Ok(());
        }
        let mut transaction = self.begin().await?;
        // Whoever starts at the same moment comes after, and finds nothing left.
        hold_trail(&mut transaction, "").await?;
        let begun = sqlx::query(
            "SELECT (SELECT COUNT(*) FROM audit_heads WHERE seq > 0) + (SELECT COUNT(*) FROM audit_checkpoints) AS n",
        )
        .fetch_one(&mut *transaction)
        .await?;
        if get::<i64>(&begun, "n")? > 0 {
            let reason =
                "Rows stand in audit_before_chain though the chain has begun: they were added by hand and are not taken over.";
            tracing::error!(target: "quartermaster::security", event = "audit.broken", reason);
            return Ok(());
        }
        for tenant in &tenants {
            self.adopt_lines_of(&mut transaction, &get::<String>(tenant, "tenant")?).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn adopt_lines_of(&self, transaction: &mut Transaction<'static, Any>, tenant: &str) -> Result<(), StoreError> {
        let (mut adopted, mut last, mut at) = (0_i64, 0_i64, 0_i64);
        loop {
            let rows = sqlx::query(
                "SELECT a.seq, a.at, a.actor, a.qlik_user, a.action, a.target, a.job_id, a.outcome, a.detail, a.principal, \
                 COALESCE(p.issuer, '') AS issuer, COALESCE(p.subject, '') AS subject \
                 FROM audit_before_chain a LEFT JOIN principals p ON p.id = a.principal \
                 WHERE a.tenant = $1 AND a.seq > $2 ORDER BY a.seq LIMIT $3",
            )
            .bind(tenant.to_owned())
            .bind(last)
            .bind(AT_ONCE)
            .fetch_all(&mut **transaction)
            .await?;
            let lines = rows.iter().map(|row| line(tenant, row)).collect::<Result<Vec<_>, _>>()?;
            let Some(row) = rows.last() else { break };
            (last, at) = (get(row, "seq")?, get(row, "at")?);
            adopted += i64::try_from(lines.len()).unwrap_or(0);
            // Places without a line are closed: what is found by an old place is found by the new one.
            let first = hold_trail(transaction, tenant).await?.seq + 1;
            for (new, row) in (first..).zip(&rows) {
                let old: i64 = get(row, "seq")?;
                if new != old {
                    sqlx::query("UPDATE audit_touches SET seq = $1 WHERE tenant = $2 AND seq = $3")
                        .bind(new)
                        .bind(tenant.to_owned())
                        .bind(old)
                        .execute(&mut **transaction)
                        .await?;
                }
            }
            append(transaction, &self.audit_key, &lines).await?;
        }
        if adopted > 0 {
            let begin = NewAudit {
                tenant: tenant.to_owned(),
                at,
                actor: Actor::system(),
                action: "chain.begin".to_owned(),
                target: Target::named("trail", ""),
                after: json!({ "records": adopted }),
                outcome: "done".to_owned(),
                reason: "The records before this one were written before the chain began.".to_owned(),
                ..NewAudit::default()
            };
            extend(transaction, &self.audit_key, tenant, &[begin]).await?;
            sqlx::query("DELETE FROM audit_before_chain WHERE tenant = $1")
                .bind(tenant.to_owned())
                .execute(&mut **transaction)
                .await?;
            tracing::info!(tenant, adopted, "the trail is a chain now");
        }
        Ok(())
    }
}

fn line(tenant: &str, row: &AnyRow) -> Result<NewAudit, StoreError> {
    let (words, qlik_user, principal): (String, String, String) =
        (get(row, "actor")?, get(row, "qlik_user")?, get(row, "principal")?);
    let signed_in = trail::Actor { issuer: get(row, "issuer")?, subject: get(row, "subject")?, ..trail::Actor::default() };
    Ok(NewAudit {
        tenant: tenant.to_owned(),
        at: get(row, "at")?,
        actor: Actor { principal, qlik_user, words, signed_in },
        action: get(row, "action")?,
        target: Target::named("", get::<String>(row, "target")?),
        job: get(row, "job_id")?,
        outcome: get(row, "outcome")?,
        reason: get(row, "detail")?,
        ..NewAudit::default()
    })
}
