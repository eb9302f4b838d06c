//! Filters of the groups table. Each has a type of its own, and a form in the address.

use serde::{Deserialize, Serialize};

use super::{Row, Table, flag};
use crate::inventory::{Provider, RoleId};
use crate::table::{self, Codes, Day, Filter as _, OneOf, Range, Rows as _, with_words};
use crate::text;

/// Where a group comes from, as an address has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Source(pub Provider);

impl Source {
    /// Reads `idp` or `custom`.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "idp" => Some(Self(Provider::Idp)),
            "custom" => Some(Self(Provider::Custom)),
            _ => None,
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Provider::Idp => "idp",
            Provider::Custom => "custom",
            Provider::System => "system",
        })
    }
}

/// Which groups a view shows. A group whose roles or members may not be seen passes no filter that would take that for none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Words that occur in the name or the description; neither order, case nor accents matter.
    pub text: String,
    /// By where the group comes from.
    pub source: OneOf<Source>,
    /// By the group's status.
    pub status: OneOf<String>,
    /// By roles that it gives.
    pub role: OneOf<RoleId>,
    /// What gives a role that manages the tenant, or does not.
    pub admin: Option<bool>,
    /// By how many roles it gives.
    pub roles: Range,
    /// By how many people are in it.
    pub members: Range,
    /// Only groups made on this day or later.
    pub created_from: Option<Day>,
    /// Only groups made on this day or earlier.
    pub created_to: Option<Day>,
    /// Only groups that Qlik last changed on this day or later.
    pub updated_from: Option<Day>,
    /// Only groups that Qlik last changed on this day or earlier.
    pub updated_to: Option<Day>,
}

/// Whether a day, as a number and 0 where there is none, lies between two bounds.
fn between(day: u32, from: Option<Day>, to: Option<Day>) -> bool {
    from.is_none_or(|from| day >= from.number()) && to.is_none_or(|to| (1..=to.number()).contains(&day))
}

/// Places of the rows that pass `filter`, in the table's own order.
pub(super) fn matching(table: &Table, filter: &Filter) -> Vec<u32> {
    if filter.is_empty() {
        return table.every().collect();
    }
    let (names, columns) = (&*table.names, &*table.columns);
    // Code 0 stands for none.
    let status = Codes::of(&filter.status, 1, |word| names.statuses.iter().position(|known| known == word));
    let role = Codes::of(&filter.role, 0, |id| names.roles.iter().position(|(known, _, _)| known == id));
    let passes = |at: &u32| {
        let row = Row { table, at: *at };
        let roles_seen = !row.flag(flag::ROLES_HIDDEN);
        let source = &filter.source;
        (!source.is_set() || source.values.contains(&Source(row.provider())) != source.not)
            && status.as_ref().is_none_or(|wanted| wanted.take(columns.statuses.get(*at as usize).copied().unwrap_or_default()))
            && role.as_ref().is_none_or(|wanted| wanted.take_any(columns.roles.get(*at), roles_seen))
            && filter.admin.is_none_or(|wanted| row.admin() == wanted && (wanted || roles_seen))
            && (!filter.roles.is_set() || row.role_count().is_some_and(|roles| filter.roles.takes(roles)))
            && (!filter.members.is_set() || row.members().is_some_and(|members| filter.members.takes(members as usize)))
            && between(row.number(&columns.created), filter.created_from, filter.created_to)
            && between(row.number(&columns.updated), filter.updated_from, filter.updated_to)
    };
    let needle = text::folded(filter.text.trim());
    with_words(&columns.folded, &needle, table.len()).into_iter().filter(passes).collect()
}

impl Filter {
    fn read(&mut self, key: &str, value: &str) {
        match key {
            "q" => value.clone_into(&mut self.text),
            "source" => self.source.read(value, Source::parse),
            "status" => self.status.read(value, |word| Some(word.to_owned())),
            "role" => self.role.read(value, |id| Some(RoleId::new(id))),
            "flag" => {
                for word in value.split(',') {
                    match word {
                        "admin" => self.admin = Some(true),
                        "not-admin" => self.admin = Some(false),
                        _ => {}
                    }
                }
            }
            "created-from" => self.created_from = Day::parse(value),
            "created-to" => self.created_to = Day::parse(value),
            "updated-from" => self.updated_from = Day::parse(value),
            "updated-to" => self.updated_to = Day::parse(value),
            "not" => {
                for key in value.split(',') {
                    match key {
                        "source" => self.source.not = true,
                        "status" => self.status.not = true,
                        "role" => self.role.not = true,
                        _ => {}
                    }
                }
            }
            _ => {
                let (key, bound) = key.split_once('-').unwrap_or((key, ""));
                match key {
                    "roles" => self.roles.read(bound, value),
                    "members" => self.members.read(bound, value),
                    _ => {}
                }
            }
        }
    }
}

impl table::Filter for Filter {
    fn from_pairs(pairs: &[(&str, &str)]) -> Self {
        let mut filter = Self::default();
        for (key, value) in pairs {
            filter.read(key, value);
        }
        // A choice that is turned round and names no value asks for nothing.
        filter.source.not &= filter.source.is_set();
        filter.status.not &= filter.status.is_set();
        filter.role.not &= filter.role.is_set();
        filter
    }

    fn to_pairs(&self) -> Vec<(&'static str, String)> {
        let turned = [(self.source.not, "source"), (self.status.not, "status"), (self.role.not, "role")];
        let turned: Vec<&str> = turned.into_iter().filter(|(not, _)| *not).map(|(_, key)| key).collect();
        let day = |day: Option<Day>| day.map(|day| day.to_string());
        [
            ("q", (!self.text.is_empty()).then(|| self.text.clone())),
            ("source", self.source.word()),
            ("status", self.status.word()),
            ("role", self.role.word()),
            ("flag", self.admin.map(|admin| if admin { "admin" } else { "not-admin" }.to_owned())),
            ("roles", self.roles.word()),
            ("members", self.members.word()),
            ("created-from", day(self.created_from)),
            ("created-to", day(self.created_to)),
            ("updated-from", day(self.updated_from)),
            ("updated-to", day(self.updated_to)),
            ("not", (!turned.is_empty()).then(|| turned.join(","))),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect()
    }

    fn chosen(&self) -> Self {
        Self {
            source: self.source.clone(),
            status: self.status.clone(),
            role: self.role.clone(),
            admin: self.admin,
            ..Self::default()
        }
    }
}
