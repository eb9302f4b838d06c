//! Lists as streams of pages. Only the query of a link is used; the path is always the operation's own.

use std::collections::HashSet;

use async_stream::try_stream;
use bytes::Bytes;
use futures::Stream;
use serde::de::DeserializeOwned;

use super::call::{Client, Parts};
use super::credential::Credential;
use super::error::CallError;
use super::tier::Operation;
use super::urgency::Urgency;
use crate::wire::page::Page;

impl Client {
    pub(crate) fn pages<'a, T: DeserializeOwned + Send + 'a>(
        &'a self,
        credential: &'a Credential,
        urgency: Urgency,
        operation: &'static Operation,
        first_query: String,
        body: Option<Bytes>,
    ) -> impl Stream<Item = Result<Page<T>, CallError>> + Send + 'a {
        try_stream! {
            let mut query = Some(first_query);
            let mut seen = HashSet::new();
            while let Some(this) = query.take() {
                if !seen.insert(this.clone()) {
                    Err(CallError::PageLoop)?;
                }
                let parts = Parts { id: None, query: Some(this), body: body.clone() };
                let page: Page<T> = self.call(credential, urgency, operation, parts).await?;
                query = page.links.next.as_ref().and_then(|link| link.query()).map(plus_spelled_out);
                yield page;
            }
        }
    }
}

/// Some services echo `sort=+name` unescaped, which would come back to them as a space.
fn plus_spelled_out(query: &str) -> String {
    query
        .split('&')
        .map(|pair| if pair.starts_with("sort=+") { pair.replacen('+', "%2B", 1) } else { pair.to_owned() })
        .collect::<Vec<_>>()
        .join("&")
}

#[cfg(test)]
mod tests {
    use super::plus_spelled_out;

    #[test]
    fn an_echoed_plus_survives() {
        assert_eq!(plus_spelled_out("limit=4&sort=+name&next=a+b"), "limit=4&sort=%2Bname&next=a+b");
    }
}
