//! Filters: which rows a view shows. Each has a type of its own, and a form in the address.

use serde::{Deserialize, Serialize};

use super::{Row, Table, Used, flag};
use crate::allotment::AllotmentName;
use crate::inventory::{GroupId, RoleId};
use crate::table::{self, Code, Codes, Day, Filter as _, OneOf, Range, Rows as _, with_words};
use crate::text;

/// How long somebody did not use Qlik.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Idle {
    /// Used within so many days.
    Within(u16),
    /// Not used for more than so many days, or never.
    Over(u16),
    /// No use at all in the consumption that Qlik keeps.
    Never,
}

impl Idle {
    /// Days where somebody names none.
    pub const USUAL: u16 = 30;

    /// Reads `within-30`, `over-30` or `never`; `over` alone means [`Self::USUAL`] days.
    pub fn parse(word: &str) -> Option<Self> {
        let days = |text: &str| text.parse::<u16>().ok();
        match word.split_once('-') {
            None if word == "over" => Some(Self::Over(Self::USUAL)),
            Some(("within", text)) => days(text).map(Self::Within),
            Some(("over", text)) => days(text).map(Self::Over),
            _ => (word == "never").then_some(Self::Never),
        }
    }

    /// The word in the address.
    pub fn word(self) -> String {
        match self {
            Self::Within(days) => format!("within-{days}"),
            Self::Over(days) => format!("over-{days}"),
            Self::Never => "never".to_owned(),
        }
    }

    fn takes(self, used: Used) -> bool {
        match (self, used.ago()) {
            (Self::Within(days), Some(ago)) => ago <= days,
            (Self::Over(days), Some(ago)) => ago > days,
            (Self::Over(_) | Self::Never, None) => used == Used::NEVER,
            (Self::Within(_), None) | (Self::Never, Some(_)) => false,
        }
    }
}

/// Which rows a view shows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Words that occur in the name, the subject or the mail; neither order, case nor accents matter.
    pub text: String,
    /// By the allotment of the license.
    pub allotment: OneOf<AllotmentName>,
    /// With or without any license.
    pub licensed: Option<bool>,
    /// What is given beyond the allotment, or not.
    pub excess: Option<bool>,
    /// Licenses whose subject is no user here, or all others.
    pub orphan: Option<bool>,
    /// Users of OAuth clients, or all others.
    pub bot: Option<bool>,
    /// By the user's status.
    pub status: OneOf<String>,
    /// Only licenses given on this day or later.
    pub from: Option<Day>,
    /// Only licenses given on this day or earlier.
    pub to: Option<Day>,
    /// By when Qlik was used last.
    pub idle: Option<Idle>,
    /// By groups that the user is in. Of whom that is not known, nobody passes.
    pub group: OneOf<GroupId>,
    /// By roles, had directly or by a group. Of whom that is not known, nobody passes who is not known to have one.
    pub role: OneOf<RoleId>,
    /// By how many licenses the subject holds.
    pub held: Range,
    /// By how many groups the user is in.
    pub groups: Range,
    /// By how many roles the user has.
    pub roles: Range,
}

/// A filter made ready for one table: words as codes.
struct Ready<'a> {
    filter: &'a Filter,
    allotment: Option<Codes>,
    status: Option<Codes>,
    group: Option<Codes>,
    role: Option<Codes>,
}

impl<'a> Ready<'a> {
    fn new(filter: &'a Filter, table: &Table) -> Self {
        let names = &table.names;
        Self {
            filter,
            // Code 0 stands for none.
            allotment: Codes::of(&filter.allotment, 1, |name| names.allotments.iter().position(|known| known == name)),
            status: Codes::of(&filter.status, 1, |name| names.statuses.iter().position(|known| known == name)),
            group: Codes::of(&filter.group, 0, |id| names.groups.iter().position(|(known, _)| known == id)),
            role: Codes::of(&filter.role, 0, |id| names.roles.iter().position(|(known, _)| known == id)),
        }
    }

    /// Everything but the text.
    fn passes(&self, row: Row<'_>) -> bool {
        let columns = &row.table.columns;
        let at = row.at as usize;
        let code = |codes: &[Code]| codes.get(at).copied().unwrap_or_default();
        let flags = columns.flags.get(at).copied().unwrap_or_default();
        let flag = |wanted: Option<bool>, bit: u8| wanted.is_none_or(|wanted| (flags & bit != 0) == wanted);
        let since = || columns.since.get(at).copied().unwrap_or_default();
        let filter = self.filter;
        let (groups, roles) = (|| columns.groups.get(row.at), || columns.roles.get(row.at));
        let person_known = flags & flag::UNREAD == 0;
        let (groups_whole, roles_whole) = (flags & flag::GROUPS_HIDDEN == 0, flags & flag::ROLES_HIDDEN == 0);
        self.allotment.as_ref().is_none_or(|wanted| wanted.take(code(&columns.allotments)))
            && filter.licensed.is_none_or(|wanted| (code(&columns.allotments) != 0) == wanted)
            && flag(filter.excess, flag::EXCESS)
            && flag(filter.orphan, flag::ORPHAN)
            && (filter.orphan != Some(false) || person_known)
            && flag(filter.bot, flag::BOT)
            && self.status.as_ref().is_none_or(|wanted| wanted.take(code(&columns.statuses)) && (!wanted.not || person_known))
            && filter.from.is_none_or(|from| since() >= from.number())
            && filter.to.is_none_or(|to| (1..=to.number()).contains(&since()))
            && filter.idle.is_none_or(|idle| idle.takes(row.used()))
            && self.group.as_ref().is_none_or(|wanted| wanted.take_any(groups(), groups_whole))
            && self.role.as_ref().is_none_or(|wanted| wanted.take_any(roles(), roles_whole))
            && filter.held.takes(row.held().into())
            && (!filter.groups.is_set() || groups_whole && filter.groups.takes(groups().len()))
            && (!filter.roles.is_set() || roles_whole && filter.roles.takes(roles().len()))
    }
}

