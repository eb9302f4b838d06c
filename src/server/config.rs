//! The configuration: read with places, so that every fault is told at once with file and line.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use domain::plan::Limits;
use engine::housekeeping::Keep;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Environment variables that override scalars start so: `QUARTERMASTER__SERVER__LISTEN`.
const ENV_PREFIX: &str = "QUARTERMASTER__";

/// The effective configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where the portal listens.
    pub listen: SocketAddr,
    /// Where health is answered; nowhere if not set.
    pub management_listen: Option<SocketAddr>,
    /// How browsers reach the portal: scheme, host and port, without a path.
    pub public_url: String,
    /// `sqlite://…` or `postgres://…`.
    pub storage_url: String,
    /// How long what is stored is kept.
    pub keep: Keep,
    /// From which number on something has to be confirmed by typing it.
    pub confirm: Limits,
    /// Holds the master key; created when missing.
    pub master_key_file: PathBuf,
    /// Who may use the portal.
    pub auth: AuthMode,
    /// The tenants, by their id in URLs.
    pub tenants: BTreeMap<String, TenantConfig>,
    /// Leptos' own keys.
    pub leptos: LeptosKeys,
}

/// How people sign in to the portal itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMode {
    /// Not at all: whoever reaches the loopback address is let in.
    None,
}

/// A tenant that credentials may be sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantConfig {
    /// For people.
    pub name: String,
    /// Its address.
    pub url: String,
    /// Seconds a call to it may take.
    pub timeout_s: u32,
    /// Rows in one license request at most.
    pub batch_rows: u32,
    /// How many times Qlik's published rate limits it is granted.
    pub rate_scale: u32,
    /// Licenses of sibling tenants that its list of licenses may lack beside what Qlik counts as used.
    pub licenses_elsewhere: u32,
}

impl TenantConfig {
    /// A tenant with the usual bounds.
    pub fn new(name: impl Into<String>, url: impl Into<String>) -> Self {
        Self { name: name.into(), url: url.into(), timeout_s: 30, batch_rows: 100, rate_scale: 1, licenses_elsewhere: 0 }
    }
}

/// The keys of `[package.metadata.leptos]` that matter at run time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeptosKeys {
    /// The name of the files in the package folder.
    pub output_name: String,
    /// Where the built site is, for a server that does not carry it inside.
    pub site_root: String,
    /// The folder of script, program and style below the root.
    pub site_pkg_dir: String,
}

impl Default for LeptosKeys {
    fn default() -> Self {
        Self { output_name: "quartermaster".to_owned(), site_root: "target/site".to_owned(), site_pkg_dir: "pkg".to_owned() }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where: `Leptos.toml:12`, or the environment variable.
    pub place: String,
    /// What is wrong, and what would be right.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
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
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader { file, text, faults: Vec::new(), scalars: BTreeMap::new() };
    for error in errors {
        let place = reader.place(error.span().map_or(0, |span| span.start));
        reader.faults.push(Fault { place, reason: format!("is no TOML here: {}", error.message()) });
    }
    reader.walk("", table.get_ref());
    for (name, value) in environment {
        if let Some(rest) = name.strip_prefix(ENV_PREFIX) {
            let key = rest.split("__").map(str::to_lowercase).collect::<Vec<_>>().join(".");
            reader.scalars.insert(key, Scalar { place: name, value: Value::Text(value) });
        }
    }
    reader.config()
}

#[derive(Debug, Clone)]
enum Value {
    Text(String),
    Number(i64),
    List(Vec<String>),
    Other(&'static str),
}

#[derive(Debug, Clone)]
struct Scalar {
    place: String,
    value: Value,
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    faults: Vec<Fault>,
    /// By dotted key.
    scalars: BTreeMap<String, Scalar>,
}

impl Reader<'_> {
    fn place(&self, offset: usize) -> String {
        let line = self.text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1;
        format!("{}:{line}", self.file)
    }

