//! The licenses API.

use futures::Stream;

use super::call::{Client, Leave, Parts, json, query};
use super::credential::Credential;
use super::error::CallError;
use super::tier::operations as op;
use super::urgency::Urgency;
use crate::wire::licenses::{ActionAnswer, Assignment, AssignmentAction, ConsumptionEvent, Overview, Settings, Status};
use crate::wire::page::Page;

impl Client {
    /// The license with its allotments. 404 where the tenant has none.
    pub async fn license_overview(&self, credential: &Credential, urgency: Urgency) -> Result<Overview, CallError> {
        self.call(credential, urgency, &op::LICENSE_OVERVIEW, Parts::NONE).await
    }

    /// The license's status; also there where the license is missing.
    pub async fn license_status(&self, credential: &Credential, urgency: Urgency) -> Result<Status, CallError> {
        self.call(credential, urgency, &op::LICENSE_STATUS, Parts::NONE).await
    }

    /// Who gets a license at sign-in.
    pub async fn license_settings(&self, credential: &Credential, urgency: Urgency) -> Result<Settings, CallError> {
        self.call(credential, urgency, &op::GET_LICENSE_SETTINGS, Parts::NONE).await
    }

    /// Sets who gets a license at sign-in.
    pub async fn put_license_settings<'a>(
        &'a self,
        credential: &Credential,
        leave: impl Into<Leave<'a>>,
        settings: Settings,
    ) -> Result<Settings, CallError> {
        self.write(credential, leave.into(), &op::PUT_LICENSE_SETTINGS, Parts { body: json(&settings)?, ..Parts::NONE }).await
    }

    /// Every license held, a hundred a page. Qlik gives no total.
    pub fn assignments<'a>(
        &'a self,
        credential: &'a Credential,
        urgency: Urgency,
    ) -> impl Stream<Item = Result<Page<Assignment>, CallError>> + Send + 'a {
        self.pages(credential, urgency, &op::LIST_ASSIGNMENTS, query(&[("limit", "100")]), None)
    }

    /// Only those whose subject is no user of this tenant.
    pub fn orphaned_assignments<'a>(
        &'a self,
        credential: &'a Credential,
        urgency: Urgency,
    ) -> impl Stream<Item = Result<Page<Assignment>, CallError>> + Send + 'a {
        self.pages(credential, urgency, &op::LIST_ASSIGNMENTS, query(&[("limit", "100"), ("orphans", "true")]), None)
    }

    /// Gives, takes back or changes licenses; one status per row in the answer (207). Never repeated by itself.
    pub async fn assignment_action<'a>(
        &'a self,
        credential: &Credential,
        leave: impl Into<Leave<'a>>,
        action: &AssignmentAction,
    ) -> Result<ActionAnswer, CallError> {
        let operation = match action {
            AssignmentAction::Add(_) => &op::ADD_ASSIGNMENTS,
            AssignmentAction::Delete(_) => &op::DELETE_ASSIGNMENTS,
            AssignmentAction::Update(_) => &op::UPDATE_ASSIGNMENTS,
        };
        self.write(credential, leave.into(), operation, Parts { body: json(action)?, ..Parts::NONE }).await
    }

    /// Consumption events since `since` (ISO 8601), two hundred a page; all that Qlik has without it.
    pub fn consumption<'a>(
        &'a self,
        credential: &'a Credential,
        urgency: Urgency,
        since: Option<&str>,
    ) -> impl Stream<Item = Result<Page<ConsumptionEvent>, CallError>> + Send + 'a {
        let filter = since.map(|since| format!("(endTime ge \"{since}\")"));
        let mut pairs = vec![("limit", "200")];
        if let Some(filter) = &filter {
            pairs.push(("filter", filter));
        }
        self.pages(credential, urgency, &op::LIST_CONSUMPTION, query(&pairs), None)
    }
}
