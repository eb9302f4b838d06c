//! Sealed credentials, one per session and tenant.

use sqlx::any::AnyRow;
use sqlx::{Any, Transaction};

use crate::audit::{NewAudit, append, hold_trail};
use crate::families::{Family, put_family};
use crate::store::{Store, StoreError, get};

/// A credential as it is stored: sealed, with the key that opens it wrapped.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct StoredCredential {
    /// Which tenant.
    pub tenant: String,
    /// The credential under its data key.
    pub sealed: Vec<u8>,
    /// The data key under the master key and the session's secret.
    pub wrapped_key: Vec<u8>,
    /// Whose it is at Qlik.
    pub qlik_user: String,
    /// Their name, for people.
    pub qlik_name: String,
    /// The tokens' family; empty for an API key.
    pub family: String,
    /// When the access token ends; nothing for an API key. Told by the family.
    pub expires_at: Option<i64>,
    /// The tenant takes it no more. Told by the family.
    pub is_lost: bool,
}

impl std::fmt::Debug for StoredCredential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredCredential")
            .field("tenant", &self.tenant)
            .field("qlik_user", &self.qlik_user)
            .finish_non_exhaustive()
    }
}

/// What came of keeping a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connect {
    /// It is kept, in place of the one before, if there was one.
    Kept {
        /// What there was.
        before: Option<StoredCredential>,
    },
    /// The session has ended meanwhile: nothing is kept for it any more.
    Ended,
}

/// What wraps the credential of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedCredential {
    /// The session's key.
    pub session: Vec<u8>,
    /// The data key under a master key.
    pub wrapped_key: Vec<u8>,
    /// The session ends then at the latest.
    pub until: i64,
}

macro_rules! credential_query {
    ($tail:literal) => {
        concat!(
            "SELECT c.tenant AS tenant, c.sealed AS sealed, c.wrapped_key AS wrapped_key, c.qlik_user AS qlik_user, \
             c.qlik_name AS qlik_name, c.family AS family, f.expires_at AS expires_at, \
             CASE WHEN f.lost_at IS NULL THEN 0 ELSE 1 END AS lost \
             FROM credentials c LEFT JOIN families f ON f.id = c.family ",
            $tail
        )
    };
}

impl Store {
    /// Keeps a credential, of a new `family` where it is not an API key, in place of an earlier one of this session and tenant, and says
    /// so in the trail: all of it or nothing.
    pub async fn put_credential(
        &self,
        session: &[u8],
        credential: &StoredCredential,
        family: Option<&Family>,
        record: &NewAudit,
    ) -> Result<Connect, StoreError> {
        let now = record.at;
        let mut transaction = self.begin().await?;
        hold_trail(&mut transaction, &record.tenant).await?;
        // Holds the session: whatever ends it comes before or after.
        let held = sqlx::query("UPDATE sessions SET used_at = used_at WHERE key = $1 AND revoked_at IS NULL")
            .bind(session.to_vec())
            .execute(&mut *transaction)
            .await?;
        if held.rows_affected() == 0 {
            return Ok(Connect::Ended);
        }
        let before = sqlx::query(credential_query!("WHERE c.session_key = $1 AND c.tenant = $2"))
            .bind(session.to_vec())
            .bind(credential.tenant.clone())
            .fetch_optional(&mut *transaction)
            .await?
            .map(|row| read(&row))
            .transpose()?;
        if let Some(family) = family {
            put_family(&mut transaction, family, now).await?;
        }
        put(&mut transaction, session, credential, now).await?;
        append(&mut transaction, &self.audit_key, std::slice::from_ref(record)).await?;
        transaction.commit().await?;
        Ok(Connect::Kept { before })
    }

    /// The credential of a session for a tenant.
    pub async fn credential(&self, session: &[u8], tenant: &str) -> Result<Option<StoredCredential>, StoreError> {
        sqlx::query(credential_query!("WHERE c.session_key = $1 AND c.tenant = $2"))
            .bind(session.to_vec())
            .bind(tenant.to_owned())
            .fetch_optional(&self.pool)
            .await?
            .map(|row| read(&row))
            .transpose()
    }

    /// All credentials of a session.
    pub async fn credentials(&self, session: &[u8]) -> Result<Vec<StoredCredential>, StoreError> {
        sqlx::query(credential_query!("WHERE c.session_key = $1 ORDER BY c.tenant"))
            .bind(session.to_vec())
            .fetch_all(&self.pool)
            .await?
            .iter()
            .map(read)
            .collect()
    }

    /// What wraps the credentials of all sessions that live at `now`.
    pub async fn wrapped_credentials(&self, now: i64) -> Result<Vec<WrappedCredential>, StoreError> {
        sqlx::query(
            "SELECT c.session_key, c.wrapped_key, s.absolute_until FROM credentials c JOIN sessions s ON s.key = c.session_key \
             WHERE s.revoked_at IS NULL AND s.idle_until > $1 AND s.absolute_until > $1",
        )
        .bind(now)
        .fetch_all(&self.pool)
        .await?
        .iter()
        .map(|row| {
            Ok(WrappedCredential {
                session: get(row, "session_key")?,
                wrapped_key: get(row, "wrapped_key")?,
                until: get(row, "absolute_until")?,
            })
        })
        .collect()
    }

    /// Wraps a session's credential anew, if it is still wrapped as it was.
    pub async fn rewrap_credential(&self, session: &[u8], tenant: &str, old: &[u8], new: &[u8]) -> Result<(), StoreError> {
        sqlx::query("UPDATE credentials SET wrapped_key = $1 WHERE session_key = $2 AND tenant = $3 AND wrapped_key = $4")
            .bind(new.to_vec())
            .bind(session.to_vec())
            .bind(tenant.to_owned())
            .bind(old.to_vec())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Forgets a credential.
    pub async fn delete_credential(&self, session: &[u8], tenant: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM credentials WHERE session_key = $1 AND tenant = $2")
            .bind(session.to_vec())
            .bind(tenant.to_owned())
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

fn read(row: &AnyRow) -> Result<StoredCredential, StoreError> {
    Ok(StoredCredential {
        tenant: get(row, "tenant")?,
        sealed: get(row, "sealed")?,
        wrapped_key: get(row, "wrapped_key")?,
        qlik_user: get(row, "qlik_user")?,
        qlik_name: get(row, "qlik_name")?,
        family: get(row, "family")?,
        expires_at: get(row, "expires_at")?,
        is_lost: get::<i64>(row, "lost")? != 0,
    })
}

/// Keeps a credential within a transaction.
pub(crate) async fn put(
    transaction: &mut Transaction<'static, Any>,
    session: &[u8],
    credential: &StoredCredential,
    now: i64,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO credentials (session_key, tenant, sealed, wrapped_key, qlik_user, qlik_name, family, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (session_key, tenant) DO UPDATE SET \
         sealed = excluded.sealed, wrapped_key = excluded.wrapped_key, qlik_user = excluded.qlik_user, \
         qlik_name = excluded.qlik_name, family = excluded.family, created_at = excluded.created_at",
    )
    .bind(session.to_vec())
    .bind(credential.tenant.clone())
    .bind(credential.sealed.clone())
    .bind(credential.wrapped_key.clone())
    .bind(credential.qlik_user.clone())
    .bind(credential.qlik_name.clone())
    .bind(credential.family.clone())
    .bind(now)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
