//! The call core: build, limit, send, bound, retry what is safe, and read the answer.

use std::sync::{Arc, Once};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::{debug, warn};
use url::Url;

use super::credential::Credential;
use super::error::{ApiError, CallError};
use super::limiter::{Budget, Limiter, Permit};
use super::tier::{Operation, Tier, WINDOW};
use super::urgency::Urgency;

/// The API version this client was written against; sent as `qlik-api-version`.
pub(crate) const API_VERSION: &str = "2026-08";

/// How long and how much at most.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// To connect.
    pub connect: Duration,
    /// For the whole call.
    pub call: Duration,
    /// Bytes of an answer.
    pub body: usize,
    /// Tries of what is safe to repeat.
    pub tries: u32,
    /// How long a person waits for the limiter.
    pub patience: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            call: Duration::from_secs(30),
            body: 16 * 1024 * 1024,
            tries: 3,
            patience: Duration::from_secs(8),
        }
    }
}

/// A client of one tenant. Cheap to clone; clones share the limiter.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    bounds: Bounds,
    limiter: Arc<Limiter>,
}

/// Builds a [`Client`] with other bounds than the usual ones.
#[derive(Debug)]
pub struct ClientBuilder {
    base: String,
    bounds: Bounds,
    window: Duration,
}

impl ClientBuilder {
    /// Sets the bounds.
    #[must_use]
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Sets how many times Qlik's published rate limits the tenant is granted; 1 is usual. The window shrinks by it, five
    /// minutes at Qlik, so that the pace is that much higher and bursts are no larger.
    #[must_use]
    pub fn rate_scale(mut self, scale: u32) -> Self {
        self.window = WINDOW / scale.max(1);
        self
    }

    /// Builds the client.
    pub fn build(self) -> Result<Client, CallError> {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            // Another part of the program may have installed one: then that one serves.
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let base = Url::parse(&self.base).map_err(|_| CallError::Unusable("the tenant's address is not a URL"))?;
        let local = base.host_str().is_some_and(|host| host == "localhost" || host.starts_with("127.") || host == "[::1]");
        match base.scheme() {
            "https" => {}
            "http" if local => {}
            _ => return Err(CallError::Unusable("the tenant's address must be https, or http on loopback")),
        }
        let http = reqwest::Client::builder()
            .connect_timeout(self.bounds.connect)
            .redirect(reqwest::redirect::Policy::none())
            .pool_idle_timeout(Duration::from_secs(30))
            .user_agent(concat!("quartermaster/", env!("CARGO_PKG_VERSION")));
        // A company's way out is taken where the environment names one (`HTTPS_PROXY`, `NO_PROXY`); never for this machine.
        let http = if local { http.no_proxy() } else { http };
        let http = http.build().map_err(|error| CallError::Connect(without_url(error)))?;
        Ok(Client { http, base, bounds: self.bounds, limiter: Arc::new(Limiter::new(self.window)) })
    }
}

/// Leave to send one write, held since before it was written down that it leaves: waiting for the limiter is over by then.
#[derive(Debug)]
pub struct Reserved<'a>(Permit<'a>);

/// How a write gets its leave.
#[derive(Debug)]
pub enum Leave<'a> {
    /// It waits for the limiter by itself, and waits out a 429.
    Ask(Urgency),
    /// It has it. A 429 is given back to whoever reserved: only they know what else must happen before the next try.
    Given(Reserved<'a>),
}

impl From<Urgency> for Leave<'_> {
    fn from(urgency: Urgency) -> Self {
        Self::Ask(urgency)
    }
}

impl<'a> From<Reserved<'a>> for Leave<'a> {
    fn from(reserved: Reserved<'a>) -> Self {
        Self::Given(reserved)
    }
}

/// The parts of a call that differ.
pub(crate) struct Parts<'a> {
    pub(crate) id: Option<&'a str>,
    pub(crate) query: Option<String>,
    pub(crate) body: Option<Bytes>,
}

impl Parts<'_> {
    pub(crate) const NONE: Parts<'static> = Parts { id: None, query: None, body: None };
}

impl Client {
    /// A client of the tenant at `base`, with the usual bounds.
    pub fn new(base: &str) -> Result<Self, CallError> {
        Self::builder(base).build()
    }

    /// Starts building a client of the tenant at `base`.
    pub fn builder(base: &str) -> ClientBuilder {
        ClientBuilder { base: base.to_owned(), bounds: Bounds::default(), window: WINDOW }
    }

