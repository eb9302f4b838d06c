//! How a tenant was at an earlier time: today's reading, with everything taken back that records say was done since. What somebody else
//! did at Qlik meanwhile no record tells; a license that was given since can be told by its own date, one that was taken cannot.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use crate::allotment::AllotmentName;
use crate::inventory::{GroupId, Inventory, RoleId};
use crate::subject::Subject;

/// What a record says was done, as far as it can be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// A license was given.
    Gave(Subject, AllotmentName),
    /// A license was taken.
    Took(Subject, AllotmentName),
    /// A license became another one.
    Switched(Subject, AllotmentName, AllotmentName),
    /// All that somebody held went to another subject.
    Moved(Subject, Subject, Vec<AllotmentName>),
    /// A group's roles changed: those given and those taken.
    Roles(GroupId, BTreeSet<RoleId>, BTreeSet<RoleId>),
}

impl Done {
    /// Reads the sides of a record about a thing of this kind, id and name. Nothing where it is about something else, such as a setting.
    pub fn read(kind: &str, id: &str, name: &str, before: &Value, after: &Value) -> Option<Self> {
        if kind == "group" {
            let (before, after) = (roles(before)?, roles(after)?);
            return Some(Self::Roles(GroupId::new(id), &after - &before, &before - &after));
        }
        if kind != "subject" {
            return None;
        }
        let subject = || Subject::new(name);
        let license = |side: &Value| side.get("license").and_then(Value::as_str).map(AllotmentName::new);
        match (license(before), license(after)) {
            (None, Some(given)) => Some(Self::Gave(subject(), given)),
            (Some(taken), None) => Some(Self::Took(subject(), taken)),
            (Some(from), Some(to)) => Some(Self::Switched(subject(), from, to)),
            (None, None) => {
                let of = |side: &Value| side.get("subject").and_then(Value::as_str).map(Subject::new);
                let held = after.get("licenses")?.as_array()?;
                let held = held.iter().filter_map(Value::as_str).map(AllotmentName::new).collect();
                Some(Self::Moved(of(before)?, of(after)?, held))
            }
        }
    }
}

fn roles(side: &Value) -> Option<BTreeSet<RoleId>> {
    side.get("roles")?.as_array().map(|ids| ids.iter().filter_map(Value::as_str).map(RoleId::new).collect())
}

/// Somebody whose licenses were others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Who, as written now, or last.
    pub subject: Subject,
    /// What they held then.
    pub then: BTreeSet<AllotmentName>,
    /// What they hold now.
    pub now: BTreeSet<AllotmentName>,
    /// The newest place of the trail that changed it; 0 where only Qlik's own date tells.
    pub seq: i64,
}

/// A group whose roles were others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupThen {
    /// Which.
    pub id: GroupId,
    /// Its roles then.
    pub then: BTreeSet<RoleId>,
    /// Its roles now; nothing where the group is gone, or they may not be seen.
    pub now: Option<BTreeSet<RoleId>>,
    /// The newest place of the trail that changed it.
    pub seq: i64,
}

/// A tenant as it was.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Past {
    /// What everybody held, by subject without case.
    pub held: BTreeMap<String, (Subject, BTreeSet<AllotmentName>)>,
    /// Whose licenses were others, by subject.
    pub changed: Vec<Holder>,
    /// Groups whose roles were others.
    pub groups: Vec<GroupThen>,
    /// Licenses that somebody else gave since, as Qlik's own dates say.
    pub given_by_others: u64,
    /// Records that fit neither before nor after them: somebody else changed the same in between.
    pub contradicted: u64,
}

impl Past {
    /// Seats then, by license type.
    pub fn seats(&self) -> BTreeMap<&AllotmentName, i64> {
        let mut seats = BTreeMap::new();
        for allotment in self.held.values().flat_map(|(_, held)| held) {
            *seats.entry(allotment).or_default() += 1;
        }
        seats
    }
}

