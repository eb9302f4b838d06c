//! A trail as lines of JSON, which prove themselves where nothing was left out.

use serde_json::Value;

use crate::chain::Hash;
use crate::checkpoint::Signed;
use crate::json::canonical;
use crate::key::PublicKey;
use crate::record::Record;
use crate::verify::{End, Report, Row, Verifier};

/// The first line of an export that leaves something out, and so proves nothing.
pub const FILTERED: &str = "{\"filtered\":true}\n";

/// A record's line.
pub fn record_line(text: &str, hash: &Hash) -> String {
    format!("{{\"record\":{text},\"hash\":\"{hash}\"}}\n")
}

/// What is signed besides a checkpoint where an export ends with it: another export went on, and nobody else can say that it did not.
pub fn end_text(signed: &Signed) -> String {
    format!("qm-export-end {}", signed.checkpoint.text())
}

/// A checkpoint's line. The last one of an export has a signature that says so ([`end_text`]): a file that was cut has none.
pub fn checkpoint_line(signed: &Signed, last: Option<&str>) -> String {
    let end = last.map_or_else(String::new, |signature| format!(",\"last\":\"{signature}\""));
    format!("{{\"checkpoint\":{},\"signature\":\"{}\"{end}}}\n", signed.checkpoint.text(), signed.signature)
}

/// What a line of an export says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A record: its canonical text, what it says where it can be read, and its hash.
    Record(String, Option<Box<Record>>, Hash),
    /// A checkpoint, and the signature that says that it is the last of the export, where there is one.
    Checkpoint(Signed, Option<String>),
    /// Something was left out.
    Filtered,
    /// Nothing that an export says, or not as it says it.
    Unknown,
}

/// Reads a line. It must be what an export would have written, to the byte: a member that is given twice, or one that is not ours,
/// would say one thing to whoever checks it and another to whoever reads it.
pub fn read_line(line: &str) -> Line {
    let Ok(Value::Object(mut members)) = serde_json::from_str(line) else { return Line::Unknown };
    let as_written = |ours: String| ours.trim_end() == line.trim_end_matches(['\r', '\n']);
    if members.contains_key("filtered") {
        return Line::Filtered;
    }
    if let Some(record) = members.remove("record") {
        let text = canonical(&record).unwrap_or_default();
        let hash = members.get("hash").and_then(Value::as_str).and_then(Hash::parse);
        let Some(hash) = hash.filter(|hash| as_written(record_line(&text, hash))) else { return Line::Unknown };
        let record = Record::read(&text).map(Box::new);
        return Line::Record(text, record, hash);
    }
    let last = members.remove("last").and_then(|last| last.as_str().map(str::to_owned));
    match serde_json::from_value(Value::Object(members)) {
        Ok(signed) if as_written(checkpoint_line(&signed, last.as_deref())) => Line::Checkpoint(signed, last),
        _ => Line::Unknown,
    }
}

/// Records that are checked at once.
const AT_ONCE: usize = 20_000;

/// Why an export cannot be checked.
#[derive(Debug, thiserror::Error)]
pub enum NotChecked {
    /// Something was left out when it was taken.
    #[error("the export was filtered, so it does not prove itself; export without filters")]
    Filtered,
    /// There is nothing in it.
    #[error("it holds no records")]
    Empty,
    /// It is something else.
    #[error("no line of it is one of an export of the audit trail as JSON lines")]
    NoExport,
    /// It ends before it is over.
    #[error("{0}")]
    Read(#[from] std::io::Error),
}

/// Checks an export line by line. `elsewhere` are checkpoints that were kept apart from it; without a `trusted` key its own only have
/// to agree with each other.
pub fn verify(
    lines: impl Iterator<Item = std::io::Result<String>>,
    elsewhere: &[Signed],
    trusted: Option<PublicKey>,
) -> Result<Report, NotChecked> {
    let mut verifier: Option<Verifier> = None;
    let (mut rows, mut closed, mut known) = (Vec::new(), false, false);
    for line in lines {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        closed = false;
        let line = read_line(&line);
        known |= line != Line::Unknown;
        let tenant = match &line {
            Line::Filtered => return Err(NotChecked::Filtered),
            Line::Record(_, record, _) => record.as_ref().map(|record| record.tenant.clone()),
            Line::Checkpoint(signed, _) => Some(signed.checkpoint.tenant.clone()),
            Line::Unknown => None,
        };
        let verifier = verifier.get_or_insert_with(|| Verifier::new(&tenant.unwrap_or_default(), Vec::new(), elsewhere, trusted));
        match line {
            Line::Record(text, _, hash) => rows.push(Row { seq: None, text, hash: Some(hash), beside: None }),
            Line::Checkpoint(signed, last) => {
                verifier.rows(&std::mem::take(&mut rows));
                let key = PublicKey::parse(&signed.checkpoint.key);
                closed = last.is_some_and(|last| key.is_some_and(|key| key.signed(&end_text(&signed), &last)));
                verifier.checkpoint(signed);
            }
            Line::Filtered | Line::Unknown => rows.push(Row { seq: None, text: String::new(), hash: None, beside: None }),
        }
        if rows.len() >= AT_ONCE {
            verifier.rows(&std::mem::take(&mut rows));
        }
    }
    let mut verifier = verifier.ok_or(NotChecked::Empty)?;
    if !known {
        return Err(NotChecked::NoExport);
    }
    verifier.rows(&rows);
    Ok(verifier.finish(End::File { closed }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_they_were_written() {
        let record = Record { v: 1, seq: 1, action: "assign".to_owned(), ..Record::default() };
        let hash = Hash::genesis("").then(&record.text());
        let line = record_line(&record.text(), &hash);
        assert_eq!(read_line(&line), Line::Record(record.text(), Some(Box::new(record)), hash));
        assert_eq!(read_line(FILTERED), Line::Filtered);
        assert_eq!(read_line("{}"), Line::Unknown);
        assert_eq!(read_line("x"), Line::Unknown);
    }

    #[test]
    fn a_line_that_says_two_things_is_none() {
        let record = Record { v: 1, seq: 1, action: "assign".to_owned(), ..Record::default() };
        let line = record_line(&record.text(), &Hash::genesis("").then(&record.text()));
        assert!(matches!(read_line(line.trim_end()), Line::Record(..)));
        for (from, to) in [
            ("\"action\":", "\"action\":\"remove\",\"action\":"),
            ("{\"record\":", "{\"record\":{},\"record\":"),
            ("\"hash\":", "\"hash\":\"\",\"hash\":"),
            ("{\"record\":", "{\"checked\":true,\"record\":"),
            ("{\"record\":", "{ \"record\":"),
            ("assign", "\\u0061ssign"),
        ] {
            assert!(line.contains(from));
            assert_eq!(read_line(&line.replacen(from, to, 1)), Line::Unknown, "{to}");
        }
        let deep = "[".repeat(10_000);
        for other in ["seq,at,actor", "{]", "null", &deep] {
            let lines = [Ok(other.to_owned()), Ok(other.to_owned())];
            assert!(matches!(verify(lines.into_iter(), &[], None), Err(NotChecked::NoExport)), "{other:.20}");
        }
    }
}