    /// Where the budget of this credential stands.
    pub fn budget(&self, credential: &Credential, tier: Tier) -> Budget {
        self.limiter.budget(credential.budget(), tier)
    }

    /// Counts calls that somebody else made with this credential's budget, so long ago each.
    pub fn remember_calls(&self, credential: &Credential, tier: Tier, ages: &[Duration]) {
        self.limiter.remember(Arc::from(credential.budget()), tier, ages);
    }

    /// Tells the limiter how many users the tenant has, for the tenant-wide cap.
    pub fn set_tenant_users(&self, users: usize) {
        self.limiter.set_tenant_users(users);
    }

    /// How long a call may take; a write without an answer by then can no longer take effect soon after.
    pub fn deadline(&self) -> Duration {
        self.bounds.call
    }

    /// Waits for leave to make one write, as a job does: for as long as it takes.
    pub async fn reserve(&self, credential: &Credential) -> Result<Reserved<'_>, CallError> {
        let user: Arc<str> = Arc::from(credential.budget());
        self.limiter.acquire(user, Tier::Two, Urgency::Job, None).await.map(Reserved)
    }

    /// A write, with its leave or without.
    pub(crate) async fn write<T: DeserializeOwned>(
        &self,
        credential: &Credential,
        leave: Leave<'_>,
        operation: &Operation,
        parts: Parts<'_>,
    ) -> Result<T, CallError> {
        let Reserved(permit) = match leave {
            Leave::Ask(urgency) => return self.call(credential, urgency, operation, parts).await,
            Leave::Given(reserved) => reserved,
        };
        let url = self.url(operation, &parts)?;
        let (status, headers, body) = self.send_permitted(permit, credential, operation, &url, parts.body).await?;
        if status == StatusCode::TOO_MANY_REQUESTS {
            let asked = retry_after(&headers);
            let wait = self.limiter.shut(&Arc::from(credential.budget()), operation.tier, asked);
            let mut error = ApiError::new(status.as_u16(), &body, trace(&headers), asked);
            error.retry_after = Some(wait);
            return Err(CallError::Api(error));
        }
        if !status.is_success() {
            return Err(CallError::Api(ApiError::new(status.as_u16(), &body, trace(&headers), retry_after(&headers))));
        }
        parse(status, &body)
    }

    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        credential: &Credential,
        urgency: Urgency,
        operation: &Operation,
        parts: Parts<'_>,
    ) -> Result<T, CallError> {
        let tries = if operation.repeatable { self.bounds.tries.max(1) } else { 1 };
        let mut tried = 0;
        loop {
            tried += 1;
            let outcome = match self.exchange(credential, urgency, operation, &parts).await {
                Ok((status, body)) => parse(status, &body),
                Err(error) => Err(error),
            };
            match outcome {
                Err(error) if tried < tries && error.is_passing() => {
                    warn!(operation = operation.name, %error, tried, "will try again");
                    let asked = if let CallError::Api(error) = &error { error.retry_after } else { None };
                    let wait = asked.unwrap_or(Duration::from_millis(200 << tried));
                    if urgency == Urgency::Person && wait > self.bounds.patience {
                        return Err(error);
                    }
                    tokio::time::sleep(wait).await;
                }
                other => return other,
            }
        }
    }

    /// One exchange, redirects within the tenant and waiting out a 429 included.
    async fn exchange(
        &self,
        credential: &Credential,
        urgency: Urgency,
        operation: &Operation,
        parts: &Parts<'_>,
    ) -> Result<(StatusCode, Bytes), CallError> {
        const MAX_REDIRECTS: usize = 3;
        const MAX_REFUSALS: usize = 4;
        let mut url = self.url(operation, parts)?;
        let (mut redirects, mut refusals) = (0, 0);
        loop {
            let (status, headers, body) = self.send(credential, urgency, operation, &url, parts.body.clone()).await?;
            if status.is_redirection() && operation.method == Method::GET {
                redirects += 1;
                url = self.redirect_target(&url, &headers).filter(|_| redirects <= MAX_REDIRECTS).ok_or(CallError::Redirected)?;
                continue;
            }
            if status == StatusCode::TOO_MANY_REQUESTS {
                let asked = retry_after(&headers);
                let user: Arc<str> = Arc::from(credential.budget());
                let wait = self.limiter.shut(&user, operation.tier, asked);
                warn!(
                    operation = operation.name,
                    tier = operation.tier.name(),
                    wait_s = wait.as_secs_f64(),
                    "rate limited by Qlik"
                );
                refusals += 1;
                // A 429 was turned away before any work was done, so sending again is safe for writes too.
                let gives_up = refusals >= MAX_REFUSALS || (urgency == Urgency::Person && wait > self.bounds.patience);
                if gives_up {
                    let mut error = ApiError::new(status.as_u16(), &body, trace(&headers), asked);
                    error.retry_after = Some(wait);
                    return Err(CallError::Api(error));
                }
                continue;
            }
            if !status.is_success() {
                return Err(CallError::Api(ApiError::new(status.as_u16(), &body, trace(&headers), retry_after(&headers))));
            }
            return Ok((status, body));
        }
    }

    /// Sends one request and reads its whole answer, under one permit and one deadline.
    async fn send(
        &self,
        credential: &Credential,
        urgency: Urgency,
        operation: &Operation,
        url: &Url,
        body: Option<Bytes>,
    ) -> Result<(StatusCode, HeaderMap, Bytes), CallError> {
        let user: Arc<str> = Arc::from(credential.budget());
        let patience = (urgency == Urgency::Person).then_some(self.bounds.patience);
        let permit = self.limiter.acquire(user, operation.tier, urgency, patience).await?;
        self.send_permitted(permit, credential, operation, url, body).await
    }

    async fn send_permitted(
        &self,
        permit: Permit<'_>,
        credential: &Credential,
        operation: &Operation,
        url: &Url,
        body: Option<Bytes>,
    ) -> Result<(StatusCode, HeaderMap, Bytes), CallError> {
        let user: Arc<str> = Arc::from(credential.budget());
        let authorization = credential.header().ok_or(CallError::Unusable("the key has characters that no key has"))?;
        let mut request = self
            .http
            .request(operation.method.clone(), url.clone())
            .header(header::AUTHORIZATION, authorization)
            .header(header::ACCEPT, "application/json")
            .header("qlik-api-version", API_VERSION);
        if let Some(body) = body {
            request = request.header(header::CONTENT_TYPE, "application/json").body(body);
        }
        let outcome = self.answered(request).await;
        drop(permit);
        let (status, headers, body) = outcome?;
        debug!(operation = operation.name, status = status.as_u16(), bytes = body.len(), "answered");
        if status != StatusCode::TOO_MANY_REQUESTS {
            self.limiter.went_through(&user, operation.tier);
        }
        for name in ["deprecation", "sunset"] {
            if let Some(value) = headers.get(name).and_then(|value| value.to_str().ok()) {
                warn!(operation = operation.name, header = name, value, "Qlik will withdraw this operation");
            }
        }
        Ok((status, headers, body))
    }

    /// Sends a request and reads its whole answer, under one deadline.
    pub(super) async fn answered(&self, request: reqwest::RequestBuilder) -> Result<(StatusCode, HeaderMap, Bytes), CallError> {
        let exchange = async {
            #[expect(clippy::disallowed_methods, reason = "this is the one place")]
            let mut response = request.send().await.map_err(transport)?;
            let (status, headers) = (response.status(), response.headers().clone());
            let mut whole = BytesMut::new();
            while let Some(chunk) = response.chunk().await.map_err(|error| CallError::Broken(without_url(error)))? {
                if whole.len() + chunk.len() > self.bounds.body {
                    return Err(CallError::TooLarge(self.bounds.body));
                }
                whole.extend_from_slice(&chunk);
            }
            Ok((status, headers, whole.freeze()))
        };
        tokio::time::timeout(self.bounds.call, exchange).await.unwrap_or(Err(CallError::Timeout(self.bounds.call)))
    }

    pub(super) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Leave for a call that has no credential, from a budget of this name.
    pub(super) async fn permit(&self, budget: &str, tier: Tier, urgency: Urgency) -> Result<Permit<'_>, CallError> {
        let patience = (urgency == Urgency::Person).then_some(self.bounds.patience);
        self.limiter.acquire(Arc::from(budget), tier, urgency, patience).await
    }

    /// An address of the tenant outside of its API.
    pub(super) fn address(&self, path: &str) -> Result<Url, CallError> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| CallError::Unusable("the tenant's address has no path"))?
            .pop_if_empty()
            .extend(path.split('/'));
        Ok(url)
    }

    fn url(&self, operation: &Operation, parts: &Parts<'_>) -> Result<Url, CallError> {
        let mut url = self.base.clone();
        {
            let mut segments = url.path_segments_mut().map_err(|()| CallError::Unusable("the tenant's address has no path"))?;
            segments.pop_if_empty();
            for segment in operation.path.trim_start_matches('/').split('/') {
                match (segment, parts.id) {
                    ("{}", Some("" | "." | "..") | None) => return Err(CallError::Unusable("the id is empty")),
                    ("{}", Some(id)) => segments.push(id),
                    _ => segments.push(segment),
                };
            }
        }
        url.set_query(parts.query.as_deref().filter(|query| !query.is_empty()));
        Ok(url)
    }

    /// Where a redirect leads, if it stays with the tenant.
    fn redirect_target(&self, from: &Url, headers: &HeaderMap) -> Option<Url> {
        let location = headers.get(header::LOCATION)?.to_str().ok()?;
        let target = from.join(location).ok()?;
        (target.origin() == self.base.origin()).then_some(target)
    }
}

