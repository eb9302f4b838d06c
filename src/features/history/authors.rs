//! Who changed a group between two moments: what our own trail says was done, followed from the one state to the other.

use std::collections::{BTreeSet, HashMap};

use domain::change::{ChangeKind as _, CreateGroup, DeleteGroup, EditGroup, GroupRoles};
use domain::drift::{Differs, GroupThen};
use domain::inventory::{GroupId, Inventory, RoleId};
use domain::text::and_list;
use domain::touch::Touch;
use serde_json::Value;
use storage::AuditEntry;

use super::elsewhere::{Elsewhere, Names, Ours};
use super::view::Author;
use crate::error::AppError;
use crate::server::access::{Access, Role};

/// Records that are looked at; of more, nobody knows who did what they leave unexplained.
const MOST: i64 = 50_000;

/// People who are named of those that changed a group elsewhere; the others are counted.
const MOST_NAMED: usize = 3;

/// What jobs did to groups in a period, in order.
pub(super) struct Done {
    by_key: HashMap<String, Vec<AuditEntry>>,
    /// There is more than was looked at.
    is_cut: bool,
    /// When the reading of the later state began: what was done later may not be in it.
    began: i64,
    /// The period.
    period: (i64, i64),
    /// What Qlik itself says.
    elsewhere: Elsewhere,
}

/// What can be followed of a group.
#[derive(Clone, PartialEq)]
struct Followed {
    name: String,
    description: String,
    roles: BTreeSet<RoleId>,
}

impl Followed {
    fn of(group: &GroupThen) -> Self {
        Self { name: group.name.clone(), description: group.description.clone(), roles: group.roles.clone() }
    }
}

fn text(side: &Value, key: &str) -> Option<String> {
    Some(side.get(key)?.as_str()?.to_owned())
}

fn roles(side: &Value) -> BTreeSet<RoleId> {
    side.get("roles").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(RoleId::new).collect()
}

/// What a group becomes by what a record says was done.
fn follow(group: Option<Followed>, entry: &AuditEntry) -> Option<Followed> {
    let record = &entry.record;
    match (record.action.as_str(), group) {
        (CreateGroup::VERB, _) => Some(Followed {
            name: text(&record.after, "name")?,
            description: text(&record.after, "description").unwrap_or_default(),
            roles: roles(&record.after),
        }),
        (DeleteGroup::VERB, _) => None,
        (EditGroup::VERB, Some(group)) => Some(Followed {
            name: text(&record.after, "name").unwrap_or(group.name),
            description: text(&record.after, "description").unwrap_or(group.description),
            roles: group.roles,
        }),
        (GroupRoles::VERB, Some(group)) => {
            let (before, after) = (roles(&record.before), roles(&record.after));
            let kept = group.roles.iter().filter(|role| after.contains(*role) || !before.contains(*role)).cloned();
            let roles = kept.chain(after.difference(&before).cloned()).collect();
            Some(Followed { roles, ..group })
        }
        (_, group) => group,
    }
}

impl Done {
    /// Reads what was done after a time and up to another. `began`: when the reading of the later state began.
    pub(super) async fn read<R: Role>(access: &Access<R>, period: (i64, i64), began: i64) -> Result<Self, AppError> {
        let found = access.state.engine.store.done_to_groups(&access.tenant.id, period, MOST).await?;
        let is_cut = i64::try_from(found.len()).unwrap_or(i64::MAX) >= MOST;
        let mut by_key: HashMap<String, Vec<AuditEntry>> = HashMap::new();
        for (key, entry) in found.into_iter().rev() {
            by_key.entry(key).or_default().push(entry);
        }
        Ok(Self { by_key, is_cut, began, period, elsewhere: Elsewhere::NotAsked })
    }

    /// Asks Qlik who did what our trail does not explain, if there is anything.
    pub(super) async fn ask_qlik<R: Role>(&mut self, access: &Access<R>, differing: &[Differs<GroupId, GroupThen>]) {
        if differing.iter().any(|differs| !self.explains(differs, &self.records(differs))) {
            self.elsewhere = Elsewhere::ask(access, self.period).await;
        }
    }

