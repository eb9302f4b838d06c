//! Who may hold which license: seats, excess, and the rules of each row of an action.

use serde_json::{Value, json};

use super::Tenant;
use super::records::{Allotment, Assignment};

/// What came of one row of an action.
#[derive(Debug, Clone)]
pub(crate) struct RowOutcome {
    pub(crate) status: u16,
    pub(crate) error: Option<(&'static str, String)>,
    pub(crate) changed: bool,
}

impl RowOutcome {
    fn ok(status: u16, changed: bool) -> Self {
        Self { status, error: None, changed }
    }

    fn refused(status: u16, code: &'static str, title: impl Into<String>) -> Self {
        Self { status, error: Some((code, title.into())), changed: false }
    }
}

/// One row of `actions/update`.
#[derive(Debug, Clone, Default)]
pub(crate) struct UpdateRow {
    pub(crate) subject: String,
    pub(crate) allotment: Option<String>,
    pub(crate) source_type: Option<String>,
    pub(crate) source_subject: Option<String>,
}

/// The longest subject that is taken, in characters.
const MAX_SUBJECT: usize = 256;

impl Tenant {
    fn allotment(&self, name: &str) -> Option<&Allotment> {
        self.allotments.iter().find(|allotment| allotment.name == name)
    }

    pub(crate) fn holds(&self, subject: &str, allotment: &str) -> bool {
        self.held.contains_key(&(subject.to_lowercase(), allotment.to_owned()))
    }

    pub(crate) fn is_orphan(&self, assignment: &Assignment) -> bool {
        !self.subjects.contains_key(&assignment.subject.to_lowercase())
    }

    pub(crate) fn used(&self, allotment: &Allotment, now: i64) -> i64 {
        if !allotment.timed {
            return self.used.get(&allotment.name).copied().unwrap_or(0);
        }
        // Analyzer capacity: minutes of this month, from one pool.
        self.usage.used(now)
    }

    /// What a subject holds, by the names of allotments.
    pub(crate) fn held_by(&self, subject: &str) -> Vec<&Assignment> {
        let key = subject.to_lowercase();
        let held = self.allotments.iter().filter_map(|allotment| self.held.get(&(key.clone(), allotment.name.clone())));
        let mut held: Vec<&Assignment> = held.filter_map(|seq| self.assignments.items.get(seq)).collect();
        held.sort_by(|a, b| a.allotment.cmp(&b.allotment));
        held
    }

    /// Whether a seat can be taken: units + overage, without bound at -1.
    fn refusal(&self, allotment: &str) -> Option<RowOutcome> {
        match self.allotment(allotment) {
            None => Some(RowOutcome::refused(400, "LICENSES-400", "Unknown allotment type.")),
            Some(allotment) if allotment.timed => Some(RowOutcome::refused(400, "LICENSES-400", "Allotment cannot be assigned.")),
            Some(found) => {
                let used = self.used.get(allotment).copied().unwrap_or(0);
                let full = found.seats().is_some_and(|seats| used >= seats);
                full.then(|| RowOutcome::refused(403, "LICENSES-011", "No available allotment error, No available allotment."))
            }
        }
    }

    /// Puts an assignment in, whatever the seats say; for seeds and for moves that were checked. It serves from `since` on.
    pub(crate) fn put(&mut self, subject: String, allotment: String, created: i64, since: i64) {
        let used = self.used.entry(allotment.clone()).or_default();
        let (units, bounded) =
            self.allotments.iter().find(|a| a.name == allotment).map_or((i64::MAX, false), |a| (a.units, a.seats().is_some()));
        let excess = bounded && *used >= units;
        *used += 1;
        let key = (subject.to_lowercase(), allotment.clone());
        self.usage.given_license(&subject, &allotment, since);
        let seq = self.assignments.push(Assignment { subject, allotment: allotment.clone(), excess, created });
        if excess {
            self.excess.entry(allotment).or_default().insert(seq);
        }
        self.held.insert(key, seq);
    }

