//! Sends rows to Qlik Cloud, those of one kind in one request, and says what became of each.

mod request;

use domain::change::Made;
use domain::inventory::Inventory;
use domain::journal::{Answer, RowState};
use qlik_api::client::{CallError, Client, Credential, Effect, Reserved};
use qlik_api::rows::{SentRow, pair};
use qlik_api::wire::licenses::RowAnswer;
use storage::{JournalRow, RowResult};

use super::super::Sent;
use super::map;
use request::{Outcome, Request, gathered, request};
pub(super) use request::{advice, travels_together};

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
pub(super) async fn rows(
    client: &Client,
    credential: &Credential,
    leave: Reserved<'_>,
    rows: &[JournalRow],
    now: &Inventory,
) -> Sent {
    let Some(first) = rows.first() else { return Sent { results: Vec::new(), failed: None } };
    if travels_together(&first.change) {
        return licenses(client, credential, leave, rows).await;
    }
    match single(client, credential, leave, first, now).await {
        Ok(result) => Sent { results: vec![result], failed: None },
        Err(error) => whole(rows, error),
    }
}

/// A request that failed as a whole: what that means for its rows.
pub(super) fn whole(rows: &[JournalRow], error: CallError) -> Sent {
    let one = rows.len() == 1;
    let licenses = rows.first().is_some_and(|row| travels_together(&row.change));
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
        (_, Effect::None) => without_answer(row, RowState::Planned, "Not sent: the tenant didn't accept it."),
        (_, Effect::Unknown) => without_answer(row, RowState::Unknown, "No response from Qlik."),
    };
    let results: Vec<RowResult> = rows.iter().map(verdict).collect();
    // Where every row has its answer, the request did not fail: it was refused.
    let settled = results.iter().all(|result| result.state == RowState::Refused);
    Sent { results, failed: (!settled).then(|| map::fault(error)) }
}

/// What the answers to the rows of a change come to. Where they differ, only a reading can tell.
fn of_row(row: &JournalRow, outcome: Outcome, answers: impl Iterator<Item = Option<RowAnswer>>) -> RowResult {
    let mut results = answers.map(|answer| match answer {
        None => without_answer(row, RowState::Unknown, "Qlik's response doesn't say what happened to this row."),
        Some(answer) => {
            let answer = Answer {
                status: u16::try_from(answer.status).unwrap_or(0),
                code: answer.code.unwrap_or_default(),
                title: answer.title.unwrap_or_default(),
            };
            result(row, outcome(&answer), answer, "")
        }
    });
    let Some(first) = results.next() else { return without_answer(row, RowState::Already, "Nothing to move.") };
    if results.any(|other| other.state != first.state) {
        return without_answer(row, RowState::Unknown, "Qlik applied only part of this row.");
    }
    first
}

async fn licenses(client: &Client, credential: &Credential, leave: Reserved<'_>, rows: &[JournalRow]) -> Sent {
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
                tracing::warn!(surplus = paired.surplus, "Qlik's response has rows that were not sent");
            }
            let mut answers = paired.answers.into_iter();
            let of = |(row, (taken, outcome))| of_row(row, outcome, answers.by_ref().take(taken));
            Sent { results: rows.iter().zip(answered).map(of).collect(), failed: None }
        }
    }
}

/// Writes what travels alone; what it touches is like `now`.
async fn single(
    client: &Client,
    credential: &Credential,
    leave: Reserved<'_>,
    row: &JournalRow,
    now: &Inventory,
) -> Result<RowResult, CallError> {
    let request = request(&row.change, now);
    let outcome = request.outcome();
    let mut made = None;
    let status = match request {
        Request::CreateGroup(group) => {
            let group = client.create_group(credential, leave, &group).await?;
            made = (!group.id.is_empty()).then_some(Made { id: group.id });
            201
        }
        Request::DeleteGroup(group) => match client.delete_group(credential, leave, &group).await {
            Ok(()) => 204,
            Err(CallError::Api(error)) if error.status == 404 => {
                let answer = Answer { status: 404, code: error.code().to_owned(), title: error.title() };
                let state = outcome(&answer);
                return Ok(result(row, state, answer, error.trace_id.as_deref().unwrap_or_default()));
            }
            Err(error) => return Err(error),
        },
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
            return Ok(without_answer(row, RowState::Unknown, "Unsupported change."));
        }
    };
    let done = result(row, RowState::Done, Answer { status, code: String::new(), title: String::new() }, "");
    Ok(RowResult { made, ..done })
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::change::Kind;

    use crate::testing::rows;

    #[test]
    fn a_lost_answer_makes_rows_unknown_and_a_broken_connection_attempt_does_not() {
        let rows = rows(&[Kind::Assign, Kind::Assign]);
        let states = |error| whole(&rows, error).results.iter().map(|result| result.state).collect::<Vec<_>>();
        assert_eq!(states(CallError::Broken(String::new())), [RowState::Unknown; 2]);
        assert_eq!(states(CallError::Connect(String::new())), [RowState::Planned; 2]);
    }
}
