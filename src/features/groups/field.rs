//! What one can filter the groups by, what each filter says of itself, and what opens below its chip.

use domain::groups::{Filter, Source, Table};
use domain::table::{OneOf, Range};
use leptos::prelude::*;

use crate::features::table::Kind as _;
use crate::features::table::filters::{
    Bounds, Dates, Editing, Field as Editable, Flag, Flags, OneOfMany, days, one_of, range, texts,
};

/// What one can filter by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Role,
    Roles,
    Source,
    Status,
    Flags,
    Members,
    Created,
    Updated,
}

/// All flags.
const FLAGS: [Flag<Filter>; 1] =
    [Flag { word: "admin", label: "Gives an admin role", words: "gives an admin role", of: |filter| filter.admin }];

impl Editable<Table> for Field {
    const ALL: &'static [Self] =
        &[Self::Role, Self::Roles, Self::Source, Self::Status, Self::Flags, Self::Members, Self::Created, Self::Updated];
    const KEYS: &'static [&'static str] = &[
        "q",
        "role",
        "roles-least",
        "roles-most",
        "source",
        "status",
        "flag",
        "members-least",
        "members-most",
        "created-from",
        "created-to",
        "updated-from",
        "updated-to",
        "not",
    ];

    fn stays(self) -> bool {
        matches!(self, Self::Role | Self::Source)
    }

    fn label(self) -> &'static str {
        match self {
            Self::Role => "Gives role",
            Self::Roles => "Number of roles",
            Self::Source => "Source",
            Self::Status => "Status",
            Self::Flags => "Flags",
            Self::Members => "Members",
            Self::Created => "Created on",
            Self::Updated => "Updated on",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::Roles => "roles",
            Self::Source => "source",
            Self::Status => "status",
            Self::Flags => "flag",
            Self::Members => "members",
            Self::Created => "created",
            Self::Updated => "updated",
        }
    }

    fn asks(self, filter: &Filter, name: &dyn Fn(&str) -> Option<String>) -> Option<String> {
        match self {
            Self::Role => one_of(&filter.role, |id| name(id.as_str()).unwrap_or_else(|| id.to_string())),
            // What an admin looks for by it.
            Self::Roles if filter.roles == Range::parse("0") => Some("none".to_owned()),
            Self::Roles => range(filter.roles),
            Self::Source => one_of(&filter.source, |source: &Source| source.0.label().to_owned()),
            Self::Status => one_of(&filter.status, Clone::clone),
            Self::Flags => Flag::asked(&FLAGS, filter),
            Self::Members => range(filter.members),
            Self::Created => days(filter.created_from, filter.created_to),
            Self::Updated => days(filter.updated_from, filter.updated_to),
        }
    }

    fn dropped(self, filter: &Filter) -> Filter {
        let mut left = filter.clone();
        match self {
            Self::Role => left.role = OneOf::default(),
            Self::Roles => left.roles = Range::default(),
            Self::Source => left.source = OneOf::default(),
            Self::Status => left.status = OneOf::default(),
            Self::Flags => left.admin = None,
            Self::Members => left.members = Range::default(),
            Self::Created => (left.created_from, left.created_to) = (None, None),
            Self::Updated => (left.updated_from, left.updated_to) = (None, None),
        }
        left
    }

    fn editor(self, with: Editing<Table>) -> AnyView {
        let Editing { live, filter, choices } = with;
        match self {
            Self::Role | Self::Source | Self::Status => {
                let chosen = move |filter: &Filter| match self {
                    Self::Role => texts(&filter.role),
                    Self::Source => texts(&filter.source),
                    _ => texts(&filter.status),
                };
                let now = Memo::new(move |_| filter.try_with(chosen).unwrap_or_default());
                let all = Signal::derive(move || live.table.try_with(|table| table.offered(self)).flatten());
                let here = Signal::derive(move || live.is_here());
                view! { <OneOfMany word=self.word() label=self.label() now choices all here/> }.into_any()
            }
            Self::Flags => view! { <Flags flags=&FLAGS filter/> }.into_any(),
            Self::Roles | Self::Members => {
                let read = move |filter: &Filter| if self == Self::Roles { filter.roles } else { filter.members };
                let range = Memo::new(move |_| filter.try_with(read).unwrap_or_default());
                view! { <Bounds word=self.word() range/> }.into_any()
            }
            Self::Created => {
                let days =
                    Memo::new(move |_| filter.try_with(|filter| (filter.created_from, filter.created_to)).unwrap_or_default());
                view! { <Dates names=["created-from", "created-to"] days/> }.into_any()
            }
            Self::Updated => {
                let days =
                    Memo::new(move |_| filter.try_with(|filter| (filter.updated_from, filter.updated_to)).unwrap_or_default());
                view! { <Dates names=["updated-from", "updated-to"] days/> }.into_any()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::table::Filter as _;

    use super::*;
    use crate::features::table::view_of;

    fn said(query: &str) -> Vec<String> {
        let filter = view_of::<Table>(query).filter;
        let name = |id: &str| (id == "r1").then(|| "Steward".to_owned());
        let asks = |field: &Field| Some(format!("{}: {}", field.label(), field.asks(&filter, &name)?));
        Field::ALL.iter().filter_map(asks).collect()
    }

    #[test]
    fn a_filter_says_what_it_asks() {
        assert!(said("?q=fin&sort=-roles").is_empty());
        assert_eq!(
            said("?role=r1,r2&not=role&source=idp&status=disabled&flag=admin&members=3-&created-from=2026-01-02"),
            [
                "Gives role: not Steward, r2",
                "Source: identity provider",
                "Status: disabled",
                "Flags: gives an admin role",
                "Members: 3 or more",
                "Created on: 2026-01-02 or later",
            ]
        );
        assert_eq!(said("?roles=0&updated-to=2026-01-02"), ["Number of roles: none", "Updated on: 2026-01-02 or earlier"]);
    }

    #[test]
    fn what_is_dropped_asks_nothing_more() {
        let all =
            "?role=r&roles=1&source=custom&status=s&flag=not-admin&members=1-2&created-to=2026-01-01&updated-from=2026-01-01";
        let filter = view_of::<Table>(all).filter;
        for field in Field::ALL.iter().copied() {
            assert!(field.asks(&filter, &|_| None).is_some(), "{field:?}");
            assert!(field.asks(&field.dropped(&filter), &|_| None).is_none(), "{field:?}");
        }
        assert!(Field::ALL.iter().fold(filter, |left, field| field.dropped(&left)).is_empty());
    }
}
