//! `[auth.oidc]`: the OpenID provider that people sign in at.

use std::fmt;

use identity::claims::Pointer;
use identity::keys::Algorithm;
use identity::provider::{ClientAuth, Provider, Settings};

use super::super::file::Reader;
use super::super::secret::SecretFile;
use super::super::server::is_loopback_host;

/// Whether people sign out at the provider too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndSession {
    /// It is told by which client.
    Client,
    /// It is shown the ID token.
    Hint,
    /// They stay signed in there.
    Off,
}

/// The provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oidc {
    pub issuer: String,
    pub client_id: String,
    /// Left out for a public client.
    pub client_secret: Option<SecretFile>,
    pub client_auth: ClientAuth,
    pub scopes: Vec<String>,
    pub algorithms: Vec<Algorithm>,
    pub clock_skew_s: u32,
    /// From leaving for the provider to coming back.
    pub login_ttl_s: u32,
    /// Answers must name their issuer, whatever the provider promises.
    pub iss_always: bool,
    pub groups_claim: Pointer,
    pub name_claim: Pointer,
    /// Groups that are not in the ID token are asked for.
    pub userinfo: bool,
    pub end_session: EndSession,
    pub backchannel_logout: bool,
}

/// One of a few words.
fn word<T: Copy>(reader: &mut Reader<'_>, key: &str, usual: T, words: &[(&str, T)]) -> T {
    let Some((place, given)) = reader.text(key) else { return usual };
    words.iter().find(|(word, _)| *word == given).map_or_else(
        || {
            let known: Vec<String> = words.iter().map(|(word, _)| format!("“{word}”")).collect();
            reader.fault(&place, format!("`{key}` must be one of {}, and is “{given}”", known.join(", ")));
            usual
        },
        |(_, value)| *value,
    )
}

pub(super) fn pointer(reader: &mut Reader<'_>, key: &str, usual: &'static str) -> Pointer {
    let (place, text) = reader.text(key).unwrap_or_else(|| (reader.file().to_owned(), usual.to_owned()));
    Pointer::parse(&text).unwrap_or_else(|| {
        reader
            .fault(&place, format!("`{key}` must be a JSON pointer such as “{usual}” or “/realm_access/roles”, and is “{text}”"));
        Pointer::known(usual)
    })
}

/// How tokens may be signed.
pub(super) fn algorithms(reader: &mut Reader<'_>, key: &str, usual: &[Algorithm]) -> Vec<Algorithm> {
    let Some((place, names)) = reader.list(key) else { return usual.to_vec() };
    let mut known = Vec::new();
    for name in &names {
        match Algorithm::parse(name) {
            Some(algorithm) => known.push(algorithm),
            None => {
                let all: Vec<&str> = Algorithm::ALL.into_iter().map(Algorithm::as_str).collect();
                reader.fault(
                    &place,
                    format!("`{key}` knows {}, and not “{name}”: “none” and shared secrets prove nothing", all.join(", ")),
                );
            }
        }
    }
    if names.is_empty() {
        reader.fault(&place, format!("`{key}` must name at least one algorithm, such as “RS256”"));
    }
    known
}

