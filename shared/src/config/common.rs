//! Groups of settings that several binaries have, read in one place. `section` is the binary's: `auth`, `task`, `gateway`.

use std::net::SocketAddr;
use std::time::Duration;

use tracing_subscriber::filter::Targets;

use super::database_url::database_url;
use super::settings::Settings;
use super::values::Setting;
use crate::{connections::ConnectionLimits, database, network::Network, ops, serve::Limits};

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// How and how much is logged.
#[derive(Debug, Clone)]
pub struct Log {
    /// JSON or text.
    pub format: LogFormat,
    /// What is logged at all.
    pub level: LogLevel,
}

/// The shape of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// [`LogFormat::Human`] if standard error is a terminal, [`LogFormat::Json`] otherwise.
    Auto,
    /// One JSON object a line.
    Json,
    /// Text for people, coloured on a terminal.
    Human,
}

impl Setting for LogFormat {
    fn form() -> String {
        "auto, json or human".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "json" => Ok(Self::Json),
            "human" => Ok(Self::Human),
            _ => Err("is none of auto, json, human".to_owned()),
        }
    }
}

/// A level, or levels per target: `info`, `info,sqlx=warn`.
#[derive(Debug, Clone)]
pub struct LogLevel(Targets);

impl LogLevel {
    /// The filter for a subscriber.
    #[must_use]
    pub fn targets(&self) -> Targets {
        self.0.clone()
    }
}

impl Setting for LogLevel {
    fn form() -> String {
        "level, or levels per target".to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            "is not a level (off, error, warn, info, debug, trace) or a list such as info,sqlx=warn"
                .to_owned()
        };
        // A lone word that is no level would be taken for a target, so `inof` would log nothing.
        let is_directive = |part: &str| part.contains('=') || LEVELS.contains(&part);
        match text.parse() {
            Ok(targets) if text.split(',').all(is_directive) => Ok(Self(targets)),
            Ok(_) | Err(_) => Err(wrong()),
        }
    }
}

/// Reads `log.format` and `log.level`.
pub fn log(settings: &mut Settings) -> Option<Log> {
    let format = settings.get("log.format");
    let level = settings.get("log.level");
    Some(Log {
        format: format?,
        level: level?,
    })
}

/// Reads `<section>.listen`: the address the server binds. Port 0 takes a free one.
pub fn listen(settings: &mut Settings, section: &str) -> Option<SocketAddr> {
    settings.get(&format!("{section}.listen"))
}

/// Reads `<section>.ops.listen`: the address of the operations port, or `off`.
pub fn ops(settings: &mut Settings, section: &str) -> Option<ops::Settings> {
    let key = format!("{section}.ops.listen");
    let listen = settings.optional::<ops::Listen>(&key)?;
    Some(ops::Settings {
        listen: listen.and_then(|listen| listen.0),
        key,
    })
}

/// Reads `<section>.database.*`. PostgreSQL shows the connections as `tandem-<section>`.
pub fn database(settings: &mut Settings, section: &str) -> Option<database::Settings> {
    let key = |name: &str| format!("{section}.database.{name}");
    let url = settings.secret(&key("url"), database_url);
    let lanes = settings.get_within(&key("lanes"), 1..=1_000);
    let queue = settings.get_within(&key("queue"), 1..=100_000);
    let longest_wait = settings.get_within(&key("longest_wait"), MILLISECOND..=10 * MINUTE);
    let recycle_after = settings.get_within(&key("recycle_after"), SECOND..=7 * DAY);
    let check_after_idle = settings.get_within(&key("check_after_idle"), MILLISECOND..=DAY);
    let connect_timeout = settings.get_within(&key("connect_timeout"), MILLISECOND..=10 * MINUTE);
    let unit_limit = settings.get_within(&key("unit_limit"), MILLISECOND..=HOUR);
    let statement_timeout = settings.get_within(&key("statement_timeout"), MILLISECOND..=HOUR);
    let idle_in_transaction_timeout =
        settings.get_within(&key("idle_in_transaction_timeout"), MILLISECOND..=HOUR);
    Some(database::Settings {
        url: url?,
        lanes: lanes?,
        queue: queue?,
        longest_wait: longest_wait?,
        recycle_after: recycle_after?,
        check_after_idle: check_after_idle?,
        connect_timeout: connect_timeout?,
        unit_limit: unit_limit?,
        statement_timeout: statement_timeout?,
        idle_in_transaction_timeout: idle_in_transaction_timeout?,
        application_name: format!("tandem-{section}"),
    })
}

