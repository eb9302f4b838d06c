//! The program: the server, the demo, and a look at the configuration.

mod commands;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, Subcommand};
use commands::{AuditKey, KeyUse, RotateKeys, VerifyAudit, audit_key, hold_key, rotate_keys, secret_key, verify_audit};
use domain::allotment::{Allotment, AllotmentName, UsageClass};
use engine::checkpoints;
use engine::clock::{Clock, SharedClock, WallClock};
use engine::seal::{Ring, Sealer, weak_key};
use quartermaster::router;
use quartermaster::server::auth::proxy::ThroughSocket;
use quartermaster::server::auth::proxy_check;
use quartermaster::server::config::{self, Config, Listen, TenantClient, TenantConfig};
use quartermaster::server::memory;
use quartermaster::server::ring;
use quartermaster::server::state::{Shared, State};
use storage::Store;
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;
use trail::Key;

/// The licenses and group roles of Qlik tenants, seen, planned and changed from a browser.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Debug, clap::Args)]
struct Serve {
    /// The configuration file; `Leptos.toml` in this folder if it is there.
    #[arg(long)]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the server.
    Serve(Serve),
    /// Runs the portal and a simulated tenant in one process, on this machine only.
    Demo(Demo),
    /// Tells every fault of the configuration, then the effective one.
    CheckConfig(Serve),
    /// Checks the audit trails: exit code 0 if intact, 1 if something was changed, 2 if they cannot be read.
    VerifyAudit(VerifyAudit),
    /// Prints the public key that checks the signatures of the audit trail's checkpoints.
    AuditKey(AuditKey),
    /// Adds a master key that seals from now on, and wraps anew what jobs hold.
    RotateKeys(RotateKeys),
    /// Sends forged headers through the proxy in front of the portal, and tells what of them arrives.
    CheckProxy(CheckProxy),
}

