//! The file of master keys, and `quartermaster rotate-keys`: another key seals from now on, what jobs hold is wrapped anew, and an old key
//! goes once nothing needs it.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use engine::clock::iso;
use engine::seal::{Purpose, Ring, SealError, Sealer, key_of};
use storage::{Actor, Ending, NewAudit, Store, StoreError};
use trail::Target;

use super::config::secret::read_private;

/// Why the keys stay as they are.
#[derive(Debug, thiserror::Error)]
pub enum NotRotated {
    /// The file cannot be read or written.
    #[error("{0}: {1}")]
    File(PathBuf, String),
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is sealed cannot be opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// There is no such key.
    #[error("{0} has no old key {1}; it has {2}")]
    NoSuchKey(PathBuf, String, String),
    /// The key seals.
    #[error("{0} is the key that seals; run `quartermaster rotate-keys` first")]
    Active(String),
    /// Something still needs the key.
    #[error(
        "{sessions} the key {1}, the last of them until {2}; wait, or end them with `rotate-keys --drop {1} --force`", sessions = domain::text::count(*.0, "session still needs", "sessions still need")
    )]
    Needed(i64, String, String),
}

/// Reads the ring of a file.
pub fn read(file: &Path) -> Result<Ring, NotRotated> {
    let wrong = |why: String| NotRotated::File(file.to_owned(), why);
    let bytes = read_private(file).map_err(|error| wrong(error.to_string()))?;
    Ring::read(&bytes).map_err(|error| wrong(error.to_string()))
}

/// Seals under the keys of a file, and reads it again when it has to.
pub fn sealer(file: &Path) -> Result<Sealer, NotRotated> {
    let again = file.to_owned();
    Ok(Sealer::on(read(file)?, move || match read(&again) {
        Ok(ring) => Some(ring),
        Err(error) => {
            tracing::error!(%error, "the keys cannot be read again; those of before are used");
            None
        }
    }))
}

/// Writes the file anew: whole, or not at all, and for its owner only.
fn write(file: &Path, ring: &Ring) -> Result<(), NotRotated> {
    let written = || {
        let next = file.with_extension("next");
        // One that was left behind by a crash.
        let _ = std::fs::remove_file(&next);
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut made = options.open(&next)?;
        made.write_all(ring.write().as_bytes())?;
        made.sync_all()?;
        #[cfg(unix)]
        {
            // Who runs this may be somebody else than the server.
            use std::os::unix::fs::MetadataExt as _;
            let owner = std::fs::metadata(file)?;
            let ours = made.metadata()?;
            if (owner.uid(), owner.gid()) != (ours.uid(), ours.gid()) {
                std::os::unix::fs::chown(&next, Some(owner.uid()), Some(owner.gid()))?;
            }
        }
        std::fs::rename(&next, file)?;
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::File::open(folder)?.sync_all()
    };
    written().map_err(|error: std::io::Error| NotRotated::File(file.to_owned(), error.to_string()))
}

/// Adds a key that seals from now on, and wraps anew what jobs hold. What sessions hold is wrapped anew when they are next used. Returns
/// the key's id, and how many grants were wrapped anew. Run again, it carries on where it was stopped, with yet another key.
pub async fn rotate(file: &Path, store: &Store, now: i64) -> Result<(String, usize), NotRotated> {
    let file = &std::fs::canonicalize(file).map_err(|error| NotRotated::File(file.to_owned(), error.to_string()))?;
    let ring = read(file)?.with(Sealer::new_master_key()?.to_vec(), &iso(now));
    write(file, &ring)?;
    let id = ring.active().to_owned();
    record(store, now, "keys.rotated", &id).await?;
    let wrapped = wrap_grants(store, &Sealer::on(ring, || None)).await?;
    Ok((id, wrapped))
}

/// Wraps what jobs hold under the key that seals.
async fn wrap_grants(store: &Store, sealer: &Sealer) -> Result<usize, NotRotated> {
    let mut wrapped = 0;
    for (job, old) in store.wrapped_grants().await? {
        // One that cannot be opened is of no use to its job either, which pauses by itself.
        let Ok(Some(new)) = sealer.rewrap(&old, Purpose::Grant, &job) else { continue };
        wrapped += usize::from(store.rewrap_grant(&job, &old, &new).await?);
    }
    Ok(wrapped)
}

/// Takes an old key off the ring, once nothing needs it any more. By `force`, sessions that do are ended.
pub async fn forget(file: &Path, store: &Store, id: &str, force: bool, now: i64) -> Result<(), NotRotated> {
    let file = &std::fs::canonicalize(file).map_err(|error| NotRotated::File(file.to_owned(), error.to_string()))?;
    let ring = read(file)?;
    if ring.active() == id {
        return Err(NotRotated::Active(id.to_owned()));
    }
    if !ring.ids().any(|known| known == id) {
        let known = ring.ids().collect::<Vec<_>>().join(", ");
        return Err(NotRotated::NoSuchKey(file.clone(), id.to_owned(), known));
    }
    wrap_grants(store, &Sealer::on(ring, || None)).await?;
    let needing: Vec<_> = store
        .wrapped_credentials(now)
        .await?
        .into_iter()
        .filter(|held| key_of(&held.wrapped_key).is_none_or(|key| key == id))
        .collect();
    if let Some(until) = needing.iter().map(|held| held.until).max().filter(|_| !force) {
        return Err(NotRotated::Needed(i64::try_from(needing.len()).unwrap_or(i64::MAX), id.to_owned(), iso(until)));
    }
    for held in &needing {
        let told = |_: &[storage::Ended]| vec![line(now, "session.ended", &format!("needed the key {id}"))];
        store.end_sessions(&Ending::One(&held.session), now, told).await?;
    }
    let without = read(file)?.without(id).ok_or_else(|| NotRotated::Active(id.to_owned()))?;
    write(file, &without)?;
    record(store, now, "keys.dropped", id).await
}

fn line(now: i64, action: &str, reason: &str) -> NewAudit {
    NewAudit {
        at: now,
        actor: Actor::system(),
        action: action.to_owned(),
        target: Target::named("setting", "master key"),
        outcome: "done".to_owned(),
        reason: reason.to_owned(),
        ..NewAudit::default()
    }
}

async fn record(store: &Store, now: i64, action: &'static str, id: &str) -> Result<(), NotRotated> {
    tracing::info!(target: "quartermaster::security", event = action, key = id);
    Ok(store.audit(&[line(now, action, id)]).await?)
}
