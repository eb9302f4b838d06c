//! What is kept no longer than promised: each deletes a bounded number of rows, so that nobody waits for it long, and is called
//! again until nothing is left.

use domain::table::Day;

use crate::store::{Store, StoreError};

/// Rows deleted by one statement at most.
const AT_A_TIME: i64 = 1_000;

impl Store {
    /// Deletes sessions that are over, and their credentials with them. Returns how many.
    pub async fn purge_sessions(&self, now: i64) -> Result<u64, StoreError> {
        self.purge(
            "DELETE FROM sessions WHERE key IN (SELECT key FROM sessions WHERE absolute_until <= $1 \
             OR (idle_until <= $1 AND revoked_at IS NULL) LIMIT $2)",
            now,
        )
        .await
    }

    /// Deletes lists brought before a time. Returns how many.
    pub async fn purge_lists(&self, before: i64) -> Result<u64, StoreError> {
        self.purge("DELETE FROM lists WHERE id IN (SELECT id FROM lists WHERE created_at < $1 LIMIT $2)", before).await
    }

    /// Deletes plans drawn up before a time that no job applied. Returns how many.
    pub async fn purge_plans(&self, before: i64) -> Result<u64, StoreError> {
        self.purge(
            "DELETE FROM plans WHERE id IN (SELECT p.id FROM plans p WHERE p.created_at < $1 \
             AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.plan_id = p.id) LIMIT $2)",
            before,
        )
        .await
    }

    /// Deletes drafts nobody touched since a time. Returns how many.
    pub async fn purge_drafts(&self, before: i64) -> Result<u64, StoreError> {
        self.purge(
            "DELETE FROM drafts WHERE (tenant, principal, what) IN \
             (SELECT tenant, principal, what FROM drafts WHERE updated_at < $1 LIMIT $2)",
            before,
        )
        .await
    }

    /// Deletes the rows of jobs that ended before a time, and what their plans would have sent; what a job came to, and the
    /// trail, stay. Returns how many rows.
    pub async fn purge_journals(&self, before: i64) -> Result<u64, StoreError> {
        let rows = self
            .purge(
                "DELETE FROM journal WHERE (job_id, seq) IN (SELECT n.job_id, n.seq FROM journal n JOIN jobs j ON j.id = n.job_id \
                 WHERE j.finished_at < $1 AND j.rows_gone = 0 LIMIT $2)",
                before,
            )
            .await?;
        if rows == 0 {
            sqlx::query(
                "UPDATE plans SET body = '' WHERE body <> '' AND id IN (SELECT plan_id FROM jobs WHERE finished_at < $1)",
            )
            .bind(before)
            .execute(&self.pool)
            .await?;
            sqlx::query("UPDATE jobs SET rows_gone = 1 WHERE finished_at < $1 AND rows_gone = 0")
                .bind(before)
                .execute(&self.pool)
                .await?;
        }
        Ok(rows)
    }

    /// Deletes seats by day of before a day. Returns how many.
    pub async fn purge_seat_days(&self, before: Day) -> Result<u64, StoreError> {
        self.purge(
            "DELETE FROM seat_days WHERE (tenant, day, allotment) IN (SELECT tenant, day, allotment FROM seat_days WHERE day < $1 LIMIT $2)",
            i64::from(before.number()),
        )
        .await
    }

    async fn purge(&self, statement: &'static str, time: i64) -> Result<u64, StoreError> {
        let done = sqlx::query(statement).bind(time).bind(AT_A_TIME).execute(&self.pool).await?;
        Ok(done.rows_affected())
    }
}