/// Places of the rows that pass `filter`, in the table's own order.
pub(super) fn matching(table: &Table, filter: &Filter) -> Vec<u32> {
    if filter.is_empty() {
        return table.every().collect();
    }
    let ready = Ready::new(filter, table);
    let needle = text::folded(filter.text.trim());
    let only_text = *filter == Filter { text: filter.text.clone(), ..Filter::default() };
    let passes = |at: &u32| only_text || ready.passes(Row { table, at: *at });
    with_words(&table.columns.folded, &needle, table.len()).into_iter().filter(passes).collect()
}

impl Filter {
    /// Reads one pair of an address; what it does not know it leaves alone.
    fn read(&mut self, key: &str, value: &str) {
        match key {
            "q" => value.clone_into(&mut self.text),
            "allotment" => self.allotment.read(value, |word| Some(AllotmentName::new(word))),
            "license" => {
                self.licensed = match value {
                    "none" => Some(false),
                    "any" => Some(true),
                    _ => None,
                }
            }
            "flag" => {
                for word in value.split(',') {
                    let (word, on) = word.strip_prefix("not-").map_or((word, true), |word| (word, false));
                    match word {
                        "excess" => self.excess = Some(on),
                        "orphan" => self.orphan = Some(on),
                        "bot" => self.bot = Some(on),
                        // What it was called before it became a figure.
                        "several" if on => self.held = Range { least: Some(2), most: None },
                        _ => {}
                    }
                }
            }
            "status" => self.status.read(value, |word| Some(word.to_owned())),
            "from" => self.from = Day::parse(value),
            "to" => self.to = Day::parse(value),
            "group" => self.group.read(value, |id| Some(GroupId::new(id))),
            "role" => self.role.read(value, |id| Some(RoleId::new(id))),
            "not" => {
                for key in value.split(',') {
                    match key {
                        "allotment" => self.allotment.not = true,
                        "status" => self.status.not = true,
                        "group" => self.group.not = true,
                        "role" => self.role.not = true,
                        _ => {}
                    }
                }
            }
            _ => {
                let (key, bound) = key.split_once('-').unwrap_or((key, ""));
                match key {
                    "held" => self.held.read(bound, value),
                    "groups" => self.groups.read(bound, value),
                    "roles" => self.roles.read(bound, value),
                    _ => {}
                }
            }
        }
    }

    /// What was read, without what asks for nothing: a choice that is turned round and names no value.
    fn settled(mut self) -> Self {
        self.allotment.not &= self.allotment.is_set();
        self.status.not &= self.status.is_set();
        self.group.not &= self.group.is_set();
        self.role.not &= self.role.is_set();
        self
    }
}

impl table::Filter for Filter {
    fn from_pairs(pairs: &[(&str, &str)]) -> Self {
        let mut filter = Self::default();
        // A form says in two fields for how long somebody did not use Qlik.
        let mut days_follow = false;
        for (key, value) in pairs {
            match *key {
                "days" if days_follow => filter.idle = value.parse().ok().map(Idle::Over).or(filter.idle),
                "used" => {
                    days_follow = *value == "over";
                    filter.idle = Idle::parse(value);
                }
                key => filter.read(key, value),
            }
        }
        filter.settled()
    }

    fn chosen(&self) -> Self {
        let typed = Self::default();
        let (from, to, held, groups, roles) = (None, None, typed.held, typed.groups, typed.roles);
        Self { text: typed.text, from, to, held, groups, roles, ..self.clone() }
    }

    fn to_pairs(&self) -> Vec<(&'static str, String)> {
        let flag = |wanted: Option<bool>, word: &str| wanted.map(|on| if on { word.to_owned() } else { format!("not-{word}") });
        let flags = [flag(self.excess, "excess"), flag(self.orphan, "orphan"), flag(self.bot, "bot")];
        let joined = |words: Vec<String>| (!words.is_empty()).then(|| words.join(","));
        let turned =
            [(self.allotment.not, "allotment"), (self.status.not, "status"), (self.group.not, "group"), (self.role.not, "role")];
        let turned = turned.into_iter().filter(|(not, _)| *not).map(|(_, key)| key.to_owned()).collect();
        [
            ("q", (!self.text.is_empty()).then(|| self.text.clone())),
            ("allotment", self.allotment.word()),
            ("license", self.licensed.map(|licensed| if licensed { "any" } else { "none" }.to_owned())),
            ("flag", joined(flags.into_iter().flatten().collect())),
            ("status", self.status.word()),
            ("from", self.from.map(|day| day.to_string())),
            ("to", self.to.map(|day| day.to_string())),
            ("used", self.idle.map(Idle::word)),
            ("group", self.group.word()),
            ("role", self.role.word()),
            ("not", joined(turned)),
            ("held", self.held.word()),
            ("groups", self.groups.word()),
            ("roles", self.roles.word()),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect()
    }
}
