//! A matrix of groups and roles as a table: a line for each group, a column for each role, an `x` where the group gives it. Read
//! back it is what is wanted: only the groups and roles that it names are touched.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{Cells, Field, ListError, cells, text_of};
use crate::inventory::{Group, GroupId, Inventory, Provider, Role, RoleId};
use crate::plan::RoleEdit;
use crate::text;

/// The heading of the groups' names, and of their ids.
const NAME: &str = "Group";
const ID: &str = "ID";
/// What a cell of a group says whose roles are not visible.
const NOT_VISIBLE: &str = "not visible";

/// Columns at most; far more than a tenant has roles.
const MOST_COLUMNS: usize = 2_000;
/// Faults after which reading ends.
const MOST_FAULTS: usize = 1_000;

/// What such a table comes to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MatrixList {
    /// What becomes of the roles of each group that it names.
    pub edits: Vec<(GroupId, RoleEdit)>,
    /// Groups that it names with a cell that says that their roles were not visible: what else they give is not known to it.
    pub unsure: HashSet<GroupId>,
    /// What is wrong, as sentences in the order of the lines. Where there is any, nothing is to be planned.
    pub faults: Vec<String>,
}

impl MatrixList {
    /// What becomes of every group where the file is the wanted state of all: those that it names give what it says and nothing else,
    /// all others nothing. Qlik's own groups that it does not name, and groups that it is not sure of, stay as far as it says nothing.
    pub fn with_the_rest(self, inventory: &Inventory) -> Vec<(GroupId, RoleEdit)> {
        let Self { edits, unsure, .. } = self;
        let named: HashSet<GroupId> = edits.iter().map(|(id, _)| id.clone()).collect();
        let exact = |(id, edit): (GroupId, RoleEdit)| match edit {
            RoleEdit::Change { add, .. } if !unsure.contains(&id) => (id, RoleEdit::Set(add)),
            edit => (id, edit),
        };
        let rest = inventory
            .groups
            .iter()
            .filter(|group| group.provider != Provider::System && !named.contains(&group.id) && !unsure.contains(&group.id));
        edits.into_iter().map(exact).chain(rest.map(|group| (group.id.clone(), RoleEdit::Set(BTreeSet::new())))).collect()
    }
}

/// The headings of a table of these roles: each by its name, or by its id where the name is another role's as well, or a heading.
pub fn matrix_headings<'a>(roles: &[&'a Role], inventory: &Inventory) -> Vec<&'a str> {
    let mut called: HashMap<&str, u32> = HashMap::new();
    for role in &inventory.roles {
        *called.entry(role.name.trim()).or_default() += 1;
    }
    let heading = |role: &&'a Role| {
        let name = role.name.as_str();
        let clear = called.get(name.trim()) == Some(&1) && !is_own(name) && !name.trim().is_empty();
        if clear { name } else { role.id.as_str() }
    };
    [NAME, ID].into_iter().chain(roles.iter().map(heading)).collect()
}

/// Whether a heading is that of the groups themselves.
fn is_own(heading: &str) -> bool {
    matches!(text::folded(heading.trim()).as_str(), "group" | "name" | "group name" | "id" | "group id")
}

/// The lines of a table of these groups and roles.
pub fn matrix_rows(groups: &[&Group], roles: &[&Role]) -> Vec<Vec<Field>> {
    let cell = |group: &Group, role: &Role| match &group.roles {
        None => NOT_VISIBLE,
        Some(given) if given.contains(&role.id) => "x",
        Some(_) => "",
    };
    let line = |group: &&Group| {
        let own = [Field::new(&group.name), Field::new(group.id.as_str())];
        own.into_iter().chain(roles.iter().map(|role| Field::new(cell(group, role)))).collect()
    };
    groups.iter().map(line).collect()
}

/// What a column is.
enum Column<'a> {
    Name,
    Id,
    Role(&'a RoleId),
    /// It says nothing of roles, as where the group comes from.
    Other,
}

