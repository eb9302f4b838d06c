//! What one can filter the assignments by, what each filter says of itself, and what opens below its chip.

use domain::allotment::AllotmentName;
use domain::assignments::{Filter, Table};
use domain::table::{OneOf, Range};
use leptos::prelude::*;

use super::used::{LastUse, YesOrNo, use_words};
use crate::features::table::Kind as _;
use crate::features::table::filters::{
    Bounds, Dates, Editing, Field as Editable, Flag, Flags, OneOfMany, days, one_of, range, texts,
};

/// What one can filter by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Allotment,
    Used,
    Licensed,
    Status,
    Group,
    Role,
    Flags,
    Assigned,
    Held,
    Groups,
    Roles,
}

impl Editable<Table> for Field {
    const ALL: &'static [Self] = &[
        Self::Allotment,
        Self::Used,
        Self::Licensed,
        Self::Status,
        Self::Group,
        Self::Role,
        Self::Flags,
        Self::Assigned,
        Self::Held,
        Self::Groups,
        Self::Roles,
    ];
    const KEYS: &'static [&'static str] = &[
        "q",
        "allotment",
        "license",
        "flag",
        "used",
        "days",
        "status",
        "group",
        "role",
        "not",
        "from",
        "to",
        "held-least",
        "held-most",
        "groups-least",
        "groups-most",
        "roles-least",
        "roles-most",
    ];

    fn stays(self) -> bool {
        matches!(self, Self::Allotment | Self::Used)
    }

    fn label(self) -> &'static str {
        match self {
            Self::Allotment => "License type",
            Self::Used => "Last used",
            Self::Licensed => "Has a license",
            Self::Status => "Status",
            Self::Group => "Group",
            Self::Role => "Role",
            Self::Flags => "Flags",
            Self::Assigned => "Assigned on",
            Self::Held => "Licenses held",
            Self::Groups => "Number of groups",
            Self::Roles => "Number of roles",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Allotment => "allotment",
            Self::Used => "used",
            Self::Licensed => "license",
            Self::Status => "status",
            Self::Group => "group",
            Self::Role => "role",
            Self::Flags => "flag",
            Self::Assigned => "assigned",
            Self::Held => "held",
            Self::Groups => "groups",
            Self::Roles => "roles",
        }
    }

    fn asks(self, filter: &Filter, name: &dyn Fn(&str) -> Option<String>) -> Option<String> {
        let named = |id: &str| name(id).unwrap_or_else(|| id.to_owned());
        match self {
            Self::Allotment => one_of(&filter.allotment, AllotmentName::label),
            Self::Used => filter.idle.map(use_words),
            Self::Licensed => filter.licensed.map(|licensed| if licensed { "yes" } else { "no" }.to_owned()),
            Self::Status => one_of(&filter.status, Clone::clone),
            Self::Group => one_of(&filter.group, |id| named(id.as_str())),
            Self::Role => one_of(&filter.role, |id| named(id.as_str())),
            Self::Flags => Flag::asked(&FLAGS, filter),
            Self::Assigned => days(filter.from, filter.to),
            Self::Held => range(filter.held),
            Self::Groups => range(filter.groups),
            Self::Roles => range(filter.roles),
        }
    }

    fn dropped(self, filter: &Filter) -> Filter {
        let mut left = filter.clone();
        match self {
            Self::Allotment => left.allotment = OneOf::default(),
            Self::Used => left.idle = None,
            Self::Licensed => left.licensed = None,
            Self::Status => left.status = OneOf::default(),
            Self::Group => left.group = OneOf::default(),
            Self::Role => left.role = OneOf::default(),
            Self::Flags => (left.excess, left.orphan, left.bot) = (None, None, None),
            Self::Assigned => (left.from, left.to) = (None, None),
            Self::Held => left.held = Range::default(),
            Self::Groups => left.groups = Range::default(),
            Self::Roles => left.roles = Range::default(),
        }
        left
    }

    fn editor(self, with: Editing<Table>) -> AnyView {
        let Editing { live, filter, choices } = with;
        match self {
            Self::Allotment | Self::Status | Self::Group | Self::Role => {
                let now = Memo::new(move |_| filter.try_with(|filter| self.chosen(filter)).unwrap_or_default());
                let all = Signal::derive(move || live.table.try_with(|table| table.offered(self)).flatten());
                let here = Signal::derive(move || live.is_here());
                view! { <OneOfMany word=self.word() label=self.label() now choices all here/> }.into_any()
            }
            Self::Used => view! { <LastUse filter/> }.into_any(),
            Self::Licensed => view! { <YesOrNo filter/> }.into_any(),
            Self::Flags => view! { <Flags flags=&FLAGS filter/> }.into_any(),
            Self::Assigned => {
                let days = Memo::new(move |_| filter.try_with(|filter| (filter.from, filter.to)).unwrap_or_default());
                view! { <Dates names=["from", "to"] days/> }.into_any()
            }
            Self::Held | Self::Groups | Self::Roles => {
                let range = Memo::new(move |_| filter.try_with(|filter| self.range(filter)).unwrap_or_default());
                view! { <Bounds word=self.word() range/> }.into_any()
            }
        }
    }
}

