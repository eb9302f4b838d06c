//! What each kind of change is at Qlik Cloud: the request it travels in, or its row of one.

use domain::change::{
    Assign, Change, ChangeType, CreateGroup, DeleteGroup, EditGroup, GroupRoles, Remove, Rename, SetAutoAssign, SetGroupSettings,
};
use domain::inventory::{Group, Inventory, Provider, RoleId};
use domain::journal::{Answer, RowState};
use domain::on_change;
use qlik_api::rows::SentRow;
use qlik_api::wire::groups::{GroupPatch, IdRef, NewGroup, SettingsPatch};
use qlik_api::wire::licenses::{AddRow, AssignmentAction, DeleteRow, Settings, UpdateRow};

/// "No available allotment."
const NO_SEAT: &str = "LICENSES-011";
/// "Assignment not found."
const NOT_FOUND: &str = "LICENSES-016";

/// A change as Qlik Cloud takes it.
#[derive(Debug)]
pub(super) enum Request {
    /// A row of `actions/add`.
    Add(AddRow),
    /// A row of `actions/delete`.
    Delete(DeleteRow),
    /// Rows of `actions/update`.
    Update(Vec<UpdateRow>),
    /// `POST /groups`.
    CreateGroup(NewGroup),
    /// `DELETE /groups/{id}`.
    DeleteGroup(String),
    /// `PATCH /groups/{id}`.
    PatchGroup { group: String, patches: Vec<GroupPatch> },
    /// `PUT /licenses/settings`.
    PutLicenseSettings(Settings),
    /// `PATCH /groups/settings`.
    PatchGroupSettings(Vec<SettingsPatch>),
}

impl Request {
    /// What identifies its rows in the answer to many.
    pub(super) fn sent(&self) -> Vec<SentRow> {
        let row = |subject: &str, allotment: Option<&str>| SentRow {
            subject: subject.to_owned(),
            allotment: allotment.map(ToOwned::to_owned),
        };
        match self {
            Self::Add(add) => vec![row(&add.subject, Some(&add.allotment))],
            Self::Delete(delete) => vec![row(&delete.subject, Some(&delete.allotment))],
            Self::Update(update) => update.iter().map(|one| row(&one.subject, one.allotment.as_deref())).collect(),
            Self::CreateGroup(_)
            | Self::DeleteGroup(_)
            | Self::PatchGroup { .. }
            | Self::PutLicenseSettings(_)
            | Self::PatchGroupSettings(_) => Vec::new(),
        }
    }
}

/// What an answer means for the row it answers.
pub(super) type Outcome = fn(&Answer) -> RowState;

impl Request {
    /// What an answer means for it.
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Add(_) => |answer| if answer.status == 200 { RowState::Already } else { meant(answer) },
            // It is gone, whoever deleted it.
            Self::DeleteGroup(_) => |answer| if answer.status == 404 { RowState::Already } else { meant(answer) },
            Self::Delete(_) => |answer| {
                let gone = answer.status == 404 && (answer.code == NOT_FOUND || answer.code.is_empty());
                if gone { RowState::Already } else { meant(answer) }
            },
            _ => meant,
        }
    }
}

fn meant(answer: &Answer) -> RowState {
    match answer.status {
        200..=299 => RowState::Done,
        429 => RowState::Planned,
        400..=499 => RowState::Refused,
        _ => RowState::Unknown,
    }
}

/// One request for many of a kind.
pub(super) fn gathered(requests: Vec<Request>) -> AssignmentAction {
    let (mut add, mut delete, mut update) = (Vec::new(), Vec::new(), Vec::new());
    for request in requests {
        match request {
            Request::Add(row) => add.push(row),
            Request::Delete(row) => delete.push(row),
            Request::Update(rows) => update.extend(rows),
            Request::CreateGroup(_)
            | Request::DeleteGroup(_)
            | Request::PatchGroup { .. }
            | Request::PutLicenseSettings(_)
            | Request::PatchGroupSettings(_) => {}
        }
    }
    if !add.is_empty() {
        AssignmentAction::Add(add)
    } else if !delete.is_empty() {
        AssignmentAction::Delete(delete)
    } else {
        AssignmentAction::Update(update)
    }
}

