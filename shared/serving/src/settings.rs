//! The settings that every service has besides those of its own subjects. `section` is `auth`, `task` or `gateway`.

use std::{net::SocketAddr, ops::RangeInclusive, time::Duration};

use settings::{Problems, Settings, Source};
use tls::{Protocols, listener_tls};
use transport::settings::{connections, trusted_proxies};

use crate::{healthcheck::HealthcheckTarget, ops, serve::ServerLimits};

/// What the settings of `<section>.server` and `<section>.ops` mean, without the limits of connections
/// ([`transport::settings::DEFAULTS`]). Their defaults are those of each binary.
pub const DEFAULTS: &str = include_str!("default.toml");

const MILLISECOND: Duration = Duration::from_millis(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// The bounds of the setting `max_unsent_bytes`: 1 MiB to 1 TiB.
pub const UNSENT_BYTES: RangeInclusive<usize> = 1 << 20..=1 << 40;

/// Reads `<section>.listen`: the address that the server binds. With port 0 the system chooses a free port.
pub fn listen(settings: &mut Settings, section: &str) -> Option<SocketAddr> {
    settings.get(&format!("{section}.listen"))
}

/// Reads `<section>.ops.listen`: the address of the operations port, or `off`.
pub fn ops(settings: &mut Settings, section: &str) -> Option<ops::OpsSettings> {
    let key = format!("{section}.ops.listen");
    let listen = settings.optional::<ops::OpsListen>(&key)?;
    Some(ops::OpsSettings {
        listen: listen.and_then(|listen| listen.0),
        key,
    })
}

/// Reads `<section>.server.*`.
pub fn server(settings: &mut Settings, section: &str) -> Option<ServerLimits> {
    let key = |name: &str| format!("{section}.server.{name}");
    let max_in_flight = settings.get_within(&key("max_in_flight"), 1..=1_000_000);
    let principal_share = settings.get_within(&key("principal_share"), 1..=100);
    let body_timeout = settings.get_within(&key("body_timeout"), MILLISECOND..=10 * MINUTE);
    let answer_grace = settings.get_within(&key("answer_grace"), Duration::ZERO..=MINUTE);
    let max_unsent_bytes = settings.get_within(&key("max_unsent_bytes"), UNSENT_BYTES);
    let deadline = settings.get_within(&key("deadline"), MILLISECOND..=10 * MINUTE);
    let pause = settings.get_within(&key("pause"), Duration::ZERO..=HOUR);
    let drain = settings.get_within(&key("drain"), Duration::ZERO..=HOUR);
    let reflection = settings.get(&key("reflection"));
    let connections = connections(settings, &format!("{section}.server"), deadline);
    let trusted_proxies = trusted_proxies(settings, &format!("{section}.server"));
    Some(ServerLimits {
        max_in_flight: max_in_flight?,
        principal_share: principal_share?,
        body_timeout: body_timeout?,
        answer_grace: answer_grace?,
        max_unsent_bytes: max_unsent_bytes?,
        deadline: deadline?,
        pause: pause?,
        drain: drain?,
        reflection: reflection?,
        connections: connections?,
        trusted_proxies: trusted_proxies?,
    })
}

/// Reads what the command `healthcheck` of a service needs: its address, its TLS and its operations port. `whole` reads all of
/// its settings.
///
/// # Errors
/// Such a setting is missing, or any setting is wrong.
pub fn for_healthcheck<W>(
    source: Source<'_>,
    section: &str,
    protocols: Protocols,
    whole: impl FnOnce(&mut Settings) -> Option<W>,
) -> Result<HealthcheckTarget, Problems> {
    let needed = vec![format!("{section}.listen")];
    settings::load_part(source, needed, whole, |settings| {
        let listen = listen(settings, section);
        let tls = listener_tls(settings, section, protocols);
        let ops = ops(settings, section);
        Some(HealthcheckTarget {
            listen: listen?,
            tls: tls?,
            ops: ops?,
        })
    })
}
