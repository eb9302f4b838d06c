//! The columns of the groups table, and how each ranks rows.

use serde::{Deserialize, Serialize};

use super::{Row, Table, flag};
use crate::table::{self, Rank};

/// A column of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Column {
    /// The group's name.
    #[default]
    Name,
    /// What it is for.
    Description,
    /// Where it comes from.
    Source,
    /// Active or not.
    Status,
    /// How many roles it gives.
    Roles,
    /// Whether it makes its members admins.
    Flags,
    /// How many people are in it.
    Members,
    /// When it was made.
    Created,
    /// When Qlik last changed it.
    Updated,
}

impl table::Column for Column {
    const ALL: &'static [Self] = &[
        Self::Name,
        Self::Description,
        Self::Source,
        Self::Status,
        Self::Roles,
        Self::Flags,
        Self::Members,
        Self::Created,
        Self::Updated,
    ];
    const USUAL: &'static [Self] =
        &[Self::Name, Self::Source, Self::Status, Self::Roles, Self::Flags, Self::Members, Self::Updated];

    fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Description => "description",
            Self::Source => "source",
            Self::Status => "status",
            Self::Roles => "roles",
            Self::Flags => "flags",
            Self::Members => "members",
            Self::Created => "created",
            Self::Updated => "updated",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Name => "Name",
            Self::Description => "Description",
            Self::Source => "Source",
            Self::Status => "Status",
            Self::Roles => "Roles",
            Self::Flags => "Flags",
            Self::Members => "Members",
            Self::Created => "Created",
            Self::Updated => "Updated",
        }
    }

    fn is_figure(self) -> bool {
        matches!(self, Self::Roles | Self::Members | Self::Created | Self::Updated)
    }
}

/// How a column ranks rows.
pub(super) fn rank(table: &Table, column: Column) -> Rank<'_> {
    let columns = &*table.columns;
    let row = |at: u32| Row { table, at };
    // 2000-01-01 is 0: nothing of Qlik's cloud is older, and the counting stays small.
    let day = |of: &[u32], at: u32| of.get(at as usize).and_then(|day| day.checked_sub(20_000_101));
    match column {
        Column::Name => Box::new(Some),
        Column::Description => {
            let ranks = table::ranks(&columns.texts, 2, columns.statuses.len());
            Box::new(move |at| ranks.get(at as usize).copied().filter(|rank| *rank > 0))
        }
        Column::Source => Box::new(move |at| Some(u32::from(row(at).flag(flag::IDP)))),
        Column::Status => Box::new(|at| columns.statuses.get(at as usize).copied().map(u32::from).filter(|code| *code > 0)),
        Column::Roles => Box::new(move |at| row(at).role_count().and_then(|roles| u32::try_from(roles).ok())),
        Column::Flags => Box::new(move |at| row(at).admin().then_some(0)),
        Column::Members => {
            // Members may be as many as a tenant has people: ranked, so that the counting stays small.
            let mut all: Vec<u32> = columns.members.clone();
            all.sort_unstable();
            all.dedup();
            Box::new(move |at| row(at).members().and_then(|members| all.binary_search(&members).ok()).map(table::places))
        }
        Column::Created => Box::new(move |at| day(&columns.created, at)),
        Column::Updated => Box::new(move |at| day(&columns.updated, at)),
    }
}
