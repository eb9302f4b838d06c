//! One face for every kind of tenant: what it can do, reading it, and writing to it. What goes over the wire, and what a code means,
//! stays behind it.

pub mod cloud;

use std::collections::HashMap;
use std::time::Duration;

use domain::change::{Change, Kind};
use domain::inventory::{GroupId, Inventory, UserId};
use domain::journal::Answer;
use domain::license::License;
use domain::plan::PlannedChange;
use domain::table::Day;
use domain::touch::Touches;
use domain::usage::Recent;
use secrecy::{ExposeSecret, SecretString};
use storage::{JournalRow, RowResult};

use crate::executor::Writer;
use crate::fault::Fault;
use crate::gathering::Gathering;

pub use cloud::Cloud;
/// Who waits for a call: a person, a job, or nobody.
pub use qlik_api::client::Urgency;
/// How people sign in at a tenant, and what it gives for it.
pub use qlik_api::client::{Authorize, OauthClient, Prompt, Proof, Tokens as TokenAnswer};

/// What opens a tenant, and whose it is.
#[derive(Clone)]
pub struct Key {
    secret: SecretString,
    user: String,
    lent: Option<Lent>,
}

/// Where an access token comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lent {
    /// Its family.
    pub family: String,
    /// It opens nothing from then on.
    pub until: i64,
}

impl Key {
    /// A key as it was typed, of this Qlik user.
    pub fn new(secret: SecretString, qlik_user: &str) -> Self {
        Self { secret, user: qlik_user.to_owned(), lent: None }
    }

    /// The same, which is an access token.
    #[must_use]
    pub fn lent(self, lent: Lent) -> Self {
        Self { lent: Some(lent), ..self }
    }

    /// Where it comes from, if it is an access token.
    pub fn lent_from(&self) -> Option<&Lent> {
        self.lent.as_ref()
    }

    /// A key of which nobody knows yet whose it is: all such keys share one budget.
    pub fn of_a_stranger(secret: SecretString) -> Self {
        Self::new(secret, "no one yet")
    }

    /// The Qlik user's id.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The key, to be sealed.
    pub fn secret(&self) -> &SecretString {
        &self.secret
    }

    fn expose(&self) -> &str {
        self.secret.expose_secret()
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Who reads, and who waits for it.
#[derive(Debug, Clone)]
pub struct Reader {
    /// The key.
    pub key: Key,
    /// Who waits.
    pub urgency: Urgency,
}

/// Whose key it is, as the tenant says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The user's id.
    pub id: String,
    /// Their name; their subject where they have none.
    pub name: String,
    /// Their subject.
    pub subject: String,
}

/// A whole reading of a tenant.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Everything in it.
    pub inventory: Inventory,
    /// Its license.
    pub license: License,
}

/// Something that the tenant says was done to a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The group.
    pub group: GroupId,
    /// Its name after it.
    pub name: String,
    /// When, in milliseconds since 1970, by the tenant's clock.
    pub at: i64,
    /// The id of the user who did it; empty where the tenant names none.
    pub by: String,
}

/// What the tenant says was done to groups in a period.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToldOfGroups {
    /// The list, in no order.
    pub told: Vec<Told>,
    /// It is all that the tenant lists of the period; else the oldest lack.
    pub is_whole: bool,
}

/// What a kind of tenant can do. Rooms ask this, and nothing else about the kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Changes that it takes.
    pub kinds: &'static [Kind],
    /// It says who used it when.
    pub consumption: bool,
}

/// Where a budget of writes stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Calls that count now.
    pub used: usize,
    /// Calls in a window at most.
    pub limit: usize,
    /// So many of them jobs leave to people.
    pub reserve: usize,
    /// How long a call counts.
    pub window: Duration,
}

/// Leave to make one request.
#[derive(Debug)]
pub struct Permit<'a>(qlik_api::client::Reserved<'a>);

/// What became of a request.
#[derive(Debug)]
pub struct Sent {
    /// One result per row.
    pub results: Vec<RowResult>,
    /// Why the request as a whole failed.
    pub failed: Option<Fault>,
}

/// A tenant. Closed on purpose: a further kind is a variant, and the compiler leads to what it lacks.
#[derive(Debug)]
pub enum Backend {
    /// Qlik Cloud.
    Cloud(Cloud),
}

