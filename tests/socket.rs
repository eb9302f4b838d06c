//! The portal on a socket of this machine, which the proxy alone may open: it is believed without an address.
#![cfg(all(feature = "ssr", unix))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail by panicking")]

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use support::serve;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

fn configure(folder: &Path, proxy: &str) -> std::path::PathBuf {
    let config = folder.join("Leptos.toml");
    let text = format!(
        "[server]\nlisten = \"unix:{}\"\npublic_url = \"https://licenses.example.com\"\n[storage]\nurl = \"sqlite://{}\"\n[secrets]\n\
         master_key_file = \"{}\"\n[auth]\nmode = \"proxy\"\n[auth.proxy]\ntrusted = [\"unix\"]\n{proxy}\n[auth.roles]\nadmin = [\"group:qm-admins\"]\nviewer = [\"subject:ada\"]\n",
        folder.join("portal.sock").display(),
        folder.join("qm.db").display(),
        folder.join("qm.key").display()
    );
    std::fs::write(&config, text).unwrap();
    config
}

/// What is answered through the socket: the status, and all of it.
async fn ask(socket: &Path, headers: &str) -> (u16, String) {
    let mut stream = UnixStream::connect(socket).await.unwrap();
    let request = format!("GET /auth/me HTTP/1.1\r\nhost: licenses.example.com\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    (text.split(' ').nth(1).unwrap().parse().unwrap(), text)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_open_the_socket_is_the_proxy() {
    const PROOF: &str = "0123456789abcdef0123456789abcdef";
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("portal.sock");
    // Without a proof the subject alone is believed: groups and names may be the client's own.
    let mut server = serve(&configure(folder.path(), "groups_header = \"X-Auth-Groups\""), 0).await;
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o660);
    let (status, text) = ask(&socket, "x-auth-user: ada\r\nx-auth-groups: qm-admins\r\n").await;
    assert!(status == 200 && text.contains("\"subject\":\"ada\"") && text.contains("\"role\":\"viewer\""), "{text}");
    assert_eq!(ask(&socket, "").await.0, 401);
    assert_eq!(ask(&socket, "x-auth-user: ada\r\nx-auth-user: ada\r\n").await.0, 401);
    // The file goes with the server; one that was left behind is in nobody's way.
    let id = server.child.id().unwrap().to_string();
    Command::new("kill").arg(&id).status().unwrap();
    server.child.wait().await.unwrap();
    assert!(!socket.exists());
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    std::fs::write(folder.path().join("proxy.secret"), PROOF).unwrap();
    std::fs::set_permissions(folder.path().join("proxy.secret"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let proxy = format!("groups_header = \"X-Auth-Groups\"\nsecret_file = \"{}\"", folder.path().join("proxy.secret").display());
    let _server = serve(&configure(folder.path(), &proxy), 0).await;
    let proof = format!("x-quartermaster-proof: {PROOF} X-Auth-User X-Auth-Groups\r\n");
    let (status, text) = ask(&socket, &format!("{proof}x-auth-user: ada\r\nx-auth-groups: qm-admins\r\n")).await;
    assert!(status == 200 && text.contains("\"role\":\"admin\""), "{text}");
    assert_eq!(ask(&socket, "x-auth-user: ada\r\n").await.0, 401, "with a file of proofs a proof is a must");
}

#[test]
fn a_socket_and_an_address_do_not_go_together() {
    let folder = tempfile::tempdir().unwrap();
    let told = |listen: &str, trusted: &str| {
        let text = format!(
            "[server]\nlisten = \"{listen}\"\npublic_url = \"https://x.example.com\"\n[auth]\nmode = \"proxy\"\n[auth.proxy]\ntrusted = [\"{trusted}\"]\n[auth.roles]\nadmin = [\"subject:ada\"]\n"
        );
        let read = quartermaster::server::config::read("Leptos.toml", &text, []);
        read.err().into_iter().flatten().map(|fault| fault.to_string()).collect::<Vec<_>>().join("\n")
    };
    let socket = format!("unix:{}", folder.path().join("s").display());
    assert_eq!(told(&socket, "unix"), "");
    assert!(told(&socket, "10.0.0.5").contains("must hold “unix”"));
    assert!(told("127.0.0.1:3000", "unix").contains("goes with a socket"));
    assert!(told("unix:relative", "unix").starts_with("Leptos.toml:2: `server.listen` must be"));
    assert!(told("unix:/no/such/folder/s", "unix").contains("in a folder that exists"));
}
