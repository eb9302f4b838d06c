//! What to think about before applying. Warnings come from the changes, so that a selection, a list, an undo and a retry warn alike.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::PlanContext;
use super::seats::SeatChange;
use crate::allotment::AllotmentName;
use crate::allotment::Seats;
use crate::change::Change;
use crate::inventory::{GroupId, Person, Provider, RoleId};
use crate::roles::{self, RoleMark};
use crate::subject::Subject;
use crate::text::{self, whole};

/// What to think about before applying.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Warning {
    /// Seats do not suffice; Qlik will refuse the rest.
    NotEnoughSeats {
        /// Of what.
        allotment: AllotmentName,
        /// Seats missing.
        short: i64,
    },
    /// Seats are used beyond those paid for.
    Overage {
        /// Of what.
        allotment: AllotmentName,
        /// Seats in overage after it.
        after: i64,
        /// Seats of overage there are; `None` without a bound.
        limit: Option<i64>,
    },
    /// Removing or changing licenses of subjects that are no users here.
    Orphans {
        /// How many.
        count: u64,
        /// The first of them.
        first: Subject,
    },
    /// Giving licenses to subjects that are no users here, or moving licenses to them.
    #[serde(rename = "Strangers")]
    UnknownSubjects {
        /// How many.
        count: u64,
        /// The first of them.
        first: Subject,
    },
    /// Whether somebody is a user here cannot be told: the list of users is not whole.
    PeopleUnknown,
    /// Giving licenses to people who cannot sign in.
    ShutOut {
        /// Of them, disabled.
        disabled: u64,
        /// Of them, deleted.
        deleted: u64,
    },
    /// OAuth clients' own users lose a license.
    Bots {
        /// How many.
        count: u64,
    },
    /// OAuth clients' own users get a license.
    BotsGain {
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
    /// People on a list hold something else, which they lose for what the list names.
    Loses {
        /// What they lose.
        allotment: AllotmentName,
        /// How many.
        count: u64,
    },
    /// Roles that manage the tenant are given.
    AdminRoles {
        /// Their names.
        names: Vec<String>,
    },
    /// Roles that manage the tenant are taken.
    AdminRolesTaken {
        /// Their names.
        names: Vec<String>,
        /// People who lose the tenant's administration by it; `None` where the key may not see who is in the group.
        people: Option<u64>,
    },
    /// Nobody would have full control of the tenant any more, as far as the key sees.
    LastAdmin,
    /// Roles that change what a license costs are given.
    RaisesEntitlement {
        /// Their names.
        names: Vec<String>,
        /// Who that is and what it takes; `None` where the key may not see who has which role.
        #[serde(default)]
        raised: Option<Raised>,
    },
    /// The group is everybody.
    Everyone,
    /// Groups of the identity provider come back when a member signs in.
    GroupsComeBack {
        /// How many.
        count: u64,
    },
    /// Groups are called like others but for upper and lower case.
    AlikeNames {
        /// How many.
        count: u64,
        /// One of them.
        name: String,
        /// What the other one is called.
        like: String,
    },
    /// From now on people get a license by signing in.
    AutoAssignOn {
        /// What they get.
        names: Vec<String>,
    },
}

/// Whom a warning is about, to be left out by a click.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaveOut {
    /// OAuth clients.
    Bots,
    /// Disabled and deleted users.
    ShutOut,
    /// Subjects that are no users of this tenant.
    Unknown,
}

impl LeaveOut {
    const ALL: [Self; 3] = [Self::Bots, Self::ShutOut, Self::Unknown];

    /// Names it in a form.
    pub fn word(self) -> &'static str {
        match self {
            Self::Bots => "leave-bots",
            Self::ShutOut => "leave-shut-out",
            Self::Unknown => "leave-unknown",
        }
    }

    /// Reads the name.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.word() == word)
    }

    /// Whether it is about this change.
    pub fn takes(self, change: &Change, people: &HashMap<String, &Person>) -> bool {
        let gets = change.gives().map(|(subject, _)| subject);
        match self {
            Self::Bots => change.subject().is_some_and(Subject::is_bot),
            Self::ShutOut => gets.and_then(|subject| people.get(&subject.key())).is_some_and(|person| person.is_shut_out()),
            Self::Unknown => change.newcomer().is_some_and(|subject| !people.contains_key(&subject.key())),
        }
    }
}

