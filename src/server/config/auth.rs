//! `[auth]`: how people sign in to the portal itself, and what they may do there.

mod oidc;
mod plans;
mod proxy;
mod roles;
mod session;

use std::fmt;

use super::file::Reader;
use super::server::Server;

pub use oidc::{EndSession, Oidc};
pub use plans::PlanChecks;
pub use proxy::{Proxy, Says, proves};
pub use roles::Roles;
pub use session::SessionLengths;

/// How people sign in, what they may do, and how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auth {
    /// How people sign in.
    pub mode: AuthMode,
    /// Who has which role; nobody is asked where nobody signs in.
    pub roles: Roles,
    /// How long a session lasts.
    pub session: SessionLengths,
    /// What plans need besides somebody who applies them.
    pub plans: PlanChecks,
}

/// How people sign in to the portal itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthMode {
    /// Not at all: whoever reaches the loopback address is let in.
    None,
    /// At an OpenID provider.
    Oidc(Box<Oidc>),
    /// At a proxy in front of the portal, which says who they are.
    Proxy(Box<Proxy>),
}

impl AuthMode {
    /// Its word in the configuration.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Oidc(_) => "oidc",
            Self::Proxy(_) => "proxy",
        }
    }
}

impl Auth {
    pub(super) fn read(reader: &mut Reader<'_>, server: &Server) -> Self {
        let (place, word) = reader.text("auth.mode").unwrap_or_else(|| (reader.file().to_owned(), "none".to_owned()));
        let tables = reader.tables("auth");
        for (table, place) in &tables {
            if matches!(table.as_str(), "oidc" | "proxy") && *table != word {
                reader.fault(
                    place,
                    format!("`[auth.{table}]` belongs to `auth.mode` “{table}”, and the mode is “{word}”: remove one"),
                );
                // Named once, not key by key.
                reader.forget(&format!("auth.{table}"));
            }
        }
        let mode = match word.as_str() {
            "none" => AuthMode::None,
            "oidc" => {
                if !tables.contains_key("oidc") {
                    reader.fault(&place, "`auth.mode` “oidc” needs the table `[auth.oidc]` with `issuer` and `client_id`");
                }
                AuthMode::Oidc(Box::new(Oidc::read(reader)))
            }
            "proxy" => {
                if !tables.contains_key("proxy") {
                    reader.fault(&place, "`auth.mode` “proxy” needs the table `[auth.proxy]` with `trusted` and `secret_file`");
                }
                AuthMode::Proxy(Box::new(Proxy::read(reader, server)))
            }
            _ => {
                reader.fault(&place, format!("`auth.mode` must be “oidc”, “proxy” or “none”, and is “{word}”"));
                AuthMode::None
            }
        };
        let nobody_signs_in = word == "none";
        if nobody_signs_in && !server.listen.is_local() {
            let listen = &server.listen;
            reader.fault(
                reader.file(),
                format!("`auth.mode` “none” allows anyone, so `server.listen` must be a loopback address, and is {listen}"),
            );
        }
        let roles = Roles::read(reader, nobody_signs_in, tables.get("roles"));
        let plans = PlanChecks::read(reader, nobody_signs_in);
        Self { mode, roles, session: SessionLengths::read(reader), plans }
    }
}

impl fmt::Display for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "[auth]\nmode = \"{}\"", self.mode.as_str())?;
        match &self.mode {
            AuthMode::None => {}
            AuthMode::Oidc(oidc) => write!(f, "{oidc}{}", self.roles)?,
            AuthMode::Proxy(proxy) => write!(f, "{proxy}{}", self.roles)?,
        }
        write!(f, "{}{}", self.session, self.plans)
    }
}

#[cfg(test)]
mod tests {
    use crate::server::config::read;

    const GOOD: &str = "[server]\nlisten = \"0.0.0.0:3000\"\npublic_url = \"https://qm.example.com\"\n[auth]\nmode = \"oidc\"\n\
        [auth.oidc]\nissuer = \"https://id.example.com\"\nclient_id = \"quartermaster\"\n[auth.roles]\nadmin = [\"group:qm-admins\"]\n";

    fn faults(text: &str) -> Vec<String> {
        read("Leptos.toml", text, []).err().unwrap_or_default().iter().map(ToString::to_string).collect()
    }

