//! The settings of database lanes.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use settings::{Problems, Source};
use sqlx::postgres::PgConnectOptions;
use telemetry::logs::{Log, log};

pub use crate::url::database_url;

/// What the settings of `<section>.database` mean. Their defaults are those of each binary.
pub const DEFAULTS: &str = include_str!("default.toml");

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// Returns `on` if the server is read-only.
pub(super) const READ_ONLY: &str = "show transaction_read_only";

/// The settings of [`Lanes`](super::Lanes).
///
/// The defaults suit a service close to its database. Only [`url`](Self::url) has no usable default.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `postgres://user:password@host/database`, or `postgres:///database?host=/run/sock&user=x` for a Unix socket.
    /// Without TLS it should be the Unix socket of a local server.
    pub url: SecretString,
    /// The number of connections, at least 1. Default 4.
    pub lanes: usize,
    /// The most units that wait, at least 1; one more is refused at once. Default 1024.
    pub queue: usize,
    /// The most lanes that one principal holds, at least 1. Where there are two lanes or more, it never holds all of them. Default 4.
    pub lanes_per_principal: usize,
    /// The most units of one principal that wait, at least 1; one more is refused at once. Default 1024.
    pub queue_per_principal: usize,
    /// The most units that a lane runs as one statement, at least 1: with 1 no units are joined. Default 64.
    pub largest_batch: usize,
    /// The longest time that a unit waits to begin, whatever its deadline. Default 30 s.
    pub longest_wait: Duration,
    /// A connection older than this is replaced after a unit or an idle check (up to a tenth earlier, so that the lanes
    /// do not reconnect at the same time). Default 1 h.
    pub recycle_after: Duration,
    /// A connection idle for this long is checked before it takes work again. Default 30 s.
    pub check_after_idle: Duration,
    /// The limit of one attempt to connect, and of one check. Default 5 s.
    pub connect_timeout: Duration,
    /// A unit that runs longer loses its connection; its outcome is then unknown. Default 15 s.
    pub unit_limit: Duration,
    /// PostgreSQL's `statement_timeout`. Shorter than [`unit_limit`](Self::unit_limit), so that the server cancels
    /// the statement first and the connection is kept. Default 10 s.
    pub statement_timeout: Duration,
    /// PostgreSQL's `idle_in_transaction_session_timeout`. Default 10 s.
    pub idle_in_transaction_timeout: Duration,
    /// The name in `pg_stat_activity`. Default `tandem`.
    pub application_name: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            url: SecretString::default(),
            lanes: 4,
            queue: 1024,
            lanes_per_principal: 4,
            queue_per_principal: 1024,
            largest_batch: 64,
            longest_wait: Duration::from_secs(30),
            recycle_after: Duration::from_hours(1),
            check_after_idle: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            unit_limit: Duration::from_secs(15),
            statement_timeout: Duration::from_secs(10),
            idle_in_transaction_timeout: Duration::from_secs(10),
            application_name: "tandem".to_owned(),
        }
    }
}

impl Settings {
    /// The connection options.
    ///
    /// They contain no timeouts: PgBouncer would refuse these as start-up options, or drop them silently. A lane sets them with
    /// its first statements instead.
    ///
    /// # Errors
    /// The URL does not parse.
    pub fn connect_options(&self) -> Result<PgConnectOptions, sqlx::Error> {
        let options: PgConnectOptions = self.url.expose_secret().parse()?;
        Ok(options.application_name(&self.application_name))
    }

    /// The first statements of a new connection, in one round trip. They set the timeouts, and return whether the server is
    /// read-only.
    pub(super) fn setup_statements(&self) -> String {
        format!(
            "set statement_timeout = {}; set idle_in_transaction_session_timeout = {}; {READ_ONLY}",
            self.statement_timeout.as_millis(),
            self.idle_in_transaction_timeout.as_millis(),
        )
    }
}

/// Reads `<section>.database.*`, but for [`largest_batch`](Settings::largest_batch), which is for services that join work. PostgreSQL
/// shows the connections as `tandem-<section>`.
pub fn read(settings: &mut settings::Settings, section: &str) -> Option<Settings> {
    let key = |name: &str| format!("{section}.database.{name}");
    let url = settings.secret(&key("url"), database_url);
    let lanes = settings.get_within(&key("lanes"), 1..=1_000);
    let queue = settings.get_within(&key("queue"), 1..=100_000);
    let lanes_per_principal = settings.get_within(&key("lanes_per_principal"), 1..=1_000);
    let queue_per_principal = settings.get_within(&key("queue_per_principal"), 1..=100_000);
    let longest_wait = settings.get_within(&key("longest_wait"), MILLISECOND..=10 * MINUTE);
    let recycle_after = settings.get_within(&key("recycle_after"), SECOND..=7 * DAY);
    let check_after_idle = settings.get_within(&key("check_after_idle"), MILLISECOND..=DAY);
    let connect_timeout = settings.get_within(&key("connect_timeout"), MILLISECOND..=10 * MINUTE);
    let unit_limit = settings.get_within(&key("unit_limit"), MILLISECOND..=HOUR);
    let statement_timeout = settings.get_within(&key("statement_timeout"), MILLISECOND..=HOUR);
    let idle_in_transaction_timeout =
        settings.get_within(&key("idle_in_transaction_timeout"), MILLISECOND..=HOUR);
    let defaults = Settings::default();
    Some(Settings {
        url: url?,
        lanes: lanes?,
        queue: queue?,
        lanes_per_principal: lanes_per_principal?,
        queue_per_principal: queue_per_principal?,
        largest_batch: defaults.largest_batch,
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

/// The settings of a service's command `migrate`: `<section>.database.*` and `log.*`. `whole` reads all settings of the service.
///
/// # Errors
/// One of them is missing, or any setting is wrong.
pub fn for_migrate<W>(
    source: Source<'_>,
    section: &str,
    whole: impl FnOnce(&mut settings::Settings) -> Option<W>,
) -> Result<(Log, Settings), Problems> {
    let needed = [format!("{section}.database."), "log.".to_owned()];
    settings::load_part(source, needed.into(), whole, |settings| {
        let log = log(settings);
        let database = read(settings, section);
        Some((log?, database?))
    })
}
