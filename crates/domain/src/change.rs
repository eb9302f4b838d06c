//! Changes: what a tenant can be asked for. Everything about one kind of change is in one file of `change/`; this one says what a
//! kind has to know, and is the only place that lists them.

mod auto_assign;
mod group;
mod group_roles;
mod group_settings;
mod license;

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::allotment::AllotmentName;
use crate::inventory::{Group, RoleId};
use crate::plan::{PlanContext, Risks, Warnings};
use crate::projection::Projection;
use crate::subject::Subject;
use crate::touch::Touches;

pub use auto_assign::SetAutoAssign;
pub use group::{CreateGroup, DeleteGroup, EditGroup, Naming};
pub use group_roles::GroupRoles;
pub use group_settings::SetGroupSettings;
pub use license::{Assign, ChangeType, Remove, Rename};

/// Where a tenant stands towards a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// As the change wants it.
    Applied,
    /// As the change expects to find it.
    Unchanged,
    /// Neither: somebody else wrote.
    Diverged,
    /// It may not be seen, so nobody can tell.
    NotVisible,
}

impl Comparison {
    /// From whether it is as wanted, and whether it is as before.
    fn of(applied: bool, unchanged: bool) -> Self {
        match (applied, unchanged) {
            (true, _) => Self::Applied,
            (false, true) => Self::Unchanged,
            (false, false) => Self::Diverged,
        }
    }
}

/// What Qlik made for a change, such as the id of a new group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Made {
    /// Its id.
    pub id: String,
}

/// What takes a change back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undo {
    /// This change does.
    By(Change),
    /// This change does in part; the sentence says what stays.
    Partly(Change, String),
    /// Nothing does, for the reason in the sentence.
    Not(String),
}

/// In which order the changes of a plan are sent: what frees a seat before what needs one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wave {
    /// Gives seats back.
    Frees,
    /// Needs one seat and gives another back.
    Swaps,
    /// Moves what is held.
    Moves,
    /// Needs seats.
    Takes,
    /// Has nothing to do with seats.
    Sets,
    /// Takes away what others may have been moved from.
    Ends,
}

/// The seats that a change needs and gives back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SeatDelta<'a> {
    /// A seat of this is taken.
    pub takes: Option<&'a AllotmentName>,
    /// A seat of this is given back.
    pub frees: Option<&'a AllotmentName>,
}

/// A change as a person reads it: what was, what will be, and what is added and taken where that is a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    /// How it is now.
    pub before: String,
    /// How it will be.
    pub after: String,
    /// What is added, by name.
    pub added: Vec<String>,
    /// What is taken away, by name.
    pub removed: Vec<String>,
}

/// A change as a line of a list that can be imported.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    /// The license it is about, by its label.
    pub license: String,
    /// The subject that a subject is renamed to.
    pub new_subject: String,
}

/// Names for ids, as far as they are known.
#[derive(Debug, Clone, Copy, Default)]
pub struct Names<'a> {
    /// Role names by id.
    pub roles: Option<&'a HashMap<String, String>>,
}

impl Names<'_> {
    /// A role's name, or its id.
    pub fn role(&self, id: &RoleId) -> String {
        self.roles.and_then(|roles| roles.get(id.as_str()).cloned()).unwrap_or_else(|| id.to_string())
    }
}

/// What a kind of change has to know. One implementation is one file of `change/`.
pub trait ChangeKind: Serialize + for<'de> Deserialize<'de> + Clone + Eq {
    /// Names the kind in headings, the audit trail and lists; stable.
    const VERB: &'static str;
    /// One of its kind and several, where they are counted.
    const COUNTED: (&'static str, &'static str);
    /// When it is sent.
    const WAVE: Wave;
    /// `+`, `~` or `−`.
    const SIGN: &'static str = "~";
    /// It changes how the tenant itself works, for everyone to come.
    const SETTING: bool = false;

