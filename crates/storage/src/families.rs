//! Families: tokens of one authorization at a tenant, refreshed by one server at a time, and lost once for all who hold them.

use sqlx::any::AnyRow;
use sqlx::{Any, Transaction};

use crate::audit::{NewAudit, append, hold_trail};
use crate::jobs::{Grant, put_grant};
use crate::people::{is_live, use_step_up};
use crate::store::{Store, StoreError, get};

/// A family as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    /// Its id.
    pub id: String,
    /// At which tenant.
    pub tenant: String,
    /// Whose it is there.
    pub qlik_user: String,
    /// Their name.
    pub qlik_name: String,
    /// How often it was refreshed.
    pub generation: i64,
    /// When its newest access token ends.
    pub expires_at: i64,
    /// The tenant did not answer: not again before then.
    pub again_at: i64,
    /// The tenant takes its tokens no more.
    pub is_lost: bool,
}

/// A credential or grant that is sealed anew.
#[derive(Clone, PartialEq, Eq)]
pub struct Resealed {
    /// The tokens under their data key.
    pub sealed: Vec<u8>,
    /// The data key, wrapped.
    pub wrapped_key: Vec<u8>,
}

impl std::fmt::Debug for Resealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resealed")
    }
}

/// Who holds the refresh token of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FamilyHolder<'a> {
    /// A session, by its key.
    Session(&'a [u8]),
    /// A job.
    Job(&'a str),
}

/// What came of a refresh.
#[derive(Debug)]
pub struct Renewal<'a> {
    /// Whose tokens.
    pub family: &'a Family,
    /// Who holds the refresh token.
    pub holder: FamilyHolder<'a>,
    /// What they hold now.
    pub resealed: Resealed,
    /// When the access token ends.
    pub expires_at: i64,
    /// Says so in the tenant's trail.
    pub record: NewAudit,
}

/// What came of giving a job a credential of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeepRunning {
    /// It has it, in place of the one before, if there was one.
    Kept {
        /// What it had.
        before: Option<Grant>,
    },
    /// The job is over.
    Over,
    /// Whoever asked is signed out by now, or did not confirm that it is them.
    NoLeave,
}

macro_rules! family_query {
    ($tail:literal) => {
        concat!(
            "SELECT id, tenant, qlik_user, qlik_name, generation, expires_at, again_at, \
             CASE WHEN lost_at IS NULL THEN 0 ELSE 1 END AS lost FROM families ",
            $tail
        )
    };
}

fn read(row: &AnyRow) -> Result<Family, StoreError> {
    Ok(Family {
        id: get(row, "id")?,
        tenant: get(row, "tenant")?,
        qlik_user: get(row, "qlik_user")?,
        qlik_name: get(row, "qlik_name")?,
        generation: get(row, "generation")?,
        expires_at: get(row, "expires_at")?,
        again_at: get(row, "again_at")?,
        is_lost: get::<i64>(row, "lost")? != 0,
    })
}

/// Writes a family down. One that is there stays as it is.
pub(crate) async fn put_family(transaction: &mut Transaction<'static, Any>, family: &Family, now: i64) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO families (id, tenant, qlik_user, qlik_name, generation, expires_at, lease_until, again_at, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, 0, 0, $7) ON CONFLICT (id) DO NOTHING",
    )
    .bind(family.id.clone())
    .bind(family.tenant.clone())
    .bind(family.qlik_user.clone())
    .bind(family.qlik_name.clone())
    .bind(family.generation)
    .bind(family.expires_at)
    .bind(now)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

impl Store {
    /// A family.
    pub async fn family(&self, id: &str) -> Result<Option<Family>, StoreError> {
        sqlx::query(family_query!("WHERE id = $1"))
            .bind(id.to_owned())
            .fetch_optional(&self.pool)
            .await?
            .map(|row| read(&row))
            .transpose()
    }

    /// Takes a family's lease until a time. `None` where somebody else has it, was faster, or it is not to be tried now.
    pub async fn lease_family(&self, id: &str, generation: i64, now: i64, until: i64) -> Result<Option<Family>, StoreError> {
        sqlx::query(
            "UPDATE families SET lease_until = $1 WHERE id = $2 AND generation = $3 AND lease_until <= $4 AND again_at <= $4 \
             AND lost_at IS NULL RETURNING id, tenant, qlik_user, qlik_name, generation, expires_at, again_at, 0 AS lost",
        )
        .bind(until)
        .bind(id.to_owned())
        .bind(generation)
        .bind(now)
        .fetch_optional(&self.pool)
        .await?
        .map(|row| read(&row))
        .transpose()
    }