    /// What is not known of who did it elsewhere, in a sentence.
    pub(super) fn note(&self) -> Option<&'static str> {
        self.elsewhere.note()
    }

    /// What our trail says was done to a group, the oldest first.
    fn records(&self, differs: &Differs<GroupId, GroupThen>) -> Vec<&AuditEntry> {
        let mut done: Vec<&AuditEntry> = self.by_key.get(&Touch::Group(differs.id.clone()).key()).into_iter().flatten().collect();
        // One that a job made has no id in its record: it is known by the name that it was given, which may be another by now.
        let ends = [&differs.then, &differs.now].into_iter().flatten().map(|group| group.name.clone());
        let between = done.iter().filter_map(|entry| text(&entry.record.before, "name"));
        let called: BTreeSet<String> = ends.chain(between).collect();
        for name in called {
            let named = self.by_key.get(&Touch::GroupName(name).key()).into_iter().flatten();
            done.extend(named.filter(|entry| entry.record.action == CreateGroup::VERB));
        }
        done.sort_unstable_by_key(|entry| entry.seq);
        done.dedup_by_key(|entry| entry.seq);
        done
    }

    /// Whether these records lead from what a group was to what it is.
    fn explains(&self, differs: &Differs<GroupId, GroupThen>, done: &[&AuditEntry]) -> bool {
        let now = differs.now.as_ref().map(Followed::of);
        let led = |until: i64| {
            let then = differs.then.as_ref().map(Followed::of);
            done.iter().filter(|entry| entry.record.at <= until).fold(then, |group, entry| follow(group, entry)) == now
        };
        led(i64::MAX) || led(self.began)
    }

    /// Who changed a group by the portal, the newest first; and, where that does not explain all of it, that somebody did
    /// elsewhere, and who as far as Qlik says.
    pub(super) fn of(
        &self,
        differs: &Differs<GroupId, GroupThen>,
        inventory: &Inventory,
        names: &Names<'_>,
    ) -> (Vec<Author>, Option<String>) {
        let done = self.records(differs);
        let outside = (!self.explains(differs, &done)).then(|| {
            let ours: Vec<Ours<'_>> =
                done.iter().map(|entry| Ours { at: entry.record.at, qlik_user: &entry.record.actor.qlik_user }).collect();
            let called: Vec<&str> =
                [&differs.then, &differs.now].into_iter().flatten().map(|group| group.name.as_str()).collect();
            let mut by = self.elsewhere.by(&differs.id, &called, &ours, names);
            if by.len() > MOST_NAMED + 1 {
                let more = by.len() - MOST_NAMED;
                by.truncate(MOST_NAMED);
                by.push(format!("{more} more"));
            }
            if by.is_empty() {
                let creator =
                    inventory.group(&differs.id).filter(|_| differs.then.is_none()).map(|group| group.created_by.as_str());
                by.extend(creator.and_then(|id| names.people.get(id)).map(|name| (*name).to_owned()));
            }
            match (self.is_cut, by.is_empty(), done.is_empty()) {
                (true, ..) => "not known: too much was changed in this period".to_owned(),
                (_, false, _) => format!("outside Quartermaster, by {}", and_list(&by)),
                (_, true, true) => "outside Quartermaster".to_owned(),
                (_, true, false) => "and outside Quartermaster".to_owned(),
            }
        });
        let mut authors: Vec<Author> = Vec::new();
        for entry in done.into_iter().rev() {
            let name = &entry.record.actor.name;
            if !authors.iter().any(|author| author.name == *name) {
                authors.push(Author { name: name.clone(), seq: entry.seq });
            }
        }
        (authors, outside)
    }
}

#[cfg(test)]
mod tests {
    use domain::inventory::Provider;
    use serde_json::json;

    use super::*;

    fn group(name: &str, roles: &[&str]) -> GroupThen {
        GroupThen {
            name: name.to_owned(),
            description: String::new(),
            status: "active".to_owned(),
            provider: Provider::Custom,
            roles: roles.iter().map(|role| RoleId::new(*role)).collect(),
        }
    }