    fn walk(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let name = if prefix.is_empty() { key.get_ref().to_string() } else { format!("{prefix}.{}", key.get_ref()) };
            if let DeValue::Table(inner) = value.get_ref() {
                self.walk(&name, inner);
                continue;
            }
            let scalar = Scalar { place: self.place(key.span().start), value: scalar(value) };
            self.scalars.insert(name, scalar);
        }
    }

    fn fault(&mut self, place: &str, reason: impl Into<String>) {
        self.faults.push(Fault { place: place.to_owned(), reason: reason.into() });
    }

    fn text(&mut self, key: &str) -> Option<(String, String)> {
        let scalar = self.scalars.remove(key)?;
        match scalar.value {
            Value::Text(text) => Some((scalar.place, text)),
            Value::List(_) => {
                self.fault(&scalar.place, format!("`{key}` must be a string, and is a list"));
                None
            }
            Value::Number(_) => {
                self.fault(&scalar.place, format!("`{key}` must be a string, and is a number"));
                None
            }
            Value::Other(kind) => {
                self.fault(&scalar.place, format!("`{key}` must be a string, and is a {kind}"));
                None
            }
        }
    }

    /// A whole number within bounds; `usual` where it is not set or not usable.
    fn number(&mut self, key: &str, usual: u32, bounds: std::ops::RangeInclusive<u32>) -> u32 {
        let Some(scalar) = self.scalars.remove(key) else { return usual };
        let number = match &scalar.value {
            Value::Number(number) => u32::try_from(*number).ok(),
            // From the environment everything is text.
            Value::Text(text) => text.parse().ok(),
            Value::List(_) | Value::Other(_) => None,
        };
        number.filter(|number| bounds.contains(number)).unwrap_or_else(|| {
            self.fault(&scalar.place, format!("`{key}` must be a whole number from {} to {}", bounds.start(), bounds.end()));
            usual
        })
    }

    fn address(&mut self, key: &str) -> Option<SocketAddr> {
        let (place, text) = self.text(key)?;
        match text.parse() {
            Ok(address) => Some(address),
            Err(_) => {
                self.fault(&place, format!("`{key}` must be an address with a port, such as 127.0.0.1:3000, and is “{text}”"));
                None
            }
        }
    }

