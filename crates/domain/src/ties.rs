//! Licenses tied to groups: the standing wish that everyone in a group holds one, compared with who does. It never acts by itself.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use crate::allotment::AllotmentName;
use crate::change::{Assign, Change, ChangeType, Remove};
use crate::inventory::{Group, GroupId, Inventory, Person, Provider};
use crate::subject::Subject;

/// Everyone in a group is to hold a license.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tie {
    /// Which group.
    pub group: GroupId,
    /// What it was called when it was tied: one that is made again under its name is the same group to people.
    pub name: String,
    /// Which license.
    pub allotment: AllotmentName,
}

impl Tie {
    /// The group as it is now; one that came again under its name where the id is gone. Nothing where neither is there.
    pub fn find<'a>(&self, inventory: &'a Inventory) -> Option<&'a Group> {
        let again = || inventory.groups.iter().find(|group| group.provider != Provider::System && group.name == self.name);
        inventory.group(&self.group).or_else(again)
    }
}

/// When somebody was in a group, as readings saw it; times are milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The subject as the tenant spells it.
    pub subject: Subject,
    /// The first reading that saw them in it.
    pub since: i64,
    /// The first reading that did not see them in it any more; `None` while they are.
    pub until: Option<i64>,
}

/// Who was in a tied group, by subject without case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Members(pub BTreeMap<String, Membership>);

/// Who is in which group and holds what cannot be seen in full, so nothing can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not all users, their groups and their licenses are visible")]
pub struct NotVisible;

/// The order in which the license of somebody in several tied groups is chosen: the largest first, those that nobody has ranked last.
fn order(name: &AllotmentName) -> (std::cmp::Reverse<u8>, &AllotmentName) {
    (std::cmp::Reverse(name.rank().unwrap_or(0)), name)
}

fn is_visible(inventory: &Inventory) -> bool {
    let coverage = &inventory.coverage;
    coverage.people.is_whole()
        && coverage.groups.is_whole()
        && coverage.licenses.is_whole()
        && inventory.people.iter().all(|person| person.groups.is_some())
}

fn is_in(person: &Person, group: &Group) -> bool {
    group.provider == Provider::System || person.is_in(&group.id)
}

/// What each subject holds, without case.
fn held(inventory: &Inventory) -> HashMap<String, Vec<&AllotmentName>> {
    let mut held: HashMap<String, Vec<&AllotmentName>> = HashMap::new();
    for assignment in &inventory.assignments {
        held.entry(assignment.subject.key()).or_default().push(&assignment.allotment);
    }
    held
}

impl Members {
    /// Takes in who is in the group of a tie by a reading. Whoever left stays known as long as they hold the license. Returns
    /// whether anything is different; nothing is where the reading did not show everything.
    pub fn take(&mut self, tie: &Tie, inventory: &Inventory, now: i64) -> bool {
        if !is_visible(inventory) {
            return false;
        }
        let before = self.clone();
        // A group that is gone has no members.
        let group = tie.find(inventory);
        let members: BTreeMap<String, &Subject> = inventory
            .people
            .iter()
            .filter(|person| group.is_some_and(|group| is_in(person, group)))
            .map(|person| (person.subject.key(), &person.subject))
            .collect();
        for (key, subject) in &members {
            let new = || Membership { subject: (*subject).clone(), since: now, until: None };
            self.0.entry(key.clone()).or_insert_with(new).until = None;
        }
        for (key, membership) in &mut self.0 {
            if membership.until.is_none() && !members.contains_key(key) {
                membership.until = Some(now);
            }
        }
        let holders: BTreeSet<String> =
            inventory.assignments.iter().filter(|a| a.allotment == tie.allotment).map(|a| a.subject.key()).collect();
        self.0.retain(|key, membership| membership.until.is_none() || holders.contains(key));
        *self != before
    }
}

/// Somebody who is to hold a license and does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking {
    /// Who.
    pub subject: Subject,
    /// May be empty.
    pub name: String,
    /// What they are to hold.
    pub wants: AllotmentName,
    /// The smaller one that they hold, and that becomes it.
    pub instead_of: Option<AllotmentName>,
    /// The groups that say so.
    pub by: Vec<GroupId>,
}

impl Lacking {
    /// What gives it to them.
    pub fn change(&self) -> Change {
        let (subject, to) = (self.subject.clone(), self.wants.clone());
        match &self.instead_of {
            Some(from) => ChangeType { subject, from: from.clone(), to }.into(),
            None => Assign { subject, allotment: to }.into(),
        }
    }
}

/// Somebody who holds a license of a group that they left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Who.
    pub subject: Subject,
    /// May be empty.
    pub name: String,
    /// What they hold.
    pub holds: AllotmentName,
    /// What another group says they are to hold: the license becomes it. `None`: it is taken back.
    pub becomes: Option<AllotmentName>,
    /// The groups that they left.
    pub groups: Vec<GroupId>,
    /// The first reading that did not see them in one of these, in milliseconds since 1970.
    pub until: i64,
}

impl Left {
    /// What takes it back.
    pub fn change(&self) -> Change {
        let (subject, from) = (self.subject.clone(), self.holds.clone());
        match &self.becomes {
            Some(to) => ChangeType { subject, from, to: to.clone() }.into(),
            None => Remove { subject, allotment: from }.into(),
        }
    }
}

