//! The assignments table: people and licenses joined to rows, kept by column so that a hundred thousand of them are
//! searched, sorted and selected between two frames. The server and the browser run this same code.

mod block;
mod filter;
mod sort;
mod used;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use block::{Block, Outline, decode_uses, encode_uses};
pub use filter::{Filter, Idle};
pub use sort::Column;
pub use used::Used;

use crate::allotment::AllotmentName;
use crate::inventory::{GroupId, Inventory, Person, RoleId, UserId};
use crate::subject::Subject;
use crate::table::{self, Code, Day, RowKey, Rows, Sets, Texts, counted, first_bytes, places};
use crate::text;

/// Everything of the table that the address holds.
pub type View = table::View<Filter, Column>;
/// A column and a direction.
pub type Sort = table::Sort<Column>;
/// What a bulk action works on.
pub type Selection = table::Selection<Filter>;
/// A selection among the rows of one table.
pub type RowSelection = table::RowSelection<Filter>;

/// Between the two parts of a key; no subject a person types and no allotment name has a control character.
const SEPARATOR: char = '\u{1f}';

/// The key of `subject` holding `allotment`: the subject without case, and no allotment for a person without one.
pub fn key(subject: &str, allotment: Option<&AllotmentName>) -> RowKey {
    RowKey::from_text(format!("{}{SEPARATOR}{}", text::same(subject), allotment.map_or("", AllotmentName::as_str)))
}

/// Reads a key that a browser sent back.
pub fn parse_key(text: &str) -> Option<RowKey> {
    text.contains(SEPARATOR).then(|| RowKey::from_text(text))
}

/// The words that rows refer to by number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// Allotments that somebody holds, by label.
    pub allotments: Vec<AllotmentName>,
    /// Statuses of users.
    pub statuses: Vec<String>,
    /// Groups: id and name.
    pub groups: Vec<(GroupId, String)>,
    /// Roles: id and name.
    pub roles: Vec<(RoleId, String)>,
}

/// Bits of a row.
mod flag {
    pub(super) const EXCESS: u8 = 1;
    pub(super) const ORPHAN: u8 = 2;
    pub(super) const BOT: u8 = 4;
    /// A user whose groups may not be seen.
    pub(super) const GROUPS_HIDDEN: u8 = 8;
    /// A user whose roles may not be seen, or not all of them.
    pub(super) const ROLES_HIDDEN: u8 = 16;
    /// A subject of whom nobody knows yet whether it is a user.
    pub(super) const UNREAD: u8 = 32;
}

/// A row: a person and a license they hold, or a person without one. It lends from its table.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    table: &'a Table,
    /// Its place in the table's own order.
    pub at: u32,
}

impl<'a> Row<'a> {
    fn code(self, codes: &'a [Code]) -> Option<usize> {
        codes.get(self.at as usize).and_then(|code| usize::from(*code).checked_sub(1))
    }

    fn flag(self, bit: u8) -> bool {
        self.table.columns.flags.get(self.at as usize).is_some_and(|flags| flags & bit != 0)
    }

    /// Names the row.
    pub fn key(self) -> RowKey {
        key(self.subject(), self.allotment())
    }

    /// The user's name; empty where there is none.
    pub fn name(self) -> &'a str {
        self.table.columns.texts.get(self.at, 0)
    }

    /// The subject, as the license spells it where there is one.
    pub fn subject(self) -> &'a str {
        self.table.columns.texts.get(self.at, 1)
    }

    /// The user's mail; empty where there is none.
    pub fn email(self) -> &'a str {
        self.table.columns.texts.get(self.at, 2)
    }

    /// The license held.
    pub fn allotment(self) -> Option<&'a AllotmentName> {
        self.code(&self.table.columns.allotments).and_then(|code| self.table.names.allotments.get(code))
    }

    /// The user's status; `None` where the subject is no user of this tenant.
    pub fn status(self) -> Option<&'a str> {
        self.code(&self.table.columns.statuses).and_then(|code| self.table.names.statuses.get(code)).map(String::as_str)
    }

    /// Since when the license is held.
    pub fn since(self) -> Option<Day> {
        self.table.columns.since.get(self.at as usize).copied().and_then(Day::of_number)
    }

    /// When the person used Qlik last.
    pub fn used(self) -> Used {
        self.table.used.as_ref().and_then(|used| used.get(self.at as usize)).copied().unwrap_or(Used::UNKNOWN)
    }

    /// Given beyond what the allotment has.
    pub fn excess(self) -> bool {
        self.flag(flag::EXCESS)
    }

    /// A license whose subject is no user of this tenant.
    pub fn orphan(self) -> bool {
        self.flag(flag::ORPHAN)
    }

    /// An OAuth client's own user.
    pub fn bot(self) -> bool {
        self.flag(flag::BOT)
    }

    /// Licenses this subject holds; 255 stands for that many and more.
    pub fn held(self) -> u8 {
        self.table.columns.held.get(self.at as usize).copied().unwrap_or_default()
    }

    /// Whether it is known whether the subject is a user, and which.
    pub fn person_known(self) -> bool {
        !self.flag(flag::UNREAD)
    }

    /// Whether all groups of the user are known.
    pub fn groups_visible(self) -> bool {
        !self.flag(flag::GROUPS_HIDDEN)
    }

    /// Whether all roles of the user are known.
    pub fn roles_visible(self) -> bool {
        !self.flag(flag::ROLES_HIDDEN)
    }

    /// Groups the user is in: id and name.
    pub fn groups(self) -> impl ExactSizeIterator<Item = &'a (GroupId, String)> {
        named(self.table.columns.groups.get(self.at), &self.table.names.groups)
    }

    /// Roles the user has, directly or by a group: id and name.
    pub fn roles(self) -> impl ExactSizeIterator<Item = &'a (RoleId, String)> {
        named(self.table.columns.roles.get(self.at), &self.table.names.roles)
    }
}

