//! Lists that people brought, kept for a day while they are put right.

use domain::import::Rules;

use crate::form::{self, FORM};
use crate::store::{Store, StoreError, get};

/// What the rules of a list are called where they cannot be read.
const RULES: &str = "how a list is read";

/// A list with how it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRow {
    /// Its address.
    pub id: String,
    /// For which tenant.
    pub tenant: String,
    /// Who brought it.
    pub author: String,
    /// The file's name, or what it is called instead.
    pub name: String,
    /// When.
    pub created_at: i64,
    /// The file as it came.
    pub body: Vec<u8>,
    /// How it is read.
    pub rules: Rules,
}

impl Store {
    /// Keeps a list.
    pub async fn put_list(&self, list: &ListRow) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO lists (id, tenant, author, name, created_at, body, rules, form) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(list.id.clone())
        .bind(list.tenant.clone())
        .bind(list.author.clone())
        .bind(list.name.clone())
        .bind(list.created_at)
        .bind(list.body.clone())
        .bind(form::write(&list.rules, RULES)?)
        .bind(FORM)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// A list by its id, if it was brought after `after`: an older one is as good as gone.
    pub async fn list(&self, tenant: &str, id: &str, after: i64) -> Result<Option<ListRow>, StoreError> {
        sqlx::query(
            "SELECT id, tenant, author, name, created_at, body, rules, form FROM lists WHERE id = $1 AND tenant = $2 AND created_at > $3",
        )
        .bind(id.to_owned())
        .bind(tenant.to_owned())
        .bind(after)
        .fetch_optional(&self.pool)
        .await?
        .map(|row| {
            let rules: String = get(&row, "rules")?;
            Ok(ListRow {
                id: get(&row, "id")?,
                tenant: get(&row, "tenant")?,
                author: get(&row, "author")?,
                name: get(&row, "name")?,
                created_at: get(&row, "created_at")?,
                body: get(&row, "body")?,
                rules: form::read(&rules, get(&row, "form")?, RULES)?,
            })
        })
        .transpose()
    }

    /// Changes how a list is read. `false` where it is gone.
    pub async fn set_list_rules(&self, tenant: &str, id: &str, rules: &Rules) -> Result<bool, StoreError> {
        let done = sqlx::query("UPDATE lists SET rules = $1, form = $2 WHERE id = $3 AND tenant = $4")
            .bind(form::write(rules, RULES)?)
            .bind(FORM)
            .bind(id.to_owned())
            .bind(tenant.to_owned())
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() == 1)
    }
}
