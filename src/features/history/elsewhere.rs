//! Who changed a group outside of Quartermaster: what Qlik's own audits say, without what our trail accounts for.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use domain::inventory::GroupId;
use engine::backend::{Told, ToldOfGroups};

use crate::server::access::{Access, Role};
use crate::server::zone::Zone;

/// Somebody waits for the page: what has not come by then is not told.
const WAIT: Duration = Duration::from_secs(5);
/// An audit and a record of ours that lie no further apart are of one change: the one is by the tenant's clock, the other
/// is written when its answer is there.
const APART_MS: i64 = 2 * 60 * 1_000;

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
    Read { of: BTreeMap<GroupId, Vec<Told>>, is_whole: bool },
}

impl Elsewhere {
    /// Asks Qlik what was done to groups in a period.
    pub(super) async fn ask<R: Role>(access: &Access<R>, (from, until): (i64, i64)) -> Self {
        let reader = access.reader();
        // The period is by our clock.
        let period = (from - APART_MS, until + APART_MS);
        let asked = access.tenant.backend.told_of_groups(&reader, period);
        match tokio::time::timeout(WAIT, asked).await {
            Ok(Ok(told)) => Self::read(told),
            Ok(Err(fault)) => {
                tracing::info!(%fault, "Qlik's audits cannot be read");
                if matches!(fault.status(), Some(403 | 404)) { Self::NotVisible } else { Self::Failed }
            }
            Err(_) => Self::Failed,
        }
    }

    fn read(told: ToldOfGroups) -> Self {
        let mut of: BTreeMap<GroupId, Vec<Told>> = BTreeMap::new();
        for one in told.told {
            of.entry(one.group.clone()).or_default().push(one);
        }
        Self::Read { of, is_whole: told.is_whole }
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

    /// Who changed a group elsewhere and when, the newest first, each person once: `Kim Lee on 2026-11-03 14:02`. `ours` are the
    /// times at which we changed it.
    pub(super) fn by(&self, group: &GroupId, ours: &[i64], names: &HashMap<&str, &str>, zone: &Zone) -> Vec<String> {
        let Self::Read { of, .. } = self else { return Vec::new() };
        let Some(told) = of.get(group) else { return Vec::new() };
        let mut told: Vec<&Told> = told.iter().collect();
        told.sort_unstable_by_key(|one| one.at);
        let mut ours = ours.to_vec();
        ours.sort_unstable();
        // Each record of ours accounts for one audit at most: the nearest.
        for at in ours {
            let nearest = told.iter().enumerate().min_by_key(|(_, one)| (one.at - at).abs());
            if let Some((place, _)) = nearest.filter(|(_, one)| (one.at - at).abs() <= APART_MS) {
                told.remove(place);
            }
        }
        let mut by: Vec<(&str, String)> = Vec::new();
        for one in told.into_iter().rev().filter(|one| !one.by.is_empty()) {
            if !by.iter().any(|(known, _)| *known == one.by) {
                let name = names
                    .get(one.by.as_str())
                    .map_or_else(|| format!("a user no longer known ({})", one.by), |name| (*name).to_owned());
                let at = zone.date_time(one.at).get(..16).unwrap_or_default().to_owned();
                by.push((&one.by, format!("{name} on {at}")));
            }
        }
        by.into_iter().map(|(_, words)| words).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    #[test]
    fn what_we_did_is_not_told_as_done_elsewhere() {
        let told = |at: i64, by: &str| Told { group: GroupId::new("g"), at: at * MINUTE, by: by.to_owned() };
        let read = |told: Vec<Told>| Elsewhere::read(ToldOfGroups { told, is_whole: true });
        let names = HashMap::from([("1", "Ada"), ("2", "Bo")]);
        let by = |told: Vec<Told>, ours: &[i64]| {
            let ours: Vec<i64> = ours.iter().map(|at| at * MINUTE).collect();
            read(told).by(&GroupId::new("g"), &ours, &names, &Zone::default())
        };
        let day = "1970-01-01";
        assert_eq!(by(vec![told(10, "1")], &[]), [format!("Ada on {day} 00:10")]);
        assert_eq!(by(vec![told(10, "1")], &[11]), Vec::<String>::new());
        assert_eq!(by(vec![told(10, "1")], &[13]), [format!("Ada on {day} 00:10")], "too far apart to be one change");
        // One of ours accounts for one change, not for two.
        assert_eq!(by(vec![told(10, "2"), told(11, "1")], &[11]), [format!("Bo on {day} 00:10")]);
        // Each person once, with the newest change, the newest first.
        assert_eq!(
            by(vec![told(10, "2"), told(30, "2"), told(20, "1")], &[]),
            [format!("Bo on {day} 00:30"), format!("Ada on {day} 00:20")]
        );
        assert_eq!(by(vec![told(5, "9"), told(6, "")], &[]), [format!("a user no longer known (9) on {day} 00:05")]);
        assert!(read(Vec::new()).by(&GroupId::new("h"), &[], &names, &Zone::default()).is_empty());
    }
}