fn named<'a, T>(codes: &'a [u16], names: &'a [T]) -> impl ExactSizeIterator<Item = &'a T> {
    let found: Vec<&T> = codes.iter().filter_map(|code| names.get(usize::from(*code))).collect();
    found.into_iter()
}

/// The columns, each as long as there are rows; text and sets know their own ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Columns {
    /// Name, subject and mail.
    texts: Texts<3>,
    /// The same in small letters without accents and as one, for searches.
    folded: Texts<1>,
    allotments: Vec<Code>,
    statuses: Vec<Code>,
    since: Vec<u32>,
    flags: Vec<u8>,
    held: Vec<u8>,
    groups: Sets,
    roles: Sets,
    /// A row's place among all mails, from 1; 0 without a mail. Comparing texts takes too long while somebody waits.
    mail_rank: Vec<u32>,
}

/// All rows of a tenant, in the order of the person's name. Built once per inventory; a browser fills one block by block.
#[derive(Debug, Clone, Default)]
pub struct Table {
    names: Arc<Names>,
    columns: Arc<Columns>,
    used: Option<Arc<Vec<Used>>>,
}

/// A row while it is put together.
struct Draft<'a> {
    name: &'a str,
    subject: &'a Subject,
    person: Option<&'a Person>,
    allotment: Option<&'a AllotmentName>,
    since: &'a str,
    excess: bool,
    held: u32,
}

impl Table {
    /// Joins people and assignments by subject, without case.
    pub fn build(inventory: &Inventory) -> Self {
        // Whoever is not on a list of users that ended early may be there all the same.
        Self::join(inventory, inventory.coverage.people.is_whole())
    }

    /// The same while the tenant is still being read: a subject without a user may yet turn out to be one.
    pub fn build_so_far(inventory: &Inventory) -> Self {
        Self::join(inventory, false)
    }

    fn join(inventory: &Inventory, complete: bool) -> Self {
        let people = inventory.people_by_subject();
        let mut held: HashMap<String, u32> = HashMap::with_capacity(inventory.assignments.len());
        for assignment in &inventory.assignments {
            *held.entry(assignment.subject.key()).or_default() += 1;
        }
        let mut drafts: Vec<Draft<'_>> = Vec::with_capacity(inventory.assignments.len() + inventory.people.len() / 2);
        for assignment in &inventory.assignments {
            let key = assignment.subject.key();
            let person = people.get(&key).copied();
            drafts.push(Draft {
                name: person.map_or("", |person| &person.name),
                subject: &assignment.subject,
                person,
                allotment: Some(&assignment.allotment),
                since: &assignment.created,
                excess: assignment.excess,
                held: held.get(&key).copied().unwrap_or(1),
            });
        }
        for person in inventory.people.iter().filter(|person| !held.contains_key(&person.subject.key())) {
            drafts.push(Draft {
                name: &person.name,
                subject: &person.subject,
                person: Some(person),
                allotment: None,
                since: "",
                excess: false,
                held: 0,
            });
        }
        drafts.sort_by_cached_key(|draft| {
            let subject = draft.subject.key();
            // People without a name sort by their subject.
            let name = if draft.name.is_empty() { subject.clone() } else { draft.name.to_lowercase() };
            (name, subject, draft.allotment.map_or("", AllotmentName::as_str))
        });
        let names = names(inventory);
        let columns = columns(&drafts, &names, inventory, complete);
        Self { names: Arc::new(names), columns: Arc::new(columns), used: None }
    }