/// People who become Full users by the roles that a plan gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raised {
    /// Who has such a role after the plan, and none now; those who can sign in.
    pub people: u64,
    /// Of those, who hold no Full user license.
    pub without: u64,
    /// What the subscription has of them; `None` where it lists none, and so counts none.
    pub seats: Option<Seats>,
    /// Full user seats used now.
    pub used: i64,
}

impl Raised {
    fn sentence(raised: Option<&Self>) -> String {
        let Some(Self { people, without, seats, used }) = raised else {
            return "This may use more seats. This key cannot see how many people that is.".to_owned();
        };
        if *people == 0 {
            return "No one becomes one by it who is none now.".to_owned();
        }
        let verb = if *people == 1 { "becomes one" } else { "become Full users" };
        let who = format!("{} {verb}", text::count(whole(*people), "person", "people"));
        let needs = text::count(whole(*without), "more Full user seat", "more Full user seats");
        match seats.map(|seats| seats.free(*used)) {
            None => format!("{who}. This subscription lists no Full user seats, so it may take none."),
            Some(_) if *without == 0 => format!("{who}, and all of them hold a Full user license."),
            Some(None) => format!("{who} and may use {needs}."),
            Some(Some(free)) if free < whole(*without) => {
                let (free, verb) = (free.max(0), if free == 1 { "is" } else { "are" });
                format!("{who} and may use {needs}; only {} {verb} left.", text::thousands(free))
            }
            Some(Some(free)) => format!("{who} and may use {needs} of {} that are left.", text::thousands(free)),
        }
    }
}

impl Warning {
    /// Whether rows will be refused as things stand.
    pub fn is_grave(&self) -> bool {
        matches!(self, Self::NotEnoughSeats { .. })
    }

    /// Whether it is shown as a danger rather than as a hint.
    pub fn is_loud(&self) -> bool {
        self.is_grave() || matches!(self, Self::LastAdmin)
    }

    /// Whom it is about, where they can be left out by a click: their name in a form, and what the button says.
    pub fn way_out(&self) -> Option<(LeaveOut, String)> {
        let them = |n: u64| if n == 1 { "Skip this one".to_owned() } else { format!("Skip these {n}") };
        match self {
            Self::Bots { count } | Self::BotsGain { count } => Some((LeaveOut::Bots, them(*count))),
            Self::ShutOut { disabled, deleted } => Some((LeaveOut::ShutOut, them(disabled + deleted))),
            Self::UnknownSubjects { count, .. } => Some((LeaveOut::Unknown, them(*count))),
            _ => None,
        }
    }

