//! A provider and a tenant whose answers never end, or never come: each request is over in time, and takes no memory.
#![cfg(feature = "ssr")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test may fail by panicking, and is the browser"
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use support::{free_port, http, resident, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What goes wrong at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// Its description never ends.
    EndlessDescription,
    /// Its description never comes.
    HangingDescription,
    /// What it gives for a code never ends.
    EndlessToken,
    /// What it gives for a code never comes.
    HangingToken,
}

const ALL: [Wrong; 4] = [Wrong::EndlessDescription, Wrong::HangingDescription, Wrong::EndlessToken, Wrong::HangingToken];

async fn answer(mut stream: TcpStream, wrong: Wrong, base: String) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < 65_536 {
        let mut some = [0; 4_096];
        let n = stream.read(&mut some).await?;
        if n == 0 {
            return Ok(());
        }
        head.extend_from_slice(&some[..n]);
    }
    let path = String::from_utf8_lossy(&head).split(' ').nth(1).unwrap_or_default().to_owned();
    let is_description = path.contains("well-known");
    let (endless, hanging) = if is_description {
        (wrong == Wrong::EndlessDescription, wrong == Wrong::HangingDescription)
    } else {
        (wrong == Wrong::EndlessToken, wrong == Wrong::HangingToken)
    };
    if hanging {
        tokio::time::sleep(Duration::from_secs(60)).await;
        return Ok(());
    }
    if endless {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n").await?;
        let block = vec![b'x'; 65_536];
        loop {
            stream.write_all(format!("{:x}\r\n", block.len()).as_bytes()).await?;
            stream.write_all(&block).await?;
            stream.write_all(b"\r\n").await?;
        }
    }
    let body = format!(
        "{{\"issuer\":\"{base}\",\"authorization_endpoint\":\"{base}/authorize\",\"token_endpoint\":\"{base}/token\",\"jwks_uri\":\"{base}/keys\"}}"
    );
    let text = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(text.as_bytes()).await
}

/// Twenty people at once, at a portal whose provider is like this; each has an answer within 20 seconds.
async fn sign_ins(wrong: Wrong) {
    const AT_ONCE: usize = 20;
    const MOST: u64 = 120 * 1_024 * 1_024;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let base = issuer.clone();
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let provider = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(answer(stream, wrong, base.clone()));
        }
    });
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let config = folder.path().join("Leptos.toml");
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:{port}\"\n[storage]\nurl = \"sqlite://{}\"\n[secrets]\nmaster_key_file = \"{}\"\n[auth]\nmode = \"oidc\"\n\
         [auth.oidc]\nissuer = \"{issuer}\"\nclient_id = \"q\"\n[auth.roles]\nviewer = [\"group:staff\"]\n",
        folder.path().join("qm.db").display(),
        folder.path().join("qm.key").display()
    );
    std::fs::write(&config, text).unwrap();
    let server = serve(&config, port).await;
    let pid = server.child.id().unwrap();
    let (before, began) = (resident(pid), Instant::now());
    let people = (0..AT_ONCE).map(|_| {
        let url = server.url.clone();
        tokio::spawn(async move {
            let left = http().get(format!("{url}/auth/login?back=/")).send().await.unwrap();
            if left.status() != 303 {
                return left.status().as_u16();
            }
            let cookie = left.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
            let to = left.headers()["location"].to_str().unwrap();
            let state = to.split("state=").nth(1).unwrap().split('&').next().unwrap();
            let back = format!("{url}/auth/callback?code=c&state={state}");
            http().get(back).header("cookie", cookie).send().await.unwrap().status().as_u16()
        })
    });
    let mut most = before;
    let people: Vec<_> = people.collect();
    while people.iter().any(|one| !one.is_finished()) {
        most = most.max(resident(pid));
        assert!(began.elapsed() < Duration::from_secs(20), "{wrong:?}: not over in time");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for one in people {
        let status = one.await.unwrap();
        assert!((502..=503).contains(&status), "{wrong:?}: {status}");
    }
    assert!(asked.load(Ordering::Relaxed) > 0, "the provider was asked");
    let more = most.saturating_sub(before);
    eprintln!("{wrong:?}: {} s, {} kB more", began.elapsed().as_secs(), more / 1_024);
    assert!(more < MOST, "{wrong:?}: {more} bytes more");
    provider.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_and_hanging_providers_are_over_in_time_and_take_no_memory() {
    for wrong in ALL {
        sign_ins(wrong).await;
    }
}
