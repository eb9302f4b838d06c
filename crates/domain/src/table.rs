//! The assignments table: rows joined from users and licenses, filtered, sorted and cut into windows.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::allotment::AllotmentName;
use crate::inventory::{GroupId, Inventory, RoleId};
use crate::subject::Subject;

/// Names a row across sort, filter and reload: the subject without case and the allotment, empty for somebody without one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RowKey(String);

impl RowKey {
    /// Between the two parts; no subject a person types and no allotment name has a control character.
    const SEPARATOR: char = '\u{1f}';

    /// The key of `subject` holding `allotment`.
    pub fn new(subject: &Subject, allotment: Option<&AllotmentName>) -> Self {
        Self(format!("{}{}{}", subject.key(), Self::SEPARATOR, allotment.map_or("", AllotmentName::as_str)))
    }

    /// Reads a key that a browser sent back.
    pub fn parse(key: &str) -> Option<Self> {
        key.contains(Self::SEPARATOR).then(|| Self(key.to_owned()))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One row: a person and a license they hold, or a person without one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Names the row.
    pub key: RowKey,
    /// The subject, as the license spells it where there is one.
    pub subject: Subject,
    /// The user's name; empty where there is none.
    pub name: String,
    /// The user's mail; empty where there is none.
    pub email: String,
    /// The user's status; `None` where the subject is no user of this tenant.
    pub status: Option<String>,
    /// The license held.
    pub allotment: Option<AllotmentName>,
    /// Since when; ISO 8601 UTC, may be empty.
    pub created: String,
    /// Given beyond what the allotment has.
    pub excess: bool,
    /// A license whose subject is no user of this tenant.
    pub orphan: bool,
    /// An OAuth client's own user.
    pub bot: bool,
    /// Licenses this subject holds.
    pub held: u32,
    /// Groups the user is in.
    pub groups: BTreeSet<GroupId>,
    /// Roles the user has, directly or by a group.
    pub roles: BTreeSet<RoleId>,
    /// Lower-case text that a search looks through.
    haystack: String,
}

/// All rows of a tenant. Built once per inventory; windows are cut from it.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// In the order of the person's name.
    pub rows: Vec<Row>,
}

impl Table {
    /// Joins people and assignments by subject, without case.
    pub fn build(inventory: &Inventory) -> Self {
        let group_roles: HashMap<&GroupId, &BTreeSet<RoleId>> = inventory.groups.iter().map(|g| (&g.id, &g.roles)).collect();
        let people = inventory.people_by_subject();
        let mut held: HashMap<String, u32> = HashMap::new();
        for assignment in &inventory.assignments {
            *held.entry(assignment.subject.key()).or_default() += 1;
        }
        let mut rows = Vec::with_capacity(inventory.assignments.len() + inventory.people.len() / 2);
        for assignment in &inventory.assignments {
            let key = assignment.subject.key();
            let person = people.get(&key).copied();
            rows.push(Row {
                key: RowKey::new(&assignment.subject, Some(&assignment.allotment)),
                name: person.map(|p| p.name.clone()).unwrap_or_default(),
                email: person.map(|p| p.email.clone()).unwrap_or_default(),
                status: person.map(|p| p.status.clone()),
                allotment: Some(assignment.allotment.clone()),
                created: assignment.created.clone(),
                excess: assignment.excess,
                orphan: person.is_none(),
                bot: assignment.subject.is_bot(),
                held: held.get(&key).copied().unwrap_or(1),
                groups: person.map(|p| p.groups.clone()).unwrap_or_default(),
                roles: person.map(|p| effective_roles(p, &group_roles)).unwrap_or_default(),
                haystack: String::new(),
                subject: assignment.subject.clone(),
            });
        }
        for person in &inventory.people {
            if held.contains_key(&person.subject.key()) {
                continue;
            }
            rows.push(Row {
                key: RowKey::new(&person.subject, None),
                name: person.name.clone(),
                email: person.email.clone(),
                status: Some(person.status.clone()),
                allotment: None,
                created: String::new(),
                excess: false,
                orphan: false,
                bot: person.subject.is_bot(),
                held: 0,
                groups: person.groups.clone(),
                roles: effective_roles(person, &group_roles),
                haystack: String::new(),
                subject: person.subject.clone(),
            });
        }
        for row in &mut rows {
            row.haystack = format!("{}\n{}\n{}", row.name, row.subject, row.email).to_lowercase();
        }
        rows.sort_by_cached_key(|row| (sort_name(row), row.key.clone()));
        Self { rows }
    }

