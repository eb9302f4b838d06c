//! Finds what was changed in a trail: record by record against the chain, the columns beside them, the checkpoints, and the end that was
//! vouched for.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use crate::chain::Hash;
use crate::checkpoint::{Checkpoint, Signed};
use crate::key::PublicKey;
use crate::record::Record;

/// Faults that are listed one by one; the others are counted.
const LISTED: usize = 10_000;
/// The action of the record that says that the end of the trail had not been written by the audit key.
pub const BROKEN: &str = "chain.broken";
/// The action of the record that names the next audit key.
pub const KEY_ROTATED: &str = "audit.key_rotated";

/// What is wrong with a place of the trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FaultKind {
    /// The record says something else than it did.
    Changed,
    /// There is no record.
    Missing,
    /// There is a record too many.
    Inserted,
    /// The record belongs elsewhere.
    Reordered,
    /// What came from here on is gone, or the end was not vouched for.
    Truncated,
    /// A column beside the record says something else.
    Column,
    /// A checkpoint is not signed, or says something else.
    Checkpoint,
}

impl FaultKind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::Inserted => "inserted",
            Self::Reordered => "reordered",
            Self::Truncated => "truncated",
            Self::Column => "column",
            Self::Checkpoint => "checkpoint",
        }
    }
}

/// Something wrong, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Fault {
    /// At which place.
    pub seq: i64,
    /// What.
    pub kind: FaultKind,
}

/// What was found of one tenant's trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Which tenant; empty for the portal's own trail.
    pub tenant: String,
    /// Records read.
    pub records: u64,
    /// Checkpoints read.
    pub checkpoints: u64,
    /// The hash of the last record, in small hex; empty where there is none.
    pub head: String,
    /// What is wrong, by place; at most 10,000.
    pub faults: Vec<Fault>,
    /// Faults beyond those.
    #[serde(skip)]
    pub more: u64,
}

/// The columns that a record is found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    /// When.
    pub at: i64,
    /// Who, by name.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// To what, in words.
    pub target: String,
    /// In which job.
    pub job: String,
    /// What came of it.
    pub outcome: String,
}

impl Beside {
    /// What they must say of a record.
    pub fn of(record: &Record) -> Self {
        Self {
            at: record.at,
            actor: record.actor.name.clone(),
            action: record.action.clone(),
            target: record.target.words().to_owned(),
            job: record.job.clone(),
            outcome: record.outcome.clone(),
        }
    }

    /// As one text, which is how they are compared: of each record there are many, and of a text there is one.
    pub fn joined(&self) -> String {
        let Self { at, actor, action, target, job, outcome } = self;
        joined(*at, [actor, action, target, job, outcome])
    }
}

/// Between the columns of [`Beside::joined`].
pub const SEPARATOR: char = '\u{1f}';

fn joined(at: i64, columns: [&str; 5]) -> String {
    let mut text = at.to_string();
    for column in columns {
        text.push(SEPARATOR);
        text.push_str(column);
    }
    text
}

/// A record as it is stored.
#[derive(Debug, Clone)]
pub struct Row {
    /// At which place; nothing where only the record says it.
    pub seq: Option<i64>,
    /// Its canonical text.
    pub text: String,
    /// Its hash; nothing where it is none.
    pub hash: Option<Hash>,
    /// The columns beside it ([`Beside::joined`]); empty where they are missing, and nothing where none are expected.
    pub beside: Option<String>,
}

/// The end of a trail as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The last place.
    pub seq: i64,
    /// The hash there; nothing where it is none.
    pub hash: Option<Hash>,
    /// How many checkpoints were signed, and the hash of the last one, if any; nothing where the end was written before ends said it.
    pub signed: Option<(i64, Option<Hash>)>,
    /// This key is at hand, and vouched for it or did not.
    pub vouched: Option<(PublicKey, bool)>,
}

/// How a trail ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As a store has it; nothing where it has no end for a trail with records.
    Stored(Option<Head>),
    /// As a file has it: whether its last line is the checkpoint that says so.
    File {
        /// It is.
        closed: bool,
    },
}

