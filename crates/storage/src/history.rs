//! How groups and roles were: a row for each reading that differs from the one before, and the baseline that somebody declared.

use sqlx::any::AnyRow;

use crate::store::{Store, StoreError, get};

/// A state of a tenant's groups and roles, and when it was read. Times are milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupState {
    /// Its place, from 1.
    pub n: i64,
    /// When the first reading that shows it was complete.
    pub at: i64,
    /// When the newest one that shows it was complete.
    pub until: i64,
    /// When that newest one began: what changed later may be in the next state.
    pub began: i64,
    /// Groups and roles that differ from the state before.
    pub changes: i64,
}

/// A baseline: how groups and roles are meant to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baseline {
    /// The moment whose state it is, in milliseconds since 1970.
    pub at: i64,
    /// When it was declared.
    pub declared_at: i64,
    /// Who declared it, for people.
    pub declared_by: String,
}

fn state(row: &AnyRow) -> Result<GroupState, StoreError> {
    Ok(GroupState {
        n: get(row, "n")?,
        at: get(row, "at")?,
        until: get(row, "until")?,
        began: get(row, "began")?,
        changes: get(row, "changes")?,
    })
}

impl Store {
    /// The newest state of a tenant that is kept.
    pub async fn newest_group_state(&self, tenant: &str) -> Result<Option<GroupState>, StoreError> {
        let row = sqlx::query("SELECT n, at, until, began, changes FROM group_states WHERE tenant = $1 ORDER BY n DESC LIMIT 1")
            .bind(tenant.to_owned())
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(state).transpose()
    }

    /// The state at a moment, and the first one that is kept where the moment is before it.
    pub async fn group_state_at(&self, tenant: &str, at: i64) -> Result<Option<GroupState>, StoreError> {
        let row = sqlx::query(
            "SELECT n, at, until, began, changes FROM group_states WHERE tenant = $1 AND at <= $2 ORDER BY n DESC LIMIT 1",
        )
        .bind(tenant.to_owned())
        .bind(at)
        .fetch_optional(&self.pool)
        .await?;
        match row {
            Some(row) => state(&row).map(Some),
            None => self.first_group_state(tenant).await,
        }
    }

    /// The first state of a tenant that is kept.
    pub async fn first_group_state(&self, tenant: &str) -> Result<Option<GroupState>, StoreError> {
        let row = sqlx::query("SELECT n, at, until, began, changes FROM group_states WHERE tenant = $1 ORDER BY n LIMIT 1")
            .bind(tenant.to_owned())
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(state).transpose()
    }

    /// What a state is put together from: all of an earlier one, or nothing where the first step is from nothing; then the steps to
    /// it. Nothing where that is not all there: old states may go while this one is asked for.
    pub async fn group_state_parts(&self, tenant: &str, n: i64) -> Result<Option<(Vec<u8>, Vec<Vec<u8>>)>, StoreError> {
        // One statement sees one moment of the table.
        let rows = sqlx::query(
            "SELECT n, step, whole FROM group_states WHERE tenant = $1 AND n <= $2 AND n >= COALESCE((SELECT MAX(w.n) FROM group_states w \
             WHERE w.tenant = $1 AND w.n <= $2 AND LENGTH(w.whole) > 0), 1) ORDER BY n",
        )
        .bind(tenant.to_owned())
        .bind(n)
        .fetch_all(&self.pool)
        .await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let (begins, whole): (i64, Vec<u8>) = (get(first, "n")?, get(first, "whole")?);
        let from_nothing = whole.is_empty();
        let mut next = begins;
        let mut steps = Vec::new();
        for row in &rows {
            if get::<i64>(row, "n")? != next {
                return Ok(None);
            }
            if from_nothing || next > begins {
                steps.push(get(row, "step")?);
            }
            next += 1;
        }
        let is_whole = next == n + 1 && (!from_nothing || begins == 1);
        Ok(is_whole.then_some((whole, steps)))
    }

