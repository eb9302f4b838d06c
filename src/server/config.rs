//! The configuration, section by section: each reads, checks and writes its own.

mod auth;
mod confirm;
mod file;
pub mod secret;
mod server;
mod storage;
mod tenant;
mod thresholds;
mod usage;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use domain::plan::Limits;

use file::Reader;

pub use auth::{Auth, AuthMode, EndSession, Oidc, PlanChecks, Proxy, Roles, Says, SessionLengths, proves};
pub use file::Fault;
pub use server::{LeptosKeys, Listen, Server};
pub use storage::{Audit, Secrets, Storage};
pub use tenant::{TenantClient, TenantConfig};
pub use thresholds::Thresholds;
pub use usage::Prices;

/// The effective configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where the portal listens and how it is reached.
    pub server: Server,
    /// Where things are stored, and how long.
    pub storage: Storage,
    /// From which number on something has to be confirmed by typing it.
    pub confirm: Limits,
    /// From when on the overview shows a warning.
    pub thresholds: Thresholds,
    /// What seats cost.
    pub prices: Prices,
    /// Where secrets are.
    pub secrets: Secrets,
    /// What proves the trail outside of the database.
    pub audit: Audit,
    /// Who may use the portal, and how.
    pub auth: Auth,
    /// The tenants, by their id in URLs.
    pub tenants: BTreeMap<String, TenantConfig>,
    /// Leptos' own keys.
    pub leptos: LeptosKeys,
    /// The key that a demonstration offers; empty anywhere else. Not a setting: only `quartermaster demo` has one.
    pub demo_key: String,
}

/// Reads the file (none is fine if it was not named) and the environment.
pub fn load(path: Option<&Path>, environment: impl IntoIterator<Item = (String, String)>) -> Result<Config, Vec<Fault>> {
    let file = path.unwrap_or_else(|| Path::new("Leptos.toml"));
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && path.is_none() => String::new(),
        Err(error) => return Err(vec![Fault { place: file.display().to_string(), reason: format!("cannot be read: {error}") }]),
    };
    read(&file.display().to_string(), &text, environment)
}

/// Reads the text of a configuration file.
pub fn read(file: &str, text: &str, environment: impl IntoIterator<Item = (String, String)>) -> Result<Config, Vec<Fault>> {
    let mut reader = Reader::of(file, text, environment);
    let server = Server::read(&mut reader);
    let config = Config {
        leptos: LeptosKeys::read(&mut reader),
        storage: Storage::read(&mut reader),
        confirm: confirm::read(&mut reader),
        thresholds: Thresholds::read(&mut reader),
        prices: Prices::read(&mut reader),
        secrets: Secrets::read(&mut reader),
        audit: Audit::read(&mut reader),
        auth: Auth::read(&mut reader, &server),
        tenants: tenant::read(&mut reader),
        server,
        demo_key: String::new(),
    };
    reader.end(config)
}

