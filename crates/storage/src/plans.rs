//! Plans, kept so that they have an address.

use domain::plan::Plan;

use crate::actor::{Actor, read_actor};
use crate::audit::{NewAudit, append, hold_trail};
use crate::form::{self, FORM};
use crate::people::is_live;
use crate::store::{Store, StoreError, get};

/// A plan with where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanRow {
    /// Its address.
    pub id: String,
    /// For which tenant.
    pub tenant: String,
    /// Who drew it up.
    pub author: Actor,
    /// What it undoes or retries: a job's id, or empty.
    pub origin: Origin,
    /// When Qlik said what it is drawn from.
    pub inventory_at: i64,
    /// When it was drawn up.
    pub created_at: i64,
    /// The plan.
    pub plan: Plan,
}

/// A second person's word for a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Which plan.
    pub plan: String,
    /// What it did when it was approved, as its hash.
    pub hash: String,
    /// Who approved it: their id among the portal's users.
    pub principal: String,
    /// Their name.
    pub name: String,
    /// In which session.
    pub session: Vec<u8>,
    /// When.
    pub at: i64,
}

/// A line in a list of plans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanSummary {
    /// Its address.
    pub id: String,
    /// What it does.
    pub title: String,
    /// Who drew it up.
    pub author: String,
    /// When.
    pub created_at: i64,
    /// How many changes.
    pub rows: i64,
    /// The job that applied it; empty where none did.
    pub job: String,
}

/// Where a plan comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Origin {
    /// A selection, a list, a setting.
    #[default]
    Person,
    /// The job that it undoes or tries again.
    Job(String),
    /// A plan that reality had overtaken.
    Replaces(String),
    /// A plan that it is another form of: with a remedy, with fewer rows, or with more.
    Remedies(String),
}

impl Origin {
    fn kind(&self) -> &'static str {
        match self {
            Self::Person => "",
            Self::Job(_) => "job",
            Self::Replaces(_) => "replaces",
            Self::Remedies(_) => "remedies",
        }
    }

    fn id(&self) -> &str {
        match self {
            Self::Person => "",
            Self::Job(id) | Self::Replaces(id) | Self::Remedies(id) => id,
        }
    }

    fn read(kind: &str, id: String) -> Result<Self, StoreError> {
        match kind {
            "" => Ok(Self::Person),
            "job" => Ok(Self::Job(id)),
            "replaces" => Ok(Self::Replaces(id)),
            "remedies" => Ok(Self::Remedies(id)),
            _ => Err(StoreError::Unreadable("where a plan comes from")),
        }
    }
}

