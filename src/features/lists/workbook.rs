//! Workbooks (.xlsx) as lists: the first sheet that has anything in it becomes lines as a spreadsheet would save them.

use std::io::{Cursor, Read, copy, sink};

use calamine::{Data, DataRef, Reader, SheetVisible, Xlsx};
use domain::import::{Field, MAX_ROWS, lines};

use crate::error::AppError;

/// What a workbook may hold once it is unpacked, in bytes; a small archive can hold very much.
const MOST: u64 = 128 * 1024 * 1024;
/// Columns of a sheet at most. A list has a handful.
const COLUMNS: u32 = 200;

/// Whether a file is a zip archive, as workbooks are.
pub fn is_workbook(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

fn unreadable(why: &str) -> AppError {
    AppError::invalid("The workbook cannot be read", format!("{why} Save the sheet as CSV and import that."))
}

/// Unpacks the archive and keeps nothing of it, for what its directory says of sizes may not be true.
fn bounded(bytes: &[u8], most: u64) -> Result<(), AppError> {
    let broken = |_| unreadable("The file is damaged or not an Excel workbook.");
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
    let mut left = most;
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at).map_err(broken)?.take(left + 1);
        let read = copy(&mut entry, &mut sink()).map_err(|_| unreadable("The file is damaged."))?;
        left = left.checked_sub(read).ok_or_else(|| unreadable("The workbook is too large."))?;
    }
    Ok(())
}

/// A cell as it is shown, as far as that can be told without the sheet's formats. What could not be computed says so: an empty
/// cell would mean something else.
fn shown(cell: DataRef<'_>) -> String {
    match Data::from(cell) {
        Data::Empty => String::new(),
        Data::Error(error) => error.to_string(),
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => text,
        Data::Float(number) => number.to_string(),
        Data::Int(number) => number.to_string(),
        Data::Bool(is) => is.to_string(),
        moment @ Data::DateTime(_) => moment.to_string(),
    }
}

/// The rows of a sheet from its first, each as far as its last cell; none where nothing is in it. Cell by cell, for a sheet of two
/// cells may say that they are a billion apart.
fn rows(book: &mut Xlsx<Cursor<&[u8]>>, name: &str) -> Result<Vec<Vec<String>>, AppError> {
    let damaged = |_| unreadable("One of its sheets is damaged.");
    let mut cells = book.worksheet_cells_reader(name).map_err(damaged)?;
    let mut rows: Vec<Vec<String>> = Vec::new();
    while let Some(cell) = cells.next_cell().map_err(damaged)? {
        let (row, column) = cell.get_position();
        let text = shown(cell.get_value().clone());
        if text.is_empty() {
            continue;
        }
        if row as usize >= MAX_ROWS || column >= COLUMNS {
            let most = domain::text::thousands(domain::text::whole(MAX_ROWS));
            return Err(unreadable(&format!("A sheet can have {most} rows and {COLUMNS} columns.")));
        }
        let (row, column) = (row as usize, column as usize);
        if rows.len() <= row {
            rows.resize_with(row + 1, Vec::new);
        }
        if let Some(cells) = rows.get_mut(row) {
            if cells.len() <= column {
                cells.resize(column + 1, String::new());
            }
            if let Some(place) = cells.get_mut(column) {
                *place = text;
            }
        }
    }
    Ok(rows)
}

