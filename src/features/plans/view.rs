//! What the plans room shows, as it goes to the browser.

use domain::plan::{Confirmation, OfferKind, PlannedChange, Total, Warning, WhyNot};
use domain::plan::{RoleShift, SeatChange};
use serde::{Deserialize, Serialize};

/// What failed where the number that was typed is not the one asked for.
pub const NOT_CONFIRMED: &str = "Not confirmed";

/// A plan in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanLine {
    /// Its address.
    pub id: String,
    /// What it does.
    pub title: String,
    /// Who drew it up.
    pub author: String,
    /// When.
    pub at: String,
    /// How many changes.
    pub rows: i64,
    /// The job that applied it; empty where none did.
    pub job: String,
}

/// A shortage with the ways out of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaysOut {
    /// Of which allotment, as Qlik writes it.
    pub allotment: String,
    /// The ways, the least harmful last.
    pub ways: Vec<WayOut>,
    /// Who may go without, the usual first.
    pub without: Vec<Without>,
    /// Who used Qlik last is still being read, so nobody can be said to be idle yet.
    pub reading: bool,
}

/// Who goes without a seat, in one of the orders there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Without {
    /// Names the order in a form.
    pub word: String,
    /// The first of them.
    pub first: String,
    /// The last of them.
    pub last: String,
}

/// A way out of a shortage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WayOut {
    /// Its name in a form.
    pub key: String,
    /// What the button says.
    pub label: String,
    /// By which rule, on which figures.
    pub why: String,
}

/// A second person's word for a plan that needs one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondView {
    /// The plan as it is, as its hash.
    pub hash: String,
    /// Who gave it, and when, as a sentence; nothing where it is missing.
    pub given: Option<String>,
    /// Why whoever looks may not give it.
    pub not_approve: Option<String>,
    /// Why whoever looks may not apply the plan now.
    pub not_apply: Option<String>,
}

impl SecondView {
    /// Who gave it, or that it is missing and why whoever looks may not give it.
    pub fn sentence(&self) -> String {
        let missing = || self.not_approve.clone().unwrap_or_else(|| "Needs the approval of a second person.".to_owned());
        self.given.clone().unwrap_or_else(missing)
    }
}

/// A plan's page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanView {
    /// Its address.
    pub id: String,
    /// What it does.
    pub title: String,
    /// When it was created, by whom, and from what.
    pub drawn: String,
    /// What happens to the seats.
    pub seats: Vec<SeatChange>,
    /// Who gains and who loses which role.
    pub role_shifts: Vec<RoleShift>,
    /// What to think about first.
    pub warnings: Vec<Warning>,
    /// What can be done about each shortage; empty once it is applied.
    pub ways_out: Vec<WaysOut>,
    /// What will not be sent: why, how many, and the first of them.
    pub unchanged: Vec<(WhyNot, u64, Vec<String>)>,
    /// Changes in all.
    pub total: u64,
    /// Changes that were asked for, on all pages.
    pub found: u64,
    /// How many of each kind, and about what; over all pages.
    pub totals: Vec<Total>,
    /// What cannot be undone, or not all of it: why, and how many changes.
    pub lasting: Vec<(String, u64)>,
    /// What could be added by a click, and how many changes that is.
    pub offers: Vec<(OfferKind, u64)>,
    /// Changes of this page.
    pub changes: Vec<PlannedChange>,
    /// Role names by id, for group changes.
    pub roles: Vec<(String, String)>,
    /// This page, from 1.
    pub page: u32,
    /// Pages in all.
    pub pages: u32,
    /// Requests it needs.
    pub requests: u64,
    /// What must be typed to confirm, where much is lost, given or paid.
    pub confirm: Option<Confirmation>,
    /// What it takes, where whoever applies it has to confirm first that it is them, and did not.
    pub confirm_first: Option<String>,
    /// It changes how the tenant works, which is for admins.
    pub settings: bool,
    /// A second person's word, where it needs one and was not applied.
    pub second: Option<SecondView>,
    /// The job that applied it.
    pub job: Option<String>,
    /// It replaces another plan that reality had overtaken.
    pub replaces: Option<String>,
    /// It is another plan with a remedy.
    pub remedies: Option<String>,
}
