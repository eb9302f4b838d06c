//! Which column of a list says what.

use serde::{Deserialize, Serialize};

use super::{Directory, Line};

/// What a column can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Column {
    /// The user's id in the tenant.
    UserId,
    /// The IdP subject; or its second part, where another column has the first.
    Subject,
    /// The first part of a subject, such as a Windows domain or a user directory.
    Domain,
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
    pub const ALL: [Self; 10] = [
        Self::UserId,
        Self::Name,
        Self::Subject,
        Self::Mail,
        Self::Roles,
        Self::License,
        Self::Flag,
        Self::NewSubject,
        Self::Change,
        Self::Domain,
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
            Self::Domain => "Domain",
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
            "domain" | "userdirectory" | "directory" | "userdomain" | "addomain" => Self::Domain,
            _ => return None,
        })
    }
}

/// What a column without a heading says, by what most of its first cells are.
fn by_content(at: usize, lines: &[Line], directory: &Directory) -> Option<Column> {
    let cells: Vec<&str> = lines
        .iter()
        .take(super::SAMPLE)
        .filter_map(|line| line.cells.get(at))
        .map(String::as_str)
        .filter(|cell| !cell.is_empty())
        .collect();
    let most = |is: &dyn Fn(&str) -> bool| !cells.is_empty() && cells.iter().filter(|cell| is(cell)).count() * 2 > cells.len();
    let is_mail = |cell: &str| cell.contains('@') && !cell.contains(['\\', '|']);
    if most(&|cell| directory.by_subject(cell).is_some()) {
        Some(Column::Subject)
    } else if most(&|cell| directory.allotment(cell).is_some()) {
        Some(Column::License)
    } else if most(&is_mail) {
        Some(Column::Mail)
    } else if at > 0 && most(&|cell| directory.by_id(cell).is_some()) {
        Some(Column::UserId)
    } else if at > 0 && most(&|cell| !directory.by_name(cell).is_empty()) {
        Some(Column::Name)
    } else {
        match at {
            0 => Some(Column::Subject),
            // A license is one of a few words; names and the like differ from line to line.
            1 if cells.iter().collect::<std::collections::BTreeSet<_>>().len() <= 1 + cells.len() / 3 => Some(Column::License),
            _ => None,
        }
    }
}

/// Which column of a list says what, by its place. A column that says nothing of ours is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Mapping(pub Vec<Option<Column>>);

impl Mapping {
    /// Guesses from the headings; without any, from what the first lines look like. The first column of a kind wins.
    pub fn guess(headings: Option<&[String]>, lines: &[Line], directory: &Directory) -> Self {
        let mut columns: Vec<Option<Column>> = match headings {
            Some(headings) => headings.iter().map(|heading| Column::named(heading)).collect(),
            None => {
                let width = lines.iter().take(super::SAMPLE).map(|line| line.cells.len()).max().unwrap_or(0);
                (0..width).map(|at| by_content(at, lines, directory)).collect()
            }
        };
        // An id beside a domain is no id of Qlik's, but the second part of a subject.
        let has = |columns: &[Option<Column>], column| columns.contains(&Some(column));
        if has(&columns, Column::Domain) && !has(&columns, Column::Subject) {
            for column in columns.iter_mut().filter(|column| **column == Some(Column::UserId)) {
                *column = Some(Column::Subject);
            }
        }
        let mut seen = Vec::new();
        for column in &mut columns {
            match column {
                Some(directory) if seen.contains(directory) => *column = None,
                Some(directory) => seen.push(*directory),
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
