//! The rows of a job: which of them are sent next, what becomes of a request, and what a reading says of those that nobody knows.

use std::pin::pin;
use std::sync::PoisonError;

use domain::change::{Comparison, Made};
use domain::inventory::{Group, Inventory};
use domain::journal::{RowState, settle as settled_as};
use domain::projection::Projection;
use domain::touch::Touches;
use storage::{JobState, JournalRow, NewAudit, RowResult, StoreError};
use tokio::time::Instant;
use trail::Qlik;

use super::super::batcher::Batcher;
use super::super::writer::Writer;
use super::ahead::Ahead;
use super::{ALONE, CHUNK, COMMAND, Failure, Next, Run};
use crate::backend::{Backend, Permit, Reader, Sent, Urgency};
use crate::clock::iso;
use crate::fault::Fault;

impl Run<'_> {
    /// One reading of the tenant settles every row whose effect is not known.
    pub(super) async fn settle_unknown(&mut self, writer: &Writer) -> Result<Next, StoreError> {
        loop {
            let rows = self.engine.store.journal(&self.job.id, &[RowState::Unknown, RowState::Sent], 0, i64::MAX).await?;
            if rows.is_empty() {
                return self.check_command().await;
            }
            if self.hold_key().await? == Next::Stop {
                return Ok(Next::Stop);
            }
            self.await_deadline().await?;
            let touches: Touches = rows.iter().map(|row| row.change.touches()).collect();
            let tenant = self.tenant.clone();
            let reader = Reader { key: writer.key(), urgency: Urgency::Job };
            let failure = match self.holding(tenant.backend.read(&reader, &touches)).await? {
                Ok(inventory) => match not_whole(&inventory, &rows) {
                    None if self.settle_by(&rows, &inventory, writer.key().user()).await? => return self.check_command().await,
                    // The loop goes round with a wait, until the key sees it or somebody cancels.
                    None => Failure { why: "The key cannot see whether it was done.".to_owned(), status: None },
                    Some(why) => Failure { why, status: None },
                },
                Err(error) => Failure::from(&error),
            };
            if self.trouble(&failure).await? == Next::Stop {
                return Ok(Next::Stop);
            }
        }
    }

    /// Settles what a reading tells of; says whether that is all of it. What may not be seen stays unknown.
    ///
    /// What was to be made may have been made by somebody else, just the same: then it is not the job's, and undoing the job leaves it.
    async fn settle_by(&mut self, rows: &[JournalRow], inventory: &Inventory, user: &str) -> Result<bool, StoreError> {
        let now = Projection::of(inventory);
        let began = iso(self.job.created_at - CLOCKS_APART_MS);
        let is_ours = |group: &Group| {
            let by = group.created_by.as_str();
            (by.is_empty() || by == user || by == self.job.qlik_user) && group.created >= began
        };
        let results: Vec<RowResult> = rows
            .iter()
            .map(|row| {
                let mut state = settled_as(row.change.compare(&now));
                let found = row.change.found(&now).filter(|_| state == RowState::Done);
                if found.is_some_and(|group| !is_ours(group)) {
                    state = RowState::Already;
                }
                let title = match state {
                    RowState::Already => "No response from Qlik; someone else created it just the same.",
                    RowState::Done => "No response from Qlik; verified as done.",
                    RowState::Planned => "No response from Qlik; verified as not done.",
                    _ => "No response from Qlik; changed by someone else.",
                };
                RowResult {
                    seq: row.seq,
                    state,
                    status: 0,
                    code: String::new(),
                    title: title.to_owned(),
                    trace: String::new(),
                    made: found.filter(|_| state == RowState::Done).map(|group| Made { id: group.id.to_string() }),
                }
            })
            .collect();
        let told: Vec<RowResult> = results.into_iter().filter(|result| result.state != RowState::Unknown).collect();
        let all = told.len() == rows.len();
        if !told.is_empty() {
            self.write_down(rows, told).await?;
        }
        Ok(all)
    }

    /// What is to be sent next, in order. Rows that spoil requests come last, alone, once more; then they are refused.
    async fn planned(&mut self) -> Result<Vec<JournalRow>, StoreError> {
        loop {
            let most = i64::try_from(CHUNK + self.aside.len()).unwrap_or(i64::MAX);
            let all = self.engine.store.journal(&self.job.id, &[RowState::Planned], 0, most).await?;
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
                title: format!("Qlik failed on this row {} times while others went through. It was not done.", ALONE + 1),
                trace: row.trace.clone(),
                made: None,
            };
            self.write_down(&over, over.iter().map(result).collect()).await?;
        }
    }

    /// Waits for leave to send, as long as the job is to go on.
    async fn leave<'b>(&self, backend: &'b Backend, writer: &Writer) -> Result<Result<Permit<'b>, Option<Fault>>, StoreError> {
        let mut reserving = pin!(backend.reserve(writer));
        loop {
            tokio::select! {
                reserved = &mut reserving => return Ok(reserved.map_err(Some)),
                () = tokio::time::sleep(COMMAND * 2) => {
                    if self.closing() || !matches!(self.renew().await?, JobState::Running | JobState::Queued) {
                        return Ok(Err(None));
                    }
                }
            }
        }
    }

    /// Sends what is planned, in order, until nothing is left or the effect of something is not known: later rows may need
    /// the seats that it frees.
    pub(super) async fn send_planned(&mut self, writer: &Writer, batcher: &mut Batcher) -> Result<Next, StoreError> {
        let tenant = self.tenant.clone();
        let backend = &tenant.backend;
        loop {
            let rows = self.planned().await?;
            if rows.is_empty() {
                return Ok(Next::On);
            }
            let mut at = 0;
            while let Some(batch) = batcher.take(backend, &rows, &mut at, &self.singly) {
                if self.check_command().await? == Next::Stop || self.hold_key().await? == Next::Stop {
                    return Ok(Next::Stop);
                }
                if self.turn_is_over().await? {
                    return Ok(Next::Stop);
                }
                // A group or a setting is read right before it is written, with those behind it.
                let behind = rows.get(at..).unwrap_or_default();
                let looked_at = Instant::now();
                let mut found = match self.looked(backend, writer, batch, behind).await? {
                    Looked::Ready(found) => found,
                    Looked::Settled => continue,
                    Looked::Failed => break,
                    Looked::Stop => return Ok(Next::Stop),
                };
                let reserved = match self.leave(backend, writer).await? {
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
                // Whoever waited long for leave looks again: somebody else may have written meanwhile.
                if looked_at.elapsed() > Ahead::still_so(behind.len()) || !self.ahead.is_fresh(batch, behind.len()) {
                    found = match self.looked(backend, writer, batch, behind).await? {
                        Looked::Ready(found) => found,
                        Looked::Settled => continue,
                        Looked::Failed => break,
                        Looked::Stop => return Ok(Next::Stop),
                    };
                }
                self.ahead.forget(batch);
                self.requests += 1;
                let seqs: Vec<i64> = batch.iter().map(|row| row.seq).collect();
                // Only now, with the leave in hand, is it written down that the rows leave; and by then they are gone or never will be.
                let (now, leave_by) = (self.engine.clock.now_ms(), Instant::now() + backend.deadline());
                self.sent.lock().unwrap_or_else(PoisonError::into_inner).insert(now);
                self.engine.store.mark_sent(&self.claim, &seqs, now).await?;
                let sending = tokio::time::timeout_at(leave_by, backend.send(writer, reserved, batch, &found));
                let Sent { results, failed } = self.holding(sending).await?.unwrap_or_else(|_| backend.timed_out(batch));
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
                            let why = "Qlik's response doesn't say what happened to the rows.".to_owned();
                            self.trouble(&Failure { why, status: None }).await?
                        }
                    }
                    Some(error) => {
                        let smaller = batcher.shrink(&error, batch.len());
                        self.engine.store.keep_batch(&self.claim, batcher.size(), batcher.most()).await?;
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

    /// Reads what a batch touches, where it has to be read right before it is written, and settles it where there is nothing to send.
    async fn looked(
        &mut self,
        backend: &Backend,
        writer: &Writer,
        batch: &[JournalRow],
        behind: &[JournalRow],
    ) -> Result<Looked, StoreError> {
        let mut ahead = std::mem::take(&mut self.ahead);
        let look = self.holding(look(&mut ahead, backend, writer, batch, behind)).await;
        self.ahead = ahead;
        Ok(match look? {
            Ok(Look::Ready(found)) => Looked::Ready(found),
            Ok(Look::Settled(result)) => {
                self.write_down(batch, vec![result]).await?;
                Looked::Settled
            }
            Err(fault) => {
                self.note_alone(batch);
                if self.trouble(&Failure::from(&fault)).await? == Next::Stop { Looked::Stop } else { Looked::Failed }
            }
        })
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
        let now = self.engine.clock.now_ms();
        let audit: Vec<NewAudit> = results
            .iter()
            .filter(|result| result.state != RowState::Planned)
            .filter_map(|result| {
                let row = rows.iter().find(|row| row.seq == result.seq)?;
                Some(NewAudit {
                    tenant: self.job.tenant.clone(),
                    at: now,
                    actor: self.acting.as_ref().unwrap_or(&self.job.author).clone(),
                    behalf: self.acting.as_ref().map(|_| self.job.author.words.clone()).unwrap_or_default(),
                    plan: self.job.plan.clone(),
                    job: self.job.id.clone(),
                    row: Some(row.seq),
                    qlik: Qlik { status: result.status, code: result.code.clone(), trace: result.trace.clone() },
                    outcome: result.state.as_str().to_owned(),
                    reason: result.title.clone(),
                    ..NewAudit::of(&row.change)
                })
            })
            .collect();
        self.holding(self.engine.store.settle(&self.claim, &results, now, &audit)).await??;
        self.notify();
        Ok(())
    }
}

/// Why a reading settles nothing: what is not on a list that ended early may be there all the same.
fn not_whole(inventory: &Inventory, rows: &[JournalRow]) -> Option<String> {
    let licenses = rows.iter().any(|row| row.change.touches().licenses());
    (licenses && !inventory.coverage.licenses.is_whole())
        .then(|| format!("The tenant could not be loaded completely. {}", inventory.coverage.sentences().join(" ")))
}

/// Qlik's clock and ours may be this far apart, in milliseconds.
const CLOCKS_APART_MS: i64 = 2 * 60 * 1_000;

/// What became of a look at what rows touch.
enum Looked {
    /// They can be sent; what they touch is like this.
    Ready(Box<Inventory>),
    /// There was nothing to send, and that is written down.
    Settled,
    /// It failed, and was waited for.
    Failed,
    /// The job stops.
    Stop,
}

/// Whether rows can be sent as they are.
#[derive(Debug)]
enum Look {
    /// They can; what they touch is like this now, where that was read.
    Ready(Box<Inventory>),
    /// There is nothing to send.
    Settled(RowResult),
}

/// A group or a setting is read right before it is written, since there is no ETag to help, and written only where nobody else
/// wrote. Licenses need no look: Qlik answers them row by row.
async fn look(
    ahead: &mut Ahead,
    backend: &Backend,
    writer: &Writer,
    rows: &[JournalRow],
    behind: &[JournalRow],
) -> Result<Look, Fault> {
    let [row] = rows else { return Ok(Look::Ready(Box::default())) };
    let touches = row.change.touches();
    if touches.licenses() {
        return Ok(Look::Ready(Box::default()));
    }
    let reader = Reader { key: writer.key(), urgency: Urgency::Job };
    let now = ahead.look(backend, &reader, row, behind).await?;
    let settled = |state, status, title: &str| {
        Look::Settled(RowResult {
            seq: row.seq,
            state,
            status,
            code: String::new(),
            title: title.to_owned(),
            trace: String::new(),
            made: None,
        })
    };
    let comparison = row.change.compare(&Projection::of(&now));
    if comparison != Comparison::Applied && touches.groups().any(|group| now.group(group).is_none()) {
        return Ok(settled(RowState::Refused, 404, "The group no longer exists."));
    }
    Ok(match comparison {
        Comparison::Unchanged => Look::Ready(Box::new(now)),
        Comparison::Applied => settled(RowState::Already, 0, "No change needed."),
        Comparison::Diverged => settled(RowState::Conflict, 0, "Changed by someone else after the plan was created."),
        Comparison::NotVisible => {
            settled(RowState::Refused, 0, "The key cannot see the group's roles, so they were not replaced.")
        }
    })
}
