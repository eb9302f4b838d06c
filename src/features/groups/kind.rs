//! What the table of groups is: its rows, cells, widths and links.

use std::borrow::Cow;

use domain::groups::{Column, Row, Table};

use super::field::Field;
use super::view::{GroupLine, Members};
use crate::features::table::{Cell, Choice, Kind};
use crate::ui::query::escape;

impl From<Row<'_>> for GroupLine {
    fn from(row: Row<'_>) -> Self {
        Self {
            id: row.id().to_owned(),
            name: row.name().to_owned(),
            description: row.description().to_owned(),
            provider: row.provider().label().to_owned(),
            status: row.status().to_owned(),
            roles: row.role_count().map(|roles| u32::try_from(roles).unwrap_or(u32::MAX)),
            admin: row.admin(),
            members: row.members().map_or(Members::NotVisible, |members| Members::Known(members.into())),
            created: row.created().map(|day| day.to_string()).unwrap_or_default(),
            updated: row.updated().map(|day| day.to_string()).unwrap_or_default(),
        }
    }
}

impl Kind for Table {
    const ROOM: &'static str = "groups";
    const LABEL: &'static str = "Groups";
    const OPENS: &'static str = "the group";
    const SEARCHES: &'static str = "Name or description";
    const PARTS: [&'static str; 2] = ["groups-outline", "groups-block"];
    const GIVEN_UP: &'static [Column] =
        &[Column::Created, Column::Description, Column::Updated, Column::Source, Column::Status, Column::Members, Column::Flags];

    type Line = GroupLine;
    type Known = ();
    type Field = Field;

    fn line(&self, at: u32) -> Option<GroupLine> {
        self.row(at).map(GroupLine::from)
    }

    fn key_of(line: &GroupLine) -> &str {
        &line.id
    }

    fn select_label(line: &GroupLine) -> String {
        format!("Select {}", line.name)
    }

    // A group has a page of its own.
    fn is_open(&self, _: u32, _: &str) -> bool {
        false
    }

    fn href(here: &str, line: &GroupLine) -> String {
        let room = here.split_once('?').map_or(here, |(room, _)| room);
        format!("{room}/{}", escape(&line.id))
    }

    fn class(column: Column) -> &'static str {
        match column {
            Column::Name => "cell c-name",
            Column::Description => "cell c-description muted",
            Column::Source => "cell c-source muted",
            Column::Status => "cell c-status",
            Column::Roles => "cell c-roles num",
            Column::Flags => "cell c-flags",
            Column::Members => "cell c-members num",
            Column::Created => "cell c-created num",
            Column::Updated => "cell c-updated num",
        }
    }

    fn usual_width(column: Column) -> u32 {
        match column {
            Column::Name => 288,
            Column::Description => 240,
            Column::Source => 144,
            Column::Flags | Column::Created | Column::Updated => 112,
            Column::Status | Column::Roles | Column::Members => 96,
        }
    }

    fn cell(line: &GroupLine, column: Column, (): ()) -> Cell<'_> {
        match column {
            Column::Name => Cell::Name { text: &line.name, mono: false, beside: "", words: true },
            Column::Description => Cell::Text(Cow::Borrowed(&line.description)),
            Column::Source => Cell::Text(Cow::Borrowed(&line.provider)),
            Column::Status if line.status == "active" => Cell::Muted("active".into()),
            Column::Status => Cell::Text(Cow::Borrowed(&line.status)),
            Column::Roles => match line.roles {
                Some(roles) => Cell::Text(roles.to_string().into()),
                None => Cell::Muted("not visible".into()),
            },
            Column::Flags => {
                let disabled = (line.status != "active").then(|| ("chip warn", Cow::Owned(line.status.clone())));
                let admin = line.admin.then_some(("chip warn", Cow::Borrowed("admin role")));
                Cell::Chips([admin, disabled].into_iter().flatten().collect())
            }
            Column::Members => match line.members {
                Members::NotVisible => Cell::Muted(line.members.words().into()),
                members => Cell::Text(members.words().into()),
            },
            Column::Created => Cell::Text(Cow::Borrowed(&line.created)),
            Column::Updated => Cell::Text(Cow::Borrowed(&line.updated)),
        }
    }

    fn name_of(&self, id: &str) -> Option<String> {
        self.names().roles.iter().find(|(known, _, _)| known.as_str() == id).map(|(_, name, _)| name.clone())
    }

    fn offered(&self, field: Field) -> Option<Vec<Choice>> {
        let roles = &self.names().roles;
        let choice = |(id, name): (String, &String)| Choice { value: id, label: name.clone(), rows: None };
        let named = || roles.iter().map(|(id, name, _)| choice((id.to_string(), name))).collect();
        (field == Field::Role && !roles.is_empty()).then(named)
    }
}

#[cfg(test)]
mod tests {
    use domain::table::Column as _;

    use super::*;
    use crate::features::table::testing::fitting;

    #[test]
    fn what_does_not_fit_is_left_out_but_never_the_name_and_the_roles() {
        assert_eq!(fitting::<Table>(Column::USUAL.to_vec(), 1_200.0), Column::USUAL);
        assert_eq!(fitting::<Table>(Column::ALL.to_vec(), 0.0), [Column::Name, Column::Roles]);
    }

    #[test]
    fn a_group_has_its_own_page() {
        let line = GroupLine {
            id: "a/b".into(),
            name: "G".into(),
            description: String::new(),
            provider: String::new(),
            status: "active".into(),
            roles: None,
            admin: false,
            members: Members::NotVisible,
            created: String::new(),
            updated: String::new(),
        };
        assert_eq!(Table::href("/t/x/groups?q=g&sort=-roles", &line), "/t/x/groups/a%2Fb");
        assert_eq!(Table::cell(&line, Column::Roles, ()), Cell::Muted("not visible".into()));
    }
}
