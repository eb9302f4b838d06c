//! The table against plain ways to say the same: join, filter, sort, select, and travel.

use std::cmp::Ordering;

use proptest::prelude::*;

use super::*;
use crate::inventory::{Assignment, Group, Provider};
use crate::table::{BlockError, Column as _, OneOf, Range};

fn person(subject: &str, name: &str) -> Person {
    Person {
        id: UserId::new(subject.to_lowercase()),
        subject: Subject::new(subject),
        name: name.into(),
        email: String::new(),
        status: "active".into(),
        roles: Some(BTreeSet::new()),
        groups: Some(BTreeSet::new()),
    }
}

fn assignment(subject: &str, allotment: &str) -> Assignment {
    Assignment { subject: Subject::new(subject), allotment: AllotmentName::new(allotment), excess: false, created: String::new() }
}

fn inventory() -> Inventory {
    Inventory {
        people: vec![person("M\\ann", "Ann"), person("m\\BOB", "Bob"), person("m\\cy", "")],
        assignments: vec![
            assignment("m\\ANN", "professional"),
            assignment("m\\ann", "analyzer"),
            assignment("x\\gone", "analyzer"),
        ],
        ..Inventory::default()
    }
}

#[test]
fn people_and_licenses_join_without_case() {
    let table = Table::build(&inventory());
    let shown: Vec<_> = table.rows().map(|row| (row.name(), row.held(), row.orphan())).collect();
    assert_eq!(shown, [("Ann", 2, false), ("Ann", 2, false), ("Bob", 0, false), ("", 0, false), ("", 1, true)]);
}

#[test]
fn nobody_is_an_orphan_before_all_users_are_read() {
    let so_far = Table::build_so_far(&inventory());
    assert!(so_far.rows().all(|row| !row.orphan()));
}

#[test]
fn a_query_selects_what_it_matches_but_for_exceptions() {
    let table = Table::build(&inventory());
    let filter = Filter { allotment: AllotmentName::new("analyzer").into(), ..Filter::default() };
    let except = vec![key("X\\GONE", Some(&AllotmentName::new("analyzer")))];
    let rows = table.selected(&Selection { query: Some(filter), except, rows: vec![key("m\\bob", None)] });
    assert_eq!(rows.iter().map(|row| row.subject()).collect::<Vec<_>>(), ["m\\ann", "m\\BOB"]);
}

#[test]
fn windows_never_leave_the_table() {
    let table = Table::build(&inventory());
    let window = table.window(&View { page: 99, ..View::default() }, 2);
    assert_eq!((window.page, window.pages, window.rows.len(), window.matching), (3, 3, 1, 5));
}

#[test]
fn days_are_read_written_and_counted() {
    let day = |text| Day::parse(text).unwrap();
    assert_eq!(day("2024-03-11T09:12:33.000Z").to_string(), "2024-03-11");
    assert_eq!(day("2024-03-01").since(day("2024-02-28")), 2);
    assert_eq!(day("2026-01-01").since(day("2025-01-01")), 365);
    assert_eq!(day("2025-01-01").since(day("2026-01-01")), -365);
    for text in ["", "2024", "2024-13-01", "2024-00-10", "24-01-01", "2024-1-01", "2024-01-32", "abcd-ef-gh"] {
        assert_eq!(Day::parse(text), None, "{text}");
    }
}

#[test]
fn use_is_told_in_days() {
    let inventory = inventory();
    let last = HashMap::from([(UserId::new("m\\ann"), Day::parse("2024-02-27").unwrap())]);
    let table = Table::build(&inventory).with_use(&inventory, |id| last.get(id).copied(), Day::parse("2024-03-01").unwrap());
    let told: Vec<String> = table.rows().map(|row| row.used().to_string()).collect();
    assert_eq!(told, ["3 d", "3 d", "never", "never", ""]);
    let count = |idle| table.matching(&Filter { idle: Some(idle), ..Filter::default() }).len();
    assert_eq!([Idle::Within(3), Idle::Within(2), Idle::Over(2), Idle::Over(3), Idle::Never].map(count), [2, 0, 4, 2, 2]);
}

