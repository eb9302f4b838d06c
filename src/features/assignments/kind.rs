//! What the table of people and licenses is: its rows, cells, widths and links.

use std::borrow::Cow;

use domain::assignments::{Column, Table};
use domain::text;

use super::field::Field;
use super::person::with_person;
use super::view::{RowLine, UsesState};
use crate::features::table::{Cell, Choice, Kind};

impl Kind for Table {
    const ROOM: &'static str = "assignments";
    const LABEL: &'static str = "People and licenses";
    const OPENS: &'static str = "the person";
    const SEARCHES: &'static str = "Name, subject or email";
    const PARTS: [&'static str; 2] = ["outline", "block"];
    const GIVEN_UP: &'static [Column] =
        &[Column::Roles, Column::Groups, Column::Status, Column::Mail, Column::Since, Column::Used, Column::Flags];

    type Line = RowLine;
    type Known = UsesState;
    type Field = Field;

    fn line(&self, at: u32) -> Option<RowLine> {
        self.row(at).map(RowLine::from)
    }

    fn key_of(line: &RowLine) -> &str {
        &line.key
    }

    fn select_label(line: &RowLine) -> String {
        let comma = if line.allotment.is_empty() { "" } else { ", " };
        format!("Select {}{comma}{}", line.who(), line.allotment)
    }

    fn is_open(&self, at: u32, open: &str) -> bool {
        self.row(at).is_some_and(|row| row.subject() == open || text::same(row.subject()) == text::same(open))
    }

    fn href(here: &str, line: &RowLine) -> String {
        with_person(here, &line.subject)
    }

    fn class(column: Column) -> &'static str {
        match column {
            Column::Person => "cell c-person",
            Column::Mail => "cell c-mail muted",
            Column::Allotment => "cell c-allotment",
            Column::Since => "cell c-since num",
            Column::Used => "cell c-used num",
            Column::Status => "cell c-status muted",
            Column::Flags => "cell c-flags",
            Column::Groups => "cell c-groups num",
            Column::Roles => "cell c-roles num",
        }
    }

    fn usual_width(column: Column) -> u32 {
        match column {
            Column::Person => 288,
            Column::Mail => 240,
            Column::Allotment => 128,
            Column::Flags | Column::Since => 112,
            Column::Status | Column::Used => 96,
            Column::Groups | Column::Roles => 80,
        }
    }

    fn cell(line: &RowLine, column: Column, known: UsesState) -> Cell<'_> {
        let figure = |figure: Option<u32>| match figure {
            Some(figure) => Cell::Text(figure.to_string().into()),
            None => Cell::Muted("not visible".into()),
        };
        match column {
            Column::Person => {
                Cell::Name { text: line.who(), mono: line.name.is_empty(), beside: beside_name(line), words: line.orphan }
            }
            Column::Mail => Cell::Text(Cow::Borrowed(&line.email)),
            Column::Allotment if line.allotment.is_empty() => Cell::Muted("none".into()),
            Column::Allotment => Cell::Text(Cow::Borrowed(&line.allotment)),
            Column::Since => Cell::Text(Cow::Borrowed(&line.since)),
            Column::Used => Cell::Text(match known {
                UsesState::Known => Cow::Borrowed(&*line.used),
                UsesState::Reading => "…".into(),
                UsesState::Closed | UsesState::Failed => "".into(),
            }),
            Column::Status => Cell::Text(Cow::Borrowed(&line.status)),
            Column::Flags => Cell::Chips(flags(line)),
            Column::Groups => figure(line.groups),
            Column::Roles => figure(line.roles),
        }
    }

    fn name_of(&self, id: &str) -> Option<String> {
        let names = self.names();
        let group = names.groups.iter().find(|(known, _)| known.as_str() == id).map(|(_, name)| name);
        group.or_else(|| names.roles.iter().find(|(known, _)| known.as_str() == id).map(|(_, name)| name)).cloned()
    }

    fn offered(&self, field: Field) -> Option<Vec<Choice>> {
        let choice = |(value, label): (String, &String)| Choice { value, label: label.clone(), rows: None };
        let names = self.names();
        let named: Vec<Choice> = match field {
            Field::Group => names.groups.iter().map(|(id, name)| choice((id.to_string(), name))).collect(),
            Field::Role => names.roles.iter().map(|(id, name)| choice((id.to_string(), name))).collect(),
            _ => return None,
        };
        (!named.is_empty()).then_some(named)
    }
}

/// What a row says of itself in its flags: the chip's class and its words.
fn flags(row: &RowLine) -> Vec<(&'static str, Cow<'static, str>)> {
    let mut flags: Vec<(&'static str, Cow<'static, str>)> = Vec::new();
    if row.excess {
        flags.push(("chip bad", "excess".into()));
    }
    if row.orphan {
        flags.push(("chip warn", "orphan".into()));
    }
    if row.bot {
        flags.push(("chip", "bot".into()));
    }
    if row.held > 1 {
        flags.push(("chip", format!("{} licenses", row.held).into()));
    }
    if matches!(row.status.as_str(), "disabled" | "deleted") {
        flags.push(("chip warn", row.status.clone().into()));
    }
    flags
}

/// What stands beside a person's name.
fn beside_name(row: &RowLine) -> &str {
    if row.orphan {
        "not a user of this tenant"
    } else if row.name.is_empty() {
        ""
    } else {
        &row.subject
    }
}

#[cfg(test)]
mod tests {
    use domain::table::Column as _;

    use super::*;
    use crate::features::table::testing::{fitting, in_menu, width_kept};

    #[test]
    fn hidden_columns_stand_where_they_usually_do() {
        assert_eq!(in_menu(Column::ALL), Column::ALL);
        let shown = [Column::Since, Column::Person];
        let menu = in_menu(&shown);
        assert_eq!(menu.len(), Column::ALL.len());
        assert_eq!(menu.iter().filter(|column| shown.contains(column)).copied().collect::<Vec<_>>(), shown);
        assert_eq!(menu.last(), Some(&Column::Allotment));
    }

    #[test]
    fn what_does_not_fit_is_left_out_but_never_who_and_what() {
        assert_eq!(fitting::<Table>(Column::USUAL.to_vec(), 1_400.0), Column::USUAL);
        assert_eq!(fitting::<Table>(Column::USUAL.to_vec(), 640.0).len(), 4);
        assert_eq!(fitting::<Table>(Column::USUAL.to_vec(), 0.0), [Column::Person, Column::Allotment]);
    }

    #[test]
    fn widths_stay_within_reason() {
        assert_eq!(width_kept::<Table>(Column::Mail, -5), 48);
        assert_eq!(width_kept::<Table>(Column::Mail, 5_000), 900);
        assert_eq!(Table::usual_width(Column::Since), 112);
    }
}
