//! An OpenID provider in this process, which answers as a test wants it to, also wrongly.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use engine::clock::{Clock, WallClock};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

/// What the provider does.
#[derive(Default)]
pub struct Behaviour {
    /// Claims that are put over the usual ones of a token; `null` takes one away.
    pub claims: Value,
    /// What the token endpoint answers instead.
    pub instead: Option<(u16, Value)>,
    /// It is away.
    pub away: bool,
    /// Discovery lacks the promise that answers name their issuer.
    pub nameless: bool,
    /// Forms that the token endpoint got.
    pub exchanges: Vec<HashMap<String, String>>,
    /// Readings of its keys.
    pub key_readings: usize,
    /// The id of its key.
    pub key_id: String,
}

pub struct Provider {
    pub issuer: String,
    pub behaviour: Mutex<Behaviour>,
    key: Mutex<EcdsaKeyPair>,
}

fn new_key() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap()
}

type Shared = Arc<Provider>;

impl Provider {
    pub async fn start() -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let behaviour = Behaviour { key_id: "k1".to_owned(), ..Behaviour::default() };
        let provider = Arc::new(Self {
            issuer: format!("http://{}", listener.local_addr().unwrap()),
            behaviour: Mutex::new(behaviour),
            key: Mutex::new(new_key()),
        });
        let app = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/jwks", get(keys))
            .route("/token", post(token))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        provider
    }

    /// Does this from now on.
    pub fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.behaviour.lock().unwrap());
    }

    /// Signs with a new key from now on, which its key set alone holds.
    pub fn rotate(&self, id: &str) {
        *self.key.lock().unwrap() = new_key();
        self.behave(|is| is.key_id = id.to_owned());
    }

    /// A token with these claims.
    pub fn sign(&self, claims: &Value) -> String {
        let header = json!({"alg": "ES256", "kid": self.behaviour.lock().unwrap().key_id});
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", encode(&header), encode(claims));
        let signature = self.key.lock().unwrap().sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}

fn now_s() -> i64 {
    WallClock.now_ms() / 1_000
}

async fn discovery(State(provider): State<Shared>) -> Response {
    let (away, nameless) = {
        let is = provider.behaviour.lock().unwrap();
        (is.away, is.nameless)
    };
    if away {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let at = |path: &str| format!("{}{path}", provider.issuer);
    Json(json!({
        "issuer": provider.issuer,
        "authorization_endpoint": at("/auth"),
        "token_endpoint": at("/token"),
        "jwks_uri": at("/jwks"),
        "end_session_endpoint": at("/session/end"),
        "authorization_response_iss_parameter_supported": !nameless,
    }))
    .into_response()
}

async fn keys(State(provider): State<Shared>) -> Json<Value> {
    provider.behave(|is| is.key_readings += 1);
    let key = provider.key.lock().unwrap();
    let point = key.public_key().as_ref();
    let (x, y) = point.split_at(33);
    let id = provider.behaviour.lock().unwrap().key_id.clone();
    Json(json!({"keys": [{
        "kty": "EC", "crv": "P-256", "kid": id, "use": "sig",
        "x": URL_SAFE_NO_PAD.encode(&x[1..]), "y": URL_SAFE_NO_PAD.encode(y),
    }]}))
}

/// A code is `<nonce> <subject>`: whoever tests says who signs in.
async fn token(State(provider): State<Shared>, Form(form): Form<HashMap<String, String>>) -> Response {
    let (instead, over) = {
        let mut is = provider.behaviour.lock().unwrap();
        is.exchanges.push(form.clone());
        (is.instead.clone(), is.claims.clone())
    };
    if let Some((status, body)) = instead {
        return (StatusCode::from_u16(status).unwrap(), Json(body)).into_response();
    }
    let (nonce, subject) = form["code"].split_once(' ').unwrap();
    let mut claims = json!({
        "iss": provider.issuer, "aud": "quartermaster", "sub": subject, "nonce": nonce, "sid": format!("sid of {subject}"),
        "name": format!("Name of {subject}"), "groups": [format!("group of {subject}")],
        "iat": now_s(), "exp": now_s() + 300, "auth_time": now_s(),
    });
    for (key, value) in over.as_object().into_iter().flatten() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(key);
        } else {
            claims[key] = value.clone();
        }
    }
    let token = provider.sign(&claims);
    Json(json!({"access_token": "canary-access-token", "token_type": "Bearer", "id_token": token})).into_response()
}
