//! Signs where trails end.

use sqlx::any::AnyRow;
use trail::verify::KEY_ROTATED;
use trail::{Checkpoint, Ending, Key, Signed, Target};

use super::{NewAudit, extend, hold_trail, write_end};
use crate::actor::Actor;
use crate::audit::proof::Uncovered;
use crate::store::{Store, StoreError, get};

impl Store {
    /// Trails that go on behind their last checkpoint.
    pub async fn uncovered(&self) -> Result<Vec<Uncovered>, StoreError> {
        let rows = sqlx::query(
            "SELECT h.tenant, h.seq, COALESCE((SELECT c.seq FROM audit_checkpoints c WHERE c.tenant = h.tenant ORDER BY c.n DESC LIMIT 1), 0) \
             AS covered FROM audit_heads h",
        )
        .fetch_all(&self.pool)
        .await?;
        let all = rows.iter().map(|row| {
            let (seq, covered): (i64, i64) = (get(row, "seq")?, get(row, "covered")?);
            Ok(Uncovered { tenant: get(row, "tenant")?, records: seq - covered })
        });
        let all: Vec<Uncovered> = all.collect::<Result<_, StoreError>>()?;
        Ok(all.into_iter().filter(|trail| trail.records > 0).collect())
    }

    /// The place of a tenant's last checkpoint; 0 where there is none.
    pub async fn checkpointed(&self, tenant: &str) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT seq FROM audit_checkpoints WHERE tenant = $1 ORDER BY n DESC LIMIT 1")
            .bind(tenant.to_owned())
            .fetch_optional(&self.pool)
            .await?;
        row.map_or(Ok(0), |row| get(&row, "seq"))
    }

    /// Signs where a tenant's trail ends now. `None` where the last checkpoint says it already.
    pub async fn checkpoint(&self, tenant: &str, now: i64) -> Result<Option<Signed>, StoreError> {
        let mut transaction = self.begin().await?;
        let end = extend(&mut transaction, &self.audit_key, tenant, &[]).await?;
        let signed = sign(&mut transaction, &self.audit_key, tenant, end, now).await?.1;
        transaction.commit().await?;
        Ok(signed)
    }

    /// Says of a checkpoint that an export ends with it.
    pub fn sign_end(&self, signed: &Signed) -> String {
        self.audit_key.sign(&trail::export::end_text(signed))
    }

    /// Hands every trail over to another audit key: the last record under this key names the next one, and this key signs it. One that
    /// the next key has already, since this was stopped half-way, is left as it is. Returns the checkpoints.
    pub async fn hand_over(&self, next: &Key, now: i64) -> Result<Vec<Signed>, StoreError> {
        let mut all = Vec::new();
        for tenant in self.trails().await? {
            let mut transaction = self.begin().await?;
            let held = hold_trail(&mut transaction, &tenant).await?;
            if held.vouched_by(next, &tenant) {
                continue;
            }
            let record = NewAudit {
                tenant: tenant.clone(),
                at: now,
                actor: Actor::system(),
                action: KEY_ROTATED.to_owned(),
                target: Target::named("trail", ""),
                before: self.audit_key.public().to_string().into(),
                after: next.public().to_string().into(),
                outcome: "done".to_owned(),
                ..NewAudit::default()
            };
            let end = extend(&mut transaction, &self.audit_key, &tenant, &[record]).await?;
            let (end, signed) = sign(&mut transaction, &self.audit_key, &tenant, end, now).await?;
            all.extend(signed);
            write_end(&mut transaction, next, &tenant, &end).await?;
            transaction.commit().await?;
        }
        Ok(all)
    }

    /// A tenant's checkpoints behind a place and up to another, in the order they were signed.
    pub async fn checkpoints(&self, tenant: &str, after: i64, until: i64) -> Result<Vec<Signed>, StoreError> {
        let rows =
            sqlx::query("SELECT text, signature FROM audit_checkpoints WHERE tenant = $1 AND seq > $2 AND seq <= $3 ORDER BY n")
                .bind(tenant.to_owned())
                .bind(after)
                .bind(until)
                .fetch_all(&self.pool)
                .await?;
        Ok(rows.iter().map(read).collect())
    }
}

async fn sign(
    transaction: &mut sqlx::Transaction<'static, sqlx::Any>,
    key: &Key,
    tenant: &str,
    end: Ending,
    now: i64,
) -> Result<(Ending, Option<Signed>), StoreError> {
    let Ending { seq, hash, signed } = end;
    let last = sqlx::query("SELECT n, seq, text, signature FROM audit_checkpoints WHERE tenant = $1 ORDER BY n DESC LIMIT 1")
        .bind(tenant.to_owned())
        .fetch_optional(&mut **transaction)
        .await?;
    let found = last.as_ref().map(read);
    let place = last.as_ref().map_or(Ok(0), |row| get::<i64>(row, "n"))? + 1;
    // What the end says of the last one was vouched for; a table may have lost it, and then the next one says which it was.
    let (count, previous) = signed.unwrap_or_else(|| (place - 1, found.as_ref().map(Signed::hash)));
    let is_last = found.as_ref().map(Signed::hash) == previous;
    if seq <= found.as_ref().filter(|_| is_last).map_or(0, |found| found.checkpoint.seq) {
        return Ok((end, None));
    }
    let previous = previous.map_or_else(String::new, |previous| previous.to_string());
    let checkpoint =
        Checkpoint { v: 1, tenant: tenant.to_owned(), seq, hash: hash.to_string(), at: now, previous, key: String::new() };
    let signed = checkpoint.sign(key);
    let end = Ending { signed: Some((count + 1, Some(signed.hash()))), ..end };
    write_end(transaction, key, tenant, &end).await?;
    sqlx::query("INSERT INTO audit_checkpoints (tenant, n, seq, text, signature) VALUES ($1, $2, $3, $4, $5)")
        .bind(tenant.to_owned())
        .bind(place)
        .bind(seq)
        .bind(signed.checkpoint.text())
        .bind(signed.signature.clone())
        .execute(&mut **transaction)
        .await?;
    Ok((end, Some(signed)))
}

/// A checkpoint as it is stored. One that cannot be read stands there as one that nobody signed: it is told, and stops nothing.
pub(super) fn read(row: &AnyRow) -> Signed {
    let text = |column| get::<String>(row, column).unwrap_or_default();
    let (text, signature) = (text("text"), text("signature"));
    let unreadable = || Checkpoint {
        v: 0,
        tenant: String::new(),
        seq: 0,
        hash: text.clone(),
        at: 0,
        previous: String::new(),
        key: String::new(),
    };
    Signed { checkpoint: serde_json::from_str(&text).unwrap_or_else(|_| unreadable()), signature }
}
