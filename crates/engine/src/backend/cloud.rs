//! Qlik Cloud: its client with its limiter, behind the face of every tenant.

mod audits;
mod map;
mod read;
mod send;

use std::collections::HashMap;
use std::time::Duration;

use domain::change::{Change, Kind};
use domain::inventory::{Inventory, UserId};
use domain::journal::Answer;
use domain::table::Day;
use domain::usage::{DayOfUse, Recent};
use futures::StreamExt;
use qlik_api::client::{Authorize, Bounds, CallError, Client, Credential, JOB_RESERVE, OauthClient, Proof, Tier, Tokens};
use secrecy::SecretString;
use storage::JournalRow;

use super::{Budget, Capabilities, Key, Permit, Person, Reader, Sent};
use crate::executor::Writer;
use crate::fault::Fault;

/// A tenant of Qlik Cloud.
#[derive(Debug)]
pub struct Cloud {
    client: Client,
    /// Licenses of sibling tenants that the list of licenses may lack.
    elsewhere: i64,
    /// What people sign in by, and what the portal itself is there.
    pub(super) people: Option<OauthClient>,
    pub(super) machine: Option<OauthClient>,
}

/// How a tenant of Qlik Cloud is reached.
#[derive(Debug, Clone)]
pub struct CloudSettings {
    /// Its address.
    pub url: String,
    /// How long a call may take.
    pub timeout: Duration,
    /// How many times as many calls it takes as Qlik documents.
    pub rate_scale: u32,
    /// Licenses of sibling tenants that the list of licenses may lack.
    pub licenses_elsewhere: i64,
    /// What people sign in by.
    pub people: Option<OauthClient>,
    /// What the portal itself is there.
    pub machine: Option<OauthClient>,
}

fn credential(key: &Key) -> Credential {
    Credential::bearer(key.expose()).of_user(key.user())
}

impl Cloud {
    pub(super) const CAN: &'static Capabilities = &Capabilities { kinds: Kind::ALL, consumption: true };

    /// A tenant; makes no call.
    pub fn new(settings: &CloudSettings) -> Result<Self, Fault> {
        let bounds = Bounds { call: settings.timeout, ..Bounds::default() };
        let client = Client::builder(&settings.url).bounds(bounds).rate_scale(settings.rate_scale).build();
        Ok(Self {
            client: client.map_err(map::fault)?,
            elsewhere: settings.licenses_elsewhere,
            people: settings.people.clone(),
            machine: settings.machine.clone(),
        })
    }

    pub(super) fn authorize(&self, ask: &Authorize<'_>) -> Option<String> {
        self.client.authorize_url(self.people.as_ref()?, ask).ok().map(String::from)
    }

    pub(super) async fn tokens(&self, client: Option<&OauthClient>, proof: Proof<'_>) -> Result<Tokens, Fault> {
        let client = client.ok_or(Fault::Unusable("the tenant has no such client"))?;
        self.client.tokens(client, proof).await.map_err(map::fault)
    }

    pub(super) async fn revoke(&self, token: &SecretString) -> Result<(), Fault> {
        let client = self.people.as_ref().ok_or(Fault::Unusable("the tenant has no such client"))?;
        self.client.revoke(client, token).await.map_err(map::fault)
    }

    pub(super) async fn who(&self, key: &Key) -> Result<Person, Fault> {
        let me = self.client.me(&credential(key), super::Urgency::Person).await.map_err(map::fault)?;
        let name = if me.name.is_empty() { me.subject.clone() } else { me.name };
        Ok(Person { name, id: me.id, subject: me.subject })
    }

    pub(super) async fn usage(&self, by: &Reader, since: Day) -> Result<HashMap<UserId, Recent>, Fault> {
        let since = format!("{since}T00:00:00.000Z");
        let credential = credential(&by.key);
        let mut pages = std::pin::pin!(self.client.consumption(&credential, by.urgency, Some(&since)));
        let mut recent: HashMap<UserId, Recent> = HashMap::new();
        while let Some(page) = pages.next().await {
            for event in page.map_err(map::fault)?.data {
                let Some(day) = event.end_time.as_deref().and_then(Day::parse) else { continue };
                let capacity = if event.under_license() { 0 } else { event.minutes_used.unwrap_or_default() };
                let ms = event.duration.as_deref().and_then(|ms| ms.parse().ok()).unwrap_or_default();
                let Some(user) = event.user_id else { continue };
                let use_of = DayOfUse { day, visits: 1, ms, capacity_minutes: u32::try_from(capacity).unwrap_or_default() };
                recent.entry(UserId::new(user)).or_default().add(use_of);
            }
        }
        Ok(recent)
    }

    pub(super) fn budget(&self, qlik_user: &str) -> Budget {
        let budget = self.client.budget(&Credential::bearer("").of_user(qlik_user), Tier::Two);
        Budget { used: budget.used, limit: budget.limit, reserve: JOB_RESERVE, window: budget.window }
    }

    pub(super) fn remember(&self, qlik_user: &str, ages: &[Duration]) {
        self.client.remember_calls(&Credential::bearer("").of_user(qlik_user), Tier::Two, ages);
    }

    pub(super) fn deadline(&self) -> Duration {
        self.client.deadline()
    }

    /// Licenses of one kind travel together, everything else alone.
    pub(super) fn cut<'c>(changes: impl IntoIterator<Item = &'c Change>, most: usize) -> usize {
        let mut changes = changes.into_iter();
        let Some(first) = changes.next() else { return 0 };
        let most = if send::travels_together(first) { most } else { 1 };
        1 + changes.take(most - 1).take_while(|change| change.kind() == first.kind()).count()
    }

    pub(super) fn advice(change: &Change, answer: &Answer) -> String {
        send::advice(change, answer)
    }

    pub(super) async fn reserve(&self, by: &Writer) -> Result<Permit<'_>, Fault> {
        self.client.reserve(&credential(&by.key())).await.map(Permit).map_err(map::fault)
    }

    pub(super) async fn send(&self, by: &Writer, permit: Permit<'_>, rows: &[JournalRow], now: &Inventory) -> Sent {
        send::rows(&self.client, &credential(&by.key()), permit.0, rows, now).await
    }

    pub(super) fn timed_out(&self, rows: &[JournalRow]) -> Sent {
        send::whole(rows, CallError::Timeout(self.client.deadline()))
    }
}
