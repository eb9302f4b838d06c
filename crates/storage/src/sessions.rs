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
    /// When it was used last, to the minute.
    pub used_at: i64,
    /// Whose it is: their id among the portal's users.
    pub principal: String,
    /// Their name.
    pub name: String,
    /// How they signed in; empty where nobody asked, as are the next two.
    pub method: String,
    /// From where.
    pub address: String,
    /// With which program, as it names itself.
    pub agent: String,
    /// What it is connected to: the tenant's id, and the Qlik user's name.
    pub connected: Vec<(String, String)>,
}

impl Store {
    /// The sessions that live at `now`, the newest first: of one person, or of everybody.
    pub async fn live_sessions(&self, now: i64, of: Option<&str>) -> Result<Vec<LiveSession>, StoreError> {
        let rows = sqlx::query(
            "SELECT s.key AS key, s.created_at AS created_at, s.idle_until AS idle_until, s.absolute_until AS absolute_until, \
             s.used_at AS used_at, s.principal AS principal, s.method AS method, s.address AS address, s.agent AS agent, \
             COALESCE(p.name, '') AS name, COALESCE(c.tenant, '') AS tenant, COALESCE(c.qlik_name, '') AS qlik_name \
             FROM sessions s LEFT JOIN credentials c ON c.session_key = s.key LEFT JOIN principals p ON p.id = s.principal \
             WHERE s.revoked_at IS NULL AND s.idle_until > $1 AND s.absolute_until > $1 AND ($2 = '' OR s.principal = $2) \
             ORDER BY s.created_at DESC, s.key, c.tenant",
        )
        .bind(now)
        .bind(of.unwrap_or_default().to_owned())
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
                    used_at: get(row, "used_at")?,
                    principal: get(row, "principal")?,
                    name: get(row, "name")?,
                    method: get(row, "method")?,
                    address: get(row, "address")?,
                    agent: get(row, "agent")?,
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

    /// Begins a session that nobody signed in for: `principal` is whoever reaches the portal. `false` where the key is taken.
    pub async fn create_session(
        &self,
        key: &[u8],
        principal: &str,
        data: &[u8],
        now: i64,
        idle_until: i64,
        absolute_until: i64,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO sessions (key, data, version, created_at, idle_until, absolute_until, principal, used_at) \
             VALUES ($1, $2, 1, $3, $4, $5, $6, $3) ON CONFLICT (key) DO NOTHING",
        )
        .bind(key.to_vec())
        .bind(data.to_vec())
        .bind(now)
        .bind(idle_until)
        .bind(absolute_until)
        .bind(principal.to_owned())
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The session, if it lives at `now`.
    pub async fn load_session(&self, key: &[u8], now: i64) -> Result<Option<SessionRow>, StoreError> {
        let row = sqlx::query(
            "SELECT s.data AS data, s.version AS version, s.created_at AS created_at, s.idle_until AS idle_until, \
             s.absolute_until AS absolute_until FROM sessions s LEFT JOIN principals p ON p.id = s.principal \
             WHERE s.key = $1 AND s.revoked_at IS NULL AND s.idle_until > $2 AND s.absolute_until > $2 \
             AND (p.valid_from IS NULL OR p.valid_from = 0 OR s.created_at > p.valid_from)",
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
            "UPDATE sessions SET idle_until = $1, used_at = $3 \
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
}
