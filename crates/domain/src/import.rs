//! Lists that people bring: a CSV file or pasted lines, read whatever program wrote them.

mod check;
mod column;
mod directory;
mod export;
mod groups;
mod json;
mod line;
mod matrix;

use csv::ReaderBuilder;
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use serde::{Deserialize, Serialize};

use crate::text;

pub use check::{Action, Checked, Entry, Fault, FaultKind, LeftLine, Rules, check};
pub use column::{Column, Mapping};
pub use directory::Directory;
pub use export::{Field, lines, write, write_with};
pub use groups::{GroupList, LONGEST_DESCRIPTION, groups};
pub use matrix::{MatrixList, matrix, matrix_headings, matrix_rows};

/// Separators that spreadsheets use; where two would do, the later one is more likely meant, for a comma is a letter as well.
const SEPARATORS: [char; 4] = [',', '|', ';', '\t'];
/// Lines that decide on the separator and on the headings.
const SAMPLE: usize = 30;
/// Headings stand within so many lines, below a title or two.
const HEADINGS_WITHIN: usize = 10;
/// Rows of a list at most.
pub const MAX_ROWS: usize = 250_000;
/// A cell that says who somebody is or what they get is never longer, in characters.
const LONGEST: usize = 512;
/// Encodings that one can choose by hand, by their usual names.
pub const ENCODINGS: [&str; 6] = ["UTF-8", "windows-1252", "windows-1250", "ISO-8859-2", "UTF-16LE", "UTF-16BE"];

/// Why a list cannot be read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// Nothing but white space.
    #[error("the list is empty; it needs one line per person")]
    Empty,
    /// A spreadsheet's own format.
    #[error("this is a spreadsheet file of a kind that cannot be read; save it as CSV or .xlsx first")]
    Binary,
    /// JSON that is no list of people.
    #[error("this JSON is not a list of assignments; use CSV, or an array of objects with a subject and a type")]
    Json,
    /// More rows than a tenant has people.
    #[error("more than 250,000 lines; split the file")]
    TooLong,
    /// A quotation mark without its partner takes in the rest of the file.
    #[error("unclosed quotation mark on line {0}")]
    Quote(u64),
}

/// How a file is taken apart, where somebody knows better than what is found out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reading {
    /// The separator; found out where there is none.
    #[serde(default)]
    pub separator: Option<char>,
    /// The encoding by its usual name; found out where there is none.
    #[serde(default)]
    pub encoding: Option<String>,
    /// The line of the headings, 0 for a list without any; found out where there is none.
    #[serde(default)]
    pub headings: Option<u64>,
}

/// One line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number in the file, from 1. A quoted line break makes one row of two lines.
    pub number: u64,
    /// The number of its last line.
    pub last: u64,
    /// Its cells, as a person sees them.
    pub cells: Vec<String>,
}

/// A list as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// The encoding found, by its usual name.
    pub encoding: &'static str,
    /// The separator found.
    pub separator: char,
    /// The line that names the columns, where one does.
    pub headings: Option<Vec<String>>,
    /// The number of that line; 0 where there is none.
    pub headings_at: u64,
    /// Rows above the headings, which say nothing of anybody.
    pub above: u64,
    /// The other lines; empty ones are left out.
    pub lines: Vec<Line>,
    /// Lines with text in the file.
    pub file_lines: u64,
    /// Cells in which something was that nobody sees.
    pub cleaned: u64,
}

impl List {
    /// Reads a list. Encoding, separator and headings are found out.
    pub fn read(bytes: &[u8]) -> Result<Self, ListError> {
        Self::read_as(bytes, &Reading::default())
    }

