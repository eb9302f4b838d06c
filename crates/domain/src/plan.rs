//! From an intent to a plan: what would change, row by row, what would not, and what to think about first.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::allotment::{Allotment, AllotmentName, UsageClass};
use crate::inventory::{AutoAssign, GroupId, GroupSettings, Inventory, Provider, RoleId};
use crate::roles::{self, MAX_ROLES_PER_GROUP, RoleDiff, RoleMark};
use crate::seats::{SeatChange, seat_changes};
use crate::subject::Subject;
use crate::table::Row;
use crate::text;

/// What somebody wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Intent {
    /// These subjects hold `allotment`.
    Assign {
        /// Who.
        subjects: Vec<Subject>,
        /// What.
        allotment: AllotmentName,
    },
    /// These licenses are given back.
    Remove {
        /// Who and what.
        licenses: Vec<(Subject, AllotmentName)>,
    },
    /// These licenses become `to`.
    ChangeType {
        /// Who and what now.
        licenses: Vec<(Subject, AllotmentName)>,
        /// What then.
        to: AllotmentName,
    },
    /// Every license of `from` belongs to `to`.
    Rename {
        /// The subject as it is.
        from: Subject,
        /// The subject as it shall be.
        to: Subject,
    },
    /// A group gives exactly these roles.
    SetGroupRoles {
        /// Which group.
        group: GroupId,
        /// All its roles then.
        roles: BTreeSet<RoleId>,
    },
    /// Who gets a license at sign-in.
    SetAutoAssign(AutoAssign),
    /// How groups come into being.
    SetGroupSettings(GroupSettings),
    /// Exactly these changes, as far as the tenant still is as they expect: an undo or a retry.
    Exactly {
        /// What the plan is called.
        title: String,
        /// The changes.
        changes: Vec<Change>,
    },
}

/// One change: a row of a plan, and of the journal of the job that applies it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// Give a license.
    Assign {
        /// Who.
        subject: Subject,
        /// What.
        allotment: AllotmentName,
    },
    /// Take a license back.
    Remove {
        /// Who.
        subject: Subject,
        /// What.
        allotment: AllotmentName,
    },
    /// Swap one license for another in one step.
    ChangeType {
        /// Who.
        subject: Subject,
        /// What now.
        from: AllotmentName,
        /// What then.
        to: AllotmentName,
    },
    /// Move a subject's licenses to another subject.
    Rename {
        /// The subject as it is.
        from: Subject,
        /// The subject as it shall be.
        to: Subject,
        /// What is moved.
        allotments: Vec<AllotmentName>,
    },
    /// Replace a group's roles.
    GroupRoles {
        /// Which group.
        group: GroupId,
        /// Its name, for people.
        name: String,
        /// Its roles as they were when the plan was drawn up.
        before: BTreeSet<RoleId>,
        /// Its roles then.
        after: BTreeSet<RoleId>,
    },
    /// Set who gets a license at sign-in.
    AutoAssign {
        /// As it was.
        before: AutoAssign,
        /// As it shall be.
        after: AutoAssign,
    },
    /// Set how groups come into being.
    GroupSettings {
        /// As it was.
        before: GroupSettings,
        /// As it shall be.
        after: GroupSettings,
    },
}

/// The request a change travels in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// `actions/delete`
    Remove,
    /// `actions/update` with `sourceSubject`
    Rename,
    /// `actions/update` with `sourceType`
    ChangeType,
    /// `actions/add`
    Assign,
    /// `PATCH /groups/{id}`
    GroupRoles,
    /// `PUT /licenses/settings`
    AutoAssign,
    /// `PATCH /groups/settings`
    GroupSettings,
}

impl Kind {
    /// Whether several rows of this kind travel in one request.
    pub fn batches(self) -> bool {
        matches!(self, Self::Remove | Self::Rename | Self::ChangeType | Self::Assign)
    }

    /// The heading over rows of this kind.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Remove => "remove",
            Self::Rename => "rename",
            Self::ChangeType => "change type",
            Self::Assign => "assign",
            Self::GroupRoles => "set roles",
            Self::AutoAssign | Self::GroupSettings => "set",
        }
    }

    /// `+`, `~` or `−`.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Assign => "+",
            Self::Remove => "−",
            _ => "~",
        }
    }
}

