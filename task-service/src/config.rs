//! The settings of the task service. `default.toml` explains each.

use std::time::Duration;

use chrono::TimeDelta;
use http::Uri;
use secrecy::SecretString;
use serving::{process::ProcessSettings, serve::ServerLimits, service_secrets, settings::server};
use settings::{KeyMaterial, Problems, SecretError, Settings, Source};
use tls::{ClientTls, Protocols, ServerTls, listener_tls, upstream_tls};
use verifier::{Freshness, Trust};

use crate::quota::Quota;

/// The section of the settings.
pub const SECTION: &str = "task";
/// The settings with their explanations and defaults.
pub const DEFAULTS: &str = include_str!("default.toml");

const MILLISECOND: Duration = Duration::from_millis(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const MIN_STALENESS: Duration = Duration::from_millis(100);
/// The largest length of `verifier_id`, in characters.
const MAX_VERIFIER_ID_LENGTH: usize = 100;
const DECADE: Duration = Duration::from_hours(24 * 3650);
/// The rows of a deleted account are to be gone within an hour.
const MAX_POLL: Duration = Duration::from_mins(30);
const MIN_POLL: Duration = Duration::from_millis(10);
const MAX_LEEWAY: Duration = Duration::from_secs(5);

/// The configuration of the service.
#[derive(Debug, Clone)]
pub struct Config {
    /// What every process has: address, logs, telemetry, operations port.
    pub process: ProcessSettings,
    /// The database and the lanes to it.
    pub database: database::Settings,
    /// The lanes for lists that may read many rows.
    pub scans: database::Settings,
    /// The replicas of the auth service. They send revocations and signing keys.
    pub auth_upstream: Vec<Uri>,
    /// The secret that identifies this service to the auth service.
    pub service_secret: SecretString,
    /// The name of this process at the auth service: up to 100 characters. Random unless it is set.
    pub verifier_id: String,
    /// How long tokens are accepted after the last message of the auth service: 100 ms to 1 h.
    pub staleness: Freshness,
    /// The largest number of verified tokens that are remembered: up to 10,000,000.
    pub remembered_tokens: usize,
    /// Which tokens are accepted.
    pub trust: Trust,
    /// The key that seals page tokens. Every process of the service has the same.
    pub page_token_key: KeyMaterial,
    /// The most that is stored for one user.
    pub quota: Quota,
    /// How long a deleted task can be undeleted: 1 minute to 10 years.
    pub purge_after: TimeDelta,
    /// How often the auth service is asked for deleted accounts: 10 ms to 30 min.
    pub deletions_poll: Duration,
    /// Limits of the server.
    pub server: ServerLimits,
    /// TLS of the server; `None` is plaintext.
    pub tls: Option<ServerTls>,
    /// TLS to the auth service; set if one of its addresses is `https`.
    pub upstream_tls: Option<ClientTls>,
}

impl Config {
    /// The sources of the settings of a process.
    #[must_use]
    pub fn source() -> Source<'static> {
        Source::of_process(&[telemetry::settings::DEFAULTS, DEFAULTS], &[SECTION])
    }

    /// The configuration from `source`, or every problem with it.
    pub fn load(source: Source<'_>) -> Result<Self, Problems> {
        let mut settings = Settings::load(source);
        let config = Self::read(&mut settings);
        settings.finish(|| config)
    }

    /// Reads every setting of the section `task`, and those of `log` and `telemetry`.
    pub fn read(settings: &mut Settings) -> Option<Self> {
        let database = database(settings);
        let scans = scans(settings, database.as_ref());
        let auth_upstream = auth_upstream(settings);
        let upstreams = [("task.auth_upstream", auth_upstream.as_deref())];
        let upstream_tls = upstream_tls(settings, SECTION, &upstreams);
        let service_secret = settings.secret("task.service_secret", service_secret);
        let verifier_id = verifier_id(settings);
        let staleness = staleness(settings);
        let remembered_tokens = settings.get_within("task.remembered_tokens", 0..=10_000_000);
        let trust = trust(settings);
        let page_token_key = settings.secret("task.page_token_key", KeyMaterial::parse);
        let quota = quota(settings);
        let purge_after = settings.get_within("task.purge_after", MINUTE..=DECADE);
        let deletions_poll = settings.get_within("task.deletions_poll", MIN_POLL..=MAX_POLL);
        let server = server(settings, SECTION);
        let tls = listener_tls(settings, SECTION, Protocols::Http2);
        let process = ProcessSettings::read(settings, SECTION);
        Some(Self {
            database: database?,
            scans: scans?,
            auth_upstream: auth_upstream?,
            service_secret: service_secret?,
            verifier_id: verifier_id?,
            staleness: staleness?,
            remembered_tokens: remembered_tokens?,
            trust: trust?,
            page_token_key: page_token_key?,
            quota: quota?,
            purge_after: TimeDelta::from_std(purge_after?).expect("a TimeDelta holds ten years"),
            deletions_poll: deletions_poll?,
            server: server?,
            tls: tls?,
            upstream_tls: upstream_tls?,
            process: process?,
        })
    }
}

