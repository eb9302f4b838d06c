//! `[storage]`, `[secrets]` and `[audit]`: what must survive a restart, how long it is kept, the keys that seal and sign it, and what
//! proves the trail outside of the database.

use std::fmt;
use std::path::PathBuf;

use engine::housekeeping::Keep;
use engine::seal::{Ring, weak_key};

use super::file::Reader;
use super::secret::{NotPrivate, read_private};

/// Where things are stored, and how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// `sqlite://…` or `postgres://…`.
    pub url: String,
    /// How long what is stored is kept.
    pub keep: Keep,
}

/// Where secrets are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secrets {
    /// Holds the master key; created when missing.
    pub master_key_file: PathBuf,
    /// Holds the audit key, which signs checkpoints; created when missing.
    pub audit_key_file: PathBuf,
}

/// What proves the trail outside of the database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audit {
    /// Checkpoints are added to it.
    pub checkpoint_file: Option<PathBuf>,
}

impl Storage {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let url = match reader.text("storage.url") {
            None => "sqlite://quartermaster.db".to_owned(),
            Some((_, url)) if ["sqlite://", "postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) => url,
            Some((place, _)) => {
                reader.fault(&place, "`storage.url` must start with sqlite:// or postgres://");
                String::new()
            }
        };
        let usual = Keep::default();
        let keep = Keep {
            lists_days: reader.number("storage.keep.lists_days", usual.lists_days, 1..=365),
            plans_days: reader.number("storage.keep.plans_days", usual.plans_days, 1..=3_650),
            // A job can be undone for 30 days, from its rows.
            journals_days: reader.number("storage.keep.journals_days", usual.journals_days, 31..=3_650),
            drafts_days: reader.number("storage.keep.drafts_days", usual.drafts_days, 1..=365),
            groups_days: reader.number("storage.keep.groups_days", usual.groups_days, 1..=3_650),
        };
        Self { url, keep }
    }
}

impl Secrets {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let master_key_file = key_file(reader, "secrets.master_key_file", PathBuf::from("quartermaster.key"), Ring::wrong);
        let audit_key_file = key_file(reader, "secrets.audit_key_file", master_key_file.with_file_name("audit.key"), weak_key);
        Self { master_key_file, audit_key_file }
    }
}

/// A file with a key, which may be missing: then it is made at the start.
fn key_file(reader: &mut Reader<'_>, key: &'static str, usual: PathBuf, wrong: impl Fn(&[u8]) -> Option<String>) -> PathBuf {
    let (place, file) =
        reader.text(key).map_or_else(|| (reader.file().to_owned(), usual), |(place, file)| (place, PathBuf::from(file)));
    let told = match read_private(&file) {
        Ok(secret) => wrong(&secret),
        Err(NotPrivate::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => Some(error.to_string()),
    };
    if let Some(why) = told {
        reader.fault(&place, format!("`{key}`: {}: {why}", file.display()));
    }
    file
}

impl Audit {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let Some((place, file)) = reader.text("audit.checkpoint_file") else { return Self::default() };
        let file = PathBuf::from(file);
        // Made at the start where it is missing; its folder is not.
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(std::path::Path::new("."));
        if file.is_dir() || !folder.is_dir() {
            let what = if file.is_dir() { "is a folder" } else { "is in a folder that does not exist" };
            reader.fault(&place, format!("`audit.checkpoint_file`: {} {what}", file.display()));
        }
        Self { checkpoint_file: Some(file) }
    }
}

impl fmt::Display for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "[storage]\nurl = \"{}\"", masked_url(&self.url))?;
        let Keep { lists_days, plans_days, journals_days, drafts_days, groups_days } = self.keep;
        writeln!(f, "\n[storage.keep]\nlists_days = {lists_days}\nplans_days = {plans_days}")?;
        writeln!(f, "journals_days = {journals_days}\ndrafts_days = {drafts_days}\ngroups_days = {groups_days}")
    }
}

impl fmt::Display for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "[secrets]\nmaster_key_file = \"{}\"\naudit_key_file = \"{}\"",
            self.master_key_file.display(),
            self.audit_key_file.display()
        )
    }
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.checkpoint_file {
            Some(file) => writeln!(f, "[audit]\ncheckpoint_file = \"{}\"\n", file.display()),
            None => Ok(()),
        }
    }
}

/// A database URL without its password, wherever in it that stands.
fn masked_url(url: &str) -> String {
    let Some((address, query)) = url.split_once('?') else { return masked_address(url) };
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((key, _)) if key.to_lowercase().contains("pass") || key.to_lowercase().contains("key") => format!("{key}=•••••"),
        _ => pair.to_owned(),
    });
    format!("{}?{}", masked_address(address), pairs.collect::<Vec<_>>().join("&"))
}

fn masked_address(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme + 3 < at => {
            let (head, user) = (url.get(..scheme + 3).unwrap_or_default(), url.get(scheme + 3..at).unwrap_or_default());
            let user = user.split_once(':').map_or(user.to_owned(), |(user, _)| format!("{user}:•••••"));
            format!("{head}{user}{}", url.get(at..).unwrap_or_default())
        }
        _ => url.to_owned(),
    }
}
