//! Views of a table that somebody gave a name.

use crate::store::{Store, StoreError, get};

impl Store {
    /// Somebody's views of a room's table (`assignments`, `groups`) in a tenant, by name: each with the address's query that shows it.
    pub async fn views(&self, tenant: &str, principal: &str, room: &str) -> Result<Vec<(String, String)>, StoreError> {
        let rows = sqlx::query("SELECT name, query FROM views WHERE tenant = $1 AND principal = $2 AND room = $3 ORDER BY name")
            .bind(tenant.to_owned())
            .bind(principal.to_owned())
            .bind(room.to_owned())
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(|row| Ok((get(row, "name")?, get(row, "query")?))).collect()
    }

    /// Keeps a view under a name; one of that name is replaced.
    pub async fn put_view(&self, tenant: &str, principal: &str, room: &str, name: &str, query: &str) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO views (tenant, principal, room, name, query) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (tenant, principal, room, name) DO UPDATE SET query = excluded.query",
        )
        .bind(tenant.to_owned())
        .bind(principal.to_owned())
        .bind(room.to_owned())
        .bind(name.to_owned())
        .bind(query.to_owned())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Forgets a view.
    pub async fn drop_view(&self, tenant: &str, principal: &str, room: &str, name: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM views WHERE tenant = $1 AND principal = $2 AND room = $3 AND name = $4")
            .bind(tenant.to_owned())
            .bind(principal.to_owned())
            .bind(room.to_owned())
            .bind(name.to_owned())
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