/// Spells query pairs out; `+` becomes `%2B`, as `sort` needs.
pub(crate) fn query(pairs: &[(&str, &str)]) -> String {
    let mut out = url::form_urlencoded::Serializer::new(String::new());
    for (key, value) in pairs {
        out.append_pair(key, value);
    }
    out.finish()
}

pub(crate) fn json<T: Serialize>(value: &T) -> Result<Option<Bytes>, CallError> {
    serde_json::to_vec(value)
        .map(|bytes| Some(bytes.into()))
        .map_err(|_| CallError::Unusable("the request cannot be written as JSON"))
}

/// An answer without content is the unit or an empty object.
fn parse<T: DeserializeOwned>(status: StatusCode, body: &[u8]) -> Result<T, CallError> {
    let body = if body.is_empty() { b"null" } else { body };
    serde_json::from_slice(body).map_err(|error| CallError::Malformed {
        status: status.as_u16(),
        // The category and the place only: an answer can hold names of people.
        reason: format!("{:?} error at line {} column {}", error.classify(), error.line(), error.column()),
    })
}

/// The wait Qlik asks for, in seconds or as a date.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    /// Longer than this is a misunderstanding, not a limit.
    const MOST: Duration = Duration::from_hours(1);
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match value.parse::<f64>() {
        Ok(seconds) if seconds.is_finite() && seconds >= 0.0 => Duration::try_from_secs_f64(seconds).ok()?,
        Ok(_) => return None,
        Err(_) => {
            let until = httpdate::parse_http_date(value).ok()?;
            // The answer's own date, where it has one: clocks differ.
            let base = headers.get(header::DATE).and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
            #[expect(clippy::disallowed_methods, reason = "a date on the wire can only be compared with the wall clock")]
            let now = base.unwrap_or_else(std::time::SystemTime::now);
            until.duration_since(now).unwrap_or_default()
        }
    };
    Some(wait.min(MOST))
}

