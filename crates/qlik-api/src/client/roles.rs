//! The roles API.

use futures::Stream;

use super::call::{Client, Parts, query};
use super::credential::Credential;
use super::error::CallError;
use super::tier::operations as op;
use super::urgency::Urgency;
use crate::wire::page::Page;
use crate::wire::roles::Role;

impl Client {
    /// Every role, a hundred a page, with a total.
    pub fn roles<'a>(
        &'a self,
        credential: &'a Credential,
        urgency: Urgency,
    ) -> impl Stream<Item = Result<Page<Role>, CallError>> + Send + 'a {
        let query = query(&[("limit", "100"), ("sort", "+name"), ("totalResults", "true")]);
        self.pages(credential, urgency, &op::LIST_ROLES, query, None)
    }

    /// One role.
    pub async fn role(&self, credential: &Credential, urgency: Urgency, id: &str) -> Result<Role, CallError> {
        self.call(credential, urgency, &op::GET_ROLE, Parts { id: Some(id), ..Parts::NONE }).await
    }
}
