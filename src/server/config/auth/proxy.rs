//! `[auth.proxy]`: the proxy that people come through, and how it says who they are.

use std::fmt;
use std::net::IpAddr;

use axum::http::HeaderName;
use identity::claims::Pointer;
use identity::keys::Algorithm;
use identity::provider::{ClientAuth, KeysAt, Provider, Settings};
use ipnet::IpNet;
use secrecy::{ExposeSecret as _, SecretString};

use super::super::file::Reader;
use super::super::secret::{SecretFile, read_private};
use super::super::server::Server;
use super::oidc::{algorithms, pointer};

/// A proof has at least so many characters.
const PROOF: usize = 32;
/// So many proofs at once: one, and another while it is changed.
const PROOFS: usize = 2;
/// Headers that say something else already.
const TAKEN: [&str; 5] = ["authorization", "cookie", "host", "origin", "connection"];

/// The proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Whoever may come as the proxy, by the address of the connection.
    pub trusted: Vec<IpNet>,
    /// Whoever may open the portal's socket comes as the proxy.
    pub by_socket: bool,
    /// How it says who somebody is.
    pub says: Says,
    /// Where the address of whoever came to the proxy stands, for the trail only.
    pub client_ip: HeaderName,
    /// Where people sign out of the proxy; empty where nowhere.
    pub sign_out_url: String,
}

/// How a proxy says who somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// By headers that it vouches for.
    Headers {
        /// Where the proofs are. Without them, which only a socket allows, the subject alone is believed.
        secret: Option<SecretFile>,
        /// Which header has the proof.
        proof: HeaderName,
        /// Which has the subject.
        user: HeaderName,
        /// Which has the groups; nothing where roles go by subject only.
        groups: Option<HeaderName>,
        /// Between two groups.
        separator: String,
        /// Which has the name for people's eyes.
        name: HeaderName,
    },
    /// By an assertion that is signed.
    Jwt {
        /// Which header has it.
        header: HeaderName,
        /// Who signs it.
        issuer: String,
        /// For whom it must be.
        audience: String,
        /// Where the keys are.
        keys: KeysAt,
        /// How it may be signed.
        algorithms: Vec<Algorithm>,
        /// Where the groups are in it.
        groups_claim: Pointer,
    },
}

/// A header's name as configurations may have it.
fn header(reader: &mut Reader<'_>, key: &str, usual: Option<&'static str>) -> Option<HeaderName> {
    let Some((place, text)) = reader.text(key) else { return usual.map(|usual| HeaderName::from_bytes(usual.as_bytes()).ok())? };
    let lower = text.to_ascii_lowercase();
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let taken = TAKEN.contains(&lower.as_str()) || lower.starts_with("content-") || lower.starts_with("sec-");
    if !plain || taken {
        reader.fault(
            &place,
            format!("`{key}` must be a header of letters, digits and hyphens that means nothing else, such as X-Auth-User, and is “{text}”"),
        );
        return None;
    }
    HeaderName::from_bytes(lower.as_bytes()).ok()
}

/// Addresses: one, or a net that is narrow enough to be somebody's.
fn net(text: &str) -> Option<IpNet> {
    let net = match text.parse::<IpNet>() {
        Ok(net) => net,
        Err(_) => IpNet::from(text.parse::<IpAddr>().ok()?),
    };
    let narrow = match net {
        IpNet::V4(net) => net.prefix_len() > 8,
        IpNet::V6(net) => net.prefix_len() > 16 && net.addr().to_ipv4_mapped().is_none(),
    };
    narrow.then(|| net.trunc())
}

/// The proofs in a file: one a line.
fn proofs(text: &str) -> Result<Vec<SecretString>, String> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    let plain =
        |line: &&str| line.len() >= PROOF && line.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    match lines.len() {
        1..=PROOFS if lines.iter().all(plain) => Ok(lines.into_iter().map(SecretString::from).collect()),
        1..=PROOFS => Err(format!("must hold proofs of at least {PROOF} of A-Z a-z 0-9 - _, one a line")),
        _ => Err(format!("must hold one proof, or {PROOFS} while it is changed, one a line")),
    }
}