    /// The headline and the rest, as sentences.
    pub fn sentences(&self) -> (String, String) {
        match self {
            Self::NotEnoughSeats { allotment, short } => (
                format!("{} is {} short.", allotment.label(), text::count(*short, "seat", "seats")),
                format!("Qlik will reject {} of these changes.", text::thousands(*short)),
            ),
            Self::Overage { allotment, after, limit } => (
                format!("{} of {} in overage after this.", text::count(*after, "seat", "seats"), allotment.label()),
                match limit {
                    Some(limit) => format!("The limit is {}. Overage may be billed.", text::thousands(*limit)),
                    None => "There is no limit. Overage may be billed.".to_owned(),
                },
            ),
            Self::Orphans { count, first } => (
                not_users(*count),
                format!("{first} may be a user of another tenant in this subscription; removing the license affects them there."),
            ),
            Self::UnknownSubjects { count, first } => {
                (not_users(*count), format!("No one can sign in here as {first}, but a seat is used."))
            }
            Self::PeopleUnknown => (
                "Whether these are users of this tenant is not known.".to_owned(),
                "The list of users could not be loaded completely with this key.".to_owned(),
            ),
            Self::ShutOut { disabled, deleted } => {
                let both = disabled + deleted;
                let what = match (disabled, deleted) {
                    (_, 0) => "disabled",
                    (0, _) => "deleted",
                    _ => "disabled or deleted",
                };
                (
                    format!("{} of these {} {what}.", text::thousands(whole(both)), if both == 1 { "is" } else { "are" }),
                    "They cannot sign in; a license would use a seat for nothing.".to_owned(),
                )
            }
            Self::Bots { count } => (
                format!("Includes {}.", text::count(whole(*count), "OAuth client", "OAuth clients")),
                "Removing their license may break integrations.".to_owned(),
            ),
            Self::BotsGain { count } => (
                format!("Includes {}.", text::count(whole(*count), "OAuth client", "OAuth clients")),
                format!("{} would go to programs, not people.", text::count(whole(*count), "seat", "seats")),
            ),
            Self::AutoAssignGivesBack { allotment, count } => (
                format!("{} is auto-assigned.", allotment.label()),
                format!(
                    "{} will get it back at the next sign-in. Turn off automatic assignment in Settings first.",
                    text::count(whole(*count), "person", "people")
                ),
            ),
            Self::SecondLicense { count } => (
                format!("{} will have two licenses.", text::count(whole(*count), "person", "people")),
                "Use Change type to replace the current one.".to_owned(),
            ),
            Self::Loses { allotment, count } => (
                format!("{} {}.", text::count(whole(*count), "person loses", "people lose"), allotment.label()),
                "The list gives them another license, which replaces it.".to_owned(),
            ),
            Self::AdminRoles { names } => (
                format!("Grants admin rights: {}.", text::and_list(names)),
                "All current members, and anyone added later, become tenant admins.".to_owned(),
            ),
            Self::AdminRolesTaken { names, people } => (
                match people {
                    Some(0) => format!("Removes admin rights: {}.", text::and_list(names)),
                    Some(people) => format!("{} admin rights.", text::count(whole(*people), "person loses", "people lose")),
                    None => format!("Members of the group lose {}.", text::and_list(names)),
                },
                match people {
                    Some(0) => "All members keep admin rights another way.".to_owned(),
                    Some(_) => format!("They have them only through {} here.", text::and_list(names)),
                    None => "This key cannot see how many people that is.".to_owned(),
                },
            ),
            Self::LastAdmin => (
                "No one will have full control of the tenant.".to_owned(),
                "This is the last group with TenantAdmin, and no one has it directly, as far as this key can see.".to_owned(),
            ),
            Self::RaisesEntitlement { names, raised } => {
                let verb = if names.len() == 1 { "makes" } else { "make" };
                (format!("{} {verb} members Full users.", text::and_list(names)), Raised::sentence(raised.as_ref()))
            }
            Self::GroupsComeBack { count } => (
                format!("{} from the identity provider.", text::count(whole(*count), "group comes", "groups come")),
                "It is created again when a member signs in, as long as group creation at sign-in is on.".to_owned(),
            ),
            Self::AlikeNames { count, name, like } => (
                format!(
                    "{} from another only in upper and lower case or in the form of accents.",
                    text::count(whole(*count), "group name differs", "group names differ")
                ),
                format!("“{}” and “{}” are two groups to Qlik.", text::shortened(name), text::shortened(like)),
            ),
            Self::Everyone => ("Applies to everyone.".to_owned(), "Every user of the tenant is a member.".to_owned()),
            Self::AutoAssignOn { names } => (
                format!("{} will be assigned automatically.", text::and_list(names)),
                "Anyone who signs in without a license gets one, while seats last.".to_owned(),
            ),
        }
    }
}

fn not_users(count: u64) -> String {
    if count == 1 {
        "1 of these is not a user of this tenant.".to_owned()
    } else {
        format!("{} of these are not users of this tenant.", text::thousands(whole(count)))
    }
}

/// What the changes of a plan give to think about, as each of them says it. Nothing is counted twice for one person.
#[derive(Debug, Default)]
pub struct Warnings<'a> {
    orphans: BTreeSet<String>,
    first_orphan: Option<&'a Subject>,
    unknown_subjects: BTreeSet<String>,
    first_unknown: Option<&'a Subject>,
    unknown: bool,
    disabled: HashSet<String>,
    deleted: HashSet<String>,
    bots: HashSet<String>,
    bots_gain: HashSet<String>,
    back: BTreeMap<&'a AllotmentName, u64>,
    lowered: BTreeMap<&'a AllotmentName, u64>,
    second: u64,
    admin_given: BTreeSet<String>,
    admin_taken: BTreeSet<String>,
    raises: BTreeSet<String>,
    everyone: bool,
    idp_groups: u64,
    /// New names of groups without case, each with how it is written.
    group_names: HashMap<String, &'a str>,
    /// Those that differ from another in case alone, with the other.
    alike: Vec<(&'a str, &'a str)>,
    at_sign_in: Vec<Vec<String>>,
}

