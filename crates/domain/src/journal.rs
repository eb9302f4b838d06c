//! What becomes of a row once a job sends it: the states it goes through and the meaning of each answer.

use serde::{Deserialize, Serialize};

use crate::change::Comparison;

/// The state of a journal row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RowState {
    /// Not sent, or sent and known to have had no effect.
    Planned,
    /// A request with this row has left; its answer is not known yet.
    Sent,
    /// Qlik did it.
    Done,
    /// Qlik found it already so.
    Already,
    /// Qlik said no.
    Refused,
    /// Nobody knows; to be settled by reading.
    Unknown,
    /// Somebody else wrote meanwhile.
    Conflict,
}

impl RowState {
    /// Every state, in the order results are shown.
    pub const ALL: [Self; 7] =
        [Self::Refused, Self::Conflict, Self::Unknown, Self::Sent, Self::Planned, Self::Already, Self::Done];

    /// The row wants somebody's attention; the first of [`Self::ALL`].
    pub fn is_trouble(self) -> bool {
        matches!(self, Self::Refused | Self::Conflict | Self::Unknown)
    }

    /// The word in the database and in the URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Sent => "sent",
            Self::Done => "done",
            Self::Already => "already",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::Conflict => "conflict",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Nothing more will happen to the row in this job.
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Done | Self::Already | Self::Refused | Self::Conflict)
    }
}

/// What Qlik said of one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The row's status, or that of the whole request.
    pub status: u16,
    /// The tenant's code, such as `LICENSES-011`; empty where there is none.
    pub code: String,
    /// Qlik's title, word for word.
    pub title: String,
}

/// What reading the tenant says about a row nobody knew the answer of.
pub fn settle(comparison: Comparison) -> RowState {
    match comparison {
        Comparison::Applied => RowState::Done,
        Comparison::Unchanged => RowState::Planned,
        Comparison::Diverged => RowState::Conflict,
        Comparison::NotVisible => RowState::Unknown,
    }
}

/// How many rows are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Not sent.
    pub planned: u64,
    /// Under way.
    pub sent: u64,
    /// Done by Qlik.
    pub done: u64,
    /// Found already so.
    pub already: u64,
    /// Refused by Qlik.
    pub refused: u64,
    /// Not known.
    pub unknown: u64,
    /// Overtaken by somebody else.
    pub conflict: u64,
}

impl Tally {
    /// Counts `n` more rows in `state`.
    pub fn add(&mut self, state: RowState, n: u64) {
        *match state {
            RowState::Planned => &mut self.planned,
            RowState::Sent => &mut self.sent,
            RowState::Done => &mut self.done,
            RowState::Already => &mut self.already,
            RowState::Refused => &mut self.refused,
            RowState::Unknown => &mut self.unknown,
            RowState::Conflict => &mut self.conflict,
        } += n;
    }

    /// Rows in all.
    pub fn total(&self) -> u64 {
        self.planned + self.sent + self.settled() + self.unknown
    }

    /// Rows that nothing more will happen to.
    pub fn settled(&self) -> u64 {
        self.done + self.already + self.refused + self.conflict
    }

    /// Rows a retry would send again.
    pub fn failed(&self) -> u64 {
        self.refused + self.conflict
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn states_have_words() {
        for state in RowState::ALL {
            assert_eq!(RowState::parse(state.as_str()), Some(state));
        }
    }
}
