//! `[tenants.<id>]`: the tenants that keys may be sent to.

use std::collections::BTreeMap;
use std::fmt;

use super::file::Reader;
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
}

impl TenantConfig {
    /// A tenant with the usual bounds.
    pub fn new(name: impl Into<String>, url: impl Into<String>) -> Self {
        Self { name: name.into(), url: url.into(), timeout_s: 30, batch_rows: 100, rate_scale: 1, licenses_elsewhere: 0 }
    }
}

impl fmt::Display for TenantConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, url, timeout_s, batch_rows, rate_scale, licenses_elsewhere } = self;
        writeln!(f, "name = \"{name}\"\nurl = \"{url}\"\ntimeout_s = {timeout_s}\nbatch_rows = {batch_rows}")?;
        writeln!(f, "rate_scale = {rate_scale}\nlicenses_elsewhere = {licenses_elsewhere}")
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
        if let Some((place, kinds)) = reader.list(&key("credentials"))
            && kinds.iter().any(|kind| kind != "api-key")
        {
            reader.fault(&place, format!("`tenants.{id}.credentials` must be [\"api-key\"]"));
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
        tenants.insert(id, TenantConfig { name, url, timeout_s, batch_rows, rate_scale, licenses_elsewhere });
    }
    tenants
}