#[test]
fn a_heading_sorts_turns_round_and_joins_others() {
    let usual = View::default();
    let words = |view: &View| view.sort.iter().map(|sort| sort.word()).collect::<Vec<_>>().join(",");
    assert_eq!(words(&usual.sort_by(Column::Person, false)), "-person");
    let since = usual.sort_by(Column::Since, false);
    assert_eq!([words(&since), words(&since.sort_by(Column::Since, false))], ["since", "-since"]);
    let more = since.sort_by(Column::Mail, true);
    assert_eq!(words(&more), "since,mail");
    assert_eq!(words(&more.sort_by(Column::Mail, true)), "since,-mail");
    assert_eq!(words(&more.sort_by(Column::Mail, true).sort_by(Column::Mail, true)), "since");
    assert_eq!(words(&more.sort_by(Column::Since, false)), "since");
    assert_eq!(words(&usual.sort_by(Column::Mail, true)), "person,mail");
}

#[test]
fn an_outline_that_promises_too_much_takes_no_memory() {
    let outline = Outline { rows: u32::MAX, text: u32::MAX, names: Names::default() };
    assert!(Table::begin(outline).is_empty());
}

#[test]
fn blocks_that_do_not_fit_are_not_taken() {
    let table = Table::build(&inventory());
    let mut other = Table::begin(table.outline());
    assert_eq!(other.push(&table.block(2, 2)), Err(BlockError::Order));
    let block = table.block(0, 5);
    let mut bytes = block.encode();
    assert_eq!(Block::decode(&bytes), Ok(block));
    bytes.truncate(bytes.len() / 2);
    assert_eq!(Block::decode(&bytes), Err(BlockError::Broken));
    assert_eq!(other.len(), 0);
}

/// A tenant of a few people with much in common, so that every filter and sort meets ties, blanks and doubles.
fn tenants() -> impl Strategy<Value = (Inventory, HashMap<UserId, Day>)> {
    let people = prop::collection::vec(
        (0_u8..12, "[ABab é]{0,3}", "[abAB]{0,2}", 0_usize..2, prop::collection::btree_set(0_u8..3, 0..3), 0_u32..4),
        0..14,
    );
    let held = prop::collection::vec((0_u8..14, 0_usize..3, any::<bool>(), 0_u32..4), 0..18);
    (people, held).prop_map(|(people, held)| {
        let mut inventory = Inventory::default();
        let mut last = HashMap::new();
        let mut seen = BTreeSet::new();
        for (who, name, email, status, groups, used) in people {
            if !seen.insert(who) {
                continue;
            }
            let mut person = person(&format!("M\\p{who}"), name.trim());
            person.email = email;
            person.status = ["active", "disabled"][status].into();
            // Of one in six neither groups nor roles may be seen.
            person.groups = (who % 6 != 5).then(|| groups.iter().map(|group| GroupId::new(group.to_string())).collect());
            person.roles = (who % 6 != 4).then(BTreeSet::new);
            if used > 0 {
                last.insert(person.id.clone(), Day::parse(&format!("2024-03-{used:02}")).unwrap());
            }
            inventory.people.push(person);
        }
        let mut seen = BTreeSet::new();
        for (who, allotment, excess, day) in held {
            if seen.insert((who, allotment)) {
                let created = if day == 0 { String::new() } else { format!("2023-01-{day:02}T10:00:00Z") };
                let allotment = ["professional", "analyzer", "fullUser"][allotment];
                inventory.assignments.push(Assignment { excess, created, ..assignment(&format!("m\\P{who}"), allotment) });
            }
        }
        inventory.groups = (0..2)
            .map(|id| Group {
                id: GroupId::new(id.to_string()),
                name: format!("g{id}"),
                description: String::new(),
                status: "active".into(),
                provider: Provider::Idp,
                roles: Some(BTreeSet::from([RoleId::new(format!("r{id}"))])),
                created: String::new(),
                created_by: String::new(),
                updated: String::new(),
            })
            .collect();
        (inventory, last)
    })
}