/// Reads a matrix.
pub fn matrix(bytes: &[u8], inventory: &Inventory) -> Result<MatrixList, ListError> {
    let text = text_of(bytes)?;
    let Cells { lines, open_quote } = cells(&text)?;
    if let Some(number) = open_quote {
        return Err(ListError::Quote(number));
    }
    let mut list = MatrixList::default();
    let Some(((at, headings), rows)) = lines.split_first() else { return Err(ListError::Empty) };
    if headings.len() > MOST_COLUMNS {
        let columns = text::thousands(text::whole(headings.len()));
        list.faults.push(format!("Line {at} names {columns} columns; a tenant has no more than {MOST_COLUMNS} roles."));
        return Ok(list);
    }
    let columns = columns(*at, headings, inventory, &mut list.faults);
    let reader = Reader::new(inventory, headings, &columns);
    let mut seen: HashMap<GroupId, u64> = HashMap::new();
    for (line, cells) in rows {
        match reader.line(cells) {
            Ok((group, edit, is_sure)) => {
                if !is_sure {
                    list.unsure.insert(group.clone());
                }
                if let Some(first) = seen.insert(group.clone(), *line) {
                    list.faults.push(format!("Line {line} names the same group as line {first}."));
                }
                if let Some(edit) = edit {
                    list.edits.push((group, edit));
                }
            }
            Err(why) => list.faults.push(format!("Line {line}: {why}.")),
        }
        // More than anybody reads before mending them.
        if list.faults.len() > MOST_FAULTS {
            break;
        }
    }
    Ok(list)
}

fn columns<'a>(line: u64, headings: &[String], inventory: &'a Inventory, faults: &mut Vec<String>) -> Vec<Column<'a>> {
    let mut by_name: HashMap<&str, Vec<&RoleId>> = HashMap::new();
    for role in &inventory.roles {
        by_name.entry(role.name.trim()).or_default().push(&role.id);
    }
    for role in &inventory.roles {
        by_name.entry(role.id.as_str()).or_insert_with(|| vec![&role.id]);
    }
    let mut seen: HashSet<&RoleId> = HashSet::new();
    let columns: Vec<Column<'_>> = headings
        .iter()
        .map(|heading| match text::folded(heading).as_str() {
            "group" | "name" | "group name" => Column::Name,
            "id" | "group id" => Column::Id,
            "" => Column::Other,
            folded => {
                let shown = text::shortened(heading);
                match by_name.get(heading.as_str()).map(Vec::as_slice) {
                    None if matches!(folded, "source" | "status" | "members" | "description") => Column::Other,
                    Some([role]) => {
                        if !seen.insert(role) {
                            faults.push(format!("Line {line} names the role “{shown}” twice."));
                        }
                        Column::Role(role)
                    }
                    Some(_) => {
                        faults.push(format!("Line {line}: several roles are called “{shown}”; use the ID of the one you mean."));
                        Column::Other
                    }
                    None => {
                        faults.push(format!("Line {line}: there is no role “{shown}”."));
                        Column::Other
                    }
                }
            }
        })
        .collect();
    let several = |is: fn(&Column<'_>) -> bool| columns.iter().filter(|column| is(column)).count() > 1;
    for (name, twice) in
        [(NAME, several(|column| matches!(column, Column::Name))), (ID, several(|column| matches!(column, Column::Id)))]
    {
        if twice {
            faults.push(format!("Line {line} has more than one column “{name}”."));
        }
    }
    if !columns.iter().any(|column| matches!(column, Column::Name | Column::Id)) {
        faults.push(format!("Line {line} has no column “{NAME}” or “{ID}” that says which group a line is about."));
    }
    columns
}

struct Reader<'a> {
    by_name: HashMap<&'a str, Vec<&'a Group>>,
    by_id: HashMap<&'a str, &'a Group>,
    headings: &'a [String],
    columns: &'a [Column<'a>],
}

