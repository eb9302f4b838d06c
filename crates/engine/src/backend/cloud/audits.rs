//! What Qlik says was done to groups, and by whom: its audits of the last 90 days.

use domain::inventory::GroupId;
use futures::StreamExt;

use super::super::{Reader, Told, ToldOfGroups};
use super::{Cloud, credential, map};
use crate::clock::{iso, parse_iso};
use crate::fault::Fault;

/// Types of audits that are about groups.
const KINDS: [&str; 3] = ["com.qlik.v1.group.created", "com.qlik.v1.group.updated", "com.qlik.v1.group.deleted"];
/// Pages that are read of each: somebody waits for them.
const PAGES: usize = 10;

impl Cloud {
    pub(in super::super) async fn told_of_groups(&self, by: &Reader, (from, until): (i64, i64)) -> Result<ToldOfGroups, Fault> {
        let credential = credential(&by.key);
        let (from, until) = (iso(from), iso(until));
        let mut all = ToldOfGroups { is_whole: true, told: Vec::new() };
        for kind in KINDS {
            let mut pages = std::pin::pin!(self.client.audits(&credential, by.urgency, kind, (&from, &until)));
            let mut read = 0;
            while let Some(page) = pages.next().await {
                if read == PAGES {
                    all.is_whole = false;
                    break;
                }
                read += 1;
                let told = page.map_err(map::fault)?.data.into_iter().filter_map(|audit| {
                    let group = GroupId::new(audit.of("id")?);
                    let name = audit.of("name").unwrap_or_default().to_owned();
                    Some(Told { group, name, at: parse_iso(&audit.event_time)?, by: audit.user_id })
                });
                all.told.extend(told);
            }
        }
        Ok(all)
    }
}