#[derive(Debug, clap::Args)]
struct CheckProxy {
    /// The portal's address, as browsers use it.
    #[arg(long)]
    url: String,
    /// A file with the `Cookie` line of somebody who is signed in at the proxy.
    #[arg(long)]
    cookie: Option<PathBuf>,
    /// The portal's configuration, which names the headers; `Leptos.toml` in this folder if not set.
    #[arg(long)]
    config: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Demo {
    /// Where the portal listens; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    /// Users of the simulated tenant.
    #[arg(long, default_value_t = 12_000)]
    users: usize,
    /// Licenses held.
    #[arg(long, default_value_t = 9_000)]
    assignments: usize,
    /// Groups.
    #[arg(long, default_value_t = 400)]
    groups: usize,
    /// Days of consumption before the start.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(95..=800))]
    usage_days: u32,
    /// People of each kind whose use is known.
    #[arg(long, default_value_t = 4)]
    personas: usize,
    /// The same seed gives the same tenant.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where to keep what must survive a restart; a folder that goes away with the demo if not set.
    #[arg(long)]
    storage: Option<String>,
    /// Takes how people sign in (`[auth]`) from this configuration file; no one is asked if not set.
    #[arg(long)]
    auth: Option<PathBuf>,
}

/// Requests that are under way when the server is asked to stop have so long.
const GRACE: Duration = Duration::from_secs(16);

/// Why the program ends.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("configuration errors:\n{0}")]
    Config(String),
    #[error("cannot listen on {0}: {1}")]
    Listen(Listen, std::io::Error),
    #[error("the key file {0} cannot be used: {1}")]
    KeyFile(PathBuf, String),
    #[error("{0} is in use: stop every server that writes under this audit key, then change it")]
    KeyInUse(PathBuf),
    #[error("{0} is being changed just now: start again when that is over")]
    KeyChanges(PathBuf),
    #[error(transparent)]
    Keys(#[from] ring::NotRotated),
    #[error(transparent)]
    AuditKey(#[from] trail::key::NoKey),
    #[error(transparent)]
    Checkpoints(#[from] engine::checkpoints::NotKept),
    #[error("{0} is not a loopback address: the demo is for this machine only")]
    NotLoopback(SocketAddr),
    #[error(transparent)]
    Store(#[from] storage::StoreError),
    #[error(transparent)]
    State(#[from] quartermaster::server::state::StateError),
    #[error(transparent)]
    Sim(#[from] qlik_sim::StartError),
    #[error(transparent)]
    Seal(#[from] engine::seal::SealError),
    #[error("the server failed: {0}")]
    Serve(std::io::Error),
    #[error("cannot make a folder for the demo: {0}")]
    Folder(std::io::Error),
    #[error("cannot read {0}: {1}")]
    Cookie(PathBuf, std::io::Error),
    #[error("the proxy cannot be checked: {0}")]
    Proxy(String),
    #[error(
        "the proxy passes on what a client forged: see above, and `examples/nginx/quartermaster.conf` for what should be set"
    )]
    Forged,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| "warn,quartermaster=info,engine=info".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    memory::guard();
    let outcome = match arguments.command {
        Some(Command::Demo(demo)) => run_demo(demo).await,
        Some(Command::CheckConfig(Serve { config })) => check_config(config),
        Some(Command::CheckProxy(check)) => check_proxy(check).await,
        Some(Command::VerifyAudit(verify)) => return verify_audit(verify).await,
        Some(Command::AuditKey(key)) => audit_key(key).await,
        Some(Command::RotateKeys(rotate)) => rotate_keys(rotate).await,
        Some(Command::Serve(Serve { config })) => serve(config).await,
        None => serve(arguments.serve.config).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("quartermaster: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn read_config(path: Option<PathBuf>) -> Result<Config, Failure> {
    config::load(path.as_deref(), std::env::vars()).map_err(|faults| told(&faults))
}

fn told(faults: &[config::Fault]) -> Failure {
    Failure::Config(faults.iter().map(|fault| format!("  {fault}")).collect::<Vec<_>>().join("\n"))
}

fn check_config(path: Option<PathBuf>) -> Result<(), Failure> {
    print!("{}", read_config(path)?);
    Ok(())
}

async fn check_proxy(check: CheckProxy) -> Result<(), Failure> {
    let config = read_config(check.config)?;
    let cookie =
        check.cookie.map(|file| std::fs::read_to_string(&file).map_err(|error| Failure::Cookie(file, error))).transpose()?;
    let report = proxy_check::run(&config, &check.url, cookie.as_deref().map(str::trim)).await.map_err(Failure::Proxy)?;
    print!("{report}");
    if report.is_safe() { Ok(()) } else { Err(Failure::Forged) }
}

async fn serve(path: Option<PathBuf>) -> Result<(), Failure> {
    let config = read_config(path)?;
    secret_key(&config.secrets.master_key_file, Ring::wrong)?;
    let sealer = ring::sealer(&config.secrets.master_key_file)?;
    let audit_key = Key::of(&secret_key(&config.secrets.audit_key_file, weak_key)?)?;
    // Held to the end: whoever changes the key finds that a server still writes under it.
    let _held = hold_key(&config.secrets.audit_key_file, KeyUse::Writes)?;
    let store = Store::open(&config.storage.url, Arc::new(audit_key)).await?;
    let listener = Bound::to(&config.server.listen).await?;
    let url = config.server.public_url.clone();
    run(config, store, sealer, listener, || println!("Quartermaster is ready at {url}")).await
}

async fn run_demo(demo: Demo) -> Result<(), Failure> {
    const KEY: &str = "demo-admin-key";
    const CLIENT: &str = "demo";
    // Everyone has it: the trail of a demo is like any other, and proves nothing.
    const DEMO_AUDIT_KEY: &[u8] = b"the audit key of every demonstration";
    if !demo.listen.ip().is_loopback() {
        return Err(Failure::NotLoopback(demo.listen));
    }
    let failed = |error| Failure::Listen(Listen::Tcp(demo.listen), error);
    let listener = TcpListener::bind(demo.listen).await.map_err(failed)?;
    let listen = listener.local_addr().map_err(failed)?;
    let client = format!("{CLIENT}=http://{listen}/auth/qlik/meridian/callback");
    let sim = qlik_sim::Sim::start(qlik_sim::Options {
        oauth_clients: qlik_sim::OauthClient::people(&client).into_iter().collect(),
        users: demo.users,
        assignments: demo.assignments,
        groups: demo.groups,
        usage_days: demo.usage_days,
        personas: demo.personas,
        seed: demo.seed,
        api_keys: vec![KEY.to_owned(), "demo-second-admin-key".to_owned()],
        ..qlik_sim::Options::default()
    })
    .await?;
    let folder = DemoFolder::make().map_err(Failure::Folder)?;
    // A demo takes nothing from the environment: it must run the same everywhere.
    let mut config = match &demo.auth {
        Some(file) => config::load(Some(file), []).map_err(|faults| told(&faults))?,
        None => config::read("demo", "", []).map_err(|faults| told(&faults))?,
    };
    config.tenants.clear();
    config.server.listen = Listen::Tcp(listen);
    config.server.public_url = format!("http://{listen}");
    config.storage.url = demo.storage.unwrap_or_else(|| format!("sqlite://{}", folder.0.join("demo.db").display()));
    // A tenant on the same machine answers at once or not at all.
    let scopes = ["user_default", "admin_classic", "offline_access"].map(str::to_owned).to_vec();
    let oauth = Some(TenantClient { client_id: CLIENT.to_owned(), client_secret: None, scopes });
    let tenant = TenantConfig { timeout_s: 5, oauth, ..TenantConfig::new("Meridian Foods", &sim.url) };
    config.tenants.insert("meridian".to_owned(), tenant);
    config.demo_key = KEY.to_owned();
    let store = Store::open(&config.storage.url, Arc::new(Key::of(DEMO_AUDIT_KEY)?)).await?;
    remember_seats(&store, &sim).await?;
    let (url, tenant) = (config.server.public_url.clone(), sim.url.clone());
    run(config, store, Sealer::ephemeral()?, Bound::Tcp(listener), move || {
        println!("The simulated tenant is at {tenant}");
        println!("Connect with the key {KEY}");
        println!("Quartermaster is ready at {url}");
    })
    .await?;
    drop(sim);
    drop(folder);
    Ok(())
}

/// Writes down the seats of each of the last days, as a server that had been running all along would have read them.
async fn remember_seats(store: &Store, sim: &qlik_sim::Sim) -> Result<(), Failure> {
    const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
    let now = WallClock.now_ms();
    for at in (1..domain::trend::DAYS).rev().map(|ago| now - ago * DAY_MS) {
        let allotment = |seats: qlik_sim::Seats| Allotment {
            name: AllotmentName::new(&seats.allotment),
            usage_class: UsageClass::Assigned,
            units: seats.units,
            used: seats.used,
            overage: seats.overage,
        };
        let allotments: Vec<Allotment> = sim.seats_at(at).into_iter().map(allotment).collect();
        store.put_seat_day("meridian", engine::clock::day_of(at), at, &allotments).await?;
    }
    Ok(())
}

/// A folder that goes away when the demo ends.
struct DemoFolder(PathBuf);

impl DemoFolder {
    fn make() -> std::io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("quartermaster-demo-{}", engine::fresh_id()));
        std::fs::create_dir(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for DemoFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A listener that people, or the proxy, come to.
enum Bound {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener, SocketFile),
}

/// A socket's file, which goes with the server.
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Bound {
    async fn to(listen: &Listen) -> Result<Self, Failure> {
        let failed = |error| Failure::Listen(listen.clone(), error);
        match listen {
            Listen::Tcp(address) => TcpListener::bind(address).await.map(Self::Tcp).map_err(failed),
            #[cfg(unix)]
            Listen::Unix(path) => {
                use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
                // One that a server left behind, which nobody answers on; anything else is somebody's.
                let is_socket = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
                if is_socket && tokio::net::UnixStream::connect(path).await.is_err() {
                    std::fs::remove_file(path).map_err(failed)?;
                }
                let listener = UnixListener::bind(path).map_err(failed)?;
                // Its owner and its group: whoever else may come would be the proxy.
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660)).map_err(failed)?;
                Ok(Self::Unix(listener, SocketFile(path.clone())))
            }
            #[cfg(not(unix))]
            Listen::Unix(_) => Err(failed(std::io::Error::from(std::io::ErrorKind::Unsupported))),
        }
    }

    /// Serves until it is asked to stop. Whose address it is goes into the trail.
    async fn serve(self, app: axum::Router, stop: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
        match self {
            Self::Tcp(listener) => {
                let app = app.into_make_service_with_connect_info::<SocketAddr>();
                axum::serve(listener, app).with_graceful_shutdown(stop).await
            }
            #[cfg(unix)]
            Self::Unix(listener, file) => {
                let app = app.layer(axum::Extension(ThroughSocket));
                let served = axum::serve(listener, app).with_graceful_shutdown(stop).await;
                drop(file);
                served
            }
        }
    }
}

async fn run(config: Config, store: Store, sealer: Sealer, listener: Bound, ready: impl FnOnce()) -> Result<(), Failure> {
    let clock: SharedClock = Arc::new(WallClock);
    let state = State::build(config, store, sealer, clock)?;
    state.engine.checkpoints.try_file()?;
    state.engine.store.free_leases_of_the_dead().await?;
    let kept = state.engine.start();
    let keys = tokio::spawn(read_keys_again(state.clone()));
    let health = match state.config.server.management_listen {
        Some(address) => {
            let failed = |error| Failure::Listen(Listen::Tcp(address), error);
            let listener = TcpListener::bind(address).await.map_err(failed)?;
            let app = router::management(&state);
            Some(tokio::spawn(async move {
                if let Err(error) = axum::serve(listener, app).await {
                    tracing::error!(%error, "health is no longer answered");
                }
            }))
        }
        None => None,
    };
    let app = router::router(&state);
    ready();
    let closing = state.clone();
    let stop = async move {
        asked_to_stop().await;
        // Streams would keep the server waiting for ever: they say goodbye and end.
        closing.engine.closing.send_replace(true);
    };
    let mut late = state.engine.closing.subscribe();
    let too_late = async move {
        let _ = late.wait_for(|closing| *closing).await;
        tokio::time::sleep(GRACE).await;
    };
    let served = tokio::select! {
        served = listener.serve(app, stop) => served.map_err(Failure::Serve),
        () = too_late => {
            tracing::warn!("some requests did not end in time; they are cut off");
            Ok(())
        }
    };
    // What jobs have under way is written down first. Where that takes too long it is in their journals as sent, and whoever
    // carries them on settles it.
    tokio::select! {
        _ = state.engine.carrying.write() => {}
        () = tokio::time::sleep(GRACE / 2) => {
            tracing::warn!("a request of a job did not end in time; its rows are checked by a reading later");
        }
    }
    // What Qlik gives while a connection is renewed must not be lost, nor what is taken back there be forgotten.
    state.engine.errands.close();
    if tokio::time::timeout(GRACE / 2, state.engine.errands.wait()).await.is_err() {
        tracing::warn!("a connection was being renewed or revoked when the server ended; what Qlik gave ends by itself");
    }
    drop(kept);
    keys.abort();
    // Where every trail ends, and who signed it, is known while nobody is there.
    if let Err(error) = checkpoints::all(&state.engine).await {
        tracing::error!(%error, "the ends of the trails could not be signed");
    }
    if let Some(health) = health {
        health.abort();
    }
    state.engine.store.close().await;
    served
}

/// Reads the ring of master keys again at each SIGHUP.
async fn read_keys_again(state: Shared) {
    #[cfg(unix)]
    if let Ok(mut signal) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()) {
        while signal.recv().await.is_some() {
            if let Some(active) = state.engine.sealer.reload() {
                tracing::info!(target: "quartermaster::security", event = "keys.read", key = active);
            }
        }
    }
}

/// Ctrl-C, or the service manager's word.
async fn asked_to_stop() {
    let interrupt = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}
