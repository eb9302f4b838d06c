//! What to think about before applying.

use serde::{Deserialize, Serialize};

use crate::allotment::AllotmentName;
use crate::subject::Subject;
use crate::text;

/// What to think about before applying.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Warning {
    /// Seats do not suffice; Qlik will refuse the rest.
    NotEnoughSeats {
        /// Of what.
        allotment: AllotmentName,
        /// Seats missing.
        short: i64,
    },
    /// Removing or changing licenses of subjects that are no users here.
    Orphans {
        /// How many.
        count: u64,
        /// The first of them.
        first: Subject,
    },
    /// OAuth clients' own users are among them.
    Bots {
        /// How many.
        count: u64,
    },
    /// What is taken comes back at the next sign-in.
    AutoAssignGivesBack {
        /// What.
        allotment: AllotmentName,
        /// From how many people.
        count: u64,
    },
    /// They hold another license already and will hold two.
    SecondLicense {
        /// How many.
        count: u64,
    },
    /// Roles that manage the tenant are given.
    AdminRoles {
        /// Their names.
        names: Vec<String>,
    },
    /// Roles that change what a license costs are given.
    RaisesEntitlement {
        /// Their names.
        names: Vec<String>,
    },
    /// The group is everybody.
    Everyone,
    /// From now on people get a license by signing in.
    AutoAssignOn {
        /// What they get.
        names: Vec<String>,
    },
}

impl Warning {
    /// Whether rows will be refused as things stand.
    pub fn is_grave(&self) -> bool {
        matches!(self, Self::NotEnoughSeats { .. })
    }

    /// The headline and the rest, as sentences.
    pub fn sentences(&self) -> (String, String) {
        match self {
            Self::NotEnoughSeats { allotment, short } => (
                format!("{} missing for {}.", text::count(*short, "seat is", "seats are"), allotment.label()),
                format!("Applied as it is, Qlik will refuse {}.", text::count(*short, "row", "rows")),
            ),
            Self::Orphans { count, first } => (
                if *count == 1 {
                    "1 of these is not a user of this tenant.".to_owned()
                } else {
                    format!("{count} of these are not users of this tenant.")
                },
                format!("{first} may be a real person in a sibling tenant: the license belongs to the whole entitlement."),
            ),
            Self::Bots { count } => (
                format!("{} among them.", text::count(to_i64(*count), "OAuth client is", "OAuth clients are")),
                "A client without a license may stop working.".to_owned(),
            ),
            Self::AutoAssignGivesBack { allotment, count } => (
                format!("{} comes back at the next sign-in.", allotment.label()),
                format!(
                    "The tenant gives it automatically, so {} will hold one again. Switch that off in Settings first.",
                    text::count(to_i64(*count), "person", "people")
                ),
            ),
            Self::SecondLicense { count } => (
                format!("{} will hold two licenses.", text::count(to_i64(*count), "person", "people")),
                "Use Change type to swap the one they have.".to_owned(),
            ),
            Self::AdminRoles { names } => (
                format!("{} can manage the tenant.", text::and_list(names)),
                "Every member of the group will be able to, also those who join later.".to_owned(),
            ),
            Self::RaisesEntitlement { names } => (
                format!("{} makes its holders full users.", text::and_list(names)),
                "That can use up more of the license than the group does now.".to_owned(),
            ),
            Self::Everyone => {
                ("This is everybody.".to_owned(), "Each user of the tenant is a member, and nobody can be left out.".to_owned())
            }
            Self::AutoAssignOn { names } => (
                format!("{} will be given automatically.", text::and_list(names)),
                "Whoever signs in without a license takes one, as long as seats last.".to_owned(),
            ),
        }
    }
}

fn to_i64(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