    /// What is told of one line that is put into a good configuration, after the line that `after` begins.
    fn told(after: &str, line: &str) -> (String, Vec<String>) {
        let at = GOOD.find(after).unwrap() + GOOD.get(GOOD.find(after).unwrap()..).unwrap().find('\n').unwrap() + 1;
        let text = format!("{}{line}\n{}", GOOD.get(..at).unwrap(), GOOD.get(at..).unwrap());
        let number = GOOD.get(..at).unwrap().matches('\n').count() + 1;
        (format!("Leptos.toml:{number}:"), faults(&text))
    }

    #[test]
    fn a_sign_in_is_read_and_shown_without_secrets() {
        let config = read("Leptos.toml", GOOD, []).unwrap();
        assert_eq!(config.auth.mode.as_str(), "oidc");
        assert_eq!(config.auth.plans.step_up_rows, 100, "asked for where people sign in");
        assert_eq!(read("x", "", []).unwrap().auth.plans.step_up_rows, 0, "and not where no one does");
        let shown = config.to_string();
        assert!(
            shown.contains("issuer = \"https://id.example.com\"") && shown.contains("admin = [\"group:qm-admins\"]"),
            "{shown}"
        );
        // What is shown can be read again.
        assert_eq!(read("x", &shown, []).unwrap().auth, config.auth);
    }

    #[test]
    fn every_bound_of_a_sign_in_is_told_with_its_line() {
        for (line, word) in [
            ("token_auth = \"basic\"", "client_secret_file"),
            ("token_auth = \"jwt\"", "must be one of"),
            ("client_secret_file = \"/nowhere/oidc.secret\"", "cannot be read"),
            ("scopes = [\"profile\"]", "openid"),
            ("scopes = [\"openid\", \"a b\"]", "blanks"),
            ("algorithms = [\"none\"]", "prove nothing"),
            ("algorithms = [\"HS256\"]", "prove nothing"),
            ("algorithms = []", "at least one"),
            ("clock_skew_s = 121", "0"),
            ("login_ttl_s = 4", "5"),
            ("login_ttl_s = 901", "900"),
            ("iss_parameter = \"never\"", "must be one of"),
            ("groups_claim = \"groups\"", "JSON pointer"),
            ("name_claim = \"/a~2\"", "JSON pointer"),
            ("userinfo = \"yes\"", "true or false"),
            ("end_session = \"maybe\"", "must be one of"),
            ("issuers = \"x\"", "not a setting"),
        ] {
            let (place, told) = told("client_id", line);
            assert!(told.iter().any(|told| told.starts_with(&place) && told.contains(word)), "{line}: {told:#?}");
        }
        for (line, word) in [
            ("operator = [\"license-team\"]", "group:"),
            ("viewer = [\"claim:department=IT\"]", "claim:"),
            ("default = \"admin\"", "never more"),
        ] {
            let (place, told) = told("admin", line);
            assert!(told.iter().any(|told| told.starts_with(&place) && told.contains(word)), "{line}: {told:#?}");
        }
    }

