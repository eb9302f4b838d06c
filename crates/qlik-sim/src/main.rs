//! The simulated tenant as a program.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use qlik_sim::{OauthClient, Options, Sim};

/// A simulated Qlik Cloud tenant on this machine.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:4000")]
    listen: SocketAddr,
    /// Users of the tenant.
    #[arg(long, default_value_t = 12_000)]
    users: usize,
    /// Licenses held.
    #[arg(long, default_value_t = 9_000)]
    assignments: usize,
    /// Groups, system groups aside.
    #[arg(long, default_value_t = 400)]
    groups: usize,
    /// Roles made in the tenant, besides Qlik's own.
    #[arg(long, default_value_t = 45)]
    custom_roles: usize,
    /// Days of consumption before the start.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(95..=800))]
    usage_days: u32,
    /// People of each kind whose use is known.
    #[arg(long, default_value_t = 4)]
    personas: usize,
    /// The same seed gives the same tenant.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A key that acts as a tenant admin; repeat it for more admins.
    #[arg(long = "api-key", default_value = "demo-admin-key")]
    api_keys: Vec<String>,
    /// A key without admin rights.
    #[arg(long, default_value = "demo-reader-key")]
    reader_key: String,
    /// A program that people sign in by: ID[:SECRET]=REDIRECT[,REDIRECT]; repeat it for more.
    #[arg(long = "oauth-client", value_parser = OauthClient::people)]
    oauth_clients: Vec<OauthClient>,
    /// A machine that signs in by its secret: ID:SECRET; repeat it for more.
    #[arg(long = "m2m-client", value_parser = OauthClient::machine)]
    machine_clients: Vec<OauthClient>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments {
        listen,
        users,
        assignments,
        groups,
        custom_roles,
        usage_days,
        personas,
        seed,
        api_keys,
        reader_key,
        mut oauth_clients,
        machine_clients,
    } = Arguments::parse();
    oauth_clients.extend(machine_clients);
    let options = Options {
        listen,
        users,
        assignments,
        groups,
        custom_roles,
        usage_days,
        personas,
        seed,
        api_keys,
        reader_key,
        oauth_clients,
        ..Options::default()
    };
    match Sim::start(options).await {
        Ok(sim) => {
            println!("qlik-sim is ready at {}", sim.url);
            sim.run().await;
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("failed to start: {error}");
            ExitCode::FAILURE
        }
    }
}
