//! Draws up plans: compares an intent with an inventory, row by row, and puts what is left in order.

mod groups;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use super::risk;
use super::seats::seat_changes;
use super::{
    Intent, Offer, OfferKind, Plan, PlanContext, PlanError, PlannedChange, Reason, Risks, Unchanged, Warning, Warnings, WhyNot,
};
use crate::allotment::{Allotment, AllotmentName, UsageClass};
use crate::change::{Assign, Change, ChangeType, Comparison, Remove, Rename, SetAutoAssign, SetGroupSettings, Wave};
use crate::import::{Action, Entry};
use crate::inventory::{Gap, Inventory, Part, RoleId};
use crate::projection::Projection;
use crate::subject::Subject;
use crate::text;

/// Draws up the plan that turns `inventory` into what `intent` wants.
pub fn draw_up(inventory: &Inventory, intent: Intent) -> Result<Plan, PlanError> {
    whole_enough(inventory, &intent)?;
    let mut draft = Draft {
        inventory,
        held: inventory.held(),
        changes: Vec::new(),
        unchanged: Vec::new(),
        offers: Vec::new(),
        restores: false,
        from_list: matches!(intent, Intent::List { .. }),
    };
    let rest = matches!(intent, Intent::List { action: Action::Sync, .. } | Intent::EditEach { rest: true, .. });
    let title = match intent {
        Intent::Assign { subjects, allotment } => {
            assignable(inventory, &allotment)?;
            if subjects.is_empty() {
                return Err(PlanError::NothingSelected);
            }
            for subject in subjects {
                draft.assign(subject, &allotment, "");
            }
            format!("Assign {}", allotment.label())
        }
        Intent::LicenseUnlicensed { subjects, allotment } => {
            assignable(inventory, &allotment)?;
            if subjects.is_empty() {
                return Err(PlanError::NothingSelected);
            }
            draft.license_unlicensed(subjects, &allotment);
            format!("Assign {}", allotment.label())
        }
        Intent::Remove { licenses } => {
            if licenses.is_empty() {
                return Err(PlanError::NothingSelected);
            }
            let names: BTreeSet<String> = licenses.iter().map(|(_, allotment)| allotment.label()).collect();
            for (subject, allotment) in licenses {
                draft.remove(subject, allotment, "");
            }
            format!("Remove {}", text::and_list(&names.into_iter().collect::<Vec<_>>()))
        }
        Intent::ChangeType { licenses, to } => {
            assignable(inventory, &to)?;
            if licenses.is_empty() {
                return Err(PlanError::NothingSelected);
            }
            for (subject, from) in licenses {
                draft.change_type(subject, from, &to, "");
            }
            format!("Change type to {}", to.label())
        }
        Intent::Rename { from, to } => {
            draft.renames(vec![(from, to, String::new())])?;
            "Rename subject".to_owned()
        }
        Intent::SetGroupRoles { group, roles } => draft.group_roles(&group, roles)?,
        Intent::EditRoles { groups, edit } => draft.edit_roles(&groups, &edit)?,
        Intent::EditEach { edits, .. } => {
            draft.edit_each(edits.iter().map(|(id, edit)| (id, edit)))?;
            match draft.changes.len() {
                0 => "Edit roles".to_owned(),
                changed => format!("Edit roles of {}", text::count(text::whole(changed), "group", "groups")),
            }
        }
        Intent::CreateGroups { groups } => draft.create_groups(groups)?,
        Intent::EditGroup { group, after } => draft.edit_group(&group, after)?,
        Intent::DeleteGroups { groups } => draft.delete_groups(&groups)?,
        Intent::Restore { groups, as_of } => draft.restore(groups, &as_of)?,
        Intent::SetAutoAssign(after) => {
            let before = inventory.auto_assign;
            if before == after {
                draft.skip("Automatic assignment", WhyNot::AsWanted);
            } else {
                draft.push(SetAutoAssign { before, after }, "");
            }
            "Change automatic assignment".to_owned()
        }
        Intent::SetGroupSettings(after) => {
            let before = inventory.group_settings;
            if before == after {
                draft.skip("Group creation settings", WhyNot::AsWanted);
            } else {
                draft.push(SetGroupSettings { before, after }, "");
            }
            "Change group creation settings".to_owned()
        }
        Intent::List { action, entries, spared } => {
            if entries.is_empty() {
                return Err(PlanError::NothingSelected);
            }
            let named: BTreeSet<&AllotmentName> = entries.iter().filter_map(|entry| entry.allotment.as_ref()).collect();
            for name in named {
                assignable(inventory, name)?;
            }
            draft.list(action, entries, &spared)?
        }
        Intent::Exactly { title, changes, restores } => {
            draft.restores = restores;
            draft.exactly(changes.into_iter().map(|change| (change, String::new())));
            title
        }
        Intent::Tied { title, changes } => {
            if changes.is_empty() {
                return Err(PlanError::NothingSelected);
            }
            draft.exactly(changes);
            title
        }
    };
    let mut plan = draft.finish(title);
    plan.removes_the_rest = rest;
    plan.risks.extend(rest.then(|| risk::roles_of_the_rest(&plan.changes)).flatten());
    plan.count_admins();
    Ok(plan)
}

