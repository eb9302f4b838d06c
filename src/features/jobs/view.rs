//! What the jobs room shows, as it goes to the browser.

use domain::change::Change;
use domain::journal::{RowState, Tally};
use serde::{Deserialize, Serialize};

/// A count of rows with the word for it.
pub type Tallies = Tally;

/// A job in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobLine {
    /// Its address.
    pub id: String,
    /// What it does.
    pub title: String,
    /// Who asked for it.
    pub author: String,
    /// When it was asked for.
    pub at: String,
    /// When it ended, in milliseconds since 1970; nothing while it goes on.
    pub ended: Option<i64>,
    /// Where it stands, in a word.
    pub state: String,
    /// Nothing more will happen.
    pub over: bool,
    /// What became of its rows.
    pub tally: Tally,
    /// Changes that can still be undone.
    pub undo: u64,
    /// Rows that can be tried again.
    pub retry: u64,
}

/// A row of a job's result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultLine {
    /// What it changes.
    pub change: Change,
    /// The person's or group's name.
    pub name: String,
    /// Where it stands.
    pub state: RowState,
    /// Qlik's code.
    pub code: String,
    /// Qlik's title, or why nobody knows.
    pub title: String,
    /// Qlik's trace id.
    pub trace: String,
    /// What to do about it.
    pub remedy: String,
}

/// Paused, and what was sent is being settled.
pub const PAUSING: &str = "pausing";

/// Rows that came to the same, as a heading over them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultGroup {
    /// Where they stand.
    pub state: RowState,
    /// Qlik's code; empty where it gave none, and for what went well.
    pub code: String,
    /// Qlik's title of one of them, or why nobody knows.
    pub title: String,
    /// How many, on all pages.
    pub rows: u64,
}

/// Where a job stands, as it is told again and again while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pulse {
    /// Where it stands, in a word.
    pub state: String,
    /// Nothing more will happen.
    pub over: bool,
    /// Why it is paused.
    pub reason: String,
    /// What became of its rows.
    pub tally: Tally,
    /// Rows settled in a minute, at the pace of the last one; 0 while nothing is.
    pub rate: i64,
    /// How long it will take, in words; empty where nobody can say.
    pub left: String,
    /// Where the write budget stands.
    pub budget: String,
    /// When it ended.
    pub finished: Option<String>,
}

impl Pulse {
    /// Whether it moves on by itself.
    pub fn is_live(&self) -> bool {
        !self.over && self.state != "paused"
    }
}

/// A job's page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobView {
    /// Whoever looks started it, or acts as the same Qlik user.
    pub own: bool,
    /// The job.
    pub line: JobLine,
    /// The plan it applies.
    pub plan: String,
    /// Where it stands.
    pub pulse: Pulse,
    /// The job it undoes.
    pub undo_of: Option<String>,
    /// What it acts by, where that is a sign-in at the tenant; empty otherwise.
    pub acts_by: String,
    /// Where it gets a connection of its own, so that it continues without its author; empty where that is not offered.
    pub keep_running: String,
    /// An admin may hand it over to the unattended credential.
    pub hand_over: bool,
    /// What its rows came to, in the order they are shown.
    pub groups: Vec<ResultGroup>,
    /// Rows of this page, failures first and by Qlik's code.
    pub rows: Vec<ResultLine>,
    /// They were kept for as long as they are, and are gone.
    pub rows_gone: bool,
    /// They are there, and this version cannot read them.
    pub rows_unreadable: bool,
    /// This page, from 1.
    pub page: u32,
    /// Pages in all.
    pub pages: u32,
}