/// How a tie stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// The group is there.
    pub exists: bool,
    /// Members who can sign in.
    pub members: u64,
    /// Of those, who hold the license or a larger one.
    pub hold: u64,
    /// Of those who do not hold it, whom another tied group gives another license, which comes first.
    pub by_another: u64,
    /// Of those who do not hold it, who are to get it.
    pub lack: u64,
    /// Members who cannot sign in: nobody gives them one.
    pub shut_out: u64,
    /// Who left the group and still holds the license, by this group.
    pub left: u64,
}

/// How the tenant stands to its ties.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Each tie's, in the order of the ties.
    pub counts: Vec<Count>,
    /// Who lacks a license, by subject.
    pub lacking: Vec<Lacking>,
    /// Who holds one only by a group that they left, as far as readings saw, by subject.
    pub left: Vec<Left>,
}

/// Compares ties, each with who was in its group, with a tenant.
pub fn compare(inventory: &Inventory, ties: &[(Tie, Members)]) -> Result<Standing, NotVisible> {
    if !is_visible(inventory) {
        return Err(NotVisible);
    }
    let held = held(inventory);
    let mut found: Vec<(&Tie, Option<&Group>, Count)> = ties
        .iter()
        .map(|(tie, _)| (tie, tie.find(inventory)))
        .map(|(tie, group)| (tie, group, Count { exists: group.is_some(), ..Count::default() }))
        .collect();
    let mut standing = Standing::default();
    // What each person is to hold by the groups they are in, and whether they cannot sign in.
    let mut wanted: HashMap<String, (&AllotmentName, bool)> = HashMap::new();
    for person in &inventory.people {
        let key = person.subject.key();
        let holds = held.get(&key).map_or(&[][..], Vec::as_slice);
        let member = |group: Option<&Group>| group.is_some_and(|group| is_in(person, group));
        let mine = found.iter().filter(|(_, group, _)| member(*group)).map(|(tie, ..)| &tie.allotment);
        let Some(wants) = mine.min_by_key(|allotment| order(allotment)) else { continue };
        wanted.insert(key, (wants, person.is_shut_out()));
        let mut by = Vec::new();
        for (tie, _, count) in found.iter_mut().filter(|(_, group, _)| member(*group)) {
            if person.is_shut_out() {
                count.shut_out += 1;
                continue;
            }
            count.members += 1;
            if holds.iter().any(|held| held.contains(&tie.allotment)) {
                count.hold += 1;
            } else if tie.allotment == *wants {
                count.lack += 1;
            } else {
                count.by_another += 1;
            }
            if tie.allotment == *wants {
                by.push(tie.group.clone());
            }
        }
        if person.is_shut_out() || holds.iter().any(|held| held.contains(wants)) {
            continue;
        }
        // Only a license that the wanted one contains becomes it; another kind stays beside it.
        let smaller = holds.iter().copied().filter(|held| wants.contains(held)).min_by_key(|held| order(held));
        let (subject, name) = (person.subject.clone(), person.name.clone());
        standing.lacking.push(Lacking { subject, name, wants: wants.clone(), instead_of: smaller.cloned(), by });
    }
    let people = inventory.people_by_subject();
    let mut left: BTreeMap<(String, AllotmentName), Left> = BTreeMap::new();
    for ((tie, members), (_, _, count)) in ties.iter().zip(&mut found) {
        for (key, membership) in &members.0 {
            let Some(until) = membership.until else { continue };
            let holds = held.get(key).map_or(&[][..], Vec::as_slice);
            let wants = wanted.get(key).copied();
            // Another tied group may say the same, or more.
            if !holds.contains(&&tie.allotment) || wants.is_some_and(|(wants, _)| wants.contains(&tie.allotment)) {
                continue;
            }
            count.left += 1;
            // Nobody gives one to whoever cannot sign in.
            let wants = wants.filter(|(_, shut_out)| !shut_out).map(|(wants, _)| wants);
            let becomes = wants.filter(|wants| tie.allotment.contains(wants) && !holds.contains(wants));
            let new = || Left {
                subject: membership.subject.clone(),
                name: people.get(key).map(|person| person.name.clone()).unwrap_or_default(),
                holds: tie.allotment.clone(),
                becomes: becomes.cloned(),
                groups: Vec::new(),
                until,
            };
            let left = left.entry((key.clone(), tie.allotment.clone())).or_insert_with(new);
            left.groups.push(tie.group.clone());
            left.until = left.until.max(until);
        }
    }
    standing.counts = found.into_iter().map(|(_, _, count)| count).collect();
    standing.lacking.sort_by_cached_key(|lacking| lacking.subject.key());
    standing.left = left.into_values().collect();
    Ok(standing)
}

impl Members {
    /// As bytes to keep.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Nothing of it can fail to be written.
        postcard::to_allocvec(&self.0.values().collect::<Vec<_>>()).unwrap_or_default()
    }

    /// Reads those bytes; none are nobody.
    pub fn of_bytes(bytes: &[u8]) -> Result<Self, postcard::Error> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let members: Vec<Membership> = postcard::from_bytes(bytes)?;
        Ok(Self(members.into_iter().map(|membership| (membership.subject.key(), membership)).collect()))
    }
}
