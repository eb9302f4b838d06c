//! When people used Qlik last: a column that comes after the rows, for it may take the server minutes to find out.

/// What an answer says of a last use that is not known, where the newest try to read it failed.
pub const FAILED: &str = "failed";

#[cfg(feature = "hydrate")]
pub use browser::follow;

#[cfg(feature = "hydrate")]
mod browser {
    use std::time::Duration;

    use domain::assignments::{Table, Used, decode_uses};
    use leptos::prelude::*;

    use super::FAILED;
    use crate::features::assignments::view::UsesState;
    use crate::features::table::{Live, Missed, fetch};
    use crate::ui::scope::pause;

    /// What is known of it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    enum Uses {
        Known(Vec<Used>),
        /// Ask again later.
        Reading,
        /// The newest try failed; ask again later.
        Failed,
        /// The key may not read it.
        Closed,
    }

    async fn uses(tenant: &str, version: u64) -> Result<Uses, Missed> {
        match fetch(tenant, "use", version, 0).await? {
            (200, bytes) => Ok(Uses::Known(decode_uses(&bytes)?)),
            (202, says) if says == FAILED.as_bytes() => Ok(Uses::Failed),
            (202, _) => Ok(Uses::Reading),
            _ => Ok(Uses::Closed),
        }
    }

    /// Adds the column to the rows of a version; asks less and less often while it is not known.
    pub async fn follow(live: Live<Table>, tenant: String, version: u64) {
        /// Over an hour.
        const MOST: u64 = 400;
        for tries in 1..=MOST {
            let got = uses(&tenant, version).await;
            if live.version.get_untracked() != version {
                return;
            }
            match got {
                Ok(Uses::Known(uses)) => {
                    let mut fits = false;
                    live.table.update(|table| fits = table.take_uses(uses));
                    return live.known.set(if fits { UsesState::Known } else { UsesState::Closed });
                }
                Ok(got @ (Uses::Reading | Uses::Failed)) => {
                    live.known.set(if got == Uses::Failed { UsesState::Failed } else { UsesState::Reading });
                    pause(Duration::from_secs(tries.min(10))).await;
                }
                Ok(Uses::Closed) => break,
                Err(_) => return,
            }
        }
        live.known.set(UsesState::Closed);
    }
}
