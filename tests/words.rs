//! What a person reads is standard English in the field's words: those that an admin would stop at are named here.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panicking")]

use std::path::{Path, PathBuf};

use regex::Regex;

/// Words that say less, or something else, to whoever did not write the code; with what is said instead.
const FORBIDDEN: [(&str, &str); 16] = [
    ("mend(s|ed|ing)?", "fix, correct"),
    ("faults?", "error"),
    ("usual license", "default license"),
    ("ways? out", "options"),
    ("(take|takes|taken|took) back", "remove"),
    ("(no|without) bound", "unlimited"),
    ("(draw|draws|drawn|drew) up", "create"),
    ("settled?", "processed, finished"),
    ("whoever", "anyone who"),
    ("shall", "will, should"),
    ("(every|no|some)body", "everyone, no one, someone"),
    ("discarded", "deleted"),
    ("forg[eo]t(ten)?", "deleted"),
    ("withdr(aw|ew|awn)", "revoke"),
    ("mails?", "email"),
    ("allotments?", "license type"),
];

/// Sentences about signing in that were agreed word for word.
const AGREED: [&str; 2] = ["so nobody was signed in.", "Send this to whoever runs Quartermaster"];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") && path.file_name().is_some_and(|name| name != "tests.rs")
        {
            found.push(path);
        }
    }
}

/// The texts in a file that are more than a word: what a page, an error or the log says.
fn texts(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]\nmod tests").next().unwrap();
    let token = Regex::new(r##"(?s)b?'(?:\\.|[^'\\])'|//[^\n]*|b?r#".*?"#|b?"(?:\\.|[^"\\])*""##).unwrap();
    let whole = token.find_iter(source).map(|found| found.as_str());
    let texts = whole.filter(|text| text.starts_with('"')).map(|text| text.trim_matches('"').to_owned());
    texts.filter(|text| text.trim().contains(' ')).collect()
}

#[test]
fn nothing_that_a_person_reads_is_dialect() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut all = Vec::new();
    for folder in ["src", "crates/domain/src", "crates/engine/src"] {
        files(&root.join(folder), &mut all);
    }
    // A class of the style sheet, such as `c-mail`, is no word.
    let forbidden =
        FORBIDDEN.map(|(word, instead)| (Regex::new(&format!(r"(?i)(^|[^-\w]){word}($|[^-\w])")).unwrap(), word, instead));
    let mut wrong = Vec::new();
    for file in &all {
        let source = std::fs::read_to_string(file).unwrap();
        for text in texts(&source) {
            let text = AGREED.iter().fold(text, |text, agreed| text.replace(agreed, ""));
            for (pattern, word, instead) in &forbidden {
                if pattern.is_match(&text) {
                    wrong.push(format!("{}: “{text}” says “{word}”: {instead}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn texts_are_found_and_comments_are_not() {
    let source = r#"let a = "Mend the fault"; let b = '"'; // "shall we"
        view! { <p class="note">"Whoever holds one"</p> }"#;
    assert_eq!(texts(source), ["Mend the fault", "Whoever holds one"]);
}
