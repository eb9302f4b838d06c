//! Which column of a list says what.

use serde::{Deserialize, Serialize};

/// What a column can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Column {
    /// The user's id in the tenant.
    UserId,
    /// The IdP subject.
    Subject,
    /// The person's name; read by people, not by us.
    Name,
    /// The person's mail.
    Mail,
    /// Which license.
    License,
    /// The subject a person's licenses shall move to.
    NewSubject,
    /// Roles; read by people, not by us.
    Roles,
    /// A mark; read by people, not by us.
    Flag,
    /// What is to be done with this line.
    Change,
}

impl Column {
    /// All of them, in the order of the usual spreadsheet.
    pub const ALL: [Self; 9] = [
        Self::UserId,
        Self::Name,
        Self::Subject,
        Self::Mail,
        Self::Roles,
        Self::License,
        Self::Flag,
        Self::NewSubject,
        Self::Change,
    ];

    /// Its heading, as we write it.
    pub fn heading(self) -> &'static str {
        match self {
            Self::UserId => "userId",
            Self::Subject => "Subject",
            Self::Name => "Name",
            Self::Mail => "Email",
            Self::License => "Licence",
            Self::NewSubject => "New subject",
            Self::Roles => "Roles",
            Self::Flag => "Flag",
            Self::Change => "Change",
        }
    }

    /// Reads a heading, however it is spelled.
    pub fn named(heading: &str) -> Option<Self> {
        let word: String = heading.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        Some(match word.as_str() {
            "userid" | "id" | "qlikuserid" => Self::UserId,
            "subject" | "idpsubject" | "usersubject" | "sub" | "user" | "username" | "login" | "account" => Self::Subject,
            "name" | "fullname" | "displayname" | "person" => Self::Name,
            "email" | "mail" | "emailaddress" | "mailaddress" => Self::Mail,
            "licence" | "license" | "licencetype" | "licensetype" | "allotment" | "type" | "entitlement" => Self::License,
            "newsubject" | "newidpsubject" | "renameto" | "tosubject" => Self::NewSubject,
            "roles" | "role" | "assignedroles" => Self::Roles,
            "flag" | "flags" => Self::Flag,
            "change" | "action" => Self::Change,
            _ => return None,
        })
    }
}

/// Which column of a list says what, by its place. A column that says nothing of ours is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Mapping(pub Vec<Option<Column>>);

impl Mapping {
    /// Guesses from the headings; without any, from what the first cells look like. The first column of a kind wins.
    pub fn guess(headings: Option<&[String]>, first: &[String]) -> Self {
        let mut columns: Vec<Option<Column>> = match headings {
            Some(headings) => headings.iter().map(|heading| Column::named(heading)).collect(),
            None => first
                .iter()
                .enumerate()
                .map(|(at, cell)| match at {
                    0 if cell.contains('@') && !cell.contains(['\\', '|']) => Some(Column::Mail),
                    0 => Some(Column::Subject),
                    1 => Some(Column::License),
                    _ => None,
                })
                .collect(),
        };
        let mut seen = Vec::new();
        for column in &mut columns {
            match column {
                Some(known) if seen.contains(known) => *column = None,
                Some(known) => seen.push(*known),
                None => {}
            }
        }
        Self(columns)
    }

    /// Where a kind of column is.
    pub fn place(&self, of: Column) -> Option<usize> {
        self.0.iter().position(|column| *column == Some(of))
    }
}