impl<'a> Warnings<'a> {
    /// A change is about somebody, whom the tenant may or may not know.
    pub fn somebody(&mut self, of: &PlanContext<'a>, subject: &Subject) {
        self.unknown |= !of.people_whole() && !of.people.contains_key(&subject.key());
    }

    /// A group gets a name; `was` is what it was called before, if anything.
    pub fn group_named(&mut self, of: &PlanContext<'a>, name: &'a str, was: Option<&str>) {
        let before = self.group_names.insert(text::same(name), name);
        if let Some(other) = of.group_alike(name, was).or(before.filter(|before| *before != name)) {
            self.alike.push((name, other));
        }
    }

    /// Somebody loses a license, for another or for none.
    pub fn loses(&mut self, of: &PlanContext<'a>, subject: &'a Subject) {
        if of.is_orphan(subject) {
            self.first_orphan.get_or_insert(subject);
            self.orphans.insert(subject.key());
        }
    }

    /// Somebody loses a license and gets none for it.
    pub fn is_left_without(&mut self, of: &PlanContext<'a>, subject: &Subject, allotment: &'a AllotmentName) {
        let key = subject.key();
        let signs_in = of.people.get(&key).is_some_and(|person| person.status == "active");
        if signs_in && of.inventory.auto_assign.gives(allotment) {
            *self.back.entry(allotment).or_default() += 1;
        }
        if subject.is_bot() {
            self.bots.insert(key);
        }
    }

    /// Somebody loses a license for a lesser one. Whoever selected people chose that; whoever brought a list did not.
    pub fn is_lowered(&mut self, of: &PlanContext<'a>, allotment: &'a AllotmentName) {
        if of.from_list {
            *self.lowered.entry(allotment).or_default() += 1;
        }
    }

    /// Somebody gets a license, for another or for none.
    pub fn gets(&mut self, of: &PlanContext<'a>, subject: &Subject) {
        let key = subject.key();
        match of.people.get(&key).map(|person| person.status.as_str()) {
            Some("disabled") => drop(self.disabled.insert(key)),
            Some("deleted") => drop(self.deleted.insert(key)),
            _ => {}
        }
    }

    /// Somebody gets a license and keeps what they have.
    pub fn gets_besides(&mut self, of: &PlanContext<'a>, subject: &Subject) {
        let key = subject.key();
        // What is brought back is no news.
        if of.holders.contains(&key) && !of.restores {
            self.second += 1;
        }
        if subject.is_bot() {
            self.bots_gain.insert(key);
        }
    }

    /// Somebody holds a license whom the tenant may not know.
    pub fn newcomer(&mut self, of: &PlanContext<'a>, subject: &'a Subject) {
        if of.is_orphan(subject) {
            self.first_unknown.get_or_insert(subject);
            self.unknown_subjects.insert(subject.key());
        }
    }

    /// A group gets and loses roles.
    pub fn roles(&mut self, of: &PlanContext<'a>, group: &GroupId, add: &BTreeSet<RoleId>, remove: &BTreeSet<RoleId>) {
        self.marked(of, add, remove);
        self.everyone |= of.inventory.group(group).is_some_and(|group| group.provider == Provider::System);
    }

    fn marked(&mut self, of: &PlanContext<'a>, add: &BTreeSet<RoleId>, remove: &BTreeSet<RoleId>) {
        let marked = |ids: &BTreeSet<RoleId>, wanted: fn(RoleMark) -> bool| {
            let known = ids.iter().filter_map(|id| of.roles.get(id));
            let found = known.filter(|role| roles::mark(role).is_some_and(wanted));
            found.map(|role| role.name.clone()).collect::<Vec<_>>()
        };
        let admin = |mark| matches!(mark, RoleMark::FullControl | RoleMark::AdminLevel);
        self.admin_given.extend(marked(add, admin));
        self.admin_taken.extend(marked(remove, admin));
        self.raises.extend(marked(add, |mark| mark == RoleMark::RaisesEntitlement));
    }

