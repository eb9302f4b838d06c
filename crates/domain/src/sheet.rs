//! Lists that people bring: a CSV file or pasted lines, read whatever program wrote them.

mod check;
mod column;
mod export;

use csv::ReaderBuilder;
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

pub use check::{Checked, Entry, Fault, Known, Purpose, Rules, check};
pub use column::{Column, Mapping};
pub use export::{Field, write};

/// Separators that spreadsheets use.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Lines that decide on the separator.
const SAMPLE: usize = 30;
/// Rows of a list at most.
pub const MAX_ROWS: usize = 250_000;

/// Why a list cannot be read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SheetError {
    /// Nothing but white space.
    #[error("the list is empty: it needs one line per person")]
    Empty,
    /// A spreadsheet's own format.
    #[error("this is a spreadsheet file, not a CSV: save it as CSV first")]
    Binary,
    /// More rows than a tenant has people.
    #[error("the list has more than 250,000 lines: split it")]
    TooLong,
    /// A quotation mark without its partner takes in the rest of the file.
    #[error("a quotation mark that opens in line {0} is never closed: close it, or remove it")]
    Quote(u64),
}

/// One line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number in the file, from 1. A quoted line break makes one row of two lines.
    pub number: u64,
    /// Its cells.
    pub cells: Vec<String>,
}

/// A list as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// The encoding found, by its usual name.
    pub encoding: &'static str,
    /// The separator found.
    pub separator: char,
    /// The first line, where it names the columns.
    pub headings: Option<Vec<String>>,
    /// The other lines; empty ones are left out.
    pub lines: Vec<Line>,
}

impl Sheet {
    /// Reads a list. Encoding, separator and headings are found out.
    pub fn read(bytes: &[u8]) -> Result<Self, SheetError> {
        // What Excel calls a workbook is a zip archive; older ones are OLE files.
        if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
            return Err(SheetError::Binary);
        }
        let (encoding, text) = decode(bytes);
        let text = text.as_str();
        if text.trim().is_empty() {
            return Err(SheetError::Empty);
        }
        // Excel's own word on the separator.
        let (told, body, skipped) = match text.split_once('\n') {
            Some((first, rest)) if first.trim().len() == 5 && first.trim().to_lowercase().starts_with("sep=") => {
                (first.trim().bytes().last(), rest, 1)
            }
            _ => (None, text, 0),
        };
        let separator = told.unwrap_or_else(|| likely_separator(body));
        let mut reader = ReaderBuilder::new().delimiter(separator).flexible(true).has_headers(false).from_reader(body.as_bytes());
        let mut lines = Vec::new();
        let mut count = LineCount { bytes: body.as_bytes(), at: 0, line: 1 + skipped };
        for record in reader.records() {
            // Text is text: the reader has nothing else to refuse.
            let Ok(record) = record else { continue };
            let number = count.line_of(record.position().map_or(0, csv::Position::byte));
            let cells: Vec<String> = record.iter().map(|cell| Field::plain(cell.trim()).trim().to_owned()).collect();
            if cells.iter().all(String::is_empty) {
                continue;
            }
            if lines.len() > MAX_ROWS {
                return Err(SheetError::TooLong);
            }
            lines.push(Line { number, cells });
        }
        if let Some(number) = open_quote(body, separator) {
            return Err(SheetError::Quote(number + skipped));
        }
        let Some(first) = lines.first() else { return Err(SheetError::Empty) };
        let headings = first.cells.iter().any(|cell| Column::named(cell).is_some()).then(|| lines.remove(0).cells);
        if lines.is_empty() {
            return Err(SheetError::Empty);
        }
        Ok(Self { encoding, separator: char::from(separator), headings, lines })
    }

    /// How many columns its first line has.
    pub fn width(&self) -> usize {
        self.headings.as_ref().or(self.lines.first().map(|line| &line.cells)).map_or(0, Vec::len)
    }
}

/// Tells lines by bytes: the reader's own count is one behind after CRLF.
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
            if self.at >= start && !matches!(byte, b'\r' | b'\n') {
                break;
            }
            self.line += u64::from(*byte == b'\n');
            self.at += 1;
        }
        self.line
    }
}

/// Text and the name of its encoding: by its mark, else UTF-8 where it is, else what Windows writes.
fn decode(bytes: &[u8]) -> (&'static str, String) {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        let (text, _) = encoding.decode_without_bom_handling(bytes.get(mark..).unwrap_or_default());
        return (encoding.name(), text.into_owned());
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => (UTF_8.name(), text.to_owned()),
        Err(_) => (WINDOWS_1252.name(), WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned()),
    }
}

/// The separator that cuts the first lines into the same number of cells, the more the better.
fn likely_separator(text: &str) -> u8 {
    let sample: String = text.lines().take(SAMPLE).flat_map(|line| [line, "\n"]).collect();
    let score = |separator: u8| {
        let mut reader =
            ReaderBuilder::new().delimiter(separator).flexible(true).has_headers(false).from_reader(sample.as_bytes());
        let widths: Vec<usize> =
            reader.records().filter_map(Result::ok).map(|record| record.len()).filter(|width| *width > 0).collect();
        let first = widths.first().copied().unwrap_or(0);
        let same = widths.iter().filter(|width| **width == first).count();
        if first < 2 { 0 } else { same * 1_000 / widths.len().max(1) * 100 + first.min(99) }
    };
    SEPARATORS.into_iter().rev().max_by_key(|separator| score(*separator)).unwrap_or(b',')
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
        at_start = byte == separator || byte == b'\n' || byte == b'\r';
    }
    quoted.then_some(opened)
}

#[cfg(test)]
mod tests;