impl Change {
    /// The request this change travels in.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Assign { .. } => Kind::Assign,
            Self::Remove { .. } => Kind::Remove,
            Self::ChangeType { .. } => Kind::ChangeType,
            Self::Rename { .. } => Kind::Rename,
            Self::GroupRoles { .. } => Kind::GroupRoles,
            Self::AutoAssign { .. } => Kind::AutoAssign,
            Self::GroupSettings { .. } => Kind::GroupSettings,
        }
    }

    /// The change that takes this one back.
    #[must_use]
    pub fn inverse(&self) -> Self {
        match self.clone() {
            Self::Assign { subject, allotment } => Self::Remove { subject, allotment },
            Self::Remove { subject, allotment } => Self::Assign { subject, allotment },
            Self::ChangeType { subject, from, to } => Self::ChangeType { subject, from: to, to: from },
            Self::Rename { from, to, allotments } => Self::Rename { from: to, to: from, allotments },
            Self::GroupRoles { group, name, before, after } => Self::GroupRoles { group, name, before: after, after: before },
            Self::AutoAssign { before, after } => Self::AutoAssign { before: after, after: before },
            Self::GroupSettings { before, after } => Self::GroupSettings { before: after, after: before },
        }
    }

    /// What no other job may touch while this change is under way: (subject without case, allotment), a group, or a setting.
    pub fn lock_keys(&self) -> Vec<String> {
        let license = |subject: &Subject, allotment: &AllotmentName| format!("license\u{1f}{}\u{1f}{allotment}", subject.key());
        match self {
            Self::Assign { subject, allotment } | Self::Remove { subject, allotment } => vec![license(subject, allotment)],
            Self::ChangeType { subject, from, to } => vec![license(subject, from), license(subject, to)],
            Self::Rename { from, to, allotments } => {
                allotments.iter().flat_map(|allotment| [license(from, allotment), license(to, allotment)]).collect()
            }
            Self::GroupRoles { group, .. } => vec![format!("group\u{1f}{group}")],
            Self::AutoAssign { .. } => vec!["settings\u{1f}licenses".to_owned()],
            Self::GroupSettings { .. } => vec!["settings\u{1f}groups".to_owned()],
        }
    }

    /// What is changed, for a person: the subject, the group's name, or the setting.
    pub fn target(&self) -> String {
        match self {
            Self::Assign { subject, .. } | Self::Remove { subject, .. } | Self::ChangeType { subject, .. } => subject.to_string(),
            Self::Rename { from, .. } => from.to_string(),
            Self::GroupRoles { name, .. } => name.clone(),
            Self::AutoAssign { .. } => "Licenses at sign-in".to_owned(),
            Self::GroupSettings { .. } => "Group settings".to_owned(),
        }
    }
}

/// A change with what a person wants to know about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedChange {
    /// The change.
    pub change: Change,
    /// The person's or group's name; empty where nobody knows one.
    pub name: String,
    /// The subject is no user of this tenant.
    pub orphan: bool,
}

/// A row that was asked for and will not be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unchanged {
    /// The subject or group.
    pub target: String,
    /// Why.
    pub why: WhyNot,
}

/// Why a row will not be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum WhyNot {
    /// It already is as wanted.
    AsWanted,
    /// Not there any more, or never was.
    Gone,
    /// Somebody else changed it since.
    Overtaken,
    /// The other subject holds that license already.
    Taken,
}

impl WhyNot {
    /// The rest of a sentence that starts with how many.
    pub fn sentence(&self) -> &'static str {
        match self {
            Self::AsWanted => "already as wanted",
            Self::Gone => "no longer there",
            Self::Overtaken => "changed by somebody else since",
            Self::Taken => "held by the other subject already",
        }
    }
}