    /// The same rows with when each person used Qlik last. `last` knows the last day of those who did at all.
    #[must_use]
    pub fn with_use(&self, inventory: &Inventory, last: impl Fn(&UserId) -> Option<Day>, today: Day) -> Self {
        let people = inventory.people_by_subject();
        let used = self.rows().map(|row| match people.get(&text::same(row.subject())) {
            Some(person) => last(&person.id).map_or(Used::NEVER, |day| Used::days(today.since(day))),
            None => Used::UNKNOWN,
        });
        Self { used: Some(Arc::new(used.collect())), ..self.clone() }
    }

    /// When each row's person used Qlik last, in the table's order; `None` while that is not known.
    pub fn uses(&self) -> Option<&[Used]> {
        self.used.as_ref().map(|used| used.as_slice())
    }

    /// Takes what [`Self::uses`] gave elsewhere. A list that is not as long as the table is not taken.
    #[must_use]
    pub fn take_uses(&mut self, used: Vec<Used>) -> bool {
        let fits = used.len() == self.len();
        if fits {
            self.used = Some(Arc::new(used));
        }
        fits
    }

    /// Names the rows by what they are: two servers that read the same tenant alike call its rows the same. Never 0. When
    /// people used Qlik is not part of it.
    pub fn fingerprint(&self) -> u64 {
        let columns = &*self.columns;
        let mut hash = Sha256::new();
        hash.update(postcard::to_allocvec(&*self.names).unwrap_or_default());
        let (text, ends) = columns.texts.all();
        hash.update(text);
        for column in [ends, columns.since.as_slice()] {
            for value in column {
                hash.update(value.to_le_bytes());
            }
        }
        for column in [&columns.allotments, &columns.statuses] {
            for value in column {
                hash.update(value.to_le_bytes());
            }
        }
        hash.update(&columns.flags);
        hash.update(&columns.held);
        for sets in [&columns.groups, &columns.roles] {
            for at in 0..places(self.len()) {
                let codes = sets.get(at);
                hash.update((codes.len() as u64).to_le_bytes());
                for code in codes {
                    hash.update(code.to_le_bytes());
                }
            }
        }
        first_bytes(&hash.finalize())
    }

    /// The rows a selection names now. Rows that went away meanwhile are left out.
    pub fn selected(&self, selection: &Selection) -> Vec<Row<'_>> {
        RowSelection::of(selection, self).rows().filter_map(|at| self.row(at)).collect()
    }

    /// What rows refer to by number.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The row at a place of the table's own order.
    pub fn row(&self, at: u32) -> Option<Row<'_>> {
        ((at as usize) < self.len()).then_some(Row { table: self, at })
    }

    /// All rows, in the table's own order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        (0..places(self.len())).map(|at| Row { table: self, at })
    }

    /// How many rows each allotment and status has, for filter choices.
    pub fn facets(&self) -> (BTreeMap<AllotmentName, u64>, BTreeMap<String, u64>) {
        let (names, columns) = (&self.names, &self.columns);
        let count = |codes: &[Code], of: usize| counted(codes.iter().copied(), of).into_iter().skip(1);
        let allotments = names.allotments.iter().cloned().zip(count(&columns.allotments, names.allotments.len()));
        let statuses = names.statuses.iter().cloned().zip(count(&columns.statuses, names.statuses.len()));
        (allotments.filter(|(_, rows)| *rows > 0).collect(), statuses.filter(|(_, rows)| *rows > 0).collect())
    }

    /// How many of some rows hold each license; `None` stands for those without one.
    pub fn held_by(&self, rows: impl Iterator<Item = u32>) -> BTreeMap<Option<AllotmentName>, u64> {
        let codes = rows.filter_map(|at| self.columns.allotments.get(at as usize)).copied();
        let names = std::iter::once(None).chain(self.names.allotments.iter().cloned().map(Some));
        names.zip(counted(codes, self.names.allotments.len())).filter(|(_, rows)| *rows > 0).collect()
    }
}

impl Rows for Table {
    type Column = Column;
    type Filter = Filter;

    fn len(&self) -> usize {
        self.columns.allotments.len()
    }

    fn key(&self, at: u32) -> Option<RowKey> {
        self.row(at).map(Row::key)
    }

    fn matching(&self, filter: &Filter) -> Vec<u32> {
        filter::matching(self, filter)
    }

    fn rank(&self, column: Column) -> table::Rank<'_> {
        sort::rank(self, column)
    }

    /// With the same use as well.
    fn is_same(&self, other: &Self) -> bool {
        let same_use = match (&self.used, &other.used) {
            (None, None) => true,
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            _ => false,
        };
        same_use && Arc::ptr_eq(&self.columns, &other.columns)
    }
}

