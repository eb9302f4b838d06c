//! `[auth.roles]`: who may do what. The highest role that fits counts; names are compared exactly, with case.

use std::fmt;

use identity::claims::{Pointer, holds};

use super::super::file::Reader;
use crate::rank::Rank;
use crate::server::auth::person::SignedIn;

/// Who has a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// Whoever is in a group.
    Group(String),
    /// One person.
    Subject(String),
    /// Whoever has a claim that is a text, or a list that holds it.
    Claim(Pointer, String),
}

impl Who {
    fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        if rest.is_empty() {
            return None;
        }
        match kind {
            "group" => Some(Self::Group(rest.to_owned())),
            "subject" => Some(Self::Subject(rest.to_owned())),
            "claim" => {
                let (pointer, value) = rest.split_once('=')?;
                (!value.is_empty()).then_some(Self::Claim(Pointer::parse(pointer)?, value.to_owned()))
            }
            _ => None,
        }
    }

    fn fits(&self, person: &SignedIn) -> bool {
        match self {
            Self::Group(name) => person.groups.contains(name),
            Self::Subject(subject) => *subject == person.subject,
            Self::Claim(pointer, text) => person.claims.get(pointer.as_str()).is_some_and(|value| holds(value, text)),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(name) => write!(f, "{:?}", format!("group:{name}")),
            Self::Subject(subject) => write!(f, "{:?}", format!("subject:{subject}")),
            Self::Claim(pointer, text) => write!(f, "{:?}", format!("claim:{}={text}", pointer.as_str())),
        }
    }
}

/// Who has which role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles {
    /// By role, the highest first.
    entries: Vec<(Rank, Vec<Who>)>,
    /// What everybody else has who can sign in.
    default: Option<Rank>,
}

impl Roles {
    /// `nobody`: nobody signs in, so roles mean nothing. `place`: where the table begins, if it is there.
    pub(super) fn read(reader: &mut Reader<'_>, nobody: bool, place: Option<&String>) -> Self {
        if nobody {
            if let Some(place) = place {
                reader.fault(
                    place,
                    "`[auth.roles]` means nothing where `auth.mode` is “none”: everyone who reaches the portal may do everything",
                );
                reader.forget("auth.roles");
            }
            return Self::default();
        }
        let mut roles = Self::default();
        for (rank, name) in [(Rank::Admin, "admin"), (Rank::Operator, "operator"), (Rank::Viewer, "viewer")] {
            let key = format!("auth.roles.{name}");
            let Some((place, texts)) = reader.list(&key) else { continue };
            let mut who = Vec::new();
            for text in texts {
                match Who::parse(&text) {
                    Some(one) => who.push(one),
                    None => reader.fault(
                        &place,
                        format!("`{key}` must hold entries such as “group:qm-admins”, “subject:248289761001” or “claim:/department=IT”, and holds “{text}”"),
                    ),
                }
            }
            roles.entries.push((rank, who));
        }
        if let Some((place, word)) = reader.text("auth.roles.default") {
            match word.as_str() {
                "none" => {}
                "viewer" => roles.default = Some(Rank::Viewer),
                _ => {
                    reader.fault(&place, format!("`auth.roles.default` must be “none” or “viewer”, never more, and is “{word}”"));
                }
            }
        }
        if roles.entries.iter().all(|(_, who)| who.is_empty()) {
            let place = place.cloned().unwrap_or_else(|| reader.file().to_owned());
            reader.fault(&place, "`[auth.roles]` gives no one a role: set `admin`, such as [\"group:qm-admins\"]");
        }
        roles
    }

    /// The role of somebody; nothing where they have none.
    pub fn of(&self, person: &SignedIn) -> Option<Rank> {
        let fits = |who: &[Who]| who.iter().any(|who| who.fits(person));
        self.entries.iter().find(|(_, who)| fits(who)).map(|(rank, _)| *rank).or(self.default)
    }

    /// The claims that roles hang on.
    pub fn claims(&self) -> impl Iterator<Item = &Pointer> {
        self.entries.iter().flat_map(|(_, who)| who).filter_map(|who| match who {
            Who::Claim(pointer, _) => Some(pointer),
            Who::Group(_) | Who::Subject(_) => None,
        })
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n[auth.roles]")?;
        for (rank, who) in &self.entries {
            let who: Vec<String> = who.iter().map(ToString::to_string).collect();
            writeln!(f, "{} = [{}]", rank.word(), who.join(", "))?;
        }
        writeln!(f, "default = \"{}\"", self.default.map_or("none", Rank::word))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn roles() -> Roles {
        let who = |texts: &[&str]| texts.iter().filter_map(|text| Who::parse(text)).collect::<Vec<_>>();
        Roles {
            entries: vec![
                (Rank::Admin, who(&["group:qm-admins", "subject:1"])),
                (Rank::Operator, who(&["claim:/department=IT"])),
                (Rank::Viewer, who(&["group:staff"])),
            ],
            default: None,
        }
    }

    #[test]
    fn the_highest_that_fits_counts_and_names_are_exact() {
        let of = |subject: &str, groups: &[&str], claims: serde_json::Value| {
            let claims = claims.as_object().cloned().unwrap_or_default().into_iter().collect();
            let groups = groups.iter().map(|group| (*group).to_owned()).collect();
            roles().of(&SignedIn { subject: subject.to_owned(), groups, claims, ..SignedIn::default() })
        };
        assert_eq!(of("2", &["staff", "qm-admins"], json!({})), Some(Rank::Admin));
        assert_eq!(of("1", &[], json!({})), Some(Rank::Admin));
        assert_eq!(of("2", &["staff"], json!({"/department": ["HR", "IT"]})), Some(Rank::Operator));
        // Names that contain ours, differ in case, or have blanks are others.
        for near in ["qm-admins2", "QM-ADMINS", " qm-admins", "qm-admins,staff", "staff "] {
            assert_eq!(of("2", &[near], json!({"/department": "it"})), None, "{near}");
        }
    }

    #[test]
    fn entries_are_read_or_refused() {
        for bad in ["qm-admins", "group:", "claim:/a", "claim:a=b", "claim:/a=", "user:x", ""] {
            assert!(Who::parse(bad).is_none(), "{bad}");
        }
        assert_eq!(Who::parse("claim:/a=b=c"), Some(Who::Claim(Pointer::known("/a"), "b=c".to_owned())));
    }
}