/// A plan is drawn up only from what was read whole: whoever is not on a list that ended early may be there all the same.
fn whole_enough(inventory: &Inventory, intent: &Intent) -> Result<(), PlanError> {
    let coverage = &inventory.coverage;
    let licenses = || {
        if coverage.licenses.is_whole() {
            return Ok(());
        }
        let said = coverage.gaps.iter().map(Gap::sentence).collect::<Vec<_>>().join(" ");
        Err(PlanError::NotWhole(if said.is_empty() { "This key cannot see who has a license.".to_owned() } else { said }))
    };
    let people = || match coverage.people {
        Part::Whole => Ok(()),
        _ => Err(PlanError::NotWhole(coverage.sentences().join(" "))),
    };
    match intent {
        Intent::Assign { .. } | Intent::Remove { .. } | Intent::ChangeType { .. } | Intent::Rename { .. } => licenses(),
        Intent::LicenseUnlicensed { .. } | Intent::List { .. } | Intent::Tied { .. } => licenses().and_then(|()| people()),
        // Whether a name is taken is known only from all of them.
        Intent::CreateGroups { .. } | Intent::EditGroup { .. } | Intent::Restore { .. } if !coverage.groups.is_whole() => {
            Err(PlanError::NotWhole(coverage.sentences().join(" ")))
        }
        Intent::Exactly { changes, .. } if changes.iter().any(|change| change.subject().is_some()) => licenses(),
        Intent::Exactly { .. }
        | Intent::CreateGroups { .. }
        | Intent::EditGroup { .. }
        | Intent::DeleteGroups { .. }
        | Intent::Restore { .. }
        | Intent::SetGroupRoles { .. }
        | Intent::EditRoles { .. }
        | Intent::EditEach { .. }
        | Intent::SetAutoAssign(_)
        | Intent::SetGroupSettings(_) => Ok(()),
    }
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
    offers: Vec<Offer>,
    /// It brings back what was.
    restores: bool,
    from_list: bool,
}

