//! The rows of a job: which of them are sent next, what becomes of a request, and what a reading says of those that nobody knows.

use std::pin::pin;
use std::sync::PoisonError;

use domain::inventory::Inventory;
use domain::journal::{RowState, settle as settled_as};
use domain::projection::Projection;
use domain::touch::Touches;
use qlik_api::client::{CallError, Credential, Reserved, Urgency};
use storage::{JobState, JournalRow, NewAudit, RowResult, StoreError};
use tokio::time::Instant;

use super::super::send::{self, BatchEnd, Batcher, Look};
use super::{ALONE, CHUNK, COMMAND, Failure, Next, Run};
use crate::server::inventory::read_again;

impl Run<'_> {
    /// One reading of the tenant settles every row whose effect is not known.
    pub(super) async fn settle_unknown(&mut self, credential: &Credential) -> Result<Next, StoreError> {
        loop {
            let rows = self.state.store.journal(&self.job.id, &[RowState::Unknown, RowState::Sent], 0, i64::MAX).await?;
            if rows.is_empty() {
                return self.heed().await;
            }
            self.wait_out().await?;
            let touches: Touches = rows.iter().map(|row| row.change.touches()).collect();
            let (client, elsewhere) = (self.tenant.client.clone(), self.tenant.elsewhere);
            let failure = match self.holding(read_again(&client, credential, Urgency::Job, elsewhere, &touches)).await? {
                Ok(inventory) => match not_whole(&inventory, &rows) {
                    None => {
                        self.settle_by(&rows, &inventory).await?;
                        return self.heed().await;
                    }
                    Some(why) => Failure { why, status: None },
                },
                Err(error) => Failure::from(&error),
            };
            if self.trouble(&failure).await? == Next::Stop {
                return Ok(Next::Stop);
            }
        }
    }

    async fn settle_by(&mut self, rows: &[JournalRow], inventory: &Inventory) -> Result<(), StoreError> {
        let now = Projection::of(inventory);
        let results: Vec<RowResult> = rows
            .iter()
            .map(|row| {
                let state = settled_as(row.change.compare(&now));
                let title = match state {
                    RowState::Done => "Qlik's answer was lost; a reading shows that it is done.",
                    RowState::Planned => "Qlik's answer was lost; a reading shows that it was not done.",
                    _ => "Qlik's answer was lost, and a reading shows that somebody else changed it.",
                };
                RowResult {
                    seq: row.seq,
                    state,
                    status: 0,
                    code: String::new(),
                    title: title.to_owned(),
                    trace: String::new(),
                    made: None,
                }
            })
            .collect();
        self.write_down(rows, results).await
    }

    /// What is to be sent next, in order. Rows that spoil requests come last, alone, once more; then they are refused.
    async fn planned(&mut self) -> Result<Vec<JournalRow>, StoreError> {
        loop {
            let most = i64::try_from(CHUNK + self.aside.len()).unwrap_or(i64::MAX);
            let all = self.state.store.journal(&self.job.id, &[RowState::Planned], 0, most).await?;
            let (aside, rows): (Vec<_>, Vec<_>) = all.into_iter().partition(|row| self.aside.contains(&row.seq));
            if !rows.is_empty() || aside.is_empty() {
                return Ok(rows);
            }
            if !self.went_through {
                // Nothing else goes through either: it is not these rows.
                self.aside.clear();
                return Ok(aside);
            }
            let (over, rows): (Vec<_>, Vec<_>) = aside.into_iter().partition(|row| self.tried_last.contains(&row.seq));
            if over.is_empty() {
                self.tried_last.extend(rows.first().map(|row| row.seq));
                return Ok(rows.into_iter().take(1).collect());
            }
            let result = |row: &JournalRow| RowResult {
                seq: row.seq,
                state: RowState::Refused,
                status: row.status,
                code: row.code.clone(),
                title: format!(
                    "Qlik failed on this row {} times, alone in its request; others went through. It was not done.",
                    ALONE + 1
                ),
                trace: row.trace.clone(),
                made: None,
            };
            self.write_down(&over, over.iter().map(result).collect()).await?;
        }
    }

    /// Waits for leave to send, as long as the job is to go on.
    async fn leave<'c>(
        &self,
        client: &'c qlik_api::client::Client,
        credential: &Credential,
    ) -> Result<Result<Reserved<'c>, Option<CallError>>, StoreError> {
        let mut reserving = pin!(client.reserve(credential));
        loop {
            tokio::select! {
                reserved = &mut reserving => return Ok(reserved.map_err(Some)),
                () = tokio::time::sleep(COMMAND * 2) => {
                    if self.closing() || !matches!(self.asked().await?, JobState::Running | JobState::Queued) {
                        return Ok(Err(None));
                    }
                }
            }
        }
    }

    /// Sends what is planned, in order, until nothing is left or the effect of something is not known: later rows may need
    /// the seats that it frees.
    pub(super) async fn send_planned(&mut self, credential: &Credential, batcher: &mut Batcher) -> Result<Next, StoreError> {
        let client = self.tenant.client.clone();
        loop {
            let rows = self.planned().await?;
            if rows.is_empty() {
                return Ok(Next::On);
            }
            let mut at = 0;
            while let Some(batch) = batcher.take(&rows, &mut at, &self.singly) {
                if self.heed().await? == Next::Stop {
                    return Ok(Next::Stop);
                }
                if self.turn_is_over().await? {
                    return Ok(Next::Stop);
                }
                // A group or a setting is read right before it is written.
                let found = match self.holding(send::look(&client, credential, batch)).await? {
                    Ok(Look::Ready(found)) => found,
                    Ok(Look::Settled(result)) => {
                        self.write_down(batch, vec![result]).await?;
                        continue;
                    }
                    Err(error) => {
                        self.note_alone(batch);
                        if self.trouble(&Failure::from(&error)).await? == Next::Stop {
                            return Ok(Next::Stop);
                        }
                        break;
                    }
                };
                let reserved = match self.leave(&client, credential).await? {
                    Ok(reserved) => reserved,
                    // Asked to stop while it waited.
                    Err(None) => break,
                    Err(Some(error)) => {
                        if self.trouble(&Failure::from(&error)).await? == Next::Stop {
                            return Ok(Next::Stop);
                        }
                        break;
                    }
                };
                self.requests += 1;
                let seqs: Vec<i64> = batch.iter().map(|row| row.seq).collect();
                // Only now, with the leave in hand, is it written down that the rows leave; and by then they are gone or never will be.
                let (now, leave_by) = (self.state.clock.now_ms(), Instant::now() + client.deadline());
                self.sent.lock().unwrap_or_else(PoisonError::into_inner).insert(now);
                self.state.store.mark_sent(&self.claim, &seqs, now).await?;
                let sending = tokio::time::timeout_at(leave_by, send::batch(&client, credential, reserved, batch, &found));
                let BatchEnd { results, failed } =
                    self.holding(sending).await?.unwrap_or_else(|_| send::timed_out(batch, client.deadline()));
                let unclear: Vec<i64> =
                    results.iter().filter(|result| result.state == RowState::Unknown).map(|result| result.seq).collect();
                self.write_down(batch, results).await?;
                let next = match failed {
                    None if unclear.is_empty() => {
                        self.passed().await?;
                        batcher.grow(batch.len());
                        continue;
                    }
                    // Some rows have no answer: whatever the others came to, these go alone from now on.
                    None => {
                        let answered = unclear.len() < batch.len();
                        self.singly.extend(&unclear);
                        self.note_alone(batch);
                        if answered {
                            self.passed().await?;
                            Next::On
                        } else {
                            let why = "Qlik's answer does not say what became of the rows.".to_owned();
                            self.trouble(&Failure { why, status: None }).await?
                        }
                    }
                    Some(error) => {
                        let smaller = batcher.shrink(&error, batch.len());
                        self.state.store.keep_batch(&self.claim, batcher.size(), batcher.most()).await?;
                        if smaller && matches!(error.status(), Some(400 | 413)) {
                            // One row, or their number, spoils the request for the others: smaller ones find out which.
                            Next::On
                        } else {
                            self.note_alone(batch);
                            self.trouble(&Failure::from(&error)).await?
                        }
                    }
                };
                if next == Next::Stop || !unclear.is_empty() {
                    return Ok(next);
                }
                // Rows may be planned again: take them in order.
                break;
            }
        }
    }

    /// Counts a failure of a row that was alone in its request. One that fails again and again is set aside.
    fn note_alone(&mut self, batch: &[JournalRow]) {
        let [row] = batch else { return };
        let times = self.alone.entry(row.seq).or_default();
        *times += 1;
        if *times >= ALONE && self.aside.insert(row.seq) && self.aside.len() == 1 {
            self.went_through = false;
        }
    }

    /// Journal and audit, in one go.
    pub(super) async fn write_down(&self, rows: &[JournalRow], results: Vec<RowResult>) -> Result<(), StoreError> {
        let now = self.state.clock.now_ms();
        let audit: Vec<NewAudit> = results
            .iter()
            .filter(|result| result.state != RowState::Planned)
            .filter_map(|result| {
                let row = rows.iter().find(|row| row.seq == result.seq)?;
                let said = [result.status.to_string(), result.code.clone(), result.title.clone(), result.trace.clone()];
                Some(NewAudit {
                    tenant: self.job.tenant.clone(),
                    at: now,
                    actor: self.job.author.clone(),
                    action: row.change.kind().verb().to_owned(),
                    target: row.change.target(),
                    touches: row.change.touches(),
                    job: self.job.id.clone(),
                    outcome: result.state.as_str().to_owned(),
                    detail: said.into_iter().filter(|part| !part.is_empty() && part != "0").collect::<Vec<_>>().join(" "),
                })
            })
            .collect();
        self.holding(self.state.store.settle(&self.claim, &results, now, &audit)).await??;
        self.tell();
        Ok(())
    }
}

/// Why a reading settles nothing: what is not on a list that ended early may be there all the same.
fn not_whole(inventory: &Inventory, rows: &[JournalRow]) -> Option<String> {
    let licenses = rows.iter().any(|row| row.change.touches().licenses());
    (licenses && !inventory.coverage.licenses.is_whole())
        .then(|| format!("The tenant could not be read whole. {}", inventory.coverage.sentences().join(" ")))
}
