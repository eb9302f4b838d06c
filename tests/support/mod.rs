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

pub mod databases;
pub mod provider;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use domain::allotment::{Allotment, AllotmentName, UsageClass};
use domain::change::{Assign, Change};
use domain::inventory::{Assignment, AutoAssign, Group, GroupId, GroupSettings, Inventory, Provider, Role, RoleId, RoleLevel};
use domain::journal::RowState;
use domain::plan::{Intent, Plan, draw_up};
use domain::projection::Projection;
use domain::subject::Subject;
use domain::touch::{Setting, Touch};
use engine::clock::{Clock, SharedClock, WallClock};
use engine::seal::Sealer;
use quartermaster::router;
use quartermaster::server::config::{self, Config, TenantClient, TenantConfig};
use quartermaster::server::state::{Shared, State};
use serde_json::Value;
use storage::{Actor, Origin, PlanRow, Store};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tower::ServiceExt;

pub const KEY: &str = "canary-key-7f3a9c51";
pub const HOST: &str = "127.0.0.1:3999";

pub struct Portal {
    pub app: Router,
    pub state: Shared,
    pub folder: tempfile::TempDir,
    pub sim: qlik_sim::Sim,
}

/// A clock that a test sets.
#[derive(Debug, Default)]
pub struct SetClock(AtomicI64);

impl SetClock {
    pub fn at(ms: i64) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(ms)))
    }

    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for SetClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl qlik_sim::Clock for SetClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// The key under which trails of tests are written.
pub fn audit_key() -> Arc<trail::Key> {
    Arc::new(trail::Key::of(&AUDIT_SECRET).unwrap())
}

/// What its file would hold.
pub const AUDIT_SECRET: [u8; 32] = *b"0123456789abcdef0123456789ABCDEF";

/// A portal in this process, in front of a tenant of this shape. Its jobs run once an executor does.
pub async fn portal_of(options: qlik_sim::Options) -> Portal {
    portal_at(options, Arc::new(WallClock), |_, _| {}).await
}

/// As [`portal_of`], by this clock, with a configuration of its own.
pub async fn portal_at(
    options: qlik_sim::Options,
    clock: SharedClock,
    configure: impl FnOnce(&mut Config, &mut TenantConfig),
) -> Portal {
    portal_sealed(options, clock, configure, |_| Sealer::new(vec![9; 32])).await
}

/// As [`portal_at`], sealing as `sealer` says for its folder.
pub async fn portal_sealed(
    options: qlik_sim::Options,
    clock: SharedClock,
    configure: impl FnOnce(&mut Config, &mut TenantConfig),
    sealer: impl FnOnce(&std::path::Path) -> Sealer,
) -> Portal {
    let rate_scale = options.rate_scale;
    let sim = qlik_sim::Sim::start(options).await.unwrap();
    portal_of_sim(sim, rate_scale, clock, configure, sealer).await
}

/// As [`portal_at`], with a tenant that goes by the same clock.
pub async fn portal_in_step(options: qlik_sim::Options, clock: Arc<SetClock>) -> Portal {
    let rate_scale = options.rate_scale;
    let sim = qlik_sim::Sim::start_at(options, clock.clone()).await.unwrap();
    portal_of_sim(sim, rate_scale, clock, |_, _| {}, |_| Sealer::new(vec![9; 32])).await
}

async fn portal_of_sim(
    sim: qlik_sim::Sim,
    rate_scale: f64,
    clock: SharedClock,
    configure: impl FnOnce(&mut Config, &mut TenantConfig),
    sealer: impl FnOnce(&std::path::Path) -> Sealer,
) -> Portal {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config::read("test", "", []).unwrap();
    config.server.listen = quartermaster::server::config::Listen::Tcp(HOST.parse().unwrap());
    config.server.public_url = format!("http://{HOST}");
    config.storage.url = format!("sqlite://{}", folder.path().join("test.db").display());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small whole number")]
    let mut tenant = TenantConfig { rate_scale: rate_scale as u32, ..TenantConfig::new("Meridian Foods", &sim.url) };
    configure(&mut config, &mut tenant);
    config.tenants.insert("meridian".into(), tenant);
    let store = Store::open(&config.storage.url, audit_key()).await.unwrap();
    let state = State::build(config, store, sealer(folder.path()), clock).unwrap();
    Portal { app: router::router(&state), state, folder, sim }
}

