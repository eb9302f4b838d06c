//! Why a row is in a plan, where that is not plain: a sentence, and the figure that was compared, where there was one.

use serde::{Deserialize, Serialize};

use crate::assignments::{Row, Used};
use crate::text;

/// Why a row is in a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct Reason {
    /// The rest of a sentence.
    pub sentence: String,
    /// The figure that decided it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<Measured>,
}

/// A figure beside the threshold that it was compared with, in the same unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// What it was.
    pub figure: i64,
    /// From where on it counts.
    pub threshold: i64,
}

impl Reason {
    /// A reason without a figure; none where there is nothing to say.
    pub fn plain(sentence: impl Into<String>) -> Option<Self> {
        let sentence = sentence.into();
        (!sentence.is_empty()).then_some(Self { sentence, measured: None })
    }

    /// A reason with the figure that decided it.
    pub fn measured(sentence: impl Into<String>, figure: i64, threshold: i64) -> Self {
        Self { sentence: sentence.into(), measured: Some(Measured { figure, threshold }) }
    }
}

/// What is known of somebody who is to lose a license; nothing where consumption is not known.
pub(super) fn last_use(row: Row<'_>) -> Option<String> {
    let used = row.used();
    Some(match (row.status(), used.ago()) {
        (Some("disabled"), _) => "disabled".to_owned(),
        (_, Some(0)) => "used today".to_owned(),
        (_, Some(days)) => format!("last used {} ago", text::count(days.into(), "day", "days")),
        (_, None) if used == Used::NEVER => "no use on record".to_owned(),
        _ => return None,
    })
}

/// As it is stored, by this version or by the first, which kept the sentence alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Sentence(String),
    Whole { sentence: String, measured: Option<Measured> },
}

impl From<Stored> for Reason {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Sentence(sentence) => Self { sentence, measured: None },
            Stored::Whole { sentence, measured } => Self { sentence, measured },
        }
    }
}
