//! How many rows of a job go into one request: as many as go through.

use std::collections::HashSet;

use storage::{JobRow, JournalRow};

use crate::backend::Backend;
use crate::fault::Fault;

/// Cuts rows into batches of one kind, smaller after trouble, larger after success.
#[derive(Debug)]
pub(super) struct Batcher {
    size: usize,
    /// Rows in one request at most, as far as is known.
    most: usize,
}

impl Batcher {
    /// Batches of at most so many rows, and of the size that the job had found out.
    pub(super) fn of(job: &JobRow, most: usize) -> Self {
        let most = if job.batch_most == 0 { most } else { most.min(job.batch_most) }.max(1);
        let size = if job.batch_rows == 0 { most } else { most.min(job.batch_rows) };
        Self { size, most }
    }

    /// Rows in the next request at most.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Rows in any request at most.
    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// The next batch from `at` on. Rows that are `singly` go alone.
    pub(super) fn take<'a>(
        &self,
        backend: &Backend,
        rows: &'a [JournalRow],
        at: &mut usize,
        singly: &HashSet<i64>,
    ) -> Option<&'a [JournalRow]> {
        let rest = rows.get(*at..)?;
        let first = rest.first()?;
        let most = if singly.contains(&first.seq) { 1 } else { self.size };
        let with_others = rest.iter().skip(1).take_while(|row| !singly.contains(&row.seq)).count() + 1;
        let n = backend.cut(rest.get(..with_others)?, most);
        *at += n;
        rest.get(..n)
    }

    /// Halves the batch where its size, or one row in it, may be the trouble. Says whether it can be any smaller.
    pub(super) fn shrink(&mut self, fault: &Fault, sent: usize) -> bool {
        if !fault.may_be_the_size() || sent <= 1 {
            return false;
        }
        if fault.status() == Some(413) {
            // So many are never taken: they are not tried again.
            self.most = self.most.min(sent - 1);
        }
        self.size = (sent / 2).clamp(1, self.most);
        true
    }

    /// Grows back slowly after a request that was as large as allowed.
    pub(super) fn grow(&mut self, sent: usize) {
        if sent >= self.size {
            self.size = (self.size + self.size / 4 + 1).min(self.most);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use domain::change::Kind;

    use crate::backend::cloud::{Cloud, CloudSettings};
    use crate::fault::Refusal;
    use crate::testing::rows;

    fn batcher() -> Batcher {
        Batcher { size: 100, most: 100 }
    }

    fn refused(status: u16) -> Fault {
        let empty = String::new;
        Fault::Refused(Refusal {
            status,
            code: empty(),
            title: empty(),
            trace: empty(),
            retry_after: None,
            promises_retry: false,
        })
    }

    fn backend() -> Backend {
        let url = "http://127.0.0.1:9".to_owned();
        let settings = CloudSettings {
            url,
            timeout: Duration::from_secs(1),
            rate_scale: 1,
            licenses_elsewhere: 0,
            people: None,
            machine: None,
        };
        Backend::Cloud(Cloud::new(&settings).unwrap())
    }

    #[test]
    fn a_batch_is_of_one_kind_and_shrinks_after_trouble() {
        let kinds: Vec<Kind> = std::iter::repeat_n(Kind::Remove, 3).chain(std::iter::repeat_n(Kind::Assign, 250)).collect();
        let rows = rows(&kinds);
        let (none, backend) = (HashSet::new(), backend());
        let mut batcher = batcher();
        let mut at = 0;
        let mut sizes = Vec::new();
        while let Some(batch) = batcher.take(&backend, &rows, &mut at, &none) {
            sizes.push(batch.len());
        }
        assert_eq!(sizes, [3, 100, 100, 50]);
        assert!(batcher.shrink(&Fault::Broken(String::new()), 100));
        let mut at = 3;
        assert_eq!(batcher.take(&backend, &rows, &mut at, &none).map(<[_]>::len), Some(50));
        // A row that an answer left out goes alone, and the next batch begins after it.
        let singly = HashSet::from([5]);
        let mut at = 3;
        let sizes: Vec<_> = (0..3).filter_map(|_| batcher.take(&backend, &rows, &mut at, &singly)).map(<[_]>::len).collect();
        assert_eq!(sizes, [2, 1, 50]);
        let mut sent = 50;
        while batcher.shrink(&refused(400), sent) {
            sent = batcher.size();
        }
        assert_eq!(batcher.size(), 1, "a row that spoils requests is found");
    }

    #[test]
    fn the_most_that_a_tenant_takes_is_found_and_kept() {
        let (limit, mut batcher, mut requests) = (12, batcher(), 0);
        let mut taken = Vec::new();
        while taken.len() < 40 {
            requests += 1;
            let sent = batcher.size();
            if sent > limit {
                assert!(batcher.shrink(&refused(413), sent));
            } else {
                batcher.grow(sent);
                taken.push(sent);
            }
        }
        assert_eq!(taken.last(), Some(&limit));
        assert!(requests < 52, "{requests} requests for 40 that went through");
        assert_eq!(batcher.most(), limit);
    }
}
