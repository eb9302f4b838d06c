//! Reading a tenant of Qlik Cloud: page by page, with what is there so far for those who wait.

use std::collections::{BTreeSet, HashSet};
use std::pin::pin;
use std::sync::Mutex;

use domain::inventory::{Assignment, Group, GroupId, Inventory, Part};
use domain::text::whole;
use domain::touch::{Setting, Touch, Touches};
use futures::{Stream, StreamExt};
use qlik_api::client::{CallError, Client, Credential, Urgency};
use qlik_api::wire::licenses::{Overview, Status};
use qlik_api::wire::page::Page;

use super::super::{Reader, Reading};
use super::{Cloud, credential, map};
use crate::fault::Fault;
use crate::gathering::{Gathering, locked, unread};

/// Collects a list into its place, telling how far it is, and says how much of it that is. A cursor that expires on the way (Qlik
/// answers 400 to a page that is not the first) sends the reading back to the start, once; so does a list that ends before
/// it has as many entries as Qlik counts.
async fn collect<W, T, S: Stream<Item = Result<Page<W>, CallError>>>(
    pages: impl Fn() -> S,
    map: impl Fn(W) -> T,
    into: &Mutex<Inventory>,
    place: impl Fn(&mut Inventory) -> &mut Vec<T>,
    key: impl Fn(&T) -> String,
    told: impl Fn(usize, Option<i64>),
) -> Result<Part, CallError> {
    let mut again = true;
    'whole: loop {
        let mut list = pin!(pages());
        let (mut read, mut totals) = (0, Vec::<i64>::new());
        loop {
            match list.next().await {
                Some(Ok(page)) => {
                    let mut inventory = locked(into);
                    let all = place(&mut inventory);
                    all.extend(page.data.into_iter().map(&map));
                    read = all.len();
                    drop(inventory);
                    totals.extend(page.total_results);
                    told(read, page.total_results);
                }
                Some(Err(error)) if again && read > 0 && error.status() == Some(400) => {
                    tracing::info!(%error, "a page cursor expired; the list is read from its start");
                    again = false;
                    place(&mut locked(into)).clear();
                    continue 'whole;
                }
                Some(Err(error)) if error.status() == Some(403) => {
                    place(&mut locked(into)).clear();
                    return Ok(Part::Hidden);
                }
                Some(Err(error)) => return Err(error),
                None => break,
            }
        }
        let mut inventory = locked(into);
        let all = place(&mut inventory);
        // Pages overlap where something is added while they are read.
        let mut seen = HashSet::with_capacity(all.len());
        all.retain(|entry| seen.insert(key(entry)));
        let (read, least) = (all.len(), totals.into_iter().min().unwrap_or(0));
        if whole(read) >= least {
            return Ok(Part::Whole);
        }
        if !again {
            return Ok(Part::Short { read: read as u64, of: u64::try_from(least).unwrap_or(0) });
        }
        tracing::warn!(read, of = least, "a list ended before its end; it is read once more");
        again = false;
        all.clear();
    }
}

/// Qlik's answer, or nothing where it says 404.
fn or_missing<T>(answer: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(CallError::Api(error)) if error.status == 404 => Ok(None),
        Err(error) => Err(error),
    }
}

/// What Qlik says of the license.
#[derive(Debug)]
struct Said {
    overview: Option<Overview>,
    status: Option<Status>,
}

async fn license(client: &Client, credential: &Credential, urgency: Urgency) -> Result<Said, CallError> {
    let (overview, status) =
        tokio::join!(client.license_overview(credential, urgency), client.license_status(credential, urgency));
    Ok(Said { overview: or_missing(overview)?, status: or_missing(status)? })
}

fn allotments(license: &Said) -> Vec<domain::allotment::Allotment> {
    license.overview.iter().flat_map(|overview| &overview.allotments).map(map::allotment).collect()
}

/// Qlik's answer, or nothing where the key may not see it.
fn or_hidden<T: Default>(answer: Result<T, CallError>) -> Result<T, CallError> {
    match answer {
        Err(CallError::Api(error)) if error.status == 403 => Ok(T::default()),
        other => other,
    }
}

fn license_key(held: &Assignment) -> String {
    format!("{}\u{1f}{}", held.subject.key(), held.allotment)
}