fn quota(settings: &mut Settings) -> Option<Quota> {
    let live = settings.get_within("task.quota", 1..=1_000_000_u32);
    let deleted = settings.get_within("task.deleted_quota", 0..=1_000_000_u32);
    let requests = settings.get_within("task.remembered_requests", 1..=1_000_000_u32);
    let number = |number| i32::try_from(number).expect("an i32 holds two million");
    let live = live?;
    Some(Quota {
        live: number(live),
        stored: number(live + deleted?),
        requests: number(requests?),
    })
}

/// The lanes of calls.
fn database(settings: &mut Settings) -> Option<database::Settings> {
    let database = database::settings::read(settings, SECTION);
    let largest_batch = settings.get_within("task.database.largest_batch", 1..=1_000);
    Some(database::Settings {
        largest_batch: largest_batch?,
        ..database?
    })
}

/// The lanes for lists that may read many rows: like those of calls, except for these settings.
fn scans(
    settings: &mut Settings,
    calls: Option<&database::Settings>,
) -> Option<database::Settings> {
    let lanes = settings.get_within("task.scans.lanes", 1..=1_000);
    let queue_per_user = settings.get_within("task.scans.queue_per_user", 1..=100_000);
    let timeout = settings.get_within("task.scans.statement_timeout", MILLISECOND..=HOUR);
    Some(database::Settings {
        lanes: lanes?,
        lanes_per_principal: 1,
        queue_per_principal: queue_per_user?,
        statement_timeout: timeout?,
        ..calls?.clone()
    })
}

/// One or more replicas.
fn auth_upstream(settings: &mut Settings) -> Option<Vec<Uri>> {
    let replicas: Vec<Uri> = settings.get("task.auth_upstream")?;
    if replicas.is_empty() {
        settings.refuse("task.auth_upstream", "must name at least one");
        return None;
    }
    Some(replicas)
}

fn service_secret(text: &str) -> Result<SecretString, SecretError> {
    service_secrets::check(text).map(SecretString::from)
}

fn verifier_id(settings: &mut Settings) -> Option<String> {
    let id = settings.optional("task.verifier_id")?;
    let id: String = id.unwrap_or_else(random_id);
    if id.chars().count() > MAX_VERIFIER_ID_LENGTH {
        settings.refuse("task.verifier_id", "must have at most 100 characters");
        return None;
    }
    Some(id)
}

/// A name that is unique to this process.
fn random_id() -> String {
    let mut random = [0; 8];
    aws_lc_rs::rand::fill(&mut random).expect("the operating system gives random bytes");
    format!("{SECTION}-{:016x}", u64::from_be_bytes(random))
}

fn staleness(settings: &mut Settings) -> Option<Freshness> {
    let reads = settings.get_within("task.staleness.reads", MIN_STALENESS..=HOUR);
    let writes = settings.get_within("task.staleness.writes", MIN_STALENESS..=HOUR);
    Some(Freshness {
        reads: reads?,
        writes: writes?,
    })
}

fn trust(settings: &mut Settings) -> Option<Trust> {
    let issuer = settings.get("task.issuer");
    let audience = settings.get("task.audience");
    let leeway = settings.get_within("task.leeway", Duration::ZERO..=MAX_LEEWAY);
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
            defaults: &[telemetry::settings::DEFAULTS, DEFAULTS],
            sections: &[SECTION],
            generated: Vec::new(),
            directory: std::env::temp_dir().join("a-folder-without-settings"),
            environment: variables.iter().map(pair).collect(),
        })
    }

    #[test]
    fn only_the_database_and_two_secrets_must_be_set() {
        let config = load(&[
            ("DATABASE_URL", "postgres://localhost/tandem"),
            ("TANDEM_TASK__PAGE_TOKEN_KEY", KEY),
            ("TANDEM_TASK__SERVICE_SECRET", SECRET),
        ])
        .unwrap();
        assert_eq!(config.process.listen.port(), 50052);
        let expected = Quota {
            live: 10_000,
            stored: 20_000,
            requests: 10_000,
        };
        assert_eq!(config.quota, expected);
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
    fn all_problems_are_reported_together() {
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
        let keys: Vec<_> = problems.iter().map(settings::SettingProblem::key).collect();
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
