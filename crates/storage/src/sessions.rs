//! Sessions: found by the hash of their id, saved by compare-and-set, ended for good.

use crate::store::{Store, StoreError, get};

/// A live session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// What the session layer keeps in it.
    pub data: Vec<u8>,
    /// Goes up with every save.
    pub version: i64,
    /// When it began.
    pub created_at: i64,
    /// It ends then, unless it is used.
    pub idle_until: i64,
    /// It ends then, whatever happens.
    pub absolute_until: i64,
}

/// A session that lives, for whoever looks over theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSession {
    /// Its key: the hash of its id.
    pub key: Vec<u8>,
    /// When it began.
    pub created_at: i64,
    /// It ends then, unless it is used.
    pub idle_until: i64,
    /// It ends then, whatever happens.
    pub absolute_until: i64,
    /// What it is connected to: the tenant's id, and the Qlik user's name.
    pub connected: Vec<(String, String)>,
}

impl Store {
    /// The sessions that live at `now`, the newest first.
    pub async fn live_sessions(&self, now: i64) -> Result<Vec<LiveSession>, StoreError> {
        let rows = sqlx::query(
            "SELECT s.key AS key, s.created_at AS created_at, s.idle_until AS idle_until, s.absolute_until AS absolute_until, \
             COALESCE(c.tenant, '') AS tenant, COALESCE(c.qlik_name, '') AS qlik_name \
             FROM sessions s LEFT JOIN credentials c ON c.session_key = s.key \
             WHERE s.revoked_at IS NULL AND s.idle_until > $1 AND s.absolute_until > $1 \
             ORDER BY s.created_at DESC, s.key, c.tenant",
        )
        .bind(now)
        .fetch_all(&self.pool)
        .await?;
        let mut sessions: Vec<LiveSession> = Vec::new();
        for row in &rows {
            let key: Vec<u8> = get(row, "key")?;
            if sessions.last().is_none_or(|last| last.key != key) {
                sessions.push(LiveSession {
                    key,
                    created_at: get(row, "created_at")?,
                    idle_until: get(row, "idle_until")?,
                    absolute_until: get(row, "absolute_until")?,
                    connected: Vec::new(),
                });
            }
            let (tenant, name): (String, String) = (get(row, "tenant")?, get(row, "qlik_name")?);
            if let Some(session) = sessions.last_mut()
                && !tenant.is_empty()
            {
                session.connected.push((tenant, name));
            }
        }
        Ok(sessions)
    }

    /// Begins a session. `false` where the key is taken.
    pub async fn create_session(
        &self,
        key: &[u8],
        data: &[u8],
        now: i64,
        idle_until: i64,
        absolute_until: i64,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO sessions (key, data, version, created_at, idle_until, absolute_until) VALUES ($1, $2, 1, $3, $4, $5) \
             ON CONFLICT (key) DO NOTHING",
        )
        .bind(key.to_vec())
        .bind(data.to_vec())
        .bind(now)
        .bind(idle_until)
        .bind(absolute_until)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The session, if it lives at `now`.
    pub async fn load_session(&self, key: &[u8], now: i64) -> Result<Option<SessionRow>, StoreError> {
        let row = sqlx::query(
            "SELECT data, version, created_at, idle_until, absolute_until FROM sessions \
             WHERE key = $1 AND revoked_at IS NULL AND idle_until > $2 AND absolute_until > $2",
        )
        .bind(key.to_vec())
        .bind(now)
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| {
            Ok(SessionRow {
                data: get(&row, "data")?,
                version: get(&row, "version")?,
                created_at: get(&row, "created_at")?,
                idle_until: get(&row, "idle_until")?,
                absolute_until: get(&row, "absolute_until")?,
            })
        })
        .transpose()
    }

    /// Use keeps a session alive: its idle end moves to `idle_until`, never back and never past its absolute end.
    pub async fn touch_session(&self, key: &[u8], now: i64, idle_until: i64) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE sessions SET idle_until = $1 \
             WHERE key = $2 AND revoked_at IS NULL AND idle_until > $3 AND absolute_until > $3 AND idle_until < $1",
        )
        .bind(idle_until)
        .bind(key.to_vec())
        .bind(now)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Saves what was loaded as `version`. `false` where somebody saved meanwhile or the session ended: a request in
    /// flight never brings a session back.
    pub async fn save_session(
        &self,
        key: &[u8],
        data: &[u8],
        version: i64,
        now: i64,
        idle_until: i64,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE sessions SET data = $1, version = version + 1, idle_until = $2 \
             WHERE key = $3 AND version = $4 AND revoked_at IS NULL AND absolute_until > $5",
        )
        .bind(data.to_vec())
        .bind(idle_until)
        .bind(key.to_vec())
        .bind(version)
        .bind(now)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Ends a session at once and forgets its credentials. The row stays until it would have ended anyway.
    pub async fn revoke_session(&self, key: &[u8], now: i64) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE sessions SET revoked_at = $1 WHERE key = $2 AND revoked_at IS NULL")
            .bind(now)
            .bind(key.to_vec())
            .execute(&mut *transaction)
            .await?;
        sqlx::query("DELETE FROM credentials WHERE session_key = $1").bind(key.to_vec()).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(())
    }
}
