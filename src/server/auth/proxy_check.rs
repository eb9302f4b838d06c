//! `quartermaster check-proxy`: sends forged headers through the real proxy, to every kind of address, and tells what arrives as the
//! client sent it.

use std::collections::BTreeSet;
use std::fmt;

use identity::probe::ask;
use serde::Deserialize;
use url::Url;

use super::proxy::{MARK, PROBE, PROBES};
use crate::server::config::{AuthMode, Config, Says};

/// One address of each kind: a proxy may treat any location in its own way.
const PATHS: [&str; 10] = [
    PROBE,
    "/",
    "/connect",
    "/auth/me",
    "/t/tenant/overview",
    "/t/tenant/audit/export",
    "/api/frame",
    "/rows/tenant/outline",
    "/events/tenant/jobs/job",
    "/export/tenant/template.csv",
];

/// What arrived of one header.
#[derive(Debug, Deserialize)]
struct Arrived {
    header: String,
    verdict: String,
    alias: bool,
}

/// What an address says that arrived.
#[derive(Debug, Deserialize)]
struct Said {
    headers: Vec<Arrived>,
    outcome: String,
    forged: bool,
}

/// What came of the check.
#[derive(Debug, Default)]
pub struct Report {
    /// Requests that were answered.
    answered: usize,
    /// Addresses that did not say what arrived, with what they answered.
    silent: BTreeSet<String>,
    /// What was forged and believed: this must never be.
    believed: BTreeSet<String>,
    /// What was forged and arrived, under its own name: a location that does not set it.
    arrived: BTreeSet<String>,
    /// The same under another spelling, which is dropped here.
    dropped: BTreeSet<String>,
    /// The caller is let in where nothing was forged.
    let_in: bool,
}

impl Report {
    /// Whether nothing of what was forged can count.
    pub fn is_safe(&self) -> bool {
        self.answered > 0 && self.believed.is_empty() && self.arrived.is_empty() && self.silent.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} requests with forged headers were answered.", self.answered)?;
        let each = |f: &mut fmt::Formatter<'_>, what: &str, lines: &BTreeSet<String>| {
            lines.iter().try_for_each(|line| writeln!(f, "{what}: {line}"))
        };
        each(f, "BELIEVED", &self.believed)?;
        each(f, "arrives as the client sent it", &self.arrived)?;
        each(f, "did not say what arrived", &self.silent)?;
        each(f, "arrives in another spelling, and is dropped here", &self.dropped)?;
        if !self.let_in {
            writeln!(
                f,
                "No one was let in by the requests without forged headers: is the cookie that of a person who is signed in?"
            )?;
        }
        if self.is_safe() { writeln!(f, "Nothing forged counts.") } else { Ok(()) }
    }
}

/// Headers as an attacker would send them: each of ours, in every spelling, twice, and named as one that ends at the proxy.
fn corpus(names: &[String]) -> Vec<Vec<(String, String)>> {
    let forged = |name: &str| (name.to_owned(), format!("{MARK} X-Auth-User X-Auth-Groups X-Auth-Name"));
    let mut all: Vec<Vec<(String, String)>> = vec![names.iter().map(|name| forged(name)).collect()];
    for name in names {
        let spellings = [
            name.clone(),
            name.replace('-', "_"),
            name.replace('-', "."),
            name.replacen('-', "_", 1),
            name.replacen('-', ".", 1),
            name.to_ascii_uppercase(),
        ];
        all.extend(spellings.iter().map(|spelling| vec![forged(spelling)]));
        all.push(vec![forged(name), forged(name)]);
        // A header that is named so ends at the proxy, if it believes the client.
        all.push(vec![("connection".to_owned(), format!("close, {name}")), forged(name)]);
    }
    all
}

/// Sends all of it. `cookie` is that of somebody who is signed in at the proxy.
pub async fn run(config: &Config, url: &str, cookie: Option<&str>) -> Result<Report, String> {
    let AuthMode::Proxy(proxy) = &config.auth.mode else { return Err("`auth.mode` is not “proxy”".to_owned()) };
    let base = Url::parse(url).map_err(|_| format!("{url} is not an address"))?;
    let names: Vec<String> = match &proxy.says {
        Says::Headers { proof, user, groups, name, .. } => {
            [Some(proof), Some(user), groups.as_ref(), Some(name)].into_iter().flatten().map(ToString::to_string).collect()
        }
        Says::Jwt { header, .. } => vec![header.to_string()],
    };
    let mut report = Report::default();
    for path in PATHS {
        let at = base.join(path).map_err(|_| format!("{path} is not an address"))?;
        for forged in std::iter::once(Vec::new()).chain(corpus(&names)) {
            let plain = forged.is_empty();
            let mut headers = vec![(PROBES.to_owned(), "1".to_owned())];
            headers.extend(cookie.map(|cookie| ("cookie".to_owned(), cookie.to_owned())));
            headers.extend(forged);
            let (status, body) = ask(&at, &headers).await?;
            let Ok(said) = serde_json::from_slice::<Said>(&body) else {
                report.silent.insert(format!("{path} (answered {status})"));
                continue;
            };
            report.answered += 1;
            report.let_in |= plain && said.outcome == "let in";
            for Arrived { header, verdict, alias } in said.headers {
                let line = format!("{header} at {path}");
                match (verdict.as_str(), alias) {
                    ("as the client sent it", true) => drop(report.dropped.insert(line)),
                    ("as the client sent it", false) => drop(report.arrived.insert(line)),
                    _ => {}
                }
            }
            if said.forged {
                report.believed.insert(format!("another person at {path}"));
            }
        }
    }
    Ok(report)
}
