//! What one can filter by, and what each filter says of itself.

use std::collections::HashMap;

use domain::allotment::AllotmentName;
use domain::table::{Filter, Idle, OneOf, Range};

/// What one can filter by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
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

impl Field {
    /// All of them, in the order of the page.
    pub(super) const ALL: [Self; 11] = [
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

    /// Whether it stands there also while nothing is asked of it: what most people filter by.
    pub(super) fn stays(self) -> bool {
        matches!(self, Self::Allotment | Self::Used)
    }

    pub(super) fn label(self) -> &'static str {
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

    /// Names it in the document.
    pub(super) fn word(self) -> &'static str {
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

    /// What the filter asks of it, in words; nothing where it asks nothing. `name` finds the names of groups and roles.
    pub(super) fn asks(self, filter: &Filter, name: impl Fn(&str) -> Option<String>) -> Option<String> {
        let named = |id: &str| name(id).unwrap_or_else(|| id.to_owned());
        match self {
            Self::Allotment => one_of(&filter.allotment, AllotmentName::label),
            Self::Used => filter.idle.map(use_words),
            Self::Licensed => filter.licensed.map(|licensed| if licensed { "yes" } else { "no" }.to_owned()),
            Self::Status => one_of(&filter.status, Clone::clone),
            Self::Group => one_of(&filter.group, |id| named(id.as_str())),
            Self::Role => one_of(&filter.role, |id| named(id.as_str())),
            Self::Flags => {
                let asked = FLAGS.iter().filter_map(|flag| {
                    let on = (flag.of)(filter)?;
                    Some(if on { flag.words.to_owned() } else { format!("not {}", flag.words) })
                });
                let asked: Vec<String> = asked.collect();
                (!asked.is_empty()).then(|| asked.join(", "))
            }
            Self::Assigned => match (filter.from, filter.to) {
                (None, None) => None,
                (Some(from), None) => Some(format!("{from} or later")),
                (None, Some(to)) => Some(format!("{to} or earlier")),
                (Some(from), Some(to)) => Some(format!("{from} to {to}")),
            },
            Self::Held => range(filter.held),
            Self::Groups => range(filter.groups),
            Self::Roles => range(filter.roles),
        }
    }

    /// The filter without it.
    pub(super) fn dropped(self, filter: &Filter) -> Filter {
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
}

/// Something that is so of a row, or not.
pub(super) struct Flag {
    /// In the address.
    pub(super) word: &'static str,
    /// In a list of flags.
    pub(super) label: &'static str,
    /// In a sentence.
    words: &'static str,
    /// What a filter asks of it.
    pub(super) of: fn(&Filter) -> Option<bool>,
}

/// All flags.
pub(super) const FLAGS: [Flag; 3] = [
    Flag { word: "excess", label: "Over-allocated", words: "over-allocated", of: |filter| filter.excess },
    Flag { word: "orphan", label: "Orphaned (not a user here)", words: "orphaned", of: |filter| filter.orphan },
    Flag { word: "bot", label: "OAuth client", words: "an OAuth client", of: |filter| filter.bot },
];

/// The last uses that one can choose without typing a number.
pub(super) const USES: [Idle; 6] =
    [Idle::Within(7), Idle::Within(30), Idle::Over(30), Idle::Over(60), Idle::Over(90), Idle::Never];

pub(super) fn use_words(idle: Idle) -> String {
    match idle {
        Idle::Within(days) => format!("in the last {days} days"),
        Idle::Over(days) => format!("unused for {days}+ days"),
        Idle::Never => "no use on record".to_owned(),
    }
}

fn one_of<T>(asked: &OneOf<T>, name: impl Fn(&T) -> String) -> Option<String> {
    let names: Vec<String> = asked.values.iter().map(name).collect();
    if names.is_empty() {
        return None;
    }
    let names = names.join(", ");
    Some(if asked.not { format!("not {names}") } else { names })
}

fn range(range: Range) -> Option<String> {
    match (range.least, range.most) {
        (None, None) => None,
        (Some(least), Some(most)) if least == most => Some(least.to_string()),
        (Some(least), Some(most)) => Some(format!("{least} to {most}")),
        (Some(least), None) => Some(format!("{least} or more")),
        (None, Some(most)) => Some(format!("{most} or fewer")),
    }
}

/// The names of groups and roles by their ids.
pub(super) type Names = HashMap<String, String>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::assignments::view_of;

    fn said(query: &str) -> Vec<String> {
        let filter = view_of(query).filter;
        let name = |id: &str| (id == "g1").then(|| "Finance".to_owned());
        Field::ALL.into_iter().filter_map(|field| Some(format!("{}: {}", field.label(), field.asks(&filter, name)?))).collect()
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
            assert_eq!(
                crate::ui::query::to_query(&view_of(form).to_pairs()),
                crate::ui::query::to_query(&view_of(address).to_pairs()),
                "{form}"
            );
        }
    }

    #[test]
    fn what_is_dropped_asks_nothing_more() {
        let all = "?allotment=a&used=never&license=any&status=s&group=g&role=r&flag=bot&to=2026-01-01&held=1&groups=1&roles=1";
        let filter = view_of(all).filter;
        for field in Field::ALL {
            assert!(field.asks(&filter, |_| None).is_some(), "{field:?}");
            assert!(field.asks(&field.dropped(&filter), |_| None).is_none(), "{field:?}");
        }
        assert!(Field::ALL.into_iter().fold(filter, |left, field| field.dropped(&left)).is_empty());
        for used in USES {
            assert_eq!(Idle::parse(&used.word()), Some(used));
        }
    }
}