pub fn get(path: &str, cookie: &str) -> Request<Body> {
    Request::get(path).header(header::HOST, HOST).header(header::COOKIE, cookie).body(Body::empty()).unwrap()
}

/// Where an answer leads; empty where it leads nowhere.
pub fn location(answer: &Response<Body>) -> String {
    answer.headers().get(header::LOCATION).map_or_else(String::new, |to| to.to_str().unwrap().to_owned())
}

/// The client by which people sign in at the tenant, as the tenant knows it and as the portal does.
pub fn people_client() -> (qlik_sim::OauthClient, TenantClient) {
    let theirs = qlik_sim::OauthClient::people(&format!("portal=http://{HOST}/auth/qlik/meridian/callback")).unwrap();
    let scopes = ["user_default", "admin_classic", "offline_access"].map(str::to_owned).to_vec();
    (theirs, TenantClient { client_id: "portal".to_owned(), client_secret: None, scopes })
}

/// Signs in as the person `hint` at the tenant's page `to`. The path that the tenant leads back to.
pub async fn signed_in_at_qlik(to: &str, hint: &str) -> String {
    let answer = http().get(format!("{to}&login_hint={hint}")).send().await.unwrap();
    answer.headers()["location"].to_str().unwrap().strip_prefix(&format!("http://{HOST}")).unwrap().to_owned()
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

    /// Where a form leads.
    pub async fn location(&self, path: &str, cookie: &str, form: &str) -> String {
        let answer = self.send(post(path, cookie, form)).await;
        answer.headers().get(header::LOCATION).map_or_else(String::new, |to| to.to_str().unwrap().to_owned())
    }

    /// What a form is told, as a program asks for it: the status and the words.
    pub async fn told(&self, path: &str, cookie: &str, form: &str) -> (StatusCode, String) {
        let mut request = post(path, cookie, form);
        request.headers_mut().insert(header::ACCEPT, "application/json".parse().unwrap());
        let answer = self.send(request).await;
        let (status, body) = (answer.status(), to_bytes(answer.into_body(), usize::MAX).await.unwrap());
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    /// A page, once the tenant is read.
    pub async fn page(&self, path: &str, cookie: &str) -> String {
        for _ in 0..400 {
            let page = self.text(get(path, cookie)).await;
            if !page.contains("Loading tenant:") {
                return page;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{path}: the tenant is not read within ten seconds");
    }

    /// Reads the tenant again, and waits for it.
    pub async fn refresh(&self, cookie: &str) {
        self.send(post("/api/refresh", cookie, "tenant=meridian")).await;
        self.page("/t/meridian/overview", cookie).await;
    }

    pub async fn sim(&self, method: &str, path: &str, body: Value) -> Value {
        sim(&self.sim.url, method, path, (!body.is_null()).then_some(body)).await
    }

    /// So many users without a license, as rows of the table.
    pub async fn without(&self, count: usize) -> Vec<String> {
        let state = self.sim("GET", "state", Value::Null).await;
        let held: BTreeSet<String> = pairs(&self.sim.url).await.into_iter().map(|(subject, _)| subject).collect();
        let users = state["users"].as_array().unwrap().iter().filter(|user| user["status"] == "active");
        let subjects = users.map(|user| user["subject"].as_str().unwrap().to_owned());
        let free: Vec<String> = subjects.filter(|subject| !held.contains(&subject.to_lowercase())).take(count).collect();
        assert_eq!(free.len(), count, "too few people without a license");
        free
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

/// The real program, as a process of its own.
pub struct Server {
    pub child: Child,
    pub url: String,
}

/// A port that nobody listens on, for a server that must know its address before it listens. It lies below the range that systems
/// take the ports of outgoing connections from: a port from there can be gone again before the server listens, or while it is
/// started anew. Each process (a test is one) begins elsewhere; `end2end/support/ports.mjs` does the same.
pub fn free_port() -> u16 {
    use std::sync::atomic::{AtomicU32, Ordering};
    const FIRST: u16 = 20_000;
    const COUNT: u32 = 12_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(97);
    (0..COUNT)
        .map(|_| FIRST + (begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT) as u16)
        .find(|&port| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok())
        .unwrap()
}

/// Starts the program and waits until it is ready. What it logs is added to a file beside its configuration.
pub async fn serve(config: &Path, port: u16) -> Server {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(config.with_extension("log")).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_quartermaster"))
        .args(["serve", "--config"])
        .arg(config)
        .stdout(Stdio::piped())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.contains("is ready at") {
            return Server { child, url: format!("http://127.0.0.1:{port}") };
        }
    }
    panic!("the server ended before it was ready: {}", std::fs::read_to_string(config.with_extension("log")).unwrap());
}

impl Server {
    /// A form as the portal's own page sends it. The answer, or nothing where the server is gone.
    pub async fn post(&self, path: &str, cookie: &str, form: &[(&str, &str)]) -> Option<reqwest::Response> {
        let body =
            form.iter().map(|(key, value)| format!("{key}={}", quartermaster::ui::query::escape(value))).collect::<Vec<_>>();
        http()
            .post(format!("{}{path}", self.url))
            .header("origin", &self.url)
            .header("sec-fetch-site", "same-origin")
            .header("accept", "text/html")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("cookie", cookie)
            .body(body.join("&"))
            .send()
            .await
            .ok()
    }

    pub async fn page(&self, path: &str, cookie: &str) -> String {
        let answer = http().get(format!("{}{path}", self.url)).header("cookie", cookie).send().await.unwrap();
        answer.text().await.unwrap()
    }

    /// Connects to a tenant; the session's cookie.
    pub async fn connect(&self, tenant: &str, key: &str) -> String {
        let answer = self.post("/api/connect/key", "", &[("tenant", tenant), ("key", key), ("back", "")]).await.unwrap();
        answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
    }
}

/// What a plan is drawn up from: the state of a simulated tenant, as an inventory without people.
pub fn inventory(state: &Value) -> Inventory {
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let list = |key: &str| state[key].as_array().unwrap().iter();
    Inventory {
        allotments: list("allotments")
            .map(|row| Allotment {
                name: AllotmentName::new(text(row, "name")),
                usage_class: UsageClass::from_wire(row["usageClass"].as_str().unwrap()),
                units: row["units"].as_i64().unwrap(),
                used: row["unitsUsed"].as_i64().unwrap(),
                overage: row["overage"].as_i64().unwrap_or(0),
            })
            .collect(),
        assignments: list("assignments")
            .map(|row| Assignment {
                subject: Subject::new(text(row, "subject")),
                allotment: AllotmentName::new(text(row, "type")),
                excess: false,
                created: String::new(),
            })
            .collect(),
        groups: list("groups")
            .map(|row| Group {
                id: GroupId::new(text(row, "id")),
                name: text(row, "name"),
                description: text(row, "description"),
                status: text(row, "status"),
                provider: if row["providerType"] == "custom" { Provider::Custom } else { Provider::Idp },
                roles: Some(row["roles"].as_array().unwrap().iter().map(|role| RoleId::new(role.as_str().unwrap())).collect()),
                created: String::new(),
                created_by: String::new(),
                updated: String::new(),
            })
            .collect(),
        roles: list("roles")
            .map(|row| Role {
                id: RoleId::new(text(row, "id")),
                name: text(row, "name"),
                description: String::new(),
                custom: row["type"] == "custom",
                level: if row["level"] == "admin" { RoleLevel::Admin } else { RoleLevel::User },
                raises_entitlement: false,
                permissions: Vec::new(),
            })
            .collect(),
        auto_assign: AutoAssign {
            professional: state["settings"]["autoAssignProfessional"].as_bool(),
            analyzer: state["settings"]["autoAssignAnalyzer"].as_bool(),
        },
        group_settings: GroupSettings {
            auto_create_groups: state["group_settings"]["autoCreateGroups"].as_bool(),
            sync_idp_groups: state["group_settings"]["syncIdpGroups"].as_bool(),
        },
        ..Inventory::default()
    }
}

/// A job that has ended, and what it was to do.
pub struct Ended<'a> {
    /// Which run it is of, for whoever reads a failure.
    pub run: String,
    pub tenant: &'a str,
    pub job: &'a str,
    pub before: &'a Inventory,
    pub planned: &'a Plan,
    /// Requests before the job.
    pub seen: usize,
}

impl Ended<'_> {
    /// The tenant is as the plan wanted, every row had its effect once, and journal and audit account for every row.
    pub async fn accounts_for_every_row(&self, url: &str, store: &Store) {
        let Self { run, tenant, job, before, planned, seen } = self;
        let expected = Projection::after(before, planned.changes.iter().map(|planned| (&planned.change, None)), "");
        let groups = |inventory: Inventory| {
            // A group that was made has an id that only Qlik could know.
            let known: BTreeSet<GroupId> = before.groups.iter().map(|group| group.id.clone()).collect();
            let mut groups = inventory.groups;
            groups.iter_mut().filter(|group| !known.contains(&group.id)).for_each(|group| group.id = GroupId::new("new"));
            groups.sort_by(|one, other| one.name.cmp(&other.name));
            groups
        };
        let found = inventory(&sim(url, "GET", "state", None).await);
        let journal = store.journal(job, &RowState::ALL, 0, i64::MAX).await.unwrap();
        let undone: Vec<_> = journal.iter().filter(|row| row.state != RowState::Done).collect();
        let (held, wanted) = (found.held(), expected.held());
        let off: Vec<_> = held.symmetric_difference(&wanted).collect();
        assert!(off.is_empty(), "{run}: the licenses differ in {off:?}; not done: {undone:#?}");
        let expected = expected.into_inventory();
        assert_eq!(found.auto_assign, expected.auto_assign, "{run}: license settings; not done: {undone:#?}");
        assert_eq!(found.group_settings, expected.group_settings, "{run}: group settings; not done: {undone:#?}");
        // Each new group is the one that the journal says was made for its row.
        for row in &journal {
            if let Change::CreateGroup(new) = &row.change {
                let made = found.groups.iter().find(|group| group.name == new.name).map(|group| group.id.as_str());
                assert_eq!(row.made.as_ref().map(|made| made.id.as_str()), made, "{run}: {}", new.name);
            }
        }
        assert_eq!(groups(found), groups(expected), "{run}: groups; not done: {undone:#?}");

        let requests = sim(url, "GET", &format!("requests?since={seen}"), None).await;
        let mut effects: BTreeMap<String, u32> = BTreeMap::new();
        for request in requests.as_array().unwrap() {
            for effect in effects_of(request) {
                *effects.entry(effect).or_default() += 1;
            }
        }
        let once: BTreeMap<String, u32> = planned.changes.iter().map(|planned| (effect_of(&planned.change), 1)).collect();
        let twice: Vec<_> = effects.iter().filter(|(effect, times)| once.get(*effect) != Some(*times)).collect();
        let never: Vec<_> = once.keys().filter(|effect| !effects.contains_key(*effect)).collect();
        assert!(twice.is_empty() && never.is_empty(), "{run}: not once but {twice:?}, and never {never:?}");

        assert_eq!(journal.len(), planned.changes.len());
        assert!(undone.is_empty(), "{run}: {:?}", store.tally(job).await.unwrap());
        for planned in &planned.changes {
            let touch = planned.change.touches().into_iter().next().unwrap();
            let trail = store.audit_of(tenant, &touch, 20).await.unwrap();
            let of =
                |outcome: &str| trail.iter().filter(|line| line.record.job == *job && line.record.outcome == outcome).count();
            assert_eq!((of("intent"), of("done")), (1, 1), "{run}: {}: {trail:?}", planned.change.target());
        }
    }
}

/// What a change does at the tenant, as [`effects_of`] names it. A rename shows at the subject that it moves to.
fn effect_of(change: &Change) -> String {
    if let Some(id) = change.touches().groups().next() {
        return format!("group {id}");
    }
    match change.touches().into_iter().last().unwrap() {
        Touch::Holdings(subject) => format!("license of {}", subject.key()),
        Touch::Group(id) => format!("group {id}"),
        Touch::GroupName(name) => format!("group {name}"),
        Touch::Setting(Setting::AutoAssign) => "license settings".to_owned(),
        Touch::Setting(Setting::Groups) => "group settings".to_owned(),
    }
}

/// What a request of the tenant's log had as effects. A group or a setting that is written is one, whatever it was before.
fn effects_of(request: &Value) -> Vec<String> {
    let path = request["path"].as_str().unwrap_or_default();
    match (request["method"].as_str().unwrap_or_default(), request["status"].as_u64().unwrap_or_default()) {
        ("PUT", 200) if path == "/api/v1/licenses/settings" => vec!["license settings".to_owned()],
        ("PATCH", 204) if path == "/api/v1/groups/settings" => vec!["group settings".to_owned()],
        ("PATCH" | "DELETE", 204) => vec![format!("group {}", path.rsplit('/').next().unwrap_or_default())],
        ("POST", 201) if path == "/api/v1/groups" => {
            vec![format!("group {}", request["body"]["name"].as_str().unwrap_or_default())]
        }
        _ => request["rows"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|row| row["changed"] == true)
            .map(|row| format!("license of {}", row["subject"].as_str().unwrap_or_default().to_lowercase()))
            .collect(),
    }
}

/// How many requests the tenant has had.
pub async fn requests(url: &str) -> usize {
    sim(url, "GET", "requests?since=0", None).await.as_array().unwrap().len()
}

/// How much of this machine's memory a process holds now, in bytes.
pub fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() * 1_024
}

/// A PostgreSQL database for tests, or nothing, loudly. The server's own first one, which no test of the storage uses; whoever
/// takes it uses names that no earlier run had.
pub fn postgres() -> Option<String> {
    let Ok(base) = std::env::var("QUARTERMASTER_TEST_POSTGRES") else {
        eprintln!("SKIPPED: QUARTERMASTER_TEST_POSTGRES is not set (script/test sets it)");
        return None;
    };
    Some(format!("{base}/postgres"))
}

/// A number that no earlier run had.
pub fn unique() -> u128 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos()
}

