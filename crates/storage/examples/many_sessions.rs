//! Begins sessions of as many people, for `script/bench sessions`: `many_sessions URL KEY_FILE SESSIONS`.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "an example may fail by panicking, and tells the time by the wall"
)]

use std::sync::Arc;

use storage::{Actor, NewAudit, NewSession, Person, Store};
use trail::Key;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let (url, key, sessions) = (arguments.next().unwrap(), arguments.next().unwrap(), arguments.next().unwrap());
    let key = Key::of(&std::fs::read(key).unwrap()).unwrap();
    let store = Store::open(&url, Arc::new(key)).await.unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_millis()).unwrap();
    for n in 0..sessions.parse::<u32>().unwrap() {
        let person =
            Person { issuer: "https://id.example.com".into(), subject: format!("person {n}"), name: format!("Person {n}") };
        let session = NewSession {
            key: format!("session {n}").into_bytes(),
            data: b"{}".to_vec(),
            person,
            sid: format!("sid {n}"),
            begun_s: now / 1_000,
            method: "oidc",
            address: "192.0.2.1".into(),
            agent: "a browser".into(),
            now,
            began: now,
            idle_until: now + 7_000_000,
            absolute_until: now + 40_000_000,
            most: 20,
            instead_of: None,
            confirmed: None,
            record: NewAudit { at: now, actor: Actor::named("Ann"), action: "auth.sign_in".into(), ..NewAudit::default() },
        };
        store.begin_session(&session).await.unwrap();
    }
    store.close().await;
}
