//! What operators see: all problems at once, each with its place, and never a secret.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod listing;
mod mistakes;
mod problems;
mod properties;
mod sources;
mod tls;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use settings::{KeyMaterial, Problems, Settings, Source};

const DEFAULTS: &str = r#"
[auth]
listen = "127.0.0.1:50051"
access_ttl = "5m"
audiences = ["one", "two"]

[auth.database]
lanes = 8
queue = 256
lanes_per_principal = 3
queue_per_principal = 64
longest_wait = "30s"
recycle_after = "1h"
check_after_idle = "30s"
connect_timeout = "5s"
unit_limit = "10s"
statement_timeout = "8s"
idle_in_transaction_timeout = "10s"

[auth.server]
max_in_flight = 1024
principal_share = 25
body_timeout = "5s"
max_unsent_bytes = 67108864
answer_grace = "2s"
deadline = "10s"
pause = "0s"
drain = "25s"
reflection = true
keepalive_interval = "60s"
keepalive_timeout = "20s"
connection_age = "30m"
connection_grace = "1m"
max_connections = 4096
max_connections_per_address = 512
handshake_timeout = "10s"
header_timeout = "10s"
send_timeout = "20s"
max_streams = 200
"#;
const KEY: &str = "qm1yZ3lcQ0pXv8fT2bN4uHkR7wEoJdGsA9iLxVtY5z0=";
const URL: &str = "postgres://tandem:hunter2@localhost/tandem";

#[derive(Debug)]
struct Config {
    log: telemetry::logs::Log,
    telemetry: telemetry::settings::Telemetry,
    listen: SocketAddr,
    access_ttl: Duration,
    audiences: Vec<String>,
    note: Option<String>,
    signing_key: KeyMaterial,
    database: database::Settings,
    server: serving::serve::ServerLimits,
}

fn read(settings: &mut Settings) -> Option<Config> {
    let log = telemetry::logs::log(settings);
    let telemetry = telemetry::settings::telemetry(settings);
    let listen = serving::settings::listen(settings, "auth");
    let access_ttl = settings.get_within(
        "auth.access_ttl",
        Duration::from_secs(30)..=Duration::from_mins(15),
    );
    let audiences = settings.get("auth.audiences");
    let note = settings.optional("auth.note");
    let signing_key = settings.secret("auth.signing_key", KeyMaterial::parse);
    let database = database::settings::read(settings, "auth");
    let server = serving::settings::server(settings, "auth");
    Some(Config {
        log: log?,
        telemetry: telemetry?,
        listen: listen?,
        access_ttl: access_ttl?,
        audiences: audiences?,
        note: note?,
        signing_key: signing_key?,
        database: database?,
        server: server?,
    })
}

/// Loads a configuration from variables, and a directory with `.env` and other files.
fn load_in(directory: &Path, environment: &[(&str, &str)]) -> Result<Config, Problems> {
    let environment = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    load_pairs(DEFAULTS, directory, environment)
}

fn load_pairs(
    defaults: &str,
    directory: &Path,
    environment: Vec<(String, String)>,
) -> Result<Config, Problems> {
    let mut settings = Settings::load(Source {
        defaults: &[telemetry::settings::DEFAULTS, defaults],
        sections: &["auth"],
        generated: Vec::new(),
        directory: directory.to_path_buf(),
        environment,
    });
    let config = read(&mut settings);
    settings.finish(|| config)
}

fn load(environment: &[(&str, &str)]) -> Result<Config, Problems> {
    load_in(&empty_directory(), environment)
}

/// Loads the required values and more.
fn load_with(more: &[(&str, &str)]) -> Result<Config, Problems> {
    let required = [("TANDEM_AUTH__SIGNING_KEY", KEY), ("DATABASE_URL", URL)];
    load(&[&required, more].concat())
}

fn lines(problems: &Problems) -> Vec<String> {
    problems.to_string().lines().map(str::to_owned).collect()
}

fn empty_directory() -> PathBuf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let name = format!(
        "config-{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    );
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&directory).unwrap();
    directory
}

fn directory_with(files: &[(&str, &str)]) -> PathBuf {
    let directory = empty_directory();
    for (name, content) in files {
        fs::write(directory.join(name), content).unwrap();
    }
    directory
}
