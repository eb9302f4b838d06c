//! The groups table against plain ways to say the same: filter, sort, select, and travel.

use std::cmp::Ordering;

use proptest::prelude::*;

use super::*;
use crate::inventory::{Group, GroupId, Person, Role, UserId};
use crate::subject::Subject;
use crate::table::{Column as _, Filter as _, OneOf, Range, Sort};

fn ids(numbers: &BTreeSet<u8>) -> BTreeSet<RoleId> {
    numbers.iter().map(|n| RoleId::new(format!("r{n}"))).collect()
}

/// A tenant of a few groups with much in common, so that every filter and sort meets ties, blanks and doubles. Of some the roles
/// may not be seen, and in one tenant of four not who is in which.
fn tenants() -> impl Strategy<Value = Inventory> {
    let groups = prop::collection::vec(
        (
            "[ABab é]{1,3}",
            "[ab]{0,2}",
            0_u8..3,
            0_usize..2,
            prop::option::weighted(0.8, prop::collection::btree_set(0_u8..4, 0..4)),
            0_u32..4,
        ),
        0..14,
    );
    let people = prop::collection::vec(prop::collection::btree_set(0_u8..14, 0..4), 0..10);
    (groups, people, 0_u8..4).prop_map(|(groups, people, seen)| Inventory {
        groups: groups
            .into_iter()
            .zip(0_u8..)
            .map(|((name, description, provider, status, roles, day), n)| Group {
                id: GroupId::new(format!("g{n}")),
                name,
                description,
                status: ["active", "disabled"][status].into(),
                provider: [Provider::Idp, Provider::Custom, Provider::System][usize::from(provider)],
                roles: roles.as_ref().map(ids),
                created: if day == 0 { String::new() } else { format!("2024-03-{day:02}T10:00:00Z") },
                created_by: String::new(),
                updated: if day == 1 { String::new() } else { format!("2025-03-{:02}T10:00:00Z", 4 - day) },
            })
            .collect(),
        people: people
            .into_iter()
            .zip(0_u8..)
            .map(|(groups, n)| Person {
                id: UserId::new(n.to_string()),
                subject: Subject::new(format!("m\\{n}")),
                name: String::new(),
                email: String::new(),
                status: "active".into(),
                roles: Some(BTreeSet::new()),
                groups: (seen > 0 || n > 0).then(|| groups.iter().map(|n| GroupId::new(format!("g{n}"))).collect()),
            })
            .collect(),
        // The first manages the tenant; the last is no role of the tenant any more.
        roles: (0..3_u8)
            .map(|n| Role {
                id: RoleId::new(format!("r{n}")),
                name: format!("role {n}"),
                description: String::new(),
                custom: false,
                level: if n == 0 { RoleLevel::Admin } else { RoleLevel::User },
                raises_entitlement: false,
                permissions: Vec::new(),
            })
            .collect(),
        ..Inventory::default()
    })
}

fn filters() -> impl Strategy<Value = Filter> {
    let one_of = |words: &'static [&'static str]| (prop::sample::subsequence(words, 0..=words.len()), any::<bool>());
    let range = || (prop::option::of(0_u32..4), prop::option::of(0_u32..4)).prop_map(|(least, most)| Range { least, most });
    let day = || prop::option::weighted(0.2, (2024_u32..2026, 1_u32..4).prop_map(|(year, day)| Day::of(year, 3, day)));
    (
        (prop::option::weighted(0.3, "[abé]{1,2}"), one_of(&["idp", "custom"]), one_of(&["active", "disabled", "other"])),
        (one_of(&["r0", "r1", "r3", "r9"]), prop::option::weighted(0.3, any::<bool>())),
        (prop::option::weighted(0.3, range()), prop::option::weighted(0.3, range())),
        (day(), day(), day(), day()),
    )
        .prop_map(|((text, source, status), (role, admin), (roles, members), days)| Filter {
            text: text.unwrap_or_default(),
            source: OneOf {
                not: source.1 && !source.0.is_empty(),
                values: source.0.into_iter().filter_map(Source::parse).collect(),
            },
            status: OneOf { not: status.1 && !status.0.is_empty(), values: status.0.into_iter().map(str::to_owned).collect() },
            role: OneOf { not: role.1 && !role.0.is_empty(), values: role.0.into_iter().map(RoleId::new).collect() },
            admin,
            roles: roles.unwrap_or_default(),
            members: members.unwrap_or_default(),
            created_from: days.0,
            created_to: days.1,
            updated_from: days.2,
            updated_to: days.3,
        })
}

