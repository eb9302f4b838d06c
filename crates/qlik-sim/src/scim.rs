//! The SCIM filter subset that Qlik's lists understand (RFC 7644, section 3.4.2.2); conditions ignore case.

use std::collections::BTreeSet;

use crate::clock::parse_iso;

/// A parsed filter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Filter {
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    Test { attribute: &'static str, op: Op, value: Value },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Eq,
    Ne,
    Co,
    Sw,
    Ew,
    Gt,
    Ge,
    Lt,
    Le,
    Pr,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// Lower case.
    Text(String),
    Flag(bool),
    Number(f64),
    /// Milliseconds since 1970.
    Time(i64),
    Null,
}

/// What an attribute holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Flag,
    Time,
}

/// An attribute that a list can be filtered by.
pub(crate) type Attribute = (&'static str, Kind);

/// Something that a filter can look at. Attributes may hold several values; one that passes is enough.
pub(crate) trait Record {
    fn values(&self, attribute: &'static str) -> Vec<String>;
}

/// Parses `text` for a list with these attributes. The error is a sentence for a 400.
pub(crate) fn parse(text: &str, attributes: &[Attribute]) -> Result<Filter, String> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Err("the filter is empty".to_owned());
    }
    let mut parser = Parser { tokens: &tokens, at: 0, attributes, depth: 0 };
    let filter = parser.either()?;
    if parser.at < tokens.len() {
        return Err(format!("unexpected token {} in the filter", parser.at + 1));
    }
    Ok(filter)
}

impl Filter {
    /// The different ids in it, of whatever the list or its attributes hold.
    pub(crate) fn ids(&self) -> BTreeSet<&str> {
        match self {
            Self::And(a, b) | Self::Or(a, b) => {
                let mut ids = a.ids();
                ids.append(&mut b.ids());
                ids
            }
            Self::Not(inner) => inner.ids(),
            Self::Test { attribute, value: Value::Text(id), .. } if attribute.rsplit('.').next() == Some("id") => {
                BTreeSet::from([id.as_str()])
            }
            Self::Test { .. } => BTreeSet::new(),
        }
    }

    /// Whether `record` passes.
    pub(crate) fn passes(&self, record: &dyn Record) -> bool {
        match self {
            Self::And(a, b) => a.passes(record) && b.passes(record),
            Self::Or(a, b) => a.passes(record) || b.passes(record),
            Self::Not(inner) => !inner.passes(record),
            Self::Test { attribute, op, value } => {
                let values = record.values(attribute);
                match op {
                    Op::Pr => values.iter().any(|text| !text.is_empty()),
                    Op::Ne => !values.iter().any(|text| compare(text, Op::Eq, value)),
                    Op::Eq if *value == Value::Null => values.iter().all(String::is_empty),
                    _ => values.iter().any(|text| compare(text, *op, value)),
                }
            }
        }
    }
}

