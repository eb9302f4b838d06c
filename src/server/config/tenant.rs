//! `[tenants.<id>]`: the tenants that keys may be sent to.

use std::collections::BTreeMap;
use std::fmt;

use engine::backend::OauthClient;

use super::file::{Fault, Reader};
use super::secret::SecretFile;
use super::server::is_loopback_host;

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
    /// API keys are taken.
    pub api_keys: bool,
    /// What people sign in by at the tenant; nothing where they cannot.
    pub oauth: Option<TenantClient>,
    /// What the portal itself is there; nothing where nobody has made a client for it.
    pub unattended: Option<TenantClient>,
}

/// A client of the tenant's authorization server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantClient {
    /// Its id there.
    pub client_id: String,
    /// Its secret there; left out for one that keeps none.
    pub client_secret: Option<SecretFile>,
    /// What it asks for.
    pub scopes: Vec<String>,
}

impl TenantClient {
    /// Reads `[tenants.X.oauth]` or `[tenants.X.unattended]`, where it is there.
    fn read(reader: &mut Reader<'_>, table: &str, usual: &[&str], must_prove: bool) -> Option<Self> {
        let (parent, name) = table.rsplit_once('.')?;
        let place = reader.tables(parent).get(name).cloned()?;
        let key = |name: &str| format!("{table}.{name}");
        let is_id = |id: &String| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic());
        let client_id = reader.text(&key("client_id")).map(|(_, id)| id).filter(is_id);
        if client_id.is_none() {
            reader.fault(&place, format!("`{table}` lacks its `client_id`, of letters, digits and signs: the tenant gives one out (Administration → OAuth)"));
        }
        let client_secret = SecretFile::read(reader, &key("client_secret_file"));
        match &client_secret {
            Some(file) => {
                if let Err(Fault { place, reason }) = file.open() {
                    reader.fault(&place, reason);
                }
            }
            None if must_prove => reader.fault(&place, format!("`{table}` lacks its `client_secret_file`")),
            None => {}
        }
        let scopes = match reader.list(&key("scopes")) {
            Some((place, scopes)) => {
                let is_scope =
                    |scope: &String| !scope.is_empty() && scope.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
                if scopes.is_empty() || !scopes.iter().all(is_scope) {
                    let usual = usual.join("\", \"");
                    reader.fault(
                        &place,
                        format!("`{}` must be a list of scopes without blanks, such as [\"{usual}\"]", key("scopes")),
                    );
                }
                scopes
            }
            None => usual.iter().map(|scope| (*scope).to_owned()).collect(),
        };
        Some(Self { client_id: client_id.unwrap_or_default(), client_secret, scopes })
    }

    /// It, with its secret.
    pub fn open(&self) -> Result<OauthClient, Fault> {
        let secret = self.client_secret.as_ref().map(SecretFile::open).transpose()?;
        Ok(OauthClient { id: self.client_id.clone(), secret, scope: self.scopes.join(" ") })
    }
}

impl fmt::Display for TenantClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "client_id = {:?}", self.client_id)?;
        if let Some(file) = &self.client_secret {
            writeln!(f, "client_secret_file = {file}")?;
        }
        writeln!(f, "scopes = {:?}", self.scopes)
    }
}

impl TenantConfig {
    /// A tenant with the usual bounds.
    pub fn new(name: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            url: url.into(),
            timeout_s: 30,
            batch_rows: 100,
            rate_scale: 1,
            licenses_elsewhere: 0,
            api_keys: true,
            oauth: None,
            unattended: None,
        }
    }

    /// How people can connect, in the words of the configuration.
    fn credentials(&self) -> Vec<&'static str> {
        [(self.oauth.is_some(), OAUTH), (self.api_keys, API_KEY)]
            .into_iter()
            .filter(|(is, _)| *is)
            .map(|(_, word)| word)
            .collect()
    }
}

const OAUTH: &str = "oauth";
const API_KEY: &str = "api-key";

impl fmt::Display for TenantConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, url, timeout_s, batch_rows, rate_scale, licenses_elsewhere, .. } = self;
        writeln!(f, "name = \"{name}\"\nurl = \"{url}\"\ntimeout_s = {timeout_s}\nbatch_rows = {batch_rows}")?;
        writeln!(
            f,
            "rate_scale = {rate_scale}\nlicenses_elsewhere = {licenses_elsewhere}\ncredentials = {:?}",
            self.credentials()
        )
    }
}

/// All tenants, by id.
pub(super) fn read(reader: &mut Reader<'_>) -> BTreeMap<String, TenantConfig> {
    let mut tenants = BTreeMap::new();
    for (id, place) in reader.tables("tenants") {
        let key = |name: &str| format!("tenants.{id}.{name}");
        if id.is_empty() || !id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
            reader.fault(
                &place,
                format!("`tenants.{id}`: ids may contain lowercase letters, digits and hyphens only (they are used in URLs)"),
            );
        }
        if let Some((place, kind)) = reader.text(&key("kind"))
            && kind != "cloud"
        {
            reader.fault(&place, format!("`tenants.{id}.kind` must be “cloud”: “{kind}” is not built yet"));
        }
        let oauth = TenantClient::read(reader, &key("oauth"), &["user_default", "admin_classic", "offline_access"], false);
        let unattended = TenantClient::read(reader, &key("unattended"), &["admin_classic"], true);
        let mut api_keys = true;
        if let Some((place, kinds)) = reader.list(&key("credentials")) {
            let has = |word: &str| kinds.iter().any(|kind| kind == word);
            let doubled = kinds.len() > kinds.iter().collect::<std::collections::BTreeSet<_>>().len();
            if kinds.is_empty() || doubled || kinds.iter().any(|kind| kind != OAUTH && kind != API_KEY) {
                reader.fault(
                    &place,
                    format!("`tenants.{id}.credentials` must be a list of “{OAUTH}”, “{API_KEY}” or both, each once"),
                );
            } else if has(OAUTH) && oauth.is_none() {
                reader.fault(
                    &place,
                    format!("`tenants.{id}.credentials` names “{OAUTH}”, which needs the table `[tenants.{id}.oauth]`"),
                );
            } else if !has(OAUTH) && oauth.is_some() {
                reader.fault(
                    &place,
                    format!("`tenants.{id}.credentials` lacks “{OAUTH}”, and `[tenants.{id}.oauth]` is set: remove one"),
                );
            }
            api_keys = has(API_KEY);
        }
        let name = reader.text(&key("name")).map_or_else(|| id.clone(), |(_, name)| name);
        let Some((place, url)) = reader.text(&key("url")) else {
            reader.fault(&place, format!("`tenants.{id}` lacks its `url`, such as https://{id}.eu.qlikcloud.com"));
            continue;
        };
        let url = url.trim_end_matches('/').to_owned();
        let local = url.strip_prefix("http://").is_some_and(is_loopback_host);
        if !local && url.strip_prefix("https://").is_none_or(str::is_empty) {
            reader.fault(&place, format!("`tenants.{id}.url` must be https, or http on loopback, and is “{url}”"));
        }
        let timeout_s = reader.number(&key("timeout_s"), 30, 1..=300);
        let batch_rows = reader.number(&key("batch_rows"), 100, 1..=1_000);
        let rate_scale = reader.number(&key("rate_scale"), 1, 1..=1_000);
        let licenses_elsewhere = reader.number(&key("licenses_elsewhere"), 0, 0..=10_000_000);
        tenants.insert(
            id,
            TenantConfig { name, url, timeout_s, batch_rows, rate_scale, licenses_elsewhere, api_keys, oauth, unattended },
        );
    }
    tenants
}