/// Whether a group passes, said in the words of the filter's documentation.
fn passes(inventory: &Inventory, group: &Group, filter: &Filter) -> bool {
    let folded = text::folded(&format!("{}\n{}", group.name, group.description));
    let words = text::folded(filter.text.trim());
    let members = inventory.members().map(|members| members.get(&group.id).copied().unwrap_or(0));
    let admin = |roles: &BTreeSet<RoleId>| roles.contains(&RoleId::new("r0"));
    let any = |roles: &BTreeSet<RoleId>| filter.role.values.iter().any(|role| roles.contains(role));
    let within = |text: &str, from: Option<Day>, to: Option<Day>| {
        let day = Day::parse(text);
        from.is_none_or(|from| day.is_some_and(|day| day >= from)) && to.is_none_or(|to| day.is_some_and(|day| day <= to))
    };
    words.split_whitespace().all(|word| folded.contains(word))
        && (filter.source.values.is_empty() || filter.source.values.contains(&Source(group.provider)) != filter.source.not)
        && (filter.status.values.is_empty() || filter.status.values.contains(&group.status) != filter.status.not)
        && (filter.role.values.is_empty() || group.roles.as_ref().is_some_and(|roles| any(roles) != filter.role.not))
        && filter.admin.is_none_or(|wanted| group.roles.as_ref().is_some_and(|roles| admin(roles) == wanted))
        && (!filter.roles.is_set() || group.roles.as_ref().is_some_and(|roles| filter.roles.takes(roles.len())))
        && (!filter.members.is_set() || members.is_some_and(|members| filter.members.takes(usize::try_from(members).unwrap())))
        && within(&group.created, filter.created_from, filter.created_to)
        && within(&group.updated, filter.updated_from, filter.updated_to)
}

/// How a column compares two groups, said plainly; empty cells last whichever way.
fn compare(inventory: &Inventory, one: &Group, two: &Group, sort: Sort<Column>) -> Ordering {
    let members = inventory.members();
    let cell = |group: &Group| -> Option<String> {
        let figure = |n: usize| format!("{n:09}");
        match sort.column {
            Column::Name => Some(format!("{}\u{0}{}\u{0}{}", group.name.to_lowercase(), group.name, group.id)),
            Column::Description => Some(group.description.to_lowercase()).filter(|text| !text.is_empty()),
            Column::Source => Some(if group.provider == Provider::Idp { "1" } else { "0" }.to_owned()),
            Column::Status => Some(group.status.clone()),
            Column::Roles => group.roles.as_ref().map(|roles| figure(roles.len())),
            Column::Flags => group.roles.as_ref().filter(|roles| roles.contains(&RoleId::new("r0"))).map(|_| String::new()),
            Column::Members => members.as_ref().map(|all| format!("{:09}", all.get(&group.id).copied().unwrap_or(0))),
            Column::Created => Day::parse(&group.created).map(|day| day.to_string()),
            Column::Updated => Day::parse(&group.updated).map(|day| day.to_string()),
        }
    };
    match (cell(one), cell(two)) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(one), Some(two)) if sort.descending => two.cmp(&one),
        (Some(one), Some(two)) => one.cmp(&two),
    }
}

