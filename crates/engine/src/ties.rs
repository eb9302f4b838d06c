//! Who is in the groups that licenses are tied to, written down at each whole reading: only so is it known later who left.

use std::sync::Arc;

use domain::inventory::Inventory;
use storage::{Store, StoreError};

/// Takes in what a reading shows, which was complete at this time.
pub async fn take(store: &Store, tenant: &str, at: i64, inventory: &Arc<Inventory>) -> Result<(), StoreError> {
    for mut row in store.ties(tenant).await? {
        if at <= row.seen_at {
            continue;
        }
        let inventory = inventory.clone();
        // A hundred thousand people take a moment, in which others want to be answered.
        let taken = tokio::task::spawn_blocking(move || {
            let is_other = row.members.take(&row.tie, &inventory, at);
            (row, is_other)
        });
        let Ok((row, is_other)) = taken.await else { return Ok(()) };
        if is_other {
            store.put_tied_members(tenant, &row, at).await?;
        }
    }
    Ok(())
}
