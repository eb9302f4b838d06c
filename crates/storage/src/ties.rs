//! Licenses tied to groups: what was wished, by whom, and who was in the group.

use domain::allotment::AllotmentName;
use domain::inventory::GroupId;
use domain::ties::{Members, Tie};
use sqlx::any::AnyRow;

use crate::store::{Store, StoreError, get};

/// A tie as it is kept. Times are milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TieRow {
    /// Which group is to hold which license.
    pub tie: Tie,
    /// When it was tied.
    pub made_at: i64,
    /// Who tied it, for people.
    pub made_by: String,
    /// When the newest reading was that its members are of; 0 before the first.
    pub seen_at: i64,
    /// Who was in the group.
    pub members: Members,
}

fn row(row: &AnyRow) -> Result<TieRow, StoreError> {
    let (group, allotment): (String, String) = (get(row, "group_id")?, get(row, "allotment")?);
    let members: Vec<u8> = get(row, "members")?;
    Ok(TieRow {
        tie: Tie { group: GroupId::new(group), name: get(row, "name")?, allotment: AllotmentName::new(allotment) },
        made_at: get(row, "made_at")?,
        made_by: get(row, "made_by")?,
        seen_at: get(row, "seen_at")?,
        members: Members::of_bytes(&members).map_err(|_| StoreError::Unreadable("members of a group"))?,
    })
}

impl Store {
    /// The ties of a tenant, in the order they were made.
    pub async fn ties(&self, tenant: &str) -> Result<Vec<TieRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT group_id, name, allotment, made_at, made_by, seen_at, members FROM group_ties WHERE tenant = $1 \
             ORDER BY made_at, group_id",
        )
        .bind(tenant.to_owned())
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(row).collect()
    }

    /// Ties a license to a group; an earlier one of the group is replaced, with who was known to be in it.
    pub async fn put_tie(&self, tenant: &str, row: &TieRow) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO group_ties (tenant, group_id, name, allotment, made_at, made_by, seen_at, members) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (tenant, group_id) DO UPDATE SET name = excluded.name, \
             allotment = excluded.allotment, made_at = excluded.made_at, made_by = excluded.made_by, seen_at = excluded.seen_at, \
             members = excluded.members",
        )
        .bind(tenant.to_owned())
        .bind(row.tie.group.to_string())
        .bind(row.tie.name.clone())
        .bind(row.tie.allotment.to_string())
        .bind(row.made_at)
        .bind(row.made_by.clone())
        .bind(row.seen_at)
        .bind(row.members.to_bytes())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Writes down who was in a tied group by a reading, unless a later one did, or the tie is another by now.
    pub async fn put_tied_members(&self, tenant: &str, row: &TieRow, seen_at: i64) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE group_ties SET members = $1, seen_at = $2 WHERE tenant = $3 AND group_id = $4 AND made_at = $5 AND seen_at = $6",
        )
        .bind(row.members.to_bytes())
        .bind(seen_at)
        .bind(tenant.to_owned())
        .bind(row.tie.group.to_string())
        .bind(row.made_at)
        .bind(row.seen_at)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Unties a group. Returns whether it was tied.
    pub async fn drop_tie(&self, tenant: &str, group: &GroupId) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM group_ties WHERE tenant = $1 AND group_id = $2")
            .bind(tenant.to_owned())
            .bind(group.to_string())
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() > 0)
    }
}