proptest! {
    #[test]
    fn filters_and_sorts_as_said_plainly(
        inventory in tenants(),
        filter in filters(),
        sort in prop::collection::vec((prop::sample::select(Column::ALL), any::<bool>()), 0..3),
    ) {
        let table = Table::build(&inventory);
        let sort: Vec<Sort<Column>> = sort.into_iter().map(|(column, descending)| Sort { column, descending }).collect();
        let mut groups: Vec<&Group> = inventory
            .groups
            .iter()
            .filter(|group| group.provider != Provider::System && passes(&inventory, group, &filter))
            .collect();
        let usual = Sort { column: Column::Name, descending: false };
        groups.sort_by(|one, two| {
            let by = sort.iter().copied().chain([usual]);
            by.map(|sort| compare(&inventory, one, two, sort)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        });
        let order = table.sort(table.matching(&filter), &sort);
        let shown: Vec<&str> = order.iter().map(|at| table.row(*at).unwrap().id()).collect();
        prop_assert_eq!(shown, groups.iter().map(|group| group.id.as_str()).collect::<Vec<_>>());
    }

    #[test]
    fn a_filter_survives_the_address(filter in filters()) {
        let pairs = filter.to_pairs();
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(key, value)| (*key, value.as_str())).collect();
        prop_assert_eq!(Filter::from_pairs(&pairs), filter);
    }

    #[test]
    fn a_table_travels_in_blocks(inventory in tenants(), take in 1_u32..5) {
        let table = Table::build(&inventory);
        let (mut copy, rows) = Table::begin_from(&table.outline_bytes()).unwrap();
        prop_assert_eq!(rows as usize, table.len());
        while copy.len() < table.len() {
            let block = <Table as Travels>::decode(&table.block_bytes(places(copy.len()), take)).unwrap();
            copy.take(&block).unwrap();
        }
        prop_assert_eq!(&*copy.columns, &*table.columns);
        prop_assert_eq!(copy.fingerprint(), table.fingerprint());
        // One that does not follow is not taken.
        if !table.is_empty() {
            let first = <Table as Travels>::decode(&table.block_bytes(0, 1)).unwrap();
            prop_assert_eq!(copy.take(&first), Err(BlockError::Order));
        }
    }

    #[test]
    fn a_selection_outlives_another_reading(inventory in tenants(), filter in filters(), picked in prop::collection::vec(0_u32..14, 0..6)) {
        let table = Table::build(&inventory);
        let mut chosen = RowSelection::all(&table, &filter);
        for at in picked.into_iter().filter(|at| (*at as usize) < table.len()) {
            chosen.set(at, !chosen.has(at));
        }
        let mut turned = inventory.clone();
        turned.groups.reverse();
        let again = Table::build(&turned);
        let ids = |table: &Table, chosen: &RowSelection| -> Vec<String> { chosen.rows().map(|at| table.row(at).unwrap().id().to_owned()).collect() };
        let found = RowSelection::of(&chosen.selection(&table), &again);
        prop_assert_eq!(ids(&again, &found), ids(&table, &chosen));
    }
}

#[test]
fn what_may_not_be_seen_is_not_none() {
    let group = |id: &str, roles: Option<&[u8]>| Group {
        id: GroupId::new(id),
        name: id.into(),
        description: String::new(),
        status: "active".into(),
        provider: Provider::Custom,
        roles: roles.map(|roles| ids(&roles.iter().copied().collect())),
        created: String::new(),
        created_by: String::new(),
        updated: String::new(),
    };
    let table = Table::build(&Inventory {
        groups: vec![group("a", None), group("b", Some(&[])), group("c", Some(&[1]))],
        ..Inventory::default()
    });
    let ids = |query: &[(&str, &str)]| -> Vec<&str> {
        table.matching(&Filter::from_pairs(query)).into_iter().map(|at| table.row(at).unwrap().id()).collect()
    };
    assert_eq!(ids(&[("roles", "0")]), ["b"], "without roles");
    assert_eq!(ids(&[("role", "r1"), ("not", "role")]), ["b"]);
    assert_eq!(ids(&[("flag", "not-admin")]), ["b", "c"]);
    assert_eq!(ids(&[("role", "r1")]), ["c"]);
}
