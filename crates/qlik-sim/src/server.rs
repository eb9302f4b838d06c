//! The program's door: connections, faults, limits, authentication, and the request log.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper::{Request, Response, header};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::api::{self, Call};
use crate::clock::{Clock, WallClock, iso};
use crate::control;
use crate::faults::{DropWhen, RowFault, Then};
use crate::limits::Tier;
use crate::oauth;
use crate::options::Options;
use crate::reply::{Refusal, Reply};
use crate::tenant::Allotment;
use crate::world::{State, World};

/// The largest request body that is read, in bytes.
const MAX_BODY: usize = 8 * 1024 * 1024;

/// Why the simulated tenant cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is not of this machine alone.
    #[error("{0} is not a loopback address: a simulated tenant listens on this machine only")]
    NotLoopback(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
}

/// A running simulated tenant; stops when dropped.
#[derive(Debug)]
pub struct Sim {
    /// Where it is: `http://127.0.0.1:4000`.
    pub url: String,
    world: Arc<World>,
    accepting: JoinHandle<()>,
}

/// Seats of an allotment at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seats {
    /// The allotment's wire name.
    pub allotment: String,
    /// Seats used then.
    pub used: i64,
    /// Seats licensed.
    pub units: i64,
    /// Seats beyond those; −1 without a limit.
    pub overage: i64,
}