/// A kind of change that Qlik Cloud takes.
trait AtQlikCloud {
    /// Several of its kind fit into one request.
    const TOGETHER: bool = false;

    /// The request; what the change touches is like `now`, where that was read.
    fn request(&self, now: &Inventory) -> Request;
}

/// Whether several of its kind fit into one request.
pub(in super::super) fn travels_together(change: &Change) -> bool {
    fn of<K: AtQlikCloud>(_: &K) -> bool {
        K::TOGETHER
    }
    on_change!(change, kind => of(kind))
}

/// What a person can do about a change that was refused.
pub(in super::super) fn advice(change: &Change, answer: &Answer) -> String {
    match (answer.code.as_str(), change.gives(), change.takes()) {
        (NO_SEAT, Some((_, allotment)), _) => {
            format!("Free one {} seat or choose another license, then retry.", allotment.label())
        }
        (NOT_FOUND, Some(_), Some((_, from))) => {
            format!("No longer has {}; refresh and create a new plan.", from.label())
        }
        _ if answer.status == 409 => "The name is taken by now; choose another name.".to_owned(),
        _ if answer.status == 403 => "This key lacks permission; connect with another.".to_owned(),
        _ if answer.status == 401 => "The key is no longer valid; connect again, then retry.".to_owned(),
        _ if answer.status == 404 => "No longer exists; refresh and create a new plan.".to_owned(),
        _ => "See Qlik's response, fix the cause, then retry.".to_owned(),
    }
}

/// The request of a change; what it touches is like `now`, where that was read.
pub(super) fn request(change: &Change, now: &Inventory) -> Request {
    on_change!(change, kind => kind.request(now))
}

impl AtQlikCloud for Assign {
    const TOGETHER: bool = true;

    fn request(&self, _: &Inventory) -> Request {
        Request::Add(AddRow { allotment: self.allotment.to_string(), subject: self.subject.to_string() })
    }
}

impl AtQlikCloud for Remove {
    const TOGETHER: bool = true;

    fn request(&self, _: &Inventory) -> Request {
        Request::Delete(DeleteRow { allotment: self.allotment.to_string(), subject: self.subject.to_string() })
    }
}

impl AtQlikCloud for ChangeType {
    const TOGETHER: bool = true;

    fn request(&self, _: &Inventory) -> Request {
        Request::Update(vec![UpdateRow {
            subject: self.subject.to_string(),
            allotment: Some(self.to.to_string()),
            source_type: Some(self.from.to_string()),
            source_subject: None,
        }])
    }
}

impl AtQlikCloud for Rename {
    const TOGETHER: bool = true;

    /// License by license: without its type, whatever else the subject holds by now would move as well.
    fn request(&self, _: &Inventory) -> Request {
        let row = |allotment: &domain::allotment::AllotmentName| UpdateRow {
            subject: self.to.to_string(),
            allotment: Some(allotment.to_string()),
            source_type: Some(allotment.to_string()),
            source_subject: Some(self.from.to_string()),
        };
        Request::Update(self.allotments.iter().map(row).collect())
    }
}

impl AtQlikCloud for GroupRoles {
    /// Qlik replaces the whole set, so what somebody else added meanwhile goes along.
    fn request(&self, now: &Inventory) -> Request {
        let roles = match now.group(&self.group) {
            Some(Group { roles: Some(roles), .. }) => self.on(roles),
            _ => self.on(&self.seen),
        };
        let patch = GroupPatch::roles(roles.iter().map(RoleId::as_str));
        Request::PatchGroup { group: self.group.to_string(), patches: vec![patch] }
    }
}

impl AtQlikCloud for CreateGroup {
    fn request(&self, _: &Inventory) -> Request {
        Request::CreateGroup(NewGroup {
            name: self.name.clone(),
            description: (!self.description.is_empty()).then(|| self.description.clone()),
            provider_type: Some(if self.provider == Provider::Idp { "idp" } else { "custom" }.to_owned()),
            assigned_roles: (!self.roles.is_empty()).then(|| self.roles.iter().map(|id| IdRef { id: id.to_string() }).collect()),
        })
    }
}