/// Reads `<section>.server.*`.
pub fn server(settings: &mut Settings, section: &str) -> Option<Limits> {
    let key = |name: &str| format!("{section}.server.{name}");
    let max_in_flight = settings.get_within(&key("max_in_flight"), 1..=1_000_000);
    let deadline = settings.get_within(&key("deadline"), MILLISECOND..=10 * MINUTE);
    let pause = settings.get_within(&key("pause"), Duration::ZERO..=HOUR);
    let drain = settings.get_within(&key("drain"), Duration::ZERO..=HOUR);
    let reflection = settings.get(&key("reflection"));
    let connections = connections(settings, &format!("{section}.server"), deadline);
    let trusted_proxies: Option<Option<Vec<_>>> = settings.optional(&key("trusted_proxies"));
    Some(Limits {
        max_in_flight: max_in_flight?,
        deadline: deadline?,
        pause: pause?,
        drain: drain?,
        reflection: reflection?,
        connections: connections?,
        trusted_proxies: trusted_proxies?.unwrap_or_default(),
    })
}

/// Reads what connections are held to from the settings in `table`, such as `auth.server`; `deadline` is how long a call may
/// take. Trusted proxies and this machine, where sidecars run, are not held to the cap of an address.
pub fn connections(
    settings: &mut Settings,
    table: &str,
    deadline: Option<Duration>,
) -> Option<ConnectionLimits> {
    let key = |name: &str| format!("{table}.{name}");
    let opening = MILLISECOND..=10 * MINUTE;
    let max_connections = settings.get_within(&key("max_connections"), 1..=1_000_000);
    let of_an_address = settings.get_within(&key("max_connections_per_address"), 0..=1_000_000);
    let trusted_proxies: Option<Option<Vec<Network>>> = settings.optional(&key("trusted_proxies"));
    let handshake_timeout = settings.get_within(&key("handshake_timeout"), opening.clone());
    let header_timeout = settings.get_within(&key("header_timeout"), opening);
    let max_streams = settings.get_within(&key("max_streams"), 1..=100_000);
    let keepalive_interval = settings.get_within(&key("keepalive_interval"), SECOND..=HOUR);
    let keepalive_timeout = settings.get_within(&key("keepalive_timeout"), SECOND..=HOUR);
    let connection_age = settings.get_within(&key("connection_age"), SECOND..=7 * DAY);
    let connection_grace = settings.get_within(&key("connection_grace"), SECOND..=HOUR);
    if let (Some(grace), Some(deadline)) = (connection_grace, deadline)
        && grace < deadline
    {
        let shorter = format!("must not be shorter than {}", key("deadline"));
        settings.refuse(&key("connection_grace"), shorter);
        return None;
    }
    let mut exempt = trusted_proxies?.unwrap_or_default();
    exempt.extend(Network::loopback());
    Some(ConnectionLimits {
        max_connections: max_connections?,
        max_connections_per_address: of_an_address?,
        exempt,
        handshake_timeout: handshake_timeout?,
        header_timeout: header_timeout?,
        max_streams: max_streams?,
        keepalive_interval: keepalive_interval?,
        keepalive_timeout: keepalive_timeout?,
        connection_age: connection_age?,
        connection_grace: connection_grace?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_level_is_refused_and_not_taken_for_a_target() {
        for right in ["info", "off", "info,sqlx=warn", "shared::database=trace"] {
            assert!(LogLevel::parse(right).is_ok(), "{right}");
        }
        for wrong in ["inof", "info,sqlx", "", "info,sqlx=loud"] {
            assert!(LogLevel::parse(wrong).is_err(), "{wrong}");
        }
    }
}
