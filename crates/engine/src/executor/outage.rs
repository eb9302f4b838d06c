//! How long a job waits where Qlik fails: longer each time, and not for ever.

use std::time::Duration;

use tokio::time::Instant;

/// The first wait.
const FIRST: Duration = Duration::from_millis(500);
/// The longest wait between two tries.
const MOST: Duration = Duration::from_mins(5);
/// After so long without any success a person must look.
const PATIENCE: Duration = Duration::from_hours(1);

/// Failures in a row.
#[derive(Debug, Default)]
pub(super) struct Outage {
    since: Option<Instant>,
    failures: u32,
}

impl Outage {
    /// Counts a failure. Returns how long to wait before the next try; nothing once it has lasted too long.
    pub(super) fn failed(&mut self) -> Option<Duration> {
        let since = *self.since.get_or_insert_with(Instant::now);
        let wait = (FIRST * 2_u32.saturating_pow(self.failures.min(16))).min(MOST);
        self.failures = self.failures.saturating_add(1);
        (since.elapsed() < PATIENCE).then_some(wait)
    }

    /// Something went through.
    pub(super) fn passed(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_night_with_an_outage_of_minutes_goes_on_by_itself() {
        let mut outage = Outage::default();
        let (start, mut waits) = (Instant::now(), Vec::new());
        while let Some(wait) = outage.failed() {
            waits.push(wait);
            tokio::time::advance(wait).await;
        }
        assert_eq!(waits[..4], [500, 1_000, 2_000, 4_000].map(Duration::from_millis));
        assert!(waits.iter().all(|wait| *wait <= MOST) && waits.contains(&MOST));
        assert!((PATIENCE..PATIENCE + MOST).contains(&start.elapsed()), "{:?}", start.elapsed());
        outage.passed();
        assert_eq!(outage.failed(), Some(FIRST));
    }
}