    fn entry(seq: i64, by: &str, action: &str, before: Value, after: Value) -> AuditEntry {
        let record = json!({
            "v": 1, "tenant": "t", "seq": seq, "id": "x", "at": seq * 10, "actor": {"name": by}, "action": action,
            "before": before, "after": after, "outcome": "done", "job": "j",
        });
        AuditEntry {
            seq,
            record: trail::Record::read(&record.to_string()).expect("a record"),
            text: String::new(),
            hash: trail::Hash::genesis("t"),
        }
    }

    fn told(differs: Differs<GroupId, GroupThen>, done: Vec<(Touch, AuditEntry)>) -> (Vec<String>, Option<String>) {
        let mut by_key: HashMap<String, Vec<AuditEntry>> = HashMap::new();
        for (touch, entry) in done {
            by_key.entry(touch.key()).or_default().push(entry);
        }
        let done = Done { by_key, is_cut: false, began: i64::MAX, period: (0, 0), elsewhere: Elsewhere::NotAsked };
        let (authors, outside) =
            done.of(&differs, &Inventory::default(), &Names { people: HashMap::new(), when: &|at| at.to_string() });
        (authors.into_iter().map(|author| author.name).collect(), outside)
    }

    #[test]
    fn what_no_record_explains_was_done_elsewhere() {
        let id = || GroupId::new("g");
        let differs = |then: Option<GroupThen>, now: Option<GroupThen>| Differs { id: id(), then, now };
        let on = || Touch::Group(id());
        let set = |seq, by: &str, before: &[&str], after: &[&str]| {
            (on(), entry(seq, by, "set roles", json!({ "roles": before }), json!({ "roles": after })))
        };
        let outside = Some("and outside Quartermaster".to_owned());
        let changed = || differs(Some(group("A", &["1"])), Some(group("A", &["1", "2"])));
        assert_eq!(told(changed(), vec![set(1, "Ada", &["1"], &["1", "2"])]), (vec!["Ada".into()], None));
        assert_eq!(told(changed(), Vec::new()), (Vec::new(), Some("outside Quartermaster".into())));
        // One role by us, another one elsewhere, before or after or at the same time.
        let two = || differs(Some(group("A", &["1"])), Some(group("A", &["1", "2", "3"])));
        assert_eq!(told(two(), vec![set(1, "Ada", &["1", "3"], &["1", "2", "3"])]), (vec!["Ada".into()], outside.clone()));
        // Several of ours, the newest first.
        let both = vec![set(1, "Ada", &["1"], &["1", "2"]), set(2, "Bo", &["1", "2"], &["1", "2", "3"])];
        assert_eq!(told(two(), both), (vec!["Bo".into(), "Ada".into()], None));
        // Deleted by us and made again elsewhere: whoever deleted it did not make it.
        let name = || Touch::GroupName("A".into());
        let deleted = (name(), entry(1, "Ada", "delete group", json!({ "name": "A" }), Value::Null));
        let came = || differs(None, Some(group("A", &[])));
        assert_eq!(told(came(), vec![deleted]), (Vec::new(), Some("outside Quartermaster".into())));
        let made = (name(), entry(2, "Ada", "create group", Value::Null, json!({ "name": "A", "description": "", "roles": [] })));
        assert_eq!(told(came(), vec![made]), (vec!["Ada".into()], None));
        let renamed = (on(), entry(1, "Ada", "edit group", json!({ "name": "A" }), json!({ "name": "B", "description": "" })));
        let is_b = differs(Some(group("A", &["1"])), Some(group("B", &["1"])));
        assert_eq!(told(is_b, vec![renamed]), (vec!["Ada".into()], None));
        // Made and renamed by us.
        let made = (name(), entry(1, "Ada", "create group", Value::Null, json!({ "name": "A", "description": "", "roles": [] })));
        let renamed = (on(), entry(2, "Bo", "edit group", json!({ "name": "A" }), json!({ "name": "B", "description": "" })));
        let is_b = differs(None, Some(group("B", &[])));
        assert_eq!(told(is_b, vec![made, renamed]), (vec!["Bo".into(), "Ada".into()], None));
        let gone = (on(), entry(1, "Ada", "delete group", json!({ "name": "A" }), Value::Null));
        assert_eq!(told(differs(Some(group("A", &[])), None), vec![gone]), (vec!["Ada".into()], None));
    }
}
