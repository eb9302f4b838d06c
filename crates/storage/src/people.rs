//! People: who signed in, their sessions, and what ends those. Whatever ends a session ends it here, in one transaction.
//!
//! Sessions begin and end one after another: each holds the portal's own trail until it is written down. So a logout comes before a
//! session begins, and is found, or after it began, and ends it.

use sha2::{Digest as _, Sha256};
use sqlx::any::AnyRow;
use sqlx::{Any, Transaction};
use trail::Target;

use crate::audit::{NewAudit, append, hold_trail};
use crate::credentials::{StoredCredential, put};
use crate::store::{Store, StoreError, get};

/// Somebody, as whoever signed them in names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who vouches for them; empty where nobody does.
    pub issuer: String,
    /// Their name there; never a mail address or what people call them.
    pub subject: String,
    /// What people call them; may be empty.
    pub name: String,
}

impl Person {
    /// Their id among the portal's users.
    pub fn principal(&self) -> String {
        principal(&self.issuer, &self.subject)
    }
}

/// The id of a person among the portal's users. Without an issuer it is the subject itself.
pub fn principal(issuer: &str, subject: &str) -> String {
    if issuer.is_empty() {
        return subject.to_owned();
    }
    let digest = Sha256::new().chain_update(issuer).chain_update([0]).chain_update(subject).finalize();
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// What a session is called on pages and in records: enough of its key's hash to tell it from others, too little to use.
pub fn session_name(key: &[u8]) -> String {
    key.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// A session that begins because somebody signed in.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// The hash of its id.
    pub key: Vec<u8>,
    /// What the session layer keeps in it.
    pub data: Vec<u8>,
    /// Whose it is.
    pub person: Person,
    /// The session at the provider; empty where there is none.
    pub sid: String,
    /// When this sign-in was begun, in seconds: a logout that came later wins.
    pub begun_s: i64,
    /// How they signed in.
    pub method: &'static str,
    /// From where.
    pub address: String,
    /// With which program.
    pub agent: String,
    /// Now, in milliseconds.
    pub now: i64,
    /// When it began: now, or when the session did that it goes on with.
    pub began: i64,
    /// When it ends without use.
    pub idle_until: i64,
    /// When it ends whatever happens.
    pub absolute_until: i64,
    /// So many sessions of a person live at once; beyond that, the one unused longest ends.
    pub most: usize,
    /// The session of this browser until now, and its credentials sealed for the new one.
    pub instead_of: Option<(Vec<u8>, Vec<StoredCredential>)>,
    /// It begins because somebody confirmed who they are: for the plan with this hash, until this time.
    pub confirmed: Option<(String, i64)>,
    /// For the portal's own trail.
    pub record: NewAudit,
}

/// Whether a session began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begins {
    /// It did.
    Begun,
    /// The provider has signed this person out meanwhile.
    LoggedOut,
    /// It was to confirm a session that has ended meanwhile.
    Ended,
}

/// Which sessions end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending<'a> {
    /// This one.
    One(&'a [u8]),
    /// All of a person: what began before now counts no more.
    Everywhere(&'a str),
    /// Those of a session at a provider, of this subject only where one is named.
    Sid {
        /// Whose provider.
        issuer: &'a str,
        /// The session there.
        sid: &'a str,
        /// Of this person only.
        subject: Option<&'a str>,
    },
    /// Those of a person, as a provider names them.
    Subject {
        /// Whose provider.
        issuer: &'a str,
        /// The person there.
        subject: &'a str,
    },
}

/// A session that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its key.
    pub key: Vec<u8>,
    /// Whose it was.
    pub principal: String,
}

fn read_ended(row: &AnyRow) -> Result<Ended, StoreError> {
    Ok(Ended { key: get(row, "key")?, principal: get(row, "principal")? })
}

/// Whether a session lives. It does until the transaction ends: whatever ends it comes after.
pub(crate) async fn is_live(transaction: &mut Transaction<'static, Any>, key: &[u8], now: i64) -> Result<bool, StoreError> {
    let held = sqlx::query(
        "UPDATE sessions SET used_at = used_at WHERE key = $1 AND revoked_at IS NULL AND idle_until > $2 AND absolute_until > $2",
    )
    .bind(key.to_vec())
    .bind(now)
    .execute(&mut **transaction)
    .await?;
    Ok(held.rows_affected() > 0)
}

