//! The audits API: what was done in the tenant, by whom.

use futures::Stream;

use super::call::{Client, query};
use super::credential::Credential;
use super::error::CallError;
use super::tier::operations as op;
use super::urgency::Urgency;
use crate::wire::audits::Audit;
use crate::wire::page::Page;

impl Client {
    /// What was done of one type (`com.qlik.v1.group.updated`) between two instants (ISO 8601), the newest first, a hundred a
    /// page. Qlik lists the last 90 days.
    pub fn audits<'a>(
        &'a self,
        credential: &'a Credential,
        urgency: Urgency,
        kind: &str,
        (from, until): (&str, &str),
    ) -> impl Stream<Item = Result<Page<Audit>, CallError>> + Send + 'a {
        let time = format!("{from}/{until}");
        let pairs = [("eventType", kind), ("eventTime", time.as_str()), ("limit", "100")];
        self.pages(credential, urgency, &op::LIST_AUDITS, query(&pairs), None)
    }
}
