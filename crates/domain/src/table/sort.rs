//! Sorting: by several columns at once, each a pass of counting, so that a hundred thousand rows take milliseconds.

use serde::{Deserialize, Serialize};

use super::{Table, Used, flag};

/// A column of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Column {
    /// Name, or the subject where there is none.
    #[default]
    Person,
    /// Mail.
    Mail,
    /// The allotment's label.
    Allotment,
    /// When the license was given.
    Since,
    /// When the person used Qlik last.
    Used,
    /// The user's status.
    Status,
    /// Excess, orphan and the like.
    Flags,
    /// How many groups.
    Groups,
    /// How many roles.
    Roles,
}

impl Column {
    /// All of them, in their usual order.
    pub const ALL: [Self; 9] = [
        Self::Person,
        Self::Mail,
        Self::Allotment,
        Self::Since,
        Self::Used,
        Self::Status,
        Self::Flags,
        Self::Groups,
        Self::Roles,
    ];

    /// The word in the address.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Mail => "mail",
            Self::Allotment => "allotment",
            Self::Since => "since",
            Self::Used => "used",
            Self::Status => "status",
            Self::Flags => "flags",
            Self::Groups => "groups",
            Self::Roles => "roles",
        }
    }

    /// What it is called.
    pub fn label(self) -> &'static str {
        match self {
            Self::Person => "Person",
            Self::Mail => "Email",
            Self::Allotment => "License",
            Self::Since => "Assigned on",
            Self::Used => "Last used",
            Self::Status => "Status",
            Self::Flags => "Flags",
            Self::Groups => "Groups",
            Self::Roles => "Roles",
        }
    }

    /// Reads the word in the address.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.as_str() == word)
    }

    /// Whether its cells are figures, which stand at the right.
    pub fn is_figure(self) -> bool {
        matches!(self, Self::Since | Self::Used | Self::Groups | Self::Roles)
    }
}

/// A column and a direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sort {
    /// By what.
    pub column: Column,
    /// From the end.
    pub descending: bool,
}

impl Sort {
    /// A sort takes at most so many columns; more than three are not told apart by anybody.
    pub const MOST: usize = 3;

    /// Reads `since` or `-since`.
    pub(super) fn parse(word: &str) -> Option<Self> {
        let (word, descending) = word.strip_prefix('-').map_or((word, false), |word| (word, true));
        Column::parse(word).map(|column| Self { column, descending })
    }

    /// The word in the address.
    pub(super) fn word(self) -> String {
        format!("{}{}", if self.descending { "-" } else { "" }, self.column.as_str())
    }
}

impl Table {
    /// Puts places of rows in order. Rows that all columns call equal stay in the order of the person; empty cells come
    /// last whichever way a column is sorted. `rows` are in the table's own order.
    pub fn sort(&self, mut rows: Vec<u32>, by: &[Sort]) -> Vec<u32> {
        // From the least of the columns to the first; each pass leaves equals as they were.
        for sort in by.iter().take(Sort::MOST).rev() {
            rows = self.pass(&rows, *sort);
        }
        rows
    }

    /// One stable pass: numbers of rows per rank, then each row to its place.
    fn pass(&self, rows: &[u32], sort: Sort) -> Vec<u32> {
        const BLANK: u32 = u32::MAX;
        let rank = self.rank(sort.column);
        let mut keys: Vec<u32> = rows.iter().map(|row| rank(*row).unwrap_or(BLANK)).collect();
        let most = keys.iter().copied().filter(|key| *key != BLANK).max().unwrap_or_default();
        for key in &mut keys {
            *key = match *key {
                BLANK => most + 1,
                key if sort.descending => most - key,
                key => key,
            };
        }
        let mut starts = vec![0_u32; most as usize + 3];
        for key in &keys {
            if let Some(next) = starts.get_mut(*key as usize + 1) {
                *next += 1;
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut sorted = vec![0; rows.len()];
        for (row, key) in rows.iter().zip(&keys) {
            if let Some(start) = starts.get_mut(*key as usize) {
                if let Some(place) = sorted.get_mut(*start as usize) {
                    *place = *row;
                }
                *start += 1;
            }
        }
        sorted
    }

    /// How a column ranks rows: small numbers in the order of their cells, nothing where the cell is empty.
    fn rank(&self, column: Column) -> Box<dyn Fn(u32) -> Option<u32> + '_> {
        let columns = &*self.columns;
        let coded = |codes: &'_ [u16], row: u32| codes.get(row as usize).copied().map(u32::from).filter(|code| *code > 0);
        match column {
            Column::Person => Box::new(Some),
            Column::Mail => Box::new(|row| columns.mail_rank.get(row as usize).copied().filter(|rank| *rank > 0)),
            Column::Allotment => Box::new(move |row| coded(&columns.allotments, row)),
            Column::Status => Box::new(move |row| coded(&columns.statuses, row)),
            // 2000-01-01 is 0: nobody held a license before, and the counting stays small.
            Column::Since => Box::new(|row| columns.since.get(row as usize).and_then(|day| day.checked_sub(20_000_101))),
            Column::Used => Box::new(|row| {
                let used = self.used.as_ref()?.get(row as usize)?;
                (*used != Used::UNKNOWN).then(|| u32::from(used.number()))
            }),
            // The most urgent first, whatever else is so.
            Column::Flags => Box::new(|row| {
                let flags = columns.flags.get(row as usize).copied().unwrap_or_default();
                let several = columns.held.get(row as usize).is_some_and(|held| *held > 1);
                let flags = [flags & flag::EXCESS != 0, flags & flag::ORPHAN != 0, several, flags & flag::BOT != 0];
                flags.into_iter().zip(1..).find(|(on, _)| *on).map(|(_, rank)| rank)
            }),
            Column::Groups => Box::new(|row| u32::try_from(columns.groups.get(row).len()).ok()),
            Column::Roles => Box::new(|row| u32::try_from(columns.roles.get(row).len()).ok()),
        }
    }
}