fn tables() -> impl Strategy<Value = Table> {
    (tenants(), any::<bool>()).prop_map(|((inventory, last), complete)| {
        if complete { Table::build(&inventory) } else { Table::build_so_far(&inventory) }.with_use(
            &inventory,
            |id| last.get(id).copied(),
            Day::parse("2024-03-04").unwrap(),
        )
    })
}

fn filters() -> impl Strategy<Value = Filter> {
    let day = || proptest::option::of((1_u32..5).prop_map(|day| Day::parse(&format!("2023-01-{day:02}")).unwrap()));
    let idle =
        proptest::option::of(prop_oneof![(0_u16..5).prop_map(Idle::Within), (0_u16..5).prop_map(Idle::Over), Just(Idle::Never)]);
    let several = |words: &'static [&'static str]| {
        let values = prop::collection::vec(prop::sample::select(words), 1..3).prop_map(|mut values| {
            values.dedup();
            values
        });
        proptest::option::of((values, any::<bool>()))
    };
    let flag = || prop_oneof![3 => Just(None), 1 => any::<bool>().prop_map(Some)];
    let bound = || prop_oneof![3 => Just(None), 1 => (0_u32..4).prop_map(Some)];
    let range = || (bound(), bound()).prop_map(|(least, most)| Range { least, most });
    (
        (prop_oneof![Just(String::new()), "[aAbBpm1é\\\\ &=+%]{0,2}"], proptest::option::of(any::<bool>())),
        several(&["professional", "analyzer", "no such"]),
        (flag(), flag(), flag()),
        several(&["active", "disabled", "gone"]),
        (day(), day(), idle),
        (several(&["0", "1", "9"]), several(&["r0", "r9"])),
        (range(), range(), range()),
    )
        .prop_map(|((text, licensed), allotment, (excess, orphan, bot), status, (from, to, idle), (group, role), ranges)| {
            fn one_of<T: PartialEq>(chosen: Option<(Vec<&'static str>, bool)>, make: fn(String) -> T) -> OneOf<T> {
                let Some((values, not)) = chosen else { return OneOf { values: Vec::new(), not: false } };
                let mut made: Vec<T> = Vec::new();
                for value in values.into_iter().map(|value| make(value.to_owned())) {
                    if !made.contains(&value) {
                        made.push(value);
                    }
                }
                OneOf { values: made, not }
            }
            Filter {
                text,
                allotment: one_of(allotment, AllotmentName::new),
                licensed,
                excess,
                orphan,
                bot,
                status: one_of(status, std::convert::identity),
                from,
                to,
                idle,
                group: one_of(group, GroupId::new),
                role: one_of(role, RoleId::new),
                held: ranges.0,
                groups: ranges.1,
                roles: ranges.2,
            }
        })
}

fn sorts() -> impl Strategy<Value = Vec<Sort>> {
    prop::collection::vec((prop::sample::select(Column::ALL), any::<bool>()), 0..4).prop_map(|sorts| {
        let mut seen = BTreeSet::new();
        sorts
            .into_iter()
            .filter(|(column, _)| seen.insert(column.as_str()))
            .take(3)
            .map(|(column, descending)| Sort { column, descending })
            .collect()
    })
}

fn views() -> impl Strategy<Value = View> {
    let columns = prop::collection::vec(prop::sample::select(Column::ALL), 0..6).prop_map(|columns| {
        let mut seen = BTreeSet::new();
        columns.into_iter().filter(|column| seen.insert(column.as_str())).collect::<Vec<_>>()
    });
    (filters(), sorts(), columns, 1_u32..50)
        .prop_filter("as usual is told by saying nothing", |(_, sort, _, _)| *sort != [Sort::default()])
        .prop_map(|(filter, sort, columns, page)| View { filter, sort, columns, page })
}

/// What a choice of several asks of what a row has, of which `whole` says that it is all.
fn asked<T: PartialEq>(wanted: &OneOf<T>, has: &[&T], whole: bool) -> bool {
    let found = has.iter().any(|value| wanted.values.contains(value));
    wanted.values.is_empty() || if wanted.not { whole && !found } else { found }
}