    fn take(&mut self, subject: &str, allotment: &str, now: i64) -> Option<Assignment> {
        let seq = self.held.remove(&(subject.to_lowercase(), allotment.to_owned()))?;
        let gone = self.assignments.remove(seq)?;
        self.usage.lost_license(subject, allotment, now);
        if let Some(used) = self.used.get_mut(allotment) {
            *used -= 1;
        }
        let excess = self.excess.entry(allotment.to_owned()).or_default();
        if !excess.remove(&seq)
            && let Some(oldest) = excess.pop_first()
            && let Some(next) = self.assignments.get_mut(oldest)
        {
            // A regular seat came free: the oldest excess assignment moves up.
            next.excess = false;
        }
        Some(gone)
    }

    fn subject_refusal(subject: &str) -> Option<RowOutcome> {
        if subject.trim().is_empty() {
            return Some(RowOutcome::refused(400, "LICENSES-400", "Subject is empty."));
        }
        (subject.chars().count() > MAX_SUBJECT).then(|| RowOutcome::refused(400, "LICENSES-400", "Subject is too long."))
    }

    pub(crate) fn add(&mut self, subject: &str, allotment: &str, now: i64) -> RowOutcome {
        if let Some(refusal) = Self::subject_refusal(subject) {
            return refusal;
        }
        if self.holds(subject, allotment) {
            return RowOutcome::ok(200, false);
        }
        if let Some(refusal) = self.refusal(allotment) {
            return refusal;
        }
        self.put(subject.to_owned(), allotment.to_owned(), now, now);
        RowOutcome::ok(201, true)
    }

    pub(crate) fn delete(&mut self, subject: &str, allotment: &str, now: i64) -> RowOutcome {
        match self.take(subject, allotment, now) {
            Some(_) => RowOutcome::ok(200, true),
            None => RowOutcome::refused(404, "LICENSES-016", "Assignment not found."),
        }
    }

    pub(crate) fn update(&mut self, row: &UpdateRow, now: i64) -> RowOutcome {
        let not_found = || RowOutcome::refused(404, "LICENSES-016", "Assignment not found.");
        if let Some(refusal) = Self::subject_refusal(&row.subject) {
            return refusal;
        }
        if row.allotment.is_none() && row.source_subject.is_none() {
            return RowOutcome::refused(400, "LICENSES-400", "Nothing to update.");
        }
        let current = row.source_subject.as_deref().unwrap_or(&row.subject);
        let renames = row.source_subject.as_ref().is_some_and(|source| *source != row.subject);
        let mut sources: Vec<String> = match &row.source_type {
            Some(source) => self.holds(current, source).then(|| source.clone()).into_iter().collect(),
            None => {
                let key = current.to_lowercase();
                let held = self.allotments.iter().map(|a| a.name.clone());
                held.filter(|name| self.held.contains_key(&(key.clone(), name.clone()))).collect()
            }
        };
        if sources.is_empty() {
            return not_found();
        }
        if let Some(target) = &row.allotment {
            if row.source_type.is_none() {
                // Without a source the row means the one license there is, or that it already is as wanted.
                match sources.iter().position(|source| source == target) {
                    Some(at) => sources = vec![sources.swap_remove(at)],
                    None => sources.truncate(1),
                }
            }
            let moves = sources.first().is_some_and(|source| source != target);
            if moves
                && !self.holds(&row.subject, target)
                && let Some(refusal) = self.refusal(target)
            {
                return refusal;
            }
        }
        let target_of = |source: &String| row.allotment.clone().unwrap_or_else(|| source.clone());
        let same_person = current.to_lowercase() == row.subject.to_lowercase();
        if !same_person && sources.iter().any(|source| self.holds(&row.subject, &target_of(source))) {
            return RowOutcome::refused(409, "LICENSES-409", "The subject already has an assignment of this type.");
        }
        let mut changed = false;
        for source in sources {
            let target = target_of(&source);
            if source == target && !renames {
                continue;
            }
            if let Some(old) = self.take(current, &source, now) {
                changed = true;
                if !self.holds(&row.subject, &target) {
                    let subject = if renames { row.subject.clone() } else { old.subject };
                    let created = if source == target { old.created } else { now };
                    self.put(subject, target, created, now);
                }
            }
        }
        RowOutcome::ok(if renames { 201 } else { 200 }, changed)
    }