/// What to think about before applying.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Warning {
    /// Seats do not suffice; Qlik will refuse the rest.
    NotEnoughSeats {
        /// Of what.
        allotment: AllotmentName,
        /// Seats missing.
        short: i64,
        /// Other allotments with at least that many free seats.
        others: Vec<AllotmentName>,
    },
    /// Removing or changing licenses of subjects that are no users here.
    Orphans {
        /// How many.
        count: u64,
        /// The first of them.
        first: Subject,
    },
    /// OAuth clients' own users are among them.
    Bots {
        /// How many.
        count: u64,
    },
    /// What is taken comes back at the next sign-in.
    AutoAssignGivesBack {
        /// What.
        allotment: AllotmentName,
        /// From how many people.
        count: u64,
    },
    /// They hold another license already and will hold two.
    SecondLicense {
        /// How many.
        count: u64,
    },
    /// Roles that manage the tenant are given.
    AdminRoles {
        /// Their names.
        names: Vec<String>,
    },
    /// Roles that change what a license costs are given.
    RaisesEntitlement {
        /// Their names.
        names: Vec<String>,
    },
    /// The group is everybody.
    Everyone,
    /// From now on people get a license by signing in.
    AutoAssignOn {
        /// What they get.
        names: Vec<String>,
    },
}

impl Warning {
    /// Whether rows will be refused as things stand.
    pub fn is_grave(&self) -> bool {
        matches!(self, Self::NotEnoughSeats { .. })
    }

    /// The headline and the rest, as sentences.
    pub fn sentences(&self) -> (String, String) {
        match self {
            Self::NotEnoughSeats { allotment, short, others } => {
                let others: Vec<String> = others.iter().map(AllotmentName::label).collect();
                let other =
                    if others.is_empty() { String::new() } else { format!(", choose {} instead", text::and_list(&others)) };
                (
                    format!("{} missing for {}.", text::count(*short, "seat is", "seats are"), allotment.label()),
                    format!(
                        "Qlik will refuse {}. Remove as many first{other}, or leave them out.",
                        text::count(*short, "row", "rows")
                    ),
                )
            }
            Self::Orphans { count, first } => (
                if *count == 1 {
                    "1 of these is not a user of this tenant.".to_owned()
                } else {
                    format!("{count} of these are not users of this tenant.")
                },
                format!("{first} may be a real person in a sibling tenant: the license belongs to the whole entitlement."),
            ),
            Self::Bots { count } => (
                format!("{} among them.", text::count(to_i64(*count), "OAuth client is", "OAuth clients are")),
                "A client without a license may stop working.".to_owned(),
            ),
            Self::AutoAssignGivesBack { allotment, count } => (
                format!("{} comes back at the next sign-in.", allotment.label()),
                format!(
                    "The tenant gives it automatically, so {} will hold one again. Switch that off in Settings first.",
                    text::count(to_i64(*count), "person", "people")
                ),
            ),
            Self::SecondLicense { count } => (
                format!("{} will hold two licenses.", text::count(to_i64(*count), "person", "people")),
                "Use Change type to swap the one they have.".to_owned(),
            ),
            Self::AdminRoles { names } => (
                format!("{} can manage the tenant.", text::and_list(names)),
                "Every member of the group will be able to, also those who join later.".to_owned(),
            ),
            Self::RaisesEntitlement { names } => (
                format!("{} makes its holders full users.", text::and_list(names)),
                "That can use up more of the license than the group does now.".to_owned(),
            ),
            Self::Everyone => {
                ("This is everybody.".to_owned(), "Each user of the tenant is a member, and nobody can be left out.".to_owned())
            }
            Self::AutoAssignOn { names } => (
                format!("{} will be given automatically.", text::and_list(names)),
                "Whoever signs in without a license takes one, as long as seats last.".to_owned(),
            ),
        }
    }
}

fn to_i64(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// A plan: a value that can be read, kept, shared and applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What it does, in words.
    pub title: String,
    /// What will be sent, in this order.
    pub changes: Vec<PlannedChange>,
    /// What was asked for and will not be sent.
    pub unchanged: Vec<Unchanged>,
    /// What happens to the seats.
    pub seats: Vec<SeatChange>,
    /// What to think about first.
    pub warnings: Vec<Warning>,
}

