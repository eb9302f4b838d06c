//! What several tests stand on: a portal in this process, forms as a browser sends them, and the simulated tenant's controls.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "each test takes what it needs, and may fail by panicking"
)]

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use quartermaster::server::clock::WallClock;
use quartermaster::server::config::{self, TenantConfig};
use quartermaster::server::router;
use quartermaster::server::seal::Sealer;
use quartermaster::server::state::{Shared, State};
use serde_json::Value;
use storage::Store;
use tower::ServiceExt;

pub const KEY: &str = "canary-key-7f3a9c51";
pub const HOST: &str = "127.0.0.1:3999";

pub struct Portal {
    pub app: Router,
    pub state: Shared,
    pub folder: tempfile::TempDir,
    pub sim: qlik_sim::Sim,
}

/// A portal in this process, in front of a tenant of this shape. Its jobs run once an executor does.
pub async fn portal_of(options: qlik_sim::Options) -> Portal {
    let rate_scale = options.rate_scale;
    let sim = qlik_sim::Sim::start(options).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut config = config::read("test", "", []).unwrap();
    config.listen = HOST.parse().unwrap();
    config.public_url = format!("http://{HOST}");
    config.storage_url = format!("sqlite://{}", folder.path().join("test.db").display());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small whole number")]
    let tenant = TenantConfig { rate_scale: rate_scale as u32, ..TenantConfig::new("Meridian Foods", &sim.url) };
    config.tenants.insert("meridian".into(), tenant);
    let store = Store::open(&config.storage_url).await.unwrap();
    let state = State::build(config, store, Sealer::new(vec![9; 32]), Arc::new(WallClock)).unwrap();
    Portal { app: router::router(&state), state, folder, sim }
}

pub fn get(path: &str, cookie: &str) -> Request<Body> {
    Request::get(path).header(header::HOST, HOST).header(header::COOKIE, cookie).body(Body::empty()).unwrap()
}

/// A form as a browser sends it from the portal's own page.
pub fn post(path: &str, cookie: &str, form: &str) -> Request<Body> {
    Request::post(path)
        .header(header::HOST, HOST)
        .header(header::ORIGIN, format!("http://{HOST}"))
        .header("sec-fetch-site", "same-origin")
        .header(header::COOKIE, cookie)
        .header(header::REFERER, format!("http://{HOST}/t/meridian/overview"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "text/html")
        .body(Body::from(form.to_owned()))
        .unwrap()
}

impl Portal {
    pub async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.app.clone().oneshot(request).await.unwrap()
    }

    pub async fn text(&self, request: Request<Body>) -> String {
        let body = to_bytes(self.send(request).await.into_body(), usize::MAX).await.unwrap();
        String::from_utf8_lossy(&body).into_owned()
    }

    pub async fn connect(&self) -> String {
        self.connect_with(KEY).await
    }

    pub async fn connect_with(&self, key: &str) -> String {
        let answer = self.send(post("/api/connect/key", "", &format!("tenant=meridian&key={key}&back="))).await;
        assert_eq!(answer.status(), StatusCode::FOUND);
        assert_eq!(answer.headers()[header::LOCATION], "/t/meridian/overview");
        let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
        cookie.split(';').next().unwrap().to_owned()
    }

    /// Everything the database has on disk.
    pub fn disk(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for entry in std::fs::read_dir(self.folder.path()).unwrap() {
            bytes.extend(std::fs::read(entry.unwrap().path()).unwrap());
        }
        bytes
    }
}

/// A client that follows nothing.
pub fn http() -> reqwest::Client {
    static ONE: LazyLock<reqwest::Client> = LazyLock::new(|| {
        // The product's client brings the TLS provider that any client wants, even on loopback without TLS.
        qlik_api::client::Client::new("http://127.0.0.1:9").unwrap();
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).pool_max_idle_per_host(0).build().unwrap()
    });
    ONE.clone()
}

pub async fn sim(url: &str, method: &str, path: &str, body: Option<Value>) -> Value {
    let request = http().request(method.parse().unwrap(), format!("{url}/_sim/{path}"));
    let request = if let Some(body) = body { request.body(body.to_string()) } else { request };
    let text = request.send().await.unwrap().text().await.unwrap();
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

pub type Pairs = BTreeSet<(String, String)>;

pub async fn pairs(url: &str) -> Pairs {
    let state = sim(url, "GET", "state", None).await;
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    state["assignments"].as_array().unwrap().iter().map(|row| (text(row, "subject").to_lowercase(), text(row, "type"))).collect()
}
