//! The groups table: every group but Qlik's own, with the roles it gives and how many people are in it, for lists of ten
//! thousand. The server and the browser run this same code.

mod column;
mod filter;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use column::Column;
pub use filter::{Filter, Source};

use crate::inventory::{Inventory, Provider, RoleId, RoleLevel};
use crate::table::{self, BlockError, Code, Day, RowKey, Rows, Sets, Texts, Travels, counted, first_bytes, places};
use crate::text;

/// Everything of the table that the address holds.
pub type View = table::View<Filter, Column>;
/// What a bulk action works on.
pub type Selection = table::Selection<Filter>;
/// A selection among the rows of one table.
pub type RowSelection = table::RowSelection<Filter>;

/// The key of a group: its id.
pub fn key(id: &str) -> RowKey {
    RowKey::from_text(id)
}

/// Reads a key that a browser sent back. Longer than any id of Qlik's it is none.
pub fn parse_key(text: &str) -> Option<RowKey> {
    (!text.is_empty() && text.len() <= 256).then(|| RowKey::from_text(text))
}

/// The words that rows refer to by number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// Statuses of groups.
    pub statuses: Vec<String>,
    /// Roles: id, name, and whether it manages the tenant.
    pub roles: Vec<(RoleId, String, bool)>,
}

/// A group as it travels and as columns are filled from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    id: String,
    name: String,
    description: String,
    idp: bool,
    status: Code,
    /// Days as numbers; 0 where Qlik does not say.
    created: u32,
    updated: u32,
    /// `None` where the key may not see who is in it.
    members: Option<u32>,
    /// Places of roles; `None` where the key may not see them.
    roles: Option<Vec<u16>>,
}

/// Bits of a row.
mod flag {
    pub(super) const IDP: u8 = 1;
    /// It gives a role that manages the tenant.
    pub(super) const ADMIN: u8 = 2;
    /// Its roles may not be seen.
    pub(super) const ROLES_HIDDEN: u8 = 4;
    /// Who is in it may not be seen.
    pub(super) const MEMBERS_HIDDEN: u8 = 8;
}

/// The columns, each as long as there are rows; text and sets know their own ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Columns {
    /// Id, name and description.
    texts: Texts<3>,
    /// Name and description in small letters without accents, for searches.
    folded: Texts<1>,
    statuses: Vec<Code>,
    created: Vec<u32>,
    updated: Vec<u32>,
    flags: Vec<u8>,
    members: Vec<u32>,
    roles: Sets,
}

/// A group of the table. It lends from its table.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    table: &'a Table,
    /// Its place in the table's own order.
    pub at: u32,
}

impl<'a> Row<'a> {
    fn number(self, of: &[u32]) -> u32 {
        of.get(self.at as usize).copied().unwrap_or_default()
    }

    fn flag(self, bit: u8) -> bool {
        self.table.columns.flags.get(self.at as usize).is_some_and(|flags| flags & bit != 0)
    }

    /// The group's id.
    pub fn id(self) -> &'a str {
        self.table.columns.texts.get(self.at, 0)
    }

    /// The group's name.
    pub fn name(self) -> &'a str {
        self.table.columns.texts.get(self.at, 1)
    }

    /// What it is for; may be empty.
    pub fn description(self) -> &'a str {
        self.table.columns.texts.get(self.at, 2)
    }

    /// Where it comes from.
    pub fn provider(self) -> Provider {
        if self.flag(flag::IDP) { Provider::Idp } else { Provider::Custom }
    }

    /// `active`, `disabled`, or what Qlik invents next.
    pub fn status(self) -> &'a str {
        let code = self.table.columns.statuses.get(self.at as usize).copied().unwrap_or_default();
        usize::from(code).checked_sub(1).and_then(|code| self.table.names.statuses.get(code)).map_or("", String::as_str)
    }

    /// When it was made.
    pub fn created(self) -> Option<Day> {
        Day::of_number(self.number(&self.table.columns.created))
    }

    /// When Qlik last changed it.
    pub fn updated(self) -> Option<Day> {
        Day::of_number(self.number(&self.table.columns.updated))
    }

    /// How many people are in it; `None` where the key may not see that.
    pub fn members(self) -> Option<u32> {
        (!self.flag(flag::MEMBERS_HIDDEN)).then(|| self.number(&self.table.columns.members))
    }

    /// The roles it gives: id, name, and whether it manages the tenant; `None` where the key may not see them.
    pub fn roles(self) -> Option<Vec<&'a (RoleId, String, bool)>> {
        (!self.flag(flag::ROLES_HIDDEN)).then(|| {
            let codes = self.table.columns.roles.get(self.at);
            codes.iter().filter_map(|code| self.table.names.roles.get(usize::from(*code))).collect()
        })
    }

    /// Whether it gives the role at this place of the table's names; `None` where the key may not see its roles.
    pub fn gives(self, role: usize) -> Option<bool> {
        let given = || u16::try_from(role).is_ok_and(|code| self.table.columns.roles.get(self.at).contains(&code));
        (!self.flag(flag::ROLES_HIDDEN)).then(given)
    }

    /// How many roles it gives; `None` where the key may not see them.
    pub fn role_count(self) -> Option<usize> {
        (!self.flag(flag::ROLES_HIDDEN)).then(|| self.table.columns.roles.get(self.at).len())
    }

    /// Whether one of the roles it gives manages the tenant; not where they may not be seen.
    pub fn admin(self) -> bool {
        self.flag(flag::ADMIN)
    }
}

