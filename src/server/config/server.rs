//! `[server]`: where the portal listens, how browsers reach it, and what Leptos built.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::file::Reader;

/// Where the portal listens and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Where the portal listens.
    pub listen: Listen,
    /// Where health is answered; nowhere if not set.
    pub management_listen: Option<SocketAddr>,
    /// How browsers reach the portal: scheme, host and port, without a path.
    pub public_url: String,
}

/// Where the portal listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// At an address.
    Tcp(SocketAddr),
    /// On a socket of this machine, whose file says who may come: the proxy.
    Unix(PathBuf),
}

impl Listen {
    /// The address; nothing on a socket.
    pub fn address(&self) -> Option<SocketAddr> {
        if let Self::Tcp(address) = self { Some(*address) } else { None }
    }

    /// Whether only this machine reaches it.
    pub fn is_local(&self) -> bool {
        self.address().is_none_or(|address| address.ip().is_loopback())
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        const KEY: &str = "server.listen";
        let Some((place, path)) = reader.text_if(KEY, |text| text.starts_with("unix:")) else {
            return reader.address(KEY).map(Self::Tcp);
        };
        let path = PathBuf::from(path.trim_start_matches("unix:"));
        let folder = path.parent().filter(|folder| path.is_absolute() && folder.is_dir());
        if folder.is_none() {
            let given = path.display();
            reader.fault(
                &place,
                format!("`{KEY}` must be an address with a port, or a socket in a folder that exists, such as “unix:/run/quartermaster/portal.sock”, and is “unix:{given}”"),
            );
        }
        Some(Self::Unix(path))
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
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

impl Server {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        // `server.listen` wins over Leptos' own key, which build tools read.
        let site_addr = reader.address(&format!("{LEPTOS}.site-addr"));
        let usual = || Listen::Tcp(SocketAddr::from(([127, 0, 0, 1], 3000)));
        let listen = Listen::read(reader).or(site_addr.map(Listen::Tcp)).unwrap_or_else(usual);
        let management_listen = reader.address("server.management_listen");
        let public_url = public_url(reader, &listen);
        Self { listen, management_listen, public_url }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "[server]\nlisten = \"{}\"", self.listen)?;
        if let Some(address) = self.management_listen {
            writeln!(f, "management_listen = \"{address}\"")?;
        }
        writeln!(f, "public_url = \"{}\"", self.public_url)
    }
}

/// Where Leptos' own keys stand.
const LEPTOS: &str = "package.metadata.leptos";

impl LeptosKeys {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let mut keys = Self::default();
        for (key, slot) in
            [("output-name", &mut keys.output_name), ("site-root", &mut keys.site_root), ("site-pkg-dir", &mut keys.site_pkg_dir)]
        {
            if let Some((_, text)) = reader.text(&format!("{LEPTOS}.{key}")) {
                *slot = text;
            }
        }
        keys
    }
}

fn public_url(reader: &mut Reader<'_>, listen: &Listen) -> String {
    let Some((place, text)) = reader.text("server.public_url") else {
        // Browsers reach no socket: what stands in front of it has an address.
        if !listen.is_local() || listen.address().is_none() {
            let place = reader.file();
            reader.fault(
                place,
                "`server.public_url` is missing: off loopback it must be https, such as https://licenses.example.com",
            );
        }
        return format!("http://{listen}");
    };
    let url = text.trim_end_matches('/').to_owned();
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    match host {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']) => {
            if url.starts_with("http://") && !is_loopback_host(host) {
                reader.fault(&place, "`server.public_url` must be https, or http on loopback: session cookies need it");
            }
            url
        }
        _ => {
            reader.fault(
                &place,
                format!("`server.public_url` must be a scheme and a host, such as https://licenses.example.com, and is “{text}”"),
            );
            url
        }
    }
}

/// Whether a host, with or without a port, is this machine.
pub(super) fn is_loopback_host(host: &str) -> bool {
    let name =
        host.rsplit_once(':').map_or(host, |(name, port)| if port.chars().all(|c| c.is_ascii_digit()) { name } else { host });
    name == "localhost" || name == "[::1]" || (name.starts_with("127.") && name.parse::<std::net::Ipv4Addr>().is_ok())
}