impl Draft<'_> {
    fn push(&mut self, change: impl Into<Change>, why: &str) {
        self.changes.push(PlannedChange { change: change.into(), name: String::new(), orphan: false, why: Reason::plain(why) });
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

    /// Gives to those who hold nothing. Who holds another license keeps it; changing theirs is an offer.
    fn license_unlicensed(&mut self, subjects: Vec<Subject>, allotment: &AllotmentName) {
        let held = self.held_by();
        let mut others = Vec::new();
        for subject in subjects {
            match held.get(&subject.key()).map_or(&[][..], Vec::as_slice) {
                [] => self.assign(subject, allotment, ""),
                now if now.contains(allotment) => self.skip(subject.to_string(), WhyNot::AsWanted),
                [other] => {
                    self.skip(subject.to_string(), WhyNot::HoldsAnother);
                    others.push(ChangeType { subject, from: other.clone(), to: allotment.clone() }.into());
                }
                _ => self.skip(subject.to_string(), WhyNot::HoldsAnother),
            }
        }
        if !others.is_empty() {
            self.offers.push(Offer { kind: OfferKind::HoldsAnother, changes: others });
        }
    }

    fn list(&mut self, action: Action, entries: Vec<Entry>, spared: &[Subject]) -> Result<String, PlanError> {
        let held = self.held_by();
        let of = |subject: &Subject| held.get(&subject.key()).map_or(&[][..], Vec::as_slice);
        if action == Action::Sync {
            self.sync(entries, &held, spared);
            return Ok("Sync to list".to_owned());
        }
        let mut renames = Vec::new();
        for Entry { line, subject, allotment, moves_to, action } in entries {
            let why = format!("line {line} of the list");
            match (action, allotment, moves_to) {
                (Action::Give | Action::Sync, Some(allotment), _) => match of(&subject) {
                    now if now.contains(&allotment) => self.skip(subject.to_string(), WhyNot::AsWanted),
                    [other] => {
                        let why = format!("{why}; {} changes", other.label());
                        self.change_type(subject, other.clone(), &allotment, &why);
                    }
                    _ => self.assign(subject, &allotment, &why),
                },
                (Action::Take, Some(allotment), _) => self.remove(subject, allotment, &why),
                (Action::Take, None, _) if of(&subject).is_empty() => self.skip(subject.to_string(), WhyNot::Gone),
                (Action::Take, None, _) => {
                    for allotment in of(&subject) {
                        self.remove(subject.clone(), allotment.clone(), &why);
                    }
                }
                (Action::Rename, _, Some(to)) => renames.push((subject, to, why)),
                (Action::Give | Action::Sync | Action::Rename, _, _) => {}
            }
        }
        self.renames(renames)?;
        Ok(match action {
            Action::Give | Action::Sync => "Assign licenses from a list",
            Action::Take => "Remove licenses from a list",
            Action::Rename => "Rename subjects from a list",
        }
        .to_owned())
    }

    /// The list is the wanted state. Whoever a line that was left out may mean is left alone.
    fn sync(&mut self, entries: Vec<Entry>, held: &HashMap<String, Vec<AllotmentName>>, spared: &[Subject]) {
        let of = |subject: &Subject| held.get(&subject.key()).map_or(&[][..], Vec::as_slice);
        let spared: HashSet<String> = spared.iter().map(Subject::key).collect();
        let mut wanted: BTreeMap<String, (Subject, u64, BTreeSet<AllotmentName>)> = BTreeMap::new();
        for Entry { subject, allotment, line, .. } in entries {
            wanted.entry(subject.key()).or_insert_with(|| (subject, line, BTreeSet::new())).2.extend(allotment);
        }
        for (subject, line, wanted) in wanted.values() {
            let now: BTreeSet<AllotmentName> = of(subject).iter().cloned().collect();
            // A line beside it that was left out may name another license that the person is to keep.
            let keeps = spared.contains(&subject.key());
            let why = format!("line {line} of the list");
            let mut gives = wanted.difference(&now);
            let mut takes = now.difference(wanted);
            wanted.intersection(&now).for_each(|_| self.skip(subject.to_string(), WhyNot::AsWanted));
            if keeps && takes.clone().next().is_some() {
                self.skip(subject.to_string(), WhyNot::MaybeMeant);
                continue;
            }
            loop {
                match (takes.next(), gives.next()) {
                    (Some(from), Some(to)) => self.change_type(subject.clone(), from.clone(), to, &why),
                    (Some(from), None) => self.remove(subject.clone(), from.clone(), &why),
                    (None, Some(to)) => self.assign(subject.clone(), to, &why),
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
            if spared.contains(&key) {
                self.skip(assignment.subject.to_string(), WhyNot::MaybeMeant);
            } else if people.contains_key(&key) {
                self.remove(assignment.subject.clone(), assignment.allotment.clone(), "not on the list");
            } else {
                self.skip(assignment.subject.to_string(), WhyNot::NotOurs);
            }
        }
    }

    fn assign(&mut self, subject: Subject, allotment: &AllotmentName, why: &str) {
        let id = (subject.key(), allotment.clone());
        if self.held.insert(id) {
            self.push(Assign { subject, allotment: allotment.clone() }, why);
        } else {
            self.skip(subject.to_string(), WhyNot::AsWanted);
        }
    }

    fn remove(&mut self, subject: Subject, allotment: AllotmentName, why: &str) {
        if self.held.remove(&(subject.key(), allotment.clone())) {
            self.push(Remove { subject, allotment }, why);
        } else {
            self.skip(subject.to_string(), WhyNot::Gone);
        }
    }

    fn change_type(&mut self, subject: Subject, from: AllotmentName, to: &AllotmentName, why: &str) {
        let target = (subject.key(), to.clone());
        if from == *to {
            let why = if self.held.contains(&target) { WhyNot::AsWanted } else { WhyNot::Gone };
            self.skip(subject.to_string(), why);
        } else if !self.held.remove(&(subject.key(), from.clone())) {
            self.skip(subject.to_string(), WhyNot::Gone);
        } else if self.held.insert(target) {
            self.push(ChangeType { subject, from, to: to.clone() }, why);
        } else {
            // They hold the wanted type already: all that is left to do is to give the other one back.
            let why = format!("already has {}, so {} is removed", to.label(), from.label());
            self.push(Remove { subject, allotment: from }, &why);
        }
    }

    /// Moves licenses from one subject to another, whatever the order they are named in: a subject that takes over from
    /// another has to be free first.
    fn renames(&mut self, wanted: Vec<(Subject, Subject, String)>) -> Result<(), PlanError> {
        let held = self.held_by();
        let at: HashMap<String, usize> = wanted.iter().enumerate().map(|(at, (from, ..))| (from.key(), at)).collect();
        let mut into: HashMap<String, &Subject> = HashMap::new();
        for (from, to, _) in &wanted {
            if from == to {
                return Err(PlanError::SameSubject);
            }
            if let Some(other) = into.insert(to.key(), from) {
                return Err(PlanError::TwoIntoOne(other.to_string(), from.to_string(), to.to_string()));
            }
        }
        let mut done = vec![false; wanted.len()];
        for start in 0..wanted.len() {
            // Whoever stands where this one goes, then where that one goes: the last of them moves first.
            let mut chain = Vec::new();
            let mut next = Some(start);
            while let Some(place) = next.filter(|place| !done.get(*place).copied().unwrap_or(true)) {
                if chain.contains(&place) {
                    let names = chain.iter().filter_map(|place| wanted.get(*place)).map(|(from, ..)| from.to_string());
                    return Err(PlanError::RenameCycle(names.collect()));
                }
                chain.push(place);
                next = wanted.get(place).and_then(|(_, to, _)| at.get(&to.key())).copied();
            }
            for place in chain.into_iter().rev() {
                if let Some(done) = done.get_mut(place) {
                    *done = true;
                }
                let Some((from, to, why)) = wanted.get(place) else { continue };
                let allotments = held.get(&from.key()).cloned().unwrap_or_default();
                self.rename(from.clone(), to.clone(), allotments, why);
            }
        }
        Ok(())
    }

    fn rename(&mut self, from: Subject, to: Subject, allotments: Vec<AllotmentName>, why: &str) {
        if allotments.is_empty() {
            self.skip(from.to_string(), WhyNot::Gone);
        } else if allotments.iter().any(|allotment| self.held.contains(&(to.key(), allotment.clone()))) {
            self.skip(from.to_string(), WhyNot::Taken);
        } else {
            for allotment in &allotments {
                self.held.remove(&(from.key(), allotment.clone()));
                self.held.insert((to.key(), allotment.clone()));
            }
            self.push(Rename { from, to, allotments }, why);
        }
    }

    fn exactly(&mut self, changes: impl IntoIterator<Item = (Change, String)>) {
        let mut now = Projection::of(self.inventory);
        let roles: HashSet<&RoleId> = self.inventory.roles.iter().map(|role| &role.id).collect();
        let is_gone = |role: &RoleId| self.inventory.coverage.roles.is_whole() && !roles.contains(role);
        for (change, why) in changes {
            if change.roles_given().is_some_and(|given| given.iter().any(is_gone)) {
                self.skip(change.target(), WhyNot::RoleGone);
                continue;
            }
            match change.compare(&now) {
                Comparison::Applied => self.skip(change.target(), WhyNot::AsWanted),
                Comparison::Unchanged => {
                    change.project(&mut now, None, "");
                    self.push(change, &why);
                }
                Comparison::Diverged => self.skip(change.target(), WhyNot::Overtaken),
                Comparison::NotVisible => self.skip(change.target(), WhyNot::NotVisible),
            }
        }
    }

    fn finish(mut self, title: String) -> Plan {
        let context = PlanContext::of(self.inventory, self.restores, self.from_list);
        for planned in &mut self.changes {
            let Some(subject) = planned.change.subject() else {
                planned.name = planned.change.target();
                continue;
            };
            match context.people.get(&subject.key()) {
                Some(person) => planned.name.clone_from(&person.name),
                // Whoever is not on a list that ended early may be there all the same.
                None => planned.orphan = context.people_whole(),
            }
        }
        let seats = seat_changes(&self.inventory.allotments, self.changes.iter().map(|planned| planned.change.seats()));
        let (mut warnings, mut risks) = (Warnings::default(), Risks::default());
        for planned in &self.changes {
            planned.change.warn(&context, &mut warnings);
            planned.change.risk(&context, &mut risks);
        }
        let role_shifts = risks.role_shifts(self.inventory);
        let mut warnings = warnings.finish(&seats);
        for warning in &mut warnings {
            if let Warning::RaisesEntitlement { raised, .. } = warning {
                *raised = risks.raised(self.inventory);
            }
        }
        let risks = risks.finish(self.inventory, &seats);
        Plan {
            title,
            changes: in_order(&self.inventory.allotments, self.changes),
            unchanged: self.unchanged,
            seats,
            warnings,
            removes_the_rest: false,
            restores: self.restores,
            offers: self.offers,
            risks,
            role_shifts,
        }
    }
}

/// Puts what frees seats before what needs them: removals, then changes of type as far as seats allow, then the rest.
fn in_order(allotments: &[Allotment], changes: Vec<PlannedChange>) -> Vec<PlannedChange> {
    let mut free: HashMap<AllotmentName, i64> =
        allotments.iter().map(|a| (a.name.clone(), a.seats().free(a.used).unwrap_or(i64::MAX / 2))).collect();
    let mut ordered = Vec::with_capacity(changes.len());
    let mut swaps: BTreeMap<AllotmentName, VecDeque<PlannedChange>> = BTreeMap::new();
    let (mut swapped, mut last) = (Vec::new(), Vec::new());
    for planned in changes {
        let seats = planned.change.seats();
        match (planned.change.kind().wave(), seats.takes.cloned()) {
            (Wave::Frees, _) => {
                if let Some(allotment) = seats.frees {
                    *free.entry(allotment.clone()).or_default() += 1;
                }
                ordered.push(planned);
            }
            (Wave::Swaps, Some(to)) => swaps.entry(to).or_default().push_back(planned),
            _ => last.push(planned),
        }
    }
    loop {
        let mut moved = false;
        for (to, waiting) in &mut swaps {
            while free.get(to).copied().unwrap_or_default() > 0 {
                let Some(planned) = waiting.pop_front() else { break };
                if let Some(from) = planned.change.seats().frees {
                    *free.entry(from.clone()).or_default() += 1;
                }
                *free.entry(to.clone()).or_default() -= 1;
                swapped.push(planned);
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    ordered.extend(swapped);
    ordered.extend(swaps.into_values().flatten());
    last.sort_by_key(|planned| (planned.change.kind().wave(), planned.change.kind()));
    ordered.extend(last);
    ordered
}
