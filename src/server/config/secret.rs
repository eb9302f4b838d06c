//! Files that hold secrets: where they are, who may read them, and what is in them, which is never shown.

use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;

use super::file::{Fault, Reader};

/// A secret of the portal at a provider or a tenant has at least so many characters.
const LEAST: usize = 16;

/// A file with a secret, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretFile {
    /// Where it is.
    pub path: PathBuf,
    key: String,
    place: String,
}

impl SecretFile {
    pub(super) fn read(reader: &mut Reader<'_>, key: &str) -> Option<Self> {
        let (place, path) = reader.text(key)?;
        Some(Self { path: path.into(), key: key.to_owned(), place })
    }

    /// Where it is configured.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    fn fault(&self, reason: impl fmt::Display) -> Fault {
        Fault { place: self.place.clone(), reason: format!("`{}`: {} {reason}", self.key, self.path.display()) }
    }

    /// What is in it: one line of at least 16 characters.
    pub fn open(&self) -> Result<SecretString, Fault> {
        let bytes = read_private(&self.path).map_err(|reason| self.fault(reason))?;
        let text = String::from_utf8(bytes).map_err(|_| self.fault("holds something else than text"))?;
        let text = text.trim_end_matches(['\r', '\n']);
        if text.trim().chars().count() < LEAST {
            return Err(self.fault(format!("holds fewer than {LEAST} characters")));
        }
        if text.chars().any(char::is_control) {
            return Err(self.fault("holds more than one line"));
        }
        Ok(SecretString::from(text))
    }
}

impl fmt::Display for SecretFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.path.display().to_string())
    }
}

/// Why a file with a secret is not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotPrivate {
    /// It is not there, or not readable.
    #[error("cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// Somebody else may read or write it.
    #[error("{0}; run `chmod 600` on it")]
    Open(&'static str),
}

/// The bytes of a file that nobody else may read. Links are followed; what they lead to counts.
pub fn read_private(path: &std::path::Path) -> Result<Vec<u8>, NotPrivate> {
    use std::io::Read as _;
    let mut file = std::fs::File::open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let meta = file.metadata()?;
        let mode = meta.mode();
        if mode & 0o007 != 0 {
            return Err(NotPrivate::Open("may be read or written by others"));
        }
        if mode & 0o020 != 0 {
            return Err(NotPrivate::Open("may be written by its group"));
        }
        // As a service manager hands it over: root's, for our group.
        let handed_over = meta.uid() == 0 && is_our_group(meta.gid());
        if mode & 0o040 != 0 && !handed_over {
            return Err(NotPrivate::Open("may be read by its group"));
        }
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(unix)]
fn is_our_group(group: u32) -> bool {
    let own = rustix::process::getegid().as_raw() == group;
    own || rustix::process::getgroups().is_ok_and(|groups| groups.iter().any(|ours| ours.as_raw() == group))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_secret_that_others_may_read_is_none() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("oidc.secret");
        let secret = SecretFile { path: path.clone(), key: "auth.oidc.client_secret_file".into(), place: "Leptos.toml:4".into() };
        let told = |text: &str, mode: u32| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            secret.open().map(|_| ()).map_err(|fault| fault.to_string())
        };
        assert!(secret.open().is_err(), "not there");
        let long = "canary-canary-canary";
        assert_eq!(told(&format!("{long}\n"), 0o600), Ok(()));
        assert_eq!(told(long, 0o400), Ok(()));
        for (text, mode, word) in [
            (long, 0o604, "others"),
            (long, 0o602, "others"),
            (long, 0o620, "written by its group"),
            ("canary", 0o600, "16"),
            ("canary-canary-ca\nnary", 0o600, "one line"),
        ] {
            let told = told(text, mode).unwrap_err();
            assert!(told.starts_with("Leptos.toml:4:") && told.contains(word) && !told.contains("canary"), "{told}");
        }
    }
}