impl<'a> Reader<'a> {
    fn new(inventory: &'a Inventory, headings: &'a [String], columns: &'a [Column<'a>]) -> Self {
        let mut by_name: HashMap<&str, Vec<&Group>> = HashMap::new();
        for group in &inventory.groups {
            by_name.entry(group.name.trim()).or_default().push(group);
        }
        let by_id = inventory.groups.iter().map(|group| (group.id.as_str(), group)).collect();
        Self { by_name, by_id, headings, columns }
    }

    /// The group of a line, what becomes of it, and whether all its cells say something; or why not, as the rest of a sentence.
    fn line(&self, cells: &[String]) -> Result<(GroupId, Option<RoleEdit>, bool), String> {
        if cells.iter().skip(self.columns.len()).any(|cell| !cell.is_empty()) {
            return Err(format!("it has more cells than the {} of the first line", self.columns.len()));
        }
        // A cell that is missing is not one that says no.
        if cells.len() < self.columns.len() {
            return Err(format!("it has fewer cells than the {} of the first line", self.columns.len()));
        }
        let group = self.group(cells)?;
        let (mut add, mut remove, mut is_sure) = (BTreeSet::new(), BTreeSet::new(), true);
        for ((column, cell), heading) in self.columns.iter().zip(cells).zip(self.headings) {
            let Column::Role(role) = column else { continue };
            match text::folded(cell).as_str() {
                "x" | "1" | "yes" | "true" | "✓" => {
                    add.insert((*role).clone());
                }
                "" | "0" | "no" | "false" | "-" => {
                    remove.insert((*role).clone());
                }
                NOT_VISIBLE => is_sure = false,
                other => {
                    let (other, heading) = (text::shortened(other), text::shortened(heading));
                    return Err(format!("“{other}” below “{heading}” is neither x nor empty"));
                }
            }
        }
        let named = !add.is_empty() || !remove.is_empty();
        Ok((group.id.clone(), named.then_some(RoleEdit::Change { add, remove }), is_sure))
    }

    fn group(&self, cells: &[String]) -> Result<&'a Group, String> {
        let cell = |wanted: fn(&Column<'_>) -> bool| {
            let at = self.columns.iter().position(wanted)?;
            cells.get(at).map(String::as_str).filter(|cell| !cell.is_empty())
        };
        let name = cell(|column| matches!(column, Column::Name));
        if let Some(id) = cell(|column| matches!(column, Column::Id)) {
            let group = self.by_id.get(id).copied().ok_or_else(|| format!("no group has the ID “{}”", text::shortened(id)))?;
            // A line that was sorted without its id would give roles to another group.
            return match name {
                Some(name) if name != group.name.trim() => {
                    let (id, name) = (text::shortened(id), text::shortened(name));
                    Err(format!("the ID “{id}” belongs to “{}”, not to “{name}”", text::shortened(&group.name)))
                }
                _ => Ok(group),
            };
        }
        let name = name.ok_or_else(|| "it names no group".to_owned())?;
        match self.by_name.get(name).map(Vec::as_slice) {
            Some([group]) => Ok(group),
            Some(_) => Err(format!("several groups are called “{}”; add a column “{ID}”", text::shortened(name))),
            None => Err(format!("no group is called “{}”", text::shortened(name))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::write;
    use crate::inventory::RoleLevel;

    fn role(id: &str, name: &str) -> Role {
        Role {
            id: RoleId::new(id),
            name: name.into(),
            description: String::new(),
            custom: false,
            level: RoleLevel::User,
            raises_entitlement: false,
            permissions: Vec::new(),
        }
    }

    fn group(id: &str, name: &str, roles: Option<&[&str]>) -> Group {
        Group {
            id: GroupId::new(id),
            name: name.into(),
            description: String::new(),
            status: "active".into(),
            provider: Provider::Custom,
            roles: roles.map(|roles| roles.iter().map(|id| RoleId::new(*id)).collect()),
            created: String::new(),
            created_by: String::new(),
            updated: String::new(),
        }
    }

    fn tenant() -> Inventory {
        Inventory {
            groups: vec![
                group("g1", "Sales; EMEA", Some(&["r1"])),
                group("g2", "=Finance", Some(&["r2", "r3"])),
                group("g3", "Twin", None),
                group("g4", "Twin", Some(&[])),
            ],
            roles: vec![role("r1", "Steward"), role("r2", "Developer"), role("r3", "Auditor")],
            ..Inventory::default()
        }
    }

    fn ids(ids: &[&str]) -> BTreeSet<RoleId> {
        ids.iter().map(|id| RoleId::new(*id)).collect()
    }

    #[test]
    fn what_is_written_and_read_back_changes_nothing() {
        let tenant = tenant();
        let (groups, roles): (Vec<&Group>, Vec<&Role>) = (tenant.groups.iter().collect(), tenant.roles.iter().take(2).collect());
        let file = write(&matrix_headings(&roles, &tenant), matrix_rows(&groups, &roles));
        let list = matrix(&file, &tenant).unwrap();
        assert_eq!(list.faults, Vec::<String>::new());
        for (id, edit) in &list.edits {
            let now = tenant.group(id).unwrap().roles.clone().unwrap();
            // The role that the file does not name stays.
            assert_eq!(edit.on(&now), now, "{id}");
        }
        assert_eq!(list.edits.len(), 3, "of a group whose roles are not visible nothing is wanted");
    }

    #[test]
    fn a_role_of_any_name_comes_back() {
        let roles =
            vec![role("r1", "Members"), role("r2", "Group"), role("r3", "Twice"), role("r4", "Twice"), role("r5", "=1+1")];
        let groups = vec![group("g1", " Padded ", Some(&["r1", "r4", "r5"]))];
        let tenant = Inventory { groups, roles, ..Inventory::default() };
        let shown: Vec<&Role> = tenant.roles.iter().collect();
        let file = write(&matrix_headings(&shown, &tenant), matrix_rows(&tenant.groups.iter().collect::<Vec<_>>(), &shown));
        assert!(
            String::from_utf8(file.clone()).unwrap().contains(",Members,r2,r3,r4,'=1+1"),
            "nothing that a spreadsheet would run"
        );
        let list = matrix(&file, &tenant).unwrap();
        assert_eq!(list.faults, Vec::<String>::new());
        let now = tenant.groups[0].roles.clone().unwrap();
        assert_eq!(list.edits.len(), 1);
        assert_eq!(list.edits[0].1, RoleEdit::Change { add: now, remove: ids(&["r2", "r3"]) });
        // A cell that some editor cut off says nothing.
        assert_eq!(
            matrix(b"ID,Members,r2\ng1,x\n", &tenant).unwrap().faults,
            ["Line 2: it has fewer cells than the 3 of the first line."]
        );
    }

    #[test]
    fn only_what_is_named_is_wanted() {
        let list = matrix(b"Group,Steward\n=Finance,yes\n", &tenant()).unwrap();
        assert_eq!(list.edits, [(GroupId::new("g2"), RoleEdit::Change { add: ids(&["r1"]), remove: ids(&[]) })]);
        let list = matrix(b"ID;Auditor;Source\r\ng2;;idp\r\n", &tenant()).unwrap();
        assert_eq!(list.edits, [(GroupId::new("g2"), RoleEdit::Change { add: ids(&[]), remove: ids(&["r3"]) })]);
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let file = "Group,ID,Steward,Nobody,Steward\nTwin,,x,,\nNone,,x,,\n=Finance,g1,x,,\nTwin,g4,maybe,,\n,,x,,\n=Finance,,x,,,x\n\nTwin,g4,x,,\nTwin,g4,x,,\nA,g9,,,\n";
        assert_eq!(
            matrix(file.as_bytes(), &tenant()).unwrap().faults,
            [
                "Line 1: there is no role “Nobody”.",
                "Line 1 names the role “Steward” twice.",
                "Line 2: several groups are called “Twin”; add a column “ID”.",
                "Line 3: no group is called “None”.",
                "Line 4: the ID “g1” belongs to “Sales; EMEA”, not to “=Finance”.",
                "Line 5: “maybe” below “Steward” is neither x nor empty.",
                "Line 6: it names no group.",
                "Line 7: it has more cells than the 5 of the first line.",
                "Line 10 names the same group as line 9.",
                "Line 11: no group has the ID “g9”.",
            ]
        );
        let list = matrix(b"Group,Group,Steward\nTwin,=Finance,x\n", &tenant()).unwrap();
        assert_eq!(list.faults[0], "Line 1 has more than one column “Group”.");
        let list = matrix(b"Team,Steward\nSales,x\n", &tenant()).unwrap();
        assert!(list.faults.iter().any(|fault| fault.contains("no column “Group” or “ID”")), "{:?}", list.faults);
    }

    #[test]
    fn as_the_state_of_all_it_takes_what_it_does_not_name() {
        let mut inventory = Inventory {
            roles: vec![role("r1", "One"), role("r2", "Two")],
            groups: vec![
                group("a", "A", Some(&["r1", "r2"])),
                group("b", "B", Some(&["r2"])),
                group("c", "C", Some(&["r1"])),
                group("e", "Everyone", Some(&["r1"])),
            ],
            ..Inventory::default()
        };
        inventory.groups[3].provider = Provider::System;
        let ids = |ids: &[&str]| ids.iter().map(|id| RoleId::new(*id)).collect::<BTreeSet<_>>();
        let list = matrix(b"Group,One\nA,x\nC,not visible\n", &inventory).unwrap();
        assert!(list.faults.is_empty());
        let edits = list.with_the_rest(&inventory);
        let wanted = [(GroupId::new("a"), RoleEdit::Set(ids(&["r1"]))), (GroupId::new("b"), RoleEdit::Set(ids(&[])))];
        assert_eq!(edits, wanted, "of C it knows nothing, and Everyone is not named");
        let plan = crate::plan::draw_up(&inventory, crate::plan::Intent::EditEach { edits, rest: true }).unwrap();
        let typed = plan.confirmation(crate::plan::Limits::default()).unwrap();
        assert_eq!((typed.number, typed.what.as_str()), (2, "remove 2 roles from 2 groups"));
    }
}
