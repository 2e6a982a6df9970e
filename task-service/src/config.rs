//! The settings of the task service. `default.toml` says what each is for.

use std::{net::SocketAddr, time::Duration};

use chrono::TimeDelta;
use http::Uri;
use secrecy::SecretString;
use shared::{
    config::{
        KeyMaterial, Listing, Log, Problems, Settings, Source, Telemetry, Weakness, database,
        listen, log, ops, server, telemetry,
    },
    connections::Protocols,
    database, ops,
    serve::Limits,
    service_secrets,
    tls::{ClientTls, ServerTls, listener_tls, upstream_tls},
    token::{Freshness, Trust},
};

/// The section of the settings.
pub const SECTION: &str = "task";
/// The settings with their meanings and defaults.
pub const DEFAULTS: &str = include_str!("default.toml");

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const SHORTEST_STALENESS: Duration = Duration::from_millis(100);
/// Characters of `verifier_id`.
const LONGEST_ID: usize = 100;
const DECADE: Duration = Duration::from_hours(24 * 3650);
const FURTHEST_CLOCK: Duration = Duration::from_secs(5);

/// What the service is told.
#[derive(Debug, Clone)]
pub struct Config {
    /// Logs.
    pub log: Log,
    /// What is exported.
    pub telemetry: Telemetry,
    /// Where it listens.
    pub listen: SocketAddr,
    /// The database and the lanes to it.
    pub database: database::Settings,
    /// The auth service, which tells what is revoked and which keys sign.
    pub auth_upstream: Vec<Uri>,
    /// What the auth service knows this service by.
    pub service_secret: SecretString,
    /// What this process is called there: up to 100 characters. A random name unless one is set.
    pub verifier_id: String,
    /// How old what is known of revocations may be: 100 ms to 1 h.
    pub staleness: Freshness,
    /// How many verified tokens are remembered: up to 10,000,000.
    pub remembered_tokens: usize,
    /// Whose tokens are accepted.
    pub trust: Trust,
    /// Seals page tokens; the same for every process of the service.
    pub page_token_key: KeyMaterial,
    /// Most live tasks of one user: 1 to 1,000,000.
    pub quota: i32,
    /// How long a deleted task can be undeleted: a minute to ten years.
    pub purge_after: TimeDelta,
    /// The operations port.
    pub ops: ops::Settings,
    /// Limits of the server.
    pub server: Limits,
    /// TLS of the server; none is plaintext.
    pub tls: Option<ServerTls>,
    /// TLS towards the auth service, if an address of it is `https`.
    pub upstream_tls: Option<ClientTls>,
    /// All of it as it may be shown, secrets left out.
    pub listing: Listing,
}

impl Config {
    /// Where a process finds its settings.
    #[must_use]
    pub fn source() -> Source<'static> {
        Source::of_process(&[shared::config::DEFAULTS, DEFAULTS], &[SECTION])
    }

    /// The configuration from `source`, or everything that is wrong with it.
    pub fn load(source: Source<'_>) -> Result<Self, Problems> {
        let mut settings = Settings::load(source);
        let config = Self::read(&mut settings);
        settings.finish(|| config)
    }

    /// Reads every setting of the section `task`, and those of `log` and `telemetry`.
    pub fn read(settings: &mut Settings) -> Option<Self> {
        let log = log(settings);
        let telemetry = telemetry(settings);
        let listen = listen(settings, SECTION);
        let database = database(settings, SECTION);
        let auth_upstream = auth_upstream(settings);
        let upstreams = [("task.auth_upstream", auth_upstream.as_deref())];
        let upstream_tls = upstream_tls(settings, SECTION, &upstreams);
        let service_secret = settings.secret("task.service_secret", service_secret);
        let verifier_id = verifier_id(settings);
        let staleness = staleness(settings);
        let remembered_tokens = settings.get_within("task.remembered_tokens", 0..=10_000_000);
        let trust = trust(settings);
        let page_token_key = settings.secret("task.page_token_key", KeyMaterial::parse);
        let quota = settings.get_within("task.quota", 1..=1_000_000_u32);
        let purge_after = settings.get_within("task.purge_after", MINUTE..=DECADE);
        let server = server(settings, SECTION);
        let tls = listener_tls(settings, SECTION, Protocols::Http2);
        let ops = ops(settings, SECTION);
        Some(Self {
            log: log?,
            telemetry: telemetry?,
            listen: listen?,
            database: database?,
            auth_upstream: auth_upstream?,
            service_secret: service_secret?,
            verifier_id: verifier_id?,
            staleness: staleness?,
            remembered_tokens: remembered_tokens?,
            trust: trust?,
            page_token_key: page_token_key?,
            quota: i32::try_from(quota?).expect("a million fits"),
            purge_after: TimeDelta::from_std(purge_after?).expect("ten years fit"),
            server: server?,
            tls: tls?,
            upstream_tls: upstream_tls?,
            listing: settings.listing_for(SECTION),
            ops: ops?,
        })
    }
}