impl Proxy {
    pub(super) fn read(reader: &mut Reader<'_>, server: &Server) -> Self {
        let key = |name: &str| format!("auth.proxy.{name}");
        let (mut trusted, mut by_socket) = (Vec::new(), false);
        let on_socket = server.listen.address().is_none();
        match reader.list(&key("trusted")) {
            None => {
                reader
                    .fault(reader.file(), "`auth.proxy.trusted` is missing: the addresses of the proxy, such as [\"10.0.0.5\"]");
            }
            Some((place, texts)) => {
                if texts.is_empty() {
                    reader.fault(&place, "`auth.proxy.trusted` must name at least one address, such as “10.0.0.5”");
                }
                for text in texts {
                    match net(&text) {
                        Some(net) => trusted.push(net),
                        None if text == "unix" && on_socket => by_socket = true,
                        None if text == "unix" => reader.fault(
                            &place,
                            "`auth.proxy.trusted` “unix” goes with a socket: set `server.listen` to one, such as “unix:/run/quartermaster/portal.sock”",
                        ),
                        None => reader.fault(
                            &place,
                            format!("`auth.proxy.trusted` must hold addresses or nets narrower than /8 (IPv6: /16), such as “10.0.0.5” or “fd00::/64”, and holds “{text}”"),
                        ),
                    }
                }
            }
        }
        if on_socket && !by_socket {
            let place = reader.place_of("server.listen");
            reader.fault(&place, "a connection by a socket has no address: `auth.proxy.trusted` must hold “unix”");
        }
        let client_ip = header(reader, &key("client_ip_header"), Some("x-forwarded-for"));
        let sign_out = reader.text(&key("sign_out_url"));
        let sign_out_url = sign_out.map_or_else(String::new, |(place, url)| {
            let here = url.starts_with('/') && !url.starts_with("//") && !url.contains('\\');
            if !here && !url.starts_with("https://") {
                reader.fault(
                    &place,
                    format!("`auth.proxy.sign_out_url` must be a path of this host or an https address, and is “{url}”"),
                );
            }
            url
        });
        let jwt = reader.tables("auth.proxy").contains_key("jwt");
        let says = if jwt { Says::read_jwt(reader) } else { Says::read_headers(reader, by_socket) };
        Self {
            trusted,
            by_socket,
            says,
            client_ip: client_ip.unwrap_or(HeaderName::from_static("x-forwarded-for")),
            sign_out_url,
        }
    }

    /// The proofs, from their file.
    pub fn proofs(&self) -> Result<Vec<SecretString>, String> {
        match &self.says {
            Says::Jwt { .. } | Says::Headers { secret: None, .. } => Ok(Vec::new()),
            Says::Headers { secret: Some(secret), .. } => {
                let bytes = read_private(&secret.path).map_err(|error| format!("{}: {error}", secret.path.display()))?;
                let text =
                    String::from_utf8(bytes).map_err(|_| format!("{} holds something else than text", secret.path.display()))?;
                proofs(&text).map_err(|why| format!("{} {why}", secret.path.display()))
            }
        }
    }

    /// Who signs its assertions, where it does.
    pub fn signer(&self) -> Result<Option<Provider>, String> {
        let Says::Jwt { issuer, audience, keys, algorithms, .. } = &self.says else { return Ok(None) };
        let settings = Settings {
            issuer: issuer.clone(),
            client_id: audience.clone(),
            client_secret: None,
            client_auth: ClientAuth::None,
            algorithms: algorithms.clone(),
            skew_s: 60,
        };
        Provider::of_assertions(settings, keys.clone()).map(Some)
    }
}

