//! Sends one batch of journal rows and says what became of each.

mod request;

use std::collections::HashSet;

use domain::change::Comparison;
use domain::inventory::Inventory;
use domain::journal::{Answer, RowState};
use domain::projection::Projection;
use qlik_api::client::{CallError, Client, Credential, Effect, Reserved, Urgency};
use qlik_api::rows::{SentRow, pair};
use qlik_api::wire::licenses::RowAnswer;
use storage::{JobRow, JournalRow, RowResult};

use crate::server::inventory::read_again;
use request::{Outcome, Request, gathered, request};

/// Cuts rows into batches of one kind, smaller after trouble, larger after success.
#[derive(Debug)]
pub(super) struct Batcher {
    size: usize,
    /// Rows in one request at most, as far as is known.
    most: usize,
}

impl Batcher {
    /// Batches of at most so many rows, and of the size that the job had found out.
    pub(super) fn of(job: &JobRow, most: usize) -> Self {
        let most = if job.batch_most == 0 { most } else { most.min(job.batch_most) }.max(1);
        let size = if job.batch_rows == 0 { most } else { most.min(job.batch_rows) };
        Self { size, most }
    }

    /// Rows in the next request at most.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Rows in any request at most.
    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// The next batch from `at` on. Rows that are `singly` go alone.
    pub(super) fn take<'a>(&self, rows: &'a [JournalRow], at: &mut usize, singly: &HashSet<i64>) -> Option<&'a [JournalRow]> {
        let rest = rows.get(*at..)?;
        let first = rest.first()?;
        let kind = first.change.kind();
        let most = if kind.batches() && !singly.contains(&first.seq) { self.size } else { 1 };
        let fits = |row: &&JournalRow| row.change.kind() == kind && (row.seq == first.seq || !singly.contains(&row.seq));
        let n = rest.iter().take(most).take_while(fits).count();
        *at += n;
        rest.get(..n)
    }

    /// Halves the batch where its size, or one row in it, may be the trouble. Says whether it can be any smaller.
    pub(super) fn shrink(&mut self, error: &CallError, sent: usize) -> bool {
        let size_matters = matches!(error, CallError::Timeout(_) | CallError::Broken(_) | CallError::TooLarge(_))
            || matches!(error.status(), Some(400 | 413 | 500..=599));
        if !size_matters || sent <= 1 {
            return false;
        }
        if error.status() == Some(413) {
            // So many are never taken: they are not tried again.
            self.most = self.most.min(sent - 1);
        }
        self.size = (sent / 2).clamp(1, self.most);
        true
    }

    /// Grows back slowly after a request that was as large as allowed.
    pub(super) fn grow(&mut self, sent: usize) {
        if sent >= self.size {
            self.size = (self.size + self.size / 4 + 1).min(self.most);
        }
    }
}

/// What became of a batch.
#[derive(Debug)]
pub(super) struct BatchEnd {
    /// One result per row.
    pub(super) results: Vec<RowResult>,
    /// Why the request as a whole failed.
    pub(super) failed: Option<CallError>,
}

fn result(row: &JournalRow, state: RowState, answer: Answer, trace: &str) -> RowResult {
    RowResult {
        seq: row.seq,
        state,
        status: i64::from(answer.status),
        code: answer.code,
        title: answer.title,
        trace: trace.to_owned(),
        made: None,
    }
}

fn without_answer(row: &JournalRow, state: RowState, why: &str) -> RowResult {
    result(row, state, Answer { status: 0, code: String::new(), title: why.to_owned() }, "")
}

/// Sends rows of one kind, with leave to do so. What they touch is like `now`, where that was read.
pub(super) async fn batch(
    client: &Client,
    credential: &Credential,
    leave: Reserved<'_>,
    rows: &[JournalRow],
    now: &Inventory,
) -> BatchEnd {
    let Some(first) = rows.first() else { return BatchEnd { results: Vec::new(), failed: None } };
    if first.change.kind().batches() {
        return licenses(client, credential, leave, rows).await;
    }
    match single(client, credential, leave, first, now).await {
        Ok(result) => BatchEnd { results: vec![result], failed: None },
        Err(error) => whole(rows, error),
    }
}

/// A request that was given up on when its time was over.
pub(super) fn timed_out(rows: &[JournalRow], after: std::time::Duration) -> BatchEnd {
    whole(rows, CallError::Timeout(after))
}