/// All groups of a tenant but Qlik's own, in the order of their names. Built once per inventory; a browser fills one block by
/// block.
#[derive(Debug, Clone, Default)]
pub struct Table {
    names: Arc<Names>,
    columns: Arc<Columns>,
}

impl Table {
    /// The groups of an inventory.
    pub fn build(inventory: &Inventory) -> Self {
        let own = || inventory.groups.iter().filter(|group| group.provider != Provider::System);
        let names = names(inventory);
        let statuses = table::codes(names.statuses.iter());
        let roles: HashMap<&RoleId, u16> = table::places_of(names.roles.iter().map(|(id, _, _)| id));
        let members = inventory.members();
        let day = |text: &str| Day::parse(text).map_or(0, Day::number);
        let mut lines: Vec<Line> = own()
            .map(|group| Line {
                id: group.id.to_string(),
                name: group.name.clone(),
                description: group.description.clone(),
                idp: group.provider == Provider::Idp,
                status: statuses.get(&group.status).copied().unwrap_or_default(),
                created: day(&group.created),
                updated: day(&group.updated),
                members: members
                    .as_ref()
                    .map(|members| u32::try_from(members.get(&group.id).copied().unwrap_or(0)).unwrap_or(u32::MAX)),
                roles: group.roles.as_ref().map(|given| given.iter().filter_map(|id| roles.get(id)).copied().collect()),
            })
            .collect();
        lines.sort_by_cached_key(|line| (line.name.to_lowercase(), line.name.clone(), line.id.clone()));
        let mut columns = Columns::default();
        for line in &lines {
            columns.push(line, &names);
        }
        Self { names: Arc::new(names), columns: Arc::new(columns) }
    }

    /// Names the rows by what they are: two servers that read the same tenant alike call its rows the same. Never 0.
    pub fn fingerprint(&self) -> u64 {
        let mut hash = Sha256::new();
        hash.update(self.outline_bytes());
        hash.update(self.block_bytes(0, u32::MAX));
        first_bytes(&hash.finalize())
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
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.every().map(|at| Row { table: self, at })
    }

    /// How many groups have each status, and how many there are of each source, for filter choices.
    pub fn facets(&self) -> (BTreeMap<String, u64>, [(Provider, u64); 2]) {
        let statuses = counted(self.columns.statuses.iter().copied(), self.names.statuses.len());
        let named = self.names.statuses.iter().cloned().zip(statuses.into_iter().skip(1)).filter(|(_, rows)| *rows > 0);
        let idp = self.columns.flags.iter().filter(|flags| *flags & flag::IDP != 0).count() as u64;
        (named.collect(), [(Provider::Idp, idp), (Provider::Custom, self.len() as u64 - idp)])
    }

    /// How many of the groups at these places give each role; groups whose roles may not be seen are not counted.
    pub fn given_by(&self, rows: impl Iterator<Item = u32>) -> HashMap<&RoleId, u64> {
        let mut given: HashMap<&RoleId, u64> = HashMap::new();
        for (id, _, _) in rows.filter_map(|at| self.row(at)).flat_map(|row| row.roles().unwrap_or_default()) {
            *given.entry(id).or_default() += 1;
        }
        given
    }

