//! Reads a configuration file with places, so that every fault is told at once with file and line; the environment wins over it.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Environment variables that override scalars start so: `QUARTERMASTER__SERVER__LISTEN`.
const ENV_PREFIX: &str = "QUARTERMASTER__";

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where: `Leptos.toml:12`, or the environment variable.
    pub place: String,
    /// What is wrong, and what would be right.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}

#[derive(Debug, Clone)]
enum Value {
    Text(String),
    Number(i64),
    Flag(bool),
    List(Vec<String>),
    Other(&'static str),
}

#[derive(Debug, Clone)]
struct Scalar {
    place: String,
    value: Value,
}

pub(super) struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    faults: Vec<Fault>,
    /// What nobody has taken yet, by dotted key.
    scalars: BTreeMap<String, Scalar>,
    /// Tables without anything in them, by dotted name, and where they begin.
    empty: BTreeMap<String, String>,
}

impl<'a> Reader<'a> {
    /// Reads the text of a file, and the environment over it.
    pub(super) fn of(file: &'a str, text: &'a str, environment: impl IntoIterator<Item = (String, String)>) -> Self {
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut reader = Self { file, text, faults: Vec::new(), scalars: BTreeMap::new(), empty: BTreeMap::new() };
        for error in errors {
            let place = reader.place(error.span().map_or(0, |span| span.start));
            reader.faults.push(Fault { place, reason: format!("is not valid TOML: {}", error.message()) });
        }
        reader.walk("", table.get_ref());
        for (name, value) in environment {
            if let Some(rest) = name.strip_prefix(ENV_PREFIX) {
                let key = rest.split("__").map(str::to_lowercase).collect::<Vec<_>>().join(".");
                reader.scalars.insert(key, Scalar { place: name, value: Value::Text(value) });
            }
        }
        reader
    }

