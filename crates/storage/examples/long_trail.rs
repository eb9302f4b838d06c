//! Writes a long audit trail, for `script/bench trail`: `long_trail URL KEY_FILE RECORDS`.
#![allow(clippy::unwrap_used, reason = "an example may fail by panicking")]

use std::sync::Arc;

use serde_json::json;
use storage::{Actor, NewAudit, Store};
use trail::{Key, Target};

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let (url, key, records) = (arguments.next().unwrap(), arguments.next().unwrap(), arguments.next().unwrap());
    let key = Key::of(&std::fs::read(key).unwrap()).unwrap();
    let store = Store::open(&url, Arc::new(key)).await.unwrap();
    let (records, each) = (records.parse::<i64>().unwrap(), 1_000);
    let actor = Actor::new("p", "Ann Example", "64f1a2b3c4d5e6f708192a3b", "License admin");
    for first in (0..records).step_by(1_000) {
        let lines: Vec<NewAudit> = (first..(first + each).min(records))
            .map(|n| NewAudit {
                tenant: "meridian".to_owned(),
                at: 1_700_000_000_000 + n * 1_000,
                actor: actor.clone(),
                action: "assign".to_owned(),
                target: Target::named("subject", format!("MERIDIAN\\person.{n}")),
                after: json!({"license": "analyzer"}),
                plan: "0123456789abcdef".to_owned(),
                job: format!("job-{}", n / 5_000),
                row: Some(n % 5_000),
                outcome: "done".to_owned(),
                ..NewAudit::default()
            })
            .collect();
        store.audit(&lines).await.unwrap();
        store.checkpoint("meridian", 1_700_000_000_000 + first).await.unwrap();
    }
    store.close().await;
}