impl Backend {
    /// What it can do.
    pub fn can(&self) -> &'static Capabilities {
        match self {
            Self::Cloud(_) => Cloud::CAN,
        }
    }

    /// Whether people can sign in there, so that nobody needs an API key.
    pub fn signs_people_in(&self) -> bool {
        match self {
            Self::Cloud(cloud) => cloud.people.is_some(),
        }
    }

    /// Where to send somebody who is to sign in there; nothing where that is not configured.
    pub fn authorize(&self, ask: &Authorize<'_>) -> Option<String> {
        match self {
            Self::Cloud(cloud) => cloud.authorize(ask),
        }
    }

    /// Asks for tokens of a person.
    pub async fn tokens(&self, proof: Proof<'_>) -> Result<TokenAnswer, Fault> {
        match self {
            Self::Cloud(cloud) => cloud.tokens(cloud.people.as_ref(), proof).await,
        }
    }

    /// Asks for tokens of the portal's own client there.
    pub async fn machine_tokens(&self) -> Result<TokenAnswer, Fault> {
        match self {
            Self::Cloud(cloud) => cloud.tokens(cloud.machine.as_ref(), Proof::Machine).await,
        }
    }

    /// Whether the portal has a client of its own there.
    pub fn has_machine(&self) -> bool {
        match self {
            Self::Cloud(cloud) => cloud.machine.is_some(),
        }
    }

    /// Takes a person's tokens back.
    pub async fn revoke(&self, token: &SecretString) -> Result<(), Fault> {
        match self {
            Self::Cloud(cloud) => cloud.revoke(token).await,
        }
    }

    /// Whose key it is.
    pub async fn who(&self, key: &Key) -> Result<Person, Fault> {
        match self {
            Self::Cloud(cloud) => cloud.who(key).await,
        }
    }

    /// Reads everything, page by page, into a place where others can see what is there so far.
    pub async fn read_all(&self, by: &Reader, into: &Gathering) -> Result<Reading, Fault> {
        match self {
            Self::Cloud(cloud) => cloud.read_all(by, into).await,
        }
    }

    /// Reads what is touched, and nothing else; the rest of the inventory stays empty, and says so.
    pub async fn read(&self, by: &Reader, touches: &Touches) -> Result<Inventory, Fault> {
        match self {
            Self::Cloud(cloud) => cloud.read(by, touches).await,
        }
    }

    /// Reads the roles into an inventory that holds none yet.
    pub async fn read_roles(&self, by: &Reader, into: &mut Inventory) -> Result<(), Fault> {
        match self {
            Self::Cloud(cloud) => cloud.read_roles(by, into).await,
        }
    }

    /// The newest days of each user's use since a day.
    pub async fn usage(&self, by: &Reader, since: Day) -> Result<HashMap<UserId, Recent>, Fault> {
        match self {
            Self::Cloud(cloud) => cloud.usage(by, since).await,
        }
    }

    /// What the tenant itself says was done to groups between two times, ours included. Takes fifteen calls at most.
    pub async fn told_of_groups(&self, by: &Reader, period: (i64, i64)) -> Result<ToldOfGroups, Fault> {
        match self {
            Self::Cloud(cloud) => cloud.told_of_groups(by, period).await,
        }
    }

    /// Where a Qlik user's budget of writes stands.
    pub fn budget(&self, qlik_user: &str) -> Budget {
        match self {
            Self::Cloud(cloud) => cloud.budget(qlik_user),
        }
    }

    /// Counts writes that somebody else made for a Qlik user, so long ago each.
    pub fn remember(&self, qlik_user: &str, ages: &[Duration]) {
        match self {
            Self::Cloud(cloud) => cloud.remember(qlik_user, ages),
        }
    }

    /// How long a request may take; one without an answer by then can no longer take effect soon after.
    pub fn deadline(&self) -> Duration {
        match self {
            Self::Cloud(cloud) => cloud.deadline(),
        }
    }

    /// How many of these rows, from the first on, go into one request of at most `most`.
    pub fn cut(&self, rows: &[JournalRow], most: usize) -> usize {
        match self {
            Self::Cloud(_) => Cloud::cut(rows.iter().map(|row| &row.change), most),
        }
    }

    /// How many requests these changes take in this order, with at most `most` rows in each.
    pub fn requests(&self, changes: &[PlannedChange], most: usize) -> usize {
        let (mut rest, mut requests) = (changes, 0);
        while !rest.is_empty() {
            let cut = match self {
                Self::Cloud(_) => Cloud::cut(rest.iter().map(|planned| &planned.change), most),
            };
            rest = rest.get(cut..).unwrap_or_default();
            requests += 1;
        }
        requests
    }

    /// What a person can do about a change that the tenant refused with this answer.
    pub fn advice(&self, change: &Change, answer: &Answer) -> String {
        match self {
            Self::Cloud(_) => Cloud::advice(change, answer),
        }
    }

    /// Waits for leave to make one request, for as long as it takes.
    pub async fn reserve(&self, by: &Writer) -> Result<Permit<'_>, Fault> {
        match self {
            Self::Cloud(cloud) => cloud.reserve(by).await,
        }
    }

    /// Sends rows of one kind. What they touch is like `now`, where that was read.
    pub async fn send(&self, by: &Writer, permit: Permit<'_>, rows: &[JournalRow], now: &Inventory) -> Sent {
        match self {
            Self::Cloud(cloud) => cloud.send(by, permit, rows, now).await,
        }
    }

    /// What a request came to that was given up on when its time was over.
    pub fn timed_out(&self, rows: &[JournalRow]) -> Sent {
        match self {
            Self::Cloud(cloud) => cloud.timed_out(rows),
        }
    }
}
