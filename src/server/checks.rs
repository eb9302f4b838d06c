//! Lists that were compared with a tenant, kept for as long as neither changes: a page of faults, a correction and a plan look at the
//! same comparison.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use domain::import::{Checked, Directory, List, Rules};

/// So many comparisons are kept; each holds its list.
const KEPT: usize = 4;

/// A list compared with a tenant.
#[derive(Debug)]
pub struct Check {
    pub list: List,
    pub checked: Checked,
    pub directory: Arc<Directory>,
}

/// Names a reading: by its rows, and by when it was made.
pub type ReadingId = (u64, i64);

/// What identifies a comparison: the list, how it is read, and the reading of the tenant.
type Key = (String, Rules, ReadingId);

/// The newest comparisons.
#[derive(Debug, Default)]
pub struct Checks {
    checks: Mutex<VecDeque<(Key, Arc<Check>)>>,
    /// Who is known, by reading.
    directory: Mutex<VecDeque<(ReadingId, Arc<Directory>)>>,
}

fn find<K: PartialEq, V: Clone>(list: &Mutex<VecDeque<(K, V)>>, key: &K) -> Option<V> {
    let list = list.lock().unwrap_or_else(PoisonError::into_inner);
    list.iter().find(|(directory, _)| directory == key).map(|(_, value)| value.clone())
}

fn keep<K, V>(list: &Mutex<VecDeque<(K, V)>>, key: K, value: V, most: usize) {
    let mut list = list.lock().unwrap_or_else(PoisonError::into_inner);
    list.push_front((key, value));
    list.truncate(most);
}

impl Checks {
    /// Who is known in a reading.
    pub fn directory(&self, reading: ReadingId, make: impl FnOnce() -> Directory) -> Arc<Directory> {
        find(&self.directory, &reading).unwrap_or_else(|| {
            let directory = Arc::new(make());
            keep(&self.directory, reading, directory.clone(), 2);
            directory
        })
    }

    /// The comparison of a list, made where there is none yet.
    pub fn check<E>(
        &self,
        list: &str,
        rules: &Rules,
        reading: ReadingId,
        make: impl FnOnce() -> Result<Check, E>,
    ) -> Result<Arc<Check>, E> {
        let key = (list.to_owned(), rules.clone(), reading);
        if let Some(found) = find(&self.checks, &key) {
            return Ok(found);
        }
        let made = Arc::new(make()?);
        keep(&self.checks, key, made.clone(), KEPT);
        Ok(made)
    }
}