fn names(inventory: &Inventory) -> Names {
    let mut allotments: Vec<AllotmentName> = inventory
        .assignments
        .iter()
        .map(|assignment| &assignment.allotment)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .cloned()
        .collect();
    allotments.sort_by_key(AllotmentName::label);
    let statuses: BTreeSet<&String> = inventory.people.iter().map(|person| &person.status).collect();
    let mut groups: BTreeMap<&GroupId, &str> =
        inventory.people.iter().flat_map(|person| person.groups.iter().flatten()).map(|id| (id, id.as_str())).collect();
    let mut roles: BTreeMap<&RoleId, &str> =
        inventory.people.iter().flat_map(|person| person.roles.iter().flatten()).map(|id| (id, id.as_str())).collect();
    for group in &inventory.groups {
        groups.insert(&group.id, &group.name);
        roles.extend(group.roles.iter().flatten().map(|id| (id, id.as_str())));
    }
    roles.extend(inventory.roles.iter().map(|role| (&role.id, role.name.as_str())));
    let owned = |(id, name): (&GroupId, &str)| (id.clone(), name.to_owned());
    Names {
        allotments,
        statuses: statuses.into_iter().cloned().collect(),
        groups: groups.into_iter().map(owned).collect(),
        roles: roles.into_iter().map(|(id, name)| (id.clone(), name.to_owned())).collect(),
    }
}

fn columns(drafts: &[Draft<'_>], names: &Names, inventory: &Inventory, complete: bool) -> Columns {
    let allotments: HashMap<&AllotmentName, Code> = table::codes(names.allotments.iter());
    let statuses: HashMap<&String, Code> = table::codes(names.statuses.iter());
    let groups: HashMap<&GroupId, u16> = table::places_of(names.groups.iter().map(|(id, _)| id));
    let roles: HashMap<&RoleId, u16> = table::places_of(names.roles.iter().map(|(id, _)| id));
    let by_group: HashMap<&GroupId, &BTreeSet<RoleId>> =
        inventory.groups.iter().filter_map(|group| Some((&group.id, group.roles.as_ref()?))).collect();
    let mut columns = Columns::default();
    for draft in drafts {
        let mail = draft.person.map_or("", |person| person.email.as_str());
        columns.push_text([draft.name, draft.subject.as_str(), mail]);
        columns.allotments.push(draft.allotment.and_then(|name| allotments.get(name)).copied().unwrap_or_default());
        columns.statuses.push(draft.person.and_then(|person| statuses.get(&person.status)).copied().unwrap_or_default());
        columns.since.push(Day::parse(draft.since).map_or(0, Day::number));
        let orphan = complete && draft.person.is_none();
        let unread = !complete && draft.person.is_none();
        let no_groups = unread || draft.person.is_some_and(|person| person.groups.is_none());
        let some_hidden =
            |person: &Person| person.roles.is_none() || person.groups.iter().flatten().any(|group| !by_group.contains_key(group));
        let bits = [
            (draft.excess, flag::EXCESS),
            (orphan, flag::ORPHAN),
            (draft.subject.is_bot(), flag::BOT),
            (unread, flag::UNREAD),
            (no_groups, flag::GROUPS_HIDDEN),
            (no_groups || draft.person.is_some_and(some_hidden), flag::ROLES_HIDDEN),
        ];
        columns.flags.push(bits.into_iter().filter(|(on, _)| *on).fold(0, |all, (_, bit)| all | bit));
        columns.held.push(u8::try_from(draft.held).unwrap_or(u8::MAX));
        let of = |person: &Person| {
            let mut codes: Vec<u16> = person.roles.iter().flatten().filter_map(|id| roles.get(id)).copied().collect();
            let given = person.groups.iter().flatten().filter_map(|group| by_group.get(group)).flat_map(|roles| roles.iter());
            codes.extend(given.filter_map(|id| roles.get(id)).copied());
            codes.sort_unstable();
            codes.dedup();
            codes
        };
        columns.roles.push(&draft.person.map(of).unwrap_or_default());
        let member: Vec<u16> = draft
            .person
            .into_iter()
            .flat_map(|person| person.groups.iter().flatten())
            .filter_map(|id| groups.get(id))
            .copied()
            .collect();
        columns.groups.push(&member);
    }
    columns.mail_rank = table::ranks(&columns.texts, 2, drafts.len());
    columns
}

impl Columns {
    fn push_text(&mut self, [name, subject, mail]: [&str; 3]) {
        self.texts.push([name, subject, mail]);
        self.folded.push([&text::folded(&format!("{name}\n{subject}\n{mail}\n"))]);
    }
}