/// What a thread finds out of a row by itself.
struct Looked {
    seq: Option<i64>,
    ours: bool,
    /// It is the tenant's, and says that it belongs elsewhere.
    moved: bool,
    hash: Option<Hash>,
    /// The hash it has after the row before it.
    after_previous: Option<Hash>,
    beside: bool,
    broken: bool,
    next_key: Option<PublicKey>,
}

/// Checks one tenant's trail, rows in the order of their places.
#[derive(Debug)]
pub struct Verifier {
    tenant: String,
    /// By place, in order; those of the trail itself.
    own: Vec<Signed>,
    /// What checkpoints say of a place: the trail's own and those kept elsewhere.
    wanted: HashMap<i64, Vec<Hash>>,
    trusted: Option<PublicKey>,
    expected: i64,
    last: Option<Hash>,
    /// The row before was as it should be.
    sound: bool,
    /// The trusted key vouched for the end.
    shown: bool,
    keys: HashMap<PublicKey, i64>,
    records: u64,
    faults: BTreeSet<Fault>,
    more: u64,
}

impl Verifier {
    /// For a tenant's trail with its own checkpoints by place, and those that were kept elsewhere. Without a `trusted` key the
    /// checkpoints only have to agree with each other.
    pub fn new(tenant: &str, own: Vec<Signed>, elsewhere: &[Signed], trusted: Option<PublicKey>) -> Self {
        let mut verifier = Self {
            tenant: tenant.to_owned(),
            wanted: HashMap::new(),
            trusted,
            expected: 1,
            last: Some(Hash::genesis(tenant)),
            sound: true,
            shown: false,
            keys: HashMap::new(),
            records: 0,
            faults: BTreeSet::new(),
            more: 0,
            own,
        };
        let elsewhere = elsewhere.iter().filter(|signed| signed.checkpoint.tenant == tenant);
        for signed in verifier.own.clone().iter().chain(elsewhere) {
            let seq = signed.checkpoint.seq;
            match Hash::parse(&signed.checkpoint.hash) {
                Some(hash) if signed.is_signed() && signed.checkpoint.tenant == tenant && signed.checkpoint.v == 1 => {
                    verifier.wanted.entry(seq).or_default().push(hash);
                }
                _ => verifier.fault(seq, FaultKind::Checkpoint),
            }
        }
        verifier
    }

    /// Checks a checkpoint that stands among the rows, behind the record that it is about.
    pub fn checkpoint(&mut self, signed: Signed) {
        let Checkpoint { seq, hash, tenant, v, .. } = &signed.checkpoint;
        let here = *seq == self.expected - 1 && Hash::parse(hash) == self.last;
        if !here || *v != 1 || *tenant != self.tenant || !signed.is_signed() {
            self.fault(*seq, FaultKind::Checkpoint);
        }
        self.own.push(signed);
    }

    /// Checks a checkpoint that was signed while the rows were being read: of a place that was taken already, where the hash is this one.
    pub fn later(&mut self, signed: Signed, hash: Option<Hash>) {
        let Checkpoint { seq, tenant, v, .. } = &signed.checkpoint;
        let is_of = hash.is_some() && Hash::parse(&signed.checkpoint.hash) == hash;
        if !is_of || *v != 1 || *tenant != self.tenant || !signed.is_signed() {
            self.fault(*seq, FaultKind::Checkpoint);
        }
        self.own.push(signed);
    }

    /// The columns beside a record or checkpoint say something else, or there is none that they are beside.
    pub fn beside(&mut self, seq: i64, kind: FaultKind) {
        let told = self.faults.range(Fault { seq, kind: FaultKind::Changed }..=Fault { seq, kind: FaultKind::Checkpoint });
        if told.count() == 0 {
            self.fault(seq, kind);
        }
    }

    fn fault(&mut self, seq: i64, kind: FaultKind) {
        if self.faults.len() < LISTED {
            self.faults.insert(Fault { seq, kind });
        } else {
            self.more += 1;
        }
    }

