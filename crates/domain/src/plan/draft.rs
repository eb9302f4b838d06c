//! Draws up plans: compares an intent with an inventory, row by row, and puts what is left in order.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use super::{Change, Holdings, Intent, Kind, Plan, PlanError, PlannedChange, Stand, Unchanged, Warning, WhyNot};
use crate::allotment::{Allotment, AllotmentName, UsageClass};
use crate::inventory::{AutoAssign, GroupId, Inventory, Provider, RoleId};
use crate::roles::{self, MAX_ROLES_PER_GROUP, RoleDiff, RoleMark};
use crate::seats::{SeatChange, seat_changes};
use crate::sheet::{Entry, Purpose};
use crate::subject::Subject;
use crate::text;

/// Draws up the plan that turns `inventory` into what `intent` wants.
pub fn draw_up(inventory: &Inventory, intent: Intent) -> Result<Plan, PlanError> {
    let mut draft = Draft { inventory, held: inventory.held(), changes: Vec::new(), unchanged: Vec::new(), warnings: Vec::new() };
    let rest = matches!(intent, Intent::List { purpose: Purpose::Sync, .. });
    let title = match intent {
        Intent::Assign { subjects, allotment } => {
            assignable(inventory, &allotment)?;
            if subjects.is_empty() {
                return Err(PlanError::NothingSelected);
            }
            draft.assign(subjects, &allotment);
            format!("Assign {}", allotment.label())
        }
        Intent::Remove { licenses } => {
            if licenses.is_empty() {
                return Err(PlanError::NothingSelected);
            }
            let names: BTreeSet<String> = licenses.iter().map(|(_, allotment)| allotment.label()).collect();
            for (subject, allotment) in licenses {
                draft.remove(subject, allotment);
            }
            format!("Remove {}", text::and_list(&names.into_iter().collect::<Vec<_>>()))
        }
        Intent::ChangeType { licenses, to } => {
            assignable(inventory, &to)?;
            if licenses.is_empty() {
                return Err(PlanError::NothingSelected);
            }
            for (subject, from) in licenses {
                draft.change_type(subject, from, &to);
            }
            format!("Change type to {}", to.label())
        }
        Intent::Rename { from, to } => {
            let held = inventory.assignments.iter().filter(|a| a.subject == from).map(|a| a.allotment.clone()).collect();
            draft.rename(from, to, held)?;
            "Rename subject".to_owned()
        }
        Intent::SetGroupRoles { group, roles } => draft.group_roles(&group, roles)?,
        Intent::SetAutoAssign(after) => {
            draft.auto_assign(after);
            "Set licenses at sign-in".to_owned()
        }
        Intent::SetGroupSettings(after) => {
            let before = inventory.group_settings;
            if before == after {
                draft.skip("Group settings", WhyNot::AsWanted);
            } else {
                draft.push(Change::GroupSettings { before, after }, String::new(), false);
            }
            "Set how groups come into being".to_owned()
        }
        Intent::List { purpose, entries } => {
            if entries.is_empty() {
                return Err(PlanError::NothingSelected);
            }
            let named: BTreeSet<&AllotmentName> = entries.iter().filter_map(|entry| entry.allotment.as_ref()).collect();
            for name in named {
                assignable(inventory, name)?;
            }
            draft.list(purpose, entries)?
        }
        Intent::Exactly { title, changes } => {
            draft.exactly(changes);
            title
        }
    };
    let mut plan = draft.finish(title);
    plan.removes_the_rest = rest;
    Ok(plan)
}

fn assignable<'a>(inventory: &'a Inventory, name: &AllotmentName) -> Result<&'a Allotment, PlanError> {
    let allotment = inventory.allotment(name).ok_or_else(|| PlanError::UnknownAllotment(name.clone()))?;
    if allotment.usage_class == UsageClass::Time {
        return Err(PlanError::TimeBased(name.clone()));
    }
    Ok(allotment)
}

struct Draft<'a> {
    inventory: &'a Inventory,
    held: HashSet<(String, AllotmentName)>,
    changes: Vec<PlannedChange>,
    unchanged: Vec<Unchanged>,
    warnings: Vec<Warning>,
}

