//! Drafts: what somebody was about to do when they left or their session ended, kept for them alone.

use crate::store::{Store, StoreError, get};

impl Store {
    /// Keeps somebody's draft of one thing (`what`); an empty one is forgotten.
    pub async fn put_draft(&self, tenant: &str, principal: &str, what: &str, body: &str, now: i64) -> Result<(), StoreError> {
        if body.is_empty() {
            return self.drop_draft(tenant, principal, what).await;
        }
        sqlx::query(
            "INSERT INTO drafts (tenant, principal, what, body, updated_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (tenant, principal, what) DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at",
        )
        .bind(tenant.to_owned())
        .bind(principal.to_owned())
        .bind(what.to_owned())
        .bind(body.to_owned())
        .bind(now)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Somebody's draft of one thing, and when it was kept.
    pub async fn draft(&self, tenant: &str, principal: &str, what: &str) -> Result<Option<(String, i64)>, StoreError> {
        sqlx::query("SELECT body, updated_at FROM drafts WHERE tenant = $1 AND principal = $2 AND what = $3")
            .bind(tenant.to_owned())
            .bind(principal.to_owned())
            .bind(what.to_owned())
            .fetch_optional(&self.pool)
            .await?
            .map(|row| Ok((get(&row, "body")?, get(&row, "updated_at")?)))
            .transpose()
    }

    /// Forgets a draft.
    pub async fn drop_draft(&self, tenant: &str, principal: &str, what: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM drafts WHERE tenant = $1 AND principal = $2 AND what = $3")
            .bind(tenant.to_owned())
            .bind(principal.to_owned())
            .bind(what.to_owned())
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
