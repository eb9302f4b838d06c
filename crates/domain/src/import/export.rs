//! Lists to take away: CSV that spreadsheets open without running anything in it.

/// A cell that a spreadsheet must not take for a formula.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field(String);

impl Field {
    /// Text from anywhere. What starts like a formula gets an apostrophe in front, which spreadsheets hide and
    /// [`Field::plain`] takes off again (OWASP, CSV injection).
    pub fn new(text: &str) -> Self {
        Self(if wants_mark(text) { format!("'{text}") } else { text.to_owned() })
    }

    /// The text as it was before [`Field::new`].
    pub fn plain(cell: &str) -> &str {
        match cell.strip_prefix('\'') {
            Some(rest) if wants_mark(rest) => rest,
            _ => cell,
        }
    }
}

/// What a spreadsheet might run, also behind spaces, for some take those off first. And what starts with an apostrophe
/// itself, so that reading it back is exact.
fn wants_mark(text: &str) -> bool {
    text.starts_with(['\t', '\r']) || text.trim_start().starts_with(['=', '+', '-', '@', '\''])
}

/// Writes a list: UTF-8 with a byte order mark, for Excel; commas; CRLF.
pub fn write(headings: &[&str], rows: impl IntoIterator<Item = Vec<Field>>) -> Vec<u8> {
    write_with(',', headings, rows)
}

/// The same with another separator: Excel in most of Europe takes a file with commas for one column.
pub fn write_with(separator: char, headings: &[&str], rows: impl IntoIterator<Item = Vec<Field>>) -> Vec<u8> {
    let headings = headings.iter().map(|heading| Field::new(heading)).collect();
    let mut bytes = "\u{feff}".as_bytes().to_vec();
    bytes.extend(lines(separator, std::iter::once(headings).chain(rows)));
    bytes
}

/// Further lines of a list that is written in parts.
pub fn lines(separator: char, rows: impl IntoIterator<Item = Vec<Field>>) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .delimiter(u8::try_from(separator).unwrap_or(b','))
        .terminator(csv::Terminator::CRLF)
        .flexible(true)
        .from_writer(Vec::new());
    // Writing to memory does not fail.
    for row in rows {
        let _ = writer.write_record(row.iter().map(|field| &field.0));
    }
    writer.into_inner().unwrap_or_default()
}