/// A filter in the plainest words.
fn passes(filter: &Filter, row: Row<'_>) -> bool {
    let needle = text::folded(filter.text.trim());
    let texts = [row.name(), row.subject(), row.email()].map(text::folded);
    let words = needle.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
    let text = words.into_iter().all(|word| texts.iter().any(|text| text.contains(word)));
    let since = row.since();
    let status = row.status().map(str::to_owned);
    let groups: Vec<&GroupId> = row.groups().map(|(id, _)| id).collect();
    let roles: Vec<&RoleId> = row.roles().map(|(id, _)| id).collect();
    let within = |range: Range, figure: usize, whole: bool| {
        let (least, most) = (range.least.unwrap_or(0) as usize, range.most.map_or(usize::MAX, |most| most as usize));
        range == Range::default() || whole && (least..=most).contains(&figure)
    };
    text && asked(&filter.allotment, &row.allotment().into_iter().collect::<Vec<_>>(), true)
        && filter.licensed.is_none_or(|wanted| row.allotment().is_some() == wanted)
        && filter.excess.is_none_or(|wanted| row.excess() == wanted)
        && filter.orphan.is_none_or(|wanted| row.orphan() == wanted && (wanted || row.person_known()))
        && filter.bot.is_none_or(|wanted| row.bot() == wanted)
        && asked(&filter.status, &status.iter().collect::<Vec<_>>(), row.person_known())
        && filter.from.is_none_or(|from| since.is_some_and(|since| since >= from))
        && filter.to.is_none_or(|to| since.is_some_and(|since| since <= to))
        && filter.idle.is_none_or(|idle| match (idle, row.used()) {
            (_, Used::UNKNOWN) => false,
            (Idle::Never, used) => used == Used::NEVER,
            (Idle::Within(days), used) => used.ago().is_some_and(|ago| ago <= days),
            (Idle::Over(days), used) => used.ago().is_none_or(|ago| ago > days),
        })
        && asked(&filter.group, &groups, row.groups_visible())
        && asked(&filter.role, &roles, row.roles_visible())
        && within(filter.held, row.held().into(), true)
        && within(filter.groups, groups.len(), row.groups_visible())
        && within(filter.roles, roles.len(), row.roles_visible())
}

/// A cell as something that compares; nothing where it is empty.
fn cell(row: Row<'_>, column: Column) -> Option<(String, u32)> {
    let text = |text: &str| (!text.is_empty()).then(|| (text.to_lowercase(), 0));
    let figure = |figure: u32| Some((String::new(), figure));
    match column {
        Column::Person => figure(row.at),
        Column::Mail => text(row.email()),
        Column::Allotment => row.allotment().map(|name| (name.label(), 0)),
        Column::Since => row.since().and_then(|day| figure(day.number())),
        Column::Used => match row.used() {
            Used::UNKNOWN => None,
            used => figure(used.ago().map_or(u32::MAX, u32::from)),
        },
        Column::Status => row.status().map(|status| (status.to_owned(), 0)),
        Column::Flags => [row.excess(), row.orphan(), row.held() > 1, row.bot()]
            .iter()
            .position(|on| *on)
            .and_then(|at| figure(u32::try_from(at).ok()?)),
        Column::Groups => figure(u32::try_from(row.groups().len()).ok()?),
        Column::Roles => figure(u32::try_from(row.roles().len()).ok()?),
    }
}

fn compare(a: Row<'_>, b: Row<'_>, sort: Sort) -> Ordering {
    match (cell(a, sort.column), cell(b, sort.column)) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(a), Some(b)) if sort.descending => b.cmp(&a),
        (Some(a), Some(b)) => a.cmp(&b),
    }
}

/// What somebody does to a selection.
#[derive(Debug, Clone)]
enum Step {
    All(Box<Filter>),
    Set(u32, bool),
    Clear,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(
        prop_oneof![
            1 => filters().prop_map(|filter| Step::All(Box::new(filter))),
            6 => (0_u32..20, any::<bool>()).prop_map(|(at, on)| Step::Set(at, on)),
            1 => Just(Step::Clear),
        ],
        0..12,
    )
}