impl fmt::Display for Config {
    /// The effective configuration, with secrets masked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, storage, confirm, thresholds, prices, secrets, audit, auth, tenants, .. } = self;
        write!(f, "{server}\n{storage}\n")?;
        writeln!(f, "[confirm]\nlosses = {}\noverage = {}\n", confirm.losses, confirm.overage)?;
        write!(f, "{thresholds}{prices}")?;
        write!(f, "{secrets}\n{audit}{auth}")?;
        for (id, tenant) in tenants {
            write!(f, "\n[tenants.{id}]\n{tenant}")?;
            for (table, client) in [("oauth", &tenant.oauth), ("unattended", &tenant.unattended)] {
                if let Some(client) = client {
                    write!(f, "\n[tenants.{id}.{table}]\n{client}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use engine::housekeeping::Keep;

    use super::*;

    fn faults(text: &str) -> Vec<String> {
        read("Leptos.toml", text, []).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn no_file_means_defaults() {
        let config = read("Leptos.toml", "", []).unwrap();
        assert_eq!(config.server.listen.to_string(), "127.0.0.1:3000");
        assert_eq!(config.server.public_url, "http://127.0.0.1:3000");
        assert_eq!(config.storage.url, "sqlite://quartermaster.db");
    }

    #[test]
    fn every_fault_is_told_with_its_line() {
        let text = "[server]\nlisten = \"nowhere\"\npublic_url = \"ftp://x\"\nlistem = 1\n\n[auth]\nmode = \"magic\"\n\n[tenants.Acme]\nname = 3\nkind = \"cloud\"\n";
        let faults = faults(text);
        for (line, word) in [(2, "listen"), (3, "public_url"), (4, "listem"), (7, "auth.mode"), (10, "must be a string")] {
            assert!(
                faults.iter().any(|fault| fault.starts_with(&format!("Leptos.toml:{line}:")) && fault.contains(word)),
                "{line} {word}: {faults:#?}"
            );
        }
        assert!(faults.iter().any(|fault| fault.contains("lacks its `url`")));
        assert!(faults.iter().any(|fault| fault.contains("lowercase letters")));
    }

    #[test]
    fn broken_toml_has_a_line_too() {
        assert!(faults("[server]\nlisten = \n").iter().any(|fault| fault.starts_with("Leptos.toml:2:")));
    }

    #[test]
    fn without_a_sign_in_only_loopback_will_do() {
        assert!(faults("[server]\nlisten = \"0.0.0.0:3000\"").iter().any(|fault| fault.contains("loopback")));
        assert!(faults("[server]\npublic_url = \"http://example.com\"").iter().any(|fault| fault.contains("https")));
        assert!(faults("[tenants.a]\nurl = \"http://a.example.com\"").iter().any(|fault| fault.contains("https")));
        assert!(read("x", "[tenants.a]\nurl = \"http://127.0.0.1:4000\"", []).is_ok());
    }

    #[test]
    fn the_clients_of_a_tenant_are_checked_with_their_line() {
        const TENANT: &str = "[tenants.a]\nurl = \"http://127.0.0.1:4000\"\n";
        let good = format!("{TENANT}credentials = [\"oauth\"]\n[tenants.a.oauth]\nclient_id = \"x\"\n");
        let tenant = read("x", &good, []).unwrap().tenants.remove("a").unwrap();
        assert_eq!((tenant.api_keys, tenant.oauth.unwrap().scopes.len(), tenant.unattended), (false, 3, None));
        for (more, word) in [
            ("[tenants.a.oauth]\n", "client_id"),
            ("[tenants.a.oauth]\nclient_id = \"a b\"\n", "client_id"),
            ("[tenants.a.oauth]\nclient_id = \"x\"\nscopes = []\n", "scopes"),
            ("[tenants.a.oauth]\nclient_id = \"x\"\nclient_secret_file = \"/no/such\"\n", "client_secret_file"),
            ("[tenants.a.unattended]\nclient_id = \"x\"\n", "client_secret_file"),
            ("credentials = [\"oauth\"]\n", "needs the table"),
            ("credentials = [\"api-key\", \"api-key\"]\n", "each once"),
            ("credentials = []\n", "each once"),
            ("credentials = [\"api-key\"]\n[tenants.a.oauth]\nclient_id = \"x\"\n", "remove one"),
            ("[tenants.a.oauth]\nclient_id = \"x\"\nredirect = \"x\"\n", "not a setting"),
        ] {
            let told = faults(&format!("{TENANT}{more}"));
            assert!(told.iter().any(|fault| fault.starts_with("Leptos.toml:") && fault.contains(word)), "{more}: {told:?}");
        }
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let environment =
            [("QUARTERMASTER__SERVER__LISTEN".to_owned(), "127.0.0.1:4444".to_owned()), ("HOME".to_owned(), "x".to_owned())];
        let config = read("x", "[server]\nlisten = \"127.0.0.1:1\"", environment).unwrap();
        assert_eq!(config.server.listen.address().map(|address| address.port()), Some(4444));
        let environment = [("QUARTERMASTER__SERVER__LISTEM".to_owned(), "1".to_owned())];
        assert!(read("x", "", environment).unwrap_err().iter().any(|fault| fault.place == "QUARTERMASTER__SERVER__LISTEM"));
    }

    #[test]
    fn bounds_of_a_tenant_are_whole_numbers_in_bounds() {
        let text = "[tenants.a]\nurl = \"http://127.0.0.1:1\"\ntimeout_s = 5\nbatch_rows = 0x10";
        let tenant = read("x", text, []).unwrap().tenants.remove("a").unwrap();
        assert_eq!((tenant.timeout_s, tenant.batch_rows, tenant.rate_scale), (5, 16, 1));
        let environment = [("QUARTERMASTER__TENANTS__A__RATE_SCALE".to_owned(), "20".to_owned())];
        assert_eq!(read("x", text, environment).unwrap().tenants["a"].rate_scale, 20);
        for wrong in ["timeout_s = 0", "batch_rows = 1001", "rate_scale = 1.5", "timeout_s = \"soon\""] {
            let found = faults(&format!("[tenants.a]\nurl = \"http://127.0.0.1:1\"\n{wrong}"));
            assert!(
                found.iter().any(|fault| fault.starts_with("Leptos.toml:3:") && fault.contains("whole number")),
                "{wrong}: {found:?}"
            );
        }
    }

    #[test]
    fn what_is_kept_and_confirmed_can_be_set() {
        let config = read("x", "[storage.keep]\nplans_days = 7\n[confirm]\nlosses = 5", []).unwrap();
        assert_eq!((config.storage.keep, config.confirm.losses), (Keep { plans_days: 7, ..Keep::default() }, 5));
        assert!(
            faults("[storage.keep]\njournals_days = 30").iter().any(|fault| fault.contains("31")),
            "jobs can be undone for 30"
        );
    }

    #[test]
    fn the_audit_key_lies_beside_the_master_key_and_checkpoints_in_a_folder_that_is_there() {
        let config = read("x", "[secrets]\nmaster_key_file = \"keys/qm.key\"", []).unwrap();
        assert_eq!(config.secrets.audit_key_file, Path::new("keys/audit.key"));
        let told = faults("[audit]\ncheckpoint_file = \"/nowhere/checkpoints.jsonl\"");
        assert!(told.iter().any(|told| told.starts_with("Leptos.toml:2:") && told.contains("folder")), "{told:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_master_key_that_others_may_read_or_guess_is_told_with_its_line() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let text = format!("[secrets]\nmaster_key_file = \"{}\"", path.display());
        assert!(read("Leptos.toml", &text, []).is_ok(), "one that is missing is made");
        let good: Vec<u8> = (0..32).collect();
        for (key, mode, word) in [
            (good.clone(), 0o644, "others"),
            (vec![65; 64], 0o600, "different"),
            (vec![1; 6], 0o600, "32"),
            (good.clone(), 0o620, "group"),
        ] {
            std::fs::write(&path, key).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let told = faults(&text);
            assert!(told.iter().any(|told| told.starts_with("Leptos.toml:2:") && told.contains(word)), "{told:?}");
        }
        std::fs::write(&path, good).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
        assert!(read("Leptos.toml", &text, []).is_ok());
    }

    #[test]
    fn passwords_are_masked() {
        let config = read("x", "[storage]\nurl = \"postgres://qm:canary@db/x\"", []).unwrap();
        assert!(!config.to_string().contains("canary") && config.to_string().contains("qm:•••••@db"));
        let url = "postgres://db/x?user=qm&password=canary&sslmode=require&sslpassword=canary";
        let config = read("x", &format!("[storage]\nurl = \"{url}\""), []).unwrap().to_string();
        assert!(
            !config.contains("canary") && config.contains("?user=qm&password=•••••&sslmode=require&sslpassword=•••••"),
            "{config}"
        );
    }

    #[test]
    fn leptos_keys_are_those_of_the_build() {
        let manifest: toml::Table = include_str!("../../Cargo.toml").parse().unwrap();
        let file: toml::Table = include_str!("../../Leptos.toml").parse().unwrap();
        let build = &manifest["package"]["metadata"]["leptos"];
        let run = file["package"]["metadata"]["leptos"].as_table().unwrap();
        for (key, value) in run {
            assert_eq!(Some(value), build.get(key), "{key}");
        }
        assert!(read("Leptos.toml", include_str!("../../Leptos.toml"), []).is_ok());
    }
}