    /// Rows that pass `filter`, in table order.
    pub fn matching<'a, 'f>(&'a self, filter: &'f Filter) -> impl Iterator<Item = &'a Row> + use<'a, 'f> {
        let needle = filter.text.trim().to_lowercase();
        self.rows.iter().filter(move |row| filter.passes(row, &needle))
    }

    /// Rows `[skip, skip + take)` of those that match, sorted, and how many match in all.
    pub fn window(&self, view: &View, take: usize) -> Window {
        let mut rows: Vec<&Row> = self.matching(&view.filter).collect();
        sort(&mut rows, view.sort);
        let total = rows.len();
        let pages = total.div_ceil(take.max(1)).max(1);
        let page = view.page.clamp(1, u32::try_from(pages).unwrap_or(u32::MAX));
        let skip = (page as usize - 1) * take;
        Window {
            rows: rows.into_iter().skip(skip).take(take).cloned().collect(),
            matching: total as u64,
            of: self.rows.len() as u64,
            page,
            pages: u32::try_from(pages).unwrap_or(u32::MAX),
        }
    }

    /// The rows a selection names now. Rows that went away meanwhile are left out.
    pub fn selected(&self, selection: &Selection) -> Vec<&Row> {
        match selection {
            Selection::Rows(keys) => {
                let keys: HashSet<&RowKey> = keys.iter().collect();
                self.rows.iter().filter(|row| keys.contains(&row.key)).collect()
            }
            Selection::Matching { filter, except } => {
                let except: HashSet<&RowKey> = except.iter().collect();
                self.matching(filter).filter(|row| !except.contains(&row.key)).collect()
            }
        }
    }
}

/// Direct roles and those of every group.
fn effective_roles(person: &crate::inventory::Person, group_roles: &HashMap<&GroupId, &BTreeSet<RoleId>>) -> BTreeSet<RoleId> {
    let mut roles = person.roles.clone();
    for group in &person.groups {
        if let Some(more) = group_roles.get(group) {
            roles.extend(more.iter().cloned());
        }
    }
    roles
}

/// People without a name sort by their subject.
fn sort_name(row: &Row) -> String {
    if row.name.is_empty() { row.subject.key() } else { row.name.to_lowercase() }
}

fn sort(rows: &mut [&Row], by: Sort) {
    match by.column {
        Column::Person => {} // the table's own order
        Column::Mail => rows.sort_by(|a, b| blank_last(&a.email, &b.email, by.descending)),
        Column::Allotment => {
            let name = |row: &Row| row.allotment.as_ref().map(AllotmentName::label).unwrap_or_default();
            rows.sort_by(|a, b| blank_last(&name(a), &name(b), by.descending));
        }
        Column::Since => rows.sort_by(|a, b| blank_last(&a.created, &b.created, by.descending)),
        Column::Status => rows.sort_by(|a, b| {
            blank_last(a.status.as_deref().unwrap_or_default(), b.status.as_deref().unwrap_or_default(), by.descending)
        }),
        Column::Groups => rows.sort_by(|a, b| directed(a.groups.len().cmp(&b.groups.len()), by.descending)),
    }
    if by.column == Column::Person && by.descending {
        rows.reverse();
    }
}

fn directed(order: Ordering, descending: bool) -> Ordering {
    if descending { order.reverse() } else { order }
}

/// Empty cells stay at the end whichever way the column is sorted.
fn blank_last(a: &str, b: &str, descending: bool) -> Ordering {
    match (a.is_empty(), b.is_empty()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => directed(a.cmp(b), descending),
    }
}

/// A cut of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The rows of this page.
    pub rows: Vec<Row>,
    /// Rows that pass the filter.
    pub matching: u64,
    /// Rows there are.
    pub of: u64,
    /// This page, from 1.
    pub page: u32,
    /// Pages there are.
    pub pages: u32,
}

/// Which rows a view shows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Filter {
    /// Part of the name, the subject or the mail; case does not matter.
    pub text: String,
    /// Only this allotment.
    pub allotment: Option<AllotmentName>,
    /// With or without any license.
    pub licensed: Option<bool>,
    /// Only what is given beyond the allotment.
    pub excess: bool,
    /// Only licenses whose subject is no user here.
    pub orphan: bool,
    /// Only users of this status.
    pub status: Option<String>,
    /// Only members of this group.
    pub group: Option<GroupId>,
    /// Only those who have this role, directly or by a group.
    pub role: Option<RoleId>,
}