    /// What is changed, for a person: the subject, the group's name, or the setting.
    fn target(&self) -> String;
    /// Everything that it touches.
    fn touches(&self) -> Touches;
    /// What is read right before it is sent, to tell whether it still can be: all that it touches, unless less will do.
    fn looks_at(&self) -> Touches {
        self.touches()
    }
    /// Compares the tenant with it.
    fn compare(&self, now: &Projection<'_>) -> Comparison;
    /// Makes it in thought, at `at` (ISO 8601 UTC). `made` is what Qlik made for it, where that is known.
    fn project(&self, on: &mut Projection<'_>, made: Option<&Made>, at: &str);
    /// What takes it back.
    fn undo(&self, made: Option<&Made>) -> Undo;
    /// It in words.
    fn told(&self, names: &Names<'_>) -> Told;
    /// What was and what will be, as the audit trail keeps it: ids and Qlik's own names, which outlive any label. Nothing where there
    /// is nothing, such as the license of somebody who has none.
    fn recorded(&self) -> (Value, Value);
    /// What kind of thing it is about, and its id where it has one beside its name, as the audit trail keeps it.
    fn addressed(&self) -> (&'static str, String) {
        ("subject", String::new())
    }

    /// Whether what it is about is not as it was seen, though the change can still be made: somebody else wrote beside it.
    fn beside_another(&self, _now: &Projection<'_>) -> bool {
        false
    }
    /// What to think about before it is applied.
    fn warn<'a>(&'a self, _of: &PlanContext<'a>, _into: &mut Warnings<'a>) {}
    /// What could go wrong by it.
    fn risk<'a>(&'a self, _of: &PlanContext<'a>, _into: &mut Risks<'a>) {}
    /// The seats it needs and gives back.
    fn seats(&self) -> SeatDelta<'_> {
        SeatDelta { takes: self.gives().map(|(_, allotment)| allotment), frees: self.takes().map(|(_, allotment)| allotment) }
    }
    /// What changes of its kind are added up by: a license, or one for another; empty where that is not it.
    fn what(&self) -> String {
        match (self.takes(), self.gives()) {
            (Some((_, from)), Some((_, to))) => format!("{} to {}", from.label(), to.label()),
            (Some((_, allotment)), None) | (None, Some((_, allotment))) => allotment.label(),
            (None, None) => String::new(),
        }
    }
    /// It as a line that can be imported.
    fn line(&self) -> Line {
        let license = self.gives().or_else(|| self.takes()).map(|(_, allotment)| allotment.label());
        Line { license: license.unwrap_or_default(), ..Line::default() }
    }
    /// Whose license it is about, as it is before the change.
    fn subject(&self) -> Option<&Subject> {
        None
    }
    /// What stands in the place of what it makes, where that is as it wants it: to tell whether it is the one that was made for it.
    fn found<'n>(&self, _now: &'n Projection<'_>) -> Option<&'n Group> {
        None
    }
    /// Who gets a license by it that they do not have now, and which.
    fn gives(&self) -> Option<(&Subject, &AllotmentName)> {
        None
    }
    /// Who loses a license by it, and which.
    fn takes(&self) -> Option<(&Subject, &AllotmentName)> {
        None
    }
    /// Who holds a license after it and may be nobody whom the tenant knows.
    fn newcomer(&self) -> Option<&Subject> {
        None
    }
    /// Somebody is worse off after it: a license taken, or changed for a lesser one.
    fn is_loss(&self) -> bool {
        false
    }
    /// How many roles a group loses by it.
    fn roles_lost(&self) -> u64 {
        0
    }
    /// Roles that a group gets by it.
    fn roles_given(&self) -> Option<&BTreeSet<RoleId>> {
        None
    }
    /// The same with another license; nothing where it gives none, or that one is held already.
    fn giving(&self, _allotment: &AllotmentName) -> Option<Change> {
        None
    }
}

