//! The items API, as far as names of apps need it.

use super::call::{Client, Parts, query};
use super::credential::Credential;
use super::error::CallError;
use super::tier::operations as op;
use super::urgency::Urgency;
use crate::wire::items::Item;
use crate::wire::page::Page;

impl Client {
    /// Names of up to a hundred apps in one call. Apps the credential cannot see are missing from the answer.
    pub async fn app_names(&self, credential: &Credential, urgency: Urgency, app_ids: &[&str]) -> Result<Vec<Item>, CallError> {
        const MOST: usize = 100;
        let ids = app_ids.iter().take(MOST).copied().collect::<Vec<_>>().join(",");
        let pairs = [("resourceType", "app"), ("resourceIds", ids.as_str()), ("noActions", "true"), ("limit", "100")];
        let page: Page<Item> =
            self.call(credential, urgency, &op::LIST_ITEMS, Parts { query: Some(query(&pairs)), ..Parts::NONE }).await?;
        Ok(page.data)
    }
}
