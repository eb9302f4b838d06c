//! Nonsense is answered with words: whatever arguments a server function or a plain route is given, no answer is a 5xx, nothing
//! panics, and no error is logged.
#![cfg(feature = "ssr")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test may fail by panicking, and asks its script where the database is"
)]

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use domain::assignments;
use engine::clock::WallClock;
use engine::executor;
use engine::seal::Sealer;
use quartermaster::router;
use quartermaster::server::config::{self, TenantConfig};
use quartermaster::server::state::State;
use quartermaster::ui::query::escape;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use support::{HOST, KEY, Portal, portal_of, sim};

/// Proxies refuse an answer whose headers are longer (nginx makes a 502 of it by default).
const LONGEST_HEADER: usize = 8 * 1024;
/// Longest address that reaches the portal at all: the HTTP library refuses more.
const LONGEST_ADDRESS: usize = 60_000;
/// Random cases, and how long they may take: fewer on a slow machine.
const CASES: u64 = 250;
const ENOUGH: Duration = Duration::from_secs(2);
/// An answer that takes longer counts as none.
const PATIENCE: Duration = Duration::from_secs(30);

const HTML: &str = "text/html";
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// A form, spelled out: names and values as they stand in the body.
type Form = Vec<(String, String)>;

/// What went wrong inside: panics anywhere in this process, and every line that is logged as an error.
static INSIDE: LazyLock<Arc<Mutex<Vec<String>>>> = LazyLock::new(|| {
    #[derive(Clone)]
    struct Kept(Arc<Mutex<Vec<String>>>);
    impl std::io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let line = format!("logged: {}", String::from_utf8_lossy(bytes).trim());
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let kept = Kept(Arc::default());
    let (writer, panics) = (kept.clone(), kept.0.clone());
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::ERROR)
        .with_ansi(false)
        .without_time()
        .with_writer(move || writer.clone())
        .init();
    std::panic::set_hook(Box::new(move |panic| {
        eprintln!("{panic}");
        panics.lock().unwrap_or_else(PoisonError::into_inner).push(format!("panicked: {panic}"));
    }));
    kept.0
});

/// A server function and its arguments: name and type.
#[derive(Debug, Clone)]
struct Function {
    path: String,
    args: Vec<(String, String)>,
}

