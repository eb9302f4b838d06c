//! Reading a tenant: page by page, with what is there so far for those who wait.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Mutex;

use domain::inventory::{GroupId, Inventory};
use domain::plan::Kind;
use futures::{Stream, StreamExt};
use qlik_api::client::{CallError, Client, Credential, Urgency};
use qlik_api::wire::page::Page;

use super::super::mapping;
use super::{LicenseFacts, Progress, locked};

/// What has been read so far.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    inventory: Mutex<Inventory>,
    progress: Mutex<Progress>,
}

impl Gathered {
    /// How far the reading is.
    pub(super) fn progress(&self) -> Progress {
        *locked(&self.progress)
    }

    /// Rows that a table of it would have, about.
    pub(super) fn rows(&self) -> usize {
        let inventory = locked(&self.inventory);
        inventory.people.len().max(inventory.assignments.len())
    }

    /// What is there now.
    pub(super) fn so_far(&self) -> Inventory {
        locked(&self.inventory).clone()
    }
}

/// Collects a list into its place, telling how far it is. A cursor that expires on the way (Qlik answers 400 to a page that is not the
/// first) sends the reading back to the start, once.
async fn collect<W, T, S: Stream<Item = Result<Page<W>, CallError>>>(
    pages: impl Fn() -> S,
    map: impl Fn(W) -> T,
    into: &Mutex<Inventory>,
    place: impl Fn(&mut Inventory) -> &mut Vec<T>,
    told: impl Fn(usize, Option<i64>),
) -> Result<(), CallError> {
    let mut again = true;
    loop {
        let mut list = pin!(pages());
        let mut read = 0;
        loop {
            match list.next().await {
                Some(Ok(page)) => {
                    let mut inventory = locked(into);
                    let all = place(&mut inventory);
                    all.extend(page.data.into_iter().map(&map));
                    read = all.len();
                    drop(inventory);
                    told(read, page.total_results);
                }
                Some(Err(error)) if again && read > 0 && error.status() == Some(400) => {
                    tracing::info!(%error, "a page cursor expired; the list is read from its start");
                    again = false;
                    place(&mut locked(into)).clear();
                    break;
                }
                Some(Err(error)) => return Err(error),
                None => return Ok(()),
            }
        }
    }
}

fn whole(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Qlik's answer, or nothing where it says 404.
fn or_missing<T>(answer: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(CallError::Api(error)) if error.status == 404 => Ok(None),
        Err(error) => Err(error),
    }
}

async fn license(client: &Client, credential: &Credential, urgency: Urgency) -> Result<LicenseFacts, CallError> {
    let (overview, status) =
        tokio::join!(client.license_overview(credential, urgency), client.license_status(credential, urgency));
    Ok(LicenseFacts { overview: or_missing(overview)?, status: or_missing(status)? })
}

fn allotments(license: &LicenseFacts) -> Vec<domain::allotment::Allotment> {
    license.overview.iter().flat_map(|overview| &overview.allotments).map(mapping::allotment).collect()
}

pub(super) async fn read(
    client: &Client,
    credential: &Credential,
    urgency: Urgency,
    gathered: &Gathered,
) -> Result<(Inventory, LicenseFacts), CallError> {
    let license = license(client, credential, urgency).await?;
    let (into, progress) = (&gathered.inventory, &gathered.progress);
    locked(into).allotments = allotments(&license);
    let held: i64 = locked(into).allotments.iter().filter(|a| a.takes_assignments()).map(|a| a.used).sum();
    locked(progress).assignments_of = held;
    let users = collect(
        || client.users(credential, urgency),
        mapping::person,
        into,
        |inventory| &mut inventory.people,
        |n, total| {
            let mut progress = locked(progress);
            progress.users = whole(n);
            progress.users_of = total.unwrap_or(progress.users_of);
        },
    );
    let assignments = collect(
        || client.assignments(credential, urgency),
        mapping::assignment,
        into,
        |inventory| &mut inventory.assignments,
        |n, _| locked(progress).assignments = whole(n),
    );
    let quiet = |_: usize, _: Option<i64>| ();
    let groups = collect(|| client.groups(credential, urgency), mapping::group, into, |inventory| &mut inventory.groups, quiet);
    let system_groups = client.system_groups(credential, urgency);
    let roles = collect(|| client.roles(credential, urgency), mapping::role, into, |inventory| &mut inventory.roles, quiet);
    let settings = client.license_settings(credential, urgency);
    let group_settings = client.group_settings(credential, urgency);
    let ((), (), (), system, (), settings, group_settings) =
        tokio::try_join!(users, assignments, groups, system_groups, roles, settings, group_settings)?;
    let mut inventory = std::mem::take(&mut *locked(into));
    inventory.groups.extend(system.data.into_iter().map(mapping::group));
    inventory.auto_assign = mapping::auto_assign(settings);
    inventory.group_settings = mapping::group_settings(&group_settings);
    Ok((inventory, license))
}

/// What must be read again to see where changes stand.
#[derive(Debug, Clone, Default)]
pub struct Needs {
    licenses: bool,
    groups: BTreeSet<GroupId>,
    auto_assign: bool,
    group_settings: bool,
}

impl Needs {
    /// What these changes touch.
    pub fn of<'a>(changes: impl IntoIterator<Item = &'a domain::plan::Change>) -> Self {
        let mut needs = Self::default();
        for change in changes {
            match change.kind() {
                Kind::Assign | Kind::Remove | Kind::ChangeType | Kind::Rename => needs.licenses = true,
                Kind::AutoAssign => needs.auto_assign = true,
                Kind::GroupSettings => needs.group_settings = true,
                Kind::GroupRoles => {
                    if let domain::plan::Change::GroupRoles { group, .. } = change {
                        needs.groups.insert(group.clone());
                    }
                }
            }
        }
        needs
    }
}

/// Reads again what changes touch, and nothing else; the rest of the inventory stays empty.
pub async fn read_again(
    client: &Client,
    credential: &Credential,
    urgency: Urgency,
    needs: &Needs,
) -> Result<Inventory, CallError> {
    let read = Mutex::new(Inventory::default());
    if needs.licenses {
        locked(&read).allotments = allotments(&license(client, credential, urgency).await?);
        let pages = || client.assignments(credential, urgency);
        collect(pages, mapping::assignment, &read, |inventory| &mut inventory.assignments, |_, _| ()).await?;
    }
    let mut inventory = std::mem::take(&mut *locked(&read));
    for id in &needs.groups {
        if let Some(group) = or_missing(client.group(credential, urgency, id.as_str()).await)? {
            inventory.groups.push(mapping::group(group));
        }
    }
    if needs.auto_assign || needs.licenses {
        inventory.auto_assign = mapping::auto_assign(client.license_settings(credential, urgency).await?);
    }
    if needs.group_settings {
        inventory.group_settings = mapping::group_settings(&client.group_settings(credential, urgency).await?);
    }
    Ok(inventory)
}