impl Sim {
    /// Starts a tenant on the machine's clock.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        Self::start_at(options, Arc::new(WallClock)).await
    }

    /// Starts a tenant on this clock.
    pub async fn start_at(options: Options, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let listen = options.listen;
        if !listen.ip().is_loopback() {
            return Err(StartError::NotLoopback(listen));
        }
        let listener = TcpListener::bind(listen).await.map_err(|error| StartError::Listen(listen, error))?;
        let at = listener.local_addr().map_err(|error| StartError::Listen(listen, error))?;
        let url = format!("http://{at}");
        let world = Arc::new(World::new(options, clock));
        let door = Arc::new(Door { world: world.clone(), base: url.clone() });
        let accepting = tokio::spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        let _ = stream.set_nodelay(true);
                        tokio::spawn(serve(door.clone(), stream));
                    }
                    // Out of file handles, most likely: give others time to close theirs.
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        });
        Ok(Self { url, world, accepting })
    }

    /// The seats that were used at a time, as far as what is held today tells: who gave a license back is not remembered.
    pub fn seats_at(&self, ms: i64) -> Vec<Seats> {
        let state = self.world.lock();
        let (tenant, now) = (&state.tenant, self.world.now(&state));
        let seats = |allotment: &Allotment| {
            let later =
                tenant.assignments.items.values().filter(|held| held.allotment == allotment.name && held.created > ms).count();
            Seats {
                allotment: allotment.name.clone(),
                used: tenant.used(allotment, now) - i64::try_from(later).unwrap_or(i64::MAX),
                units: allotment.units,
                overage: allotment.overage.unwrap_or(0),
            }
        };
        tenant.allotments.iter().filter(|allotment| !allotment.timed).map(seats).collect()
    }

    /// Runs until the process ends.
    pub async fn run(mut self) {
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(door: Arc<Door>, stream: TcpStream) {
    let service = service_fn(move |request| {
        let door = door.clone();
        async move { door.answer(request).await }
    });
    // An error here is a connection that a client or a fault closed.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// A fault asked to close the connection.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed on purpose")]
struct Closed;

#[derive(Debug)]
struct Door {
    world: Arc<World>,
    base: String,
}

impl Door {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Payload>, Closed> {
        let (parts, body) = request.into_parts();
        let method = parts.method.as_str().to_owned();
        let path = parts.uri.path().to_owned();
        let query = parts.uri.query().map(ToOwned::to_owned);
        let body = match Limited::new(body, MAX_BODY).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                let refusal = Refusal::new(413, "HTTP-413", "Payload too large");
                return Ok(respond(&refusal.reply(api::service(&path), "0"), None));
            }
            Err(_) => return Err(Closed),
        };
        if path.starts_with("/_sim/") {
            let reply = control::answer(&self.world, &self.base, &method, &path, query.as_deref(), &body);
            return Ok(respond(&reply.unwrap_or_else(|refusal| refusal.reply(api::service(&path), "0")), None));
        }
        if path == "/resources/autogenerated/product-info.json" {
            // How Qlik's own client tells a cloud tenant from a client-managed site.
            let info = json!({ "composition": { "senseId": "qcs", "deploymentType": "qlikcloudservices" } });
            return Ok(respond(&Reply::json(200, info), None));
        }
        let (met, latency) = {
            let mut state = self.world.lock();
            (state.faults.meet(&method, &path, &body), state.knobs.latency_ms)
        };
        let delay = latency + met.as_ref().and_then(|then| then.delay_ms).unwrap_or(0);
        if delay > 0 {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        let text = |name| parts.headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
        let authorization = text(header::AUTHORIZATION);
        let token = authorization
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim());
        let json_body = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|kind| {
            kind.split(';')
                .next()
                .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json") || kind.trim().ends_with("+json"))
        });
        let arrived = Arrived {
            method: &method,
            path: &path,
            query: query.as_deref(),
            token,
            authorization,
            cookies: text(header::COOKIE),
            json_body,
            body: &body,
        };
        self.work(&arrived, met.as_ref())
    }

    /// What the authorization server answers.
    fn sign_in(&self, state: &mut State, arrived: &Arrived<'_>, now: i64) -> Result<Reply, Refusal> {
        let knobs = &state.knobs;
        if knobs.rate_limits && arrived.method == "POST" {
            // Nobody is known yet: everyone together has the budget of one.
            state.limits.count("oauth", Tier::Two, now, knobs.rate_scale).map_err(Refusal::too_many)?;
        }
        let Arrived { method, path, query, json_body, body, authorization, cookies, .. } = *arrived;
        let asked = oauth::Asked { method, path, query, json_body, body, authorization, cookies, base: &self.base, now };
        state.oauth.answer(&state.tenant, &asked)
    }

    /// Does what a request asks, as far as no fault prevents it, and logs it.
    fn work(&self, arrived: &Arrived<'_>, met: Option<&Then>) -> Result<Response<Payload>, Closed> {
        let mut guard = self.world.lock();
        let state = &mut *guard;
        let now = self.world.now(state);
        state.requests += 1;
        let n = state.requests;
        let key = arrived.token.and_then(|token| state.tenant.keys.get(token).cloned().or_else(|| state.oauth.key(token, now)));
        let service = api::service(arrived.path);
        let trace = format!("{n:032x}");
        let dropped_before = met.is_some_and(|then| then.drop == Some(DropWhen::Before));
        let mut reply = if dropped_before {
            Reply::empty(0)
        } else if let Some(status) = met.and_then(|then| then.status) {
            let mut refusal = Refusal::new(status, "SIM-FAULT", "Simulated fault");
            refusal.retry_after = met.and_then(|then| then.retry_after);
            refusal.reply(service, &trace)
        } else if oauth::is_path(arrived.path) {
            self.sign_in(state, arrived, now).unwrap_or_else(oauth::refused)
        } else if let Some(key) = &key {
            let knobs = state.knobs.clone();
            let link_base = knobs.link_base.clone().unwrap_or_else(|| format!("{}/api/v1", self.base));
            let call = Call {
                method: arrived.method,
                path: arrived.path,
                query: arrived.query,
                json_body: arrived.json_body,
                body: arrived.body,
                now,
                base: &self.base,
                link_base: link_base.trim_end_matches('/'),
                batch_max: knobs.batch_max,
                audits: knobs.audits,
            };
            let limits = &mut state.limits;
            let count = |tier| if knobs.rate_limits { limits.count(&key.user, tier, now, knobs.rate_scale) } else { Ok(()) };
            api::answer(&mut state.tenant, key, &call, count).unwrap_or_else(|refusal| refusal.reply(service, &trace))
        } else {
            Refusal::unauthorized().reply(service, &trace)
        };
        // What is said to the authorization server holds secrets; the log is for everyone.
        let secret = oauth::is_path(arrived.path);
        let body: Value = serde_json::from_slice(arrived.body).ok().filter(|_| !secret).unwrap_or(Value::Null);
        state.log.push(json!({
            "n": n,
            "at": iso(now),
            "user": key.map(|key| key.user),
            "method": arrived.method,
            "path": arrived.path,
            "query": arrived.query.filter(|_| !secret).unwrap_or_default(),
            "body": body,
            "status": reply.status,
            "rows": std::mem::take(&mut reply.rows),
        }));
        drop(guard);
        if met.is_some_and(|then| then.drop.is_some()) {
            return Err(Closed);
        }
        if let Some(fault) = met.and_then(|then| then.rows)
            && reply.status == 207
        {
            spoil(&mut reply, fault);
        }
        if let Some(then) = met
            && reply.status == 200
        {
            thin(&mut reply, then);
        }
        Ok(respond(&reply.header("x-trace-id", trace), met))
    }
}

