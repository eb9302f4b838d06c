//! Requests with headers of one's choice, to see what a proxy makes of them.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

/// An answer's status and body.
pub type Answer = (u16, Vec<u8>);

/// Asks an address with these headers, in this order; nothing is followed.
pub async fn ask(url: &Url, headers: &[(String, String)]) -> Result<Answer, String> {
    let fetcher = crate::fetch::Fetcher::new(crate::fetch::is_safe(url) && url.scheme() == "http")?;
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("{name} is no header"))?;
        let mut value = HeaderValue::from_str(value).map_err(|_| format!("{name} has a value that no header can have"))?;
        value.set_sensitive(true);
        map.append(name, value);
    }
    fetcher.get_with(url, map).await
}