    /// The file's name.
    pub(super) fn file(&self) -> &'a str {
        self.file
    }

    /// The names of the tables right below one, such as the ids of `tenants`, each with where it begins.
    pub(super) fn tables(&self, below: &str) -> BTreeMap<String, String> {
        let prefix = format!("{below}.");
        let mut tables = BTreeMap::new();
        let scalars = self.scalars.iter().map(|(key, scalar)| (key, &scalar.place));
        for (key, place) in scalars.chain(&self.empty) {
            if let Some(name) = key.strip_prefix(&prefix).and_then(|rest| rest.split('.').next()) {
                tables.entry(name.to_owned()).or_insert_with(|| place.clone());
            }
        }
        tables
    }

    /// A list of strings, with where it stands; a fault where it is anything else.
    pub(super) fn list(&mut self, key: &str) -> Option<(String, Vec<String>)> {
        let scalar = self.scalars.remove(key)?;
        match scalar.value {
            Value::List(list) => return Some((scalar.place, list)),
            // From the environment a list is TOML as well.
            Value::Text(text) if scalar.place.starts_with(ENV_PREFIX) => {
                if let Some(list) = list_of(&text) {
                    return Some((scalar.place, list));
                }
            }
            _ => {}
        }
        self.fault(&scalar.place, format!("`{key}` must be a list of strings"));
        None
    }

    /// What was read, if nothing is wrong with it and nothing is left over.
    pub(super) fn end<T>(mut self, read: T) -> Result<T, Vec<Fault>> {
        for (key, scalar) in std::mem::take(&mut self.scalars) {
            self.fault(&scalar.place, format!("`{key}` is not a setting of Quartermaster"));
        }
        if self.faults.is_empty() { Ok(read) } else { Err(self.faults) }
    }

    fn place(&self, offset: usize) -> String {
        let line = self.text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1;
        format!("{}:{line}", self.file)
    }

    fn walk(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let name = if prefix.is_empty() { key.get_ref().to_string() } else { format!("{prefix}.{}", key.get_ref()) };
            if let DeValue::Table(inner) = value.get_ref() {
                if inner.is_empty() {
                    self.empty.insert(name.clone(), self.place(key.span().start));
                }
                self.walk(&name, inner);
                continue;
            }
            let scalar = Scalar { place: self.place(key.span().start), value: scalar(value) };
            self.scalars.insert(name, scalar);
        }
    }

    pub(super) fn fault(&mut self, place: &str, reason: impl Into<String>) {
        self.faults.push(Fault { place: place.to_owned(), reason: reason.into() });
    }

    /// A string, with where it stands.
    pub(super) fn text(&mut self, key: &str) -> Option<(String, String)> {
        let scalar = self.scalars.remove(key)?;
        match scalar.value {
            Value::Text(text) => Some((scalar.place, text)),
            Value::List(_) => {
                self.fault(&scalar.place, format!("`{key}` must be a string, and is a list"));
                None
            }
            Value::Number(_) => {
                self.fault(&scalar.place, format!("`{key}` must be a string, and is a number"));
                None
            }
            Value::Flag(_) => {
                self.fault(&scalar.place, format!("`{key}` must be a string, and is true or false"));
                None
            }
            Value::Other(kind) => {
                self.fault(&scalar.place, format!("`{key}` must be a string, and is a {kind}"));
                None
            }
        }
    }

    /// A string that passes a test, with where it stands; another one is left to be read as something else.
    pub(super) fn text_if(&mut self, key: &str, takes: impl Fn(&str) -> bool) -> Option<(String, String)> {
        match self.scalars.get(key) {
            Some(Scalar { value: Value::Text(text), .. }) if takes(text) => self.text(key),
            _ => None,
        }
    }

    /// A whole number within bounds; `usual` where it is not set or not usable.
    pub(super) fn number(&mut self, key: &str, usual: u32, bounds: std::ops::RangeInclusive<u32>) -> u32 {
        let Some(scalar) = self.scalars.remove(key) else { return usual };
        let number = match &scalar.value {
            Value::Number(number) => u32::try_from(*number).ok(),
            // From the environment everything is text.
            Value::Text(text) => text.parse().ok(),
            Value::Flag(_) | Value::List(_) | Value::Other(_) => None,
        };
        number.filter(|number| bounds.contains(number)).unwrap_or_else(|| {
            self.fault(&scalar.place, format!("`{key}` must be a whole number from {} to {}", bounds.start(), bounds.end()));
            usual
        })
    }

    /// `true` or `false`; `usual` where it is not set or not usable.
    pub(super) fn flag(&mut self, key: &str, usual: bool) -> bool {
        let Some(scalar) = self.scalars.remove(key) else { return usual };
        let flag = match &scalar.value {
            Value::Flag(flag) => Some(*flag),
            // From the environment everything is text.
            Value::Text(text) => text.parse().ok(),
            Value::Number(_) | Value::List(_) | Value::Other(_) => None,
        };
        flag.unwrap_or_else(|| {
            self.fault(&scalar.place, format!("`{key}` must be true or false"));
            usual
        })
    }

    /// Where a key stands, before it is read; the file where it is not set.
    pub(super) fn place_of(&self, key: &str) -> String {
        self.scalars.get(key).map_or_else(|| self.file.to_owned(), |scalar| scalar.place.clone())
    }

    /// Leaves everything below a table unread: what is wrong with the table was said.
    pub(super) fn forget(&mut self, table: &str) {
        let below = format!("{table}.");
        self.scalars.retain(|key, _| !key.starts_with(&below));
    }

    /// An address with a port.
    pub(super) fn address(&mut self, key: &str) -> Option<SocketAddr> {
        let (place, text) = self.text(key)?;
        match text.parse() {
            Ok(address) => Some(address),
            Err(_) => {
                self.fault(&place, format!("`{key}` must be an address with a port, such as 127.0.0.1:3000, and is “{text}”"));
                None
            }
        }
    }
}

/// A list of strings that stands alone, as `["a", "b"]`.
fn list_of(text: &str) -> Option<Vec<String>> {
    let text = format!("list = {text}");
    let table = DeTable::parse(&text).ok()?;
    match table.get_ref().get("list").map(scalar)? {
        Value::List(list) => Some(list),
        _ => None,
    }
}

fn scalar(value: &Spanned<DeValue<'_>>) -> Value {
    match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Array(list) => {
            let texts: Option<Vec<String>> = list.iter().map(|entry| entry.get_ref().as_str().map(ToOwned::to_owned)).collect();
            texts.map_or(Value::Other("list with other values than strings"), Value::List)
        }
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or(Value::Other("number too large"), Value::Number)
        }
        other => Value::Other(other.type_str()),
    }
}