    /// Reads a list the way that somebody said.
    pub fn read_as(bytes: &[u8], reading: &Reading) -> Result<Self, ListError> {
        // What Excel calls a workbook is a zip archive; older ones are OLE files.
        if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
            return Err(ListError::Binary);
        }
        let (encoding, text) = decode(bytes, reading.encoding.as_deref());
        // Whatever ends a line, it ends it once: numbers are the editor's own.
        let text = if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text };
        if text.trim_matches(|c: char| c.is_whitespace() || text::is_invisible(c)).is_empty() {
            return Err(ListError::Empty);
        }
        if text.trim_start().starts_with(['[', '{']) {
            match json::read(&text) {
                Some(list) => return list,
                None if json::looks_like(&text) => return Err(ListError::Json),
                None => {}
            }
        }
        let (told, body, skipped) = told_separator(&text);
        let separator = reading.separator.or(told).unwrap_or_else(|| likely_separator(body));
        let mut rows = rows(body, separator, skipped)?;
        let file_lines = body.lines().filter(|line| !line.trim().is_empty()).count() as u64;
        split_addresses(&mut rows.lines);
        let at = match reading.headings {
            Some(0) => None,
            Some(number) => rows.lines.iter().position(|line| line.number == number),
            None => likely_headings(&rows.lines),
        };
        let (mut headings, mut headings_at, mut above) = (None, 0, 0);
        if let Some(at) = at {
            let below = rows.lines.split_off(at + 1);
            above = at as u64;
            if let Some(line) = rows.lines.pop() {
                headings_at = line.number;
                headings = Some(line.cells);
            }
            rows.lines = below;
        }
        if rows.lines.is_empty() {
            return Err(ListError::Empty);
        }
        Ok(Self { encoding, separator, headings, headings_at, above, lines: rows.lines, file_lines, cleaned: rows.cleaned })
    }

    /// How many columns it has: as many as its headings, else as its widest line among the first ones. Empty cells beyond that
    /// are nothing.
    pub fn width(&self) -> usize {
        let filled = |cells: &[String]| cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
        match &self.headings {
            Some(headings) => filled(headings),
            None => {
                let mut widths: Vec<usize> = self.lines.iter().take(SAMPLE).map(|line| filled(&line.cells)).collect();
                widths.sort_unstable();
                // As most lines have it: one with a cell too many is a fault, not another width.
                widths.get(widths.len() / 2).copied().unwrap_or(0)
            }
        }
    }
}

struct Rows {
    lines: Vec<Line>,
    cleaned: u64,
}

/// Cuts a text into rows of cells.
fn rows(body: &str, separator: char, skipped: u64) -> Result<Rows, ListError> {
    let delimiter = u8::try_from(separator).unwrap_or(b',');
    let mut reader = ReaderBuilder::new().delimiter(delimiter).flexible(true).has_headers(false).from_reader(body.as_bytes());
    let mut rows = Rows { lines: Vec::new(), cleaned: 0 };
    let mut count = LineCount { bytes: body.as_bytes(), at: 0, line: 1 + skipped };
    for record in reader.records() {
        // Text is text: the reader has nothing else to refuse.
        let Ok(record) = record else { continue };
        let number = count.line_of(record.position().map_or(0, csv::Position::byte));
        let mut cleaned = 0;
        let mut breaks = 0;
        let cells: Vec<String> = record
            .iter()
            .map(|cell| {
                breaks += cell.bytes().filter(|byte| *byte == b'\n').count() as u64;
                let plain = Field::plain(cell.trim());
                cleaned += u64::from(plain.chars().any(text::is_invisible));
                // A line break in a cell is a fault, and to be seen as one.
                if plain.contains('\n') { plain.trim().to_owned() } else { text::visible(plain) }
            })
            .collect();
        if cells.iter().all(String::is_empty) {
            continue;
        }
        if rows.lines.len() > MAX_ROWS {
            return Err(ListError::TooLong);
        }
        rows.cleaned += cleaned;
        rows.lines.push(Line { number, last: number + breaks, cells });
    }
    if let Some(number) = open_quote(body, delimiter) {
        return Err(ListError::Quote(number + skipped));
    }
    Ok(rows)
}