    /// The states after one, up to another, in order, each with the step to it.
    pub async fn group_steps(&self, tenant: &str, after: i64, upto: i64) -> Result<Vec<(GroupState, Vec<u8>)>, StoreError> {
        let rows = sqlx::query(
            "SELECT n, at, until, began, changes, step FROM group_states WHERE tenant = $1 AND n > $2 AND n <= $3 ORDER BY n",
        )
        .bind(tenant.to_owned())
        .bind(after)
        .bind(upto)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| Ok((state(row)?, get(row, "step")?))).collect()
    }

    /// Adds a state at its place. `whole` is all of it, or empty where the steps to it are enough. Returns whether the place was free,
    /// and the reading began after the one before it was seen last: otherwise somebody else read the tenant at the same time, and
    /// theirs stays.
    pub async fn add_group_state(&self, tenant: &str, new: GroupState, step: &[u8], whole: &[u8]) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO group_states (tenant, n, at, until, began, changes, step, whole) \
             SELECT $1, $2, $3, $4, $5, $6, $7, $8 WHERE NOT EXISTS \
             (SELECT 1 FROM group_states b WHERE b.tenant = $1 AND b.n = $2 - 1 AND b.until > $5) \
             ON CONFLICT (tenant, n) DO NOTHING",
        )
        .bind(tenant.to_owned())
        .bind(new.n)
        .bind(new.at)
        .bind(new.until)
        .bind(new.began)
        .bind(new.changes)
        .bind(step.to_vec())
        .bind(whole.to_vec())
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// A reading showed a state again. Returns whether that is still the newest one.
    pub async fn extend_group_state(&self, tenant: &str, n: i64, began: i64, until: i64) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE group_states SET until = $3, began = CASE WHEN began > $4 THEN began ELSE $4 END WHERE tenant = $1 AND n = $2 AND until <= $3 \
             AND NOT EXISTS (SELECT 1 FROM group_states later WHERE later.tenant = $1 AND later.n > $2)",
        )
        .bind(tenant.to_owned())
        .bind(n)
        .bind(until)
        .bind(began)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Keeps nothing of before a state, whose whole is given. Returns how many states went.
    pub async fn begin_group_states_at(&self, tenant: &str, n: i64, whole: &[u8]) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE group_states SET whole = $3 WHERE tenant = $1 AND n = $2 AND LENGTH(whole) = 0")
            .bind(tenant.to_owned())
            .bind(n)
            .bind(whole.to_vec())
            .execute(&mut *transaction)
            .await?;
        let done = sqlx::query("DELETE FROM group_states WHERE tenant = $1 AND n < $2")
            .bind(tenant.to_owned())
            .bind(n)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(done.rows_affected())
    }

    /// Declares how groups and roles are meant to be; an earlier declaration is replaced.
    pub async fn put_baseline(&self, tenant: &str, baseline: &Baseline, whole: &[u8]) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO group_baselines (tenant, at, declared_at, declared_by, whole) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (tenant) DO UPDATE SET at = excluded.at, declared_at = excluded.declared_at, \
             declared_by = excluded.declared_by, whole = excluded.whole",
        )
        .bind(tenant.to_owned())
        .bind(baseline.at)
        .bind(baseline.declared_at)
        .bind(baseline.declared_by.clone())
        .bind(whole.to_vec())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The baseline of a tenant, without its state.
    pub async fn baseline(&self, tenant: &str) -> Result<Option<Baseline>, StoreError> {
        sqlx::query("SELECT at, declared_at, declared_by FROM group_baselines WHERE tenant = $1")
            .bind(tenant.to_owned())
            .fetch_optional(&self.pool)
            .await?
            .map(|row| {
                let (at, declared_at) = (get(&row, "at")?, get(&row, "declared_at")?);
                Ok(Baseline { at, declared_at, declared_by: get(&row, "declared_by")? })
            })
            .transpose()
    }

    /// The state that a baseline declares.
    pub async fn baseline_state(&self, tenant: &str) -> Result<Option<Vec<u8>>, StoreError> {
        sqlx::query("SELECT whole FROM group_baselines WHERE tenant = $1")
            .bind(tenant.to_owned())
            .fetch_optional(&self.pool)
            .await?
            .map(|row| get(&row, "whole"))
            .transpose()
    }

    /// Forgets the baseline. Returns whether there was one.
    pub async fn drop_baseline(&self, tenant: &str) -> Result<bool, StoreError> {
        let done =
            sqlx::query("DELETE FROM group_baselines WHERE tenant = $1").bind(tenant.to_owned()).execute(&self.pool).await?;
        Ok(done.rows_affected() > 0)
    }
}