/// Every server function with its arguments, as the sources have them. A new one is found without being told.
fn functions() -> Vec<Function> {
    fn sources(folder: &Path, out: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, out);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                out.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut found = Vec::new();
    for piece in files.iter().flat_map(|text| text.split("#[server(endpoint = \"").skip(1)) {
        let (endpoint, rest) = piece.split_once('"').unwrap();
        let (_, rest) = rest.split_once("pub async fn ").unwrap();
        let (_, rest) = rest.split_once('(').unwrap();
        let (args, _) = rest.split_once(") -> Result").unwrap();
        let args = args.replace("#[server(default)]", "");
        let args = args.split(',').map(str::trim).filter(|arg| !arg.is_empty()).map(|arg| {
            let (name, kind) = arg.split_once(':').unwrap();
            (name.trim().to_owned(), kind.trim().to_owned())
        });
        found.push(Function { path: format!("/api/{endpoint}"), args: args.collect() });
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    for (path, method) in leptos::server_fn::axum::server_fn_paths() {
        assert_eq!(method, Method::POST, "{path}");
        assert!(found.iter().any(|function| function.path == path), "{path} is not found in the sources");
    }
    assert_eq!(found.len(), leptos::server_fn::axum::server_fn_paths().count());
    found
}

/// What one request is.
#[derive(Debug, Clone)]
struct Ask {
    method: Method,
    to: String,
    accept: &'static str,
    kind: Option<HeaderValue>,
    referer: Option<HeaderValue>,
    cookie: Option<HeaderValue>,
    body: Vec<u8>,
    /// What is nonsense about it.
    what: String,
}

impl Ask {
    fn get(to: String, what: impl Into<String>) -> Self {
        let form = Self::form(&to, HTML, String::new(), what);
        Self { method: Method::GET, kind: None, ..form }
    }

    fn form(to: &str, accept: &'static str, body: impl Into<Vec<u8>>, what: impl Into<String>) -> Self {
        Self {
            method: Method::POST,
            to: to.to_owned(),
            accept,
            kind: Some(HeaderValue::from_static(FORM)),
            referer: Some(HeaderValue::from_static("http://127.0.0.1:3999/t/meridian/overview")),
            cookie: None,
            body: body.into(),
            what: what.into(),
        }
    }

    fn of_kind(self, kind: impl AsRef<[u8]>) -> Self {
        Self { kind: HeaderValue::from_bytes(kind.as_ref()).ok(), ..self }
    }

    /// Nothing where no server would be asked: the address is none.
    fn request(&self, cookie: &str) -> Option<Request<Body>> {
        let uri: Uri = self.to.parse().ok().filter(|_| self.to.len() <= LONGEST_ADDRESS)?;
        let mut request = Request::new(Body::from(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        let headers: &mut HeaderMap = request.headers_mut();
        headers.insert(header::HOST, HeaderValue::from_static(HOST));
        headers.insert(header::ORIGIN, format!("http://{HOST}").parse().unwrap());
        headers.insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
        headers.insert(header::ACCEPT, HeaderValue::from_static(self.accept));
        headers.insert(header::COOKIE, self.cookie.clone().unwrap_or_else(|| cookie.parse().unwrap()));
        for (name, value) in [(header::REFERER, &self.referer), (header::CONTENT_TYPE, &self.kind)] {
            if let Some(value) = value {
                headers.insert(name, value.clone());
            }
        }
        Some(request)
    }
}

/// What is there to be named: so that nonsense in one argument meets sense in the others.
#[derive(Debug, Clone, Default)]
struct Things {
    cookie: String,
    plan: String,
    job: String,
    list: String,
    group: String,
    subject: String,
    version: u64,
}

/// The portal under test with what it answered wrongly.
struct Bench {
    portal: Portal,
    tenant: String,
    things: Things,
    /// By rule and path: how many, and the first few.
    wrong: BTreeMap<(String, String), (usize, Vec<String>)>,
    asked: usize,
}

fn excerpt(text: &str, most: usize) -> String {
    let short: String = text.chars().take(most).flat_map(char::escape_debug).collect();
    if text.chars().count() > most { format!("{short}… ({} bytes)", text.len()) } else { short }
}

impl Bench {
    async fn new(portal: Portal, tenant: &str) -> Self {
        LazyLock::force(&INSIDE);
        let mut bench = Self { portal, tenant: tenant.to_owned(), things: Things::default(), wrong: BTreeMap::new(), asked: 0 };
        bench.reconnect().await;
        bench
    }

    async fn sensible(&self, path: &str, accept: &'static str, form: String) -> (StatusCode, String, String) {
        let request = Ask::form(path, accept, form, "").request(&self.things.cookie).unwrap();
        let answer = self.portal.send(request).await;
        let header = |name| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        let (to, cookie) = (header(header::LOCATION), header(header::SET_COOKIE));
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let status = answer.status();
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        let said = if to.is_empty() { String::from_utf8_lossy(&body).into_owned() } else { to };
        (status, said, cookie)
    }

    async fn reconnect(&mut self) {
        self.things.cookie = "none=".to_owned();
        let form = format!("tenant={}&key={KEY}&back=", self.tenant);
        let (_, to, cookie) = self.sensible("/api/connect/key", HTML, form).await;
        assert_eq!(to, format!("/t/{}/overview", self.tenant));
        self.things.cookie = cookie;
    }

    /// A session, a plan, a job, a list and a person, all of them new.
    async fn renew(&mut self, with_job: bool) {
        self.reconnect().await;
        let tenant = self.tenant.clone();
        let state = sim(&self.portal.sim.url, "GET", "state", None).await;
        let of = |list: &str, key: &str| -> Vec<String> {
            let list = state[list].as_array().unwrap();
            list.iter().map(|row| row[key].as_str().unwrap_or_default().to_owned()).collect()
        };
        let held: Vec<String> = of("assignments", "subject").iter().map(|subject| subject.to_lowercase()).collect();
        let users = of("users", "subject");
        let free: Vec<&String> = users.iter().filter(|subject| !held.contains(&subject.to_lowercase())).collect();
        let group = state["groups"].as_array().and_then(|groups| groups.last()).map(|group| group["id"].clone());
        let group = group.as_ref().and_then(Value::as_str).unwrap_or("none").to_owned();
        // Somebody without a license is given one, and in the other turn somebody with one loses it.
        let (subject, action) = match free.first() {
            Some(subject) if free.len() > 3 => ((*subject).clone(), "action=assign&to=analyzer".to_owned()),
            _ => (of("assignments", "subject")[0].clone(), "action=remove".to_owned()),
        };
        let allotment = state["assignments"].as_array().unwrap().iter().find(|row| row["subject"] == *subject);
        let allotment = allotment.and_then(|row| row["type"].as_str()).map(domain::allotment::AllotmentName::new);
        let row = escape(assignments::key(&subject, allotment.as_ref()).as_str());
        let draft = format!("tenant={tenant}&{action}&rows[]={row}");
        let last = |to: String| to.split('?').next().unwrap().rsplit('/').next().unwrap().to_owned();
        let mut job = "none".to_owned();
        if with_job {
            let (_, plan, _) = self.sensible("/api/assignments/draft", HTML, draft.clone()).await;
            assert!(plan.contains("/plans/"), "{plan}");
            let (_, to, _) = self.sensible("/api/plans/apply", HTML, format!("tenant={tenant}&id={}&confirm=", last(plan))).await;
            if to.contains("/jobs/") {
                job = last(to);
            }
        }
        let (_, plan, _) = self.sensible("/api/assignments/draft", HTML, draft).await;
        let list = self.bring(&parts("", "Subject,License\np1,Analyzer\np2,nothing\n", "give"), "").request(&self.things.cookie);
        let list = self.portal.send(list.unwrap()).await;
        let list = list.headers()[header::LOCATION].to_str().unwrap().to_owned();
        let window = format!("tenant={tenant}&query=");
        let (_, window, _) = self.sensible("/api/assignments/window", JSON, window).await;
        let version = serde_json::from_str::<Value>(&window).ok().and_then(|said| said["Ready"][0]["version"].as_u64());
        let cookie = self.things.cookie.clone();
        let version = version.unwrap_or(self.things.version);
        self.things = Things { cookie, plan: last(plan), job, list: last(list), group, subject, version };
    }

    /// What makes sense for an argument.
    fn sense(&self, path: &str, name: &str) -> String {
        let things = &self.things;
        let room = path.trim_start_matches("/api/").split('/').next().unwrap();
        let value = match (room, name) {
            (_, "tenant") => &self.tenant,
            ("plans", "id") => &things.plan,
            ("jobs", "id") | (_, "job") => &things.job,
            ("lists", "id") => &things.list,
            ("groups", "id") => &things.group,
            (_, "subject") => &things.subject,
            ("jobs", "to") => "pause",
            ("jobs", "what") => "undo",
            ("lists", "what") => "these",
            ("connect", "jobs") => "go-on",
            (_, "page" | "out") => "1",
            (_, "before") => "0",
            (_, "action") => "assign",
            (_, "to" | "allotment" | "usual") => "analyzer",
            (_, "way") => "leave-out",
            (_, "purpose") => "give",
            (_, "theme") => "dark",
            (_, "key") => KEY,
            (_, "cells") => "2:1",
            (_, "back") => "/t/meridian/overview",
            (_, "query") => "license=any&page=1",
            (_, "rows") => return escape(assignments::key(&things.subject, None).as_str()),
            (_, "name") => "x",
            _ => "",
        };
        escape(value)
    }

    /// The form that makes sense.
    fn sensible_form(&self, function: &Function) -> Form {
        let name = |(name, kind): &(String, String)| if kind.starts_with("Vec") { format!("{name}[]") } else { name.clone() };
        function.args.iter().map(|arg| (name(arg), self.sense(&function.path, &arg.0))).collect()
    }

    fn bring(&self, body: &[u8], what: &str) -> Ask {
        Ask::form(&format!("/import/{}", self.tenant), HTML, body, what).of_kind("multipart/form-data; boundary=b")
    }

    fn note(&mut self, path: &str, rule: String, ask: &Ask) {
        let shown =
            if ask.method == Method::GET { excerpt(&ask.to, 100) } else { excerpt(&String::from_utf8_lossy(&ask.body), 160) };
        let accept = if ask.accept == JSON { "json" } else { "html" };
        let (times, first) = self.wrong.entry((rule, path.to_owned())).or_default();
        *times += 1;
        if first.len() < 8 {
            first.push(format!("[{accept}] {} <- {shown}", ask.what));
        }
    }

    /// Asks, and notes what is wrong with the answer. Returns where it leads, if anywhere.
    async fn ask(&mut self, path: &str, ask: &Ask) -> Option<String> {
        let request = ask.request(&self.things.cookie)?;
        self.asked += 1;
        let before = INSIDE.lock().unwrap_or_else(PoisonError::into_inner).len();
        let app = self.portal.app.clone();
        let sent = tokio::spawn(async move {
            let answer = tower::ServiceExt::oneshot(app, request).await.unwrap();
            let (head, body) = answer.into_parts();
            // A stream of events goes on while its job does.
            let stream = head.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
            let body = if stream { None } else { Some(to_bytes(body, usize::MAX).await.unwrap()) };
            (head, body)
        });
        let answer = tokio::time::timeout(PATIENCE, sent).await;
        let inside: Vec<String> = INSIDE.lock().unwrap_or_else(PoisonError::into_inner).drain(before..).collect();
        // That an answer is a 5xx is logged as well, and told below.
        for line in inside.into_iter().filter(|line| !line.contains("tower_http::trace::on_failure: response failed")) {
            self.note(path, excerpt(&line, 200), ask);
        }
        let (head, body) = match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => {
                self.note(path, "no answer: the handler panicked".to_owned(), ask);
                return None;
            }
            Err(_) => {
                self.note(path, format!("no answer within {} s", PATIENCE.as_secs()), ask);
                return None;
            }
        };
        let status = head.status;
        if status.is_server_error() {
            let said = body.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
            let said = match serde_json::from_str::<Value>(&said) {
                Ok(error) => error["what"].as_str().unwrap_or(&said).to_owned(),
                Err(_) if said.starts_with("<!DOCTYPE") => "a page".to_owned(),
                Err(_) => excerpt(&said, 100),
            };
            self.note(path, format!("status {}: {said}", status.as_u16()), ask);
        }
        if status.is_client_error() && body.as_ref().is_some_and(|body| body.trim_ascii().is_empty()) {
            self.note(path, format!("status {} without a word", status.as_u16()), ask);
        }
        for (name, value) in &head.headers {
            if value.len() > LONGEST_HEADER {
                self.note(path, format!("the header {name} is longer than {LONGEST_HEADER} bytes"), ask);
            }
        }
        if status == StatusCode::UNAUTHORIZED {
            self.reconnect().await;
        }
        head.headers.get(header::LOCATION).map(|to| String::from_utf8_lossy(to.as_bytes()).into_owned())
    }

    /// Fails with all that broke the rules.
    fn judge(&self, seed: u64) {
        assert!(self.asked > 1_000, "only {} requests were sent", self.asked);
        if self.wrong.is_empty() {
            return;
        }
        let mut told = format!("QUARTERMASTER_NONSENSE_SEED={seed}, {} requests; these answers break the rules:\n", self.asked);
        let mut before = "";
        for ((rule, path), (times, first)) in &self.wrong {
            if before != rule {
                let _ = writeln!(told, "{rule}");
            }
            let _ = writeln!(told, "    {path} ({times} times)");
            // The first path that breaks a rule shows how; of the others one example will do.
            let shown = if before == rule { 1 } else { first.len() };
            for one in first.iter().take(shown) {
                let _ = writeln!(told, "        {one}");
            }
            before = rule;
        }
        panic!("{told}");
    }
}

fn spell(form: &Form) -> String {
    form.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// Values that mean nothing, as they stand in a form: mistyped, wrongly encoded, or after something else.
static VALUES: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let text = r"x -1 0 1.5 +1 %2B1 0x10 1e999 NaN inf 4294967295 4294967296 9223372036854775807 -9223372036854775808
        9223372036854775808 18446744073709551615 18446744073709551616 99999999999999999999999999999999 null true [] %7B%7D
        % %f %ff %fe%ff %c3 %ed%a0%80 %ud800 %ud83d \ud800 %5Cud800 %00 a%00b %0d%0aSet-Cookie:%20a=b %0a %7f %1f %C3%A9
        %F0%9F%92%A9 %E2%80%AE%E2%80%8B %EF%BF%BF ..%2f..%2fetc %2F%2Fevil.example.com '%20OR%201=1-- %25 %22%3E%3Cb
        <script>alert(1)</script> a=b=c a;b %26tenant=y [ ] 2: :2 2:99999999999999999999 another%3A another%3A%00
        18446744073709551615:18446744073709551615 +%0A-%0A%2Bx";
    std::iter::once("").chain(text.split_whitespace()).collect()
});

/// Names that are none, after an argument's own.
static SUFFIXES: LazyLock<Vec<&str>> = LazyLock::new(|| {
    "[] [0] [b][c] [99999999999999999999] [-1] [ ] [[ []] [a][b][c][d][e][f][g] %5B%5D .x %00 %ff".split(' ').collect()
});

/// Long values. The longest come last.
fn long_values() -> Vec<(&'static str, String)> {
    vec![
        ("100 kB of a", "a".repeat(100_000)),
        ("100 kB of digits", "9".repeat(100_000)),
        ("100 kB of é", "%C3%A9".repeat(17_000)),
        ("100 kB of NUL", "%00".repeat(33_000)),
        ("1 MB of a", "a".repeat(1_000_000)),
    ]
}

/// Whole bodies that are no form.
fn bodies(tenant: &str) -> Vec<(&'static str, Vec<u8>)> {
    let nested = format!("tenant{}={tenant}", "[a]".repeat(5_000));
    let utf16: Vec<u8> = format!("tenant={tenant}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let many: String = (0..20_000).map(|n| format!("a{n}=1&")).collect();
    let wide: String = (0..5_000).map(|n| format!("tenant[{n}]=1&")).collect();
    [
        ("nothing", ""),
        ("%", "%"),
        ("%ff", "%ff=%ff"),
        ("%00", "%00=%00"),
        ("= alone", "="),
        ("& alone", "&&&&"),
        ("? first", "?tenant=x"),
        ("nested", "a[b][c]="),
        ("nested and plain", "tenant=x&tenant[a]=y&tenant[]=z"),
        ("open bracket", "tenant[=x"),
        ("closed bracket", "]tenant[=x"),
        ("brackets", "[]=x&[[]]=y&[a]=z"),
        ("huge index", "rows[18446744073709551616]=x&rows[4294967295]=y"),
        ("JSON", "{\"tenant\":\"\\ud800\"}"),
        ("semicolons", "tenant=x;id=y;page=z"),
        ("deep", &nested),
        ("many", &many),
        ("wide", &wide),
    ]
    .into_iter()
    .map(|(what, body)| (what, body.as_bytes().to_vec()))
    .chain([
        ("UTF-16", utf16),
        ("no UTF-8", [b"tenant=".as_slice(), tenant.as_bytes(), b"&id=\xff&page=1"].concat()),
        ("lone surrogate", b"tenant=\xed\xa0\x80".to_vec()),
        ("NUL", vec![0; 64]),
        ("100 kB of &", vec![b'&'; 100_000]),
        ("1 MB of a", vec![b'a'; 1_000_000]),
    ])
    .collect()
}

/// A body as a multipart form.
fn parts(file_name: &str, lines: &str, purpose: &str) -> Vec<u8> {
    let field =
        if file_name.is_empty() { "name=\"lines\"".to_owned() } else { format!("name=\"file\"; filename=\"{file_name}\"") };
    format!(
        "--b\r\nContent-Disposition: form-data; {field}\r\n\r\n{lines}\r\n\
         --b\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\n{purpose}\r\n--b--\r\n"
    )
    .into_bytes()
}

/// Content types that are not the form's, by what they are.
fn kinds() -> Vec<(&'static str, Option<HeaderValue>)> {
    let kind = |bytes: &'static [u8]| HeaderValue::from_bytes(bytes).ok();
    vec![
        ("no content type", None),
        ("JSON's content type", kind(b"application/json")),
        ("text's content type", kind(b"text/plain")),
        ("multipart without boundary", kind(b"multipart/form-data")),
        ("multipart's content type", kind(b"multipart/form-data; boundary=b")),
        ("an empty content type", kind(b"")),
        ("a content type of bytes", kind(b"\xff\xfe/\xff")),
        ("a form in UTF-16", kind(b"application/x-www-form-urlencoded; charset=utf-16")),
        ("CBOR's content type", kind(b"application/cbor")),
    ]
}

/// All that can be wrong with a function's form, one thing at a time.
fn faults_of(bench: &Bench, function: &Function, nth: usize, rng: &mut StdRng) -> Vec<Ask> {
    let (path, form) = (function.path.as_str(), bench.sensible_form(function));
    let mut faults = Vec::new();
    // Every fault by turns as the program sends it and as a plain form; the next function has it the other way round.
    let mut turn = nth / 2;
    let mut push = |body: Vec<u8>, what: String| {
        turn += 1;
        faults.push(Ask::form(path, [JSON, HTML][turn % 2], body, what));
    };
    // Half of the bodies; the next function has the other half.
    for (what, body) in bodies(&bench.tenant).into_iter().skip(nth % 2).step_by(2) {
        push(body, format!("the whole form: {what}"));
    }
    let long = long_values();
    for (at, (name, sense)) in form.iter().enumerate() {
        let mut spoiled = |change: &dyn Fn(&mut Form), what: String| {
            let mut form = form.clone();
            change(&mut form);
            push(spell(&form).into_bytes(), what);
        };
        spoiled(&|form| drop(form.remove(at)), format!("no {name}"));
        spoiled(&|form| form.push(form[at].clone()), format!("{name} twice"));
        spoiled(&|form| form[at].0 = form[at].0.to_uppercase(), format!("{name} in capitals"));
        // Some of them, and others with another seed; fewer for what every function has.
        let some = if name == "tenant" { VALUES.len() / 6 } else { VALUES.len() / 3 };
        for value in VALUES.choose_multiple(rng, some) {
            spoiled(&|form| form[at].1 = (*value).to_owned(), format!("{name} is {value}"));
        }
        for value in ["%00", "%1f", "%7f", "%C3%A9", "%0d%0aa", "%ff", "%", "%25", "%26a=b", "%E2%80%AE", "%3Fa%23"] {
            spoiled(&|form| form[at].1 = format!("{sense}{value}"), format!("{name} ends with {value}"));
        }
        for suffix in SUFFIXES.choose_multiple(rng, SUFFIXES.len() / 2) {
            spoiled(&|form| form[at].0 = format!("{name}{suffix}"), format!("{name} as {name}{suffix}"));
        }
        // One long value each, another for every argument; the longest once in a function.
        let (what, value) = &long[(at + nth) % (long.len() - 1)];
        spoiled(&|form| form[at].1 = value.clone(), format!("{name} is {what}"));
        if at == nth % form.len() {
            let (what, value) = &long[long.len() - 1];
            spoiled(&|form| form[at].1 = value.clone(), format!("{name} is {what}"));
        }
    }
    let body = spell(&form);
    let json = serde_json::to_vec(&form.iter().cloned().collect::<BTreeMap<_, _>>()).unwrap();
    let bodies = [("the form", body.into_bytes()), ("JSON", json), ("parts", parts("", "a,b", "give"))];
    for (at, (what, kind)) in kinds().into_iter().enumerate() {
        // Two bodies with each content type; the next function has others.
        for (accept, (of, body)) in [JSON, HTML].into_iter().zip(bodies.iter().cycle().skip(at + nth)) {
            faults.push(Ask { kind: kind.clone(), ..Ask::form(path, accept, body.clone(), format!("{of} with {what}")) });
        }
    }
    for (what, referer) in [
        ("no referer", None),
        ("a referer that is none", Some(HeaderValue::from_static("%%%"))),
        ("a referer of bytes", HeaderValue::from_bytes(b"http://127.0.0.1:3999/t/\xff").ok()),
        ("a referer with an error that is none", Some(HeaderValue::from_static("http://127.0.0.1:3999/?__path=%ff&__err=%%%"))),
    ] {
        let ask = Ask::form(path, HTML, "tenant[a]=%ff", what);
        faults.push(Ask { referer, ..ask });
    }
    faults
}

/// A value made up.
fn any_value(rng: &mut StdRng) -> String {
    static PIECES: LazyLock<Vec<&str>> = LazyLock::new(|| {
        let text = r"a Z 0 9 - . , ; : / \ %20 + %00 %ff %C3%A9 %0a %0d%0a % %2 = [ ] %22 %27 < %F0%9F%92%A9 %ed%b0%80 \ud800 %25
            %26 ? %23 * ( %7F %E2%80%AE meridian license%3Dany sort%3D-since p1%40meridian.example";
        text.split_whitespace().collect()
    });
    let most = *[3, 12, 60].choose(rng).unwrap();
    (0..rng.random_range(0..most)).map(|_| *PIECES.choose(rng).unwrap()).collect()
}

/// A function with several things wrong at once, as the seed has it.
fn any_fault(bench: &Bench, functions: &[Function], seed: u64) -> (String, Ask) {
    let mut rng = StdRng::seed_from_u64(seed);
    let function = functions.choose(&mut rng).unwrap();
    let mut form = bench.sensible_form(function);
    let mut spoiled = Form::new();
    for (name, sense) in form.drain(..) {
        match rng.random_range(0..10) {
            0 => {}
            1 => spoiled.extend([(name.clone(), sense), (name, any_value(&mut rng))]),
            2 => spoiled.push((format!("{name}{}", SUFFIXES.choose(&mut rng).unwrap()), sense)),
            3 => spoiled.push((name, (*VALUES.choose(&mut rng).unwrap()).to_owned())),
            4 => spoiled.push((name, format!("{sense}{}", any_value(&mut rng)))),
            5..7 => spoiled.push((name, any_value(&mut rng))),
            _ => spoiled.push((name, sense)),
        }
    }
    for _ in 0..rng.random_range(0..3) {
        spoiled.push((any_value(&mut rng), any_value(&mut rng)));
    }
    let mut body = spell(&spoiled).into_bytes();
    if rng.random_bool(0.1) && !body.is_empty() {
        let at = rng.random_range(0..body.len());
        body[at] = rng.random();
    }
    let accept = *[JSON, HTML].choose(&mut rng).unwrap();
    let ask = Ask::form(&function.path, accept, body, format!("random, seed {seed}"));
    (function.path.clone(), ask)
}

/// Lists that are none, and forms that bring none.
fn lists_of(bench: &Bench) -> Vec<Ask> {
    let long = |text: &str, times: usize| text.repeat(times);
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("a line break", b"\n".to_vec()),
        ("NUL", vec![0; 100]),
        ("no text", (0..=255).collect()),
        ("half a UTF-16", b"\xff\xfea".to_vec()),
        ("a lone surrogate in UTF-16", b"\xff\xfe\x00\xd8\x0a\x00".to_vec()),
        ("a mark alone", b"\xef\xbb\xbf".to_vec()),
        ("an open quote", b"Subject,License\n\"p1,Analyzer\n".to_vec()),
        ("a NUL in a cell", b"Subject,License\np\x001,Analyzer\n".to_vec()),
        ("headings twice", b"Subject,Subject,License,License\na,b,c,d\n".to_vec()),
        ("headings alone", b"Subject,License\n".to_vec()),
        ("1 MB of commas", long(",", 1_000_000).into_bytes()),
        ("1 MB of quotes", long("\"", 1_000_000).into_bytes()),
        ("1 MB of line breaks", long("\n", 1_000_000).into_bytes()),
        ("one cell of 1 MB", long("a", 1_000_000).into_bytes()),
        ("rows of many widths", (0..200).map(|n| long("x,", n) + "\n").collect::<String>().into_bytes()),
    ];
    let mut asks = Vec::new();
    for (what, file) in &files {
        let start = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"l.csv\"\r\n\r\n";
        asks.push(bench.bring(&[start.as_slice(), file, b"\r\n--b--\r\n"].concat(), &format!("a list of {what}")));
    }
    let (name, purpose) = (long("n", 100_000), long("p", 100_000));
    for (what, body) in [
        ("a name with NUL", parts("a\0b", "a,b", "give")),
        ("a name on two lines", parts("a\r\nb: c", "a,b", "give")),
        ("a name with quotes", parts("a\"b\\", "a,b", "give")),
        ("a name of 100 kB", parts(&name, "a,b", "give")),
        ("a name that climbs", parts("../../etc/passwd", "a,b", "give")),
        ("a purpose of 100 kB", parts("", "a,b", &purpose)),
        ("a purpose that is none", parts("", "a,b", "\0%ff")),
        ("no parts", b"--b--\r\n".to_vec()),
        ("nothing", Vec::new()),
        ("no end", b"--b\r\nContent-Disposition: form-data; name=\"lines\"\r\n\r\na,b".to_vec()),
        ("a part without a name", b"--b\r\n\r\na,b\r\n--b--\r\n".to_vec()),
        ("a part of bytes", b"--b\r\nContent-Disposition: form-data; name=\"\xff\"\r\n\r\na,b\r\n--b--\r\n".to_vec()),
        ("another boundary", b"--c\r\nContent-Disposition: form-data; name=\"lines\"\r\n\r\na,b\r\n--c--\r\n".to_vec()),
        ("a form", b"lines=a,b&purpose=give".to_vec()),
        ("JSON", b"{\"lines\":\"a,b\"}".to_vec()),
        ("1 MB of a", vec![b'a'; 1_000_000]),
        ("the same part twice", [parts("", "a,b", "give"), parts("", "c,d", "take")].concat()),
    ] {
        asks.push(bench.bring(&body, what));
    }
    for (what, kind) in kinds() {
        asks.push(Ask { kind, ..bench.bring(&parts("", "a,b", "give"), what) });
    }
    for tenant in ["x", "%ff", "%00", "%2f", "%C3%A9", "..", "%", "%0d%0a"] {
        let ask = bench.bring(&parts("", "a,b", "give"), "another tenant");
        asks.push(Ask { to: format!("/import/{tenant}"), ..ask });
    }
    asks
}

/// Addresses that make no sense, of what is no page and of pages.
fn addresses(bench: &Bench) -> Vec<(String, String)> {
    let (tenant, things) = (&bench.tenant, &bench.things);
    let mut out: Vec<(String, String)> = Vec::new();
    let long = ["a".repeat(50_000), "9".repeat(50_000), "%C3%A9".repeat(8_000), "%00".repeat(16_000), "a=b&".repeat(12_000)];
    let values: Vec<&str> = VALUES.iter().copied().chain(long.iter().map(String::as_str)).collect();
    let files = [
        (format!("/export/{tenant}/template.csv"), "", ["id", "q"]),
        (format!("/export/{tenant}/assignments.csv"), "", ["page", "license"]),
        (format!("/export/{tenant}/plan.csv"), "", ["id", "x"]),
        (format!("/export/{tenant}/failures.csv"), "", ["id", "x"]),
        (format!("/rows/{tenant}/outline"), "version", ["version", "first"]),
        (format!("/rows/{tenant}/block"), "version", ["version", "first"]),
        (format!("/rows/{tenant}/use"), "version", ["version", "first"]),
        (format!("/rows/{tenant}/groups-outline"), "version", ["version", "first"]),
        (format!("/rows/{tenant}/groups-block"), "version", ["version", "first"]),
    ];
    for (path, base, names) in &files {
        let shown = path.replace(tenant, "…");
        let base = if base.is_empty() { String::new() } else { format!("version={}&", things.version) };
        let queries = " ? ?& ?= ?% ?%ff=%ff ?id ?version ?id[a][b]= ?version[]=1 ?id=x&id=y ?version=1&version=2".split(' ');
        out.extend(queries.map(|query| (shown.clone(), format!("{path}{query}"))));
        for name in names {
            out.extend(values.iter().map(|value| (shown.clone(), format!("{path}?{name}={value}"))));
            out.extend(values.iter().map(|value| (shown.clone(), format!("{path}?{base}{name}={value}"))));
            out.extend(SUFFIXES.iter().map(|suffix| (shown.clone(), format!("{path}?{base}{name}{suffix}=1"))));
        }
    }
    // Where an id or a tenant stands in the path, and what else a page reads from its address.
    for (before, after) in [
        ("/events/", "/jobs/x"),
        ("/export/", "/assignments.csv"),
        ("/rows/", "/outline?version=1"),
        ("/t/", "/overview"),
        ("/t/", ""),
        ("/", ""),
    ] {
        let all = values.iter().map(|value| (format!("{before}…{after}"), format!("{before}{value}{after}")));
        out.extend(all);
    }
    for before in [format!("/events/{tenant}/jobs/"), format!("/export/{tenant}/")] {
        out.extend(values.iter().map(|value| (before.replace(tenant, "…") + "…", format!("{before}{value}"))));
    }
    for room in ["groups", "plans", "jobs", "lists"] {
        let before = format!("/t/{tenant}/{room}/");
        out.extend(values.iter().step_by(2).map(|value| (format!("/t/…/{room}/…"), format!("{before}{value}"))));
    }
    out
}

/// Pages with odd queries: too slow for every value with every name, so a few of each, as the seed has them.
fn pages(bench: &Bench, rng: &mut StdRng) -> Vec<(String, String)> {
    let things = &bench.things;
    let rooms: [(String, &[&str]); 14] = [
        ("overview".to_owned(), &["x"]),
        (
            "assignments".to_owned(),
            &[
                "q", "page", "sort", "license", "status", "role", "group", "used", "since", "columns", "person", "job", "width",
                "flag",
            ],
        ),
        ("groups".to_owned(), &["q", "page"]),
        (format!("groups/{}", things.group), &["base", "mine"]),
        ("plans".to_owned(), &["page"]),
        (format!("plans/{}", things.plan), &["page"]),
        ("jobs".to_owned(), &["page"]),
        (format!("jobs/{}", things.job), &["page"]),
        ("audit".to_owned(), &["before"]),
        ("settings".to_owned(), &["x"]),
        ("lists".to_owned(), &["wrong"]),
        (format!("lists/{}", things.list), &["page"]),
        ("sessions".to_owned(), &["leaving"]),
        ("nowhere".to_owned(), &["x"]),
    ];
    let mut out = Vec::new();
    let mut add = |path: String, shown: String, names: &[&str]| {
        let names = names.iter().copied().chain(["__path", "__err"]);
        for query in ["%", "%ff=%ff", "=", "a[b][c]="] {
            out.push((shown.clone(), format!("{path}?{query}")));
        }
        for name in names {
            for value in VALUES.choose_multiple(rng, 3) {
                out.push((shown.clone(), format!("{path}?{name}={value}")));
            }
            out.push((shown.clone(), format!("{path}?{name}={}", any_value(rng))));
            out.push((shown.clone(), format!("{path}?{name}=x&{name}=y&{name}[]=z")));
        }
        out.push((shown.clone(), format!("{path}?q={0}&page={0}&before={0}", "9".repeat(15_000))));
        out.push((shown.clone(), format!("{path}?__path=%2Fapi%2Fplans%2Fapply&__err={}", "e".repeat(20_000))));
    };
    for (room, names) in rooms {
        let shown = format!("/t/…/{}", room.split('/').next().unwrap());
        add(format!("/t/{}/{room}", bench.tenant), shown, names);
    }
    add("/connect".to_owned(), "/connect".to_owned(), &["tenant", "back"]);
    add("/".to_owned(), "/".to_owned(), &["x"]);
    out
}

fn seed() -> u64 {
    std::env::var("QUARTERMASTER_NONSENSE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

/// What is wrong inside is known of the process as a whole: where tests share one, they take turns.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Every server function: one thing wrong at a time, then several.
async fn functions_answer(portal: Portal, tenant: &str) {
    let (seed, functions) = (seed(), functions());
    let mut rng = StdRng::seed_from_u64(seed);
    let running = tokio::spawn(executor::run(portal.state.engine.clone()));
    let mut bench = Bench::new(portal, tenant).await;
    for (nth, function) in functions.iter().enumerate() {
        let wants_job = function.path.starts_with("/api/jobs/") || function.args.iter().any(|(name, _)| name == "job");
        bench.renew(wants_job).await;
        for ask in faults_of(&bench, function, nth, &mut rng) {
            bench.ask(&function.path, &ask).await;
        }
    }
    // Larger than any form may be: it is refused before anything is made of it.
    let form = format!("tenant={tenant}&action=assign&to=analyzer&lines={}", "%2B".repeat(5_000_000));
    let (path, what) = ("/api/assignments/draft", "a form of 15 MB");
    let huge = Ask::form(path, JSON, form, what);
    bench.ask(path, &huge).await;
    let answer = bench.portal.send(huge.request(&bench.things.cookie).unwrap()).await;
    let status = answer.status();
    if !status.is_client_error() {
        let said = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        let said = excerpt(&String::from_utf8_lossy(&said), 200);
        bench.note(path, format!("a form above the limit is not refused: status {}: {said}", status.as_u16()), &huge);
    }
    let until = Instant::now() + ENOUGH;
    for nth in 0..CASES {
        if Instant::now() > until {
            break;
        }
        if nth % 100 == 0 {
            bench.renew(true).await;
        }
        let (path, ask) = any_fault(&bench, &functions, seed.wrapping_mul(1_000_000).wrapping_add(nth));
        bench.ask(&path, &ask).await;
    }
    running.abort();
    bench.judge(seed);
}

/// Everything else: lists that are brought, files, rows, events, pages, cookies.
async fn routes_answer(portal: Portal, tenant: &str) {
    let seed = seed();
    let running = tokio::spawn(executor::run(portal.state.engine.clone()));
    let mut bench = Bench::new(portal, tenant).await;
    bench.renew(true).await;
    for ask in lists_of(&bench) {
        // Whatever was taken in can be looked at, and planned.
        if let Some(to) = bench.ask("/import/…", &ask).await
            && let Some((_, id)) = to.split_once("/lists/")
        {
            bench.ask("/t/…/lists/… (just imported)", &Ask::get(to.clone(), ask.what.clone())).await;
            let plan = format!("tenant={tenant}&id={id}");
            bench.ask("/api/lists/plan", &Ask::form("/api/lists/plan", JSON, plan, ask.what.clone())).await;
        }
    }
    for (path, to) in addresses(&bench) {
        bench.ask(&path, &Ask::get(to, "the address")).await;
    }
    for (path, to) in pages(&bench, &mut StdRng::seed_from_u64(seed)) {
        bench.ask(&path, &Ask::get(to, "the address")).await;
    }
    for cookie in [
        b"".as_slice(),
        b"=",
        b"quartermaster",
        b"quartermaster=%00",
        b"quartermaster=\xff",
        b"theme=%ff; theme=x",
        &vec![b'a'; 60_000],
    ] {
        for to in [format!("/t/{tenant}/overview"), format!("/rows/{tenant}/outline?version=1")] {
            let cookie = HeaderValue::from_bytes(cookie).ok();
            bench.ask("a cookie that is none", &Ask { cookie, ..Ask::get(to.clone(), "the cookie") }).await;
        }
    }
    running.abort();
    bench.judge(seed);
}

fn small() -> qlik_sim::Options {
    qlik_sim::Options {
        users: 40,
        assignments: 20,
        groups: 4,
        api_keys: vec![KEY.to_owned()],
        rate_scale: 1_000.0,
        ..qlik_sim::Options::default()
    }
}

/// The other database has its own idea of what a text may hold. A database of its own: the portal's trail is under one key. Nothing,
/// loudly, where there is none.
async fn on_postgresql(database: &str) -> Option<(Portal, String)> {
    let url = support::databases::own_database(database).await?;
    let name = "meridian".to_owned();
    let sim = qlik_sim::Sim::start(small()).await.unwrap();
    let mut config = config::read("test", "", []).unwrap();
    config.server.listen = quartermaster::server::config::Listen::Tcp(HOST.parse().unwrap());
    config.server.public_url = format!("http://{HOST}");
    config.storage.url = url;
    config.tenants.insert(name.clone(), TenantConfig { rate_scale: 1_000, ..TenantConfig::new("Meridian Foods", &sim.url) });
    let store = storage::Store::open(&config.storage.url, support::audit_key()).await.unwrap();
    let state = State::build(config, store, Sealer::new(vec![9; 32]), Arc::new(WallClock)).unwrap();
    Some((Portal { app: router::router(&state), state, folder: tempfile::tempdir().unwrap(), sim }, name))
}

#[tokio::test(flavor = "multi_thread")]
async fn server_functions_answer_nonsense_with_words() {
    let _turn = ONE_AT_A_TIME.lock().await;
    functions_answer(portal_of(small()).await, "meridian").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_routes_answer_nonsense_with_words() {
    let _turn = ONE_AT_A_TIME.lock().await;
    routes_answer(portal_of(small()).await, "meridian").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn server_functions_answer_nonsense_with_words_on_postgresql() {
    let _turn = ONE_AT_A_TIME.lock().await;
    if let Some((portal, tenant)) = on_postgresql("qm_nonsense_functions").await {
        functions_answer(portal, &tenant).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_routes_answer_nonsense_with_words_on_postgresql() {
    let _turn = ONE_AT_A_TIME.lock().await;
    if let Some((portal, tenant)) = on_postgresql("qm_nonsense_routes").await {
        routes_answer(portal, &tenant).await;
    }
}
