//! Several servers of one database: what ends on one is over on all of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::StatusCode;
use engine::clock::WallClock;
use engine::seal::Sealer;
use quartermaster::router;
use quartermaster::server::state::State;
use storage::Store;
use tower::ServiceExt as _;

use crate::sign_in::{Browser, ROLES, portal};
use crate::support::provider::Provider;
use crate::support::{Portal, audit_key, get};

async fn replica(portal: &Portal) -> Router {
    let store = Store::open(&portal.state.config.storage.url, audit_key()).await.unwrap();
    let state = State::build(portal.state.config.clone(), store, Sealer::new(vec![9; 32]), Arc::new(WallClock)).unwrap();
    router::router(&state)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_on_one_of_three_servers_is_over_on_all() {
    let provider = Provider::start().await;
    let portal = portal(&provider, ROLES).await;
    let servers = [portal.app.clone(), replica(&portal).await, replica(&portal).await];
    for everywhere in [false, true] {
        let (mut ada, mut elsewhere) = (Browser::default(), Browser::default());
        ada.sign_in(&portal, "ada").await;
        ada.connect(&portal).await;
        elsewhere.sign_in(&portal, "ada").await;
        let asks = async |browser: &Browser| {
            let mut answers = Vec::new();
            for server in &servers {
                let answer = server.clone().oneshot(get("/t/meridian/plans", &browser.cookie())).await.unwrap();
                answers.push(answer.status());
            }
            answers
        };
        let (mine, other) = (ada.clone(), elsewhere.clone());
        assert_eq!(asks(&mine).await, [StatusCode::OK; 3]);
        ada.post(&portal, "/auth/logout", if everywhere { "everywhere=1" } else { "" }).await;
        let ended = Instant::now();
        assert_eq!(asks(&mine).await, [StatusCode::SEE_OTHER; 3], "with the cookie that was kept");
        let others = asks(&other).await;
        // Whoever is signed in elsewhere is led to connect, for that session never did.
        let led = if everywhere { "/auth/login" } else { "/connect" };
        let answer = servers[1].clone().oneshot(get("/t/meridian/plans", &other.cookie())).await.unwrap();
        let to = answer.headers()["location"].to_str().unwrap();
        assert!(to.starts_with(led) && others == [StatusCode::SEE_OTHER; 3], "{to}");
        assert!(ended.elapsed() < Duration::from_secs(1), "{:?}", ended.elapsed());
    }
}