/// The text of a list that is no spreadsheet's own format, with line ends of one kind.
fn text_of(bytes: &[u8]) -> Result<String, ListError> {
    // What Excel calls a workbook is a zip archive; older ones are OLE files.
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
        return Err(ListError::Binary);
    }
    let (_, text) = decode(bytes, None);
    let text = if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text };
    if text.trim_matches(|c: char| c.is_whitespace() || text::is_invisible(c)).is_empty() {
        return Err(ListError::Empty);
    }
    Ok(text)
}

/// The cells of a table as they are written, without white space around them: nothing is taken for what it may have been meant as.
struct Cells {
    /// Lines that are not empty, each with its number in the file.
    lines: Vec<(u64, Vec<String>)>,
    /// The line where a quoted cell opens that nothing closes.
    open_quote: Option<u64>,
}

/// Cuts a text into cells. The separator is found out.
fn cells(text: &str) -> Result<Cells, ListError> {
    let (told, body, skipped) = told_separator(text);
    let separator = told.unwrap_or_else(|| likely_separator(body));
    let delimiter = u8::try_from(separator).unwrap_or(b',');
    let mut reader = ReaderBuilder::new().delimiter(delimiter).flexible(true).has_headers(false).from_reader(body.as_bytes());
    let mut count = LineCount { bytes: body.as_bytes(), at: 0, line: 1 + skipped };
    let mut lines = Vec::new();
    for record in reader.records() {
        // Text is text: the reader has nothing else to refuse.
        let Ok(record) = record else { continue };
        let number = count.line_of(record.position().map_or(0, csv::Position::byte));
        let cells: Vec<String> = record.iter().map(|cell| Field::plain(cell.trim()).to_owned()).collect();
        if cells.iter().any(|cell| !cell.is_empty()) {
            lines.push((number, cells));
        }
        if lines.len() > MAX_ROWS {
            return Err(ListError::TooLong);
        }
    }
    Ok(Cells { lines, open_quote: open_quote(body, delimiter).map(|line| line + skipped) })
}

/// Excel's own word on the separator, the text after it, and how many lines that took.
fn told_separator(text: &str) -> (Option<char>, &str, u64) {
    if let Some((first, rest)) = text.split_once('\n') {
        let word = first.trim_matches(|c: char| c.is_whitespace() || c == '"' || text::is_invisible(c));
        // A quoted tab is no white space around the word.
        let sep = word.strip_prefix("sep=").or_else(|| word.strip_prefix("SEP=")).or_else(|| word.strip_prefix("Sep="));
        let tab = first.contains("sep=\t").then_some('\t');
        let one = sep.and_then(|sep| {
            let mut chars = sep.chars();
            chars.next().filter(|_| chars.next().is_none())
        });
        if let Some(separator) = one.or(tab).filter(char::is_ascii) {
            return (Some(separator), rest, 1);
        }
    }
    (None, text, 0)
}

/// Where the headings stand: the first line that has most of the names a column can have.
fn likely_headings(lines: &[Line]) -> Option<usize> {
    let named = |line: &Line| line.cells.iter().filter(|cell| Column::named(cell).is_some()).count();
    let best = lines.iter().take(HEADINGS_WITHIN).map(named).max().filter(|best| *best > 0)?;
    let at = lines.iter().take(HEADINGS_WITHIN).position(|line| named(line) == best)?;
    // One word alone, further down, is more likely somebody's cell than a heading.
    (at == 0 || best > 1).then_some(at)
}