/// Takes back what was `done` since (newest first, each with its place of the trail), and then every license that Qlik itself dates
/// after `at` (ISO 8601 UTC) and no record gave.
pub fn rebuild(now: &Inventory, at: &str, done: impl IntoIterator<Item = (i64, Done)>) -> Past {
    let mut past = Past::default();
    let mut seen: HashMap<String, i64> = HashMap::new();
    // What records gave since, and what they show that somebody held before: Qlik's dates say nothing more about either.
    let mut told: BTreeSet<(String, AllotmentName)> = BTreeSet::new();
    let mut standing: BTreeMap<String, (Subject, BTreeSet<AllotmentName>)> = BTreeMap::new();
    for assignment in &now.assignments {
        let of = standing.entry(assignment.subject.key()).or_insert_with(|| (assignment.subject.clone(), BTreeSet::new()));
        of.1.insert(assignment.allotment.clone());
    }
    past.held = standing.clone();
    let mut roles: BTreeMap<GroupId, (Option<BTreeSet<RoleId>>, i64)> = BTreeMap::new();
    for (seq, done) in done {
        let mut touch = |subject: &Subject| {
            seen.entry(subject.key()).or_insert(seq);
            past.held.entry(subject.key()).or_insert_with(|| (subject.clone(), BTreeSet::new()));
        };
        let mut fits = true;
        match &done {
            Done::Gave(subject, _) | Done::Took(subject, _) | Done::Switched(subject, ..) => touch(subject),
            Done::Moved(from, to, _) => {
                touch(from);
                touch(to);
            }
            Done::Roles(..) => {}
        }
        let mut put = |subject: &Subject, allotment: &AllotmentName| {
            told.insert((subject.key(), allotment.clone()));
            past.held.get_mut(&subject.key()).is_some_and(|(_, held)| held.insert(allotment.clone()))
        };
        match &done {
            Done::Took(subject, allotment) => fits = put(subject, allotment),
            Done::Switched(subject, from, _) => fits = put(subject, from),
            // Each is put back, also after one that did not fit.
            Done::Moved(from, _, all) => all.iter().for_each(|allotment| fits &= put(from, allotment)),
            Done::Gave(..) | Done::Roles(..) => {}
        }
        let mut take = |subject: &Subject, allotment: &AllotmentName| {
            told.insert((subject.key(), allotment.clone()));
            past.held.get_mut(&subject.key()).is_some_and(|(_, held)| held.remove(allotment))
        };
        match &done {
            Done::Gave(subject, allotment) => fits = take(subject, allotment),
            Done::Switched(subject, _, to) => fits = take(subject, to) && fits,
            Done::Moved(_, to, all) => all.iter().for_each(|allotment| fits &= take(to, allotment)),
            Done::Took(..) | Done::Roles(..) => {}
        }
        if let Done::Roles(group, added, removed) = &done {
            let (roles, _) =
                roles.entry(group.clone()).or_insert_with(|| (now.group(group).and_then(|group| group.roles.clone()), seq));
            // Where they may not be seen, the record itself says at least these.
            let roles = roles.get_or_insert_with(BTreeSet::new);
            fits = added.is_subset(roles) && removed.is_disjoint(roles);
            *roles = &(&*roles - added) | removed;
        }
        past.contradicted += u64::from(!fits);
    }
    for assignment in now.assignments.iter().filter(|assignment| assignment.created.as_str() > at) {
        let key = (assignment.subject.key(), assignment.allotment.clone());
        if !told.contains(&key)
            && let Some((_, held)) = past.held.get_mut(&key.0)
            && held.remove(&key.1)
        {
            past.given_by_others += 1;
        }
    }
    for (key, (subject, then)) in &past.held {
        let now = standing.get(key).map(|(_, held)| held.clone()).unwrap_or_default();
        if *then != now {
            let seq = seen.get(key).copied().unwrap_or(0);
            past.changed.push(Holder { subject: subject.clone(), then: then.clone(), now, seq });
        }
    }
    past.held.retain(|_, (_, held)| !held.is_empty());
    for (id, (then, seq)) in roles {
        let (then, now) = (then.unwrap_or_default(), now.group(&id).and_then(|group| group.roles.clone()));
        if now.as_ref() != Some(&then) {
            past.groups.push(GroupThen { id, then, now, seq });
        }
    }
    past
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::inventory::Assignment;

    fn held(pairs: &[(&str, &str, &str)]) -> Inventory {
        let assignments = pairs.iter().map(|(subject, allotment, created)| Assignment {
            subject: Subject::new(*subject),
            allotment: AllotmentName::new(*allotment),
            excess: false,
            created: (*created).to_owned(),
        });
        Inventory { assignments: assignments.collect(), ..Inventory::default() }
    }

    fn did(name: &str, before: Value, after: Value) -> Done {
        Done::read("subject", "", name, &before, &after).unwrap()
    }

    fn words(past: &Past) -> Vec<String> {
        let of = |(subject, held): &(Subject, BTreeSet<AllotmentName>)| {
            format!("{subject}: {}", held.iter().map(AllotmentName::as_str).collect::<Vec<_>>().join("+"))
        };
        past.held.values().map(of).collect()
    }

    #[test]
    fn what_was_done_since_is_taken_back() {
        const OLD: &str = "2026-01-01T00:00:00.000Z";
        let license = |name: &str| json!({ "license": name });
        let now = held(&[
            ("M\\a", "professional", OLD),
            ("M\\c", "analyzer", OLD),
            ("M\\new", "analyzer", OLD),
            ("M\\z", "analyzer", "2026-11-20T00:00:00.000Z"),
        ]);
        let done = [
            (9, did("M\\c", Value::Null, license("analyzer"))),
            (8, did("M\\a", license("analyzer"), license("professional"))),
            (7, did("m\\B", license("fullUser"), Value::Null)),
            (
                6,
                did(
                    "M\\old",
                    json!({"subject": "M\\old", "licenses": ["analyzer"]}),
                    json!({"subject": "M\\new", "licenses": ["analyzer"]}),
                ),
            ),
        ];
        let past = rebuild(&now, "2026-11-03T23:59:59.999Z", done);
        assert_eq!(words(&past), ["M\\a: analyzer", "m\\B: fullUser", "M\\old: analyzer"]);
        assert_eq!((past.given_by_others, past.contradicted), (1, 0));
        assert_eq!(past.changed.iter().map(|holder| holder.seq).collect::<Vec<_>>(), [8, 7, 9, 6, 6, 0]);
        assert_eq!(past.seats().values().copied().collect::<Vec<_>>(), [2, 1]);
        // Nothing was done: it was as it is.
        let same = rebuild(&held(&[("M\\a", "analyzer", OLD)]), "2026-11-03", []);
        assert_eq!((same.changed.len(), words(&same)), (0, vec!["M\\a: analyzer".to_owned()]));
    }

    #[test]
    fn what_somebody_else_did_between_is_counted() {
        // A record gave it, and nobody has it now: somebody else took it.
        let past = rebuild(&held(&[]), "2026-11-03", [(1, did("M\\a", Value::Null, json!({"license": "analyzer"})))]);
        assert_eq!((past.contradicted, past.changed.len()), (1, 0));
        // A record took it, and somebody else gave it again: it was held all the same.
        let again = held(&[("M\\a", "analyzer", "2026-11-20T00:00:00.000Z")]);
        let past = rebuild(&again, "2026-11-03", [(1, did("M\\a", json!({"license": "analyzer"}), Value::Null))]);
        assert_eq!((words(&past), past.given_by_others), (vec!["M\\a: analyzer".to_owned()], 0));
    }

    #[test]
    fn roles_go_back_as_well() {
        let read = |before: Value, after: Value| Done::read("group", "g", "G", &before, &after).unwrap();
        let group = crate::inventory::Group {
            id: GroupId::new("g"),
            name: "G".into(),
            description: String::new(),
            status: "active".into(),
            provider: crate::inventory::Provider::Custom,
            roles: Some([RoleId::new("a"), RoleId::new("theirs")].into()),
            created: String::new(),
            created_by: String::new(),
            updated: String::new(),
        };
        let now = Inventory { groups: vec![group], ..Inventory::default() };
        let done = [(4, read(json!({"roles": ["b"]}), json!({"roles": ["a"]})))];
        let past = rebuild(&now, "2026-11-03", done);
        let ids = |roles: &BTreeSet<RoleId>| roles.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(ids(&past.groups[0].then), ["b", "theirs"], "what somebody else gave stays");
        assert!(Done::read("setting", "", "x", &Value::Null, &json!(true)).is_none());
    }
}
