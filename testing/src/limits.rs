//! Limits that no test comes near unless it means to.

use std::time::Duration;

use transport::connections::ConnectionLimits;

/// Limits of connections far above what a test opens.
#[must_use]
pub fn of_connections() -> ConnectionLimits {
    ConnectionLimits {
        max_connections: 1000,
        max_connections_per_address: 0,
        exempt: Vec::new(),
        handshake_timeout: Duration::from_secs(10),
        header_timeout: Duration::from_secs(10),
        max_streams: 200,
        send_timeout: Duration::from_secs(20),
        keepalive_interval: Duration::from_mins(1),
        keepalive_timeout: Duration::from_secs(20),
        connection_age: Duration::from_mins(30),
        connection_grace: Duration::from_mins(1),
    }
}
