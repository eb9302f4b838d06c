//! Lists of groups to create: a name on each line, or a table whose first line names its columns. Nothing is guessed: what cannot
//! be read is told with its line, all of it at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Cells, ListError, cells, text_of};
use crate::change::CreateGroup;
use crate::inventory::{Provider, Role, RoleId, group_name};
use crate::roles::MAX_ROLES_PER_GROUP;
use crate::text;

/// The longest description, in characters. Qlik names no limit; this is more than anybody reads.
pub const LONGEST_DESCRIPTION: usize = 1_000;

/// What a list of groups comes to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupList {
    /// Groups, each with its line.
    pub groups: Vec<(u64, CreateGroup)>,
    /// What is wrong, as sentences in the order of the lines. Where there is any, nothing is to be planned.
    pub faults: Vec<String>,
}

/// A column of such a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Name,
    Description,
    Roles,
}

impl Column {
    fn named(heading: &str) -> Option<Self> {
        match text::folded(heading.trim()).replace([' ', '_', '-'], "").as_str() {
            "name" | "group" | "groupname" | "groups" => Some(Self::Name),
            "description" | "purpose" => Some(Self::Description),
            "roles" | "role" | "assignedroles" => Some(Self::Roles),
            _ => None,
        }
    }
}

/// More than a tenant can have: a list of more is not one of new groups.
const MOST: usize = 2 * crate::inventory::MAX_GROUPS;

/// Reads a list of groups. Where a line names neither description nor roles, those that are given here hold. `roles` are the
/// tenant's.
pub fn groups(bytes: &[u8], description: &str, given: &BTreeSet<RoleId>, roles: &[Role]) -> Result<GroupList, ListError> {
    let text = text_of(bytes)?;
    let new = |name: &str| CreateGroup {
        name: name.to_owned(),
        description: description.to_owned(),
        provider: Provider::Custom,
        roles: given.clone(),
    };
    let mut list = GroupList::default();
    match table(&text)? {
        Some(table) => table.read(&mut list, &new, &Names::of(roles)),
        // Names only: a comma is a letter of them.
        None => {
            for (line, name) in (1..).zip(text.lines()).filter(|(_, name)| !name.trim().is_empty()) {
                list.groups.push((line, new(name.trim())));
            }
        }
    }
    if list.groups.len() > MOST {
        let named = text::thousands(text::whole(list.groups.len()));
        return Ok(GroupList {
            groups: Vec::new(),
            faults: vec![format!("The list names {named} groups; a tenant can have 10,000.")],
        });
    }
    list.check();
    Ok(list)
}

/// Roles by what a list may call them.
struct Names<'a> {
    /// As written, or the id; nothing where several roles are called that.
    by_name: HashMap<&'a str, Option<&'a RoleId>>,
    /// The same without case.
    folded: HashMap<String, Option<&'a RoleId>>,
}

impl<'a> Names<'a> {
    fn of(roles: &'a [Role]) -> Self {
        let mut names = Self { by_name: HashMap::new(), folded: HashMap::new() };
        for role in roles {
            names.by_name.entry(&role.name).and_modify(|known| *known = None).or_insert(Some(&role.id));
            names.folded.entry(text::folded(&role.name)).and_modify(|known| *known = None).or_insert(Some(&role.id));
        }
        for role in roles {
            names.by_name.entry(role.id.as_str()).or_insert(Some(&role.id));
        }
        names
    }

    /// The role of a name, or why there is none, as the rest of a sentence.
    fn find(&self, name: &str) -> Result<&'a RoleId, String> {
        let found = self.by_name.get(name).or_else(|| self.folded.get(&text::folded(name)));
        let shown = text::shortened(name);
        match found {
            Some(Some(id)) => Ok(id),
            Some(None) => Err(format!("several roles are called “{shown}”; use the ID of the one you mean")),
            None => Err(format!("there is no role “{shown}”")),
        }
    }
}

/// A table of groups: its columns, and its lines below them.
struct Table {
    /// The line of its headings.
    headings: u64,
    columns: Vec<Option<Column>>,
    lines: Vec<(u64, Vec<String>)>,
}

/// A text as a table, where its first line names columns.
fn table(text: &str) -> Result<Option<Table>, ListError> {
    let Cells { mut lines, open_quote } = cells(text)?;
    let Some((_, headings)) = lines.first() else { return Ok(None) };
    let columns: Vec<Option<Column>> = headings.iter().map(|heading| Column::named(heading)).collect();
    // A name may hold a separator, and be one of these words. Two of them in one line are headings; so is the plain word above other lines.
    let known = columns.iter().flatten().count();
    let only = columns.len() == 1 && lines.len() > 1 && text::folded(&headings.concat()) == "name";
    if !columns.contains(&Some(Column::Name)) || (known < 2 && !only) {
        return Ok(None);
    }
    if let Some(number) = open_quote {
        return Err(ListError::Quote(number));
    }
    let (headings, _) = lines.remove(0);
    Ok(Some(Table { headings, columns, lines }))
}