impl Filter {
    /// Whether nothing is filtered.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn passes(&self, row: &Row, needle: &str) -> bool {
        (needle.is_empty() || row.haystack.contains(needle))
            && self.allotment.as_ref().is_none_or(|wanted| row.allotment.as_ref() == Some(wanted))
            && self.licensed.is_none_or(|wanted| row.allotment.is_some() == wanted)
            && (!self.excess || row.excess)
            && (!self.orphan || row.orphan)
            && self.status.as_ref().is_none_or(|wanted| row.status.as_ref() == Some(wanted))
            && self.group.as_ref().is_none_or(|wanted| row.groups.contains(wanted))
            && self.role.as_ref().is_none_or(|wanted| row.roles.contains(wanted))
    }
}

/// What a view sorts by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
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
    /// The user's status.
    Status,
    /// How many groups.
    Groups,
}

impl Column {
    /// The word in the URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Mail => "mail",
            Self::Allotment => "allotment",
            Self::Since => "since",
            Self::Status => "status",
            Self::Groups => "groups",
        }
    }

    /// Reads the word in the URL; an unknown one is the first column.
    pub fn parse(word: &str) -> Self {
        [Self::Mail, Self::Allotment, Self::Since, Self::Status, Self::Groups]
            .into_iter()
            .find(|column| column.as_str() == word)
            .unwrap_or_default()
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

/// Everything of a table that the URL holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct View {
    /// Which rows.
    pub filter: Filter,
    /// In which order.
    pub sort: Sort,
    /// Which page, from 1; 0 is read as 1.
    pub page: u32,
}

impl View {
    /// Reads a view from decoded query pairs. What it does not know it leaves alone.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut view = Self { page: 1, ..Self::default() };
        for (key, value) in pairs {
            if value.is_empty() {
                continue;
            }
            match key {
                "q" => value.clone_into(&mut view.filter.text),
                "allotment" => view.filter.allotment = Some(AllotmentName::new(value)),
                "license" => {
                    view.filter.licensed = match value {
                        "none" => Some(false),
                        "any" => Some(true),
                        _ => None,
                    }
                }
                "flag" => {
                    view.filter.excess |= value == "excess";
                    view.filter.orphan |= value == "orphan";
                }
                "status" => view.filter.status = Some(value.to_owned()),
                "group" => view.filter.group = Some(GroupId::new(value)),
                "role" => view.filter.role = Some(RoleId::new(value)),
                "sort" => {
                    let (word, descending) = value.strip_prefix('-').map_or((value, false), |word| (word, true));
                    view.sort = Sort { column: Column::parse(word), descending };
                }
                "page" => view.page = value.parse().unwrap_or(1).max(1),
                _ => {}
            }
        }
        view
    }

    /// The query pairs of this view, without what is as usual; the inverse of [`View::from_pairs`].
    pub fn to_pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = self.filter.to_pairs();
        if self.sort != Sort::default() {
            pairs.push(("sort", format!("{}{}", if self.sort.descending { "-" } else { "" }, self.sort.column.as_str())));
        }
        if self.page > 1 {
            pairs.push(("page", self.page.to_string()));
        }
        pairs
    }
}

impl Filter {
    /// The query pairs of this filter.
    pub fn to_pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = Vec::new();
        if !self.text.is_empty() {
            pairs.push(("q", self.text.clone()));
        }
        if let Some(allotment) = &self.allotment {
            pairs.push(("allotment", allotment.to_string()));
        }
        if let Some(licensed) = self.licensed {
            pairs.push(("license", if licensed { "any" } else { "none" }.to_owned()));
        }
        if self.excess {
            pairs.push(("flag", "excess".to_owned()));
        }
        if self.orphan {
            pairs.push(("flag", "orphan".to_owned()));
        }
        if let Some(status) = &self.status {
            pairs.push(("status", status.clone()));
        }
        if let Some(group) = &self.group {
            pairs.push(("group", group.to_string()));
        }
        if let Some(role) = &self.role {
            pairs.push(("role", role.to_string()));
        }
        pairs
    }
}

/// What a bulk action works on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Selection {
    /// These rows.
    Rows(Vec<RowKey>),
    /// Every row that passes the filter, but for some. A query, not a list of ids.
    Matching {
        /// Which rows.
        filter: Filter,
        /// Rows taken out by hand.
        except: Vec<RowKey>,
    },
}