/// Does the same with whichever kind a change is: `on_change!(change, kind => kind.target())`.
#[macro_export]
macro_rules! on_change {
    ($change:expr, $kind:ident => $body:expr) => {
        match $change {
            $crate::change::Change::Remove($kind) => $body,
            $crate::change::Change::Rename($kind) => $body,
            $crate::change::Change::ChangeType($kind) => $body,
            $crate::change::Change::Assign($kind) => $body,
            $crate::change::Change::CreateGroup($kind) => $body,
            $crate::change::Change::EditGroup($kind) => $body,
            $crate::change::Change::GroupRoles($kind) => $body,
            $crate::change::Change::DeleteGroup($kind) => $body,
            $crate::change::Change::AutoAssign($kind) => $body,
            $crate::change::Change::GroupSettings($kind) => $body,
        }
    };
}

macro_rules! changes {
    ($($(#[$doc:meta])* $name:ident($kind:ty)),+ $(,)?) => {
        /// One change: a row of a plan, and of the journal of the job that applies it.
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Change {
            $($(#[$doc])* $name($kind),)+
        }

        /// What kind of change a change is, in the order of headings.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Kind {
            $($(#[$doc])* $name,)+
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Names the kind in headings, the audit trail and lists.
            pub fn verb(self) -> &'static str {
                match self { $(Self::$name => <$kind as ChangeKind>::VERB,)+ }
            }

            /// So many of its kind, such as `12 removals`.
            pub fn counted(self, n: u64) -> String {
                let (one, many) = match self { $(Self::$name => <$kind as ChangeKind>::COUNTED,)+ };
                $crate::text::count($crate::text::whole(n), one, many)
            }

            /// When it is sent.
            pub fn wave(self) -> Wave {
                match self { $(Self::$name => <$kind as ChangeKind>::WAVE,)+ }
            }

            /// Whether it changes how the tenant itself works.
            pub fn is_setting(self) -> bool {
                match self { $(Self::$name => <$kind as ChangeKind>::SETTING,)+ }
            }

            /// `+`, `~` or `−`.
            pub fn sign(self) -> &'static str {
                match self { $(Self::$name => <$kind as ChangeKind>::SIGN,)+ }
            }
        }

        impl Change {
            /// Which kind it is of.
            pub fn kind(&self) -> Kind {
                match self { $(Self::$name(_) => Kind::$name,)+ }
            }
        }

        $(impl From<$kind> for Change {
            fn from(kind: $kind) -> Self {
                Self::$name(kind)
            }
        })+
    };
}

changes! {
    /// Take a license back.
    Remove(Remove),
    /// Move a subject's licenses to another subject.
    Rename(Rename),
    /// Swap one license for another in one step.
    ChangeType(ChangeType),
    /// Give a license.
    Assign(Assign),
    /// Make a group.
    CreateGroup(CreateGroup),
    /// Rename or describe a group.
    EditGroup(EditGroup),
    /// Add and take roles of a group.
    GroupRoles(GroupRoles),
    /// Delete a group.
    DeleteGroup(DeleteGroup),
    /// Set who gets a license at sign-in.
    AutoAssign(SetAutoAssign),
    /// Set how groups come into being.
    GroupSettings(SetGroupSettings),
}

/// What a kind knows, asked of whichever kind a change is; each says what it is at [`ChangeKind`].
#[expect(missing_docs, reason = "said at the trait, once")]
impl Change {
    pub fn target(&self) -> String {
        on_change!(self, kind => kind.target())
    }
    pub fn touches(&self) -> Touches {
        on_change!(self, kind => kind.touches())
    }
    pub fn looks_at(&self) -> Touches {
        on_change!(self, kind => kind.looks_at())
    }
    pub fn compare(&self, now: &Projection<'_>) -> Comparison {
        on_change!(self, kind => kind.compare(now))
    }
    pub fn beside_another(&self, now: &Projection<'_>) -> bool {
        on_change!(self, kind => kind.beside_another(now))
    }
    pub fn project(&self, on: &mut Projection<'_>, made: Option<&Made>, at: &str) {
        on_change!(self, kind => kind.project(on, made, at));
    }
    pub fn undo(&self, made: Option<&Made>) -> Undo {
        on_change!(self, kind => kind.undo(made))
    }
    pub fn told(&self, names: &Names<'_>) -> Told {
        on_change!(self, kind => kind.told(names))
    }
    pub fn recorded(&self) -> (Value, Value) {
        on_change!(self, kind => kind.recorded())
    }
    pub fn addressed(&self) -> (&'static str, String) {
        on_change!(self, kind => kind.addressed())
    }
    pub fn warn<'a>(&'a self, of: &PlanContext<'a>, into: &mut Warnings<'a>) {
        on_change!(self, kind => kind.warn(of, into));
    }
    pub fn risk<'a>(&'a self, of: &PlanContext<'a>, into: &mut Risks<'a>) {
        on_change!(self, kind => kind.risk(of, into));
    }
    pub fn seats(&self) -> SeatDelta<'_> {
        on_change!(self, kind => kind.seats())
    }
    pub fn what(&self) -> String {
        on_change!(self, kind => kind.what())
    }
    pub fn line(&self) -> Line {
        on_change!(self, kind => kind.line())
    }
    pub fn found<'n>(&self, now: &'n Projection<'_>) -> Option<&'n Group> {
        on_change!(self, kind => kind.found(now))
    }
    pub fn subject(&self) -> Option<&Subject> {
        on_change!(self, kind => kind.subject())
    }
    pub fn gives(&self) -> Option<(&Subject, &AllotmentName)> {
        on_change!(self, kind => kind.gives())
    }
    pub fn takes(&self) -> Option<(&Subject, &AllotmentName)> {
        on_change!(self, kind => kind.takes())
    }
    pub fn newcomer(&self) -> Option<&Subject> {
        on_change!(self, kind => kind.newcomer())
    }
    pub fn is_loss(&self) -> bool {
        on_change!(self, kind => kind.is_loss())
    }
    pub fn roles_lost(&self) -> u64 {
        on_change!(self, kind => kind.roles_lost())
    }
    pub fn roles_given(&self) -> Option<&BTreeSet<RoleId>> {
        on_change!(self, kind => kind.roles_given())
    }
    pub fn giving(&self, allotment: &AllotmentName) -> Option<Self> {
        on_change!(self, kind => kind.giving(allotment))
    }
}

