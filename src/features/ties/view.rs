//! What the licenses by group show, as they go to the browser.

use serde::{Deserialize, Serialize};

/// A group and the license that everyone in it is to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TieLine {
    /// The group's id.
    pub id: String,
    /// The id of the group that it is now: of one that came again under its name another. Nothing where none is read.
    pub group: Option<String>,
    /// Its name; the one it had when it was tied, where it is gone.
    pub name: String,
    /// All groups could be read: one that is not among them is gone.
    pub whole: bool,
    /// The license's name as Qlik spells it.
    pub allotment: String,
    /// The license's name for people.
    pub label: String,
    /// How it stands; `None` where that is not visible.
    pub counts: Option<Counts>,
    /// Who tied it and when.
    pub made: String,
}

/// How a tie stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Members who can sign in.
    pub members: u64,
    /// Of those, who hold the license or a larger one.
    pub hold: u64,
    /// Of those, who get another license by another group, which comes first.
    pub by_another: u64,
    /// Of those, who lack it.
    pub lack: u64,
    /// Members who cannot sign in.
    pub shut_out: u64,
    /// Who left and still holds it.
    pub left: u64,
}

/// Why somebody could not be given a license.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// In words.
    pub text: String,
    /// When.
    pub at: String,
    /// The record that says so.
    pub seq: i64,
}

/// Somebody who is to hold a license and does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LackingLine {
    /// Who.
    pub subject: String,
    /// May be empty.
    pub name: String,
    /// What they are to hold.
    pub wants: String,
    /// What becomes it; empty where they hold nothing.
    pub instead_of: String,
    /// The names of the groups that say so.
    pub group_name: String,
    /// Why the newest attempt to give it failed.
    pub refusal: Option<Refusal>,
}

/// Somebody who holds a license of a group that they left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftLine {
    /// Who.
    pub subject: String,
    /// May be empty.
    pub name: String,
    /// What they hold.
    pub holds: String,
    /// What it becomes by another group; empty where it is taken back.
    pub becomes: String,
    /// The names of the groups.
    pub group_name: String,
    /// When a refresh first did not find them in it.
    pub until: String,
}

/// Licenses by group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TiesView {
    /// The ties.
    pub ties: Vec<TieLine>,
    /// The group that people are shown of, by id; empty for all.
    pub group: String,
    /// Who lacks a license, those of this page: whoever was refused one first.
    pub lacking: Vec<LackingLine>,
    /// How many that are on all pages.
    pub lacking_in_all: u64,
    /// How many of them were refused one.
    pub refused: u64,
    /// Who left and still holds one, those of this page.
    pub left: Vec<LeftLine>,
    /// How many that are on all pages.
    pub left_in_all: u64,
    /// This page, from 1.
    pub page: u32,
    /// Pages in all.
    pub pages: u32,
    /// Licenses that can be tied: as Qlik spells them, and for people.
    pub targets: Vec<(String, String)>,
}

/// Which part is asked for, as it stands in the address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Part {
    /// Of this group only, by id.
    pub group: String,
    /// The page, from 1.
    pub page: u32,
}

impl Part {
    /// Reads an address's query; what it does not know is left aside.
    pub fn read(query: &str) -> Self {
        let mut part = Self { page: 1, ..Self::default() };
        for (key, value) in crate::ui::query::from_query(query) {
            match key.as_str() {
                "group" => value.trim().clone_into(&mut part.group),
                "page" => part.page = value.parse().unwrap_or(1).max(1),
                _ => {}
            }
        }
        part
    }

    /// The query of an address that asks for this.
    pub fn query(&self) -> String {
        let page = if self.page > 1 { self.page.to_string() } else { String::new() };
        let pairs = [("group", &self.group), ("page", &page)];
        let pairs: Vec<(&str, String)> =
            pairs.into_iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| (key, value.clone())).collect();
        crate::ui::query::to_query(&pairs)
    }
}
