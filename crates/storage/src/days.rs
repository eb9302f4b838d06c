//! Seats by day, and when somebody was here last.

use domain::allotment::{Allotment, AllotmentName};
use domain::table::Day;

use crate::store::{Store, StoreError, get};

/// Somebody who was away for this long, in milliseconds, comes back: what they do then is another visit.
const AWAY_MS: i64 = 30 * 60 * 1_000;

/// Seats of a license type, as read last on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatDay {
    /// The day, in UTC.
    pub day: Day,
    /// The license type.
    pub allotment: AllotmentName,
    /// Seats used.
    pub used: i64,
}

impl Store {
    /// Writes down the seats of a tenant as read at a time; the newest reading of a day stays.
    pub async fn put_seat_day(&self, tenant: &str, day: Day, at: i64, allotments: &[Allotment]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        for allotment in allotments {
            sqlx::query(
                "INSERT INTO seat_days (tenant, day, allotment, at, used, units, overage) VALUES ($1, $2, $3, $4, $5, $6, $7) \
                 ON CONFLICT (tenant, day, allotment) DO UPDATE SET at = excluded.at, used = excluded.used, units = excluded.units, \
                 overage = excluded.overage WHERE excluded.at > seat_days.at",
            )
            .bind(tenant.to_owned())
            .bind(i64::from(day.number()))
            .bind(allotment.name.as_str().to_owned())
            .bind(at)
            .bind(allotment.used)
            .bind(allotment.units)
            .bind(allotment.overage)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Seats of a tenant by day, from a day on, in order.
    pub async fn seat_days(&self, tenant: &str, from: Day) -> Result<Vec<SeatDay>, StoreError> {
        let rows =
            sqlx::query("SELECT day, allotment, used FROM seat_days WHERE tenant = $1 AND day >= $2 ORDER BY day, allotment")
                .bind(tenant.to_owned())
                .bind(i64::from(from.number()))
                .fetch_all(&self.pool)
                .await?;
        let read = |row| {
            let day: i64 = get(row, "day")?;
            let day = u32::try_from(day).ok().and_then(Day::of_number).ok_or(StoreError::Unreadable("a day"))?;
            let name: String = get(row, "allotment")?;
            Ok(SeatDay { day, allotment: AllotmentName::new(&name), used: get(row, "used")? })
        };
        rows.iter().map(read).collect()
    }

    /// Writes down that somebody looks at a tenant now. Returns when their visit before this one ended, if there was one.
    pub async fn visit(&self, tenant: &str, principal: &str, now: i64) -> Result<Option<i64>, StoreError> {
        let row = sqlx::query(
            "INSERT INTO visits (tenant, principal, seen_at, before_at) VALUES ($1, $2, $3, 0) ON CONFLICT (tenant, principal) DO UPDATE SET \
             before_at = CASE WHEN excluded.seen_at - visits.seen_at >= $4 THEN visits.seen_at ELSE visits.before_at END, seen_at = excluded.seen_at \
             RETURNING before_at",
        )
        .bind(tenant.to_owned())
        .bind(principal.to_owned())
        .bind(now)
        .bind(AWAY_MS)
        .fetch_one(&self.pool)
        .await?;
        let before: i64 = get(&row, "before_at")?;
        Ok((before > 0).then_some(before))
    }
}
