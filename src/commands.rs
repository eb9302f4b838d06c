//! Commands beside the server, a part of `main.rs`: checking the audit trail, and making and changing keys.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use engine::checkpoints::Checkpoints;
use engine::clock::{Clock, WallClock};
use engine::seal::{Sealer, weak_key};
use quartermaster::server::config::Config;
use quartermaster::server::config::secret::{NotPrivate, read_private};
use quartermaster::server::ring;
use quartermaster::server::verify_audit::{Asked, Stored, all_intact, in_json, in_words};
use storage::Store;
use trail::Key;

use crate::{Failure, read_config};

#[derive(Debug, clap::Args)]
pub(crate) struct VerifyAudit {
    /// The portal's configuration, which says where the trails are; `Leptos.toml` in this folder if not set.
    #[arg(long, conflicts_with = "file")]
    config: Option<PathBuf>,
    /// Checks this export (JSON lines, unfiltered) instead.
    #[arg(long)]
    file: Option<PathBuf>,
    /// Checks this tenant's trail only; "" is the portal's own.
    #[arg(long)]
    tenant: Option<String>,
    /// A file with the public key that the checkpoints must be signed with.
    #[arg(long)]
    public_key: Option<PathBuf>,
    /// A file with checkpoints that was kept apart from the database; `audit.checkpoint_file` if not set.
    #[arg(long)]
    checkpoints: Option<PathBuf>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct AuditKey {
    /// The portal's configuration; `Leptos.toml` in this folder if not set.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Makes a new key, hands every trail over to it, and signs that with the old one. Stop the servers first.
    #[arg(long)]
    rotate: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RotateKeys {
    /// The portal's configuration; `Leptos.toml` in this folder if not set.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Takes this old key off the ring instead, once no session needs it.
    #[arg(long, value_name = "ID")]
    drop: Option<String>,
    /// Ends the sessions that still need it.
    #[arg(long, requires = "drop")]
    force: bool,
}

/// Tells what is wrong with the trails, and ends as it is: 0 intact, 1 changed, 2 cannot be read.
pub(crate) async fn verify_audit(verify: VerifyAudit) -> ExitCode {
    let VerifyAudit { config, file, tenant, public_key, checkpoints, json } = verify;
    let asked = Asked { file, tenant, public_key, checkpoints };
    let reports = match &asked.file {
        Some(file) => asked.check_file(file).map_err(|error| error.to_string()),
        None => verify_store(&asked, config).await,
    };
    match reports {
        Ok(reports) => {
            print!("{}", if json { in_json(&reports) } else { in_words(&reports) });
            if all_intact(&reports) { ExitCode::SUCCESS } else { ExitCode::from(1) }
        }
        Err(why) => {
            eprintln!("quartermaster: {why}");
            ExitCode::from(2)
        }
    }
}

async fn verify_store(asked: &Asked, config: Option<PathBuf>) -> Result<Vec<trail::Report>, String> {
    let config = read_config(config).map_err(|failure| failure.to_string())?;
    let key = stored_audit_key(&config).map_err(|failure| failure.to_string())?;
    let checkpoint_file = config.audit.checkpoint_file.as_deref();
    let tenants = config.tenants.keys().cloned().collect();
    asked.check_store(Stored { url: &config.storage.url, key, checkpoint_file, tenants }).await.map_err(|error| error.to_string())
}

/// The audit key of a portal that has one already: nothing is proven by a key that was made just now.
fn stored_audit_key(config: &Config) -> Result<Arc<Key>, Failure> {
    let file = &config.secrets.audit_key_file;
    let secret = read_private(file).map_err(|error| Failure::KeyFile(file.clone(), error.to_string()))?;
    Ok(Arc::new(Key::of(&secret)?))
}

pub(crate) async fn rotate_keys(rotate: RotateKeys) -> Result<(), Failure> {
    let config = read_config(rotate.config)?;
    let file = &config.secrets.master_key_file;
    let store = Store::open(&config.storage.url, stored_audit_key(&config)?).await?;
    let now = WallClock.now_ms();
    match rotate.drop {
        None => {
            let (id, wrapped) = ring::rotate(file, &store, now).await?;
            println!("{id} seals from now on; keys of {wrapped} jobs were wrapped anew. Send running servers SIGHUP.");
        }
        Some(id) => {
            ring::forget(file, &store, &id, rotate.force, now).await?;
            println!("{id} was dropped from the ring. Send running servers SIGHUP.");
        }
    }
    store.close().await;
    Ok(())
}

/// Prints the public key, or makes another key.
pub(crate) async fn audit_key(key: AuditKey) -> Result<(), Failure> {
    if key.rotate { rotate_audit_key(key.config).await } else { print_audit_key(key.config) }
}

fn print_audit_key(config: Option<PathBuf>) -> Result<(), Failure> {
    let config = read_config(config)?;
    println!("{}", Key::of(&secret_key(&config.secrets.audit_key_file, weak_key)?)?.public());
    Ok(())
}

/// Makes a new audit key. The old file stays beside the new one, for whoever wants to know what it was.
async fn rotate_audit_key(config: Option<PathBuf>) -> Result<(), Failure> {
    let config = read_config(config)?;
    let file = &config.secrets.audit_key_file;
    let failed = |error: std::io::Error| Failure::KeyFile(file.clone(), error.to_string());
    let key = stored_audit_key(&config)?;
    let _held = hold_key(file, KeyUse::Changes)?;
    let store = Store::open(&config.storage.url, key.clone()).await?;
    // It lies beside the old one before anything is handed over to it, and takes its place after: whatever happens in between,
    // both are there.
    let next_file = file.with_extension("key.next");
    let secret = secret_key(&next_file, weak_key)?;
    let next = Key::of(&secret)?;
    let checkpoints = Checkpoints::to(config.audit.checkpoint_file.clone());
    for signed in store.hand_over(&next, WallClock.now_ms()).await? {
        checkpoints.keep(&signed)?;
    }
    let old_file = file.with_extension(format!("key.{}", key.public()));
    std::fs::rename(file, old_file).map_err(failed)?;
    std::fs::rename(&next_file, file).map_err(failed)?;
    store.close().await;
    println!("{}", next.public());
    Ok(())
}

/// What somebody holds the audit key for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyUse {
    /// To write under it, beside others who do.
    Writes,
    /// To put another in its place, alone.
    Changes,
}

/// Holds the file of the audit key as long as what is returned lives. Where files cannot be locked it is not held: then nobody finds out.
pub(crate) fn hold_key(file: &PathBuf, to: KeyUse) -> Result<Option<std::fs::File>, Failure> {
    let opened = std::fs::File::open(file).map_err(|error| Failure::KeyFile(file.clone(), error.to_string()))?;
    let locked = if to == KeyUse::Writes { opened.try_lock_shared() } else { opened.try_lock() };
    match locked {
        Ok(()) => Ok(Some(opened)),
        Err(std::fs::TryLockError::WouldBlock) if to == KeyUse::Writes => Err(Failure::KeyChanges(file.clone())),
        Err(std::fs::TryLockError::WouldBlock) => Err(Failure::KeyInUse(file.clone())),
        Err(std::fs::TryLockError::Error(error)) => {
            tracing::warn!(file = %file.display(), %error, "the key file cannot be locked: do not change the key while a server runs");
            Ok(None)
        }
    }
}

/// A key, which nobody else may read. Made where the file is missing, readable by its owner only.
pub(crate) fn secret_key(file: &PathBuf, wrong: impl Fn(&[u8]) -> Option<String>) -> Result<Vec<u8>, Failure> {
    use std::io::Write as _;
    let failed = |reason: String| Failure::KeyFile(file.clone(), reason);
    match read_private(file) {
        Ok(key) => match wrong(&key) {
            None => Ok(key),
            Some(why) => Err(failed(why)),
        },
        Err(NotPrivate::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = Sealer::new_master_key()?;
            let mut options = std::fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            options
                .open(file)
                .and_then(|mut file| file.write_all(&key).and_then(|()| file.sync_all()))
                .map_err(|error| failed(error.to_string()))?;
            tracing::info!(file = %file.display(), "made a new key; keep it apart from backups of the database");
            Ok(key.to_vec())
        }
        Err(error) => Err(failed(error.to_string())),
    }
}