proptest! {
    #[test]
    fn a_view_survives_its_address(view in views()) {
        let read = View::from_pairs(view.to_pairs().iter().map(|(key, value)| (*key, value.as_str())));
        let wanted = View { columns: if view.columns == Column::USUAL { Vec::new() } else { view.columns.clone() }, ..view };
        prop_assert_eq!(read, wanted);
    }

    #[test]
    fn any_address_is_read(pairs in prop::collection::vec((prop::sample::select(&["q", "allotment", "license", "flag", "status", "from", "to", "used", "group", "role", "sort", "cols", "page", "other"][..]), ".{0,12}"), 0..8)) {
        let view = View::from_pairs(pairs.iter().map(|(key, value)| (*key, value.as_str())));
        let again = View::from_pairs(view.to_pairs().iter().map(|(key, value)| (*key, value.as_str())));
        prop_assert_eq!(again, view);
    }

    #[test]
    fn what_is_selected_is_counted_by_license(table in tables(), filter in filters()) {
        let rows = table.matching(&filter);
        let mut counted: std::collections::BTreeMap<Option<AllotmentName>, u64> = std::collections::BTreeMap::new();
        for row in rows.iter().filter_map(|at| table.row(*at)) {
            *counted.entry(row.allotment().cloned()).or_default() += 1;
        }
        prop_assert_eq!(table.held_by(rows.iter().copied()), counted);
    }

    #[test]
    fn filters_do_what_they_say(table in tables(), filter in filters()) {
        let plain: Vec<u32> = table.rows().filter(|row| passes(&filter, *row)).map(|row| row.at).collect();
        prop_assert_eq!(table.matching(&filter), plain);
    }

    #[test]
    fn sorts_do_what_they_say(table in tables(), sorts in sorts()) {
        let mut plain: Vec<Row<'_>> = table.rows().collect();
        plain.sort_by(|a, b| sorts.iter().map(|sort| compare(*a, *b, *sort)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal));
        let order = table.order(&View { sort: sorts, ..View::default() });
        prop_assert_eq!(order, plain.iter().map(|row| row.at).collect::<Vec<_>>());
    }

    #[test]
    fn a_table_travels_in_blocks(table in tables(), size in 1_u32..7) {
        let outline = Outline::decode(&table.outline().encode()).unwrap();
        let mut other = Table::begin(outline);
        for first in (0..u32::try_from(table.len()).unwrap()).step_by(size as usize) {
            let block = Block::decode(&table.block(first, size).encode()).unwrap();
            other.push(&block).unwrap();
        }
        prop_assert_eq!(&*other.columns, &*table.columns);
        prop_assert!(other.take_uses(table.uses().unwrap().to_vec()));
        prop_assert_eq!(other.order(&View::default()), table.order(&View::default()));
    }

    #[test]
    fn selections_mean_the_same_here_and_there(table in tables(), other in tables(), steps in steps()) {
        let mut picked = RowSelection::default();
        let mut plain = BTreeSet::new();
        for step in steps {
            match step {
                Step::All(filter) => {
                    picked = RowSelection::all(&table, &filter);
                    plain = table.matching(&filter).into_iter().collect();
                }
                Step::Set(at, on) if (at as usize) < table.len() => {
                    picked.set(at, on);
                    if on { plain.insert(at); } else { plain.remove(&at); }
                }
                Step::Set(..) => {}
                Step::Clear => {
                    picked = RowSelection::default();
                    plain.clear();
                }
            }
        }
        prop_assert_eq!(picked.count(), plain.len());
        prop_assert_eq!(picked.rows().collect::<BTreeSet<_>>(), plain.clone());
        let selection = picked.selection(&table);
        prop_assert_eq!(table.selected(&selection).iter().map(|row| row.at).collect::<BTreeSet<_>>(), plain.clone());
        // Elsewhere: what the query finds there but for the exceptions, and the rows picked by hand that are there.
        let there = other.selected(&selection);
        for row in there {
            let by_query = selection.query.as_ref().is_some_and(|query| passes(query, row)) && !selection.except.contains(&row.key());
            prop_assert!(by_query || selection.rows.contains(&row.key()));
        }
    }

    #[test]
    fn what_cannot_be_a_block_is_an_error(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(block) = Block::decode(&bytes) {
            let mut table = Table::default();
            let _ = table.push(&block);
        }
        let _ = Outline::decode(&bytes);
    }
}