/// A request that failed as a whole: what that means for its rows.
fn whole(rows: &[JournalRow], error: CallError) -> BatchEnd {
    let one = rows.len() == 1;
    let licenses = rows.first().is_some_and(|row| row.change.kind().batches());
    let verdict = |row: &JournalRow| match (&error, error.effect()) {
        (CallError::Api(api), Effect::None) if !api.promises_retry() => {
            let answer = Answer { status: api.status, code: api.code().to_owned(), title: api.title() };
            let state = match api.status {
                // The key, not the row, is at fault. A group may be one that nobody may change.
                401 => RowState::Planned,
                403 if licenses => RowState::Planned,
                // One row may have spoilt the request for the others: they are sent again in smaller batches.
                400 | 413 if !one => RowState::Planned,
                _ => RowState::Refused,
            };
            result(row, state, answer, api.trace_id.as_deref().unwrap_or_default())
        }
        (_, Effect::None) => without_answer(row, RowState::Planned, "Not sent yet: the tenant could not take it."),
        (_, Effect::Unknown) => without_answer(row, RowState::Unknown, "Qlik's answer was lost."),
    };
    let results: Vec<RowResult> = rows.iter().map(verdict).collect();
    // Where every row has its answer, the request did not fail: it was refused.
    let settled = results.iter().all(|result| result.state == RowState::Refused);
    BatchEnd { results, failed: (!settled).then_some(error) }
}

/// What the answers to the rows of a change come to. Where they differ, only a reading can tell.
fn of_row(row: &JournalRow, outcome: Outcome, answers: impl Iterator<Item = Option<RowAnswer>>) -> RowResult {
    let mut results = answers.map(|answer| match answer {
        None => without_answer(row, RowState::Unknown, "Qlik's answer does not say what became of this row."),
        Some(answer) => {
            let answer = Answer {
                status: u16::try_from(answer.status).unwrap_or(0),
                code: answer.code.unwrap_or_default(),
                title: answer.title.unwrap_or_default(),
            };
            result(row, outcome(&answer), answer, "")
        }
    });
    let Some(first) = results.next() else { return without_answer(row, RowState::Already, "There was nothing to move.") };
    if results.any(|other| other.state != first.state) {
        return without_answer(row, RowState::Unknown, "Qlik did one part of this row and not another.");
    }
    first
}

async fn licenses(client: &Client, credential: &Credential, leave: Reserved<'_>, rows: &[JournalRow]) -> BatchEnd {
    let now = Inventory::default();
    let requests: Vec<Request> = rows.iter().map(|row| request(&row.change, &now)).collect();
    let sent: Vec<SentRow> = requests.iter().flat_map(Request::sent).collect();
    let answered: Vec<(usize, Outcome)> = requests.iter().map(|request| (request.sent().len(), request.outcome())).collect();
    let action = gathered(requests);
    match client.assignment_action(credential, leave, &action).await {
        Err(error) => whole(rows, error),
        Ok(answer) => {
            let paired = pair(&sent, answer.data);
            if paired.surplus > 0 {
                tracing::warn!(surplus = paired.surplus, "Qlik answered rows that were not sent");
            }
            let mut answers = paired.answers.into_iter();
            let of = |(row, (taken, outcome))| of_row(row, outcome, answers.by_ref().take(taken));
            BatchEnd { results: rows.iter().zip(answered).map(of).collect(), failed: None }
        }
    }
}

/// Whether rows can be sent as they are.
#[derive(Debug)]
pub(super) enum Look {
    /// They can; what they touch is like this now, where that was read.
    Ready(Box<Inventory>),
    /// There is nothing to send.
    Settled(RowResult),
}

/// A group or a setting is read right before it is written, since there is no ETag to help, and written only where nobody else
/// wrote. Licenses need no look: Qlik answers them row by row.
pub(super) async fn look(client: &Client, credential: &Credential, rows: &[JournalRow]) -> Result<Look, CallError> {
    let [row] = rows else { return Ok(Look::Ready(Box::default())) };
    if row.change.kind().batches() {
        return Ok(Look::Ready(Box::default()));
    }
    let touches = row.change.touches();
    let now = read_again(client, credential, Urgency::Job, 0, &touches).await?;
    if touches.groups().any(|group| now.group(group).is_none()) {
        let answer = Answer { status: 404, code: String::new(), title: "The group is no longer there.".to_owned() };
        return Ok(Look::Settled(result(row, RowState::Refused, answer, "")));
    }
    let comparison = row.change.compare(&Projection::of(&now));
    Ok(match comparison {
        Comparison::Unchanged => Look::Ready(Box::new(now)),
        Comparison::Applied => Look::Settled(without_answer(row, RowState::Already, "It is so already.")),
        Comparison::Diverged => {
            Look::Settled(without_answer(row, RowState::Conflict, "Somebody else changed it since the plan was drawn up."))
        }
        Comparison::NotVisible => Look::Settled(without_answer(
            row,
            RowState::Refused,
            "The key may not see the group's roles, so they were not replaced.",
        )),
    })
}