impl Draft<'_> {
    fn push(&mut self, change: Change, name: String, orphan: bool) {
        self.changes.push(PlannedChange { change, name, orphan });
    }

    fn skip(&mut self, target: impl Into<String>, why: WhyNot) {
        self.unchanged.push(Unchanged { target: target.into(), why });
    }

    /// What each subject holds, without case.
    fn held_by(&self) -> HashMap<String, Vec<AllotmentName>> {
        let mut held: HashMap<String, Vec<AllotmentName>> = HashMap::new();
        for assignment in &self.inventory.assignments {
            held.entry(assignment.subject.key()).or_default().push(assignment.allotment.clone());
        }
        held
    }

    fn list(&mut self, purpose: Purpose, entries: Vec<Entry>) -> Result<String, PlanError> {
        let held = self.held_by();
        let of = |subject: &Subject| held.get(&subject.key()).map_or(&[][..], Vec::as_slice);
        if purpose == Purpose::Sync {
            self.sync(entries, &held);
            return Ok("Sync to a list".to_owned());
        }
        for Entry { subject, allotment, moves_to, purpose, .. } in entries {
            match (purpose, allotment, moves_to) {
                (Purpose::Give | Purpose::Sync, Some(allotment), _) => match of(&subject) {
                    now if now.contains(&allotment) => self.skip(subject.to_string(), WhyNot::AsWanted),
                    [other] => self.change_type(subject, other.clone(), &allotment),
                    _ => self.assign(vec![subject], &allotment),
                },
                (Purpose::Take, Some(allotment), _) => self.remove(subject, allotment),
                (Purpose::Take, None, _) if of(&subject).is_empty() => self.skip(subject.to_string(), WhyNot::Gone),
                (Purpose::Take, None, _) => {
                    for allotment in of(&subject) {
                        self.remove(subject.clone(), allotment.clone());
                    }
                }
                (Purpose::Rename, _, Some(to)) => {
                    let allotments = of(&subject).to_vec();
                    self.rename(subject, to, allotments)?;
                }
                (Purpose::Give | Purpose::Sync | Purpose::Rename, _, _) => {}
            }
        }
        Ok(match purpose {
            Purpose::Give | Purpose::Sync => "Give the licenses of a list",
            Purpose::Take => "Take back the licenses of a list",
            Purpose::Rename => "Rename the subjects of a list",
        }
        .to_owned())
    }

    /// The list is the wanted state.
    fn sync(&mut self, entries: Vec<Entry>, held: &HashMap<String, Vec<AllotmentName>>) {
        let of = |subject: &Subject| held.get(&subject.key()).map_or(&[][..], Vec::as_slice);
        let mut wanted: BTreeMap<String, (Subject, BTreeSet<AllotmentName>)> = BTreeMap::new();
        for Entry { subject, allotment, .. } in entries {
            wanted.entry(subject.key()).or_insert_with(|| (subject, BTreeSet::new())).1.extend(allotment);
        }
        for (subject, wanted) in wanted.values() {
            let now: BTreeSet<AllotmentName> = of(subject).iter().cloned().collect();
            let mut gives = wanted.difference(&now);
            let mut takes = now.difference(wanted);
            wanted.intersection(&now).for_each(|_| self.skip(subject.to_string(), WhyNot::AsWanted));
            loop {
                match (takes.next(), gives.next()) {
                    (Some(from), Some(to)) => self.change_type(subject.clone(), from.clone(), to),
                    (Some(from), None) => self.remove(subject.clone(), from.clone()),
                    (None, Some(to)) => self.assign(vec![subject.clone()], to),
                    (None, None) => break,
                }
            }
        }
        let people = self.inventory.people_by_subject();
        for assignment in &self.inventory.assignments {
            let key = assignment.subject.key();
            if wanted.contains_key(&key) {
                continue;
            }
            if people.contains_key(&key) {
                self.remove(assignment.subject.clone(), assignment.allotment.clone());
            } else {
                self.skip(assignment.subject.to_string(), WhyNot::NotOurs);
            }
        }
    }

    fn assign(&mut self, subjects: Vec<Subject>, allotment: &AllotmentName) {
        for subject in subjects {
            let id = (subject.key(), allotment.clone());
            if self.held.insert(id) {
                self.push(Change::Assign { subject, allotment: allotment.clone() }, String::new(), false);
            } else {
                self.skip(subject.to_string(), WhyNot::AsWanted);
            }
        }
    }

    fn remove(&mut self, subject: Subject, allotment: AllotmentName) {
        if self.held.remove(&(subject.key(), allotment.clone())) {
            self.push(Change::Remove { subject, allotment }, String::new(), false);
        } else {
            self.skip(subject.to_string(), WhyNot::Gone);
        }
    }

    fn change_type(&mut self, subject: Subject, from: AllotmentName, to: &AllotmentName) {
        let target = (subject.key(), to.clone());
        if from == *to {
            let why = if self.held.contains(&target) { WhyNot::AsWanted } else { WhyNot::Gone };
            self.skip(subject.to_string(), why);
        } else if !self.held.remove(&(subject.key(), from.clone())) {
            self.skip(subject.to_string(), WhyNot::Gone);
        } else if self.held.insert(target) {
            self.push(Change::ChangeType { subject, from, to: to.clone() }, String::new(), false);
        } else {
            // They hold the wanted type already: all that is left to do is to give the other one back.
            self.push(Change::Remove { subject, allotment: from }, String::new(), false);
        }
    }

    fn rename(&mut self, from: Subject, to: Subject, allotments: Vec<AllotmentName>) -> Result<(), PlanError> {
        if from == to {
            return Err(PlanError::SameSubject);
        }
        if allotments.is_empty() {
            self.skip(from.to_string(), WhyNot::Gone);
        } else if allotments.iter().any(|allotment| self.held.contains(&(to.key(), allotment.clone()))) {
            self.skip(from.to_string(), WhyNot::Taken);
        } else {
            for allotment in &allotments {
                self.held.remove(&(from.key(), allotment.clone()));
                self.held.insert((to.key(), allotment.clone()));
            }
            self.push(Change::Rename { from, to, allotments }, String::new(), false);
        }
        Ok(())
    }

    fn group_roles(&mut self, id: &GroupId, after: BTreeSet<RoleId>) -> Result<String, PlanError> {
        let group = self.inventory.group(id).ok_or(PlanError::UnknownGroup)?;
        if after.len() > MAX_ROLES_PER_GROUP {
            return Err(PlanError::TooManyRoles(after.len()));
        }
        let known = self.inventory.roles_by_id();
        let diff = RoleDiff::between(&group.roles, &after);
        let mut marked: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for id in &diff.added {
            let role = known.get(id).ok_or_else(|| PlanError::UnknownRole(id.clone()))?;
            match roles::mark(role) {
                Some(RoleMark::FullControl | RoleMark::AdminLevel) => marked.entry("admin").or_default().push(role.name.clone()),
                Some(RoleMark::RaisesEntitlement) => marked.entry("raises").or_default().push(role.name.clone()),
                None => {}
            }
        }
        let title = format!("Set roles of {}", group.name);
        if diff.is_empty() {
            self.skip(group.name.clone(), WhyNot::AsWanted);
            return Ok(title);
        }
        if group.provider == Provider::System {
            self.warnings.push(Warning::Everyone);
        }
        if let Some(names) = marked.remove("admin") {
            self.warnings.push(Warning::AdminRoles { names });
        }
        if let Some(names) = marked.remove("raises") {
            self.warnings.push(Warning::RaisesEntitlement { names });
        }
        let change = Change::GroupRoles { group: id.clone(), name: group.name.clone(), before: group.roles.clone(), after };
        self.push(change, group.name.clone(), false);
        Ok(title)
    }

    fn auto_assign(&mut self, after: AutoAssign) {
        let before = self.inventory.auto_assign;
        if before == after {
            self.skip("Licenses at sign-in", WhyNot::AsWanted);
            return;
        }
        let mut names = Vec::new();
        if after.professional == Some(true) && before.professional != Some(true) {
            names.push("Professional".to_owned());
        }
        if after.analyzer == Some(true) && before.analyzer != Some(true) {
            names.push("Analyzer".to_owned());
        }
        if !names.is_empty() {
            self.warnings.push(Warning::AutoAssignOn { names });
        }
        self.push(Change::AutoAssign { before, after }, String::new(), false);
    }

    fn exactly(&mut self, changes: Vec<Change>) {
        let mut state = Holdings::of(self.inventory);
        for change in changes {
            match state.stand(&change) {
                Stand::Wanted => self.skip(change.target(), WhyNot::AsWanted),
                Stand::Before => {
                    state.apply(&change);
                    self.push(change, String::new(), false);
                }
                Stand::Neither => self.skip(change.target(), WhyNot::Overtaken),
            }
        }
    }

    fn finish(mut self, title: String) -> Plan {
        let people = self.inventory.people_by_subject();
        for planned in &mut self.changes {
            let subject = match &planned.change {
                Change::Assign { subject, .. } | Change::Remove { subject, .. } | Change::ChangeType { subject, .. } => subject,
                Change::Rename { from, .. } => from,
                Change::GroupRoles { .. } | Change::AutoAssign { .. } | Change::GroupSettings { .. } => continue,
            };
            match people.get(&subject.key()) {
                Some(person) => planned.name.clone_from(&person.name),
                None => planned.orphan = true,
            }
        }
        let seats = seat_changes(&self.inventory.allotments, self.changes.iter().map(|planned| &planned.change));
        let mut warnings = license_warnings(self.inventory, &people, &self.changes, &seats);
        warnings.append(&mut self.warnings);
        Plan {
            title,
            changes: in_order(&self.inventory.allotments, self.changes),
            unchanged: self.unchanged,
            seats,
            warnings,
            removes_the_rest: false,
        }
    }
}