impl Says {
    fn read_headers(reader: &mut Reader<'_>, by_socket: bool) -> Self {
        let key = |name: &str| format!("auth.proxy.{name}");
        let secret = SecretFile::read(reader, &key("secret_file"));
        if secret.is_none() && !by_socket {
            reader.fault(reader.file(), "`auth.proxy.secret_file` is missing: the proof that a request came through the proxy");
        }
        let proof = header(reader, &key("proof_header"), Some("x-quartermaster-proof"));
        let user = header(reader, &key("user_header"), Some("x-auth-user"));
        let groups = header(reader, &key("groups_header"), None);
        let name = header(reader, &key("name_header"), Some("x-auth-name"));
        let (place, separator) =
            reader.text(&key("groups_separator")).unwrap_or_else(|| (reader.file().to_owned(), ",".to_owned()));
        if separator.is_empty() || separator.chars().any(char::is_control) {
            reader.fault(&place, "`auth.proxy.groups_separator` must be the text between two groups, such as “,”");
        }
        let names = [&proof, &user, &groups, &name];
        let mut known: Vec<&HeaderName> = names.into_iter().flatten().collect();
        let all = known.len();
        known.sort_by_key(|name| name.as_str());
        known.dedup();
        if known.len() < all {
            reader.fault(reader.file(), "`[auth.proxy]` names one header for two things");
        }
        let usual = HeaderName::from_static;
        let says = Self::Headers {
            secret,
            proof: proof.unwrap_or(usual("x-quartermaster-proof")),
            user: user.unwrap_or(usual("x-auth-user")),
            groups,
            separator,
            name: name.unwrap_or(usual("x-auth-name")),
        };
        if let Self::Headers { secret: Some(secret), .. } = &says {
            let proxy = Proxy {
                trusted: Vec::new(),
                by_socket,
                says: says.clone(),
                client_ip: usual("x-forwarded-for"),
                sign_out_url: String::new(),
            };
            if let Err(why) = proxy.proofs() {
                reader.fault(secret.place(), format!("`auth.proxy.secret_file`: {why}"));
            }
        }
        says
    }