/// Ends sessions, and forgets what they held.
async fn end(transaction: &mut Transaction<'static, Any>, keys: &[Vec<u8>], now: i64) -> Result<(), StoreError> {
    for key in keys {
        sqlx::query("UPDATE sessions SET revoked_at = $1 WHERE key = $2 AND revoked_at IS NULL")
            .bind(now)
            .bind(key.clone())
            .execute(&mut **transaction)
            .await?;
        for statement in ["DELETE FROM credentials WHERE session_key = $1", "DELETE FROM step_ups WHERE session_key = $1"] {
            sqlx::query(statement).bind(key.clone()).execute(&mut **transaction).await?;
        }
    }
    Ok(())
}

impl Store {
    /// Remembers somebody: their name now, and when they were here first and last.
    pub async fn put_person(&self, person: &Person, now: i64) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        put_person(&mut transaction, person, now).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Begins the session of somebody who signed in; the session that this browser had ends. Nothing happens where the provider has
    /// signed them out meanwhile: then its word overtook theirs.
    pub async fn begin_session(&self, new: &NewSession) -> Result<Begins, StoreError> {
        let mut transaction = self.begin().await?;
        let Person { issuer, subject, .. } = &new.person;
        hold_trail(&mut transaction, "").await?;
        put_person(&mut transaction, &new.person, new.now).await?;
        let out = sqlx::query(
            "SELECT 1 FROM logouts WHERE issuer = $1 AND until > $2 AND \
             ((sid <> '' AND sid = $3 AND (subject = '' OR subject = $4)) OR (sid = '' AND subject = $4 AND at_s >= $5)) LIMIT 1",
        )
        .bind(issuer.clone())
        .bind(new.now)
        .bind(new.sid.clone())
        .bind(subject.clone())
        .bind(new.begun_s)
        .fetch_optional(&mut *transaction)
        .await?;
        if out.is_some() {
            return Ok(Begins::LoggedOut);
        }
        let principal = new.person.principal();
        // What was ended meanwhile does not come back by another name, nor do its credentials.
        let before = match &new.instead_of {
            Some((old, credentials)) if is_live(&mut transaction, old, new.now).await? => Some((old, credentials)),
            Some(_) if new.confirmed.is_some() => return Ok(Begins::Ended),
            _ => None,
        };
        sqlx::query(
            "INSERT INTO sessions (key, data, version, created_at, idle_until, absolute_until, principal, issuer, sid, method, address, \
             agent, used_at) VALUES ($1, $2, 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(new.key.clone())
        .bind(new.data.clone())
        .bind(new.began)
        .bind(new.idle_until)
        .bind(new.absolute_until)
        .bind(principal.clone())
        .bind(issuer.clone())
        .bind(new.sid.clone())
        .bind(new.method)
        .bind(new.address.clone())
        .bind(new.agent.clone())
        .bind(new.now)
        .execute(&mut *transaction)
        .await?;
        if let Some((old, credentials)) = before {
            // What this person approved is approved by their session of now.
            sqlx::query("UPDATE approvals SET session_key = $1 WHERE session_key = $2 AND principal = $3")
                .bind(new.key.clone())
                .bind(old.clone())
                .bind(principal.clone())
                .execute(&mut *transaction)
                .await?;
            end(&mut transaction, std::slice::from_ref(old), new.now).await?;
            for credential in credentials {
                put(&mut transaction, &new.key, credential, new.now).await?;
            }
        }
        if let Some((plan_hash, until)) = &new.confirmed {
            put_step_up(&mut transaction, &new.key, plan_hash, *until).await?;
        }
        let beyond = sqlx::query(
            "SELECT key FROM sessions WHERE principal = $1 AND revoked_at IS NULL AND idle_until > $2 AND absolute_until > $2 \
             ORDER BY used_at DESC, created_at DESC, key LIMIT 1000 OFFSET $3",
        )
        .bind(principal)
        .bind(new.now)
        .bind(i64::try_from(new.most).unwrap_or(i64::MAX))
        .fetch_all(&mut *transaction)
        .await?;
        let beyond: Vec<Vec<u8>> = beyond.iter().map(|row| get(row, "key")).collect::<Result<_, _>>()?;
        let beyond: Vec<Vec<u8>> = beyond.into_iter().filter(|key| *key != new.key).collect();
        end(&mut transaction, &beyond, new.now).await?;
        let ended = |key: &Vec<u8>| NewAudit {
            action: "session.ended".to_owned(),
            target: Target::of("session", session_name(key), ""),
            reason: "more sessions than auth.session.per_person".to_owned(),
            ..new.record.clone()
        };
        let lines: Vec<NewAudit> = std::iter::once(new.record.clone()).chain(beyond.iter().map(ended)).collect();
        append(&mut transaction, &self.audit_key, &lines).await?;
        transaction.commit().await?;
        Ok(Begins::Begun)
    }

    /// As [`Store::end_sessions`], because somebody else says so: what these sessions approved is approved no more.
    pub async fn end_sessions_of_another(
        &self,
        which: &Ending<'_>,
        now: i64,
        record: impl Fn(&[Ended]) -> Vec<NewAudit>,
    ) -> Result<Vec<Ended>, StoreError> {
        self.end_by(which, now, record, true).await
    }

    /// Ends sessions at once, on every replica and against requests under way; forgets their credentials. `record` makes the lines of
    /// the portal's own trail from what ended. Returns what ended.
    pub async fn end_sessions(
        &self,
        which: &Ending<'_>,
        now: i64,
        record: impl Fn(&[Ended]) -> Vec<NewAudit>,
    ) -> Result<Vec<Ended>, StoreError> {
        self.end_by(which, now, record, false).await
    }

    async fn end_by(
        &self,
        which: &Ending<'_>,
        now: i64,
        record: impl Fn(&[Ended]) -> Vec<NewAudit>,
        by_another: bool,
    ) -> Result<Vec<Ended>, StoreError> {
        let mut transaction = self.begin().await?;
        hold_trail(&mut transaction, "").await?;
        let ended = end_those(&mut transaction, which, now).await?;
        if let (true, Ending::Everywhere(person)) = (by_another, which) {
            sqlx::query("DELETE FROM approvals WHERE principal = $1")
                .bind((*person).to_owned())
                .execute(&mut *transaction)
                .await?;
        }
        for session in ended.iter().filter(|_| by_another) {
            sqlx::query("DELETE FROM approvals WHERE session_key = $1")
                .bind(session.key.clone())
                .execute(&mut *transaction)
                .await?;
        }
        let lines = record(&ended);
        append(&mut transaction, &self.audit_key, &lines).await?;
        transaction.commit().await?;
        Ok(ended)
    }

    /// The same because a provider says so, whose logout token has the id `token`: remembered until `until`, so that a sign-in that was
    /// begun before `now` does not end in a session. `None` where the token was here before.
    pub async fn log_out(
        &self,
        which: &Ending<'_>,
        token: &str,
        until: i64,
        now: i64,
        record: impl Fn(&[Ended]) -> Vec<NewAudit>,
    ) -> Result<Option<Vec<Ended>>, StoreError> {
        let (issuer, sid, subject) = match which {
            Ending::Sid { issuer, sid, subject } => (*issuer, *sid, subject.unwrap_or_default()),
            Ending::Subject { issuer, subject } => (*issuer, "", *subject),
            Ending::One(_) | Ending::Everywhere(_) => ("", "", ""),
        };
        let mut transaction = self.begin().await?;
        hold_trail(&mut transaction, "").await?;
        if !use_once(&mut transaction, "logout token", &format!("{issuer} {token}"), until).await? {
            return Ok(None);
        }
        sqlx::query(
            "INSERT INTO logouts (issuer, sid, subject, at_s, until) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (issuer, sid, subject) DO UPDATE SET at_s = excluded.at_s, until = excluded.until",
        )
        .bind(issuer.to_owned())
        .bind(sid.to_owned())
        .bind(subject.to_owned())
        .bind(now.div_euclid(1_000))
        .bind(until)
        .execute(&mut *transaction)
        .await?;
        let ended = end_those(&mut transaction, which, now).await?;
        let lines = record(&ended);
        append(&mut transaction, &self.audit_key, &lines).await?;
        transaction.commit().await?;
        Ok(Some(ended))
    }

    /// Uses something that can be used once, such as the state of a sign-in. `false` where it was used before.
    pub async fn use_once(&self, kind: &'static str, value: &str, until: i64) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let first = use_once(&mut transaction, kind, value, until).await?;
        transaction.commit().await?;
        Ok(first)
    }

    /// Forgets what was used and who was signed out, where it does not matter any more.
    pub async fn purge_sign_ins(&self, now: i64) -> Result<u64, StoreError> {
        let mut gone = 0;
        for statement in [
            "DELETE FROM used_once WHERE until <= $1",
            "DELETE FROM logouts WHERE until <= $1",
            "DELETE FROM step_ups WHERE until <= $1",
        ] {
            gone += sqlx::query(statement).bind(now).execute(&self.pool).await?.rows_affected();
        }
        Ok(gone)
    }

    /// Until when a session's confirmation for a plan holds; nothing where there is none that does.
    pub async fn step_up(&self, session: &[u8], plan_hash: &str, now: i64) -> Result<Option<i64>, StoreError> {
        sqlx::query("SELECT until FROM step_ups WHERE session_key = $1 AND plan_hash = $2 AND until > $3")
            .bind(session.to_vec())
            .bind(plan_hash.to_owned())
            .bind(now)
            .fetch_optional(&self.pool)
            .await?
            .map(|row| get(&row, "until"))
            .transpose()
    }
}

/// Uses up a confirmation that holds. `false` where there is none.
pub(crate) async fn use_step_up(
    transaction: &mut Transaction<'static, Any>,
    session: &[u8],
    step_up: &str,
    now: i64,
) -> Result<bool, StoreError> {
    let used = sqlx::query("DELETE FROM step_ups WHERE session_key = $1 AND plan_hash = $2 AND until > $3")
        .bind(session.to_vec())
        .bind(step_up.to_owned())
        .bind(now)
        .execute(&mut **transaction)
        .await?;
    Ok(used.rows_affected() > 0)
}

async fn put_step_up(
    transaction: &mut Transaction<'static, Any>,
    session: &[u8],
    plan_hash: &str,
    until: i64,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO step_ups (session_key, plan_hash, until) VALUES ($1, $2, $3) \
         ON CONFLICT (session_key, plan_hash) DO UPDATE SET until = excluded.until",
    )
    .bind(session.to_vec())
    .bind(plan_hash.to_owned())
    .bind(until)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

async fn put_person(transaction: &mut Transaction<'static, Any>, person: &Person, now: i64) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO principals (id, name, issuer, subject, first_seen, last_seen) VALUES ($1, $2, $3, $4, $5, $5) \
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, last_seen = excluded.last_seen",
    )
    .bind(person.principal())
    .bind(person.name.clone())
    .bind(person.issuer.clone())
    .bind(person.subject.clone())
    .bind(now)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

async fn use_once(
    transaction: &mut Transaction<'static, Any>,
    kind: &'static str,
    value: &str,
    until: i64,
) -> Result<bool, StoreError> {
    let done = sqlx::query("INSERT INTO used_once (kind, value, until) VALUES ($1, $2, $3) ON CONFLICT (kind, value) DO NOTHING")
        .bind(kind)
        .bind(value.to_owned())
        .bind(until)
        .execute(&mut **transaction)
        .await?;
    Ok(done.rows_affected() == 1)
}

async fn end_those(transaction: &mut Transaction<'static, Any>, which: &Ending<'_>, now: i64) -> Result<Vec<Ended>, StoreError> {
    macro_rules! live {
        ($those:literal) => {
            sqlx::query(concat!("SELECT key, principal FROM sessions WHERE revoked_at IS NULL AND ", $those))
        };
    }
    let rows = match which {
        Ending::One(key) => live!("key = $1").bind(key.to_vec()).fetch_all(&mut **transaction).await?,
        Ending::Everywhere(person) => {
            sqlx::query("UPDATE principals SET valid_from = $1 WHERE id = $2")
                .bind(now)
                .bind((*person).to_owned())
                .execute(&mut **transaction)
                .await?;
            live!("principal = $1").bind((*person).to_owned()).fetch_all(&mut **transaction).await?
        }
        Ending::Sid { issuer, sid, subject } => {
            let person = subject.map(|subject| principal(issuer, subject)).unwrap_or_default();
            live!("issuer = $1 AND sid = $2 AND ($3 = '' OR principal = $3)")
                .bind((*issuer).to_owned())
                .bind((*sid).to_owned())
                .bind(person)
                .fetch_all(&mut **transaction)
                .await?
        }
        Ending::Subject { issuer, subject } => {
            live!("principal = $1").bind(principal(issuer, subject)).fetch_all(&mut **transaction).await?
        }
    };
    let ended: Vec<Ended> = rows.iter().map(read_ended).collect::<Result<_, _>>()?;
    let keys: Vec<Vec<u8>> = ended.iter().map(|ended| ended.key.clone()).collect();
    end(transaction, &keys, now).await?;
    Ok(ended)
}
