//! The journal: what became of each row of a job.

use domain::journal::{RowState, Tally};
use domain::plan::Change;
use sqlx::any::AnyRow;

use super::lease::{Claim, check};
use crate::audit::{NewAudit, append};
use crate::store::{Store, StoreError, count, get};

/// A row of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalRow {
    /// Its place, from 0.
    pub seq: i64,
    /// What it changes.
    pub change: Change,
    /// The person's or group's name; may be empty.
    pub name: String,
    /// Where it stands.
    pub state: RowState,
    /// Qlik's status; 0 without one.
    pub status: i64,
    /// Qlik's code; may be empty.
    pub code: String,
    /// Qlik's title, or why nobody knows; may be empty.
    pub title: String,
    /// Qlik's trace id; may be empty.
    pub trace: String,
}

/// Rows of a job that went wrong alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Refused, in conflict, or unknown.
    pub state: RowState,
    /// Qlik's code; may be empty.
    pub code: String,
    /// Qlik's title of one of them, or why nobody knows; may be empty.
    pub title: String,
    /// How many.
    pub rows: u64,
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowResult {
    /// Its place.
    pub seq: i64,
    /// Where it stands now.
    pub state: RowState,
    /// Qlik's status; 0 without one.
    pub status: i64,
    /// Qlik's code; may be empty.
    pub code: String,
    /// Qlik's title; may be empty.
    pub title: String,
    /// Qlik's trace id; may be empty.
    pub trace: String,
}

impl Store {
    /// Rows of a job in these states, in order.
    pub async fn journal(&self, job: &str, states: &[RowState], skip: i64, most: i64) -> Result<Vec<JournalRow>, StoreError> {
        // A fixed number of places: `QueryBuilder` spells them in one database's way only.
        let mut query = sqlx::query(
            "SELECT seq, change, name, state, status, code, title, trace FROM journal \
             WHERE job_id = $1 AND state IN ($2, $3, $4, $5, $6, $7, $8) ORDER BY seq LIMIT $9 OFFSET $10",
        )
        .bind(job.to_owned());
        for at in 0..RowState::ALL.len() {
            query = query.bind(states.get(at).map_or("", |state| state.as_str()).to_owned());
        }
        query.bind(most).bind(skip).fetch_all(&self.pool).await?.iter().map(read_journal).collect()
    }

    /// Rows of a job that want attention, in the order of [`Self::troubles`] and of the plan within each.
    pub async fn troubled(&self, job: &str, skip: i64, most: i64) -> Result<Vec<JournalRow>, StoreError> {
        sqlx::query(
            "SELECT seq, change, name, state, status, code, title, trace FROM journal \
             WHERE job_id = $1 AND state IN ('refused', 'conflict', 'unknown') \
             ORDER BY CASE state WHEN 'refused' THEN 0 WHEN 'conflict' THEN 1 ELSE 2 END, code, seq LIMIT $2 OFFSET $3",
        )
        .bind(job.to_owned())
        .bind(most)
        .bind(skip)
        .fetch_all(&self.pool)
        .await?
        .iter()
        .map(read_journal)
        .collect()
    }

    /// What went wrong, by state and Qlik's code, with how many rows each.
    pub async fn troubles(&self, job: &str) -> Result<Vec<Trouble>, StoreError> {
        sqlx::query(
            "SELECT state, code, MIN(title) AS title, COUNT(*) AS n FROM journal \
             WHERE job_id = $1 AND state IN ('refused', 'conflict', 'unknown') GROUP BY state, code \
             ORDER BY CASE state WHEN 'refused' THEN 0 WHEN 'conflict' THEN 1 ELSE 2 END, code",
        )
        .bind(job.to_owned())
        .fetch_all(&self.pool)
        .await?
        .iter()
        .map(|row| {
            let word: String = get(row, "state")?;
            Ok(Trouble {
                state: RowState::parse(&word).ok_or(StoreError::Unreadable("a row's state"))?,
                code: get(row, "code")?,
                title: get(row, "title")?,
                rows: count(get(row, "n")?),
            })
        })
        .collect()
    }

