//! What the overview room shows, as it goes to the browser.

use domain::gauge::{Gauge, Tone};
use domain::trend::Trend;
use serde::{Deserialize, Serialize};

use crate::features::jobs::JobLine;

/// One thing that needs attention.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attention {
    /// How much.
    pub tone: Tone,
    /// What, as a sentence.
    pub text: String,
    /// Where to see it: a query of the assignments room, or a path below the tenant.
    pub path: String,
    /// What the link says.
    pub go: String,
}

/// The license in facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenseFacts {
    /// `Ok`, `Expired`, `Blacklisted`, `Missing`, or what Qlik invents next.
    pub status: String,
    /// Whether that is as it should be.
    pub tone: Tone,
    /// Name and value, in the order they are shown.
    pub facts: Vec<(String, String)>,
    /// Days until the license ends, where it does.
    pub days_left: Option<i64>,
    /// That is soon.
    pub soon: bool,
    /// The license's parameter sets, as sentences.
    pub parameters: Vec<String>,
}

/// Something that the key of this session may be allowed to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Right {
    /// What, as the rest of “this key can”.
    pub what: String,
    /// Whether it can; `None` where nothing says so.
    pub can: Option<bool>,
    /// Why not, or why that is not known; empty where it can.
    pub why: String,
}

/// What happened since somebody's last visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Since {
    /// How long ago it ended, such as `3 days`.
    pub ago: String,
    /// What happened, each with where to see it: a path below the tenant.
    pub lines: Vec<(String, String)>,
}

/// How a license type goes: the line under its gauge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Course {
    /// Seats used by day.
    pub trend: Trend,
    /// In how many days it is full, where the line says so much.
    pub full_in: Option<i64>,
    /// That is soon.
    pub soon: bool,
}

/// Seats that nobody uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idle {
    /// How many of which license type, as a sentence.
    pub text: String,
    /// What they cost a month, where prices are set.
    pub cost: String,
    /// The rows: a path below the tenant.
    pub path: String,
}

/// What the overview shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    /// What makes the tenant unusable, if anything does.
    pub alarm: Option<String>,
    /// What happened since the last visit; nothing at the first.
    pub since: Option<Since>,
    /// A gauge per allotment, with how it goes.
    pub gauges: Vec<(Gauge, Course)>,
    /// Seats that nobody uses. Nothing while that is not known.
    pub idle: Option<Vec<Idle>>,
    /// What needs attention, the worst first.
    pub attention: Vec<Attention>,
    /// The license.
    pub license: LicenseFacts,
    /// What the key of this session can do.
    pub rights: Vec<Right>,
    /// The latest jobs.
    pub recent: Vec<JobLine>,
}