/// What takes a switch back, where it can be: a switch that Qlik did not state before cannot be unset again.
fn switched_back(before: Option<bool>, after: Option<bool>) -> Option<bool> {
    before.or(after)
}

/// What takes a setting back: `back` is the setting with every switch as it was, where that was stated.
fn undo_of_setting<S: PartialEq>(before: &S, after: &S, back: &S, inverse: impl FnOnce() -> Change) -> Undo {
    if back == before {
        return Undo::By(inverse());
    }
    let why = "The previous value is unknown, so it cannot be restored.".to_owned();
    if back == after { Undo::Not(why) } else { Undo::Partly(inverse(), why) }
}

/// What takes several changes back, the newest first; and those that nothing takes back, each with the reason.
pub fn undo_all<'a>(
    changes: impl DoubleEndedIterator<Item = (&'a Change, Option<&'a Made>)>,
) -> (Vec<Change>, Vec<(&'a Change, String)>) {
    let (mut back, mut not) = (Vec::new(), Vec::new());
    for (change, made) in changes.rev() {
        match change.undo(made) {
            Undo::By(inverse) => back.push(inverse),
            Undo::Partly(inverse, why) => {
                back.push(inverse);
                not.push((change, why));
            }
            Undo::Not(why) => not.push((change, why)),
        }
    }
    (back, not)
}
