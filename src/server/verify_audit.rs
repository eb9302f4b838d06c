//! `quartermaster verify-audit`: checks trails where they are stored, or one that was taken away as a file, and tells what was changed.

use std::fmt::Write as _;
use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::{StreamExt as _, stream};
use storage::{Store, StoreError};
use trail::verify::End;
use trail::{FaultKind, Key, PublicKey, Report, Signed, Verifier, export};

/// Records of one reading.
const PAGE: i64 = 10_000;
/// Readings under way at once.
const AT_ONCE: usize = 3;
/// Why a configured file of checkpoints that is not there stops the check.
const GONE: &str =
    "audit.checkpoint_file is not there; bring it back, name a copy with --checkpoints, or start the server, which makes it";
/// Faults of a tenant that are told one by one in words.
const TOLD: usize = 100;

/// What is checked, against what.
#[derive(Debug, Default)]
pub struct Asked {
    /// A trail in a file; those of the store where there is none.
    pub file: Option<PathBuf>,
    /// Only this tenant's trail; the portal's own is the empty one.
    pub tenant: Option<String>,
    /// The key that signed the checkpoints, in a file.
    pub public_key: Option<PathBuf>,
    /// Checkpoints that were kept elsewhere, in a file.
    pub checkpoints: Option<PathBuf>,
}

/// Why nothing can be said of a trail.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// A file cannot be read.
    #[error("{0}: {1}")]
    File(PathBuf, String),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such trail.
    #[error("no trail of {} is stored", named(.0))]
    Tenant(String),
}

/// What is needed to read trails where they are stored.
#[derive(Debug)]
pub struct Stored<'a> {
    /// The store's address.
    pub url: &'a str,
    /// The audit key.
    pub key: Arc<Key>,
    /// The configured file of checkpoints, read where none is named.
    pub checkpoint_file: Option<&'a Path>,
    /// The configured tenants.
    pub tenants: Vec<String>,
}

impl Asked {
    /// Checks a file.
    pub fn check_file(&self, file: &Path) -> Result<Vec<Report>, Unread> {
        let opened = std::fs::File::open(file).map_err(|error| Unread::File(file.to_owned(), error.to_string()))?;
        let elsewhere = self.checkpoints.as_deref().map_or(Ok(Vec::new()), read_checkpoints)?;
        let lines = std::io::BufReader::new(opened).lines();
        let report = export::verify(lines, &elsewhere, self.public_key()?)
            .map_err(|error| Unread::File(file.to_owned(), error.to_string()))?;
        match &self.tenant {
            Some(tenant) if *tenant != report.tenant => Err(Unread::File(
                file.to_owned(),
                format!("it is the trail of {}, not of {}", named(&report.tenant), named(tenant)),
            )),
            _ => Ok(vec![report]),
        }
    }

    /// Checks what is stored.
    pub async fn check_store(&self, stored: Stored<'_>) -> Result<Vec<Report>, Unread> {
        let store = Store::open_to_read(stored.url, stored.key.clone()).await?;
        let elsewhere = match (&self.checkpoints, stored.checkpoint_file) {
            (Some(file), _) => read_checkpoints(file)?,
            (None, Some(file)) if file.exists() => read_checkpoints(file)?,
            // The server makes it when it starts: without it, nothing shows that the database was not put back to an earlier state.
            (None, Some(file)) => return Err(Unread::File(file.to_owned(), GONE.to_owned())),
            (None, None) => Vec::new(),
        };
        let trusted = self.public_key()?.unwrap_or_else(|| stored.key.public());
        let mut tenants = store.trails().await?;
        // One of which nothing is left but what was kept elsewhere, or that it is configured; the portal's own, where people signed in.
        tenants.extend(stored.tenants.iter().cloned());
        if store.had_records("").await? {
            tenants.push(String::new());
        }
        tenants.extend(elsewhere.iter().map(|signed| signed.checkpoint.tenant.clone()));
        tenants.sort();
        tenants.dedup();
        if let Some(tenant) = &self.tenant {
            tenants.retain(|known| known == tenant);
            if tenants.is_empty() {
                return Err(Unread::Tenant(tenant.clone()));
            }
        }
        let mut reports = Vec::new();
        for tenant in tenants {
            reports.push(check(&store, &tenant, &elsewhere, trusted).await?);
        }
        store.close().await;
        Ok(reports)
    }

    fn public_key(&self) -> Result<Option<PublicKey>, Unread> {
        let Some(file) = &self.public_key else { return Ok(None) };
        let wrong = |why: String| Unread::File(file.clone(), why);
        let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
        let key = PublicKey::parse(&text);
        key.map(Some).ok_or_else(|| wrong("it does not hold a public key; `quartermaster audit-key` prints one".to_owned()))
    }
}