fn license_warnings(
    inventory: &Inventory,
    people: &HashMap<String, &crate::inventory::Person>,
    changes: &[PlannedChange],
    seats: &[SeatChange],
) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for seat in seats {
        let short = seat.short();
        if short > 0 {
            warnings.push(Warning::NotEnoughSeats { allotment: seat.allotment.name.clone(), short });
        }
    }
    let mut orphans: Vec<&Subject> = Vec::new();
    let mut bots = HashSet::new();
    let mut back: BTreeMap<&AllotmentName, u64> = BTreeMap::new();
    let mut second = 0;
    let holders: HashSet<String> = inventory.assignments.iter().map(|a| a.subject.key()).collect();
    for planned in changes {
        match &planned.change {
            Change::Remove { subject, allotment } | Change::ChangeType { subject, from: allotment, .. } => {
                if planned.orphan {
                    orphans.push(subject);
                }
                if subject.is_bot() {
                    bots.insert(subject.key());
                }
                let signs_in = people.get(&subject.key()).is_some_and(|person| person.status == "active");
                if signs_in && matches!(planned.change, Change::Remove { .. }) && inventory.auto_assign.gives(allotment) {
                    *back.entry(allotment).or_default() += 1;
                }
            }
            Change::Assign { subject, .. } => {
                if holders.contains(&subject.key()) {
                    second += 1;
                }
                if subject.is_bot() {
                    bots.insert(subject.key());
                }
            }
            _ => {}
        }
    }
    if let Some(first) = orphans.first() {
        warnings.push(Warning::Orphans { count: orphans.len() as u64, first: (*first).clone() });
    }
    if !bots.is_empty() {
        warnings.push(Warning::Bots { count: bots.len() as u64 });
    }
    for (allotment, count) in back {
        warnings.push(Warning::AutoAssignGivesBack { allotment: allotment.clone(), count });
    }
    if second > 0 {
        warnings.push(Warning::SecondLicense { count: second });
    }
    warnings
}