/// A request, read whole.
#[derive(Clone, Copy)]
struct Arrived<'a> {
    method: &'a str,
    path: &'a str,
    query: Option<&'a str>,
    token: Option<&'a str>,
    authorization: Option<&'a str>,
    cookies: Option<&'a str>,
    json_body: bool,
    body: &'a [u8],
}

fn spoil(reply: &mut Reply, fault: RowFault) {
    let Some(rows) = reply.body.as_mut().and_then(|body| body.get_mut("data")).and_then(Value::as_array_mut) else { return };
    match fault {
        RowFault::Missing => {
            rows.pop();
        }
        RowFault::Extra => rows.push(json!({ "type": "analyzer", "subject": "NOBODY\\asked", "status": 200 })),
        RowFault::Shuffled => rows.reverse(),
        RowFault::NoSubject => {
            for row in rows.iter_mut().filter_map(Value::as_object_mut) {
                row.retain(|key, _| !matches!(key.as_str(), "subject" | "type" | "sourceSubject" | "sourceType"));
            }
        }
    }
}

/// A list, or one record, that says less than there is.
fn thin(reply: &mut Reply, then: &Then) {
    let Some(body) = reply.body.as_mut().and_then(Value::as_object_mut) else { return };
    let Some(records) = body.get_mut("data").and_then(Value::as_array_mut) else {
        body.retain(|field, _| !then.omit.contains(field));
        return;
    };
    if then.empty {
        records.clear();
    }
    for record in records.iter_mut().filter_map(Value::as_object_mut) {
        record.retain(|field, _| !then.omit.contains(field));
    }
    if (then.empty || then.last_page)
        && let Some(links) = body.get_mut("links").and_then(Value::as_object_mut)
    {
        links.remove("next");
    }
}

fn respond(reply: &Reply, met: Option<&Then>) -> Response<Payload> {
    let page = reply.page.as_ref().map(|page| Bytes::from(page.clone()));
    let mut bytes = match (&reply.body, met.is_some_and(|then| then.malformed)) {
        (None, false) if page.is_some() => page.clone().unwrap_or_default(),
        (_, true) => Bytes::from_static(b"{\"data\": [{\"type\": "),
        (Some(body), false) => Bytes::from(serde_json::to_vec(body).unwrap_or_default()),
        (None, false) => Bytes::new(),
    };
    let length = bytes.len() as u64;
    let cut = met.is_some_and(|then| then.truncate);
    if cut {
        bytes.truncate(bytes.len() / 2);
    }
    let mut response = Response::new(Payload { bytes: Some(bytes), length, cut });
    *response.status_mut() = hyper::StatusCode::from_u16(reply.status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if length > 0 {
        let kind = if page.is_some() { "text/html; charset=utf-8" } else { "application/json" };
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    }
    for (name, value) in &reply.headers {
        if let Ok(value) = header::HeaderValue::from_str(value) {
            headers.insert(*name, value);
        }
    }
    response
}

/// A body that may end before its length does.
#[derive(Debug)]
struct Payload {
    bytes: Option<Bytes>,
    length: u64,
    cut: bool,
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Closed;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Closed>>> {
        match self.bytes.take() {
            Some(bytes) if !bytes.is_empty() => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            _ if self.cut => Poll::Ready(Some(Err(Closed))),
            _ => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.length == 0 || (self.bytes.is_none() && !self.cut)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}