/// Reads the licenses until they add up to what the overview counts, at most twice, and says how much was read.
async fn licenses(
    client: &Client,
    credential: &Credential,
    urgency: Urgency,
    elsewhere: i64,
    into: &Mutex<Inventory>,
    told: impl Fn(usize),
) -> Result<Option<Said>, CallError> {
    let mut newer = None;
    let mut before: Vec<_> = locked(into).allotments.iter().map(|a| (a.name.clone(), a.used)).collect();
    for last in [false, true] {
        let part = collect(
            || client.assignments(credential, urgency),
            map::assignment,
            into,
            |inventory| &mut inventory.assignments,
            license_key,
            |n, _| told(n),
        )
        .await?;
        if part == Part::Hidden {
            locked(into).coverage.licenses = part;
            break;
        }
        let adds_up = |into: &Mutex<Inventory>, before: &[_]| {
            let mut inventory = locked(into);
            inventory.add_up(before, elsewhere);
            inventory.coverage.gaps.is_empty() && inventory.coverage.licenses.is_whole()
        };
        if adds_up(into, &before) {
            break;
        }
        // What moved while the list was read is no gap: the count is asked for once more.
        let facts = license(client, credential, urgency).await?;
        locked(into).allotments = allotments(&facts);
        newer = Some(facts);
        if adds_up(into, &before) {
            break;
        }
        let said = locked(into).coverage.sentences().join(" ");
        if last {
            tracing::warn!(said, "the licenses do not add up");
        } else {
            tracing::warn!(said, "the licenses do not add up; they are read once more");
            before = locked(into).allotments.iter().map(|a| (a.name.clone(), a.used)).collect();
            locked(into).assignments.clear();
        }
    }
    Ok(newer)
}

impl Cloud {
    /// Reads everything, page by page.
    pub(in crate::backend) async fn read_all(&self, by: &Reader, into: &Gathering) -> Result<Reading, Fault> {
        let credential = credential(&by.key);
        let read = all(&self.client, &credential, by.urgency, self.elsewhere, into);
        // On the heap: many calls wait inside, and the whole would be large on a stack.
        let read = Box::pin(read).await.map_err(map::fault)?;
        if read.inventory.coverage.people.is_whole() {
            self.client.set_tenant_users(read.inventory.people.len());
        }
        Ok(read)
    }

    /// Reads what is touched. Licenses that do not add up are read twice, and their coverage says how much there was.
    pub(in crate::backend) async fn read(&self, by: &Reader, touches: &Touches) -> Result<Inventory, Fault> {
        touched(&self.client, &credential(&by.key), by.urgency, self.elsewhere, touches).await.map_err(map::fault)
    }

    /// Reads the roles into an inventory that holds none yet.
    pub(in crate::backend) async fn read_roles(&self, by: &Reader, into: &mut Inventory) -> Result<(), Fault> {
        let read = Mutex::new(std::mem::take(into));
        let part = roles(&self.client, &credential(&by.key), by.urgency, &read).await;
        *into = std::mem::take(&mut *locked(&read));
        into.coverage.roles = part.map_err(map::fault)?;
        Ok(())
    }
}

async fn all(
    client: &Client,
    credential: &Credential,
    urgency: Urgency,
    elsewhere: i64,
    gathering: &Gathering,
) -> Result<Reading, CallError> {
    let mut facts = license(client, credential, urgency).await?;
    let into = gathering.inventory();
    locked(into).allotments = allotments(&facts);
    let held: i64 = locked(into).allotments.iter().filter(|a| a.takes_assignments()).map(|a| a.used).sum();
    gathering.note(|progress| progress.assignments_of = held);
    let users = collect(
        || client.users(credential, urgency),
        map::person,
        into,
        |inventory| &mut inventory.people,
        |person| person.id.to_string(),
        |n, total| {
            gathering.note(|progress| {
                progress.users = whole(n);
                progress.users_of = total.unwrap_or(progress.users_of);
            });
        },
    );
    let assignments =
        licenses(client, credential, urgency, elsewhere, into, |n| gathering.note(|progress| progress.assignments = whole(n)));
    let quiet = |_: usize, _: Option<i64>| ();
    let groups = collect(
        || client.groups(credential, urgency),
        map::group,
        into,
        |inventory| &mut inventory.groups,
        |group| group.id.to_string(),
        quiet,
    );
    let system_groups = async { or_hidden(client.system_groups(credential, urgency).await.map(Some)) };
    let roles = roles(client, credential, urgency, into);
    let settings = async { or_hidden(client.license_settings(credential, urgency).await) };
    let group_settings = async { or_hidden(client.group_settings(credential, urgency).await) };
    let (users, newer, groups, system, roles, settings, group_settings) =
        tokio::try_join!(users, assignments, groups, system_groups, roles, settings, group_settings)?;
    let mut inventory = gathering.take();
    inventory.coverage.system_groups = if system.is_some() { Part::Whole } else { Part::Hidden };
    inventory.groups.extend(system.into_iter().flat_map(|page| page.data).map(map::group));
    inventory.auto_assign = map::auto_assign(settings);
    inventory.group_settings = map::group_settings(&group_settings);
    (inventory.coverage.people, inventory.coverage.groups, inventory.coverage.roles) = (users, groups, roles);
    if let Some(newer) = newer {
        facts = newer;
    }
    Ok(Reading { inventory, license: map::license(facts.overview, facts.status) })
}