/// Why no plan can be drawn up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Nothing was selected.
    #[error("nothing is selected: select at least one row first")]
    NothingSelected,
    /// No such allotment on this license.
    #[error("this license has no allotment named “{0}”: choose one that the overview lists")]
    UnknownAllotment(AllotmentName),
    /// A pool of minutes cannot be given to a person.
    #[error("{} is a pool of minutes and cannot be assigned: choose another allotment", .0.label())]
    TimeBased(AllotmentName),
    /// Nobody selected has a license to remove or change.
    #[error("none of the selected people has a license: choose Assign instead")]
    NoLicense,
    /// No such group.
    #[error("the group is no longer there: reload the list of groups")]
    UnknownGroup,
    /// No such role.
    #[error("a chosen role was deleted meanwhile: reload the page and choose again")]
    UnknownRole(RoleId),
    /// More than Qlik takes.
    #[error("a group can have at most 100 roles, and {0} are chosen")]
    TooManyRoles(usize),
    /// Old and new are one subject.
    #[error("the old and the new subject are the same but for case: type another one")]
    SameSubject,
}

impl Plan {
    /// Identifies what the plan does: hex SHA-256 of its changes in order.
    pub fn hash(&self) -> String {
        let changes: Vec<&Change> = self.changes.iter().map(|planned| &planned.change).collect();
        let bytes = serde_json::to_vec(&changes).unwrap_or_default();
        Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Requests the plan needs at `batch` rows each; a kind that takes one row needs one each.
    pub fn requests(&self, batch: usize) -> usize {
        let mut requests = 0;
        let mut run: Option<(Kind, usize)> = None;
        for planned in &self.changes {
            let kind = planned.change.kind();
            match &mut run {
                Some((current, n)) if *current == kind && kind.batches() && *n < batch => *n += 1,
                _ => {
                    requests += 1;
                    run = Some((kind, 1));
                }
            }
        }
        requests
    }

    /// How many rows of each reason will not be sent.
    pub fn unchanged_counts(&self) -> Vec<(WhyNot, u64)> {
        let mut counts: Vec<(WhyNot, u64)> = Vec::new();
        for row in &self.unchanged {
            match counts.iter_mut().find(|(why, _)| *why == row.why) {
                Some((_, n)) => *n += 1,
                None => counts.push((row.why.clone(), 1)),
            }
        }
        counts
    }
}

/// What a selection of table rows and an action come to as an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BulkAction {
    /// Give a license to those selected.
    Assign,
    /// Take the selected licenses back.
    Remove,
    /// Change the selected licenses' type.
    ChangeType,
}

impl BulkAction {
    /// Builds the intent for `rows`. `to` is needed for everything but removal.
    pub fn intent(self, rows: &[&Row], to: Option<&AllotmentName>) -> Result<Intent, PlanError> {
        if rows.is_empty() {
            return Err(PlanError::NothingSelected);
        }
        let unnamed = || PlanError::UnknownAllotment(AllotmentName::new(""));
        let licenses = || -> Vec<(Subject, AllotmentName)> {
            rows.iter().filter_map(|row| Some((row.subject.clone(), row.allotment.clone()?))).collect()
        };
        match self {
            Self::Assign => {
                let mut seen = HashSet::new();
                let subjects = rows.iter().filter(|row| seen.insert(row.subject.key())).map(|row| row.subject.clone()).collect();
                Ok(Intent::Assign { subjects, allotment: to.ok_or_else(unnamed)?.clone() })
            }
            Self::Remove | Self::ChangeType => {
                let licenses = licenses();
                if licenses.is_empty() {
                    return Err(PlanError::NoLicense);
                }
                if self == Self::Remove {
                    Ok(Intent::Remove { licenses })
                } else {
                    Ok(Intent::ChangeType { licenses, to: to.ok_or_else(unnamed)?.clone() })
                }
            }
        }
    }
}