    fn read_jwt(reader: &mut Reader<'_>) -> Self {
        let key = |name: &str| format!("auth.proxy.jwt.{name}");
        for name in ["secret_file", "proof_header", "user_header", "groups_header", "name_header"] {
            let other = format!("auth.proxy.{name}");
            let place = reader.place_of(&other);
            if reader.text(&other).is_some() {
                reader.fault(
                    &place,
                    format!("`{other}` does not go with `[auth.proxy.jwt]`, where the assertion says who a person is"),
                );
            }
        }
        let must = |reader: &mut Reader<'_>, name: &str, example: &str| {
            reader.text(&key(name)).filter(|(_, text)| !text.trim().is_empty()).map_or_else(
                || {
                    reader.fault(reader.file(), format!("`{}` is missing, such as “{example}”", key(name)));
                    String::new()
                },
                |(_, text)| text,
            )
        };
        let name = header(reader, &key("header"), None);
        if name.is_none() {
            reader.fault(reader.file(), "`auth.proxy.jwt.header` is missing, such as “Cf-Access-Jwt-Assertion”");
        }
        let issuer = must(reader, "issuer", "https://example.cloudflareaccess.com");
        let audience = must(reader, "audience", "32-hex-of-the-application");
        let (url, file) = (reader.text(&key("jwks_url")), reader.text(&key("jwks_file")));
        let keys = match (url, file) {
            (Some((place, text)), None) => {
                let url = url::Url::parse(&text).ok();
                if url.is_none() {
                    reader.fault(&place, format!("`{}` must be an https address, and is “{text}”", key("jwks_url")));
                }
                url.map(KeysAt::Url)
            }
            (None, Some((_, file))) => Some(KeysAt::File(file.into())),
            _ => {
                reader.fault(reader.file(), "`[auth.proxy.jwt]` needs `jwks_url` or `jwks_file`, and not both");
                None
            }
        };
        let says = Self::Jwt {
            header: name.unwrap_or(HeaderName::from_static("x-assertion")),
            issuer,
            audience,
            keys: keys.unwrap_or_else(|| KeysAt::File(std::path::PathBuf::new())),
            algorithms: algorithms(reader, &key("algorithms"), &[Algorithm::Rs256]),
            groups_claim: pointer(reader, &key("groups_claim"), "/groups"),
        };
        let proxy = Proxy {
            trusted: Vec::new(),
            by_socket: false,
            says,
            client_ip: HeaderName::from_static("x-forwarded-for"),
            sign_out_url: String::new(),
        };
        if let Err(why) = proxy.signer() {
            reader.fault(reader.file(), format!("`[auth.proxy.jwt]`: {why}"));
        }
        proxy.says
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nets = self.trusted.iter().map(|net| format!("\"{net}\""));
        let trusted: Vec<String> = nets.chain(self.by_socket.then(|| "\"unix\"".to_owned())).collect();
        writeln!(f, "\n[auth.proxy]\ntrusted = [{}]\nclient_ip_header = \"{}\"", trusted.join(", "), self.client_ip)?;
        if !self.sign_out_url.is_empty() {
            writeln!(f, "sign_out_url = {:?}", self.sign_out_url)?;
        }
        match &self.says {
            Says::Headers { secret, proof, user, groups, separator, name } => {
                if let Some(secret) = secret {
                    writeln!(f, "secret_file = {secret}")?;
                }
                writeln!(f, "proof_header = \"{proof}\"\nuser_header = \"{user}\"")?;
                if let Some(groups) = groups {
                    writeln!(f, "groups_header = \"{groups}\"")?;
                }
                writeln!(f, "groups_separator = {separator:?}\nname_header = \"{name}\"")
            }
            Says::Jwt { header, issuer, audience, keys, algorithms, groups_claim } => {
                writeln!(f, "\n[auth.proxy.jwt]\nheader = \"{header}\"\nissuer = {issuer:?}\naudience = {audience:?}")?;
                match keys {
                    KeysAt::Url(url) => writeln!(f, "jwks_url = \"{url}\"")?,
                    KeysAt::File(file) => writeln!(f, "jwks_file = {:?}", file.display().to_string())?,
                }
                let algorithms: Vec<String> = algorithms.iter().map(|algorithm| format!("\"{}\"", algorithm.as_str())).collect();
                writeln!(f, "algorithms = [{}]\ngroups_claim = {:?}", algorithms.join(", "), groups_claim.as_str())
            }
        }
    }
}

/// Whether one of the proofs is given, in a time that does not tell how near it is.
pub fn proves(proofs: &[SecretString], given: &str) -> bool {
    // All are compared, whichever fits.
    let fits: Vec<bool> = proofs.iter().map(|proof| identity::secret::same(proof.expose_secret(), given)).collect();
    fits.contains(&true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_can_be_a_proxy_are_trusted() {
        for good in ["10.0.0.5", "10.0.0.0/9", "fd00::/64", "::1", "127.0.0.1/32"] {
            assert!(net(good).is_some(), "{good}");
        }
        assert_eq!(net("fd00::7"), Some("fd00::7/128".parse().unwrap()), "a bare address is one address");
        for bad in [
            "*",
            "0.0.0.0/0",
            "::/0",
            "10.0.0.0/8",
            "fd00::/16",
            "::ffff:10.0.0.5",
            "::ffff:0:0/96",
            "proxy.example.com",
            "",
            "10.0.0",
        ] {
            assert!(net(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_proof_is_long_and_plain() {
        let long = "a".repeat(32);
        assert!(proofs(&format!("{long}\n")).is_ok() && proofs(&format!("{long}\n{long}b\n")).is_ok());
        for bad in
            [String::new(), "a".repeat(31), format!("{long} "), format!("{long}\n{long}\n{long}"), format!("{long}\nshort")]
        {
            assert!(proofs(&bad).is_err(), "{bad:?}");
        }
        let known = proofs(&format!("{long}\n{long}b")).unwrap();
        assert!(proves(&known, &long) && proves(&known, &format!("{long}b")));
        assert!(!proves(&known, &long[..31]) && !proves(&known, "") && !proves(&[], ""));
    }
}