    /// The same fault at every place of a range: those that are listed one by one, and the others counted.
    fn faults_in(&mut self, first: i64, last: i64, kind: FaultKind) {
        for seq in first..=last {
            if self.faults.len() >= LISTED {
                self.more = self.more.saturating_add(last.abs_diff(seq).saturating_add(1));
                return;
            }
            self.faults.insert(Fault { seq, kind });
        }
    }

    /// Checks the next rows.
    pub fn rows(&mut self, rows: &[Row]) {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let each = rows.len().div_ceil(threads).max(1_000);
        let (tenant, before) = (self.tenant.as_str(), self.last);
        let looked: Vec<Vec<Looked>> = std::thread::scope(|scope| {
            let work: Vec<_> = (0..rows.len())
                .step_by(each)
                .map(|first| {
                    let previous = first.checked_sub(1).map_or(before, |at| rows.get(at).and_then(|row| row.hash));
                    let rows = rows.get(first..rows.len().min(first + each)).unwrap_or_default();
                    scope.spawn(move || look(tenant, previous, rows))
                })
                .collect();
            work.into_iter().map(|thread| thread.join().unwrap_or_default()).collect()
        });
        for looked in looked.into_iter().flatten() {
            self.take(looked);
        }
    }

    fn take(&mut self, row: Looked) {
        self.records += 1;
        let seq = row.seq.unwrap_or(self.expected);
        if seq < self.expected {
            // No place is below the first.
            let is_inserted = seq < 1 || seq + 1 == self.expected;
            self.fault(seq, if is_inserted { FaultKind::Inserted } else { FaultKind::Reordered });
            self.sound = false;
            return;
        }
        let follows = seq == self.expected;
        self.faults_in(self.expected, seq - 1, FaultKind::Missing);
        let before = self.faults.len();
        let torn = follows && self.sound && row.after_previous != row.hash;
        if row.moved {
            self.fault(seq, FaultKind::Reordered);
        } else if row.seq.is_none() || !row.ours || row.hash.is_none() || torn {
            self.fault(seq, FaultKind::Changed);
        }
        if !row.beside {
            self.fault(seq, FaultKind::Column);
        }
        if row.broken {
            self.fault(seq, FaultKind::Truncated);
        }
        if let Some(wanted) = self.wanted.remove(&seq)
            && wanted.iter().any(|wanted| Some(*wanted) != row.hash)
        {
            self.fault(seq, FaultKind::Checkpoint);
        }
        if let Some(key) = row.next_key {
            self.keys.entry(key).or_insert(seq);
        }
        // Behind a record that is not as it was, its own hash may be another, and the next one is not to blame.
        self.sound = self.faults.len() == before || row.after_previous == row.hash;
        self.last = row.hash;
        self.expected = seq.saturating_add(1);
    }

    /// Compares the end, and tells what was found.
    pub fn finish(mut self, end: End) -> Report {
        let last = self.expected - 1;
        match end {
            End::Stored(None) if self.records > 0 => self.fault(last + 1, FaultKind::Truncated),
            End::Stored(None) | End::File { closed: true } => {}
            End::File { closed: false } => self.fault(last + 1, FaultKind::Truncated),
            End::Stored(Some(head)) => {
                if head.seq > last {
                    self.fault(last + 1, FaultKind::Truncated);
                }
                if head.seq < last {
                    self.faults_in(head.seq.max(0) + 1, last, FaultKind::Inserted);
                }
                if head.seq == last && head.hash != self.last {
                    self.fault(last, FaultKind::Changed);
                }
                let last_signed = self.own.last().map(Signed::hash);
                match head.vouched {
                    Some((_, false)) => self.fault(head.seq, FaultKind::Truncated),
                    // As many checkpoints as were signed, to the last one: none was taken from the end, and none was added.
                    Some((_, true)) if head.signed.is_some_and(|(n, last)| n != whole(self.own.len()) || last != last_signed) => {
                        self.fault(head.seq, FaultKind::Checkpoint);
                    }
                    _ => {}
                }
                // Before its first checkpoint a key shows itself by the end.
                self.shown |= head.vouched.is_some_and(|(key, vouched)| vouched && Some(key) == self.trusted);
            }
        }
        if self.wanted.keys().any(|seq| *seq > last) {
            self.fault(last + 1, FaultKind::Truncated);
        }
        self.check_checkpoints();
        let head = if last > 0 { self.last.map(|hash| hash.to_string()) } else { None };
        Report {
            checkpoints: u64::try_from(self.own.len()).unwrap_or(u64::MAX),
            tenant: self.tenant,
            records: self.records,
            head: head.unwrap_or_default(),
            faults: self.faults.into_iter().collect(),
            more: self.more,
        }
    }

