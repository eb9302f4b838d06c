//! The groups API.

use futures::Stream;

use super::call::{Client, Leave, Parts, json, query};
use super::credential::Credential;
use super::error::CallError;
use super::tier::operations as op;
use super::urgency::Urgency;
use crate::wire::groups::{FilterBody, Group, GroupPatch, GroupSettings, NewGroup, SettingsPatch};
use crate::wire::page::Page;

impl Client {
    /// Every group but the system groups, a hundred a page, with a total.
    pub fn groups<'a>(
        &'a self,
        credential: &'a Credential,
        urgency: Urgency,
    ) -> impl Stream<Item = Result<Page<Group>, CallError>> + Send + 'a {
        let query = query(&[("limit", "100"), ("sort", "+name"), ("totalResults", "true")]);
        self.pages(credential, urgency, &op::LIST_GROUPS, query, None)
    }

    /// The system groups, such as Everyone. Qlik takes no other query parameter beside this one.
    pub async fn system_groups(&self, credential: &Credential, urgency: Urgency) -> Result<Page<Group>, CallError> {
        let parts = Parts { query: Some(query(&[("systemGroups", "true")])), ..Parts::NONE };
        self.call(credential, urgency, &op::LIST_GROUPS, parts).await
    }

    /// Groups that pass a SCIM filter, a hundred a page.
    pub fn filter_groups<'a>(
        &'a self,
        credential: &'a Credential,
        urgency: Urgency,
        filter: &str,
    ) -> Result<impl Stream<Item = Result<Page<Group>, CallError>> + Send + 'a, CallError> {
        let body = json(&FilterBody { filter: filter.to_owned() })?;
        Ok(self.pages(credential, urgency, &op::FILTER_GROUPS, query(&[("limit", "100")]), body))
    }

    /// One group.
    pub async fn group(&self, credential: &Credential, urgency: Urgency, id: &str) -> Result<Group, CallError> {
        self.call(credential, urgency, &op::GET_GROUP, Parts { id: Some(id), ..Parts::NONE }).await
    }

    /// Makes a group. 409 where the name is taken.
    pub async fn create_group<'a>(
        &'a self,
        credential: &Credential,
        leave: impl Into<Leave<'a>>,
        group: &NewGroup,
    ) -> Result<Group, CallError> {
        self.write(credential, leave.into(), &op::CREATE_GROUP, Parts { body: json(group)?, ..Parts::NONE }).await
    }

    /// Changes a group: the whole list of patches or none of it.
    pub async fn patch_group<'a>(
        &'a self,
        credential: &Credential,
        leave: impl Into<Leave<'a>>,
        id: &str,
        patches: &[GroupPatch],
    ) -> Result<(), CallError> {
        self.write(credential, leave.into(), &op::PATCH_GROUP, Parts { id: Some(id), body: json(&patches)?, query: None }).await
    }

    /// Deletes a group. An IdP group comes back when a member signs in.
    pub async fn delete_group<'a>(
        &'a self,
        credential: &Credential,
        leave: impl Into<Leave<'a>>,
        id: &str,
    ) -> Result<(), CallError> {
        self.write(credential, leave.into(), &op::DELETE_GROUP, Parts { id: Some(id), ..Parts::NONE }).await
    }

    /// The group settings.
    pub async fn group_settings(&self, credential: &Credential, urgency: Urgency) -> Result<GroupSettings, CallError> {
        self.call(credential, urgency, &op::GET_GROUP_SETTINGS, Parts::NONE).await
    }

    /// Changes the group settings.
    pub async fn patch_group_settings<'a>(
        &'a self,
        credential: &Credential,
        leave: impl Into<Leave<'a>>,
        patches: &[SettingsPatch],
    ) -> Result<(), CallError> {
        self.write(credential, leave.into(), &op::PATCH_GROUP_SETTINGS, Parts { body: json(&patches)?, ..Parts::NONE }).await
    }
}