/// Waits for something, and says what did not come.
pub async fn until(what: &str, patience: Duration, mut happened: impl AsyncFnMut() -> bool) {
    let deadline = std::time::Instant::now() + patience;
    while !happened().await {
        assert!(std::time::Instant::now() < deadline, "{what}: not within {patience:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Now, in milliseconds since 1970.
pub fn millis() -> i64 {
    i64::try_from(unique() / 1_000_000).unwrap()
}

/// Puts a plan in by the store, where what is tested is what becomes of it.
pub async fn keep_plan(store: &Store, tenant: &str, id: &str, plan: &Plan) {
    let row = PlanRow {
        id: id.to_owned(),
        tenant: tenant.to_owned(),
        author: Actor::named("test"),
        origin: Origin::Person,
        inventory_at: millis(),
        created_at: millis(),
        plan: plan.clone(),
    };
    store.put_plan(&row).await.unwrap();
}

/// A plan that gives Analyzer to so many who are no users of the tenant yet, and how the tenant was before.
pub async fn give_analyzer(store: &Store, url: &str, tenant: &str, id: &str, rows: usize) -> (Plan, Inventory) {
    let before = inventory(&sim(url, "GET", "state", None).await);
    let analyzer = AllotmentName::new("analyzer");
    let changes = (0..rows)
        .map(|n| Change::Assign(Assign { subject: Subject::new(format!("PLANNED\\new{n}")), allotment: analyzer.clone() }))
        .collect();
    let plan = draw_up(&before, Intent::Exactly { title: "Give Analyzer".to_owned(), changes, restores: false }).unwrap();
    assert_eq!(plan.changes.len(), rows);
    keep_plan(store, tenant, id, &plan).await;
    (plan, before)
}