impl AtQlikCloud for EditGroup {
    /// Both or neither: the whole list of patches is applied or none of it.
    fn request(&self, _: &Inventory) -> Request {
        let Self { before, after, .. } = self;
        let mut patches = Vec::new();
        if before.name != after.name {
            patches.push(GroupPatch::name(&after.name));
        }
        if before.description != after.description {
            patches.push(GroupPatch::description(&after.description));
        }
        Request::PatchGroup { group: self.group.to_string(), patches }
    }
}

impl AtQlikCloud for DeleteGroup {
    fn request(&self, _: &Inventory) -> Request {
        Request::DeleteGroup(self.group.to_string())
    }
}

impl AtQlikCloud for SetAutoAssign {
    fn request(&self, _: &Inventory) -> Request {
        let after = self.after;
        Request::PutLicenseSettings(Settings {
            auto_assign_professional: after.professional,
            auto_assign_analyzer: after.analyzer,
        })
    }
}

impl AtQlikCloud for SetGroupSettings {
    fn request(&self, _: &Inventory) -> Request {
        let Self { before, after } = self;
        let mut patches = Vec::new();
        if let Some(create) = after.auto_create_groups
            && before.auto_create_groups != after.auto_create_groups
        {
            patches.push(SettingsPatch::auto_create_groups(create));
        }
        if let Some(sync) = after.sync_idp_groups
            && before.sync_idp_groups != after.sync_idp_groups
        {
            patches.push(SettingsPatch::sync_idp_groups(sync));
        }
        Request::PatchGroupSettings(patches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::allotment::AllotmentName;
    use domain::inventory::{GroupId, Provider};
    use domain::subject::Subject;

    #[test]
    fn answers_mean_what_the_rules_say() {
        let (subject, allotment) = (Subject::new("a"), AllotmentName::new("analyzer"));
        let outcome = |change: Change, status, code: &str| {
            let answer = Answer { status, code: code.into(), title: String::new() };
            request(&change, &Inventory::default()).outcome()(&answer)
        };
        let add = || Assign { subject: subject.clone(), allotment: allotment.clone() }.into();
        let remove = || Remove { subject: subject.clone(), allotment: allotment.clone() }.into();
        let swap =
            || ChangeType { subject: subject.clone(), from: allotment.clone(), to: AllotmentName::new("professional") }.into();
        assert_eq!(outcome(add(), 201, ""), RowState::Done);
        assert_eq!(outcome(add(), 200, ""), RowState::Already);
        assert_eq!(outcome(add(), 403, NO_SEAT), RowState::Refused);
        assert_eq!(outcome(remove(), 200, ""), RowState::Done);
        assert_eq!(outcome(remove(), 404, NOT_FOUND), RowState::Already);
        assert_eq!(outcome(swap(), 404, NOT_FOUND), RowState::Refused);
        assert_eq!(outcome(swap(), 429, ""), RowState::Planned);
        assert_eq!(outcome(swap(), 500, ""), RowState::Unknown);

        let advice =
            |change: Change, status, code: &str| advice(&change, &Answer { status, code: code.into(), title: String::new() });
        assert!(advice(add(), 403, NO_SEAT).starts_with("Free one Analyzer seat"));
        assert!(advice(swap(), 404, NOT_FOUND).contains("No longer has Analyzer"));
        assert!(advice(add(), 403, "").contains("lacks permission"));
    }

    #[test]
    fn roles_that_somebody_else_added_meanwhile_are_sent_along() {
        let ids = |ids: &[&str]| ids.iter().map(|id| RoleId::new(*id)).collect();
        let change = Change::from(GroupRoles::between(GroupId::new("g"), "G".into(), &ids(&["old"]), &ids(&["new"])));
        let group = Group {
            id: GroupId::new("g"),
            name: "G".into(),
            description: String::new(),
            status: "active".into(),
            provider: Provider::Custom,
            roles: Some(ids(&["old", "theirs"])),
            created: String::new(),
            created_by: String::new(),
            updated: String::new(),
        };
        let now = Inventory { groups: vec![group], ..Inventory::default() };
        let Request::PatchGroup { patches, .. } = request(&change, &now) else { panic!("a patch") };
        assert_eq!(patches, [GroupPatch::roles(["new", "theirs"])]);
    }
}
