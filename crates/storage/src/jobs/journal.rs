//! The journal: what became of each row of a job.

use std::collections::HashMap;

use domain::change::{Change, Made};
use domain::journal::{Answer, RowState, Tally};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::JobRow;
use super::lease::{Claim, check};
use crate::audit::{NewAudit, append};
use crate::form;
use crate::store::{AT_ONCE, Store, StoreError, count, get, insert, places};

/// What was made is called this where it cannot be read.
const MADE: &str = "what Qlik made";

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
    /// What Qlik made for it.
    pub made: Option<Made>,
}

impl JournalRow {
    /// What Qlik said of it; status 0 and empty words where it said nothing.
    pub fn answer(&self) -> Answer {
        Answer { status: u16::try_from(self.status).unwrap_or(0), code: self.code.clone(), title: self.title.clone() }
    }
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
    /// What Qlik made for it.
    pub made: Option<Made>,
}

/// What a row came to, but for its place.
type CameTo<'a> = (RowState, i64, &'a str, &'a str, &'a str, Option<&'a Made>);

impl Store {
    /// Rows of a job in these states, in order.
    pub async fn journal(&self, job: &str, states: &[RowState], skip: i64, most: i64) -> Result<Vec<JournalRow>, StoreError> {
        // A fixed number of places: `QueryBuilder` spells them in one database's way only.
        let mut query = sqlx::query(
            "SELECT seq, change, form, made, name, state, status, code, title, trace FROM journal \
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
            "SELECT seq, change, form, made, name, state, status, code, title, trace FROM journal \
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
        let mut connection = self.pool.acquire().await?;
        tally_of(&mut connection, job).await
    }

    /// The same for several jobs at once, in their order. What a job came to that is over is known without counting.
    pub async fn tallies(&self, jobs: &[JobRow]) -> Result<Vec<Tally>, StoreError> {
        let open: Vec<&JobRow> = jobs.iter().filter(|job| job.tally.is_none()).collect();
        let mut counted: HashMap<String, Tally> = HashMap::new();
        for some in open.chunks(AT_ONCE) {
            const HEAD: &str = "SELECT job_id, state, COUNT(*) AS n FROM journal WHERE job_id IN";
            let mut query = sqlx::query(insert(HEAD, 1, some.len(), "GROUP BY job_id, state"));
            for job in some {
                query = query.bind(job.id.clone());
            }
            for row in query.fetch_all(&self.pool).await? {
                let (job, word): (String, String) = (get(&row, "job_id")?, get(&row, "state")?);
                let state = RowState::parse(&word).ok_or(StoreError::Unreadable("a row's state"))?;
                counted.entry(job).or_default().add(state, count(get(&row, "n")?));
            }
        }
        Ok(jobs.iter().map(|job| job.tally.or_else(|| counted.get(&job.id).copied()).unwrap_or_default()).collect())
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
        for rows in rows.chunks(AT_ONCE) {
            let update = places("UPDATE journal SET state = 'sent', sent_at = $1 WHERE job_id = $2 AND seq IN", 3, rows.len());
            let mut query = sqlx::query(update).bind(now).bind(claim.job.clone());
            for seq in rows {
                query = query.bind(*seq);
            }
            query.execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Writes down what became of rows, and the record of it.
    pub async fn settle(&self, claim: &Claim, results: &[RowResult], now: i64, audit: &[NewAudit]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        // The trail first and the job after it, as when a job is claimed.
        append(&mut transaction, &self.audit_key, audit).await?;
        check(&mut transaction, claim).await?;
        // Rows that came to the same are written down together.
        let mut alike: Vec<(&RowResult, Vec<i64>)> = Vec::new();
        let mut place: HashMap<CameTo<'_>, usize> = HashMap::new();
        for result in results {
            let RowResult { state, status, code, title, trace, made, .. } = result;
            let key = (*state, *status, code.as_str(), title.as_str(), trace.as_str(), made.as_ref());
            let at = *place.entry(key).or_insert_with(|| {
                alike.push((result, Vec::new()));
                alike.len() - 1
            });
            if let Some((_, rows)) = alike.get_mut(at) {
                rows.push(result.seq);
            }
        }
        for (result, rows) in alike {
            for rows in rows.chunks(AT_ONCE) {
                const HEAD: &str = "UPDATE journal SET state = $1, status = $2, code = $3, title = $4, trace = $5, settled_at = $6, \
                                    made = $7 WHERE job_id = $8 AND seq IN";
                let mut query = sqlx::query(places(HEAD, 9, rows.len()))
                    .bind(result.state.as_str().to_owned())
                    .bind(result.status)
                    .bind(result.code.clone())
                    .bind(result.title.clone())
                    .bind(result.trace.clone())
                    .bind(result.state.is_settled().then_some(now))
                    .bind(result.made.as_ref().map_or_else(|| Ok(String::new()), |made| form::write(made, MADE))?)
                    .bind(claim.job.clone());
                for seq in rows {
                    query = query.bind(*seq);
                }
                query.execute(&mut *transaction).await?;
            }
        }
        transaction.commit().await?;
        Ok(())
    }
}

/// Counts a job's rows by state.
pub(super) async fn tally_of(connection: &mut AnyConnection, job: &str) -> Result<Tally, StoreError> {
    let mut tally = Tally::default();
    let rows = sqlx::query("SELECT state, COUNT(*) AS n FROM journal WHERE job_id = $1 GROUP BY state")
        .bind(job.to_owned())
        .fetch_all(connection)
        .await?;
    for row in rows {
        let word: String = get(&row, "state")?;
        let state = RowState::parse(&word).ok_or(StoreError::Unreadable("a row's state"))?;
        tally.add(state, count(get(&row, "n")?));
    }
    Ok(tally)
}

fn read_journal(row: &AnyRow) -> Result<JournalRow, StoreError> {
    let (word, change, made): (String, String, String) = (get(row, "state")?, get(row, "change")?, get(row, "made")?);
    let form = get(row, "form")?;
    Ok(JournalRow {
        seq: get(row, "seq")?,
        change: form::read(&change, form, "a change")?,
        name: get(row, "name")?,
        state: RowState::parse(&word).ok_or(StoreError::Unreadable("a row's state"))?,
        status: get(row, "status")?,
        code: get(row, "code")?,
        title: get(row, "title")?,
        trace: get(row, "trace")?,
        made: if made.is_empty() { None } else { Some(form::read(&made, form, MADE)?) },
    })
}