    /// How many rows of a job are in which state.
    pub async fn tally(&self, job: &str) -> Result<Tally, StoreError> {
        let mut tally = Tally::default();
        let rows = sqlx::query("SELECT state, COUNT(*) AS n FROM journal WHERE job_id = $1 GROUP BY state")
            .bind(job.to_owned())
            .fetch_all(&self.pool)
            .await?;
        for row in rows {
            let word: String = get(&row, "state")?;
            let state = RowState::parse(&word).ok_or(StoreError::Unreadable("a row's state"))?;
            tally.add(state, count(get(&row, "n")?));
        }
        Ok(tally)
    }

    /// When requests of a Qlik user's jobs left since a time, whoever carried them out.
    pub async fn sends_since(&self, tenant: &str, qlik_user: &str, since: i64) -> Result<Vec<i64>, StoreError> {
        sqlx::query(
            "SELECT DISTINCT journal.sent_at AS sent_at FROM journal JOIN jobs ON jobs.id = journal.job_id \
             WHERE jobs.tenant = $1 AND jobs.qlik_user = $2 AND (jobs.finished_at IS NULL OR jobs.finished_at > $3) \
             AND journal.sent_at > $3 ORDER BY sent_at",
        )
        .bind(tenant.to_owned())
        .bind(qlik_user.to_owned())
        .bind(since)
        .fetch_all(&self.pool)
        .await?
        .iter()
        .map(|row| get(row, "sent_at"))
        .collect()
    }

    /// Rows settled since a time, with when the first and the last of them were.
    pub async fn settled_since(&self, job: &str, since: i64) -> Result<(u64, i64, i64), StoreError> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS n, COALESCE(MIN(settled_at), 0) AS first, COALESCE(MAX(settled_at), 0) AS last \
             FROM journal WHERE job_id = $1 AND settled_at > $2",
        )
        .bind(job.to_owned())
        .bind(since)
        .fetch_one(&self.pool)
        .await?;
        Ok((count(get(&row, "n")?), get(&row, "first")?, get(&row, "last")?))
    }

    /// When the newest request left whose effect is not known; `None` where every effect is known.
    pub async fn last_unsettled_send(&self, job: &str) -> Result<Option<i64>, StoreError> {
        let row = sqlx::query(
            "SELECT COALESCE(MAX(sent_at), -1) AS last, COUNT(*) AS n FROM journal WHERE job_id = $1 AND state IN ('sent', 'unknown')",
        )
        .bind(job.to_owned())
        .fetch_one(&self.pool)
        .await?;
        let n: i64 = get(&row, "n")?;
        let last: i64 = get(&row, "last")?;
        Ok((n > 0).then_some(last))
    }

    /// Writes down that these rows are about to be sent.
    pub async fn mark_sent(&self, claim: &Claim, rows: &[i64], now: i64) -> Result<(), StoreError> {
        let mut transaction = self.begin_claimed(claim).await?;
        for seq in rows {
            sqlx::query("UPDATE journal SET state = 'sent', sent_at = $1 WHERE job_id = $2 AND seq = $3")
                .bind(now)
                .bind(claim.job.clone())
                .bind(*seq)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Writes down what became of rows, and the record of it.
    pub async fn settle(&self, claim: &Claim, results: &[RowResult], now: i64, audit: &[NewAudit]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        self.lock_audit(&mut transaction).await?;
        check(&mut transaction, claim).await?;
        for result in results {
            sqlx::query(
                "UPDATE journal SET state = $1, status = $2, code = $3, title = $4, trace = $5, settled_at = $6 WHERE job_id = $7 AND seq = $8",
            )
            .bind(result.state.as_str().to_owned())
            .bind(result.status)
            .bind(result.code.clone())
            .bind(result.title.clone())
            .bind(result.trace.clone())
            .bind(result.state.is_settled().then_some(now))
            .bind(claim.job.clone())
            .bind(result.seq)
            .execute(&mut *transaction)
            .await?;
        }
        append(&mut transaction, audit).await?;
        transaction.commit().await?;
        Ok(())
    }
}

fn read_journal(row: &AnyRow) -> Result<JournalRow, StoreError> {
    let (word, change): (String, String) = (get(row, "state")?, get(row, "change")?);
    Ok(JournalRow {
        seq: get(row, "seq")?,
        change: serde_json::from_str(&change).map_err(|_| StoreError::Unreadable("a change"))?,
        name: get(row, "name")?,
        state: RowState::parse(&word).ok_or(StoreError::Unreadable("a row's state"))?,
        status: get(row, "status")?,
        code: get(row, "code")?,
        title: get(row, "title")?,
        trace: get(row, "trace")?,
    })
}