/// Writes what travels alone; what it touches is like `now`.
async fn single(
    client: &Client,
    credential: &Credential,
    leave: Reserved<'_>,
    row: &JournalRow,
    now: &Inventory,
) -> Result<RowResult, CallError> {
    let status = match request(&row.change, now) {
        Request::PatchGroup { group, patches } => {
            client.patch_group(credential, leave, &group, &patches).await?;
            204
        }
        Request::PutLicenseSettings(settings) => {
            client.put_license_settings(credential, leave, settings).await?;
            200
        }
        Request::PatchGroupSettings(patches) => {
            client.patch_group_settings(credential, leave, &patches).await?;
            204
        }
        Request::Add(_) | Request::Delete(_) | Request::Update(_) => {
            return Ok(without_answer(row, RowState::Unknown, "A license cannot be sent this way."));
        }
    };
    Ok(result(row, RowState::Done, Answer { status, code: String::new(), title: String::new() }, ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::allotment::AllotmentName;
    use domain::change::{Assign, Kind, Remove};
    use domain::subject::Subject;

    fn rows(kinds: &[Kind]) -> Vec<JournalRow> {
        let subject = || Subject::new("a");
        let allotment = || AllotmentName::new("analyzer");
        kinds
            .iter()
            .enumerate()
            .map(|(seq, kind)| JournalRow {
                seq: seq as i64,
                change: match kind {
                    Kind::Remove => Remove { subject: subject(), allotment: allotment() }.into(),
                    _ => Assign { subject: subject(), allotment: allotment() }.into(),
                },
                name: String::new(),
                state: RowState::Planned,
                status: 0,
                code: String::new(),
                title: String::new(),
                trace: String::new(),
                made: None,
            })
            .collect()
    }

    fn batcher() -> Batcher {
        Batcher { size: 100, most: 100 }
    }

    fn refused(status: u16) -> CallError {
        CallError::Api(qlik_api::client::ApiError { status, errors: Vec::new(), trace_id: None, retry_after: None })
    }

    #[test]
    fn a_batch_is_of_one_kind_and_shrinks_after_trouble() {
        let kinds: Vec<Kind> = std::iter::repeat_n(Kind::Remove, 3).chain(std::iter::repeat_n(Kind::Assign, 250)).collect();
        let rows = rows(&kinds);
        let none = HashSet::new();
        let mut batcher = batcher();
        let mut at = 0;
        let mut sizes = Vec::new();
        while let Some(batch) = batcher.take(&rows, &mut at, &none) {
            sizes.push(batch.len());
        }
        assert_eq!(sizes, [3, 100, 100, 50]);
        assert!(batcher.shrink(&CallError::Broken(String::new()), 100));
        let mut at = 3;
        assert_eq!(batcher.take(&rows, &mut at, &none).map(<[_]>::len), Some(50));
        // A row that an answer left out goes alone, and the next batch begins after it.
        let singly = HashSet::from([5]);
        let mut at = 3;
        let sizes: Vec<_> = (0..3).filter_map(|_| batcher.take(&rows, &mut at, &singly)).map(<[_]>::len).collect();
        assert_eq!(sizes, [2, 1, 50]);
        let mut sent = 50;
        while batcher.shrink(&refused(400), sent) {
            sent = batcher.size();
        }
        assert_eq!(batcher.size(), 1, "a row that spoils requests is found");
    }

    #[test]
    fn the_most_that_a_tenant_takes_is_found_and_kept() {
        let (limit, mut batcher, mut requests) = (12, batcher(), 0);
        let mut taken = Vec::new();
        while taken.len() < 40 {
            requests += 1;
            let sent = batcher.size();
            if sent > limit {
                assert!(batcher.shrink(&refused(413), sent));
            } else {
                batcher.grow(sent);
                taken.push(sent);
            }
        }
        assert_eq!(taken.last(), Some(&limit));
        assert!(requests < 52, "{requests} requests for 40 that went through");
        assert_eq!(batcher.most(), limit);
    }

    #[test]
    fn a_lost_answer_makes_rows_unknown_and_a_broken_connection_attempt_does_not() {
        let rows = rows(&[Kind::Assign, Kind::Assign]);
        let states = |error| whole(&rows, error).results.iter().map(|result| result.state).collect::<Vec<_>>();
        assert_eq!(states(CallError::Broken(String::new())), [RowState::Unknown; 2]);
        assert_eq!(states(CallError::Connect(String::new())), [RowState::Planned; 2]);
    }
}