/// The lines of a workbook, as CSV. A line has the number that its row has in the sheet.
pub fn read(bytes: &[u8]) -> Result<Vec<u8>, AppError> {
    bounded(bytes, MOST)?;
    let mut book: Xlsx<_> =
        Xlsx::new(Cursor::new(bytes)).map_err(|_| unreadable("The file is damaged or not an Excel workbook."))?;
    // What is hidden nobody means.
    let seen = book.sheets_metadata().iter().filter(|sheet| sheet.visible == SheetVisible::Visible);
    let names: Vec<String> = seen.map(|sheet| sheet.name.clone()).collect();
    for name in names {
        let rows = rows(&mut book, &name)?;
        let width = rows.iter().map(Vec::len).max().unwrap_or(0);
        if width == 0 {
            continue;
        }
        let cell = |row: &[String], at: usize| Field::new(row.get(at).map_or("", String::as_str));
        return Ok(lines(',', rows.iter().map(|row| (0..width).map(|at| cell(row, at)).collect())));
    }
    Err(unreadable("None of its visible sheets has anything in it."))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use domain::import::List;

    use super::*;

    /// The smallest workbook that Excel opens, with one sheet.
    fn workbook(sheet: &str) -> Vec<u8> {
        let parts = [
            ("[Content_Types].xml", r#"<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>"#.to_owned()),
            ("_rels/.rels", r#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#.to_owned()),
            ("xl/workbook.xml", r#"<?xml version="1.0"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="People" sheetId="1" r:id="r1"/></sheets></workbook>"#.to_owned()),
            ("xl/_rels/workbook.xml.rels", r#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#.to_owned()),
            ("xl/worksheets/sheet1.xml", format!(r#"<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{sheet}</sheetData></worksheet>"#)),
        ];
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in parts {
            archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            archive.write_all(text.as_bytes()).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    fn row(number: u32, cells: &[&str]) -> String {
        let cell = |(at, text): (usize, &&str)| {
            let column = char::from(b'A' + u8::try_from(at).unwrap());
            match text.parse::<f64>() {
                Ok(number_of) => format!(r#"<c r="{column}{number}"><v>{number_of}</v></c>"#),
                Err(_) => format!(r#"<c r="{column}{number}" t="inlineStr"><is><t>{text}</t></is></c>"#),
            }
        };
        format!(r#"<row r="{number}">{}</row>"#, cells.iter().enumerate().map(cell).collect::<String>())
    }

    #[test]
    fn a_sheet_is_read_as_its_lines() {
        let sheet =
            [row(3, &["Subject", "Licence", "Flag"]), row(4, &["M\\ann", "analyzer", "7"]), row(6, &["M\\bob", "=1+1", "0.5"])];
        let bytes = workbook(&sheet.concat());
        assert!(is_workbook(&bytes));
        let list = List::read(&read(&bytes).unwrap()).unwrap();
        assert_eq!(list.headings.as_deref(), Some(&["Subject", "Licence", "Flag"].map(str::to_owned)[..]));
        let cells: Vec<(u64, Vec<&str>)> =
            list.lines.iter().map(|line| (line.number, line.cells.iter().map(String::as_str).collect())).collect();
        assert_eq!(cells, [(4, vec!["M\\ann", "analyzer", "7"]), (6, vec!["M\\bob", "=1+1", "0.5"])]);
    }

    #[test]
    fn what_is_no_workbook_says_so() {
        let empty = workbook("");
        for bytes in [&b"PK\x03\x04 and nothing else"[..], &empty[..empty.len() / 2], &empty] {
            let error = read(bytes).unwrap_err();
            assert!(error.why.ends_with("Save the sheet as CSV and import that."), "{error}");
        }
    }

    #[test]
    fn two_cells_far_apart_take_no_memory() {
        let far = r#"<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>"#;
        assert!(read(&workbook(far)).unwrap_err().why.contains("A sheet can have 250,000 rows and 200 columns."));
    }

    #[test]
    fn what_could_not_be_computed_is_not_empty() {
        let sheet = format!(
            r#"{}<row r="2"><c r="A2" t="inlineStr"><is><t>M\\ann</t></is></c><c r="B2" t="e"><v>#N/A</v></c></row>"#,
            row(1, &["Subject", "Licence"])
        );
        let text = String::from_utf8(read(&workbook(&sheet)).unwrap()).unwrap();
        assert!(text.contains("#N/A"), "{text}");
    }

    #[test]
    fn what_unpacks_to_too_much_is_refused_before_it_is_read() {
        let bytes = workbook(&row(1, &["x".repeat(200_000).as_str()]));
        assert!(bytes.len() < 10_000);
        assert!(bounded(&bytes, 100_000).is_err());
        assert!(bounded(&bytes, 1_000_000).is_ok());
    }
}
