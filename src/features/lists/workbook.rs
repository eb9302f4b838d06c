//! Workbooks (.xlsx) as lists: the first sheet that has anything in it becomes lines as a spreadsheet would save them.

use std::io::{Cursor, Read, copy, sink};

use calamine::{Data, Reader, Xlsx};
use domain::import::{Field, MAX_ROWS, lines};

use crate::error::AppError;

/// What a workbook may hold once it is unpacked, in bytes; a small archive can hold very much.
const MOST: u64 = 512 * 1024 * 1024;

/// Whether a file is a zip archive, as workbooks are.
pub fn is_workbook(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

fn unreadable(why: &str) -> AppError {
    AppError::invalid("The workbook cannot be read", format!("{why} Save the sheet as CSV and import that."))
}

/// Unpacks the archive to nowhere, for what its directory says of sizes may not be true.
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

/// A cell as it is shown, as far as that can be told without the sheet's formats.
fn shown(cell: &Data) -> String {
    match cell {
        Data::Empty | Data::Error(_) => String::new(),
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => text.clone(),
        Data::Float(number) => number.to_string(),
        Data::Int(number) => number.to_string(),
        Data::Bool(is) => is.to_string(),
        moment @ Data::DateTime(_) => moment.to_string(),
    }
}

/// The lines of a workbook, as CSV. A line has the number that its row has in the sheet.
pub fn read(bytes: &[u8]) -> Result<Vec<u8>, AppError> {
    bounded(bytes, MOST)?;
    let mut book: Xlsx<_> =
        Xlsx::new(Cursor::new(bytes)).map_err(|_| unreadable("The file is damaged or not an Excel workbook."))?;
    for name in book.sheet_names() {
        let sheet = book.worksheet_range(&name).map_err(|_| unreadable("One of its sheets is damaged."))?;
        let Some((above, _)) = sheet.start().filter(|_| !sheet.is_empty()) else { continue };
        if sheet.height() > MAX_ROWS {
            return Err(unreadable("It has more than 250,000 rows; split it."));
        }
        let empty = std::iter::repeat_n(vec![Field::new("")], above as usize);
        let rows = sheet.rows().map(|row| row.iter().map(|cell| Field::new(&shown(cell))).collect());
        return Ok(lines(',', empty.chain(rows)));
    }
    Err(unreadable("None of its sheets has anything in it."))
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
    fn what_unpacks_to_too_much_is_refused_before_it_is_read() {
        let bytes = workbook(&row(1, &["x".repeat(200_000).as_str()]));
        assert!(bytes.len() < 10_000);
        assert!(bounded(&bytes, 100_000).is_err());
        assert!(bounded(&bytes, 1_000_000).is_ok());
    }
}