impl Oidc {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let key = |name: &str| format!("auth.oidc.{name}");
        let must = |reader: &mut Reader<'_>, name: &str, example: &str| {
            let found = reader.text(&key(name)).filter(|(_, text)| !text.trim().is_empty());
            let place = reader.tables("auth").get("oidc").cloned().unwrap_or_else(|| reader.file().to_owned());
            found.unwrap_or_else(|| {
                reader.fault(&place, format!("`{}` is missing, such as “{example}”", key(name)));
                (reader.file().to_owned(), String::new())
            })
        };
        let (place, issuer) = must(reader, "issuer", "https://id.example.com");
        let local =
            issuer.strip_prefix("http://").is_some_and(|rest| is_loopback_host(rest.split('/').next().unwrap_or_default()));
        let remote = issuer.strip_prefix("https://").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
        let odd = issuer.contains(['?', '#', '@', '\\']) || issuer.chars().any(|c| c.is_whitespace() || c.is_control());
        if !issuer.is_empty() && (!local && !remote || odd || url::Url::parse(&issuer).is_err()) {
            reader.fault(
                &place,
                format!(
                    "`{}` must be an https address without a query (http on loopback only), and is “{issuer}”",
                    key("issuer")
                ),
            );
        }
        let (_, client_id) = must(reader, "client_id", "quartermaster");
        let client_secret = SecretFile::read(reader, &key("client_secret_file"));
        if let Some(file) = &client_secret
            && let Err(fault) = file.open()
        {
            reader.fault(&fault.place, fault.reason);
        }
        let usual_auth = if client_secret.is_some() { ClientAuth::Basic } else { ClientAuth::None };
        let auth_place = reader.place_of(&key("token_auth"));
        let words = [("basic", ClientAuth::Basic), ("post", ClientAuth::Post), ("none", ClientAuth::None)];
        let client_auth = word(reader, &key("token_auth"), usual_auth, &words);
        if client_secret.is_none() && client_auth != ClientAuth::None {
            reader.fault(&auth_place, format!("`{}` “basic” and “post” need `client_secret_file`", key("token_auth")));
        }
        let scopes = reader.list(&key("scopes")).map_or_else(
            || ["openid", "profile", "email", "groups"].map(ToOwned::to_owned).to_vec(),
            |(place, scopes)| {
                let plain = |scope: &String| {
                    !scope.is_empty() && scope.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
                };
                if !scopes.iter().any(|scope| scope == "openid") {
                    reader.fault(&place, format!("`{}` must hold “openid”", key("scopes")));
                }
                if !scopes.iter().all(plain) {
                    reader.fault(&place, format!("`{}` must be words without blanks", key("scopes")));
                }
                scopes
            },
        );
        let algorithms = algorithms(reader, &key("algorithms"), &[Algorithm::Rs256, Algorithm::Es256]);
        Self {
            issuer,
            client_id,
            client_secret,
            client_auth,
            scopes,
            algorithms,
            clock_skew_s: reader.number(&key("clock_skew_s"), 60, 0..=120),
            login_ttl_s: reader.number(&key("login_ttl_s"), 600, 5..=900),
            iss_always: word(reader, &key("iss_parameter"), false, &[("advertised", false), ("always", true)]),
            groups_claim: pointer(reader, &key("groups_claim"), "/groups"),
            name_claim: pointer(reader, &key("name_claim"), "/name"),
            userinfo: reader.flag(&key("userinfo"), false),
            end_session: word(
                reader,
                &key("end_session"),
                EndSession::Client,
                &[("client", EndSession::Client), ("hint", EndSession::Hint), ("off", EndSession::Off)],
            ),
            backchannel_logout: reader.flag(&key("backchannel_logout"), true),
        }
    }
}

impl Oidc {
    /// The provider; nothing is asked of it yet.
    pub fn provider(&self) -> Result<Provider, String> {
        let secret = self.client_secret.as_ref().map(SecretFile::open).transpose().map_err(|fault| fault.to_string())?;
        Provider::new(Settings {
            issuer: self.issuer.clone(),
            client_id: self.client_id.clone(),
            client_secret: secret,
            client_auth: self.client_auth,
            algorithms: self.algorithms.clone(),
            skew_s: i64::from(self.clock_skew_s),
        })
    }
}

impl fmt::Display for Oidc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |list: &[&str]| list.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(", ");
        writeln!(f, "\n[auth.oidc]\nissuer = {:?}\nclient_id = {:?}", self.issuer, self.client_id)?;
        if let Some(file) = &self.client_secret {
            writeln!(f, "client_secret_file = {file}")?;
        }
        let auth = match self.client_auth {
            ClientAuth::Basic => "basic",
            ClientAuth::Post => "post",
            ClientAuth::None => "none",
        };
        let algorithms: Vec<&str> = self.algorithms.iter().map(|algorithm| algorithm.as_str()).collect();
        let scopes: Vec<&str> = self.scopes.iter().map(String::as_str).collect();
        writeln!(f, "token_auth = \"{auth}\"\nscopes = [{}]\nalgorithms = [{}]", quoted(&scopes), quoted(&algorithms))?;
        writeln!(f, "clock_skew_s = {}\nlogin_ttl_s = {}", self.clock_skew_s, self.login_ttl_s)?;
        writeln!(f, "iss_parameter = \"{}\"", if self.iss_always { "always" } else { "advertised" })?;
        writeln!(f, "groups_claim = {:?}\nname_claim = {:?}", self.groups_claim.as_str(), self.name_claim.as_str())?;
        let end = match self.end_session {
            EndSession::Client => "client",
            EndSession::Hint => "hint",
            EndSession::Off => "off",
        };
        writeln!(f, "userinfo = {}\nend_session = \"{end}\"\nbackchannel_logout = {}", self.userinfo, self.backchannel_logout)
    }
}
