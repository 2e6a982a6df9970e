//! The metric of when certificates expire.

use chrono::DateTime;
use telemetry::metrics::Metrics;
use tls::{Validity, register_expiry};
use tokio::sync::watch;

#[test]
fn the_expiry_is_exposed_when_it_is_known_and_follows_each_change() {
    let metrics = Metrics::of_service("guarded", "1");
    let expires = |at| {
        let until = DateTime::from_timestamp_secs(at).unwrap();
        let from = DateTime::UNIX_EPOCH;
        Some(Validity { from, until })
    };
    let (server, server_is) = watch::channel(None);
    let (client, client_is) = watch::channel(None);
    register_expiry(&metrics, "server", server_is);
    register_expiry(&metrics, "client", client_is);
    let name = "tandem_tls_certificate_expire_time_seconds";
    assert!(!metrics.text().contains(name));
    server.send_replace(expires(1_900_000_000));
    client.send_replace(expires(1_800_000_000));
    server.send_replace(expires(2_000_000_000));
    for (role, expiry) in [("server", "2000000000"), ("client", "1800000000")] {
        let line = format!("{name}{{role=\"{role}\"}} {expiry}\n");
        assert!(metrics.text().contains(&line), "{line} {}", metrics.text());
    }
}