/// How many rows each allotment and status has, for filter choices.
pub fn facets(table: &Table) -> (BTreeMap<AllotmentName, u64>, BTreeMap<String, u64>) {
    let (mut allotments, mut statuses) = (BTreeMap::new(), BTreeMap::new());
    for row in &table.rows {
        if let Some(allotment) = &row.allotment {
            *allotments.entry(allotment.clone()).or_default() += 1;
        }
        if let Some(status) = &row.status {
            *statuses.entry(status.clone()).or_default() += 1;
        }
    }
    (allotments, statuses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Assignment, Person, UserId};
    use proptest::prelude::*;

    fn person(subject: &str, name: &str) -> Person {
        Person {
            id: UserId::new(subject.to_lowercase()),
            subject: Subject::new(subject),
            name: name.into(),
            email: String::new(),
            status: "active".into(),
            roles: BTreeSet::new(),
            groups: BTreeSet::new(),
        }
    }

    fn assignment(subject: &str, allotment: &str) -> Assignment {
        Assignment {
            subject: Subject::new(subject),
            allotment: AllotmentName::new(allotment),
            excess: false,
            created: String::new(),
        }
    }

    fn table() -> Table {
        Table::build(&Inventory {
            people: vec![person("M\\ann", "Ann"), person("m\\BOB", "Bob"), person("m\\cy", "")],
            assignments: vec![
                assignment("m\\ANN", "professional"),
                assignment("m\\ann", "analyzer"),
                assignment("x\\gone", "analyzer"),
            ],
            ..Inventory::default()
        })
    }

    #[test]
    fn people_and_licenses_join_without_case() {
        let table = table();
        let shown: Vec<_> = table.rows.iter().map(|row| (row.name.as_str(), row.held, row.orphan)).collect();
        assert_eq!(shown, [("Ann", 2, false), ("Ann", 2, false), ("Bob", 0, false), ("", 0, false), ("", 1, true)]);
    }

    #[test]
    fn a_query_selects_what_it_matches_but_for_exceptions() {
        let table = table();
        let filter = Filter { allotment: Some(AllotmentName::new("analyzer")), ..Filter::default() };
        let except = vec![RowKey::new(&Subject::new("X\\GONE"), Some(&AllotmentName::new("analyzer")))];
        let rows = table.selected(&Selection::Matching { filter, except });
        assert_eq!(rows.iter().map(|row| row.subject.as_str()).collect::<Vec<_>>(), ["m\\ann"]);
    }

    #[test]
    fn windows_never_leave_the_table() {
        let table = table();
        let window = table.window(&View { page: 99, ..View::default() }, 2);
        assert_eq!((window.page, window.pages, window.rows.len(), window.matching), (3, 3, 1, 5));
    }

    #[test]
    fn blanks_sort_last_both_ways() {
        let table = table();
        for descending in [false, true] {
            let view = View { sort: Sort { column: Column::Allotment, descending }, page: 1, ..View::default() };
            let last = table.window(&view, 10).rows.pop().and_then(|row| row.allotment);
            assert_eq!(last, None);
        }
    }

    fn view() -> impl Strategy<Value = View> {
        let name = "[a-zA-Z0-9 &=+%\\\\]{0,8}";
        (
            name,
            proptest::option::of("[a-z_]{1,8}"),
            proptest::option::of(any::<bool>()),
            any::<(bool, bool, bool)>(),
            0_usize..6,
            1_u32..50,
            proptest::option::of("[0-9a-f]{1,6}"),
        )
            .prop_map(|(text, allotment, licensed, (excess, orphan, descending), column, page, group)| View {
                filter: Filter {
                    text,
                    allotment: allotment.map(AllotmentName::new),
                    licensed,
                    excess,
                    orphan,
                    status: None,
                    group: group.map(GroupId::new),
                    role: None,
                },
                sort: Sort {
                    column: [Column::Person, Column::Mail, Column::Allotment, Column::Since, Column::Status, Column::Groups]
                        [column],
                    descending,
                },
                page,
            })
    }

    proptest! {
        #[test]
        fn a_view_survives_its_url(view in view()) {
            let pairs = view.to_pairs();
            prop_assert_eq!(View::from_pairs(pairs.iter().map(|(k, v)| (*k, v.as_str()))), view);
        }
    }
}
