//! The limits of connections, read from the settings.

use std::time::Duration;

use settings::Settings;

use crate::{connections::ConnectionLimits, network::Network};

/// What the limits of connections in `<section>.server` mean. Their defaults are those of each binary.
pub const DEFAULTS: &str = include_str!("default.toml");

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// Reads the limits of connections from the settings in `table`, such as `auth.server`. `deadline` is the longest a call may
/// take. The cap of an address does not apply to trusted proxies, nor to this machine, where sidecars run.
pub fn connections(
    settings: &mut Settings,
    table: &str,
    deadline: Option<Duration>,
) -> Option<ConnectionLimits> {
    let key = |name: &str| format!("{table}.{name}");
    let opening_bounds = MILLISECOND..=10 * MINUTE;
    let max_connections = settings.get_within(&key("max_connections"), 1..=1_000_000);
    let max_per_address = settings.get_within(&key("max_connections_per_address"), 0..=1_000_000);
    let trusted_proxies = trusted_proxies(settings, table);
    let handshake_timeout = settings.get_within(&key("handshake_timeout"), opening_bounds.clone());
    let header_timeout = settings.get_within(&key("header_timeout"), opening_bounds);
    let max_streams = settings.get_within(&key("max_streams"), 1..=100_000);
    let send_timeout = settings.get_within(&key("send_timeout"), MILLISECOND..=HOUR);
    let keepalive_interval = settings.get_within(&key("keepalive_interval"), SECOND..=HOUR);
    let keepalive_timeout = settings.get_within(&key("keepalive_timeout"), SECOND..=HOUR);
    let connection_age = settings.get_within(&key("connection_age"), SECOND..=7 * DAY);
    let connection_grace = settings.get_within(&key("connection_grace"), SECOND..=HOUR);
    if let (Some(grace), Some(deadline)) = (connection_grace, deadline)
        && grace < deadline
    {
        let problem = format!("must not be shorter than {}", key("deadline"));
        settings.refuse(&key("connection_grace"), problem);
        return None;
    }
    let mut exempt = trusted_proxies?;
    exempt.extend(Network::loopback());
    Some(ConnectionLimits {
        max_connections: max_connections?,
        max_connections_per_address: max_per_address?,
        exempt,
        handshake_timeout: handshake_timeout?,
        header_timeout: header_timeout?,
        max_streams: max_streams?,
        send_timeout: send_timeout?,
        keepalive_interval: keepalive_interval?,
        keepalive_timeout: keepalive_timeout?,
        connection_age: connection_age?,
        connection_grace: connection_grace?,
    })
}

/// Reads the proxies in `table` whose `x-forwarded-for` is believed.
pub fn trusted_proxies(settings: &mut Settings, table: &str) -> Option<Vec<Network>> {
    let proxies: Option<Vec<_>> = settings.optional(&format!("{table}.trusted_proxies"))?;
    Some(proxies.unwrap_or_default())
}
