//! What several unit tests stand on.

use domain::allotment::AllotmentName;
use domain::change::{Assign, Kind, Remove};
use domain::journal::RowState;
use domain::subject::Subject;
use storage::JournalRow;

/// Rows of a journal, one of each of these kinds: removals, and everything else as what gives a license.
pub(crate) fn rows(kinds: &[Kind]) -> Vec<JournalRow> {
    let subject = || Subject::new("a");
    let allotment = || AllotmentName::new("analyzer");
    kinds
        .iter()
        .enumerate()
        .map(|(seq, kind)| JournalRow {
            seq: seq as i64,
            change: match kind {
                Kind::Remove => Remove { subject: subject(), allotment: allotment() }.into(),
                _ => Assign { subject: subject(), allotment: allotment() }.into(),
            },
            name: String::new(),
            state: RowState::Planned,
            status: 0,
            code: String::new(),
            title: String::new(),
            trace: String::new(),
            made: None,
        })
        .collect()
}