    fn config(mut self) -> Result<Config, Vec<Fault>> {
        let keys = "package.metadata.leptos";
        let mut leptos = LeptosKeys::default();
        for (key, slot) in [
            ("output-name", &mut leptos.output_name),
            ("site-root", &mut leptos.site_root),
            ("site-pkg-dir", &mut leptos.site_pkg_dir),
        ] {
            if let Some((_, text)) = self.text(&format!("{keys}.{key}")) {
                *slot = text;
            }
        }
        let site_addr = self.address(&format!("{keys}.site-addr"));
        // `server.listen` wins over Leptos' own key, which build tools read.
        let listen = self.address("server.listen").or(site_addr).unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 3000)));
        let management_listen = self.address("server.management_listen");
        let public_url = self.public_url(listen);
        let storage_url = match self.text("storage.url") {
            None => "sqlite://quartermaster.db".to_owned(),
            Some((_, url)) if ["sqlite://", "postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) => url,
            Some((place, _)) => {
                self.fault(&place, "`storage.url` must start with sqlite:// or postgres://");
                String::new()
            }
        };
        let usual = Keep::default();
        let keep = Keep {
            lists_days: self.number("storage.keep.lists_days", usual.lists_days, 1..=365),
            plans_days: self.number("storage.keep.plans_days", usual.plans_days, 1..=3_650),
            // A job can be undone for 30 days, from its rows.
            journals_days: self.number("storage.keep.journals_days", usual.journals_days, 31..=3_650),
            drafts_days: self.number("storage.keep.drafts_days", usual.drafts_days, 1..=365),
        };
        let limits = Limits::default();
        let limit = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        let confirm = Limits {
            losses: u64::from(self.number("confirm.losses", limit(limits.losses), 1..=1_000_000)),
            overage: u64::from(self.number("confirm.overage", limit(limits.overage), 1..=1_000_000)),
        };
        let master_key_file =
            self.text("secrets.master_key_file").map_or_else(|| "quartermaster.key".into(), |(_, file)| file.into());
        if let Some((place, mode)) = self.text("auth.mode") {
            match mode.as_str() {
                "none" => {}
                "oidc" | "proxy" => self
                    .fault(&place, format!("`auth.mode` “{mode}” is not built yet: this version knows “none”, on loopback only")),
                _ => self.fault(&place, format!("`auth.mode` must be “none”, “oidc” or “proxy”, and is “{mode}”")),
            }
        }
        if !listen.ip().is_loopback() {
            self.fault(
                self.file,
                format!("`auth.mode` “none” lets everybody in, so `server.listen` must be a loopback address, and is {listen}"),
            );
        }
        let tenants = self.tenants();
        for (key, scalar) in std::mem::take(&mut self.scalars) {
            self.fault(&scalar.place, format!("`{key}` is not a setting of Quartermaster"));
        }
        if !self.faults.is_empty() {
            return Err(self.faults);
        }
        let auth = AuthMode::None;
        Ok(Config { listen, management_listen, public_url, storage_url, keep, confirm, master_key_file, auth, tenants, leptos })
    }

    fn public_url(&mut self, listen: SocketAddr) -> String {
        let Some((place, text)) = self.text("server.public_url") else { return format!("http://{listen}") };
        let url = text.trim_end_matches('/').to_owned();
        let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        match host {
            Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']) => {
                if url.starts_with("http://") && !is_loopback_host(host) {
                    self.fault(&place, "`server.public_url` must be https, or http on loopback: session cookies need it");
                }
                url
            }
            _ => {
                self.fault(
                    &place,
                    format!(
                        "`server.public_url` must be a scheme and a host, such as https://licenses.example.com, and is “{text}”"
                    ),
                );
                url
            }
        }
    }

    fn tenants(&mut self) -> BTreeMap<String, TenantConfig> {
        let ids: std::collections::BTreeSet<String> = self
            .scalars
            .keys()
            .filter_map(|key| key.strip_prefix("tenants.")?.split('.').next().map(ToOwned::to_owned))
            .collect();
        let mut tenants = BTreeMap::new();
        for id in ids {
            let key = |name: &str| format!("tenants.{id}.{name}");
            let place = self
                .scalars
                .iter()
                .find(|(key, _)| key.starts_with(&format!("tenants.{id}.")))
                .map_or_else(|| self.file.to_owned(), |(_, scalar)| scalar.place.clone());
            if id.is_empty() || !id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
                self.fault(
                    &place,
                    format!("`tenants.{id}`: an id has small letters, digits and hyphens only, for it stands in addresses"),
                );
            }
            if let Some((place, kind)) = self.text(&key("kind"))
                && kind != "cloud"
            {
                self.fault(&place, format!("`tenants.{id}.kind` must be “cloud”: “{kind}” is not built yet"));
            }
            if let Some(scalar) = self.scalars.remove(&key("credentials")) {
                let known = matches!(&scalar.value, Value::List(list) if list.iter().all(|entry| entry == "api-key"));
                if !known {
                    self.fault(&scalar.place, format!("`tenants.{id}.credentials` must be [\"api-key\"]"));
                }
            }
            let name = self.text(&key("name")).map_or_else(|| id.clone(), |(_, name)| name);
            let Some((place, url)) = self.text(&key("url")) else {
                self.fault(&place, format!("`tenants.{id}` lacks its `url`, such as https://{id}.eu.qlikcloud.com"));
                continue;
            };
            let url = url.trim_end_matches('/').to_owned();
            let local = url.strip_prefix("http://").is_some_and(is_loopback_host);
            if !local && url.strip_prefix("https://").is_none_or(str::is_empty) {
                self.fault(&place, format!("`tenants.{id}.url` must be https, or http on loopback, and is “{url}”"));
            }
            let timeout_s = self.number(&key("timeout_s"), 30, 1..=300);
            let batch_rows = self.number(&key("batch_rows"), 100, 1..=1_000);
            let rate_scale = self.number(&key("rate_scale"), 1, 1..=1_000);
            let licenses_elsewhere = self.number(&key("licenses_elsewhere"), 0, 0..=10_000_000);
            tenants.insert(id, TenantConfig { name, url, timeout_s, batch_rows, rate_scale, licenses_elsewhere });
        }
        tenants
    }
}

