//! Views of the assignments table that somebody gave a name.

use crate::store::{Store, StoreError, get};

impl Store {
    /// Somebody's views of a tenant, by name: each with the address's query that shows it.
    pub async fn views(&self, tenant: &str, principal: &str) -> Result<Vec<(String, String)>, StoreError> {
        let rows = sqlx::query("SELECT name, query FROM views WHERE tenant = $1 AND principal = $2 ORDER BY name")
            .bind(tenant.to_owned())
            .bind(principal.to_owned())
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(|row| Ok((get(row, "name")?, get(row, "query")?))).collect()
    }

    /// Keeps a view under a name; one of that name is replaced.
    pub async fn put_view(&self, tenant: &str, principal: &str, name: &str, query: &str) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO views (tenant, principal, name, query) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (tenant, principal, name) DO UPDATE SET query = excluded.query",
        )
        .bind(tenant.to_owned())
        .bind(principal.to_owned())
        .bind(name.to_owned())
        .bind(query.to_owned())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Forgets a view.
    pub async fn drop_view(&self, tenant: &str, principal: &str, name: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM views WHERE tenant = $1 AND principal = $2 AND name = $3")
            .bind(tenant.to_owned())
            .bind(principal.to_owned())
            .bind(name.to_owned())
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
