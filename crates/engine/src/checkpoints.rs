//! Signs where trails end: after a thousand records, a minute, or a job's end, and when the server stops. What was signed goes to the
//! log and, where one is configured, to a file that is kept apart from the database.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use storage::{StoreError, Uncovered};
use trail::Signed;

use crate::Engine;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(1);
/// Records without a checkpoint at most, as far as they come one by one.
const RECORDS: i64 = 1_000;
/// Milliseconds without a checkpoint behind a record.
const AGE_MS: i64 = 60_000;

/// Where checkpoints go besides the database, and which trails want one now.
#[derive(Debug, Default)]
pub struct Checkpoints {
    file: Option<PathBuf>,
    wanted: Mutex<Vec<String>>,
}

/// Why checkpoints cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    /// The database did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file did not.
    #[error("the checkpoint file {0} cannot be written: {1}")]
    File(PathBuf, std::io::Error),
}

impl Checkpoints {
    /// With a file beside the database.
    pub fn to(file: Option<PathBuf>) -> Self {
        Self { file, ..Self::default() }
    }

    /// Whether its file can be written, where it has one.
    pub fn try_file(&self) -> Result<(), NotKept> {
        self.file.as_deref().map_or(Ok(()), |file| append(file, ""))
    }

    /// A job of this tenant is over: what it did is signed soon.
    pub fn want(&self, tenant: &str) {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner).push(tenant.to_owned());
    }

    fn take_wanted(&self) -> Vec<String> {
        std::mem::take(&mut self.wanted.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells a checkpoint to everybody who keeps them.
    pub fn keep(&self, signed: &Signed) -> Result<(), NotKept> {
        let Signed { checkpoint, signature } = signed;
        tracing::info!(
            target: "quartermaster::security",
            event = "audit.checkpoint",
            tenant = checkpoint.tenant,
            seq = checkpoint.seq,
            checkpoint = checkpoint.text(),
            signature
        );
        self.file.as_deref().map_or(Ok(()), |file| append(file, &format!("{}\n", signed.line())))
    }
}

fn append(file: &Path, line: &str) -> Result<(), NotKept> {
    let written = || {
        let mut options = std::fs::OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
        let mut file = options.open(file)?;
        file.write_all(line.as_bytes())?;
        file.sync_data()
    };
    written().map_err(|error| NotKept::File(file.to_owned(), error))
}

/// Looks every second which trails are due.
pub async fn run(engine: Arc<Engine>) {
    // Since when each goes on behind its last checkpoint.
    let mut since: HashMap<String, i64> = HashMap::new();
    loop {
        tokio::time::sleep(EVERY).await;
        let now = engine.clock.now_ms();
        let wanted = engine.checkpoints.take_wanted();
        let all = match engine.store.uncovered().await {
            Ok(all) => all,
            Err(error) => {
                tracing::warn!(%error, "checkpoints of the trail could not be looked for");
                for tenant in &wanted {
                    engine.checkpoints.want(tenant);
                }
                continue;
            }
        };
        since.retain(|tenant, _| all.iter().any(|trail| trail.tenant == *tenant));
        for Uncovered { tenant, records } in all {
            let began = *since.entry(tenant.clone()).or_insert(now);
            if records < RECORDS && now - began < AGE_MS && !wanted.contains(&tenant) {
                continue;
            }
            match sign(&engine, &tenant).await {
                Ok(()) => drop(since.remove(&tenant)),
                Err(error) => tracing::error!(%error, tenant, "the end of the trail could not be signed; it is tried again"),
            }
        }
    }
}

/// Signs the end of one trail now.
pub async fn sign(engine: &Engine, tenant: &str) -> Result<(), NotKept> {
    if let Some(signed) = engine.store.checkpoint(tenant, engine.clock.now_ms()).await? {
        engine.checkpoints.keep(&signed)?;
    }
    Ok(())
}

/// Signs the end of every trail: when the server stops.
pub async fn all(engine: &Engine) -> Result<(), NotKept> {
    for Uncovered { tenant, .. } in engine.store.uncovered().await? {
        sign(engine, &tenant).await?;
    }
    Ok(())
}