fn compare(text: &str, op: Op, value: &Value) -> bool {
    let ordered = |order: std::cmp::Ordering| match op {
        Op::Eq => order.is_eq(),
        Op::Gt => order.is_gt(),
        Op::Ge => order.is_ge(),
        Op::Lt => order.is_lt(),
        Op::Le => order.is_le(),
        _ => false,
    };
    match value {
        Value::Text(wanted) => {
            let text = text.to_lowercase();
            match op {
                Op::Co => text.contains(wanted),
                Op::Sw => text.starts_with(wanted),
                Op::Ew => text.ends_with(wanted),
                _ => ordered(text.as_str().cmp(wanted.as_str())),
            }
        }
        Value::Flag(wanted) => text.parse::<bool>().is_ok_and(|flag| ordered(flag.cmp(wanted))),
        Value::Number(wanted) => text.parse::<f64>().ok().and_then(|n| n.partial_cmp(wanted)).is_some_and(ordered),
        Value::Time(wanted) => parse_iso(text).is_some_and(|time| ordered(time.cmp(wanted))),
        Value::Null => false,
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Open,
    Close,
    Word(String),
    Text(String),
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    const MOST: usize = 4_096;
    if text.len() > MOST {
        return Err("the filter is too long".to_owned());
    }
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => {}
            '(' => tokens.push(Token::Open),
            ')' => tokens.push(Token::Close),
            '"' => {
                let mut raw = String::from('"');
                loop {
                    match chars.next() {
                        Some('"') => break,
                        Some('\\') => {
                            // A subject such as "MERIDIAN\iaalton" is written with a single backslash by many clients.
                            match chars.peek() {
                                Some('"' | '\\') => {
                                    raw.push('\\');
                                    raw.extend(chars.next());
                                }
                                _ => raw.push_str("\\\\"),
                            }
                        }
                        Some(c) if c.is_control() => return Err("a control character in a filter value".to_owned()),
                        Some(c) => raw.push(c),
                        None => return Err("a filter value has no closing quote".to_owned()),
                    }
                }
                raw.push('"');
                let value: String = serde_json::from_str(&raw).map_err(|_| "a filter value is malformed".to_owned())?;
                tokens.push(Token::Text(value));
            }
            c if c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '$') => {
                let mut word = String::from(c);
                while let Some(c) = chars.next_if(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '$')) {
                    word.push(c);
                }
                tokens.push(Token::Word(word));
            }
            _ => return Err(format!("unexpected “{c}” in the filter")),
        }
    }
    Ok(tokens)
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    attributes: &'a [Attribute],
    depth: u32,
}

