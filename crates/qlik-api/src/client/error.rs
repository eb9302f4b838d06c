//! Everything that can go wrong with a call, and whether a write may have happened all the same.

use std::fmt;
use std::time::Duration;

use crate::wire::error::{ErrorBody, ErrorEntry};

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Qlik answered with an error.
    #[error("{0}")]
    Api(ApiError),
    /// The tier is shut for longer than the caller would wait. Nothing was sent.
    #[error("rate limit of {tier} reached, free again in {} s", .retry_after.as_secs_f64().ceil())]
    RateLimited {
        /// Which budget.
        tier: &'static str,
        /// Until when.
        retry_after: Duration,
    },
    /// No connection came about. Nothing was sent.
    #[error("failed to connect to the tenant: {0}")]
    Connect(String),
    /// No answer in time.
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The connection broke before the answer was whole.
    #[error("the connection broke before the answer was whole: {0}")]
    Broken(String),
    /// The answer was larger than allowed.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The answer was not what the API promises.
    #[error("failed to read the answer (status {status}): {reason}")]
    Malformed {
        /// The status it came with.
        status: u16,
        /// What was wrong with it; holds none of its text.
        reason: String,
    },
    /// A redirect left the tenant's host, or had no end.
    #[error("refused to follow a redirect away from the tenant")]
    Redirected,
    /// A list led back to a page it had shown.
    #[error("the list of pages runs in a circle")]
    PageLoop,
    /// The address or an id cannot be part of a URL, or the key of a header.
    #[error("{0}")]
    Unusable(&'static str),
}

/// Whether a failed write may have had an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It had none.
    None,
    /// Nobody knows: read before sending again.
    Unknown,
}

impl CallError {
    /// Whether a write that failed like this may have had an effect.
    pub fn effect(&self) -> Effect {
        match self {
            Self::RateLimited { .. } | Self::Connect(_) | Self::Unusable(_) | Self::Redirected => Effect::None,
            Self::Api(error) if error.status < 500 || error.promises_retry() => Effect::None,
            Self::Api(_) | Self::Timeout(_) | Self::Broken(_) | Self::TooLarge(_) | Self::Malformed { .. } | Self::PageLoop => {
                Effect::Unknown
            }
        }
    }

    /// The status Qlik answered with, where it did.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Api(error) => Some(error.status),
            Self::Malformed { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether a read is worth another try.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Api(error) => matches!(error.status, 500 | 502 | 503 | 504),
            Self::Connect(_) | Self::Timeout(_) | Self::Broken(_) | Self::Malformed { .. } => true,
            _ => false,
        }
    }
}

/// An error answer, both shapes of Qlik's body in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// Every code, title and detail.
    pub errors: Vec<ErrorEntry>,
    /// Identifies the request in Qlik's logs.
    pub trace_id: Option<String>,
    /// How long Qlik asks to wait.
    pub retry_after: Option<Duration>,
}

impl ApiError {
    pub(crate) fn new(status: u16, body: &[u8], trace_header: Option<String>, retry_after: Option<Duration>) -> Self {
        let body: ErrorBody = serde_json::from_slice(body).unwrap_or_default();
        let mut errors = body.errors;
        if errors.is_empty()
            && let Some(message) = body.message.or(body.error)
        {
            errors.push(ErrorEntry { code: String::new(), title: message, detail: None });
        }
        Self { status, errors, trace_id: body.trace_id.or(trace_header), retry_after }
    }

    /// The first code; empty where there is none.
    pub fn code(&self) -> &str {
        self.errors.first().map_or("", |entry| entry.code.as_str())
    }

    /// The first title; the status where there is none.
    pub fn title(&self) -> String {
        match self.errors.first() {
            Some(entry) if !entry.title.is_empty() => entry.title.clone(),
            _ => format!("status {}", self.status),
        }
    }

    /// Turned away before any work was done, with a promise to take it later (429, or 503 with `Retry-After`).
    pub fn promises_retry(&self) -> bool {
        self.status == 429 || (self.status == 503 && self.retry_after.is_some())
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Qlik answered {}", self.status)?;
        for entry in &self.errors {
            write!(f, ": {} {}", entry.code, entry.title)?;
            if let Some(detail) = &entry.detail {
                write!(f, " ({detail})")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_shapes_become_one() {
        let licenses = br#"{"error":"x","message":"y","errors":[{"code":"LICENSES-123","title":"Bad","detail":"more"}]}"#;
        let groups = br#"{"errors":[{"code":"GROUPS-7","title":"Gone"}],"traceId":"t1"}"#;
        assert_eq!(ApiError::new(400, licenses, None, None).to_string(), "Qlik answered 400: LICENSES-123 Bad (more)");
        assert_eq!(ApiError::new(404, groups, None, None).trace_id.as_deref(), Some("t1"));
        assert_eq!(ApiError::new(502, b"<html>", None, None).title(), "status 502");
        assert_eq!(ApiError::new(400, br#"{"message":"only this"}"#, None, None).title(), "only this");
    }

    #[test]
    fn effects_are_known_only_where_nothing_ran() {
        let api = |status, wait: Option<u64>| CallError::Api(ApiError::new(status, b"", None, wait.map(Duration::from_secs)));
        assert_eq!(api(403, None).effect(), Effect::None);
        assert_eq!(api(429, None).effect(), Effect::None);
        assert_eq!(api(503, Some(2)).effect(), Effect::None);
        assert_eq!(api(503, None).effect(), Effect::Unknown);
        assert_eq!(CallError::Broken(String::new()).effect(), Effect::Unknown);
    }
}
