//! The users API.

use futures::Stream;

use super::call::{Client, Parts, json, query};
use super::credential::Credential;
use super::error::CallError;
use super::tier::operations as op;
use super::urgency::Urgency;
use crate::wire::groups::FilterBody;
use crate::wire::page::Page;
use crate::wire::users::{User, UserCount};

impl Client {
    /// Every user, a hundred a page, with a total.
    pub fn users<'a>(
        &'a self,
        credential: &'a Credential,
        urgency: Urgency,
    ) -> impl Stream<Item = Result<Page<User>, CallError>> + Send + 'a {
        let query = query(&[("limit", "100"), ("sort", "+id"), ("totalResults", "true")]);
        self.pages(credential, urgency, &op::LIST_USERS, query, None)
    }

    /// One user.
    pub async fn user(&self, credential: &Credential, urgency: Urgency, id: &str) -> Result<User, CallError> {
        self.call(credential, urgency, &op::GET_USER, Parts { id: Some(id), ..Parts::NONE }).await
    }

    /// The user whose credential it is. Qlik answers with a redirect, which is followed within the tenant.
    pub async fn me(&self, credential: &Credential, urgency: Urgency) -> Result<User, CallError> {
        self.call(credential, urgency, &op::GET_ME, Parts::NONE).await
    }

    /// How many users there are.
    pub async fn count_users(&self, credential: &Credential, urgency: Urgency) -> Result<UserCount, CallError> {
        self.call(credential, urgency, &op::COUNT_USERS, Parts::NONE).await
    }

    /// Users that pass a SCIM filter, a hundred a page.
    pub fn filter_users<'a>(
        &'a self,
        credential: &'a Credential,
        urgency: Urgency,
        filter: &str,
    ) -> Result<impl Stream<Item = Result<Page<User>, CallError>> + Send + 'a, CallError> {
        let body = json(&FilterBody { filter: filter.to_owned() })?;
        Ok(self.pages(credential, urgency, &op::FILTER_USERS, query(&[("limit", "100")]), body))
    }
}