impl Table {
    fn read(self, list: &mut GroupList, new: &impl Fn(&str) -> CreateGroup, names: &Names<'_>) {
        for (column, name) in [(Column::Name, "Name"), (Column::Description, "Description"), (Column::Roles, "Roles")] {
            if self.columns.iter().filter(|known| **known == Some(column)).count() > 1 {
                list.faults.push(format!("Line {} has more than one column “{name}”.", self.headings));
            }
        }
        let place = |wanted: Column| self.columns.iter().position(|column| *column == Some(wanted));
        let (name, description, roles) = (place(Column::Name), place(Column::Description), place(Column::Roles));
        for (line, cells) in &self.lines {
            let cell = |at: Option<usize>| at.and_then(|at| cells.get(at)).map_or("", String::as_str);
            if cells.iter().skip(self.columns.len()).any(|cell| !cell.is_empty()) {
                let width = self.columns.len();
                list.faults.push(format!("Line {line} has more cells than the {width} that the first line names."));
                continue;
            }
            let mut group = new(cell(name));
            if !cell(description).is_empty() {
                cell(description).clone_into(&mut group.description);
            }
            let mut wanted = cell(roles).split([';', '|', '\n']).map(str::trim).filter(|role| !role.is_empty()).peekable();
            if wanted.peek().is_some() {
                group.roles.clear();
            }
            for role in wanted {
                match names.find(role) {
                    Ok(id) => {
                        group.roles.insert(id.clone());
                    }
                    Err(why) => list.faults.push(format!("Line {line}: {why}.")),
                }
            }
            list.groups.push((*line, group));
        }
    }
}

impl GroupList {
    /// Finds what no group can be made of.
    fn check(&mut self) {
        let mut seen: BTreeMap<&str, u64> = BTreeMap::new();
        let mut faults = Vec::new();
        for (line, group) in &self.groups {
            if let Err(error) = group_name(&group.name) {
                faults.push(format!("Line {line}: {error}."));
            }
            if group.description.chars().count() > LONGEST_DESCRIPTION {
                faults.push(format!("Line {line}: the description can have at most 1,000 characters."));
            }
            if group.roles.len() > MAX_ROLES_PER_GROUP {
                let roles = group.roles.len();
                faults.push(format!("Line {line}: a group can have at most {MAX_ROLES_PER_GROUP} roles; {roles} are named."));
            }
            match seen.get(group.name.as_str()) {
                Some(first) if !group.name.is_empty() => {
                    faults.push(format!("Line {line} names the same group as line {first}."));
                }
                _ => {
                    seen.insert(&group.name, *line);
                }
            }
        }
        self.faults.extend(faults);
        // In the order of the lines, whatever they were found by.
        let line = |fault: &String| -> u64 {
            fault
                .chars()
                .skip_while(|c| !c.is_ascii_digit())
                .take_while(char::is_ascii_digit)
                .collect::<String>()
                .parse()
                .unwrap_or(0)
        };
        self.faults.sort_by_cached_key(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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

    fn read(text: &str) -> GroupList {
        let roles = [role("r1", "Steward"), role("r2", "Data Admin"), role("r3", "data admin")];
        groups(text.as_bytes(), "usual", &[RoleId::new("r9")].into(), &roles).unwrap()
    }

    fn told(list: &GroupList) -> Vec<String> {
        let ids = |roles: &BTreeSet<RoleId>| roles.iter().map(RoleId::as_str).collect::<Vec<_>>().join(",");
        list.groups.iter().map(|(line, g)| format!("{line} {} | {} | {}", g.name, g.description, ids(&g.roles))).collect()
    }

    #[test]
    fn names_are_lines_and_commas_belong_to_them() {
        let list = read("Sales, EMEA\n\n  Finance \nFinance;Ost\n");
        assert_eq!(told(&list), ["1 Sales, EMEA | usual | r9", "3 Finance | usual | r9", "4 Finance;Ost | usual | r9"]);
        assert!(list.faults.is_empty());
        // One of the words of headings is a name like any.
        let list = read("Sales | Group\nFinance | Group\n");
        assert_eq!(told(&list), ["1 Sales | Group | usual | r9", "2 Finance | Group | usual | r9"]);
        assert_eq!(told(&read("Group")), ["1 Group | usual | r9"]);
        assert_eq!(told(&read("Name\nA\n")), ["2 A | usual | r9"]);
    }

    #[test]
    fn a_table_says_more_of_each() {
        let list = read("\u{feff}Name;Description;Roles\r\nA;books;Steward|r2\r\n\"B;b\";;\r\nC;;\"steward; Data Admin\"\r\n");
        assert_eq!(told(&list), ["2 A | books | r1,r2", "3 B;b | usual | r9", "4 C | usual | r1,r2"]);
        assert!(list.faults.is_empty(), "{:?}", list.faults);
        assert_eq!(told(&read("sep=,\nRoles,Group name,Cost center\nSteward,A,12\n")), ["3 A | usual | r1"]);
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once_with_its_line() {
        let long = "x".repeat(257);
        let list = read(&format!("name,roles\nA,Nobody\nA,\n,\n{long},\nB\u{200b},DATA ADMIN\nC,Steward,1,2\n"));
        assert_eq!(
            list.faults,
            [
                "Line 2: there is no role “Nobody”.",
                "Line 3 names the same group as line 2.",
                "Line 5: a group name can have at most 256 characters; this one has 257.",
                "Line 6: several roles are called “DATA ADMIN”; use the ID of the one you mean.",
                "Line 6: the name contains an invisible character (U+200B); remove it.",
                "Line 7 has more cells than the 2 that the first line names.",
            ]
        );
        assert_eq!(read("Name,Description\n,books\n").faults, ["Line 2: the group needs a name."]);
        assert_eq!(read("Name,Name,Roles\nA,B,\n").faults, ["Line 1 has more than one column “Name”."]);
        assert_eq!(groups(b" \n", "", &BTreeSet::new(), &[]), Err(ListError::Empty));
        assert_eq!(groups(b"Name,Roles\n\"A,b\n", "", &BTreeSet::new(), &[]), Err(ListError::Quote(2)));
    }
}