/// Draws up the plan that turns `inventory` into what `intent` wants.
pub fn draw_up(inventory: &Inventory, intent: Intent) -> Result<Plan, PlanError> {
    let mut draft = Draft { inventory, held: inventory.held(), changes: Vec::new(), unchanged: Vec::new(), warnings: Vec::new() };
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
            draft.rename(from, to)?;
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
        Intent::Exactly { title, changes } => {
            draft.exactly(changes);
            title
        }
    };
    Ok(draft.finish(title))
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

    fn rename(&mut self, from: Subject, to: Subject) -> Result<(), PlanError> {
        if from == to {
            return Err(PlanError::SameSubject);
        }
        let allotments: Vec<AllotmentName> =
            self.inventory.assignments.iter().filter(|a| a.subject == from).map(|a| a.allotment.clone()).collect();
        if allotments.is_empty() {
            self.skip(from.to_string(), WhyNot::Gone);
        } else if allotments.iter().any(|allotment| self.held.contains(&(to.key(), allotment.clone()))) {
            self.skip(from.to_string(), WhyNot::Taken);
        } else {
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
        Plan { title, changes: in_order(&self.inventory.allotments, self.changes), unchanged: self.unchanged, seats, warnings }
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
            let others = inventory
                .allotments
                .iter()
                .filter(|other| other.name != seat.allotment.name && other.takes_assignments())
                .filter(|other| other.seats().free(other.used).is_none_or(|free| free >= short))
                .map(|other| other.name.clone())
                .collect();
            warnings.push(Warning::NotEnoughSeats { allotment: seat.allotment.name.clone(), short, others });
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

/// The part of a tenant that changes touch: enough to apply them in thought, and to see where one stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holdings {
    /// (subject without case, allotment).
    pub held: BTreeSet<(String, AllotmentName)>,
    /// Roles by group.
    pub groups: BTreeMap<GroupId, BTreeSet<RoleId>>,
    /// License settings.
    pub auto_assign: AutoAssign,
    /// Group settings.
    pub group_settings: GroupSettings,
}

/// Where the tenant stands towards a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    /// As the change wants it.
    Wanted,
    /// As the change expects to find it.
    Before,
    /// Neither: somebody else wrote.
    Neither,
}

impl Holdings {
    /// The holdings of an inventory.
    pub fn of(inventory: &Inventory) -> Self {
        Self {
            held: inventory.assignments.iter().map(|a| (a.subject.key(), a.allotment.clone())).collect(),
            groups: inventory.groups.iter().map(|group| (group.id.clone(), group.roles.clone())).collect(),
            auto_assign: inventory.auto_assign,
            group_settings: inventory.group_settings,
        }
    }

    fn holds(&self, subject: &Subject, allotment: &AllotmentName) -> bool {
        self.held.contains(&(subject.key(), allotment.clone()))
    }

    /// Compares the tenant with a change.
    pub fn stand(&self, change: &Change) -> Stand {
        let stand = |wanted: bool, before: bool| match (wanted, before) {
            (true, _) => Stand::Wanted,
            (false, true) => Stand::Before,
            (false, false) => Stand::Neither,
        };
        match change {
            Change::Assign { subject, allotment } => {
                let holds = self.holds(subject, allotment);
                stand(holds, !holds)
            }
            Change::Remove { subject, allotment } => {
                let holds = self.holds(subject, allotment);
                stand(!holds, holds)
            }
            Change::ChangeType { subject, from, to } => {
                let (old, new) = (self.holds(subject, from), self.holds(subject, to));
                stand(new && !old, old && !new)
            }
            Change::Rename { from, to, allotments } => {
                let all = |subject: &Subject, wanted: bool| allotments.iter().all(|a| self.holds(subject, a) == wanted);
                stand(all(to, true) && all(from, false), all(from, true) && all(to, false))
            }
            Change::GroupRoles { group, before, after, .. } => match self.groups.get(group) {
                Some(now) => stand(now == after, now == before),
                None => Stand::Neither,
            },
            Change::AutoAssign { before, after } => stand(self.auto_assign == *after, self.auto_assign == *before),
            Change::GroupSettings { before, after } => stand(self.group_settings == *after, self.group_settings == *before),
        }
    }

    /// Applies a change in thought.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Assign { subject, allotment } => {
                self.held.insert((subject.key(), allotment.clone()));
            }
            Change::Remove { subject, allotment } => {
                self.held.remove(&(subject.key(), allotment.clone()));
            }
            Change::ChangeType { subject, from, to } => {
                self.held.remove(&(subject.key(), from.clone()));
                self.held.insert((subject.key(), to.clone()));
            }
            Change::Rename { from, to, allotments } => {
                for allotment in allotments {
                    self.held.remove(&(from.key(), allotment.clone()));
                    self.held.insert((to.key(), allotment.clone()));
                }
            }
            Change::GroupRoles { group, after, .. } => {
                self.groups.insert(group.clone(), after.clone());
            }
            Change::AutoAssign { after, .. } => self.auto_assign = *after,
            Change::GroupSettings { after, .. } => self.group_settings = *after,
        }
    }
}

#[cfg(test)]
mod tests;