impl Field {
    /// The values that are chosen of it, and whether it is turned round.
    fn chosen(self, filter: &Filter) -> (Vec<String>, bool) {
        match self {
            Self::Allotment => texts(&filter.allotment),
            Self::Status => texts(&filter.status),
            Self::Group => texts(&filter.group),
            Self::Role => texts(&filter.role),
            _ => (Vec::new(), false),
        }
    }

    /// The bounds of its figure.
    fn range(self, filter: &Filter) -> Range {
        match self {
            Self::Held => filter.held,
            Self::Groups => filter.groups,
            Self::Roles => filter.roles,
            _ => Range::default(),
        }
    }
}

/// All flags.
const FLAGS: [Flag<Filter>; 3] = [
    Flag { word: "excess", label: "Over-allocated", words: "over-allocated", of: |filter| filter.excess },
    Flag { word: "orphan", label: "Orphaned (not a user here)", words: "orphaned", of: |filter| filter.orphan },
    Flag { word: "bot", label: "OAuth client", words: "an OAuth client", of: |filter| filter.bot },
];

#[cfg(test)]
mod tests {
    use domain::assignments::Idle;
    use domain::table::Filter as _;

    use super::super::used::USES;
    use super::*;
    use crate::features::table::view_of as of;
    use crate::ui::query::to_query;

    fn view_of(query: &str) -> domain::assignments::View {
        of::<Table>(query)
    }

    fn said(query: &str) -> Vec<String> {
        let filter = view_of(query).filter;
        let name = |id: &str| (id == "g1").then(|| "Finance".to_owned());
        Field::ALL.iter().filter_map(|field| Some(format!("{}: {}", field.label(), field.asks(&filter, &name)?))).collect()
    }

    #[test]
    fn a_filter_says_what_it_asks() {
        assert!(said("?q=ann&sort=mail").is_empty());
        assert_eq!(
            said("?allotment=analyzer,fullUser&not=allotment&used=over-45&license=any&group=g1,g2&flag=orphan,not-bot"),
            [
                "License type: not Analyzer, Full user",
                "Last used: unused for 45+ days",
                "Has a license: yes",
                "Group: Finance, g2",
                "Flags: orphaned, not an OAuth client",
            ]
        );
        assert_eq!(
            said("?status=active&role=r&from=2026-01-02&held=2-&groups=-3&roles=1-4"),
            [
                "Status: active",
                "Role: r",
                "Assigned on: 2026-01-02 or later",
                "Licenses held: 2 or more",
                "Number of groups: 3 or fewer",
                "Number of roles: 1 to 4",
            ]
        );
    }

    #[test]
    fn a_form_says_the_same_as_an_address() {
        for (form, address) in [
            ("?allotment=analyzer&allotment=fullUser&not=allotment&not=", "?allotment=analyzer,fullUser&not=allotment"),
            ("?used=over&days=45", "?used=over-45"),
            ("?used=over-90&days=45", "?used=over-90"),
            ("?used=&days=45", ""),
            ("?held-least=2&held-most=", "?held=2-"),
            ("?groups-least=1&groups-most=1", "?groups=1"),
            ("?flag=&flag=not-orphan&flag=bot", "?flag=not-orphan,bot"),
            // A choice that is turned round and names nothing asks for nothing.
            ("?not=group", ""),
            ("?flag=several", "?held=2-"),
        ] {
            assert_eq!(to_query(&view_of(form).to_pairs()), to_query(&view_of(address).to_pairs()), "{form}");
        }
    }

    #[test]
    fn what_is_dropped_asks_nothing_more() {
        let all = "?allotment=a&used=never&license=any&status=s&group=g&role=r&flag=bot&to=2026-01-01&held=1&groups=1&roles=1";
        let filter = view_of(all).filter;
        for field in Field::ALL.iter().copied() {
            assert!(field.asks(&filter, &|_| None).is_some(), "{field:?}");
            assert!(field.asks(&field.dropped(&filter), &|_| None).is_none(), "{field:?}");
        }
        assert!(Field::ALL.iter().fold(filter, |left, field| field.dropped(&left)).is_empty());
        for used in USES {
            assert_eq!(Idle::parse(&used.word()), Some(used));
        }
    }
}
