//! Answers and error bodies, in the shape of the service that gives them.

use serde_json::{Value, json};

/// Which service answers: they spell errors differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// `{error, errors, message}`
    Licenses,
    /// `{errors, traceId}`
    Identity,
}

/// An answer before faults get at it.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Option<Value>,
    /// A page for people, instead of a body.
    pub(crate) page: Option<String>,
    /// What the rows of an assignment action did, for the request log.
    pub(crate) rows: Vec<Value>,
}

impl Reply {
    pub(crate) fn json(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body: Some(body), page: None, rows: Vec::new() }
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: None, page: None, rows: Vec::new() }
    }

    pub(crate) fn page(html: String) -> Self {
        Self { page: Some(html), ..Self::empty(200) }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// A refusal, not yet in the words of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) title: String,
    pub(crate) detail: Option<String>,
    pub(crate) retry_after: Option<u64>,
}

impl Refusal {
    pub(crate) fn new(status: u16, code: &'static str, title: impl Into<String>) -> Self {
        Self { status, code, title: title.into(), detail: None, retry_after: None }
    }

    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// 400 for input that makes no sense.
    pub(crate) fn bad(detail: impl Into<String>) -> Self {
        Self::new(400, "HTTP-400", "Bad request").detail(detail)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "HTTP-401", "Unauthorized").detail("The token is missing, invalid or revoked.")
    }

    pub(crate) fn forbidden() -> Self {
        Self::new(403, "HTTP-403", "Forbidden").detail("Insufficient access")
    }

    pub(crate) fn not_found() -> Self {
        Self::new(404, "HTTP-404", "Not found")
    }

    pub(crate) fn too_many(wait_s: u64) -> Self {
        let mut refusal = Self::new(429, "HTTP-429", "API rate limit reached.")
            .detail(format!("You need to wait {wait_s} seconds until limit is lifted."));
        refusal.retry_after = Some(wait_s);
        refusal
    }

    /// The answer in the words of `service`.
    pub(crate) fn reply(self, service: Service, trace: &str) -> Reply {
        let mut entry = json!({ "code": self.code, "title": self.title });
        if let (Some(detail), Some(entry)) = (&self.detail, entry.as_object_mut()) {
            entry.insert("detail".to_owned(), json!(detail));
        }
        let body = match service {
            // The rate limiter stands before every service and answers in one form.
            _ if self.status == 429 => json!({ "errors": [entry] }),
            Service::Licenses => json!({
                "error": self.code,
                "errors": [entry],
                "message": self.detail.unwrap_or(self.title),
            }),
            Service::Identity => json!({ "errors": [entry], "traceId": trace }),
        };
        let reply = Reply::json(self.status, body);
        match self.retry_after {
            Some(wait) => reply.header("retry-after", wait.to_string()),
            None => reply,
        }
    }
}
