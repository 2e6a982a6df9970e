//! The settings of the auth service.

use std::time::Duration;

use database;
use serving::process::ProcessSettings;
use serving::{serve::ServerLimits, service_secrets::ServiceSecrets, settings::server};
use settings::{KeyMaterial, Problems, SecretError, Settings, Source};
use tls::{Protocols, ServerTls, listener_tls};

use crate::{
    passwords::hashing::{HashSettings, MAX_MEMORY_KIB, Peppers},
    revocations::{FeedSettings, domain::MAX_ACCESS_TTL},
    sessions::Lifetimes,
    signing_keys::{Schedule, issuer::Profile},
    throttle::{Allowance, Pace, ThrottleSettings},
};

/// The settings with their meanings and defaults.
pub const DEFAULTS: &str = include_str!("default.toml");
/// The section of this service's settings.
pub const SECTION: &str = "auth";

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// All settings of the service.
#[derive(Debug, Clone)]
pub struct Config {
    /// What every process has: address, logs, telemetry, operations port.
    pub process: ProcessSettings,
    /// Limits of its server.
    pub server: ServerLimits,
    /// TLS of its server; `None` is plaintext.
    pub tls: Option<ServerTls>,
    /// Its database.
    pub database: database::Settings,
    /// What its access tokens contain.
    pub profile: Profile,
    /// How far the clocks of services may differ: up to 5 s.
    pub leeway: Duration,
    /// How long sessions live.
    pub lifetimes: Lifetimes,
    /// How long records of the audit log are kept: 30 days to ten years.
    pub audit_retention: Duration,
    /// How passwords are hashed.
    pub hash: HashSettings,
    /// The peppers of passwords.
    pub peppers: Peppers,
    /// The limits on wrong passwords and tokens.
    pub throttle: ThrottleSettings,
    /// The keys that seal signing keys, with their ids; the first one seals.
    pub key_encryption_keys: Vec<(u8, KeyMaterial)>,
    /// When one signing key replaces another.
    pub signing: Schedule,
    /// The keys that seal refresh tokens, with their ids; the first one seals.
    pub refresh_keys: Vec<(u8, KeyMaterial)>,
    /// How revocations are published.
    pub feed: FeedSettings,
    /// The secrets that authenticate services that verify tokens.
    pub service_secrets: ServiceSecrets,
}

impl Config {
    /// Reads the settings. The error lists all problems.
    pub fn load(source: Source<'_>) -> Result<Self, Problems> {
        let mut settings = Settings::load(source);
        let config = Self::read(&mut settings);
        settings.finish(|| config)
    }

    /// The sources of the settings of a process.
    #[must_use]
    pub fn source() -> Source<'static> {
        Source::of_process(&[telemetry::settings::DEFAULTS, DEFAULTS], &[SECTION])
    }

    /// Reads every setting; `None` if there are problems.
    // Longer than 40 lines because each setting takes two of them.
    pub fn read(settings: &mut Settings) -> Option<Self> {
        let server = server(settings, SECTION);
        let tls = listener_tls(settings, SECTION, Protocols::Http2);
        let database = database::settings::read(settings, SECTION);
        let profile = profile(settings);
        let leeway = settings.get_within("auth.leeway", Duration::ZERO..=5 * SECOND);
        let lifetimes = lifetimes(settings);
        let audit_retention = settings.get_within("auth.audit_retention", 30 * DAY..=3_650 * DAY);
        let hash = hash(settings);
        let peppers = peppers(settings);
        let throttle = throttle(settings);
        let key_encryption_keys = settings.secret("auth.key_encryption_keys", keys);
        let signing = signing(settings);
        let refresh_keys = settings.secret("auth.refresh_keys", keys);
        let feed = feed(settings);
        let service_secrets = settings.secret("auth.service_secrets", ServiceSecrets::parse);
        let process = ProcessSettings::read(settings, SECTION);
        Some(Self {
            server: server?,
            tls: tls?,
            database: database?,
            profile: profile?,
            leeway: leeway?,
            lifetimes: lifetimes?,
            audit_retention: audit_retention?,
            hash: hash?,
            peppers: peppers?,
            throttle: throttle?,
            key_encryption_keys: key_encryption_keys?,
            signing: signing?,
            refresh_keys: refresh_keys?,
            feed: feed?,
            service_secrets: service_secrets?,
            process: process?,
        })
    }
}

fn profile(settings: &mut Settings) -> Option<Profile> {
    let issuer = settings.get("auth.issuer");
    let audience = settings.get("auth.audience");
    let client_id = settings.get("auth.client_id");
    let access_ttl = settings.get_within("auth.access_ttl", MINUTE..=MAX_ACCESS_TTL);
    Some(Profile {
        issuer: issuer?,
        audience: audience?,
        client_id: client_id?,
        access_ttl: access_ttl?,
    })
}

fn lifetimes(settings: &mut Settings) -> Option<Lifetimes> {
    let idle = settings.get_within("auth.idle_ttl", HOUR..=365 * DAY);
    let absolute = settings.get_within("auth.absolute_ttl", HOUR..=365 * DAY);
    let concurrent_window =
        settings.get_within("auth.concurrent_window", Duration::ZERO..=30 * SECOND);
    let max_sessions = settings.get_within("auth.max_sessions", 1..=1_000);
    if idle
        .zip(absolute)
        .is_some_and(|(idle, absolute)| idle > absolute)
    {
        settings.refuse("auth.idle_ttl", "must not be longer than auth.absolute_ttl");
        return None;
    }
    Some(Lifetimes {
        idle: idle?,
        absolute: absolute?,
        concurrent_window: concurrent_window?,
        max_sessions: max_sessions?,
    })
}

