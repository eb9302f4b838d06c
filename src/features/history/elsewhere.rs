//! Who changed a group outside of Quartermaster: what Qlik's own audits say, without what our trail accounts for.

use std::collections::HashMap;
use std::time::Duration;

use domain::inventory::GroupId;
use engine::backend::{Told, ToldOfGroups};

use crate::server::access::{Access, Role};

/// Somebody waits for the page: what has not come by then is not told.
const WAIT: Duration = Duration::from_secs(5);
/// An audit and a record of ours that lie no further apart are of one change: the one is by the tenant's clock, the other
/// is written when its answer is there, or, where that was lost, when it has become clear what came of the request.
const APART_MS: i64 = 10 * 60 * 1_000;

/// What Qlik's audits say of a period.
#[derive(Debug, Default)]
pub(super) enum Elsewhere {
    /// Nobody asked, for our trail explains everything.
    #[default]
    NotAsked,
    /// The key may not read them.
    NotVisible,
    /// They could not be read.
    Failed,
    /// They were read; of too many the oldest lack.
    Read { of: Vec<Told>, period: (i64, i64), is_whole: bool },
}

impl Elsewhere {
    /// Asks Qlik what was done to groups in a period.
    pub(super) async fn ask<R: Role>(access: &Access<R>, (from, until): (i64, i64)) -> Self {
        let reader = access.reader();
        // A little more on both sides, for records of ours that lie beside the audit that they account for.
        let asked = access.tenant.backend.told_of_groups(&reader, (from - APART_MS, until + APART_MS));
        match tokio::time::timeout(WAIT, asked).await {
            Ok(Ok(ToldOfGroups { told, is_whole })) => Self::Read { of: told, period: (from, until), is_whole },
            Ok(Err(fault)) => {
                tracing::info!(%fault, "Qlik's audits cannot be read");
                if matches!(fault.status(), Some(403 | 404)) { Self::NotVisible } else { Self::Failed }
            }
            Err(_) => Self::Failed,
        }
    }

    /// Why somebody may be missing on the page; nothing where Qlik told everything.
    pub(super) fn note(&self) -> Option<&'static str> {
        match self {
            Self::NotVisible => Some(
                "This key may not read Qlik's audits, so who changed something outside Quartermaster is known only where Qlik names the creator of a group.",
            ),
            Self::Failed => Some(
                "Qlik's audits could not be loaded, so who changed something outside Quartermaster may be missing. Reload the page to try again.",
            ),
            Self::Read { is_whole: false, .. } => Some(
                "Qlik lists more changes in this period than are loaded, so who changed something outside Quartermaster may be missing. Choose a shorter period.",
            ),
            Self::NotAsked | Self::Read { .. } => None,
        }
    }

    /// Who changed a group elsewhere and when, the newest first, each person once: `Kim Lee on 2026-11-03 14:02`. `called` are
    /// the names that it had: one that was deleted and came again has another id. `ours` is what we did to it.
    pub(super) fn by(&self, group: &GroupId, called: &[&str], ours: &[Ours<'_>], of: &Names<'_>) -> Vec<String> {
        let Self::Read { of: told, period, .. } = self else { return Vec::new() };
        let is_it = |one: &&Told| one.group == *group || called.contains(&one.name.as_str());
        let mut told: Vec<&Told> = told.iter().filter(is_it).collect();
        told.sort_unstable_by_key(|one| one.at);
        // Each record of ours accounts for one audit at most: the nearest of the Qlik user whom it acted as.
        let mut ours = ours.to_vec();
        ours.sort_unstable_by_key(|ours| ours.at);
        for Ours { at, qlik_user } in ours {
            let near = |one: &&Told| (qlik_user.is_empty() || one.by == qlik_user) && (one.at - at).abs() <= APART_MS;
            let nearest = told.iter().enumerate().filter(|(_, one)| near(one)).min_by_key(|(_, one)| (one.at - at).abs());
            if let Some((place, _)) = nearest {
                told.remove(place);
            }
        }
        let mut by: Vec<(&str, String)> = Vec::new();
        let within = told.into_iter().rev().filter(|one| (period.0..=period.1).contains(&one.at) && !one.by.is_empty());
        for one in within {
            if !by.iter().any(|(known, _)| *known == one.by) {
                let unknown = || format!("a user no longer known ({})", one.by);
                let name = of.people.get(one.by.as_str()).map_or_else(unknown, |name| (*name).to_owned());
                by.push((&one.by, format!("{name} on {}", (of.when)(one.at))));
            }
        }
        by.into_iter().map(|(_, words)| words).collect()
    }
}

/// What we did to a group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ours<'a> {
    /// When it was written down.
    pub at: i64,
    /// The Qlik user as whom; empty where that was not written down.
    pub qlik_user: &'a str,
}

/// How people and times are told.
pub(super) struct Names<'a> {
    /// Names of people by their ids.
    pub people: HashMap<&'a str, &'a str>,
    /// A time in words.
    pub when: &'a (dyn Fn(i64) -> String + Sync),
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    fn told(at: i64, by: &str, group: &str) -> Told {
        Told { group: GroupId::new(group), name: "Sales".to_owned(), at: at * MINUTE, by: by.to_owned() }
    }

    /// Who did it elsewhere from the tenth minute to the hundredth, by minutes; what we did at some of them as user 1.
    fn by(told: Vec<Told>, ours: &[i64]) -> Vec<String> {
        let read = Elsewhere::Read { of: told, period: (10 * MINUTE, 100 * MINUTE), is_whole: true };
        let when = |at: i64| (at / MINUTE).to_string();
        let names = Names { people: HashMap::from([("1", "Ada"), ("2", "Bo")]), when: &when };
        let ours: Vec<Ours<'_>> = ours.iter().map(|at| Ours { at: at * MINUTE, qlik_user: "1" }).collect();
        read.by(&GroupId::new("g"), &["Sales"], &ours, &names)
    }

    #[test]
    fn what_we_did_is_not_told_as_done_elsewhere() {
        assert_eq!(by(vec![told(20, "1", "g")], &[]), ["Ada on 20"]);
        assert!(by(vec![told(20, "1", "g")], &[21]).is_empty());
        assert_eq!(by(vec![told(20, "1", "g")], &[31]), ["Ada on 20"], "too far apart to be one change");
        // One of ours accounts for one change, not for two.
        assert_eq!(by(vec![told(20, "1", "g"), told(21, "1", "g")], &[21]), ["Ada on 20"]);
        // Somebody else is nearer to the record, which is written once it is clear what came of the request.
        assert_eq!(by(vec![told(20, "1", "g"), told(21, "2", "g")], &[21]), ["Bo on 21"]);
    }

    #[test]
    fn each_is_told_once_and_only_of_the_period() {
        let twice = vec![told(20, "2", "g"), told(40, "2", "g"), told(30, "1", "g")];
        assert_eq!(by(twice, &[]), ["Bo on 40", "Ada on 30"]);
        assert_eq!(by(vec![told(9, "2", "g"), told(101, "1", "g"), told(50, "1", "g")], &[]), ["Ada on 50"]);
        // Ours of before the period accounts for an audit of before it.
        assert!(by(vec![told(9, "1", "g")], &[9]).is_empty());
        assert_eq!(by(vec![told(50, "9", "g"), told(51, "", "g")], &[]), ["a user no longer known (9) on 50"]);
        // Deleted, and made again with another id.
        let other = Told { name: "Finance".to_owned(), ..told(50, "1", "x") };
        assert_eq!(by(vec![told(60, "2", "old"), other], &[]), ["Bo on 60"]);
    }
}