    fn line(&self, row: Row<'_>) -> Line {
        Line {
            id: row.id().to_owned(),
            name: row.name().to_owned(),
            description: row.description().to_owned(),
            idp: row.flag(flag::IDP),
            status: self.columns.statuses.get(row.at as usize).copied().unwrap_or_default(),
            created: row.number(&self.columns.created),
            updated: row.number(&self.columns.updated),
            members: row.members(),
            roles: row.role_count().map(|_| self.columns.roles.get(row.at).to_vec()),
        }
    }
}

fn names(inventory: &Inventory) -> Names {
    let groups = || inventory.groups.iter().filter(|group| group.provider != Provider::System);
    let statuses: BTreeSet<&String> = groups().map(|group| &group.status).collect();
    // A role that is no role of the tenant any more is called by its id.
    let mut roles: BTreeMap<&RoleId, (&str, bool)> =
        groups().flat_map(|group| group.roles.iter().flatten()).map(|id| (id, (id.as_str(), false))).collect();
    roles.extend(inventory.roles.iter().map(|role| (&role.id, (role.name.as_str(), role.level == RoleLevel::Admin))));
    Names {
        statuses: statuses.into_iter().cloned().collect(),
        roles: roles.into_iter().map(|(id, (name, admin))| (id.clone(), name.to_owned(), admin)).collect(),
    }
}

impl Columns {
    fn push(&mut self, line: &Line, names: &Names) {
        self.texts.push([&line.id, &line.name, &line.description]);
        self.folded.push([&text::folded(&format!("{}\n{}\n", line.name, line.description))]);
        self.statuses.push(line.status);
        self.created.push(line.created);
        self.updated.push(line.updated);
        let manages = |code: &u16| names.roles.get(usize::from(*code)).is_some_and(|(_, _, admin)| *admin);
        let bits = [
            (line.idp, flag::IDP),
            (line.roles.iter().flatten().any(manages), flag::ADMIN),
            (line.roles.is_none(), flag::ROLES_HIDDEN),
            (line.members.is_none(), flag::MEMBERS_HIDDEN),
        ];
        self.flags.push(bits.into_iter().filter(|(on, _)| *on).fold(0, |all, (_, bit)| all | bit));
        self.members.push(line.members.unwrap_or_default());
        self.roles.push(line.roles.as_deref().unwrap_or_default());
    }
}

impl Rows for Table {
    type Column = Column;
    type Filter = Filter;

    fn len(&self) -> usize {
        self.columns.statuses.len()
    }

    fn key(&self, at: u32) -> Option<RowKey> {
        self.row(at).map(|row| key(row.id()))
    }

    fn matching(&self, filter: &Filter) -> Vec<u32> {
        filter::matching(self, filter)
    }

    fn rank(&self, column: Column) -> table::Rank<'_> {
        column::rank(self, column)
    }

    fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.columns, &other.columns)
    }
}

/// What comes before the blocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Outline {
    rows: u32,
    names: Names,
}

/// Consecutive groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// The place of the first.
    first: u32,
    lines: Vec<Line>,
}

impl Travels for Table {
    type Block = Block;

    fn begin_from(bytes: &[u8]) -> Result<(Self, u32), BlockError> {
        let outline: Outline = postcard::from_bytes(bytes).map_err(|_| BlockError::Broken)?;
        Ok((Self { names: Arc::new(outline.names), columns: Arc::default() }, outline.rows))
    }

    fn decode(bytes: &[u8]) -> Result<Block, BlockError> {
        postcard::from_bytes(bytes).map_err(|_| BlockError::Broken)
    }

    fn rows_of(block: &Block) -> usize {
        block.lines.len()
    }

    fn take(&mut self, block: &Block) -> Result<(), BlockError> {
        if block.first as usize != self.len() {
            return Err(BlockError::Order);
        }
        let columns = Arc::make_mut(&mut self.columns);
        for line in &block.lines {
            columns.push(line, &self.names);
        }
        Ok(())
    }

    fn outline_bytes(&self) -> Vec<u8> {
        postcard::to_allocvec(&Outline { rows: places(self.len()), names: (*self.names).clone() }).unwrap_or_default()
    }

    fn block_bytes(&self, first: u32, take: u32) -> Vec<u8> {
        let rows = first..first.saturating_add(take).min(places(self.len()));
        let lines = rows.filter_map(|at| self.row(at)).map(|row| self.line(row)).collect();
        postcard::to_allocvec(&Block { first, lines }).unwrap_or_default()
    }
}
