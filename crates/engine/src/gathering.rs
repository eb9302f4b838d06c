//! What a reading has so far, for those who wait for the first one.

use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::inventory::{Coverage, Inventory, Part};

/// How far a reading is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Users read.
    pub users: i64,
    /// Users in all; 0 while unknown.
    pub users_of: i64,
    /// Licenses read.
    pub assignments: i64,
    /// An estimate of all of them, from what the allotments count as used; 0 while unknown.
    pub assignments_of: i64,
}

/// What has been read so far.
#[derive(Debug)]
pub struct Gathering {
    inventory: Mutex<Inventory>,
    progress: Mutex<Progress>,
}

impl Default for Gathering {
    fn default() -> Self {
        Self { inventory: Mutex::new(unread()), progress: Mutex::default() }
    }
}

/// An inventory that knows nothing, and knows that.
pub(crate) fn unread() -> Inventory {
    let coverage = Coverage {
        licenses: Part::Unread,
        people: Part::Unread,
        groups: Part::Unread,
        system_groups: Part::Unread,
        roles: Part::Unread,
        gaps: Vec::new(),
    };
    Inventory { coverage, ..Inventory::default() }
}

/// What others may have left half done is whole all the same: everything under these locks is put in place in one step.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gathering {
    /// Where what is read is put.
    pub(crate) fn inventory(&self) -> &Mutex<Inventory> {
        &self.inventory
    }

    /// Notes how far the reading is.
    pub(crate) fn note(&self, note: impl FnOnce(&mut Progress)) {
        note(&mut locked(&self.progress));
    }

    /// How far the reading is.
    pub fn progress(&self) -> Progress {
        *locked(&self.progress)
    }

    /// Rows that a table of it would have, about.
    pub(crate) fn rows(&self) -> usize {
        let inventory = locked(&self.inventory);
        inventory.people.len().max(inventory.assignments.len())
    }

    /// What is there now; `None` without rows: before the first came, while a list is read from its start, and after all was
    /// taken out. None of these is a tenant without people.
    pub(crate) fn so_far(&self) -> Option<Inventory> {
        let inventory = locked(&self.inventory);
        (!inventory.people.is_empty() || !inventory.assignments.is_empty()).then(|| inventory.clone())
    }

    /// Takes everything out.
    pub(crate) fn take(&self) -> Inventory {
        std::mem::take(&mut locked(&self.inventory))
    }
}

#[cfg(test)]
mod tests {
    use domain::allotment::AllotmentName;
    use domain::inventory::Assignment;
    use domain::subject::Subject;

    use super::*;

    #[test]
    fn a_reading_without_rows_has_nothing_to_show() {
        let gathering = Gathering::default();
        assert!(gathering.so_far().is_none(), "nothing came yet");
        let held = Assignment {
            subject: Subject::new("idp\\ana"),
            allotment: AllotmentName::new("analyzer"),
            excess: false,
            created: String::new(),
        };
        locked(gathering.inventory()).assignments.push(held);
        assert_eq!(gathering.so_far().map(|inventory| inventory.assignments.len()), Some(1));
        assert_eq!(gathering.take().assignments.len(), 1);
        assert!(gathering.so_far().is_none(), "the table is being built of what was taken; the tenant is not empty");
    }
}
