//! The columns of the table, and how each ranks rows.

use serde::{Deserialize, Serialize};

use super::{Table, Used, flag};
use crate::table::{self, Rank};

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

impl table::Column for Column {
    const ALL: &'static [Self] = &[
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
    const USUAL: &'static [Self] =
        &[Self::Person, Self::Mail, Self::Allotment, Self::Since, Self::Used, Self::Status, Self::Flags, Self::Groups];

    fn as_str(self) -> &'static str {
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

    fn label(self) -> &'static str {
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

    fn is_figure(self) -> bool {
        matches!(self, Self::Since | Self::Used | Self::Groups | Self::Roles)
    }
}

/// How a column ranks rows: small numbers in the order of their cells, nothing where the cell is empty.
pub(super) fn rank(table: &Table, column: Column) -> Rank<'_> {
    let columns = &*table.columns;
    let coded = |codes: &'_ [u16], row: u32| codes.get(row as usize).copied().map(u32::from).filter(|code| *code > 0);
    match column {
        Column::Person => Box::new(Some),
        Column::Mail => Box::new(|row| columns.mail_rank.get(row as usize).copied().filter(|rank| *rank > 0)),
        Column::Allotment => Box::new(move |row| coded(&columns.allotments, row)),
        Column::Status => Box::new(move |row| coded(&columns.statuses, row)),
        // 2000-01-01 is 0: nobody held a license before, and the counting stays small.
        Column::Since => Box::new(|row| columns.since.get(row as usize).and_then(|day| day.checked_sub(20_000_101))),
        Column::Used => Box::new(|row| {
            let used = table.used.as_ref()?.get(row as usize)?;
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