fn is_loopback_host(host: &str) -> bool {
    let name =
        host.rsplit_once(':').map_or(host, |(name, port)| if port.chars().all(|c| c.is_ascii_digit()) { name } else { host });
    name == "localhost" || name == "[::1]" || (name.starts_with("127.") && name.parse::<std::net::Ipv4Addr>().is_ok())
}

fn scalar(value: &Spanned<DeValue<'_>>) -> Value {
    match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Array(list) => {
            let texts: Option<Vec<String>> = list.iter().map(|entry| entry.get_ref().as_str().map(ToOwned::to_owned)).collect();
            texts.map_or(Value::Other("list of something else than strings"), Value::List)
        }
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or(Value::Other("number too large"), Value::Number)
        }
        other => Value::Other(other.type_str()),
    }
}

impl fmt::Display for Config {
    /// The effective configuration, with secrets masked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "[server]")?;
        writeln!(f, "listen = \"{}\"", self.listen)?;
        if let Some(address) = self.management_listen {
            writeln!(f, "management_listen = \"{address}\"")?;
        }
        writeln!(f, "public_url = \"{}\"", self.public_url)?;
        writeln!(f, "\n[storage]\nurl = \"{}\"", masked_url(&self.storage_url))?;
        let Keep { lists_days, plans_days, journals_days, drafts_days } = self.keep;
        writeln!(f, "\n[storage.keep]\nlists_days = {lists_days}\nplans_days = {plans_days}")?;
        writeln!(f, "journals_days = {journals_days}\ndrafts_days = {drafts_days}")?;
        writeln!(f, "\n[confirm]\nlosses = {}\noverage = {}", self.confirm.losses, self.confirm.overage)?;
        writeln!(f, "\n[secrets]\nmaster_key_file = \"{}\"", self.master_key_file.display())?;
        writeln!(f, "\n[auth]\nmode = \"none\"")?;
        for (id, tenant) in &self.tenants {
            writeln!(f, "\n[tenants.{id}]\nname = \"{}\"\nurl = \"{}\"", tenant.name, tenant.url)?;
            let TenantConfig { timeout_s, batch_rows, rate_scale, licenses_elsewhere, .. } = tenant;
            writeln!(f, "timeout_s = {timeout_s}\nbatch_rows = {batch_rows}\nrate_scale = {rate_scale}")?;
            writeln!(f, "licenses_elsewhere = {licenses_elsewhere}")?;
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        read("Leptos.toml", text, []).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn no_file_means_defaults() {
        let config = read("Leptos.toml", "", []).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:3000");
        assert_eq!(config.public_url, "http://127.0.0.1:3000");
        assert_eq!(config.storage_url, "sqlite://quartermaster.db");
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
        assert!(faults.iter().any(|fault| fault.contains("small letters")));
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
    fn the_environment_wins_over_the_file() {
        let environment =
            [("QUARTERMASTER__SERVER__LISTEN".to_owned(), "127.0.0.1:4444".to_owned()), ("HOME".to_owned(), "x".to_owned())];
        let config = read("x", "[server]\nlisten = \"127.0.0.1:1\"", environment).unwrap();
        assert_eq!(config.listen.port(), 4444);
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
        assert_eq!((config.keep, config.confirm.losses), (Keep { plans_days: 7, ..Keep::default() }, 5));
        assert!(
            faults("[storage.keep]\njournals_days = 30").iter().any(|fault| fault.contains("31")),
            "jobs can be undone for 30"
        );
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