/// At least one replica.
fn auth_upstream(settings: &mut Settings) -> Option<Vec<Uri>> {
    let replicas: Vec<Uri> = settings.get("task.auth_upstream")?;
    if replicas.is_empty() {
        settings.refuse("task.auth_upstream", "must name at least one");
        return None;
    }
    Some(replicas)
}

fn service_secret(text: &str) -> Result<SecretString, Weakness> {
    service_secrets::check(text).map(SecretString::from)
}

fn verifier_id(settings: &mut Settings) -> Option<String> {
    let id = settings.optional("task.verifier_id")?;
    let id: String = id.unwrap_or_else(random_id);
    if id.chars().count() > LONGEST_ID {
        settings.refuse("task.verifier_id", "must have at most 100 characters");
        return None;
    }
    Some(id)
}

/// A name that no other process has.
fn random_id() -> String {
    let mut random = [0; 8];
    aws_lc_rs::rand::fill(&mut random).expect("the operating system gives random bytes");
    format!("{SECTION}-{:016x}", u64::from_be_bytes(random))
}

fn staleness(settings: &mut Settings) -> Option<Freshness> {
    let reads = settings.get_within("task.staleness.reads", SHORTEST_STALENESS..=HOUR);
    let writes = settings.get_within("task.staleness.writes", SHORTEST_STALENESS..=HOUR);
    Some(Freshness {
        reads: reads?,
        writes: writes?,
    })
}

fn trust(settings: &mut Settings) -> Option<Trust> {
    let issuer = settings.get("task.issuer");
    let audience = settings.get("task.audience");
    let leeway = settings.get_within("task.leeway", Duration::ZERO..=FURTHEST_CLOCK);
    Some(Trust {
        issuer: issuer?,
        audience: audience?,
        leeway: leeway?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "2pTw0Lb1hPZmYdJx6nS8vKqRk5cE3fGyA9uWzB7oHtM=";
    const SECRET: &str = "q8Jx0f2Zs7mVb4Kt1LrYp6WnHc3Dg5Ea";

    fn load(variables: &[(&str, &str)]) -> Result<Config, Problems> {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Config::load(Source {
            defaults: &[shared::config::DEFAULTS, DEFAULTS],
            sections: &[SECTION],
            made: Vec::new(),
            directory: std::env::temp_dir().join("a-folder-without-settings"),
            environment: variables.iter().map(pair).collect(),
        })
    }

    #[test]
    fn a_database_and_two_secrets_are_all_it_takes() {
        let config = load(&[
            ("DATABASE_URL", "postgres://localhost/tandem"),
            ("TANDEM_TASK__PAGE_TOKEN_KEY", KEY),
            ("TANDEM_TASK__SERVICE_SECRET", SECRET),
        ])
        .unwrap();
        assert_eq!(config.listen.port(), 50052);
        assert_eq!(config.quota, 10_000);
        let staleness = (
            config.staleness.reads.as_secs(),
            config.staleness.writes.as_secs(),
        );
        assert_eq!(staleness, (10, 3));
        assert_eq!(config.remembered_tokens, 10_000);
        assert!(config.verifier_id.starts_with("task-"));
        assert_eq!(config.purge_after, TimeDelta::days(30));
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let problems = load(&[
            ("TANDEM_TASK__LEEWAY", "1m"),
            ("TANDEM_TASK__QUOTA", "0"),
            ("TANDEM_TASK__PURGE_AFTER", "never"),
            ("TANDEM_TASK__AUTH_UPSTREAM", "nowhere"),
            ("TANDEM_TASK__QOUTA", "5"),
            ("TANDEM_TASK__SERVICE_SECRET", "too short to be one"),
            ("TANDEM_TASK__STALENESS__READS", "2h"),
            ("TANDEM_TASK__STALENESS__WRITES", "0s"),
            ("TANDEM_TASK__VERIFIER_ID", &"v".repeat(101)),
        ])
        .unwrap_err();
        let keys: Vec<_> = problems.iter().map(shared::config::Problem::key).collect();
        assert_eq!(
            keys,
            [
                "task.auth_upstream",
                "task.database.url",
                "task.leeway",
                "task.page_token_key",
                "task.purge_after",
                "task.qouta",
                "task.quota",
                "task.service_secret",
                "task.staleness.reads",
                "task.staleness.writes",
                "task.verifier_id",
            ]
        );
    }
}