async fn roles(client: &Client, credential: &Credential, urgency: Urgency, into: &Mutex<Inventory>) -> Result<Part, CallError> {
    collect(
        || client.roles(credential, urgency),
        map::role,
        into,
        |inventory| &mut inventory.roles,
        |role| role.id.to_string(),
        |_, _| (),
    )
    .await
}

/// Reads what is touched, and nothing else; the rest of the inventory stays empty, and says so.
async fn touched(
    client: &Client,
    credential: &Credential,
    urgency: Urgency,
    elsewhere: i64,
    touches: &Touches,
) -> Result<Inventory, CallError> {
    let read = Mutex::new(unread());
    if touches.licenses() {
        locked(&read).allotments = allotments(&license(client, credential, urgency).await?);
        licenses(client, credential, urgency, elsewhere, &read, |_| ()).await?;
    }
    let mut inventory = std::mem::take(&mut *locked(&read));
    inventory.groups = groups(client, credential, urgency, &touches.groups().collect()).await?;
    let mut names: BTreeSet<&str> = touches.group_names().collect();
    names.retain(|name| inventory.groups.iter().all(|group| group.name != *name));
    let named = named_groups(client, credential, urgency, &names).await?;
    let known: HashSet<GroupId> = inventory.groups.iter().map(|group| group.id.clone()).collect();
    inventory.groups.extend(named.into_iter().filter(|group| !known.contains(&group.id)));
    if touches.licenses() || touches.has(&Touch::Setting(Setting::AutoAssign)) {
        inventory.auto_assign = map::auto_assign(or_hidden(client.license_settings(credential, urgency).await)?);
    }
    if touches.has(&Touch::Setting(Setting::Groups)) {
        inventory.group_settings = map::group_settings(&client.group_settings(credential, urgency).await?);
    }
    Ok(inventory)
}

/// A SCIM filter (RFC 7644) for what is one of these.
fn any_of<'v>(attribute: &str, values: impl Iterator<Item = &'v str>) -> String {
    let one = |value: &str| format!("{attribute} eq {}", serde_json::Value::from(value));
    values.map(one).collect::<Vec<_>>().join(" or ")
}

/// The groups of which an attribute is one of these. Qlik may answer more than was asked for.
async fn filtered(
    client: &Client,
    credential: &Credential,
    urgency: Urgency,
    attribute: &str,
    values: &[&str],
) -> Result<Vec<Group>, CallError> {
    let mut found = Vec::new();
    let filter = any_of(attribute, values.iter().copied());
    let mut pages = pin!(client.filter_groups(credential, urgency, &filter)?);
    while let Some(page) = pages.next().await {
        found.extend(page?.data.into_iter().map(map::group));
    }
    Ok(found)
}

/// Groups by name; one that is not there is left out. Qlik compares names with case, and so does this, whatever it answers.
async fn named_groups(
    client: &Client,
    credential: &Credential,
    urgency: Urgency,
    names: &BTreeSet<&str>,
) -> Result<Vec<Group>, CallError> {
    /// Names in one filter: the length of a request is bounded.
    const AT_ONCE: usize = 20;
    let mut found = Vec::new();
    let all: Vec<&str> = names.iter().copied().collect();
    for some in all.chunks(AT_ONCE) {
        let groups = filtered(client, credential, urgency, "name", some).await?;
        found.extend(groups.into_iter().filter(|group| names.contains(group.name.as_str())));
    }
    Ok(found)
}

/// Groups by id; one that is not there is left out. One is read by itself, several by a filter, a hundred in a call.
async fn groups(
    client: &Client,
    credential: &Credential,
    urgency: Urgency,
    ids: &BTreeSet<&GroupId>,
) -> Result<Vec<Group>, CallError> {
    /// Ids that Qlik takes in one filter.
    const AT_ONCE: usize = 100;
    let mut found = Vec::with_capacity(ids.len());
    let mut left: BTreeSet<&GroupId> = ids.clone();
    let all: Vec<&str> = ids.iter().map(|id| id.as_str()).collect();
    for some in all.chunks(AT_ONCE).filter(|some| some.len() > 1) {
        let groups = filtered(client, credential, urgency, "id", some).await?;
        found.extend(groups.into_iter().filter(|group| left.remove(&group.id)));
    }
    // A filter names no system groups; and what it leaves out may be there all the same.
    for id in left {
        if let Some(group) = or_missing(client.group(credential, urgency, id.as_str()).await)? {
            found.push(map::group(group));
        }
    }
    Ok(found)
}