    pub(crate) fn overview_allotments(&self, now: i64) -> Value {
        self.allotments
            .iter()
            .map(|allotment| {
                let mut json = json!({
                    "name": allotment.name,
                    "units": allotment.units,
                    "unitsUsed": self.used(allotment, now),
                    "usageClass": if allotment.timed { "time" } else { "assigned" },
                });
                if let (Some(overage), Some(json)) = (allotment.overage, json.as_object_mut()) {
                    json.insert("overage".to_owned(), json!(overage));
                }
                json
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::records::License;
    use super::*;

    fn tenant() -> Tenant {
        let license =
            License { present: true, status: "Ok".into(), deactivated: false, trial: false, valid: String::new(), updated: 0 };
        let mut tenant = Tenant::new("t", license, 0, crate::usage::Usage::new(1, 0, 0, 1));
        tenant.allotments = vec![
            Allotment { name: "a".into(), timed: false, units: 1, overage: Some(1) },
            Allotment { name: "b".into(), timed: false, units: 9, overage: Some(-1) },
            Allotment { name: "t".into(), timed: true, units: 9, overage: None },
        ];
        tenant
    }

    #[test]
    fn seats_are_units_and_overage() {
        let mut tenant = tenant();
        assert_eq!(tenant.add("x\\1", "a", 0).status, 201);
        assert_eq!(tenant.add("X\\1", "a", 0).status, 200);
        assert_eq!(tenant.add("x\\2", "a", 0).status, 201);
        let refused = tenant.add("x\\3", "a", 0);
        assert_eq!((refused.status, refused.error.unwrap().0), (403, "LICENSES-011"));
        assert_eq!(tenant.add("x\\1", "t", 0).status, 400);
        assert_eq!(tenant.add("x\\1", "nope", 0).status, 400);
    }

    #[test]
    fn the_oldest_excess_moves_up() {
        let mut tenant = tenant();
        tenant.add("x\\1", "a", 0);
        tenant.add("x\\2", "a", 0);
        let excess = |tenant: &Tenant| tenant.assignments.items.values().filter(|a| a.excess).count();
        assert_eq!(excess(&tenant), 1);
        assert_eq!(tenant.delete("X\\1", "a", 0).status, 200);
        assert_eq!(excess(&tenant), 0);
        assert_eq!(tenant.delete("x\\1", "a", 0).status, 404);
    }

    #[test]
    fn an_update_succeeds_only_from_its_source() {
        let mut tenant = tenant();
        tenant.add("x\\1", "b", 0);
        let swap = |source: &str, target: &str| UpdateRow {
            subject: "X\\1".into(),
            allotment: Some(target.into()),
            source_type: Some(source.into()),
            source_subject: None,
        };
        assert_eq!(tenant.update(&swap("a", "b"), 0).status, 404);
        assert_eq!(tenant.update(&swap("b", "a"), 0).status, 200);
        assert!(tenant.holds("x\\1", "a") && !tenant.holds("x\\1", "b"));
        // The spelling is the license's own, not that of the request.
        assert_eq!(tenant.assignments.items.values().next().unwrap().subject, "x\\1");
    }

    #[test]
    fn a_rename_moves_the_license_and_answers_201() {
        let mut tenant = tenant();
        tenant.add("x\\1", "b", 0);
        tenant.add("x\\2", "b", 0);
        let rename = |to: &str| UpdateRow { subject: to.into(), source_subject: Some("x\\1".into()), ..UpdateRow::default() };
        assert_eq!(tenant.update(&rename("X\\2"), 0).status, 409);
        assert_eq!(tenant.update(&rename("x\\9"), 0).status, 201);
        assert!(tenant.holds("x\\9", "b") && !tenant.holds("x\\1", "b"));
    }
}