impl Parser<'_> {
    fn word_is(&self, word: &str) -> bool {
        matches!(self.tokens.get(self.at), Some(Token::Word(found)) if found.eq_ignore_ascii_case(word))
    }

    fn either(&mut self) -> Result<Filter, String> {
        let mut left = self.both()?;
        while self.word_is("or") {
            self.at += 1;
            left = Filter::Or(Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Filter, String> {
        let mut left = self.one()?;
        while self.word_is("and") {
            self.at += 1;
            left = Filter::And(Box::new(left), Box::new(self.one()?));
        }
        Ok(left)
    }

    fn one(&mut self) -> Result<Filter, String> {
        const DEEPEST: u32 = 40;
        if self.word_is("not") {
            self.at += 1;
            if self.tokens.get(self.at) != Some(&Token::Open) {
                return Err("“not” needs parentheses".to_owned());
            }
            return self.one().map(|inner| Filter::Not(Box::new(inner)));
        }
        match self.tokens.get(self.at) {
            Some(Token::Open) => {
                self.at += 1;
                self.depth += 1;
                if self.depth > DEEPEST {
                    return Err("the filter is nested too deeply".to_owned());
                }
                let inner = self.either()?;
                if self.tokens.get(self.at) != Some(&Token::Close) {
                    return Err("a parenthesis is not closed".to_owned());
                }
                self.at += 1;
                self.depth -= 1;
                Ok(inner)
            }
            Some(Token::Word(word)) => {
                let word = word.clone();
                self.at += 1;
                self.test(&word)
            }
            _ => Err("the filter ends too early or has a value where a name should be".to_owned()),
        }
    }

    fn test(&mut self, name: &str) -> Result<Filter, String> {
        let (attribute, kind) = *self
            .attributes
            .iter()
            .find(|(attribute, _)| attribute.eq_ignore_ascii_case(name))
            .ok_or_else(|| format!("cannot filter by “{name}”"))?;
        let Some(Token::Word(op)) = self.tokens.get(self.at) else { return Err(format!("“{name}” lacks an operator")) };
        let op = match op.to_ascii_lowercase().as_str() {
            "eq" => Op::Eq,
            "ne" => Op::Ne,
            "co" => Op::Co,
            "sw" => Op::Sw,
            "ew" => Op::Ew,
            "gt" => Op::Gt,
            "ge" => Op::Ge,
            "lt" => Op::Lt,
            "le" => Op::Le,
            "pr" => Op::Pr,
            other => return Err(format!("unknown operator “{other}”")),
        };
        self.at += 1;
        if op == Op::Pr {
            return Ok(Filter::Test { attribute, op, value: Value::Null });
        }
        let value = self.tokens.get(self.at).ok_or_else(|| format!("“{name}” lacks a value"))?;
        self.at += 1;
        let value = match (value, kind) {
            (Token::Text(text), Kind::Time) => {
                Value::Time(parse_iso(text).ok_or_else(|| format!("“{name}” is compared with something that is no time"))?)
            }
            (Token::Text(text), Kind::Flag) => {
                Value::Flag(text.to_ascii_lowercase().parse().map_err(|_| format!("“{name}” is true or false"))?)
            }
            (Token::Text(text), Kind::Text) => Value::Text(text.to_lowercase()),
            (Token::Word(word), _) => match (word.to_ascii_lowercase().as_str(), kind) {
                ("true" | "false", Kind::Flag) => Value::Flag(word.eq_ignore_ascii_case("true")),
                ("null", _) => Value::Null,
                (word, Kind::Text) => Value::Number(word.parse().map_err(|_| format!("the value of “{name}” lacks its quotes"))?),
                _ => return Err(format!("“{name}” is compared with a value of another kind")),
            },
            _ => return Err(format!("“{name}” lacks a value")),
        };
        if matches!(op, Op::Co | Op::Sw | Op::Ew) && !matches!(value, Value::Text(_)) {
            return Err(format!("“{name}” can only be compared whole"));
        }
        Ok(Filter::Test { attribute, op, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ATTRIBUTES: &[Attribute] =
        &[("name", Kind::Text), ("created", Kind::Time), ("excess", Kind::Flag), ("roles.id", Kind::Text)];

    struct Sample;

    impl Record for Sample {
        fn values(&self, attribute: &'static str) -> Vec<String> {
            match attribute {
                "name" => vec!["MERIDIAN\\Kim".into()],
                "created" => vec!["2024-03-01T00:00:00.000Z".into()],
                "excess" => vec!["true".into()],
                "roles.id" => vec!["a1".into(), "b2".into()],
                _ => vec![],
            }
        }
    }

    fn passes(filter: &str) -> bool {
        parse(filter, ATTRIBUTES).unwrap_or_else(|error| panic!("{filter}: {error}")).passes(&Sample)
    }

    #[test]
    fn the_subset_of_the_standard() {
        assert!(passes(r#"name eq "meridian\kim""#));
        assert!(passes(r#"name eq "meridian\\kim""#));
        assert!(passes(r#"NAME CO "kim" AND (created ge "2024-01-01T00:00:00Z")"#));
        assert!(passes(r#"not (name sw "x") and roles.id eq "B2""#));
        assert!(!passes(r#"name ew "x" or created lt "2024-01-01T00:00:00Z""#));
        assert!(passes(r#"name ew "x" or excess eq true and name pr"#));
    }

    #[test]
    fn ids_count_once_however_they_are_asked_for() {
        let ids = |filter| parse(filter, ATTRIBUTES).unwrap().ids().len();
        assert_eq!(ids(r#"roles.id eq "a1" or roles.id eq "A1" or (not (roles.id ne "b2") and name eq "c3")"#), 2);
    }

    #[test]
    fn nonsense_is_told() {
        for filter in [
            "",
            "name",
            "name eq",
            "name eq x",
            "nobody eq \"x\"",
            "(name pr",
            "name pr)",
            "name zz \"x\"",
            "created ge \"soon\"",
            "name eq \"x",
            "excess co \"t\"",
        ] {
            assert!(parse(filter, ATTRIBUTES).is_err(), "{filter}");
        }
        assert!(parse(&"(".repeat(5_000), ATTRIBUTES).is_err());
        assert!(parse(&format!("{}name pr{}", "(".repeat(500), ")".repeat(500)), ATTRIBUTES).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "[ ()\"\\\\a-z.0-9]{0,60}") {
            if let Ok(filter) = parse(&text, ATTRIBUTES) { filter.passes(&Sample); }
        }
    }
}
