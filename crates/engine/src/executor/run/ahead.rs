//! Groups that are read ahead of their rows, many in one call: Qlik has no ETag, so each is looked at right before it is written, and
//! a call for each would cost as much as the writes.

use std::collections::HashMap;
use std::time::Duration;

use domain::inventory::{Group, Inventory};
use domain::touch::{Touch, Touches};
use storage::JournalRow;
use tokio::time::Instant;

use crate::backend::{Backend, Reader};
use crate::fault::Fault;
use crate::gathering::unread;

/// What was read of a group or a setting this long ago still counts as how it is.
const STILL_SO: Duration = Duration::from_millis(500);
/// The same where so many wait behind it that a call for each would be the most of the work.
const STILL_SO_OF_MANY: Duration = Duration::from_secs(2);
const MANY: usize = 20;
/// So many are read in one call at most, at least, and at first.
const MOST: usize = 100;
const LEAST: usize = 2;
const FIRST: usize = 8;

/// What was read ahead.
#[derive(Debug)]
pub(super) struct Ahead {
    /// By what is touched; a group that was not there is nothing.
    seen: HashMap<String, (Option<Group>, Instant)>,
    /// So many are read next time.
    size: usize,
    /// So many of those read last were of use.
    used: usize,
}

impl Default for Ahead {
    fn default() -> Self {
        Self { seen: HashMap::new(), size: FIRST, used: FIRST }
    }
}

/// Whether it is a group, by id or by name.
fn is_group(touch: &Touch) -> bool {
    matches!(touch, Touch::Group(_) | Touch::GroupName(_))
}

fn is_at(touch: &Touch, group: &Group) -> bool {
    match touch {
        Touch::Group(id) => group.id == *id,
        Touch::GroupName(name) => group.name == *name,
        Touch::Holdings(_) | Touch::Setting(_) => false,
    }
}

impl Ahead {
    /// How old what is known may be, with so many rows behind.
    pub(super) fn still_so(behind: usize) -> Duration {
        if behind >= MANY { STILL_SO_OF_MANY } else { STILL_SO }
    }

    /// How what this row looks at is now; `behind` are the rows that follow it.
    pub(super) async fn look(
        &mut self,
        backend: &Backend,
        reader: &Reader,
        row: &JournalRow,
        behind: &[JournalRow],
    ) -> Result<Inventory, Fault> {
        let touches = row.change.looks_at();
        if !touches.iter().all(is_group) {
            return backend.read(reader, &touches).await;
        }
        let (now, still_so) = (Instant::now(), Self::still_so(behind.len()));
        self.seen.retain(|_, (_, at)| now.duration_since(*at) <= still_so);
        let known = |ahead: &Self| -> Option<Vec<Group>> {
            let groups = touches.iter().map(|touch| ahead.seen.get(&touch.key()).map(|(group, _)| group.clone()));
            groups.collect::<Option<Vec<_>>>().map(|groups| groups.into_iter().flatten().collect())
        };
        if known(self).is_none() {
            // As many as were of use before they were too old, and some more where all were.
            self.size = if self.used >= self.size { self.size * 2 } else { self.used + 1 }.clamp(LEAST, MOST);
            self.used = 0;
            let behind = behind.iter().map(|row| row.change.looks_at()).take_while(|touches| touches.iter().all(is_group));
            let mut all: Vec<Touch> = touches.iter().cloned().collect();
            all.extend(behind.take(self.size - 1).flatten());
            let wanted: Touches = all.iter().cloned().collect();
            let read = backend.read(reader, &wanted).await?;
            let at = Instant::now();
            for touch in all {
                let group = read.groups.iter().find(|group| is_at(&touch, group)).cloned();
                self.seen.insert(touch.key(), (group, at));
            }
        }
        self.used += 1;
        Ok(Inventory { groups: known(self).unwrap_or_default(), ..unread() })
    }

    /// Whether what was read for these rows still counts as how it is, as far as it was read ahead.
    pub(super) fn is_fresh(&self, rows: &[JournalRow], behind: usize) -> bool {
        let still_so = Self::still_so(behind);
        let touches: Touches = rows.iter().map(|row| row.change.looks_at()).collect();
        touches.iter().filter_map(|touch| self.seen.get(&touch.key())).all(|(_, at)| at.elapsed() <= still_so)
    }

    /// These are written now: whatever was known of them is no more.
    pub(super) fn forget(&mut self, rows: &[JournalRow]) {
        for touch in rows.iter().flat_map(|row| row.change.touches()) {
            self.seen.remove(&touch.key());
        }
    }
}
