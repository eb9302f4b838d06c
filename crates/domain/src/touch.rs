//! What a change touches. From this one notion come the locks of a job, what is read again, whether a plan was overtaken, and where
//! the audit trail finds a change.

use crate::inventory::GroupId;
use crate::subject::Subject;
use crate::text;

/// One thing of a tenant that a change touches.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Touch {
    /// All that a subject holds: what one job gives or takes must meet no other job's change of the same person.
    Holdings(Subject),
    /// A group.
    Group(GroupId),
    /// A group's name; case matters. What a group that does not exist yet is known by.
    GroupName(String),
    /// A setting of the tenant.
    Setting(Setting),
}

/// A setting of the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Setting {
    /// Who gets a license by signing in.
    AutoAssign,
    /// How groups come into being.
    Groups,
}

/// Separates the kind of a key from what it names; in no subject, id or name.
const SEPARATOR: char = '\u{1f}';

impl Touch {
    /// The key in the tables of locks and of the audit trail; subjects without case.
    pub fn key(&self) -> String {
        match self {
            Self::Holdings(subject) => format!("license{SEPARATOR}{}", subject.key()),
            Self::Group(id) => format!("group{SEPARATOR}{}", text::same(id.as_str())),
            Self::GroupName(name) => format!("group name{SEPARATOR}{name}"),
            Self::Setting(Setting::AutoAssign) => format!("settings{SEPARATOR}licenses"),
            Self::Setting(Setting::Groups) => format!("settings{SEPARATOR}groups"),
        }
    }
}

/// What changes touch, in the order they touch it; a thing may be there twice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Touches(Vec<Touch>);

impl Touches {
    /// Their keys.
    pub fn keys(&self) -> Vec<String> {
        self.0.iter().map(Touch::key).collect()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Touch> {
        self.0.iter()
    }

    /// Whether anybody's licenses are among them.
    pub fn licenses(&self) -> bool {
        self.0.iter().any(|touch| matches!(touch, Touch::Holdings(_)))
    }

    /// The groups among them.
    pub fn groups(&self) -> impl Iterator<Item = &GroupId> {
        self.0.iter().filter_map(|touch| if let Touch::Group(id) = touch { Some(id) } else { None })
    }

    /// The names of groups among them.
    pub fn group_names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|touch| if let Touch::GroupName(name) = touch { Some(name.as_str()) } else { None })
    }

    /// Whether this is among them.
    pub fn has(&self, touch: &Touch) -> bool {
        self.0.contains(touch)
    }
}

impl<const N: usize> From<[Touch; N]> for Touches {
    fn from(touches: [Touch; N]) -> Self {
        Self(touches.into())
    }
}

impl IntoIterator for Touches {
    type Item = Touch;
    type IntoIter = std::vec::IntoIter<Touch>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<Touch> for Touches {
    fn from_iter<I: IntoIterator<Item = Touch>>(all: I) -> Self {
        Self(all.into_iter().collect())
    }
}

impl FromIterator<Self> for Touches {
    fn from_iter<I: IntoIterator<Item = Self>>(all: I) -> Self {
        Self(all.into_iter().flat_map(|touches| touches.0).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_without_case_for_subjects_and_with_it_for_names() {
        let key = |touch: Touch| touch.key();
        assert_eq!(key(Touch::Holdings(Subject::new("M\\A"))), key(Touch::Holdings(Subject::new("m\\a"))));
        assert_ne!(key(Touch::GroupName("Finance".into())), key(Touch::GroupName("finance".into())));
        assert_ne!(key(Touch::Group(GroupId::new("x"))), key(Touch::GroupName("x".into())));
        assert_ne!(key(Touch::Setting(Setting::AutoAssign)), key(Touch::Setting(Setting::Groups)));
    }
}