    /// Each names the one before it, and each key was named under the key before it.
    fn check_checkpoints(&mut self) {
        let mut wrong = Vec::new();
        let mut previous: Option<&Signed> = None;
        let mut trusted = self.shown || self.trusted.is_none() || self.own.is_empty();
        for signed in &self.own {
            let names = previous.map_or_else(String::new, |previous| previous.hash().to_string());
            let key = PublicKey::parse(&signed.checkpoint.key);
            let same_key = previous.is_none_or(|previous| {
                let named = key.and_then(|key| self.keys.get(&key));
                previous.checkpoint.key == signed.checkpoint.key || named.is_some_and(|seq| *seq <= previous.checkpoint.seq)
            });
            if signed.checkpoint.previous != names || !same_key {
                wrong.push(signed.checkpoint.seq);
            }
            trusted |= key.is_some() && key == self.trusted;
            previous = Some(signed);
        }
        if !trusted && let Some(last) = self.own.last() {
            wrong.push(last.checkpoint.seq);
        }
        for seq in wrong {
            self.fault(seq, FaultKind::Checkpoint);
        }
    }
}

fn whole(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// What the check needs of a record: as much as can be read of a million of them in no time.
#[derive(Deserialize)]
struct Skimmed<'a> {
    v: i64,
    #[serde(borrow, default)]
    tenant: Cow<'a, str>,
    seq: i64,
    #[serde(default)]
    at: i64,
    #[serde(borrow, default)]
    actor: Named<'a>,
    #[serde(borrow, default)]
    action: Cow<'a, str>,
    #[serde(borrow, default)]
    target: Named<'a>,
    #[serde(borrow, default)]
    job: Cow<'a, str>,
    #[serde(borrow, default)]
    outcome: Cow<'a, str>,
}

#[derive(Default, Deserialize)]
struct Named<'a> {
    #[serde(borrow, default)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    name: Cow<'a, str>,
}

impl Skimmed<'_> {
    fn beside(&self) -> String {
        let target = if self.target.name.is_empty() { &self.target.id } else { &self.target.name };
        joined(self.at, [&self.actor.name, &self.action, target, &self.job, &self.outcome])
    }
}

fn look(tenant: &str, mut previous: Option<Hash>, rows: &[Row]) -> Vec<Looked> {
    rows.iter()
        .map(|row| {
            let record = serde_json::from_str::<Skimmed<'_>>(&row.text).ok().filter(|record| record.v == 1);
            let after_previous = previous.map(|previous| previous.then(&row.text));
            previous = row.hash;
            let is_ours = record.as_ref().is_some_and(|record| record.tenant == tenant);
            let said = record.as_ref().map(|record| record.seq);
            let seq = row.seq.or(said);
            let action = record.as_ref().map_or("", |record| &record.action);
            let next_key = (action == KEY_ROTATED).then(|| Record::read(&row.text)).flatten();
            Looked {
                moved: is_ours && said != seq,
                ours: is_ours && said == seq,
                beside: match (&row.beside, &record) {
                    (Some(beside), Some(record)) => *beside == record.beside(),
                    _ => true,
                },
                broken: action == BROKEN,
                next_key: next_key.and_then(|record| PublicKey::parse(record.after.as_str()?)),
                hash: row.hash,
                after_previous,
                // A line of another tenant stands in somebody's place.
                seq: if !is_ours && record.is_some() && row.seq.is_none() { None } else { seq },
            }
        })
        .collect()
}