impl Store {
    /// Keeps a plan.
    pub async fn put_plan(&self, row: &PlanRow) -> Result<(), StoreError> {
        let body = form::write(&row.plan, "a plan")?;
        sqlx::query(
            "INSERT INTO plans (id, tenant, author, principal, qlik_user, title, hash, origin_kind, origin_id, inventory_at, created_at, rows, body, form, who) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        )
        .bind(row.id.clone())
        .bind(row.tenant.clone())
        .bind(row.author.words.clone())
        .bind(row.author.principal.clone())
        .bind(row.author.qlik_user.clone())
        .bind(row.plan.title.clone())
        .bind(row.plan.hash())
        .bind(row.origin.kind())
        .bind(row.origin.id().to_owned())
        .bind(row.inventory_at)
        .bind(row.created_at)
        .bind(i64::try_from(row.plan.changes.len()).unwrap_or(i64::MAX))
        .bind(body)
        .bind(FORM)
        .bind(row.author.signed_in_text())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// A plan of a tenant. `None` also where it was applied so long ago that only its title is kept.
    pub async fn plan(&self, tenant: &str, id: &str) -> Result<Option<PlanRow>, StoreError> {
        let row = sqlx::query(
            "SELECT id, tenant, author, principal, qlik_user, who, origin_kind, origin_id, inventory_at, created_at, body, form FROM plans \
             WHERE id = $1 AND tenant = $2",
        )
        .bind(id.to_owned())
        .bind(tenant.to_owned())
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let body: String = get(&row, "body")?;
        if body.is_empty() {
            return Ok(None);
        }
        Ok(Some(PlanRow {
            id: get(&row, "id")?,
            tenant: get(&row, "tenant")?,
            author: read_actor(&row, "author")?,
            origin: Origin::read(&get::<String>(&row, "origin_kind")?, get(&row, "origin_id")?)?,
            inventory_at: get(&row, "inventory_at")?,
            created_at: get(&row, "created_at")?,
            plan: form::read(&body, get(&row, "form")?, "a plan")?,
        }))
    }

    /// The tenant and the hash of a plan, wherever it is.
    pub async fn plan_anywhere(&self, id: &str) -> Result<Option<(String, String)>, StoreError> {
        sqlx::query("SELECT tenant, hash FROM plans WHERE id = $1")
            .bind(id.to_owned())
            .fetch_optional(&self.pool)
            .await?
            .map(|row| Ok((get(&row, "tenant")?, get(&row, "hash")?)))
            .transpose()
    }

    /// The newest plans of a tenant.
    pub async fn plans(&self, tenant: &str, most: i64) -> Result<Vec<PlanSummary>, StoreError> {
        sqlx::query(
            "SELECT p.id, p.title, p.author, p.created_at, p.rows, COALESCE(j.id, '') AS job FROM plans p \
             LEFT JOIN jobs j ON j.plan_id = p.id WHERE p.tenant = $1 ORDER BY p.created_at DESC, p.id LIMIT $2",
        )
        .bind(tenant.to_owned())
        .bind(most)
        .fetch_all(&self.pool)
        .await?
        .iter()
        .map(|row| {
            Ok(PlanSummary {
                id: get(row, "id")?,
                title: get(row, "title")?,
                author: get(row, "author")?,
                created_at: get(row, "created_at")?,
                rows: get(row, "rows")?,
                job: get(row, "job")?,
            })
        })
        .collect()
    }

    /// Keeps a second person's word for a plan, in place of an earlier one, with the record of it. `false` where their session has
    /// ended meanwhile.
    pub async fn approve_plan(&self, approval: &Approval, record: &NewAudit) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        hold_trail(&mut transaction, &record.tenant).await?;
        if !is_live(&mut transaction, &approval.session, approval.at).await? {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO approvals (plan_id, plan_hash, principal, name, session_key, at) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (plan_id) DO UPDATE SET plan_hash = excluded.plan_hash, principal = excluded.principal, \
             name = excluded.name, session_key = excluded.session_key, at = excluded.at",
        )
        .bind(approval.plan.clone())
        .bind(approval.hash.clone())
        .bind(approval.principal.clone())
        .bind(approval.name.clone())
        .bind(approval.session.clone())
        .bind(approval.at)
        .execute(&mut *transaction)
        .await?;
        append(&mut transaction, &self.audit_key, std::slice::from_ref(record)).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// The word of a second person for a plan as it is (`hash`), if it was given after `since`.
    pub async fn approval(&self, plan: &str, hash: &str, since: i64) -> Result<Option<Approval>, StoreError> {
        sqlx::query(
            "SELECT plan_id, plan_hash, principal, name, session_key, at FROM approvals WHERE plan_id = $1 AND plan_hash = $2 AND at > $3",
        )
        .bind(plan.to_owned())
        .bind(hash.to_owned())
        .bind(since)
        .fetch_optional(&self.pool)
        .await?
        .map(|row| {
            Ok(Approval {
                plan: get(&row, "plan_id")?,
                hash: get(&row, "plan_hash")?,
                principal: get(&row, "principal")?,
                name: get(&row, "name")?,
                session: get(&row, "session_key")?,
                at: get(&row, "at")?,
            })
        })
        .transpose()
    }

    /// Throws a plan away that no job applied. `false` where it is gone or applied.
    pub async fn discard_plan(&self, tenant: &str, id: &str) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM plans WHERE id = $1 AND tenant = $2 AND id NOT IN (SELECT plan_id FROM jobs)")
            .bind(id.to_owned())
            .bind(tenant.to_owned())
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() == 1)
    }
}
