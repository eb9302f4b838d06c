//! What a page loads: read by the server as the page is drawn, and by the browser whenever its source changes.

use std::future::Future;

use leptos::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// JSON, read as answers of server functions are read. With Leptos' own codec each type would be read by two programs, one
/// for what the page brings along and one for answers: a tenth of all that a first visit loads.
#[derive(Debug)]
pub struct Json;

impl<T: Serialize> codee::Encoder<T> for Json {
    type Error = serde_json::Error;
    type Encoded = String;

    fn encode(value: &T) -> Result<String, Self::Error> {
        serde_json::to_string(value)
    }
}

impl<T: DeserializeOwned> codee::Decoder<T> for Json {
    type Error = serde_json::Error;
    type Encoded = str;

    fn decode(text: &str) -> Result<T, Self::Error> {
        serde_json::from_slice(text.as_bytes())
    }
}

/// What a page loads.
pub type Loads<T> = Resource<T, Json>;

/// Loads what `fetch` makes of `source`, again whenever that changes.
#[expect(clippy::disallowed_methods, reason = "the one place for it")]
pub fn load<S, T, F>(source: impl Fn() -> S + Send + Sync + 'static, fetch: impl Fn(S) -> F + Send + Sync + 'static) -> Loads<T>
where
    S: PartialEq + Clone + Send + Sync + 'static,
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
    F: Future<Output = T> + Send + 'static,
{
    Resource::new_with_options(source, fetch, false)
}
