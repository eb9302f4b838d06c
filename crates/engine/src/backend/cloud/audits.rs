//! What Qlik says was done to groups, and by whom: its audits of the last 90 days.

use domain::inventory::GroupId;
use futures::StreamExt;

use super::super::{Reader, Told, ToldOfGroups};
use super::{Cloud, credential, map};
use crate::clock::{iso, parse_iso};
use crate::fault::Fault;

/// Types of audits that are about groups.
const KINDS: [&str; 3] = ["com.qlik.v1.group.created", "com.qlik.v1.group.updated", "com.qlik.v1.group.deleted"];
/// Audits on a page.
const PAGE: usize = 100;
/// Pages that are read of each, one after the other: somebody waits for them.
const PAGES: usize = 5;

impl Cloud {
    pub(in super::super) async fn told_of_groups(&self, by: &Reader, (from, until): (i64, i64)) -> Result<ToldOfGroups, Fault> {
        let period = (iso(from), iso(until));
        let kinds = futures::future::try_join_all(KINDS.map(|kind| self.told_of(by, kind, &period))).await?;
        Ok(ToldOfGroups {
            is_whole: kinds.iter().all(|kind| kind.is_whole),
            told: kinds.into_iter().flat_map(|kind| kind.told).collect(),
        })
    }

    async fn told_of(&self, by: &Reader, kind: &str, (from, until): &(String, String)) -> Result<ToldOfGroups, Fault> {
        let credential = credential(&by.key);
        let mut pages = std::pin::pin!(self.client.audits(&credential, by.urgency, kind, (from, until)));
        let mut read = ToldOfGroups { is_whole: true, told: Vec::new() };
        for _ in 0..PAGES {
            let Some(page) = pages.next().await else { return Ok(read) };
            read.told.extend(page.map_err(map::fault)?.data.into_iter().filter_map(|audit| {
                let group = GroupId::new(audit.of("id")?);
                let name = audit.of("name").unwrap_or_default().to_owned();
                Some(Told { group, name, at: parse_iso(&audit.event_time)?, by: audit.user_id })
            }));
        }
        // What is not there as well takes no further call.
        read.is_whole = read.told.len() < PAGES * PAGE;
        Ok(read)
    }
}