/// Addresses on one line, as mail programs join them, are a line each.
fn split_addresses(lines: &mut Vec<Line>) {
    let is_address = |cell: &String| cell.is_empty() || (cell.contains('@') && !cell.contains('\n'));
    let joined =
        |line: &Line| line.cells.iter().filter(|cell| cell.contains('@')).count() > 1 && line.cells.iter().all(is_address);
    if !lines.iter().any(joined) || lines.iter().any(|line| line.cells.len() > 1 && !joined(line)) {
        return;
    }
    let all = std::mem::take(lines);
    for line in all {
        let (number, last) = (line.number, line.last);
        lines.extend(line.cells.into_iter().filter(|cell| !cell.is_empty()).map(|cell| Line { number, last, cells: vec![cell] }));
    }
    // Each has a number of its own, by which it can be left out.
    for (line, number) in lines.iter_mut().zip(1..) {
        (line.number, line.last) = (number, number);
    }
}

/// Tells lines by bytes: the reader's own count is one behind after empty lines.
struct LineCount<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
}

impl LineCount<'_> {
    /// The line of the record that starts at `start` or after the line ends there. Asked in order.
    fn line_of(&mut self, start: u64) -> u64 {
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        while let Some(byte) = self.bytes.get(self.at) {
            if self.at >= start && *byte != b'\n' {
                break;
            }
            self.line += u64::from(*byte == b'\n');
            self.at += 1;
        }
        self.line
    }
}

/// Text and the name of its encoding: as was said, else by its mark, else UTF-8 where it is, else what Windows writes.
fn decode(bytes: &[u8], said: Option<&str>) -> (&'static str, String) {
    if let Some(encoding) = said.and_then(|label| Encoding::for_label(label.as_bytes())) {
        return (encoding.name(), encoding.decode_with_bom_removal(bytes).0.into_owned());
    }
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        let (text, _) = encoding.decode_without_bom_handling(bytes.get(mark..).unwrap_or_default());
        return (encoding.name(), text.into_owned());
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => (UTF_8.name(), text.to_owned()),
        Err(_) => (WINDOWS_1252.name(), WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned()),
    }
}

/// The separator that cuts the first lines into the same number of cells, the more the better. A comma that a space follows
/// stands within a text more often than between two.
fn likely_separator(text: &str) -> char {
    let sample: String = text.lines().take(SAMPLE).flat_map(|line| [line, "\n"]).collect();
    let score = |separator: char| {
        let delimiter = u8::try_from(separator).unwrap_or(b',');
        let mut reader =
            ReaderBuilder::new().delimiter(delimiter).flexible(true).has_headers(false).from_reader(sample.as_bytes());
        let widths: Vec<usize> =
            reader.records().filter_map(Result::ok).map(|record| record.len()).filter(|width| *width > 0).collect();
        // As most lines have it: a title above the headings has one cell.
        let mut sorted = widths.clone();
        sorted.sort_unstable();
        let usual = sorted.get(sorted.len() / 2).copied().unwrap_or(0);
        let same = widths.iter().filter(|width| **width == usual).count();
        let spaced = sample.matches(separator).count() > 0
            && sample.matches(separator).count() == sample.matches(&format!("{separator} ")).count();
        if usual < 2 { 0 } else { same * 1_000 / widths.len().max(1) * 1_000 + usize::from(!spaced) * 500 + usual.min(99) }
    };
    // The last of those with the highest score.
    SEPARATORS.into_iter().max_by_key(|separator| score(*separator)).filter(|separator| score(*separator) > 0).unwrap_or(',')
}

/// The line where a quoted cell opens that nothing closes. Follows the reader's own rules: a quotation mark opens a cell at
/// its start only, and two inside one are one.
fn open_quote(text: &str, separator: u8) -> Option<u64> {
    let (mut line, mut opened, mut at_start, mut quoted) = (1, 1, true, false);
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        if byte == b'\n' {
            line += 1;
        }
        if quoted {
            if byte == b'"' {
                if bytes.peek() == Some(&b'"') {
                    bytes.next();
                } else {
                    quoted = false;
                }
            }
            continue;
        }
        if byte == b'"' && at_start {
            quoted = true;
            opened = line;
        }
        at_start = byte == separator || byte == b'\n';
    }
    quoted.then_some(opened)
}

#[cfg(test)]
mod tests;
