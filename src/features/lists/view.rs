//! What the lists room shows, as it goes to the browser.

use serde::{Deserialize, Serialize};

/// Where a list is sent, as failures name it.
pub const IMPORT: &str = "/import";

/// A column of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnLine {
    /// Its heading, or its place.
    pub heading: String,
    /// The first cells.
    pub sample: String,
    /// What it is taken for; empty for nothing of ours.
    pub means: String,
}

/// A fault, with what would probably be right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultLine {
    /// Its line in the file.
    pub line: u64,
    /// Its column's place, from 0.
    pub column: u32,
    /// Its column's heading.
    pub heading: String,
    /// What stands there.
    pub found: String,
    /// What is wrong.
    pub reason: String,
    /// Which license would probably be right; empty where nobody knows.
    pub suggestion: String,
    /// Who may be meant, for a person to decide; empty where nobody can say.
    pub perhaps: String,
}

/// A line that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftLine {
    /// Its line in the file.
    pub line: u64,
    /// Its cells, one after the other.
    pub cells: String,
}

/// How the file is taken apart, as it was found out or chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadingView {
    /// The separator chosen by hand: `comma`, `semicolon`, `tab`, `bar`; empty where it was found out.
    pub separator: String,
    /// The encoding chosen by hand; empty likewise.
    pub encoding: String,
    /// The line of the headings chosen by hand, `0` for none; empty likewise.
    pub headings: String,
    /// Encodings to choose from.
    pub encodings: Vec<String>,
}

/// A list's page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListView {
    /// The file's name.
    pub name: String,
    /// Who brought it, and when.
    pub brought: String,
    /// Encoding, separator and headings, as sentences.
    pub read_as: String,
    /// What was noticed and is no fault, as sentences.
    pub notes: Vec<String>,
    /// How the file is taken apart.
    pub reading: ReadingView,
    /// Its columns.
    pub columns: Vec<ColumnLine>,
    /// Every meaning a column can have: value and words.
    pub meanings: Vec<(String, String)>,
    /// `give`, `take`, `sync` or `rename`.
    pub purpose: String,
    /// The license of lines that name none; empty for none.
    pub usual: String,
    /// Allotments to choose it from: value and label.
    pub allotments: Vec<(String, String)>,
    /// Subjects may be meant that are no users yet.
    pub allow_unknown: bool,
    /// Lines there are.
    pub lines: u64,
    /// Lines that are understood.
    pub understood: u64,
    /// The first people recognised, each as a sentence.
    pub recognised: Vec<String>,
    /// Lines left out by hand.
    pub left_out: u64,
    /// The first of them.
    pub left: Vec<LeftLine>,
    /// People whom those lines may mean, and whose licenses are left alone.
    pub spared: u64,
    /// Faults in all.
    pub wrong: u64,
    /// Faults by kind, as sentences.
    pub kinds: Vec<String>,
    /// Lines that only lack a license.
    pub no_license: u64,
    /// Most lines name nobody known here.
    pub foreign: bool,
    /// Why no plan can be drawn up although nothing is wrong any more; empty where one can.
    pub stopped: String,
    /// Of the faults, licenses with a suggestion; on all pages.
    pub suggested: u64,
    /// Faults of this page, but for those that only lack a license.
    pub faults: Vec<FaultLine>,
    /// This page, from 1.
    pub page: u32,
    /// Pages in all.
    pub pages: u32,
}

/// What was typed and not brought yet, and when it was kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PastedView {
    /// The lines; empty where there are none.
    pub lines: String,
    /// When: `12:03:22 UTC`.
    pub at: String,
    /// Allotments for lines that name none: value and label.
    pub allotments: Vec<(String, String)>,
}
