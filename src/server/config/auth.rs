//! `[auth]`: how people sign in to the portal itself.

use std::fmt;

use super::file::Reader;
use super::server::Server;

/// How people sign in to the portal itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMode {
    /// Not at all: whoever reaches the loopback address is let in.
    None,
}

impl AuthMode {
    pub(super) fn read(reader: &mut Reader<'_>, server: &Server) -> Self {
        if let Some((place, mode)) = reader.text("auth.mode") {
            match mode.as_str() {
                "none" => {}
                "oidc" | "proxy" => reader
                    .fault(&place, format!("`auth.mode` “{mode}” is not built yet: this version knows “none”, on loopback only")),
                _ => reader.fault(&place, format!("`auth.mode` must be “none”, “oidc” or “proxy”, and is “{mode}”")),
            }
        }
        if !server.listen.ip().is_loopback() {
            let listen = server.listen;
            reader.fault(
                reader.file(),
                format!("`auth.mode` “none” allows anyone, so `server.listen` must be a loopback address, and is {listen}"),
            );
        }
        Self::None
    }
}

impl fmt::Display for AuthMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "[auth]\nmode = \"none\"")
    }
}
