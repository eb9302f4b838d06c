//! Faults on request: what goes wrong, with which requests, and how often.

use serde::Deserialize;

/// One fault of the list.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// Only this method.
    #[serde(default)]
    method: Option<String>,
    /// Only paths that start so.
    #[serde(default)]
    path: Option<String>,
    /// Only bodies with this text in them.
    #[serde(default)]
    body: Option<String>,
    /// From which matching request on, from 1.
    #[serde(default = "first")]
    nth: u64,
    /// How many requests it serves.
    times: u64,
    /// What happens.
    then: Then,
    #[serde(skip)]
    matched: u64,
}

fn first() -> u64 {
    1
}

/// What happens to a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Then {
    /// Answer so, without doing the work.
    #[serde(default)]
    pub(crate) status: Option<u16>,
    /// With this header on it, in seconds.
    #[serde(default)]
    pub(crate) retry_after: Option<u64>,
    /// Wait first.
    #[serde(default)]
    pub(crate) delay_ms: Option<u64>,
    /// Close the connection.
    #[serde(default)]
    pub(crate) drop: Option<DropWhen>,
    /// Send half of the answer and close.
    #[serde(default)]
    pub(crate) truncate: bool,
    /// Send something that is no JSON.
    #[serde(default)]
    pub(crate) malformed: bool,
    /// Spoil the rows of a 207.
    #[serde(default)]
    pub(crate) rows: Option<RowFault>,
    /// Answer a list with no records and no further page.
    #[serde(default)]
    pub(crate) empty: bool,
    /// Leave out the link to the next page.
    #[serde(default)]
    pub(crate) last_page: bool,
    /// Leave these fields out of every record of a list.
    #[serde(default)]
    pub(crate) omit: Vec<String>,
}

/// When a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "serde_json::Value")]
pub(crate) enum DropWhen {
    /// Before the work.
    Before,
    /// After it, without an answer.
    After,
}

impl TryFrom<serde_json::Value> for DropWhen {
    type Error = &'static str;

    fn try_from(value: serde_json::Value) -> Result<Self, Self::Error> {
        match value {
            serde_json::Value::Bool(true) => Ok(Self::After),
            serde_json::Value::String(when) if when == "before" => Ok(Self::Before),
            serde_json::Value::String(when) if when == "after" => Ok(Self::After),
            _ => Err("drop is \"before\", \"after\" or true"),
        }
    }
}

/// How the rows of a 207 are spoiled. The work is done all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RowFault {
    /// The last row is not answered.
    Missing,
    /// A row nobody sent is answered.
    Extra,
    /// The rows come in another order.
    Shuffled,
    /// No row says whose it is.
    NoSubject,
}

/// The list of faults.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults(pub(crate) Vec<Fault>);

impl Faults {
    /// Reads a list; the error is a sentence.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, String> {
        let list: Vec<Fault> = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        for fault in &list {
            if fault.nth == 0 {
                return Err("nth counts from 1".to_owned());
            }
            if fault.then.status.is_some_and(|status| !(200..=599).contains(&status)) {
                return Err("status is between 200 and 599".to_owned());
            }
            if fault.then == Then::default() {
                return Err("then says nothing".to_owned());
            }
        }
        Ok(Self(list))
    }

    /// What happens to this request. Every fault that matches counts it; the first whose turn it is serves it.
    pub(crate) fn meet(&mut self, method: &str, path: &str, body: &[u8]) -> Option<Then> {
        let mut met = None;
        for fault in &mut self.0 {
            let matches = fault.method.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
                && fault.path.as_ref().is_none_or(|prefix| path.starts_with(prefix.as_str()))
                && fault.body.as_ref().is_none_or(|text| String::from_utf8_lossy(body).contains(text.as_str()));
            if !matches {
                continue;
            }
            fault.matched += 1;
            if met.is_none() && fault.matched >= fault.nth && fault.matched < fault.nth.saturating_add(fault.times) {
                met = Some(fault.then.clone());
            }
        }
        met
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_serves_so_many_requests_from_the_nth_on() {
        let mut faults = Faults::parse(br#"[{"method":"post","path":"/api","nth":2,"times":2,"then":{"drop":true}}]"#).unwrap();
        let met: Vec<bool> = (0..5).map(|_| faults.meet("POST", "/api/x", b"").is_some()).collect();
        assert_eq!(met, [false, true, true, false, false]);
        assert!(faults.meet("GET", "/api/x", b"").is_none());
    }

    #[test]
    fn a_fault_may_be_about_what_a_body_says() {
        let mut faults = Faults::parse(br#"[{"body":"kim","times":9,"then":{"status":500}}]"#).unwrap();
        assert!(faults.meet("POST", "/x", br#"[{"subject":"kim"}]"#).is_some());
        assert!(faults.meet("POST", "/x", br#"[{"subject":"ann"}]"#).is_none());
    }

    #[test]
    fn nonsense_is_told() {
        for list in [
            "{}",
            "[{}]",
            r#"[{"times":1,"then":{}}]"#,
            r#"[{"times":1,"then":{"drop":"never"}}]"#,
            r#"[{"times":1,"nth":0,"then":{"status":500}}]"#,
        ] {
            assert!(Faults::parse(list.as_bytes()).is_err(), "{list}");
        }
    }
}