    /// A group that is made gives roles.
    pub fn roles_of_a_new_group(&mut self, of: &PlanContext<'a>, roles: &BTreeSet<RoleId>) {
        self.marked(of, roles, &BTreeSet::new());
    }

    /// A group is deleted.
    pub fn group_goes(&mut self, provider: Provider) {
        self.idp_groups += u64::from(provider == Provider::Idp);
    }

    /// From now on these licenses are given by signing in.
    pub fn given_at_sign_in(&mut self, names: Vec<String>) {
        if !names.is_empty() {
            self.at_sign_in.push(names);
        }
    }

    /// What there is to think about, the gravest first; `seats` is what the plan does to the seats.
    pub(super) fn finish(self, seats: &[SeatChange]) -> Vec<Warning> {
        let mut warnings: Vec<Warning> = seats.iter().flat_map(about_seats).collect();
        if let Some(first) = self.first_orphan {
            warnings.push(Warning::Orphans { count: self.orphans.len() as u64, first: first.clone() });
        }
        if let Some(first) = self.first_unknown {
            warnings.push(Warning::UnknownSubjects { count: self.unknown_subjects.len() as u64, first: first.clone() });
        }
        if self.unknown {
            warnings.push(Warning::PeopleUnknown);
        }
        if !self.disabled.is_empty() || !self.deleted.is_empty() {
            warnings.push(Warning::ShutOut { disabled: self.disabled.len() as u64, deleted: self.deleted.len() as u64 });
        }
        if !self.bots.is_empty() {
            warnings.push(Warning::Bots { count: self.bots.len() as u64 });
        }
        if !self.bots_gain.is_empty() {
            warnings.push(Warning::BotsGain { count: self.bots_gain.len() as u64 });
        }
        let back = self.back.into_iter();
        warnings.extend(back.map(|(name, count)| Warning::AutoAssignGivesBack { allotment: name.clone(), count }));
        let lowered = self.lowered.into_iter();
        warnings.extend(lowered.map(|(name, count)| Warning::Loses { allotment: name.clone(), count }));
        if self.second > 0 {
            warnings.push(Warning::SecondLicense { count: self.second });
        }
        if self.idp_groups > 0 {
            warnings.push(Warning::GroupsComeBack { count: self.idp_groups });
        }
        if let Some((name, like)) = self.alike.first() {
            let count = self.alike.len() as u64;
            warnings.push(Warning::AlikeNames { count, name: (*name).to_owned(), like: (*like).to_owned() });
        }
        if self.everyone {
            warnings.push(Warning::Everyone);
        }
        let names = |set: BTreeSet<String>| set.into_iter().collect::<Vec<_>>();
        if !self.admin_taken.is_empty() {
            // The head count and whether it is the last way come with the risks, which know the plan as a whole.
            warnings.push(Warning::AdminRolesTaken { names: names(self.admin_taken), people: None });
        }
        if !self.admin_given.is_empty() {
            warnings.push(Warning::AdminRoles { names: names(self.admin_given) });
        }
        if !self.raises.is_empty() {
            // Who that is comes with the risks as well.
            warnings.push(Warning::RaisesEntitlement { names: names(self.raises), raised: None });
        }
        warnings.extend(self.at_sign_in.into_iter().map(|names| Warning::AutoAssignOn { names }));
        warnings
    }
}

fn about_seats(seat: &SeatChange) -> impl Iterator<Item = Warning> {
    let allotment = &seat.allotment.name;
    let short = (seat.short() > 0).then(|| Warning::NotEnoughSeats { allotment: allotment.clone(), short: seat.short() });
    let overage = (seat.enters_overage() > 0).then(|| {
        let limit = match seat.allotment.seats() {
            Seats::Unbounded => None,
            Seats::Bounded(_) => Some(seat.allotment.overage.max(0)),
        };
        Warning::Overage { allotment: allotment.clone(), after: seat.overage_after(), limit }
    });
    short.into_iter().chain(overage)
}
