//! What the overview room shows, as it goes to the browser.

use domain::gauge::{Gauge, Tone};
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
    /// The license's parameter sets, as sentences.
    pub parameters: Vec<String>,
}

/// What the overview shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    /// What makes the tenant unusable, if anything does.
    pub alarm: Option<String>,
    /// A gauge per allotment.
    pub gauges: Vec<Gauge>,
    /// What needs attention, the worst first.
    pub attention: Vec<Attention>,
    /// The license.
    pub license: LicenseFacts,
    /// The latest jobs.
    pub recent: Vec<JobLine>,
}