pub(super) fn trace(headers: &HeaderMap) -> Option<String> {
    ["traceparent", "x-trace-id", "qlik-trace-id"]
        .iter()
        .find_map(|name| headers.get(*name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned))
}

fn transport(error: reqwest::Error) -> CallError {
    if error.is_connect() { CallError::Connect(without_url(error)) } else { CallError::Broken(without_url(error)) }
}

/// The chain of causes, without the address, which may hold a cursor.
fn without_url(error: reqwest::Error) -> String {
    use std::error::Error as _;
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plus_in_sort_is_spelled_out() {
        assert_eq!(query(&[("sort", "+name"), ("limit", "100")]), "sort=%2Bname&limit=100");
    }

    #[test]
    fn retry_after_takes_seconds_and_dates() {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", "13".parse().unwrap());
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(13)));
        headers.insert("date", "Sun, 22 Nov 2026 12:00:00 GMT".parse().unwrap());
        headers.insert("retry-after", "Sun, 22 Nov 2026 12:00:20 GMT".parse().unwrap());
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(20)));
        headers.insert("retry-after", "soon".parse().unwrap());
        assert_eq!(retry_after(&headers), None);
    }

    #[test]
    fn only_https_or_loopback() {
        assert!(Client::new("http://tenant.example.com").is_err());
        assert!(Client::new("http://127.0.0.1:4000").is_ok());
        assert!(Client::new("ftp://127.0.0.1").is_err());
    }

    #[test]
    fn ids_cannot_leave_their_segment() {
        let client = Client::new("http://127.0.0.1:4000").unwrap();
        let url = |id| client.url(&super::super::operations::GET_GROUP, &Parts { id: Some(id), ..Parts::NONE });
        assert_eq!(url("a/../b?c").unwrap().as_str(), "http://127.0.0.1:4000/api/v1/groups/a%2F..%2Fb%3Fc");
        assert!(url("..").is_err() && url("").is_err());
    }
}
