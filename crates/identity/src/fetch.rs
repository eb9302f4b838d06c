//! Requests to a provider: bounded in time and size, never led elsewhere.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::header::{ACCEPT, HeaderValue};
use url::{Host, Url};

/// To connect, at most.
const CONNECT: Duration = Duration::from_secs(5);
/// For a whole request, at most.
const WHOLE: Duration = Duration::from_secs(10);
/// Of an answer, at most, in bytes.
const MOST: usize = 1024 * 1024;

/// Whether an address may be asked: https, or http on this machine.
pub(crate) fn is_safe(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    };
    url.scheme() == "https" && url.host().is_some() || url.scheme() == "http" && loopback
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Makes requests.
#[derive(Debug, Clone)]
pub(crate) struct Fetcher {
    http: reqwest::Client,
}

impl Fetcher {
    /// `local`: the provider is on this machine, so no way out is taken for it.
    pub(crate) fn new(local: bool) -> Result<Self, String> {
        static PROVIDER: std::sync::Once = std::sync::Once::new();
        PROVIDER.call_once(|| {
            // Another part of the program may have installed one: then that one serves.
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(WHOLE)
            // A code is exchanged once: on a connection that the provider closes in that moment, idle as it was, the sign-in would be lost.
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("quartermaster/", env!("CARGO_PKG_VERSION")));
        let http = if local { http.no_proxy() } else { http };
        http.build().map(|http| Self { http }).map_err(told)
    }

    /// Reads what is at an address.
    pub(crate) async fn get(&self, url: &Url, bearer: Option<&str>) -> Result<Answer, String> {
        let request = self.http.get(url.clone());
        let request = match bearer {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        read(request).await
    }

    /// Reads what is at an address, with these headers.
    pub(crate) async fn get_with(&self, url: &Url, headers: reqwest::header::HeaderMap) -> Result<(u16, Vec<u8>), String> {
        read(self.http.get(url.clone()).headers(headers)).await.map(|answer| (answer.status, answer.body))
    }

    /// Sends a form.
    pub(crate) async fn post(&self, url: &Url, pairs: &[(&str, &str)], basic: Option<(&str, &str)>) -> Result<Answer, String> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        let request = self.http.post(url.clone()).header(reqwest::header::CONTENT_TYPE, form).body(body);
        let request = match basic {
            // Both halves are form-encoded first (RFC 6749, 2.3.1).
            Some((id, secret)) => request.basic_auth(encoded(id), Some(encoded(secret))),
            None => request,
        };
        read(request).await
    }
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[expect(clippy::disallowed_methods, reason = "that rule is for calls to Qlik; this is the one place that asks a provider")]
async fn read(request: reqwest::RequestBuilder) -> Result<Answer, String> {
    let mut response = request.header(ACCEPT, HeaderValue::from_static("application/json")).send().await.map_err(told)?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(told)? {
        if body.len() + chunk.len() > MOST {
            return Err("the answer is larger than 1 MiB".to_owned());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, body })
}

/// What went wrong, without the address.
fn told(error: reqwest::Error) -> String {
    use std::error::Error as _;
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
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
    fn only_https_or_this_machine() {
        let safe = |text: &str| Url::parse(text).is_ok_and(|url| is_safe(&url));
        assert!(
            safe("https://id.example.com/x")
                && safe("http://127.0.0.1:4000")
                && safe("http://[::1]:1/")
                && safe("http://localhost")
        );
        for bad in
            ["http://id.example.com", "http://127.0.0.1.evil.example", "ftp://127.0.0.1", "file:///etc/passwd", "http://10.0.0.1"]
        {
            assert!(!safe(bad), "{bad}");
        }
    }
}
