//! A provider that hangs, never ends, leads elsewhere or lies is told as such, in time, and with little of it read.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use identity::provider::{ClientAuth, Provider, Settings};
use identity::{Reason, Trouble};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// How an address answers.
#[derive(Clone)]
enum Answer {
    /// With this text, which may name the issuer as `ISSUER`.
    Text(u16, String),
    /// Never.
    Hangs,
    /// With bytes that never end.
    Endless,
    /// With a way elsewhere.
    Leads(String),
}

struct Server {
    issuer: String,
    asked: Arc<AtomicUsize>,
}

/// Answers each path as `answer` says.
async fn serve(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let (asked, named) = (Arc::new(AtomicUsize::new(0)), issuer.clone());
    let count = asked.clone();
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (answer, named) = (answer.clone(), named.clone());
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                // Whoever asked may go away in the middle.
                let _ = one(stream, answer.as_ref(), &named).await;
            });
        }
    });
    Server { issuer, asked }
}

async fn one(mut stream: TcpStream, answer: &(impl Fn(&str) -> Answer + Sync), issuer: &str) -> std::io::Result<()> {
    let mut request = vec![0; 16_384];
    let read = stream.read(&mut request).await?;
    let request = String::from_utf8_lossy(request.get(..read).unwrap_or_default()).into_owned();
    match answer(request.split(' ').nth(1).unwrap_or_default()) {
        Answer::Text(status, text) => {
            let text = text.replace("ISSUER", issuer);
            let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", text.len());
            stream.write_all(format!("{head}{text}").as_bytes()).await
        }
        Answer::Hangs => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            Ok(())
        }
        Answer::Endless => {
            stream.write_all(b"HTTP/1.1 200 x\r\nconnection: close\r\n\r\n{\"keys\":[").await?;
            loop {
                stream.write_all(&[b' '; 8_192]).await?;
            }
        }
        Answer::Leads(to) => {
            stream.write_all(format!("HTTP/1.1 302 x\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await
        }
    }
}

const DISCOVERY: &str =
    r#"{"issuer":"ISSUER","authorization_endpoint":"ISSUER/auth","token_endpoint":"ISSUER/token","jwks_uri":"ISSUER/jwks"}"#;

fn provider(server: &Server) -> Provider {
    Provider::new(Settings {
        issuer: server.issuer.clone(),
        client_id: "quartermaster".to_owned(),
        client_secret: None,
        client_auth: ClientAuth::None,
        algorithms: vec![identity::keys::Algorithm::Es256],
        skew_s: 60,
    })
    .unwrap()
}

/// A token of the right form, of a key that nobody has.
const TOKEN: &str = "eyJhbGciOiJFUzI1NiIsImtpZCI6IngifQ.e30.AAAA";

fn id() -> identity::token::Purpose<'static> {
    identity::token::Purpose::Id { nonce: "n", auth_time: false }
}

#[tokio::test]
async fn what_never_ends_is_given_up() {
    let begun = tokio::time::Instant::now();
    let hangs = serve(|_| Answer::Hangs).await;
    let endless = serve(|path| if path == "/jwks" { Answer::Endless } else { Answer::Text(200, DISCOVERY.to_owned()) }).await;
    let token = serve(|path| if path == "/token" { Answer::Hangs } else { Answer::Text(200, DISCOVERY.to_owned()) }).await;
    let (a, b, c) = (provider(&hangs), provider(&endless), provider(&token));
    let (discovery, keys, exchange) = tokio::join!(
        a.metadata(0),
        b.verify(TOKEN, id(), 0),
        c.exchange("code", "verifier", "http://127.0.0.1/auth/callback", 0)
    );
    assert!(matches!(discovery, Err(Trouble::Unreachable(Reason::Discovery, _))), "{discovery:?}");
    assert!(matches!(&keys, Err(Trouble::Unreachable(Reason::Jwks, why)) if why.contains("larger than 1 MiB")), "{keys:?}");
    assert!(matches!(exchange, Err(Trouble::Unreachable(Reason::TokenEndpoint, _))), "{exchange:?}");
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn nobody_is_led_elsewhere() {
    let elsewhere = serve(|_| Answer::Text(200, r#"{"token_type":"Bearer","id_token":"x"}"#.to_owned())).await;
    let to = format!("{}/token", elsewhere.issuer);
    let leads =
        serve(move |path| if path == "/token" { Answer::Leads(to.clone()) } else { Answer::Text(200, DISCOVERY.to_owned()) })
            .await;
    let got = provider(&leads).exchange("code", "verifier", "http://127.0.0.1/auth/callback", 0).await;
    assert!(matches!(got, Err(Trouble::Unreachable(Reason::TokenEndpoint, _))), "{got:?}");
    assert_eq!(elsewhere.asked.load(Ordering::SeqCst), 0, "the code went nowhere else");
}

#[tokio::test]
async fn a_description_that_is_not_its_own_is_none() {
    for (text, word) in [
        (DISCOVERY.replace("\"issuer\":\"ISSUER\"", "\"issuer\":\"ISSUER/\""), "another issuer"),
        (DISCOVERY.replace("\"issuer\"", "\"issuer\":\"x\",\"issuer\""), "doubled"),
        (DISCOVERY.replace("\"token_endpoint\":\"ISSUER/token\",", ""), "lacks token_endpoint"),
        (DISCOVERY.replace("ISSUER/token", "http://id.example.com/token"), "not an https address"),
        (DISCOVERY.replace("ISSUER/jwks", "file:///etc/passwd"), "not an https address"),
        ("<html>".to_owned(), "not JSON"),
    ] {
        let server = serve(move |_| Answer::Text(200, text.clone())).await;
        let got = provider(&server).metadata(0).await;
        assert!(matches!(&got, Err(Trouble::Unreachable(Reason::Discovery, why)) if why.contains(word)), "{word}: {got:?}");
    }
}

#[tokio::test]
async fn what_failed_is_not_asked_again_at_once_and_what_is_old_serves_while_the_provider_is_away() {
    const HOUR: i64 = 60 * 60 * 1_000;
    let away = Arc::new(AtomicUsize::new(0));
    let is_away = away.clone();
    let server = serve(move |_| match is_away.load(Ordering::SeqCst) {
        0 => Answer::Text(200, DISCOVERY.to_owned()),
        _ => Answer::Text(503, String::new()),
    })
    .await;
    let provider = provider(&server);
    for _ in 0..5 {
        provider.metadata(0).await.unwrap();
    }
    assert_eq!(server.asked.load(Ordering::SeqCst), 1, "kept for an hour");
    away.store(1, Ordering::SeqCst);
    for _ in 0..5 {
        provider.metadata(HOUR + 1).await.unwrap();
    }
    assert_eq!(server.asked.load(Ordering::SeqCst), 2, "a failure is remembered for a moment");
    provider.metadata(HOUR + 6_000).await.unwrap();
    assert_eq!(server.asked.load(Ordering::SeqCst), 3);
    assert!(provider.metadata(25 * HOUR).await.is_err(), "and what is a day old is no longer believed");
}