fn signing(settings: &mut Settings) -> Option<Schedule> {
    let rotate_every = settings.get_within("auth.signing.rotate_every", Duration::ZERO..=365 * DAY);
    let acknowledge_within = settings.get_within("auth.signing.acknowledge_within", SECOND..=HOUR);
    let poll = settings.get_within("auth.signing.poll", 10 * MILLISECOND..=10 * SECOND);
    if rotate_every.is_some_and(|every| !every.is_zero() && every < SECOND) {
        settings.refuse(
            "auth.signing.rotate_every",
            "must be 0s, for never, or at least 1s",
        );
        return None;
    }
    Some(Schedule {
        rotate_every: rotate_every?,
        acknowledge_within: acknowledge_within?,
        poll: poll?,
    })
}

fn hash(settings: &mut Settings) -> Option<HashSettings> {
    let threads = settings.get_within("auth.hash.threads", 1..=256);
    let queue = settings.get_within("auth.hash.queue", 1..=10_000);
    let parallelism = settings.get_within("auth.hash.parallelism", 1..=16);
    let memory_kib = settings.get_within("auth.hash.memory_kib", 8..=MAX_MEMORY_KIB);
    let iterations = settings.get_within("auth.hash.iterations", 1..=16);
    if let (Some(lanes), Some(memory)) = (parallelism, memory_kib)
        && memory < 8 * lanes
    {
        settings.refuse("auth.hash.memory_kib", "must be at least 8 for each lane");
        return None;
    }
    Some(HashSettings {
        threads: threads?,
        queue: queue?,
        memory_kib: memory_kib?,
        iterations: iterations?,
        parallelism: parallelism?,
    })
}

fn peppers(settings: &mut Settings) -> Option<Peppers> {
    let current = settings.optional_secret("auth.hash.pepper", KeyMaterial::parse);
    let previous = settings.optional_secret("auth.hash.previous_peppers", |text| {
        text.split(',').map(KeyMaterial::parse).collect()
    });
    Some(Peppers::new(current?, previous?.unwrap_or_default()))
}

fn throttle(settings: &mut Settings) -> Option<ThrottleSettings> {
    let burst = settings.get_within("auth.throttle.address_burst", 1..=1_000_000);
    let interval = settings.get_within(
        "auth.throttle.address_interval",
        Duration::from_millis(1)..=HOUR,
    );
    let address_capacity =
        settings.get_within("auth.throttle.address_capacity", 1_024..=10_000_000);
    let confirmed_burst = settings.get_within("auth.throttle.confirmed_burst", 1..=1_000_000);
    let confirmed_interval =
        settings.get_within("auth.throttle.confirmed_interval", MILLISECOND..=HOUR);
    let account = allowance(settings, "account");
    let device = allowance(settings, "device");
    Some(ThrottleSettings {
        address: Pace {
            burst: burst?,
            interval: interval?,
        },
        address_capacity: address_capacity?,
        account: account?,
        device: device?,
        confirmed: Pace {
            burst: confirmed_burst?,
            interval: confirmed_interval?,
        },
    })
}

fn allowance(settings: &mut Settings, whose: &str) -> Option<Allowance> {
    let failures = settings.get_within(&format!("auth.throttle.{whose}_failures"), 1..=1_000_000);
    let window = settings.get_within(&format!("auth.throttle.{whose}_window"), SECOND..=DAY);
    Some(Allowance {
        failures: failures?,
        window: window?,
    })
}

fn feed(settings: &mut Settings) -> Option<FeedSettings> {
    let poll = settings.get_within("auth.feed.poll", 10 * MILLISECOND..=SECOND);
    let heartbeat =
        settings.get_within("auth.feed.heartbeat", 100 * MILLISECOND..=900 * MILLISECOND);
    let buffer = settings.get_within("auth.feed.buffer", 4..=65_536);
    if poll
        .zip(heartbeat)
        .is_some_and(|(poll, heartbeat)| poll > heartbeat)
    {
        settings.refuse(
            "auth.feed.poll",
            "must not be longer than auth.feed.heartbeat",
        );
        return None;
    }
    Some(FeedSettings {
        poll: poll?,
        heartbeat: heartbeat?,
        buffer: buffer?,
    })
}

/// Reads `1:base64,2:base64`.
fn keys(text: &str) -> Result<Vec<(u8, KeyMaterial)>, SecretError> {
    const FORM: SecretError =
        SecretError::Malformed("is not a list such as 2:base64,1:base64, of key ids from 0 to 255");
    let mut keys: Vec<(u8, KeyMaterial)> = Vec::new();
    for item in text.split(',') {
        let (id, key) = item.split_once(':').ok_or(FORM)?;
        let Ok(id) = id.trim().parse() else {
            return Err(FORM);
        };
        if keys.iter().any(|(other, _)| *other == id) {
            return Err(SecretError::Malformed("names one key id twice"));
        }
        keys.push((id, KeyMaterial::parse(key)?));
    }
    Ok(keys)
}