    #[test]
    fn every_bound_of_a_proxy_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str, mode: u32| {
            use std::os::unix::fs::PermissionsExt as _;
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            path.display().to_string()
        };
        let secret = file("proof", &format!("{}\n", "canary".repeat(6)), 0o600);
        let with = |more: &str| {
            format!(
                "[server]\nlisten = \"0.0.0.0:3000\"\npublic_url = \"https://qm.example.com\"\n[auth]\nmode = \"proxy\"\n{more}\n\
                 [auth.roles]\nadmin = [\"group:qm-admins\"]\n"
            )
        };
        let headers = |more: &str| with(&format!("[auth.proxy]\ntrusted = [\"10.0.0.5\"]\nsecret_file = \"{secret}\"\n{more}"));
        let config = read("x", &headers("groups_header = \"X-Auth-Groups\"\nsign_out_url = \"/oauth2/sign_out\""), []).unwrap();
        let shown = config.to_string();
        assert!(!shown.contains("canary") && read("x", &shown, []).unwrap().to_string() == shown, "{shown}");
        let short = file("short", "canary", 0o600);
        let open = file("open", &"canary".repeat(6), 0o644);
        for (text, word) in [
            (with(""), "needs the table"),
            (with("[auth.proxy]\nsecret_file = \"x\""), "`auth.proxy.trusted` is missing"),
            (with("[auth.proxy]\ntrusted = [\"10.0.0.5\"]"), "`auth.proxy.secret_file` is missing"),
            (with("[auth.proxy]\ntrusted = [\"*\"]"), "narrower than"),
            (with("[auth.proxy]\ntrusted = [\"0.0.0.0/0\"]"), "narrower than"),
            (with("[auth.proxy]\ntrusted = [\"::ffff:10.0.0.5\"]"), "narrower than"),
            (with(&format!("[auth.proxy]\ntrusted = [\"10.0.0.5\"]\nsecret_file = \"{short}\"")), "at least 32"),
            (with(&format!("[auth.proxy]\ntrusted = [\"10.0.0.5\"]\nsecret_file = \"{open}\"")), "others"),
            (headers("user_header = \"Cookie\""), "means nothing else"),
            (headers("user_header = \"Content-Type\""), "means nothing else"),
            (headers("user_header = \"Sec-User\""), "means nothing else"),
            (headers("user_header = \"X_Auth_User\""), "means nothing else"),
            (headers("groups_header = \"X-Auth-User\""), "one header for two things"),
            (headers("groups_separator = \"\""), "groups_separator"),
            (headers("sign_out_url = \"//evil.example\""), "a path of this host"),
            (headers("users_header = \"X\""), "not a setting"),
            (
                headers("[auth.proxy.jwt]\nheader = \"X-Jwt\"\nissuer = \"https://x\"\naudience = \"y\"\njwks_file = \"z\""),
                "does not go with",
            ),
            (
                with(
                    "[auth.proxy]\ntrusted = [\"10.0.0.5\"]\n[auth.proxy.jwt]\nheader = \"X-Jwt\"\nissuer = \"https://x\"\naudience = \"y\"",
                ),
                "`jwks_url` or `jwks_file`",
            ),
            (
                with(
                    "[auth.proxy]\ntrusted = [\"10.0.0.5\"]\n[auth.proxy.jwt]\nheader = \"X-Jwt\"\nissuer = \"https://x\"\naudience = \"y\"\njwks_url = \"http://id.example.com/x\"",
                ),
                "https address",
            ),
        ] {
            let told = faults(&text);
            assert!(
                told.iter().any(|told| told.contains(word)) && !told.iter().any(|told| told.contains("canary")),
                "{word}: {told:#?}"
            );
        }
    }

    #[test]
    fn a_mode_has_its_table_and_no_other() {
        let with = |from: &str, to: &str| faults(&GOOD.replace(from, to));
        let has = |told: &[String], word: &str| told.iter().any(|told| told.contains(word));
        assert!(has(
            &with("[auth.oidc]\nissuer = \"https://id.example.com\"\nclient_id = \"quartermaster\"\n", ""),
            "needs the table"
        ));
        assert!(has(&with("mode = \"oidc\"", "mode = \"none\""), "belongs to"));
        assert!(has(&with("admin = [\"group:qm-admins\"]", "default = \"viewer\""), "gives no one a role"));
        assert!(has(&with("https://id.example.com", "http://id.example.com"), "https address"));
        assert!(has(&with("https://id.example.com", "https://id.example.com?x=1"), "https address"));
        assert!(has(&with("https://qm.example.com", "http://qm.example.com"), "https"));
        assert!(has(&with("public_url = \"https://qm.example.com\"\n", ""), "off loopback it must be https"));
        for odd in
            ["https://[", "https://:443", "https://id.example.com:99999", "https://ex\\\\ample", "https://id.example.com\\n"]
        {
            assert!(has(&with("https://id.example.com", odd), "https address"), "{odd}");
        }
        let lines = with("[auth.roles]", "[auth.session]\nidle_s = 100\nabsolute_s = 50\nwarn_s = 100\n[auth.roles]");
        assert!(lines.iter().any(|told| told.starts_with("Leptos.toml:11:") && told.contains("absolute_s")), "{lines:?}");
        assert!(lines.iter().any(|told| told.starts_with("Leptos.toml:12:") && told.contains("warn_s")), "{lines:?}");
        assert!(has(&faults(&format!("{GOOD}[auth.proxy]\ntrusted = [\"10.0.0.5\"]\n")), "belongs to"));
        assert!(has(&faults("[auth.plans]\nfour_eyes_rows = 5"), "four_eyes_rows"));
        // Without a listener of its own on every address, no one is asked only where no one else can come.
        assert!(has(&faults("[server]\nlisten = \"0.0.0.0:3000\""), "loopback"));
    }
}