    /// Holds on to a family's lease, which lasts until `mine`, for longer. `false` where it ran out: somebody else may have it by now.
    pub async fn extend_family(&self, family: &Family, mine: i64, until: i64) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE families SET lease_until = $1 WHERE id = $2 AND generation = $3 AND lease_until = $4 AND lost_at IS NULL",
        )
        .bind(until)
        .bind(family.id.clone())
        .bind(family.generation)
        .bind(mine)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Lets a family's lease go. It is not refreshed again before `again_at`.
    pub async fn release_family(&self, family: &Family, again_at: i64) -> Result<(), StoreError> {
        sqlx::query("UPDATE families SET lease_until = 0, again_at = $1 WHERE id = $2 AND generation = $3")
            .bind(again_at)
            .bind(family.id.clone())
            .bind(family.generation)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Writes down what a refresh brought, also in the grants of jobs that this family is lent to: `lend` seals the access token for
    /// one of them. `false` where somebody else refreshed it meanwhile, or nobody holds it any more: then nothing is written.
    pub async fn renew_family(&self, renewal: &Renewal<'_>, lend: impl Fn(&str) -> Option<Resealed>) -> Result<bool, StoreError> {
        let Renewal { family, holder, resealed, expires_at, record } = renewal;
        let mut transaction = self.begin().await?;
        hold_trail(&mut transaction, &family.tenant).await?;
        let done = sqlx::query(
            "UPDATE families SET generation = generation + 1, expires_at = $1, lease_until = 0, again_at = 0 \
             WHERE id = $2 AND generation = $3 AND lost_at IS NULL",
        )
        .bind(*expires_at)
        .bind(family.id.clone())
        .bind(family.generation)
        .execute(&mut *transaction)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        let held = match holder {
            FamilyHolder::Session(key) => {
                sqlx::query("UPDATE credentials SET sealed = $1, wrapped_key = $2 WHERE family = $3 AND session_key = $4")
                    .bind(resealed.sealed.clone())
                    .bind(resealed.wrapped_key.clone())
                    .bind(family.id.clone())
                    .bind(key.to_vec())
                    .execute(&mut *transaction)
                    .await?
            }
            FamilyHolder::Job(job) => {
                sqlx::query("UPDATE grants SET sealed = $1, wrapped_key = $2 WHERE family = $3 AND job_id = $4 AND kind = 'own'")
                    .bind(resealed.sealed.clone())
                    .bind(resealed.wrapped_key.clone())
                    .bind(family.id.clone())
                    .bind((*job).to_owned())
                    .execute(&mut *transaction)
                    .await?
            }
        };
        if held.rows_affected() == 0 {
            return Ok(false);
        }
        let lent = sqlx::query("SELECT job_id FROM grants WHERE family = $1 AND kind = 'lent' ORDER BY job_id")
            .bind(family.id.clone())
            .fetch_all(&mut *transaction)
            .await?;
        for row in &lent {
            let job: String = get(row, "job_id")?;
            let Some(Resealed { sealed, wrapped_key }) = lend(&job) else { continue };
            // One whose job ended just now does not come back.
            sqlx::query("UPDATE grants SET sealed = $1, wrapped_key = $2, expires_at = $3 WHERE job_id = $4 AND family = $5")
                .bind(sealed)
                .bind(wrapped_key)
                .bind(*expires_at)
                .bind(job)
                .bind(family.id.clone())
                .execute(&mut *transaction)
                .await?;
        }
        append(&mut transaction, &self.audit_key, std::slice::from_ref(record)).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// The tenant takes the tokens of a family no more: says so once, and pauses the jobs that live by it until their Qlik user connects
    /// again. Returns these jobs. Where it was refreshed meanwhile, the refused token is only an older one, and nothing is done.
    pub async fn lose_family(
        &self,
        family: &Family,
        now: i64,
        reason: &str,
        record: &NewAudit,
    ) -> Result<Vec<String>, StoreError> {
        let mut transaction = self.begin().await?;
        hold_trail(&mut transaction, &family.tenant).await?;
        let first = sqlx::query(
            "UPDATE families SET lost_at = $1, lease_until = 0 WHERE id = $2 AND generation = $3 AND lost_at IS NULL",
        )
        .bind(now)
        .bind(family.id.clone())
        .bind(family.generation)
        .execute(&mut *transaction)
        .await?;
        if first.rows_affected() == 0 {
            return Ok(Vec::new());
        }
        let jobs = sqlx::query("SELECT job_id FROM grants WHERE family = $1 ORDER BY job_id")
            .bind(family.id.clone())
            .fetch_all(&mut *transaction)
            .await?;
        let jobs: Vec<String> = jobs.iter().map(|row| get(row, "job_id")).collect::<Result<_, _>>()?;
        for job in &jobs {
            sqlx::query(
                "UPDATE jobs SET state = 'paused', reason = $1, needs = 1 WHERE id = $2 AND state IN ('queued', 'running')",
            )
            .bind(reason.to_owned())
            .bind(job.clone())
            .execute(&mut *transaction)
            .await?;
        }
        sqlx::query("DELETE FROM grants WHERE family = $1").bind(family.id.clone()).execute(&mut *transaction).await?;
        append(&mut transaction, &self.audit_key, std::slice::from_ref(record)).await?;
        transaction.commit().await?;
        Ok(jobs)
    }

    /// Lends jobs the access token of another family, instead of the one that they live by: their Qlik user has connected again.
    pub async fn lend_instead(
        &self,
        before: &str,
        family: &Family,
        lend: impl Fn(&str) -> Option<Resealed>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let lent = sqlx::query(
            "SELECT g.job_id AS job_id FROM grants g JOIN jobs j ON j.id = g.job_id \
             WHERE g.family = $1 AND g.kind = 'lent' AND j.qlik_user = $2 ORDER BY g.job_id",
        )
        .bind(before.to_owned())
        .bind(family.qlik_user.clone())
        .fetch_all(&mut *transaction)
        .await?;
        for row in &lent {
            let job: String = get(row, "job_id")?;
            let Some(Resealed { sealed, wrapped_key }) = lend(&job) else { continue };
            sqlx::query(
                "UPDATE grants SET sealed = $1, wrapped_key = $2, expires_at = $3, family = $4 WHERE job_id = $5 AND family = $6",
            )
            .bind(sealed)
            .bind(wrapped_key)
            .bind(family.expires_at)
            .bind(family.id.clone())
            .bind(job)
            .bind(before.to_owned())
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Gives a job another credential than its session's: tokens of a `family` of its own, or none, where the portal's own client carries
    /// it out. Where it waits for one it goes on. The session that asks has to live, and where it needs a confirmation, that is used up.
    pub async fn keep_running(
        &self,
        job: &str,
        grant: &Grant,
        family: Option<&Family>,
        (session, step_up): (&[u8], Option<&str>),
        record: &NewAudit,
    ) -> Result<KeepRunning, StoreError> {
        let mut transaction = self.begin().await?;
        hold_trail(&mut transaction, &record.tenant).await?;
        let live = is_live(&mut transaction, session, record.at).await?;
        let confirmed = match step_up {
            Some(step_up) if live => use_step_up(&mut transaction, session, step_up, record.at).await?,
            _ => live,
        };
        if !confirmed {
            return Ok(KeepRunning::NoLeave);
        }
        let held = sqlx::query(
            "UPDATE jobs SET state = CASE WHEN state <> 'paused' OR needs = 0 THEN state WHEN lease_until > 0 THEN 'running' ELSE 'queued' END, \
             reason = CASE WHEN needs = 1 THEN '' ELSE reason END, needs = 0 \
             WHERE id = $1 AND tenant = $2 AND state IN ('queued', 'running', 'paused')",
        )
        .bind(job.to_owned())
        .bind(record.tenant.clone())
        .execute(&mut *transaction)
        .await?;
        if held.rows_affected() == 0 {
            return Ok(KeepRunning::Over);
        }
        if let Some(family) = family {
            put_family(&mut transaction, family, record.at).await?;
        }
        let before = put_grant(&mut transaction, job, grant).await?;
        append(&mut transaction, &self.audit_key, std::slice::from_ref(record)).await?;
        transaction.commit().await?;
        Ok(KeepRunning::Kept { before })
    }

    /// Jobs of a Qlik user that wait until they connect again, oldest first.
    pub async fn jobs_in_need(&self, tenant: &str, qlik_user: &str) -> Result<Vec<String>, StoreError> {
        sqlx::query(
            "SELECT id FROM jobs WHERE tenant = $1 AND qlik_user = $2 AND state = 'paused' AND needs = 1 ORDER BY created_at, id",
        )
        .bind(tenant.to_owned())
        .bind(qlik_user.to_owned())
        .fetch_all(&self.pool)
        .await?
        .iter()
        .map(|row| get(row, "id"))
        .collect()
    }

    /// Whether jobs live by a family that a session lent them.
    pub async fn is_lent(&self, family: &str) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT COUNT(*) AS n FROM grants WHERE family = $1 AND kind = 'lent'")
            .bind(family.to_owned())
            .fetch_one(&self.pool)
            .await?;
        Ok(get::<i64>(&row, "n")? > 0)
    }

    /// Forgets families that nobody holds any more. Returns how many.
    pub async fn purge_families(&self) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "DELETE FROM families WHERE NOT EXISTS (SELECT 1 FROM credentials c WHERE c.family = families.id) \
             AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.family = families.id)",
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }
}