/// Checkpoints of a file, one a line, as `checkpoint_file` has them.
fn read_checkpoints(file: &Path) -> Result<Vec<Signed>, Unread> {
    let wrong = |why: String| Unread::File(file.to_owned(), why);
    let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    // The last line may have been cut by a crash; the database has that checkpoint whole.
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let mut all = Vec::with_capacity(lines.len());
    for (at, line) in lines.iter().enumerate() {
        match Signed::read(line) {
            Some(signed) => all.push(signed),
            None if at + 1 == lines.len() && !text.ends_with('\n') => {}
            None => return Err(wrong(format!("line {} is not a checkpoint", at + 1))),
        }
    }
    Ok(all)
}

async fn check(store: &Store, tenant: &str, elsewhere: &[Signed], trusted: PublicKey) -> Result<Report, StoreError> {
    // Checkpoints are read before the records they are about, and the end after them: a server may be writing.
    let own = store.checkpoints(tenant, i64::MIN, i64::MAX).await?;
    let known = own.len();
    let mut verifier = Verifier::new(tenant, own, elsewhere, Some(trusted));
    verifier.rows(&store.audit_rows(tenant, i64::MIN, 0, PAGE).await?);
    // As far as there can be records without gaps; what stands further on is read with the end.
    let until = store.audit_count(tenant).await?;
    // Beside the rest: most of that is taking rows apart.
    let odd = {
        let (store, tenant) = (store.clone(), tenant.to_owned());
        tokio::spawn(async move { store.columns_of_another_kind(&tenant, 1_000).await })
    };
    let pages = (0..until).step_by(usize::try_from(PAGE).unwrap_or(usize::MAX));
    let mut pages = stream::iter(pages)
        .map(|after| {
            let (store, tenant) = (store.clone(), tenant.to_owned());
            // Each on a thread of its own: most of the work is taking rows apart.
            tokio::spawn(async move { store.audit_rows(&tenant, after, (after + PAGE).min(until), PAGE).await })
        })
        .buffered(AT_ONCE);
    while let Some(rows) = pages.next().await {
        verifier.rows(&rows.map_err(|_| StoreError::Unreadable("records"))??);
    }
    // What was added meanwhile, and what stands behind the end.
    let end = store.trail_end(tenant, until).await?;
    verifier.rows(&end.rows);
    for (place, kept) in (1_usize..).zip(end.checkpoints) {
        let seq = kept.signed.checkpoint.seq;
        if place > known {
            let row = store.audit_rows(tenant, seq - 1, seq, 1).await?;
            verifier.later(kept.signed, row.first().and_then(|row| row.hash));
        }
        if kept.n != i64::try_from(place).unwrap_or(i64::MAX) || kept.seq != seq {
            verifier.beside(seq, FaultKind::Checkpoint);
        }
    }
    let odd = odd.await.map_err(|_| StoreError::Unreadable("columns"))??;
    for seq in store.columns_without_records(tenant, 1_000).await?.into_iter().chain(odd) {
        verifier.beside(seq, FaultKind::Column);
    }
    if until == 0 && store.had_records(tenant).await? {
        verifier.beside(1, FaultKind::Truncated);
    }
    Ok(verifier.finish(End::Stored(end.head)))
}

/// A tenant in words.
fn named(tenant: &str) -> String {
    if tenant.is_empty() { "the portal".to_owned() } else { format!("“{tenant}”") }
}

/// Whether nothing is wrong anywhere.
pub fn all_intact(reports: &[Report]) -> bool {
    reports.iter().all(|report| report.faults.is_empty())
}

/// A line per tenant, or one per fault.
pub fn in_words(reports: &[Report]) -> String {
    let mut text = String::new();
    for report in reports {
        let name = if report.tenant.is_empty() { "portal" } else { &report.tenant };
        if report.faults.is_empty() {
            let head = report.head.get(..8).unwrap_or("none");
            let records = domain::text::count(whole(report.records), "record", "records");
            let checkpoints = domain::text::count(whole(report.checkpoints), "checkpoint", "checkpoints");
            let _ = writeln!(text, "{name}: {records}, {checkpoints}, head {head}…: intact");
        }
        for fault in report.faults.iter().take(TOLD) {
            let _ = writeln!(text, "{name}: record {} {}", domain::text::thousands(fault.seq), fault.kind.as_str());
        }
        let more = whole(report.more) + i64::try_from(report.faults.len().saturating_sub(TOLD)).unwrap_or(0);
        if more > 0 {
            let _ = writeln!(text, "{name}: and {} more", domain::text::thousands(more));
        }
    }
    text
}

fn whole(n: u64) -> i64 {
    domain::text::whole(n)
}

/// The same for programs.
pub fn in_json(reports: &[Report]) -> String {
    serde_json::to_string_pretty(reports).unwrap_or_default() + "\n"
}