/// Puts what frees seats before what needs them: removals, then changes of type as far as seats allow, then the rest.
fn in_order(allotments: &[Allotment], changes: Vec<PlannedChange>) -> Vec<PlannedChange> {
    let mut free: HashMap<AllotmentName, i64> =
        allotments.iter().map(|a| (a.name.clone(), a.seats().free(a.used).unwrap_or(i64::MAX / 2))).collect();
    let mut ordered = Vec::with_capacity(changes.len());
    let mut swaps: BTreeMap<AllotmentName, VecDeque<PlannedChange>> = BTreeMap::new();
    let mut last = Vec::new();
    for planned in changes {
        match &planned.change {
            Change::Remove { allotment, .. } => {
                *free.entry(allotment.clone()).or_default() += 1;
                ordered.push(planned);
            }
            Change::ChangeType { to, .. } => swaps.entry(to.clone()).or_default().push_back(planned),
            _ => last.push(planned),
        }
    }
    loop {
        let mut moved = false;
        for (to, waiting) in &mut swaps {
            while free.get(to).copied().unwrap_or_default() > 0 {
                let Some(planned) = waiting.pop_front() else { break };
                if let Change::ChangeType { from, .. } = &planned.change {
                    *free.entry(from.clone()).or_default() += 1;
                }
                *free.entry(to.clone()).or_default() -= 1;
                ordered.push(planned);
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    ordered.extend(swaps.into_values().flatten());
    ordered.sort_by_key(|planned| match planned.change.kind() {
        Kind::Remove => 0,
        _ => 1,
    });
    last.sort_by_key(|planned| planned.change.kind());
    ordered.extend(last);
    ordered
}
